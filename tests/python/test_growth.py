"""Memory that is given back: no growth over many fits, and failures that leave nothing behind."""

import json

import pytest
from helpers import run_child

MANY_FITS = """
import json, os, sys, threading, time, warnings
import numpy as np
import scipy.sparse as sp
from nnhp import GridSearchCV, MLPClassifier, MLPRegressor

warnings.simplefilter("ignore")
X = np.random.RandomState(0).standard_normal((40, 5))
y = X[:, 0] * X[:, 1]
bad = np.where(X == X[0, 0], np.nan, X)
sparse, many = sp.csr_matrix(X), np.tile(X, (40, 1))

def net(cls=MLPRegressor, *, size=(6,), **parameters):
    return cls(hidden_layer_sizes=size, max_iter=2, n_jobs=1, **parameters)

def refused(fit):
    try:
        fit()
    except (ValueError, MemoryError):
        return
    raise AssertionError("it was to fail")

class Stop(Exception):
    pass

class StopsAt:
    def setup(self, estimator, context): pass
    def teardown(self, estimator, context): pass
    def on_fit_task_begin(self, estimator, context): pass
    def on_fit_task_end(self, estimator, context): raise Stop

def interrupted():
    try:
        net().set_callbacks(StopsAt()).fit(X, y)
    except Stop:
        return
    raise AssertionError("it was to be stopped")

# Each with as many fits as it counts for.
WORKS = [
    (1, lambda: net().fit(X, y).predict(X)),
    (1, lambda: net(MLPClassifier, early_stopping=True).fit(many, np.tile(y > 0, 40)).predict(X)),
    (1, lambda: net(dtype="float32", dropout=0.2).fit(sparse, y).predict(sparse)),
    (1, lambda: net(solver="sgd", normalization="batch").fit(X, y).compiled()(X)),
    (1, lambda: net().partial_fit(X, y)),
    (1, lambda: refused(lambda: net().fit(bad, y))),
    (1, lambda: refused(lambda: net(size=(10**9, 10**9)).fit(X, y))),
    (1, interrupted),
]
RARE = [
    (1, lambda: net(solver="lbfgs").fit(X, y).predict(X)),
    (7, lambda: GridSearchCV(net(), {{"alpha": [0.1, 0.2, 0.3]}}, cv=2).fit(X, y)),
]

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def work(n_fits):
    done = turn = 0
    while done < n_fits:
        for weight, task in WORKS + RARE * (turn % 20 == 0):
            task()
            done += weight
        turn += 1
    return done

work({warm})
before = resident()
done = work({n})
print(json.dumps([done, resident() - before]))
"""


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_fits_do_not_grow(long_form, count):
    """After a warm-up, whatever the fits come to: an end, an error or an interruption."""
    n = 100_000 if long_form else 1500
    code = MANY_FITS.format(warm=10_000 if long_form else 1000, n=n)
    done, growth = json.loads(run_child(code, timeout=7000))
    assert done >= n
    # What the heap's order costs. In the long form, 40 bytes a fit, whose parameters take 400.
    assert growth < 2**22, f"{growth} bytes more after {done} fits"
    count("fits", done)
