"""Sequential: its methods, the bits it gives, files, and what it refuses."""

import copy
import csv
import pickle

import numpy as np
import pandas as pd
import pytest
from helpers import assert_identical, cpus
from numpy.testing import assert_allclose
from scipy.sparse import csr_array
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

import nnhp
from nnhp import activations, callbacks, initializers, layers, losses, optimizers, regularizers
from nnhp.layers import Dense, Dropout, Input

X, IDS = load_iris(return_X_y=True)
X = scale(X)
LABELS = (IDS == 2).astype(int)


def model_of(*given, optimizer="adam", loss="sparse_categorical_crossentropy", **options):
    """A compiled model, of the given layers or a small one."""
    metrics = options.pop("metrics", None)
    model = nnhp.Sequential(
        given or [Dense(8, "relu", input_dim=4), Dense(3, "softmax")],
        **{"random_state": 0, **options},
    )
    model.compile(optimizer, loss, metrics=metrics)
    return model


def everything():
    """A model with every layer that may come anywhere."""
    return model_of(
        Input((4,)),
        layers.GaussianNoise(0.1),
        Dense(8, kernel_regularizer="l2"),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        Dropout(0.2),
        layers.Maxout(6, pieces=3, kernel_initializer="he_normal"),
        layers.LayerNormalization(),
        layers.AlphaDropout(0.1),
        Dense(5, activations.PReLU(initial_slope=0.1), use_bias=False),
        Dense(3, "softmax", kernel_regularizer=regularizers.L1L2(l1=1e-3, l2=1e-3)),
        optimizer=optimizers.AdamW(learning_rate=0.01, clipnorm=1.0, ema_momentum=0.5),
        metrics=["accuracy"],
    )


def fit(model, y=IDS, **options):
    return model.fit(X, y, **{"epochs": 3, "verbose": 0, **options})


# ---------------------------------------------------------------------- the article


def test_the_code_of_the_article_runs():
    """Neural Network Starter Kit, part 2 (Spagnola 2021), on data that comes with scikit-learn.

    Mended: `keras` is `nnhp`; its `input_shape = X_train_df.shape` is the shape of all data, where
    that of one sample is meant, `X_train_df.shape[1:]`.
    """
    from nnhp import Sequential
    from nnhp.layers import Dense

    X_df, y = load_breast_cancer(return_X_y=True, as_frame=True)
    X_df = (X_df - X_df.mean()) / X_df.std()
    X_train_df, X_test_df, y_train, y_test = train_test_split(X_df, y, random_state=0)

    # Create base model
    model = Sequential(random_state=0)
    # Input layer
    model.add(Dense(64, input_shape = X_train_df.shape[1:], activation = 'relu'))  # fmt: skip
    # Hidden layers
    model.add(Dense(32, activation = 'relu'))  # fmt: skip
    model.add(Dense(16, activation = 'relu'))  # fmt: skip
    model.add(Dense(8, activation = 'relu'))  # fmt: skip
    # Output layer
    model.add(Dense(1, activation = 'sigmoid'))  # fmt: skip
    # Compile
    # fmt: off
    model.compile(optimizer = 'adam', loss = 'binary_crossentropy', metrics = 'accuracy')
    # fmt: on
    # Fit the model
    history = model.fit(X_train_df, y_train, batch_size=16, epochs=25)  # fmt: skip

    assert len(history.history["loss"]) == 25
    assert history.history["accuracy"][-1] > 0.97
    assert model.evaluate(X_test_df, y_test, verbose=0)[1] > 0.95


def test_the_pieces_of_the_article_run():
    """The same article's single lines.

    Mended: brackets that are missing, `input_dim`, which is the number of columns, and the layer
    of 32 units, which lacks its `Dense`.
    """
    model = nnhp.Sequential()
    model.add(Dense(units=64, input_dim=X.shape[1], activation="tanh"))
    model.add(Dense(units=32, activation="relu"))
    model.add(Dense(units=16, activation="relu"))
    model.add(Dense(units=8, activation="relu"))
    model.add(Dense(units=1, activation="sigmoid"))
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics="accuracy")
    history = model.fit(X, LABELS, batch_size=16, epochs=2, verbose=0)
    assert history.history.keys() == {"loss", "accuracy"}


# ---------------------------------------------------------------------- what it learns


@pytest.mark.parametrize("optimizer", sorted(optimizers.BY_NAME))
def test_every_optimizer_learns_by_its_name(optimizer):
    model = model_of(optimizer=optimizer)
    losses_seen = fit(model, epochs=30).history["loss"]
    assert losses_seen[-1] < losses_seen[0]


