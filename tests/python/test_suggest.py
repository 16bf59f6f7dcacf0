"""suggest_hidden_layer_sizes: half way between inputs and outputs, however y is written."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from nnhp import MLPClassifier, suggest_hidden_layer_sizes

N = 60
X = np.random.RandomState(0).standard_normal((N, 10))
FRACTIONS = X[:, 0] + 0.5


def classes(n):
    return np.arange(N) % n


@pytest.mark.parametrize(
    ("y", "units"),
    [
        (classes(2), 6),
        (classes(3), 7),
        (classes(4), 7),
        (classes(7).astype(float), 9),
        (classes(2).astype(bool), 6),
        (np.array(["a", "b", "c", "d"])[classes(4)], 7),
        (np.array([str(i) for i in range(N)]), 35),
        (pd.Series(classes(4)).astype("category"), 7),
        (FRACTIONS, 6),
        (FRACTIONS[:, np.newaxis], 6),
        (np.arange(N), 6),  # amounts
        (classes(5) + 0.5, 6),
        (np.column_stack([FRACTIONS] * 5), 8),
        (np.eye(6, dtype=int)[classes(6)], 8),  # labels
        (list(classes(3)), 7),
    ],
)
def test_half_way(y, units):
    assert suggest_hidden_layer_sizes(X, y) == (units,)


@pytest.mark.parametrize(
    ("y", "task", "units"),
    [
        (np.arange(N), "classification", 35),
        (np.arange(N), "regression", 6),
        (classes(5), "classification", 8),
        (classes(5), "regression", 6),
        (FRACTIONS, "regression", 6),
    ],
)
def test_task(y, task, units):
    assert suggest_hidden_layer_sizes(X, y, task=task) == (units,)


def test_it_lies_between_its_neighbours():
    for n_features in range(1, 30):
        for n_classes in range(2, 7):
            (units,) = suggest_hidden_layer_sizes(np.ones((N, n_features)), classes(n_classes))
            assert type(units) is int
            assert min(n_features, n_classes) <= units <= max(n_features, n_classes)


@pytest.mark.parametrize("container", [sp.csr_matrix, pd.DataFrame, list])
def test_containers(container):
    assert suggest_hidden_layer_sizes(container(X), classes(2)) == (6,)


def test_missing_values_do_not_matter():
    holes = np.where(X > 1, np.nan, X)
    assert suggest_hidden_layer_sizes(holes, classes(2)) == (6,)


def test_a_network_takes_it():
    sizes = suggest_hidden_layer_sizes(X, classes(3))
    net = MLPClassifier(sizes, solver="lbfgs", max_iter=500, random_state=0)
    assert net.fit(X, classes(3)).coefs_[0].shape == (10, 7)


@pytest.mark.parametrize(
    ("y", "task", "message"),
    [
        (classes(2), "clustering", "task must be one of .* or None, got 'clustering'"),
        (FRACTIONS, "classification", "y must suit task='classification', got continuous targets"),
        (np.array(["a"] * N), "regression", "y must suit task='regression', got .* targets"),
        (classes(2)[1:], None, r"inconsistent numbers of samples: \[60, 59\]"),
        (np.where(X[:, 0] > 1, np.nan, 1.0), None, "y contains NaN"),
    ],
)
def test_refusals(y, task, message):
    with pytest.raises(ValueError, match=message):
        suggest_hidden_layer_sizes(X, y, task=task)
