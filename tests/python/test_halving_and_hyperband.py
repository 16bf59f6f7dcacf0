"""Searches over epochs: what they promise, against fresh fits and plain arithmetic."""

import warnings
import weakref
from collections import Counter
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from helpers import (
    STOPS_EARLY,
    assert_identical,
    assert_same_fit,
    assert_same_results,
    assert_same_search,
)
from scipy.stats import loguniform
from sklearn import model_selection
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import (
    KFold,
    ParameterSampler,
    ShuffleSplit,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler

from nnhp import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    HyperbandSearchCV,
    MLPClassifier,
    MLPRegressor,
    RandomizedSearchCV,
)
from nnhp.estimators._schedules import laid_out
from nnhp.initializers import HeUniform, RandomNormal
from nnhp.schedules import (
    Cosine,
    Exponential,
    OneCycle,
    Piecewise,
    Plateau,
    Polynomial,
    Step,
)
from nnhp.search import _evaluate, _judge, _run, one_standard_error
from nnhp.search._ensemble import FoldEnsemble
from nnhp.search._hyperband import brackets_of
from nnhp.search._prepare import Preparation

pytestmark = STOPS_EARLY

N_ROWS = 60
N_FOLDS = 2
CV = KFold(N_FOLDS)


def iris():
    X, y = load_iris(return_X_y=True)
    rows = np.random.RandomState(0).permutation(len(X))[:N_ROWS]
    return X[rows], y[rows]


X, Y = iris()
SPACE = {"learning_rate_init": loguniform(1e-3, 1e-1), "batch_size": [8, 16]}
GRID = {"learning_rate_init": list(np.geomspace(1e-3, 1e-1, 9))}


def net(**parameters):
    defaults = {"hidden_layer_sizes": (5,), "random_state": 0, "n_iter_no_change": np.inf}
    return MLPClassifier(**defaults | parameters)


def scaled(**parameters):
    return Pipeline([("scale", StandardScaler()), ("net", net(**parameters))])


def prefixed(space):
    return {f"net__{name}": values for name, values in space.items()}


def halving(estimator=None, space=None, **settings):
    inside = isinstance(estimator, Pipeline)
    defaults = {
        "resource": "net__max_iter" if inside else "max_iter",
        "max_resources": 9,
        "n_candidates": 9,
        "cv": CV,
        "random_state": 1,
    }
    space = space or (prefixed(SPACE) if inside else SPACE)
    return HalvingRandomSearchCV(estimator or net(), space, **defaults | settings)


def hyperband(estimator=None, space=None, **settings):
    inside = isinstance(estimator, Pipeline)
    defaults = {"max_resources": 9, "cv": CV, "random_state": 1}
    space = space or (prefixed(SPACE) if inside else SPACE)
    return HyperbandSearchCV(estimator or net(), space, **defaults | settings)


# Lists with fewer combinations than a search draws, of which scikit-learn's sampler warns.
SMALL_SPACE = pytest.mark.filterwarnings("ignore:The total space of parameters:UserWarning")
# Each with its length, so that it does not depend on max_iter.
WITH_LENGTHS = [
    Step(2),
    Exponential(epochs=9),
    Polynomial(epochs=9),
    Cosine(warmup=1.5, restarts=1, epochs=9),
    OneCycle(epochs=9),
    Plateau(patience=1, min_delta=0.05),
    Piecewise([2, 4]),
    lambda epoch: 0.05 / (1 + epoch),
    lambda epoch, rate: 0.8 * rate if epoch else rate,
]
STRATEGIES = {"halving": halving, "hyperband": hyperband}
both = pytest.mark.parametrize("make", STRATEGIES.values(), ids=STRATEGIES)


def restarting(search):
    """scikit-learn's halving search with the same settings."""
    own = getattr(model_selection, type(search).__name__)
    return own(**{name: getattr(search, name) for name in own._get_param_names()})


def epochs_of(results, *, restarts=False):
    """Epochs of a fold, from the rungs that a search reports."""
    total, last = 0, {}
    names = ("bracket",) if "bracket" in results else ()
    for row, params in enumerate(results["params"]):
        resource = results["n_resources"][row]
        setting = {k: v for k, v in params.items() if not k.endswith("max_iter")}
        key = (*(results[name][row] for name in names), repr(setting))
        total += resource - (0 if restarts else last.get(key, 0))
        last[key] = resource
    return int(total)


# ------------------------------------------------------------------------------------- arithmetic


@pytest.mark.parametrize(
    ("most", "factor", "first_rungs", "epochs"),
    [
        (81, 3, [81, 27, 9, 6, 5], 1404),
        (243, 3, [243, 81, 27, 18, 9, 6], None),
        (4, 2, [4, 2, 3], None),
        (1, 3, [1], 1),
        (2, 3, [1], 2),
        (1000, 10, [1000, 100, 20, 4], None),
    ],
)
def test_brackets(most, factor, first_rungs, epochs):
    brackets = brackets_of(most, factor)
    assert [rungs[0][0] for rungs in brackets] == first_rungs
    for rungs in brackets:
        assert rungs[-1][1] == most
        for (n, resource), (n_next, resource_next) in pairwise(rungs):
            assert n_next == n // factor
            assert resource == resource_next // factor
    if epochs is not None:
        climbs = [pair for rungs in brackets for pair in pairwise([(0, 0), *rungs])]
        assert sum(n * (resource - before) for (_, before), (n, resource) in climbs) == epochs


def test_243_in_floats_would_be_one_rung_short():
    # log(243, 3) is 4.999...
    assert int(np.log(243) / np.log(3)) == 4
    assert [len(rungs) for rungs in brackets_of(243, 3)] == [6, 5, 4, 3, 2, 1]


def test_brackets_that_do_not_divide():
    assert brackets_of(10, 3) == [[(9, 1), (3, 3), (1, 10)], [(3, 3), (1, 10)], [(3, 10)]]


# ------------------------------------------------------------------- halving against restarts


