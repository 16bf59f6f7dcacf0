"""What nnhp adds to scikit-learn's parameters: each does what it says, and by default nothing."""

import copy
import inspect
import re

import numpy as np
import pytest
from helpers import (
    N_SAMPLES,
    STOPS_EARLY,
    assert_identical,
    assert_same_fit,
    fitted_state,
    problem,
    problem_for,
    raw_outputs,
)
from numpy.testing import assert_allclose
from scipy.special import expit, ndtr
from sklearn.base import clone
from sklearn.metrics import (
    balanced_accuracy_score,
    make_scorer,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
)
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from nnhp import MLPClassifier, MLPRegressor, _core

pytestmark = STOPS_EARLY

NEUTRAL = {
    "dropout": 0.0,
    "input_dropout": 0.0,
    "l1_ratio": 0.0,
    "num_layers": None,
    "scoring": None,
    "dtype": "auto",
    "on_divergence": "restore_best",
    "n_jobs": None,
}


def fit(estimator_class, kind=None, **parameters):
    """Fit a small net to a problem, which suits the class if `kind` is None."""
    X, y = problem_for(estimator_class) if kind is None else problem(kind)
    parameters = {"hidden_layer_sizes": (8, 6), "max_iter": 10, "random_state": 0, **parameters}
    return estimator_class(**parameters).fit(X, y)


def without(state, *names):
    return {name: value for name, value in state.items() if name not in names}


@pytest.mark.parametrize(
    ("name", "value"),
    [*NEUTRAL.items(), ("dropout", [0.0, 0.0]), ("activation", ["relu", "relu"]),
     ("learning_rate", 0.001), ("learning_rate", [0.001])],
    ids=str,
)  # fmt: skip
def test_neutral_values_change_nothing(Estimator, name, value):
    actual, expected = fit(Estimator, **{name: value}), fit(Estimator)
    # How the optimizer goes on may be noted in other words.
    states = [without(fitted_state(net), "_optimizer_state") for net in (actual, expected)]
    assert_identical(*states)
    for moment in ("moment_1", "moment_2"):
        assert_identical(actual._optimizer_state[moment], expected._optimizer_state[moment])


# ------------------------------------------------------------------------------- dropout

DROPOUT = {
    "one rate": {"dropout": 0.4},
    "a rate per layer": {"dropout": [0.5, 0.0]},
    "input": {"input_dropout": 0.3},
}


@pytest.mark.parametrize("parameters", DROPOUT.values(), ids=DROPOUT.keys())
def test_dropout_is_reproducible_and_keyed_by_the_seed(Estimator, parameters):
    net = fit(Estimator, **parameters)
    assert_same_fit(fit(Estimator, **parameters), net)
    plain, other_seed = fit(Estimator), fit(Estimator, random_state=1, **parameters)
    assert net.loss_curve_[0] != plain.loss_curve_[0]
    assert net.loss_curve_[0] != other_seed.loss_curve_[0]


def test_the_masks_follow_the_state_of_the_generator(Estimator):
    """Seeds that change nothing but the masks: same weights, no shuffling."""
    X, y = problem_for(Estimator)
    start = fit(Estimator, warm_start=True, shuffle=False)

    def loss(seed, rate):
        return copy.deepcopy(start).set_params(random_state=seed, dropout=rate).fit(X, y).loss_

    assert loss(1, 0.0) == loss(2, 0.0)
    advanced = np.random.RandomState(1)
    advanced.uniform()
    pcg = [np.random.RandomState(np.random.PCG64(seed)) for seed in (1, 2)]
    losses = [loss(seed, 0.5) for seed in (1, 2, advanced, *pcg)]
    assert len(set(losses)) == len(losses)
    assert loss(np.random.RandomState(1), 0.5) == losses[0]


@pytest.mark.parametrize("go_on", ["fit", "partial_fit"])
def test_the_masks_are_others_when_a_training_goes_on(Estimator, go_on):
    X, y = problem_for(Estimator)
    # Nothing but the masks changes: the weights stay, and the rows' order.
    still = {"solver": "sgd", "learning_rate_init": 1e-300, "shuffle": False, "max_iter": 1}
    net = fit(Estimator, dropout=0.5, warm_start=True, **still)
    losses = [net.loss_, *(getattr(net, go_on)(X, y).loss_ for _ in range(3))]
    assert len(set(losses)) == 4
    assert losses[0] == fit(Estimator, dropout=0.5, **still).loss_


