"""The seam with scikit-learn's searches: their `fit`, around an evaluator that may be the engine.

scikit-learn's `BaseSearchCV.fit` hands every fold to `_fit_and_score` as a copy of its rows, and
leaves no place to compute it otherwise; so `fit` is overridden here, with the same steps. This is
the only file that uses these private helpers of scikit-learn 1.9:

- of `BaseSearchCV`: `_get_scorers`, `_check_input_parameters`, `_get_routed_params_for_fit`,
  `_run_search`, `_check_refit_for_multimetric`, `_select_best_index`, `_init_callback_context`,
  `_checked_cv_orig`;
- of its module for validation: `_fit_and_score`, `_score`, `_warn_or_raise_about_fit_failures`;
- `_yields_constant_splits`, `_MultimetricScorer`, `_check_method_params`, `_routing_enabled`,
  `_fit_context`.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from inspect import signature
from numbers import Integral, Number, Real
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import _fit_context, clone, is_classifier
from sklearn.metrics._scorer import _MultimetricScorer
from sklearn.model_selection import check_cv
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._split import _yields_constant_splits
from sklearn.model_selection._validation import (
    _fit_and_score,
    _score,
    _warn_or_raise_about_fit_failures,
)
from sklearn.utils import indexable
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metadata_routing import _routing_enabled
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_method_params, _num_samples

from nnhp import _threads
from nnhp._doc_link import DocLink
from nnhp.estimators._data import Given, Whole
from nnhp.estimators._memory import memory_limit
from nnhp.estimators._schedules import laid_out
from nnhp.search import _study
from nnhp.search._ensemble import FoldEnsemble
from nnhp.search._evaluate import EngineEvaluator
from nnhp.search._fingerprint import fingerprint
from nnhp.search._net_size import NetSize, NetSizes
from nnhp.search._out_of_fold import OutOfFold
from nnhp.search._outcome import Candidate, Checkpoint, Outcome, Scores, Split
from nnhp.search._prepare import net_of
from nnhp.search._results import Outcomes, format_results
from nnhp.search._run import Run, SearchOver
from nnhp.search._scores import metric_of

_log = logging.getLogger("nnhp.search")
_VALIDATION = ("X_val", "y_val", "sample_weight_val")


class Scoring:
    """What a search computes from its fitted estimators; from bare outputs where it can.

    Attributes
    ----------
    metrics : dict of str to str, or None
        Native metric of each scorer; None if scikit-learn's scorers must be asked.
    of_training_rows : bool
        Whether the training rows are scored too.
    raises, raises_divergence : bool
        Whether an error ends the search, and whether a training that diverges does.
    """

    def __init__(
        self,
        estimator: Any,
        scorers: Any,
        X: Any,
        params: Mapping[str, Any],
        *,
        error_score: Any,
        of_training_rows: bool = False,
        for_divergence_alone: bool = False,
    ) -> None:
        self._scorers = scorers
        self._X = X
        self._params = dict(params)
        self._error_score = error_score
        self.raises_divergence = error_score == "raise"
        self.raises = self.raises_divergence or for_divergence_alone
        self.of_training_rows = of_training_rows
        self._several = isinstance(scorers, _MultimetricScorer)
        single = {"score": scorers}
        named = scorers._scorers if self._several else single
        found = {name: metric_of(scorer, estimator) for name, scorer in named.items()}
        plain = set(params) <= {"sample_weight"} and not (params and _routing_enabled())
        self.metrics: dict[str, str] | None = None
        if plain and all(found.values()):
            self.metrics = {name: str(metric) for name, metric in found.items()}

    def packed(self, values: dict[str, float]) -> Scores:
        """Scores in scikit-learn's form: a number, or a dict for several scorers."""
        return values if self._several else values["score"]

    def failed(self) -> Scores:
        """What a fold scores whose fit failed."""
        if self._several:
            return dict.fromkeys(self._scorers._scorers, self._error_score)
        return float(self._error_score)

    def weight(self, rows: NDArray[np.int32]) -> Any:
        """Sample weights that scorers get."""
        return self.params(rows).get("sample_weight")

    def params(self, rows: NDArray[np.int32]) -> dict[str, Any]:
        """Arguments of the scorers for some rows."""
        return dict(_check_method_params(self._X, params=self._params, indices=rows))

    def judge(self, estimator: Any, X: Any, y: Any, rows: NDArray[np.int32]) -> Scores:
        """Scores by scikit-learn's scorers."""
        scores: Scores = _score(
            estimator, X, y, self._scorers, self.params(rows), self._error_score
        )
        return scores


