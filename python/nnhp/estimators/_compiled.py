"""Predictions: what each method makes of a net's outputs, and the callable that does only that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nnhp import _core, _threads
from nnhp.estimators import _hidden, _memory, _weights
from nnhp.estimators._hidden import HiddenLayer

if TYPE_CHECKING:
    from nnhp.estimators._base import BaseMLP

NotFiniteError = _core.NotFiniteError  # of samples, by a predictor that checks them

# From the engine's predictor, samples in its form, what tells the number of threads, and `classes_`
Answer: TypeAlias = Callable[[_core.Predictor, Any, Callable[[], int], Any], NDArray[Any]]


class CompiledPredictor:
    """The predictions of a fitted net, and nothing else: for those to whom microseconds matter.

    It is made by `MLPClassifier.compiled` and `MLPRegressor.compiled`, holds a copy of the net's
    parameters, and does not change when the estimator is fitted again or edited. Called with
    samples, it returns what the estimator's method returns for them, bit for bit. It can be
    pickled, and any number of threads may call it at once; calls with much work run without the
    interpreter's lock, on as many threads as the estimator's `n_jobs` stands for.

    Attributes
    ----------
    method : str
        The method of the estimator that it does the work of.

    dtype : dtype
        Of the samples that it takes, and of the net.

    n_features : int
        Of the samples that it takes.

    Examples
    --------
    >>> from nnhp import MLPClassifier
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier(8, solver="lbfgs", max_iter=500, random_state=0).fit(X, y)
    >>> compiled = net.compiled()
    >>> compiled
    <CompiledPredictor: predict for float64 arrays of shape (n_samples, 4)>
    >>> bool((compiled(X[:1]) == net.predict(X[:1])).all())
    True
    """

    def __init__(
        self,
        method: str,
        answer: str,
        predictor: _core.Predictor,
        dtype: np.dtype[Any],
        n_features: int,
        classes: NDArray[Any] | None,
        n_jobs: int | None,
    ) -> None:
        self.method = method
        self.dtype = dtype
        self.n_features = n_features
        self._answer = answer  # by name: pickles then outlive the functions' names
        self._predictor = predictor
        self._classes = classes
        self._n_jobs = n_jobs

    def __call__(self, X: Any) -> NDArray[Any]:
        """Predict.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Samples of `dtype`: values are not converted, other layouts than C-contiguous are
            copied. One sample is one row, ``x.reshape(1, -1)``. The values are not looked at:
            what is not finite makes outputs that mean nothing. No samples have no predictions.

        Returns
        -------
        predictions : ndarray
            As of the estimator's method.

        Raises
        ------
        TypeError
            If X is no array (or a masked one), or not of `dtype`.
        ValueError
            If X has another shape.
        """
        if not isinstance(X, np.ndarray) or isinstance(X, np.ma.MaskedArray):
            raise TypeError(f"X must be a NumPy array of {self.dtype}, got {type(X)}")
        if not (X.flags.c_contiguous and X.flags.aligned):
            X = np.require(X, requirements=["C", "ALIGNED"])
        return self._predict(X)

    def _predict(self, X: Any) -> NDArray[Any]:
        """Predict for samples in the engine's form: an array, or the parts of a CSR matrix."""
        return ANSWERS[self._answer](self._predictor, X, self._count_threads, self._classes)

    def _count_threads(self) -> int:
        return _threads.resolve(self._n_jobs)

    def __repr__(self) -> str:
        return (
            f"<CompiledPredictor: {self.method} for {self.dtype} arrays of shape "
            f"(n_samples, {self.n_features})>"
        )


def predictor_of(
    estimator: BaseMLP, fitted: Mapping[str, Any], *, checks_samples: bool = False
) -> tuple[_core.Predictor, np.dtype[Any]]:
    """Copy the net out of these fitted attributes of an estimator; return its dtype too."""
    inputs = [int(np.shape(weights)[0]) for weights in fitted["coefs_"]]
    activations = _hidden.hidden_activations(estimator, len(inputs) - 1)
    kinds = [
        ("batch" if "mean" in norm else "layer") if norm else None
        for norm in _weights.norms_of(fitted)
    ]
    hidden = [
        HiddenLayer(units, kind, activation)
        for units, kind, activation in zip(inputs[1:], kinds, activations, strict=True)
    ]
    dtype = _weights.dtype_of(fitted)
    spec = _core.NetSpec(
        n_inputs=inputs[0],
        hidden=[layer.row() for layer in hidden],
        n_outputs=int(np.shape(fitted["coefs_"][-1])[1]),
        output_activation=fitted["out_activation_"],
        dtype=dtype.name,
    )
    parameters = _weights.packed(fitted, spec, dtype)
    return _core.Predictor(spec, parameters, checks_samples=checks_samples), dtype


def compile_method(
    estimator: BaseMLP,
    fitted: Mapping[str, Any],
    method: str,
    answer: str,
    *,
    checks_samples: bool,
) -> CompiledPredictor:
    """Copy what a method of an estimator with these fitted attributes needs."""
    predictor, dtype = predictor_of(estimator, fitted, checks_samples=checks_samples)
    return CompiledPredictor(
        method,
        answer,
        predictor,
        dtype,
        int(np.shape(fitted["coefs_"][0])[0]),
        np.array(fitted["classes_"]) if "classes_" in fitted else None,
        estimator.n_jobs,
    )


def outputs_of(
    predictor: _core.Predictor, X: Any, threads: Callable[[], int]
) -> NDArray[np.floating[Any]]:
    """Outputs for samples in the engine's form, or MemoryError where they are too many."""
    check_room(X, predictor.n_outputs)
    return predictor.outputs(X, threads)


def check_room(X: Any, n_columns: int) -> None:
    """Raise MemoryError where so many columns for samples exceed the available memory."""
    if isinstance(X, np.ndarray):
        if X.ndim == 0:  # which the engine refuses
            return
        n_samples, dtype = len(X), X.dtype
    else:
        values, _, starts, _ = X
        n_samples, dtype = len(starts) - 1, values.dtype
    what = f"a prediction of {n_columns} outputs for {n_samples} samples"
    _memory.check(n_samples * n_columns * dtype.itemsize, what)


# --- what the methods make of outputs -------------------------------------------------------------


def _labels(
    predictor: _core.Predictor, X: Any, threads: Callable[[], int], classes: Any, by: str
) -> NDArray[Any]:
    """Return the classes, or the label indicator matrix of multilabel nets."""
    found = predictor.classes(X, threads, by)
    # One class alone has an output too, which stands for nothing.
    return found if found.ndim == 2 else classes.take(found, mode="clip")


def _probabilities(
    predictor: _core.Predictor, X: Any, threads: Callable[[], int], classes: Any
) -> NDArray[Any]:
    """Return one column per class or label."""
    outputs = outputs_of(predictor, X, threads)
    if outputs.shape[1] > 1:
        return outputs
    if len(classes) == 1:
        return np.ones_like(outputs)
    return np.hstack([1 - outputs, outputs])


def _values(
    predictor: _core.Predictor, X: Any, threads: Callable[[], int], _: None
) -> NDArray[Any]:
    """Return the outputs, of a single one as a vector."""
    outputs = outputs_of(predictor, X, threads)
    return outputs.ravel() if outputs.shape[1] == 1 else outputs


ANSWERS: dict[str, Answer] = {
    "labels": partial(_labels, by="probabilities"),
    "labels by the greatest output": partial(_labels, by="greatest"),
    "labels by sign": partial(_labels, by="signs"),
    "probabilities": _probabilities,
    "values": _values,
}