def test_dropout_draws_nothing_from_the_generator(Estimator):
    generators = [np.random.RandomState(3) for _ in range(2)]
    for rng, rate in zip(generators, (0.0, 0.5), strict=True):
        fit(Estimator, dropout=rate, random_state=rng)
    states = [rng.get_state(legacy=False) for rng in generators]
    np.testing.assert_equal(*states)


def test_dropout_only_acts_in_training(Estimator):
    X, y = problem_for(Estimator)
    net = fit(Estimator, dropout=0.5, input_dropout=0.5)
    plain = clone(net).set_params(dropout=0.0, input_dropout=0.0).fit(X, y)
    plain.coefs_, plain.intercepts_ = net.coefs_, net.intercepts_
    assert_identical(raw_outputs(net, X), raw_outputs(plain, X))


def test_dropped_units_are_made_up_for():
    """In the mean over masks, a linear net puts out in training what it predicts."""
    X, y = problem("one target")
    repeated = np.repeat(X, 2000, axis=0), np.repeat(y, 2000)
    # Squared error of outputs whose mean is the prediction: its variance comes on top.
    still = {"solver": "sgd", "learning_rate_init": 1e-300, "max_iter": 1, "alpha": 0.0}
    net = MLPRegressor(
        hidden_layer_sizes=(), activation="identity", input_dropout=0.25, random_state=0, **still
    ).fit(*repeated)
    prediction = net.predict(X)
    weights = net.coefs_[0].ravel()
    variance = (X * weights) ** 2 @ np.full(len(weights), 0.25 / 0.75)
    expected = ((prediction - y) ** 2 + variance).mean() / 2
    assert net.loss_ == pytest.approx(expected, rel=0.01)
    assert net.loss_ != pytest.approx(((prediction - y) ** 2).mean() / 2, rel=0.05)


@pytest.mark.parametrize("layer", [0, 1])
def test_a_rate_belongs_to_its_layer(layer):
    """A layer whose units are nearly all dropped passes nearly no gradient on."""
    rates = [0.0, 0.0]
    rates[layer] = 0.999999
    start = fit(MLPRegressor, learning_rate=1e-300, max_iter=1, solver="sgd", momentum=0.0)
    net = fit(MLPRegressor, dropout=rates, alpha=0.0, max_iter=1, solver="sgd", momentum=0.0)
    still = [
        np.array_equal(one, other) for one, other in zip(net.coefs_, start.coefs_, strict=True)
    ]
    assert still == ([True, True, False] if layer == 0 else [True, True, True])


# ------------------------------------------------------------------------------- penalties


@pytest.mark.parametrize("l1_ratio", [0.0, 0.3, 1.0])
def test_a_larger_penalty_makes_smaller_weights(Estimator, l1_ratio):
    def size(alpha):
        net = fit(Estimator, alpha=alpha, l1_ratio=l1_ratio, max_iter=150, learning_rate=0.01)
        return sum(np.abs(weights).sum() for weights in net.coefs_)

    sizes = [size(alpha) for alpha in (0.0, 0.3, 3.0)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 0.7 * sizes[0]


def test_the_loss_holds_the_penalty_as_documented():
    still = {"solver": "sgd", "learning_rate": 1e-300, "max_iter": 1, "batch_size": N_SAMPLES}
    plain = fit(MLPRegressor, alpha=0.0, **still)
    every = np.concatenate([weights.ravel() for weights in plain.coefs_])
    for l1_ratio in (0.0, 0.25, 1.0):
        net = fit(MLPRegressor, alpha=2.0, l1_ratio=l1_ratio, **still)
        penalty = (1 - l1_ratio) / 2 * (every**2).sum() + l1_ratio * np.abs(every).sum()
        assert net.loss_ - plain.loss_ == pytest.approx(2.0 * penalty / N_SAMPLES, rel=1e-10)


# ------------------------------------------------------------------------------- class weights

CLASS_WEIGHTS = {"balanced": "balanced", "dict": {0: 0.5, 1: 3.0, 2: 0.0}}


@pytest.mark.parametrize("class_weight", CLASS_WEIGHTS.values(), ids=CLASS_WEIGHTS.keys())
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_class_weight_is_a_sample_weight(class_weight, solver):
    X, y = problem("multiclass")
    net = MLPClassifier((6,), solver=solver, max_iter=5, random_state=0)
    equivalent = net.fit(X, y, sample_weight=compute_sample_weight(class_weight, y))
    weighted = clone(net).set_params(class_weight=class_weight).fit(X, y)
    assert_same_fit(weighted, equivalent)


def test_class_weight_times_sample_weight_and_by_label():
    X, y = problem("multiclass")
    labels = np.array(["no", "perhaps", "yes"])[y]
    by_label = {"no": 2.0, "perhaps": 1.0, "yes": 0.25}
    weight = np.random.RandomState(0).uniform(0.5, 2, len(y))
    net = MLPClassifier((6,), class_weight=by_label, max_iter=5, random_state=0)
    net.fit(X, labels, sample_weight=weight)
    of_row = np.array([by_label[label] for label in labels])
    plain = clone(net).set_params(class_weight=None).fit(X, labels, sample_weight=of_row * weight)
    assert_same_fit(net, plain)


def test_class_weight_weighs_the_validation_score_too():
    X, y = problem("binary")
    weights = {0: 1.0, 1: 9.0}
    net = MLPClassifier((6,), early_stopping=True, class_weight=weights, max_iter=6, random_state=0)
    net.fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:])
    plain = clone(net).set_params(class_weight=None)
    plain.fit(
        X[:60],
        y[:60],
        sample_weight=compute_sample_weight(weights, y[:60]),
        X_val=X[60:],
        y_val=y[60:],
        sample_weight_val=compute_sample_weight(weights, y[60:]),
    )
    assert_same_fit(net, plain)


