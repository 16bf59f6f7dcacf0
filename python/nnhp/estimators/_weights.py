"""The parameters of a net: ``coefs_``/``intercepts_`` <-> one flat array.

A flat array holds, for each layer, its weights (inputs x outputs, row by row), then its biases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from nnhp._core import FloatArray

Layers = list[NDArray[Any]]


def pack(coefs: Sequence[NDArray[Any]], intercepts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Copy the parameters of all layers into one flat array of their common dtype."""
    pieces = []
    for weights, biases in zip(coefs, intercepts, strict=True):
        pieces += [np.ravel(weights), np.ravel(biases)]
    return np.concatenate(pieces)


def unpack(flat: FloatArray, layer_sizes: Sequence[int]) -> tuple[Layers, Layers]:
    """Copy a flat array into ``coefs_`` and ``intercepts_``."""
    coefs: Layers = []
    intercepts: Layers = []
    start = 0
    for fan_in, fan_out in pairwise(layer_sizes):
        middle = start + fan_in * fan_out
        stop = middle + fan_out
        coefs.append(flat[start:middle].reshape(fan_in, fan_out).copy())
        intercepts.append(flat[middle:stop].copy())
        start = stop
    return coefs, intercepts


def dtype_of(fitted: Mapping[str, Any]) -> np.dtype[Any]:
    """Working dtype of fitted attributes: float32 if all parameters are, else float64."""
    arrays = [*fitted["coefs_"], *fitted["intercepts_"]]
    single = all(np.asarray(array).dtype == np.float32 for array in arrays)
    return np.dtype(np.float32 if single else np.float64)


def packed(
    fitted: Mapping[str, Any], layer_sizes: Sequence[int], dtype: np.dtype[Any]
) -> FloatArray:
    """Flat array of fitted attributes, which must have the shapes of these layers."""
    shapes = [np.shape(weights) for weights in fitted["coefs_"]]
    bias_sizes = [np.size(biases) for biases in fitted["intercepts_"]]
    if shapes != list(pairwise(layer_sizes)) or bias_sizes != list(layer_sizes[1:]):
        raise ValueError(
            f"coefs_ has the shapes {shapes} and intercepts_ the sizes {bias_sizes}, which do not "
            f"make a net with layers of {list(layer_sizes)} units, as the parameters and the data "
            "ask for. Fit anew, with warm_start=False, to replace them."
        )
    return pack(fitted["coefs_"], fitted["intercepts_"]).astype(dtype, copy=False)


def first_nonfinite_layer(coefs: Layers, intercepts: Layers) -> int:
    """Index of the first layer with a parameter that is not finite; -1 if there is none."""
    for layer, (weights, biases) in enumerate(zip(coefs, intercepts, strict=True)):
        if not (np.isfinite(weights).all() and np.isfinite(biases).all()):
            return layer
    return -1
