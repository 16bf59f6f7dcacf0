"""Losses with parameters of their own, for ``loss`` of `nnhp.MLPClassifier` and `MLPRegressor`."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from nnhp._component import Component
from nnhp._keras import keras_name

__all__ = ["Focal", "Huber", "Quantile"]

# Keras's classes: Sequential takes these losses by name.
_OF_KERAS = (
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalHinge",
    "Hinge",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Poisson",
    "SparseCategoricalCrossentropy",
)


def __getattr__(name: str) -> object:
    instead = ""
    if name in _OF_KERAS:
        instead = f": Sequential.compile takes loss={keras_name(name)!r}, of outputs (no logits)"
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{instead}", name=name)


class Focal(Component):
    """The log-loss, with less weight on samples that are classified well: 'focal'.

    With p the probability of the class that is true, a sample's loss is
    ``-(1 - p)**gamma * log(p)`` [1]_, as Keras's BinaryFocalCrossentropy and
    CategoricalFocalCrossentropy have it. For classifiers.

    Parameters
    ----------
    gamma : float, default=2.0
        How much less: 0 is the log-loss itself. At least 0.

    alpha : float or None, default=None
        If given, between 0 and 1: what losses are multiplied by. For two classes, and for each
        label of multilabel targets, that is `alpha` where the second class (the label) is true
        and ``1 - alpha`` where it is not; for three classes or more it is `alpha` for all of them.
        None is 1. Weights of single classes are `class_weight` of the estimator.

    Notes
    -----
    In Keras, `alpha` is 0.25 for three classes or more unless given, and for two counts only with
    ``apply_class_balancing=True``.

    References
    ----------
    .. [1] T.-Y. Lin, P. Goyal, R. Girshick, K. He and P. Dollar. "Focal loss for dense object
       detection." ICCV, 2017. arXiv:1708.02002.

    Examples
    --------
    >>> from nnhp import MLPClassifier, losses
    >>> from sklearn.datasets import make_classification
    >>> X, y = make_classification(weights=[0.9], random_state=0)
    >>> net = MLPClassifier(loss=losses.Focal(gamma=1.5, alpha=0.75), random_state=0)
    >>> net.set_params(loss__gamma=2.5, max_iter=500).loss
    Focal(alpha=0.75, gamma=2.5)
    >>> net.fit(X, y).score(X, y) > 0.9
    True
    """

    name = "focal"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "gamma": [Interval(Real, 0, None, closed="left")],
        "alpha": [Interval(Real, 0, 1, closed="neither"), None],
    }

    def __init__(self, gamma: float = 2.0, alpha: float | None = None) -> None:
        self.gamma = gamma
        self.alpha = alpha

    def fields(self) -> dict[str, Any]:
        """The loss as the engine takes it."""
        alpha = 1.0 if self.alpha is None else float(self.alpha)
        return {"name": self.name, "gamma": float(self.gamma), "alpha": alpha}


class Huber(Component):
    """Squared for small errors, absolute for large ones, so that outliers count less: 'huber'.

    With ``e = y - p``, it is ``e**2 / 2`` where ``abs(e) <= delta``, else
    ``delta * (abs(e) - delta / 2)`` [1]_, averaged over samples and outputs. For regressors.

    Parameters
    ----------
    delta : float, default=1.0
        The error from which on the loss grows linearly, in the units of y. Above 0.

    References
    ----------
    .. [1] P. J. Huber. "Robust estimation of a location parameter." Annals of Mathematical
       Statistics 35, 1964.

    Examples
    --------
    >>> from nnhp import MLPRegressor, losses
    >>> from sklearn.datasets import make_regression
    >>> from sklearn.preprocessing import scale
    >>> X, y = make_regression(n_samples=300, n_features=5, random_state=0)
    >>> net = MLPRegressor(loss=losses.Huber(delta=0.5), max_iter=500, random_state=0)
    >>> net.fit(X, scale(y)).score(X, scale(y)) > 0.95
    True
    """

    name = "huber"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "delta": [Interval(Real, 0, None, closed="neither")]
    }

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = delta


class Quantile(Component):
    """The pinball loss of several quantiles at once, which never cross: 'quantile'.

    The net has one output per quantile: the first is any number, each other one adds the softplus,
    ``log(1 + exp(z))``, of its own to the one before. A quantile q costs ``q * (y - p)`` where its
    prediction p is too low and ``(1 - q) * (p - y)`` where it is too high [1]_; the loss is the
    mean over samples and quantiles. For regressors, with a y of one column.

    Parameters
    ----------
    quantiles : float or sequence of float, default=(0.1, 0.5, 0.9)
        Levels between 0 and 1, rising. With several, `predict` gives an array of shape
        (n_samples, n_quantiles); with one, as a number or in a sequence, of shape (n_samples,).

    Notes
    -----
    `score` is the mean over the quantiles of scikit-learn's `d2_pinball_score`.

    References
    ----------
    .. [1] R. Koenker and G. Bassett. "Regression quantiles." Econometrica 46, 1978.

    Examples
    --------
    >>> import numpy as np
    >>> from nnhp import MLPRegressor, losses
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (2000, 1))
    >>> y = X[:, 0] + (1.5 + X[:, 0]) * rng.standard_normal(2000)
    >>> net = MLPRegressor(loss=losses.Quantile((0.25, 0.75)), max_iter=300, random_state=0)
    >>> low, high = net.fit(X, y).predict(X).T
    >>> bool(0.4 < np.mean((low < y) & (y < high)) < 0.6)
    True
    """

    name = "quantile"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "quantiles": [Interval(Real, 0, 1, closed="neither"), "array-like"]
    }

    def __init__(self, quantiles: float | Sequence[float] = (0.1, 0.5, 0.9)) -> None:
        self.quantiles = quantiles

    def levels(self) -> list[float]:
        """The quantiles as numbers; ValueError where they are none, or do not rise."""
        try:
            levels = np.atleast_1d(np.asarray(self.quantiles, dtype=np.float64))
        except (TypeError, ValueError):
            levels = np.empty(0)
        inside = levels.ndim == 1 and levels.size > 0 and ((levels > 0) & (levels < 1)).all()
        if not (inside and (np.diff(levels) > 0).all()):
            raise ValueError(
                "The 'quantiles' parameter of Quantile must be numbers between 0 and 1, rising, "
                f"got {self.quantiles!r}."
            )
        return [float(level) for level in levels]

    def check(self) -> None:
        """Raise ValueError where a parameter is out of bounds."""
        super().check()
        self.levels()

    def fields(self) -> dict[str, Any]:
        """The loss as the engine takes it."""
        return {"name": self.name, "quantiles": self.levels()}
