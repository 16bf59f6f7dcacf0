"""What all callbacks are, and those that need nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnhp.sequential import Sequential

Logs = dict[str, float]


class Callback:
    """Base of all callbacks: override what is to happen.

    An epoch is one call of the engine: methods that Keras calls between batches, or in `evaluate`
    and `predict`, are not called, and `fit` warns where a callback has one.

    Attributes
    ----------
    model : Sequential
        The model that is trained.

    params : dict
        'epochs', 'steps' (batches per epoch) and 'verbose' of the call of `fit`.

    Examples
    --------
    >>> from nnhp.callbacks import Callback
    >>> class Print(Callback):
    ...     def on_epoch_end(self, epoch, logs):
    ...         print(epoch, sorted(logs))
    """

    model: Sequential
    params: dict[str, Any]

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Do something before the first epoch.

        Parameters
        ----------
        logs : dict, default=None
            Empty.
        """

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Do something before an epoch.

        Parameters
        ----------
        epoch : int
            Its number, from 0.
        logs : dict, default=None
            Empty.
        """

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Do something after an epoch.

        Parameters
        ----------
        epoch : int
            Its number, from 0.
        logs : dict of str to float
            Its loss and metrics, those of the validation data with the prefix ``val_``. What is
            added to it is told to the callbacks that follow, and kept in the history.
        """

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Do something after the last epoch.

        Parameters
        ----------
        logs : dict of str to float, default=None
            Those of the last epoch.
        """


class History(Callback):
    """What happened in a call of `fit`, which returns it.

    Attributes
    ----------
    history : dict of str to list of float
        'loss', each metric, and the same of the validation data with the prefix ``val_``: one
        number per epoch.

    epoch : list of int
        The epochs, counted from 0.

    params : dict
        'epochs', 'steps' and 'verbose'.

    Examples
    --------
    >>> from nnhp.callbacks import History
    >>> History().history
    {}
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Keep what is known of the epoch."""
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)


class LambdaCallback(Callback):
    """Calls functions.

    Parameters
    ----------
    on_train_begin, on_train_end : callable, default=None
        Called with what is known: nothing, or the last epoch's `logs`.
    on_epoch_begin, on_epoch_end : callable, default=None
        Called with the epoch, and with what is known of it.

    Examples
    --------
    >>> from nnhp.callbacks import LambdaCallback
    >>> callback = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
    """

    def __init__(
        self,
        on_train_begin: Callable[[Logs], Any] | None = None,
        on_train_end: Callable[[Logs], Any] | None = None,
        on_epoch_begin: Callable[[int, Logs], Any] | None = None,
        on_epoch_end: Callable[[int, Logs], Any] | None = None,
    ) -> None:
        for name, function in {
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
        }.items():
            if function is not None and not callable(function):
                raise TypeError(f"{name} must be callable or None, got {function!r}.")
            if function is not None:
                setattr(self, name, function)


class TerminateOnNaN(Callback):
    """Ends training after an epoch whose loss is not finite.

    Examples
    --------
    >>> from nnhp.callbacks import TerminateOnNaN
    >>> callback = TerminateOnNaN()
    """

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Look at the loss."""
        if not math.isfinite(logs["loss"]):
            print(f"Epoch {epoch + 1}: the loss is {logs['loss']}; training ends")
            self.model.stop_training = True
