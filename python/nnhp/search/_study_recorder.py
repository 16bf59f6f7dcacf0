"""Writing a study: one thread commits what a search records, in groups."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import threading
import time
import warnings
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, Self

from nnhp._caller import stacklevel
from nnhp.search import _study_file, _study_owner
from nnhp.search._study_file import StudyFile
from nnhp.search._study_rescue import open_to_write
from nnhp.search._study_values import dumps, loads, pack_arrays, unpack_arrays

GROUP_SECONDS = 0.05  # what is recorded within it is committed together
_MAX_PENDING = 10_000
_MAX_PENDING_BYTES = 1 << 26
_MAX_BLOB = 900_000_000  # SQLite's own limit is 1e9 bytes
_SHOWN = 24  # parts of a fingerprint up to this length are shown, longer ones are hashes
_PARAMS = "params"  # name among a checkpoint's arrays
_COPIES = (0, 1)  # of the row that has the seed, which cannot be computed again


class StudyLocked(RuntimeError):  # noqa: N818 - it is a state, not a mistake
    """Another process that still lives, or another search of this one, writes the same study."""


class StudyDiffers(ValueError):  # noqa: N818 - it is a state, not a mistake
    """A file has no study of the search that shall go on.

    Attributes
    ----------
    path : str
        Of the file.
    number : int
        Of its study that has most in common with the search.
    differences : dict of str to tuple of str
        Parts of the fingerprint that differ: what the study has, and what the search has.
    """

    def __init__(self, path: str, number: int, differences: Mapping[str, tuple[str, str]]) -> None:
        self.path, self.number, self.differences = path, number, dict(differences)
        super().__init__(path, number, differences)

    def __str__(self) -> str:
        shown = [
            f"{part} ({there} there, {here} here)" if self.is_short(part) else part
            for part, (there, here) in self.differences.items()
        ]
        return (
            f"{self.path} has no study of this search to resume. Its study {self.number} differs "
            f"in: {', '.join(shown)}."
        )

    def is_short(self, part: str) -> bool:
        """Whether a part's values are texts to show, and not hashes."""
        return max(map(len, self.differences[part])) <= _SHOWN


class _Fold(NamedTuple):
    candidate: int
    params: Mapping[str, Any]
    resource: int
    fold: int
    payload: dict[str, Any]


class _Checkpoint(NamedTuple):
    candidate: int
    fold: int
    content: bytes


def studies_of(file: StudyFile) -> dict[str, dict[str, Any]]:
    """What a file's studies are, by their keys, in the order in which they were started."""
    found = {row.keys[0]: loads(row.content) for row in file.rows("studies")}
    return dict(sorted(found.items(), key=lambda entry: entry[1]["number"]))


