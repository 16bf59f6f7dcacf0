"""Ready-made search spaces."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import combinations
from numbers import Integral
from typing import Any

from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler
from sklearn.utils import check_random_state

from nnhp._feature_expansion import FeatureExpansion
from nnhp.estimators import MLPClassifier, MLPRegressor
from nnhp.estimators._optimizers import own_rate, solver_name
from nnhp.estimators._schedules import tells_rates
from nnhp.search._space import HiddenLayers

__all__ = ["default", "features"]

_BATCH_SIZES = (16, 32, 64, 128, 256, 512)
# The greatest learning rate, where it is not that of the Adam family.
_MAX_LEARNING_RATE = {"sgd": 3e-1, "adagrad": 3e-1, "adadelta": 3.0, "lion": 3e-3}
_OF_ADAM = 3e-2
_EXPANSIONS = ("square", "product", "sin")
_PCA_SHARES = (0.8, 0.9, 0.95, 0.99)  # of the variance
# What a step can do before the network, and the types by which it is found.
_ROLES: dict[str, tuple[type, ...]] = {
    "scaler": (StandardScaler, RobustScaler),
    "expansion": (FeatureExpansion,),
    "reduction": (PCA, SelectKBest),
}


def __dir__() -> list[str]:
    return list(__all__)


def default(estimator: Any, *, n_samples: int | None = None) -> dict[str, Any]:
    """Make a space of what is worth searching, for random searches.

    The solver stays that of the estimator, and the space is made for it: 'sgd' and 'adagrad' bear
    learning rates (to 3e-1), and 'adadelta' others (to 3), that 'adam' does not, 'lion' needs
    smaller ones (to 3e-3), and 'lbfgs' knows neither rates, batches nor dropout.
    `max_iter` is left out, because it is what Hyperband and halving ration.

    ======================  ==============================================================
    parameter               values
    ======================  ==============================================================
    hidden_layer_sizes      1 to 4 layers of 8 to 512 units, spread over the logarithm
    activation              'relu', 'tanh'
    alpha                   1e-7 to 1e-1, spread over the logarithm
    learning_rate_init      1e-4 to 3e-2 (see above), spread over the logarithm
    batch_size              16, 32, ..., 512
    dropout                 0 in half of the draws; otherwise 0 to 0.5
    ======================  ==============================================================

    Where the estimator's `learning_rate` is a number or a sequence, which `learning_rate_init`
    would not change, the space holds `learning_rate` in its place, and where its solver is an
    object with a `learning_rate` of its own, ``solver__learning_rate``; where it has `num_layers`,
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
    _check_count("n_samples", n_samples)
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


def features(
    pipeline: Pipeline,
    *,
    scaler: str | None = None,
    expansion: str | None = None,
    reduction: str | None = None,
    n_features: int | None = None,
) -> dict[str, Any]:
    """Make a space of what the steps before the network may be, for any search.

    Each of these steps is searched if the Pipeline has it; 'passthrough' leaves it out.

    ==========  ===========================================================================
    step        values
    ==========  ===========================================================================
    scaler      'passthrough', a StandardScaler, a RobustScaler
    expansion   'passthrough', and a FeatureExpansion with the columns themselves and each
                choice of squares, products and sines
    reduction   'passthrough', and where the step is a SelectKBest, such as keep an eighth,
                a quarter and half of `n_features` columns (rounded down, but at least 1),
                and as many as `n_features` if there is an expansion, which adds columns;
                otherwise PCAs that keep 80, 90, 95 and 99 % of the variance
    ==========  ===========================================================================

    Other settings of these steps stay as they are, such as the `score_func` of a SelectKBest; but
    a PCA without `random_state` gets 0, without which its candidates could not be trained together.

    Parameters
    ----------
    pipeline : Pipeline
        What will be searched. Its last step is not among those meant here.

    scaler, expansion, reduction : str or None, default=None
        Name of the step, which may then hold anything, as 'passthrough'; a `reduction` that is
        neither becomes a PCA. None is the one StandardScaler or RobustScaler, the one
        FeatureExpansion, and the one PCA or SelectKBest, if there are any.

    n_features : int or None, default=None
        Columns of the samples, before any expansion; only a SelectKBest needs them.

    Returns
    -------
    space : dict
        Name of a step -> list of what it may be. An ordinary dict, to be changed at will.

    Raises
    ------
    ValueError
        If an argument is none of those, there is no such step, there are two of a kind, or a
        SelectKBest lacks `n_features`.

    See Also
    --------
    default : A space for the network itself.

    Examples
    --------
    >>> from nnhp import FeatureExpansion, MLPClassifier, spaces
    >>> from sklearn.pipeline import Pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> model = Pipeline(
    ...     [("scale", StandardScaler()), ("expand", FeatureExpansion()), ("net", MLPClassifier())]
    ... )
    >>> space = spaces.features(model)
    >>> space["scale"]
    ['passthrough', StandardScaler(), RobustScaler()]
    >>> space["expand"][2].features
    ('identity', 'product')

    Together with a space for the network, for folds of 100 samples:

    >>> space |= spaces.default(model, n_samples=100)
    >>> space["net__batch_size"]
    [16, 32, 64]
    """
    _check_count("n_features", n_features)
    if not isinstance(pipeline, Pipeline):
        raise ValueError(f"pipeline must be a Pipeline, got {pipeline!r}.")
    named = {"scaler": scaler, "expansion": expansion, "reduction": reduction}
    steps = {role: _find_step(pipeline, role, name) for role, name in named.items()}
    expands = steps["expansion"] is not None
    values: dict[str, Callable[[Any], list[Any]]] = {
        "scaler": _scalers,
        "expansion": _expansions,
        "reduction": partial(_reductions, n_features=n_features, expands=expands),
    }
    found = {
        name: ["passthrough", *values[role](pipeline.named_steps[name])]
        for role, name in steps.items()
        if name is not None
    }
    if not found:
        kinds = ", ".join(kind.__name__ for kinds in _ROLES.values() for kind in kinds)
        raise ValueError(
            f"pipeline must have a step of the types {kinds} before its last, or one named by "
            f"{', '.join(_ROLES)}; got {pipeline!r}."
        )
    return found


