"""Sequential: what it learns, the bits it gives, its weights."""

import numpy as np
import pandas as pd
import pytest
from helpers import assert_identical, cpus
from numpy.testing import assert_allclose
from scipy.sparse import csr_array
from sequential_models import IDS, LABELS, X, everything, fit, model_of
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

import nnhp
from nnhp import activations, layers, losses, optimizers
from nnhp.layers import Dense, Dropout, Input

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


def test_hinge_takes_both_pairs_of_numbers():
    by_signs, by_numbers = (model_of(Dense(1), loss="hinge", metrics="acc") for _ in range(2))
    found = fit(by_signs, 2 * LABELS - 1, validation_split=0.4)
    expected = fit(by_numbers, LABELS, validation_split=0.4)
    assert_identical(found.history, expected.history)
    assert_identical(by_signs.get_weights(), by_numbers.get_weights())
    given = [model.evaluate(X, 2.0 * LABELS - 1, verbose=0) for model in (by_signs, by_numbers)]
    outputs = by_signs.predict(X).ravel()
    loss = np.maximum(0, 1 - (2 * LABELS - 1) * outputs).mean()
    accuracy = ((outputs > 0) == LABELS).mean()
    assert accuracy != ((outputs > 0.5) == LABELS).mean()
    assert_allclose(given, [(loss, accuracy)] * 2, rtol=1e-6)
    assert by_signs.to_estimator().score(X, LABELS) == accuracy


@pytest.mark.parametrize(
    ("loss", "output", "y", "boundary"),
    [
        ("hinge", None, LABELS, 0.0),
        ("hinge", "tanh", 2 * LABELS - 1, 0.0),
        ("mse", "tanh", 2 * LABELS - 1, 0.0),
        ("mse", None, LABELS, 0.5),
        # These are never negative, whatever the targets.
        ("hinge", "sigmoid", 2 * LABELS - 1, 0.5),
        ("mse", "sigmoid", 2 * LABELS - 1, 0.5),
    ],
)
def test_two_classes_are_told_apart_between_their_outputs(loss, output, y, boundary):
    metrics = ["accuracy", "binary_accuracy", "precision", "recall"]
    model = model_of(Dense(1, output, input_dim=4), loss=loss, metrics=metrics, random_state=1)
    second = model.predict(X).ravel() > boundary
    assert 0 < second.sum() < len(X)
    hit = (LABELS * second).sum()
    accuracy = (second == LABELS).mean()
    expected = [accuracy, accuracy, hit / second.sum(), hit / LABELS.sum()]
    assert_allclose(model.evaluate(X, y, verbose=0)[1:], expected, rtol=1e-12)


def test_validation_data_of_one_class_is_told_apart_as_what_is_learned():
    model = model_of(Dense(1, "tanh", input_dim=4), loss="mse", metrics="accuracy")
    y = 2 * LABELS - 1
    of_second = (X[LABELS == 1], y[LABELS == 1])
    history = model.fit(X, y, epochs=1, validation_data=of_second, verbose=0).history
    expected = (model.predict(of_second[0]) > 0).mean()
    assert expected != (model.predict(of_second[0]) > 0.5).mean()
    assert_allclose(history["val_accuracy"], [expected])


def test_shares_of_classes_are_targets():
    """Their gradient is that of the loss: a step of it against differences of the loss."""
    shares = np.random.default_rng(0).dirichlet(np.ones(3), len(X)).astype(np.float32)
    model = model_of(
        Dense(3, "softmax", input_dim=4),
        optimizer=optimizers.SGD(learning_rate=1.0),
        loss="categorical_crossentropy",
        dtype="float64",
    )
    kernel, biases = model.get_weights()
    sides = []
    for step in (1e-5, -1e-5):
        model.set_weights([kernel, biases + np.array([step, 0, 0])])
        sides.append(model.evaluate(X, shares, verbose=0))
    model.set_weights([kernel, biases])
    model.train_on_batch(X, shares)
    assert_allclose(model.get_weights()[1][0], (sides[1] - sides[0]) / 2e-5, rtol=1e-6)


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


def test_a_number_is_the_weight_of_every_sample():
    found = []
    for weight in (0.5, np.full(len(X), 0.5), None):
        model = model_of()
        history = fit(model, validation_split=0.2, sample_weight=weight).history
        found.append((history, model.get_weights()))
    assert_identical(found[0], found[1])
    assert found[0][0]["val_loss"] != found[2][0]["val_loss"]


