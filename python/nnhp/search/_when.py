"""When: parameters of a space that only some candidates have; and random draws with them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from sklearn import model_selection
from sklearn.utils import check_random_state

from nnhp._caller import stacklevel
from nnhp.search._fingerprint import describe

_MAX_LISTED = 10_000  # settings, of which half a second goes by


class When:
    """Parameters that only those candidates have that meet a condition.

    It stands in a list behind the dicts of a space. Each candidate first draws one of the dicts,
    then, in their order, what all conditions add that it meets; one condition may name what
    another adds. Where all values are in lists, no setting is drawn twice (unless there are more
    than 10,000).

    Parameters
    ----------
    condition : dict of str to object
        Parameter -> the value that it must have, or a list of such values. A search refuses a
        condition whose parameter has none of them in its list.
    space : dict of str to object
        Parameter -> values, as in a space.

    Raises
    ------
    TypeError
        Either is no dict of parameters by their names.
    ValueError
        Either is empty, or a list of values is.

    See Also
    --------
    BayesSearchCV, GeneticSearchCV, RandomizedSearchCV : Some of the searches that take it.

    Examples
    --------
    >>> from scipy.stats import uniform
    >>> from nnhp import MLPClassifier, RandomizedSearchCV, When
    >>> from sklearn.datasets import load_iris
    >>> space = [
    ...     {"solver": ["sgd", "adam"], "learning_rate_init": [0.01, 0.03]},
    ...     When({"solver": "sgd"}, {"momentum": uniform(0, 0.99)}),
    ... ]
    >>> net = MLPClassifier(8, max_iter=300, random_state=0)
    >>> search = RandomizedSearchCV(net, space, n_iter=6, cv=2, random_state=0)
    >>> tried = search.fit(*load_iris(return_X_y=True)).cv_results_["params"]
    >>> all(("momentum" in params) == (params["solver"] == "sgd") for params in tried)
    True
    """

    def __init__(self, condition: Mapping[str, Any], space: Mapping[str, Any]) -> None:
        parts: list[tuple[str, Any]] = [("condition", condition), ("space", space)]
        for argument, given in parts:
            of_names = isinstance(given, Mapping) and all(isinstance(name, str) for name in given)
            if not of_names:
                raise TypeError(
                    f"{argument} must be a dict of parameters by their names, got {given!r}."
                )
            if not given or any(isinstance(v, list) and not v for v in given.values()):
                raise ValueError(f"{argument} must not be empty, got {given!r}.")
        self.condition = dict(condition)
        self.space = dict(space)

    def holds(self, params: Mapping[str, Any]) -> bool:
        """Whether a candidate with these parameters meets the condition.

        Parameters
        ----------
        params : mapping of str to object
            Its parameters so far.

        Returns
        -------
        holds : bool
            False too where it lacks one that the condition names.

        Examples
        --------
        >>> from nnhp import When
        >>> When({"solver": ["sgd", "lion"]}, {"momentum": [0.5, 0.9]}).holds({"solver": "lion"})
        True
        """
        if not isinstance(params, Mapping):
            raise TypeError(f"params must be a mapping of parameters, got {params!r}.")
        return all(
            name in params and any(same_value(params[name], value) for value in _listed(wanted))
            for name, wanted in self.condition.items()
        )

    def __repr__(self) -> str:
        return f"When({self.condition!r}, {self.space!r})"


def parts_of(space: Any, argument: str) -> tuple[list[dict[str, Any]], list[When]]:
    """Take a space apart: the dicts of which a candidate draws one, and the conditions.

    Parameters
    ----------
    space : dict, or list of dict and When
        As given to a search.
    argument : str
        What the search calls it, for errors.
    """
    given = [space] if isinstance(space, Mapping) else list(space)
    parts = [dict(part) for part in given if isinstance(part, Mapping)]
    conditions = [part for part in given if isinstance(part, When)]
    for part in given:
        if not isinstance(part, Mapping | When):
            raise TypeError(f"{argument} must be a dict or a list of dict and When, got {part!r}.")
    if not parts:
        raise ValueError(f"{argument} must have at least one dict, got {space!r}.")
    known = {name for part in parts for name in part}
    for name in known:
        if not isinstance(name, str):
            raise TypeError(f"{argument} must name parameters by texts, got {name!r}.")
    for condition in conditions:
        for name in condition.condition:
            if name not in known:
                raise ValueError(
                    f"{argument}: {condition!r} asks for {name!r}, which nothing before it has."
                )
        known |= condition.space.keys()
    for place, condition in enumerate(conditions):
        _check_may_hold(condition, [*parts, *(c.space for c in conditions[:place])], argument)
    return parts, conditions


def _check_may_hold(condition: When, before: Sequence[Mapping[str, Any]], argument: str) -> None:
    """Raise ValueError where a list before it has none of the values that a condition names."""
    for name, wanted in condition.condition.items():
        given = [part[name] for part in before if name in part]
        if any(_is_drawn(values) for values in given):
            continue
        known = [value for values in given for value in values]
        if not any(same_value(value, one) for value in known for one in _listed(wanted)):
            raise ValueError(
                f"{argument}: {condition!r} never holds, because {name} is one of {known!r}. (A "
                "list in a condition stands for any of its values.)"
            )


class ParameterSampler(model_selection.ParameterSampler):
    """scikit-learn's draws, to which conditions add what they hold.

    Where all values are in lists, no setting is drawn twice, unless there are conditions and very
    many settings.

    Parameters
    ----------
    param_distributions : dict, or list of dict and When
        The space.
    n_iter : int
        Candidates to draw.
    random_state : int, RandomState or None
        Of the draws.
    """

    def __init__(self, param_distributions: Any, n_iter: int, *, random_state: Any = None) -> None:
        self._conditions: list[When] = []
        if isinstance(param_distributions, Sequence) and any(
            isinstance(part, When) for part in param_distributions
        ):
            param_distributions, self._conditions = parts_of(
                param_distributions, "param_distributions"
            )
        super().__init__(param_distributions, n_iter, random_state=random_state)

    def __len__(self) -> int:
        if not self._conditions:
            return int(super().__len__())
        most = int(self.n_iter)
        return most if self._settings is None else min(most, len(self._settings))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        if not self._conditions:
            yield from super().__iter__()
            return
        rng = check_random_state(self.random_state)
        if self._settings is not None:
            if len(self._settings) < self.n_iter:
                warnings.warn(
                    f"The space has {len(self._settings)} settings, fewer than the {self.n_iter} "
                    "to draw; all of them are tried.",
                    UserWarning,
                    stacklevel=stacklevel(),
                )
            settings, likely = zip(*self._settings, strict=True)
            for place in rng.choice(len(settings), size=len(self), replace=False, p=likely):
                yield dict(settings[place])
            return
        for _ in range(self.n_iter):
            params = _draw(self.param_distributions, rng)
            for condition in self._conditions:
                if condition.holds(params):
                    params |= _draw([condition.space], rng)
            yield params

    @cached_property
    def _settings(self) -> list[tuple[dict[str, Any], float]] | None:
        """All settings and how likely a draw is each; None unless they can be listed."""
        spaces = [*self.param_distributions, *(c.space for c in self._conditions)]
        if any(_is_drawn(values) for space in spaces for values in space.values()):
            return None
        found: dict[str, tuple[dict[str, Any], float]] = {}
        for n_listed, (params, likely) in enumerate(self._each_setting()):
            if n_listed == _MAX_LISTED:
                return None
            name = describe(params)
            _, before = found.get(name, (params, 0.0))
            found[name] = params, before + likely
        return list(found.values())

    def _each_setting(self) -> Iterator[tuple[dict[str, Any], float]]:
        """Settings with their probabilities; equal ones may come several times."""
        for part in self.param_distributions:
            settings = _each(part, {}, 1 / len(self.param_distributions))
            for condition in self._conditions:
                settings = _each_with(condition, settings)
            yield from settings


def _each(
    space: Mapping[str, Any], params: Mapping[str, Any], likely: float
) -> Iterator[tuple[dict[str, Any], float]]:
    """What the values of a space, all of them listed, make of a setting and its probability."""
    n = math.prod(len(values) for values in space.values())
    for values in product(*space.values()):
        yield {**params, **dict(zip(space, values, strict=True))}, likely / n


def _each_with(
    condition: When, settings: Iterator[tuple[dict[str, Any], float]]
) -> Iterator[tuple[dict[str, Any], float]]:
    """What a condition makes of settings and their probabilities."""
    for params, likely in settings:
        if condition.holds(params):
            yield from _each(condition.space, params, likely)
        else:
            yield params, likely


def _is_drawn(values: Any) -> bool:
    return hasattr(values, "rvs")


def _draw(parts: list[dict[str, Any]], rng: np.random.RandomState) -> dict[str, Any]:
    (params,) = model_selection.ParameterSampler(parts, 1, random_state=rng)
    return dict(params)


def _listed(wanted: Any) -> list[Any]:
    return wanted if isinstance(wanted, list) else [wanted]


def same_value(a: Any, b: Any) -> bool:
    """Whether two values of a parameter are the same."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    return bool(a == b)
