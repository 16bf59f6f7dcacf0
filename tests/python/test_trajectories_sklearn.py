"""Same seed, same run: every curve and parameter of a fit, against scikit-learn in float64.

A run amplifies rounding errors, so a whole run can only be compared where scikit-learn agrees
with itself: where it moves by less than 1e-10 when its products are summed in reverse order.
Elsewhere the first ten epochs are compared.
"""

import copy
from dataclasses import dataclass, field

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.neural_network
from helpers import STOPS_EARLY, assert_identical, problem, raw_outputs
from numpy.testing import assert_allclose
from sklearn.linear_model import Ridge
from sklearn.neural_network import _multilayer_perceptron as sklearns_module
from sklearn.utils.extmath import safe_sparse_dot

import nnhp

pytestmark = [STOPS_EARLY, pytest.mark.filterwarnings("ignore:.*less than 1 or larger than sample")]

TOLERANCE = 1e-8
CONDITIONING = 1e-10
CURVES = ("loss_curve_", "validation_scores_")
NUMBERS = ("loss_", "best_loss_", "best_validation_score_")
REGRESSION = ("one target", "two targets", "counts")


@dataclass(frozen=True)
class Case:
    """A fit to compare: what to learn, with which parameters, with which weights."""

    kind: str
    parameters: dict = field(default_factory=dict)
    weighted: bool = False
    sparse: bool = False

    def run(self, module, **more):
        """Fit the MLP of a module; an instance as random_state is not shared between runs."""
        name = "MLPRegressor" if self.kind in REGRESSION else "MLPClassifier"
        defaults = {"hidden_layer_sizes": (6,), "random_state": 7, "max_iter": 40}
        parameters = copy.deepcopy({**defaults, **self.parameters, **more})
        X, y = problem(self.kind)
        weight = weights_of(len(X)) if self.weighted else None
        X = sp.csr_array(X * (np.abs(X) > 0.5)) if self.sparse else X
        return getattr(module, name)(**parameters).fit(X, y, sample_weight=weight)


def weights_of(n_samples):
    weight = np.random.RandomState(3).uniform(0, 3, n_samples)
    weight[::9] = 0
    return weight


def reversed_dot(a, b, *, dense_output=False):
    """`safe_sparse_dot` with the terms of each sum in reverse order."""
    a = a.tocsc()[:, ::-1].tocsr() if sp.issparse(a) else np.ascontiguousarray(a[:, ::-1])
    return safe_sparse_dot(a, np.ascontiguousarray(b[::-1]), dense_output=dense_output)


def numbers_of(net):
    """All numbers that a fit brought forth, by name."""
    found = {}
    for name in (*CURVES, *NUMBERS):
        value = getattr(net, name, None)
        if value is not None:
            found[name] = np.asarray(value)
    for i, (weights, biases) in enumerate(zip(net.coefs_, net.intercepts_, strict=True)):
        found |= {f"coefs_[{i}]": weights, f"intercepts_[{i}]": biases}
    return found


def greatest_move(one, other):
    a, b = numbers_of(one), numbers_of(other)
    if a.keys() != b.keys() or any(np.shape(a[name]) != np.shape(b[name]) for name in a):
        return np.inf
    return max(float(np.abs(a[name] - b[name]).max()) for name in a)


def assert_same_run(ours, theirs):
    """Same number of epochs; all curves and parameters within TOLERANCE."""
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.t_ == theirs.t_
    expected = numbers_of(theirs)
    actual = numbers_of(ours)
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        assert_allclose(actual[name], value, rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)


def sklearn_moves(case, monkeypatch, **more):
    """How far scikit-learn moves when it sums in reverse order."""
    one = case.run(sklearn.neural_network, **more)
    with monkeypatch.context() as patch:
        patch.setattr(sklearns_module, "safe_sparse_dot", reversed_dot)
        other = case.run(sklearn.neural_network, **more)
    return greatest_move(one, other)