def test_balanced_counts_the_y_that_is_given_to_fit():
    X, y = problem("multiclass")
    net = MLPClassifier((6,), class_weight="balanced", max_iter=4, random_state=0)
    net.fit(X[:50], y[:50], X_val=X[50:], y_val=y[50:])
    of_class = compute_class_weight("balanced", classes=np.arange(3), y=y[:50])
    plain = clone(net).set_params(class_weight=None)
    plain.fit(
        X[:50],
        y[:50],
        sample_weight=of_class[y[:50]],
        X_val=X[50:],
        y_val=y[50:],
        sample_weight_val=of_class[y[50:]],
    )
    assert_same_fit(net, plain)


def test_class_weight_in_partial_fit():
    X, y = problem("multiclass")
    weights = {0: 0.5, 1: 3.0, 2: 1.0}
    net = MLPClassifier((6,), class_weight=weights, random_state=0)
    plain = MLPClassifier((6,), random_state=0)
    for rows in (slice(0, 40), slice(40, 97)):
        net.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
        weight = compute_sample_weight(weights, y[rows])
        plain.partial_fit(X[rows], y[rows], classes=[0, 1, 2], sample_weight=weight)
    assert_same_fit(net, plain)


# ------------------------------------------------------------------------------- layers


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(
    ("sizes", "num_layers", "meaning"),
    [(5, 3, (5, 5, 5)), ([5], 2, (5, 5)), ((5,), 1, (5,)), (5, 0, ()), ((), 0, ())],
)
def test_num_layers_repeats_a_size(Estimator, sizes, num_layers, meaning, solver):
    parameters = {"solver": solver, "max_iter": 3}
    net = fit(Estimator, hidden_layer_sizes=sizes, num_layers=num_layers, **parameters)
    assert_same_fit(net, fit(Estimator, hidden_layer_sizes=meaning, **parameters))
    assert [weights.shape[1] for weights in net.coefs_[:-1]] == list(meaning)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_an_activation_per_layer(solver):
    X, _ = problem("one target")
    net = fit(MLPRegressor, activation=["tanh", "logistic"], solver=solver, max_iter=5)
    (w1, w2, w3), (b1, b2, b3) = net.coefs_, net.intercepts_
    hidden = 1 / (1 + np.exp(-(np.tanh(X @ w1 + b1) @ w2 + b2)))
    assert_allclose(net.predict(X), (hidden @ w3 + b3).ravel(), rtol=1e-12)
    # U(-b, b) with b = sqrt(factor / (inputs + outputs)), the factor of each layer's own
    drawn = fit(
        MLPRegressor,
        activation=["tanh", "logistic"],
        solver="sgd",
        learning_rate=1e-300,
        max_iter=1,
        hidden_layer_sizes=(200, 100),
    )
    bounds = [np.sqrt(6 / 207), np.sqrt(2 / 300), np.sqrt(2 / 101)]
    for weights, bound in zip(drawn.coefs_, bounds, strict=True):
        assert 0.95 * bound < np.abs(weights).max() <= bound


