"""Values of parameters, whatever their type, as labels, as levels and as places on an axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import joblib
import numpy as np
from numpy.typing import NDArray

from nnhp._cached import cached_property
from nnhp._checks import check_iterable

ABSENT: Final = type("Absent", (), {"__repr__": lambda _: "absent"})()
"""In place of a value of a parameter that a candidate does not set."""


_LABEL_LENGTH = 24
_NAME_LENGTH = 32
_LOG_RATIO = 8  # the smallest ratio of greatest to least for which a log axis is considered
_NAMED_GAP = 0.18  # between named values beside numbers, as a share of the numbers' range


class NothingToDrawError(ValueError):
    """What was given does not hold what the picture shows."""


def label(value: Any, length: int = _LABEL_LENGTH) -> str:
    """Return a value as one short line of text."""
    value = plain_value(value)
    if isinstance(value, str):
        text = value
    elif isinstance(value, float):
        text = number_label(value)
    elif callable(value) and hasattr(value, "__name__"):
        text = value.__name__
    else:
        text = repr(value)
    text = printable(text)
    return text if len(text) <= length else text[: length - 1] + "…"


def printable(text: str) -> str:
    """Return text on one line, with a sign in place of each character that cannot be shown."""
    text = " ".join(text.split())
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def number_label(value: float) -> str:
    """Return a number with up to three digits, small ones as 1e-4."""
    text = f"{value:.3g}"
    if 0 < abs(value) < 1e-3 and "e" not in text:
        text = f"{value:.2e}"
    mantissa, e, exponent = text.partition("e")
    if not e:
        return mantissa
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}"


def short_names(names: Sequence[str]) -> list[str]:
    """Return parameter names without the steps of a Pipeline, where that stays unambiguous."""
    last = [name.rpartition("__")[2] for name in names]
    return [
        label(short if last.count(short) == 1 else name, _NAME_LENGTH)
        for name, short in zip(names, last, strict=True)
    ]


def plain_value(value: Any) -> Any:
    """Return Python's own value in place of a NumPy scalar."""
    return value.item() if isinstance(value, np.generic) else value


def key(value: Any) -> tuple[str, Any]:
    """Return what is equal for equal values, of any type."""
    value = plain_value(value)
    kind = type(value).__name__
    if value is None or isinstance(value, bool | int | float | str):
        return kind, repr(value)
    try:
        return kind, joblib.hash(value)
    except Exception:  # whatever a value's own pickling may raise
        return kind, repr(value)


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))
    )


def _is_sizes(value: Any) -> bool:
    return (
        isinstance(value, tuple | list)
        and len(value) > 0
        and all(_is_number(entry) for entry in value)
    )


def _order(value: Any) -> tuple[Any, ...]:
    """Sort key of values that are not numbers."""
    if value is None:
        return (0,)
    if isinstance(value, bool):
        return (1, bool(value))
    if isinstance(value, str):
        return (2, value)
    if _is_sizes(value):
        return (3, len(value), sum(value), list(value))
    return (5,) if value is ABSENT else (4, label(value))


