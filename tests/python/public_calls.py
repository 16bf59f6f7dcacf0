"""A way to call every public function, for `test_argument_errors.py`: all its arguments good.

`public_searches` has those of searches, and all in groups.

A `Call` knows the function whose signature is walked, good values of what has no default, and how
to use it such that all of its arguments are looked at.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from helpers import problem

import nnhp
from nnhp import MLPClassifier, MLPRegressor, layers

X, Y = problem("one target")
X, Y = X[:24], Y[:24]
CLASSES = np.arange(24) % 2
SMALL = {"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0}


@dataclass(frozen=True)
class Call:
    """A public function and how to call it.

    Attributes
    ----------
    function : callable
        Whose parameters there are.
    use : callable
        Takes them by name, and does what looks at them all.
    good : dict
        Of parameters without a default, or of which another value is quicker.
    """

    function: Callable
    use: Callable
    good: dict = field(default_factory=dict)

    def parameters(self):
        """Names of the parameters that are passed by name."""
        kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        found = inspect.signature(self.function).parameters.values()
        return [p.name for p in found if p.kind not in kinds and p.name != "self"]


def net(Estimator=MLPRegressor, **parameters):
    return Estimator(**(SMALL | parameters))


@cache
def fitted(Estimator):
    return net(Estimator).fit(X, Y if Estimator is MLPRegressor else CLASSES)


def model(*more):
    return nnhp.Sequential([layers.Input((7,)), *more, layers.Dense(1)], random_state=0)


def of_layers(*all_of_them):
    built = nnhp.Sequential([layers.Input((7,)), *all_of_them], random_state=0)
    built.compile("sgd", "mse")
    return built


def compiled(*more):
    return of_layers(*more, layers.Dense(1))


def fit_model(built, **arguments):
    return built.fit(**({"x": X, "y": Y, "verbose": 0} | arguments))


def with_layer(make):
    before = [] if make in (layers.Dense, layers.Maxout) else [layers.Dense(2)]
    return lambda **given: fit_model(compiled(*before, make(**given)))


def with_callback(make):
    def use(**given):
        watched = {"validation_split": 0.5, "epochs": 2, "callbacks": [make(**given)]}
        return fit_model(compiled(), **watched)

    return use


def in_net(make, parameter, Estimator=MLPRegressor):
    y = Y if Estimator is MLPRegressor else CLASSES
    return lambda **given: net(Estimator, **{parameter: make(**given)}).fit(X, y)


def of_class(Class, use=None, **good):
    return Call(Class, use or (lambda **given: Class(**given)), good)


def of_estimator(Estimator):
    name, y = Estimator.__name__, Y if Estimator is MLPRegressor else CLASSES
    fit = {"X": X, "y": y}
    methods = {
        "fit": (fit | {"X_val": X, "y_val": y}, lambda **given: net(Estimator).fit(**given)),
        "partial_fit": (
            fit | ({"classes": [0, 1]} if Estimator is MLPClassifier else {}),
            lambda **given: net(Estimator).partial_fit(**given),
        ),
        "score": (fit, lambda **given: fitted(Estimator).score(**given)),
        "predict": ({"X": X}, lambda **given: fitted(Estimator).predict(**given)),
        "layer_outputs": ({"X": X}, lambda **given: fitted(Estimator).layer_outputs(**given)),
        "compiled": ({}, lambda **given: fitted(Estimator).compiled(**given)),
        "save": ({"path": "net.nnhp"}, lambda **given: fitted(Estimator).save(**given)),
        "to_c_header": ({}, lambda **given: fitted(Estimator).to_c_header(**given)),
    }
    if Estimator is MLPClassifier:
        for method in ("predict_proba", "predict_log_proba"):
            methods[method] = (
                {"X": X},
                lambda method=method, **given: getattr(fitted(Estimator), method)(**given),
            )
    own = fitted(Estimator)
    return {
        name: Call(Estimator, lambda **given: net(Estimator, **given).fit(X, y)),
        **{
            f"{name}.{method}": Call(getattr(own, method), use, good)
            for method, (good, use) in methods.items()
        },
    }


def with_optimizer(Optimizer):
    return Call(Optimizer, in_net(Optimizer, "solver"))


def with_schedule(Schedule, **good):
    return Call(Schedule, in_net(Schedule, "learning_rate"), good)


_OPTIMIZERS = ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "AdamW", "Nadam", "Lion")
_LAYERS = {
    "Dense": {"units": 2}, "Maxout": {"units": 2}, "Activation": {"activation": "relu"},
    "ReLU": {}, "LeakyReLU": {}, "ELU": {}, "PReLU": {}, "Dropout": {"rate": 0.1},
    "AlphaDropout": {"rate": 0.1}, "GaussianNoise": {"stddev": 0.1}, "BatchNormalization": {},
    "LayerNormalization": {}, "Flatten": {},
}  # fmt: skip
_CALLBACKS = {
    "EarlyStopping": {}, "ReduceLROnPlateau": {}, "ModelCheckpoint": {"filepath": "best.nnhp"},
    "CSVLogger": {"filename": "log.csv"}, "LearningRateScheduler": {"schedule": lambda epoch: 0.1},
    "LambdaCallback": {},
}  # fmt: skip


def networks():
    return {
        **of_estimator(MLPClassifier),
        **of_estimator(MLPRegressor),
        "save": Call(nnhp.save, nnhp.save, {"model": fitted(MLPRegressor), "path": "net.nnhp"}),
        "load": Call(nnhp.load, nnhp.load, {"path": "saved.nnhp"}),
        "suggest_hidden_layer_sizes": Call(
            nnhp.suggest_hidden_layer_sizes, nnhp.suggest_hidden_layer_sizes, {"X": X, "y": Y}
        ),
        "FeatureExpansion": of_class(
            nnhp.FeatureExpansion, lambda **given: nnhp.FeatureExpansion(**given).fit(X)
        ),
        "FeatureExpansion.transform": Call(
            nnhp.FeatureExpansion.transform,
            lambda **given: nnhp.FeatureExpansion().fit(X).transform(**given),
            {"X": X},
        ),
        "find_learning_rate": Call(
            nnhp.find_learning_rate,
            nnhp.find_learning_rate,
            {"estimator": net(), "X": X, "y": Y, "steps": 10},
        ),
    }


def parts():
    rooms = {
        "activation": (nnhp.activations, ("ELU", "LeakyReLU", "Maxout", "PReLU"), MLPRegressor),
        "loss": (nnhp.losses, ("Huber", "Quantile"), MLPRegressor),
        "kernel_initializer": (
            nnhp.initializers,
            ("Constant", "Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal"),
            MLPRegressor,
        ),
    }
    found = {
        name: Call(getattr(room, name), in_net(getattr(room, name), parameter, Estimator))
        for parameter, (room, names, Estimator) in rooms.items()
        for name in names
    }
    schedules = nnhp.schedules
    return {
        **found,
        "Focal": Call(nnhp.losses.Focal, in_net(nnhp.losses.Focal, "loss", MLPClassifier)),
        **{name: with_optimizer(getattr(nnhp.optimizers, name)) for name in _OPTIMIZERS},
        **{
            name: with_schedule(getattr(schedules, name))
            for name in ("Step", "Exponential", "Polynomial", "Cosine", "OneCycle", "Plateau")
        },
        "Piecewise": with_schedule(schedules.Piecewise, boundaries=[1], values=[0.1, 0.2]),
    }


def of_keras():
    def method(name, built=compiled, **good):
        return Call(
            getattr(nnhp.Sequential, name), lambda **given: getattr(built(), name)(**given), good
        )

    regularizers = nnhp.regularizers
    return {
        "Playground": of_class(nnhp.Playground),
        "Sequential": of_class(nnhp.Sequential, layers=[layers.Dense(2)]),
        "Sequential.compile": method("compile", model, loss="mse"),
        "Sequential.fit": method("fit", x=X, y=Y, verbose=0),
        "Sequential.evaluate": method("evaluate", x=X, y=Y, verbose=0),
        "Sequential.predict": method("predict", x=X, verbose=0),
        "Sequential.train_on_batch": method("train_on_batch", x=X, y=Y),
        "Sequential.save": method("save", path="model.nnhp"),
        "Sequential.load": method("load", path="model.nnhp"),
        "Sequential.save_weights": method("save_weights", path="w.safetensors"),
        "Sequential.load_weights": method("load_weights", path="w.safetensors"),
        "Sequential.add": method("add", layer=layers.Dense(1)),
        "Sequential.get_layer": method("get_layer", index=0),
        "Sequential.build": method("build", input_shape=(None, 7)),
        "Sequential.set_weights": method("set_weights", weights=model().get_weights()),
        "layers.Softmax": Call(
            layers.Softmax,
            lambda **given: of_layers(layers.Dense(2), layers.Softmax(**given)).predict(X),
        ),
        "layers.Input": of_class(
            layers.Input, lambda **given: nnhp.Sequential([layers.Input(**given)]), shape=(7,)
        ),
        **{
            f"layers.{name}": Call(getattr(layers, name), with_layer(getattr(layers, name)), good)
            for name, good in _LAYERS.items()
        },
        **{
            name: Call(
                getattr(nnhp.callbacks, name), with_callback(getattr(nnhp.callbacks, name)), good
            )
            for name, good in _CALLBACKS.items()
        },
        **{
            name: Call(
                getattr(regularizers, name),
                lambda name=name, **given: fit_model(
                    compiled(
                        layers.Dense(2, kernel_regularizer=getattr(regularizers, name)(**given))
                    )
                ),
            )
            for name in ("L1", "L2", "L1L2")
        },
        "MaxNorm": Call(
            nnhp.constraints.MaxNorm,
            lambda **given: fit_model(
                of_layers(layers.Dense(1, kernel_constraint=nnhp.constraints.MaxNorm(**given)))
            ),
        ),
    }
