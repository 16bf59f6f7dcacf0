"""SeededSampler: proposals of any of Optuna's samplers as a function of the history alone."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from numbers import Integral
from types import FunctionType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.samplers._lazy_random_state import LazyRandomState
from optuna.search_space import IntersectionSearchSpace
from optuna.search_space.group_decomposed import _GroupDecomposedSearchSpace
from optuna.trial import FrozenTrial, TrialState

from nnhp.integrations._tpe import Known, ThriftyTPE

_MAX_SEED = 2**32 - 1
_SPACES = IntersectionSearchSpace | _GroupDecomposedSearchSpace
_RANDOM_STATES = np.random.RandomState | LazyRandomState
_SHARED = IntersectionSearchSpace | Known | _RANDOM_STATES
_ATOMS = (type(None), bool, int, float, str, bytes, type, FunctionType, ModuleType, np.ndarray)


class SeededSampler(BaseSampler):
    """Make the proposals of another sampler a function of seed, trial number and history.

    Optuna's samplers draw from a random state that goes on from trial to trial, so that their
    proposals depend on the order in which trials are asked for, and are others after a restart.
    Here each trial is proposed by a fresh copy of the sampler, whose random state comes from the
    seed and the number of the trial, and each parameter that is sampled alone from its name, too.

    Parameters
    ----------
    sampler : optuna.samplers.BaseSampler
        What proposes. It is copied, and never changed.
    seed : int, default=0
        From 0 to 2**32 - 1. The sampler's own seed has no effect.

    Raises
    ------
    TypeError
        `sampler` is no sampler.
    ValueError
        `seed` is no such number.

    Notes
    -----
    History is what the study holds, also of its trials that still run. What a sampler learns
    beside it is forgotten: the Gaussian process fits its kernel anew for each trial.
    A `QMCSampler` takes its sequence from its own seed: give it one.

    Examples
    --------
    >>> import optuna
    >>> from nnhp.integrations.optuna import SeededSampler
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> def proposed(n_before):
    ...     study = optuna.create_study(sampler=SeededSampler(optuna.samplers.TPESampler()))
    ...     for _ in range(n_before):
    ...         study.tell(study.ask(), 0.0)
    ...     return study.ask().suggest_float("x", 0, 1)
    >>> proposed(n_before=3) == proposed(n_before=3)
    True
    """

    def __init__(self, sampler: BaseSampler, *, seed: int = 0) -> None:
        given: object = sampler
        if not isinstance(given, BaseSampler):
            raise TypeError(f"sampler must be one of optuna.samplers, got {sampler!r}.")
        self.sampler = sampler
        self.seed = _checked_seed(seed)
        self._prepare()

    def _prepare(self) -> None:
        """Make what all copies are made from: a sampler that knows of no study."""
        self._unused = copy.deepcopy(self.sampler)
        if type(self._unused) is TPESampler:
            self._unused = ThriftyTPE(self._unused)
        for space in _within(self._unused, set(), _SPACES):
            vars(space).update(vars(type(space)(space._include_pruned)))  # noqa: SLF001
        self._latest = _Latest()

    def __getstate__(self) -> dict[str, Any]:
        return {"sampler": self.sampler, "seed": self.seed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._prepare()

    def __repr__(self) -> str:
        return f"SeededSampler({type(self.sampler).__name__}, seed={self.seed})"

    def reseed_rng(self) -> None:
        """Do nothing: what a worker proposes does not depend on the worker."""

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Let the sampler prepare a trial; see Optuna.

        Parameters
        ----------
        study : optuna.Study
            That the trial belongs to.
        trial : optuna.trial.FrozenTrial
            The trial.
        """
        self._copy_for(study, trial, "before").before_trial(study, trial)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Give the parameters that are sampled together; see Optuna.

        Parameters
        ----------
        study : optuna.Study
            That the trial belongs to.
        trial : optuna.trial.FrozenTrial
            The trial.

        Returns
        -------
        search_space : dict of str to optuna.distributions.BaseDistribution
            By their names.
        """
        return self._copy_for(study, trial, "space").infer_relative_search_space(study, trial)

    def sample_relative(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],
    ) -> dict[str, Any]:
        """Sample parameters together; see Optuna.

        Parameters
        ----------
        study : optuna.Study
            That the trial belongs to.
        trial : optuna.trial.FrozenTrial
            The trial.
        search_space : dict of str to optuna.distributions.BaseDistribution
            What to sample.

        Returns
        -------
        params : dict of str to object
            Values of those that the sampler samples together.
        """
        return self._copy_for(study, trial, "relative").sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Sample one parameter; see Optuna.

        Parameters
        ----------
        study : optuna.Study
            That the trial belongs to.
        trial : optuna.trial.FrozenTrial
            The trial.
        param_name : str
            Its name.
        param_distribution : optuna.distributions.BaseDistribution
            What it may be.

        Returns
        -------
        value : object
            Its value.
        """
        of_trial = self._copy_for(study, trial, f"parameter {param_name}")
        return of_trial.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Let the sampler note the end of a trial; see Optuna.

        Parameters
        ----------
        study : optuna.Study
            That the trial belongs to.
        trial : optuna.trial.FrozenTrial
            The trial.
        state : optuna.trial.TrialState
            What became of it.
        values : sequence of float or None
            Its values, where it was completed.
        """
        self._copy_for(study, trial, "after").after_trial(study, trial, state, values)

    def _copy_for(self, study: optuna.Study, trial: FrozenTrial, purpose: str) -> BaseSampler:
        """Give the copy of the sampler for a trial, with the random state for this purpose.

        One copy serves the calls for one trial that follow each other: what it holds between them
        (the groups of a space, say) comes from the same history.
        """
        latest = self._latest
        key = (ref(study), trial.number, trial.state.is_finished())
        if latest.key != key:
            if study not in latest.shared:
                latest.shared[study] = _Shared(self._unused)
            latest.key = key
            latest.sampler = latest.shared[study].copy_of(self._unused)
        latest.shared[study].seed(f"{self.seed} {trial.number} {purpose}")
        return latest.sampler


class _Latest(threading.local):
    """The latest copy in a thread, and what the next one for the same study takes over from it."""

    key: tuple[Any, ...] | None = None
    sampler: BaseSampler

    def __init__(self) -> None:
        self.shared: WeakKeyDictionary[optuna.Study, _Shared] = WeakKeyDictionary()


class _Shared:
    """The parts that all copies of a sampler for one study share.

    They cost more than all others and change no proposal: random states, which get their seed
    before each use, the space that the finished trials have in common, to which only new trials
    need be added, and what TPE knows of these.
    """

    def __init__(self, sampler: BaseSampler) -> None:
        self._of: dict[int, Any] = {}  # by the id of the sampler's own, as `deepcopy` has it
        self._states: list[np.random.RandomState | _SeededWhenUsed] = []
        for part in _within(sampler, set(), _SHARED):
            lazy = isinstance(part, LazyRandomState)
            self._of[id(part)] = shared = _SeededWhenUsed() if lazy else copy.deepcopy(part)
            if isinstance(part, _RANDOM_STATES):
                self._states.append(shared)

    def copy_of(self, sampler: BaseSampler) -> BaseSampler:
        """Give a copy of the sampler with these parts."""
        return copy.deepcopy(sampler, dict(self._of))

    def seed(self, text: str) -> None:
        """Give each random state the seed that a text and its place stand for."""
        for place, state in enumerate(self._states):
            of_place = f"{text} {place}"
            if isinstance(state, _SeededWhenUsed):
                state.text = of_place
            else:
                state.seed(_words(of_place))


class _SeededWhenUsed(LazyRandomState):
    """A random state that gets its seed when it is used: most calls of a sampler draw nothing."""

    text: str | None = None  # the seed, until then

    @property
    def rng(self) -> np.random.RandomState:
        """The random state."""
        rng = super().rng
        if self.text is not None:
            rng.seed(_words(self.text))
            self.text = None
        return rng


def _checked_seed(seed: Any) -> int:
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= int(seed) <= _MAX_SEED:
        raise ValueError(f"seed must be an integer from 0 to {_MAX_SEED}, got {seed!r}.")
    return int(seed)


def _words(text: str) -> list[int]:
    """Eight words of 32 bits that a text stands for."""
    digest = blake2b(text.encode(), digest_size=32).digest()
    return [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 32, 4)]


def _within(part: Any, known: set[int], kind: Any) -> Iterator[Any]:
    """All objects of a kind that another one holds, in the order of its attributes."""
    if isinstance(part, _ATOMS) or id(part) in known:
        return
    known.add(id(part))
    if isinstance(part, kind):
        yield part
        return
    if isinstance(part, dict):
        parts = list(part.values())
    elif isinstance(part, list | tuple):
        parts = list(part)
    else:
        parts = list(getattr(part, "__dict__", {}).values())
    for inner in parts:
        yield from _within(inner, known, kind)
