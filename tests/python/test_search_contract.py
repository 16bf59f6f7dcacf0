"""What every search promises, whatever its strategy."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers import STOPS_EARLY, assert_identical, assert_same_fit, cpus, problem
from optuna.samplers import CmaEsSampler, TPESampler
from scipy.stats import loguniform, uniform
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import KFold, ParameterSampler, RandomizedSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import nnhp
from nnhp import MLPClassifier
from nnhp.initializers import RandomNormal
from nnhp.schedules import Cosine, Plateau
from nnhp.search import _evaluate, _study_file, _study_recorder, one_standard_error
from nnhp.search._engine_fit import EngineSearch

pytestmark = STOPS_EARLY

SPACE = {"learning_rate_init": loguniform(1e-3, 1e-1), "hidden_layer_sizes": [(3,), (5,), (4, 3)]}
TREE = [
    {**SPACE, "solver": ["sgd", "adam"]},
    nnhp.When({"solver": "sgd"}, {"momentum": uniform(0, 0.99)}),
]
SCHEDULES = {
    "learning_rate": [
        Cosine(warmup=2),
        Plateau(patience=1, min_delta=0.05, cooldown=1),
        "one_cycle",
        lambda epoch: 0.1 / (1 + epoch),
        lambda epoch, rate: 0.9 * rate if epoch else rate,
    ],
    "learning_rate_init": loguniform(1e-2, 1e-1),
    "kernel_initializer": [None, "he_normal", RandomNormal(stddev=0.2)],
}
POPULATION = {
    "learning_rate_init": loguniform(1e-3, 1e-1),
    "batch_size": [8, 16, 32],
    "dropout": uniform(0, 0.5),
}
GRID = {"learning_rate_init": [1e-3, 1e-2, 1e-1], "hidden_layer_sizes": [(3,), (5,)]}


def net(**params):
    return MLPClassifier(**{"max_iter": 4, "random_state": 3} | params)


def pipeline(**params):
    return Pipeline([("scale", StandardScaler()), ("net", net(**params))])


def prefixed(space):
    return {f"net__{name}": values for name, values in space.items()}


STRATEGIES = {
    "grid": lambda **kw: nnhp.GridSearchCV(net(), GRID, cv=3, **kw),
    "random": lambda **kw: nnhp.RandomizedSearchCV(
        net(), SPACE, n_iter=6, cv=3, random_state=0, **kw
    ),
    "random in a pipeline": lambda **kw: nnhp.RandomizedSearchCV(
        pipeline(),
        {**prefixed(SPACE), "scale__with_mean": [True, False]},
        n_iter=6,
        cv=3,
        random_state=0,
        **kw,
    ),
    "halving grid": lambda **kw: nnhp.HalvingGridSearchCV(
        net(), GRID, cv=3, resource="max_iter", max_resources=9, **kw
    ),
    "halving random": lambda **kw: nnhp.HalvingRandomSearchCV(
        net(), SPACE, n_candidates=9, cv=3, resource="max_iter", max_resources=9, random_state=0,
        **kw,
    ),
    "halving in a pipeline": lambda **kw: nnhp.HalvingRandomSearchCV(
        pipeline(), prefixed(SPACE), n_candidates=9, cv=3, resource="net__max_iter",
        max_resources=9, random_state=0, **kw,
    ),
    "hyperband": lambda **kw: nnhp.HyperbandSearchCV(
        net(), SPACE, max_resources=9, cv=3, random_state=0, **kw
    ),
    "hyperband over schedules": lambda **kw: nnhp.HyperbandSearchCV(
        net(), SCHEDULES, max_resources=9, cv=3, random_state=0, **kw
    ),
    "bayes": lambda **kw: nnhp.BayesSearchCV(
        net(), TREE, n_iter=6, sampler=TPESampler(n_startup_trials=3), batch_size=2,
        cv=3, random_state=0, **kw,
    ),
    "bayes in brackets": lambda **kw: nnhp.BayesSearchCV(
        net(), TREE, n_iter=8, sampler=TPESampler(n_startup_trials=3),
        pruner="hyperband", cv=3, random_state=0, **kw,
    ),
    "bayes with medians": lambda **kw: nnhp.BayesSearchCV(
        net(), SPACE, n_iter=7, sampler=CmaEsSampler(), batch_size=3,
        pruner="median", cv=3, random_state=0, **kw,
    ),
    "genetic in a pipeline": lambda **kw: nnhp.GeneticSearchCV(
        pipeline(), prefixed(SPACE), population_size=3, generations=2, cv=3, random_state=0, **kw
    ),
    "population": lambda **kw: nnhp.PBTSearchCV(
        net(max_iter=9), POPULATION, population_size=4, generations=3, truncation=0.5, cv=3,
        random_state=0, **kw,
    ),
    "population in a pipeline": lambda **kw: nnhp.PBTSearchCV(
        pipeline(solver="sgd", normalization="batch"), prefixed(POPULATION), population_size=3,
        generations=2, cv=3, random_state=0, **kw,
    ),
    "growth": lambda **kw: nnhp.GrowSearchCV(
        net(hidden_layer_sizes=(2,), max_iter=12, learning_rate_init=0.03), max_width=8,
        max_depth=3, cv=3, **kw,
    ),
    "growth in a pipeline": lambda **kw: nnhp.GrowSearchCV(
        pipeline(hidden_layer_sizes=(1, 2), activation="prelu", normalization="batch"),
        max_width=4, max_depth=3, cv=3, **kw,
    ),
    "scikit-learn's way": lambda **kw: nnhp.RandomizedSearchCV(
        net(solver="lbfgs"), {"alpha": loguniform(1e-5, 1)}, n_iter=4, cv=3, random_state=0, **kw
    ),
}  # fmt: skip


@pytest.fixture(params=STRATEGIES.values(), ids=STRATEGIES.keys())
def make(request):
    return request.param


def results_of(search):
    return {name: v for name, v in search.cv_results_.items() if not name.endswith("_time")}


def last_step(estimator):
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


def assert_same_search(actual, expected):
    assert_identical(results_of(actual), results_of(expected), "cv_results_")
    assert actual.best_index_ == expected.best_index_
    if hasattr(expected, "best_estimator_"):
        assert type(actual.best_estimator_) is type(expected.best_estimator_)
        assert_same_fit(*(last_step(search.best_estimator_) for search in (actual, expected)))


@pytest.fixture(scope="module")
def data():
    return problem("multiclass")


def test_the_same_seed_gives_the_same_search(make, data):
    assert_same_search(make().fit(*data), make().fit(*data))


@pytest.mark.parametrize("n_jobs", [1, 2, 7])
def test_threads_change_nothing(make, data, n_jobs):
    expected = make().fit(*data)
    with cpus(n_jobs):
        assert_same_search(make(n_jobs=n_jobs).fit(*data), expected)


def test_an_executor_changes_nothing(make, data):
    expected = make().fit(*data)
    with ThreadPoolExecutor(2) as executor:
        found = make(executor=executor).fit(*data)
    assert_same_search(found, expected)
    for name in ("engine_", "n_epochs_planned_", "n_epochs_trained_"):
        assert getattr(found, name) == getattr(expected, name), name


def test_a_study_changes_nothing_and_is_not_trained_again(make, data, tmp_path):
    path = str(tmp_path / "study.sqlite")
    plain = make().fit(*data)
    recorded = make(study=path).fit(*data)
    assert_same_search(recorded, plain)
    again = make(study=path).fit(*data)
    assert_same_search(again, plain)
    if again.n_epochs_trained_ is not None:
        assert recorded.n_epochs_trained_ == plain.n_epochs_trained_
        assert again.n_epochs_trained_ == 0
    assert [file.name for file in tmp_path.iterdir()] == ["study.sqlite"]


def test_functions_of_a_study_are_told_apart(data, tmp_path):
    """Both are called <lambda>, and neither can be pickled."""
    functions = [lambda epoch: 0.2 / (1 + epoch), lambda epoch: 1e-6 * (1 + epoch)]
    path = str(tmp_path / "study.sqlite")
    searches = [
        nnhp.GridSearchCV(net(), {"learning_rate": functions[:n]}, cv=3, study=path).fit(*data)
        for n in (1, 2)
    ]
    plain = nnhp.GridSearchCV(net(), {"learning_rate": functions}, cv=3).fit(*data)
    assert_same_search(searches[1], plain)
    again = nnhp.GridSearchCV(net(), {"learning_rate": functions}, cv=3, study=path).fit(*data)
    assert again.n_epochs_trained_ == 0
    assert_same_search(again, plain)


def test_the_trials_of_a_study_are_the_results(make, data, tmp_path):
    path = str(tmp_path / "study.sqlite")
    search = make(study=path).fit(*data)
    trials = nnhp.Study(path).trials()
    assert len(trials) == len(search.cv_results_["params"])
    assert sorted(trials["mean_test_score"]) == sorted(search.cv_results_["mean_test_score"])
    assert nnhp.Study(path).best["params"] == search.best_params_


class Killed(Exception):  # noqa: N818
    """Stands for the end of the process."""


@pytest.mark.slow
def test_resumed_at_every_commit_point(make, data, tmp_path, monkeypatch):
    """A search whose n-th commit fails goes on, with what was committed before, to the same end.

    Among it are checkpoints of all trainings that go on. There are as many commits each time,
    however long they take.
    """
    monkeypatch.setattr("nnhp.search._kept._WRITING_SECONDS", -1.0)
    monkeypatch.setattr("nnhp.search._study_owner.BEAT_SECONDS", 1e6)
    expected = make().fit(*data)
    commit = _study_file._commit

    def alone(write):
        def write_alone(self, *args):
            write(self, *args)
            self.flush()

        return write_alone

    for name in ("record", "save_checkpoint"):
        write = getattr(_study_recorder.Recorder, name)
        monkeypatch.setattr(_study_recorder.Recorder, name, alone(write))
    commits_left = np.inf

    def counting(connection):
        nonlocal commits_left
        commits_left -= 1
        if commits_left == 0:
            raise Killed
        commit(connection)

    monkeypatch.setattr(_study_file, "_commit", counting)
    commits_left = 10**6
    make(study=str(tmp_path / "whole.sqlite")).fit(*data)
    n_commits = 10**6 - commits_left
    assert n_commits > len(results_of(expected)["params"]) * 3
    for fatal in range(1, n_commits):  # the last one only says that nobody writes any more
        path = str(tmp_path / f"study{fatal}.sqlite")
        commits_left = fatal
        with pytest.raises(Killed):
            make(study=path).fit(*data)
        commits_left = np.inf
        assert_same_search(make(study=path).fit(*data), expected)


# For each line, a strategy and a path, forks a search; tells at the next line how it ended.
PARENT = """
import os, sys, warnings
sys.path.insert(0, {folder!r})
warnings.simplefilter("ignore")
from helpers import problem
from test_search_contract import STRATEGIES
X, y = problem("multiclass")
for line in sys.stdin:
    strategy, path = line.rstrip("\\n").split("|")
    pid = os.fork()
    if pid == 0:
        STRATEGIES[strategy](study=path).fit(X, y)
        os._exit(0)
    print(pid, flush=True)
    sys.stdin.readline()
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_random_times(data, tmp_path, long_form, count):
    """Processes are killed; each goes on from the study that the one before left."""
    n_turns = 250 if long_form else 50
    rng = np.random.RandomState(7)
    names = [name for name in STRATEGIES if name != "scikit-learn's way"]
    expected = {name: STRATEGIES[name]().fit(*data) for name in names}
    rounds = dict.fromkeys(names, 0)
    n_killed = 0

    def study_of(name):
        return str(tmp_path / f"{names.index(name)}-{rounds[name]}.sqlite")

    code = PARENT.format(folder=str(Path(__file__).parent))
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        for turn in range(n_turns):
            name = names[turn % len(names)]
            parent.stdin.write(f"{name}|{study_of(name)}\n")
            parent.stdin.flush()
            pid = int(parent.stdout.readline())
            time.sleep(rng.uniform(0, 0.1))
            os.kill(pid, signal.SIGKILL)
            parent.stdin.write("\n")
            parent.stdin.flush()
            code = int(parent.stdout.readline())
            assert code in (0, -signal.SIGKILL)
            n_killed += code != 0
            rounds[name] += code == 0  # the next one begins anew
        parent.stdin.close()
        assert parent.wait(60) == 0
    assert n_killed >= n_turns // 5
    for name in names:
        assert_same_search(STRATEGIES[name](study=study_of(name)).fit(*data), expected[name])
    count("kills", n_killed)


