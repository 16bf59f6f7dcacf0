"""A net that learns, one epoch after the other, and what there is to see of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from nnhp import _core, _threads
from nnhp.estimators import _params, _weights
from nnhp.estimators._branch import branched
from nnhp.estimators._data import Given, TrainingData, prepare
from nnhp.estimators._training import Training, loss_and_output
from nnhp.playground._net import class_of, parameters_of
from nnhp.playground._problem import Problem

Floats = NDArray[np.float64]


class Learner(Protocol):
    """A net that learns a problem."""

    @property
    def epoch(self) -> int:
        """Epochs done."""

    @property
    def running(self) -> bool:
        """Whether it can go on."""

    def step(self) -> None:
        """Do an epoch."""

    def losses(self) -> tuple[list[float], list[float]]:
        """Loss of what is learned from, and of what tests, after each epoch."""

    def weights(self) -> tuple[list[Floats], list[Floats]]:
        """Weights (inputs x units) and biases of each layer."""

    def edit(self, layer: int, unit: int, source: int | None, value: float) -> None:
        """Set a weight, or with None as `source` a bias."""

    def change(self, options: Mapping[str, Any]) -> None:
        """Go on with options that do not begin anew."""

    def outputs(self, X: Floats) -> list[Floats]:
        """What each layer puts out for samples; the last one's as the page shows it."""

    def output(self, X: Floats, layer: int) -> Floats:
        """The same of one layer; -1 is the last."""

    def gradients(self) -> list[float]:
        """Length of the gradient of each layer's weights, over all that is learned from."""


class NetLearner:
    """An estimator's training, which can be looked at and changed between two epochs.

    Parameters
    ----------
    options : mapping
        All options of the playground.
    problem : Problem
        What is learned.
    """

    def __init__(self, options: Mapping[str, Any], problem: Problem) -> None:
        self._problem = problem
        self._take(options)
        self._training = Training(self._net, self._data)
        self._objective = _objective_of(self._net, self._data)

    def _take(self, options: Mapping[str, Any]) -> None:
        self._net: Any = class_of(self._problem)(**parameters_of(options, self._problem))
        X, y = self._problem.train
        X_val, y_val = self._problem.test
        self._data = prepare(self._net, Given(X, y, X_val=X_val, y_val=y_val), None)

    def change(self, options: Mapping[str, Any]) -> None:
        """Go on with options that do not begin anew."""
        self._take(options)
        self._training = branched(self._training, self._net, self._data)

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return self._training.epoch

    @property
    def running(self) -> bool:
        """Whether it can go on."""
        return self._training.running

    def step(self) -> None:
        """Do an epoch."""
        self._training.advance(1, self._threads())

    def losses(self) -> tuple[list[float], list[float]]:
        """Loss of the training and the test samples, epoch by epoch."""
        session = self._training.session
        return list(session.loss_curve), list(session.validation_loss_curve)

    def weights(self) -> tuple[list[Floats], list[Floats]]:
        """Weights (inputs x units) and biases of each layer."""
        found = _weights.unpack(self._parameters(), self._training.spec)
        return found["coefs_"], found["intercepts_"]

    def _parameters(self) -> NDArray[Any]:
        return np.array(self._training.session.state()["parameters"])

    def edit(self, layer: int, unit: int, source: int | None, value: float) -> None:
        """Set a weight, or with None as `source` a bias; the training goes on with it."""
        parameters = self._parameters()
        found = _weights.unpack(parameters, self._training.spec)
        if source is None:
            found["intercepts_"][layer][unit] = value
        else:
            found["coefs_"][layer][source, unit] = value
        packed = _weights.packed(found, self._training.spec, parameters.dtype)
        self._training.session.restore({"parameters": packed})

    def outputs(self, X: Floats) -> list[Floats]:
        """What each layer puts out for samples.

        The last one's is a number in about [-1, 1] for two classes and for targets, and for more
        classes the probability of each.
        """
        predictor = self._predictor()
        return [self._output(predictor, X, layer) for layer in range(self._n_hidden + 1)]

    def output(self, X: Floats, layer: int) -> Floats:
        """The same of one layer; -1 is the last."""
        return self._output(self._predictor(), X, layer % (self._n_hidden + 1))

    def _predictor(self) -> _core.Predictor:
        return _core.Predictor(self._training.spec, self._parameters())

    def _output(self, predictor: _core.Predictor, X: Floats, layer: int) -> Floats:
        if layer < self._n_hidden:
            hidden = predictor.hidden_outputs(X, layer, self._threads)
            return np.asarray(hidden, dtype=np.float64)
        found = np.asarray(predictor.outputs(X, self._threads), dtype=np.float64)
        is_chance = self._is_binary and self._net.loss != "hinge"
        return 2 * found[:, -1:] - 1 if is_chance else found

    def _threads(self) -> int:
        return _threads.resolve(self._net.n_jobs)

    @property
    def _n_hidden(self) -> int:
        return len(self._net.hidden_layer_sizes)

    @property
    def _is_binary(self) -> bool:
        return len(self._problem.classes) == 2

    def gradients(self) -> list[float]:
        """Length of the gradient of each layer's weights, over all that is learned from."""
        _, gradient = self._objective(self._parameters())
        layers = _weights.unpack(gradient, self._training.spec)["coefs_"]
        return [float(np.linalg.norm(one)) for one in layers]


def _objective_of(net: Any, data: TrainingData) -> _core.Objective:
    """The loss without what is drawn anew in each step, and all samples as one batch."""
    quiet = clone(net).set_params(dropout=0.0, learning_rate="constant")
    spec = _params.train_spec(
        quiet, loss=loss_and_output(quiet, data)[0], batch_size=data.n_rows, max_epochs=1
    )
    return _core.Objective(Training(quiet, data).spec, spec, data.training_set)