HALVINGS = {
    "bare": halving(),
    "grid": HalvingGridSearchCV(
        net(), GRID, resource="max_iter", max_resources=9, cv=CV, random_state=0
    ),
    "pipeline": halving(scaled()),
    "steps searched": halving(
        scaled(), {"scale": ["passthrough", StandardScaler(), MinMaxScaler()], **prefixed(SPACE)}
    ),
    "factor 2": halving(factor=2, max_resources=8, n_candidates=8),
    "factor 2.5": halving(factor=2.5, max_resources=10, n_candidates=10),
    "smallest": halving(min_resources="smallest", n_candidates=5),
    "exhaust": halving(min_resources="exhaust", n_candidates=4, max_resources=10),
    "from 2 on": halving(min_resources=2, max_resources=20),
    "all that fit": halving(n_candidates="exhaust", min_resources=2),
    "aggressive": halving(
        n_candidates=12, min_resources=3, aggressive_elimination=True, max_resources=9
    ),
    "sgd": halving(
        net(solver="sgd"),
        {"learning_rate": ["invscaling", "adaptive", "constant"], "alpha": loguniform(1e-4, 1)},
    ),
    "schedules": halving(net(learning_rate_init=0.05), {"learning_rate": WITH_LENGTHS}),
    "parameters of a schedule": halving(
        net(learning_rate=Cosine(epochs=9)),
        {"learning_rate__warmup": [0, 0.5, 2], "learning_rate__restarts": [0, 1, 2]},
    ),
    "initializers": halving(
        net(),
        {
            "kernel_initializer": [
                None,
                "auto",
                "he_normal",
                HeUniform(),
                RandomNormal(stddev=0.5),
            ],
            "bias_initializer": ["zeros", None],
        },
    ),
    "regression": halving(
        MLPRegressor(hidden_layer_sizes=(5,), random_state=0, n_iter_no_change=np.inf),
        scoring="neg_mean_squared_error",
    ),
    "train scores": halving(return_train_score=True, scoring="neg_log_loss"),
}


@pytest.mark.parametrize("search", HALVINGS.values(), ids=HALVINGS)
def test_halving_equals_scikit_learns_restarts_for_fewer_epochs(search):
    found = clone(search).fit(X, Y)
    expected = restarting(search).fit(X, Y)
    assert_same_search(found, expected)
    assert found.engine_ == "nnhp"
    epochs = epochs_of(found.cv_results_)
    assert found.n_epochs_trained_ == found.n_epochs_planned_ == N_FOLDS * epochs
    assert epochs < epochs_of(found.cv_results_, restarts=True)


# By name, or with lengths that are left to the search.
WITHOUT_LENGTHS = ["step", "exponential", "polynomial", Cosine(warmup=1), "one_cycle", "piecewise"]


@SMALL_SPACE
@pytest.mark.parametrize("inside", [False, True], ids=["bare", "pipeline"])
@pytest.mark.parametrize("make", STRATEGIES.values(), ids=STRATEGIES)
def test_schedules_are_laid_out_for_all_epochs_whatever_the_way(monkeypatch, make, inside):
    """The engine's trainings go on; scikit-learn's way begins each rung anew, to the same end."""
    base = (scaled if inside else net)()
    name = "net__learning_rate" if inside else "learning_rate"
    rates = {name.replace("rate", "rate_init"): [0.02, 0.1]}
    expected = make(base, {name: [laid_out(s, 9) for s in WITHOUT_LENGTHS], **rates}).fit(X, Y)
    for off in ("", "off"):
        monkeypatch.setenv("NNHP_SEARCH_ENGINE", off)
        found = make(base, {name: WITHOUT_LENGTHS, **rates}).fit(X, Y)
        scores = found.cv_results_["mean_test_score"]
        assert_identical(scores, expected.cv_results_["mean_test_score"])
        last = [search.best_estimator_[-1] if inside else search.best_estimator_
                for search in (found, expected)]  # fmt: skip
        assert_same_fit(*last)
    # Also one that is not searched, but the base's.
    fixed = make(clone(base).set_params(**{name: "cosine"}), rates).fit(X, Y)
    given = make(clone(base).set_params(**{name: Cosine(epochs=9)}), rates).fit(X, Y)
    assert_identical(fixed.cv_results_["mean_test_score"], given.cv_results_["mean_test_score"])


def test_a_last_rung_of_fewer_epochs_is_refitted_with_its_schedule():
    search = halving(
        net(learning_rate="cosine", learning_rate_init=0.05), max_resources=11, min_resources=1,
        n_candidates=9, ensemble=False,
    ).fit(X, Y)  # fmt: skip
    assert search.n_resources_ == [1, 3, 9]
    best = search.best_estimator_
    assert best.learning_rate == Cosine(epochs=11)
    expected = net(**{**search.best_params_, "learning_rate": Cosine(epochs=11)})
    assert_same_fit(best, expected.fit(X, Y))


def test_epochs_of_five_rungs():
    search = halving(
        net(hidden_layer_sizes=(2,)), max_resources=81, n_candidates=81, refit=False
    ).fit(X, Y)
    assert search.n_candidates_ == [81, 27, 9, 3, 1]
    assert search.n_resources_ == [1, 3, 9, 27, 81]
    assert search.n_epochs_trained_ == 297 * N_FOLDS
    assert epochs_of(search.cv_results_, restarts=True) == 5 * 81


def test_halving_over_another_resource_starts_anew():
    search = HalvingGridSearchCV(net(max_iter=3), GRID, factor=3, cv=CV, random_state=0)
    found, expected = clone(search).fit(X, Y), restarting(search).fit(X, Y)
    assert_same_search(found, expected)
    assert found.engine_ == "nnhp"
    assert found.n_epochs_trained_ == 3 * N_FOLDS * sum(found.n_candidates_)


def test_lbfgs_takes_scikit_learns_way():
    search = halving(space={"solver": ["lbfgs", "adam"], "alpha": loguniform(1e-4, 1)})
    found = clone(search).fit(X, Y)
    assert_same_search(found, restarting(search).fit(X, Y))
    lbfgs = {str(p["alpha"]) for p in found.cv_results_["params"] if p["solver"] == "lbfgs"}
    assert found.engine_ == (
        f"nnhp; scikit-learn for {len(lbfgs)} candidates: solver='lbfgs' has no epochs"
    )


def test_candidates_of_all_rungs_are_counted():
    grid = {"solver": ["lbfgs", "adam"], "alpha": [0.1, 0.2]}
    search = HalvingGridSearchCV(net(batch_size=2, max_iter=3), grid, factor=2, cv=CV)
    search.set_params(random_state=0, min_resources=12, scoring=prefers_adam).fit(X, Y)
    assert search.cv_results_["param_solver"][-1] == "adam"
    assert search.engine_ == "nnhp; scikit-learn for 2 candidates: solver='lbfgs' has no epochs"


def prefers_adam(estimator, X, y):
    return float(estimator.solver == "adam")


def test_other_estimators_take_scikit_learns_way():
    space = {"alpha": loguniform(1e-4, 1)}
    search = halving(SGDClassifier(random_state=0, tol=None), space, refit=False)
    found = clone(search).fit(X, Y)
    assert_same_search(found, restarting(search).fit(X, Y))
    assert found.engine_ == "scikit-learn: the estimator is SGDClassifier"


# ------------------------------------------------------------------ hyperband against fresh fits


