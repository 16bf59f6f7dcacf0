"""nnhp.integrations.optuna: Optuna's own suites on SeededSampler; studies there and back."""

import pickle
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import optuna
import pytest
from helpers import STOPS_EARLY, problem
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.samplers import CmaEsSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
    SingleOnlySamplerTestCase,
)
from optuna.trial import TrialState
from scipy.stats import loguniform, uniform
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import nnhp
from nnhp import MLPClassifier, Study
from nnhp.integrations.optuna import SeededSampler, export_study, import_study

pytestmark = [
    STOPS_EARLY,
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
]

SAMPLERS = {
    "random": RandomSampler,
    "tpe": TPESampler,
    "grouped tpe": lambda: TPESampler(group=True),
    "cmaes": lambda: CmaEsSampler(warn_independent_sampling=False),
    "genetic": lambda: NSGAIISampler(population_size=4),
    "gp": lambda: GPSampler(warn_independent_sampling=False, n_startup_trials=3),
}
N_PROPOSED = {"gp": 5}


@pytest.fixture(autouse=True)
def quiet():
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(level)


# ------------------------------------------------------------------ Optuna's suites
# Those that Optuna's own sampler passes: NSGA-II may sample nothing together.


class TestSeededTPE(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self):
        return lambda: SeededSampler(TPESampler(n_startup_trials=0, multivariate=True))


class TestSeededRandom(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self):
        return lambda: SeededSampler(RandomSampler())


class TestSeededNSGAII(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self):
        return lambda: SeededSampler(NSGAIISampler(population_size=2))


class TestSeededCmaEs(BasicSamplerTestCase, SingleOnlySamplerTestCase):
    @pytest.fixture
    def sampler(self):
        return lambda: SeededSampler(CmaEsSampler(n_startup_trials=0))


N_CASES = {
    "TestSeededTPE": 126,
    "TestSeededRandom": 82,
    "TestSeededNSGAII": 82,
    "TestSeededCmaEs": 67,
}


def test_the_suites_are_whole():
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        __file__,
    ]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = {name: len(re.findall(rf"::{name}::", listed)) for name in N_CASES}
    assert found == N_CASES


# ------------------------------------------------------------------ SeededSampler


def suggested(trial):
    """A point of a space with a condition."""
    point = [trial.suggest_float("x", 0, 1), trial.suggest_int("y", 1, 9)]
    point.append(trial.suggest_categorical("z", ["a", "b"]))
    if point[-1] == "b":
        point.append(trial.suggest_float("w", 1e-3, 1, log=True))
    return point


def value_of(point):
    return (point[0] - 0.3) ** 2 + 0.01 * point[1]


def proposed(sampler, n=14, before=()):
    """Points that a sampler proposes one by one, behind those told before."""
    study = optuna.create_study(sampler=sampler)
    points = []
    for trial in before:
        study.add_trial(trial)
    for _ in range(n - len(before)):
        trial = study.ask()
        points.append(suggested(trial))
        study.tell(trial, value_of(points[-1]))
    return points, study.trials


@pytest.mark.parametrize("name", SAMPLERS)
def test_proposals_are_a_function_of_seed_and_history(name):
    if name == "gp":
        pytest.importorskip("torch")
    make, n = SAMPLERS[name], N_PROPOSED.get(name, 14)
    points, trials = proposed(SeededSampler(make()), n)
    assert proposed(SeededSampler(make(), seed=0), n)[0] == points
    assert proposed(SeededSampler(make(), seed=1), n)[0] != points
    # Behind the same history another sampler, perhaps of another process, proposes the same.
    half = n // 2
    copied = pickle.loads(pickle.dumps(SeededSampler(make())))
    assert proposed(copied, n, before=trials[:half])[0] == points[half:]


def test_the_seed_of_the_sampler_and_its_use_count_for_nothing():
    used = TPESampler(seed=5)
    proposed(used)
    assert proposed(SeededSampler(used))[0] == proposed(SeededSampler(TPESampler()))[0]


@pytest.mark.parametrize("make", [TPESampler, SAMPLERS["grouped tpe"], SAMPLERS["cmaes"]])
def test_a_sampler_of_another_study_proposes_as_a_new_one(make):
    used = make()
    study = optuna.create_study(sampler=used)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 9), n_trials=20)
    assert proposed(SeededSampler(used))[0] == proposed(SeededSampler(make()))[0]


class SharingNothing(SeededSampler):
    """The same proposals, of samplers that no other trial had a part of."""

    def _prepare(self):
        super()._prepare()
        self.by_trial = {}

    def _copy_for(self, study, trial, purpose):
        key = (study.study_name, trial.number, trial.state)
        of_trial = self.by_trial.setdefault(key, SeededSampler(self.sampler, seed=self.seed))
        return of_trial._copy_for(study, trial, purpose)


