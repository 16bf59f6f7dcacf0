"""The same search on the engine, on scikit-learn's way, and by scikit-learn's own class."""

import copy
import warnings
from typing import ClassVar
from unittest.mock import ANY

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from helpers import (
    STOPS_EARLY,
    Hook,
    assert_identical,
    assert_same_fit,
    assert_same_results,
    assert_same_search,
)
from scipy.stats import loguniform
from sklearn import model_selection
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.callback import ProgressBar
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    StandardScaler,
    TargetEncoder,
)

from nnhp import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    HyperbandSearchCV,
    MLPClassifier,
    MLPRegressor,
    RandomizedSearchCV,
)
from nnhp.initializers import HeNormal
from nnhp.schedules import Cosine, Piecewise, Plateau

pytestmark = STOPS_EARLY

N_ROWS = 80
GRID = {"alpha": [1e-4, 0.1], "batch_size": [8, 16]}
PIPELINE_GRID = {f"net__{name}": values for name, values in GRID.items()}
DIVERGING = {"solver": ["sgd"], "learning_rate_init": [1e30, 0.02]}
OFF = "scikit-learn: NNHP_SEARCH_ENGINE is off"


def iris():
    X, y = load_iris(return_X_y=True)
    rows = np.random.RandomState(0).permutation(len(X))[:N_ROWS]
    return X[rows], y[rows]


X, Y = iris()
SORTED = np.argsort(Y, kind="stable")
LABELS = np.array(["setosa", "versicolor", "virginica"])[Y]
WEIGHT = np.linspace(0, 2, N_ROWS)
TARGET = X[:, 0] - X[:, 1]


def net(**parameters):
    return MLPClassifier(**SMALL | parameters)


def regressor(**parameters):
    return MLPRegressor(**SMALL | parameters)


SMALL = {"hidden_layer_sizes": (5,), "max_iter": 4, "random_state": 0, "learning_rate_init": 0.02}


def scaled(**parameters):
    return Pipeline([("scale", StandardScaler()), ("net", net(**parameters))])


def said(caught):
    """Category and first line of each different warning, but for those about convergence."""
    return {
        (w.category.__name__, str(w.message).strip().splitlines()[0])
        for w in caught
        if not issubclass(w.category, ConvergenceWarning)
    }


def fit_recorded(search, X, y, fit_params):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(X, y, **copy.deepcopy(fit_params))
    return search, said(caught)


def scikit_class(search):
    """scikit-learn's own search with the same settings."""
    own = getattr(model_selection, type(search).__name__)
    names = own._get_param_names()
    twin = own(**{name: getattr(clone(search), name) for name in names})
    if hasattr(search, "_metadata_request"):
        twin._metadata_request = copy.deepcopy(search._metadata_request)
    if hasattr(search, "_skl_callbacks"):
        twin._skl_callbacks = search._skl_callbacks
    return twin


@pytest.fixture
def differ(monkeypatch):
    """Run a search in all ways, find the same, and return the one that the engine ran."""

    def check(search, X=X, y=Y, *, engine="nnhp", scikit=True, told=frozenset(), **fit_params):
        monkeypatch.delenv("NNHP_SEARCH_ENGINE", raising=False)
        found, warned = fit_recorded(clone(search), X, y, fit_params)
        assert found.engine_ == engine
        names = {category for category, _ in warned}
        assert names == set(told), warned
        monkeypatch.setenv("NNHP_SEARCH_ENGINE", "off")
        others = [clone(search)]
        if callable(search.refit):
            # What such a function may want to know beyond scikit-learn's columns.
            assert (found.cv_results_.pop("n_parameters") > 0).all()
        if scikit:
            others.append(scikit_class(search))
        for other in others:
            expected, warned_too = fit_recorded(other, X, y, fit_params)
            expected.cv_results_.pop("n_parameters", None)
            assert_same_search(found, expected)
            assert warned == warned_too
        assert others[0].engine_ == OFF
        assert others[0].n_epochs_planned_ is None
        assert others[0].n_epochs_trained_ is None
        monkeypatch.delenv("NNHP_SEARCH_ENGINE")
        return found

    return check


@pytest.fixture
def differ_in_errors(monkeypatch):
    """Run a search that must fail in all ways; finds the same error, and returns its text there."""

    def check(search, X=X, y=Y, **fit_params):
        errors = []
        for other, engine in [(clone(search), ""), (clone(search), "off"), (search, None)]:
            monkeypatch.setenv("NNHP_SEARCH_ENGINE", engine or "")
            with pytest.raises((ValueError, TypeError)) as caught:
                (scikit_class(other) if engine is None else other).fit(X, y, **fit_params)
            last = str(caught.value).strip().splitlines()[-1]
            errors.append((caught.type, last))
        ours, without_engine, theirs = errors
        assert ours == without_engine
        assert ours[0] is theirs[0]
        assert ours[1].endswith(theirs[1])  # ours may name the arrays before
        monkeypatch.delenv("NNHP_SEARCH_ENGINE")
        return theirs[1]

    return check


# -------------------------------------------------------------------------------- all four searches

SEARCHES = {
    "grid": GridSearchCV(net(), GRID, cv=3),
    "random": RandomizedSearchCV(
        net(), {"alpha": loguniform(1e-5, 1), "batch_size": [8, 16]}, n_iter=5, cv=3, random_state=1
    ),
    "halving a grid of samples": HalvingGridSearchCV(
        net(), {"alpha": [1e-4, 0.1], "batch_size": [2, 4]}, cv=2, factor=2, random_state=2
    ),
    "halving at random over samples": HalvingRandomSearchCV(
        net(), {"alpha": loguniform(1e-5, 1)}, n_candidates=4, cv=2, factor=2, random_state=2
    ),
    "halving at random over epochs": HalvingRandomSearchCV(
        net(),
        {"alpha": loguniform(1e-5, 1), "batch_size": [8, 16]},
        resource="max_iter",
        max_resources=9,
        n_candidates=9,
        cv=2,
        random_state=2,
    ),
    "halving over batch sizes": HalvingGridSearchCV(
        net(),
        {"alpha": [1e-4, 1e-3, 0.1, 1.0]},
        resource="batch_size",
        max_resources=16,
        factor=2,
        cv=2,
    ),
}


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
def test_each_search(differ, search):
    found = differ(search)
    assert 0 < found.n_epochs_trained_ <= found.n_epochs_planned_


