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


class _Monitor(Callback):
    """What the callbacks share that watch a number."""

    monitor: str
    mode: str
    min_delta: float = 0.0
    _told: bool = False  # that there is nothing to watch

    def _watch(self, monitor: str, mode: str) -> None:
        """Keep what is watched, known to be good."""
        self.monitor = monitor
        self.mode = mode
        self._sign()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin anew."""
        self._told = False

    def _value(self, logs: Mapping[str, float]) -> float | None:
        if self.monitor not in logs and not self._told:
            self._told = True
            warnings.warn(
                f"{type(self).__name__} does nothing: monitor={self.monitor!r} is not among what "
                f"is known after an epoch, {sorted(logs)}. {_meant(self.monitor, logs)}".rstrip(),
                stacklevel=5,  # the caller of fit
            )
        return logs.get(self.monitor)

    def _better(self, value: float, than: float | None) -> bool:
        return than is None or self._sign() * (value - than) > abs(self.min_delta)

    def _sign(self) -> float:
        """Of an improvement."""
        if self.mode not in ("auto", "min", "max"):
            raise ValueError(f"mode must be 'auto', 'min' or 'max', got {self.mode!r}.")
        mode = _mode_of(self.monitor) if self.mode == "auto" else self.mode
        return 1.0 if mode == "max" else -1.0


def _meant(name: str, logs: Mapping[str, float]) -> str:
    """What there is to do about a name that is not known after an epoch."""
    if name.startswith("val_") and not any(known.startswith("val_") for known in logs):
        return "Give fit validation_data or validation_split."
    by_case = {known.lower(): known for known in logs}
    close = get_close_matches(name.lower(), by_case, n=1)
    return f"Did you mean {by_case[close[0]]!r}?" if close else ""


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


class EarlyStopping(_Monitor):
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
        self._watch(monitor, mode)
        self.min_delta = min_delta
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget what an earlier call of `fit` reached."""
        super().on_train_begin(logs)
        self.wait = 0
        self.stopped_epoch = 0
        self.best_epoch = 0
        self.best: float | None = None
        self.best_weights: list[Any] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Look at the number."""
        value = self._value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)
        self.wait += 1
        if self._better(value, self.best):
            self.best = value
            self._keep(epoch)
            if self.baseline is None or self._better(value, self.baseline):
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


class ReduceLROnPlateau(_Monitor):
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
        self._watch(monitor, mode)
        self.min_delta = min_delta
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget what an earlier call of `fit` reached."""
        super().on_train_begin(logs)
        self.wait = 0
        self.cooldown_counter = 0
        self.best: float | None = None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Look at the number."""
        rate = self.model.learning_rate
        logs["learning_rate"] = rate
        value = self._value(logs)
        if value is None:
            return
        cooling = self.cooldown_counter > 0
        if cooling:
            self.cooldown_counter -= 1
            self.wait = 0
            cooling = self.cooldown_counter > 0
        if self._better(value, self.best):
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


class ModelCheckpoint(_Monitor):
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
        self._watch(monitor, mode)
        self.filepath = filepath
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.best = initial_value_threshold

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Keep the best number of an earlier call of `fit`; see whether a file holds the model."""
        super().on_train_begin(logs)
        if not self.save_weights_only:
            self.model._document()  # noqa: SLF001

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Save the model, if this epoch is to be."""
        if self.save_best_only:
            value = self._value(logs)
            if value is None or not self._better(value, self.best):
                return
            self.best = value
        path = self._path(epoch, logs)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)
        if self.verbose:
            print(f"Epoch {epoch + 1}: saved {path}")

    def _path(self, epoch: int, logs: Logs) -> str:
        known = {**logs, "epoch": epoch + 1}
        try:
            return str(self.filepath).format_map(known)
        except KeyError as error:
            raise ValueError(
                f"filepath={str(self.filepath)!r} names {error}, which is not among what is known "
                f"after an epoch, {sorted(known)}. {_meant(error.args[0], logs)}".rstrip()
            ) from None
        except (ValueError, TypeError, AttributeError, IndexError) as error:
            raise ValueError(
                f"filepath={str(self.filepath)!r} must hold names in braces only: {error}."
            ) from None
