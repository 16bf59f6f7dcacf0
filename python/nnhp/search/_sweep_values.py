"""What a sweep goes over: its values, with the parameters that each of them sets."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import joblib
import numpy as np

from nnhp._component import no_object
from nnhp.search._outcome import Candidate
from nnhp.search._prepare import configured, net_of


@dataclass(frozen=True)
class Value:
    """One row of the table to come."""

    label: Any
    params: dict[str, Any]

    @property
    def where(self) -> str:
        """What an error begins with."""
        return f"param_range: {self.label!r}"

    def candidate(self, base: Any, seed: int, number: int) -> Candidate:
        """The parameters with a seed: for the net, and for the steps before it that have none."""
        estimator = configured(base, Candidate(self.params, number))
        of_net = "random_state"
        if net_of(estimator) is not estimator:
            of_net = f"{estimator.steps[-1][0]}__{of_net}"
        seeds = {
            name: seed
            for name, given in estimator.get_params().items()
            if name == of_net or (name.endswith("random_state") and given is None)
        }
        return Candidate({**seeds, **self.params}, number)


def read_values(base: Any, param_name: str, param_range: Any) -> list[Value]:
    """The values of a sweep, checked as far as it goes without training.

    Raises ValueError, as :func:`nnhp.sweep` does.
    """
    if not isinstance(param_name, str):
        raise ValueError(f"param_name must be a string, got {param_name!r}.")
    if isinstance(param_range, str | AbstractSet) or not np.iterable(param_range):
        raise ValueError(
            "param_range must be a sequence of values, or a mapping of labels to them, got "
            f"{param_range!r}."
        )
    known = base.get_params()
    if isinstance(param_range, Mapping):
        values = [
            Value(label, _params_of(given, param_name, known))
            for label, given in param_range.items()
        ]
    else:
        settings = [_params_of(given, param_name, known) for given in param_range]
        values = [Value(_label_of(params, param_name), params) for params in settings]
    _check_values(base, param_name, values, known)
    return values


def _params_of(given: Any, param_name: str, known: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(given, Mapping):
        # It may also be the value of one parameter, of class_weight for example.
        is_value = given and param_name in known and not any(name in known for name in given)
        return {param_name: given} if is_value else dict(given)
    return {param_name: given.item() if isinstance(given, np.generic) else given}


def _label_of(params: Mapping[str, Any], param_name: str) -> Any:
    """The value of the one parameter if it can be an index, else all of them as text."""
    if list(params) != [param_name]:
        return ", ".join(f"{name}={value!r}" for name, value in params.items()) or "as it is"
    value = params[param_name]
    return value if isinstance(value, Hashable) else str(value)


def _check_values(
    base: Any, param_name: str, values: Sequence[Value], known: Mapping[str, Any]
) -> None:
    if not values:
        raise ValueError("param_range is empty; expected values to try.")
    for place, value in enumerate(values):
        for name in value.params:
            # A value may also set parameters of a step or of an object that it puts in.
            put_in = any(name.startswith(f"{other}__") for other in value.params)
            if name not in known and not put_in:
                where = "param_name" if name == param_name else value.where
                raise ValueError(f"{where}: {_unknown(name, base, known)}")
        if any(_alike(value.params, other.params) for other in values[:place]):
            raise ValueError(f"{value.where}: these parameters are there twice.")


def _unknown(name: str, base: Any, known: Mapping[str, Any]) -> str:
    """Say that an estimator has no such parameter, and what may have been meant."""
    outer, _, inner = name.rpartition("__")
    if isinstance(given := known.get(outer), str):
        return no_object(f"{outer.rpartition('__')[2]}__{inner}", given)
    beside = {
        other.rpartition("__")[2]: other for other in known if other.rpartition("__")[0] == outer
    }
    close = [other for other in known if other.endswith(f"__{name}")]
    close += [beside[found] for found in get_close_matches(inner, beside, n=1)]
    meant = f" (did you mean {close[0]!r}?)" if close else ""
    names = ", ".join(sorted(known))
    return f"{type(base).__name__} has no parameter {name!r}{meant}; it has {names}."


def _alike(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    if a.keys() != b.keys():
        return False
    try:
        if a == b:
            return True
    except ValueError:  # arrays, which are compared entry by entry
        pass
    try:
        return bool(joblib.hash(a) == joblib.hash(b))
    except Exception:  # whatever a value's own pickling may raise
        return False
