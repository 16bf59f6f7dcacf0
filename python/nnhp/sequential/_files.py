"""A model as a file in the safetensors format: weights as tensors, the rest as JSON metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from nnhp import _component
from nnhp._component import Component
from nnhp._keras import check_file_name

if TYPE_CHECKING:
    from nnhp.sequential._net import Net, Weights

_FORMAT, _VERSION = "nnhp.Sequential", 1
_PREFIX = "layers."  # of the names of weights
_STARTS_OF_KERAS = (b"PK\x03\x04", b"\x89HDF")


def write(
    path: str | Path, described: dict[str, Any], net: Net, tensors: dict[str, NDArray[Any]]
) -> None:
    """Write a model: what it is, and flat arrays as long as the parameters, by their names."""
    named = _named(net, tensors.pop("parameters"))
    _write(path, {**named, **tensors}, {"model": json.dumps(_plain(described))})


def write_weights(path: str | Path, net: Net, parameters: NDArray[Any]) -> None:
    """Write weights alone."""
    _write(path, _named(net, parameters), {})


def read(path: str | Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `write` wrote: what the model is, and its tensors."""
    metadata, tensors = _read(path)
    if "model" not in metadata:
        raise ValueError(f"{path} holds weights only: use load_weights of a model with its layers.")
    try:
        described: dict[str, Any] = _objects(json.loads(metadata["model"]))
        missing = {"name", "layers", "dtype", "n_features", "compiled", "state"} - described.keys()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if missing:
        raise ValueError(f"{path} is damaged: it lacks {sorted(missing)}.")
    return described, tensors


def read_weights(path: str | Path, net: Net) -> list[NDArray[Any]]:
    """Read the weights of such a net, which `write` or `write_weights` wrote."""
    return pop_weights(path, net, _read(path)[1])


def pop_weights(path: str | Path, net: Net, tensors: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """Take the weights out of the tensors of a file, which must be those of the net."""
    names = [_name(array) for array in net.arrays]
    found = {name for name in tensors if name.startswith(_PREFIX)}
    if found != set(names):
        raise ValueError(
            f"{path} holds the weights {sorted(found)}, and not those of the model's layers, "
            f"{sorted(names)}."
        )
    return [tensors.pop(name) for name in names]


def _name(array: Weights) -> str:
    return f"{_PREFIX}{array.place}.{array.name}"


def _named(net: Net, parameters: NDArray[Any]) -> dict[str, NDArray[Any]]:
    weights = net.unpack(parameters)
    return {_name(array): values for array, values in zip(net.arrays, weights, strict=True)}


def _write(path: str | Path, tensors: dict[str, NDArray[Any]], metadata: dict[str, str]) -> None:
    check_file_name(path)
    metadata = {"format": _FORMAT, "version": str(_VERSION), **metadata}
    Path(path).write_bytes(save(tensors, metadata))


def _read(path: str | Path) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """Metadata and tensors of a file."""
    with Path(path).open("rb") as start:
        if start.read(4) in _STARTS_OF_KERAS:
            raise ValueError(
                f"{path} is one of Keras's files (HDF5 or zip), which nnhp does not read: its "
                "weights come by set_weights(keras_model.get_weights())."
            )
    try:
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path} is no safetensors file: {error}") from error
    if metadata.get("format") != _FORMAT:
        raise ValueError(f"{path} holds no model of nnhp.Sequential.")
    if metadata.get("version") != str(_VERSION):
        raise ValueError(
            f"{path} has version {metadata.get('version')} of the format; this nnhp reads "
            f"{_VERSION}."
        )
    return metadata, tensors


def _plain(value: Any) -> Any:
    """A value as JSON has it, with components by their names and parameters."""
    if isinstance(value, Component):
        path = _component.path_of(value)
        if path is None:
            raise TypeError(f"A file cannot hold {value!r}, which is no class of nnhp.")
        return {"component": path, "parameters": _plain(value.get_params(deep=False))}
    if isinstance(value, dict):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, tuple):
        return {"tuple": [_plain(entry) for entry in value]}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"A file cannot hold {value!r}.")


def _objects(value: Any) -> Any:
    """What `_plain` was given."""
    if isinstance(value, list):
        return [_objects(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if "tuple" in value:
        return tuple(_objects(value["tuple"]))
    if "component" not in value:
        return {name: _objects(entry) for name, entry in value.items()}
    component = _component.named(value["component"], _objects(value["parameters"]))
    component.check()
    return component
