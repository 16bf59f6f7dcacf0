"""Initializers: where the weights and biases of a net start.

An object of these classes, or its name for one with the defaults, is the `kernel_initializer` or
`bias_initializer` of an estimator. Definitions and defaults are Keras's. In the formulas, fan_in
and fan_out are the inputs and units of a layer (of maxout, units times pieces: the columns of its
weights); for its biases both are the latter.

Called with a shape, an initializer returns values to look at.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from nnhp import _threads
from nnhp._component import Component

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "Zeros",
]

_FINITE = [Interval(Real, None, None, closed="neither")]
_SPREAD = [Interval(Real, 0, None, closed="left")]
# Standard deviation of a normal distribution that is cut at two of its own.
_CUT_DEVIATION = 0.87962566103423978


class Initializer(Component):
    """What all initializers share; of no use by itself."""

    def __call__(
        self, shape: tuple[int, ...], random_state: int | RandomState | None = None
    ) -> NDArray[np.float64]:
        """Make initial values.

        Parameters
        ----------
        shape : tuple of int
            (inputs, units) of weights or (units,) of biases.

        random_state : int, RandomState instance or None, default=None
            Where random values are drawn from: one number per value, row by row.

        Returns
        -------
        values : ndarray of shape `shape`
            In float64.

        Raises
        ------
        ValueError
            If a parameter is out of bounds.
        """
        self.check()
        return self._draw(check_random_state(random_state), tuple(shape))

    def _draw(self, rng: RandomState, shape: tuple[int, ...]) -> NDArray[np.float64]:
        raise NotImplementedError


def _truncated_normal(rng: RandomState, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Draw from the standard normal distribution between -2 and 2, by its inverse."""
    return np.clip(ndtri(rng.uniform(ndtr(-2.0), ndtr(2.0), shape)), -2.0, 2.0)


class _VarianceScaling(Initializer):
    """Draws around 0 with the variance scale / fan."""

    _scale: ClassVar[float]
    _normal: ClassVar[bool]  # truncated at two standard deviations; else uniform

    def _draw(self, rng: RandomState, shape: tuple[int, ...]) -> NDArray[np.float64]:
        variance = self._scale / max(self._fan(shape[0], shape[-1]), 1.0)
        if self._normal:
            return _truncated_normal(rng, shape) * (math.sqrt(variance) / _CUT_DEVIATION)
        bound = math.sqrt(3.0 * variance)
        return rng.uniform(-bound, bound, shape)

    def _fan(self, fan_in: int, fan_out: int) -> float:  # noqa: ARG002 - Glorot's takes both
        return fan_in


class _Glorot(_VarianceScaling):
    _scale = 1.0

    def _fan(self, fan_in: int, fan_out: int) -> float:
        return (fan_in + fan_out) / 2.0


class GlorotUniform(_Glorot):
    """Uniform in ``(-b, b)``, ``b = sqrt(6 / (fan_in + fan_out))``: 'glorot_uniform'.

    For layers with tanh or logistic units [1]_. scikit-learn's draw (None) differs from it in the
    biases, and in the weights of 'logistic' layers.

    References
    ----------
    .. [1] X. Glorot and Y. Bengio. "Understanding the difficulty of training deep feedforward
       neural networks." AISTATS, 2010.

    Examples
    --------
    >>> from nnhp.initializers import GlorotUniform
    >>> abs(GlorotUniform()((20, 30), random_state=0)).max() < (6 / 50) ** 0.5
    np.True_
    """

    name = "glorot_uniform"
    _normal = False


class GlorotNormal(_Glorot):
    """Normal with the variance ``2 / (fan_in + fan_out)``: 'glorot_normal'.

    Cut at two standard deviations, and scaled so that this is the variance after the cut [1]_.

    References
    ----------
    .. [1] X. Glorot and Y. Bengio. "Understanding the difficulty of training deep feedforward
       neural networks." AISTATS, 2010.

    Examples
    --------
    >>> from nnhp.initializers import GlorotNormal
    >>> GlorotNormal()((200, 300), random_state=0).var().round(4)
    np.float64(0.004)
    """

    name = "glorot_normal"
    _normal = True


