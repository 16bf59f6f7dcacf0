"""Speed, overhead and memory of searches.

float32, Adam, ReLU, on digits.  First nnhp's and scikit-learn's random searches, as in the report;
all others take turns within this process.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from cases import DIGITS, SPACE, digits
from measuring import print_machine, report_threads, seconds_of, show
from report import hold_and_show
from scipy.stats import loguniform
from sklearn.datasets import load_iris

import nnhp
from nnhp.estimators import _training

N_CANDIDATES, N_FOLDS, EPOCHS = 20, 5, 30
HALVING_CANDIDATES = MAX_EPOCHS = 81
ROUNDS = 5  # of which each keeps a third of the candidates
MEMORY_FOLD_COUNTS = (1_000, 10_000, 100_000)
GROWTH_GOAL = 1.0  # MB beside cv_results_, from the smallest to the largest search


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=5, help="of each timing (default 5)")
    parser.add_argument("--plot", type=Path, help="file for the plot of memory")
    parser.add_argument("--memory-of", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # trainings that reach max_iter are meant here
    if arguments.memory_of:
        print(json.dumps(measure_memory(arguments.memory_of)))
        return
    print_machine(arguments.repetitions)
    X, y = digits()
    hold_and_show(["search-random-2"], arguments.repetitions)
    report_strategies("pixels from 0 to 16, as they are", 16 * X, y, arguments.repetitions)
    report_strategies("pixels from 0 to 1", X, y, arguments.repetitions)
    report_driver(X, y, arguments.repetitions)
    report_threads(DIGITS, 64, 95, arguments.repetitions)
    report_memory(arguments.plot)


def net(**params: Any) -> nnhp.MLPClassifier:
    return nnhp.MLPClassifier(random_state=0, n_iter_no_change=1000, **params)


def random_search(X: Any, y: Any, **params: Any) -> Any:
    return nnhp.RandomizedSearchCV(
        net(max_iter=EPOCHS), SPACE, n_iter=N_CANDIDATES, cv=N_FOLDS, random_state=0, refit=False,
        **params,
    ).fit(X, y)  # fmt: skip


# --- halving and Hyperband against the full random search ----------------------------------------


def full_search(X: Any, y: Any, seed: int, **params: Any) -> Any:
    return nnhp.RandomizedSearchCV(
        net(max_iter=MAX_EPOCHS), SPACE, n_iter=HALVING_CANDIDATES, cv=N_FOLDS, random_state=seed,
        refit=False, **params,
    ).fit(X, y)  # fmt: skip


def halving(X: Any, y: Any, seed: int, **params: Any) -> Any:
    return nnhp.HalvingRandomSearchCV(
        net(), SPACE, n_candidates=HALVING_CANDIDATES, resource="max_iter",
        max_resources=MAX_EPOCHS, cv=N_FOLDS, random_state=seed, refit=False,
        return_train_score=False, **params,
    ).fit(X, y)  # fmt: skip


def hyperband(X: Any, y: Any, seed: int) -> Any:
    return nnhp.HyperbandSearchCV(
        net(), SPACE, max_resources=MAX_EPOCHS, cv=N_FOLDS, random_state=seed, refit=False
    ).fit(X, y)


def report_strategies(data: str, X: Any, y: Any, repetitions: int) -> None:
    print(f"{HALVING_CANDIDATES} candidates to {MAX_EPOCHS} epochs, {data}: halving and Hyperband")
    searches = {"full": full_search, "halving": halving, "Hyperband": hyperband}
    parts: dict[str, list[float]] = {name: [] for name in searches}
    lost: dict[str, list[float]] = {name: [] for name in searches}
    drivers: dict[str, list[float]] = {name: [] for name in [*searches, "all three"]}
    for seed in range(repetitions):
        seconds, engine = {}, {}
        for name, search in searches.items():
            start = time.perf_counter()
            with engine_clock() as spent:
                found = search(X, y, seed)
            seconds[name], engine[name] = time.perf_counter() - start, sum(spent)
            results = found.cv_results_
            if search is full_search:
                best = results["mean_test_score"].argmax()
                highest = results["mean_test_score"][best]
                error = results["std_test_score"][best] / np.sqrt(N_FOLDS)
            lost[name].append((highest - results["mean_test_score"][found.best_index_]) / error)
            parts[name].append(seconds[name] / seconds["full"])
            drivers[name].append(seconds[name] / engine[name] - 1)
        drivers["all three"].append(sum(seconds.values()) / sum(engine.values()) - 1)
    for name, goal in (("halving", 1 / 15), ("Hyperband", 1 / 4)):
        show(f"{name}: time", [100 * part for part in parts[name]], "% of the full", 100 * goal)
        show(f"{name}: lost", lost[name], "standard errors of the best score", 0.5)
    for name, shares in drivers.items():
        show(f"driver, {name}", [100 * share for share in shares], "% of the engine's time", 3)
    print()


# --- what is not training ------------------------------------------------------------------------


@contextmanager
def engine_clock() -> Iterator[list[float]]:
    """Collect the seconds of the engine's calls."""
    spent: list[float] = []
    from nnhp.search import _evaluate, _judge

    places = [
        (_evaluate, "train_together"),
        (_judge, "predict_together"),
        (_judge, "count_correct_together"),
    ]

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            start = time.perf_counter()
            result = function(*args)
            spent.append(time.perf_counter() - start)
            return result

        return call

    for module, name in places:
        setattr(module, name, timed(getattr(_training, name)))
    try:
        yield spent
    finally:
        for module, name in places:
            setattr(module, name, getattr(_training, name))


