"""Sequential: what scripts for Keras do, and what they are told where it is not there."""

import copy
import inspect
import pickle
import zipfile

import numpy as np
import pytest
from helpers import assert_identical
from numpy.testing import assert_allclose
from sequential_models import LABELS, X, everything, fit, model_of
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

import nnhp
from nnhp import callbacks, constraints, initializers, layers, losses, optimizers, regularizers
from nnhp.layers import Dense, Dropout, Input

PARTS = [layers, constraints, initializers, optimizers]
REFUSING = [
    (room, name)
    for room in PARTS
    for name in room.__all__
    if hasattr(getattr(room, name), "_not_there")
]


def two(*given, **options):
    """A model of two classes."""
    net = given or [Dense(3, "relu", input_dim=4), Dense(1, "sigmoid")]
    return model_of(*net, **{"loss": "binary_crossentropy", **options})


# ---------------------------------------------------------------------- layers


def test_layers_are_those_after_the_input():
    by_input = model_of(Input((4,)), Dense(8, "relu"), Dense(3, "softmax"))
    by_shape = model_of(Dense(8, "relu", input_shape=(4,)), Dense(3, "softmax"))
    for model in (by_input, by_shape):
        assert [layer.units for layer in model.layers] == [8, 3]
        model.layers[0].trainable = False
        model.compile("adam", "sparse_categorical_crossentropy")
        start = model.get_weights()
        fit(model)
        assert_identical(model.get_weights()[:2], start[:2])
    assert_identical(by_input.get_weights(), by_shape.get_weights())


@pytest.mark.parametrize("kind", [n for n in layers.__all__ if n not in ("Input", "Layer")])
def test_any_first_layer_may_say_the_features(kind):
    of_class = getattr(layers, kind)
    needed = {"Activation": ("relu",), "Dense": (3,), "Maxout": (3,)}.get(kind, (0.1,))
    given = needed if "self, *" not in str(inspect.signature(of_class.__init__)) else ()
    layer = of_class(*given, input_shape=(4,), name="first")
    assert (layer.n_features, layer.name) == (4, "first")
    assert of_class(*given, input_dim=4).n_features == 4
    assert layer.get_params()["input_shape"] == (4,)


def test_a_dropout_may_be_the_first():
    model = two(Dropout(0.1, input_shape=(4,)), Dense(1, "sigmoid"))
    assert [array.shape for array in model.get_weights()] == [(4, 1), (1,)]


SAME = {
    "ReLU": (layers.ReLU(), "relu"),
    "LeakyReLU": (layers.LeakyReLU(), nnhp.activations.LeakyReLU(negative_slope=0.3)),
    "ELU": (layers.ELU(alpha=0.5), nnhp.activations.ELU(alpha=0.5)),
    "PReLU": (layers.PReLU(), nnhp.activations.PReLU(initial_slope=0.0)),
    "PReLU from 1": (layers.PReLU("ones"), nnhp.activations.PReLU(initial_slope=1.0)),
    "PReLU from a number": (
        layers.PReLU(initializers.Constant(0.5)),
        nnhp.activations.PReLU(initial_slope=0.5),
    ),
}


@pytest.mark.parametrize(("layer", "activation"), SAME.values(), ids=SAME.keys())
def test_layers_of_activations_are_activations(layer, activation):
    by_layer = model_of(Dense(5, input_dim=4), layer, Dense(3), layers.Softmax())
    by_name = model_of(Dense(5, activation, input_dim=4), Dense(3, "softmax"))
    for model in (by_layer, by_name):
        fit(model)
    assert_identical(by_layer.predict(X), by_name.predict(X))
    assert by_layer.to_estimator().activation == by_name.to_estimator().activation


def test_flatten_does_nothing():
    model = model_of(layers.Flatten(input_shape=(4,)), Dense(3, "softmax"))
    other = model_of(Dense(3, "softmax", input_dim=4))
    assert_identical(model.predict(X), other.predict(X))
    assert model.to_estimator().hidden_layer_sizes == ()


