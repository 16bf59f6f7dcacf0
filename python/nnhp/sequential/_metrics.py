"""Metrics of `Sequential`, by Keras's names: numbers from targets and outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as scores

Metric: TypeAlias = Callable[[NDArray[Any], NDArray[Any]], float]  # of targets and outputs

_EPSILON = 1e-7  # Keras's


def _binary_accuracy(y: NDArray[Any], p: NDArray[Any]) -> float:
    return float(np.mean((p > 0.5) == (y > 0.5)))


def _categorical_accuracy(y: NDArray[Any], p: NDArray[Any]) -> float:
    return float(np.mean(p.argmax(axis=1) == y.argmax(axis=1)))


def _sparse_categorical_accuracy(y: NDArray[Any], p: NDArray[Any]) -> float:
    return float(np.mean(p.argmax(axis=1) == y.ravel()))


def _accuracy(y: NDArray[Any], p: NDArray[Any]) -> float:
    """The accuracy that goes with the shapes."""
    if p.shape[1] > 1:
        return (_sparse_categorical_accuracy if y.shape[1] == 1 else _categorical_accuracy)(y, p)
    return _binary_accuracy(y, p)


def _mean_absolute_percentage_error(y: NDArray[Any], p: NDArray[Any]) -> float:
    return float(100.0 * np.mean(np.abs(y - p) / np.maximum(np.abs(y), _EPSILON)))


def _binary_crossentropy(y: NDArray[Any], p: NDArray[Any]) -> float:
    p = np.clip(p, _EPSILON, 1.0 - _EPSILON)
    return float(-np.mean(y * np.log(p) + (1.0 - y) * np.log(1.0 - p)))


def _categorical_crossentropy(y: NDArray[Any], p: NDArray[Any]) -> float:
    shares = np.clip(p / p.sum(axis=1, keepdims=True), _EPSILON, 1.0 - _EPSILON)
    return float(-np.mean((y * np.log(shares)).sum(axis=1)))


def _sparse_categorical_crossentropy(y: NDArray[Any], p: NDArray[Any]) -> float:
    return _categorical_crossentropy(np.eye(p.shape[1])[y.ravel().astype(int)], p)


def _poisson(y: NDArray[Any], p: NDArray[Any]) -> float:
    return float(np.mean(p - y * np.log(p + _EPSILON)))


def _of_positives(score: Callable[..., float]) -> Metric:
    """One number from all targets and outputs of at least one half."""
    return lambda y, p: float(score(y.ravel() > 0.5, p.ravel() > 0.5, zero_division=0.0))


METRICS: dict[str, Metric] = {
    "accuracy": _accuracy,
    "binary_accuracy": _binary_accuracy,
    "categorical_accuracy": _categorical_accuracy,
    "sparse_categorical_accuracy": _sparse_categorical_accuracy,
    "binary_crossentropy": _binary_crossentropy,
    "categorical_crossentropy": _categorical_crossentropy,
    "sparse_categorical_crossentropy": _sparse_categorical_crossentropy,
    "poisson": _poisson,
    "mean_squared_error": lambda y, p: float(np.mean((y - p) ** 2)),
    "root_mean_squared_error": lambda y, p: float(np.sqrt(np.mean((y - p) ** 2))),
    "mean_absolute_error": lambda y, p: float(np.mean(np.abs(y - p))),
    "mean_absolute_percentage_error": _mean_absolute_percentage_error,
    "r2_score": lambda y, p: float(scores.r2_score(y, p)),
    "auc": lambda y, p: float(scores.roc_auc_score(y.ravel() > 0.5, p.ravel())),
    "precision": _of_positives(scores.precision_score),
    "recall": _of_positives(scores.recall_score),
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
    """The metrics of `compile`, by the names under which their numbers are reported."""
    if given is None:
        return {}
    listed: Sequence[Any] = given if isinstance(given, list | tuple) else [given]
    found: dict[str, Metric] = {}
    for metric in listed:
        if callable(metric):
            found[str(getattr(metric, "__name__", type(metric).__name__))] = _checked(metric)
        else:
            found[str(metric)] = METRICS[_known(metric)]
    return found


def _known(name: Any) -> str:
    plain = str(name).lower()
    plain = ALIASES.get(plain, plain)
    if plain not in METRICS:
        known = ", ".join(repr(known) for known in sorted({*METRICS, *ALIASES}))
        raise ValueError(f"metrics must be among {known}, or callables, got {name!r}.")
    return plain


def _checked(metric: Callable[..., Any]) -> Metric:
    def call(y: NDArray[Any], p: NDArray[Any]) -> float:
        value = np.mean(metric(y, p))
        return float(value)

    return call


def measure(
    metrics: Mapping[str, Metric], y: NDArray[Any], outputs: NDArray[Any]
) -> dict[str, float]:
    """Each metric of targets (n, targets) and outputs (n, outputs); NaN where outputs are."""
    if not np.isfinite(outputs).all():
        return dict.fromkeys(metrics, float("nan"))
    return {name: metric(y, outputs.astype(np.float64)) for name, metric in metrics.items()}
