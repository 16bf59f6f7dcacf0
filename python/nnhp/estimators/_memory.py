"""Refusing nets that cannot fit into memory, before anything is allocated."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnhp import _core

try:
    import resource
except ImportError:  # not a Unix
    resource = None  # type: ignore[assignment]

_ALWAYS_THERE = 1 << 24  # bytes for which the system, slow to answer, is not asked
_MEMINFO = Path("/proc/meminfo")
_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")
_STATUS = Path("/proc/self/status")


class _Names(NamedTuple):
    """What a version of the control groups calls things."""

    limit: str
    usage: str
    total: str  # before what of its statistics counts the groups below, too


_NAMES = {
    1: _Names("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
    2: _Names("memory.max", "memory.current", ""),
}


def available_bytes() -> int:
    """Memory that the process can still take; ``sys.maxsize`` where the system does not tell."""
    limits = [sys.maxsize, *_free_of_process()]
    for line in _lines(_MEMINFO):
        if line.startswith("MemAvailable:"):
            limits.append(int(line.split()[1]) * 1024)
    for folder, names in _groups():
        try:
            free = _number(folder / names.limit) - _number(folder / names.usage)
        except (OSError, ValueError):  # no such file, or "max"
            continue
        limits.append(free + _page_cache(folder / "memory.stat", names.total))
    return max(min(limits), 0)


def memory_limit() -> int:
    """Memory that the process may come to hold; ``sys.maxsize`` where the system does not tell."""
    limits = [sys.maxsize, *(limit for limit, _ in _limits_of_process())]
    for line in _lines(_MEMINFO):
        if line.startswith("MemTotal:"):
            limits.append(int(line.split()[1]) * 1024)
    for folder, names in _groups():
        try:
            limits.append(_number(folder / names.limit))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return min(limits)


def _groups() -> list[tuple[Path, _Names]]:
    """Folders of the groups that the process is in, the own one first."""
    found = _core.memory_groups(str(_CGROUPS), str(_OWN_CGROUPS))
    return [(Path(folder), _NAMES[version]) for folder, version in found]


def _limits_of_process() -> list[tuple[int, str]]:
    """Limits of the process's own (``ulimit -v``, ``-d``), and what of its status they bound."""
    if resource is None:
        return []
    kinds = {"VmSize": resource.RLIMIT_AS, "VmData": resource.RLIMIT_DATA}
    found = [(resource.getrlimit(kind)[0], name) for name, kind in kinds.items()]
    return [(limit, name) for limit, name in found if limit != resource.RLIM_INFINITY]


def _free_of_process() -> list[int]:
    limits = _limits_of_process()
    if not limits:
        return []
    status = {name: value for name, _, value in (line.partition(":") for line in _lines(_STATUS))}
    return [limit - int(status[name].split()[0]) * 1024 for limit, name in limits if name in status]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _number(path: Path) -> int:
    return int(path.read_text())


def _page_cache(stat: Path, prefix: str) -> int:
    """Bytes of files that a group's usage counts, but that the system gives up when asked."""
    names = {f"{prefix}active_file", f"{prefix}inactive_file"}
    try:
        entries = [line.split() for line in _lines(stat)]
        return sum(int(value) for name, value in entries if name in names)
    except ValueError:
        return 0


def check_net_size(
    layer_sizes: list[int], n_parameters: int, *, copies: int, dtype: np.dtype[Any]
) -> None:
    """Raise MemoryError where a net of these layers is larger than the available memory.

    The activations do not count: the engine holds those of a bounded block of samples.

    Parameters
    ----------
    layer_sizes : list of int
        Inputs, units of each hidden layer, outputs.
    n_parameters : int
        Parameters of the net.
    copies : int
        Arrays as long as the parameters: these themselves, gradient, moments, best parameters.
    dtype : dtype
        Of the parameters.
    """
    check(
        copies * n_parameters * dtype.itemsize,
        f"hidden_layer_sizes={tuple(layer_sizes[1:-1])} with {layer_sizes[0]} features and "
        f"{layer_sizes[-1]} outputs",
    )


def check_scratch(needed: int, batch_size: int, n_at_once: int) -> None:
    """Raise MemoryError where what steps work on is larger than the available memory.

    Parameters
    ----------
    needed : int
        Bytes of one step.
    batch_size : int
        Samples of the step, which go through the net together.
    n_at_once : int
        Steps that are done at the same time, each on a thread of its own.
    """
    threads = f" on {n_at_once} threads" if n_at_once > 1 else ""
    check(n_at_once * needed, f"normalization='batch' with batch_size={batch_size}{threads}")


def check(needed: int, what: str) -> None:
    """Raise MemoryError where something is larger than the available memory.

    Parameters
    ----------
    needed : int
        Bytes.
    what : str
        What needs them, as the error says it.
    """
    if needed < _ALWAYS_THERE:
        return
    available = available_bytes()
    if needed > available:
        raise MemoryError(
            f"{what} needs about {needed} bytes, and {available} bytes are available."
        )
