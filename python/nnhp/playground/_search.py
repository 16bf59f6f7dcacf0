"""A search for good settings, whose candidates can be watched."""

from __future__ import annotations

import queue
import threading
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnhp.playground import _options
from nnhp.playground._net import class_of, parameters_of
from nnhp.playground._options import OptionError, short
from nnhp.playground._problem import Problem
from nnhp.playground._space import MAX_CANDIDATES, Space
from nnhp.search._rungs import brackets_of

MAX_EPOCHS = 1000
METHODS = ("grid", "random", "hyperband", "bayes", "genetic")
SIDE = 24  # points of a candidate's picture along a side
_FACTOR = 3


def search_of(method: str, net: Any, space: Space, n: int, epochs: int) -> Any:
    """One of nnhp's searches, without its splits and its scorer."""
    from nnhp import search

    if method == "grid":
        return search.GridSearchCV(net, space.grid(n))
    spread = space.parameters
    if method == "random":
        return search.RandomizedSearchCV(net, spread, n_iter=n, random_state=0)
    if method == "hyperband":
        size = sum(rungs[0][0] for rungs in brackets_of(epochs, _FACTOR))
        if size > MAX_CANDIDATES:
            raise OptionError(
                f"Hyperband with epochs={epochs} has {size} candidates, and the playground at most "
                f"{MAX_CANDIDATES}: choose fewer epochs"
            )
        return search.HyperbandSearchCV(
            net, spread, max_resources=epochs, factor=_FACTOR, random_state=0
        )
    if method == "bayes":
        return search.BayesSearchCV(net, spread, n_iter=n, random_state=0)
    size = max(int(np.sqrt(n)), 2)
    return search.GeneticSearchCV(
        net, spread, population_size=size, generations=-(-n // size), random_state=0
    )


class Watched:
    """A search under way, on a thread of its own; what it finds waits to be shown.

    Parameters
    ----------
    options : mapping
        All options; candidates have these where the space says nothing.
    problem : Problem
        What is learned.
    message : mapping
        The page's wish: method, n, epochs, space.

    Raises
    ------
    OptionError
        If it wishes for something else, or for too much.
    """

    def __init__(
        self, options: Mapping[str, Any], problem: Problem, message: Mapping[str, Any]
    ) -> None:
        method = message.get("method")
        if method not in METHODS:
            raise OptionError(f"method must be one of {', '.join(METHODS)}, got {short(method)}")
        counts = {}
        for name, most in (("n", MAX_CANDIDATES), ("epochs", MAX_EPOCHS)):
            try:
                counts[name] = int(_options.Number(1, most, whole=True).check(message.get(name)))
            except ValueError as error:
                raise OptionError(f"{name} {error}, got {short(message.get(name))}") from None
        self._space = Space(message.get("space"), options, problem)
        parameters = parameters_of({**options, "maxEpochs": counts["epochs"]}, problem)
        net = class_of(problem)(**parameters)
        self._search = search_of(method, net, self._space, **counts)
        self._stops = threading.Event()
        self._search._end_when(self._stops.is_set)  # noqa: SLF001 - for who watches from a thread
        rows = np.arange(len(problem.y))
        split = rows[: problem.n_train], rows[problem.n_train :]
        self._search.set_params(cv=[split], scoring=self._watch, refit=False, error_score=np.nan)
        self._options = dict(options)
        self._problem = problem
        self._grid = problem.grid(SIDE)
        self._found: queue.SimpleQueue[tuple[dict[str, Any], NDArray[Any]]] = queue.SimpleQueue()
        self._seen: dict[str, int] = {}
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self._search.fit(self._problem.X, self._problem.y)
            except Exception as error:
                if not self._stops.is_set():  # without a candidate a search fails
                    self._failure = f"{type(error).__name__}: {error}"

    def _watch(self, net: Any, X: Any, y: Any) -> float:
        """Score a candidate, as the searches' scorer, and have it shown."""
        score = float(net.score(X, y))
        setting = self._space.options_of(net.get_params())
        number = self._seen.setdefault(repr(setting), len(self._seen))
        about = {
            "number": number,
            # JSON knows neither infinity nor what is no number, which is worse than any score.
            "score": float(np.nan_to_num(score, nan=np.finfo(float).min)),
            "epochs": int(net.n_iter_),
            "setting": setting,
            "options": {**self._options, **setting},
        }
        self._found.put((about, self._picture(net)))
        return score

    def _picture(self, net: Any) -> NDArray[Any]:
        if self._problem.is_regression:
            return np.asarray(net.predict(self._grid)).reshape(-1, 1)
        if not hasattr(net, "predict_proba"):  # hinge
            is_last: NDArray[Any] = np.asarray(net.predict(self._grid) == net.classes_[-1])
            return 2.0 * is_last.reshape(-1, 1) - 1
        outputs = np.asarray(net.predict_proba(self._grid))
        return outputs if outputs.shape[1] > 2 else 2 * outputs[:, 1:] - 1

    @property
    def over(self) -> bool:
        """Whether it has ended, and all was taken."""
        return not self._thread.is_alive() and self._found.empty()

    @property
    def failure(self) -> str | None:
        """Why it ended too early."""
        return self._failure

    def take(self) -> list[tuple[dict[str, Any], NDArray[Any]]]:
        """What was found since the last call: candidates, and their outputs on a grid."""
        found = []
        while not self._found.empty():
            found.append(self._found.get())
        return found

    def stop(self) -> None:
        """Have it end soon."""
        self._stops.set()

    def join(self) -> None:
        """Wait until it has ended."""
        self._thread.join()
