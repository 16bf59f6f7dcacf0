"""Jobs of libraries whose estimators are scikit-learn's in name and meaning."""

import warnings
from types import ModuleType
from typing import Any

import numpy as np
from cases import GRID, SPACE, Case, Search, digits
from jobs import Job, prediction
from reference import EPOCHS, PREDICTED_ROWS, SCORED_ROWS, initial, verified_part
from sklearn.exceptions import ConvergenceWarning

# The number of epochs is given, so no fit converges.
warnings.simplefilter("ignore", ConvergenceWarning)


class Fit(Job):
    """A whole `fit`: checks, drawing of weights and attributes included."""

    def __init__(self, estimators: ModuleType, case: Case, more: dict[str, Any]) -> None:
        self.case = case
        self.make = estimators.MLPRegressor if case.regression else estimators.MLPClassifier
        self.more = more
        self.X, self.y = case.load()

    def model(self, **more: Any) -> Any:
        return self.make(**self.case.parameters, **self.more, **more)

    def check(self) -> list[float]:
        X, y = verified_part(self.case, self.X, self.y)
        fitted = self.model(max_iter=EPOCHS, shuffle=False).fit(X, y)
        return [float(loss) for loss in fitted.loss_curve_]

    def run(self, passes: int) -> None:
        self.fitted = self.model(max_iter=passes).fit(self.X, self.y)

    def score(self) -> float:
        return float(self.fitted.score(self.X[:SCORED_ROWS], self.y[:SCORED_ROWS]))


class Predict(Job):
    """`predict` of all rows, with the initial weights."""

    def __init__(self, estimators: ModuleType, case: Case, more: dict[str, Any]) -> None:
        self.case = case
        self.X, _ = case.load()
        few = np.zeros((case.n_outputs, case.n_inputs), dtype=case.dtype)
        self.model = estimators.MLPClassifier(
            hidden_layer_sizes=case.hidden, max_iter=1, batch_size=1, **more
        ).fit(few, np.arange(case.n_outputs))
        parameters = [p.astype(case.dtype) for p in initial(case)]
        self.model.coefs_, self.model.intercepts_ = parameters[::2], parameters[1::2]

    def check(self) -> Any:
        return prediction(self.model.predict_proba(self.X[:PREDICTED_ROWS]), self.predicted)

    def run(self, passes: int) -> None:
        for _ in range(passes):
            self.predicted = self.model.predict(self.X)


class SearchRun(Job):
    """A search with the estimators' own search classes."""

    goes_on = False  # whether a candidate's training goes on in the next round

    def __init__(self, net: Any, searches: Any, search: Search, more: dict[str, Any]) -> None:
        self.net, self.searches, self.search = net, searches, search
        self.more = {
            "cv": search.cv,
            "refit": False,
            "error_score": "raise",
            "return_train_score": False,
            **more,
        }
        self.X, self.y = digits()

    def check(self) -> list[float] | None:
        """Return the scores of the last run, where every candidate has one."""
        if self.search.strategy in ("grid", "random"):
            scores: list[float] = self.fitted.cv_results_["mean_test_score"].tolist()
            return scores
        return None

    def run(self, _passes: int) -> None:
        self.fitted = STRATEGIES[self.search.strategy](self).fit(self.X, self.y)

    def score(self) -> float:
        return float(self.fitted.cv_results_["mean_test_score"][self.fitted.best_index_])

    def effort(self) -> dict[str, int]:
        """Return candidates, and epochs of all their trainings."""
        results = self.fitted.cv_results_
        rows = len(results["params"])
        epochs = np.asarray(results.get("n_resources", [self.search.epochs] * rows))
        brackets = results.get("bracket", [0] * rows)
        trained: dict[str, list[int]] = {}
        for params, bracket, n_epochs in zip(results["params"], brackets, epochs, strict=True):
            settings = {name: value for name, value in params.items() if name != "max_iter"}
            trained.setdefault(f"{bracket} {settings}", []).append(int(n_epochs))
        of_each = max if self.goes_on else sum
        in_all = sum(of_each(rounds) for rounds in trained.values())
        return {"candidates": len(trained), "epochs": self.search.n_folds * in_all}


def grid(run: SearchRun) -> Any:
    net = run.net.set_params(max_iter=run.search.epochs)
    return run.searches.GridSearchCV(net, GRID, **run.more)


def random(run: SearchRun) -> Any:
    net = run.net.set_params(max_iter=run.search.epochs)
    return run.searches.RandomizedSearchCV(
        net, SPACE, n_iter=run.search.n_candidates, random_state=0, **run.more
    )


def halving(run: SearchRun) -> Any:
    return run.searches.HalvingRandomSearchCV(
        run.net, SPACE, n_candidates=run.search.n_candidates, resource="max_iter",
        max_resources=run.search.epochs, random_state=0, **run.more,
    )  # fmt: skip


def hyperband(run: SearchRun) -> Any:
    return run.searches.HyperbandSearchCV(
        run.net, SPACE, max_resources=run.search.epochs, random_state=0, **run.more
    )


STRATEGIES = {"grid": grid, "random": random, "halving": halving, "Hyperband": hyperband}
