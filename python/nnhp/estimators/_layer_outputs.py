"""What each layer of a fitted net puts out for given samples."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnhp import _core, _threads
from nnhp.estimators._compiled import NetParts, net_parts
from nnhp.estimators._data import check_X

if TYPE_CHECKING:
    from nnhp.estimators._base import BaseMLP


def layer_outputs(estimator: BaseMLP, X: Any) -> list[NDArray[Any]]:
    """Compute the outputs of each layer for unchecked samples, the net's own outputs last."""
    net = net_parts(estimator, estimator.__dict__.copy())
    outputs = check_X(estimator, X, net.parameters.dtype)
    found = []
    for predictor in _layer_predictors(net):
        outputs = predictor.outputs(outputs, lambda: _threads.resolve(estimator.n_jobs))
        found.append(outputs)
    return found


def _layer_predictors(net: NetParts) -> list[_core.Predictor]:
    """Make a predictor of each layer alone, which takes what the layer before it puts out.

    A net's last layer has an output activation, so behind a hidden layer stands one that copies:
    weights of 1 and 0 and no activation, which change no bit of a finite number.
    """
    predictors = []
    start = 0
    for layer, (inputs, units) in enumerate(pairwise(net.sizes)):
        stop = start + (inputs + 1) * units
        parameters = net.parameters[start:stop]
        is_hidden = layer < len(net.hidden)
        if is_hidden:
            copying = np.eye(units + 1, units, dtype=parameters.dtype)
            parameters = np.concatenate([parameters, copying.ravel()])
        spec = _core.NetSpec(
            n_inputs=inputs,
            hidden=[net.hidden[layer]] if is_hidden else [],
            n_outputs=units,
            output_activation="identity" if is_hidden else net.output_activation,
            dtype=parameters.dtype.name,
        )
        predictors.append(_core.Predictor(spec, parameters))
        start = stop
    return predictors
