"""scikit-learn as a contender."""

import estimator_jobs
import sklearn.model_selection
from cases import Search
from joblib import parallel_config
from sklearn import neural_network
from sklearn.experimental import enable_halving_search_cv  # noqa: F401

PACKAGES = ("scikit-learn", "numpy", "scipy")


class SearchRun(estimator_jobs.SearchRun):
    """A search in as many processes as threads are allowed, each with one thread."""

    def __init__(self, search: Search, threads: int) -> None:
        net = neural_network.MLPClassifier(random_state=0, n_iter_no_change=1_000_000)
        super().__init__(net, sklearn.model_selection, search, {"n_jobs": threads})

    def run(self, passes: int) -> None:
        with parallel_config("loky", inner_max_num_threads=1):
            super().run(passes)


JOBS = {
    "fit": lambda case, _: estimator_jobs.Fit(neural_network, case, {}),
    "predict": lambda case, _: estimator_jobs.Predict(neural_network, case, {}),
    "search": SearchRun,
}
