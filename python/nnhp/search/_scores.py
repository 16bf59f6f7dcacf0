"""Scores from a net's bare outputs: the bits of scikit-learn's scorers, without their price.

What scikit-learn would answer with an error, a warning or a rule for a special case raises
`NotNative`; the caller then gives a fitted estimator to scikit-learn's own scorer.

Each function below repeats the arithmetic of its namesake in scikit-learn 1.9 operation by
operation: the order of operands, the memory layout and the dtype decide the last bits.

`metric_of` reads these private names of scikit-learn's scorers, in `_computation_of`:
`_score_func`, `_sign`, `_kwargs`, `_response_method`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import isfinite
from operator import attrgetter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.metrics import check_scoring, get_scorer
from sklearn.pipeline import Pipeline

from nnhp._cached import cached_property
from nnhp.estimators import MLPClassifier, MLPRegressor

Meaning = Literal["own", "decisions", "quantiles"]
Kind = Literal["multiclass", "binary", "multilabel", "regression"]

_FLOATS = (np.dtype(np.float64), np.dtype(np.float32))
_EXACT = 2**53  # up to here float64 counts exactly


class NotNative(Exception):  # noqa: N818 - an answer, not a mistake
    """scikit-learn's scorer must be asked: the score is not defined here."""


class Truth:
    """The test rows of one fold, encoded once for all candidates.

    Parameters
    ----------
    y_test : array-like of shape (n_rows,) or (n_rows, n_outputs)
        Labels of any dtype, a label indicator matrix, or numbers, in the container that the
        scorer of scikit-learn would get. For numbers, container, dtype and memory layout decide
        the last bits: lists and DataFrames have no dtype, so float32 predictions are compared in
        float32 then.
    kind : {'multiclass', 'binary', 'multilabel', 'regression'}
        Of the net. One with one class is 'binary'.
    classes : ndarray of shape (n_classes,) or None
        The net's `classes_`; not read for 'multilabel' and 'regression'.
    sample_weight : array-like of shape (n_rows,), default=None
        Weights, in the container that the scorer would get.

    Raises
    ------
    NotNative
        If scikit-learn would refuse these rows, or treat them in a way of its own.
    """

    def __init__(
        self,
        y_test: Any,
        *,
        kind: Kind,
        classes: NDArray[Any] | None,
        sample_weight: Any = None,
    ) -> None:
        self.kind = kind
        self.y = y = _array_of(y_test)
        if y.size == 0 or y.ndim not in (1, 2):
            raise NotNative(f"y_test has the shape {y.shape}.")
        self.n_rows = len(y)
        self.weight = None
        if sample_weight is not None:
            self.weight = _array_of(sample_weight)
            _check_weight(self.weight, self.n_rows)
        if kind == "regression":
            _check_numbers(y)
            self.n_outputs = y.shape[1] if y.ndim == 2 else 1
            self._dtypes = _deciding_dtypes((y_test, y), (sample_weight, self.weight))
            self._numbers: dict[np.dtype[Any], _Numbers] = {}
        elif kind == "multilabel":
            if y.dtype.kind not in "biuf" or y.ndim < 2 or not ((y == 0) | (y == 1)).all():
                raise NotNative("The labels are not an indicator matrix of 0 and 1.")
            self.n_outputs = y.shape[1]
            self.indicator = y == 1
        else:
            assert classes is not None
            _check_labels(y, classes)
            self.n_outputs = len(classes) if kind == "multiclass" else 1
            self.classes = classes
        self._weight_sums: dict[np.dtype[Any], Any] = {}

    @cached_property
    def ids(self) -> NDArray[np.intp]:
        """Index in `classes` of each label; -1 where the net does not know it."""
        ids = np.searchsorted(self.classes, self.y)
        ids[ids == len(self.classes)] = 0
        ids[self.classes[ids] != self.y] = -1
        return ids

    @cached_property
    def counts(self) -> NDArray[np.int32] | None:
        """The same for the engine, if the accuracy is a number of rows; else None."""
        if self.kind not in ("multiclass", "binary") or self.weight is not None:
            return None
        return None if len(self.classes) == 1 else self.ids.astype(np.int32)

    @cached_property
    def present(self) -> tuple[NDArray[Any], NDArray[np.intp], NDArray[np.intp]]:
        """The labels of the rows; where each row's is among them; where each of `classes` is."""
        labels, of_row = np.unique(self.y, return_inverse=True)
        of_class = np.searchsorted(labels, self.classes)
        of_class[of_class == len(labels)] = 0
        of_class[labels[of_class] != self.classes] = -1
        return labels, of_row, of_class

    @cached_property
    def has_all_classes(self) -> bool:
        """Whether the labels of the rows are those of the net, no more and no fewer."""
        labels, _, of_class = self.present
        return len(labels) == len(self.classes) and bool((of_class >= 0).all())

    @cached_property
    def own_entries(self) -> NDArray[np.intp]:
        """Where the output of each row's own class is in the flattened outputs."""
        return np.arange(self.n_rows) * self.n_outputs + self.ids

    @cached_property
    def one_hot(self) -> NDArray[np.float32]:
        """One column per class, 1 in that of the row's label."""
        return np.eye(len(self.classes), dtype=np.float32)[self.ids]

    def numbers(self, dtype: np.dtype[Any]) -> _Numbers:
        """Targets and weights as they meet predictions of that dtype."""
        if dtype not in self._numbers:
            common = np.result_type(dtype, *self._dtypes)
            self._numbers[dtype] = _Numbers(self.y, self.weight, common)
        return self._numbers[dtype]

    def mean(self, values: NDArray[Any]) -> Any:
        """Average of one value per row, with the weights as they were given."""
        if self.weight is None:
            return values.mean()
        dtypes = [values.dtype, self.weight.dtype]
        if values.dtype == np.bool_:
            dtypes.append(np.dtype(np.float64))
        dtype = np.result_type(*dtypes)
        if dtype not in self._weight_sums:
            self._weight_sums[dtype] = self.weight.sum(dtype=dtype)
        return np.multiply(values, self.weight, dtype=dtype).sum() / self._weight_sums[dtype]


