"""The parts of a model, by Keras's names or as objects, in the engine's terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from nnhp import _core, activations, initializers, layers, losses, optimizers, regularizers
from nnhp._component import Component
from nnhp.regularizers import L1L2, Regularizer

C = TypeVar("C", bound=Component)

# Keras's losses: the engine's name, and what makes its loss Keras's.
_MEAN: dict[str, Any] = {"over_outputs": "mean"}
_OVER_SAMPLES: dict[str, Any] = {"mean_over_samples": True}
_CLIPPED: dict[str, Any] = {"epsilon": 1e-7}
LOSSES: dict[str, dict[str, Any]] = {
    "mean_squared_error": {"name": "squared_error", "scale": 2.0, **_MEAN},
    "mean_absolute_error": {"name": "absolute_error", **_MEAN},
    "huber": {"name": "huber", **_MEAN},
    "poisson": {"name": "poisson_likelihood", **_MEAN, **_CLIPPED},
    "binary_crossentropy": {"name": "binary_log_loss", **_MEAN, **_CLIPPED},
    "categorical_crossentropy": {"name": "log_loss", **_CLIPPED},
    "sparse_categorical_crossentropy": {"name": "log_loss", **_CLIPPED},
    "binary_focal_crossentropy": {"name": "binary_focal", **_MEAN, **_CLIPPED},
    "categorical_focal_crossentropy": {"name": "focal", "alpha": 0.25, **_CLIPPED},
    "hinge": {"name": "hinge", **_MEAN},
    "categorical_hinge": {"name": "categorical_hinge"},
}
LOSS_ALIASES = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "bce": "binary_crossentropy",
}
_ACTIVATIONS = frozenset({*_core.activations(), "softmax", "exp"})
_ACTIVATION_ALIASES = {**activations.ALIASES, "exponential": "exp"}
# Objects of `nnhp.losses` stand for Keras's losses of these names.
_OF_OBJECTS = {losses.Huber: "huber"}


def loss_of(given: Any) -> tuple[dict[str, Any], bool]:
    """The loss as the engine takes it, and whether its targets are class numbers."""
    if given is None:
        raise ValueError(f"loss must be one of {_listed(LOSSES, LOSS_ALIASES)}, got None.")
    if isinstance(given, Component):
        given.check()
        name = _OF_OBJECTS.get(type(given))
        fields = given.fields()
        return {**LOSSES.get(name or "", {}), **fields, **_OVER_SAMPLES}, False
    name = LOSS_ALIASES.get(str(given).lower(), str(given).lower())
    if name not in LOSSES:
        raise ValueError(f"loss must be one of {_listed(LOSSES, LOSS_ALIASES)}, got {given!r}.")
    return {**LOSSES[name], **_OVER_SAMPLES}, name == "sparse_categorical_crossentropy"


def optimizer_of(given: Any) -> optimizers.Optimizer:
    """The optimizer, with Keras's defaults if only named."""
    optimizer = _object(given, optimizers.BY_NAME, {}, optimizers.Optimizer, "optimizer")
    if optimizer.clipnorm is not None and optimizer.clipvalue is not None:
        raise ValueError(
            f"clipnorm and clipvalue of {optimizer!r} cannot be used together: leave one None."
        )
    return optimizer


def optimizer_fields(optimizer: optimizers.Optimizer) -> dict[str, Any]:
    """The optimizer as the engine takes it."""
    shared = ("weight_decay", "clipnorm", "clipvalue", "ema_momentum")
    given = {name: getattr(optimizer, name) for name in shared}
    if given["weight_decay"] is None:
        given["weight_decay"] = optimizer.default_weight_decay
    chosen = {name: float(value) for name, value in given.items() if value is not None}
    return optimizer.fields() | chosen


def initial_rate(optimizer: optimizers.Optimizer) -> float:
    """The learning rate to start from: Keras's default unless the optimizer has one."""
    if optimizer.learning_rate is not None:
        return float(optimizer.learning_rate)
    return 0.01 if isinstance(optimizer, optimizers.SGD) else 0.001


def initializer_of(given: Any) -> initializers.Initializer:
    """Where weights start."""
    return _object(
        given,
        initializers.BY_NAME,
        initializers.ALIASES,
        initializers.Initializer,
        "kernel_initializer and bias_initializer",
    )


def regularizer_of(given: Any) -> Regularizer:
    """The penalty on a layer's weights."""
    if given is None:
        return L1L2()
    return _object(given, regularizers.BY_NAME, {}, Regularizer, "kernel_regularizer")


def activation_of(given: Any) -> dict[str, Any]:
    """An activation as a stage of the engine."""
    if isinstance(given, activations.Activation):
        given.check()
        return given.fields()
    name = _ACTIVATION_ALIASES.get(given, given)
    if name in activations.BY_NAME:
        return activations.BY_NAME[name]().fields()
    if not isinstance(name, str) or name not in _ACTIVATIONS:
        raise ValueError(
            f"activation must be one of {_listed(_ACTIVATIONS, _ACTIVATION_ALIASES)} or an object "
            f"of nnhp.activations, got {given!r}."
        )
    return {"name": name}


def initial_slope(given: Any) -> float:
    """What the trained slopes of an activation start from."""
    return float(getattr(given, "initial_slope", activations.PReLU().initial_slope))


def stage_of(layer: layers.Layer) -> dict[str, Any] | None:
    """What a layer does to the numbers that reach it; None if nothing."""
    if isinstance(layer, layers.Dense | layers.Activation):
        return None if layer.activation is None else activation_of(layer.activation)
    match layer:
        case layers.Maxout():
            return {"name": "maxout", "pieces": int(layer.pieces)}
        case layers.Dropout() | layers.AlphaDropout():
            return {"name": layer.name, "rate": float(layer.rate)}
        case layers.GaussianNoise():
            return {"name": "noise", "stddev": float(layer.stddev)}
        case layers.BatchNormalization():
            fields = {"momentum": float(layer.momentum), "epsilon": float(layer.epsilon)}
            return {"name": layer.name, **fields}
        case layers.LayerNormalization():
            return {"name": layer.name, "epsilon": float(layer.epsilon)}
    return None


def has_weights(layer: layers.Layer) -> bool:
    """Whether what a layer does after its sums, if it has any, has weights of its own."""
    if isinstance(layer, layers.BatchNormalization | layers.LayerNormalization):
        return True
    given = getattr(layer, "activation", None)
    return given is not None and activation_of(given)["name"] == activations.PReLU.name


def _object(
    given: Any, by_name: Mapping[str, type[C]], aliases: Mapping[str, str], family: type[C], what: str
) -> C:
    if isinstance(given, family):
        given.check()
        return given
    name = str(given).lower()
    name = aliases.get(name, name)
    if not isinstance(given, str) or name not in by_name:
        room = family.__module__
        raise ValueError(
            f"{what} must be one of {_listed(by_name, aliases)} or an object of {room}, got {given!r}."
        )
    return by_name[name]()


def _listed(*names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in sorted({name for some in names for name in some}))
