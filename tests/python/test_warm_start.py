"""Warm starts: patience goes on where it watches the same, and else begins anew."""

import pickle

import numpy as np
import pytest
from helpers import STOPS_EARLY, assert_identical, assert_same_fit, problem, problem_for
from sklearn.base import is_classifier
from sklearn.metrics import log_loss, make_scorer, mean_absolute_error, r2_score

from nnhp import MLPClassifier, MLPRegressor, losses
from nnhp.schedules import Plateau

pytestmark = STOPS_EARLY
STILL = 1e-12  # a learning rate that moves no weight by more than rounding


def warm(Estimator, **parameters):
    defaults = {"hidden_layer_sizes": (6,), "max_iter": 15, "random_state": 0}
    return Estimator(**defaults | parameters).set_params(warm_start=True)


def halves(Estimator):
    X, y = problem_for(Estimator)
    return (X[:60], y[:60]), {"X_val": X[60:], "y_val": y[60:]}


def negative_error(net, X, y):
    return -float(mean_absolute_error(y, net.predict(X)))


def share_of_first(net, X, y):
    return float((net.predict(X) == y)[:9].mean())


# Estimator, what is watched first, then, and the score by the latter.
SCORINGS = {
    "accuracy, loss": (
        MLPClassifier,
        {},
        {"scoring": "loss"},
        lambda net, X, y: -log_loss(y, net.predict_proba(X)),
    ),
    "loss, accuracy": (MLPClassifier, {"scoring": "loss"}, {}, lambda net, X, y: net.score(X, y)),
    "accuracy, callable": (MLPClassifier, {}, {"scoring": share_of_first}, share_of_first),
    "R2, named": (MLPRegressor, {}, {"scoring": "neg_mean_absolute_error"}, negative_error),
    "named, R2": (
        MLPRegressor,
        {"scoring": "neg_mean_absolute_error"},
        {},
        lambda net, X, y: net.score(X, y),
    ),
    "callable, scorer": (
        MLPRegressor,
        {"scoring": negative_error},
        {"scoring": make_scorer(r2_score)},
        lambda net, X, y: net.score(X, y),
    ),
    "loss, other loss": (
        MLPRegressor,
        {"scoring": "loss"},
        {"scoring": "loss", "loss": "absolute_error"},
        negative_error,
    ),
}


@pytest.mark.parametrize(
    ("Estimator", "before", "after", "score"), SCORINGS.values(), ids=SCORINGS.keys()
)
def test_a_warm_start_that_watches_another_score(Estimator, before, after, score):
    given, held_out = halves(Estimator)
    net = warm(Estimator, early_stopping=True, **before).fit(*given, **held_out)
    start, n_before = net.coefs_, len(net.loss_curve_)
    at_start = score(net, *held_out.values())
    net.set_params(**{"scoring": None} | after).set_params(learning_rate_init=STILL, max_iter=2)
    net.fit(*given, **held_out)
    assert len(net.validation_scores_) == net.n_iter_ == 2
    assert len(net.loss_curve_) == n_before + 2
    # The weights to start from count as the best so far.
    assert net.best_validation_score_ == pytest.approx(at_start, rel=1e-9)
    assert_identical([weights.round(9) for weights in net.coefs_], [w.round(9) for w in start])
    net.set_params(learning_rate_init=0.02, max_iter=60, n_iter_no_change=20).fit(
        *given, **held_out
    )
    assert net.n_iter_ > 20
    assert score(net, *held_out.values()) == pytest.approx(net.best_validation_score_, rel=1e-9)
    assert net.best_validation_score_ > at_start or at_start == 1


@pytest.mark.parametrize("scoring", [None, "loss"])
def test_a_warm_start_on_rows_split_off_that_watches_another_score(Estimator, scoring):
    X, y = problem_for(Estimator)
    before = "loss" if scoring is None else None
    net = warm(Estimator, early_stopping=True, validation_fraction=0.4, scoring=before, max_iter=3)
    net.fit(X, y).set_params(scoring=scoring, max_iter=200, learning_rate_init=0.02).fit(X, y)
    assert net.n_iter_ > 12
    assert len(net.validation_scores_) == net.n_iter_
    assert net.best_validation_score_ >= max(net.validation_scores_)


@pytest.mark.parametrize("scoring", [None, "loss", lambda net, X, y: net.score(X, y)])
def test_other_samples_to_validate_on_are_another_score(Estimator, scoring):
    X, y = problem_for(Estimator)
    net = warm(Estimator, early_stopping=True, scoring=scoring, max_iter=80)
    net.set_params(learning_rate_init=0.05).fit(X, y, X_val=X[:3], y_val=y[:3])
    other = 2 - y if is_classifier(net) else -y
    net.set_params(n_iter_no_change=30).fit(X, other, X_val=X, y_val=other)
    assert net.n_iter_ > 30
    assert len(net.validation_scores_) == net.n_iter_
    assert net.score(X, other) > 0.7


