"""Class labels: which there are, and their ids."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    check_classification_targets,
    type_of_target,
    unique_labels,
)

from nnhp._checks import naming

if TYPE_CHECKING:
    from nnhp.estimators._base import BaseMLP


_MOST_EXACT = 2**53  # in float64
_FORMS = "y must be 1-D labels or an indicator matrix of 0 and 1"


def array_of_labels(y: Any) -> Any:
    """Make lists the array that scikit-learn would make of them."""
    if not isinstance(y, list | tuple):
        return y
    try:
        return np.asarray(y)
    except ValueError as error:
        raise ValueError(
            f"{_FORMS}, got rows of different lengths: sklearn.preprocessing.MultiLabelBinarizer "
            "makes such a matrix of lists of labels."
        ) from error


def exact(y: Any) -> Any:
    """Give pandas' integers that may be missing as NumPy's, if none is and some are large.

    scikit-learn makes them float64, which would take different labels for the same.
    """
    column = y.iloc[:, 0] if hasattr(y, "iloc") and y.shape[1:] == (1,) else y
    dtype = getattr(getattr(column, "dtype", None), "numpy_dtype", None)
    if dtype is None or dtype.kind not in "iu" or not len(column) or column.isna().any():
        return y
    is_small = column.min() >= -_MOST_EXACT and column.max() <= _MOST_EXACT
    return y if is_small else y.astype(dtype)


@dataclass(frozen=True)
class Labels:
    """The classes of a classifier, in the order of its outputs."""

    binarizer: Any  # a fitted LabelBinarizer
    classes: NDArray[Any]  # sorted

    @classmethod
    def of(cls, estimator: BaseMLP, y: NDArray[Any], classes: Any, *, incremental: bool) -> Labels:
        """Find the classes of a fit, or check `y` against those known from earlier ones."""
        with naming("y"):
            check_classification_targets(y)
        known = SimpleNamespace(classes_=getattr(estimator, "classes_", None))
        binarizer = getattr(estimator, "_label_binarizer", None)
        if incremental and _check_partial_fit_first_call(known, classes):
            multilabel = type_of_target(y).startswith("multilabel")
            binarizer = _fit_binarizer(y if multilabel else classes)
        if known.classes_ is None or not (estimator.warm_start or incremental):
            return cls.find(y)
        if binarizer is None:
            binarizer = _fit_binarizer(known.classes_)
        labels = cls(binarizer, known.classes_)
        if estimator.warm_start:
            labels._check_same(y)
        labels.check_known(y, "y")
        return labels

    @classmethod
    def find(cls, y: NDArray[Any]) -> Labels:
        """Find the classes of checked labels."""
        if y.ndim == 2 and type_of_target(y) == "multiclass-multioutput":
            raise ValueError(
                f"{_FORMS}, got the shape {y.shape} with other labels: for several columns of "
                "labels there is sklearn.multioutput.MultiOutputClassifier."
            )
        binarizer = _fit_binarizer(y)
        return cls(binarizer, binarizer.classes_)

    @property
    def kind(self) -> Literal["multiclass", "binary", "multilabel"]:
        """What the outputs of the net stand for; one class alone counts as binary."""
        if self.binarizer.y_type_.startswith("multilabel"):
            return "multilabel"
        return "multiclass" if len(self.classes) > 2 else "binary"

    @property
    def label_map(self) -> NDArray[np.int32] | None:
        """Output of each class id for the engine; None where they are the same."""
        # The one output stands for no class if there is but one.
        alone = self.kind == "binary" and len(self.classes) == 1
        return np.zeros(1, dtype=np.int32) if alone else None

    def ids(self, y: NDArray[Any]) -> NDArray[np.int32]:
        """Index in `classes` of each (known) label."""
        return np.searchsorted(self.classes, y).astype(np.int32)

    def check_known(self, y: NDArray[Any], name: str) -> None:
        """Raise ValueError where `y` is of another form or has labels that are not known."""
        if self.kind == "multilabel":
            if y.ndim != 2 or y.shape[1] != len(self.binarizer.classes_):
                raise ValueError(
                    f"`{name}` must be a label indicator matrix with "
                    f"{len(self.binarizer.classes_)} columns, got the shape {y.shape}."
                )
            return
        if y.ndim != 1:
            raise ValueError(f"`{name}` must be 1-D, got the shape {y.shape}.")
        unknown = set(unique_labels(y).tolist()) - set(self.classes.tolist())
        if unknown:
            raise ValueError(
                f"`{name}` has classes not in `self.classes_`. `self.classes_` has "
                f"{self.classes}. '{name}' has {unique_labels(y)}."
            )

    def _check_same(self, y: NDArray[Any]) -> None:
        classes = unique_labels(y)
        if set(classes.tolist()) != set(self.classes.tolist()):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes}, `y` has {classes}"
            )


def _fit_binarizer(y: Any) -> Any:
    dates = np.asarray(y)
    if dates.dtype.kind in "mM" and np.isnat(dates).any():
        raise ValueError("y must have no missing values, got NaT.")
    try:
        return LabelBinarizer().fit(y)
    except TypeError as error:
        raise TypeError(f"The class labels in y cannot be sorted: {error}.") from error


def class_weights(
    estimator: BaseMLP, labels: Labels, class_ids: NDArray[np.int32] | None
) -> NDArray[Any] | None:
    """Weight of each class, from the class ids that are trained on; None without class_weight."""
    class_weight = estimator.class_weight
    if class_weight is None:
        return None
    if class_ids is None:
        raise ValueError("class_weight is not supported for multilabel targets.")
    if class_weight == "balanced":
        every = np.arange(len(labels.classes))
        weights = compute_class_weight("balanced", classes=every, y=class_ids)
    else:
        try:
            weights = compute_class_weight(class_weight, classes=labels.classes, y=labels.classes)
        except (TypeError, ValueError) as error:
            raise type(error)(f"class_weight: {error}") from error
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError(f"class_weight must not be negative or infinite, got {class_weight!r}.")
    return np.asarray(weights)
