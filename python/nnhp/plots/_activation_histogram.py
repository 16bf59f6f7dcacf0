"""ActivationHistogramDisplay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from nnhp.activations import BY_NAME, ELU, Activation, LeakyReLU
from nnhp.plots._figure import (
    BLUE,
    RED,
    is_worth_log,
    merged,
    need_matplotlib,
    plain,
    quiet,
    score_label,
    wrapped_panels,
)
from nnhp.plots._nets import FittedNet, chosen_layers

Floats = NDArray[np.float64]


class _Flat(NamedTuple):
    """Where an activation's slope is below a tenth of its greatest."""

    word: str  # for a unit that is there
    share: float  # of the samples at which a unit must be there
    low: float  # at outputs up to here,
    high: float  # and from here on


# By the slopes as functions of the output a: selu a + 1.7581 below 0 (where it is greatest),
# softplus 1 - exp(-a), tanh 1 - a^2, logistic a (1 - a). An output of gelu, silu or mish does not
# tell the slope, prelu's are trained unit by unit, and the others are flat nowhere.
_FLAT = {
    "relu": _Flat("dead", 1.0, 0.0, np.inf),
    "selu": _Flat("dead", 1.0, -0.9 * 1.7580993408473766, np.inf),
    "softplus": _Flat("dead", 1.0, -np.log(0.9), np.inf),
    "tanh": _Flat("saturated", 0.9, -np.sqrt(0.9), np.sqrt(0.9)),
    "logistic": _Flat("saturated", 0.9, (1 - np.sqrt(0.9)) / 2, (1 + np.sqrt(0.9)) / 2),
    "hard_sigmoid": _Flat("saturated", 0.9, 0.0, 1.0),
}
_RANGES = {
    "tanh": (-1.0, 1.0),
    "logistic": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
}


def _name_of(activation: str | Activation) -> str:
    return activation if isinstance(activation, str) else activation.name


def _flat_of(activation: str | Activation) -> _Flat | None:
    """Where a layer's activation is flat; None if it is nowhere, or if outputs do not tell."""
    given = activation
    if isinstance(given, str) and given in BY_NAME:
        given = BY_NAME[given]()
    if isinstance(given, ELU):
        below, low = given.alpha, -given.alpha  # the slope is a + alpha
    elif isinstance(given, LeakyReLU):
        below, low = given.negative_slope, -np.inf
    else:
        return _FLAT.get(_name_of(given))
    flat = 0.1 * max(1.0, below)  # above 0 the slope is 1
    low = 0.0 if below < flat else min(low + flat, 0.0)
    high = 0.0 if flat > 1 else np.inf
    return _Flat("dead", 1.0, low, high) if low > -np.inf or high < np.inf else None


