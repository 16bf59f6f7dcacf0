"""Searches that evaluate every candidate to the end: a grid's, or random ones."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
from sklearn import model_selection
from sklearn.model_selection import ParameterGrid

from nnhp.search._documented import documented
from nnhp.search._engine_fit import ADDED_CONSTRAINTS, EngineSearch
from nnhp.search._when import ParameterSampler


def _evaluate_all(
    search: EngineSearch, candidates: ParameterGrid | ParameterSampler, evaluate: Any, context: Any
) -> None:
    first = search._first_candidates()
    task = context.subcontext(
        task_name="search",
        max_subtasks=(len(first) + len(candidates)) * search.n_splits_,
        sequential_subtasks=False,
    ).call_on_fit_task_begin(estimator=search)
    evaluate(chain(map(dict, first), candidates), callback_ctx=task)
    task.call_on_fit_task_end(estimator=search)


@documented()
class GridSearchCV(model_selection.GridSearchCV, EngineSearch):
    """Evaluate every point of a grid.

    scikit-learn's :class:`~sklearn.model_selection.GridSearchCV`, whose results it has exactly;
    candidates of nnhp's estimators are trained together, on one copy of the data.

    Parameters
    ----------
    estimator : estimator
        Any of scikit-learn's kind; nnhp's, alone or last in a Pipeline, train on the engine.
    param_grid : dict or list of dict
        Values of each parameter.
    {scikit}
    {dispatch}
    {added}

    Attributes
    ----------
    {attributes}

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from nnhp import GridSearchCV, MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier((16,), max_iter=300, learning_rate_init=0.01, random_state=0)
    >>> search = GridSearchCV(net, {"alpha": [1e-4, 1e-2], "batch_size": [16, 32]})
    >>> search.fit(X, y).engine_
    'nnhp'
    """

    _parameter_constraints = {
        **model_selection.GridSearchCV._parameter_constraints,
        **ADDED_CONSTRAINTS,
    }

    def __init__(
        self,
        estimator: Any,
        param_grid: Any,
        *,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: Any = "2*n_jobs",
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
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
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

    def _run_search(self, evaluate_candidates: Any, *, callback_ctx: Any = None) -> None:
        _evaluate_all(self, ParameterGrid(self.param_grid), evaluate_candidates, callback_ctx)


@documented()
class RandomizedSearchCV(model_selection.RandomizedSearchCV, EngineSearch):
    """Evaluate candidates that are drawn at random.

    scikit-learn's :class:`~sklearn.model_selection.RandomizedSearchCV`, whose results it has
    exactly; candidates of nnhp's estimators are trained together, on one copy of the data.

    Parameters
    ----------
    estimator : estimator
        Any of scikit-learn's kind; nnhp's, alone or last in a Pipeline, train on the engine.
    param_distributions : dict or list of dict and When
        Distributions (anything with `rvs`, as SciPy's or :class:`nnhp.HiddenLayers`) or lists. Of
        several dicts each candidate draws one; :class:`nnhp.When` adds parameters under a
        condition.
    n_iter : int, default=10
        Candidates to draw.
    random_state : int, RandomState or None, default=None
        Of the draws. With a study, None draws a seed that the study keeps.
    {scikit}
    {dispatch}
    {added}

    Attributes
    ----------
    {attributes}

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from nnhp import HiddenLayers, MLPClassifier, RandomizedSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> space = {
    ...     "hidden_layer_sizes": HiddenLayers(depth=(1, 2), width=(8, 32)),
    ...     "alpha": loguniform(1e-6, 1e-2),
    ... }
    >>> net = MLPClassifier(max_iter=500, learning_rate_init=0.01, random_state=0)
    >>> search = RandomizedSearchCV(net, space, n_iter=4, random_state=0).fit(X, y)
    >>> search.engine_, len(search.cv_results_["params"])
    ('nnhp', 4)
    """

    _parameter_constraints = {
        **model_selection.RandomizedSearchCV._parameter_constraints,
        **ADDED_CONSTRAINTS,
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any,
        *,
        n_iter: int = 10,
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
            param_distributions,
            n_iter=n_iter,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            random_state=random_state,
            error_score=error_score,
            return_train_score=return_train_score,
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

    def _run_search(self, evaluate_candidates: Any, *, callback_ctx: Any = None) -> None:
        sampler = ParameterSampler(
            self.param_distributions, self.n_iter, random_state=self._drawing_state()
        )
        _evaluate_all(self, sampler, evaluate_candidates, callback_ctx)
