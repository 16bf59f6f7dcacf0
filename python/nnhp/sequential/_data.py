"""Samples, targets and weights of `Sequential`, checked and put into the engine's terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import _check_sample_weight, check_array

from nnhp import _core
from nnhp._checks import naming
from nnhp.estimators._data import engine_X
from nnhp.sequential._losses import Loss, Targets

_OF_ONE = 1e-4  # by how much sums of float32 shares may differ from 1


@dataclass(frozen=True)
class Part:
    """Samples that are trained on or evaluated."""

    X: Any  # in the engine's form
    y: NDArray[Any]  # (n_samples, n_targets), as metrics take it
    weight: NDArray[Any] | None
    dataset: _core.Dataset

    @property
    def n_samples(self) -> int:
        """Rows of X."""
        return len(self.y)


def check_x(x: Any, n_features: int | None, dtype: str, name: str = "x") -> Any:
    """Check samples; returns an array or CSR matrix of the net's dtype."""
    with naming(name):
        checked = check_array(
            x, accept_sparse="csr", dtype=np.dtype(dtype), order="C", input_name=name
        )
    if n_features is not None and checked.shape[1] != n_features:
        raise ValueError(
            f"{name} must have {n_features} features, as the model's first layer says or an "
            f"earlier call had, got {checked.shape[1]}."
        )
    return checked


def part_of(
    x: Any,
    y: Any,
    sample_weight: Any,
    class_weight: Mapping[int, float] | None,
    *,
    n_outputs: int,
    loss: Loss,
    dtype: str,
    name: str = "y",
) -> Part:
    """Join checked samples, from `check_x`, with the targets that the loss takes, and weights."""
    targets = _check_y(y, x.shape[0], name)
    weight = _weights(targets, sample_weight, class_weight, dtype)
    samples = engine_X(x)
    if loss.targets is Targets.CLASS_NUMBERS:
        ids = _class_ids(targets, n_outputs, name)
        return Part(samples, targets, weight, _core.Dataset(samples, class_ids=ids))
    if targets.shape[1] != n_outputs:
        raise ValueError(
            f"{name} must have a column for each of the {n_outputs} outputs, got "
            f"{targets.shape[1]}; class numbers go with loss='sparse_categorical_crossentropy'."
        )
    if loss.targets is Targets.PROBABILITIES:
        _check_probabilities(targets, loss, name)
    if loss.targets is Targets.SHARES:
        _check_shares(targets, loss, name)
    numbers = _zeros_and_ones(targets, loss, name) if loss.targets is Targets.SIGNS else targets
    with np.errstate(over="ignore"):
        matrix = np.require(numbers, dtype=dtype, requirements=["C", "ALIGNED"])
    if not np.isfinite(matrix).all():
        raise ValueError(f"{name} contains a value too large for dtype('{dtype}').")
    return Part(samples, targets, weight, _core.Dataset(samples, targets=matrix))


def check_count(given: Any, name: str, least: int) -> int:
    """Check a number of samples or epochs."""
    if isinstance(given, bool) or not isinstance(given, Integral) or given < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {given!r}.")
    return int(given)


def check_verbose(verbose: Any) -> bool:
    """Whether something is to be printed."""
    if verbose not in ("auto", 0, 1, 2):
        raise ValueError(f"verbose must be 'auto', 0, 1 or 2, got {verbose!r}.")
    return bool(verbose)


def _check_y(y: Any, n_samples: int, name: str) -> NDArray[Any]:
    with naming(name):
        given = np.asarray(y)
    if given.dtype.kind in "US":
        raise ValueError(
            f"{name} must hold numbers, got text: number the classes from 0, as "
            "sklearn.preprocessing.LabelEncoder does."
        )
    with naming(name):
        checked: NDArray[Any] = check_array(y, ensure_2d=False, allow_nd=True, input_name=name)
    if checked.ndim > 2:
        raise ValueError(f"{name} must have one or two dimensions, got {checked.ndim}.")
    if len(checked) != n_samples:
        raise ValueError(f"{name} must have {n_samples} samples, as x has, got {len(checked)}.")
    return checked.reshape(n_samples, -1)


def _class_ids(targets: NDArray[Any], n_outputs: int, name: str) -> NDArray[np.int32]:
    if targets.shape[1] != 1:
        raise ValueError(f"{name} must have one column of class numbers, got {targets.shape[1]}.")
    with naming(name):
        ids = targets.ravel().astype(np.int32)
    if (ids != targets.ravel()).any() or ids.min() < 0 or ids.max() >= n_outputs:
        raise ValueError(
            f"{name} must hold class numbers from 0 to {n_outputs - 1}, one per output, got values "
            f"from {targets.min()} to {targets.max()}."
        )
    return ids


