"""What the parts of a net or of its training that have parameters of their own share."""

from __future__ import annotations

from typing import Any, ClassVar

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import StrOptions, validate_parameter_constraints


class Names(StrOptions):
    """Names that a parameter may have, listed in their order where another one is given."""

    def __str__(self) -> str:
        return f"a str among {{{', '.join(map(repr, sorted(self.options)))}}}"


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
        return (type(self), *((name, repr(parameters[name])) for name in sorted(parameters)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Component) and self._value() == other._value()

    def __hash__(self) -> int:
        return hash(self._value())
