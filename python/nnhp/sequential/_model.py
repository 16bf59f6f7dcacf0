"""The public class."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_random_state

from nnhp import _core, _threads
from nnhp.callbacks import Callback, History
from nnhp.layers import Layer
from nnhp.sequential import _files, _similar
from nnhp.sequential._compiled import Compiled
from nnhp.sequential._data import Part, check_x, parts_of
from nnhp.sequential._metrics import measure
from nnhp.sequential._net import Net
from nnhp.sequential._summary import summary_of

if TYPE_CHECKING:
    from nnhp.estimators import MLPClassifier, MLPRegressor


class Sequential:
    """A net as a list of layers, with the methods of Keras's class of that name.

    It trains on the same engine as the estimators, and is not one of them: searches need
    `MLPClassifier` or `MLPRegressor`, which `to_estimator` makes of a model.

    Parameters
    ----------
    layers : sequence of `nnhp.layers` objects, default=None
        The layers, from the samples on. The first says how many features there are, or else the
        first call of `fit` does.

    dtype : {'float32', 'float64'}, default='float32'
        Precision of the net.

    random_state : int, RandomState instance or None, default=None
        Source of the initial weights, of the orders of samples, and of dropout and noise.

    n_jobs : int or None, default=None
        Threads, as of the estimators. Has no effect on results.

    Attributes
    ----------
    layers : list
        The layers.

    learning_rate : float
        The rate of the next epoch; may be set between epochs.

    stop_training : bool
        Set by callbacks to end training after the present epoch.

    See Also
    --------
    MLPClassifier, MLPRegressor : scikit-learn estimators on the same engine.

    Notes
    -----
    Defaults and losses are Keras's: Glorot's uniform weights, biases of 0, batches of 32, losses
    averaged over the outputs of a sample, weighted losses divided by the number of samples.
    'val_' numbers and losses mean what they mean there. Metrics of the training data differ: here
    they are of the net at the end of an epoch, without dropout; there they are a running mean
    over the epoch's batches.

    Examples
    --------
    >>> import nnhp
    >>> from nnhp.layers import Dense, Dropout
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = nnhp.Sequential(random_state=0)
    >>> model.add(Dense(16, activation="relu", input_dim=30))
    >>> model.add(Dropout(0.2))
    >>> model.add(Dense(1, activation="sigmoid"))
    >>> model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    >>> history = model.fit(scale(X), y, batch_size=16, epochs=25, verbose=0)
    >>> history.history["accuracy"][-1] > 0.95
    True
    """

    def __init__(
        self,
        layers: Sequence[Layer] | None = None,
        *,
        dtype: str = "float32",
        random_state: int | np.random.RandomState | None = None,
        n_jobs: int | None = None,
    ) -> None:
        if dtype not in ("float32", "float64"):
            raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}.")
        self.dtype = dtype
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.stop_training = False
        self._layers: list[Layer] = []
        self._compiled: Compiled | None = None
        self._net: Net | None = None
        for layer in layers or ():
            self.add(layer)

    # --- the layers -------------------------------------------------------------------------------

    @property
    def layers(self) -> list[Layer]:
        """The layers, from the samples on."""
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
        layer.check()
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
        """Print the layers with their output shapes and numbers of parameters."""
        print(summary_of(self._layers, self._net_if_known()))

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
        return [] if net is None else net.weights()

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
        self._built(None).set_weights(weights)

    # --- training ---------------------------------------------------------------------------------

    def compile(self, optimizer: Any = "rmsprop", loss: Any = None, *, metrics: Any = None) -> None:
        """Say how the model is to be trained; an optimizer's state is given up.

        Parameters
        ----------
        optimizer : str or `nnhp.optimizers` object, default='rmsprop'
            A name stands for Keras's defaults.

        loss : str or `nnhp.losses` object
            'mse', 'mae', 'huber', 'binary_crossentropy', 'categorical_crossentropy',
            'sparse_categorical_crossentropy', 'poisson', 'hinge', ..., as Keras defines them.

        metrics : str, callable or sequence of these, default=None
            Numbers to report: 'accuracy', 'mse', 'mae', 'auc', ..., or functions of the targets
            (n_samples, n_targets) and the outputs (n_samples, n_outputs).

        Raises
        ------
        ValueError
            If a name is not known, or a parameter out of bounds.
        """
        self._compiled = Compiled(optimizer, loss, metrics)
        if self._net is not None:
            self._net.forget_optimizer()

    @property
    def learning_rate(self) -> float:
        """The rate of the next epoch."""
        return self._ready().learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self._ready().learning_rate = float(rate)

    def fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: tuple[Any, ...] | None = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: ArrayLike | None = None,
        initial_epoch: int = 0,
    ) -> History:
        """Train; a second call goes on from the first one's weights and optimizer state.

        Parameters
        ----------
        x : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets: class numbers from 0 for 'sparse_categorical_crossentropy', else one column
            per output; (n_samples,) serves for one output.

        batch_size : int, default=None
            Samples per step; None is 32.

        epochs : int, default=1
            The epoch to train up to, counted from `initial_epoch`.

        verbose : {'auto', 0, 1, 2}, default='auto'
            0 prints nothing, the others a line per epoch.

        callbacks : sequence of `nnhp.callbacks` objects, default=None
            Called between epochs.

        validation_split : float, default=0.0
            Share of the samples, the last ones, that are not trained on but evaluated after each
            epoch.

        validation_data : tuple of (x, y) or (x, y, sample_weight), default=None
            The same as data of their own; `validation_split` is then ignored.

        shuffle : bool, default=True
            Whether the samples get a new order in each epoch.

        class_weight : dict of int to float, default=None
            Weight of the samples of each class, 1 for those it does not name.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.

        initial_epoch : int, default=0
            Number of the first epoch.

        Returns
        -------
        history : History
            What each epoch brought.

        Raises
        ------
        ValueError
            If an argument is out of bounds, or shapes do not fit together.
        """
        compiled = self._ready()
        fit = _fit.Fit(self, compiled, x, y, batch_size, epochs)
        raise NotImplementedError
