"""`cv_results_` column by column, beside scikit-learn's own way to make it."""

import sys
import tracemalloc
import warnings
from datetime import timedelta
from fractions import Fraction

import numpy as np
import pytest
from helpers import assert_identical
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.model_selection._validation import _insert_error_scores
from sklearn.preprocessing import StandardScaler

from nnhp.search import _results
from nnhp.search._outcome import Candidate, Outcome
from nnhp.search._run import Run

# Of one kind for all candidates, or mixed.
VALUES = {
    "floats": st.floats(),
    "numpy floats": st.floats().map(np.float64),
    "single precision": st.floats(width=32).map(np.float32),
    "ints": st.integers(-5, 5),
    "large ints": st.sampled_from([1, -1, 2**63 - 1, 2**63, 2**64, -(2**63)]),
    "bools": st.booleans(),
    "text": st.text(max_size=3),
    "numpy text": st.sampled_from(["ab", "abc"]).map(np.str_),
    "bytes": st.binary(min_size=1, max_size=3),
    "nothing": st.none(),
    "pairs": st.tuples(st.integers(1, 9), st.integers(1, 9)),
    "sizes": st.lists(st.integers(1, 9), max_size=3).map(tuple),
    "lists": st.lists(st.integers(1, 9), max_size=2),
    "dicts": st.fixed_dictionaries({"a": st.integers(0, 1)}),
    "estimators": st.sampled_from([StandardScaler(), LogisticRegression(), "passthrough"]),
    "functions": st.sampled_from([abs, len]),
    "fractions": st.fractions().map(lambda value: Fraction(value)),
    "complex": st.complex_numbers(),
    "spans": st.integers(0, 9).map(lambda days: np.timedelta64(days, "D")),
    "other spans": st.integers(0, 9).map(lambda days: timedelta(days=days)),
    "arrays without axes": st.floats(0, 1).map(np.array),
    "arrays": st.floats(0, 1).map(lambda value: np.full(2, value)),
    "arrays of many lengths": st.integers(0, 3).map(np.zeros),
    "states": st.builds(np.random.RandomState, st.just(0)),
}
MIXES = [
    ("floats", "ints"), ("bools", "ints"), ("ints", "large ints"), ("text", "floats"),
    ("nothing", "floats"), ("sizes", "ints"), ("pairs", "arrays"), ("text", "nothing"),
    ("single precision", "floats"), ("bytes", "text"), ("lists", "text"), ("fractions", "ints"),
]  # fmt: skip
KINDS = [VALUES[name] for name in VALUES]
KINDS += [st.one_of(*(VALUES[name] for name in mix)) for mix in MIXES]
SCORES = st.one_of(
    st.sampled_from([0.5, 0.25, 0.1, 1 / 3, 0.0, -0.0, 1.0]),
    st.floats(-1, 1),
    st.floats(allow_nan=True, allow_infinity=True),
)
TIMES = st.floats(0, 1e3)


