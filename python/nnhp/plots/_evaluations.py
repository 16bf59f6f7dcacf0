"""What a fitted search and a study tell, in one form for all displays."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline

from nnhp.plots._settings import NothingToDrawError, key, label
from nnhp.search import Study

Floats = NDArray[np.float64]

_EPOCHS = "Epochs"


@dataclass(frozen=True)
class Evaluations:
    """Evaluations in the order of their candidates: one row per candidate, or per its rung.

    Attributes
    ----------
    settings : list of dict
        Parameters of each row, without the resource.

    candidate : ndarray of shape (n_rows,)
        Number of each row's candidate: in a search, the row in which it first appears.

    scores : ndarray of shape (n_rows,)
        Mean test score, NaN where there is none.

    score_name : str
        What the scores are, for an axis.

    n_folds : int
        Number of folds.

    seconds : ndarray of shape (n_rows,)
        Training and scoring, summed over the folds.

    epochs : ndarray of shape (n_rows,) or None
        Epochs of each row, summed over the folds.

    epochs_name : str
        Whether those were trained or planned, for an axis.

    resource : ndarray of shape (n_rows,) or None
        Resource of each row's rung, if there are rungs.

    resource_name : str
        What the resource is, for an axis.

    bracket : ndarray of shape (n_rows,) or None
        Bracket of each row, if there are several.

    best : int or None
        Row of the search's choice, if it made one by these scores.

    curves : DataFrame or None
        Columns candidate, fold, epoch, train_loss and test_score, if they were kept.
    """

    settings: list[dict[str, Any]]
    candidate: NDArray[np.intp]
    scores: Floats
    score_name: str
    n_folds: int
    seconds: Floats
    epochs: Floats | None = None
    epochs_name: str = ""
    resource: Floats | None = None
    resource_name: str = ""
    bracket: NDArray[np.intp] | None = None
    best: int | None = None
    curves: pd.DataFrame | None = None

    def last_rungs(self) -> Evaluations:
        """Return one row per candidate: that of the greatest resource it was given."""
        if self.resource is None:
            return self
        last: dict[int, int] = {}
        for row, candidate in enumerate(self.candidate):
            if candidate not in last or self.resource[row] >= self.resource[last[candidate]]:
                last[int(candidate)] = row
        rows = np.array(list(last.values()), dtype=np.intp)
        order = list(last)
        best = None if self.best is None else order.index(int(self.candidate[self.best]))
        bracket, epochs = self.bracket, self.epochs
        return replace(
            self,
            settings=[self.settings[row] for row in rows],
            candidate=self.candidate[rows],
            scores=self.scores[rows],
            seconds=self.seconds[rows],
            epochs=None if epochs is None else epochs[rows],
            resource=self.resource[rows],
            bracket=None if bracket is None else bracket[rows],
            best=best,
        )

    def need_scores(self, least: int = 1) -> None:
        """Raise unless there are enough scores."""
        found = int(np.isfinite(self.scores).sum())
        if found < least:
            raise NothingToDrawError(
                f"At least {least} candidate{'s' * (least > 1)} with a score needed, "
                f"{found} found among {len(self.scores)}."
            )


# ------------------------------------------------------------------ of a search


def of_search(search: Any, metric: str | None = None) -> Evaluations:
    """Read a fitted search."""
    results = results_of(search)
    metric = metric_of(search, metric)
    n_folds = n_folds_of(search)
    resource = results.get("n_resources")
    settings = [dict(setting) for setting in results["params"]]
    bracket = results.get("bracket")
    bracket = None if bracket is None else np.asarray(bracket, dtype=np.intp)
    resource_name = ""
    if resource is not None:
        resource = np.asarray(resource, dtype=np.float64)
        resource_name, settings = _without_resource(search, settings, resource)
    candidate = _candidates(settings, resource, bracket)
    times = [np.nan_to_num(np.asarray(results[f"mean_{kind}_time"])) for kind in ("fit", "score")]
    evaluations = Evaluations(
        settings=settings,
        candidate=candidate,
        scores=np.asarray(results[f"mean_test_{metric}"], dtype=np.float64),
        score_name=score_name(search, metric),
        n_folds=n_folds,
        seconds=(times[0] + times[1]) * n_folds,
        resource=resource,
        resource_name=resource_name,
        bracket=bracket,
        best=_best(search, metric),
        curves=_curves(getattr(search, "curves_", None), metric),
    )
    epochs, name = _epochs(search, evaluations)
    return replace(evaluations, epochs=epochs, epochs_name=name)


def results_of(search: Any) -> Mapping[str, Any]:
    """Return ``cv_results_`` of a fitted search with at least one candidate."""
    if isinstance(search, str | os.PathLike | Study):
        raise TypeError(
            f"search must be a fitted search, got {search!r}: from_study draws studies."
        )
    if not hasattr(search, "cv_results_"):
        raise NotFittedError(
            f"This {type(search).__name__} has no cv_results_: call its fit first, "
            "or give a fitted search."
        )
    results: Mapping[str, Any] = search.cv_results_
    if len(results["params"]) == 0:
        raise NothingToDrawError("The search evaluated no candidate.")
    return results


def metrics_of(names: Any) -> list[str]:
    """Return the metrics that columns are about."""
    return [name.removeprefix("mean_test_") for name in names if name.startswith("mean_test_")]


def metric_of(search: Any, metric: str | None) -> str:
    """Return the metric asked for; by default the only one, or that of `refit`."""
    refit = getattr(search, "refit", None)
    return _chosen_metric(metrics_of(results_of(search)), metric, refit)


def _chosen_metric(metrics: list[str], metric: str | None, preferred: Any) -> str:
    if metric is None:
        if len(metrics) == 1:
            return metrics[0]
        if isinstance(preferred, str) and preferred in metrics:
            return preferred
        raise ValueError(f"Several metrics: choose one of {metrics} as metric=.")
    if metric not in metrics:
        raise ValueError(f"No scores of metric {metric!r}; there are {metrics}.")
    return metric


def n_folds_of(search: Any) -> int:
    """Return the number of folds."""
    folds = [re.match(r"split(\d+)_test_", name) for name in search.cv_results_]
    return len({match[1] for match in folds if match})


def score_name(search: Any, metric: str) -> str:
    """Return what the scores are, for an axis."""
    scoring = getattr(search, "scoring", None)
    if metric == "score" and isinstance(scoring, str):
        metric = scoring
    return f"{pretty_metric(metric)} (mean of {n_folds_of(search)} folds)"


def pretty_metric(metric: str) -> str:
    """Return a metric's name in words."""
    words = re.sub("^neg_", "negative ", metric).replace("_", " ")
    return {"r2": "R²", "roc auc": "ROC AUC"}.get(words, label(words[:1].upper() + words[1:], 60))


