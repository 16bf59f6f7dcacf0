"""nested_cv: what a search's best score is worth on data that it has not seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn import get_config
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.model_selection import cross_validate

from nnhp._checks import check_arguments
from nnhp._component import Names

_OWN = "the search's own"  # its name among the metrics of `scoring`


def nested_cv(
    search: Any,
    X: Any,
    y: ArrayLike | None = None,
    *,
    cv: Any = 5,
    scoring: Any = None,
    params: Mapping[str, Any] | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
    return_train_score: bool = False,
    return_estimator: bool = False,
    return_indices: bool = False,
    error_score: float | str = np.nan,
) -> dict[str, Any]:
    """Cross-validate a search: search within each outer training set, score on the outer test set.

    The best score that a search reports is too good. It is the greatest of many scores, each of
    them the candidate's merit plus luck with the inner splits, and the greatest is the one with
    more luck than the others: the more candidates and the fewer samples, the more so. This is
    hyperparameter overfitting. The outer test samples took no part in the choice, so their score
    is an honest estimate of what the search, refit included, will do on new data. The difference
    is the optimism of the inner score.

    Each outer fold may choose other parameters. So this judges the way of choosing; to get a
    model, fit the search on all samples.

    Parameters
    ----------
    search : search of nnhp or of scikit-learn
        Refits, so that it can score. Cloned for each outer fold.

    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Samples.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        Targets.

    cv : int, splitter or iterable, default=5
        The outer splits, as in `cross_validate`. The inner ones are ``search.cv``.

    scoring : str, callable, list, tuple, set, dict or None, default=None
        Metrics of the ``test_...`` entries, as in `cross_validate`; a callable returns one
        number. None is the metric that the search chooses by (that of its `refit`). The optimism
        is always of that metric.

    params : dict or None, default=None
        Given to the fits, cut to the samples of each fold: for example `sample_weight`. `groups`
        go to the outer splits and to ``search.fit``, thus to the inner splits. With
        scikit-learn's metadata routing, everything goes where it is requested. Without it, the
        outer test samples are not weighted.

    n_jobs : int or None, default=None
        Outer folds that run at once.

    verbose : int, default=0
        As in `cross_validate`.

    return_train_score, return_estimator, return_indices : bool, default=False
        Whether the result has the scores on the outer training sets, the fitted searches and
        the indices of the samples.

    error_score : 'raise' or float, default=nan
        Score where a search fails, with a warning; 'raise' raises its error.

    Returns
    -------
    scores : dict
        What `cross_validate` returns, and one array with an entry per outer fold each of:

        - ``'inner_score'``: the search's best score within the outer training set, NaN where
          it failed
        - ``'outer_score'``: the same metric on the outer test set; ``'test_score'`` if
          `scoring` is None
        - ``'optimism'``: ``inner_score - outer_score``. Single folds scatter; look at the mean.

    Raises
    ------
    ValueError
        If `search` is not a search or does not refit, or if its `refit` is a function and it has
        several metrics. Where its `scoring` is a function too, that shows after the searches.

    Examples
    --------
    >>> from nnhp import MLPClassifier, nested_cv
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import RandomizedSearchCV
    >>> net = MLPClassifier((8,), solver="lbfgs", max_iter=1000, random_state=0)
    >>> space = {"alpha": loguniform(1e-2, 1e2)}
    >>> search = RandomizedSearchCV(net, space, n_iter=5, cv=3, random_state=0)
    >>> scores = nested_cv(search, *load_iris(return_X_y=True), cv=3)
    >>> bool(scores["test_score"].mean() > 0.9)
    True
    >>> sorted(scores)
    ['fit_time', 'inner_score', 'optimism', 'outer_score', 'score_time', 'test_score']
    """
    _check_search(search)
    check_arguments("nested_cv", _CONSTRAINTS, locals())
    params = dict(params or {})
    routing = get_config()["enable_metadata_routing"]
    results: dict[str, Any] = cross_validate(
        search,
        X,
        y,
        groups=None if routing else params.get("groups"),
        scoring=None if scoring is None else _with_own_score(search, scoring),
        cv=cv,
        n_jobs=n_jobs,
        verbose=verbose,
        params=params,
        return_train_score=return_train_score,
        return_estimator=True,
        return_indices=return_indices,
        error_score=error_score,
    )
    inner = np.array([_inner_score(fitted) for fitted in results["estimator"]])
    if not return_estimator:
        del results["estimator"]
    if scoring is None:
        outer = results["test_score"]
    else:
        outer = results.pop(f"test_{_OWN}")
        results.pop(f"train_{_OWN}", None)
    return {**results, "inner_score": inner, "outer_score": outer, "optimism": inner - outer}


_CONSTRAINTS = {
    "params": [Mapping, None],
    "scoring": [Names(set(get_scorer_names())), callable, list, tuple, set, dict, None],
    "return_estimator": ["boolean"],
}


def _check_search(search: Any) -> None:
    if not hasattr(search, "refit") or not hasattr(search, "fit"):
        raise ValueError(
            "search must be a hyperparameter search such as GridSearchCV, got "
            f"{type(search).__name__}."
        )
    if search.refit is False:
        raise ValueError("search must refit its best candidate, got refit=False.")
    if callable(search.refit) and isinstance(search.scoring, list | tuple | dict):
        raise _unnamed_metric(search)


def _unnamed_metric(search: Any) -> ValueError:
    return ValueError(
        "search must name the metric that it chooses by, refit='...', because it has "
        f"several; got refit={search.refit!r}."
    )


def _with_own_score(search: Any, scoring: Any) -> dict[str, Any]:
    if isinstance(scoring, Mapping):
        named = dict(scoring)
    elif isinstance(scoring, list | tuple | set):
        named = {name: name for name in scoring}
    else:
        named = {"score": scoring}
    return {**named, _OWN: check_scoring(search)}


def _inner_score(search: Any) -> float:
    if hasattr(search, "best_score_"):
        return float(search.best_score_)
    if not hasattr(search, "best_index_"):  # the fit failed
        return np.nan
    # A search whose `refit` is a function has no best score.
    if "mean_test_score" not in search.cv_results_:  # a callable scoring does not tell beforehand
        raise _unnamed_metric(search)
    return float(search.cv_results_["mean_test_score"][search.best_index_])
