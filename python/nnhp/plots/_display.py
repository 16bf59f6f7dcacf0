"""The way from a search or a study to a picture, shared by all displays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Self

from nnhp.plots import _evaluations
from nnhp.plots._evaluations import Evaluations
from nnhp.plots._figure import need_matplotlib
from nnhp.search import Study


class SearchDisplay(ABC):
    """A picture of a search or a study."""

    plot: Callable[..., Self]

    @classmethod
    @abstractmethod
    def _of(cls, evaluations: Evaluations) -> Self:
        """Return the display of some evaluations, not drawn."""

    @classmethod
    def from_search(
        cls, search: Any, *, metric: str | None = None, ax: Any = None, **kwargs: Any
    ) -> Self:
        """Draw a fitted search.

        Parameters
        ----------
        search : fitted search
            One of nnhp's or scikit-learn's.

        metric : str, default=None
            Which of several metrics; by default the one that `refit` names.

        ax : Axes or array-like of Axes, default=None
            As in :meth:`plot`.

        **kwargs : dict
            Further keywords of :meth:`plot`.

        Returns
        -------
        display : object
            The display, drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the search is not fitted.
        ValueError
            If the search does not hold what is to be drawn, or a metric must be chosen.
        ImportError
            If matplotlib is absent.
        """
        need_matplotlib(f"{cls.__name__}.from_search")
        return cls._of(_evaluations.of_search(search, metric)).plot(ax, **kwargs)

    @classmethod
    def from_study(
        cls,
        study: str | PathLike[str] | Study,
        *,
        number: Any = None,
        metric: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw a study.

        Parameters
        ----------
        study : Study, str or path
            The study, or its file.

        number : int, default=None
            Which of several studies in the file.

        metric : str, default=None
            Which of several metrics.

        ax : Axes or array-like of Axes, default=None
            As in :meth:`plot`.

        **kwargs : dict
            Further keywords of :meth:`plot`.

        Returns
        -------
        display : object
            The display, drawn.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the study does not hold what is to be drawn, or a study or a metric must be
            chosen.
        ImportError
            If matplotlib is absent.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> from nnhp import GridSearchCV, MLPClassifier
        >>> from nnhp.plots import SearchTraceDisplay
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> net = MLPClassifier(8, learning_rate_init=0.05, max_iter=300, random_state=0)
        >>> with TemporaryDirectory() as folder:
        ...     path = f"{folder}/iris.db"
        ...     search = GridSearchCV(net, {"alpha": [1e-4, 1e-2]}, study=path)
        ...     _ = search.fit(X, y)
        ...     display = SearchTraceDisplay.from_study(path)
        >>> bool(abs(display.best_scores[-1] - search.best_score_) < 1e-9)
        True
        """
        need_matplotlib(f"{cls.__name__}.from_study")
        return cls._of(_evaluations.of_study(study, metric, number)).plot(ax, **kwargs)


class ParamDisplay(SearchDisplay):
    """A picture of what the parameters of a search did."""

    @classmethod
    @abstractmethod
    def _of(cls, evaluations: Evaluations, params: str | Sequence[str] | None = None) -> Self:
        """Return the display of some evaluations, not drawn."""

    @classmethod
    def from_search(
        cls,
        search: Any,
        *,
        params: str | Sequence[str] | None = None,
        metric: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw a fitted search.

        Parameters
        ----------
        search : fitted search
            One of nnhp's or scikit-learn's.

        params : str or sequence of str, default=None
            Names of the parameters to show. None takes all that vary.

        metric : str, default=None
            Which of several metrics; by default the one that `refit` names.

        ax : Axes or array-like of Axes, default=None
            As in :meth:`plot`.

        **kwargs : dict
            Further keywords of :meth:`plot`.

        Returns
        -------
        display : object
            The display, drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the search is not fitted.
        ValueError
            If the search does not hold what is to be drawn, a metric must be chosen, or a
            parameter was not searched.
        ImportError
            If matplotlib is absent.
        """
        need_matplotlib(f"{cls.__name__}.from_search")
        evaluations = _evaluations.of_search(search, metric)
        return cls._of(evaluations, params).plot(ax, **kwargs)

    @classmethod
    def from_study(
        cls,
        study: str | PathLike[str] | Study,
        *,
        params: str | Sequence[str] | None = None,
        number: Any = None,
        metric: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw a study.

        Parameters
        ----------
        study : Study, str or path
            The study, or its file.

        params : str or sequence of str, default=None
            Names of the parameters to show. None takes all that vary.

        number : int, default=None
            Which of several studies in the file.

        metric : str, default=None
            Which of several metrics.

        ax : Axes or array-like of Axes, default=None
            As in :meth:`plot`.

        **kwargs : dict
            Further keywords of :meth:`plot`.

        Returns
        -------
        display : object
            The display, drawn.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the study does not hold what is to be drawn, a study or a metric must be chosen,
            or a parameter was not searched.
        ImportError
            If matplotlib is absent.
        """
        need_matplotlib(f"{cls.__name__}.from_study")
        evaluations = _evaluations.of_study(study, metric, number)
        return cls._of(evaluations, params).plot(ax, **kwargs)
