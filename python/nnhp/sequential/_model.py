"""The public class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Self

from nnhp._model_files._container import guarded
from nnhp.sequential import _files, _similar
from nnhp.sequential._net import Net
from nnhp.sequential._trainable import Trainable
from nnhp.sequential._training import State

if TYPE_CHECKING:
    import onnx

    from nnhp._exports import Model
    from nnhp._model_files._container import Content
    from nnhp.estimators import MLPClassifier, MLPRegressor


class Sequential(Trainable):
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

    name : str or None, default=None
        Printed by `summary`.

    Attributes
    ----------
    layers : list
        The layers, without the `Input`. What is set in one that has weights already, ``trainable``
        say, has an effect from the next `compile` on.

    trainable : bool
        Whether training changes any layer. Setting it sets that of each layer.

    learning_rate : float
        The rate of the next epoch; may be set between epochs.

    optimizer : `nnhp.optimizers` object
        The model's own; what is set in it, ``learning_rate`` say, counts from the next epoch or
        call of `fit` on.

    metrics_names : list of str
        What `evaluate` returns.

    stop_training : bool
        Set by callbacks to end training after the present epoch.

    See Also
    --------
    MLPClassifier : Scikit-learn's classifier on the same engine.
    MLPRegressor : Scikit-learn's regressor.

    Notes
    -----
    Defaults and losses are Keras's: Glorot's uniform weights, biases of 0, batches of 32, losses
    averaged over the outputs of a sample, weighted losses divided by the number of samples.
    Losses and numbers of the validation data mean what they mean there. Metrics of the training
    data differ: here they are of the net at the end of an epoch, without dropout; there they are a
    running mean over the epoch's batches.

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

    def __repr__(self) -> str:
        """How messages of scikit-learn show it."""
        name = "" if self.name is None else f" {self.name!r}"
        return (
            f"<nnhp.Sequential{name} of {len(self.layers)} layers; for scikit-learn, "
            "to_estimator() makes an estimator of it>"
        )

    def __sklearn_tags__(self) -> NoReturn:
        """Scikit-learn asks for them first."""
        raise TypeError(
            "Sequential is no estimator of scikit-learn: to_estimator() makes one of it, once it "
            "is compiled, for searches, Pipelines and displays."
        )

    def save(self, path: str | Path) -> None:
        """Write the model to a file.

        The file is in the safetensors format: the weights by name, and as metadata the layers, what
        `compile` was given, the optimizer's state and that of the random numbers. `Sequential.load`
        reads it.

        Parameters
        ----------
        path : path
            The file.

        Raises
        ------
        NotFittedError
            If the number of features is not known yet, so that there are no weights.
        ValueError
            If a loss or metric is a function, which no file can hold, or the name ends as those of
            Keras's files, which this is not.
        """
        net = self._built(None)
        arrays, _ = self._state().to_save()
        _files.write(path, self._document(), net, arrays)

    def _document(self) -> str:
        """All but the arrays, as a file holds it; ValueError where none can."""
        net = self._built(None)
        compiled = self._compiled
        state = self._state()
        _, numbers = state.to_save()
        described = {
            "name": self.name,
            "layers": net.layers if self._input is None else [self._input, *net.layers],
            "dtype": self.dtype,
            "n_features": net.n_features,
            "compiled": None if compiled is None else compiled.given(),
            "state": numbers,
            "random_state": self.random_state,
            "generator": state.generator,
        }
        return _files.document_of(described)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a model that `save` wrote.

        A further `fit` gives the bits that it would have given without the file: the optimizer's
        state and the random numbers go on from where they were (not of files of version 1, which
        hold no random numbers).

        Parameters
        ----------
        path : path
            The file.

        Returns
        -------
        model : Sequential
            With weights, and ready to be trained on if it was compiled.

        Raises
        ------
        ValueError
            If the file is damaged, or holds something else.
        OSError
            If it cannot be read.
        """
        return cls._of_file(path, _files.read(path))

    @classmethod
    def _of_file(cls, path: str | Path, content: Content) -> Self:
        with guarded(path):
            described = _files.described(content)
            model = cls(described["layers"], dtype=described["dtype"], name=described["name"])
            features = model._features_said() or described["n_features"]
            net = Net(model.layers, features, model.dtype)
            weights = _files.weights_of(path, net, content.arrays)  # before memory is taken for it
            model._built(features)
            if (compiled := described["compiled"]) is not None:
                model.compile(compiled["optimizer"], compiled["loss"], metrics=compiled["metrics"])
                model.learning_rate = compiled["learning_rate"]
            flat = net.pack(weights)
            _files.check_state(flat, content.arrays)
            model.random_state = described["random_state"]  # of which nothing is drawn any more
            generator = described["generator"] or model._weights.generator
            model._weights = State.restored(flat, generator, content.arrays, described["state"])
        return model

    def to_onnx(self) -> onnx.ModelProto:
        """Make a model of ONNX, which programs without nnhp predict with.

        Its input is ``X``, float32 of shape (n_samples, n_features); its output ``outputs``,
        float32 of shape (n_samples, n_outputs), as of `predict`. It computes in the model's dtype.

        Returns
        -------
        model : onnx.ModelProto
            As of `MLPClassifier.to_onnx`.

        Raises
        ------
        ImportError
            If onnx is not installed; it comes with the extra ``nnhp[onnx]``.
        NotFittedError
            If the number of features is not known yet, so that there are no weights.
        ValueError
            If weights are not finite.
        """
        from nnhp._exports._onnx import to_onnx

        return to_onnx(self._exported())

    def to_c_header(self, path: str | Path | None = None, *, name: str = "net") -> str:
        """Make a header of C that predicts, for programs and devices without Python.

        It has ``void net_predict(const float *x, float *outputs)``, or with double where that is
        the model's dtype, and the numbers ``net_n_features`` and ``net_n_outputs``.

        Parameters
        ----------
        path : path, default=None
            File to write the text to; None for no file.

        name : str, default='net'
            What all identifiers begin with, as of `MLPClassifier.to_c_header`.

        Returns
        -------
        text : str
            The header: C99, in ASCII.

        Raises
        ------
        TypeError
            If `name` is no str.
        ValueError
            If no identifiers can begin with `name`, or weights are not finite.
        NotFittedError
            If the number of features is not known yet, so that there are no weights.
        OSError
            If the file cannot be written.
        """
        from nnhp._exports._c_header import to_c_header

        return to_c_header(self._exported(), path, name)

    def _exported(self) -> Model:
        from nnhp._exports import Model, net_of

        return Model(type(self).__name__, net_of(self._predictor(None)), values="outputs")

    def to_estimator(self) -> MLPClassifier | MLPRegressor:
        """Make the scikit-learn estimator of the same net.

        It has the model's weights, if there are any, and so predicts the same; classes are numbers
        from 0, also where hinge was trained on -1 and 1. Fitted anew, or cloned by a search, it
        trains by the parameters that stand for the layers and for `compile`: see "Coming from
        Keras" in the guide for what the estimators do otherwise. Epochs, which `fit` is given, are
        none of them: `max_iter` has its default, 200, and `tol` may end a training earlier. What
        all layers have in common is one value, not a list, so that a search can try other numbers
        of layers. The estimator shares no object with the model: what is set in its optimizer
        leaves the model's as it is.

        Returns
        -------
        estimator : MLPClassifier or MLPRegressor
            By the loss.

        Raises
        ------
        NotFittedError
            If the model is not compiled.
        ValueError
            Naming the layer, loss or optimizer that no parameter of the estimators expresses.
        """
        return _similar.estimator_of(self, self._ready(), self._net_if_known())
