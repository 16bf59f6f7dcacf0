"""The parameters of a net: fitted attributes <-> one flat array.

A flat array holds, for each layer, its weights (inputs x outputs, row by row), then its biases;
behind all layers what their stages train (slopes, scales, shifts), and last moving statistics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from nnhp._core import FloatArray, NetSpec
    from nnhp.estimators._hidden import HiddenLayer

Layers = list[NDArray[Any]]

_CONSTANTS = {"scale": 1.0, "shift": 0.0, "mean": 0.0, "variance": 1.0}  # to start from
ANEW = "Fit anew, with warm_start=False, to replace them."


def pack(coefs: Sequence[NDArray[Any]], intercepts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Copy the weights and biases of all layers into one flat array of their common dtype."""
    pieces = []
    for weights, biases in zip(coefs, intercepts, strict=True):
        pieces += [np.ravel(weights), np.ravel(biases)]
    return np.concatenate(pieces)


def started(
    flat: FloatArray,
    spec: NetSpec,
    hidden: Sequence[HiddenLayer],
    copied: Mapping[tuple[int, str], Any],
) -> FloatArray:
    """Drawn weights and biases, followed by what everything else starts from.

    That is what was copied from a fitted network, by hidden layer and name, or else the same in
    all nets. Raises ValueError where something copied has no place.
    """
    places = {(layer, name): (start, size) for layer, _, name, start, size in spec.stage_arrays}
    if homeless := copied.keys() - places.keys():
        raise ValueError(
            f"bias_initializer: the fitted network has {_described(homeless)}, which the "
            "parameters of this one do not ask for: set its activation and normalization."
        )
    if not places:
        return flat
    whole = np.empty(spec.n_parameters, dtype=flat.dtype)
    whole[: len(flat)] = flat
    for (layer, name), (start, size) in places.items():
        first = hidden[layer].first_slope if name == "slopes" else _CONSTANTS[name]
        whole[start : start + size] = copied.get((layer, name), first)
    return whole


def unpack(flat: FloatArray, spec: NetSpec) -> dict[str, Any]:
    """Copy a flat array into the fitted attributes that hold parameters."""
    coefs: Layers = []
    intercepts: Layers = []
    start = 0
    for fan_in, fan_out in spec.layer_shapes:
        middle = start + fan_in * fan_out
        stop = middle + fan_out
        coefs.append(flat[start:middle].reshape(fan_in, fan_out).copy())
        intercepts.append(flat[middle:stop].copy())
        start = stop
    slopes: list[Any] = [None] * (len(coefs) - 1)
    norms: list[Any] = [None] * (len(coefs) - 1)
    for layer, _, name, start, size in spec.stage_arrays:
        values = flat[start : start + size].copy()
        if name == "slopes":
            slopes[layer] = values
        else:
            norms[layer] = {**(norms[layer] or {}), name: values}
    return {
        "coefs_": coefs,
        "intercepts_": intercepts,
        "activation_params_": slopes,
        "norm_params_": norms,
    }


def norms_of(fitted: Mapping[str, Any]) -> list[Mapping[str, Any] | None]:
    """`norm_params_`, one entry per hidden layer."""
    n_hidden = len(fitted["coefs_"]) - 1
    given = fitted.get("norm_params_")
    norms = [None] * n_hidden if given is None else list(given)
    if len(norms) != n_hidden:
        raise ValueError(
            f"norm_params_ must have one entry per hidden layer ({n_hidden}), got {len(norms)}."
        )
    return norms


def stage_arrays(fitted: Mapping[str, Any]) -> dict[tuple[int, str], Any]:
    """Arrays of `activation_params_` and `norm_params_` by hidden layer and name."""
    slopes = list(fitted.get("activation_params_") or [])
    found = {(layer, "slopes"): given for layer, given in enumerate(slopes) if given is not None}
    for layer, norm in enumerate(norms_of(fitted)):
        found |= {(layer, name): values for name, values in (norm or {}).items()}
    return found


def dtype_of(fitted: Mapping[str, Any]) -> np.dtype[Any]:
    """Working dtype of fitted attributes: float32 if all parameters are, else float64."""
    arrays = [*fitted["coefs_"], *fitted["intercepts_"], *stage_arrays(fitted).values()]
    single = all(np.asarray(array).dtype == np.float32 for array in arrays)
    return np.dtype(np.float32 if single else np.float64)


def packed(fitted: Mapping[str, Any], spec: NetSpec, dtype: np.dtype[Any]) -> FloatArray:
    """Flat array of fitted attributes, which must have the shapes of this net."""
    shapes = [np.shape(weights) for weights in fitted["coefs_"]]
    bias_sizes = [np.size(biases) for biases in fitted["intercepts_"]]
    wanted = spec.layer_shapes
    if shapes != wanted or bias_sizes != [columns for _, columns in wanted]:
        raise ValueError(
            f"coefs_ has the shapes {shapes} and intercepts_ the sizes {bias_sizes}, which do not "
            f"make a net with weights of the shapes {wanted}, as the parameters and the data ask "
            f"for. {ANEW}"
        )
    flat = pack(fitted["coefs_"], fitted["intercepts_"]).astype(dtype, copy=False)
    given = stage_arrays(fitted)
    needed = {(layer, name): (start, size) for layer, _, name, start, size in spec.stage_arrays}
    if not given and not needed:
        return flat
    if {place: np.shape(values) for place, values in given.items()} != {
        place: (size,) for place, (_, size) in needed.items()
    }:
        raise ValueError(
            f"activation_params_ and norm_params_ hold {_described(given)}, but the parameters "
            f"ask for {_described(needed)}, in the sizes of the layers. {ANEW}"
        )
    whole = np.empty(spec.n_parameters, dtype=dtype)
    whole[: len(flat)] = flat
    for place, (start, size) in needed.items():
        whole[start : start + size] = given[place]
    return whole


def _described(places: Iterable[tuple[int, str]]) -> str:
    named = [f"{name} of hidden layer {layer + 1}" for layer, name in sorted(places)]
    return ", ".join(named) or "nothing"


def first_nonfinite_layer(attributes: Mapping[str, Any]) -> int:
    """Index of the first layer with a parameter that is not finite; -1 if there is none."""
    of_stages = stage_arrays(attributes)
    for layer, arrays in enumerate(
        zip(attributes["coefs_"], attributes["intercepts_"], strict=True)
    ):
        own = [values for (place, _), values in of_stages.items() if place == layer]
        if not all(np.isfinite(array).all() for array in [*arrays, *own]):
            return layer
    return -1
