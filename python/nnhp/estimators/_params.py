"""Parameters of the estimators: their bounds, those that cannot meet, their meaning in the engine.

Everything here reads parameters from an estimator and changes nothing.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Collection
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import get_scorer_names
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    Options,
    StrOptions,
    validate_parameter_constraints,
)

from nnhp import _core
from nnhp.estimators import _initial, _losses, _optimizers, _schedules
from nnhp.optimizers import BY_NAME, SHARED_CONSTRAINTS

if TYPE_CHECKING:
    from nnhp.estimators._base import BaseMLP

STOCHASTIC_SOLVERS = tuple(BY_NAME)
# Other names of activations, mostly Keras's, and the engine's for them.
ACTIVATION_ALIASES = {"linear": "identity", "sigmoid": "logistic", "swish": "silu"}
MAX_COUNT = 2**31 - 1  # rows, features and units are 32-bit in the engine's index arrays
_MAX_EPOCHS = 2**62  # fits a 64-bit integer; nobody gets there

_Constraints = dict[str, list[Any]]

CONSTRAINTS: _Constraints = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [StrOptions({*_core.activations(), *ACTIVATION_ALIASES}), "array-like"],
    "solver": _optimizers.CONSTRAINT,
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto", "full"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": _schedules.CONSTRAINT,
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "n_iter_no_change": [
        Interval(Integral, 1, None, closed="left"),
        Options(Real, {np.inf}),
    ],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
    "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
    "input_dropout": [Interval(Real, 0, 1, closed="left")],
    "dropout_kind": [StrOptions({"standard", "alpha"})],
    "l1_ratio": [Interval(Real, 0, 1, closed="both")],
    **SHARED_CONSTRAINTS,
    "max_norm": [Interval(Real, 0, None, closed="neither"), None],
    "kernel_initializer": [str, "array-like", HasMethods("get_params"), None],
    "bias_initializer": [str, "array-like", HasMethods("get_params"), None],
    "frozen_layers": ["array-like"],
    "normalization": [StrOptions({"batch", "layer"}), None],
    "input_noise": [Interval(Real, 0, None, closed="left")],
    "activation_noise": [Interval(Real, 0, None, closed="left")],
    "weight_noise": [Interval(Real, 0, None, closed="left")],
    "noisy_copies": [Interval(Integral, 0, None, closed="left")],
    "mixup_alpha": [Interval(Real, 0, None, closed="left")],
    "cutmix_alpha": [Interval(Real, 0, None, closed="left")],
    "num_layers": [Interval(Integral, 0, None, closed="left"), None],
    "scoring": [StrOptions({"loss", *get_scorer_names()}), callable, None],
    "dtype": [StrOptions({"auto", "float32", "float64"})],
    "n_jobs": [
        Interval(Integral, None, -1, closed="right"),
        Interval(Integral, 1, None, closed="left"),
        None,
    ],
}
CLASSIFIER_CONSTRAINTS: _Constraints = {
    **CONSTRAINTS,
    "loss": _losses.OF_CLASSIFIERS,
    "class_weight": [StrOptions({"balanced"}), dict, None],
    "label_smoothing": [Interval(Real, 0, 1, closed="left")],
}
REGRESSOR_CONSTRAINTS: _Constraints = {
    **CONSTRAINTS,
    "loss": _losses.OF_REGRESSORS,
    "output_activation": _losses.OUTPUT_ACTIVATION,
}


def check_bounds(estimator: BaseMLP, names: Collection[str]) -> None:
    """Raise InvalidParameterError, a ValueError, where one of these parameters is out of bounds."""
    constraints = estimator._parameter_constraints  # noqa: SLF001
    validate_parameter_constraints(
        constraints,
        {name: getattr(estimator, name) for name in constraints if name in names},
        caller_name=type(estimator).__name__,
    )


def check_combination(estimator: BaseMLP, *, incremental: bool, has_validation: bool) -> None:
    """Raise ValueError, naming the option, where parameters cannot meet."""
    n_layers = len(hidden_layers(estimator)) + 1
    _initial.check(estimator, n_layers)
    _losses.check(estimator)
    _optimizers.check(estimator)
    _optimizers.frozen_layers(estimator, n_layers)
    _schedules.check(estimator)
    if incremental:
        if estimator.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        balanced = getattr(estimator, "class_weight", None) == "balanced"
        if balanced:
            raise ValueError(
                "class_weight='balanced' is not supported by partial_fit, which sees only a part "
                "of y. Compute the weights of all of y and give them as a dict."
            )
    if estimator.solver == "lbfgs":
        _check_lbfgs(estimator, has_validation)


def _check_lbfgs(estimator: BaseMLP, has_validation: bool) -> None:
    refused = {
        "dropout": any(rate > 0 for _, _, rate in hidden_layers(estimator)),
        "input_dropout": estimator.input_dropout > 0,
        "l1_ratio": estimator.l1_ratio > 0,
        "noisy_copies": estimator.noisy_copies > 0,
        "mixup_alpha": estimator.mixup_alpha > 0,
        "cutmix_alpha": estimator.cutmix_alpha > 0,
        "learning_rate (a schedule)": _schedules.changes(estimator),
        **_optimizers.refused_by_lbfgs(estimator),
        "X_val": has_validation,
    }
    for option, given in refused.items():
        if given:
            raise ValueError(f"{option} cannot be used with solver='lbfgs'.")


def hidden_layers(estimator: BaseMLP) -> list[tuple[int, str, float]]:
    """Units, activation name and dropout rate of each hidden layer."""
    units = _hidden_units(estimator)
    rates = _per_layer("dropout", estimator.dropout, len(units))
    for rate in rates:
        if not (isinstance(rate, Real) and 0 <= float(rate) < 1):
            raise ValueError(f"dropout must lie in [0, 1), got {estimator.dropout!r}.")
    return [
        (size, name, float(rate))
        for size, name, rate in zip(
            units, hidden_activations(estimator, len(units)), rates, strict=True
        )
    ]


def _hidden_units(estimator: BaseMLP) -> list[int]:
    sizes = estimator.hidden_layer_sizes
    values = list(sizes) if np.iterable(sizes) else [sizes]
    try:
        if any(isinstance(value, bool | np.bool) for value in values):
            raise TypeError
        units = [operator.index(value) for value in values]
    except TypeError:
        raise TypeError(f"hidden_layer_sizes must be integers, got {sizes!r}.") from None
    if any(size <= 0 for size in units):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {units}.")
    if any(size > MAX_COUNT for size in units):
        raise ValueError(
            f"hidden_layer_sizes must not exceed {MAX_COUNT} units per layer, got {units}."
        )
    if estimator.num_layers is None:
        return units
    if len(units) != 1 and estimator.num_layers > 0:
        raise ValueError(
            "num_layers repeats one size: hidden_layer_sizes must then be an integer or a "
            f"sequence of one, got {sizes!r}."
        )
    if len(units) > 1:
        raise ValueError(
            f"num_layers=0 contradicts hidden_layer_sizes={sizes!r}, which has several layers."
        )
    return units * int(estimator.num_layers)


def hidden_activations(estimator: BaseMLP, n_hidden: int) -> list[str]:
    """The engine's name of the activation of each of `n_hidden` layers."""
    names = _per_layer("activation", estimator.activation, n_hidden)
    known = {*_core.activations(), *ACTIVATION_ALIASES}
    for name in names:
        if name not in known:
            raise ValueError(f"activation must be among {sorted(known)}, got {name!r}.")
    return [ACTIVATION_ALIASES.get(name, str(name)) for name in names]


