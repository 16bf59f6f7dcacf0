"""Refusing nets that cannot fit into memory, before anything is allocated."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

_ALWAYS_THERE = 1 << 24  # bytes for which the system, slow to answer, is not asked
_MEMINFO = Path("/proc/meminfo")
_CGROUP_FILES = (  # limit, usage: version 2, then version 1
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)


def available_bytes() -> int:
    """Memory that the process can still take; ``sys.maxsize`` where the system does not tell."""
    limits = [sys.maxsize]
    if _MEMINFO.exists():
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                limits.append(int(line.split()[1]) * 1024)
    for limit, usage in _CGROUP_FILES:
        try:
            limits.append(int(limit.read_text()) - int(usage.read_text()))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return max(min(limits), 0)


def memory_limit() -> int:
    """Memory that the process may come to hold; ``sys.maxsize`` where the system does not tell."""
    limits = [sys.maxsize]
    if _MEMINFO.exists():
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemTotal:"):
                limits.append(int(line.split()[1]) * 1024)
    for limit, _ in _CGROUP_FILES:
        try:
            limits.append(int(limit.read_text()))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return min(limits)


def check_net_size(layer_sizes: list[int], *, copies: int, dtype: np.dtype[Any]) -> None:
    """Raise MemoryError where a net of these layers is larger than the available memory.

    The activations do not count: the engine holds those of a bounded block of samples.

    Parameters
    ----------
    layer_sizes : list of int
        Inputs, units of each hidden layer, outputs.
    copies : int
        Arrays as long as the parameters: these themselves, gradient, moments, best parameters.
    dtype : dtype
        Of the parameters.
    """
    n_parameters = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(layer_sizes))
    needed = copies * n_parameters * dtype.itemsize
    if needed < _ALWAYS_THERE:
        return
    available = available_bytes()
    if needed > available:
        raise MemoryError(
            f"hidden_layer_sizes={tuple(layer_sizes[1:-1])} with {layer_sizes[0]} features and "
            f"{layer_sizes[-1]} outputs needs about {needed} bytes, and {available} bytes are "
            "available."
        )