class ScikitEvaluator:
    """Computes folds by scikit-learn's own function, for estimators of any kind."""

    def __init__(
        self,
        search: EngineSearch,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        splits: Sequence[Split],
        scorers: Any,
        fit_params: Mapping[str, Any],
        score_params: Mapping[str, Any],
        streams: bool,
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
        whole = {f"{prefix}{name}" for prefix in _net_prefixes(estimator) for name in _VALIDATION}
        # A schedule of trainings that may go on is laid out for all of their epochs.
        self._horizon: int | None = (search._epochs_go_on() or ("", None))[1]
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
        # To count the parameters, which whoever resumes a study may refit by.
        counts = callable(self._search.refit) or self._search.study is not None
        wants = self.wants_estimators or counts
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
        for prefix in _net_prefixes(self._estimator):
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


def _net_prefixes(estimator: Any) -> list[str]:
    if net_of(estimator) is None:
        return []
    return [""] if net_of(estimator) is estimator else [f"{estimator.steps[-1][0]}__"]


def _parameter_count(estimator: Any) -> int:
    """What a fitted net trains, alone or last in a pipeline; 0 for anything else."""
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    arrays = [*getattr(last, "coefs_", ()), *getattr(last, "intercepts_", ())]
    arrays += [slopes for slopes in getattr(last, "activation_params_", ()) if slopes is not None]
    for norm in getattr(last, "norm_params_", ()):
        arrays += [norm[name] for name in ("scale", "shift") if norm]
    return int(sum(np.size(array) for array in arrays))


ADDED_CONSTRAINTS: dict[str, list[Any]] = {
    "study": [str, os.PathLike, _study.Study, None],
    "time_budget_s": [Interval(Real, 0, None, closed="neither"), None],
    "target_score": [Real, None],
    "extra_candidates": ["array-like"],
    "prune_folds": [StrOptions({"forgiving"}), None],
    "ensemble": ["boolean"],
    "return_curves": ["boolean"],
    "return_oof": ["boolean"],
    "memory_budget": [Interval(Integral, 0, None, closed="left"), None],
}


def epochs_parameter(estimator: Any) -> str | None:
    """Name of the parameter that counts a net's epochs; None where the engine trains nothing."""
    for prefix in _net_prefixes(estimator):
        return f"{prefix}max_iter"
    return None


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
    # While it runs: the recorder of the study, and what gives the size of a setting's nets.
    _recorder: Any = None
    _size_of: Any = None

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, **params: Any) -> EngineSearch:
        """Search, then fit the best candidate on all samples.

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
        X, y = indexable(X, y)
        params = _check_method_params(X, params=params)
        routed = self._get_routed_params_for_fit(params)
        weight = params.get("sample_weight")
        seen = {"X": X, "y": y, "metadata": None if weight is None else {"sample_weight": weight}}
        context = self._init_callback_context(max_subtasks=1 + (self.refit is not False))
        context.call_on_fit_task_begin(estimator=self, **seen)
        self._checked_cv_orig = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        self._check_input_parameters(X=X, y=y, split_params=routed.splitter.split)
        self.n_splits_ = self._checked_cv_orig.get_n_splits(X, y, **routed.splitter.split)
        base = clone(self.estimator)

        search = _Search(self, base, X, y, routed, scorers, refit_metric)
        try:
            results = search.run(context)
            self.multimetric_ = search.multimetric
            if callable(self.scoring) and self.multimetric_:
                self._check_refit_for_multimetric(search.run_state.outcomes.first_scores())
                refit_metric = self.refit
            if self.refit or not self.multimetric_:
                self.best_index_ = self._select_best_index(self.refit, refit_metric, results)
                if not callable(self.refit):
                    self.best_score_ = results[f"mean_test_{refit_metric}"][self.best_index_]
                self.best_params_ = results["params"][self.best_index_]
            if self.refit:
                self._refit(search, base, context, routed.estimator.fit, seen)
            several = isinstance(scorers, _MultimetricScorer)
            self.scorer_ = scorers._scorers if several else scorers
            self.cv_results_ = results
            search.publish()
            self._publish()
        finally:
            search.close()
        context.call_on_fit_task_end(estimator=self, **seen)
        return self

    def _refit(
        self,
        search: _Search,
        base: Any,
        context: Any,
        fit_params: Mapping[str, Any],
        seen: Mapping[str, Any],
    ) -> None:
        """Make `best_estimator_`: fitted on all samples, or the ensemble of the folds."""
        subcontext = context.subcontext(task_name="refit-with-best-params")
        begun = time.time()
        if self.ensemble:
            self.best_estimator_ = FoldEnsemble(search.estimators_of(self.best_index_))
        else:
            self.best_estimator_ = clone(base).set_params(**clone(self.best_params_, safe=False))
            self._lay_out(self.best_estimator_)
            with subcontext.propagate_callback_context(self.best_estimator_):
                subcontext.call_on_fit_task_begin(estimator=self, **seen)
                targets = () if seen["y"] is None else (seen["y"],)
                self.best_estimator_.fit(seen["X"], *targets, **fit_params)
        self.refit_time_ = time.time() - begun
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_
        subcontext.call_on_fit_task_end(estimator=self, **seen)

    def _lay_out(self, best: Any) -> None:
        """Let the schedule of a net that is trained for fewer epochs than others be as theirs."""
        _, horizon = self._epochs_go_on() or ("", None)
        net = net_of(best)
        if net is not None and horizon is not None and net.max_iter < horizon:
            net.learning_rate = laid_out(net.learning_rate, horizon)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
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

    # ------------------------------------------------------------------ for the strategies

    def _check_constant_splits(self) -> None:
        """Raise ValueError where rungs would see different folds."""
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

    def _epochs_go_on(self) -> tuple[str, int] | None:
        """Parameter that counts a training's epochs and their most, where trainings go on."""
        return None

    def _promotions(self, n_candidates: int) -> list[tuple[Any, int]] | None:
        """For each candidate of a rung, its group and how many of that may go on."""
        return None

    def _later_epochs(self) -> int:
        """Epochs of a fold on all rungs after the present one, at most."""
        return 0

    def _resource_of(self, candidate: Mapping[str, Any]) -> int:
        """Resource of a candidate of this rung, to tell rungs apart."""
        return 0


