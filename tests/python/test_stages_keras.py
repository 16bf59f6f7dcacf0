"""Normalization and activations against Keras: trajectories from the same weights and batches."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers import one_thread
from numpy.testing import assert_allclose

from nnhp import _core

# Written by make_keras_fixtures.py.
KERAS = json.loads((Path(__file__).parent / "data" / "keras_stages.json").read_text())
X, Y = np.array(KERAS["X"]), np.array(KERAS["y"])


def describe(case):
    net = case["net"]
    rows = [net.get("input_stages", []), *(stages for _, stages in net["hidden"])]
    rows.append(net.get("output_stages", []))
    return " / ".join(" ".join(stage["name"] for stage in stages) for stages in rows)


def net_of(case, dtype="float64"):
    return _core.NetSpec(
        n_inputs=X.shape[1],
        n_outputs=1,
        output_activation="logistic",
        dtype=dtype,
        **{name: value for name, value in case["net"].items() if name != "hidden"},
        hidden=[tuple(row) for row in case["net"]["hidden"]],
    )


def session_of(case):
    train = _core.TrainSpec(
        loss="binary_log_loss",
        optimizer={"name": "momentum", "momentum": 0.7},
        batch_size=KERAS["batch_size"],
        max_epochs=100,
        schedule_horizon=100,
        schedule={"name": "constant", "initial": 0.3},
        shuffle=False,
        n_iter_no_change=np.inf,
    )
    data = _core.TrainingSet(_core.Dataset(X, targets=Y[:, None].astype(np.float64)))
    return _core.Session(net_of(case), train, data, _core.Start(np.array(case["start"])))


@pytest.mark.parametrize("case", KERAS["cases"], ids=describe)
def test_trajectories_are_those_of_keras(case):
    session = session_of(case)
    for expected in case["parameters"]:
        _core.train_many([session], 1, 1)
        assert_allclose(session.parameters, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("case", KERAS["cases"], ids=describe)
def test_predictions_are_those_of_keras(case):
    net, parameters = net_of(case), np.array(case["parameters"][-1])
    outputs = _core.Predictor(net, parameters).outputs(X, one_thread)
    assert_allclose(outputs.ravel(), case["outputs"], rtol=1e-6)
    # A session predicts with the same folded weights, to the bit.
    session = session_of(case)
    session.restore({"parameters": parameters})
    (same,) = _core.predict_rows([session], [np.arange(len(X), dtype=np.int32)], 1)
    assert same.tobytes() == outputs.tobytes()


def test_every_stage_that_draws_nothing_is_compared():
    names = {
        stage["name"]
        for case in KERAS["cases"]
        for stages in [
            *(stages for _, stages in case["net"]["hidden"]),
            case["net"].get("input_stages", []),
            case["net"].get("output_stages", []),
        ]
        for stage in stages
    }
    assert names == {
        "batch_normalization", "layer_normalization", "gelu", "leaky_relu", "elu", "maxout", "prelu"
    }  # fmt: skip
