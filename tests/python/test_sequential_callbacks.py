"""What callbacks of Sequential are told, and what they do."""

import copy
import csv
import re

import numpy as np
import pytest
from helpers import assert_identical
from sequential_models import IDS, LABELS, X, fit, model_of
from sklearn.exceptions import ConvergenceWarning

import nnhp
from nnhp import callbacks, optimizers
from nnhp.layers import Dense
from nnhp.sequential import _metrics


def test_callbacks_are_told_what_happens():
    told = []
    every = callbacks.LambdaCallback(
        on_train_begin=lambda logs: told.append("begin"),
        on_epoch_begin=lambda epoch, logs: told.append(epoch),
        on_epoch_end=lambda epoch, logs: told.append(sorted(logs)),
        on_train_end=lambda logs: told.append(sorted(logs)),
    )
    model = model_of(metrics="accuracy")
    history = fit(model, epochs=2, validation_split=0.2, callbacks=every, batch_size=50)
    names = ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert told == ["begin", 0, names, 1, names, names]
    assert history.epoch == [0, 1]
    assert history.params == {"epochs": 2, "steps": 3, "verbose": 0}
    assert history.model is every.model is model


@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_begin", "on_epoch_end"])
def test_weights_that_a_callback_sets_are_trained_on(hook):
    start = [array * 0.5 for array in model_of().get_weights()]
    model, other = model_of(optimizer="sgd"), model_of(optimizer="sgd")
    given = callbacks.LambdaCallback(**{hook: lambda *told: model.set_weights(start)})
    fit(model, epochs=1, callbacks=given, shuffle=False)
    other.set_weights(start)
    if hook != "on_epoch_end":
        fit(other, epochs=1, shuffle=False)
    assert_identical(model.get_weights(), other.get_weights())
    assert_identical(model.predict(X), other.predict(X))


def test_the_best_weights_come_back():
    kept = []
    record = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: kept.append((logs["val_loss"], model.get_weights()))
    )
    stop = callbacks.EarlyStopping(patience=3, restore_best_weights=True)
    model = model_of(optimizer=optimizers.SGD(learning_rate=3.0))
    history = fit(model, epochs=200, validation_split=0.3, callbacks=[record, stop])
    best = int(np.argmin(history.history["val_loss"]))
    assert len(kept) == best + 4 < 200
    assert_identical(model.get_weights(), kept[best][1])


@pytest.mark.parametrize("metric", ["loss", *_metrics.METRICS, *_metrics.ALIASES])
@pytest.mark.parametrize("number", ["", "_1"])
def test_names_tell_whether_more_is_better(metric, number):
    name = _metrics.ALIASES.get(metric, metric)
    rises = "accuracy" in name or name in ("auc", "precision", "recall", "r2_score")
    stop = callbacks.EarlyStopping(monitor=f"val_{metric}{number}", patience=1)
    stop.model = model_of()
    stop.on_train_begin()
    for epoch, value in enumerate([1.0, 2.0, 3.0]):
        stop.on_epoch_end(epoch, {f"val_{metric}{number}": value})
    assert stop.best_epoch == (2 if rises else 0)
    assert stop.model.stop_training == (not rises)


def test_rates_are_scheduled_and_noted():
    both = [
        callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5),
        callbacks.LearningRateScheduler(lambda epoch: 0.0 if epoch == 1 else 0.1),
    ]
    model = model_of(optimizer="sgd")
    assert model.learning_rate == 0.01
    halves = fit(model, callbacks=both[0]).history["learning_rate"]
    assert halves == [0.005, 0.0025, 0.00125]
    assert model.learning_rate == 0.00125
    weights = []
    record = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: weights.append(model.get_weights())
    )
    assert fit(model, callbacks=[*both[1:], record]).history["learning_rate"] == [0.1, 0.0, 0.1]
    assert_identical(weights[1], weights[0])
    assert not np.array_equal(weights[2][0], weights[1][0])


