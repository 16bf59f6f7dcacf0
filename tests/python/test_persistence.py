"""Pickle, joblib, deepcopy and clone: what comes back goes on as if nothing had been."""

import copy
import io
import pickle

import joblib
import numpy as np
import pytest
import sklearn
import skops.io
from helpers import (
    STOPS_EARLY,
    assert_identical,
    assert_same_fit,
    fitted_state,
    problem,
    problem_for,
    raw_outputs,
    run_child,
)
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler

import nnhp
from nnhp import MLPClassifier, MLPRegressor, _core
from nnhp._component import Component
from nnhp.initializers import RandomNormal
from nnhp.schedules import Cosine, Plateau

pytestmark = STOPS_EARLY


def by_joblib(net):
    file = io.BytesIO()
    joblib.dump(net, file)
    file.seek(0)
    return joblib.load(file)


ROUND_TRIPS = {
    **{
        f"pickle {protocol}": lambda net, p=protocol: pickle.loads(pickle.dumps(net, p))
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
    },
    "joblib": by_joblib,
    "deepcopy": copy.deepcopy,
}
NETS = {
    "adam": {},
    "momentum": {"solver": "sgd"},
    "plain sgd": {"solver": "sgd", "momentum": 0.0},
    "dropout": {"dropout": [0.3, 0.1], "input_dropout": 0.1},
    "a rate per epoch": {"learning_rate": [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07]},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 1.0, "n_iter_no_change": 1},
    "cosine": {"learning_rate": Cosine(warmup=2, restarts=1)},
    "plateau": {"learning_rate": Plateau(patience=1, min_delta=1.0, cooldown=1)},
    "one_cycle": {"learning_rate": "one_cycle"},
    "initializers": {"kernel_initializer": RandomNormal(), "bias_initializer": "zeros"},
    "float32": {"dtype": "float32"},
    "own generator": {"random_state": "instance"},
}


def small(Estimator, **parameters):
    if parameters.get("random_state") == "instance":
        parameters = {**parameters, "random_state": np.random.RandomState(5)}
    defaults = {"hidden_layer_sizes": (6, 4), "max_iter": 4, "random_state": 0, "batch_size": 20}
    return Estimator(**defaults | parameters)


@pytest.mark.parametrize("round_trip", ROUND_TRIPS.values(), ids=ROUND_TRIPS.keys())
@pytest.mark.parametrize("parameters", NETS.values(), ids=NETS.keys())
def test_partial_fit_goes_on_bit_for_bit(Estimator, round_trip, parameters):
    X, y = problem_for(Estimator)
    net = small(Estimator, **parameters).fit(X, y)
    twin = round_trip(net)
    assert_same_fit(twin, net)
    assert_identical(raw_outputs(twin, X), raw_outputs(net, X))
    for _ in range(2):
        net.partial_fit(X, y)
        twin.partial_fit(X, y)
    assert_same_fit(twin, net)


@pytest.mark.parametrize("round_trip", ROUND_TRIPS.values(), ids=ROUND_TRIPS.keys())
def test_warm_start_and_lbfgs_go_on(Estimator, round_trip):
    X, y = problem_for(Estimator)
    for parameters in ({}, {"solver": "lbfgs"}, {"early_stopping": True}):
        net = small(Estimator, warm_start=True, **parameters).fit(X, y)
        twin = round_trip(net)
        assert_same_fit(twin.fit(X, y), net.fit(X, y))


def test_a_copy_is_independent(Estimator):
    X, y = problem_for(Estimator)
    net = small(Estimator).fit(X, y)
    before = pickle.dumps(fitted_state(net))
    copy.deepcopy(net).partial_fit(X, y)
    pickle.loads(pickle.dumps(net)).partial_fit(X, y)
    assert pickle.dumps(fitted_state(net)) == before


def test_a_shallow_copy_does_not_feel_later_fits(Estimator):
    X, y = problem_for(Estimator)
    net = small(Estimator).fit(X, y)
    shallow, deep = copy.copy(net), copy.deepcopy(net)
    net.partial_fit(X, y)
    net.set_params(warm_start=True).fit(X, y)
    assert_identical(fitted_state(shallow), fitted_state(deep))


def test_clone_keeps_parameters_and_nothing_else(Estimator):
    X, y = problem_for(Estimator)
    net = small(Estimator, dropout=[0.1, 0.2], dtype="float32", num_layers=None).fit(X, y)
    twin = clone(net)
    assert fitted_state(twin) == {}
    assert twin.get_params() == net.get_params()
    assert_same_fit(twin.fit(X, y), net)


@pytest.mark.parametrize("parameters", [{}, {"solver": "lbfgs"}, {"early_stopping": True}])
def test_no_compiled_object_is_kept(Estimator, parameters):
    X, y = problem_for(Estimator)
    net = small(Estimator, **parameters).fit(X, y)
    if not parameters:
        net.partial_fit(X, y)
    net.predict(X)

    def modules(value):
        yield type(value).__module__.partition(".")[0]
        if isinstance(value, dict):
            value = [*value, *value.values()]
        elif hasattr(value, "__dict__"):
            value = vars(value).values()
        elif not isinstance(value, list | tuple):
            return
        for entry in value:
            yield from modules(entry)

    found = set(modules(vars(net)))
    assert found <= {"builtins", "numpy", "sklearn"}
    assert b"nnhp._core" not in pickle.dumps(net)


