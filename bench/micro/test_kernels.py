"""The kernels, through the smallest calls of the engine that reach them; one thread, no copies."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from cases import LAYERS, SPARSE_LAYER, Case, Samples, classes, rare_words, rare_words_densified
from measuring import session_maker
from reference import dense, initial, loss_and_gradients

from nnhp import _core

DTYPES = ["float32", "float64"]


def net_of(case: Case, activation: str = "relu", outputs: str = "identity") -> _core.NetSpec:
    return _core.NetSpec(
        n_inputs=case.n_inputs,
        hidden=[(units, [activation]) for units in case.hidden],
        n_outputs=case.n_outputs,
        output_activation=outputs,
        dtype=case.dtype,
    )


def flat(case: Case) -> Any:
    return np.concatenate([p.ravel() for p in initial(case)]).astype(case.dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_forward_of_a_layer(benchmark: Any, layer: tuple[int, int, int], dtype: str) -> None:
    n_rows, n_inputs, n_units = layer
    case = Case(classes, n_rows, (n_inputs, n_units), n_rows, 1, dtype)
    X, _ = case.load()
    predictor = _core.Predictor(net_of(case), flat(case))
    outputs = benchmark(predictor.outputs, X, lambda: 1)
    weights, biases = initial(case)
    np.testing.assert_allclose(outputs, X @ weights + biases, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("activation", _core.activations())
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_loss_and_gradient(benchmark: Any, layer: tuple[int, int, int], activation: str) -> None:
    n_rows, n_inputs, n_units = layer
    case = Case(classes, n_rows, (n_inputs, n_units, 1), n_rows, 1)
    X, _ = case.load()
    train = _core.TrainSpec(
        loss="squared_error", optimizer="sgd", batch_size=n_rows, max_epochs=1, schedule_horizon=1
    )
    training_set = _core.TrainingSet(_core.Dataset(X, targets=X[:, :1].copy()))
    objective = _core.Objective(net_of(case, activation), train, training_set)
    parameters = flat(case)
    value, gradient = benchmark(objective, parameters)
    along = 1e-3 * gradient / np.linalg.norm(gradient)
    rise = objective(parameters + along)[0] - objective(parameters - along)[0]
    assert rise == pytest.approx(2 * np.dot(gradient, along), rel=0.05, abs=1e-5)
    assert value > 0


@pytest.mark.parametrize("optimizer", _core.optimizers())
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_step(benchmark: Any, layer: tuple[int, int, int], optimizer: str) -> None:
    n_rows, n_inputs, n_units = layer
    case = Case(classes, n_rows, (n_inputs, n_units, 10), n_rows, 1)
    session = session_maker(case, *case.load(), optimizer=optimizer)(0)
    benchmark(_core.train_many, [session], 1, 1)
    _core.train_many([session], 10, 1)
    assert session.loss_curve[-1] < session.loss_curve[0]


@pytest.mark.parametrize("dtype", DTYPES)
def test_fma_peak(benchmark: Any, dtype: str) -> None:
    assert benchmark.pedantic(_core.fma_peak, (dtype, 1, 0.01), rounds=3) > 0


def no_words(n_rows: int, n_features: int, n_outputs: int) -> Samples:
    _, y = rare_words(n_rows, n_features, n_outputs)
    return scipy.sparse.csr_array((n_rows, n_features), dtype=np.float32), y


@pytest.mark.parametrize("data", [rare_words, rare_words_densified, no_words])
def test_products_of_a_first_layer(benchmark: Any, data: Callable[..., Any]) -> None:
    """Loss and gradient of all rows at once; beyond those of no words they are the products.

    CSR samples with 1 % non-zeros, the same ones with their zeros, and none at all.
    """
    case = Case(data, *SPARSE_LAYER)
    X, y = case.load()
    arrays = X
    if scipy.sparse.issparse(X):
        arrays = X.data, X.indices.astype(np.int32), X.indptr.astype(np.int64), X.shape[1]
    train = _core.TrainSpec(
        loss="log_loss", optimizer="sgd", batch_size=len(y), max_epochs=1, schedule_horizon=1
    )
    training_set = _core.TrainingSet(
        _core.Dataset(arrays, class_ids=y.astype(np.int32)),
        label_map=np.arange(case.n_outputs, dtype=np.int32),
    )
    objective = _core.Objective(net_of(case, outputs="softmax"), train, training_set)
    value, gradient = benchmark(objective, flat(case))
    loss, gradients = loss_and_gradients(case, initial(case), dense(X), np.eye(case.n_outputs)[y])
    assert value == pytest.approx(loss, rel=1e-4)
    correct = np.concatenate([g.ravel() for g in gradients])
    np.testing.assert_allclose(gradient, correct, atol=1e-4 * np.abs(correct).max())
