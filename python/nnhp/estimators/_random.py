"""The random generator of a training: what NumPy draws, and what the engine takes over."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from nnhp._core import MtState


def mt_state(rng: np.random.RandomState) -> MtState | None:
    """State of an MT19937 generator, with which the engine goes on; None for other kinds."""
    state: Any = rng.get_state(legacy=False)
    if state["bit_generator"] != "MT19937":
        return None
    words = np.ascontiguousarray(state["state"]["key"], dtype=np.uint32)
    return words, int(state["state"]["pos"])


def set_mt_state(rng: np.random.RandomState, new: MtState) -> None:
    """Move an MT19937 generator to where the engine has come."""
    state: Any = rng.get_state(legacy=False)
    state["state"] = {"key": new[0], "pos": int(new[1])}
    rng.set_state(state)


def dropout_key(rng: np.random.RandomState, samples_seen: int = 0) -> int:
    """64-bit key for dropout: a hash of the generator's state, for which nothing is drawn.

    A seed gives a warm start the state of the fit before; `samples_seen` there makes the masks
    others.
    """
    mt = mt_state(rng)
    if mt is not None:
        content = mt[0].astype("<u4").tobytes() + mt[1].to_bytes(8, "little")
    else:
        content = repr(_canonical(rng.get_state(legacy=False))).encode()
    if samples_seen:
        content += samples_seen.to_bytes(8, "little")
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "little")


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return sorted((str(key), _canonical(entry)) for key, entry in value.items())
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