class _Numbers:
    """Targets and weights of a regression, in the dtype that the scores are computed in."""

    def __init__(self, y: NDArray[Any], weight: NDArray[Any] | None, dtype: np.dtype[Any]) -> None:
        self.y = y.astype(dtype, copy=False)
        if y.ndim == 1:
            self.y = self.y.reshape(-1, 1)
        self.weight = None
        if weight is not None:
            self.weight = np.ascontiguousarray(weight, dtype=dtype)[:, np.newaxis]
            self._weight_sum = self.weight.sum(axis=0)
        self.spread = self.sums(self.squared_distances(self.means(self.y)))
        self.ordinary = bool((np.isfinite(self.spread) & (self.spread > 0)).all())

    def means(self, values: NDArray[Any]) -> NDArray[Any]:
        """Average of each column."""
        if self.weight is None:
            return np.asarray(values.mean(axis=0))
        sums = np.multiply(values, self.weight).sum(axis=0)
        return np.asarray(sums / self._weight_sum)

    def squared_distances(self, values: NDArray[Any]) -> NDArray[Any]:
        """Of the targets from `values`."""
        distances: NDArray[Any] = self.y - values
        np.square(distances, out=distances)
        return distances

    def sums(self, values: NDArray[Any]) -> NDArray[Any]:
        """Weighted sum of each column."""
        weighted = values if self.weight is None else self.weight * values
        return np.asarray(np.add.reduce(weighted, axis=0))