@pytest.mark.parametrize("scoring", [None, "loss", share_of_first, "balanced_accuracy"])
@pytest.mark.parametrize("own", [False, True])
def test_patience_goes_on_where_the_same_is_watched(scoring, own):
    X, y = problem("binary")
    held_out = {"X_val": X[60:], "y_val": y[60:]} if own else {}
    parameters = {"early_stopping": True, "scoring": scoring, "learning_rate_init": STILL}
    net = warm(MLPClassifier, max_iter=6, **parameters)
    whole = warm(MLPClassifier, max_iter=20, **parameters).fit(X, y, **held_out)
    assert whole.n_iter_ == 12  # the first counts as better, and 11 are more than 10
    net = pickle.loads(pickle.dumps(net.fit(X, y, **held_out)))
    before = list(net.validation_scores_)
    net.set_params(max_iter=20).fit(X, y, **held_out)
    assert net.n_iter_ == 6
    assert net.validation_scores_[:6] == before
    assert len(net.validation_scores_) == 12


def test_another_callable_of_the_same_name_is_another_score(Estimator):
    def scorer(factor):
        return lambda net, X, y: factor * net.score(X, y)

    X, y = problem_for(Estimator)
    net = warm(Estimator, early_stopping=True, scoring=scorer(100.0), learning_rate_init=0.02)
    net.set_params(max_iter=40).fit(X, y).set_params(max_iter=200, scoring=scorer(1.0)).fit(X, y)
    assert net.n_iter_ > 11
    assert net.best_validation_score_ <= 1.0


OF_TRAINING = {
    "loss": (MLPRegressor, {"loss": "absolute_error"}, {"loss": "squared_error"}),
    "parameter of a loss": (
        MLPRegressor,
        {"loss": losses.Huber(0.01)},
        {"loss": losses.Huber(10.0)},
    ),
    "focal": (MLPClassifier, {"loss": "focal"}, {"loss": "log_loss"}),
    "label_smoothing": (MLPClassifier, {}, {"label_smoothing": 0.2}),
    "alpha": (MLPClassifier, {"alpha": 0.0}, {"alpha": 50.0}),
    "l1_ratio": (MLPRegressor, {"alpha": 20.0}, {"alpha": 20.0, "l1_ratio": 1.0}),
    "class_weight": (MLPClassifier, {}, {"class_weight": {0: 1.0, 10: 50.0}}),
    "dropout": (MLPClassifier, {"dropout": np.array([0.0])}, {"dropout": np.array([0.4])}),
    "input_noise": (MLPRegressor, {}, {"input_noise": 1.0}),
}


@pytest.mark.parametrize("again", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("Estimator", "before", "after"), OF_TRAINING.values(), ids=OF_TRAINING.keys()
)
def test_a_warm_start_by_another_loss(Estimator, before, after, again):
    X, y = problem("one target" if Estimator is MLPRegressor else "binary")
    net = warm(Estimator, max_iter=300, learning_rate_init=0.02, **before).fit(X, 10 * y)
    n_before = len(net.loss_curve_)
    getattr(net.set_params(**after, max_iter=30), again)(X, 10 * y)
    later = net.loss_curve_[n_before:]
    assert len(later) == (net.n_iter_ if again == "fit" else 1)
    assert net.n_iter_ > 11 or again == "partial_fit"
    assert net.best_loss_ == min(later)


def test_a_plateau_of_another_loss_is_none():
    X, y = problem("one target")
    plateau = Plateau(factor=0.5, patience=2)
    net = MLPRegressor("absolute_error", hidden_layer_sizes=(6,), random_state=0)
    net.set_params(learning_rate=plateau, learning_rate_init=0.01)
    for _ in range(5):
        net.partial_fit(X, 10 * y)
    net.set_params(loss="squared_error")
    for _ in range(8):
        net.partial_fit(X, 10 * y)
    assert net.loss_curve_[5:] == sorted(net.loss_curve_[5:], reverse=True)
    assert set(net.learning_rate_curve_) == {0.01}


def test_a_fit_by_an_earlier_version_goes_on_as_it_did():
    X, y = problem("binary")
    for parameters in ({}, {"early_stopping": True}):
        net, earlier = (warm(MLPClassifier, **parameters).fit(X, y) for _ in range(2))
        del earlier._watched
        assert_same_fit(earlier.fit(X, y), net.fit(X, y))


def test_a_score_that_is_not_finite_is_no_best():
    X, y = problem("one target")
    held_out = {"X_val": X[60:], "y_val": y[60:]}
    net = warm(MLPRegressor, early_stopping=True).fit(X, y, **held_out)
    net.set_params(scoring="loss")
    net.coefs_[0][:] *= 1e300
    net.coefs_[1][:] *= 1e300
    with pytest.raises(ValueError, match="became non-finite in epoch 1"):
        net.set_params(early_stopping=False).fit(X, y)
    with pytest.warns(UserWarning, match="diverged"):
        net.set_params(early_stopping=True).fit(X, y, **held_out)
    assert net.best_validation_score_ == -np.inf
