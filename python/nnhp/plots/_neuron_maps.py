"""NeuronMapsDisplay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnhp.plots._figure import (
    GREY,
    around_zero,
    as_pixels,
    by_sign,
    merged,
    need_matplotlib,
    plain,
)
from nnhp.plots._nets import FittedNet, chosen_layers
from nnhp.plots._plane import Plane
from nnhp.plots._settings import label

Floats = NDArray[np.float64]

_MAP = 0.85  # inches of a hidden unit's map
_OUTPUT = (4.0, 5.5)  # inches of all maps of the output layer together, at least and at most
_MOST_IN_A_COLUMN = 3  # maps of outputs


class NeuronMapsDisplay:
    """What each unit of a fitted net makes of two features: the TensorFlow Playground's picture.

    Make one with :meth:`from_estimator`. Each small map shows one hidden unit's output over the
    plane of two features, the other features held where they are; layers go from left to right.
    Orange is negative, pale is zero, blue is positive, and each map has a scale of its own. The
    large maps are the net's outputs, with the samples drawn over them in the colours of their
    targets: where a point stands out from its ground, the net is wrong, or the other features
    matter.

    Parameters
    ----------
    maps : list of ndarray of shape (n_units, n_y, n_x)
        Outputs of each layer's units on the grid, the output layer last.

    x, y : array-like of shape (n_x,) and (n_y,)
        Values of the two features along the grid's columns and rows, equally spaced.

    layer_names : list of str, default=None
        What to call the layers; None counts them.

    feature_names : tuple of two str, default=('x0', 'x1')
        Names of the two features.

    output_names : list of str, default=None
        What each output stands for; None counts them.

    output_kind : {'probability', 'decision', 'value'}, default='value'
        What the outputs are: probabilities of classes, numbers whose sign decides, or predictions.

    points : ndarray of shape (n_samples, 2), default=None
        Samples, on the plane.

    targets : ndarray of shape (n_samples, n_outputs), default=None
        Their targets: 1 where a sample belongs to the output's class and 0 where not, or numbers
        for the kind 'value'. None leaves the samples out.

    held : dict of str to object, default=None
        Where the other features were held; what is drawn says how many they are.

    Attributes
    ----------
    axes_ : list of list of Axes
        Of each layer drawn, the axes of its units' maps.

    figure_ : Figure
        The figure they are in.

    layers_ : list of int
        The index in `maps` of each layer drawn.

    units_ : list of list of int
        The indices of the units drawn, of each layer drawn.

    images_ : list of list of AxesImage
        Their maps.

    points_ : list of PathCollection
        The samples, one collection per map of the output layer.

    See Also
    --------
    ActivationHistogramDisplay : How the outputs of each layer are distributed.
    sklearn.inspection.DecisionBoundaryDisplay : The predictions over two features alone.

    Examples
    --------
    >>> from nnhp import MLPClassifier, datasets
    >>> from nnhp.plots import NeuronMapsDisplay
    >>> X, y = datasets.make_circle(n_samples=200, random_state=0)
    >>> net = MLPClassifier((4, 2), "tanh", solver="lbfgs", max_iter=500, random_state=0)
    >>> display = NeuronMapsDisplay.from_estimator(net.fit(X, y), X, (0, 1), y=y)
    >>> [maps.shape for maps in display.maps]
    [(4, 50, 50), (2, 50, 50), (1, 50, 50)]
    """

    def __init__(
        self,
        *,
        maps: Sequence[NDArray[Any]],
        x: ArrayLike,
        y: ArrayLike,
        layer_names: Sequence[str] | None = None,
        feature_names: tuple[str, str] = ("x0", "x1"),
        output_names: Sequence[str] | None = None,
        output_kind: str = "value",
        points: NDArray[Any] | None = None,
        targets: NDArray[Any] | None = None,
        held: Mapping[str, Any] | None = None,
    ) -> None:
        self.maps = list(maps)
        self.x = np.asarray(x, dtype=np.float64)
        self.y = np.asarray(y, dtype=np.float64)
        counted = [f"Layer {i + 1}" for i in range(len(self.maps))]
        self.layer_names = counted if layer_names is None else list(layer_names)
        self.feature_names = feature_names
        counted = [str(i) for i in range(len(self.maps[-1]))]
        self.output_names = counted if output_names is None else list(output_names)
        self.output_kind = output_kind
        self.points = points
        self.targets = targets
        self.held = dict(held or {})

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        features: Sequence[int | str] = (0, 1),
        *,
        y: ArrayLike | None = None,
        middle: str = "mean",
        values: Mapping[int | str, Any] | None = None,
        grid_resolution: int = 50,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Compute the maps of a fitted net, and draw them.

        Parameters
        ----------
        estimator : estimator
            A fitted MLPClassifier or MLPRegressor, a Pipeline that ends in one, or a search that
            found one.

        X : DataFrame or array-like of shape (n_samples, n_features)
            Samples, as the estimator's `predict` takes them: of a Pipeline, what goes into its
            first step. They give the ranges, the middles and the points.

        features : sequence of two int or str, default=(0, 1)
            The two features of X to draw, across and up, by position or name. They must hold
            numbers. The features of an array are named 'x0', 'x1', ...

        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Targets of the samples, to draw these as points; None draws no points. Of a
            regressor one column is drawn over each of its outputs.

        middle : {'mean', 'median'}, default='mean'
            Where the other features are held. Text, categories and truth values are held at the
            most frequent one.

        values : dict of int or str to object, default=None
            Values at which to hold some of the others instead, by position or name.

        grid_resolution : int, default=50
            Values of each of the two features, from its least to its greatest and 5 % beyond.

        ax : Axes, default=None
            As in :meth:`plot`.

        **kwargs : dict
            Further keywords of :meth:`plot`.

        Returns
        -------
        display : NeuronMapsDisplay
            The display, drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        TypeError
            If it is of another kind, or X is a sparse matrix.
        ValueError
            If there is no such feature, or it holds no numbers; if y holds classes that the net
            does not know, or is not as long as X; if another argument is none of those.
        ImportError
            If matplotlib is absent.
        """
        need_matplotlib(f"{cls.__name__}.from_estimator")
        fitted = FittedNet.of(estimator)
        plane = Plane.of(X, features, middle, values, grid_resolution)
        return cls(
            maps=[
                outputs.T.reshape(-1, grid_resolution, grid_resolution)
                for outputs in fitted.layer_outputs(plane.samples)
            ],
            x=plane.x,
            y=plane.y,
            layer_names=fitted.layer_names,
            feature_names=plane.names,
            output_names=fitted.output_names,
            output_kind=fitted.output_kind,
            points=plane.points,
            targets=None if y is None else fitted.targets(y, len(plane.points)),
            held=plane.held,
        ).plot(ax, **kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        layers: int | Sequence[int] | None = None,
        max_units: int = 8,
        image_kw: dict[str, Any] | None = None,
        scatter_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : Axes, default=None
            Where: one Axes made by subplots, whose room is divided; or a new figure for None.

        layers : int or sequence of int, default=None
            Which layers: 0 is the first hidden one, -1 the output layer. None draws all.

        max_units : int, default=8
            Greatest number of maps per layer: where there are more units, those whose outputs
            vary most over the plane (by standard deviation), in their order.

        image_kw : dict, default=None
            Keywords of the maps, as for ``Axes.imshow``.

        scatter_kw : dict, default=None
            Keywords of the points, as for ``Axes.scatter``.

        Returns
        -------
        display : NeuronMapsDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there is no such layer, `max_units` is below 1, or `ax` is not one Axes made by
            subplots.
        TypeError
            If `layers` holds something else than integers.
        """
        need_matplotlib(f"{type(self).__name__}.plot")
        if max_units < 1:
            raise ValueError(f"max_units must be at least 1, got {max_units}.")
        self.layers_ = chosen_layers(layers, len(self.maps))
        self.units_ = [_most_varied(self.maps[layer], max_units) for layer in self.layers_]
        self.figure_, self.axes_ = self._lay_out(ax)
        others = f"{len(self.held)} other feature{'s' * (len(self.held) > 1)} held fixed"
        if self.held and ax is None:
            self.figure_.suptitle(others, fontsize="small", color=GREY)
        self.images_: list[list[Any]] = []
        self.points_: list[Any] = []
        for layer, units, axes in zip(self.layers_, self.units_, self.axes_, strict=True):
            if layer == len(self.maps) - 1:
                self._plot_outputs(units, axes, image_kw, scatter_kw)
            else:
                self._plot_hidden(layer, units, axes, image_kw)
        if self.held and ax is not None:  # no title of ours would have room
            last = self.axes_[-1][-1]
            last.set_xlabel(f"{last.get_xlabel()}\n{others}".lstrip())
        return self

    def _lay_out(self, ax: Any) -> tuple[Any, list[list[Any]]]:
        """Return the figure and the axes of each layer's maps, all hidden ones of one size."""
        is_output = [layer == len(self.maps) - 1 for layer in self.layers_]
        hidden = [
            len(units) for units, last in zip(self.units_, is_output, strict=True) if not last
        ]
        most = max([*hidden, round(_OUTPUT[0] / _MAP)])
        height = max(_OUTPUT[0], _MAP * most)
        of_outputs = 1.2 * min(height, _OUTPUT[1])  # with the colour bar
        widths = [of_outputs if last else 1.25 * _MAP for last in is_output]
        if ax is None:
            import matplotlib.pyplot as plt

            figure = plt.figure(figsize=(sum(widths), height))
            figure.set_layout_engine("constrained", w_pad=0.07)
            grid = figure.add_gridspec(1, len(widths), width_ratios=widths)
        else:
            place = ax.get_subplotspec() if hasattr(ax, "get_subplotspec") else None
            if place is None:
                raise ValueError("ax must be one Axes made by subplots, whose room can be divided.")
            ax.set_axis_off()
            figure = ax.figure
            grid = place.subgridspec(1, len(widths), width_ratios=widths)
        axes = []
        for i, (units, last) in enumerate(zip(self.units_, is_output, strict=True)):
            n_cols = 2 if last and len(units) > _MOST_IN_A_COLUMN else 1
            cells = grid[0, i].subgridspec(-(-len(units) // n_cols) if last else most, n_cols)
            places = [divmod(k, n_cols) for k in range(len(units))]
            axes.append([figure.add_subplot(cells[place]) for place in places])
        return figure, axes

    def _plot_hidden(
        self, layer: int, units: list[int], axes: list[Any], image_kw: dict[str, Any] | None
    ) -> None:
        n_units = len(self.maps[layer])
        of_all = "" if len(units) == n_units else f"\n{len(units)} of {n_units} units"
        axes[0].set_title(plain(self.layer_names[layer]) + of_all, fontsize="small")
        images = []
        for unit, ax in zip(units, axes, strict=True):
            values = self.maps[layer][unit]
            images.append(self._image(ax, values, _pale(by_sign()), around_zero(values), image_kw))
            ax.set_xticks([])
            ax.set_yticks([])
            ax.set_ylabel(str(unit), rotation=0, ha="right", va="center", fontsize="x-small")
        self.images_.append(images)

    def _image(
        self,
        ax: Any,
        values: Floats,
        colours: Any,
        limits: tuple[float, float],
        image_kw: dict[str, Any] | None,
    ) -> Any:
        from matplotlib.image import AxesImage

        right, up = (axis[-1] + (axis[1] - axis[0]) / 2 for axis in (self.x, self.y))
        left, down = (axis[0] - (axis[1] - axis[0]) / 2 for axis in (self.x, self.y))
        look = {"cmap": colours, "vmin": limits[0], "vmax": limits[1], "aspect": "auto"}
        look |= {"origin": "lower", "extent": (left, right, down, up)}
        return ax.imshow(values, **merged(look, image_kw, AxesImage))

    def _plot_outputs(
        self,
        units: list[int],
        axes: list[Any],
        image_kw: dict[str, Any] | None,
        scatter_kw: dict[str, Any] | None,
    ) -> None:
        import matplotlib as mpl

        is_value = self.output_kind == "value"
        ground = mpl.colormaps["cividis"] if is_value else _pale(by_sign())
        colours = ground if is_value else by_sign()
        limits = self._output_limits(units)
        images = []
        for unit, ax in zip(units, axes, strict=True):
            images.append(self._image(ax, self.maps[-1][unit], ground, limits, image_kw))
            if self.points is not None and self.targets is not None:
                shown = self.targets[:, unit]
                if not is_value:
                    shown = np.where(shown == 1, limits[1], limits[0])
                self.points_.append(_scatter(ax, self.points, shown, colours, limits, scatter_kw))
            ax.set_title(plain(self._output_title(unit)), fontsize="small")
        self.images_.append(images)
        for ax in axes:
            ax.set_xlabel(plain(label(self.feature_names[0], 40)))
            ax.set_ylabel(plain(label(self.feature_names[1], 40)))
            ax.label_outer(remove_inner_ticks=False)
        bar = self.figure_.colorbar(images[0], ax=axes, pad=0.02, aspect=35)
        bar.set_label(plain(self._output_label(len(units))))

    def _output_label(self, n_drawn: int) -> str:
        what = {"probability": "Probability", "decision": "Decision", "value": "Prediction"}
        text = what[self.output_kind]
        if len(self.maps[-1]) == 1 and self.output_kind != "value":
            return f"{text} of class {self.output_names[0]}"
        if n_drawn < len(self.maps[-1]):
            return f"{text} ({n_drawn} of {len(self.maps[-1])} outputs)"
        return text

    def _output_title(self, unit: int) -> str:
        if len(self.maps[-1]) == 1:
            return self.layer_names[-1]
        return self.output_names[unit]

    def _output_limits(self, units: list[int]) -> tuple[float, float]:
        """Return the ends of the outputs' colours, the same for all outputs."""
        values = self.maps[-1][units].ravel()
        if self.output_kind == "probability":
            return 0.0, 1.0
        if self.output_kind == "decision":
            return around_zero(values)
        if self.targets is not None:
            values = np.concatenate([values, self.targets[:, units].ravel()])
        finite = values[np.isfinite(values)]
        return (float(finite.min()), float(finite.max())) if len(finite) > 0 else (0.0, 1.0)


def _scatter(
    ax: Any,
    points: Floats,
    shown: Floats,
    colours: Any,
    limits: tuple[float, float],
    scatter_kw: dict[str, Any] | None,
) -> Any:
    from matplotlib.collections import PathCollection

    look = {"c": shown, "cmap": colours, "vmin": limits[0], "vmax": limits[1], "s": 18}
    look |= {"edgecolors": "white", "linewidths": 0.5, "rasterized": as_pixels(len(shown))}
    return ax.scatter(*points.T, **merged(look, scatter_kw, PathCollection))


def _pale(colours: Any) -> Any:
    """Leave the darkest colours of both ends to points that are drawn over the others."""
    from matplotlib.colors import ListedColormap

    return ListedColormap(colours(np.linspace(1 / 6, 5 / 6, 256)))


def _most_varied(maps: NDArray[Any], most: int) -> list[int]:
    spread = maps.reshape(len(maps), -1).std(axis=1)
    return sorted(int(i) for i in np.argsort(-spread, kind="stable")[:most])
