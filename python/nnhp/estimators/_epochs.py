"""The course of a fit by epochs: callbacks, printing, Ctrl-C, warnings."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from sklearn.exceptions import ConvergenceWarning

from nnhp import _threads
from nnhp._caller import stacklevel
from nnhp.estimators import _schedules
from nnhp.estimators._callbacks import FitCallbacks
from nnhp.estimators._interrupt import called_directly
from nnhp.estimators._params import max_epochs_of
from nnhp.estimators._training import Training

if TYPE_CHECKING:
    from nnhp.estimators._base import BaseMLP

INTERRUPTED = "Training interrupted by user."


def run(
    estimator: BaseMLP, training: Training, callbacks: FitCallbacks | None, *, incremental: bool
) -> bool:
    """Do the epochs of a fit (one, if incremental); return whether Ctrl-C cut it short.

    Raises KeyboardInterrupt where there is nothing to keep, a callback raised it or someone above
    must know of it, and ValueError if the training diverged.
    """
    stopped = interrupted = False
    threads = _threads.resolve(estimator.n_jobs)
    try:
        if callbacks is None and not estimator.verbose:
            training.advance(1 if incremental else max_epochs_of(estimator), threads)
        else:
            stopped = _run_stepwise(estimator, training, callbacks, threads)
    except KeyboardInterrupt:
        from_callback = callbacks is not None and callbacks.raised
        if training.epoch == 0 or from_callback or not called_directly():
            raise
        interrupted = True
    finally:
        training.write_back_random_state()
    training.check_finite()
    if callbacks is not None:
        callbacks.end(training.publish)
    limit_reached = training.session.status == "limit" and not incremental
    if limit_reached and not (stopped or interrupted):
        warnings.warn(
            f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter}) reached and the "
            "optimization hasn't converged yet.",
            ConvergenceWarning,
            stacklevel=stacklevel(),
        )
    return interrupted


def _run_stepwise(
    estimator: BaseMLP, training: Training, callbacks: FitCallbacks | None, threads: int
) -> bool:
    """Advance epoch by epoch; return whether a callback stopped the training."""
    while training.running:
        rate = training.session.rate
        if callbacks is not None:
            callbacks.begin_step()
        training.advance(1, threads)
        if estimator.verbose:
            _print_epoch(estimator, training, rate)
        if callbacks is not None and callbacks.end_step(training.publish):
            return True
    return False


def _print_epoch(estimator: BaseMLP, training: Training, rate_before: float) -> None:
    session = training.session
    print(f"Iteration {training.epoch}, loss = {session.loss_curve[-1]:.8f}")
    watched = "Training loss"
    if estimator.early_stopping:
        watched = "Validation score"
        print(f"Validation score: {session.validation_scores[-1]:f}")
    rule = (_schedules.rule_of(estimator) or {}).get("name")
    change = ""
    if rule in ("adaptive", "plateau") and session.rate < rate_before:
        change = f"Setting learning rate to {session.rate:f}"
    consequence = "" if rule == "plateau" else change
    if session.status == "converged":
        consequence = "Learning rate too small. Stopping." if rule == "adaptive" else "Stopping."
    if consequence:
        print(
            f"{watched} did not improve more than tol={estimator.tol:f} for "
            f"{estimator.n_iter_no_change:.0f} consecutive epochs. {consequence}"
        )
    elif change:
        print(change)
