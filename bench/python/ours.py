"""nnhp as a contender."""

from typing import Any

import estimator_jobs
import numpy as np
from cases import Case, Search
from jobs import Job, WrongAnswerError, prediction
from measuring import session_maker
from reference import EPOCHS, PREDICTED_ROWS, verified_part

import nnhp
from nnhp import _core

PACKAGES = ()  # its version is the report's


class Compiled(estimator_jobs.Predict):
    """`predict` by a compiled predictor, made beforehand."""

    def __init__(self, case: Case, threads: int) -> None:
        super().__init__(nnhp, case, {"n_jobs": threads})
        self.predict = self.model.compiled()

    def check(self) -> Any:
        if not np.array_equal(self.predicted, self.model.predict(self.X)):
            raise WrongAnswerError("the compiled predictor's classes are not those of predict")
        probabilities = self.model.compiled("predict_proba")(self.X[:PREDICTED_ROWS])
        return prediction(probabilities, self.predicted)

    def run(self, passes: int) -> None:
        for _ in range(passes):
            self.predicted = self.predict(self.X)


class Population(Job):
    """Many nets on one copy of the data, each with its own seed."""

    def __init__(self, case: Case, threads: int) -> None:
        self.case, self.threads = case, threads
        self.X, self.y = case.load()
        self.make = session_maker(case, self.X, self.y)

    def check(self) -> list[list[float]]:
        make = session_maker(self.case, *verified_part(self.case, self.X, self.y), shuffle=False)
        sessions = [make(seed) for seed in range(2)]
        _core.train_many(sessions, EPOCHS, self.threads)
        return [session.loss_curve for session in sessions]

    def reset(self) -> None:
        self.sessions = [self.make(seed) for seed in range(self.case.n_nets)]

    def run(self, passes: int) -> None:
        _core.train_many(self.sessions, passes, self.threads)

    def score(self) -> float:
        rows = np.arange(len(self.y), dtype=np.int32)
        truths = self.y.astype(np.int32)
        return _core.count_correct(self.sessions[:1], [rows], [truths], 1)[0] / len(rows)


class SearchRun(estimator_jobs.SearchRun):
    """A search on as many threads as are allowed."""

    goes_on = True

    def __init__(self, search: Search, threads: int) -> None:
        net = nnhp.MLPClassifier(random_state=0, n_iter_no_change=1_000_000)
        super().__init__(net, nnhp, search, {"n_jobs": threads})


JOBS = {
    "fit": lambda case, threads: estimator_jobs.Fit(nnhp, case, {"n_jobs": threads}),
    "predict": lambda case, threads: estimator_jobs.Predict(nnhp, case, {"n_jobs": threads}),
    "compiled": Compiled,
    "population": Population,
    "search": SearchRun,
}
