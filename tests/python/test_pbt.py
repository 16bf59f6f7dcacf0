"""Population-based training: copies, schedules, and what it refuses."""

import pickle

import numpy as np
import pytest
from helpers import STOPS_EARLY, assert_identical, problem
from numpy.random import RandomState
from scipy.stats import loguniform, norm, randint, rv_discrete, uniform
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from test_search_contract import assert_same_search

import nnhp
from nnhp import MLPClassifier, MLPRegressor, PBTSearchCV, RandomizedSearchCV, spaces
from nnhp.estimators._branch import Piece, branched, fit_in_pieces
from nnhp.estimators._data import Given, prepare
from nnhp.estimators._fitted import snapshot
from nnhp.estimators._training import Training
from nnhp.optimizers import SGD, Adam
from nnhp.plots._evaluations import of_search
from nnhp.search import _course
from nnhp.search._explore import drawn, explored
from nnhp.search._mutable import mutable_names

pytestmark = STOPS_EARLY

SPACE = {
    "learning_rate_init": loguniform(1e-3, 1e-1),
    "batch_size": [8, 16, 32],
    "dropout": uniform(0, 0.5),
}


@pytest.fixture(scope="module")
def data():
    return problem("multiclass")


def net(**params):
    defaults = {"hidden_layer_sizes": (4,), "max_iter": 9, "random_state": 3}
    return MLPClassifier(**defaults | {"n_iter_no_change": np.inf} | params)


def pbt(estimator=None, space=SPACE, **params):
    defaults = {"population_size": 5, "generations": 3, "truncation": 0.4, "cv": 3}
    return PBTSearchCV(
        net() if estimator is None else estimator,
        space,
        **defaults | {"random_state": 0} | params,
    )


def training_of(estimator, X, y):
    return Training(estimator, prepare(estimator, Given(X, y), None))


# ------------------------------------------------------------------ branches


KINDS = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate": "adaptive"},
    "no moments": {"solver": SGD()},
    "nadam": {"solver": "nadam", "learning_rate": "cosine"},
    "adamw": {"solver": "adamw", "normalization": "batch", "activation": "prelu"},
    "averages": {"ema_momentum": 0.9, "learning_rate": "one_cycle"},
    "early stopping": {"early_stopping": True, "learning_rate": "plateau"},
    "noise": {"dropout": 0.3, "input_noise": 0.1, "weight_noise": 0.01, "mixup_alpha": 0.2},
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_a_branch_of_the_same_settings_goes_on_to_the_same_bits(kind, data):
    X, y = data
    estimator = net(max_iter=9, **kind)
    whole = training_of(estimator, X, y)
    whole.advance(9, 1)
    in_pieces = clone(estimator)
    fit_in_pieces(in_pieces, [Piece(estimator, 2), Piece(estimator, 5), Piece(estimator, 9)],
                  Given(X, y))  # fmt: skip
    expected = snapshot(estimator, whole.publish())
    assert in_pieces.n_iter_ == 9
    for name in ("coefs_", "intercepts_", "norm_params_", "activation_params_", "loss_curve_"):
        assert_identical(getattr(in_pieces, name), getattr(expected, name), name)


def test_a_branch_has_all_that_belongs_to_the_training(data):
    X, y = data
    first = net(solver="adam", learning_rate_init=0.02)
    training = training_of(first, X, y)
    training.advance(4, 1)
    before = training.session.state()
    changed = net(solver="adam", learning_rate_init=0.01, alpha=0.5, dropout=0.2, batch_size=7)
    branch = branched(training, changed, prepare(changed, Given(X, y), None))
    found = branch.session.state()
    of_patience = {"best_loss", "no_improvement_count"}
    for name in before.keys() - {"learning_rate"} - of_patience:
        assert_identical(found[name], before[name], name)
    assert found["learning_rate"] == before["learning_rate"] / 2
    assert found["best_loss"] == np.inf
    branch.advance(2, 1)
    assert_identical(training.session.state(), before)  # which stays as it is
    training.advance(2, 1)
    assert not np.array_equal(branch.session.parameters, training.session.parameters)


