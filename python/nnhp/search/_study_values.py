"""Values of a study as bytes and back: typed JSON and raw arrays, never pickle.

What typed JSON cannot hold is kept as its name and hash only.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any, TypeAlias

import joblib
import numpy as np

from nnhp import _typed_json
from nnhp._component import Component
from nnhp._typed_json import RAW_KINDS, Encoder, array_of
from nnhp.search._fingerprint import describe

Other: TypeAlias = Callable[[Any], Any]

_MAX_NAME = 200


@dataclass(frozen=True)
class NamedValue:
    """Stands for a value that JSON cannot hold; the value itself must be given again.

    Attributes
    ----------
    name : str
        What it was called or looked like.
    hash : str or None
        Its ``joblib.hash``, or that of a function's description; None where there is none.
    """

    name: str
    hash: str | None

    def __repr__(self) -> str:
        return f"<{self.name}: only its name is kept>"


def named(value: Any) -> Any:
    """JSON that names a value of any type."""
    if isinstance(value, NamedValue):
        return {"$named": [value.name, value.hash]}
    if hasattr(value, "__qualname__"):
        name = f"{value.__module__}.{value.__qualname__}"
    else:
        name = repr(value)
        if " at 0x" in name:  # another one in each process
            name = f"{type(value).__module__}.{type(value).__qualname__}"
    try:
        digest = joblib.hash(value)
    except (pickle.PicklingError, TypeError, AttributeError):
        digest = joblib.hash(describe(value)) if isinstance(value, FunctionType) else None
    return {"$named": [name[:_MAX_NAME], digest]}


def refused(value: Any) -> Any:
    """Raise TypeError: for values that are of no use without what they stand for."""
    raise TypeError(
        f"{value!r} cannot be kept in a study. It keeps None, bool, int, float, str, NumPy's "
        "scalars and arrays of these, nnhp's optimizers and other components, and tuples, lists "
        "and dicts of them."
    )


class _StudyEncoder(Encoder):
    """Knows what to do with what cannot be kept."""

    def __init__(self, other: Other) -> None:
        self._other = other

    def other(self, value: Any, path: str) -> Any:
        return self._other(value)

    def component(self, value: Component, path: str) -> Any:
        """Turn a component, if all of its parameters can be kept; else it is like any other."""
        try:
            return Encoder.component(_StudyEncoder(refused), value, path)
        except TypeError:
            return self._other(value)


def dumps(value: Any, other: Other = named) -> bytes:
    """`value` as typed JSON; `other` turns what it cannot hold."""
    return _StudyEncoder(other).dumps(value)


def loads(content: bytes) -> Any:
    """The value that `dumps` was given."""
    return _typed_json.loads(content, {"$named": lambda kept: NamedValue(*kept)})


def pack_arrays(epoch: int, arrays: Mapping[str, Any]) -> bytes:
    """A checkpoint as bytes: a JSON header with its length before it, then the arrays' memory."""
    header: dict[str, Any] = {"epoch": int(epoch), "arrays": [], "values": {}}
    memory = []
    for name, value in arrays.items():
        if type(value) is np.ndarray and value.dtype.kind in RAW_KINDS:
            header["arrays"].append([name, value.dtype.str, list(value.shape)])
            memory.append(value.tobytes())
        else:
            header["values"][name] = value
    text = dumps(header, refused)
    return b"".join([len(text).to_bytes(8, "little"), text, *memory])


def unpack_arrays(content: bytes) -> tuple[int, dict[str, Any]]:
    """Epoch and arrays that `pack_arrays` was given."""
    begin = 8 + int.from_bytes(content[:8], "little")
    header = loads(content[8:begin])
    arrays: dict[str, Any] = header["values"]
    for name, dtype, shape in header["arrays"]:
        end = begin + math.prod(shape) * np.dtype(dtype).itemsize
        arrays[name] = array_of(dtype, shape, content[begin:end])
        begin = end
    return header["epoch"], arrays