class ActivationHistogramDisplay:
    """What the units of a fitted net put out for given samples, as one histogram per layer.

    Make one with :meth:`from_estimator`. Titles count the hidden units that hardly learn any
    more, for the activation's slope is (nearly) 0 where they are:

    - dead units of 'relu', 'elu', 'selu', 'softplus', and 'leaky_relu' of a negative slope below
      0.1 (or above 10): at every sample the slope is below a tenth of the activation's greatest;
      for 'relu', whose slope is 0 or 1, every output is 0.
    - saturated units of 'tanh', 'logistic' and 'hard_sigmoid': the same at nine samples in ten.

    Other activations are flat nowhere, or their outputs do not tell; the slopes of 'prelu', which
    each unit learns, are `activation_params_`. Orange ground marks the
    outputs at which the slope is so small.

    Parameters
    ----------
    outputs : list of ndarray of shape (n_samples, n_units)
        The outputs of each layer, the output layer last.

    activations : list of str or Activation
        The activation of each layer; one with parameters as its object, of
        :mod:`nnhp.activations`, where they are not the defaults.

    layer_names : list of str, default=None
        What to call the layers; None counts them.

    Attributes
    ----------
    flat_samples : list of ndarray of shape (n_units,), or None
        Of each layer, the share of samples at which each unit's slope is so small; None for the
        output layer and for activations of which that is not known.

    dead_units : list of ndarray of bool of shape (n_units,), or None
        Which units of each layer are dead; None where `activations` has no such units.

    saturated_units : list of ndarray of bool of shape (n_units,), or None
        The same for saturated units.

    axes_ : ndarray of Axes
        The panels, one per layer drawn.

    figure_ : Figure
        The figure they are in.

    layers_ : list of int
        The index in `outputs` of each panel's layer.

    histograms_ : list of tuple
        Of each panel, the share of outputs in each bin, and the bins' edges.

    See Also
    --------
    NeuronMapsDisplay : Where in the space of samples each unit is active.
    WeightsDisplay : The weights between the units.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from nnhp import MLPClassifier
    >>> from nnhp.plots import ActivationHistogramDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier((8, 8), solver="lbfgs", max_iter=500, random_state=0).fit(X, y)
    >>> net.intercepts_[1][:] = -1000  # for the example's sake
    >>> display = ActivationHistogramDisplay.from_estimator(net, X)
    >>> int(display.dead_units[1].sum())
    8
    """

    def __init__(
        self,
        *,
        outputs: Sequence[NDArray[Any]],
        activations: Sequence[str | Activation],
        layer_names: Sequence[str] | None = None,
    ) -> None:
        self.outputs = list(outputs)
        self.activations = list(activations)
        counted = [f"Layer {i + 1}" for i in range(len(self.outputs))]
        self.layer_names = counted if layer_names is None else list(layer_names)
        self._flats = [_flat_of(given) for given in self.activations[:-1]] + [None]
        self.flat_samples = [
            None if flat is None else ((values <= flat.low) | (values >= flat.high)).mean(axis=0)
            for flat, values in zip(self._flats, self.outputs, strict=True)
        ]
        self.dead_units = self._units("dead")
        self.saturated_units = self._units("saturated")

    def _units(self, word: str) -> list[NDArray[np.bool_] | None]:
        return [
            None if flat is None or shares is None or flat.word != word else shares >= flat.share
            for flat, shares in zip(self._flats, self.flat_samples, strict=True)
        ]

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, *, ax: Any = None, **kwargs: Any) -> Self:
        """Draw the outputs of each layer of a fitted net.

        Parameters
        ----------
        estimator : estimator
            A fitted MLPClassifier or MLPRegressor, a Pipeline that ends in one, or a search that
            found one.

        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Samples, as the estimator's `predict` takes them.

        ax : Axes or array-like of Axes, default=None
            As in :meth:`plot`.

        **kwargs : dict
            Further keywords of :meth:`plot`.

        Returns
        -------
        display : ActivationHistogramDisplay
            The display, drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        TypeError
            If it is of another kind.
        ValueError
            If it cannot predict for X, or an argument of :meth:`plot` is wrong.
        ImportError
            If matplotlib is absent.
        """
        need_matplotlib(f"{cls.__name__}.from_estimator")
        fitted = FittedNet.of(estimator)
        return cls(
            outputs=fitted.layer_outputs(X),
            activations=fitted.activations,
            layer_names=fitted.layer_names,
        ).plot(ax, **kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        layers: int | Sequence[int] | None = None,
        bins: int = 40,
        n_cols: int = 3,
        bar_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : Axes or array-like of Axes, default=None
            Where: one Axes, whose room is divided if there are several panels; one Axes per
            panel; or a new figure for None.

        layers : int or sequence of int, default=None
            Which layers: 0 is the first hidden one, -1 the output layer. None draws all.

        bins : int, default=40
            Number of bins.

        n_cols : int, default=3
            Greatest number of panels in a row.

        bar_kw : dict, default=None
            Keywords of the bars, as for ``Axes.bar``.

        Returns
        -------
        display : ActivationHistogramDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there is no such layer, or `ax` has too few or too many axes.
        TypeError
            If `layers` holds something else than integers.
        """
        need_matplotlib(f"{type(self).__name__}.plot")
        self.layers_ = chosen_layers(layers, len(self.outputs))
        self.figure_, self.axes_, leftmost = wrapped_panels(
            ax, len(self.layers_), n_cols, (4.2, 3.4)
        )
        self.histograms_: list[tuple[Floats, Floats]] = []
        for panel, layer in zip(self.axes_, self.layers_, strict=True):
            self._plot_layer(panel, layer, bins, bar_kw)
            panel.set_title(self._title(layer), fontsize="medium")
            panel.set_xlabel(plain(f"Output of {_name_of(self.activations[layer])}"))
            panel.set_ylabel(score_label("Share of outputs") if panel in leftmost else "")
        return self

    def _plot_layer(self, ax: Any, layer: int, bins: int, bar_kw: dict[str, Any] | None) -> None:
        from matplotlib.patches import Rectangle

        values = self.outputs[layer].ravel()
        limits = _RANGES.get(_name_of(self.activations[layer]))
        counts, edges = np.histogram(values[np.isfinite(values)], bins=bins, range=limits)
        shares = counts / len(values)
        self.histograms_.append((shares, edges))
        look = {"color": BLUE, "width": np.diff(edges), "align": "edge"}
        ax.bar(edges[:-1], shares, **merged(look, bar_kw, Rectangle))
        if is_worth_log(shares[shares > 0]):
            ax.set_yscale("log")
            ax.set_ylim(10 ** np.floor(np.log10(shares[shares > 0].min())), 1)
        quiet(ax)
        margin = 0.02 * (edges[-1] - edges[0])
        low, high = edges[0] - margin, edges[-1] + margin
        ax.set_xlim(low, high)
        flat = self._flats[layer]
        for start, stop in () if flat is None else ((low, flat.low), (flat.high, high)):
            if start < stop:
                ax.axvspan(start, stop, color=RED, alpha=0.15, linewidth=0, zorder=0)

    def _title(self, layer: int) -> str:
        name = plain(self.layer_names[layer])
        for word, units in (
            ("dead", self.dead_units[layer]),
            ("saturated", self.saturated_units[layer]),
        ):
            if units is not None:
                share = f"{units.sum()} of {len(units)} units {word} ({units.mean():.0%})"
                return f"{name}\n{share}"
        return name
