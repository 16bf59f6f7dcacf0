"""What the estimators minimise: losses by name or as objects, in the engine's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from nnhp import _core
from nnhp._component import Component, Names
from nnhp.losses import Focal, Huber, Quantile

if TYPE_CHECKING:
    from nnhp.estimators._base import BaseMLP

Kind = Literal["multiclass", "binary", "multilabel", "regression"]

# The engine's names, for one class of several and for each class by itself.
_OF_CLASSES = {
    "log_loss": ("log_loss", "binary_log_loss"),
    "hinge": ("multiclass_hinge", "hinge"),
    "focal": ("focal", "binary_focal"),
}
_OF_NUMBERS = {"squared_error", "absolute_error", "huber", "poisson", "gamma", "quantile"}
# Other names of losses and of output activations, mostly Keras's. Keras's 'mse' is none, for it is
# twice 'squared_error'.
_ALIASES = {"mae": "absolute_error", "mean_absolute_error": "absolute_error"}
_OUTPUT_ALIASES = {"linear": "identity", "sigmoid": "logistic", "exponential": "exp"}
_OUTPUTS = {"identity", "logistic", "tanh", "softplus", "exp"}
_MAY_BE_NEGATIVE = {"identity", "tanh"}
_WITH_PARAMETERS: dict[str, type[Component]] = {
    "focal": Focal,
    "huber": Huber,
    "quantile": Quantile,
}

OF_CLASSIFIERS: list[Any] = [Names(set(_OF_CLASSES)), Focal]
OF_REGRESSORS: list[Any] = [Names(_OF_NUMBERS | _ALIASES.keys()), Huber, Quantile]
OUTPUT_ACTIVATION: list[Any] = [Names(_OUTPUTS | _OUTPUT_ALIASES.keys()), None]


def name_of(loss: str | Component) -> str:
    """Name of a loss, whatever it was called; empty for what is none, before it was checked."""
    return _ALIASES.get(loss, loss) if isinstance(loss, str) else getattr(loss, "name", "")


def _component_of(loss: str | Component) -> Component | None:
    """The object of a loss that has parameters."""
    if not isinstance(loss, str):
        return loss
    name = name_of(loss)
    return _WITH_PARAMETERS[name]() if name in _WITH_PARAMETERS else None


def check(estimator: BaseMLP) -> None:
    """Raise ValueError where the loss is out of bounds, or its output activation makes no sense."""
    name, component = name_of(estimator.loss), _component_of(estimator.loss)
    if component is not None:
        component.check()
    given = getattr(estimator, "output_activation", None)
    if given is None:
        return
    if name == "quantile":
        raise ValueError(
            "output_activation must be None with loss='quantile', whose outputs rise, got "
            f"{given!r}."
        )
    if name in ("poisson", "gamma") and _OUTPUT_ALIASES.get(given, given) in _MAY_BE_NEGATIVE:
        raise ValueError(
            f"output_activation={given!r} gives negative outputs, which loss={name!r} cannot take: "
            "choose None, 'exp' or 'softplus'."
        )


def fields(estimator: BaseMLP, kind: Kind) -> dict[str, Any]:
    """The loss for targets of a kind as the engine takes it."""
    name, component = name_of(estimator.loss), _component_of(estimator.loss)
    found = {"name": name} if component is None else component.fields()
    if kind == "regression":
        return found
    of_one, of_each = _OF_CLASSES[name]
    found["name"] = of_one if kind == "multiclass" else of_each
    return {**found, "label_smoothing": float(estimator.label_smoothing)}


def followed(loss: dict[str, Any]) -> dict[str, Any]:
    """The loss, in the engine's terms, that has the slopes which steps by this one follow."""
    return {**loss, "over_outputs": "sum"} if loss["name"] == "squared_error" else loss


def output_activation(estimator: BaseMLP, kind: Kind) -> str:
    """The engine's name of the activation that the net ends in."""
    given = getattr(estimator, "output_activation", None)
    if given is None:
        return _core.losses()[fields(estimator, kind)["name"]]
    return _OUTPUT_ALIASES.get(given, str(given))


def quantiles_of(loss: str | Component) -> list[float] | None:
    """Levels that the outputs stand for; None for the losses of other numbers."""
    component = _component_of(loss)
    return component.levels() if isinstance(component, Quantile) else None


def can_score(loss: str | Component, out_activation: str, n_outputs: int) -> bool:
    """Whether a fitted net has the outputs that a loss for numbers scores."""
    levels = quantiles_of(loss)
    of_levels = out_activation == _core.losses()["quantile"]
    if levels is None:
        return n_outputs == 1 or not of_levels
    return n_outputs == len(levels) and (n_outputs == 1 or of_levels)


def gives_probabilities(loss: str | Component) -> bool:
    """Whether the outputs of a classifier are probabilities; else they are decision values."""
    return name_of(loss) != "hinge"


def least_target(loss: str | Component) -> str | None:
    """What y must be, as text; None if it may be any number."""
    return {"poisson": ">= 0", "gamma": "> 0"}.get(name_of(loss))
