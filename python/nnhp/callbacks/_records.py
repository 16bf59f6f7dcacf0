"""Callbacks that write each epoch down, or say at which rate it learns."""

from __future__ import annotations

import csv
import inspect
import math
from collections.abc import Callable
from numbers import Real
from pathlib import Path
from typing import Any

from nnhp._checks import as_path, check_arguments
from nnhp.callbacks._base import Callback, Logs


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch.

    Parameters
    ----------
    schedule : callable
        ``schedule(epoch, rate)`` or ``schedule(epoch)``, which returns the new rate; epochs count
        from 0. As in Keras, a second argument gets the rate even if it has a default.
    verbose : int, default=0
        1 prints each rate.

    Examples
    --------
    >>> from nnhp.callbacks import LearningRateScheduler
    >>> callback = LearningRateScheduler(lambda epoch, rate: rate * 0.9)
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        if not callable(schedule):
            raise TypeError(f"schedule must be callable, got {schedule!r}.")
        check_arguments("LearningRateScheduler", {"verbose": ["verbose"]}, locals())
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Set the rate."""
        rate: Any = self.model.learning_rate
        try:
            inspect.signature(self.schedule).bind(epoch, rate)
        except (TypeError, ValueError):  # the latter from one of C, which does not tell
            rate = self.schedule(epoch)
        else:
            rate = self.schedule(epoch, rate)
        if not (isinstance(rate, Real) and 0 <= float(rate) < math.inf):
            raise ValueError(
                f"schedule must return a number that is not negative, got {rate!r} for epoch "
                f"{epoch}."
            )
        self.model.learning_rate = float(rate)
        if self.verbose:
            print(f"Epoch {epoch + 1}: learning rate {rate:.4g}")

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Note the rate."""
        logs["learning_rate"] = self.model.learning_rate


class CSVLogger(Callback):
    """Writes a line per epoch to a CSV file.

    Parameters
    ----------
    filename : path
        The file.
    separator : str, default=','
        Between columns.
    append : bool, default=False
        Whether an existing file is gone on with.

    Examples
    --------
    >>> from nnhp.callbacks import CSVLogger
    >>> callback = CSVLogger("training.csv")
    """

    def __init__(self, filename: str | Path, separator: str = ",", append: bool = False) -> None:
        check_arguments("CSVLogger", {"separator": [str], "append": ["boolean"]}, locals())
        if len(separator) != 1:
            raise ValueError(f"separator must be one character, got {separator!r}.")
        self.filename = as_path(filename, "filename")
        self.separator = separator
        self.append = append

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Empty the file, unless it is gone on with."""
        self._columns: list[str] = []
        if not self.append:
            self.filename.write_text("")

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Write the epoch's line."""
        with self.filename.open("a", newline="") as file:
            self._columns = self._columns or ["epoch", *sorted(logs)]
            writer = csv.DictWriter(
                file, self._columns, "NA", extrasaction="ignore", delimiter=self.separator
            )
            if file.tell() == 0:
                writer.writeheader()
            writer.writerow({"epoch": epoch, **logs})
