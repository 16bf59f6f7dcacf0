"""What the displays share: matplotlib itself, panels, colours, limits."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nnhp._checks import check_mapping
from nnhp.plots._settings import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

# Of Okabe and Ito's colours, which are told apart with any colour vision. Blue leads.
BLUE: Final = "#0072B2"
RED: Final = "#D55E00"
GREY: Final = "#8C8C8C"
DISTINCT: Final = (BLUE, "#E69F00", "#009E73", "#CC79A7", "#56B4E9", RED, "#000000")

_FENCE = 3.0  # in `score_limits`
_MARGIN = 0.05
_LABEL_WIDTH = 36
_LOG_RATIO = 100  # the smallest ratio of greatest to least for which a log axis is considered
_MANY_POINTS = 2000  # beyond, points of a vector image are drawn as pixels


def need_matplotlib(caller: str) -> None:
    """Raise ImportError, telling what to install, if matplotlib is absent."""
    try:
        import matplotlib as mpl  # noqa: F401
    except ImportError as error:
        raise ImportError(f"{caller} needs matplotlib: pip install 'nnhp[plots]'") from error


def panels(
    ax: Any, n_rows: int, n_cols: int, size: tuple[float, float]
) -> tuple[Figure, NDArray[Any]]:
    """Return a figure and its axes, of shape (n_rows, n_cols).

    Parameters
    ----------
    ax : Axes, array-like of Axes or None
        Where to draw: new axes for None, the room of one Axes divided, or one Axes per panel.

    n_rows, n_cols : int
        Number of panels.

    size : tuple of float
        Width and height of one panel of a new figure, in inches.
    """
    if ax is None:
        import matplotlib.pyplot as plt

        return plt.subplots(
            n_rows,
            n_cols,
            figsize=(size[0] * n_cols, size[1] * n_rows),
            squeeze=False,
            layout="constrained",
        )
    given = np.asarray(ax, dtype=object)
    for one in given.flat:
        if not hasattr(one, "get_subplotspec"):
            raise TypeError(f"ax must be axes of matplotlib, an array of them or None, got {ax!r}.")
    if given.ndim == 0 and n_rows * n_cols > 1:
        return ax.figure, _divided(ax, n_rows, n_cols)
    if given.size != n_rows * n_cols:
        raise ValueError(
            f"This picture has {n_rows * n_cols} panels, but ax holds {given.size} axes."
        )
    return given.flat[0].figure, given if given.ndim == 2 else given.reshape(n_rows, n_cols)


def wrapped_panels(
    ax: Any, n_panels: int, n_cols: int, size: tuple[float, float]
) -> tuple[Figure, NDArray[Any], NDArray[Any]]:
    """Return a figure, its axes, at most `n_cols` in a row, and those of them that begin a row.

    The other arguments are those of :func:`panels`.
    """
    n_cols = min(n_cols, n_panels)
    if ax is not None and np.size(ax) == n_panels:
        figure, axes = panels(ax, 1, n_panels, size)
    else:
        figure, axes = panels(ax, -(-n_panels // n_cols), n_cols, size)
    for spare in axes.ravel()[n_panels:]:
        spare.remove()
    return figure, axes.ravel()[:n_panels], axes[:, 0]


def _divided(ax: Axes, n_rows: int, n_cols: int) -> NDArray[Any]:
    ax.set_axis_off()
    place = ax.get_subplotspec()
    if place is None:
        raise ValueError(
            f"This picture has {n_rows * n_cols} panels: give an array of as many axes, or axes "
            "made by subplots, whose room can be divided."
        )
    grid = place.subgridspec(n_rows, n_cols)
    return np.array(
        [[ax.figure.add_subplot(grid[i, j]) for j in range(n_cols)] for i in range(n_rows)]
    )


def plain(text: str) -> str:
    """Return text that matplotlib can draw and does not take for a formula."""
    return printable(text).replace("$", r"\$")


def score_label(name: str) -> str:
    """Return what scores are, for a vertical axis: on several lines if it is long."""
    return textwrap.fill(plain(name), _LABEL_WIDTH)


def merged(defaults: Mapping[str, Any], given: Mapping[str, Any] | None, kind: Any) -> Any:
    """Return keywords of an artist of some kind: defaults, and over them those given."""
    from matplotlib.cbook import normalize_kwargs

    if given is not None:
        check_mapping(given, f"keywords of a {kind.__name__} (line_kw, bar_kw and the like)")
    return {**defaults, **normalize_kwargs(dict(given or {}), kind)}


def by_score() -> Colormap:
    """Return the colours from poor (pale) to good (dark)."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("score", ["#DCDCDC", "#8FBBD9", BLUE, "#003A5D"])