def score(metric: str, truth: Truth, outputs: NDArray[Any], meaning: Meaning = "own") -> float:
    """Score of a net on the test rows, from its activated outputs.

    Parameters
    ----------
    metric : str
        One of `METRICS`.
    truth : Truth
        The test rows.
    outputs : ndarray of shape (n_rows, n_outputs)
        float32 or float64, as `predict` and `predict_proba` start from.
    meaning : {'own', 'decisions', 'quantiles'}, default='own'
        What the outputs are: 'own' for probabilities of classes, or numbers; decision values, of
        which 0 is the threshold; or quantiles.

    Returns
    -------
    score : float
        That of ``get_scorer(metric)(net, X_test, y_test, sample_weight=...)``, bit by bit.

    Raises
    ------
    NotNative
        If scikit-learn would raise, warn, or apply a rule for a special case; if the metric is
        not for nets of this kind.
    KeyError
        If `metric` is not one of `METRICS`.
    """
    function, kinds = _FUNCTIONS[metric]
    if truth.kind not in kinds:
        raise NotNative(f"{metric} is not defined for {truth.kind}.")
    if meaning == "quantiles" or (meaning == "decisions" and metric not in _OF_DECISIONS):
        raise NotNative(f"{metric} is not defined for {meaning}.")
    if outputs.dtype not in _FLOATS or outputs.shape != (truth.n_rows, truth.n_outputs):
        raise NotNative(f"The outputs are {outputs.dtype} of shape {outputs.shape}.")
    with np.errstate(all="ignore"):
        if not np.isfinite(outputs).all():
            raise NotNative("Some outputs are not finite.")
        if meaning == "decisions" and truth.kind != "multiclass":
            outputs = (outputs > 0).astype(outputs.dtype)  # labels, as probabilities of 0 and 1
        value = function(truth, np.ascontiguousarray(outputs))
    if not isfinite(value):
        raise NotNative("The score is not finite.")
    return value


# ---------------------------------------------------------------------------------- labels


def _predicted_ids(truth: Truth, outputs: NDArray[Any]) -> NDArray[np.intp]:
    if truth.kind == "multiclass":
        return np.asarray(outputs.argmax(axis=1))
    if len(truth.classes) == 1:
        return np.zeros(truth.n_rows, dtype=np.intp)
    return (outputs.ravel() > 0.5).astype(np.intp)


def _accuracy(truth: Truth, outputs: NDArray[Any]) -> float:
    if truth.kind == "multilabel":
        hits = ((outputs > 0.5) == truth.indicator).all(axis=1)
    else:
        hits = _predicted_ids(truth, outputs) == truth.ids
    if truth.weight is None:
        return int(np.count_nonzero(hits)) / truth.n_rows
    return float(truth.mean(hits))


def _balanced_accuracy(truth: Truth, outputs: NDArray[Any]) -> float:
    labels, of_row, of_class = truth.present
    n = len(labels)
    predicted = of_class[_predicted_ids(truth, outputs)]
    if n == 1 or predicted.min() < 0:
        raise NotNative("Not all predicted classes are among two or more true ones.")
    confusion = np.bincount(of_row * n + predicted, truth.weight, minlength=n * n).reshape(n, n)
    return float((confusion.diagonal() / confusion.sum(axis=1)).mean())


# --------------------------------------------------------------------------- probabilities


def _check_probabilities(truth: Truth, outputs: NDArray[Any]) -> None:
    if len(truth.classes) == 1 or not truth.has_all_classes:
        raise NotNative("The labels of the test rows are not all classes of the net.")
    if outputs.min() < 0 or outputs.max() > 1:
        raise NotNative("Some probabilities are not between 0 and 1.")
    if truth.kind == "multiclass":
        # scikit-learn warns where a row is out by sqrt(eps)
        allowed = 0.5 * np.sqrt(np.finfo(outputs.dtype).eps)
        if np.abs(outputs.sum(axis=1) - 1).max() > allowed:
            raise NotNative("Some probabilities do not sum to one.")


