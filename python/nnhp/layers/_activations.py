"""Layers that are an activation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar

from sklearn.utils._param_validation import HasMethods

from nnhp import activations, initializers
from nnhp.layers._base import Constraints, Layer

# What the docstrings of the classes say that may have slopes to train.
_SLOPES = """trainable : bool, default=True
        Whether training changes the slopes, where there are any: those behind a `Dense` or `Maxout`
        that is not trainable it never does, those behind another one always."""


class ActivationLayer(Layer):
    """What the layers share that apply an `activation`."""

    activation: Any

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.__doc__ = (cls.__doc__ or "").replace("{slopes}", _SLOPES)


class Activation(ActivationLayer):
    """Applies an activation to the outputs of the layer before.

    Parameters
    ----------
    activation : str or `nnhp.activations` object
        The activation.

    {slopes}

    {shared}

    Examples
    --------
    >>> from nnhp.layers import Activation
    >>> Activation("relu")
    Activation(activation='relu')
    """

    name = "activation"
    _parameter_constraints: ClassVar[Constraints] = {
        "activation": [str, HasMethods("get_params")],
        "trainable": ["boolean"],
    }

    def __init__(
        self,
        activation: Any,
        *,
        trainable: bool = True,
        name: str | None = None,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, input_dim=input_dim)
        self.activation = activation
        self.trainable = trainable


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
    _not_there: ClassVar[Mapping[str, str]] = {
        **Layer._not_there,  # noqa: SLF001
        "alpha": "it is negative_slope",
    }
    _parameter_constraints: ClassVar[Constraints] = {"negative_slope": [Real]}

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
    _parameter_constraints: ClassVar[Constraints] = {"alpha": [Real]}

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

    {slopes}

    {shared}

    Examples
    --------
    >>> from nnhp.layers import PReLU
    >>> PReLU().activation
    PReLU(initial_slope=0.0)
    """

    name = "prelu"
    _parameter_constraints: ClassVar[Constraints] = {
        "alpha_initializer": [str, HasMethods("get_params")],
        "trainable": ["boolean"],
    }

    def __init__(
        self,
        alpha_initializer: Any = "zeros",
        *,
        trainable: bool = True,
        name: str | None = None,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, input_dim=input_dim)
        self.alpha_initializer = alpha_initializer
        self.trainable = trainable

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

    @property
    def activation(self) -> str:
        """The layer as an activation."""
        return "softmax"


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
