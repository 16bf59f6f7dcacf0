"""How the loss is descended: solvers by name or as objects, and what any of them may do beside."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnhp import _core
from nnhp._component import Names
from nnhp.optimizers import BY_NAME, SGD, SHARED_CONSTRAINTS, Optimizer

if TYPE_CHECKING:
    from nnhp.estimators._base import BaseMLP

_DEFAULT_RATE = 0.001  # of `learning_rate_init`
# What any optimizer may do beside its own rule: parameters that an estimator and its solver's
# object may both have, and those of the estimator alone.
_SHARED = tuple(SHARED_CONSTRAINTS)
_OF_ESTIMATOR = ("max_norm", "weight_noise")
MOMENTS = ("moment_1", "moment_2", "moment_3")  # in the state of a session


CONSTRAINT: list[Any] = [Names({"lbfgs", *BY_NAME}), Optimizer]


def solver_name(estimator: BaseMLP) -> str:
    """Name of the solver, whether it is given by it or as an object."""
    solver = estimator.solver
    return solver.name if isinstance(solver, Optimizer) else str(solver)


def optimizer_of(estimator: BaseMLP) -> Optimizer:
    """The solver as an object; of 'lbfgs', which has no steps, one that keeps no state."""
    solver = estimator.solver
    if isinstance(solver, Optimizer):
        return solver
    if solver == "lbfgs":
        return SGD()
    of_class = BY_NAME[solver]
    parameters = of_class.from_estimator
    return of_class(**{own: getattr(estimator, name) for own, name in parameters.items()})


def check(estimator: BaseMLP) -> None:
    """Raise ValueError where the solver is out of bounds, or contradicts the estimator."""
    solver = estimator.solver
    if isinstance(solver, Optimizer):
        solver.check()
        _check_rate(estimator, solver.learning_rate)
    given = {name: _shared(estimator, name) for name in _SHARED}
    if given["clipnorm"] is not None and given["clipvalue"] is not None:
        raise ValueError(
            "clipnorm and clipvalue cannot be used together, got "
            f"clipnorm={given['clipnorm']!r} and clipvalue={given['clipvalue']!r}."
        )


def _check_rate(estimator: BaseMLP, rate: float | None) -> None:
    if rate is None:
        return
    whole = estimator.learning_rate
    rates_given = {
        "learning_rate": isinstance(whole, Real) or (np.iterable(whole) and type(whole) is not str),
        "learning_rate_init": estimator.learning_rate_init != _DEFAULT_RATE,
    }
    for name, given in rates_given.items():
        if given:
            raise _given_twice("learning_rate", rate, name, getattr(estimator, name))


def _shared(estimator: BaseMLP, name: str) -> float | None:
    """A parameter that the estimator or its solver's object may have."""
    own: float | None = getattr(estimator, name)
    of_solver: float | None = getattr(estimator.solver, name, None)
    if own is not None and of_solver is not None:
        raise _given_twice(name, of_solver, name, own)
    return own if of_solver is None else of_solver


def _given_twice(name: str, of_solver: Any, other: str, own: Any) -> ValueError:
    return ValueError(
        f"{name}={of_solver!r} of the solver and {other}={own!r} of the estimator cannot be used "
        "together: leave one of them at its default."
    )


def own_rate(estimator: BaseMLP) -> float | None:
    """The rate to start from that the solver's object has."""
    rate = getattr(estimator.solver, "learning_rate", None)
    return None if rate is None else float(rate)


def refused_by_lbfgs(estimator: BaseMLP) -> dict[str, bool]:
    """What L-BFGS, which has no steps of that kind, cannot do; and whether it was asked for."""
    return {name: bool(getattr(estimator, name)) for name in (*_SHARED, *_OF_ESTIMATOR)}


def averages(estimator: BaseMLP) -> bool:
    """Whether the average of the parameters is what counts."""
    return bool(_shared(estimator, "ema_momentum"))