def test_names_are_printed_and_found(capsys):
    model = nnhp.Sequential(name="net")
    model.add(Input((4,), name="samples"))
    model.add(Dense(8, name="first"))
    model.add(Dense(3))
    model.add(Dense(2))
    model.summary()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Model: net"
    assert [line.split()[0] for line in lines[3:6]] == ["first", "dense", "dense_1"]
    assert model.get_layer("first") is model.get_layer(index=0) is model.layers[0]
    assert model.get_layer("dense_1").units == 2
    with pytest.raises(ValueError, match="name='first' is the name of another layer"):
        model.add(Dense(1, name="first"))
    with pytest.raises(ValueError, match=r"name must be one of .*'dense_1'.*, got 'nope'"):
        model.get_layer("nope")
    with pytest.raises(ValueError, match="index must be below 3, got 3"):
        model.get_layer(index=3)
    with pytest.raises(ValueError, match="name or index must be given"):
        model.get_layer()


def test_layers_have_their_weights():
    model = everything()
    by_layer = [array for layer in model.layers for array in layer.get_weights()]
    assert_identical(by_layer, model.get_weights())
    last = model.layers[-1]
    last.set_weights([np.ones((5, 3)), np.zeros(3)])
    assert (model.get_weights()[-2] == 1).all()
    with pytest.raises(ValueError, match="weights must be 2 arrays, got 1"):
        last.set_weights([np.ones((5, 3))])
    with pytest.raises(ValueError, match=r"Dense\(units=3\) is in no model"):
        Dense(3).set_weights([])
    assert Dense(3).get_weights() == []
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        other.layers[-1].set_weights([np.zeros((5, 3)), np.zeros(3)])
        assert (other.get_weights()[-2] == 0).all()
    assert (model.get_weights()[-2] == 1).all()
    assert copy.deepcopy(last).get_weights() == []


def test_weights_are_limited_as_an_estimator_limits_them():
    limit = {"kernel_constraint": constraints.MaxNorm(0.5)}
    model = two(Dense(6, "tanh", input_dim=4, **limit), Dense(1, "sigmoid", **limit))
    fit(model, LABELS)
    norms = [np.linalg.norm(kernel, axis=0) for kernel in model.get_weights()[::2]]
    assert max(map(np.max, norms)) <= 0.5 * (1 + 1e-6)
    assert model.to_estimator().max_norm == 0.5
    plain = two(Dense(6, "tanh", input_dim=4), Dense(1, "sigmoid"))
    fit(plain, LABELS)
    assert max(np.linalg.norm(kernel, axis=0).max() for kernel in plain.get_weights()[::2]) > 0.6
    with pytest.raises(ValueError, match=r"Dense\(units=1\): kernel_constraint must be the same"):
        two(Dense(6, input_dim=4, kernel_constraint="max_norm"), Dense(1)).get_weights()
    with pytest.raises(ValueError, match="kernel_constraint must be one of 'max_norm' or an obj"):
        Dense(6, kernel_constraint="nope").check() or two(Dense(6, kernel_constraint="nope"))


# ---------------------------------------------------------------------- what is told


@pytest.mark.parametrize(("room", "name"), REFUSING)
def test_arguments_of_keras_are_refused_by_name(room, name):
    of_class = getattr(room, name)
    parameters = of_class._get_param_names()
    for refused in of_class._not_there.keys() - set(parameters):
        with pytest.raises(ValueError, match=f"^{name} has no {refused}: "):
            of_class(**{refused: None})
        with pytest.raises(AttributeError, match=f"^{name} has no {refused}: "):
            setattr(of_class.__new__(of_class), refused, None)
    if room is not layers:
        assert not of_class._not_there.keys() & set(parameters)


