"""Bayesian and genetic search: what they propose, what they learn from, and where they end."""

import logging
import pickle
import sys
import warnings

import numpy as np
import optuna
import pytest
from helpers import STOPS_EARLY, assert_identical, problem
from optuna.samplers import QMCSampler, RandomSampler
from scipy.stats import loguniform, randint, uniform
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, ShuffleSplit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import nnhp
from nnhp import BayesSearchCV, GeneticSearchCV, HiddenLayers, MLPClassifier, MLPRegressor, When
from nnhp.integrations.optuna import SeededSampler
from nnhp.optimizers import SGD, RMSprop
from nnhp.search import _evaluate
from nnhp.search._genetic import pareto_front
from nnhp.search._proposals import Proposals, genetic_sampler

pytestmark = STOPS_EARLY

SPACE = [
    {
        "learning_rate_init": loguniform(1e-5, 1),
        "alpha": loguniform(1e-6, 10),
        "hidden_layer_sizes": HiddenLayers(depth=(1, 2), width=(2, 16)),
        "solver": ["adam", "sgd"],
    },
    When({"solver": "sgd"}, {"momentum": uniform(0, 0.99)}),
]
FLAT = {"alpha": loguniform(1e-5, 1), "learning_rate_init": loguniform(1e-3, 1e-1)}
SMALL = {"hidden_layer_sizes": [(2,), (3,), (4,)], "activation": ["relu", "tanh"]}


def net(**params):
    return MLPClassifier(**{"max_iter": 4, "random_state": 3, "hidden_layer_sizes": 4} | params)


@pytest.fixture(scope="module")
def data():
    return problem("multiclass")


def bayes(space=FLAT, *, estimator=None, **params):
    defaults = {"n_iter": 6, "cv": 3, "random_state": 0}
    return BayesSearchCV(estimator or net(), space, **defaults | params)


def genetic(space=FLAT, *, estimator=None, **params):
    defaults = {"population_size": 4, "generations": 2, "cv": 3, "random_state": 0}
    return GeneticSearchCV(estimator or net(), space, **defaults | params)


def brute_force():
    with warnings.catch_warnings(action="ignore"):  # experimental
        return optuna.samplers.BruteForceSampler()


def fixed_alpha():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.PartialFixedSampler({"alpha": 0.1}, RandomSampler())


def keys(search):
    return [repr(sorted(params.items())) for params in search.cv_results_["params"]]


# ------------------------------------------------------------------ learning

LEARN = {
    "tpe": lambda seed: bayes(SPACE, n_iter=40, random_state=seed),
    "tpe and medians": lambda seed: bayes(SPACE, n_iter=40, pruner="median", random_state=seed),
    "tpe in brackets": lambda seed: bayes(SPACE, n_iter=60, pruner="hyperband", random_state=seed),
    "cmaes": lambda seed: bayes(SPACE, n_iter=40, sampler="cmaes", random_state=seed),
    "genetic": lambda seed: genetic(
        SPACE, population_size=8, generations=6, random_state=seed
    ),
    "random": lambda seed: nnhp.RandomizedSearchCV(
        net(), SPACE, n_iter=40, cv=3, random_state=seed
    ),
}  # fmt: skip