KINDS = ("binary", "multiclass", "multilabel", *REGRESSION)
SGD = {"solver": "sgd", "learning_rate_init": 0.05}
STOPPING = {"early_stopping": True, "validation_fraction": 0.2}
PATIENT = {"max_iter": 200, "n_iter_no_change": 3}


def loss_of(kind):
    return {"loss": "poisson"} if kind == "counts" else {}


# Whole runs are compared; that scikit-learn agrees with itself on them is asserted.
WELL_CONDITIONED = {
    **{
        f"{kind}, {solver}": Case(kind, {"solver": solver, **loss_of(kind)})
        for kind in KINDS
        for solver in ("adam", "sgd")
    },
    **{
        f"{activation}, {solver}": Case(
            "multiclass", {"solver": solver, "activation": activation, "hidden_layer_sizes": (8, 5)}
        )
        for activation in ("identity", "logistic", "tanh", "relu")
        for solver in ("adam", "sgd")
    },
    "plain sgd": Case("binary", SGD | {"momentum": 0.0}),
    "momentum": Case("binary", SGD | {"nesterovs_momentum": False}),
    "nesterov": Case("one target", SGD | {"momentum": 0.5}),
    "adam's constants": Case("multiclass", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}),
    "beta_2 near 1": Case("multiclass", {"beta_2": 0.99999999}),
    "invscaling": Case("multiclass", SGD | {"learning_rate": "invscaling", "power_t": 0.3}),
    "adaptive": Case("binary", SGD | PATIENT | {"learning_rate": "adaptive", "tol": 0.02}),
    "stops by itself": Case("binary", PATIENT | {"tol": 0.005, "learning_rate_init": 0.01}),
    "infinite patience": Case("binary", {"n_iter_no_change": np.inf, "tol": 10.0}),
    "strong penalty": Case("multiclass", {"alpha": 3.0}),
    "no penalty": Case("one target", {"alpha": 0.0}),
    "no shuffling": Case("multiclass", {"shuffle": False}),
    "one batch": Case("multiclass", {"batch_size": 97}),
    "batch larger than the data": Case("binary", {"batch_size": 1000}),
    "batch of 1": Case("binary", {"batch_size": 1, "max_iter": 5}),
    "batch of 10": Case("two targets", {"batch_size": 10}),
    "batch of 96": Case("multiclass", {"batch_size": 96}),
    "no hidden layer": Case("multiclass", {"hidden_layer_sizes": ()}),
    "three hidden layers": Case("binary", {"hidden_layer_sizes": (9, 1, 17)}),
    "sample weights": Case("multiclass", {"batch_size": 20}, weighted=True),
    "weights, regression": Case("two targets", {"batch_size": 20}, weighted=True),
    "weights, poisson": Case("counts", {"loss": "poisson"}, weighted=True),
    "sparse": Case("multiclass", {"batch_size": 20}, sparse=True),
    "sparse, weights, early stopping": Case("binary", STOPPING, weighted=True, sparse=True),
    **{
        f"early stopping, {kind}": Case(kind, STOPPING | loss_of(kind) | {"batch_size": 16})
        for kind in KINDS
    },
    "early stopping, patience": Case("binary", STOPPING | PATIENT | {"learning_rate_init": 0.02}),
    "early stopping, adaptive": Case(
        "binary", STOPPING | PATIENT | SGD | {"learning_rate": "adaptive"}
    ),
    "early stopping, weights": Case("one target", STOPPING, weighted=True),
    "RandomState": Case("multiclass", {"random_state": np.random.RandomState(5)}),
    "RandomState(PCG64)": Case(
        "multiclass", {"random_state": np.random.RandomState(np.random.PCG64(5)), **STOPPING}
    ),
    "RandomState(Philox)": Case(
        "binary", {"random_state": np.random.RandomState(np.random.Philox(5)), "batch_size": 30}
    ),
}


@pytest.mark.parametrize("case", WELL_CONDITIONED.values(), ids=WELL_CONDITIONED.keys())
def test_whole_run(case, monkeypatch):
    assert sklearn_moves(case, monkeypatch) < CONDITIONING
    ours, theirs = case.run(nnhp), case.run(sklearn.neural_network)
    assert_same_run(ours, theirs)


