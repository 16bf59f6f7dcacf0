"""A search for good settings, whose candidates can be watched."""

from __future__ import annotations

import os
import queue
import threading
import warnings
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import loguniform

from nnhp import HiddenLayers
from nnhp.playground import _options
from nnhp.playground._net import check_work, class_of, parameters_of
from nnhp.playground._options import ACTIVATIONS, OPTIONS, OptionError, short
from nnhp.playground._problem import Problem
from nnhp.search._rungs import brackets_of

MAX_CANDIDATES, MAX_EPOCHS = 200, 1000
METHODS = ("grid", "random", "hyperband", "bayes", "genetic")
SIDE = 24  # points of a candidate's picture along a side
_FACTOR = 3
# What can be searched: the option, and the estimators' parameter.
_PARAMETERS = {
    "learningRate": "learning_rate_init",
    "activation": "activation",
    "solver": "solver",
    "networkShape": "hidden_layer_sizes",
}
_OF_ENGINE = {engine: name for name, engine in ACTIVATIONS.items()}


def space_of(given: Any) -> dict[str, Any]:
    """The space that a page describes, by the estimators' names.

    Raises
    ------
    OptionError
        If it describes none, naming what is wrong.
    """
    if not isinstance(given, dict) or not given:
        raise OptionError("space must name at least one option to search")
    space: dict[str, Any] = {}
    for name, values in given.items():
        if name not in _PARAMETERS:
            raise OptionError(f"space can have {', '.join(_PARAMETERS)}, got {short(name)}")
        if not isinstance(values, list) or not values:
            raise OptionError(f"space of {name} must be a list, got {short(values)}")
        space[_PARAMETERS[name]] = _values(name, values)
    return space


def _values(name: str, values: list[Any]) -> Any:
    if name == "networkShape":
        return HiddenLayers(*_bounds(values))
    if name == "learningRate":
        return _rates(values)
    known = ACTIVATIONS if name == "activation" else {one: one for one in _options.SOLVERS}
    if any(not isinstance(one, str) or one not in known for one in values):
        raise OptionError(f"space of {name} must be among {', '.join(known)}, got {short(values)}")
    return list(dict.fromkeys(known[one] for one in values))


def _rates(values: list[Any]) -> Any:
    try:
        low, high = (OPTIONS["learningRate"].kind.check(value) for value in values)
    except ValueError as error:
        raise OptionError(f"space of learningRate: {error}, got {short(values)}") from None
    if low > high:
        raise OptionError(
            f"space of learningRate must be a lower and an upper bound, got {short(values)}"
        )
    return loguniform(low, high) if low < high else [low]


def _bounds(values: list[Any]) -> tuple[tuple[int, int], tuple[int, int]]:
    whole = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
    sound = len(values) == 4 and whole
    if sound:
        shallow, deep, narrow, wide = values
        sound = 1 <= shallow <= deep <= _options.MAX_LAYERS
        sound = sound and 1 <= narrow <= wide <= _options.MAX_UNITS
    if not sound:
        raise OptionError(
            "space of networkShape must be bounds of the layers, at most "
            f"{_options.MAX_LAYERS}, and of their units, at most {_options.MAX_UNITS}, "
            f"got {short(values)}"
        )
    return (shallow, deep), (narrow, wide)


def _grid_of(space: Mapping[str, Any], n: int) -> dict[str, list[Any]]:
    """A grid of about so many candidates: an equal number of values of each range."""
    ranges = [name for name, values in space.items() if not isinstance(values, list)]
    lists = prod(len(values) for values in space.values() if isinstance(values, list))
    each = max(int((n / lists) ** (1 / max(len(ranges), 1))), 2)
    quantiles = (np.arange(each) + 0.5) / each
    found = {}
    for name, values in space.items():
        if isinstance(values, list):
            found[name] = values
        elif isinstance(values, HiddenLayers):
            found[name] = values.grid(min(each, _n_sizes(values)))
        else:
            found[name] = values.ppf(quantiles).tolist()
    size = prod(map(len, found.values()))
    if size > MAX_CANDIDATES:
        raise OptionError(f"the grid must have at most {MAX_CANDIDATES} candidates, got {size}")
    return found


def _n_sizes(layers: HiddenLayers) -> int:
    """How many sizes a distribution has."""
    (shallow, deep), (narrow, wide) = layers.depth, layers.width
    return sum((wide - narrow + 1) ** depth for depth in range(shallow, deep + 1))


def search_of(method: str, net: Any, space: dict[str, Any], n: int, epochs: int) -> Any:
    """One of nnhp's searches, without its splits and its scorer."""
    from nnhp import search

    if method == "grid":
        return search.GridSearchCV(net, _grid_of(space, n))
    if method == "random":
        return search.RandomizedSearchCV(net, space, n_iter=n, random_state=0)
    if method == "hyperband":
        size = sum(rungs[0][0] for rungs in brackets_of(epochs, _FACTOR))
        if size > MAX_CANDIDATES:
            raise OptionError(
                f"Hyperband with epochs={epochs} has {size} candidates, and the playground at most "
                f"{MAX_CANDIDATES}: choose fewer epochs"
            )
        return search.HyperbandSearchCV(
            net, space, max_resources=epochs, factor=_FACTOR, random_state=0
        )
    if method == "bayes":
        return search.BayesSearchCV(net, space, n_iter=n, random_state=0)
    size = max(int(np.sqrt(n)), 2)
    return search.GeneticSearchCV(
        net, space, population_size=size, generations=-(-n // size), random_state=0
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
        space = space_of(message.get("space"))
        _check_together(options, problem, message["space"])
        parameters = parameters_of({**options, "maxEpochs": counts["epochs"]}, problem)
        threads = max((os.cpu_count() or 2) - 1, 1)
        net = class_of(problem)(**parameters | {"n_jobs": threads})
        self._search = search_of(method, net, space, **counts)
        self._stops = threading.Event()
        self._search._end_when(self._stops.is_set)  # noqa: SLF001 - for who watches from a thread
        rows = np.arange(len(problem.y))
        split = rows[: problem.n_train], rows[problem.n_train :]
        self._search.set_params(cv=[split], scoring=self._watch, refit=False, error_score=np.nan)
        self._options = dict(options)
        self._names = sorted(space)
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
        params = {name: net.get_params()[name] for name in self._names}
        number = self._seen.setdefault(repr(params), len(self._seen))
        about = {
            "number": number,
            "score": score,
            "epochs": int(net.n_iter_),
            "setting": options_of(params),
            "options": {**self._options, **options_of(params)},
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


def _check_together(
    options: Mapping[str, Any], problem: Problem, space: Mapping[str, list[Any]]
) -> None:
    """Refuse what a candidate would be other than the net that the page makes of it."""
    if options["earlyStopping"]:
        raise OptionError("earlyStopping is not for searches, which score by the test samples")
    shapes = space.get("networkShape")
    if shapes is not None and "," in options["activation"] and "activation" not in space:
        raise OptionError("activation must be one name where networkShape is searched")
    units = _options.units_of(options) if shapes is None else [shapes[3]] * shapes[1]
    check_work(problem, units)


def options_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """A candidate's settings as options of the page."""
    names = {parameter: name for name, parameter in _PARAMETERS.items()}
    found: dict[str, Any] = {}
    for parameter, value in params.items():
        name = names[parameter]
        if name == "networkShape":
            found[name] = ",".join(str(int(units)) for units in np.ravel(value))
        elif name == "activation":
            found[name] = _OF_ENGINE[value]
        else:
            found[name] = value.item() if isinstance(value, np.generic) else value
    return found
