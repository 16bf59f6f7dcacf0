"""The file of studies: one SQLite database whose rows all carry a checksum.

SQLite itself does not notice most flipped bits. A row whose checksum is wrong is set aside in the
table ``damaged``; where SQLite's own structure is broken, the file is rebuilt (`_study_rescue`).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import sqlite3
import threading
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import quote

from nnhp._caller import stacklevel

APPLICATION_ID = 0x6E6E6870  # "nnhp"
VERSION = 1
PAGE_SIZE = 4096

# The columns that say what a row is about; each table has its content and a checksum besides.
KEYS: dict[str, dict[str, str]] = {
    "studies": {"study": "TEXT", "copy": "INTEGER"},
    "folds": {"study": "TEXT", "candidate": "INTEGER", "resource": "INTEGER", "fold": "INTEGER"},
    "checkpoints": {"study": "TEXT", "candidate": "INTEGER", "fold": "INTEGER"},
    "queue": {},
    "writers": {"study": "TEXT"},
    "damaged": {"name": "TEXT"},
}


def _create_table(table: str) -> str:
    columns = {**KEYS[table], "content": "BLOB", "checksum": "BLOB"}
    return f"CREATE TABLE {table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})"


SCHEMA = {table: _create_table(table) for table in KEYS}

_BUSY_SECONDS = 60.0
_NAMED = 8  # so many damaged rows are named in a warning
_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "beegfs", "gpfs"}

# Held by a thread while it uses SQLite: a child of fork would otherwise find SQLite's own locks
# as another thread held them.
lock = threading.RLock()
open_files: set[StudyFile] = set()


def _abandon() -> None:
    # SQLite's connections must not be used, nor even closed, in a child.
    for file in open_files:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(file.connection))
    open_files.clear()
    lock.release()


os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=_abandon)


class StudyDamagedWarning(UserWarning):
    """A part of a study's file was damaged; what it held counts as never recorded."""


class BrokenFileError(Exception):
    """SQLite's structure is broken somewhere; rows may still be readable."""


class Row(NamedTuple):
    """A row, whole: what it is about, and what it holds."""

    number: int
    keys: tuple[Any, ...]
    content: bytes


def _commit(connection: sqlite3.Connection) -> None:
    """All that is ever written becomes durable here and nowhere else."""
    connection.execute("COMMIT")


def checksum(table: str, keys: tuple[Any, ...], content: bytes) -> bytes:
    """Digest of a whole row."""
    digest = blake2b(f"{table}{keys!r}".encode(), digest_size=16)
    digest.update(content)
    return digest.digest()