# Rounding errors grow here: many large steps across the kinks of ReLU.
DEEP = {"hidden_layer_sizes": (30,) * 4, "batch_size": 5, "alpha": 0.0, "n_iter_no_change": 300}
ILL_CONDITIONED = {
    "deep, sgd": Case("multiclass", DEEP | SGD | {"learning_rate_init": 0.1, "max_iter": 100}),
    "deep, adam": Case("one target", DEEP | {"learning_rate_init": 0.1, "max_iter": 100}),
}


@pytest.mark.parametrize("case", ILL_CONDITIONED.values(), ids=ILL_CONDITIONED.keys())
def test_first_ten_epochs_where_scikit_learn_disagrees_with_itself(case, monkeypatch):
    assert sklearn_moves(case, monkeypatch) >= CONDITIONING
    assert_same_run(case.run(nnhp, max_iter=10), case.run(sklearn.neural_network, max_iter=10))


LBFGS = {
    **{kind: Case(kind, loss_of(kind)) for kind in KINDS},
    "tanh": Case("multiclass", {"activation": "tanh", "hidden_layer_sizes": (8, 5)}),
    "logistic": Case("binary", {"activation": "logistic"}),
    "weights": Case("multiclass", weighted=True),
    "sparse": Case("one target", sparse=True),
    "sparse, two targets": Case("two targets", sparse=True),
}


def summed(y_true, y_pred, sample_weight=None):
    """Half the squared error, whose gradient scikit-learn takes."""
    return 0.5 * np.average(((y_true - y_pred) ** 2).sum(axis=1), weights=sample_weight)


@pytest.mark.parametrize("case", LBFGS.values(), ids=LBFGS.keys())
@pytest.mark.parametrize("n_iterations", [1, 4, 10])
def test_first_ten_iterations_of_lbfgs(case, n_iterations, monkeypatch):
    more = {"solver": "lbfgs", "max_iter": n_iterations}
    ours = case.run(nnhp, **more)
    several = case.kind == "two targets"
    if several:  # scikit-learn's value is not that of its gradient
        monkeypatch.setitem(sklearns_module.LOSS_FUNCTIONS, "squared_error", summed)
    theirs = case.run(sklearn.neural_network, **more)
    if several:
        X, y = problem(case.kind)
        X = X * (np.abs(X) > 0.5) if case.sparse else X
        theirs.loss_ -= ((theirs.predict(X) - y) ** 2).mean() / 2  # one of two means of a target
    assert_same_run(ours, theirs)


def test_lbfgs_with_several_targets_comes_to_the_minimum():
    X, y = problem("two targets")
    parameters = {"solver": "lbfgs", "alpha": 5.0, "max_iter": 1000, "tol": 1e-9, "random_state": 0}
    net = nnhp.MLPRegressor(hidden_layer_sizes=(), **parameters).fit(X, y)
    ridge = Ridge(alpha=5.0).fit(X, y)
    assert_allclose(net.coefs_[0], ridge.coef_.T, rtol=0, atol=1e-6)
    penalty = 5.0 * (net.coefs_[0] ** 2).sum() / 2 / len(X)
    assert_allclose(net.loss_, ((net.predict(X) - y) ** 2).mean() / 2 + penalty, rtol=1e-12)


def test_a_stopped_lbfgs_fit_of_several_targets_tells_the_loss_of_its_iterate(capsys):
    X, y = problem("two targets")
    parameters = {"hidden_layer_sizes": (4,), "solver": "lbfgs", "random_state": 0}
    fits = [nnhp.MLPRegressor(max_iter=n, **parameters).fit(X, y) for n in (1, 2, 3)]
    nnhp.MLPRegressor(max_iter=3, verbose=True, **parameters).fit(X, y)
    told = [float(line.split()[-1]) for line in capsys.readouterr().out.splitlines()]
    assert_allclose(told, [net.loss_ for net in fits], atol=1e-8)


