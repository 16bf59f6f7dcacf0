"""Layers of an `nnhp.Sequential`."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Protocol

from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import HasMethods, Interval

from nnhp import activations, initializers
from nnhp._component import Component
from nnhp._keras import WithoutKeras

__all__ = [
    "ELU",
    "Activation",
    "AlphaDropout",
    "BatchNormalization",
    "Dense",
    "Dropout",
    "Flatten",
    "GaussianNoise",
    "Input",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Maxout",
    "PReLU",
    "ReLU",
    "Softmax",
]

_Constraints = dict[str, list[Any]]
_MAX_COUNT = 2**31 - 1  # features and units are 32-bit in the engine's index arrays
_RATE = [Interval(Real, 0, 1, closed="left")]
_PART = [str, HasMethods("get_params"), None]

_COUNT = Interval(Integral, 1, _MAX_COUNT, closed="both")

_OF_ALL: _Constraints = {
    "name": [str, None],
    "input_shape": ["array-like", None],
    "input_dim": [_COUNT, None],
}
_OF_UNITS: _Constraints = {
    "units": [_COUNT],
    "use_bias": ["boolean"],
    "trainable": ["boolean"],
    "kernel_initializer": [str, HasMethods("get_params")],
    "bias_initializer": [str, HasMethods("get_params")],
    "kernel_regularizer": _PART,
    "kernel_constraint": _PART,
}
# What the docstring of each class says of the parameters that all have.
_SHARED = """name : str or None, default=None
        What `Sequential.summary` and `get_layer` call the layer; None is its kind, with a number
        where it comes again.

    input_shape : tuple of one int, default=None
        The shape of a sample; on the first layer of a net, in place of an `Input`.

    input_dim : int, default=None
        The same as a number."""

_PENALTIES = "the penalties are those on weights, kernel_regularizer"
_AXIS = "it is always that of the features"


class _Model(Protocol):
    """What a layer asks of the model that it is in."""

    def _weights_of(self, layer: Layer) -> list[NDArray[Any]]: ...

    def _replace_weights_of(self, layer: Layer, weights: Sequence[ArrayLike]) -> None: ...


class Layer(WithoutKeras, Component):
    """What all layers share: they are values, with `get_params`; weights are in their model.

    Parameters
    ----------
    {shared}
    """

    _not_there: ClassVar[Mapping[str, str]] = {
        "seed": "all random numbers come from Sequential(random_state=...)",
        "dtype": "a model has one, Sequential(dtype=...)",
        "bias_regularizer": _PENALTIES,
        "activity_regularizer": _PENALTIES,
        "bias_constraint": "the limits are those on weights, kernel_constraint",
        "noise_shape": "each output of each sample is dropped by itself",
        "axis": _AXIS,
        "center": "there always is a shift",
        "scale": "there always is a scale",
        "max_value": "'hard_sigmoid' and 'tanh' are the activations with bounds",
        "threshold": "it is 0",
        "shared_axes": _AXIS,
        "weights": "a model has set_weights",
        "batch_input_shape": "input_shape is the shape of one sample",
    }
    _model: _Model | None = None  # whose layer it is

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._parameter_constraints = {**_OF_ALL, **cls._parameter_constraints}
        cls.__doc__ = (cls.__doc__ or "").replace("{shared}", _SHARED)

    def __init__(
        self,
        *,
        name: str | None = None,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
    ) -> None:
        self.name = name
        self.input_shape = input_shape
        self.input_dim = input_dim

    def __getstate__(self) -> dict[str, Any]:
        """All but the model, which takes its layers back by itself."""
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_model"}

    @property
    def n_features(self) -> int | None:
        """Features of the samples, where the layer says how many there are."""
        if self.input_shape is not None:
            return _features(self.input_shape, "input_shape")
        return None if self.input_dim is None else operator.index(self.input_dim)

    def check(self) -> None:
        """Raise ValueError where a parameter is out of bounds."""
        super().check()
        _ = self.n_features

    def get_weights(self) -> list[NDArray[Any]]:
        """Copy the weights that the layer has in the model that it was last added to.

        Returns
        -------
        weights : list of ndarray
            As `Sequential.get_weights` lists them. Empty for a layer without weights, and as long
            as the number of features is not known.
        """
        return [] if self._model is None else self._model._weights_of(self)  # noqa: SLF001

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Replace the weights that the layer has in the model that it was last added to.

        Parameters
        ----------
        weights : sequence of array-like
            As `get_weights` returns them.

        Raises
        ------
        ValueError
            If the layer is in no model, or the number or a shape of the weights is another.
        """
        if self._model is None:
            raise ValueError(f"{self!r} is in no model, and so has no weights to set.")
        self._model._replace_weights_of(self, weights)  # noqa: SLF001


