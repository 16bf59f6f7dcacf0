"""Texts of the command line, as values: what argparse calls for each argument."""

from __future__ import annotations

import re
import sys
import tomllib
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
_WORDS = {"none": None, "null": None, "true": True, "false": False}
_OPENING, _CLOSING = "[{(", "]})"


def one_of(names: Sequence[str], default: str) -> str:
    """List what an option takes, for its help."""
    return f"{', '.join(names[:-1])} or {names[-1]} (default: {default})"


def integer(minimum: int, maximum: int = sys.maxsize) -> Callable[[str], int]:
    """Return a parser of integers between two bounds."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ArgumentTypeError(f"{text!r} is not an integer") from None
        if not minimum <= value <= maximum:
            limit = f"at least {minimum}" if value < minimum else f"at most {maximum}"
            raise ArgumentTypeError(f"{value} is out of range: {limit}")
        return value

    return parse


def jobs(text: str) -> int:
    """Parse a number of threads."""
    value = integer(-sys.maxsize)(text)
    if value == 0:
        raise ArgumentTypeError("0 is no number of threads: at least 1, or -1 for all")
    return value


def duration(text: str) -> float:
    """Parse a time as 60s, 10m or 1.5h; a bare number is of seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text)
    if match is None or float(match[1]) == 0:
        raise ArgumentTypeError(
            f"expected a time of more than 0, as 60s, 10m or 1.5h, got {text!r}"
        )
    return float(match[1]) * _UNITS[match[2]]


def share(text: str) -> float:
    """Parse a number between 0 and 1, the ends excluded."""
    try:
        value = float(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 < value < 1:
        raise ArgumentTypeError(f"{text} is out of range: above 0 and below 1")
    return value


def values(text: str) -> list[Any]:
    """Parse a list of values: numbers, words, ``[64, 32]`` or ``{alpha = 0.1, l1_ratio = 1}``.

    A value is written as in TOML, but that a word needs no quotes; ``none`` is None. Lists become
    tuples, and ``{component = "nnhp.optimizers.RMSprop", rho = 0.95}`` is that object.
    """
    parts = _split(text)
    if not all(part.strip() for part in parts):
        raise ArgumentTypeError(f"expected values with commas between them, got {text!r}")
    return [_value(part.strip()) for part in parts]


def assignment(text: str) -> tuple[str, Any]:
    """Parse NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not (equals and name.strip() and value.strip()):
        raise ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    return name.strip(), _value(value.strip())


def _split(text: str) -> list[str]:
    """Cut a text at its commas, but for those in brackets or quotes."""
    parts, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        else:
            depth += (character in _OPENING) - (character in _CLOSING)
        if character == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _value(text: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        entries = tomllib.loads(f"value = {text}")
        if len(entries) == 1:  # no second line
            return _plain(entries["value"])
    except tomllib.TOMLDecodeError:
        pass
    try:
        return float(text)  # .5, which TOML refuses
    except ValueError:
        pass
    if re.fullmatch(r"[^\W\d][\w.-]*", text):
        return text
    raise ArgumentTypeError(
        f"expected a number, a word, [64, 32] or {{alpha = 0.1, l1_ratio = 1}}, got {text!r}"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping) and "component" in value:
        return _component(value)
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    return tuple(map(_plain, value)) if isinstance(value, list) else value


def _component(value: Mapping[str, Any]) -> Any:
    from nnhp._component import named  # not for each command: it loads scikit-learn

    try:
        return named(value["component"], {k: v for k, v in value.items() if k != "component"})
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
