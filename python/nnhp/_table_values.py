"""Rows of a table as frames, their values as texts, and numbers that are classes."""

from __future__ import annotations

import re
import warnings
from bisect import bisect_left
from collections.abc import Hashable
from decimal import Decimal
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import validate_data

from nnhp._caller import stacklevel
from nnhp._table_words import counted, listed

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-][0-9]{2,3})?")  # as floats are written
_TRUTH = {"true": True, "false": False}
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


class KnownTexts(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Turn all values into text, in the writing of the training, whatever they were read as.

    A reader of tables makes 10 of the text "10" where all others of the column are numbers too,
    10.0 where one is missing, and a truth value of "true" where all others are.

    Attributes
    ----------
    known_ : list of lists of str
        For each column the different texts of the training.
    """

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002
        """Learn the texts; y is ignored."""
        validate_data(self, X, skip_check_array=True)
        self.known_ = [sorted(_texts(column)) for _, column in as_text(X).items()]
        return self

    def transform(self, X: Any) -> pd.DataFrame:
        """Give the texts; warn of a column that has none of the training's."""
        validate_data(self, X, skip_check_array=True, reset=False)
        text = as_text(X)
        for i, known in enumerate(self.known_):
            column = text.iloc[:, i]
            found = _texts(column)
            unknown = [each for each in found if not _holds(known, each)]
            if not unknown or not known:
                continue
            written = _in_known_writing(unknown, known)
            if written:
                renamed = column.map({each: written.get(each, each) for each in found})
                text.iloc[:, i] = renamed.to_numpy(dtype=object)
            elif len(unknown) == len(found):
                warnings.warn(
                    f"the column {column.name!r} counts for nothing in these rows: its texts "
                    f"({listed(sorted(found))}) are none of the training's ({listed(known)})",
                    stacklevel=stacklevel(),
                )
        return text


def _texts(column: pd.Series) -> set[str]:
    return {text for text in set(column) if isinstance(text, str)}  # and not NaN


def _holds(known: list[str], text: str) -> bool:
    """Whether a sorted list has the text."""
    place = bisect_left(known, text)
    return known[place : place + 1] == [text]


def _in_known_writing(unknown: list[str], known: list[str]) -> dict[str, str]:
    """For each text of the same value as a known one, and as one only, that one."""
    of_truth = all(text.lower() in _TRUTH for text in known)
    of_value: dict[object, list[str]] = {}
    for text in known:
        of_value.setdefault(_value(text, of_truth), []).append(text)
    alike = {text: of_value.get(_value(text, of_truth), []) for text in unknown}
    return {text: texts[0] for text, texts in alike.items() if len(texts) == 1}


def _value(text: str, of_truth: bool) -> object:
    """The number that a text is of, exactly, or the truth value (1 and 0 too); else itself."""
    plain = text.strip()
    if _NUMBER.fullmatch(plain):
        return Decimal(plain)
    if plain.lower() in _TRUTH:
        return _TRUTH[plain.lower()] if of_truth else plain.lower()
    return text


def few_enough_for_classes(values: NDArray[Any]) -> bool:
    """Whether whole numbers are so few different ones that they are taken for classes."""
    return len(np.unique(values)) <= max(2, min(_MAX_CLASSES, int(np.sqrt(len(values)))))