def by_sign() -> Colormap:
    """Return the colours from negative (orange) over zero (pale) to positive (blue)."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(
        "sign", ["#7F2F00", RED, "#F0B27F", "#F4F4F4", "#8FBBD9", BLUE, "#003A5D"]
    )


def around_zero(values: Floats) -> tuple[float, float]:
    """Return limits for :func:`by_sign`: as far below zero as above, holding all values."""
    finite = np.abs(values[np.isfinite(values)])
    most = float(finite.max(initial=0.0)) or 1.0
    return -most, most


def distinct(count: int) -> list[Any]:
    """Return so many colours: those told apart best, or beyond these a scale."""
    if count <= len(DISTINCT):
        return list(DISTINCT[:count])
    import matplotlib as mpl

    return list(mpl.colormaps["cividis"](np.linspace(0, 1, count)))


def score_limits(scores: Floats, fence_ranges: float = _FENCE) -> tuple[float, float]:
    """Return the scores to show: all, but those far below the rest.

    One diverged candidate with an R2 of -1e30 must not flatten all others. How far is counted in
    ranges from the best to the lower quartile, below that quartile.
    """
    finite = scores[np.isfinite(scores)]
    low, quartile, best = float(finite.min()), float(np.quantile(finite, 0.25)), float(finite.max())
    fence = quartile - fence_ranges * (best - quartile)
    if low < fence:
        low = float(finite[finite >= fence].min())
    return low, best


def set_score_axis(ax: Axes, limits: tuple[float, float]) -> None:
    """Set the vertical axis to scores, with a margin."""
    low, high = limits
    margin = _MARGIN * ((high - low) or abs(high) or 1.0)
    ax.set_ylim(low - margin, high + margin)


def is_worth_log(values: Floats) -> bool:
    """Whether the values are positive and of such a range that a log axis shows them better."""
    finite = values[np.isfinite(values)]
    return bool(len(finite) > 0 and finite.min() > 0 and finite.max() / finite.min() >= _LOG_RATIO)


def set_loss_axis(ax: Axes, losses: Floats, fence_ranges: float = _FENCE) -> None:
    """Set the vertical axis to losses, on a log axis if their range is worth one."""
    if is_worth_log(losses):
        ax.set_yscale("log")
    elif np.isfinite(losses).any():
        best, worst = score_limits(-losses, fence_ranges)
        set_score_axis(ax, (-worst, -best))


def set_epoch_axis(ax: Axes) -> None:
    """Set the horizontal axis to epochs."""
    from matplotlib.ticker import MaxNLocator

    ax.set_xlabel("Epoch")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def draw_below(ax: Axes, x: Floats, scores: Floats, limits: tuple[float, float]) -> Any:
    """Mark scores that lie below the axis, and missing ones, at its lower edge.

    Returns
    -------
    line : Line2D or None
        The marks; None if there are none.
    """
    outside = ~(scores >= limits[0])
    if not outside.any():
        return None
    [line] = ax.plot(
        x[outside],
        np.full(int(outside.sum()), 0.02),
        linestyle="none",
        marker="v",
        markersize=5,
        markerfacecolor="none",
        markeredgecolor=RED,
        transform=ax.get_xaxis_transform(),
        label="no score, or below the axis",
    )
    return line


def quiet(ax: Axes) -> None:
    """Take away what carries no data: two spines; and draw a faint grid behind it."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(visible=True, color=GREY, alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)


def as_pixels(n_points: int) -> bool:
    """Return whether so many points are better drawn as pixels in a vector image."""
    return n_points > _MANY_POINTS