def test_a_lowered_rate_is_scaled(data):
    X, y = data
    slow = {"solver": "sgd", "learning_rate": "adaptive", "tol": 9.0, "n_iter_no_change": 1}
    training = training_of(net(**slow, learning_rate_init=0.1), X, y)
    training.advance(5, 1)
    rate = training.session.rate
    assert rate < 0.1
    faster = net(**slow, learning_rate_init=0.2)
    assert branched(training, faster, prepare(faster, Given(X, y), None)).session.rate == 2 * rate


def test_a_training_that_had_stopped_goes_on_with_other_settings(data):
    X, y = data
    patient = {"tol": 9.0, "n_iter_no_change": 1}
    training = training_of(net(**patient), X, y)
    training.advance(9, 1)
    assert training.session.status == "converged"
    changed = net(**patient, alpha=1.0)
    branch = branched(training, changed, prepare(changed, Given(X, y), None))
    branch.advance(1, 1)
    assert branch.epoch == training.epoch + 1


@pytest.mark.parametrize("rates", [(0.9, 0.0), (0.0, 0.9)])
def test_momentum_may_come_and_go(rates, data):
    X, y = data
    before, after = (net(solver="sgd", momentum=rate) for rate in rates)
    training = training_of(before, X, y)
    training.advance(2, 1)
    branch = branched(training, after, prepare(after, Given(X, y), None))
    assert_identical(branch.session.parameters, training.session.parameters)
    branch.advance(2, 1)
    assert branch.epoch == 4


# ------------------------------------------------------------------ the search


def test_the_worst_go_on_from_copies_of_the_best(data, monkeypatch):
    copies = []

    def watched(training, *given):
        branch = branched(training, *given)
        copies.append((training.session.state(), branch.session.state()))
        return branch

    monkeypatch.setattr(_course, "branched", watched)
    search = pbt(net(solver="sgd"), SPACE | {"momentum": uniform(0, 0.9)}).fit(*data)
    results = search.cv_results_
    n_copied = int((results["copied_from"] >= 0).sum())
    assert n_copied > 0
    assert len(copies) == 3 * n_copied  # all folds
    for before, after in copies:
        for name in ("parameters", "moment_1", "order", "mt_state", "epoch", "step", "loss_curve"):
            assert_identical(after[name], before[name], name)

    rows = np.arange(5)
    for generation in (1, 2):
        scores = results["mean_test_score"][rows + 5 * (generation - 1)]
        order = np.argsort(-scores, kind="stable")
        copied_from = results["copied_from"][rows + 5 * generation]
        for member in range(5):
            before, after = (results["params"][member + 5 * (generation - i)] for i in (1, 0))
            donor = copied_from[member]
            if donor < 0:
                assert {**before, "max_iter": 0} == {**after, "max_iter": 0}
                assert member not in order[-2:] or scores[member] >= scores[order[:2]].min()
                continue
            assert member in order[-2:]
            assert donor in order[:2]
            assert scores[donor] > scores[member]
            own = results["params"][donor + 5 * (generation - 1)]
            for name, values in search.param_distributions.items():
                if hasattr(values, "support"):
                    low, high = values.support()
                    assert low <= after[name] <= high
                else:
                    assert after[name] in values
            assert own != after


