"""A model as a file: weights as tensors by their names, the rest as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnhp import _typed_json
from nnhp._keras import check_file_name
from nnhp._model_files import _random_states
from nnhp._model_files._container import Content
from nnhp._model_files._container import read as read_content
from nnhp._model_files._container import write as write_content

if TYPE_CHECKING:
    from nnhp.sequential._net import Net, Weights

KIND = "Sequential"
_KIND_OF_WEIGHTS = "weights of a Sequential"
_MOST = 1 << 62  # steps and samples that were seen
_KEYS = 1 << 64  # of masks and noise
_PREFIX = "layers."  # of the names of weights
_ENTRIES = {"name", "layers", "dtype", "n_features", "compiled", "state"}
# Since version 2 of the format, and of which types.
_RANDOM = {
    "random_state": np.random.RandomState | Integral | None,
    "generator": np.random.RandomState | None,
}


class _Encoder(_typed_json.Encoder):
    def other(self, value: Any, path: str) -> Any:
        if isinstance(value, np.random.RandomState):
            return _random_states.encoded(value, self.encode, path)
        raise ValueError(f"{path.lstrip('.')} is {value!r}, which a model file cannot hold.")


def document_of(described: dict[str, Any]) -> str:
    """What a model is, as JSON; ValueError names what cannot be."""
    return json.dumps(_Encoder().encode(described))


def write(path: str | Path, document: str, net: Net, tensors: dict[str, NDArray[Any]]) -> None:
    """Write a model: its document, and flat arrays as long as the parameters, by their names."""
    check_file_name(path)
    named = _named(net, tensors.pop("parameters"))
    write_content(path, Content(KIND, document, {**named, **tensors}))


def write_weights(path: str | Path, net: Net, parameters: NDArray[Any]) -> None:
    """Write weights alone."""
    check_file_name(path)
    write_content(path, Content(_KIND_OF_WEIGHTS, "{}", _named(net, parameters)))


def read(path: str | Path) -> Content:
    """Read what `write` wrote."""
    content = read_content(path)
    if content.kind == _KIND_OF_WEIGHTS:
        raise ValueError(f"{path} holds weights only: use load_weights of a model with its layers.")
    if content.kind != KIND:
        raise ValueError(f"{path} holds no Sequential: use nnhp.load.")
    return content


def described(content: Content) -> dict[str, Any]:
    """What the model of a file is; raises where it is none."""
    tags = {_random_states.TAG: _random_states.decoded}
    found: dict[str, Any] = dict.fromkeys(_RANDOM) | _typed_json.loads(content.document, tags)
    missing = _ENTRIES - found.keys()
    if missing:
        raise ValueError(f"it lacks {sorted(missing)}")
    for component in found["layers"]:
        if getattr(component, "kernel_regularizer", None) == "l1_l2":
            component.kernel_regularizer = None  # as which it counted while it was allowed
        component.check()
    for name, number in found["state"].items():
        if type(number) is not int or not 0 <= number < (_KEYS if name == "key" else _MOST):
            raise ValueError(f"{name} of its state is {number!r}")
    for name, kinds in _RANDOM.items():
        if not isinstance(found[name], kinds):
            raise ValueError(f"its {name} is {found[name]!r}")
    return found


def read_weights(path: str | Path, net: Net) -> list[NDArray[Any]]:
    """Read the weights of such a net, which `write` or `write_weights` wrote."""
    content = read_content(path)
    if content.kind not in (KIND, _KIND_OF_WEIGHTS):
        raise ValueError(f"{path} holds no weights of a Sequential.")
    return weights_of(path, net, content.arrays)


def weights_of(
    path: str | Path, net: Net, tensors: Mapping[str, NDArray[Any]]
) -> list[NDArray[Any]]:
    """Weights among the tensors of a file, which must be those of the net."""
    shapes = {_name(array): array.shape for array in net.arrays}
    found = {name for name in tensors if name.startswith(_PREFIX)}
    if found != set(shapes):
        raise ValueError(
            f"{path} holds the weights {sorted(found)}, and not those of the model's layers, "
            f"{sorted(shapes)}."
        )
    for name, shape in shapes.items():
        if tensors[name].shape != shape:
            raise ValueError(
                f"{path} holds {name} of shape {tensors[name].shape}, and not of {shape}, as the "
                "model's layers have it."
            )
    return [tensors[name] for name in shapes]


def check_state(flat: NDArray[Any], tensors: Mapping[str, NDArray[Any]]) -> None:
    """Raise ValueError where the samples' order is none, or the rest not as long as parameters."""
    for name, array in tensors.items():
        if name.startswith(_PREFIX):
            continue
        if name == "order":
            fits = array.dtype == np.int32 and np.array_equal(np.sort(array), np.arange(len(array)))
        else:
            fits = (array.dtype, array.shape) == (flat.dtype, flat.shape)
        if not fits:
            raise ValueError(f"{name} is {array.dtype}{list(array.shape)}")


def _name(array: Weights) -> str:
    return f"{_PREFIX}{array.place}.{array.name}"


def _named(net: Net, parameters: NDArray[Any]) -> dict[str, NDArray[Any]]:
    weights = net.unpack(parameters)
    return {_name(array): values for array, values in zip(net.arrays, weights, strict=True)}
