"""Bayesian search: a model of the scores proposes candidates; it may stop weak ones early."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress, cycle, pairwise
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from nnhp.search._documented import documented
from nnhp.search._engine_fit import epochs_parameter
from nnhp.search._model_search import ModelSearch
from nnhp.search._outcome import Candidate
from nnhp.search._proposals import SAMPLERS, Proposal, Proposals, make_sampler
from nnhp.search._rungs import Entrants, Rung, brackets_of

# Candidates proposed at once: with 5 folds 20 trainings, which fill the cores of most machines,
# while the model still learns 10 times in 40 candidates. Never taken from cores or workers, on
# which the candidates would then depend.
AUTO_BATCH_SIZE = 4
_FACTOR = 3  # of epochs from rung to rung
_MEDIAN_RUNGS = 3
_MEDIAN_START = 5  # candidates that come to the end before any is stopped


@documented(decides="what the model learns, and whom a pruner stops")
class BayesSearchCV(ModelSearch):
    """Evaluate candidates that a model of the scores so far finds promising.

    [Optuna](https://optuna.org) proposes, the engine trains: each batch of proposals, on all
    folds, is one call. Needs the extra ``nnhp[optuna]``. The candidates depend on `random_state`
    and the scores alone: they are the same for any `n_jobs`, and after a resume. None of them is
    tried twice; 1 and 1.0 are two, for they may mean different things.

    Parameters
    ----------
    estimator : estimator
        Any of scikit-learn's kind; nnhp's, alone or last in a Pipeline, train on the engine.
    param_distributions : dict or list of dict and When
        Distributions (of `scipy.stats`, :class:`nnhp.HiddenLayers`, or any with `rvs` and `ppf`)
        or lists, which are ordered where their numbers rise or fall. Of several dicts each
        candidate draws one; :class:`nnhp.When` adds parameters under a condition.
    n_iter : int, default=40
        Candidates to propose, beside those that come first. Where the space has no more settings,
        the search ends with a warning.
    sampler : {'tpe', 'gp', 'cmaes'} or optuna.samplers.BaseSampler, default='tpe'
        What proposes: the tree-structured Parzen estimator [1]_, which knows conditions; a Gaussian
        process, which needs PyTorch; the covariance matrix adaptation, for spaces of numbers; or
        any of Optuna's samplers that propose, whose own seed has no effect. It sees lists as
        the places of their entries, and hidden layers as their number and widths.
    batch_size : 'auto' or int, default='auto'
        Candidates that are proposed at once, without the scores of each other; 'auto' is 4. With
        ``pruner='hyperband'`` the brackets set it.
    pruner : {'hyperband', 'median'} or None, default=None
        What stops weak candidates; the trainings of the others go on. Needs an nnhp net.

        - 'hyperband': brackets of :class:`HyperbandSearchCV`, one after the other, whose
          candidates the model proposes, which is BOHB [2]_. There are so many brackets that
          `n_iter` candidates go twice through all of them, as far as `max_iter` allows.
        - 'median': after a ninth and a third of the epochs a candidate ends whose score is below
          the median of all candidates at that point, once 5 have come to the end.
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
    brackets_ : list of list of tuple of int
        With ``pruner='hyperband'``: candidates and epochs on each rung of each bracket, in the
        order in which they were trained.
    {attributes}

    Raises
    ------
    ImportError
        At `fit`, where Optuna, or PyTorch for 'gp', is not installed.

    Notes
    -----
    Settings that come first inform the model where they lie in the space. A candidate whose fits
    fail counts for the model like the worst one. With a pruner `cv_results_` has a row for each
    candidate and rung, with the columns ``bracket``, ``iter`` and ``n_resources``, and
    the best candidate is sought among those that got all epochs, unless another reached
    `target_score`. Of candidates that were stopped
    only 'tpe' learns.

    References
    ----------
    .. [1] J. Bergstra, R. Bardenet, Y. Bengio and B. Kegl, "Algorithms for Hyper-Parameter
       Optimization", NIPS 2011.
    .. [2] S. Falkner, A. Klein and F. Hutter, "BOHB: Robust and Efficient Hyperparameter
       Optimization at Scale", ICML 2018.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from nnhp import BayesSearchCV, HiddenLayers, MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> space = {
    ...     "hidden_layer_sizes": HiddenLayers(depth=(1, 2), width=(8, 32)),
    ...     "learning_rate_init": loguniform(1e-4, 1e-1),
    ... }
    >>> net = MLPClassifier(max_iter=300, random_state=0)
    >>> search = BayesSearchCV(net, space, n_iter=8, cv=3, random_state=0).fit(X, y)
    >>> search.engine_, len(search.cv_results_["params"])
    ('nnhp', 8)
    """

    _parameter_constraints = {
        **ModelSearch._parameter_constraints,
        "n_iter": [Interval(Integral, 1, None, closed="left")],
        "sampler": [StrOptions(set(SAMPLERS)), HasMethods(["sample_relative", "reseed_rng"])],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "pruner": [StrOptions({"hyperband", "median"}), None],
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any,
        *,
        n_iter: int = 40,
        sampler: Any = "tpe",
        batch_size: Any = "auto",
        pruner: str | None = None,
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
        self.n_iter = n_iter
        self.sampler = sampler
        self.batch_size = batch_size
        self.pruner = pruner
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

    def _check_input_parameters(self, X: Any, y: Any, split_params: Any) -> None:
        super()._check_input_parameters(X, y, split_params)
        if self.pruner is None:
            return
        if epochs_parameter(self.estimator) is None or self._epochs_of_net() < 1:
            raise ValueError(
                f"pruner={self.pruner!r} needs an nnhp estimator with epochs, alone or last in a "
                f"Pipeline, got {self.estimator!r}."
            )
        if self.pruner == "hyperband" and self.batch_size != "auto":
            raise ValueError(
                "batch_size must be 'auto' with pruner='hyperband', whose brackets set it, got "
                f"{self.batch_size!r}."
            )

    def _epochs_go_on(self) -> tuple[str, int] | None:
        return None if self.pruner is None else (self._epochs_name(), self._epochs_of_net())

    def _resource_of(self, candidate: Any) -> int:
        return 0 if self.pruner is None else super()._resource_of(candidate)

    def _later_epochs(self) -> int:
        return super()._later_epochs() + self._epochs_ahead

    def _run_search(self, evaluate_candidates: Any, *, callback_ctx: Any = None) -> None:
        self.__dict__.pop("brackets_", None)  # of another fit
        self._epochs_ahead = 0  # of the bracket on its next rungs
        self._open(make_sampler(self.sampler, type(self).__name__), int(self.n_iter))
        task = callback_ctx.subcontext(
            task_name="search", max_subtasks=None
        ).call_on_fit_task_begin(estimator=self)
        {None: self._all, "median": self._by_median, "hyperband": self._by_brackets}[self.pruner](
            evaluate_candidates, task
        )
        task.call_on_fit_task_end(estimator=self)
        self._close()

    def _batches(self) -> Iterator[list[Proposal]]:
        """Settings that come first, then batches of the model's."""
        first = self._placed_first()
        if first:
            yield first
        size = AUTO_BATCH_SIZE if self.batch_size == "auto" else int(self.batch_size)
        while self._n_proposed < self._n_planned:
            batch = self._ask(min(size, self._n_planned - self._n_proposed))
            if not batch:
                return
            yield batch

    def _ask(self, count: int) -> list[Proposal]:
        batch = self._proposals.ask(count)
        self._n_proposed += len(batch)
        if self.pruner is not None:
            self._check_resource_is_free([proposal.params for proposal in batch])
        return batch

    def _all(self, evaluate_candidates: Any, task: Any) -> None:
        """Train every candidate to the end."""
        for batch in self._batches():
            scores = self._evaluate_batch(batch, evaluate_candidates, task)
            self._proposals.tell(batch, scores.tolist())

    # ------------------------------------------------------------------ candidates that stop early

    def _by_brackets(self, evaluate_candidates: Any, task: Any) -> None:
        """Hyperband's brackets, one after the other, so that each learns from those before."""
        first = self._placed_first()
        plan = cycle(self._plan_of_brackets())
        self.brackets_: list[list[Rung]] = []
        while first or self._n_proposed < self._n_planned:
            rungs = next(plan)
            size = min(rungs[0][0], self._n_planned - self._n_proposed)
            batch = [*first, *self._ask(size)]
            if not batch:
                return
            if len(batch) < rungs[0][0]:
                rungs = [
                    (max(len(batch) // _FACTOR**rung, 1), epochs)
                    for rung, (_, epochs) in enumerate(rungs)
                ]
            rungs = [(len(batch), rungs[0][1]), *rungs[1:]]
            self.brackets_.append(rungs)
            first = []
            climb = _Climb(batch, self._numbered(batch))
            group: Entrants | None = Entrants.of_bracket(
                rungs, climb.going, len(self.brackets_) - 1, self._epochs_name()
            )
            while group is not None:
                climb.going = group.candidates
                self._epochs_ahead = sum(
                    n * (of_rung - before)
                    for (_, before), (n, of_rung) in pairwise(rungs[group.rung :])
                )
                (means,) = self._evaluate_rung([group], evaluate_candidates, task)
                climb.note(group.epochs, means)
                group = group.following(means)
            climb.tell(self._proposals)

    def _plan_of_brackets(self) -> list[list[Rung]]:
        """One round of brackets: the most of which two have no more than `n_iter` candidates."""
        most = self._epochs_of_net()
        plan = brackets_of(most, _FACTOR, n_brackets=2)
        for n in range(3, len(brackets_of(most, _FACTOR)) + 1):
            larger = brackets_of(most, _FACTOR, n_brackets=n)
            if 2 * sum(rungs[0][0] for rungs in larger) <= self.n_iter:
                plan = larger
        return plan

    def _by_median(self, evaluate_candidates: Any, task: Any) -> None:
        """Stop those of each batch that are worse than the median of all at the same epoch."""
        most = self._epochs_of_net()
        epochs_of = sorted({max(most // _FACTOR**i, 1) for i in range(_MEDIAN_RUNGS)})
        seen: list[list[float]] = [[] for _ in epochs_of]
        for batch in self._batches():
            climb = _Climb(batch, self._numbered(batch))
            for rung, epochs in enumerate(epochs_of):
                last = rung + 1 == len(epochs_of)
                n_survivors = 0 if last else len(climb.going)
                group = Entrants(climb.going, n_survivors, 0, rung, epochs, self._epochs_name())
                (means,) = self._evaluate_rung([group], evaluate_candidates, task)
                climb.note(epochs, means)
                seen[rung] += means[np.isfinite(means)].tolist()
                if not last and len(seen[-1]) >= _MEDIAN_START:
                    limit = np.median(seen[rung])
                    better = (means >= limit).tolist()
                    climb.going = list(compress(climb.going, better))
                if not climb.going:
                    break
            climb.tell(self._proposals)


class _Climb:
    """What becomes of the candidates of a batch on their rungs."""

    def __init__(self, batch: list[Proposal], candidates: Sequence[Candidate]) -> None:
        self.going = candidates
        self._batch = batch
        self._first = candidates[0].number
        self._scores: list[dict[int, float]] = [{} for _ in batch]  # by epochs

    def note(self, epochs: int, means: NDArray[np.float64]) -> None:
        """Take down the scores of those that still go, at these epochs."""
        for candidate, mean in zip(self.going, means.tolist(), strict=True):
            self._scores[candidate.number - self._first][epochs] = mean

    def tell(self, proposals: Proposals) -> None:
        """Let the model learn; those that go still have come to the end."""
        ended = {candidate.number - self._first for candidate in self.going}
        finals = [list(scores.values())[-1] for scores in self._scores]
        climbs = [{} if i in ended else scores for i, scores in enumerate(self._scores)]
        proposals.tell(self._batch, [[final] for final in finals], climbs)
