"""What `Sequential.compile` was given, in the engine's terms."""

from __future__ import annotations

from typing import Any

from nnhp import _core
from nnhp.sequential import _metrics, _parts
from nnhp.sequential._net import Net


class Compiled:
    """Optimizer, loss and metrics, all known to be good."""

    def __init__(self, optimizer: Any, loss: Any, metrics: Any) -> None:
        self._loss, self._metrics = loss, metrics
        self.optimizer = _parts.optimizer_of(optimizer)
        self.loss, self.sparse_targets = _parts.loss_of(loss)
        self.metrics = _metrics.metrics_of(metrics)
        self.learning_rate = _parts.initial_rate(self.optimizer)  # of the next epoch

    def copies(self) -> int:
        """Arrays as long as the parameters that a training holds at the same time."""
        averages = int(bool(self.optimizer.ema_momentum))
        kept = 1 + _core.optimizers()[self.optimizer.engine_name] + averages
        # What steps change, and the same at the beginning of an epoch; gradient and transposed
        # weights.
        return 2 * kept + 2

    def given(self) -> dict[str, Any]:
        """What `compile` was given, and the learning rate now."""
        return {
            "optimizer": self.optimizer,
            "loss": self._loss,
            "metrics": self._metrics,
            "learning_rate": self.learning_rate,
        }

    def train_spec(
        self, net: Net, *, batch_size: int, n_epochs: int, shuffle: bool
    ) -> _core.TrainSpec:
        """Describe a training of so many epochs, which patience never ends."""
        return _core.TrainSpec(
            loss=self.loss,
            optimizer=_parts.optimizer_fields(self.optimizer),
            schedule={"name": "constant", "initial": _parts.initial_rate(self.optimizer)},
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
