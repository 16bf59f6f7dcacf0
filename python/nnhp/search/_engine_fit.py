"""The seam with scikit-learn's searches: their `fit`, around an evaluator that may be the engine.

scikit-learn's `BaseSearchCV.fit` hands every fold to `_fit_and_score` as a copy of its rows, and
leaves no place to compute it otherwise; so `fit` is overridden here, with the same steps. Only
this file and those that it hands a fit to use these private helpers of scikit-learn 1.9:

- here, of `BaseSearchCV`: `_get_scorers`, `_check_input_parameters`,
  `_get_routed_params_for_fit`, `_run_search`, `_check_refit_for_multimetric`,
  `_select_best_index`, `_init_callback_context`, `_checked_cv_orig`; and `_fit_context`;
- in `_search_fit`: `_yields_constant_splits`, `_warn_or_raise_about_fit_failures`;
- in `_scoring` and `_scikit`: `_MultimetricScorer`, `_score`, `_fit_and_score`;
- in several: `_check_method_params`, `_routing_enabled`, `_num_samples`.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from numbers import Integral, Number, Real
from types import ModuleType
from typing import Any

import numpy as np
from sklearn.base import _clone_parametrized, _fit_context, clone, is_classifier
from sklearn.metrics._scorer import _MultimetricScorer
from sklearn.model_selection import check_cv
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._split import _yields_constant_splits
from sklearn.utils import indexable
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_method_params

from nnhp._checks import check_samples, naming
from nnhp._doc_link import DocLink
from nnhp.estimators._labels import exact
from nnhp.estimators._schedules import laid_out
from nnhp.search import _study
from nnhp.search._answers import check_scoring
from nnhp.search._ensemble import FoldEnsemble
from nnhp.search._outcome import Candidate
from nnhp.search._prepare import net_of, net_prefixes
from nnhp.search._promotion import Group
from nnhp.search._search_fit import SearchFit

ADDED_CONSTRAINTS: dict[str, Any] = {
    "study": [str, os.PathLike, _study.Study, None],
    "time_budget_s": [Interval(Real, 0, None, closed="neither"), None],
    "target_score": [Interval(Real, None, None, closed="neither"), None],
    "extra_candidates": ["array-like"],
    "prune_folds": [StrOptions({"forgiving"}), None],
    "ensemble": ["boolean"],
    "return_curves": ["boolean"],
    "return_oof": ["boolean"],
    "memory_budget": [Interval(Integral, 0, None, closed="left"), None],
    "executor": "no_validation",
}
# What a fit may have without the next one having it.
_BEST = (
    "best_index_",
    "best_score_",
    "best_params_",
    "best_estimator_",
    "refit_time_",
    "feature_names_in_",
)


def epochs_parameter(estimator: Any) -> str | None:
    """Name of the parameter that counts a net's epochs; None where the engine trains nothing."""
    for prefix in net_prefixes(estimator):
        return f"{prefix}max_iter"
    return None


def whole_or_not_at_all(fit: Callable[..., EngineSearch]) -> Callable[..., EngineSearch]:
    """Let a fit that does not end leave the search as it was."""

    @wraps(fit)
    def whole(search: EngineSearch, *args: Any, **params: Any) -> EngineSearch:
        before = search.__dict__.copy()
        try:
            return fit(search, *args, **params)
        except BaseException:
            search.__dict__ = before
            raise

    return whole


@contextmanager
def _seeded(estimator: Any, seed_of: Callable[[], int | None]) -> Iterator[None]:
    """Let a net without `random_state` have a seed, without its parameters telling of it."""
    net = net_of(estimator)
    if net is None or net.random_state is not None:
        yield
        return
    net.random_state = seed_of()
    try:
        yield
    finally:
        net.random_state = None


