"""Activations with parameters: by name, as objects, per layer; trained slopes and pieces."""

import pickle

import numpy as np
import pytest
from helpers import STOPS_EARLY, assert_identical, assert_same_fit, problem, problem_for
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import erf, ndtr
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError

from nnhp import MLPClassifier, MLPRegressor, _core, activations
from nnhp.activations import ELU, LeakyReLU, Maxout, PReLU

pytestmark = STOPS_EARLY

BY_NAME = {"leaky_relu": LeakyReLU(), "elu": ELU(), "maxout": Maxout(), "prelu": PReLU()}
UNUSUAL = [LeakyReLU(0.4), ELU(alpha=1.7), Maxout(pieces=3), PReLU(initial_slope=-0.5)]


def fit(Estimator, **parameters):
    given = {
        "hidden_layer_sizes": (6, 5), "max_iter": 5, "random_state": 0, "learning_rate_init": 0.01
    }  # fmt: skip
    return Estimator(**{**given, **parameters}).fit(*problem_for(Estimator))


def activated(activation, z, slopes):
    """What an activation makes of sums, written out."""
    if isinstance(activation, Maxout):
        return z.reshape(len(z), activation.pieces, -1).max(axis=1)
    slope = {LeakyReLU: "negative_slope", PReLU: None}
    if type(activation) in slope:
        name = slope[type(activation)]
        return np.where(z < 0, z * (slopes if name is None else getattr(activation, name)), z)
    return np.where(z < 0, activation.alpha * np.expm1(z), z)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("activation", UNUSUAL, ids=repr)
