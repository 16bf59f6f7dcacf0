"""What became of the candidates of a search, column by column, up to `cv_results_`."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnhp.search._outcome import Candidate, Candidates, Outcome, Scores

# Rows that are worked on at once: what is beside the results is no longer than these.
_ROWS = 512
_TIMES = ("fit_time", "score_time")


class Column:
    """Numbers that are added one by one, in an array with room for all that are expected.

    Arrays that grow as they are filled leave holes of their former sizes in the heap.

    Parameters
    ----------
    dtype : dtype, default=float
        Of the numbers.
    room : int, default=0
        Numbers that are expected.
    """

    def __init__(self, dtype: Any = float, room: int = 0) -> None:
        self._buffer = np.empty(room, dtype)
        self._length = 0

    def expect(self, n: int) -> None:
        """Make room for so many more."""
        needed = self._length + n
        if needed > len(self._buffer):
            # Strategies that bring one candidate at a time shall not copy all for each.
            larger = np.empty(max(needed, self._length * 9 // 8), self._buffer.dtype)
            larger[: self._length] = self.values
            self._buffer = larger

    def append(self, value: float) -> None:
        """Add a number."""
        if self._length == len(self._buffer):
            self.expect(1)
        self._buffer[self._length] = value
        self._length += 1

    def extend(self, values: NDArray[Any]) -> None:
        """Add some numbers."""
        self.expect(len(values))
        self._buffer[self._length : self._length + len(values)] = values
        self._length += len(values)

    def pad(self, length: int) -> None:
        """Add NaN up to a length."""
        if length > self._length:
            self.extend(np.full(length - self._length, np.nan))

    def __len__(self) -> int:
        return self._length

    def truncate(self, length: int) -> None:
        """Forget all but the first numbers."""
        self._length = min(length, self._length)

    @property
    def values(self) -> NDArray[Any]:
        """All numbers: a view."""
        return self._buffer[: self._length]


class Outcomes:
    """All candidates of a search that are done, in their order, and their outcomes.

    Held as columns, which become those of `cv_results_`: a search of 100,000 fits must keep
    neither 100,000 objects nor a number twice.

    Parameters
    ----------
    n_splits : int
        Outcomes of each candidate.
    counts_parameters : bool, default=False
        Whether to keep the number of parameters of its nets.

    Attributes
    ----------
    params : list of dict
        Of each candidate, and of those that are expected.
    numbers, pruned : Column
        The candidate's number, and whether a fold was left out.
    n_parameters : Column or None
        The most parameters of a candidate's nets.
    """

    def __init__(self, n_splits: int, *, counts_parameters: bool = False) -> None:
        self.params: list[dict[str, Any]] = []
        self.numbers, self.pruned = Column(np.int32), Column(bool)
        self.n_parameters = Column(np.int64) if counts_parameters else None
        self._n_splits = n_splits
        # One number per outcome, NaN where there is none; by 'test' or 'train' and by metric.
        self._scores: dict[tuple[str, str | None], Column] = {}
        # Of times only means and deviations are kept, one per candidate; those of the last
        # candidates wait until there are enough of them.
        self._times = {f"{of}_{name}": Column() for name in _TIMES for of in ("mean", "std")}
        self._last_times = {name: Column(room=_ROWS * n_splits) for name in _TIMES}
        self._errors: dict[int, str] = {}
        # A callable scoring tells its metrics by its first result: failed fits have one number.
        self._failed_scores: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self.numbers)

    def expect(self, params: Iterable[dict[str, Any]]) -> Candidates:
        """Take in candidates that are to come next, and make room for their outcomes."""
        self.params.extend(params)
        candidates = Candidates(self.params, len(self))
        for column in self._columns():
            column.expect(len(candidates))
        for column in self._scores.values():
            column.expect(len(candidates) * self._n_splits)
        return candidates

    def _columns(self) -> Iterator[Column]:
        """Those with one number per candidate."""
        counted = () if self.n_parameters is None else (self.n_parameters,)
        yield from (self.numbers, self.pruned, *counted, *self._times.values())

    def append(self, number: int, outcomes: Sequence[Outcome | None]) -> None:
        """Add the next candidate's outcomes of its folds, None where one was left out."""
        done = [outcome for outcome in outcomes if outcome is not None]
        for fold, outcome in enumerate(outcomes):
            index = len(self) * self._n_splits + fold
            self._append(index, _unrun(done[0]) if outcome is None else outcome)
        if self.n_parameters is not None:
            self.n_parameters.append(max(outcome.n_parameters for outcome in done))
        self.pruned.append(len(done) < len(outcomes))
        self.numbers.append(number)
        if len(self) % _ROWS == 0:
            self._summarize_times()

    def _append(self, index: int, outcome: Outcome) -> None:
        for name, times in self._last_times.items():
            times.append(getattr(outcome, name))
        if outcome.fit_error is not None:
            self._errors[index] = outcome.fit_error
        if outcome.fit_error is not None and not isinstance(outcome.test_scores, dict):
            self._failed_scores[index] = outcome.test_scores
        else:
            self._put("test", outcome.test_scores, index)
            if outcome.train_scores is not None:
                self._put("train", outcome.train_scores, index)

    def _put(self, part: str, scores: Scores, index: int) -> None:
        for metric, score in (scores if isinstance(scores, dict) else {None: scores}).items():
            column = self._scores.get((part, metric))
            if column is None:
                column = self._scores[part, metric] = Column(room=len(self.params) * self._n_splits)
            column.pad(index)
            column.append(score)

    def _summarize_times(self) -> None:
        for name, times in self._last_times.items():
            summary = _mean_and_std(times.values.reshape(-1, self._n_splits))
            for of, column in zip(("mean", "std"), summary, strict=True):
                self._times[f"{of}_{name}"].extend(column)
            times.truncate(0)

    def first(self, n_candidates: int) -> Outcomes:
        """Copy of the first candidates' outcomes; their parameters are the same objects."""
        copied = copy.deepcopy(self, {id(self.params): self.params[:n_candidates]})
        copied.truncate(n_candidates)
        return copied

    def truncate(self, n_candidates: int) -> None:
        """Forget all but the first candidates, and expect no others."""
        self._summarize_times()
        del self.params[n_candidates:]
        for column in self._columns():
            column.truncate(n_candidates)
        length = n_candidates * self._n_splits
        for column in self._scores.values():
            column.truncate(length)
        self._errors = {i: error for i, error in self._errors.items() if i < length}
        self._failed_scores = {i: s for i, s in self._failed_scores.items() if i < length}

    def settle(self) -> None:
        """Put plain dicts of parameters in the place of candidates: no more will come."""
        for row, params in enumerate(self.params):
            if isinstance(params, Candidate):
                self.params[row] = dict(params)

    def errors(self, n_candidates: int) -> FitErrors:
        """What went wrong with all but the first candidates."""
        n_splits = self._n_splits
        return FitErrors(self._errors, n_candidates * n_splits, len(self) * n_splits)

    def first_scores(self) -> Scores:
        """Test scores of the first outcome."""
        first = {metric: float(table[0, 0]) for metric, table in self.scores("test").items()}
        return first[None] if None in first else {str(name): score for name, score in first.items()}

    def scores(self, part: str) -> dict[str | None, NDArray[np.float64]]:
        """Scores by metric, of which a single one is called None; a row per candidate.

        Parameters
        ----------
        part : {'test', 'train'}
            What was scored.

        Returns
        -------
        tables : dict of str or None to ndarray of shape (n_candidates, n_splits)
            Views.
        """
        found = {metric: column for (of, metric), column in self._scores.items() if of == part}
        for column in (columns := found or {None: Column()}).values():
            column.pad(len(self) * self._n_splits)
            for index, score in self._failed_scores.items():
                column.values[index] = score
        return {m: column.values.reshape(-1, self._n_splits) for m, column in columns.items()}

    def times(self) -> dict[str, NDArray[np.float64]]:
        """Mean and standard deviation of the times of each candidate, by name; views."""
        self._summarize_times()
        return {name: column.values for name, column in self._times.items()}


