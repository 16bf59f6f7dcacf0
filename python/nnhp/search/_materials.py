"""What the evaluators of a search are made of, in this process or in another one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.base import clone

from nnhp.estimators._data import Given
from nnhp.search._evaluate import EngineEvaluator
from nnhp.search._outcome import Candidate, Split
from nnhp.search._prepare import net_prefixes
from nnhp.search._scikit import ScikitEvaluator
from nnhp.search._scoring import Scoring

# Settings of a search that stay in its process.
_NOT_TAKEN_ALONG = {"study": None, "executor": None, "n_jobs": 1, "verbose": 0, "cv": None}


def _alone(estimator: Any) -> Any:
    """An estimator whose own searches have no executors: workers would wait for themselves."""
    params = estimator.get_params()
    executors = {
        name: None
        for name, value in params.items()
        if name.rpartition("__")[2] == "executor"
        and value is not None
        and hasattr(params.get(name.rpartition("__")[0], estimator), "_takes_others")
    }
    return clone(estimator).set_params(**executors) if executors else estimator


@dataclass
class Materials:
    """All that a search knows before its first candidate.

    Pickled, it takes the search's settings along, but for its study, its executor and what an
    earlier fit published.
    """

    search: Any
    base: Any  # the search's estimator, cloned
    X: Any
    y: Any
    splits: Sequence[Split]
    scorers: Any
    fit_params: Mapping[str, Any]
    score_params: Mapping[str, Any]
    # Name of the parameter that counts epochs, and their most, where trainings go on.
    continues: tuple[str, int] | None
    counts_parameters: bool  # whether any fitted estimator's parameters are counted

    def __getstate__(self) -> dict[str, Any]:
        known = self.search.get_params(deep=False).keys()
        settings = clone(self.search).set_params(
            **{name: value for name, value in _NOT_TAKEN_ALONG.items() if name in known}
        )
        return {**self.__dict__, "search": _alone(settings), "base": _alone(self.base)}

    def scoring(self) -> Scoring:
        """What is computed from each fitted estimator."""
        return Scoring(
            self.search.estimator,
            self.scorers,
            self.X,
            self.score_params,
            error_score=self.search.error_score,
            of_training_rows=self.search.return_train_score,
        )

    def scikit(self, *, streams: bool) -> ScikitEvaluator:
        """Evaluator of estimators of any kind."""
        return ScikitEvaluator(
            self.search,
            self.base,
            self.X,
            self.y,
            splits=self.splits,
            scorers=self.scorers,
            fit_params=self.fit_params,
            score_params=self.score_params,
            horizon=None if self.continues is None else self.continues[1],
            streams=streams,
            counts_parameters=self.counts_parameters,
            wants_estimators=self.search.return_oof,
        )

    def engine(
        self,
        *,
        threads: int,
        seed_of: Callable[[int, int], int],
        others: ScikitEvaluator | None,
        recall: Callable[[Candidate, int], tuple[int, dict[str, Any]] | None] | None = None,
        records: bool = False,
    ) -> EngineEvaluator:
        """The engine's evaluator; ValueError or TypeError where it cannot take the data."""
        return EngineEvaluator(
            self.base,
            self.given(),
            splits=self.splits,
            scoring=self.scoring(),
            threads=threads,
            seed_of=seed_of,
            others=others,
            continues=self.continues,
            recall=recall,
            records=records,
            wants_curves=self.search.return_curves,
            wants_estimators=self.search.return_oof,
        )

    def given(self) -> Given:
        """The arguments of the net's fits, uncut."""
        (prefix,) = net_prefixes(self.base)
        named = {name.removeprefix(prefix): value for name, value in self.fit_params.items()}
        return Given(self.X, self.y, **named)