TOLD = {
    "an unknown argument": (lambda: Dense(3, nope=1), "unexpected keyword argument 'nope'"),
    "seed": (lambda: Dropout(0.2, seed=0), "Dropout has no seed: all random numbers come from "),
    "of an initializer": (lambda: initializers.HeNormal(seed=0), "HeNormal has no seed: random"),
    "slopes": (
        lambda: model_of(Dense(3, input_dim=4), layers.PReLU("he_normal")),
        "alpha_initializer must be 'zeros', 'ones' or an nnhp.initializers.Constant, got 'he_n",
    ),
    "softmax of one": (
        lambda: fit(two(Dense(1, "softmax", input_dim=4)), LABELS),
        r"Dense\(activation='softmax', .*: softmax of one output is always 1: choose activation='s",
    ),
    "a layer of softmax": (
        lambda: fit(two(Dense(1, input_dim=4), layers.Softmax()), LABELS),
        r"Softmax\(\): softmax of one output is always 1",
    ),
    "two inputs": (
        lambda: nnhp.Sequential([Input((4,)), Input((4,))]),
        "must be the first layer",
    ),
    "classes from 1": (
        lambda: fit(two(), LABELS + 1),
        r"y must hold 0 and 1 \(or numbers between\) for loss='binary_crossentropy', got values fr",
    ),
    "signs": (
        lambda: two(loss="binary_focal_crossentropy").evaluate(X, 2 * LABELS - 1, verbose=0),
        "y must hold 0 and 1 .* got values from -1 to 1",
    ),
    "linear outputs": (
        lambda: fit(two(Dense(1, input_dim=4)), LABELS),
        r"choose activation='sigmoid' \(or 'hard_sigmoid', 'softmax'\)\.$",
    ),
    "outputs of several classes": (
        lambda: fit(model_of(Dense(3, input_dim=4))),
        "does not give: choose activation='softmax', or loss='binary_crossentropy'",
    ),
    "a schedule": (
        lambda: two(optimizer=optimizers.Adam(learning_rate=nnhp.schedules.Exponential())),
        r"learning_rate of Adam must be a number, got Exponential\(\): .*LearningRateScheduler",
    ),
    "an older slope": (lambda: layers.LeakyReLU(alpha=0.1), "no alpha: it is negative_slope"),
    "a metric": (
        lambda: two(metrics=["f1_score"]),
        "metrics must be among .* or callables, got 'f1_score'",
    ),
    "a slip": (lambda: two(loss="binary_crosentropy"), r"Did you mean 'binary_crossentropy'\?$"),
    "a loss of one's own": (lambda: two(loss=np.hypot), "There are no losses of one's own.$"),
    "training outputs": (lambda: two()(X, training=True), "training must be False"),
    "a file's name": (lambda: two().save("m.h5"), "m.h5 would be no file of Keras"),
    "a file of weights": (
        lambda: two().save_weights("m.weights.h5"),
        "m.weights.h5 would be no file of Keras, .* such as .safetensors",
    ),
    "a checkpoint": (lambda: callbacks.ModelCheckpoint("b.keras"), "b.keras would be no file of"),
    "features": (lambda: two().build((None, 5)), "input_shape must have the model's 4 features"),
}


@pytest.mark.parametrize(("call", "told"), TOLD.values(), ids=TOLD.keys())
def test_what_is_not_there_says_what_is(call, told):
    with pytest.raises((TypeError, ValueError), match=told):
        call()


class BinaryCrossentropy:
    """As Keras's class."""

    def __init__(self, from_logits=False):
        self.from_logits = from_logits


class AUC:
    """As Keras's class, which is not callable by numbers."""


def test_objects_of_keras_are_named_by_strings():
    with pytest.raises(ValueError, match=r"Give 'binary_crossentropy'\.$"):
        two(loss=BinaryCrossentropy())
    with pytest.raises(ValueError, match=r"Give 'binary_crossentropy', and the last layer its act"):
        two(loss=BinaryCrossentropy(from_logits=True))
    with pytest.raises(ValueError, match=r"got <.*AUC object .*>; give 'auc'\.$"):
        two(metrics=[AUC()])
    with pytest.raises(AttributeError, match="takes loss='mean_squared_error', of outputs"):
        _ = losses.MeanSquaredError
    with pytest.raises(AttributeError, match=r"has no attribute 'Nope'$"):
        _ = losses.Nope
    for room, name, known in [
        (layers, "Conv2D", "layers, all of them for tables, are Activation, .*, Softmax"),
        (callbacks, "TensorBoard", "callbacks are CSVLogger, .*, TerminateOnNaN"),
        (optimizers, "Ftrl", "optimizers are Adadelta, .*, SGD"),
        (
            optimizers,
            "schedules",
            "schedules, which are in nnhp.schedules, .*LearningRateScheduler",
        ),
    ]:
        with pytest.raises(AttributeError, match=f"has no attribute '{name}': .*{known}"):
            getattr(room, name)
    for room in ("metrics", "models", "utils"):
        with pytest.raises(AttributeError, match=f"'nnhp' has no attribute '{room}': "):
            getattr(nnhp, room)


