"""Searches on a cluster of real processes, some of which die: same results, nothing twice."""

import math
import os
import pickle
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from unittest.mock import patch

import cloudpickle
import dask
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster
from distributed.chaos import KillWorker
from distributed.comm import CommClosedError
from helpers import STOPS_EARLY, assert_same_results, assert_same_search, problem
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import accuracy_score

import nnhp
from nnhp import GridSearchCV, HalvingGridSearchCV, HyperbandSearchCV, MLPClassifier, _core
from nnhp.search import _executor, _executor_bundles
from nnhp.search._executor_bundles import Bundle

# What a search takes to its workers of this module, which they cannot import.
cloudpickle.register_pickle_by_value(sys.modules[__name__])
pytestmark = [STOPS_EARLY, pytest.mark.slow, pytest.mark.timeout(120)]

GRID = {"alpha": [1e-4, 1e-3, 1e-2, 1.0], "learning_rate_init": [1e-3, 1e-2, 1e-1]}
X, Y = problem("multiclass")


class Misfortune:
    """Accuracy; but what happens to the worker that first scores one of the candidates.

    Parameters
    ----------
    act : callable
        Called with the flag's path; it may not return.
    flag : path
        A file that is there from then on: it happens once.
    when : callable
        Tells the candidate by its estimator.
    """

    def __init__(self, act, flag, when=lambda net: net.alpha == 1e-2):
        self.act, self.flag, self.when = act, flag, when

    def __call__(self, estimator, X, y):
        if self.flag is not None and self.when(estimator):
            try:
                os.close(os.open(self.flag, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                pass
            else:
                self.act(self.flag)
        return accuracy_score(y, estimator.predict(X))


def die(_):
    os.kill(os.getpid(), signal.SIGKILL)


def stop(flag):
    Path(f"{flag}.stopped").write_text(str(os.getpid()))
    os.kill(os.getpid(), signal.SIGSTOP)


class Deadly:
    """Accuracy; but a setting kills whoever scores it."""

    def __init__(self, params):
        self.params = params

    def __call__(self, estimator, X, y):
        if all(getattr(estimator, name) == value for name, value in self.params.items()):
            os.kill(os.getpid(), signal.SIGKILL)
        return accuracy_score(y, estimator.predict(X))


class KillAll:
    """Kill whoever is listed in a file, oneself last; once the study, if any, has something."""

    def __init__(self, path, study=None):
        self.path = path
        self.study = study

    def __call__(self, _):
        deadline = time.monotonic() + 30
        while self.study is not None and not n_folds(self.study) and time.monotonic() < deadline:
            time.sleep(0.05)
        pids = [int(pid) for pid in Path(self.path).read_text().split()]
        for pid in pids:
            if pid != os.getpid():
                os.kill(pid, signal.SIGKILL)
        if os.getpid() in pids:
            os.kill(os.getpid(), signal.SIGKILL)


def n_folds(study):
    """Recorded in a study."""
    with sqlite3.connect(study) as file:
        return file.execute("SELECT count(*) FROM folds").fetchone()[0]


def net(**params):
    return MLPClassifier(**{"hidden_layer_sizes": (8,), "max_iter": 20, "random_state": 3} | params)


def grid(scoring=None, **settings):
    return GridSearchCV(net(), GRID, cv=3, scoring=scoring or Misfortune(None, None), **settings)


def halving(scoring=None, **settings):
    return HalvingGridSearchCV(
        net(),
        GRID,
        cv=3,
        resource="max_iter",
        max_resources=27,
        factor=3,
        scoring=scoring or Misfortune(None, None),
        **settings,
    )


def hyperband(scoring=None, **settings):
    return HyperbandSearchCV(
        net(),
        {"alpha": [1e-4, 1e-3, 1e-2], "learning_rate_init": np.geomspace(1e-3, 1e-1, 20).tolist()},
        max_resources=27,
        cv=3,
        random_state=0,
        scoring=scoring or Misfortune(None, None),
        **settings,
    )


CONFIG = {
    "distributed.scheduler.allowed-failures": 1,
    "distributed.scheduler.worker-ttl": "60s",
    "distributed.comm.timeouts.connect": "3s",
    "distributed.deploy.lost-worker-timeout": "600s",
}


@contextmanager
def cluster(environment=None, **changed):
    """Two worker processes, which their nannies start anew."""
    with (
        patch.dict(os.environ),  # nannies limit OpenMP in it, for all children to come
        dask.config.set(CONFIG | changed),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=60,
            env=environment,
        ) as local,
        Client(local) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def client():
    with cluster() as client:
        yield client


@pytest.fixture(scope="module")
def expected():
    return {make: make().fit(X, Y) for make in (grid, halving, hyperband)}


def assert_as_if_nothing_had_happened(search, expected):
    """The same search; each fold of each row was recorded once, and trained no longer."""
    assert_same_search(search, expected)
    assert search.n_epochs_trained_ == expected.n_epochs_trained_ == expected.n_epochs_planned_
    assert n_folds(search.study) == len(search.cv_results_["params"]) * search.n_splits_
    assert len(nnhp.Study(search.study).trials()) == len(search.cv_results_["params"])


@pytest.mark.parametrize("make", [grid, halving, hyperband])
def test_a_worker_is_killed(make, client, expected, tmp_path):
    scoring = Misfortune(die, tmp_path / "flag")
    search = make(scoring, executor=client, study=tmp_path / "study").fit(X, Y)
    assert (tmp_path / "flag").exists()
    assert_as_if_nothing_had_happened(search, expected[make])


def test_a_worker_is_killed_on_a_later_rung(client, expected, tmp_path):
    """Which another bracket may have begun early."""
    rows = pd.DataFrame(expected[hyperband].cv_results_)
    later = rows[(rows["iter"] == 1) & (rows["bracket"] == rows["bracket"].max())].iloc[0]["params"]
    scoring = Misfortune(
        die, tmp_path / "flag", when=lambda net: later.items() <= vars(net).items()
    )
    search = hyperband(scoring, executor=client, study=tmp_path / "study").fit(X, Y)
    assert (tmp_path / "flag").exists()
    assert_as_if_nothing_had_happened(search, expected[hyperband])


@pytest.mark.parametrize("make", [grid, halving, hyperband])
def test_all_workers_are_killed_at_once(make, client, expected, tmp_path):
    pids = client.run(os.getpid)
    (tmp_path / "pids").write_text(" ".join(map(str, pids.values())))
    scoring = Misfortune(KillAll(tmp_path / "pids"), tmp_path / "flag")
    search = make(scoring, executor=client, study=tmp_path / "study").fit(X, Y)
    assert len(pids) > 0
    assert set(client.run(os.getpid).values()).isdisjoint(pids.values())
    assert_as_if_nothing_had_happened(search, expected[make])


def test_workers_die_at_random(client, expected, tmp_path):
    """Until each of the first ones died, one search follows the other."""
    # Those that exit by themselves, as in its other modes, are not started anew.
    client.register_plugin(KillWorker(delay="4s", mode="segfault"), name="chaos")
    first = set(client.run(os.getpid, on_error="ignore").values())
    alive = first
    try:
        for n in count():
            if not first & alive:
                break
            search = halving(executor=client, study=tmp_path / str(n))
            assert_as_if_nothing_had_happened(search.fit(X, Y), expected[halving])
            alive = set(client.run(os.getpid, on_error="ignore").values())
    finally:
        with suppress(CommClosedError):  # a worker that dies at this moment has it no more
            client.unregister_worker_plugin("chaos")


def counting_halves(sizes, halves=Bundle.halves):
    def counted(bundle):
        sizes.append(len(bundle.jobs))
        return halves(bundle)

    return counted


@pytest.mark.filterwarnings("ignore:One or more of the test scores")
@pytest.mark.parametrize("executor", ["dask", "processes"])
def test_a_session_that_kills_its_workers_is_found_and_the_search_goes_on(executor, monkeypatch):
    monkeypatch.setattr(_executor_bundles, "_FIRST_SHARE", 1)
    culprit = {"alpha": 1e-2, "learning_rate_init": 1e-1}
    one_split = [(np.arange(20, len(X)), np.arange(20))]
    healthy = grid().set_params(cv=one_split).fit(X, Y).cv_results_["mean_test_score"]
    sizes = []
    monkeypatch.setattr(Bundle, "halves", counting_halves(sizes))
    with ExitStack() as stack:
        if executor == "processes":
            workers = stack.enter_context(ProcessPoolExecutor(2))
        else:
            workers = stack.enter_context(cluster(**{"distributed.scheduler.allowed-failures": 0}))
        with pytest.warns(FitFailedWarning, match=r"workers died that trained candidate 8 \("):
            search = grid(Deadly(culprit), executor=workers).set_params(cv=one_split).fit(X, Y)
    assert max(sizes) > 2
    row = search.cv_results_["params"].index(culprit)
    healthy[row] = np.nan
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], healthy)


