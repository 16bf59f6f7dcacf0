"""The scikit-learn estimator of a model's net."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from nnhp import activations, layers, losses
from nnhp.estimators import MLPClassifier, MLPRegressor
from nnhp.estimators._fitted import publish, shape_attributes
from nnhp.estimators._labels import Labels
from nnhp.estimators._weights import unpack
from nnhp.sequential import _parts
from nnhp.sequential._compiled import Compiled

if TYPE_CHECKING:
    from nnhp.estimators._base import BaseMLP
    from nnhp.sequential import Sequential
    from nnhp.sequential._net import Net

_ANY_OUTPUT = ("identity", "logistic", "tanh", "softplus", "exp")
# The engine's losses: the estimator, its loss, and the outputs that it may have, its default first.
_ESTIMATORS: dict[str, tuple[type[Any], Any, Sequence[str]]] = {
    "squared_error": (MLPRegressor, "squared_error", _ANY_OUTPUT),
    "absolute_error": (MLPRegressor, "absolute_error", _ANY_OUTPUT),
    "huber": (MLPRegressor, "huber", _ANY_OUTPUT),
    "poisson_likelihood": (MLPRegressor, "poisson", ("exp", "softplus")),
    "binary_log_loss": (MLPClassifier, "log_loss", ("logistic",)),
    "log_loss": (MLPClassifier, "log_loss", ("softmax",)),
    "binary_focal": (MLPClassifier, losses.Focal(), ("logistic",)),
    "focal": (MLPClassifier, losses.Focal(alpha=0.25), ("softmax",)),
    "hinge": (MLPClassifier, "hinge", ("identity",)),
}
# What may follow a dense layer, in this order.
_ORDER = (
    (layers.BatchNormalization, layers.LayerNormalization),
    (layers.Activation,),
    (layers.GaussianNoise,),
    (layers.Dropout, layers.AlphaDropout),
)


class _Group:
    """A dense layer, and the layers up to the next."""

    def __init__(self, dense: Any) -> None:
        self.dense = dense
        self.activation: Any = _own_activation(dense)
        self.normalization: str | None = None
        self.noise = 0.0
        self.dropout = 0.0
        self.dropout_kind: str | None = None
        self._step = 0 if self.activation is None else 2

    def add(self, layer: layers.Layer) -> None:
        """Add a layer, which must come in the estimators' order."""
        places = [step for step, kinds in enumerate(_ORDER) if isinstance(layer, kinds)]
        if not places or places[0] < self._step:
            raise _inexpressible(layer, "comes where the estimators have no such layer")
        self._step = places[0] + 1
        match layer:
            case layers.BatchNormalization() | layers.LayerNormalization():
                if layer != type(layer)(trainable=self.dense.trainable):
                    raise _inexpressible(layer, "has other parameters than the estimators'")
                batch = isinstance(layer, layers.BatchNormalization)
                self.normalization = "batch" if batch else "layer"
            case layers.Activation():
                self.activation = layer.activation
            case layers.GaussianNoise():
                self.noise = float(layer.stddev)
            case layers.Dropout() | layers.AlphaDropout():
                self.dropout = float(layer.rate)
                self.dropout_kind = "standard" if isinstance(layer, layers.Dropout) else "alpha"


def estimator_of(model: Sequential, compiled: Compiled, net: Net | None) -> BaseMLP:
    """Make the estimator, fitted where the model has weights; ValueError names what it lacks."""
    inputs, groups = _groups_of(model.layers if net is None else net.layers)
    *hidden, output = groups
    for group in groups:
        _check_dense(group.dense)
    made, loss, outputs = _kind_of(compiled)
    ends_in = _output_activation(output, outputs)
    optimizer = compiled.optimizer
    parameters: dict[str, Any] = {
        "loss": loss,
        "hidden_layer_sizes": tuple(int(group.dense.units) for group in hidden),
        "activation": [group.activation or "identity" for group in hidden] or "relu",
        "solver": optimizer,
        "alpha": 0.0,
        "batch_size": 32,
        "kernel_initializer": [group.dense.kernel_initializer for group in groups],
        "bias_initializer": [group.dense.bias_initializer for group in groups],
        "frozen_layers": tuple(
            number for number, group in enumerate(groups) if not group.dense.trainable
        ),
        "normalization": _common(hidden, "normalization", None),
        "activation_noise": _common(hidden, "noise", 0.0),
        "dropout": [group.dropout for group in hidden] or 0.0,
        "dropout_kind": _dropout_kind([*hidden, inputs]),
        "input_noise": inputs.noise,
        "input_dropout": inputs.dropout,
        "dtype": model.dtype,
        "random_state": model.random_state,
        "n_jobs": model.n_jobs,
    }
    if made is MLPRegressor and ends_in != outputs[0]:
        parameters["output_activation"] = ends_in
    if optimizer.learning_rate is None:
        parameters["learning_rate_init"] = _parts.initial_rate(optimizer)
    estimator: BaseMLP = clone(made(**parameters))  # shares no object with the model
    if net is not None:
        publish(estimator, _fitted(net, model.get_weights(), made is MLPClassifier))
    return estimator


