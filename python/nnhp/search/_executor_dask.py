"""Workers of a Dask cluster: the only file of the searches that talks to dask.distributed."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
import warnings
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from distributed import Client, KilledWorker, SchedulerPlugin, WorkerPlugin
from distributed.client import FutureCancelledError
from distributed.diagnostics.plugin import Environ

import nnhp
from nnhp import _threads
from nnhp._core import available_isas
from nnhp.search._executor_data import Content, placed
from nnhp.search._executor_pools import WorkersLostError
from nnhp.search._executor_worker import do_errand, forget

_log = logging.getLogger("nnhp.search")

_COUNTED_EVERY = 1.0  # seconds between two looks at the workers
_PATIENCE = 60.0  # seconds in which a lost scheduler may come back
_PAUSE = 0.1  # seconds between two attempts
_ATTEMPTS = 5  # to bring the data to all workers while some die


class PlacedData(WorkerPlugin):
    """Puts the data of a search into each worker's own folder, and takes them away again.

    Parameters
    ----------
    name : str
        Of the plugin, one for each search.
    content : Content
        The data.
    n_jobs : int or None
        Threads of an errand; None is those that the worker was started with.
    """

    def __init__(self, name: str, content: Content, n_jobs: int | None) -> None:
        self.name = name
        self._digest = content.digest
        self._content: bytes | None = content.joined()
        self._n_jobs = n_jobs
        self._path: Path | None = None

    def setup(self, worker: Any) -> None:
        """Write the data, and let the errands of this process find them."""
        assert self._content is not None
        content = Content([self._content], self._digest)
        self._content = None  # the scheduler has it for those who come later
        self._path = content.write(worker.local_directory)
        threads = worker.state.nthreads if self._n_jobs is None else _threads.resolve(self._n_jobs)
        placed.add(self._digest, self._path, threads)

    def teardown(self, worker: Any) -> None:
        """Remove the file; those who have it mapped keep its content."""
        if self._path is not None:
            placed.remove(self._digest, self._path)
            forget(self._digest)
            with suppress(FileNotFoundError):
                self._path.unlink()


class TakenAway(SchedulerPlugin):
    """Takes the data of a search away when its driver is gone without having done so.

    Parameters
    ----------
    name : str
        Of the plugin that put them there.
    client : str
        Of the driver, by its number at the scheduler.
    """

    idempotent = True

    def __init__(self, name: str, client: str) -> None:
        self.name = f"{name}-taken-away"
        self._placing = name
        self._client = client

    def remove_client(self, scheduler: Any, client: str) -> None:
        """Have all workers remove the files, if the client that left is the driver's."""
        if client == self._client:
            scheduler.remove_plugin(name=self.name)
            if self._placing in scheduler.worker_plugins:
                scheduler.loop.add_callback(
                    scheduler.unregister_worker_plugin, comm=None, name=self._placing
                )


