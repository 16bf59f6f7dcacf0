"""One copy of a data set for many trainings: folds of it are lists of rows."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier

from nnhp import _core
from nnhp.estimators import _data, _losses
from nnhp.estimators._data import Given, Samples, Targets, TrainingData
from nnhp.estimators._labels import Labels, class_weights

if TYPE_CHECKING:
    from nnhp.estimators._base import BaseMLP

Rows = NDArray[np.int32]


class SharedData:
    """Samples and targets, checked once and held once in each working precision.

    A fold cut from it trains like `fit` on copies of its rows.

    Parameters
    ----------
    estimator : BaseMLP
        Says what is allowed, and whether `y` holds labels.
    given : Given
        The arguments of the fits: all samples; weights as long as them; validation data whole.

    Raises
    ------
    ValueError, TypeError
        Where `fit` on all samples would.
    """

    def __init__(self, estimator: BaseMLP, given: Given) -> None:
        given.check_validation()
        self._given = given
        self._classifies = is_classifier(estimator)
        self._checked: dict[Hashable, _CheckedData] = {}

    @property
    def n_bytes(self) -> int:
        """Memory of the samples that were checked."""
        return sum(checked.n_bytes for checked in self._checked.values())

    def of(self, estimator: BaseMLP) -> _CheckedData:
        """Data as this estimator's `dtype` and `loss` ask for."""
        kind: Hashable = estimator.dtype
        if not self._classifies:
            quantiles = _losses.quantiles_of(estimator.loss)
            kind = (
                kind,
                _losses.name_of(estimator.loss),
                None if quantiles is None else len(quantiles),
            )
        if kind not in self._checked:
            self._checked[kind] = _CheckedData(estimator, self._given)
        return self._checked[kind]


class _CheckedData:
    """All samples in one precision."""

    def __init__(self, estimator: BaseMLP, given: Given) -> None:
        self.given = given
        probe = clone(estimator)
        dtypes = _data.allowed_dtypes(estimator, None)
        X, self.y = _data.check_X_y(probe, given.X, given.y, dtypes, True)
        self.dtype: np.dtype[Any] = X.dtype
        dense = isinstance(X, np.ndarray)
        self.n_bytes: int = X.nbytes if dense else X.data.nbytes + X.indices.nbytes
        self.attributes = {
            name: value
            for name, value in vars(probe).items()
            if name in ("n_features_in_", "feature_names_in_")
        }
        # Those of all samples; a fold may know fewer.
        self.labels: Labels | None = None
        if is_classifier(estimator):
            self.labels = Labels.of(probe, self.y, None, incremental=False)
        self.targets = _data.targets_of(estimator, self.labels, self.y, self.dtype, "y")
        self.train = _data.samples_of(X, self.targets, None, given.X, given.y, self.dtype)
        self.validation: Samples | None = None
        self.y_val = None
        if given.X_val is not None:
            try:
                X_val, self.y_val = _data.check_X_y(
                    probe, given.X_val, given.y_val, [self.dtype], False
                )
            except ValueError as error:
                raise ValueError(f"X_val or y_val: {error}") from error
            if self.labels is not None:
                self.labels.check_known(self.y_val, "y_val")
            targets = _data.targets_of(estimator, self.labels, self.y_val, self.dtype, "y_val")
            _data.check_same_outputs(targets, self.targets)
            self.validation = _data.samples_of(
                X_val, targets, None, given.X_val, given.y_val, self.dtype
            )

    @property
    def n_samples(self) -> int:
        return self.train.dataset.n_samples

    def fold(self, rows: Rows, held_out: Rows | None = None) -> Fold:
        return Fold(self, rows, held_out)


