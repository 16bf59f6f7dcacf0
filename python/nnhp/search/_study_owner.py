"""Which process writes a study, and whether it still lives."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path
from typing import Any

BEAT_SECONDS = 4.0  # how often a writer shows to other hosts that it lives
PATIENCE_SECONDS = 3 * BEAT_SECONDS

# What this process writes with now. A writer that was dropped without being closed is dead.
open_tokens: set[str] = set()
os.register_at_fork(after_in_child=open_tokens.clear)


def new_owner() -> dict[str, Any]:
    """What a writer of this process leaves in the file; its token is not open yet."""
    pid = os.getpid()
    return {
        "token": secrets.token_hex(8),
        "pid": pid,
        "host": socket.gethostname(),
        "world": _world(),
        "started": _start_of(pid),
        "beat": 0,
    }


def lives(owner: dict[str, Any]) -> bool | None:
    """Whether the process lives; None where this cannot be seen from here: its beat tells."""
    if owner["host"] != socket.gethostname() or owner["world"] != _world():
        return None
    if owner["pid"] == os.getpid():
        return owner["token"] in open_tokens
    return owner["started"] is not None and owner["started"] == _start_of(owner["pid"])


def _world() -> list[str]:
    """Within it a number means one process: a start of the machine, and a space of numbers."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return []
    return [boot, space]


def _start_of(pid: int) -> int | None:
    """When the process started, in the kernel's ticks; None where there is none, or a zombie."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = status.rpartition(")")[2].split()  # the name before it may contain anything
    return None if fields[0] in {"Z", "X"} else int(fields[19])
