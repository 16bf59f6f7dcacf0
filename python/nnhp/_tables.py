"""Tables for the command line: looked over, and made ready for a network."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from decimal import Decimal
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from nnhp import _table_files
from nnhp._table_files import RefusedError
from nnhp._table_values import KnownTexts, as_frame, few_enough_for_classes
from nnhp._table_words import closest, counted, listed
from nnhp.estimators import MLPClassifier, MLPRegressor

STEP = "mlp__"  # what names of the network's parameters begin with

_DEFAULT_TARGET = "target"
_MAX_CATEGORIES = 50  # of a text column; the rarer ones share one
_SHOWN_CLASSES = 6
_MIN_IDS = 20  # different texts that a column of ids has at least


@dataclass(frozen=True)
class Table:
    """Samples and their targets, and what was found out about them.

    Attributes
    ----------
    name : str
        Of the file or the data set.
    X : DataFrame of shape (n_samples, n_columns)
        All columns but the target. Columns of arrays are numbered.
    y : ndarray of shape (n_samples,)
        Targets, without missing values.
    target : str
        What the target is called.
    classification : bool
        Whether targets are classes; otherwise they are amounts.
    numbers, texts : list
        Columns of X that are of use, by what they hold.
    remarks : list of str
        What the user should know: what was left out, and why.
    """

    name: str
    X: pd.DataFrame
    y: NDArray[Any]
    target: str
    classification: bool
    numbers: list[Hashable]
    texts: list[Hashable]
    remarks: list[str]

    @property
    def task(self) -> str:
        """What is to be learned, in a few words."""
        if not self.classification:
            return "regression"
        classes = np.unique(self.y)
        names = f" ({listed(classes)})" if len(classes) <= _SHOWN_CLASSES else ""
        return f"classification, {len(classes)} classes{names}"

    @property
    def columns(self) -> str:
        """How many columns of which kind are used, in a few words."""
        return f"{counted(self.numbers, 'column')} of numbers, {len(self.texts)} of text"


def load(source: str, *, target: str | None = None, task: str | None = None) -> Table:
    """Read a table and find out what is in it.

    Parameters
    ----------
    source : str
        Name of a bundled data set, or path of a CSV, Parquet or NPZ file. An NPZ file
        has the arrays ``X`` and ``y``.
    target : str, default=None
        Column to predict in a CSV or Parquet file; None is the column ``target``.
    task : {'classification', 'regression'}, default=None
        What to learn; None infers it: texts, truth values and few different whole numbers are
        classes.

    Returns
    -------
    table : Table
        Without rows whose target is missing or is the only one of its class.

    Raises
    ------
    RefusedError
        If the file cannot be read, or there is nothing to learn from it.

    Examples
    --------
    >>> from nnhp import _tables
    >>> table = _tables.load("wine")
    >>> table.task, table.columns
    ('classification, 3 classes (0, 1, 2)', '13 columns of numbers, 0 of text')
    """
    name, content, remarks = _table_files.read(source)
    if isinstance(content, tuple):
        return _of_arrays(name, *content, target, task)
    frame = content.rename(columns=str).reset_index(drop=True)
    target = _chosen_target(name, frame, target)
    return _looked_over(name, frame.drop(columns=target), frame[target], target, task, remarks)


def preprocessing(table: Table) -> ColumnTransformer:
    """What makes a network's features of a table's columns, whatever is missing in them.

    Numbers: the median for what is missing, then mean 0 and standard deviation 1. Texts, categories
    and truth values: the most frequent one for what is missing, then one feature per value,
    however a reader of tables took it; rare values share one, and values that training has not
    seen have none.
    """
    of_numbers = Pipeline(
        [
            ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
            ("scale", StandardScaler()),
        ]
    )
    of_texts = Pipeline(
        [
            ("text", KnownTexts()),
            ("impute", SimpleImputer(strategy="most_frequent", keep_empty_features=True)),
            (
                "encode",
                OneHotEncoder(
                    handle_unknown="ignore", min_frequency=2, max_categories=_MAX_CATEGORIES
                ),
            ),
        ]
    )
    steps = [("numbers", of_numbers, table.numbers), ("texts", of_texts, table.texts)]
    return ColumnTransformer([step for step in steps if step[2]])


def network(table: Table, *, epochs: int, seed: int) -> Pipeline:
    """A network for a table: its step is called ``STEP``, without the underscores.

    Preparing is part of the model, so that no fold learns from the rows that judge it.
    """
    estimator = MLPClassifier if table.classification else MLPRegressor
    # Rounding to float32 is far below what the features are known to; it halves the time.
    net = estimator(max_iter=epochs, dtype="float32", random_state=seed)
    return Pipeline([("prepare", preprocessing(table)), (STEP[:-2], net)])


def naming(table: Table) -> FunctionTransformer:
    """What gives rows without names of columns, such as arrays and lists, those of a table."""
    return FunctionTransformer(as_frame, kw_args={"columns": list(table.X.columns)}).fit(table.X)


# ------------------------------------------------------------------ looking over


def _of_arrays(
    name: str, X: NDArray[Any], y: NDArray[Any], target: str | None, task: str | None
) -> Table:
    if target is not None:
        raise RefusedError(f"--target is for CSV and Parquet files; {name} has its own target")
    return _looked_over(name, pd.DataFrame(X), pd.Series(y), "y", task, [])


def _chosen_target(name: str, frame: pd.DataFrame, target: str | None) -> str:
    has = f"it has {listed(frame.columns)}"
    if target is None and _DEFAULT_TARGET not in frame:
        raise RefusedError(f"{name}: name the column to predict with --target; {has}")
    chosen = _DEFAULT_TARGET if target is None else target
    if chosen not in frame:
        meant = closest(chosen, frame.columns)
        raise RefusedError(f"--target: {name} has no column {chosen!r}{meant}; {has}")
    return chosen


def _looked_over(
    name: str, X: pd.DataFrame, y: pd.Series, target: str, task: str | None, remarks: list[str]
) -> Table:
    """Make the table, with more remarks."""
    remarks = list(remarks)
    known = y.notna()
    if not known.all():
        if not known.any():
            raise RefusedError(f"{name}: every value of {target!r} is missing")
        remarks.append(f"{counted(~known)} left out: {target!r} is missing")
    values = _target_values(name, y[known], target)
    classification = _is_classification(name, values, target, task)
    X = X[known]
    if classification:
        classes, place, counts = np.unique(values, return_inverse=True, return_counts=True)
        if len(classes) == 1:
            raise RefusedError(f"{name}: {target!r} has one class only ({listed(classes)})")
        single = counts[place] == 1
        if single.any():
            if (counts > 1).sum() < 2:
                frequent = listed(classes[counts > 1])
                but = f" but for {frequent}" if frequent else ""
                raise RefusedError(
                    f"{name}: the {len(classes)} classes of {target!r} have one row each{but}, "
                    "too few to learn from and to judge by"
                )
            remarks.append(
                f"{counted(single)} left out, the only one of its class: "
                f"{listed(classes[counts == 1])}"
            )
            X, values = X[~single], values[~single]
    else:
        values = values.astype(np.float64)
        if (values == values[0]).all():
            raise RefusedError(f"{name}: every value of {target!r} is {values[0]:g}")
    numbers, texts = _useful_columns(name, X, remarks)
    X = X.reset_index(drop=True)
    return Table(name, X, values, target, classification, numbers, texts, remarks)


def _target_values(name: str, y: pd.Series, target: str) -> NDArray[Any]:
    """Targets as an array of integers, floats, truth values or texts."""
    if isinstance(y.dtype, pd.CategoricalDtype):
        y = y.astype(y.cat.categories.dtype)
    kind = _kind(y)
    if kind == "truth":
        return y.astype(bool).to_numpy()
    if kind == "text":
        return y.astype("string").to_numpy(dtype=object)
    if kind != "number":
        raise RefusedError(f"{name}: {target!r} holds {kind}, which cannot be predicted")
    if types.is_integer_dtype(y.dtype):
        return y.to_numpy(dtype=np.int64 if y.max() <= np.iinfo(np.int64).max else np.uint64)
    values = y.to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        raise RefusedError(f"{name}: {target!r} has infinite values")
    # Whole numbers become floats where one of them is missing.
    whole = (values == np.round(values)).all() and (np.abs(values) < 2**53).all()
    return values.astype(np.int64) if whole else values


def _is_classification(name: str, values: NDArray[Any], target: str, task: str | None) -> bool:
    if values.dtype.kind in "Ob":
        if task == "regression" and values.dtype.kind == "O":
            raise RefusedError(f"{name}: {target!r} holds text: regression needs numbers")
        return task != "regression"
    if task == "classification" and values.dtype.kind == "f":
        raise RefusedError(f"{name}: {target!r} holds fractions: classification needs classes")
    if task is not None:
        return task == "classification"
    return values.dtype.kind in "iu" and few_enough_for_classes(values)


def _useful_columns(
    name: str, X: pd.DataFrame, remarks: list[str]
) -> tuple[list[Hashable], list[Hashable]]:
    """Columns of numbers and of texts; the remarks get why others are not among them."""
    numbers: list[Hashable] = []
    texts: list[Hashable] = []
    dropped: dict[str, list[Hashable]] = {}
    for column in X:
        values = X[column]
        kind = _kind(values)
        reason = _why_useless(values, kind)
        if reason is not None:
            dropped.setdefault(reason, []).append(column)
        elif kind == "number":
            if np.isinf(_floats(values)).any():
                raise RefusedError(f"{name}: the column {column!r} has infinite values")
            numbers.append(column)
        else:
            texts.append(column)
    for reason, columns in dropped.items():
        remarks.append(f"{counted(columns, 'column')} left out, {reason}: {listed(columns)}")
    if not numbers and not texts:
        raise RefusedError(f"{name}: no column is left to learn from")
    return numbers, texts


def _why_useless(values: pd.Series, kind: str) -> str | None:
    if kind not in ("number", "text", "truth"):
        return f"holding {kind}"
    if values.isna().all():
        return "empty"
    n_different = values.nunique()
    if n_different == 1:
        return "always the same"
    if kind == "text" and n_different > max(values.count() / 2, _MIN_IDS):
        return "a text of its own in most rows"
    if kind == "number" and isinstance(values.name, str) and n_different == len(values):
        offsets = _floats(values) - values.index
        if offsets[0] in (0, 1) and (offsets == offsets[0]).all():
            return "counting the rows"
    return None


def _floats(values: pd.Series) -> NDArray[np.float64]:
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _kind(values: pd.Series) -> str:
    """What a column holds: 'number', 'truth' or 'text'; or what no network can take."""
    dtype = values.dtype
    if types.is_bool_dtype(dtype):
        return "truth"
    if types.is_numeric_dtype(dtype):
        return "complex numbers" if types.is_complex_dtype(dtype) else "number"
    if isinstance(dtype, pd.CategoricalDtype) or not types.is_object_dtype(dtype):
        plain = isinstance(dtype, pd.CategoricalDtype) or types.is_string_dtype(dtype)
        return "text" if plain else f"values of the type {dtype}"
    known = values.dropna()
    if known.map(lambda value: isinstance(value, bool | np.bool_)).all():
        return "truth" if len(known) else "text"
    if known.map(lambda value: isinstance(value, Number | Decimal)).all():
        return "number"
    simple = known.map(lambda value: isinstance(value, str | Number | bool)).all()
    return "text" if simple else "values that are neither numbers nor text"
