"""What `Sequential.compile` was given, in the engine's terms."""

from __future__ import annotations

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
        self.optimizer = clone(_parts.optimizer_of(optimizer))
        self.loss = _losses.loss_of(self._loss)
        self.metrics = _metrics.metrics_of(metrics)
        self.learning_rate = _parts.initial_rate(self.optimizer)  # of the next epoch

    def check_outputs(self, net: Net) -> None:
        """Raise ValueError where the loss is not one of the net's outputs."""
        self.loss.check(net.layers[-1], net.output_activation)

    def check_targets(self, y: NDArray[Any], n_outputs: int, name: str) -> None:
        """Raise ValueError where a metric is not one of such targets."""
        _metrics.check_targets(self.metrics, y, n_outputs, name)

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
            loss=self.loss.fields,
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
