"""Parameters of the estimators: their bounds, those that cannot meet, their meaning in the engine.

Everything here reads parameters from an estimator and changes nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import get_scorer_names
from sklearn.utils._param_validation import (
    Interval,
    Options,
    validate_parameter_constraints,
)

from nnhp import _core
from nnhp._caller import stacklevel
from nnhp._component import Names
from nnhp.estimators import _hidden, _initial, _losses, _optimizers, _schedules
from nnhp.optimizers import BY_NAME, SHARED_CONSTRAINTS

if TYPE_CHECKING:
    from nnhp.estimators._base import BaseMLP

STOCHASTIC_SOLVERS = tuple(BY_NAME)
_MAX_EPOCHS = 2**62  # fits a 64-bit integer; nobody gets there

_Constraints = dict[str, list[Any]]

CONSTRAINTS: _Constraints = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": _hidden.ACTIVATION,
    "solver": _optimizers.CONSTRAINT,
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [Names({"auto", "full"}), Interval(Integral, 1, None, closed="left")],
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
    "dropout_kind": [Names({"standard", "alpha"})],
    "l1_ratio": [Interval(Real, 0, 1, closed="both")],
    **SHARED_CONSTRAINTS,
    "max_norm": [Interval(Real, 0, None, closed="neither"), None],
    "kernel_initializer": _initial.CONSTRAINT,
    "bias_initializer": _initial.CONSTRAINT,
    "frozen_layers": ["array-like"],
    "normalization": [Names({"batch", "layer"}), None],
    "input_noise": [Interval(Real, 0, None, closed="left")],
    "activation_noise": [Interval(Real, 0, None, closed="left")],
    "weight_noise": [Interval(Real, 0, None, closed="left")],
    "noisy_copies": [Interval(Integral, 0, None, closed="left")],
    "mixup_alpha": [Interval(Real, 0, None, closed="left")],
    "cutmix_alpha": [Interval(Real, 0, None, closed="left")],
    "num_layers": [Interval(Integral, 0, None, closed="left"), None],
    "scoring": [Names({"loss", *get_scorer_names()}), callable, None],
    "dtype": [Names({"auto", "float32", "float64"})],
    "on_divergence": [Names({"raise", "restore_best"})],
    "n_jobs": [
        Interval(Integral, None, -1, closed="right"),
        Interval(Integral, 1, None, closed="left"),
        None,
    ],
}
CLASSIFIER_CONSTRAINTS: _Constraints = {
    **CONSTRAINTS,
    "loss": _losses.OF_CLASSIFIERS,
    "class_weight": [Names({"balanced"}), dict, None],
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
    n_layers = len(_hidden.hidden_layers(estimator)) + 1
    _initial.check(estimator, n_layers)
    _losses.check(estimator)
    _optimizers.check(estimator)
    _optimizers.frozen_layers(estimator, n_layers)
    _schedules.check(estimator)
    scoring = estimator.scoring
    if estimator.early_stopping and isinstance(scoring, str) and scoring != "loss":
        levels = _losses.quantiles_of(estimator.loss)
        if levels is not None and len(levels) > 1:
            raise ValueError(
                f"scoring must be None, 'loss' or a callable with loss='quantile' of {len(levels)} "
                f"quantiles, whose predictions have a column each, got {scoring!r}."
            )
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
        "dropout": any(layer.dropout > 0 for layer in _hidden.hidden_layers(estimator)),
        "input_dropout": estimator.input_dropout > 0,
        "input_noise": estimator.input_noise > 0,
        "activation_noise": estimator.activation_noise > 0,
        "normalization='batch'": estimator.normalization == "batch",
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


def batch_size(estimator: BaseMLP, n_samples: int) -> int:
    """Samples per step."""
    if isinstance(estimator.batch_size, str):
        return n_samples if estimator.batch_size == "full" else min(200, n_samples)
    if estimator.batch_size > n_samples:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=stacklevel(),
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
        hidden=[layer.row() for layer in _hidden.hidden_layers(estimator)],
        n_outputs=n_outputs,
        output_activation=output_activation,
        input_stages=_hidden.input_stages(estimator),
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
    n_layers = len(_hidden.hidden_layers(estimator)) + 1
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
        restores_best=estimator.on_divergence == "restore_best",
        augment=_augment(estimator),
        frozen_layers=_optimizers.frozen_layers(estimator, n_layers),
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