def _neg_log_loss(truth: Truth, outputs: NDArray[Any]) -> float:
    _check_probabilities(truth, outputs)
    # The sum over classes has one term that is not 0.
    if truth.kind == "multiclass":
        own = outputs.take(truth.own_entries)
    else:
        positive = outputs.ravel()
        own = np.where(truth.ids == 1, positive, 1 - positive)
    eps = np.finfo(outputs.dtype).eps
    return -float(truth.mean(-np.log(np.minimum(np.maximum(own, eps), 1 - eps))))


def _neg_brier_score(truth: Truth, outputs: NDArray[Any]) -> float:
    _check_probabilities(truth, outputs)
    if truth.kind == "binary":
        if truth.classes.dtype.kind == "U":
            raise NotNative("Of two strings, neither is known to be the positive class.")
        outputs = np.concatenate([1 - outputs, outputs], axis=1)
    distances = truth.one_hot - outputs
    mean = truth.mean(np.add.reduce(np.square(distances, out=distances), axis=1))
    # Halved in its own dtype, for float32 may lose a bit there.
    return -float(mean * 0.5 if truth.kind == "binary" else mean)


# ------------------------------------------------------------------------------ regression


def _both(truth: Truth, outputs: NDArray[Any]) -> tuple[_Numbers, NDArray[Any]]:
    """Targets and predictions in one dtype."""
    numbers = truth.numbers(outputs.dtype)
    return numbers, outputs.astype(numbers.y.dtype, copy=False)


def _r2(truth: Truth, outputs: NDArray[Any]) -> float:
    if truth.n_rows < 2:
        raise NotNative("R2 needs two samples.")
    numbers, predicted = _both(truth, outputs)
    residue = numbers.sums(numbers.squared_distances(predicted))
    scores = 1 - residue / numbers.spread
    if not (numbers.ordinary and residue.all()):
        if not (np.isfinite(residue) & np.isfinite(numbers.spread)).all():
            raise NotNative("A sum of squares overflows.")
        scores[numbers.spread == 0] = 0
        scores[residue == 0] = 1
    return float(scores.mean())


def _neg_mean_squared_error(truth: Truth, outputs: NDArray[Any]) -> float:
    numbers, predicted = _both(truth, outputs)
    return -float(numbers.means(numbers.squared_distances(predicted)).mean())


def _neg_root_mean_squared_error(truth: Truth, outputs: NDArray[Any]) -> float:
    numbers, predicted = _both(truth, outputs)
    return -float(np.sqrt(numbers.means(numbers.squared_distances(predicted))).mean())


def _neg_mean_absolute_error(truth: Truth, outputs: NDArray[Any]) -> float:
    numbers, predicted = _both(truth, outputs)
    distances: NDArray[Any] = predicted - numbers.y
    return -float(numbers.means(np.abs(distances, out=distances)).mean())


def _neg_mean_poisson_deviance(truth: Truth, outputs: NDArray[Any]) -> float:
    numbers, predicted = _both(truth, outputs)
    y = numbers.y
    if truth.n_outputs > 1 or (predicted <= 0).any():
        raise NotNative("Poisson deviance needs one output above 0.")
    # A target below 0 makes the score NaN, which `score` refuses.
    logs = np.where(y == 0, 0, y * np.log(y / predicted))
    return -float(numbers.means(2 * (logs - y + predicted)).mean())


_LABELS = frozenset({"multiclass", "binary"})
_NUMBERS = frozenset({"regression"})

_FUNCTIONS: dict[str, tuple[Callable[[Truth, NDArray[Any]], float], frozenset[str]]] = {
    "accuracy": (_accuracy, _LABELS | {"multilabel"}),
    "balanced_accuracy": (_balanced_accuracy, _LABELS),
    "neg_log_loss": (_neg_log_loss, _LABELS),
    "neg_brier_score": (_neg_brier_score, _LABELS),
    "r2": (_r2, _NUMBERS),
    "neg_mean_squared_error": (_neg_mean_squared_error, _NUMBERS),
    "neg_root_mean_squared_error": (_neg_root_mean_squared_error, _NUMBERS),
    "neg_mean_absolute_error": (_neg_mean_absolute_error, _NUMBERS),
    "neg_mean_poisson_deviance": (_neg_mean_poisson_deviance, _NUMBERS),
}

