"""What the playground can be set to: names as its addresses have them, bounds, defaults."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from nnhp import _core, initializers, optimizers

MAX_LAYERS, MAX_UNITS = 10, 64
MAX_BATCH = 1024
MAX_TEXT = 200
_NUMBERS = re.compile(r"[0-9]+")


class Kind(Protocol):
    """The values of an option."""

    def check(self, value: Any) -> Any:
        """The value as it is used; ValueError tells what was expected."""

    def describe(self) -> dict[str, Any]:
        """For the page, which makes a control of it."""


@dataclass(frozen=True)
class Choice:
    """One of some names."""

    names: tuple[str, ...]

    def check(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.names:
            raise ValueError(f"must be one of {', '.join(self.names)}")
        return value

    def describe(self) -> dict[str, Any]:
        return {"kind": "choice", "names": self.names}


@dataclass(frozen=True)
class Number:
    """A number of an interval, or, for the page, one of some."""

    low: float
    high: float
    steps: tuple[float, ...] = ()  # that the page offers
    whole: bool = False

    def check(self, value: Any) -> float:
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        if not plain or not self.low <= value <= self.high:
            raise ValueError(f"must be a number from {self.low:g} to {self.high:g}")
        if not self.whole:
            return float(value)
        if value != int(value):
            raise ValueError(f"must be a whole number from {self.low:g} to {self.high:g}")
        return int(value)

    def describe(self) -> dict[str, Any]:
        kind = "whole" if self.whole else "number"
        return {"kind": kind, "low": self.low, "high": self.high, "steps": self.steps}


@dataclass(frozen=True)
class Flag:
    """Yes or no."""

    def check(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError("must be true or false")
        return value

    def describe(self) -> dict[str, Any]:
        return {"kind": "flag"}


@dataclass(frozen=True)
class Shape:
    """Units of each hidden layer, as in '4,2'; '' is none."""

    def check(self, value: Any) -> str:
        parts = value.split(",") if isinstance(value, str) and value else []
        sound = isinstance(value, str) and all(_NUMBERS.fullmatch(part) for part in parts)
        if not sound or len(parts) > MAX_LAYERS or len(value) > MAX_TEXT:
            raise ValueError(f"must be at most {MAX_LAYERS} numbers of units, such as '4,2'")
        if any(not 1 <= int(part) <= MAX_UNITS for part in parts):
            raise ValueError(f"must have 1 to {MAX_UNITS} units in each layer")
        return ",".join(str(int(part)) for part in parts)

    def describe(self) -> dict[str, Any]:
        return {"kind": "shape", "layers": MAX_LAYERS, "units": MAX_UNITS}


@dataclass(frozen=True)
class Names:
    """One name for all, or as many as there are hidden layers, as in 'relu,tanh'."""

    names: tuple[str, ...]

    def check(self, value: Any) -> str:
        parts = value.split(",") if isinstance(value, str) else []
        if not 1 <= len(parts) <= MAX_LAYERS or any(part not in self.names for part in parts):
            raise ValueError(f"must be names among {', '.join(self.names)}, with ',' between them")
        return str(value)

    def describe(self) -> dict[str, Any]:
        return {"kind": "names", "names": self.names}


@dataclass(frozen=True)
class Text:
    """Any short text."""

    def check(self, value: Any) -> str:
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            raise ValueError(f"must be a text of at most {MAX_TEXT} characters")
        return value

    def describe(self) -> dict[str, Any]:
        return {"kind": "text"}


@dataclass(frozen=True)
class Option:
    """What a name of the address means.

    Attributes
    ----------
    kind : Kind
        Its values.
    default : object
        That which the address leaves out.
    begins_anew : bool
        Whether a change of it begins the training anew.
    """

    kind: Kind
    default: Any
    begins_anew: bool = True


_MOST_NOISE = 50.0
_RATES = (0.00001, 0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
_PENALTIES = (0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
# As the page calls them, and as the engine does.
ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic", "linear": "identity"} | {
    name: name for name in _core.activations() if name not in {"logistic", "identity"}
}
SOLVERS = tuple(name for name in optimizers.BY_NAME if name != "lbfgs")
SCHEDULES = ("constant", "cosine", "exponential", "one_cycle", "plateau", "step")
CLASS_LOSSES = ("log_loss", "hinge", "focal")
TARGET_LOSSES = ("squared_error", "absolute_error", "huber")
INPUTS = {  # of two columns: the name in the address, and FeatureExpansion's
    "x": "x1",
    "y": "x2",
    "xSquared": "x1^2",
    "ySquared": "x2^2",
    "xTimesY": "x1*x2",
    "sinX": "sin(x1)",
    "sinY": "sin(x2)",
}
DATASETS = ("circle", "xor", "gauss", "spiral")
TARGET_DATASETS = ("reg-plane", "reg-gauss")
OWN = "own"

OPTIONS: dict[str, Option] = {
    # of the original page
    "problem": Option(Choice(("classification", "regression")), "classification"),
    "dataset": Option(Choice((*DATASETS, OWN)), "circle"),
    "regDataset": Option(Choice((*TARGET_DATASETS, OWN)), "reg-plane"),
    "percTrainData": Option(Number(10, 90, tuple(range(10, 91, 10)), whole=True), 50),
    "noise": Option(Number(0, 50, tuple(range(0, 51, 5)), whole=True), 0),
    "batchSize": Option(Number(1, MAX_BATCH, tuple(range(1, 31)), whole=True), 10),
    "seed": Option(Text(), "0.5"),
    **{name: Option(Flag(), name in {"x", "y"}) for name in INPUTS},
    "networkShape": Option(Shape(), "4,2"),
    "activation": Option(Names(tuple(ACTIVATIONS)), "tanh"),
    "learningRate": Option(Number(1e-7, 100, _RATES), 0.03, begins_anew=False),
    "regularization": Option(Choice(("none", "L1", "L2")), "none"),
    "regularizationRate": Option(Number(0, 100, _PENALTIES), 0.0),
    "initZero": Option(Flag(), False),
    "showTestData": Option(Flag(), False, begins_anew=False),
    "discretize": Option(Flag(), False, begins_anew=False),
    # beyond it
    "engine": Option(Choice(("nnhp", "original")), "nnhp"),
    "solver": Option(Choice(SOLVERS), "sgd"),
    "momentum": Option(Number(0, 0.99, (0, 0.5, 0.9, 0.95, 0.99)), 0.0),
    "schedule": Option(Choice(SCHEDULES), "constant"),
    "scheduleEpochs": Option(Number(4, 100_000, (100, 300, 1000, 3000), whole=True), 300),
    "dropout": Option(Number(0, 0.9, (0, 0.1, 0.2, 0.3, 0.5)), 0.0),
    "initializer": Option(Choice(("default", "auto", *sorted(initializers.BY_NAME))), "default"),
    "loss": Option(Choice(CLASS_LOSSES), "log_loss"),
    "regLoss": Option(Choice(TARGET_LOSSES), "squared_error"),
    "earlyStopping": Option(Flag(), False),
    "epochsAFrame": Option(
        Number(1, 1000, (1, 3, 10, 30, 100, 300, 1000), whole=True), 1, begins_anew=False
    ),
    "maxEpochs": Option(Number(1, 1_000_000, whole=True), 100_000),
}
# In addresses of the original: what does nothing there either, and what the page itself looks at.
IGNORED = frozenset({"cosX", "cosY", "collectStats", "hideText", "tutorial"})
PARTS_OF_THE_PAGE = (  # that <name>_hide=true leaves out
    "showTestData",
    "discretize",
    "playButton",
    "stepButton",
    "resetButton",
    "learningRate",
    "activation",
    "regularization",
    "regularizationRate",
    "problem",
    "dataset",
    "percTrainData",
    "noise",
    "batchSize",
    "numHiddenLayers",
)


class OptionError(ValueError):
    """A name or a value that is no option's."""


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """All options, with the given values where there are such.

    Raises
    ------
    OptionError
        Naming the option, what was expected and what came.
    """
    found = {name: option.default for name, option in OPTIONS.items()}
    for name, value in given.items():
        if name not in IGNORED:
            found[name] = _check_one(name, value)
    _check_together(found)
    return found