def _per_layer(option: str, value: Any, n_hidden: int) -> list[Any]:
    if isinstance(value, str) or not np.iterable(value):
        return [value] * n_hidden
    values = list(value)
    if len(values) != n_hidden:
        raise ValueError(
            f"{option} must have one entry per hidden layer ({n_hidden}), got {value!r}."
        )
    return values


def batch_size(estimator: BaseMLP, n_samples: int) -> int:
    """Samples per step."""
    if isinstance(estimator.batch_size, str):
        return n_samples if estimator.batch_size == "full" else min(200, n_samples)
    if estimator.batch_size > n_samples:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=6,  # the caller of fit
        )
    return min(int(estimator.batch_size), n_samples)


def net_spec(
    estimator: BaseMLP,
    *,
    n_inputs: int,
    n_outputs: int,
    output_activation: str,
    dtype: np.dtype[Any],
) -> _core.NetSpec:
    """Describe the net that the parameters ask for."""
    return _core.NetSpec(
        n_inputs=n_inputs,
        hidden=hidden_layers(estimator),
        n_outputs=n_outputs,
        output_activation=output_activation,
        input_dropout=float(estimator.input_dropout),
        dtype=dtype.name,
    )


def train_spec(
    estimator: BaseMLP,
    *,
    loss: dict[str, Any],
    batch_size: int,
    max_epochs: int,
    monitor: str = "training_loss",
    epochs_before: int = 0,
    rate_before: float | None = None,
    records_steps: bool = False,
) -> _core.TrainSpec:
    """Describe the training that the parameters ask for.

    `epochs_before` counts the epochs that earlier `partial_fit` calls did, and `rate_before` is
    the rate of the last of them, so that a schedule goes on.
    """
    schedule, horizon = _schedules.fields_of(
        estimator,
        horizon=max_epochs_of(estimator),
        n_epochs=max_epochs,
        epochs_before=epochs_before,
        rate_before=rate_before,
    )
    return _core.TrainSpec(
        loss=loss,
        optimizer=_optimizers.fields_of(estimator),
        batch_size=batch_size,
        max_epochs=max_epochs,
        schedule_horizon=horizon,
        l2=float(estimator.alpha) * (1 - float(estimator.l1_ratio)),
        l1=float(estimator.alpha) * float(estimator.l1_ratio),
        schedule=schedule,
        shuffle=bool(estimator.shuffle),
        tol=float(estimator.tol),
        n_iter_no_change=float(estimator.n_iter_no_change),
        monitor=monitor,
        records_steps=records_steps,
        augment=_augment(estimator),
        frozen_layers=_optimizers.frozen_layers(estimator, len(hidden_layers(estimator)) + 1),
    )


def _augment(estimator: BaseMLP) -> dict[str, Any]:
    return {
        "noisy_copies": int(estimator.noisy_copies),
        "noise": float(estimator.input_noise),
        "mixup_alpha": float(estimator.mixup_alpha),
        "cutmix_alpha": float(estimator.cutmix_alpha),
    }


def max_epochs_of(estimator: BaseMLP) -> int:
    """``max_iter`` as the engine takes it."""
    return min(int(estimator.max_iter), _MAX_EPOCHS)


def monitor(estimator: BaseMLP, *, classification: bool) -> str:
    """What patience watches, in the engine's words."""
    if not estimator.early_stopping:
        return "training_loss"
    native = "accuracy" if classification else "r2"
    if _losses.quantiles_of(estimator.loss) is not None:  # no R2, and a score of its own
        return "loss" if estimator.scoring == "loss" else "external"
    if estimator.scoring is None or estimator.scoring == native:
        return native
    return "loss" if estimator.scoring == "loss" else "external"