class DaskWorkers:
    """Workers of a Dask cluster, whose deaths its scheduler notes.

    Parameters
    ----------
    cluster : Client or str
        The caller's client, or the address of a scheduler.
    n_jobs : int or None
        Threads of each errand; None is those that its worker was started with.
    """

    lost: tuple[type[BaseException], ...] = (
        KilledWorker,
        CancelledError,
        FutureCancelledError,
    )
    path: Path | None = None
    threads: int | None = None

    def __init__(self, cluster: Client | str, n_jobs: int | None) -> None:
        self._address = cluster if isinstance(cluster, str) else None
        self._n_jobs = n_jobs
        self._name = f"nnhp-{uuid.uuid4().hex}"
        self._content: Content | None = None
        self._n_workers, self._counted = 0, -_COUNTED_EVERY
        self._doubtful = False  # the scheduler may be another one
        self._client: Any = cluster
        if isinstance(cluster, str):
            self._client = Client(cluster, set_as_default=False)
        elif cluster.asynchronous:
            raise ValueError("executor must be a Client that is not asynchronous.")

    def place(self, content: Content) -> None:
        """Give each worker its file, and have Dask give it to those that come later."""
        self._content = content
        self.agree()
        for attempt in range(_ATTEMPTS):
            try:
                self._client.register_plugin(TakenAway(self._name, self._client.id))
                self._client.register_plugin(PlacedData(self._name, content, self._n_jobs))
            except OSError:  # a worker died meanwhile; its successor gets the data by itself
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return

    def agree(self) -> None:
        """Have all workers compute with the kernels of this process; ValueError if they cannot.

        Those that could, but use better ones, are started anew by their nannies.
        """
        wanted = nnhp.isa()
        if not self._disagreeing(wanted):
            return
        every = self._kernels().values()
        common = [isa for isa in available_isas() if all(isa in has for _, has in every)]
        if wanted not in common:
            raise ValueError(
                f"Some workers cannot compute with {wanted}, as this process does, and results "
                f"would differ in their last bits: start this process with NNHP_ISA={common[-1]}."
            )
        self._client.register_plugin(Environ({"NNHP_ISA": wanted}), name="nnhp-isa")
        if wrong := self._disagreeing(wanted):
            raise ValueError(
                f"The workers {', '.join(wrong)} have no nanny that could start them anew: start "
                f"them with NNHP_ISA={wanted}."
            )

    def _disagreeing(self, wanted: str) -> list[str]:
        return [at for at, (isa, _) in self._kernels().items() if isa != wanted]

    def _kernels(self) -> dict[str, tuple[str, list[str]]]:
        """What each worker computes with, and could compute with; without those that are dying."""
        answers = self._client.run(_kernels, on_error="return")
        for answer in answers.values():
            if isinstance(answer, Exception) and not isinstance(answer, OSError):
                raise answer
        return {at: answer for at, answer in answers.items() if not isinstance(answer, OSError)}

    def n_workers(self) -> int:
        """Those that the scheduler knows, counted now and then."""
        if time.monotonic() - self._counted >= _COUNTED_EVERY:
            with suppress(OSError, ValueError, RuntimeError):  # the scheduler may be lost
                self._n_workers = len(self._client.nthreads())
            self._counted = time.monotonic()
        return self._n_workers

    def submit(self, packed: bytes) -> Future[bytes]:
        """Hand an errand to a worker; after the scheduler was lost, to one of the next one."""
        if self._doubtful or self._client.status != "running":
            self._connect_again()
        with warnings.catch_warnings():
            # Paused trainings may be large; they do not outlive a worker, as scattered data would.
            warnings.filterwarnings("ignore", "Sending large graph")
            remote = self._client.submit(do_errand, packed, pure=False)
        # A result that was on a dead worker keeps Dask waiting: no other must wait for it.
        future = asyncio.run_coroutine_threadsafe(
            self._client.gather(remote, asynchronous=True), self._client.loop.asyncio_loop
        )
        future.add_done_callback(lambda local: remote.cancel() if local.cancelled() else None)
        return future

    def _connect_again(self) -> None:
        assert self._content is not None
        _log.warning("The connection to Dask's scheduler was lost; waiting for the next one.")
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                if self._client.status == "closed" and self._address is not None:
                    self._client = Client(self._address, set_as_default=False, timeout=_PATIENCE)
                if self._client.status == "running":
                    self.place(self._content)
                    break
            except OSError:
                pass
            gone = self._client.status == "closed" and self._address is None
            if gone or time.monotonic() > deadline:
                raise WorkersLostError(
                    "The scheduler of the Dask cluster is gone. With a study, the same search "
                    "goes on from where it was, on whatever cluster."
                )
            time.sleep(_PAUSE)
        self._doubtful = False
        self._counted = -_COUNTED_EVERY

    def died(self, error: BaseException) -> bool:
        """All workers died that Dask gave the errand to; or else the scheduler was lost."""
        self._doubtful |= not isinstance(error, KilledWorker)
        return isinstance(error, KilledWorker)

    def close(self) -> None:
        """Take the data away from all workers, and close a client of our own."""
        if self._client.status == "running":
            # Some workers, or all, may be gone, and the search is over.
            with suppress(Exception):
                self._client.unregister_worker_plugin(self._name)
            with suppress(Exception):
                self._client.run_on_scheduler(_forget, f"{self._name}-taken-away")
        if self._address is not None:
            self._client.close()


def _forget(name: str, dask_scheduler: Any = None) -> None:
    """Remove a plugin of the scheduler, who calls this."""
    dask_scheduler.remove_plugin(name=name)


def _kernels() -> tuple[str, list[str]]:
    """What a worker computes with, and could compute with."""
    return nnhp.isa(), available_isas()
