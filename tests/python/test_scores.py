"""Native scores against scikit-learn's scorers, bit by bit."""

import struct
import warnings

import numpy as np
import pandas as pd
import pytest
from helpers import one_thread
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    check_scoring,
    get_scorer,
    get_scorer_names,
    log_loss,
    make_scorer,
    mean_squared_error,
    r2_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nnhp import MLPClassifier, MLPRegressor
from nnhp.estimators import CompiledPredictor
from nnhp.estimators._labels import Labels
from nnhp.search._scores import METRICS, NotNative, Truth, metric_of, score

OF_LABELS = {"accuracy", "balanced_accuracy"}
OF_PROBABILITIES = {"neg_log_loss", "neg_brier_score"}
OF_NUMBERS = METRICS - OF_LABELS - OF_PROBABILITIES
FLOATS = ["float32", "float64"]
WEIGHTS = ["none", "float64", "float32", "int64", "uint8", "some zeros"]
LABELS = ["int64", "int8", "uint16", "negative", "bool", "float64", "float32", "str", "object"]


class CannedNet:
    """As the engine's predictor, with the outputs that it is given."""

    def __init__(self, outputs, kind):
        self.given, self.kind = outputs, kind
        self.n_outputs = 1 if outputs.ndim == 1 else outputs.shape[1]

    def outputs(self, X, threads):
        return self.given.copy()

    def classes(self, X, threads, by):
        if self.kind == "multiclass":
            return self.given.argmax(axis=1)
        above = (self.given > {"probabilities": 0.5, "signs": 0.0}[by]).astype(int)
        return above if self.kind == "multilabel" else above.ravel()


class Canned:
    """As if it had been trained, with the outputs that it is given."""

    def _compile(self, method, *, checks_samples):
        return CompiledPredictor(
            method,
            self._answers[method],
            CannedNet(self.outputs, self.kind),
            np.dtype(float),
            1,
            self.classes_,
            1,
        )


class CannedClassifier(Canned, MLPClassifier):
    def trained(self, y, outputs):
        labels = Labels.find(y)
        self.classes_ = labels.classes
        self.kind, self.outputs = labels.kind, outputs
        return self


class CannedRegressor(Canned, MLPRegressor):
    kind, classes_ = "regression", None

    def trained(self, y, outputs):
        self.outputs = outputs
        return self


def reference(metric, net, X, y, weight):
    """scikit-learn's score; None where it raises or warns."""
    given = {} if weight is None else {"sample_weight": weight}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return get_scorer(metric)(net, X, y, **given)
        except (ValueError, ZeroDivisionError, Warning):
            return None


def native(metric, net, y, weight, outputs):
    """Our score; None where there is none."""
    try:
        truth = Truth(y, kind=net.kind, classes=net.classes_, sample_weight=weight)
        return score(metric, truth, outputs)
    except NotNative:
        return None


def bits(value):
    return None if value is None else struct.pack("d", value)


def assert_same(metric, net, y, weight, outputs):
    expected = reference(metric, net, np.zeros((len(y), 1)), y, weight)
    found = native(metric, net, y, weight, outputs)
    assert expected is not None
    assert type(found) is float
    assert bits(found) == bits(expected), (metric, found, expected)


