"""Where nets start: moments of the draws, arrays, 'auto', and layers of fitted networks."""

import inspect
import pickle

import numpy as np
import pytest
import sklearn.neural_network
from helpers import STOPS_EARLY, assert_identical, assert_same_fit, problem, problem_for
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import nnhp
from nnhp import MLPClassifier, MLPRegressor, initializers
from nnhp.initializers import (
    ALIASES,
    BY_NAME,
    Constant,
    GlorotNormal,
    HeNormal,
    HeUniform,
    Initializer,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
)
from nnhp.search._fingerprint import describe

pytestmark = STOPS_EARLY

# A net that fit leaves where it starts.
STILL = {"solver": "sgd", "learning_rate_init": 1e-300, "max_iter": 1, "random_state": 3}
SHAPE = (30, 50)
N_DRAWS = 200  # of 1500 values each
CUT = 0.87962566103423978  # standard deviation of a normal distribution cut at 2


def start(Estimator=MLPClassifier, hidden=(6, 5), **parameters):
    """A net with its initial parameters."""
    return Estimator(hidden_layer_sizes=hidden, **STILL | parameters).fit(*problem_for(Estimator))


# ------------------------------------------------------------------------------- moments

# name -> (initializer, variance, greatest magnitude, mean)
DRAWS = {
    "glorot_uniform": ("glorot_uniform", 2 / 80, (6 / 80) ** 0.5, 0),
    "glorot_normal": ("glorot_normal", 2 / 80, 2 * (2 / 80) ** 0.5 / CUT, 0),
    "he_uniform": ("he_uniform", 2 / 30, (6 / 30) ** 0.5, 0),
    "he_normal": ("he_normal", 2 / 30, 2 * (2 / 30) ** 0.5 / CUT, 0),
    "lecun_uniform": ("lecun_uniform", 1 / 30, (3 / 30) ** 0.5, 0),
    "lecun_normal": ("lecun_normal", 1 / 30, 2 * (1 / 30) ** 0.5 / CUT, 0),
    "uniform": ("uniform", 0.1**2 / 12, 0.05, 0),
    "uniform from 1 to 4": (RandomUniform(1, 4), 9 / 12, 4, 2.5),
    "normal": ("normal", 0.05**2, np.inf, 0),
    "normal around 3": (RandomNormal(mean=3, stddev=0.5), 0.25, np.inf, 3),
    "truncated_normal": ("truncated_normal", (0.05 * CUT) ** 2, 0.1, 0),
    "truncated around -2": (TruncatedNormal(mean=-2, stddev=0.5), (0.5 * CUT) ** 2, 3, -2),
    "orthogonal": ("orthogonal", 1 / 50, 1, 0),
}


def object_of(initializer):
    return BY_NAME[initializer]() if isinstance(initializer, str) else initializer


@pytest.mark.parametrize(("initializer", "variance", "bound", "mean"), DRAWS.values(), ids=DRAWS)
def test_moments(initializer, variance, bound, mean):
    rng = np.random.RandomState(0)
    values = np.stack([object_of(initializer)(SHAPE, rng) for _ in range(N_DRAWS)])
    assert values.shape == (N_DRAWS, *SHAPE)
    assert values.dtype == np.float64
    n = values.size
    # Within four standard errors; those of a variance are at most as of a normal distribution.
    assert abs(values.mean() - mean) < 4 * (variance / n) ** 0.5
    assert abs(values.var() - variance) < 4 * variance * (2 / n) ** 0.5
    assert np.abs(values).max() <= bound
    if np.isfinite(bound) and initializer != "orthogonal":
        assert np.abs(values).max() > bound - 0.01 * abs(bound - abs(mean))


@pytest.mark.parametrize("name", [name for name in DRAWS if name in BY_NAME])
def test_moments_of_biases(name):
    """For them, inputs and outputs are both their number."""
    if name == "orthogonal":
        with pytest.raises(ValueError, match="needs the shape of a matrix"):
            Orthogonal()((50,))
        return
    rng = np.random.RandomState(0)
    biases = np.stack([BY_NAME[name]()((50,), rng) for _ in range(2000)])
    square = np.stack([BY_NAME[name]()((50, 50), rng) for _ in range(40)])
    assert biases.var() == pytest.approx(square.var(), rel=0.03)


