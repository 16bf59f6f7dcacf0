"""An estimator as a document and arrays, and back."""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_selector

from nnhp import _typed_json
from nnhp._model_files import _classes, _random_states

_TENSOR_KINDS = "biuf"
_CALLBACKS = "_skl_callbacks"  # where scikit-learn's protocol keeps those that watch a fit
_WATCHED = "_watched"  # what patience compared, by a fit
_MAX_TEXT_BYTES = 1 << 28  # of all texts in arrays, whose memory no file bounds


class EstimatorEncoder(_typed_json.Encoder):
    """Turns an estimator into terms of JSON, and gathers its arrays by their paths.

    Attributes
    ----------
    arrays : dict of str to ndarray
        Those found so far.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray[Any]] = {}

    def array(self, value: NDArray[Any], path: str) -> Any:
        """Turn an array: numbers are a tensor of the file."""
        if value.dtype.kind in _TENSOR_KINDS and value.dtype.itemsize <= 8:
            name = path.lstrip(".")
            while name in self.arrays:
                name += "'"
            native = value.astype(value.dtype.newbyteorder("="), copy=False)
            # The order in memory decides about the last bits of a product, as PCA makes it.
            by_columns = value.flags.f_contiguous and not value.flags.c_contiguous
            self.arrays[name] = native.T if by_columns else native
            return {"$transposed" if by_columns else "$tensor": name}
        if value.dtype.kind in "OU":
            kept = self.encode(value.ravel().tolist(), path)
            return {"$objects": [value.dtype.str, list(value.shape), kept]}
        return super().array(value, path)

    def other(self, value: Any, path: str) -> Any:
        """Turn what only estimators hold."""
        if isinstance(value, BaseEstimator):
            return self._estimator(value, path)
        if isinstance(value, slice):
            return {"$slice": self.encode([value.start, value.stop, value.step], path)}
        if isinstance(value, np.dtype) and value.kind in "biufOUS":
            return {"$dtype": value.str}
        of_pandas = type(value).__module__.partition(".")[0] == "pandas"
        if of_pandas and isinstance(value, _pandas().Index):
            return {"$index": self.encode(value.tolist(), path)}
        if type(value) is make_column_selector:
            parts = [value.pattern, value.dtype_include, value.dtype_exclude]
            return {"$selector": self.encode(parts, path)}
        if isinstance(value, np.random.RandomState):
            return _random_states.encoded(value, self.encode, path)
        for tag, table in (("$type", _classes.types()), ("$function", _classes.functions())):
            name = _classes.name_in(table, value)
            if name is not None:
                return {tag: name}
        raise ValueError(
            f"{path.lstrip('.') or 'The model'} is {value!r}, which a model file cannot hold: it "
            "keeps nnhp's estimators, Pipelines and ColumnTransformers of scikit-learn's common "
            "transformers, and plain values. skops.io.dump keeps any estimator, for those who "
            "trust what is in it."
        )

    def _estimator(self, estimator: BaseEstimator, path: str) -> Any:
        name = _classes.name_of(type(estimator))
        if name is None and hasattr(estimator, "best_estimator_"):
            raise ValueError(
                f"{path.lstrip('.') or 'The model'} is of {type(estimator).__name__}, a search, "
                "which a model file cannot hold: save its best_estimator_."
            )
        if name is None:
            raise ValueError(
                f"{path.lstrip('.') or 'The model'} is of {type(estimator).__name__}, which a "
                f"model file cannot hold. It holds {', '.join(_classes.public_names())}; "
                "skops.io.dump keeps any estimator, for those who trust what is in it."
            )
        state = estimator.__getstate__()
        watched = state.get(_WATCHED, {})
        if callable(watched.get("scoring")):  # a warm start begins its patience anew
            state = state | {_WATCHED: watched | {"scoring": "a callable"}}
        kept = {
            key: self.encode(value, f"{path}.{key}")
            for key, value in state.items()
            if key != _CALLBACKS
        }
        return {"$estimator": [name, kept]}


def decode(document: str, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Give the value of a document whose arrays are those of a file.

    Raises
    ------
    ValueError
        If it is not a document of this kind.
    """
    tags: dict[str, Callable[[Any], Any]] = {
        "$tensor": lambda name: arrays[name].copy(),
        "$transposed": lambda name: arrays[name].copy().T,
        "$objects": _Objects().array,
        "$estimator": lambda kept: _estimator(*kept),
        "$slice": lambda kept: slice(*kept),
        "$index": lambda kept: _pandas().Index(kept),
        "$selector": _selector,
        "$dtype": _dtype,
        _random_states.TAG: _random_states.decoded,
        "$type": lambda name: _classes.types()[name],
        "$function": lambda name: _classes.functions()[name],
    }
    return _typed_json.loads(document, tags)


def _dtype(name: str) -> np.dtype[Any]:
    """A plain type of numbers, texts or objects."""
    if not re.fullmatch(r"[<>|=]?[biufSUO]\d{0,6}", name):
        raise ValueError(f"it names the dtype {name!r}")
    return np.dtype(name)


def _pandas() -> Any:
    """Return pandas, for the few models that need it."""
    return import_module("pandas")


def _selector(kept: Any) -> make_column_selector:
    pattern, include, exclude = kept
    if not isinstance(pattern, str | None):
        raise ValueError(f"it chooses columns by {pattern!r}")
    return make_column_selector(pattern, dtype_include=include, dtype_exclude=exclude)


class _Objects:
    """Makes a document's arrays of texts and objects, which take no more memory than is allowed."""

    def __init__(self) -> None:
        self._left = _MAX_TEXT_BYTES

    def array(self, kept: Any) -> Any:
        name, shape, values = kept
        dtype = _dtype(name)
        self._left -= dtype.itemsize * len(values)
        if self._left < 0:
            raise ValueError(f"it asks for {len(values)} texts of {dtype.itemsize} bytes each")
        array = np.empty(len(values), dtype=object)
        array[:] = values
        return array.reshape(shape).astype(dtype)


def _estimator(name: str, state: dict[str, Any]) -> BaseEstimator:
    of_class = _classes.class_named(name)
    if of_class is None:
        raise ValueError(f"it names the class {name!r}, which is not among those of model files")
    for key in state:
        if not key.isidentifier() or keyword.iskeyword(key) or hasattr(of_class, key):
            raise ValueError(f"it has {key!r} for an attribute of {name}")
    n_features = state.get("n_features_in_", 1)
    if type(n_features) is not int or n_features < 1:
        raise ValueError(f"it has {n_features!r} for the n_features_in_ of {name}")
    classes = np.asarray(state.get("classes_", [0]))
    of_numbers = name.endswith(".TargetEncoder") and state.get("classes_", 0) is None
    if not of_numbers and (classes.ndim != 1 or not classes.size):
        raise ValueError(f"it has classes_ of shape {classes.shape} for {name}")
    estimator = object.__new__(of_class)
    estimator.__setstate__(state)
    # Parameters that this version has, and that which wrote the file had not.
    for parameter in inspect.signature(of_class).parameters.values():
        if parameter.name in state:
            continue
        if parameter.default is parameter.empty:
            raise ValueError(f"its {name} lacks {parameter.name!r}")
        vars(estimator)[parameter.name] = parameter.default
    return estimator
