"""Sequential: its weights, and the layers that training changes."""

import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from helpers import assert_identical
from numpy.testing import assert_allclose
from sequential_models import X, everything, fit, model_of
from sklearn.base import clone

import nnhp
from nnhp import callbacks, initializers, layers, losses, optimizers
from nnhp.layers import Dense
from nnhp.sequential._training import State


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


def trained(*given, **options):
    model = model_of(*given, **options)
    fit(model)
    return model


def test_layers_keep_their_weights_in_a_changed_list():
    model = trained()
    before, last = model.get_weights(), model.layers[-1]
    model.pop()
    assert_identical(last.get_weights(), before[2:])
    model.add(Dense(5, "tanh"))
    model.add(Dense(3, "softmax"))
    assert [len(array) for array in model.get_weights()] == [4, 8, 8, 5, 5, 3]
    assert_identical(model.get_weights()[:2], before[:2])
    assert fit(model).history["loss"]
    assert model.layers[-1] == Dense(3, "softmax")
    assert_identical(last.get_weights(), before[2:])
    for _ in range(2):
        model.pop()
    trained_on = model.get_weights()
    model.add(last)
    assert_identical(model.get_weights(), [*trained_on, *before[2:]])


def test_every_kind_of_layer_keeps_its_weights():
    """Also those that a training under way has changed."""
    model = everything()
    seen = []

    def look(epoch, logs):
        seen.append((model.get_weights(), nnhp.Sequential(model.layers)))

    fit(model, epochs=2, callbacks=callbacks.LambdaCallback(on_epoch_end=look))
    for weights, other in seen:
        assert_identical(other.get_weights(), weights)
    assert_identical(model.get_weights(), seen[-1][0])


def test_features_are_known_from_weights():
    model = trained(layers.BatchNormalization(), Dense(8, "relu"), Dense(3, "softmax"))
    start, dense, last = model.get_weights(), *model.layers[1:]
    model.pop()
    model.add(Dense(2))
    assert_identical(model.get_weights()[:-2], start[:-2])
    with pytest.raises(ValueError, match="x must have 4 features"):
        model.predict(X[:, :2])
    assert_identical(nnhp.Sequential([dense]).get_weights(), start[4:6])
    # Not from those behind a layer that is new.
    other = model_of(Dense(8), last)
    assert other.get_weights() == []
    assert_identical(last.get_weights(), start[-2:])
    other.build((2,))
    assert_identical(other.get_weights()[2:], start[-2:])


def test_a_layer_leaves_its_model_with_its_weights():
    base = trained()
    start, outputs, first = base.get_weights(), base.predict(X), base.layers[0]
    first.trainable = False
    net = [layers.Input((4,)), *base.layers[:-1], Dense(3, "softmax")]
    new = model_of(*net, random_state=1)
    assert_identical(new.get_weights()[:2], start[:2])
    assert not np.array_equal(new.get_weights()[2], start[2])
    # What was taken is the new model's; the old one has a copy, and all that it had.
    assert new.layers[0] is first is not base.layers[0] == first
    assert_identical(base.get_weights(), start)
    assert_identical(base.predict(X), outputs)
    fit(new)
    assert_identical(new.get_weights()[:2], start[:2])
    new.layers[0].set_weights([np.ones((4, 8)), np.zeros(8)])
    assert_identical(base.layers[0].get_weights(), start[:2])
    base.compile("adam", "sparse_categorical_crossentropy")
    fit(base)
    assert_identical(base.get_weights()[:2], start[:2])  # its copy is frozen, too
    assert (first.get_weights()[0] == 1).all()
    # And from a model that is no net at the time.
    base.pop()
    last = model_of(base.layers[0], Dense(3, "softmax"))
    assert_identical(last.get_weights()[:2], start[:2])
    assert_identical(base.get_weights(), start[:2])


def test_one_layer_comes_once():
    layer = Dense(4, input_dim=4)
    base = trained(layer, Dense(3, "softmax"))
    start = base.get_weights()
    for use in (
        lambda: base.add(layer),
        lambda: nnhp.Sequential([layer, layer]),
    ):
        with pytest.raises(ValueError, match=r"^Dense\(input_dim=4, units=4\) is in the model alr"):
            use()
    assert_identical(base.get_weights(), start)
    # A list of layers that was refused can be given again.
    assert nnhp.Sequential([layer, clone(layer)]).layers[0] is layer
    assert_identical(layer.get_weights(), start[:2])


