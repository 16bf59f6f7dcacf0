"""WeightsDisplay."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nnhp._checks import check_iterable
from nnhp.plots._figure import (
    BLUE,
    GREY,
    around_zero,
    by_sign,
    merged,
    need_matplotlib,
    plain,
    quiet,
    wrapped_panels,
)
from nnhp.plots._nets import FittedNet, chosen_layers
from nnhp.plots._settings import label

_KINDS = ("heatmap", "histogram")
_MOST_NAMES = 40  # beyond, only some features are named
_NAME_HEIGHT = 0.17  # inches
_ROOM_FOR_NAMES = 40  # characters below a panel; beyond they are turned


class WeightsDisplay:
    """The weights of a fitted net, layer by layer: as a heat map, or as a histogram.

    Make one with :meth:`from_estimator`. In a heat map a row is an input of the layer and a
    column one of its units, or with maxout a piece of a unit, named by both; orange is negative,
    pale is zero, blue is positive, and each layer has a scale of its own. A row of pale cells is a
    feature that the net hardly looks at, a pale column a unit that does little. Biases are not
    shown.

    Parameters
    ----------
    coefs : list of ndarray of shape (n_inputs, n_units)
        The weights of each layer.

    layer_names : list of str, default=None
        What to call the layers; None counts them.

    feature_names : list of str, default=None
        Names of the first layer's inputs; None counts them.

    output_names : list of str, default=None
        Names of the last layer's units; None counts them.

    pieces : list of int, default=None
        Of each layer, the columns that a unit has: several with maxout, where all first pieces
        come before all second ones. None is one column per unit.

    Attributes
    ----------
    axes_ : ndarray of Axes
        The panels, one per layer drawn.

    figure_ : Figure
        The figure they are in.

    layers_ : list of int
        The index in `coefs` of each panel's layer.

    images_ : list of AxesImage
        The heat maps, one per panel; none of histograms.

    histograms_ : list of tuple
        Counts and edges of each panel's bins, as of ``numpy.histogram``; none of heat maps.

    See Also
    --------
    ActivationHistogramDisplay : What the units put out.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from nnhp import MLPClassifier
    >>> from nnhp.plots import WeightsDisplay
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> net = MLPClassifier(8, solver="lbfgs", max_iter=500, random_state=0).fit(X, y)
    >>> display = WeightsDisplay.from_estimator(net)
    >>> [image.get_array().shape for image in display.images_]
    [(4, 8), (8, 3)]
    >>> display.axes_[0].get_yticklabels()[0].get_text()
    'sepal length (cm)'
    """

    def __init__(
        self,
        *,
        coefs: Sequence[NDArray[Any]],
        layer_names: Sequence[str] | None = None,
        feature_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
        pieces: Sequence[int] | None = None,
    ) -> None:
        self.coefs = [np.asarray(weights) for weights in coefs]
        counted = [f"Layer {i + 1}" for i in range(len(self.coefs))]
        self.layer_names = counted if layer_names is None else list(layer_names)
        self.feature_names = _names("feature_names", feature_names, len(self.coefs[0]))
        self.output_names = _names("output_names", output_names, self.coefs[-1].shape[1])
        self.pieces = [1] * len(self.coefs) if pieces is None else list(pieces)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        feature_names: Sequence[str] | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the weights of a fitted net.

        Parameters
        ----------
        estimator : estimator
            A fitted MLPClassifier or MLPRegressor, a Pipeline that ends in one, or a search that
            found one.

        feature_names : sequence of str, default=None
            Names of the net's inputs; None takes those that it was fitted with, or that the
            steps before it give to what they make.

        ax : Axes or array-like of Axes, default=None
            As in :meth:`plot`.

        **kwargs : dict
            Further keywords of :meth:`plot`.

        Returns
        -------
        display : WeightsDisplay
            The display, drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        TypeError
            If it is of another kind.
        ValueError
            If there are not as many names as inputs, or an argument of :meth:`plot` is wrong.
        ImportError
            If matplotlib is absent.
        """
        need_matplotlib(f"{cls.__name__}.from_estimator")
        fitted = FittedNet.of(estimator)
        return cls(
            coefs=[np.array(weights) for weights in fitted.net.coefs_],
            layer_names=fitted.layer_names,
            feature_names=fitted.feature_names if feature_names is None else feature_names,
            output_names=fitted.output_names,
            pieces=fitted.pieces,
        ).plot(ax, **kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        kind: str = "heatmap",
        layers: int | Sequence[int] | None = None,
        bins: int | None = None,
        n_cols: int = 3,
        image_kw: dict[str, Any] | None = None,
        bar_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : Axes or array-like of Axes, default=None
            Where: one Axes, whose room is divided if there are several panels; one Axes per
            panel; or a new figure for None.

        kind : {'heatmap', 'histogram'}, default='heatmap'
            What to draw of each layer.

        layers : int or sequence of int, default=None
            Which layers: 0 is the first hidden one, -1 the output layer. None draws all.

        bins : int, default=None
            Number of bins of a histogram; None takes the square root of the number of weights,
            but at least 10 and at most 50.

        n_cols : int, default=3
            Greatest number of panels in a row.

        image_kw : dict, default=None
            Keywords of the heat maps, as for ``Axes.imshow``.

        bar_kw : dict, default=None
            Keywords of the histograms' bars, as for ``Axes.bar``.

        Returns
        -------
        display : WeightsDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `kind` is unknown, there is no such layer, or `ax` has too few or too many axes.
        TypeError
            If `layers` holds something else than integers.
        """
        need_matplotlib(f"{type(self).__name__}.plot")
        if kind not in _KINDS:
            raise ValueError(f"kind must be 'heatmap' or 'histogram', not {kind!r}.")
        self.layers_ = chosen_layers(layers, len(self.coefs))
        self.figure_, self.axes_, _ = wrapped_panels(
            ax, len(self.layers_), n_cols, (4.4, self._height(kind))
        )
        self.images_: list[Any] = []
        self.histograms_: list[tuple[NDArray[Any], NDArray[Any]]] = []
        for panel, layer in zip(self.axes_, self.layers_, strict=True):
            n_inputs, n_units = self.coefs[layer].shape
            name = self.layer_names[layer]
            panel.set_title(plain(f"{name}: {n_inputs} x {n_units}"), fontsize="medium")
            if kind == "heatmap":
                self._plot_heatmap(panel, layer, image_kw)
            else:
                self._plot_histogram(panel, layer, bins, bar_kw)
        return self

    def _height(self, kind: str) -> float:
        """Inches that a panel needs to name the features beside it."""
        if kind == "histogram" or 0 not in self.layers_:
            return 3.8
        return max(3.8, 0.8 + _NAME_HEIGHT * min(len(self.feature_names), _MOST_NAMES))

    def _plot_heatmap(self, ax: Any, layer: int, image_kw: dict[str, Any] | None) -> None:
        from matplotlib.image import AxesImage

        weights = self.coefs[layer]
        low, high = around_zero(weights)
        look = {"cmap": by_sign(), "vmin": low, "vmax": high, "aspect": "auto"}
        image = ax.imshow(weights, **merged(look, image_kw, AxesImage))
        self.images_.append(image)
        self.figure_.colorbar(image, ax=ax, label="Weight", pad=0.02, aspect=35)
        first, last = layer == 0, layer == len(self.coefs) - 1
        before = "" if first else self.layer_names[layer - 1].lower()
        ax.set_ylabel("Input" if first else plain(f"Unit of {before}"))
        names = self.output_names if last else _names_of_pieces(weights, self.pieces[layer])
        ax.set_xlabel("Output" if last else "Unit" if names is None else "Unit / piece")
        _name_ticks(ax.yaxis, self.feature_names if first else None)
        _name_ticks(ax.xaxis, names)

    def _plot_histogram(
        self, ax: Any, layer: int, bins: int | None, bar_kw: dict[str, Any] | None
    ) -> None:
        from matplotlib.patches import Rectangle

        if bins is None:
            bins = min(max(10, math.isqrt(self.coefs[layer].size)), 50)
        counts, edges = np.histogram(self.coefs[layer], bins=bins)
        self.histograms_.append((counts, edges))
        look = {"color": BLUE, "width": np.diff(edges), "align": "edge"}
        ax.bar(edges[:-1], counts, **merged(look, bar_kw, Rectangle))
        quiet(ax)
        ax.axvline(0, color=GREY, linewidth=1)
        ax.set_xlabel("Weight")
        ax.set_ylabel("Number of weights")


def _names(argument: str, given: Sequence[str] | None, count: int) -> list[str]:
    if given is None:
        return _counted(count)
    check_iterable(given, argument, "a sequence of names")
    names = [str(name) for name in given]
    if len(names) != count:
        raise ValueError(f"{argument} must have {count} entries, got {len(names)}.")
    return names


def _names_of_pieces(weights: NDArray[Any], n_pieces: int) -> list[str] | None:
    """Unit and piece of each column; None where a unit has but one."""
    if n_pieces == 1:
        return None
    n_units = weights.shape[1] // n_pieces
    return [f"{unit}/{piece}" for piece in range(n_pieces) for unit in range(n_units)]


def _counted(count: int) -> list[str]:
    return [str(i) for i in range(count)]


def _name_ticks(axis: Any, names: list[str] | None) -> None:
    """Name the rows or columns of a heat map: all if few, else some; None counts them."""
    from matplotlib.ticker import MaxNLocator

    if names is None:
        axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        return
    places = range(0, len(names), -(-len(names) // _MOST_NAMES))
    texts = [plain(label(names[i])) for i in places]
    axis.set_ticks(list(places), texts, fontsize="small")
    if axis.axis_name == "x" and sum(map(len, texts)) > _ROOM_FOR_NAMES:
        axis.set_tick_params(rotation=40, rotation_mode="xtick")