def _fitted(net: Net, weights: Sequence[NDArray[Any]], classifies: bool) -> dict[str, Any]:
    """Attributes of an estimator that has these weights; classes are numbers from 0."""
    sizes = [net.n_features, *(units for _, units in net.spec.layer_shapes)]
    attributes = {
        "n_features_in_": net.n_features,
        **shape_attributes(sizes, net.output_activation),
        **unpack(net.pack(weights), net.spec),
    }
    if classifies:
        several = net.output_activation != "softmax" and net.n_outputs > 1
        labels = Labels.find(
            np.eye(net.n_outputs, dtype=int) if several else np.arange(max(net.n_outputs, 2))
        )
        attributes |= {"classes_": labels.classes, "_label_binarizer": labels.binarizer}
    return attributes


def _inexpressible(layer: Any, reason: str) -> ValueError:
    return ValueError(f"No estimator expresses {layer!r}: it {reason}.")


def _groups_of(model_layers: Sequence[layers.Layer]) -> tuple[_Group, list[_Group]]:
    inputs = _Group(layers.Dense(1, activation="linear"))
    groups: list[_Group] = []
    for layer in model_layers:
        if isinstance(layer, layers.Input):
            continue
        if isinstance(layer, layers.Dense | layers.Maxout):
            groups.append(_Group(layer))
        else:
            (groups[-1] if groups else inputs).add(layer)
    return inputs, groups


def _check_dense(dense: Any) -> None:
    if not dense.use_bias:
        raise _inexpressible(dense, "has no biases")
    if dense.kernel_regularizer is not None:
        raise _inexpressible(
            dense, "has a penalty that is not divided by the size of a batch, as that of alpha is"
        )


def _output_activation(output: _Group, known: Sequence[str]) -> str:
    """The engine's name of the activation that the net ends in."""
    if output.normalization or output.noise or output.dropout:
        raise _inexpressible(output.dense, "is the output layer, which has an activation only")
    given = output.activation or "linear"
    maxout = isinstance(given, activations.Maxout)
    name: str = "maxout" if maxout else _parts.activation_of(given)["name"]
    if name not in known:
        listed = ", ".join(map(repr, known))
        raise _inexpressible(
            output.dense, f"must have one of the activations {listed} for its loss"
        )
    if name == "softmax" and output.dense.units < 3:
        raise _inexpressible(
            output.dense, "has softmax for two classes, for which estimators have one sigmoid unit"
        )
    return name


def _own_activation(dense: Any) -> Any:
    if isinstance(dense, layers.Dense):
        return dense.activation
    return None if dense.pieces == 1 else activations.Maxout(pieces=dense.pieces)


def _kind_of(compiled: Compiled) -> tuple[type[Any], Any, Sequence[str]]:
    fields = compiled.loss.fields
    name = fields["name"]
    if name not in _ESTIMATORS:
        raise ValueError(f"No estimator has the loss {compiled.loss.shown} as Keras defines it.")
    made, loss, outputs = _ESTIMATORS[name]
    if name == "huber":
        return made, losses.Huber(delta=fields.get("delta", 1.0)), outputs
    return made, loss, outputs


def _common(hidden: Sequence[_Group], name: str, default: Any) -> Any:
    values = [getattr(group, name) for group in hidden]
    for group, value in zip(hidden, values, strict=True):
        if value != values[0]:
            raise _inexpressible(
                group.dense, f"is followed by another {name} than the first hidden layer"
            )
    return values[0] if values else default


def _dropout_kind(groups: Sequence[_Group]) -> str:
    kinds = {group.dropout_kind for group in groups if group.dropout_kind is not None}
    if len(kinds) > 1:
        raise ValueError("No estimator expresses both Dropout and AlphaDropout in one model.")
    return kinds.pop() if kinds else "standard"