def progress(make, seeds):
    """By how much the last quarter of the candidates scores better than the first, by seed."""
    X, y = load_wine(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    gains = []
    for seed in seeds:
        search = make(seed).set_params(
            estimator__max_iter=10, estimator__batch_size=32, scoring="neg_log_loss", refit=False
        )
        results = search.fit(X, y).cv_results_
        scores = results["mean_test_score"]
        if "n_resources" in results:  # at the first rung that all brackets begin with
            scores = scores[results["n_resources"] == results["n_resources"][0]]
        part = len(scores) // 4
        gains.append(np.median(scores[-part:]) - np.median(scores[:part]))
    return np.asarray(gains)


@pytest.mark.parametrize("name", LEARN)
def test_models_learn_and_chance_does_not(name):
    gains = progress(LEARN[name], range(4))
    if name == "random":
        assert gains.mean() < 0.15
        assert gains.min() < 0
    else:
        assert gains.mean() > 0.3
        assert np.sort(gains)[1] > 0  # all but one


@pytest.mark.slow
def test_the_gaussian_process_learns():
    pytest.importorskip("torch")
    gains = progress(lambda seed: bayes(SPACE, n_iter=20, sampler="gp", random_state=seed), [0])
    assert gains.min() > 0.3


# ------------------------------------------------------------------ what is proposed


@pytest.mark.parametrize("make", [bayes, genetic])
def test_equal_numbers_of_different_kinds_are_different_settings(make, data):
    """Of features 1 is one of them, and 1.0 is all of them."""
    space = {"max_depth": [1, 2], "max_features": [1, 1.0]}
    params = {"estimator": DecisionTreeClassifier(random_state=0)}
    params |= {"n_iter": 4} if make is bayes else {"population_size": 4, "generations": 1}
    results = make(space, **params).fit(*data).cv_results_
    kinds = {(p["max_depth"], type(p["max_features"])) for p in results["params"]}
    assert kinds == {(1, int), (1, float), (2, int), (2, float)}


@pytest.mark.parametrize("make", [bayes, genetic])
def test_no_candidate_comes_twice_and_small_spaces_end(make, data):
    size = {"n_iter": 50} if make is bayes else {"population_size": 5, "generations": 10}
    search = make(SMALL, **size)
    with pytest.warns(
        UserWarning, match=r"ended after 6 of 50 candidates: the space has no more"
    ) as caught:
        search.fit(*data)
    assert {warning.filename for warning in caught} == {__file__}
    assert len(set(keys(search))) == len(keys(search)) == 6
    first = {"activation": "tanh", "hidden_layer_sizes": (3,)}
    search.set_params(extra_candidates=[first])
    with pytest.warns(UserWarning, match="ended after"):
        search.fit(*data)
    assert len(set(keys(search))) == len(keys(search)) == 6
    assert search.cv_results_["params"][0] == first
    # Given twice, and once more by what the estimator has of it.
    first.update(activation="relu")
    search.set_params(extra_candidates=[first, dict(first), {"hidden_layer_sizes": (3,)}])
    with pytest.warns(UserWarning, match="ended after"):
        search.fit(*data)
    assert len(set(keys(search))) == len(keys(search)) == 6
    assert search.cv_results_["params"][0] == first


def test_what_a_setting_that_comes_first_lacks_is_the_estimators_own(data):
    estimator = net(hidden_layer_sizes=(3,), activation="tanh")
    for make in (bayes, genetic):
        size = {"n_iter": 50} if make is bayes else {"population_size": 5, "generations": 10}
        search = make(SMALL, estimator=estimator, extra_candidates=[{}], **size)
        with pytest.warns(UserWarning, match="ended after"):
            search.fit(*data)
        tried = search.cv_results_["params"]
        assert tried[0] == {}
        assert len(tried) == len(set(keys(search))) == 6
        assert {"hidden_layer_sizes": (3,), "activation": "tanh"} not in tried


def test_conditions_hold_in_all_candidates(data):
    for search in (bayes(SPACE, n_iter=14), genetic(SPACE, population_size=8)):
        tried = search.fit(*data).cv_results_["params"]
        assert all(("momentum" in params) == (params["solver"] == "sgd") for params in tried)
        assert {params["solver"] for params in tried} == {"adam", "sgd"}


def test_components_and_lists_of_dicts(data):
    space = [
        {"solver": [SGD(momentum=0.5), RMSprop()], "solver__learning_rate": loguniform(1e-3, 0.1)},
        {"solver": ["adam"], "learning_rate_init": loguniform(1e-3, 0.1)},
    ]
    search = bayes(space, n_iter=14).fit(*data)
    tried = search.cv_results_["params"]
    assert search.engine_ == "nnhp"
    assert {len(params) for params in tried} == {2}
    assert all(("solver__learning_rate" in p) == (p["solver"] != "adam") for p in tried)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert {type(p["solver"]) for p in tried} == {SGD, RMSprop, str}


def test_settings_with_components_of_their_own(data):
    space = {"solver": [SGD(1e-3), SGD(0.5)], "solver__learning_rate": loguniform(1e-4, 1)}
    slow, fast = {"solver__learning_rate": 1e-3}, {"solver": SGD(0.5)}
    own = net(solver=SGD(1e-3)).get_params()
    proposals = Proposals(space, optuna.samplers.TPESampler(), 0, "test", own=own)
    placed = proposals.place([slow, {}, fast, fast | slow])
    assert [proposal.params for proposal in placed] == [slow, fast, fast | slow]
    assert [proposal.trial.params for proposal in placed] == [
        {"solver": 0, "solver__learning_rate": 1e-3},
        {"solver": 1, "solver__learning_rate": 0.5},
        {"solver": 1, "solver__learning_rate": 1e-3},
    ]
    # Of a rate that nobody knows, the model cannot learn.
    space["solver"].append("adam")
    proposals = Proposals(space, optuna.samplers.TPESampler(), 0, "test", own=own)
    assert [p.trial for p in proposals.place([{"solver": "adam"}, {"solver": SGD}])] == [None] * 2


@pytest.mark.parametrize(
    ("space", "settings", "genes"),
    [
        (
            [
                {"solver": ["sgd", "adam"], "learning_rate_init": [0.01, 0.001]},
                When({"solver": "sgd"}, {"momentum": uniform(0, 0.99)}),
            ],
            [{"solver": "adam"}, {"solver": "sgd"}, {"learning_rate_init": 0.01}],
            [
                {"solver": 1, "learning_rate_init": 1},
                {"solver": 0, "learning_rate_init": 1, "momentum": 0.9},
                {"solver": 1, "learning_rate_init": 0},
            ],
        ),
        (
            [
                {"solver": ["sgd"], "momentum": uniform(0, 0.99)},
                {"solver": ["adam"], "beta_1": uniform(0.5, 0.49)},
            ],
            [{"solver": "adam", "beta_1": 0.75}, {"solver": "sgd", "momentum": 0.5}, {}],
            [{"part": 1, "beta_1": 0.75}, {"part": 0, "momentum": 0.5}, {"part": 1, "beta_1": 0.9}],
        ),
        # What the estimator has anyway, and what it has not.
        (
            {"alpha": [0.1, 0.2]},
            [{"alpha": 0.2, "dropout": 0.0}, {"alpha": 0.1, "dropout": 0.5}],
            [{"alpha": 1}, None],
        ),
    ],
)
def test_settings_that_come_first_inform_the_model(space, settings, genes):
    own = net().get_params()
    proposals = Proposals(space, optuna.samplers.TPESampler(), 0, "test", own=own)
    placed = proposals.place(settings)
    assert [proposal.params for proposal in placed] == settings
    assert [proposal.trial and proposal.trial.params for proposal in placed] == genes


def test_what_comes_first_of_a_tree_is_not_tried_again(data):
    space = [
        {"solver": ["sgd", "adam"], "learning_rate_init": [0.01, 0.001]},
        When({"solver": "sgd"}, {"momentum": [0.5, 0.9]}),
    ]
    first = [{"solver": "adam"}, {"solver": "sgd", "dropout": 0.0}]
    search = bayes(space, n_iter=50, extra_candidates=first)
    with pytest.warns(UserWarning, match="ended after 4 of 50"):
        search.fit(*data)
    assert len(search.cv_results_["params"]) == 6


def test_batches_are_calls_of_the_engine(data, monkeypatch):
    sizes = []

    def counting(trainings, *args, train=_evaluate.train_together):
        sizes.append(len(trainings))
        return train(trainings, *args)

    monkeypatch.setattr(_evaluate, "train_together", counting)
    bayes(n_iter=10).fit(*data)
    assert sizes == [12, 12, 6]
    sizes.clear()
    bayes(n_iter=5, batch_size=3, extra_candidates=[{"alpha": 0.1}, {"alpha": 0.2}]).fit(*data)
    assert sizes == [6, 9, 6]
    sizes.clear()
    genetic(extra_candidates=[{"alpha": 0.1}]).fit(*data)
    assert sizes == [12, 12]


def test_the_batch_size_decides_what_a_proposal_knows(data):
    tried = {size: keys(bayes(n_iter=14, batch_size=size).fit(*data)) for size in (1, 4, "auto")}
    assert tried[4] == tried["auto"] != tried[1]
    assert tried[1][:10] == tried[4][:10]  # drawn at random


def ask_and_tell(placed, n=14):
    proposals = Proposals(FLAT, optuna.samplers.TPESampler(), 0, "test", own=net().get_params())
    for settings, score in placed:
        proposals.tell(proposals.place([settings]), [[score]])
    found = []
    for _ in range(n):
        (proposal,) = proposals.ask(1)
        found.append(proposal.params)
        proposals.tell([proposal], [[-np.log10(proposal.params["alpha"])]])
    return found


def test_models_learn_from_settings_that_come_first():
    inside = {"alpha": 0.1, "learning_rate_init": 0.01}
    alone = ask_and_tell([])
    assert ask_and_tell([(inside, 5.0)] * 10) != alone
    # What the setting lacks is the estimator's own: the same in all regards.
    lacks = {"alpha": 0.1}
    own = {"alpha": 0.1, "learning_rate_init": net().learning_rate_init}
    assert ask_and_tell([(lacks, 5.0)] * 10) == ask_and_tell([(own, 5.0)] * 10)
    # One that lies outside of the space is nothing that the model could know.
    outside = {"alpha": 7.0, "learning_rate_init": 0.01}
    assert ask_and_tell([(outside, 5.0)] * 10) == alone


def test_another_sampler_of_optunas_proposes(data):
    tried = keys(bayes(sampler=RandomSampler()).fit(*data))
    assert tried == keys(bayes(sampler=RandomSampler(seed=9)).fit(*data))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sequence = QMCSampler(seed=0)
    assert len(set(keys(bayes(sampler=sequence).fit(*data)))) == 6
    seeded = SeededSampler(RandomSampler(), seed=9)
    assert keys(bayes(sampler=seeded).fit(*data)) == tried
    assert keys(bayes(sampler=seeded, random_state=1).fit(*data)) != tried


@pytest.mark.parametrize(
    ("sampler", "many"),
    [
        (optuna.samplers.TPESampler(), optuna.distributions.FloatDistribution),
        (RandomSampler(), optuna.distributions.IntDistribution),
    ],
    ids=["tpe", "random"],
)
def test_many_integers_are_rounded_reals_to_tpe_alone(sampler, many):
    few = optuna.distributions.IntDistribution
    space = {"a": range(3), "h": HiddenLayers(1, (2, 9)), "r": randint(2, 40)}
    proposals = Proposals(space, sampler, 0, "test", own={})
    first = {"a": 2, "h": (9,), "r": 39}
    placed = proposals.place([first])
    asked = proposals.ask(60)
    proposals.tell(placed + asked, [[0.0]] * 61)
    asked += proposals.ask(20)  # by what it has learned
    for proposal in placed + asked:
        kinds = {name: type(given) for name, given in proposal.trial.distributions.items()}
        assert kinds == {"a": few, "h.width_1": few, "r": many}
    names = {"a": range(3), "h": [(width,) for width in range(2, 10)], "r": range(2, 40)}
    for name, values in names.items():
        found = [proposal.params[name] for proposal in asked]
        assert set(found) <= set(values)
        assert len(set(found)) > 0.7 * len(values)
    assert first not in [proposal.params for proposal in asked]


def test_settings_outside_of_the_space_come_on_top_of_the_first_generation(data):
    outside = {"alpha": 7.0, "learning_rate_init": 0.01}
    inside = [{"alpha": 0.1, "learning_rate_init": rate} for rate in (0.02, 0.04, 0.08)]
    results = genetic(extra_candidates=[outside, *inside]).fit(*data).cv_results_
    assert results["params"][:4] == [outside, *inside]
    assert results["generation"].tolist() == [0] * 5 + [1] * 4
    alphas = [params["alpha"] for params in results["params"]]
    assert not np.isclose(alphas[4], 0.1)
    assert np.isclose(alphas[5:], 0.1).any()  # bred, not drawn


def test_children_have_numbers_between_those_of_their_parents():
    proposals = Proposals(FLAT, genetic_sampler(4, "test"), 0, "test", own={})
    first = [{"alpha": a, "learning_rate_init": r} for a in (0.01, 0.1) for r in (0.02, 0.04)]
    proposals.tell(proposals.place(first), [[1.0]] * 4)
    alphas = np.array([child.params["alpha"] for child in proposals.ask(60)])
    near = (alphas > 0.003) & (alphas < 0.32)
    new = ~np.isclose(alphas, 0.01) & ~np.isclose(alphas, 0.1)
    assert (near & new).mean() > 0.45  # of 0.2 that mutations make
    assert (~near).mean() > 0.05  # mutations


@pytest.mark.parametrize("make", [bayes, genetic])
def test_seeds_decide(make, data):
    tried = keys(make().fit(*data))
    assert keys(make().fit(*data)) == tried
    assert keys(make(random_state=1).fit(*data)) != tried
    state = np.random.RandomState(0)
    assert keys(make(random_state=state).fit(*data)) != keys(make(random_state=state).fit(*data))


# ------------------------------------------------------------------ limits


def smallest(results):
    """A `refit` that has the parameters counted."""
    return int(np.argmin(results["n_parameters"]))


@pytest.mark.parametrize("make", [bayes, genetic])
def test_nets_beyond_the_limits_are_not_trained(make, data):
    space = {"hidden_layer_sizes": HiddenLayers((1, 2), (2, 32)), "normalization": [None, "batch"]}
    free = make(space, refit=smallest).fit(*data).cv_results_["n_parameters"]
    limit = int(np.median(free))
    kept = make(space, refit=smallest, max_parameters=limit).fit(*data)
    assert kept.cv_results_["n_parameters"].max() <= limit < free.max()
    n_features, n_outputs = data[0].shape[1], len(np.unique(data[1]))
    kept = make(space, max_predict_flops=400).fit(*data)
    for params in kept.cv_results_["params"]:
        sizes = [n_features, *params["hidden_layer_sizes"], n_outputs]
        assert 2 * np.dot(sizes[:-1], sizes[1:]) <= 400


def test_limits_of_a_pipeline_count_what_the_net_gets(data):
    steps = Pipeline([("reduce", PCA(random_state=0)), ("net", net())])
    space = {"reduce__n_components": [2, 3, 4, 5, 6], "net__alpha": loguniform(1e-4, 1)}
    n_outputs = len(np.unique(data[1]))
    limit = (3 + 1) * 4 + (4 + 1) * n_outputs  # of nets with 3 inputs
    search = bayes(space, estimator=steps, max_parameters=limit, refit=smallest).fit(*data)
    assert {p["reduce__n_components"] for p in search.cv_results_["params"]} == {2, 3}
    assert search.cv_results_["n_parameters"].max() == limit


def test_limits_that_nothing_keeps(data):
    with pytest.raises(ValueError, match=r"No setting .* was found within max_parameters=3"):
        bayes(max_parameters=3).fit(*data)
    with pytest.raises(ValueError, match=r"comes first .* beyond max_parameters"):
        bayes(max_parameters=3, extra_candidates=[{"alpha": 0.1}]).fit(*data)
    with pytest.raises(ValueError, match="max_predict_flops needs an nnhp estimator"):
        bayes({"C": [1]}, estimator=LogisticRegression(), max_predict_flops=9).fit(*data)


# ------------------------------------------------------------------ pruning


def test_brackets_are_hyperbands_and_learn_from_each_other(data):
    search = bayes(estimator=net(max_iter=9), n_iter=33, pruner="hyperband").fit(*data)
    round_ = [[(9, 1), (3, 3), (1, 9)], [(3, 3), (1, 9)], [(3, 9)]]
    assert search.brackets_ == [*round_, *round_, [(3, 1), (1, 3), (1, 9)]]
    results = search.cv_results_
    assert (results["iter"] == 0).sum() == 33
    assert [p["max_iter"] for p in results["params"]] == results["n_resources"].tolist()
    assert results["n_resources"][search.best_index_] == 9
    for number, rungs in enumerate(search.brackets_):
        for rung, (size, epochs) in enumerate(rungs):
            rows = (results["bracket"] == number) & (results["iter"] == rung)
            assert rows.sum() == size
            assert set(results["n_resources"][rows]) == {epochs}


def test_there_are_two_rounds_of_brackets(data):
    def brackets(n_iter, max_iter):
        search = bayes(estimator=net(max_iter=max_iter), n_iter=n_iter, pruner="hyperband")
        return [rungs[0] for rungs in search._plan_of_brackets()]

    assert brackets(5, 100) == brackets(29, 100) == [(3, 33), (2, 100)]
    assert brackets(30, 100) == [(9, 11), (3, 33), (3, 100)]
    assert brackets(92, 100) == [(27, 3), (9, 11), (6, 33), (4, 100)]
    assert brackets(500, 10) == [(9, 1), (3, 3), (3, 10)]
    assert brackets(500, 1) == [(1, 1)]


@pytest.mark.parametrize("pruner", ["hyperband", "median"])
def test_scores_on_rungs_are_those_of_fresh_fits(pruner, data):
    search = bayes(estimator=net(max_iter=9), n_iter=16, pruner=pruner).fit(*data)
    results = search.cv_results_
    fresh = nnhp.GridSearchCV(
        net(), [{name: [v] for name, v in p.items()} for p in results["params"]], cv=3
    ).fit(*data)
    np.testing.assert_array_equal(results["mean_test_score"], fresh.cv_results_["mean_test_score"])
    assert search.n_epochs_trained_ < fresh.n_epochs_trained_


def test_the_median_stops_what_is_below_it(data):
    search = bayes(estimator=net(max_iter=9), n_iter=24, pruner="median").fit(*data)
    results = search.cv_results_
    assert set(results["n_resources"]) == {1, 3, 9}
    assert set(results["bracket"]) == {0}
    batch = (np.cumsum(results["iter"] == 0) - 1) // 4
    seen = {1: [], 3: [], 9: []}
    n_stopped = 0
    for number in range(6):
        start = len(seen[9]) >= 5
        for rung, epochs in enumerate((1, 3)):
            rows = np.flatnonzero((batch == number) & (results["iter"] == rung))
            scores = results["mean_test_score"][rows]
            seen[epochs] += scores.tolist()
            above = rows if not start else rows[scores >= np.median(seen[epochs])]
            goes_on = (batch == number) & (results["iter"] == rung + 1)
            alphas = [results["params"][row]["alpha"] for row in above]
            assert [results["params"][r]["alpha"] for r in np.flatnonzero(goes_on)] == alphas
            n_stopped += len(rows) - len(above)
        last = (batch == number) & (results["iter"] == 2)
        seen[9] += results["mean_test_score"][last].tolist()
    assert n_stopped >= 4


def test_a_search_without_a_pruner_forgets_the_brackets_of_another(data):
    search = bayes(pruner="hyperband").fit(*data)
    assert hasattr(search, "brackets_")
    search.set_params(pruner=None).fit(*data)
    assert not hasattr(search, "brackets_")
    assert "n_resources" not in search.cv_results_


# ------------------------------------------------------------------ what may go wrong


def test_candidates_that_fail_are_the_worst():
    X, y = problem("one target")
    space = {"learning_rate_init": [1e-3, 1e-2, 1e30, 1e31], "alpha": loguniform(1e-5, 1)}
    estimator = MLPRegressor(hidden_layer_sizes=4, solver="sgd", max_iter=4, random_state=0)
    with (
        pytest.warns(FitFailedWarning),
        pytest.warns(UserWarning, match="non-finite"),
    ):
        search = bayes(space, estimator=estimator, n_iter=64).fit(X, y)
    failed = np.isnan(search.cv_results_["mean_test_score"])
    assert len(failed) == 64
    assert 0 < failed[-32:].mean() < 0.35  # of half of all settings


@pytest.mark.parametrize("pruner", [None, "median"])
@pytest.mark.parametrize("scoring", [None, ["r2", "neg_mean_squared_error"]])
def test_a_batch_may_fail_as_a_whole(scoring, pruner):
    """The search goes on, and tells of all failures at its end."""
    X, y = problem("one target")
    space = {"learning_rate_init": loguniform(1e-3, 1e-2)}
    estimator = MLPRegressor(hidden_layer_sizes=4, solver="sgd", max_iter=4, random_state=0)
    first = [{"learning_rate_init": 1e30}]
    settings = {
        "estimator": estimator,
        "batch_size": 1,
        "scoring": scoring,
        "pruner": pruner,
        "refit": "r2" if scoring else True,
    }
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search = bayes(space, n_iter=3, extra_candidates=first, **settings).fit(X, y)
    failures = [str(one.message) for one in caught if one.category is FitFailedWarning]
    n_fits = len(search.cv_results_["params"]) * search.n_splits_
    (told,) = failures
    assert f"{search.n_splits_} fits failed out of a total of {n_fits}." in told
    score = search.cv_results_["mean_test_r2" if scoring else "mean_test_score"]
    (failed,) = np.flatnonzero(np.isnan(score))
    assert search.cv_results_["params"][failed]["learning_rate_init"] == 1e30
    assert search.best_score_ == np.nanmax(score)
    with pytest.raises(ValueError, match=r"All the (9|18) fits failed"):
        bayes({"alpha": [-1.0, -2.0, -3.0]}, n_iter=3, **settings).fit(X, y)


def test_all_candidates_may_fail_at_first():
    proposals = Proposals(FLAT, optuna.samplers.TPESampler(), 0, "test", own={})
    batch = proposals.ask(3)
    proposals.tell(batch, [[np.nan]] * 3)
    batch = proposals.ask(2)
    proposals.tell(batch, [[np.nan], [0.5]])
    states = [trial.state.name for trial in proposals._study.trials]
    assert states == ["FAIL"] * 3 + ["COMPLETE"] * 2
    assert [trial.value for trial in proposals._study.trials[3:]] == [0.5, 0.5]


@pytest.mark.parametrize("missing", ["optuna", "cmaes"])
@pytest.mark.parametrize("make", [bayes, genetic])
def test_the_extra_is_missing(make, missing, data, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=r"SearchCV needs Optuna and cmaes: .*'nnhp\[optuna\]'"):
        make().fit(*data)


def test_the_gaussian_process_says_what_it_needs(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match="sampler='gp' needs PyTorch"):
        bayes(sampler="gp").fit(*data)


def test_the_bridge_says_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "nnhp.integrations.optuna", raising=False)
    with pytest.raises(ImportError, match=r"needs Optuna: .*'nnhp\[optuna\]'"):
        __import__("nnhp.integrations.optuna")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"sampler": "tpes"}, "'sampler' parameter of BayesSearchCV must be a str among"),
        ({"sampler": 3}, "'sampler' parameter of BayesSearchCV must be"),
        (
            {"sampler": optuna.samplers.GridSampler({"alpha": [0.1]})},
            "sampler must be one that proposes, and GridSampler names values",
        ),
        (
            {"sampler": fixed_alpha()},
            "sampler must be one that proposes, and PartialFixedSampler names values",
        ),
        ({"cv": KFold(3, shuffle=True)}, "cv parameter must yield consistent folds"),
        (
            {"sampler": brute_force(), "space": {"alpha": [0.1, 0.2]}},
            "sampler must be one that proposes, and BruteForceSampler names values",
        ),
        ({"batch_size": 0}, "'batch_size' parameter of BayesSearchCV must be"),
        ({"pruner": "percentile"}, "'pruner' parameter of BayesSearchCV must be"),
        ({"n_iter": 0}, "'n_iter' parameter of BayesSearchCV must be"),
        ({"max_parameters": 0}, "'max_parameters' parameter of BayesSearchCV must be"),
        ({"pruner": "hyperband", "batch_size": 3}, "batch_size must be 'auto' with pruner='hyper"),
        ({"pruner": "median", "estimator": LogisticRegression()}, "pruner='median' needs an nnhp"),
        ({"pruner": "median", "estimator": net(solver="lbfgs")}, "pruner='median' needs an nnhp"),
        ({"pruner": "median", "space": {"max_iter": [3, 4]}}, "Cannot use parameter max_iter"),
        (
            {"pruner": "hyperband", "extra_candidates": [{"max_iter": 3}]},
            "Cannot use parameter max_iter as the resource",
        ),
        ({"space": {"alpha": 0.5}}, "values of alpha must be a list"),
        ({"space": {"alpha": uniform(1, 0)}}, r"values of alpha must be .* got uniform\(1, 0\)"),
        ({"space": {"batch_size": randint(low=5, high=5)}}, r"got randint\(low=5, high=5\)"),
        ({"target_score": np.nan}, "'target_score' parameter of BayesSearchCV must be a float"),
    ],
)
def test_bad_settings(params, message, data):
    with pytest.raises(ValueError, match=message):
        bayes(**params).fit(*data)


