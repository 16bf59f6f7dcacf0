"""Files of the command line: tables to read, models to write, and why that cannot be."""

from __future__ import annotations

import os
import warnings
import zipfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import datasets

from nnhp import _model_files
from nnhp._choices import BUNDLED
from nnhp._table_words import counted, listed, one_line

# A number that may have a comma before its fraction, and points between its thousands.
_DECIMAL_COMMAS = r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+)(?:,\d+)?(?:[eE][+-]?\d+)?"

Arrays = tuple[NDArray[Any], NDArray[Any]]


class RefusedError(ValueError):
    """What was asked for cannot be done; the message says why, in one line."""


class FailedError(Exception):
    """Something outside went wrong; the message says what, in one line."""


# ------------------------------------------------------------------ reading


def read(source: str) -> tuple[str, pd.DataFrame | Arrays, list[str]]:
    """Read a table.

    Parameters
    ----------
    source : str
        Name of a bundled data set, or path of a CSV, Parquet or NPZ file.

    Returns
    -------
    name : str
        Of the data set or the file.
    content : DataFrame, or tuple of ndarray
        With one row at least; X and y of an NPZ file or a bundled data set.
    remarks : list of str
        What was made of it on the way.

    Raises
    ------
    RefusedError
        If there is no such file, or it cannot be read.
    """
    if source in BUNDLED:
        X, y = getattr(datasets, f"load_{source}")(return_X_y=True)
        return source, (X, y), []
    path = Path(source)
    remarks: list[str] = []
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".npz"]:
        return path.name, _read(path, _read_npz), []
    if suffixes[-1:] in ([".parquet"], [".pq"]):
        frame = _read(path, _read_parquet)
    elif {".csv", ".tsv"}.intersection(suffixes[-2:]):  # perhaps compressed
        frame, remarks = _read(path, _read_csv)
    elif path.exists():
        raise RefusedError(f"{source}: not a .csv, .parquet or .npz file")
    else:
        raise RefusedError(
            f"{source!r} is neither a file nor a bundled data set ({', '.join(BUNDLED)})"
        )
    if frame.size == 0:
        raise RefusedError(f"{path.name}: the file has no rows")
    return path.name, frame, remarks


def _read(path: Path, read: Callable[[Path], Any]) -> Any:
    try:
        path.open("rb").close()  # says in one way what no reader can read
        return read(path)
    except RefusedError:
        raise
    except UnicodeDecodeError:
        raise RefusedError(f"{path.name}: the text is not encoded as UTF-8") from None
    except pd.errors.EmptyDataError:
        raise RefusedError(f"{path.name}: the file is empty") from None
    except OSError as error:
        raise RefusedError(f"cannot read {path}: {error.strerror or one_line(error)}") from None
    except Exception as error:  # each format has errors of its own
        raise RefusedError(f"cannot read {path}: {one_line(error)}") from error


def _read_csv(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Read a CSV file; where no comma separates, commas may be those of numbers."""
    heading = pd.read_csv(path, nrows=0).columns
    separator = max(";\t|", key=str(heading[0]).count)
    if len(heading) > 1 or separator not in heading[0]:
        return _read_rows(path, ","), []
    frame = _read_rows(path, separator)
    changed = [column for column in frame if _has_decimal_commas(frame[column])]
    for column in changed:
        plain = frame[column].str.replace(".", "").str.replace(",", ".")
        frame[column] = pd.to_numeric(plain)
    if not changed:
        return frame, []
    return frame, [f"{counted(changed, 'column')} with decimal commas: {listed(changed)}"]


def _read_rows(path: Path, separator: str) -> pd.DataFrame:
    """Read a CSV file whose rows have no more values than the heading has names.

    They may end with a separator more than it; else pandas would name the last columns alone.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return pd.read_csv(path, sep=separator, index_col=False, low_memory=False)
        except pd.errors.ParserWarning:
            raise RefusedError(
                f"{path.name}: the rows have more values than the heading has names; expected one "
                f"for each column, with {separator!r} between them"
            ) from None


def _has_decimal_commas(values: pd.Series) -> bool:
    """Whether a column holds numbers such as 12,5 and 1.234,5, and nothing else."""
    known = values.dropna()
    if known.empty or not known.map(lambda value: isinstance(value, str)).all():
        return False
    fits = known.str.strip().str.fullmatch(_DECIMAL_COMMAS)
    return bool(fits.all() and known.str.contains(",").any())


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        import_module("pyarrow")
    except ImportError:
        raise RefusedError(
            "reading Parquet files needs pyarrow: pip install 'nnhp[parquet]'"
        ) from None
    return pd.read_parquet(path, engine="pyarrow")


def _read_npz(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise RefusedError(f"{path.name}: this is not an NPZ file")
    with np.load(path, allow_pickle=False) as arrays:
        missing = {"X", "y"}.difference(arrays)
        if missing:
            raise RefusedError(
                f"{path.name}: an NPZ file needs the arrays X and y; this has {listed(arrays)}"
            )
        X, y = arrays["X"], arrays["y"]
    if y.ndim == 2 and y.shape[1] == 1:
        y = y.ravel()
    if X.ndim != 2 or y.ndim != 1 or len(X) != len(y):
        raise RefusedError(
            f"{path.name}: X must have the shape (rows, columns) and y the shape (rows,), "
            f"not {X.shape} and {y.shape}"
        )
    for name, array in (("X", X), ("y", y)):
        if array.dtype.kind not in "biufU":
            raise RefusedError(f"{path.name}: {name} must hold numbers or texts, not {array.dtype}")
    if X.size == 0:
        raise RefusedError(f"{path.name}: the file has no rows")
    return (X.astype(np.uint8) if X.dtype.kind == "b" else X), y


# ------------------------------------------------------------------ writing


def check_writable(path: str, option: str) -> None:
    """Raise RefusedError, before the search, if a file could not be written after it."""
    folder = Path(path).absolute().parent
    if Path(path).exists() and not Path(path).is_file():
        raise RefusedError(f"{option}: {path} exists and is not a file")
    if not folder.is_dir():
        raise RefusedError(f"{option}: there is no folder {folder}")
    # The new file is made beside the earlier one.
    if not os.access(folder, os.W_OK) or (Path(path).exists() and not os.access(path, os.W_OK)):
        raise RefusedError(f"{option}: {path} cannot be written")


def save(model: Any, path: str) -> None:
    """Write a model; an earlier file stays until the new one is complete.

    Raises
    ------
    FailedError
        If it cannot be written.
    """
    try:
        _model_files.save(model, path)
    except (OSError, ValueError) as error:
        raise FailedError(f"cannot save the model: {one_line(error)}") from error
