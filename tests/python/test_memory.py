"""What counts as memory that is left, before a large net is allocated."""

import sys

import numpy as np
import pytest
import scipy.sparse as sp
from helpers import run_child
from sklearn.exceptions import ConvergenceWarning

from nnhp import GridSearchCV, MLPClassifier, MLPRegressor
from nnhp.estimators import _memory, _optimizers

GB = 1 << 30


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Make the files of a system with memory groups: path of the own groups -> files to write."""

    def make(own, files):
        (tmp_path / "own").write_text(own)
        for name, content in files.items():
            path = tmp_path / "cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{content}\n")

    monkeypatch.setattr(_memory, "_CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(_memory, "_OWN_CGROUPS", tmp_path / "own")
    monkeypatch.setattr(_memory, "_MEMINFO", tmp_path / "none")
    return make


def stat(**entries):
    return "\n".join(f"{name} {value}" for name, value in entries.items())


def test_without_groups_there_is_no_limit(groups):
    assert _memory.available_bytes() == sys.maxsize
    groups("0::/", {"memory.current": 5})
    assert _memory.available_bytes() == sys.maxsize


def test_the_system_s_own_estimate_counts(groups, tmp_path):
    (tmp_path / "none").write_text("MemTotal: 9 kB\nMemAvailable:    3 kB\n")
    assert _memory.available_bytes() == 3 * 1024


def test_files_in_memory_can_be_given_up(groups):
    groups(
        "0::/",
        {
            "memory.max": 8 * GB,
            "memory.current": 7 * GB,
            "memory.stat": stat(
                anon=GB, file=6 * GB, inactive_file=3 * GB, active_file=2 * GB, shmem=GB
            ),
        },
    )
    assert _memory.available_bytes() == 6 * GB


def test_the_own_group_s_limit_and_those_above_it_hold(groups):
    files = {"memory.max": "max", "memory.current": 9 * GB}
    own = {"memory.max": 4 * GB, "memory.current": GB}
    above = {"memory.max": 3 * GB, "memory.current": 2 * GB}
    groups("0::/a/b", {**files, **{f"a/b/{name}": value for name, value in own.items()}})
    assert _memory.available_bytes() == 3 * GB
    groups("0::/a/b", {f"a/{name}": value for name, value in above.items()})
    assert _memory.available_bytes() == GB


def test_a_path_of_the_host_means_the_container_s_own_group(groups):
    groups("0::/docker/123", {"memory.max": 4 * GB, "memory.current": GB})
    assert _memory.available_bytes() == 3 * GB


def test_version_1(groups):
    groups(
        "12:cpu,cpuacct:/\n4:memory:/job\n0::/",
        {
            "memory/job/memory.limit_in_bytes": 4 * GB,
            "memory/job/memory.usage_in_bytes": 4 * GB,
            "memory/job/memory.stat": stat(
                inactive_file=1, total_inactive_file=GB, total_active_file=GB
            ),
            "memory/memory.limit_in_bytes": 2**63 - 4096,
            "memory/memory.usage_in_bytes": 5 * GB,
        },
    )
    assert _memory.available_bytes() == 2 * GB


@pytest.mark.parametrize(
    ("parameters", "copies"),
    [
        ({}, 8),
        ({"early_stopping": True}, 10),
        ({"on_divergence": "restore_best"}, 14),
        ({"solver": "sgd"}, 6),
        ({"solver": "sgd", "momentum": 0.0}, 4),
    ],
    ids=str,
)
def test_what_the_training_holds_is_what_is_asked_for(groups, parameters, copies):
    """Just enough is enough, and a byte less is refused."""
    n_parameters = (3 + 1) * 10**6 + 10**6 + 1
    needed = copies * n_parameters * 8
    net = MLPRegressor(hidden_layer_sizes=(10**6,), max_iter=1, **parameters)
    assert _optimizers.copies(net) == copies
    groups("0::/", {"memory.max": needed - 1, "memory.current": 0})
    with pytest.raises(MemoryError, match=f"needs about {needed} bytes"):
        net.fit([[0.0, 1.0, 2.0]] * 20, [0.0] * 20)
    groups("0::/", {"memory.max": needed, "memory.current": 0})
    _memory.check_net_size([3, 10**6, 1], n_parameters, copies=copies, dtype=_memory.np.dtype("f8"))


def test_a_small_net_does_not_ask(groups):
    groups("0::/", {"memory.max": 1, "memory.current": 1})
    net = MLPClassifier((4,), max_iter=1, tol=9.0, n_iter_no_change=1)
    assert net.set_params(max_iter=5).fit([[0.0], [1.0]], [0, 1]).n_iter_ == 3


def test_predictions_ask_for_what_they_take(groups):
    """Just enough is enough, and a byte less is refused; also for sparse samples and all layers."""
    n, n_outputs = 50_000, 100
    net = MLPRegressor(hidden_layer_sizes=(30,), max_iter=1, tol=9.0)
    with pytest.warns(ConvergenceWarning):
        net.fit(np.zeros((20, 2)), np.zeros((20, n_outputs)))
    X = np.zeros((n, 2))
    needed = n * n_outputs * 8
    for samples in (X, sp.csr_matrix(X)):
        groups("0::/", {"memory.max": needed - 1, "memory.current": 0})
        with pytest.raises(MemoryError, match=f"100 outputs for 50000 .* about {needed} bytes"):
            net.predict(samples)
        groups("0::/", {"memory.max": needed, "memory.current": 0})
        assert net.predict(samples).shape == (n, n_outputs)
    with pytest.raises(MemoryError, match=f"130 outputs for 50000 .* {n * 130 * 8} bytes"):
        net.layer_outputs(X)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning", "ignore:.*non-finite")
def test_a_candidate_that_cannot_fit_fails_alone():
    X, y = np.random.RandomState(0).standard_normal((30, 2)), np.arange(30) % 2
    net = MLPClassifier(max_iter=1000, tol=9.0, n_iter_no_change=1, random_state=0)
    sizes = {"hidden_layer_sizes": [(3,), (10**9, 10**9), (4,)]}
    search = GridSearchCV(net, sizes, cv=2).fit(X, y)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, True, False]
    with pytest.raises(MemoryError, match=r"needs about \d+ bytes"):
        search.set_params(error_score="raise").fit(X, y)


OF_THE_PROCESS = """
import resource
from nnhp.estimators import _memory

free = _memory.available_bytes()
resource.setrlimit(resource.{kind}, (2**33, resource.RLIM_INFINITY))
assert _memory.memory_limit() <= 2**33
assert 0 < _memory.available_bytes() < min(free, 2**33)
resource.setrlimit(resource.{kind}, (2**20, resource.RLIM_INFINITY))
print(_memory.available_bytes())
"""


@pytest.mark.parametrize("kind", ["RLIMIT_AS", "RLIMIT_DATA"])
def test_limits_of_the_process_count(kind):
    assert run_child(OF_THE_PROCESS.format(kind=kind)) == "0\n"
