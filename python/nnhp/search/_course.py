"""The course of a training for one job, and what pauses the courses of a wave."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnhp.estimators._training import Training
from nnhp.search._kept import Key
from nnhp.search._outcome import Poll
from nnhp.search._prepare import Preparation, Setting


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
    epochs_before: int
    fit_time: float
    curve: dict[str, list[float]]
    error: str | None = None  # traceback: there was no memory for it

    @property
    def key(self) -> Key:
        """Candidate and fold."""
        return self.number, self.fold

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


class Pause:
    """Polls during a call of the engine for trainings, and ends it after some seconds."""

    def __init__(self, runs: Sequence[Course], poll: Poll | None, seconds: float) -> None:
        self._done = sum(run.training.epoch - run.epochs_before for run in runs)
        self._poll = poll
        self._end = time.monotonic() + seconds
        self.stopped = False  # by `poll`

    def __call__(self, n_epochs: int) -> bool:
        self.stopped = self._poll is not None and self._poll(self._done + n_epochs)
        return self.stopped or time.monotonic() > self._end