def test_digits_are_learned_through_all_layers():
    images, digits = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(images / 16, digits, random_state=0)
    model = nnhp.Sequential(random_state=0)
    model.add(Input((64,)))
    model.add(layers.GaussianNoise(0.05))
    model.add(Dense(64))
    model.add(layers.BatchNormalization())
    model.add(layers.Activation("relu"))
    model.add(Dropout(0.2))
    model.add(layers.Maxout(32))
    model.add(layers.LayerNormalization())
    model.add(Dense(10, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(X_train, y_train, epochs=20, validation_split=0.1, verbose=0)
    assert history.history["val_accuracy"][-1] > 0.9
    assert model.evaluate(X_test, y_test, verbose=0)[1] > 0.95


def test_a_vector_is_one_column():
    X_numbers, y = load_diabetes(return_X_y=True)
    found = []
    for targets in (y, y[:, np.newaxis], pd.Series(y)):
        model = model_of(Dense(4, "tanh", input_dim=10), Dense(1), loss="mse")
        model.fit(X_numbers, targets, epochs=2, verbose=0)
        found.append((model.get_weights(), model.evaluate(X_numbers, targets, verbose=0)))
    assert_identical(found[1], found[0])
    assert_identical(found[2], found[0])


def test_class_numbers_and_columns_are_the_same_targets():
    by_number, by_column = model_of(), model_of(loss="categorical_crossentropy")
    fit(by_number, class_weight={1: 2.0})
    fit(by_column, np.eye(3)[IDS], class_weight={1: 2.0})
    assert_identical(by_column.get_weights(), by_number.get_weights())


def test_the_last_samples_are_split_off():
    split, given = model_of(metrics="accuracy"), model_of(metrics="accuracy")
    weights = np.linspace(0.5, 1.5, len(X))
    ours = fit(split, validation_split=0.3, sample_weight=weights)
    cut = int(len(X) * 0.7)
    rest = slice(cut, None)
    theirs = given.fit(
        X[:cut],
        IDS[:cut],
        epochs=3,
        verbose=0,
        sample_weight=weights[:cut],
        validation_data=(X[rest], IDS[rest], weights[rest]),
    )
    assert_identical(ours.history, theirs.history)
    loss, accuracy = split.evaluate(X[rest], IDS[rest], sample_weight=weights[rest], verbose=0)
    assert_allclose(loss, ours.history["val_loss"][-1], rtol=1e-6)
    assert accuracy == ours.history["val_accuracy"][-1]


def test_metrics_of_one_s_own():
    def most(y, outputs):
        return np.abs(np.eye(3)[y.ravel()] - outputs).max()

    model = model_of(metrics=["acc", most])
    history = fit(model).history
    expected = np.abs(np.eye(3)[IDS] - model.predict(X)).max()
    assert list(history) == ["loss", "acc", "most"]
    assert_allclose(history["most"][-1], expected, rtol=1e-6)


def test_penalties_are_in_the_loss():
    plain, penalized = model_of(), everything()
    assert plain.evaluate(X, IDS, verbose=0) > 0
    weights = penalized.get_weights()
    loss, _ = penalized.evaluate(X, IDS, verbose=0)
    kernels = [weights[0], weights[-2]]
    added = 0.01 * (kernels[0] ** 2).sum()
    added += 1e-3 * (np.abs(kernels[1]) + kernels[1] ** 2).sum()
    probabilities = penalized.predict(X)[np.arange(len(X)), IDS]
    assert_allclose(loss, -np.log(probabilities).mean() + added, rtol=1e-4)


# ---------------------------------------------------------------------- the same bits


def test_threads_and_runs_give_the_same_bits():
    found = []
    for count in (1, 1, 4):
        with cpus(count):
            model = everything()
            history = fit(model, validation_split=0.2, epochs=4)
            found.append((history.history, model.get_weights(), model.predict(X)))
    assert_identical(found[1], found[0])
    assert_identical(found[2], found[0])


def test_models_are_alike_by_their_seed_alone():
    first = model_of().get_weights()
    assert_identical(model_of().get_weights(), first)
    other = model_of(random_state=1).get_weights()
    assert not np.array_equal(other[0], first[0])
    shared = np.random.RandomState(0)
    one, two = (model_of(random_state=shared).get_weights()[0] for _ in range(2))
    assert not np.array_equal(one, two)


def test_sparse_samples_give_the_bits_of_dense_ones():
    found = []
    for samples in (X, csr_array(X)):
        model = model_of()
        model.fit(samples, IDS, epochs=3, verbose=0, validation_split=0.2)
        found.append((model.get_weights(), model.predict(samples)))
    assert_identical(found[1], found[0])


def test_calls_of_fit_go_on():
    plainly = {"optimizer": optimizers.Nadam(ema_momentum=0.7)}
    once, twice = model_of(**plainly), model_of(**plainly)
    fit(once, epochs=4, shuffle=False)
    fit(twice, epochs=2, shuffle=False)
    history = fit(twice, epochs=4, initial_epoch=2, shuffle=False)
    assert history.epoch == [2, 3]
    assert_identical(twice.get_weights(), once.get_weights())
    # Another compile is another optimizer, with the same weights.
    fresh = model_of(**plainly)
    fresh.set_weights(once.get_weights())
    once.compile(plainly["optimizer"], "sparse_categorical_crossentropy")
    for model in (once, fresh):
        fit(model, shuffle=False)
    assert_identical(once.get_weights(), fresh.get_weights())


def test_train_on_batch_is_a_step_of_fit():
    options = {"optimizer": optimizers.RMSprop(momentum=0.5), "metrics": ["accuracy"]}
    by_fit, by_hand = model_of(**options), model_of(**options)
    history = by_fit.fit(X, IDS, batch_size=50, epochs=2, shuffle=False, verbose=0)
    for epoch in range(2):
        found = [
            by_hand.train_on_batch(X[rows], IDS[rows], return_dict=True)
            for rows in (slice(0, 50), slice(50, 100), slice(100, 150))
        ]
        mean = np.mean([numbers["loss"] for numbers in found])
        assert_allclose(mean, history.history["loss"][epoch], rtol=1e-12)
    assert_identical(by_hand.get_weights(), by_fit.get_weights())
    assert found[-1].keys() == {"loss", "accuracy"}
    assert len(by_hand.train_on_batch(X, IDS)) == 2


# ---------------------------------------------------------------------- weights


def test_weights_come_layer_by_layer():
    model = everything()
    shapes = [array.shape for array in model.get_weights()]
    assert shapes == [
        (4, 8), (8,),  # Dense
        (8,), (8,), (8,), (8,),  # BatchNormalization: scale, shift, mean, variance
        (8, 18), (18,),  # Maxout, piece by piece
        (6,), (6,),  # LayerNormalization
        (6, 5), (5,),  # Dense without biases, and its slopes
        (5, 3), (3,),
    ]  # fmt: skip
    start = model.get_weights()
    assert all((start[place] == value).all() for place, value in [(1, 0), (2, 1), (4, 0), (5, 1)])
    assert_allclose(start[11], 0.1, rtol=1e-6)
    fit(model)
    trained = model.get_weights()
    assert all(not np.array_equal(a, b) for a, b in zip(start, trained, strict=True))
    model.set_weights(start)
    assert_identical(model.get_weights(), start)


def test_initial_weights_are_keras_s():
    model = model_of(
        Dense(300, "relu", input_dim=200),
        Dense(2, kernel_initializer=initializers.Constant(0.5), bias_initializer="ones"),
    )
    kernel, biases, last, last_biases = model.get_weights()
    assert kernel.dtype == np.float32
    bound = np.sqrt(6 / 500)
    assert 0.99 * bound < np.abs(kernel).max() <= bound
    assert_allclose(kernel.std(), bound / np.sqrt(3), rtol=0.02)
    assert not biases.any()
    assert (last == 0.5).all()
    assert (last_biases == 1).all()


def test_a_changed_list_of_layers_starts_anew():
    model = model_of()
    before = model.get_weights()
    model.pop()
    model.add(Dense(5, "tanh"))
    model.add(Dense(3, "softmax"))
    assert [len(array) for array in model.get_weights()] == [4, 8, 8, 5, 5, 3]
    assert_identical(model.get_weights()[0], before[0])
    assert fit(model).history["loss"]
    assert model.layers[-1] == Dense(3, "softmax")


def test_features_are_known_from_the_first_data():
    model = model_of(Dense(5, "relu"), Dense(3, "softmax"))
    assert model.get_weights() == []
    fit(model)
    assert [array.shape for array in model.get_weights()] == [(4, 5), (5,), (5, 3), (3,)]
    with pytest.raises(ValueError, match="x must have 4 features"):
        model.predict(X[:, :2])


def test_layers_that_are_not_trained_stay():
    model = model_of(Dense(8, "relu", input_dim=4, trainable=False), Dense(3, "softmax"))
    start = model.get_weights()
    fit(model)
    now = model.get_weights()
    assert_identical(now[:2], start[:2])
    assert not np.array_equal(now[2], start[2])


def test_the_summary_counts_parameters(capsys):
    everything().summary()
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["gaussian_noise", "(GaussianNoise)", "(None,", "4)", "0"]
    assert lines[3].split()[-1] == "40"
    assert "dense_1 (Dense)" in "\n".join(lines)
    total = sum(array.size for array in everything().get_weights())
    assert f"Total parameters: {total}" in lines
    assert "Not trained: 16" in lines
    nnhp.Sequential([Dense(3)]).summary()
    assert "not known yet" in capsys.readouterr().out


# ---------------------------------------------------------------------- files


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_comes_back_from_its_file(tmp_path, dtype):
    model = everything()
    model = nnhp.Sequential(model.layers, dtype=dtype, random_state=0)
    optimizer = optimizers.Adam(learning_rate=0.01, ema_momentum=0.5, clipnorm=1.0)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit(model)
    model.learning_rate = 0.004
    path = tmp_path / "model.nnhp"
    model.save(path)
    loaded = nnhp.Sequential.load(path)
    assert loaded.layers == model.layers
    assert loaded.learning_rate == 0.004
    assert_identical(loaded.get_weights(), model.get_weights())
    assert_identical(loaded.predict(X), model.predict(X))
    assert_identical(loaded.evaluate(X, IDS, verbose=0), model.evaluate(X, IDS, verbose=0))


def test_a_training_goes_on_from_a_file(tmp_path):
    optimizer = optimizers.Nadam(learning_rate=0.01, ema_momentum=0.5)
    model = model_of(optimizer=optimizer)
    fit(model, shuffle=False)
    model.save(tmp_path / "model.nnhp")
    loaded = nnhp.Sequential.load(tmp_path / "model.nnhp")
    for one in (model, loaded):
        fit(one, shuffle=False)
    assert_identical(loaded.get_weights(), model.get_weights())


def test_a_model_without_compile_has_a_file(tmp_path):
    model = nnhp.Sequential([Dense(2, input_dim=4)], random_state=0)
    model.save(tmp_path / "model.nnhp")
    loaded = nnhp.Sequential.load(tmp_path / "model.nnhp")
    assert_identical(loaded.predict(X), model.predict(X))
    with pytest.raises(NotFittedError, match="compile"):
        loaded.fit(X, X[:, :2])


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "model.nnhp"
    with pytest.raises(FileNotFoundError):
        nnhp.Sequential.load(path)
    path.write_text("something else")
    with pytest.raises(ValueError, match="is no safetensors file"):
        nnhp.Sequential.load(path)
    from safetensors.numpy import save_file

    weights = {"weights": np.ones(3)}
    save_file(weights, str(path))
    with pytest.raises(ValueError, match="holds no model"):
        nnhp.Sequential.load(path)
    save_file(weights, str(path), {"format": "nnhp.Sequential", "version": "99"})
    with pytest.raises(ValueError, match="has version 99 of the format; this nnhp reads 1"):
        nnhp.Sequential.load(path)
    for model in ("{", "{}", '{"layers": [{"component": "os.system", "parameters": {}}]}'):
        save_file(weights, str(path), {"format": "nnhp.Sequential", "version": "1", "model": model})
        with pytest.raises(ValueError, match="is damaged"):
            nnhp.Sequential.load(path)


def test_a_file_holds_no_function(tmp_path):
    model = model_of(metrics=[lambda y, outputs: 0.0])
    with pytest.raises(TypeError, match=r"A file cannot hold <function .*lambda"):
        model.save(tmp_path / "model.nnhp")


def test_models_are_pickled_and_copied():
    model = everything()
    fit(model)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert_identical(other.predict(X), model.predict(X))
        original = copy.deepcopy(model)
        fit(other)
        fit(original)
        assert_identical(other.get_weights(), original.get_weights())


# ---------------------------------------------------------------------- callbacks


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
    fit(model)
    assert capsys.readouterr().out == ""


# ---------------------------------------------------------------------- losses and shapes


@pytest.mark.parametrize(
    ("loss", "output", "y"),
    [
        ("mse", "linear", X[:, 0]),
        ("mean_absolute_error", None, X[:, 0]),
        (losses.Huber(delta=0.3), "tanh", X[:, 0]),
        ("poisson", "exponential", IDS),
        ("poisson", "softplus", IDS),
        ("MSE", activations.LeakyReLU(negative_slope=0.3), X[:, 0]),
        ("mse", "prelu", X[:, 0]),
        ("hinge", "linear", LABELS),
        ("binary_focal_crossentropy", "sigmoid", LABELS),
    ],
)
def test_losses_go_with_outputs(loss, output, y):
    model = model_of(Dense(6, "tanh", input_dim=4), Dense(1, output), loss=loss)
    before = model.evaluate(X, y, verbose=0)
    fit(model, y, epochs=60)
    assert model.evaluate(X, y, verbose=0) < before


def test_a_maxout_layer_may_be_the_last():
    model = model_of(layers.Maxout(1, pieces=4, input_shape=(4,)), loss="mse", optimizer="adam")
    assert model.predict(X).shape == (150, 1)
    y = np.abs(X[:, 0])
    fit(model, y, epochs=300)
    assert model.evaluate(X, y, verbose=0) < 0.1 * y.var()


# ---------------------------------------------------------------------- what is refused

REFUSED = {
    "a layer": (lambda: nnhp.Sequential([3]), "layer must be one of nnhp.layers, got 3"),
    "dtype": (lambda: nnhp.Sequential(dtype="half"), "dtype must be 'float32' or 'float64'"),
    "units": (lambda: model_of(Dense(0)), "'units' parameter of Dense"),
    "activation": (
        lambda: model_of(Dense(3, "nope")),
        r"activation must be one of 'elu', .*'tanh' or an object of nnhp.activations, got 'nope'",
    ),
    "maxout": (lambda: model_of(Dense(3, "maxout")), "activation must be one of .*'maxout'"),
    "activation's value": (
        lambda: model_of(Dense(3, activations.ELU(alpha=-1))),
        "'alpha' parameter of ELU",
    ),
    "hidden softmax": (
        lambda: model_of(Dense(3, "softmax", input_dim=4), Dense(1)).get_weights(),
        r"Dense\(activation='softmax', .*'softmax' can only come last",
    ),
    "kernel_initializer": (
        lambda: model_of(Dense(3, kernel_initializer="nope")),
        "kernel_initializer must be one of 'constant', .*'zeros'",
    ),
    "bias_initializer": (
        lambda: model_of(Dense(3, bias_initializer="nope")),
        "bias_initializer must be one of",
    ),
    "kernel_regularizer": (
        lambda: model_of(Dense(3, kernel_regularizer="nope")),
        "kernel_regularizer must be one of 'l1', 'l1_l2', 'l2' or an object of nnhp.regularizers",
    ),
    "input_shape": (
        lambda: model_of(Dense(3, input_shape=X.shape)),
        r"input_shape must be the shape of one sample, \(n_features,\), got \(150, 4\)",
    ),
    "rate": (lambda: model_of(Dropout(1.0)), "'rate' parameter of Dropout"),
    "place of Input": (
        lambda: model_of(Dense(3, input_dim=4), Input((4,))).get_weights(),
        r"Input\(shape=\(4,\)\) must be the first layer",
    ),
    "nothing to train": (
        lambda: model_of(Input((4,)), Dropout(0.2)).get_weights(),
        "needs at least one Dense or Maxout layer",
    ),
    "dropped outputs": (
        lambda: model_of(Dense(3, input_dim=4), Dropout(0.2)).get_weights(),
        r"Dropout\(rate=0.2\) after the last Dense layer",
    ),
    "all frozen": (
        lambda: fit(model_of(Dense(3, "softmax", input_dim=4, trainable=False))),
        "trainable=False in all layers",
    ),
    "optimizer": (
        lambda: model_of(optimizer="nope"),
        "optimizer must be one of 'adadelta', .*'sgd' or an object of nnhp.optimizers, got 'nope'",
    ),
    "optimizer's value": (
        lambda: model_of(optimizer=optimizers.Adam(learning_rate=-1.0)),
        "'learning_rate' parameter of Adam",
    ),
    "clipped twice": (
        lambda: model_of(optimizer=optimizers.Adam(clipnorm=1.0, clipvalue=1.0)),
        "clipnorm and clipvalue of Adam",
    ),
    "loss": (
        lambda: model_of(loss="nope"),
        "loss must be one of .*'binary_crossentropy', .*'poisson', .* got 'nope'",
    ),
    "loss's object": (lambda: model_of(loss=losses.Focal()), r"loss must be .* got Focal\(\)"),
    "no loss": (lambda: model_of(loss=None), "loss must be one of .* got None"),
    "loss and output": (
        lambda: fit(model_of(Dense(1, "tanh", input_dim=4), loss="binary_crossentropy"), LABELS),
        "needs outputs between 0 and 1, which the output activation 'tanh' does not give",
    ),
    "metrics": (
        lambda: model_of(metrics=["accuracy", "nope"]),
        "metrics must be among 'acc', .*, or callables, got 'nope'",
    ),
    "a metric": (lambda: model_of(metrics=3), "metrics must be among .* got 3"),
    "epochs": (lambda: fit(model_of(), epochs=1.5), "epochs must be an integer of at least 0"),
    "initial_epoch": (lambda: fit(model_of(), initial_epoch=-1), "initial_epoch must be"),
    "batch_size": (lambda: fit(model_of(), batch_size=0), "batch_size must be an integer of at"),
    "verbose": (lambda: fit(model_of(), verbose=7), "verbose must be 'auto', 0, 1 or 2, got 7"),
    "validation_split": (
        lambda: fit(model_of(), validation_split=1.0),
        r"validation_split must lie in \[0, 1\), got 1.0",
    ),
    "a small split": (
        lambda: fit(model_of(), validation_split=0.999),
        "validation_split=0.999 leaves no samples",
    ),
    "validation_data": (lambda: fit(model_of(), validation_data=X), "validation_data must be"),
    "its features": (
        lambda: fit(model_of(), validation_data=(X[:, :2], IDS)),
        "x of validation_data must have 4 features",
    ),
    "callbacks": (
        lambda: fit(model_of(), callbacks=[3]),
        "callbacks must be objects of nnhp.callbacks, got 3",
    ),
    "class_weight": (
        lambda: fit(model_of(), class_weight=[1, 2]),
        "class_weight must be a dict of class numbers",
    ),
    "a class_weight": (lambda: fit(model_of(), class_weight={0: -1}), "none of them negative"),
    "sample_weight": (lambda: fit(model_of(), sample_weight=[1, 2]), "sample_weight"),
    "negative sample_weight": (
        lambda: fit(model_of(), sample_weight=-np.ones(len(X))),
        "Negative values in data passed to `sample_weight`",
    ),
    "samples of y": (lambda: fit(model_of(), IDS[:9]), "y must have 150 samples, as x has, got 9"),
    "samples of y to split": (
        lambda: fit(model_of(), IDS[:9], validation_split=0.2),
        "y must have 150 samples, as x has, got 9",
    ),
    "class numbers": (
        lambda: fit(model_of(), IDS + 1),
        "y must hold class numbers from 0 to 2, one per output, got values from 1 to 3",
    ),
    "columns of class numbers": (
        lambda: fit(model_of(), np.eye(3)[IDS]),
        "y must have one column of class numbers, got 3",
    ),
    "columns of y": (
        lambda: fit(model_of(loss="categorical_crossentropy")),
        "y must have a column for each of the 3 outputs, got 1; class numbers go with",
    ),
    "text": (lambda: fit(model_of(), IDS.astype(str)), "y must hold numbers, got text"),
    "NaN": (lambda: model_of().predict(X * np.nan), "Input x contains NaN"),
    "weights": (
        lambda: model_of().set_weights([1.0]),
        "weights must be 4 arrays, got 1",
    ),
    "shape of weights": (
        lambda: model_of().set_weights([np.ones(3)] * 4),
        r"weights\[0\], the kernel of layer 0, must have the shape \(4, 8\), got \(3,\)",
    ),
    "learning_rate": (
        lambda: setattr(model_of(), "learning_rate", -1),
        "learning_rate must be finite and not negative, got -1",
    ),
    "n_jobs": (lambda: fit(model_of(n_jobs=0)), "n_jobs must not be 0"),
    "pop": (lambda: nnhp.Sequential().pop(), "The model has no layers"),
    "mode": (lambda: callbacks.EarlyStopping(mode="up"), "mode must be 'auto', 'min' or 'max'"),
    "unknown mode": (
        lambda: callbacks.EarlyStopping("val_most"),
        "mode must be 'min' or 'max' for monitor='val_most'",
    ),
    "factor": (lambda: callbacks.ReduceLROnPlateau(factor=1.0), "factor must be below 1"),
    "schedule": (
        lambda: fit(model_of(), callbacks=callbacks.LearningRateScheduler(lambda epoch: -1.0)),
        "schedule must return a number that is not negative, got -1.0 for epoch 0",
    ),
}


@pytest.mark.parametrize(("call", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_input_is_one_error(call, told):
    with pytest.raises((TypeError, ValueError), match=told):
        call()


def test_what_is_not_there_yet_is_told():
    with pytest.raises(NotFittedError, match="Call compile"):
        nnhp.Sequential([Dense(3, input_dim=4)]).fit(X, IDS)
    with pytest.raises(NotFittedError, match="number of features is not known"):
        nnhp.Sequential([Dense(3)]).set_weights([])
    with pytest.raises(NotFittedError, match="number of features is not known"):
        nnhp.Sequential([Dense(3)]).save("nowhere")


def test_a_number_that_is_not_there_is_told():
    model = model_of()
    with pytest.warns(UserWarning, match="monitor='val_loss' is not among .*'loss'") as told:
        fit(model, epochs=1, callbacks=callbacks.EarlyStopping())
    assert told[0].filename == __file__


# ---------------------------------------------------------------------- as an estimator


EXPRESSIBLE = [
    layers.GaussianNoise(0.1),
    Dropout(0.1),
    Dense(8, kernel_initializer="he_normal"),
    layers.BatchNormalization(),
    layers.Activation("gelu"),
    layers.GaussianNoise(0.05),
    Dropout(0.2),
    Dense(6, bias_initializer="ones", trainable=False),
    layers.BatchNormalization(),
    layers.Activation(activations.PReLU()),
    layers.GaussianNoise(0.05),
    Dropout(0.3),
    Dense(3, "softmax"),
]
ESTIMATORS = {
    "classes": (EXPRESSIBLE, "sparse_categorical_crossentropy", IDS, nnhp.MLPClassifier),
    "two classes": (
        [Dense(5, "swish"), layers.AlphaDropout(0.1), Dense(1), layers.Activation("sigmoid")],
        "binary_crossentropy",
        LABELS,
        nnhp.MLPClassifier,
    ),
    "labels": (
        [Dense(5, "elu"), Dense(2, "sigmoid")],
        "binary_crossentropy",
        np.column_stack([LABELS, IDS == 1]),
        nnhp.MLPClassifier,
    ),
    "maxout, layers": (
        [layers.Maxout(5, pieces=3), Dense(4, "tanh"), Dense(3, "softmax")],
        "categorical_focal_crossentropy",
        np.eye(3)[IDS],
        nnhp.MLPClassifier,
    ),
    "hinge": ([Dense(5, "relu"), Dense(1)], "hinge", LABELS, nnhp.MLPClassifier),
    "a number": (
        [Dense(5), layers.LayerNormalization(), layers.Activation("relu"), Dense(1)],
        "mse",
        X[:, 0],
        nnhp.MLPRegressor,
    ),
    "numbers": ([Dense(2, "tanh")], losses.Huber(0.4), X[:, :2], nnhp.MLPRegressor),
    "counts": ([Dense(5, "mish"), Dense(1, "softplus")], "poisson", IDS, nnhp.MLPRegressor),
}


@pytest.mark.parametrize(("given", "loss", "y", "kind"), ESTIMATORS.values(), ids=ESTIMATORS.keys())
def test_the_estimator_predicts_the_same(given, loss, y, kind):
    model = model_of(*given, loss=loss, optimizer=optimizers.Adam(learning_rate=0.01))
    unfitted = model.to_estimator()
    assert type(unfitted) is kind
    with pytest.raises(NotFittedError):
        unfitted.predict(X)
    fit(model, y)
    outputs = model.predict(X)
    estimator = model.to_estimator()
    if kind is nnhp.MLPRegressor:
        found = estimator.predict(X).reshape(outputs.shape)
    elif loss == "hinge":
        found = estimator.decision_function(X)[:, np.newaxis]
    else:
        found = estimator.predict_proba(X)[:, -outputs.shape[1] :]
    assert_identical(found, outputs)
    assert np.isfinite(estimator.score(X, targets_of_estimator(y, outputs, kind)))
    # It goes on, and trains anew, as any estimator.
    targets = targets_of_estimator(y, outputs, kind)
    assert_identical(estimator.partial_fit(X, targets).coefs_[0].shape, found_shape(model))
    estimator.set_params(max_iter=2, n_iter_no_change=np.inf)
    with pytest.warns(ConvergenceWarning):
        estimator.fit(X, targets)
    assert estimator.n_iter_ == 2


def targets_of_estimator(y, outputs, kind):
    one_hot = np.ndim(y) == 2 and outputs.shape[1] == 3
    return y.argmax(axis=1) if kind is nnhp.MLPClassifier and one_hot else y


def found_shape(model):
    return next(array.shape for array in model.get_weights() if array.ndim == 2)


def test_the_estimator_has_the_model_s_parameters():
    optimizer = optimizers.RMSprop(rho=0.8, learning_rate=0.02)
    model = model_of(*EXPRESSIBLE, optimizer=optimizer, dtype="float64", n_jobs=1)
    parameters = model.to_estimator().get_params(deep=False)
    expected = {
        "hidden_layer_sizes": (8, 6),
        "activation": ["gelu", activations.PReLU()],
        "solver": optimizer,
        "alpha": 0.0,
        "batch_size": 32,
        "kernel_initializer": ["he_normal", "glorot_uniform", "glorot_uniform"],
        "bias_initializer": ["zeros", "ones", "zeros"],
        "frozen_layers": (1,),
        "normalization": "batch",
        "dropout": [0.2, 0.3],
        "dropout_kind": "standard",
        "activation_noise": 0.05,
        "input_noise": 0.1,
        "input_dropout": 0.1,
        "dtype": "float64",
        "random_state": 0,
        "n_jobs": 1,
    }
    assert {name: parameters[name] for name in expected} == expected
    by_name = model_of(optimizer="sgd").to_estimator()
    assert by_name.solver == optimizers.SGD()
    assert by_name.learning_rate_init == 0.01


INEXPRESSIBLE = {
    "late normalization": (
        [Dense(4, "relu"), layers.BatchNormalization(), Dense(1)],
        r"BatchNormalization\(\): it comes where",
    ),
    "own normalization": (
        [Dense(4), layers.BatchNormalization(momentum=0.9), Dense(1)],
        r"BatchNormalization\(momentum=0.9\): it has other parameters",
    ),
    "normalized samples": (
        [layers.LayerNormalization(), Dense(1)],
        r"LayerNormalization\(\): it comes where",
    ),
    "two activations": (
        [Dense(4, "relu"), layers.Activation("tanh"), Dense(1)],
        r"Activation\(activation='tanh'\): it comes where",
    ),
    "two dropouts": (
        [Dense(4, "relu"), Dropout(0.1), Dropout(0.2), Dense(1)],
        r"Dropout\(rate=0.2\): it comes where",
    ),
    "kinds of dropout": (
        [Dropout(0.1), Dense(4), layers.AlphaDropout(0.1), Dense(1)],
        "both Dropout and AlphaDropout",
    ),
    "one normalized layer": (
        [Dense(4), layers.BatchNormalization(), Dense(5), Dense(1)],
        r"Dense\(units=5\): it is followed by another normalization",
    ),
    "no biases": (
        [Dense(4, use_bias=False), Dense(1)],
        r"Dense\(units=4, use_bias=False\): it has",
    ),
    "a penalty": (
        [Dense(4, kernel_regularizer="l2"), Dense(1)],
        r"Dense\(kernel_regularizer='l2', units=4\): it has a penalty",
    ),
    "an output": (
        [Dense(4), Dense(1, "gelu")],
        r"Dense\(activation='gelu', units=1\): it must have",
    ),
    "normalized outputs": (
        [Dense(4), Dense(1), layers.BatchNormalization()],
        r"Dense\(units=1\): it is the output layer",
    ),
    "maxout at the end": ([layers.Maxout(1)], r"Maxout\(units=1\): it must have"),
}


@pytest.mark.parametrize(("given", "told"), INEXPRESSIBLE.values(), ids=INEXPRESSIBLE.keys())
def test_what_no_estimator_expresses_is_named(given, told):
    with pytest.raises(ValueError, match=f"No estimator expresses .*{told}"):
        model_of(*given, loss="mse").to_estimator()


def test_losses_that_no_estimator_has_are_named():
    with pytest.raises(ValueError, match="No estimator has the loss 'categorical_hinge'"):
        model_of(Dense(3), loss="categorical_hinge").to_estimator()
    with pytest.raises(ValueError, match=r"Dense\(activation='softmax', units=2\): it has softmax"):
        model_of(Dense(2, "softmax")).to_estimator()
    with pytest.raises(NotFittedError, match="Call compile"):
        nnhp.Sequential([Dense(2)]).to_estimator()
