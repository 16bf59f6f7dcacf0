"""Sweep: the table of a study of one hyperparameter, and the runs behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import floor, isfinite, log10
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnhp._checks import check_iterable

if TYPE_CHECKING:
    from nnhp.plots import SweepDisplay

NEAR_BEST = 0.01  # of the best loss: within so much of it a training has converged

_MEASURES = (
    "train_loss",
    "validation_loss",
    "test_score",
    "epochs_to_converge",
    "seconds",
    "bytes_per_step",
)
_BYTES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_MOST_DECIMALS = 6
_LABEL_LENGTH = 60


@dataclass(frozen=True)
class SweepRun:
    """One training of a sweep."""

    value: int  # its place among the values
    repeat: int
    fold: int
    train_loss: float
    validation_loss: float
    test_score: Any
    epochs_to_converge: float
    epochs: int
    seconds: float
    bytes_per_step: int
    diverged: bool
    train_curve: NDArray[np.float64]
    validation_curve: NDArray[np.float64]


class Sweep:
    """What :func:`nnhp.sweep` found.

    Its measures, in the runs and in the table:

    - ``train_loss``, ``validation_loss``: of the epoch whose weights the net has, the last one or
      with early stopping the best one. The training loss is what `fit` reports, the mean over the
      batches of the epoch while the weights move, with dropout and penalties; so of two values of
      a penalty or of a dropout rate, compare the validation losses.
    - ``test_score``: of that net, greater is better.
    - ``epochs_to_converge``: the first epoch whose validation loss is within 1 % of the least one
      of its run. Near ``max_iter`` it says that the training was not yet done.
    - ``seconds``: time that the epochs took, while other trainings ran on the other cores.
    - ``bytes_per_step``: memory that a step works on, estimated: parameters, gradient and the
      optimizer's moments, and of each sample of the batch its features and each layer's
      activations and their gradients. The engine takes large batches in parts and needs less.

    Attributes
    ----------
    param_name : str
        The parameter, or the heading of the values.

    values : list of length n_values
        The values, or the labels that they were given.

    params : list of dict of length n_values
        The parameters that each value sets.

    score_name : str
        What the test score is: 'accuracy', 'R^2', 'D^2 (pinball)' of quantiles, or the `scoring`.

    seeds : list of int of length n_repeats
        The `random_state` of the nets of each repeat.

    splits : list of list of tuple
        For each repeat and fold the rows of X that were trained on, those of the validation
        loss and those of the test score, each an array of int32. The latter two are the same
        where there is no test part.

    runs : DataFrame of shape (n_values * n_repeats * n_folds, 11)
        One row per training, with its ``value`` (a place in `values`), ``repeat``, ``fold``,
        the measures, its ``epochs`` and whether it ``diverged``: its weights were no longer
        finite. Then losses, score and epochs to converge are NaN.

    curves : list of DataFrame of length n_values * n_repeats * n_folds
        ``train_loss`` and ``validation_loss`` of each run by epoch, counted from 1.

    See Also
    --------
    sweep : Makes it.

    Examples
    --------
    >>> import nnhp
    >>> from sklearn.datasets import load_iris
    >>> net = nnhp.MLPClassifier((8,), max_iter=10, tol=0, random_state=0)
    >>> X, y = load_iris(return_X_y=True)
    >>> sweep = nnhp.sweep(net, X, y, "activation", ["relu", "tanh"], cv=3, repeats=2)
    >>> sweep
    Sweep of activation: 2 values x 2 repeats x 3 folds
    >>> sweep.runs.loc[0, ["value", "repeat", "fold", "epochs"]].tolist()
    [0, 0, 0, 10]
    >>> sweep.curves[0].shape
    (10, 2)
    """

    def __init__(
        self,
        *,
        param_name: str,
        values: list[Any],
        params: list[dict[str, Any]],
        score_name: str,
        seeds: list[int],
        splits: list[list[tuple[Any, Any, Any]]],
        runs: Sequence[SweepRun],
    ) -> None:
        self.param_name = param_name
        self.values = values
        self.params = params
        self.score_name = score_name
        self.seeds = seeds
        self.splits = splits
        columns = [field.name for field in fields(SweepRun) if not field.name.endswith("_curve")]
        self.runs = pd.DataFrame([{name: getattr(run, name) for name in columns} for run in runs])
        self.curves = [
            pd.DataFrame(
                {"train_loss": run.train_curve, "validation_loss": run.validation_curve},
                index=pd.RangeIndex(1, run.epochs + 1, name="epoch"),
            )
            for run in runs
        ]

    def __repr__(self) -> str:
        shape = said_of_shape(len(self.values), [len(folds) for folds in self.splits])
        return f"Sweep of {self.param_name}: {shape}"

    def to_frame(self) -> pd.DataFrame:
        """Return the table: one row per value, means and spreads over its runs.

        Returns
        -------
        frame : DataFrame of shape (n_values, 14)
            Indexed by `values`, in their order. For each measure its mean, ``mean_train_loss``
            and so on, and its standard deviation, ``std_train_loss`` and so on, as scikit-learn's
            searches compute it (divided by the number of runs); then ``n_runs``, and how many of
            them ``diverged``. Where one did, the means that it spoils are NaN.

        Examples
        --------
        See :func:`nnhp.sweep`.
        """
        by_value = self.runs.groupby("value")
        columns: dict[str, Any] = {}
        for name in _MEASURES:
            # Of all runs: a value is not to look good by those that did not diverge.
            columns[f"mean_{name}"] = by_value[name].agg(lambda x: x.mean(skipna=False))
            columns[f"std_{name}"] = by_value[name].agg(lambda x: x.std(ddof=0, skipna=False))
        columns["n_runs"] = by_value.size()
        columns["diverged"] = by_value["diverged"].sum()
        frame = pd.DataFrame(columns)
        numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in self.values)
        frame.index = pd.Index(
            self.values,
            dtype=None if numbers else object,  # pandas would take None for NaN
            name=self.param_name,
            tupleize_cols=False,
        )
        return frame

    def to_markdown(self, columns: Sequence[str] | None = None) -> str:
        """Return the table as Markdown, means with their spreads.

        Parameters
        ----------
        columns : sequence of str, default=None
            Measures to show, in this order; None shows all.

        Returns
        -------
        text : str
            A table with one line per value. Where trainings diverged, a last column counts them.

        Raises
        ------
        ValueError
            If there is no such measure.

        Examples
        --------
        See :func:`nnhp.sweep`.
        """
        if columns is not None:
            check_iterable(columns, "columns", "a sequence of measures")
        shown = list(_MEASURES if columns is None else columns)
        unknown = [name for name in shown if name not in _MEASURES]
        if unknown or not shown:
            raise ValueError(f"columns must be among {', '.join(_MEASURES)}, got {columns!r}.")
        frame = self.to_frame()
        score = f"test {self.score_name.replace('_', ' ')}"
        headings = [score if name == "test_score" else _heading(name) for name in shown]
        table = [[self.param_name, *headings]]
        for place, value in enumerate(self.values):
            of_value = frame.iloc[place]
            cells = [
                _cell(name, of_value[f"mean_{name}"], of_value[f"std_{name}"]) for name in shown
            ]
            table.append([_label(value), *cells])
        if frame["diverged"].any():
            counts = zip(frame["diverged"], frame["n_runs"], strict=True)
            notes = ["diverged", *(f"{diverged} of {n}" for diverged, n in counts)]
            table = [[*row, note] for row, note in zip(table, notes, strict=True)]
        return _markdown(table)

    _repr_markdown_ = to_markdown

    def plot(self, ax: Any = None) -> SweepDisplay:
        """Draw the losses and the test score over the values, and the validation loss by epochs.

        Parameters
        ----------
        ax : Axes or array-like of Axes, default=None
            As in :meth:`nnhp.plots.SweepDisplay.plot`.

        Returns
        -------
        display : SweepDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib is absent.

        Examples
        --------
        See :class:`nnhp.plots.SweepDisplay`.
        """
        from nnhp.plots import SweepDisplay

        return SweepDisplay.from_sweep(self, ax=ax)


# ------------------------------------------------------------------ words


def said_of_shape(n_values: int, n_folds: Sequence[int]) -> str:
    """Tell how many trainings a sweep has, and why, from the folds of each repeat."""
    folds = " or ".join(map(str, sorted(set(n_folds))))
    counts = [(n_values, "value"), (len(n_folds), "repeat"), (folds, "fold")]
    return " x ".join(f"{n} {noun}{'' if str(n) == '1' else 's'}" for n, noun in counts)


def _heading(name: str) -> str:
    return "memory a step" if name == "bytes_per_step" else name.replace("_", " ")


def _label(value: Any) -> str:
    """Return a value as one short line of text."""
    if isinstance(value, float):
        text = f"{value:.6g}"
    elif callable(value) and hasattr(value, "__name__"):
        text = value.__name__
    else:
        text = " ".join(str(value).split())
    return text if len(text) <= _LABEL_LENGTH else f"{text[: _LABEL_LENGTH - 3]}..."


def _cell(name: str, mean: float, spread: float) -> str:
    if not isfinite(mean):
        return "-"
    if name == "bytes_per_step":
        size, unit = next((pair for pair in _BYTES if mean >= pair[0]), (1, "B"))
        return f"{mean / size:.3g} {unit}"
    if spread == 0:
        return f"{mean:.4g}"
    # Two digits of the spread, and of the mean no more.
    decimals = min(max(1 - floor(log10(spread)), 0), _MOST_DECIMALS)
    return f"{mean:.{decimals}f} ± {spread:.{decimals}f}"


def _markdown(table: list[list[str]]) -> str:
    table = [[cell.replace("|", r"\|") for cell in row] for row in table]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in table
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])