def weights(kind, n, rng):
    if kind == "none":
        return None
    if kind == "some zeros":
        weight = rng.random(n)
        weight[: n // 3] = 0
        return rng.permutation(weight)
    if kind in FLOATS:
        return rng.gamma(0.5, size=n).astype(kind)
    return rng.integers(1, 9, n).astype(kind)


def all_classes(kind, n_classes):
    """Labels in order, of one dtype."""
    if kind in {"str", "object"}:
        return np.array([f"label {i:03}" for i in range(n_classes)], dtype=kind)
    if kind == "negative":
        return 7 * np.arange(n_classes) - 5
    if kind == "bool":
        return np.arange(2) == 1
    return np.arange(n_classes).astype(kind)


def probabilities(n, n_outputs, dtype, rng):
    """Softmax or sigmoid of scores, some of them saturated."""
    z = rng.normal(scale=rng.choice([0.3, 3, 60]), size=(n, n_outputs)).astype(dtype)
    if n_outputs == 1:
        return 1 / (1 + np.exp(-np.clip(z, -80, 80)))
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def labels_of_all(classes, n, rng):
    """Random labels with each class among them."""
    ids = np.concatenate([np.arange(len(classes)), rng.integers(len(classes), size=n)])
    return classes[rng.permutation(ids)]


def likely(ids, outputs):
    """Let some rows of `outputs` favour their true class."""
    for row, i in enumerate(ids):
        if row % 3 and outputs.shape[1] > 1:
            best = outputs[row].argmax()
            outputs[row, [i, best]] = outputs[row, [best, i]]
    return outputs


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("weighted", WEIGHTS)
@pytest.mark.parametrize("labels", LABELS)
def test_labels(labels, weighted, dtype):
    seed = [LABELS.index(labels), WEIGHTS.index(weighted), FLOATS.index(dtype)]
    n_scores = 0
    for n in (1, 7, 40, 360, 9001):
        rng = np.random.default_rng([*seed, n])
        n_classes = 2 if labels == "bool" else int(rng.choice([2, 3, 4, 10, 13]))
        classes = all_classes(labels, n_classes)
        y = labels_of_all(classes, n, rng)
        outputs = probabilities(len(y), n_classes if n_classes > 2 else 1, dtype, rng)
        outputs = likely(np.searchsorted(classes, y), outputs)
        if n_classes == 2:
            outputs[:3] = 0.5
        net = CannedClassifier().trained(classes, outputs)
        weight = weights(weighted, len(y), rng)
        for metric in OF_LABELS | OF_PROBABILITIES:
            if metric == "balanced_accuracy" and weighted == "some zeros":
                continue  # a class may have no weight
            if metric == "neg_brier_score" and n_classes == 2 and labels in {"str", "object"}:
                continue  # refused by scikit-learn
            assert_same(metric, net, y, weight, outputs)
            n_scores += 1
    assert n_scores >= 12


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("weighted", WEIGHTS)
@pytest.mark.parametrize("target", ["int64", "bool", "float64", "float32"])
def test_multilabel(target, weighted, dtype):
    rng = np.random.default_rng(3)
    for n in (1, 9, 360):
        y = rng.integers(2, size=(n, 3)).astype(target)
        outputs = probabilities(n, 3, dtype, rng) + np.dtype(dtype).type(0.2)
        outputs[n // 2 :] = abs(y[n // 2 :] - np.dtype(dtype).type(0.25))
        outputs[-1, 0] = 0.5
        net = CannedClassifier().trained(np.eye(3, dtype=int), outputs)
        weight = weights(weighted, n, rng)
        if weight is not None and not weight.any():
            weight[:] = 1
        assert_same("accuracy", net, y, weight, outputs)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("weighted", WEIGHTS)
@pytest.mark.parametrize("target", ["float64", "float32", "int64", "int8", "uint8", "bool"])
def test_numbers(target, weighted, dtype):
    n_scores = 0
    for n in (2, 5, 8, 129, 360, 9001):
        for n_outputs in (0, 1, 2, 10):  # 0: a target with one dimension
            rng = np.random.default_rng([n, n_outputs, len(target), len(weighted)])
            shape = (n, n_outputs) if n_outputs else n
            y = rng.gamma(2, 3, size=shape)
            y = y > 5 if target == "bool" else y.astype(target)
            if n_outputs > 1:
                y = np.asarray(y, order=rng.choice(["C", "F"]))
            outputs = np.exp(rng.normal(1.5, 1, size=(n, n_outputs or 1))).astype(dtype)
            net = CannedRegressor().trained(y, outputs)
            weight = weights(weighted, n, rng)
            for metric in OF_NUMBERS:
                if metric == "neg_mean_poisson_deviance" and n_outputs > 1:
                    continue
                assert_same(metric, net, y, weight, outputs)
                n_scores += 1
    assert n_scores == 6 * 18


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_fitted_nets_are_scored_as_scikit_learn_does():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 5))
    names = np.array(["oak", "elm", "ash"])
    mixed = X @ rng.normal(size=(5, 3))
    targets = {
        MLPClassifier: [
            names[mixed.argmax(axis=1)],
            (mixed[:, 0] > 0).astype(int),
            np.ones(120, dtype=int),
            (mixed > 0).astype(int),
        ],
        MLPRegressor: [mixed[:, 0], mixed, mixed.astype(np.float32)],
    }
    n_scores = 0
    for Estimator, every in targets.items():
        metrics = OF_NUMBERS if Estimator is MLPRegressor else METRICS - OF_NUMBERS
        for y in every:
            for dtype in FLOATS:
                net = Estimator(hidden_layer_sizes=4, max_iter=3, dtype=dtype, random_state=0)
                net.fit(X[:80], y[:80])
                net.kind, net.classes_ = "regression", getattr(net, "classes_", None)
                if Estimator is MLPClassifier:
                    net.kind = Labels.find(y[:80]).kind
                outputs = net.compiled()._predictor.outputs(X[80:].astype(dtype), one_thread)
                for metric in metrics:
                    expected = reference(metric, net, X[80:], y[80:], None)
                    found = native(metric, net, y[80:], None, outputs)
                    assert bits(found) == bits(expected), (metric, y.dtype)
                    n_scores += found is not None
    assert n_scores >= 2 * (4 + 4 + 1 + 1 + 3 * 4)


