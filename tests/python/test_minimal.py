"""The one file to run if only one can be run: each promise once, in seconds."""

import pickle

import numpy as np
import pytest
import sklearn.neural_network
from helpers import (
    STOPS_EARLY,
    assert_identical,
    assert_same_fit,
    cpus,
    fitted_state,
    problem,
    problem_for,
    raw_outputs,
)
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import nnhp

pytestmark = STOPS_EARLY


def test_digits_are_learned(dtype):
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
    net = nnhp.MLPClassifier(dtype=dtype, max_iter=30, random_state=0).fit(X_train, y_train)
    assert net.score(X_test, y_test) > 0.95
    assert net.coefs_[0].dtype == dtype


def test_same_seed_gives_the_run_of_sklearn(Estimator):
    X, y = problem_for(Estimator)
    theirs = getattr(sklearn.neural_network, Estimator.__name__)
    ours, theirs = (cls(max_iter=8, random_state=3).fit(X, y) for cls in (Estimator, theirs))
    assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=0, atol=1e-10)
    assert_allclose(raw_outputs(ours, X), raw_outputs(theirs, X), rtol=0, atol=1e-10)


def test_number_of_threads_changes_no_bit(Estimator):
    X, y = problem_for(Estimator)
    X_many = np.tile(X, (50, 1))
    net = Estimator(dropout=0.2, max_iter=5, random_state=0).fit(X, y)
    with cpus(4):
        one, four = (raw_outputs(net.set_params(n_jobs=jobs), X_many) for jobs in (1, 4))
    assert_identical(one, four)


def test_partial_fit_goes_on_after_pickling(Estimator):
    X, y = problem_for(Estimator)
    net = Estimator(max_iter=3, random_state=0).fit(X, y)
    copy = pickle.loads(pickle.dumps(net))
    assert_same_fit(copy.partial_fit(X, y), net.partial_fit(X, y))


def test_lbfgs_reaches_a_smaller_loss_than_it_began_with(Estimator):
    X, y = problem_for(Estimator)
    short, long = (
        Estimator(solver="lbfgs", hidden_layer_sizes=5, max_iter=n, tol=1e-2, random_state=0)
        for n in (1, 500)
    )
    with pytest.warns(Warning, match="lbfgs failed to converge"):
        short.fit(X, y)
    assert long.fit(X, y).loss_ < 0.7 * short.loss_


def test_dropout_changes_training_and_nothing_else():
    X, y = problem("binary")
    plain, dropped = (
        nnhp.MLPClassifier(dropout=rate, max_iter=5, random_state=0).fit(X, y)
        for rate in (0.0, 0.5)
    )
    assert dropped.loss_curve_[0] != plain.loss_curve_[0]
    assert_identical(dropped.predict_proba(X), dropped.predict_proba(X))


def test_failed_fit_changes_nothing(Estimator):
    X, y = problem_for(Estimator)
    net = Estimator(max_iter=3, random_state=0).fit(X, y)
    before = pickle.loads(pickle.dumps(fitted_state(net)))
    X[0, 0] = np.nan
    with pytest.raises(ValueError, match=f"{Estimator.__name__} does not accept missing values"):
        net.fit(X, y)
    assert_identical(fitted_state(net), before)
