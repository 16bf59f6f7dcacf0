"""Words of the command line: of errors, and of names and how many there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

import numpy as np

from nnhp._component import no_object

_SHOWN = 12  # names in a message
_MESSAGE_LENGTH = 2000


def one_line(error: BaseException | str) -> str:
    """Say what went wrong in one line: the first of a message, and the last, its point."""
    lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    said = lines[0] if len(lines) == 1 else f"{lines[0].rstrip('.:')}: {lines[-1]}"
    return said if len(said) <= _MESSAGE_LENGTH else f"{said[:_MESSAGE_LENGTH]}..."


def listed(names: Any) -> str:
    """Names for a message; of more than a dozen, how many there are besides."""
    names = [name if isinstance(name, str) else f"{name}" for name in names]
    plain = [name if name.isprintable() else repr(name) for name in names]
    shown = ", ".join(plain[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


def closest(name: str, known: Iterable[str]) -> str:
    """Ask for the one that was meant, if a known name is much like the given one."""
    close = get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def no_parameter(name: str, known: Mapping[str, Any]) -> str:
    """Say that a network with these parameters has no such one, and which it has."""
    outer, names = name.partition("__")[0], sorted(known)
    if outer != name and isinstance(known.get(outer), str):
        return no_object(name, known[outer], "{{component = '{}'}}".format)
    meant = closest(name.rpartition("__")[2], names)
    return f"the network has no parameter {name!r}{meant}; it has {', '.join(names)}"


def counted(which: Any, noun: str = "row") -> str:
    """How many there are in a list, or how many entries of a mask are true."""
    n = len(which) if isinstance(which, list) else int(np.sum(which))
    return f"{n} {noun}{'s' * (n != 1)}"