def _unrun(like: Outcome) -> Outcome:
    """Stand-in for a fold that was pruned."""

    def blank(scores: Any) -> Any:
        if isinstance(scores, dict):
            return dict.fromkeys(scores, np.nan)
        return None if scores is None else np.nan

    return Outcome(blank(like.test_scores), blank(like.train_scores))


class FitErrors(Sequence[dict[str, Any]]):
    """The `fit_error` of each outcome from one on, as scikit-learn reads them."""

    def __init__(self, errors: Mapping[int, str], start: int, stop: int) -> None:
        self._errors, self._rows = errors, range(start, stop)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        return {"fit_error": self._errors.get(self._rows[index])}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[index] for index in range(len(self)))


def format_results(
    outcomes: Outcomes,
    more: Mapping[str, Sequence[Any]],
    *,
    train_scores: bool,
) -> dict[str, Any]:
    """Make `cv_results_`: what scikit-learn's `_format_results` makes of the same, bit for bit.

    scikit-learn's needs as much memory as its columns once more for a while; this one fills them
    in one by one, some rows at a time.

    Parameters
    ----------
    outcomes : Outcomes
        Its columns become those of the results.
    more : dict of str to sequence
        Further columns, which come first.
    train_scores : bool
        Whether the results have them.

    Warns
    -----
    UserWarning
        Of means that are not finite, unless folds were left out.
    """
    params = outcomes.params
    warns = not outcomes.pruned.values.any()
    results: dict[str, Any] = {name: np.asarray(column) for name, column in more.items()}
    results |= outcomes.times()
    results |= {f"param_{name}": column for name, column in _parameter_columns(params)}
    results["params"] = params
    test = outcomes.scores("test")
    train = outcomes.scores("train") if train_scores else {}
    for metric, table in test.items():
        name = "score" if metric is None else metric
        _put_scores(results, f"test_{name}", table, warns=warns)
        results[f"rank_test_{name}"] = _ranks(results[f"mean_test_{name}"])
        if train_scores:
            _put_scores(results, f"train_{name}", train[metric], warns=warns)
    return results