def hyperband_by_fresh_fits(search, X, y):
    """Rows of `cv_results_`: bracket, rung, epochs, parameters, scores of the folds."""
    name = "net__max_iter" if isinstance(search.estimator, Pipeline) else "max_iter"
    brackets = brackets_of(search.max_resources, search.factor)
    n_first = [rungs[0][0] for rungs in brackets]
    drawn = list(
        ParameterSampler(search.param_distributions, sum(n_first), random_state=search.random_state)
    )
    going, rows = [], []
    for n in n_first:
        going.append(drawn[:n])
        drawn = drawn[n:]
    for rung in range(len(brackets)):
        for b, rungs in enumerate(brackets):
            if rung >= len(rungs):
                continue
            scores = []
            for params in going[b]:
                estimator = clone(search.estimator).set_params(**params, **{name: rungs[rung][1]})
                scores.append(
                    cross_val_score(estimator, X, y, cv=search.cv, scoring=search.scoring)
                )
                row = (len(brackets) - 1 - b, rung, rungs[rung][1], params, scores[-1])
                rows.append(row)
            n_next = rungs[rung + 1][0] if rung + 1 < len(rungs) else 0
            means = [float(np.mean(s)) for s in scores]
            order = sorted(range(len(means)), key=lambda i: -means[i])[:n_next]
            going[b] = [going[b][i] for i in order]
    return rows


def assert_equals_fresh_fits(found, X, y):
    results = found.cv_results_
    rows = hyperband_by_fresh_fits(found, X, y)
    name = "net__max_iter" if isinstance(found.estimator, Pipeline) else "max_iter"
    assert results["bracket"].tolist() == [row[0] for row in rows]
    assert results["iter"].tolist() == [row[1] for row in rows]
    assert results["n_resources"].tolist() == [row[2] for row in rows]
    assert [str(p) for p in results["params"]] == [
        str({**params, name: epochs}) for _, _, epochs, params, _ in rows
    ]
    scores = np.array([row[4] for row in rows])
    for fold in range(N_FOLDS):
        assert_identical(results[f"split{fold}_test_score"], np.ascontiguousarray(scores[:, fold]))
    assert_identical(results["mean_test_score"], scores.mean(axis=1))
    at_most = [i for i, row in enumerate(rows) if row[2] == found.max_resources]
    best = max(at_most, key=lambda i: scores[i].mean())
    assert found.best_index_ == best
    assert found.best_score_ == scores[best].mean()
    if not found.refit:
        return
    estimator = clone(found.estimator).set_params(**found.best_params_).fit(X, y)
    last, expected = found.best_estimator_, estimator
    if isinstance(estimator, Pipeline):
        last, expected = last[-1], expected[-1]
    assert_same_fit(last, expected)


HYPERBANDS = {
    "bare": hyperband(),
    "pipeline": hyperband(scaled()),
    "factor 2": hyperband(max_resources=4, factor=2),
    "does not divide": hyperband(max_resources=10),
    "one rung": hyperband(max_resources=2),
    "log loss": hyperband(scoring="neg_log_loss"),
    "regression": hyperband(
        MLPRegressor(hidden_layer_sizes=(5,), random_state=0, n_iter_no_change=np.inf)
    ),
    "named": hyperband(resource="max_iter"),
    "schedules": hyperband(net(learning_rate_init=0.05), {"learning_rate": WITH_LENGTHS}),
}


@SMALL_SPACE
@pytest.mark.parametrize("search", HYPERBANDS.values(), ids=HYPERBANDS)
def test_hyperband_equals_fresh_fits(search):
    found = clone(search).fit(X, Y)
    assert_equals_fresh_fits(found, X, Y)
    assert found.engine_ == "nnhp"
    assert found.n_epochs_trained_ == found.n_epochs_planned_
    assert found.n_epochs_trained_ == N_FOLDS * epochs_of(found.cv_results_)


def test_hyperband_on_scikit_learns_way(monkeypatch):
    expected = hyperband().fit(X, Y)
    monkeypatch.setenv("NNHP_SEARCH_ENGINE", "off")
    found = hyperband().fit(X, Y)
    assert_same_search(found, expected)
    assert found.engine_ == "scikit-learn: NNHP_SEARCH_ENGINE is off"


def test_hyperband_of_another_estimator():
    estimator = SGDClassifier(random_state=0, tol=None)
    space = {"alpha": loguniform(1e-4, 1)}
    with pytest.raises(ValueError, match="name the parameter of SGDClassifier"):
        hyperband(estimator, space).fit(X, Y)
    found = hyperband(estimator, space, resource="max_iter", refit=False).fit(X, Y)
    assert_equals_fresh_fits(found, X, Y)
    assert found.n_epochs_trained_ is None


@pytest.mark.filterwarnings("ignore:The total space of parameters")
def test_hyperband_of_a_space_that_is_too_small():
    found = hyperband(space={"batch_size": [8, 16, 20], "alpha": [0.1, 1]}).fit(X, Y)
    # Three brackets of 9, 3 and 3 candidates; there are 6.
    assert Counter(found.cv_results_["bracket"]) == {2: 6 + 3 + 1}


def test_the_first_of_several_scores_decides_whatever_a_study_has(tmp_path):
    scorers = {"accuracy": "accuracy", "worse": lambda e, X, y: -e.score(X, y)}
    found = []
    for scoring in (scorers, dict(reversed(scorers.items()))):
        settings = {"scoring": scoring, "refit": False, "max_resources": 27}
        fresh = hyperband(**settings).fit(X, Y).cv_results_
        recorded = hyperband(study=tmp_path / "s.db", **settings).fit(X, Y).cv_results_
        assert recorded["params"] == fresh["params"]
        found.append(fresh["params"])
    assert found[0] != found[1]


@pytest.mark.filterwarnings("ignore:The total space of parameters")
@pytest.mark.parametrize(
    ("space", "n_extra", "brackets"),
    [
        (SPACE, 0, [[(9, 1), (3, 3), (1, 9)], [(3, 3), (1, 9)], [(3, 9)]]),
        (SPACE, 2, [[(11, 1), (3, 3), (1, 9)], [(3, 3), (1, 9)], [(3, 9)]]),
        ({"batch_size": [*range(4, 15)]}, 0, [[(9, 1), (3, 3), (1, 9)], [(2, 3), (1, 9)]]),
        ({"batch_size": [8, 16]}, 0, [[(2, 1), (2, 3), (1, 9)]]),
        ({"batch_size": [8, 16]}, 1, [[(3, 1), (3, 3), (1, 9)]]),
    ],
)
def test_brackets_are_those_that_were_trained(space, n_extra, brackets):
    extra = [{"batch_size": 20 + i} for i in range(n_extra)]
    found = hyperband(space=space, extra_candidates=extra).fit(X, Y)
    assert found.brackets_ == brackets
    rows = zip(*(found.cv_results_[n] for n in ("bracket", "iter", "n_resources")), strict=True)
    assert Counter(rows) == {
        (2 - b, rung, epochs): n
        for b, rungs in enumerate(brackets)
        for rung, (n, epochs) in enumerate(rungs)
    }
    trained = sum(n * (epochs - before) for rungs in brackets
                  for (_, before), (n, epochs) in pairwise([(0, 0), *rungs]))  # fmt: skip
    assert found.n_epochs_planned_ == N_FOLDS * trained