def test_names_of_parameters_are_texts(data):
    with pytest.raises(TypeError, match="param_distributions must name parameters by texts, got 1"):
        bayes({1: [0.1]}).fit(*data)


def test_the_genetic_search_needs_the_same_folds_for_all(data):
    with pytest.raises(ValueError, match="cv parameter must yield consistent folds"):
        genetic(cv=ShuffleSplit(2)).fit(*data)


@pytest.mark.parametrize("params", [{"population_size": 1}, {"generations": 0}])
def test_bad_settings_of_the_genetic_search(params, data):
    with pytest.raises(ValueError, match=f"'{next(iter(params))}' parameter of GeneticSearchCV"):
        genetic(**params).fit(*data)


# ------------------------------------------------------------------ the rest of the family


@pytest.mark.parametrize("make", [bayes, genetic])
def test_any_estimator_may_be_searched(make, data):
    space = {"C": loguniform(1e-3, 1e3)}
    search = make(space, estimator=LogisticRegression(max_iter=500)).fit(*data)
    assert search.engine_ == "scikit-learn: the estimator is LogisticRegression"
    assert search.best_score_ == search.cv_results_["mean_test_score"].max()


@pytest.mark.parametrize("make", [bayes, genetic])
def test_targets_end_a_search_and_folds_are_pruned(make, data):
    search = make(target_score=0.0).fit(*data)
    assert len(search.cv_results_["params"]) == 1
    size = {"n_iter": 40} if make is bayes else {"population_size": 20}
    wild = {"learning_rate_init": loguniform(1e-5, 1)}
    pruned = make(wild, prune_folds="forgiving", refit=False, **size).fit(*data).cv_results_
    assert pruned["pruned"].any()
    assert len(pruned["params"]) == 40


