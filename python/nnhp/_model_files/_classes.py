"""What a model file may be made of: names of classes and functions, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from sklearn.base import BaseEstimator

# By module, whose classes are plain data once they are fitted.
_CLASSES: dict[str, tuple[str, ...]] = {
    "nnhp": ("MLPClassifier", "MLPRegressor", "FeatureExpansion"),
    "nnhp._table_values": ("KnownTexts",),
    "nnhp.search": ("FoldEnsemble",),
    "sklearn.compose": ("ColumnTransformer", "TransformedTargetRegressor"),
    "sklearn.decomposition": ("PCA",),
    "sklearn.feature_selection": ("SelectKBest", "SelectPercentile", "VarianceThreshold"),
    "sklearn.frozen": ("FrozenEstimator",),
    "sklearn.impute": ("KNNImputer", "MissingIndicator", "SimpleImputer"),
    "sklearn.pipeline": ("FeatureUnion", "Pipeline"),
    "sklearn.preprocessing": (
        "Binarizer",
        "FunctionTransformer",
        "KBinsDiscretizer",
        "LabelBinarizer",
        "MaxAbsScaler",
        "MinMaxScaler",
        "Normalizer",
        "OneHotEncoder",
        "OrdinalEncoder",
        "PolynomialFeatures",
        "PowerTransformer",
        "QuantileTransformer",
        "RobustScaler",
        "StandardScaler",
        "TargetEncoder",
    ),
}
# NumPy's functions of single numbers, which change nothing but what they return.
_UFUNCS = (
    *("abs", "ceil", "floor", "negative", "reciprocal", "rint", "sign"),
    *("cbrt", "sqrt", "square"),
    *("exp", "exp2", "expm1", "log", "log10", "log1p", "log2"),
    *("arcsinh", "arctan", "cos", "sin", "sinh", "tanh"),
)
# What selects columns judges them by one of these.
_SCORES = (
    *("chi2", "f_classif", "f_regression", "r_regression"),
    *("mutual_info_classif", "mutual_info_regression"),
)
# By the names that files have for them, which stay when a function moves: its module.
_FUNCTIONS = {
    "nnhp._tables.as_frame": "nnhp._table_values",
    "nnhp._tables.as_text": "nnhp._table_values",  # now KnownTexts, which calls it
    **{f"numpy.{name}": "numpy" for name in _UFUNCS},
    **{f"sklearn.feature_selection.{name}": "sklearn.feature_selection" for name in _SCORES},
}
_TYPES = (bool, int, float, str, object)


def class_names() -> list[str]:
    """Names of the classes of estimators, in their order."""
    return sorted(f"{module}.{name}" for module, names in _CLASSES.items() for name in names)


def public_names() -> list[str]:
    """Names of the classes that users know, in their order."""
    return [name for name in class_names() if "._" not in name]


def class_named(name: str) -> type[BaseEstimator] | None:
    """Class of estimators by its name, for which its module is imported; None if not known."""
    module, _, own_name = name.rpartition(".")
    known = own_name in _CLASSES.get(module, ())
    return getattr(import_module(module), own_name) if known else None


def name_of(kind: type[BaseEstimator]) -> str | None:
    """Name of a class of estimators; None if it is not known."""
    alike = (name for name in class_names() if name.rpartition(".")[2] == kind.__name__)
    return next((name for name in alike if class_named(name) is kind), None)


@cache
def functions() -> dict[str, Callable[..., Any]]:
    """Functions that transformers of samples and of targets may hold, by their names."""
    return {
        name: getattr(import_module(module), name.rpartition(".")[2])
        for name, module in _FUNCTIONS.items()
    }


@cache
def types() -> dict[str, type]:
    """Types that an encoder may make or columns may be chosen by, by their names."""
    numpy = import_module("numpy")
    numbers = ("bool_", "int8", "int16", "int32", "int64", "uint8", "float32", "float64")
    names = (*numbers, "number", "integer", "floating", "object_", "str_")
    return {
        **{of.__name__: of for of in _TYPES},
        **{f"numpy.{name}": getattr(numpy, name) for name in names},
    }


def name_in(table: dict[str, Any], value: Any) -> str | None:
    """Name that a table has for a value; None if it has none."""
    return next((name for name, known in table.items() if known is value), None)
