"""Candidates as settings: configured once, checked, and in an order that saves preparation."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Sequence
from numbers import Integral
from traceback import format_exc
from typing import Any

from nnhp.estimators._params import check_bounds, check_combination, max_epochs_of
from nnhp.estimators._training import Cache
from nnhp.search._outcome import Candidate
from nnhp.search._prepare import Setting, configured, net_of, obstacle, preparation_of


class Settings:
    """Makes the settings of one search.

    Parameters
    ----------
    estimator : estimator
        The search's, cloned.
    cache : Cache
        What all trainings share.
    has_validation : bool
        Whether the net's `fit` gets validation data.
    raises : bool
        Whether a setting that cannot be trained ends the search.
    horizon : int or None
        Epochs that a training may come to, where trainings go on from rung to rung.
    """

    def __init__(
        self,
        estimator: Any,
        cache: Cache,
        *,
        has_validation: bool,
        raises: bool,
        horizon: int | None,
    ) -> None:
        self._estimator = estimator
        self._net_alone = net_of(estimator) is estimator
        self._cache = cache
        self._has_validation = has_validation
        self._raises = raises
        self._horizon = horizon
        self._in_bounds: set[str] = set()  # parameters of the base that were checked
        self._base_preparation = preparation_of(estimator)

    def of(self, candidate: Candidate) -> Setting:
        """Configure and check the estimator of a candidate."""
        estimator = configured(self._estimator, candidate)
        net = net_of(estimator)
        reason = obstacle(estimator)
        if reason is None and type(net) is not type(net_of(self._estimator)):
            reason = "the estimator at the end is another one"
        if reason is not None:
            return Setting(estimator, net, None, self._cache, obstacle=reason)
        error = None
        try:
            check_bounds(net, self._changed_names(candidate, net))
            check_combination(net, incremental=False, has_validation=self._has_validation)
        except Exception:
            if self._raises:
                raise
            error = format_exc()
        target = 0
        if error is None:
            target = max_epochs_of(net)
            if self._horizon is not None:
                net.max_iter = self._horizon
        preparation = self.preparation_key(candidate, estimator)
        return Setting(estimator, net, preparation, self._cache.for_setting(), target, error)

    def preparation_key(self, candidate: Candidate, estimator: Any = None) -> Hashable:
        """Equal for candidates that prepare the samples alike."""
        if self._net_alone:
            return None
        last = f"{self._estimator.steps[-1][0]}__"
        if all(name.startswith(last) for name in candidate):
            return self._base_preparation
        return preparation_of(estimator or configured(self._estimator, candidate))

    def _changed_names(self, candidate: Candidate, net: Any) -> list[str]:
        """Parameters of the net that may be out of bounds: all of them until those of the base."""
        prefix = "" if self._net_alone else f"{self._estimator.steps[-1][0]}__"
        bounded = type(net)._parameter_constraints
        if prefix[:-2] in candidate:
            return list(bounded)
        changed = [n.removeprefix(prefix) for n in candidate if n.startswith(prefix)]
        if len(self._in_bounds) < len(bounded):
            rest = bounded.keys() - self._in_bounds - set(changed)
            check_bounds(net, rest)
            self._in_bounds |= rest
        return changed

    def order(self, candidates: Sequence[Candidate]) -> Sequence[int]:
        """Those that prepare the samples alike follow each other."""
        if self._net_alone:
            return range(len(candidates))
        places: dict[Hashable, array[int]] = {}
        for place, candidate in enumerate(candidates):
            group = places.setdefault(self.preparation_key(candidate), array("q"))
            group.append(place)
        order = array("q")
        for group in places.values():
            order.extend(group)
        return order

    def of_net(self, candidate: Candidate, name: str) -> Any:
        """A parameter of a candidate's net, which is not made; None where there is no net."""
        prefix, net = "", net_of(self._estimator)
        if not self._net_alone:
            step = self._estimator.steps[-1][0]
            prefix, net = f"{step}__", net_of(candidate.get(step, net))
        return None if net is None else candidate.get(f"{prefix}{name}", getattr(net, name))

    def epochs_of(self, candidate: Candidate) -> int:
        """Epochs that a fold may come to; 0 where its fits will fail, or have no epochs."""
        target = self.of_net(candidate, "max_iter")
        if not isinstance(target, Integral) or target < 1:
            return 0
        return 0 if self.of_net(candidate, "solver") == "lbfgs" else int(target)
