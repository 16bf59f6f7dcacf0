"""HiddenLayers: a distribution over the sizes of hidden layers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement
from numbers import Integral
from typing import Any, overload

import numpy as np
from sklearn.utils import check_random_state

_SHAPES = ("free", "rectangle", "taper")

_Layers = tuple[int, ...]


class HiddenLayers(Sequence[tuple[int, ...]]):
    """A distribution of `hidden_layer_sizes`, for random searches.

    The number of layers is drawn evenly from `depth`, then the widths from `width`. Works in
    place of a SciPy distribution wherever scikit-learn or nnhp takes one.

    Parameters
    ----------
    depth : int or pair of int, default=(1, 4)
        Least and greatest number of hidden layers, both included; an int is both. 0 layers is
        a linear model, ``()``.

    width : int or pair of int, default=(8, 512)
        Least and greatest number of units of a layer, both included; an int is both.

    shape : {'free', 'rectangle', 'taper'}, default='free'
        How the widths of one net hang together.

        - 'free': each is drawn by itself.
        - 'rectangle': one is drawn, and all layers have it.
        - 'taper': each is drawn by itself, then they are sorted, the widest first.

    log : bool, default=True
        Whether widths are spread evenly over their logarithm; otherwise over themselves.

    grid : int or None, default=None
        If given, a grid search that meets this object tries the `grid` entries of
        ``self.grid(grid)``. Without it, a grid search raises ValueError. Draws do not depend
        on it.

    Raises
    ------
    ValueError
        If an argument is none of those; the message names it.

    See Also
    --------
    nnhp.spaces.default : A space of all that is worth searching.

    Examples
    --------
    >>> from nnhp import HiddenLayers
    >>> layers = HiddenLayers(depth=(1, 3), width=(16, 256), shape="taper")
    >>> layers.rvs(random_state=0, size=3)
    [(115, 84), (95, 51), (232, 189)]
    >>> layers.grid(4)
    [(64,), (16, 16), (256, 256), (64, 64, 64)]

    In a random search, scikit-learn's or nnhp's:

    >>> from sklearn.model_selection import ParameterSampler
    >>> space = {"hidden_layer_sizes": HiddenLayers(depth=2, shape="rectangle")}
    >>> list(ParameterSampler(space, n_iter=2, random_state=0))
    [{'hidden_layer_sizes': (154, 154)}, {'hidden_layer_sizes': (75, 75)}]
    """

    def __init__(
        self,
        depth: int | tuple[int, int] = (1, 4),
        width: int | tuple[int, int] = (8, 512),
        shape: str = "free",
        log: bool = True,
        grid: int | None = None,
    ) -> None:
        self._depth = _checked_range("depth", depth, least=0)
        self._width = _checked_range("width", width, least=1)
        if shape not in _SHAPES:
            raise ValueError(f"shape must be one of {_SHAPES}, got {shape!r}.")
        if not isinstance(log, bool | np.bool_):
            raise ValueError(f"log must be True or False, got {log!r}.")
        self._shape = shape
        self._log = bool(log)
        self._grid = None if grid is None else tuple(self._grid_entries("grid", grid))

    @property
    def depth(self) -> tuple[int, int]:
        """Least and greatest number of layers."""
        return self._depth

    @property
    def width(self) -> tuple[int, int]:
        """Least and greatest number of units of a layer."""
        return self._width

    @property
    def shape(self) -> str:
        """How the widths of one net hang together."""
        return self._shape

    @property
    def log(self) -> bool:
        """Whether widths are spread evenly over their logarithm."""
        return self._log

    def rvs(self, random_state: Any = None, size: int | None = None) -> _Layers | list[_Layers]:
        """Draw sizes of hidden layers.

        Parameters
        ----------
        random_state : int, RandomState instance, Generator or None, default=None
            Source of the draws; None is NumPy's global one.
        size : int or None, default=None
            How many to draw; None is one, not in a list.

        Returns
        -------
        layers : tuple of int or list of tuple of int
            Units of each hidden layer, from the input on.

        Raises
        ------
        ValueError
            If `random_state` or `size` is none of those.

        Examples
        --------
        >>> from nnhp import HiddenLayers
        >>> layers = HiddenLayers(depth=(1, 3), width=(8, 64)).rvs(random_state=0, size=2)
        >>> all(1 <= len(units) <= 3 and 8 <= min(units) <= max(units) <= 64 for units in layers)
        True
        """
        rng = _checked_rng(random_state)
        if size is None:
            return self._draw(rng)
        return [self._draw(rng) for _ in range(_checked_int("size", size, least=0))]

    def grid(self, n: int) -> list[tuple[int, ...]]:
        """List `n` different sizes of hidden layers that are spread over the distribution.

        Every number of layers gets an equal share, as far as it has so many; its widths reach
        from the least to the greatest.

        Parameters
        ----------
        n : int
            How many.

        Returns
        -------
        grid : list of tuple of int
            Fewer layers first; the same at each call.

        Raises
        ------
        ValueError
            If `n` is not a positive integer or there are not so many.

        Examples
        --------
        >>> from nnhp import HiddenLayers
        >>> HiddenLayers(depth=(1, 2), shape="rectangle").grid(6)
        [(8,), (64,), (512,), (8, 8), (64, 64), (512, 512)]
        """
        return self._grid_entries("n", n)

    @property
    def _n_sizes(self) -> int:
        """How many different sizes there are."""
        n_widths = self._width[1] - self._width[0] + 1
        low, high = self._depth
        return sum(self._n_shapes(depth, n_widths) for depth in range(low, high + 1))

    def _draw(self, rng: Any) -> _Layers:
        low, high = self._depth
        depth = low + int(rng.random() * (high - low + 1))
        if self._shape == "rectangle":
            return self._widths([rng.random()]) * depth
        widths = self._widths(rng.random(depth))
        return tuple(sorted(widths, reverse=True)) if self._shape == "taper" else widths

    def _widths(self, uniform: Any) -> _Layers:
        """Widths at these quantiles, each width holding the reals that round to it."""
        low, high = self._width
        low_edge, high_edge = low - 0.5, high + 0.5
        if self._log:
            widths = [low_edge * (high_edge / low_edge) ** float(u) for u in uniform]
        else:
            widths = [low_edge + (high_edge - low_edge) * float(u) for u in uniform]
        return tuple(min(max(math.floor(width + 0.5), low), high) for width in widths)

    def _grid_entries(self, argument: str, value: Any) -> list[_Layers]:
        n = _checked_int(argument, value, least=1)
        n_widths = self._width[1] - self._width[0] + 1
        depths = range(self._depth[0], self._depth[1] + 1)
        capacities = [self._n_shapes(depth, n_widths) for depth in depths]
        if n > sum(capacities):
            raise ValueError(
                f"{argument} must not exceed {sum(capacities)}, the number of different "
                f"sizes of depth={self._depth}, width={self._width}, shape={self._shape!r}; "
                f"got {n}."
            )
        shares = _shares(n, capacities)
        return [
            layers
            for depth, share in zip(depths, shares, strict=True)
            for layers in self._spread(depth, share)
        ]

    def _n_shapes(self, depth: int, n_widths: int) -> int:
        """How many different nets have this depth, if widths take `n_widths` values."""
        if depth == 0:
            return 1
        if self._shape == "rectangle":
            return n_widths
        if self._shape == "taper":
            return math.comb(n_widths + depth - 1, depth)
        return int(n_widths**depth)

    def _spread(self, depth: int, n: int) -> Iterator[_Layers]:
        """Yield `n` different nets of this depth, over as few widths as allow for so many."""
        n_levels = 1
        while self._n_shapes(depth, n_levels) < n:
            n_levels += 1
        levels = self._levels(n_levels)
        n_shapes = self._n_shapes(depth, n_levels)
        picks = [i * (n_shapes - 1) // max(n - 1, 1) for i in range(n)]
        if self._shape == "rectangle":
            yield from ((levels[pick],) * depth for pick in picks)
        elif self._shape == "taper":
            shapes = [layers[::-1] for layers in combinations_with_replacement(levels, depth)]
            yield from (shapes[pick] for pick in picks)
        else:
            for pick in picks:
                digits = [pick // n_levels**place % n_levels for place in reversed(range(depth))]
                yield tuple(levels[digit] for digit in digits)

    def _levels(self, n: int) -> list[int]:
        """`n` different widths from the least to the greatest; one alone is in the middle."""
        low, high = self._width
        if n == 1:
            return [round(math.sqrt(low * high) if self._log else (low + high) / 2)]
        space = np.geomspace if self._log else np.linspace
        levels = [round(float(width)) for width in space(low, high, n)]
        for i in range(1, n):
            levels[i] = max(levels[i], levels[i - 1] + 1)
        return levels

    def _entries(self) -> tuple[_Layers, ...]:
        if self._grid is None:
            raise ValueError(
                f"{self!r} is a distribution, for random searches; a grid needs a list. Give "
                "the grid its method .grid(N), which lists N of its sizes, or the argument "
                "grid=N."
            )
        return self._grid

    def __len__(self) -> int:
        return len(self._entries())

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        return iter(self._entries())

    @overload
    def __getitem__(self, index: int) -> tuple[int, ...]: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[tuple[int, ...], ...]: ...
    def __getitem__(self, index: Any) -> Any:
        return self._entries()[index]

    def __bool__(self) -> bool:
        return True

    def _arguments(self) -> dict[str, Any]:
        arguments = {
            "depth": self._depth,
            "width": self._width,
            "shape": self._shape,
            "log": self._log,
        }
        return arguments if self._grid is None else {**arguments, "grid": len(self._grid)}

    def __repr__(self) -> str:
        written = ", ".join(f"{name}={value!r}" for name, value in self._arguments().items())
        return f"HiddenLayers({written})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, HiddenLayers):
            return NotImplemented
        return self._arguments() == other._arguments()

    def __hash__(self) -> int:
        return hash(tuple(self._arguments().items()))


def _checked_int(argument: str, value: Any, *, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ValueError(f"{argument} must be an integer of at least {least}, got {value!r}.")
    return int(value)


def _checked_range(argument: str, value: Any, *, least: int) -> tuple[int, int]:
    is_pair = isinstance(value, list | tuple) and len(value) == 2
    low, high = value if is_pair else (value, value)
    for end in (low, high):
        if isinstance(end, bool) or not isinstance(end, Integral) or not least <= low <= high:
            raise ValueError(
                f"{argument} must be an integer of at least {least} or a pair of them, the "
                f"lesser first, got {value!r}."
            )
    return int(low), int(high)


def _checked_rng(random_state: Any) -> Any:
    if isinstance(random_state, np.random.Generator):
        return random_state
    try:
        return check_random_state(random_state)
    except ValueError:
        raise ValueError(
            "random_state must be an integer from 0 to 2**32 - 1, a RandomState, a Generator "
            f"or None, got {random_state!r}."
        ) from None


def _shares(n: int, capacities: list[int]) -> list[int]:
    """Deal `n` things out as evenly as the capacities allow."""
    shares = [0] * len(capacities)
    while n > 0:
        open_ = [i for i, capacity in enumerate(capacities) if shares[i] < capacity]
        if n < len(open_):
            open_ = [open_[(2 * i + 1) * len(open_) // (2 * n)] for i in range(n)]
        for i in open_:
            shares[i] += 1
        n -= len(open_)
    return shares
