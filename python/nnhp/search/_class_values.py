"""What classifiers say of each class, in columns that estimators of other folds share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnhp.search._prepare import net_of


def knows_probabilities(estimator: Any) -> bool:
    """Whether a classifier gives probabilities."""
    return hasattr(estimator, "predict_proba")


def decides(estimator: Any) -> bool:
    """Whether it is a net of nnhp that gives decision values instead."""
    return net_of(estimator) is not None and not knows_probabilities(estimator)


def class_values(estimator: Any, X: Any, classes: NDArray[Any]) -> NDArray[Any]:
    """One column per entry of `classes`: probabilities, decision values or votes.

    The decision value of two classes is that of the second; the first has its negative. A class
    that the estimator does not know has probability 0, or the smallest of a sample's decision
    values.
    """
    if knows_probabilities(estimator):
        known = np.asarray(estimator.predict_proba(X))
        values = np.zeros((len(known), len(classes)), dtype=known.dtype)
    elif decides(estimator):
        known = np.asarray(estimator.decision_function(X))
        if known.ndim == 1:
            known = np.stack([-known, known][: len(estimator.classes_)], axis=1)
        values = np.tile(known.min(axis=1, keepdims=True), (1, len(classes)))
    else:
        predicted = np.asarray(estimator.predict(X))
        votes = predicted if predicted.ndim == 2 else predicted[:, np.newaxis] == classes
        return np.asarray(votes, dtype=np.float64)
    values[:, np.searchsorted(classes, estimator.classes_)] = known
    return values