@pytest.mark.parametrize("n_jobs", [1, 2, None, -1])
def test_no_result_depends_on_n_jobs(differ, n_jobs):
    expected = clone(SEARCHES["grid"]).fit(X, Y)
    found = clone(SEARCHES["grid"]).set_params(n_jobs=n_jobs).fit(X, Y)
    assert_same_search(found, expected)


@pytest.mark.slow
def test_joblibs_processes_on_scikit_learns_way(differ):
    differ(clone(SEARCHES["random"]).set_params(n_jobs=2))


@pytest.mark.parametrize("name", ["random", "halving at random over epochs"])
def test_a_generator_as_random_state_of_the_search(differ, name):
    # scikit-learn's own halving draws its candidates twice, and takes the second ones.
    differ(
        clone(SEARCHES[name]).set_params(random_state=np.random.RandomState(5)),
        scikit="halving" not in name,
    )


def test_a_generator_as_random_state_of_the_net(differ):
    seeded = net(random_state=np.random.RandomState(5))
    differ(GridSearchCV(seeded, GRID, cv=3))
    differ(GridSearchCV(Pipeline([("scale", StandardScaler()), ("net", seeded)]), PIPELINE_GRID))


def test_generators_among_the_candidates(differ):
    states = [np.random.RandomState(5), 3, np.int64(4)]
    differ(GridSearchCV(net(), {"random_state": states, "alpha": [0.1, 1]}, cv=3))


def test_list_of_grids_masks_what_a_candidate_lacks(differ):
    found = differ(GridSearchCV(net(), [{"alpha": [0.1]}, {"batch_size": [8, 16]}], cv=3))
    assert found.cv_results_["param_alpha"].mask.tolist() == [False, True, True]


# ---------------------------------------------------------------------------------- data and labels


@pytest.mark.parametrize(
    "data",
    [
        X.astype(np.float32),
        X.astype(np.float16),
        (10 * X).astype(int),
        X.tolist(),
        np.asfortranarray(X),
        X[:, ::-1],
        sp.csr_matrix(X * (X > 1)),
        sp.csc_array(X * (X > 1)),
        sp.csr_array(X.astype(np.float32)),
        pd.DataFrame(X, columns=list("abcd"), index=np.arange(N_ROWS)[::-1]),
        pd.DataFrame(X.astype(np.float32), columns=list("abcd")).assign(more=Y),
    ],
    ids=[
        "float32",
        "float16",
        "int",
        "lists",
        "fortran",
        "view",
        "csr",
        "csc",
        "csr32",
        "frame",
        "mixed",
    ],
)
def test_forms_of_X(differ, data):
    differ(GridSearchCV(net(), GRID, cv=3, return_train_score=True), data)


@pytest.mark.parametrize(
    "labels",
    [
        LABELS,
        LABELS.astype(object),
        LABELS.tolist(),
        pd.Series(LABELS, index=np.arange(N_ROWS)[::-1]),
        pd.Series(LABELS).astype("category"),
        Y.astype(float),
        Y.astype(np.int8),
        Y == 1,
        np.where(Y == 1, "yes", "no"),
        Y - 1,
    ],
    ids=[
        "U",
        "object",
        "list",
        "series",
        "category",
        "float",
        "int8",
        "bool",
        "yes-no",
        "negative",
    ],
)
def test_forms_of_y(differ, labels):
    differ(
        GridSearchCV(net(), GRID, cv=3, scoring=["accuracy", "neg_log_loss"], refit=False), y=labels
    )


def test_y_as_a_column(differ):
    differ(GridSearchCV(net(), GRID, cv=3), y=Y[:, np.newaxis], told={"DataConversionWarning"})


def test_folds_that_know_fewer_classes(differ):
    search = GridSearchCV(net(), GRID, cv=KFold(3), return_train_score=True)
    differ(search, X[SORTED], LABELS[SORTED])


def test_folds_that_know_fewer_classes_and_probabilities(differ):
    scoring = ["accuracy", "balanced_accuracy", "neg_log_loss"]
    search = GridSearchCV(net(), GRID, cv=KFold(4), scoring=scoring, refit="accuracy")
    differ(search, X[SORTED], Y[SORTED], told={"UserWarning"})


def test_folds_with_one_class(differ):
    search = GridSearchCV(net(), GRID, cv=KFold(2))
    differ(search, X[SORTED], Y[SORTED] > 0)


def test_multilabel(differ):
    labels = (X.mean(axis=0) < X).astype(int)
    differ(GridSearchCV(net(), GRID, cv=3, return_train_score=True), y=labels)


def test_class_weight(differ):
    weights = ["balanced", None, {0: 1.0, 1: 2.0, 2: 3.0}]
    search = GridSearchCV(net(), {"class_weight": weights, "alpha": [0.1, 1]}, cv=KFold(3))
    differ(search, sample_weight=WEIGHT + 0.1, y=Y)


REGRESSIONS = {
    "one target": (TARGET, {}),
    "float32 targets": (TARGET.astype(np.float32), {}),
    "integer targets": (Y, {}),
    "two targets": (X[:, :2], {}),
    "poisson": (np.round(TARGET), {"loss": "poisson"}),
}


@pytest.mark.parametrize(("y", "parameters"), REGRESSIONS.values(), ids=REGRESSIONS)
def test_regression(differ, y, parameters):
    scoring = ["r2", "neg_mean_absolute_error", "neg_root_mean_squared_error"]
    search = GridSearchCV(
        regressor(**parameters), GRID, cv=3, scoring=scoring, refit="r2", return_train_score=True
    )
    differ(search, y=y)


