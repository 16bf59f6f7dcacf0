"""What the parts of a net or of its training that have parameters of their own share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import StrOptions, validate_parameter_constraints


class Names(StrOptions):
    """Names that a parameter may have, listed in their order where another one is given."""

    def __str__(self) -> str:
        return f"a str among {{{', '.join(map(repr, sorted(self.options)))}}}"


# Public modules of components, which texts (a study's file, a space's file) may name.
MODULES = (
    "activations",
    "initializers",
    "layers",
    "losses",
    "optimizers",
    "regularizers",
    "schedules",
)


class Component(BaseEstimator):
    """A value with parameters: equal to another of the same class and parameters.

    scikit-learn clones it, and sets and searches its parameters by ``outer__inner`` names.
    """

    name: ClassVar[str]  # the engine's, and the user's for the same part with its defaults
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    def check(self) -> None:
        """Raise InvalidParameterError, a ValueError, where a parameter is out of bounds."""
        validate_parameter_constraints(
            self._parameter_constraints,
            self.get_params(deep=False),
            caller_name=type(self).__name__,
        )

    def fields(self) -> dict[str, Any]:
        """The part as the engine takes it."""
        return {"name": self.name, **self.get_params(deep=False)}

    def _value(self) -> tuple[Any, ...]:
        parameters = self.get_params(deep=False)
        return (type(self), *((name, _plain(parameters[name])) for name in sorted(parameters)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Component) and self._value() == other._value()

    def __hash__(self) -> int:
        return hash(self._value())


def _plain(value: Any) -> Any:
    """Sequences and arrays as tuples, so that equal ones are equal, and can be hashed."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    return tuple(map(_plain, value)) if isinstance(value, list | tuple) else value


def path_of(component: Component) -> str | None:
    """Name by which `named` finds the component's class again; None if it does not."""
    path = f"{type(component).__module__}.{type(component).__qualname__}"
    return path if known().get(path) is type(component) else None


def named(path: object, parameters: Mapping[str, Any]) -> Component:
    """Make the component that a text names.

    Parameters
    ----------
    path : object
        Module and name of one of nnhp's own components, as ``nnhp.optimizers.RMSprop``.
    parameters : mapping of str to object
        Those that differ from the defaults.

    Raises
    ------
    ValueError
        There is no such component, or it has no such parameter.
    """
    classes = known()
    if not isinstance(path, str) or path not in classes:
        raise ValueError(f"component must be one of {listed(classes)}, got {path!r}.")
    of_class = classes[path]
    parameters_known = of_class._get_param_names()  # noqa: SLF001
    for name in parameters:
        if name not in parameters_known:
            raise ValueError(f"{path} has the parameters {listed(parameters_known)}, not {name!r}.")
    return of_class(**parameters)


def known() -> dict[str, type[Component]]:
    """Give the package's own components by their full names."""
    found = {}
    for module in MODULES:
        room = import_module(f"nnhp.{module}")
        for name in room.__all__:
            value = getattr(room, name)
            # What the classes of a room share is of no use by itself, and has no name.
            if isinstance(value, type) and issubclass(value, Component) and hasattr(value, "name"):
                found[f"nnhp.{module}.{name}"] = value
    return found


def no_object(name: str, given: str) -> str:
    """Say that an ``outer__inner`` parameter needs an object where `outer` is a name."""
    of_name = (path for path, of_class in known().items() if of_class.name == given)
    instead = next((f" such as {path}()," for path in of_name), "")
    return (
        f"{name} is a parameter of an object, but {name.partition('__')[0]} is {given!r}: give it "
        f"an object,{instead} whose parameters can be set."
    )


def listed(names: Iterable[str]) -> str:
    """Names in their order, as errors list them."""
    return ", ".join(map(repr, sorted(names)))
