"""Layers of an `nnhp.Sequential`."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

from sklearn.utils._param_validation import HasMethods, Interval

from nnhp._component import Component

__all__ = [
    "Activation",
    "AlphaDropout",
    "BatchNormalization",
    "Dense",
    "Dropout",
    "GaussianNoise",
    "Input",
    "Layer",
    "LayerNormalization",
    "Maxout",
]

_Constraints = dict[str, list[Any]]
_MAX_COUNT = 2**31 - 1  # features and units are 32-bit in the engine's index arrays
_RATE = [Interval(Real, 0, 1, closed="left")]
_PART = [str, HasMethods("get_params"), None]

_OF_UNITS: _Constraints = {
    "units": [Interval(Integral, 1, _MAX_COUNT, closed="both")],
    "use_bias": ["boolean"],
    "trainable": ["boolean"],
    "kernel_initializer": [str, HasMethods("get_params")],
    "bias_initializer": [str, HasMethods("get_params")],
    "kernel_regularizer": _PART,
    "input_shape": ["array-like", None],
    "input_dim": [Interval(Integral, 1, _MAX_COUNT, closed="both"), None],
}


class Layer(Component):
    """What all layers share: they are values, with `get_params`, and hold no weights."""

    @property
    def n_features(self) -> int | None:
        """Features of the samples, where the layer says how many there are."""
        return None

    def check(self) -> None:
        """Raise ValueError where a parameter is out of bounds."""
        super().check()
        _ = self.n_features


class Input(Layer):
    """Says how many features the samples have.

    Parameters
    ----------
    shape : tuple of one int
        The shape of one sample.

    Examples
    --------
    >>> from nnhp.layers import Input
    >>> Input((4,)).n_features
    4
    """

    name = "input"
    _parameter_constraints: ClassVar[_Constraints] = {"shape": ["array-like"]}

    def __init__(self, shape: Sequence[int]) -> None:
        self.shape = shape

    @property
    def n_features(self) -> int:
        """The one entry of `shape`."""
        return _features(self.shape, "shape")


class _Units(Layer):
    """A layer with weights."""

    units: int
    input_shape: Any
    input_dim: Any
    use_bias: bool
    trainable: bool
    kernel_initializer: Any
    bias_initializer: Any
    kernel_regularizer: Any

    @property
    def n_features(self) -> int | None:
        """Features of the samples as `input_shape` or `input_dim` says; None if neither does."""
        if self.input_shape is not None:
            return _features(self.input_shape, "input_shape")
        return None if self.input_dim is None else operator.index(self.input_dim)


class Dense(_Units):
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

    trainable : bool, default=True
        Whether training changes the layer, and the slopes of its activation.

    input_shape : tuple of one int, default=None
        The shape of a sample; on the first layer of a net, in place of an `Input`.

    input_dim : int, default=None
        The same as a number.

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
        trainable: bool = True,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
    ) -> None:
        self.units = units
        self.activation = activation
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer
        self.kernel_regularizer = kernel_regularizer
        self.trainable = trainable
        self.input_shape = input_shape
        self.input_dim = input_dim


class Maxout(_Units):
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

    trainable : bool, default=True
        Whether training changes the layer.

    input_shape : tuple of one int, default=None
        The shape of a sample; on the first layer of a net, in place of an `Input`.

    input_dim : int, default=None
        The same as a number.

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
        trainable: bool = True,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
    ) -> None:
        self.units = units
        self.pieces = pieces
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer
        self.kernel_regularizer = kernel_regularizer
        self.trainable = trainable
        self.input_shape = input_shape
        self.input_dim = input_dim


class Activation(Layer):
    """Applies an activation to the outputs of the layer before.

    Parameters
    ----------
    activation : str or `nnhp.activations` object
        The activation.

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

    def __init__(self, activation: Any) -> None:
        self.activation = activation


class Dropout(Layer):
    """Sets outputs to 0 at random in training, and scales the others up.

    N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever and R. Salakhutdinov. "Dropout: A simple
    way to prevent neural networks from overfitting." JMLR 15, 2014.

    Parameters
    ----------
    rate : float
        Share of the outputs that are set to 0, in [0, 1).

    Examples
    --------
    >>> from nnhp.layers import Dropout
    >>> Dropout(0.5)
    Dropout(rate=0.5)
    """

    name = "dropout"
    _parameter_constraints: ClassVar[_Constraints] = {"rate": _RATE}

    def __init__(self, rate: float) -> None:
        self.rate = rate


class AlphaDropout(Layer):
    """Dropout for 'selu' units, which keeps the mean and the variance of their outputs.

    G. Klambauer, T. Unterthiner, A. Mayr and S. Hochreiter. "Self-normalizing neural networks."
    NeurIPS, 2017.

    Parameters
    ----------
    rate : float
        Share of the outputs that are dropped, in [0, 1).

    Examples
    --------
    >>> from nnhp.layers import AlphaDropout
    >>> AlphaDropout(0.1)
    AlphaDropout(rate=0.1)
    """

    name = "alpha_dropout"
    _parameter_constraints: ClassVar[_Constraints] = {"rate": _RATE}

    def __init__(self, rate: float) -> None:
        self.rate = rate


class GaussianNoise(Layer):
    """Adds normal noise to the outputs of the layer before (or to the samples) in training.

    Parameters
    ----------
    stddev : float
        Standard deviation of the noise, not negative.

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

    def __init__(self, stddev: float) -> None:
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
        self, momentum: float = 0.99, epsilon: float = 0.001, *, trainable: bool = True
    ) -> None:
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

    def __init__(self, epsilon: float = 0.001, *, trainable: bool = True) -> None:
        self.epsilon = epsilon
        self.trainable = trainable


def _features(shape: Any, what: str) -> int:
    sizes = [size for size in shape if size is not None]
    if len(sizes) != 1 or not isinstance(sizes[0], Integral) or sizes[0] < 1:
        raise ValueError(
            f"{what} must be the shape of one sample, (n_features,), got {tuple(shape)!r}."
        )
    return int(sizes[0])
