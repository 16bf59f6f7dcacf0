"""What a search's workers share, as a file that they map into memory.

The file holds a pickle, whose arrays lie behind it; arrays that are unpickled from a mapped file
are views of it. It is named by the hash of its content, is only ever created, is readable by its
owner alone, and is checked by its hash before it is opened.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import pickle
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle

_MAGIC = b"nnhp materials 1\n"
_ALIGNMENT = 64
_HASHED_AT_ONCE = 1 << 20


class NotPlacedError(RuntimeError):
    """A worker does not have the data."""


class DamagedDataError(RuntimeError):
    """A file of data is not what its name says."""


@dataclass(frozen=True)
class Content:
    """A file's content and its hash."""

    parts: list[Any]  # bytes-like
    digest: str

    @classmethod
    def of(cls, materials: Any) -> Content:
        """Pickle an object; arrays that lie in one piece are not copied."""
        buffers: list[pickle.PickleBuffer] = []
        pickled = cloudpickle.dumps(materials, protocol=5, buffer_callback=buffers.append)
        views = [pickled, *(buffer.raw() for buffer in buffers)]
        sizes = [len(view) for view in views]
        index = json.dumps(sizes).encode()
        parts: list[Any] = []
        end = 0
        for view in [_MAGIC, len(index).to_bytes(8, "little"), index]:
            parts.append(view)
            end += len(view)
        for view in views:
            padding = -end % _ALIGNMENT
            parts += [bytes(padding), view]
            end += padding + len(view)
        digest = hashlib.sha256()
        for part in parts:
            digest.update(part)
        return cls(parts, digest.hexdigest())

    @property
    def n_bytes(self) -> int:
        """Length of the file."""
        return sum(len(part) for part in self.parts)

    def joined(self) -> bytes:
        """The content in one piece."""
        return b"".join(self.parts)

    def write(self, folder: str | Path) -> Path:
        """Create the file in a folder; FileExistsError where there is one of its name."""
        path = Path(folder) / f"nnhp-{self.digest}"
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)
        with open(os.open(path, flags, 0o600), "wb") as file:  # noqa: PTH123 - of a descriptor
            file.writelines(self.parts)
        return path


def opened(path: str | Path, digest: str) -> Any:
    """Unpickle a file's object, whose arrays are then views of the file.

    Raises
    ------
    NotPlacedError
        If there is no such file.
    DamagedDataError
        If its content has another hash.
    """
    try:
        with Path(path).open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError as error:
        raise NotPlacedError(
            f"{path} is not there: workers of this executor must see the folder for temporary "
            "files of the process that searches (TMPDIR)."
        ) from error
    except ValueError as error:  # an empty file
        raise DamagedDataError(f"{path} is empty.") from error
    view = memoryview(content)
    found = hashlib.sha256()
    for begin in range(0, len(view), _HASHED_AT_ONCE):
        found.update(view[begin : begin + _HASHED_AT_ONCE])
    if found.hexdigest() != digest or not content[: len(_MAGIC)] == _MAGIC:
        raise DamagedDataError(f"{path} is not what was written: its hash differs from its name.")
    end = len(_MAGIC) + 8
    length = int.from_bytes(view[len(_MAGIC) : end], "little")
    sizes = json.loads(bytes(view[end : end + length]))
    end += length
    views = []
    for size in sizes:
        end += -end % _ALIGNMENT
        views.append(view[end : end + size])
        end += size
    return pickle.loads(views[0], buffers=views[1:])


class Placed:
    """Where the files of data are that somebody placed for this process."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget all, whoever holds the lock: in a child, its owner is not there."""
        self._lock = threading.Lock()
        self._paths: dict[str, list[Path]] = {}
        self._threads: dict[str, int] = {}

    def add(self, digest: str, path: Path, threads: int) -> None:
        """Note a file, and how many threads those who use it may take."""
        with self._lock:
            self._paths.setdefault(digest, []).append(path)
            self._threads[digest] = threads

    def remove(self, digest: str, path: Path) -> None:
        """Forget a file."""
        with self._lock:
            paths = self._paths.get(digest, [])
            if path in paths:
                paths.remove(path)
            if not paths:
                self._paths.pop(digest, None)

    def find(self, digest: str) -> tuple[Path, int]:
        """A file of this hash, and the threads; NotPlacedError where there is none."""
        with self._lock:
            paths = self._paths.get(digest)
            if not paths:
                raise NotPlacedError(f"the data {digest[:12]} were not placed on this worker.")
            return paths[-1], self._threads[digest]


placed = Placed()
os.register_at_fork(after_in_child=placed.begin_anew)
