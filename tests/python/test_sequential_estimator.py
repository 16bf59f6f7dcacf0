"""Models of Sequential as estimators."""

import numpy as np
import pytest
from helpers import assert_identical
from sequential_models import IDS, LABELS, X, fit, model_of
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import nnhp
from nnhp import activations, initializers, layers, losses, optimizers
from nnhp.layers import Dense, Dropout

EXPRESSIBLE = [
    layers.GaussianNoise(0.1),
    Dropout(0.1),
    Dense(8, kernel_initializer="he_normal"),
    layers.BatchNormalization(),
    layers.Activation("gelu"),
    layers.GaussianNoise(0.05),
    Dropout(0.2),
    Dense(6, bias_initializer="ones", trainable=False),
    layers.BatchNormalization(trainable=False),
    layers.Activation(activations.PReLU(), trainable=False),
    layers.GaussianNoise(0.05),
    Dropout(0.3),
    Dense(3, "softmax"),
]
ESTIMATORS = {
    "classes": (EXPRESSIBLE, "sparse_categorical_crossentropy", IDS, nnhp.MLPClassifier),
    "two classes": (
        [Dense(5, "swish"), layers.AlphaDropout(0.1), Dense(1), layers.Activation("sigmoid")],
        "binary_crossentropy",
        LABELS,
        nnhp.MLPClassifier,
    ),
    "labels": (
        [Dense(5, "elu"), Dense(2, "sigmoid")],
        "binary_crossentropy",
        np.column_stack([LABELS, IDS == 1]),
        nnhp.MLPClassifier,
    ),
    "maxout, layers": (
        [layers.Maxout(5, pieces=3), Dense(4, "tanh"), Dense(3, "softmax")],
        "categorical_focal_crossentropy",
        np.eye(3)[IDS],
        nnhp.MLPClassifier,
    ),
    "maxout of one piece": (
        [
            layers.Maxout(5, pieces=1),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            Dense(4),
            layers.BatchNormalization(),
            layers.Activation("tanh"),
            layers.Maxout(1, pieces=1),
        ],
        "mse",
        X[:, 0],
        nnhp.MLPRegressor,
    ),
    "hinge": ([Dense(5, "relu"), Dense(1)], "hinge", LABELS, nnhp.MLPClassifier),
    "a number": (
        [Dense(5), layers.LayerNormalization(), layers.Activation("relu"), Dense(1)],
        "mse",
        X[:, 0],
        nnhp.MLPRegressor,
    ),
    "numbers": ([Dense(2, "tanh")], losses.Huber(0.4), X[:, :2], nnhp.MLPRegressor),
    "counts": ([Dense(5, "mish"), Dense(1, "softplus")], "poisson", IDS, nnhp.MLPRegressor),
}


@pytest.mark.parametrize(("given", "loss", "y", "kind"), ESTIMATORS.values(), ids=ESTIMATORS.keys())
def test_the_estimator_predicts_the_same(given, loss, y, kind):
    model = model_of(*given, loss=loss, optimizer=optimizers.Adam(learning_rate=0.01))
    unfitted = model.to_estimator()
    assert type(unfitted) is kind
    with pytest.raises(NotFittedError):
        unfitted.predict(X)
    fit(model, y)
    outputs = model.predict(X)
    estimator = model.to_estimator()
    if kind is nnhp.MLPRegressor:
        found = estimator.predict(X).reshape(outputs.shape)
    elif loss == "hinge":
        found = estimator.decision_function(X)[:, np.newaxis]
    else:
        found = estimator.predict_proba(X)[:, -outputs.shape[1] :]
    assert_identical(found, outputs)
    assert np.isfinite(estimator.score(X, targets_of_estimator(y, outputs, kind)))
    # It goes on, and trains anew, as any estimator.
    targets = targets_of_estimator(y, outputs, kind)
    assert_identical(estimator.partial_fit(X, targets).coefs_[0].shape, found_shape(model))
    estimator.set_params(max_iter=2, n_iter_no_change=np.inf)
    with pytest.warns(ConvergenceWarning):
        estimator.fit(X, targets)
    assert estimator.n_iter_ == 2


def targets_of_estimator(y, outputs, kind):
    one_hot = np.ndim(y) == 2 and outputs.shape[1] == 3
    return y.argmax(axis=1) if kind is nnhp.MLPClassifier and one_hot else y


def found_shape(model):
    return next(array.shape for array in model.get_weights() if array.ndim == 2)


def test_the_estimator_has_the_model_s_parameters():
    optimizer = optimizers.RMSprop(rho=0.8, learning_rate=0.02)
    model = model_of(*EXPRESSIBLE, optimizer=optimizer, dtype="float64", n_jobs=1)
    parameters = model.to_estimator().get_params(deep=False)
    expected = {
        "hidden_layer_sizes": (8, 6),
        "activation": ["gelu", activations.PReLU()],
        "solver": optimizer,
        "alpha": 0.0,
        "batch_size": 32,
        "kernel_initializer": ["he_normal", "glorot_uniform", "glorot_uniform"],
        "bias_initializer": ["zeros", "ones", "zeros"],
        "frozen_layers": (1,),
        "normalization": "batch",
        "dropout": [0.2, 0.3],
        "dropout_kind": "standard",
        "activation_noise": 0.05,
        "input_noise": 0.1,
        "input_dropout": 0.1,
        "dtype": "float64",
        "random_state": 0,
        "n_jobs": 1,
    }
    assert {name: parameters[name] for name in expected} == expected
    by_name = model_of(optimizer="sgd").to_estimator()
    assert by_name.solver == optimizers.SGD()
    assert by_name.learning_rate_init == 0.01


