"""The names of every family: complete, each for something else, and listed where one is unknown."""

from collections import defaultdict

import pytest
from helpers import STOPS_EARLY
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError, StrOptions
from vocabulary import FAMILIES, OBJECTS

from nnhp import (
    GridSearchCV,
    MLPClassifier,
    MLPRegressor,
    _component,
    activations,
    initializers,
    losses,
    optimizers,
    schedules,
)
from nnhp._space_file import read_space
from nnhp._table_files import RefusedError
from nnhp.cli import main

pytestmark = STOPS_EARLY

# Their names say nothing of how a net is made or trained.
NO_FAMILIES = {"dtype", "on_divergence", "scoring"}


def trained(family, value):
    return family.estimator(**{family.parameter: value}).fit(*family.data())


def bits(net):
    arrays = [*net.coefs_, *net.intercepts_, *getattr(net, "activation_params_", [])]
    return b"".join(array.tobytes() for array in arrays if array is not None)


# ------------------------------------------------------------------ complete


def names_taken(Estimator, parameter):
    """The names that the parameter's constraints have."""
    if parameter in ("kernel_initializer", "bias_initializer"):
        taken = {"auto", *initializers.BY_NAME, *initializers.ALIASES}
        return taken - {"orthogonal"} if parameter == "bias_initializer" else taken
    taken = set()
    for constraint in Estimator._parameter_constraints[parameter]:
        taken |= constraint.options if isinstance(constraint, StrOptions) else set()
    return taken


def test_the_families_have_all_names_that_there_are(Estimator):
    listed = defaultdict(set)
    for family in FAMILIES.values():
        if family.Estimator is Estimator or family.parameter not in ("loss", "class_weight"):
            listed[family.parameter] |= {*family.names, *family.aliases}
    if Estimator is MLPClassifier:
        del listed["output_activation"]
    taken = {name: names_taken(Estimator, name) for name in Estimator._parameter_constraints}
    assert listed == {p: names for p, names in taken.items() if names and p not in NO_FAMILIES}


def test_the_families_have_all_objects_and_their_parameters():
    of_estimators = (activations, initializers, losses, optimizers, schedules)
    rooms = {room.__name__ for room in of_estimators}
    components = [c for c in _component.known().values() if c.__module__ in rooms]
    with_parameters = {c for c in components if c().get_params()}
    assert {type(base) for _, base, _ in OBJECTS} == with_parameters
    for _, base, values in OBJECTS:
        assert set(values) == set(base.get_params()), type(base).__name__


# ------------------------------------------------------------------ each for something else


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_two_names_give_the_same_net_only_as_aliases(family):
    same = defaultdict(list)
    for value in family.values():
        same[bits(trained(family, value))].append(value)
    expected = {name: [name] for name in family.names}
    for alias, name in family.aliases.items():
        expected[name].append(alias)
    found = {repr(sorted(values, key=repr)) for values in same.values()}
    groups = [*expected.values(), *([value] for value in family.others)]
    assert found == {repr(sorted(group, key=repr)) for group in groups}


@pytest.mark.parametrize(
    ("family", "base", "values"), OBJECTS, ids=[type(base).__name__ for _, base, _ in OBJECTS]
)
def test_every_parameter_of_an_object_has_its_effect(family, base, values):
    family = FAMILIES[family]
    changed = [clone(base).set_params(**{name: value}) for name, value in values.items()]
    nets = [bits(trained(family, value)) for value in [base, *changed]]
    assert len(set(nets)) == len(nets)


# ------------------------------------------------------------------ unknown ones

# What `nnhp search` and `nnhp sweep` are given for each class.
TABLES = {MLPClassifier: "iris", MLPRegressor: "diabetes"}
# Where each layer may have a value of its own, as many of them as there are layers.
IN_A_LIST = {"activation": 2, "kernel_initializer": 3, "bias_initializer": 3}


def assert_lists_all(message, family):
    """Assert that the names are there as a list in their order, and the unknown one."""
    known = sorted(names_taken(family.Estimator, family.parameter))
    if family.parameter == "bias_initializer":
        known = sorted([*known, "orthogonal"])  # known, but refused for a reason of its own
    assert ", ".join(map(repr, known)) in message
    assert family.parameter in message
    assert "'snake'" in message


@pytest.fixture(params=FAMILIES.values(), ids=FAMILIES.keys())
def family(request):
    return request.param


def test_an_estimator_lists_the_names(family):
    n_layers = IN_A_LIST.get(family.parameter)
    for value in ["snake", *([["snake"] * n_layers] if n_layers else [])]:
        with pytest.raises(InvalidParameterError) as error:
            trained(family, value)
        assert_lists_all(str(error.value), family)


def test_the_commands_list_the_names(family, capsys, tmp_path):
    table = TABLES[family.Estimator]
    space = tmp_path / "space.toml"
    space.write_text(f"{family.parameter} = ['snake']")
    for arguments in (
        ["sweep", table, "--param", family.parameter, "--values", "snake"],
        ["sweep", table, "--param", "tol", "--values", "1", "--set", f"{family.parameter}=snake"],
        ["search", table, "--space", str(space)],
    ):
        with pytest.raises(SystemExit) as status:
            main(arguments)
        assert status.value.code == 2
        assert_lists_all(capsys.readouterr().err, family)


@pytest.mark.parametrize(
    ("family", "base", "values"), OBJECTS, ids=[type(base).__name__ for _, base, _ in OBJECTS]
)
def test_unknown_parameters_of_objects_list_the_known_ones(family, base, values, tmp_path):
    family = FAMILIES[family]
    net = family.estimator(**{family.parameter: base})
    unknown = f"{family.parameter}__snake"
    known = str(sorted(values))
    for fails in (
        lambda: net.set_params(**{unknown: 1}),
        lambda: GridSearchCV(net, {unknown: [1]}, error_score="raise").fit(*family.data()),
    ):
        with pytest.raises(ValueError, match=r"Invalid parameter 'snake'") as error:
            fails()
        assert known in str(error.value)
    path = tmp_path / "space.toml"
    component = _component.path_of(base)
    path.write_text(f'{family.parameter} = [{{component = "{component}", snake = 1}}]')
    with pytest.raises(RefusedError) as error:
        read_space(str(path), net)
    assert f"{component} has the parameters {known[1:-1]}, not 'snake'" in str(error.value)
    path.write_text(f'{family.parameter} = [{{component = "{component}"}}]\n{unknown} = [1]')
    with pytest.raises(RefusedError) as error:
        read_space(str(path), net)
    nested = [f"{family.parameter}__{name}" for name in sorted(values)]
    assert ", ".join(nested) in str(error.value)
