"""Predictions of candidates for the samples that they did not learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from nnhp.search._class_values import class_values
from nnhp.search._outcome import Outcome, Split


class OutOfFold:
    """Collects `oof_predictions_`: what classifiers say of each class, else predictions.

    Parameters
    ----------
    X, y : array-like
        All samples and targets.
    classifies : bool
        Whether the estimators are classifiers.
    memory_budget : int
        Bytes that the predictions may take.
    """

    def __init__(self, X: Any, y: Any, *, classifies: bool, memory_budget: int) -> None:
        self._X = X
        self._n_samples = _num_samples(X)
        self._memory_budget = memory_budget
        targets = np.asarray(y)
        self._n_outputs = targets.shape[1] if targets.ndim == 2 else 1
        # Folds may know fewer classes; several outputs are labels of their own.
        self._classes = np.unique(targets) if classifies and targets.ndim == 1 else None

    def check_splits(self, splits: Sequence[Split]) -> None:
        """Raise ValueError unless the test folds hold each sample once."""
        rows = np.concatenate([split.test for split in splits])
        counts = np.bincount(rows, minlength=self._n_samples)
        if len(rows) != self._n_samples or not (counts == 1).all():
            raise ValueError(
                "return_oof=True needs a cv whose test folds hold every sample exactly once."
            )

    def check_memory(self, n_candidates: int) -> None:
        """Raise ValueError where the predictions of so many candidates exceed the budget."""
        width = self._n_outputs if self._classes is None else len(self._classes)
        needed = n_candidates * self._n_samples * width * 8
        if needed > self._memory_budget:
            raise ValueError(
                f"return_oof=True needs {needed} bytes for the predictions of {n_candidates} "
                f"candidates for {self._n_samples} samples, more than memory_budget="
                f"{self._memory_budget}."
            )

    def digest(self, outcome: Outcome, split: Split) -> None:
        """Put the predictions of an outcome's estimator in its place."""
        if outcome.estimator is not None:
            X_test = _safe_indexing(self._X, split.test)
            outcome.out_of_fold = self._predictions(outcome.estimator, X_test)
            outcome.estimator = None

    def _predictions(self, estimator: Any, X: Any) -> NDArray[Any]:
        if not is_classifier(estimator):
            return np.asarray(estimator.predict(X))
        classes = estimator.classes_ if self._classes is None else self._classes
        return np.asarray(class_values(estimator, X, classes), dtype=np.float64)

    def table(
        self,
        n_candidates: int,
        outcomes: Mapping[int, Sequence[Outcome | None]],
        splits: Sequence[Split],
    ) -> NDArray[Any]:
        """Predictions by candidate and sample; NaN for folds that were pruned or failed.

        Where candidates predict different numbers of columns (of quantiles), those with fewer
        leave the last ones NaN.
        """
        found = [
            (row, split.test, outcome.out_of_fold)
            for row, of_candidate in outcomes.items()
            for outcome, split in zip(of_candidate, splits, strict=True)
            if outcome is not None and outcome.out_of_fold is not None
        ]
        if not found:
            return np.empty(0)
        widths = [of_fold.shape[1] for _, _, of_fold in found if of_fold.ndim == 2]
        shape = (n_candidates, self._n_samples, max(widths, default=1))
        predictions = np.full(shape, np.nan)
        for row, rows, of_fold in found:
            columns = of_fold.reshape(len(rows), -1)
            predictions[row, rows, : columns.shape[1]] = columns
        return predictions if widths else predictions[:, :, 0]
