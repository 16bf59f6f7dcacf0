"""The playground's options, problems and nets, without a page."""

from types import MappingProxyType
from urllib.parse import parse_qsl

import numpy as np
import pytest
from helpers import STOPS_EARLY
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning

from nnhp import FeatureExpansion, _core, datasets
from nnhp.estimators._fitted import snapshot
from nnhp.playground import _options, _problem
from nnhp.playground._code import code_of
from nnhp.playground._learner import NetLearner
from nnhp.playground._options import (
    IGNORED,
    INPUTS,
    OPTIONS,
    OptionError,
    checked,
    of_address,
)
from nnhp.playground._original import OriginalLearner
from nnhp.playground._problem import OwnTable, problem_of

pytestmark = STOPS_EARLY

IRIS = load_iris(as_frame=True).frame.to_csv(index=False)
DIABETES = load_diabetes(as_frame=True).frame.to_csv(index=False)


def own(text=IRIS, target=None, axes=None):
    return OwnTable.of(text, target, axes)


# ------------------------------------------------------------------ options


def test_the_defaults_are_those_of_the_original_page():
    found = checked({})
    page = {"activation": "tanh", "learningRate": 0.03, "regularization": "none", "noise": 0}
    page |= {"batchSize": 10, "percTrainData": 50, "networkShape": "4,2", "dataset": "circle"}
    assert {name: found[name] for name in page} == page
    assert [name for name in INPUTS if found[name]] == ["x", "y"]


@pytest.mark.parametrize("name", OPTIONS)
def test_each_default_is_a_value(name):
    assert OPTIONS[name].kind.check(OPTIONS[name].default) == OPTIONS[name].default


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize(
    "value", [None, [], {}, float("nan"), float("inf"), -1, 1e300, 10**400, "x" * 999]
)
def test_what_is_no_value_is_told_by_name(name, value):
    with pytest.raises(OptionError, match=rf"^{name} must .*got "):
        checked({name: value})


WRONG = {
    "an unknown name": ({"<img>": 1}, "unknown option '<img>'"),
    "no feature": (dict.fromkeys(INPUTS, False), "at least one of the features"),
    "a layer without units": ({"networkShape": "4,0"}, "1 to 64 units"),
    "too many layers": ({"networkShape": ",".join("1" * 11)}, "at most 10"),
    "names for other layers": ({"activation": "relu,tanh,relu"}, "3 names for 2 hidden layers"),
    "what the page lacks": ({"engine": "original", "solver": "adam"}, "solver is not of"),
    "its activations": ({"engine": "original", "activation": "gelu"}, "activation is not of"),
    "a part of a batch": ({"batchSize": 2.5}, "whole number"),
}