class Recorder:
    """The record of one search: what an earlier run of it left, and what this one adds.

    One thread uses it, as a context manager. `record` returns at once; a fold counts as reported
    once it is committed. What is given to it must not be changed afterwards.

    Parameters
    ----------
    path : str
        Of the file, which may have other studies.
    fingerprint : mapping of str to str
        Parts of what makes two searches the same. The study that has the same is continued.
    seed : int or None
        Part of the fingerprint; None draws one when the study starts.
    resume : bool, default=False
        Whether such a study must be there.
    parameters : collection of str or None, default=None
        Those that enqueued settings may have, where a study starts with them; None is any.

    Attributes
    ----------
    seed : int
        The one given or drawn.
    enqueued : list of dict
        Settings to try first, fixed when the study started.
    finished : bool
        Whether `finish` was called, perhaps by an earlier run.
    committed : int
        Folds of this study in the file.

    Raises
    ------
    StudyLocked
        The study has a writer that lives.
    ValueError
        The file is something else, or has no such study to resume; or one would start with an
        enqueued setting of other parameters.
    OSError
        The file cannot be opened or written. What was committed stays.
    """

    def __init__(
        self,
        path: str,
        fingerprint: Mapping[str, str],
        *,
        seed: int | None,
        resume: bool = False,
        parameters: Collection[str] | None = None,
    ) -> None:
        self.path = path
        self._parameters = parameters
        if resume and not Path(path).exists():
            raise FileNotFoundError(f"There is no study to resume: {path}")
        self._pid = os.getpid()
        self._pending: deque[_Fold | _Checkpoint | threading.Event] = deque()
        self._pending_bytes = 0
        self._wake, self._hurry = threading.Event(), threading.Event()
        self._closing = self._closed = False
        self._error: Exception | None = None
        self._kept: dict[tuple[int, int, int], bytes] = {}
        self._checkpoints: set[tuple[int, int]] = set()  # there are such of these
        self._owner = _study_owner.new_owner()
        self._file = open_to_write(path)
        try:
            wanted = {"seed": "drawn" if seed is None else str(seed), **fingerprint}
            self._study, self._entry = self._enter(wanted, seed, resume=resume)
            with _study_file.lock:
                for row in self._file.rows("folds"):
                    if row.keys[0] == self._study:
                        self._kept[row.keys[1:]] = row.content
                for keys in self._file.keys("checkpoints", study=self._study):
                    self._checkpoints.add(keys[1:])
                n_enqueued = len(list(self._file.rows("queue")))
                self._file.set_aside()
        except BaseException as error:
            _study_owner.open_tokens.discard(self._owner["token"])
            self._file.close()
            if isinstance(error, sqlite3.Error):
                raise _study_file.as_os_error(path, error) from error
            raise
        self.seed: int = self._entry["seed"]
        self.enqueued: list[dict[str, Any]] = self._entry["enqueued"]
        self.finished: bool = self._entry["summary"] is not None
        self.committed = len(self._kept)
        if n_enqueued > len(self.enqueued):
            warnings.warn(
                f"{n_enqueued - len(self.enqueued)} settings were enqueued in {path} after its "
                f"study {self._entry['number']} had started, which goes on without them.",
                UserWarning,
                stacklevel=stacklevel(),
            )
        self._thread = threading.Thread(target=self._write, name="nnhp-study", daemon=True)
        try:
            self._thread.start()
        except BaseException:
            self._closing = True  # one that starts all the same ends at once
            _study_owner.open_tokens.discard(self._owner["token"])
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.close()
        if kind is None and self._error is not None:
            raise self._error

    def lookup(
        self, candidate: int, params: Mapping[str, Any], resource: int, fold: int
    ) -> dict[str, Any] | None:
        """What an earlier run recorded for a fold of these parameters, or None.

        The same number may have stood for others: another NumPy or SciPy draws them otherwise.
        """
        content = self._kept.get((candidate, resource, fold))
        if content is None or not content.startswith(_beginning(dumps(dict(params)))):
            return None
        payload: dict[str, Any] = loads(content)["payload"]
        return payload

    def record(
        self,
        candidate: int,
        params: Mapping[str, Any],
        resource: int,
        fold: int,
        payload: dict[str, Any],
    ) -> None:
        """Hand a fold's result to the writer."""
        self._check()
        self._pending.append(_Fold(candidate, params, resource, fold, payload))
        if not self._wake.is_set():
            self._wake.set()
        if len(self._pending) > _MAX_PENDING:
            self.flush()

    def flush(self) -> None:
        """Wait until all that was recorded is committed."""
        self._check()
        done = threading.Event()
        self._pending.append(done)
        self._hurry.set()
        self._wake.set()
        while not done.wait(0.1) and self._thread.is_alive():
            pass
        self._check()

    def save_checkpoint(
        self,
        candidate: int,
        params: Mapping[str, Any],
        fold: int,
        epoch: int,
        arrays: Mapping[str, Any],
    ) -> None:
        """Keep the state of a session, in the place of an earlier one of the same fold.

        A checkpoint only saves time: one that is too large for SQLite (0.9 GB) is not kept.

        Parameters
        ----------
        candidate : int
            Its number.
        params : mapping
            Its parameters, without the resource.
        fold : int
            Which of its sessions.
        epoch : int
            Epochs it has behind it.
        arrays : mapping of str to array, scalar, str, None, or lists, tuples, dicts of these
            Copied before the call returns.
        """
        self._check()
        content = pack_arrays(epoch, {**arrays, _PARAMS: dumps(dict(params)).decode()})
        if len(content) > _MAX_BLOB:
            return
        self._checkpoints.add((candidate, fold))
        self._pending.append(_Checkpoint(candidate, fold, content))
        self._pending_bytes += len(content)
        self._wake.set()
        if self._pending_bytes > _MAX_PENDING_BYTES:
            self.flush()
            self._pending_bytes = 0

    def load_checkpoint(
        self, candidate: int, params: Mapping[str, Any], fold: int
    ) -> tuple[int, dict[str, Any]] | None:
        """Epoch and arrays of the last checkpoint of a fold of these parameters, or None."""
        if (candidate, fold) not in self._checkpoints:
            return None
        self.flush()
        keys = {"study": self._study, "candidate": int(candidate), "fold": int(fold)}
        with _study_file.lock:
            rows = list(self._file.rows("checkpoints", **keys))
            self._file.set_aside()
        if not rows:
            return None
        epoch, arrays = unpack_arrays(rows[-1].content)
        return (epoch, arrays) if arrays.pop(_PARAMS) == dumps(dict(params)).decode() else None

    def finish(self, summary: dict[str, Any]) -> None:
        """Mark the study as finished and drop its checkpoints.

        Parameters
        ----------
        summary : dict
            Of the best candidate: 'candidate', 'params' and 'score'.
        """
        self.flush()
        self._entry["summary"] = summary
        content = dumps({**self._entry, "summary": summary})
        try:
            with self._file.transaction():
                self._show_life()
                self._file.delete("studies", study=self._study)
                self._insert_copies(self._study, content, _COPIES)
                self._file.delete("checkpoints", study=self._study)
        except sqlite3.Error as error:
            raise _study_file.as_os_error(self.path, error) from error
        self.finished = True

    def close(self) -> None:
        """Commit what is left and close the file; of errors only `__exit__` tells."""
        if self._closed or os.getpid() != self._pid:
            return
        try:
            self._closing = True
            self._hurry.set()
            self._wake.set()
            self._thread.join()
            # Where the disk is full its row stays, as that of a dead writer.
            with contextlib.suppress(sqlite3.Error), self._file.transaction():
                writer = self._writer(self._study)
                if writer is not None and writer["token"] == self._owner["token"]:
                    self._file.delete("writers", study=self._study)
        finally:
            _study_owner.open_tokens.discard(self._owner["token"])
            self._closed = True
            if not self._thread.is_alive():  # else interrupted: what it still has, it commits
                self._file.close(checkpoint=True)
            # Python has a weak reference to it, and a Ctrl-C that is met by such a one's callback
            # is lost: not later, together with all that a search held, which takes long.
            del self._thread

    def _enter(
        self, fingerprint: dict[str, str], seed: int | None, *, resume: bool
    ) -> tuple[str, dict[str, Any]]:
        """Find or start the study and become its only writer, in one transaction."""
        beat, since = None, time.monotonic()
        while True:
            with self._file.transaction():
                study, entry = self._find(fingerprint, seed, resume=resume)
                writer = self._writer(study)
                lives = False if writer is None else _study_owner.lives(writer)
                if writer is not None and lives is None:  # on another host: does its beat go on?
                    now = time.monotonic()
                    if writer["beat"] == beat:
                        lives = None if now - since < _study_owner.PATIENCE_SECONDS else False
                    elif beat is not None:
                        lives = True
                    beat = writer["beat"]
                if writer is not None and lives:
                    raise StudyLocked(
                        f"Study {entry['number']} of {self.path} is being written by process "
                        f"{writer['pid']} on {writer['host']}: wait for it, or give another path."
                    )
                if lives is False:
                    _study_owner.open_tokens.add(self._owner["token"])
                    self._set_writer(study)
                    return study, entry
            time.sleep(_study_owner.PATIENCE_SECONDS / 24)

    def _find(
        self, fingerprint: dict[str, str], seed: int | None, *, resume: bool
    ) -> tuple[str, dict[str, Any]]:
        studies = studies_of(self._file)
        for study, entry in studies.items():
            if entry["fingerprint"] == fingerprint:
                copies = [row.keys[1] for row in self._file.rows("studies", study=study)]
                self._insert_copies(study, dumps(entry), set(_COPIES).difference(copies))
                return study, entry
        if resume and not studies:
            raise ValueError(f"{self.path} has no search to resume: it has no study at all.")
        if resume:
            nearest = min(studies.values(), key=lambda entry: len(_differing(fingerprint, entry)))
            raise StudyDiffers(self.path, nearest["number"], _differing(fingerprint, nearest))
        queue = [loads(row.content) for row in self._file.rows("queue")]
        if self._parameters is not None:
            _check_parameters(self.path, queue, self._parameters)
        entry = {
            "number": 1 + max((entry["number"] for entry in studies.values()), default=0),
            "fingerprint": fingerprint,
            "seed": secrets.randbelow(2**32) if seed is None else int(seed),
            "enqueued": queue,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "summary": None,
        }
        # From all that its folds depend on: where this row is lost, a search with a seed of its own
        # finds them again, and one that has to draw another does not.
        identity = dumps([fingerprint, entry["seed"], queue])
        study = blake2b(identity, digest_size=8).hexdigest()
        self._insert_copies(study, dumps(entry), _COPIES)
        return study, entry

    def _insert_copies(self, study: str, content: bytes, copies: Iterable[int]) -> None:
        self._file.insert("studies", [((study, copy), content) for copy in copies])

    def _writer(self, study: str) -> dict[str, Any] | None:
        rows = list(self._file.rows("writers", study=study))
        return loads(rows[-1].content) if rows else None

    def _set_writer(self, study: str) -> None:
        self._file.delete("writers", study=study)
        self._file.insert("writers", [((study,), dumps(self._owner))])
        self._beaten = time.monotonic()

    def _show_life(self) -> None:
        """Make sure to be the writer still, and show it to other hosts from time to time."""
        writer = self._writer(self._study)
        if writer is not None and writer["token"] != self._owner["token"]:
            raise StudyLocked(
                f"Process {writer['pid']} on {writer['host']} took over study "
                f"{self._entry['number']} of {self.path}: this one was silent for too long."
            )
        if time.monotonic() - self._beaten >= _study_owner.BEAT_SECONDS:
            self._owner["beat"] += 1
            self._set_writer(self._study)

    def _check(self) -> None:
        if os.getpid() != self._pid:
            raise RuntimeError(f"This study is open in process {self._pid}, not in a child of it.")
        if self._error is not None:
            raise self._error
        if self._closing:
            raise RuntimeError("This study has been closed.")

    def _write(self) -> None:
        """The writer thread: commits groups until the end, or until the first error."""
        while self._error is None and not (self._closing and not self._pending):
            if self._wake.wait(_study_owner.BEAT_SECONDS):
                self._hurry.wait(GROUP_SECONDS)
            self._hurry.clear()
            self._wake.clear()
            group = [self._pending.popleft() for _ in range(len(self._pending))]
            try:
                self._commit_group(group)
            except sqlite3.Error as error:
                self._error = _study_file.as_os_error(self.path, error)
                self._error.__cause__ = error
            except Exception as error:  # whatever it is, the caller gets it
                self._error = error
            for entry in group:
                if isinstance(entry, threading.Event):
                    entry.set()

    def _commit_group(self, group: list[_Fold | _Checkpoint | threading.Event]) -> None:
        folds = [entry for entry in group if isinstance(entry, _Fold)]
        checkpoints = {
            (entry.candidate, entry.fold): entry.content
            for entry in group
            if isinstance(entry, _Checkpoint)
        }
        idle = not folds and not checkpoints
        if idle and time.monotonic() - self._beaten < _study_owner.BEAT_SECONDS:
            return
        encoded = [
            ((self._study, int(fold.candidate), int(fold.resource), int(fold.fold)), content)
            for fold, content in zip(folds, map(_encode, folds), strict=True)
        ]
        with self._file.transaction():
            self._show_life()
            self._file.insert("folds", encoded)
            for (candidate, fold), content in checkpoints.items():
                keys = {"study": self._study, "candidate": int(candidate), "fold": int(fold)}
                self._file.delete("checkpoints", **keys)
                self._file.insert("checkpoints", [(tuple(keys.values()), content)])
        self.committed += len(folds)


def _encode(fold: _Fold) -> bytes:
    return _beginning(dumps(dict(fold.params))) + dumps(fold.payload) + b"}"


def _beginning(params: bytes) -> bytes:
    """Of a fold's record, up to what became of it."""
    return b'{"params":%s,"payload":' % params


def _check_parameters(path: str, queue: list[dict[str, Any]], known: Collection[str]) -> None:
    """Raise ValueError, before a study has started with it, for a setting that is not for it."""
    for setting in queue:
        for name in setting:
            if name not in known:
                close = [other for other in known if other.endswith(f"__{name}")]
                meant = f" (did you mean {close[0]!r}?)" if close else ""
                raise ValueError(
                    f"The setting {setting!r}, which is enqueued in {path}, has a parameter that "
                    f"this search cannot set: {name!r}{meant}. Study({path!r}).dequeue() takes "
                    "all settings out of the queue."
                )


def _differing(wanted: Mapping[str, str], entry: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Parts of a fingerprint that a study has otherwise, and what it has and what is wanted."""
    kept = entry["fingerprint"]
    return {
        part: (kept.get(part, "none"), wanted.get(part, "none"))
        for part in {**wanted, **kept}
        if wanted.get(part) != kept.get(part)
    }
