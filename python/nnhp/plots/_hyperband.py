"""HyperbandDisplay."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnhp.plots._display import SearchDisplay
from nnhp.plots._evaluations import Evaluations
from nnhp.plots._figure import (
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
from nnhp.plots._settings import NothingToDrawError

Floats = NDArray[np.float64]


class HyperbandDisplay(SearchDisplay):
    """Who was promoted when: each candidate's score from rung to rung, one panel per bracket.

    Make one with :meth:`from_search` or :meth:`from_study`, of a halving (one panel) or a
    Hyperband search. A line is a candidate, from its first rung to its last; the darker, the
    further it got. Above each rung stands how many candidates were trained there.

    Parameters
    ----------
    candidate : array-like of shape (n_rows,)
        Number of each row's candidate.

    resource : array-like of shape (n_rows,)
        Resource of each row's rung.

    scores : array-like of shape (n_rows,)
        Mean test score of each row, NaN where there is none.

    bracket : array-like of shape (n_rows,), default=None
        Bracket of each row; None is one bracket.

    score_name : str, default='Score'
        What the scores are, for the axis.

    resource_name : str, default='Epochs'
        What the resource is, for the axis.

    best : int, default=None
        Row of the one to mark as the best. None takes the highest score.

    Attributes
    ----------
    axes_ : ndarray of Axes
        The panels, from the bracket with the least first resource on.

    figure_ : Figure
        The figure they are in.

    brackets_ : list
        The bracket of each panel.

    lines_ : list of dict of int to Line2D
        The line of each promoted candidate, per panel.

    rungs_ : list of dict of float to int
        How many candidates were trained with each resource, per panel.

    See Also
    --------
    SearchTraceDisplay : The best score so far.

    Examples
    --------
    >>> from nnhp.plots import HyperbandDisplay
    >>> display = HyperbandDisplay(
    ...     candidate=[0, 1, 2, 1], resource=[1, 1, 1, 3], scores=[0.5, 0.8, 0.6, 0.9]).plot()
    >>> display.rungs_
    [{1.0: 3, 3.0: 1}]
    """

    def __init__(
        self,
        *,
        candidate: ArrayLike,
        resource: ArrayLike,
        scores: ArrayLike,
        bracket: ArrayLike | None = None,
        score_name: str = "Score",
        resource_name: str = "Epochs",
        best: int | None = None,
    ) -> None:
        self.candidate = np.asarray(candidate, dtype=np.intp)
        self.resource = np.asarray(resource, dtype=np.float64)
        self.scores = np.asarray(scores, dtype=np.float64)
        self.bracket = None if bracket is None else np.asarray(bracket, dtype=np.intp)
        self.score_name = score_name
        self.resource_name = resource_name
        self.best = int(np.nanargmax(self.scores)) if best is None else best

    @classmethod
    def _of(cls, evaluations: Evaluations) -> Self:
        if evaluations.resource is None:
            raise NothingToDrawError("There are no rungs: this is for halving and Hyperband.")
        evaluations.need_scores()
        return cls(
            candidate=evaluations.candidate,
            resource=evaluations.resource,
            scores=evaluations.scores,
            bracket=evaluations.bracket,
            score_name=evaluations.score_name,
            resource_name=evaluations.resource_name,
            best=evaluations.best,
        )

    def plot(
        self, ax: Any = None, *, n_cols: int = 3, line_kw: dict[str, Any] | None = None
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : Axes or array-like of Axes, default=None
            Where: one Axes, whose room is divided if there are several brackets; one Axes per
            bracket; or a new figure for None.

        n_cols : int, default=3
            Greatest number of panels in a row.

        line_kw : dict, default=None
            Keywords of the lines, as for ``Axes.plot``.

        Returns
        -------
        display : HyperbandDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `ax` has too few or too many axes.
        """
        need_matplotlib(f"{type(self).__name__}.plot")
        bracket = np.zeros(len(self.scores), np.intp) if self.bracket is None else self.bracket
        first = {int(b): self.resource[bracket == b].min() for b in np.unique(bracket)}
        self.brackets_ = sorted(first, key=lambda b: (first[b], b))
        n_panels = len(self.brackets_)
        size = (5.6, 4.2) if n_panels == 1 else (3.8, 3.4)
        self.figure_, self.axes_, leftmost = wrapped_panels(ax, n_panels, n_cols, size)
        self.lines_: list[dict[int, Any]] = []
        self.rungs_: list[dict[float, int]] = []
        limits = score_limits(self.scores)
        for panel, name in zip(self.axes_, self.brackets_, strict=True):
            rows = np.flatnonzero(bracket == name)
            self._plot_bracket(panel, rows, limits, line_kw)
            if self.best in rows:
                look = {"marker": "*", "markersize": 14, "color": RED, "zorder": 5}
                look |= {"markeredgecolor": "white", "linestyle": "none"}
                label = f"best: {self.scores[self.best]:.4g}"
                [star] = panel.plot(
                    self.resource[self.best], self.scores[self.best], label=label, **look
                )
                panel.legend(handles=[star], loc="lower right", fontsize="small")
            if self.bracket is not None:
                panel.set_title(f"Bracket {name}", fontsize="medium", loc="left", pad=16)
            set_score_axis(panel, limits)
            first_in_row = panel in leftmost
            panel.set_ylabel(score_label(self.score_name) if first_in_row else "")
            panel.tick_params(labelleft=first_in_row)
        return self

    def _plot_bracket(
        self,
        ax: Any,
        rows: NDArray[np.intp],
        limits: tuple[float, float],
        line_kw: dict[str, Any] | None,
    ) -> None:
        from matplotlib.lines import Line2D

        rungs, counts = np.unique(self.resource[rows], return_counts=True)
        self.rungs_.append({float(r): int(n) for r, n in zip(rungs, counts, strict=True)})
        every = np.unique(self.resource)
        shade = dict(zip(every, by_score()(np.linspace(0.25, 1, len(every))), strict=True))
        last = {int(c): float(r) for c, r in _sorted_last(self.candidate, self.resource, rows)}
        lines = {}
        for candidate, furthest in last.items():
            of_candidate = rows[self.candidate[rows] == candidate]
            if len(of_candidate) < 2:
                continue
            of_candidate = of_candidate[np.argsort(self.resource[of_candidate])]
            look = {"color": shade[furthest], "linewidth": 1.2, "alpha": 0.8}
            [lines[candidate]] = ax.plot(
                self.resource[of_candidate],
                self.scores[of_candidate],
                **merged(look, line_kw, Line2D),
            )
        self.lines_.append(lines)
        ax.scatter(
            self.resource[rows],
            self.scores[rows],
            s=14,
            color=[shade[last[int(c)]] for c in self.candidate[rows]],
            zorder=3,
            rasterized=as_pixels(len(rows)),
        )
        draw_below(ax, self.resource[rows], self.scores[rows], limits)
        quiet(ax)
        _set_rungs(ax, every, rungs, counts)
        ax.set_xlabel(plain(f"{self.resource_name} a candidate was trained for"))


def _set_rungs(ax: Any, every: Floats, rungs: Floats, counts: NDArray[np.intp]) -> None:
    ax.set_xscale("log")
    ratio = (every[-1] / every[0]) ** 0.06 if len(every) > 1 else 1.5
    ax.set_xlim(every[0] / ratio, every[-1] * ratio)
    ax.minorticks_off()
    ax.set_xticks(every, [f"{rung:g}" for rung in every])
    for rung, count in zip(rungs, counts, strict=True):
        ax.annotate(
            f"n={count}",
            (rung, 1),
            xycoords=ax.get_xaxis_transform(),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize="small",
        )


def _sorted_last(
    candidate: NDArray[np.intp], resource: Floats, rows: NDArray[np.intp]
) -> list[tuple[int, float]]:
    """Return candidates with their greatest resource, the furthest last: on top."""
    last: dict[int, float] = {}
    for row in rows:
        name = int(candidate[row])
        last[name] = max(last.get(name, 0.0), float(resource[row]))
    return sorted(last.items(), key=lambda entry: entry[1])