def _best(search: Any, metric: str) -> int | None:
    """Return the row of the search's choice, if it was made by a metric, and has a score."""
    row = getattr(search, "best_index_", None)
    by_another = metric != "score" and getattr(search, "refit", None) != metric
    if row is None or by_another or np.isnan(search.cv_results_[f"mean_test_{metric}"][row]):
        return None
    return int(row)


def _curves(curves: pd.DataFrame | None, metric: str) -> pd.DataFrame | None:
    return None if curves is None else curves.rename(columns={f"test_{metric}": "test_score"})


def _without_resource(
    search: Any, settings: list[dict[str, Any]], resource: Floats
) -> tuple[str, list[dict[str, Any]]]:
    """Return what the resource is, for an axis, and the settings without it."""
    param = getattr(search, "resource", "auto")
    if param == "auto":  # the parameter that is as large as the resource everywhere
        amounts = [key(int(amount)) for amount in resource]
        equal = [name for name in settings[0] if [key(s.get(name)) for s in settings] == amounts]
        param = equal[0] if equal else "resource"
    without = [{k: v for k, v in setting.items() if k != param} for setting in settings]
    names = {"max_iter": _EPOCHS, "n_samples": "Samples", "resource": "Resource"}
    return names.get(param.rpartition("__")[2], param), without


def _candidates(
    settings: list[dict[str, Any]], resource: Floats | None, bracket: NDArray[np.intp] | None
) -> NDArray[np.intp]:
    """Return the row in which each row's candidate first appears."""
    if resource is None:
        return np.arange(len(settings))
    first: dict[Any, int] = {}
    seen: Counter[Any] = Counter()
    candidate = np.empty(len(settings), dtype=np.intp)
    for row, setting in enumerate(settings):
        same = (
            None if bracket is None else bracket[row],
            frozenset((name, key(value)) for name, value in setting.items()),
        )
        # Equal settings drawn twice are two candidates, told apart by their order in the rung.
        occurrence = seen[same, resource[row]]
        seen[same, resource[row]] += 1
        candidate[row] = first.setdefault((same, occurrence), row)
    return candidate


def _epochs(search: Any, evaluations: Evaluations) -> tuple[Floats | None, str]:
    """Return each row's epochs, summed over folds, and whether they were trained or planned."""
    n_rows = len(evaluations.scores)
    curves = getattr(search, "curves_", None)
    if curves is not None and evaluations.resource is None:
        counts = np.bincount(curves["candidate"].to_numpy(), minlength=n_rows)
        return counts.astype(np.float64), "Epochs trained (all folds)"
    if evaluations.resource is not None and evaluations.resource_name == _EPOCHS:
        planned = evaluations.resource.copy()
        if getattr(search, "n_epochs_planned_", None) is not None:  # sessions went on
            copied = search.cv_results_.get("copied_from")
            planned = _increments(evaluations.candidate, planned, copied)
    else:
        given = _epoch_limits(search, evaluations.settings)
        if given is None:
            return None, ""
        planned = given
    return planned * evaluations.n_folds, "Epochs planned (all folds)"