class HeUniform(_VarianceScaling):
    """Uniform in ``(-b, b)``, ``b = sqrt(6 / fan_in)``: 'he_uniform'.

    For layers with units of the relu family [1]_.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren and J. Sun. "Delving deep into rectifiers: Surpassing
       human-level performance on ImageNet classification." ICCV, 2015. arXiv:1502.01852.

    Examples
    --------
    >>> from nnhp.initializers import HeUniform
    >>> abs(HeUniform()((24, 5), random_state=0)).max() < 0.5
    np.True_
    """

    name = "he_uniform"
    _scale, _normal = 2.0, False


class HeNormal(_VarianceScaling):
    """Normal with the variance ``2 / fan_in``: 'he_normal'.

    Cut at two standard deviations, and scaled so that this is the variance after the cut. For
    layers with units of the relu family [1]_.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren and J. Sun. "Delving deep into rectifiers: Surpassing
       human-level performance on ImageNet classification." ICCV, 2015. arXiv:1502.01852.

    Examples
    --------
    >>> from nnhp import MLPClassifier
    >>> from nnhp.initializers import HeNormal
    >>> MLPClassifier(kernel_initializer=HeNormal(), bias_initializer="zeros")
    MLPClassifier(bias_initializer='zeros', kernel_initializer=HeNormal())
    """

    name = "he_normal"
    _scale, _normal = 2.0, True


class LecunUniform(_VarianceScaling):
    """Uniform in ``(-b, b)``, ``b = sqrt(3 / fan_in)``: 'lecun_uniform'.

    Each unit's sum then has about the variance of its inputs [1]_.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, G. B. Orr and K.-R. Müller. "Efficient BackProp." Neural
       Networks: Tricks of the Trade, 1998.

    Examples
    --------
    >>> from nnhp.initializers import LecunUniform
    >>> abs(LecunUniform()((12, 5), random_state=0)).max() < 0.5
    np.True_
    """

    name = "lecun_uniform"
    _scale, _normal = 1.0, False


class LecunNormal(_VarianceScaling):
    """Normal with the variance ``1 / fan_in``: 'lecun_normal'.

    Cut at two standard deviations, and scaled so that this is the variance after the cut [1]_.
    For layers with 'selu' units [2]_.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, G. B. Orr and K.-R. Müller. "Efficient BackProp." Neural
       Networks: Tricks of the Trade, 1998.
    .. [2] G. Klambauer, T. Unterthiner, A. Mayr and S. Hochreiter. "Self-normalizing neural
       networks." NeurIPS, 2017.

    Examples
    --------
    >>> from nnhp.initializers import LecunNormal
    >>> LecunNormal()((250, 300), random_state=0).var().round(4)
    np.float64(0.004)
    """

    name = "lecun_normal"
    _scale, _normal = 1.0, True


class RandomNormal(Initializer):
    """Normal: 'normal' or 'random_normal'.

    Parameters
    ----------
    mean : float, default=0.0
        The mean.

    stddev : float, default=0.05
        The standard deviation, not negative.

    Examples
    --------
    >>> from nnhp.initializers import RandomNormal
    >>> RandomNormal(stddev=0.1)((3, 2), random_state=0).round(2)
    array([[ 0.18,  0.04],
           [ 0.1 ,  0.22],
           [ 0.19, -0.1 ]])
    """

    name = "normal"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"mean": _FINITE, "stddev": _SPREAD}

    def __init__(self, mean: float = 0.0, stddev: float = 0.05) -> None:
        self.mean = mean
        self.stddev = stddev

    def _draw(self, rng: RandomState, shape: tuple[int, ...]) -> NDArray[np.float64]:
        return rng.normal(self.mean, self.stddev, shape)


class RandomUniform(Initializer):
    """Uniform: 'uniform' or 'random_uniform'.

    Parameters
    ----------
    minval, maxval : float, default=-0.05, 0.05
        The bounds; `minval` must not be greater.

    Examples
    --------
    >>> from nnhp.initializers import RandomUniform
    >>> RandomUniform(-1, 1)((2, 2), random_state=0).round(2)
    array([[0.1 , 0.43],
           [0.21, 0.09]])
    """

    name = "uniform"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"minval": _FINITE, "maxval": _FINITE}

    def __init__(self, minval: float = -0.05, maxval: float = 0.05) -> None:
        self.minval = minval
        self.maxval = maxval

    def check(self) -> None:
        """Raise ValueError where a parameter is out of bounds."""
        super().check()
        if self.minval > self.maxval:
            raise ValueError(
                "RandomUniform needs minval <= maxval, got "
                f"minval={self.minval!r} and maxval={self.maxval!r}."
            )

    def _draw(self, rng: RandomState, shape: tuple[int, ...]) -> NDArray[np.float64]:
        return rng.uniform(self.minval, self.maxval, shape)


