"""Layers and their weights: all of a model but its training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_random_state

from nnhp import _core, _threads
from nnhp.estimators._data import engine_X
from nnhp.layers import Layer
from nnhp.sequential import _parts
from nnhp.sequential._data import check_x
from nnhp.sequential._net import Net
from nnhp.sequential._summary import summary_of
from nnhp.sequential._training import State, Training


class Layered:
    """A list of layers, and the weights that they have once the features are known."""

    def __init__(
        self,
        layers: Sequence[Layer] | None,
        dtype: str,
        random_state: int | np.random.RandomState | None,
        n_jobs: int | None,
    ) -> None:
        if dtype not in ("float32", "float64"):
            raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}.")
        self.dtype = dtype
        self.random_state = random_state
        self.n_jobs = n_jobs
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

    @property
    def layers(self) -> list[Layer]:
        """The layers, from the samples on; what is set in them counts from the next compile on."""
        return list(self._layers)

    def add(self, layer: Layer) -> None:
        """Append a layer; weights that the model has are given up.

        Parameters
        ----------
        layer : `nnhp.layers` object
            The layer.

        Raises
        ------
        TypeError
            If it is no layer.
        ValueError
            If a parameter of the layer is out of bounds.
        """
        if not isinstance(layer, Layer):
            raise TypeError(f"layer must be one of nnhp.layers, got {layer!r}.")
        _parts.check(layer)
        self._layers.append(layer)
        self._net = None

    def pop(self) -> None:
        """Take the last layer away; weights that the model has are given up.

        Raises
        ------
        ValueError
            If there is none.
        """
        if not self._layers:
            raise ValueError("The model has no layers.")
        self._layers.pop()
        self._net = None

    def summary(self) -> None:
        """Print the layers with their output shapes and numbers of parameters.

        A layer whose ``trainable`` was set once there were weights counts as before until the
        model is compiled again, as it does in training.
        """
        net = self._net_if_known()
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
        flat = self._built(None).pack(weights)
        self._weights = self._weights.with_parameters(flat)
        if self._training is not None:
            self._training.replace(flat)

    def predict(
        self,
        x: ArrayLike,
        batch_size: int | None = None,  # noqa: ARG002 - as in Keras; has no effect on results
        verbose: int | str = 0,  # noqa: ARG002 - there is nothing to say
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
        samples = self._samples(x)
        net = self._built(samples.shape[1])
        predictor = _core.Predictor(net.spec, self._flat())
        return predictor.outputs(engine_X(samples), self._threads)

    def _threads(self) -> int:
        return _threads.resolve(self.n_jobs)

    def _state(self) -> State:
        """What has been learned, in the midst of a training too."""
        return self._weights if self._training is None else self._training.state()

    def _flat(self) -> NDArray[Any]:
        """The flat parameters, in the midst of a training too."""
        return self._weights.parameters if self._training is None else self._training.parameters

    def _features_said(self) -> int | None:
        """Features as the first layer says."""
        return self._layers[0].n_features if self._layers else None

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
            self._weights = State.drawn(net, np.random.RandomState(seed))
            self._net = net
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
                "layers must keep the number and shapes of their weights: use pop and add to "
                "change them."
            )
        return net

    def _samples(self, x: Any) -> Any:
        known = self._features_said() if self._net is None else self._net.n_features
        return check_x(x, known, self.dtype)
