"""Who does a search's bundles: what is common to all executors, and `concurrent.futures`."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from pathlib import Path
from typing import Any, Protocol

import nnhp
from nnhp import _threads
from nnhp.search._executor_data import Content
from nnhp.search._executor_worker import do_errand, forget

_GOES_ON = "With a study, the same search goes on from where it was."


class WorkersLostError(RuntimeError):
    """There is nobody any more to do the work."""


class Workers(Protocol):
    """Processes that do errands.

    Attributes
    ----------
    lost : tuple of exception types
        What a future raises whose errand was lost.
    path : Path or None
        Of the file of data, for workers that see it; None where each was given its own.
    threads : int or None
        That an errand may take; None where the workers know it.
    """

    lost: tuple[type[BaseException], ...]
    path: Path | None
    threads: int | None

    def place(self, content: Content) -> None:
        """Bring the data to all workers, and to those that come later."""

    def n_workers(self) -> int:
        """How many there are now, each of which does one errand at a time."""

    def submit(self, packed: bytes) -> Future[bytes]:
        """Hand an errand to a worker, after those that were lost have come back.

        Raises
        ------
        WorkersLostError
            If none come back.
        """

    def died(self, error: BaseException) -> bool:
        """Whether an error among `lost` means that workers died; of this errand, if alone."""

    def agree(self) -> None:
        """Have all workers compute with the kernels of this process; ValueError if they cannot."""

    def close(self) -> None:
        """Take the data away."""


def workers_of(executor: Any, n_jobs: int | None) -> Workers:
    """The workers behind what `executor` may be.

    Raises
    ------
    TypeError
        If it is nothing of the kind.
    ImportError
        If Dask is asked for and not installed.
    """
    if isinstance(executor, Executor):
        return PoolWorkers(executor, n_jobs)
    named = isinstance(executor, str)
    if named or type(executor).__module__.partition(".")[0] == "distributed":
        if named and "://" not in executor:
            raise ValueError(f"executor must be an address such as 'tcp://...', got {executor!r}.")
        try:
            from nnhp.search._executor_dask import DaskWorkers
        except ImportError as error:
            raise ImportError(
                f"executor={executor!r} needs dask.distributed: pip install 'nnhp[dask]'."
            ) from error
        return DaskWorkers(executor, n_jobs)
    raise TypeError(
        "executor must be a concurrent.futures.Executor, a dask.distributed.Client, the address "
        f"of a Dask scheduler such as 'tcp://127.0.0.1:8786', or None; got {executor!r}."
    )


class PoolWorkers:
    """Workers of a `concurrent.futures.Executor`, which see the temporary files of this process.

    Parameters
    ----------
    executor : Executor
        The caller's, who shuts it down.
    n_jobs : int or None
        Threads of each errand; None shares those of this process out among the workers.
    """

    lost: tuple[type[BaseException], ...] = (BrokenExecutor, CancelledError)

    def __init__(self, executor: Executor, n_jobs: int | None) -> None:
        self._executor = executor
        self._own: Executor | None = None  # in the place of the caller's, which broke
        self._n_workers = int(getattr(executor, "_max_workers", 0)) or os.cpu_count() or 1
        self.path: Path | None = None
        self.threads: int | None = _threads.resolve(n_jobs)
        # Those in this process take turns, each with all threads.
        if n_jobs is None and not isinstance(executor, ThreadPoolExecutor):
            self.threads = max(self.threads // self._n_workers, 1)
        self._digest = ""
        self._folder = Path(tempfile.mkdtemp(prefix="nnhp-"))

    def place(self, content: Content) -> None:
        """Write the data where the workers see them."""
        self._take_away()
        self.path, self._digest = content.write(self._folder), content.digest

    def n_workers(self) -> int:
        """Those of the executor, whether they have begun or not."""
        return self._n_workers

    def submit(self, packed: bytes) -> Future[bytes]:
        """Hand an errand to a worker; of another pool, where a lost process broke this one."""
        try:
            return (self._own or self._executor).submit(do_errand, packed)
        except BrokenExecutor as error:
            self._replace(error)
            return self.submit(packed)
        except RuntimeError as error:  # concurrent.futures' own after a shutdown
            raise WorkersLostError(f"executor takes no more work: {error}. {_GOES_ON}") from error

    def _replace(self, error: BrokenExecutor) -> None:
        broken = self._own or self._executor
        if type(broken) is not ProcessPoolExecutor:
            raise WorkersLostError(
                f"{type(broken).__name__} is broken, and only a ProcessPoolExecutor can be "
                f"replaced. {_GOES_ON}"
            ) from error
        self._own = _like(broken)
        broken.shutdown(wait=False)

    def died(self, error: BaseException) -> bool:
        """A process did; the pool does not tell which. Nobody is left of one that was shut down."""
        if isinstance(error, CancelledError):
            raise WorkersLostError(
                f"executor has cancelled what it was given, as its shutdown may. {_GOES_ON}"
            ) from error
        return True

    def agree(self) -> None:
        """Workers of such executors have the environment that they were started with."""
        raise ValueError(
            "The workers of this executor compute with other kernels than this process: start "
            f"them with NNHP_ISA={nnhp.isa()}, or all with one that all machines have."
        )

    def close(self) -> None:
        """Remove the data, and the pool that replaced the caller's."""
        if self._own is not None:
            self._own.shutdown(wait=False, cancel_futures=True)
        self._take_away()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _take_away(self) -> None:
        """Remove the data, and what this process made of them for workers that are its threads."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
            forget(self._digest)


def _like(pool: ProcessPoolExecutor) -> ProcessPoolExecutor:
    """Another pool of the same kind."""
    known = vars(pool)
    make: Callable[..., ProcessPoolExecutor] = ProcessPoolExecutor
    return make(
        known["_max_workers"],
        mp_context=known["_mp_context"],
        initializer=known["_initializer"],
        initargs=known["_initargs"],
        max_tasks_per_child=known["_max_tasks_per_child"],
    )
