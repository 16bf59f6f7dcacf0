"""What each layer puts out: the engine's own bits on the way to a prediction."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from helpers import STOPS_EARLY, assert_identical, cpus, problem, problem_for, raw_outputs
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError

from nnhp import MLPClassifier, MLPRegressor, _core

pytestmark = STOPS_EARLY


def fit(Estimator, X, y, **parameters):
    parameters = {"hidden_layer_sizes": (8, 5), "max_iter": 5, "random_state": 0} | parameters
    return Estimator(**parameters).fit(X, y)


@pytest.mark.parametrize("activation", _core.activations())
def test_the_last_layer_has_the_bits_of_a_prediction(Estimator, dtype, activation):
    """Each layer is computed from the outputs before it: these must be right to the last bit."""
    X, y = problem_for(Estimator)
    X = X.astype(dtype)
    net = fit(Estimator, X, y, activation=activation)
    for samples in (X, X[:1], X[50:53], sp.csr_array(X)):
        outputs = net.layer_outputs(samples)
        assert [layer.shape for layer in outputs] == [
            (samples.shape[0], units) for units in (8, 5, net.n_outputs_)
        ]
        expected = raw_outputs(net, samples)
        assert_identical(outputs[-1], expected.reshape(outputs[-1].shape))


def test_hidden_layers_are_activated(Estimator):
    X, y = problem_for(Estimator)
    net = fit(Estimator, X, y, activation=["tanh", "relu"], dropout=0.5, input_dropout=0.5)
    first, second, _ = net.layer_outputs(X)
    assert_allclose(first, np.tanh(X @ net.coefs_[0] + net.intercepts_[0]), rtol=1e-12)
    expected = np.maximum(first @ net.coefs_[1] + net.intercepts_[1], 0)
    assert_allclose(second, expected, rtol=1e-12, atol=1e-14)
    assert (second == 0).any()


@pytest.mark.parametrize(
    ("Estimator", "kind", "shape"),
    [
        (MLPClassifier, "binary", (97, 1)),
        (MLPClassifier, "multilabel", (97, 3)),
        (MLPRegressor, "counts", (97, 1)),
        (MLPRegressor, "two targets", (97, 2)),
    ],
)
def test_the_output_layer_keeps_its_columns(Estimator, kind, shape):
    X, y = problem(kind)
    net = fit(Estimator, X, y, **({"loss": "poisson"} if kind == "counts" else {}))
    output = net.layer_outputs(X)[-1]
    assert output.shape == shape
    assert_identical(output[:, -1], raw_outputs(net, X).reshape(97, -1)[:, -1])


def test_a_linear_model_has_one_layer(Estimator):
    X, y = problem_for(Estimator)
    net = fit(Estimator, X, y, hidden_layer_sizes=())
    [output] = net.layer_outputs(X)
    assert_identical(output, raw_outputs(net, X).reshape(output.shape))


def test_edited_weights_count(Estimator):
    X, y = problem_for(Estimator)
    net = fit(Estimator, X, y, activation="tanh")
    net.coefs_[1][:, 2] = 0
    net.intercepts_[1][2] = 0.5
    assert_allclose(net.layer_outputs(X)[1][:, 2], np.tanh(0.5), rtol=1e-15)


def test_threads_change_no_bit():
    X = np.random.default_rng(0).standard_normal((20_000, 20), dtype=np.float32)
    net = fit(MLPRegressor, X[:100], X[:100, 0], hidden_layer_sizes=(64, 64), n_jobs=1)
    expected = net.layer_outputs(X)
    with cpus(4):
        assert_identical(net.set_params(n_jobs=4).layer_outputs(X), expected)


def test_names_of_features_are_checked(Estimator):
    X, y = problem_for(Estimator)
    table = pd.DataFrame(X, columns=list("abcdefg"))
    net = fit(Estimator, table, y)
    assert_identical(net.layer_outputs(table)[0], fit(Estimator, X, y).layer_outputs(X)[0])
    with pytest.raises(ValueError, match="feature names should match"):
        net.layer_outputs(table.rename(columns={"a": "z"}))


def test_what_cannot_be_computed_is_refused(Estimator):
    X, y = problem_for(Estimator)
    with pytest.raises(NotFittedError, match=f"This {Estimator.__name__} instance is not fitted"):
        Estimator().layer_outputs(X)
    net = fit(Estimator, X, y)
    with pytest.raises(ValueError, match="X has 6 features"):
        net.layer_outputs(X[:, 1:])
    with pytest.raises(ValueError, match="NaN"):
        net.layer_outputs(np.full_like(X, np.nan))
