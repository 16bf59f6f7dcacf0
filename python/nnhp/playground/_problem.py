"""What the playground's nets learn from: made-up samples, or a table of the user's."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from nnhp import FeatureExpansion, datasets
from nnhp.playground._options import dataset_of, features_of, is_own

Floats = NDArray[np.float64]

HALF_SIDE = 6.0  # of the square that is drawn
MAX_LINE = 20_000  # characters
MIN_ROWS, MAX_ROWS, MAX_COLUMNS, MAX_CLASSES = 10, 20_000, 100, 10
_MAKERS = {
    "circle": datasets.make_circle,
    "xor": datasets.make_xor,
    "gauss": datasets.make_gauss,
    "spiral": datasets.make_spiral,
    "reg-plane": datasets.make_plane,
    "reg-gauss": datasets.make_multi_gauss,
}


@dataclass(frozen=True)
class Problem:
    """Samples, those to test with among them, and the plane on which they are drawn.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
        What nets are given.
    y : ndarray of shape (n_samples,)
        Numbers of classes, or targets, which lie in [-1, 1].
    points : ndarray of shape (n_samples, 2)
        Where the samples are drawn, in [-6, 6].
    n_train : int
        So many samples are learned from, the rest tests.
    classes : list of str
        Names of the classes; none of a regression.
    inputs : list of str
        Names of the features.
    plane : Plane
        From the drawing back to features.
    """

    X: Floats
    y: NDArray[Any]
    points: Floats
    n_train: int
    classes: list[str]
    inputs: list[str]
    plane: MadeUp | OwnPlane

    @property
    def is_regression(self) -> bool:
        """Whether the targets are numbers."""
        return not self.classes

    @property
    def train(self) -> tuple[Floats, NDArray[Any]]:
        """What is learned from."""
        return self.X[: self.n_train], self.y[: self.n_train]

    @property
    def test(self) -> tuple[Floats, NDArray[Any]]:
        """What tests."""
        return self.X[self.n_train :], self.y[self.n_train :]

    def grid(self, n: int) -> Floats:
        """Features of n x n points of the drawing, row by row from its upper left corner."""
        along = (np.arange(n) + 0.5) / n * 2 * HALF_SIDE - HALF_SIDE
        points = np.column_stack([np.tile(along, n), np.repeat(along[::-1], n)])
        return self.plane.features(points)


@dataclass(frozen=True)
class MadeUp:
    """The plane that made-up samples lie in."""

    expansion: FeatureExpansion

    def features(self, points: Floats) -> Floats:
        """What a net is given for points of the drawing."""
        return np.ascontiguousarray(self.expansion.transform(points), dtype=np.float64)


@dataclass(frozen=True)
class OwnPlane:
    """A plane through a table's features: two of them, or the two principal components."""

    center: Floats
    axes: Floats  # (2, n_features)
    scale: float

    def features(self, points: Floats) -> Floats:
        """What a net is given for points of the drawing."""
        return np.ascontiguousarray(self.center + points / self.scale @ self.axes)

    def points(self, X: Floats) -> Floats:
        """Where samples are drawn."""
        return np.asarray((X - self.center) @ self.axes.T * self.scale)


