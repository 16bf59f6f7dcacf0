"""Optimizers with parameters of their own, for ``solver`` of the estimators.

Names and defaults are those of Keras 3.15, so are the formulas. An optimizer that an estimator is
given by its name, such as ``solver='rmsprop'``, takes `beta_1`, `beta_2` and `epsilon` (and 'sgd'
its `momentum`) from the estimator instead, whose defaults are scikit-learn's. Parameters that are
searched have names like ``solver__rho``.
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval

from nnhp._component import Component
from nnhp._keras import WithoutKeras, no_name

__all__ = ["SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Lion", "Nadam", "Optimizer", "RMSprop"]

_NO_SCHEDULES = (
    "schedules, which are in nnhp.schedules, are the learning_rate of an estimator; Sequential has "
    "callbacks.LearningRateScheduler"
)


def __getattr__(name: str) -> object:
    if name == "schedules":  # where Keras has them
        raise AttributeError(
            f"module {__name__!r} has no attribute {name!r}: {_NO_SCHEDULES}", name=name
        )
    raise no_name(__name__, name, __all__, "optimizers")


# What each class's docstring says of the parameters that all have.
_SHARED = """learning_rate : float or None, default=None
        The rate to start from, in place of the estimator's `learning_rate_init`.

    weight_decay, clipnorm, clipvalue, ema_momentum : float or None, default=None
        Instead of the estimator's parameters of the same names."""

_POSITIVE = [Interval(Real, 0, None, closed="neither")]
_NOT_NEGATIVE = [Interval(Real, 0, None, closed="left")]
_BELOW_1 = [Interval(Real, 0, 1, closed="left")]
_UP_TO_1 = [Interval(Real, 0, 1, closed="both")]

SHARED_CONSTRAINTS: dict[str, list[Any]] = {
    "weight_decay": [*_NOT_NEGATIVE, None],
    "clipnorm": [*_POSITIVE, None],
    "clipvalue": [*_POSITIVE, None],
    "ema_momentum": [*_BELOW_1, None],
}


class Optimizer(WithoutKeras, Component):
    """What all optimizers share; of no use by itself.

    Parameters
    ----------
    learning_rate : float or None, default=None
        The rate to start from; None is the estimator's `learning_rate_init`.

    weight_decay, clipnorm, clipvalue, ema_momentum : float or None, default=None
        None is the estimator's parameter of the same name, where they are explained.
    """

    # Own parameter -> the estimator's that it comes from where the optimizer is given by its name.
    from_estimator: ClassVar[dict[str, str]] = {}
    default_weight_decay: ClassVar[float] = 0.0  # where neither has one
    _own_constraints: ClassVar[dict[str, list[Any]]] = {}
    _not_there: ClassVar[Mapping[str, str]] = {
        "lr": "it is learning_rate",
        "decay": _NO_SCHEDULES,
        "use_ema": "a number for ema_momentum says so",
        "global_clipnorm": "clipnorm limits the norm of each array of the gradient",
        "name": "optimizers have none",
    }

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._parameter_constraints = {
            "learning_rate": [*_POSITIVE, None],
            **SHARED_CONSTRAINTS,
            **cls._own_constraints,
        }
        cls.__doc__ = (cls.__doc__ or "").replace("{shared}", _SHARED)

    def __init__(
        self,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        ema_momentum: float | None = None,
    ) -> None:
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.ema_momentum = ema_momentum

    def check(self) -> None:
        """Raise ValueError where a parameter is out of bounds."""
        if isinstance(self.learning_rate, Component) or callable(self.learning_rate):
            raise ValueError(
                f"learning_rate of {type(self).__name__} must be a number, got "
                f"{self.learning_rate!r}: {_NO_SCHEDULES}."
            )
        super().check()

    @property
    def engine_name(self) -> str:
        """The engine's name of the variant that the parameters choose."""
        name: str = self.name
        return name

    def fields(self) -> dict[str, Any]:
        """The optimizer's own rule as the engine takes it."""
        chosen = {
            name for name, (bounds, *_) in self._own_constraints.items() if bounds != "boolean"
        }
        own = {name: float(getattr(self, name)) for name in sorted(chosen)}
        return {"name": self.engine_name, **own}


