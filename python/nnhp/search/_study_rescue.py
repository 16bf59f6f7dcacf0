"""Opening a file of studies, and rebuilding one whose structure is broken.

The rebuilt file has all rows that can still be read; the broken one stays beside it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import sqlite3
import warnings
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from nnhp._caller import stacklevel
from nnhp.search import _study_file
from nnhp.search._study_file import (
    APPLICATION_ID,
    KEYS,
    PAGE_SIZE,
    BrokenFileError,
    Row,
    StudyDamagedWarning,
    StudyFile,
    checked,
    listed,
)
from nnhp.search._study_owner import lives
from nnhp.search._study_pages import Pages
from nnhp.search._study_values import loads

_NO_DATABASE = "{} is not an SQLite database, so it cannot be a study."
_LEAST_SIZE = 100  # of a database that is not empty
_MAGIC = b"SQLite format 3\x00"
_SIDE_FILES = ("-wal", "-shm", "-journal")


def open_to_write(path: str) -> StudyFile:
    """Open a file of studies, create it, or rebuild it.

    Raises
    ------
    ValueError
        It is something else.
    OSError
        It cannot be opened, created or written there.
    """
    place = Path(path)
    if not place.absolute().parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "The folder of the study does not exist", path)
    _check_kind(place)
    if not _writable(place):
        raise PermissionError(errno.EACCES, "The study or its folder cannot be written", path)
    file = _open(path, "mode=rwc")
    try:
        _study_file.prepare_to_write(file)
    except sqlite3.Error as error:
        file.close()
        raise _study_file.as_os_error(path, error) from error
    return file


def open_to_read(path: str) -> StudyFile:
    """Open a file of studies that exists; a broken one is rebuilt first.

    Raises
    ------
    ValueError
        It is something else, or broken where nothing can be written.
    OSError
        It does not exist, or cannot be opened.
    """
    place = Path(path)
    if not place.exists():
        raise FileNotFoundError(errno.ENOENT, "There is no study", path)
    _check_kind(place)
    if not os.access(place, os.R_OK):
        raise PermissionError(errno.EACCES, "The study cannot be read", path)
    if _writable(place):
        file = _open(path, "mode=rw")
    else:
        try:
            file = _open(path, "mode=ro")
        except OSError:  # SQLite cannot put its log there, so nobody writes the file
            file = _open(path, "mode=ro&immutable=1")
    if _study_file.is_new(file.connection, path):
        file.close()
        file = StudyFile(path, _study_file.connect(path, "mode=memory"))
        _study_file.create_tables(file.connection)
    return file


def _check_kind(place: Path) -> None:
    if place.is_dir():
        raise IsADirectoryError(errno.EISDIR, "A study is a file, and this is a folder", str(place))
    if place.exists() and not place.is_file():
        raise ValueError(f"{place} is not a file, so it cannot be a study.")
    if place.exists() and 0 < place.stat().st_size < _LEAST_SIZE:  # SQLite overwrites single bytes
        raise ValueError(_NO_DATABASE.format(place))


def _writable(place: Path) -> bool:
    if place.exists() and not os.access(place, os.W_OK):
        return False
    return os.access(place.absolute().parent, os.W_OK)


def _open(path: str, options: str) -> StudyFile:
    with _study_file.lock:
        try:
            return _open_sound(path, options)
        except BrokenFileError as error:
            if not _writable(Path(path)):
                raise ValueError(f"{path} is damaged or is no study: {error}.") from error
            _rebuild(path)
            return _open_sound(path, options)


def _open_sound(path: str, options: str) -> StudyFile:
    try:
        file = StudyFile(path, _study_file.connect(path, options))
    except sqlite3.Error as error:
        raise _study_file.as_os_error(path, error) from error
    try:
        if not _study_file.is_new(file.connection, path):
            _study_file.check_structure(file.connection)
    except BaseException as error:
        file.close()
        if isinstance(error, sqlite3.Error):
            raise _study_file.as_os_error(path, error) from error
        raise
    return file


def _rebuild(path: str) -> None:
    """Put a sound file with the rows that can be read in the place of a broken one."""
    with _alone_in(Path(path).absolute().parent):
        try:
            _open_sound(path, "mode=rw").close()
        except BrokenFileError as error:
            reason = str(error)
        else:
            return  # another process has just rebuilt it
        same = Path(path).resolve()
        if any(Path(file.path).resolve() == same for file in _study_file.open_files):
            raise OSError(errno.EBUSY, f"The study is damaged ({reason}) while in use here", path)
        _check_origin(path)
        fresh = f"{path}-rebuilt"
        _remove(fresh, *(fresh + suffix for suffix in _SIDE_FILES))  # of one that was killed
        try:
            lost = _copy_rows(path, fresh)
            aside = _set_aside(path)
            Path(fresh).replace(path)
        except sqlite3.Error as error:
            raise _study_file.as_os_error(path, error) from error
        finally:
            _remove(fresh)
        warnings.warn(
            f"{path} was damaged ({reason}) and has been rebuilt from the rows that are whole. "
            f"Seen to be missing: {lost or 'none'}; such count as never recorded. The damaged file "
            f"is kept as {aside}.",
            StudyDamagedWarning,
            stacklevel=stacklevel(),
        )


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes from rebuilding in the same folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without such locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _check_origin(path: str) -> None:
    """Raise ValueError where nothing tells that this was ever a file of studies."""
    with Path(path).open("rb") as file:
        head, more = file.read(PAGE_SIZE), file.read(1)
    # What is left of a header: the text it begins with, or the mark amid bytes that no text has.
    marked = head[68:72] == APPLICATION_ID.to_bytes(4) and b"\0" in head
    erased = not any(head) and more
    if not (head.startswith(_MAGIC) or marked or erased):
        raise ValueError(_NO_DATABASE.format(path))


def _copy_rows(path: str, fresh: str) -> str:
    """Copy the intact rows into a new database and name the folds that are missing."""
    intact: dict[str, dict[tuple[Any, ...], Row]] = {table: {} for table in KEYS}
    damaged: list[tuple[str, Row]] = []
    for number, columns in Pages(path, PAGE_SIZE).rows():
        fitting = [table for table in KEYS if len(KEYS[table]) + 2 == len(columns)]
        for table in fitting:
            row, right = checked(table, number, columns)
            if right:
                intact[table][row.keys or (number,)] = row
                break
        else:
            damaged += [
                (table, Row(number, tuple(columns[:-2]), columns[-2])) for table in fitting[:1]
            ]
    for row in intact["writers"].values():
        writer = loads(row.content)
        if lives(writer):
            raise OSError(errno.EBUSY, f"It is damaged, and process {writer['pid']} uses it", path)
    del intact["checkpoints"]  # an old one may have turned up, and they only save time
    with StudyFile(path, _study_file.connect(fresh, "mode=rwc")) as file, file.transaction():
        _study_file.create_tables(file.connection)
        for table, rows in intact.items():
            ordered = sorted(rows.values(), key=lambda row: row.number)
            file.insert(table, ((row.keys, row.content) for row in ordered))
        file.insert_damaged(damaged)
    return listed(f"folds row {number}" for number in _missing(intact["folds"].values()))


def _missing(rows: Iterable[Row]) -> list[int]:
    """Numbers that are not there; those of the rows are not covered by checksums."""
    numbers = {row.number for row in rows}
    credible = {number for number in numbers if number <= 2 * len(numbers) + 1000}
    return sorted(set(range(1, max(credible, default=0))) - credible)


def _set_aside(path: str) -> str:
    """Give the broken file and its log another name."""
    aside = next(name for n in count(1) if not Path(name := f"{path}.damaged-{n}").exists())
    for suffix in ("", "-wal"):
        if Path(path + suffix).exists():
            try:
                os.link(path + suffix, aside + suffix)
            except OSError:  # a file system without hard links
                shutil.copy2(path + suffix, aside + suffix)
    _remove(*(path + suffix for suffix in _SIDE_FILES))  # they would be taken for the new file's
    return aside


def _remove(*names: str) -> None:
    for name in names:
        Path(name).unlink(missing_ok=True)