def test_each_generation_trains_on(data):
    search = pbt(return_curves=True).fit(*data)
    results = search.cv_results_
    assert results["generation"].tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert results["member"].tolist() == [*range(5)] * 3
    assert results["n_resources"].tolist() == [3] * 5 + [6] * 5 + [9] * 5
    assert [params["max_iter"] for params in results["params"]] == [3] * 5 + [6] * 5 + [9] * 5
    assert results["copied_from"][:5].tolist() == [-1] * 5
    assert search.n_epochs_trained_ == search.n_epochs_planned_ == 5 * 3 * 9
    assert search.best_index_ >= 10
    assert search.best_score_ == results["mean_test_score"][10:].max()
    curves = search.curves_
    copied = np.flatnonzero(results["copied_from"] >= 0)
    assert len(copied)
    for row in copied:
        epochs = curves[(curves["candidate"] == row) & (curves["fold"] == 0)]["epoch"].tolist()
        assert epochs[0] == results["n_resources"][row] - 2
    last = curves[curves["epoch"] == 9].groupby("candidate")["test_score"].mean()
    assert np.isclose(last.max(), search.best_score_)


def branch_by_hand(training, estimator, X, y):
    """What `branched` promises, in terms of a session's state."""
    after = training_of(estimator, X, y)
    fresh, state = after.session.state(), training.session.state()
    state["best_loss"], state["no_improvement_count"] = fresh["best_loss"], 0
    state["learning_rate"] = estimator.learning_rate_init
    after.session.restore(state)
    return after


@pytest.mark.parametrize("inside", [False, True], ids=["bare", "pipeline"])
def test_the_schedule_is_replayed_by_the_fit_on_all_samples(inside, data):
    X, y = data
    step = "net__" if inside else ""
    estimator = Pipeline([("scale", StandardScaler()), ("net", net())]) if inside else net()
    space = {f"{step}{name}": values for name, values in SPACE.items()}
    search = next(
        search
        for seed in range(20)
        if len((search := pbt(estimator, space, random_state=seed).fit(X, y)).schedule_) > 2
    )
    schedule = search.schedule_
    assert schedule["begin"].tolist()[0] == 0
    assert schedule["begin"].tolist()[1:] == schedule["end"].tolist()[:-1]
    assert schedule["end"].tolist()[-1] == 9
    Z = StandardScaler().fit_transform(X) if inside else X
    training = None
    for _, row in schedule.iterrows():
        settings = {name: row[f"{step}{name}"] for name in SPACE}
        settings["batch_size"] = int(settings["batch_size"])
        own = net(**settings)
        training = training_of(own, Z, y) if training is None else branch_by_hand(
            training, own, Z, y
        )  # fmt: skip
        training.advance(int(row["end"] - row["begin"]), 1)
    best = search.best_estimator_
    last = best[-1] if inside else best
    expected = snapshot(own, training.publish())
    for name in ("coefs_", "intercepts_", "loss_curve_", "learning_rate_curve_", "n_iter_"):
        assert_identical(getattr(last, name), getattr(expected, name), name)
    assert_identical(best.predict_proba(X), expected.predict_proba(Z))
    for name in space:
        assert search.best_params_[name] == schedule[name].iloc[-1] == best.get_params()[name]
    assert last.max_iter == 9


@pytest.mark.parametrize("inside", [False, True], ids=["bare", "pipeline"])
def test_one_generation_is_a_fit_as_any_other(inside, data):
    """With all its arguments."""
    X, y = data
    step = "net__" if inside else ""
    own = net(early_stopping=True, tol=0.5, n_iter_no_change=2, random_state=RandomState(5))
    estimator = Pipeline([("scale", StandardScaler()), ("net", own)]) if inside else own
    arguments = {
        "sample_weight": RandomState(0).uniform(0.1, 2, len(X)),
        "X_val": X[:20],
        "y_val": y[:20],
    }
    given = {f"{step}{name}": value for name, value in arguments.items()}
    space = {f"{step}{name}": values for name, values in SPACE.items()}
    search = pbt(estimator, space, generations=1).fit(X, y, **given)
    expected = clone(estimator).set_params(**search.best_params_).fit(X, y, **given)
    last = [found[-1] if inside else found for found in (search.best_estimator_, expected)]
    for name in ("coefs_", "intercepts_", "validation_scores_", "n_iter_", "classes_"):
        assert_identical(getattr(last[0], name), getattr(last[1], name), name)
    assert last[0].n_iter_ < 9
    assert_identical(search.predict(X), expected.predict(X))