@pytest.mark.parametrize(
    ("make", "scoring"), [(bayes, None), (bayes, ["accuracy", "f1_macro"]), (genetic, None)]
)
def test_models_learn_how_bad_candidates_were_that_skip_folds(make, scoring, data, monkeypatch):
    told = []

    def listening(self, proposals, scores, climbs=None, tell=Proposals.tell):
        told.extend(scores)
        tell(self, proposals, scores, climbs)

    monkeypatch.setattr(Proposals, "tell", listening)
    size = {"n_iter": 40} if make is bayes else {"population_size": 8, "generations": 5}
    space = {"learning_rate_init": loguniform(1e-5, 1)}
    search = make(space, prune_folds="forgiving", scoring=scoring, refit=False, **size).fit(*data)
    results = search.cv_results_
    name = scoring[0] if scoring else "score"
    folds = np.stack([results[f"split{i}_test_{name}"] for i in range(3)], axis=1)
    np.testing.assert_allclose([mean for (mean,) in told], np.nanmean(folds, axis=1))
    assert 0 < results["pruned"].sum() < 40


def two_scores(estimator, X, y):
    return {"accuracy": estimator.score(X, y), "small": -float(np.size(estimator.coefs_[0]))}


@pytest.mark.parametrize("refit", ["accuracy", False, lambda results: 0])
@pytest.mark.parametrize("scoring", [["accuracy", "neg_log_loss"], two_scores])
def test_no_folds_are_pruned_for_a_front_of_several_scores(scoring, refit, data):
    search = genetic(prune_folds="forgiving", scoring=scoring, refit=refit)
    with pytest.raises(ValueError, match=r"^prune_folds must be None .*'accuracy', .*'forgiving'"):
        search.fit(*data)
    search.set_params(scoring={"only": "accuracy"}, refit="only").fit(*data)


