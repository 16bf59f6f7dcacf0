"""Successive halving, whose trainings go on from rung to rung where epochs are the resource."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from math import ceil, floor, log
from typing import Any

import numpy as np
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingGridSearchCV as ScikitHalvingGridSearchCV
from sklearn.model_selection import HalvingRandomSearchCV as ScikitHalvingRandomSearchCV
from sklearn.model_selection import ParameterGrid

from nnhp.search._documented import documented
from nnhp.search._engine_fit import (
    ADDED_CONSTRAINTS,
    EngineSearch,
    epochs_parameter,
    whole_or_not_at_all,
)
from nnhp.search._outcome import Candidate
from nnhp.search._promotion import Group
from nnhp.search._run import SearchOver
from nnhp.search._when import ParameterSampler


class _TrainingsGoOn:
    """What both halving searches add to scikit-learn's, whose arithmetic they keep.

    Stands before scikit-learn's class in the order of bases, and that before `EngineSearch`.
    """

    estimator: Any
    _first_candidates: Any

    resource: str
    factor: float
    max_resources_: int
    min_resources_: int
    aggressive_elimination: bool
    n_resources_: list[int]
    n_candidates_: list[int]

    # scikit-learn's sets attributes before and after that of `EngineSearch`.
    fit = whole_or_not_at_all(ScikitHalvingGridSearchCV.fit)

    def _own_candidates(self) -> Sequence[Mapping[str, Any]]:
        raise NotImplementedError

    def _generate_candidate_params(self) -> list[Candidate]:
        every = chain(self._first_candidates(), self._own_candidates())
        return [Candidate(params, number) for number, params in enumerate(every)]

    def _epochs_go_on(self) -> tuple[str, int] | None:
        if self.resource != epochs_parameter(self.estimator):
            return None
        return self.resource, int(self.max_resources_)

    def _rungs(self) -> tuple[int, int]:
        """How many rungs the candidates call for, and how many the resources allow."""
        n_required = 1 + floor(log(self.n_candidates_[0], self.factor))
        n_possible = 1 + floor(log(self.max_resources_ // self.min_resources_, self.factor))
        return n_required, n_possible

    @property
    def _n_rungs(self) -> int:
        return self._rungs()[0] if self.aggressive_elimination else min(self._rungs())

    def _groups(self, candidates: Sequence[Candidate]) -> list[Group]:
        last = len(self.n_resources_) >= self._n_rungs
        return [Group(candidates, 0 if last else ceil(len(candidates) / self.factor))]

    def _later_epochs(self) -> int:
        if self._epochs_go_on() is None:
            return 0
        n_required, n_possible = self._rungs()
        n_candidates, epochs, total = self.n_candidates_[-1], self.n_resources_[-1], 0
        for rung in range(len(self.n_resources_), self._n_rungs):
            power = max(0, rung - n_required + n_possible) if self.aggressive_elimination else rung
            resource = min(int(self.factor**power * self.min_resources_), self.max_resources_)
            n_candidates = ceil(n_candidates / self.factor)
            total += n_candidates * (resource - epochs)
            epochs = resource
        return total

    def _resource_of(self, candidate: Mapping[str, Any]) -> int:
        return int(self.n_resources_[-1])

    def _run_search(self, evaluate_candidates: Any, *, callback_ctx: Any) -> None:
        try:
            super()._run_search(  # type: ignore[misc]
                evaluate_candidates, callback_ctx=callback_ctx
            )
        except SearchOver as over:
            self.n_required_iterations_, self.n_possible_iterations_ = self._rungs()
            self.n_remaining_candidates_ = over.n_candidates or self.n_candidates_[-1]
            if over.n_candidates:
                self.n_candidates_[-1] = over.n_candidates
            else:
                del self.n_resources_[-1], self.n_candidates_[-1]
            self.n_iterations_ = len(self.n_resources_)
            raise

    @staticmethod
    def _select_best_index(refit: Any, refit_metric: Any, results: Any) -> int:
        chosen: int
        if callable(refit):
            chosen = EngineSearch._select_best_index(refit, refit_metric, results)
        else:
            chosen = ScikitHalvingGridSearchCV._select_best_index(refit, refit_metric, results)
        return chosen


@documented(train_score=True, one_score=True)
class HalvingGridSearchCV(_TrainingsGoOn, ScikitHalvingGridSearchCV, EngineSearch):
    """Evaluate a grid on few epochs, its better third on three times as many, and so on.

    With ``resource='max_iter'`` (or ``'step__max_iter'`` of a Pipeline) each training goes on
    from rung to rung: with a fixed seed the results are those of scikit-learn's search, which
    starts anew on each rung.

    Parameters
    ----------
    estimator : estimator
        Any of scikit-learn's kind; nnhp's, alone or last in a Pipeline, train on the engine.
    param_grid : dict or list of dict
        Values of each parameter.
    factor : int or float, default=3
        One of so many candidates goes on to the next rung, with so many times the resource.
    resource : 'n_samples' or str, default='n_samples'
        What grows from rung to rung: samples, or this parameter of the estimator.
    max_resources : int, default='auto'
        The most that a candidate gets; must be given unless it is samples.
    min_resources : {'exhaust', 'smallest'} or int, default='exhaust'
        What each candidate gets on the first rung.
    aggressive_elimination : bool, default=False
        Whether to repeat the first rung until few enough candidates are left.
    random_state : int, RandomState or None, default=None
        Of the draws.
    {scikit}
    {added}

    Attributes
    ----------
    n_resources_, n_candidates_, n_iterations_, n_possible_iterations_, n_required_iterations_, \
