"""Keras's Sequential: what ``data/keras_sequential.json`` and ``keras_callbacks.json`` hold.

All is described by names and arguments, which Keras and nnhp share.
"""

import keras
import numpy as np

N_SAMPLES, N_VALIDATION, FEATURES, CLASSES, EPOCHS, BATCH = 23, 9, 4, 3, 4, 5

_TANH = ("Dense", {"units": 5, "activation": "tanh"})
_SIGMOID = ("Dense", {"units": 1, "activation": "sigmoid"})
_SOFTMAX = ("Dense", {"units": CLASSES, "activation": "softmax"})
_NUMBERS = ("Dense", {"units": 2})
_L2 = ["L2", {"l2": 0.03}]
_L1 = ["L1", {"l1": 0.02}]
_PENALTY = {"kernel_regularizer": _L2}
_BOTH = ["L1L2", {"l1": 0.01, "l2": 0.04}]


def _case(layers, optimizer, loss, targets, *, metrics=(), **fit):
    return {
        "layers": layers,
        "optimizer": optimizer,
        "loss": loss,
        "targets": targets,
        "metrics": list(metrics),
        "fit": fit,
    }


CASES = {
    "two classes, weighted": _case(
        [_TANH, _SIGMOID],
        ["SGD", {"learning_rate": 0.3, "momentum": 0.6, "nesterov": True}],
        "binary_crossentropy",
        "labels",
        metrics=["accuracy", "binary_accuracy", "mse", "mae", "binary_crossentropy"],
        class_weight={"0": 0.4, "1": 2.5},
        validation="data",
    ),
    "normalized batches, penalties, sample weights": _case(
        [
            ("Dense", {"units": 6, "activation": "relu", "kernel_regularizer": _L2}),
            ("BatchNormalization", {"momentum": 0.8, "epsilon": 0.01}),
            ("Dense", {"units": CLASSES, "activation": "softmax", "kernel_regularizer": _L1}),
        ],
        ["Adam", {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}],
        "sparse_categorical_crossentropy",
        "ids",
        metrics=["accuracy", "sparse_categorical_accuracy", "sparse_categorical_crossentropy"],
        sample_weight=True,
        validation="weighted data",
    ),
    "normalized layers, one column per class": _case(
        [
            ("Dense", {"units": 6}),
            ("LayerNormalization", {"epsilon": 0.02}),
            ("Activation", {"activation": "gelu"}),
            _SOFTMAX,
        ],
        ["RMSprop", {"learning_rate": 0.02, "rho": 0.8, "epsilon": 1e-3}],
        "categorical_crossentropy",
        "classes",
        metrics=["accuracy", "categorical_accuracy", "categorical_crossentropy"],
        class_weight={"0": 0.4, "2": 2.5},
    ),
    "two numbers, no biases, both penalties": _case(
        [
            ("Dense", {"units": 5, "activation": "elu", "use_bias": False}),
            ("Dense", {"units": 2, "use_bias": False, "kernel_regularizer": _BOTH}),
        ],
        ["Nadam", {"learning_rate": 0.03, "epsilon": 1e-3}],
        "mse",
        "numbers",
        metrics=["mse", "root_mean_squared_error", "mae", "r2_score"],
        sample_weight=True,
        validation="split",
    ),
    "absolute errors": _case(
        [_TANH, _NUMBERS], ["Adagrad", {"learning_rate": 0.1}], "mae", "numbers", metrics=["mae"]
    ),
    "huber, clipped norms with penalties": _case(
        [
            ("Dense", {"units": 5, "activation": "selu", "kernel_regularizer": _BOTH}),
            ("Dense", {"units": 2, "kernel_regularizer": _L2}),
        ],
        ["Adadelta", {"learning_rate": 2.0, "epsilon": 1e-2, "clipnorm": 0.1}],
        "huber",
        "numbers",
        sample_weight=True,
    ),
    "counts, decay": _case(
        [_TANH, ("Dense", {"units": 1, "activation": "exponential"})],
        ["AdamW", {"learning_rate": 0.02, "weight_decay": 0.2, "epsilon": 1e-3}],
        "poisson",
        "counts",
        metrics=["poisson", "mean_absolute_percentage_error"],
        validation="data",
    ),
    "hinge, clipped values": _case(
        [_TANH, ("Dense", {"units": 1, "activation": "linear"})],
        ["SGD", {"learning_rate": 0.1, "clipvalue": 0.05}],
        "hinge",
        "labels",
    ),
    "hinge of classes": _case(
        [_TANH, ("Dense", {"units": CLASSES})],
        ["SGD", {"learning_rate": 0.1}],
        "categorical_hinge",
        "classes",
    ),
    "focal, two classes": _case(
        [_TANH, _SIGMOID], ["SGD", {"learning_rate": 0.5}], "binary_focal_crossentropy", "labels"
    ),
    "focal": _case(
        [_TANH, _SOFTMAX],
        ["SGD", {"learning_rate": 0.5}],
        "categorical_focal_crossentropy",
        "classes",
    ),
    "a layer that stays": _case(
        [
            _TANH,
            ("Dense", {"units": 4, "activation": "silu", "trainable": False} | _PENALTY),
            ("Dense", {"units": 1, "activation": "sigmoid"} | _PENALTY),
        ],
        ["Lion", {"learning_rate": 0.01}],
        "binary_crossentropy",
        "labels",
        metrics=["precision", "recall"],
    ),
    "transfer: frozen with its normalization": _case(
        [
            ("Dense", {"units": 4, "trainable": False}),
            ("BatchNormalization", {"momentum": 0.7, "trainable": False}),
            ("Activation", {"activation": "tanh"}),
            ("Dense", {"units": 4}),
            ("BatchNormalization", {"momentum": 0.7}),
            ("Activation", {"activation": "relu"}),
            _SIGMOID,
        ],
        ["SGD", {"learning_rate": 0.1}],
        "binary_crossentropy",
        "labels",
    ),
    "normalized samples, activations of their own": _case(
        [
            ("BatchNormalization", {"momentum": 0.7}),
            ("Dense", {"units": 5}),
            ("Activation", {"activation": "softplus"}),
            ("Dense", {"units": 1}),
            ("Activation", {"activation": "sigmoid"}),
        ],
        ["SGD", {"learning_rate": 0.3}],
        "mse",
        "labels",
        metrics=["accuracy"],
    ),
    "callbacks": _case(
        [_TANH, _SIGMOID],
        ["SGD", {"learning_rate": 2.0}],
        "binary_crossentropy",
        "labels",
        validation="data",
        callbacks=[
            ("ReduceLROnPlateau", {"patience": 2, "factor": 0.5}),
            ("EarlyStopping", {"patience": 5, "restore_best_weights": True}),
        ],
        epochs=40,
    ),
    "hinge of signs": _case(
        [_TANH, ("Dense", {"units": 1})], ["SGD", {"learning_rate": 0.1}], "hinge", "signs"
    ),
}


