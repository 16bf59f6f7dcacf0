"""What all layers share, and those that do nothing to the samples."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from numbers import Integral
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval

from nnhp._component import Component
from nnhp._keras import WithoutKeras

Constraints = dict[str, list[Any]]
_MAX_COUNT = 2**31 - 1  # features and units are 32-bit in the engine's index arrays
COUNT = Interval(Integral, 1, _MAX_COUNT, closed="both")

_OF_ALL: Constraints = {
    "name": [str, None],
    "input_shape": ["array-like", None],
    "input_dim": [COUNT, None],
}
# What the docstring of each class says of the parameters that all have.
_SHARED = """name : str or None, default=None
        What `Sequential.summary` and `get_layer` call the layer; None is its kind, with a number
        where it comes again.

    input_shape : tuple of one int, default=None
        The shape of a sample; on the first layer of a net, in place of an `Input`.

    input_dim : int, default=None
        The same as a number."""


_PENALTIES = "the penalties are those on weights, kernel_regularizer"
_AXIS = "it is always that of the features"


class _Model(Protocol):
    """What a layer asks of the model that it is in."""

    def _part_with(self, layer: Layer) -> None: ...

    def _weights_of(self, layer: Layer) -> list[NDArray[Any]] | None: ...

    def _replace_weights_of(self, layer: Layer, weights: Sequence[ArrayLike]) -> None: ...


class Layer(WithoutKeras, Component):
    """What all layers share: values with `get_params`, and weights once a model makes them.

    A layer is in one model at most, the one that it was last added to.

    Parameters
    ----------
    {shared}
    """

    _not_there: ClassVar[Mapping[str, str]] = {
        "seed": "all random numbers come from Sequential(random_state=...)",
        "dtype": "a model has one, Sequential(dtype=...)",
        "bias_regularizer": _PENALTIES,
        "activity_regularizer": _PENALTIES,
        "bias_constraint": "the limits are those on weights, kernel_constraint",
        "noise_shape": "each output of each sample is dropped by itself",
        "axis": _AXIS,
        "center": "there always is a shift",
        "scale": "there always is a scale",
        "max_value": "'hard_sigmoid' and 'tanh' are the activations with bounds",
        "threshold": "it is 0",
        "shared_axes": _AXIS,
        "weights": "a model has set_weights",
        "batch_input_shape": "input_shape is the shape of one sample",
    }
    trainable: bool = True  # a parameter of the layers that have weights
    _model: _Model | None = None  # whose layer it is
    _kept: Mapping[str, NDArray[Any]] = MappingProxyType({})  # weights while no net holds them

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._parameter_constraints = {**_OF_ALL, **cls._parameter_constraints}
        cls.__doc__ = (cls.__doc__ or "").replace("{shared}", _SHARED)

    def __init__(
        self,
        *,
        name: str | None = None,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
    ) -> None:
        self.name = name
        self.input_shape = input_shape
        self.input_dim = input_dim

    def __getstate__(self) -> dict[str, Any]:
        """All but the model, which takes its layers back by itself."""
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_model"}

    @property
    def n_features(self) -> int | None:
        """Features of the samples, where the layer says how many there are."""
        if self.input_shape is not None:
            return _features(self.input_shape, "input_shape")
        return None if self.input_dim is None else operator.index(self.input_dim)

    def check(self) -> None:
        """Raise ValueError where a parameter is out of bounds."""
        super().check()
        _ = self.n_features

    def get_weights(self) -> list[NDArray[Any]]:
        """Copy the weights that the layer has in the model that it was last added to.

        Returns
        -------
        weights : list of ndarray
            As `Sequential.get_weights` lists them. Empty for a layer without weights, and as long
            as the number of features is not known. A layer that left its model has those that it
            had there.
        """
        found = None if self._model is None else self._model._weights_of(self)  # noqa: SLF001
        return [values.copy() for values in self._kept.values()] if found is None else found

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Replace the weights that the layer has in the model that it was last added to.

        Parameters
        ----------
        weights : sequence of array-like
            As `get_weights` returns them.

        Raises
        ------
        ValueError
            If the layer is in no model, or the number or a shape of the weights is another.
        """
        if self._model is None:
            raise ValueError(f"{self!r} is in no model: add it to one before its weights are set.")
        self._model._replace_weights_of(self, weights)  # noqa: SLF001

    def _join(self, model: _Model) -> None:
        """Leave the model that the layer is in for another, with its weights."""
        if self._model is model:
            raise ValueError(
                f"{self!r} is in the model already, and cannot come twice with the same weights: "
                "add another, such as its sklearn.base.clone."
            )
        if self._model is not None:
            self._model._part_with(self)  # noqa: SLF001
        self._model = model


Layer.__doc__ = (Layer.__doc__ or "").replace("{shared}", _SHARED)


class Input(Layer):
    """Says how many features the samples have.

    Parameters
    ----------
    shape : tuple of one int
        The shape of one sample.

    name : str or None, default=None
        Has no effect: a model's `layers` begin after it.

    Examples
    --------
    >>> from nnhp.layers import Input
    >>> Input((4,)).n_features
    4
    """

    name = "input"
    _parameter_constraints: ClassVar[Constraints] = {"shape": ["array-like"]}

    def __init__(self, shape: Sequence[int], *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.shape = shape

    @property
    def n_features(self) -> int:
        """The one entry of `shape`."""
        return _features(self.shape, "shape")


class Flatten(Layer):
    """Does nothing: samples are flat already.

    Parameters
    ----------
    {shared}

    Examples
    --------
    >>> from nnhp.layers import Flatten
    >>> Flatten(input_shape=(4,)).n_features
    4
    """

    name = "flatten"


def _features(shape: Any, what: str) -> int:
    sizes = [size for size in shape if size is not None]
    if len(sizes) != 1 or not isinstance(sizes[0], Integral) or sizes[0] < 1:
        raise ValueError(
            f"{what} must be the shape of one sample, (n_features,), got {tuple(shape)!r}."
        )
    return int(sizes[0])
