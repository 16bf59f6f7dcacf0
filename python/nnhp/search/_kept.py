"""Trainings that go on at a later rung: which are kept, how much they take, what is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from nnhp.estimators._training import Training
from nnhp.search._outcome import Checkpoint

# What a checkpoint costs at most, on a slow disk.
_WRITING_SECONDS = 0.05
_WRITING_RATE = 5e7  # bytes a second

Key = tuple[int, int]  # a candidate's number, and the fold


@dataclass
class Paused:
    """What is kept of a training whose samples were let go."""

    state: dict[str, Any]
    n_bytes: int
    seconds: float
    of_parent: bool = False  # where a training begins that branches off this one

    @classmethod
    def of(cls, training: Training) -> Paused:
        return cls(training.session.state(), training.n_bytes, training.seconds)

    @property
    def epoch(self) -> int:
        return int(self.state["epoch"])


class KeptTrainings:
    """Trainings by candidate and fold, live ones beside those whose samples were let go."""

    def __init__(self) -> None:
        self._of: dict[Key, Training | Paused] = {}
        self._parents: set[Key] = set()  # those that others branch off

    def __contains__(self, key: Key) -> bool:
        return key in self._of

    def put(self, key: Key, training: Training | Paused) -> None:
        """Keep a training."""
        self._of[key] = training

    def take(self, key: Key) -> Training | Paused | None:
        """Hand a training over; None where there is none."""
        return self._of.pop(key, None)

    def branch(self, key: Key, parent: Key, epoch: int | None) -> None:
        """Keep for a training what it begins with, if its parent's stands at this epoch.

        So does one that has stopped before; None is wherever it stands.
        """
        kept = self._of.get(parent)
        if kept is None or key in self._of:
            return
        stands = epoch in (None, kept.epoch)
        if not stands and kept.epoch > (epoch or 0):
            return
        paused = kept if isinstance(kept, Paused) else Paused.of(kept)
        if stands or paused.state["status"] != "ready":
            self._parents.add(parent)
            self._of[key] = replace(paused, seconds=0.0, of_parent=True)

    def paused(self, key: Key) -> Paused:
        """What a training goes on from; it stays here."""
        kept = self._of[key]
        return kept if isinstance(kept, Paused) else Paused.of(kept)

    def take_all(self) -> dict[Key, Training | Paused]:
        """Hand all trainings over."""
        taken, self._of = self._of, {}
        return taken

    def pause_all(self) -> None:
        """Let the samples of live trainings go; where memory is short, the trainings too."""
        for key, kept in list(self._of.items()):
            if not isinstance(kept, Paused):
                del self._of[key]
                with suppress(MemoryError):  # it is then trained anew
                    self._of[key] = Paused.of(kept)

    def keep_only(self, numbers: set[int]) -> None:
        """Let go of the trainings of all other candidates."""
        self._of = {key: kept for key, kept in self._of.items() if key[0] in numbers}

    def n_bytes(self) -> dict[int, int]:
        """Memory of the trainings that are kept, by candidate."""
        sizes: dict[int, int] = {}
        for (number, _), kept in self._of.items():
            sizes[number] = sizes.get(number, 0) + kept.n_bytes
        return sizes

    def checkpoints(self) -> Iterator[Checkpoint]:
        """States of those that took longer than it takes to write them, and may be needed."""
        for (number, fold), kept in self._of.items():
            if isinstance(kept, Paused) and kept.of_parent:
                continue
            if not isinstance(kept, Paused):
                if kept.seconds < _writing_seconds(kept.n_bytes):
                    continue
                kept = Paused.of(kept)
            needed = kept.state["status"] == "ready" or (number, fold) in self._parents
            if needed and kept.seconds > _writing_seconds(kept.n_bytes):
                yield number, fold, kept.epoch, kept.state


def _writing_seconds(n_bytes: int) -> float:
    return _WRITING_SECONDS + n_bytes / _WRITING_RATE
