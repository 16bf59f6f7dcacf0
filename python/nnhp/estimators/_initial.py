"""Where the parameters of a training start: drawn, given, or copied from a fitted network."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import HasMethods, InvalidParameterError

from nnhp._component import Names, listed
from nnhp.estimators import _optimizers, _weights
from nnhp.initializers import ALIASES, BY_NAME, Initializer, Orthogonal

if TYPE_CHECKING:
    from nnhp._core import FloatArray
    from nnhp.estimators._base import BaseMLP

OPTIONS = ("kernel_initializer", "bias_initializer")
AUTO = "auto"
_KNOWN = {AUTO, *BY_NAME, *ALIASES}
CONSTRAINT: list[Any] = [Names(_KNOWN), "array-like", HasMethods("get_params"), None]
# What 'auto' draws the weights of a hidden layer by; the others, and the output layer, by Glorot's.
_RELU_FAMILY = ("relu", "leaky_relu", "prelu", "maxout", "elu", "gelu", "silu", "mish")
_BY_ACTIVATION = {**dict.fromkeys(_RELU_FAMILY, "he_normal"), "selu": "lecun_normal"}


@dataclass(frozen=True)
class Layer:
    """What an initial draw may look at."""

    inputs: int
    units: int
    activation: str  # of the output layer: the last hidden one's, as in scikit-learn
    is_output: bool

    @property
    def shape(self) -> tuple[int, int]:
        """Of the weights."""
        return self.inputs, self.units


def check(estimator: BaseMLP, n_layers: int) -> None:
    """Raise where an initializer cannot be used, as far as can be told without data."""
    for option in OPTIONS:
        _entries(estimator, option, n_layers)


def parameters(
    estimator: BaseMLP, layers: Sequence[Layer], dtype: np.dtype[Any], rng: RandomState
) -> FloatArray:
    """Flat initial parameters: weights, then biases, layer by layer, are drawn in this order."""
    flat = np.empty(sum((layer.inputs + 1) * layer.units for layer in layers), dtype=dtype)
    of_options = {option: _copied(estimator, option, layers) for option in OPTIONS}
    start = 0
    for place, layer in enumerate(layers):
        for option in OPTIONS:
            values = _values(option, of_options[option][place], place, layer, rng)
            stop = start + values.size
            with np.errstate(over="ignore"):
                flat[start:stop] = values.ravel()
            if not (finite := np.isfinite(flat[start:stop])).all():
                raise ValueError(
                    f"{option} of layer {place + 1} must give numbers that are finite in {dtype}, "
                    f"got {values.ravel()[~finite][0]}."
                )
            start = stop
    return flat


def key_of(estimator: BaseMLP) -> Hashable | None:
    """Equal for estimators whose initializers are the same; None where that cannot be told."""
    key = tuple(_as_tuple(getattr(estimator, option)) for option in OPTIONS)
    try:
        hash(key)
    except TypeError:
        return None
    return key


def is_fitted_network(value: Any) -> bool:
    """Whether an initializer stands for the parameters of a fitted network."""
    last = _last_step(value)
    return hasattr(last, "coefs_") and hasattr(last, "intercepts_")


def cloned(value: Any) -> Any:
    """What scikit-learn's `clone` makes of an initializer, but for fitted networks, which stay."""
    if is_fitted_network(value):
        return value
    if isinstance(value, list | tuple):
        return type(value)(map(cloned, value))
    return clone(value, safe=False)


def weights_of(value: Any) -> tuple[list[Any], list[Any]]:
    """The weights and biases of a fitted network."""
    last = _last_step(value)
    return list(last.coefs_), list(last.intercepts_)


def stages_of(value: Any) -> dict[tuple[int, str], Any]:
    """What else a fitted network has learned, by hidden layer and name: slopes, normalizations."""
    last = _last_step(value)
    names = ("coefs_", "activation_params_", "norm_params_")
    return _weights.stage_arrays({name: getattr(last, name, None) for name in names})


def stage_values(estimator: BaseMLP, layers: Sequence[Layer]) -> dict[tuple[int, str], Any]:
    """What the stages of hidden layers start from where their biases are a fitted network's."""
    option = "bias_initializer"
    found: dict[tuple[int, str], Any] = {}
    for place, entry in enumerate(_entries(estimator, option, len(layers))[:-1]):
        if is_fitted_network(entry) and _counterpart(option, entry, layers, place) is not None:
            found |= {key: values for key, values in stages_of(entry).items() if key[0] == place}
    return found


def _last_step(value: Any) -> Any:
    """A Pipeline's last step; anything else itself."""
    while hasattr(value, "steps"):
        value = value.steps[-1][1]
    return value


def _as_tuple(value: Any) -> Any:
    return tuple(map(_as_tuple, value)) if isinstance(value, list | tuple) else value