# Rows and nets as folds may have them, odd ones included. A score is then native or absent, and
# absent wherever scikit-learn refuses or warns.
def test_odd_folds_of_labels():
    rng = np.random.default_rng(1)
    n_native = dict.fromkeys(OF_LABELS | OF_PROBABILITIES, 0)
    n_refused = dict.fromkeys(n_native, 0)
    for _ in range(300):
        kind = str(rng.choice(LABELS))
        every = all_classes(kind, int(rng.integers(2, 6)))
        known = np.sort(rng.choice(every, size=rng.integers(1, len(every) + 1), replace=False))
        tested = rng.choice(every, size=rng.integers(1, len(every) + 1), replace=False)
        y = rng.choice(tested, size=rng.integers(1, 30))
        dtype = str(rng.choice(FLOATS))
        outputs = probabilities(len(y), len(known) if len(known) > 2 else 1, dtype, rng)
        if rng.random() < 0.1:
            outputs[rng.integers(len(y)), 0] = rng.choice([np.nan, np.inf, -0.1, 1.1])
        net = CannedClassifier().trained(known, outputs)
        weight = weights(str(rng.choice(WEIGHTS)), len(y), rng)
        for metric in n_native:
            with np.errstate(all="ignore"):
                expected = reference(metric, net, np.zeros((len(y), 1)), y, weight)
            found = native(metric, net, y, weight, outputs)
            if found is not None:
                assert bits(found) == bits(expected), (metric, kind, known, y, weight)
                n_native[metric] += 1
            elif metric in OF_LABELS and np.isfinite(outputs).all():
                assert expected is None, (metric, kind, known, y, weight)
            n_refused[metric] += expected is None
    assert min(n_native.values()) > 30
    assert n_refused.pop("accuracy") == 0
    assert min(n_refused.values()) > 30