def test_a_schedule_gets_the_rate_as_keras_gives_it():
    """Also where it has a default; but not where C does not tell what it takes."""
    defaulting = callbacks.LearningRateScheduler(lambda epoch, before=9.0: before * 0.5)
    of_c = callbacks.LearningRateScheduler(int)
    noted = [
        fit(model_of(optimizer="sgd"), callbacks=one).history["learning_rate"]
        for one in (defaulting, of_c)
    ]
    assert noted == [[0.005, 0.0025, 0.00125], [0.0, 1.0, 2.0]]


def test_checkpoints_are_models(tmp_path):
    every = callbacks.ModelCheckpoint(tmp_path / "{epoch:02d}-{val_loss:.2f}.nnhp")
    best = callbacks.ModelCheckpoint(tmp_path / "best.nnhp", save_best_only=True)
    model = model_of(optimizer=optimizers.SGD(learning_rate=3.0))
    history = fit(model, epochs=8, validation_split=0.3, callbacks=[every, best])
    losses_seen = history.history["val_loss"]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names[:-1] == [f"{i + 1:02d}-{loss:.2f}.nnhp" for i, loss in enumerate(losses_seen)]
    at_best = nnhp.Sequential.load(tmp_path / names[int(np.argmin(losses_seen))])
    kept = nnhp.Sequential.load(tmp_path / "best.nnhp")
    assert_identical(kept.get_weights(), at_best.get_weights())
    last = nnhp.Sequential.load(tmp_path / names[7])
    assert_identical(last.get_weights(), model.get_weights())


@pytest.mark.parametrize("save_weights_only", [False, True])
def test_a_checkpoint_looks_at_the_model_before_it_learns(tmp_path, save_weights_only):
    def most(y, outputs):
        return outputs.max()

    model = model_of(metrics=[most])
    start = model.get_weights()
    given = callbacks.ModelCheckpoint(tmp_path / "net", save_weights_only=save_weights_only)
    if save_weights_only:
        fit(model, callbacks=given)
        assert (tmp_path / "net").exists()
    else:
        with pytest.raises(ValueError, match=r"^compiled\.metrics\.0 is .*most.* file cann"):
            fit(model, callbacks=given)
        assert_identical(model.get_weights(), start)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "{val_loss:.2f}",
            r"names 'val_loss', which is not among .*'loss'\]\. Give fit validation_data or valid",
        ),
        ("{Acc}", r"names 'Acc', .* Did you mean 'acc'\?$"),
        ("{", "must hold names in braces only: Single '{' encountered"),
        ("{}", "must hold names in braces only: Format string contains positional fields"),
        ("{acc:d}", "must hold names in braces only: Unknown format code 'd'"),
    ],
)
def test_a_name_of_checkpoints_that_cannot_be_made_is_told(tmp_path, name, told):
    given = callbacks.ModelCheckpoint(tmp_path / name)
    with pytest.raises(ValueError, match=rf"^filepath='.*{re.escape(name)}' {told}"):
        fit(model_of(metrics="acc"), callbacks=given)


def test_callbacks_have_what_they_were_given():
    stop = callbacks.EarlyStopping("loss", min_delta=0.1, mode="min")
    assert (stop.monitor, stop.min_delta, stop.mode) == ("loss", 0.1, "min")
    plateau = callbacks.ReduceLROnPlateau("val_acc", min_delta=0.2)
    assert (plateau.monitor, plateau.min_delta, plateau.mode) == ("val_acc", 0.2, "auto")
    assert callbacks.ModelCheckpoint("net", "auc", mode="max").monitor == "auc"
    # And what is set in them counts.
    for name, value in {"monitor": "acc", "min_delta": 1e9, "mode": "max"}.items():
        stop = callbacks.EarlyStopping("loss")
        setattr(stop, name, value)
        history = fit(model_of(metrics="acc"), epochs=50, callbacks=stop)
        assert len(history.epoch) < 50
    assert len(fit(model_of(), epochs=50, callbacks=callbacks.EarlyStopping("loss")).epoch) == 50


