"""Penalties on the weights of one layer of an `nnhp.Sequential`."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval

from nnhp._component import Component

__all__ = ["L1", "L1L2", "L2", "Regularizer"]

_NOT_NEGATIVE = [Interval(Real, 0, None, closed="left")]


class Regularizer(Component):
    """Adds ``l1 * sum(abs(w)) + l2 * sum(w**2)`` over a layer's weights to the loss."""

    l1: float = 0.0
    l2: float = 0.0


class L1L2(Regularizer):
    """Both penalties, as strong as they are given: without parameters none.

    Parameters
    ----------
    l1 : float, default=0.0
        Of the weights' magnitudes, not negative.
    l2 : float, default=0.0
        Of their squares, not negative.

    Examples
    --------
    >>> from nnhp.regularizers import L1L2
    >>> L1L2(l2=0.1)
    L1L2(l2=0.1)
    """

    name = "l1_l2"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "l1": _NOT_NEGATIVE,
        "l2": _NOT_NEGATIVE,
    }

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = l1
        self.l2 = l2


class L1(Regularizer):
    """A penalty on magnitudes.

    Parameters
    ----------
    l1 : float, default=0.01
        Not negative.

    Examples
    --------
    >>> from nnhp.regularizers import L1
    >>> L1(0.001)
    L1(l1=0.001)
    """

    name = "l1"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"l1": _NOT_NEGATIVE}

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = l1


class L2(Regularizer):
    """A penalty on squares.

    Parameters
    ----------
    l2 : float, default=0.01
        Not negative.

    Examples
    --------
    >>> from nnhp.regularizers import L2
    >>> L2(0.001)
    L2(l2=0.001)
    """

    name = "l2"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"l2": _NOT_NEGATIVE}

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = l2


# L1L2 has no strengths of its own, so that its name alone would penalize nothing.
BY_NAME: dict[str, type[Regularizer]] = {kind.name: kind for kind in (L1, L2)}
# Keras's names for the same classes.
l1, l2, l1_l2 = L1, L2, L1L2
