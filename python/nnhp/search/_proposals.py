"""Proposals of Optuna's samplers: the only file of the searches that talks to Optuna."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnhp.search._dimensions import Space, Trial
from nnhp.search._fingerprint import describe

if TYPE_CHECKING:
    import optuna

SAMPLERS = ("tpe", "gp", "cmaes")
# Proposals of the model that may be refused before a setting is drawn at random, and such draws
# before the settings of a space that can be listed are gone through.
_MODEL_TRIES = 16
_RANDOM_TRIES = 1000
_UNKNOWN = object()


def need_optuna(search: str) -> Any:
    """Give the package Optuna, or raise ImportError that names the extra."""
    try:
        import cmaes  # noqa: F401
        import optuna
    except ImportError as error:
        raise ImportError(
            f"{search} needs Optuna and cmaes: install the extra, pip install 'nnhp[optuna]'."
        ) from error
    return optuna


def make_sampler(sampler: Any, search: str) -> Any:
    """Make the sampler that a search was given by its name, or give it back."""
    optuna = need_optuna(search)
    kinds = optuna.samplers
    if isinstance(sampler, kinds.GridSampler | kinds.PartialFixedSampler | kinds.BruteForceSampler):
        raise ValueError(
            f"sampler must be one that proposes, and {type(sampler).__name__} names values: a "
            "value is fixed by the estimator's parameter, and a grid is for GridSearchCV."
        )
    if isinstance(sampler, optuna.samplers.BaseSampler):
        return sampler
    if sampler == "tpe":
        return optuna.samplers.TPESampler()
    if sampler == "cmaes":
        return optuna.samplers.CmaEsSampler(warn_independent_sampling=False)
    if sampler == "gp":
        try:
            import torch  # noqa: F401
        except ImportError as error:
            raise ImportError(
                "sampler='gp' needs PyTorch, which is in no extra of nnhp: pip install torch."
            ) from error
        return optuna.samplers.GPSampler(warn_independent_sampling=False)
    raise ValueError(
        f"sampler must be one of {SAMPLERS} or one of optuna.samplers, got {sampler!r}."
    )


def genetic_sampler(population_size: int, search: str) -> Any:
    """NSGA-II with generations of this size, whose children lie between and about their parents.

    Optuna's own crossover only deals out the parents' numbers again, so that a new rate or width
    comes from a mutation alone, which draws it from the whole range.
    """
    optuna = need_optuna(search)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        blend = optuna.samplers.nsgaii.BLXAlphaCrossover()
    return optuna.samplers.NSGAIISampler(population_size=population_size, crossover=blend)


@dataclass
class Proposal:
    """A setting, and the trial by which the model will learn of its scores."""

    params: dict[str, Any]
    trial: optuna.Trial | None  # None where the model has no genes for it


class RandomTrial:
    """Suggests genes at random, evenly over their range or its logarithm."""

    def __init__(self, seed: Sequence[int]) -> None:
        self._rng = np.random.default_rng(list(seed))

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        return _rounded(self, name, low, high, log=log)

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        if log:
            drawn = math.exp(self._rng.uniform(math.log(low), math.log(high)))
            return min(max(drawn, low), high)
        return float(self._rng.uniform(low, high))

    def suggest_categorical(self, name: str, choices: Sequence[int]) -> int:
        return int(choices[int(self._rng.integers(len(choices)))])


class _RoundedTrial:
    """A trial of Optuna's in which integers are rounded reals where there are many values.

    Of integers TPE takes the mass of each draw under each of its kernels: half of its work where
    one parameter of five has hundreds of values. Of few values a real would save an eighth, but
    is the worse model: on the tables of bench_regret.py the regret of 100 candidates, asked one
    by one, is 3.3 % of all integers as reals and 2.3 % so (medians of 10 seeds).
    """

    _MANY = 16

    def __init__(self, trial: optuna.Trial) -> None:
        self._trial = trial
        self.suggest_float = trial.suggest_float
        self.suggest_categorical = trial.suggest_categorical

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        if high - low < self._MANY:
            return self._trial.suggest_int(name, low, high, log=log)
        return _rounded(self, name, low, high, log=log)


def _rounded(trial: Trial, name: str, low: int, high: int, *, log: bool) -> int:
    """Make an integer of a real that a trial suggests."""
    drawn = trial.suggest_float(name, low - 0.5, high + 0.5, log=log)
    return min(max(round(drawn), low), high)


class Proposals:
    """Settings that a model proposes, none of them twice.

    They are a function of the seed and of what was asked and told before, in this order.

    Parameters
    ----------
    space : dict, or list of dict and When
        As the search got it.
    sampler : optuna.samplers.BaseSampler
        What proposes.
    seed : int
        Of all draws.
    search : str
        Name of the search, for errors.
    own : mapping of str to object
        Parameters of the estimator, which settings that lack them have.
    n_scores : int, default=1
        How many scores a setting gets.
    accepts : callable, default=None
        Tells whether a setting may be tried; None accepts all.
    """

    def __init__(
        self,
        space: Any,
        sampler: Any,
        seed: int,
        search: str,
        *,
        own: Mapping[str, Any],
        n_scores: int = 1,
        accepts: Callable[[Mapping[str, Any]], bool] | None = None,
    ) -> None:
        optuna = need_optuna(search)
        from nnhp.integrations._seeded import SeededSampler

        if isinstance(sampler, SeededSampler):
            sampler = sampler.sampler
        # Trees of parameters are for TPE alone; other models would sample them at random.
        tree = isinstance(sampler, optuna.samplers.TPESampler)
        self.space = Space(space, all_genes=not tree)
        self._rounds = tree
        self._seed = seed
        self._own = own
        self._accepts = accepts
        self._seen: set[str] = set()
        self._worst: list[float | None] = [None] * n_scores
        self._states = optuna.trial.TrialState
        self._optuna = optuna
        with self._quiet():
            self._study = optuna.create_study(
                directions=["maximize"] * n_scores, sampler=SeededSampler(sampler, seed=seed)
            )
        self._left: Iterator[dict[str, Any]] | None = None  # of a space that can be listed

    def place(self, settings: Sequence[Mapping[str, Any]]) -> list[Proposal]:
        """Settings that somebody else proposes, each once, so that the model learns of them."""
        different: dict[str, dict[str, Any]] = {}
        for params in settings:
            different.setdefault(self._key(params), dict(params))
        return [self._placed(params) for params in different.values()]

    def ask(self, count: int) -> list[Proposal]:
        """New settings; fewer than asked for where there are no more."""
        found: list[Proposal] = []
        with self._quiet():
            while len(found) < count:
                proposal = self._of_model() or self._at_random() or self._listed()
                if proposal is None:
                    break
                found.append(proposal)
        return found

    def tell(
        self,
        proposals: Sequence[Proposal],
        scores: Sequence[Sequence[float]],
        climbs: Sequence[Mapping[int, float]] | None = None,
    ) -> None:
        """Let the model learn what became of settings.

        Parameters
        ----------
        proposals : sequence of Proposal
            In the order in which they were asked for.
        scores : sequence of sequence of float
            Of each; the higher the better. NaN counts as the worst so far.
        climbs : sequence of mapping of int to float or None
            For settings that were stopped: score by resource. An empty one was not stopped.
        """
        table = np.asarray(scores, dtype=float).reshape(len(proposals), len(self._worst))
        for column, worst in enumerate(self._worst):
            finite = table[np.isfinite(table[:, column]), column]
            known = [*finite.tolist(), *([] if worst is None else [worst])]
            self._worst[column] = min(known, default=None)
        with self._quiet():
            for place, proposal in enumerate(proposals):
                climb = {} if climbs is None else climbs[place]
                if proposal.trial is not None:
                    self._tell(proposal.trial, table[place].tolist(), climb)

    def _tell(
        self, trial: optuna.Trial, scores: Sequence[float], climb: Mapping[int, float]
    ) -> None:
        values = [
            score if np.isfinite(score) else worst
            for score, worst in zip(scores, self._worst, strict=True)
        ]
        if climb:
            for resource, score in climb.items():
                trial.report(score, resource)
            self._study.tell(trial, state=self._states.PRUNED)
        elif None in values:  # nothing has a score yet
            self._study.tell(trial, state=self._states.FAIL)
        else:
            self._study.tell(trial, values)

    # ------------------------------------------------------------------ where settings come from

    def _of_model(self) -> Proposal | None:
        for _ in range(_MODEL_TRIES):
            trial = self._study.ask()
            params = self._params(trial)
            if self._is_new(params):
                return Proposal(params, trial)
            self._study.tell(trial, state=self._states.FAIL)
        return None

    def _at_random(self) -> Proposal | None:
        draws = RandomTrial([self._seed, len(self._study.get_trials(deepcopy=False))])
        for _ in range(_RANDOM_TRIES):
            params = self.space.params(draws)
            if self._is_new(params):
                return self._placed(params)
        return None

    def _listed(self) -> Proposal | None:
        if self._left is None:
            self._left = self.space.settings() if self.space.can_be_listed else iter(())
        for params in self._left:
            if self._is_new(params):
                return self._placed(params)
        return None

    def _params(self, trial: optuna.Trial) -> dict[str, Any]:
        """The setting that a trial of the study means."""
        return self.space.params(_RoundedTrial(trial) if self._rounds else trial)

    def _is_new(self, params: Mapping[str, Any]) -> bool:
        """Whether a setting is none that was there before, and may be tried; it then was there."""
        key = self._key(params)
        if key in self._seen or (self._accepts is not None and not self._accepts(params)):
            return False
        self._seen.add(key)
        return True

    def _key(self, params: Mapping[str, Any]) -> str:
        """Equal for settings that configure the estimator alike."""
        completed = self._completed(params)
        return describe({name: _plain(value) for name, value in completed.items()})

    def _completed(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """A setting, and what candidates with it have of the space's other parameters."""
        found = dict(params)
        for name in self.space.names - params.keys():
            own = _unnamed(name, params, self._own)
            if own is not _UNKNOWN:
                found[name] = own
        return found

    def _placed(self, params: dict[str, Any]) -> Proposal:
        self._seen.add(self._key(params))
        changed = [
            name
            for name, value in params.items()
            if name not in self._own or describe(_plain(value)) != describe(self._own[name])
        ]
        genes = self.space.genes(self._completed(params), changed)
        if genes is None:
            return Proposal(params, None)
        with self._quiet():
            self._study.enqueue_trial(genes)
            trial = self._study.ask()
            self._seen.add(self._key(self._params(trial)))  # with the estimator's own values
            _ = trial.relative_params  # by which NSGA-II notes the trial's generation
        return Proposal(params, trial)

    @contextlib.contextmanager
    def _quiet(self) -> Iterator[None]:
        """Without what Optuna logs, and what it says of features that may yet change."""
        logging = self._optuna.logging
        level = logging.get_verbosity()
        logging.set_verbosity(logging.ERROR)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", self._optuna.exceptions.ExperimentalWarning)
                yield
        finally:
            logging.set_verbosity(level)


def _unnamed(name: str, params: Mapping[str, Any], own: Mapping[str, Any]) -> Any:
    """The value of a parameter that a setting does not name.

    It is the estimator's own; where the setting has another component in the place of the one
    that the parameter belongs to, that one's.
    """
    owner = name
    while "__" in owner:
        owner = owner.rpartition("__")[0]
        if owner in params:
            component = params[owner]
            if isinstance(component, type) or not hasattr(component, "get_params"):
                return _UNKNOWN
            return component.get_params().get(name.removeprefix(f"{owner}__"), _UNKNOWN)
    return own.get(name, _UNKNOWN)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