class _Search:
    """One `fit` of a search, from its splits to its results."""

    def __init__(
        self,
        search: EngineSearch,
        base: Any,
        X: Any,
        y: Any,
        routed: Any,
        scorers: Any,
        refit_metric: Any,
    ) -> None:
        self._search, self._base, self._X, self._y = search, base, X, y
        self._routed, self._scorers, self._refit_metric = routed, scorers, refit_metric
        self._cv: Any = None  # that the splits are of
        self._splits: list[Split] = []
        self._evaluator: EngineEvaluator | ScikitEvaluator | None = None
        self._obstacle: str | None = None
        self._more: dict[str, list[Any]] = {}
        self._seed: int | None = None
        self._recorder: Any = None
        memory_budget = search.memory_budget
        if memory_budget is None:
            memory_budget = memory_limit() // 4
        self._sizes: NetSizes | None = None
        self._out_of_fold: OutOfFold | None = None
        if search.return_oof:
            self._out_of_fold = OutOfFold(
                X, y, classifies=is_classifier(base), memory_budget=int(memory_budget)
            )
        if search.study is not None:
            self._open_study()
        self.run_state = Run(
            search.n_splits_,
            self._score_of,
            self._digest,
            self._fixed,
            search._resource_of,
            recorder=self._recorder,
            time_budget=search.time_budget_s,
            target_score=search.target_score,
            prunes=search.prune_folds is not None,
            memory_budget=int(memory_budget),
            verbose=bool(search.verbose),
            counts_parameters=callable(search.refit),
        )

    @property
    def multimetric(self) -> bool:
        """Whether several scores are computed."""
        return isinstance(self.run_state.outcomes.first_scores(), dict)

    def _score_of(self, scores: Scores) -> float:
        """The score that candidates are compared by: the one refitted for, else the first."""
        if not isinstance(scores, dict):
            return float(scores)
        # A name that is not there is reported when the search is over, as in scikit-learn.
        return float(scores.get(self._search.refit, next(iter(scores.values()))))

    def run(self, context: Any) -> dict[str, Any]:
        """Compute all candidates of the strategy; returns `cv_results_`."""
        search = self._search
        search._size_of = self.size_of
        try:
            if "callback_ctx" in signature(search._run_search).parameters:
                search._run_search(self.evaluate, callback_ctx=context)
            else:
                search._run_search(self.evaluate)
            self.run_state.expect_no_more()
        except SearchOver:
            pass
        state = self.run_state
        state.warn_of_limits()
        state.outcomes.settle()
        results = self._format(state.outcomes)
        if state.outcomes.n_parameters is not None:
            results["n_parameters"] = state.outcomes.n_parameters.values
        if search.prune_folds is not None:
            results["pruned"] = state.outcomes.pruned.values
        return results

    def close(self) -> None:
        """End the progress bar and the study, whatever happened."""
        self.run_state.close()
        self._search.__dict__.pop("_size_of", None)
        if self._recorder is not None:
            self._recorder.close()
            del self._search._recorder

    # ------------------------------------------------------------------ candidates

    def evaluate(
        self,
        candidate_params: Any,
        cv: Any = None,
        more_results: Mapping[str, list[Any]] | None = None,
        callback_ctx: Any = None,
    ) -> Results:
        """Compute candidates on all folds; returns the results of all so far.

        Raises SearchOver where the search ends with fewer of them.
        """
        search, state = self._search, self.run_state
        first = len(state.outcomes)
        candidates = state.outcomes.expect(candidate_params)
        evaluator = self._evaluator_for(cv or search._checked_cv_orig)
        if search.verbose > 0:
            n_splits, n = len(self._splits), len(candidates)
            print(
                f"Fitting {n_splits} folds for each of {n} candidates, totalling "
                f"{n_splits * n} fits"
            )
        if isinstance(evaluator, ScikitEvaluator) and callback_ctx is not None:
            jobs = [(c.number, fold) for c in candidates for fold in range(len(self._splits))]
            evaluator.contexts = {
                job: callback_ctx.subcontext(task_name="candidate-split-evaluation", task_id=task)
                for task, job in enumerate(jobs)
            }
        if self._out_of_fold is not None:
            self._out_of_fold.check_memory(len(candidates))
        if not candidates or not self._splits:
            raise ValueError(
                "No fits were performed. Was the CV iterator empty? Were there no candidates?"
            )
        done = state.evaluate(
            evaluator,
            candidates,
            search._promotions(len(candidates)),
            later_epochs=search._later_epochs(),
        )
        if state.over and done < len(candidates) and first and not state.target_reached:
            # Of a rung that was cut short nothing counts: its candidates were not compared.
            state.truncate(first)
            raise SearchOver(0)
        state.truncate(first + done)
        _warn_or_raise_about_fit_failures(state.outcomes.errors(first), search.error_score)
        for name, values in (more_results or {}).items():
            self._more.setdefault(name, []).extend(values[:done])
        if state.over:
            raise SearchOver(done)
        return Results(self)

    def entry(self, name: str, n_rows: int) -> Any:
        """One entry of the first results, if it is there without formatting them all."""
        state = self.run_state
        if name == "params":
            return state.outcomes.params[:n_rows]
        if name in self._more:
            return np.asarray(self._more[name][:n_rows])
        metric = name.removeprefix("mean_test_")
        if metric != name:
            found = state.outcomes.scores("test").get(metric if self.multimetric else None)
            if found is not None and (self.multimetric or metric == "score"):
                return found[:n_rows].mean(axis=1)
        return None

    def size_of(self, params: dict[str, Any]) -> NetSize | None:
        """Size of a setting's nets; None where none can be made."""
        if self._sizes is None:
            split = self._split(self._search._checked_cv_orig)[0]
            self._sizes = NetSizes(self._base, self._given(), split)
        return self._sizes.of(params)

    def formatted(self, n_rows: int) -> dict[str, Any]:
        """The first results, of which the search may yet add more."""
        return self._format(self.run_state.outcomes.first(n_rows))

    def _format(self, outcomes: Outcomes) -> dict[str, Any]:
        return format_results(
            outcomes,
            {name: entries[: len(outcomes)] for name, entries in self._more.items()},
            train_scores=self._search.return_train_score,
        )

    # ------------------------------------------------------------------ the evaluator

    def _evaluator_for(self, cv: Any) -> EngineEvaluator | ScikitEvaluator:
        if self._evaluator is not None and cv is self._cv and _yields_constant_splits(cv):
            return self._evaluator
        self._cv = cv
        splits = self._split(cv)
        if self._evaluator is None or not _same(splits, self._splits):
            self._splits = splits
            before, self._evaluator = self._evaluator, self._make_evaluator()
            if before is not None:
                self._evaluator.delegated = before.delegated
        return self._evaluator

    def _split(self, cv: Any) -> list[Split]:
        params = self._routed.splitter.split
        n_samples = _num_samples(self._X)
        splits = [
            Split(*(row_numbers(part, n_samples) for part in split))
            for split in cv.split(self._X, self._y, **params)
        ]
        if len(splits) != self._search.n_splits_:
            raise ValueError(
                "cv.split and cv.get_n_splits return inconsistent results. Expected "
                f"{self._search.n_splits_} splits, got {len(splits)}"
            )
        return splits

    def _make_evaluator(self) -> EngineEvaluator | ScikitEvaluator:
        search = self._search
        self._obstacle = None
        if self._out_of_fold is not None:
            self._out_of_fold.check_splits(self._splits)
        scoring = Scoring(
            search.estimator,
            self._scorers,
            self._X,
            self._routed.scorer.score,
            error_score=search.error_score,
            of_training_rows=search.return_train_score,
        )
        scikit = self._scikit = ScikitEvaluator(
            search,
            self._base,
            self._X,
            self._y,
            splits=self._splits,
            scorers=self._scorers,
            fit_params=self._routed.estimator.fit,
            score_params=self._routed.scorer.score,
            streams=self.run_state.needs_streams,
            wants_estimators=search.return_oof,
        )
        reason = self._why_not_the_engine()
        if reason is None:
            try:
                evaluator = EngineEvaluator(
                    self._base,
                    self._given(),
                    splits=self._splits,
                    scoring=scoring,
                    threads=_threads.resolve(search.n_jobs),
                    seed_of=self._seed_of,
                    others=scikit,
                    continues=search._epochs_go_on(),
                    recall=None if self._recorder is None else self._recall,
                    records=self._recorder is not None,
                    wants_curves=search.return_curves,
                    wants_estimators=search.return_oof,
                )
            except (ValueError, TypeError) as error:
                reason = f"the data as a whole cannot be checked: {error}"
            else:
                return evaluator
        self._obstacle = reason
        _log.info("%s takes scikit-learn's way: %s", type(search).__name__, reason)
        return scikit

    def _recall(self, candidate: Candidate, fold: int) -> tuple[int, dict[str, Any]] | None:
        params = self._fixed(candidate)
        found: tuple[int, dict[str, Any]] | None
        found = self._recorder.load_checkpoint(candidate.number, params, fold)
        return found

    def _fixed(self, candidate: Candidate) -> dict[str, Any]:
        """Parameters of a candidate that stay the same from rung to rung."""
        resource, _ = self._search._epochs_go_on() or (None, None)
        return {name: value for name, value in candidate.items() if name != resource}

    def _why_not_the_engine(self) -> str | None:
        search = self._search
        if os.environ.get("NNHP_SEARCH_ENGINE", "").lower() == "off":
            return "NNHP_SEARCH_ENGINE is off"
        if net_of(self._base) is None:
            return f"the estimator is {type(self._base).__name__}"
        if self._y is None:
            return "there is no y"
        if getattr(search, "_skl_callbacks", None) or getattr(
            search.estimator, "_skl_callbacks", None
        ):
            return "callbacks are set"
        if net_of(self._base) is not self._base and len(self._base.steps) == 1:
            return "the pipeline has a single step"
        names = self._routed.estimator.fit
        (prefix,) = _net_prefixes(self._base)
        if prefix and names and _routing_enabled():
            return "metadata is routed through a pipeline"
        known = {f"{prefix}{name}" for name in ("sample_weight", *_VALIDATION)}
        if not set(names) <= known:
            return f"fit has the parameters {sorted(set(names) - known)}"
        weight = names.get(f"{prefix}sample_weight")
        if weight is not None and np.shape(weight) != (_num_samples(self._X),):
            return "sample_weight is not one number per sample"
        return None

    def _given(self) -> Given:
        (prefix,) = _net_prefixes(self._base)
        return Given(
            self._X,
            self._y,
            **{name.removeprefix(prefix): v for name, v in self._routed.estimator.fit.items()},
        )

    def _seed_of(self, number: int, fold: int) -> int:
        """Seed for a fold of a candidate whose net has none."""
        if self._seed is None:
            state = getattr(self._search, "random_state", None)
            if self._recorder is not None:
                self._seed = self._recorder.seed
            elif isinstance(state, Integral):
                self._seed = int(state)
            else:
                self._seed = int(np.random.randint(2**31))  # noqa: NPY002 - as a fit would
        sequence = np.random.SeedSequence([self._seed, number, fold])
        return int(sequence.generate_state(1)[0])

    # ------------------------------------------------------------------ the end

    def publish(self) -> None:
        """Set the attributes that nnhp's searches have beside scikit-learn's."""
        search, state = self._search, self.run_state
        assert self._evaluator is not None
        native = self._obstacle is None
        search.engine_ = "nnhp" if native else f"scikit-learn: {self._obstacle}"
        for reason, numbers in self._evaluator.delegated.items():
            search.engine_ += f"; scikit-learn for {len(numbers)} candidates: {reason}"
        for name in ("curves_", "oof_predictions_"):
            search.__dict__.pop(name, None)  # of another fit
        search.n_epochs_planned_ = state.epochs_planned if native else None
        search.n_epochs_trained_ = state.epochs_trained if native else None
        if search.return_curves:
            search.curves_ = state.curves()
        if self._out_of_fold is not None:
            search.oof_predictions_ = self._out_of_fold.table(
                len(state.outcomes), state.extras, self._splits
            )
        if self._recorder is not None:
            self._recorder.flush()  # an error of the last group must not be lost
        if self._recorder is not None and hasattr(search, "best_index_"):
            self._recorder.finish(
                {
                    "candidate": int(state.outcomes.numbers.values[search.best_index_]),
                    "params": search.best_params_,
                    "score": getattr(search, "best_score_", None),
                }
            )

    def estimators_of(self, row: int) -> list[Any]:
        """Estimators of a candidate, fitted on the folds' training rows."""
        assert self._evaluator is not None
        outcomes = self.run_state.outcomes
        candidate = Candidate(outcomes.params[row], int(outcomes.numbers.values[row]))
        self._evaluator.wants_estimators = self._scikit.wants_estimators = True
        jobs = [(candidate, fold) for fold in range(len(self._splits))]
        fitted: dict[int, Any] = {}
        for finished in self._evaluator.evaluate(jobs, None):
            fitted |= {place: outcome.estimator for place, outcome in finished}
        return [fitted[fold] for fold in range(len(self._splits))]

    def _digest(self, outcome: Outcome, fold: int) -> None:
        """Take from an outcome's estimator what the search wants of it."""
        if self._out_of_fold is not None:
            self._out_of_fold.digest(outcome, self._splits[fold])

    def _open_study(self) -> None:
        search = self._search
        self._splits = self._split(search._checked_cv_orig)
        again = self._split(search._checked_cv_orig)
        if not _same(self._splits, again):
            raise ValueError(
                "A study needs a cv whose splits are the same each time: set its random_state."
            )
        state = getattr(search, "random_state", None)
        rationed = {name for name, _ in [search._epochs_go_on() or ("", 0)]}
        self._recorder = _study.open_recorder(
            search.study,
            fingerprint(search, self._X, self._y, self._routed, self._splits),
            seed=int(state) if isinstance(state, Integral) else None,
            parameters=search.estimator.get_params().keys() - rationed,
        )
        search._recorder = self._recorder