class SGD(Optimizer):
    """Gradient descent, with momentum if asked for: 'sgd'.

    With gradient g and rate r, ``w += v`` where ``v = momentum * v - r * g``; with Nesterov's
    momentum [1]_ ``w += momentum * v - r * g``.

    Parameters
    ----------
    {shared}

    momentum : float, default=0.0
        Share of the last step that goes into the next, from 0 to 1.

    nesterov : bool, default=False
        Whether the momentum is Nesterov's.

    Notes
    -----
    ``solver='sgd'`` has the estimator's `momentum` and `nesterovs_momentum`, 0.9 and True.

    References
    ----------
    .. [1] I. Sutskever, J. Martens, G. Dahl and G. Hinton. "On the importance of initialization
       and momentum in deep learning." ICML, 2013.

    Examples
    --------
    >>> from nnhp import MLPRegressor, optimizers
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> descent = optimizers.SGD(learning_rate=0.1, momentum=0.5)
    >>> net = MLPRegressor(solver=descent, clipnorm=1.0, max_iter=500, random_state=0)
    >>> net.fit(X, (y - y.mean()) / y.std()).score(X, (y - y.mean()) / y.std()) > 0.4
    True
    """

    name = "sgd"
    from_estimator: ClassVar[dict[str, str]] = {
        "momentum": "momentum",
        "nesterov": "nesterovs_momentum",
    }
    _own_constraints: ClassVar[dict[str, list[Any]]] = {
        "momentum": _UP_TO_1,
        "nesterov": ["boolean"],
    }

    def __init__(
        self,
        learning_rate: float | None = None,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        ema_momentum: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, ema_momentum)
        self.momentum = momentum
        self.nesterov = nesterov

    @property
    def engine_name(self) -> str:
        """The engine's name of the variant that the parameters choose."""
        if self.momentum == 0:
            return "sgd"
        return "nesterov" if self.nesterov else "momentum"


class RMSprop(Optimizer):
    """Steps by the gradient over the root of its mean square: 'rmsprop'.

    With gradient g and rate r, ``w -= r * g / sqrt(v + epsilon)`` where
    ``v = rho * v + (1 - rho) * g**2`` [1]_. Centered, the square of the mean gradient
    ``a = rho * a + (1 - rho) * g`` is taken off v, which leaves the variance [2]_. With momentum,
    ``w -= m`` where m is `momentum` times the m before plus this step.

    Parameters
    ----------
    {shared}

    rho : float, default=0.9
        Decay of the means, in [0, 1).

    momentum : float, default=0.0
        Share of the last step that goes into the next, from 0 to 1.

    epsilon : float, default=1e-7
        Added under the root.

    centered : bool, default=False
        Whether the root is of the variance. Where rounding makes that negative, it counts as 0.

    References
    ----------
    .. [1] T. Tieleman and G. Hinton. "Lecture 6.5: rmsprop." Coursera: Neural networks for
       machine learning, 2012.
    .. [2] A. Graves. "Generating sequences with recurrent neural networks." 2013.
       arXiv:1308.0850.

    Examples
    --------
    >>> from nnhp import MLPClassifier, optimizers
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier(16, solver=optimizers.RMSprop(), max_iter=500, random_state=0)
    >>> net.set_params(solver__rho=0.95, learning_rate_init=0.01).solver
    RMSprop(rho=0.95)
    >>> net.fit(X, y).score(X, y) > 0.9
    True
    """

    name = "rmsprop"
    from_estimator: ClassVar[dict[str, str]] = {"epsilon": "epsilon"}
    _own_constraints: ClassVar[dict[str, list[Any]]] = {
        "rho": _BELOW_1,
        "momentum": _UP_TO_1,
        "epsilon": _POSITIVE,
        "centered": ["boolean"],
    }

    def __init__(
        self,
        learning_rate: float | None = None,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        ema_momentum: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, ema_momentum)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    @property
    def engine_name(self) -> str:
        """The engine's name of the variant that the parameters choose."""
        return "rmsprop" + "_centered" * self.centered + "_momentum" * (self.momentum > 0)


