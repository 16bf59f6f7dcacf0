"""How many threads there are: never more than any limit allows, whatever the work."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import run_child

# Work that would take all threads, and how many there come to be beside those of the imports.
COUNT = """
import os, sys, threading, time, warnings
import numpy as np

warnings.simplefilter("ignore")

def count():
    return len(os.listdir("/proc/self/task"))

def most_during(work, n=3):
    seen, over = [], threading.Event()
    def look():
        while not over.wait(0.001):
            seen.append(count())
    watch = threading.Thread(target=look)
    watch.start()
    for _ in range(n):
        work()
    over.set()
    watch.join()
    return max(seen) - 1 - at_first

from nnhp import GridSearchCV, MLPRegressor, _core, _threads
{limit}
at_first = min(time.sleep(0.02) or count() for _ in range(100))  # imports may be ending theirs
X = np.random.RandomState(0).standard_normal((20_000, 30))
net = MLPRegressor(hidden_layer_sizes=(200,), max_iter=1, n_jobs={n_jobs})
fit = most_during(lambda: net.fit(X, X[:, 0]))
predict = most_during(lambda: net.predict(X))
small = net.set_params(hidden_layer_sizes=(8,))
search = GridSearchCV(small, {{"alpha": np.linspace(0.1, 1, 12)}}, cv=2, n_jobs={n_jobs})
print(fit, predict, most_during(lambda: search.fit(X[:2000], X[:2000, 0])))
print(_threads.resolve(None))
"""
NINE = "_core._pretend_cpus(9)\n"
# id: (limits set after the import, n_jobs, environment, threads that may be kept busy)
LIMITS = {
    "n_jobs=1": (NINE, 1, {}, 1),
    "n_jobs=3": (NINE, 3, {"OMP_NUM_THREADS": "9"}, 3),
    "n_jobs=-7": (NINE, -7, {"OMP_NUM_THREADS": "9"}, 3),
    "OMP_NUM_THREADS": (NINE, None, {"OMP_NUM_THREADS": "3"}, 3),
    "OMP_THREAD_LIMIT": (NINE, -1, {"OMP_THREAD_LIMIT": "2", "OMP_NUM_THREADS": "9"}, 2),
    "threadpoolctl": (
        NINE + "from threadpoolctl import threadpool_limits; threadpool_limits(2)\n",
        -1,
        {"OMP_NUM_THREADS": "9"},
        2,
    ),
    "affinity": ("os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n", 5, {}, 1),
    "CPUs": (NINE.replace("9", "4"), 99, {"OMP_NUM_THREADS": "99"}, 4),
}


@pytest.mark.slow
@pytest.mark.parametrize(("limit", "n_jobs", "environment", "most"), LIMITS.values(), ids=LIMITS)
def test_never_more_threads_than_asked_for(limit, n_jobs, environment, most):
    told = run_child(COUNT.format(limit=limit, n_jobs=n_jobs), **environment)
    during, resolved = told.splitlines()
    assert max(map(int, during.split())) == most
    assert n_jobs is not None or int(resolved) == most


# As root, the system's files of control groups are covered by others, in a mount of its own.
WITH_QUOTA = """
set -e
own=$(sed -n 's/^0:://p' /proc/self/cgroup | head -1)
mount -t tmpfs none /sys/fs/cgroup
mkdir -p "/sys/fs/cgroup$own"
echo "$1" > "/sys/fs/cgroup$own/cpu.max"
exec "$2" -c 'from nnhp import _core, _threads; print(_core.thread_limit(), _threads.resolve(9))'
"""


@pytest.mark.parametrize(("quota", "most"), [("50000 100000", 1), ("100001 100000", 2)])
def test_the_quota_of_the_control_group_counts(quota, most):
    """As in a container; where the files come from is tested in C++ (test_cgroup.cpp)."""
    groups = Path("/proc/self/cgroup")
    if not groups.exists() or "0::" not in groups.read_text():
        pytest.skip("no control groups of version 2")
    command = ["unshare", "--mount", "sh", "-c"]
    try:
        subprocess.run([*command, "mount -t tmpfs none /mnt"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("nothing can be mounted here")
    told = subprocess.run(
        [*command, WITH_QUOTA, "sh", quota, sys.executable],
        env={**os.environ, "OMP_NUM_THREADS": "9"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    expected = min(most, len(os.sched_getaffinity(0)))
    assert told.stdout.split() == [str(expected)] * 2


IN_A_REGION = """
import ctypes, re
import numpy as np
from nnhp import MLPRegressor, _core, _threads

_core._pretend_cpus(4)
libraries = {line.split()[-1] for line in open("/proc/self/maps") if "libgomp" in line}
X = np.random.RandomState(0).standard_normal((4000, 5))
fitted = MLPRegressor(hidden_layer_sizes=(300,), max_iter=1, random_state=0).fit(X, X[:, 0])
expected = fitted.predict(X)
seen = []

@ctypes.CFUNCTYPE(None, ctypes.c_void_p)
def work(_):
    assert np.array_equal(fitted.predict(X), expected)
    seen.append((_threads.resolve(None), _threads.resolve(-1), _threads.resolve(3)))

for library in libraries:
    ctypes.CDLL(library).GOMP_parallel(work, None, 2, 0)
assert len(seen) == 2 * len(libraries)
print((1, 1, 1) in seen, _threads.resolve(None) > 1)
"""


def test_one_thread_in_somebody_else_s_region():
    """Of the OpenMP that the engine has; another one in the process keeps its regions to itself."""
    assert run_child(IN_A_REGION, OMP_NUM_THREADS="4") == "True True\n"


def test_the_interpreter_s_lock_is_asked_for():
    """No run without that lock was made, so the module does not say that it needs none.

    An interpreter that has no lock then brings it back when it imports the module.
    """
    assert getattr(sys, "_is_gil_enabled", lambda: True)()
    sources = (Path(__file__).parents[2] / "cpp/bindings").glob("*.cpp")
    assert not [s.name for s in sources if re.search("mod_gil_not_used|Py_mod_gil", s.read_text())]