def told_in_turns(sampler):
    """Points of two studies that share a sampler; some trials run on, are pruned, or fail."""
    points = []
    studies = [optuna.create_study(sampler=sampler) for _ in "ab"]
    for turn in range(16):
        for name, study in zip("ab", studies, strict=True):
            running = [study.ask() for _ in range(3)]
            for trial in reversed(running):
                high = 2.0 if turn < 9 else 3.0
                point = [*suggested(trial), trial.suggest_float(name, 0, high)]
                points.append(point)
                if trial.number % 7 == 3:
                    trial.report(value_of(point), 1)
                    study.tell(trial, state=TrialState.PRUNED)
                elif trial.number % 7 != 5:
                    study.tell(trial, value_of(point))
                elif turn > 5:
                    study.tell(trial, state=TrialState.FAIL)
        if turn == 12:
            for study in studies:
                study.sampler = pickle.loads(pickle.dumps(sampler))
    return points


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "gp"])
def test_what_copies_share_changes_no_proposal(name):
    seeded = SeededSampler(SAMPLERS[name](), seed=3)
    points = told_in_turns(SharingNothing(SAMPLERS[name](), seed=3))
    assert told_in_turns(seeded) == points
    with ThreadPoolExecutor(2) as pool:  # a sampler that has been used, in threads at once
        assert list(pool.map(told_in_turns, [seeded] * 2)) == [points] * 2


class PlainTPE(TPESampler):
    """Optuna's own, which nothing is put in the place of."""


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"group": True},
        {"multivariate": False},
        {"constant_liar": False, "n_ei_candidates": 6},
        {"n_startup_trials": 3},
    ],
    ids=repr,
)
def test_thrift_changes_no_proposal(params):
    points = told_in_turns(SeededSampler(PlainTPE(**params), seed=3))
    assert told_in_turns(SeededSampler(TPESampler(**params), seed=3)) == points


def test_a_batch_has_one_model_of_good_trials(monkeypatch):
    built = []

    def counting(self, study, space, trials, good, build=TPESampler._build_parzen_estimator):
        built.append(good)
        return build(self, study, space, trials, good)

    monkeypatch.setattr(TPESampler, "_build_parzen_estimator", counting)
    study = optuna.create_study(sampler=SeededSampler(TPESampler(multivariate=True)))
    for _ in range(4):
        built.clear()
        trials = [study.ask() for _ in range(6)]
        values = [trial.suggest_float("x", 0, 1) for trial in trials]
        for trial, value in zip(trials, values, strict=True):
            study.tell(trial, value)
    assert sorted(built) == [False] * 6 + [True]


def test_the_sampler_is_left_as_it_was():
    sampler = TPESampler(seed=5)
    seeded = SeededSampler(sampler)
    proposed(seeded)
    assert proposed(sampler)[0] == proposed(TPESampler(seed=5))[0]


def test_the_order_of_parameters_and_trials_counts_for_nothing():
    def asked(order):
        study = optuna.create_study(sampler=SeededSampler(RandomSampler()))
        trials = [study.ask() for _ in range(3)]
        return {
            (number, name): trials[number].suggest_float(name, 0, 1)
            for number in order
            for name in ("ab" if order[0] else "ba")
        }

    forward, backward = asked([0, 1, 2]), asked([2, 1, 0])
    assert forward == backward
    assert len(set(forward.values())) == 6


def test_threads_propose_what_one_after_the_other_does():
    study = optuna.create_study(sampler=SeededSampler(RandomSampler()))
    trials = [study.ask() for _ in range(40)]
    with ThreadPoolExecutor(4) as pool:
        points = list(pool.map(suggested, trials))
    study = optuna.create_study(sampler=SeededSampler(RandomSampler()))
    assert points == [suggested(study.ask()) for _ in range(40)]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("tpe",), TypeError, "sampler must be one of optuna.samplers, got 'tpe'"),
        ((TPESampler,), TypeError, "sampler must be one of optuna.samplers, got <class"),
    ],
)
def test_bad_samplers(arguments, error, message):
    with pytest.raises(error, match=message):
        SeededSampler(*arguments)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, True, None])
def test_bad_seeds(seed):
    with pytest.raises(ValueError, match="seed must be an integer from 0 to 4294967295, got"):
        SeededSampler(TPESampler(), seed=seed)


# ------------------------------------------------------------------ studies there and back


def searched(path, **settings):
    space = [
        {
            "alpha": loguniform(1e-5, 1),
            "solver": ["adam", "sgd"],
            "hidden_layer_sizes": [(4,), (3, 3)],
        },
        nnhp.When({"solver": "sgd"}, {"momentum": uniform(0, 0.9)}),
    ]
    net = MLPClassifier(max_iter=9, random_state=0, learning_rate_init=0.02)
    search = nnhp.BayesSearchCV(
        net, space, cv=3, random_state=0, study=path, **{"n_iter": 8} | settings
    )
    return search.fit(*problem("multiclass"))


