"""Genetic search: generations of candidates that are bred from the best so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from nnhp.search._documented import documented
from nnhp.search._model_search import ModelSearch
from nnhp.search._proposals import genetic_sampler


@documented()
class GeneticSearchCV(ModelSearch):
    """Breed candidates from the best ones, generation by generation.

    The algorithm is NSGA-II [1]_ of [Optuna](https://optuna.org), whose children have numbers
    between and about those of their parents [2]_; the engine trains a generation, on all folds, in
    one call. Needs the extra ``nnhp[optuna]``. With several scorers the search
    looks for all candidates that no other one beats in every score, and lists them in
    `pareto_front_`. The candidates depend on `random_state` and the scores alone: they are the
    same for any `n_jobs`, and after a resume. None of them is tried twice; 1 and
    1.0 are two, for they may mean different things.

    Parameters
    ----------
    estimator : estimator
        Any of scikit-learn's kind; nnhp's, alone or last in a Pipeline, train on the engine.
    param_distributions : dict or list of dict and When
        Distributions (of `scipy.stats`, :class:`nnhp.HiddenLayers`, or any with `rvs` and `ppf`)
        or lists, which are ordered where their numbers rise or fall. Of several dicts each
        candidate draws one; :class:`nnhp.When` adds parameters under a condition.
    population_size : int, default=10
        Candidates of a generation; settings that come first are among those of the first one, or
        on top of it where they lie outside of the space, so that nothing can be bred from them.
    generations : int, default=20
        How many. Scores rise from generation to generation, so that with few candidates in all
        small generations are best: about as many candidates in each as there are generations.
        Where the space has no more settings, the search ends with a warning.
    max_parameters : int or None, default=None
        Most trained parameters of a candidate's net; proposals beyond it are not trained.
    max_predict_flops : int or None, default=None
        Most multiplications and additions with weights that a prediction may take, for one sample.
    random_state : int, RandomState or None, default=None
        Of the proposals. With a study, None draws a seed that the study keeps.
    {scikit}
    {dispatch}
    {added}

    Attributes
    ----------
    pareto_front_ : ndarray of shape (n_best,), dtype int
        Rows of `cv_results_` that no other one beats: that is at least as good in all mean test
        scores and better in one. The best in the first score come first.
    {attributes}

    Raises
    ------
    ImportError
        At `fit`, where Optuna is not installed.

    Notes
    -----
    `cv_results_` has the column ``generation``. A candidate whose fits fail counts like the worst
    one. A callable `scoring` with several scores is bred by one: that which `refit` names, or the
    first. With several scores `prune_folds` is refused: it goes by one of them, and would drop
    candidates of the Pareto front.

    References
    ----------
    .. [1] K. Deb, A. Pratap, S. Agarwal and T. Meyarivan, "A Fast and Elitist Multiobjective
       Genetic Algorithm: NSGA-II", IEEE Transactions on Evolutionary Computation 6(2), 2002.
    .. [2] L. J. Eshelman and J. D. Schaffer, "Real-Coded Genetic Algorithms and Interval-Schemata",
       Foundations of Genetic Algorithms 2, 1993 (BLX-alpha, alpha = 0.5).

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from nnhp import GeneticSearchCV, MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> search = GeneticSearchCV(
    ...     MLPClassifier(8, max_iter=300, random_state=0),
    ...     {"learning_rate_init": loguniform(1e-4, 1e-1), "batch_size": [8, 16, 32]},
    ...     population_size=4,
    ...     generations=3,
    ...     cv=3,
    ...     random_state=0,
    ... ).fit(X, y)
    >>> search.engine_, len(search.cv_results_["params"])
    ('nnhp', 12)
    >>> bool(search.best_index_ in search.pareto_front_)
    True
    """

    _parameter_constraints = {
        **ModelSearch._parameter_constraints,
        "population_size": [Interval(Integral, 2, None, closed="left")],
        "generations": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any,
        *,
        population_size: int = 10,
        generations: int = 20,
        max_parameters: int | None = None,
        max_predict_flops: int | None = None,
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
        self.population_size = population_size
        self.generations = generations
        self.max_parameters = max_parameters
        self.max_predict_flops = max_predict_flops
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

    def _resource_of(self, candidate: Mapping[str, Any]) -> int:
        return 0

    def _compared_metric(self, metrics: Sequence[str]) -> str:
        if len(metrics) > 1 and self.prune_folds is not None:
            raise ValueError(
                f"prune_folds must be None where there are several scores, {list(metrics)}, got "
                f"{self.prune_folds!r}: it goes by one of them, and would drop candidates of the "
                "Pareto front."
            )
        return super()._compared_metric(metrics)

    def _run_search(self, evaluate_candidates: Any, *, callback_ctx: Any = None) -> None:
        metrics = self._named_scores()
        size = int(self.population_size)
        n_planned = size * int(self.generations)
        sampler = genetic_sampler(size, type(self).__name__)
        self._open(sampler, n_planned, n_scores=max(len(metrics), 1))
        task = callback_ctx.subcontext(
            task_name="search", max_subtasks=int(self.generations)
        ).call_on_fit_task_begin(estimator=self)
        batch = self._placed_first()
        for generation in range(int(self.generations)):
            n_bred = sum(proposal.trial is not None for proposal in batch)
            batch += self._proposals.ask(max(size - n_bred, 0))
            if not batch:
                break
            self._n_proposed += len(batch)
            more = {"generation": [generation] * len(batch)}
            scores = self._evaluate_batch(batch, evaluate_candidates, task, metrics, more)
            self._proposals.tell(batch, scores.tolist())
            batch = []
        task.call_on_fit_task_end(estimator=self)
        self._close()

    def _publish(self) -> None:
        names = [name for name in self.cv_results_ if name.startswith("mean_test_")]
        self.pareto_front_ = pareto_front(np.stack([self.cv_results_[n] for n in names], axis=1))


def pareto_front(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows that no other one beats, the best in the first column first; NaN is the worst."""
    table = np.nan_to_num(scores, nan=-np.inf, posinf=np.inf, neginf=-np.inf)
    beaten = [bool(((table >= row).all(axis=1) & (table > row).any(axis=1)).any()) for row in table]
    front = np.flatnonzero(~np.asarray(beaten))
    return front[np.argsort(-table[front, 0], kind="stable")]
