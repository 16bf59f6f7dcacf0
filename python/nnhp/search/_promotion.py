"""Which trainings of a rung are kept for the next one, and who goes on there."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnhp.search._outcome import Candidate


@dataclass
class Group:
    """Candidates of a rung that are compared with each other, and the best of which go on."""

    candidates: Sequence[Candidate]
    n_survivors: int  # that may go on at most

    def following(self, means: NDArray[np.float64]) -> Group | None:
        """Those that go on, as they come to the next rung, where their scores alone tell that."""
        return None


class Standings:
    """Scores of a rung so far.

    Parameters
    ----------
    groups : sequence of Group
        Whose candidates, one group after the other, are those of the rung.

    Attributes
    ----------
    n_going : int
        Groups that lack scores.
    """

    def __init__(self, groups: Sequence[Group]) -> None:
        self._groups = groups
        self._places = [
            (g, i) for g, group in enumerate(groups) for i in range(len(group.candidates))
        ]
        self._means = [np.full(len(group.candidates), np.nan) for group in groups]
        self._ranks: list[list[float]] = [[] for _ in groups]  # sorted
        self._of: dict[int, tuple[int, float]] = {}  # group and rank of a candidate's number
        self.n_going = len(groups)

    def add(self, place: int, mean: float) -> tuple[Group, NDArray[np.float64]] | None:
        """Note the mean score of the candidate at a place of the rung; NaN is the worst.

        Returns its group and the mean scores of that, if this was the last.
        """
        g, i = self._places[place]
        group, ranks = self._groups[g], self._ranks[g]
        rank = -np.inf if np.isnan(mean) else mean
        insort(ranks, rank)
        self._of[group.candidates[i].number] = g, rank
        self._means[g][i] = mean
        if len(ranks) < len(group.candidates):
            return None
        self.n_going -= 1
        return group, self._means[g]

    def worth_keeping(self, sizes: Mapping[int, int], memory_budget: int) -> set[int]:
        """Those that may yet go on, the best ones where memory does not suffice for all.

        Parameters
        ----------
        sizes : mapping of int to int
            Bytes of each candidate's trainings, by its number. Those without a score are kept.
        memory_budget : int
            Bytes of all together.
        """
        kept = {number for number in sizes if number not in self._of}
        room = memory_budget - sum(sizes[number] for number in kept)
        rising = []
        for number in sizes.keys() - kept:
            g, rank = self._of[number]
            # One that ties with the last of them may yet be chosen.
            if rank >= self._last(g):
                rising.append((rank, number))
        for _, number in sorted(rising, reverse=True):
            room -= sizes[number]
            if room >= 0:
                kept.add(number)
        return kept

    def _last(self, g: int) -> float:
        """Rank of the last of a group that goes on, as it looks now."""
        ranks, limit = self._ranks[g], self._groups[g].n_survivors
        return ranks[-min(limit, len(ranks))] if limit else np.inf
