"""Sequential: its weights, and the layers that training changes."""

import numpy as np
import pytest
from helpers import assert_identical
from numpy.testing import assert_allclose
from sequential_models import X, everything, fit, model_of

import nnhp
from nnhp import initializers, layers, losses, optimizers
from nnhp.layers import Dense


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


def frozen_and_normalized(trainable):
    return [
        Dense(8, input_dim=4, trainable=trainable),
        layers.BatchNormalization(trainable=trainable),
        layers.Activation("relu"),
        Dense(3, "softmax"),
    ]


def test_layers_are_frozen_from_the_next_compile_on(capsys):
    compiled = ("adam", "sparse_categorical_crossentropy")
    model, other = (model_of(*frozen_and_normalized(True)) for _ in range(2))
    for each in (model, other):
        fit(each)
    for layer in model.layers[:2]:
        layer.trainable = False
    # Not yet: it trains on, and says so.
    for each in (model, other):
        fit(each)
        each.summary()
    told, expected = capsys.readouterr().out.split("Layer (type)")[1:]
    assert told == expected
    assert "Not trained: 16" in told
    assert_identical(model.get_weights(), other.get_weights())
    # Now; and as if it had been said in the first place.
    kept = model.get_weights()
    model.compile(*compiled)
    model.summary()
    assert "Trained: 27\nNot trained: 72" in capsys.readouterr().out
    said = model_of(*frozen_and_normalized(False))
    said.set_weights(kept)
    for each in (model, said):
        fit(each, shuffle=False)
    assert_identical(model.get_weights(), said.get_weights())
    assert_identical(model.get_weights()[:6], kept[:6])
    # A normalization goes with the layer before it.
    model.layers[0].trainable = True
    with pytest.raises(
        ValueError, match=r"BatchNormalization\(trainable=False\): trainable must be"
    ):
        model.compile(*compiled)
    model.layers[1].trainable = True
    model.compile(*compiled)
    fit(model)
    assert not any(map(np.array_equal, model.get_weights()[:6], kept[:6]))


def test_shapes_of_weights_stay():
    model = model_of()
    before = model.get_weights()
    model.layers[0].units = 9
    assert fit(model, epochs=1).history["loss"]
    with pytest.raises(ValueError, match="layers must keep the number and shapes of their weights"):
        model.compile("adam", "sparse_categorical_crossentropy")
    model.layers[0].units = -1
    with pytest.raises(ValueError, match="'units' parameter of Dense"):
        model.compile("adam", "sparse_categorical_crossentropy")
    model.layers[0].units = 8
    model.compile("adam", "sparse_categorical_crossentropy")
    assert [a.shape for a in model.get_weights()] == [a.shape for a in before]


def test_what_compile_was_given_is_the_user_s_own():
    optimizer, loss = optimizers.RMSprop(learning_rate=0.01), losses.Huber(0.5)
    changed, same = (
        model_of(Dense(1, input_dim=4), optimizer=optimizer, loss=loss) for _ in range(2)
    )
    fit(same, X[:, 0])
    optimizer.set_params(rho=0.1, learning_rate=1.0, ema_momentum=0.5)
    loss.set_params(delta=0.1)
    fit(changed, X[:, 0])
    assert_identical(changed.get_weights(), same.get_weights())


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