def leave_killed(name, data, path, monkeypatch, *, at_call):
    """Leave the study of a search that ends at its n-th call of the engine."""
    n_calls = 0

    def train(*args, train=_evaluate.train_together):
        nonlocal n_calls
        n_calls += 1
        if n_calls == at_call:
            raise Killed
        return train(*args)

    with monkeypatch.context() as patch:
        patch.setattr(_evaluate, "train_together", train)
        with pytest.raises(Killed):
            STRATEGIES[name](study=path).fit(*data)


@pytest.mark.parametrize(
    "name",
    [
        "halving random",
        "halving in a pipeline",
        "hyperband",
        "hyperband over schedules",
        "population",
        "population in a pipeline",
        "growth",
        "growth in a pipeline",
    ],
)
def test_a_resumed_search_goes_on_from_its_checkpoints(name, data, tmp_path, monkeypatch):
    monkeypatch.setattr("nnhp.search._kept._WRITING_SECONDS", -1.0)
    expected = STRATEGIES[name]().fit(*data)
    path = str(tmp_path / "study.sqlite")
    leave_killed(name, data, path, monkeypatch, at_call=3)
    shutil.copy(path, tmp_path / "copy.sqlite")
    goes_on = STRATEGIES[name](study=path).fit(*data)
    with monkeypatch.context() as patch:
        patch.setattr(_study_recorder.Recorder, "load_checkpoint", lambda *_: None)
        restarts = STRATEGIES[name](study=str(tmp_path / "copy.sqlite")).fit(*data)
    assert_same_search(goes_on, expected)
    assert_same_search(restarts, expected)
    assert 0 < goes_on.n_epochs_trained_ < restarts.n_epochs_trained_
    assert goes_on.n_epochs_trained_ <= goes_on.n_epochs_planned_


