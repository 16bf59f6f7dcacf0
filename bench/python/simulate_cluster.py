"""What a search on many workers would do: utilization, bytes moved and the driver's load.

A simulation of events, in simulated seconds, around the bundles that a search really makes
(`nnhp.search._executor_bundles`). What a session, an errand, an outcome and a task of Dask cost is
measured here first, on this machine. The assumptions are printed with the figures.
"""

import argparse
import heapq
import pickle
import time
import warnings
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

import numpy as np
from cases import digits
from distributed import Client, LocalCluster
from measuring import print_machine

import nnhp
from nnhp.estimators._data import Given, prepare
from nnhp.estimators._training import Training
from nnhp.search._executor_bundles import Backlog, Bundle, Pace, Piece
from nnhp.search._executor_data import Content
from nnhp.search._executor_worker import Errand, Report
from nnhp.search._kept import Paused
from nnhp.search._outcome import Candidate, Outcome
from nnhp.search._rungs import brackets_of

ASSUMPTIONS = """\
- A session's seconds are its cost times one pace, times a factor drawn log-normally (sigma
  {spread}) which the driver does not know; costs are log-normal around {mean:.3g} s (sigma
  {costs}), as of random widths and batches. The driver learns the pace from what it measured.
- Every worker is as fast as this machine on one thread, and trains one bundle at a time; two are
  under way for each, so that the next one lies there.
- The driver does one thing at a time: {driver:.3g} ms for each session, all in all (measured here:
  a search whose workers answer at once).
- Dask's scheduler does one thing at a time: {task:.3g} ms a task (measured here with {n_probe}
  empty tasks and one worker; with many workers it may be more).
- A message takes {latency:g} ms, and the link of driver and scheduler moves {bandwidth:g} MB/s,
  both ways together. The data ({data:.3g} MB) go to each worker once, before the first bundle.
- A paused session of Hyperband takes {paused:.3g} kB ({parameters} parameters), and comes back to
  the driver on each rung but the last.
- No worker dies. All have joined before the first bundle."""
HEADER = "search     workers  hours  utilization  sent GB  received GB  driver busy  scheduler busy"


