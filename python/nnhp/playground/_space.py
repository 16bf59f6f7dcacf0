"""What a search of the playground can try, between the page's options and nnhp's parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np
from scipy.stats import loguniform, randint, uniform

from nnhp import HiddenLayers
from nnhp.playground._net import check_work
from nnhp.playground._options import (
    ACTIVATIONS,
    MAX_LAYERS,
    MAX_UNITS,
    OPTIONS,
    SOLVERS,
    OptionError,
    short,
    units_of,
)
from nnhp.playground._problem import Problem

MAX_CANDIDATES = 200


class Space:
    """What is searched, in place of what the options say.

    Parameters
    ----------
    given : object
        The page's wish: lists of values or bounds by the names of options.
    options : mapping
        All options.
    problem : Problem
        What is learned.

    Attributes
    ----------
    parameters : dict
        Values and distributions by the names of the estimators' parameters.

    Raises
    ------
    OptionError
        If the wish is none, naming what is wrong.
    """

    def __init__(self, given: Any, options: Mapping[str, Any], problem: Problem) -> None:
        if not isinstance(given, dict) or not given:
            raise OptionError("space must name at least one option to search")
        self.parameters: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self._shown: dict[str, dict[Any, Any]] = {}  # parameter -> its values, as the page has them
        for name, values in given.items():
            if name not in _SEARCHED:
                raise OptionError(f"space can have {', '.join(_SEARCHED)}, got {short(name)}")
            if not isinstance(values, list) or not values:
                raise OptionError(f"space of {name} must be a list, got {short(values)}")
            parameter, read = _SEARCHED[name]
            found = read(name, values)
            if name == "regularizationRate":
                batch = min(options["batchSize"], problem.n_train)
                found = {rate * batch: rate for rate in found}
            self._names[parameter] = name
            self._shown[parameter] = found if isinstance(found, dict) else {}
            self.parameters[parameter] = list(found) if isinstance(found, dict) else found
        _check_together(given, options, problem)

    def grid(self, n: int) -> dict[str, list[Any]]:
        """A grid of about so many candidates: an equal number of values of each range."""
        ranges = [one for one in self.parameters.values() if not isinstance(one, list)]
        lists = prod(len(one) for one in self.parameters.values() if isinstance(one, list))
        each = max(int((n / lists) ** (1 / max(len(ranges), 1))), 2)
        found = {name: _some(values, each) for name, values in self.parameters.items()}
        size = prod(map(len, found.values()))
        if size > MAX_CANDIDATES:
            raise OptionError(f"the grid must have at most {MAX_CANDIDATES} candidates, got {size}")
        return found

    def options_of(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The options that a candidate's parameters are."""
        found: dict[str, Any] = {}
        for parameter, name in self._names.items():
            value = params[parameter]
            if name == "networkShape":
                found[name] = ",".join(str(int(units)) for units in np.ravel(value))
            else:
                plain = value.item() if isinstance(value, np.generic) else value
                found[name] = self._shown[parameter].get(plain, plain)
        return found


def _check_together(
    given: Mapping[str, list[Any]], options: Mapping[str, Any], problem: Problem
) -> None:
    """Refuse what a candidate would be other than the net that the page makes of it."""
    if options["earlyStopping"]:
        raise OptionError("earlyStopping is not for searches, which score by the test samples")
    shapes = given.get("networkShape")
    if shapes is not None and "," in options["activation"] and "activation" not in given:
        raise OptionError("activation must be one name where networkShape is searched")
    is_penalized = options["regularization"] != "none"
    if "regularizationRate" in given and not is_penalized:
        raise OptionError("regularization must be L1 or L2 where regularizationRate is searched")
    if "batchSize" in given and is_penalized:
        raise OptionError(
            "regularization must be none where batchSize is searched: its rate is of each step"
        )
    check_work(problem, units_of(options) if shapes is None else [shapes[3]] * shapes[1])


# ------------------------------------------------------------------ what lists of the page mean:
# distributions, or values of the estimators, each with the page's own.


def _check_each(name: str, values: list[Any]) -> list[Any]:
    try:
        return [OPTIONS[name].kind.check(value) for value in values]
    except ValueError as error:
        raise OptionError(f"space of {name}: {error}, got {short(values)}") from None


def _bounds(name: str, values: list[Any]) -> tuple[Any, Any]:
    checked = _check_each(name, values)
    if len(checked) != 2 or checked[0] > checked[1]:
        raise OptionError(
            f"space of {name} must be a lower and an upper bound, got {short(values)}"
        )
    return checked[0], checked[1]


def _range(name: str, values: list[Any]) -> Any:
    low, high = _bounds(name, values)
    return uniform(low, high - low) if low < high else {low: low}


def _logarithmic_range(name: str, values: list[Any]) -> Any:
    low, high = _bounds(name, values)
    return loguniform(low, high) if low < high else {low: low}


def _whole_range(name: str, values: list[Any]) -> Any:
    low, high = _bounds(name, values)
    return randint(low, high + 1) if low < high else {low: low}


def _numbers(name: str, values: list[Any]) -> dict[Any, Any]:
    return {value: value for value in _check_each(name, values)}


def _names_among(known: Mapping[str, str]) -> Callable[[str, list[Any]], dict[Any, Any]]:
    def read(name: str, values: list[Any]) -> dict[Any, Any]:
        if any(not isinstance(one, str) or one not in known for one in values):
            raise OptionError(
                f"space of {name} must be among {', '.join(known)}, got {short(values)}"
            )
        return {known[one]: one for one in values}

    return read


def _layers(_: str, values: list[Any]) -> HiddenLayers:
    whole = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
    sound = len(values) == 4 and whole
    if sound:
        shallow, deep, narrow, wide = values
        sound = 1 <= shallow <= deep <= MAX_LAYERS and 1 <= narrow <= wide <= MAX_UNITS
    if not sound:
        raise OptionError(
            f"space of networkShape must be bounds of the layers, at most {MAX_LAYERS}, and of "
            f"their units, at most {MAX_UNITS}, got {short(values)}"
        )
    return HiddenLayers((shallow, deep), (narrow, wide))


# The option: the estimators' parameter, and how the page's list is read.
_SEARCHED: dict[str, tuple[str, Callable[[str, list[Any]], Any]]] = {
    "learningRate": ("learning_rate_init", _logarithmic_range),
    "networkShape": ("hidden_layer_sizes", _layers),
    "activation": ("activation", _names_among(ACTIVATIONS)),
    "solver": ("solver", _names_among({one: one for one in SOLVERS})),
    "dropout": ("dropout", _range),
    "momentum": ("momentum", _range),
    "batchSize": ("batch_size", _whole_range),
    "regularizationRate": ("alpha", _numbers),
}


# ------------------------------------------------------------------ grids


def _some(values: Any, n: int) -> list[Any]:
    """About so many values of a distribution, or all of a list."""
    if isinstance(values, list):
        return values
    if isinstance(values, HiddenLayers):
        return values.grid(min(n, _n_sizes(values)))
    quantiles = values.ppf((np.arange(n) + 0.5) / n)
    is_whole = values.dist.name == "randint"
    return list(np.unique(quantiles.astype(int) if is_whole else quantiles).tolist())


def _n_sizes(layers: HiddenLayers) -> int:
    """How many sizes a distribution has."""
    (shallow, deep), (narrow, wide) = layers.depth, layers.width
    return sum((wide - narrow + 1) ** depth for depth in range(shallow, deep + 1))
