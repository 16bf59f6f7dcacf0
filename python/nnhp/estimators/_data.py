"""From what the caller gave to what the engine reads: checks, labels, weights, `Dataset`."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.utils import column_or_1d
from sklearn.utils.validation import _check_sample_weight, validate_data

from nnhp import _core
from nnhp._cached import cached_property
from nnhp._checks import naming
from nnhp._component import Component
from nnhp.estimators import _losses, _weights
from nnhp.estimators._hidden import MAX_COUNT
from nnhp.estimators._labels import Labels, array_of_labels, class_weights, exact

if TYPE_CHECKING:
    from nnhp.estimators._base import BaseMLP

_FLOATS = (np.dtype(np.float64), np.dtype(np.float32))


@dataclass(frozen=True)
class Targets:
    """y as the engine takes it: class ids, or a matrix with one column per output.

    The outputs of several quantiles share one column.
    """

    kind: Literal["multiclass", "binary", "multilabel", "regression"]
    n_outputs: int
    class_ids: NDArray[np.int32] | None = None  # of the rows trained on, as outputs of the net
    matrix: NDArray[Any] | None = None


@dataclass(frozen=True)
class Samples:
    """Rows that are trained on or scored."""

    dataset: _core.Dataset
    targets: Targets
    weight: NDArray[Any] | None  # (n_samples,), working dtype
    X: Any  # as given, for scorers and callbacks
    y: Any


@dataclass(frozen=True)
class TrainingData:
    """All that a training reads, already checked."""

    train: Samples
    validation: Samples | None  # from X_val, or held out by a fold
    dtype: np.dtype[Any]  # of the published parameters
    attributes: dict[str, Any]  # fitted attributes that depend on the data alone
    # A fold trains on some rows of a dataset whose class ids count the classes of all rows.
    rows: NDArray[np.int32] | None = None  # those of `train`; None for all
    # class id -> output of the net, -1 for none; None where they are the same
    label_map: NDArray[np.int32] | None = None
    validation_rows: NDArray[np.int32] | None = None  # those of `validation`; None for all

    @property
    def n_features(self) -> int:
        return self.train.dataset.n_features

    @property
    def n_rows(self) -> int:
        """Samples to train on and to hold out of, together."""
        return self.train.dataset.n_samples if self.rows is None else len(self.rows)

    @property
    def n_validation_rows(self) -> int:
        """Samples to validate on, but for those to hold out."""
        if self.validation is None:
            return 0
        rows = self.validation_rows
        return self.validation.dataset.n_samples if rows is None else len(rows)

    @cached_property
    def training_set(self) -> _core.TrainingSet:
        """All rows to train on, with the validation data, for the engine."""
        return self.split(self.rows, None)

    def split(
        self, rows: NDArray[np.int32] | None, held_out: NDArray[np.int32] | None
    ) -> _core.TrainingSet:
        """Rows to train on, and rows of the same data to validate on instead of `validation`."""
        validation, validation_rows = self.validation, self.validation_rows
        if held_out is not None:
            validation, validation_rows = self.train, held_out
        return _core.TrainingSet(
            self.train.dataset,
            rows,
            label_map=self.label_map,
            sample_weight=self.train.weight,
            validation_data=None if validation is None else validation.dataset,
            validation_rows=validation_rows,
            validation_weight=None if validation is None else validation.weight,
        )


@dataclass(frozen=True)
class Whole:
    """An argument of `fit` that a search passes on uncut, however many rows it has."""

    value: Any


@dataclass(frozen=True)
class Given:
    """The arguments of a `fit` or `partial_fit` call, unchecked."""

    X: Any
    y: Any
    sample_weight: Any = None
    X_val: Any = None
    y_val: Any = None
    sample_weight_val: Any = None
    classes: Any = None
    incremental: bool = False

    def __post_init__(self) -> None:
        for name in ("X_val", "y_val", "sample_weight_val"):
            value = getattr(self, name)
            if isinstance(value, Whole):
                object.__setattr__(self, name, value.value)

    def check_validation(self) -> None:
        """Raise ValueError unless the validation arguments belong together."""
        if (self.X_val is None) != (self.y_val is None):
            raise ValueError("X_val and y_val must be given together.")
        if self.sample_weight_val is not None and self.X_val is None:
            raise ValueError("sample_weight_val needs X_val and y_val.")


def prepare(estimator: BaseMLP, given: Given, previous: Mapping[str, Any] | None) -> TrainingData:
    """Check the arguments of a fit and hand them to the engine, leaving `estimator` as it is.

    Parameters
    ----------
    estimator : BaseMLP
        Source of parameters and, through `previous`, of the labels known so far.
    given : Given
        The arguments.
    previous : mapping or None
        The fitted attributes that the training goes on from; None for a fresh start.
    """
    probe = copy.copy(estimator)  # validate_data writes its findings onto it
    fresh = previous is None
    X, y = check_X_y(probe, given.X, given.y, allowed_dtypes(estimator, previous), fresh)
    dtype = X.dtype
    # L-BFGS compares losses that differ by less than float32 resolves: it computes in float64,
    # and the result is rounded to the net's dtype.
    engine_dtype = np.dtype(np.float64) if estimator.solver == "lbfgs" else dtype

    labels = None
    if is_classifier(estimator):
        with naming("classes"):
            labels = Labels.of(estimator, y, given.classes, incremental=given.incremental)
    targets = targets_of(estimator, labels, y, engine_dtype, "y")
    per_class = None if labels is None else class_weights(estimator, labels, targets.class_ids)
    weight = weight_of(
        given.sample_weight, per_class, targets, X.shape[0], engine_dtype, "sample_weight"
    )
    train = samples_of(X, targets, weight, given.X, given.y, engine_dtype)

    validation = None
    if given.X_val is not None:
        try:
            X_val, y_val = check_X_y(probe, given.X_val, given.y_val, [dtype], False)
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"X_val or y_val: {error}") from error
        if labels is not None:
            labels.check_known(y_val, "y_val")
        targets = targets_of(estimator, labels, y_val, engine_dtype, "y_val")
        weight = weight_of(
            given.sample_weight_val,
            per_class,
            targets,
            X_val.shape[0],
            engine_dtype,
            "sample_weight_val",
        )
        validation = samples_of(X_val, targets, weight, given.X_val, given.y_val, engine_dtype)
        check_same_outputs(targets, train.targets)
    attributes = {"n_features_in_": probe.n_features_in_}
    if hasattr(probe, "feature_names_in_"):
        attributes["feature_names_in_"] = probe.feature_names_in_
    label_map = None
    if labels is not None:
        attributes |= {"classes_": labels.classes, "_label_binarizer": labels.binarizer}
        label_map = labels.label_map
    return TrainingData(train, validation, dtype, attributes, label_map=label_map)


def check_same_outputs(targets: Targets, of_y: Targets) -> None:
    """Raise ValueError where y_val has another number of outputs than y."""
    if targets.n_outputs != of_y.n_outputs:
        raise ValueError(f"y_val has {targets.n_outputs} outputs, but y has {of_y.n_outputs}.")


def check_X(estimator: BaseMLP, X: Any, dtype: np.dtype[Any]) -> Any:
    """Check the samples of a prediction; returns what the engine takes as X."""
    _check_counts(X)
    with np.errstate(all="ignore"):  # what became infinite is reported as an error
        if not (passes_but_for_values(estimator, X, dtype) and np.isfinite(X.sum())):
            with naming("X"):
                X = validate_data(
                    estimator, X, accept_sparse="csr", dtype=dtype, order="C", reset=False
                )
    return engine_X(X)


def passes_but_for_values(estimator: BaseMLP, X: Any, dtype: np.dtype[Any]) -> bool:
    """Whether `validate_data` would return X itself, if finite: it takes 80 microseconds for that.

    Where the engine looks at the values, block by block, no pass over all of them is needed.
    """
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.dtype == dtype
        and X.flags.c_contiguous
        and len(X) > 0
        and X.shape[1] == getattr(estimator, "n_features_in_", None)
        and not hasattr(estimator, "feature_names_in_")
    )


def engine_X(X: Any) -> Any:
    """Pass a checked X on in the engine's form, copying only what has another layout."""
    if isinstance(X, np.ndarray):
        return np.require(X, requirements=["C", "ALIGNED"])
    n_rows, n_features = X.shape
    _check_csr(X)
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    n_entries = int(X.indptr[n_rows])
    return (
        np.require(X.data[:n_entries], requirements=["C", "ALIGNED"]),
        np.require(X.indices[:n_entries], dtype=np.int32, requirements=["C", "ALIGNED"]),
        np.require(X.indptr, dtype=np.int64, requirements=["C", "ALIGNED"]),
        int(n_features),
    )


