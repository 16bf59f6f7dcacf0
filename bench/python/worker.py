"""A process of one library on its own CPUs: makes jobs, runs and times them as its parent asks.

Requests and replies are lines of JSON.  What the library prints goes to standard error.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, NoReturn

from cases import COMPARISONS, LIBRARIES, SCALES, Entrant, Scale
from jobs import Job, WrongAnswerError
from measuring import seconds_of

from nnhp import _core

PLANS = {comparison.key: comparison for comparison in COMPARISONS}


class Jobs(dict[int, tuple[Job, Entrant, Scale]]):
    """By the entrants' numbers."""

    def __missing__(self, number: int) -> NoReturn:
        raise LookupError("its process ended in the turn of another entrant of the library")


class Bench:
    """The jobs of one comparison that belong to this process."""

    def __init__(self, library: str, threads: int) -> None:
        self.library = importlib.import_module(LIBRARIES[library])
        self.threads = threads
        self.jobs = Jobs()

    def versions(self) -> dict[str, str]:
        return {package: version(package) for package in self.library.PACKAGES}

    def open(self, key: str, number: int, scale_name: str) -> Any:
        """Make the job of an entrant; return the time of its first pass and its answer."""
        entrant, scale = PLANS[key].entrants[number], SCALES[scale_name]
        job = self.library.JOBS[entrant.job](scale.case(entrant.case), self.threads)
        job.reset()
        first = seconds_of(lambda: job.run(1))
        job.reset()
        self.jobs[number] = job, entrant, scale
        return {"first_s": first, "answer": job.check()}

    def check(self, number: int) -> Any:
        return self.jobs[number][0].check()

    def run(self, number: int) -> dict[str, float]:
        """Time the job, and measure the FMA peak before and after it: the larger counts."""
        job, entrant, scale = self.jobs[number]
        case = scale.case(entrant.case)
        job.reset()
        before = _core.fma_peak(case.dtype, self.threads, scale.peak_seconds)
        seconds = seconds_of(lambda: job.run(case.passes))
        after = _core.fma_peak(case.dtype, self.threads, scale.peak_seconds)
        return {"peak_gflops": max(before, after), "seconds": seconds}

    def score(self, number: int) -> float | None:
        return self.jobs[number][0].score()

    def effort(self, number: int) -> dict[str, int] | None:
        return self.jobs[number][0].effort()

    def close(self) -> None:
        self.jobs.clear()


def replier() -> Callable[[Any], None]:
    """Return what writes to the present standard output, and turn that over to standard error."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return lambda reply: print(json.dumps(reply), file=replies)


def main() -> None:
    library, threads = sys.argv[1], int(sys.argv[2])
    reply = replier()
    bench: Any = None
    for line in sys.stdin:
        method, *arguments = json.loads(line)
        try:
            if bench is None:
                bench = Bench(library, threads)
            reply({"value": getattr(bench, method)(*arguments)})
        except WrongAnswerError as error:
            reply({"wrong": str(error)})
        except Exception as error:
            reply({"error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main()
