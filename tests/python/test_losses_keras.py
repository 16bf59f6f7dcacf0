"""Losses, label smoothing and output activations against trajectories that Keras computed."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers import one_thread
from numpy.testing import assert_allclose

from nnhp import _core

FIXTURE = json.loads((Path(__file__).parent / "data" / "keras_losses.json").read_text())
OUTPUTS = {"linear": "identity", "sigmoid": "logistic", "exponential": "exp"}
CASES = {f"{case['keras']} {case['output']}": case for case in FIXTURE["cases"]}


def array(name):
    return np.array(FIXTURE[name])


def session_of(case, **changed):
    net = _core.NetSpec(
        n_inputs=array("X").shape[1],
        hidden=[(FIXTURE["hidden"], ["tanh"])],
        n_outputs=3,
        output_activation=OUTPUTS.get(case["output"], case["output"]),
        dtype="float64",
    )
    train = _core.TrainSpec(
        loss={**case["loss"], **changed},
        optimizer="sgd",
        schedule={"name": "constant", "initial": FIXTURE["rate"]},
        batch_size=FIXTURE["batch_size"],
        max_epochs=100,
        schedule_horizon=100,
        shuffle=False,
        n_iter_no_change=100,
    )
    data = _core.Dataset(array("X"), targets=array(case["targets"]))
    training_set = _core.TrainingSet(data, sample_weight=array("sample_weight"))
    return _core.Session(net, train, training_set, _core.Start(array("start")))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_trajectories_are_those_of_keras(case):
    session = session_of(case)
    for expected in case["parameters"]:
        _core.train_many([session], 1, one_thread())
        assert_allclose(session.parameters, expected, rtol=1e-8, atol=1e-12)
    assert_allclose(session.loss_curve, case["loss_curve"], rtol=1e-8)


# Each field of each case matters: without it, the training is another.
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_every_field_matters(case):
    defaults = {"label_smoothing": 0.0, "delta": 1.0, "gamma": 2.0, "alpha": 1.0, "scale": 1.0}
    for field in case["loss"].keys() & defaults.keys():
        session = session_of(case, **{field: defaults[field]})
        _core.train_many([session], FIXTURE["epochs"], one_thread())
        difference = np.abs(session.parameters - case["parameters"][-1])
        assert difference.max() > 1e-4, field