@pytest.mark.parametrize("shape", [(40, 7), (7, 40), (12, 12), (1, 5), (5, 1)])
def test_orthogonal_rows_or_columns(shape):
    matrix = Orthogonal(gain=3.0)(shape, 0)
    short = matrix if shape[0] <= shape[1] else matrix.T
    assert_allclose(short @ short.T, 9 * np.eye(min(shape)), atol=1e-12)


def test_orthogonal_matrices_are_uniform():
    """Each entry is negative as often as positive, the corner too, which a bare QR makes not."""
    rng = np.random.RandomState(1)
    corners = [Orthogonal()((3, 3), rng)[2, 2] for _ in range(2000)]
    assert abs(np.mean(corners)) < 4 / 3**0.5 / 2000**0.5
    assert np.var(corners) == pytest.approx(1 / 3, rel=0.1)


@pytest.mark.parametrize(
    ("initializer", "value"), [("zeros", 0), ("ones", 1), ("constant", 0), (Constant(0.3), 0.3)]
)
def test_what_is_not_random(initializer, value):
    net = start(kernel_initializer=initializer, bias_initializer=initializer)
    # A step of 1e-300 is all that training adds.
    assert all(np.abs(a - value).max() < 1e-290 for a in [*net.coefs_, *net.intercepts_])


def test_a_seed_gives_the_same_values():
    for kind in BY_NAME.values():
        assert_identical(kind()(SHAPE, 5), kind()(SHAPE, 5))
        if kind.name not in ("zeros", "ones", "constant"):
            assert (kind()(SHAPE, 5) != kind()(SHAPE, 6)).any()


# ------------------------------------------------------------------------------- the stream


def drawn_by_scikit_learn(Estimator, **parameters):
    theirs = getattr(sklearn.neural_network, Estimator.__name__)
    return theirs(hidden_layer_sizes=(6, 5), **STILL | parameters).fit(*problem_for(Estimator))


@pytest.mark.parametrize("activation", ["relu", "logistic"])
def test_none_is_scikit_learns_draw(Estimator, activation):
    ours, theirs = start(Estimator, activation=activation), drawn_by_scikit_learn(
        Estimator, activation=activation
    )  # fmt: skip
    assert_identical(ours.coefs_, theirs.coefs_)
    assert_identical(ours.intercepts_, theirs.intercepts_)
    listed = start(Estimator, activation=activation, kernel_initializer=[None] * 3)
    assert_identical(listed.coefs_, ours.coefs_)


def test_weights_then_biases_are_drawn_layer_by_layer():
    net = start(kernel_initializer="he_normal", bias_initializer="uniform")
    rng = np.random.RandomState(STILL["random_state"])
    for weights, biases in zip(net.coefs_, net.intercepts_, strict=True):
        assert_identical(weights, HeNormal()(weights.shape, rng))
        assert_identical(biases, RandomUniform()(biases.shape, rng))


def test_what_is_not_random_draws_nothing():
    net = start(kernel_initializer=["normal", np.ones((6, 5)), "normal"], bias_initializer="zeros")
    rng = np.random.RandomState(STILL["random_state"])
    assert_identical(net.coefs_[0], RandomNormal()((7, 6), rng))
    assert_identical(net.coefs_[1], np.ones((6, 5)))
    assert_identical(net.coefs_[2], RandomNormal()((5, 3), rng))


def test_float32_nets_round_the_same_draw():
    single = start(kernel_initializer="glorot_normal", dtype="float32")
    double = start(kernel_initializer="glorot_normal")
    for a, b in zip(single.coefs_, double.coefs_, strict=True):
        assert_identical(a, b.astype(np.float32))


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_every_name_trains_with_every_solver(solver):
    nets = {
        name: MLPClassifier(
            (6,), solver=solver, kernel_initializer=name, bias_initializer="zeros", random_state=0,
            max_iter=3,
        ).fit(*problem("multiclass"))
        for name in ["auto", *BY_NAME, *ALIASES]
    }  # fmt: skip
    for alias, name in ALIASES.items():
        assert_identical(nets[alias].coefs_, nets[name].coefs_)
    # 'constant' is 'zeros' by default, as in Keras.
    distinct = {net.coefs_[0].tobytes() for net in nets.values()}
    assert len(distinct) == len(nets) - len(ALIASES) - 1


