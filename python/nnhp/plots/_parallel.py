"""ParallelCoordinatesDisplay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nnhp.plots._display import ParamDisplay
from nnhp.plots._evaluations import Evaluations
from nnhp.plots._figure import (
    GREY,
    RED,
    as_pixels,
    by_score,
    merged,
    need_matplotlib,
    panels,
    plain,
    score_limits,
)
from nnhp.plots._settings import Column, chosen_columns, short_names

_NAME_WIDTH = 14
_UNSCORED = -0.1  # where candidates without a score end, below the score's axis


class ParallelCoordinatesDisplay(ParamDisplay):
    """Each candidate as a line through an axis per parameter, to its score on the right.

    Make one with :meth:`from_search` or :meth:`from_study`. The darker a line, the higher
    its candidate ranks; the best is red; dashed ones have no score, or one far below all
    others. After halving or Hyperband a candidate counts with its last rung, whose resource
    has an axis too.

    Parameters
    ----------
    settings : sequence of mapping
        The parameters of each candidate; one may lack what others set.

    scores : ndarray of shape (n_candidates,)
        Mean test score of each, NaN where there is none.

    params : str or sequence of str, default=None
        Names of the parameters to show, from left to right. None takes all that vary.

    score_name : str, default='Score'
        What the scores are, for the last axis.

    resource : ndarray of shape (n_candidates,), default=None
        Resource of each candidate's last rung.

    resource_name : str, default='Epochs'
        What the resource is, for its axis.

    best : int, default=None
        Index of the one to mark as the best. None takes the highest score.

    Attributes
    ----------
    ax_ : Axes
        The axes. Parameters are at x = 0, 1, ...; heights are shares of their axes.

    figure_ : Figure
        The figure it is in.

    lines_ : LineCollection
        The lines, from the poorest candidate to the best.

    order_ : ndarray of shape (n_candidates,)
        The candidate of each line.

    params_ : list of str
        The parameters, from left to right.

    See Also
    --------
    ParamSliceDisplay : One parameter after the other.

    Examples
    --------
    >>> import numpy as np
    >>> from nnhp.plots import ParallelCoordinatesDisplay
    >>> settings = [{"alpha": 1e-4, "solver": "adam"}, {"alpha": 1e-2, "solver": "sgd"}]
    >>> display = ParallelCoordinatesDisplay(settings=settings, scores=np.array([0.9, 0.8])).plot()
    >>> display.params_
    ['alpha', 'solver']
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

    def plot(self, ax: Any = None, *, line_kw: dict[str, Any] | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : Axes, default=None
            Where; a new figure for None.

        line_kw : dict, default=None
            Keywords of the lines, as for :class:`matplotlib.collections.LineCollection`.

        Returns
        -------
        display : ParallelCoordinatesDisplay
            The display itself.

        Raises
        ------
        ValueError
            If a parameter was not searched.
        """
        need_matplotlib(f"{type(self).__name__}.plot")
        from matplotlib.collections import LineCollection

        columns = chosen_columns(self.settings, self.params)
        self.params_ = [column.name for column in columns]
        names = short_names(self.params_)
        if self.resource is not None:
            columns.append(Column.of(self.resource_name, list(self.resource)))
            names.append(self.resource_name)
        limits = score_limits(self.scores)
        scored = self.scores >= limits[0]
        columns.append(Column.of(self.score_name, list(self.scores[scored])))
        names.append(self.score_name)
        n_axes = len(columns)
        width = max(5.2, 1.5 * n_axes)
        self.figure_, axes = panels(ax, 1, 1, (width, 4.2))
        self.ax_ = axes[0, 0]

        heights = np.full((n_axes, len(self.scores)), _UNSCORED)
        for i, column in enumerate(columns[:-1]):
            heights[i] = column.unit_places(column.places)
        heights[-1, scored] = columns[-1].unit_places(columns[-1].places)
        self.order_ = np.argsort(heights[-1], kind="stable")
        across = np.arange(n_axes)
        colours = by_score()(np.linspace(0, 1, len(self.order_)))
        look: dict[str, Any] = {
            "colors": colours,
            "linewidths": np.where(self.order_ == self.best, 2.6, 1.1),
            "linestyles": ["solid" if scored[i] else "dashed" for i in self.order_],
            "alpha": float(np.clip(60 / len(self.scores), 0.25, 0.9)),
            "rasterized": as_pixels(len(self.scores)),
        }
        self.lines_ = LineCollection(
            [np.column_stack([across, heights[:, i]]) for i in self.order_],
            **merged(look, line_kw, LineCollection),
        )
        self.ax_.add_collection(self.lines_)
        self.ax_.plot(across, heights[:, self.best], color=RED, linewidth=2.4, label="best")
        for i, column in enumerate(columns):
            self._plot_axis(i, column)
        if not scored.all():
            self._tick(n_axes - 1, _UNSCORED, "none, or far lower")
        self._finish(names)
        return self

    def _plot_axis(self, x: int, column: Column) -> None:
        self.ax_.plot([x, x], [0, 1], color=GREY, linewidth=1, zorder=2.5)
        places, texts = column.ticks(most=8)
        for height, text in zip(column.unit_places(places), texts, strict=True):
            self._tick(x, float(height), text)

    def _tick(self, x: int, height: float, text: str) -> None:
        from matplotlib.patheffects import withStroke

        self.ax_.plot(x, height, marker="_", markersize=6, color=GREY, zorder=2.6)
        self.ax_.annotate(
            plain(text),
            (x, height),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
            zorder=6,
            annotation_clip=False,
            path_effects=[withStroke(linewidth=2.5, foreground=self.ax_.get_facecolor())],
        )

    def _finish(self, names: list[str]) -> None:
        ax = self.ax_
        n_axes = len(names)
        ax.set_xlim(-0.08, n_axes - 1 + 0.55)
        ax.set_ylim(-0.16, 1.04)
        ax.set_yticks([])
        ax.spines[:].set_visible(False)
        ax.xaxis.tick_top()
        ax.tick_params(axis="x", length=0)
        ax.set_xticks(range(n_axes), [_wrapped(plain(name)) for name in names], fontsize="medium")


def _wrapped(name: str) -> str:
    """Return a name on several lines, broken after underscores and blanks."""
    lines = [""]
    for part in name.replace("_", "_\0").replace(" ", " \0").split("\0"):
        if lines[-1] and len(lines[-1]) + len(part) > _NAME_WIDTH:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)