class Recorder(TransformerMixin, BaseEstimator):
    """Writes down which rows it is fitted on and which it transforms."""

    fitted: list = []  # noqa: RUF012 - shared by clones

    def fit(self, X, y=None):
        self.rows_ = frozenset(np.asarray(X)[:, 0].tolist())
        Recorder.fitted.append(self.rows_)
        return self

    def transform(self, X):
        return X


@pytest.mark.parametrize("name", ["grid", "random", "halving", "hyperband"])
def test_transformers_never_see_test_rows(name, data):
    X, y = data
    Recorder.fitted = []
    steps = Pipeline([("record", Recorder()), ("net", net())])
    search = {
        "grid": lambda: nnhp.GridSearchCV(steps, prefixed(GRID), cv=KFold(3), refit=False),
        "random": lambda: nnhp.RandomizedSearchCV(
            steps, prefixed(SPACE), n_iter=4, cv=KFold(3), random_state=0, refit=False
        ),
        "halving": lambda: nnhp.HalvingRandomSearchCV(
            steps, prefixed(SPACE), n_candidates=9, resource="net__max_iter", max_resources=9,
            cv=KFold(3), random_state=0, refit=False,
        ),
        "hyperband": lambda: nnhp.HyperbandSearchCV(
            steps, prefixed(SPACE), max_resources=9, cv=KFold(3), random_state=0, refit=False
        ),
    }[name]().fit(X, y)  # fmt: skip
    assert search.engine_ == "nnhp"
    folds = {frozenset(X[train, 0].tolist()) for train, _ in KFold(3).split(X)}
    assert set(Recorder.fitted) == folds
    # Once per fold and setting, on all rungs together.
    assert len(Recorder.fitted) == 3


