"""FoldEnsemble: the average of its members, whatever they learned; an estimator like others."""

import pickle

import numpy as np
import pandas as pd
import pytest
from helpers import STOPS_EARLY, assert_identical, problem
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import accuracy_score, get_scorer, r2_score
from sklearn.model_selection import KFold, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from nnhp import MLPClassifier, MLPRegressor
from nnhp.search._ensemble import FoldEnsemble

pytestmark = STOPS_EARLY


def net_for(kind):
    regression = "target" in kind
    return (MLPRegressor if regression else MLPClassifier)(
        hidden_layer_sizes=(6,), max_iter=8, learning_rate_init=0.02, random_state=0
    )


def fold_estimators(estimator, X, y, cv=3):
    return cross_validate(estimator, X, y, cv=KFold(cv), return_estimator=True)["estimator"]


def ensemble_of(kind):
    X, y = problem(kind)
    return FoldEnsemble(fold_estimators(net_for(kind), X, y)), X, y


# ------------------------------------------------------------------ what it predicts


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_probabilities_are_the_mean(kind):
    ensemble, X, _ = ensemble_of(kind)
    probabilities = [member.predict_proba(X) for member in ensemble.estimators]
    assert not np.array_equal(probabilities[0], probabilities[1])
    assert_allclose(ensemble.predict_proba(X), np.mean(probabilities, axis=0), rtol=1e-14)
    assert_allclose(ensemble.predict_log_proba(X), np.log(np.mean(probabilities, axis=0)))
    if kind != "multilabel":
        assert_allclose(ensemble.predict_proba(X).sum(axis=1), 1)


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_the_label_is_the_most_probable(kind):
    ensemble, X, y = ensemble_of(kind)
    predicted = ensemble.predict(X)
    assert_array_equal(predicted, ensemble.predict_proba(X).argmax(axis=1))
    assert predicted.dtype == y.dtype
    assert any(not np.array_equal(predicted, m.predict(X)) for m in ensemble.estimators)


def test_multilabel_predictions_are_an_indicator_matrix():
    ensemble, X, y = ensemble_of("multilabel")
    predicted = ensemble.predict(X)
    assert_array_equal(predicted, (ensemble.predict_proba(X) > 0.5).astype(int))
    assert predicted.shape == y.shape
    assert predicted.dtype == ensemble.estimators[0].predict(X).dtype
    assert set(predicted.sum(axis=1)) > {0, 1}


@pytest.mark.parametrize("kind", ["one target", "two targets"])
def test_regressors_are_averaged(kind):
    ensemble, X, y = ensemble_of(kind)
    members = [member.predict(X) for member in ensemble.estimators]
    assert_allclose(ensemble.predict(X), np.mean(members, axis=0), rtol=1e-13)
    assert ensemble.predict(X).shape == y.shape
    assert not hasattr(ensemble, "predict_proba")
    assert not hasattr(ensemble, "classes_")


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "one target"])
def test_one_member_alone_is_itself(kind):
    X, y = problem(kind)
    member = net_for(kind).fit(X, y)
    assert_identical(FoldEnsemble([member]).predict(X), member.predict(X))


def test_labels_may_be_text():
    X, y = problem("multiclass")
    names = np.array(["ant", "bee", "caterpillar"])
    ensemble = FoldEnsemble(fold_estimators(net_for("multiclass"), X, names[y]))
    assert_array_equal(ensemble.classes_, names)
    numbers, _, _ = ensemble_of("multiclass")
    assert_array_equal(ensemble.predict(X), names[numbers.predict(X)])


def test_precision_is_that_of_the_members():
    X, y = problem("multiclass")
    ensemble = FoldEnsemble(fold_estimators(net_for("multiclass"), X.astype(np.float32), y))
    probabilities = ensemble.predict_proba(X)
    assert probabilities.dtype == np.float32
    assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


# ------------------------------------------------------------------ folds that lack classes


@pytest.mark.parametrize("names", [np.arange(3), np.array(["ant", "bee", "caterpillar"])])
def test_a_class_that_a_fold_lacks_has_probability_zero_there(names):
    X, y = problem("multiclass")
    labels = names[y]
    known = [[0, 1, 2], [0, 2], [1, 2], [2]]
    rows = [np.flatnonzero(np.isin(y, classes)) for classes in known]
    members = [net_for("multiclass").fit(X[r], labels[r]) for r in rows]
    ensemble = FoldEnsemble(members)
    expected = np.zeros((len(X), 3))
    for member, classes in zip(members, known, strict=True):
        assert len(member.classes_) == len(classes)
        expected[:, classes] += member.predict_proba(X) / len(members)
    probabilities = ensemble.predict_proba(X)
    assert_allclose(probabilities, expected, rtol=1e-12)
    assert_allclose(probabilities.sum(axis=1), 1)
    assert_array_equal(ensemble.classes_, names)
    assert_array_equal(ensemble.predict(X), names[expected.argmax(axis=1)])
    assert np.isfinite(get_scorer("neg_log_loss")(ensemble, X, labels))