def test_pictures_count_no_epoch_twice(data):
    search = pbt().fit(*data)
    evaluations = of_search(search)
    assert (search.cv_results_["copied_from"] >= 0).any()
    assert evaluations.epochs.sum() == search.n_epochs_trained_
    assert evaluations.resource_name == "Epochs"


def test_trainings_that_were_let_go_are_done_again(data):
    """From the first epoch on, through all that their lineages went through."""
    for estimator in (net(), net(random_state=None), net(random_state=RandomState(1))):
        kept = pbt(estimator, random_state=5, refit=False).fit(*data)
        assert (kept.cv_results_["copied_from"] >= 0).any()
        again = pbt(estimator, random_state=5, refit=False, memory_budget=0).fit(*data)
        assert again.n_epochs_trained_ > kept.n_epochs_trained_
        assert_same_search(again, kept)


def test_several_blocks_of_members_are_one_population(data):
    """Members whose donor is in an earlier block, which has gone on when it is their turn."""
    settings = {"population_size": 20, "generations": 3, "truncation": 0.5, "refit": False}
    expected = pbt(**settings).fit(*data)
    in_blocks = pbt(**settings, time_budget_s=1e6).fit(*data)
    assert in_blocks.n_epochs_trained_ == expected.n_epochs_trained_
    assert_same_search(in_blocks, expected)


@pytest.mark.slow
def test_it_learns_better_than_random_search_in_as_many_epochs():
    X, y = load_digits(return_X_y=True)
    rows = RandomState(0).permutation(len(X))[:600]
    X, y = X[rows] / 16, y[rows]
    space = {
        "learning_rate_init": loguniform(1e-5, 10),
        "momentum": uniform(0, 0.99),
        "alpha": loguniform(1e-5, 100),
        "dropout": uniform(0, 0.8),
    }
    estimator = net(hidden_layer_sizes=(16,), solver="sgd", max_iter=30)
    gains = []
    for seed in range(5):
        common = {"cv": 3, "random_state": seed, "refit": False, "error_score": 0.0}
        population = PBTSearchCV(
            estimator, space, population_size=10, generations=15, truncation=0.3, **common
        ).fit(X, y)
        drawn_once = RandomizedSearchCV(estimator, space, n_iter=10, **common).fit(X, y)
        assert population.n_epochs_trained_ <= drawn_once.n_epochs_planned_
        gains.append(
            population.cv_results_["mean_test_score"][-10:].max()
            - drawn_once.cv_results_["mean_test_score"].max()
        )
    assert np.median(gains) > 0.05
    assert np.mean(gains) > 0.1


# ------------------------------------------------------------------ exploring


def test_settings_stay_in_the_space():
    space = {
        "a": loguniform(1e-3, 1.0),
        "b": randint(4, 20),
        "c": [1, 4, 2],
        "d": ["x", "y"],
        "e": norm(0, 1),
        "f": [True, False],
    }
    rng = RandomState(0)
    params = drawn(space, rng)
    seen = {name: set() for name in space}
    for _ in range(300):
        params = explored(params, space, rng, factors=(0.8, 1.2), resample_probability=0.1)
        for name, value in params.items():
            seen[name].add(value)
    assert all(1e-3 <= value <= 1 for value in seen["a"])
    assert seen["b"] == set(range(4, 20))
    assert seen["c"] == {1, 2, 4}
    assert seen["d"] == {"x", "y"}
    assert seen["f"] == {True, False}
    assert all(type(value) is int for value in seen["b"])


class Bare:
    """A distribution that tells no bounds."""

    def rvs(self, random_state):
        return random_state.uniform()


SIZES = rv_discrete(values=([8, 16, 32], [0.2, 0.5, 0.3]))