class StudyFile:
    """An open file of studies; one thread at a time uses it, under `lock`.

    Parameters
    ----------
    path : str
        Of the database.
    connection : sqlite3.Connection
        To it, in autocommit mode.
    """

    def __init__(self, path: str, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection
        self.damaged: list[tuple[str, Row]] = []  # with their table
        self._pid = os.getpid()
        open_files.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all that is done inside, or nothing of it."""
        with lock:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                _commit(self.connection)
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back by itself
                    self.connection.execute("ROLLBACK")
                raise

    def insert(self, table: str, rows: Iterable[tuple[tuple[Any, ...], bytes]]) -> None:
        """Add rows of keys and content."""
        places = ", ".join("?" * (len(KEYS[table]) + 2))
        self.connection.executemany(
            f"INSERT INTO {table} VALUES ({places})",
            [(*keys, content, checksum(table, keys, content)) for keys, content in rows],
        )

    def delete(self, table: str, **keys: Any) -> None:
        """Delete the rows with these keys."""
        self.connection.execute(
            f"DELETE FROM {table} WHERE {' AND '.join(f'{key} = ?' for key in keys)}",
            tuple(keys.values()),
        )

    def rows(self, table: str, **keys: Any) -> Iterator[Row]:
        """Intact rows in the order in which they were added; others are noted in `damaged`.

        With `keys` only the rows that have them, which a damaged one may not.
        """
        where = " AND ".join([f"{key} = ?" for key in keys] or ["true"])
        query = f"{_select(table)} WHERE {where} ORDER BY rowid"
        for number, *found in self.connection.execute(query, tuple(keys.values())):
            row, intact = checked(table, number, found)
            if intact:
                yield row
            else:
                self.damaged.append((table, row))

    def keys(self, table: str, **keys: Any) -> list[tuple[Any, ...]]:
        """Keys of the rows that have these ones, without a look at what the rows hold."""
        names = ", ".join(KEYS[table])
        where = " AND ".join(f"{key} = ?" for key in keys)
        query = f"SELECT {names} FROM {table} WHERE {where}"
        return list(self.connection.execute(query, tuple(keys.values())))

    def set_aside(self) -> None:
        """Move the damaged rows met so far to their table, and warn."""
        if self.damaged:
            with self.transaction():
                for table, row in self.damaged:
                    query = f"{_select(table)} WHERE rowid = ?"
                    found = self.connection.execute(query, (row.number,)).fetchone()
                    if found is not None and not checked(table, found[0], found[1:])[1]:
                        self.delete(table, rowid=row.number)
                        self.insert_damaged([(table, row)])
        self.warn("The rows are now in its table 'damaged'")

    def insert_damaged(self, damaged: Iterable[tuple[str, Row]]) -> None:
        """Keep damaged rows, of whatever table and types, under their names."""
        self.insert(
            "damaged", [((_name(*entry),), _as_bytes(entry[1].content)) for entry in damaged]
        )

    def warn(self, told: str = "They stay where they are until a search writes to it") -> None:
        """Name the damaged rows met so far, if there are any, and forget them."""
        if self.damaged:
            names = listed(dict.fromkeys(_name(*entry) for entry in self.damaged))
            self.damaged = []
            warnings.warn(
                f"{self.path} is damaged: {names}. {told}; what they held counts as never "
                "recorded.",
                StudyDamagedWarning,
                stacklevel=stacklevel(),
            )

    def close(self, *, checkpoint: bool = False) -> None:
        """Close it; in a child of fork, where it must not be touched, do nothing.

        With `checkpoint` all is written to the one file even while others have it open, unless
        they are just reading it. The last one to close removes the side files.
        """
        if os.getpid() != self._pid:
            return
        with lock:
            open_files.discard(self)
            if checkpoint:
                with contextlib.suppress(sqlite3.Error):  # a full disk: the log stays, whole
                    self.connection.execute("PRAGMA busy_timeout = 100")
                    self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self.connection.close()


def _select(table: str) -> str:
    return f"SELECT {', '.join(['rowid', *KEYS[table], 'content', 'checksum'])} FROM {table}"


def checked(table: str, number: int, found: Sequence[Any]) -> tuple[Row, bool]:
    """A row from its number and columns, and whether its checksum is right."""
    *keys, content, kept = found
    row = Row(number, tuple(keys), content)
    return row, type(content) is bytes and kept == checksum(table, row.keys, content)


def _name(table: str, row: Row) -> str:
    keys = [f"{key} {value}" for key, value in zip(KEYS[table], row.keys, strict=True)]
    return " ".join([f"{table} row {row.number}", *([f"({', '.join(keys)})"] if keys else [])])


def listed(names: Iterable[str]) -> str:
    """The first of the names, and how many more there are."""
    names = list(names)
    rest = [f"and {len(names) - _NAMED} more"] if len(names) > _NAMED else []
    return "; ".join(names[:_NAMED] + rest)


def _as_bytes(content: Any) -> bytes:
    return content if isinstance(content, bytes) else repr(content).encode()


def _shows_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite found its structure broken."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB} or "file format" in str(error)


def as_os_error(path: str, error: sqlite3.Error) -> OSError:
    """What SQLite says of the file, as the error that the system would raise."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    number, kept = {
        sqlite3.SQLITE_FULL: (errno.ENOSPC, True),
        sqlite3.SQLITE_READONLY: (errno.EROFS, True),
        sqlite3.SQLITE_CANTOPEN: (errno.EACCES, False),
        sqlite3.SQLITE_BUSY: (errno.EAGAIN, True),
    }.get(code, (errno.EIO, True))
    stays = "; what was recorded before stays in it" if kept else ""
    return OSError(number, f"The study cannot be used: {error}{stays}", path)


