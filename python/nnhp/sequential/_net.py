"""From layers to the engine's net, and its parameters as a list of weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from nnhp import _core, activations, layers
from nnhp.estimators import _memory
from nnhp.sequential import _parts

Stages = list[dict[str, Any]]

_NORMALIZATIONS = (layers.BatchNormalization, layers.LayerNormalization)


@dataclass
class _Row:
    """A dense layer of the engine, with what follows it up to the next."""

    place: int  # of its layer in the model
    layer: layers.UnitsLayer
    stages: Stages = field(default_factory=list)
    places: list[int] = field(default_factory=list)  # of the layer that each stage comes from

    @property
    def numbered(self) -> Iterable[tuple[int, dict[str, Any]]]:
        """Stages with the places of their layers."""
        return zip(self.places, self.stages, strict=True)


@dataclass(frozen=True)
class Weights:
    """One array of a layer in the flat parameters."""

    place: int  # of its layer in the model
    name: str
    at: int
    shape: tuple[int, ...]
    trained: bool

    @property
    def size(self) -> int:
        """Numbers in the array."""
        return int(np.prod(self.shape))

    def copied(self, flat: NDArray[Any]) -> NDArray[Any]:
        """Copy the array out of the flat parameters."""
        return flat[self.at : self.at + self.size].reshape(self.shape).copy()


class Net:
    """The engine's description of a model, and where each layer's weights are.

    Parameters
    ----------
    model_layers : sequence of Layer
        The layers.
    n_features : int
        Of the samples.
    dtype : {'float32', 'float64'}
        Of the parameters.
    """

    def __init__(self, model_layers: Sequence[layers.Layer], n_features: int, dtype: str) -> None:
        self.layers = [clone(layer) for layer in model_layers]  # what is set later has no effect
        self.n_features = n_features
        self.dtype = np.dtype(dtype)
        input_stages, input_places, self._rows = _rows_of(self.layers)
        *hidden, last = self._rows
        output_stages, self.output_activation = _split_output(last, self.layers)
        before_outputs = zip(last.places, output_stages, strict=False)
        for place, stage in [*before_outputs, *(each for row in hidden for each in row.numbered)]:
            if stage["name"] in _parts.OUTPUT_ACTIVATIONS:
                raise ValueError(f"{self.layers[place]!r}: {stage['name']!r} can only come last.")
        self.n_outputs = int(last.layer.units)
        self.max_norm = _max_norm_of(self._rows)
        self.spec = _core.NetSpec(
            n_inputs=n_features,
            hidden=[(int(row.layer.units), row.stages) for row in hidden],
            n_outputs=self.n_outputs,
            output_activation=self.output_activation,
            input_stages=input_stages,
            output_stages=output_stages,
            dtype=dtype,
        )
        self.arrays = self._find_arrays(input_places)
        self.check_memory(2)  # the weights, and one that is drawn

    def check_memory(self, copies: int) -> None:
        """Raise MemoryError where so many arrays as long as the parameters are too much."""
        needed = copies * self.spec.n_parameters * self.dtype.itemsize
        _memory.check(needed, f"A model of {self.n_parameters:,} weights")

    def check_batch(self, batch_size: int) -> None:
        """Raise MemoryError where a batch, of which all is held at once, is too much."""
        if self.spec.n_parameters > self.spec.n_trained:
            needed = self.spec.scratch_bytes(batch_size)
            _memory.check(needed, f"BatchNormalization with batch_size={batch_size}")

    @property
    def n_parameters(self) -> int:
        """Weights of all layers."""
        return sum(array.size for array in self.arrays)

    @property
    def n_trained(self) -> int:
        """Those that training changes by gradients."""
        return sum(array.size for array in self.arrays if array.trained)

    def has_shapes_of(self, other: Net) -> bool:
        """Whether flat parameters of the other net mean the same in this one."""
        own, others = ([replace(a, trained=True) for a in net.arrays] for net in (self, other))
        return own == others

    def layer_parameters(self, place: int) -> int:
        """Weights of one layer."""
        return sum(array.size for array in self.arrays if array.place == place)

    def unpack(self, flat: NDArray[Any]) -> list[NDArray[Any]]:
        """Copy the weights out of the flat parameters, layer by layer."""
        return [array.copied(flat) for array in self.arrays]

    def pack(self, weights: Sequence[ArrayLike]) -> NDArray[Any]:
        """Copy weights into flat parameters; biases that layers do not have are 0."""
        if len(weights) != len(self.arrays):
            raise ValueError(f"weights must be {len(self.arrays)} arrays, got {len(weights)}.")
        flat = np.zeros(self.spec.n_parameters, dtype=self.dtype)
        for number, (array, given) in enumerate(zip(self.arrays, weights, strict=True)):
            values = np.asarray(given, dtype=self.dtype)
            if values.shape != array.shape:
                raise ValueError(
                    f"weights[{number}], the {array.name} of layer {array.place}, must have the "
                    f"shape {array.shape}, got {values.shape}."
                )
            flat[array.at : array.at + array.size] = values.ravel()
        return flat

    def weights_at(self, place: int, flat: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Copy the weights of one layer out of the flat parameters, by their names."""
        return {a.name: a.copied(flat) for a in self.arrays if a.place == place}

    def with_kept(
        self, kept: Sequence[Mapping[str, NDArray[Any]]], flat: NDArray[Any]
    ) -> NDArray[Any]:
        """Copy flat parameters, but for the layers that have kept weights by their names."""
        flat = flat.copy()
        for place, own in enumerate(kept):
            arrays = [array for array in self.arrays if array.place == place]
            shapes = {array.name: array.shape for array in arrays}
            own_shapes = {name: values.shape for name, values in own.items()}
            if own and own_shapes != shapes:
                raise ValueError(
                    f"{self.layers[place]!r} must have weights of the shapes {shapes} where it is "
                    f"now, and has {own_shapes}: add a new layer, such as its sklearn.base.clone, "
                    "in its place."
                )
            for array in arrays if own else ():
                flat[array.at : array.at + array.size] = own[array.name].ravel()
        return flat

    def draw(self, rng: np.random.RandomState) -> NDArray[Any]:
        """Draw flat parameters to start from."""
        return self.pack([self._initial(array, rng) for array in self.arrays])

    @property
    def frozen_layers(self) -> list[int]:
        """Dense layers that training leaves as they are."""
        return [number for number, row in enumerate(self._rows) if not row.layer.trainable]

    @property
    def held_biases(self) -> list[int]:
        """Dense layers without biases."""
        return [number for number, row in enumerate(self._rows) if not row.layer.use_bias]

    @property
    def penalties(self) -> list[tuple[float, float]]:
        """L2 (of half the squares, as the engine has it) and L1 of each dense layer; or none.

        As in Keras, layers that are not trained have none.
        """
        found = [
            _parts.regularizer_of(row.layer.kernel_regularizer if row.layer.trainable else None)
            for row in self._rows
        ]
        listed = [(2.0 * regularizer.l2, regularizer.l1) for regularizer in found]
        return listed if any(map(any, listed)) else []

    def penalty(self, flat: NDArray[Any]) -> float:
        """What the penalties add to the loss."""
        total = 0.0
        at = 0
        penalties = self.penalties or [(0.0, 0.0)] * len(self._rows)
        for (l2, l1), (inputs, units) in zip(penalties, self.spec.layer_shapes, strict=True):
            weights = flat[at : at + inputs * units].astype(np.float64)
            total += 0.5 * l2 * float(weights @ weights) + l1 * float(np.abs(weights).sum())
            at += (inputs + 1) * units
        return total

    def _initial(self, array: Weights, rng: np.random.RandomState) -> NDArray[Any]:
        constant = {"scale": 1.0, "shift": 0.0, "mean": 0.0, "variance": 1.0}.get(array.name)
        if constant is not None:
            return np.full(array.shape, constant)
        layer = self.layers[array.place]
        if array.name == "slopes":
            return np.full(array.shape, _parts.initial_slope(layer.activation))
        option = "kernel_initializer" if array.name == "kernel" else "bias_initializer"
        return _parts.initializer_of(getattr(layer, option), option)(array.shape, rng)

    def _find_arrays(self, input_places: Sequence[int]) -> list[Weights]:
        arrays = []
        at = 0
        for row, (inputs, units) in zip(self._rows, self.spec.layer_shapes, strict=True):
            trained = row.layer.trainable
            arrays.append(Weights(row.place, "kernel", at, (inputs, units), trained))
            at += inputs * units
            if row.layer.use_bias:
                arrays.append(Weights(row.place, "biases", at, (units,), trained))
            at += units
        places = [*(row.places for row in self._rows), list(input_places)]  # inputs are layer -1
        for layer, stage, name, start, size in self.spec.stage_arrays:
            trained = name not in ("mean", "variance") and layer not in self.frozen_layers
            arrays.append(Weights(places[layer][stage], name, start, (size,), trained))
        return sorted(arrays, key=lambda array: array.place)