class Refuses(MLPClassifier):
    """Fits nothing beyond an alpha."""

    def fit(self, X, y):
        if self.alpha > 5:
            raise ValueError("no")
        return super().fit(X, y)


def test_candidates_may_fail_where_folds_are_pruned(data):
    space = {"alpha": [0.0, 1.0, 2.0, 3.0, 10.0, 100.0, 200.0, 300.0]}
    estimator = Refuses(4, max_iter=4, random_state=3)
    search = bayes(space, estimator=estimator, n_iter=8, prune_folds="forgiving")
    with pytest.warns(FitFailedWarning) as warned:
        search.fit(*data)
    assert RuntimeWarning not in {warning.category for warning in warned}
    assert np.isnan(search.cv_results_["mean_test_score"]).sum() >= 4


@pytest.mark.parametrize("make", [bayes, genetic])
def test_fitted_searches_are_pickled_and_cloned(make, data):
    search = make(SPACE).fit(*data)
    again = pickle.loads(pickle.dumps(search))
    assert again.best_params_ == search.best_params_
    np.testing.assert_array_equal(again.predict(data[0]), search.predict(data[0]))
    assert keys(clone(search).fit(*data)) == keys(search)


def test_optuna_keeps_quiet_and_its_settings(data, capfd):
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(logging.INFO)
    for sampler in ("tpe", "cmaes"):
        bayes(SPACE, n_iter=14, sampler=sampler).fit(*data)
    assert capfd.readouterr().err == ""
    assert optuna.logging.get_verbosity() == logging.INFO
    optuna.logging.set_verbosity(before)


