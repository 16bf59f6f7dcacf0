"""A call of `Sequential.fit`: a session of the engine, its numbers after each epoch, callbacks."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from nnhp import _core
from nnhp._checks import check_iterable
from nnhp.callbacks import Callback, History
from nnhp.callbacks._base import Logs
from nnhp.estimators import _random
from nnhp.estimators._compiled import outputs_of
from nnhp.sequential._compiled import Compiled
from nnhp.sequential._data import Part
from nnhp.sequential._metrics import measure
from nnhp.sequential._net import Net

if TYPE_CHECKING:
    from nnhp.sequential import Sequential
    from nnhp.sequential._trainable import Trainable

# Entries of a session's state with which the optimizer goes on.
_OF_OPTIMIZER = ("step", "steps_averaged", "moment_1", "moment_2", "moment_3", "averages")


@dataclass(frozen=True)
class State:
    """What a model has learned, between calls of `fit`."""

    parameters: NDArray[Any]  # flat, those that predict
    generator: np.random.RandomState  # for orders of samples
    samples_seen: int = 0
    raw: NDArray[Any] | None = None  # that training goes on from, where averages predict
    optimizer: dict[str, Any] = field(default_factory=dict)
    key: int | None = None  # of masks and noise, which differ by the optimizer's steps
    order: NDArray[np.int32] | None = None  # of the samples, that the next shuffle starts from

    @classmethod
    def drawn(cls, net: Net, generator: np.random.RandomState) -> State:
        """The state of a model that has learned nothing."""
        return cls(net.draw(generator), generator)

    def to_save(self) -> tuple[dict[str, NDArray[Any]], dict[str, int]]:
        """All but the generator: arrays and numbers by their names."""
        optional = {"raw": self.raw, "order": self.order}
        arrays = {name: array for name, array in optional.items() if array is not None}
        arrays["parameters"] = self.parameters
        numbers = {"samples_seen": self.samples_seen}
        if self.key is not None:
            numbers["key"] = self.key
        for name, value in self.optimizer.items():
            if isinstance(value, np.ndarray):
                arrays[f"optimizer.{name}"] = value
            else:
                numbers[name] = int(value)
        return arrays, numbers

    @classmethod
    def restored(
        cls,
        parameters: NDArray[Any],
        generator: np.random.RandomState,
        arrays: Mapping[str, NDArray[Any]],
        numbers: dict[str, int],
    ) -> State:
        """What `to_save` told, with a generator."""
        optimizer: dict[str, Any] = {
            name.removeprefix("optimizer."): array
            for name, array in arrays.items()
            if name.startswith("optimizer.")
        }
        others = ("samples_seen", "key")
        optimizer |= {name: value for name, value in numbers.items() if name not in others}
        return cls(
            parameters,
            generator,
            numbers["samples_seen"],
            arrays.get("raw"),
            optimizer,
            numbers.get("key"),
            arrays.get("order"),
        )

    def without_optimizer(self) -> State:
        """The same weights, for another optimizer, whose steps begin anew and need another key."""
        return replace(self, raw=None, optimizer={}, key=None, order=None)

    def with_parameters(self, flat: NDArray[Any]) -> State:
        """Other weights, for the same optimizer."""
        kept = {name: value for name, value in self.optimizer.items() if name != "averages"}
        return replace(self, parameters=flat, raw=None, optimizer=kept)


class Training:
    """The epochs of one call."""

    def __init__(
        self,
        net: Net,
        compiled: Compiled,
        state: State,
        train: Part,
        validation: Part | None,
        *,
        batch_size: int,
        n_epochs: int,
        shuffle: bool,
    ) -> None:
        self._net = net
        self._compiled = compiled
        self._before = state
        self._train = train
        self._validation = validation
        if len(net.frozen_layers) == len(net.spec.layer_shapes):
            raise ValueError("trainable=False in all layers with weights leaves nothing to train.")
        net.check_memory(compiled.copies())
        net.check_batch(batch_size)
        start = state.parameters if state.raw is None else state.raw
        self._key = (
            _random.dropout_key(state.generator, state.samples_seen)
            if state.key is None
            else state.key
        )
        self._shuffles = shuffle
        training_set = _core.TrainingSet(
            train.dataset,
            sample_weight=train.weight,
            validation_data=None if validation is None else validation.dataset,
            validation_weight=None if validation is None else validation.weight,
        )
        spec = compiled.train_spec(net, batch_size=batch_size, n_epochs=n_epochs, shuffle=shuffle)
        self._session = _core.Session(
            net.spec,
            spec,
            training_set,
            _core.Start(start, _random.mt_state(state.generator), self._key),
        )
        if state.optimizer:
            self._session.restore(state.optimizer)
        if shuffle and state.order is not None and len(state.order) == train.n_samples:
            self._session.restore({"order": state.order})

    @property
    def parameters(self) -> NDArray[Any]:
        """Flat parameters that predict."""
        if not self._compiled.optimizer.ema_momentum:
            return self._session.parameters
        averages: NDArray[Any] = self._session.state()["averages"]
        return averages

    def replace(self, flat: NDArray[Any]) -> None:
        """Go on from other parameters."""
        averages = {"averages": flat} if self._compiled.optimizer.ema_momentum else {}
        self._session.restore({"parameters": flat} | averages)

    @property
    def diverged(self) -> bool:
        """Whether parameters or the loss are not finite, so that nothing more can be learned."""
        return self._session.status == "diverged"

    def advance(self, threads: int) -> Logs:
        """Do an epoch; returns its numbers."""
        if self._session.rate != self._compiled.learning_rate:
            self._session.restore({"learning_rate": self._compiled.learning_rate})
        _core.train_many([self._session], 1, threads)
        if self.diverged:
            layer = self._session.diverged_layer
            what = "the loss" if layer < 0 else f"layer {layer + 1} of those with weights"
            warnings.warn(
                f"The training diverged: {what} became non-finite.",
                ConvergenceWarning,
                stacklevel=3,  # the caller of fit
            )
        parameters = self.parameters
        measured = partial(
            _measured,
            self._net,
            self._compiled,
            parameters,
            learned=self._train.y,
            threads=threads,
        )
        logs = {"loss": self._session.loss_curve[-1]} | measured(self._train)
        if self._validation is None:
            return logs
        loss = self._session.validation_loss_curve[-1] + self._net.penalty(parameters)
        of_validation = {"loss": loss} | measured(self._validation)
        return logs | {f"val_{name}": value for name, value in of_validation.items()}

    def state(self) -> State:
        """What the next call goes on from."""
        state = self._session.state()
        generator = self._before.generator
        if state["mt_state"] is not None:
            _random.set_mt_state(generator, state["mt_state"])
        averages = state["averages"]
        return State(
            state["parameters"] if averages is None else averages,
            generator,
            self._before.samples_seen + state["n_samples_seen"],
            None if averages is None else state["parameters"],
            {name: state[name] for name in _OF_OPTIMIZER if state[name] is not None},
            self._key,
            state["order"] if self._shuffles else None,
        )


def evaluated(
    net: Net, compiled: Compiled, parameters: NDArray[Any], part: Part, threads: int
) -> Logs:
    """Loss and metrics of some parameters."""
    spec = compiled.train_spec(net, batch_size=part.n_samples, n_epochs=1, shuffle=False)
    rows = _core.TrainingSet(
        part.dataset, validation_data=part.dataset, validation_weight=part.weight
    )
    loss, _ = _core.evaluate(net.spec, spec, parameters, rows)
    found = {"loss": loss + net.penalty(parameters)}
    return found | _measured(net, compiled, parameters, part, part.y, threads)


def _measured(
    net: Net,
    compiled: Compiled,
    parameters: NDArray[Any],
    part: Part,
    learned: NDArray[Any],
    threads: int,
) -> Logs:
    """Metrics of a part, whose classes are told apart as in the targets that were learned."""
    if not compiled.metrics:
        return {}
    outputs = outputs_of(_core.Predictor(net.spec, parameters), part.X, lambda: threads)
    return measure(compiled.metrics, part.y, outputs, compiled.boundary(net, learned))


# Keras's, which nothing calls here.
_NOT_CALLED = tuple(
    f"on_{when}_{end}"
    for when in ("batch", "train_batch", "test", "test_batch", "predict", "predict_batch")
    for end in ("begin", "end")
)


def _warn_of_what_is_not_called(callback: Callback) -> None:
    found = [name for name in _NOT_CALLED if hasattr(callback, name)]
    if found:
        warnings.warn(
            f"{type(callback).__name__}: {', '.join(found)} will not be called: callbacks of "
            "nnhp.Sequential are called between epochs only.",
            stacklevel=4,  # the caller of fit
        )


class Watching:
    """The callbacks of one call."""

    def __init__(self, model: Trainable, given: Callback | Sequence[Callback] | None) -> None:
        if not isinstance(given, Callback | None):
            check_iterable(given, "callbacks", "an object or objects of nnhp.callbacks")
        listed = [given] if isinstance(given, Callback) else list(given or ())
        for callback in listed:
            if not isinstance(callback, Callback):
                raise TypeError(f"callbacks must be objects of nnhp.callbacks, got {callback!r}.")
            _warn_of_what_is_not_called(callback)
        self.history = History()
        self._callbacks = [*listed, self.history]
        self._logs: Logs = {}
        for callback in self._callbacks:
            callback.model = cast("Sequential", model)

    def begin(self, params: dict[str, Any]) -> None:
        """Tell that training begins."""
        for callback in self._callbacks:
            callback.params = params
            callback.on_train_begin({})

    def begin_epoch(self, epoch: int) -> None:
        """Tell that an epoch begins."""
        for callback in self._callbacks:
            callback.on_epoch_begin(epoch, {})

    def end_epoch(self, epoch: int, logs: Logs) -> None:
        """Tell what an epoch brought."""
        self._logs = logs
        for callback in self._callbacks:
            callback.on_epoch_end(epoch, logs)

    def end(self) -> None:
        """Tell that training has ended."""
        for callback in self._callbacks:
            callback.on_train_end(self._logs)