def _increments(
    candidate: NDArray[np.intp], resource: Floats, copied_from: NDArray[np.intp] | None
) -> Floats:
    """Return what each row adds to its candidate's earlier rungs, or to what it is a copy of."""
    frame = pd.DataFrame({"candidate": candidate, "resource": resource})
    before = frame.groupby("candidate")["resource"].shift(fill_value=0.0).to_numpy(dtype=np.float64)
    if copied_from is not None:
        levels = np.concatenate([[0.0], np.unique(resource)])
        below = levels[np.searchsorted(levels, resource) - 1]
        before = np.where(copied_from >= 0, below, before)
    return np.asarray(resource - before, dtype=np.float64)


def _epoch_limits(search: Any, settings: list[dict[str, Any]]) -> Floats | None:
    """Return `max_iter` of each row, None if the estimator has no such parameter."""
    estimator = getattr(search, "estimator", None)
    if estimator is None:
        return None
    name = "max_iter"
    if isinstance(estimator, Pipeline):
        name = f"{estimator.steps[-1][0]}__max_iter"
    default = estimator.get_params().get(name)
    limits = [setting.get(name, default) for setting in settings]
    if not all(isinstance(limit, int | np.integer) for limit in limits):
        return None
    return np.array(limits, dtype=np.float64)


# ------------------------------------------------------------------ of a study


def of_study(study: Any, metric: str | None = None, number: Any = None) -> Evaluations:
    """Read one of the studies in a file."""
    study = _study_of(study)
    trials, curves = _of_one_study(study, number)
    metrics = metrics_of(trials.columns)
    metric = _chosen_metric(metrics, metric, None)
    params = [name for name in trials.columns if name.startswith("param_")]
    settings = [
        {
            name.removeprefix("param_"): value
            for name, value in zip(params, values, strict=True)
            if not _is_missing(value)
        }
        for values in trials[params].to_numpy(dtype=object)
    ]
    n_folds = int(trials["folds"].max())
    resource = bracket = None
    resource_name = ""
    if trials["n_resources"].nunique() > 1:
        resource = trials["n_resources"].to_numpy(dtype=np.float64)
        resource_name, settings = _without_resource(None, settings, resource)
        bracket = trials["bracket"].to_numpy() if trials["bracket"].any() else None
    return Evaluations(
        settings=settings,
        candidate=trials["candidate"].to_numpy(dtype=np.intp),
        scores=trials[f"mean_test_{metric}"].where(trials["folds"] == n_folds).to_numpy(),
        score_name=f"{pretty_metric(metric)} (mean of {n_folds} folds)",
        n_folds=n_folds,
        seconds=trials["seconds"].to_numpy(dtype=np.float64),
        epochs=trials["epochs"].to_numpy(dtype=np.float64),
        epochs_name="Epochs trained (all folds)",
        resource=resource,
        resource_name=resource_name,
        bracket=bracket,
        best=_best_of_study(study, trials) if len(metrics) == 1 else None,
        curves=_curves(curves, metric),
    )


def _study_of(given: Any) -> Study:
    if isinstance(given, Study):
        return given
    if isinstance(given, str | os.PathLike):
        return Study(given)
    instead = ": from_search draws searches" if hasattr(given, "cv_results_") else ""
    raise TypeError(f"study must be a Study or the path of its file, got {given!r}{instead}.")


def _of_one_study(study: Study, number: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return trials and curves of the study asked for, or of the only one.

    The trials come in the order in which Hyperband's brackets climb together. A candidate's
    bracket is told by its first rung; the last bracket, which has but one, is 0.
    """
    trials, curves = study.trials(), study.curves()
    present = trials["study"].unique().tolist()
    if not present:
        raise NothingToDrawError("The study holds no evaluation.")
    if number is None and len(present) > 1:
        raise ValueError(f"Several studies in the file: choose one of {present} as number=.")
    number = present[0] if number is None else number
    if number not in present:
        raise NothingToDrawError(
            f"No study {number!r} in the file; number must be among {present}."
        )
    trials = trials[trials["study"] == number]
    first = trials.groupby("candidate")["n_resources"].transform("min")
    bracket = first.rank(method="dense", ascending=False).astype(np.intp) - 1
    rung = trials["n_resources"].groupby(bracket).rank(method="dense")
    trials = trials.assign(bracket=bracket, rung=rung).sort_values(["rung", "candidate"])
    return trials, curves[curves["study"] == number]


def _best_of_study(study: Study, trials: pd.DataFrame) -> int | None:
    """Return the last row of the study's best candidate, if it has one yet."""
    try:
        best = study.best
    except ValueError:
        return None
    mine = (trials["candidate"] == best["candidate"]) & (trials["study"] == best["study"])
    return int(np.flatnonzero(mine)[-1]) if mine.any() else None


def _is_missing(value: Any) -> bool:
    return value is pd.NA or (isinstance(value, float) and np.isnan(value))
