"""LossCurveDisplay."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import is_classifier

from nnhp.estimators._losses import quantiles_of
from nnhp.plots._evaluations import pretty_metric
from nnhp.plots._figure import (
    GREY,
    RED,
    distinct,
    merged,
    need_matplotlib,
    panels,
    plain,
    quiet,
    score_label,
    score_limits,
    set_epoch_axis,
    set_loss_axis,
    set_score_axis,
)
from nnhp.plots._nets import named_nets
from nnhp.plots._settings import NothingToDrawError, label

_LOSSES = {"train_loss": "training", "validation_loss": "validation"}
_FENCE = 30.0  # the first epochs belong to the picture, unless they flatten the rest
_STYLES: dict[str, Any] = {"train_loss": "-", "validation_loss": "--"}
_SHOWN = {"loss": list(_LOSSES), "score": ["validation_score"]}
# Column -> the attribute that holds it. Those of the validation may have begun later.
_ATTRIBUTES = {
    "train_loss": "loss_curve_",
    "validation_loss": "validation_loss_curve_",
    "validation_score": "validation_scores_",
}


class LossCurveDisplay:
    """Training and validation loss of fitted nets over the epochs, and their validation scores.

    Make one with :meth:`from_estimator`. The training loss is the mean over an epoch's batches,
    each before its step, and holds the penalty; the validation loss is that after the epoch,
    without penalty. So the first may lie above the second.

    Parameters
    ----------
    curves : DataFrame
        One row per net and epoch, with the columns estimator (the net's name, '' for one alone),
        epoch, train_loss, validation_loss and validation_score; NaN for what is not known.

    loss_name : str, default='Loss'
        What the losses are, for the axis.

    score_name : str, default='Validation score'
        What the scores are, for the axis.

    Attributes
    ----------
    axes_ : ndarray of Axes
        The panels, from left to right: losses, and scores if there are any.

    figure_ : Figure
        The figure they are in.

    lines_ : dict of str to list of Line2D
        The curves by column, one line per net that has one.

    See Also
    --------
    LearningCurvesDisplay : The same of a search's candidates.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from nnhp import MLPClassifier
    >>> from nnhp.plots import LossCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier(max_iter=50, n_iter_no_change=50, early_stopping=True, random_state=0)
    >>> display = LossCurveDisplay.from_estimator(net.fit(X, y))
    >>> bool((display.lines_["train_loss"][0].get_ydata() == net.loss_curve_).all())
    True
    """

    def __init__(
        self,
        *,
        curves: pd.DataFrame,
        loss_name: str = "Loss",
        score_name: str = "Validation score",
    ) -> None:
        self.curves = curves
        self.loss_name = loss_name
        self.score_name = score_name

    @classmethod
    def from_estimator(cls, estimators: Any, *, ax: Any = None, **kwargs: Any) -> Self:
        """Draw the curves of one fitted net, or of several.

        Parameters
        ----------
        estimators : estimator, sequence or dict of str to estimator
            A fitted MLPClassifier or MLPRegressor, a Pipeline that ends in one, a search that
            found one (its `best_estimator_`; of an ensemble each fold's), or several of these,
            in a dict by their names.

        ax : Axes or array-like of Axes, default=None
            As in :meth:`plot`.

        **kwargs : dict
            Further keywords of :meth:`plot`.

        Returns
        -------
        display : LossCurveDisplay
            The display, drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If an estimator is not fitted.
        TypeError
            If one is of another kind.
        ValueError
            If one has no curve: ``solver='lbfgs'`` keeps none.
        ImportError
            If matplotlib is absent.
        """
        need_matplotlib(f"{cls.__name__}.from_estimator")
        tables, losses, scores = [], set(), set()
        for name, fitted in named_nets(estimators):
            tables.append(_curves_of(fitted.net, name))
            losses.add(f"Loss ({label(fitted.net.loss)})")
            if tables[-1]["validation_score"].notna().any():
                scores.add(f"{_score_name(fitted.net)} (validation)")
        return cls(
            curves=pd.concat(tables, ignore_index=True),
            loss_name=losses.pop() if len(losses) == 1 else "Loss",
            score_name=scores.pop() if len(scores) == 1 else "Validation score",
        ).plot(ax, **kwargs)

    def plot(
        self, ax: Any = None, *, show: str | None = None, line_kw: dict[str, Any] | None = None
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : Axes or array-like of Axes, default=None
            Where: one Axes, whose room is divided if there are two panels; one Axes per panel;
            or a new figure for None.

        show : {'loss', 'score'}, default=None
            One panel; None draws the losses, and the validation scores if there are any.

        line_kw : dict, default=None
            Keywords of the lines, as for ``Axes.plot``.

        Returns
        -------
        display : LossCurveDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `show` is unknown, or 'score' where there is no validation score.
        """
        need_matplotlib(f"{type(self).__name__}.plot")
        shown = self._shown(show)
        self.figure_, axes = panels(ax, 1, len(shown), (5.2, 3.8))
        self.axes_ = axes.ravel()
        self.lines_: dict[str, list[Any]] = {}
        names = list(self.curves["estimator"].unique())
        colours = dict(zip(names, distinct(len(names)), strict=True))
        for panel, kind in zip(self.axes_, shown, strict=True):
            for column in _SHOWN[kind]:
                self.lines_[column] = self._plot_column(panel, column, colours, line_kw)
            quiet(panel)
            set_epoch_axis(panel)
            if kind == "loss":
                panel.set_ylabel(plain(self.loss_name))
                losses = self.curves[list(_LOSSES)].to_numpy(dtype=np.float64)
                set_loss_axis(panel, losses.ravel(), _FENCE)
            else:
                panel.set_ylabel(score_label(self.score_name))
                set_score_axis(
                    panel, score_limits(self.curves["validation_score"].to_numpy(), _FENCE)
                )
            self._explain(panel, kind, colours)
        return self

    def _shown(self, show: str | None) -> list[str]:
        if show is not None and show not in _SHOWN:
            raise ValueError(f"show must be 'loss', 'score' or None, not {show!r}.")
        has_scores = self.curves["validation_score"].notna().any()
        if show == "score" and not has_scores:
            raise NothingToDrawError(
                "There is no validation score: fit with early_stopping=True to have one."
            )
        if show is not None:
            return [show]
        return ["loss", "score"] if has_scores else ["loss"]

    def _plot_column(
        self, ax: Any, column: str, colours: dict[str, Any], line_kw: dict[str, Any] | None
    ) -> list[Any]:
        from matplotlib.lines import Line2D

        lines = []
        for name in colours:
            rows = (self.curves["estimator"] == name) & self.curves[column].notna()
            epochs, values = self.curves.loc[rows, ["epoch", column]].to_numpy(dtype=np.float64).T
            if len(epochs) == 0:
                continue
            colour = RED if name == "" and column == "validation_loss" else colours[name]
            look = {"color": colour, "linewidth": 1.6, "linestyle": _STYLES.get(column, "-")}
            look["marker"] = "o" if len(epochs) == 1 else None
            [line] = ax.plot(epochs, values, **merged(look, line_kw, Line2D))
            lines.append(line)
            if column == "validation_score":
                best = int(values.argmax())
                star = {"marker": "*", "markersize": 12, "color": line.get_color()}
                star |= {"markeredgecolor": "white", "linestyle": "none", "zorder": 4}
                text = f"best: {values[best]:.4g} (epoch {epochs[best]:.0f})"
                text = f"{name}, {text}".removeprefix(", ")
                ax.plot(epochs[best], values[best], label=plain(text), **star)
        return lines

    def _explain(self, ax: Any, kind: str, colours: dict[str, Any]) -> None:
        from matplotlib.lines import Line2D

        if kind == "score":
            ax.legend(loc="best", fontsize="small")
            return
        drawn = [column for column in _LOSSES if self.lines_[column]]
        if "" in colours:
            for column in drawn:
                self.lines_[column][0].set_label(_LOSSES[column])
            ax.legend(loc="best", fontsize="small")
            return
        handles = [
            Line2D([], [], color=colour, label=plain(label(name, 40)))
            for name, colour in colours.items()
        ]
        if len(drawn) > 1:
            handles += [
                Line2D([], [], color=GREY, linestyle=_STYLES[column], label=_LOSSES[column])
                for column in drawn
            ]
        ax.legend(handles=handles, loc="best", fontsize="small")


def _curves_of(net: Any, name: str) -> pd.DataFrame:
    """Return the curves of a net, ended by its last epoch."""
    if not hasattr(net, "loss_curve_"):
        which = f"{type(net).__name__} {name!r}" if name else type(net).__name__
        raise NothingToDrawError(
            f"{which} has no loss_curve_: solver={net.solver!r} keeps none. "
            "Fit with a solver that goes by epochs, as 'adam'."
        )
    n_epochs = len(net.loss_curve_)
    table = pd.DataFrame({"estimator": name, "epoch": np.arange(1, n_epochs + 1)})
    for column, attribute in _ATTRIBUTES.items():
        values = getattr(net, attribute) or []
        table[column] = np.r_[np.full(n_epochs - len(values), np.nan), values]
    return table


def _score_name(net: Any) -> str:
    if net.scoring is None:
        of_numbers = "R²" if quantiles_of(net.loss) is None else "D² (pinball)"
        return "Accuracy" if is_classifier(net) else of_numbers
    if net.scoring == "loss":
        return "Negative loss"
    return pretty_metric(net.scoring) if isinstance(net.scoring, str) else label(net.scoring)
