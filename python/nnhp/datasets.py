"""Made-up data sets to try networks on: those of the TensorFlow Playground, and two more.

The Playground's rules are those of its source (github.com/tensorflow/playground). Each set comes
shuffled. The samples of a seed do not depend on `noise` where noise is said to change labels only.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import (
    Interval,
    StrOptions,
    validate_parameter_constraints,
)

__all__ = [
    "make_checkerboard",
    "make_circle",
    "make_gauss",
    "make_multi_gauss",
    "make_plane",
    "make_spiral",
    "make_teacher",
    "make_xor",
]

_Floats: TypeAlias = NDArray[np.float64]
_Classes: TypeAlias = NDArray[np.int64]

_ACTIVATIONS: dict[str, Callable[[_Floats], _Floats]] = {
    "logistic": expit,
    "relu": lambda z: np.maximum(z, 0.0),
    "tanh": np.tanh,
}


class _Numbers(Interval):
    """An interval without the truth values, which Python counts among the integers."""

    def is_satisfied_by(self, value: Any) -> bool:
        return not isinstance(value, bool) and bool(super().is_satisfied_by(value))


_CONSTRAINTS: dict[str, list[Any]] = {
    "n_samples": [_Numbers(Integral, 1, None, closed="left")],
    "noise": [_Numbers(Real, 0, 50, closed="both")],
    "random_state": ["random_state"],
    "n_squares": [_Numbers(Integral, 1, None, closed="left")],
    "n_features": [_Numbers(Integral, 1, None, closed="left")],
    "hidden_layer_sizes": ["array-like", _Numbers(Integral, 1, None, closed="left")],
    "activation": [StrOptions(set(_ACTIVATIONS))],
    "n_classes": [_Numbers(Integral, 2, None, closed="left"), None],
}
_HALF_SIDE = 5.0  # of the square that classes lie in
_PLANE_HALF_SIDE = 6.0  # of the square that targets are drawn over
_CIRCLE_RADIUS = 2.5
_XOR_GAP = 0.3  # between a sample and each axis
_BUMPS = np.array(
    [
        # x1, x2, sign
        [-4.0, 2.5, 1.0],
        [0.0, 2.5, -1.0],
        [4.0, 2.5, 1.0],
        [-4.0, -2.5, -1.0],
        [0.0, -2.5, 1.0],
        [4.0, -2.5, -1.0],
    ]
)
_BUMP_RADIUS = 2.0


def __dir__() -> list[str]:
    return list(__all__)


def make_circle(
    n_samples: int = 500, *, noise: float = 0.0, random_state: Any = None
) -> tuple[_Floats, _Classes]:
    """Make a disk within a ring.

    Half of the samples have a radius of 0 to 2.5, the others one of 3.5 to 5, evenly at any
    angle. Class 1 is what lies within 2.5 of the origin.

    Parameters
    ----------
    n_samples : int, default=500
        How many.

    noise : float, default=0.0
        Percent, 0 to 50. Labels are those of points moved by up to 5 times as much along each
        axis, evenly: 10 moves them by up to 0.5. The samples themselves stay.

    random_state : int, RandomState instance or None, default=None
        Source of the draws; None is NumPy's global one.

    Returns
    -------
    X : ndarray of shape (n_samples, 2)
        Samples.

    y : ndarray of shape (n_samples,)
        Classes, 0 and 1.

    Raises
    ------
    ValueError
        If an argument is none of those; the message names it.

    Examples
    --------
    >>> import numpy as np
    >>> from nnhp.datasets import make_circle
    >>> X, y = make_circle(random_state=0)
    >>> np.bincount(y)
    array([250, 250])
    >>> bool((np.linalg.norm(X[y == 0], axis=1) >= 3.5).all())
    True
    """
    rng = _checked("make_circle", random_state, n_samples=n_samples, noise=noise)
    inside = rng.permutation(n_samples) % 2 == 0
    radius = np.where(
        inside,
        rng.uniform(0.0, _CIRCLE_RADIUS, n_samples),
        rng.uniform(3.5, _HALF_SIDE, n_samples),
    )
    X = _at(radius, rng.uniform(0.0, 2 * np.pi, n_samples))
    moved = _moved(X, _HALF_SIDE, noise, rng)
    return X, _classes(np.linalg.norm(moved, axis=1) < _CIRCLE_RADIUS)


def make_xor(
    n_samples: int = 500, *, noise: float = 0.0, random_state: Any = None
) -> tuple[_Floats, _Classes]:
    """Make the exclusive or: four squares, those across from each other of one class.

    Samples are drawn evenly from the square of -5 to 5 and pushed away from both axes by 0.3.
    Class 1 is where both features have the same sign.

    Parameters
    ----------
    n_samples : int, default=500
        How many.

    noise : float, default=0.0
        Percent, 0 to 50. Labels are those of points moved by up to 5 times as much along each
        axis, evenly: 10 moves them by up to 0.5. The samples themselves stay.

    random_state : int, RandomState instance or None, default=None
        Source of the draws; None is NumPy's global one.

    Returns
    -------
    X : ndarray of shape (n_samples, 2)
        Samples.

    y : ndarray of shape (n_samples,)
        Classes, 0 and 1.

    Raises
    ------
    ValueError
        If an argument is none of those; the message names it.

    Examples
    --------
    >>> from nnhp.datasets import make_xor
    >>> X, y = make_xor(random_state=0)
    >>> bool((y == (X[:, 0] * X[:, 1] > 0)).all())
    True
    """
    rng = _checked("make_xor", random_state, n_samples=n_samples, noise=noise)
    X = rng.uniform(-_HALF_SIDE, _HALF_SIDE, (n_samples, 2))
    X += np.where(X > 0, _XOR_GAP, -_XOR_GAP)
    moved = _moved(X, _HALF_SIDE, noise, rng)
    return X, _classes(moved[:, 0] * moved[:, 1] >= 0)


def make_gauss(
    n_samples: int = 500, *, noise: float = 0.0, random_state: Any = None
) -> tuple[_Floats, _Classes]:
    """Make two round clouds.

    Half of the samples are normal about (2, 2) and of class 1, the others about (-2, -2).

    Parameters
    ----------
    n_samples : int, default=500
        How many.

    noise : float, default=0.0
        Percent, 0 to 50. The variance of both clouds along each axis grows with it, evenly from
        0.5 to 4.

    random_state : int, RandomState instance or None, default=None
        Source of the draws; None is NumPy's global one.

    Returns
    -------
    X : ndarray of shape (n_samples, 2)
        Samples.

    y : ndarray of shape (n_samples,)
        Classes, 0 and 1.

    Raises
    ------
    ValueError
        If an argument is none of those; the message names it.

    Examples
    --------
    >>> from nnhp.datasets import make_gauss
    >>> X, y = make_gauss(10_000, noise=50, random_state=0)
    >>> X[y == 1].mean(axis=0).round().astype(int), X[y == 1].var(axis=0).round().astype(int)
    (array([2, 2]), array([4, 4]))
    """
    rng = _checked("make_gauss", random_state, n_samples=n_samples, noise=noise)
    first = rng.permutation(n_samples) % 2 == 0
    variance = 0.5 + 3.5 * noise / 50
    X = np.where(first, 2.0, -2.0)[:, np.newaxis]
    X = X + np.sqrt(variance) * rng.standard_normal((n_samples, 2))
    return X, _classes(first)


def make_spiral(
    n_samples: int = 500, *, noise: float = 0.0, random_state: Any = None
) -> tuple[_Floats, _Classes]:
    """Make two arms that wind about each other.

    Along each arm the radius grows evenly from 0 to 5 and the angle to 1.75 turns. It is
    measured from the second axis; the arm of class 0 is half a turn ahead. Both arms begin in the
    origin, as in the Playground: without noise that point is there twice, once in each class.

    Parameters
    ----------
    n_samples : int, default=500
        How many.

    noise : float, default=0.0
        Percent, 0 to 50. Samples are moved by up to so much of 1 along each axis, evenly: 10
        moves them by up to 0.1. Labels stay.

    random_state : int, RandomState instance or None, default=None
        Source of the draws; None is NumPy's global one.

    Returns
    -------
    X : ndarray of shape (n_samples, 2)
        Samples.

    y : ndarray of shape (n_samples,)
        Classes, 0 and 1.

    Raises
    ------
    ValueError
        If an argument is none of those; the message names it.

    Examples
    --------
    The arms mirror each other in the origin:

    >>> from nnhp.datasets import make_spiral
    >>> X, y = make_spiral(6, random_state=0)
    >>> for label in (0, 1):
    ...     arm = X[y == label]
    ...     print((arm[(arm**2).sum(axis=1).argsort()] + 0.0).round(2).tolist())
    [[0.0, 0.0], [0.83, 1.44], [-2.89, -1.67]]
    [[0.0, 0.0], [-0.83, -1.44], [2.89, 1.67]]
    """
    rng = _checked("make_spiral", random_state, n_samples=n_samples, noise=noise)
    order = rng.permutation(n_samples)
    first = order % 2 == 0
    way = (order // 2) / (n_samples / 2)
    X = _at(_HALF_SIDE * way, 2 * np.pi * 1.75 * way + np.where(first, 0.0, np.pi))
    return _moved(X, 1.0, noise, rng), _classes(first)


def make_plane(
    n_samples: int = 1200, *, noise: float = 0.0, random_state: Any = None
) -> tuple[_Floats, _Floats]:
    """Make targets that lie on a plane.

    Samples are drawn evenly from the square of -6 to 6. A target is a tenth of the sum of both
    features.

    Parameters
    ----------
    n_samples : int, default=1200
        How many.

    noise : float, default=0.0
        Percent, 0 to 50. Targets are those of points moved by up to 6 times as much along each
        axis, evenly: 10 moves them by up to 0.6. The samples themselves stay.

    random_state : int, RandomState instance or None, default=None
        Source of the draws; None is NumPy's global one.

    Returns
    -------
    X : ndarray of shape (n_samples, 2)
        Samples.

    y : ndarray of shape (n_samples,)
        Targets, -1.2 to 1.2 without noise.

    Raises
    ------
    ValueError
        If an argument is none of those; the message names it.

    Examples
    --------
    >>> import numpy as np
    >>> from nnhp.datasets import make_plane
    >>> X, y = make_plane(random_state=0)
    >>> bool(np.allclose(y, X.sum(axis=1) / 10))
    True
    """
    rng = _checked("make_plane", random_state, n_samples=n_samples, noise=noise)
    X = rng.uniform(-_PLANE_HALF_SIDE, _PLANE_HALF_SIDE, (n_samples, 2))
    return X, _moved(X, _PLANE_HALF_SIDE, noise, rng).sum(axis=1) / 10


def make_multi_gauss(
    n_samples: int = 1200, *, noise: float = 0.0, random_state: Any = None
) -> tuple[_Floats, _Floats]:
    """Make targets that are six bumps, up and down by turns.

    Samples are drawn evenly from the square of -6 to 6. The bumps stand at -4, 0 and 4 along the
    first axis and at 2.5 and -2.5 along the second; up are the first and third at 2.5 and the
    second at -2.5. A bump is 1 or -1 at its top and falls evenly to 0 at a distance of 2. A target
    is what the strongest bump there is.

    Parameters
    ----------
    n_samples : int, default=1200
        How many.

    noise : float, default=0.0
        Percent, 0 to 50. Targets are those of points moved by up to 6 times as much along each
        axis, evenly: 10 moves them by up to 0.6. The samples themselves stay.

    random_state : int, RandomState instance or None, default=None
        Source of the draws; None is NumPy's global one.

    Returns
    -------
    X : ndarray of shape (n_samples, 2)
        Samples.

    y : ndarray of shape (n_samples,)
        Targets, -1 to 1.

    Raises
    ------
    ValueError
        If an argument is none of those; the message names it.

    Examples
    --------
    >>> from nnhp.datasets import make_multi_gauss
    >>> X, y = make_multi_gauss(random_state=0)
    >>> X[y > 0.9].round().astype(int).tolist()
    [[4, 2], [-4, 2]]
    """
    rng = _checked("make_multi_gauss", random_state, n_samples=n_samples, noise=noise)
    X = rng.uniform(-_PLANE_HALF_SIDE, _PLANE_HALF_SIDE, (n_samples, 2))
    moved = _moved(X, _PLANE_HALF_SIDE, noise, rng)
    distances = np.linalg.norm(moved[:, np.newaxis] - _BUMPS[:, :2], axis=2)
    heights = np.maximum(0.0, 1 - distances / _BUMP_RADIUS)
    strongest = heights.argmax(axis=1)
    return X, _BUMPS[strongest, 2] * heights[np.arange(n_samples), strongest]


def make_checkerboard(
    n_samples: int = 500, *, n_squares: int = 4, noise: float = 0.0, random_state: Any = None
) -> tuple[_Floats, _Classes]:
    """Make a checkerboard.

    Samples are drawn evenly from the square of -5 to 5. The square of the lowest features is of
    class 1, its neighbours are of class 0, and so on by turns. Two squares per side are the
    exclusive or without its gap; more are harder.

    Parameters
    ----------
    n_samples : int, default=500
        How many.

    n_squares : int, default=4
        Squares per side.

    noise : float, default=0.0
        Percent, 0 to 50. Labels are those of points moved by up to 5 times as much along each
        axis, evenly: 10 moves them by up to 0.5. The samples themselves stay.

    random_state : int, RandomState instance or None, default=None
        Source of the draws; None is NumPy's global one.

    Returns
    -------
    X : ndarray of shape (n_samples, 2)
        Samples.

    y : ndarray of shape (n_samples,)
        Classes, 0 and 1.

    Raises
    ------
    ValueError
        If an argument is none of those; the message names it.

    Examples
    --------
    >>> from nnhp.datasets import make_checkerboard
    >>> X, y = make_checkerboard(n_squares=2, random_state=0)
    >>> bool((y == (X[:, 0] * X[:, 1] > 0)).all())
    True
    """
    rng = _checked(
        "make_checkerboard", random_state, n_samples=n_samples, n_squares=n_squares, noise=noise
    )
    X = rng.uniform(-_HALF_SIDE, _HALF_SIDE, (n_samples, 2))
    moved = _moved(X, _HALF_SIDE, noise, rng)
    squares = np.floor((moved + _HALF_SIDE) * n_squares / (2 * _HALF_SIDE))
    return X, _classes(squares.sum(axis=1) % 2 == 0)


def make_teacher(
    n_samples: int = 500,
    *,
    n_features: int = 2,
    hidden_layer_sizes: Any = (16,),
    activation: str = "tanh",
    n_classes: int | None = 2,
    noise: float = 0.0,
    random_state: Any = None,
) -> tuple[_Floats, NDArray[Any]]:
    """Make what a random network says of random samples, for another network to learn.

    Features are standard normal. So are the network's biases; its weights are normal with a
    variance of 2 over their layer's inputs. Its outputs are shifted and scaled to mean 0 and
    standard deviation 1 over the samples, which only another last layer would do as well. A
    network with these hidden layers can therefore learn all of it but the noise. So the classes
    are of similar size as a rule, but nothing makes sure of it: where there are few samples, or
    hidden units that are all 0 for most of them (few units of 'relu'), a class may be rare or
    absent.

    Parameters
    ----------
    n_samples : int, default=500
        How many. For test data of the same network, make enough and split them.

    n_features : int, default=2
        Features of a sample.

    hidden_layer_sizes : int or sequence of int, default=(16,)
        Units of each hidden layer; ``()`` is a linear network.

    activation : {'logistic', 'relu', 'tanh'}, default='tanh'
        That of the hidden layers.

    n_classes : int or None, default=2
        The network has an output for each class, and the greatest tells the class. None makes
        targets: the only output.

    noise : float, default=0.0
        Percent, 0 to 50: standard deviation of what is added to the outputs before they become
        classes or targets. 10 adds normal noise of 0.1.

    random_state : int, RandomState instance or None, default=None
        Source of the draws; None is NumPy's global one.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        Samples.

    y : ndarray of shape (n_samples,)
        Classes, integers from 0 to n_classes - 1, of which some may be absent; or targets.

    Raises
    ------
    ValueError
        If an argument is none of those; the message names it.

    Examples
    --------
    >>> from nnhp.datasets import make_teacher
    >>> X, y = make_teacher(300, n_features=8, n_classes=3, random_state=0)
    >>> X.shape, sorted(set(y.tolist()))
    ((300, 8), [0, 1, 2])
    """
    rng = _checked(
        "make_teacher",
        random_state,
        n_samples=n_samples,
        n_features=n_features,
        hidden_layer_sizes=hidden_layer_sizes,
        activation=activation,
        n_classes=n_classes,
        noise=noise,
    )
    hidden = _hidden_units(hidden_layer_sizes)
    X = rng.standard_normal((n_samples, n_features))
    units = [n_features, *hidden, n_classes or 1]
    outputs = X
    for layer, (n_inputs, n_outputs) in enumerate(pairwise(units)):
        weights = np.sqrt(2 / n_inputs) * rng.standard_normal((n_inputs, n_outputs))
        outputs = outputs @ weights + rng.standard_normal(n_outputs)
        if layer < len(hidden):
            outputs = _ACTIVATIONS[activation](outputs)
    spread = outputs.std(axis=0)
    outputs = (outputs - outputs.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    outputs += noise / 100 * rng.standard_normal(outputs.shape)
    return X, outputs[:, 0] if n_classes is None else outputs.argmax(axis=1)


def _checked(caller: str, random_state: Any, **arguments: Any) -> np.random.RandomState:
    """Raise InvalidParameterError, a ValueError, where an argument is out of bounds."""
    arguments["random_state"] = random_state
    validate_parameter_constraints(
        {name: _CONSTRAINTS[name] for name in arguments}, arguments, caller_name=caller
    )
    rng: np.random.RandomState = check_random_state(random_state)
    return rng


def _hidden_units(sizes: Any) -> list[int]:
    units = list(sizes) if np.iterable(sizes) else [sizes]
    whole = (isinstance(unit, Integral) and not isinstance(unit, bool) for unit in units)
    if not all(whole) or any(unit < 1 for unit in units):
        raise ValueError(f"hidden_layer_sizes must be positive integers, got {sizes!r}.")
    return [int(unit) for unit in units]


def _at(radius: _Floats, angle: _Floats) -> _Floats:
    """Points at these radii, and at these angles from the second axis."""
    return np.column_stack([radius * np.sin(angle), radius * np.cos(angle)])


def _moved(X: _Floats, reach: float, noise: float, rng: np.random.RandomState) -> _Floats:
    return X + noise / 100 * rng.uniform(-reach, reach, X.shape)


def _classes(ones: NDArray[np.bool_]) -> _Classes:
    return ones.astype(np.int64)
