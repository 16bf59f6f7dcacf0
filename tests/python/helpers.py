"""What the test modules share: small problems, comparisons bit by bit, child processes."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import BaseEstimator, is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from nnhp import _core

# For modules whose tests stop a training early because they are about something else.
STOPS_EARLY = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_SAMPLES = 97  # a prime: no batch size divides it
N_FEATURES = 7


@cache
def _scaled_samples():
    return np.random.RandomState(11).standard_normal((N_SAMPLES, N_FEATURES))


def problem(kind):
    """Samples and targets: 'binary', 'multiclass', 'multilabel', 'one target', ..."""
    X = _scaled_samples()
    rng = np.random.RandomState(5)
    scores = np.tanh(X @ rng.standard_normal((N_FEATURES, 3))) + 0.3 * rng.standard_normal(
        (N_SAMPLES, 3)
    )
    targets = {
        "binary": lambda: (scores[:, 0] > 0).astype(int),
        "multiclass": lambda: scores.argmax(axis=1),
        "multilabel": lambda: (scores > 0).astype(int),
        "one target": lambda: scores[:, 0].copy(),
        "two targets": lambda: scores[:, :2].copy(),
        "counts": lambda: rng.poisson(np.exp(scores[:, 0])).astype(float),
    }
    return X.copy(), targets[kind]()


def problem_for(estimator_or_class):
    """Samples and targets that suit an estimator."""
    estimator = estimator_or_class() if isinstance(estimator_or_class, type) else estimator_or_class
    return problem("multiclass" if is_classifier(estimator) else "one target")


def raw_outputs(estimator, X):
    """What the net itself puts out: probabilities of a classifier, numbers of a regressor."""
    return estimator.predict_proba(X) if is_classifier(estimator) else estimator.predict(X)


def one_thread():
    """Return how many threads the engine may use; for what asks only where there is much to do."""
    return 1


def fitted_state(estimator):
    """All that a fit left on an estimator, by name, but for what repeats its parameters."""
    parameters = estimator.get_params(deep=False)
    state = {name: value for name, value in vars(estimator).items() if name not in parameters}
    if "_watched" in state:
        watched = state["_watched"]
        state["_watched"] = {key: watched[key] for key in watched if key != "objective"}
    return state


def assert_identical(actual, expected, where="value"):
    """Assert that two values have the same types, shapes and bits, all the way down."""
    assert type(actual) is type(expected), where
    if isinstance(expected, np.ndarray):
        assert actual.dtype == expected.dtype, where
        assert actual.shape == expected.shape, where
        if actual.dtype.hasobject:
            assert actual.tolist() == expected.tolist(), where
        else:
            different = int((actual != expected).sum())
            assert actual.tobytes() == expected.tobytes(), f"{where}: {different} entries differ"
    elif isinstance(expected, Mapping):
        assert sorted(actual) == sorted(expected), where
        for key in expected:
            assert_identical(actual[key], expected[key], f"{where}[{key!r}]")
    elif isinstance(expected, list | tuple):
        assert len(actual) == len(expected), where
        for i, (one, other) in enumerate(zip(actual, expected, strict=True)):
            assert_identical(one, other, f"{where}[{i}]")
    elif isinstance(expected, float):
        assert np.float64(actual).tobytes() == np.float64(expected).tobytes(), where
    elif type(expected).__eq__ is object.__eq__ and hasattr(expected, "__dict__"):
        assert_identical(vars(actual), vars(expected), where)
    else:
        assert actual == expected, where


def assert_same_fit(actual, expected):
    """Assert that two estimators have the same fitted attributes, bit for bit."""
    assert_identical(fitted_state(actual), fitted_state(expected), "fitted attributes")


def _assert_same_setting(actual, expected, where):
    """Assert that two values of a hyperparameter are alike; estimators by what they print."""
    if isinstance(expected, Mapping):
        assert list(actual) == list(expected), where
        for key in expected:
            _assert_same_setting(actual[key], expected[key], f"{where}[{key!r}]")
    elif isinstance(expected, list | tuple):
        assert len(actual) == len(expected), where
        for i, (one, other) in enumerate(zip(actual, expected, strict=True)):
            _assert_same_setting(one, other, f"{where}[{i}]")
    elif isinstance(expected, BaseEstimator):
        assert type(actual) is type(expected), where
        _assert_same_setting(actual.get_params(), expected.get_params(), where)
    elif isinstance(expected, np.random.RandomState):
        assert_identical(actual.get_state(), expected.get_state(), where)
    else:
        assert_identical(actual, expected, where)


def assert_same_results(actual, expected):
    """Assert that two `cv_results_` are the same, bit for bit, but for the times."""
    assert list(actual) == list(expected)
    for name, column in expected.items():
        where = f"cv_results_[{name!r}]"
        if name.endswith("_time"):
            assert actual[name].shape == column.shape, where
            assert (actual[name] >= 0).all(), where
        elif name == "params":
            _assert_same_setting(actual[name], column, where)
        elif isinstance(column, np.ma.MaskedArray):
            assert actual[name].dtype == column.dtype, where
            assert_identical(actual[name].mask, column.mask, where)
            _assert_same_setting(actual[name].tolist(), column.tolist(), where)
        else:
            assert_identical(actual[name], column, where)


def assert_same_search(actual, expected):
    """Assert that two fitted searches found the same."""
    assert_same_results(actual.cv_results_, expected.cv_results_)
    names = ["best_index_", "best_score_", "n_splits_", "multimetric_", "n_features_in_"]
    names += ["n_resources_", "n_candidates_", "n_iterations_", "n_remaining_candidates_"]
    names += ["n_required_iterations_", "n_possible_iterations_", "min_resources_"]
    for name in [*names, "max_resources_", "classes_", "feature_names_in_", "best_params_"]:
        assert hasattr(actual, name) == hasattr(expected, name), name
        if hasattr(expected, name):
            _assert_same_setting(getattr(actual, name), getattr(expected, name), name)
    assert hasattr(actual, "best_estimator_") == hasattr(expected, "best_estimator_")
    if hasattr(expected, "best_estimator_"):
        _assert_same_fitted(actual.best_estimator_, expected.best_estimator_)


def _assert_same_fitted(actual, expected):
    if isinstance(expected, Pipeline):
        assert [name for name, _ in actual.steps] == [name for name, _ in expected.steps]
        for (_, one), (_, other) in zip(actual.steps, expected.steps, strict=True):
            _assert_same_fitted(one, other)
    elif isinstance(expected, ColumnTransformer):
        for name, fitted in expected.named_transformers_.items():
            _assert_same_fitted(actual.named_transformers_[name], fitted)
    elif isinstance(expected, BaseEstimator):
        _assert_same_setting(actual, expected, "best_estimator_")
        assert_identical(_of_the_fit(actual), _of_the_fit(expected), "fitted attributes")
    else:
        assert actual == expected  # 'passthrough'


def _of_the_fit(estimator):
    # scikit-learn's own notes are about callbacks and metadata.
    notes = ("_skl_callbacks", "_metadata_request", "_sklearn_output_config")
    return {k: v for k, v in fitted_state(estimator).items() if not k.startswith(notes)}


@contextmanager
def cpus(count):
    """Let the engine and OpenMP run as many threads as if there were so many CPUs."""
    _core._pretend_cpus(count)
    try:
        with threadpool_limits(count, user_api="openmp"):
            yield
    finally:
        _core._pretend_cpus(0)


def count_threads():
    """Threads of this process."""
    return len(list(Path("/proc/self/task").iterdir()))


def run_child(code, *, timeout=120, **environment):
    """Run a Python program in a process of its own and return what it printed."""
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert result.returncode == 0, f"exit code {result.returncode}\n{result.stderr[-4000:]}"
    return result.stdout


def layers_of(flat, sizes):
    """`coefs_` and `intercepts_` of dense layers of so many units, from flat parameters."""
    coefs, intercepts, start = [], [], 0
    for inputs, units in pairwise(sizes):
        middle, start = start + inputs * units, start + (inputs + 1) * units
        coefs.append(np.reshape(flat[middle - inputs * units : middle], (inputs, units)).copy())
        intercepts.append(np.array(flat[middle:start]))
    return coefs, intercepts


class Hook:
    """A callback that calls `at_end(epoch, fitted_estimator, X, y)` after each epoch."""

    def __init__(self, at_end=lambda *seen: None):
        self.at_end = at_end
        self.events = []

    def note(self, what, context):
        self.events.append(f"{what} {context.task_name}")

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.note("begin", context)

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        self.note("end", context)
        if context.task_name == "fit":
            return None
        return self.at_end(context.task_id, fitted_estimator, X, y)
