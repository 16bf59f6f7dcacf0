"""All names and objects that parameters take, and settings under which each makes another net."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from helpers import problem

from nnhp import (
    MLPClassifier,
    MLPRegressor,
    activations,
    initializers,
    losses,
    optimizers,
    schedules,
)

SMALL = {
    "hidden_layer_sizes": (6, 4),
    "max_iter": 4,
    "batch_size": 16,
    "random_state": 2,
    "kernel_initializer": "he_normal",
}


@dataclass(frozen=True)
class Family:
    """What one parameter takes.

    Attributes
    ----------
    parameter : str
        Its name.
    names : list of str
        Its names, each for something else.
    aliases : dict of str to str
        Other names, and those that they stand for.
    others : list
        Values that are no names, each again for something else.
    settings : dict
        Parameters of the estimator under which all of these lead to different nets.
    Estimator : type
        Whose parameter it is.
    targets : str
        The kind that `helpers.problem` makes; those of a regression get gross errors.
    n_copies : int
        How often each sample is there.
    """

    parameter: str
    names: list[str]
    aliases: Mapping[str, str] = field(default_factory=dict)
    others: list[Any] = field(default_factory=list)
    settings: Mapping[str, Any] = field(default_factory=dict)
    Estimator: type = MLPRegressor
    targets: str = "one target"
    n_copies: int = 1

    def values(self):
        """All that the parameter takes: names, aliases, others."""
        return [*self.names, *self.aliases, *self.others]

    def estimator(self, **parameters):
        """A small net, the same for all values."""
        return self.Estimator(**(SMALL | self.settings | parameters))

    def data(self):
        """Samples and targets, these positive."""
        X, y = problem(self.targets)
        if self.Estimator is MLPRegressor:
            y[::9] += 4.0
            y = np.abs(y) + 0.1
        return np.tile(X, (self.n_copies, 1)), np.tile(y, self.n_copies)


ACTIVATION = Family(
    "activation",
    ["identity", "logistic", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish",
     "softplus", "hard_sigmoid", "maxout", "prelu"],
    {"linear": "identity", "sigmoid": "logistic", "swish": "silu"},
    [activations.LeakyReLU(0.4), activations.ELU(0.5), activations.Maxout(3),
     activations.PReLU(0.1), ["tanh", "relu"]],
    {"learning_rate_init": 0.01},
)  # fmt: skip
_INITIALIZERS = [
    "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "lecun_normal", "lecun_uniform",
    "normal", "uniform", "truncated_normal", "zeros", "ones",
]  # fmt: skip
_INITIALIZER_ALIASES = {"random_normal": "normal", "random_uniform": "uniform"}
_INITIALIZER_OBJECTS = [
    initializers.RandomNormal(0.1, 0.2), initializers.RandomUniform(-0.2, 0.1),
    initializers.TruncatedNormal(0.1, 0.2), initializers.Constant(0.3),
]  # fmt: skip

FAMILIES = {
    "activation": ACTIVATION,
    "loss of classes": Family(
        "loss", ["log_loss", "hinge", "focal"], {}, [losses.Focal(1.0, 0.3)], {},
        MLPClassifier, "binary",
    ),
    "loss": Family(
        "loss",
        ["squared_error", "absolute_error", "huber", "poisson", "gamma", "quantile"],
        {"mae": "absolute_error", "mean_absolute_error": "absolute_error"},
        [losses.Huber(0.4), losses.Quantile(0.3)],
    ),
    "loss with one output activation": Family(
        "loss",
        ["squared_error", "absolute_error", "huber", "poisson", "gamma"],
        {},
        [losses.Huber(0.4)],
        {"output_activation": "exp"},
    ),
    "output_activation": Family(
        "output_activation",
        ["identity", "logistic", "tanh", "softplus", "exp"],
        {"linear": "identity", "sigmoid": "logistic", "exponential": "exp"},
    ),
    "solver": Family(
        "solver",
        ["sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamw", "nadam", "lion", "lbfgs"],
        {},
        [optimizers.Adam(amsgrad=True)],
    ),
    "learning_rate": Family(
        "learning_rate",
        ["constant", "invscaling", "adaptive", "step", "exponential", "polynomial", "cosine",
         "one_cycle", "plateau", "piecewise"],
        {},
        [schedules.Cosine(warmup=2, restarts=1), 0.02, [0.1, 0.02, 0.01],
         lambda epoch: 0.1 / (1 + epoch)],
        {"solver": "sgd", "learning_rate_init": 0.05, "max_iter": 60, "n_iter_no_change": 45,
         "tol": 1.0},
    ),
    "kernel_initializer": Family(
        "kernel_initializer",
        [*_INITIALIZERS, "orthogonal", "auto"],
        {**_INITIALIZER_ALIASES, "constant": "zeros"},  # its value is 0 by default
        [*_INITIALIZER_OBJECTS, initializers.Orthogonal(2.0), None],
        {"activation": ["relu", "logistic"]},
    ),
    "bias_initializer": Family(
        "bias_initializer",
        [name for name in _INITIALIZERS if not name.startswith("lecun")],
        # A vector has as many inputs as outputs, by Keras's count: its draws are of one spread.
        {**_INITIALIZER_ALIASES, "constant": "zeros", "auto": "zeros",
         "lecun_normal": "glorot_normal", "lecun_uniform": "glorot_uniform"},
        [*_INITIALIZER_OBJECTS, None],
    ),
    "normalization": Family("normalization", ["batch", "layer"], {}, [None]),
    "dropout_kind": Family("dropout_kind", ["standard", "alpha"], {}, [], {"dropout": 0.3}),
    "batch_size": Family("batch_size", ["auto", "full"], {}, [32, 1], n_copies=5),
    "class_weight": Family(
        "class_weight", ["balanced"], {}, [None, {0: 1.0, 1: 3.0}], {}, MLPClassifier, "binary"
    ),
}  # fmt: skip

# Of each object with parameters, the family that it belongs to, and a value of each parameter that
# makes another net than the object's own.
_SHARED = {
    "learning_rate": 0.05, "weight_decay": 0.05, "clipnorm": 0.05, "clipvalue": 0.01,
    "ema_momentum": 0.5,
}  # fmt: skip
_BETAS = {"beta_1": 0.6, "beta_2": 0.6, **_SHARED}
OBJECTS = [
    ("activation", activations.ELU(), {"alpha": 0.3}),
    ("activation", activations.LeakyReLU(), {"negative_slope": 0.5}),
    ("activation", activations.Maxout(), {"pieces": 4}),
    ("activation", activations.PReLU(), {"initial_slope": 0.6}),
    ("loss of classes", losses.Focal(), {"gamma": 0.5, "alpha": 0.3}),
    ("loss", losses.Huber(), {"delta": 0.3}),
    ("loss", losses.Quantile(), {"quantiles": (0.2, 0.8)}),
    (
        "solver",
        optimizers.SGD(momentum=0.5),
        {"momentum": 0.9, "nesterov": True, **_SHARED},
    ),
    (
        "solver",
        optimizers.RMSprop(),
        {"rho": 0.5, "momentum": 0.5, "epsilon": 0.1, "centered": True, **_SHARED},
    ),
    (
        "solver",
        optimizers.Adagrad(),
        {"initial_accumulator_value": 0.01, "epsilon": 0.1, **_SHARED},
    ),
    ("solver", optimizers.Adadelta(), {"rho": 0.5, "epsilon": 0.1, **_SHARED}),
    ("solver", optimizers.Adam(), {"epsilon": 0.1, "amsgrad": True, **_BETAS}),
    ("solver", optimizers.AdamW(), {"epsilon": 0.1, "amsgrad": True, **_BETAS}),
    ("solver", optimizers.Nadam(), {"epsilon": 0.1, **_BETAS}),
    ("solver", optimizers.Lion(), _BETAS),
    ("learning_rate", schedules.Step(), {"step_size": 4, "factor": 0.5}),
    ("learning_rate", schedules.Exponential(), {"decay_rate": 0.1, "epochs": 9, "staircase": True}),
    ("learning_rate", schedules.Polynomial(), {"end": 0.01, "power": 2.0, "epochs": 9}),
    (
        "learning_rate",
        schedules.Cosine(restarts=1),
        {"warmup": 3, "restarts": 2, "end": 0.01, "t_mul": 3.0, "m_mul": 0.5, "epochs": 9},
    ),
    (
        "learning_rate",
        schedules.OneCycle(),
        {"pct_start": 0.5, "div_factor": 5.0, "final_div_factor": 10.0, "epochs": 15},
    ),
    (
        "learning_rate",
        schedules.Plateau(patience=1),
        {"factor": 0.5, "patience": 2, "min_delta": 1.0, "cooldown": 2, "min_lr": 0.01},
    ),
    ("learning_rate", schedules.Piecewise(), {"boundaries": [3, 8], "values": [0.2, 0.1, 0.01]}),
    ("kernel_initializer", initializers.Constant(), {"value": 0.2}),
    ("kernel_initializer", initializers.Orthogonal(), {"gain": 0.5}),
    ("kernel_initializer", initializers.RandomNormal(), {"mean": 0.1, "stddev": 0.2}),
    ("kernel_initializer", initializers.RandomUniform(), {"minval": -0.3, "maxval": 0.3}),
    ("kernel_initializer", initializers.TruncatedNormal(), {"mean": 0.1, "stddev": 0.2}),
]
