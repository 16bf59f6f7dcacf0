"""What goes through a search: candidates in, outcomes of their folds out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnhp.estimators._training import Training


class Candidate(dict[str, Any]):
    """One hyperparameter setting, numbered in the order in which the search came upon it.

    Its trainings may branch off those of another one, its origin.
    """

    __slots__ = ("number", "origin")

    def __init__(
        self, params: Mapping[str, Any], number: int, origin: Origin | None = None
    ) -> None:
        super().__init__(params)
        self.number = number
        self.origin = origin

    def copy(self) -> Candidate:
        """Copy with the same number: the same candidate on another rung."""
        return Candidate(self, self.number, self.origin)

    @property
    def lineage(self) -> list[Candidate]:
        """Those that its trainings go through, from the first one to itself."""
        found = [self]
        while (origin := found[-1].origin) is not None:
            found.append(origin.parent)
        return found[::-1]

    @property
    def descent(self) -> list[list[int | None]]:
        """Number of each ancestor, and the epoch at which the next one branched off."""
        origins = (candidate.origin for candidate in self.lineage)
        return [[origin.parent.number, origin.epoch] for origin in origins if origin is not None]


class Origin(NamedTuple):
    """Where trainings of a candidate branch off."""

    parent: Candidate
    epoch: int | None  # of the parent's trainings; None: at their end


class Candidates(Sequence[Candidate]):
    """Candidates that are numbered when they are read, so that their parameters are held once.

    Parameters
    ----------
    params : list of dict
        Of all candidates of a search, by their numbers. Those that are candidates already keep
        the numbers that they have.
    start : int
        The first of them that is meant.
    """

    def __init__(self, params: list[dict[str, Any]], start: int) -> None:
        self._params = params
        self._start = start

    def __len__(self) -> int:
        return len(self._params) - self._start

    def __getitem__(self, place: Any) -> Any:
        given = self._params[self._start + place]
        return given if isinstance(given, Candidate) else Candidate(given, self._start + place)


@dataclass(frozen=True)
class Split:
    """One fold: the rows it trains on and those that judge it."""

    train: NDArray[np.int32]
    test: NDArray[np.int32]
    # Those whose loss is watched, if any; the very array of `test` where it is these.
    validation: NDArray[np.int32] | None = None


BLOCK = 1024  # folds that an evaluator in this process gets at once


Scores = float | dict[str, float]


@dataclass(slots=True)
class Outcome:
    """What became of one candidate on one fold."""

    test_scores: Scores
    train_scores: Scores | None = None
    fit_time: float = 0.0
    score_time: float = 0.0
    fit_error: str | None = None  # traceback
    epochs: int = 0  # trained for this outcome
    limited: bool = False  # by the last epoch that it may come to
    n_parameters: int = 0
    curve: dict[str, list[float]] | None = None  # 'epoch', 'train_loss', 'test_score' ...
    out_of_fold: NDArray[Any] | None = None
    estimator: Any = None
    training: Training | None = None

    def payload(self) -> dict[str, Any]:
        """Those entries that a study keeps."""
        kept = {name: getattr(self, name) for name in _KEPT}
        kept["several"] = isinstance(self.test_scores, dict)
        for name in ("test_scores", "train_scores"):
            if not kept["several"] and kept[name] is not None:
                kept[name] = {"score": kept[name]}
        if self.out_of_fold is not None:
            kept["out_of_fold"] = self.out_of_fold.tolist()
        return kept

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Outcome:
        """Rebuild what a study kept; nothing was trained for it now."""
        outcome = cls(**{name: payload[name] for name in _KEPT})
        outcome.epochs = 0
        if not payload["several"]:
            outcome.test_scores = payload["test_scores"]["score"]
            if outcome.train_scores is not None:
                outcome.train_scores = payload["train_scores"]["score"]
        if "out_of_fold" in payload:
            outcome.out_of_fold = np.asarray(payload["out_of_fold"])
        return outcome


Job = tuple[Candidate, int]  # and its fold
Finished = tuple[int, Outcome]  # the job's place in a list of jobs
Then = Callable[[list[Outcome]], None]  # is told the outcomes of jobs, in their order
Poll = Callable[[int], bool]  # given the epochs done in a call; True stops it
Checkpoint = tuple[int, int, int, dict[str, Any]]  # candidate, fold, epoch and state of a training

_KEPT = (
    "test_scores",
    "train_scores",
    "fit_time",
    "score_time",
    "fit_error",
    "epochs",
    "limited",
    "n_parameters",
    "curve",
)
