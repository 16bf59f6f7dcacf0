"""What a search computes from its fitted estimators: by which metrics, and what failures score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics._scorer import _MultimetricScorer
from sklearn.model_selection._validation import _score
from sklearn.utils.metadata_routing import _routing_enabled
from sklearn.utils.validation import _check_method_params

from nnhp.search._outcome import Scores
from nnhp.search._scores import metric_of


class Scoring:
    """What a search computes from its fitted estimators; from bare outputs where it can.

    Attributes
    ----------
    metrics : dict of str to str, or None
        Native metric of each scorer; None if scikit-learn's scorers must be asked.
    of_training_rows : bool
        Whether the training rows are scored too.
    raises, raises_divergence : bool
        Whether an error ends the search, and whether a training that diverges does.
    """

    def __init__(
        self,
        estimator: Any,
        scorers: Any,
        X: Any,
        params: Mapping[str, Any],
        *,
        error_score: Any,
        of_training_rows: bool = False,
        for_divergence_alone: bool = False,
    ) -> None:
        self._scorers = scorers
        self._X = X
        self._params = dict(params)
        self._error_score = error_score
        self.raises_divergence = error_score == "raise"
        self.raises = self.raises_divergence or for_divergence_alone
        self.of_training_rows = of_training_rows
        self._several = isinstance(scorers, _MultimetricScorer)
        single = {"score": scorers}
        named = scorers._scorers if self._several else single
        found = {name: metric_of(scorer, estimator) for name, scorer in named.items()}
        plain = set(params) <= {"sample_weight"} and not (params and _routing_enabled())
        self.metrics: dict[str, str] | None = None
        if plain and all(found.values()):
            self.metrics = {name: str(metric) for name, metric in found.items()}

    def packed(self, values: dict[str, float]) -> Scores:
        """Scores in scikit-learn's form: a number, or a dict for several scorers."""
        return values if self._several else values["score"]

    def failed(self) -> Scores:
        """What a fold scores whose fit failed."""
        if self._several:
            return dict.fromkeys(self._scorers._scorers, self._error_score)
        return float(self._error_score)

    def weight(self, rows: NDArray[np.int32]) -> Any:
        """Sample weights that scorers get."""
        return self.params(rows).get("sample_weight")

    def params(self, rows: NDArray[np.int32]) -> dict[str, Any]:
        """Arguments of the scorers for some rows."""
        return dict(_check_method_params(self._X, params=self._params, indices=rows))

    def judge(self, estimator: Any, X: Any, y: Any, rows: NDArray[np.int32]) -> Scores:
        """Scores by scikit-learn's scorers."""
        scores: Scores = _score(
            estimator, X, y, self._scorers, self.params(rows), self._error_score
        )
        return scores
