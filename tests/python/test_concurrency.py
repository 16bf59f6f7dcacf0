"""Calls at the same time, and what n_jobs means: no race, and no bit that depends on them."""

import copy
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from helpers import (
    STOPS_EARLY,
    Hook,
    assert_identical,
    assert_same_fit,
    assert_same_search,
    fitted_state,
    problem,
    problem_for,
    raw_outputs,
    run_child,
)
from joblib import Parallel, delayed, parallel_config
from scipy.sparse import csr_array
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from nnhp import GridSearchCV, MLPClassifier, MLPRegressor, Study, _core, _threads

# Python warns of any fork while there are threads; that it works is the point here.
pytestmark = [
    STOPS_EARLY,
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
]

N_THREADS = 8


def small(Estimator, **parameters):
    defaults = {"hidden_layer_sizes": (12, 5), "max_iter": 8, "random_state": 0}
    return Estimator(**defaults | parameters)


def at_once(functions):
    """Run functions on threads that start together; return their results."""
    barrier = threading.Barrier(len(functions))

    def run(function):
        barrier.wait()
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        return list(pool.map(run, functions))


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_one_object_fitted_by_many_threads(Estimator, solver):
    X, y = problem_for(Estimator)
    net = small(Estimator, solver=solver)
    sizes = [40 + 5 * i for i in range(N_THREADS)]
    expected = [fitted_state(clone(net).fit(X[:n], y[:n])) for n in sizes]
    at_once([lambda n=n: net.fit(X[:n], y[:n]) for n in sizes])
    # The result is one of theirs, whole.
    coefs = [state["coefs_"][0].tobytes() for state in expected]
    winner = coefs.index(net.coefs_[0].tobytes())
    assert_identical(fitted_state(net), expected[winner])


def test_partial_fits_of_one_object_wait_for_each_other(Estimator):
    X, y = problem_for(Estimator)
    net = small(Estimator).fit(X, y)
    one_by_one = copy.deepcopy(net)
    for _ in range(N_THREADS):
        one_by_one.partial_fit(X, y)
    at_once([lambda: net.partial_fit(X, y)] * N_THREADS)
    assert_same_fit(net, one_by_one)


@pytest.mark.parametrize("form", [np.ascontiguousarray, csr_array])
def test_samples_that_another_thread_changes_while_a_net_trains(form):
    """Numbers are read where they lie; indices were copied, so that none leads out of an array."""
    X, y = problem("multiclass")
    X = form(X.astype(np.float32))
    net = small(MLPClassifier, max_iter=100, n_iter_no_change=100)
    expected = clone(net).fit(X, y)
    numbers = X if isinstance(X, np.ndarray) else X.data
    changed = numbers.copy()[::-1]
    training, changing, done = threading.Event(), threading.Event(), threading.Event()

    def change():
        training.wait()
        while not done.is_set():
            numbers[...] = changed
            if numbers is not X:
                X.indices[...] = np.iinfo(X.indices.dtype).max
                X.indptr[...] = np.iinfo(X.indptr.dtype).max
            changing.set()

    def begin(*seen):
        training.set()
        changing.wait()

    def fit():
        begins = Hook(begin)
        try:
            return clone(net).set_callbacks(begins).fit(X, y)
        finally:
            done.set()
            training.set()

    _, found = at_once([change, fit])
    assert all(np.isfinite(coefs).all() for coefs in found.coefs_)
    assert not np.array_equal(found.coefs_[0], expected.coefs_[0])


@pytest.mark.parametrize("n_jobs", [None, 1, 2])
def test_different_objects_at_once(n_jobs):
    cases = [
        (small(cls, solver=solver, dropout=rate, n_jobs=n_jobs), *problem_for(cls))
        for cls in (MLPClassifier, MLPRegressor)
        for solver, rate in (("adam", 0.2), ("sgd", 0.0), ("lbfgs", 0.0), ("adam", 0.0))
    ]
    expected = [clone(net).fit(X, y) for net, X, y in cases]

    def fit_and_predict(net, X, y):
        net = clone(net)
        return [(net.fit(X, y), raw_outputs(net, X)) for _ in range(5)][-1]

    results = at_once([lambda case=case: fit_and_predict(*case) for case in cases])
    for (net, outputs), other, (_, X, _) in zip(results, expected, cases, strict=True):
        assert_same_fit(net, other)
        assert_identical(outputs, raw_outputs(other, X))


