"""Rows of a table as frames, their values as texts, and numbers that are classes."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnhp._table_words import counted, listed

_MAX_CLASSES = 20  # more different whole numbers are taken for amounts


def as_frame(X: Any, columns: list[Hashable]) -> pd.DataFrame:
    """Rows as a frame: with their names of columns where they have some, else with these ones."""
    frame = pd.DataFrame(X.to_pandas() if hasattr(X, "to_pandas") else X)
    if all(list(names) != list(range(len(names))) for names in (frame.columns, columns)):
        return frame
    if frame.shape[1] != len(columns):
        raise ValueError(
            f"rows must have {counted(columns, 'column')}, in the order of the table "
            f"({listed(columns)}), or names of columns; got {frame.shape[1]}"
        )
    return frame.set_axis(columns, axis=1).infer_objects()


def as_text(X: Any) -> pd.DataFrame:
    """Turn all values into text, so that columns of mixed types can be compared; NaN if missing."""
    text = pd.DataFrame(X).astype("string").astype(object)
    return text.where(text.notna(), np.nan)


def few_enough_for_classes(values: NDArray[Any]) -> bool:
    """Whether whole numbers are so few different ones that they are taken for classes."""
    return len(np.unique(values)) <= max(2, min(_MAX_CLASSES, int(np.sqrt(len(values)))))
