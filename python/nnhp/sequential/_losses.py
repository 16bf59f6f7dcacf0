"""Losses of `Sequential`, by Keras's names: in the engine's terms, with what each asks for."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from typing import Any

from nnhp import losses
from nnhp._component import listed
from nnhp._keras import keras_name
from nnhp.layers import Layer


class Targets(Enum):
    """What the columns of y hold."""

    NUMBERS = "numbers"
    CLASS_NUMBERS = "class numbers"  # in one column
    PROBABILITIES = "probabilities"  # each between 0 and 1
    SHARES = "shares"  # of the classes, 1 in all
    SIGNS = "signs"  # two classes: 0 and 1, or -1 and 1


@dataclass(frozen=True)
class Outputs:
    """What the outputs must be."""

    text: str
    activations: frozenset[str]  # the engine's, that give them
    choose: str  # one of them
    instead: str = ""  # another loss


_SHARES = Outputs(
    "that sum to 1",
    frozenset({"softmax"}),
    "softmax",
    ", or loss='binary_crossentropy' for outputs that each stand for themselves",
)
_PROBABILITIES = Outputs(
    "between 0 and 1", frozenset({"logistic", "hard_sigmoid", "softmax"}), "sigmoid"
)
NEVER_NEGATIVE = _PROBABILITIES.activations | {"relu", "softplus", "exp"}
_NOT_NEGATIVE = Outputs("that are never negative", NEVER_NEGATIVE, "exponential")
KERAS_NAMES = {"logistic": "sigmoid", "exp": "exponential", "identity": "linear"}


@dataclass(frozen=True)
class Loss:
    """A loss as `compile` was given it."""

    shown: str  # as the user gave it
    fields: dict[str, Any]  # as the engine takes it
    targets: Targets
    outputs: Outputs | None  # None: any

    def check(self, last: Layer, output_activation: str) -> None:
        """Raise ValueError where it does not fit the last layer and the engine's activation."""
        if self.outputs is None or output_activation in self.outputs.activations:
            return
        known = {KERAS_NAMES.get(name, name) for name in self.outputs.activations}
        others = listed(known - {self.outputs.choose})
        given = getattr(last, "activation", None) or "linear"
        raise ValueError(
            f"loss={self.shown} needs outputs {self.outputs.text}, which the activation {given!r} "
            f"of the last layer, {last!r}, does not give: choose "
            f"activation={self.outputs.choose!r}{f' (or {others})' if others else ''}"
            f"{self.outputs.instead}."
        )


# Keras's losses: the engine's name with what makes its loss Keras's, targets and outputs.
_MEAN: dict[str, Any] = {"over_outputs": "mean"}
_OVER_SAMPLES: dict[str, Any] = {"mean_over_samples": True}
_CLIPPED: dict[str, Any] = {"epsilon": 1e-7}
_Row = tuple[dict[str, Any], Targets, Outputs | None]
LOSSES: dict[str, _Row] = {
    "mean_squared_error": (
        {"name": "squared_error", "scale": 2.0, **_MEAN},
        Targets.NUMBERS,
        None,
    ),
    "mean_absolute_error": ({"name": "absolute_error", **_MEAN}, Targets.NUMBERS, None),
    "huber": ({"name": "huber", **_MEAN}, Targets.NUMBERS, None),
    "poisson": (
        {"name": "poisson_likelihood", **_MEAN, **_CLIPPED},
        Targets.NUMBERS,
        _NOT_NEGATIVE,
    ),
    "binary_crossentropy": (
        {"name": "binary_log_loss", **_MEAN, **_CLIPPED},
        Targets.PROBABILITIES,
        _PROBABILITIES,
    ),
    "categorical_crossentropy": ({"name": "log_loss", **_CLIPPED}, Targets.SHARES, _SHARES),
    "sparse_categorical_crossentropy": (
        {"name": "log_loss", **_CLIPPED},
        Targets.CLASS_NUMBERS,
        _SHARES,
    ),
    "binary_focal_crossentropy": (
        {"name": "binary_focal", **_MEAN, **_CLIPPED},
        Targets.PROBABILITIES,
        _PROBABILITIES,
    ),
    # Its gradient is not the short one of log_loss, which takes for granted that targets sum to 1.
    "categorical_focal_crossentropy": (
        {"name": "focal", "alpha": 0.25, **_CLIPPED},
        Targets.NUMBERS,
        _SHARES,
    ),
    "hinge": ({"name": "hinge", **_MEAN}, Targets.SIGNS, None),
    "categorical_hinge": ({"name": "categorical_hinge"}, Targets.NUMBERS, None),
}
ALIASES = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "bce": "binary_crossentropy",
}


def loss_of(given: Any) -> Loss:
    """The loss of `compile`, by name or as an object."""
    own: dict[str, Any] = {}
    name = given
    if isinstance(given, losses.Huber):
        given.check()
        name, own = given.name, given.fields()
    name = ALIASES.get(str(name).lower(), str(name).lower())
    if name not in LOSSES:
        raise ValueError(
            f"loss must be one of {listed({*LOSSES, *ALIASES})} or nnhp.losses.Huber, got "
            f"{given!r}. {_instead(given)}".rstrip()
        )
    fields, targets, outputs = LOSSES[name]
    return Loss(repr(given), {**fields, **own, **_OVER_SAMPLES}, targets, outputs)


def _instead(given: Any) -> str:
    """What to do where a loss is no name."""
    name = keras_name(getattr(given, "__name__", type(given).__name__))
    name = ALIASES.get(name, name)
    if isinstance(given, str):
        close = get_close_matches(given.lower(), {*LOSSES, *ALIASES}, n=1)
        return f"Did you mean {close[0]!r}?" if close else ""
    if name not in LOSSES:
        return "There are no losses of one's own." if callable(given) else ""
    logits = getattr(given, "from_logits", False)
    return f"Give {name!r}" + (", and the last layer its activation." if logits else ".")