@pytest.mark.parametrize("n_jobs", [1, None])
def test_searches_at_once(n_jobs, tmp_path):
    X, y = problem("multiclass")

    def search(seed, study=None):
        net = small(MLPClassifier, random_state=seed)
        grid = {"alpha": [1e-3, 1e-1], "hidden_layer_sizes": [(5,), (9,)]}
        return GridSearchCV(net, grid, cv=2, n_jobs=n_jobs, study=study).fit(X, y)

    seeds = range(N_THREADS)
    expected = [search(seed) for seed in seeds]
    path = str(tmp_path / "study.db")  # for half of them, a study of each in one file
    found = at_once([lambda seed=seed: search(seed, path if seed % 2 else None) for seed in seeds])
    for one, other in zip(found, expected, strict=True):
        assert_same_search(one, other)
    assert Study(path).trials().groupby("study").size().tolist() == [4] * (N_THREADS // 2)


def test_predictions_while_the_object_is_fitted_again():
    """Targets with other classes make a net with other outputs."""
    X, y = problem("binary")
    _, others = problem("multiclass")
    net = small(MLPClassifier, hidden_layer_sizes=(4,), max_iter=3)
    known = {clone(net).fit(X, targets).predict_proba(X).tobytes() for targets in (y, others)}
    net.fit(X, y)
    done = threading.Event()

    def fit_in_turns():
        try:
            for targets in [others, y] * 60:
                net.fit(X, targets)
        finally:
            done.set()

    def predict():
        seen = set()
        while not done.is_set():
            seen.add(net.predict_proba(X).tobytes())
            net.predict(X)
            net.score(X, y)
            assert copy.copy(net).predict_proba(X).tobytes() in known
        return seen

    _, *seen = at_once([fit_in_turns, predict, predict])
    assert set.union(*seen) == known


def test_the_blas_limit_of_lbfgs_is_lifted_again():
    from threadpoolctl import threadpool_info

    def blas_threads():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    before = blas_threads()
    assert before
    X, y = problem("one target")
    at_once([lambda: small(MLPRegressor, solver="lbfgs").fit(X, y)] * 4)
    assert blas_threads() == before


# ------------------------------------------------------------------------------- joblib


@pytest.mark.parametrize("backend", ["loky", "threading", "sequential"])
def test_joblib_workers_use_one_thread_each(backend):
    net = small(MLPRegressor)
    # Methods of nnhp's, which a worker can import whatever the name of this module is there.
    inside, fitted = Parallel(2, backend=backend)(
        [
            delayed(_threads.resolve)(None),
            delayed(net.fit)(*problem("one target")),
        ]
    )
    expected = _core.thread_limit() if backend == "sequential" else 1
    assert inside == expected
    assert_same_fit(fitted, clone(net).fit(*problem("one target")))


def test_a_fit_inside_of_a_search_uses_one_thread():
    """As seen from within: a scorer runs on the worker that fits."""
    from sklearn.model_selection import GridSearchCV

    seen = []

    def scorer(net, X, y):
        seen.append(_threads.resolve(None))
        return net.score(X, y)

    X, y = problem("one target")
    with parallel_config("threading"):
        search = GridSearchCV(small(MLPRegressor), {"alpha": [1e-4, 1.0]}, scoring=scorer, cv=2)
        search.set_params(n_jobs=2).fit(X, y)
    assert set(seen) == {1}


EXIT_WHILE_TRAINING = """
import threading, time
import numpy as np
from nnhp import MLPRegressor

X = np.random.RandomState(0).standard_normal((20_000, 20))
net = MLPRegressor(max_iter=10**6, tol=0.0, n_iter_no_change=np.inf, n_jobs={n_jobs}{more})
for _ in range(2):
    threading.Thread(target=net.fit, args=(X, X[:, 0]), daemon=True).start()
time.sleep(0.5)
print("main is done")
"""


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("more", ["", ", verbose=True", ", solver='lbfgs'"])
def test_the_interpreter_may_end_while_daemon_threads_train(n_jobs, more):
    assert "main is done" in run_child(EXIT_WHILE_TRAINING.format(n_jobs=n_jobs, more=more))


# ------------------------------------------------------------------------------- limits


def test_threadpool_limits_count():
    before = _core.thread_limit()
    with threadpool_limits(1):
        assert _core.thread_limit() == 1
        assert _threads.resolve(None) == _threads.resolve(-1) == _threads.resolve(7) == 1
    assert _core.thread_limit() == before


def test_meaning_of_n_jobs(monkeypatch):
    monkeypatch.setattr(_core, "thread_limit", lambda: 8)
    meaning = {None: 8, -1: 8, -2: 7, -8: 1, -20: 1, 1: 1, 3: 3, 8: 8, 100: 8}
    assert {n_jobs: _threads.resolve(n_jobs) for n_jobs in meaning} == meaning


def test_numbers_do_not_depend_on_the_thread_that_calls():
    X, y = problem("multiclass")
    expected = small(MLPClassifier).fit(X, y)
    (net,) = at_once([lambda: small(MLPClassifier).fit(X, y)])
    assert_same_fit(net, expected)
    np.testing.assert_array_equal(net.predict(X), expected.predict(X))
