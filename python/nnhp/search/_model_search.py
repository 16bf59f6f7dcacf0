"""What the searches share whose candidates a model proposes from the scores of others."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from nnhp._caller import stacklevel
from nnhp.search._engine_fit import ADDED_CONSTRAINTS, EngineSearch
from nnhp.search._outcome import Candidate
from nnhp.search._prepare import net_of
from nnhp.search._proposals import Proposal, Proposals, need_optuna
from nnhp.search._rungs import RungSearch, metric_of

_MAX_SEED = 2**32 - 1


class ModelSearch(RungSearch):
    """A search that proposes, evaluates a batch, learns, and proposes again."""

    _parameter_constraints = {
        **EngineSearch._parameter_constraints,
        **ADDED_CONSTRAINTS,
        "param_distributions": [dict, list],
        "max_parameters": [Interval(Integral, 1, None, closed="left"), None],
        "max_predict_flops": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
    }

    _batches_may_fail = True
    _learns = True
    param_distributions: Any
    max_parameters: int | None
    max_predict_flops: int | None
    random_state: Any

    def _packages(self) -> list[ModuleType]:
        return [need_optuna(type(self).__name__)]

    def _check_input_parameters(self, X: Any, y: Any, split_params: Any) -> None:
        need_optuna(type(self).__name__)
        limits = self._limits()
        if limits and (net_of(self.estimator) is None or y is None):
            raise ValueError(
                f"{limits[0]} needs an nnhp estimator, alone or last in a Pipeline, and targets; "
                f"got {type(self.estimator).__name__}."
            )
        self._check_constant_splits()

    def _limits(self) -> list[str]:
        """Names of the limits that are set."""
        names = ("max_parameters", "max_predict_flops")
        return [name for name in names if getattr(self, name) is not None]

    def _open(self, sampler: Any, n_planned: int, n_scores: int = 1) -> None:
        """Begin to propose, at most so many settings."""
        self._n_planned, self._n_proposed, self._n_numbered = n_planned, 0, 0
        self._climbing = None
        state = self._drawing_state()
        seed = state
        if not isinstance(state, Integral):
            seed = check_random_state(state).randint(2**31)
        self._proposals = Proposals(
            self.param_distributions,
            sampler,
            int(seed),
            type(self).__name__,
            own=self.estimator.get_params(),
            n_scores=n_scores,
            accepts=self._keeps_limits,
        )

    def _close(self) -> None:
        """Warn where there were fewer settings than planned; raise ValueError without any."""
        limits = self._limits()
        if limits and not self._n_numbered:
            said = " and ".join(f"{name}={getattr(self, name)}" for name in limits)
            raise ValueError(f"No setting of the space was found within {said}.")
        if self._n_proposed < self._n_planned:
            reason = "the space has no more settings."
            if limits:
                reason = "no more settings were found within the limits."
            warnings.warn(
                f"{type(self).__name__} ended after {self._n_proposed} of {self._n_planned} "
                f"candidates: {reason}",
                UserWarning,
                stacklevel=stacklevel(),
            )

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop("_proposals", None)
        return state

    def _placed_first(self) -> list[Proposal]:
        """Settings that come before those of the model."""
        first = self._first_candidates()
        if self._epochs_go_on() is not None:
            self._check_resource_is_free(first)
        for setting in first:
            if not self._keeps_limits(setting):
                raise ValueError(
                    "A setting that comes first (extra_candidates, or enqueued in the study) is "
                    f"beyond max_parameters or max_predict_flops: {dict(setting)!r}."
                )
        return self._proposals.place(first)

    def _keeps_limits(self, params: Mapping[str, Any]) -> bool:
        if not self._limits():
            return True
        size = self._size_of(dict(params))
        return size is None or (
            size.n_parameters <= (self.max_parameters or np.inf)
            and size.predict_flops <= (self.max_predict_flops or np.inf)
        )

    def _numbered(self, proposals: Sequence[Proposal]) -> list[Candidate]:
        """Candidates of the next numbers."""
        first = self._n_numbered
        self._n_numbered += len(proposals)
        return [Candidate(proposal.params, first + i) for i, proposal in enumerate(proposals)]

    def _evaluate_batch(
        self,
        proposals: Sequence[Proposal],
        evaluate_candidates: Any,
        task: Any,
        metrics: Sequence[str] = (),
        more_results: Mapping[str, list[Any]] | None = None,
    ) -> NDArray[np.float64]:
        """Train candidates to the end; returns a row of mean scores for each."""
        candidates = self._numbered(proposals)
        batch = task.subcontext(
            task_name="batch",
            max_subtasks=len(candidates) * self.n_splits_,
            sequential_subtasks=False,
        ).call_on_fit_task_begin(estimator=self)
        results = evaluate_candidates(candidates, more_results=more_results, callback_ctx=batch)
        batch.call_on_fit_task_end(estimator=self)
        names = metrics or [metric_of(self, results)]
        n = len(candidates)
        return np.stack([self._last_means(results, name, n) for name in names], axis=1)

    def _last_means(self, results: Mapping[str, Any], metric: str, n: int) -> NDArray[np.float64]:
        """Mean scores of the last candidates, over the folds that were not pruned."""
        means = np.array(results[f"mean_test_{metric}"][-n:])
        if self.prune_folds is not None:
            folds = [results[f"split{i}_test_{metric}"][-n:] for i in range(self.n_splits_)]
            by_fold, skipped = np.stack(folds, axis=1), results["pruned"][-n:]
            with warnings.catch_warnings():  # fits may have failed on all the others
                warnings.simplefilter("ignore", RuntimeWarning)
                means[skipped] = np.nanmean(by_fold[skipped], axis=1)
        return means

    def _epochs_of_net(self) -> int:
        """Epochs of a training, as the estimator stands; 0 where none are counted."""
        net = net_of(self.estimator)
        counted = net is not None and net.solver != "lbfgs" and isinstance(net.max_iter, Integral)
        return int(net.max_iter) if counted else 0

    def _later_epochs(self) -> int:
        return max(self._n_planned - self._n_proposed, 0) * self._epochs_of_net()
