"""FoldEnsemble: fitted estimators of several folds that predict together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier, is_regressor
from sklearn.utils import _safe_indexing, get_tags, indexable
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from nnhp._doc_link import DocLink
from nnhp.estimators._scoring import score_of_numbers
from nnhp.search._class_values import class_values, decides, knows_probabilities
from nnhp.search._prepare import net_of


def _all_know_probabilities(ensemble: FoldEnsemble) -> bool:
    return is_classifier(ensemble) and all(map(knows_probabilities, ensemble.estimators))


def _all_decide(ensemble: FoldEnsemble) -> bool:
    return is_classifier(ensemble) and all(map(decides, ensemble.estimators))


class FoldEnsemble(DocLink, BaseEstimator):
    """Fitted estimators of several folds, averaged in their predictions.

    Searches make it when they are given ``ensemble=True``, from the best candidate's estimators,
    one per fold. It is a classifier if they are and a regressor if they are, and can be scored,
    inspected and pickled like any other. It cannot be fitted: it has no way of knowing the
    folds. So a clone of it holds the same fitted estimators.

    Parameters
    ----------
    estimators : list of estimators
        Fitted classifiers or fitted regressors, Pipelines included, one per fold. Folds of a
        classifier may lack classes: there those have probability 0. Nets of nnhp that were
        trained on the hinge loss are averaged in their decision values. Other classifiers that do
        not know probabilities vote.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Of classifiers: the labels that any of the estimators knows, sorted; the order of the
        columns of `predict_proba`.

    n_features_in_ : int
        Number of features, if the first estimator knows it.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if the first estimator knows them.

    Raises
    ------
    ValueError
        If `estimators` is empty or holds something else than fitted estimators of one kind, or
        classifiers of several outputs that are not labels (`classes_` is a list).

    Examples
    --------
    >>> from nnhp import MLPClassifier
    >>> from nnhp.search import FoldEnsemble
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_validate
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier((8,), solver="lbfgs", alpha=1, max_iter=1000, random_state=0)
    >>> folds = cross_validate(net, X, y, cv=3, return_estimator=True)
    >>> ensemble = FoldEnsemble(folds["estimator"])
    >>> ensemble.predict(X[:2])
    array([0, 0])
    >>> ensemble.predict_proba(X).shape
    (150, 3)
    """

    def __init__(self, estimators: Sequence[Any]) -> None:
        _check_estimators(estimators)
        self.estimators = estimators

    def fit(self, X: Any, y: Any = None, **params: Any) -> NoReturn:
        """Raise NotImplementedError: the estimators have been fitted by a search.

        Parameters
        ----------
        X, y, **params : object
            Ignored.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError(
            "A FoldEnsemble holds estimators that a search has fitted on its folds, and cannot "
            "be fitted itself. Fit the search (ensemble=True), for instance in cross_validate."
        )

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict with all estimators together.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        predicted : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Of regressors, the mean prediction. Of classifiers, the label with the greatest mean
            probability (or decision value); after multilabel training, a label indicator matrix
            with 1 where the mean probability exceeds 0.5 (the mean decision value, 0).
        """
        if not is_classifier(self):
            return _mean(estimator.predict(X) for estimator in self.estimators)
        values = self._mean_values(X)
        if self._is_multilabel(X):
            return (values > (0.0 if _all_decide(self) else 0.5)).astype(int)
        labels: NDArray[Any] = self.classes_[values.argmax(axis=1)]
        return labels

    @available_if(_all_decide)
    def decision_function(self, X: Any) -> NDArray[Any]:
        """Average the decision values of the estimators, which have no probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        decisions : ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes one number, positive for the second; else one column per entry of
            `classes_`.
        """
        values = self._mean_values(X)
        return values[:, 1] if values.shape[1] == 2 and not self._is_multilabel(X) else values

    @available_if(_all_know_probabilities)
    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Predict probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            The mean of the estimators', one column per entry of `classes_`. Rows sum to 1, but
            for multilabel targets, where each column is a probability of its own.
        """
        return self._mean_values(X)

    @available_if(_all_know_probabilities)
    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """Predict logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            ``log(predict_proba(X))``.
        """
        with np.errstate(divide="ignore"):
            logarithms: NDArray[Any] = np.log(self._mean_values(X))
        return logarithms

    def score(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Score the predictions: accuracy of a classifier, R2 of a regressor.

        Nets of quantiles are scored as `MLPRegressor.score` does.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their labels or targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.

        Returns
        -------
        score : float
            The greater the better, at most 1.
        """
        net = net_of(self.estimators[0])
        if net is not None and is_regressor(net):
            return score_of_numbers(net.loss, self.predict(X), y, sample_weight)
        mixin = ClassifierMixin if is_classifier(self) else RegressorMixin
        return float(mixin.score(self, X, y, sample_weight))

    @property
    def classes_(self) -> NDArray[Any]:
        """Labels that any of the estimators knows, sorted."""
        if not is_classifier(self):
            raise AttributeError("A FoldEnsemble of regressors has no classes_.")
        return np.unique(np.concatenate([estimator.classes_ for estimator in self.estimators]))

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return int(self.estimators[0].n_features_in_)

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """Names of the features."""
        names: NDArray[Any] = self.estimators[0].feature_names_in_
        return names

    def _mean_values(self, X: Any) -> NDArray[Any]:
        classes = self.classes_
        return _mean(class_values(estimator, X, classes) for estimator in self.estimators)

    def _is_multilabel(self, X: Any) -> bool:
        (rows,) = indexable(X)
        return np.ndim(self.estimators[0].predict(_safe_indexing(rows, [0]))) == 2

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        _check_estimators(self.estimators)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_clone__(self) -> Self:
        return type(self)(self.estimators)

    def __sklearn_tags__(self) -> Any:
        return deepcopy(get_tags(self.estimators[0]))


def _check_estimators(estimators: Any) -> None:
    if not isinstance(estimators, list | tuple) or not estimators:
        raise ValueError(f"estimators must be a list of fitted estimators, got {estimators!r}.")
    if not (all(map(is_classifier, estimators)) or all(map(is_regressor, estimators))):
        names = sorted({type(estimator).__name__ for estimator in estimators})
        raise ValueError(f"estimators must be all classifiers or all regressors, got {names}.")
    for estimator in estimators:
        check_is_fitted(estimator)
        if isinstance(getattr(estimator, "classes_", None), list):
            raise ValueError(
                "estimators must not be classifiers of several outputs, each with classes of its "
                f"own, got {type(estimator).__name__}."
            )


def _mean(predictions: Iterable[Any]) -> NDArray[Any]:
    """Average in float64; the result has the precision of the predictions."""
    total, count, dtypes = np.float64(0), 0, []
    for prediction in predictions:
        total = total + prediction
        count += 1
        dtypes.append(prediction.dtype)
    dtype = np.result_type(*dtypes, np.float32)
    return np.asarray(total / count, dtype=dtype)