def test_odd_folds_of_numbers():
    rng = np.random.default_rng(2)
    n_native = dict.fromkeys(OF_NUMBERS, 0)
    n_refused = dict.fromkeys(OF_NUMBERS, 0)
    for _ in range(300):
        n, n_outputs = int(rng.integers(1, 12)), int(rng.integers(1, 4))
        dtype, target = (str(rng.choice(FLOATS)) for _ in range(2))
        y = rng.normal(size=(n, n_outputs)).astype(target)
        outputs = rng.normal(size=(n, n_outputs)).astype(dtype)
        if rng.random() < 0.5:
            y, outputs = abs(y), abs(outputs)
        if rng.random() < 0.4:
            y[:, 0] = 3  # constant
        if rng.random() < 0.3:
            outputs[:, -1] = y[:, -1]  # perfect
        if rng.random() < 0.1:
            outputs[rng.integers(n), 0] = rng.choice([np.nan, np.inf, 0, 1e30])
        if rng.random() < 0.1:
            y[rng.integers(n), 0] = rng.choice([np.nan, np.inf, 0, 1e30])
        net = CannedRegressor().trained(y, outputs)
        weight = weights(str(rng.choice(WEIGHTS)), n, rng)
        for metric in OF_NUMBERS:
            expected = reference(metric, net, np.zeros((n, 1)), y, weight)
            found = native(metric, net, y, weight, outputs)
            if found is not None:
                assert bits(found) == bits(expected), (metric, y, outputs, weight)
                n_native[metric] += 1
            n_refused[metric] += expected is None
            assert found is not None or expected is None or not np.isfinite(expected)
    assert min(n_native.values()) > 30
    assert min(n_refused.values()) > 10


def test_layouts():
    rng = np.random.default_rng(4)
    wide = rng.normal(size=(720, 20))
    y, outputs, weight = wide[::2, :10], wide[1::2, ::2], abs(wide[::2, 11])
    for each in (y, np.asfortranarray(y), y[:, ::-1]):
        net = CannedRegressor().trained(each, np.ascontiguousarray(outputs))
        for w in (None, weight):
            for metric in OF_NUMBERS - {"neg_mean_poisson_deviance"}:
                assert_same(metric, net, each, w, outputs)


def test_a_brier_score_too_small_for_all_its_bits():
    rng = np.random.default_rng(5)
    y = np.array([0, 0, 0, 1])
    for _ in range(20):
        outputs = np.append(10 ** rng.uniform(-22.5, -21, 3), 1).astype(np.float32)[:, None]
        net = CannedClassifier().trained(y, outputs)
        assert_same("neg_brier_score", net, y, None, outputs)
        assert score("neg_brier_score", truth_of_labels(y), outputs) > -1e-40


def containers(array):
    """The same values in all containers that a scorer may get; with their names."""
    yield "array", array
    yield "list", array.tolist()
    yield (
        "DataFrame" if array.ndim == 2 else "Series",
        (pd.DataFrame(array) if array.ndim == 2 else pd.Series(array)),
    )
    if array.ndim == 2:
        yield "DataFrame by columns", pd.DataFrame({i: array[:, i] for i in range(array.shape[1])})


@pytest.mark.parametrize("dtype", FLOATS)
def test_containers_of_numbers(dtype):
    rng = np.random.default_rng(6)
    for shape in [(360,), (360, 1), (360, 7)]:
        for target in (*FLOATS, "int64"):
            values = rng.normal(1, 9, size=shape).astype(target)
            outputs = rng.normal(1, 9, size=(360, shape[-1] if len(shape) > 1 else 1)).astype(dtype)
            weight = rng.random(360).astype(rng.choice(FLOATS))
            for _, y in containers(values):
                net = CannedRegressor().trained(y, outputs)
                for w in (None, weight, weight.tolist(), pd.Series(weight)):
                    for metric in OF_NUMBERS - {"neg_mean_poisson_deviance"}:
                        assert_same(metric, net, y, w, outputs)


