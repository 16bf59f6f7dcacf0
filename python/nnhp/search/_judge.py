"""What becomes of courses: their scores, from bulk predictions, and their outcomes."""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Iterator
from traceback import format_exc
from typing import TYPE_CHECKING, Any

import numpy as np

from nnhp.estimators._data import Given
from nnhp.estimators._fitted import snapshot
from nnhp.estimators._schedules import laid_out
from nnhp.estimators._training import count_correct_together, predict_together
from nnhp.search._course import Course
from nnhp.search._outcome import Finished, Outcome, Scores
from nnhp.search._prepare import meaning_of_outputs, samples_of
from nnhp.search._scores import NotNative, score

if TYPE_CHECKING:
    from nnhp.search._scoring import Scoring


# What is judged at a time takes about so long, for between it the search may end.
_SECONDS_TOGETHER = 0.25


class Judge:
    """Scores trainings, alone or many in one call of the engine.

    Parameters
    ----------
    scoring : Scoring
        What to compute.
    given : Given
        All samples and targets in the caller's containers.
    threads : int
        To predict on.
    wants_trainings : bool
        Whether outcomes shall hold the trainings.
    """

    def __init__(
        self, scoring: Scoring, given: Given, threads: int, *, wants_trainings: bool
    ) -> None:
        self._scoring = scoring
        self._given = given
        self._threads = threads
        self._wants_trainings = wants_trainings
        self._n_together = 1  # until it is known how long one takes

    def failed(self, error: str, fold: int, seconds: float) -> Outcome:
        """Outcome of a fit that failed with a traceback."""
        return Outcome(
            test_scores=self._scoring.failed(),
            train_scores=self._scoring.failed() if self._scoring.of_training_rows else None,
            fit_time=seconds,
            fit_error=error,
        )

    def scores_of_epoch(self, runs: list[Course]) -> list[dict[str, float]]:
        """Scores by name. A scorer that fails leaves them out: only the last ones count."""
        sound = [run for run in runs if run.training.session.status != "diverged"]
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.filterwarnings("ignore", "Scoring failed")
            try:
                found = dict(zip(map(id, sound), self._scores(sound, training=False), strict=True))
            except Exception:
                if len(runs) > 1:
                    return [scores for run in runs for scores in self.scores_of_epoch([run])]
                found = {}
        missing = dict.fromkeys(self._scoring.metrics or (), np.nan)
        scores = [found.get(id(run), np.nan) for run in runs]
        named = [s if isinstance(s, dict) else {"score": s} for s in scores]
        return [missing if np.isnan(list(s.values())).all() else s for s in named]

    def bytes_of_outputs(self, run: Course) -> int:
        """Memory of the predictions that a training is scored by."""
        split = run.preparation.split
        n_rows = len(split.train if self._scoring.of_training_rows else split.test)
        return n_rows * run.training.output_bytes

    def failed_course(self, run: Course) -> Finished:
        """Outcome of a course that has an error."""
        assert run.error is not None
        outcome = self.failed(run.error, run.fold, run.fit_time)
        outcome.epochs = run.epochs_trained
        outcome.curve = run.curve or None
        outcome.training = run.training if self._wants_trainings else None
        return run.place, outcome

    def outcomes(self, runs: list[Course], *, estimators: bool) -> Iterator[list[Finished]]:
        """Outcomes in the order of the runs, with fitted estimators if asked for.

        They come as many at a time as take a fraction of a second: a bulk of scores from bare
        outputs, a few of a function that takes its time.
        """
        start = 0
        while some := runs[start : start + self._n_together]:
            begun = time.perf_counter()
            finished = self._outcomes_of(some, estimators=estimators)
            rate = len(some) / max(time.perf_counter() - begun, 1e-9)
            self._n_together = max(int(rate * _SECONDS_TOGETHER), 1)
            start += len(some)
            yield finished

    def _outcomes_of(self, runs: list[Course], *, estimators: bool) -> list[Finished]:
        """Outcomes of runs; one by one where memory is short."""
        try:
            return self._outcomes(runs, estimators=estimators)
        except MemoryError:
            if len(runs) == 1:
                if self._scoring.raises:
                    raise
                runs[0].error = format_exc()
                return [self.failed_course(runs[0])]
        return [
            finished for run in runs for finished in self._outcomes_of([run], estimators=estimators)
        ]

    def _outcomes(self, runs: list[Course], *, estimators: bool) -> list[Finished]:
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
                epochs=run.epochs_trained,
                limited=run.training.session.status == "limit",
                n_parameters=run.training.n_parameters,
                curve=run.curve or None,
                training=run.training if self._wants_trainings else None,
            )
            if estimators:
                outcome.estimator = self._fitted(run)
            finished.append((run.place, outcome))
        return finished

    def _scores(self, runs: list[Course], *, training: bool) -> list[Scores]:
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
        scores: list[Scores | None] = []
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
                scores.append(None)
        # Not in the handler, which a traceback of scikit-learn's scorer would show.
        return [
            self._score_estimator(run, training=training) if found is None else found
            for run, found in zip(runs, scores, strict=True)
        ]

    def _counted(self, runs: list[Course], *, training: bool) -> list[Scores] | None:
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

    def _score_estimator(self, run: Course, *, training: bool) -> Scores:
        """Let scikit-learn's scorers judge a real estimator."""
        split = run.preparation.split
        rows = split.train if training else split.test
        X, y = samples_of(self._given, rows)
        return self._scoring.judge(self._fitted(run), X, y, rows)

    def _fitted(self, run: Course) -> Any:
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