class Fold:
    """The samples that one training learns from, and what depends on them alone.

    It is validated on rows held out of the same data, where there are such, instead of X_val.
    """

    def __init__(self, shared: _CheckedData, rows: Rows, held_out: Rows | None = None) -> None:
        self.shared = shared
        self.rows = rows
        self.held_out = held_out
        self.targets = shared.targets
        self.attributes = dict(shared.attributes)
        self._label_map: NDArray[np.int32] | None = None
        self._labels: Labels | None = None
        self._prepared: dict[Hashable, TrainingData] = {}
        if shared.labels is not None:
            self._find_labels(shared.labels)

    @property
    def dataset(self) -> _core.Dataset:
        """All samples, those of other folds included."""
        return self.shared.train.dataset

    def _find_labels(self, of_all: Labels) -> None:
        shared = self.shared
        labels = Labels.find(shared.y[self.rows])
        if self.held_out is not None:
            labels.check_known(shared.y[self.held_out], "y_val")
        elif shared.y_val is not None:
            labels.check_known(shared.y_val, "y_val")
        self._labels = labels
        if labels.kind == "multilabel":
            self.targets = Targets("multilabel", shared.targets.n_outputs, matrix=None)
        else:
            self._label_map = np.full(len(of_all.classes), -1, dtype=np.int32)
            self._label_map[of_all.ids(labels.classes)] = np.arange(len(labels.classes))
            assert shared.targets.class_ids is not None
            self.targets = Targets(
                labels.kind,
                len(labels.classes) if labels.kind == "multiclass" else 1,
                class_ids=self._label_map[shared.targets.class_ids[self.rows]],
            )
        self.attributes |= {"classes_": labels.classes, "_label_binarizer": labels.binarizer}

    def training_data(self, estimator: BaseMLP) -> TrainingData:
        """Prepare a training with this estimator's `class_weight`."""
        key = _key_of(getattr(estimator, "class_weight", None))
        if key not in self._prepared:
            self._prepared[key] = self._prepare(estimator)
        return self._prepared[key]

    def _prepare(self, estimator: BaseMLP) -> TrainingData:
        per_class = None
        if self._labels is not None:
            per_class = class_weights(estimator, self._labels, self.targets.class_ids)
        train = self._samples(self.rows, self.targets, per_class)
        if self.held_out is None:
            validation = self._given_validation(per_class)
        else:
            validation = self._samples(
                self.held_out, self._targets_like(self.shared.targets, self.held_out), per_class
            )
        return TrainingData(
            train,
            validation,
            self.shared.dtype,
            self.attributes,
            self.rows,
            self._label_map,
            self.held_out,
        )

    def _samples(
        self, rows: Rows, targets: Targets, per_class: NDArray[np.float64] | None
    ) -> Samples:
        """Rows of the data, with weights where they have some."""
        shared, given = self.shared, self.shared.given
        of_rows = _data.weight_of(
            None if given.sample_weight is None else np.asarray(given.sample_weight)[rows],
            per_class,
            targets,
            len(rows),
            shared.dtype,
            "sample_weight",
        )
        weight = None
        if of_rows is not None:
            weight = np.zeros(shared.n_samples, dtype=shared.dtype)
            weight[rows] = of_rows
        return Samples(self.dataset, targets, weight, None, None)

    def _given_validation(self, per_class: NDArray[np.float64] | None) -> Samples | None:
        shared, given = self.shared, self.shared.given
        if shared.validation is None:
            return None
        dataset = shared.validation.dataset
        targets = self._targets_like(shared.validation.targets, None)
        weight = _data.weight_of(
            given.sample_weight_val,
            per_class,
            targets,
            dataset.n_samples,
            shared.dtype,
            "sample_weight_val",
        )
        return Samples(dataset, targets, weight, given.X_val, given.y_val)

    def _targets_like(self, of_all: Targets, rows: Rows | None) -> Targets:
        """Targets of rows (None for all), with classes as the outputs of this fold's net."""
        if self._label_map is None or of_all.class_ids is None:
            return of_all
        ids = of_all.class_ids if rows is None else of_all.class_ids[rows]
        return Targets(self.targets.kind, self.targets.n_outputs, self._label_map[ids])


def _key_of(class_weight: Any) -> Hashable:
    return tuple(class_weight.items()) if isinstance(class_weight, Mapping) else class_weight