def test_epochs_are_written_down(tmp_path):
    path = tmp_path / "log.csv"
    model = model_of(metrics="accuracy")
    history = fit(model, callbacks=[callbacks.CSVLogger(path, separator=";")]).history
    more = callbacks.CSVLogger(path, separator=";", append=True)
    fit(model, epochs=5, initial_epoch=3, callbacks=[more])
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert list(rows[0]) == ["epoch", "accuracy", "loss"]
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2, 3, 4]
    assert [float(row["loss"]) for row in rows[:3]] == history["loss"]
    fit(model, epochs=1, callbacks=[callbacks.CSVLogger(path)])
    assert len(path.read_text().splitlines()) == 2


def test_a_training_that_diverges_ends(capsys):
    model = model_of(
        Dense(4, input_dim=4), Dense(1), optimizer=optimizers.SGD(learning_rate=1e30), loss="mse"
    )
    model_of_one = copy.deepcopy(model)
    with pytest.warns(ConvergenceWarning, match="layer 1 of those with weights"):
        history = fit(model, LABELS, epochs=50, callbacks=callbacks.TerminateOnNaN())
    assert len(history.epoch) < 50
    assert not np.isfinite(history.history["loss"][-1])
    assert "training ends" in capsys.readouterr().out
    with pytest.warns(ConvergenceWarning):
        assert len(fit(model_of_one, LABELS, epochs=50).epoch) < 50


def test_what_a_callback_raises_leaves_the_model_as_it_is():
    def fail(epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    model, other = model_of(), model_of()
    with pytest.raises(KeyboardInterrupt):
        fit(model, epochs=9, callbacks=callbacks.LambdaCallback(on_epoch_end=fail))
    fit(other, epochs=3)
    assert_identical(model.get_weights(), other.get_weights())
    fit(model)
    fit(other)
    assert_identical(model.get_weights(), other.get_weights())


CHANGES = {
    "compile": lambda model: model.compile("sgd", "sparse_categorical_crossentropy"),
    "add": lambda model: model.add(Dense(1)),
    "pop": lambda model: model.pop(),
    "fit": fit,
    "train_on_batch": lambda model: model.train_on_batch(X, IDS),
}


@pytest.mark.parametrize("method", CHANGES)
@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_begin", "on_epoch_end"])
def test_a_training_under_way_is_left_alone(method, hook):
    model, other = model_of(), model_of()

    def change(*told):
        with pytest.raises(RuntimeError, match=f"^{method} cannot be called while the model is tr"):
            CHANGES[method](model)
        fit(copy.deepcopy(model), epochs=1)

    fit(model, epochs=2, callbacks=callbacks.LambdaCallback(**{hook: change}))
    fit(other, epochs=2)
    fit(model)
    fit(other)
    assert_identical(model.get_weights(), other.get_weights())


def test_the_end_of_a_training_is_no_training():
    """Nor is one that ended by an error."""
    model, other = model_of(), model_of()
    again = callbacks.LambdaCallback(on_train_end=lambda logs: fit(model, epochs=1))
    fit(model, epochs=2, callbacks=again)
    fit(other)
    assert_identical(model.get_weights(), other.get_weights())
    with pytest.raises(ZeroDivisionError):
        fit(model, callbacks=callbacks.LambdaCallback(on_train_begin=lambda logs: 1 / 0))
    for change in CHANGES.values():
        change(copy.deepcopy(model))


def test_epochs_are_printed(capsys):
    model = model_of(metrics="accuracy")
    model.fit(X, IDS, epochs=2, validation_split=0.2)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" - ")[0] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
    assert [part.split(":")[0] for part in lines[0].split(" - ")[1:]] == [
        "loss", "accuracy", "val_loss", "val_accuracy"
    ]  # fmt: skip
    model.evaluate(X, IDS)
    assert capsys.readouterr().out.startswith("loss: ")
    note = {"text": "new", "nothing": None, "of_numpy": np.float32(1 / 3)}
    noted = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(note))
    history = model.fit(X, IDS, callbacks=noted).history
    assert capsys.readouterr().out.endswith(" - text: new - nothing: None - of_numpy: 0.3333\n")
    assert history["text"] == ["new"]
    fit(model)
    assert capsys.readouterr().out == ""