def test_ctrl_c_keeps_the_study(data, tmp_path):
    X, y = data
    path = str(tmp_path / "study.sqlite")
    long = nnhp.GridSearchCV(
        net(max_iter=100_000, n_iter_no_change=10**6),
        [{"max_iter": [2]}, {"max_iter": [100_000]}],
        cv=3,
        study=path,
        time_budget_s=3600,
    )
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        long.fit(X, y)
    assert time.monotonic() - start < 3
    assert not hasattr(long, "cv_results_")
    trials = nnhp.Study(path).trials()
    assert trials["param_max_iter"].tolist() == [2]


@pytest.mark.parametrize("inside", [False, True], ids=["bare", "pipeline"])
@pytest.mark.parametrize("make", [nnhp.GridSearchCV, nnhp.HalvingGridSearchCV])
def test_ctrl_c_ends_soon(tmp_path, make, inside):
    """Within 0.3 s and what a busy machine adds: the best of some attempts."""
    rng = np.random.RandomState(0)
    X, y = rng.standard_normal((20_000, 50)), rng.randint(2, size=20_000)
    estimator = pipeline(max_iter=10_000) if inside else net(max_iter=10_000)
    name = "net__hidden_layer_sizes" if inside else "hidden_layer_sizes"
    settings = {"cv": 3, "study": str(tmp_path / "study.sqlite")}
    if make is nnhp.HalvingGridSearchCV:
        settings |= {"resource": "net__max_iter" if inside else "max_iter", "max_resources": 10_000}
        settings["min_resources"] = 5_000
    search = make(estimator, {name: [(100,), (200,)]}, **settings)
    took = []
    while len(took) < 6 and min(took, default=np.inf) > 0.3:
        sent = []

        def interrupt(*_, sent=sent):
            sent.append(time.monotonic())
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.7)
        try:
            with pytest.raises(KeyboardInterrupt):
                search.fit(X, y)
        finally:
            signal.signal(signal.SIGALRM, before)
        took.append(time.monotonic() - sent[0])
    assert min(took) <= 0.3


