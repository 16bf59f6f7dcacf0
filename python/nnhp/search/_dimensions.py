"""A space in numbers: what a model of the scores may propose, and the parameters that it means.

Each parameter is made of genes: integers and reals within bounds, and choices, which a trial
suggests by their names. Trials are made in `_proposals`: of Optuna's, or drawn at random.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from numbers import Integral, Real
from typing import Any, Protocol

import numpy as np

from nnhp.search._explore import bounds, check_distribution
from nnhp.search._fingerprint import describe
from nnhp.search._space import HiddenLayers
from nnhp.search._when import parts_of, same_value

# Quantiles beyond which none is proposed: the ends, and the tails of distributions without a form
# of their own.
_TAIL = 1e-6
_MAX_LISTED = 100_000  # settings
_PART = "part"  # gene: the dict of a list of dicts
Genes = dict[str, int | float]


class Trial(Protocol):
    """Something that suggests genes."""

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int: ...
    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float: ...
    def suggest_categorical(self, name: str, choices: Sequence[int]) -> int: ...


class _Dimension(Protocol):
    """The values of one parameter."""

    @property
    def n_values(self) -> float:
        """How many; inf where they are not finite."""

    def suggest(self, trial: Trial, name: str, *, all_genes: bool) -> Any:
        """The value that a trial's genes, whose names begin with `name`, mean."""

    def genes(self, value: Any, name: str) -> Genes | None:
        """Genes that mean a value; None where there are none."""

    def values(self) -> Iterator[Any]:
        """All values, where they are finite."""


def _suggest_integer(trial: Trial, name: str, low: int, high: int, *, log: bool = False) -> int:
    return low if low == high else trial.suggest_int(name, low, high, log=log)


@dataclass(frozen=True)
class _Choices:
    """A list of values; one of numbers that rise or fall is ordered."""

    listed: Sequence[Any]

    @property
    def n_values(self) -> float:
        return len(self.listed)

    @cached_property
    def _ordered(self) -> bool:
        numbers = all(
            isinstance(value, Real) and not isinstance(value, bool | np.bool_)
            for value in self.listed
        )
        if len(self.listed) < 3 or not numbers:
            return False
        steps = np.diff(np.asarray(self.listed, dtype=float))
        return bool((steps > 0).all() or (steps < 0).all())

    def suggest(self, trial: Trial, name: str, *, all_genes: bool) -> Any:
        last = len(self.listed) - 1
        if last == 0:
            return self.listed[0]
        if self._ordered:
            return self.listed[_suggest_integer(trial, name, 0, last)]
        return self.listed[trial.suggest_categorical(name, range(last + 1))]

    def genes(self, value: Any, name: str) -> Genes | None:
        for place, known in enumerate(self.listed):
            if describe(known) == describe(value) or same_value(known, value):
                return {name: place} if len(self.listed) > 1 else {}
        return None

    def values(self) -> Iterator[Any]:
        return iter(self.listed)


@dataclass(frozen=True)
class _Reals:
    """Reals between two ends, evenly over themselves or their logarithm."""

    low: float
    high: float
    log: bool = False

    @property
    def n_values(self) -> float:
        return math.inf

    def suggest(self, trial: Trial, name: str, *, all_genes: bool) -> float:
        value = trial.suggest_float(name, self.low, self.high, log=self.log)
        if self.low < value < self.high or self.low == self.high:
            return value
        # A model may propose an end, which no draw is, and which may not be legal: a dropout of 1.
        quantile = _TAIL if value <= self.low else 1 - _TAIL
        if self.log:
            value = math.exp((1 - quantile) * math.log(self.low) + quantile * math.log(self.high))
        else:
            value = (1 - quantile) * self.low + quantile * self.high
        least, most = math.nextafter(self.low, math.inf), math.nextafter(self.high, -math.inf)
        return min(max(value, least), most)

    def genes(self, value: Any, name: str) -> Genes | None:
        inside = isinstance(value, Real) and self.low <= float(value) <= self.high
        return {name: float(value)} if inside else None

    def values(self) -> Iterator[float]:
        raise NotImplementedError


@dataclass(frozen=True)
class _Integers:
    """Integers between two ends, both included."""

    low: int
    high: int

    @property
    def n_values(self) -> float:
        return self.high - self.low + 1

    def suggest(self, trial: Trial, name: str, *, all_genes: bool) -> int:
        return _suggest_integer(trial, name, self.low, self.high)

    def genes(self, value: Any, name: str) -> Genes | None:
        if not isinstance(value, Real) or not self.low <= float(value) <= self.high:
            return None
        return {name: int(float(value))} if float(value).is_integer() else None

    def values(self) -> Iterator[int]:
        return iter(range(self.low, self.high + 1))