def test_a_container_decides_the_precision():
    rng = np.random.default_rng(7)
    values = rng.normal(size=360)
    outputs = rng.normal(size=(360, 1)).astype(np.float32)
    found = {
        name: native("r2", CannedRegressor(), y, None, outputs) for name, y in containers(values)
    }
    assert found["array"] == found["Series"] != found["list"]


def test_a_mixed_data_frame():
    rng = np.random.default_rng(8)
    y = pd.DataFrame({"a": rng.normal(size=360), "b": rng.integers(9, size=360), "c": np.ones(360)})
    for dtype in FLOATS:
        outputs = rng.normal(size=(360, 3)).astype(dtype)
        assert_same("r2", CannedRegressor().trained(y, outputs), y, None, outputs)


@pytest.mark.parametrize("labels", LABELS)
def test_containers_of_labels(labels):
    rng = np.random.default_rng(9)
    n_classes = 2 if labels == "bool" else 4
    classes = all_classes(labels, n_classes)
    values = labels_of_all(classes, 90, rng)
    outputs = probabilities(len(values), n_classes if n_classes > 2 else 1, "float32", rng)
    weight = rng.random(len(values))
    for _, y in containers(values):
        # The classes have the dtype of the array that a list becomes.
        net = CannedClassifier().trained(np.asarray(y), outputs)
        for w in (None, weight, weight.tolist(), pd.Series(weight)):
            for metric in OF_LABELS | OF_PROBABILITIES:
                assert_same(metric, net, y, w, outputs)
    indicator = rng.integers(2, size=(50, 3))
    outputs = rng.random((50, 3))
    for _, y in containers(indicator):
        net = CannedClassifier().trained(indicator, outputs)
        assert_same("accuracy", net, y, None, outputs)


def truth_of_labels(y=(0, 1, 1, 0), classes=(0, 1), kind="binary", **more):
    return Truth(np.array(y), kind=kind, classes=np.array(classes), **more)


HALF = np.full((4, 1), 0.5)


@pytest.mark.parametrize("metric", ["neg_log_loss", "neg_brier_score"])
def test_probabilities_need_the_classes_of_the_net(metric):
    assert np.isfinite(score(metric, truth_of_labels(), HALF))
    for y, classes in [((0, 2, 1, 0), (0, 1)), ((0, 2, 2, 0), (0, 1)), ((0, 0, 0, 0), (0,))]:
        with pytest.raises(NotNative):
            score(metric, truth_of_labels(y, classes), HALF)
    thirds = np.full((4, 3), 1 / 3)
    for y in [(0, 1, 1, 0), (0, 1, 3, 0)]:
        with pytest.raises(NotNative):
            score(metric, truth_of_labels(y, (0, 1, 2), "multiclass"), thirds)
    with pytest.raises(NotNative, match="sum to one"):
        score(metric, truth_of_labels((0, 1, 2, 0), (0, 1, 2), "multiclass"), thirds * 0.9)


def test_two_strings_have_no_brier_score():
    with pytest.raises(NotNative):
        score("neg_brier_score", truth_of_labels(list("abba"), ["a", "b"]), HALF)


def test_balanced_accuracy_needs_the_predicted_classes():
    always_one = HALF + 0.1
    assert score("balanced_accuracy", truth_of_labels(), always_one) == 0.5
    for y, classes in [((1, 1, 1, 1), (0, 1)), ((0, 0, 2, 2), (0, 1)), ((3, 3, 3, 3), (3,))]:
        with pytest.raises(NotNative):
            score("balanced_accuracy", truth_of_labels(y, classes), always_one)


