"""Layers that normalize by batch or by sample."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import ClassVar

from sklearn.utils._param_validation import Interval

from nnhp.layers._base import Constraints, Layer

_SHARE = [Interval(Real, 0, 1, closed="left")]
_POSITIVE = [Interval(Real, 0, None, closed="neither")]


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
    _parameter_constraints: ClassVar[Constraints] = {
        "momentum": _SHARE,
        "epsilon": _POSITIVE,
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
    _parameter_constraints: ClassVar[Constraints] = {
        "epsilon": _POSITIVE,
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