@pytest.mark.parametrize("curves", [False, True])
def test_what_is_finished_is_recorded_while_others_train(
    data, tmp_path, monkeypatch, capfd, curves
):
    """A wave of long trainings is recorded one after the other, with the same results."""
    monkeypatch.setattr(_evaluate, "_FIRST_INTERVAL", 0.01)
    train = _evaluate.EngineEvaluator._train
    recorded, done = [0], [0]  # trainings, before each call of the engine

    def counting(self, runs, poll):
        done.append(12 - len(runs))
        give_up = time.monotonic() + 10
        while (n := nnhp.Study(search.study).trials()["folds"].sum()) < done[-1]:
            if time.monotonic() > give_up:
                break
            time.sleep(0.01)  # a thread writes them
        recorded.append(n)
        return train(self, runs, poll)

    for longest in (
        (400, 1_600, 6_400) if curves else (4_000, 16_000, 64_000)
    ):  # until some of them outlast a pause
        max_iter = [1, longest, 2, longest * 3 // 4, 3, longest // 2]
        net_and_space = net(n_iter_no_change=10**6), {"max_iter": max_iter, "tol": [0.0]}
        expected = nnhp.GridSearchCV(*net_and_space, cv=2, n_jobs=1, return_curves=curves)
        search = clone(expected.fit(*data)).set_params(
            study=str(tmp_path / f"{longest}.sqlite"), verbose=1
        )
        with monkeypatch.context() as patched:
            patched.setattr(_evaluate.EngineEvaluator, "_train", counting)
            patched.setattr(_evaluate, "_BY_EPOCHS_PER_THREAD", 2)
            patched.setattr(_evaluate, "_SECONDS_BY_EPOCHS", 0)
            search.fit(*data)
        for name in ("split0_test_score", "split1_test_score", "rank_test_score"):
            assert_identical(search.cv_results_[name], expected.cv_results_[name])
        assert_same_fit(search.best_estimator_, expected.best_estimator_)
        if curves:
            pd.testing.assert_frame_equal(search.curves_, expected.curves_, check_exact=True)
        n = search.n_epochs_trained_
        assert n == search.n_epochs_planned_ == 2 * sum(max_iter)
        assert f" {n}/{n} [" in last_line(capfd.readouterr().err)
        if max(done) > 0:
            break
    assert recorded == done
    assert max(recorded) > 0


class SlowScorer:
    """Takes its time, and may interrupt itself."""

    def __init__(self, interrupted_at=None):
        self.n_calls, self.interrupted_at = 0, interrupted_at

    def __call__(self, estimator, X, y):
        self.n_calls += 1
        if self.n_calls == self.interrupted_at:
            raise KeyboardInterrupt
        time.sleep(0.03)
        return estimator.score(X, y)

    def __reduce__(self):
        return SlowScorer, ()  # the same to a study


MANY = {"alpha": np.geomspace(1e-5, 1, 30)}


def test_ctrl_c_in_a_slow_scorer_keeps_what_was_scored(data, tmp_path):
    path = str(tmp_path / "s.sqlite")
    interrupted = nnhp.GridSearchCV(net(), MANY, cv=2, scoring=SlowScorer(51), study=path)
    with pytest.raises(KeyboardInterrupt):
        interrupted.fit(*data)
    folds = nnhp.Study(path).trials()["folds"].sum()
    assert 30 <= folds <= 50
    search = clone(interrupted).set_params(scoring=SlowScorer()).fit(*data)
    assert search.scoring.n_calls == 60 - folds
    expected = nnhp.GridSearchCV(net(), MANY, cv=2).fit(*data)
    assert_same_fit(search.best_estimator_, expected.best_estimator_)
    assert_identical(search.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"])


@pytest.mark.parametrize("end", [{"time_budget_s": 0.2}, {"target_score": 0.0}])
def test_a_search_ends_while_a_slow_scorer_judges(end, data):
    scorer = SlowScorer()
    search = nnhp.GridSearchCV(net(), MANY, cv=2, scoring=scorer, **end).fit(*data)
    assert search.ended_by_ == next(iter(end))
    assert len(search.cv_results_["params"]) <= scorer.n_calls <= 20


def last_line(text):
    return text.replace("\r", "\n").strip().splitlines()[-1]


def test_the_progress_bar_ends_full(make, data, capfd):
    """Also where trainings stop early."""
    search = make(verbose=1)
    step = "net__" if hasattr(search.estimator, "steps") else ""
    search.set_params(**{f"estimator__{step}tol": 9.0, f"estimator__{step}n_iter_no_change": 1})
    search.fit(*data)
    end = last_line(capfd.readouterr().err)
    assert end.endswith(f"best {search.cv_results_['mean_test_score'].max():.4g}]")
    if search.engine_ == "nnhp":  # scikit-learn's way counts no epochs
        assert search.n_epochs_trained_ < search.n_epochs_planned_
        n = search.n_epochs_trained_
        assert end.startswith("100%")
        assert f" {n}/{n} [" in end


def test_the_progress_bar_of_a_finished_study_has_nothing_to_count(data, tmp_path, capfd):
    for expected in (r"100%.*best (\S+)\]$", r"the study has it all, best (\S+)$"):
        search = STRATEGIES["random"](verbose=1, study=str(tmp_path / "study.sqlite")).fit(*data)
        end = last_line(capfd.readouterr().err)
        assert re.match(expected, end)[1] == f"{search.best_score_:.4g}"


def test_the_progress_bar_says_why_a_search_ended(data, capfd):
    search = STRATEGIES["random"](verbose=1, target_score=0.0).fit(*data)
    assert len(search.cv_results_["params"]) == 1
    assert last_line(capfd.readouterr().err).endswith(", target reached]")
    assert search.ended_by_ == "target_score"
    search = STRATEGIES["random"](verbose=1, time_budget_s=1e-9).fit(*data)
    assert search.ended_by_ == "time_budget_s"
    assert STRATEGIES["random"]().fit(*data).ended_by_ is None
    assert last_line(capfd.readouterr().err).endswith(", time is up]")


def test_clone_and_get_params(make):
    search = make(study="file", time_budget_s=5.0)
    assert clone(search).get_params()["time_budget_s"] == 5.0


@pytest.mark.parametrize("loss", [(4,), [4], None], ids=repr)
def test_an_estimator_with_what_is_no_loss(data, make, loss):
    """`MLPRegressor((4,))` gives a loss, where MLPClassifier's first argument is its layers."""
    search = make()
    net = search.estimator[-1] if isinstance(search.estimator, Pipeline) else search.estimator
    net.set_params(loss=loss)
    with pytest.raises(ValueError, match=re.escape(f"Got {loss!r} instead")):
        search.fit(*data)


def test_fits_that_failed_are_tried_again(data, tmp_path, monkeypatch):
    path = str(tmp_path / "study.sqlite")
    search = STRATEGIES["random"](study=path, error_score=0.0)
    with monkeypatch.context() as patch:
        patch.setattr("nnhp.search._beginnings.Training", None)
        with pytest.raises(ValueError, match="All the 18 fits failed"):
            search.fit(*data)
    trials = nnhp.Study(path).trials()
    assert trials["mean_test_score"].tolist() == [0.0] * 6
    assert_same_search(search.fit(*data), STRATEGIES["random"](error_score=0.0).fit(*data))
    assert (nnhp.Study(path).trials()["mean_test_score"] > 0).all()


def test_fits_that_diverged_are_not_tried_again(data, tmp_path):
    path = str(tmp_path / "study.sqlite")
    huge = nnhp.GridSearchCV(
        nnhp.MLPRegressor(solver="sgd", max_iter=9, random_state=0),
        {"learning_rate_init": [1e-3, 1e30]},
        cv=3,
        study=path,
    )
    X, y = problem("one target")
    failed = pytest.warns(FitFailedWarning, match="3 fits failed out of a total of 6")
    nonfinite = pytest.warns(UserWarning, match="non-finite")
    with failed, nonfinite:
        first = clone(huge).fit(X, y)
    with failed, nonfinite:
        again = clone(huge).fit(X, y)
    assert first.n_epochs_trained_ > again.n_epochs_trained_ == 0
    assert_same_search(again, first)


def test_a_checkpoint_that_does_not_fit_is_left(data, tmp_path, monkeypatch):
    monkeypatch.setattr("nnhp.search._kept._WRITING_SECONDS", -1.0)
    path = str(tmp_path / "study.sqlite")
    expected = STRATEGIES["halving random"]().fit(*data)
    leave_killed("halving random", data, path, monkeypatch, at_call=3)
    asked = []

    def smaller(self, *job, load=_study_recorder.Recorder.load_checkpoint):
        found = load(self, *job)
        if found is not None:
            asked.append(job)
            found[1]["parameters"] = found[1]["parameters"][1:]
        return found

    monkeypatch.setattr(_study_recorder.Recorder, "load_checkpoint", smaller)
    found = STRATEGIES["halving random"](study=path).fit(*data)
    assert asked
    assert_same_search(found, expected)


def test_settings_that_another_numpy_would_draw_are_computed(data, tmp_path, monkeypatch):
    """A fold counts for the parameters that it was recorded with, not for its number alone."""
    path = str(tmp_path / "study.sqlite")
    STRATEGIES["random"](study=path).fit(*data)
    drawn = [{"learning_rate_init": 0.02, "hidden_layer_sizes": (4,)}] * 6
    monkeypatch.setattr("nnhp.search._grid.ParameterSampler", lambda *args, **kwargs: drawn)
    search = STRATEGIES["random"](study=path).fit(*data)
    assert search.n_epochs_trained_ == 6 * 3 * 4
    again = STRATEGIES["random"](study=path).fit(*data)
    assert again.n_epochs_trained_ == 0
    assert_same_search(again, search)


def test_a_checkpoint_of_other_settings_is_left(data, tmp_path, monkeypatch):
    monkeypatch.setattr("nnhp.search._kept._WRITING_SECONDS", -1.0)
    path = str(tmp_path / "study.sqlite")
    leave_killed("halving random", data, path, monkeypatch, at_call=2)
    # Nets of the same shapes, which such a checkpoint would fit.
    other = [
        {**params, "learning_rate_init": 1e-4}
        for params in ParameterSampler(SPACE, 9, random_state=0)
    ]
    monkeypatch.setattr("nnhp.search._halving.ParameterSampler", lambda *args, **kwargs: other)
    resumed = STRATEGIES["halving random"](study=path).fit(*data)
    assert_same_search(resumed, STRATEGIES["halving random"]().fit(*data))


def test_a_resumed_study_knows_the_parameters_on_scikit_learns_way(data, tmp_path):
    search = nnhp.GridSearchCV(
        net(solver="lbfgs"), {"hidden_layer_sizes": [(9,), (2,)]}, cv=3,
        study=str(tmp_path / "study.sqlite"),
    )  # fmt: skip
    clone(search).fit(*data)
    again = clone(search).set_params(refit=one_standard_error).fit(*data)
    n_features, n_classes = data[0].shape[1], len(np.unique(data[1]))
    assert again.cv_results_["n_parameters"].tolist() == [
        units * (n_features + 1) + n_classes * (units + 1) for units in (9, 2)
    ]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_recorded_search_on_scikit_learns_way_in_other_processes(data, tmp_path, n_jobs):
    make = STRATEGIES["scikit-learn's way"]
    recorded = make(study=str(tmp_path / "study.sqlite"), n_jobs=n_jobs).fit(*data)
    assert_same_search(recorded, make().fit(*data))


class Looks(nnhp.GridSearchCV):
    """Evaluates twice and keeps what it was told each time."""

    def _run_search(self, evaluate_candidates):
        first = evaluate_candidates([{"alpha": 0.1}], more_results={"turn": [0]})
        second = evaluate_candidates([{"alpha": 10.0}], more_results={"turn": [1]})
        self.told_ = [dict(first), dict(second)]


def test_results_of_a_rung_stay_as_they_were(data):
    search = Looks(net(), {}, cv=3).fit(*data)
    first, second = search.told_
    assert [list(told["params"]) for told in (first, second)] == [
        [{"alpha": 0.1}],
        [{"alpha": 0.1}, {"alpha": 10.0}],
    ]
    assert first["turn"].tolist() == [0]
    for name in ("mean_test_score", "split2_test_score"):
        assert first[name].shape == (1,)
        assert_identical(first[name][0], search.cv_results_[name][0])


def test_nothing_of_another_fit_counts(make, data, tmp_path):
    search = make(study=tmp_path / "s.db")
    if isinstance(search, nnhp.HalvingGridSearchCV | nnhp.HalvingRandomSearchCV):
        pytest.skip("halving takes one score")
    search.fit(*data)
    search.best_index_, search.best_score_ = 10**6, 2.0  # as of a larger fit
    search.set_params(scoring=["accuracy", "f1_macro"], refit=False).fit(*data)
    for name in ("index", "score", "params", "estimator"):
        assert not hasattr(search, f"best_{name}_")
    assert not hasattr(search, "refit_time_")
    assert nnhp.Study(tmp_path / "s.db").best["score"] <= 1
    search.set_params(scoring="accuracy", refit=lambda results: 0)
    if isinstance(search, nnhp.PBTSearchCV | nnhp.GrowSearchCV):
        return  # which refuse to be told what to refit
    search.fit(*data)
    assert search.best_index_ == 0
    assert not hasattr(search, "best_score_")


@dataclass
class Best:
    """A rule that cannot be hashed."""

    metric: str

    def __call__(self, results):
        return int(np.nanargmax(results[f"mean_test_{self.metric}"]))


def two_scores(estimator, X, y):
    return {"small": -float(np.size(estimator.coefs_[0])), "accuracy": estimator.score(X, y)}


@pytest.mark.parametrize("scoring", [["f1_macro", "accuracy"], two_scores])
def test_a_rule_for_several_scores_may_be_any_callable(scoring, data):
    search = STRATEGIES["grid"](scoring=scoring, refit=Best("accuracy")).fit(*data)
    assert search.best_index_ == np.argmax(search.cv_results_["mean_test_accuracy"])


@pytest.mark.parametrize("params", [{"target_score": 0.5}, {"prune_folds": "forgiving"}])
@pytest.mark.parametrize("scoring", [["f1_macro", "accuracy"], two_scores])
def test_what_compares_one_of_several_scores_must_know_which(scoring, params, data):
    ((name, given),) = params.items()
    search = STRATEGIES["random"](scoring=scoring, **params)
    told = (
        rf"^{name} compares one score, and it must be known which of \[.*'accuracy'\]: refit must "
        rf"name it.* got refit=Best\(.*\) and {name}={given!r}\.$"
    )
    with pytest.raises(ValueError, match=told):
        search.set_params(refit=Best("accuracy")).fit(*data)
    search.set_params(refit="accuracy").fit(*data)
    search.set_params(refit=Best("accuracy"), **{name: None}).fit(*data)
    search.set_params(refit=Best("score"), scoring="accuracy", **params).fit(*data)


def luck(estimator, X, y):
    """A score that is one rung's, not the candidate's."""
    drawn_by = [int(1e9 * estimator.learning_rate_init), estimator.n_iter_]
    return np.random.default_rng(drawn_by).random()


def lucky_on_a_low_rung(search, data):
    """Row and score of one that is better than all before it, some of which had more epochs."""
    for seed in range(50):
        found = search.set_params(random_state=seed).fit(*data).cv_results_
        means, epochs = found["mean_test_score"], found["n_resources"]
        rows = np.flatnonzero(epochs < np.maximum.accumulate(epochs))
        row = rows[np.argmax(means[rows])]
        if means[row] > means[:row].max():
            return row, means[row]
    raise AssertionError("nobody was lucky")


@pytest.mark.parametrize("name", ["hyperband", "bayes in brackets", "bayes with medians"])
def test_what_reaches_the_target_is_the_best_on_whatever_rung(name, data):
    search = STRATEGIES[name](scoring=luck)
    row, target = lucky_on_a_low_rung(search, data)
    search.set_params(target_score=target).fit(*data)
    assert (search.ended_by_, search.best_index_) == ("target_score", row)
    assert search.best_score_ == target
    epochs = search.cv_results_["n_resources"]
    assert search.best_params_["max_iter"] == search.best_estimator_.n_iter_ == epochs[row]
    assert search.set_params(refit=False).fit(*data).best_index_ == row
    search.set_params(refit=one_standard_error).fit(*data)
    assert epochs[search.best_index_] > epochs[row]


def test_a_net_that_reaches_the_target_is_the_best_though_it_is_not_much_better(data):
    def slowly(estimator, X, y):
        return sum(np.size(weights) for weights in estimator.coefs_) / 1e6 + float(X[0, 0])

    whole = STRATEGIES["growth"](scoring=slowly).fit(*data)
    assert whole.growth_["kept"].tolist() == [True, False, False]
    search = STRATEGIES["growth"](scoring=slowly, target_score=whole.growth_["mean_test_score"][1])
    assert search.fit(*data).ended_by_ == "target_score"
    assert (search.best_index_, len(search.growth_)) == (1, 2)
    assert search.best_estimator_.hidden_layer_sizes == (4,)


@pytest.mark.parametrize(
    "kind",
    [
        nnhp.GridSearchCV,
        nnhp.RandomizedSearchCV,
        nnhp.HalvingGridSearchCV,
        nnhp.HalvingRandomSearchCV,
        nnhp.HyperbandSearchCV,
        nnhp.BayesSearchCV,
        nnhp.GeneticSearchCV,
    ],
)
def test_a_space_without_parts_is_named(kind, data):
    name = "param_grid" if "Grid" in kind.__name__ else "param_distributions"
    with pytest.raises(ValueError, match=f"^{name} must have at least one dict .*, got \\[\\]"):
        kind(net(), [], cv=3, extra_candidates=[{"alpha": 0.1}]).fit(*data)


def interrupt(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("moment", ["scores", "fit on all samples"])
def test_a_fit_that_does_not_end_leaves_the_one_before(make, moment, data, monkeypatch):
    """Or nothing, where there was none; also what only methods and pictures look at."""
    fitted = make().fit(*data)
    if moment == "fit on all samples":
        monkeypatch.setattr(EngineSearch, "_refit", interrupt)
    for search in (make(), fitted):
        search.set_params(cv=4, scoring=interrupt if moment == "scores" else None)
        before = dict(vars(search))
        said = repr(before)
        with pytest.raises(KeyboardInterrupt):
            search.fit(*data)
        assert vars(search).keys() == before.keys()
        assert all(vars(search)[name] is value for name, value in before.items())
        assert repr(before) == said


def without_seed(search):
    search.estimator = clone(search.estimator)
    last_step(search.estimator).random_state = None
    return search


def test_the_fit_on_all_samples_of_nets_without_a_seed(make, data, tmp_path):
    """It has the search's, or the study's, and the parameters do not tell."""
    first, again = (without_seed(make(study=tmp_path / "s.db")).fit(*data) for _ in range(2))
    assert_same_search(again, first)
    assert last_step(first.best_estimator_).random_state is None
    search = without_seed(make())
    if hasattr(search, "random_state") and first.engine_ == "nnhp":
        for state in (5, np.random.RandomState(5)):
            search.random_state = state
            assert_same_search(clone(search).fit(*data), search.fit(*data))


@pytest.mark.parametrize("refit", [True, False])
def test_a_random_state_is_left_as_scikit_learn_leaves_it(data, refit):
    ours, theirs = np.random.RandomState(3), np.random.RandomState(3)
    space = {"alpha": loguniform(1e-4, 1)}
    for cls, state in ((nnhp.RandomizedSearchCV, ours), (RandomizedSearchCV, theirs)):
        cls(net(), space, n_iter=3, cv=2, refit=refit, random_state=state).fit(*data)
    assert ours.randint(2**31) == theirs.randint(2**31)


def test_an_error_in_the_fit_on_all_samples_tells_what_was_found(data, monkeypatch):
    monkeypatch.setattr(EngineSearch, "_fit_best", interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        nnhp.GridSearchCV(net(), {"alpha": [0.25]}, cv=2).fit(*data)
    (note,) = caught.value.__notes__
    assert note == "The search itself had ended; its best parameters are {'alpha': 0.25}."


def test_names_of_features_go_with_the_fit_that_had_them(data):
    search = nnhp.GridSearchCV(net(), {"alpha": [0.25]}, cv=2)
    search.fit(pd.DataFrame(data[0]).rename(columns=str), data[1])
    assert search.feature_names_in_[0] == "0"
    assert not hasattr(search.fit(*data), "feature_names_in_")


def test_equal_frames_are_the_same_data(data, tmp_path):
    X, y = data
    path = str(tmp_path / "study.sqlite")
    labels = np.array(["one", "two", "three"], dtype=object)[y]
    frames = [
        pd.DataFrame(X, columns=list("abcdefg")).assign(
            text=[f"word {i % 3}" if fresh else ("word 0", "word 1", "word 2")[i % 3]
                  for i in range(len(X))]
        )
        for fresh in (True, False)
    ]  # fmt: skip
    encode = ColumnTransformer([("text", OneHotEncoder(), ["text"])], remainder="passthrough")
    steps = Pipeline([("encode", encode), ("net", net())])

    def search():
        return nnhp.GridSearchCV(steps, prefixed(GRID), cv=3, study=path)

    first = search().fit(frames[0], labels)
    again = search().fit(frames[1], labels.copy())
    assert again.n_epochs_trained_ == 0
    assert_identical(results_of(again), results_of(first))
    frames[1].loc[3, "text"] = "word 1"
    assert search().fit(frames[1], labels).n_epochs_trained_ > 0


def test_a_resume_says_what_differs(data, tmp_path):
    X, y = data
    path = tmp_path / "study.sqlite"

    def resumed(**params):
        study = nnhp.Study(path, resume=True)
        settings = {"estimator": net(), "param_distributions": SPACE, "n_iter": 3, "cv": 3}
        return nnhp.RandomizedSearchCV(**settings | {"random_state": 0, "study": study} | params)

    with pytest.raises(FileNotFoundError, match="no study to resume"):
        resumed().fit(X, y)
    resumed(study=path).fit(X, y)
    resumed().fit(X, y)
    for what, params in {
        "n_iter": {"n_iter": 4},
        "splits": {"cv": 4},
        "seed": {"random_state": 1},
        "scoring": {"scoring": "neg_log_loss"},
        "estimator": {"estimator": net(alpha=0.5)},
        "space": {"param_distributions": GRID},
    }.items():
        with pytest.raises(ValueError, match=rf"differs in:? .*{what}"):
            resumed(**params).fit(X, y)
    with pytest.raises(ValueError, match=r"differs in:? .*data"):
        resumed().fit(X + 1, y)


def test_cross_validation_of_a_recorded_search(data, tmp_path):
    """One file holds a study for each of the outer folds."""
    X, y = data
    path = str(tmp_path / "study.sqlite")
    results = nnhp.nested_cv(STRATEGIES["grid"](study=path), X, y, cv=2)
    assert len(results["test_score"]) == 2
    assert nnhp.Study(path).trials()["study"].nunique() == 2


HINGE = {
    "grid": nnhp.GridSearchCV(net(loss="hinge"), GRID),
    "random": nnhp.RandomizedSearchCV(net(loss="hinge"), SPACE),
    "a list of grids": nnhp.GridSearchCV(net(loss="hinge"), [GRID, GRID]),
    "pipeline": nnhp.GridSearchCV(pipeline(loss="hinge"), prefixed(GRID)),
    "hyperband": nnhp.HyperbandSearchCV(net(loss="hinge"), SPACE),
}


@pytest.mark.parametrize("search", HINGE.values(), ids=HINGE.keys())
@pytest.mark.parametrize(
    "scoring",
    ["neg_log_loss", ["accuracy", "roc_auc_ovr"], {"own": "neg_brier_score"}],
)
def test_scores_of_probabilities_that_nobody_gives_are_refused(search, scoring, data):
    told = r"scoring='\w+' needs probabilities, which MLPClassifier\(loss='hinge'\) does not give"
    with pytest.raises(ValueError, match=told):
        clone(search).set_params(scoring=scoring, refit=False).fit(*data)


@pytest.mark.parametrize(
    ("estimator", "grid"),
    [
        (net(loss="hinge"), {"loss": ["hinge", "log_loss"]}),
        (pipeline(loss="hinge"), {"net": [net(loss="hinge"), net()]}),
    ],
)
def test_one_candidate_s_lack_of_probabilities_is_its_own(estimator, grid, data):
    search = nnhp.GridSearchCV(estimator, grid, cv=2, scoring="neg_log_loss")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        search.fit(*data)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [True, False]
    failed = [str(w.message) for w in told if "Scoring failed" in str(w.message)]
    assert len(failed) == 2
    for message in failed:
        assert "has none of the following attributes: predict_proba" in message
        assert "NotNative" not in message
