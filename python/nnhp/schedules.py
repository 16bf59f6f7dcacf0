"""Learning-rate schedules: how the learning rate changes in the course of a training.

An object of these classes, or its name for one with the defaults, is the `learning_rate` of an
estimator; `learning_rate_init` is the rate that it starts from (or, where it warms up, comes to).
They work with every solver that goes by epochs.

Lengths are counted in epochs, and None is a length that suits `max_iter`. In a halving or
Hyperband search over epochs, where trainings go on from rung to rung, a schedule is laid out over
the search's `max_resources` instead. `Exponential`, `Polynomial`, `Cosine` and `OneCycle` change
the rate with each step; the others with each epoch.

A `fit`, a warm start too, begins a schedule anew; `partial_fit` goes on with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

from sklearn.base import clone
from sklearn.utils._param_validation import Interval, InvalidParameterError

from nnhp._component import Component

__all__ = [
    "Cosine",
    "Exponential",
    "OneCycle",
    "Piecewise",
    "Plateau",
    "Polynomial",
    "Schedule",
    "Step",
]

_EPOCHS = [Interval(Real, 0, None, closed="neither"), None]
_POSITIVE = [Interval(Real, 0, None, closed="neither")]
_NOT_NEGATIVE = [Interval(Real, 0, None, closed="left")]
_COUNT = Interval(Integral, 0, 2**62, closed="both")
_SHARE = [Interval(Real, 0, 1, closed="both")]
_MOST_RESTARTS = 1000


class Schedule(Component):
    """What all schedules share; of no use by itself."""

    epochs: float | None

    def laid_out(self, horizon: float) -> Self:
        """Write the lengths out that are None.

        Parameters
        ----------
        horizon : float
            Epochs of the training.

        Returns
        -------
        schedule : Schedule
            A copy with lengths that no longer depend on the training.
        """
        unknown = "epochs" in self.get_params(deep=False) and self.epochs is None
        return self._with(epochs=horizon) if unknown else self._with()

    def _with(self, **params: Any) -> Self:
        changed: Self = clone(self)
        changed.set_params(**params)
        return changed

    def fields(self) -> dict[str, Any]:
        """The schedule as the engine takes it, but for its length."""
        return {
            name: value
            for name, value in super().fields().items()
            if value is not None and name != "epochs"
        }


class Step(Schedule):
    """The rate is multiplied by a factor at set intervals: 'step'.

    In epoch e, counted from 0, it is ``learning_rate_init * factor ** (e // step_size)``, as in
    PyTorch's StepLR.

    Parameters
    ----------
    step_size : int, default=None
        Epochs between two changes, at least 1. None is a third of the training.

    factor : float, default=0.1
        What each change multiplies the rate by, from 0 to 1, but not 0.

    See Also
    --------
    Piecewise : Changes at any epochs, to any rates.

    Examples
    --------
    >>> from nnhp import MLPRegressor, schedules
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> halved = schedules.Step(step_size=2, factor=0.5)
    >>> net = MLPRegressor(learning_rate=halved, learning_rate_init=0.01, max_iter=5)
    >>> _ = net.set_params(n_iter_no_change=5).partial_fit(X, y).partial_fit(X, y).partial_fit(X, y)
    >>> net.learning_rate_curve_
    [0.01, 0.01, 0.005]
    """

    name = "step"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "step_size": [Interval(Integral, 1, 2**62, closed="both"), None],
        "factor": [Interval(Real, 0, 1, closed="right")],
    }

    def __init__(self, step_size: int | None = None, factor: float = 0.1) -> None:
        self.step_size = step_size
        self.factor = factor

    def laid_out(self, horizon: float) -> Self:
        """Write the lengths out that are None; see `Schedule`."""
        unknown = self.step_size is None
        return self._with(step_size=math.ceil(horizon / 3)) if unknown else self._with()


class Exponential(Schedule):
    """The rate falls by the same share in equal times: 'exponential'.

    After t epochs, fractions counted, it is ``learning_rate_init * decay_rate ** (t / epochs)``, as
    in Keras's ExponentialDecay. ``decay_rate=gamma, epochs=1, staircase=True`` is PyTorch's
    ExponentialLR.

    Parameters
    ----------
    decay_rate : float, default=0.01
        What the learning rate is multiplied by in `epochs` epochs; positive.

    epochs : float, default=None
        In how many epochs; None is the whole training. The fall goes on after them.

    staircase : bool, default=False
        Whether the rate changes at multiples of `epochs` only.

    Examples
    --------
    >>> from nnhp import MLPRegressor, schedules
    >>> net = MLPRegressor(learning_rate=schedules.Exponential(decay_rate=0.001))
    >>> net.set_params(learning_rate__epochs=50).learning_rate
    Exponential(decay_rate=0.001, epochs=50)
    """

    name = "exponential"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "decay_rate": _POSITIVE,
        "epochs": _EPOCHS,
        "staircase": ["boolean"],
    }

    def __init__(
        self, decay_rate: float = 0.01, epochs: float | None = None, staircase: bool = False
    ) -> None:
        self.decay_rate = decay_rate
        self.epochs = epochs
        self.staircase = staircase


class Polynomial(Schedule):
    """The rate falls along a power, by default a straight line: 'polynomial'.

    After t epochs, fractions counted, it is ``learning_rate_init * ((1 - end) * (1 - t / epochs)
    ** power + end)``, as in Keras's PolynomialDecay, but that `end` is a share. It stays there
    after `epochs` epochs.

    Parameters
    ----------
    end : float, default=0.0
        The last rate as a share of `learning_rate_init`, not negative.

    power : float, default=1.0
        The exponent; positive.

    epochs : float, default=None
        In how many epochs; None is the whole training.

    Examples
    --------
    >>> from nnhp import MLPClassifier, schedules
    >>> MLPClassifier(learning_rate=schedules.Polynomial(end=0.1, power=2)).learning_rate
    Polynomial(end=0.1, power=2)
    """

    name = "polynomial"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "end": _NOT_NEGATIVE,
        "power": _POSITIVE,
        "epochs": _EPOCHS,
    }

    def __init__(self, end: float = 0.0, power: float = 1.0, epochs: float | None = None) -> None:
        self.end = end
        self.power = power
        self.epochs = epochs


class Cosine(Schedule):
    """The rate falls along half a cosine, after a warm-up and again after restarts: 'cosine'.

    In the first `warmup` epochs it rises from 0 to `learning_rate_init` along a straight line.
    In the rest it is ``learning_rate_init * ((1 - end) * height * (1 + cos(pi * p)) / 2 + end)``,
    where p goes from 0 to 1 in each period and height is 1 in the first [1]_. Without restarts
    this is Keras's CosineDecay, without a warm-up its CosineDecayRestarts; the periods fill
    `epochs`, after which the rate stays at its end.

    Parameters
    ----------
    warmup : float, default=0
        Epochs, or a fraction of one, of the warm-up; not negative. The first step then has the
        rate 0.

    restarts : int, default=0
        How often the rate jumps up again; at most 1000.

    end : float, default=0.0
        The last rate as a share of `learning_rate_init`, not negative.

    t_mul : float, default=2.0
        What each restart multiplies the length of a period by; positive.

    m_mul : float, default=1.0
        What each restart multiplies the height by; positive.

    epochs : float, default=None
        In how many epochs, those of the warm-up included; None is the whole training.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter. "SGDR: Stochastic gradient descent with warm restarts."
       ICLR, 2017. arXiv:1608.03983.

    Examples
    --------
    >>> from nnhp import MLPClassifier, schedules
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier(learning_rate=schedules.Cosine(warmup=2), learning_rate_init=0.02)
    >>> net.set_params(max_iter=8, batch_size=150, random_state=0, n_iter_no_change=8)
    MLPClassifier(batch_size=150, learning_rate=Cosine(warmup=2),
                  learning_rate_init=0.02, max_iter=8, n_iter_no_change=8,
                  random_state=0)
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):  # eight epochs are few
    ...     rates = net.fit(X, y).learning_rate_curve_
    >>> [round(rate, 4) for rate in rates]
    [0.0, 0.01, 0.02, 0.0187, 0.015, 0.01, 0.005, 0.0013]
    """

    name = "cosine"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "warmup": _NOT_NEGATIVE,
        "restarts": [Interval(Integral, 0, _MOST_RESTARTS, closed="both")],
        "end": _NOT_NEGATIVE,
        "t_mul": _POSITIVE,
        "m_mul": _POSITIVE,
        "epochs": _EPOCHS,
    }

    def __init__(
        self,
        warmup: float = 0,
        restarts: int = 0,
        end: float = 0.0,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        epochs: float | None = None,
    ) -> None:
        self.warmup = warmup
        self.restarts = restarts
        self.end = end
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.epochs = epochs


class OneCycle(Schedule):
    """The rate rises to `learning_rate_init` and falls far below where it began: 'one_cycle'.

    Both along half a cosine, step by step, as in PyTorch's OneCycleLR of two phases; momentum
    stays as it is [1]_. After `epochs` epochs the rate stays at its end.

    Parameters
    ----------
    pct_start : float, default=0.3
        Share of the steps in which the rate rises, from 0 to 1.

    div_factor : float, default=25.0
        `learning_rate_init` divided by the first rate; positive.

    final_div_factor : float, default=1e4
        The first rate divided by the last; positive.

    epochs : float, default=None
        In how many epochs; None is the whole training.

    References
    ----------
    .. [1] L. N. Smith and N. Topin. "Super-convergence: Very fast training of neural networks
       using large learning rates." 2018. arXiv:1708.07120.

    Examples
    --------
    >>> from nnhp import MLPClassifier, schedules
    >>> MLPClassifier(learning_rate=schedules.OneCycle(pct_start=0.2), learning_rate_init=0.1)
    MLPClassifier(learning_rate=OneCycle(pct_start=0.2), learning_rate_init=0.1)
    """

    name = "one_cycle"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "pct_start": _SHARE,
        "div_factor": _POSITIVE,
        "final_div_factor": _POSITIVE,
        "epochs": _EPOCHS,
    }

    def __init__(
        self,
        pct_start: float = 0.3,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        epochs: float | None = None,
    ) -> None:
        self.pct_start = pct_start
        self.div_factor = div_factor
        self.final_div_factor = final_div_factor
        self.epochs = epochs


class Plateau(Schedule):
    """The rate falls when there was no improvement for some epochs: 'plateau'.

    As Keras's ReduceLROnPlateau, but it watches what the estimator's patience watches: the
    training loss, or the validation score with `early_stopping`. A fall begins the estimator's
    own patience (`n_iter_no_change`) anew, as long as the rate was above 1e-6, so that training
    does not stop before the lower rate could show what it can do. With a smaller
    `n_iter_no_change` than `patience`, training stops before the rate ever falls.

    Parameters
    ----------
    factor : float, default=0.1
        What a fall multiplies the rate by, between 0 and 1.

    patience : int, default=10
        Epochs in a row without an improvement before the rate falls.

    min_delta : float, default=1e-4
        An improvement is a change by more than this, not negative.

    cooldown : int, default=0
        Epochs after a fall that do not count.

    min_lr : float, default=0
        The rate never falls below this.

    Examples
    --------
    >>> from nnhp import MLPClassifier, schedules
    >>> MLPClassifier(learning_rate=schedules.Plateau(factor=0.5, patience=5), early_stopping=True)
    MLPClassifier(early_stopping=True,
                  learning_rate=Plateau(factor=0.5, patience=5))
    """

    name = "plateau"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "factor": [Interval(Real, 0, 1, closed="neither")],
        "patience": [_COUNT],
        "min_delta": _NOT_NEGATIVE,
        "cooldown": [_COUNT],
        "min_lr": _NOT_NEGATIVE,
    }

    def __init__(
        self,
        factor: float = 0.1,
        patience: int = 10,
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0,
    ) -> None:
        self.factor = factor
        self.patience = patience
        self.min_delta = min_delta
        self.cooldown = cooldown
        self.min_lr = min_lr


class Piecewise(Schedule):
    """The rate has given values between given epochs: 'piecewise'.

    In epoch e, counted from 0, it is ``values[i]``, where i is how many boundaries are not
    greater than e. (Keras's PiecewiseConstantDecay changes one step later.)

    Parameters
    ----------
    boundaries : sequence of int, default=None
        Epochs at which the rate changes, ascending, from 1 on. None is a half and three quarters
        of the training.

    values : sequence of float, default=None
        The rates, positive, one more than boundaries; `learning_rate_init` then has no effect.
        None is `learning_rate_init`, and a tenth of the rate before at each boundary.

    Examples
    --------
    >>> from nnhp import MLPClassifier, schedules
    >>> MLPClassifier(learning_rate=schedules.Piecewise([30, 60], [0.01, 0.002, 0.0005]))
    MLPClassifier(learning_rate=Piecewise(boundaries=[30, 60],
                                          values=[0.01, 0.002, 0.0005]))
    """

    name = "piecewise"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "boundaries": ["array-like", None],
        "values": ["array-like", None],
    }

    def __init__(
        self, boundaries: Sequence[int] | None = None, values: Sequence[float] | None = None
    ) -> None:
        self.boundaries = boundaries
        self.values = values

    def check(self) -> None:
        """Raise InvalidParameterError, a ValueError, where a parameter is out of bounds."""
        super().check()
        n_boundaries = 2
        if self.boundaries is not None:
            n_boundaries = len(self.boundaries)
            whole = all(isinstance(epoch, Integral) for epoch in self.boundaries)
            if not whole or any(
                low >= high
                for low, high in zip([0, *self.boundaries], self.boundaries, strict=False)
            ):
                raise InvalidParameterError(
                    "The 'boundaries' parameter of Piecewise must be ascending whole numbers from "
                    f"1 on. Got {self.boundaries!r} instead."
                )
        if self.values is None:
            return
        positive = all(isinstance(v, Real) and 0 < v < math.inf for v in self.values)
        if not positive or len(self.values) != n_boundaries + 1:
            raise InvalidParameterError(
                "The 'values' parameter of Piecewise must be positive numbers, one more than "
                f"there are boundaries ({n_boundaries}). Got {self.values!r} instead."
            )

    def laid_out(self, horizon: float) -> Self:
        """Write the lengths out that are None; see `Schedule`."""
        if self.boundaries is not None:
            return self._with()
        return self._with(boundaries=[math.ceil(horizon * share) for share in (0.5, 0.75)])

    def fields(self) -> dict[str, Any]:
        """The schedule as the engine takes it."""
        fields = super().fields()
        kinds = {"boundaries": int, "values": float}
        return {
            name: [kinds[name](entry) for entry in value] if name in kinds else value
            for name, value in fields.items()
        }


BY_NAME: dict[str, type[Schedule]] = {
    kind.name: kind
    for kind in (Cosine, Exponential, OneCycle, Piecewise, Plateau, Polynomial, Step)
}