AUTO = {
    "relu": HeNormal,
    "leaky_relu": HeNormal,
    "elu": HeNormal,
    "silu": HeNormal,
    "mish": HeNormal,
    "selu": initializers.LecunNormal,
    "tanh": initializers.GlorotUniform,
    "logistic": initializers.GlorotUniform,
    "softplus": initializers.GlorotUniform,
    "swish": HeNormal,
}


@pytest.mark.parametrize("activation", AUTO)
def test_auto_goes_by_the_activation(activation):
    net = start(activation=[activation, "tanh"], kernel_initializer="auto", bias_initializer="auto")
    rng = np.random.RandomState(STILL["random_state"])
    assert_identical(net.coefs_[0], AUTO[activation]()((7, 6), rng))
    assert_identical(net.coefs_[1], initializers.GlorotUniform()((6, 5), rng))
    assert_identical(net.coefs_[2], initializers.GlorotUniform()((5, 3), rng))
    assert all(np.abs(biases).max() < 1e-290 for biases in net.intercepts_)


# ------------------------------------------------------------------------------- arrays


def test_arrays_per_layer(Estimator):
    source = start(Estimator, random_state=8)
    net = start(
        Estimator,
        kernel_initializer=source.coefs_,
        bias_initializer=[biases.tolist() for biases in source.intercepts_],
    )
    assert_identical(net.coefs_, source.coefs_)
    assert_identical(net.intercepts_, source.intercepts_)
    assert all(a is not b for a, b in zip(net.coefs_, source.coefs_, strict=True))


def test_a_list_of_all_kinds():
    source = start(random_state=8)
    net = start(
        kernel_initializer=[source, "zeros", np.full((5, 3), 0.5)],
        bias_initializer=(Constant(2.0), None, source),
    )
    assert_identical(net.coefs_[0], source.coefs_[0])
    assert np.abs(net.coefs_[1]).max() < 1e-290
    assert (net.coefs_[2] == 0.5).all()
    assert (net.intercepts_[0] == 2).all()
    assert_identical(net.intercepts_[2], source.intercepts_[2])


# ------------------------------------------------------------------------------- fitted networks


@pytest.fixture(scope="module")
def small():
    """A fitted net of 7-6-5-3."""
    return MLPClassifier((6, 5), max_iter=5, random_state=7).fit(*problem("multiclass"))


def both(source):
    return {"kernel_initializer": source, "bias_initializer": source}


# hidden layers of the new net -> (its layer, the source's) that are copied
GROWN = {
    (6, 5): [(0, 0), (1, 1), (2, 2)],
    (6, 5, 5): [(0, 0), (1, 1), (3, 2)],
    (6,): [(0, 0)],
    (6, 9): [(0, 0)],
    (9, 5): [(2, 2)],
    (6, 9, 5): [(0, 0), (3, 2)],
    (5,): [(1, 2)],
}


@pytest.mark.parametrize("hidden", GROWN, ids=str)
def test_layers_of_equal_shape_are_copied(small, hidden):
    net, drawn = start(hidden=hidden, **both(small)), start(hidden=hidden)
    copied = dict(GROWN[hidden])
    for layer, (weights, biases) in enumerate(zip(net.coefs_, net.intercepts_, strict=True)):
        if layer in copied:
            assert_identical(weights, small.coefs_[copied[layer]])
            assert_identical(biases, small.intercepts_[copied[layer]])
        else:
            # By scikit-learn's rule; only the place in the stream is another.
            bound = (6 / sum(weights.shape)) ** 0.5
            assert 0.5 * bound < np.abs(weights).max() < bound
            assert np.abs(biases).max() < bound
    assert drawn.coefs_[0].shape == net.coefs_[0].shape


