"""executor=: what it takes, what goes to the workers, and that no result depends on it."""

import builtins
import math
import os
import pickle
import sqlite3
import stat
import sys
import threading
import time
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cloudpickle
import dask
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from distributed import Client, LocalCluster
from helpers import STOPS_EARLY, assert_same_search, cpus, problem
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.exceptions import FitFailedWarning
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import nnhp
from nnhp import (
    BayesSearchCV,
    GridSearchCV,
    GrowSearchCV,
    HalvingGridSearchCV,
    HyperbandSearchCV,
    MLPClassifier,
    MLPRegressor,
    PBTSearchCV,
    RandomizedSearchCV,
)
from nnhp.search import (
    _executor,
    _executor_bundles,
    _executor_data,
    _executor_dispatch,
    _executor_worker,
)
from nnhp.search._executor_bundles import UNKNOWN_COST, Backlog, Bundle, Pace, PricedJob
from nnhp.search._executor_data import Content, DamagedDataError, NotPlacedError, opened
from nnhp.search._executor_pools import PoolWorkers, WorkersLostError
from nnhp.search._executor_worker import Errand, Failure, WrongInstructionSetError, do_errand
from nnhp.search._fingerprint import VERSIONS
from nnhp.search._outcome import Candidate

cloudpickle.register_pickle_by_value(sys.modules[__name__])
pytestmark = STOPS_EARLY

X, Y = problem("multiclass")
GRID = {"alpha": [1e-4, 1e-2], "hidden_layer_sizes": [(4,), (6, 5)]}
RATES = {"learning_rate_init": loguniform(1e-4, 1e-1)}


def net(**params):
    return MLPClassifier(**{"max_iter": 4, "random_state": 3} | params)


@pytest.fixture(scope="module")
def threads():
    with ThreadPoolExecutor(2) as executor:
        yield executor


@pytest.fixture(scope="module")
def cluster():
    """One Dask worker in this process."""
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "20s"}),
        LocalCluster(
            n_workers=1,
            threads_per_worker=2,
            processes=False,
            protocol="tcp",
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=60,
        ) as local,
        Client(local, set_as_default=False) as client,
    ):
        yield client


# ------------------------------------------------------------------ what it may be


@pytest.mark.parametrize("wrong", [2, "threads", ThreadPoolExecutor, object()])
def test_what_is_no_executor_is_told(wrong):
    with pytest.raises((TypeError, ValueError), match=r"executor must be .*got"):
        GridSearchCV(net(), GRID, executor=wrong).fit(X, Y)


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "nnhp.search._executor_dask", raising=False)
    original = builtins.__import__

    def without(name, *args, **kwargs):
        if name.partition(".")[0] == "distributed":
            raise ImportError("No module named 'distributed'")
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"dask.distributed: pip install 'nnhp\[dask\]'"):
        GridSearchCV(net(), GRID, executor="tcp://127.0.0.1:1").fit(X, Y)


def test_clones_share_the_executor_and_pickles_leave_it(threads):
    search = GridSearchCV(net(), GRID, cv=3, executor=threads)
    assert clone(search).executor is threads
    assert pickle.loads(pickle.dumps(search)).executor is None
    search.executor = "tcp://127.0.0.1:8786"
    assert pickle.loads(pickle.dumps(search)).executor == "tcp://127.0.0.1:8786"
    search.executor = threads
    scores = nnhp.nested_cv(search, X, Y, cv=3)
    plain = nnhp.nested_cv(search.set_params(executor=None), X, Y, cv=3)
    np.testing.assert_array_equal(scores["inner_score"], plain["inner_score"])


# ------------------------------------------------------------------ the same results

