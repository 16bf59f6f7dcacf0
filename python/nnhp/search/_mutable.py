"""Which parameters may change during a training."""

from __future__ import annotations

from collections.abc import Collection
from numbers import Real
from typing import Any

from nnhp._component import listed
from nnhp.optimizers import Optimizer
from nnhp.schedules import Piecewise, Schedule
from nnhp.search._prepare import net_of

# Those that a session takes up between two epochs: no array is longer or shorter by them.
_OF_NET = (
    "activation_noise",
    "alpha",
    "batch_size",
    "beta_1",
    "beta_2",
    "clipnorm",
    "clipvalue",
    "cutmix_alpha",
    "dropout",
    "epsilon",
    "input_dropout",
    "input_noise",
    "l1_ratio",
    "label_smoothing",
    "learning_rate_init",
    "max_norm",
    "mixup_alpha",
    "momentum",
    "nesterovs_momentum",
    "power_t",
    "weight_decay",
    "weight_noise",
)
_OF_SOLVER = (
    "beta_1",
    "beta_2",
    "clipnorm",
    "clipvalue",
    "epsilon",
    "learning_rate",
    "rho",
    "weight_decay",
)
# Why the others, which are asked for most, may not.
_REASONS = {
    "hidden_layer_sizes": "sets the shape of the net",
    "num_layers": "sets the shape of the net",
    "activation": "sets the shape of the net and what its weights mean",
    "normalization": "sets the shape of the net",
    "solver": "sets what the training keeps of earlier steps",
    "ema_momentum": "sets what the training keeps of earlier steps",
    "learning_rate": "is the course of the rate, which learning_rate_init scales",
    "max_iter": "counts the epochs",
}


def mutable_names(estimator: Any) -> list[str]:
    """Names of the parameters that may change during a training of the estimator's net."""
    net = net_of(estimator)
    prefix = "" if net is estimator else f"{estimator.steps[-1][0]}__"
    names = [name for name in _OF_NET if name in net.get_params(deep=False)]
    if isinstance(net.solver, Optimizer):
        own = net.solver.get_params()
        names += [f"solver__{name}" for name in _OF_SOLVER if name in own]
    return [f"{prefix}{name}" for name in names]


def check_mutable(names: Collection[str], estimator: Any, search: str, argument: str) -> None:
    """Raise ValueError where a parameter must stay during a training.

    Parameters
    ----------
    names : collection of str
        The parameters that shall change.
    estimator : estimator
        Has an nnhp net, alone or last in a Pipeline.
    search, argument : str
        Who asks, and by which argument.
    """
    known = mutable_names(estimator)
    refused = [name for name in names if name not in known]
    if refused:
        why = {name: _REASONS.get(name.rpartition("__")[2]) for name in refused}
        said = [name if why[name] is None else f"{name} ({why[name]})" for name in refused]
        raise ValueError(
            f"{search} cannot change {', '.join(said)} during a training: {argument} may have "
            f"{listed(known)}."
        )
    net = net_of(estimator)
    rate = next((name for name in names if name.endswith("learning_rate_init")), None)
    if rate is not None and not _starts_from_init(net.learning_rate):
        raise ValueError(
            f"{search} cannot change {rate}, which has no effect with "
            f"learning_rate={net.learning_rate!r}."
        )


def _starts_from_init(learning_rate: Any) -> bool:
    if isinstance(learning_rate, Piecewise):
        return learning_rate.values is None
    return isinstance(learning_rate, str | Schedule) and not isinstance(learning_rate, Real)