def _check_csr(X: Any) -> None:
    starts = X.indptr
    sound = (
        len(starts) == X.shape[0] + 1
        and starts[0] == 0
        and (np.diff(starts) >= 0).all()
        and starts[-1] <= min(len(X.indices), len(X.data))
    )
    if sound and starts[-1] > 0:
        columns = X.indices[: starts[-1]]
        sound = columns.min() >= 0 and columns.max() < X.shape[1]
    if not sound:
        raise ValueError("X is not a sound CSR matrix: its indices lie outside of its shape.")


def _check_counts(X: Any) -> None:
    shape = getattr(X, "shape", None)
    if not isinstance(shape, tuple):
        return
    for count, what in zip(shape, ("samples", "features"), strict=False):
        if isinstance(count, int | np.integer) and count > MAX_COUNT:
            raise ValueError(f"X has {count} {what}; at most {MAX_COUNT} are supported.")


def allowed_dtypes(estimator: BaseMLP, previous: Mapping[str, Any] | None) -> list[np.dtype[Any]]:
    """Precisions that the samples may keep; the first one is for all others."""
    if estimator.dtype != "auto":
        return [np.dtype(estimator.dtype)]
    return list(_FLOATS) if previous is None else [_weights.dtype_of(previous)]


def check_X_y(
    probe: BaseMLP, X: Any, y: Any, dtypes: list[np.dtype[Any]], fresh: bool
) -> tuple[Any, NDArray[Any]]:
    """Check samples and targets; `fresh` notes the features on `probe`, else they must agree."""
    _check_counts(X)
    if sp.issparse(y):
        raise TypeError("Sparse y is not supported: give a dense array, as from y.toarray().")
    classifies = is_classifier(probe)
    if classifies:
        y = exact(array_of_labels(y))
    elif isinstance(y, list | tuple):
        with naming("y"):
            y = np.asarray(y)
    X = _native(X)
    # what became infinite is reported as an error
    with np.errstate(all="ignore"), naming("X" if classifies else "X and y", "X and y"):
        X, y = validate_data(
            probe,
            X,
            y,
            accept_sparse="csr",
            multi_output=True,
            y_numeric=not classifies,
            dtype=dtypes,
            order="C",
            reset=fresh,
        )
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    return X, y