@dataclass(frozen=True)
class _Quantiles:
    """Any distribution that tells its quantiles."""

    distribution: Any

    @property
    def n_values(self) -> float:
        return math.inf

    @property
    def _is_discrete(self) -> bool:
        return hasattr(self.distribution, "pmf")

    def suggest(self, trial: Trial, name: str, *, all_genes: bool) -> Any:
        value = self.distribution.ppf(trial.suggest_float(name, _TAIL, 1 - _TAIL))
        return int(value) if self._is_discrete else float(value)

    def genes(self, value: Any, name: str) -> Genes | None:
        if not isinstance(value, Real) or not hasattr(self.distribution, "cdf"):
            return None
        quantile = float(self.distribution.cdf(value))
        if self._is_discrete:
            mass = float(self.distribution.pmf(value))
            quantile = quantile - mass / 2 if mass > 0 else math.nan  # the middle of its own
        elif value in bounds(self.distribution):
            quantile = min(max(quantile, _TAIL), 1 - _TAIL)
        return {name: quantile} if _TAIL <= quantile <= 1 - _TAIL else None

    def values(self) -> Iterator[Any]:
        raise NotImplementedError


@dataclass(frozen=True)
class _Layers:
    """Sizes of hidden layers: their number, and the width of each or of all."""

    layers: HiddenLayers

    @property
    def n_values(self) -> float:
        return self.layers._n_sizes

    def suggest(self, trial: Trial, name: str, *, all_genes: bool) -> tuple[int, ...]:
        low, high = self.layers.depth
        depth = _suggest_integer(trial, f"{name}.depth", low, high)
        alike = self.layers.shape == "rectangle"
        n_genes = min(high, 1) if alike else high
        if not all_genes:
            n_genes = min(depth, n_genes)
        widths = [
            _suggest_integer(
                trial, f"{name}.width_{i + 1}", *self.layers.width, log=self.layers.log
            )
            for i in range(n_genes)
        ]
        if alike:
            return tuple(widths) * depth
        units = widths[:depth]
        return tuple(sorted(units, reverse=True) if self.layers.shape == "taper" else units)

    def genes(self, value: Any, name: str) -> Genes | None:
        units = np.atleast_1d(value).tolist() if np.ndim(value) <= 1 else None
        (low, high), (least, most) = self.layers.depth, self.layers.width
        if units is None or not low <= len(units) <= high:
            return None
        if not all(isinstance(width, Integral) for width in units):
            return None
        if not all(least <= width <= most for width in units):
            return None
        shape = self.layers.shape
        if shape == "rectangle" and len(set(units)) > 1:
            return None
        if shape == "taper" and units != sorted(units, reverse=True):
            return None
        found: Genes = {} if low == high else {f"{name}.depth": len(units)}
        if least < most:
            named = units[:1] if shape == "rectangle" else units
            found |= {f"{name}.width_{i + 1}": int(width) for i, width in enumerate(named)}
        return found

    def values(self) -> Iterator[tuple[int, ...]]:
        return iter(self.layers.grid(self.layers._n_sizes))


def _dimension(name: str, values: Any) -> _Dimension:
    """The dimension of a parameter whose values are given as in scikit-learn's spaces."""
    if isinstance(values, HiddenLayers):
        return _Layers(values)
    if hasattr(values, "rvs"):
        if not hasattr(values, "ppf"):
            raise ValueError(
                f"The values of {name} must be a list, a distribution of scipy.stats or another "
                f"with a method ppf, or HiddenLayers, got {values!r}."
            )
        check_distribution(name, values)
        return _distribution(values)
    if isinstance(values, list | tuple | range | np.ndarray) and len(values) > 0:
        listed = values.tolist() if isinstance(values, np.ndarray) else values
        return _Choices(listed)
    raise ValueError(
        f"The values of {name} must be a list that is not empty, a distribution of scipy.stats, "
        f"or HiddenLayers, got {values!r}."
    )


def _distribution(values: Any) -> _Dimension:
    kind = getattr(getattr(values, "dist", None), "name", None)
    if kind in ("uniform", "loguniform", "reciprocal", "randint"):
        low, high = values.support()
        if kind == "randint":
            return _Integers(int(low), int(high))
        log = kind != "uniform"
        _, loc, _ = values.dist._parse_args(*values.args, **values.kwds)
        if not (log and loc != 0):
            return _Reals(float(low), float(high), log)
    return _Quantiles(values)


@dataclass(frozen=True)
class _Entry:
    """A parameter of one part of a space."""

    name: str
    gene: str
    dimension: _Dimension


