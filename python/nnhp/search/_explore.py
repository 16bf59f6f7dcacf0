"""Settings that are drawn from a space, and those next to a given one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.random import RandomState


def check_space(space: Any, argument: str) -> None:
    """Raise TypeError or ValueError where a space has values that cannot be drawn and kept in."""
    if not isinstance(space, Mapping) or not space:
        raise TypeError(
            f"{argument} must be a dict that is not empty, of parameters and their values, got "
            f"{space!r}."
        )
    for name, values in space.items():
        listed = isinstance(values, list | tuple | range | np.ndarray) and len(values) > 0
        if not listed and not hasattr(values, "rvs"):
            raise ValueError(
                f"{argument}: the values of {name} must be a list that is not empty, or a "
                f"distribution with a method rvs, as those of scipy.stats, got {values!r}."
            )
        check_distribution(name, values)


def check_distribution(name: str, values: Any) -> None:
    """Raise ValueError where a parameter's distribution has no values, as uniform(1, 0)."""
    if not hasattr(values, "support") or not hasattr(values, "dist"):  # not of scipy.stats
        return
    low, high = values.support()
    if not low <= high:
        by_name = (f"{key}={value!r}" for key, value in values.kwds.items())
        given = ", ".join([*map(repr, values.args), *by_name])
        raise ValueError(
            f"The values of {name} must be a distribution that has values, got "
            f"{values.dist.name}({given}), which has none."
        )


def drawn(space: Mapping[str, Any], rng: RandomState) -> dict[str, Any]:
    """A setting drawn from a space."""
    return {name: _draw(values, rng) for name, values in space.items()}


def explored(
    params: Mapping[str, Any],
    space: Mapping[str, Any],
    rng: RandomState,
    *,
    factors: tuple[float, float],
    resample_probability: float,
) -> dict[str, Any]:
    """A setting next to another one: each value is drawn anew, or else moved.

    Parameters
    ----------
    params : mapping
        The other one.
    space : mapping
        Values of each parameter.
    rng : RandomState
        Of the draws: as many for any outcome of them.
    factors : tuple of float
        One of them, which are as likely, multiplies a number, within the bounds of its
        distribution; of numbers in a list the next smaller or greater one is taken.
    resample_probability : float
        Of drawing a value anew.
    """
    found = dict(params)
    for name, values in space.items():
        anew, factor, fresh = rng.uniform(), factors[rng.randint(2)], _draw(values, rng)
        if anew < resample_probability:
            found[name] = fresh
        else:
            found[name] = _moved(params[name], values, factor)
    return found


def _draw(values: Any, rng: RandomState) -> Any:
    value = values.rvs(random_state=rng) if hasattr(values, "rvs") else _pick(values, rng)
    return value.item() if isinstance(value, np.generic) else value


def _pick(values: Sequence[Any], rng: RandomState) -> Any:
    return values[rng.randint(len(values))]


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def _moved(value: Any, values: Any, factor: float) -> Any:
    if hasattr(values, "rvs"):
        return _within(values, value, factor) if _is_number(value) else value
    if not all(_is_number(entry) for entry in (value, *values)):
        return value  # one of them is not next to another
    numbers = sorted(set(values))
    beyond = [n for n in numbers if (n > value if factor > 1 else n < value)]
    if not beyond:
        return value
    return beyond[0] if factor > 1 else beyond[-1]


def bounds(values: Any) -> tuple[float, float]:
    """Least and greatest value of a distribution that tells them, or its quantiles."""
    if hasattr(values, "support"):
        low, high = values.support()
    elif hasattr(values, "ppf"):
        low, high = values.ppf(0.0), values.ppf(1.0)
    else:
        low, high = -np.inf, np.inf
    return float(low), float(high)


def _within(values: Any, value: Any, factor: float) -> int | float:
    """A number moved to one that a distribution gives."""
    low, high = bounds(values)
    if not isinstance(value, Integral):
        # The upper end is none of SciPy's draws, and often not allowed: of uniform(0.5, 0.5), 1.
        return _multiplied(value, factor, low, max(np.nextafter(high, low), low))
    moved = _multiplied(value, factor, low, high)
    if hasattr(values, "pmf") and not values.pmf(moved):  # as of rv_discrete: the next one that is
        quantile = values.cdf(moved)
        return int(values.ppf(np.nextafter(quantile, 1) if factor > 1 else quantile))
    return moved


def _multiplied(value: Any, factor: float, low: float, high: float) -> int | float:
    if not isinstance(value, Integral):
        return float(min(max(value * factor, low), high))
    # At least by one, or small numbers would never move.
    step = 1 if factor > 1 else -1
    moved = round(int(value) * factor)
    moved = moved if moved != value else int(value) + step
    return int(min(max(moved, low), high))
