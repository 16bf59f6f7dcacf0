"""Files that take the place of earlier ones once they are complete."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from nnhp._checks import as_path


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give the path of a new file, which takes the place of an earlier one at the end.

    By then it is on the disk, with the earlier file's permissions. Of an error nothing is left, and
    the earlier file stays. A device or a pipe is given as it is.

    Parameters
    ----------
    path : str or path-like
        Of the earlier file, or that there will be; its folder must be there.

    Yields
    ------
    part : Path
        Of the same name, for the endings of names that tell of formats.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    given = as_path(path)
    if given.exists() and not given.is_file():
        with _naming(given):
            yield given  # not resolved: what a pipe's name in /dev/fd leads to is no path
        return
    target = given.resolve()
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    try:
        beside = TemporaryDirectory(".part", ".nnhp-", target.parent)
    except OSError as error:
        error.filename = str(path)
        raise
    with _naming(given), beside as folder:
        part = Path(folder, target.name)
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let errors of the system that name no file, as that of a full disk, name this one."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise
