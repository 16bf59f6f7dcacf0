"""Growing nets: larger ones compute the same; a search grows them while that helps."""

import pickle

import numpy as np
import pytest
from helpers import STOPS_EARLY, assert_identical, problem
from numpy.random import RandomState
from scipy.stats import sem
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from test_search_contract import assert_same_search

import nnhp
from nnhp import GrowSearchCV, MLPClassifier, MLPRegressor, _core
from nnhp.activations import Maxout
from nnhp.estimators import _random, _weights
from nnhp.estimators._branch import branched
from nnhp.estimators._data import Given, prepare
from nnhp.estimators._fitted import snapshot
from nnhp.estimators._growth import PASSES_ON, grown
from nnhp.estimators._training import Training
from nnhp.search import _course

pytestmark = STOPS_EARLY


@pytest.fixture(scope="module")
def data():
    return problem("multiclass")


def net(sizes=(2,), **params):
    defaults = {"max_iter": 12, "random_state": 3, "learning_rate_init": 0.03}
    return MLPClassifier(sizes, **defaults | params)


def grow(estimator=None, **params):
    defaults = {"max_width": 8, "max_depth": 3, "cv": 3}
    return GrowSearchCV(net() if estimator is None else estimator, **defaults | params)


def training_of(estimator, X, y):
    return Training(estimator, prepare(estimator, Given(X, y), None))


def grown_without_epochs(sizes, larger, X, y, *, of=net, **params):
    """A trained net, and the larger one that grows from it before it has learned more."""
    small, large = of(sizes, **params), of(larger, **params)
    training = training_of(small, X, y)
    training.advance(5, 1)
    branch = branched(training, large, prepare(large, Given(X, y), None))
    assert branch.epoch == 0
    return snapshot(small, training.publish()), snapshot(large, branch.publish())


# ------------------------------------------------------------------ larger nets


OPTIONS = {
    "plain": {},
    "batches": {"normalization": "batch"},
    "early stopping": {"early_stopping": True},
    "averages": {"ema_momentum": 0.9},
    "dropout": {"dropout": 0.3, "weight_noise": 0.1},
    "float32": {"dtype": "float32"},
}


@pytest.mark.parametrize("option", OPTIONS.values(), ids=OPTIONS.keys())
@pytest.mark.parametrize("activation", [*PASSES_ON, Maxout(pieces=3)], ids=str)
@pytest.mark.parametrize("larger", [(8, 6), (4, 6), (8, 3), (4, 3, 3), (8, 6, 6, 6)], ids=str)
def test_a_net_that_has_grown_computes_the_same(larger, activation, option, data):
    X, y = data
    small, large = grown_without_epochs((4, 3), larger, X, y, activation=activation, **option)
    assert large.n_layers_ == len(larger) + 2
    digits = 5 if "dtype" in option else 13
    np.testing.assert_array_almost_equal(
        large.predict_proba(X), small.predict_proba(X), decimal=digits
    )
    assert np.ptp(small.predict_proba(X)) > 0.1


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize("activation", _core.activations())
def test_which_steps_change_nothing(activation, normalization, data):
    """Units may be doubled behind any activation; what the documentation says of layers."""
    X, y = data
    params = {"activation": activation, "normalization": normalization}
    small, wide = grown_without_epochs((4, 3), (8, 6), X, y, **params)
    np.testing.assert_allclose(wide.predict_proba(X), small.predict_proba(X), rtol=1e-9)
    small, deep = grown_without_epochs((4, 3), (4, 3, 3), X, y, **params)
    same = np.allclose(deep.predict_proba(X), small.predict_proba(X), rtol=1e-9)
    assert same == (activation in PASSES_ON and normalization != "layer")


def test_regressions_grow_too():
    X, y = problem("two targets")
    small, large = grown_without_epochs(
        (4,), (8, 8), X, y, of=lambda sizes, **kw: MLPRegressor(
            hidden_layer_sizes=sizes, random_state=0, **kw
        ),
    )  # fmt: skip
    np.testing.assert_allclose(large.predict(X), small.predict(X), rtol=1e-11)


@pytest.mark.parametrize("solver", ["sgd", "adam", "lion", "rmsprop"])
def test_the_copies_of_a_unit_learn_differently(solver):
    """Also where the net has one output, and steps look at the signs of gradients alone."""
    X, y = problem("binary")
    large = net((8,), solver=solver)
    training = training_of(net((4,), solver=solver), X, y)
    training.advance(5, 1)
    branch = branched(training, large, prepare(large, Given(X, y), None))
    before, copied = np.split(branch.publish()["coefs_"][0], 2, axis=1)
    assert_identical(before, copied)
    branch.advance(5, 1)
    first, second = np.split(branch.publish()["coefs_"][0], 2, axis=1)
    alive = (first != before).any(axis=0)
    assert alive.sum() >= 3
    assert (np.abs(first - second).max(axis=0)[alive] > 1e-4).all()