Layer.__doc__ = (Layer.__doc__ or "").replace("{shared}", _SHARED)


class Input(Layer):
    """Says how many features the samples have.

    Parameters
    ----------
    shape : tuple of one int
        The shape of one sample.

    name : str or None, default=None
        Has no effect: a model's `layers` begin after it.

    Examples
    --------
    >>> from nnhp.layers import Input
    >>> Input((4,)).n_features
    4
    """

    name = "input"
    _parameter_constraints: ClassVar[_Constraints] = {"shape": ["array-like"]}

    def __init__(self, shape: Sequence[int], *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.shape = shape

    @property
    def n_features(self) -> int:
        """The one entry of `shape`."""
        return _features(self.shape, "shape")


class Flatten(Layer):
    """Does nothing: samples are flat already.

    Parameters
    ----------
    {shared}

    Examples
    --------
    >>> from nnhp.layers import Flatten
    >>> Flatten(input_shape=(4,)).n_features
    4
    """

    name = "flatten"

    def __init__(
        self,
        *,
        name: str | None = None,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, input_dim=input_dim)


class Dense(Layer):
    """Units that each see all outputs of the layer before: ``activation(x @ W + b)``.

    Parameters
    ----------
    units : int
        Number of units, at least 1.

    activation : str, `nnhp.activations` object or None, default=None
        What the sums go through; None leaves them as they are.

    use_bias : bool, default=True
        Whether the units have a bias; without, it is 0 and stays it.

    kernel_initializer : str or `nnhp.initializers` object, default='glorot_uniform'
        Where the weights start.

    bias_initializer : str or `nnhp.initializers` object, default='zeros'
        Where the biases start.

    kernel_regularizer : {'l1', 'l2', 'l1_l2'}, `nnhp.regularizers` object or None, default=None
        Penalty on the weights, added to the loss as it is.

    kernel_constraint : {'max_norm'}, `nnhp.constraints` object or None, default=None
        Limit of the weights, the same in all layers.

    trainable : bool, default=True
        Whether training changes the layer, and the slopes of its activation.

    {shared}

    Examples
    --------
    >>> from nnhp.layers import Dense
    >>> Dense(16, activation="relu")
    Dense(activation='relu', units=16)
    """

    name = "dense"
    _parameter_constraints: ClassVar[_Constraints] = {
        **_OF_UNITS,
        "activation": _PART,
    }

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        *,
        kernel_constraint: Any = None,
        trainable: bool = True,
        name: str | None = None,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, input_dim=input_dim)
        self.units = units
        self.activation = activation
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer
        self.kernel_regularizer = kernel_regularizer
        self.kernel_constraint = kernel_constraint
        self.trainable = trainable


class Maxout(Layer):
    """Units that each are the greatest of several sums.

    I. Goodfellow, D. Warde-Farley, M. Mirza, A. Courville and Y. Bengio. "Maxout networks." ICML,
    2013.

    Parameters
    ----------
    units : int
        Number of units, at least 1.

    pieces : int, default=2
        Sums per unit, at least 1.

    use_bias : bool, default=True
        Whether each sum has a bias.

    kernel_initializer : str or `nnhp.initializers` object, default='glorot_uniform'
        Where the weights start.

    bias_initializer : str or `nnhp.initializers` object, default='zeros'
        Where the biases start.

    kernel_regularizer : {'l1', 'l2', 'l1_l2'}, `nnhp.regularizers` object or None, default=None
        Penalty on the weights, added to the loss as it is.

    kernel_constraint : {'max_norm'}, `nnhp.constraints` object or None, default=None
        Limit of the weights, the same in all layers.

    trainable : bool, default=True
        Whether training changes the layer.

    {shared}

    Examples
    --------
    >>> from nnhp.layers import Maxout
    >>> Maxout(16, pieces=3)
    Maxout(pieces=3, units=16)
    """

    name = "maxout"
    _parameter_constraints: ClassVar[_Constraints] = {
        **_OF_UNITS,
        "pieces": [Interval(Integral, 1, _MAX_COUNT, closed="both")],
    }

    def __init__(
        self,
        units: int,
        pieces: int = 2,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        *,
        kernel_constraint: Any = None,
        trainable: bool = True,
        name: str | None = None,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, input_dim=input_dim)
        self.units = units
        self.pieces = pieces
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer
        self.kernel_regularizer = kernel_regularizer
        self.kernel_constraint = kernel_constraint
        self.trainable = trainable


class ActivationLayer(Layer):
    """What the layers share that apply an `activation`."""

    activation: Any


