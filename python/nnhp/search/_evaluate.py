"""Candidates x folds on the engine: trained together, scored from bulk predictions."""

from __future__ import annotations

import copy
import math
import time
import warnings
from array import array
from collections.abc import Callable, Generator, Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from numbers import Integral
from traceback import format_exc
from typing import TYPE_CHECKING, Any

import numpy as np

from nnhp.estimators._data import Given
from nnhp.estimators._fitted import snapshot
from nnhp.estimators._folds import SharedData
from nnhp.estimators._params import check_bounds, check_combination, max_epochs_of
from nnhp.estimators._schedules import laid_out
from nnhp.estimators._training import (
    Cache,
    Training,
    count_correct_together,
    predict_together,
    train_together,
)
from nnhp.search._outcome import (
    Candidate,
    Checkpoint,
    Finished,
    Job,
    Outcome,
    Poll,
    Scores,
    Split,
)
from nnhp.search._prepare import (
    Preparation,
    Setting,
    configured,
    meaning_of_outputs,
    net_of,
    obstacle,
    preparation_of,
    samples_of,
)
from nnhp.search._scores import NotNative, score

if TYPE_CHECKING:
    from nnhp.search._engine_fit import Scoring
    from nnhp.search._run import Evaluator

# What is trained in one call of the engine, a wave: bounded, so that memory does not grow with the
# search, and large, so that no thread waits long for the last one.
_WAVE_BYTES = 1 << 26
_WAVE_TRAININGS = 1024
_WAVE_TRAININGS_PER_THREAD = 128
# After so long a wave pauses for what is finished, where that shall be recorded.
_FIRST_INTERVAL = 2.0
# What a checkpoint costs at most, on a slow disk.
_WRITING_SECONDS = 0.05
_WRITING_RATE = 5e7  # bytes a second


@dataclass
class _Paused:
    """What is kept of a training whose samples were let go."""

    state: dict[str, Any]
    n_bytes: int
    seconds: float

    @classmethod
    def of(cls, training: Training) -> _Paused:
        return cls(training.session.state(), training.n_bytes, training.seconds)

    @property
    def epoch(self) -> int:
        return int(self.state["epoch"])


@dataclass
class _Course:
    """The course of a training for one job."""

    place: int
    number: int  # of the candidate
    fold: int
    setting: Setting
    net: Any
    preparation: Preparation
    training: Training
    epochs_before: int
    fit_time: float
    curve: dict[str, list[float]]
    error: str | None = None  # traceback: there was no memory for it

    def note_epoch(self, entries: dict[str, float]) -> None:
        """Add an epoch to the curve; what is not known of it is NaN."""
        session = self.training.session
        entries = {**entries, "train_loss": session.loss_curve[-1], "epoch": session.epoch}
        n_before = len(self.curve.get("epoch", ()))
        for name in {**self.curve, **entries}:
            column = self.curve.setdefault(name, [np.nan] * n_before)
            column.append(entries.get(name, np.nan))

    @property
    def finished(self) -> bool:
        return self.error is not None or self.missing_epochs == 0 or not self.training.running

    @property
    def missing_epochs(self) -> int:
        return max(self.setting.target - self.training.epoch, 0)


class _Pause:
    """Polls during a call of the engine for trainings, and ends it after some seconds."""

    def __init__(self, runs: Sequence[_Course], poll: Poll | None, seconds: float) -> None:
        self._done = sum(run.training.epoch - run.epochs_before for run in runs)
        self._poll = poll
        self._end = time.monotonic() + seconds
        self.stopped = False  # by `poll`

    def __call__(self, n_epochs: int) -> bool:
        self.stopped = self._poll is not None and self._poll(self._done + n_epochs)
        return self.stopped or time.monotonic() > self._end


