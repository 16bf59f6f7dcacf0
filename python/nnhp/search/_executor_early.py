"""Jobs of later rungs that workers do before the search asks for them, rather than to idle."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from nnhp.search._executor_bundles import Backlog, Bundle, Pace, Place, PricedJob
from nnhp.search._kept import Key, Paused
from nnhp.search._outcome import Outcome

Then = Callable[[list[Outcome]], None]  # given the outcomes of all jobs, in their order


@dataclass(eq=False)
class _Order:
    """Jobs that come to a rung together."""

    places: list[Place]
    n_missing: int  # that are not done
    backlog: Backlog  # those that nobody has begun
    then: Then


class EarlyJobs:
    """Jobs that are not asked for yet: orders for them, and what is done.

    Parameters
    ----------
    pace : Pace
        What costs mean in seconds.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._orders: list[_Order] = []
        self._order_of: dict[Place, _Order] = {}
        self._done: dict[Place, tuple[Outcome, Paused | None]] = {}
        self._latest: dict[Key, Place] = {}  # the last rung that is done of a training

    def order(self, jobs: Sequence[PricedJob], then: Then) -> None:
        """Have jobs done, and `then` be called."""
        places = [priced.place for priced in jobs]
        if any(place in self._order_of for place in places):
            return
        missing = [priced for priced in jobs if priced.place not in self._done]
        order = _Order(places, len(missing), Backlog(missing, self._pace), then)
        self._orders.append(order)
        self._order_of |= dict.fromkeys(places, order)
        self._end(order)

    def take(self, slots: int) -> Bundle | None:
        """The next bundle, where so many can be under way at a time."""
        for order in self._orders:
            if order.backlog:
                return order.backlog.take(slots)
        return None

    def finish(self, place: Place, outcome: Outcome, paused: Paused | None) -> None:
        """Note what became of a job."""
        self._done[place] = outcome, paused
        number, fold, _ = place
        self._latest[number, fold] = place
        order = self._order_of.get(place)
        if order is not None:
            order.n_missing -= 1
            self._end(order)

    def claim(self, places: Collection[Place]) -> dict[Place, tuple[Outcome, Paused | None]]:
        """Hand over those of some jobs that are done; the search now asks for all of them."""
        self.forget(places)
        found = {place: self._done.pop(place) for place in places if place in self._done}
        for number, fold, resource in found:
            if self._latest[number, fold] == (number, fold, resource):
                del self._latest[number, fold]
        return found

    def forget(self, places: Collection[Place]) -> None:
        """Drop the orders for jobs, as of a bundle that was lost: they may be asked for later."""
        for place in places:
            if place in self._order_of:
                self._drop(self._order_of[place])

    def paused(self, key: Key) -> Paused | None:
        """What a training goes on from after its last rung here."""
        _, paused = self._done.get(self._latest.get(key, (-1, -1, -1)), (None, None))
        return paused

    def keep_only(self, numbers: set[int]) -> None:
        """Let go of the trainings of all other candidates."""
        for place, (outcome, _) in self._done.items():
            if place[0] not in numbers:
                self._done[place] = outcome, None

    def n_bytes(self) -> dict[int, int]:
        """Memory of the trainings that are kept, by candidate."""
        sizes: dict[int, int] = {}
        for (number, *_), (_, paused) in self._done.items():
            if paused is not None:
                sizes[number] = sizes.get(number, 0) + paused.n_bytes
        return sizes

    def _end(self, order: _Order) -> None:
        """Tell of an order, if all of it is done."""
        if not order.n_missing:
            self._drop(order)
            order.then([self._done[place][0] for place in order.places])

    def _drop(self, order: _Order) -> None:
        self._orders.remove(order)
        for place in order.places:
            del self._order_of[place]