# scipy.special has what is not written out; 'softmax' and 'exp' only end a net.
FORMULAS = {
    "identity": lambda z: z,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z < 0, 0.2 * z, z),
    "elu": lambda z: np.where(z < 0, np.expm1(z), z),
    "selu": lambda z: 1.0507009873554805 * np.where(z < 0, 1.6732632423543772 * np.expm1(z), z),
    "silu": lambda z: z * expit(z),
    "mish": lambda z: z * np.tanh(np.logaddexp(0, z)),
    "softplus": lambda z: np.logaddexp(0, z),
    "hard_sigmoid": lambda z: np.clip(z / 6 + 0.5, 0, 1),
    "gelu": lambda z: z * ndtr(z),
}


def test_every_activation_is_known_and_none_is_another():
    # Those with more to train are in test_activations.py.
    assert set(_core.activations()) == {*FORMULAS, "prelu", "maxout"}
    z = np.linspace(-4, 4, 50)
    values = [tuple(np.round(formula(z), 6)) for formula in FORMULAS.values()]
    assert len(set(values)) == len(FORMULAS)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("name", FORMULAS)
def test_an_activation_is_its_formula(name, solver):
    X, _ = problem("one target")
    net = fit(MLPRegressor, activation=name, solver=solver, max_iter=5)
    hidden = X
    for weights, biases in zip(net.coefs_[:-1], net.intercepts_[:-1], strict=True):
        hidden = FORMULAS[name](hidden @ weights + biases)
    expected = (hidden @ net.coefs_[-1] + net.intercepts_[-1]).ravel()
    assert_allclose(net.predict(X), expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(
    ("alias", "name"), [("linear", "identity"), ("sigmoid", "logistic"), ("swish", "silu")]
)
@pytest.mark.parametrize("sizes", [(), (6,), (6, 5)])
def test_aliases_of_activations(Estimator, alias, name, sizes):
    nets = [
        fit(Estimator, hidden_layer_sizes=sizes, activation=given, max_iter=3)
        for given in (alias, name, [alias] * len(sizes))
    ]
    assert_same_fit(nets[0], nets[1])
    if sizes:
        assert_same_fit(nets[2], nets[1])


# ------------------------------------------------------------------------------- learning rates


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_number_takes_the_place_of_learning_rate_init(Estimator, solver):
    given = fit(Estimator, solver=solver, learning_rate=0.03, learning_rate_init=0.9)
    usual = fit(Estimator, solver=solver, learning_rate_init=0.03)
    assert_same_fit(given, usual)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_rate_per_epoch_holds_its_last_value(solver):
    X, y = problem("one target")
    rates = [0.01, 0.05, 0.002]
    net = fit(MLPRegressor, solver=solver, learning_rate=rates, max_iter=6)
    padded = fit(MLPRegressor, solver=solver, learning_rate=[*rates, *[0.002] * 9], max_iter=6)
    assert_same_fit(net, padded)
    # partial_fit keeps the optimizer, so that the rate can be set by hand for each epoch
    by_hand = MLPRegressor(hidden_layer_sizes=(8, 6), solver=solver)
    by_hand.set_params(random_state=np.random.RandomState(0), shuffle=False)
    net.set_params(shuffle=False, random_state=np.random.RandomState(0)).fit(X, y)
    for rate in (0.01, 0.05, 0.002, 0.002, 0.002, 0.002):
        by_hand.set_params(learning_rate_init=rate).partial_fit(X, y)
    assert_identical(net.coefs_, by_hand.coefs_)
    assert_identical(net.loss_curve_, by_hand.loss_curve_)


# What is set before a partial_fit, and the rate that it then uses, of sgd and of adam, which
# follows no schedule by name. A schedule that was set anew begins anew; invscaling counts all
# samples seen; one rate per epoch is looked up by the number of all epochs.
CHANGED_RATES = [
    ({"learning_rate": "constant"}, 0.05, 0.05),
    ({"learning_rate": "invscaling"}, 0.05, 0.05),
    ({}, 0.05 / (2 * N_SAMPLES + 1) ** 0.5, 0.05),
    ({"learning_rate": [0.9, 0.8, 0.7, 0.03, 0.02]}, 0.03, 0.03),
    ({}, 0.02, 0.02),
    ({}, 0.02, 0.02),
    ({"learning_rate": 0.01}, 0.01, 0.01),
    ({"learning_rate": 0.04}, 0.04, 0.04),
    ({"learning_rate": "adaptive"}, 0.05, 0.05),
    ({"learning_rate_init": 0.06}, 0.06, 0.06),
    ({"learning_rate": "invscaling"}, 0.06, 0.06),
    ({}, 0.06 / (11 * N_SAMPLES + 1) ** 0.5, 0.06),
    ({"learning_rate": "constant"}, 0.06, 0.06),
]


@pytest.mark.filterwarnings("ignore:learning_rate=.* acts with solver='sgd' only:UserWarning")
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_the_kind_of_learning_rate_may_change_between_partial_fits(Estimator, solver):
    X, y = problem_for(Estimator)
    classes = {"classes": np.unique(y)} if Estimator is MLPClassifier else {}
    changing, by_hand = (
        Estimator(
            hidden_layer_sizes=(8, 6), solver=solver, batch_size=20, random_state=0
        ).set_params(shuffle=False, learning_rate_init=0.05)
        for _ in range(2)
    )
    for epoch, (change, of_sgd, of_adam) in enumerate(CHANGED_RATES, start=1):
        rate = of_sgd if solver == "sgd" else of_adam
        changing.set_params(**change).partial_fit(X, y, **classes)
        by_hand.set_params(learning_rate_init=rate).partial_fit(X, y, **classes)
        assert_identical(changing.coefs_, by_hand.coefs_, f"weights after epoch {epoch}")
    assert_identical(changing.loss_curve_, by_hand.loss_curve_)


def test_momentum_may_change_between_partial_fits():
    """The velocity, in one batch the last step, is kept but through momentum=0, which has none."""
    X, y = problem("one target")
    net = MLPRegressor(hidden_layer_sizes=(8, 6), solver="sgd", learning_rate=0.05, random_state=0)
    net.set_params(nesterovs_momentum=False, shuffle=False).partial_fit(X, y)
    velocity = None
    for momentum in (0.9, 0.9, 0.5, 0.0, 0.9, 0.9):
        net.set_params(momentum=momentum)
        before = net.coefs_[0]
        from_rest = copy.deepcopy(net).set_params(warm_start=True, max_iter=1).fit(X, y).coefs_[0]
        net.partial_fit(X, y)
        if velocity is not None:
            assert_allclose(net.coefs_[0] - from_rest, momentum * velocity, rtol=1e-9, atol=1e-15)
        velocity = (net.coefs_[0] - before) * (momentum > 0)


def test_a_rate_per_epoch_goes_on_through_partial_fit_and_begins_again_at_fit():
    X, y = problem("one target")
    parameters = {"learning_rate": [0.01, 0.05, 0.002, 0.1], "shuffle": False}
    at_once = fit(MLPRegressor, max_iter=4, **parameters)
    in_parts = fit(MLPRegressor, max_iter=2, **parameters).partial_fit(X, y).partial_fit(X, y)
    assert_identical(in_parts.coefs_, at_once.coefs_)
    again = in_parts.set_params(max_iter=4).fit(X, y)
    assert_identical(again.coefs_, at_once.coefs_)


# ------------------------------------------------------------------------------- early stopping


def split(kind="binary"):
    X, y = problem(kind)
    return (X[:60], y[:60]), {"X_val": X[60:], "y_val": y[60:]}


def stopping(kind="binary", **parameters):
    name = MLPRegressor if kind == "one target" else MLPClassifier
    return name(
        hidden_layer_sizes=(6,), early_stopping=True, max_iter=12, random_state=0
    ).set_params(n_iter_no_change=20, learning_rate_init=0.02, **parameters)


SCORERS = {
    "accuracy": ("binary", "accuracy", None),
    "r2": ("one target", "r2", None),
    "named": ("binary", "balanced_accuracy", balanced_accuracy_score),
    "named, smaller is better": (
        "one target",
        "neg_mean_absolute_error",
        lambda y, p: -mean_absolute_error(y, p),
    ),
    "scorer object": ("one target", make_scorer(r2_score), r2_score),
    "callable": (
        "binary",
        lambda net, X, y: float((net.predict(X) == y)[:20].mean()),
        lambda y, p: float((y == p)[:20].mean()),
    ),
}


@pytest.mark.parametrize(("kind", "scoring", "function"), SCORERS.values(), ids=SCORERS.keys())
def test_scoring_is_what_early_stopping_watches(kind, scoring, function):
    given, held_out = split(kind)
    net = stopping(kind, scoring=scoring).fit(*given, **held_out)
    if function is None:
        expected = stopping(kind).fit(*given, **held_out).validation_scores_
    else:
        expected = []
        for epochs in range(1, 13):
            # Without early stopping the parameters of the last epoch stay.
            last = stopping(kind, early_stopping=False, max_iter=epochs).fit(*given)
            expected.append(float(function(held_out["y_val"], last.predict(held_out["X_val"]))))
    assert_allclose(net.validation_scores_, expected, rtol=1e-12)
    assert net.best_validation_score_ == max(net.validation_scores_)


def test_a_scorer_may_ask_for_probabilities():
    given, held_out = split()
    net = stopping(scoring="roc_auc", max_iter=3).fit(*given, **held_out)
    last = stopping(early_stopping=False, max_iter=3).fit(*given)
    probabilities = last.predict_proba(held_out["X_val"])[:, 1]
    assert net.validation_scores_[-1] == roc_auc_score(held_out["y_val"], probabilities)


def test_scoring_by_loss_is_the_negative_validation_loss():
    given, held_out = split()
    net = stopping(scoring="loss").fit(*given, **held_out)
    assert net.validation_scores_ == [-loss for loss in net.validation_loss_curve_]
    best = net.validation_loss_curve_.index(min(net.validation_loss_curve_)) + 1
    until_best = stopping(early_stopping=False, max_iter=best).fit(*given)
    assert_identical(net.coefs_, until_best.coefs_)


def test_a_scorer_gets_the_rows_in_their_container_and_a_net_that_predicts():
    import pandas as pd

    X, y = problem("binary")
    frame = pd.DataFrame(X, columns=list("abcdefg"))
    seen = []

    def scorer(net, X_val, y_val):
        seen.append((type(X_val), list(X_val.columns), len(X_val), len(y_val)))
        return net.score(X_val, y_val)

    stopping(scoring=scorer, max_iter=3, validation_fraction=0.25).fit(frame, y)
    assert seen == [(pd.DataFrame, list("abcdefg"), 25, 25)] * 3


def test_scoring_changes_nothing_without_early_stopping(Estimator):
    assert_same_fit(fit(Estimator, scoring="loss"), fit(Estimator))


# ------------------------------------------------------------------------------- validation data


def test_validation_data_are_watched_and_nothing_is_split_off():
    (X, y), held_out = split()
    net = stopping().fit(X, y, **held_out)
    assert net.t_ == len(X) * net.n_iter_
    plain = stopping(early_stopping=False, max_iter=net.n_iter_).fit(X, y)
    assert net.loss_curve_ == plain.loss_curve_
    scores = []
    for epochs in range(1, net.n_iter_ + 1):
        last = stopping(early_stopping=False, max_iter=epochs).fit(X, y)
        scores.append(last.score(held_out["X_val"], held_out["y_val"]))
    assert net.validation_scores_ == scores
    best = int(np.argmax(scores)) + 1
    assert_identical(net.coefs_, stopping(early_stopping=False, max_iter=best).fit(X, y).coefs_)


def test_without_early_stopping_validation_data_only_fill_the_curve(Estimator):
    X, y = problem_for(Estimator)
    net = Estimator(hidden_layer_sizes=(6,), max_iter=5, random_state=0, batch_size=60)
    watched = clone(net).fit(X[:60], y[:60], X_val=X[:60], y_val=y[:60])
    plain = net.fit(X[:60], y[:60])
    assert plain.validation_loss_curve_ is None
    curve = watched.validation_loss_curve_
    assert len(curve) == 5
    assert_identical(
        without(fitted_state(watched), "validation_loss_curve_"),
        without(fitted_state(plain), "validation_loss_curve_"),
    )
    # One batch: the loss after an epoch is the training loss of the next, without the penalty.
    no_penalty = clone(net).set_params(alpha=0.0)
    no_penalty.fit(X[:60], y[:60], X_val=X[:60], y_val=y[:60])
    assert_allclose(no_penalty.validation_loss_curve_[:-1], no_penalty.loss_curve_[1:], rtol=1e-12)


def test_validation_weights_count(Estimator):
    X, y = problem_for(Estimator)
    weight = np.arange(37) % 3
    net = Estimator(hidden_layer_sizes=(6,), max_iter=5, random_state=0, early_stopping=True)
    weighted = clone(net).fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:], sample_weight_val=weight)
    repeated = clone(net).fit(
        X[:60], y[:60], X_val=X[60:].repeat(weight, axis=0), y_val=y[60:].repeat(weight)
    )
    for name in ("validation_scores_", "validation_loss_curve_"):
        assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=1e-12)


