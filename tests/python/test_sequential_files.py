"""Models of Sequential in files, pickled and copied."""

import copy
import pickle

import numpy as np
import pytest
from helpers import assert_identical
from safetensors.numpy import save_file
from sequential_models import IDS, X, everything, fit, model_of
from sklearn.exceptions import NotFittedError

import nnhp
from nnhp import optimizers
from nnhp.layers import Dense


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