def _entries(estimator: BaseMLP, option: str, n_layers: int) -> list[Any]:
    """What each layer is given: None, AUTO, an initializer, a fitted network, or an array."""
    given = getattr(estimator, option)
    if given is None or isinstance(given, str) or hasattr(given, "get_params"):
        return [_entry(option, given)] * n_layers
    entries = list(given)
    if len(entries) != n_layers:
        raise ValueError(
            f"{option} as a sequence must have one entry per layer, the output layer included "
            f"({n_layers}), got {len(entries)}."
        )
    return [_entry(option, entry) for entry in entries]


def _entry(option: str, given: Any) -> Any:
    if given is None or (isinstance(given, str) and given == AUTO):
        return given
    if isinstance(given, str):
        name = ALIASES.get(given, given)
        if name not in BY_NAME:
            raise InvalidParameterError(
                f"{option} must be one of {listed(_KNOWN)} (or an object of nnhp.initializers, "
                f"arrays, or a fitted estimator), got {given!r}."
            )
        given = BY_NAME[name]()
    if isinstance(given, type):
        raise InvalidParameterError(f"{option} must be an object, got the class {given.__name__}.")
    if isinstance(given, Initializer):
        given.check()
        if option == "bias_initializer" and isinstance(given, Orthogonal):
            raise ValueError("bias_initializer cannot be orthogonal, which only a matrix can be.")
        return given
    if hasattr(given, "get_params"):
        if is_fitted_network(given):
            return given
        raise NotFittedError(
            f"{option} as an estimator must be a fitted network, alone or last in a Pipeline; "
            f"{type(_last_step(given)).__name__} has no coefs_ and intercepts_. Among a search's "
            "candidates wrap it in sklearn.frozen.FrozenEstimator: the search clones them, which "
            "takes the fit away."
        )
    return given


def _copied(estimator: BaseMLP, option: str, layers: Sequence[Layer]) -> list[Any]:
    """What each layer is given, where fitted networks have become arrays.

    Of a network for all layers, those that fit are copied, at least one, and all that are frozen;
    of one for a single layer, that one.
    """
    given = _entries(estimator, option, len(layers))
    found = [_counterpart(option, entry, layers, i) for i, entry in enumerate(given)]
    for_all = hasattr(getattr(estimator, option), "get_params")
    frozen = _optimizers.frozen_layers(estimator, len(layers))
    for place, entry in enumerate(given):
        missing = found[place] is None and is_fitted_network(entry)
        if missing and not (for_all and any(array is not None for array in found)):
            has = [np.shape(weights) for weights in weights_of(entry)[0]]
            needs = [layer.shape for layer in layers]
            which = "no layer" if for_all else f"no layer {place + 1}"
            raise ValueError(
                f"{option}: the fitted network has {which} of the shape that this one needs. Its "
                f"weights have the shapes {has}, those here {needs}."
            )
        if missing and place in frozen:
            raise ValueError(
                f"frozen_layers: layer {place} would stay as it is drawn, for the network given as "
                f"{option} has no layer of its shape {layers[place].shape}."
            )
    return found


def _counterpart(option: str, entry: Any, layers: Sequence[Layer], place: int) -> Any:
    """Turn a network into the array that it has for a layer, None if it has none.

    Hidden layers belong together counted from the first, output layers always.
    """
    if not is_fitted_network(entry):
        return entry
    weights, biases = weights_of(entry)
    if layers[place].is_output:
        theirs = len(weights) - 1
    elif place < len(weights) - 1:
        theirs = place
    else:
        return None
    if np.shape(weights[theirs]) != layers[place].shape:
        return None
    return weights[theirs] if option == "kernel_initializer" else biases[theirs]


def _values(
    option: str, entry: Any, place: int, layer: Layer, rng: RandomState
) -> NDArray[np.float64]:
    shape = layer.shape if option == "kernel_initializer" else (layer.units,)
    if entry is None:
        return _of_scikit_learn(rng, shape, layer)
    if isinstance(entry, str):
        name = "zeros"
        if option == "kernel_initializer":
            name = "glorot_uniform"
            if not layer.is_output:
                name = _BY_ACTIVATION.get(layer.activation, name)
        entry = BY_NAME[name]()
    if isinstance(entry, Initializer):
        return entry(shape, rng)
    try:
        values = np.asarray(entry, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{option} of layer {place + 1} must be numbers, got {entry!r}.") from None
    if values.shape != shape:
        raise ValueError(
            f"{option} of layer {place + 1} must have the shape {shape}, got {values.shape}."
        )
    return values


def _of_scikit_learn(rng: RandomState, shape: tuple[int, ...], layer: Layer) -> NDArray[np.float64]:
    """Draw from U(-b, b) with b = sqrt(f / (inputs + units)), f = 2 for logistic layers, else 6.

    Glorot and Bengio (2010), equation 16, with scikit-learn's factor for the logistic function.
    """
    factor = 2.0 if layer.activation == "logistic" else 6.0
    bound = np.sqrt(factor / (layer.inputs + layer.units))
    return rng.uniform(-bound, bound, shape)
