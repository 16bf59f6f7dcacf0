"""Where warnings point to: the user's line that led to them."""

from __future__ import annotations

import sys

_BETWEEN = ("joblib", "nnhp", "sklearn")


def stacklevel() -> int:
    """Find the `stacklevel` of a warning that the caller gives.

    It is that of the nearest line outside of nnhp, and of scikit-learn, whose Pipelines and
    searches call nnhp's estimators.
    """
    level = 1
    frame = sys._getframe(level)  # noqa: SLF001
    while frame.f_back is not None and _is_between(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
        level += 1
    return level


def _is_between(module: str) -> bool:
    return module.partition(".")[0] in _BETWEEN
