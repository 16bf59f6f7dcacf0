"""Jobs of a search in bundles of a few seconds, those that take longest first."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from nnhp.search._outcome import Job

# Seconds that a bundle shall take: long beside what it costs to send one, short beside what is
# lost with a worker. The work that is left is shared out, so that bundles grow shorter at its end.
_SHORTEST, _LONGEST = 1.0, 5.0
_MANY_SLOTS = 1000  # beyond which bundles grow longer, or the scheduler would keep workers waiting
_SLOWEST_PACE = 1e-8  # seconds for a unit of cost, assumed until a bundle was measured
_FIRST_SHARE = 8  # bundles for each slot, until then
Place = tuple[int, int, int]  # of a job in a search: candidate, fold and resource

UNKNOWN_COST = (
    _LONGEST / _SLOWEST_PACE
)  # of a job that tells nothing: until then, a bundle of its own


@dataclass(frozen=True)
class PricedJob:
    """One job, and what it costs."""

    place: Place
    job: Job
    cost: float
    preparation: Hashable  # equal for jobs whose samples are prepared alike

    @property
    def order(self) -> tuple[int, int]:
        """By candidate and fold."""
        return self.job[0].number, self.job[1]


@dataclass
class Bundle:
    """Jobs that one worker does in one call."""

    jobs: list[PricedJob]
    losses: int = 0  # with the workers that did it and nothing else

    @property
    def cost(self) -> float:
        """Of all of its jobs."""
        return sum(priced.cost for priced in self.jobs)

    def halves(self) -> list[Bundle]:
        """Two bundles of half the jobs each."""
        middle = len(self.jobs) // 2
        return [Bundle(part) for part in (self.jobs[:middle], self.jobs[middle:])]


@dataclass
class Pace:
    """How long a unit of cost takes, by what was measured."""

    seconds: float = 0.0
    cost: float = 0.0

    def note(self, bundle: Bundle, seconds: float) -> None:
        """Learn from a bundle."""
        self.seconds += seconds
        self.cost += bundle.cost

    @property
    def known(self) -> bool:
        """Whether a bundle was measured."""
        return self.cost > 0 and self.seconds > 0

    @property
    def of_unit(self) -> float:
        """Seconds for a unit of cost."""
        return self.seconds / self.cost if self.known else _SLOWEST_PACE


@dataclass
class Backlog:
    """The jobs that nobody has begun.

    Parameters
    ----------
    jobs : list of PricedJob
        The jobs.
    pace : Pace
        What their cost means in seconds.
    """

    jobs: Sequence[PricedJob]
    pace: Pace
    cost: float = field(init=False)

    def __post_init__(self) -> None:
        groups: dict[Hashable, list[PricedJob]] = {}
        for priced in self.jobs:
            groups.setdefault(priced.preparation, []).append(priced)
        self.cost = sum(priced.cost for priced in self.jobs)
        self.jobs = ()
        # Of a pipeline, one preparation after the other; the longest last, to be taken from there.
        self._groups = sorted(
            (sorted(group, key=_by_cost, reverse=True) for group in groups.values()),
            key=lambda group: group[-1].cost,
        )

    def __bool__(self) -> bool:
        return bool(self._groups)

    def take(self, slots: int) -> Bundle:
        """The next bundle, where so many can be under way at a time."""
        if self.pace.known:
            scale = max(slots / _MANY_SLOTS, 1.0)
            seconds = self.cost * self.pace.of_unit / slots
            wanted = min(max(seconds, _SHORTEST * scale), _LONGEST * scale) / self.pace.of_unit
        else:
            wanted = min(self.cost / (_FIRST_SHARE * slots), _LONGEST / _SLOWEST_PACE)
        group = self._groups[-1]
        taken = [group.pop()]
        cost = taken[0].cost
        while group and cost + group[-1].cost <= wanted:
            taken.append(group.pop())
            cost += taken[-1].cost
        if not group:
            self._groups.pop()
        self.cost -= cost
        return Bundle(sorted(taken, key=lambda priced: priced.order))


def _by_cost(priced: PricedJob) -> tuple[float, Place]:
    return -priced.cost, priced.place