METRICS = frozenset(_FUNCTIONS)
_OF_DECISIONS = {"accuracy", "balanced_accuracy"}


# -------------------------------------------------------------------------- what is given


def _array_of(given: Any) -> NDArray[Any]:
    if not (type(given) in (np.ndarray, list) or hasattr(given, "iloc")):
        raise NotNative(f"{type(given).__name__} is not a container of this module.")
    return np.asarray(given)


def _deciding_dtypes(*given: tuple[Any, NDArray[Any] | None]) -> list[np.dtype[Any]]:
    """Beside that of the predictions, from containers and what they hold.

    scikit-learn asks containers for a `dtype`, and lets no integers widen the floats.
    """
    return [
        array.dtype
        for container, array in given
        if array is not None and array.dtype in _FLOATS and hasattr(container, "dtype")
    ]


def _check_weight(weight: NDArray[Any], n_rows: int) -> None:
    if weight.shape != (n_rows,):
        raise NotNative("sample_weight does not have one weight per row.")
    if not (weight.dtype in _FLOATS or weight.dtype.kind in "iu"):
        raise NotNative(f"sample_weight is {weight.dtype}.")
    if (weight < 0).any() or not 0 < weight.sum(dtype=np.float64) < _EXACT:
        raise NotNative("Some weights are negative or not finite, or their sum is 0 or too large.")


def _check_numbers(y: NDArray[Any]) -> None:
    if not (y.dtype in _FLOATS or y.dtype.kind in "biu"):
        raise NotNative(f"y_test is {y.dtype}.")
    if not np.isfinite(y).all():
        raise NotNative("Some targets are not finite.")


def _check_labels(y: NDArray[Any], classes: NDArray[Any]) -> None:
    if y.ndim != 1:
        raise NotNative("y_test has several columns.")
    if y.dtype.kind == "O":
        sound = classes.dtype.kind == "U" and all(isinstance(label, str) for label in y)
    elif y.dtype in _FLOATS:
        sound = y.dtype == classes.dtype and bool((np.abs(y) < _EXACT).all() and (y % 1 == 0).all())
    elif y.dtype.kind == "U":
        sound = classes.dtype.kind == "U"
    else:
        sound = y.dtype.kind in "biu" and y.dtype == classes.dtype
    if not sound:
        raise NotNative(f"Labels of {y.dtype} do not go with classes of {classes.dtype}.")


# ------------------------------------------------------------------------------- scorers


_computation_of = attrgetter("_score_func", "_sign", "_kwargs", "_response_method")


@cache
def _computations() -> dict[str, tuple[Any, ...]]:
    return {name: _computation_of(get_scorer(name)) for name in METRICS}


def metric_of(scorer: Any, estimator: Any) -> str | None:
    """Recognize what a scorer computes.

    Parameters
    ----------
    scorer : callable
        As from scikit-learn's `check_scoring`, `get_scorer` or `make_scorer`.
    estimator : object
        What the scorer will be given.

    Returns
    -------
    metric : str or None
        One of `METRICS`, if the scorer computes exactly that, without parameters of its own, and
        the estimator is an MLPClassifier or MLPRegressor, alone or last in a Pipeline, for which
        the metric is defined. None for everything else.
    """
    net = estimator.steps[-1][1] if type(estimator) is Pipeline else estimator
    if type(net) not in (MLPClassifier, MLPRegressor):
        return None
    # The two kinds of scorers have private classes.
    if type(scorer) is type(check_scoring(net)):
        return "accuracy" if is_classifier(net) else "r2"
    if type(scorer) is not type(get_scorer("accuracy")):
        return None
    function, *how = _computation_of(scorer)
    for name, (known, *known_how) in _computations().items():
        if function is known and how == known_how:
            for_labels = "regression" not in _FUNCTIONS[name][1]
            return name if for_labels == is_classifier(net) else None
    return None
