"""What each layer of a fitted net puts out for given samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from nnhp import _threads
from nnhp.estimators._compiled import check_room, predictor_of
from nnhp.estimators._data import check_X

if TYPE_CHECKING:
    from nnhp.estimators._base import BaseMLP


def layer_outputs(estimator: BaseMLP, X: Any) -> list[NDArray[Any]]:
    """Compute the outputs of each layer for unchecked samples, the net's own outputs last."""
    fitted = estimator.__dict__.copy()
    predictor, dtype = predictor_of(estimator, fitted)
    samples = check_X(estimator, X, dtype)

    def threads() -> int:
        return _threads.resolve(estimator.n_jobs)

    units = [len(weights) for weights in fitted["coefs_"][1:]]
    check_room(samples, sum(units) + predictor.n_outputs)
    hidden = [predictor.hidden_outputs(samples, layer, threads) for layer in range(len(units))]
    return [*hidden, predictor.outputs(samples, threads)]
