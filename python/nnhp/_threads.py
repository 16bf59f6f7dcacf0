"""Numbers of threads: what ``n_jobs`` stands for, read here only, and a limit for BLAS."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from joblib.parallel import get_active_backend
from threadpoolctl import threadpool_limits

from nnhp import _core

_blas_lock = threading.Lock()
_blas_users = 0
_blas_limit: threadpool_limits | None = None


def _forget_blas_users() -> None:
    # Those of a parent that forked: their threads, and perhaps the lock's owner, are not here.
    global _blas_lock, _blas_users, _blas_limit
    _blas_lock = threading.Lock()
    _blas_users = 0
    if _blas_limit is not None:
        _blas_limit.restore_original_limits()
        _blas_limit = None


os.register_at_fork(after_in_child=_forget_blas_users)


def resolve(n_jobs: int | None) -> int:
    """Number of threads that `n_jobs` stands for on the calling thread.

    Parameters
    ----------
    n_jobs : int or None
        None is 1 inside a joblib worker and all allowed threads elsewhere; -1 is all of them,
        -2 all but one, and so on; a positive number is cut to the allowed ones.

    Returns
    -------
    threads : int
        At least 1, at most ``_core.thread_limit()``.
    """
    if n_jobs == 0:
        raise ValueError("n_jobs must not be 0: give None, a positive number, or -1 for all.")
    limit = _core.thread_limit()
    if n_jobs is None:
        return 1 if _in_joblib_worker() else limit
    if n_jobs < 0:
        return max(limit + 1 + int(n_jobs), 1)
    return min(int(n_jobs), limit)


def _in_joblib_worker() -> bool:
    backend, _ = get_active_backend()
    return bool(backend.nesting_level)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread.

    The limit holds for the whole process, so the first of several threads sets it and the last
    one lifts it; limits that overlap without nesting would otherwise leave one behind.
    """
    global _blas_users, _blas_limit
    with _blas_lock:
        if _blas_users == 0:
            _blas_limit = threadpool_limits(limits=1, user_api="blas")
        _blas_users += 1
    try:
        yield
    finally:
        with _blas_lock:
            _blas_users -= 1
            if _blas_users == 0 and _blas_limit is not None:
                _blas_limit.restore_original_limits()
                _blas_limit = None