n_remaining_candidates_, min_resources_, max_resources_
        As in scikit-learn.
    {attributes}

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from nnhp import HalvingGridSearchCV, MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> search = HalvingGridSearchCV(
    ...     MLPClassifier((16,), random_state=0, n_iter_no_change=100),
    ...     {"learning_rate_init": [1e-3, 1e-2, 1e-1], "batch_size": [8, 16, 32]},
    ...     resource="max_iter",
    ...     max_resources=27,
    ... ).fit(X, y)
    >>> search.n_candidates_, search.n_resources_
    ([9, 3, 1], [3, 9, 27])
    """

    _parameter_constraints = {
        **ScikitHalvingGridSearchCV._parameter_constraints,
        **ADDED_CONSTRAINTS,
    }

    def __init__(
        self,
        estimator: Any,
        param_grid: Any,
        *,
        factor: float = 3,
        resource: str = "n_samples",
        max_resources: Any = "auto",
        min_resources: Any = "exhaust",
        aggressive_elimination: bool = False,
        cv: Any = 5,
        scoring: Any = None,
        refit: Any = True,
        error_score: Any = np.nan,
        return_train_score: bool = True,
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: int = 0,
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
            param_grid,
            factor=factor,
            resource=resource,
            max_resources=max_resources,
            min_resources=min_resources,
            aggressive_elimination=aggressive_elimination,
            cv=cv,
            scoring=scoring,
            refit=refit,
            error_score=error_score,
            return_train_score=return_train_score,
            random_state=random_state,
            n_jobs=n_jobs,
            verbose=verbose,
        )
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

    def _own_candidates(self) -> ParameterGrid:
        return ParameterGrid(self.param_grid)


@documented(train_score=True, one_score=True)
class HalvingRandomSearchCV(_TrainingsGoOn, ScikitHalvingRandomSearchCV, EngineSearch):
    """Evaluate random candidates on few epochs, the better third on three times as many, ...

    With ``resource='max_iter'`` (or ``'step__max_iter'`` of a Pipeline) each training goes on
    from rung to rung: with a fixed seed the results are those of scikit-learn's search, which
    starts anew on each rung.

    Parameters
    ----------
    estimator : estimator
        Any of scikit-learn's kind; nnhp's, alone or last in a Pipeline, train on the engine.
    param_distributions : dict or list of dict and When
        Distributions (anything with `rvs`) or lists. Of several dicts each candidate draws one;
        :class:`nnhp.When` adds parameters under a condition.
    n_candidates : 'exhaust' or int, default='exhaust'
        Candidates on the first rung; 'exhaust': so many that the last rung uses max_resources.
    factor : int or float, default=3
        One of so many candidates goes on to the next rung, with so many times the resource.
    resource : 'n_samples' or str, default='n_samples'
        What grows from rung to rung: samples, or this parameter of the estimator.
    max_resources : int, default='auto'
        The most that a candidate gets; must be given unless it is samples.
    min_resources : {'exhaust', 'smallest'} or int, default='exhaust'
        What each candidate gets on the first rung.
    aggressive_elimination : bool, default=False
        Whether to repeat the first rung until few enough candidates are left.
    random_state : int, RandomState or None, default=None
        Of the draws.
    {scikit}
    {added}

    Attributes
    ----------
    n_resources_, n_candidates_, n_iterations_, n_possible_iterations_, n_required_iterations_, \
n_remaining_candidates_, min_resources_, max_resources_
        As in scikit-learn.
    {attributes}

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from nnhp import HalvingRandomSearchCV, MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> search = HalvingRandomSearchCV(
    ...     MLPClassifier((16,), random_state=0, n_iter_no_change=100),
    ...     {"learning_rate_init": [1e-3, 1e-2, 1e-1], "batch_size": [8, 16, 32]},
    ...     resource="max_iter",
    ...     max_resources=27,
    ...     n_candidates=9,
    ...     random_state=0,
    ... ).fit(X, y)
    >>> search.n_candidates_, search.n_resources_
    ([9, 3, 1], [1, 3, 9])
    """

    _parameter_constraints = {
        **ScikitHalvingRandomSearchCV._parameter_constraints,
        **ADDED_CONSTRAINTS,
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any,
        *,
        n_candidates: Any = "exhaust",
        factor: float = 3,
        resource: str = "n_samples",
        max_resources: Any = "auto",
        min_resources: Any = "smallest",
        aggressive_elimination: bool = False,
        cv: Any = 5,
        scoring: Any = None,
        refit: Any = True,
        error_score: Any = np.nan,
        return_train_score: bool = True,
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: int = 0,
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
            param_distributions,
            n_candidates=n_candidates,
            factor=factor,
            resource=resource,
            max_resources=max_resources,
            min_resources=min_resources,
            aggressive_elimination=aggressive_elimination,
            cv=cv,
            scoring=scoring,
            refit=refit,
            error_score=error_score,
            return_train_score=return_train_score,
            random_state=random_state,
            n_jobs=n_jobs,
            verbose=verbose,
        )
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

    def _own_candidates(self) -> ParameterSampler:
        n_candidates = self.n_candidates
        if n_candidates == "exhaust":
            n_candidates = self.max_resources_ // self.min_resources_
        return ParameterSampler(
            self.param_distributions, n_candidates, random_state=self._drawing_state()
        )
