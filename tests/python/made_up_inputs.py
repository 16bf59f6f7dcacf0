"""Inputs of all kinds, for `test_inputs.py`: the same numbers plain, and dressed as users may.

A `Wear` puts numbers into a container or a layout. Where that container cannot hold them it raises
`UnsuitableError`, and there is no case.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import scipy.sparse as sp

DTYPES = [
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool", "float16",
    "float32", "float64", "longdouble", ">f8", ">f4", ">i4", ">u2", "object", "complex64", "U9",
    "S9", "M8[s]", "m8[s]",
]  # fmt: skip
SHAPES = ["usual", "usual", "usual", "usual", "one row", "one column", "wide", "no rows",
          "no columns", "1-D", "3-D", "0-D", "long"]  # fmt: skip
VALUES = ["usual", "usual", "usual", "zeros", "constant", "NaN", "inf", "huge", "denormal", "mixed"]


class UnsuitableError(Exception):
    """A container that cannot hold the numbers."""


# ------------------------------------------------------------------ numbers


def numbers(shape, dtype, values, rng):
    """An array of so many samples, or of a shape that no samples have."""
    sizes = {
        "usual": (9, 4), "one row": (1, 4), "one column": (9, 1), "wide": (5, 40),
        "no rows": (0, 4), "no columns": (9, 0), "1-D": (9,), "3-D": (9, 2, 2), "0-D": (),
        "long": (230, 2),
    }  # fmt: skip
    array = np.round(rng.standard_normal(sizes[shape]) * 4, 2)
    with np.errstate(all="ignore"):
        return np.asarray(_as_dtype(_with_values(array, values, dtype, rng), dtype))


def _with_values(array, values, dtype, rng):
    if values in ("zeros", "constant"):
        return np.full_like(array, 0.0 if values == "zeros" else 3.0)
    if array.size == 0 or values == "usual":
        return array
    kind = np.dtype(dtype)
    limits = np.finfo(kind) if kind.kind in "fc" else np.finfo(float)
    special = {
        "NaN": np.nan,
        "inf": rng.choice([np.inf, -np.inf]),
        "huge": float(min(limits.max, np.finfo(float).max)) * rng.choice([0.9, -0.4, 1e-3]),
        "denormal": 3 * float(max(limits.smallest_subnormal, 5e-324)),
        "mixed": rng.choice([-0.0, 1e30, 1e-300, 255.0]),
    }[values]
    array = np.array(array)
    array.flat[rng.integers(array.size, size=1 + array.size // 3)] = special
    return array


def _as_dtype(array, dtype):
    kind = np.dtype(dtype).kind
    if kind in "iub":
        array = np.nan_to_num(array, nan=0.0, posinf=1.0, neginf=0.0)
        limits = (0, 1) if kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        return np.clip(np.round(array), *limits).astype(np.int64 if kind != "b" else bool).astype(
            dtype
        )  # fmt: skip
    if kind in "mM":
        return np.nan_to_num(array, nan=0.0, posinf=0.0, neginf=0.0).clip(-1e9, 1e9).astype(
            np.int64
        ).astype(dtype)  # fmt: skip
    return array.astype(dtype)


# ------------------------------------------------------------------ layouts and containers


def strided(X):
    wide = np.zeros(tuple(2 * n for n in X.shape), X.dtype)
    view = wide[tuple(slice(None, None, 2) for _ in X.shape)]
    view[...] = X
    return view


def backwards(X):
    turned = tuple(slice(None, None, -1) for _ in X.shape)
    return np.ascontiguousarray(X[turned])[turned]


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def misaligned(X):
    if X.dtype.hasobject:
        raise UnsuitableError
    buffer = np.zeros(X.nbytes + 1, dtype=np.uint8)
    view = buffer[1:].view(X.dtype).reshape(X.shape)
    view[...] = X
    return view


def transposed(X):
    return np.ascontiguousarray(X.T).T


def stride_0(X):
    """A view of one number, or of one row, as many times as are needed."""
    if X.ndim == 0 or X.size == 0 or not (X[:1] == X).all():
        raise UnsuitableError
    return np.broadcast_to(X[0], X.shape)


def swapped_bytes(X):
    return X.astype(X.dtype.newbyteorder())


def mapped(X):
    if X.size == 0 or X.dtype.hasobject:
        raise UnsuitableError
    with tempfile.NamedTemporaryFile() as file:
        array = np.memmap(file.name, X.dtype, "w+", shape=X.shape or (1,))
        array[...] = X
        array.flush()
        return np.memmap(file.name, X.dtype, "r", shape=X.shape)


def subclass(X):
    class Own(np.ndarray):
        pass

    return X.view(Own)


def matrix(X):
    if X.ndim != 2:
        raise UnsuitableError
    return np.asmatrix(X)


NAMES = [f"c{i}" for i in range(40)]


def columns_of(X):
    if X.ndim != 2 or X.shape[1] == 0:
        raise UnsuitableError
    return dict(zip(NAMES, np.asarray(X).T, strict=False))


def of_pandas(X):
    if X.dtype.byteorder == ">":  # which pandas does not know in all it does
        raise UnsuitableError
    return pd.DataFrame(columns_of(X))


def nullable(X):
    if X.dtype.kind not in "iubf" or X.dtype.itemsize > 8 or X.dtype == np.float16:
        raise UnsuitableError
    return pd.DataFrame(columns_of(X)).convert_dtypes()


def arrow_backed(X):
    if X.dtype.kind not in "iubf" or X.dtype.itemsize > 8:
        raise UnsuitableError
    return pd.DataFrame(columns_of(X.astype(X.dtype.newbyteorder("=")))).convert_dtypes(
        dtype_backend="pyarrow"
    )


def of_columns(make):
    """A container that is made of columns, or refuses them."""

    def dressed(X):
        if X.dtype.byteorder == ">" or X.dtype.kind in "cOSmM":
            raise UnsuitableError
        try:
            return make({name: np.ascontiguousarray(c) for name, c in columns_of(X).items()})
        except (TypeError, ValueError, NotImplementedError, pa.ArrowException) as error:
            raise UnsuitableError from error

    return dressed


@dataclass(frozen=True)
class Wear:
    """A way to give numbers.

    Attributes
    ----------
    dress : callable
        From an array to what is given.
    plain : callable
        From the same array to the plain form of the same numbers.
    """

    dress: Callable
    plain: Callable = np.ascontiguousarray


def as_float64(X):
    return np.ascontiguousarray(X.astype(np.float64)) if X.dtype.kind in "iubf" else X


LAYOUTS = {
    name: Wear(dress)
    for name, dress in {
        "C": np.ascontiguousarray, "Fortran": np.asfortranarray, "strided": strided,
        "backwards": backwards, "transposed": transposed, "stride 0": stride_0,
        "read-only": read_only, "misaligned": misaligned, "memory-mapped": mapped,
        "other byte order": swapped_bytes, "subclass": subclass, "matrix": matrix,
    }.items()
}  # fmt: skip
CONTAINERS = {
    "list": Wear(lambda X: X.tolist(), lambda X: np.asarray(X.tolist())),
    "tuples": Wear(
        lambda X: tuple(map(tuple, X.tolist())) if X.ndim == 2 else X.tolist(),
        lambda X: np.asarray(X.tolist()),
    ),
    "list of arrays": Wear(lambda X: list(X) if X.ndim else X),
    "objects": Wear(lambda X: X.astype(object), as_float64),
    "frame": Wear(of_pandas),
    "nullable frame": Wear(nullable, as_float64),
    "frame of Arrow's columns": Wear(arrow_backed, as_float64),
    "polars": Wear(of_columns(pl.DataFrame)),
    "Arrow table": Wear(of_columns(pa.table)),
}


# ------------------------------------------------------------------ sparse matrices


def with_int64(X):
    X = sp.csr_array(X)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


def with_int32(X):
    X = sp.csr_array(X)
    X.indices, X.indptr = X.indices.astype(np.int32), X.indptr.astype(np.int32)
    return X


def unsorted(X):
    X = sp.csr_array(X)
    for row in range(X.shape[0]):
        part = slice(X.indptr[row], X.indptr[row + 1])
        X.indices[part], X.data[part] = X.indices[part][::-1].copy(), X.data[part][::-1].copy()
    X.has_sorted_indices = False
    return X


def duplicated(X):
    """Each entry twice, the second time as a zero."""
    X = sp.coo_array(X)
    rows, columns = np.tile(X.row, 2), np.tile(X.col, 2)
    values = np.concatenate([X.data, np.zeros_like(X.data)])
    starts = np.bincount(rows, minlength=X.shape[0]).cumsum()
    order = np.argsort(rows, kind="stable")
    return sp.csr_array((values[order], columns[order], np.r_[0, starts]), shape=X.shape)


def with_zeros(X):
    n_rows, n_columns = X.shape
    places = np.tile(np.arange(n_columns), n_rows)
    return sp.csr_array((X.ravel().copy(), places, np.arange(n_rows + 1) * n_columns), X.shape)


def read_only_parts(X):
    X = sp.csr_array(X)
    for part in (X.data, X.indices, X.indptr):
        part.flags.writeable = False
    return X


def swapped_parts(X):
    X = sp.csr_array(X)
    X.data = X.data.astype(X.data.dtype.newbyteorder())
    return X


def sparse_or_unsuitable(make):
    def dressed(X):
        if X.ndim != 2 or X.dtype.kind not in "iubfc" or X.dtype == np.float16:
            raise UnsuitableError
        return make(thinned(X.astype(X.dtype.newbyteorder("="))))

    return dressed


def thinned(X):
    """The same array with zeros, at every third place."""
    X = X.copy()
    X.ravel()[::3] = 0
    return X


def thin_csr(X):
    """Plain form of what is sparse: canonical CSR, for it is not the same sums as dense ones."""
    return sp.csr_array(thinned(X.astype(X.dtype.newbyteorder("="))))


_FORMATS = ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")
SPARSE = {
    name: Wear(sparse_or_unsuitable(make), thin_csr)
    for name, make in {
        **{f"{f}_{kind}": getattr(sp, f"{f}_{kind}") for f in _FORMATS for kind in (
            "array", "matrix")},
        "int64 indices": with_int64, "int32 indices": with_int32, "unsorted": unsorted,
        "duplicated": duplicated, "explicit zeros": with_zeros, "read-only parts": read_only_parts,
        "other byte order inside": swapped_parts,
    }.items()
}  # fmt: skip
WEARS = LAYOUTS | CONTAINERS | SPARSE

# ------------------------------------------------------------------ targets and weights


def _column(y):
    if y.ndim != 1:
        raise UnsuitableError
    return y[:, None]


def in_words(make):
    """A container that makes bytes, dates and mixtures another type."""

    def dressed(y):
        if y.dtype.kind in "SMO":
            raise UnsuitableError
        return make(y)

    return dressed


VECTORS = {
    "C": Wear(lambda y: y, lambda y: y), "strided": Wear(strided), "backwards": Wear(backwards),
    "read-only": Wear(read_only), "misaligned": Wear(misaligned), "objects": Wear(
        lambda y: y.astype(object)),
    "list": Wear(lambda y: y.tolist(), lambda y: np.asarray(y.tolist())), "series": Wear(pd.Series),
    "nullable series": Wear(in_words(lambda y: pd.Series(y).convert_dtypes())),
    "categories": Wear(in_words(lambda y: pd.Series(y, dtype="category"))),
    "polars": Wear(in_words(lambda y: pl.Series(y.tolist()))),
    "Arrow array": Wear(in_words(pa.array)),
    "column": Wear(_column), "other index": Wear(lambda y: pd.Series(y, index=range(7, 7 + len(y)))
    ),
}  # fmt: skip
# Of a length, what each sample's target is.
TARGETS = {
    "two": lambda n: np.arange(n) % 2,
    "many": lambda n: np.arange(n) % 5,
    "one": lambda n: np.ones(n, dtype=int),
    "strings": lambda n: np.array(["no", "yes"])[np.arange(n) % 2],
    "bools": lambda n: np.arange(n) % 2 == 0,
    "rare": lambda n: np.r_[np.zeros(n - 1, dtype=int), 7] if n else np.zeros(0, dtype=int),
    "whole floats": lambda n: np.arange(n) % 3 * 1.0,
    "reals": lambda n: np.linspace(-1, 1, n),
    "int8": lambda n: (np.arange(n) % 3 - 1).astype(np.int8),
    "uint64": lambda n: (np.arange(n) % 3).astype(np.uint64) + np.uint64(2**63),
    "mixed": lambda n: np.array([3, "yes"] * n, dtype=object)[:n],
    "NaN": lambda n: np.where(np.arange(n) == n // 2, np.nan, np.arange(n) % 2),
    "inf": lambda n: np.where(np.arange(n) == n // 2, np.inf, np.arange(n) % 2),
    "None": lambda n: np.array([None, 1] * n, dtype=object)[:n],
    "huge": lambda n: np.linspace(-1, 1, n) * 1e300,
    "complex": lambda n: np.linspace(-1, 1, n) + 1j,
    "dates": lambda n: np.arange(n).astype("M8[s]"),
    "two columns": lambda n: np.stack([np.arange(n) % 2, np.arange(n) % 3 == 0], axis=1),
    "short": lambda n: np.arange(max(n - 1, 0)) % 2,
    "long": lambda n: np.arange(n + 1) % 2,
    "3-D": lambda n: np.zeros((n, 1, 1)),
    "no column": lambda n: np.zeros((n, 0)),
    "bytes": lambda n: np.array([b"a", b"b"])[np.arange(n) % 2],
}
WEIGHTS = {
    "none": lambda n: None,
    "ones": np.ones,
    "some": lambda n: np.arange(n) % 3 * 0.5,
    "zeros": np.zeros,
    "negative": lambda n: np.arange(n) - 1.0,
    "NaN": lambda n: np.where(np.arange(n) == 1, np.nan, 1.0),
    "inf": lambda n: np.where(np.arange(n) == 1, np.inf, 1.0),
    "short": lambda n: np.ones(max(n - 1, 0)),
    "long": lambda n: np.ones(n + 2),
    "huge": lambda n: np.full(n, 1e308),
    "tiny": lambda n: np.full(n, 1e-320),
    "columns": lambda n: np.ones((n, 2)),
    "strings": lambda n: np.array(["a"] * n),
    "integers": lambda n: np.arange(n) % 3 + 1,
}
