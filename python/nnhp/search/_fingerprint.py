"""What makes two searches the same: the parts that a study is found by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from numbers import Integral
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import joblib
import numpy as np
import pandas as pd
import scipy
import scipy.sparse as sp
import sklearn
from pandas.util import hash_pandas_object
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator

import nnhp
from nnhp.estimators import _initial
from nnhp.estimators._base import BaseMLP
from nnhp.search._outcome import Split

# Settings of a search that change how it runs, or what is done with its results.
_NOT_IN_RESULTS = {
    "estimator",
    "scoring",
    "cv",
    "n_jobs",
    "executor",
    "pre_dispatch",
    "verbose",
    "refit",
    "random_state",
    "study",
    "time_budget_s",
    "target_score",
    "memory_budget",
    "ensemble",
}
_ROWS = 4096  # hashed at a time
_LITERALS = (str, int, float, bool, type(None))
# What a value is that has all of these attributes: a partial, a scorer of scikit-learn, or a When.
_PARTS = [
    ("func", "args", "keywords"),
    ("_score_func", "_sign", "_kwargs", "_response_method"),
    ("condition", "space"),
]
_SAMPLER_STATES = (
    "RandomState",
    "LazyRandomState",
    "IntersectionSearchSpace",
    "_GroupDecomposedSearchSpace",
)
_VERSIONED = {module.__name__: module for module in (nnhp, sklearn, np, scipy)}
SPACES = ("param_grid", "param_distributions", "extra_candidates")


def _version(module: ModuleType) -> str:
    return f"{module.__name__} {module.__version__}"


VERSIONS = ", ".join(map(_version, _VERSIONED.values()))  # of what all results depend on


def fingerprint(
    search: Any, X: Any, y: Any, routed: Any, splits: Sequence[Split]
) -> dict[str, str]:
    """Describe a search and its data, part by part, in short texts."""
    params = search.get_params(deep=False)
    space = {name: params[name] for name in SPACES if name in params}
    method = {
        name: value
        for name, value in params.items()
        if name not in _NOT_IN_RESULTS and name not in SPACES
    }
    state = params.get("random_state")
    if state is not None and not isinstance(state, Integral):
        method["random_state"] = state
    if search._learns:  # from one of several scores, or from all in their order
        names = search._named_scores()
        compared = search._compared_metric(names) if names else search.refit
        if isinstance(compared, str):
            method["learns from"] = [compared, *names]
    fit_params = [dict(routed.estimator.fit), dict(routed.scorer.score)]
    given = [X, y, *(value for params in fit_params for _, value in sorted(params.items()))]
    return {
        "method": type(search).__name__,
        **{name: describe(value) for name, value in sorted(method.items())},
        "space": describe(space),
        "estimator": describe(search.estimator),
        "scoring": describe(search.scoring),
        "data": str(joblib.hash([*map(sorted, fit_params), *map(_content, given)])),
        "splits": str(joblib.hash([(split.train, split.test) for split in splits])),
        "isa": nnhp.isa(),
        "versions": ", ".join([VERSIONS, *map(_version, search._packages())]),
    }


def _content(data: Any) -> Any:
    """Something that hashes alike for equal data.

    `joblib.hash` of frames and of arrays of objects depends on which of their values are one object
    in memory.
    """
    if isinstance(data, pd.DataFrame):
        columns = [_content(data.iloc[:, place]) for place in range(data.shape[1])]
        return [list(map(str, data.columns)), columns]
    array = np.asarray(data) if isinstance(data, list | tuple) else data
    if isinstance(array, pd.Series) or (isinstance(array, np.ndarray) and array.dtype.hasobject):
        series = pd.Series(np.ravel(array) if isinstance(array, np.ndarray) else array)
        try:
            hashes = hash_pandas_object(series, index=False).to_numpy()
            return [str(series.dtype), np.shape(array), hashes]
        except TypeError:  # values that cannot be hashed
            return list(map(repr, series))
    if isinstance(array, np.ndarray):
        return [array.dtype.str, array.shape, _digest(array)]
    if sp.issparse(array):
        rows = array.tocsr()  # type: ignore[attr-defined]
        if not rows.has_canonical_format:
            rows = rows.copy()
            rows.sum_duplicates()
        places = [np.asarray(part, dtype=np.int64) for part in (rows.indices, rows.indptr)]
        return [rows.shape, *map(_content, (rows.data, *places))]
    return array


def _digest(array: Any) -> str:
    """Hash of an array's values in the order of rows, without a copy of more than some of them."""
    digest = blake2b(digest_size=16)
    array = np.atleast_1d(array)
    for begin in range(0, len(array), _ROWS):
        digest.update(np.ascontiguousarray(array[begin : begin + _ROWS]).tobytes())
    return digest.hexdigest()