def test_a_process_of_a_pool_is_killed(expected, tmp_path):
    with ProcessPoolExecutor(2) as pool:
        scoring = Misfortune(die, tmp_path / "flag")
        search = halving(scoring, executor=pool, study=tmp_path / "study").fit(X, Y)
    assert_as_if_nothing_had_happened(search, expected[halving])


# ------------------------------------------------------------------ the scheduler, the driver


@contextmanager
def started(*command):
    """A process, killed at the end."""
    process = subprocess.Popen([sys.executable, *command], stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def own_cluster(port, *options, n_workers=1):
    """A scheduler and workers as the README starts them; gives the scheduler's process."""
    here = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"]
    worker = ["-m", "dask", "worker", f"tcp://127.0.0.1:{port}", *here, "--nthreads", "1", *options]
    with ExitStack() as stack:
        scheduler = stack.enter_context(
            started("-m", "dask", "scheduler", "--port", str(port), *here)
        )
        for _ in range(n_workers):
            stack.enter_context(started(*worker, "--death-timeout", "20"))
        yield scheduler


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def test_the_scheduler_is_killed_and_another_one_takes_its_place(expected, tmp_path):
    port = free_port()
    flag, pids = tmp_path / "flag", tmp_path / "pids"
    with own_cluster(port) as scheduler, ExitStack() as later:
        pids.write_text(str(scheduler.pid))

        def start_another():
            scheduler.wait()
            later.enter_context(own_cluster(port))

        thread = threading.Thread(target=start_another)
        thread.start()
        with dask.config.set(CONFIG):
            search = halving(
                Misfortune(KillAll(pids), flag),
                executor=f"tcp://127.0.0.1:{port}",
                study=tmp_path / "study",
            ).fit(X, Y)
        thread.join()
        assert scheduler.returncode == -signal.SIGKILL
    assert_as_if_nothing_had_happened(search, expected[halving])


def test_a_worker_stalls_and_comes_back_late(expected, tmp_path, monkeypatch):
    """Its jobs are done by the other one when the scheduler has given it up."""
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL", "15s")
    flag, port = tmp_path / "flag", free_port()
    note = Path(f"{flag}.stopped")
    with (
        own_cluster(port, "--no-nanny", n_workers=2),
        Client(f"tcp://127.0.0.1:{port}", timeout="60s", set_as_default=False) as client,
    ):
        client.wait_for_workers(2, timeout=60)
        pids = client.run(os.getpid)
        late = []

        def wake():
            while not note.exists() or not note.read_text():
                time.sleep(0.05)
            stopped = int(note.read_text())
            address = next(at for at, pid in pids.items() if pid == stopped)
            while address in client.nthreads():
                time.sleep(0.05)
            os.kill(stopped, signal.SIGCONT)
            late.append(stopped)

        thread = threading.Thread(target=wake)
        thread.start()
        search = grid(Misfortune(stop, flag), executor=client, study=tmp_path / "study").fit(X, Y)
        thread.join()
        assert late
    assert_as_if_nothing_had_happened(search, expected[grid])


@pytest.mark.parametrize("make", [grid, halving])
def test_the_driver_is_killed_and_the_study_goes_on(make, client, expected, tmp_path):
    command = [sys.executable, __file__, make.__name__, client.scheduler.address, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    run = partial(subprocess.run, command, capture_output=True, timeout=100, env=environment)
    killed = run(check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    recorded = n_folds(tmp_path / "study")
    assert recorded > 0
    deadline = time.monotonic() + 30
    while left := placed(client):  # the scheduler sees that the driver is gone
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
    run(check=True)
    search = pickle.loads((tmp_path / "search").read_bytes())
    assert_same_results(search.cv_results_, expected[make].cv_results_)
    assert recorded < n_folds(tmp_path / "study") == 3 * len(search.cv_results_["params"])
    assert search.n_epochs_trained_ < expected[make].n_epochs_trained_


def drive(name, address, folder):
    """Search until a worker, scoring, kills this process; the second time to the end."""
    folder = Path(folder)
    (folder / "pids").write_text(str(os.getpid()))
    act = KillAll(folder / "pids", folder / "study")
    scoring = Misfortune(act, folder / "flag", lambda net: net.alpha == 1.0)
    _executor._LINK_RATE = math.inf
    search = {"grid": grid, "halving": halving}[name](
        scoring, executor=address, study=folder / "study"
    ).fit(X, Y)
    search.set_params(scoring=None)  # of this module's other name
    del search.scorer_
    (folder / "search").write_bytes(pickle.dumps(search))


def placed(client):
    """Files of data in the folders of the workers, and plugins."""

    def of_worker(dask_worker):
        folder = Path(dask_worker.local_directory)
        plugins = [name for name in dask_worker.plugins if name.startswith("nnhp-")]
        return [path.name for path in folder.glob("nnhp-*")] + plugins

    def of_scheduler(dask_scheduler):
        names = [*dask_scheduler.worker_plugins, *dask_scheduler.plugins]
        return [name for name in names if name.startswith("nnhp-")]

    of_workers = client.run(of_worker).values()
    return [*client.run_on_scheduler(of_scheduler), *(name for some in of_workers for name in some)]


@pytest.mark.skipif(len(_core.available_isas()) == 1, reason="there is one instruction set here")
def test_workers_that_could_compute_as_this_process_does_are_started_anew(expected):
    with cluster(environment={"NNHP_ISA": _core.available_isas()[0]}) as client:
        assert set(client.run(nnhp.isa).values()) == {_core.available_isas()[0]}
        search = grid(executor=client).fit(X, Y)
        assert set(client.run(nnhp.isa).values()) == {nnhp.isa()}
    assert_same_search(search, expected[grid])


if __name__ == "__main__":
    drive(*sys.argv[1:])
