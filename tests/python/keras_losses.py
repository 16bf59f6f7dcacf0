"""Keras's losses: trajectories of small nets, a family of make_keras_fixtures.py."""

import jax
import keras
import numpy as np

N_SAMPLES, INPUTS, HIDDEN, BATCH, EPOCHS, RATE = 13, 3, 4, 5, 4, 0.1

# Each with the output activation, the targets, and what nnhp's engine calls the loss.
CASES = [
    ("MeanSquaredError", {}, "linear", "numbers", {"name": "squared_error", "scale": 2.0}),
    ("MeanSquaredError", {}, "sigmoid", "labels", {"name": "squared_error", "scale": 2.0}),
    ("MeanSquaredError", {}, "tanh", "numbers", {"name": "squared_error", "scale": 2.0}),
    ("MeanSquaredError", {}, "softmax", "classes", {"name": "squared_error", "scale": 2.0}),
    ("MeanSquaredError", {}, "exponential", "counts", {"name": "squared_error", "scale": 2.0}),
    ("MeanSquaredError", {}, "relu", "counts", {"name": "squared_error", "scale": 2.0}),
    ("MeanSquaredError", {}, "silu", "numbers", {"name": "squared_error", "scale": 2.0}),
    ("MeanAbsoluteError", {}, "linear", "numbers", {"name": "absolute_error"}),
    ("Huber", {"delta": 0.4}, "linear", "numbers", {"name": "huber", "delta": 0.4}),
    ("Poisson", {}, "exponential", "counts", {"name": "poisson_likelihood"}),
    ("Poisson", {}, "softplus", "counts", {"name": "poisson_likelihood"}),
    (
        "BinaryCrossentropy",
        {"label_smoothing": 0.2},
        "sigmoid",
        "labels",
        {"name": "binary_log_loss", "label_smoothing": 0.2},
    ),
    ("BinaryCrossentropy", {}, "softmax", "classes", {"name": "binary_log_loss"}),
    (
        "CategoricalCrossentropy",
        {"label_smoothing": 0.3},
        "softmax",
        "classes",
        {"name": "log_loss", "label_smoothing": 0.3},
    ),
    ("SparseCategoricalCrossentropy", {}, "softmax", "ids", {"name": "log_loss"}),
    ("Hinge", {}, "linear", "labels", {"name": "hinge"}),
    ("Hinge", {}, "tanh", "labels", {"name": "hinge"}),
    ("CategoricalHinge", {}, "linear", "classes", {"name": "categorical_hinge"}),
    ("CategoricalHinge", {}, "tanh", "classes", {"name": "categorical_hinge"}),
    (
        "BinaryFocalCrossentropy",
        {"gamma": 1.5, "label_smoothing": 0.1},
        "sigmoid",
        "labels",
        {"name": "binary_focal", "gamma": 1.5, "label_smoothing": 0.1},
    ),
    (
        "BinaryFocalCrossentropy",
        {"gamma": 2.5, "alpha": 0.3, "apply_class_balancing": True},
        "sigmoid",
        "labels",
        {"name": "binary_focal", "gamma": 2.5, "alpha": 0.3},
    ),
    (
        "CategoricalFocalCrossentropy",
        {"gamma": 1.5, "alpha": 0.6, "label_smoothing": 0.1},
        "softmax",
        "classes",
        {"name": "focal", "gamma": 1.5, "alpha": 0.6, "label_smoothing": 0.1},
    ),
]
# Keras takes the mean over the outputs of those that look at each output by itself.
SUMS = {"log_loss", "categorical_hinge", "focal"}


def losses():
    """Parameters and mean loss after each epoch, for every loss and label smoothing."""
    rng = np.random.RandomState(2)
    X = rng.standard_normal((N_SAMPLES, INPUTS))
    ids = rng.randint(3, size=N_SAMPLES)
    targets = {
        "numbers": 0.5 * rng.standard_normal((N_SAMPLES, 3)),
        "labels": rng.randint(2, size=(N_SAMPLES, 3)).astype(float),
        "classes": np.eye(3)[ids],
        "counts": rng.poisson(1.5, (N_SAMPLES, 3)).astype(float),
        "ids": ids,
    }
    weights = rng.uniform(0.2, 1.8, N_SAMPLES)
    shapes = [(INPUTS, HIDDEN), (HIDDEN,), (HIDDEN, 3), (3,)]
    start = [rng.uniform(-0.9, 0.9, shape) for shape in shapes]

    def trained(name, arguments, output, kind, fields):
        loss = getattr(keras.losses, name)(**arguments)
        activation = keras.activations.get(output)
        y = targets[kind]

        def mean_loss(parameters, rows):
            kernel, bias, last_kernel, last_bias = parameters
            hidden = keras.ops.tanh(X[rows] @ kernel + bias)
            outputs = activation(hidden @ last_kernel + last_bias)
            each = loss.call(jax.numpy.asarray(y[rows]), outputs)
            assert each.dtype == np.float64
            return (each * weights[rows]).sum() / weights[rows].sum()

        parameters = [jax.numpy.asarray(array) for array in start]
        curve, trajectory = [], []
        for _ in range(EPOCHS):
            total = 0.0
            for first in range(0, N_SAMPLES, BATCH):
                rows = np.arange(N_SAMPLES)[first : first + BATCH]
                value, slopes = jax.value_and_grad(mean_loss)(parameters, rows)
                total += float(value) * len(rows)
                parameters = [p - RATE * slope for p, slope in zip(parameters, slopes, strict=True)]
            curve.append(float(f"{total / N_SAMPLES:.13g}"))
            trajectory.append(_flat(parameters))
        over = "sum" if fields["name"] in SUMS else "mean"
        return {
            "keras": f"{name}({arguments})",
            "output": output,
            "targets": "classes" if kind == "ids" else kind,
            "loss": {**fields, "over_outputs": over, "epsilon": 1e-7},
            "loss_curve": curve,
            "parameters": trajectory,
        }

    return {
        "X": X.tolist(),
        **{kind: y.tolist() for kind, y in targets.items() if kind != "ids"},
        "sample_weight": weights.tolist(),
        "hidden": HIDDEN,
        "batch_size": BATCH,
        "epochs": EPOCHS,
        "rate": RATE,
        "start": _flat(start),
        "cases": [trained(*case) for case in CASES],
    }


def _flat(arrays):
    numbers = np.concatenate([np.ravel(array) for array in arrays])
    return [float(f"{number:.13g}") for number in numbers]
