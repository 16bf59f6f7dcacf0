"""ParamSliceDisplay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nnhp.plots._display import ParamDisplay
from nnhp.plots._evaluations import Evaluations
from nnhp.plots._figure import (
    BLUE,
    GREY,
    RED,
    as_pixels,
    by_score,
    draw_below,
    merged,
    need_matplotlib,
    plain,
    quiet,
    score_label,
    score_limits,
    set_score_axis,
    wrapped_panels,
)
from nnhp.plots._settings import Column, chosen_columns, short_names

_FEW = 12  # up to so many values get a mark at their median score
_JITTER = 0.3
_GOLDEN = 0.6180339887498949


class ParamSliceDisplay(ParamDisplay):
    """The score over the values of one parameter after the other, one panel each.

    Make one with :meth:`from_search` or :meth:`from_study`. A point is a candidate; numbers that
    span decades are on a log axis, other values are categories (points beside each other only
    to be seen). A dash is the median score of a value that several candidates share. After
    halving or Hyperband a candidate counts with its last rung, and its colour tells which.

    Parameters
    ----------
    settings : sequence of mapping
        The parameters of each candidate; one may lack what others set.

    scores : ndarray of shape (n_candidates,)
        Mean test score of each, NaN where there is none.

    params : str or sequence of str, default=None
        Names of the parameters to show. None takes all that vary.

    score_name : str, default='Score'
        What the scores are, for the axis.

    resource : ndarray of shape (n_candidates,), default=None
        Resource of each candidate's last rung.

    resource_name : str, default='Epochs'
        What the resource is, for the legend.

    best : int, default=None
        Index of the one to mark as the best. None takes the highest score.

    Attributes
    ----------
    axes_ : ndarray of Axes
        The panels, row by row, as many as parameters.

    figure_ : Figure
        The figure they are in.

    points_ : list of PathCollection
        The candidates, one collection per panel.

    params_ : list of str
        The parameter of each panel.

    See Also
    --------
    ParamImportanceDisplay : How much each parameter matters.
    ParallelCoordinatesDisplay : All parameters at once.

    Examples
    --------
    >>> import numpy as np
    >>> from nnhp.plots import ParamSliceDisplay
    >>> settings = [{"alpha": a} for a in (1e-5, 1e-3, 1e-1)]
    >>> display = ParamSliceDisplay(settings=settings, scores=np.array([0.8, 0.9, 0.7])).plot()
    >>> display.axes_[0].get_xscale()
    'log'
    """

    def __init__(
        self,
        *,
        settings: Sequence[Any],
        scores: NDArray[np.float64],
        params: str | Sequence[str] | None = None,
        score_name: str = "Score",
        resource: NDArray[np.float64] | None = None,
        resource_name: str = "Epochs",
        best: int | None = None,
    ) -> None:
        self.settings = settings
        self.scores = scores
        self.params = params
        self.score_name = score_name
        self.resource = resource
        self.resource_name = resource_name
        self.best = int(np.nanargmax(scores)) if best is None else best

    @classmethod
    def _of(cls, evaluations: Evaluations, params: str | Sequence[str] | None = None) -> Self:
        evaluations.need_scores()
        last = evaluations.last_rungs()
        return cls(
            settings=last.settings,
            scores=last.scores,
            params=params,
            score_name=last.score_name,
            resource=last.resource,
            resource_name=last.resource_name,
            best=last.best,
        )

    def plot(
        self, ax: Any = None, *, n_cols: int = 3, scatter_kw: dict[str, Any] | None = None
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : Axes or array-like of Axes, default=None
            Where: one Axes, whose room is divided if there are several panels; one Axes per
            panel; or a new figure for None.

        n_cols : int, default=3
            Greatest number of panels in a row.

        scatter_kw : dict, default=None
            Keywords of the points, as for ``Axes.scatter``.

        Returns
        -------
        display : ParamSliceDisplay
            The display itself.

        Raises
        ------
        ValueError
            If a parameter was not searched, or `ax` has too few or too many axes.
        """
        need_matplotlib(f"{type(self).__name__}.plot")
        columns = chosen_columns(self.settings, self.params)
        self.figure_, self.axes_, leftmost = wrapped_panels(ax, len(columns), n_cols, (3.6, 3.0))
        self.params_ = [column.name for column in columns]
        self.points_: list[Any] = []
        limits = score_limits(self.scores)
        names = short_names(self.params_)
        for panel, column, name in zip(self.axes_, columns, names, strict=True):
            self._plot_panel(panel, column, limits, scatter_kw)
            panel.set_xlabel(plain(name))
            first_in_row = panel in leftmost
            panel.set_ylabel(score_label(self.score_name) if first_in_row else "")
            panel.tick_params(labelleft=first_in_row)
        if self.resource is not None:
            self._explain_colours(np.unique(self.resource))
        return self

    def _plot_panel(
        self,
        ax: Any,
        column: Column,
        limits: tuple[float, float],
        scatter_kw: dict[str, Any] | None,
    ) -> None:
        from matplotlib.collections import PathCollection

        places = column.places
        if column.is_categorical:
            # Multiples of the golden ratio, modulo 1, spread evenly however many there are.
            places = places + _JITTER * (np.arange(len(places)) * _GOLDEN % 1 - 0.5)
        look: dict[str, Any] = {"s": 18, "alpha": 0.75, "linewidths": 0}
        look["rasterized"] = as_pixels(len(places))
        look["color"] = BLUE if self.resource is None else _shades(self.resource)
        self.points_.append(
            ax.scatter(places, self.scores, **merged(look, scatter_kw, PathCollection))
        )
        set_param_axis(ax, column)
        self._plot_medians(ax, column)
        look = {"marker": "*", "markersize": 12, "color": RED, "markeredgecolor": "white"}
        ax.plot(places[self.best], self.scores[self.best], **look)
        draw_below(ax, places, self.scores, limits)
        quiet(ax)
        set_score_axis(ax, limits)

    def _plot_medians(self, ax: Any, column: Column) -> None:
        """Mark the median score of each value, where there are few and several candidates share."""
        places = column.places
        if self.resource is not None or not column.n_distinct <= min(_FEW, len(places) / 2):
            return
        for place in np.unique(places):
            of_value = self.scores[places == place]
            if np.isfinite(of_value).any():
                marker = {"marker": "_", "markersize": 22, "markeredgewidth": 2}
                ax.plot(place, np.nanmedian(of_value), color=GREY, zorder=1.5, **marker)

    def _explain_colours(self, rungs: NDArray[np.float64]) -> None:
        from matplotlib.lines import Line2D

        handles = [
            Line2D([], [], linestyle="none", marker="o", color=colour, label=f"{rung:g}")
            for rung, colour in zip(rungs, _shades(rungs), strict=True)
        ]
        self.axes_[-1].legend(
            handles=handles, title=plain(self.resource_name), fontsize="small", loc="best"
        )


def set_param_axis(ax: Any, column: Column) -> None:
    """Set the horizontal axis to a parameter's values."""
    low, high = column.limits
    places, texts = column.ticks()
    if column.log:
        ax.set_xscale("log")
        margin = (high / low) ** 0.06
        ax.set_xlim(low / margin, high * margin)
    else:
        margin = 0.5 if column.is_categorical else 0.06 * ((high - low) or abs(high) or 1.0)
        ax.set_xlim(low - margin, high + margin)
    ax.minorticks_off()
    long = sum(map(len, texts)) > 30
    ax.set_xticks(
        places,
        [plain(text) for text in texts],
        rotation=30 if long else 0,
        ha="right" if long else "center",
        rotation_mode="anchor" if long else None,
    )


def _shades(resource: NDArray[np.float64]) -> Any:
    """Return a colour per resource, dark for the greatest."""
    rungs, place = np.unique(resource, return_inverse=True)
    return by_score()(np.linspace(0.15, 1, len(rungs)))[place]