def _check_one(name: str, value: Any) -> Any:
    if name in IGNORED:
        return value
    if name not in OPTIONS:
        raise OptionError(f"unknown option {short(name)}")
    try:
        return OPTIONS[name].kind.check(value)
    except ValueError as error:
        raise OptionError(f"{name} {error}, got {short(value)}") from None


def _check_together(options: Mapping[str, Any]) -> None:
    if not any(options[name] for name in INPUTS) and not is_own(options):
        raise OptionError(f"at least one of the features {', '.join(INPUTS)} must be true")
    n_names, n_layers = options["activation"].count(",") + 1, len(units_of(options))
    if n_names not in {1, n_layers}:
        raise OptionError(f"activation has {n_names} names for {n_layers} hidden layers")
    if options["engine"] == "original":
        for name in sorted(_NOT_ORIGINAL):
            if options[name] != OPTIONS[name].default:
                raise OptionError(f"{name} is not of the original page: engine must be 'nnhp'")
        if set(options["activation"].split(",")) - {"relu", "tanh", "sigmoid", "linear"}:
            raise OptionError("activation is not of the original page: engine must be 'nnhp'")


_NOT_ORIGINAL = {
    "solver", "momentum", "schedule", "scheduleEpochs", "dropout", "initializer", "loss", "regLoss",
    "earlyStopping",
}  # fmt: skip


def is_own(options: Mapping[str, Any]) -> bool:
    """Whether the data are the user's."""
    return dataset_of(options) == OWN


def dataset_of(options: Mapping[str, Any]) -> str:
    """The data set that the problem has."""
    which = "dataset" if options["problem"] == "classification" else "regDataset"
    return str(options[which])


def units_of(options: Mapping[str, Any]) -> list[int]:
    """Units of the hidden layers."""
    return [int(part) for part in options["networkShape"].split(",") if part]


def features_of(options: Mapping[str, Any]) -> list[str]:
    """Features of the two columns, as FeatureExpansion calls them."""
    return [feature for name, feature in INPUTS.items() if options[name]]


def of_address(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Options whose values are texts; with what is none of them left out, and why."""
    found: dict[str, Any] = {}
    wrong = []
    for name, text in given.items():
        value = text
        if isinstance(text, str) and isinstance(getattr(OPTIONS.get(name), "kind", None), Number):
            with contextlib.suppress(ValueError):
                value = float(text)
        if name == "noise" and isinstance(value, float) and value > _MOST_NOISE:
            value = _MOST_NOISE  # as the original has it
        try:
            _check_one(name, value)
        except OptionError as error:
            wrong.append(str(error))
        else:
            found[name] = value
    try:
        checked(found)
    except OptionError as error:
        return {}, [*wrong, str(error)]
    return found, wrong


def anew(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether going from one setting to another begins the training anew."""
    return any(o.begins_anew and before[name] != after[name] for name, o in OPTIONS.items())


def described() -> dict[str, dict[str, Any]]:
    """All options, for the page."""
    return {
        name: {**option.kind.describe(), "default": option.default}
        for name, option in OPTIONS.items()
    }


def short(value: Any, length: int = 60) -> str:
    """A value in an error, of any length."""
    text = repr(value)
    return text if len(text) <= length else text[: length - 1] + "…"
