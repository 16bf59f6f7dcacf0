"""Comparisons: entrants in processes of their own take turns, after their answers were verified."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Self

import numpy as np
import reference
from cases import FORWARD_JOBS, SCALES, Case, Comparison, Entrant, Scale, Search
from jobs import WrongAnswerError
from measuring import spread

from nnhp import _core

WORKER = Path(__file__).with_name("worker.py")
THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
)  # fmt: skip


class WorkerError(Exception):
    """What went wrong in a worker."""


class Worker:
    """A process of one library, held to the last CPUs of those allowed."""

    def __init__(self, library: str, threads: int, isa: str, log: Path) -> None:
        cpus = sorted(os.sched_getaffinity(0))[-threads:]
        environment = {
            **os.environ,
            **dict.fromkeys(THREAD_VARIABLES, str(threads)),
            "KERAS_BACKEND": "jax",
            "JAX_PLATFORMS": "cpu",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        if isa:
            environment["NNHP_ISA"] = isa
        if threads == 1:
            environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
        self.library, self.log = library, log
        with log.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, str(WORKER), library, str(threads)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment,
                preexec_fn=lambda: os.sched_setaffinity(0, cpus),
            )

    def ask(self, method: str, *arguments: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps([method, *arguments]) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            last = self.log.read_text().strip().splitlines()[-1:]
            raise WorkerError(f"the process ended: {' '.join(last)}")
        reply = json.loads(line)
        if "wrong" in reply:
            raise WrongAnswerError(f"{self.library}: {reply['wrong']}")
        if "error" in reply:
            raise WorkerError(reply["error"])
        return reply["value"]

    def stop(self) -> None:
        """Close its input, at which it ends."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError), self.process:
            self.process.stdin.close()


class Workers:
    """Workers by library, threads and instruction set, started when first needed."""

    def __init__(self) -> None:
        self._started: dict[tuple[str, int, str], Worker] = {}
        self._logs = tempfile.TemporaryDirectory()

    def of(self, entrant: Entrant) -> Worker:
        key = entrant.library, entrant.threads, entrant.isa
        if key not in self._started or self._started[key].process.poll() is not None:
            log = Path(self._logs.name, "-".join(map(str, key)))
            self._started[key] = Worker(*key, log)
        return self._started[key]

    def close_jobs(self) -> None:
        for worker in self._started.values():
            with suppress(WorkerError):
                worker.ask("close")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._started.values():
            worker.stop()
        self._logs.cleanup()


@dataclass
class Result:
    """What one entrant did; times are of one pass over the data by one net."""

    entrant: Entrant
    case: Any  # as it was run
    versions: dict[str, str]
    first_s: float  # of a first pass
    difference: float | None = None  # of the answer from the correct one
    seconds: list[float] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)  # to the first entrant's time, turn by turn
    score: float | None = None
    effort: dict[str, int] | None = None  # candidates and epochs of a search

    @property
    def gflops(self) -> float | None:
        """Of the products in one pass by one net, in units of 1e9; None for a search."""
        case, job = self.case, self.entrant.job
        if not isinstance(case, Case):
            return None
        per_sample = case.forward_flops if job in FORWARD_JOBS else case.flops_per_sample
        return per_sample * case.n_rows / 1e9

    @property
    def peak_shares(self) -> list[float] | None:
        work = self.gflops
        if work is None:
            return None
        return [work / s / peak for s, peak in zip(self.seconds, self.peaks, strict=True)]

    @classmethod
    def of_record(cls, entrant: Entrant, case: Any, told: dict[str, Any]) -> Self:
        """Make a result again of its record."""
        return cls(
            entrant,
            case,
            told["versions"],
            told["first_seconds"],
            told["difference"],
            told["each_seconds"],
            told["each_fma_peak_gflops"],
            told["each_times_first"],
            told["score"],
            told["effort"],
        )

    def record(self) -> dict[str, Any]:
        """Return this as plain values."""
        shares = self.peak_shares
        return {
            "label": self.entrant.label,
            "library": self.entrant.library,
            "job": self.entrant.job,
            "threads": self.entrant.threads,
            "isa": self.entrant.isa or _core.isa() if self.entrant.library == "nnhp" else None,
            "versions": self.versions,
            "case": plain(self.case),
            "seconds": spread(self.seconds),
            "times_first": spread(self.ratios),
            "goal": self.entrant.goal,
            "limit": self.entrant.limit,
            "most_us": self.entrant.most_us,
            "goal_peak_share": self.entrant.peak_share,
            "each_seconds": self.seconds,
            "each_fma_peak_gflops": self.peaks,
            "each_times_first": self.ratios,
            "fma_peak_gflops": spread(self.peaks),
            "peak_share": None if shares is None else spread(shares),
            "first_seconds": self.first_s,
            "score": self.score,
            "effort": self.effort,
            "difference": self.difference,
        }


@dataclass
class Outcome:
    """What came of a comparison."""

    comparison: Comparison
    title: str
    results: list[Result]
    skipped: dict[str, str]  # label -> why

    @classmethod
    def of_record(cls, comparison: Comparison, scale: Scale, told: dict[str, Any]) -> Self:
        """Make an outcome again of its record."""
        entrants = {entrant.label: entrant for entrant in comparison.entrants}
        results = []
        for told_entrant in told["entrants"]:
            entrant = entrants[told_entrant["label"]]
            results.append(Result.of_record(entrant, scale.case(entrant.case), told_entrant))
        return cls(comparison, told["title"], results, told["skipped"])

    def record(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "entrants": [result.record() for result in self.results],
            "skipped": self.skipped,
        }