@dataclass(frozen=True)
class Column:
    """One parameter's values over the candidates.

    Numbers lie on a linear or a log axis; all other values are levels. Levels alone are a row
    of categories; beside numbers they are placed below the least number.

    Attributes
    ----------
    name : str
        Name of the parameter.

    numbers : ndarray of shape (n_candidates,)
        The values that are finite numbers, NaN for the others.

    level : ndarray of shape (n_candidates,)
        Index into `levels` of the other values, -1 for numbers.

    levels : list
        Distinct values that are not numbers, in order.

    labels : list of str
        Names of `levels`, all distinct.
    """

    name: str
    numbers: NDArray[np.float64]
    level: NDArray[np.intp]
    levels: list[Any]
    labels: list[str]

    @classmethod
    def of(cls, name: str, values: Sequence[Any]) -> Column:
        """Make the column of a parameter's values."""
        values = [plain_value(value) for value in values]
        numbers = np.array([float(v) if _is_number(v) else np.nan for v in values])
        distinct = {key(v): v for v in values if not _is_number(v)}
        ordered = sorted(distinct.items(), key=lambda entry: _order(entry[1]))
        position = {k: i for i, (k, _) in enumerate(ordered)}
        level = np.array([-1 if _is_number(v) else position[key(v)] for v in values], dtype=np.intp)
        levels = [value for _, value in ordered]
        return cls(name, numbers, level, levels, _distinct_labels(levels))

    @cached_property
    def distinct_numbers(self) -> NDArray[np.float64]:
        """The numbers, each once, sorted."""
        return np.unique(self.numbers[np.isfinite(self.numbers)])

    @property
    def n_distinct(self) -> int:
        """How many different values there are."""
        return len(self.distinct_numbers) + len(self.levels)

    @property
    def is_categorical(self) -> bool:
        """Whether no value is a number."""
        return len(self.distinct_numbers) == 0

    @cached_property
    def log(self) -> bool:
        """Whether the numbers lie more evenly on a log axis, over a range that is worth one."""
        values = self.distinct_numbers
        if len(values) < 2 or values[0] <= 0 or values[-1] / values[0] < _LOG_RATIO:
            return False
        linear, logarithmic = _unit(values), _unit(np.log(values))
        return bool(abs(logarithmic.mean() - 0.5) <= abs(linear.mean() - 0.5) + 1e-9)

    @cached_property
    def level_places(self) -> NDArray[np.float64]:
        """Where the levels lie on the axis."""
        count = np.arange(len(self.levels), dtype=np.float64)
        if self.is_categorical:
            return count
        least, greatest = self.distinct_numbers[[0, -1]]
        steps = _NAMED_GAP * (len(self.levels) - count)
        if self.log:
            return np.asarray(least * (greatest / least) ** -steps)
        return np.asarray(least - steps * ((greatest - least) or abs(least) or 1.0))

    @property
    def places(self) -> NDArray[np.float64]:
        """Where the values lie on the axis."""
        places = self.numbers.copy()
        named = self.level >= 0
        places[named] = self.level_places[self.level[named]]
        return places

    @property
    def limits(self) -> tuple[float, float]:
        """The least and the greatest place."""
        places = np.concatenate([self.level_places, self.distinct_numbers])
        return float(places.min()), float(places.max())

    def unit_places(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return places as shares of the axis, from 0 to 1; 0.5 on an axis of one place."""
        ends = np.array(self.limits)
        if self.log:
            places, ends = np.log(places), np.log(ends)
        if ends[0] == ends[1]:
            return np.full(len(places), 0.5)
        return np.asarray((places - ends[0]) / (ends[1] - ends[0]))

    def ticks(self, most: int = 6) -> tuple[NDArray[np.float64], list[str]]:
        """Return places and texts of about `most` ticks: of the values themselves if few."""
        numbers = self.distinct_numbers
        if len(numbers) > most:
            numbers = self._round_numbers(most)
        chosen = _thinned(np.arange(len(self.levels)), most if self.is_categorical else 4)
        places = np.concatenate([self.level_places[chosen], numbers])
        texts = [self.labels[i] for i in chosen] + [number_label(value) for value in numbers]
        kept = _apart(self.unit_places(places), 0.05)
        return places[kept], [texts[i] for i in kept]

    def _round_numbers(self, most: int) -> NDArray[np.float64]:
        from matplotlib.ticker import LogLocator, MaxNLocator

        least, greatest = self.distinct_numbers[[0, -1]]
        if not self.log:
            ticks = MaxNLocator(most - 1, steps=[1, 2, 2.5, 5, 10]).tick_values(least, greatest)
        elif greatest / least < 100:
            ticks = LogLocator(subs=(1.0, 2.0, 5.0), numticks=most).tick_values(least, greatest)
        else:
            ticks = LogLocator(numticks=most).tick_values(least, greatest)
        return np.asarray([tick for tick in ticks if least <= tick <= greatest])

    def encoded(self) -> NDArray[np.float64]:
        """Return the values as numbers for a forest, of shape (n_candidates, n_inputs).

        One input for the numbers (the least number where there is none), four for sequences of
        numbers (their length, sum, first and last entry), and one per other level.
        """
        inputs = []
        if not self.is_categorical:
            inputs.append(np.nan_to_num(self.numbers, nan=self.distinct_numbers[0]))
        inputs += [
            (self.level == i).astype(np.float64)
            for i, value in enumerate(self.levels)
            if not _is_sizes(value)
        ]
        if any(_is_sizes(value) for value in self.levels):
            shapes = np.array([_shape_of(value) for value in self.levels])
            inputs += list(np.where((self.level >= 0)[:, None], shapes[self.level], 0.0).T)
        return np.column_stack(inputs)


def columns_of(settings: Sequence[Mapping[str, Any]]) -> list[Column]:
    """Return one column per parameter that any candidate sets, in order of appearance."""
    names = dict.fromkeys(name for setting in settings for name in setting)
    return [Column.of(name, [setting.get(name, ABSENT) for setting in settings]) for name in names]


def chosen_columns(
    settings: Sequence[Mapping[str, Any]], params: str | Sequence[str] | None
) -> list[Column]:
    """Return the parameters asked for; all those that vary (or all, if none does) for None."""
    columns = columns_of(settings)
    if not columns:
        raise NothingToDrawError("No parameter was searched.")
    if params is None:
        return [column for column in columns if column.n_distinct > 1] or columns
    by_name = {column.name: column for column in columns}
    check_iterable(params, "params", "a parameter or parameters of the search")
    names = [params] if isinstance(params, str) else params
    missing = [name for name in names if name not in by_name]
    if missing:
        raise ValueError(
            f"No candidate sets {', '.join(map(repr, missing))}; "
            f"searched were {', '.join(map(repr, by_name))}, as params must be."
        )
    return [by_name[name] for name in names]


def _distinct_labels(values: list[Any]) -> list[str]:
    labels = [label(value) for value in values]
    labels = [
        label(repr(value)) if labels.count(text) > 1 and isinstance(value, str) else text
        for value, text in zip(values, labels, strict=True)
    ]
    return [
        f"{text} #{labels[: i + 1].count(text)}" if labels.count(text) > 1 else text
        for i, text in enumerate(labels)
    ]


def _shape_of(value: Any) -> tuple[float, float, float, float]:
    if not _is_sizes(value):
        return (0.0, 0.0, 0.0, 0.0)
    return (float(len(value)), float(sum(value)), float(value[0]), float(value[-1]))


def _unit(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((values - values[0]) / (values[-1] - values[0]))


def _thinned(indices: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    if len(indices) <= most:
        return indices
    return indices[np.unique(np.linspace(0, len(indices) - 1, most).round().astype(np.intp))]


def _apart(places: NDArray[np.float64], gap: float) -> list[int]:
    """Return the indices, by place, of those that keep a distance from the one before."""
    kept: list[int] = []
    for i in np.argsort(places, kind="stable"):
        if not kept or places[i] - places[kept[-1]] >= gap:
            kept.append(int(i))
    return kept
