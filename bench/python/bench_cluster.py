"""A search on workers against the same one in this process, on the same cores.

Bundles take about five seconds, so what is compared is what remains of the speed: 100 % where the
workers cost nothing. The goal is 85 %. Both must find the same, to the last bit.
"""

import argparse
import time
import warnings
from typing import Any

import numpy as np
from cases import digits
from distributed import Client, LocalCluster
from measuring import print_machine, show

import nnhp

GOAL = 0.85
SESSION_SECONDS = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2, help="of one thread each (default 2)")
    parser.add_argument("--minutes", type=float, default=1.0, help="of a search (default 1)")
    parser.add_argument("--repetitions", type=int, default=3)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print_machine(arguments.repetitions)
    X, y = digits()
    epochs = epochs_of_a_session(X, y)
    n_candidates = max(int(arguments.minutes * 60 * arguments.workers / SESSION_SECONDS / 5), 1)
    net = nnhp.MLPClassifier((64,), max_iter=epochs, n_iter_no_change=10**6, random_state=0)
    space = {"alpha": np.geomspace(1e-6, 1, n_candidates).tolist()}
    search = nnhp.GridSearchCV(net, space, cv=5, refit=False)
    ratios = []
    with (
        LocalCluster(
            n_workers=arguments.workers,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=60,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        search.set_params(executor=client).fit(X, y)  # workers have imported everything
        for _ in range(arguments.repetitions):
            here, found_here = seconds_and_scores(
                search.set_params(executor=None, n_jobs=arguments.workers), X, y
            )
            there, found_there = seconds_and_scores(
                search.set_params(executor=client, n_jobs=None), X, y
            )
            np.testing.assert_array_equal(found_here, found_there)
            ratios.append(here / there)
    print(f"{n_candidates} candidates, 5 folds, {epochs} epochs; {arguments.workers} workers")
    show("speed on workers", ratios, "of that here", GOAL)


def epochs_of_a_session(X: Any, y: Any) -> int:
    """Epochs that take a session about so long on one thread."""
    net = nnhp.MLPClassifier((64,), max_iter=50, n_iter_no_change=10**6, random_state=0)
    fit = nnhp.GridSearchCV(net, {"alpha": [1e-4]}, cv=5, refit=False, n_jobs=1).fit(X, y)
    return max(int(50 * SESSION_SECONDS / fit.cv_results_["mean_fit_time"][0]), 1)


def seconds_and_scores(search: Any, X: Any, y: Any) -> tuple[float, Any]:
    begun = time.perf_counter()
    search.fit(X, y)
    return time.perf_counter() - begun, search.cv_results_["mean_test_score"]


if __name__ == "__main__":
    main()