def test_epochs_of_hyperbands_five_brackets():
    search = hyperband(net(hidden_layer_sizes=(2,)), max_resources=81, refit=False).fit(X, Y)
    first = search.cv_results_["iter"] == 0
    sizes = Counter(search.cv_results_["bracket"][first])
    assert sizes == {4: 81, 3: 27, 2: 9, 1: 6, 0: 5}
    assert search.n_epochs_trained_ == search.n_epochs_planned_ == 1404 * N_FOLDS


@pytest.mark.parametrize(
    ("search", "message"),
    [
        (hyperband(space={"max_iter": [1, 2]}), "part of the searched parameters"),
        (hyperband(resource="epochs"), "not supported by estimator"),
        (hyperband(max_resources=0), "max_resources"),
        (hyperband(factor=1), "factor"),
        (hyperband(return_oof=True, cv=ShuffleSplit(2, random_state=0)), "exactly once"),
        (hyperband(return_oof=True, memory_budget=10), "more than memory_budget=10"),
        (hyperband(ensemble=True, refit=False), "ensemble=True needs refit"),
        (hyperband(extra_candidates=[3]), "extra_candidates must be a sequence of dicts"),
        (hyperband(extra_candidates=[{"max_iter": 3}]), "part of the searched parameters"),
        (halving(extra_candidates=[{"max_iter": 3}]), "part of the searched parameters"),
        (halving(space={"max_iter": [1, 2]}), "part of the searched parameters"),
        (halving(cv=KFold(2, shuffle=True)), "must yield consistent folds"),
        (hyperband(cv=KFold(2, shuffle=True)), "must yield consistent folds"),
    ],
)
@pytest.mark.filterwarnings("ignore:The total space of parameters")
def test_what_cannot_be_searched(search, message):
    with pytest.raises(ValueError, match=message):
        search.fit(X, Y)


# --------------------------------------------------------------- candidates that stop or diverge


STOPPING = {"n_iter_no_change": 2, "tol": 0.05}


@both
@pytest.mark.parametrize(
    "estimator",
    [
        net(**STOPPING),
        net(early_stopping=True, **STOPPING),
        net(early_stopping=True, scoring="loss", **STOPPING),
        scaled(early_stopping=True, validation_fraction=0.3, **STOPPING),
        net(solver="sgd", learning_rate="adaptive", n_iter_no_change=1, tol=1.0),
    ],
    ids=["patience", "early", "early by loss", "in a pipeline", "adaptive"],
)
def test_candidates_that_stop_by_themselves(make, estimator):
    search = make(estimator, max_resources=27)
    if make is halving:
        search.set_params(min_resources="exhaust")
    found = clone(search).fit(X, Y)
    assert found.engine_ == "nnhp"
    assert found.n_epochs_trained_ < found.n_epochs_planned_
    assert found.n_epochs_planned_ == N_FOLDS * epochs_of(found.cv_results_)
    if make is hyperband:
        assert_equals_fresh_fits(found, X, Y)
    else:
        assert_same_search(found, restarting(search).fit(X, Y))


@both
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the t:UserWarning")
def test_candidates_that_fail_are_last(monkeypatch, make):
    rates = [1e30, -1.0, "fast", 1e-2, 1e-1, 3e-2, 2e-2, 5e-2]
    space = {"learning_rate_init": rates, "solver": ["sgd"], "alpha": loguniform(1e-4, 1)}
    estimator = MLPRegressor(hidden_layer_sizes=(5,), random_state=0, n_iter_no_change=np.inf)
    found = make(estimator, space).fit(X, X[:, 0])
    monkeypatch.setenv("NNHP_SEARCH_ENGINE", "off")
    assert_same_search(found, make(estimator, space).fit(X, X[:, 0]))
    assert np.isnan(found.cv_results_["mean_test_score"]).any()
    assert np.isfinite(found.best_score_)
    assert found.n_epochs_trained_ <= found.n_epochs_planned_


# ------------------------------------------------------------------------------- memory, threads


@both
def test_a_search_without_memory_trains_anew(make):
    found, poor = make().fit(X, Y), make(memory_budget=0).fit(X, Y)
    assert_same_search(poor, found)
    assert poor.n_epochs_trained_ == N_FOLDS * epochs_of(found.cv_results_, restarts=True)
    assert poor.n_epochs_trained_ == poor.n_epochs_planned_


@both
def test_a_search_with_little_memory_keeps_the_best(make):
    found = make().fit(X, Y)
    # A training of this net takes about 6 kB, that is 12 kB a candidate.
    poor = make(memory_budget=15_000).fit(X, Y)
    assert_same_search(poor, found)
    worst = N_FOLDS * epochs_of(found.cv_results_, restarts=True)
    assert found.n_epochs_trained_ < poor.n_epochs_trained_ < worst
    assert poor.n_epochs_trained_ <= poor.n_epochs_planned_


@pytest.mark.parametrize("cv", [KFold(2), KFold(4)])
def test_no_more_transformed_copies_live_than_there_are_folds(monkeypatch, cv):
    """Trainings whose samples were let go are paused: they go on from the same bits."""
    live = most = 0

    class Counted(Preparation):
        def __init__(self, *args):
            nonlocal live, most
            super().__init__(*args)
            live += 1
            most = max(most, live)
            weakref.finalize(self.shared, ended)

    def ended():
        nonlocal live
        live -= 1

    monkeypatch.setattr(_evaluate, "Preparation", Counted)
    space = prefixed(SPACE) | {"scale": [StandardScaler(), MinMaxScaler(), MaxAbsScaler()]}
    search = halving(scaled(early_stopping=True), space, cv=cv).fit(X, Y)
    assert search.engine_ == "nnhp"
    assert len({str(params["scale"]) for params in search.cv_results_["params"]}) > 1
    assert most == cv.n_splits
    epochs = cv.n_splits * epochs_of(search.cv_results_)
    assert search.n_epochs_trained_ == epochs == search.n_epochs_planned_
    assert_same_results(
        search.cv_results_,
        restarting(halving(scaled(early_stopping=True), space, cv=cv)).fit(X, Y).cv_results_,
    )


@both
def test_the_budget_of_memory_holds_within_a_rung(monkeypatch, make):
    """Trainings that cannot go on are let go while the others of their rung are trained."""
    monkeypatch.setattr(_evaluate, "_WAVE_TRAININGS", 2 * N_FOLDS)
    most = 0

    def train(trainings, n_epochs, threads, poll, train=_evaluate.train_together):
        nonlocal most
        evaluator = evaluators[-1]
        most = max(most, len(evaluator.kept_bytes()))
        return train(trainings, n_epochs, threads, poll)

    evaluators = []

    def noted(self, *args, init=_evaluate.EngineEvaluator.__init__, **kwargs):
        evaluators.append(self)
        init(self, *args, **kwargs)

    monkeypatch.setattr(_evaluate.EngineEvaluator, "__init__", noted)
    monkeypatch.setattr(_evaluate, "train_together", train)
    first_rung = 27
    settings = {"max_resources": 27, "scoring": "neg_log_loss"}  # which does not tie
    if make is halving:
        settings |= {"n_candidates": first_rung, "factor": 3}
    expected = make(**settings).fit(X, Y)
    # Those that may go on, and a wave.
    assert most <= (9 + 2 if make is halving else 9 + 4 + 2 + 2)
    most = 0
    poor = make(memory_budget=15_000, **settings).fit(X, Y)
    assert most <= 4  # the best one, and a wave
    assert evaluators[-1].kept_bytes() == {}  # nothing goes on after the last rung
    assert_same_search(poor, expected)


