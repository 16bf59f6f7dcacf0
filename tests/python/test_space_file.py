"""Search spaces in TOML files."""

import pytest
from scipy.stats import loguniform, randint, uniform
from sklearn.model_selection import ParameterSampler

from nnhp import HiddenLayers, MLPClassifier, optimizers
from nnhp._space_file import read_space
from nnhp._table_files import RefusedError


@pytest.fixture
def read(tmp_path):
    """Read a space from a text."""

    def read_text(text, **more):
        path = tmp_path / "space.toml"
        path.write_text(text)
        return read_space(str(path), MLPClassifier(), **more)

    return read_text


def test_lists_and_what_is_in_them(read):
    space = read(
        """
        batch_size = [16, 32, "auto"]
        hidden_layer_sizes = [[64, 32], [64], []]
        activation = ["relu", ["tanh", "relu"]]
        shuffle = [true, false]
        """
    )
    assert space == {
        "batch_size": [16, 32, "auto"],
        "hidden_layer_sizes": [(64, 32), (64,), ()],
        "activation": ["relu", ("tanh", "relu")],
        "shuffle": [True, False],
    }


@pytest.mark.parametrize(
    ("entry", "same"),
    [
        ("dropout = {uniform = [0.1, 0.5]}", uniform(0.1, 0.4)),
        ("alpha = {loguniform = [1e-6, 1e-1]}", loguniform(1e-6, 1e-1)),
        ("n_iter_no_change = {int = [1, 3]}", randint(1, 4)),
        (
            "hidden_layer_sizes = {layers = {depth = [1, 3], width = [16, 128]}}",
            HiddenLayers(depth=(1, 3), width=(16, 128)),
        ),
        (
            'hidden_layer_sizes = {layers = {depth = 2, shape = "taper", log = false}}',
            HiddenLayers(depth=2, shape="taper", log=False),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_distributions_draw_what_they_stand_for(read, entry, same):
    space = read(entry)
    (name,) = space
    drawn, expected = (
        list(ParameterSampler({name: values}, 50, random_state=0)) for values in (space[name], same)
    )
    assert drawn == expected


def test_both_ends_of_an_int_are_drawn(read):
    space = read("n_iter_no_change = {int = [1, 3]}")
    drawn = {setting["n_iter_no_change"] for setting in ParameterSampler(space, 50, random_state=0)}
    assert drawn == {1, 2, 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the space is empty"),
        ("alpha =", "is not a TOML file"),
        ("lr = [1]", "lr: the network has no parameter"),
        ("mlp__alpha = [1]", r"mlp__alpha: .* \(did you mean 'alpha'\?\); it has"),
        ("[mlp]\nalpha = [1]", "mlp: the network has no parameter"),
        ("alpha = 3", r"alpha: expected a list of values, .*, got 3"),
        ('solver = "adam"', r'solver: expected a list of values, .*, got "adam"'),
        ("alpha = []", "alpha: the list is empty; expected values"),
        ("alpha = {}", "alpha: expected a list"),
        ("alpha = {normal = [0, 1]}", r"alpha: expected .*\{uniform.*, got \{normal = \[0, 1\]\}"),
        ("alpha = {uniform = [0, 1], int = [1, 2]}", "alpha: expected a list"),
        ("alpha = {uniform = [1]}", "alpha: uniform needs two numbers, the lesser first"),
        ("alpha = {uniform = [2, 1]}", "the lesser first, got"),
        ("alpha = {uniform = [nan, 1]}", "the lesser first, got"),
        ("alpha = {uniform = [0, inf]}", "the lesser first, got"),
        ("alpha = {uniform = [true, 2]}", r"got \[true, 2\]"),
        ("alpha = {loguniform = [0, 1]}", "loguniform needs positive ends"),
        ("alpha = {int = [0.5, 2]}", "int needs integers"),
        ("alpha = {layers = {depth = 1}}", "alpha: expected a list"),
        ("hidden_layer_sizes = {layers = {units = 1}}", "layers takes depth, width, shape, log"),
        ("hidden_layer_sizes = {layers = [1, 2]}", "layers takes depth, width, shape, log"),
        ("hidden_layer_sizes = {layers = {depth = [3, 1]}}", "hidden_layer_sizes: depth must be"),
        ('activation = ["relu", "rel"]', "activation: .* must be .*'relu'.*Got 'rel'"),
        ("batch_size = {uniform = [16, 32]}", "batch_size: .* must be .* an int"),
        ("dropout = {uniform = [0.0, 2.0]}", r"dropout: .* must be .* \[0.0, 1.0\)"),
    ],
    ids=lambda value: value if "=" in value else "",
)
def test_what_is_wrong_is_named_with_what_was_expected(read, text, message):
    with pytest.raises(RefusedError, match=message) as refused:
        read(text)
    assert "space.toml" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_grid_takes_lists_only(read):
    assert read("alpha = [1, 2]", lists_only=True) == {"alpha": [1, 2]}
    with pytest.raises(RefusedError, match="alpha: a grid needs a list of values"):
        read("alpha = {uniform = [0, 1]}", lists_only=True)


def test_what_the_method_sets_cannot_be_searched(read):
    with pytest.raises(RefusedError, match="max_iter: this method of search sets it"):
        read("max_iter = [3, 4]", taken="max_iter")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(RefusedError, match=r"cannot read .*: No such file"):
        read_space(str(tmp_path / "none.toml"), MLPClassifier())
    (tmp_path / "latin.toml").write_bytes(b"# \xe4")
    with pytest.raises(RefusedError, match="is not a TOML file"):
        read_space(str(tmp_path / "latin.toml"), MLPClassifier())


# ------------------------------------------------------------------ components


def test_objects_by_their_names(read):
    space = read(
        """
        solver = ["adam", {component = "nnhp.optimizers.RMSprop", rho = 0.95, centered = true}]
        """
    )
    assert space == {"solver": ["adam", optimizers.RMSprop(rho=0.95, centered=True)]}


def test_parameters_of_objects(read):
    space = read(
        """
        solver__epsilon = {loguniform = [1e-8, 1e-3]}
        solver = [{component = "nnhp.optimizers.RMSprop"}, {component = "nnhp.optimizers.Adagrad"}]
        """
    )
    assert list(space) == ["solver__epsilon", "solver"]
    net = MLPClassifier(max_iter=1)
    for setting in ParameterSampler(space, 5, random_state=0):
        chosen = net.set_params(**setting).solver
        assert type(chosen) in (optimizers.RMSprop, optimizers.Adagrad)
        assert 1e-8 <= chosen.epsilon <= 1e-3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'solver = [{component = "os.system", command = "true"}]',
            "component must be one of .*'nnhp.optimizers.Adadelta'.* got 'os.system'",
        ),
        ('solver = [{component = "nnhp.optimizers.Optimizer"}]', "component must be one of"),
        ("solver = [{component = 3}]", "component must be one of .* got 3"),
        (
            'solver = [{component = "nnhp.optimizers.Lion", rho = 0.9}]',
            "nnhp.optimizers.Lion has the parameters 'beta_1', .* not 'rho'",
        ),
        (
            'solver = [{component = "nnhp.optimizers.RMSprop", rho = 1.5}]',
            "The 'rho' parameter of RMSprop must be",
        ),
        ('activation = [{component = "nnhp.optimizers.RMSprop"}]', "activation"),
        ("solver__rho = [0.9]", "solver__rho is a parameter of an object"),
        ('solver = ["adam"]\nsolver__rho = [0.9]', "solver__rho is a parameter of an object"),
        (
            'solver = [{component = "nnhp.optimizers.RMSprop"}, "adam"]\nsolver__rho = [0.9]',
            "solver__rho is a parameter of an object",
        ),
        (
            'solver = [{component = "nnhp.optimizers.RMSprop"}]\nsolver__rho = [0.9, 2]',
            "The 'rho' parameter of RMSprop must be",
        ),
    ],
)
def test_bad_objects_are_refused(read, text, expected):
    with pytest.raises(RefusedError, match=expected):
        read(text)


