"""What runs on a worker: errands, that is a bundle of jobs and what they need beside the data."""

from __future__ import annotations

import os
import pickle
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import cloudpickle

import nnhp
from nnhp import _threads
from nnhp.search._executor_data import DamagedDataError, NotPlacedError, opened, placed
from nnhp.search._fingerprint import VERSIONS
from nnhp.search._kept import Key, Paused
from nnhp.search._materials import Materials
from nnhp.search._outcome import Candidate, Finished, Job

_MAX_OPEN = 2  # searches whose data a process holds: one within another


class WrongInstructionSetError(RuntimeError):
    """A worker computes with other kernels than the search, and so to other bits."""


@dataclass(frozen=True)
class Errand:
    """Jobs for a worker."""

    digest: str  # of the data
    path: Path | None  # of their file; None where somebody placed it for the worker
    threads: int | None  # to train on; None: as many as the worker was given
    isa: str
    versions: str
    on_engine: bool  # else everything is done in scikit-learn's way
    jobs: Sequence[Job]
    wants_estimators: bool
    seeds: Mapping[Key, int] = field(default_factory=dict)  # of folds whose nets have none
    paused: Mapping[Key, Paused] = field(default_factory=dict)  # trainings to go on with
    recalled: Mapping[Key, tuple[int, dict[str, Any]]] = field(default_factory=dict)  # by a study
    byte_seconds: float = 0.0  # of training, that are worth a byte of a paused one's way back

    def packed(self) -> bytes:
        """As bytes, whatever its candidates are made of."""
        content: bytes = cloudpickle.dumps(self, protocol=5)
        return content


@dataclass(frozen=True)
class Report:
    """What became of an errand."""

    finished: list[Finished]
    delegated: dict[str, set[int]]  # candidates done in scikit-learn's way, by the reason
    paused: dict[Key, Paused]  # trainings that may go on
    seconds: float

    def packed(self) -> bytes:
        """As bytes, whatever its estimators are made of."""
        content: bytes = cloudpickle.dumps(self, protocol=5)
        return content


@dataclass(frozen=True)
class Failure:
    """An errand that raised, as the search shall."""

    error: Exception

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """Take an exception along, or its text where it cannot travel."""
        said = "".join(traceback.format_exception(error))
        try:
            pickle.loads(cloudpickle.dumps(error))
        except Exception:
            error = RuntimeError(f"A worker's errand raised what cannot travel:\n{said}")
        else:
            error.add_note(f"On a worker:\n{said}")
        return cls(error)

    def packed(self) -> bytes:
        """As bytes."""
        content: bytes = cloudpickle.dumps(self, protocol=5)
        return content


class _Bench:
    """The evaluator of one search in this process."""

    def __init__(self, errand: Errand) -> None:
        if errand.versions != VERSIONS:
            raise RuntimeError(
                f"A worker has {VERSIONS}, the process that searches {errand.versions}: results "
                "might differ."
            )
        path, threads = errand.path, errand.threads
        if path is None:
            path, threads = placed.find(errand.digest)
        self._materials: Materials = opened(path, errand.digest)
        self._errand = errand
        scikit = self._materials.scikit(streams=True)
        self._scikit = scikit
        self._engine = None
        if errand.on_engine:
            self._engine = self._materials.engine(
                threads=threads or _threads.resolve(None),
                seed_of=lambda number, fold: self._errand.seeds[number, fold],
                others=scikit if self._materials.search._takes_others else None,
                recall=self._recall,
            )

    def _recall(self, candidate: Candidate, fold: int) -> tuple[int, dict[str, Any]] | None:
        return self._errand.recalled.get((candidate.number, fold))

    def do(self, errand: Errand) -> Report:
        begun = time.perf_counter()
        self._errand = errand
        self._scikit.wants_estimators = errand.wants_estimators
        if self._engine is None:
            outcomes = self._scikit.evaluate(errand.jobs, None)
            finished = [one for some in outcomes for one in some]
            return Report(finished, {}, {}, time.perf_counter() - begun)
        engine = self._engine
        engine.wants_estimators = errand.wants_estimators
        engine.delegated = {}
        engine.kept.take_all()  # of an errand that failed
        for key, paused in errand.paused.items():
            engine.kept.put(key, paused)
        finished = [one for some in engine.evaluate(errand.jobs) for one in some]
        climbing = self._climbing(errand)
        return Report(finished, engine.delegated, climbing, time.perf_counter() - begun)

    def _climbing(self, errand: Errand) -> dict[Key, Paused]:
        """Those trainings that may come to a later rung, and are worth their way."""
        assert self._engine is not None
        kept = self._engine.kept.take_all()
        if self._materials.continues is None:
            return {}
        _, horizon = self._materials.continues
        branches = self._materials.search._branches
        wanted = {
            (candidate.number, fold)
            for candidate, fold in errand.jobs
            if branches or self._engine.settings.epochs_of(candidate) < horizon
        }
        climbing = {}
        for key in wanted & set(kept):
            training = kept[key]
            seconds = training.seconds
            if key in errand.paused and not isinstance(training, Paused):  # it went on
                seconds += errand.paused[key].seconds
            if branches or seconds >= errand.byte_seconds * training.n_bytes:
                paused = training if isinstance(training, Paused) else Paused.of(training)
                climbing[key] = replace(paused, seconds=seconds)
        return climbing


_BenchKey: TypeAlias = tuple[str, Path | None, int | None, bool]  # what it is made for

_turn = threading.Lock()  # one errand at a time: it has all of the worker's threads
_benches: dict[_BenchKey, _Bench] = {}


def _begin_anew() -> None:
    # A thread of a parent that forked may have had the turn, and its bench under its hands.
    global _turn
    _turn = threading.Lock()
    _benches.clear()


os.register_at_fork(after_in_child=_begin_anew)


def forget(digest: str) -> None:
    """Let go of what this process made of some data."""
    for key in [key for key in _benches if key[0] == digest]:
        del _benches[key]


def do_errand(packed: bytes) -> bytes:
    """Do a packed errand; returns the packed report, or the packed failure.

    Raises
    ------
    WrongInstructionSetError
        If this process computes with other kernels than the search.
    NotPlacedError, DamagedDataError
        If the data are not here.
    """
    errand: Errand = pickle.loads(packed)
    if errand.isa != nnhp.isa():
        raise WrongInstructionSetError(
            f"A worker computes with {nnhp.isa()} and the search with {errand.isa}: start the "
            f"worker with NNHP_ISA={errand.isa}."
        )
    key = errand.digest, errand.path, errand.threads, errand.on_engine
    with _turn:
        for left in [k for k in _benches if k[1] is not None and not k[1].exists()]:
            del _benches[left]  # of searches that are over
        try:
            bench = _benches.pop(key, None) or _Bench(errand)
            while len(_benches) >= _MAX_OPEN:
                del _benches[next(iter(_benches))]
            _benches[key] = bench
            return bench.do(errand).packed()
        except (NotPlacedError, DamagedDataError):
            raise
        except Exception as error:
            return Failure.of(error).packed()