def sequential():
    """Weights after each epoch, histories, evaluations and predictions of every case."""
    rng = np.random.RandomState(3)
    X = rng.standard_normal((N_SAMPLES + N_VALIDATION, FEATURES))
    ids = rng.randint(CLASSES, size=len(X))
    targets = {
        "labels": rng.randint(2, size=len(X)).astype(float),
        "ids": ids,
        "classes": np.eye(CLASSES)[ids],
        "numbers": rng.standard_normal((len(X), 2)),
        "counts": rng.poisson(1.5, len(X)).astype(float),
    }
    targets["signs"] = 2.0 * targets["labels"] - 1.0
    weights = rng.uniform(0.2, 1.8, len(X))
    weights[:BATCH] = 0.0  # a batch that weighs nothing
    return {
        "X": X.tolist(),
        **{name: y.tolist() for name, y in targets.items()},
        "sample_weight": weights.tolist(),
        "n_samples": N_SAMPLES,
        "batch_size": BATCH,
        "cases": {
            name: case | _trained(case, X, targets[case["targets"]], weights, rng)
            for name, case in CASES.items()
        },
    }


def _trained(case, X, y, weights, rng):
    model = keras.Sequential([keras.Input((FEATURES,))])
    for kind, arguments in case["layers"]:
        given = dict(arguments)
        if "kernel_regularizer" in given:
            name, own = given["kernel_regularizer"]
            given["kernel_regularizer"] = getattr(keras.regularizers, name)(**own)
        model.add(getattr(keras.layers, kind)(**given))
    for layer in model.layers:
        drawn = [rng.uniform(-0.9, 0.9, weight.shape) for weight in layer.get_weights()]
        if isinstance(layer, keras.layers.BatchNormalization):
            drawn[3] = np.abs(drawn[3])
        layer.set_weights(drawn)
    start = [weight.tolist() for weight in model.get_weights()]
    if case["targets"] in ("labels", "counts", "signs"):
        y = y[:, None]  # some of Keras's losses ask for it
    kind, arguments = case["optimizer"]
    model.compile(
        getattr(keras.optimizers, kind)(**arguments), case["loss"], metrics=list(case["metrics"])
    )
    given = dict(case["fit"])
    train, held_out = slice(None, N_SAMPLES), slice(N_SAMPLES, None)
    fit = {"epochs": given.pop("epochs", EPOCHS), "batch_size": BATCH, "shuffle": False}
    if given.pop("sample_weight", False):
        fit["sample_weight"] = weights[train]
    if "class_weight" in given:
        fit["class_weight"] = {int(k): w for k, w in given["class_weight"].items()}
    if given.get("validation") == "data":
        fit["validation_data"] = (X[held_out], y[held_out])
    elif given.get("validation") == "weighted data":
        fit["validation_data"] = (X[held_out], y[held_out], weights[held_out])
    elif given.get("validation") == "split":
        fit["validation_split"] = 0.3
    trajectory = []
    callbacks = [getattr(keras.callbacks, k)(**own) for k, own in given.get("callbacks", ())]
    record = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: trajectory.append(
            np.concatenate([w.ravel() for w in model.get_weights()]).tolist()
        )
    )
    history = model.fit(X[train], y[train], verbose=0, callbacks=[record, *callbacks], **fit)
    evaluated = model.evaluate(
        X[held_out], y[held_out], sample_weight=weights[held_out], verbose=0, return_dict=True
    )
    return {
        "start": start,
        "trajectory": trajectory if "callbacks" not in given else trajectory[-1:],
        "end": [weight.tolist() for weight in model.get_weights()],
        "history": {
            name: [float(value) for value in values] for name, values in history.history.items()
        },
        "evaluated": {name: float(value) for name, value in evaluated.items()},
        "predicted": model.predict(X[held_out], verbose=0).tolist(),
    }