def run_of_fits(net, calls):
    """Call methods one after another: (method, rows, keywords, parameters to set before)."""
    X, y = problem("multiclass")
    for method, rows, keywords, parameters in calls:
        net.set_params(**parameters)
        getattr(net, method)(X[rows], y[rows], **keywords)
    return net


EVERY = slice(None)
CLASSES = {"classes": [0, 1, 2]}
SEQUENCES = {
    "partial_fit": [("partial_fit", slice(i, None, 3), CLASSES, {}) for i in (0, 1, 2, 0)],
    "partial_fit, weights": [
        ("partial_fit", EVERY, CLASSES | {"sample_weight": weights_of(97)}, {}) for _ in range(3)
    ],
    "fit, partial_fit": [("fit", EVERY, {}, {}), ("partial_fit", slice(20, 70), {}, {})],
    "warm start": [("fit", EVERY, {}, {"warm_start": True, "max_iter": n}) for n in (4, 1, 6)],
    "warm start, patience goes on": [
        ("fit", EVERY, {}, {"warm_start": True, "tol": 0.1, "n_iter_no_change": 4, "max_iter": n})
        for n in (3, 3, 9)
    ],
    "warm start, early stopping": [
        ("fit", EVERY, {}, STOPPING | {"warm_start": True, "validation_fraction": 0.4} | improving)
        for improving in ({"max_iter": 1}, {"max_iter": 25, "learning_rate_init": 0.05})
    ],
    "warm start, other rate": [
        ("fit", EVERY, {}, {"warm_start": True, "learning_rate_init": rate})
        for rate in (0.01, 0.001)
    ],
    "cold start": [("fit", EVERY, {}, {}), ("fit", slice(0, 50), {}, {})],
    "partial_fit, then fit": [("partial_fit", EVERY, CLASSES, {}), ("fit", EVERY, {}, {})],
}


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("seed", [3, "instance"])
@pytest.mark.parametrize("calls", SEQUENCES.values(), ids=SEQUENCES.keys())
def test_sequence_of_calls(calls, seed, solver):
    ours, theirs = (
        run_of_fits(
            module.MLPClassifier(
                (6,),
                solver=solver,
                max_iter=8,
                batch_size=20,
                random_state=np.random.RandomState(3) if seed == "instance" else seed,
            ),
            calls,
        )
        for module in (nnhp, sklearn.neural_network)
    )
    assert_same_run(ours, theirs)


def test_warm_start_with_early_stopping_keeps_the_best_of_all_fits():
    # scikit-learn does not: its best parameters are the array that the next fit trains.
    X, y = problem("multiclass")
    held_out = {"X_val": X[60:], "y_val": y[60:]}
    net = nnhp.MLPClassifier((6,), warm_start=True, early_stopping=True, max_iter=30)
    net.set_params(random_state=0).fit(X[:60], y[:60], **held_out)
    best, score, n_epochs = net.coefs_, net.best_validation_score_, len(net.validation_scores_)
    net.set_params(learning_rate_init=1e-12, max_iter=3).fit(X[:60], y[:60], **held_out)
    assert len(net.validation_scores_) > n_epochs
    assert net.best_validation_score_ == score
    np.testing.assert_equal(net.coefs_, best)


def test_replaced_by_a_net_of_another_shape_the_optimizer_starts_afresh():
    X, y = problem("one target")
    sizes = {"hidden_layer_sizes": (6,), "max_iter": 2, "random_state": 0}
    other = nnhp.MLPRegressor(**sizes).fit(X, y)
    net = nnhp.MLPRegressor(**{**sizes, "hidden_layer_sizes": (4,)}).fit(X, y)
    net.set_params(hidden_layer_sizes=(6,))
    net.coefs_, net.intercepts_ = copy.deepcopy((other.coefs_, other.intercepts_))
    net.partial_fit(X, y)
    del other._optimizer_state
    assert_identical(net.coefs_, other.partial_fit(X, y).coefs_)
    assert net._optimizer_state["step"] == 1