class Activation(ActivationLayer):
    """Applies an activation to the outputs of the layer before.

    Parameters
    ----------
    activation : str or `nnhp.activations` object
        The activation.

    {shared}

    Examples
    --------
    >>> from nnhp.layers import Activation
    >>> Activation("relu")
    Activation(activation='relu')
    """

    name = "activation"
    _parameter_constraints: ClassVar[_Constraints] = {
        "activation": [str, HasMethods("get_params")],
    }

    def __init__(
        self,
        activation: Any,
        *,
        name: str | None = None,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, input_dim=input_dim)
        self.activation = activation


class ReLU(ActivationLayer):
    """Applies ``max(0, z)``: `Activation` of 'relu'.

    Parameters
    ----------
    {shared}

    Examples
    --------
    >>> from nnhp.layers import ReLU
    >>> ReLU().activation
    'relu'
    """

    name = "re_lu"

    def __init__(
        self,
        *,
        name: str | None = None,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, input_dim=input_dim)

    @property
    def activation(self) -> str:
        """The layer as an activation."""
        return "relu"


class LeakyReLU(ActivationLayer):
    """Multiplies negative numbers by a slope.

    Parameters
    ----------
    negative_slope : float, default=0.3
        The slope, Keras's by default; that of the activation 'leaky_relu' is 0.2.

    {shared}

    Examples
    --------
    >>> from nnhp.layers import LeakyReLU
    >>> LeakyReLU(0.1)
    LeakyReLU(negative_slope=0.1)
    """

    name = "leaky_re_lu"
    _parameter_constraints: ClassVar[_Constraints] = {"negative_slope": [Real]}

    def __init__(
        self,
        negative_slope: float = 0.3,
        *,
        name: str | None = None,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, input_dim=input_dim)
        self.negative_slope = negative_slope

    @property
    def activation(self) -> activations.LeakyReLU:
        """The layer as an activation."""
        return activations.LeakyReLU(negative_slope=self.negative_slope)


class ELU(ActivationLayer):
    """Applies ``alpha * (exp(z) - 1)`` to negative numbers.

    Parameters
    ----------
    alpha : float, default=1.0
        What negative numbers go down to, as a positive number.

    {shared}

    Examples
    --------
    >>> from nnhp.layers import ELU
    >>> ELU()
    ELU()
    """

    name = "elu"
    _parameter_constraints: ClassVar[_Constraints] = {"alpha": [Real]}

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        name: str | None = None,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, input_dim=input_dim)
        self.alpha = alpha

    @property
    def activation(self) -> activations.ELU:
        """The layer as an activation."""
        return activations.ELU(alpha=self.alpha)


class PReLU(ActivationLayer):
    """Multiplies negative numbers by a slope of their unit, which is trained.

    Parameters
    ----------
    alpha_initializer : {'zeros', 'ones'} or `nnhp.initializers.Constant`, default='zeros'
        Where the slopes start, all of them at the same value.

    {shared}

    Examples
    --------
    >>> from nnhp.layers import PReLU
    >>> PReLU().activation
    PReLU(initial_slope=0.0)
    """

    name = "prelu"
    _parameter_constraints: ClassVar[_Constraints] = {
        "alpha_initializer": [str, HasMethods("get_params")]
    }

    def __init__(
        self,
        alpha_initializer: Any = "zeros",
        *,
        name: str | None = None,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, input_dim=input_dim)
        self.alpha_initializer = alpha_initializer

    @property
    def activation(self) -> activations.PReLU:
        """The layer as an activation."""
        return activations.PReLU(initial_slope=_constant(self.alpha_initializer))


class Softmax(ActivationLayer):
    """Makes the outputs positive, with sum 1: `Activation` of 'softmax'.

    Parameters
    ----------
    {shared}

    Examples
    --------
    >>> from nnhp.layers import Softmax
    >>> Softmax().activation
    'softmax'
    """

    name = "softmax"

    def __init__(
        self,
        *,
        name: str | None = None,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, input_dim=input_dim)

    @property
    def activation(self) -> str:
        """The layer as an activation."""
        return "softmax"


class Dropout(Layer):
    """Sets outputs to 0 at random in training, and scales the others up.

    N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever and R. Salakhutdinov. "Dropout: A simple
    way to prevent neural networks from overfitting." JMLR 15, 2014.

    Parameters
    ----------
    rate : float
        Share of the outputs that are set to 0, in [0, 1).

    {shared}

    Examples
    --------
    >>> from nnhp.layers import Dropout
    >>> Dropout(0.5)
    Dropout(rate=0.5)
    """

    name = "dropout"
    _parameter_constraints: ClassVar[_Constraints] = {"rate": _RATE}

    def __init__(
        self,
        rate: float,
        *,
        name: str | None = None,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, input_dim=input_dim)
        self.rate = rate


