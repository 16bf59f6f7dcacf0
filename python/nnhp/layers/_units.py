"""Layers of units with weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from sklearn.utils._param_validation import HasMethods

from nnhp.layers._base import COUNT, Constraints, Layer

_PART = [str, HasMethods("get_params"), None]

_OF_WEIGHTS: Constraints = {
    "units": [COUNT],
    "use_bias": ["boolean"],
    "kernel_initializer": [str, HasMethods("get_params")],
    "bias_initializer": [str, HasMethods("get_params")],
    "kernel_regularizer": _PART,
    "kernel_constraint": _PART,
    "trainable": ["boolean"],
}
# What the docstrings of the classes say of the parameters of their weights.
_WEIGHTS = """use_bias : bool, default=True
        Whether each sum has a bias; without, it is 0 and stays it.

    kernel_initializer : str or `nnhp.initializers` object, default='glorot_uniform'
        Where the weights start.

    bias_initializer : str or `nnhp.initializers` object, default='zeros'
        Where the biases start.

    kernel_regularizer : {'l1', 'l2'}, `nnhp.regularizers` object or None, default=None
        Penalty on the weights, added to the loss as it is.

    kernel_constraint : {'max_norm'}, `nnhp.constraints` object or None, default=None
        Limit of the weights, the same in all layers.

    trainable : bool, default=True
        Whether training changes the layer, and the slopes of its activation."""


class UnitsLayer(Layer):
    """What the layers share that have units with weights."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._parameter_constraints = {**_OF_WEIGHTS, **cls._parameter_constraints}
        cls.__doc__ = (cls.__doc__ or "").replace("{weights}", _WEIGHTS)

    def __init__(
        self,
        units: int,
        use_bias: bool,
        kernel_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        kernel_constraint: Any,
        trainable: bool,
        **of_all: Any,
    ) -> None:
        super().__init__(**of_all)
        self.units = units
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer
        self.kernel_regularizer = kernel_regularizer
        self.kernel_constraint = kernel_constraint
        self.trainable = trainable


class Dense(UnitsLayer):
    """Units that each see all outputs of the layer before: ``activation(x @ W + b)``.

    Parameters
    ----------
    units : int
        Number of units, at least 1.

    activation : str, `nnhp.activations` object or None, default=None
        What the sums go through; None leaves them as they are.

    {weights}

    {shared}

    Examples
    --------
    >>> from nnhp.layers import Dense
    >>> Dense(16, activation="relu")
    Dense(activation='relu', units=16)
    """

    name = "dense"
    _parameter_constraints: ClassVar[Constraints] = {"activation": _PART}

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
        weights = (kernel_initializer, bias_initializer, kernel_regularizer, kernel_constraint)
        of_all = {"name": name, "input_shape": input_shape, "input_dim": input_dim}
        super().__init__(units, use_bias, *weights, trainable, **of_all)
        self.activation = activation


class Maxout(UnitsLayer):
    """Units that each are the greatest of several sums.

    I. Goodfellow, D. Warde-Farley, M. Mirza, A. Courville and Y. Bengio. "Maxout networks." ICML,
    2013.

    Parameters
    ----------
    units : int
        Number of units, at least 1.

    pieces : int, default=2
        Sums per unit, at least 1.

    {weights}

    {shared}

    Examples
    --------
    >>> from nnhp.layers import Maxout
    >>> Maxout(16, pieces=3)
    Maxout(pieces=3, units=16)
    """

    name = "maxout"
    _parameter_constraints: ClassVar[Constraints] = {"pieces": [COUNT]}

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
        weights = (kernel_initializer, bias_initializer, kernel_regularizer, kernel_constraint)
        of_all = {"name": name, "input_shape": input_shape, "input_dim": input_dim}
        super().__init__(units, use_bias, *weights, trainable, **of_all)
        self.pieces = pieces