def test_an_object_is_its_formula(activation, solver):
    X, _ = problem("one target")
    net = fit(MLPRegressor, activation=activation, solver=solver)
    hidden = X
    for layer in range(2):
        z = hidden @ net.coefs_[layer] + net.intercepts_[layer]
        hidden = activated(activation, z, net.activation_params_[layer])
        assert_allclose(net.layer_outputs(X)[layer], hidden, rtol=1e-11, atol=1e-12)
    expected = (hidden @ net.coefs_[-1] + net.intercepts_[-1]).ravel()
    assert_allclose(net.predict(X), expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_name_is_the_object_with_its_defaults(Estimator, name):
    assert_same_fit(fit(Estimator, activation=BY_NAME[name]), fit(Estimator, activation=name))
    assert_same_fit(
        fit(Estimator, activation=[BY_NAME[name], name]), fit(Estimator, activation=name)
    )


@pytest.mark.parametrize("activation", UNUSUAL, ids=repr)
def test_parameters_matter(activation):
    usual = type(activation)()
    given, other = (fit(MLPClassifier, activation=a).loss_ for a in (activation, usual))
    assert given != other


def test_layers_have_activations_of_their_own():
    net = fit(MLPRegressor, activation=[Maxout(3), "gelu"])
    assert [weights.shape for weights in net.coefs_] == [(7, 18), (6, 5), (5, 1)]
    assert [biases.shape for biases in net.intercepts_] == [(18,), (5,), (1,)]
    assert net.activation_params_ == [None, None]
    net = fit(MLPRegressor, activation=["relu", PReLU()])
    assert net.activation_params_[0] is None
    assert net.activation_params_[1].shape == (5,)


def test_gelu_is_exact():
    X, y = problem("one target")
    net = MLPRegressor(hidden_layer_sizes=(4,), activation="gelu", max_iter=2, random_state=0).fit(
        X, y
    )
    z = X @ net.coefs_[0] + net.intercepts_[0]
    assert_allclose(net.layer_outputs(X)[0], z * ndtr(z), rtol=1e-12)
    assert_allclose(z * ndtr(z), z * (1 + erf(z / np.sqrt(2))) / 2, rtol=1e-10)


def test_slopes_begin_as_asked_for_and_are_trained(dtype):
    X, y = problem("multiclass")
    net = MLPClassifier((6, 5), activation=PReLU(0.4), max_iter=1, solver="sgd", random_state=0)
    still = clone(net).set_params(learning_rate_init=1e-300).fit(X.astype(dtype), y)
    for slopes, units in zip(still.activation_params_, (6, 5), strict=True):
        assert_array_equal(slopes, np.full(units, 0.4, dtype=dtype), strict=True)
    trained = net.set_params(learning_rate_init=0.1).fit(X.astype(dtype), y)
    assert all((slopes != slopes.dtype.type(0.4)).all() for slopes in trained.activation_params_)
    assert all(slopes.dtype == dtype for slopes in trained.activation_params_)


def test_slopes_are_not_penalized():
    options = {"activation": "prelu", "solver": "sgd", "momentum": 0.0, "max_iter": 1,
               "learning_rate_init": 1e-3, "batch_size": 97}  # fmt: skip
    plain, penalized = (fit(MLPRegressor, alpha=alpha, **options) for alpha in (0.0, 50.0))
    assert_identical(penalized.activation_params_, plain.activation_params_)
    assert (penalized.coefs_[0] != plain.coefs_[0]).all()


def test_edited_slopes_count(Estimator):
    X, _ = problem_for(Estimator)
    net = fit(Estimator, activation="prelu")
    leaky = fit(Estimator, activation="leaky_relu")
    net.coefs_, net.intercepts_ = leaky.coefs_, leaky.intercepts_
    net.activation_params_ = [np.full(6, 0.2), np.full(5, 0.2)]
    assert_identical(net.predict(X), leaky.predict(X))


def test_slopes_that_do_not_fit_are_refused():
    X, _ = problem("one target")
    net = fit(MLPRegressor, activation="prelu")
    net.activation_params_[1] = np.ones(4)
    with pytest.raises(ValueError, match="slopes of hidden layer 2"):
        net.predict(X)
    net.activation_params_[1] = None
    with pytest.raises(
        ValueError, match="ask for slopes of hidden layer 1, slopes of hidden layer"
    ):
        net.predict(X)
    net = fit(MLPRegressor, activation="relu").set_params(activation="prelu", warm_start=True)
    with pytest.raises(ValueError, match=r"hold nothing, but .* Fit anew"):
        net.fit(X, X[:, 0])
    with pytest.raises(
        ValueError, match=r"weights of the shapes \[\(7, 12\), \(6, 10\), \(5, 1\)\]"
    ):
        net.set_params(activation="maxout").predict(X)


def test_nets_of_before_know_nothing_of_slopes():
    X, _ = problem("one target")
    net = fit(MLPRegressor)
    expected = net.predict(X)
    del net.activation_params_, net.norm_params_
    assert_identical(net.predict(X), expected)


@pytest.mark.parametrize("activation", [Maxout(3), PReLU(0.1)], ids=repr)
def test_training_goes_on(activation):
    X, y = problem("multiclass")
    options = {"hidden_layer_sizes": (6, 5), "activation": activation, "random_state": 0,
               "shuffle": False, "n_iter_no_change": np.inf}  # fmt: skip
    whole = MLPClassifier(max_iter=3, **options).fit(X, y)
    parts = MLPClassifier(**options)
    for _ in range(3):
        parts.partial_fit(X, y, classes=[0, 1, 2])
    assert_identical(parts.coefs_, whole.coefs_)
    assert_identical(parts.activation_params_, whole.activation_params_)
    warm = MLPClassifier(max_iter=2, warm_start=True, **options).fit(X, y)
    before = pickle.loads(pickle.dumps(warm))
    assert_same_fit(before.fit(X, y), warm.fit(X, y))


def test_objects_are_values():
    assert LeakyReLU(0.2) == LeakyReLU() != LeakyReLU(0.3)
    assert LeakyReLU() != ELU()
    assert len({Maxout(), Maxout(2), Maxout(3)}) == 2
    net = MLPClassifier(activation=Maxout(3))
    assert net.get_params()["activation__pieces"] == 3
    twin = clone(net).set_params(activation__pieces=4)
    assert (net.activation.pieces, twin.activation.pieces) == (3, 4)
    assert pickle.loads(pickle.dumps(PReLU(0.1))) == PReLU(0.1)
    assert repr(ELU(alpha=2)) == "ELU(alpha=2)"


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        (LeakyReLU(-0.1), "'negative_slope' parameter of LeakyReLU must be a float in the range"),
        (ELU(0), "'alpha' parameter of ELU must be"),
        (Maxout(1), "'pieces' parameter of Maxout must be an int in the range"),
        (Maxout(2.5), "'pieces' parameter of Maxout must be"),
        (PReLU(np.nan), "'initial_slope' parameter of PReLU must be"),
        (PReLU("a"), "'initial_slope' parameter of PReLU must be"),
        ([Maxout, "relu"], "activation must be an object, got the class Maxout"),
        (["relu", 3], "activation must be one of 'elu', 'gelu'.* got 3"),
        (["relu", "snake"], r"\(or an object of nnhp.activations\), got 'snake'"),
    ],
    ids=str,
)
def test_bad_activations_are_refused(Estimator, activation, message):
    with pytest.raises(InvalidParameterError, match=message):
        fit(Estimator, activation=activation)


def test_unknown_names_list_the_known_ones_wherever_they_come_from():
    known = sorted({*_core.activations(), *activations.ALIASES})
    for given in ("snake", ["relu", "snake"]):
        with pytest.raises(InvalidParameterError) as error:
            fit(MLPClassifier, activation=given)
        assert ", ".join(map(repr, known)) in str(error.value)
        assert "'snake'" in str(error.value)


def test_too_many_pieces_are_refused():
    with pytest.raises(ValueError, match="hidden_layer_sizes times the pieces"):
        fit(MLPRegressor, hidden_layer_sizes=(2**20,), activation=Maxout(2**20))
    with pytest.raises(MemoryError, match="needs about"):
        fit(MLPRegressor, hidden_layer_sizes=(2**20, 2**20), activation=Maxout(2**10))
