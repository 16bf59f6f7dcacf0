"""Compiled predictions: the bits of the estimator's methods, frozen, without their checks."""

import copy
import pickle
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
from helpers import (
    STOPS_EARLY,
    assert_identical,
    cpus,
    one_thread,
    problem,
    problem_for,
    run_child,
)
from sklearn.exceptions import NotFittedError

from nnhp import MLPClassifier, MLPRegressor, _core
from nnhp.estimators import CompiledPredictor

pytestmark = STOPS_EARLY

NAMES = np.array(["one", "two", "three and more"])
# What is predicted -> estimator, targets, parameters
KINDS = {
    "binary": (MLPClassifier, problem("binary")[1], {}),
    "binary names": (MLPClassifier, NAMES[problem("binary")[1]], {}),
    "bool": (MLPClassifier, problem("binary")[1] == 1, {}),
    "one class": (MLPClassifier, np.full(97, 7), {}),
    "multiclass": (MLPClassifier, problem("multiclass")[1], {}),
    "names": (MLPClassifier, NAMES[problem("multiclass")[1]], {}),
    "objects": (MLPClassifier, NAMES.astype(object)[problem("multiclass")[1]], {}),
    "floats": (MLPClassifier, problem("multiclass")[1] * 1.0 - 1, {}),
    "multilabel": (MLPClassifier, problem("multilabel")[1], {}),
    "one target": (MLPRegressor, problem("one target")[1], {}),
    "two targets": (MLPRegressor, problem("two targets")[1], {}),
    "counts": (MLPRegressor, problem("counts")[1], {"loss": "poisson"}),
}


@pytest.fixture(params=KINDS)
def fitted(request, dtype):
    """An estimator of each kind, and samples in its dtype."""
    Estimator, y, parameters = KINDS[request.param]
    X = problem("binary")[0].astype(dtype)
    return Estimator(hidden_layer_sizes=(8, 5), max_iter=5, random_state=0, **parameters).fit(
        X, y
    ), X


def methods_of(net):
    return [m for m in ("predict", "predict_proba") if hasattr(net, m)]


def large(n_outputs=40, n_rows=60_000):
    """A classifier, and enough samples for several threads."""
    X = np.random.default_rng(0).standard_normal((n_rows, 16), dtype=np.float32)
    net = MLPClassifier(64, max_iter=1, random_state=0, n_jobs=1)
    y = np.arange(2 * n_outputs) % n_outputs
    return net.fit(X[: len(y)], y), X


def test_the_bits_are_those_of_the_method(fitted):
    net, X = fitted
    for method in methods_of(net):
        compiled = net.compiled(method)
        for rows in (X, X[:1], X[50:53]):
            assert_identical(compiled(rows), getattr(net, method)(rows))
        assert_identical(np.concatenate([compiled(X[i : i + 1]) for i in range(97)]), compiled(X))


def test_predict_is_the_default(fitted):
    net, X = fitted
    assert net.compiled().method == "predict"
    assert_identical(net.compiled()(X), net.predict(X))


def test_labels_are_those_of_scikit_learns_binarizer(fitted):
    net, X = fitted
    if isinstance(net, MLPRegressor):
        return
    outputs = net.compiled()._predictor.outputs(X, one_thread)
    expected = net._label_binarizer.inverse_transform(
        outputs.ravel() if outputs.shape[1] == 1 else outputs
    )
    assert_identical(net.predict(X), expected)


def test_of_equal_probabilities_the_first_class_is_predicted(dtype):
    X, y = problem("multiclass")
    net = MLPClassifier(4, max_iter=1, dtype=dtype).fit(X, y)
    net.coefs_[-1][:] = 0
    for biases, expected in [((0, 0, 0), 0), ((-1, 2, 2), 1)]:
        net.intercepts_[-1][:] = biases
        assert set(net.predict(X)) == {expected}
    X, y = problem("binary")
    net = MLPClassifier(4, max_iter=1, dtype=dtype).fit(X, y)
    net.coefs_[-1][:] = net.intercepts_[-1][:] = 0
    assert set(net.predict_proba(X).ravel()) == {0.5}
    assert set(net.predict(X)) == {0}


def test_later_fits_and_edits_change_nothing(Estimator, dtype):
    X, y = problem("multiclass")
    X = X.astype(dtype)
    net = Estimator(hidden_layer_sizes=8, max_iter=5, random_state=0).fit(X, y)
    compiled = net.compiled()
    expected = net.predict(X)
    net.coefs_[0][:] = 0
    if Estimator is MLPClassifier:
        net.classes_ += 5
    assert_identical(compiled(X), expected)
    net.set_params(activation="tanh").fit(X[:, :3], y[::-1])
    assert_identical(compiled(X), expected)


