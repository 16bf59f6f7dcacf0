"""NumPy's random states in terms of typed JSON, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

TAG = "$random_state"


def encoded(state: np.random.RandomState, encode: Callable[..., Any], path: str) -> Any:
    """Turn a random state, by an encoder's `encode`.

    Raises
    ------
    ValueError
        If it is not of MT19937, NumPy's own kind.
    """
    kept: Any = state.get_state(legacy=False)
    if kept["bit_generator"] != "MT19937":
        raise ValueError(
            f"{path.lstrip('.') or 'The model'} is a RandomState of {kept['bit_generator']}, "
            "which a model file cannot hold: it keeps those of MT19937."
        )
    return {TAG: encode(state.get_state(legacy=True), path)}


def decoded(kept: Any) -> np.random.RandomState:
    """Give the random state of what stands behind the tag.

    Raises
    ------
    ValueError
        If it is none.
    """
    kind, words, place, has_normal, normal = kept
    sound = (
        kind == "MT19937"
        and (words.dtype, words.shape) == (np.uint32, (624,))
        and type(place) is int
        and 0 <= place <= 624  # NumPy would read beyond the words
        and has_normal in (0, 1)
        and type(normal) is float
    )
    if not sound:
        raise ValueError("it has a random state that is none")
    made = np.random.RandomState()
    made.set_state(kept)
    return made