class Space:
    """What a search may propose.

    Parameters
    ----------
    given : dict, or list of dict and When
        The space, as the search got it.
    all_genes : bool
        Whether each trial suggests all genes, those included that its parameters have no use
        for: for models that know no conditions.

    Raises
    ------
    TypeError, ValueError
        It is no space; the message names the parameter.
    """

    def __init__(self, given: Any, *, all_genes: bool) -> None:
        parts, self._conditions = parts_of(given, "param_distributions")
        self._all_genes = all_genes
        self._known: dict[str, str] = {}  # gene -> description of its values
        self._parts = [self._entries(part) for part in parts]
        self._added = [self._entries(condition.space) for condition in self._conditions]
        self.is_tree = len(parts) > 1 or bool(self._conditions)

    def _entries(self, part: Mapping[str, Any]) -> list[_Entry]:
        return [
            _Entry(name, self._gene(name, values), _dimension(name, values))
            for name, values in part.items()
        ]

    def _gene(self, name: str, values: Any) -> str:
        """Name of a parameter's genes: another one where another part has other values for it."""
        text, gene, n = describe(values), name, 1
        while self._known.setdefault(gene, text) != text:
            n += 1
            gene = f"{name} ({n})"
        return gene

    @cached_property
    def names(self) -> set[str]:
        """All parameters that a candidate may have."""
        return {entry.name for entries in [*self._parts, *self._added] for entry in entries}

    @property
    def can_be_listed(self) -> bool:
        """Whether the settings are finite, and not too many."""
        n_of_parts = [_product(entries) for entries in self._parts]
        return sum(n_of_parts) * math.prod(map(_product, self._added)) <= _MAX_LISTED

    def params(self, trial: Trial) -> dict[str, Any]:
        """The setting that a trial's genes mean."""
        chosen = 0
        if len(self._parts) > 1:
            chosen = trial.suggest_categorical(_PART, range(len(self._parts)))
        suggested: dict[str, Any] = {}  # by gene

        def suggest(entries: list[_Entry]) -> dict[str, Any]:
            for entry in entries:
                if entry.gene not in suggested:
                    suggested[entry.gene] = entry.dimension.suggest(
                        trial, entry.gene, all_genes=self._all_genes
                    )
            return {entry.name: suggested[entry.gene] for entry in entries}

        found: dict[str, Any] = {}
        for place, entries in enumerate(self._parts):
            if place == chosen or self._all_genes:
                of_part = suggest(entries)
                found |= of_part if place == chosen else {}
        for condition, entries in zip(self._conditions, self._added, strict=True):
            holds = condition.holds(found)
            if holds or self._all_genes:
                of_condition = suggest(entries)
                found |= of_condition if holds else {}
        return found

    def genes(
        self, params: Mapping[str, Any], named: Collection[str] | None = None
    ) -> Genes | None:
        """Genes that mean a setting; None where it is outside of the space.

        Parameters
        ----------
        params : mapping of str to object
            The setting, and what candidates have anyway.
        named : collection of str, default=None
            The setting's own parameters, none of which may be lost; None: all.
        """
        kept = params.keys() if named is None else set(named)
        for place, entries in enumerate(self._parts):
            found: Genes | None = {_PART: place} if len(self._parts) > 1 else {}
            found = _with_genes(found, entries, params)
            names = {entry.name for entry in entries}
            for condition, added in zip(self._conditions, self._added, strict=True):
                if condition.holds(params):
                    found = _with_genes(found, added, params)
                    names |= {entry.name for entry in added}
            if found is not None and kept <= names:
                return found
        return None

    def settings(self) -> Iterator[dict[str, Any]]:
        """All settings of a space that can be listed."""
        for entries in self._parts:
            names = [entry.name for entry in entries]
            for values in product(*(list(entry.dimension.values()) for entry in entries)):
                yield from self._with_conditions(dict(zip(names, values, strict=True)), 0)

    def _with_conditions(self, params: dict[str, Any], start: int) -> Iterator[dict[str, Any]]:
        """All settings that the conditions from one on make of one."""
        for place in range(start, len(self._conditions)):
            if self._conditions[place].holds(params):
                entries = self._added[place]
                names = [entry.name for entry in entries]
                for values in product(*(list(entry.dimension.values()) for entry in entries)):
                    added = dict(zip(names, values, strict=True))
                    yield from self._with_conditions(params | added, place + 1)
                return
        yield params


def _product(entries: list[_Entry]) -> float:
    return math.prod(entry.dimension.n_values for entry in entries)


def _with_genes(
    genes: Genes | None, entries: list[_Entry], params: Mapping[str, Any]
) -> Genes | None:
    for entry in entries:
        found = None
        if genes is not None and entry.name in params:
            found = entry.dimension.genes(params[entry.name], entry.gene)
        if genes is None or found is None:
            return None
        genes = genes | found
    return genes
