"""Layers and their weights: all of a model but its training."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_random_state

from nnhp import _core, _threads
from nnhp._checks import check_arguments, check_iterable
from nnhp.estimators._compiled import outputs_of
from nnhp.estimators._data import engine_X
from nnhp.layers import Input, Layer, UnitsLayer
from nnhp.sequential import _files, _parts
from nnhp.sequential._data import check_count, check_verbose, check_x
from nnhp.sequential._net import Net
from nnhp.sequential._summary import names_of, summary_of
from nnhp.sequential._training import State, Training

_CONSTRAINTS = {
    "random_state": ["random_state"],
    "n_jobs": [Integral, None],  # 0 is told where it is resolved
    "name": [str, None],
}


class Layered:
    """A list of layers, and the weights that they have once the features are known."""

    def __init__(
        self,
        layers: Sequence[Layer] | None = None,
        *,
        dtype: str = "float32",
        random_state: int | np.random.RandomState | None = None,
        n_jobs: int | None = None,
        name: str | None = None,
    ) -> None:
        if dtype not in ("float32", "float64"):
            raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}.")
        check_arguments("Sequential", _CONSTRAINTS, locals())
        if layers is not None:
            check_iterable(layers, "layers", "a sequence of layers")
        self.dtype = dtype
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.name = name
        self._input: Input | None = None
        self._layers: list[Layer] = []
        self._net: Net | None = None
        self._weights: State
        self._training: Training | None = None  # under way
        for layer in layers or ():
            self.add(layer)

    def __getstate__(self) -> dict[str, Any]:
        """All but a training that is under way: a copy has what has been learned by then."""
        if self._net is None:
            return self.__dict__
        return {**self.__dict__, "_weights": self._state(), "_training": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Layers do not keep their model where they are copied."""
        self.__dict__.update(state)
        for layer in self._layers:
            layer._model = self  # noqa: SLF001

    def __call__(self, x: ArrayLike, training: bool = False) -> NDArray[Any]:
        """Compute the outputs, as `predict` does."""
        if training:
            raise ValueError("training must be False: outputs are those without dropout and noise.")
        return self.predict(x)

    @property
    def layers(self) -> list[Layer]:
        """The layers that follow the Input; what is set in them counts from the next compile on."""
        return list(self._layers)

    @property
    def trainable(self) -> bool:
        """Whether any layer is; set, it is that of each, and counts from the next compile on."""
        own = [layer for layer in self._layers if "trainable" in layer.get_params()]
        return not own or any(layer.trainable for layer in own)

    @trainable.setter
    def trainable(self, trainable: bool) -> None:
        check_arguments("Sequential", {"trainable": ["boolean"]}, {"trainable": trainable})
        own = [layer for layer in self._layers if "trainable" in layer.get_params()]
        if not trainable and own and not isinstance(own[0], UnitsLayer):
            raise ValueError(
                f"trainable must be True of a model that begins with {own[0]!r}, which cannot be "
                "frozen: set it in the other layers."
            )
        for layer in own:
            layer.trainable = trainable

    def add(self, layer: Layer) -> None:
        """Append a layer; the others keep their weights.

        Parameters
        ----------
        layer : `nnhp.layers` object
            The layer. One that has weights, of another model say, comes with them. It leaves that
            model, where a copy of it takes its place: from then on each has weights of its own.

        Raises
        ------
        TypeError
            If it is no layer.
        ValueError
            If a parameter of the layer is out of bounds, its name is that of another layer, it is
            in the model already, or it is an `Input` and not the first.
        RuntimeError
            If a training is under way.
        """
        self._check_resting("add")
        if not isinstance(layer, Layer):
            raise TypeError(f"layer must be one of nnhp.layers, got {layer!r}.")
        _parts.check(layer)
        if isinstance(layer, Input):
            if self._layers or self._input is not None:
                raise ValueError(f"{layer!r} must be the first layer.")
            self._input = layer
            return
        if layer.name is not None and layer.name in names_of(self._layers):
            raise ValueError(f"name={layer.name!r} is the name of another layer.")
        layer._join(self)  # noqa: SLF001
        self._take_apart()
        self._layers.append(layer)

    def pop(self) -> None:
        """Take the last layer away; it and the others keep their weights.

        Raises
        ------
        ValueError
            If there is none.
        RuntimeError
            If a training is under way.
        """
        self._check_resting("pop")
        if not self._layers:
            raise ValueError("The model has no layers.")
        self._take_apart()
        self._layers.pop()._model = None  # noqa: SLF001

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Give one layer.

        Parameters
        ----------
        name : str, default=None
            Its name, as `summary` prints it.

        index : int, default=None
            Its place in `layers`; or the name must be given.

        Returns
        -------
        layer : Layer
            The layer itself.

        Raises
        ------
        ValueError
            If there is no such layer, or not one of name and index is given.
        """
        if (name is None) == (index is None):
            raise ValueError("name or index must be given, and not both.")
        names = names_of(self._layers)
        if name is not None:
            if name not in names:
                raise ValueError(f"name must be one of {names}, got {name!r}.")
            return self._layers[names.index(name)]
        if index is None or index not in range(-len(names), len(names)):
            raise ValueError(f"index must be below {len(names)}, got {index!r}.")
        return self._layers[operator.index(index)]

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Make the weights, where no layer says how many features there are.

        Parameters
        ----------
        input_shape : sequence of int
            ``(None, n_features)`` or ``(n_features,)``.

        Raises
        ------
        ValueError
            If it is something else, or the model has another number of features.
        """
        try:
            given = Input(tuple(input_shape))  # type: ignore[arg-type]
            given.check()
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"input_shape must be (None, n_features) or (n_features,), got {input_shape!r}."
            ) from error
        known = self._features_said() if self._net is None else self._net.n_features
        if known not in (None, given.n_features):
            raise ValueError(f"input_shape must have the model's {known} features, got {given}.")
        self._built(given.n_features)

    def count_params(self) -> int:
        """Count the weights.

        Returns
        -------
        n : int
            Numbers in all arrays of `get_weights`.
        """
        return self._built(None).n_parameters

    def summary(self) -> None:
        """Print the layers with their output shapes and numbers of parameters.

        A layer whose ``trainable`` was set once there were weights counts as before until the
        model is compiled again, as it does in training.
        """
        net = self._net_if_known()
        if self.name is not None:
            print(f"Model: {self.name}")
        print(summary_of(self._layers if net is None else net.layers, net))

    def get_weights(self) -> list[NDArray[Any]]:
        """Copy the weights.

        Returns
        -------
        weights : list of ndarray
            Layer by layer: of dense layers the kernel (inputs, units) and the biases, unless
            there are none; of normalizations scale and shift, and of batches' the moving mean
            and variance; of PReLU the slopes. Empty as long as the number of features is not
            known.
        """
        net = self._net_if_known()
        return [] if net is None else net.unpack(self._flat())

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Replace the weights.

        Parameters
        ----------
        weights : sequence of array-like
            As `get_weights` returns them.

        Raises
        ------
        ValueError
            If their number or a shape is another.
        """
        check_iterable(weights, "weights", "a sequence of arrays")
        flat = self._built(None).pack(weights)
        self._weights = self._weights.with_parameters(flat)
        if self._training is not None:
            self._training.replace(flat)

    def save_weights(self, path: str | Path) -> None:
        """Write the weights, and nothing else, to a file in the safetensors format.

        Parameters
        ----------
        path : path
            The file.

        Raises
        ------
        NotFittedError
            If the number of features is not known yet, so that there are no weights.
        ValueError
            If the name ends as those of Keras's files, which these are not.
        """
        net = self._built(None)
        _files.write_weights(path, net, self._flat())

    def load_weights(self, path: str | Path) -> None:
        """Read the weights that `save_weights` or `save` of a model with such layers wrote.

        Parameters
        ----------
        path : path
            The file.

        Raises
        ------
        ValueError
            If it is no such file, or the number or a shape of its weights is another.
        OSError
            If it cannot be read.
        """
        net = self._built(None)
        self.set_weights(_files.read_weights(path, net))

    def predict(
        self,
        x: ArrayLike,
        batch_size: int | None = None,
        verbose: int | str = 0,
    ) -> NDArray[Any]:
        """Compute the outputs.

        Parameters
        ----------
        x : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        batch_size : int, default=None
            Ignored: blocks are cut as suits the machine.

        verbose : {'auto', 0, 1, 2}, default=0
            Ignored.

        Returns
        -------
        outputs : ndarray of shape (n_samples, n_outputs)
            In the model's dtype.
        """
        check_verbose(verbose)
        if batch_size is not None:
            check_count(batch_size, "batch_size", 1)
        samples = self._samples(x)
        predictor = self._predictor(samples.shape[1])
        return outputs_of(predictor, engine_X(samples), self._threads)

    def _predictor(self, n_features: int | None) -> _core.Predictor:
        net = self._built(n_features)
        return _core.Predictor(net.spec, self._flat())

    def _threads(self) -> int:
        return _threads.resolve(self.n_jobs)

    def _state(self) -> State:
        """What has been learned, in the midst of a training too."""
        return self._weights if self._training is None else self._training.state()

    def _flat(self) -> NDArray[Any]:
        """The flat parameters, in the midst of a training too."""
        return self._weights.parameters if self._training is None else self._training.parameters

    def _features_said(self) -> int | None:
        """Features as the Input says, or else the first layer, or the weights that layers keep."""
        first = [self._input] if self._input is not None else self._layers[:1]
        said = first[0].n_features if first else None
        return self._features_kept() if said is None else said

    def _features_kept(self) -> int | None:
        """Features as the first layer with weights had them; those before it leave their number."""
        for layer in self._layers:
            if layer._kept:  # noqa: SLF001
                return len(next(iter(layer._kept.values())))  # noqa: SLF001
            if isinstance(layer, UnitsLayer):
                break
        return None

    def _check_resting(self, method: str) -> None:
        """Raise RuntimeError where a training is under way, whose end would undo what is done."""
        if self._training is not None:
            raise RuntimeError(
                f"{method} cannot be called while the model is trained, as by a callback: call it "
                "once fit has returned."
            )

    def _take_apart(self) -> None:
        """Leave each layer its weights until there is a net again."""
        if self._net is not None:
            for place, layer in enumerate(self._layers):
                layer._kept = self._net.weights_at(place, self._flat())  # noqa: SLF001
            self._net = None

    def _part_with(self, layer: Layer) -> None:
        """Leave a layer a copy of its weights; a copy of it takes its place here."""
        place = self._place_of(layer)
        stand_in: Layer = clone(layer)
        stand_in._model = self  # noqa: SLF001
        if self._net is None:
            stand_in._kept = dict(layer._kept)  # noqa: SLF001
        else:
            layer._kept = self._net.weights_at(place, self._flat())  # noqa: SLF001
        self._layers[place] = stand_in

    def _weights_of(self, layer: Layer) -> list[NDArray[Any]] | None:
        if self._net is None and layer._kept:  # noqa: SLF001
            return None
        net = self._net_if_known()
        if net is None:
            return None
        return list(net.weights_at(self._place_of(layer), self._flat()).values())

    def _replace_weights_of(self, layer: Layer, weights: Sequence[ArrayLike]) -> None:
        own, own_weights = self._own(layer, self._built(None)), list(weights)
        if len(own_weights) != len(own):
            raise ValueError(f"weights must be {len(own)} arrays, got {len(own_weights)}.")
        every: list[ArrayLike] = list(self.get_weights())
        for number, given in zip(own, own_weights, strict=True):
            every[number] = given
        self.set_weights(every)

    def _own(self, layer: Layer, net: Net) -> list[int]:
        """Places of a layer's arrays among all weights."""
        place = self._place_of(layer)
        return [number for number, array in enumerate(net.arrays) if array.place == place]

    def _place_of(self, layer: Layer) -> int:
        return next(place for place, each in enumerate(self._layers) if each is layer)

    def _net_if_known(self) -> Net | None:
        if self._net is None and self._features_said() is not None:
            self._built(None)
        return self._net

    def _built(self, n_features: int | None) -> Net:
        """The net, made when the features are known."""
        if self._net is None:
            features = self._features_said() or n_features
            if features is None:
                raise NotFittedError(
                    "The number of features is not known: add an Input, or call fit before this."
                )
            net = Net(self._layers, features, self.dtype)
            # The model's own, so that neither the caller's draws nor another model's change it.
            seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
            drawn = State.drawn(net, np.random.RandomState(seed))
            kept = [layer._kept for layer in self._layers]  # noqa: SLF001
            weights = drawn.with_parameters(net.with_kept(kept, drawn.parameters))
            if self._net is not None:  # another thread was first, and has taken what was kept
                return self._net
            self._weights = weights
            self._net = net
            for layer in self._layers:
                layer._kept = {}  # noqa: SLF001
        return self._net

    def _renewed(self) -> Net | None:
        """The net of the layers as they are now; the weights of the present one fit it."""
        if self._net is None:
            return None
        for layer in self._layers:
            _parts.check(layer)
        features = self._features_said() or self._net.n_features
        net = Net(self._layers, features, self.dtype)
        if not net.has_shapes_of(self._net):
            raise ValueError(
                "layers must keep the number and shapes of their weights: use pop, and add new "
                "ones."
            )
        return net

    def _samples(self, x: Any) -> Any:
        known = self._features_said() if self._net is None else self._net.n_features
        return check_x(x, known, self.dtype)
