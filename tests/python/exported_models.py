"""Fitted models of every kind, for the tests of what they can be exported to."""

from functools import cache

import numpy as np
from helpers import problem
from sequential_models import model_of
from vocabulary import ACTIVATION, FAMILIES

import nnhp
from nnhp import MLPClassifier, MLPRegressor, activations, layers, losses
from nnhp.layers import Dense, Input

# Of numbers that float32 has, so that models in either precision are asked the same.
X = problem("binary")[0].astype(np.float32).astype(np.float64)
NAMES = np.array(['it\'s "one"', "zwei \\ zweí", "what??/ three"])
_BINARY, _THREE = problem("binary")[1], problem("multiclass")[1]
_COUNTS = problem("counts")[1] + 0.5

# What is predicted -> estimator, targets, parameters
KINDS = {
    "binary": (MLPClassifier, _BINARY, {}),
    "binary names": (MLPClassifier, NAMES[_BINARY], {}),
    "bool": (MLPClassifier, _BINARY == 1, {}),
    "one class": (MLPClassifier, np.full(97, 7), {}),
    "multiclass": (MLPClassifier, _THREE, {}),
    "negative": (MLPClassifier, _THREE.astype(np.int16) * 1000 - 2000, {}),
    "large": (MLPClassifier, _THREE.astype(np.uint64) + 2**62, {}),
    "names": (MLPClassifier, NAMES[_THREE], {}),
    "objects": (MLPClassifier, NAMES.astype(object)[_THREE], {}),
    "floats": (MLPClassifier, _THREE * 1.0 - 1, {}),
    "multilabel": (MLPClassifier, problem("multilabel")[1], {}),
    "focal": (MLPClassifier, _THREE, {"loss": "focal"}),
    "hinge binary": (MLPClassifier, NAMES[_BINARY], {"loss": "hinge"}),
    "hinge one class": (MLPClassifier, NAMES[:1].repeat(97), {"loss": "hinge"}),
    "hinge multiclass": (MLPClassifier, _THREE, {"loss": "hinge"}),
    "hinge multilabel": (MLPClassifier, problem("multilabel")[1], {"loss": "hinge"}),
    "two targets": (MLPRegressor, problem("two targets")[1], {}),
    "one quantile": (MLPRegressor, _COUNTS, {"loss": losses.Quantile(0.3)}),
    "no hidden layer": (MLPRegressor, _COUNTS, {"hidden_layer_sizes": ()}),
    "in training only": (
        MLPClassifier,
        _THREE,
        {"dropout": 0.2, "dropout_kind": "alpha", "input_dropout": 0.2, "input_noise": 0.1,
         "activation_noise": 0.1},
    ),
    **{
        f"output {name}": (MLPRegressor, np.tanh(_COUNTS), {"output_activation": name})
        for name in FAMILIES["output_activation"].values()
    },
    **{
        f"loss {loss}": (MLPRegressor, _COUNTS, {"loss": loss})
        for loss in FAMILIES["loss"].values()
    },
}  # fmt: skip


@cache
def estimators(dtype):
    """A fitted estimator of each kind, and of each activation behind each normalization."""
    made = {name: _fitted(*kind, dtype) for name, kind in KINDS.items()}
    for activation in ACTIVATION.values():
        for normalization in (None, "batch", "layer"):
            parameters = {"activation": activation, "normalization": normalization}
            for Estimator, y in (
                (MLPClassifier, _THREE),
                (MLPRegressor, problem("two targets")[1]),
            ):
                name = f"{Estimator.__name__} {activation} {normalization}"
                made[name] = _fitted(Estimator, y, parameters, dtype)
    return made


def _fitted(Estimator, y, parameters, dtype):
    net = Estimator(
        **{"hidden_layer_sizes": (6, 4), "max_iter": 3, "random_state": 0, "dtype": dtype}
        | parameters
    )
    _stir([*net.fit(X, y).activation_params_, *net.norm_params_])
    return net


def _stir(arrays):
    """Move what few epochs hardly move, so that each number has its effect."""
    rng = np.random.default_rng(0)
    for found in arrays:
        for array in found.values() if isinstance(found, dict) else [found]:
            if array is not None:
                array += rng.uniform(0.1, 0.9, array.shape).astype(array.dtype)


@cache
def sequentials(dtype):
    """A model of each output activation, and one with stages everywhere."""
    made = {
        f"output {name}": _model(Dense(5, "tanh"), Dense(3, name), dtype=dtype)
        for name in [*ACTIVATION.names, "softmax", "exponential"]
        if name not in ("maxout", "prelu")
    }
    made["stages everywhere"] = _model(
        layers.BatchNormalization(), layers.GaussianNoise(0.1), layers.LayerNormalization(),
        Dense(6, activations.ELU(0.5)), layers.BatchNormalization(), layers.Dropout(0.2),
        layers.Maxout(5, pieces=3), layers.BatchNormalization(), layers.LayerNormalization(),
        Dense(4, use_bias=False), layers.BatchNormalization(epsilon=0.1),
        layers.Activation("relu"), layers.BatchNormalization(),
        layers.Activation(activations.PReLU()), Dense(3), layers.BatchNormalization(),
        layers.LayerNormalization(), dtype=dtype,
    )  # fmt: skip
    made["maxout last"] = _model(layers.Maxout(3, pieces=2), dtype=dtype)
    made["prelu last"] = _model(Dense(3), layers.PReLU(), dtype=dtype)
    return made


def _model(*given, dtype):
    model = model_of(Input((X.shape[1],)), *given, loss="mean_squared_error", dtype=dtype)
    model.fit(X, np.abs(problem("multilabel")[1]), epochs=2, verbose=0)
    weights = model.get_weights()
    _stir(weights)
    model.set_weights(weights)
    return model


def expected(model):
    """What a model predicts: labels, if it tells any, and numbers, a column for each."""
    if isinstance(model, nnhp.Sequential):
        return None, model.predict(X)
    labels = model.predict(X.astype(model.coefs_[0].dtype))
    if isinstance(model, MLPRegressor):
        return None, labels.reshape(len(X), -1)
    scores = model.decision_function if model.loss == "hinge" else model.predict_proba
    return labels, scores(X).reshape(len(X), -1)


def assert_close(found, numbers, exact=1e-12):
    """Assert what exports promise; `exact` is the tolerance for float64 models."""
    if numbers.dtype == np.float64:
        np.testing.assert_allclose(found, numbers, rtol=exact, atol=exact)
    elif (numbers >= 0).all() and (numbers <= 1).all():  # as probabilities are
        np.testing.assert_allclose(found, numbers, rtol=0, atol=1e-6)
    else:
        np.testing.assert_allclose(found, numbers, rtol=1e-5, atol=1e-6)
