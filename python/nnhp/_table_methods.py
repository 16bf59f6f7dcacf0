"""The methods of the command `nnhp search`: the search of each, and what it takes if not told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt, prod
from typing import Any

from nnhp import spaces
from nnhp._tables import STEP
from nnhp.search import (
    BayesSearchCV,
    GeneticSearchCV,
    GridSearchCV,
    GrowSearchCV,
    HalvingRandomSearchCV,
    HiddenLayers,
    HyperbandSearchCV,
    PBTSearchCV,
    RandomizedSearchCV,
)
from nnhp.search._mutable import mutable_names
from nnhp.search._rungs import brackets_of

RESOURCE = f"{STEP}max_iter"
FACTOR = 3
MAX_DEPTH = 3
_GENERATIONS = 10  # of a population
_FIRST_UNITS, _MAX_UNITS = 8, 256  # of a net that grows
# Wider or deeper ones take long on every table, and seldom help on a small one.
_LAYERS = HiddenLayers(depth=(1, MAX_DEPTH), width=(16, _MAX_UNITS))


@dataclass(frozen=True)
class Asked:
    """What a search is made from."""

    model: Any
    space: Any
    n_drawn: int  # beside the default settings
    n_told: int | None  # of them, which a small space may not have
    epochs: int
    seed: int


def _grid(asked: Asked, **common: Any) -> Any:
    return GridSearchCV(asked.model, asked.space, **common)


def _random(asked: Asked, **common: Any) -> Any:
    return RandomizedSearchCV(
        asked.model, asked.space, n_iter=asked.n_drawn, random_state=asked.seed, **common
    )


def _halving(asked: Asked, **common: Any) -> Any:
    return HalvingRandomSearchCV(
        asked.model,
        asked.space,
        n_candidates=asked.n_drawn,
        factor=FACTOR,
        resource=RESOURCE,
        max_resources=asked.epochs,
        min_resources="exhaust",
        return_train_score=False,
        random_state=asked.seed,
        **common,
    )


def _hyperband(asked: Asked, **common: Any) -> Any:
    return HyperbandSearchCV(
        asked.model,
        asked.space,
        max_resources=asked.epochs,
        factor=FACTOR,
        random_state=asked.seed,
        **common,
    )


def _bayes(asked: Asked, **common: Any) -> Any:
    return BayesSearchCV(
        asked.model, asked.space, n_iter=asked.n_drawn, random_state=asked.seed, **common
    )


def _genetic(asked: Asked, **common: Any) -> Any:
    size, generations = _generations(asked.n_told)
    return GeneticSearchCV(
        asked.model,
        asked.space,
        population_size=size,
        generations=generations,
        random_state=asked.seed,
        **common,
    )


def _generations(n_told: int | None) -> tuple[int, int]:
    """Candidates of a generation of the genetic search, and generations: about as many."""
    n_candidates = n_told or METHODS["genetic"].n_candidates or 1
    size = max(isqrt(n_candidates), 2)
    return size, -(-n_candidates // size)


def _pbt(asked: Asked, **common: Any) -> Any:
    return PBTSearchCV(
        asked.model,
        asked.space,
        population_size=1 + asked.n_drawn,
        generations=min(_GENERATIONS, asked.epochs),
        random_state=asked.seed,
        **common,
    )


def _grow(asked: Asked, **common: Any) -> Any:
    model = asked.model.set_params(**{f"{STEP}hidden_layer_sizes": (_FIRST_UNITS,)})
    return GrowSearchCV(
        model, max_width=_MAX_UNITS, max_depth=MAX_DEPTH, random_state=asked.seed, **common
    )


@dataclass(frozen=True)
class Method:
    """How candidates are found and compared.

    Attributes
    ----------
    search : type
        Its class.
    make : callable
        Makes one of what was asked for.
    epochs : int
        Most epochs of a candidate, if not told.
    n_candidates : int or None
        Candidates, if not told; None where that cannot be told.
    number_set_by : str or None
        What sets their number where that cannot be told.
    more : str
        What makes a search longer.
    """

    search: type
    make: Callable[..., Any]
    epochs: int = 100
    n_candidates: int | None = None
    number_set_by: str | None = None
    more: str = "candidates (--n) or --epochs"


METHODS = {
    "random": Method(RandomizedSearchCV, _random, n_candidates=20),
    "grid": Method(
        GridSearchCV, _grid, number_set_by="its space", more="values (--space) or --epochs"
    ),
    "halving": Method(HalvingRandomSearchCV, _halving, epochs=81, n_candidates=81),
    "hyperband": Method(
        HyperbandSearchCV, _hyperband, epochs=81, number_set_by="--epochs", more="--epochs"
    ),
    "bayes": Method(BayesSearchCV, _bayes, n_candidates=40),
    "genetic": Method(GeneticSearchCV, _genetic, n_candidates=100),
    "pbt": Method(PBTSearchCV, _pbt, n_candidates=20),
    "grow": Method(GrowSearchCV, _grow, number_set_by="the best score", more="--epochs"),
}


def default_space(method: str, model: Any, n_samples: int) -> dict[str, Any]:
    """What a method searches if no space is given: names have the prefix of the step."""
    if method == "grow":
        return {}
    space = spaces.default(model, n_samples=n_samples) | {f"{STEP}hidden_layer_sizes": _LAYERS}
    if method != "pbt":
        return space
    return {name: values for name, values in space.items() if name in mutable_names(model)}


def whole_number(method: str, n_told: int | None, epochs: int) -> int:
    """How many candidates a method draws, or grows at most, from a space without end."""
    if method == "hyperband":
        return sum(rungs[0][0] for rungs in brackets_of(epochs, FACTOR))
    if method == "grow":
        doublings = (_MAX_UNITS // _FIRST_UNITS).bit_length() - 1
        return 1 + doublings + MAX_DEPTH - 1
    if method == "genetic":
        return prod(_generations(n_told)) - 1  # the default settings are one of the first
    return n_told or METHODS[method].n_candidates or 1