class EngineSearch(DocLink, BaseSearchCV):
    """What nnhp's searches add to scikit-learn's."""

    # For strategies of users, whose __init__ does not know them.
    study: Any = None
    time_budget_s: float | None = None
    target_score: float | None = None
    extra_candidates: Sequence[Mapping[str, Any]] = ()
    prune_folds: str | None = None
    ensemble: bool = False
    return_curves: bool = False
    return_oof: bool = False
    memory_budget: int | None = None
    executor: Any = None
    # Whether all fits of a batch may fail, as of few candidates they may by chance.
    _batches_may_fail = False
    # Whether candidates depend on the scores of others.
    _learns = False
    # While it runs: the recorder of the study, and what gives the size of a setting's nets.
    _recorder: Any = None
    _size_of: Any = None

    @whole_or_not_at_all
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, **params: Any) -> EngineSearch:
        """Search, then fit the best candidate on all samples.

        One that does not end, for an error or Ctrl-C, leaves the fitted attributes of the one
        before.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples, in any form that the estimator takes.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Targets.
        **params : dict of str to object
            Of the estimator's `fit`, the scorers and the splitter, as in scikit-learn: arrays as
            long as X are cut like X, but for validation data of an nnhp estimator (`X_val`,
            `y_val`, `sample_weight_val`), which are passed whole.

        Returns
        -------
        self : object
            The fitted search.

        Raises
        ------
        ValueError
            For settings that cannot meet, or if all fits failed.
        KeyboardInterrupt
            After Ctrl-C; a study keeps what was done.

        Examples
        --------
        >>> from nnhp import GridSearchCV, MLPClassifier
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> net = MLPClassifier(8, learning_rate_init=0.05, max_iter=300, random_state=0)
        >>> search = GridSearchCV(net, {"alpha": [1e-4, 1e-2]}).fit(X, y)
        >>> search.predict(X[:1])
        array([0])
        >>> print(search.best_score_ > 0.9)
        True
        """
        self._check_settings()
        scorers, refit_metric = self._get_scorers()
        check_samples(X=X)
        if y is not None:
            check_samples(y=y)
        with naming("X and y"):
            X, y = indexable(X, exact(y))
        params = _check_method_params(X, params=params)
        routed = self._get_routed_params_for_fit(params)
        weight = params.get("sample_weight")
        seen = {"X": X, "y": y, "metadata": None if weight is None else {"sample_weight": weight}}
        context = self._init_callback_context(max_subtasks=1 + (self.refit is not False))
        context.call_on_fit_task_begin(estimator=self, **seen)
        with naming("y"):
            self._checked_cv_orig = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        self._check_input_parameters(X=X, y=y, split_params=routed.splitter.split)
        self.n_splits_ = self._checked_cv_orig.get_n_splits(X, y, **routed.splitter.split)
        base = clone(self.estimator)

        search = SearchFit(self, base, X, y, routed, scorers, refit_metric)
        try:
            results = search.run(context)
            self.multimetric_ = search.multimetric
            for name in _BEST:
                self.__dict__.pop(name, None)  # of another fit
            if callable(self.scoring) and self.multimetric_:
                self._check_refit_for_multimetric(search.run_state.outcomes.first_scores())
                refit_metric = self.refit
            if self.refit or not self.multimetric_:
                self.best_index_ = self._best_index(
                    refit_metric, results, reached=search.run_state.target_reached
                )
                if not callable(self.refit):
                    self.best_score_ = results[f"mean_test_{refit_metric}"][self.best_index_]
                self.best_params_ = results["params"][self.best_index_]
            if self.refit:
                try:
                    self._refit(search, base, context, routed.estimator.fit, seen)
                except BaseException as error:
                    best = self.best_params_
                    error.add_note(f"The search itself had ended; its best parameters are {best}.")
                    raise
            several = isinstance(scorers, _MultimetricScorer)
            self.scorer_ = scorers._scorers if several else scorers
            self.cv_results_ = results
            search.publish()
            self._publish()
        finally:
            search.close()
        context.call_on_fit_task_end(estimator=self, **seen)
        return self

    def _best_index(self, refit_metric: Any, results: Mapping[str, Any], *, reached: bool) -> int:
        """Row of the best candidate; on whatever rung it is where it reached the target."""
        if reached and not callable(self.refit):
            return int(np.nanargmax(results[f"mean_test_{refit_metric}"]))
        chosen: int = self._select_best_index(self.refit, refit_metric, results)
        return chosen

    def _refit(
        self,
        search: SearchFit,
        base: Any,
        context: Any,
        fit_params: Mapping[str, Any],
        seen: Mapping[str, Any],
    ) -> None:
        """Make `best_estimator_`: fitted on all samples, or the ensemble of the folds."""
        subcontext = context.subcontext(task_name="refit-with-best-params")
        begun = time.perf_counter()
        if self.ensemble:
            self.best_estimator_ = FoldEnsemble(search.estimators_of(self.best_index_))
        else:
            self.best_estimator_ = clone(base).set_params(**clone(self.best_params_, safe=False))
            self._lay_out(self.best_estimator_)
            with (
                subcontext.propagate_callback_context(self.best_estimator_),
                _seeded(self.best_estimator_, partial(search.seed_of_refit, self.best_index_)),
            ):
                subcontext.call_on_fit_task_begin(estimator=self, **seen)
                self._fit_best(self.best_estimator_, seen["X"], seen["y"], fit_params)
        self.refit_time_ = time.perf_counter() - begun
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_
        subcontext.call_on_fit_task_end(estimator=self, **seen)

    def _fit_best(self, best: Any, X: Any, y: Any, fit_params: Mapping[str, Any]) -> None:
        """Fit the best candidate's estimator on all samples."""
        best.fit(X, *(() if y is None else (y,)), **fit_params)

    def _lay_out(self, best: Any) -> None:
        """Let the schedule of a net that is trained for fewer epochs than others be as theirs."""
        _, horizon = self._epochs_go_on() or ("", None)
        net = net_of(best)
        if net is not None and horizon is not None and net.max_iter < horizon:
            net.learning_rate = laid_out(net.learning_rate, horizon)

    def __sklearn_clone__(self) -> EngineSearch:
        """A clone searches with the same executor, which cannot be copied."""
        without = copy.copy(self)
        without.executor = None
        copied: EngineSearch = _clone_parametrized(without)
        copied.executor = self.executor
        return copied

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if not isinstance(self.executor, str):  # others belong to this process
            state.pop("executor", None)
        for name in ("_recorder", "_size_of"):  # jobs of other processes get copies while it runs
            state.pop(name, None)
        return state

    def _check_settings(self) -> None:
        """Raise ValueError where settings cannot meet."""
        if not isinstance(self.error_score, Number) and self.error_score != "raise":
            raise ValueError(
                "error_score must be the string 'raise' or a numeric value. "
                "(Hint: if using 'raise', please make sure that it has been spelled correctly.)"
            )
        if self.ensemble and self.refit is False:
            raise ValueError("ensemble=True needs refit: it is what best_estimator_ becomes.")
        probable = (
            not is_classifier(self.estimator)
            or net_of(self.estimator) is not None
            or hasattr(self.estimator, "predict_proba")
        )
        if self.return_oof and not probable:
            raise ValueError(
                "return_oof=True needs a classifier with predict_proba, and "
                f"{type(self.estimator).__name__} has none."
            )
        for setting in self.extra_candidates:
            if not isinstance(setting, Mapping):
                raise ValueError(
                    f"extra_candidates must be a sequence of dicts of parameters, got {setting!r}."
                )
        for name in ("param_grid", "param_distributions"):
            if isinstance(space := getattr(self, name, None), list | tuple) and not space:
                raise ValueError(f"{name} must have at least one dict of parameters, got {space}.")
        check_scoring(self)
        if names := self._named_scores():
            self._compared_metric(names)

    def _named_scores(self) -> list[str]:
        """Names of the scores, in their order, where they are told beforehand."""
        return list(self.scoring) if isinstance(self.scoring, list | tuple | dict) else []

    def _compared_metric(self, metrics: Sequence[str]) -> str:
        """The score that candidates are compared by: the one refitted for, else the first.

        Raises ValueError where a setting needs one, and it is not known which.
        """
        if len(metrics) > 1 and callable(self.refit):
            for name in ("target_score", "prune_folds"):
                if (given := getattr(self, name)) is not None:
                    raise ValueError(
                        f"{name} compares one score, and it must be known which of {metrics}: "
                        f"refit must name it, or {name} be None; got refit={self.refit!r} and "
                        f"{name}={given!r}."
                    )
        # A name that is not there is reported when the search is over, as in scikit-learn.
        return self.refit if isinstance(self.refit, str) and self.refit in metrics else metrics[0]

    # ------------------------------------------------------------------ for the strategies

    def _check_constant_splits(self) -> None:
        """Raise ValueError where rungs or batches would see different folds."""
        if not _yields_constant_splits(self._checked_cv_orig):
            raise ValueError(
                "The cv parameter must yield consistent folds across calls to split(). Set its "
                "random_state to an int, or set shuffle=False."
            )

    def _first_candidates(self) -> list[Mapping[str, Any]]:
        """Settings that come before the strategy's own."""
        recorder = self._recorder
        return [*self.extra_candidates, *([] if recorder is None else recorder.enqueued)]

    def _drawing_state(self) -> Any:
        """What candidates are drawn with: the study's seed where none was given."""
        state = getattr(self, "random_state", None)
        return self._recorder.seed if state is None and self._recorder is not None else state

    def _publish(self) -> None:
        """Set the strategy's own attributes, when `cv_results_` is there."""

    def _packages(self) -> list[ModuleType]:
        """Packages that candidates come from, beside those that all searches stand on."""
        return []

    # Whether candidates that the engine cannot do take scikit-learn's way.
    _takes_others = True
    # Whether a training may begin with that of another candidate, however far it came.
    _branches = False
    _stops: Callable[[], bool] | None = None

    def _end_when(self, asked: Callable[[], bool]) -> None:
        """Have the search ask now and then whether to end, for who watches from another thread."""
        self._stops = asked

    def _candidate(self, params: Mapping[str, Any], number: int) -> Candidate:
        """The candidate of a row of `cv_results_`."""
        return Candidate(params, number)

    def _epochs_go_on(self) -> tuple[str, int] | None:
        """Parameter that counts a training's epochs and their most, where trainings go on."""
        return None

    def _groups(self, candidates: Sequence[Candidate]) -> Sequence[Group] | None:
        """The candidates of a rung in the groups whose best go on; None where none do."""
        return None

    def _later_epochs(self) -> int:
        """Epochs of a fold on all rungs after the present one, at most."""
        return 0

    def _resource_of(self, candidate: Mapping[str, Any]) -> int:
        """Resource of a candidate of this rung, to tell rungs apart."""
        return 0