def describe(value: Any, within: tuple[Any, ...] = ()) -> str:
    """Text of a value that is the same in each process, as `repr` need not be.

    Parameters
    ----------
    value : object
        Anything that a search is given.
    within : tuple of functions
        Those whose description this is part of: they may refer to themselves.
    """
    if type(value) in _LITERALS:  # most values: the tests below take longer
        return repr(value)
    if isinstance(value, FunctionType):
        return _describe_function(value, within)
    if isinstance(value, Mapping):
        items = sorted(value.items(), key=str)
        entries = (f"{describe(k, within)}: {describe(v, within)}" for k, v in items)
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(describe(entry, within) for entry in value) + "]"
    if isinstance(value, set | frozenset):
        return f"{type(value).__name__} {sorted(describe(entry, within) for entry in value)}"
    if isinstance(value, np.ndarray):
        return f"array {value.dtype} {value.shape} {joblib.hash(value)}"
    if isinstance(value, np.random.RandomState):
        return f"RandomState {joblib.hash(value.get_state())}"
    if isinstance(value, FrozenEstimator):
        return f"FrozenEstimator({_describe_fitted(value.estimator)})"
    if isinstance(value, BaseEstimator):
        params = value.get_params(deep=False)
        if isinstance(value, BaseMLP):
            params |= {name: _describe_initializer(params[name]) for name in _initial.OPTIONS}
        return f"{type(value).__qualname__}({describe(params, within)})"
    for names in _PARTS:
        if all(hasattr(value, name) for name in names):
            parts = [getattr(value, name) for name in names]
            return f"{type(value).__qualname__}({describe(parts, within)})"
    # A frozen distribution of SciPy: what it was made from.
    if hasattr(value, "dist") and hasattr(value, "kwds"):
        return f"{value.dist.name}({describe(value.args)}, {describe(value.kwds)})"
    if any(base.__module__.partition(".")[0] == "optuna" for base in type(value).__mro__):
        return _describe_sampler(value, within)
    text = repr(value)
    if " at 0x" in text:
        name = f"{type(value).__module__}.{type(value).__qualname__}"
        try:
            return f"{name} {joblib.hash(value)}"
        except Exception:  # it cannot be pickled
            return name
    return text


def _describe_sampler(value: Any, within: tuple[Any, ...]) -> str:
    """Text of a sampler of Optuna's, or of a part of it: what it is set to.

    Its random states count for nothing, for the searches seed them, nor what it has noted of the
    studies that it was used for.
    """
    state = value.__getstate__()
    if not isinstance(state, dict):
        return type(value).__qualname__
    settings = {
        name: part for name, part in state.items() if type(part).__name__ not in _SAMPLER_STATES
    }
    return f"{type(value).__qualname__}({describe(settings, within)})"


def _describe_fitted(value: Any) -> str:
    """Text of an estimator's fit; of a network's, all that it has learned."""
    name = type(value).__qualname__
    if _initial.is_fitted_network(value):
        learned = (_initial.weights_of(value), _initial.stages_of(value))
        return f"{name} {joblib.hash(learned)}"
    return f"{name}({describe(vars(value))})"


def _describe_initializer(value: Any) -> str:
    """Text of an initializer: networks count by what is copied from them."""
    if _initial.is_fitted_network(value):
        return _describe_fitted(value)
    if isinstance(value, list | tuple):
        return describe([_describe_initializer(entry) for entry in value])
    return describe(value)


def _describe_function(value: FunctionType, within: tuple[Any, ...]) -> str:
    """Text of a function: what it does and what it holds, unless its version tells."""
    name = f"{value.__module__}.{value.__qualname__}"
    if value in within or value.__module__.partition(".")[0] in _VERSIONED:
        return name
    content = [
        _code(value.__code__),
        value.__defaults__,
        value.__kwdefaults__,
        [_closed_over(cell) for cell in value.__closure__ or ()],
    ]
    return f"{name} {joblib.hash(describe(content, (*within, value)))}"


def _code(code: CodeType) -> list[Any]:
    """What a function does, those that it defines included."""
    constants = [_code(c) if isinstance(c, CodeType) else c for c in code.co_consts]
    return [code.co_code.hex(), code.co_names, code.co_varnames, constants]


def _closed_over(cell: CellType) -> Any:
    """What a closure's variable holds."""
    try:
        return cell.cell_contents
    except ValueError:
        return "empty"