SEARCHES = {
    "train scores": lambda **kw: GridSearchCV(net(), GRID, cv=3, return_train_score=True, **kw),
    "several scores": lambda **kw: GridSearchCV(
        net(), GRID, cv=3, scoring=["accuracy", "neg_log_loss"], refit="accuracy", **kw
    ),
    "own scorer": lambda **kw: GridSearchCV(
        net(), GRID, cv=3, scoring=lambda estimator, X, y: estimator.predict(X)[:5].mean(), **kw
    ),
    "curves": lambda **kw: GridSearchCV(net(), GRID, cv=3, return_curves=True, **kw),
    "out of fold": lambda **kw: GridSearchCV(net(), GRID, cv=3, return_oof=True, **kw),
    "ensemble": lambda **kw: GridSearchCV(net(), GRID, cv=3, ensemble=True, **kw),
    "no seed": lambda **kw: RandomizedSearchCV(
        net(random_state=None),
        {"alpha": loguniform(1e-4, 1)},
        n_iter=4,
        cv=3,
        random_state=7,
        refit=False,
        **kw,
    ),
    "generator": lambda **kw: GridSearchCV(
        net(random_state=np.random.RandomState(4)), GRID, cv=3, **kw
    ),
    "pipeline": lambda **kw: HalvingGridSearchCV(
        Pipeline([("scale", StandardScaler()), ("net", net())]),
        {"net__alpha": [1e-4, 1e-2, 1.0], "scale__with_mean": [True, False]},
        resource="net__max_iter",
        max_resources=9,
        cv=3,
        **kw,
    ),
    "function in a pipeline": lambda **kw: GridSearchCV(
        Pipeline([("f", FunctionTransformer(lambda X: X[:, 1:])), ("net", net())]),
        {"net__alpha": [1e-4, 1e-2]},
        cv=3,
        **kw,
    ),
    "mixed ways": lambda **kw: GridSearchCV(net(), {"solver": ["lbfgs", "adam"]}, cv=3, **kw),
    "another estimator": lambda **kw: GridSearchCV(
        DecisionTreeClassifier(random_state=0), {"max_depth": [1, 2, 3]}, cv=3, refit=False, **kw
    ),
    "pruned folds": lambda **kw: GridSearchCV(net(), GRID, cv=3, prune_folds="forgiving", **kw),
    "target": lambda **kw: GridSearchCV(net(), GRID, cv=3, target_score=0.1, **kw),
    "early stopping": lambda **kw: GridSearchCV(net(early_stopping=True), GRID, cv=3, **kw),
    "hyperband": lambda **kw: HyperbandSearchCV(
        net(), RATES, max_resources=9, cv=3, random_state=0, **kw
    ),
    "a model": lambda **kw: BayesSearchCV(net(), RATES, n_iter=6, cv=3, random_state=0, **kw),
    "a population": lambda **kw: PBTSearchCV(
        net(), RATES, population_size=4, generations=3, cv=3, random_state=0, **kw
    ),
    "a population without a seed": lambda **kw: PBTSearchCV(
        net(random_state=None),
        RATES,
        population_size=4,
        generations=3,
        cv=3,
        refit=False,
        random_state=0,
        **kw,
    ),
    "growth": lambda **kw: GrowSearchCV(
        net(hidden_layer_sizes=4), max_width=16, cv=3, random_state=0, **kw
    ),
}


def same(make, data, executor):
    expected, found = make().fit(*data), make(executor=executor).fit(*data)
    assert_same_search(found, expected)
    for name in ("engine_", "n_epochs_planned_", "n_epochs_trained_"):
        if expected.target_score is None or name != "n_epochs_trained_":  # it ends when it ends
            assert getattr(found, name) == getattr(expected, name), name
    if hasattr(expected, "curves_"):
        pd.testing.assert_frame_equal(found.curves_, expected.curves_)
    if hasattr(expected, "oof_predictions_"):
        np.testing.assert_array_equal(found.oof_predictions_, expected.oof_predictions_)


@pytest.mark.parametrize("name", SEARCHES)
def test_no_result_depends_on_the_executor(name, threads):
    same(SEARCHES[name], (X, Y), threads)


@pytest.mark.parametrize("name", ["pipeline", "hyperband"])
def test_trainings_that_are_not_worth_their_way_are_done_again(name, threads, monkeypatch):
    monkeypatch.setattr(_executor, "_LINK_RATE", 1e-9)
    make = SEARCHES[name]
    expected, found = make().fit(X, Y), make(executor=threads).fit(X, Y)
    assert_same_search(found, expected)
    epochs = np.array(found.cv_results_["n_resources"])
    assert found.n_epochs_planned_ == 3 * epochs.sum() > expected.n_epochs_planned_


