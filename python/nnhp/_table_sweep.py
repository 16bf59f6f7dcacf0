"""The job of the command `nnhp sweep`: study one parameter of a network on a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from nnhp import _tables
from nnhp._table_files import RefusedError
from nnhp._table_words import no_parameter, one_line
from nnhp._tables import STEP, Table
from nnhp.search import Sweep
from nnhp.search._sweep import SweepPlan


@dataclass(frozen=True)
class SweepRequest:
    """What to sweep, as asked for.

    Attributes
    ----------
    param : str
        Parameter of the network, or a heading where all values are dicts of parameters.
    values : list
        What to try, in this order.
    settings : dict
        Parameters of the network that are the same for all values.
    n_folds, repeats : int
        Folds of the cross-validation, and seeds that each value is tried with.
    test_size : float or None
        Share of the rows that is held out for the test score.
    epochs : int
        Epochs of a training at most.
    seed : int
        Fixes all results but the times.
    n_jobs : int or None
        Threads; None is all of them.
    """

    param: str
    values: list[Any]
    settings: dict[str, Any]
    n_folds: int = 5
    repeats: int = 3
    test_size: float | None = None
    epochs: int = 100
    seed: int = 0
    n_jobs: int | None = None


def plan_of(table: Table, request: SweepRequest) -> SweepPlan:
    """Plan to train a network on a table with each value of a parameter.

    The columns are prepared as for `nnhp search`. Amounts to predict are scaled to mean 0 and
    standard deviation 1, which R^2 does not notice.

    Raises
    ------
    RefusedError
        If the network has no such parameter, a value is out of bounds, or the table has too few
        rows.
    """
    model = _tables.network(table, epochs=request.epochs, seed=request.seed)
    net = model.steps[-1][1]
    for name, value in request.settings.items():
        _check_name("--set", name, net)
        if name == request.param:
            raise RefusedError(f"--set {name}: --param varies it already")
        try:
            net.set_params(**{name: value})._validate_params()  # noqa: SLF001
        except ValueError as error:
            raise RefusedError(f"--set {name}: {one_line(error)}") from None
    for value in request.values:
        if not isinstance(value, Mapping):
            _check_name("--param", request.param, net)
    y = table.y
    if not table.classification:
        y = StandardScaler().fit_transform(y.reshape(-1, 1)).ravel()
    try:
        return SweepPlan(
            model,
            table.X,
            y,
            request.param,
            _by_label(request),
            cv=request.n_folds,
            repeats=request.repeats,
            test_size=request.test_size,
            n_jobs=request.n_jobs,
        )
    except ValueError as error:
        raise _refused(error) from error


def run(plan: SweepPlan, *, progress: bool) -> Sweep:
    """Do what was planned, with a bar of epochs if asked for.

    Raises
    ------
    RefusedError
        If a fold or a value turns out to be impossible.
    """
    # Of an earlier call, where memory did not hold all trainings at once.
    done = last = 0

    def poll(epochs: int) -> bool:
        nonlocal done, last
        done, last = done + (epochs - last if epochs >= last else epochs), epochs
        bar.update(done - bar.n)
        return False

    with tqdm(total=plan.n_epochs, unit="epoch", disable=not progress, dynamic_ncols=True) as bar:
        try:
            sweep = plan.run(poll)
        except (ValueError, MemoryError) as error:
            raise _refused(error) from error
        bar.update(int(sweep.runs["epochs"].sum()) - bar.n)
    return sweep


def _refused(error: Exception) -> RefusedError:
    said = one_line(error).replace("param_range: ", "--values: ").replace(STEP, "")
    return RefusedError(said)


def _check_name(option: str, name: str, net: BaseEstimator) -> None:
    known = net.get_params()
    if name not in known:
        raise RefusedError(f"{option}: {no_parameter(name, known)}")


def _by_label(request: SweepRequest) -> dict[Any, dict[str, Any]]:
    """Parameters of the model for each value."""
    found: dict[Any, dict[str, Any]] = {}
    for value in request.values:
        label, params = value, {request.param: value}
        if isinstance(value, Mapping):
            label = ", ".join(f"{k}={v}" for k, v in value.items()) or "as it is"
            params = dict(value)
        if label in found:
            raise RefusedError(f"--values: {label} is there twice")
        found[label] = {f"{STEP}{name}": entry for name, entry in params.items()}
    return found