def test_metrics_of_one_s_own():
    def most(y, outputs):
        return np.abs(np.eye(3)[y.ravel()] - outputs).max()

    model = model_of(metrics=["acc", most])
    history = fit(model).history
    expected = np.abs(np.eye(3)[IDS] - model.predict(X)).max()
    assert list(history) == ["loss", "acc", "most"]
    assert_allclose(history["most"][-1], expected, rtol=1e-6)


def test_a_metric_may_be_any_object_that_is_called():
    class Highest(list):
        """As lists, it has no hash."""

        __name__ = "highest"

        def __call__(self, y, outputs):
            return outputs.max()

    model = model_of(metrics=[Highest(), "accuracy"])
    assert_allclose(model.evaluate(X, IDS, verbose=0)[1], model.predict(X).max(), rtol=1e-6)


def test_names_that_come_again_are_numbered():
    model = model_of(metrics=["acc", lambda y, p: 1.0, lambda y, p: 2.0, "acc", "accuracy"])
    history = fit(model, epochs=1).history
    assert list(history) == ["loss", "acc", "<lambda>", "<lambda>_1", "acc_1", "accuracy"]
    assert (history["<lambda>"], history["<lambda>_1"]) == ([1.0], [2.0])
    assert history["acc"] == history["acc_1"] == history["accuracy"]


def test_auc_is_scikit_learn_s():
    model = model_of(
        Dense(3, "tanh", input_dim=4),
        Dense(1, "sigmoid"),
        loss="binary_crossentropy",
        metrics=["auc"],
    )
    _, auc = model.evaluate(X, LABELS, verbose=0)
    assert_allclose(auc, roc_auc_score(LABELS, model.predict(X)), rtol=1e-12)


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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_several_outputs_of_maxout_learn_from_their_own_targets(dtype):
    """Rows of the sums are wider than those of the targets; one batch an epoch shows the first."""
    y = np.arange(len(X)) % 10
    plain = {"batch_size": len(X), "shuffle": False, "verbose": 0}
    last = [layers.Maxout(10, pieces=2, input_shape=(4,)), layers.Activation("softmax")]
    whole, parts = (model_of(*last, dtype=dtype, metrics=["accuracy"]) for _ in range(2))
    found = whole.predict(X)
    expected = [-np.log(found[np.arange(len(X)), y]).mean(), (found.argmax(axis=1) == y).mean()]
    assert_allclose(whole.evaluate(X, y, verbose=0), expected, rtol=1e-5)
    losses_found = whole.fit(X, y, epochs=4, **plain).history["loss"]
    assert_allclose(losses_found[0], expected[0], rtol=1e-5)
    resumed = [parts.fit(X, y, epochs=1, **plain).history["loss"][0] for _ in range(4)]
    assert_identical(resumed, losses_found)
    assert_identical(parts.get_weights(), whole.get_weights())


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


def test_threads_that_share_a_large_net_give_the_same_bits():
    rng = np.random.default_rng(0)
    samples, ids = rng.standard_normal((300, 300)), rng.integers(10, size=300)
    found = []
    for count in (1, 4):
        with cpus(count):
            model = model_of(
                Dense(512, "relu", kernel_regularizer="l2", use_bias=False, input_dim=300),
                Dense(512, "relu", kernel_regularizer="l1"),
                Dense(10, "softmax"),
            )
            history = model.fit(samples, ids, batch_size=128, epochs=2, verbose=0)
            found.append((model.get_weights(), history.history))
    assert_identical(found[1], found[0])


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


def test_calls_of_fit_are_one_training():
    """Also with orders of samples, dropout and noise, and steps by hand between."""
    once, twice, other = (everything() for _ in range(3))
    fit(once, epochs=5)
    fit(twice, epochs=2)
    fit(twice, epochs=5, initial_epoch=2)
    assert_identical(twice.get_weights(), once.get_weights())
    # Without shuffling, samples come as they are, whatever came before.
    fit(once, epochs=1, shuffle=False)
    for start in range(0, len(X), 32):
        twice.train_on_batch(X[start : start + 32], IDS[start : start + 32])
    assert_identical(twice.get_weights(), once.get_weights())
    # Another compile's steps begin anew, with other masks and orders than those of the first.
    fit(other, epochs=5)
    start = other.get_weights()
    optimizer = optimizers.SGD()
    losses_seen = []
    for _ in range(2):
        other.set_weights(start)
        other.compile(optimizer, "sparse_categorical_crossentropy")
        losses_seen.append(fit(other, epochs=1, shuffle=False).history["loss"])
    assert losses_seen[0] != losses_seen[1]


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
