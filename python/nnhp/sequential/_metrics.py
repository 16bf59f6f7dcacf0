"""Metrics of `Sequential`, by Keras's names: numbers from targets and outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as scores

from nnhp._component import listed
from nnhp._keras import keras_name

# Of targets and outputs; of the two-sided ones also of the outputs' boundary between two classes.
Function: TypeAlias = Callable[..., Any]
# What targets must be, given the number of outputs: says what is asked for where they are not.
Needs: TypeAlias = Callable[[NDArray[Any], int], str | None]

_EPSILON = 1e-7  # Keras's


def _anything(y: NDArray[Any], n_outputs: int) -> str | None:  # noqa: ARG001 - the user knows
    return None


def _column_per_output(y: NDArray[Any], n_outputs: int) -> str | None:
    if y.shape[1] == n_outputs:
        return None
    return f"a column for each of the {n_outputs} outputs, got {y.shape[1]}"


def _two_classes(y: NDArray[Any], n_outputs: int) -> str | None:
    shares = y.min() >= 0 and y.max() <= 1
    if shares or np.isin(y, (-1, 1)).all():
        return _column_per_output(y, n_outputs)
    return f"two classes, 0 and 1 or -1 and 1, got values from {y.min()} to {y.max()}"


def _class_numbers(y: NDArray[Any], n_outputs: int) -> str | None:
    if y.shape[1] != 1:
        return f"one column of class numbers, got {y.shape[1]}"
    if (y == np.floor(y)).all() and y.min() >= 0 and y.max() < n_outputs:
        return None
    return f"class numbers from 0 to {n_outputs - 1}, got values from {y.min()} to {y.max()}"


def _classes(y: NDArray[Any], n_outputs: int) -> str | None:
    if n_outputs == 1:
        return _two_classes(y, n_outputs)
    return (_class_numbers if y.shape[1] == 1 else _column_per_output)(y, n_outputs)


def _binary_accuracy(y: NDArray[Any], p: NDArray[Any], boundary: float) -> Any:
    return np.mean((p > boundary) == (y > 0.5))


def _categorical_accuracy(y: NDArray[Any], p: NDArray[Any]) -> Any:
    return np.mean(p.argmax(axis=1) == y.argmax(axis=1))


def _sparse_categorical_accuracy(y: NDArray[Any], p: NDArray[Any]) -> Any:
    return np.mean(p.argmax(axis=1) == y.ravel())


def _accuracy(y: NDArray[Any], p: NDArray[Any], boundary: float) -> Any:
    """The accuracy that goes with the shapes."""
    if p.shape[1] > 1:
        return (_sparse_categorical_accuracy if y.shape[1] == 1 else _categorical_accuracy)(y, p)
    return _binary_accuracy(y, p, boundary)


def _mean_squared_error(y: NDArray[Any], p: NDArray[Any]) -> Any:
    return np.mean((y - p) ** 2)


def _root_mean_squared_error(y: NDArray[Any], p: NDArray[Any]) -> Any:
    return np.sqrt(_mean_squared_error(y, p))


def _mean_absolute_error(y: NDArray[Any], p: NDArray[Any]) -> Any:
    return np.mean(np.abs(y - p))


def _mean_absolute_percentage_error(y: NDArray[Any], p: NDArray[Any]) -> Any:
    return 100.0 * np.mean(np.abs(y - p) / np.maximum(np.abs(y), _EPSILON))


def _binary_crossentropy(y: NDArray[Any], p: NDArray[Any]) -> Any:
    p = np.clip(p, _EPSILON, 1.0 - _EPSILON)
    return -np.mean(y * np.log(p) + (1.0 - y) * np.log(1.0 - p))


def _categorical_crossentropy(y: NDArray[Any], p: NDArray[Any]) -> Any:
    shares = np.clip(p / p.sum(axis=1, keepdims=True), _EPSILON, 1.0 - _EPSILON)
    return -np.mean((y * np.log(shares)).sum(axis=1))


def _sparse_categorical_crossentropy(y: NDArray[Any], p: NDArray[Any]) -> Any:
    return _categorical_crossentropy(np.eye(p.shape[1])[y.ravel().astype(int)], p)


def _poisson(y: NDArray[Any], p: NDArray[Any]) -> Any:
    return np.mean(p - y * np.log(p + _EPSILON))


def _auc(y: NDArray[Any], p: NDArray[Any]) -> Any:
    return scores.roc_auc_score(y.ravel() > 0.5, p.ravel())


def _precision(y: NDArray[Any], p: NDArray[Any], boundary: float) -> Any:
    return scores.precision_score(y.ravel() > 0.5, p.ravel() > boundary, zero_division=0.0)


def _recall(y: NDArray[Any], p: NDArray[Any], boundary: float) -> Any:
    return scores.recall_score(y.ravel() > 0.5, p.ravel() > boundary, zero_division=0.0)


_TWO_SIDED = frozenset({_accuracy, _binary_accuracy, _precision, _recall})


@dataclass(frozen=True)
class Metric:
    """A metric of `compile`."""

    shown: str  # as the user gave it
    function: Function
    needs: Needs
    two_sided: bool = False  # whether the function takes the boundary


METRICS: dict[str, tuple[Function, Needs]] = {
    "accuracy": (_accuracy, _classes),
    "binary_accuracy": (_binary_accuracy, _two_classes),
    "categorical_accuracy": (_categorical_accuracy, _column_per_output),
    "sparse_categorical_accuracy": (_sparse_categorical_accuracy, _class_numbers),
    "binary_crossentropy": (_binary_crossentropy, _column_per_output),
    "categorical_crossentropy": (_categorical_crossentropy, _column_per_output),
    "sparse_categorical_crossentropy": (_sparse_categorical_crossentropy, _class_numbers),
    "poisson": (_poisson, _column_per_output),
    "mean_squared_error": (_mean_squared_error, _column_per_output),
    "root_mean_squared_error": (_root_mean_squared_error, _column_per_output),
    "mean_absolute_error": (_mean_absolute_error, _column_per_output),
    "mean_absolute_percentage_error": (_mean_absolute_percentage_error, _column_per_output),
    "r2_score": (scores.r2_score, _column_per_output),
    "auc": (_auc, _two_classes),
    "precision": (_precision, _two_classes),
    "recall": (_recall, _two_classes),
}
ALIASES = {
    "acc": "accuracy",
    "bce": "binary_crossentropy",
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
}


def metrics_of(given: Any) -> dict[str, Metric]:
    """The metrics of `compile`, by the names under which their numbers are reported.

    As in Keras, a name that comes again gets a number.
    """
    if given is None:
        return {}
    found: dict[str, Metric] = {}
    seen: dict[str, int] = {}
    for metric in _several(given):
        name, made = _metric(metric)
        number = seen.get(name, 0)
        seen[name] = number + 1
        _add(found, f"{name}_{number}" if number else name, made)
    return found


def _several(given: Any) -> Sequence[Any]:
    return given if isinstance(given, list | tuple) else [given]


def _metric(given: Any) -> tuple[str, Metric]:
    if callable(given):
        name = str(getattr(given, "__name__", type(given).__name__))
        return name, Metric(repr(given), given, _anything)
    function, needs = METRICS[_known(given)]
    return str(given), Metric(repr(given), function, needs, function in _TWO_SIDED)


def _add(found: dict[str, Metric], name: str, metric: Metric) -> None:
    """Add a metric, unless other numbers are reported under its name."""
    if name in found or name in ("loss", "learning_rate") or name.startswith("val_"):
        raise ValueError(
            f"metrics: {metric.shown} has the name {name!r}, under which another number is "
            "reported: give it another __name__."
        )
    found[name] = metric


def _known(name: Any) -> str:
    plain = str(name).lower()
    plain = ALIASES.get(plain, plain)
    if plain not in METRICS:
        known = listed({*METRICS, *ALIASES})
        spelled = keras_name(getattr(name, "__name__", type(name).__name__))
        instead = f"; give {spelled!r}" if spelled in {*METRICS, *ALIASES} else ""
        raise ValueError(f"metrics must be among {known}, or callables, got {name!r}{instead}.")
    return plain


def check_targets(
    metrics: Mapping[str, Metric], y: NDArray[Any], n_outputs: int, what: str
) -> None:
    """Raise ValueError where a metric cannot be computed from targets (n, targets)."""
    for metric in metrics.values():
        lacking = metric.needs(y, n_outputs)
        if lacking is not None:
            raise ValueError(f"metrics: {metric.shown} needs {what} to have {lacking}.")


def measure(
    metrics: Mapping[str, Metric], y: NDArray[Any], outputs: NDArray[Any], boundary: float
) -> dict[str, float]:
    """Each metric of targets (n, targets) and outputs (n, outputs); NaN where outputs are.

    Of two classes, outputs above the boundary are those of the second.
    """
    if not np.isfinite(outputs).all():
        return dict.fromkeys(metrics, float("nan"))
    p = outputs.astype(np.float64)
    found = {}
    for name, metric in metrics.items():
        known = (y, p, boundary) if metric.two_sided else (y, p)
        found[name] = float(np.mean(metric.function(*known)))
    return found
