"""What goes through a search: candidates in, outcomes of their folds out."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnhp.estimators._training import Training


class Candidate(dict[str, Any]):
    """One hyperparameter setting, numbered in the order in which the search came upon it."""

    __slots__ = ("number",)

    def __init__(self, params: Mapping[str, Any], number: int) -> None:
        super().__init__(params)
        self.number = number

    def copy(self) -> Candidate:
        """Copy with the same number: the same candidate on another rung."""
        return Candidate(self, self.number)


@dataclass(frozen=True)
class Split:
    """One fold: the rows it trains on and those that judge it."""

    train: NDArray[np.int32]
    test: NDArray[np.int32]
    # Those whose loss is watched, if any; the very array of `test` where it is these.
    validation: NDArray[np.int32] | None = None


Scores = float | dict[str, float]


@dataclass
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


class Outcomes:
    """All outcomes of a search so far, candidate by candidate, as scikit-learn formats them.

    Held as columns of numbers: a search of 100,000 fits must not keep 100,000 objects.
    """

    def __init__(self) -> None:
        self._length = 0
        # One number per outcome, NaN where there is none; by name and, of scores, by metric.
        self._columns: dict[tuple[str, str | None], array[float]] = {}
        self._errors: dict[int, str] = {}
        # A callable scoring tells its metrics by its first result: failed fits have one number.
        self._failed_scores: dict[int, float] = {}

    def append(self, outcome: Outcome) -> None:
        """Add one outcome."""
        for name in _TIMES:
            self._put(name, None, getattr(outcome, name))
        if outcome.fit_error is not None:
            self._errors[self._length] = outcome.fit_error
        if outcome.fit_error is not None and not isinstance(outcome.test_scores, dict):
            self._failed_scores[self._length] = outcome.test_scores
        else:
            self._put_scores("test_scores", outcome.test_scores)
            if outcome.train_scores is not None:
                self._put_scores("train_scores", outcome.train_scores)
        self._length += 1

    def _put_scores(self, name: str, scores: Scores) -> None:
        for metric, score in (scores if isinstance(scores, dict) else {None: scores}).items():
            self._put(name, metric, score)

    def _put(self, name: str, metric: str | None, value: float) -> None:
        column = self._columns.get((name, metric))
        if column is None:
            column = self._columns[name, metric] = array("d")
        column.extend([np.nan] * (self._length - len(column)))
        column.append(value)

    def truncate(self, length: int) -> None:
        """Forget all but the first outcomes."""
        self._length = length
        for column in self._columns.values():
            del column[length:]
        self._errors = {i: error for i, error in self._errors.items() if i < length}
        self._failed_scores = {i: s for i, s in self._failed_scores.items() if i < length}

    def errors(self, start: int) -> FitErrors:
        """What went wrong in outcomes from the given one on."""
        return FitErrors(self._errors, start, self._length)

    def columns(self, stop: int, *, train_scores: bool = False) -> dict[str, Any]:
        """Times and scores of the first outcomes, an array each; of several scores one by metric.

        In a list by itself, this formats like a list of outcomes. The arrays may be views: no
        outcome can be added while they are held.
        """
        columns: dict[str, Any] = {
            name: np.frombuffer(self._columns[name, None])[:stop] for name in _TIMES
        }
        columns["test_scores"] = self._scores("test_scores", stop)
        if train_scores:
            columns["train_scores"] = self._scores("train_scores", stop)
        return columns

    def first_scores(self) -> Scores:
        """Test scores of the first outcome."""
        scores = self._scores("test_scores", 1)
        if isinstance(scores, dict):
            return {metric: float(column[0]) for metric, column in scores.items()}
        return float(scores[0])

    def _scores(self, name: str, stop: int) -> Any:
        found: dict[str | None, NDArray[np.float64]] = {}
        for (of, metric), column in self._columns.items():
            if of == name:
                scores = np.frombuffer(column)[:stop]
                if len(scores) < stop or self._failed_scores:
                    scores = np.append(scores, np.full(stop - len(scores), np.nan))
                found[metric] = scores
        if not found:
            found[None] = np.full(stop, np.nan)
        for index, score in self._failed_scores.items():
            if index < stop:
                for scores in found.values():
                    scores[index] = score
        return found.get(None, found)


_TIMES = ("fit_time", "score_time")


class FitErrors(Sequence[dict[str, Any]]):
    """The `fit_error` of each outcome from one on, as scikit-learn reads them."""

    def __init__(self, errors: Mapping[int, str], start: int, stop: int) -> None:
        self._errors, self._rows = errors, range(start, stop)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        return {"fit_error": self._errors.get(self._rows[index])}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[index] for index in range(len(self)))
