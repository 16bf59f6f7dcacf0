"""Activations with parameters of their own, for ``activation`` of the estimators.

Each can also be given by its name, with its defaults: 'leaky_relu', 'elu', 'maxout', 'prelu'.
Those without parameters have names only, which the estimators list. Parameters that are searched
have names like ``activation__pieces``.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval

from nnhp._component import Component

__all__ = ["ELU", "Activation", "LeakyReLU", "Maxout", "PReLU"]


class Activation(Component):
    """What all activations share; of no use by itself."""

    @property
    def n_pieces(self) -> int:
        """Columns of the layer's weights for each of its units."""
        return 1


class LeakyReLU(Activation):
    """Negative sums times a slope: 'leaky_relu'.

    max(0, z) + negative_slope * min(0, z) [1]_.

    Parameters
    ----------
    negative_slope : float, default=0.2
        Slope of negative sums, not negative itself. Keras's layer of this name has 0.3, its
        activation 'leaky_relu' 0.2.

    References
    ----------
    .. [1] A. Maas, A. Hannun and A. Ng. "Rectifier nonlinearities improve neural network acoustic
       models." ICML, 2013.

    Examples
    --------
    >>> from nnhp import MLPClassifier, activations
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> leaky = activations.LeakyReLU(negative_slope=0.1)
    >>> net = MLPClassifier(activation=leaky, solver="lbfgs", max_iter=500, random_state=0)
    >>> net.fit(X, y).score(X, y) > 0.95
    True
    """

    name = "leaky_relu"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "negative_slope": [Interval(Real, 0, None, closed="left")]
    }

    def __init__(self, negative_slope: float = 0.2) -> None:
        self.negative_slope = negative_slope


class ELU(Activation):
    """Exponential linear units: 'elu'.

    z, or ``alpha * (exp(z) - 1)`` where z < 0 [1]_.

    Parameters
    ----------
    alpha : float, default=1.0
        What large negative sums come to, with its sign turned; positive.

    References
    ----------
    .. [1] D. Clevert, T. Unterthiner and S. Hochreiter. "Fast and accurate deep network learning by
       exponential linear units (ELUs)." ICLR, 2016.

    Examples
    --------
    >>> from nnhp import MLPRegressor, activations
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = MLPRegressor(activation=activations.ELU(alpha=0.5), solver="lbfgs", random_state=0)
    >>> net.set_params(hidden_layer_sizes=8, max_iter=2000).fit(X, y).score(X, y) > 0.5
    True
    """

    name = "elu"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "alpha": [Interval(Real, 0, None, closed="neither")]
    }

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha


class Maxout(Activation):
    """The greatest of several sums of each unit: 'maxout'.

    A unit with k pieces has k rows of weights and k biases, and puts out the greatest of its k
    sums [1]_: a convex function of its inputs, made of k linear ones, that is learned. A layer of n
    units has ``n * pieces`` columns in `coefs_` and entries in `intercepts_`: number
    ``p * n + j`` belongs to piece p of unit j.

    Parameters
    ----------
    pieces : int, default=2
        Sums per unit, 2 or more.

    References
    ----------
    .. [1] I. Goodfellow, D. Warde-Farley, M. Mirza, A. Courville and Y. Bengio. "Maxout networks."
       ICML, 2013.

    Examples
    --------
    >>> from nnhp import MLPClassifier, activations
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> maxout = activations.Maxout(pieces=3)
    >>> net = MLPClassifier(4, activation=maxout, solver="lbfgs", max_iter=500, random_state=0)
    >>> [weights.shape for weights in net.fit(X, y).coefs_]
    [(4, 12), (4, 3)]
    """

    name = "maxout"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "pieces": [Interval(Integral, 2, 2**31 - 1, closed="both")]
    }

    def __init__(self, pieces: int = 2) -> None:
        self.pieces = pieces

    @property
    def n_pieces(self) -> int:
        """Columns of the layer's weights for each of its units."""
        return int(self.pieces)


class PReLU(Activation):
    """Negative sums times a slope of their unit, which is trained: 'prelu'.

    max(0, z) + slope * min(0, z) [1]_; after `fit` the slopes are in `activation_params_`. They
    are not penalized by `alpha`.

    Parameters
    ----------
    initial_slope : float, default=0.25
        Slope of each unit before training, as in [1]_.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren and J. Sun. "Delving deep into rectifiers: Surpassing human-level
       performance on ImageNet classification." ICCV, 2015.

    Examples
    --------
    >>> from nnhp import MLPClassifier, activations
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> sloped = activations.PReLU(initial_slope=0.1)
    >>> net = MLPClassifier(5, activation=sloped, solver="lbfgs", max_iter=500, random_state=0)
    >>> [slopes.shape for slopes in net.fit(X, y).activation_params_]
    [(5,)]
    """

    name = "prelu"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "initial_slope": [Interval(Real, None, None, closed="neither")]
    }

    def __init__(self, initial_slope: float = 0.25) -> None:
        self.initial_slope = initial_slope

    def fields(self) -> dict[str, Any]:
        """The activation as the engine takes it, which gets the slopes with the parameters."""
        return {"name": self.name}


BY_NAME: dict[str, type[Activation]] = {
    activation.name: activation for activation in (LeakyReLU, ELU, Maxout, PReLU)
}
# Other names of activations, mostly Keras's, and the engine's for them.
ALIASES = {"linear": "identity", "sigmoid": "logistic", "swish": "silu"}
