"""Texts of the command line, as values."""

import math
from argparse import ArgumentTypeError

import pytest

from nnhp._arguments import assignment, duration, share, values
from nnhp.optimizers import RMSprop


@pytest.mark.parametrize(
    ("text", "seconds"), [("60s", 60), ("90", 90), ("10m", 600), ("1.5h", 5400), ("0.5 s", 0.5)]
)
def test_durations(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.0001,0.001, 1e-2", [0.0001, 0.001, 0.01]),
        ("1,2.5,.5,-3", [1, 2.5, 0.5, -3]),
        ("inf", [math.inf]),
        ("relu, tanh", ["relu", "tanh"]),
        ("leaky_relu,none,None,true,False", ["leaky_relu", None, None, True, False]),
        ("'a, b',\"c\"", ["a, b", "c"]),
        ("[64],[64, 32],[]", [(64,), (64, 32), ()]),
        ("{alpha = 0.1, l1_ratio = 1}, {}", [{"alpha": 0.1, "l1_ratio": 1}, {}]),
        ("{dropout = [0.1, 0.2], solver = 'sgd'}", [{"dropout": (0.1, 0.2), "solver": "sgd"}]),
        ("[[1, 2], [3]]", [((1, 2), (3,))]),
        ("adam,{component = 'nnhp.optimizers.RMSprop', rho = 0.5}", ["adam", RMSprop(rho=0.5)]),
    ],
)
def test_values(text, expected):
    found = values(text)
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected]


@pytest.mark.parametrize("text", ["", " ", "1,", ",1", "1,,2"])
def test_values_with_nothing_between_commas(text):
    with pytest.raises(ArgumentTypeError, match="expected values with commas between them, got"):
        values(text)


@pytest.mark.parametrize("text", ["[1", "1]", "{a = b}", "1 2", "a b", "'a", "1\nx = 2", "0x"])
def test_values_that_are_none(text):
    with pytest.raises(ArgumentTypeError, match="expected a number, a word, "):
        values(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("solver=sgd", ("solver", "sgd")),
        (" alpha = 1e-3 ", ("alpha", 1e-3)),
        ("hidden_layer_sizes=[8, 8]", ("hidden_layer_sizes", (8, 8))),
    ],
)
def test_assignments(text, expected):
    assert assignment(text) == expected


@pytest.mark.parametrize("text", ["solver", "=sgd", "solver=", ""])
def test_assignments_that_are_none(text):
    with pytest.raises(ArgumentTypeError, match="expected NAME=VALUE, got"):
        assignment(text)


def test_shares():
    assert share("0.25") == 0.25
    for text in ("0", "1", "-0.1", "nan"):
        with pytest.raises(ArgumentTypeError, match="is out of range: above 0 and below 1"):
            share(text)