def assert_second_of_three_fails(search, expected):
    """And the others score the same."""
    with (
        pytest.warns(FitFailedWarning, match="3 fits failed out of a total of 9"),
        pytest.warns(UserWarning, match="non-finite"),
    ):
        scores = search.fit(X, Y).cv_results_["mean_test_score"]
    assert np.isnan(scores[1])
    assert_identical(scores[[0, 2]], expected.cv_results_["mean_test_score"][[0, 2]])


@pytest.mark.parametrize("curves", [False, True])
def test_one_candidate_without_memory_fails_alone(monkeypatch, curves):
    """The others of its wave are trained to the same bits."""

    def train(trainings, n_epochs, threads, poll, train=_evaluate.train_together):
        if any(training.n_parameters == 4 * 7 + 7 + 7 * 3 + 3 for training in trainings):
            if len(trainings) > 2:  # some have gone on when the memory ends
                train(trainings[:2], n_epochs[:2], threads, poll)
            raise MemoryError
        return train(trainings, n_epochs, threads, poll)

    make = partial(
        GridSearchCV,
        net(max_iter=6),
        {"hidden_layer_sizes": [(5,), (7,), (6,)]},
        cv=3,
        return_curves=curves,
    )
    expected = make().fit(X, Y)
    monkeypatch.setattr(_evaluate, "train_together", train)
    assert_second_of_three_fails(make(), expected)
    with pytest.raises(MemoryError):
        make(error_score="raise").fit(X, Y)


@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss"])
def test_one_candidate_whose_predictions_do_not_fit_fails_alone(monkeypatch, scoring):
    def without_memory(compute):
        def limited(trainings, *args):
            if any(training.n_parameters == 4 * 7 + 7 + 7 * 3 + 3 for training in trainings):
                raise MemoryError
            return compute(trainings, *args)

        return limited

    make = partial(
        GridSearchCV,
        net(max_iter=6),
        {"hidden_layer_sizes": [(5,), (7,), (6,)]},
        cv=3,
        scoring=scoring,
    )
    expected = make().fit(X, Y)
    for name in ("predict_together", "count_correct_together"):
        monkeypatch.setattr(_judge, name, without_memory(getattr(_judge, name)))
    assert_second_of_three_fails(make(), expected)


def test_the_order_of_many_rows_counts_as_memory():
    many = np.resize(X, (20_000, 4)), np.resize(Y, 20_000)
    first = halving(net(hidden_layer_sizes=(1,)), max_resources=3, n_candidates=3)
    rich, poor = clone(first), clone(first).set_params(memory_budget=60_000)
    rich.fit(*many), poor.fit(*many)
    assert_same_search(poor, rich)
    # A training takes 4 bytes for each of 10,000 rows: two of a candidate are too many.
    assert rich.n_epochs_trained_ < poor.n_epochs_trained_ == poor.n_epochs_planned_


