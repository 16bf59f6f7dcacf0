"""What searches share whose trainings go on from rung to rung."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnhp.search._engine_fit import EngineSearch, epochs_parameter
from nnhp.search._outcome import Candidate
from nnhp.search._promotion import Group

Rung = tuple[int, int]  # candidates, epochs of each


def brackets_of(max_resources: int, factor: int, n_brackets: int | None = None) -> list[list[Rung]]:
    """Rungs of each bracket, that with the most candidates first.

    Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar (2018), algorithm 1, in integers: bracket s
    begins with floor((s_max + 1) / (s + 1)) * factor^s candidates, s_max the largest integer with
    factor^s_max <= max_resources, or less where there shall be fewer brackets.
    """
    s_max = 0
    while factor ** (s_max + 1) <= max_resources and s_max + 1 != n_brackets:
        s_max += 1
    return [
        [
            (
                (s_max + 1) // (s + 1) * factor**s // factor**rung,
                max_resources // factor ** (s - rung),
            )
            for rung in range(s + 1)
        ]
        for s in range(s_max, -1, -1)
    ]


def metric_of(search: Any, results: Mapping[str, Any]) -> str:
    """Name of the score by which a search compares its candidates."""
    names = search._named_scores()
    if not names and results.get("mean_test_score") is not None:
        return "score"
    prefix = "mean_test_"
    told = names or [name.removeprefix(prefix) for name in results if name.startswith(prefix)]
    metric: str = search._compared_metric(told)
    return metric


def means_of(search: Any, results: Mapping[str, Any]) -> NDArray[np.float64]:
    """The mean scores by which a search compares the candidates of its results so far."""
    return np.asarray(results[f"mean_test_{metric_of(search, results)}"])


@dataclass
class Entrants(Group):
    """Candidates of a bracket on one of its rungs.

    They are copies of those that it was given, with the epochs of the rung.
    """

    bracket: int
    rung: int
    epochs: int
    resource: str  # parameter that counts epochs
    later: Sequence[Rung] = ()

    def __post_init__(self) -> None:
        self.candidates = [candidate.copy() for candidate in self.candidates]
        for candidate in self.candidates:
            candidate[self.resource] = self.epochs

    @classmethod
    def of_bracket(
        cls, rungs: Sequence[Rung], candidates: Sequence[Candidate], bracket: int, resource: str
    ) -> Entrants:
        """Candidates on the first of these rungs."""
        return cls(candidates, _size(rungs[1:]), bracket, 0, rungs[0][1], resource, rungs[1:])

    def following(self, means: NDArray[np.float64]) -> Entrants | None:
        """Those that go on, best first; equal scores in their order, NaN last."""
        if not self.later:
            return None
        (_, epochs), *later = self.later
        order = np.argsort(-means, kind="stable")[: self.n_survivors]
        return replace(
            self,
            candidates=[self.candidates[i] for i in order],
            n_survivors=_size(later),
            rung=self.rung + 1,
            epochs=epochs,
            later=later,
        )


def _size(rungs: Sequence[Rung]) -> int:
    """Candidates of the first of these rungs; 0 where there is none."""
    return rungs[0][0] if rungs else 0


class RungSearch(EngineSearch):
    """A search whose trainings go on from rung to rung."""

    _climbing: Sequence[Entrants] | None = None  # on the rung that is evaluated

    def _epochs_name(self) -> str:
        """Parameter that counts the epochs of a training."""
        name = epochs_parameter(self.estimator)
        assert name is not None
        return name

    def _check_resource_is_free(self, settings: Sequence[Mapping[str, Any]]) -> None:
        if any(self._epochs_name() in params for params in settings):
            raise ValueError(
                f"Cannot use parameter {self._epochs_name()} as the resource since it is part of "
                "the searched parameters."
            )

    def _resource_of(self, candidate: Mapping[str, Any]) -> int:
        return int(candidate[self._epochs_name()])

    def _groups(self, candidates: Sequence[Candidate]) -> Sequence[Group] | None:
        return self._climbing

    def _evaluate_rung(
        self, groups: Sequence[Entrants], evaluate_candidates: Any, task: Any
    ) -> list[NDArray[np.float64]]:
        """Train candidates up to their rungs; returns the mean scores of each group."""
        candidates: list[Candidate] = []
        more: dict[str, list[int]] = {"bracket": [], "iter": [], "n_resources": []}
        for group in groups:
            candidates += group.candidates
            n = len(group.candidates)
            more["bracket"] += [group.bracket] * n
            more["iter"] += [group.rung] * n
            more["n_resources"] += [group.epochs] * n
        self._climbing = groups
        rung_task = task.subcontext(
            task_name="rung",
            max_subtasks=len(candidates) * self.n_splits_,
            sequential_subtasks=False,
        ).call_on_fit_task_begin(estimator=self)
        results = evaluate_candidates(candidates, more_results=more, callback_ctx=rung_task)
        rung_task.call_on_fit_task_end(estimator=self)
        self._climbing = None
        means = means_of(self, results)[-len(candidates) :]
        ends = np.cumsum([len(group.candidates) for group in groups])
        return np.split(means, ends[:-1])

    @staticmethod
    def _select_best_index(refit: Any, refit_metric: Any, results: Any) -> int:
        if callable(refit) or "n_resources" not in results:
            chosen: int = EngineSearch._select_best_index(refit, refit_metric, results)
            return chosen
        resources = np.asarray(results["n_resources"])
        rows = np.flatnonzero(resources == resources.max())
        means = results[f"mean_test_{refit_metric}"][rows]
        return int(rows[0 if np.isnan(means).all() else np.nanargmax(means)])
