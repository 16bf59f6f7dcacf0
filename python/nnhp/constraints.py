"""Limits on the weights of the layers of an `nnhp.Sequential`."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval

from nnhp._component import Component
from nnhp._keras import WithoutKeras

__all__ = ["MaxNorm"]


class MaxNorm(WithoutKeras, Component):
    """Scales the incoming weights of a unit down, after a step, to a greatest norm.

    All layers of a model must have the same, as it is a parameter of a whole training here: that
    of the estimators is `max_norm`.

    Parameters
    ----------
    max_value : float, default=2
        The greatest norm, above 0.

    Examples
    --------
    >>> from nnhp.constraints import MaxNorm
    >>> from nnhp.layers import Dense
    >>> Dense(8, kernel_constraint=MaxNorm(3)).kernel_constraint
    MaxNorm(max_value=3)
    """

    name = "max_norm"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "max_value": [Interval(Real, 0, None, closed="neither")]
    }
    _not_there: ClassVar[Mapping[str, str]] = {"axis": "it is always that of the inputs"}

    def __init__(self, max_value: float = 2) -> None:
        self.max_value = max_value


max_norm = MaxNorm  # Keras's other name

BY_NAME: dict[str, type[MaxNorm]] = {MaxNorm.name: MaxNorm}