def test_validation_data_may_have_as_many_rows_as_x():
    X, y = problem("binary")
    net = stopping().fit(X, y, X_val=X[::-1].copy(), y_val=y[::-1].copy())
    assert net.t_ == len(X) * net.n_iter_
    expected = stopping(early_stopping=False, max_iter=1).fit(X, y).score(X, y)
    assert net.validation_scores_[0] == pytest.approx(expected, rel=1e-12)


# ------------------------------------------------------------------------------- dtype


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize(
    ("dtype", "given", "expected"),
    [
        ("auto", "float32", "float32"),
        ("auto", "float64", "float64"),
        ("auto", "float16", "float64"),
        ("auto", "int64", "float64"),
        ("float32", "float64", "float32"),
        ("float64", "float32", "float64"),
    ],
)
def test_dtype(Estimator, dtype, given, expected, solver):
    X, y = problem_for(Estimator)
    net = Estimator(hidden_layer_sizes=(6,), dtype=dtype, solver=solver, max_iter=3, random_state=0)
    net.fit((3 * X).astype(given), y)
    assert {array.dtype.name for array in (*net.coefs_, *net.intercepts_)} == {expected}
    assert raw_outputs(net, (3 * X).astype(given)).dtype == expected


def test_float32_runs_close_to_float64(Estimator):
    single, double = (fit(Estimator, dtype=name, max_iter=20) for name in ("float32", "float64"))
    assert_allclose(single.loss_curve_, double.loss_curve_, rtol=1e-3)
    assert single.loss_curve_ != double.loss_curve_


