"""What `import nnhp` gives, and what it leaves for later."""

import pytest
from helpers import run_child

import nnhp
from nnhp import datasets, spaces

HEAVY = ["matplotlib", "pandas", "scipy", "sklearn", "sqlite3"]


def test_importing_loads_nothing_heavy():
    assert run_child(f"import sys, nnhp; print(sys.modules.keys() & {HEAVY})") == "set()\n"


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("nnhp.spaces.default(nnhp.MLPClassifier())['activation']", "['relu', 'tanh']"),
        ("nnhp.plots.SearchTraceDisplay.__name__", "SearchTraceDisplay"),
        ("nnhp.search.one_standard_error.__name__", "one_standard_error"),
        ("nnhp.datasets.make_xor(8)[0].shape", "(8, 2)"),
        ("nnhp.FeatureExpansion.__name__", "FeatureExpansion"),
        ("nnhp.suggest_hidden_layer_sizes([[1.0, 2.0]], ['a'])", "(2,)"),
        ("nnhp.estimators.MLPRegressor is nnhp.MLPRegressor", "True"),
        ("nnhp.Study is nnhp.search.Study", "True"),
        ("nnhp.sweep.__name__, nnhp.Sweep.__name__", "sweep Sweep"),
    ],
)
def test_names_are_there_without_an_import_of_their_own(expression, found):
    assert run_child(f"import nnhp; print({expression})") == f"{found}\n"


def test_every_name_is_there_and_no_other():
    names = {}
    exec("from nnhp import *", names)
    assert set(nnhp.__all__) == set(names) - {"__builtins__"}
    assert dir(nnhp) == nnhp.__all__
    assert dir(spaces) == ["default", "features"]
    assert dir(datasets) == datasets.__all__ == sorted(datasets.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'nnhp' has no attribute 'MLPClasifier'"):
        _ = nnhp.MLPClasifier
    assert not hasattr(nnhp, "one_standard_error")
    with pytest.raises(ImportError, match="cannot import name 'nothing' from 'nnhp'"):
        exec("from nnhp import nothing")
