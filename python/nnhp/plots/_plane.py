"""Samples on the plane of two features of a table, its other features held."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from pandas.api.types import is_bool_dtype, is_float_dtype, is_numeric_dtype

Floats = NDArray[np.float64]

_MIDDLES = ("mean", "median")
_MARGIN = 0.05  # around the samples, as a share of their range


@dataclass(frozen=True)
class Plane:
    """A grid on the plane of two features.

    Attributes
    ----------
    names : tuple of str
        The two features: along the grid's columns, and along its rows.

    x, y : ndarray of shape (resolution,)
        The values of the grid's columns and rows, from the least to the greatest.

    samples : DataFrame or ndarray of shape (resolution**2, n_features)
        The samples of the grid, row by row, in the container that was given.

    held : dict of str to object
        The value of each other feature.

    points : ndarray of shape (n_samples, 2)
        The samples given, on the plane.
    """

    names: tuple[str, str]
    x: Floats
    y: Floats
    samples: Any
    held: dict[str, Any]
    points: Floats

    @classmethod
    def of(
        cls,
        X: Any,
        features: Sequence[int | str],
        middle: str,
        values: Mapping[int | str, Any] | None,
        resolution: int,
    ) -> Plane:
        """Lay a grid over the samples.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Samples; missing values are left out of ranges and middles.

        features : sequence of two int or str
            Positions or names of the two features.

        middle : {'mean', 'median'}
            Where the other features are held. What is no number is held at its most frequent
            value, the first of them in order.

        values : dict of int or str to object, or None
            Values at which to hold some of the others instead.

        resolution : int
            Values of each of the two features.
        """
        if middle not in _MIDDLES:
            raise ValueError(f"middle must be 'mean' or 'median', not {middle!r}.")
        if not isinstance(resolution, Integral) or resolution < 2:
            raise ValueError(f"grid_resolution must be an int of at least 2, got {resolution!r}.")
        if not isinstance(values, Mapping | None):
            raise TypeError(f"values must be a dict of features to values, got {values!r}.")
        table = _table_of(X)
        names = [str(name) for name in table.columns]
        across, up = _two(features, names)
        given = {
            _position(feature, names, "values"): value for feature, value in (values or {}).items()
        }
        if given.keys() & {across, up}:
            raise ValueError(
                f"values holds one of the two features drawn: {names[across]!r} or {names[up]!r}."
            )
        x, y = (_range(table.iloc[:, i], names[i], resolution) for i in (across, up))
        grid = {across: np.tile(x, resolution), up: np.repeat(y, resolution)}
        held = {
            i: given[i] if i in given else _middle(table.iloc[:, i], middle)
            for i in range(len(names))
            if i not in grid
        }
        return cls(
            names=(names[across], names[up]),
            x=x,
            y=y,
            samples=_samples(X, table, grid, held),
            held={names[i]: value for i, value in held.items()},
            points=np.column_stack([_numbers(table.iloc[:, i]) for i in (across, up)]),
        )


def _table_of(X: Any) -> pd.DataFrame:
    if sp.issparse(X):
        raise TypeError("X must be dense, as from X.toarray(), got a sparse matrix.")
    if isinstance(X, pd.DataFrame):
        table = X
    else:
        array = np.asarray(X)
        if array.ndim != 2:
            raise ValueError(f"X must have the shape (n_samples, n_features), got {array.shape}.")
        table = pd.DataFrame(array, columns=[f"x{i}" for i in range(array.shape[1])])
        table = table.infer_objects()
    if len(table) == 0:
        raise ValueError("X must hold at least one sample, got none.")
    return table


def _two(features: Sequence[int | str], names: list[str]) -> tuple[int, int]:
    if isinstance(features, str) or np.size(features) != 2:
        raise ValueError(f"features must be two names or positions, got {features!r}.")
    across, up = (_position(feature, names, "features") for feature in features)
    if across == up:
        raise ValueError(f"features must be two different ones, got {names[across]!r} twice.")
    return across, up


def _position(feature: Any, names: list[str], argument: str) -> int:
    if isinstance(feature, str):
        if feature not in names:
            raise ValueError(f"{argument} names {feature!r}, but the features of X are {names}.")
        return names.index(feature)
    try:
        position = operator.index(feature)
    except TypeError:
        raise TypeError(f"{argument} must be names or positions, got {feature!r}.") from None
    if not 0 <= position < len(names):
        raise ValueError(
            f"{argument} has {position}, but the positions are from 0 to {len(names) - 1}: "
            f"the features of X are {names}."
        )
    return position


def _is_number(column: pd.Series[Any]) -> bool:
    return is_numeric_dtype(column) and not is_bool_dtype(column)


def _numbers(column: pd.Series[Any]) -> Floats:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _range(column: pd.Series[Any], name: str, resolution: int) -> Floats:
    if not _is_number(column):
        raise ValueError(f"Feature {name!r} must hold numbers to be drawn, got {column.dtype}.")
    values = _numbers(column)
    values = values[np.isfinite(values)]
    if len(values) == 0:
        raise ValueError(f"Feature {name!r} has no value.")
    low, high = float(values.min()), float(values.max())
    margin = _MARGIN * (high - low) or 0.5
    return np.linspace(low - margin, high + margin, resolution)


def _middle(column: pd.Series[Any], middle: str) -> Any:
    if not _is_number(column):
        most_frequent = column.mode()
        return most_frequent.iloc[0] if len(most_frequent) > 0 else None
    return float(column.mean() if middle == "mean" else column.median())


def _samples(X: Any, table: pd.DataFrame, grid: dict[int, Floats], held: dict[int, Any]) -> Any:
    """Return the grid's samples in X's container."""
    n_samples = len(next(iter(grid.values())))
    columns = {}
    for i in range(table.shape[1]):
        column = table.iloc[:, i]
        # The mean of integers is none.
        is_whole = _is_number(column) and not is_float_dtype(column)
        dtype = np.dtype(np.float64) if is_whole else column.dtype
        columns[i] = pd.Series(grid.get(i, held.get(i)), index=range(n_samples), dtype=dtype)
    samples = pd.DataFrame(columns)
    if isinstance(X, pd.DataFrame):
        samples.columns = X.columns
        return samples
    kind = np.asarray(X).dtype
    return samples.to_numpy(dtype=kind if kind.kind in "fO" else np.float64)