def test_beta_2_that_float32_rounds_to_1(Estimator):
    """What weighs a new square, 1e-8, must not be 1 - 1."""
    assert np.float32(0.99999999) == 1
    single, double, usual = (
        fit(Estimator, dtype=dtype, beta_2=beta_2, learning_rate=0.01, max_iter=20)
        for dtype, beta_2 in (("float32", 0.99999999), ("float64", 0.99999999), ("float64", 0.999))
    )
    assert_allclose(single.loss_curve_, double.loss_curve_, rtol=1e-5)
    assert single.loss_ < 0.9 * single.loss_curve_[0]
    assert abs(double.loss_ / usual.loss_ - 1) > 1e-4


# Factors whose products with anything near 1, and the sums of these, are normal in the dtype.
@pytest.mark.parametrize("exponent", [-1, 1])
@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-6), ("float64", 1e-13)])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_weights_count_by_their_ratios(Estimator, solver, dtype, rtol, exponent):
    X, y = problem_for(Estimator)
    factor = (1e30 if dtype == "float32" else 1e270) ** exponent
    weight = np.random.RandomState(0).uniform(0.5, 2, len(y))
    net = Estimator(hidden_layer_sizes=(8,), solver=solver, alpha=0.0, max_iter=8, random_state=0)
    net.set_params(dtype=dtype, batch_size=20).fit(X, y, sample_weight=weight)
    scaled = clone(net).fit(X, y, sample_weight=factor * weight)
    assert scaled.loss_ == pytest.approx(net.loss_, rel=rtol)
    assert_allclose(scaled.coefs_[0], net.coefs_[0], rtol=0, atol=rtol)


