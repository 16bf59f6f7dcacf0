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
from itertools import zip_longest
from typing import Any

import numpy as np
from cases import Case, classes, digits
from distributed import Client, LocalCluster
from measuring import print_machine

import nnhp
from nnhp.estimators._data import Given, prepare
from nnhp.estimators._training import Training
from nnhp.search._executor_bundles import Backlog, Bundle, Pace, PricedJob
from nnhp.search._executor_data import Content
from nnhp.search._executor_worker import Errand, Report
from nnhp.search._fingerprint import VERSIONS
from nnhp.search._kept import Paused
from nnhp.search._outcome import Candidate, Outcome
from nnhp.search._rungs import brackets_of

ASSUMPTIONS = """\
- A session's seconds are its cost times one pace, times a factor drawn log-normally (sigma
  {spread}) which the driver does not know; costs are log-normal around the measured one (sigma
  {costs}), as of random widths and batches. The driver learns the pace from what it measured.
- Every worker is as fast as this machine on one thread, and trains one bundle at a time; two are
  under way for each, so that the next one lies there.
- The driver does one thing at a time: {driver:.3g} ms for each session, all in all (measured here:
  a search whose workers answer at once).
- Dask's scheduler does one thing at a time: {task:.3g} ms a task (measured here with {n_probe}
  empty tasks and one worker; with many workers it may be more).
- A message takes {latency:g} ms, and the link of driver and scheduler moves {bandwidth:g} MB/s,
  both ways together. The data go to each worker once, before the first bundle.
- A paused session of Hyperband comes back to the driver, and goes to a worker on the next rung,
  where its training took longer than its way, if all workers share the link; else it is trained
  anew. Useful is what is left of the work without that.
- Hyperband is nnhp's: workers who would idle go on with brackets whose rung has ended. In step, all
  brackets would wait for each other at the end of each rung.
- No worker dies. All have joined before the first bundle."""
HEADER = (
    "search              workers  minutes  utilization  useful  sent GB  received GB  driver busy  "
    "scheduler  link"
)


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
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--spread", type=float, default=0.3, help="of the real cost (default 0.3)")
    parser.add_argument("--costs", type=float, default=1.0, help="sigma of the costs (default 1)")
    parser.add_argument("--latency-ms", type=float, default=1.0)
    parser.add_argument("--bandwidth", type=float, default=100.0, help="MB/s (default 100)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print_machine(1)
    driver, task = seconds_of_driver(), seconds_of_task()
    print("assumptions")
    print(
        ASSUMPTIONS.format(
            spread=arguments.spread,
            costs=arguments.costs,
            driver=1e3 * driver,
            task=1e3 * task,
            n_probe=N_PROBE,
            latency=arguments.latency_ms,
            bandwidth=arguments.bandwidth,
        )
    )
    print(f"\n{arguments.candidates} candidates, {arguments.folds} folds")
    for name in arguments.cases:
        costs = measured(CASES[name], driver, task)
        print(
            f"\n{CASES[name].title}: {costs.session:.3g} s a training of {MAX_EPOCHS} epochs, "
            f"{costs.parameters} parameters,\na paused one {costs.paused_bytes / 1e3:.3g} kB, "
            f"data {costs.data_bytes / 1e6:.3g} MB\n{HEADER}"
        )
        for strategy, ladders in strategies(arguments.candidates).items():
            for n_workers in arguments.workers:
                line = Cluster(n_workers, costs, arguments).run(ladders)
                print(f"{strategy:19s} {n_workers:7d}  {line}", flush=True)


@dataclass(frozen=True)
class Rung:
    """Candidates, and the shares of all epochs that each has had and comes to."""

    n_candidates: int
    before: float
    share: float


def strategies(n_candidates: int) -> dict[str, list[list[list[Rung]]]]:
    """Ladders that are climbed at the same time, each by steps: rungs whose end is waited for."""
    plan = brackets_of(MAX_EPOCHS, 3)
    scale = n_candidates / sum(rungs[0][0] for rungs in plan)
    brackets = [
        [
            Rung(round(n * scale), rungs[rung - 1][1] / MAX_EPOCHS if rung else 0, to / MAX_EPOCHS)
            for rung, (n, to) in enumerate(rungs)
        ]
        for rungs in plan
    ]
    return {
        "random": [[[Rung(n_candidates, 0.0, 1.0)]]],
        "hyperband": [[[rung] for rung in ladder] for ladder in brackets],
        "hyperband, in step": [[list(filter(None, step)) for step in zip_longest(*brackets)]],
    }


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


class Step:
    """Sessions of one or more rungs: which are not begun, and which travel as paused trainings."""

    def __init__(self, rungs: list[Rung], cluster: "Cluster") -> None:
        costs, before, share = cluster.draw(rungs)
        comes = (before > 0) & cluster.worth_its_way(costs * before)
        self.useful = float(np.sum(costs * (share - before)))
        self.comes, self.goes = comes, (share < 1) & cluster.worth_its_way(costs * share)
        left = costs * (share - np.where(comes, before, 0.0))  # others begin anew
        nobody = Candidate({}, 0), 0
        priced_jobs = [
            PricedJob((i, 0, 0), nobody, cost, None) for i, cost in enumerate(left.tolist())
        ]
        self.backlog = Backlog(priced_jobs, cluster.pace)
        self.under_way = 0


class Ladder:
    """Steps, each of which begins when the one before has ended."""

    def __init__(self, steps: list[list[Rung]], cluster: "Cluster") -> None:
        self._cluster = cluster
        self._later = steps[::-1]
        self.n_climbed = -1
        self._climb()

    def _climb(self) -> None:
        self.step = Step(self._later.pop(), self._cluster)
        self.n_climbed += 1
        self._cluster.useful += self.step.useful

    @property
    def over(self) -> bool:
        """Whether nothing is left to do."""
        return not (self._later or self.step.under_way or self.step.backlog)

    def take(self, slots: int) -> Bundle:
        """The next bundle."""
        self.step.under_way += 1
        return self.step.backlog.take(slots)

    def give_back(self) -> None:
        """A bundle is done."""
        self.step.under_way -= 1
        if not self.step.under_way and not self.step.backlog and self._later:
            self._climb()


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
        self._sent = self._received = self._worked = self.useful = 0.0
        self.pace = Pace()

    def run(self, ladders: list[list[list[Rung]]]) -> str:
        """Simulate a search."""
        data = self._costs.data_bytes * self._n
        self._sent += data
        now = self._link.serve(0.0, data / self._bandwidth)
        self._free_at = np.full(self._n, now)
        going = [Ladder(ladder, self) for ladder in ladders]
        events: list[tuple[float, int, int, Ladder, Bundle, float]] = []  # done: when, who, what
        idle = 2 * list(range(self._n))  # two bundles for each
        while True:
            while idle:
                ladder = self._next(going, n_under_way=2 * self._n - len(idle))
                if ladder is None:
                    break
                bundle = ladder.take(2 * self._n)
                worker = min(idle, key=self._free_at.__getitem__)  # as the scheduler has it
                idle.remove(worker)
                done, seconds = self._do(worker, self._send(now, ladder.step, bundle), bundle)
                heapq.heappush(events, (done, len(events), worker, ladder, bundle, seconds))
            if not events:
                break
            done, _, worker, ladder, bundle, seconds = heapq.heappop(events)
            now = max(now, self._receive(done, ladder.step, bundle))
            self.pace.note(bundle, seconds)
            ladder.give_back()
            idle.append(worker)
        every = self._n * now
        return (
            f"{now / 60:7.1f}  {self._worked / every:11.1%}  {self.useful / every:6.1%}  "
            f"{self._sent / 1e9:7.2f}  {self._received / 1e9:11.2f}  "
            f"{self._driver.busy / now:10.1%}  {self._scheduler.busy / now:9.1%}  "
            f"{self._link.busy / now:4.1%}"
        )

    def _next(self, going: list[Ladder], n_under_way: int) -> Ladder | None:
        """Whose bundle is the next: of the rung that is asked for, or early for who would idle."""
        rung = min((one.n_climbed for one in going if not one.over), default=0)
        waiting = [one for one in going if one.step.backlog]
        early = waiting if n_under_way < self._n else []
        return next((one for one in waiting if one.n_climbed == rung), next(iter(early), None))

    def draw(self, rungs: list[Rung]) -> Any:
        """Seconds of whole trainings, and their shares before and after a step."""
        sigma = self._cost_sigma
        sizes = [rung.n_candidates * self._folds for rung in rungs]
        before = np.repeat([rung.before for rung in rungs], sizes)
        share = np.repeat([rung.share for rung in rungs], sizes)
        seconds = self._rng.lognormal(-(sigma**2) / 2, sigma, sum(sizes))
        return self._costs.session * seconds, before, share

    def worth_its_way(self, seconds: Any) -> Any:
        """Whether trainings are paused and travel, as the evaluator has it."""
        return seconds >= self._n / self._bandwidth * self._costs.paused_bytes

    def _do(self, worker: int, arrival: float, bundle: Bundle) -> tuple[float, float]:
        """When a bundle is done, and how long it took."""
        factors = self._rng.lognormal(-(self._spread**2) / 2, self._spread, len(bundle.jobs))
        seconds = float(np.dot([priced.cost for priced in bundle.jobs], factors))
        self._free_at[worker] = max(arrival, self._free_at[worker]) + seconds
        self._worked += seconds
        return self._free_at[worker], seconds

    def _send(self, now: float, step: Step, bundle: Bundle) -> float:
        """Driver, scheduler and link; when a bundle is with its worker."""
        n, costs = len(bundle.jobs), self._costs
        n_paused = sum(step.comes[priced.place[0]] for priced in bundle.jobs)
        n_bytes = n * costs.errand_bytes + n_paused * costs.paused_bytes
        self._sent += n_bytes
        packed = self._driver.serve(now, n * costs.driver / 2)
        sent = self._link.serve(packed, n_bytes / self._bandwidth)
        return self._scheduler.serve(sent, costs.task) + self._latency

    def _receive(self, now: float, step: Step, bundle: Bundle) -> float:
        n, costs = len(bundle.jobs), self._costs
        n_paused = sum(step.goes[priced.place[0]] for priced in bundle.jobs)
        n_bytes = n * costs.report_bytes + n_paused * costs.paused_bytes
        self._received += n_bytes
        arrived = self._link.serve(now + self._latency, n_bytes / self._bandwidth)
        return self._driver.serve(arrived, n * costs.driver / 2)


# ------------------------------------------------------------------ what things cost

N_PROBE = 2000
N_SESSIONS = 5000
MAX_EPOCHS = 81
CASES = {
    "digits": Case(digits, 1_797, (64, 64, 10), batch_size=32, passes=27),
    "rows": Case(classes, 50_000, (54, 128, 128, 7), batch_size=64, passes=3),
}


class Echo(Executor):
    """Answers errands at once, as if all had been trained."""

    _max_workers = 4

    def submit(self, *args: Any, **_: Any) -> Future[bytes]:
        jobs = pickle.loads(args[1]).jobs
        done: Future[bytes] = Future()
        done.set_result(Report([(i, outcome()) for i in range(len(jobs))], {}, {}, 1e-3).packed())
        return done


def seconds_of_driver() -> float:
    """What a session takes this process, where workers answer at once."""
    X, y = digits()
    net = nnhp.MLPClassifier((64,), random_state=0)
    grid = {"alpha": np.geomspace(1e-6, 1, N_SESSIONS // 5)}
    search = nnhp.GridSearchCV(net, grid, cv=5, refit=False, executor=Echo())
    begun = time.perf_counter()
    search.fit(X, y)
    return (time.perf_counter() - begun) / N_SESSIONS


def measured(case: Case, driver: float, task: float) -> Costs:
    """Costs of a case's trainings on this machine; their epochs last equally long."""
    X, y = case.load()
    net = nnhp.MLPClassifier(max_iter=case.passes, n_jobs=1, **case.parameters)
    Training(net, prepare(net, Given(X, y), None)).advance(1, 1)
    training = Training(net, prepare(net, Given(X, y), None))
    training.advance(case.passes, 1)
    jobs = [(Candidate({"alpha": 0.1 * i, "batch_size": 32}, i), 0) for i in range(100)]
    errands = {n: errand(jobs[:n]).packed() for n in (1, 100)}
    reports = {n: Report([(i, outcome()) for i in range(n)], {}, {}, 1.0) for n in (1, 100)}
    return Costs(
        session=training.seconds / case.passes * MAX_EPOCHS,
        driver=driver,
        task=task,
        errand_bytes=(len(errands[100]) - len(errands[1])) / 99,
        report_bytes=(len(reports[100].packed()) - len(reports[1].packed())) / 99,
        paused_bytes=len(pickle.dumps(Paused.of(training), protocol=5)),
        data_bytes=Content.of((X, y)).n_bytes,
        parameters=training.n_parameters,
    )


def errand(jobs: Any) -> Errand:
    """What a worker is asked to do."""
    return Errand("0" * 64, None, None, nnhp.isa(), VERSIONS, True, jobs, False)


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