def test_no_fold_knows_all_classes():
    X, y = problem("multiclass")
    pairs = [(0, 1), (1, 2)]
    rows = [np.flatnonzero(np.isin(y, pair)) for pair in pairs]
    ensemble = FoldEnsemble([net_for("binary").fit(X[r], y[r]) for r in rows])
    assert_array_equal(ensemble.classes_, [0, 1, 2])
    probabilities = ensemble.predict_proba(X)
    first, second = (member.predict_proba(X) for member in ensemble.estimators)
    assert_array_equal(probabilities[:, 0], first[:, 0] / 2)
    assert_array_equal(probabilities[:, 2], second[:, 1] / 2)


def test_the_log_of_probability_zero_is_silent():
    X, y = problem("binary")
    certain = net_for("binary").fit(X[y == 1], y[y == 1])
    other = MLPClassifier((), solver="lbfgs", alpha=0, max_iter=300).fit([[0.0], [1.0]], [0, 1])
    far = FoldEnsemble([other]).predict_log_proba([[1e6]])
    assert far[0, 0] == -np.inf
    assert_array_equal(FoldEnsemble([certain]).predict_log_proba(X), 0)


# ------------------------------------------------------------------ members without probabilities


def test_members_without_probabilities_vote():
    X, y = problem("multiclass")
    members = fold_estimators(RidgeClassifier(), X, y)
    ensemble = FoldEnsemble(members)
    votes = np.stack([member.predict(X) for member in members])
    counts = np.stack([(votes == label).sum(axis=0) for label in range(3)], axis=1)
    assert_array_equal(ensemble.predict(X), counts.argmax(axis=1))
    assert not hasattr(ensemble, "predict_proba")
    assert not hasattr(ensemble, "predict_log_proba")


def test_members_without_probabilities_vote_on_each_label():
    X, y = problem("multilabel")
    members = fold_estimators(RidgeClassifier(), X, y)
    votes = sum(member.predict(X) for member in members)
    assert_array_equal(FoldEnsemble(members).predict(X), (votes >= 2).astype(int))


# ------------------------------------------------------------------ what it is given


def mixed_table():
    X, y = problem("multiclass")
    frame = pd.DataFrame(X[:, :3], columns=["a", "b", "c"])
    frame["kind"] = pd.Series(np.array(["x", "y", "z"])[(X[:, 3] > 0).astype(int)], dtype=object)
    # Labels that are numbers, against confusing them with positions.
    frame.index = pd.Index(np.linspace(1000.5, 2000.5, len(frame)))
    return frame, y


def test_pipelines_on_tables():
    frame, y = mixed_table()
    columns = ColumnTransformer(
        [("number", StandardScaler(), ["a", "b", "c"]), ("text", OneHotEncoder(), ["kind"])]
    )
    model = Pipeline([("columns", columns), ("net", net_for("multiclass"))])
    ensemble = FoldEnsemble(fold_estimators(model, frame, y))
    expected = np.mean([member.predict_proba(frame) for member in ensemble.estimators], axis=0)
    assert_allclose(ensemble.predict_proba(frame), expected)
    assert_array_equal(ensemble.predict(frame), expected.argmax(axis=1))
    assert list(ensemble.feature_names_in_) == ["a", "b", "c", "kind"]
    assert ensemble.n_features_in_ == 4
    assert is_classifier(ensemble)
    restored = pickle.loads(pickle.dumps(ensemble))
    assert_identical(restored.predict_proba(frame), ensemble.predict_proba(frame))


@pytest.mark.parametrize("kind", ["multiclass", "multilabel", "one target"])
@pytest.mark.parametrize(
    "container", [np.ndarray.tolist, sparse.csr_array, sparse.coo_matrix, sparse.csc_matrix]
)
def test_containers(kind, container):
    ensemble, X, _ = ensemble_of(kind)
    assert_allclose(ensemble.predict(container(X)), ensemble.predict(X))


