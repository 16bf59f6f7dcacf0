"""Work with less memory than it needs, in steps up to enough: a MemoryError each, or the result.

That every single allocation of the engine may fail is tested in C++ (test_failed_allocations.cpp).
"""

import json

import pytest
from helpers import run_child

PROGRAM = """
import json, resource, sys, warnings
import numpy as np
import scipy.sparse as sp
from nnhp import GridSearchCV, MLPClassifier, MLPRegressor, _core

warnings.simplefilter("ignore")
rng = np.random.RandomState(0)
X = rng.standard_normal((20_000, 20))
y = X[:, 0] * X[:, 1]
sparse = sp.random(20_000, 200, 0.05, format="csr", random_state=0)

def net(*hidden, **parameters):
    defaults = {{"max_iter": 1, "random_state": 0, "n_jobs": 2}}
    return MLPRegressor(hidden_layer_sizes=hidden, **defaults | parameters)

def search():
    grid = {{"hidden_layer_sizes": [(5,), (400, 400)]}}
    found = GridSearchCV(net(), grid, cv=2, error_score="raise").fit(X[:3000], y[:3000])
    return found.cv_results_["mean_test_score"]

wide = net(4).fit(X, np.tile(y[:, None], 100))
deep = net(400, 400).fit(X[:300], y[:300])
before = net(5).fit(X, y)
kept = before.predict(X)
WORKS = {{
    "fit": lambda: net(300, 300).fit(X, y).coefs_[0],
    "fit again": lambda: before.fit(X, y).coefs_[0],
    "normalized": lambda: net(300, normalization="batch", batch_size=5000).fit(X, y).coefs_[0],
    "lbfgs": lambda: net(100, 100, solver="lbfgs").fit(X[:500], y[:500]).coefs_[0],
    "sparse": lambda: net(50).fit(sparse, y).coefs_[0],
    "predict": lambda: wide.predict(X),
    "layer_outputs": lambda: deep.layer_outputs(X[:3000])[1],
    "search": search,
}}

def in_use():
    return int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()

failed = {{}}
for name, work in WORKS.items():
    print(name, file=sys.stderr)
    expected, room, n = work(), 0, 0
    while True:
        resource.setrlimit(resource.RLIMIT_AS, (in_use() + room, resource.RLIM_INFINITY))
        try:
            found = work()
        except MemoryError:
            found = None
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
        assert (before.predict(X) == kept).all()
        if found is not None:
            break
        room, n = room + {step}, n + 1
    assert found.tobytes() == expected.tobytes()
    failed[name] = n
print(json.dumps(failed))
"""
# Each array is the system's own, so that what was given back is not taken again.
NO_HEAP = {
    "MALLOC_MMAP_THRESHOLD_": "16384",
    "MALLOC_TRIM_THRESHOLD_": "0",
    "MALLOC_ARENA_MAX": "1",
}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_work_in_too_little_memory(long_form, count):
    step = 2**16 if long_form else 2**21
    failed = json.loads(run_child(PROGRAM.format(step=step), timeout=1500, **NO_HEAP))
    assert min(failed.values()) >= 1, failed
    count("failed allocations", sum(failed.values()))


NO_THREADS = """
import resource
import numpy as np
from nnhp import MLPRegressor, _core

X = np.random.RandomState(0).standard_normal((4000, 10))
net = MLPRegressor(hidden_layer_sizes=(300,), max_iter=1, random_state=0)

def with_room(n_bytes, work):
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + n_bytes, resource.RLIM_INFINITY))
    try:
        return work()
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)

_core._pretend_cpus(2)
try:
    with_room(2**22, lambda: net.fit(X, X[:, 0]))
except RuntimeError as error:
    print(error)
many = np.tile(X, (50, 1))
expected = net.fit(X, X[:, 0]).predict(many)
_core._pretend_cpus(9)  # for whose stacks there is no room
assert (with_room(7 * 2**20, lambda: net.predict(many)) == expected).all()
assert (net.predict(many) == expected).all()
"""


def test_threads_that_cannot_start_are_done_without():
    """OpenMP would end the process."""
    told = run_child(NO_THREADS, OMP_NUM_THREADS="9", **NO_HEAP)
    assert told.startswith("the system starts no further thread: ")