def test_a_weight_below_the_dtype_counts_as_none(Estimator):
    X, y = problem_for(Estimator)
    nets = [
        Estimator(hidden_layer_sizes=(8,), dtype="float32", max_iter=5, random_state=0).fit(
            X, y, sample_weight=np.where(np.arange(len(y)) % 3, 1.0, small)
        )
        for small in (1e-60, 0.0)
    ]
    assert_same_fit(*nets)


# ------------------------------------------------------------------------------- what cannot meet

LBFGS = {"solver": "lbfgs"}
REFUSED = {
    "lbfgs, dropout": (LBFGS | {"dropout": 0.1}, {}, "dropout"),
    "lbfgs, input_dropout": (LBFGS | {"input_dropout": 0.1}, {}, "input_dropout"),
    "lbfgs, l1_ratio": (LBFGS | {"l1_ratio": 0.5}, {}, "l1_ratio"),
    "lbfgs, rates": (LBFGS | {"learning_rate": [0.1, 0.2]}, {}, "learning_rate"),
    "lbfgs, X_val": (LBFGS, "validation", "X_val"),
    "num_layers, sizes": ({"num_layers": 2, "hidden_layer_sizes": (3, 4)}, {}, "num_layers"),
    "num_layers=0, sizes": ({"num_layers": 0, "hidden_layer_sizes": (3, 4)}, {}, "num_layers=0"),
    "num_layers, no size": ({"num_layers": 2, "hidden_layer_sizes": ()}, {}, "num_layers"),
    "too few rates": ({"dropout": [0.1]}, {}, "dropout must have one entry per hidden layer"),
    "too many activations": ({"activation": ["relu"] * 3}, {}, "activation must have one entry"),
}  # fmt: skip


