"""`cv_results_` of a search that goes on."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnhp.search._search_fit import SearchFit


class Results(MutableMapping[str, Any]):
    """`cv_results_` of a search up to now: made when an entry is read that needs it.

    Halving looks at scores and settings alone after each rung, and making all the columns took
    ten times as long as its own work.
    """

    def __init__(self, search: SearchFit) -> None:
        self._search = search
        self._n_rows = len(search.run_state.outcomes)
        self._all: dict[str, Any] | None = None

    def _formatted(self) -> dict[str, Any]:
        if self._all is None:
            self._all = self._search.formatted(self._n_rows)
        return self._all

    def __getitem__(self, name: str) -> Any:
        entry = self._search.entry(name, self._n_rows) if self._all is None else None
        return self._formatted()[name] if entry is None else entry

    def __setitem__(self, name: str, entry: Any) -> None:
        self._formatted()[name] = entry

    def __delitem__(self, name: str) -> None:
        del self._formatted()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._formatted())

    def __len__(self) -> int:
        return len(self._formatted())