@pytest.mark.parametrize(("given", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_does_not_go_together_is_told(given, message):
    with pytest.raises(OptionError, match=message):
        checked(given)


# What stands in an address of the original, where all of it differs from what it leaves out.
ADDRESS = (
    "activation=relu&regularization=L2&batchSize=30&dataset=spiral&regDataset=reg-gauss"
    "&learningRate=0.1&regularizationRate=0.003&noise=25&networkShape=8,8,3&seed=0.12345"
    "&showTestData=true&discretize=true&percTrainData=70&x=false&y=false&xTimesY=true"
    "&xSquared=true&ySquared=true&cosX=true&sinX=true&cosY=true&sinY=true&collectStats=true"
    "&tutorial=dp&problem=regression&initZero=true&hideText=true"
)


def test_an_address_of_the_original_is_understood():
    given = {
        name: text == "true" if text in {"true", "false"} else text
        for name, text in parse_qsl(ADDRESS)
    }
    known, wrong = of_address(given)
    assert wrong == []
    found = checked(known)
    differing = {name for name in found if found[name] != OPTIONS[name].default}
    assert differing == set(given) - IGNORED
    assert set(given) >= IGNORED
    assert found["learningRate"] == 0.1
    assert found["networkShape"] == "8,8,3"
    noisy, wrong = of_address({"noise": "80"})
    assert (checked(noisy)["noise"], wrong) == (50, [])


def test_what_the_original_s_addresses_have_without_effect_is_ignored():
    assert checked({"cosX": True, "collectStats": False}) == checked({})


# ------------------------------------------------------------------ problems

MADE_UP = [
    ("classification", "circle", datasets.make_circle),
    ("classification", "xor", datasets.make_xor),
    ("classification", "gauss", datasets.make_gauss),
    ("classification", "spiral", datasets.make_spiral),
    ("regression", "reg-plane", datasets.make_plane),
    ("regression", "reg-gauss", datasets.make_multi_gauss),
]


@pytest.mark.parametrize(("kind", "name", "make"), MADE_UP)
def test_made_up_samples_are_those_of_nnhp_datasets(kind, name, make):
    which = "dataset" if kind == "classification" else "regDataset"
    options = checked({"problem": kind, which: name, "noise": 20, "percTrainData": 30})
    problem = problem_of(options)
    points, y = make(noise=20, random_state=_problem.seed_of(options))
    np.testing.assert_array_equal(problem.points, points)
    np.testing.assert_array_equal(problem.y, y)
    assert problem.n_train == len(y) * 3 // 10
    assert len(problem.train[0]) + len(problem.test[0]) == len(y)


def test_the_grid_is_the_square_from_its_upper_left_corner():
    problem = problem_of(checked({}))
    np.testing.assert_allclose(problem.grid(2), [[-3, 3], [3, 3], [-3, -3], [3, -3]])


def test_features_are_those_that_are_chosen():
    options = checked({"x": False, "xTimesY": True})
    problem = problem_of(options)
    expected = FeatureExpansion(["x2", "x1*x2"]).fit_transform(problem.points)
    np.testing.assert_array_equal(problem.X, expected)


def test_a_table_of_classes_and_of_targets():
    options = checked({"dataset": "own"})
    problem = problem_of(options, own())
    assert problem.classes == ["0", "1", "2"]
    assert problem.X.shape == (150, 4)
    np.testing.assert_allclose(problem.X.mean(axis=0), 0, atol=1e-12)
    assert np.abs(problem.points).max() <= 6
    table = own(DIABETES)
    targets = problem_of(checked({"problem": "regression", "regDataset": "own"}), table)
    assert (targets.y.min(), targets.y.max()) == (-1, 1)


def test_a_table_is_drawn_over_two_columns_or_principal_components():
    options = checked({"dataset": "own"})
    chosen = own(axes=["petal width (cm)", "sepal length (cm)"])
    problem = problem_of(options, chosen)
    np.testing.assert_allclose(problem.points, problem.X[:, [3, 0]] * problem.plane.scale)
    problem = problem_of(options, own())
    assert abs(np.corrcoef(problem.points.T)[0, 1]) < 1e-6
    on_plane = problem.plane.points(problem.plane.features(problem.points))
    np.testing.assert_allclose(on_plane, problem.points, atol=1e-9)


BAD_TABLES = {
    "one column": ("temperature\n" + "1.5\n" * 20, None, None, "2 to 100 columns, got 1"),
    "nothing": ("", None, None, "is no table"),
    "a line that is too long": ("a,b" * 10_000, None, None, "at most 20000 characters"),
    "axes that are none": (IRIS, None, [[1], [2]], "axes must be two"),
    "many columns": (",".join("abc" * 40) + "\n" + "1," * 119 + "1\n", None, None, "got 120"),
    "few rows": ("a,b\n1,2\n", None, None, "at least 10 rows"),
    "gaps": ("a,b\n" + "1,\n" * 20, None, None, "at least 10 rows without gaps"),
    "no such target": (IRIS, "petals", None, "no column 'petals'"),
    "one axis": (IRIS, None, ["petal width (cm)"], "axes must be two"),
    "an axis that is no column": (IRIS, None, ["petal width (cm)", "x"], "axes must be two"),
}


@pytest.mark.parametrize(
    ("text", "target", "axes", "message"), BAD_TABLES.values(), ids=BAD_TABLES.keys()
)
def test_what_is_no_table_is_told(text, target, axes, message):
    with pytest.raises(ValueError, match=message):
        OwnTable.of(text, target, axes)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_what_stands_between_the_columns_is_found(separator):
    table = own(IRIS.replace(",", separator))
    assert table.numeric == own().numeric
    assert repr(separator) in code_of(
        checked({"dataset": "own"}), problem_of(checked({"dataset": "own"}), table), 1, table
    )


def test_a_table_that_does_not_fit_the_problem_is_told():
    options = checked({"dataset": "own"})
    with pytest.raises(ValueError, match="no data of your own"):
        problem_of(options)
    with pytest.raises(ValueError, match="2 to 10 different values, got 214"):
        problem_of(options, own(DIABETES))
    texts = "a,b\n" + "".join(f"{i},{'xy'[i % 2]}\n" for i in range(20))
    with pytest.raises(ValueError, match="column 'b' must have numbers"):
        problem_of(checked({"problem": "regression", "regDataset": "own"}), own(texts))


# ------------------------------------------------------------------ nets

SETTINGS = {
    "defaults": {},
    "more of it": {
        "activation": "relu,tanh", "solver": "adam", "dropout": 0.2, "schedule": "cosine",
        "scheduleEpochs": 8,
        "initializer": "he_uniform", "regularization": "L2", "regularizationRate": 0.01,
    },
    "L1": {"regularization": "L1", "regularizationRate": 0.003},
    "momentum": {"momentum": 0.9, "batchSize": 30},
    "hinge": {"loss": "hinge"},
    "zeros": {"initZero": True},
    "no hidden layer": {"networkShape": ""},
    "targets": {"problem": "regression", "regDataset": "reg-gauss", "regLoss": "huber"},
    "own classes": {"dataset": "own"},
    "own targets": {"problem": "regression", "regDataset": "own"},
    "early stopping": {"earlyStopping": True},
}  # fmt: skip


ORIGINALS = {
    "its defaults": {},
    "a batch that is carried over": {"batchSize": 30, "percTrainData": 10},
    "one sample at a time": {"batchSize": 1, "percTrainData": 10, "activation": "relu"},
    "L1, which kills": {"regularization": "L1", "regularizationRate": 0.3, "percTrainData": 20},
    "L2": {"regularization": "L2", "regularizationRate": 0.1, "activation": "sigmoid"},
    "targets": {"problem": "regression", "activation": "linear", "percTrainData": 10},
    "zeros": {"initZero": True, "percTrainData": 10},
    "each layer its own": {"activation": "relu,tanh", "percTrainData": 10},
    "no hidden layer": {"networkShape": "", "percTrainData": 10},
    "own classes": {"dataset": "own"},
}


@pytest.mark.parametrize("given", ORIGINALS.values(), ids=ORIGINALS.keys())
def test_the_code_of_the_original_engine_finds_the_same_losses(
    given, capsys, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    text = IRIS.replace(",2\n", ",1\n")  # of two classes
    (tmp_path / "data.csv").write_text(text)
    options = checked({"engine": "original", "networkShape": "3,2"} | given)
    table = own(text)
    problem = problem_of(options, table)
    learner = OriginalLearner(options, problem)
    for _ in range(4):
        learner.step()
    exec(code_of(options, problem, learner.epoch, table), {})
    train, test = (curve[-1] for curve in learner.losses())
    assert capsys.readouterr().out == f"training loss {train}\ntest loss {test}\n"


@pytest.mark.parametrize("given", SETTINGS.values(), ids=SETTINGS.keys())
def test_the_code_that_is_shown_finds_the_same_losses(given, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    text = DIABETES if given.get("problem") == "regression" else IRIS
    (tmp_path / "data.csv").write_text(text)
    table = own(text)
    options = checked(given)
    problem = problem_of(options, table)
    learner = NetLearner(options, problem)
    for _ in range(5):
        learner.step()
    names = {}
    exec(code_of(options, problem, learner.epoch, table), names)
    losses = learner.losses()
    assert [len(curve) for curve in losses] == [5, 5]
    found = names["net"].loss_curve_, names["net"].validation_loss_curve_
    np.testing.assert_array_equal(found, losses)
    assert f"test loss {losses[1][-1]}" in capsys.readouterr().out


def fitted(learner):
    """The estimator, as if the training had ended here."""
    return snapshot(learner._net, learner._training.publish())


@pytest.mark.parametrize("given", SETTINGS.values(), ids=SETTINGS.keys())
def test_outputs_are_the_layers_and_what_the_page_draws(given):
    text = DIABETES if given.get("problem") == "regression" else IRIS
    options = checked(given)
    problem = problem_of(options, own(text))
    learner = NetLearner(options, problem)
    learner.step()
    outputs = learner.outputs(problem.grid(8))
    units = _options.units_of(options)
    n_drawn = 3 if problem.classes == ["0", "1", "2"] else 1
    assert [one.shape for one in outputs] == [(64, n) for n in [*units, n_drawn]]
    if problem.classes == ["-1", "1"] and options["loss"] == "log_loss":
        expected = 2 * fitted(learner).predict_proba(problem.grid(8))[:, 1:] - 1
        np.testing.assert_allclose(outputs[-1], expected, atol=1e-12)


@pytest.mark.parametrize(("cpus", "threads"), [(1, 1), (2, 1), (8, 7)])
def test_the_browser_keeps_a_cpu(cpus, threads, monkeypatch):
    monkeypatch.setattr(_core, "thread_limit", lambda: cpus)
    learner = NetLearner(checked({}), problem_of(checked({})))
    asked = []
    monkeypatch.setattr(learner._training, "advance", lambda *given: asked.append(given))
    learner.step()
    assert asked == [(1, threads)]


@pytest.mark.parametrize("engine", ["nnhp", "original"])
def test_an_edited_weight_is_there_and_learned_on_from(engine):
    options = checked({"engine": engine})
    problem = problem_of(options)
    make = OriginalLearner if engine == "original" else NetLearner
    edited, other = make(options, problem), make(options, problem)
    for learner in (edited, other):
        learner.step()
    edited.edit(1, 0, 3, 2.5)
    edited.edit(0, 2, None, -1.5)
    weights, biases = edited.weights()
    assert (weights[1][3, 0], biases[0][2]) == (2.5, -1.5)
    grid = problem.grid(5)
    assert np.abs(edited.outputs(grid)[-1] - other.outputs(grid)[-1]).max() > 1e-3
    edited.step()
    assert edited.epoch == 2
    assert abs(edited.weights()[0][1][3, 0] - 2.5) < 0.5


@pytest.mark.parametrize("engine", ["nnhp", "original"])
def test_another_learning_rate_goes_on_with_the_same_net(engine):
    options = checked({"engine": engine})
    problem = problem_of(options)
    learner = (OriginalLearner if engine == "original" else NetLearner)(options, problem)
    learner.step()
    before = learner.weights()[0]
    learner.change(options | {"learningRate": 1e-7})
    learner.step()
    assert learner.epoch == 2
    for one, other in zip(before, learner.weights()[0], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("given", [{}, {"engine": "original"}, {"problem": "regression"}])
def test_gradients_are_those_of_central_differences(given):
    options = checked({"networkShape": "3", "percTrainData": 10} | given)
    problem = problem_of(options)
    original = options["engine"] == "original"
    learner = (OriginalLearner if original else NetLearner)(options, problem)
    X, y = problem.train

    def loss():
        outputs = learner.outputs(X)[-1][:, 0]
        if original or problem.is_regression:
            targets = y if problem.is_regression else 2 * y - 1
            return 0.5 * np.mean((outputs - targets) ** 2)
        p = (outputs + 1) / 2
        return -np.mean(np.log(np.where(y == 1, p, 1 - p)))

    found = learner.gradients()
    for layer, weights in enumerate(learner.weights()[0]):
        slopes = np.empty_like(weights)
        for source, unit in np.ndindex(weights.shape):
            values = []
            for step in (1e-5, -1e-5):
                learner.edit(layer, unit, source, weights[source, unit] + step)
                values.append(loss())
            learner.edit(layer, unit, source, weights[source, unit])
            slopes[source, unit] = (values[0] - values[1]) / 2e-5
        np.testing.assert_allclose(found[layer], np.linalg.norm(slopes), rtol=1e-5)


# ------------------------------------------------------------------ the original page's engine


class Page:
    """What the page's source does, sample by sample; written after its description."""

    FUNCTIONS = MappingProxyType(
        {
            "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
            "linear": (lambda z: z, np.ones_like),
            "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0),
            "sigmoid": (
                lambda z: 1 / (1 + np.exp(-z)),
                lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2,
            ),
        }
    )

    def __init__(self, options, problem, weights, biases):
        self.options, self.problem = options, problem
        self.W = [w.copy() for w in weights]
        self.b = [b.copy() for b in biases]
        self.dead = [np.zeros(w.shape, bool) for w in weights]
        self.clear()
        output = "linear" if problem.is_regression else "tanh"
        names = options["activation"].split(",")
        self.names = [*(names * len(weights))[: len(weights) - 1], output]

    def clear(self):
        self.gW = [np.zeros_like(w) for w in self.W]
        self.gb = [np.zeros_like(b) for b in self.b]
        self.n = 0

    def accumulate(self, x, target):
        inputs, sums = [x], []
        for W, b, name in zip(self.W, self.b, self.names, strict=True):
            sums.append(inputs[-1] @ W + b)
            inputs.append(self.FUNCTIONS[name][0](sums[-1]))
        error = inputs[-1] - target
        for layer in reversed(range(len(self.W))):
            delta = error * self.FUNCTIONS[self.names[layer]][1](sums[layer])
            self.gW[layer] += np.outer(inputs[layer], delta)
            self.gb[layer] += delta
            error = self.W[layer] @ delta
        self.n += 1

    def update(self):
        before = [W.copy() for W in self.W]  # what regularization goes by
        rate = self.options["learningRate"]
        decay = rate * self.options["regularizationRate"]
        for layer, W in enumerate(self.W):
            self.b[layer] -= rate * self.gb[layer] / self.n
            for place in np.ndindex(W.shape):
                if self.dead[layer][place]:
                    continue
                W[place] -= rate * self.gW[layer][place] / self.n
                if self.options["regularization"] == "L1":
                    moved = W[place] - decay * np.sign(before[layer][place])
                    self.dead[layer][place] = W[place] * moved < 0
                    W[place] = 0 if self.dead[layer][place] else moved
                elif self.options["regularization"] == "L2":
                    W[place] -= decay * before[layer][place]
        self.clear()

    def epoch(self):
        X, y = self.problem.train
        targets = y if self.problem.is_regression else 2 * y - 1
        for i, (x, target) in enumerate(zip(X, targets, strict=True)):
            self.accumulate(x, target)
            if (i + 1) % self.options["batchSize"] == 0:
                self.update()


@pytest.mark.parametrize("given", ORIGINALS.values(), ids=ORIGINALS.keys())
def test_the_original_engine_does_what_the_page_does(given):
    options = checked({"engine": "original", "networkShape": "3,2"} | given)
    problem = problem_of(options, own(IRIS.replace(",2\n", ",1\n")))
    learner = OriginalLearner(options, problem)
    page = Page(options, problem, *learner.weights())
    for _ in range(4):
        learner.step()
        page.epoch()
    for found, expected in zip(learner.weights(), (page.W, page.b), strict=True):
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
    if options["regularization"] == "L1":
        assert sum(dead.sum() for dead in page.dead) > 0
    if given.get("batchSize") == 30:
        assert problem.n_train % 30 != 0


def test_its_first_weights_are_those_of_the_page():
    options = checked({"engine": "original", "networkShape": "64,64"})
    weights, biases = OriginalLearner(options, problem_of(options)).weights()
    assert all((b == 0.1).all() for b in biases)
    assert np.abs(weights[1]).max() <= 0.5
    assert abs(weights[1].std() - 1 / np.sqrt(12)) < 0.01
    zero = OriginalLearner(options | {"initZero": True}, problem_of(options))
    assert all((w == 0).all() for some in zero.weights() for w in some)


def test_a_batch_that_is_never_full_is_never_learned():
    options = checked({"engine": "original", "batchSize": 1000})
    learner = OriginalLearner(options, problem_of(options))
    before = learner.weights()
    for _ in range(3):
        learner.step()
    for one, other in zip(before[0], learner.weights()[0], strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(learner._left) == 0


@pytest.mark.parametrize("regularization", ["none", "L1", "L2"])
def test_the_original_engine_stops_when_it_diverges(regularization):
    options = checked(
        {
            "engine": "original",
            "problem": "regression",
            "activation": "relu",
            "learningRate": 100,
            "regularization": regularization,
            "regularizationRate": 0.1,
        }
    )
    learner = OriginalLearner(options, problem_of(options))
    with pytest.warns(ConvergenceWarning, match="diverged") as told:  # noqa: PT031
        while learner.running and learner.epoch < 50:
            learner.step()
    assert len(told) == 1
    assert not np.isfinite([learner.losses()[0][-1], *learner.gradients()]).any()


def test_it_knows_two_classes():
    options = checked({"engine": "original", "dataset": "own"})
    with pytest.raises(ValueError, match="two classes"):
        OriginalLearner(options, problem_of(options, own()))


def test_a_net_that_diverges_stops():
    options = checked({"problem": "regression", "activation": "relu", "learningRate": 100})
    learner = NetLearner(options, problem_of(options))
    for _ in range(50):
        if learner.running:
            learner.step()
    assert not learner.running
