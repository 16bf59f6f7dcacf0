"""What counts as memory that is left, before a large net is allocated."""

import sys

import pytest

from nnhp import MLPClassifier, MLPRegressor
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
        ({"early_stopping": True}, 9),
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