# ------------------------------------------------------------------ conditions


def test_conditions_are_tables(read):
    space, momentum, nesterov = read(
        """
        solver = ["adam", "sgd"]
        alpha = {loguniform = [1e-6, 1e-1]}

        [[when]]
        if = {solver = "sgd"}
        momentum = [0.0, 0.5, 0.9]

        [[when]]
        if = {solver = ["sgd"], momentum = [0.5, 0.9]}
        nesterovs_momentum = [true, false]
        """
    )
    assert list(space) == ["solver", "alpha"]
    assert repr(momentum) == "When({'solver': ['sgd']}, {'momentum': [0.0, 0.5, 0.9]})"
    asked = {"solver": ["sgd"], "momentum": [0.5, 0.9]}
    assert repr(nesterov) == f"When({asked}, {{'nesterovs_momentum': [True, False]}})"


def test_conditions_on_lists_and_objects(read):
    _, layers, rho = read(
        """
        hidden_layer_sizes = [[64], [64, 32]]
        solver = ["adam", {component = "nnhp.optimizers.RMSprop"}]
        [[when]]
        if = {hidden_layer_sizes = [[64, 32]]}
        dropout = {uniform = [0.0, 0.5]}
        [[when]]
        if = {solver = {component = "nnhp.optimizers.RMSprop"}}
        solver__rho = {uniform = [0.8, 0.99]}
        """
    )
    assert layers.holds({"hidden_layer_sizes": (64, 32)})
    assert not layers.holds({"hidden_layer_sizes": (64,)})
    assert rho.holds({"solver": optimizers.RMSprop()})
    assert not rho.holds({"solver": "adam"})


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ('when = [3]', r"when: expected if = \{solver = \"sgd\"\}, or the like, .* got 3"),
        ("[when]\nalpha = [1]", r"when: expected tables \[\[when\]\], got \{alpha = \[1\]\}"),
        ("[[when]]\nalpha = [1]", "when: expected if = .*, or the like, and parameters"),
        ('[[when]]\nif = {solver = "sgd"}', "when: expected if = .*, or the like, and parameters"),
        ('[[when]]\nif = "sgd"\nalpha = [1]', "when: expected if = "),
        ("[[when]]\nif = {}\nalpha = [1]", "when: expected if = "),
        ("[[when]]\nif = {solver = []}\nalpha = [1]", "when: solver: the list is empty"),
        ("[[when]]\nif = {alpha = 1}\nmomentum = [1]", "when: alpha: the space above has no such"),
        (
            '[[when]]\nif = {solver = "sdg"}\nmomentum = [0.5]',
            r"when: solver: it is never 'sdg', but one of \['adam', 'sgd'\]",
        ),
        ('[[when]]\nif = {solver = "sgd"}\nmomentum = [7]', "when: momentum: .*'momentum' param"),
        ('[[when]]\nif = {solver = "sgd"}\nsolver__rho = [0.5]', "when: solver__rho: .* an object"),
        ('[[when]]\nif = {solver = "sgd"}\nmax_iter = [7]', "when: max_iter: this method of"),
    ],
)  # fmt: skip
def test_bad_conditions_are_refused(read, table, expected):
    with pytest.raises(RefusedError, match=f"space.toml: {expected}"):
        read(f'solver = ["adam", "sgd"]\n{table}', taken="max_iter")


def test_a_grid_has_no_conditions(read):
    text = 'solver = ["adam", "sgd"]\n[[when]]\nif = {solver = "sgd"}\nmomentum = [0.5]'
    with pytest.raises(RefusedError, match="when: a grid has no conditions"):
        read(text, lists_only=True)