class Adagrad(Optimizer):
    """Steps by the gradient over the root of the sum of its squares: 'adagrad'.

    With gradient g and rate r, ``w -= r * g / sqrt(a + epsilon)`` where ``a += g**2`` [1]_.

    Parameters
    ----------
    {shared}

    initial_accumulator_value : float, default=0.1
        What the sum starts from, at least 0.

    epsilon : float, default=1e-7
        Added under the root.

    References
    ----------
    .. [1] J. Duchi, E. Hazan and Y. Singer. "Adaptive subgradient methods for online learning and
       stochastic optimization." JMLR 12, 2011.

    Examples
    --------
    >>> from nnhp import MLPClassifier, optimizers
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier(16, solver=optimizers.Adagrad(0.1), max_iter=500, random_state=0)
    >>> net.fit(X, y).score(X, y) > 0.9
    True
    """

    name = "adagrad"
    from_estimator: ClassVar[dict[str, str]] = {"epsilon": "epsilon"}
    _own_constraints: ClassVar[dict[str, list[Any]]] = {
        "initial_accumulator_value": _NOT_NEGATIVE,
        "epsilon": _POSITIVE,
    }

    def __init__(
        self,
        learning_rate: float | None = None,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        ema_momentum: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, ema_momentum)
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon


class Adadelta(Optimizer):
    """Steps as long as the root of the mean square of the steps before: 'adadelta'.

    With gradient g and rate r, ``w -= r * d`` where
    ``d = sqrt(s + epsilon) / sqrt(v + epsilon) * g``, ``v = rho * v + (1 - rho) * g**2`` and then
    ``s = rho * s + (1 - rho) * d**2`` [1]_. The paper's rate is 1.

    Parameters
    ----------
    {shared}

    rho : float, default=0.95
        Decay of the means, in [0, 1).

    epsilon : float, default=1e-7
        Added under the roots.

    References
    ----------
    .. [1] M. D. Zeiler. "ADADELTA: An adaptive learning rate method." 2012. arXiv:1212.5701.

    Examples
    --------
    >>> from nnhp import MLPClassifier, optimizers
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier(16, solver=optimizers.Adadelta(1.0), max_iter=900, random_state=0)
    >>> net.fit(X, y).score(X, y) > 0.9
    True
    """

    name = "adadelta"
    from_estimator: ClassVar[dict[str, str]] = {"epsilon": "epsilon"}
    _own_constraints: ClassVar[dict[str, list[Any]]] = {"rho": _BELOW_1, "epsilon": _POSITIVE}

    def __init__(
        self,
        learning_rate: float | None = None,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        ema_momentum: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, ema_momentum)
        self.rho = rho
        self.epsilon = epsilon


class Adam(Optimizer):
    """Steps by the mean of the gradient over the root of its mean square: 'adam'.

    In step t, with gradient g and rate r, ``w -= r * sqrt(1 - beta_2**t) / (1 - beta_1**t) * m /
    (sqrt(v) + epsilon)`` where ``m = beta_1 * m + (1 - beta_1) * g`` and
    ``v = beta_2 * v + (1 - beta_2) * g**2`` [1]_. With `amsgrad`, the largest v so far takes the
    place of v [2]_.

    Parameters
    ----------
    {shared}

    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of the means of the gradient and of its square, in [0, 1).

    epsilon : float, default=1e-7
        Added to the root.

    amsgrad : bool, default=False
        Whether the mean square never falls.

    References
    ----------
    .. [1] D. P. Kingma and J. Ba. "Adam: A method for stochastic optimization." ICLR, 2015.
       arXiv:1412.6980.
    .. [2] S. J. Reddi, S. Kale and S. Kumar. "On the convergence of Adam and beyond." ICLR, 2018.
       arXiv:1904.09237.

    Examples
    --------
    >>> from nnhp import MLPClassifier, optimizers
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier(16, solver=optimizers.Adam(0.01, amsgrad=True), random_state=0)
    >>> net.fit(X, y).score(X, y) > 0.9
    True
    """

    name = "adam"
    from_estimator: ClassVar[dict[str, str]] = {
        name: name for name in ("beta_1", "beta_2", "epsilon")
    }
    _own_constraints: ClassVar[dict[str, list[Any]]] = {
        "beta_1": _BELOW_1,
        "beta_2": _BELOW_1,
        "epsilon": _POSITIVE,
        "amsgrad": ["boolean"],
    }

    def __init__(
        self,
        learning_rate: float | None = None,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        ema_momentum: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, ema_momentum)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.amsgrad = amsgrad

    @property
    def engine_name(self) -> str:
        """The engine's name of the variant that the parameters choose."""
        return "amsgrad" if self.amsgrad else "adam"


