"""The job of the command `nnhp search`: tune a network on a table, and judge it."""

from __future__ import annotations

import contextlib
import io
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any, TypeAlias

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import ParameterGrid, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from nnhp import _tables
from nnhp._space_file import read_space
from nnhp._table_files import FailedError, RefusedError, check_writable
from nnhp._table_methods import (
    FACTOR,
    MAX_DEPTH,
    METHODS,
    RESOURCE,
    Asked,
    default_space,
    whole_number,
)
from nnhp._table_study import check_study, in_options
from nnhp._table_words import one_line
from nnhp._tables import STEP, Table
from nnhp.search import (
    GrowSearchCV,
    HalvingRandomSearchCV,
    HyperbandSearchCV,
    PBTSearchCV,
    Study,
    When,
)
from nnhp.search._proposals import need_optuna
from nnhp.search._study import StudyDiffers, StudyLocked

_Space: TypeAlias = dict[str, Any] | list[dict[str, Any] | When]

_HELD_OUT = 0.25
_HEADINGS = {
    "learning_rate_init": "learning rate",
    "batch_size": "batch",
    "hidden_layer_sizes": "layers",
    "alpha": "L2",
}


@dataclass(frozen=True)
class Request:
    """What to search with, as asked for.

    Attributes
    ----------
    method : {'random', 'grid', 'halving', 'hyperband', 'bayes', 'genetic', 'pbt', 'grow'}
        How candidates are found and compared.
    space : str or None
        TOML file of the search space; None is the default one.
    n_candidates, epochs : int or None
        Candidates to draw, and epochs that one gets at most; None is the method's default.
    n_folds : int
        Folds of the cross-validation.
    seconds : float or None
        Time after which no candidate is begun.
    study : str or None
        File of the durable record.
    resume : bool
        Whether the record must already have this search.
    seed : int
        Fixes the rows held out, the candidates and the networks.
    n_jobs : int or None
        Threads; None is all of them.
    curves : bool
        Whether to keep learning curves, for a report.
    progress : bool
        Whether to show a progress bar.
    """

    method: str = "random"
    space: str | None = None
    n_candidates: int | None = None
    epochs: int | None = None
    n_folds: int = 5
    seconds: float | None = None
    study: str | None = None
    resume: bool = False
    seed: int = 0
    n_jobs: int | None = None
    curves: bool = False
    progress: bool = False


@dataclass(frozen=True)
class Found:
    """What a search found; scores are of the held-out rows.

    Attributes
    ----------
    search : fitted search
        Of a Pipeline; for a regression, on targets of mean 0 and standard deviation 1.
    model : Pipeline or TransformedTargetRegressor
        The best candidate, trained on all rows that were searched on. It takes rows of the table:
        a frame, or arrays and lists in the order of its columns.
    candidates : DataFrame
        One row per setting, best first: rank, score, settings, epochs, seconds.
    n_tried : int
        Candidates that were tried, of which two may have had the same setting. The first has the
        default settings.
    default_won : bool
        Whether the best candidate has the default settings.
    cut : str
        How far the search came where its time was up, empty where it came to its end.
    best_score, default_score : float
        Accuracy or R^2 of `model`, and of a network with default settings and as many epochs.
    n_held_out : int
        Rows that were scored.
    shortfall, shortfall_error : float
        How far `best_score` is below `default_score`, and the standard error of that difference.
    seconds : float
        Time that all this took.
    """

    search: Any
    model: Any
    candidates: pd.DataFrame
    n_tried: int
    default_won: bool
    cut: str
    best_score: float
    default_score: float
    n_held_out: int
    shortfall: float
    shortfall_error: float
    seconds: float


