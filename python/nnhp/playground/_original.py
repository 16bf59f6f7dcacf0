"""The engine of the original page, as an `nnhp.Sequential` that is taught batch by batch.

Smilkov and others' TensorFlow Playground (github.com/tensorflow/playground) does what no other
system does: half the squared error for classes, too, by one output of tanh; weights from
U(-0.5, 0.5) and biases of 0.1; samples in one order; a batch that an epoch leaves unfinished goes
on in the next; and weights that L1 takes across 0 stay 0 for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnhp import Sequential, layers, optimizers
from nnhp.playground._net import N_JOBS
from nnhp.playground._options import ACTIVATIONS, units_of
from nnhp.playground._problem import Problem, seed_of

Floats = NDArray[np.float64]
_BIAS = 0.1
_REACH = 0.5  # of the first weights


def activations_of(options: Mapping[str, Any], problem: Problem) -> list[str]:
    """The activation of each layer, the output's last."""
    names = [ACTIVATIONS[name] for name in options["activation"].split(",")]
    n_hidden = len(units_of(options))
    hidden = names * n_hidden if len(names) == 1 else names
    return [*hidden, "linear" if problem.is_regression else "tanh"]


def _layers_of(options: Mapping[str, Any], problem: Problem) -> list[layers.Layer]:
    units = [*units_of(options), 1]
    names = activations_of(options, problem)
    return [
        layers.Input((problem.X.shape[1],)),
        *(layers.Dense(n, activation=name) for n, name in zip(units, names, strict=True)),
    ]


def sequential_of(options: Mapping[str, Any], problem: Problem) -> Sequential:
    """The net, with the page's first weights."""
    net = Sequential(
        _layers_of(options, problem),
        dtype="float64",
        random_state=seed_of(options),
        n_jobs=N_JOBS,
    )
    # Half a squared error's gradient is half that of Keras's mean squared error.
    net.compile(optimizers.SGD(options["learningRate"] / 2), "mean_squared_error")
    rng = np.random.RandomState(seed_of(options))
    weights: list[Floats] = []
    sizes = [problem.X.shape[1], *units_of(options), 1]
    for shape in pairwise(sizes):
        drawn, biases = rng.uniform(-_REACH, _REACH, shape), np.full(shape[1], _BIAS)
        weights += [0 * drawn, 0 * biases] if options["initZero"] else [drawn, biases]
    net.set_weights(weights)
    return net