class NotForTheEngineError(ValueError):
    """The engine cannot do a candidate, and nobody else may; the message says why."""

    def __init__(self, candidate: Candidate, reason: str) -> None:
        super().__init__(reason)
        self.candidate = candidate


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
        self._estimator = estimator
        self._threads = threads
        self._wave_trainings = min(_WAVE_TRAININGS, _WAVE_TRAININGS_PER_THREAD * threads)
        self._seed_of = seed_of
        self._continues = continues
        self._recall = recall
        self._pauses = records and not wants_curves  # curves let all end together
        self._wants_curves = wants_curves
        self._others = others
        self.wants_estimators = wants_estimators
        self._wants_trainings = wants_trainings
        self._together = together
        self.delegated: dict[str, set[int]] = {}  # candidates done by `others`, by the reason
        self._in_bounds: set[str] = set()  # parameters of the base that were checked
        self._targets: dict[int, int] = {}  # epochs that were planned for a candidate's folds
        self._cache = Cache(threads)
        self._preparation: Hashable = None
        self._prepared: dict[int, Preparation | str] = {}  # by fold; why not, where it failed
        self._kept: dict[tuple[int, int], Training | _Paused] = {}
        self._base_preparation = preparation_of(estimator)

    # --------------------------------------------------------------------- candidates

    def setting(self, candidate: Candidate) -> Setting:
        """Configure and check the estimator of a candidate."""
        estimator = configured(self._estimator, candidate)
        net = net_of(estimator)
        reason = obstacle(estimator)
        if reason is None and type(net) is not type(net_of(self._estimator)):
            reason = "the estimator at the end is another one"
        if reason is not None:
            return Setting(estimator, net, None, self._cache, obstacle=reason)
        error = None
        try:
            check_bounds(net, self._changed_names(candidate, net))
            check_combination(net, incremental=False, has_validation=self._given.X_val is not None)
        except Exception:
            if self._scoring.raises:
                raise
            error = format_exc()
        target = 0
        if error is None:
            target = max_epochs_of(net)
            if self._continues is not None:
                net.max_iter = self._continues[1]
        preparation = self._preparation_key(candidate, estimator)
        return Setting(estimator, net, preparation, self._cache.for_setting(), target, error)

    def _preparation_key(self, candidate: Candidate, estimator: Any = None) -> Hashable:
        """Equal for candidates that prepare the samples alike."""
        if self._shared is not None:
            return None
        last = f"{self._estimator.steps[-1][0]}__"
        if all(name.startswith(last) for name in candidate):
            return self._base_preparation
        return preparation_of(estimator or configured(self._estimator, candidate))

    def _changed_names(self, candidate: Candidate, net: Any) -> list[str]:
        """Parameters of the net that may be out of bounds: all of them until those of the base."""
        prefix = "" if self._shared is not None else f"{self._estimator.steps[-1][0]}__"
        bounded = type(net)._parameter_constraints
        if prefix[:-2] in candidate:
            return list(bounded)
        changed = [n.removeprefix(prefix) for n in candidate if n.startswith(prefix)]
        if len(self._in_bounds) < len(bounded):
            rest = bounded.keys() - self._in_bounds - set(changed)
            check_bounds(net, rest)
            self._in_bounds |= rest
        return changed

    def order(self, candidates: Sequence[Candidate]) -> Sequence[int]:
        """Those that prepare the samples alike follow each other."""
        if self._shared is not None:
            return range(len(candidates))
        places: dict[Hashable, array[int]] = {}
        for place, candidate in enumerate(candidates):
            group = places.setdefault(self._preparation_key(candidate), array("q"))
            group.append(place)
        order = array("q")
        for group in places.values():
            order.extend(group)
        return order

    def planned_epochs(self, candidate: Candidate) -> int:
        """Epochs that a fold will take at most, beyond those of the rungs before."""
        prefix, net = "", net_of(self._estimator)
        if self._shared is None:
            name = self._estimator.steps[-1][0]
            prefix, net = f"{name}__", net_of(candidate.get(name, net))
        if net is None or candidate.get(f"{prefix}solver", net.solver) == "lbfgs":
            return 0
        target = candidate.get(f"{prefix}max_iter", net.max_iter)
        if not isinstance(target, Integral) or target < 1:
            return 0  # its fits will fail
        if self._continues is None:
            return int(target)
        kept = all((candidate.number, fold) in self._kept for fold in range(len(self._splits)))
        before = self._targets.get(candidate.number, 0) if kept else 0
        self._targets[candidate.number] = max(int(target), before)
        return max(int(target) - before, 0)

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
        runs: list[_Course] = []
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
            size += run.training.n_bytes + self._bytes_of_outputs(run)
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
        self, runs: list[_Course], failed: list[Finished], poll: Poll | None
    ) -> Generator[list[Finished], None, bool]:
        """Train and score runs, beside some that failed; returns whether `poll` stopped it.

        A wave of long trainings is interrupted now and then to score those that are finished,
        so that what is to be recorded of them is not lost with the others.
        """
        interval = _FIRST_INTERVAL
        while True:
            pause = _Pause(runs, poll, interval if self._pauses else math.inf)
            finished, stopped = self._finish(runs, pause)
            yield failed + finished
            runs = [run for run in runs if not run.finished]
            if pause.stopped or not stopped or not runs:
                return pause.stopped
            # What an epoch had done is lost, so pauses are rare where trainings are long.
            failed, interval = [], interval if finished else 2 * interval

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
    ) -> _Course | Outcome | None:
        """Begin a training, or go on with it; None where another evaluator must do it."""
        begun = time.perf_counter()
        if setting.error is not None:
            return self._failed(setting.error, fold, 0.0)
        net = self._net_of_fold(setting, candidate.number, fold)
        preparation = self._prepare(setting, fold, net)
        if isinstance(preparation, str):
            # The rows that judge it may be the ones at fault: scikit-learn's way tells.
            self._note_delegated(candidate, f"a fold cannot be prepared: {preparation}")
            return None
        training = self._kept.pop((candidate.number, fold), None)
        if training is None or isinstance(training, _Paused) or training.epoch > setting.target:
            try:
                data = preparation.fold(net).training_data(net)
                paused, training = training, Training(net, data, cache=setting.cache)
                if isinstance(paused, _Paused) and paused.epoch <= setting.target:
                    training.session.restore(paused.state)
                else:
                    self._take_up(training, candidate, fold, setting.target)
            except Exception:
                if self._scoring.raises:
                    raise
                return self._failed(format_exc(), fold, time.perf_counter() - begun)
        return _Course(
            place,
            candidate.number,
            fold,
            setting,
            net,
            preparation,
            training,
            training.epoch,
            time.perf_counter() - begun,
            {},
        )

    def _take_up(self, training: Training, candidate: Candidate, fold: int, target: int) -> None:
        """Move a new training to where the study has it, if that is not too far."""
        if self._recall is None or self._continues is None:
            return
        found = self._recall(candidate, fold)
        if found is not None and found[0] <= target:
            # One that does not fit is of no use: the training then starts anew.
            with suppress(ValueError, TypeError):
                training.session.restore(found[1])

    def _net_of_fold(self, setting: Setting, number: int, fold: int) -> Any:
        state = setting.net.random_state
        if state is not None and not isinstance(state, np.random.RandomState):
            return setting.net
        net = copy.copy(setting.net)
        net.random_state = self._seed_of(number, fold) if state is None else copy.deepcopy(state)
        return net

    def _prepare(self, setting: Setting, fold: int, net: Any) -> Preparation | str:
        """Prepare a fold once for all settings that prepare it alike; why not, where that fails.

        The samples of one preparation at a time are held: trainings on others are paused.
        """
        if setting.preparation != self._preparation:
            self._preparation = setting.preparation
            self._prepared = {}
            for key, kept in list(self._kept.items()):
                if not isinstance(kept, _Paused):
                    del self._kept[key]
                    with suppress(MemoryError):  # it is then trained anew
                        self._kept[key] = _Paused.of(kept)
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

    def _failed(self, error: str, fold: int, seconds: float) -> Outcome:
        return Outcome(
            test_scores=self._scoring.failed(),
            train_scores=self._scoring.failed() if self._scoring.of_training_rows else None,
            fit_time=seconds,
            fit_error=error,
        )

    # --------------------------------------------------------------------- trainings

    def _finish(self, runs: list[_Course], poll: Poll | None) -> tuple[list[Finished], bool]:
        """Train to the end and score; also whether `poll` stopped it before."""
        if not runs:
            return [], False
        before = [run.training.seconds for run in runs]
        if self._wants_curves:
            stopped = self._advance_by_epochs(runs, poll)
        else:
            stopped = self._advance(runs, [run.missing_epochs for run in runs], poll)
        for run, seconds in zip(runs, before, strict=True):
            run.fit_time += run.training.seconds - seconds
        done = [run for run in runs if run.finished]
        finished: list[Finished] = []
        sound = []
        for run in done:
            try:
                run.training.check_finite(warn=False)
            except ValueError:
                if self._scoring.raises_divergence:
                    raise
                run.error = format_exc()
            if run.error is None:
                sound.append(run)
            else:
                finished.append(self._failed_run(run))
        finished += self._outcomes_within_memory(sound)
        if self._continues is not None:
            self._kept |= {(run.number, run.fold): run.training for run in done}
        return finished, stopped

    def _advance(self, runs: list[_Course], epochs: list[int], poll: Poll | None) -> bool:
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
            poll_all = None if poll is None else lambda n, done=done: poll(done + n)
            if self._advance([run], [target - before], poll_all):
                return True
            done += run.training.epoch - before
        return False

    def _advance_by_epochs(self, runs: list[_Course], poll: Poll | None) -> bool:
        """Score after each epoch, too; training does not notice."""
        done = 0
        while going := [run for run in runs if not run.finished]:
            before = done
            poll_all = None if poll is None else lambda n, before=before: poll(before + n)
            if self._advance(going, [1] * len(going), poll_all):
                return True
            done += len(going)
            if poll is not None and poll(done):
                return True
            going = [run for run in going if run.error is None]
            for run, scores in zip(going, self._scores_of_epoch(going), strict=True):
                run.note_epoch({f"test_{name}": value for name, value in scores.items()})
        return False

    def _scores_of_epoch(self, runs: list[_Course]) -> list[dict[str, float]]:
        """Scores by name. A scorer that fails leaves them out: only the last ones count."""
        sound = [run for run in runs if run.training.session.status != "diverged"]
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.filterwarnings("ignore", "Scoring failed")
            try:
                found = dict(zip(map(id, sound), self._scores(sound, training=False), strict=True))
            except Exception:
                if len(runs) > 1:
                    return [scores for run in runs for scores in self._scores_of_epoch([run])]
                found = {}
        missing = dict.fromkeys(self._scoring.metrics or (), np.nan)
        scores = [found.get(id(run), np.nan) for run in runs]
        named = [s if isinstance(s, dict) else {"score": s} for s in scores]
        return [missing if np.isnan(list(s.values())).all() else s for s in named]

    # --------------------------------------------------------------------- scores

    def _bytes_of_outputs(self, run: _Course) -> int:
        """Memory of the predictions that a training is scored by."""
        split = run.preparation.split
        n_rows = len(split.train if self._scoring.of_training_rows else split.test)
        return n_rows * run.training.output_bytes

    def _failed_run(self, run: _Course) -> Finished:
        assert run.error is not None
        outcome = self._failed(run.error, run.fold, run.fit_time)
        outcome.epochs = run.training.epoch - run.epochs_before
        outcome.curve = run.curve or None
        outcome.training = run.training if self._wants_trainings else None
        return run.place, outcome

    def _outcomes_within_memory(self, runs: list[_Course]) -> list[Finished]:
        """Outcomes of all that there is memory for, one by one where there is none for all."""
        try:
            return self._outcomes(runs)
        except MemoryError:
            if len(runs) == 1:
                if self._scoring.raises:
                    raise
                runs[0].error = format_exc()
                return [self._failed_run(runs[0])]
        return [finished for run in runs for finished in self._outcomes_within_memory([run])]

    def _outcomes(self, runs: list[_Course]) -> list[Finished]:
        begun = time.perf_counter()
        test_scores = self._scores(runs, training=False)
        score_time = (time.perf_counter() - begun) / max(len(runs), 1)
        train_scores: list[Scores] | list[None] = [None] * len(runs)
        if self._scoring.of_training_rows:
            train_scores = self._scores(runs, training=True)
        finished = []
        for run, test, train in zip(runs, test_scores, train_scores, strict=True):
            outcome = Outcome(
                test_scores=test,
                train_scores=train,
                fit_time=run.fit_time,
                score_time=score_time,
                epochs=run.training.epoch - run.epochs_before,
                limited=run.training.session.status == "limit",
                n_parameters=run.training.n_parameters,
                curve=run.curve or None,
                training=run.training if self._wants_trainings else None,
            )
            if self.wants_estimators:
                outcome.estimator = self._fitted(run)
            finished.append((run.place, outcome))
        return finished

    def _scores(self, runs: list[_Course], *, training: bool) -> list[Scores]:
        """Scores of what each training would publish now."""
        if self._scoring.metrics is None or not runs:
            return [self._score_estimator(run, training=training) for run in runs]
        correct = self._counted(runs, training=training)
        if correct is not None:
            return correct
        outputs = predict_together(
            [run.training for run in runs],
            [run.preparation.train if training else run.preparation.test for run in runs],
            self._threads,
        )
        scores = []
        for run, of_run in zip(runs, outputs, strict=True):
            try:
                if training and not run.preparation.exact_train:
                    raise NotNative
                truth = run.preparation.truth(run.net, training=training)
                meaning = meaning_of_outputs(run.net)
                values = {
                    name: score(metric, truth, of_run, meaning)
                    for name, metric in self._scoring.metrics.items()
                }
                scores.append(self._scoring.packed(values))
            except NotNative:
                scores.append(self._score_estimator(run, training=training))
        return scores

    def _counted(self, runs: list[_Course], *, training: bool) -> list[Scores] | None:
        """Accuracies, where that is all that is asked for; else None."""
        if self._scoring.metrics != {"score": "accuracy"}:
            return None
        rows, truths = [], []
        for run in runs:
            if training and not run.preparation.exact_train:
                return None
            try:
                truth = run.preparation.truth(run.net, training=training).counts
            except NotNative:
                return None
            if truth is None:
                return None
            truths.append(truth)
            rows.append(run.preparation.train if training else run.preparation.test)
        correct = count_correct_together(
            [run.training for run in runs], rows, truths, self._threads
        )
        return [
            self._scoring.packed({"score": count / len(truth)})
            if count >= 0
            else self._score_estimator(run, training=training)
            for run, count, truth in zip(runs, correct, truths, strict=True)
        ]

    def _score_estimator(self, run: _Course, *, training: bool) -> Scores:
        """Let scikit-learn's scorers judge a real estimator."""
        split = run.preparation.split
        rows = split.train if training else split.test
        X, y = samples_of(self._given, rows)
        return self._scoring.judge(self._fitted(run), X, y, rows)

    def _fitted(self, run: _Course) -> Any:
        """The candidate's estimator, fitted on this fold."""
        net = copy.copy(run.setting.net)
        if run.setting.target < net.max_iter:  # it may go on
            net.learning_rate = laid_out(net.learning_rate, net.max_iter)
        net.max_iter = run.setting.target
        net = snapshot(net, run.training.publish())
        if run.setting.estimator is run.setting.net:
            return net
        pipeline = copy.copy(run.setting.estimator)
        steps = [] if run.preparation.steps is None else run.preparation.steps.steps
        pipeline.steps = [*steps, (pipeline.steps[-1][0], net)]
        return pipeline

    # --------------------------------------------------------------------- kept trainings

    def keep_only(self, numbers: set[int]) -> None:
        """Let go of the trainings of all other candidates."""
        self._kept = {key: value for key, value in self._kept.items() if key[0] in numbers}

    def kept_bytes(self) -> dict[int, int]:
        """Memory of the trainings that are kept, by candidate."""
        sizes: dict[int, int] = {}
        for (number, _), kept in self._kept.items():
            sizes[number] = sizes.get(number, 0) + kept.n_bytes
        return sizes

    def checkpoints(self) -> Iterator[Checkpoint]:
        """States of the kept trainings that took longer than it takes to write them."""
        for (number, fold), kept in self._kept.items():
            if not isinstance(kept, _Paused):
                if kept.seconds < _writing_seconds(kept.n_bytes):
                    continue
                kept = _Paused.of(kept)
            if kept.state["status"] == "ready" and kept.seconds > _writing_seconds(kept.n_bytes):
                yield number, fold, kept.epoch, kept.state


def _writing_seconds(n_bytes: int) -> float:
    return _WRITING_SECONDS + n_bytes / _WRITING_RATE
