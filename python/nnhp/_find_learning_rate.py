"""find_learning_rate: the learning-rate range test."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.utils import check_random_state

from nnhp import _threads
from nnhp.estimators import _params
from nnhp.estimators._base import BaseMLP
from nnhp.estimators._data import Given, TrainingData, prepare
from nnhp.estimators._training import Training
from nnhp.schedules import Exponential

if TYPE_CHECKING:
    from nnhp.plots import LRFinderDisplay

Floats = NDArray[np.float64]

_LEAST_STEPS = 10
_EXPLODED = 4.0  # times the lowest running mean of the losses
_MEMORY = 0.9  # of that mean, from step to step


class RangeTest:
    """What :func:`find_learning_rate` found.

    Attributes
    ----------
    rates : ndarray of shape (n_steps,)
        The learning rate of each step, ascending.

    losses : ndarray of shape (n_steps,)
        The training loss of each step's batch, with penalty, before the step.

    smoothed_losses : ndarray of shape (n_steps,)
        Their mean around each step.

    suggestion : float or None
        The rate where the smoothed loss falls most steeply; None where it never falls.
    """

    def __init__(self, rates: Floats, losses: Floats, smoothing: float) -> None:
        self.rates = rates
        self.losses = losses
        self.smoothed_losses = _smoothed(losses, smoothing)
        self.suggestion = _steepest(rates, self.smoothed_losses)

    def plot(self, ax: Any = None, **kwargs: Any) -> LRFinderDisplay:
        """Draw the losses over the rates.

        Parameters
        ----------
        ax : Axes, default=None
            Where; None is a new figure.

        **kwargs : dict
            Further keywords of :meth:`nnhp.plots.LRFinderDisplay.plot`.

        Returns
        -------
        display : LRFinderDisplay
            The display, drawn.
        """
        from nnhp.plots import LRFinderDisplay

        return LRFinderDisplay.from_result(self, ax=ax, **kwargs)

    def __repr__(self) -> str:
        suggestion = "none" if self.suggestion is None else f"{self.suggestion:.2g}"
        return f"<RangeTest: {len(self.rates)} steps, suggestion {suggestion}>"


def find_learning_rate(
    estimator: Any,
    X: Any,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    start: float = 1e-7,
    end: float = 10.0,
    steps: int = 100,
    smoothing: float = 0.04,
) -> RangeTest:
    """Train for some steps at ever greater learning rates, and see where the loss falls fastest.

    This is the learning-rate range test [1]_. The rate grows by the same factor from step to step,
    and the training ends when the loss explodes: when its running mean (in which each step counts
    0.9 times the one after it) is more than four times its lowest. The losses are then smoothed by
    a normal curve over the steps, and the suggestion is the rate at which the smoothed loss falls
    most steeply per factor of the rate, before its lowest point: the rule that [2]_ calls 'steep'.
    It is a good `learning_rate_init` for a constant rate or one that falls; for 'one_cycle', some
    times more is often better.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor or Pipeline that ends in one
        What to train, with a solver that goes by epochs. It stays as it is, fitted or not: a
        clone is trained, from its initial parameters, and its own learning rate and patience do
        not count.

    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Samples. A random part of them serves where there are more than the steps need.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples.

    start, end : float, default=1e-7, 10.0
        The first and the last rate.

    steps : int, default=100
        Batches to train on, at least 10. More of them show more of the net's speed: it then comes
        down at smaller rates.

    smoothing : float, default=0.04
        The standard deviation of the normal curve, as a share of `steps`; 0 smooths nothing.

    Returns
    -------
    found : RangeTest
        Rates, losses and the suggestion; ``found.plot()`` draws them.

    Raises
    ------
    ValueError
        If an argument is out of range, the solver has no learning rate, or `fit` would raise it.
    TypeError
        If the estimator is another one.

    See Also
    --------
    nnhp.plots.LRFinderDisplay : The picture.

    References
    ----------
    .. [1] L. N. Smith. "Cyclical learning rates for training neural networks." WACV, 2017,
       section 3.3. arXiv:1506.01186.
    .. [2] J. Howard and S. Gugger. "fastai: A layered API for deep learning." Information 11(2),
       2020. arXiv:2002.04688.

    Examples
    --------
    >>> from nnhp import MLPClassifier, find_learning_rate
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> net = MLPClassifier(random_state=0)
    >>> found = find_learning_rate(net, X / 16, y)
    >>> 1e-3 < found.suggestion < 1e-1
    True
    >>> net = net.set_params(learning_rate_init=found.suggestion)
    """
    _check_arguments(start, end, steps, smoothing)
    net, X = _net_and_samples(estimator, X, y)
    net.set_params(early_stopping=False, tol=0.0, n_iter_no_change=np.inf, warm_start=False)
    net.set_params(learning_rate_init=float(start), learning_rate="constant")
    if getattr(net.solver, "learning_rate", None) is not None:
        net.set_params(solver__learning_rate=None)
    _params.check_bounds(net, net.get_params(deep=False))
    _params.check_combination(net, incremental=False, has_validation=False)
    data = prepare(net, Given(X, y, sample_weight), None)
    with warnings.catch_warnings(action="ignore"):  # the training will say it again
        batch_size = _params.batch_size(net, data.n_rows)
    copies = 1 + net.noisy_copies
    needed = math.ceil(steps * batch_size / copies)
    if data.n_rows > needed:
        data = replace(data, rows=_some_rows(net, data, needed))
    steps_per_epoch = math.ceil(data.n_rows * copies / batch_size)
    net.set_params(
        learning_rate=Exponential(decay_rate=end / start, epochs=(steps - 1) / steps_per_epoch),
        max_iter=math.ceil(steps / steps_per_epoch),
    )
    losses = _losses(Training(net, data, records_steps=True), _threads.resolve(net.n_jobs))[:steps]
    weighs = ~np.isnan(losses)
    rates = np.geomspace(start, end, steps)[: len(losses)]
    return RangeTest(rates[weighs], losses[weighs], smoothing * steps)


def _check_arguments(start: Any, end: Any, steps: Any, smoothing: Any) -> None:
    given = isinstance(start, Real) and isinstance(end, Real)
    if not (given and 0 < float(start) < float(end) < math.inf):
        raise ValueError(
            f"start and end must be learning rates with 0 < start < end, got {start!r} and {end!r}."
        )
    if not isinstance(steps, Integral) or steps < _LEAST_STEPS:
        raise ValueError(f"steps must be an int of at least {_LEAST_STEPS}, got {steps!r}.")
    if not (isinstance(smoothing, Real) and 0 <= float(smoothing) <= 1):
        raise ValueError(f"smoothing must be a number in [0, 1], got {smoothing!r}.")


def _net_and_samples(estimator: Any, X: Any, y: Any) -> tuple[BaseMLP, Any]:
    """Clone the net, and make the samples what it would learn from."""
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    if not isinstance(last, BaseMLP):
        raise TypeError(
            "estimator must be an MLPClassifier, an MLPRegressor or a Pipeline that ends in one, "
            f"got {estimator!r}."
        )
    if last.solver == "lbfgs":
        raise ValueError("solver='lbfgs' has no learning rate to find.")
    if last is not estimator and len(estimator.steps) > 1:
        X = clone(estimator[:-1]).fit_transform(X, y)
    net: BaseMLP = clone(last)
    return net, X


def _some_rows(net: BaseMLP, data: TrainingData, n_rows: int) -> NDArray[np.int32]:
    order = np.arange(data.n_rows, dtype=np.int32)
    if net.shuffle:
        check_random_state(net.random_state).shuffle(order)
    if data.train.weight is not None:  # first those that weigh something
        order = order[np.argsort(data.train.weight[order] == 0, kind="stable")]
    return order[:n_rows]


def _losses(training: Training, threads: int) -> Floats:
    """Train until the loss explodes; the loss of each step until then, NaN of one without weight.

    What comes after it in the same epoch is left out.
    """
    mean = weight = 0.0
    lowest, done = math.inf, 0
    while training.running:
        training.advance(1, threads)
        losses = training.session.step_loss_curve
        for step in range(done, len(losses)):
            if math.isnan(losses[step]):
                continue
            mean = _MEMORY * mean + (1 - _MEMORY) * losses[step]
            weight = _MEMORY * weight + (1 - _MEMORY)
            lowest = min(lowest, mean / weight)
            if not mean / weight <= _EXPLODED * lowest:
                return np.array(losses[:step])
        done = len(losses)
    return np.array(training.session.step_loss_curve)


def _smoothed(losses: Floats, deviation: float) -> Floats:
    if deviation == 0 or len(losses) == 0:
        return losses.copy()
    steps = np.arange(len(losses))
    weights = np.exp(-0.5 * ((steps[:, np.newaxis] - steps) / deviation) ** 2)
    smoothed: Floats = (weights * losses).sum(axis=1) / weights.sum(axis=1)
    return smoothed


def _steepest(rates: Floats, losses: Floats) -> float | None:
    """The rate of the steepest descent of the losses over log(rate), before their lowest point."""
    lowest = int(np.argmin(losses)) if len(losses) > 0 else 0
    if lowest == 0:
        return None
    slopes = np.gradient(losses, np.log(rates))[: lowest + 1]
    return float(rates[int(np.argmin(slopes))])