@st.composite
def params_of(draw, n_candidates):
    """Settings with up to three parameters, of which candidates may lack some."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3))
    everywhere = draw(st.booleans())
    found = []
    for _ in range(n_candidates):
        names = [name for name, _ in zip("abc", kinds, strict=False)]
        names = [name for name in names if everywhere or draw(st.booleans())]
        found.append({name: draw(kinds["abc".index(name)]) for name in names})
    return found


@st.composite
def searches(draw):
    """Settings, outcomes as scikit-learn has them by candidate and fold, and further columns."""
    n_candidates, n_splits = draw(st.integers(1, 12)), draw(st.sampled_from([1, 2, 3, 5, 8, 9, 20]))
    metrics = draw(st.sampled_from([None, ["score"], ["r2", "a_b"], ["z", "y", "x"]]))
    trains = draw(st.booleans())

    def scores():
        return draw(SCORES) if metrics is None else {name: draw(SCORES) for name in metrics}

    def result():
        found = {"fit_time": draw(TIMES), "score_time": draw(TIMES), "fit_error": None}
        found["test_scores"] = scores()
        if trains:
            found["train_scores"] = scores()
        return found

    results = [[result() for _ in range(n_splits)] for _ in range(n_candidates)]
    failed = draw(st.lists(st.integers(1, n_candidates * n_splits), max_size=3))
    for index in failed:
        if index < n_candidates * n_splits:  # the first one is sound
            of_fold = results[index // n_splits][index % n_splits]
            of_fold["fit_error"] = "no"
            for name in of_fold.keys() & {"test_scores", "train_scores"}:
                of_fold[name] = -1.5
    more = {}
    if draw(st.booleans()):
        column = st.lists(st.integers(0, 9), min_size=n_candidates, max_size=n_candidates)
        more = {"iter": draw(column), "n_resources": draw(column)}
    return draw(params_of(n_candidates)), results, more


def caught_from(make):
    """What it returns, or the kind of its error, and the warnings on the way."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            made = make()
        except Exception as error:
            made = type(error)
    return made, {(w.category, str(w.message)) for w in caught}


def scikit_results(params, results, more, *, trains):
    every = [dict(of_fold) for of_candidate in results for of_fold in of_candidate]
    _insert_error_scores(every, -1.5)
    search = GridSearchCV(LogisticRegression(), {}, return_train_score=trains)
    return search._format_results(params, len(results[0]), every, more)


def outcomes_of(params, results):
    outcomes = _results.Outcomes(len(results[0]))
    candidates = outcomes.expect(params)
    for candidate, of_candidate in zip(candidates, results, strict=True):
        outcomes.append(candidate.number, [Outcome(**of_fold) for of_fold in of_candidate])
    return outcomes


def assert_same_column(actual, expected, name):
    assert type(actual) is type(expected), name
    if name == "params":
        assert all(one is other for one, other in zip(actual, expected, strict=True))
    elif not isinstance(expected, np.ma.MaskedArray):
        assert_identical(actual, expected, name)
    else:
        assert actual.dtype == expected.dtype, name
        assert_identical(actual.mask, expected.mask, name)
        if expected.dtype.hasobject:
            ours, theirs = actual.data[~actual.mask], expected.data[~expected.mask]
            assert all(one is other for one, other in zip(ours, theirs, strict=True)), name
        else:
            assert actual.tobytes() == expected.tobytes(), name


@pytest.mark.parametrize("rows", [1, 4, 512])
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(search=searches())
def test_results_are_scikit_learns_bit_by_bit(monkeypatch, rows, search):
    """With tables that are cut at any row."""
    monkeypatch.setattr(_results, "_ROWS", rows)
    params, results, more = search
    trains = "train_scores" in results[0][0]
    expected, told = caught_from(lambda: scikit_results(params, results, more, trains=trains))
    actual, told_too = caught_from(
        lambda: _results.format_results(outcomes_of(params, results), more, train_scores=trains)
    )
    assert told_too == told
    if isinstance(expected, type):
        assert actual is expected
        return
    assert list(actual) == list(expected)
    for name, column in expected.items():
        assert_same_column(actual[name], column, name)


@settings(deadline=None)
@given(search=searches(), data=st.data())
def test_the_first_candidates_alone(search, data):
    """What a strategy reads after a rung, and what is left of a search that ends in one."""
    params, results, _ = search
    n = data.draw(st.integers(1, len(params)))
    trains = "train_scores" in results[0][0]

    def formatted(outcomes):
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _results.format_results(outcomes, {}, train_scores=trains)

    outcomes, alone = outcomes_of(params, results), outcomes_of(params[:n], results[:n])
    first, expected = formatted(outcomes.first(n)), formatted(alone)
    for name, column in expected.items():
        assert_same_column(first[name], column, name)
    first["split0_test_score" if "split0_test_score" in first else "mean_fit_time"][:] = -7
    whole, expected = formatted(outcomes), formatted(outcomes_of(params, results))
    for name, column in expected.items():
        assert_same_column(whole[name], column, name)
    outcomes.truncate(n)
    assert len(outcomes) == len(outcomes.params) == n
    for name, column in formatted(alone).items():
        assert_same_column(formatted(outcomes)[name], column, name)