def test_poisson_deviance(differ):
    search = GridSearchCV(
        regressor(), {"loss": ["poisson"], "alpha": [0.1, 1]}, scoring="neg_mean_poisson_deviance"
    )
    differ(search, y=np.round(TARGET))


def test_precision_searched(differ):
    grid = {"dtype": ["auto", "float32", "float64"], "alpha": [0.1, 1]}
    found = differ(GridSearchCV(net(), grid, cv=3, return_train_score=True), X.astype(np.float32))
    assert found.best_estimator_.coefs_[0].dtype == (
        np.float64 if found.best_params_["dtype"] == "float64" else np.float32
    )


@pytest.mark.parametrize(
    ("bad", "searched", "reason"),
    [
        (-1, {"loss": ["squared_error", "poisson"]}, "loss='poisson' needs y >= 0."),
        (
            1e100,
            {"dtype": ["float64", "float32"]},
            "Input y contains a value too large for dtype('float32').",
        ),
    ],
    ids=["loss", "dtype"],
)
def test_a_target_that_some_candidates_refuse_to_learn_but_may_be_judged_by(
    differ, bad, searched, reason
):
    y = np.where(np.arange(N_ROWS) == 3, bad, TARGET)
    search = GridSearchCV(regressor(), searched, cv=KFold(4), scoring="neg_mean_absolute_error")
    engine = f"nnhp; scikit-learn for 1 candidates: a fold cannot be prepared: ValueError: {reason}"
    with np.errstate(over="ignore"):
        found = differ(search, y=y, told={"FitFailedWarning", "UserWarning"}, engine=engine)
    scores = [found.cv_results_[f"split{fold}_test_score"][1] for fold in range(4)]
    assert np.isfinite(scores).tolist() == [True, False, False, False]


@pytest.mark.parametrize("losses", [["squared_error", "poisson"], ["poisson", "squared_error"]])
def test_a_loss_that_refuses_a_target_is_no_fault_of_the_steps_before(differ, losses):
    pipeline = Pipeline([("scale", StandardScaler()), ("net", regressor())])
    search = GridSearchCV(
        pipeline, {"net__loss": losses}, cv=KFold(4), scoring="neg_mean_absolute_error"
    )
    y = np.where(np.arange(N_ROWS) == 3, -1, TARGET)
    engine = (
        "nnhp; scikit-learn for 1 candidates: a fold cannot be prepared: ValueError: "
        "loss='poisson' needs y >= 0."
    )
    differ(search, y=y, told={"FitFailedWarning", "UserWarning"}, engine=engine)


# ------------------------------------------------------------------------------------------- splits

BOOTSTRAP = [
    (np.random.RandomState(1).randint(0, N_ROWS, N_ROWS), np.arange(20)),
    (np.random.RandomState(2).randint(0, N_ROWS, 70), np.arange(20, N_ROWS)),
]
MASK = np.arange(N_ROWS) % 3 == 0
SPLITTERS = {
    "shuffled": KFold(3, shuffle=True, random_state=0),
    "random": ShuffleSplit(3, random_state=0),
    "generator": ShuffleSplit(3, random_state=np.random.RandomState(3)),
    "bootstrap": BOOTSTRAP,
    "masks": [(~MASK, MASK), (MASK, ~MASK)],
    "lists": [(list(range(60)), list(range(60, N_ROWS)))],
    "small integers": [(np.arange(60, dtype=np.int8), np.arange(60, N_ROWS, dtype=np.uint8))],
    "counted from the end": [
        (np.arange(60), -np.arange(1, 20)),
        (-np.arange(1, 70), np.arange(10)),
    ],
}


@pytest.mark.parametrize("cv", SPLITTERS.values(), ids=SPLITTERS)
def test_splits(differ, cv):
    differ(GridSearchCV(net(class_weight="balanced"), GRID, cv=cv, return_train_score=True))


@pytest.mark.parametrize(
    "train",
    [
        np.arange(60.0),
        np.arange(60) - N_ROWS - 1,
        np.arange(60) + 60,
        np.array(["a"]),
        np.arange(60)[:, None],
        MASK[:-1],
        np.append(MASK, True),
        np.column_stack([MASK, MASK]),
    ],
    ids=[
        "floats",
        "before the first",
        "after the last",
        "words",
        "a column",
        "a short mask",
        "a long mask",
        "a mask of two columns",
    ],
)
@pytest.mark.parametrize("engine", ["", "off"])
def test_splits_that_are_none(monkeypatch, engine, train):
    monkeypatch.setenv("NNHP_SEARCH_ENGINE", engine)
    search = GridSearchCV(net(), GRID, cv=[(train, np.arange(60, N_ROWS))])
    with pytest.raises((IndexError, ValueError), match="The splits of cv") as caught:
        search.fit(X, Y)
    with pytest.raises(caught.type):
        scikit_class(search).set_params(error_score="raise").fit(X, Y)