def _find_step(pipeline: Pipeline, role: str, name: str | None) -> str | None:
    """Name of the step for this role; None if there is none."""
    steps = dict(pipeline.steps[:-1])
    if name is not None:
        if name not in steps:
            raise ValueError(
                f"{role} must be the name of a step before the last, one of {list(steps)}, got "
                f"{name!r}."
            )
        return name
    found = [name for name, step in steps.items() if isinstance(step, _ROLES[role])]
    if len(found) > 1:
        raise ValueError(f"{role} must name the step that is meant, one of {found}, got None.")
    return found[0] if found else None


def _like(step: Any, kind: type) -> Any:
    """A new estimator of this type, with the settings of the step if it has the same."""
    return clone(step) if isinstance(step, kind) else kind()


def _scalers(step: Any) -> list[Any]:
    return [_like(step, kind) for kind in _ROLES["scaler"]]


def _expansions(step: Any) -> list[Any]:
    return [
        _like(step, FeatureExpansion).set_params(features=("identity", *chosen))
        for count in range(1, len(_EXPANSIONS) + 1)
        for chosen in combinations(_EXPANSIONS, count)
    ]


def _reductions(step: Any, *, n_features: int | None, expands: bool) -> list[Any]:
    if not isinstance(step, SelectKBest):
        pca = _like(step, PCA)
        if pca.random_state is None:
            pca.set_params(random_state=0)
        return [clone(pca).set_params(n_components=share) for share in _PCA_SHARES]
    if n_features is None:
        raise ValueError(
            "n_features must be the number of columns if the pipeline has a SelectKBest, got None."
        )
    parts = (8, 4, 2, 1) if expands else (8, 4, 2)
    sizes = sorted({max(1, n_features // part) for part in parts})
    return [clone(step).set_params(k=size) for size in sizes]


def _check_count(argument: str, value: Any) -> None:
    if value is not None and (
        isinstance(value, bool) or not isinstance(value, Integral) or value < 1
    ):
        raise ValueError(f"{argument} must be a positive integer or None, got {value!r}.")


def _net_space(net: MLPClassifier | MLPRegressor, n_samples: int | None) -> dict[str, Any]:
    space: dict[str, Any] = {
        "hidden_layer_sizes": HiddenLayers(depth=(1, 4), width=(8, 512)),
        "activation": ["relu", "tanh"],
        "alpha": loguniform(1e-7, 1e-1),
    }
    if net.num_layers is not None:
        space["num_layers"] = [None]
    solver = solver_name(net)
    if solver == "lbfgs":
        return space
    rate = "learning_rate" if tells_rates(net.learning_rate) else "learning_rate_init"
    if own_rate(net) is not None:
        rate = "solver__learning_rate"
    space[rate] = loguniform(1e-4, _MAX_LEARNING_RATE.get(solver, _OF_ADAM))
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

    def ppf(self, quantile: float) -> float:
        return max(0.0, self.high * (2 * quantile - 1))

    def cdf(self, value: float) -> float:
        return min(max(0.0, (1 + value / self.high) / 2), 1.0) if value >= 0 else 0.0

    def __repr__(self) -> str:
        return f"0 or uniform(0, {self.high})"