def test_weights_that_do_not_fit_are_not_lost():
    base = trained()
    last = base.layers[-1]
    base.pop()
    base.add(Dense(5))
    base.add(last)
    told = (
        r"^Dense\(activation='softmax', units=3\) must have weights of the shapes "
        r"{'kernel': \(5, 3\), 'biases': \(3,\)} where it is now, and has {'kernel': \(8, 3\), "
    )
    with pytest.raises(ValueError, match=told):
        fit(base)
    base.pop()
    base.add(clone(last))
    assert fit(base).history["loss"]


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


SLOPES = {
    "PReLU": layers.PReLU("ones"),
    "Activation": layers.Activation("prelu"),
}


@pytest.mark.parametrize("of_slopes", SLOPES.values(), ids=SLOPES.keys())
def test_slopes_are_frozen_with_their_units(of_slopes):
    slopes = clone(of_slopes)
    model = trained(Dense(8, input_dim=4), slopes, Dense(3, "softmax"))
    compiled = ("adam", "sparse_categorical_crossentropy")
    slopes.trainable = False
    told = r"trainable=False.*\): trainable must be that of Dense\(input_dim=4, units=8\)"
    with pytest.raises(ValueError, match=told):
        model.compile(*compiled)
    model.layers[0].trainable = False
    model.compile(*compiled)
    start = model.get_weights()
    fit(model)
    assert_identical(model.get_weights()[:3], start[:3])
    slopes.trainable = True  # as they are where nobody says anything
    model.compile(*compiled)
    fit(model)
    assert_identical(model.get_weights()[:3], start[:3])
    model.layers[0].trainable = True
    model.compile(*compiled)
    fit(model)
    assert not any(map(np.array_equal, model.get_weights(), start))


def test_all_layers_of_a_model_are_frozen_at_once():
    model = everything()
    assert model.trainable
    assert nnhp.Sequential().trainable
    model.trainable = False
    assert not model.trainable
    own = [layer for layer in model.layers if "trainable" in layer.get_params()]
    assert len(own) > 4
    assert not any(layer.trainable for layer in own)
    assert not pickle.loads(pickle.dumps(model)).trainable
    model.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="trainable=False in all layers with weights leaves noth"):
        fit(model)
    start = model.get_weights()
    model.layers[-1].trainable = True
    assert model.trainable
    model.compile("adam", "sparse_categorical_crossentropy")
    fit(model)
    assert_identical(model.get_weights()[:-2], start[:-2])
    assert not np.array_equal(model.get_weights()[-1], start[-1])
    model.trainable = True
    model.compile("adam", "sparse_categorical_crossentropy")
    fit(model)
    assert not np.array_equal(model.get_weights()[0], start[0])
    with pytest.raises(ValueError, match="'trainable' parameter of Sequential must be"):
        model.trainable = "no"


@pytest.mark.parametrize("first", [layers.LayerNormalization, layers.BatchNormalization])
def test_a_model_that_begins_with_a_normalization_is_not_frozen(first):
    model = model_of(first(input_dim=4), Dense(8, "relu"), Dense(3, "softmax"))
    with pytest.raises(ValueError, match=f"begins with {first.__name__}.*, which cannot be frozen"):
        model.trainable = False
    assert all(layer.trainable for layer in model.layers)
    model.trainable = True
    fit(model)


def test_weights_that_layers_keep_can_be_read():
    model = trained(Dense(8, input_dim=4), layers.Dropout(0.2), Dense(3, "softmax"))
    kept = model.layers[0].get_weights()
    model.pop()
    assert_identical(model.layers[0].get_weights(), kept)


def test_threads_that_predict_first_keep_the_weights(monkeypatch):
    """What layers keep goes to the net once; the thread that comes second has it from there."""
    for _ in range(20):
        model = trained(Dense(8, input_dim=4), Dense(3, "softmax"))
        expected = model.predict(X)
        last = model.layers[-1]
        model.pop()
        model.add(last)
        both = threading.Barrier(2, timeout=60)

        def drawn(*given, both=both, draw=State.drawn):
            both.wait()
            return draw(*given)

        with monkeypatch.context() as patched, ThreadPoolExecutor(2) as pool:
            patched.setattr(State, "drawn", drawn)
            found = list(pool.map(model.predict, [X, X]))
        assert_identical(found, [expected, expected])
        assert_identical(model.predict(X), expected)


def test_models_without_weights_are_copied_when_their_layers_have_left():
    moved = [Dense(8, input_dim=4), Dense(3, "softmax")]
    left, taken = model_of(*moved), model_of(*moved)
    for model in (left, taken):
        again = pickle.loads(pickle.dumps(copy.deepcopy(model)))
        assert [layer.units for layer in again.layers] == [8, 3]
        assert again.predict(X).shape == (len(X), 3)


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