class AdamW(Adam):
    """Adam with weight decay, 0.004 unless something else is given: 'adamw'.

    Before each of Adam's steps, ``w -= weight_decay * r * w`` with the rate r [1]_; biases decay
    too, as in Keras. The penalty `alpha` stays beside it: 0 leaves the decay alone.

    Parameters
    ----------
    learning_rate : float or None, default=None
        The rate to start from, in place of the estimator's `learning_rate_init`.

    weight_decay : float or None, default=None
        Instead of the estimator's; where that is None too, 0.004.

    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of the means of the gradient and of its square, in [0, 1).

    epsilon : float, default=1e-7
        Added to the root.

    amsgrad : bool, default=False
        Whether the mean square never falls.

    clipnorm, clipvalue, ema_momentum : float or None, default=None
        Instead of the estimator's parameters of the same names.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter. "Decoupled weight decay regularization." ICLR, 2019.
       arXiv:1711.05101.

    Examples
    --------
    >>> from nnhp import MLPClassifier, optimizers
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> decaying = optimizers.AdamW(learning_rate=0.01, weight_decay=0.1)
    >>> net = MLPClassifier(16, solver=decaying, alpha=0, random_state=0)
    >>> net.fit(X, y).score(X, y) > 0.9
    True
    """

    name = "adamw"
    default_weight_decay = 0.004

    def __init__(
        self,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        ema_momentum: float | None = None,
    ) -> None:
        super().__init__(
            learning_rate,
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
            weight_decay,
            clipnorm,
            clipvalue,
            ema_momentum,
        )


class Nadam(Optimizer):
    """Adam with Nesterov's momentum: 'nadam'.

    In step t, with gradient g and rate r, ``w -= r * h / (sqrt(v / (1 - beta_2**t)) + epsilon)``
    with Adam's m and v, and ``h = u(t + 1) * m / (1 - p(t + 1)) + (1 - u(t)) * g / (1 - p(t))``
    where ``u(t) = beta_1 * (1 - 0.96**t / 2)`` and p(t) is the product of u(1) to u(t) [1]_.

    Parameters
    ----------
    {shared}

    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of the means of the gradient and of its square, in [0, 1).

    epsilon : float, default=1e-7
        Added to the root.

    References
    ----------
    .. [1] T. Dozat. "Incorporating Nesterov momentum into Adam." ICLR workshop, 2016.

    Examples
    --------
    >>> from nnhp import MLPClassifier, optimizers
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier(16, solver=optimizers.Nadam(0.01), random_state=0)
    >>> net.fit(X, y).score(X, y) > 0.9
    True
    """

    name = "nadam"
    from_estimator: ClassVar[dict[str, str]] = Adam.from_estimator
    _own_constraints: ClassVar[dict[str, list[Any]]] = {
        "beta_1": _BELOW_1,
        "beta_2": _BELOW_1,
        "epsilon": _POSITIVE,
    }

    def __init__(
        self,
        learning_rate: float | None = None,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        ema_momentum: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, ema_momentum)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon


class Lion(Optimizer):
    """Steps of one length, by the sign of a mean of the gradient: 'lion'.

    With gradient g and rate r, ``w -= r * sign(beta_1 * m + (1 - beta_1) * g)``, and then
    ``m = beta_2 * m + (1 - beta_2) * g`` [1]_. The authors advise rates 3 to 10 times smaller than
    Adam's, and a weight decay as many times larger.

    Parameters
    ----------
    {shared}

    beta_1, beta_2 : float, default=0.9, 0.99
        Shares of the mean in a step and in the next mean, in [0, 1).

    Notes
    -----
    ``solver='lion'`` has the estimator's `beta_2`, whose default is 0.999.

    References
    ----------
    .. [1] X. Chen et al. "Symbolic discovery of optimization algorithms." NeurIPS, 2023.
       arXiv:2302.06675.

    Examples
    --------
    >>> from nnhp import MLPClassifier, optimizers
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier(16, solver=optimizers.Lion(0.001), max_iter=500, random_state=0)
    >>> net.fit(X, y).score(X, y) > 0.9
    True
    """

    name = "lion"
    from_estimator: ClassVar[dict[str, str]] = {"beta_1": "beta_1", "beta_2": "beta_2"}
    _own_constraints: ClassVar[dict[str, list[Any]]] = {"beta_1": _BELOW_1, "beta_2": _BELOW_1}

    def __init__(
        self,
        learning_rate: float | None = None,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        ema_momentum: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, ema_momentum)
        self.beta_1 = beta_1
        self.beta_2 = beta_2


BY_NAME: dict[str, type[Optimizer]] = {
    of_class.name: of_class
    for of_class in (SGD, RMSprop, Adagrad, Adadelta, Adam, AdamW, Nadam, Lion)
}