class Contest:
    """One comparison under way."""

    def __init__(
        self, comparison: Comparison, scale_name: str, workers: Workers, repetitions: int = 1
    ) -> None:
        self.comparison = comparison
        self.repetitions = repetitions
        self.scale_name, self.scale = scale_name, SCALES[scale_name]
        self.workers = workers
        self.outcome = Outcome(comparison, title_of(comparison, self.scale), [], {})
        self.numbers: list[int] = []  # of the results' entrants
        self.correct: dict[str, Any] = {}

    def hold(self) -> Outcome:
        """Verify all answers, let the entrants take turns, and compare their scores.

        An entrant that cannot take part is left out and its reason kept; a wrong answer raises.
        """
        for number, entrant in enumerate(self.comparison.entrants):
            with self.or_left_out(entrant):
                self.admit(number, entrant)
        for turn in range(min(self.comparison.repetitions, self.repetitions)):
            order = list(zip(self.numbers, self.outcome.results, strict=True))
            random.Random(turn).shuffle(order)  # that none is always the one after the same other
            for number, result in order:
                with self.or_left_out(result.entrant):
                    self.take_turn(number, result)
            for result in self.outcome.results:
                result.ratios.append(result.seconds[-1] / self.outcome.results[0].seconds[-1])
        for number, result in list(zip(self.numbers, self.outcome.results, strict=True)):
            with self.or_left_out(result.entrant):
                self.conclude(number, result)
        self.workers.close_jobs()
        return self.outcome

    @contextmanager
    def or_left_out(self, entrant: Entrant) -> Iterator[None]:
        try:
            yield
        except WorkerError as error:
            if entrant.library == "nnhp":
                raise
            self.leave_out(entrant, str(error))

    def leave_out(self, entrant: Entrant, reason: str) -> None:
        self.outcome.skipped[entrant.label] = reason
        for index, result in enumerate(self.outcome.results):
            if result.entrant is entrant:
                del self.outcome.results[index], self.numbers[index]

    def admit(self, number: int, entrant: Entrant) -> None:
        """Let a worker prepare an entrant, and verify its answer."""
        if reason := obstacle(entrant, self.scale):
            self.leave_out(entrant, reason)
            return
        worker = self.workers.of(entrant)
        versions = worker.ask("versions")
        opened = worker.ask("open", self.comparison.key, number, self.scale_name)
        result = Result(entrant, self.scale.case(entrant.case), versions, opened["first_s"])
        self.verify(result, opened["answer"])
        self.numbers.append(number)
        self.outcome.results.append(result)

    def verify(self, result: Result, answer: Any) -> None:
        job, case = result.entrant.job, result.case
        forward = job in FORWARD_JOBS
        correct_first = not forward and result.entrant.library in reference.CORRECT_FIRST
        key = f"{'forward' if forward else job} {case} {correct_first}"
        if key not in self.correct:
            # What nnhp's search finds is what the others' searches over the same space should.
            expected = reference.expected(job, case, correct_first=correct_first)
            self.correct[key] = answer if job == "search" else expected
        if answer is None:
            return
        if not np.isfinite(answer["probabilities"] if forward else answer).all():
            self.fail(result, "gives an answer that is not finite")
        if self.correct[key] is None:
            return
        result.difference = reference.difference(job, answer, self.correct[key])
        own_orders = result.entrant.library in reference.OWN_ORDERS
        least, most = reference.tolerance(job, case, own_orders=own_orders)
        if not least <= result.difference <= most:
            self.fail(result, f"gives an answer that is off by {result.difference:.2g}")

    def fail(self, result: Result, what: str) -> NoReturn:
        raise WrongAnswerError(f"{self.comparison.key}: {result.entrant.label} {what}")

    def take_turn(self, number: int, result: Result) -> None:
        measured = self.workers.of(result.entrant).ask("run", number)
        result.peaks.append(measured["peak_gflops"])
        result.seconds.append(measured["seconds"] / (result.case.passes * result.case.n_nets))

    def conclude(self, number: int, result: Result) -> None:
        """Require what the last run came to: a score or, of a prediction, the answer itself."""
        worker = self.workers.of(result.entrant)
        if result.entrant.job in FORWARD_JOBS:
            self.verify(result, worker.ask("check", number))
        result.score = worker.ask("score", number)
        result.effort = worker.ask("effort", number)
        self.require_score(result)

    def require_score(self, result: Result) -> None:
        """Require the score of the same training by the first entrant, within a band.

        Searches' scores are only told: those that stop candidates early choose for themselves.
        """
        first = self.outcome.results[0]
        if result.score is None or result.entrant.job == "search":
            return
        if result.case.options != first.case.options:
            return
        if not abs(result.score - first.score) <= self.scale.score_band:
            self.fail(
                result,
                f"scores {result.score:.3f}, and {first.entrant.label} scores {first.score:.3f}",
            )


def plain(case: Case | Search) -> dict[str, Any]:
    """Return what is run as values that JSON has."""
    fields = {**asdict(case), "options": dict(case.options), "goals": None}
    if isinstance(case, Case):
        fields["data"] = case.data.__name__
    return {name: value for name, value in fields.items() if value is not None}


def title_of(comparison: Comparison, scale: Scale) -> str:
    return comparison.title.format(scale.case(comparison.entrants[0].case))


def obstacle(entrant: Entrant, scale: Scale) -> str | None:
    """Return why an entrant cannot take part, or None."""
    if entrant.library in scale.without:
        return "not part of a report of this scale"
    if entrant.threads > len(os.sched_getaffinity(0)):
        return "more threads than CPUs"
    if entrant.isa and entrant.isa not in _core.available_isas():
        return "not an instruction set of this machine"
    return None
