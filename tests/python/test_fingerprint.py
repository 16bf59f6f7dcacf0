"""What makes two searches the same, and what makes them different."""

from functools import partial, wraps

import numpy as np
import optuna
import pandas as pd
import pytest
import scipy.sparse as sp
from helpers import run_child
from optuna.samplers import CmaEsSampler, TPESampler
from scipy import stats
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score, make_scorer

from nnhp.integrations.optuna import SeededSampler
from nnhp.search._fingerprint import _content, describe


def scaled_by(factor):
    return lambda x: factor * x


def held(function):
    return lambda x: function(x)


def with_inner(step):
    """Functions that differ only in the function that they define."""
    if step == 1:
        return lambda values: sorted(values, key=lambda v: v + 1)
    return lambda values: sorted(values, key=lambda v: v + 2)


def recursive(depth=3):
    def again(n):
        return n if n < depth else again(n - 1)

    return again


def unfilled():
    def reads():
        return later

    if reads is None:
        later = 1
    return reads


class Plain:
    """An object whose `repr` is its address."""

    def __init__(self, value):
        self.value = value


SAME = {
    "generators": lambda: np.random.RandomState(3),
    "functions of no name": lambda: scaled_by(2),
    "functions within": lambda: with_inner(1),
    "a function that calls itself": recursive,
    "an empty cell": unfilled,
    "partials": lambda: partial(scaled_by, factor=2),
    "objects": lambda: Plain(2),
    "distributions": lambda: stats.loguniform(1e-3, 1),
    "tables of chances": lambda: stats.rv_discrete(values=([1, 2], [0.5, 0.5])),
    "estimators": lambda: RandomForestClassifier(max_depth=3),
    "arrays": lambda: np.arange(5.0),
    "nested": lambda: {"a": [1, (2.5, "x")], "b": {"c": None}},
}


@pytest.mark.parametrize("make", SAME.values(), ids=SAME)
def test_equal_things_are_described_alike(make):
    assert describe(make()) == describe(make())


DIFFERENT = {
    "states": (np.random.RandomState(3), np.random.RandomState(4)),
    "closures": (scaled_by(2), scaled_by(3)),
    "functions within": (with_inner(1), with_inner(2)),
    "defaults": (lambda x=1: x, lambda x=2: x),
    "functions closed over": (held(lambda x: x), held(lambda x: -x)),
    "functions under a decorator": (wraps(sum)(held(abs)), wraps(sum)(held(len))),
    "scorers": (make_scorer(lambda y, p: 1), make_scorer(lambda y, p: 2)),
    "scorers' settings": (make_scorer(f1_score), make_scorer(f1_score, average="macro")),
    "partials": (partial(scaled_by, factor=2), partial(scaled_by, factor=3)),
    "objects": (Plain(2), Plain(3)),
    "bounds": (stats.loguniform(1e-3, 1), stats.loguniform(1e-2, 1)),
    "tables of chances": (
        stats.rv_discrete(values=([1, 2], [0.5, 0.5])),
        stats.rv_discrete(values=([1, 2], [0.2, 0.8])),
    ),
    "parameters": (RandomForestClassifier(max_depth=3), RandomForestClassifier(max_depth=4)),
    "values": (np.arange(5.0), np.arange(5.0) + 1),
    "types": (np.arange(5), np.arange(5.0)),
    "keys": ({"a": 1}, {"b": 1}),
    "samplers": (TPESampler(), CmaEsSampler()),
    "samplers' settings": (TPESampler(n_startup_trials=3), TPESampler(n_startup_trials=4)),
    "samplers within": tuple(
        SeededSampler(CmaEsSampler(independent_sampler=TPESampler(n_startup_trials=n)))
        for n in (3, 4)
    ),
}


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=DIFFERENT)
def test_different_things_are_described_differently(pair):
    assert describe(pair[0]) != describe(pair[1])


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_order_of_sets_does_not_count(seed):
    """It depends on the hashes of a process."""
    code = """
from nnhp.integrations.optuna import SeededSampler
from nnhp.search._fingerprint import describe
print(describe([{"a", "b", "c"}, lambda x: x in {"a", "b", "c"}]))
"""
    assert run_child(code, PYTHONHASHSEED=seed) == run_child(code, PYTHONHASHSEED="3") != ""


def test_seeds_and_use_of_a_sampler_do_not_count():
    used = CmaEsSampler(seed=3)
    study = optuna.create_study(sampler=used)
    for _ in range(3):
        study.tell(study.ask({"x": optuna.distributions.FloatDistribution(0, 1)}), 0.0)
    assert describe(used) == describe(CmaEsSampler(seed=4))


def test_a_generator_that_has_drawn_is_another_one():
    state = np.random.RandomState(3)
    before = describe(state)
    state.random_sample()
    assert describe(state) != before


TABLE = np.arange(10_000.0).reshape(5000, 2) % 7


def unsorted(matrix):
    """The same matrix with the entries of its rows the other way round."""
    result = matrix.copy()
    for begin, end in zip(result.indptr, result.indptr[1:], strict=False):
        result.indices[begin:end] = result.indices[begin:end][::-1]
        result.data[begin:end] = result.data[begin:end][::-1]
    result.has_sorted_indices = False
    result.has_canonical_format = False
    return result


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (TABLE, np.asfortranarray(TABLE)),
        (TABLE, np.repeat(TABLE, 2, axis=0)[::2]),
        (TABLE[0].tolist(), TABLE[0]),
        (sp.csr_array(TABLE), unsorted(sp.csr_array(TABLE))),
        (sp.csr_array(TABLE), sp.csc_array(TABLE)),
        (pd.Series(["a", "b"]), pd.Series(["xa"[1:], "b"])),
    ],
    ids=["Fortran", "strides", "list", "unsorted", "columns", "strings"],
)
def test_equal_data_in_another_form_is_the_same(one, other):
    assert repr(_content(one)) == repr(_content(other))


@pytest.mark.parametrize(
    "other",
    [TABLE[::-1], TABLE.T, TABLE.ravel(), TABLE.astype(np.float32), TABLE + (TABLE == 3)],
    ids=["order", "transposed", "flat", "precision", "values"],
)
def test_other_data_is_not(other):
    assert repr(_content(TABLE)) != repr(_content(other))


def test_data_is_not_changed():
    matrix = unsorted(sp.csr_array(TABLE))
    before = matrix.indices.copy()
    _content(matrix)
    np.testing.assert_array_equal(matrix.indices, before)