def test_pickles_and_copies(fitted):
    net, X = fitted
    for method in methods_of(net):
        compiled = net.compiled(method)
        for twin in (pickle.loads(pickle.dumps(compiled)), copy.deepcopy(compiled)):
            assert isinstance(twin, CompiledPredictor)
            assert repr(twin) == repr(compiled)
            assert_identical(twin(X), compiled(X))


def test_a_pickle_is_read_by_another_process(tmp_path):
    X, y = problem("multiclass")
    compiled = MLPClassifier(8, max_iter=5).fit(X, NAMES[y]).compiled()
    joblib.dump((compiled, X), tmp_path / "compiled.joblib")
    code = (
        "import joblib\n"
        f"compiled, X = joblib.load({str(tmp_path / 'compiled.joblib')!r})\n"
        "print(compiled(X).tolist())"
    )
    assert run_child(code) == f"{compiled(X).tolist()}\n"


def test_it_tells_what_it_takes():
    X, y = problem("multiclass")
    compiled = MLPClassifier(8, max_iter=5).fit(X.astype("float32"), y).compiled("predict_proba")
    assert (compiled.method, compiled.dtype, compiled.n_features) == ("predict_proba", "float32", 7)
    assert repr(compiled) == (
        "<CompiledPredictor: predict_proba for float32 arrays of shape (n_samples, 7)>"
    )


def test_any_layout_is_taken(Estimator):
    X, y = problem_for(Estimator)
    net = Estimator(hidden_layer_sizes=8, max_iter=5).fit(X, y)
    compiled, expected = net.compiled(), net.predict(X)
    unaligned = np.zeros(X.nbytes + 1, "uint8")[1:].view(X.dtype).reshape(X.shape)
    unaligned[...] = X
    for other in (
        np.asfortranarray(X),
        np.hstack([X, X])[:, : X.shape[1]],
        X[::-1][::-1],
        unaligned,
    ):
        assert_identical(compiled(other), expected)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.zeros((3, 7), "float32"), TypeError, "X must have dtype float64, got float32"),
        (np.zeros((3, 7), int), TypeError, "X must have dtype float64, got int64"),
        (np.zeros((3, 7), ">f8"), TypeError, "X must have dtype float64, got >f8"),
        ([[0.0] * 7], TypeError, "X must be a NumPy array of float64, got <class 'list'>"),
        (sp.csr_array((3, 7)), TypeError, "X must be a NumPy array of float64, got <class 'scipy"),
        (
            (np.zeros(1), np.zeros(1, "int32"), np.array([0, 1]), 7),
            TypeError,
            "X must be a NumPy array of float64, got <class 'tuple'>",
        ),
        (
            np.ma.zeros((3, 7)),
            TypeError,
            "X must be a NumPy array of float64, got <class 'numpy.ma.MaskedArray'>",
        ),
        (np.zeros(7), ValueError, "X must have 2 dimensions, got 1"),
        (np.zeros((1, 3, 7)), ValueError, "X must have 2 dimensions, got 3"),
        (np.zeros((3, 6)), ValueError, "X has 6 features, the net expects 7"),
    ],
    ids=[
        "float32",
        "int",
        "bytes swapped",
        "list",
        "sparse",
        "parts of CSR",
        "masked",
        "1-D",
        "3-D",
        "6",
    ],
)
def test_what_is_not_as_it_must_be_is_refused(Estimator, X, error, message):
    net = Estimator(hidden_layer_sizes=4, max_iter=1).fit(*problem("binary"))
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        net.compiled()(X)


def test_no_samples_make_no_predictions(fitted):
    net, X = fitted
    for method in methods_of(net):
        compiled = net.compiled(method)
        none, one = compiled(X[:0]), compiled(X[:1])
        assert (len(none), none.shape[1:], none.dtype) == (0, one.shape[1:], one.dtype)


def test_what_is_not_finite_gives_a_prediction_all_the_same():
    X, y = problem("multiclass")
    net = MLPClassifier(4, max_iter=1).fit(X, y)
    X[3, 2], X[4, 2] = np.nan, np.inf
    with pytest.raises(ValueError, match="NaN"):
        net.predict(X)
    assert net.compiled()(X)[3] == 0
    assert np.isnan(net.compiled("predict_proba")(X)[3]).all()
    assert_identical(net.compiled()(X)[5:], net.predict(X[5:]))


def test_methods_that_are_not_there(Estimator):
    net = Estimator(hidden_layer_sizes=4, max_iter=1)
    with pytest.raises(NotFittedError):
        net.compiled()
    net.fit(*problem("binary"))
    with pytest.raises(ValueError, match=r"method must be among .*'predict'.*, got 'transform'"):
        net.compiled("transform")
    if Estimator is MLPRegressor:
        with pytest.raises(ValueError, match="got 'predict_proba'"):
            net.compiled("predict_proba")