def callbacks():
    """What EarlyStopping and ReduceLROnPlateau make of given numbers."""
    rng = np.random.RandomState(0)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    cases = []
    for number in range(60):
        values = np.round(np.cumsum(rng.normal(-0.02, 0.1, 30)) + 1, 3).tolist()
        rising = number % 4 > 1
        options = {"monitor": "val_accuracy", "mode": "max"} if rising else {"monitor": "val_loss"}
        if number % 2:
            kind = "ReduceLROnPlateau"
            options |= {
                "factor": float(rng.choice([0.5, 0.1])),
                "patience": int(rng.randint(1, 5)),
                "min_delta": float(rng.choice([0, 1e-4, 0.05])),
                "cooldown": int(rng.randint(4)),
                "min_lr": float(rng.choice([0, 0.01])),
            }
        else:
            kind = "EarlyStopping"
            options |= {
                "min_delta": float(rng.choice([0, 0.05])),
                "patience": int(rng.randint(6)),
                "start_from_epoch": int(rng.choice([0, 0, 4])),
                "baseline": None if rng.uniform() < 0.7 else values[3],
            }
        cases.append({"kind": kind, "options": options, "values": values})
        cases[-1] |= _watched(model, kind, options, values)
    return {"cases": cases}


def _watched(model, kind, options, values):
    callback = getattr(keras.callbacks, kind)(**options)
    model.optimizer.learning_rate = 0.1
    model.stop_training = False
    callback.set_model(model)
    callback.on_train_begin({})
    rates = []
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {options["monitor"]: value})
        rates.append(float(model.optimizer.learning_rate))
        if model.stop_training:
            break
    callback.on_train_end({})
    return {
        "rates": rates,
        "stopped": bool(model.stop_training),
        "best_epoch": int(getattr(callback, "best_epoch", 0)),
    }
