"""The course of a search: which fold is computed when, what is kept, and when it ends."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from tqdm import tqdm

from nnhp._caller import stacklevel
from nnhp.search._outcome import (
    Candidate,
    Candidates,
    Checkpoint,
    Finished,
    Job,
    Outcome,
    Poll,
    Scores,
    Then,
)
from nnhp.search._promotion import Group, Standings
from nnhp.search._results import Outcomes

# Candidates that are handed to the evaluator at once where the search may end early, or prunes
# those that are worse than an incumbent: a constant, so that what is pruned does not depend on
# the machine.
JUDGED_TOGETHER = 16


Anticipate = Callable[[Sequence[Job], Then], None]


class _Bar(tqdm):  # type: ignore[type-arg]
    """A progress bar without tqdm's thread, which would start for one that shows nothing, too."""

    monitor_interval = 0


class SearchOver(Exception):  # noqa: N818 - an end, not a mistake
    """No further candidate shall be computed; of the last ones, so many count."""

    def __init__(self, n_candidates: int) -> None:
        super().__init__()
        self.n_candidates = n_candidates


class Evaluator(Protocol):
    """What computes the folds of candidates.

    Attributes
    ----------
    block : int
        Folds that are best handed over at once: enough to fill its calls, few enough that memory
        does not grow with the search.
    """

    block: int

    def order(self, candidates: Sequence[Candidate]) -> Sequence[int]:
        """The order in which the candidates are best computed."""

    def planned_epochs(self, candidate: Candidate) -> int:
        """Epochs that a fold of this candidate will take at most; 0 if it counts none."""

    def evaluate(self, jobs: Sequence[Job], poll: Poll | None) -> Iterator[list[Finished]]:
        """Compute folds of candidates; yields their places in `jobs` with what became of them."""

    def branch(self, candidates: Sequence[Candidate]) -> None:
        """Take down what trainings begin with that branch off others, before these go on."""

    def keep_only(self, numbers: set[int]) -> None:
        """Forget what was kept of candidates but these."""

    def kept_bytes(self) -> dict[int, int]:
        """Memory of what is kept of each candidate."""

    def checkpoints(self) -> Iterator[Checkpoint]:
        """What is kept and costs more to do again than to write."""


