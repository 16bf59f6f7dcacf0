"""Fitted models as files that hold arrays and text, and run nothing when they are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

import nnhp
from nnhp._model_files import _container, _estimators

__all__ = ["load", "load_model", "save"]

_KIND = "estimator"


def save(model: Any, path: str | Path) -> None:
    """Write a fitted model to a file that runs nothing when it is read.

    The file is in the safetensors format: arrays by the names of the attributes that they are, and
    as metadata a text of JSON with all the rest, and a SHA-256 of everything. What is loaded
    predicts the same bits, and `partial_fit` goes on as if there had been no file.

    Parameters
    ----------
    model : estimator or Sequential
        A fitted `MLPClassifier` or `MLPRegressor`, a fitted Pipeline of such a network and
        scikit-learn's common transformers or `FeatureExpansion`, a `FoldEnsemble` of these, or an
        `nnhp.Sequential`. Of a search save its ``best_estimator_``. Callbacks are left out.
    path : str or path-like
        An earlier file of that name stays until the new one is complete.

    Raises
    ------
    ValueError
        The model has something that such a file cannot hold: a step of another class, or a
        function as a parameter that is none of NumPy's. The message names it.
    sklearn.exceptions.NotFittedError
        The model is not fitted.
    OSError
        The file cannot be written.

    See Also
    --------
    load : Read it.

    Examples
    --------
    >>> import nnhp
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_iris(return_X_y=True)
    >>> net = nnhp.MLPClassifier(16, max_iter=100, random_state=0)
    >>> model = make_pipeline(StandardScaler(), net).fit(X, y)
    >>> nnhp.save(model, "iris.nnhp")
    >>> loaded = nnhp.load("iris.nnhp")
    >>> bool((loaded.predict_proba(X) == model.predict_proba(X)).all())
    True
    """
    if hasattr(type(model), "_of_file"):  # a Sequential
        model.save(path)
        return
    if not isinstance(model, BaseEstimator):
        raise TypeError(f"model must be a fitted estimator or a Sequential, got {model!r}.")
    check_is_fitted(model)
    encoder = _estimators.EstimatorEncoder()
    document = json.dumps({"nnhp": nnhp.__version__, "model": encoder.encode(model)})
    _container.write(path, _container.Content(_KIND, document, encoder.arrays))


def load(path: str | Path) -> Any:
    """Read a model that `save` wrote, from a file that nobody needs to trust.

    Nothing of a file is run, and nothing is built before the file's SHA-256 is found right. That
    tells of damage; it is no signature, and anybody can write a file with another model in it.

    Parameters
    ----------
    path : str or path-like
        A file of `save`, of an estimator's ``save`` or of ``Sequential.save``.

    Returns
    -------
    model : estimator or Sequential
        Equal to the one that was saved.

    Raises
    ------
    ValueError
        It is not such a file, or of a later version, or damaged.
    OSError
        There is no such file, or it cannot be read.

    Warns
    -----
    sklearn.exceptions.InconsistentVersionWarning
        One of scikit-learn's steps was saved by another version of it.

    Examples
    --------
    >>> import nnhp
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = nnhp.MLPRegressor(hidden_layer_sizes=8, max_iter=20, random_state=0).fit(X, y)
    >>> net.save("diabetes.nnhp")
    >>> bool((nnhp.load("diabetes.nnhp").predict(X) == net.predict(X)).all())
    True
    """
    content = _container.read(path)
    if content.kind == "Sequential":
        from nnhp.sequential import Sequential

        return Sequential._of_file(path, content)  # noqa: SLF001
    if content.kind != _KIND:
        raise ValueError(f"{path} holds {content.kind!r}, which nnhp.load does not know.")
    with _container.guarded(path):
        model = _estimators.decode(content.document, content.arrays)["model"]
        if not isinstance(model, BaseEstimator):
            raise ValueError(f"it holds {type(model).__name__}, which is no estimator")
    return model


load_model = load