class AlphaDropout(Layer):
    """Dropout for 'selu' units, which keeps the mean and the variance of their outputs.

    G. Klambauer, T. Unterthiner, A. Mayr and S. Hochreiter. "Self-normalizing neural networks."
    NeurIPS, 2017.

    Parameters
    ----------
    rate : float
        Share of the outputs that are dropped, in [0, 1).

    {shared}

    Examples
    --------
    >>> from nnhp.layers import AlphaDropout
    >>> AlphaDropout(0.1)
    AlphaDropout(rate=0.1)
    """

    name = "alpha_dropout"
    _parameter_constraints: ClassVar[_Constraints] = {"rate": _RATE}

    def __init__(
        self,
        rate: float,
        *,
        name: str | None = None,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, input_dim=input_dim)
        self.rate = rate


class GaussianNoise(Layer):
    """Adds normal noise to the outputs of the layer before (or to the samples) in training.

    Parameters
    ----------
    stddev : float
        Standard deviation of the noise, not negative.

    {shared}

    Examples
    --------
    >>> from nnhp.layers import GaussianNoise
    >>> GaussianNoise(0.1)
    GaussianNoise(stddev=0.1)
    """

    name = "gaussian_noise"
    _parameter_constraints: ClassVar[_Constraints] = {
        "stddev": [Interval(Real, 0, None, closed="left")]
    }

    def __init__(
        self,
        stddev: float,
        *,
        name: str | None = None,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, input_dim=input_dim)
        self.stddev = stddev


class BatchNormalization(Layer):
    """Gives each output mean 0 and variance 1 over a batch, then a trained scale and shift.

    Predictions use moving averages of the batches' means and variances. S. Ioffe and C. Szegedy.
    "Batch normalization." ICML, 2015.

    Parameters
    ----------
    momentum : float, default=0.99
        Share of the moving averages that stays at each step, in [0, 1).

    epsilon : float, default=0.001
        Added to the variance.

    trainable : bool, default=True
        Whether training changes the layer, as it must be for the `Dense` or `Maxout` before it. If
        not, the moving averages stay, and training uses them too.

    {shared}

    Examples
    --------
    >>> from nnhp.layers import BatchNormalization
    >>> BatchNormalization(momentum=0.9)
    BatchNormalization(momentum=0.9)
    """

    name = "batch_normalization"
    _parameter_constraints: ClassVar[_Constraints] = {
        "momentum": _RATE,
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "trainable": ["boolean"],
    }

    def __init__(
        self,
        momentum: float = 0.99,
        epsilon: float = 0.001,
        *,
        trainable: bool = True,
        name: str | None = None,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, input_dim=input_dim)
        self.momentum = momentum
        self.epsilon = epsilon
        self.trainable = trainable


class LayerNormalization(Layer):
    """Gives the outputs for each sample mean 0 and variance 1, then a trained scale and shift.

    J. L. Ba, J. R. Kiros and G. E. Hinton. "Layer normalization." 2016. arXiv:1607.06450.

    Parameters
    ----------
    epsilon : float, default=0.001
        Added to the variance.

    trainable : bool, default=True
        Whether training changes the layer, as it must be for the `Dense` or `Maxout` before it.

    {shared}

    Examples
    --------
    >>> from nnhp.layers import LayerNormalization
    >>> LayerNormalization()
    LayerNormalization()
    """

    name = "layer_normalization"
    _parameter_constraints: ClassVar[_Constraints] = {
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "trainable": ["boolean"],
    }

    def __init__(
        self,
        epsilon: float = 0.001,
        *,
        trainable: bool = True,
        name: str | None = None,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, input_dim=input_dim)
        self.epsilon = epsilon
        self.trainable = trainable


def _features(shape: Any, what: str) -> int:
    sizes = [size for size in shape if size is not None]
    if len(sizes) != 1 or not isinstance(sizes[0], Integral) or sizes[0] < 1:
        raise ValueError(
            f"{what} must be the shape of one sample, (n_features,), got {tuple(shape)!r}."
        )
    return int(sizes[0])


def _constant(initializer: Any) -> float:
    """The one value that slopes start from."""
    values = {"zeros": 0.0, "ones": 1.0}
    if isinstance(initializer, initializers.Constant):
        initializer.check()
        return float(initializer.value)
    name = getattr(initializer, "name", initializer)
    if name not in values:
        raise ValueError(
            "alpha_initializer must be 'zeros', 'ones' or an nnhp.initializers.Constant, got "
            f"{initializer!r}."
        )
    return values[name]
