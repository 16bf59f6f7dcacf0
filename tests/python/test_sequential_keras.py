"""Sequential and its callbacks against what Keras computed, from the same weights and batches."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import nnhp
from nnhp import callbacks, layers, optimizers, regularizers
from nnhp.sequential import _losses, _metrics

# Written by make_keras_fixtures.py.
DATA = Path(__file__).parent / "data"
KERAS = json.loads((DATA / "keras_sequential.json").read_text())
CASES = KERAS["cases"]
X, WEIGHTS = np.array(KERAS["X"]), np.array(KERAS["sample_weight"])
TRAIN, HELD_OUT = slice(None, KERAS["n_samples"]), slice(KERAS["n_samples"], None)
CALLBACKS = json.loads((DATA / "keras_callbacks.json").read_text())["cases"]


def made(case):
    model = nnhp.Sequential(dtype="float64")
    model.add(layers.Input((X.shape[1],)))
    for kind, arguments in case["layers"]:
        given = dict(arguments)
        if "kernel_regularizer" in given:
            name, own = given["kernel_regularizer"]
            given["kernel_regularizer"] = getattr(regularizers, name)(**own)
        model.add(getattr(layers, kind)(**given))
    kind, arguments = case["optimizer"]
    optimizer = getattr(optimizers, kind)(**arguments)
    model.compile(optimizer, case["loss"], metrics=case["metrics"])
    model.set_weights(case["start"])
    return model


def targets_of(case):
    return np.array(KERAS[case["targets"]])


def fitted(case):
    """The model after the case's training, its history, and the weights after each epoch."""
    model, y, given = made(case), targets_of(case), case["fit"]
    fit = {"epochs": given.get("epochs", 4), "batch_size": KERAS["batch_size"], "shuffle": False}
    if given.get("sample_weight"):
        fit["sample_weight"] = WEIGHTS[TRAIN]
    if "class_weight" in given:
        fit["class_weight"] = {int(label): w for label, w in given["class_weight"].items()}
    match given.get("validation"):
        case "data":
            fit["validation_data"] = (X[HELD_OUT], y[HELD_OUT])
        case "weighted data":
            fit["validation_data"] = (X[HELD_OUT], y[HELD_OUT], WEIGHTS[HELD_OUT])
        case "split":
            fit["validation_split"] = 0.3
    trajectory = []
    record = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: trajectory.append(flat(model.get_weights()))
    )
    used = [getattr(callbacks, kind)(**own) for kind, own in given.get("callbacks", ())]
    history = model.fit(X[TRAIN], y[TRAIN], verbose=0, callbacks=[record, *used], **fit)
    return model, history.history, trajectory


def flat(weights):
    return np.concatenate([np.ravel(array) for array in weights])


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_trainings_are_those_of_keras(case):
    model, history, trajectory = fitted(case)
    if "callbacks" in case["fit"]:
        trajectory = trajectory[-1:]
    assert_allclose(trajectory, case["trajectory"], rtol=1e-6, atol=1e-9)
    assert_allclose(flat(model.get_weights()), flat(case["end"]), rtol=1e-6, atol=1e-9)
    # Metrics of the training data are a running mean in Keras.
    same = {n: v for n, v in case["history"].items() if n not in case["metrics"]}
    assert {name for name in history if name not in case["metrics"]} == same.keys()
    for name, values in same.items():
        assert_allclose(history[name], values, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_evaluations_and_predictions_are_those_of_keras(case):
    model, y = made(case), targets_of(case)
    model.set_weights(case["end"])
    found = model.evaluate(
        X[HELD_OUT], y[HELD_OUT], sample_weight=WEIGHTS[HELD_OUT], verbose=0, return_dict=True
    )
    assert list(found) == ["loss", *case["metrics"]]
    assert found.keys() == case["evaluated"].keys()
    for name, value in case["evaluated"].items():
        assert_allclose(found[name], value, rtol=1e-6, err_msg=name)
    assert_allclose(model.predict(X[HELD_OUT]), case["predicted"], rtol=1e-6)


# All but what only fit has.
BY_STEPS = {
    name: case
    for name, case in CASES.items()
    if "callbacks" not in case["fit"] and case["fit"].get("validation") != "split"
}


@pytest.mark.parametrize("case", BY_STEPS.values(), ids=BY_STEPS.keys())
def test_steps_by_hand_are_those_of_keras(case):
    given = case["fit"]
    model, y = made(case), targets_of(case)[TRAIN]
    class_weight = {int(label): w for label, w in given.get("class_weight", {}).items()}
    for expected in case["trajectory"]:
        for start in range(0, len(y), KERAS["batch_size"]):
            rows = slice(start, start + KERAS["batch_size"])
            weight = WEIGHTS[TRAIN][rows] if given.get("sample_weight") else None
            model.train_on_batch(X[TRAIN][rows], y[rows], weight, class_weight or None)
        assert_allclose(flat(model.get_weights()), expected, rtol=1e-6, atol=1e-9)


def test_every_loss_and_metric_is_compared():
    used = {case["loss"] for case in CASES.values()}
    assert {_losses.ALIASES.get(name, name) for name in used} == _losses.LOSSES.keys()
    used = {name for case in CASES.values() for name in case["metrics"]}
    named = {_metrics.ALIASES.get(name, name) for name in used}
    assert named | {"auc"} == _metrics.METRICS.keys()  # Keras approximates this one


class Watched:
    """What a callback sees of a model."""

    learning_rate = 0.1
    stop_training = False

    def get_weights(self):
        return []


@pytest.mark.parametrize("case", CALLBACKS, ids=lambda case: case["kind"])
def test_callbacks_are_those_of_keras(case):
    callback = getattr(callbacks, case["kind"])(**case["options"])
    callback.model = model = Watched()
    callback.on_train_begin({})
    rates = []
    for epoch, value in enumerate(case["values"]):
        callback.on_epoch_end(epoch, {case["options"]["monitor"]: value})
        rates.append(model.learning_rate)
        if model.stop_training:
            break
    assert_allclose(rates, case["rates"], rtol=1e-6)
    assert model.stop_training == case["stopped"]
    if case["kind"] == "EarlyStopping":
        assert callback.best_epoch == case["best_epoch"]


def test_the_numbers_end_trainings_and_lower_rates():
    assert {case["stopped"] for case in CALLBACKS} == {False, True}
    assert sum(len(set(case["rates"])) > 1 for case in CALLBACKS) > 10
    stopped = CASES["callbacks"]["history"]
    assert len(stopped["loss"]) < CASES["callbacks"]["fit"]["epochs"]
    assert len(set(stopped["learning_rate"])) > 1