@pytest.mark.parametrize(
    ("value", "values", "factor", "expected"),
    [
        (0.5, uniform(0, 1), 0.8, 0.4),
        (0.9, uniform(0, 1), 1.2, 1.0),
        (8, SIZES, 1.2, 16),
        (16, SIZES, 0.8, 8),
        (32, SIZES, 0.8, 16),
        (32, SIZES, 1.2, 32),
        (8, SIZES, 0.8, 8),
        (0.45, spaces.default(MLPClassifier())["dropout"], 1.2, 0.5),
        (0.5, Bare(), 1.2, 0.6),
        (10, randint(1, 100), 1.2, 12),
        (2, randint(1, 100), 1.2, 3),
        (2, randint(1, 100), 0.8, 1),
        (1, randint(1, 100), 0.8, 1),
        (99, randint(1, 100), 1.2, 99),
        (8, [32, 8, 16], 1.2, 16),
        (32, [32, 8, 16], 1.2, 32),
        (32, [32, 8, 16], 0.8, 16),
        (20, [32, 8, 16], 0.8, 16),
        ("x", ["x", "y"], 1.2, "x"),
        (True, [True, False], 0.8, True),
        (None, [None, 0.5], 1.2, None),
        (None, uniform(0, 1), 1.2, None),
    ],
)
def test_values_are_moved(value, values, factor, expected):
    found = explored(
        {"a": value}, {"a": values}, RandomState(0),
        factors=(factor, factor), resample_probability=0.0,
    )  # fmt: skip
    assert found["a"] == pytest.approx(expected) if type(expected) is float else (
        found["a"] == expected and type(found["a"]) is type(expected)
    )  # fmt: skip


def test_no_value_is_moved_to_an_end_that_is_never_drawn(data):
    space = {"beta_1": uniform(0.5, 0.5), "dropout": uniform(0, 1)}
    moved = explored(
        {"beta_1": 0.99, "dropout": 0.99}, space, RandomState(0),
        factors=(1.2, 1.2), resample_probability=0.0,
    )  # fmt: skip
    assert 0.99 < max(moved.values()) < 1
    MLPClassifier(max_iter=1, **moved).fit(*data)


def test_values_are_drawn_anew_as_often_as_asked():
    rng = RandomState(0)
    moved = [
        explored({"a": 0.5}, {"a": uniform(0, 1)}, rng, factors=(0.8, 1.2),
                 resample_probability=0.25)["a"]
        for _ in range(2000)
    ]  # fmt: skip
    smaller, larger = (np.isclose(moved, 0.5 * factor).mean() for factor in (0.8, 1.2))
    assert 0.33 < smaller < 0.42
    assert 0.33 < larger < 0.42


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("hidden_layer_sizes", [(3,), (5,)], r"hidden_layer_sizes \(sets the shape of the net\)"),
        ("num_layers", [1, 2], r"num_layers \(sets the shape of the net\)"),
        ("activation", ["relu", "tanh"], r"activation \(sets the shape of the net"),
        ("normalization", ["batch", None], r"normalization \(sets the shape"),
        ("solver", ["adam", "sgd"], r"solver \(sets what the training keeps"),
        ("ema_momentum", [0.9, None], r"ema_momentum \(sets what the training keeps"),
        ("learning_rate", ["constant", "cosine"], r"learning_rate \(is the course of the rate"),
        ("max_iter", [3, 9], r"max_iter \(counts the epochs\)"),
        ("noisy_copies", [0, 1], "cannot change noisy_copies during a training"),
        ("widths", [1, 2], "cannot change widths during a training"),
    ],
)
def test_parameters_that_stay_are_refused_by_name(name, values, why, data):
    with pytest.raises(ValueError, match=why) as caught:
        pbt(space={**SPACE, name: values}).fit(*data)
    assert "param_distributions may have" in str(caught.value)
    assert "'learning_rate_init'" in str(caught.value)
    with pytest.raises(ValueError, match="extra_candidates may have"):
        pbt(extra_candidates=[{name: values[0]}]).fit(*data)


