"""The hidden layers that the parameters ask for, and the stages of each in the engine's terms."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from nnhp import _core
from nnhp._component import Names, listed
from nnhp.activations import ALIASES, BY_NAME, Activation, PReLU

if TYPE_CHECKING:
    from nnhp.estimators._base import BaseMLP

MAX_COUNT = 2**31 - 1  # rows, features and units are 32-bit in the engine's index arrays
_KNOWN = frozenset({*_core.activations(), *ALIASES})
ACTIVATION: list[Any] = [Names(set(_KNOWN)), "array-like", Activation]
_NORMALIZATIONS = {"batch": "batch_normalization", "layer": "layer_normalization"}
_DROPOUTS = {"standard": "dropout", "alpha": "alpha_dropout"}


@dataclass(frozen=True)
class HiddenLayer:
    """A hidden layer and what becomes of its sums, in this order."""

    units: int
    normalization: str | None  # 'batch', 'layer' or None
    activation: str | Activation  # the engine's name, or an object where it has parameters
    noise: float = 0.0
    dropout: float = 0.0
    dropout_kind: str = "standard"

    @property
    def activation_name(self) -> str:
        """The engine's name of the activation."""
        given = self.activation
        return given.name if isinstance(given, Activation) else given

    @property
    def columns(self) -> int:
        """Columns of the layer's weights."""
        given = self.activation
        return self.units * (given.n_pieces if isinstance(given, Activation) else 1)

    @property
    def first_slope(self) -> float:
        """What trained slopes start from; 0 where there are none."""
        given = self.activation
        return float(given.initial_slope) if isinstance(given, PReLU) else 0.0

    @property
    def n_trained(self) -> int:
        """What training changes beside weights and biases."""
        normalized = 2 * self.columns if self.normalization else 0
        return normalized + (self.units if self.activation_name == PReLU.name else 0)

    def row(self) -> tuple[int, list[_core.Part]]:
        """The layer as the engine takes it."""
        stages: list[_core.Part] = []
        if self.normalization is not None:
            stages.append(_NORMALIZATIONS[self.normalization])
        given = self.activation
        stages.append(given.fields() if isinstance(given, Activation) else given)
        return self.units, [*stages, *draws(self.noise, self.dropout, self.dropout_kind)]


def draws(noise: float, dropout: float, dropout_kind: str) -> list[_core.Part]:
    """Stages that act in training only."""
    stages: list[_core.Part] = []
    if noise > 0:
        stages.append({"name": "noise", "stddev": noise})
    if dropout > 0:
        stages.append({"name": _DROPOUTS[dropout_kind], "rate": dropout})
    return stages


def hidden_layers(estimator: BaseMLP) -> list[HiddenLayer]:
    """The hidden layers, from the input on."""
    units = _units(estimator)
    rates = _per_layer("dropout", estimator.dropout, len(units))
    for rate in rates:
        if not (isinstance(rate, Real) and 0 <= float(rate) < 1):
            raise ValueError(f"dropout must lie in [0, 1), got {estimator.dropout!r}.")
    activations = hidden_activations(estimator, len(units))
    layers = [
        HiddenLayer(
            size,
            estimator.normalization,
            activation,
            float(estimator.activation_noise),
            float(rate),
            estimator.dropout_kind,
        )
        for size, activation, rate in zip(units, activations, rates, strict=True)
    ]
    if any(layer.columns > MAX_COUNT for layer in layers):
        raise ValueError(
            f"hidden_layer_sizes times the pieces of maxout must not exceed {MAX_COUNT}, got "
            f"{[layer.columns for layer in layers]}."
        )
    return layers


def input_stages(estimator: BaseMLP) -> list[_core.Part]:
    """What becomes of the features before the first layer; noisy copies have noise of their own."""
    noise = 0.0 if estimator.noisy_copies > 0 else float(estimator.input_noise)
    return draws(noise, float(estimator.input_dropout), estimator.dropout_kind)


def hidden_activations(estimator: BaseMLP, n_hidden: int) -> list[str | Activation]:
    """The activation of each of `n_hidden` layers: the engine's name, or an object."""
    given = _per_layer("activation", estimator.activation, n_hidden)
    return [_activation(entry) for entry in given]


def output_rule(estimator: BaseMLP, layers: list[HiddenLayer]) -> str:
    """Name of the activation by which scikit-learn draws the output layer's weights."""
    if layers:
        return layers[-1].activation_name
    if not isinstance(estimator.activation, str | Activation):
        return "relu"
    (only,) = hidden_activations(estimator, 1)
    return only.name if isinstance(only, Activation) else only


def _activation(given: Any) -> str | Activation:
    if isinstance(given, Activation):
        given.check()
        return given
    if isinstance(given, type) and issubclass(given, Activation):
        raise InvalidParameterError(
            f"activation must be an object, got the class {given.__name__}."
        )
    if not isinstance(given, str) or given not in _KNOWN:
        raise InvalidParameterError(
            f"activation must be one of {listed(_KNOWN)} (or an object of nnhp.activations), "
            f"got {given!r}."
        )
    name = ALIASES.get(given, given)
    return BY_NAME[name]() if name in BY_NAME else name


def _units(estimator: BaseMLP) -> list[int]:
    sizes = estimator.hidden_layer_sizes
    values = list(sizes) if np.iterable(sizes) else [sizes]
    try:
        if any(isinstance(value, bool | np.bool) for value in values):
            raise TypeError
        units = [operator.index(value) for value in values]
    except TypeError:
        raise TypeError(f"hidden_layer_sizes must be integers, got {sizes!r}.") from None
    if any(size <= 0 for size in units):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {units}.")
    if any(size > MAX_COUNT for size in units):
        raise ValueError(
            f"hidden_layer_sizes must not exceed {MAX_COUNT} units per layer, got {units}."
        )
    if estimator.num_layers is None:
        return units
    if len(units) != 1 and estimator.num_layers > 0:
        raise ValueError(
            "num_layers repeats one size: hidden_layer_sizes must then be an integer or a "
            f"sequence of one, got {sizes!r}."
        )
    if len(units) > 1:
        raise ValueError(
            f"num_layers=0 contradicts hidden_layer_sizes={sizes!r}, which has several layers."
        )
    return units * int(estimator.num_layers)


def _per_layer(option: str, value: Any, n_hidden: int) -> list[Any]:
    if isinstance(value, str) or not np.iterable(value):
        return [value] * n_hidden
    values = list(value)
    if len(values) != n_hidden:
        raise ValueError(
            f"{option} must have one entry per hidden layer ({n_hidden}), got {value!r}."
        )
    return values