def _put_scores(
    results: dict[str, Any], name: str, table: NDArray[np.float64], *, warns: bool
) -> None:
    for fold, column in enumerate(table.T):
        results[f"split{fold}_{name}"] = column
    means, deviations = _mean_and_std(table)
    results[f"mean_{name}"] = means
    if warns and not np.isfinite(means).all():
        part = name.partition("_")[0]
        warnings.warn(f"One or more of the {part} scores are non-finite: {means}", stacklevel=2)
    results[f"std_{name}"] = deviations


def _mean_and_std(table: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each row, in scikit-learn's order of operations."""
    means, deviations = np.empty(len(table)), np.empty(len(table))
    for start in range(0, len(table), _ROWS):
        rows = slice(start, start + _ROWS)
        means[rows] = table[rows].mean(axis=1)
        squares = (table[rows] - means[rows, np.newaxis]) ** 2
        deviations[rows] = np.sqrt(squares.mean(axis=1))
    return means, deviations


def _ranks(means: NDArray[np.float64]) -> NDArray[np.int32]:
    """Rank of each candidate from 1 on; equal means share the best, NaN come last.

    Infinite means tie with the largest finite numbers, as in scikit-learn.
    """
    ranks = np.ones(len(means), dtype=np.int32)
    if np.isnan(means).all():
        return ranks
    worst = np.nanmin(means) - 1
    losses = np.nan_to_num(means, nan=worst)
    np.negative(losses, out=losses)
    losses.sort()
    for start in range(0, len(means), _ROWS):
        some = slice(start, start + _ROWS)
        n_better = np.searchsorted(losses, -np.nan_to_num(means[some], nan=worst))
        ranks[some] += n_better.astype(np.int32)
    return ranks


def _parameter_columns(params: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Values of each parameter, masked where a candidate has none."""
    for name in dict.fromkeys(name for of_one in params for name in of_one):
        dtype = _dtype_of(params, name)
        column = np.ma.MaskedArray(np.empty(len(params), dtype=dtype), mask=True)
        for row, of_one in enumerate(params):
            if name in of_one:
                column[row] = of_one[name]
        yield name, column


def _dtype_of(params: Sequence[Mapping[str, Any]], name: str) -> Any:
    """What scikit-learn gives a parameter's column: NumPy's choice, objects for text and tuples."""
    values = (of_one[name] for of_one in params if name in of_one)
    found = {_dtype_of_all(some) for some in iter(lambda: list(islice(values, _ROWS)), [])}
    if len(found) == 1:
        return found.pop()
    # Of different ones NumPy's choice depends on their order.
    return _dtype_of_all([of_one[name] for of_one in params if name in of_one])


def _dtype_of_all(values: list[Any]) -> Any:
    try:
        together = np.array(values)
    except ValueError:  # sequences of different lengths
        return np.dtype(object)
    return together.dtype if together.dtype.kind != "U" and together.ndim == 1 else np.dtype(object)
