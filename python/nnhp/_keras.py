"""What Keras has and nnhp does not: refused in a sentence that says what there is instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

FILE_NAMES = (".keras", ".h5", ".hdf5")  # how they end


class WithoutKeras:
    """Refuses arguments of classes, and attributes that are set, by the names in a table."""

    _not_there: ClassVar[Mapping[str, str]] = {}

    def __new__(cls, *_args: Any, **given: Any) -> Self:
        """Look at the names before Python does."""
        for name in given:
            if name in cls._not_there:
                raise ValueError(cls._has_no(name))
        return super().__new__(cls)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute that would mean something."""
        if name in self._not_there:
            raise AttributeError(self._has_no(name), name=name, obj=self)
        super().__setattr__(name, value)

    @classmethod
    def _has_no(cls, name: str) -> str:
        return f"{cls.__name__} has no {name}: {cls._not_there[name]}."


def no_name(room: str, name: str, known: Iterable[str], of: str) -> AttributeError:
    """Say that a module has no such name, which Keras's may have, and what there is `of` it."""
    message = f"module {room!r} has no attribute {name!r}"
    if not name.startswith("_"):
        message += f": the {of} are {', '.join(sorted(known))}"
    return AttributeError(message, name=name)


def check_file_name(path: str | Path) -> None:
    """Raise ValueError where a file that is to be written is named as those of Keras."""
    if str(path).endswith(FILE_NAMES):
        raise ValueError(
            f"{path} would be no file of Keras, as its name says: choose another, such as "
            ".safetensors, the format that it is in."
        )


def keras_name(name: str) -> str:
    """Keras's name as a str argument of what has this name as a class or function."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
