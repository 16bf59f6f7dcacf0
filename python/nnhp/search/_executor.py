"""The evaluator that has its jobs done by workers: of an executor, or of a Dask cluster."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

import nnhp
from nnhp.search._evaluate import EngineEvaluator
from nnhp.search._executor_bundles import UNKNOWN_COST, Bundle, Pace, Place, PricedJob
from nnhp.search._executor_data import Content
from nnhp.search._executor_dispatch import Dispatch
from nnhp.search._executor_early import Done
from nnhp.search._executor_pools import Workers
from nnhp.search._executor_worker import Errand, Report
from nnhp.search._fingerprint import VERSIONS
from nnhp.search._kept import Key, Paused
from nnhp.search._materials import Materials
from nnhp.search._outcome import Candidate, Checkpoint, Finished, Job, Outcome, Poll, Then
from nnhp.search._scikit import ScikitEvaluator

_log = logging.getLogger("nnhp.search")

_BLOCK = 1 << 20
# What a training costs, roughly as the engine's own estimate has it: per sample and epoch, per
# weight of these, per unit of these, and per step.
_OF_SAMPLE, _OF_WEIGHT, _OF_UNIT, _OF_STEP = 400.0, 1.2, 20.0, 15000.0
_LARGEST_BATCH = 200  # that 'auto' means
_LINK_RATE = 1e8  # bytes a second that all workers' paused trainings share on their way here


class ExecutorEvaluator:
    """Has candidates trained and scored by workers, to the bits of this process.

    It decides nothing that a result depends on: bundles, workers and their deaths change only
    who computes what, and when.

    Parameters
    ----------
    local : EngineEvaluator or ScikitEvaluator
        What would do the work here. It plans, and holds the trainings that go on.
    materials : Materials
        What it was made of.
    workers : Workers
        Who does the work.
    seed_of : callable
        Gives the seed of a candidate's fold, for nets whose `random_state` is None.
    resource_of : callable
        Gives the resource of a candidate, which tells its rungs apart.
    recall : callable or None
        Gives the epoch and the state of a candidate's fold from the study, or None.
    """

    block = _BLOCK

    def __init__(
        self,
        local: EngineEvaluator | ScikitEvaluator,
        materials: Materials,
        workers: Workers,
        *,
        seed_of: Callable[[int, int], int],
        resource_of: Callable[[Candidate], int],
        recall: Callable[[Candidate, int], tuple[int, dict[str, Any]] | None] | None,
    ) -> None:
        self._local = local
        self._engine = local if isinstance(local, EngineEvaluator) else None
        self._materials = materials
        self._workers = workers
        self._seed_of = seed_of
        self._resource_of = resource_of
        self._recall = recall if materials.continues is not None else None
        self._pace = Pace()
        self._dispatch = Dispatch(workers, self._pace, self._pack)
        self._n_features, self._n_outputs = _widths(materials.X, materials.y)
        self.delegated: dict[str, set[int]] = {}
        self.wants_estimators = materials.search.return_oof
        content = Content.of(materials)
        self._digest = content.digest
        workers.place(content)

    # --------------------------------------------------------------------- as the local one

    def order(self, candidates: Sequence[Candidate]) -> Sequence[int]:
        """Any order will do: bundles have their own."""
        return range(len(candidates))

    def branch(self, candidates: Sequence[Candidate]) -> None:
        """Take down what trainings begin with that branch off others, before these go on."""
        self._local.branch(candidates)

    def planned_epochs(self, candidate: Candidate) -> int:
        """Epochs that a fold will take at most, beyond those of the rungs before."""
        return self._local.planned_epochs(candidate)

    def keep_only(self, numbers: set[int]) -> None:
        """Let go of the trainings of all other candidates."""
        self._local.keep_only(numbers)

    def kept_bytes(self) -> dict[int, int]:
        """Memory of the trainings that are kept here, by candidate."""
        return self._local.kept_bytes()

    def checkpoints(self) -> Iterator[Checkpoint]:
        """States of the kept trainings that took longer than it takes to write them."""
        return self._local.checkpoints()

    # --------------------------------------------------------------------- jobs

    def evaluate(self, jobs: Sequence[Job], poll: Poll | None = None) -> Iterator[list[Finished]]:
        """Have jobs done; yields what is finished, bundle by bundle, until `poll` stops it."""
        dispatch = self._dispatch
        try:
            early = dispatch.ask(list(map(self._priced, jobs)))
            yield [self._noted(place, done) for place, done in early.items()]
            while dispatch.asked:
                dispatch.fill()
                for bundle, report in dispatch.wait():
                    yield self._finished(bundle, report)
                for index, priced in dispatch.given_up():
                    yield [(index, self._given_up(priced))]
                if poll is not None and poll(0):
                    return
        finally:
            if dispatch.asked and dispatch is self._dispatch:
                self.cancel()

    def anticipate(self, jobs: Sequence[Job], then: Then) -> None:
        """Have jobs of a later rung done by workers that would idle; then call `then`.

        They are finished when they are evaluated, at once if they are done by then.
        """
        self._dispatch.early.order(list(map(self._priced, jobs)), then)

    def cancel(self) -> None:
        """Forget all that is under way."""
        self._dispatch.cancel()
        self._dispatch = Dispatch(self._workers, self._pace, self._pack)

    def _priced(self, job: Job) -> PricedJob:
        candidate, fold = job
        place = candidate.number, fold, self._resource_of(candidate)
        if self._engine is None:
            return PricedJob(place, job, UNKNOWN_COST, None)
        preparation = self._engine.settings.preparation_key(candidate)
        return PricedJob(place, job, self._cost(candidate), preparation)

    def _cost(self, candidate: Candidate) -> float:
        """Rough cost of a candidate's fold, of whatever net its settings make."""
        assert self._engine is not None
        settings = self._engine.settings
        try:
            layers = settings.of_net(candidate, "hidden_layer_sizes")
            hidden = [int(units) for units in np.ravel(layers)]
            given = settings.of_net(candidate, "batch_size")
            batch = _LARGEST_BATCH if given == "auto" else int(given)
        except (TypeError, ValueError):
            return UNKNOWN_COST  # its fits will fail, or have unusual layers
        sizes = [self._n_features, *hidden, self._n_outputs]
        weights = sum(map(prod, pairwise(sizes)))
        n_rows = len(self._materials.splits[0].train)
        batch = min(max(batch, 1), n_rows)
        of_sample = _OF_SAMPLE + _OF_WEIGHT * weights + _OF_UNIT * sum(hidden)
        of_epoch = n_rows * of_sample + n_rows / batch * (_OF_STEP + _OF_WEIGHT * weights)
        return float(of_epoch * max(settings.epochs_of(candidate), 1))

    def _pack(self, bundle: Bundle) -> bytes:
        """A bundle as an errand, with the trainings that it goes on with."""
        jobs = [priced.job for priced in bundle.jobs]
        seeds: dict[Key, int] = {}
        paused: dict[Key, Paused] = {}
        recalled = {}
        for candidate, fold in jobs:
            key = candidate.number, fold
            if self._engine is None:
                continue
            if self._engine.settings.of_net(candidate, "random_state") is None:
                first = candidate.lineage[0].number, fold
                seeds[first] = self._seed_of(*first)
            early = self._dispatch.early
            if key in early:
                begun = early.paused(key)
            else:
                begun = self._engine.kept.paused(key) if key in self._engine.kept else None
            if begun is not None:
                paused[key] = begun
                continue
            if self._recall is None:
                continue
            for one in candidate.lineage:
                if (found := self._recall(one, fold)) is not None:
                    recalled[one.number, fold] = found
        return Errand(
            digest=self._digest,
            path=self._workers.path,
            threads=self._workers.threads,
            isa=nnhp.isa(),
            versions=VERSIONS,
            on_engine=self._engine is not None,
            jobs=jobs,
            wants_estimators=self.wants_estimators,
            seeds=seeds,
            paused=paused,
            recalled=recalled,
            byte_seconds=self._workers.n_workers() / _LINK_RATE,
        ).packed()

    def _finished(self, bundle: Bundle, report: Report) -> list[Finished]:
        self._pace.note(bundle, report.seconds)
        for reason, numbers in report.delegated.items():
            self.delegated.setdefault(reason, set()).update(numbers)
        found = []
        for i, outcome in report.finished:
            place = bundle.jobs[i].place
            done = outcome, report.paused.get(place[:2])
            if place in self._dispatch.asked:
                found.append(self._noted(place, done))
            else:
                self._dispatch.early.finish(place, done)
        return found

    def _noted(self, place: Place, done: Done) -> Finished:
        """A job that was asked for; its training is kept instead of that which it went on from."""
        outcome, paused = done
        if self._engine is not None:
            self._engine.kept.take(place[:2])
            if paused is not None:
                self._engine.kept.put(place[:2], paused)
        return self._dispatch.asked.pop(place), outcome

    def _given_up(self, priced: PricedJob) -> Outcome:
        """Outcome of a job that kills whoever does it; raises where failures shall."""
        candidate, fold = priced.job
        reason = (
            f"WorkersLostError: all workers died that trained candidate "
            f"{candidate.number} ({dict(candidate)}) on fold {fold}."
        )
        scoring = self._materials.scoring()
        if scoring.raises:
            raise RuntimeError(reason)
        _log.warning(reason)
        failed = scoring.failed()
        return Outcome(failed, failed if scoring.of_training_rows else None, fit_error=reason)


def _widths(X: Any, y: Any) -> tuple[int, int]:
    """Features, and outputs of a net, as far as costs are concerned."""
    n_features = X.shape[1] if getattr(X, "ndim", 2) == 2 and hasattr(X, "shape") else 1
    shape = np.shape(y)
    if len(shape) > 1:
        return int(n_features), int(shape[1])
    values = np.asarray(y)
    classes = 1 if values.dtype.kind == "f" else min(len(np.unique(values)), len(values))
    return int(n_features), int(classes)