@pytest.mark.parametrize(
    ("larger", "message"),
    [
        ((6,), r"grows from \[4\] by units that are doubled"),
        ((12,), r"grows from \[4\] by units that are doubled"),
        ((4, 8), "as many units as the one before, 4, not 8"),
    ],
)
def test_other_sizes_are_refused(larger, message, data):
    with pytest.raises(ValueError, match=message):
        grown_without_epochs((4,), larger, *data)


# ------------------------------------------------------------------ the search


def test_each_step_begins_with_the_trained_nets(data, monkeypatch):
    steps = []

    def watched(training, estimator, own, *given):
        branch = branched(training, estimator, own, *given)
        small = snapshot(training.estimator, training.publish())
        large = snapshot(estimator, branch.publish())
        X = data[0]
        np.testing.assert_allclose(large.predict_proba(X), small.predict_proba(X), rtol=1e-9)
        steps.append((training.epoch, training.estimator.hidden_layer_sizes, branch.epoch))
        return branch

    monkeypatch.setattr(_course, "branched", watched)
    search = grow().fit(*data)
    growth = search.growth_
    assert len(steps) == 3 * (len(growth) - 1)
    assert {epochs for epochs, _, _ in steps} == {12}
    assert {epochs for _, _, epochs in steps} == {0}
    # No net was trained twice, also not that from which two steps began.
    assert search.n_epochs_trained_ == search.n_epochs_planned_ == 12 * 3 * len(growth)


def check_growth(search, own, *, width, depth):
    """The table follows from the scores."""
    growth, results = search.growth_, search.cv_results_
    n_splits = search.n_splits_
    scores = np.stack([results[f"split{i}_test_score"] for i in range(n_splits)], axis=1)
    assert_identical(growth["mean_test_score"].to_numpy(), scores.mean(axis=1))
    np.testing.assert_allclose(growth["standard_error"], sem(scores, axis=1))
    rows = growth.to_dict("records")
    assert rows[0]["step"] == "start"
    assert rows[0]["kept"]
    last, phase = rows[0], "widen"
    assert last["hidden_layer_sizes"] == own
    for i, row in enumerate(rows[1:], 1):
        if row["step"] != phase:
            # Widening ended: it did not help, or there was no room.
            assert phase == "widen"
            assert not rows[i - 1]["kept"] or 2 * max(last["hidden_layer_sizes"]) > width
            phase = "deepen"
        before = last["hidden_layer_sizes"]
        wider, deeper = tuple(2 * units for units in before), (*before, before[-1])
        assert row["hidden_layer_sizes"] == (wider if phase == "widen" else deeper)
        better = row["mean_test_score"] > last["mean_test_score"] + last["standard_error"]
        assert row["kept"] == better
        if better:
            last = row
    sizes = [row["hidden_layer_sizes"] for row in rows]
    assert max(map(max, sizes)) <= width
    assert max(map(len, sizes)) <= depth
    assert search.best_params_["hidden_layer_sizes"] == last["hidden_layer_sizes"]
    assert rows[-1]["step"] == "deepen"
    return rows


@pytest.mark.slow
def test_it_grows_while_that_helps():
    X, y = load_digits(return_X_y=True)
    search = GrowSearchCV(
        net((4,), solver="sgd", learning_rate_init=0.01, max_iter=15), cv=3, max_width=32,
        max_depth=2,
    ).fit(X / 16, y)  # fmt: skip
    rows = check_growth(search, (4,), width=32, depth=2)
    assert sum(row["kept"] for row in rows) >= 3
    assert search.best_score_ > rows[0]["mean_test_score"] + 0.2


@pytest.mark.parametrize("seed", range(4))
def test_it_stops_when_that_helps_no_more(seed, data):
    search = grow(net(random_state=seed)).fit(*data)
    rows = check_growth(search, (2,), width=8, depth=3)
    # It may end for want of room, or of a better score, but not otherwise.
    assert not rows[-1]["kept"] or len(rows[-1]["hidden_layer_sizes"]) == 3


@pytest.mark.parametrize("inside", [False, True], ids=["bare", "pipeline"])
def test_the_fit_on_all_samples_goes_through_the_same_steps(inside):
    X, y = load_digits(return_X_y=True)
    X, y = X[:500] / 16, y[:500]
    own = net((4,), max_iter=8)
    estimator = Pipeline([("scale", StandardScaler()), ("net", own)]) if inside else own
    search = grow(estimator, max_width=16).fit(X, y)
    kept = search.growth_["hidden_layer_sizes"][search.growth_["kept"]].tolist()
    assert len(kept) > 1
    Z = StandardScaler().fit_transform(X) if inside else X
    training = None
    for sizes in kept:
        current = clone(own).set_params(hidden_layer_sizes=sizes)
        after = training_of(current, Z, y)
        if training is not None:
            rng = RandomState()
            _random.set_mt_state(rng, after.session.mt_state)
            fitted = grown(training.publish(), training.hidden, after.hidden, rng)
            flat = _weights.pack(fitted["coefs_"], fitted["intercepts_"])
            after.session.restore({"parameters": flat})
        after.advance(8, 1)
        training = after
    best = search.best_estimator_[-1] if inside else search.best_estimator_
    expected = snapshot(current, training.publish())
    for name in ("coefs_", "intercepts_", "loss_curve_", "n_iter_"):
        assert_identical(getattr(best, name), getattr(expected, name), name)
    assert best.hidden_layer_sizes == kept[-1]


