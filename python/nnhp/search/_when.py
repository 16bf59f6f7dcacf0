"""When: parameters of a space that only some candidates have; and random draws with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn import model_selection
from sklearn.utils import check_random_state


class When:
    """Parameters that only those candidates have that meet a condition.

    It stands in a list behind the dicts of a space. Each candidate first draws one of the dicts,
    then, in their order, what all conditions add that it meets; one condition may name what
    another adds.

    Parameters
    ----------
    condition : dict of str to object
        Parameter -> the value that it must have, or a list of such values.
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
    return parts, conditions


class ParameterSampler(model_selection.ParameterSampler):
    """scikit-learn's draws, to which conditions add what they hold.

    Parameters
    ----------
    param_distributions : dict, or list of dict and When
        The space.
    n_iter : int
        Candidates to draw. Where there are conditions, some may be alike.
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
        return int(self.n_iter if self._conditions else super().__len__())

    def __iter__(self) -> Iterator[dict[str, Any]]:
        if not self._conditions:
            yield from super().__iter__()
            return
        rng = check_random_state(self.random_state)
        for _ in range(self.n_iter):
            params = _draw(self.param_distributions, rng)
            for condition in self._conditions:
                if condition.holds(params):
                    params |= _draw([condition.space], rng)
            yield params


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