ESTIMATOR_WANTED = {
    "GridSearchCV": lambda model: GridSearchCV(model, {"a": [1]}, scoring="r2").fit(X, LABELS),
    "without scoring": lambda model: GridSearchCV(model, {"a": [1]}).fit(X, LABELS),
    "nnhp's": lambda model: nnhp.GridSearchCV(model, {"a": [1]}).fit(X, LABELS),
    "cross_val_score": lambda model: cross_val_score(model, X, LABELS),
    "a Pipeline": lambda model: make_pipeline(model).predict(X),
    "sweep": lambda model: nnhp.sweep(model, X, LABELS, "alpha", [1]),
    "find_learning_rate": lambda model: nnhp.find_learning_rate(model, X, LABELS),
    "a display": lambda model: nnhp.plots.LossCurveDisplay.from_estimator(model),
}


@pytest.mark.parametrize("use", ESTIMATOR_WANTED.values(), ids=ESTIMATOR_WANTED.keys())
def test_a_model_given_as_an_estimator_names_the_way(use):
    with pytest.raises((TypeError, ValueError, AttributeError), match=r"to_estimator\(\)"):
        use(two())


# ---------------------------------------------------------------------- training


def test_the_optimizer_is_the_model_s():
    model, other = two(), two()
    assert model.optimizer == optimizers.Adam(learning_rate=0.001)
    model.optimizer.learning_rate = other.learning_rate = 0.1
    assert model.learning_rate == 0.1
    for each in (model, other):
        fit(each, LABELS)
    assert_identical(model.get_weights(), other.get_weights())
    # A search sets learning_rate_init, which a rate of the optimizer's own would override.
    assert model.to_estimator().solver == optimizers.Adam()
    model.optimizer.learning_rate = -1.0
    with pytest.raises(ValueError, match="learning_rate must be finite and not negative, got -1"):
        fit(model, LABELS)


def test_an_optimizer_has_no_lr():
    model = two()
    with pytest.raises(AttributeError, match=r"^Adam has no lr: it is learning_rate\.$"):
        model.optimizer.lr = 0.1
    assert model.learning_rate == 0.001


def test_a_model_may_be_called_built_and_counted():
    model = two(Dense(3, "relu"), Dense(1, "sigmoid"), metrics=["acc"])
    model.build((None, 4))
    assert model.count_params() == 19
    assert_identical(model(X), model.predict(X))
    assert model.metrics_names == ["loss", "acc"]