def test_several_scores_make_a_front(data):
    scoring = {"accuracy": "accuracy", "loss": "neg_log_loss", "f1": "f1_macro"}
    search = genetic(
        {**FLAT, "hidden_layer_sizes": HiddenLayers(1, (2, 9))},
        scoring=scoring, refit="loss", population_size=8, generations=3,
    ).fit(*data)  # fmt: skip
    results = search.cv_results_
    scores = np.stack([results[f"mean_test_{name}"] for name in scoring], axis=1)
    front = set(search.pareto_front_)
    for row in range(len(scores)):
        beaten = [
            (scores[other] >= scores[row]).all() and (scores[other] > scores[row]).any()
            for other in range(len(scores))
        ]
        assert (row in front) == (not any(beaten))
    assert np.all(np.diff(scores[search.pareto_front_, 0]) <= 0)
    assert search.best_index_ in front
    assert results["generation"].tolist() == [0] * 8 + [1] * 8 + [2] * 8


def test_the_front_of_scores_that_are_not_numbers():
    nan = np.nan
    scores = np.array([[1.0, nan], [1.0, 0.0], [2.0, -1.0], [nan, nan], [0.5, 0.0]])
    assert pareto_front(scores).tolist() == [2, 1]


def test_bayes_looks_at_the_score_that_refit_names(data):
    def tried(refit):
        scoring = {"loss": "neg_log_loss", "worse": lambda e, X, y: -e.score(X, y)}
        return keys(bayes(n_iter=24, scoring=scoring, refit=refit).fit(*data))

    loss, worse = tried("loss"), tried("worse")
    assert loss[:12] == worse[:12]
    assert loss[12:] != worse[12:]
    assert tried(False) == loss  # the first one