class Results(MutableMapping[str, Any]):
    """`cv_results_` of a search up to now: made when an entry is read that needs it.

    Halving looks at scores and settings alone after each rung, and making all the columns took
    ten times as long as its own work.
    """

    def __init__(self, search: _Search) -> None:
        self._search = search
        self._n_rows = len(search.run_state.outcomes)
        self._all: dict[str, Any] | None = None

    def _formatted(self) -> dict[str, Any]:
        if self._all is None:
            self._all = self._search.formatted(self._n_rows)
        return self._all

    def __getitem__(self, name: str) -> Any:
        entry = self._search.entry(name, self._n_rows) if self._all is None else None
        return self._formatted()[name] if entry is None else entry

    def __setitem__(self, name: str, entry: Any) -> None:
        self._formatted()[name] = entry

    def __delitem__(self, name: str) -> None:
        del self._formatted()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._formatted())

    def __len__(self) -> int:
        return len(self._formatted())


def row_numbers(part: Any, n_samples: int) -> NDArray[np.int32]:
    """Row numbers of one part of a split, which may be a mask, or count from the end."""
    rows = np.asarray(part)
    if rows.dtype == bool:
        return np.flatnonzero(rows).astype(np.int32)
    if rows.dtype.kind not in "iu" and rows.size:
        raise ValueError(f"The splits of cv must be integers or masks, got {rows.dtype}.")
    rows = rows.astype(np.int64)
    outside = rows[(rows < -n_samples) | (rows >= n_samples)]
    if outside.size:
        raise IndexError(
            f"The splits of cv have row {outside[0]}, but there are {n_samples} samples."
        )
    return np.where(rows < 0, rows + n_samples, rows).astype(np.int32)


def _same(a: Sequence[Split], b: Sequence[Split]) -> bool:
    return len(a) == len(b) and all(
        np.array_equal(x.train, y.train) and np.array_equal(x.test, y.test)
        for x, y in zip(a, b, strict=True)
    )
