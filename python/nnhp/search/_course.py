"""The course of a training for one job, and what pauses the courses of a wave."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnhp.estimators._branch import branched
from nnhp.estimators._training import Training
from nnhp.search._kept import Key
from nnhp.search._outcome import Candidate, Poll
from nnhp.search._prepare import Preparation, Setting


@dataclass
class Stretch:
    """The part of a course that one candidate of a lineage accounts for."""

    candidate: Candidate
    setting: Setting
    net: Any  # of the fold
    end: int  # epochs that the training comes to


@dataclass
class Course:
    """The course of a training for one job."""

    place: int
    number: int  # of the candidate
    fold: int
    setting: Setting
    net: Any
    preparation: Preparation
    training: Training
    end: int  # epochs of the present stretch
    later: list[Stretch]  # that follow it
    fit_time: float
    curve: dict[str, list[float]] = field(default_factory=dict)
    error: str | None = None  # traceback: there was no memory for it

    def __post_init__(self) -> None:
        self._epochs_before = self.training.epochs_done
        self._seconds_before = self.training.seconds

    @property
    def key(self) -> Key:
        """Candidate and fold."""
        return self.number, self.fold

    def note_epoch(self, entries: dict[str, float]) -> None:
        """Add an epoch to the curve; what is not known of it is NaN."""
        session = self.training.session
        if session.status == "restored":  # the curve ends there, too
            n_kept = sum(epoch <= session.epoch for epoch in self.curve.get("epoch", ()))
            self.curve = {name: column[:n_kept] for name, column in self.curve.items()}
            return
        entries = {**entries, "train_loss": session.loss_curve[-1], "epoch": session.epoch}
        n_before = len(self.curve.get("epoch", ()))
        for name in {**self.curve, **entries}:
            column = self.curve.setdefault(name, [np.nan] * n_before)
            column.append(entries.get(name, np.nan))

    @property
    def epochs_trained(self) -> int:
        """Epochs that were done in this course."""
        return self.training.epochs_done - self._epochs_before

    @property
    def finished(self) -> bool:
        ended = self.missing_epochs == 0 or not self.training.running
        return self.error is not None or (ended and not self.later)

    @property
    def missing_epochs(self) -> int:
        """Of the present stretch."""
        return max(self.end - self.training.epoch, 0)

    def note_time(self) -> None:
        """Add what its epochs took since the last note."""
        self.fit_time += self.training.seconds - self._seconds_before
        self._seconds_before = self.training.seconds

    def enter_next(self) -> None:
        """Let the training branch off into the next stretch."""
        self.note_time()
        stretch, before = self.later.pop(0), self.training
        data = self.preparation.fold(stretch.net).training_data(stretch.net)
        self.training = branched(before, stretch.net, data, stretch.setting.cache)
        self._epochs_before += self.training.epochs_done - before.epochs_done
        self._seconds_before = self.training.seconds
        self.end = stretch.end


class Pause:
    """Polls during a call of the engine for trainings, and ends it after some seconds."""

    def __init__(self, runs: Sequence[Course], poll: Poll | None, seconds: float) -> None:
        self._done = sum(run.epochs_trained for run in runs)
        self._poll = poll
        self._end = time.monotonic() + seconds
        self.stopped = False  # by `poll`

    def __call__(self, n_epochs: int) -> bool:
        self.stopped = self._poll is not None and self._poll(self._done + n_epochs)
        return self.stopped or time.monotonic() > self._end
