"""Writes what Keras computes to ``data/keras_*.json``, for the tests to compare with.

Run it where Keras 3.15 and JAX are installed; the tests themselves need neither:

    KERAS_BACKEND=jax JAX_ENABLE_X64=1 python tests/python/make_keras_fixtures.py [family ...]

Each family is a function that returns what its file holds.
"""

import json
import sys
from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
from keras.src.backend.common import dtypes

DATA = Path(__file__).parent / "data"


def schedules():
    """Trajectories of a small net under schedules that count steps, three to an epoch."""
    rng = np.random.RandomState(1)
    n_samples, sizes, batch, epochs = 13, [3, 4, 1], 5, 6
    X = rng.standard_normal((n_samples, sizes[0]))
    y = rng.randint(2, size=n_samples)
    start = [
        (rng.uniform(-0.9, 0.9, shape), rng.uniform(-0.5, 0.5, shape[1]))
        for shape in pairwise(sizes)
    ]
    kinds = keras.optimizers.schedules
    rate = np.float64(0.4)  # a float of Python's would be taken for single precision
    variants = {
        "exponential": kinds.ExponentialDecay(rate, 12, 0.3),
        "staircase": kinds.ExponentialDecay(rate, 6, 0.3, staircase=True),
        "polynomial": kinds.PolynomialDecay(rate, 12, end_learning_rate=0.08, power=1.7),
        "cosine": kinds.CosineDecay(rate, 12, alpha=0.15),
        "warm-up": kinds.CosineDecay(
            0 * rate, 10.5, alpha=0.15, warmup_target=rate, warmup_steps=4.5
        ),
        "restarts": kinds.CosineDecayRestarts(rate, 7.2, t_mul=1.5, m_mul=0.6, alpha=0.1),
        "equal periods": kinds.CosineDecayRestarts(rate, 6, t_mul=1.0, m_mul=0.6, alpha=0.1),
        "piecewise": kinds.PiecewiseConstantDecay([5, 11], [rate, rate / 4, rate / 1.6]),
    }
    cases = {}
    for name, schedule in variants.items():
        net = keras.Sequential([keras.Input((sizes[0],))])
        for place, units in enumerate(sizes[1:]):
            layer = keras.layers.Dense(units, activation="tanh" if place == 0 else "linear")
            net.add(layer)
            layer.set_weights(start[place])
        net.compile(
            keras.optimizers.SGD(schedule, momentum=0.7),
            keras.losses.BinaryCrossentropy(from_logits=True),
        )
        parameters = []
        for _ in range(epochs):
            for first in range(0, n_samples, batch):
                rows = slice(first, first + batch)
                net.train_on_batch(X[rows], y[rows, None])
            parameters.append(_flat(net.get_weights()))
        cases[name] = {
            "rates": [float(schedule(step)) for step in range(3 * epochs)],
            "parameters": parameters,
        }
    return {
        "X": X.tolist(),
        "y": y.tolist(),
        "sizes": sizes,
        "batch_size": batch,
        "start": _flat([array for layer in start for array in layer]),
        "cases": cases,
        "plateaus": _plateaus(rng),
    }


def _plateaus(rng):
    """The rates that ReduceLROnPlateau makes of made-up losses, one epoch after the other."""
    losses = np.round(1 / np.arange(1, 41) ** 0.3 + 0.03 * rng.standard_normal(40), 3).tolist()
    options = [
        {"factor": 0.5, "patience": 3, "min_delta": 0.01, "cooldown": 2, "min_lr": 0.04},
        {"factor": 0.3, "patience": 1, "min_delta": 0.0, "cooldown": 0, "min_lr": 0.0},
        {"factor": 0.9, "patience": 0, "min_delta": 0.05, "cooldown": 1, "min_lr": 0.001},
    ]
    cases = []
    for option in options:
        net = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        net.compile(keras.optimizers.SGD(0.4), "mse")
        callback = keras.callbacks.ReduceLROnPlateau(monitor="loss", mode="min", **option)
        callback.set_model(net)
        callback.on_train_begin()
        rates = []
        for epoch, loss in enumerate(losses):
            callback.on_epoch_end(epoch, {"loss": loss})
            rates.append(float(net.optimizer.learning_rate))
        cases.append({"options": option, "rates": rates})
    return {"losses": losses, "cases": cases}


