"""Scores that only Python can compute, for early stopping."""

from __future__ import annotations

import inspect
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import check_scoring, d2_pinball_score, r2_score
from sklearn.utils import _safe_indexing, indexable

from nnhp.estimators._losses import quantiles_of

if TYPE_CHECKING:
    from nnhp.estimators._base import BaseMLP
    from nnhp.estimators._data import Samples


class RowScorer:
    """Applies ``estimator.scoring`` to the validation rows, in the container they came in.

    Parameters
    ----------
    estimator : BaseMLP
        Gives `scoring`.
    samples : Samples
        Where the rows are.
    rows : ndarray of int32 or None
        The rows; None for all.
    """

    def __init__(
        self, estimator: BaseMLP, samples: Samples, rows: NDArray[np.int32] | None
    ) -> None:
        self._scorer = check_scoring(estimator, estimator.scoring)
        X, y = indexable(samples.X, samples.y)
        weight = samples.weight
        if rows is not None:
            X, y = _safe_indexing(X, rows), _safe_indexing(y, rows)
            weight = None if weight is None else weight[rows]
        self._X, self._y = X, y
        self._metadata = {}
        own = estimator.scoring is None
        if weight is not None and (own or _takes_sample_weight(self._scorer)):
            self._metadata["sample_weight"] = weight

    def __call__(self, fitted: BaseMLP) -> float:
        """Score of a fitted estimator; greater is better."""
        score = self._scorer(fitted, self._X, self._y, **self._metadata)
        if not isinstance(score, Real):
            raise TypeError(f"scoring must give one number, got {score!r}.")
        return float(score)


def score_of_numbers(
    loss: Any, predicted: NDArray[Any], y: Any, sample_weight: Any = None
) -> float:
    """R2; for quantiles the mean of their D2 of the pinball loss."""
    quantiles = quantiles_of(loss)
    if quantiles is None:
        return float(r2_score(y, predicted, sample_weight=sample_weight))
    columns = predicted.reshape(len(predicted), len(quantiles)).T
    scores = [
        d2_pinball_score(y, column, sample_weight=sample_weight, alpha=quantile)
        for column, quantile in zip(columns, quantiles, strict=True)
    ]
    return float(np.mean(scores))


def _takes_sample_weight(scorer: Any) -> bool:
    function = getattr(scorer, "_score_func", scorer)
    return "sample_weight" in inspect.signature(function).parameters