def _rows_of(model_layers: Sequence[layers.Layer]) -> tuple[Stages, list[int], list[_Row]]:
    input_stages: Stages = []
    input_places: list[int] = []
    rows: list[_Row] = []
    for place, layer in enumerate(model_layers):
        if isinstance(layer, layers.UnitsLayer):
            rows.append(_Row(place, layer))
        stage = _parts.stage_of(layer)
        if stage is None:
            continue
        if not rows and isinstance(layer, layers.ActivationLayer):
            raise ValueError(f"{layer!r} needs a Dense layer before it.")
        has_slopes = isinstance(layer, layers.ActivationLayer) and (
            stage["name"] == activations.PReLU.name
        )
        if isinstance(layer, _NORMALIZATIONS) or (has_slopes and not layer.trainable):
            _check_trainable(layer, rows[-1].layer if rows else None)
        (rows[-1].stages if rows else input_stages).append(stage)
        (rows[-1].places if rows else input_places).append(place)
    if not rows:
        raise ValueError("A model needs at least one Dense or Maxout layer.")
    return input_stages, input_places, rows


def _max_norm_of(rows: Sequence[_Row]) -> float | None:
    """The limit that all layers have: the engine knows no other."""
    first = _parts.max_norm_of(rows[0].layer.kernel_constraint)
    for row in rows:
        if _parts.max_norm_of(row.layer.kernel_constraint) != first:
            raise ValueError(
                f"{row.layer!r}: kernel_constraint must be the same in all layers with weights, "
                f"and that of the first is {rows[0].layer.kernel_constraint!r}."
            )
    return first


