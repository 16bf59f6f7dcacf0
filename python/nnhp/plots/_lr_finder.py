"""LRFinderDisplay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from nnhp.plots._figure import (
    BLUE,
    GREY,
    RED,
    merged,
    need_matplotlib,
    panels,
    quiet,
    score_limits,
    set_score_axis,
)

if TYPE_CHECKING:
    from nnhp._find_learning_rate import RangeTest


class LRFinderDisplay:
    """The loss against the learning rate in a range test, and the rate that it suggests.

    Make one with :meth:`from_estimator`, or with :meth:`from_result` of what
    :func:`nnhp.find_learning_rate` returned.

    Parameters
    ----------
    rates : array-like of shape (n_steps,)
        The learning rate of each step.

    losses : array-like of shape (n_steps,)
        The training loss of each step's batch.

    smoothed_losses : array-like of shape (n_steps,)
        Their mean around each step.

    suggestion : float or None, default=None
        The rate to mark.

    Attributes
    ----------
    ax_ : Axes
        The panel.

    figure_ : Figure
        The figure it is in.

    line_ : Line2D
        The smoothed losses.

    raw_line_ : Line2D
        The losses.

    mark_ : Line2D or None
        The suggestion.

    See Also
    --------
    nnhp.find_learning_rate : The test.

    Examples
    --------
    >>> from nnhp import MLPClassifier
    >>> from nnhp.plots import LRFinderDisplay
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> display = LRFinderDisplay.from_estimator(MLPClassifier(random_state=0), X / 16, y)
    >>> display.ax_.get_xscale()
    'log'
    """

    def __init__(
        self,
        *,
        rates: ArrayLike,
        losses: ArrayLike,
        smoothed_losses: ArrayLike,
        suggestion: float | None = None,
    ) -> None:
        self.rates = np.asarray(rates, dtype=np.float64)
        self.losses = np.asarray(losses, dtype=np.float64)
        self.smoothed_losses = np.asarray(smoothed_losses, dtype=np.float64)
        self.suggestion = suggestion

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        ax: Any = None,
        line_kw: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Make the test and draw it.

        Parameters
        ----------
        estimator : MLPClassifier, MLPRegressor or Pipeline that ends in one
            What to train; it stays as it is.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.

        ax, line_kw : Axes and dict, default=None
            As in :meth:`plot`.

        **kwargs : dict
            Further keywords of :func:`nnhp.find_learning_rate`.

        Returns
        -------
        display : LRFinderDisplay
            The display, drawn.

        Raises
        ------
        ValueError, TypeError
            As :func:`nnhp.find_learning_rate`.
        ImportError
            If matplotlib is absent.
        """
        from nnhp._find_learning_rate import find_learning_rate

        need_matplotlib(f"{cls.__name__}.from_estimator")
        found = find_learning_rate(estimator, X, y, sample_weight, **kwargs)
        return cls.from_result(found, ax=ax, line_kw=line_kw)

    @classmethod
    def from_result(
        cls, result: RangeTest, *, ax: Any = None, line_kw: dict[str, Any] | None = None
    ) -> Self:
        """Draw a test that was made.

        Parameters
        ----------
        result : RangeTest
            What :func:`nnhp.find_learning_rate` returned.

        ax, line_kw : Axes and dict, default=None
            As in :meth:`plot`.

        Returns
        -------
        display : LRFinderDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib is absent.
        """
        need_matplotlib(f"{cls.__name__}.from_result")
        display = cls(
            rates=result.rates,
            losses=result.losses,
            smoothed_losses=result.smoothed_losses,
            suggestion=result.suggestion,
        )
        return display.plot(ax, line_kw=line_kw)

    def plot(self, ax: Any = None, *, line_kw: dict[str, Any] | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : Axes, default=None
            Where; None is a new figure.

        line_kw : dict, default=None
            Keywords of the line of smoothed losses, as for ``Axes.plot``.

        Returns
        -------
        display : LRFinderDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is absent.
        """
        need_matplotlib(f"{type(self).__name__}.plot")
        from matplotlib.lines import Line2D

        self.figure_, axes = panels(ax, 1, 1, (5.2, 3.8))
        self.ax_ = axes[0, 0]
        look = {"color": GREY, "linewidth": 0.8, "alpha": 0.6, "label": "each batch"}
        [self.raw_line_] = self.ax_.plot(self.rates, self.losses, **look)
        look = {"color": BLUE, "linewidth": 2, "label": "smoothed"}
        [self.line_] = self.ax_.plot(
            self.rates, self.smoothed_losses, **merged(look, line_kw, Line2D)
        )
        self.mark_ = None
        if self.suggestion is not None:
            at = np.interp(self.suggestion, self.rates, self.smoothed_losses)
            [self.mark_] = self.ax_.plot(
                self.suggestion,
                at,
                linestyle="none",
                marker="o",
                markersize=8,
                color=RED,
                markeredgecolor="white",
                label=f"steepest descent: {self.suggestion:.2g}",
            )
        self.ax_.set_xscale("log")
        quiet(self.ax_)
        if np.isfinite(self.losses).any():
            best, worst = score_limits(-self.losses)
            set_score_axis(self.ax_, (-worst, -best))
        self.ax_.set_xlabel("Learning rate")
        self.ax_.set_ylabel("Training loss")
        self.ax_.legend(fontsize="small", loc="best")
        return self