def test_the_estimator_shares_nothing_with_the_model():
    optimizer, slopes = optimizers.RMSprop(rho=0.8), activations.PReLU()
    start = initializers.Constant(0.5)
    model = model_of(
        Dense(3, slopes, kernel_initializer=start), Dense(1), optimizer=optimizer, loss="huber"
    )
    estimator = model.to_estimator()
    estimator.set_params(solver__rho=0.1, loss__delta=9.0)
    estimator.activation.set_params(initial_slope=9.0)
    estimator.kernel_initializer[0].set_params(value=9.0)
    assert (optimizer.rho, slopes.initial_slope, start.value) == (0.8, 0.25, 0.5)
    again = model.to_estimator()
    assert (again.solver.rho, again.loss.delta) == (0.8, 1.0)
    focal = model_of(Dense(1, "sigmoid"), loss="binary_focal_crossentropy")
    focal.to_estimator().set_params(loss__gamma=9.0)
    assert focal.to_estimator().loss.gamma == 2.0


def test_the_estimator_freezes_what_the_model_freezes():
    model = model_of()
    fit(model)
    model.layers[0].trainable = False
    assert model.to_estimator().frozen_layers == ()
    model.compile("adam", "sparse_categorical_crossentropy")
    assert model.to_estimator().frozen_layers == (0,)


INEXPRESSIBLE = {
    "late normalization": (
        [Dense(4, "relu"), layers.BatchNormalization(), Dense(1)],
        r"BatchNormalization\(\): it comes where",
    ),
    "own normalization": (
        [Dense(4), layers.BatchNormalization(momentum=0.9), Dense(1)],
        r"BatchNormalization\(momentum=0.9\): it has other parameters",
    ),
    "normalized samples": (
        [layers.LayerNormalization(), Dense(1)],
        r"LayerNormalization\(\): it comes where",
    ),
    "two activations": (
        [Dense(4, "relu"), layers.Activation("tanh"), Dense(1)],
        r"Activation\(activation='tanh'\): it comes where",
    ),
    "two dropouts": (
        [Dense(4, "relu"), Dropout(0.1), Dropout(0.2), Dense(1)],
        r"Dropout\(rate=0.2\): it comes where",
    ),
    "kinds of dropout": (
        [Dropout(0.1), Dense(4), layers.AlphaDropout(0.1), Dense(1)],
        "both Dropout and AlphaDropout",
    ),
    "one normalized layer": (
        [Dense(4), layers.BatchNormalization(), Dense(5), Dense(1)],
        r"Dense\(units=5\): it is followed by another normalization",
    ),
    "no biases": (
        [Dense(4, use_bias=False), Dense(1)],
        r"Dense\(units=4, use_bias=False\): it has",
    ),
    "a penalty": (
        [Dense(4, kernel_regularizer="l2"), Dense(1)],
        r"Dense\(kernel_regularizer='l2', units=4\): it has a penalty",
    ),
    "an output": (
        [Dense(4), Dense(1, "gelu")],
        r"Dense\(activation='gelu', units=1\): it must have",
    ),
    "normalized outputs": (
        [Dense(4), Dense(1), layers.BatchNormalization()],
        r"Dense\(units=1\): it is the output layer",
    ),
    "normalized maxout": (
        [layers.Maxout(4), layers.BatchNormalization(), Dense(1)],
        r"BatchNormalization\(\): it comes where",
    ),
    "maxout and an activation": (
        [layers.Maxout(4), layers.Activation("tanh"), Dense(1)],
        r"Activation\(activation='tanh'\): it comes where",
    ),
    "maxout at the end": ([layers.Maxout(1)], r"Maxout\(units=1\): it must have"),
}


@pytest.mark.parametrize(("given", "told"), INEXPRESSIBLE.values(), ids=INEXPRESSIBLE.keys())
def test_what_no_estimator_expresses_is_named(given, told):
    with pytest.raises(ValueError, match=f"No estimator expresses .*{told}"):
        model_of(*given, loss="mse").to_estimator()


def test_losses_that_no_estimator_has_are_named():
    with pytest.raises(ValueError, match="No estimator has the loss 'categorical_hinge'"):
        model_of(Dense(3), loss="categorical_hinge").to_estimator()
    with pytest.raises(ValueError, match=r"Dense\(activation='softmax', units=2\): it has softmax"):
        model_of(Dense(2, "softmax")).to_estimator()
    with pytest.raises(NotFittedError, match="Call compile"):
        nnhp.Sequential([Dense(2)]).to_estimator()