@pytest.mark.parametrize("metric", sorted(METRICS))
@pytest.mark.parametrize("kind", ["multiclass", "binary", "multilabel", "regression"])
def test_metrics_of_another_kind(metric, kind):
    y, outputs, defined = {
        "multiclass": ([0, 1, 2, 0], np.full((4, 3), 1 / 3) + np.eye(4, 3), METRICS - OF_NUMBERS),
        "binary": ([0, 1, 1, 0], HALF, METRICS - OF_NUMBERS),
        "multilabel": (np.eye(4, 2, dtype=int), np.eye(4, 2), {"accuracy"}),
        "regression": ([0, 1, 2, 3], HALF, OF_NUMBERS),
    }[kind]
    if kind == "multiclass":
        outputs /= outputs.sum(axis=1, keepdims=True)
    truth = Truth(np.array(y), kind=kind, classes=np.unique(y))
    if metric in defined:
        assert np.isfinite(score(metric, truth, outputs))
    else:
        with pytest.raises(NotNative):
            score(metric, truth, outputs)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("metric", ["accuracy", "r2", "neg_mean_absolute_error"])
def test_outputs_that_are_not_finite(metric, bad):
    outputs = HALF.copy()
    outputs[2] = bad
    truth = (
        truth_of_labels()
        if metric == "accuracy"
        else Truth(np.ones(4), kind="regression", classes=None)
    )
    with pytest.raises(NotNative):
        score(metric, truth, outputs)


@pytest.mark.parametrize("outputs", [HALF[:3], np.hstack([HALF, HALF]), HALF.astype("f2"), HALF[0]])
def test_outputs_of_another_shape_or_dtype(outputs):
    with pytest.raises(NotNative):
        score("accuracy", truth_of_labels(), outputs)


def test_r2_needs_two_rows():
    with pytest.raises(NotNative):
        score("r2", Truth(np.ones(1), kind="regression", classes=None), HALF[:1])


def test_squares_that_overflow():
    outputs = np.full((4, 1), 1e30, dtype=np.float32)
    constant = Truth(np.ones(4, dtype=np.float32), kind="regression", classes=None)
    huge = Truth(np.float32([0, 0, 1e30, -1e30]), kind="regression", classes=None)
    for truth in (constant, huge):
        for metric in ("r2", "neg_mean_squared_error", "neg_root_mean_squared_error"):
            with pytest.raises(NotNative):
                score(metric, truth, outputs)
    y = np.float32([1e20, -1e20])
    near = np.nextafter(y, np.float32(0))[:, None]
    with pytest.raises(NotNative):
        score("r2", Truth(y, kind="regression", classes=None), near)
    small = np.zeros((4, 1), dtype=np.float32)
    with pytest.raises(NotNative):
        score("r2", Truth(np.full(4, 1e30, np.float32), kind="regression", classes=None), small)


@pytest.mark.parametrize(
    ("y", "outputs"), [((0, 1, 2, 3), (1, 1, 0, 1)), ((0, 1, -2, 3), (1,) * 4)]
)
def test_poisson_deviance_needs_positive_numbers(y, outputs):
    truth = Truth(np.array(y), kind="regression", classes=None)
    with pytest.raises(NotNative):
        score("neg_mean_poisson_deviance", truth, np.array(outputs, dtype=float)[:, None])


@pytest.mark.parametrize(
    ("y", "kind", "classes"),
    [
        ([], "regression", None),
        ([np.nan, 1], "regression", None),
        ([np.inf, 1], "regression", None),
        (np.array([1, 2], dtype=object), "regression", None),
        (np.array([1, 2], dtype=np.float16), "regression", None),
        (np.array([1, 2], dtype=">f8"), "regression", None),
        (np.ones((2, 1, 1)), "regression", None),
        ([0.5, 1], "binary", [0.0, 1.0]),
        ([np.nan, 1], "binary", [0.0, 1.0]),
        (["a", "b"], "binary", [0, 1]),
        ([0, 1], "binary", ["a", "b"]),
        ([0, 1], "binary", [0.0, 1.0]),
        (np.array(["a", None], dtype=object), "binary", ["a", "b"]),
        ([[0], [1]], "binary", [0, 1]),
        ([b"a", b"b"], "binary", [b"a", b"b"]),
        ([0, 1], "multilabel", [0, 1]),
        ([[0, 2], [1, 1]], "multilabel", [0, 1]),
        (np.ma.array([0, 1]), "regression", None),
        (3.0, "regression", None),
        (np.array(3.0), "regression", None),
    ],
)
def test_targets_that_are_not_encoded(y, kind, classes):
    with pytest.raises(NotNative):
        Truth(y, kind=kind, classes=None if classes is None else np.array(classes))