class TruncatedNormal(Initializer):
    """Normal, cut at two standard deviations: 'truncated_normal'.

    Parameters
    ----------
    mean : float, default=0.0
        The mean.

    stddev : float, default=0.05
        The standard deviation before the cut, not negative; after it, it is 0.88 times that.

    Examples
    --------
    >>> from nnhp.initializers import TruncatedNormal
    >>> abs(TruncatedNormal(stddev=1)((100, 100), random_state=0)).max() <= 2
    np.True_
    """

    name = "truncated_normal"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"mean": _FINITE, "stddev": _SPREAD}

    def __init__(self, mean: float = 0.0, stddev: float = 0.05) -> None:
        self.mean = mean
        self.stddev = stddev

    def _draw(self, rng: RandomState, shape: tuple[int, ...]) -> NDArray[np.float64]:
        return self.mean + self.stddev * _truncated_normal(rng, shape)


class Orthogonal(Initializer):
    """A random matrix whose columns are orthogonal: 'orthogonal'.

    Its rows are, where there are more columns than rows; all have the norm `gain` [1]_. It comes
    from the QR decomposition of a matrix of standard normal numbers. Not for biases.

    Parameters
    ----------
    gain : float, default=1.0
        Factor of the whole.

    References
    ----------
    .. [1] A. M. Saxe, J. L. McClelland and S. Ganguli. "Exact solutions to the nonlinear dynamics
       of learning in deep linear neural networks." ICLR, 2014. arXiv:1312.6120.

    Examples
    --------
    >>> from nnhp.initializers import Orthogonal
    >>> W = Orthogonal()((4, 3), random_state=0)
    >>> abs((W.T @ W).round(12))
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]])
    """

    name = "orthogonal"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"gain": _FINITE}

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def _draw(self, rng: RandomState, shape: tuple[int, ...]) -> NDArray[np.float64]:
        if len(shape) != 2:
            raise ValueError(f"Orthogonal needs the shape of a matrix, got {shape}.")
        normal = rng.standard_normal((max(shape), min(shape)))
        with _threads.one_blas_thread():  # the bits must not depend on their number
            q, r = np.linalg.qr(normal)
        q *= np.sign(np.diag(r))  # uniform over all orthogonal matrices
        return float(self.gain) * (q.T if shape[0] < shape[1] else q)


class Constant(Initializer):
    """The same number everywhere: 'constant'.

    Parameters
    ----------
    value : float, default=0.0
        The number. With the default, Keras's, 'constant' is 'zeros'.

    Examples
    --------
    >>> from nnhp.initializers import Constant
    >>> Constant(0.1)((3,))
    array([0.1, 0.1, 0.1])
    """

    name = "constant"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"value": _FINITE}

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    def _draw(self, rng: RandomState, shape: tuple[int, ...]) -> NDArray[np.float64]:  # noqa: ARG002
        return np.full(shape, float(self.value))


class Zeros(Initializer):
    """0 everywhere: 'zeros'.

    Examples
    --------
    >>> from nnhp.initializers import Zeros
    >>> Zeros()((3,))
    array([0., 0., 0.])
    """

    name = "zeros"

    def _draw(self, rng: RandomState, shape: tuple[int, ...]) -> NDArray[np.float64]:  # noqa: ARG002
        return np.zeros(shape)


class Ones(Initializer):
    """1 everywhere: 'ones'.

    Examples
    --------
    >>> from nnhp.initializers import Ones
    >>> Ones()((3,))
    array([1., 1., 1.])
    """

    name = "ones"

    def _draw(self, rng: RandomState, shape: tuple[int, ...]) -> NDArray[np.float64]:  # noqa: ARG002
        return np.ones(shape)


BY_NAME: dict[str, type[Initializer]] = {
    kind.name: kind
    for kind in (
        Constant,
        GlorotNormal,
        GlorotUniform,
        HeNormal,
        HeUniform,
        LecunNormal,
        LecunUniform,
        Ones,
        Orthogonal,
        RandomNormal,
        RandomUniform,
        TruncatedNormal,
        Zeros,
    )
}
ALIASES = {"random_normal": "normal", "random_uniform": "uniform"}  # Keras's