def test_num_layers_grows_a_net():
    X, y = problem("multiclass")
    net = MLPClassifier(6, num_layers=1, max_iter=5, random_state=7).fit(X, y)
    for num_layers in (2, 3):
        deeper = MLPClassifier(6, num_layers=num_layers, **STILL, **both(net)).fit(X, y)
        assert_identical(deeper.coefs_[: num_layers - 1], net.coefs_[: num_layers - 1])
        assert_identical(deeper.coefs_[-1], net.coefs_[-1])
        net = deeper.set_params(learning_rate_init=0.01, solver="adam").fit(X, y)


def test_only_weights_are_copied_by_a_kernel_initializer(small):
    net = start(kernel_initializer=small)
    assert_identical(net.coefs_, small.coefs_)
    assert all((a != b).all() for a, b in zip(net.intercepts_, small.intercepts_, strict=True))


def test_a_net_for_other_targets_takes_the_hidden_layers(small):
    X, y = problem("one target")
    net = MLPRegressor(hidden_layer_sizes=(6, 5), **STILL, **both(small)).fit(X, y)
    assert_identical(net.coefs_[:2], small.coefs_[:2])
    assert net.coefs_[2].shape == (5, 1)


@pytest.mark.parametrize(
    "wrap",
    [
        FrozenEstimator,
        lambda net: make_pipeline(StandardScaler(), net),
        lambda net: FrozenEstimator(make_pipeline(StandardScaler(), net)),
        lambda net: make_pipeline(StandardScaler(), FrozenEstimator(net)),
        lambda net: pickle.loads(pickle.dumps(net)),
    ],
    ids=["frozen", "pipeline", "frozen pipeline", "pipeline of frozen", "pickled"],
)
def test_what_a_fitted_network_may_come_in(small, wrap):
    source = wrap(small)
    assert_identical(start(**both(source)).coefs_, small.coefs_)
    again = clone(clone(MLPClassifier((6, 5), **STILL, **both(source))))
    assert_identical(again.fit(*problem("multiclass")).coefs_, small.coefs_)


def test_a_net_of_scikit_learn_is_a_source():
    source = drawn_by_scikit_learn(MLPClassifier, random_state=9)
    assert_identical(start(**both(source)).coefs_, source.coefs_)


@pytest.mark.parametrize("normalization", ["batch", "layer", None])
def test_slopes_and_normalizations_come_with_the_biases(normalization):
    X, y = problem("multiclass")
    learned = {"activation": "prelu", "normalization": normalization}
    source = MLPClassifier((6, 5), max_iter=20, learning_rate_init=0.05, random_state=7, **learned)
    source.fit(X, y)
    # All that it has learned is there: a net that does not learn computes the same.
    copy = start(frozen_layers=[0, 1], **learned, **both(source))
    assert_identical(copy.activation_params_, source.activation_params_)
    assert_identical(copy.norm_params_, source.norm_params_)
    assert_identical(copy.predict_proba(X), source.predict_proba(X))
    # Deeper, each layer has its own.
    deeper = start(hidden=(6, 5, 4), frozen_layers=[0, 1], **learned, **both(source))
    assert_identical(deeper.layer_outputs(X)[:2], source.layer_outputs(X)[:2])
    assert_identical(deeper.activation_params_[2], np.full(4, 0.25))
    # By the weights alone nothing else is copied, and what has no place is not left out silently.
    weights_only = start(frozen_layers=[0, 1], **learned, kernel_initializer=source)
    assert_identical(weights_only.activation_params_[0], np.full(6, 0.25))
    with pytest.raises(
        ValueError, match=r"bias_initializer: the fitted network has .*slopes of hid"
    ):
        start(**both(source))


def test_a_fitted_network_is_a_value(small):
    """Its parameters are not those of the net that copies it: nothing sets them."""
    net = MLPClassifier((6, 5), max_iter=2, random_state=0, **both(small))
    assert not any("initializer__" in name for name in net.get_params())
    assert (
        "kernel_initializer__stddev"
        in net.set_params(kernel_initializer=RandomNormal()).get_params()
    )
    source = clone(small).set_params(random_state=None).fit(*problem("multiclass"))
    net.set_params(random_state=None, **both(source))
    nnhp.sweep(net, *problem("multiclass"), "alpha", [0.1], cv=2, repeats=1)
    BaggingClassifier(net, n_estimators=2, random_state=0).fit(*problem("multiclass"))
    assert source.random_state is None


