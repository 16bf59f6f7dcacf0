"""Reading the rows of a broken SQLite database, page by page, without SQLite.

Each leaf of a table is read by itself, whatever has become of the pages that lead to it. So rows
come out that SQLite itself no longer finds, and some that had been deleted; only their checksums
tell which ones are whole. The format is described at https://sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_LEAF_OF_TABLE = 13
_HEADER_OF_FILE = 100
_LOG_HEADER, _FRAME_HEADER = 32, 24
_MAX_ROW = 1_000_000_000


class Pages:
    """The pages of a database, as its write-ahead log, if there is one, leaves them.

    Parameters
    ----------
    path : str
        Of the database; its log is at `path` + "-wal".
    size : int
        Of a page, all of it in use.
    """

    def __init__(self, path: str, size: int) -> None:
        self._size = size
        self._data = Path(path).read_bytes()
        self._newer: dict[int, bytes] = {}
        log = Path(path + "-wal")
        if log.exists():
            self._read_log(log.read_bytes())

    def page(self, number: int) -> bytes:
        """A page, counted from 1; it may be shorter where the file was cut off."""
        begin = (number - 1) * self._size
        return self._newer.get(number) or self._data[begin : begin + self._size]

    def rows(self) -> Iterator[tuple[int, list[Any]]]:
        """Number and columns of all that looks like a row of a table."""
        last = max(-(-len(self._data) // self._size), *self._newer, 0)
        for number in range(1, last + 1):
            page = self.page(number)
            header = _HEADER_OF_FILE if number == 1 else 0
            if page[header : header + 1] != bytes([_LEAF_OF_TABLE]):
                continue
            pointers = page[header + 8 :][: 2 * int.from_bytes(page[header + 3 : header + 5])]
            for (begin,) in struct.iter_unpack(">H", pointers[: len(pointers) // 2 * 2]):
                try:
                    yield self._row(page, begin)
                except (IndexError, struct.error):  # it ends where it must not
                    continue

    def _read_log(self, log: bytes) -> None:
        salts = log[16:24]
        frame = _FRAME_HEADER + self._size
        waiting: dict[int, bytes] = {}
        for begin in range(_LOG_HEADER, len(log) - frame + 1, frame):
            number, pages_after_commit = struct.unpack_from(">II", log, begin)
            if log[begin + 8 : begin + 16] != salts:  # from an earlier round of the log
                break
            waiting[number] = log[begin + _FRAME_HEADER : begin + frame]
            if pages_after_commit:
                self._newer |= waiting
                waiting = {}

    def _row(self, page: bytes, begin: int) -> tuple[int, list[Any]]:
        size, begin = _varint(page, begin)
        number, begin = _varint(page, begin)
        most = self._size - 35
        if size <= most:
            return number, _columns(page[begin : begin + size])
        if size > min(_MAX_ROW, len(self._data) + self._size * len(self._newer)):
            raise IndexError
        least = (self._size - 12) * 32 // 255 - 23
        local = least + (size - least) % (self._size - 4)
        local = least if local > most else local
        parts = [page[begin : begin + local]]
        (following,) = struct.unpack_from(">I", page, begin + local)
        for _ in range(-((local - size) // (self._size - 4))):
            page = self.page(following)
            (following,) = struct.unpack_from(">I", page)
            parts.append(page[4:])
        return number, _columns(b"".join(parts)[:size])


def _varint(data: bytes, begin: int) -> tuple[int, int]:
    value = 0
    for at in range(begin, begin + 8):
        value = value << 7 | data[at] & 0x7F
        if data[at] < 0x80:
            return value, at + 1
    return value << 8 | data[begin + 8], begin + 9


def _columns(record: bytes) -> list[Any]:
    end_of_header, at = _varint(record, 0)
    kinds = []
    while at < end_of_header:
        kind, at = _varint(record, at)
        kinds.append(kind)
    columns: list[Any] = []
    for kind in kinds:
        size = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)[kind] if kind < 12 else (kind - 12) // 2
        data = record[at : at + size]
        at += size
        if kind >= 12:
            columns.append(data.decode(errors="replace") if kind % 2 else data)
        elif kind in {0, 7, 10, 11}:  # none of these tables' columns are null or float
            columns.append(None)
        else:
            columns.append(kind - 8 if kind in {8, 9} else int.from_bytes(data, signed=True))
    return columns