def test_threads_of_the_engine_change_no_bit():
    net, X = large()
    expected = [net.compiled(method)(X) for method in methods_of(net)]
    net.set_params(n_jobs=4)
    with cpus(4):
        found = [net.compiled(method)(X) for method in methods_of(net)]
    assert_identical(found, expected)


def test_many_threads_use_one_at_once():
    net, X = large(n_rows=4_000)
    compiled = net.compiled("predict_proba")
    pieces = [X[i : i + 1 + i % 700] for i in range(0, 3_000, 50)]
    expected = [compiled(piece) for piece in pieces]
    with ThreadPoolExecutor(8) as pool:
        assert_identical(list(pool.map(compiled, pieces)), expected)


def test_large_inputs_are_predicted_without_the_interpreters_lock():
    net, X = large()
    compiled = net.compiled()

    def lock_was_free():
        """Whether this thread got on while another one predicted."""
        started, done = threading.Event(), threading.Event()

        def predict():
            started.set()
            compiled(X)
            done.set()

        thread = threading.Thread(target=predict)
        thread.start()
        started.wait()
        free = not done.is_set()
        thread.join()
        return free

    assert any(lock_was_free() for _ in range(20))


def test_threads_are_asked_for_where_there_is_much_to_do():
    net, X = large(n_rows=20_000)
    asked = []
    predictor = net.compiled()._predictor
    for n_rows in (1, 5, 20_000):
        predictor.classes(X[:n_rows], lambda n=n_rows: asked.append(n) or 1)
    assert asked == [20_000]


def test_labels_take_no_memory_but_their_own():
    code = """
import numpy as np
from pathlib import Path
from nnhp import MLPClassifier

def memory(entry):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(entry))

X = np.zeros((500_000, 8), np.float32)
net = MLPClassifier(8, max_iter=1, n_jobs=1).fit(X[:90], np.arange(90))
predict = net.compiled()
for call in (predict, net.predict):
    call(X[:10_000])
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    call(X)
    print(memory("VmHWM") - before)
"""
    # 4 MB of labels and 4 MB of their indices; the probabilities would be 180 MB.
    grown = [float(line) for line in run_child(code, PYTHONWARNINGS="ignore").split()]
    assert max(grown) < 20


def test_the_engine_refuses_parameters_of_another_net():
    net = _core.NetSpec(
        n_inputs=3, hidden=[], n_outputs=2, output_activation="identity", dtype="float32"
    )
    with pytest.raises(ValueError, match="parameters must have 8 entries, got 7"):
        _core.Predictor(net, np.zeros(7, np.float32))
    with pytest.raises(TypeError, match="parameters must have dtype float32, got float64"):
        _core.Predictor(net, np.zeros(8))


def test_the_engines_predictor_is_pickled_whole():
    net = _core.NetSpec(
        n_inputs=3,
        hidden=[(5, ["batch_normalization", "batch_normalization", "relu"])],
        n_outputs=2,
        output_activation="identity",
        dtype="float32",
    )
    generator = np.random.default_rng(1)
    parameters = generator.uniform(0.1, 1, net.n_parameters).astype(np.float32)
    X = generator.normal(size=(50, 3)).astype(np.float32)
    predictor = _core.Predictor(net, parameters, checks_samples=True)
    careless = _core.Predictor(net, parameters)
    X_bad = np.where(X[0, 0] == X, np.float32(np.nan), X)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        twin = pickle.loads(pickle.dumps(predictor, protocol))
        assert twin.net.stages == predictor.net.stages
        assert_identical(twin.outputs(X, one_thread), predictor.outputs(X, one_thread))
        with pytest.raises(_core.NotFiniteError, match="X must be finite"):
            twin.outputs(X_bad, one_thread)
        pickle.loads(pickle.dumps(careless, protocol)).outputs(X_bad, one_thread)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_the_engines_error_is_pickled_with_its_message(protocol):
    error = pickle.loads(pickle.dumps(_core.NotFiniteError("X must be finite"), protocol))
    assert isinstance(error, _core.NotFiniteError)
    assert str(error) == "X must be finite"


def test_the_engines_net_is_pickled_whole():
    given = {
        "n_inputs": 3,
        "hidden": [
            (4, [{"name": "tanh"}, {"name": "dropout", "rate": 0.5}]),
            (2, [{"name": "batch_normalization", "epsilon": 0.01, "momentum": 0.5},
                 {"name": "maxout", "pieces": 3}]),
        ],
        "n_outputs": 2,
        "output_activation": "logistic",
        "input_stages": [{"name": "noise", "stddev": 0.25}],
        "output_stages": [{"name": "layer_normalization", "epsilon": 0.1}],
        "dtype": "float32",
    }  # fmt: skip
    net = _core.NetSpec(**given)
    twin = pickle.loads(pickle.dumps(net))
    assert twin.__getstate__() == net.__getstate__() == tuple(given.values())
    assert twin.layer_shapes == net.layer_shapes
    assert twin.stage_arrays == net.stage_arrays
