"""What the workers are given, and what becomes of it."""

from __future__ import annotations

import pickle
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace

from nnhp.search._executor_bundles import Backlog, Bundle, Pace, Place, PricedJob
from nnhp.search._executor_data import NotPlacedError
from nnhp.search._executor_early import Done, EarlyJobs
from nnhp.search._executor_pools import Workers, WorkersLostError
from nnhp.search._executor_worker import Failure, Report, WrongInstructionSetError

_POLL_SECONDS = 0.1
_UNDER_WAY = 2  # errands for each worker: the next one waits there
_DEADLY = 3  # times that a job is lost, done alone, until it is given up
_HOPELESS = 3  # jobs given up when nobody has ever done one: it is not the jobs
_MISPLACED_SECONDS = 30.0  # in which all errands came to workers without the data, or other kernels


class Dispatch:
    """What the workers are given: what is under way, what was lost, and who is suspected.

    A worker that dies takes with it what it had, so that a lost bundle may be another's victim.
    Those that were lost are therefore done alone, when nothing else is left to do; one that is
    lost again is halved until the job is found. Jobs that are not asked for yet come last; those of
    them that are lost are forgotten.

    Parameters
    ----------
    workers : Workers
        Who does the work.
    pace : Pace
        What costs mean in seconds, by all that was measured.
    pack : callable
        Makes an errand of a bundle.

    Attributes
    ----------
    asked : dict of Place to int
        The jobs of a call that are not done, and their indices there.
    early : EarlyJobs
        Those that are not asked for yet: done by workers that would idle else.
    """

    def __init__(self, workers: Workers, pace: Pace, pack: Callable[[Bundle], bytes]) -> None:
        self.asked: dict[Place, int] = {}
        self.early = EarlyJobs(pace)
        self._workers, self._pace, self._pack = workers, pace, pack
        self._backlog = Backlog([], pace)
        self._again: list[Bundle] = []  # lost ones, that nobody suspects
        self._suspects: list[Bundle] = []
        self._alone: Bundle | None = None  # a suspect, under way with no other
        self._under_way: dict[Future[bytes], Bundle] = {}
        self._done: queue.SimpleQueue[Future[bytes]] = queue.SimpleQueue()
        self._given_up: list[PricedJob] = []
        self._n_given_up = 0
        self._misplaced_since: float | None = None
        self._pause_until = 0.0  # before bundles are done again

    def ask(self, jobs: Sequence[PricedJob]) -> dict[Place, Done]:
        """Begin a call; returns what is done already."""
        self.asked = {priced.place: index for index, priced in enumerate(jobs)}
        begun = [*self._under_way.values(), *self._again]
        done = self.early.claim(self.asked)
        known = done.keys() | {priced.place for bundle in begun for priced in bundle.jobs}
        left = [priced for priced in jobs if priced.place not in known]
        self._backlog = Backlog(left, self._pace)
        return done

    def fill(self) -> None:
        """Hand out as many bundles as the workers want."""
        n_workers = self._workers.n_workers()
        slots = max(_UNDER_WAY * n_workers, 1)
        while len(self._under_way) < slots and self._alone is None:
            if self._again and time.monotonic() >= self._pause_until:
                bundle = self._again.pop()
            elif self._backlog:
                bundle = self._backlog.take(slots)
            elif self._suspects:
                if self._under_way:
                    return
                bundle = self._alone = self._suspects.pop()
            elif len(self._under_way) < n_workers and (early := self.early.take(slots)):
                bundle = early
            else:
                return
            future = self._workers.submit(self._pack(bundle))
            self._under_way[future] = bundle
            future.add_done_callback(self._done.put)

    def wait(self) -> Iterator[tuple[Bundle, Report]]:
        """Wait a little, and yield the bundles that were done, with their reports."""
        try:
            future = self._done.get(timeout=_POLL_SECONDS)
            while True:
                bundle = self._under_way.pop(future)
                report = self._report(bundle, future)
                if bundle is self._alone:
                    self._alone = None
                if report is not None:
                    yield bundle, report
                future = self._done.get_nowait()
        except queue.Empty:
            return

    def _report(self, bundle: Bundle, future: Future[bytes]) -> Report | None:
        """What became of a bundle; None where it must be done again."""
        try:
            report: Report | Failure = pickle.loads(future.result())
        except self._workers.lost as error:
            self._judge(bundle, error)
            return None
        except (NotPlacedError, WrongInstructionSetError) as error:
            now = time.monotonic()
            self._misplaced_since = self._misplaced_since or now
            if now > self._misplaced_since + _MISPLACED_SECONDS:
                raise
            if isinstance(error, WrongInstructionSetError):
                self._workers.agree()
            self._again.append(bundle)
            self._pause_until = now + _POLL_SECONDS  # for others to do it
            return None
        self._misplaced_since = None
        if not isinstance(report, Failure):
            return report
        if self._is_asked(bundle):
            raise report.error
        self._stop(bundle)
        return None

    def _is_asked(self, bundle: Bundle) -> bool:
        return any(priced.place in self.asked for priced in bundle.jobs)

    def _stop(self, bundle: Bundle) -> None:
        """Leave what was begun early for when it is asked for."""
        self.early.stop(priced.place for priced in bundle.jobs)

    def _judge(self, bundle: Bundle, error: BaseException) -> None:
        """Decide what becomes of a lost bundle, whose worker may have died."""
        died = self._workers.died(error)
        if not self._is_asked(bundle):
            self._stop(bundle)
        elif not died:
            self._again.append(bundle)
        elif bundle is not self._alone:
            self._suspects.append(bundle)
        elif len(bundle.jobs) > 1:
            self._suspects += bundle.halves()
        elif bundle.losses + 1 < _DEADLY:
            self._suspects.append(replace(bundle, losses=bundle.losses + 1))
        else:
            self._n_given_up += 1
            if self._n_given_up >= _HOPELESS and not self._pace.known:
                raise WorkersLostError(
                    f"None of the workers has ever done a job; {self._n_given_up} jobs were lost "
                    "with all that were given them."
                ) from error
            self._given_up += bundle.jobs

    def given_up(self) -> list[tuple[int, PricedJob]]:
        """Jobs that killed whoever did them, since the last time, and their indices."""
        found, self._given_up = self._given_up, []
        return [(self.asked.pop(priced.place), priced) for priced in found]

    def cancel(self) -> None:
        """Forget what is under way."""
        for future in self._under_way:
            future.cancel()
