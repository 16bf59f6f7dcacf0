"""Models of Sequential in files, pickled and copied."""

import copy
import json
import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from helpers import assert_identical
from sequential_models import IDS, LABELS, X, everything, fit, model_of
from sklearn.exceptions import NotFittedError

import nnhp
from nnhp import MLPClassifier, callbacks, optimizers
from nnhp._model_files._container import Content, read, write
from nnhp.layers import Dense, PReLU
from nnhp.sequential import _metrics

GOLDEN = Path(__file__).parent / "data" / "models"


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


MODELS = {
    "averages": lambda: model_of(
        optimizer=optimizers.Nadam(learning_rate=0.01, ema_momentum=0.5), random_state=3
    ),
    "masks and noise": everything,
}


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_a_training_goes_on_as_without_a_file(tmp_path, name, shuffle):
    path = tmp_path / "model.nnhp"
    straight, model = MODELS[name](), MODELS[name]()
    fit(straight, epochs=2, shuffle=shuffle)
    straight_curve = fit(straight, epochs=3, shuffle=shuffle).history["loss"]
    fit(model, epochs=2, shuffle=shuffle)
    for _ in range(2):  # a file of what was read is as good
        model.save(path)
        model = nnhp.Sequential.load(path)
    curve = fit(model, epochs=3, shuffle=shuffle).history["loss"]
    assert curve == straight_curve
    assert_identical(model.get_weights(), straight.get_weights())
    model.save(path)
    loaded = nnhp.Sequential.load(path)
    for one in (straight, loaded):
        one.train_on_batch(X, IDS)
        fit(one, epochs=1, shuffle=shuffle)
    assert_identical(loaded.get_weights(), straight.get_weights())


def test_a_file_of_a_model_that_learned_nothing_has_its_random_numbers(tmp_path):
    models = [model_of(), model_of()]
    models[0].predict(X)
    models[0].save(tmp_path / "model.nnhp")
    models[0] = nnhp.Sequential.load(tmp_path / "model.nnhp")
    for model in models:
        fit(model)
    assert_identical(models[0].get_weights(), models[1].get_weights())


def test_a_file_of_version_1_goes_on():
    model = nnhp.load(GOLDEN / "sequential-1.nnhp")
    before = model.get_weights()
    model.fit(X[:, :2], X[:, 2], epochs=2, verbose=0)
    assert (model.get_weights()[0] != before[0]).any()


@pytest.mark.parametrize("random_state", [5, np.int64(5), None, np.random.RandomState(5)])
def test_the_random_state_comes_back(tmp_path, random_state):
    model = model_of(random_state=random_state)
    model.save(tmp_path / "model.nnhp")
    kept = nnhp.Sequential.load(tmp_path / "model.nnhp").random_state
    if isinstance(random_state, np.random.RandomState):
        assert kept.randint(1 << 30) == random_state.randint(1 << 30)
    else:
        assert kept == random_state


def test_a_random_state_of_another_kind_is_refused(tmp_path):
    model = model_of(random_state=np.random.RandomState(np.random.PCG64(0)))
    with pytest.raises(ValueError, match="random_state is a RandomState of PCG64"):
        model.save(tmp_path / "model.nnhp")


@pytest.mark.parametrize(
    ("entry", "value", "said"),
    [
        ("random_state", "5", "its random_state is '5'"),
        ("generator", 5, "its generator is 5"),
        ("place", 10**9, "a random state that is none"),
        ("key", 1 << 64, "key of its state"),
        ("order", np.zeros(len(X), np.int32), "order is int32"),
        ("order", np.arange(len(X)), "order is int64"),
        ("order", np.zeros((1, 1), np.int32), "order is int32"),
    ],
)
def test_random_numbers_that_are_none_are_refused(tmp_path, entry, value, said):
    path = tmp_path / "model.nnhp"
    model = model_of()
    fit(model, epochs=1)
    model.save(path)
    content = read(path)
    document, arrays = json.loads(content.document), dict(content.arrays)
    if entry == "order":
        arrays["order"] = value
    elif entry == "key":
        document["state"]["key"] = value
    elif entry == "place":
        document["generator"]["$random_state"]["$tuple"][2] = value
    else:
        document[entry] = value
    write(path, Content(content.kind, json.dumps(document), arrays))
    with pytest.raises(ValueError, match=said):
        nnhp.Sequential.load(path)


@pytest.mark.parametrize("features", [71_451_202, 2**40])
def test_sizes_are_checked_before_memory_is_taken(tmp_path, features):
    path = tmp_path / "model.nnhp"
    model = nnhp.Sequential([Dense(3), Dense(2)])
    model.compile(loss="mse")
    model.fit(X, X[:, :2], epochs=1, verbose=0)
    model.save(path)
    content = read(path)
    document = json.loads(content.document)
    document["n_features"] = features
    write(path, Content(content.kind, json.dumps(document), content.arrays))
    tracemalloc.start()
    try:
        with pytest.raises((ValueError, MemoryError)):
            nnhp.load(path)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 5e6


