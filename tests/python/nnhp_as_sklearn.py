"""A pytest plugin that puts nnhp's estimators in the place of scikit-learn's MLPs.

    pytest -p nnhp_as_sklearn --pyargs sklearn.neural_network.tests.test_mlp

It also supplies the two private names of scikit-learn's classes that its tests read.
"""

from types import SimpleNamespace

import numpy as np
import sklearn.neural_network

import nnhp
from nnhp import _core
from nnhp.estimators import _params, _weights
from nnhp.estimators._base import BaseMLP

_LOSSES = {"softmax": "log_loss", "logistic": "binary_log_loss"}


def _optimizer(estimator):
    return SimpleNamespace(learning_rate=estimator._optimizer_state["learning_rate"])


def _loss_grad_lbfgs(estimator, theta, X, Y, sample_weight, *_buffers):
    """Loss and gradient at `theta`, which holds all weights and then all biases."""
    sizes = [X.shape[1], *(len(biases) for biases in estimator.intercepts_)]
    arrays = [*estimator.coefs_, *estimator.intercepts_]
    ends = np.cumsum([array.size for array in arrays])
    positions = np.split(np.arange(ends[-1]), ends[:-1])
    n_layers = len(estimator.coefs_)
    order = _weights.pack(positions[:n_layers], positions[n_layers:])

    class_ids = Y.ravel() if Y.shape[1] == 1 else Y.argmax(axis=1)
    objective = _core.Objective(
        _params.net_spec(
            estimator,
            n_inputs=sizes[0],
            n_outputs=sizes[-1],
            output_activation=estimator.out_activation_,
            dtype=X.dtype,
        ),
        _params.train_spec(
            estimator, loss=_LOSSES[estimator.out_activation_], batch_size=len(X), max_epochs=1
        ),
        _core.TrainingSet(
            _core.Dataset(X, class_ids=class_ids.astype(np.int32)), sample_weight=sample_weight
        ),
    )
    loss, flat_gradient = objective(theta[order])
    gradient = np.empty_like(flat_gradient)
    gradient[order] = flat_gradient
    return loss, gradient


BaseMLP._optimizer = property(_optimizer)
BaseMLP._loss_grad_lbfgs = _loss_grad_lbfgs
sklearn.neural_network.MLPClassifier = nnhp.MLPClassifier
sklearn.neural_network.MLPRegressor = nnhp.MLPRegressor
