"""Jobs of later rungs that workers do before the search asks for them, rather than to idle."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from nnhp.search._executor_bundles import Backlog, Bundle, Pace, Place, PricedJob
from nnhp.search._kept import Key, Paused
from nnhp.search._outcome import Outcome, Then

Done = tuple[Outcome, Paused | None]


@dataclass(eq=False)
class _Order:
    """Jobs that come to a rung together."""

    places: list[Place]
    n_missing: int  # that are not done
    backlog: Backlog  # those that nobody has begun
    then: Then


class EarlyJobs:
    """Orders for jobs that are not asked for yet, and what is done of them.

    Parameters
    ----------
    pace : Pace
        What costs mean in seconds.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._orders: list[_Order] = []
        self._order_of: dict[Place, _Order] = {}
        self._done: dict[Place, Done] = {}
        self._latest: dict[Key, Place] = {}  # the last rung of a training that is done

    def order(self, jobs: Sequence[PricedJob], then: Then) -> None:
        """Have jobs done, and `then` be called; does nothing where some are ordered already."""
        places = [priced.place for priced in jobs]
        if self._order_of.keys().isdisjoint(places):
            order = _Order(places, len(places), Backlog(jobs, self._pace), then)
            self._orders.append(order)
            self._order_of |= dict.fromkeys(places, order)

    def take(self, slots: int) -> Bundle | None:
        """The next bundle, where so many can be under way at a time."""
        for order in self._orders:
            if order.backlog:
                return order.backlog.take(slots)
        return None

    def finish(self, place: Place, done: Done) -> None:
        """Note what became of a job; the last of an order calls its `then`."""
        order = self._order_of.get(place)
        if order is None:
            return
        self._done[place] = done
        self._latest[place[:2]] = place
        order.n_missing -= 1
        if not order.n_missing:
            order.then([self._done[place][0] for place in order.places])

    def stop(self, places: Iterable[Place]) -> None:
        """Begin with no more of the orders for these jobs, as of a bundle that was lost."""
        for order in {self._order_of[place] for place in places if place in self._order_of}:
            order.backlog = Backlog([], self._pace)

    def claim(self, places: Collection[Place]) -> dict[Place, Done]:
        """Hand over those of some jobs that are done; all of them are asked for now."""
        for order in {self._order_of[place] for place in places if place in self._order_of}:
            self._orders.remove(order)
            for place in order.places:
                del self._order_of[place]
        found = {place: self._done.pop(place) for place in places if place in self._done}
        for place in found:
            if self._latest[place[:2]] == place:
                del self._latest[place[:2]]
        return found

    def __contains__(self, key: Key) -> bool:
        """Whether a rung of a training is done here."""
        return key in self._latest

    def paused(self, key: Key) -> Paused | None:
        """What such a training goes on from; None where it begins anew."""
        return self._done[self._latest[key]][1]
