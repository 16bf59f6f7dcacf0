"""What the test modules share: small problems, comparisons bit by bit, child processes."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import is_classifier
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


def fitted_state(estimator):
    """All that a fit left on an estimator, by name."""
    parameters = estimator.get_params(deep=False)
    return {name: value for name, value in vars(estimator).items() if name not in parameters}


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
