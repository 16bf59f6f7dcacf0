"""The parts of a model, by Keras's names or as objects, in the engine's terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from nnhp import _core, activations, constraints, initializers, layers, optimizers, regularizers
from nnhp._component import Component, listed
from nnhp.regularizers import L1L2, Regularizer

C = TypeVar("C", bound=Component)

OUTPUT_ACTIVATIONS = ("softmax", "exp")  # that hidden layers cannot have
_ACTIVATIONS = frozenset({*_core.activations(), *OUTPUT_ACTIVATIONS} - {"maxout"})
_ACTIVATION_ALIASES = {**activations.ALIASES, "exponential": "exp"}


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


def initializer_of(given: Any, what: str) -> initializers.Initializer:
    """Where weights start."""
    known, aliases = initializers.BY_NAME, initializers.ALIASES
    return _object(given, known, aliases, initializers.Initializer, what)


def regularizer_of(given: Any) -> Regularizer:
    """The penalty on a layer's weights."""
    if given is None:
        return L1L2()
    if isinstance(given, str) and given.lower() == L1L2.name:
        raise ValueError(
            f"kernel_regularizer={given!r} does not say how strong the penalties are: give "
            "nnhp.regularizers.L1L2(l1=..., l2=...)."
        )
    return _object(given, regularizers.BY_NAME, {}, Regularizer, "kernel_regularizer")


def max_norm_of(given: Any) -> float | None:
    """The greatest norm of a unit's weights."""
    if given is None:
        return None
    limit = _object(given, constraints.BY_NAME, {}, constraints.MaxNorm, "kernel_constraint")
    return float(limit.max_value)


def activation_of(given: Any) -> dict[str, Any]:
    """An activation as a stage of the engine; maxout is a layer of its own."""
    name = given.name if isinstance(given, activations.Activation) else given
    name = _ACTIVATION_ALIASES.get(name, name) if isinstance(name, str) else None
    if name not in _ACTIVATIONS:
        raise ValueError(
            f"activation must be one of {listed({*_ACTIVATIONS, *_ACTIVATION_ALIASES})} or an "
            f"object of nnhp.activations, got {given!r}."
        )
    if isinstance(given, activations.Activation):
        given.check()
        return given.fields()
    return activations.BY_NAME[name]().fields() if name in activations.BY_NAME else {"name": name}


def initial_slope(given: Any) -> float:
    """What the trained slopes of an activation start from."""
    return float(getattr(given, "initial_slope", activations.PReLU().initial_slope))


def check(layer: layers.Layer) -> None:
    """Raise ValueError where a parameter of a layer is out of bounds, or a name is not known."""
    layer.check()
    stage_of(layer)
    if isinstance(layer, layers.UnitsLayer):
        initializer_of(layer.kernel_initializer, "kernel_initializer")
        initializer_of(layer.bias_initializer, "bias_initializer")
        regularizer_of(layer.kernel_regularizer)
        max_norm_of(layer.kernel_constraint)


def stage_of(layer: layers.Layer) -> dict[str, Any] | None:
    """What a layer does to the numbers that reach it; None if nothing."""
    if isinstance(layer, layers.Dense | layers.ActivationLayer):
        return None if layer.activation is None else activation_of(layer.activation)
    match layer:
        case layers.Maxout() if layer.pieces > 1:
            return {"name": "maxout", "pieces": int(layer.pieces)}
        case layers.Dropout() | layers.AlphaDropout():
            return {"name": type(layer).name, "rate": float(layer.rate)}
        case layers.GaussianNoise():
            return {"name": "noise", "stddev": float(layer.stddev)}
        case layers.BatchNormalization():
            fields = {"momentum": float(layer.momentum), "epsilon": float(layer.epsilon)}
            return {"name": type(layer).name, **fields}
        case layers.LayerNormalization():
            return {"name": type(layer).name, "epsilon": float(layer.epsilon)}
    return None


def _object(
    given: Any,
    by_name: Mapping[str, type[C]],
    aliases: Mapping[str, str],
    family: type[C],
    what: str,
) -> C:
    if isinstance(given, family):
        given.check()
        return given
    name = str(given).lower()
    name = aliases.get(name, name)
    if not isinstance(given, str) or name not in by_name:
        raise ValueError(
            f"{what} must be one of {listed({*by_name, *aliases})} or an object of "
            f"{family.__module__}, got {given!r}."
        )
    return by_name[name]()
