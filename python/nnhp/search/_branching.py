"""What searches share whose trainings branch off others."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

from sklearn.utils import check_random_state

from nnhp.estimators._branch import Piece, fit_in_pieces
from nnhp.estimators._data import Given
from nnhp.search._engine_fit import epochs_parameter
from nnhp.search._evaluate import NotForTheEngineError
from nnhp.search._outcome import Candidate, Origin
from nnhp.search._prepare import configured, net_of, obstacle
from nnhp.search._rungs import RungSearch


class BranchingSearch(RungSearch):
    """A search whose candidates may begin with the trainings of others."""

    _takes_others = False
    _branches = True
    _learns = True
    _task_name: str
    _lineages: list[Candidate]  # all candidates, by number
    _rows: list[int]  # number of the candidate of each row of `cv_results_`

    def _check_input_parameters(self, X: Any, y: Any, split_params: Any) -> None:
        name, net = type(self).__name__, net_of(self.estimator)
        reason = "there is no y" if y is None else obstacle(self.estimator)
        if reason is not None:
            raise ValueError(f"{name} trains on the engine alone: {reason}.")
        if not isinstance(net.max_iter, Integral):
            raise ValueError(f"max_iter must be an integer, got {net.max_iter!r}.")
        self._check_constant_splits()

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        for name in ("_lineages", "_rows"):
            state.pop(name, None)
        return state

    def _begin(self) -> None:
        """Forget the candidates of another fit."""
        self._lineages, self._rows = [], []

    def _new_candidate(self, params: Mapping[str, Any], origin: Origin | None = None) -> Candidate:
        """Candidate of the next number."""
        self._lineages.append(Candidate(params, len(self._lineages), origin))
        return self._lineages[-1]

    def _evaluate_together(
        self,
        candidates: Sequence[Candidate],
        evaluate_candidates: Any,
        task: Any,
        more_results: Mapping[str, list[Any]],
    ) -> Mapping[str, Any]:
        """Train candidates in one call; returns the results of all so far."""
        self._rows += [candidate.number for candidate in candidates]
        subtask = task.subcontext(
            task_name=self._task_name,
            max_subtasks=len(candidates) * self.n_splits_,
            sequential_subtasks=False,
        ).call_on_fit_task_begin(estimator=self)
        try:
            results: Mapping[str, Any] = evaluate_candidates(
                candidates, more_results=more_results, callback_ctx=subtask
            )
        except NotForTheEngineError as error:
            raise ValueError(
                f"{type(self).__name__} trains on the engine alone: {error}."
            ) from error
        subtask.call_on_fit_task_end(estimator=self)
        return results

    def _candidate(self, params: Mapping[str, Any], number: int) -> Candidate:
        return Candidate(params, number, self._lineages[number].origin)

    def _fit_best(self, best: Any, X: Any, y: Any, fit_params: Mapping[str, Any]) -> None:
        """Fit on all samples what the lineage went through."""
        prefix = (epochs_parameter(best) or "").removesuffix("max_iter")
        net = net_of(best)
        if net is not best:
            before = best[:-1]
            X = before.fit_transform(X, y)
            best.steps[:-1] = before.steps
        named = {name.removeprefix(prefix): value for name, value in fit_params.items()}
        fit_in_pieces(net, self._pieces(best), Given(X, y, **named))

    def _pieces(self, best: Any) -> Sequence[Piece]:
        """What the best candidate's lineage went through, as the pieces of one fit."""
        _, horizon = self._epochs_go_on() or ("", 0)
        lineage = self._lineage_of_best()
        ends = [c.origin.epoch for c in lineage[1:] if c.origin is not None]
        pieces = []
        for candidate, end in zip(lineage, [*ends, net_of(best).max_iter], strict=True):
            net = copy.copy(net_of(configured(best, candidate)))
            net.max_iter = horizon
            pieces.append(Piece(net, end))
        return _with_one_seed(pieces)

    def _lineage_of_best(self) -> list[Candidate]:
        best: int = self.best_index_
        return self._lineages[self._rows[best]].lineage


def _with_one_seed(pieces: Sequence[Piece]) -> Sequence[Piece]:
    """Pieces that all begin with the same random state, as those of a fold do."""
    state = pieces[0].estimator.random_state
    if state is None:
        state = check_random_state(None).randint(2**31)
    for piece in pieces:
        piece.estimator.random_state = copy.deepcopy(state)
    return pieces
