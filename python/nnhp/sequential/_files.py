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

if TYPE_CHECKING:
    from nnhp.sequential._net import Net

_FORMAT, _VERSION = "nnhp.Sequential", 1


def write(
    path: str | Path, described: dict[str, Any], net: Net, tensors: dict[str, NDArray[Any]]
) -> None:
    """Write a model: what it is, and flat arrays as long as the parameters, by their names."""
    parameters = tensors.pop("parameters")
    named = {
        f"layers.{array.place}.{array.name}": weights
        for array, weights in zip(net.arrays, net.unpack(parameters), strict=True)
    }
    metadata = {"format": _FORMAT, "version": str(_VERSION), "model": json.dumps(_plain(described))}
    Path(path).write_bytes(save({**named, **tensors}, metadata))


def read(path: str | Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `write` wrote: what the model is, and its tensors."""
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
    try:
        described: dict[str, Any] = _objects(json.loads(metadata["model"]))
        missing = {"layers", "dtype", "n_features", "compiled", "state"} - described.keys()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if missing:
        raise ValueError(f"{path} is damaged: it lacks {sorted(missing)}.")
    return described, tensors


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
