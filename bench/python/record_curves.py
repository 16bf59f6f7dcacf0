"""Record how good every setting of a grid is after each epoch, for searches to be replayed.

    python bench/python/record_curves.py [--to bench/results/curves] [--quick]

A file `<table>.npz` for each of three real tables, of some hundred kilobytes: 864 settings by 27
epochs, the mean log loss on the rest of 3 folds. `bench_regret.py --curves FOLDER` replays them.
"""

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.preprocessing import StandardScaler

from nnhp import GridSearchCV, MLPClassifier

TABLES = ("wine", "breast_cancer", "digits")
EPOCHS = 27  # of which Hyperband makes 4 brackets
N_FOLDS = 3
SPACE: dict[str, list[Any]] = {
    "activation": ["relu", "tanh"],
    "alpha": [1e-5, 1e-2],
    "batch_size": [16, 32, 64],
    "hidden_layer_sizes": [(4,), (8,), (16,), (32,)],
    "learning_rate_init": np.geomspace(1e-4, 0.3, 9).round(6).tolist(),
    "solver": ["adam", "sgd"],
}
FEW = {"alpha": [1e-5], "batch_size": [32], "hidden_layer_sizes": [(4,), (8,)]}


def table(name: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """A real table, each feature with mean 0 and variance 1."""
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def curves(name: str, space: dict[str, list[Any]]) -> NDArray[np.float32]:
    """Scores of all settings, in the order of scikit-learn's ParameterGrid, after each epoch."""
    # Nothing ends a training early: it is all curve.
    net = MLPClassifier(max_iter=EPOCHS, n_iter_no_change=EPOCHS, random_state=0)
    search = GridSearchCV(
        net, space, cv=N_FOLDS, scoring="neg_log_loss", refit=False, return_curves=True
    ).fit(*table(name))
    n_settings = len(search.cv_results_["params"])
    found = np.full((n_settings, N_FOLDS, EPOCHS), -np.inf, dtype=np.float32)
    of_epochs = search.curves_
    rows = (of_epochs["candidate"], of_epochs["fold"], of_epochs["epoch"] - 1)
    found[rows] = np.nan_to_num(of_epochs["test_score"], nan=-np.inf)
    return found.mean(axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=Path("bench/results/curves"))
    parser.add_argument("--quick", action="store_true", help="72 settings")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # many of these settings are bad
    space = SPACE | FEW if arguments.quick else SPACE
    arguments.to.mkdir(parents=True, exist_ok=True)
    for name in TABLES:
        path = arguments.to / f"{name}.npz"
        np.savez_compressed(path, scores=curves(name, space), space=json.dumps(space))
        print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