def test_training_leaves_the_source_as_it_is(small):
    before = pickle.dumps(small)
    X, y = problem("multiclass")
    net = MLPClassifier((6, 5), max_iter=5, random_state=0, **both(small)).fit(X, y)
    assert pickle.dumps(small) == before
    assert (net.coefs_[0] != small.coefs_[0]).any()
    assert net.kernel_initializer is small


def test_clone_keeps_the_fit_of_sources_and_copies_the_rest(small):
    net = MLPClassifier(kernel_initializer=[small, RandomNormal(), np.ones(2)])
    copied = clone(net)
    assert copied.kernel_initializer[0] is small
    assert copied.kernel_initializer[1] == RandomNormal()
    assert copied.kernel_initializer[1] is not net.kernel_initializer[1]
    assert copied.kernel_initializer[2] is not net.kernel_initializer[2]
    assert not hasattr(clone(small), "coefs_")
    assert not hasattr(clone(start(kernel_initializer=small)), "coefs_")


def test_a_warm_start_goes_on_from_where_it_is(small):
    X, y = problem("multiclass")
    net = start().set_params(warm_start=True, **both(small)).fit(X, y)
    assert (net.coefs_[0] != small.coefs_[0]).all()


# ------------------------------------------------------------------------------- searches


@pytest.mark.parametrize("Search", [GridSearchCV, nnhp.GridSearchCV])
@pytest.mark.parametrize("inside", [False, True], ids=["bare", "pipeline"])
def test_a_search_from_a_fitted_network(small, Search, inside):
    """The base's initializer keeps its fit; candidates' are kept by FrozenEstimator."""
    X, y = problem("multiclass")
    net = MLPClassifier((6, 5), max_iter=3, random_state=0, **both(small))
    estimator = make_pipeline(StandardScaler(), net) if inside else net
    prefix = "mlpclassifier__" if inside else ""
    grid = {f"{prefix}alpha": [1e-3, 1.0]}
    search = Search(estimator, grid, cv=2).fit(X, y)
    expected = clone(estimator).set_params(**search.best_params_).fit(X, y)
    assert_same_fit(*(e[-1] if inside else e for e in (search.best_estimator_, expected)))
    given = {
        f"{prefix}kernel_initializer": [FrozenEstimator(small), "he_uniform", HeUniform(), None],
    }
    blank = clone(estimator).set_params(**{f"{prefix}{name}": None for name in both(None)})
    scores = Search(blank, given, cv=2).fit(X, y).cv_results_["mean_test_score"]
    assert scores[1] == scores[2]
    assert len(set(scores)) > 1


@pytest.mark.parametrize("Search", [GridSearchCV, nnhp.GridSearchCV])
def test_a_candidate_that_lost_its_fit_says_what_to_do(small, Search):
    search = Search(
        MLPClassifier((6, 5)), {"kernel_initializer": [small]}, cv=2, error_score="raise"
    )
    with pytest.raises(NotFittedError, match=r"wrap it in sklearn\.frozen\.Frozen"):
        search.fit(*problem("multiclass"))


def test_searches_with_other_sources_are_others(small):
    other = MLPClassifier((6, 5), max_iter=6, random_state=7).fit(*problem("multiclass"))
    same = pickle.loads(pickle.dumps(small))
    other.set_params(max_iter=5)
    wraps = [
        lambda net: MLPClassifier(kernel_initializer=net),
        lambda net: MLPClassifier(bias_initializer=[None, net]),
        lambda net: make_pipeline(StandardScaler(), MLPClassifier(kernel_initializer=net)),
        lambda net: {"kernel_initializer": [None, FrozenEstimator(net)]},
        lambda net: [FrozenEstimator(make_pipeline(StandardScaler(), net))],
        lambda net: MLPClassifier(kernel_initializer=make_pipeline(StandardScaler(), net)),
    ]
    for wrap in wraps:
        assert describe(wrap(small)) == describe(wrap(same))
        assert describe(wrap(small)) != describe(wrap(other))
    # The fit of the estimator that is searched is no part of a search.
    assert describe(small) == describe(clone(small)) == describe(other)


