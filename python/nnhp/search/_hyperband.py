"""Hyperband: several halvings side by side, from many short trainings to few long ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval

from nnhp.search._documented import documented
from nnhp.search._engine_fit import ADDED_CONSTRAINTS, EngineSearch, epochs_parameter
from nnhp.search._outcome import Candidate
from nnhp.search._rungs import Entrants, Rung, RungSearch, brackets_of
from nnhp.search._when import ParameterSampler


@documented(decides="who goes on to the next rung")
class HyperbandSearchCV(RungSearch):
    """Halve random candidates in several brackets, whose trainings go on from rung to rung.

    A bracket with many candidates gives each few epochs before it drops most of them; one with
    few candidates gives them all their epochs at once. So neither a slow starter nor a lucky one
    decides the search [1]_.

    Parameters
    ----------
    estimator : estimator
        Has a parameter that counts epochs; nnhp's, alone or last in a Pipeline, train on the
        engine, and their trainings go on from rung to rung. Others start anew.
    param_distributions : dict or list of dict and When
        Distributions (anything with `rvs`) or lists. Of several dicts each candidate draws one;
        :class:`nnhp.When` adds parameters under a condition.
    max_resources : int, default=81
        Epochs that a candidate gets at most.
    factor : int, default=3
        One of so many candidates goes on to the next rung, with so many times the epochs.
    resource : str, default='auto'
        Parameter that counts epochs: 'auto' is ``max_iter`` of the net.
    random_state : int, RandomState or None, default=None
        Of the draws. With a study, None draws a seed that the study keeps.
    {scikit}
    {dispatch}
    {added}

    Attributes
    ----------
    brackets_ : list of list of tuple of int
        Candidates and epochs on each rung of each bracket, settings that come first included.
        There are fewer candidates where the space has fewer; where `ended_by_` tells that the
        search was ended, its last rungs are those that were planned.
    {attributes}

    Notes
    -----
    `cv_results_` has a row for each candidate and rung, with the columns ``bracket``, ``iter``
    (the rung, from 0) and ``n_resources``. The best candidate is sought among those that got
    `max_resources`, unless another reached `target_score`. All brackets climb together, so that no
    core waits; with an `executor` each goes on by itself where workers would wait for another
    one's rung to end, which changes no result.

    References
    ----------
    .. [1] L. Li et al., "Hyperband: A Novel Bandit-Based Approach to Hyperparameter
       Optimization", Journal of Machine Learning Research 18(185), 2018.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from nnhp import HyperbandSearchCV, MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> search = HyperbandSearchCV(
    ...     MLPClassifier((16,), random_state=0, n_iter_no_change=100),
    ...     {"learning_rate_init": loguniform(1e-3, 1e-1), "batch_size": [8, 16, 32]},
    ...     max_resources=9,
    ...     random_state=0,
    ... ).fit(X, y)
    >>> search.brackets_
    [[(9, 1), (3, 3), (1, 9)], [(3, 3), (1, 9)], [(3, 9)]]
    """

    _parameter_constraints = {
        **EngineSearch._parameter_constraints,
        **ADDED_CONSTRAINTS,
        "param_distributions": [dict, list],
        "max_resources": [Interval(Integral, 1, None, closed="left")],
        "factor": [Interval(Integral, 2, None, closed="left")],
        "resource": [str],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any,
        *,
        max_resources: int = 81,
        factor: int = 3,
        resource: str = "auto",
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: Any = "2*n_jobs",
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
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_distributions = param_distributions
        self.max_resources = max_resources
        self.factor = factor
        self.resource = resource
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

    def _epochs_name(self) -> str:
        if self.resource != "auto":
            return self.resource
        name = epochs_parameter(self.estimator)
        if name is None:
            raise ValueError(
                "resource='auto' needs an nnhp estimator, alone or last in a Pipeline; name the "
                f"parameter of {type(self.estimator).__name__} that counts epochs."
            )
        return name

    def _check_input_parameters(self, X: Any, y: Any, split_params: Any) -> None:
        if self._epochs_name() not in self.estimator.get_params():
            raise ValueError(
                f"Cannot use resource={self._epochs_name()} which is not supported by estimator "
                f"{type(self.estimator).__name__}"
            )
        self._check_constant_splits()

    def _epochs_go_on(self) -> tuple[str, int] | None:
        name = self._epochs_name()
        return (name, int(self.max_resources)) if name == epochs_parameter(self.estimator) else None

    def _later_epochs(self) -> int:
        return sum(
            n_candidates * (epochs - rungs[rung - 1][1])
            for rungs in self.brackets_
            for rung, (n_candidates, epochs) in enumerate(rungs)
            if rung > self._rung
        )

    def _draw(self, sizes: Sequence[int]) -> list[list[Candidate]]:
        """Candidates of brackets of these sizes; settings that come first join the first one."""
        first = self._first_candidates()
        drawn = list(
            ParameterSampler(
                self.param_distributions, sum(sizes), random_state=self._drawing_state()
            )
        )
        self._check_resource_is_free([*first, *drawn])
        # A space of lists may have fewer settings than the brackets ask for.
        every = [Candidate(params, number) for number, params in enumerate([*first, *drawn])]
        ends = np.cumsum(sizes) + len(first)
        return [every[begin:end] for begin, end in pairwise([0, *ends.tolist()])]

    def _run_search(self, evaluate_candidates: Any, *, callback_ctx: Any = None) -> None:
        plan = brackets_of(int(self.max_resources), int(self.factor))
        drawn = [some for some in self._draw([rungs[0][0] for rungs in plan]) if some]
        self.brackets_ = [
            _of_these(rungs, len(candidates))
            for rungs, candidates in zip(plan, drawn, strict=False)
        ]
        name = self._epochs_name()
        going: list[Entrants | None] = [
            Entrants.of_bracket(rungs, candidates, len(plan) - 1 - b, name)
            for b, (rungs, candidates) in enumerate(zip(self.brackets_, drawn, strict=True))
        ]
        task = callback_ctx.subcontext(
            task_name="search", max_subtasks=len(plan)
        ).call_on_fit_task_begin(estimator=self)
        self._rung = 0
        while climbing := [group for group in going if group is not None]:
            means = self._evaluate_rung(climbing, evaluate_candidates, task)
            going = [group.following(m) for group, m in zip(climbing, means, strict=True)]
            self._rung += 1
        task.call_on_fit_task_end(estimator=self)


def _of_these(rungs: Sequence[Rung], n_candidates: int) -> list[Rung]:
    """Rungs of a bracket that so many candidates begin."""
    (_, epochs), *later = rungs
    return [(n_candidates, epochs), *((min(n, n_candidates), epochs) for n, epochs in later)]
