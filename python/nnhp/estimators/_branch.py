"""A training that branches off another: with other settings, or in a net that has grown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.random import RandomState

from nnhp import _threads
from nnhp.estimators import _params, _random, _schedules, _weights
from nnhp.estimators._data import Given, TrainingData, prepare
from nnhp.estimators._fitted import publish
from nnhp.estimators._growth import grown
from nnhp.estimators._optimizers import MOMENTS
from nnhp.estimators._training import Cache, Training

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnhp.estimators._base import BaseMLP

# Entries of a session's state by which patience and plateaus compare: of losses that other
# settings would not have come to.
_OF_PATIENCE = (
    "best_loss",
    "no_improvement_count",
    "plateau_best",
    "plateau_wait",
    "plateau_cooldown",
)


def branched(
    training: Training, estimator: BaseMLP, data: TrainingData, cache: Cache | None = None
) -> Training:
    """Training of an estimator that begins where another one stands, which stays as it is.

    In a net of the same layers it goes on: parameters, moments, order of the rows and random
    streams are the other's, and so are the epochs; patience begins anew, so that a training that
    had stopped goes on. In a larger net only the parameters come from the other, such that both
    compute the same (`grown`); all else begins anew.

    Parameters
    ----------
    training : Training
        The other, of the same seed.
    estimator : BaseMLP
        Source of the parameters of the new one.
    data : TrainingData
        What both are trained on.
    cache : Cache or None
        Shared with other trainings of this setting.
    """
    branch = Training(estimator, data, cache=cache)
    if _sizes(branch) == _sizes(training):
        _go_on(branch, training)
    else:
        _grow(branch, training)
    return branch


def _sizes(training: Training) -> list[int]:
    return [layer.units for layer in training.hidden]


def _go_on(branch: Training, training: Training) -> None:
    fresh, state = branch.session.state(), training.session.state()
    # momentum=0 keeps no moment, and may have been set.
    entries = {
        name: value
        for name, value in state.items()
        if name not in MOMENTS or (fresh[name] is not None and value is not None)
    }
    entries |= {name: fresh[name] for name in _OF_PATIENCE}
    rates = [_schedules.first_rate(of.estimator) for of in (branch, training)]
    entries["learning_rate"] *= rates[0] / rates[1]
    if state["status"] in ("converged", "restored"):
        entries |= {"status": "ready", "diverged_epoch": -1, "diverged_layer": -1}
    if any((fresh[name] is None) != (state[name] is None) for name in MOMENTS):
        del entries["kept"]
    branch.session.restore(entries)


def _grow(branch: Training, training: Training) -> None:
    fresh = branch.session.state()
    rng = RandomState()
    _random.set_mt_state(rng, fresh["mt_state"])
    fitted = grown(training.publish(), training.hidden, branch.hidden, rng)
    parameters = _weights.packed(fitted, branch.spec, fresh["parameters"].dtype)
    names = ("parameters", "averages", "best_parameters")
    branch.session.restore({name: parameters for name in names if fresh[name] is not None})


@dataclass(frozen=True)
class Piece:
    """A part of a fit that has settings of its own."""

    estimator: BaseMLP
    end: int | None  # epochs of its training at its end; None: where it stops


def fit_in_pieces(estimator: BaseMLP, pieces: Sequence[Piece], given: Given) -> None:
    """Fit an estimator whose training branches off from piece to piece.

    Parameters
    ----------
    estimator : BaseMLP
        Gets the fitted attributes.
    pieces : sequence of Piece
        Their settings, one after the other.
    given : Given
        The arguments of its `fit`.

    Raises
    ------
    ValueError
        The data or the settings cannot be used, or the training diverged.
    """
    given.check_validation()
    data: Any = None
    training: Training | None = None
    for piece in pieces:
        _params.check_combination(
            piece.estimator, incremental=False, has_validation=given.X_val is not None
        )
        if training is None:
            data = prepare(piece.estimator, given, None)
            training = Training(piece.estimator, data)
        else:
            training = branched(training, piece.estimator, data)
        end = _params.max_epochs_of(piece.estimator) if piece.end is None else piece.end
        threads = _threads.resolve(piece.estimator.n_jobs)
        training.advance(max(end - training.epoch, 0), threads)
        training.check_finite()
    assert training is not None
    publish(estimator, training.publish())