class OriginalLearner:
    """The page's training of the page's net.

    Parameters
    ----------
    options : mapping
        All options of the playground.
    problem : Problem
        What is learned: two classes or targets.
    """

    def __init__(self, options: Mapping[str, Any], problem: Problem) -> None:
        if len(problem.classes) > 2:
            raise ValueError("the original page knows two classes: engine must be 'nnhp'")
        self._options, self._problem = options, problem
        self._net = sequential_of(options, problem)
        self._alive = [np.ones(one.shape, bool) for one in self._net.get_weights()]
        self._left = np.arange(0)  # samples whose gradients wait for the next epoch's first batch
        inputs, *dense = _layers_of(options, problem)
        self._parts = [
            Sequential([inputs, *dense[: i + 1]], dtype="float64", n_jobs=N_JOBS)
            for i in range(len(dense))
        ]
        self._parts[-1].compile(optimizers.SGD(0.5), "mean_squared_error")  # for its gradients
        self._losses: tuple[list[float], list[float]] = ([], [])

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self._losses[0])

    @property
    def running(self) -> bool:
        """Whether its loss is a number: the page stops only when it is told to."""
        return bool(np.isfinite(self._losses[0][-1:]).all())

    def change(self, options: Mapping[str, Any]) -> None:
        """Go on with another learning rate."""
        self._options = options
        self._net.learning_rate = options["learningRate"] / 2

    def step(self) -> None:
        """Do an epoch, but for the samples of its last batch if that is not full."""
        X, y = self._samples(*self._problem.train)
        size, order = self._options["batchSize"], np.arange(len(X))
        n_whole = len(order) // size * size
        if n_whole and not len(self._left) and not self._decay:  # so nothing is between two steps
            self._net.fit(X[:n_whole], y[:n_whole], size, shuffle=False, verbose=0)
        else:
            self._step_by_step(X, y, order[:n_whole].reshape(-1, size))
        if n_whole:  # else there never is a step
            self._left = order[n_whole:]
        for losses, samples in zip(
            self._losses, (self._problem.train, self._problem.test), strict=True
        ):
            X, y = self._samples(*samples)
            with np.errstate(over="ignore", invalid="ignore"):  # of a net that diverges
                losses.append(float(0.5 * np.mean((self._net.predict(X) - y) ** 2)))

    def _step_by_step(self, X: Floats, y: Floats, batches: NDArray[np.int64]) -> None:
        for batch in batches:
            some = np.concatenate([self._left, batch])
            self._left = batch[:0]
            before = self._net.get_weights()
            if not np.isfinite(self._net.train_on_batch(X[some], y[some])):
                break
            self._penalize(before)

    @property
    def _decay(self) -> float:
        """What regularization takes of a weight, or for L1 of 1, in each step."""
        if self._options["regularization"] == "none":
            return 0.0
        return float(self._options["learningRate"] * self._options["regularizationRate"])

    def _samples(self, X: Floats, y: NDArray[Any]) -> tuple[Floats, Floats]:
        targets = y if self._problem.is_regression else 2.0 * y - 1
        return X, np.asarray(targets, dtype=np.float64)[:, np.newaxis]

    def _penalize(self, before: list[Floats]) -> None:
        """What the page does to weights after each step, by those before it; biases are free."""
        if not self._decay:
            return
        weights = self._net.get_weights()
        for place in range(0, len(weights), 2):
            w, alive = weights[place], self._alive[place]
            if self._options["regularization"] == "L2":
                w -= self._decay * before[place]
                continue
            w[~alive] = 0  # the step may have moved them
            moved = w - self._decay * np.sign(before[place])
            alive &= moved * w >= 0
            weights[place] = np.where(alive, moved, 0.0)
        self._net.set_weights(weights)

    def losses(self) -> tuple[list[float], list[float]]:
        """Half the mean squared error of the training and the test samples after each epoch."""
        return self._losses

    def weights(self) -> tuple[list[Floats], list[Floats]]:
        """Weights (inputs x units) and biases of each layer."""
        every = self._net.get_weights()
        return every[::2], every[1::2]

    def edit(self, layer: int, unit: int, source: int | None, value: float) -> None:
        """Set a weight, or with None as `source` a bias."""
        every = self._net.get_weights()
        if source is None:
            every[2 * layer + 1][unit] = value
        else:
            every[2 * layer][source, unit] = value
            self._alive[2 * layer][source, unit] = True
        self._net.set_weights(every)

    def outputs(self, X: Floats) -> list[Floats]:
        """What each layer puts out for samples."""
        return [self.output(X, layer) for layer in range(len(self._parts))]

    def output(self, X: Floats, layer: int) -> Floats:
        """The same of one layer; -1 is the last."""
        part = self._parts[layer]
        part.set_weights(self._net.get_weights()[: len(part.get_weights())])
        return np.asarray(part.predict(X))

    def gradients(self) -> list[float]:
        """Length of the gradient of each layer's weights, over all that is learned from."""
        if not self.running:
            return [np.nan] * len(self._parts)
        probe = self._parts[-1]
        before = self._net.get_weights()
        probe.set_weights(before)
        probe.train_on_batch(*self._samples(*self._problem.train))
        moved = [b - a for b, a in zip(before, probe.get_weights(), strict=True)]
        return [float(np.linalg.norm(one)) for one in moved[::2]]
