"""The learning rate over the epochs: what `learning_rate` may be, in the engine's terms."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils._param_validation import Interval, InvalidParameterError

from nnhp._caller import stacklevel
from nnhp._component import Names
from nnhp.estimators import _optimizers
from nnhp.schedules import BY_NAME, Plateau, Schedule

if TYPE_CHECKING:
    from nnhp.estimators._base import BaseMLP

OF_SGD = ("adaptive", "constant", "invscaling")  # scikit-learn's names, and where they act
_MOST_CALLS = 10**6
_NAMES_OF_RATE = ("rate", "lr", "learning_rate")


class _Rate(Interval):
    """Numbers, to which truth values do not count: True would be a rate of 1."""

    def is_satisfied_by(self, value: Any) -> bool:
        return not isinstance(value, bool) and bool(super().is_satisfied_by(value))


CONSTRAINT: list[Any] = [
    Names({*OF_SGD, *BY_NAME}),
    Schedule,
    _Rate(Real, 0, None, closed="neither"),
    "array-like",
    callable,
]


def check(estimator: BaseMLP) -> None:
    """Raise where `learning_rate` cannot be used, and warn where it has no effect."""
    given = estimator.learning_rate
    if isinstance(given, type) and issubclass(given, Schedule):
        raise InvalidParameterError(
            f"learning_rate must be an object, got the class {given.__name__}."
        )
    if isinstance(given, Schedule):
        given.check()
    elif _is_sequence(given):
        _rates_of(given)
    solver = _optimizers.solver_name(estimator)
    if isinstance(given, str) and given in OF_SGD and given != "constant" and solver != "sgd":
        warnings.warn(
            f"learning_rate={given!r} acts with solver='sgd' only: solver={solver!r} ignores it. "
            "The schedules of nnhp.schedules, such as 'cosine', act with all solvers but 'lbfgs'.",
            stacklevel=stacklevel(),
        )
    elif isinstance(given, Real) and solver == "lbfgs":
        warnings.warn(
            f"learning_rate={given!r} acts with all solvers but 'lbfgs', which ignores it.",
            stacklevel=stacklevel(),
        )


def changes(estimator: BaseMLP) -> bool:
    """Whether the rate is one that only a training by epochs can follow."""
    given = estimator.learning_rate
    return not isinstance(given, Real) and not (isinstance(given, str) and given in OF_SGD)


def laid_out(learning_rate: Any, epochs: int) -> Any:
    """`learning_rate` with the lengths that a schedule would take from `max_iter` written out."""
    schedule = _schedule(learning_rate)
    return learning_rate if schedule is None else schedule.laid_out(epochs)


def fields_of(
    estimator: BaseMLP,
    *,
    horizon: int,
    n_epochs: int,
    epochs_before: int = 0,
    rate_before: float | None = None,
) -> tuple[dict[str, Any], float]:
    """The schedule as the engine takes it, and the epochs that it is laid out for.

    Parameters
    ----------
    estimator : BaseMLP
        Source of the parameters.
    horizon : int
        Epochs that a schedule without a length of its own is laid out for.
    n_epochs : int
        Epochs that may follow.
    epochs_before : int
        Those that earlier `partial_fit` calls did.
    rate_before : float or None
        The rate of the last of them.
    """
    given = estimator.learning_rate
    fields: dict[str, Any] = {"initial": first_rate(estimator)}
    schedule = _schedule(given)
    if schedule is not None:
        schedule = schedule.laid_out(horizon)
        fields |= schedule.fields() | {"begin": epochs_before}
        return fields, float(getattr(schedule, "epochs", horizon))
    if _is_sequence(given):
        rates = _rates_of(given)
        fields |= {"name": "per_epoch", "per_epoch": rates[min(epochs_before, len(rates) - 1) :]}
    elif callable(given):
        before = fields["initial"] if rate_before is None else rate_before
        rates = _rates_from(given, epochs_before, n_epochs, before)
        fields |= {"name": "per_epoch", "per_epoch": rates}
    else:
        named = isinstance(given, str) and _optimizers.solver_name(estimator) == "sgd"
        fields |= {"name": given if named else "constant", "power": float(estimator.power_t)}
    return fields, float(horizon)


def rule_of(estimator: BaseMLP) -> dict[str, Any] | None:
    """By what each rate follows from the one before; None where rates are told by the epoch."""
    given = estimator.learning_rate
    if _is_sequence(given) or callable(given):
        return None
    fields, _ = fields_of(estimator, horizon=1, n_epochs=1)
    return fields if fields["name"] in (*OF_SGD, Plateau.name) else None


def first_rate(estimator: BaseMLP) -> float:
    """The learning rate that schedules start from."""
    given = estimator.learning_rate
    if isinstance(given, Real):
        return float(given)
    of_solver = _optimizers.own_rate(estimator)
    return float(estimator.learning_rate_init) if of_solver is None else of_solver


def tells_rates(learning_rate: Any) -> bool:
    """Whether it is the learning rates themselves, a number or one per epoch."""
    return isinstance(learning_rate, Real) or _is_sequence(learning_rate)


def _schedule(learning_rate: Any) -> Schedule | None:
    if isinstance(learning_rate, Schedule):
        return learning_rate
    named = isinstance(learning_rate, str) and learning_rate in BY_NAME
    return BY_NAME[learning_rate]() if named else None


def _is_sequence(learning_rate: Any) -> bool:
    return not isinstance(learning_rate, str | Real | Schedule) and not callable(learning_rate)


def _rates_of(sequence: Any) -> list[float]:
    """The learning rate of each epoch where it was given as a sequence."""
    try:
        given = np.asarray(sequence)
        rates = np.empty(0) if given.dtype.kind == "b" else given.astype(np.float64)
    except (TypeError, ValueError):
        rates = np.empty(0)
    if rates.ndim != 1 or not (np.isfinite(rates) & (rates >= 0)).all() or not rates.any():
        raise ValueError(
            "learning_rate as a sequence must hold numbers >= 0 that are not all 0, one per epoch, "
            f"got {sequence!r}."
        )
    return [float(rate) for rate in rates]


def _rates_from(
    function: Callable[..., Any], first_epoch: int, n_epochs: int, rate: float
) -> list[float]:
    """Ask a function of the epoch, or of it and the rate before, for the rate of each epoch."""
    if n_epochs > _MOST_CALLS:
        raise ValueError(
            "learning_rate as a function is asked for the rates of all epochs beforehand: "
            f"max_iter must not exceed {_MOST_CALLS} with it, got {n_epochs}."
        )
    takes_rate = _takes_rate(function)
    rates = []
    for epoch in range(first_epoch, first_epoch + n_epochs):
        found = function(epoch, rate) if takes_rate else function(epoch)
        try:
            number = not isinstance(found, str | bytes | bool | np.bool) and np.ndim(found) == 0
            rate = float(found) if number else math.nan
        except (TypeError, ValueError):
            rate = math.nan
        if not (math.isfinite(rate) and rate >= 0):
            raise ValueError(
                f"learning_rate as a function must return finite numbers >= 0, got {found!r} for "
                f"epoch {epoch}."
            )
        rates.append(rate)
    if n_epochs > 1 and not any(rates):
        raise ValueError("learning_rate as a function must not return 0 for all epochs.")
    return rates


def _takes_rate(function: Callable[..., Any]) -> bool:
    """Whether a function asks for the rate before, beside the epoch.

    A second argument that has a default may be something that the function is to remember, as in
    ``lambda epoch, k=k: ...``: it gets the rate if its name says so.
    """
    try:
        signature = inspect.signature(function)
        signature.bind(0, 0.0)
    except (TypeError, ValueError):  # the latter from one of C, which does not tell
        return False
    parameters = signature.parameters.values()
    positional = [p for p in parameters if p.kind not in (p.KEYWORD_ONLY, p.VAR_KEYWORD)]
    second = positional[:2][-1]  # or the one that takes all
    return second.default is inspect.Parameter.empty or second.name in _NAMES_OF_RATE
