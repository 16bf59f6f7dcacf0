"""Ready-made search spaces."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from scipy.stats import loguniform
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state

from nnhp.estimators import MLPClassifier, MLPRegressor
from nnhp.search._space import HiddenLayers

__all__ = ["default"]

_BATCH_SIZES = (16, 32, 64, 128, 256, 512)
_MAX_LEARNING_RATE = {"adam": 3e-2, "sgd": 3e-1}


def __dir__() -> list[str]:
    return list(__all__)


def default(estimator: Any, *, n_samples: int | None = None) -> dict[str, Any]:
    """Make a space of what is worth searching, for random searches.

    The solver stays that of the estimator, and the space is made for it: 'sgd' bears
    learning rates that 'adam' does not, and 'lbfgs' knows neither rates, batches nor dropout.
    `max_iter` is left out, because it is what Hyperband and halving ration.

    ======================  ==============================================================
    parameter               values
    ======================  ==============================================================
    hidden_layer_sizes      1 to 4 layers of 8 to 512 units, spread over the logarithm
    activation              'relu', 'tanh'
    alpha                   1e-7 to 1e-1, spread over the logarithm
    learning_rate_init      1e-4 to 3e-2 ('sgd': to 3e-1), spread over the logarithm
    batch_size              16, 32, ..., 512
    dropout                 0 in half of the draws; otherwise 0 to 0.5
    ======================  ==============================================================

    Where the estimator's `learning_rate` is a number or a sequence, which `learning_rate_init`
    would not change, the space holds `learning_rate` in its place; where it has `num_layers`,
    the space sets that to None.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor or Pipeline
        What will be searched. In a Pipeline, the network is the last step.

    n_samples : int or None, default=None
        Samples that a training fold has: greater batches are left out. None leaves none out.

    Returns
    -------
    space : dict
        Parameter name -> distribution or list, for the `param_distributions` of a search over
        `estimator`. The names have the prefix of the step in a Pipeline. It is an ordinary
        dict, to be changed at will.

    Raises
    ------
    ValueError
        If the estimator is none of those or `n_samples` is not a positive integer.

    Examples
    --------
    >>> from nnhp import MLPClassifier, spaces
    >>> from sklearn.pipeline import Pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> model = Pipeline([("scale", StandardScaler()), ("net", MLPClassifier())])
    >>> space = spaces.default(model, n_samples=120)
    >>> space["net__batch_size"]
    [16, 32, 64]
    >>> space["net__activation"] = ["relu"]
    """
    if n_samples is not None and not (
        isinstance(n_samples, Integral) and not isinstance(n_samples, bool) and n_samples >= 1
    ):
        raise ValueError(f"n_samples must be a positive integer or None, got {n_samples!r}.")
    net, prefix = estimator, ""
    while isinstance(net, Pipeline):
        name, net = net.steps[-1]
        prefix += f"{name}__"
    if not isinstance(net, MLPClassifier | MLPRegressor):
        raise ValueError(
            "estimator must be an MLPClassifier or MLPRegressor of nnhp, or a Pipeline that ends "
            f"with one, got {estimator!r}."
        )
    return {prefix + name: values for name, values in _net_space(net, n_samples).items()}


def _net_space(net: MLPClassifier | MLPRegressor, n_samples: int | None) -> dict[str, Any]:
    space: dict[str, Any] = {
        "hidden_layer_sizes": HiddenLayers(depth=(1, 4), width=(8, 512)),
        "activation": ["relu", "tanh"],
        "alpha": loguniform(1e-7, 1e-1),
    }
    if net.num_layers is not None:
        space["num_layers"] = [None]
    if net.solver == "lbfgs":
        return space
    rate = "learning_rate_init" if isinstance(net.learning_rate, str) else "learning_rate"
    space[rate] = loguniform(1e-4, _MAX_LEARNING_RATE[net.solver])
    filled = [size for size in _BATCH_SIZES if n_samples is None or size <= n_samples]
    space["batch_size"] = filled or ["auto"]
    space["dropout"] = _UniformOrZero(0.5)
    return space


class _UniformOrZero:
    """A distribution: 0 in half of the draws, otherwise uniform from 0 to `high`."""

    def __init__(self, high: float) -> None:
        self.high = high

    def rvs(self, random_state: Any = None) -> float:
        uniform = check_random_state(random_state).uniform(-self.high, self.high)
        return max(0.0, float(uniform))

    def __repr__(self) -> str:
        return f"0 or uniform(0, {self.high})"
