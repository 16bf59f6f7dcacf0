"""SearchTraceDisplay."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from nnhp.plots._display import SearchDisplay
from nnhp.plots._evaluations import Evaluations, Floats
from nnhp.plots._figure import (
    BLUE,
    GREY,
    RED,
    as_pixels,
    draw_below,
    merged,
    need_matplotlib,
    panels,
    quiet,
    score_label,
    score_limits,
    set_score_axis,
)
from nnhp.plots._settings import NothingToDrawError

_AXES = ("epochs", "time")


class SearchTraceDisplay(SearchDisplay):
    """The best score so far, against the epochs and the time spent on it.

    Make one with :meth:`from_search` or :meth:`from_study`. Candidates count in their order,
    those of halving and Hyperband rung by rung. With rungs the best is among the evaluations
    that had the most resources so far, as the search chooses it: the line may fall where one of a
    higher rung gets its score, and what does well on a low one and is not promoted has no part in
    it.

    Parameters
    ----------
    scores : array-like of shape (n_rows,)
        Mean test score of each evaluation, NaN where there is none.

    seconds : array-like of shape (n_rows,)
        Training and scoring time of each evaluation, summed over its folds.

    epochs : array-like of shape (n_rows,), default=None
        Epochs of each evaluation, summed over its folds. None leaves that panel out.

    resource : array-like of shape (n_rows,), default=None
        Resource of each evaluation's rung. None: there are no rungs.

    chosen : int, default=None
        The evaluation that the search chose, which counts on whatever rung it is, as one that
        reached the search's `target_score`.

    score_name : str, default='Score'
        What the scores are, for the axis.

    epochs_name : str, default='Epochs'
        What the epochs are, for the axis.

    Attributes
    ----------
    best_scores : ndarray of shape (n_rows,)
        The best score up to each evaluation, NaN before the first score.

    axes_ : ndarray of Axes
        The panels, from left to right.

    figure_ : Figure
        The figure they are in.

    lines_ : list of Line2D
        The best score so far, one line per panel.

    points_ : list of PathCollection
        The evaluations, one collection per panel.

    See Also
    --------
    HyperbandDisplay : Which candidates were promoted.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from nnhp import MLPClassifier
    >>> from nnhp.plots import SearchTraceDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier(8, max_iter=1000, random_state=0)
    >>> grid = {"learning_rate_init": [0.01, 0.03, 0.1]}
    >>> search = GridSearchCV(net, grid, cv=3).fit(X, y)
    >>> display = SearchTraceDisplay.from_search(search)
    >>> bool(display.best_scores[-1] == search.best_score_)
    True
    """

    def __init__(
        self,
        *,
        scores: ArrayLike,
        seconds: ArrayLike,
        epochs: ArrayLike | None = None,
        resource: ArrayLike | None = None,
        chosen: int | None = None,
        score_name: str = "Score",
        epochs_name: str = "Epochs",
    ) -> None:
        self.scores = np.asarray(scores, dtype=np.float64)
        self.seconds = np.asarray(seconds, dtype=np.float64)
        self.epochs = None if epochs is None else np.asarray(epochs, dtype=np.float64)
        self.resource = None if resource is None else np.asarray(resource, dtype=np.float64)
        self.chosen = chosen
        self.score_name = score_name
        self.epochs_name = epochs_name
        self.best_scores = self._best_so_far()

    @classmethod
    def _of(cls, evaluations: Evaluations) -> Self:
        evaluations.need_scores()
        return cls(
            scores=evaluations.scores,
            seconds=evaluations.seconds,
            epochs=evaluations.epochs,
            resource=evaluations.resource,
            chosen=evaluations.best,
            score_name=evaluations.score_name,
            epochs_name=evaluations.epochs_name,
        )

    def _best_so_far(self) -> Floats:
        if self.resource is None:
            return np.fmax.accumulate(self.scores)
        had = np.where(np.isnan(self.scores), -np.inf, self.resource)
        most = np.maximum.accumulate(had)
        best = np.where(had == most, self.scores, np.nan)
        for resource in np.unique(most):
            best[most == resource] = np.fmax.accumulate(best[most == resource])
        if self.chosen is not None:
            best[self.chosen :] = np.fmax(best[self.chosen :], self.scores[self.chosen])
        return best

    def plot(
        self,
        ax: Any = None,
        *,
        against: str | None = None,
        line_kw: dict[str, Any] | None = None,
        scatter_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : Axes or array-like of Axes, default=None
            Where: one Axes, whose room is divided if there are two panels; one Axes per panel;
            or a new figure for None.

        against : {'epochs', 'time'}, default=None
            One panel; None draws both, as far as known.

        line_kw : dict, default=None
            Keywords of the line, as for ``Axes.plot``.

        scatter_kw : dict, default=None
            Keywords of the evaluations, as for ``Axes.scatter``.

        Returns
        -------
        display : SearchTraceDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `against` is unknown, or 'epochs' where they are not known.
        """
        need_matplotlib(f"{type(self).__name__}.plot")
        shown = self._shown(against)
        self.figure_, axes = panels(ax, 1, len(shown), (5.2, 3.8))
        self.axes_ = axes.ravel()
        self.lines_: list[Any] = []
        self.points_: list[Any] = []
        limits = score_limits(self.scores)
        for i, (panel, kind) in enumerate(zip(self.axes_, shown, strict=True)):
            self._plot_panel(panel, kind, limits, line_kw, scatter_kw)
            if i > 0:
                panel.set_ylabel("")
                panel.tick_params(labelleft=False)
        self.axes_[-1].legend(loc="lower right", fontsize="small")
        return self

    def _shown(self, against: str | None) -> list[str]:
        if against is not None and against not in _AXES:
            raise ValueError(f"against must be 'epochs', 'time' or None, not {against!r}.")
        if self.epochs is None:
            if against == "epochs":
                raise NothingToDrawError("The epochs of this search are not known.")
            return ["time"]
        return list(_AXES) if against is None else [against]

    def _plot_panel(
        self,
        ax: Any,
        kind: str,
        limits: tuple[float, float],
        line_kw: dict[str, Any] | None,
        scatter_kw: dict[str, Any] | None,
    ) -> None:
        from matplotlib.collections import PathCollection
        from matplotlib.lines import Line2D

        spent = np.cumsum(self.seconds if self.epochs is None or kind == "time" else self.epochs)
        look = {"s": 16, "color": GREY, "alpha": 0.7, "linewidths": 0, "label": "evaluation"}
        look["rasterized"] = as_pixels(len(spent))
        self.points_.append(
            ax.scatter(spent, self.scores, **merged(look, scatter_kw, PathCollection))
        )
        best = float(self.best_scores[-1])
        look = {"color": BLUE, "linewidth": 2, "drawstyle": "steps-post"}
        look["label"] = f"best so far: {best:.4g}"
        self.lines_ += ax.plot(spent, self.best_scores, **merged(look, line_kw, Line2D))
        at = int(np.flatnonzero(np.append(np.nan, self.best_scores[:-1]) != best)[-1])
        ax.plot(spent[at], best, marker="*", markersize=12, color=RED, markeredgecolor="white")
        draw_below(ax, spent, self.scores, limits)
        quiet(ax)
        set_score_axis(ax, limits)
        ax.set_xlim(left=0)
        ax.set_xlabel(
            self.epochs_name if kind == "epochs" else "Training and scoring time, all folds (s)"
        )
        ax.set_ylabel(score_label(self.score_name))