# ------------------------------------------------------------------------------- what is refused

REFUSED = {
    "too few": ([None, "zeros"], r"one entry per layer, the output layer included \(3\), got 2"),
    "shape": ([None, np.ones((6, 6)), None], r"of layer 2 must have the shape \(6, 5\), got"),
    "no matrix": ([np.ones(6), None, None], r"of layer 1 must have the shape \(7, 6\), got \(6,\)"),
    "NaN": ([None, None, np.full((5, 3), np.nan)], "of layer 3 must give .* finite in float64"),
    "text": ([["a", "b"], None, None], "of layer 1 must be numbers"),
    "an unknown name": ([None, "he", None], "kernel_initializer must be one of 'auto', 'constant'"),
    "a class": (HeNormal, "must be an object, got the class HeNormal"),
    "not fitted": (MLPClassifier(), "MLPClassifier has no coefs_ and intercepts_"),
    "no network": (LogisticRegression(), "LogisticRegression has no coefs_"),
    "stddev": (RandomNormal(stddev=-1), "'stddev' parameter of RandomNormal must be"),
    "minval": (RandomUniform(1, 0), "minval <= maxval, got minval=1 and maxval=0"),
    "infinite": (Constant(np.inf), "'value' parameter of Constant must be"),
    "gain": ([None, Orthogonal(gain="2"), None], "'gain' parameter of Orthogonal must be"),
}


@pytest.mark.parametrize(("given", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        start(kernel_initializer=given)


@pytest.mark.parametrize("given", [Constant(1e39), [None, np.full((6, 5), 1e39), None]], ids=str)
def test_what_float32_cannot_hold_is_refused(given):
    start(kernel_initializer=given, dtype="float64", activation="tanh")
    with pytest.raises(ValueError, match=r"of layer . must give .* in float32, got 1e\+39"):
        start(kernel_initializer=given, dtype="float32")


def test_biases_are_no_matrix():
    for given in ("orthogonal", Orthogonal(), [None, None, "orthogonal"]):
        with pytest.raises(ValueError, match="bias_initializer cannot be orthogonal"):
            start(bias_initializer=given)
    with pytest.raises(ValueError, match=r"bias_initializer of layer 1 must have the shape \(6,\)"):
        start(bias_initializer=[np.ones((1, 6)), None, None])


def test_a_network_without_a_fitting_layer_is_refused(small):
    message = (
        r"kernel_initializer: the fitted network has no layer of the shape that this one needs\. "
        r"Its weights have the shapes \[\(7, 6\), \(6, 5\), \(5, 3\)\], those here "
        r"\[\(7, 4\), \(4, 4\), \(4, 3\)\]"
    )
    with pytest.raises(ValueError, match=message):
        start(hidden=(4, 4), kernel_initializer=small)
    with pytest.raises(ValueError, match="bias_initializer: the fitted network has no layer 2 of"):
        start(hidden=(6, 9), bias_initializer=[small, small, None])


def test_a_frozen_layer_that_is_not_copied_is_refused(small):
    for option in ("kernel_initializer", "bias_initializer"):
        with pytest.raises(ValueError, match=rf"frozen_layers: layer 0 .* {option} .* \(7, 9\)"):
            start(hidden=(9, 5), frozen_layers=[0], **{option: small})
    start(hidden=(9, 5), frozen_layers=[2], **both(small))
    start(hidden=(9, 5), frozen_layers=[0])


def test_initializers_are_values():
    assert {getattr(initializers, name) for name in initializers.__all__} == {
        Initializer,
        *BY_NAME.values(),
    }
    for kind in BY_NAME.values():
        assert clone(kind()) == pickle.loads(pickle.dumps(kind())) == kind()
        assert inspect.getdoc(kind)
    assert RandomNormal(0.0, 0.1) != RandomNormal()
    assert HeNormal() != GlorotNormal()
    net = MLPRegressor(kernel_initializer=RandomNormal()).set_params(kernel_initializer__stddev=2)
    assert net.get_params()["kernel_initializer__stddev"] == 2