def stages():
    """Trajectories through every stage that draws nothing; the last batch is of one sample."""
    rng = np.random.RandomState(2)
    n_samples, n_features, batch, epochs = 11, 3, 5, 3
    X = rng.standard_normal((n_samples, n_features))
    y = rng.randint(2, size=n_samples)
    by_batch = {"name": "batch_normalization", "epsilon": 0.02, "momentum": 0.7}
    by_layer = {"name": "layer_normalization", "epsilon": 0.03}
    prelu, gelu = {"name": "prelu"}, {"name": "gelu"}
    leaky, elu = {"name": "leaky_relu", "negative_slope": 0.35}, {"name": "elu", "alpha": 1.7}
    maxout = {"name": "maxout", "pieces": 3}
    nets = [
        {"hidden": [[4, [by_batch, gelu]], [3, [by_batch, leaky]]]},
        {"hidden": [[4, [by_layer, elu]], [3, [by_layer, prelu]]]},
        {"hidden": [[4, [maxout]], [3, [by_layer, maxout, by_batch]]]},
        {"hidden": [[4, [prelu, by_batch]], [5, [gelu, by_layer, elu]]]},
        {"hidden": [[4, [gelu]]], "input_stages": [by_batch], "output_stages": [by_batch]},
        {"hidden": [[4, [by_batch, prelu]]], "input_stages": [by_layer], "output_stages": [prelu]},
    ]
    cases = []
    for net in nets:
        model = keras.Sequential([keras.Input((n_features,))])
        rows = [[None, net.get("input_stages", [])], *net["hidden"]]
        rows.append([1, net.get("output_stages", [])])
        for units, of_layer in rows:
            if units is not None:
                model.add(keras.layers.Dense(units * _pieces(of_layer)))
            for stage in of_layer:
                for layer in _keras_layers(stage, units):
                    model.add(layer)
        for layer in model.layers:
            drawn = [rng.uniform(-0.9, 0.9, weight.shape) for weight in layer.get_weights()]
            if isinstance(layer, keras.layers.BatchNormalization):
                drawn[3] = np.abs(drawn[3])
            layer.set_weights(drawn)
        start = _as_the_engine_has_it(model)
        model.compile(
            keras.optimizers.SGD(0.3, momentum=0.7),
            keras.losses.BinaryCrossentropy(from_logits=True),
        )
        parameters = []
        for _ in range(epochs):
            for first in range(0, n_samples, batch):
                model.train_on_batch(X[first : first + batch], y[first : first + batch, None])
            parameters.append(_as_the_engine_has_it(model))
        outputs = _flat([keras.ops.sigmoid(model(X, training=False))])
        cases.append({"net": net, "start": start, "parameters": parameters, "outputs": outputs})
    return {"X": X.tolist(), "y": y.tolist(), "batch_size": batch, "cases": cases}


def _pieces(of_layer):
    return int(np.prod([stage.get("pieces", 1) for stage in of_layer]))


def _keras_layers(stage, units):
    """The layers that do what a stage of the engine does."""
    layers, own = keras.layers, {key: value for key, value in stage.items() if key != "name"}
    if stage["name"] == "maxout":  # of a row of columns p * units + j, the greatest p of each j
        return [layers.Reshape((own["pieces"], units)), layers.GlobalMaxPooling1D()]
    kinds = {
        "batch_normalization": layers.BatchNormalization,
        "layer_normalization": layers.LayerNormalization,
        "leaky_relu": layers.LeakyReLU,
        "elu": layers.ELU,
        "prelu": layers.PReLU,
    }
    if stage["name"] in kinds:
        return [kinds[stage["name"]](**own)]
    return [layers.Activation(stage["name"])]


def _as_the_engine_has_it(model):
    """Flat weights and biases, then what stages train, then moving statistics."""
    dense, trained, statistics = [], [], []
    for layer in model.layers:
        weights = layer.get_weights()
        (dense if isinstance(layer, keras.layers.Dense) else trained).extend(weights[:2])
        statistics += weights[2:]
    return _flat([*dense, *trained, *statistics])


def _flat(arrays):
    return np.concatenate([np.ravel(array) for array in arrays]).tolist()


FAMILIES = {"schedules": schedules, "stages": stages}


def main(names):
    assert keras.__version__.startswith("3.15"), keras.__version__
    keras.config.set_floatx("float64")
    # On JAX, Keras makes single precision of double wherever it promotes types.
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
    DATA.mkdir(exist_ok=True)
    for name in names or FAMILIES:
        content = {"keras": keras.__version__, **FAMILIES[name]()}
        (DATA / f"keras_{name}.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