def _check_probabilities(targets: NDArray[Any], loss: Loss, name: str) -> None:
    if targets.min() < 0 or targets.max() > 1:
        raise ValueError(
            f"{name} must hold 0 and 1 (or numbers between) for loss={loss.shown}, got values from "
            f"{targets.min()} to {targets.max()}."
        )


def _check_shares(targets: NDArray[Any], loss: Loss, name: str) -> None:
    """Raise ValueError where rows do not sum to 1, for which the engine's gradient is another."""
    sums = targets.sum(axis=1)
    wrong = np.flatnonzero(np.abs(sums - 1) > _OF_ONE)
    if len(wrong):
        raise ValueError(
            f"{name} must have rows that sum to 1 for loss={loss.shown}, got {sums[wrong[0]]} in "
            f"row {wrong[0]}; samples of several classes go with loss='binary_crossentropy'."
        )


def _zeros_and_ones(targets: NDArray[Any], loss: Loss, name: str) -> NDArray[Any]:
    if np.isin(targets, (0, 1)).all():
        return targets
    if not np.isin(targets, (-1, 1)).all():
        raise ValueError(
            f"{name} must hold 0 and 1, or -1 and 1, for loss={loss.shown}, got values from "
            f"{targets.min()} to {targets.max()}."
        )
    return (targets > 0).astype(np.int8)


def _weights(
    targets: NDArray[Any],
    sample_weight: Any,
    class_weight: Mapping[int, float] | None,
    dtype: str,
) -> NDArray[Any] | None:
    if sample_weight is None and class_weight is None:
        return None
    weight: NDArray[Any] = np.ones(len(targets))
    if sample_weight is not None:
        weight = _check_weight(sample_weight, len(targets))
    if class_weight is not None:
        classes = targets.argmax(axis=1) if targets.shape[1] > 1 else targets.ravel()
        for label, factor in _check_class_weight(class_weight).items():
            weight[classes == label] *= factor
    return np.require(weight, dtype=dtype, requirements=["C", "ALIGNED"])


def _check_weight(sample_weight: Any, n_samples: int) -> NDArray[Any]:
    """One weight per sample, of a number too."""
    with naming("sample_weight"):
        checked: NDArray[Any] = _check_sample_weight(
            sample_weight,
            np.ones(n_samples),
            copy=True,
            ensure_non_negative=True,
            allow_all_zero_weights=True,
        )
    return checked


def _check_class_weight(given: Any) -> Mapping[Any, float]:
    numbers = isinstance(given, Mapping) and all(
        isinstance(factor, Real) and 0 <= float(factor) < np.inf for factor in given.values()
    )
    if not numbers:
        raise ValueError(
            "class_weight must be a dict of class numbers to weights, none of them negative, got "
            f"{given!r}."
        )
    found: Mapping[Any, float] = given
    return found


def check_validation(given: Any, n_features: int, dtype: str) -> tuple[Any, Any, Any]:
    """Samples, targets and weights of `validation_data`, the samples checked."""
    if not isinstance(given, tuple | list) or not 2 <= len(given) <= 3:
        entries = f" of {len(given)}" if isinstance(given, tuple | list) else ""
        raise ValueError(
            "validation_data must be (x, y) or (x, y, sample_weight), got "
            f"{type(given).__name__}{entries}."
        )
    x, y, *weight = given
    return check_x(x, n_features, dtype, "x of validation_data"), y, weight[0] if weight else None


def split_off(
    x: Any, y: Any, sample_weight: Any, share: float
) -> tuple[tuple[Any, Any, Any], tuple[Any, Any, Any]]:
    """Cut the last `share` of checked samples off, as Keras does: before any shuffling."""
    if not isinstance(share, Real) or not 0 < share < 1:
        raise ValueError(f"validation_split must lie in [0, 1), got {share!r}.")
    at = int(np.floor(x.shape[0] * (1.0 - share)))
    if at == 0 or at == x.shape[0]:
        raise ValueError(
            f"validation_split={share} leaves no samples to train on or to validate on of "
            f"{x.shape[0]}."
        )
    targets = _check_y(y, x.shape[0], "y")
    weight = None if sample_weight is None else _check_weight(sample_weight, x.shape[0])

    def rows(some: slice) -> tuple[Any, Any, Any]:
        return x[some], targets[some], None if weight is None else weight[some]

    return rows(slice(None, at)), rows(slice(at, None))
