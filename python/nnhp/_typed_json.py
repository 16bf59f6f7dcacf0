"""Values as JSON and back, with their types: never pickle.

JSON's own types stand for themselves. What it lacks is an object with one key that starts with
``$``: a tuple, nan and infinities, NumPy's scalars and arrays, dicts with other keys, and nnhp's
own components by their name and parameters. Users of `Encoder` and `loads` may know more.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nnhp import _component
from nnhp._component import Component

RAW_KINDS = "biufcSUmM"  # of arrays whose memory is all there is to them
_PLAIN = frozenset({type(None), bool, int, str})


class Encoder:
    """Turns values into terms of JSON's types.

    Only exact types are taken for what they are: a subclass may hold more than its base. A path
    tells where in the outermost value the one at hand is, by names with points between them.
    """

    def other(self, value: Any, path: str) -> Any:
        """Turn what is not known; here raise TypeError."""
        raise TypeError(f"{path or 'The value'} is {value!r}, which typed JSON cannot hold.")

    def array(self, value: Any, path: str) -> Any:
        """Turn a NumPy array; here all that have no Python objects in them."""
        if value.dtype.kind not in RAW_KINDS:
            return self.other(value, path)
        data = base64.b64encode(value.tobytes()).decode()
        return {"$array": [value.dtype.str, list(value.shape), data]}

    def component(self, value: Component, path: str) -> Any:
        """Turn one of nnhp's components."""
        name = _component.path_of(value)
        if name is None:
            return self.other(value, path)
        return {"$component": [name, self.encode(value.get_params(deep=False), path)]}

    def encode(self, value: Any, path: str = "") -> Any:
        """`value` in terms of JSON's types."""
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is float:
            return value if math.isfinite(value) else {"$float": repr(value)}
        if kind is list:
            if set(map(type, value)) == {float} and math.isfinite(sum(value)):  # a curve
                return value
            return self._entries(value, path)
        if kind is tuple:
            return {"$tuple": self._entries(value, path)}
        if kind is dict:
            if all(type(key) is str and not key.startswith("$") for key in value):
                return {key: self.encode(entry, f"{path}.{key}") for key, entry in value.items()}
            return {
                "$dict": [
                    [self.encode(k, path), self.encode(v, f"{path}.{k}")] for k, v in value.items()
                ]
            }
        if isinstance(value, np.generic):
            if kind is np.str_ or (value.dtype.kind in "biuf" and value.dtype.itemsize <= 8):
                return {"$numpy": [value.dtype.str, self.encode(value.item(), path)]}
            if value.dtype.kind in RAW_KINDS:
                return {"$scalar": [value.dtype.str, base64.b64encode(value.tobytes()).decode()]}
        if kind is np.ndarray:
            return self.array(value, path)
        if isinstance(value, Component):
            return self.component(value, path)
        return self.other(value, path)

    def _entries(self, values: Any, path: str) -> list[Any]:
        return [self.encode(entry, f"{path}.{i}") for i, entry in enumerate(values)]

    def dumps(self, value: Any) -> bytes:
        """`value` as a text."""
        return json.dumps(self.encode(value), allow_nan=False, separators=(",", ":")).encode()


def array_of(dtype: str, shape: list[int], data: bytes) -> Any:
    """Make an array of its memory."""
    return np.frombuffer(data, dtype=np.dtype(dtype)).reshape(shape).copy()


_FROM_TAG: dict[str, Callable[[Any], Any]] = {
    "$float": float,
    "$tuple": tuple,
    "$dict": dict,
    "$numpy": lambda kept: np.dtype(kept[0]).type(kept[1]),
    "$scalar": lambda kept: array_of(kept[0], [], base64.b64decode(kept[1]))[()],
    "$array": lambda kept: array_of(kept[0], kept[1], base64.b64decode(kept[2])),
    "$component": lambda kept: _component.named(*kept),
}


def loads(content: bytes | str, tags: Mapping[str, Callable[[Any], Any]] | None = None) -> Any:
    """Give the value that a text is of.

    Parameters
    ----------
    content : bytes or str
        What `Encoder.dumps` made.
    tags : mapping of str to callable, default=None
        Further names that start with ``$``, and what makes a value of what stands behind them.
    """
    known = _FROM_TAG if tags is None else {**_FROM_TAG, **tags}

    def from_object(found: dict[str, Any]) -> Any:
        if len(found) == 1:
            ((tag, kept),) = found.items()
            if tag in known:
                return known[tag](kept)
        return found

    return json.loads(content, object_hook=from_object)
