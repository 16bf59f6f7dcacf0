"""One `fit` of a search, from its splits to its results: who computes it, and what is published."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from inspect import signature
from numbers import Integral
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.model_selection._split import _yields_constant_splits
from sklearn.model_selection._validation import _warn_or_raise_about_fit_failures
from sklearn.utils import check_random_state

from nnhp import _threads
from nnhp.estimators._memory import memory_limit
from nnhp.search import _study
from nnhp.search._evaluate import EngineEvaluator
from nnhp.search._executor import ExecutorEvaluator
from nnhp.search._executor_pools import Workers, workers_of
from nnhp.search._fingerprint import fingerprint
from nnhp.search._materials import Materials
from nnhp.search._net_size import NetSize, NetSizes
from nnhp.search._out_of_fold import OutOfFold
from nnhp.search._outcome import Candidate, Outcome, Scores, Split
from nnhp.search._results import Outcomes, format_results
from nnhp.search._results_view import Results
from nnhp.search._run import Anticipate, Run, SearchOver
from nnhp.search._scikit import ScikitEvaluator, why_not_the_engine
from nnhp.search._splits import same_splits, splits_of

if TYPE_CHECKING:
    from nnhp.search._engine_fit import EngineSearch
    from nnhp.search._study_recorder import Recorder

_log = logging.getLogger("nnhp.search")


class _Opened(threading.local):
    """Of a thread: the recorders of its fits, by how many fits it was in when they began."""

    def __init__(self) -> None:
        self.recorders: dict[int, Recorder] = {}


_opened = _Opened()

Evaluators = EngineEvaluator | ScikitEvaluator | ExecutorEvaluator


class SearchFit:
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
        self._evaluator: Evaluators | None = None
        self._workers: Workers | None = None
        self._obstacle: str | None = None
        self._more: dict[str, list[Any]] = {}
        self._seed: int | None = None
        self._compared: str | None = None  # metric, where there are several
        self._recorder: Any = None
        self._depth = 0
        memory_budget = search.memory_budget
        if memory_budget is None:
            memory_budget = memory_limit() // 4
        self._sizes: NetSizes | None = None
        self._out_of_fold: OutOfFold | None = None
        if search.return_oof:
            self._out_of_fold = OutOfFold(
                X, y, classifies=is_classifier(base), memory_budget=int(memory_budget)
            )
        with ExitStack() as undo:  # Ctrl-C may come in between
            if search.study is not None:
                self._open_study()
                undo.callback(self._close_recorder)
            self.run_state = Run(
                search.n_splits_,
                self._score_of,
                self._digest,
                self._fixed,
                search._resource_of,
                recorder=self._recorder,
                time_budget=search.time_budget_s,
                target_score=search.target_score,
                stops=search._stops,
                prunes=search.prune_folds is not None,
                memory_budget=int(memory_budget),
                verbose=bool(search.verbose),
                counts_parameters=callable(search.refit),
            )
            undo.pop_all()

    @property
    def multimetric(self) -> bool:
        """Whether several scores are computed."""
        return isinstance(self.run_state.outcomes.first_scores(), dict)

    def _score_of(self, scores: Scores) -> float:
        """The score that candidates are compared by."""
        if not isinstance(scores, dict):
            return float(scores)
        if self._compared is None:
            # Those of a study come in another order; a callable tells them by what it returns.
            names = self._search._named_scores() or list(scores)
            self._compared = self._search._compared_metric(names)
        return float(scores.get(self._compared, np.nan))

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
        if search._batches_may_fail:
            self._tell_of_failures(0)
        state.warn_of_limits()
        state.outcomes.settle()
        return self._format(state.outcomes)

    def close(self) -> None:
        """End the progress bar and the study, whatever happened."""
        with ExitStack() as ends:  # all of them, though another Ctrl-C should end one
            if self._recorder is not None:
                ends.callback(self._search.__dict__.pop, "_recorder", None)
                ends.callback(self._close_recorder)
            ends.callback(self._search.__dict__.pop, "_size_of", None)
            if self._workers is not None:
                ends.callback(self._workers.close)
            if isinstance(self._evaluator, ExecutorEvaluator):
                ends.callback(self._evaluator.cancel)
            ends.callback(self.run_state.close)

    def _close_recorder(self) -> None:
        self._recorder.close()
        _opened.recorders.pop(self._depth, None)

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
        if isinstance(evaluator, ExecutorEvaluator) and getattr(search, "_skl_callbacks", None):
            raise ValueError(
                "executor must be None for a search with callbacks, which are called here."
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
            search._groups(candidates),
            later_epochs=search._later_epochs(),
            anticipate=self._anticipate(evaluator),
        )
        on_rung = search._resource_of(candidates[0]) > 0
        cut_short = state.over and done < len(candidates) and not state.target_reached
        if cut_short and first and on_rung:
            # Nothing of the rung counts: its candidates were not compared.
            state.truncate(first)
            raise SearchOver(0)
        state.truncate(first + done)
        if not search._batches_may_fail:
            self._tell_of_failures(first)
        for name, values in (more_results or {}).items():
            self._more.setdefault(name, []).extend(values[:done])
        if state.over:
            raise SearchOver(done)
        return Results(self)

    def _anticipate(self, evaluator: Evaluators) -> Anticipate | None:
        """What begins with later rungs early; None where nobody would idle, or hold estimators."""
        if isinstance(evaluator, ExecutorEvaluator) and not self._search.return_oof:
            return evaluator.anticipate
        return None

    def _tell_of_failures(self, first: int) -> None:
        """Warn of the fits that failed from a candidate on; raise ValueError if all of them did."""
        errors = self.run_state.outcomes.errors(first)
        _warn_or_raise_about_fit_failures(errors, self._search.error_score)

    def entry(self, name: str, n_rows: int) -> Any:
        """One entry of the first results, if it is there without formatting them all."""
        state = self.run_state
        if name == "params":
            return state.outcomes.params[:n_rows]
        if name in self._more:
            return np.asarray(self._more[name][:n_rows])
        if name == "pruned" and self._search.prune_folds is not None:
            return state.outcomes.pruned.values[:n_rows]
        column, _, metric = name.partition("_test_")
        fold = column.removeprefix("split")
        if column == "mean" or fold.isdigit():
            found = state.outcomes.scores("test").get(metric if self.multimetric else None)
            if found is not None and (self.multimetric or metric == "score"):
                by_fold = found[:n_rows]
                return by_fold.mean(axis=1) if column == "mean" else by_fold[:, int(fold)]
        return None

    def size_of(self, params: dict[str, Any]) -> NetSize | None:
        """Size of a setting's nets; None where none can be made."""
        if self._sizes is None:
            split = self._split(self._search._checked_cv_orig)[0]
            self._sizes = NetSizes(self._base, self._materials().given(), split)
        return self._sizes.of(params)

    def formatted(self, n_rows: int) -> dict[str, Any]:
        """The first results, of which the search may yet add more."""
        return self._format(self.run_state.outcomes.first(n_rows))

    def _format(self, outcomes: Outcomes) -> dict[str, Any]:
        results = format_results(
            outcomes,
            {name: entries[: len(outcomes)] for name, entries in self._more.items()},
            train_scores=self._search.return_train_score,
        )
        if outcomes.n_parameters is not None:
            results["n_parameters"] = outcomes.n_parameters.values
        if self._search.prune_folds is not None:
            results["pruned"] = outcomes.pruned.values
        return results

    # ------------------------------------------------------------------ the evaluator

    def _evaluator_for(self, cv: Any) -> Evaluators:
        if self._evaluator is not None and cv is self._cv and _yields_constant_splits(cv):
            return self._evaluator
        self._cv = cv
        splits = self._split(cv)
        if self._evaluator is None or not same_splits(splits, self._splits):
            self._splits = splits
            before, self._evaluator = self._evaluator, self._make_evaluator()
            if before is not None:
                self._evaluator.delegated = before.delegated
        return self._evaluator

    def _split(self, cv: Any) -> list[Split]:
        return splits_of(
            cv, self._X, self._y, self._routed.splitter.split, expected=self._search.n_splits_
        )

    def _make_evaluator(self) -> Evaluators:
        search = self._search
        materials = self._materials()
        local = self._local_evaluator(materials)
        if search.executor is None:
            return local
        if self._workers is None:
            self._workers = workers_of(search.executor, search.n_jobs)
        return ExecutorEvaluator(
            local,
            materials,
            self._workers,
            seed_of=self._seed_of,
            resource_of=search._resource_of,
            recall=None if self._recorder is None else self._recall,
        )

    def _local_evaluator(self, materials: Materials) -> EngineEvaluator | ScikitEvaluator:
        search = self._search
        self._obstacle = None
        if self._out_of_fold is not None:
            self._out_of_fold.check_splits(self._splits)
        scikit = self._scikit = materials.scikit(streams=self.run_state.needs_streams)
        reason = why_not_the_engine(
            search, self._base, self._X, self._y, self._routed.estimator.fit
        )
        if reason is not None and not search._takes_others:
            raise ValueError(f"{type(search).__name__} trains on the engine alone: {reason}.")
        if reason is None:
            try:
                evaluator = materials.engine(
                    threads=_threads.resolve(search.n_jobs),
                    seed_of=self._seed_of,
                    others=scikit if search._takes_others else None,
                    recall=None if self._recorder is None else self._recall,
                    records=self._recorder is not None,
                )
            except (ValueError, TypeError) as error:
                if not search._takes_others:
                    raise
                reason = f"the data as a whole cannot be checked: {error}"
            else:
                return evaluator
        self._obstacle = reason
        _log.info("%s takes scikit-learn's way: %s", type(search).__name__, reason)
        return scikit

    def _materials(self) -> Materials:
        search = self._search
        return Materials(
            search,
            self._base,
            self._X,
            self._y,
            self._splits,
            self._scorers,
            self._routed.estimator.fit,
            self._routed.scorer.score,
            search._epochs_go_on(),
            # Whoever resumes a study may refit by their number.
            callable(search.refit) or search.study is not None,
        )

    def _recall(self, candidate: Candidate, fold: int) -> tuple[int, dict[str, Any]] | None:
        params = self._fixed(candidate)
        found: tuple[int, dict[str, Any]] | None
        found = self._recorder.load_checkpoint(candidate.number, params, fold)
        return found

    def _fixed(self, candidate: Candidate) -> dict[str, Any]:
        """Parameters of a candidate that stay the same from rung to rung."""
        resource, _ = self._search._epochs_go_on() or (None, None)
        fixed = {name: value for name, value in candidate.items() if name != resource}
        return fixed if candidate.origin is None else fixed | {"descent": candidate.descent}

    def _seed_of(self, number: int, fold: int) -> int:
        """Seed for a fold of a candidate whose net has none."""
        if self._seed is None:
            state = getattr(self._search, "random_state", None)
            if self._recorder is not None:
                self._seed = self._recorder.seed
            elif isinstance(state, Integral):
                self._seed = int(state)
            else:
                self._seed = int(check_random_state(state).randint(2**31))
        sequence = np.random.SeedSequence([self._seed, number, fold])
        return int(sequence.generate_state(1)[0])

    def seed_of_refit(self, row: int) -> int | None:
        """Seed for the fit on all samples of a row's net that has none; None: any will do.

        Where the search has one, it is that of a fold after the last.
        """
        if self._recorder is None and getattr(self._search, "random_state", None) is None:
            return None
        return self._seed_of(self._candidate(row).lineage[0].number, self._search.n_splits_)

    # ------------------------------------------------------------------ the end

    def publish(self) -> None:
        """Set the attributes that nnhp's searches have beside scikit-learn's."""
        search, state = self._search, self.run_state
        assert self._evaluator is not None
        native = self._obstacle is None
        search.engine_ = "nnhp" if native else f"scikit-learn: {self._obstacle}"
        reasons = self._evaluator.delegated
        for reason, numbers in sorted(reasons.items(), key=lambda item: min(item[1])):
            search.engine_ += f"; scikit-learn for {len(numbers)} candidates: {reason}"
        for name in ("curves_", "oof_predictions_"):
            search.__dict__.pop(name, None)  # of another fit
        ended_by = "target_score" if state.target_reached else "time_budget_s"
        search.ended_by_ = ended_by if state.over and not state.stopped else None
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
        candidate = self._candidate(row)
        self._evaluator.wants_estimators = self._scikit.wants_estimators = True
        jobs = [(candidate, fold) for fold in range(len(self._splits))]
        fitted: dict[int, Any] = {}
        for finished in self._evaluator.evaluate(jobs, None):
            fitted |= {place: outcome.estimator for place, outcome in finished}
        return [fitted[fold] for fold in range(len(self._splits))]

    def _candidate(self, row: int) -> Candidate:
        """The candidate of a row of the results."""
        outcomes = self.run_state.outcomes
        return self._search._candidate(outcomes.params[row], int(outcomes.numbers.values[row]))

    def _digest(self, outcome: Outcome, fold: int) -> None:
        """Take from an outcome's estimator what the search wants of it."""
        if self._out_of_fold is not None:
            self._out_of_fold.digest(outcome, self._splits[fold])

    def _open_study(self) -> None:
        search = self._search
        self._splits = self._split(search._checked_cv_orig)
        again = self._split(search._checked_cv_orig)
        if not same_splits(self._splits, again):
            raise ValueError(
                "A study needs a cv whose splits are the same each time: set its random_state."
            )
        opened, self._depth = _opened.recorders, _fits_around()
        for depth in [depth for depth in opened if depth >= self._depth]:
            opened[depth].close()  # of a fit that Ctrl-C ended on its way to close it
            del opened[depth]
        state = getattr(search, "random_state", None)
        rationed = {name for name, _ in [search._epochs_go_on() or ("", 0)]}
        self._recorder = _study.open_recorder(
            search.study,
            fingerprint(search, self._X, self._y, self._routed, self._splits),
            seed=int(state) if isinstance(state, Integral) else None,
            parameters=search.estimator.get_params().keys() - rationed,
        )
        opened[self._depth] = self._recorder
        search._recorder = self._recorder


def _fits_around() -> int:
    """Count the fits of searches that this thread is in, the present one included."""
    frame: FrameType | None = sys._getframe()
    n_fits = 0
    while frame is not None:
        n_fits += frame.f_code.co_qualname == "EngineSearch.fit"
        frame = frame.f_back
    return n_fits