def report_driver(X: Any, y: Any, repetitions: int) -> None:
    print("what the engine does not do itself")
    costs, of_random, of_halving = [], [], []
    for seed in range(repetitions):
        with engine_clock() as spent:
            seconds = seconds_of(lambda seed=seed: halving(X, y, seed))
        n_fits = N_FOLDS * sum(HALVING_CANDIDATES // 3**k for k in range(ROUNDS))
        costs.append(1e3 * (seconds - sum(spent)) / n_fits)
        for ratios, search in (
            (of_random, lambda **params: random_search(X, y, **params)),
            (of_halving, lambda seed=seed, **params: halving(X, y, seed, **params)),
        ):
            plain = seconds_of(search)
            with tempfile.TemporaryDirectory() as folder:
                path = str(Path(folder, "study.sqlite"))
                recorded = seconds_of(lambda search=search, path=path: search(study=path))
            ratios.append(100 * (recorded / plain - 1))
    show("halving, per fit", costs, "ms of Python", 0.2)
    show("study, random", of_random, "% slower", 5)
    show("study, halving", of_halving, "% slower", 15)
    print()


# --- memory --------------------------------------------------------------------------------------


def report_memory(plot: Path | None) -> None:
    print("memory of searches on iris (4-8-3, one epoch) beside cv_results_, in new processes")
    if not Path("/proc/self/statm").exists():
        print("  skipped: Linux only")
        return
    used = []
    for n_fits in MEMORY_FOLD_COUNTS:
        command = [sys.executable, __file__, "--memory-of", str(n_fits)]
        run = subprocess.run(command, check=True, capture_output=True, text=True)
        peak, results, seconds = json.loads(run.stdout)
        used.append((peak - results) / 1e6)
        print(
            f"  {n_fits:>7} fits: {used[-1]:.1f} MB beside {results / 1e6:.1f} MB of results; "
            f"{1e3 * seconds / n_fits:.3f} ms a fit"
        )
    print(f"  growth: {used[-1] - used[0]:.1f} MB   goal {GROWTH_GOAL:g} MB")
    if plot is not None:
        draw_memory(plot, used)


def draw_memory(path: Path, used: list[float]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(MEMORY_FOLD_COUNTS, used, marker="o")
    axes.set(
        xscale="log",
        xlabel="fits in one search",
        ylabel="memory beside cv_results_ (MB)",
        ylim=(0, None),
        title="Searches on iris, 4-8-3, one epoch",
    )
    figure.savefig(path)


def measure_memory(n_fits: int) -> tuple[int, int, float]:
    """Return the bytes by which a search raises the peak, those of its results, and its seconds."""
    from measuring import peak_memory

    X, y = load_iris(return_X_y=True)
    X = X.astype(np.float32)
    space = {"alpha": loguniform(1e-6, 1e-1), "learning_rate_init": loguniform(1e-4, 1e-1)}
    search = nnhp.RandomizedSearchCV(
        net(hidden_layer_sizes=(8,), max_iter=1, batch_size=120), space, n_iter=20, random_state=0,
        refit=False,
    )  # fmt: skip
    search.fit(X, y)  # imports, caches
    search.set_params(n_iter=n_fits // N_FOLDS)
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_memory()
    start = time.perf_counter()
    search.fit(X, y)
    seconds = time.perf_counter() - start
    return peak_memory() - before, size_of(search.cv_results_), seconds


def size_of(results: dict[str, Any]) -> int:
    """Bytes of `cv_results_`."""
    total = 0
    for value in results.values():
        if isinstance(value, list):
            total += sys.getsizeof(value)
            total += sum(sys.getsizeof(d) + sum(map(sys.getsizeof, d.values())) for d in value)
        else:
            total += value.nbytes
            total += value.mask.nbytes if isinstance(value, np.ma.MaskedArray) else 0
            if value.dtype.hasobject:
                total += sum(map(sys.getsizeof, value))
    return total


if __name__ == "__main__":
    main()