class Run:
    """Feeds candidates to an evaluator and collects what becomes of them.

    Parameters
    ----------
    n_splits : int
        Folds of each candidate.
    fixed : callable
        Gives the parameters of a candidate that stay the same from rung to rung.
    resource_of : callable
        Gives the resource of a candidate; 0 where the search has none.
    digest : callable
        Called with each new outcome and its fold before anybody else sees it.
    score_of : callable
        Gives the one of an outcome's scores that candidates are compared by.
    recorder : Recorder or None
        The study.
    time_budget : float or None
        Seconds after which nothing is begun; the first candidate is computed all the same.
    target_score : float or None
        Mean score at which the search ends.
    stops : callable or None
        Asked now and then whether to end; nothing is waited for then, not even a first candidate.
    prunes : bool
        Whether hopeless candidates skip their remaining folds.
    memory_budget : int
        Bytes of trainings that are kept for the next rung.
    verbose : bool
        Whether to show a progress bar.
    counts_parameters : bool
        Whether the outcomes shall tell how many parameters a candidate's nets have.
    """

    def __init__(
        self,
        n_splits: int,
        score_of: Callable[[Scores], float],
        digest: Callable[[Outcome, int], None],
        fixed: Callable[[Candidate], dict[str, Any]],
        resource_of: Callable[[Candidate], int],
        *,
        recorder: Any = None,
        time_budget: float | None = None,
        target_score: float | None = None,
        stops: Callable[[], bool] | None = None,
        prunes: bool = False,
        memory_budget: int = 0,
        verbose: bool = False,
        counts_parameters: bool = False,
    ) -> None:
        self.outcomes = Outcomes(n_splits, counts_parameters=counts_parameters)
        self.extras: dict[int, list[Outcome | None]] = {}  # outcomes with arrays, by row
        self.epochs_planned = self.epochs_trained = 0
        self.limited = 0  # trainings that came to their last epoch without stopping before
        self._trains = False  # whether anything was not in the study
        self._climbs = False  # whether trainings go on from rung to rung
        self.over = self.target_reached = False
        self._digest = digest
        self._fixed = fixed
        self._resource_of = resource_of
        self._n_splits = n_splits
        self._score_of = score_of
        self._recorder = recorder
        self._target = target_score
        self._prunes = prunes
        self._memory_budget = memory_budget
        self._deadline = None if time_budget is None else time.monotonic() + time_budget
        self._stops = stops
        self._incumbent: list[float] | None = None
        self._resource: int | None = None  # that the incumbent had
        self._best = -np.inf
        self._bar = _Bar(unit="epoch", disable=not verbose, dynamic_ncols=True, leave=True)

    def close(self) -> None:
        """Take the progress bar down; if the search was ended, it says by what."""
        if self.over:
            end = "target reached" if self.target_reached else "time is up"
            best = f"best {self._best:.4g}, " if self._best > -np.inf else ""
            self._bar.set_postfix_str(best + end, refresh=False)
        if self.outcomes and not self._trains:
            self._bar.bar_format = "the study has it all{postfix}"
        self._bar.close()
        del self._bar  # at once: its end together with the rest's could swallow Ctrl-C

    # --------------------------------------------------------------------- candidates

    def evaluate(
        self,
        evaluator: Evaluator,
        candidates: Candidates,
        groups: Sequence[Group] | None = None,
        later_epochs: int = 0,
        anticipate: Anticipate | None = None,
    ) -> int:
        """Compute all folds of candidates; return how many of them, from the first on, are done.

        Their outcomes are then in `outcomes`, in the order of the candidates.

        Parameters
        ----------
        evaluator : Evaluator
            Computes.
        candidates : Candidates
            On one rung.
        groups : sequence of Group or None
            The groups whose best go on; the trainings of the others are let go.
        later_epochs : int
            Of a fold on the rungs that follow, for the progress bar.
        anticipate : callable or None
            Begins with jobs of a later rung before they are evaluated; then calls what it is given
            with their outcomes.
        """
        complete: dict[int, list[Outcome | None]] = {}
        standings = None if groups is None else Standings(groups)
        done = 0
        evaluator.branch(candidates)
        planned = list(map(evaluator.planned_epochs, candidates))  # of a fold
        self.epochs_planned += sum(planned) * self._n_splits
        to_come = sum(planned) + later_epochs
        self._climbs |= later_epochs > 0
        self._expect(to_come)
        self._bar.refresh()
        if evaluator.kept_bytes():
            evaluator.keep_only({candidate.number for candidate in _with_parents(candidates)})
            if self._recorder is not None:
                self._save_checkpoints(evaluator, candidates)
        # What is pruned depends on the order, which must not depend on the evaluator.
        order = range(len(candidates)) if self._prunes else evaluator.order(candidates)
        resource = self._resource_of(candidates[0])
        if self._resource != resource:
            self._resource, self._incumbent = resource, None
        for block in self._blocks(order, evaluator.block):
            timed = bool(self.outcomes)
            if self._ends(timed=timed):
                self.over = True
                break
            of_block = {place: candidates[place] for place in block}
            for some in self._evaluate_block(evaluator, of_block, timed=timed):
                complete |= some
                if standings is not None:
                    for place, outcomes in some.items():
                        ended = standings.add(place, self._mean(outcomes))
                        if ended is not None and anticipate is not None and standings.n_going:
                            self._begin_early(evaluator, anticipate, *ended)
                # In their order, so that a target ends the search at the same candidate always.
                while done in complete:
                    mean = self._collect(candidates[done].number, complete.pop(done))
                    done += 1
                    if self._target is not None and mean >= self._target:
                        self.over = self.target_reached = True
                        return done
                to_come -= sum(planned[place] for place in some)
                self._expect(to_come)
                if standings is not None:
                    sizes = evaluator.kept_bytes()
                    evaluator.keep_only(standings.worth_keeping(sizes, self._memory_budget))
            if self._ends(timed=timed):
                self.over = True
                break
        return done

    def _begin_early(
        self,
        evaluator: Evaluator,
        anticipate: Anticipate,
        group: Group,
        means: NDArray[np.float64],
    ) -> None:
        """Let a group whose scores are known go on, while others still are on its rung.

        No outcome depends on that. It waits where the study knows a part of its next rung, where
        the candidates of that depend on others, and where memory does not suffice for what is kept
        now and as much again.
        """
        n_bytes = sum(evaluator.kept_bytes().values())
        following = None if self._judges else group.following(means)
        if following is None or 2 * n_bytes > self._memory_budget:
            return
        jobs = [(one, fold) for one in following.candidates for fold in range(self._n_splits)]
        if any(self._recorded(*job) is not None for job in jobs):
            return

        def then(outcomes: list[Outcome]) -> None:
            rows = [outcomes[i : i + self._n_splits] for i in range(0, len(jobs), self._n_splits)]
            means = np.array(list(map(self._mean, rows)))
            self._begin_early(evaluator, anticipate, following, means)

        anticipate(jobs, then)

    @property
    def _judges(self) -> bool:
        """Whether candidates that come later depend on when or how well others are done."""
        return self._prunes or self._may_be_late or self._target is not None

    def _blocks(self, order: Sequence[int], n_folds: int) -> Iterator[Sequence[int]]:
        """Candidates that are handed to the evaluator together."""
        length = JUDGED_TOGETHER if self._judges else max(n_folds // self._n_splits, 1)
        # The first candidate alone: it is computed whatever the time, and is the first incumbent.
        alone = int((self._may_be_late or self._prunes) and not self.outcomes)
        yield from _cut(order[:alone], 1)
        yield from _cut(order[alone:], length)

    def _evaluate_block(
        self,
        evaluator: Evaluator,
        candidates: Mapping[int, Candidate],
        *,
        timed: bool,
    ) -> Iterator[dict[int, list[Outcome | None]]]:
        """Compute the folds of some candidates; yields those that are complete, by place."""
        rows: dict[int, dict[int, Outcome]] = {place: {} for place in candidates}
        folds = [range(self._n_splits)]
        if self._prunes and self._incumbent is not None:
            folds = [range(fold, fold + 1) for fold in range(self._n_splits)]
        for some in folds:
            going = [place for place in candidates if not self._hopeless(rows[place])]
            jobs = [(place, fold) for place in going for fold in some]
            for found in self._results(evaluator, candidates, jobs, timed=timed):
                for place, fold, outcome in found:
                    rows[place][fold] = outcome
                if not self._prunes:
                    yield self._complete(rows)
        if self._prunes:
            complete = self._complete(rows)
            for place in sorted(complete):
                self._challenge(complete[place])
            yield complete

    def _complete(self, rows: dict[int, dict[int, Outcome]]) -> dict[int, list[Outcome | None]]:
        """Take out the candidates of which no further fold is computed."""
        ended = [
            place
            for place, of_place in rows.items()
            if len(of_place) == self._n_splits or self._hopeless(of_place)
        ]
        found = {place: rows.pop(place) for place in ended}
        return {
            place: [of_place.get(fold) for fold in range(self._n_splits)]
            for place, of_place in found.items()
        }

    def _results(
        self,
        evaluator: Evaluator,
        candidates: Mapping[int, Candidate],
        jobs: Sequence[tuple[int, int]],
        *,
        timed: bool,
    ) -> Iterator[list[tuple[int, int, Outcome]]]:
        """Outcomes from the study where it has them, else computed and recorded."""
        known, missing = [], []
        for place, fold in jobs:
            outcome = self._recorded(candidates[place], fold)
            if outcome is None:
                missing.append((place, fold))
            else:
                known.append((place, fold, outcome))
        yield known
        if not missing:
            return
        self._trains = True

        def poll(epochs: int) -> bool:
            self._show(self.epochs_trained + epochs)
            return self._ends(timed=timed)

        of_call = [(candidates[place], fold) for place, fold in missing]
        for finished in evaluator.evaluate(of_call, poll):
            found = []
            for index, outcome in finished:
                place, fold = missing[index]
                self.epochs_trained += outcome.epochs
                self._digest(outcome, fold)
                if self._recorder is not None:
                    candidate = candidates[place]
                    resource = self._resource_of(candidate)
                    payload = outcome.payload()
                    if candidate.origin is not None:
                        payload["descent"] = candidate.descent
                    self._recorder.record(candidate.number, candidate, resource, fold, payload)
                found.append((place, fold, outcome))
            self._show(self.epochs_trained)
            yield found

    def _recorded(self, candidate: Candidate, fold: int) -> Outcome | None:
        """What an earlier run of the search found out about a fold."""
        if self._recorder is None:
            return None
        resource = self._resource_of(candidate)
        payload = self._recorder.lookup(candidate.number, candidate, resource, fold)
        if payload is None or payload.get("descent", []) != candidate.descent:
            return None
        outcome = Outcome.from_payload(payload)
        # A fit that failed before its first epoch may have failed of the machine (memory, an
        # installation): it is tried again.
        return None if outcome.fit_error is not None and not payload["epochs"] else outcome

    # --------------------------------------------------------------------- outcomes

    def _mean(self, outcomes: Sequence[Outcome | None]) -> float:
        """Mean score; NaN where a fold was pruned."""
        scores = [np.nan if o is None else self._score_of(o.test_scores) for o in outcomes]
        return float(np.mean(scores))  # to the bit as in cv_results_

    def _collect(self, number: int, outcomes: Sequence[Outcome | None]) -> float:
        """Add what became of a candidate to the outcomes; return its mean score."""
        done = [outcome for outcome in outcomes if outcome is not None]
        self.limited += sum(outcome.limited for outcome in done)
        if any(outcome.curve or outcome.out_of_fold is not None for outcome in done):
            self.extras[len(self.outcomes)] = list(outcomes)
        self.outcomes.append(number, outcomes)
        mean = self._mean(outcomes)
        if mean > self._best:
            self._best = mean
            self._bar.set_postfix_str(f"best {mean:.4g}", refresh=False)
        return mean

    def _hopeless(self, folds: dict[int, Outcome]) -> bool:
        """Whether the folds so far are worse on average than the incumbent's worst one."""
        if self._incumbent is None or not self._prunes or not folds:
            return False
        if len(folds) == self._n_splits:
            return False
        mean = np.mean([self._score_of(outcome.test_scores) for outcome in folds.values()])
        return not mean >= min(self._incumbent)

    def _challenge(self, outcomes: Sequence[Outcome | None]) -> None:
        if any(outcome is None for outcome in outcomes):
            return
        scores = [
            self._score_of(outcome.test_scores) for outcome in outcomes if outcome is not None
        ]
        mean = np.mean(scores)
        if np.isfinite(mean) and (self._incumbent is None or mean > np.mean(self._incumbent)):
            self._incumbent = scores

    def _save_checkpoints(self, evaluator: Evaluator, candidates: Candidates) -> None:
        kept = evaluator.kept_bytes()
        known = _with_parents(candidates)
        params = {c.number: self._fixed(c) for c in known if c.number in kept}
        for number, *checkpoint in evaluator.checkpoints():
            self._recorder.save_checkpoint(number, params[number], *checkpoint)

    def truncate(self, n_candidates: int) -> None:
        """Forget all but the first candidates."""
        self.outcomes.truncate(n_candidates)
        self.extras = {row: kept for row, kept in self.extras.items() if row < n_candidates}

    @property
    def needs_streams(self) -> bool:
        """Whether outcomes are wanted as soon as they are there."""
        return self._recorder is not None or self._may_be_late

    def curves(self) -> pd.DataFrame:
        """Training loss and test scores by candidate, fold and epoch.

        A candidate is called by the row of `cv_results_` in which it first appears.
        """
        rows: dict[int, int] = {}
        numbers = self.outcomes.numbers.values.tolist()
        for row, number in enumerate(numbers):
            rows.setdefault(number, row)
        parts: dict[tuple[int, int, int], dict[str, float]] = {}
        for row, outcomes in self.extras.items():
            first_row = rows[numbers[row]]
            for fold, outcome in enumerate(outcomes):
                curve = (outcome and outcome.curve) or {}
                for values in zip(*curve.values(), strict=True):
                    entries = dict(zip(curve, values, strict=True))
                    parts[first_row, fold, int(entries.pop("epoch"))] = entries
        index = pd.MultiIndex.from_tuples(sorted(parts), names=["candidate", "fold", "epoch"])
        table = pd.DataFrame([parts[key] for key in sorted(parts)], index=index)
        first = [name for name in ("train_loss",) if name in table]
        return table[first + [name for name in table if name not in first]].reset_index()

    # --------------------------------------------------------------------- the time

    @property
    def _may_be_late(self) -> bool:
        return self._deadline is not None or self._stops is not None

    @property
    def stopped(self) -> bool:
        """Whether somebody wants the search to end."""
        return self._stops is not None and self._stops()

    def _ends(self, *, timed: bool) -> bool:
        return self.stopped or (timed and self._late())

    def _late(self) -> bool:
        return self._deadline is not None and time.monotonic() > self._deadline

    def _expect(self, epochs: int) -> None:
        """Let the progress bar end after so many more of a fold: trainings may stop early."""
        self._bar.total = self.epochs_trained + epochs * self._n_splits

    def expect_no_more(self) -> None:
        """Let the progress bar end here: the strategy may have stopped before what it planned."""
        self._expect(0)

    def _show(self, epochs: int) -> None:
        if not self._bar.disable:
            self._bar.update(epochs - self._bar.n)

    def warn_of_limits(self) -> None:
        """Say once how many trainings were ended by their number of epochs.

        Nothing is said where it is the rungs that end them.
        """
        if self.limited and not self._climbs:
            warnings.warn(
                f"{self.limited} trainings of the search reached their maximum of iterations "
                "(max_iter) without converging.",
                ConvergenceWarning,
                stacklevel=stacklevel(),
            )


def _with_parents(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Candidates, and those that they branch off."""
    origins = [candidate.origin for candidate in candidates]
    return [*candidates, *(origin.parent for origin in origins if origin is not None)]


def _cut(places: Sequence[int], length: int) -> list[Sequence[int]]:
    return [places[start : start + length] for start in range(0, len(places), length)]
