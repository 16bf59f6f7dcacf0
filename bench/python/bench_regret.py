"""How many candidates a search that learns needs for the score of the best of 100 random ones.

    python bench/python/bench_regret.py [--seeds 10] [--quick]

On three real tables, with nets of 8 epochs. Needs the extra nnhp[optuna].
"""

import argparse
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import loguniform, uniform
from sklearn import datasets
from sklearn.preprocessing import StandardScaler

from nnhp import (
    BayesSearchCV,
    GeneticSearchCV,
    HiddenLayers,
    MLPClassifier,
    RandomizedSearchCV,
    When,
)

TABLES = ("wine", "breast_cancer", "digits")
N_RANDOM = 100
N_PROPOSED = 40
SPACE = [
    {
        "hidden_layer_sizes": HiddenLayers(depth=(1, 3), width=(4, 64)),
        "learning_rate_init": loguniform(1e-5, 1),
        "alpha": loguniform(1e-7, 1),
        "activation": ["relu", "tanh"],
        "batch_size": [16, 32, 64, 128],
        "solver": ["adam", "sgd"],
    },
    When({"solver": "sgd"}, {"momentum": uniform(0, 0.99)}),
]
SEARCHES = {
    "bayes, tpe": (BayesSearchCV, {"n_iter": N_PROPOSED}),
    "bayes, cmaes": (BayesSearchCV, {"n_iter": N_PROPOSED, "sampler": "cmaes"}),
    "genetic": (GeneticSearchCV, {"population_size": 8, "generations": N_PROPOSED // 8}),
    "random again": (RandomizedSearchCV, {"n_iter": N_PROPOSED}),
}


def scores(make: Any, settings: dict[str, Any], data: Any, seed: int) -> NDArray[np.float64]:
    """Mean scores of a search's candidates, in their order."""
    net = MLPClassifier(max_iter=8, random_state=0)
    search = make(
        net, SPACE, cv=3, scoring="neg_log_loss", refit=False, random_state=seed, **settings
    )
    return np.nan_to_num(search.fit(*data).cv_results_["mean_test_score"], nan=-np.inf)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="2 seeds")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # many of these settings are bad
    print(f"candidates for the best of {N_RANDOM} random ones: median (seeds that needed more)")
    for table in TABLES:
        X, y = getattr(datasets, f"load_{table}")(return_X_y=True)
        data = StandardScaler().fit_transform(X), y
        needed: dict[str, list[float]] = {name: [] for name in SEARCHES}
        for seed in range(2 if arguments.quick else arguments.seeds):
            best = scores(RandomizedSearchCV, {"n_iter": N_RANDOM}, data, seed).max()
            for name, (make, settings) in SEARCHES.items():
                # Other draws than those that it is compared with.
                reached = scores(make, settings, data, 1000 + seed) >= best
                needed[name].append(1 + int(reached.argmax()) if reached.any() else np.inf)
        for name, counts in needed.items():
            more = int(np.isinf(counts).sum())
            print(f"{table:14}{name:14}{np.median(counts):6.1f}  ({more} of {len(counts)})")


if __name__ == "__main__":
    main()
