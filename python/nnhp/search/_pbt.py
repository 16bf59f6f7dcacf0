"""Population-based training: settings that change while the nets learn."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from nnhp.search._branching import BranchingSearch
from nnhp.search._documented import documented
from nnhp.search._engine_fit import ADDED_CONSTRAINTS, EngineSearch
from nnhp.search._explore import check_space, drawn, explored
from nnhp.search._mutable import check_mutable
from nnhp.search._outcome import Candidate, Origin
from nnhp.search._prepare import net_of
from nnhp.search._promotion import Group
from nnhp.search._rungs import means_of


@documented(decides="who is replaced, and by copies of whom")
class PBTSearchCV(BranchingSearch):
    """Train a population whose worst members go on from copies of the best, with other settings.

    Population-based training [1]_. All members train for the same number of epochs; then each of
    the worst takes over the nets of one of the best, on all folds, and a setting next to its
    (it exploits and explores); and so on, generation by generation. So settings are found for
    each part of the training: the result is a schedule of settings, for as many epochs as a
    random search of as many candidates takes. A generation, on all folds, is one call of the
    engine, and nets are copied in memory with all that belongs to their training. Members depend
    on `random_state` and the scores alone: they are the same for any `n_jobs`, and after a resume.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or Pipeline with one of these as its last step
        Its ``max_iter`` is the number of epochs of each member. Not with 'lbfgs'.
    param_distributions : dict
        Lists, or distributions (anything with `rvs`; bounds are told by `support` or `ppf`), of
        what changes during the training: ``alpha``, ``l1_ratio``, ``batch_size``,
        ``learning_rate_init``, ``power_t``,
        ``momentum``, ``nesterovs_momentum``, ``beta_1``, ``beta_2``, ``epsilon``, ``dropout``,
        ``input_dropout``, ``label_smoothing``, ``weight_decay``, ``clipnorm``, ``clipvalue``,
        ``max_norm``, ``input_noise``, ``activation_noise``, ``weight_noise``, ``mixup_alpha``,
        ``cutmix_alpha``, and numbers of a solver's object (``solver__learning_rate``). Those that
        set the net's shape, or what its training keeps, are refused.
    population_size : int, default=20
        Members; settings that come first are among the first ones.
    generations : int, default=10
        Parts of the training; after each but the last the worst are replaced.
    truncation : float, default=0.2
        Share of the population, at least one, that is replaced, and as large a share that is
        copied; at most 0.5.
    perturbation_factors : tuple of float, default=(0.8, 1.2)
        One below 1 and one above. One of them multiplies a number, within the bounds of its
        distribution; of a list of numbers the next smaller or greater one is taken.
    resample_probability : float, default=0.25
        Of drawing a value anew instead.
    random_state : int, RandomState or None, default=None
        Of the draws. With a study, None draws a seed that the study keeps.
    {scikit}
    {added}

    Attributes
    ----------
    schedule_ : DataFrame
        The settings that the best member went through: a row for each stretch of epochs, with
        ``begin`` and ``end`` (epochs done before and after it) and a column for each parameter.
    {attributes}

    Raises
    ------
    ValueError
        At `fit`, for parameters that cannot change during a training, and for estimators that the
        engine cannot train.

    Notes
    -----
    `cv_results_` has a row for each member and generation, with the columns ``generation``,
    ``member``, ``copied_from`` (the member whose nets it took over before this generation; -1:
    its own) and ``n_resources`` (the epochs so far). The best member is sought in the last
    generation that was begun. `best_params_` are its last settings; the fit on all samples goes
    through all of `schedule_`. A learning rate that a schedule or 'adaptive' has lowered is scaled
    as ``learning_rate_init`` is. Patience begins anew where settings change, so that a training
    which had stopped goes on. Copies share the order of the samples and what dropout draws, as
    all candidates with the same ``random_state`` do.

    References
    ----------
    .. [1] M. Jaderberg et al., "Population Based Training of Neural Networks", 2017,
       arXiv:1711.09846.

    Examples
    --------
    >>> from scipy.stats import loguniform, uniform
    >>> from sklearn.datasets import load_iris
    >>> from nnhp import MLPClassifier, PBTSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> search = PBTSearchCV(
    ...     MLPClassifier(8, max_iter=60, n_iter_no_change=60, random_state=0),
    ...     {"learning_rate_init": loguniform(1e-4, 1e-1), "dropout": uniform(0, 0.5)},
    ...     population_size=6,
    ...     generations=4,
    ...     cv=3,
    ...     random_state=0,
    ... ).fit(X, y)
    >>> search.cv_results_["n_resources"].tolist() == [15] * 6 + [30] * 6 + [45] * 6 + [60] * 6
    True
    >>> search.schedule_.columns.tolist()
    ['begin', 'end', 'learning_rate_init', 'dropout']
    """

    _parameter_constraints = {
        **EngineSearch._parameter_constraints,
        **ADDED_CONSTRAINTS,
        "param_distributions": [dict],
        "population_size": [Interval(Integral, 2, None, closed="left")],
        "generations": [Interval(Integral, 1, None, closed="left")],
        "truncation": [Interval(Real, 0, 0.5, closed="right")],
        "perturbation_factors": [tuple, list],
        "resample_probability": [Interval(Real, 0, 1, closed="both")],
        "random_state": ["random_state"],
    }
    _task_name = "generation"

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any,
        *,
        population_size: int = 20,
        generations: int = 10,
        truncation: float = 0.2,
        perturbation_factors: tuple[float, float] = (0.8, 1.2),
        resample_probability: float = 0.25,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        study: Any = None,
        time_budget_s: float | None = None,
        target_score: float | None = None,
        extra_candidates: Any = (),
        prune_folds: str | None = None,
        ensemble: bool = False,
        return_curves: bool = False,
        return_oof: bool = False,
        memory_budget: int | None = None,
        executor: Any = None,
    ) -> None:
        super().__init__(
            estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_distributions = param_distributions
        self.population_size = population_size
        self.generations = generations
        self.truncation = truncation
        self.perturbation_factors = perturbation_factors
        self.resample_probability = resample_probability
        self.random_state = random_state
        self.study = study
        self.time_budget_s = time_budget_s
        self.target_score = target_score
        self.extra_candidates = extra_candidates
        self.prune_folds = prune_folds
        self.ensemble = ensemble
        self.return_curves = return_curves
        self.return_oof = return_oof
        self.memory_budget = memory_budget
        self.executor = executor

    def _check_input_parameters(self, X: Any, y: Any, split_params: Any) -> None:
        super()._check_input_parameters(X, y, split_params)
        name, space = type(self).__name__, self.param_distributions
        check_space(space, "param_distributions")
        check_mutable(space, self.estimator, name, "param_distributions")
        factors: Any = self.perturbation_factors
        if len(factors) != 2 or not 0 < min(factors) < 1 < max(factors):
            raise ValueError(
                "perturbation_factors must be two positive numbers, one below 1 and one above, "
                f"got {factors!r}."
            )
        if net_of(self.estimator).max_iter < self.generations:
            raise ValueError(
                f"max_iter={net_of(self.estimator).max_iter} epochs are too few for "
                f"generations={self.generations}: each has at least one."
            )

    def _epochs_go_on(self) -> tuple[str, int] | None:
        return self._epochs_name(), int(net_of(self.estimator).max_iter)

    def _later_epochs(self) -> int:
        return self._n_members * (self._ends[-1] - self._ends[self._generation])

    def _groups(self, candidates: Sequence[Candidate]) -> list[Group]:
        last = self._generation + 1 == len(self._ends)
        n_replaced = min(self._n_truncated, len(candidates) - 1)
        return [Group(candidates, 0 if last else len(candidates) - n_replaced)]

    @property
    def _n_truncated(self) -> int:
        return max(int(self.truncation * self._n_members), 1)

    def _run_search(self, evaluate_candidates: Any, *, callback_ctx: Any = None) -> None:
        self._begin()
        most, n = int(net_of(self.estimator).max_iter), int(self.generations)
        self._ends = [(most * (generation + 1)) // n for generation in range(n)]
        state = self._drawing_state()
        self._draw_seed = (
            state if isinstance(state, Integral) else check_random_state(state).randint(2**31)
        )
        members = self._first_members()
        self._n_members = len(members)
        copied_from = [-1] * len(members)
        task = callback_ctx.subcontext(task_name="search", max_subtasks=n).call_on_fit_task_begin(
            estimator=self
        )
        for generation, end in enumerate(self._ends):
            self._generation = generation
            candidates = [member.copy() for member in members]
            for candidate in candidates:
                candidate[self._epochs_name()] = end
            more: dict[str, list[Any]] = {
                "generation": [generation] * len(members),
                "member": list(range(len(members))),
                "copied_from": copied_from,
                "n_resources": [end] * len(members),
            }
            results = self._evaluate_together(candidates, evaluate_candidates, task, more)
            means = means_of(self, results)[-len(members) :]
            if end < most:
                copied_from = self._exploit(members, means, end)
        task.call_on_fit_task_end(estimator=self)

    def _rng(self, member: int) -> RandomState:
        """Draws for a member after the present generation: the same whatever came before."""
        return RandomState([int(self._draw_seed), self._generation + 1, member])

    def _first_members(self) -> list[Candidate]:
        """Settings that come first, then those drawn."""
        self._generation = -1
        first = self._first_candidates()
        own = self.estimator.get_params()
        kept = {name: own[name] for name in self.param_distributions}
        for setting in first:
            check_mutable(setting, self.estimator, type(self).__name__, "extra_candidates")
        settings = [kept | dict(setting) for setting in first]
        settings += [
            drawn(self.param_distributions, self._rng(member))
            for member in range(len(first), max(int(self.population_size), len(first)))
        ]
        return [self._new_candidate(setting) for setting in settings]

    def _exploit(
        self, members: list[Candidate], means: NDArray[np.float64], epoch: int
    ) -> list[int]:
        """Replace the worst members; returns for each the member that it is a copy of, or -1."""
        order = np.argsort(-means, kind="stable")  # NaN last
        best, worst = order[: self._n_truncated], order[-self._n_truncated :]
        copied_from = [-1] * len(members)
        donors = list(members)
        for member in sorted(worst.tolist()):
            rng = self._rng(member)
            donor = int(best[rng.randint(len(best))])
            if np.isnan(means[donor]) or means[member] >= means[donor]:
                continue
            settings = explored(
                donors[donor],
                self.param_distributions,
                rng,
                factors=self.perturbation_factors,
                resample_probability=float(self.resample_probability),
            )
            members[member] = self._new_candidate(settings, Origin(donors[donor], epoch))
            copied_from[member] = donor
        return copied_from

    def _publish(self) -> None:
        self.__dict__.pop("schedule_", None)  # of another fit
        if hasattr(self, "best_index_"):
            end = int(self.cv_results_["n_resources"][self.best_index_])
            self.schedule_ = self._schedule(self._lineage_of_best(), end)
        del self._lineages, self._rows

    def _schedule(self, lineage: list[Candidate], end: int) -> pd.DataFrame:
        origins = [candidate.origin for candidate in lineage[1:]]
        branches = [0 if origin is None else origin.epoch for origin in origins]
        ends = [*branches, end]
        table = pd.DataFrame([dict(candidate) for candidate in lineage], dtype=object)
        table = table.infer_objects()  # those of the space, and what came first may have set
        table.insert(0, "begin", [0, *branches])
        table.insert(1, "end", ends)
        return table
