"""Studies to and from Optuna's storages."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages import BaseStorage
from optuna.trial import TrialState, create_trial
from sqlalchemy.exc import ArgumentError

from nnhp.search import Study
from nnhp.search._study_values import dumps, loads, refused

_PARAMS = "nnhp_params"  # attribute: the parameters as they are, in typed JSON
_LOG_RATIO = 100.0  # from here on positive numbers are shown on a logarithmic axis


def export_study(
    study: Study | str | os.PathLike[str], storage: Any, *, name: str | None = None
) -> list[optuna.Study]:
    """Write what is in a study's file to a storage of Optuna, where optuna-dashboard shows it.

    Parameters
    ----------
    study : Study, str or path
        The file. Each study in it becomes one of Optuna's.
    storage : str or optuna.storages.BaseStorage
        As for `optuna.create_study`: ``"sqlite:///trials.db"``, a storage, ...
    name : str, default=None
        Of the study; None is the name of the file. Those behind the first get ``-2``, ``-3``, ...

    Returns
    -------
    studies : list of optuna.Study
        In the order of the file. All scores are to be maximized.

    Raises
    ------
    ValueError
        The file holds no trial, or is something else.
    optuna.exceptions.DuplicatedStudyError
        The storage has a study of this name.
    OSError
        The file cannot be read.

    Notes
    -----
    A candidate is a trial. Its values are the mean test scores at the most epochs it got; those on
    lower rungs are intermediate values, and a candidate that was stopped on one is 'pruned'.
    Numbers are exported as numbers, other values as texts; `import_study` finds the values
    themselves in an attribute of the trial.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import optuna
    >>> from nnhp import GridSearchCV, MLPClassifier
    >>> from nnhp.integrations.optuna import export_study
    >>> from sklearn.datasets import load_iris
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier(8, learning_rate_init=0.05, max_iter=300, random_state=0)
    >>> with TemporaryDirectory() as folder:
    ...     path = f"{folder}/iris.db"
    ...     search = GridSearchCV(net, {"alpha": [1e-4, 1e-2]}, study=path).fit(X, y)
    ...     (exported,) = export_study(path, optuna.storages.InMemoryStorage())
    >>> bool(exported.best_value == search.best_score_)
    True
    """
    if not isinstance(study, Study | str | os.PathLike):
        raise TypeError(f"study must be a Study or the path of one, got {study!r}.")
    if not isinstance(storage, BaseStorage | str | None):
        raise TypeError(f"storage must be one of Optuna's, its URL or None, got {storage!r}.")
    if not isinstance(name, str | None):
        raise TypeError(f"name must be a str or None, got {name!r}.")
    if isinstance(storage, str):
        try:
            storage = optuna.storages.get_storage(storage)
        except ArgumentError as error:
            raise ValueError(f"storage must be one of Optuna's or its URL: {error}.") from error
    given = study if isinstance(study, Study) else Study(study)
    _, trials = given._read()  # noqa: SLF001 - with the values, which a table lacks
    if not trials:
        raise ValueError(f"{given.path} has no trial to export.")
    base = name or Path(given.path).name
    found = []
    for place, number in enumerate(sorted({trial.study for trial in trials})):
        of_study = [trial for trial in trials if trial.study == number]
        found.append(_exported(base if place == 0 else f"{base}-{place + 1}", storage, of_study))
    return found


def import_study(
    study: optuna.Study, path: Study | str | os.PathLike[str], *, n_best: int = 10
) -> list[dict[str, Any]]:
    """Enqueue the best settings of one of Optuna's studies in a study's file.

    The searches that start with the file try them first, and those that learn from scores learn
    from these.

    Parameters
    ----------
    study : optuna.Study
        Any; of several objectives the trials on its Pareto front count as the best.
    path : Study, str or path
        The file, which is made where there is none.
    n_best : int, default=10
        How many settings at most.

    Returns
    -------
    settings : list of dict
        Those enqueued, the best one first. Where `export_study` wrote the study, they have the
        values themselves, else what Optuna holds.

    Raises
    ------
    ValueError
        No trial of the study was completed; or `n_best` is less than 1.
    OSError
        The file cannot be written.

    Warns
    -----
    UserWarning
        Of settings that are passed over, as `export_study` kept but the name of a value, say of
        an estimator of another library.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import optuna
    >>> from nnhp.integrations.optuna import import_study
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study()
    >>> study.optimize(lambda trial: trial.suggest_int("batch_size", 8, 8), n_trials=1)
    >>> with TemporaryDirectory() as folder:
    ...     import_study(study, f"{folder}/digits.db")
    [{'batch_size': 8}]
    """
    if not isinstance(study, optuna.Study):
        raise TypeError(f"study must be an optuna.Study, got {study!r}.")
    if not isinstance(n_best, Integral):
        raise TypeError(f"n_best must be an integer, got {n_best!r}.")
    if n_best < 1:
        raise ValueError(f"n_best must be at least 1, got {n_best!r}.")
    trials = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    if not trials:
        raise ValueError(f"The study {study.study_name!r} has no completed trial to import.")
    if len(study.directions) > 1:
        trials = study.best_trials
    else:
        sign = -1 if study.direction == optuna.study.StudyDirection.MAXIMIZE else 1
        trials = sorted(trials, key=lambda trial: sign * (trial.value or 0.0))
    into = path if isinstance(path, Study) else Study(path)
    settings: dict[bytes, dict[str, Any]] = {}
    passed_over = ""
    for trial in trials:
        kept = trial.user_attrs.get(_PARAMS)
        params = dict(trial.params) if kept is None else loads(kept.encode())
        try:
            settings.setdefault(dumps(params, refused), params)
        except TypeError as error:
            passed_over = passed_over or str(error)
        if len(settings) == n_best:
            break
    if passed_over:
        warnings.warn(
            f"Settings that the study {study.study_name!r} does not hold are passed over: "
            + passed_over,
            UserWarning,
            stacklevel=2,
        )
    for params in settings.values():
        into.enqueue(params)
    return list(settings.values())


def _exported(name: str, storage: Any, trials: Sequence[Any]) -> optuna.Study:
    """One study, from what its file has of it."""
    metrics = list(dict.fromkeys(metric for trial in trials for metric in trial.scores()))
    created = optuna.create_study(
        storage=storage, study_name=name, directions=["maximize"] * max(len(metrics), 1)
    )
    if metrics:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            created.set_metric_names(metrics)
    climbs: dict[int, list[Any]] = {}  # a candidate's trials, from its lowest rung on
    for trial in sorted(trials, key=lambda trial: (trial.candidate, trial.resource)):
        climbs.setdefault(trial.candidate, []).append(trial)
    most_folds = max(len(trial.payloads) for trial in trials)
    most = max(trial.resource for trial in trials)
    resource = _resource_name(trials)
    settings = {
        number: {name: value for name, value in climb[-1].params.items() if name != resource}
        for number, climb in climbs.items()
    }
    spaces = _distributions(list(settings.values()))
    for number, climb in climbs.items():
        last, params = climb[-1], settings[number]
        means = [float(np.mean(last.scores().get(metric, [np.nan]))) for metric in metrics]
        state = TrialState.COMPLETE
        if last.resource < most or len(last.payloads) < most_folds:
            state = TrialState.PRUNED
        elif not np.isfinite(means).all() or not means:
            state = TrialState.FAIL
        created.add_trial(
            create_trial(
                state=state,
                values=means if state == TrialState.COMPLETE else None,
                params={key: _exportable(value) for key, value in params.items()},
                distributions={key: spaces[key] for key in params},
                intermediate_values=_intermediate(climb, metrics),
                user_attrs={
                    "candidate": number,
                    "folds": len(last.payloads),
                    "epochs": sum(trial.total("epochs") for trial in climb),
                    "seconds": sum(trial.total("fit_time") for trial in climb),
                    _PARAMS: dumps(params).decode(),
                },
            )
        )
    return created


def _resource_name(trials: Sequence[Any]) -> str | None:
    """The parameter that grew from rung to rung, which is no part of a setting."""
    names: set[str] = {name for trial in trials for name in trial.params}
    for name in sorted(names):
        if all(0 < trial.resource == trial.params.get(name) for trial in trials):
            return name
    return None


def _intermediate(climb: Sequence[Any], metrics: Sequence[str]) -> dict[int, float]:
    """Scores by rung; of several metrics Optuna takes none."""
    if len(metrics) != 1 or climb[-1].resource == 0:
        return {}
    found = {
        int(trial.resource): float(np.mean(trial.scores().get(metrics[0], [np.nan])))
        for trial in climb
    }
    return {resource: mean for resource, mean in found.items() if np.isfinite(mean)}


def _distributions(settings: Sequence[dict[str, Any]]) -> dict[str, BaseDistribution]:
    """What each parameter may have been, as far as its values tell."""
    values: dict[str, list[Any]] = {}
    for params in settings:
        for name, value in params.items():
            values.setdefault(name, []).append(_exportable(value))
    return {name: _distribution(of_name) for name, of_name in values.items()}


def _distribution(values: list[Any]) -> BaseDistribution:
    if all(type(value) is int for value in values):
        return IntDistribution(min(values), max(values))
    if all(type(value) in (int, float) for value in values):
        low, high = float(min(values)), float(max(values))
        return FloatDistribution(low, high, log=low > 0 and high / low >= _LOG_RATIO)
    return CategoricalDistribution(list(dict.fromkeys(values)))


def _exportable(value: Any) -> Any:
    """A value as Optuna can hold it."""
    if isinstance(value, np.generic):
        value = value.item()
    plain = value is None or isinstance(value, bool | int | str)
    if plain or (isinstance(value, float) and np.isfinite(value)):
        return value
    return repr(value)