def connect(path: str, options: str = "mode=rw") -> sqlite3.Connection:
    """Open a database in autocommit mode; texts that are not UTF-8 are read all the same."""
    connection = sqlite3.connect(
        f"file:{quote(os.fsencode(Path(path).absolute()))}?{options}",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.text_factory = lambda text: text.decode(errors="replace")
    return connection


def is_new(connection: sqlite3.Connection, path: str) -> bool:
    """Whether the database is empty; raises where it is neither that nor a file of studies.

    Raises
    ------
    ValueError
        It belongs to another program, or to a later version of this one.
    BrokenFileError
        Its first page is damaged, or it is no database at all.
    """
    with damage_found():
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        tables = dict(connection.execute("SELECT name, sql FROM sqlite_master"))
    if not tables and application == 0:
        return True
    if application != APPLICATION_ID and tables != SCHEMA:
        raise ValueError(f"{path} is the database of another program, not a study.")
    if application == APPLICATION_ID and version > VERSION:
        raise ValueError(
            f"{path} was written by a later version of nnhp (its format is {version}, this one "
            f"knows {VERSION}): upgrade nnhp, or give another path."
        )
    if (application, version, tables) != (APPLICATION_ID, VERSION, SCHEMA):
        raise BrokenFileError("its first page is not as it was written")
    return False


def check_structure(connection: sqlite3.Connection) -> None:
    """Read the whole file; raises BrokenFileError where SQLite's structure is broken."""
    with damage_found():
        connection.execute("PRAGMA cell_size_check = ON")
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        for table in SCHEMA:  # the check does not look into the rows
            connection.execute(f"SELECT max(length(checksum)) FROM {table}").fetchone()
    if found != "ok":
        raise BrokenFileError(found.splitlines()[-1])


@contextlib.contextmanager
def damage_found() -> Iterator[None]:
    """Raise BrokenFileError where SQLite finds its structure broken."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if _shows_damage(error):
            raise BrokenFileError(str(error)) from error
        raise
    except UnicodeDecodeError as error:  # SQLite quotes a damaged name
        raise BrokenFileError("its tables have damaged names") from error


def create_tables(connection: sqlite3.Connection) -> None:
    """Make an empty database a file of studies; inside of a transaction."""
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    for statement in SCHEMA.values():
        connection.execute(statement)


def prepare_to_write(file: StudyFile) -> None:
    """Choose the journal, and create the tables of a new file."""
    file.connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    _choose_journal(file)
    file.connection.execute("PRAGMA synchronous = FULL")
    with file.transaction():
        if is_new(file.connection, file.path):
            create_tables(file.connection)


def _choose_journal(file: StudyFile) -> None:
    kind = _file_system(Path(file.path))
    wanted = "delete" if kind in _NETWORK else "wal"
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            (mode,) = file.connection.execute(f"PRAGMA journal_mode = {wanted}").fetchone()
        except sqlite3.OperationalError:  # another process changes it just now
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            break
    if mode != "wal":
        warnings.warn(
            f"{file.path} is on a file system ({kind}) where SQLite has no write-ahead log; the "
            "study uses a rollback journal, which is slower.",
            UserWarning,
            stacklevel=stacklevel(),
        )


def _file_system(path: Path) -> str:
    """Type of the file system that holds `path`, '' where the system does not tell."""
    found, longest = "", -1
    folder = path.resolve().parent
    if _MOUNTS.exists():
        for line in _MOUNTS.read_text().splitlines():
            mounted, _, kind = line.partition(" - ")
            point = Path(mounted.split()[4])
            if folder.is_relative_to(point) and len(point.parts) >= longest:
                found, longest = kind.split()[0], len(point.parts)
    return found