class TableSearch:
    """A search over a table, checked and ready to run.

    Parameters
    ----------
    table : Table
        A quarter of its rows is held out, by class.
    request : Request
        What to search with.

    Attributes
    ----------
    plan : str
        What will be done, in one line.
    n_candidates : int
        Candidates that will be tried: the default settings, and those drawn or combined.
    remarks : list of str
        What the user should know of it.

    Raises
    ------
    RefusedError
        If the table has too few rows, or the request contradicts itself.
    """

    def __init__(self, table: Table, request: Request) -> None:
        self._table, self._request = table, request
        self.remarks: list[str] = []
        self._check_request()
        self._X, self._X_test, self._y, self._y_test = self._split()
        n_rows = len(self._y)
        self._fold_rows = n_rows - -(-n_rows // request.n_folds)
        self._epochs = request.epochs or METHODS[request.method].epochs
        self._space = self._searched_space()
        self._n_drawn = self._count_drawn()
        self.n_candidates = 1 + self._n_drawn
        self.plan = (
            f"{request.method} search: the default settings and {self._n_drawn} "
            f"candidate{'s' * (self._n_drawn != 1)} of up to {self._epochs} epochs x "
            f"{request.n_folds} folds of {n_rows} rows; {len(self._y_test)} rows held out"
        )

    @property
    def metric(self) -> str:
        """Name of the score, as a reader knows it."""
        return "accuracy" if self._table.classification else "R^2"

    def run(self) -> Found:
        """Search, then judge the best candidate and the default settings on the held-out rows.

        Raises
        ------
        RefusedError
            If no candidate can be trained, or the study does not have this search.
        FailedError
            If the study cannot be written.
        KeyboardInterrupt
            After Ctrl-C; a study keeps what was done.
        """
        begun = time.perf_counter()
        with _quiet():
            y, restore = self._y, None
            if not self._table.classification:
                restore = StandardScaler().fit(self._y[:, np.newaxis])
                y = restore.transform(self._y[:, np.newaxis]).ravel()
            search = self._fitted(self._make_search(), y)
            defaults = self._pipeline().fit(self._X, y)
            model, default_model = (
                self._of_rows(fitted) for fitted in (search.best_estimator_, defaults)
            )
            n_tried, rungs, all_rungs = _extent(search)
            cut = ""
            if isinstance(search, GrowSearchCV):
                cut = "" if _has_grown(search) else f"after {n_tried} nets"
            elif search.ended_by_ is None:
                pass
            elif n_tried < self.n_candidates:
                cut = f"after {n_tried} of {self.n_candidates} candidates"
            elif rungs < all_rungs:
                what = "generations" if isinstance(search, PBTSearchCV) else "rungs"
                cut = f"after {rungs} of {all_rungs} {what}"
            lost = self._losses(model) - self._losses(default_model)
            return Found(
                search=search,
                model=model,
                candidates=_ranking(search, _searched(_parts(self._space))),
                n_tried=n_tried,
                default_won=_without_epochs(search.best_params_) == self._default_settings(),
                cut=cut,
                best_score=float(model.score(self._X_test, self._y_test)),
                default_score=float(default_model.score(self._X_test, self._y_test)),
                n_held_out=len(lost),
                shortfall=float(lost.mean()),
                shortfall_error=float(lost.std() / np.sqrt(len(lost))),
                seconds=time.perf_counter() - begun,
            )

    # ------------------------------------------------------------------ what is asked for

    def _check_request(self) -> None:
        request = self._request
        if request.resume and request.study is None:
            raise RefusedError("--resume needs --study: the file to go on with")
        if request.method == "grid" and request.space is None:
            raise RefusedError("--method grid needs --space: a file that lists values to combine")
        if request.method in ("bayes", "genetic"):
            try:
                need_optuna(f"--method {request.method}")
            except ImportError as error:
                raise RefusedError(str(error)) from None
        set_by = METHODS[request.method].number_set_by
        if request.n_candidates is not None and set_by is not None:
            raise RefusedError(
                f"--n is not for --method {request.method}: {set_by} sets the number"
            )
        if request.space is not None and request.method == "grow":
            raise RefusedError("--space is not for --method grow, which only changes the layers")
        if request.study is not None:
            check_writable(request.study, "--study")
            if Path(request.study).exists():
                check_study(request.study)
            elif request.resume:
                raise RefusedError(f"there is no study to resume: {request.study}")

    def _split(self) -> tuple[Any, Any, Any, Any]:
        table, n_folds = self._table, self._request.n_folds
        n_rows = len(table.y)
        n_test = int(np.ceil(_HELD_OUT * n_rows))
        if table.classification:
            n_parts = len(np.unique(table.y))
            few = min(n_test, n_rows - n_test) < n_parts
        else:
            few = n_rows - n_test < 4
        if few:
            what = f" of {n_parts} classes" if table.classification else ""
            raise RefusedError(f"{table.name}: {n_rows} rows{what} are too few to search on")
        X, X_test, y, y_test = train_test_split(
            table.X,
            table.y,
            test_size=n_test,
            random_state=self._request.seed,
            stratify=table.y if table.classification else None,
        )
        counts = np.unique(y, return_counts=True)[1]
        max_folds = int(counts.max()) if table.classification else len(y) // 2
        if n_folds > max_folds:
            raise RefusedError(
                f"{table.name} has too few rows for {n_folds} folds: it can be cut into at most "
                f"{max_folds}"
            )
        if table.classification and counts.min() < n_folds:
            self.remarks.append(
                f"a class has {counts.min()} of the rows to search on: some folds have none of it"
            )
        return X, X_test, y, y_test

    def _searched_space(self) -> _Space:
        request, model = self._request, self._pipeline()
        if request.space is None:
            return default_space(request.method, model, self._fold_rows)
        rationed = request.method in ("halving", "hyperband")
        space = read_space(
            request.space,
            model.steps[-1][1],
            lists_only=request.method == "grid",
            taken="max_iter" if rationed else None,
        )
        if isinstance(space, dict):
            return _of_net(space)
        return [
            When(_of_net(part.condition), _of_net(part.space))
            if isinstance(part, When)
            else _of_net(part)
            for part in space
        ]

    def _count_drawn(self) -> int:
        """Count those drawn or combined, of which a space of lists may have few."""
        method = self._request.method
        n_all: float = np.inf
        space = self._space
        if isinstance(space, dict) and all(isinstance(v, list) for v in space.values()):
            n_all = len(ParameterGrid(space))
        if method == "grid":
            return int(n_all)
        n_candidates = whole_number(method, self._request.n_candidates, self._epochs)
        if method in ("pbt", "grow"):  # whose candidates may be alike, or no draws
            return n_candidates
        if n_all < n_candidates:
            self.remarks.append(f"the space has no more than {n_all} candidates")
        return int(min(n_all, n_candidates))

    # ------------------------------------------------------------------ the search

    def _pipeline(self) -> Pipeline:
        return _tables.network(self._table, epochs=self._epochs, seed=self._request.seed)

    def _default_settings(self) -> dict[str, Any]:
        """What is searched, as the network has it without a search."""
        known = self._pipeline().get_params()
        parts = _parts(self._space)
        met = [part for part in parts if not isinstance(part, When) or part.holds(known)]
        return {name: known[name] for name in _searched(met) if name in known}

    def _make_search(self) -> Any:
        request = self._request
        common: dict[str, Any] = {
            "extra_candidates": [self._default_settings()],
            "cv": request.n_folds,
            "n_jobs": request.n_jobs,
            "verbose": int(request.progress),
            "time_budget_s": request.seconds,
            "return_curves": request.curves,
        }
        if request.study is not None:
            common["study"] = Study(request.study, resume=request.resume)
        asked = Asked(
            self._pipeline(),
            self._space,
            self._n_drawn,
            request.n_candidates,
            self._epochs,
            request.seed,
        )
        return METHODS[request.method].make(asked, **common)

    def _fitted(self, search: Any, y: Any) -> Any:
        try:
            return search.fit(self._X, y)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise FailedError(one_line(error)) from error
        except StudyDiffers as error:
            raise RefusedError(in_options(error)) from error
        except (ValueError, StudyLocked) as error:
            raise RefusedError(one_line(error)) from error

    def _of_rows(self, fitted: Pipeline) -> Any:
        """Make a model that takes rows of any kind, and predicts what the table has.

        A regression is searched on scaled targets.
        """
        model = Pipeline([("columns", _tables.naming(self._table)), *fitted.steps])
        if self._table.classification:
            return model
        scaled = TransformedTargetRegressor(FrozenEstimator(model), transformer=StandardScaler())
        return scaled.fit(self._X, self._y)

    def _losses(self, model: Any) -> NDArray[np.float64]:
        """One per held-out row; the score is 1 less their mean, NaN where R^2 is undefined."""
        predicted = model.predict(self._X_test)
        if self._table.classification:
            return np.asarray(predicted != self._y_test, dtype=np.float64)
        squares = np.square(predicted - self._y_test)
        return np.asarray(squares / (self._y_test.var() or np.nan), dtype=np.float64)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what scikit-learn prints, and what a ranking of candidates says better."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "The least populated class in y", UserWarning)
        warnings.filterwarnings("ignore", "One or more of the test scores are non-finite")
        warnings.filterwarnings("ignore", "The total space of parameters", UserWarning)
        warnings.filterwarnings("ignore", r"\w+ ended after \d+ of \d+ candidates", UserWarning)
        yield


def _extent(search: Any) -> tuple[int, int, int]:
    """Candidates that were tried; rungs that were done, and that there are with enough time."""
    column = "generation" if isinstance(search, PBTSearchCV) else "iter"
    rungs = np.asarray(search.cv_results_.get(column, np.zeros(len(search.cv_results_["params"]))))
    planned = int(search.generations) if isinstance(search, PBTSearchCV) else 1
    if isinstance(search, HyperbandSearchCV):
        planned = len(search.brackets_[0])
    elif isinstance(search, HalvingRandomSearchCV):
        growth = search.max_resources_ // search.min_resources_
        # Rounded as scikit-learn does, which has one rung less where the logarithm is inexact.
        planned = 1 + int(log(min(search.n_candidates_[0], growth), FACTOR))
    return int((rungs == 0).sum()), int(rungs.max()) + 1, planned


def _without_epochs(candidate: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in candidate.items() if name != RESOURCE}


def _has_grown(search: GrowSearchCV) -> bool:
    """Whether growth ended by itself."""
    last = search.growth_.iloc[-1]
    full = len(last["hidden_layer_sizes"]) == MAX_DEPTH
    return last["step"] == "deepen" and bool(full or not last["kept"])


def _of_net(space: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{STEP}{name}": values for name, values in space.items()}


def _parts(space: _Space) -> list[dict[str, Any] | When]:
    return [space] if isinstance(space, dict) else space


def _searched(parts: Sequence[dict[str, Any] | When]) -> list[str]:
    """All parameters that a candidate may have; those of a net that grows are its layers."""
    spaces = [part.space if isinstance(part, When) else part for part in parts]
    names = list(dict.fromkeys(name for space in spaces for name in space))
    return names or [f"{STEP}hidden_layer_sizes"]


def _ranking(search: Any, searched: list[str]) -> pd.DataFrame:
    """One row per candidate, best first; after rungs, one with more epochs is before the others."""
    results = search.cv_results_
    table = pd.DataFrame({"mean": results["mean_test_score"], "std": results["std_test_score"]})
    for name in searched:
        plain = name.removeprefix(STEP)
        table[_HEADINGS.get(plain, plain)] = [params.get(name, "") for params in results["params"]]
    by = ["mean"]
    if isinstance(search, GrowSearchCV):  # which may take a smaller net than the best
        table["taken"] = np.arange(len(table)) == search.best_index_
        by = ["taken", "mean"]
    if "n_resources" in results:
        table["epochs"] = results["n_resources"]
        by = ["epochs", "mean"]
    settings = pd.Series(joblib.hash(_without_epochs(candidate)) for candidate in results["params"])
    table["seconds"] = pd.Series(results["mean_fit_time"]).groupby(settings).transform("sum")
    table = table.sort_values(by, ascending=False, kind="stable")
    table = table[~settings[table.index].duplicated()].reset_index(drop=True)
    scores = table[by].fillna(-np.inf)
    better = scores.ne(scores.shift()).any(axis=1)
    table.insert(0, "rank", np.maximum.accumulate(np.where(better, table.index + 1, 0)))
    return table.drop(columns="taken", errors="ignore")
