"""A document and arrays in one file: safetensors, with a digest of all that is in it.

Anything that reads safetensors reads the arrays. Nothing of a file is used before its digest is
found right, and nothing in it can name code to be run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from nnhp._checks import as_path
from nnhp._whole_file import whole_file

# 1; 2 has the random numbers of a Sequential, and the order of its samples.
VERSION = 2
_DTYPES = {
    "BOOL",
    *(f"{kind}{bits}" for kind in "IU" for bits in (8, 16, 32, 64)),
    "F16",
    "F32",
    "F64",
}
_FORMAT = "nnhp"
_READABLE = {str(version): version for version in range(1, VERSION + 1)}


@dataclass(frozen=True)
class Content:
    """What a file holds.

    Attributes
    ----------
    kind : str
        What the document describes.
    document : str
        A text of JSON.
    arrays : mapping of str to ndarray
        Truth values, integers or real numbers of at most 64 bits.
    """

    kind: str
    document: str
    arrays: Mapping[str, NDArray[Any]]

    def digest(self, version: int = VERSION) -> str:
        """SHA-256 of all of it, and of the format's version."""
        found = hashlib.sha256()
        rows = sorted((n, a.dtype.str, list(a.shape)) for n, a in self.arrays.items())
        head = json.dumps([_FORMAT, version, self.kind, self.document, rows])
        found.update(head.encode())
        for name in sorted(self.arrays):
            found.update(np.asarray(self.arrays[name], order="C").tobytes())
        return found.hexdigest()


def write(path: str | Path, content: Content) -> None:
    """Write a file; an earlier one stays until the new one is complete, and on the disk.

    Raises
    ------
    OSError
        If it cannot be written.
    ValueError
        If the document is too long for a file of this format.
    """
    metadata = {
        "format": _FORMAT,
        "version": str(VERSION),
        "kind": content.kind,
        "document": content.document,
        "sha256": content.digest(),
    }
    arrays = {name: np.asarray(array, order="C") for name, array in content.arrays.items()}
    try:
        packed = save(arrays, metadata)
    except SafetensorError as error:
        raise ValueError(f"{path} cannot hold the model: {error}.") from error
    with whole_file(path) as part:
        part.write_bytes(packed)


def read(path: str | Path) -> Content:
    """Read what `write` wrote.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    ValueError
        If it is another kind of file, of a later version, or damaged.
    """
    path = as_path(path)
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise ValueError(f"{path} is no file but a device or a pipe, which holds no model.")
    with path.open("rb") as file:
        start = file.read(9)
    for magic, other in _OTHERS.items():
        # A header's length may begin as other files do; its text of JSON is the ninth byte.
        if start.startswith(magic) and not start.endswith(b"{"):
            raise ValueError(f"{path} is {other}, not a model file of nnhp.")
    try:
        with safe_open(str(path), framework="numpy") as opened:
            metadata = opened.metadata() or {}
            if metadata.get("format") != _FORMAT:
                raise ValueError(f"{path} holds tensors, but not a model of nnhp.")
            version = _READABLE.get(metadata.get("version", ""))
            if version is None:
                raise ValueError(
                    f"{path} has version {metadata.get('version')!r} of the format, of which this "
                    f"nnhp reads those up to {VERSION}: use a later nnhp."
                )
            arrays = {}
            for name in opened.keys():  # noqa: SIM118
                if opened.get_slice(name).get_dtype() not in _DTYPES:
                    raise ValueError(f"{path} is no model of nnhp: {name} is of an unknown type.")
                arrays[name] = opened.get_tensor(name)
    except SafetensorError as error:
        raise ValueError(f"{path} is no model file of nnhp, or damaged: {error}.") from error
    content = Content(metadata.get("kind", ""), metadata.get("document", ""), arrays)
    if content.digest(version) != metadata.get("sha256"):
        raise ValueError(f"{path} is damaged: its SHA-256 is not that of its content.")
    return content


@contextmanager
def guarded(path: str | Path) -> Iterator[None]:
    """Raise ValueError whatever goes wrong when a file's content is made a model."""
    try:
        yield
    except RecursionError:
        raise ValueError(f"{path} is no model of nnhp: it is nested too deep.") from None
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        MemoryError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise ValueError(f"{path} is no model of nnhp: {error}.") from error


_OF_KERAS = "weights of Keras's come by set_weights(keras_model.get_weights())"
_OTHERS = {
    b"\x80": "a pickle (joblib.load or pickle.load reads it, and runs what is in it)",
    b"PK\x03\x04": f"a zip file, as skops and Keras write ({_OF_KERAS})",
    b"\x89HDF": f"an HDF5 file, as Keras writes ({_OF_KERAS})",
    b"SQLite": "an SQLite database (a study is read by nnhp.Study)",
}
