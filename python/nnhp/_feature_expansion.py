"""FeatureExpansion: features that are simple functions of the columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import (
    FLOAT_DTYPES,
    _check_feature_names_in,
    check_is_fitted,
    validate_data,
)

from nnhp._checks import naming
from nnhp._doc_link import DocLink


class _Form(NamedTuple):
    """How a feature is written, with {} for each column, and what it is."""

    pattern: str
    function: np.ufunc


# A feature of one or two columns; the form's name stands for those of all columns.
_FORMS = {
    "identity": _Form("{}", np.positive),
    "square": _Form("{}^2", np.square),
    "product": _Form("{}*{}", np.multiply),
    "sin": _Form("sin({})", np.sin),
    "cos": _Form("cos({})", np.cos),
    "tanh": _Form("tanh({})", np.tanh),
    "abs": _Form("abs({})", np.abs),
}

_Term = tuple[str, tuple[int, ...]]  # a form's name, and the numbers of its columns


class FeatureExpansion(DocLink, TransformerMixin, BaseEstimator):
    """Make features that are simple functions of the columns, for a network to choose from.

    What a net would need many units for may be one feature: for example the square of the
    distance to the origin is linear in ``x1^2`` and ``x2^2``.

    ==================  ===================  ==============================================
    of some columns     of all columns       feature
    ==================  ===================  ==============================================
    ``'x1'``            ``'identity'``       the column itself
    ``'x1^2'``          ``'square'``         its square
    ``'x1*x2'``         ``'product'``        the product of two columns; of all, each pair
                                             once: n (n - 1) / 2 features of n columns;
                                             ``'x1*x1'`` is another name of ``'x1^2'``
    ``'sin(x1)'``       ``'sin'``            its sine, likewise 'cos', 'tanh' and 'abs'
    ==================  ===================  ==============================================

    The columns are ``x1``, ``x2`` and so on in their order. Those of a DataFrame are called by
    their own names too, as in ``'age^2'``; if some of these look like ``x1``, only by their own
    names. A word of the middle column, such as ``'square'``, always means all columns; a column
    that has such a name is called by its number.

    Parameters
    ----------
    features : sequence of str, default=('identity', 'square', 'product', 'sin')
        The features in their order, never a bare str; what comes twice is made once. The default
        suits any number of columns. Of two columns it makes the seven features of the TensorFlow
        Playground: x1, x2, x1^2, x2^2, x1*x2, sin(x1), sin(x2).

    Attributes
    ----------
    n_features_in_ : int
        Columns seen by `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where `X` was a DataFrame whose names are all strings.

    Examples
    --------
    >>> from nnhp import FeatureExpansion, MLPClassifier
    >>> from nnhp.datasets import make_circle
    >>> from sklearn.pipeline import make_pipeline
    >>> X, y = make_circle(random_state=0)
    >>> linear = MLPClassifier((), solver="lbfgs", random_state=0)
    >>> make_pipeline(FeatureExpansion(["x1^2", "x2^2"]), linear).fit(X, y).score(X, y)
    1.0
    >>> FeatureExpansion().fit(X).get_feature_names_out().tolist()
    ['x1', 'x2', 'x1^2', 'x2^2', 'x1*x2', 'sin(x1)', 'sin(x2)']
    """

    def __init__(self, features: Sequence[str] = ("identity", "square", "product", "sin")) -> None:
        self.features = features

    def fit(self, X: Any, y: Any = None) -> FeatureExpansion:  # noqa: ARG002
        """Find out which columns the features are made of.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        y : None
            Ignored.

        Returns
        -------
        self : FeatureExpansion
            The fitted transformer.

        Raises
        ------
        ValueError
            If `features` has no features of these columns, or something else among them.

        Examples
        --------
        >>> from nnhp import FeatureExpansion
        >>> FeatureExpansion(["x1", "x2^2"]).fit([[1.0, 2.0], [3.0, 4.0]]).n_features_in_
        2
        """
        with naming("X"):
            validate_data(self, X, dtype=FLOAT_DTYPES)
        self._terms = self._read_terms()
        return self

    def transform(self, X: Any) -> Any:
        """Make the features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        X_out : ndarray of shape (n_samples, n_features_out)
            Features, of the samples' precision; a DataFrame if `set_output` says so.

        Examples
        --------
        >>> from nnhp import FeatureExpansion
        >>> X = [[1.0, 2.0], [3.0, 4.0]]
        >>> FeatureExpansion(["x1", "x2^2", "product"]).fit(X).transform(X)
        array([[ 1.,  4.,  2.],
               [ 3., 16., 12.]])
        """
        check_is_fitted(self)
        with naming("X"):
            X = validate_data(self, X, dtype=FLOAT_DTYPES, reset=False)
        out = np.empty((len(X), len(self._terms)), dtype=X.dtype)
        for place, (form, columns) in enumerate(self._terms):
            _FORMS[form].function(*X.T[list(columns)], out=out[:, place])
        return out

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Name the features.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the columns; None is those that `fit` saw, else x1, x2 and so on.

        Returns
        -------
        names : ndarray of shape (n_features_out,)
            Each as one writes it in `features`.

        Examples
        --------
        >>> from nnhp import FeatureExpansion
        >>> expansion = FeatureExpansion(["square", "product"]).fit([[1.0, 2.0], [3.0, 4.0]])
        >>> expansion.get_feature_names_out(["width", "height"]).tolist()
        ['width^2', 'height^2', 'width*height']
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features, generate_names=False)
        if names is None:
            names = _numbered(self.n_features_in_)
        written = [
            _FORMS[form].pattern.format(*(names[column] for column in columns))
            for form, columns in self._terms
        ]
        return np.array(written, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _read_terms(self) -> list[_Term]:
        features: Any = self.features
        if isinstance(features, str) or not isinstance(features, Iterable):
            meant = [features] if isinstance(features, str) else ["x1", "square"]
            raise ValueError(
                f"features must be a sequence of str, a list such as {meant!r}, got {features!r}."
            )
        columns = self._columns()
        terms = [term for feature in features for term in _terms(feature, columns)]
        if not terms:
            raise ValueError(
                f"features must name at least one feature of {self.n_features_in_} column(s), "
                f"got {features!r}."
            )
        return list(dict.fromkeys(terms))

    def _columns(self) -> dict[str, int]:
        """The number of each column by all its names."""
        names = list(getattr(self, "feature_names_in_", ()))
        columns = {name: i for i, name in enumerate(names)}
        if not any(re.fullmatch(r"x\d+", name) for name in names):
            columns |= {name: i for i, name in enumerate(_numbered(self.n_features_in_))}
        return columns


def _numbered(n_columns: int) -> list[str]:
    return [f"x{i + 1}" for i in range(n_columns)]


def _terms(feature: Any, columns: dict[str, int]) -> list[_Term]:
    """What a name stands for; ValueError if for nothing."""
    given = feature if isinstance(feature, str) else ""
    if given in _FORMS:
        n_columns = _FORMS[given].pattern.count("{}")
        numbers = sorted(set(columns.values()))
        return [(given, chosen) for chosen in combinations(numbers, n_columns)]
    for name, form in _FORMS.items():
        found = re.fullmatch(re.escape(form.pattern).replace(r"\{\}", "(.+)"), given.strip())
        if found is None:
            continue
        chosen = [part.strip() for part in found.groups()]
        if all(column in columns for column in chosen):
            numbers = sorted(columns[column] for column in chosen)
            if name == "product" and numbers[0] == numbers[1]:
                return [("square", (numbers[0],))]
            return [(name, tuple(numbers))]
    listed = ", ".join(list(columns)[:8]) + (", ..." if len(columns) > 8 else "")
    first = next(iter(columns))
    forms = ", ".join(form.pattern.replace("{}", first) for form in _FORMS.values())
    raise ValueError(
        f"features must be of {', '.join(_FORMS)} (of all columns) and of {forms} with the columns "
        f"{listed}; got {feature!r}."
    )
