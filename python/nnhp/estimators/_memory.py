"""Refusing nets that cannot fit into memory, before anything is allocated."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

_ALWAYS_THERE = 1 << 24  # bytes for which the system, slow to answer, is not asked
_MEMINFO = Path("/proc/meminfo")
_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")


def available_bytes() -> int:
    """Memory that the process can still take; ``sys.maxsize`` where the system does not tell."""
    limits = [sys.maxsize]
    if _MEMINFO.exists():
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                limits.append(int(line.split()[1]) * 1024)
    for folder, limit, usage, prefix in _cgroups():
        try:
            free = int((folder / limit).read_text()) - int((folder / usage).read_text())
        except (OSError, ValueError):  # no such file, or "max"
            continue
        limits.append(free + _page_cache(folder / "memory.stat", prefix))
    return max(min(limits), 0)


def memory_limit() -> int:
    """Memory that the process may come to hold; ``sys.maxsize`` where the system does not tell."""
    limits = [sys.maxsize]
    if _MEMINFO.exists():
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemTotal:"):
                limits.append(int(line.split()[1]) * 1024)
    for folder, limit, _, _ in _cgroups():
        try:
            limits.append(int((folder / limit).read_text()))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return min(limits)


def _cgroups() -> Iterator[tuple[Path, str, str, str]]:
    """Folders of the groups that the process is in, with their files of limit and usage.

    A group's limit holds for the groups in it. In a container the path may be one of the host,
    which is not there; the container's own group is then at the top.
    """
    try:
        lines = _OWN_CGROUPS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        own = PurePosixPath(path.lstrip("/"))
        if controllers == "":  # version 2
            for folder in (own, *own.parents):
                yield _CGROUPS / folder, "memory.max", "memory.current", ""
        elif "memory" in controllers.split(","):  # version 1
            for folder in (own, *own.parents):
                yield (
                    _CGROUPS / "memory" / folder,
                    "memory.limit_in_bytes",
                    "memory.usage_in_bytes",
                    "total_",
                )


def _page_cache(stat: Path, prefix: str) -> int:
    """Bytes of files that a group's usage counts, but that the system gives up when asked."""
    names = {f"{prefix}active_file", f"{prefix}inactive_file"}
    try:
        entries = [line.split() for line in stat.read_text().splitlines()]
        return sum(int(value) for name, value in entries if name in names)
    except (OSError, ValueError):
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