def test_nets_without_a_seed_have_that_of_the_search(data):
    first, again, other = (
        grow(net(random_state=None), random_state=seed, refit=False).fit(*data)
        for seed in (0, 0, 1)
    )
    assert_same_search(again, first)
    scores = [search.cv_results_["mean_test_score"][0] for search in (first, other)]
    assert scores[0] != scores[1]


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"max_width": 0}, "'max_width' parameter of GrowSearchCV must be"),
        ({"max_depth": 0}, "'max_depth' parameter of GrowSearchCV must be"),
        ({"estimator": net((16,))}, r"hidden_layer_sizes=\[16\], beyond max_width=8"),
        ({"estimator": net((2, 2, 2, 2))}, "beyond max_width=8 or max_depth=3"),
        ({"estimator": net(())}, "needs a net with a hidden layer"),
        ({"estimator": net((2,), num_layers=2)}, "num_layers must be None, got 2"),
        ({"estimator": net(dropout=[0.5])}, "dropout cannot be one by one"),
        ({"estimator": net(activation=["relu"])}, "activation cannot be one by one"),
        ({"estimator": net(frozen_layers=[0])}, "frozen_layers cannot be one by one"),
        ({"estimator": net(kernel_initializer=["zeros", "ones"])}, "kernel_initializer must be"),
        ({"estimator": net(solver="lbfgs")}, "on the engine alone: solver='lbfgs' has no epochs"),
        ({"estimator": LogisticRegression()}, "on the engine alone: the estimator is Logistic"),
        ({"extra_candidates": [{"max_iter": 9}]}, "Cannot use parameter max_iter"),
    ],
)
def test_bad_settings(params, message, data):
    with pytest.raises(ValueError, match=message):
        grow(**params).fit(*data)


# ------------------------------------------------------------------ the rest of the family


def test_settings_that_come_first_may_be_the_best(data):
    best = {"hidden_layer_sizes": (32,), "learning_rate_init": 0.05}
    size = {"max_width": 2, "max_depth": 1}
    plain = grow(**size).fit(*data)
    search = grow(**size, extra_candidates=[best, {"alpha": 100.0}]).fit(*data)
    growth = search.growth_
    assert growth["step"].tolist() == ["given", "given", "start"]
    assert growth["hidden_layer_sizes"].tolist() == [(32,), (2,), (2,)]
    assert not growth["kept"][:2].any()
    assert_identical(
        growth["mean_test_score"].to_numpy()[2:], plain.growth_["mean_test_score"].to_numpy()
    )
    given = growth["mean_test_score"][0]
    assert given > plain.best_score_
    assert search.best_params_ == best
    assert search.best_estimator_.hidden_layer_sizes == (32,)


def test_ensembles_predictions_and_pickles(data):
    X, y = data
    search = grow(ensemble=True, return_oof=True, return_curves=True).fit(X, y)
    n_rows = len(search.growth_)
    assert search.oof_predictions_.shape == (n_rows, len(X), 3)
    assert len(search.best_estimator_.estimators) == 3
    assert search.best_estimator_.estimators[0].n_layers_ == (
        2 + len(search.best_params_["hidden_layer_sizes"])
    )
    curves = search.curves_
    assert curves.groupby(["candidate", "fold"])["epoch"].max().unique().tolist() == [12]
    last = curves[curves["epoch"] == 12].groupby("candidate")["test_score"].mean()
    np.testing.assert_allclose(last, search.cv_results_["mean_test_score"])
    again = pickle.loads(pickle.dumps(search))
    assert_identical(again.predict(X), search.predict(X))


def test_ends_and_scores(data):
    assert len(grow(target_score=0.0).fit(*data).growth_) == 1
    scoring = {"loss": "neg_log_loss", "accuracy": "accuracy"}
    search = grow(scoring=scoring, refit="loss").fit(*data)
    assert_identical(
        search.growth_["mean_test_score"].to_numpy(), search.cv_results_["mean_test_loss"]
    )
    chosen = search.growth_.iloc[search.best_index_]
    assert chosen["kept"]
    smallest = grow(refit=nnhp.search.one_standard_error).fit(*data)
    assert smallest.best_index_ == nnhp.search.one_standard_error(smallest.cv_results_)