def test_those_that_change_train(data):
    """Every parameter that is said to be mutable is, with each of two values."""
    values = {
        "batch_size": [8, 16],
        "nesterovs_momentum": [True, False],
        "clipvalue": [None, None],
        "learning_rate_init": [0.01, 0.02],
    }
    for base in (net(solver="sgd"), net(solver="adam")):
        names = mutable_names(base)
        space = {name: values.get(name, [0.25, 0.5]) for name in names}
        search = pbt(base, space, error_score="raise").fit(*data)
        assert search.schedule_.columns.tolist() == ["begin", "end", *names]
    base = net(solver=Adam())
    names = [name for name in mutable_names(base) if name.startswith("solver__")]
    space = {name: values.get(name.removeprefix("solver__"), [0.25, 0.5]) for name in names}
    assert set(names) == {
        f"solver__{name}"
        for name in ("beta_1", "beta_2", "clipnorm", "clipvalue", "epsilon", "learning_rate",
                     "weight_decay")
    }  # fmt: skip
    pbt(base, space, error_score="raise").fit(*data)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"population_size": 1}, "'population_size' parameter of PBTSearchCV must be"),
        ({"generations": 0}, "'generations' parameter of PBTSearchCV must be"),
        ({"generations": 10}, "max_iter=9 epochs are too few for generations=10"),
        ({"truncation": 0.6}, "'truncation' parameter of PBTSearchCV must be"),
        ({"perturbation_factors": (1.1, 1.2)}, "perturbation_factors must be two positive"),
        ({"perturbation_factors": (0.8,)}, "perturbation_factors must be two positive"),
        ({"resample_probability": 1.5}, "'resample_probability' parameter of PBTSearchCV must"),
        ({"space": {"alpha": 0.5}}, "values of alpha must be a list that is not empty"),
        ({"space": {"alpha": []}}, "values of alpha must be a list that is not empty"),
        ({"space": {"alpha": uniform(1, 0)}}, r"values of alpha must be .* got uniform\(1, 0\)"),
        ({"estimator": LogisticRegression()}, "on the engine alone: the estimator is Logistic"),
        ({"estimator": net(solver="lbfgs")}, "on the engine alone: solver='lbfgs' has no epochs"),
        ({"estimator": net(learning_rate=0.1)}, "learning_rate_init, which has no effect with"),
        ({"estimator": net(learning_rate=lambda e: 0.1)}, "learning_rate_init, which has no eff"),
    ],
)
def test_bad_settings(params, message, data):
    with pytest.raises(ValueError, match=message):
        pbt(**params).fit(*data)


def test_an_empty_space_is_refused(data):
    with pytest.raises(TypeError, match="param_distributions must be a dict that is not empty"):
        pbt(space={}).fit(*data)


def test_there_is_no_other_way(data, monkeypatch):
    monkeypatch.setenv("NNHP_SEARCH_ENGINE", "off")
    with pytest.raises(ValueError, match="on the engine alone: NNHP_SEARCH_ENGINE is off"):
        pbt().fit(*data)


# ------------------------------------------------------------------ the rest of the family


def test_settings_that_come_first_are_members(data, tmp_path):
    study = nnhp.Study(tmp_path / "study.db")
    study.enqueue({"dropout": 0.25})
    search = pbt(study=study, extra_candidates=[{"batch_size": 24}]).fit(*data)
    first, second = search.cv_results_["params"][:2]
    own = net().get_params()
    assert first == {**{name: own[name] for name in SPACE}, "batch_size": 24, "max_iter": 3}
    assert second["dropout"] == 0.25
    assert len(search.cv_results_["params"]) == 15