def test_a_study_goes_to_a_storage_and_back(tmp_path):
    search = searched(tmp_path / "study.db")
    storage = f"sqlite:///{tmp_path / 'optuna.db'}"
    (exported,) = export_study(tmp_path / "study.db", storage, name="digits")
    loaded = optuna.load_study(study_name="digits", storage=storage)
    assert exported.metric_names == ["score"]
    assert [trial.state for trial in loaded.trials] == [TrialState.COMPLETE] * 8
    np.testing.assert_array_equal(
        [trial.value for trial in loaded.trials], search.cv_results_["mean_test_score"]
    )
    kinds = {
        "alpha": FloatDistribution, "solver": CategoricalDistribution,
        "hidden_layer_sizes": CategoricalDistribution, "momentum": FloatDistribution,
    }  # fmt: skip
    for trial, params in zip(loaded.trials, search.cv_results_["params"], strict=True):
        assert {name: type(d) for name, d in trial.distributions.items()} == {
            name: kinds[name] for name in params
        }
        assert trial.params["alpha"] == params["alpha"]
        assert trial.params["hidden_layer_sizes"] == repr(params["hidden_layer_sizes"])
    into = Study(tmp_path / "other.db")
    found = import_study(loaded, into, n_best=2)
    order = np.argsort(-search.cv_results_["mean_test_score"], kind="stable")[:2]
    assert found == into.enqueued == [search.cv_results_["params"][i] for i in order]
    again = searched(into)
    assert again.cv_results_["params"][:2] == found
    assert len(again.cv_results_["params"]) == 10


def test_rungs_are_intermediate_values(tmp_path):
    search = searched(tmp_path / "study.db", pruner="hyperband")
    (exported,) = export_study(tmp_path / "study.db", optuna.storages.InMemoryStorage())
    assert exported.study_name == "study.db"
    resources = search.cv_results_["n_resources"]
    assert len(exported.trials) == 8
    complete = [t for t in exported.trials if t.state == TrialState.COMPLETE]
    assert len(complete) == (resources == 9).sum()
    assert sum(len(t.intermediate_values) for t in exported.trials) == len(resources)
    assert all("max_iter" not in trial.params for trial in exported.trials)
    for trial in exported.trials:
        last = max(trial.intermediate_values)
        assert (last == 9) == (trial.state == TrialState.COMPLETE)
        assert trial.value == (trial.intermediate_values[9] if last == 9 else None)


def test_several_studies_and_scores(tmp_path):
    several = {"scoring": ["accuracy", "neg_log_loss"], "refit": "accuracy", "n_iter": 2}
    search = searched(tmp_path / "study.db", **several)
    searched(tmp_path / "study.db", n_iter=3)
    first, second = export_study(tmp_path / "study.db", optuna.storages.InMemoryStorage())
    assert (first.study_name, second.study_name) == ("study.db", "study.db-2")
    assert first.metric_names == ["accuracy", "neg_log_loss"]
    assert [trial.values[1] for trial in first.trials] == [
        *search.cv_results_["mean_test_neg_log_loss"]
    ]
    assert len(second.trials) == 3


def test_a_study_of_optunas_own(tmp_path):
    study = optuna.create_study(direction="minimize", sampler=RandomSampler(seed=0))
    study.optimize(lambda trial: trial.suggest_float("alpha", 0, 1), n_trials=5)
    found = import_study(study, tmp_path / "study.db", n_best=3)
    assert found == [{"alpha": a} for a in sorted(t.params["alpha"] for t in study.trials)[:3]]


def test_settings_with_arrays_and_with_what_no_study_holds(tmp_path):
    X, y = problem("multiclass")
    pipe = Pipeline([("s", StandardScaler()), ("net", MLPClassifier(max_iter=2))])
    sizes = [np.array([4, 4]), np.array([3, 3])]
    space = {"net__hidden_layer_sizes": sizes, "s": ["passthrough", MinMaxScaler()]}
    search = nnhp.GridSearchCV(pipe, space, cv=2, study=tmp_path / "study.db").fit(X, y)
    (exported,) = export_study(tmp_path / "study.db", optuna.storages.InMemoryStorage())
    into = Study(tmp_path / "other.db")
    with pytest.warns(UserWarning, match="'study.db' does not hold are passed over: <MinMax.*kept"):
        found = import_study(exported, into)
    kept = [params for params in search.cv_results_["params"] if params["s"] == "passthrough"]
    assert len(found) == len(into.enqueued) == len(kept) == 2
    assert {tuple(params["net__hidden_layer_sizes"]) for params in found} == {(4, 4), (3, 3)}


def test_studies_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        export_study(tmp_path / "none.db", optuna.storages.InMemoryStorage())
    Study(tmp_path / "empty.db").enqueue({"alpha": 0.1})
    with pytest.raises(ValueError, match="has no trial to export"):
        export_study(tmp_path / "empty.db", optuna.storages.InMemoryStorage())
    empty = optuna.create_study(study_name="empty")
    with pytest.raises(ValueError, match="'empty' has no completed trial to import"):
        import_study(empty, tmp_path / "study.db")
    with pytest.raises(ValueError, match="n_best must be at least 1, got 0"):
        import_study(empty, tmp_path / "study.db", n_best=0)
    assert not Path(tmp_path / "study.db").exists()
