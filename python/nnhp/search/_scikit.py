"""scikit-learn's evaluator: folds by its own function, for estimators of any kind."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection._validation import _fit_and_score
from sklearn.utils.metadata_routing import _routing_enabled
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _num_samples

from nnhp.estimators._data import Whole
from nnhp.estimators._schedules import laid_out
from nnhp.search._outcome import BLOCK, Candidate, Checkpoint, Outcome, Split
from nnhp.search._prepare import net_of, net_prefixes

_VALIDATION = ("X_val", "y_val", "sample_weight_val")  # what a net's `fit` takes whole


class ScikitEvaluator:
    """Computes folds by scikit-learn's own function, for estimators of any kind."""

    block = BLOCK

    def __init__(
        self,
        search: Any,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        splits: Sequence[Split],
        scorers: Any,
        fit_params: Mapping[str, Any],
        score_params: Mapping[str, Any],
        horizon: int | None,
        streams: bool,
        counts_parameters: bool,
        wants_estimators: bool,
    ) -> None:
        self.contexts: dict[tuple[int, int], Any] = {}  # of callbacks, by candidate and fold
        self.delegated: dict[str, set[int]] = {}  # none: whatever it is given, it does
        self._search = search
        self._estimator = estimator
        self._X, self._y = X, y
        self._splits = splits
        self._streams = streams
        self.wants_estimators = wants_estimators
        whole = {f"{prefix}{name}" for prefix in net_prefixes(estimator) for name in _VALIDATION}
        # A schedule of trainings that may go on is laid out for all of their epochs.
        self._horizon = horizon
        self._counts_parameters = counts_parameters
        self._arguments = {
            "scorer": scorers,
            "fit_params": {k: Whole(v) if k in whole else v for k, v in fit_params.items()},
            "score_params": dict(score_params),
            "return_train_score": search.return_train_score,
            "return_times": True,
            "error_score": search.error_score,
            "verbose": search.verbose,
            "caller": search,
        }

    def order(self, candidates: Sequence[Candidate]) -> Sequence[int]:
        """Any order will do."""
        return range(len(candidates))

    def planned_epochs(self, _: Candidate) -> int:
        """Nothing is known of epochs."""
        return 0

    def branch(self, candidates: Sequence[Candidate]) -> None:
        """Nothing is kept."""

    def keep_only(self, numbers: set[int]) -> None:
        """Nothing is kept."""

    def kept_bytes(self) -> dict[int, int]:
        """Nothing is kept."""
        return {}

    def checkpoints(self) -> Iterator[Checkpoint]:
        """Nothing is kept."""
        return iter(())

    def evaluate(
        self, jobs: Sequence[tuple[Candidate, int]], poll: Callable[[int], bool] | None
    ) -> Iterator[list[tuple[int, Outcome]]]:
        """Fit and score; see `Evaluator`."""
        n_candidates = len({candidate.number for candidate, _ in jobs})
        first = jobs[0][0].number
        wants = self.wants_estimators or self._counts_parameters
        results = Parallel(
            n_jobs=self._search.n_jobs,
            pre_dispatch=getattr(self._search, "pre_dispatch", "2*n_jobs"),
            return_as="generator" if self._streams else "list",
        )(
            delayed(_fit_and_score)(
                self._laid_out(clone(self._estimator)),
                self._X,
                self._y,
                train=self._splits[fold].train,
                test=self._splits[fold].test,
                parameters=self._settings(candidate),
                split_progress=(fold, len(self._splits)),
                candidate_progress=(candidate.number - first, n_candidates),
                return_estimator=wants,
                callback_ctx=self.contexts.get((candidate.number, fold)),
                **self._arguments,
            )
            for candidate, fold in jobs
        )
        for place, result in enumerate(results):
            yield [(place, self._outcome(result))]
            if poll is not None and poll(0):
                return

    def _laid_out(self, estimator: Any) -> Any:
        net = net_of(estimator)
        if net is not None and self._horizon is not None:
            net.learning_rate = laid_out(net.learning_rate, self._horizon)
        return estimator

    def _settings(self, candidate: Candidate) -> dict[str, Any]:
        settings = dict(candidate)
        for prefix in net_prefixes(self._estimator):
            name = f"{prefix}learning_rate"
            if name in settings and self._horizon is not None:
                settings[name] = laid_out(settings[name], self._horizon)
        return settings

    def _outcome(self, result: dict[str, Any]) -> Outcome:
        estimator = result.pop("estimator", None)
        outcome = Outcome(**result, n_parameters=_parameter_count(estimator))
        if self.wants_estimators:
            outcome.estimator = estimator
        return outcome


def _parameter_count(estimator: Any) -> int:
    """What a fitted net trains, alone or last in a pipeline; 0 for anything else."""
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    arrays = [*getattr(last, "coefs_", ()), *getattr(last, "intercepts_", ())]
    arrays += [slopes for slopes in getattr(last, "activation_params_", ()) if slopes is not None]
    for norm in getattr(last, "norm_params_", ()):
        arrays += [norm[name] for name in ("scale", "shift") if norm]
    return int(sum(np.size(array) for array in arrays))


def why_not_the_engine(
    search: Any, base: Any, X: Any, y: Any, fit_params: Mapping[str, Any]
) -> str | None:
    """What keeps a whole search from the engine's path; None where nothing does."""
    if os.environ.get("NNHP_SEARCH_ENGINE", "").lower() == "off":
        return "NNHP_SEARCH_ENGINE is off"
    if net_of(base) is None:
        return f"the estimator is {type(base).__name__}"
    if y is None:
        return "there is no y"
    if getattr(search, "_skl_callbacks", None) or getattr(search.estimator, "_skl_callbacks", None):
        return "callbacks are set"
    if net_of(base) is not base and len(base.steps) == 1:
        return "the pipeline has a single step"
    (prefix,) = net_prefixes(base)
    if prefix and fit_params and _routing_enabled():
        return "metadata is routed through a pipeline"
    known = {f"{prefix}{name}" for name in ("sample_weight", *_VALIDATION)}
    if not set(fit_params) <= known:
        return f"fit has the parameters {sorted(set(fit_params) - known)}"
    weight = fit_params.get(f"{prefix}sample_weight")
    if weight is not None and np.shape(weight) != (_num_samples(X),):
        return "sample_weight is not one number per sample"
    return None
