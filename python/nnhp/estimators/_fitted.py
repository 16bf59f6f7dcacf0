"""The fitted attributes of an estimator, as a whole."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnhp.estimators._base import BaseMLP

# Those that not every fit has: one that lacks them removes them.
_OPTIONAL = (
    "feature_names_in_",
    "best_loss_",
    "loss_curve_",
    "learning_rate_curve_",
    "validation_scores_",
    "best_validation_score_",
    "validation_loss_curve_",
    "_no_improvement_count",
    "_watched",
    "_optimizer_state",
)


def publish(estimator: BaseMLP, attributes: dict[str, Any]) -> None:
    """Put the attributes of a fit in the place of those of the fit before, in one step."""
    kept = {k: v for k, v in estimator.__dict__.items() if k not in _OPTIONAL}
    estimator.__dict__ = kept | attributes


def snapshot(estimator: BaseMLP, attributes: dict[str, Any]) -> BaseMLP:
    """Copy of an estimator with the attributes of a fit."""
    fitted = copy.copy(estimator)
    publish(fitted, attributes)
    return fitted


def without_parameters(estimator: BaseMLP, fitted: Mapping[str, Any]) -> dict[str, Any]:
    """What a fit left among the attributes of an estimator."""
    parameters = estimator.get_params(deep=False)
    return {name: value for name, value in fitted.items() if name not in parameters}


def shape_attributes(sizes: list[int], out_activation: str) -> dict[str, Any]:
    """Attributes that tell the shape of the net."""
    return {
        "n_layers_": len(sizes),
        "n_outputs_": sizes[-1],
        "out_activation_": out_activation,
    }
