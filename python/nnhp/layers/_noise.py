"""Layers that disturb a training: dropout and noise."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import ClassVar

from sklearn.utils._param_validation import Interval

from nnhp.layers._base import Constraints, Layer


class _WithRate(Layer):
    """What layers share that drop outputs."""

    _parameter_constraints: ClassVar[Constraints] = {"rate": [Interval(Real, 0, 1, closed="left")]}

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


class Dropout(_WithRate):
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


class AlphaDropout(_WithRate):
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
    _parameter_constraints: ClassVar[Constraints] = {
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
