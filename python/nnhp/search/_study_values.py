"""Values of a study as bytes and back: typed JSON and raw arrays, never pickle.

JSON's own types stand for themselves. What it lacks is an object with one key that starts with
``$``: a tuple, nan and infinities, NumPy's scalars and arrays, dicts with other keys, and nnhp's
own components by their name and parameters. Anything else is kept as its name and hash only.
"""

from __future__ import annotations

import base64
import json
import math
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any, TypeAlias

import joblib
import numpy as np

from nnhp import _component
from nnhp._component import Component
from nnhp.search._fingerprint import describe

Other: TypeAlias = Callable[[Any], Any]

_MAX_NAME = 200
_PLAIN = frozenset({type(None), bool, int, str})
_RAW_KINDS = "biufcSUmM"


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


def to_json(value: Any, other: Other = named) -> Any:
    """`value` in terms of JSON's types; `other` turns what JSON cannot hold.

    Only exact types are taken for what they are: a subclass may hold more than its base.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if kind is list:
        if set(map(type, value)) == {float} and math.isfinite(sum(value)):  # a curve
            return value
        return [to_json(entry, other) for entry in value]
    if kind is tuple:
        return {"$tuple": [to_json(entry, other) for entry in value]}
    if kind is dict:
        if all(type(key) is str and not key.startswith("$") for key in value):
            return {key: to_json(entry, other) for key, entry in value.items()}
        return {"$dict": [[to_json(k, other), to_json(v, other)] for k, v in value.items()]}
    if isinstance(value, np.generic):
        if kind is np.str_ or (value.dtype.kind in "biuf" and value.dtype.itemsize <= 8):
            return {"$numpy": [value.dtype.str, to_json(value.item(), other)]}
        if value.dtype.kind in _RAW_KINDS:
            return {"$scalar": [value.dtype.str, base64.b64encode(value.tobytes()).decode()]}
    if kind is np.ndarray and value.dtype.kind in _RAW_KINDS:
        data = base64.b64encode(value.tobytes()).decode()
        return {"$array": [value.dtype.str, list(value.shape), data]}
    if isinstance(value, Component):
        return _component_to_json(value, other)
    return other(value)


def _component_to_json(value: Component, other: Other) -> Any:
    """A component, if all of its parameters can be kept; else what `other` makes of it."""
    path = _component.path_of(value)
    if path is None:
        return other(value)
    try:
        return {"$component": [path, to_json(value.get_params(deep=False), refused)]}
    except TypeError:
        return other(value)


def _array(dtype: str, shape: list[int], data: bytes) -> Any:
    return np.frombuffer(data, dtype=np.dtype(dtype)).reshape(shape).copy()


_FROM_TAG: dict[str, Callable[[Any], Any]] = {
    "$float": float,
    "$tuple": tuple,
    "$dict": dict,
    "$numpy": lambda kept: np.dtype(kept[0]).type(kept[1]),
    "$scalar": lambda kept: _array(kept[0], [], base64.b64decode(kept[1]))[()],
    "$array": lambda kept: _array(kept[0], kept[1], base64.b64decode(kept[2])),
    "$component": lambda kept: _component.named(*kept),
    "$named": lambda kept: NamedValue(*kept),
}


def _from_object(found: dict[str, Any]) -> Any:
    if len(found) == 1:
        ((tag, kept),) = found.items()
        if tag in _FROM_TAG:
            return _FROM_TAG[tag](kept)
    return found


def dumps(value: Any, other: Other = named) -> bytes:
    """`value` as typed JSON."""
    return json.dumps(to_json(value, other), allow_nan=False, separators=(",", ":")).encode()


def loads(content: bytes) -> Any:
    """The value that `dumps` was given."""
    return json.loads(content, object_hook=_from_object)


def pack_arrays(epoch: int, arrays: Mapping[str, Any]) -> bytes:
    """A checkpoint as bytes: a JSON header with its length before it, then the arrays' memory."""
    header: dict[str, Any] = {"epoch": int(epoch), "arrays": [], "values": {}}
    memory = []
    for name, value in arrays.items():
        if type(value) is np.ndarray and value.dtype.kind in _RAW_KINDS:
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
        arrays[name] = _array(dtype, shape, content[begin:end])
        begin = end
    return header["epoch"], arrays