@pytest.mark.parametrize("edit", ["in place", "replaced"])
def test_edited_parameters_count_and_moments_stay(edit):
    X, y = problem("multiclass")
    nets = [
        module.MLPClassifier((6,), max_iter=5, random_state=0).fit(X, y)
        for module in (nnhp, sklearn.neural_network)
    ]
    for net in nets:
        net.coefs_[0][2] = 0.5
        net.partial_fit(X, y)
        if edit == "replaced" and isinstance(net, nnhp.MLPClassifier):
            net.coefs_ = [weights.copy() for weights in net.coefs_]
        net.partial_fit(X, y)
    assert_same_run(*nets)


GENERATORS = {
    "MT19937": lambda: np.random.RandomState(9),
    "MT19937, a normal number waits": lambda: drawn(np.random.RandomState(9)),
    "PCG64": lambda: np.random.RandomState(np.random.PCG64(9)),
    "SFC64": lambda: np.random.RandomState(np.random.SFC64(9)),
}
FITS = {
    "adam": {},
    "sgd, no shuffling": {"solver": "sgd", "shuffle": False},
    "early stopping": STOPPING,
    "stops by itself": {"tol": 10.0, "n_iter_no_change": 1},
    "lbfgs": {"solver": "lbfgs"},
}


def drawn(rng):
    rng.standard_normal()
    return rng


def assert_same_generator_state(rng, other):
    ours, theirs = (generator.get_state(legacy=False) for generator in (rng, other))
    np.testing.assert_equal(ours, theirs)


@pytest.mark.parametrize("parameters", FITS.values(), ids=FITS.keys())
@pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS.keys())
def test_generator_is_left_where_scikit_learn_leaves_it(make, parameters):
    X, y = problem("binary")
    generators = make(), make()
    for rng, module in zip(generators, (nnhp, sklearn.neural_network), strict=True):
        module.MLPClassifier((4,), random_state=rng, max_iter=5, **parameters).fit(X, y)
    assert_same_generator_state(*generators)


def test_global_generator():
    X, y = problem("binary")
    nets, states = [], []
    saved = np.random.get_state()  # noqa: NPY002
    try:
        for module in (nnhp, sklearn.neural_network):
            np.random.seed(77)  # noqa: NPY002
            nets.append(module.MLPClassifier((4,), max_iter=5).fit(X, y))
            states.append(np.random.get_state(legacy=False))  # noqa: NPY002
    finally:
        np.random.set_state(saved)  # noqa: NPY002
    assert_same_run(*nets)
    np.testing.assert_equal(*states)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_hidden", [0, 1, 3])
@pytest.mark.parametrize("activation", ["relu", "logistic"])
def test_initial_parameters_have_the_same_bits(kind, n_hidden, activation):
    # A step of 1e-300 leaves every parameter as it was drawn.
    still = {"solver": "sgd", "learning_rate_init": 1e-300, "max_iter": 1, "momentum": 0.0}
    case = Case(kind, still | {"hidden_layer_sizes": (5,) * n_hidden, "activation": activation})
    ours, theirs = case.run(nnhp), case.run(sklearn.neural_network)
    for name in ("coefs_", "intercepts_"):
        for one, other in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_of_the_same_parameters(kind):
    case = Case(kind, loss_of(kind))
    ours, theirs = case.run(nnhp), case.run(sklearn.neural_network)
    theirs.coefs_, theirs.intercepts_ = ours.coefs_, ours.intercepts_
    X, y = problem(kind)
    X = np.vstack([X, 50 * X])
    assert_allclose(raw_outputs(ours, X), raw_outputs(theirs, X), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-12, atol=1e-14)
    assert ours.score(X[: len(y)], y) == pytest.approx(theirs.score(X[: len(y)], y), rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_digits(solver):
    X, y = sklearn.datasets.load_digits(return_X_y=True)
    parameters = {"solver": solver, "hidden_layer_sizes": (32,), "max_iter": 12, "random_state": 1}
    ours, theirs = (
        module.MLPClassifier(**parameters).fit(X / 16, y)
        for module in (nnhp, sklearn.neural_network)
    )
    assert_same_run(ours, theirs)