def _native(X: Any) -> Any:
    """Give an array or matrix this machine's byte order, so that float32 is known."""
    has_order = isinstance(X, np.ndarray) or sp.issparse(X)
    dtype: Any = getattr(X, "dtype", None) if has_order else None
    return X if dtype is None or dtype.isnative else X.astype(dtype.newbyteorder("="))


def samples_of(
    X: Any, targets: Targets, weight: NDArray[Any] | None, raw_X: Any, raw_y: Any, dtype: Any
) -> Samples:
    """Hand checked samples to the engine."""
    dataset = _core.Dataset(
        engine_X(X.astype(dtype, copy=False)),
        class_ids=targets.class_ids,
        targets=targets.matrix,
    )
    return Samples(dataset, targets, weight, raw_X, raw_y)


def targets_of(
    estimator: BaseMLP, labels: Labels | None, y: NDArray[Any], dtype: np.dtype[Any], name: str
) -> Targets:
    """Encode checked targets."""
    if labels is None:
        return _regression_targets(estimator.loss, y, dtype, name)
    if labels.kind == "multilabel":
        matrix = np.require(y != 0, dtype=dtype, requirements=["C", "ALIGNED"])
        return Targets("multilabel", matrix.shape[1], matrix=matrix)
    n_outputs = len(labels.classes) if labels.kind == "multiclass" else 1
    return Targets(labels.kind, n_outputs, class_ids=labels.ids(y))


def _regression_targets(
    loss: str | Component, y: NDArray[Any], dtype: np.dtype[Any], name: str
) -> Targets:
    needed = _losses.least_target(loss)
    if needed is not None and ((y < 0) if needed == ">= 0" else (y <= 0)).any():
        raise ValueError(f"loss={_losses.name_of(loss)!r} needs {name} {needed}.")
    with np.errstate(over="ignore"), naming(name):
        matrix = np.require(y, dtype=dtype, requirements=["C", "ALIGNED"]).reshape(len(y), -1)
    if not np.isfinite(matrix).all():
        raise ValueError(f"Input {name} contains a value too large for {dtype!r}.")
    quantiles = _losses.quantiles_of(loss)
    if quantiles is None:
        return Targets("regression", matrix.shape[1], matrix=matrix)
    if matrix.shape[1] > 1:
        raise ValueError(
            f"loss='quantile' needs a {name} of one column, got the shape {matrix.shape}."
        )
    return Targets("regression", len(quantiles), matrix=matrix)


def weight_of(
    given: Any,
    per_class: NDArray[Any] | None,
    targets: Targets,
    n_samples: int,
    dtype: np.dtype[Any],
    name: str,
) -> NDArray[Any] | None:
    """Weight of each sample in the working dtype: as given, times that of its class."""
    if given is None and per_class is None:
        return None
    weight = np.ones(n_samples)
    if given is not None:
        try:
            weight = _check_sample_weight(given, weight)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name}: {error}") from error
        if (weight < 0).any():
            raise ValueError(f"Negative values in {name}.")
    if per_class is not None:
        weight = weight * per_class[targets.class_ids]
        name = "class_weight" if given is None else f"{name} times class_weight"
    with np.errstate(over="ignore"):
        weight = np.ascontiguousarray(weight, dtype=dtype)
        total = weight.sum(dtype=np.float64)
    # The engine multiplies errors by weights and divides by their sum, neither of which may fall
    # below the normal numbers of the dtype.
    least, most = np.finfo(dtype).tiny * 2.0**20, 1 / (8 * float(np.finfo(dtype).tiny))
    if not (total <= most and weight.max() >= least):
        raise ValueError(
            f"{name} must have a sum of at most {most:.3g} and at least one number above "
            f"{least:.3g} in {dtype}, got the sum {total:g}."
        )
    return weight
