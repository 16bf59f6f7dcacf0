"""Larger nets that compute what a smaller one does: units doubled, layers added.

The first is Net2WiderNet, the second Net2DeeperNet of T. Chen, I. Goodfellow and J. Shlens,
"Net2Net: Accelerating Learning via Knowledge Transfer", ICLR 2016 (arXiv:1511.05641).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.random import RandomState

from nnhp.activations import PReLU
from nnhp.estimators._hidden import HiddenLayer

# What a further layer after one of these can pass on unchanged.
PASSES_ON = ("identity", "relu", "prelu", "maxout")
_EPSILON = 0.001  # added to variances by normalizations
_MOST_SHARE = 0.5


def grown(
    fitted: Mapping[str, Any],
    before: Sequence[HiddenLayer],
    after: Sequence[HiddenLayer],
    rng: RandomState,
) -> dict[str, Any]:
    """Parameters of a larger net, of which the first layers have as many units, or twice as many.

    It computes the same up to rounding, but where layers were added behind an activation that is
    not in PASSES_ON, or normalize each sample.

    Parameters
    ----------
    fitted : mapping
        The attributes of the smaller net that hold parameters.
    before, after : sequence of HiddenLayer
        The hidden layers of both.
    rng : RandomState
        Tells the copies of a unit apart.
    """
    names = ("coefs_", "intercepts_", "activation_params_", "norm_params_")
    found = {name: list(fitted[name]) for name in names}
    for place, (layer, larger) in enumerate(zip(before, after, strict=False)):
        if larger.units == 2 * layer.units:
            _double(found, place, layer, rng)
        elif larger.units != layer.units:
            raise ValueError(
                f"A net grows from {[layer.units for layer in before]} by units that are doubled "
                f"and layers that are added, not to {[layer.units for layer in after]}."
            )
    for layer in after[len(before) :]:
        _add_layer(found, layer)
    return found


def _double(found: dict[str, list[Any]], place: int, layer: HiddenLayer, rng: RandomState) -> None:
    """Let each unit become two, which share what goes out of it.

    For each weight that goes out, the first copy's part is more than the whole, and the second's
    makes up for it: so their gradients differ in sign, and even optimizers that look at nothing
    else drive the copies apart.
    """
    n_pieces = layer.columns // layer.units
    # Column p * units + j is piece p of unit j.
    columns = np.arange(layer.columns).reshape(n_pieces, layer.units)
    doubled = np.concatenate([columns, columns], axis=1).ravel()
    found["coefs_"][place] = found["coefs_"][place][:, doubled]
    found["intercepts_"][place] = found["intercepts_"][place][doubled]
    slopes, norms = found["activation_params_"][place], found["norm_params_"][place]
    if slopes is not None:
        found["activation_params_"][place] = np.concatenate([slopes, slopes])
    if norms is not None:
        found["norm_params_"][place] = {name: array[doubled] for name, array in norms.items()}
    out = found["coefs_"][place + 1]
    excess = out * rng.uniform(0, _MOST_SHARE, size=out.shape).astype(out.dtype)
    found["coefs_"][place + 1] = np.concatenate([out + excess, -excess])


def _add_layer(found: dict[str, list[Any]], layer: HiddenLayer) -> None:
    """Put a layer that passes on what it gets before the output layer."""
    place, dtype = len(found["coefs_"]) - 1, found["coefs_"][-1].dtype
    n_inputs = len(found["coefs_"][-1])
    if n_inputs != layer.units:
        raise ValueError(
            f"A layer that is added has as many units as the one before, {n_inputs}, not "
            f"{layer.units}."
        )
    n_pieces = layer.columns // layer.units
    found["coefs_"].insert(place, np.tile(np.eye(layer.units, dtype=dtype), n_pieces))
    found["intercepts_"].insert(place, np.zeros(layer.columns, dtype))
    slopes = np.ones(layer.units, dtype) if layer.activation_name == PReLU.name else None
    found["activation_params_"].append(slopes)
    found["norm_params_"].append(_neutral(layer, dtype))


def _neutral(layer: HiddenLayer, dtype: Any) -> dict[str, Any] | None:
    """Normalization that, by batches, changes nothing in predictions; by samples, as it starts."""
    if layer.normalization is None:
        return None
    ones, zeros = np.ones(layer.columns, dtype), np.zeros(layer.columns, dtype)
    if layer.normalization == "layer":
        return {"scale": ones, "shift": zeros}
    scale = np.sqrt(ones + dtype.type(_EPSILON))
    return {"scale": scale, "shift": zeros, "mean": zeros.copy(), "variance": ones}