def test_data_that_do_not_fit_are_refused_as_by_the_members():
    for kind in ("multiclass", "multilabel", "one target"):
        ensemble, X, _ = ensemble_of(kind)
        with pytest.raises(ValueError, match="7 features"):
            ensemble.predict(X[:, :5])
        with pytest.raises(ValueError, match="0 sample"):
            ensemble.predict(X[:0])


# ------------------------------------------------------------------ as an estimator


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "one target"])
def test_score(kind, weighted):
    ensemble, X, y = ensemble_of(kind)
    weight = 1.0 + np.arange(len(X)) if weighted else None
    metric = r2_score if "target" in kind else accuracy_score
    expected = metric(y, ensemble.predict(X), sample_weight=weight)
    assert ensemble.score(X, y, sample_weight=weight) == expected
    assert 0 < expected < 1


@pytest.mark.parametrize("kind", ["multiclass", "one target"])
def test_kind_and_tags_are_those_of_the_members(kind):
    ensemble, _, _ = ensemble_of(kind)
    assert is_classifier(ensemble) is (kind == "multiclass")
    assert is_regressor(ensemble) is (kind == "one target")
    assert get_tags(ensemble) == get_tags(ensemble.estimators[0])
    assert ensemble.n_features_in_ == 7
    assert not hasattr(ensemble, "feature_names_in_")


@pytest.mark.parametrize("name", ["accuracy", "roc_auc", "neg_log_loss", "neg_brier_score"])
def test_scorers_take_it(name):
    ensemble, X, y = ensemble_of("binary")
    member_scores = [get_scorer(name)(member, X, y) for member in ensemble.estimators]
    score = get_scorer(name)(ensemble, X, y)
    if name.startswith("neg"):  # convex losses: the mean is no worse than its parts are on average
        assert score >= np.mean(member_scores)
    assert np.isfinite(score)


def test_inspection_takes_it():
    ensemble, X, y = ensemble_of("multiclass")
    importance = permutation_importance(ensemble, X, y, n_repeats=2, random_state=0)
    assert importance.importances_mean.max() > 0
    check_is_fitted(ensemble)


@pytest.mark.parametrize("kind", ["multiclass", "multilabel", "two targets"])
@pytest.mark.parametrize("copied", [clone, lambda e: pickle.loads(pickle.dumps(e))])
def test_clones_and_pickles_predict_the_same(kind, copied):
    ensemble, X, _ = ensemble_of(kind)
    other = copied(ensemble)
    assert other is not ensemble
    assert_identical(other.predict(X), ensemble.predict(X))


def test_it_refuses_to_be_fitted():
    ensemble, X, y = ensemble_of("multiclass")
    before = ensemble.predict_proba(X)
    with pytest.raises(NotImplementedError, match="Fit the search"):
        ensemble.fit(X, y)
    with pytest.raises(NotImplementedError, match="Fit the search"):
        cross_validate(ensemble, X, y, error_score="raise")
    assert_identical(ensemble.predict_proba(X), before)


def test_it_can_be_calibrated_frozen():
    ensemble, X, y = ensemble_of("multiclass")
    calibrated = CalibratedClassifierCV(FrozenEstimator(ensemble)).fit(X, y)
    assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)


def test_its_repr_names_it():
    ensemble, _, _ = ensemble_of("one target")
    assert repr(ensemble).startswith("FoldEnsemble(estimators=[MLPRegressor(")


# ------------------------------------------------------------------ refusals


def fitted(estimator, kind):
    return estimator.fit(*problem(kind))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (list, r"estimators must be a list of fitted estimators, got \[\]"),
        (lambda: net_for("binary"), "estimators must be a list of fitted estimators, got MLPCl"),
        (
            lambda: [
                fitted(net_for("multiclass"), "multiclass"),
                fitted(net_for("one target"), "one target"),
            ],
            r"all classifiers or all regressors, got \['MLPClassifier', 'MLPRegressor'\]",
        ),
        (
            lambda: [StandardScaler().fit([[0.0], [1.0]])],
            r"all classifiers or all regressors, got \['StandardScaler'\]",
        ),
        (
            lambda: [fitted(RandomForestClassifier(2), "multilabel")],
            "classifiers of several outputs.*got RandomForestClassifier",
        ),
    ],
)
def test_other_members_are_refused(members, message):
    with pytest.raises(ValueError, match=message):
        FoldEnsemble(members())


def test_members_that_are_not_fitted_are_refused():
    X, y = problem("binary")
    with pytest.raises(NotFittedError):
        FoldEnsemble([net_for("binary").fit(X, y), net_for("binary")])