def _check_trainable(layer: layers.Layer, before: layers.UnitsLayer | None) -> None:
    """Raise ValueError where the engine, which freezes both or none, cannot do what is asked."""
    if layer.trainable != (before is None or before.trainable):
        raise ValueError(
            f"{layer!r}: trainable must be that of "
            + ("a Dense layer before it." if before is None else f"{before!r}.")
        )


def _split_output(row: _Row, model_layers: Sequence[layers.Layer]) -> tuple[Stages, str]:
    """Stages before the output activation, and its name."""
    if not row.stages:
        return [], "identity"
    *before, last = row.stages
    layer = model_layers[row.places[-1]]
    if isinstance(layer, layers.Dropout | layers.AlphaDropout | layers.GaussianNoise):
        raise ValueError(f"{layer!r} after the last Dense layer would change the model's outputs.")
    # The engine names output activations: those with parameters are stages before 'identity'.
    by_name = last.keys() == {"name"} and last["name"] != activations.PReLU.name
    if isinstance(layer, _NORMALIZATIONS) or not by_name:
        return row.stages, "identity"
    name = str(last["name"])
    if name == "softmax" and row.layer.units == 1:
        raise ValueError(
            f"{layer!r}: softmax of one output is always 1: choose activation='sigmoid', or a unit "
            "for each class."
        )
    return before, name
