"""Candidates x folds on the engine: trained together, scored from bulk predictions."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Hashable, Iterator, Mapping, Sequence
from itertools import islice
from traceback import format_exc
from typing import TYPE_CHECKING, Any

from nnhp.estimators._data import Given
from nnhp.estimators._folds import SharedData
from nnhp.estimators._training import Cache, train_together
from nnhp.search._beginnings import Beginnings
from nnhp.search._course import Course, Pause
from nnhp.search._judge import Judge
from nnhp.search._kept import KeptTrainings
from nnhp.search._outcome import BLOCK, Candidate, Checkpoint, Finished, Job, Outcome, Poll, Split
from nnhp.search._prepare import Preparation, Setting, net_of
from nnhp.search._settings import Settings

if TYPE_CHECKING:
    from nnhp.search._run import Evaluator
    from nnhp.search._scoring import Scoring

# What is trained in one call of the engine, a wave: bounded, so that memory does not grow with the
# search, and large, so that no thread waits long for the last one.
_WAVE_BYTES = 1 << 26
_WAVE_TRAININGS = 1024
_WAVE_TRAININGS_PER_THREAD = 128
# Trainings that go on together where each epoch is scored: few, so that they end by and by, but as
# many for each thread that threads seldom wait for each other, and as take so long for an epoch
# that a call of the engine for each is nothing beside it.
_BY_EPOCHS_PER_THREAD = 8
_SECONDS_BY_EPOCHS = 0.005
# After so long a wave pauses for what is finished, where that shall be recorded.
_FIRST_INTERVAL = 2.0


class NotForTheEngineError(ValueError):
    """The engine cannot do a candidate, and nobody else may; the message says why."""

    def __init__(self, candidate: Candidate, reason: str) -> None:
        super().__init__(reason)
        self.candidate = candidate

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.candidate, *self.args)


class EngineEvaluator:
    """Trains and scores candidates whose estimators are nnhp's.

    Parameters
    ----------
    estimator : estimator
        The search's, cloned.
    given : Given
        All samples and targets in the caller's containers, and the arguments of the net's `fit`.
    splits : list of Split
        The folds.
    scoring : Scoring
        What to compute.
    threads : int
        To train on.
    seed_of : callable
        Gives the seed of a candidate's fold, for nets whose `random_state` is None.
    others : Evaluator or None
        Computes the candidates that the engine cannot; with None these raise NotForTheEngineError.
    continues : tuple of (str, int) or None
        Name of the parameter that counts epochs, and how many of them a candidate may come to:
        trainings are then kept, and go on when the same candidate comes again.
    recall : callable or None
        Gives the epoch and the state of a candidate's fold from the study, or None.
    records : bool
        Whether what is finished shall be told soon, also of a wave of long trainings.
    wants_curves, wants_estimators, wants_trainings : bool
        Whether outcomes shall hold these.
    together : int or None
        Memory that trainings of one call may take with their samples, in bytes, where as many as
        possible shall be done in one. With None those of a call are bounded, and have samples
        that one setting of the earlier steps made.
    """

    block = BLOCK

    def __init__(
        self,
        estimator: Any,
        given: Given,
        *,
        splits: Sequence[Split],
        scoring: Scoring,
        threads: int,
        seed_of: Callable[[int, int], int],
        others: Evaluator | None,
        continues: tuple[str, int] | None = None,
        recall: Callable[[Candidate, int], tuple[int, dict[str, Any]] | None] | None = None,
        records: bool = False,
        wants_curves: bool = False,
        wants_estimators: bool = False,
        wants_trainings: bool = False,
        together: int | None = None,
    ) -> None:
        self._given = given
        self._splits = list(splits)
        self._scoring = scoring
        self._shared: SharedData | None = None
        if net_of(estimator) is estimator:
            self._shared = SharedData(estimator, given)
            self._shared.of(estimator)  # raises where no net of this kind can learn from it
        self._threads = threads
        self._wave_trainings = min(_WAVE_TRAININGS, _WAVE_TRAININGS_PER_THREAD * threads)
        self._goes_on = continues is not None
        self._records = records
        self._wants_curves = wants_curves
        self._others = others
        self.wants_estimators = wants_estimators
        self._together = together
        self.delegated: dict[str, set[int]] = {}  # candidates done by `others`, by the reason
        self._targets: dict[int, int] = {}  # epochs that were planned for a candidate's folds
        self.settings = Settings(
            estimator,
            Cache(threads),
            has_validation=given.X_val is not None,
            raises=scoring.raises,
            horizon=None if continues is None else continues[1],
        )
        self._judge = Judge(scoring, given, threads, wants_trainings=wants_trainings)
        self._preparation: Hashable = None
        self._prepared: dict[int, Preparation | str] = {}  # by fold; why not, where it failed
        self.kept = KeptTrainings()
        self._beginnings = Beginnings(
            self.settings, self.kept, seed_of, recall if self._goes_on else None
        )

    # --------------------------------------------------------------------- candidates

    def setting(self, candidate: Candidate) -> Setting:
        """Configure and check the estimator of a candidate."""
        return self.settings.of(candidate)

    def order(self, candidates: Sequence[Candidate]) -> Sequence[int]:
        """Those that prepare the samples alike follow each other."""
        return self.settings.order(candidates)

    def branch(self, candidates: Sequence[Candidate]) -> None:
        """Take down what trainings begin with that branch off others, before these go on."""
        for candidate in candidates:
            if candidate.origin is None:
                continue
            parent, epoch = candidate.origin
            self._targets.setdefault(candidate.number, epoch or 0)
            for fold in range(len(self._splits)):
                self.kept.branch((candidate.number, fold), (parent.number, fold), epoch)

    def planned_epochs(self, candidate: Candidate) -> int:
        """Epochs that a fold will take at most, beyond those of the rungs before."""
        target = self.settings.epochs_of(candidate)
        if not target or not self._goes_on:
            return target
        kept = all((candidate.number, fold) in self.kept for fold in range(len(self._splits)))
        before = self._targets.get(candidate.number, 0) if kept else 0
        self._targets[candidate.number] = max(target, before)
        origin = candidate.origin
        begun_anew = origin is not None and origin.epoch is None and not kept
        ancestors = candidate.lineage[:-1] if begun_anew else []
        return max(target - before, 0) + sum(map(self.settings.epochs_of, ancestors))

    def evaluate(self, jobs: Sequence[Job], poll: Poll | None = None) -> Iterator[list[Finished]]:
        """Train and score; yields what is finished, some jobs at a time, until `poll` stops it.

        Jobs of one candidate must follow each other.
        """
        settings: dict[int, Setting] = {}
        groups: dict[Hashable, list[int]] = {}
        delegated: list[int] = []
        for place, (candidate, _) in enumerate(jobs):
            if candidate.number not in settings:
                setting = settings[candidate.number] = self.setting(candidate)
                if setting.obstacle is not None:
                    self._note_delegated(candidate, setting.obstacle)
            setting = settings[candidate.number]
            if setting.obstacle is None:
                groups.setdefault(setting.preparation, []).append(place)
            else:
                delegated.append(place)
        yield from self._evaluate_by_others(jobs, delegated, poll)
        delegated = []
        alike = list(groups.values())
        if self._together is not None:
            alike = [[place for group in alike for place in group]]
        for group in alike:
            stopped = yield from self._evaluate_in_waves(jobs, group, settings, delegated, poll)
            if stopped:
                return
        yield from self._evaluate_by_others(jobs, delegated, poll)

    def _evaluate_in_waves(
        self,
        jobs: Sequence[Job],
        places: Sequence[int],
        settings: Mapping[int, Setting],
        delegated: list[int],
        poll: Poll | None,
    ) -> Generator[list[Finished], None, bool]:
        """Evaluate jobs, as many in each call as memory allows; returns whether `poll` stopped it.

        Those that another evaluator must do are added to `delegated`.
        """
        runs: list[Course] = []
        failed: list[Finished] = []
        size = 0
        prepared: dict[int, int] = {}  # memory of the samples of each preparation
        for place in places:
            candidate, fold = jobs[place]
            run = self._start(place, candidate, fold, settings[candidate.number])
            if run is None:
                delegated.append(place)
                continue
            if isinstance(run, Outcome):
                failed.append((place, run))
                continue
            runs.append(run)
            size += run.training.n_bytes + self._judge.bytes_of_outputs(run)
            if self._together is None:
                full = size > _WAVE_BYTES or len(runs) == self._wave_trainings
            else:
                prepared[id(run.preparation)] = run.preparation.own_bytes
                full = size + sum(prepared.values()) > self._together
            if full:
                stopped = yield from self._evaluate_wave(runs, failed, poll)
                if stopped:
                    return True
                runs, failed, size, prepared = [], [], 0, {}
        return (yield from self._evaluate_wave(runs, failed, poll))

    def _evaluate_wave(
        self, runs: list[Course], failed: list[Finished], poll: Poll | None
    ) -> Generator[list[Finished], None, bool]:
        """Train and score runs, beside some that failed; returns whether `poll` stopped it.

        A wave of long trainings is interrupted now and then to score those that are finished,
        so that what is to be recorded of them is not lost with the others.
        """
        interval = _FIRST_INTERVAL
        if failed:
            yield failed
        while runs:
            pause = Pause(runs, poll, interval if self._records else math.inf)
            paused = self._train(runs, pause)
            ended = [run for run in runs if run.finished]
            runs = [run for run in runs if not run.finished]
            # What an epoch had done is lost, so pauses are rare where trainings are long.
            interval = interval if ended else 2 * interval
            epochs = sum(run.epochs_trained for run in ended + runs)
            for finished in self._judged(ended):
                yield finished
                epochs -= sum(outcome.epochs for _, outcome in finished)
                if poll is not None and poll(epochs):
                    return True
            if pause.stopped or not paused:
                return pause.stopped
        return False

    def _note_delegated(self, candidate: Candidate, reason: str) -> None:
        if self._others is None:
            raise NotForTheEngineError(candidate, reason)
        if not any(candidate.number in numbers for numbers in self.delegated.values()):
            self.delegated.setdefault(reason, set()).add(candidate.number)

    def _evaluate_by_others(
        self, jobs: Sequence[Job], places: Sequence[int], poll: Poll | None
    ) -> Iterator[list[Finished]]:
        if places and self._others is not None:
            for finished in self._others.evaluate([jobs[place] for place in places], poll):
                yield [(places[place], outcome) for place, outcome in finished]

    def _start(
        self, place: int, candidate: Candidate, fold: int, setting: Setting
    ) -> Course | Outcome | None:
        """Begin a training, or go on with it; None where another evaluator must do it."""
        begun = time.perf_counter()
        if setting.error is not None:
            return self._judge.failed(setting.error, fold, 0.0)
        net = self._beginnings.net(setting, candidate, fold)
        preparation = self._prepare(setting, fold, net)
        if isinstance(preparation, str):
            # The rows that judge it may be the ones at fault: scikit-learn's way tells.
            self._note_delegated(candidate, f"a fold cannot be prepared: {preparation}")
            return None
        try:
            training, end, later = self._beginnings.training(
                candidate, fold, setting, net, preparation
            )
        except Exception:
            if self._scoring.raises:
                raise
            return self._judge.failed(format_exc(), fold, time.perf_counter() - begun)
        return Course(
            place,
            candidate.number,
            fold,
            setting,
            net,
            preparation,
            training,
            end,
            later,
            time.perf_counter() - begun,
        )

    def _prepare(self, setting: Setting, fold: int, net: Any) -> Preparation | str:
        """Prepare a fold once for all settings that prepare it alike; why not, where that fails.

        The samples of one preparation at a time are held: trainings on others are paused.
        """
        if setting.preparation != self._preparation:
            self._preparation = setting.preparation
            self._prepared = {}
            self.kept.pause_all()
        try:
            if fold not in self._prepared:
                self._prepared[fold] = Preparation(
                    setting, self._splits[fold], self._given, self._shared, self._scoring
                )
            preparation = self._prepared[fold]
            if not isinstance(preparation, str):
                preparation.fold(net)
        except Exception as error:
            preparation = f"{type(error).__name__}: {error}".partition("\n")[0]
            self._prepared.setdefault(fold, preparation)
        return preparation

    # --------------------------------------------------------------------- trainings

    def _train(self, runs: list[Course], poll: Poll) -> bool:
        """Train to the end; returns whether `poll` stopped it before."""
        stopped = self._catch_up(runs, poll)
        if not stopped and self._wants_curves:
            stopped = self._advance_by_epochs(runs, poll)
        elif not stopped:
            stopped = self._advance(runs, [run.missing_epochs for run in runs], poll)
        for run in runs:
            run.note_time()
        return stopped

    def _judged(self, runs: list[Course]) -> Iterator[list[Finished]]:
        """Outcomes of trainings that are over, some at a time; these may go on later."""
        failed: list[Course] = []
        sound: list[Course] = []
        for run in runs:
            try:
                run.training.check_finite(warn=False)
            except ValueError:
                if self._scoring.raises_divergence:
                    raise
                run.error = format_exc()
            (sound if run.error is None else failed).append(run)
        if failed:
            self._keep(failed)
            yield list(map(self._judge.failed_course, failed))
        for finished in self._judge.outcomes(sound, estimators=self.wants_estimators):
            self._keep(sound[: len(finished)])
            sound = sound[len(finished) :]
            yield finished

    def _keep(self, runs: list[Course]) -> None:
        if self._goes_on:
            for run in runs:
                self.kept.put(run.key, run.training)

    def _catch_up(self, runs: list[Course], poll: Poll) -> bool:
        """Do the stretches of other candidates; returns whether `poll` stopped it."""
        while behind := [run for run in runs if run.later and run.error is None]:
            if self._advance(behind, [run.missing_epochs for run in behind], poll):
                return True
            for run in behind:
                try:
                    run.enter_next()
                except MemoryError:
                    if self._scoring.raises:
                        raise
                    run.error = format_exc()
        return False

    def _advance(self, runs: list[Course], epochs: list[int], poll: Poll) -> bool:
        targets = [run.training.epoch + n for run, n in zip(runs, epochs, strict=True)]
        try:
            return train_together([run.training for run in runs], epochs, self._threads, poll)
        except MemoryError:
            if len(runs) == 1:
                if self._scoring.raises:
                    raise
                runs[0].error = format_exc()
                return False
        # One by one, to find those that are too large.
        done = 0
        for run, target in zip(runs, targets, strict=True):
            before = run.training.epoch
            if self._advance([run], [target - before], _counting_from(done, poll)):
                return True
            done += run.training.epoch - before
        return False

    def _advance_by_epochs(self, runs: list[Course], poll: Poll) -> bool:
        """Score after each epoch, too; training does not notice.

        A few go on together, so that they end, and are recorded, by and by.
        """
        waiting = (run for run in runs if not run.finished)
        n_together = _BY_EPOCHS_PER_THREAD * self._threads
        going = list(islice(waiting, n_together))
        done = 0
        while going:
            begun = time.perf_counter()
            before = [run.training.epochs_done for run in going]
            stopped = self._advance(going, [1] * len(going), _counting_from(done, poll))
            advanced = [
                run
                for run, epochs in zip(going, before, strict=True)
                if run.error is None and run.training.epochs_done > epochs
            ]
            for run, scores in zip(advanced, self._judge.scores_of_epoch(advanced), strict=True):
                run.note_epoch({f"test_{name}": value for name, value in scores.items()})
            done += len(advanced)
            if stopped or poll(done):
                return True
            took = time.perf_counter() - begun
            if took < _SECONDS_BY_EPOCHS and len(going) == n_together:
                n_together *= 2
            going = [run for run in going if not run.finished]
            going += islice(waiting, n_together - len(going))
        return False

    # --------------------------------------------------------------------- kept trainings

    def keep_only(self, numbers: set[int]) -> None:
        """Let go of the trainings of all other candidates."""
        self.kept.keep_only(numbers)

    def kept_bytes(self) -> dict[int, int]:
        """Memory of the trainings that are kept, by candidate."""
        return self.kept.n_bytes()

    def checkpoints(self) -> Iterator[Checkpoint]:
        """States of the kept trainings that took longer than it takes to write them."""
        return self.kept.checkpoints()


def _counting_from(done: int, poll: Poll) -> Poll:
    return lambda n_epochs: poll(done + n_epochs)
