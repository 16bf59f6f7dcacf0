"""Callbacks that watch a number."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from difflib import get_close_matches
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from sklearn.utils._param_validation import Interval

from nnhp._checks import as_path, check_arguments
from nnhp._keras import check_file_name
from nnhp.callbacks._base import Callback, Logs

# Metrics of which more is better, and those of which less is.
_MORE = ("acc", "accuracy", "auc", "precision", "r2_score", "recall")
_LESS = ("loss", "bce", "mse", "rmse", "mae", "mape", "error", "crossentropy", "hinge", "poisson")


_COUNT = [Interval(Integral, 0, None, closed="left")]
_CONSTRAINTS: dict[str, list[Any]] = {
    "monitor": [str],
    "min_delta": [Interval(Real, None, None, closed="neither")],
    "patience": _COUNT,
    "verbose": ["verbose"],
    "baseline": [Real, None],
    "restore_best_weights": ["boolean"],
    "start_from_epoch": [Integral],
    "factor": [Interval(Real, 0, None, closed="left")],
    "cooldown": _COUNT,
    "min_lr": [Interval(Real, 0, None, closed="left")],
    "save_best_only": ["boolean"],
    "save_weights_only": ["boolean"],
    "initial_value_threshold": [Real, None],
}


def _check(callback: Callback, given: Mapping[str, Any]) -> None:
    check_arguments(type(callback).__name__, _CONSTRAINTS, given)


class _Watch:
    """Tells whether a monitored number is better than another."""

    def __init__(self, callback: Callback, monitor: str, mode: str, min_delta: float) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"mode must be 'auto', 'min' or 'max', got {mode!r}.")
        self.monitor = monitor
        self._of = type(callback).__name__
        self._told = False
        self._sign = 1.0 if (_mode_of(monitor) if mode == "auto" else mode) == "max" else -1.0
        self._min_delta = abs(min_delta)

    def begin(self) -> None:
        self._told = False

    def value(self, logs: Mapping[str, float]) -> float | None:
        if self.monitor not in logs and not self._told:
            self._told = True
            warnings.warn(
                f"{self._of} does nothing: monitor={self.monitor!r} is not among what is known "
                f"after an epoch, {sorted(logs)}. {self._meant(logs)}".rstrip(),
                stacklevel=5,  # the caller of fit
            )
        return logs.get(self.monitor)

    def _meant(self, logs: Mapping[str, float]) -> str:
        """What there is to do about it."""
        if self.monitor.startswith("val_") and not any(name.startswith("val_") for name in logs):
            return "Give fit validation_data or validation_split."
        by_case = {name.lower(): name for name in logs}
        close = get_close_matches(self.monitor.lower(), by_case, n=1)
        return f"Did you mean {by_case[close[0]]!r}?" if close else ""

    def better(self, value: float, than: float | None) -> bool:
        return than is None or self._sign * (value - than) > self._min_delta


def _mode_of(monitor: str) -> str:
    plain = re.sub(r"_\d+$", "", monitor.removeprefix("val_").lower())  # of a name that comes again
    if plain.endswith(_MORE):
        return "max"
    if plain.endswith(_LESS):
        return "min"
    raise ValueError(
        f"mode must be 'min' or 'max' for monitor={monitor!r}, whose name does not tell whether "
        "less is better."
    )


class EarlyStopping(Callback):
    """Ends training when a number stops getting better.

    Parameters
    ----------
    monitor : str, default='val_loss'
        What is watched: a name of `History.history`.
    min_delta : float, default=0
        An improvement must be greater.
    patience : int, default=0
        Epochs without one that are waited for.
    verbose : int, default=0
        1 prints when training is ended.
    mode : {'auto', 'min', 'max'}, default='auto'
        Whether less or more is better; 'auto' takes it from the metric's name.
    baseline : float, default=None
        What the number must reach within the patience.
    restore_best_weights : bool, default=False
        Whether the weights of the best epoch come back at the end.
    start_from_epoch : int, default=0
        Epochs before it are not watched.

    Examples
    --------
    >>> from nnhp.callbacks import EarlyStopping
    >>> callback = EarlyStopping(monitor="val_accuracy", patience=5, restore_best_weights=True)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        _check(self, locals())
        self._watch = _Watch(self, monitor, mode, min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget what an earlier call of `fit` reached."""
        self._watch.begin()
        self.wait = 0
        self.stopped_epoch = 0
        self.best_epoch = 0
        self.best: float | None = None
        self.best_weights: list[Any] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Look at the number."""
        value = self._watch.value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)
        self.wait += 1
        if self._watch.better(value, self.best):
            self.best = value
            self._keep(epoch)
            if self.baseline is None or self._watch.better(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Bring the best weights back."""
        if self.stopped_epoch > 0 and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            self.model.set_weights(self.best_weights)

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()


class ReduceLROnPlateau(Callback):
    """Lowers the learning rate when a number stops getting better.

    Parameters
    ----------
    monitor : str, default='val_loss'
        What is watched: a name of `History.history`.
    factor : float, default=0.1
        What the rate is multiplied by, below 1.
    patience : int, default=10
        Epochs without an improvement that are waited for.
    verbose : int, default=0
        1 prints when the rate is lowered.
    mode : {'auto', 'min', 'max'}, default='auto'
        Whether less or more is better; 'auto' takes it from the metric's name.
    min_delta : float, default=0.0001
        An improvement must be greater.
    cooldown : int, default=0
        Epochs after a change in which nothing is counted.
    min_lr : float, default=0.0
        The rate is not lowered below it.

    Raises
    ------
    ValueError
        If `factor` is 1 or more.

    Examples
    --------
    >>> from nnhp.callbacks import ReduceLROnPlateau
    >>> callback = ReduceLROnPlateau(factor=0.2, patience=3)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        _check(self, locals())
        if factor >= 1.0:
            raise ValueError(f"factor must be below 1, got {factor}.")
        self._watch = _Watch(self, monitor, mode, min_delta)
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget what an earlier call of `fit` reached."""
        self._watch.begin()
        self.wait = 0
        self.cooldown_counter = 0
        self.best: float | None = None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Look at the number."""
        rate = self.model.learning_rate
        logs["learning_rate"] = rate
        value = self._watch.value(logs)
        if value is None:
            return
        cooling = self.cooldown_counter > 0
        if cooling:
            self.cooldown_counter -= 1
            self.wait = 0
            cooling = self.cooldown_counter > 0
        if self._watch.better(value, self.best):
            self.best = value
            self.wait = 0
        elif not cooling:
            self.wait += 1
            if self.wait >= self.patience and rate > self.min_lr:
                self.model.learning_rate = max(rate * self.factor, self.min_lr)
                self.cooldown_counter = self.cooldown
                self.wait = 0
                if self.verbose:
                    print(f"Epoch {epoch + 1}: learning rate {self.model.learning_rate:.4g}")


class ModelCheckpoint(Callback):
    """Saves the model after epochs.

    Parameters
    ----------
    filepath : path
        Where to; may hold ``{epoch}`` (from 1) and what `logs` holds, such as
        ``'{epoch:02d}-{val_loss:.2f}.nnhp'``. Names that end as Keras's files do are refused.
    monitor : str, default='val_loss'
        What `save_best_only` watches.
    verbose : int, default=0
        1 prints when a file is written.
    save_best_only : bool, default=False
        Whether only an epoch that is better than all before is saved.
    save_weights_only : bool, default=False
        Whether the file is one of `Sequential.save_weights`.
    mode : {'auto', 'min', 'max'}, default='auto'
        Whether less or more is better; 'auto' takes it from the metric's name.
    initial_value_threshold : float, default=None
        What the first saved epoch must be better than.

    Examples
    --------
    >>> from nnhp.callbacks import ModelCheckpoint
    >>> callback = ModelCheckpoint("best.nnhp", save_best_only=True)
    """

    def __init__(
        self,
        filepath: str | Path,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        initial_value_threshold: float | None = None,
    ) -> None:
        check_file_name(as_path(filepath, "filepath"))
        _check(self, locals())
        self._watch = _Watch(self, monitor, mode, 0.0)
        self.filepath = filepath
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.best = initial_value_threshold

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Keep the best number of an earlier call of `fit`."""
        self._watch.begin()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Save the model, if this epoch is to be."""
        if self.save_best_only:
            value = self._watch.value(logs)
            if value is None or not self._watch.better(value, self.best):
                return
            self.best = value
        path = str(self.filepath).format(epoch=epoch + 1, **logs)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)
        if self.verbose:
            print(f"Epoch {epoch + 1}: saved {path}")
