"""nested_cv: equal to the loop written out, honest where the search is not."""

import numpy as np
import pytest
import sklearn
from helpers import STOPS_EARLY, problem
from numpy.testing import assert_array_equal
from scipy.stats import uniform
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
    StratifiedKFold,
    cross_validate,
)

from nnhp import MLPClassifier
from nnhp.search._nested import nested_cv

pytestmark = STOPS_EARLY

X, Y = problem("binary")
GRID = {"hidden_layer_sizes": [(), (4,)], "alpha": [1e-4, 1.0]}


def grid_search(**keywords):
    return GridSearchCV(MLPClassifier(max_iter=5, random_state=0), GRID, cv=3, **keywords)


class Guess(ClassifierMixin, BaseEstimator):
    """Predicts at random by its seed: the best of many is lucky, and only that."""

    def __init__(self, seed=0):
        self.seed = seed

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        bits = np.abs(X * 1e6).astype(np.int64).sum(axis=1) + int(self.seed * 1e6)
        return np.array([np.random.RandomState(b % 2**31).randint(2) for b in bits])


def test_it_equals_the_loop_written_out():
    outer = StratifiedKFold(4)
    scores = nested_cv(grid_search(), X, Y, cv=4, return_train_score=True)
    for i, (train, test) in enumerate(outer.split(X, Y)):
        search = grid_search().fit(X[train], Y[train])
        assert scores["inner_score"][i] == search.best_score_
        assert scores["outer_score"][i] == scores["test_score"][i]
        assert scores["test_score"][i] == search.score(X[test], Y[test])
        assert scores["train_score"][i] == search.score(X[train], Y[train])
        assert scores["optimism"][i] == search.best_score_ - search.score(X[test], Y[test])


def test_the_result_is_that_of_cross_validate_and_three_more():
    plain = cross_validate(grid_search(), X, Y, cv=3)
    scores = nested_cv(grid_search(), X, Y, cv=3)
    assert set(scores) == set(plain) | {"inner_score", "outer_score", "optimism"}
    assert_array_equal(scores["test_score"], plain["test_score"])
    assert all(len(column) == 3 for column in scores.values())


def test_five_outer_folds_unless_told():
    assert len(nested_cv(grid_search(), X, Y)["optimism"]) == 5


def test_luck_shows_as_optimism():
    rng = np.random.RandomState(0)
    noise, labels = rng.standard_normal((60, 3)), np.arange(60) % 2
    search = RandomizedSearchCV(Guess(), {"seed": uniform()}, n_iter=60, cv=3, random_state=0)
    scores = nested_cv(search, noise, labels, cv=5)
    assert scores["inner_score"].min() > 0.6
    assert scores["outer_score"].mean() < 0.6
    assert scores["optimism"].mean() > 0.1


def test_the_search_given_stays_as_it_was():
    search = grid_search()
    nested_cv(search, X, Y, cv=2)
    assert not hasattr(search, "best_score_")


@pytest.mark.parametrize("returned", [True, False])
def test_what_is_returned_on_request(returned):
    scores = nested_cv(
        grid_search(), X, Y, cv=2, return_estimator=returned, return_indices=returned
    )
    assert ("estimator" in scores) is returned
    assert ("indices" in scores) is returned
    if returned:
        assert [fitted.best_score_ for fitted in scores["estimator"]] == list(scores["inner_score"])
        assert len(scores["indices"]["test"]) == 2


@pytest.mark.parametrize(
    ("scoring", "names"),
    [
        ("roc_auc", ["test_score"]),
        (make_scorer(roc_auc_score, response_method="predict_proba"), ["test_score"]),
        (["roc_auc", "f1"], ["test_f1", "test_roc_auc"]),
        (("roc_auc",), ["test_roc_auc"]),
        ({"area": "roc_auc"}, ["test_area"]),
    ],
)
def test_other_metrics_leave_the_optimism_that_of_the_search(scoring, names):
    own = nested_cv(grid_search(), X, Y, cv=3)
    scores = nested_cv(grid_search(), X, Y, cv=3, scoring=scoring, return_train_score=True)
    assert sorted(name for name in scores if name.startswith("test_")) == names
    assert sum(name.startswith("train_") for name in scores) == len(names)
    for name in ("inner_score", "outer_score", "optimism"):
        assert_array_equal(scores[name], own[name])
    area = next(scores[name] for name in names if name != "test_f1")
    assert_array_equal(
        area, cross_validate(grid_search(), X, Y, cv=3, scoring="roc_auc")["test_score"]
    )
    assert not np.array_equal(area, scores["outer_score"])


def test_the_metric_is_that_of_the_refit():
    search = grid_search(scoring=["accuracy", "roc_auc"], refit="roc_auc")
    scores = nested_cv(search, X, Y, cv=3)
    train, test = next(StratifiedKFold(3).split(X, Y))
    fitted = clone(search).fit(X[train], Y[train])
    assert scores["outer_score"][0] == roc_auc_score(Y[test], fitted.predict_proba(X[test])[:, 1])
    assert scores["inner_score"][0] == fitted.cv_results_["mean_test_roc_auc"].max()


def test_a_refit_function():
    search = grid_search(refit=lambda cv_results: int(cv_results["mean_test_score"].argmin()))
    scores = nested_cv(search, X, Y, cv=2)
    train, _ = next(StratifiedKFold(2).split(X, Y))
    assert scores["inner_score"][0] == min(
        clone(search).fit(X[train], Y[train]).cv_results_["mean_test_score"]
    )