def test_files_of_what_is_refused_by_now_are_read(tmp_path):
    """Slopes without a word of training, behind frozen units, and a penalty without strengths."""
    path = tmp_path / "model.nnhp"
    model = nnhp.Sequential([Dense(3, trainable=False, input_dim=4), PReLU(), Dense(2)])
    expected = model.predict(X)
    model.save(path)
    content = read(path)
    document = json.loads(content.document)
    first, slopes = (layer["$component"][1] for layer in document["layers"][:2])
    first["kernel_regularizer"] = "l1_l2"
    del slopes["trainable"]
    write(path, Content(content.kind, json.dumps(document), content.arrays))
    again = nnhp.load(path)
    assert_identical(again.predict(X), expected)
    again.compile(loss="mse")
    again.fit(X, X[:, :2], epochs=1, verbose=0)
    assert_identical(again.get_weights()[:3], model.get_weights()[:3])


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
    with pytest.raises(ValueError, match="no model file of nnhp"):
        nnhp.Sequential.load(path)

    MLPClassifier(2, tol=1e9, n_iter_no_change=1).fit(X, IDS).save(path)
    with pytest.raises(ValueError, match=r"holds no Sequential: use nnhp\.load"):
        nnhp.Sequential.load(path)
    with pytest.raises(ValueError, match="holds no weights of a Sequential"):
        model_of().load_weights(path)
    foreign = '{"layers": [{"$component": ["os.system", {}]}]}'
    for document in ("{", "{}", "[]", "[" * 100_000, '{"$numpy": ["i1", 100000]}', foreign):
        write(path, Content("Sequential", document, {"weights": np.ones(3)}))
        with pytest.raises(ValueError, match="is no model of nnhp"):
            nnhp.Sequential.load(path)


def test_load_reads_them_too(tmp_path):
    model = everything()
    fit(model)
    nnhp.save(model, tmp_path / "model.nnhp")
    loaded = nnhp.load(tmp_path / "model.nnhp")
    assert type(loaded) is nnhp.Sequential
    assert_identical(loaded.predict(X), model.predict(X))


def test_damage_is_found(tmp_path):
    path = tmp_path / "model.nnhp"
    everything().save(path)
    saved = path.read_bytes()
    generator = np.random.default_rng(0)
    for place in generator.integers(0, len(saved), 50):
        path.write_bytes(saved[:place] + bytes([saved[place] ^ 4]) + saved[place + 1 :])
        with pytest.raises(ValueError, match=r"model\.nnhp"):
            nnhp.Sequential.load(path)


def test_a_file_holds_no_function(tmp_path):
    model = model_of(metrics=[lambda y, outputs: 0.0])
    said = r"compiled\.metrics\.0 is <function .*lambda.* which a model file cannot hold"
    with pytest.raises(ValueError, match=said):
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


def with_metric(metric):
    """A model with a metric, and targets for it."""
    if metric.startswith("sparse"):
        return model_of(metrics=[metric]), IDS
    if metric.startswith("categorical"):
        return model_of(metrics=[metric], loss="categorical_crossentropy"), np.eye(3)[IDS]
    net = [Dense(3, "tanh", input_dim=4), Dense(1, "sigmoid")]
    return model_of(*net, metrics=[metric], loss="mse"), LABELS


def copies_of(model):
    return pickle.loads(pickle.dumps(model)), copy.deepcopy(model)


@pytest.mark.parametrize("metric", [*_metrics.METRICS, *_metrics.ALIASES])
def test_copies_have_the_metrics(metric):
    model, y = with_metric(metric)
    fit(model, y)
    copied = copies_of(model)
    expected = fit(model, y).history
    assert expected.keys() == {"loss", metric}
    for each in copied:
        assert_identical(fit(each, y).history, expected)
        assert_identical(each.get_weights(), model.get_weights())


def test_copies_have_the_metrics_of_one_s_own():
    model = model_of(metrics=[with_metric, np.hypot])  # any functions that a module holds
    assert all(each.get_weights() for each in copies_of(model))
    functions = model_of(metrics=[lambda y, p: 2.0])
    assert copy.deepcopy(functions).evaluate(X, IDS, verbose=0)[1] == 2.0


def test_a_training_under_way_is_copied():
    """As it is between two epochs; the copy then goes on as the model does."""
    taken = []
    model = everything()
    record = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: taken.append(copies_of(model) if epoch == 1 else None)
    )
    fit(model, epochs=4, callbacks=[record])
    for each in taken[1]:
        fit(each, epochs=4, initial_epoch=2)
        assert_identical(each.get_weights(), model.get_weights())
