"""The nets of the playground: what its options mean for nnhp's estimators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nnhp import MLPClassifier, MLPRegressor, schedules
from nnhp.playground._options import ACTIVATIONS, OptionError, units_of
from nnhp.playground._problem import Problem, seed_of
from nnhp.schedules import Schedule

_SCHEDULES: dict[str, Callable[[int], Schedule | str]] = {  # of so many epochs
    "constant": lambda _: "constant",
    "cosine": lambda epochs: schedules.Cosine(epochs=epochs),
    "exponential": lambda epochs: schedules.Exponential(epochs=epochs),
    "one_cycle": lambda epochs: schedules.OneCycle(epochs=epochs),
    "plateau": lambda _: "plateau",
    "step": lambda epochs: schedules.Step(step_size=epochs // 4),
}
N_JOBS = -2  # all CPUs but one, which the browser has, and one where there is no other
_ZEROS = {"kernel_initializer": "zeros", "bias_initializer": "zeros"}


_MOST_WORK = 3e8


def check_work(problem: Problem, units: Sequence[int]) -> None:
    """Raise OptionError where an epoch of a net with these hidden layers takes too long."""
    sizes = [problem.X.shape[1], *units, max(len(problem.classes), 1)]
    work = problem.n_train * float(np.dot(sizes[:-1], sizes[1:]))
    if work > _MOST_WORK:
        raise OptionError(
            f"an epoch of this net on these data takes {work:.1g} multiplications, and the "
            f"playground does at most {_MOST_WORK:.1g}: choose fewer units or rows"
        )


def class_of(problem: Problem) -> type[MLPClassifier | MLPRegressor]:
    """Which of nnhp's estimators a problem is for."""
    return MLPRegressor if problem.is_regression else MLPClassifier


def parameters_of(options: Mapping[str, Any], problem: Problem) -> dict[str, Any]:
    """Parameters of the estimator that are not at their defaults: plain values, or a schedule."""
    every = _parameters(options, problem)
    defaults = class_of(problem)().get_params()
    return {name: value for name, value in every.items() if value != defaults[name]}


def _parameters(options: Mapping[str, Any], problem: Problem) -> dict[str, Any]:
    names = [ACTIVATIONS[name] for name in options["activation"].split(",")]
    units = units_of(options)
    batch = min(options["batchSize"], problem.n_train)
    found: dict[str, Any] = {
        "hidden_layer_sizes": tuple(units),
        "activation": names[0] if len(set(names)) == 1 else names,
        "solver": options["solver"],
        "learning_rate_init": options["learningRate"],
        "learning_rate": _SCHEDULES[options["schedule"]](options["scheduleEpochs"]),
        "batch_size": batch,
        # The page's rate is of each step; nnhp's is of a sample, as scikit-learn's is.
        "alpha": options["regularizationRate"] * batch
        if options["regularization"] != "none"
        else 0.0,
        "l1_ratio": 1.0 if options["regularization"] == "L1" else 0.0,
        "momentum": options["momentum"],  # of sgd alone
        "nesterovs_momentum": False,
        "dropout": options["dropout"],
        "loss": options["regLoss"] if problem.is_regression else options["loss"],
        "max_iter": options["maxEpochs"],
        "tol": 0.0,
        "random_state": seed_of(options),
        "n_jobs": N_JOBS,
    }
    if options["initializer"] != "default":
        found["kernel_initializer"] = options["initializer"]
    if options["initZero"]:
        found |= _ZEROS
    if options["earlyStopping"]:
        found |= {"early_stopping": True, "scoring": "loss", "n_iter_no_change": 20}
    else:
        found["n_iter_no_change"] = options["maxEpochs"]
    return found