@dataclass(frozen=True)
class OwnTable:
    """A table of the user's, as the page sent it.

    Attributes
    ----------
    frame : DataFrame
        Its columns.
    target : str
        The column to predict.
    axes : tuple of str or None
        Two columns to draw over; None is the two principal components.
    name : str
        Of the file.
    separator : str
        Between its columns.
    """

    frame: pd.DataFrame
    target: str
    axes: tuple[str, str] | None
    name: str = "data.csv"
    separator: str = ","

    @classmethod
    def of(cls, text: str, target: str | None, axes: Any, name: str = "data.csv") -> OwnTable:
        """Read a text of comma-separated values.

        Raises
        ------
        ValueError
            If it is no table that a net can learn from here, with the reason.
        """
        lines = text.splitlines()
        if max(map(len, lines), default=0) > MAX_LINE:
            raise ValueError(f"the lines of the file must have at most {MAX_LINE} characters")
        separator = separator_of(lines[0] if lines else "")
        try:
            frame = pd.read_csv(io.StringIO(text), sep=separator, nrows=MAX_ROWS + 1)
        except (ValueError, pd.errors.ParserError) as error:
            raise ValueError(f"the file is no table of comma-separated values: {error}") from None
        if not 2 <= frame.shape[1] <= MAX_COLUMNS:
            raise ValueError(
                f"the table must have 2 to {MAX_COLUMNS} columns, got {frame.shape[1]}"
            )
        if len(frame) > MAX_ROWS:
            raise ValueError(f"the table must have at most {MAX_ROWS} rows")
        frame.columns = [str(name) for name in frame.columns]
        frame = frame.dropna()
        if len(frame) < MIN_ROWS:
            raise ValueError(f"the table must have at least {MIN_ROWS} rows without gaps")
        target = frame.columns[-1] if target is None else target
        if target not in frame.columns:
            raise ValueError(f"there is no column {target!r}")
        table = cls(frame, target, None, name, separator)
        if axes is None:
            return table
        names = [name for name in axes if name in table.numeric] if isinstance(axes, list) else []
        if len(names) != 2 or len(axes) != 2 or names[0] == names[1]:
            raise ValueError(f"axes must be two of the columns of numbers {table.numeric}")
        return cls(frame, target, (names[0], names[1]), name, separator)

    @cached_property
    def numeric(self) -> list[str]:
        """Columns of numbers, but for the target."""
        numbers = self.frame.select_dtypes("number").columns
        return [str(name) for name in numbers if name != self.target]

    def problem(self, options: Mapping[str, Any]) -> Problem:
        """Samples of a problem.

        Raises
        ------
        ValueError
            If the table has none of this kind.
        """
        if not self.numeric:
            raise ValueError("the table must have a column of numbers beside the target")
        rng = np.random.RandomState(seed_of(options))
        frame = self.frame.iloc[rng.permutation(len(self.frame))]
        X = StandardScaler().fit_transform(frame[self.numeric].to_numpy(np.float64))
        X = np.ascontiguousarray(X)
        classes, y = self._targets(frame[self.target], options)
        plane = self._plane(X)
        return Problem(
            X,
            y,
            plane.points(X),
            n_train_of(options, len(X)),
            classes,
            self.numeric,
            plane,
        )

    def _targets(
        self, column: pd.Series[Any], options: Mapping[str, Any]
    ) -> tuple[list[str], NDArray[Any]]:
        if options["problem"] == "classification":
            classes, y = np.unique(column.astype(str).to_numpy(), return_inverse=True)
            if not 2 <= len(classes) <= MAX_CLASSES:
                raise ValueError(
                    f"the column {self.target!r} must have 2 to {MAX_CLASSES} different values, "
                    f"got {len(classes)}"
                )
            return [str(name) for name in classes], y
        if self.target not in self.frame.select_dtypes("number"):
            raise ValueError(f"the column {self.target!r} must have numbers")
        y = column.to_numpy(np.float64)
        low, high = y.min(), y.max()
        return [], (y - (low + high) / 2) / max((high - low) / 2, 1e-300)

    def _plane(self, X: Floats) -> OwnPlane:
        center = np.zeros(X.shape[1])
        if self.axes is not None:
            axes = np.eye(X.shape[1])[[self.numeric.index(name) for name in self.axes]]
        elif X.shape[1] == 1:
            axes = np.array([[1.0], [0.0]])
        else:
            axes = PCA(2, random_state=0).fit(X).components_
        reach = np.abs((X - center) @ axes.T).max()
        return OwnPlane(center, axes, 0.9 * HALF_SIDE / max(float(reach), 1e-300))


def problem_of(options: Mapping[str, Any], own: OwnTable | None = None) -> Problem:
    """The problem that options set.

    Raises
    ------
    ValueError
        If they ask for a table of the user's, and there is none that fits.
    """
    if is_own(options):
        if own is None:
            raise ValueError("there are no data of your own yet: choose a file")
        return own.problem(options)
    points, y = maker_of(options)(noise=options["noise"], random_state=seed_of(options))
    expansion = FeatureExpansion(features_of(options)).fit(points)
    classes = ["-1", "1"] if options["problem"] == "classification" else []
    plane = MadeUp(expansion)
    return Problem(
        plane.features(points),
        y,
        points,
        n_train_of(options, len(points)),
        classes,
        features_of(options),
        plane,
    )


def separator_of(header: str) -> str:
    """What stands between the columns, by the line of their names."""
    return max(",;\t|", key=header.count)


def maker_of(options: Mapping[str, Any]) -> Callable[..., tuple[Any, Any]]:
    """The function of `nnhp.datasets` that makes the samples."""
    return _MAKERS[dataset_of(options)]


def seed_of(options: Mapping[str, Any]) -> int:
    """An integer of the seed's text."""
    return zlib.crc32(options["seed"].encode())


def n_train_of(options: Mapping[str, Any], n_samples: int) -> int:
    """How many samples are learned from."""
    return int(min(max(n_samples * options["percTrainData"] // 100, 2), n_samples - 2))