def test_groups(differ):
    found = differ(GridSearchCV(net(), GRID, cv=GroupKFold(4)), groups=np.arange(N_ROWS) // 5)
    assert found.n_splits_ == 4


def test_groups_of_another_length_are_named():
    search = GridSearchCV(net(), GRID, cv=GroupKFold(4))
    with pytest.raises(ValueError, match=r"X, y, groups: Found input variables with inconsistent"):
        search.fit(X, Y, groups=[0, 1])


def test_groups_are_asked_for(differ_in_errors):
    assert "groups" in differ_in_errors(GridSearchCV(net(), GRID, cv=GroupKFold(4)))


# ------------------------------------------------------------------------------------------ scoring


def loss_of(estimator, X, y):
    return estimator.loss_


def score_and_loss(estimator, X, y):
    return {"accuracy": estimator.score(X, y), "loss": estimator.loss_}


def weighted_accuracy(estimator, X, y, sample_weight=None):
    return estimator.score(X, y, sample_weight)


def refuses_strong_decay(estimator, X, y):
    if estimator.alpha > 0.01:
        raise ValueError("This scorer refuses a strong decay.")
    return estimator.score(X, y)


SCORINGS = {
    "log loss": ("neg_log_loss", True),
    "brier": ("neg_brier_score", True),
    "roc auc": ("roc_auc_ovr", True),
    "own metric": (make_scorer(accuracy_score), True),
    "callable": (loss_of, True),
    "callable dict": (score_and_loss, "loss"),
    "list": (["accuracy", "neg_log_loss", "balanced_accuracy"], "neg_log_loss"),
    "native and others": ({"a": "accuracy", "f": "f1_macro", "c": loss_of}, "f"),
    "not refitted": (["accuracy", "f1_macro"], False),
    "refit a function": ("accuracy", lambda results: 2),
}


@pytest.mark.parametrize("train", [False, True], ids=["", "and of training rows"])
@pytest.mark.parametrize(("scoring", "refit"), SCORINGS.values(), ids=SCORINGS)
def test_scoring(differ, scoring, refit, train):
    differ(GridSearchCV(net(), GRID, cv=3, scoring=scoring, refit=refit, return_train_score=train))


@pytest.mark.parametrize("scoring", ["roc_auc", "neg_brier_score", "neg_log_loss", "f1"])
def test_scores_of_two_classes(differ, scoring):
    differ(GridSearchCV(net(), GRID, cv=3, scoring=scoring), y=(Y == 1).astype(int))


def test_a_scorer_that_fails(differ, differ_in_errors):
    search = GridSearchCV(net(), GRID, cv=3, scoring=refuses_strong_decay)
    differ(search, told={"UserWarning"})
    search = GridSearchCV(net(), GRID, cv=3, scoring=refuses_strong_decay, error_score="raise")
    assert differ_in_errors(search) == "This scorer refuses a strong decay."


# ----------------------------------------------------------------------------- weights and metadata


@pytest.mark.parametrize(
    "scoring", [None, "neg_log_loss", "f1_macro", weighted_accuracy, ["accuracy", "neg_log_loss"]]
)
def test_sample_weight(differ, scoring):
    refit = not isinstance(scoring, list)
    search = GridSearchCV(net(), GRID, scoring=scoring, refit=refit, return_train_score=True, cv=3)
    differ(search, sample_weight=WEIGHT)
    differ(search, sample_weight=pd.Series(WEIGHT, index=np.arange(N_ROWS)[::-1]))


def test_sample_weight_of_a_regression(differ):
    search = GridSearchCV(regressor(), GRID, cv=3, return_train_score=True)
    differ(search, y=TARGET, sample_weight=WEIGHT.astype(np.float32).tolist())


def test_a_scorer_without_sample_weight(differ):
    search = GridSearchCV(net(), GRID, cv=3, scoring=loss_of)
    differ(search, sample_weight=WEIGHT, told={"UserWarning"})


def test_sample_weight_in_a_pipeline(differ):
    search = GridSearchCV(scaled(), PIPELINE_GRID, cv=3)
    differ(search, net__sample_weight=WEIGHT)


def test_sample_weight_that_leaves_a_fold_nothing(differ):
    search = GridSearchCV(net(), GRID, cv=[(np.arange(20), np.arange(20, 80)), *BOOTSTRAP])
    weight = np.where(np.arange(N_ROWS) < 20, 0.0, 1.0)
    told = {"FitFailedWarning", "UserWarning"}
    differ(search, sample_weight=weight, told=told)


def test_parameters_of_other_steps_take_scikit_learns_way(differ):
    engine = "scikit-learn: fit has the parameters ['scale__sample_weight']"
    search = GridSearchCV(scaled(), PIPELINE_GRID, cv=3)
    differ(search, scale__sample_weight=WEIGHT, engine=engine)


def test_metadata_routing(differ):
    with sklearn.config_context(enable_metadata_routing=True):
        asked = net().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        differ(GridSearchCV(asked, GRID, cv=3, return_train_score=True), sample_weight=WEIGHT)
        asked = net().set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
        differ(GridSearchCV(asked, GRID, cv=3), sample_weight=WEIGHT)
        asked = net().set_fit_request(sample_weight=False).set_score_request(sample_weight=True)
        differ(GridSearchCV(asked, GRID, cv=3), sample_weight=WEIGHT)
        differ(GridSearchCV(net(), GRID, cv=GroupKFold(4)), groups=np.arange(N_ROWS) // 5)


def test_metadata_routing_through_a_pipeline(differ):
    with sklearn.config_context(enable_metadata_routing=True):
        asked = scaled()
        asked[0].set_fit_request(sample_weight=False)
        asked[-1].set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        engine = "scikit-learn: metadata is routed through a pipeline"
        search = GridSearchCV(asked, PIPELINE_GRID, cv=3)
        differ(search, sample_weight=WEIGHT, engine=engine)
        differ(search)


# -------------------------------------------------------------------------- failures and divergence


def test_bad_parameters_in_one_candidate(differ, differ_in_errors):
    bad = [
        {"alpha": [0.1, -1]},
        {"hidden_layer_sizes": [(3,), (0,), "x", (3, 2.5)]},
        {"solver": ["adam", "nope"]},
        {"max_iter": [3, 0, -5, 2.5, "many", None]},
        {"dropout": [0.1, (0.1, 0.2)]},
    ]
    for grid in bad:
        search = GridSearchCV(net(), grid, cv=3, return_train_score=True)
        found = differ(search, told={"FitFailedWarning", "UserWarning"})
        assert found.n_epochs_trained_ <= found.n_epochs_planned_
        search = GridSearchCV(net(), grid, cv=3, error_score="raise")
        differ_in_errors(search)


def test_another_error_score(differ):
    search = GridSearchCV(net(), {"alpha": [-1, 0.1]}, cv=3, error_score=-7)
    found = differ(search, told={"FitFailedWarning"})
    assert found.cv_results_["mean_test_score"][0] == -7


def test_nothing_but_bad_candidates(differ_in_errors):
    message = differ_in_errors(GridSearchCV(net(), {"alpha": [-1, -2]}, cv=3))
    assert "The 'alpha' parameter of MLPClassifier must be a float" in message


def test_names_of_no_parameter(differ_in_errors):
    differ_in_errors(GridSearchCV(net(), {"decay": [1, 2]}, cv=3))
    differ_in_errors(GridSearchCV(scaled(), {"scale__decay": [1, 2]}, cv=3))


def test_candidates_that_diverge(differ, differ_in_errors):
    told = {"FitFailedWarning", "UserWarning"}
    for estimator, y, scoring in [
        (regressor(), TARGET, None),
        (regressor(), TARGET, ["r2", "neg_mean_absolute_error"]),
        (regressor(dtype="float32"), TARGET, None),
        (net(dtype="float32", max_iter=6), Y, "neg_log_loss"),
    ]:
        refit = "r2" if isinstance(scoring, list) else True
        search = GridSearchCV(
            estimator, DIVERGING, cv=2, scoring=scoring, refit=refit, return_train_score=True
        )
        differ(search, y=y, told=told)
        search.set_params(error_score="raise")
        assert "non-finite" in differ_in_errors(search, y=y)


def test_candidates_that_diverge_and_stop_early(differ):
    estimator = net(early_stopping=True, dtype="float32", solver="sgd", max_iter=6)
    differ(GridSearchCV(estimator, {"learning_rate_init": [1e3, 1e6, 1e30, 0.02]}, cv=2))


def test_data_that_cannot_be_learned(differ_in_errors):
    assert "NaN" in differ_in_errors(GridSearchCV(net(), GRID, cv=3), np.where(X > 7, np.nan, X))
    differ_in_errors(GridSearchCV(net(), GRID, cv=3), y=TARGET)
    differ_in_errors(GridSearchCV(net(), GRID, cv=3), y=None)
    differ_in_errors(GridSearchCV(net(), GRID, cv=3), y=Y[:-1])


# --------------------------------------------------------------------- what nets can do at training


def test_regularization_searched(differ):
    grid = {"dropout": [0.0, 0.3], "input_dropout": [0.0, 0.2], "l1_ratio": [0.0, 0.5]}
    differ(GridSearchCV(net(alpha=0.1), grid, cv=2))


def test_shapes_searched(differ):
    grid = [
        {"hidden_layer_sizes": [(), (3,), (4, 3), 5], "activation": ["relu", "tanh"]},
        {"hidden_layer_sizes": [4], "num_layers": [0, 1, 3]},
        {"hidden_layer_sizes": [(4, 3)], "activation": [("relu", "tanh"), ["tanh", "relu"]]},
    ]
    differ(GridSearchCV(net(), grid, cv=2))


def test_optimizers_searched(differ):
    grid = [
        {"solver": ["adam", "sgd"], "shuffle": [True, False]},
        {"solver": ["sgd"], "learning_rate": ["invscaling", "adaptive", 0.1, [0.1, 0.05]]},
        {"solver": ["sgd"], "momentum": [0, 0.5], "nesterovs_momentum": [True, False]},
        {"max_iter": [1, 2, 7], "n_iter_no_change": [1, np.inf], "tol": [0.5]},
        {"batch_size": ["auto", 1, 30]},
    ]
    differ(GridSearchCV(net(), grid, cv=2))


def falling(epoch, rate):
    return 0.9 * rate if epoch else rate


def test_schedules_searched(differ):
    names = ["step", "exponential", "polynomial", "cosine", "one_cycle", "plateau", "piecewise"]
    objects = [
        Cosine(warmup=1, restarts=1),
        Plateau(patience=1),
        Piecewise([1, 3], [0.1, 0.2, 0.1]),
    ]
    given = [*names, *objects, falling, lambda epoch: 0.1 / (1 + epoch)]
    differ(GridSearchCV(net(), {"learning_rate": given, "solver": ["adam", "sgd"]}, cv=2))
    grid = {"learning_rate__warmup": [0, 1.5], "learning_rate__end": [0.0, 0.5]}
    differ(GridSearchCV(net(learning_rate=Cosine()), grid, cv=2))
    pipeline = make_pipeline(StandardScaler(), net(learning_rate=Cosine()))
    grid = {f"mlpclassifier__{name}": values for name, values in grid.items()}
    differ(GridSearchCV(pipeline, grid, cv=2))


def test_schedules_that_watch_a_score(differ):
    estimator = net(early_stopping=True, learning_rate=Plateau(patience=1), max_iter=12)
    differ(GridSearchCV(estimator, {"learning_rate__factor": [0.1, 0.5]}, cv=2))
    engine = (
        "nnhp; scikit-learn for 2 candidates: early stopping with this scoring needs Python after "
        "each epoch"
    )
    estimator.set_params(scoring="balanced_accuracy")
    differ(GridSearchCV(estimator, {"learning_rate__factor": [0.1, 0.5]}, cv=2), engine=engine)


def test_functions_that_give_no_rates(differ, differ_in_errors):
    grid = {"learning_rate": ["cosine", lambda epoch: -1 if epoch == 2 else 0.1]}
    differ(GridSearchCV(net(), grid, cv=2), told={"FitFailedWarning", "UserWarning"})
    text = differ_in_errors(GridSearchCV(net(), grid, cv=2, error_score="raise"))
    assert text.endswith("got -1 for epoch 2.")


def test_initializers_searched(differ):
    source = net().fit(X, Y)
    given = [None, "auto", "orthogonal", HeNormal(), FrozenEstimator(source), [None, "zeros"],
             source.coefs_]  # fmt: skip
    differ(GridSearchCV(net(), {"kernel_initializer": given, "alpha": [0.1]}, cv=2))
    differ(GridSearchCV(net(), {"bias_initializer": ["zeros", "normal", None]}, cv=2))
    base = net(kernel_initializer=source, bias_initializer=[source, None])
    differ(GridSearchCV(base, {"alpha": [0.1, 1.0]}, cv=2))
    differ(
        GridSearchCV(make_pipeline(StandardScaler(), base), {"mlpclassifier__alpha": [0.1]}, cv=2)
    )


def test_batches_larger_than_the_folds(differ):
    differ(GridSearchCV(net(), {"batch_size": [8, 999]}, cv=2), told={"UserWarning"})


def test_lbfgs_in_one_candidate(differ):
    engine = "nnhp; scikit-learn for 2 candidates: solver='lbfgs' has no epochs"
    grid = {"solver": ["adam", "lbfgs"], "alpha": [0.1, 1]}
    differ(GridSearchCV(net(), grid, cv=3), engine=engine)


def test_warm_start_does_not_leak_from_fold_to_fold(differ):
    differ(GridSearchCV(net(warm_start=True).fit(X, Y), GRID, cv=3))


@pytest.mark.parametrize("scoring", [None, "loss", "accuracy"])
def test_early_stopping(differ, scoring):
    estimator = net(early_stopping=True, n_iter_no_change=2, max_iter=30, scoring=scoring)
    differ(GridSearchCV(estimator, GRID, cv=3, return_train_score=True))
    differ(GridSearchCV(estimator, GRID, cv=3), y=Y == 1, sample_weight=WEIGHT)


def test_early_stopping_searched_and_with_another_score(differ):
    grid = {"early_stopping": [True, False], "scoring": [None, "f1_macro"]}
    engine = "nnhp; scikit-learn for 1 candidates: early stopping with this scoring needs Python "
    differ(GridSearchCV(net(), grid, cv=3), engine=engine + "after each epoch")


def test_early_stopping_with_a_part_that_is_too_small(differ):
    search = GridSearchCV(net(early_stopping=True), {"validation_fraction": [0.01, 0.2]}, cv=3)
    differ(search, told={"FitFailedWarning", "UserWarning"})


@pytest.mark.parametrize("n_val", [30, N_ROWS], ids=["few rows", "as many rows as X"])
def test_validation_data_is_passed_whole(differ, n_val):
    rows = np.arange(n_val)[::-1]
    held_out = {"X_val": X[rows] + 0.1, "y_val": Y[rows], "sample_weight_val": WEIGHT[:n_val] + 0.1}
    estimator = net(early_stopping=True, n_iter_no_change=2, max_iter=20)
    # scikit-learn's own class cuts what is as long as X.
    scikit = n_val != N_ROWS
    found = differ(GridSearchCV(estimator, GRID, cv=3), scikit=scikit, **held_out)
    differ(
        GridSearchCV(estimator, GRID, cv=KFold(3)),
        X[SORTED],
        Y[SORTED],
        scikit=scikit,
        told={"FitFailedWarning", "UserWarning"},  # folds that do not know all of its labels
        engine="nnhp; scikit-learn for 4 candidates: a fold cannot be prepared: ValueError: "
        "`y_val` has classes not in `self.classes_`. "
        "`self.classes_` has [1 2]. 'y_val' has [0 1 2].",
        **held_out,
    )
    in_pipeline = Pipeline([("same", "passthrough"), ("net", estimator)])
    parameters = {f"net__{name}": value for name, value in held_out.items()}
    again = differ(GridSearchCV(in_pipeline, PIPELINE_GRID, cv=3), scikit=scikit, **parameters)
    np.testing.assert_array_equal(
        again.cv_results_["mean_test_score"], found.cv_results_["mean_test_score"]
    )
    train, test = next(found._checked_cv_orig.split(X, Y))
    fold = clone(estimator).set_params(**found.cv_results_["params"][0])
    fold.fit(X[train], Y[train], **held_out)
    assert found.cv_results_["split0_test_score"][0] == fold.score(X[test], Y[test])


def test_validation_data_that_does_not_fit(differ_in_errors):
    search = GridSearchCV(net(), GRID, cv=3)
    differ_in_errors(search, X_val=X[:9])
    differ_in_errors(search, X_val=X[:9], y_val=Y[:9] + 1)
    differ_in_errors(search, X_val=X[:9, :2], y_val=Y[:9])


# ---------------------------------------------------------------------------------------- pipelines


class Negative(TransformerMixin, BaseEstimator):
    """Learns nothing, and leaves nothing to see that it was fitted."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return -X


PIPELINES = {
    "scaled": scaled(),
    "without a state": Pipeline([("negative", Negative()), ("net", net())]),
    "passthrough": Pipeline([("same", "passthrough"), ("net", net())]),
    "none": Pipeline([("same", None), ("scale", StandardScaler()), ("net", net())]),
    "reduced": Pipeline(
        [("scale", StandardScaler()), ("reduce", PCA(2, random_state=0)), ("net", net())]
    ),
    "reduced with a generator": Pipeline(
        [("reduce", PCA(2, random_state=np.random.RandomState(1))), ("net", net())]
    ),
    "function": Pipeline([("log", FunctionTransformer(np.log1p)), ("net", net())]),
    "identity": Pipeline([("same", FunctionTransformer()), ("net", net())]),
    "frames": Pipeline(
        [("scale", StandardScaler().set_output(transform="pandas")), ("net", net())]
    ),
    "nested": Pipeline([("inner", Pipeline([("scale", MinMaxScaler())])), ("net", net())]),
}


@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)
@pytest.mark.parametrize(
    "data",
    [X, X.astype(np.float32), pd.DataFrame(X, columns=list("abcd"))],
    ids=["", "32", "frame"],
)
def test_pipelines(differ, pipeline, data):
    differ(GridSearchCV(pipeline, PIPELINE_GRID, cv=3, return_train_score=True), data)


@pytest.mark.parametrize("name", ["passthrough", "identity", "scaled"])
def test_lists_through_a_pipeline(differ, name):
    differ(
        GridSearchCV(PIPELINES[name], PIPELINE_GRID, cv=3), X.tolist(), LABELS.tolist(), engine=ANY
    )


def test_sparse_through_a_pipeline(differ):
    pipeline = Pipeline([("scale", StandardScaler(with_mean=False)), ("net", net())])
    differ(GridSearchCV(pipeline, PIPELINE_GRID, cv=3, return_train_score=True), sp.csr_array(X))


def test_a_regression_through_a_pipeline(differ):
    pipeline = Pipeline([("scale", StandardScaler()), ("net", regressor(dtype="float32"))])
    search = GridSearchCV(pipeline, PIPELINE_GRID, cv=3, return_train_score=True)
    differ(search, X.astype(np.float32), X[:, :2].astype(np.float32))


def test_a_random_step_takes_scikit_learns_way(differ):
    pipeline = Pipeline([("reduce", PCA(2)), ("net", net())])
    engine = (
        "nnhp; scikit-learn for 4 candidates: reduce__random_state is None: no two fits of that "
        "step are alike"
    )
    differ(GridSearchCV(pipeline, PIPELINE_GRID, cv=3), engine=engine)


def test_a_step_that_transforms_its_training_rows_otherwise(differ):
    pipeline = Pipeline([("encode", TargetEncoder(cv=KFold(3))), ("net", net())])
    engine = (
        "nnhp; scikit-learn for 4 candidates: encode__random_state is deprecated: no two fits of "
        "that step are alike"
    )
    search = GridSearchCV(pipeline, PIPELINE_GRID, cv=3, return_train_score=True)
    differ(search, X.round(), engine=engine)
    pipeline = Pipeline([("otherwise", Otherwise()), ("net", net())])
    search = GridSearchCV(pipeline, PIPELINE_GRID, cv=3, return_train_score=True)
    differ(search)


def test_steps_that_cannot_be_pickled(differ):
    grid = {**PIPELINE_GRID, "function__func": [lambda X: 2 * X, lambda X: X + 1]}
    pipeline = Pipeline([("function", FunctionTransformer(lambda X: -X)), ("net", net())])
    differ(GridSearchCV(pipeline, PIPELINE_GRID, cv=3))
    differ(GridSearchCV(pipeline, grid, cv=3))


def frame_with_text():
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    frame["colour"] = np.where(X[:, 0] > 5.8, "red", "blue")
    return frame


def columns(**parameters):
    return ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["a", "b", "c", "d"]),
            ("text", OneHotEncoder(**parameters), ["colour"]),
        ]
    )


def test_columns_of_text(differ):
    pipeline = Pipeline([("columns", columns()), ("net", net())])
    differ(GridSearchCV(pipeline, PIPELINE_GRID, cv=3, return_train_score=True), frame_with_text())


def test_a_step_that_fails_on_the_test_rows(differ, differ_in_errors):
    frame = frame_with_text()
    frame.loc[7, "colour"] = "green"
    pipeline = Pipeline([("columns", columns()), ("net", net())])
    search = GridSearchCV(pipeline, PIPELINE_GRID, cv=3, return_train_score=True)
    differ(search, frame, told={"UserWarning"}, engine=ANY)
    search = GridSearchCV(pipeline, PIPELINE_GRID, cv=3, error_score="raise")
    assert "unknown categories" in differ_in_errors(search, frame)


def test_a_step_that_fails_on_the_training_rows(differ):
    search = GridSearchCV(scaled(), {"scale__with_mean": [True, "x"], "net__alpha": [0.1, 1]}, cv=3)
    differ(search, told={"FitFailedWarning", "UserWarning"}, engine=ANY)


def test_settings_of_the_steps_searched(differ):
    grid = {"scale__with_mean": [True, False], "net__alpha": [0.1, 1], "scale__with_std": [False]}
    differ(GridSearchCV(scaled(), grid, cv=3, return_train_score=True))


def test_steps_replaced(differ):
    grid = [
        {"scale": ["passthrough", MinMaxScaler(), StandardScaler(), None], "net__alpha": [0.1]},
        {"net": [net(), net(alpha=0.3, max_iter=9), LogisticRegression(max_iter=500)]},
        {"net": [net()], "net__alpha": [0.1, 0.2]},
    ]
    engine = "nnhp; scikit-learn for 1 candidates: the estimator is Pipeline"
    found = differ(GridSearchCV(scaled(), grid, cv=3), engine=engine)
    assert found.n_epochs_trained_ <= found.n_epochs_planned_


def test_the_last_step_replaced_by_a_net_of_another_kind(differ):
    engine = "nnhp; scikit-learn for 1 candidates: the estimator at the end is another one"
    differ(GridSearchCV(scaled(), {"net": [net(), regressor()]}, cv=3), engine=engine)


def test_all_steps_replaced(differ):
    steps = [
        [("scale", MinMaxScaler()), ("net", net())],
        [("net", net())],
        [("scale", MinMaxScaler()), ("another", net(alpha=1))],
    ]
    differ(GridSearchCV(scaled(), {"steps": steps}, cv=3), engine=ANY)


def test_a_pipeline_with_memory(differ, tmp_path):
    pipeline = scaled().set_params(memory=str(tmp_path))
    differ(GridSearchCV(pipeline, PIPELINE_GRID, cv=3))


def test_a_pipeline_of_one_step_takes_scikit_learns_way(differ):
    search = GridSearchCV(Pipeline([("net", net())]), PIPELINE_GRID, cv=3)
    differ(search, engine="scikit-learn: the pipeline has a single step")


class Otherwise(FunctionTransformer):
    """Makes something else of the rows that it is fitted on."""

    def fit_transform(self, X, y=None):
        return self.fit(X, y).transform(X) + 1


class Recorder(FunctionTransformer):
    """Notes the first column of what it is fitted on."""

    seen: ClassVar[list] = []

    def fit(self, X, y=None):
        self.seen.append(X[:, 0].copy())
        return super().fit(X, y)


def test_steps_never_see_test_rows():
    Recorder.seen.clear()
    pipeline = Pipeline([("record", Recorder()), ("net", net())])
    numbered = np.column_stack([np.arange(N_ROWS), X])
    cv = KFold(3)
    GridSearchCV(pipeline, PIPELINE_GRID, cv=cv, refit=False).fit(numbered, Y)
    splits = [train.tolist() for train, _ in cv.split(X)]
    # Once a fold: the candidates share what they prepare alike.
    assert [rows.astype(int).tolist() for rows in Recorder.seen] == splits


# --------------------------------------------------------------------------------- other estimators


class Subclass(MLPClassifier):
    """Not to be trusted to mean what its base does."""


def test_other_estimators_take_scikit_learns_way(differ):
    logistic = GridSearchCV(LogisticRegression(max_iter=500), {"C": [0.1, 1]}, cv=3)
    differ(logistic, engine="scikit-learn: the estimator is LogisticRegression")
    subclass = GridSearchCV(Subclass(**SMALL), GRID, cv=3)
    differ(subclass, engine="scikit-learn: the estimator is Subclass")


# ---------------------------------------------------------------------------------------- callbacks


class TaskHook(Hook):
    """A callback that notes which of its tasks begins and ends."""

    def note(self, what, context):
        self.events.append((what, context.task_name, context.task_id))


@pytest.mark.parametrize("name", ["grid", "random", "halving at random over epochs"])
def test_callbacks_of_the_search(differ, name):
    hook = TaskHook()
    search = clone(SEARCHES[name]).set_callbacks(hook)
    differ(search, engine="scikit-learn: callbacks are set")
    third = len(hook.events) // 3
    runs = [hook.events[start : start + third] for start in range(0, 3 * third, third)]
    assert len(hook.events) == 3 * third
    assert runs[0] == runs[1] == runs[2]


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a pipeline"])
def test_callbacks_of_the_net(differ, inside):
    hook = TaskHook()
    watched = net().set_callbacks(hook)
    search = GridSearchCV(watched, GRID, cv=3)
    if inside:
        search = GridSearchCV(
            Pipeline([("scale", StandardScaler()), ("net", watched)]), PIPELINE_GRID, cv=3
        )
    differ(search, engine=ANY)
    assert len(hook.events) > 0
    third = len(hook.events) // 3
    assert hook.events[:third] == hook.events[third : 2 * third] == hook.events[2 * third :]


def test_scikit_learns_progress_bar(differ, capsys):
    search = clone(SEARCHES["grid"]).set_callbacks(ProgressBar())
    differ(search, engine="scikit-learn: callbacks are set")


# -------------------------------------------------------------------------------- random_state=None


def no_seed(search, **settings):
    return clone(search).set_params(estimator__random_state=None, **settings)


def assert_same_scores(found, expected):
    assert_same_results(found.cv_results_, expected.cv_results_)


@pytest.mark.parametrize("name", ["random", "halving at random over epochs"])
def test_nets_without_a_seed_get_theirs_from_the_search(name):
    first, again = (no_seed(SEARCHES[name]).fit(X, Y) for _ in range(2))
    assert first.engine_ == "nnhp"
    assert_same_scores(again, first)
    other = no_seed(SEARCHES[name], random_state=99).fit(X, Y)
    assert other.cv_results_["mean_test_score"].tolist() != (
        first.cv_results_["mean_test_score"].tolist()
    )


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_nets_without_a_seed_get_theirs_from_numpys_generator(n_jobs):
    np.random.seed(3)  # noqa: NPY002
    first = no_seed(SEARCHES["grid"]).fit(X, Y)
    np.random.seed(3)  # noqa: NPY002
    again = no_seed(SEARCHES["grid"], n_jobs=n_jobs).fit(X, Y)
    assert_same_scores(again, first)
    assert_same_fit(again.best_estimator_, first.best_estimator_)
    other = no_seed(SEARCHES["grid"]).fit(X, Y)
    assert other.cv_results_["mean_test_score"].tolist() != (
        first.cv_results_["mean_test_score"].tolist()
    )


def test_nets_without_a_seed_differ_between_folds_and_candidates():
    np.random.seed(3)  # noqa: NPY002
    cv = [(np.arange(60), np.arange(60, N_ROWS))] * 3
    search = GridSearchCV(net(random_state=None), {"tol": [1e-4, 1e-5]}, cv=cv, scoring=loss_of)
    search.fit(X, Y)
    scores = [search.cv_results_[f"split{fold}_test_score"] for fold in range(3)]
    assert len(np.unique(scores)) == 6


def test_nested_in_cross_validate(monkeypatch):
    results = []
    for engine in ("", "off"):
        monkeypatch.setenv("NNHP_SEARCH_ENGINE", engine)
        results.append(cross_validate(clone(SEARCHES["random"]), X, Y, cv=3)["test_score"])
    assert_identical(results[0], results[1])


def test_one_warning_sums_up_the_trainings_that_could_go_on():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clone(SEARCHES["grid"]).set_params(refit=False).fit(X, Y)
    (warning,) = caught
    assert warning.category is ConvergenceWarning
    assert str(warning.message).startswith("12 trainings of the search reached")
    assert warning.filename == __file__


@pytest.mark.parametrize("engine", ["", "off"])
@pytest.mark.parametrize(
    "search",
    [
        SEARCHES["grid"],
        SEARCHES["halving at random over epochs"],
        GridSearchCV(Pipeline([("scale", StandardScaler()), ("net", net())]), PIPELINE_GRID, cv=2),
    ],
)
def test_the_refit_warns_in_the_line_of_the_caller(monkeypatch, search, engine):
    monkeypatch.setenv("NNHP_SEARCH_ENGINE", engine)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clone(search).set_params(n_jobs=1).fit(X, Y)
    told = [w for w in caught if "Stochastic Optimizer" in str(w.message)]
    assert told
    assert {w.filename for w in told} == {__file__}


def test_trainings_that_rungs_end_are_not_counted_in_a_warning():
    space = {"alpha": loguniform(1e-5, 1)}
    hyperband = HyperbandSearchCV(net(), space, max_resources=9, cv=2, random_state=2)
    for search in (SEARCHES["halving at random over epochs"], hyperband):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            clone(search).fit(X, Y)
        (warning,) = caught
        assert str(warning.message).startswith("Stochastic Optimizer: Maximum iterations (9)")
        assert warning.filename == __file__