@dataclass
class Costs:
    """Measured seconds and bytes."""

    session: float  # seconds of training and scoring one
    driver: float  # for each session
    task: float  # of the scheduler
    errand_bytes: float  # for each session
    report_bytes: float
    paused_bytes: float
    data_bytes: float
    parameters: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--candidates", type=int, default=100_000)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--session-seconds", type=float, help="mean; default: as measured")
    parser.add_argument("--spread", type=float, default=0.3, help="of the real cost (default 0.3)")
    parser.add_argument("--costs", type=float, default=1.0, help="sigma of the costs (default 1)")
    parser.add_argument("--latency-ms", type=float, default=1.0)
    parser.add_argument("--bandwidth", type=float, default=100.0, help="MB/s (default 100)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print_machine(1)
    costs = measured()
    if arguments.session_seconds is not None:
        costs.session = arguments.session_seconds
    print("assumptions")
    print(
        ASSUMPTIONS.format(
            spread=arguments.spread,
            costs=arguments.costs,
            mean=costs.session,
            driver=1e3 * costs.driver,
            task=1e3 * costs.task,
            n_probe=N_PROBE,
            latency=arguments.latency_ms,
            bandwidth=arguments.bandwidth,
            data=costs.data_bytes / 1e6,
            paused=costs.paused_bytes / 1e3,
            parameters=costs.parameters,
        )
    )
    print(f"\n{arguments.candidates} candidates, {arguments.folds} folds\n{HEADER}")
    for name, rungs in {
        "random": [(arguments.candidates, 1.0)],
        "hyperband": hyperband(arguments.candidates),
    }.items():
        for n_workers in arguments.workers:
            print(f"{name:10s} {n_workers:7d}  {Cluster(n_workers, costs, arguments).run(rungs)}")


def hyperband(n_candidates: int) -> list[tuple[int, float]]:
    """Candidates on each rung of all brackets together, and their share of all epochs there."""
    brackets = brackets_of(MAX_EPOCHS, 3)
    scale = n_candidates / sum(rungs[0][0] for rungs in brackets)
    found = []
    for rung in range(len(brackets)):
        total = epochs = 0
        for rungs in brackets:
            if rung < len(rungs):
                n, target = rungs[rung]
                total += n
                epochs += n * (target - (rungs[rung - 1][1] if rung else 0))
        found.append((round(total * scale), epochs / total / MAX_EPOCHS))
    return found


# ------------------------------------------------------------------ events


class Server:
    """Somebody who does one thing after the other."""

    def __init__(self) -> None:
        self.free_at = self.busy = 0.0

    def serve(self, now: float, seconds: float) -> float:
        """When something is done that comes now."""
        begin = max(now, self.free_at)
        self.free_at = begin + seconds
        self.busy += seconds
        return self.free_at


class Cluster:
    """Workers, a scheduler, a driver and the link between them, in simulated time."""

    def __init__(self, n_workers: int, costs: Costs, arguments: Any) -> None:
        self._n = n_workers
        self._costs = costs
        self._folds = arguments.folds
        self._spread, self._cost_sigma = arguments.spread, arguments.costs
        self._latency = arguments.latency_ms / 1e3
        self._bandwidth = arguments.bandwidth * 1e6
        self._rng = np.random.default_rng(arguments.seed)
        self._driver, self._scheduler, self._link = Server(), Server(), Server()
        self._sent = self._received = self._worked = 0.0
        self._pace = Pace()

    def run(self, rungs: list[tuple[int, float]]) -> str:
        """Simulate rungs of so many candidates, each with a share of a full training."""
        data = self._costs.data_bytes * self._n
        self._sent += data
        now = self._link.serve(0.0, data / self._bandwidth)
        for place, (n_candidates, share) in enumerate(rungs):
            climbs = len(rungs) > 1 and place + 1 < len(rungs)
            now = self._rung(now, n_candidates * self._folds, share, place > 0, climbs)
        utilization = self._worked / (self._n * now)
        return (
            f"{now / 3600:5.2f}  {utilization:10.1%}  {self._sent / 1e9:7.2f}  "
            f"{self._received / 1e9:11.2f}  {self._driver.busy / now:10.1%}  "
            f"{self._scheduler.busy / now:10.1%}"
        )

    def _rung(self, start: float, n: int, share: float, resumes: bool, pauses: bool) -> float:
        sigma = self._cost_sigma
        seconds = self._costs.session * share
        costs = seconds * self._rng.lognormal(-(sigma**2) / 2, sigma, n)
        backlog = Backlog(
            [Piece(i, (Candidate({}, i), 0), c, None) for i, c in enumerate(costs)], self._pace
        )
        free_at = np.full(self._n, start)
        events: list[tuple[float, int, int, Bundle, float]] = []  # done: when, who, what
        now, count = start, 0

        def begin(worker: int, arrival: float, bundle: Bundle) -> None:
            nonlocal count
            factors = self._rng.lognormal(-(self._spread**2) / 2, self._spread, len(bundle.pieces))
            real = float(np.dot([piece.cost for piece in bundle.pieces], factors))
            begun = max(arrival, free_at[worker])
            free_at[worker] = begun + real
            self._worked += real
            count += 1
            heapq.heappush(events, (begun + real, count, worker, bundle, real))

        for worker in range(2 * self._n):  # two for each, if there are so many
            if not backlog:
                break
            bundle = backlog.take(2 * self._n)
            begin(worker % self._n, self._send(start, bundle, resumes), bundle)
        while events:
            done, _, worker, bundle, real = heapq.heappop(events)
            now = max(now, self._receive(done, bundle, pauses))
            self._pace.note(bundle, real)
            if backlog:
                following = backlog.take(2 * self._n)
                begin(worker, self._send(now, following, resumes), following)
        return now

    def _send(self, now: float, bundle: Bundle, resumes: bool) -> float:
        """Driver, scheduler and link; when a bundle is with its worker."""
        n, costs = len(bundle.pieces), self._costs
        n_bytes = n * (costs.errand_bytes + (costs.paused_bytes if resumes else 0.0))
        self._sent += n_bytes
        packed = self._driver.serve(now, n * costs.driver / 2)
        sent = self._link.serve(packed, n_bytes / self._bandwidth)
        return self._scheduler.serve(sent, costs.task) + self._latency

    def _receive(self, now: float, bundle: Bundle, pauses: bool) -> float:
        n, costs = len(bundle.pieces), self._costs
        n_bytes = n * (costs.report_bytes + (costs.paused_bytes if pauses else 0.0))
        self._received += n_bytes
        arrived = self._link.serve(now + self._latency, n_bytes / self._bandwidth)
        return self._driver.serve(arrived, n * costs.driver / 2)


# ------------------------------------------------------------------ what things cost

N_PROBE = 2000
N_SESSIONS = 5000
MAX_EPOCHS = 81


class Echo(Executor):
    """Answers errands at once, as if all had been trained."""

    _max_workers = 4

    def submit(self, *args: Any, **_: Any) -> Future[bytes]:
        jobs = pickle.loads(args[1]).jobs
        done: Future[bytes] = Future()
        done.set_result(Report([(i, outcome()) for i in range(len(jobs))], {}, {}, 1e-3).packed())
        return done


def measured() -> Costs:
    """Costs on this machine: of real searches on digits, and of an empty cluster of Dask."""
    X, y = digits()
    net = nnhp.MLPClassifier((64,), max_iter=MAX_EPOCHS, n_iter_no_change=1000, random_state=0)
    fits = nnhp.GridSearchCV(net, {"alpha": np.geomspace(1e-6, 1, 10)}, cv=5, n_jobs=1).fit(X, y)
    seconds = fits.cv_results_["mean_fit_time"] + fits.cv_results_["mean_score_time"]
    grid = {"alpha": np.geomspace(1e-6, 1, N_SESSIONS // 5)}
    driven = nnhp.GridSearchCV(net, grid, cv=5, refit=False, executor=Echo())
    begun = time.perf_counter()
    driven.fit(X, y)
    driver = (time.perf_counter() - begun) / N_SESSIONS
    training = trained(net, X, y)
    jobs = [(Candidate({"alpha": 0.1 * i, "batch_size": 32}, i), 0) for i in range(100)]
    errands = {n: errand(jobs[:n]).packed() for n in (1, 100)}
    reports = {n: Report([(i, outcome()) for i in range(n)], {}, {}, 1.0) for n in (1, 100)}
    return Costs(
        session=float(seconds.mean()),
        driver=driver,
        task=seconds_of_task(),
        errand_bytes=(len(errands[100]) - len(errands[1])) / 99,
        report_bytes=(len(reports[100].packed()) - len(reports[1].packed())) / 99,
        paused_bytes=len(pickle.dumps(Paused.of(training), protocol=5)),
        data_bytes=Content.of((X, y)).n_bytes,
        parameters=training.n_parameters,
    )


def trained(net: Any, X: Any, y: Any) -> Any:
    """A training that was begun."""
    training = Training(net, prepare(net, Given(X, y), None))
    training.advance(1, 1)
    return training


def errand(jobs: Any) -> Errand:
    """What a worker is asked to do."""
    return Errand("0" * 64, None, None, nnhp.isa(), True, jobs, False)


def outcome() -> Outcome:
    """What comes back of a session."""
    return Outcome(0.9, fit_time=0.1, score_time=0.01, epochs=81, limited=True, n_parameters=4810)


def seconds_of_task() -> float:
    """What one empty task takes Dask, with its client, scheduler and worker in processes."""
    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=60,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        client.gather(client.map(abs, range(100), pure=False))
        begun = time.perf_counter()
        client.gather([client.submit(abs, number, pure=False) for number in range(N_PROBE)])
        return (time.perf_counter() - begun) / N_PROBE


if __name__ == "__main__":
    main()
