"""scikit-learn as a contender."""

import estimator_jobs
import numpy as np
import sklearn.model_selection
from cases import Search
from joblib import parallel_config
from sklearn import neural_network
from sklearn.experimental import enable_halving_search_cv  # noqa: F401

PACKAGES = ("scikit-learn", "numpy", "scipy")
CHUNK = 8_192  # rows predicted at a time


class Predict(estimator_jobs.Predict):
    """In chunks, so that the hidden layers of a million rows are not written out."""

    def run(self, passes: int) -> None:
        starts = range(0, len(self.X), CHUNK)
        for _ in range(passes):
            chunks = [self.model.predict(self.X[start : start + CHUNK]) for start in starts]
            self.predicted = np.concatenate(chunks)


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
    "predict": lambda case, _: Predict(neural_network, case, {}),
    "search": SearchRun,
}