def test_a_study_keeps_the_seed(data, tmp_path):
    settings = {"random_state": None, "study": str(tmp_path / "study.db"), "refit": False}
    first = pbt(net(random_state=None), **settings).fit(*data)
    again = pbt(net(random_state=None), **settings).fit(*data)
    assert again.n_epochs_trained_ == 0
    assert_same_search(again, first)
    other = pbt(net(random_state=None), **settings | {"study": None}).fit(*data)
    assert other.cv_results_["params"] != first.cv_results_["params"]


def test_a_study_is_not_taken_for_another_lineage(data, tmp_path, monkeypatch):
    """All settings are the same, and members differ in their seeds alone."""
    path = str(tmp_path / "study.db")
    settings = {"space": {"batch_size": [8]}, "refit": False, "random_state": 0}
    pbt(net(random_state=None), **settings, study=path).fit(*data)

    def turned(self, members, means, epoch, exploit=PBTSearchCV._exploit):
        return exploit(self, members, -means, epoch)

    monkeypatch.setattr(PBTSearchCV, "_exploit", turned)
    expected = pbt(net(random_state=None), **settings).fit(*data)
    found = pbt(net(random_state=None), **settings, study=path).fit(*data)
    assert (expected.cv_results_["copied_from"] >= 0).any()
    assert 0 < found.n_epochs_trained_ < expected.n_epochs_trained_
    assert_same_search(found, expected)


def test_ensembles_predictions_and_pickles(data):
    X, y = data
    search = pbt(ensemble=True, return_oof=True).fit(X, y)
    assert search.oof_predictions_.shape == (15, len(X), 3)
    chosen = search.oof_predictions_[search.best_index_].argmax(axis=1)
    assert np.isclose((chosen == y).mean(), search.best_score_, atol=0.02)
    assert len(search.best_estimator_.estimators) == 3
    again = pickle.loads(pickle.dumps(search))
    assert_identical(again.predict(X), search.predict(X))
    assert_same_search(pbt().fit(X, y), clone(search).set_params(ensemble=False).fit(X, y))


def test_ends_and_folds_that_are_left_out(data):
    assert len(pbt(target_score=0.0).fit(*data).cv_results_["params"]) == 1
    settings = {"population_size": 24, "prune_folds": "forgiving", "refit": False}
    wild = {"learning_rate_init": loguniform(1e-6, 10)}
    search = pbt(space=wild, **settings).fit(*data)
    assert search.cv_results_["pruned"].any()
    assert len(search.cv_results_["params"]) == 3 * 24


def test_members_that_diverge_are_replaced():
    X, y = problem("one target")
    estimator = MLPRegressor(
        hidden_layer_sizes=4, solver="sgd", batch_size=8, max_iter=8, random_state=0
    )
    space = {"learning_rate_init": [1e-3, 1e-2, 1e30]}
    failures = pytest.warns(FitFailedWarning, match="fits failed")
    with failures, pytest.warns(UserWarning, match="non-finite"):
        search = pbt(
            estimator, space, population_size=6, generations=4, truncation=0.5, random_state=1,
            resample_probability=0.0,
        ).fit(X, y)  # fmt: skip
    failed = np.isnan(search.cv_results_["mean_test_score"])
    assert failed[:-6].any()
    copied_from = search.cv_results_["copied_from"]
    for row in np.flatnonzero(failed[:-6]):
        donor = copied_from[row + 6]
        assert donor >= 0
        assert not failed[row - row % 6 + donor]
    assert search.best_score_ == np.nanmax(search.cv_results_["mean_test_score"][-6:])


def test_several_scores(data):
    scoring = {"loss": "neg_log_loss", "accuracy": "accuracy"}
    search = pbt(scoring=scoring, refit="accuracy").fit(*data)
    assert search.best_score_ == search.cv_results_["mean_test_accuracy"][10:].max()
    assert_same_search(search, pbt(scoring=scoring, refit="accuracy").fit(*data))