def test_candidates_that_come_one_at_a_time():
    outcomes = _results.Outcomes(2)
    for number in range(2000):
        (candidate,) = outcomes.expect([{"a": number}])
        assert candidate == {"a": number}
        assert candidate.number == number
        outcomes.append(number, [Outcome(number), Outcome(number + 1.0)])
    results = _results.format_results(outcomes, {}, train_scores=False)
    assert_identical(results["mean_test_score"], np.arange(2000) + 0.5)
    assert_identical(results["param_a"].data, np.arange(2000))


def test_candidates_keep_their_numbers_and_become_dicts():
    outcomes = _results.Outcomes(1)
    first = outcomes.expect([{"a": 1}, {"a": 2}])
    for candidate in first:
        outcomes.append(candidate.number, [Outcome(0.0)])
    again = outcomes.expect([Candidate({"a": 3}, 1)])
    assert [candidate.number for candidate in again] == [1]
    assert again[0] is outcomes.params[2]
    outcomes.append(1, [Outcome(0.0)])
    assert outcomes.numbers.values.tolist() == [0, 1, 1]
    outcomes.settle()
    assert [type(params) for params in outcomes.params] == [dict] * 3
    assert outcomes.params == [{"a": 1}, {"a": 2}, {"a": 3}]


# --- memory -------------------------------------------------------------------------------------


def size_of(results):
    """Bytes of `cv_results_`."""
    total = sys.getsizeof(results["params"])
    total += sum(sys.getsizeof(p) + sum(map(sys.getsizeof, p.values())) for p in results["params"])
    columns = [column for name, column in results.items() if name != "params"]
    masks = sum(column.size for column in columns if isinstance(column, np.ma.MaskedArray))
    return total + masks + sum(column.nbytes for column in columns)


def test_results_are_made_in_little_memory():
    """Less than two numbers per candidate."""
    n_candidates, n_splits = 20_000, 5
    outcomes = _results.Outcomes(n_splits)
    space = zip(range(n_candidates), np.linspace(0, 1, n_candidates), strict=True)
    for candidate in outcomes.expect([{"a": a, "b": b, "c": "relu"} for a, b in space]):
        of_folds = [Outcome(candidate["b"], fit_time=0.5) for _ in range(n_splits)]
        outcomes.append(candidate.number, of_folds)
    tracemalloc.start()
    try:
        _ = _results.format_results(outcomes, {}, train_scores=False)
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept > 8 * 5 * n_candidates  # mean, deviation, three parameters
    assert most - kept < 2 * 8 * n_candidates


class Scores:
    """An evaluator that trains nothing."""

    block = 256

    def order(self, candidates):
        return range(len(candidates))

    def branch(self, candidates):
        pass

    def planned_epochs(self, candidate):
        return 1

    def kept_bytes(self):
        return {}

    def evaluate(self, jobs, poll):
        for start in range(0, len(jobs), 256):
            some = enumerate(jobs[start : start + 256], start)
            yield [(place, Outcome(candidate["a"] + fold)) for place, (candidate, fold) in some]


def test_memory_beside_the_results_does_not_grow_with_the_search():
    """By less than two numbers per candidate."""

    def beside(n_candidates):
        run = Run(5, float, lambda outcome, fold: None, dict, lambda candidate: 0)
        tracemalloc.start()
        try:
            candidates = run.outcomes.expect({"a": float(i)} for i in range(n_candidates))
            assert run.evaluate(Scores(), candidates) == n_candidates
            results = _results.format_results(run.outcomes, {}, train_scores=False)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert results["mean_test_score"][-1] == n_candidates + 1
        return most - size_of(results)

    beside(600)
    assert beside(3000) - beside(600) < 16 * 2400
