"""What the proposals of a Bayesian search cost beside its trainings.

    python bench/python/bench_proposals.py [--repetitions 3]

BayesSearchCV with TPE, its batches as they are, 5 folds, 200 candidates. In the same search a study
of Optuna's own is asked for as many trials and told the same scores: what nnhp's proposals take
more is nnhp's own part. All times are of the CPU, so that they mean something where others work,
too: the share is what it were if the cores did nothing else and shared evenly all that is no
proposal; beside it stands the share by the clock on the wall. Needs the extra nnhp[optuna].
"""

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optuna
from measuring import print_machine
from numpy.typing import NDArray
from record_curves import table
from scipy.stats import loguniform, uniform

import nnhp
from nnhp.search import _model_search
from nnhp.search._proposals import Proposal, Proposals

N_CANDIDATES = 200
N_PARTS = 4  # of a search: proposals cost more from part to part
N_FOLDS = 5
GOAL, OWN_GOAL = 5, 2  # percent of the time, ms a candidate
EPOCHS = {"digits": 30, "breast_cancer": 200, "wine": 200}  # at most
THREADS = (1, 2)
SPACE = {
    "alpha": loguniform(1e-6, 1e-1),
    "learning_rate_init": loguniform(1e-4, 1e-1),
    "batch_size": [16, 32, 64, 128],
    "dropout": uniform(0, 0.5),
    "activation": ["relu", "tanh", "logistic"],
}


def suggest(trial: optuna.Trial) -> None:
    """The same space, as one writes it for Optuna."""
    trial.suggest_float("alpha", 1e-6, 1e-1, log=True)
    trial.suggest_float("learning_rate_init", 1e-4, 1e-1, log=True)
    trial.suggest_int("batch_size", 0, 3)
    trial.suggest_float("dropout", 0, 0.5)
    trial.suggest_categorical("activation", range(3))


@dataclass
class Clock:
    """Seconds of proposals."""

    wall: float = 0.0
    of_cpu: NDArray[np.float64] = field(default_factory=lambda: np.zeros(N_CANDIDATES))

    @contextmanager
    def runs_for(self, batch: range) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.thread_time()
        yield
        self.of_cpu[batch] += (time.thread_time() - cpu) / len(batch)
        self.wall += time.perf_counter() - wall


class TimedProposals(Proposals):
    """Proposals, and as many of a study of Optuna's own, each timed."""

    nnhp_clock = Clock()
    optuna_clock = Clock()

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        sampler = optuna.samplers.TPESampler(seed=0)
        self._bare = optuna.create_study(direction="maximize", sampler=sampler)
        self._batch = range(0)
        self._trials: list[optuna.Trial] = []

    def ask(self, count: int) -> list[Proposal]:
        self._batch = range(self._batch.stop, self._batch.stop + count)
        found: list[Proposal] = []

        def of_optuna() -> None:
            self._trials = [self._bare.ask() for _ in range(count)]
            for trial in self._trials:
                suggest(trial)

        self._time(lambda: found.extend(super(TimedProposals, self).ask(count)), of_optuna)
        return found

    def tell(self, proposals: Any, scores: Any, climbs: Any = None) -> None:
        def of_optuna() -> None:
            for trial, (score,) in zip(self._trials, scores, strict=True):
                self._bare.tell(trial, score)

        self._time(lambda: super(TimedProposals, self).tell(proposals, scores, climbs), of_optuna)

    def _time(self, of_nnhp: Callable[[], None], of_optuna: Callable[[], None]) -> None:
        """Do both; they take turns in coming second, where what both use is in the caches."""
        jobs = [(self.nnhp_clock, of_nnhp), (self.optuna_clock, of_optuna)]
        if self._batch.start // len(self._batch) % 2:
            jobs.reverse()
        for clock, job in jobs:
            with clock.runs_for(self._batch):
                job()


def measure(name: str, n_jobs: int, seed: int) -> list[float]:
    """Figures of one search, in the order of the columns."""
    X, y = table(name)
    net = nnhp.MLPClassifier(max_iter=EPOCHS[name], random_state=0)
    search = nnhp.BayesSearchCV(
        net, SPACE, n_iter=N_CANDIDATES, cv=N_FOLDS, n_jobs=n_jobs, random_state=seed, refit=False
    )
    ours = TimedProposals.nnhp_clock = Clock()
    bare = TimedProposals.optuna_clock = Clock()
    wall, cpu = time.perf_counter(), time.process_time()
    search.fit(X.astype(np.float32), y)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall - bare.wall
    asked = ours.of_cpu.mean()
    rest = (cpu / N_CANDIDATES - asked - bare.of_cpu.mean()) / n_jobs
    by_part = ours.of_cpu.reshape(N_PARTS, -1).mean(axis=1)
    milliseconds = 1e3 * np.array([rest, *by_part, asked - bare.of_cpu.mean()])
    shares = [asked / (asked + rest), by_part[-1] / (by_part[-1] + rest), ours.wall / wall]
    return [*milliseconds, *(100 * np.array(shares))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=3, help="of each search (default 3)")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # trainings that reach max_iter are meant here
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    _model_search.Proposals = TimedProposals
    print_machine(arguments.repetitions)
    size = N_CANDIDATES // N_PARTS
    parts = [f"to {end}" for end in range(size, N_CANDIDATES + 1, size)]
    print("ms a candidate: all that is no proposal (rest), proposals by parts of the search, and")
    print(
        f"nnhp's own part of them (own; goal: under {OWN_GOAL}). Proposals in percent of the time:"
    )
    print(f"share of the search (goal: under {GOAL}), of its last part, by the clock on the wall")
    columns = ["rest", *parts, "own", "share", "last", "wall"]
    print(f"{'':14}threads" + "".join(f"{column:>8}" for column in columns))
    for name in EPOCHS:
        for n_jobs in THREADS:
            runs = [measure(name, n_jobs, seed) for seed in range(arguments.repetitions)]
            figures = "".join(f"{figure:8.2f}" for figure in np.median(runs, axis=0))
            print(f"{name:14}{n_jobs:7}{figures}", flush=True)


if __name__ == "__main__":
    main()
