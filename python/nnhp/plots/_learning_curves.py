"""LearningCurvesDisplay."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from nnhp.plots._display import SearchDisplay
from nnhp.plots._evaluations import Evaluations
from nnhp.plots._figure import (
    DISTINCT,
    GREY,
    as_pixels,
    merged,
    need_matplotlib,
    panels,
    quiet,
    score_label,
    score_limits,
    set_epoch_axis,
    set_loss_axis,
    set_score_axis,
)
from nnhp.plots._settings import NothingToDrawError

Floats = NDArray[np.float64]

_SHOWN = ("train_loss", "test_score")


class LearningCurvesDisplay(SearchDisplay):
    """Training loss and test-fold score over the epochs, the best candidates in colour.

    Make one with :meth:`from_search` (of a search with ``return_curves=True``) or
    :meth:`from_study`. A line is the mean over the folds, a band from the lowest to the highest
    fold. A fold that has stopped keeps its last value while others go on.

    Parameters
    ----------
    curves : DataFrame
        One row per candidate, fold and epoch, with the columns candidate, fold, epoch,
        train_loss and test_score.

    ranking : array-like of int
        The candidates, best first.

    score_name : str, default='Score'
        What the scores are, for the axis.

    Attributes
    ----------
    axes_ : ndarray of Axes
        The panels, from left to right.

    figure_ : Figure
        The figure they are in.

    lines_ : dict of str to list of Line2D
        The candidates in colour, best first, by column: 'train_loss' and 'test_score'.

    others_ : dict of str to LineCollection
        All other candidates, by column.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : The score against the number of samples.

    Examples
    --------
    >>> import pandas as pd
    >>> from nnhp.plots import LearningCurvesDisplay
    >>> curves = pd.DataFrame({
    ...     "candidate": [0, 0, 1, 1], "fold": 0, "epoch": [1, 2, 1, 2],
    ...     "train_loss": [0.9, 0.7, 1.1, 0.4], "test_score": [0.6, 0.7, 0.5, 0.9]})
    >>> display = LearningCurvesDisplay(curves=curves, ranking=[1, 0]).plot()
    >>> display.lines_["test_score"][0].get_ydata()
    array([0.5, 0.9])
    """

    def __init__(
        self, *, curves: pd.DataFrame, ranking: ArrayLike, score_name: str = "Score"
    ) -> None:
        self.curves = curves
        self.ranking = np.asarray(ranking, dtype=np.intp)
        self.score_name = score_name

    @classmethod
    def _of(cls, evaluations: Evaluations) -> Self:
        curves = evaluations.curves
        if curves is None or len(curves) == 0:
            raise NothingToDrawError(
                "There are no curves: search with return_curves=True to keep them."
            )
        last = evaluations.last_rungs()
        scores = np.nan_to_num(last.scores, nan=-np.inf)
        if last.best is not None:
            scores[last.best] = np.inf
        order = np.argsort(-scores, kind="stable")
        return cls(curves=curves, ranking=last.candidate[order], score_name=evaluations.score_name)

    def plot(
        self,
        ax: Any = None,
        *,
        show: str | None = None,
        n_best: int = 5,
        bands: bool = True,
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : Axes or array-like of Axes, default=None
            Where: one Axes, whose room is divided if there are two panels; one Axes per panel;
            or a new figure for None.

        show : {'train_loss', 'test_score'}, default=None
            One panel; None draws both.

        n_best : int, default=5
            How many candidates are in colour, up to 7.

        bands : bool, default=True
            Whether to show the folds' range for those.

        line_kw : dict, default=None
            Keywords of their lines, as for ``Axes.plot``.

        Returns
        -------
        display : LearningCurvesDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `show` or `n_best` is out of range.
        """
        need_matplotlib(f"{type(self).__name__}.plot")
        if show is not None and show not in _SHOWN:
            raise ValueError(f"show must be 'train_loss', 'test_score' or None, not {show!r}.")
        if not 0 <= n_best <= len(DISTINCT):
            raise ValueError(f"n_best must be from 0 to {len(DISTINCT)}, not {n_best}.")
        shown = _SHOWN if show is None else (show,)
        self.figure_, axes = panels(ax, 1, len(shown), (5.2, 3.8))
        self.axes_ = axes.ravel()
        self.lines_: dict[str, list[Any]] = {}
        self.others_: dict[str, Any] = {}
        for panel, column in zip(self.axes_, shown, strict=True):
            folds = _folds(self.curves, column)
            means = {
                candidate: folds.loc[candidate].mean(axis=1)
                for candidate in folds.index.unique("candidate")
            }
            best = [int(c) for c in self.ranking if int(c) in means][:n_best]
            self.others_[column] = _plot_others(panel, means, best)
            self.lines_[column] = []
            for i, candidate in enumerate(best):
                look = _look(i, candidate)
                self._plot_best(panel, column, means[candidate], merged(look, line_kw, _line()))
                if bands and folds.shape[1] > 1:
                    panel.fill_between(
                        means[candidate].index,
                        folds.loc[[candidate]].min(axis=1),
                        folds.loc[[candidate]].max(axis=1),
                        color=DISTINCT[i],
                        alpha=0.12,
                        linewidth=0,
                    )
            self._finish(panel, column, means)
        self._explain(self.axes_[-1], self.lines_[shown[-1]], len(means))
        return self

    def _plot_best(self, ax: Any, column: str, mean: Any, look: dict[str, Any]) -> None:
        self.lines_[column] += ax.plot(mean.index, mean, **look)
        ax.plot(mean.index[-1], mean.iloc[-1], marker="o", markersize=4, color=look["color"])

    def _explain(self, ax: Any, best: list[Any], n_candidates: int) -> None:
        handles = list(best)
        n_others = n_candidates - len(best)
        if n_others > 0:
            handles.append(_line()([], [], color=GREY, linewidth=0.8, label=f"{n_others} others"))
        ax.legend(handles=handles, fontsize="small", loc="best")

    def _finish(self, ax: Any, column: str, means: dict[int, Any]) -> None:
        values = pd.concat(means.values()).to_numpy()
        quiet(ax)
        set_epoch_axis(ax)
        if column == "train_loss":
            ax.set_ylabel("Training loss (mean of folds)")
            set_loss_axis(ax, values)
            return
        ax.set_ylabel(score_label(self.score_name))
        if np.isfinite(values).any():
            set_score_axis(ax, score_limits(values))


def _folds(curves: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return one row per candidate and epoch, one column per fold; a stopped fold stays."""
    by_epoch = curves.set_index(["candidate", "epoch", "fold"])[column].unstack("fold").sort_index()
    return by_epoch.groupby("candidate").ffill()


def _plot_others(ax: Any, means: dict[int, Any], best: list[int]) -> Any:
    from matplotlib.collections import LineCollection

    others = [
        np.column_stack([mean.index, mean])
        for candidate, mean in means.items()
        if candidate not in best
    ]
    lines = LineCollection(
        others,
        colors=GREY,
        linewidths=0.8,
        alpha=float(np.clip(20 / max(len(others), 1), 0.1, 0.5)),
        rasterized=as_pixels(sum(map(len, others))),
    )
    ax.add_collection(lines)
    ax.autoscale_view()
    return lines


def _look(rank: int, candidate: int) -> dict[str, Any]:
    return {
        "color": DISTINCT[rank],
        "linewidth": 2.0 if rank == 0 else 1.4,
        "zorder": 4 if rank == 0 else 3,
        "label": f"candidate {candidate}" + (" (best)" if rank == 0 else ""),
    }


def _line() -> Any:
    from matplotlib.lines import Line2D

    return Line2D
