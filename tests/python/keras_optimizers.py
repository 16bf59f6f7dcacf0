"""Keras's optimizers and their options: what ``data/keras_optimizers.json`` holds."""

from itertools import pairwise

import jax
import keras
import numpy as np


def optimizers():
    """Trajectories of small nets: parameters after each epoch, for every optimizer and option."""
    rng = np.random.RandomState(0)
    n_samples, sizes, batch, epochs = 13, [3, 4, 5, 1], 5, 3
    X = rng.standard_normal((n_samples, sizes[0]))
    y = rng.randint(2, size=n_samples)
    weights = rng.uniform(0.2, 1.8, n_samples)
    # Where there is a penalty: nnhp divides it by the sum of the batch's weights, Keras does not.
    for start in range(0, n_samples, batch):
        weights[start : start + batch] *= 4.0 / weights[start : start + batch].sum()
    start = [
        (rng.uniform(-0.9, 0.9, shape), rng.uniform(-0.5, 0.5, shape[1]))
        for shape in pairwise(sizes)
    ]
    alpha, l1_ratio = 0.6, 0.3
    rate = {"learning_rate": 0.05}
    betas = {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}
    variants = [
        ("SGD", rate),
        ("SGD", rate | {"momentum": 0.7}),
        ("SGD", rate | {"momentum": 0.7, "nesterov": True}),
        ("RMSprop", rate | {"rho": 0.7, "epsilon": 1e-3}),
        ("RMSprop", rate | {"rho": 0.7, "epsilon": 1e-3, "momentum": 0.4}),
        ("RMSprop", rate | {"rho": 0.7, "epsilon": 1e-3, "centered": True}),
        ("RMSprop", rate | {"rho": 0.7, "epsilon": 1e-3, "centered": True, "momentum": 0.4}),
        ("Adagrad", rate | {"initial_accumulator_value": 0.02, "epsilon": 1e-3}),
        ("Adadelta", {"learning_rate": 1.5, "rho": 0.8, "epsilon": 1e-3}),
        ("Adam", rate | betas),
        ("Adam", rate | betas | {"beta_2": 0.4, "amsgrad": True}),
        ("AdamW", rate | betas | {"weight_decay": 0.3}),
        ("Nadam", rate | betas),
        ("Lion", rate | {"beta_1": 0.8, "beta_2": 0.6}),
    ]
    options = [
        {"weight_decay": 0.3},
        {"clipnorm": 0.05},
        {"clipvalue": 0.03},
        {"ema_momentum": 0.6},
        {"max_norm": 0.8},
        {"frozen_layers": [1]},
        {"frozen_layers": [0, 2]},
        {"penalty": True},
    ]
    together = {"clipnorm": 0.2, "ema_momentum": 0.6, "max_norm": 0.9, "penalty": True}

    def trained(name, arguments, extras):
        own = {k: v for k, v in extras.items() if k in ("weight_decay", "clipnorm", "clipvalue")}
        if "ema_momentum" in extras:
            own |= {"use_ema": True, "ema_momentum": extras["ema_momentum"]}
        optimizer = getattr(keras.optimizers, name)(**arguments, **own)
        penalty = keras.regularizers.L1L2(alpha * l1_ratio / 4.0, alpha * (1 - l1_ratio) / 8.0)
        limit = keras.constraints.MaxNorm(extras["max_norm"]) if "max_norm" in extras else None
        net = [(keras.Variable(kernel), keras.Variable(bias)) for kernel, bias in start]
        for kernel, _ in net:
            kernel.constraint = limit
        frozen = extras.get("frozen_layers", ())
        trained = [v for place, layer in enumerate(net) if place not in frozen for v in layer]
        optimizer.build(trained)

        def loss(values, rows):
            given = dict(zip(map(id, trained), values, strict=True))
            a = jax.numpy.asarray(X[rows])
            total = 0.0
            for place, layer in enumerate(net):
                kernel, bias = (given.get(id(v), v.value) for v in layer)
                a = a @ kernel + bias
                a = a if place == len(net) - 1 else jax.numpy.tanh(a)
                total += penalty(kernel) if "penalty" in extras else 0.0
            # Written out, as the tanh: some operations of Keras pass through single precision.
            losses = jax.numpy.logaddexp(0.0, a[:, 0]) - y[rows] * a[:, 0]
            weight = weights[rows] if "penalty" in extras else np.ones(len(losses))
            return total + (losses * weight).sum() / weight.sum()

        case = {"optimizer": name, "arguments": arguments, "extras": extras, "parameters": []}
        for _ in range(epochs):
            for first in range(0, n_samples, batch):
                rows = np.arange(n_samples)[first : first + batch]
                optimizer.apply(jax.grad(loss)([v.value for v in trained], rows), trained)
            case["parameters"].append(_flat([v.value for layer in net for v in layer]))
        if "ema_momentum" in extras:
            case["averages"] = _flat([v.value for v in optimizer._model_variables_moving_average])
        return case

    cases = [trained(name, arguments, {}) for name, arguments in variants]
    cases += [trained(name, arguments, together) for name, arguments in variants]
    for extras in options:
        cases += [trained(*variants[i], extras) for i in (1, 9)]
    return {
        "X": X.tolist(),
        "y": y.tolist(),
        "sample_weight": weights.tolist(),
        "sizes": sizes,
        "batch_size": batch,
        "alpha": alpha,
        "l1_ratio": l1_ratio,
        "start": _flat([array for layer in start for array in layer]),
        "cases": cases,
    }


def _flat(arrays):
    numbers = np.concatenate([np.ravel(array) for array in arrays])
    return [float(f"{number:.13g}") for number in numbers]