def several(estimator, X, y):
    return {"accuracy": estimator.score(X, y), "one": 1.0}


@pytest.mark.filterwarnings("ignore:Scoring failed")
def test_a_scoring_function_of_several_metrics():
    scores = nested_cv(grid_search(scoring=several, refit="accuracy"), X, Y, cv=2)
    assert_array_equal(scores["inner_score"], nested_cv(grid_search(), X, Y, cv=2)["inner_score"])
    search = grid_search(scoring=several, refit=lambda cv_results: 0)
    with pytest.raises(ValueError, match=r"search must name the metric .*refit='...'"):
        nested_cv(search, X, Y, cv=2, scoring="accuracy")


def test_a_halving_search():
    search = HalvingRandomSearchCV(
        MLPClassifier(random_state=0),
        {"alpha": uniform(0, 1)},
        n_candidates=4,
        factor=2,
        resource="max_iter",
        min_resources=1,
        max_resources=2,
        cv=2,
        random_state=0,
    )
    scores = nested_cv(search, X, Y, cv=2, return_estimator=True)
    assert_array_equal(scores["inner_score"], [s.best_score_ for s in scores["estimator"]])


def test_a_failed_fold_has_no_optimism():
    folds = [(np.arange(60), np.arange(60, 97)), (np.flatnonzero(Y == 0), np.arange(60, 97))]
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=KFold(2))
    with pytest.warns(sklearn.exceptions.FitFailedWarning):
        scores = nested_cv(search, X, Y, cv=folds)
    for name in ("inner_score", "outer_score", "optimism"):
        assert list(np.isnan(scores[name])) == [False, True]
    with pytest.raises(ValueError, match="fits failed"):
        nested_cv(search, X, Y, cv=folds, error_score="raise")


# ------------------------------------------------------------------ params


class RecordingGroupKFold(GroupKFold):
    """Keeps what it was asked to split."""

    seen: list = []  # noqa: RUF012  (clones share it)

    def split(self, X, y=None, groups=None):
        self.seen.append(np.array(groups))
        return super().split(X, y, groups)


def test_groups_reach_the_outer_and_the_inner_splits():
    groups = np.arange(len(X)) % 12
    RecordingGroupKFold.seen.clear()
    search = grid_search().set_params(cv=RecordingGroupKFold(2))
    scores = nested_cv(
        search, X, Y, cv=GroupKFold(3), params={"groups": groups}, return_indices=True
    )
    trains, tests = scores["indices"]["train"], scores["indices"]["test"]
    for train, test in zip(trains, tests, strict=True):
        assert not set(groups[train]) & set(groups[test])
    assert len(RecordingGroupKFold.seen) == 3
    for seen, train in zip(RecordingGroupKFold.seen, trains, strict=True):
        assert_array_equal(seen, groups[train])


def test_sample_weight_reaches_the_fits():
    weight = np.where(np.arange(len(X)) % 2 == 0, 1.0, 0.0)
    scores = nested_cv(
        grid_search(), X, Y, cv=2, params={"sample_weight": weight}, return_estimator=True
    )
    train, _ = next(StratifiedKFold(2).split(X, Y))
    expected = grid_search().fit(X[train], Y[train], sample_weight=weight[train])
    fitted = scores["estimator"][0]
    assert_array_equal(fitted.best_estimator_.coefs_[0], expected.best_estimator_.coefs_[0])
    assert scores["inner_score"][0] == expected.best_score_
    unweighted = nested_cv(grid_search(), X, Y, cv=2, return_estimator=True)["estimator"][0]
    assert not np.array_equal(
        fitted.best_estimator_.coefs_[-1], unweighted.best_estimator_.coefs_[-1]
    )


def test_metadata_routing():
    groups = np.arange(len(X)) % 12
    weight = 1.0 + np.arange(len(X)) % 3
    with sklearn.config_context(enable_metadata_routing=True):
        net = MLPClassifier(max_iter=5, random_state=0)
        net.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(net, GRID, cv=GroupKFold(2))
        params = {"groups": groups, "sample_weight": weight}
        scores = nested_cv(search, X, Y, cv=GroupKFold(3), params=params)
        train, test = next(GroupKFold(3).split(X, Y, groups))
        fitted = clone(search).fit(
            X[train], Y[train], groups=groups[train], sample_weight=weight[train]
        )
        plain = make_scorer(accuracy_score).set_score_request(sample_weight=False)
        more = nested_cv(search, X, Y, cv=GroupKFold(3), params=params, scoring={"plain": plain})
    predicted = fitted.predict(X[test])
    assert scores["inner_score"][0] == fitted.best_score_
    assert scores["outer_score"][0] == accuracy_score(
        Y[test], predicted, sample_weight=weight[test]
    )
    assert_array_equal(more["outer_score"], scores["outer_score"])
    assert more["test_plain"][0] == accuracy_score(Y[test], predicted)


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("search", "message"),
    [
        (MLPClassifier(), "search must be a hyperparameter search .* got MLPClassifier"),
        (grid_search(refit=False), "search must refit its best candidate, got refit=False"),
        (
            grid_search(scoring=["accuracy", "f1"], refit=lambda cv_results: 0),
            "search must name the metric .*refit='...'",
        ),
    ],
)
def test_what_is_no_search_that_can_score_is_refused(search, message):
    with pytest.raises(ValueError, match=message):
        nested_cv(search, X, Y)
