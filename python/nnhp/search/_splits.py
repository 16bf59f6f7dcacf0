"""The folds of a search, as rows of its samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import _num_samples

from nnhp._checks import naming
from nnhp.search._outcome import Split


def splits_of(cv: Any, X: Any, y: Any, params: Mapping[str, Any], *, expected: int) -> list[Split]:
    """Splits that a splitter makes now; ValueError where they are not as many as it said."""
    n_samples = _num_samples(X)
    with naming("y", ", ".join(["X", "y", *params])):
        made = list(cv.split(X, y, **params))
    splits = [Split(*(row_numbers(part, n_samples) for part in split)) for split in made]
    if len(splits) != expected:
        raise ValueError(
            "cv.split and cv.get_n_splits return inconsistent results. Expected "
            f"{expected} splits, got {len(splits)}"
        )
    return splits


def row_numbers(part: Any, n_samples: int) -> NDArray[np.int32]:
    """Row numbers of one part of a split, which may be a mask, or count from the end."""
    rows = np.asarray(part)
    if rows.dtype == bool:
        if rows.shape != (n_samples,):
            raise IndexError(
                f"The splits of cv have a mask of the shape {rows.shape}, expected one entry for "
                f"each of {n_samples} samples."
            )
        return np.flatnonzero(rows).astype(np.int32)
    if rows.ndim != 1:
        raise ValueError(f"The splits of cv must have one dimension, got the shape {rows.shape}.")
    if rows.dtype.kind not in "iu" and rows.size:
        raise ValueError(f"The splits of cv must be integers or masks, got {rows.dtype}.")
    rows = rows.astype(np.int64)
    outside = rows[(rows < -n_samples) | (rows >= n_samples)]
    if outside.size:
        raise IndexError(
            f"The splits of cv have row {outside[0]}, but there are {n_samples} samples."
        )
    return np.where(rows < 0, rows + n_samples, rows).astype(np.int32)


def same_splits(a: Sequence[Split], b: Sequence[Split]) -> bool:
    """Whether folds have the same rows in the same order."""
    return len(a) == len(b) and all(
        np.array_equal(x.train, y.train) and np.array_equal(x.test, y.test)
        for x, y in zip(a, b, strict=True)
    )