@pytest.mark.parametrize(("parameters", "given", "option"), REFUSED.values(), ids=REFUSED.keys())
def test_options_that_cannot_meet_are_refused_by_name(Estimator, parameters, given, option):
    X, y = problem_for(Estimator)
    keywords = {"X_val": X, "y_val": y} if given == "validation" else {}
    net = Estimator(**{"hidden_layer_sizes": (5, 5), **parameters})
    with pytest.raises(ValueError, match=option):
        net.fit(X, y, **keywords)
    assert fitted_state(net) == {}


def test_class_weights_that_cannot_be():
    X, y = problem("multilabel")
    with pytest.raises(ValueError, match="class_weight is not supported for multilabel"):
        MLPClassifier(class_weight="balanced").fit(X, y)
    X, y = problem("multiclass")
    with pytest.raises(ValueError, match="class_weight='balanced' is not supported by partial_fit"):
        MLPClassifier(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2])
    for wrong in ({0: -1.0, 1: 1.0, 2: 1.0}, {0: np.inf, 1: 1.0, 2: 1.0}):
        with pytest.raises(ValueError, match="class_weight"):
            MLPClassifier(class_weight=wrong).fit(X, y)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_class_weights_that_leave_no_weight(solver):
    X, y = problem("multiclass")
    net = MLPClassifier((6,), solver=solver)
    only_class_0 = (y == 0).astype(float)
    for class_weight, weight in (
        ({0: 0.0, 1: 0.0, 2: 0.0}, None),
        ({0: 0.0, 1: 1.0, 2: 1.0}, only_class_0),
        ({0: 1e-200, 1: 1.0, 2: 1.0}, 1e-200 * only_class_0),
    ):
        with pytest.raises(ValueError, match=r"class_weight must .* at least one number above"):
            net.set_params(class_weight=class_weight).fit(X, y, sample_weight=weight)
    assert fitted_state(net) == {}


def test_class_weights_that_leave_a_part_no_weight():
    X, y = problem("multiclass")
    net = MLPClassifier((6,), class_weight={0: 0.0, 1: 1.0, 2: 1.0})
    net.partial_fit(X, y, classes=[0, 1, 2])
    before = copy.deepcopy(fitted_state(net))
    with pytest.raises(ValueError, match=r"class_weight must .* at least one number above"):
        net.partial_fit(X[y == 0], y[y == 0])
    assert_identical(fitted_state(net), before)


def test_partial_fit_refuses_early_stopping(Estimator):
    X, y = problem_for(Estimator)
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        Estimator(early_stopping=True).partial_fit(X, y)


def test_lbfgs_has_no_partial_fit(Estimator):
    assert not hasattr(Estimator(solver="lbfgs"), "partial_fit")
    assert hasattr(Estimator(solver="sgd"), "partial_fit")


# ------------------------------------------------------------------ what both estimators say

# Where they mean something else, or say more.
SAID_DIFFERENTLY = {"early_stopping", "loss", "mixup_alpha", "scoring", "out_activation_"}
ENTRY = re.compile(r"^(\w[\w, ]*) : .*?(?=^\w[\w, ]* : |^\w+\n---)", re.MULTILINE | re.DOTALL)


def entries_of(Estimator):
    """Name of each parameter and attribute -> what the docstring says of it."""
    text = re.sub(r"\[\d+\]_", "[]_", inspect.getdoc(Estimator))  # references are numbered anew
    return {entry[1]: entry[0].strip() for entry in ENTRY.finditer(text)}


def test_both_estimators_say_the_same_of_what_they_share():
    of_classifier, of_regressor = entries_of(MLPClassifier), entries_of(MLPRegressor)
    shared = of_classifier.keys() & of_regressor.keys()
    assert len(shared) > 50
    different = {name for name in shared if of_classifier[name] != of_regressor[name]}
    assert different == SAID_DIFFERENTLY


def test_both_estimators_take_the_same_values_of_what_they_share():
    defaults, others = (
        {
            name: (parameter.default, parameter.annotation, parameter.kind)
            for name, parameter in inspect.signature(Estimator).parameters.items()
        }
        for Estimator in (MLPClassifier, MLPRegressor)
    )
    different = {name for name in defaults.keys() & others if defaults[name] != others[name]}
    assert different == {"loss"}
    assert defaults.keys() ^ others.keys() == {
        "class_weight",
        "label_smoothing",
        "output_activation",
    }
