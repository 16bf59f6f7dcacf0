"""SweepDisplay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnhp.plots._figure import (
    BLUE,
    DISTINCT,
    GREY,
    RED,
    by_score,
    need_matplotlib,
    panels,
    plain,
    quiet,
    score_label,
)
from nnhp.plots._settings import Column, label, plain_value
from nnhp.plots._slice import set_param_axis

if TYPE_CHECKING:
    from nnhp.search import Sweep

_SPREAD_ALPHA = 0.18


class SweepDisplay:
    """What one parameter does to losses and score, and to the course of the training.

    Make one with :meth:`from_sweep`, or :meth:`nnhp.Sweep.plot`. From left to right: training and
    validation loss over the values, the test score over the values, and the validation loss over
    the epochs, a line per value. Lines and points are means over folds and repeats, shades and
    bars one standard deviation to each side. Numbers that span decades are on a log axis; other
    values are categories in the order given. What diverged is left out. In the right
    panel a run that has ended counts on with its last loss.

    Parameters
    ----------
    table : DataFrame of shape (n_values, n_columns)
        Means and standard deviations, as :meth:`nnhp.Sweep.to_frame` gives them.

    curves : sequence of DataFrame
        The losses of each run by epoch.

    value_of : array-like of int of shape (n_runs,)
        Place of each run's value in the table.

    param_name : str, default='Value'
        What the values are, for the axes.

    score_name : str, default='score'
        What the test score is, for its axis.

    Attributes
    ----------
    axes_ : ndarray of Axes of shape (3,)
        The panels, from left to right.

    figure_ : Figure
        The figure they are in.

    lines_ : list of Line2D
        The mean validation loss by epochs, a line per value that did not diverge.

    See Also
    --------
    nnhp.sweep : Makes what is drawn.

    Examples
    --------
    >>> import nnhp
    >>> from nnhp.plots import SweepDisplay
    >>> from sklearn.datasets import load_iris
    >>> net = nnhp.MLPClassifier((8,), max_iter=10, tol=0, random_state=0)
    >>> X, y = load_iris(return_X_y=True)
    >>> sweep = nnhp.sweep(net, X, y, "alpha", [1e-4, 1e-2, 1], cv=3, repeats=1)
    >>> display = SweepDisplay.from_sweep(sweep)
    >>> display.axes_[0].get_xscale()
    'log'
    """

    def __init__(
        self,
        *,
        table: pd.DataFrame,
        curves: Sequence[pd.DataFrame],
        value_of: Any,
        param_name: str = "Value",
        score_name: str = "score",
    ) -> None:
        self.table = table
        self.curves = curves
        self.value_of = np.asarray(value_of)
        self.param_name = param_name
        self.score_name = score_name

    @classmethod
    def from_sweep(cls, sweep: Sweep, *, ax: Any = None) -> Self:
        """Draw a sweep.

        Parameters
        ----------
        sweep : Sweep
            What :func:`nnhp.sweep` returned.

        ax : Axes or array-like of Axes, default=None
            As in :meth:`plot`.

        Returns
        -------
        display : SweepDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib is absent.
        """
        need_matplotlib(f"{cls.__name__}.from_sweep")
        if not hasattr(sweep, "to_frame"):
            raise TypeError(f"sweep must be what nnhp.sweep returned, got {sweep!r}.")
        return cls(
            table=sweep.to_frame(),
            curves=sweep.curves,
            value_of=sweep.runs["value"],
            param_name=sweep.param_name,
            score_name=sweep.score_name,
        ).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : Axes or array-like of Axes, default=None
            Where: one Axes, whose room is divided; three Axes; or a new figure for None.

        Returns
        -------
        display : SweepDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `ax` has neither one nor three axes.
        """
        need_matplotlib(f"{type(self).__name__}.plot")
        self.figure_, axes = panels(ax, 1, 3, (4.4, 3.6))
        self.axes_ = axes.ravel()
        column = _column(self.param_name, list(self.table.index))
        by_loss, by_test, by_epoch = self.axes_
        self._plot_measure(by_loss, column, "train_loss", GREY, "training")
        self._plot_measure(by_loss, column, "validation_loss", BLUE, "validation")
        by_loss.set_ylabel("Loss")
        by_loss.legend(fontsize="small")
        self._plot_measure(by_test, column, "test_score", RED, None)
        by_test.set_ylabel(score_label(f"Test {self.score_name.replace('_', ' ')}"))
        self._plot_curves(by_epoch)
        for panel in (by_loss, by_test):
            set_param_axis(panel, column)
            panel.set_xlabel(plain(self.param_name))
        for panel in self.axes_:
            quiet(panel)
        return self

    def _plot_measure(
        self, ax: Any, column: Column, name: str, colour: str, said: str | None
    ) -> None:
        """Draw means and spreads of one measure: joined where the values are numbers."""
        order = np.argsort(column.places, kind="stable")
        places = column.places[order]
        mean = self.table[f"mean_{name}"].to_numpy(dtype=np.float64)[order]
        spread = self.table[f"std_{name}"].to_numpy(dtype=np.float64)[order]
        look: dict[str, Any] = {"color": colour, "marker": "o", "markersize": 4, "label": said}
        ax.errorbar(
            places,
            mean,
            yerr=spread,
            linestyle="none" if column.is_categorical else "-",
            elinewidth=1,
            capsize=3,
            **look,
        )

    def _plot_curves(self, ax: Any) -> None:
        self.lines_: list[Any] = []
        for place, colour in enumerate(_colours(len(self.table))):
            if not np.isfinite(self.table["mean_validation_loss"].iloc[place]):
                continue
            curves = [
                losses["validation_loss"]
                for losses, of in zip(self.curves, self.value_of, strict=True)
                if of == place
            ]
            together = pd.concat(curves, axis=1).ffill()
            mean, spread = together.mean(axis=1), together.std(axis=1, ddof=0)
            said = plain(label(self.table.index[place]))
            self.lines_ += ax.plot(mean.index, mean, color=colour, linewidth=1.5, label=said)
            ax.fill_between(
                mean.index, mean - spread, mean + spread, color=colour, alpha=_SPREAD_ALPHA, lw=0
            )
        ax.set_xlabel("Epoch")
        ax.set_ylabel("Validation loss")
        if self.lines_:
            ax.set_yscale("log" if _spans_decades(self.lines_) else "linear")
            # Beside the curves, where the layout makes room for it.
            look: dict[str, Any] = {"fontsize": "small", "title_fontsize": "small"}
            if ax.figure.get_layout_engine() is not None:
                look |= {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
            ax.legend(title=plain(self.param_name), **look)


def _column(name: str, values: list[Any]) -> Column:
    """Return the places of the values: of numbers by their size, of others in their order."""
    column = Column.of(name, values)
    if len(column.levels) == 0:
        return column
    return Column(
        name,
        np.full(len(values), np.nan),
        np.arange(len(values)),
        [plain_value(value) for value in values],
        [label(value) for value in values],
    )


def _colours(n_values: int) -> list[Any]:
    """Return a colour per value: distinct ones for a few, else from pale to dark."""
    if n_values <= len(DISTINCT):
        return list(DISTINCT[:n_values])
    return list(by_score()(np.linspace(0.15, 1, n_values)))


def _spans_decades(lines: Sequence[Any]) -> bool:
    losses: NDArray[np.float64] = np.concatenate([line.get_ydata() for line in lines])
    losses = losses[np.isfinite(losses)]
    return bool(losses.min() > 0 and losses.max() > 10 * losses.min())
