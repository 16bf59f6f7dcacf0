"""Keras's schedules and plateaus: what ``data/keras_schedules.json`` holds."""

from itertools import pairwise

import keras
import numpy as np


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


def _flat(arrays):
    return np.concatenate([np.ravel(array) for array in arrays]).tolist()
