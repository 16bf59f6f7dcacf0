"""The job of ``nnhp search``: tune a network on one of scikit-learn's bundled data sets."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from joblib import parallel_config
from scipy.stats import loguniform, uniform
from sklearn import datasets
from sklearn.model_selection import RandomizedSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from nnhp.estimators import MLPClassifier, MLPRegressor

_LOADERS: dict[str, Callable[..., Any]] = {
    "digits": datasets.load_digits,
    "breast_cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
    "iris": datasets.load_iris,
    "diabetes": datasets.load_diabetes,
}
DATASETS = tuple(_LOADERS)

_BATCH_SIZES = [16, 32, 64, 128]  # those that a training fold can fill

# Searched parameter of the network -> (heading in the table, where its values come from).
_SPACE: dict[str, tuple[str, Any]] = {
    "learning_rate_init": ("learning rate", loguniform(1e-4, 1e-1)),
    "batch_size": ("batch", _BATCH_SIZES),
    "hidden_layer_sizes": (
        "layers",
        [(32,), (64,), (128,), (32, 32), (64, 64), (128, 64), (128, 128), (64, 64, 64)],
    ),
    "dropout": ("dropout", uniform(0.0, 0.5)),
    "alpha": ("L2", loguniform(1e-6, 1e-1)),
}
_MAX_ITER = 100


@dataclass(frozen=True)
class BundledData:
    """A bundled data set, split once: the test rows are never seen by the search."""

    name: str
    classification: bool
    X_train: Any
    X_test: Any
    y_train: Any
    y_test: Any

    @property
    def metric(self) -> str:
        """Name of the score, as a reader knows it."""
        return "accuracy" if self.classification else "R^2"

    @property
    def max_folds(self) -> int:
        """Most folds of which each can hold a sample of every class."""
        if self.classification:
            return int(np.unique(self.y_train, return_counts=True)[1].min())
        return len(self.y_train) // 2


@dataclass(frozen=True)
class SearchResult:
    """What a search found; scores are the data's metric."""

    candidates: pd.DataFrame
    best_test_score: float
    default_test_score: float
    seconds: float


def load(name: str, seed: int) -> BundledData:
    """Load a data set by name and hold a quarter of it out, stratified by class."""
    X, y = _LOADERS[name](return_X_y=True)
    classification = name != "diabetes"
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.25, random_state=seed, stratify=y if classification else None
    )
    return BundledData(name, classification, X_train, X_test, y_train, y_test)


def search(
    data: BundledData,
    *,
    n_candidates: int,
    n_folds: int,
    seed: int,
    n_jobs: int,
    on_fit: Callable[[], object],
) -> SearchResult:
    """Cross-validate random candidates, then score the best and the defaults on the test rows.

    Parameters
    ----------
    data : BundledData
        What to learn.
    n_candidates, n_folds : int
        Candidates to draw and folds to cross-validate each one with.
    seed : int
        Fixes the candidates, the folds and the networks.
    n_jobs : int
        Fits that run at once; -1 is one for each core.
    on_fit : callable
        Called after each of the ``n_candidates * n_folds`` fits, from any thread.
    """
    start = time.perf_counter()
    space = {f"mlp__{name}": values for name, (_, values) in _SPACE.items()}
    fold_rows = len(data.y_train) - -(-len(data.y_train) // n_folds)
    space["mlp__batch_size"] = [size for size in _BATCH_SIZES if size <= fold_rows]
    searcher = RandomizedSearchCV(
        _model(data, seed, max_iter=_MAX_ITER),
        space,
        n_iter=n_candidates,
        cv=n_folds,
        random_state=seed,
        scoring=_CountingScorer(on_fit),
    )
    # Threads: the engine works outside the interpreter's lock, and the data need not be copied.
    with parallel_config("threading", n_jobs=n_jobs):
        searcher.fit(data.X_train, data.y_train)
    defaults = _model(data, seed).fit(data.X_train, data.y_train)
    return SearchResult(
        candidates=_ranking(searcher.cv_results_),
        best_test_score=searcher.best_estimator_.score(data.X_test, data.y_test),
        default_test_score=defaults.score(data.X_test, data.y_test),
        seconds=time.perf_counter() - start,
    )


class _CountingScorer:
    """Scores with the estimator's own metric and reports that one more fit is done."""

    def __init__(self, on_fit: Callable[[], object]) -> None:
        self._on_fit = on_fit
        self._lock = threading.Lock()

    def __call__(self, estimator: Any, X: Any, y: Any) -> float:
        score = float(estimator.score(X, y))
        with self._lock:
            self._on_fit()
        return score


def _model(data: BundledData, seed: int, **params: Any) -> Pipeline:
    """Scaling is part of the model, so that no fold learns from the rows that judge it."""
    estimator = MLPClassifier if data.classification else MLPRegressor
    mlp = estimator(random_state=seed, **params)
    return Pipeline([("scale", StandardScaler()), ("mlp", mlp)])


def _ranking(cv_results: dict[str, Any]) -> pd.DataFrame:
    """One row per candidate, best first."""
    columns = {
        "rank": cv_results["rank_test_score"],
        "mean": cv_results["mean_test_score"],
        "std": cv_results["std_test_score"],
    }
    for name, (heading, _) in _SPACE.items():
        columns[heading] = cv_results[f"param_mlp__{name}"]
    columns["seconds"] = cv_results["mean_fit_time"]
    return pd.DataFrame(columns).sort_values("rank", kind="stable", ignore_index=True)