@pytest.mark.parametrize("name", ["a population", "growth"])
def test_those_that_others_branch_off_travel_always(name, threads, monkeypatch):
    monkeypatch.setattr(_executor, "_LINK_RATE", 1e-9)
    same(SEARCHES[name], (X, Y), threads)


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, mp_context=get_context("forkserver")) as executor:
        yield executor


@pytest.mark.parametrize("name", ["curves", "a population", "growth", "mixed ways"])
def test_results_of_other_processes_are_the_same(name, processes):
    same(SEARCHES[name], (X, Y), processes)


class TwoArgumentsError(Exception):
    """One that pickle cannot make again."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def two_arguments(estimator, X, y):
    raise TwoArgumentsError("this", "that")


def test_what_an_errand_raises_is_raised_here(processes):
    search = GridSearchCV(
        net(), GRID, cv=3, scoring=two_arguments, error_score="raise", executor=processes
    )
    with pytest.raises(RuntimeError, match="TwoArgumentsError: this and that"):
        search.fit(X, Y)
    growth = GrowSearchCV(
        net(hidden_layer_sizes=4),
        max_width=8,
        cv=3,
        extra_candidates=[{"solver": "lbfgs"}],
        executor=processes,
    )
    with pytest.raises(ValueError, match="trains on the engine alone"):
        growth.fit(X, Y)
    same(SEARCHES["curves"], (X, Y), processes)  # the pool is whole


def fail_to_start():
    raise OSError("no licence")


def test_workers_that_never_start_are_no_deadly_jobs():
    with (
        ProcessPoolExecutor(2, get_context("forkserver"), initializer=fail_to_start) as broken,
        pytest.raises(WorkersLostError, match="None of the workers has ever done a job"),
    ):
        GridSearchCV(net(), {"alpha": [1, 2, 3, 4]}, cv=3, executor=broken).fit(X, Y)


def test_nothing_stays_in_this_process(threads):
    GridSearchCV(net(), GRID, cv=3, executor=threads).fit(X, Y)
    assert not _executor_worker._benches


def test_a_search_within_a_search_does_not_wait_for_itself(cluster):
    inner = GridSearchCV(net(), GRID, cv=2, refit=True, executor=cluster.scheduler.address)
    outer = GridSearchCV(inner, {"estimator__max_iter": [2, 3]}, cv=2, executor=cluster)
    expected = clone(outer).set_params(executor=None, estimator__executor=None).fit(X, Y)
    for name in ("mean_test_score", "std_test_score"):
        found = outer.fit(X, Y).cv_results_[name]
        np.testing.assert_array_equal(found, expected.cv_results_[name])


def test_callbacks_are_called_here_or_not_at_all(threads):
    search = GridSearchCV(net(), GRID, cv=3, executor=threads)
    search.set_callbacks(ProgressBar())
    with pytest.raises(ValueError, match="executor must be None for a search with callbacks"):
        search.fit(X, Y)


@pytest.mark.parametrize("name", ["pipeline", "mixed ways", "own scorer"])
def test_nor_on_dask(name, cluster):
    same(SEARCHES[name], (X, Y), cluster)
    same(SEARCHES[name], (X, Y), cluster.scheduler.address)


CONTAINERS = {
    "fortran": np.asfortranarray(X),
    "strided": np.repeat(X, 2, axis=1)[:, ::2],
    "single": X.astype(np.float32),
    "frame": pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])]),
    "sparse": sp.csr_array(np.where(X > 0, X, 0)),
    "list": X.tolist(),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_samples_of_any_kind_come_to_the_workers_as_they_are(name, threads):
    same(SEARCHES["train scores"], (CONTAINERS[name], Y), threads)


def test_weights_and_targets_come_along(threads):
    weight = np.linspace(0.5, 2, len(X))
    _, y = problem("two targets")
    searches = [
        GridSearchCV(MLPRegressor(max_iter=4, random_state=0), {"alpha": [0.1, 1]}, executor=e).fit(
            X, y, sample_weight=weight
        )
        for e in (None, threads)
    ]
    assert_same_search(*searches)


@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_errors_of_a_worker_are_those_of_the_search(threads):
    search = GridSearchCV(net(), {"alpha": [1e-4, -1.0]}, cv=3, executor=threads)
    with pytest.warns(FitFailedWarning, match="alpha"):
        search.fit(X, Y)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, True]
    with pytest.raises(ValueError, match="'alpha' parameter of MLPClassifier must be"):
        search.set_params(error_score="raise").fit(X, Y)


def test_a_study_goes_on_with_another_executor(threads, tmp_path):
    make = SEARCHES["pipeline"]
    expected = make().fit(X, Y)
    half = make(study=tmp_path / "study", time_budget_s=1e-9).fit(X, Y)
    assert len(half.cv_results_["params"]) < len(expected.cv_results_["params"])
    found = make(study=tmp_path / "study", executor=threads).fit(X, Y)
    assert_same_search(found, expected)
    again = make(study=tmp_path / "study").fit(X, Y)
    assert again.n_epochs_trained_ == 0


# ------------------------------------------------------------------ the data


def test_the_data_are_a_file_of_their_owner_alone_and_gone_at_the_end(threads, monkeypatch):
    seen = []
    write = Content.write

    def noted(self, folder):
        path = write(self, folder)
        seen.append((path, stat.S_IMODE(path.stat().st_mode)))
        return path

    monkeypatch.setattr(Content, "write", noted)
    GridSearchCV(net(), GRID, cv=3, executor=threads).fit(X, Y)
    ((path, mode),) = seen
    assert mode == 0o600
    assert not path.exists()
    assert not path.parent.exists()


def test_a_worker_of_dask_has_them_in_its_own_folder(cluster, monkeypatch):
    seen = []
    find = _executor_data.Placed.find

    def noted(self, digest):
        path, n_threads = find(self, digest)
        seen.append((path, stat.S_IMODE(path.stat().st_mode), n_threads))
        return path, n_threads

    monkeypatch.setattr(_executor_data.Placed, "find", noted)
    _executor_worker._benches.clear()
    GridSearchCV(net(), GRID, cv=3, executor=cluster).fit(X, Y)
    (worker,) = cluster.cluster.workers.values()
    ((path, mode, n_threads),) = set(seen)
    assert path.parent == Path(worker.local_directory)
    assert (mode, n_threads) == (0o600, 2)
    assert not path.exists()
    assert not [name for name in cluster.run(lambda dask_worker: list(dask_worker.plugins))
                if name.startswith("nnhp")]  # fmt: skip


def test_arrays_are_views_of_the_file(tmp_path):
    arrays = {"a": np.arange(5000.0), "b": np.asfortranarray(X), "c": Y}
    content = Content.of(arrays)
    path = content.write(tmp_path)
    assert path.name == f"nnhp-{content.digest}"
    assert path.stat().st_size == content.n_bytes
    found = opened(path, content.digest)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].flags.f_contiguous == array.flags.f_contiguous
        assert not found[name].flags.writeable
        assert not found[name].flags.owndata
    with pytest.raises(FileExistsError):
        content.write(tmp_path)


def test_a_link_is_not_followed(tmp_path):
    content = Content.of([1])
    (tmp_path / f"nnhp-{content.digest}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        content.write(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_damaged_file_is_told_whatever_byte_it_is(tmp_path):
    content = Content.of({"a": np.arange(20.0)})
    whole = content.joined()
    path = tmp_path / "data"
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(DamagedDataError):
            opened(path, content.digest)
    for length in (0, 1, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedDataError):
            opened(path, content.digest)
    with pytest.raises(NotPlacedError, match="TMPDIR"):
        opened(tmp_path / "nowhere", content.digest)


def test_other_kernels_are_refused():
    errand = Errand("0" * 64, None, 1, "another", "", True, [], False)
    with pytest.raises(WrongInstructionSetError, match="NNHP_ISA=another"):
        do_errand(errand.packed())
    with pytest.raises(NotPlacedError):
        do_errand(Errand("0" * 64, None, 1, nnhp.isa(), VERSIONS, True, [], False).packed())


def test_workers_without_the_kernels_of_this_process_are_told(cluster, monkeypatch):
    from nnhp.search import _executor_dask

    monkeypatch.setattr(nnhp, "isa", lambda: "better")
    monkeypatch.setattr(_executor_dask, "_kernels", lambda: ("base", ["base"]))
    with pytest.raises(ValueError, match=r"cannot compute with better.*NNHP_ISA=base\.$"):
        _executor_dask.DaskWorkers(cluster, None).agree()


# ------------------------------------------------------------------ bundles


def priced_jobs(costs, preparations=None):
    return [
        PricedJob(
            (place, 0, 0), (Candidate({}, place), 0), cost, None if preparations is None else of
        )
        for place, (cost, of) in enumerate(zip(costs, preparations or costs, strict=True))
    ]


def bundles_of(backlog, slots):
    found = []
    while backlog:
        found.append(backlog.take(slots))
    return found


def test_bundles_take_one_to_five_seconds_and_grow_shorter_at_the_end():
    costs = np.random.RandomState(0).uniform(0.01, 0.2, 2000)
    found = bundles_of(Backlog(priced_jobs(costs), Pace(seconds=1.0, cost=1.0)), slots=10)
    done = [priced.place[0] for bundle in found for priced in bundle.jobs]
    assert sorted(done) == list(range(2000))
    seconds = np.array([bundle.cost for bundle in found])
    assert seconds.max() <= 5.0
    assert (seconds[:-1] >= 0.8).all()
    assert seconds[:10].min() > 4.5
    assert seconds[-10:].max() < 1.5
    longest = [max(priced.cost for priced in bundle.jobs) for bundle in found]
    assert longest == sorted(longest, reverse=True)


def test_bundles_before_anything_was_measured_leave_some_for_everybody():
    found = bundles_of(Backlog(priced_jobs([1.0] * 100), Pace()), slots=4)
    assert {len(bundle.jobs) for bundle in found[:-1]} <= {1, 2, 3}
    assert len(found) >= 32


def test_jobs_of_which_nothing_is_known_go_out_one_by_one_until_one_was_measured():
    pace = Pace()
    backlog = Backlog(priced_jobs([UNKNOWN_COST] * 100), pace)
    first = [backlog.take(4) for _ in range(4)]
    assert [len(bundle.jobs) for bundle in first] == [1] * 4
    pace.note(first[0], 0.1)
    assert len(backlog.take(4).jobs) > 8


def test_bundles_for_thousands_of_workers_are_longer():
    lengths = [len(Backlog(priced_jobs([1.0] * 10**5), Pace(1, 1)).take(n).jobs) for n in (8, 4000)]
    assert lengths == [5, 20]


def test_a_job_of_an_hour_is_a_bundle_of_its_own():
    found = bundles_of(Backlog(priced_jobs([3600.0, 0.1, 0.1]), Pace(1.0, 1.0)), slots=2)
    assert [len(bundle.jobs) for bundle in found] == [1, 2]


def test_a_bundle_has_samples_that_are_prepared_alike():
    costs, preparations = [1.0, 2.0, 3.0, 4.0] * 10, ["a", "b"] * 20
    found = bundles_of(Backlog(priced_jobs(costs, preparations), Pace(1.0, 100.0)), slots=1)
    assert [len(bundle.jobs) for bundle in found] == [20, 20]
    for bundle in found:
        assert len({priced.preparation for priced in bundle.jobs}) == 1


def test_halves_have_all_that_the_whole_had():
    bundle = Bundle(priced_jobs([1.0] * 5))
    halves = bundle.halves()
    assert [len(half.jobs) for half in halves] == [2, 3]
    assert [priced for half in halves for priced in half.jobs] == bundle.jobs


# ------------------------------------------------------------------ brackets that go on early


class HoldsBack(Executor):
    """Does errands at once, but keeps some until nothing else has come for a while.

    Parameters
    ----------
    holds : callable, default=held
        Tells of a candidate and a fold whether their errand is kept.
    fails : callable, default=nobody
        Tells whose errands fail.
    most : int, default=1
        How often at most.

    Attributes
    ----------
    done, done_before : list of tuple of int
        Jobs (candidate, fold, epochs) that were done, and those before the ones that were kept.
    """

    _max_workers = 200

    def __init__(self, holds=lambda c, fold: held(c, fold), fails=lambda c, fold: False, most=1):
        self.holds, self.fails, self.most = holds, fails, most
        self.done, self.done_before = [], []
        self.n_failures = 0
        self.kept = []  # futures and errands
        self.timer = threading.Timer(0, self.release)

    def submit(self, fn, errand, *args):
        self.timer.cancel()
        future = Future()
        if self.kept is not None and any(self.holds(*job) for job in jobs_of(errand)):
            self.kept.append((future, errand))
        else:
            self.do(future, errand)
        self.timer = threading.Timer(2, self.release)
        self.timer.start()
        return future

    def do(self, future, errand):
        if self.n_failures < self.most and any(self.fails(*job) for job in jobs_of(errand)):
            self.n_failures += 1
            future.set_result(Failure.of(ValueError("once")).packed())
            return
        future.set_result(do_errand(errand))
        self.done += [(c.number, fold, c["max_iter"]) for c, fold in jobs_of(errand)]

    def release(self):
        if self.kept:
            self.done_before = list(self.done)
        kept, self.kept = self.kept, None
        for future, errand in kept or []:
            if future.set_running_or_notify_cancel():
                self.do(future, errand)


def jobs_of(errand):
    return pickle.loads(errand).jobs


def held(candidate, fold):
    """One of the first rung of the third bracket."""
    return (candidate.number, fold, candidate["max_iter"]) == (36, 0, 9)


def early(candidate, fold):
    """One of the second rung of the second bracket."""
    return (candidate.number in range(27, 36), fold, candidate["max_iter"]) == (True, 0, 9)


def four_brackets(search=HyperbandSearchCV, **settings):
    """Whose longest has four rungs; each job is an errand of its own."""
    net_of_27 = net(max_iter=27, n_iter_no_change=100)
    defaults = {"max_resources": 27, "cv": 3, "random_state": 0}
    return search(net_of_27, RATES, **defaults | settings)


@pytest.fixture
def _short_bundles(monkeypatch):
    monkeypatch.setattr(_executor_bundles, "_SHORTEST", 1e-9)
    monkeypatch.setattr(_executor_bundles, "_LONGEST", 1e-9)
    monkeypatch.setattr(_executor, "_LINK_RATE", math.inf)  # all trainings are worth their way


def assert_same_work(found, expected):
    assert_same_search(found, expected)
    assert found.n_epochs_trained_ == expected.n_epochs_trained_
    assert found.n_epochs_planned_ == expected.n_epochs_planned_


@pytest.mark.usefixtures("_short_bundles")
def test_brackets_go_on_while_a_rung_of_another_is_waited_for():
    executor = HoldsBack()
    # Ten folds with few scores: means of the same numbers in another order.
    settings = {"cv": 10, "scoring": lambda net, X, y: round(net.score(X, y), 1)}
    found = four_brackets(executor=executor, **settings).fit(X, Y)
    assert_same_work(found, four_brackets(**settings).fit(X, Y))
    n_jobs = [10 * sum(n for n, _ in rungs) for rungs in found.brackets_]
    n_held = 10 * found.brackets_[2][1][0] + 1  # with the rung that must wait for it
    assert len(executor.done_before) == sum(n_jobs) - n_held
    assert len(executor.done) == len(set(executor.done)) == sum(n_jobs)


@pytest.mark.usefixtures("_short_bundles")
@pytest.mark.parametrize(
    "end",
    [
        {"prune_folds": "forgiving"},
        {"target_score": 2.0},
        {"time_budget_s": 600.0},
        {"return_oof": True},
        {"memory_budget": 10_000},
    ],
    ids=lambda end: next(iter(end)),
)
def test_no_bracket_goes_on_early_where_another_may_decide_or_memory_is_short(end):
    executor = HoldsBack()
    found = four_brackets(executor=executor, **end).fit(X, Y)
    assert_same_search(found, four_brackets(**end).fit(X, Y))
    begins = np.repeat(*zip(*[(epochs, n) for (n, epochs), *_ in found.brackets_], strict=True))
    assert len(executor.done_before) > 27
    assert all(epochs == begins[number] for number, _, epochs in executor.done_before)


@pytest.mark.usefixtures("_short_bundles")
@pytest.mark.parametrize("memory_budget", [200_000, 400_000, 800_000])
def test_what_is_kept_does_not_depend_on_what_went_on_early(memory_budget, monkeypatch):
    found = four_brackets(executor=HoldsBack(), memory_budget=memory_budget).fit(X, Y)
    monkeypatch.setattr(_executor.ExecutorEvaluator, "anticipate", lambda *_: None)
    expected = four_brackets(executor=HoldsBack(), memory_budget=memory_budget).fit(X, Y)
    assert_same_work(found, expected)


@pytest.mark.usefixtures("_short_bundles")
def test_what_was_begun_early_and_failed_is_done_when_it_is_asked_for():
    executor = HoldsBack(fails=early)
    found = four_brackets(executor=executor).fit(X, Y)
    assert_same_work(found, four_brackets().fit(X, Y))
    assert executor.n_failures == 1
    assert len(executor.done) == len(set(executor.done))


@pytest.mark.usefixtures("_short_bundles")
def test_what_a_study_knows_is_not_done_early_again(tmp_path):
    study = tmp_path / "study"
    first = HoldsBack(fails=lambda c, fold: c.number < 27 and c["max_iter"] == 27, most=99)
    with pytest.raises(ValueError, match="once"):
        four_brackets(executor=first, study=study).fit(X, Y)
    with sqlite3.connect(study) as file:
        (n_known,) = file.execute("SELECT count(*) FROM folds").fetchone()
    second = HoldsBack()
    found = four_brackets(executor=second, study=study).fit(X, Y)
    assert_same_search(found, four_brackets().fit(X, Y))
    n_jobs = 3 * len(found.cv_results_["params"])
    assert 3 * (27 + 9 + 3) < n_known < n_jobs
    assert len(second.done) == n_jobs - n_known


class EndsAfterARung(HyperbandSearchCV):
    def _evaluate_rung(self, *args):
        super()._evaluate_rung(*args)
        raise KeyboardInterrupt


@pytest.mark.usefixtures("_short_bundles")
@pytest.mark.parametrize("search", [HyperbandSearchCV, EndsAfterARung])
def test_what_was_begun_early_is_cancelled_where_the_search_ends(search):
    class Ends(HoldsBack):
        """The job that is waited for ends, well or with an error; those begun early do not."""

        def release(self):
            ((first, errand), *others), self.kept = self.kept, None
            if search is HyperbandSearchCV:
                first.set_result(Failure.of(ValueError("the first")).packed())
            else:
                first.set_result(do_errand(errand))
            self.others = [future for future, _ in others]

    executor = Ends(holds=lambda c, fold: held(c, fold) or early(c, fold))
    with pytest.raises((ValueError, KeyboardInterrupt)):
        four_brackets(search, executor=executor).fit(X, Y)
    assert len(executor.others) == 3
    assert all(future.cancelled() for future in executor.others)


# ------------------------------------------------------------------ lost errands


class Unlucky(Executor):
    """A thread; but errands fail, by their number, as if their process had died."""

    def __init__(self, error, numbers):
        self._inner = ThreadPoolExecutor(1)
        self._error, self._numbers, self._n = error, numbers, -1

    def submit(self, fn, /, *args, **kwargs):
        self._n += 1
        if self._n in self._numbers:
            future = Future()
            future.set_exception(self._error)
            return future
        return self._inner.submit(fn, *args, **kwargs)


def test_data_that_a_worker_lacks_send_the_errand_elsewhere(monkeypatch):
    monkeypatch.setattr(_executor_dispatch, "_MISPLACED_SECONDS", 1.0)
    executor = Unlucky(NotPlacedError("not here"), {0, 2, 3})
    same(SEARCHES["pipeline"], (X, Y), executor)
    with pytest.raises(NotPlacedError):
        SEARCHES["pipeline"](executor=Unlucky(NotPlacedError(), range(1000))).fit(X, Y)


def test_a_broken_executor_that_cannot_be_replaced_is_told(tmp_path):
    class Broken(Executor):
        def submit(self, fn, /, *args, **kwargs):
            raise BrokenExecutor("gone")

    with pytest.raises(RuntimeError, match=r"Broken is broken, .* With a study"):
        GridSearchCV(net(), GRID, cv=3, executor=Broken()).fit(X, Y)


def test_an_executor_that_was_shut_down_is_told(tmp_path):
    with ThreadPoolExecutor(1) as over:
        search = GridSearchCV(net(), GRID, cv=3, executor=over)
    with pytest.raises(WorkersLostError, match=r"executor takes no more work: .* With a study"):
        search.fit(X, Y)

    class ShutDown(Executor):
        def submit(self, fn, /, *args, **kwargs):
            future = Future()
            future.cancel()
            return future

    with pytest.raises(WorkersLostError, match=r"executor has cancelled .* With a study"):
        search.set_params(executor=ShutDown()).fit(X, Y)


def slow_accuracy(estimator, X, y):
    time.sleep(0.05)
    return own_accuracy(estimator, X, y)


def test_a_search_that_ends_early_leaves_the_executor_alone(threads):
    rates = {"alpha": np.linspace(0, 1, 40)}
    search = GridSearchCV(net(max_iter=200), rates, cv=3, n_jobs=1, scoring=slow_accuracy)
    found = search.set_params(executor=threads, time_budget_s=0.05).fit(X, Y)
    assert 1 <= len(found.cv_results_["params"]) < 40
    assert threads.submit(lambda: 5).result() == 5


def test_a_process_that_is_forked_while_an_errand_is_done_here_does_its_own():
    with _executor_worker._turn, ProcessPoolExecutor(1, get_context("fork")) as executor:
        same(SEARCHES["train scores"], (X, Y), executor)


@pytest.mark.parametrize(("n_jobs", "of_each"), [(None, 4), (3, 3)])
def test_processes_share_the_threads_out(n_jobs, of_each):
    with cpus(8), ProcessPoolExecutor(2) as pool, ThreadPoolExecutor(2) as here:
        workers = [PoolWorkers(executor, n_jobs) for executor in (pool, here)]
    assert [one.threads for one in workers] == [of_each, n_jobs or 8]
    for one in workers:
        one.close()


@pytest.mark.slow
def test_the_work_is_done_by_the_processes(tmp_path):
    def scoring(estimator, X, y):
        (tmp_path / str(os.getpid())).touch()
        return 0.0

    with ProcessPoolExecutor(2) as executor:
        GridSearchCV(net(), GRID, cv=3, scoring=scoring, executor=executor).fit(X, Y)
    done_by = {path.name for path in tmp_path.iterdir()}
    assert 1 <= len(done_by) <= 2
    assert str(os.getpid()) not in done_by


def test_workers_with_other_versions_are_told(threads, monkeypatch):
    monkeypatch.setattr(_executor_worker, "VERSIONS", "nnhp 0.0.1")
    with pytest.raises(RuntimeError, match=r"A worker has nnhp 0\.0\.1, .* nnhp .*numpy"):
        GridSearchCV(net(), GRID, cv=3, executor=threads).fit(X, Y)


def own_accuracy(estimator, X, y):
    return float(np.mean(estimator.predict(X) == y))


def test_reasons_for_another_way_stand_in_the_order_of_candidates(threads):
    stops = net(scoring=own_accuracy)
    space = [{"early_stopping": [True]}, {"solver": ["lbfgs"], "max_iter": [300]}]
    for spaces in (space, space[::-1]):
        make = partial(GridSearchCV, stops, spaces, cv=3)
        found = [make(executor=executor).fit(X, Y).engine_ for executor in (None, threads)]
        assert found[0] == found[1]
        order = [found[0].index(reason) for reason in ("early stopping", "lbfgs")]
        assert (order == sorted(order)) == (spaces is space)