def test_methods_that_are_not_called_are_told():
    class PerBatch(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise AssertionError

        on_test_begin = on_train_batch_end

    told = r"PerBatch: on_train_batch_end, on_test_begin will not be called: .* between epochs only"
    with pytest.warns(UserWarning, match=told) as found:
        fit(two(), LABELS, callbacks=[PerBatch()])
    assert found[0].filename.endswith("sequential_models.py")
    assert len(found) == 1


def test_a_callback_without_its_number_is_told_once(tmp_path):
    given = [
        callbacks.EarlyStopping(),
        callbacks.ReduceLROnPlateau(),
        callbacks.ModelCheckpoint(tmp_path / "best.nnhp", save_best_only=True),
    ]
    with pytest.warns(UserWarning, match="does nothing") as told:
        fit(two(), LABELS, callbacks=given)
    names = [type(callback).__name__ for callback in given]
    assert [str(each.message).split()[0] for each in told] == names
    assert all("Give fit validation_data or validation_split." in str(w.message) for w in told)
    assert not (tmp_path / "best.nnhp").exists()
    stop = callbacks.EarlyStopping(monitor="val_auc")
    with pytest.warns(UserWarning, match=r"Did you mean 'val_AUC'\?") as told:
        fit(two(metrics=["AUC"]), LABELS, validation_data=(X, LABELS), callbacks=stop)
    assert len(told) == 1


def test_numbers_are_printed_by_their_digits(capsys):
    model = two(optimizer=optimizers.SGD(learning_rate=0.00025), metrics=[huge])
    noted = callbacks.LearningRateScheduler(lambda epoch, rate: rate if epoch == 0 else 1e-6)
    fit(model, LABELS, epochs=2, verbose=2, callbacks=noted)
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("huge: 6.286e+11 - learning_rate: 0.00025")
    assert second.endswith("learning_rate: 1e-06")


def huge(y, p):
    return 628571313217.266


# ---------------------------------------------------------------------- files


def test_weights_have_files(tmp_path):
    model, other = everything(), everything()
    fit(model)
    path = tmp_path / "weights.safetensors"
    keep = callbacks.ModelCheckpoint(path, save_weights_only=True)
    fit(model, epochs=1, callbacks=keep)
    other.load_weights(path)
    assert_identical(other.predict(X), model.predict(X))
    with pytest.raises(ValueError, match="holds weights only: use load_weights"):
        nnhp.Sequential.load(path)
    model.save(path)
    third = everything()
    third.load_weights(path)
    assert_identical(third.predict(X), model.predict(X))
    with pytest.raises(ValueError, match=r"holds the weights .* and not those of the model's laye"):
        model_of().load_weights(path)


def test_names_are_saved(tmp_path):
    model = nnhp.Sequential([Input((4,)), Dense(3, name="only")], name="net")
    model.save(tmp_path / "net.safetensors")
    loaded = nnhp.Sequential.load(tmp_path / "net.safetensors")
    assert (loaded.name, loaded.layers) == ("net", model.layers)
    loaded.pop()
    loaded.add(Dense(2))
    assert [array.shape for array in loaded.get_weights()] == [(4, 2), (2,)]


def test_files_of_keras_are_told(tmp_path):
    with zipfile.ZipFile(tmp_path / "real.keras", "w") as file:
        file.writestr("config.json", "{}")
    (tmp_path / "real.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    for name in ("real.keras", "real.h5"):
        with pytest.raises(ValueError, match=r"as .*Keras writes? \(.*set_weights\(keras_model"):
            nnhp.Sequential.load(tmp_path / name)


# ---------------------------------------------------------------------- searches


def test_depth_can_be_searched():
    hidden = [Dense(6, "relu", input_dim=4), Dropout(0.2), Dense(5, "relu"), Dropout(0.2)]
    model = two(*hidden, Dense(1, "sigmoid"))
    net = model.to_estimator().set_params(max_iter=3, tol=0, n_iter_no_change=10)
    assert (net.activation, net.dropout, net.kernel_initializer, net.bias_initializer) == (
        "relu", 0.2, "glorot_uniform", "zeros"
    )  # fmt: skip
    sizes = [(4,), (4, 4), (4, 4, 4)]
    with pytest.warns(ConvergenceWarning):
        search = GridSearchCV(net, {"hidden_layer_sizes": sizes}, cv=2).fit(X, LABELS)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_regularizers_have_keras_s_names():
    assert regularizers.l1(0.1) == regularizers.L1(0.1)
    assert regularizers.l2(0.1) == regularizers.L2(0.1)
    assert regularizers.l1_l2(l1=0.1) == regularizers.L1L2(l1=0.1)
    model = two(Dense(1, "sigmoid", input_dim=4, kernel_regularizer=regularizers.l2(0.1)))
    plain = two(Dense(1, "sigmoid", input_dim=4))
    added = 0.1 * (model.get_weights()[0] ** 2).sum()
    found = model.evaluate(X, LABELS, verbose=0) - plain.evaluate(X, LABELS, verbose=0)
    assert_allclose(found, added, rtol=1e-4)