def test_a_pickle_is_read_by_another_process(Estimator, tmp_path):
    X, y = problem_for(Estimator)
    net = small(Estimator).fit(X, y)
    joblib.dump((net, X), tmp_path / "net.joblib")
    code = (
        "import joblib, sys\n"
        f"net, X = joblib.load({str(tmp_path / 'net.joblib')!r})\n"
        "print(net.predict(X).tolist())"
    )
    assert run_child(code) == f"{net.predict(X).tolist()}\n"


@pytest.mark.parametrize("way", ["pickle", "joblib"])
def test_another_version_of_scikit_learn_is_told(Estimator, way, tmp_path, monkeypatch):
    X, y = problem_for(Estimator)
    net = small(Estimator).fit(X, y)
    path = tmp_path / "net"
    with monkeypatch.context() as patched:
        for module in (sklearn, sklearn.base):
            patched.setattr(module, "__version__", "1.4.2")
        joblib.dump(net, path) if way == "joblib" else path.write_bytes(pickle.dumps(net))
    with pytest.warns(InconsistentVersionWarning) as told:
        twin = joblib.load(path) if way == "joblib" else pickle.loads(path.read_bytes())
    of_the_net = f"Trying to unpickle estimator {Estimator.__name__} from version 1.4.2 when using"
    assert [of_the_net in str(warning.message) for warning in told].count(True) == 1
    assert_same_fit(twin, net)


@pytest.mark.parametrize("protocol", [0, 1])
def test_the_oldest_protocols(Estimator, protocol):
    """They go another way, which ends the process for what is compiled, if that does not help."""
    X, y = problem_for(Estimator)
    net = small(Estimator).fit(X, y)
    model = nnhp.Sequential([nnhp.layers.Dense(2, input_dim=X.shape[1])], random_state=0)
    for each in (net.predict, net.compiled(), model.predict):
        twin = pickle.loads(pickle.dumps(each, protocol))
        assert_identical(twin(X), each(X))
    data = _core.Dataset(X)
    with pytest.raises(TypeError, match=r"cannot pickle <class 'nnhp\._core\.Dataset'>"):
        pickle.dumps(data, protocol)


def scaled(net):
    return make_pipeline(make_union(StandardScaler(), PCA(3)), net)


@pytest.mark.parametrize("parameters", NETS.values(), ids=NETS.keys())
@pytest.mark.parametrize("whole", [lambda net: net, scaled], ids=["net", "pipeline"])
def test_skops_has_to_trust_the_estimator(Estimator, parameters, whole):
    """And objects that parameters are; scikit-learn's steps it knows."""
    X, y = problem_for(Estimator)
    model = whole(small(Estimator, **parameters)).fit(X, y)
    written = skops.io.dumps(model)
    untrusted = skops.io.get_untrusted_types(data=written)
    objects = [value for value in parameters.values() if isinstance(value, Component)]
    assert untrusted == sorted(map(path_of_type, {Estimator, *map(type, objects)}))
    loaded = skops.io.loads(written, trusted=untrusted)
    assert_identical(raw_outputs(loaded, X), raw_outputs(model, X))
    if whole is scaled:
        X = model[:-1].transform(X)
        model, loaded = model[-1], loaded[-1]
    assert_same_fit(loaded.partial_fit(X, y), model.partial_fit(X, y))


def path_of_type(of_class):
    return f"{of_class.__module__}.{of_class.__qualname__}"


def test_memory_mapped_parameters_can_predict_and_go_on(Estimator, tmp_path):
    X, y = problem_for(Estimator)
    net = small(Estimator).fit(X, y)
    joblib.dump(net, tmp_path / "net.joblib")
    mapped = joblib.load(tmp_path / "net.joblib", mmap_mode="r")
    assert isinstance(mapped.coefs_[0], np.memmap)
    assert_identical(raw_outputs(mapped, X), raw_outputs(net, X))
    mapped.partial_fit(X, y)
    net.partial_fit(X, y)
    assert_identical(mapped.coefs_, net.coefs_)
    assert_identical(mapped._optimizer_state, net._optimizer_state)


@pytest.mark.parametrize("lost", ["_optimizer_state", "_label_binarizer", "_no_improvement_count"])
def test_private_state_may_be_lost(lost):
    """Parameters alone make a net: one that was put together by hand predicts and goes on."""
    X, y = problem("multiclass")
    net = small(MLPClassifier).fit(X, y)
    expected = net.predict_proba(X)
    vars(net).pop(lost)
    assert_identical(net.predict_proba(X), expected)
    net.partial_fit(X, y)
    assert np.isfinite(net.loss_)


def test_edited_parameters_are_predicted_with():
    X, y = problem("one target")
    net = small(MLPRegressor).fit(X, y)
    net.intercepts_[-1] += 3
    moved = net.predict(X)
    net.intercepts_ = [biases.copy() for biases in net.intercepts_]
    net.intercepts_[-1] -= 3
    np.testing.assert_allclose(moved - net.predict(X), 3, rtol=1e-12)