def fields_of(estimator: BaseMLP) -> dict[str, Any]:
    """The optimizer as the engine takes it."""
    optimizer = optimizer_of(estimator)
    options = {name: _shared(estimator, name) for name in _SHARED}
    if options["weight_decay"] is None:
        options["weight_decay"] = optimizer.default_weight_decay
    options |= {name: getattr(estimator, name) for name in _OF_ESTIMATOR}
    given = {name: float(value) for name, value in options.items() if value is not None}
    return optimizer.fields() | given


def copies(estimator: BaseMLP) -> int:
    """Arrays as long as the parameters that a training by steps holds at the same time."""
    kept = kept_arrays(estimator)
    # What steps change, and the same at the beginning of an epoch; the gradient; the parameters
    # that it began with; noisy ones; the best parameters, or all of the best epoch, kept and
    # published. Publishing the rest takes no more.
    noisy = estimator.weight_noise > 0
    best = int(estimator.early_stopping) + kept * int(estimator.on_divergence == "restore_best")
    return 2 * kept + 2 + int(noisy) + 2 * best


def published_copies(estimator: BaseMLP) -> int:
    """Arrays as long as the parameters of a training that waits, and of its attributes."""
    kept = (2 + int(estimator.on_divergence == "restore_best")) * kept_arrays(estimator)
    return kept + int(estimator.early_stopping) + int(averages(estimator))


def kept_arrays(estimator: BaseMLP) -> int:
    """Parameters, their average and moments."""
    moments = _core.optimizers()[optimizer_of(estimator).engine_name]
    return 1 + moments + int(averages(estimator))


def frozen_layers(estimator: BaseMLP, n_layers: int) -> list[int]:
    """Indices, from 0, of the layers that training leaves as they are."""
    given: Any = estimator.frozen_layers
    try:
        if isinstance(given, str) or any(isinstance(entry, bool | np.bool) for entry in given):
            raise TypeError
        indices = [operator.index(entry) for entry in given]
    except TypeError:
        raise TypeError(f"frozen_layers must be a sequence of integers, got {given!r}.") from None
    for index in indices:
        if not -n_layers <= index < n_layers:
            raise ValueError(
                f"frozen_layers must lie in [{-n_layers}, {n_layers}), for there are {n_layers} "
                f"layers with weights, got {given!r}."
            )
    frozen = sorted({index % n_layers for index in indices})
    if len(frozen) == n_layers:
        raise ValueError(f"frozen_layers must leave a layer to train, got {given!r}.")
    return frozen


def state_of(estimator: BaseMLP, state: Mapping[str, Any]) -> dict[str, Any]:
    """What a later training goes on with, of a session's state."""
    # Where averages are published, the parameters themselves go on; but not those of the last epoch
    # where the best one is published.
    goes_on = averages(estimator) and not estimator.early_stopping
    return {
        "solver": solver_name(estimator),
        "optimizer": optimizer_of(estimator).engine_name,
        "step": int(state["step"]),
        **{name: state[name] for name in MOMENTS},
        "parameters": state["parameters"] if goes_on else None,
        "averages": state["averages"] if goes_on else None,
        "steps_averaged": int(state["steps_averaged"]),
    }


def moments_go_on(estimator: BaseMLP, before: Mapping[str, Any]) -> bool:
    """Whether the state of an earlier training is one of the same optimizer."""
    name = solver_name(estimator)
    if before.get("solver") != name:
        return False
    # sgd keeps one moment, whose meaning is the same for all kinds of momentum.
    return name == "sgd" or before.get("optimizer") == optimizer_of(estimator).engine_name


def previous_averages(
    estimator: BaseMLP, before: Mapping[str, Any], published: NDArray[Any]
) -> dict[str, Any]:
    """Entries of a session's state with which averages go on; none if they have been edited.

    `published` are the fitted attributes as they are now, in one flat array.
    """
    parameters, averaged = before.get("parameters"), before.get("averages")
    if parameters is None or averaged is None or not averages(estimator):
        return {}
    if not np.array_equal(averaged, published):
        return {}
    return {
        "parameters": np.asarray(parameters, dtype=published.dtype),
        "averages": published,
        "steps_averaged": before["steps_averaged"],
    }