def test_predictions_of_a_wave_are_bounded(monkeypatch):
    """A wave ends where the outputs that it is scored by exceed its memory."""
    waves, predicted = [], []

    def train(trainings, *args, train=_evaluate.train_together):
        waves.append(len(trainings))
        return train(trainings, *args)

    def predict(trainings, *args, predict=_judge.predict_together):
        predicted.append(len(trainings))
        return predict(trainings, *args)

    monkeypatch.setattr(_evaluate, "train_together", train)
    monkeypatch.setattr(_judge, "predict_together", predict)
    make = partial(
        GridSearchCV, net(max_iter=2), GRID, cv=CV, scoring="neg_log_loss", return_train_score=True
    )
    expected = make().fit(X, Y)
    assert waves == [18]
    assert sum(predicted) == 2 * 18  # of test rows, and of training rows
    waves.clear(), predicted.clear()
    n_parameters = 4 * 5 + 5 + 5 * 3 + 3
    of_one = 8 * (6 * n_parameters + N_ROWS // 2 * 3) + 4 * N_ROWS // 2 + 4096
    monkeypatch.setattr(_evaluate, "_WAVE_BYTES", 4 * of_one - 1)
    found = make().fit(X, Y)
    assert waves == [4] * 4 + [2]
    assert sum(predicted) == 2 * 18
    assert max(predicted) <= 4
    assert_identical(found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"])


@both
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_no_result_depends_on_n_jobs(make, n_jobs):
    expected = make().fit(X, Y)
    assert_same_search(make(n_jobs=n_jobs).fit(X, Y), expected)


@both
def test_seeds(make):
    unseeded = net(random_state=None)
    first = make(unseeded).fit(X, Y)
    assert_same_results(make(unseeded).fit(X, Y).cv_results_, first.cv_results_)
    other = make(unseeded, random_state=2).fit(X, Y)
    assert [str(p) for p in other.cv_results_["params"]] != [
        str(p) for p in first.cv_results_["params"]
    ]
    drawn = make(random_state=np.random.RandomState(1)).fit(X, Y)
    assert_same_results(drawn.cv_results_, make().fit(X, Y).cv_results_)


# ------------------------------------------------------------------------------- ends before time


def prefix(results, n):
    """The first rows of `cv_results_`, without what is relative to the others."""
    return {
        name: column[:n]
        for name, column in results.items()
        if not name.startswith("rank_") and not name.endswith("_time")
    }


def assert_begins_like(found, whole):
    n = len(found.cv_results_["params"])
    cut = prefix(whole.cv_results_, n)
    assert sorted(prefix(found.cv_results_, n)) == sorted(cut)
    for name, column in cut.items():
        if not name.startswith("param"):
            assert_identical(found.cv_results_[name], np.ascontiguousarray(column), name)
    assert str(found.cv_results_["params"]) == str(cut["params"])
    return n


@pytest.mark.parametrize(("engine", "n_jobs"), [("", 1), ("", 2), ("off", None)])
@pytest.mark.parametrize(
    "make",
    [
        *STRATEGIES.values(),
        partial(GridSearchCV, scaled(max_iter=5), prefixed(GRID), cv=CV),
        partial(RandomizedSearchCV, net(max_iter=5), SPACE, n_iter=9, cv=CV, random_state=1),
    ],
    ids=[*STRATEGIES, "grid", "random"],
)
def test_target_score(monkeypatch, make, engine, n_jobs):
    whole = make().fit(X, Y)
    means = whole.cv_results_["mean_test_score"]
    target = np.sort(means)[-2]
    monkeypatch.setenv("NNHP_SEARCH_ENGINE", engine)
    found = make(target_score=target, n_jobs=n_jobs).fit(X, Y)
    n = assert_begins_like(found, whole)
    assert n == 1 + np.flatnonzero(means >= target)[0]
    assert found.best_index_ == n - 1
    assert found.best_score_ >= target
    assert hasattr(found.best_estimator_, "predict")


@both
def test_a_target_ends_the_training_too(monkeypatch, make):
    monkeypatch.setattr(_run, "JUDGED_TOGETHER", 2)
    whole = make().fit(X, Y)
    target = whole.cv_results_["mean_test_score"][0]
    found = make(target_score=target).fit(X, Y)
    assert len(found.cv_results_["params"]) == 1
    assert found.n_epochs_trained_ <= 2 * N_FOLDS * 9 < whole.n_epochs_trained_
    if make is halving:
        assert (found.n_candidates_, found.n_resources_, found.n_iterations_) == ([1], [1], 1)
        assert found.n_remaining_candidates_ == 1


def test_a_target_out_of_reach_changes_nothing():
    assert_same_search(halving(target_score=2).fit(X, Y), halving().fit(X, Y))


@pytest.mark.parametrize("engine", ["", "off"])
@pytest.mark.parametrize("prune", [None, "forgiving"])
def test_no_time_is_enough_for_one_candidate(monkeypatch, engine, prune):
    for make in (*STRATEGIES.values(), partial(GridSearchCV, net(max_iter=2), GRID, cv=CV)):
        whole = make().fit(X, Y)
        monkeypatch.setenv("NNHP_SEARCH_ENGINE", engine)
        found = make(time_budget_s=1e-9, prune_folds=prune).fit(X, Y)
        monkeypatch.delenv("NNHP_SEARCH_ENGINE")
        pruned = found.cv_results_.pop("pruned", np.array([False]))
        assert assert_begins_like(found, whole) == 1
        assert found.best_index_ == 0
        assert not pruned.any()


@both
def test_a_rung_that_is_cut_short_does_not_count(monkeypatch, make):
    whole = make().fit(X, Y)
    in_first = int((whole.cv_results_["iter"] == 0).sum())
    first_planned = []

    def late(run):
        # In the first rung never, in the second at once.
        if not first_planned:
            first_planned.append(run.epochs_planned)
        return run.epochs_planned > first_planned[0]

    monkeypatch.setattr(_run.Run, "_late", late)
    found = make(time_budget_s=1000).fit(X, Y)
    assert assert_begins_like(found, whole) == in_first
    if make is halving:
        assert found.n_resources_ == [1]
        assert found.n_candidates_ == [9]
        assert found.n_iterations_ == 1


def test_plenty_of_time_changes_nothing():
    assert_same_search(halving(time_budget_s=1000).fit(X, Y), halving().fit(X, Y))


# --------------------------------------------------------------------------- further keywords


EXTRA = [{"batch_size": 20, "alpha": 0.5}, {"learning_rate_init": 0.05}]


def test_extra_candidates_come_first():
    for search in (
        GridSearchCV(net(max_iter=3), GRID, cv=CV, extra_candidates=EXTRA),
        RandomizedSearchCV(net(max_iter=3), SPACE, n_iter=3, cv=CV, extra_candidates=EXTRA),
    ):
        results = search.fit(X, Y).cv_results_
        assert results["params"][:2] == EXTRA
        assert len(results["params"]) == 2 + (9 if "param_grid" in search.get_params() else 3)
        for row, params in enumerate(EXTRA):
            scores = cross_val_score(net(max_iter=3, **params), X, Y, cv=CV)
            assert [results[f"split{fold}_test_score"][row] for fold in range(2)] == scores.tolist()


def test_extra_candidates_of_halving_and_hyperband():
    search = halving(extra_candidates=EXTRA).fit(X, Y)
    assert search.n_candidates_ == [11, 4, 2]
    assert search.cv_results_["params"][:2] == [{**params, "max_iter": 1} for params in EXTRA]
    search = hyperband(extra_candidates=EXTRA).fit(X, Y)
    assert search.cv_results_["params"][:2] == [{**params, "max_iter": 1} for params in EXTRA]
    assert Counter(search.cv_results_["bracket"])[2] == 11 + 3 + 1
    plain = hyperband().fit(X, Y)
    first = plain.cv_results_["iter"] == 0
    n_first = int(first.sum())
    assert str(search.cv_results_["params"][2 : 2 + n_first]) == str(
        plain.cv_results_["params"][:n_first]
    )


def pruned_one_by_one(scores, together):
    """Which folds are run, by the rule, over scores of shape (n_candidates, n_splits)."""
    n, k = scores.shape
    ran = np.zeros((n, k), dtype=bool)
    incumbent = None
    for start in [0, *range(1, n, together)]:
        block = range(start, min(start + together, n) if start else 1)
        for row in block:
            for fold in range(k):
                some = scores[row, :fold]
                if incumbent is not None and fold and some.mean() < incumbent.min():
                    break
                ran[row, fold] = True
        for row in block:
            if ran[row].all() and (incumbent is None or scores[row].mean() > incumbent.mean()):
                incumbent = scores[row]
    return ran


@pytest.mark.parametrize(
    ("together", "engine"), [(1, ""), (4, ""), (_run.JUDGED_TOGETHER, ""), (4, "off")]
)
def test_pruned_folds(monkeypatch, together, engine):
    monkeypatch.setattr(_run, "JUDGED_TOGETHER", together)
    monkeypatch.setenv("NNHP_SEARCH_ENGINE", engine)
    settings = {"n_iter": 32, "cv": 4, "random_state": 1, "return_train_score": True}
    settings["scoring"] = ["neg_log_loss", "accuracy"]
    space = {"learning_rate_init": loguniform(1e-5, 1), "alpha": loguniform(1e-3, 10)}
    estimator = net(max_iter=5)
    make = partial(RandomizedSearchCV, estimator, space, refit="neg_log_loss", **settings)
    whole, found = make().fit(X, Y), make(prune_folds="forgiving").fit(X, Y)
    names = [f"split{fold}_test_neg_log_loss" for fold in range(4)]
    scores = np.column_stack([whole.cv_results_[name] for name in names])
    ran = pruned_one_by_one(scores, together)
    assert not ran.all()
    assert_identical(found.cv_results_["pruned"], ~ran.all(axis=1))
    assert "pruned" not in whole.cv_results_
    for name, column in whole.cv_results_.items():
        if name.startswith("split"):
            fold = int(name[5])
            expected = np.where(ran[:, fold], column, np.nan)
            assert_identical(found.cv_results_[name], expected, name)
    complete = np.flatnonzero(ran.all(axis=1))
    means = np.where(ran.all(axis=1), whole.cv_results_["mean_test_neg_log_loss"], np.nan)
    assert_identical(found.cv_results_["mean_test_neg_log_loss"], means)
    assert found.best_index_ == complete[np.argmax(scores[complete].mean(axis=1))]
    ranks = found.cv_results_["rank_test_neg_log_loss"]
    assert (ranks[~ran.all(axis=1)] > len(complete)).all()
    if not engine:
        assert found.n_epochs_trained_ == 5 * ran.sum()
        assert found.n_epochs_trained_ < found.n_epochs_planned_ == 5 * ran.size


def test_pruned_folds_of_a_pipeline_do_not_depend_on_the_way(monkeypatch):
    monkeypatch.setattr(_run, "JUDGED_TOGETHER", 4)
    space = {"scale": ["passthrough", StandardScaler(), MinMaxScaler()], **prefixed(SPACE)}
    make = partial(
        RandomizedSearchCV,
        scaled(max_iter=5),
        space,
        n_iter=30,
        cv=KFold(4),
        random_state=1,
        prune_folds="forgiving",
    )
    found = make().fit(X, Y)
    assert found.cv_results_["pruned"].any()
    monkeypatch.setenv("NNHP_SEARCH_ENGINE", "off")
    assert_same_search(found, make().fit(X, Y))


@pytest.mark.parametrize("engine", ["", "off"])
@pytest.mark.parametrize("inside", [False, True], ids=["bare", "pipeline"])
def test_ensemble(monkeypatch, engine, inside):
    monkeypatch.setenv("NNHP_SEARCH_ENGINE", engine)
    estimator = scaled(max_iter=9) if inside else net(max_iter=9)
    searches = [
        GridSearchCV(estimator, prefixed(GRID) if inside else GRID, cv=CV, ensemble=True),
        halving(estimator, ensemble=True),
        hyperband(estimator, ensemble=True),
    ]
    for search in searches:
        search.fit(X, Y)
        assert type(search.best_estimator_) is FoldEnsemble
        best = clone(estimator).set_params(**search.best_params_)
        expected = cross_validate(best, X, Y, cv=CV, return_estimator=True)["estimator"]
        for one, other in zip(search.best_estimator_.estimators, expected, strict=True):
            if inside:
                one, other = one[-1], other[-1]
            assert_same_fit(one, other)
        assert_identical(search.predict_proba(X), FoldEnsemble(expected).predict_proba(X))
        assert search.score(X, Y) == FoldEnsemble(expected).score(X, Y)


@both
def test_ensemble_of_an_early_rung(make):
    """Its trainings went on, or were let go: the ensemble has the rung's epochs."""
    search = make(ensemble=True, refit=lambda results: int(np.argmin(results["n_resources"])))
    search.fit(X, Y)
    epochs = search.cv_results_["n_resources"].min()
    assert epochs < search.cv_results_["n_resources"].max()
    assert [one.n_iter_ for one in search.best_estimator_.estimators] == [epochs] * N_FOLDS
    best = clone(net()).set_params(**search.best_params_)
    expected = cross_validate(best, X, Y, cv=CV, return_estimator=True)["estimator"]
    for one, other in zip(search.best_estimator_.estimators, expected, strict=True):
        assert_same_fit(one, other)


def test_ensemble_of_what_took_scikit_learns_way():
    search = GridSearchCV(net(), {"solver": ["lbfgs"]}, cv=CV, ensemble=True).fit(X, Y)
    best = net(solver="lbfgs")
    expected = cross_validate(best, X, Y, cv=CV, return_estimator=True)["estimator"]
    assert_identical(search.predict_proba(X), FoldEnsemble(expected).predict_proba(X))


def test_ensemble_without_seeds_is_of_the_estimators_that_were_scored():
    search = GridSearchCV(
        net(random_state=None, max_iter=5), GRID, cv=CV, ensemble=True, scoring="neg_log_loss"
    ).fit(X, Y)
    for fold, (_, test) in enumerate(CV.split(X)):
        score = search.scorer_(search.best_estimator_.estimators[fold], X[test], Y[test])
        assert score == search.cv_results_[f"split{fold}_test_score"][search.best_index_]


CURVES = {
    "grid": GridSearchCV(net(max_iter=6), GRID, cv=CV, scoring="neg_log_loss"),
    "stopping": GridSearchCV(net(max_iter=30, early_stopping=True, **STOPPING), GRID, cv=CV),
    "several": GridSearchCV(
        scaled(max_iter=6), prefixed(GRID), cv=CV, scoring=["accuracy", "f1_macro"], refit=False
    ),
    "halving": halving(),
    "halving of a pipeline": halving(scaled()),
    "hyperband": hyperband(),
    "hyperband stopping": hyperband(net(early_stopping=True, **STOPPING)),
}


@pytest.mark.parametrize("search", CURVES.values(), ids=CURVES)
def test_curves(search):
    plain = clone(search).fit(X, Y)
    found = clone(search).set_params(return_curves=True).fit(X, Y)
    assert_same_search(found, plain)
    assert found.n_epochs_trained_ == plain.n_epochs_trained_
    assert not hasattr(plain, "curves_")
    curves, results = found.curves_, found.cv_results_
    metrics = [name[10:] for name in results if name.startswith("mean_test_")]
    assert list(curves) == ["candidate", "fold", "epoch", "train_loss"] + [
        f"test_{metric}" for metric in metrics
    ]
    assert len(curves) == found.n_epochs_trained_
    folds = list(CV.split(X))
    for (candidate, fold), curve in curves.groupby(["candidate", "fold"]):
        assert curve["epoch"].tolist() == list(range(1, len(curve) + 1))
        params = results["params"][candidate]
        name = next((name for name in params if name.endswith("max_iter")), None)
        same = [
            row
            for row, other in enumerate(results["params"])
            if {**other, name: 0} == {**params, name: 0}
            and (
                "bracket" not in results or results["bracket"][row] == results["bracket"][candidate]
            )
        ]
        assert candidate == same[0]
        for row in same:
            n = results["params"][row].get(name, len(curve))
            for metric in metrics:
                score = results[f"split{fold}_test_{metric}"][row]
                assert curve[f"test_{metric}"].iloc[min(n, len(curve)) - 1] == score
        if candidate in (0, results["params"].index(params)):
            train, _ = folds[fold]
            estimator = clone(search.estimator).set_params(**results["params"][same[-1]])
            fitted = estimator.fit(X[train], Y[train])
            fitted = fitted[-1] if isinstance(fitted, Pipeline) else fitted
            assert curve["train_loss"].tolist() == fitted.loss_curve_


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the t:UserWarning")
def test_curves_of_trainings_that_diverge_or_fail():
    space = {"learning_rate_init": [1e30, -1, 1e-2]}
    estimator = MLPRegressor(hidden_layer_sizes=(5,), solver="sgd", max_iter=5, random_state=0)
    search = GridSearchCV(estimator, space, cv=CV, return_curves=True)
    curves = search.fit(X, X[:, 0]).curves_
    assert curves["candidate"].unique().tolist() == [0, 2]
    diverged = curves[curves["candidate"] == 0].groupby("fold").tail(1)
    assert diverged["test_score"].isna().all()
    with pytest.raises(ValueError, match="non-finite"):
        search.set_params(error_score="raise", param_grid={"learning_rate_init": [1e30]}).fit(
            X, X[:, 0]
        )


def no_novices(estimator, X, y):
    if estimator.n_iter_ < 3:
        raise ValueError("This scorer refuses to judge novices.")
    return {"first": estimator.score(X, y), "second": estimator.loss_}


@pytest.mark.parametrize("error_score", ["raise", np.nan])
def test_curves_of_a_scorer_that_fails_before_the_end(error_score):
    search = GridSearchCV(
        net(max_iter=4), GRID, cv=CV, scoring=no_novices, refit="first", error_score=error_score
    )
    plain = clone(search).fit(X, Y)
    search.set_params(return_curves=True).fit(X, Y)
    assert_same_search(search, plain)
    unknown = search.curves_["epoch"] < 3
    for name in ("test_first", "test_second"):
        assert (search.curves_[name].isna() == unknown).all()
    assert not search.set_params(return_curves=False).fit(X, Y).__dict__.keys() & {"curves_"}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the t:UserWarning")
def test_curves_and_predictions_know_their_folds():
    y = np.where(np.arange(N_ROWS) < 20, 0, Y == 1)
    y[5] = 1
    cv = [(np.arange(20), np.arange(20, N_ROWS)), (np.arange(20, N_ROWS), np.arange(20))]
    estimator = net(max_iter=3, early_stopping=True)
    search = GridSearchCV(estimator, GRID, cv=cv, return_curves=True, return_oof=True)
    search.fit(X, y)  # one of a class cannot be split by early stopping
    assert search.engine_ == "nnhp"
    assert search.curves_["fold"].unique().tolist() == [1]
    assert np.isnan(search.oof_predictions_[:, 20:]).all()
    assert np.isfinite(search.oof_predictions_[:, :20]).all()


def test_curves_and_predictions_of_pruned_candidates():
    space = {"learning_rate_init": loguniform(1e-5, 1)}
    search = RandomizedSearchCV(
        net(max_iter=5),
        space,
        n_iter=40,
        cv=KFold(3),
        random_state=1,
        scoring="neg_log_loss",
        prune_folds="forgiving",
        return_curves=True,
        return_oof=True,
    ).fit(X, Y)
    pruned = search.cv_results_["pruned"]
    assert pruned.any()
    missing = np.isnan(search.oof_predictions_).any(axis=(1, 2))
    assert missing.tolist() == pruned.tolist()
    n_folds = search.curves_.groupby("candidate")["fold"].nunique()
    assert (n_folds.to_numpy() < 3).tolist() == pruned.tolist()


@pytest.mark.parametrize("engine", ["", "off"])
@pytest.mark.parametrize("kind", ["labels", "text", "multilabel", "one target", "two targets"])
def test_out_of_fold_predictions(monkeypatch, kind, engine):
    monkeypatch.setenv("NNHP_SEARCH_ENGINE", engine)
    y = {
        "labels": Y,
        "text": np.array(["a", "b", "c"])[Y],
        "multilabel": (X.mean(axis=0) < X).astype(int),
        "one target": X[:, 0],
        "two targets": X[:, :2],
    }[kind]
    classifies = "target" not in kind
    estimator = (
        net(max_iter=3)
        if classifies
        else MLPRegressor(hidden_layer_sizes=(5,), max_iter=3, random_state=0)
    )
    cv = KFold(3, shuffle=True, random_state=0)
    search = GridSearchCV(estimator, {"alpha": [0.1, 1]}, cv=cv, return_oof=True).fit(X, y)
    for row, params in enumerate(search.cv_results_["params"]):
        expected = cross_val_predict(
            clone(estimator).set_params(**params),
            X,
            y,
            cv=cv,
            method="predict_proba" if classifies else "predict",
        )
        assert_identical(search.oof_predictions_[row], expected)


@both
@pytest.mark.parametrize("inside", [False, True], ids=["bare", "pipeline"])
def test_out_of_fold_predictions_of_each_rung(make, inside):
    search = make(scaled() if inside else net(), return_oof=True).fit(X, Y)
    params = search.cv_results_["params"]
    assert search.oof_predictions_.shape == (len(params), N_ROWS, 3)
    for row in (0, 5, len(params) - 1):
        estimator = clone(search.estimator).set_params(**params[row])
        expected = cross_val_predict(estimator, X, Y, cv=CV, method="predict_proba")
        assert_identical(search.oof_predictions_[row], expected)
    assert_same_search(search, make(scaled() if inside else net()).fit(X, Y))


def test_out_of_fold_predictions_of_classes_that_a_fold_lacks():
    order = np.argsort(Y, kind="stable")
    search = GridSearchCV(net(max_iter=3), {"alpha": [1]}, cv=KFold(2), return_oof=True)
    search.fit(X[order], Y[order])
    (predictions,) = search.oof_predictions_
    half = N_ROWS // 2
    assert (predictions[:half, 0] == 0).all()  # the first half was predicted from the second
    np.testing.assert_allclose(predictions.sum(axis=1), 1)


@both
@pytest.mark.parametrize("engine", ["", "off"])
def test_one_standard_error(monkeypatch, make, engine):
    monkeypatch.setenv("NNHP_SEARCH_ENGINE", engine)
    space = {"hidden_layer_sizes": [(2,), (9,), (3, 3), (5,)], "alpha": loguniform(1e-4, 1)}
    search = make(space=space, refit=one_standard_error, max_resources=27).fit(X, Y)
    results = search.cv_results_
    assert search.best_index_ == one_standard_error(results)
    assert results["n_resources"][search.best_index_] == max(results["n_resources"])
    for row, params in enumerate(results["params"]):
        sizes = [4, *params["hidden_layer_sizes"], 3]
        n_parameters = sum((i + 1) * o for i, o in pairwise(sizes))
        assert results["n_parameters"][row] == n_parameters
    assert search.best_params_ == results["params"][search.best_index_]
    assert len(search.best_estimator_.coefs_) == 1 + len(search.best_params_["hidden_layer_sizes"])


def test_several_metrics_under_hyperband():
    found = hyperband(scoring=["accuracy", "neg_log_loss"], refit="neg_log_loss").fit(X, Y)
    expected = hyperband(scoring="neg_log_loss").fit(X, Y)
    assert_identical(
        found.cv_results_["mean_test_neg_log_loss"], expected.cv_results_["mean_test_score"]
    )
    assert found.best_index_ == expected.best_index_


@both
def test_trainings_that_came_to_the_last_epoch_are_not_warned_of(make):
    """Rungs end trainings: that is what they are for. The best one warns where it is refitted."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search = make(refit=False).fit(X, Y)
    assert (search.cv_results_["n_resources"] == 9).any()
    assert caught == []
