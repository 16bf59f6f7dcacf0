"""How large a candidate's net is, and what a prediction costs, before it is trained."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import clone

from nnhp.estimators._data import Given
from nnhp.estimators._folds import Fold, SharedData
from nnhp.estimators._training import Cache
from nnhp.search._outcome import Candidate, Split
from nnhp.search._prepare import configured, net_of, preparation_of, samples_of


@dataclass(frozen=True)
class NetSize:
    """Size of a net.

    Attributes
    ----------
    n_parameters : int
        Those that are trained, as `cv_results_` counts them.
    predict_flops : int
        Multiplications and additions with weights, of one sample: two for each weight.
    """

    n_parameters: int
    predict_flops: int


class NetSizes:
    """Sizes of the nets that candidates are trained with on the first fold.

    Parameters
    ----------
    estimator : estimator
        The search's: a net, or a Pipeline that ends in one.
    given : Given
        All samples and targets, and the arguments of the net's `fit`.
    split : Split
        The fold.
    """

    def __init__(self, estimator: Any, given: Given, split: Split) -> None:
        self._estimator = estimator
        self._given = given
        self._rows = split.train
        self._preparation: Hashable = object()
        self._samples: SharedData | None = None  # as the steps before the net make them
        self._folds: dict[int, Fold] = {}

    def of(self, params: dict[str, Any]) -> NetSize | None:
        """Size of a candidate's net; None where none can be made, so that its fits will fail."""
        try:
            estimator = configured(self._estimator, Candidate(params, 0))
            net = net_of(estimator)
            data = self._fold(estimator, net).training_data(net)
            spec = Cache().net(net, data).spec
        except (ValueError, TypeError, MemoryError):
            return None
        weights = sum(inputs * columns for inputs, columns in spec.layer_shapes)
        return NetSize(spec.n_trained, 2 * weights)

    def _fold(self, estimator: Any, net: Any) -> Fold:
        preparation = preparation_of(estimator)
        if self._samples is None or preparation != self._preparation:
            given, rows = self._given, self._rows
            if estimator is not net:
                X, y = samples_of(given, rows)
                X = clone(estimator[:-1]).fit_transform(X, y)
                weight = given.sample_weight
                weight = None if weight is None else np.asarray(weight)[rows]
                given = replace(given, X=X, y=y, sample_weight=weight)
            self._samples, self._preparation, self._folds = SharedData(net, given), preparation, {}
        checked = self._samples.of(net)
        if id(checked) not in self._folds:
            rows = self._rows if estimator is net else np.arange(len(self._rows), dtype=np.int32)
            self._folds[id(checked)] = checked.fold(rows)
        return self._folds[id(checked)]
