"""Which trainings of a rung are kept for the next one."""

from __future__ import annotations

from bisect import insort
from collections.abc import Hashable, Mapping, Sequence

import numpy as np


class Standings:
    """Scores of a rung so far, in the groups whose best go on.

    Parameters
    ----------
    promotions : sequence of (hashable, int)
        Of each candidate of the rung: its group, and how many of that may go on.
    """

    def __init__(self, promotions: Sequence[tuple[Hashable, int]]) -> None:
        self._promotions = promotions
        self._limits = dict(promotions)
        self._ranks: dict[Hashable, list[float]] = {group: [] for group in self._limits}  # sorted
        self._of: dict[int, tuple[Hashable, float]] = {}  # group and rank of a candidate's number

    def add(self, place: int, number: int, mean: float) -> None:
        """Note the mean score of a candidate, given its place on the rung; NaN is the worst."""
        group, _ = self._promotions[place]
        rank = -np.inf if np.isnan(mean) else mean
        insort(self._ranks[group], rank)
        self._of[number] = group, rank

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
            group, rank = self._of[number]
            # One that ties with the last of them may yet be chosen.
            if rank >= self._last(group):
                rising.append((rank, number))
        for _, number in sorted(rising, reverse=True):
            room -= sizes[number]
            if room >= 0:
                kept.add(number)
        return kept

    def _last(self, group: Hashable) -> float:
        """Rank of the last that goes on, as it looks now."""
        ranks, limit = self._ranks[group], self._limits[group]
        return ranks[-min(limit, len(ranks))] if limit else np.inf