@pytest.mark.parametrize(
    "weight",
    [
        np.zeros(4),
        np.array([1.0, -1, 1, 1]),
        np.array([1, np.nan, 1, 1]),
        np.array([1, np.inf, 1, 1]),
        np.ones(3),
        np.ones((4, 1)),
        np.ones(4, dtype=np.float16),
        np.ones(4, dtype=object),
        np.full(4, 2**53),
    ],
)
def test_weights_that_are_not_used(weight):
    with pytest.raises(NotNative):
        truth_of_labels(sample_weight=weight)


def test_an_unknown_metric_is_an_error():
    with pytest.raises(KeyError):
        score("roc_auc", truth_of_labels(), HALF)


# ------------------------------------------------------------------------------ metric_of


@pytest.mark.parametrize("in_pipeline", [False, True])
def test_scorers_are_recognized(Estimator, in_pipeline):
    of_estimator = OF_NUMBERS if Estimator is MLPRegressor else OF_LABELS | OF_PROBABILITIES
    estimator = make_pipeline(StandardScaler(), Estimator()) if in_pipeline else Estimator()
    default = "r2" if Estimator is MLPRegressor else "accuracy"
    assert metric_of(check_scoring(estimator, None), estimator) == default
    assert metric_of(check_scoring(estimator, None), clone(estimator)) == default
    for name in get_scorer_names():
        expected = name if name in of_estimator else None
        assert metric_of(get_scorer(name), estimator) == expected, name


@pytest.mark.parametrize(
    ("scorer", "expected"),
    [
        (make_scorer(accuracy_score), "accuracy"),
        (make_scorer(accuracy_score, greater_is_better=False), None),
        (make_scorer(accuracy_score, normalize=False), None),
        (make_scorer(accuracy_score, normalize=True), None),
        (make_scorer(accuracy_score, response_method="predict_proba"), None),
        (make_scorer(accuracy_score, response_method=["predict"]), None),
        (make_scorer(lambda y_true, y_pred: 0.0), None),
        (
            make_scorer(log_loss, greater_is_better=False, response_method="predict_proba"),
            "neg_log_loss",
        ),
        (make_scorer(log_loss, response_method="predict_proba"), None),
        (make_scorer(brier_score_loss, greater_is_better=False), None),
        (lambda estimator, X, y: 0.0, None),
        (accuracy_score, None),
        ("accuracy", None),
        (None, None),
        (check_scoring(MLPClassifier(), ["accuracy", "neg_log_loss"]), None),
    ],
)
def test_made_scorers(scorer, expected):
    assert metric_of(scorer, MLPClassifier()) == expected


def test_made_scorers_of_a_regressor():
    net = MLPRegressor()
    assert metric_of(make_scorer(r2_score), net) == "r2"
    loss = make_scorer(mean_squared_error, greater_is_better=False)
    assert metric_of(loss, net) == "neg_mean_squared_error"
    assert metric_of(make_scorer(mean_squared_error), net) is None


def test_scorers_that_only_look_alike():
    class Scorer(type(get_scorer("accuracy"))):
        """May score in another way."""

    look_alike = Scorer(accuracy_score, 1, {}, "predict")
    assert metric_of(look_alike, MLPClassifier()) is None
    for estimator in (CannedClassifier(), DummyClassifier()):
        assert metric_of(check_scoring(estimator, None), estimator) is None
        assert metric_of(get_scorer("accuracy"), estimator) is None
