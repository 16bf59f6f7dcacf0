"""Who called `fit`: what Ctrl-C does depends on it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FrameType

_FRAMEWORKS = {"sklearn", "joblib", "nnhp", "dask", "distributed"}
_OURS = "nnhp.estimators."
_DECORATORS = {"sklearn.base", "sklearn.callback._callback_support"}


def called_directly() -> bool:
    """Whether the `fit` that is running was called by the user, not by a search or a pipeline.

    Those would go on with a result that is not complete: there, Ctrl-C must reach them.
    """
    frame = _skip(inspect.currentframe(), lambda module: module.startswith(_OURS))
    frame = _skip(frame, _DECORATORS.__contains__)
    while frame is not None:
        if _module(frame).partition(".")[0] in _FRAMEWORKS:
            return False
        frame = frame.f_back
    return True


def _skip(frame: FrameType | None, matches: Callable[[str], bool]) -> FrameType | None:
    while frame is not None and matches(_module(frame)):
        frame = frame.f_back
    return frame


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
