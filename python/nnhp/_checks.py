"""Errors about arguments that name the argument, where NumPy's or the system's would not."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sklearn.utils._param_validation import validate_parameter_constraints

_NO_NUMBERS = (
    "could not convert",
    "float() argument",
    "int() argument",
    "invalid literal",
    "setting an array",
)
_NOT_SORTED = ("not supported between instances", "did not contain a loop")
_MISSING = ("Input contains NaN", "boolean value of NA")  # of arrays of objects, and of pandas
_NO_WEIGHTS = "arguments to ufuncs"
_UNNAMED = (  # how texts begin that do not say whose array they mean
    "Complex data not supported",
    "Expected array-like",
    "Expected 2D array",
    "Expected sequence or array-like",
    "Found array with",
    "Found input variables with inconsistent",
    "Input should have at least",
    "Unknown label type",
    "The 'y_true' parameter",
)


@contextlib.contextmanager
def naming(numbers: str, arrays: str | None = None) -> Iterator[None]:
    """Name what is no number, no array, or no label among others.

    Parameters
    ----------
    numbers : str
        The arguments that must hold numbers, as the text is to call them.
    arrays : str or None
        Those whose shapes are looked at; None is the same.

    Raises
    ------
    TypeError, ValueError
        As NumPy and scikit-learn raise them, with another text.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        text, kind = str(error), TypeError if isinstance(error, TypeError) else ValueError
        if text.startswith(_NO_NUMBERS) or _NO_WEIGHTS in text:
            raise kind(f"{numbers} must hold numbers: {text}") from error
        if text.startswith(_MISSING):
            raise kind(f"{arrays or numbers} must have no missing values: {text}") from error
        if any(said in text for said in _NOT_SORTED):
            raise kind(f"{numbers} must hold labels of one kind, which can be sorted.") from error
        if text.startswith(_UNNAMED):
            raise kind(f"{arrays or numbers}: {text}") from error
        raise


def check_samples(**given: Any) -> None:
    """Raise TypeError where an argument is no array of samples or targets, but None or a text."""
    for name, value in given.items():
        if value is None or isinstance(value, str | bytes):
            raise TypeError(f"{name} must be an array with an entry per sample, got {value!r}.")


def as_path(path: Any, name: str = "path") -> Path:
    """Return a path; TypeError or ValueError, naming the argument, where it is none."""
    try:
        text = os.fsdecode(path)
    except TypeError:
        raise TypeError(f"{name} must be a str or a path-like object, got {path!r}.") from None
    if "\0" in text:
        raise ValueError(f"{name} must be without the character 0, got {path!r}.")
    return Path(text)


def check_iterable(given: Any, name: str, expected: str) -> None:
    """Raise TypeError where an argument cannot be gone through."""
    try:
        iter(given)
    except TypeError:
        raise TypeError(f"{name} must be {expected}, got {given!r}.") from None


def check_mapping(given: Any, name: str) -> None:
    """Raise TypeError where an argument is no mapping."""
    if not isinstance(given, Mapping):
        raise TypeError(f"{name} must be a dict, got {given!r}.")


def check_arguments(caller: str, constraints: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Raise InvalidParameterError, a ValueError, where an argument is out of bounds.

    Parameters
    ----------
    caller : str
        Whose arguments they are.
    constraints : mapping of str to list
        By scikit-learn's rules, of some or all of them.
    given : mapping of str to object
        The arguments by name; others are passed over.
    """
    known = {name: value for name, value in given.items() if name in constraints}
    validate_parameter_constraints(constraints, known, caller_name=caller)
