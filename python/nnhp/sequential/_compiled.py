"""What `Sequential.compile` was given, in the engine's terms."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from numpy.typing import NDArray
from sklearn.base import clone

from nnhp import _core
from nnhp.sequential import _losses, _metrics, _parts
from nnhp.sequential._net import Net


class Compiled:
    """Optimizer, loss and metrics, all known to be good, and none of them the user's object."""

    def __init__(self, optimizer: Any, loss: Any, metrics: Any) -> None:
        self._loss = clone(loss, safe=False)
        self._metrics = list(metrics) if isinstance(metrics, list) else metrics
        self.chosen = clone(_parts.optimizer_of(optimizer))  # None is the default rate
        self.optimizer = clone(self.chosen).set_params(
            learning_rate=_parts.initial_rate(self.chosen)
        )
        self.loss = _losses.loss_of(self._loss)
        self.metrics = _metrics.metrics_of(metrics)

    @property
    def learning_rate(self) -> float:
        """Of the next epoch; the user may have set it in the optimizer."""
        return _checked(self.optimizer.learning_rate)

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        self.optimizer.learning_rate = _checked(rate)

    def check_outputs(self, net: Net) -> None:
        """Raise ValueError where the loss is not one of the net's outputs."""
        self.loss.check(net.layers[-1], net.output_activation)

    def check_targets(self, y: NDArray[Any], n_outputs: int, name: str) -> None:
        """Raise ValueError where a metric is not one of such targets."""
        _metrics.check_targets(self.metrics, y, n_outputs, name)

    def boundary(self, net: Net, y: NDArray[Any]) -> float:
        """Where the outputs of two classes are told apart: by their signs if they have some."""
        by_sign = self.loss.targets is _losses.Targets.SIGNS or y.min() < 0
        return 0.0 if by_sign and net.output_activation not in _losses.NEVER_NEGATIVE else 0.5

    def copies(self) -> int:
        """Arrays as long as the parameters that a training holds at the same time."""
        averages = int(bool(self.optimizer.ema_momentum))
        kept = 1 + _core.optimizers()[self.optimizer.engine_name] + averages
        # What steps change, and the same at the beginning of an epoch; the gradient; the
        # parameters that it began with.
        return 2 * kept + 2

    def given(self) -> dict[str, Any]:
        """What `compile` was given, and the learning rate now."""
        return {
            "optimizer": self.chosen,
            "loss": self._loss,
            "metrics": self._metrics,
            "learning_rate": self.learning_rate,
        }

    def train_spec(
        self, net: Net, *, batch_size: int, n_epochs: int, shuffle: bool
    ) -> _core.TrainSpec:
        """Describe a training of so many epochs, which patience never ends."""
        limit = {} if net.max_norm is None else {"max_norm": net.max_norm}
        return _core.TrainSpec(
            loss=self.loss.fields,
            optimizer=_parts.optimizer_fields(self.optimizer) | limit,
            schedule={"name": "constant", "initial": _parts.initial_rate(self.chosen)},
            schedule_horizon=n_epochs,
            batch_size=batch_size,
            max_epochs=n_epochs,
            shuffle=shuffle,
            tol=0.0,
            n_iter_no_change=float("inf"),
            frozen_layers=net.frozen_layers,
            held_biases=net.held_biases,
            layer_penalties=net.penalties,
        )


def _checked(rate: Any) -> float:
    if not isinstance(rate, Real) or not 0 <= float(rate) < math.inf:
        raise ValueError(f"learning_rate must be finite and not negative, got {rate!r}.")
    return float(rate)