def test_a_study_is_of_the_score_that_is_learned_from(data, tmp_path):
    settings = {"n_iter": 12, "scoring": ["accuracy", "neg_log_loss"], "study": tmp_path / "s.db"}
    for refit in ("accuracy", "neg_log_loss"):
        search = bayes(refit=refit, **settings).fit(*data)
    trials = nnhp.Study(tmp_path / "s.db").trials()
    assert trials["study"].tolist() == [1] * 12 + [2] * 12
    of_last = trials[trials["study"] == 2].sort_values("candidate")
    results = search.cv_results_
    assert of_last["param_alpha"].tolist() == [params["alpha"] for params in results["params"]]
    assert_identical(of_last["mean_test_accuracy"].to_numpy(), results["mean_test_accuracy"])
    assert bayes(refit="accuracy", **settings).fit(*data).n_epochs_trained_ == 0


def test_of_several_scores_the_first_is_learned_from_whatever_a_study_has(data, tmp_path):
    scorers = {"accuracy": "accuracy", "worse": lambda e, X, y: -e.score(X, y)}
    for scoring in (scorers, dict(reversed(scorers.items()))):
        settings = {"n_iter": 24, "scoring": scoring, "refit": False}
        fresh = bayes(**settings).fit(*data)
        recorded = bayes(study=tmp_path / "s.db", **settings).fit(*data)
        assert keys(recorded) == keys(fresh)
        assert recorded.n_epochs_trained_ == fresh.n_epochs_trained_


def test_settings_of_a_study_come_first(data, tmp_path):
    study = nnhp.Study(tmp_path / "study.db")
    study.enqueue({"alpha": 0.25})
    search = bayes(study=study, extra_candidates=[{"alpha": 0.125}]).fit(*data)
    assert search.cv_results_["params"][:2] == [{"alpha": 0.125}, {"alpha": 0.25}]
    assert len(search.cv_results_["params"]) == 8
    best = nnhp.Study(tmp_path / "study.db").best["params"]
    assert bayes(extra_candidates=[best]).fit(*data).cv_results_["params"][0] == best


def test_a_study_tells_optunas_version(data, tmp_path, monkeypatch):
    path = tmp_path / "study.db"
    bayes(study=path).fit(*data)
    monkeypatch.setattr(optuna, "__version__", "5.9")
    with pytest.raises(ValueError, match=r"differs in: .*versions"):
        bayes(study=nnhp.Study(path, resume=True)).fit(*data)
