"""Search spaces written as TOML, for the command `nnhp search`."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from scipy.stats import loguniform, randint, uniform
from sklearn.base import BaseEstimator, clone

from nnhp._component import Component, named
from nnhp._table_files import RefusedError
from nnhp._table_words import no_parameter, one_line
from nnhp.search import HiddenLayers, When

_FORMS = (
    "a list of values, {uniform = [low, high]}, {loguniform = [low, high]}, {int = [low, high]} or "
    "{layers = {depth = [low, high], width = [low, high]}}; values may be "
    '{component = "nnhp.optimizers.RMSprop", rho = 0.95}'
)
_WHEN, _IF = "when", "if"  # no parameters: the tables of conditions, and what each asks for


@dataclass(frozen=True)
class _Values:
    """Where the values of a parameter come from, and some of them, by which they are checked."""

    source: Any
    samples: list[Any]


def read_space(
    path: str, net: BaseEstimator, *, lists_only: bool = False, taken: str | None = None
) -> dict[str, Any] | list[dict[str, Any] | When]:
    """Read a search space from a TOML file.

    Parameters
    ----------
    path : str
        The file. Each key is a parameter of the net, each value one of

        - a list of values; lists within it become tuples, and
          ``{component = "nnhp.optimizers.RMSprop", rho = 0.95}`` that object, one of nnhp's own;
        - ``{uniform = [low, high]}`` or ``{loguniform = [low, high]}``;
        - ``{int = [low, high]}``, both included;
        - ``{layers = {depth = [low, high], width = [low, high]}}``, which also takes the other
          arguments of :class:`nnhp.HiddenLayers`.

        Where all values of a parameter are objects, theirs are parameters too: ``solver__rho``.
        A table ``[[when]]`` holds parameters that only those candidates have that meet its
        ``if = {solver = "sgd"}``; several values are a list. It may ask for parameters of the
        tables before it.
    net : MLPClassifier or MLPRegressor
        Whose parameters are searched; it judges the values.
    lists_only : bool, default=False
        Whether every value must be a list, as a grid needs it.
    taken : str, default=None
        A parameter that the method of search sets by itself.

    Returns
    -------
    space : dict, or list of dict and When
        Name -> list or distribution; with conditions a list of it and them.

    Raises
    ------
    RefusedError
        If the file cannot be read or does not hold such a space; the message names the key.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from nnhp import MLPClassifier
    >>> from nnhp._space_file import read_space
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "space.toml")
    ...     _ = path.write_text("hidden_layer_sizes = [[64], [64, 32]]")
    ...     read_space(str(path), MLPClassifier())
    {'hidden_layer_sizes': [(64,), (64, 32)]}
    """
    try:
        entries = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise RefusedError(f"cannot read {path}: {error.strerror or one_line(error)}") from None
    except ValueError as error:  # not UTF-8, or not TOML
        raise RefusedError(f"{path} is not a TOML file: {one_line(error)}") from None
    conditions = entries.pop(_WHEN, [])
    if not entries:
        raise RefusedError(f"{path}: the space is empty; expected parameters of the network")
    part = partial(_read_part, net=net, lists_only=lists_only, taken=taken)
    try:
        found = part(entries, {})
        space = _sources(found)
        added = []
        for table in _checked_tables(conditions, lists_only):
            with _named(_WHEN):
                condition = _condition(table.pop(_IF), found)
                of_table = part(table, {**found, **condition})
            asked = {name: values.samples for name, values in condition.items()}
            added.append(When(asked, _sources(of_table)))
            found |= of_table
    except ValueError as error:
        raise RefusedError(f"{path}: {one_line(error)}") from None
    return [space, *added] if added else space


def _read_part(
    entries: Mapping[str, Any],
    known: Mapping[str, _Values],
    *,
    net: BaseEstimator,
    lists_only: bool,
    taken: str | None,
) -> dict[str, _Values]:
    """Read parameters, in the order of the file; `known` are those that they may belong to."""
    found: dict[str, _Values] = {}
    # Those of objects come after the objects.
    for name in sorted(entries, key=lambda name: name.count("__")):
        entry = entries[name]
        with _named(name):
            owners = _owners(name, net, {**known, **found})
            for owner in owners:
                _check_name(name, owner, taken)
            if lists_only and not isinstance(entry, list):
                raise RefusedError(f"a grid needs a list of values, got {_toml(entry)}")
            found[name] = _values_of(name, entry)
            for sample in found[name].samples:
                for owner in owners:
                    _check_value(name, sample, owner)
    return {name: found[name] for name in entries}


def _sources(found: Mapping[str, _Values]) -> dict[str, Any]:
    return {name: values.source for name, values in found.items()}


@contextmanager
def _named(key: str) -> Iterator[None]:
    """Let errors begin with the key of the file that they are about."""
    try:
        yield
    except ValueError as error:
        raise RefusedError(f"{key}: {one_line(error)}") from None


def _checked_tables(conditions: Any, lists_only: bool) -> list[dict[str, Any]]:
    """The tables of conditions."""
    with _named(_WHEN):
        if lists_only and conditions:
            raise RefusedError("a grid has no conditions")
        if not isinstance(conditions, list):
            raise RefusedError(f"expected tables [[when]], got {_toml(conditions)}")
        for table in conditions:
            asked = table.get(_IF) if isinstance(table, Mapping) else None
            if not isinstance(asked, Mapping) or not asked or len(table) < 2:
                raise RefusedError(
                    'expected if = {solver = "sgd"}, or the like, and parameters, '
                    f"got {_toml(table)}"
                )
    return [dict(table) for table in conditions]


def _condition(asked: Mapping[str, Any], found: Mapping[str, _Values]) -> dict[str, _Values]:
    """What parameters must be, each of which the space has."""
    values = {}
    for name, entry in asked.items():
        with _named(name):
            if name not in found:
                raise RefusedError("the space above has no such parameter")
            wanted = _value(entry)
            listed = list(wanted) if isinstance(entry, list) else [wanted]
            if not listed:
                raise RefusedError("the list is empty; expected values")
            source = found[name].source
            for value in listed:
                if isinstance(source, list) and value not in source:
                    raise RefusedError(f"it is never {value!r}, but one of {source}")
            values[name] = _Values(listed, listed)
    return values


def _owners(name: str, net: BaseEstimator, found: Mapping[str, _Values]) -> list[BaseEstimator]:
    """The net with each of the values that this name may be a parameter of."""
    of_net, nested, _ = name.partition("__")
    values = found[of_net].samples if nested and of_net in found else []
    return [clone(net).set_params(**{of_net: value}) for value in values] or [net]


def _check_name(name: str, net: BaseEstimator, taken: str | None) -> None:
    known = net.get_params()
    if name == taken:
        raise RefusedError("this method of search sets it; give --epochs instead")
    if name not in known:
        raise RefusedError(no_parameter(name, known))


def _check_value(name: str, value: Any, net: BaseEstimator) -> None:
    changed = clone(net).set_params(**{name: value})
    changed._validate_params()  # noqa: SLF001
    of_net = getattr(changed, name.partition("__")[0])
    if isinstance(of_net, Component):
        of_net.check()


def _values_of(name: str, entry: Any) -> _Values:
    if isinstance(entry, list):
        if not entry:
            raise RefusedError("the list is empty; expected values")
        values = [_value(value) for value in entry]
        return _Values(values, values)
    if not isinstance(entry, Mapping) or len(entry) != 1:
        raise RefusedError(f"expected {_FORMS}, got {_toml(entry)}")
    ((form, argument),) = entry.items()
    if form == "layers" and name == "hidden_layer_sizes":
        return _layers(argument)
    if form == "uniform":
        low, high = _ends(form, argument)
        return _Values(uniform(low, high - low), [float(low), float(high)])
    if form == "loguniform":
        low, high = _ends(form, argument)
        if low <= 0:
            raise RefusedError(f"loguniform needs positive ends, got {argument}")
        return _Values(loguniform(low, high), [float(low), float(high)])
    if form == "int":
        low, high = _ends(form, argument)
        if not isinstance(low, int) or not isinstance(high, int):
            raise RefusedError(f"int needs integers, got {argument}")
        return _Values(randint(low, high + 1), [low, high])
    raise RefusedError(f"expected {_FORMS}, got {_toml(entry)}")


def _layers(argument: Any) -> _Values:
    known = ("depth", "width", "shape", "log")
    if not isinstance(argument, Mapping) or not set(argument) <= set(known):
        raise RefusedError(f"layers takes {', '.join(known)}, got {_toml(argument)}")
    layers = HiddenLayers(**argument)
    return _Values(layers, [(width,) * max(layers.depth) for width in layers.width])


def _ends(form: str, argument: Any) -> tuple[Any, Any]:
    """Two numbers, the lesser first."""
    if isinstance(argument, list) and len(argument) == 2:
        low, high = argument
        numbers = all(type(end) in (int, float) and math.isfinite(end) for end in argument)
        if numbers and low < high:
            return low, high
    raise RefusedError(f"{form} needs two numbers, the lesser first, got {_toml(argument)}")


def _value(value: Any) -> Any:
    if isinstance(value, Mapping) and "component" in value:
        return named(value["component"], {k: v for k, v in value.items() if k != "component"})
    return tuple(map(_value, value)) if isinstance(value, list) else value


def _toml(value: Any) -> str:
    """Write a value as it may stand in the file."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
