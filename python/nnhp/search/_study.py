"""The durable record of searches, as people look at it."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from nnhp._checks import as_path, check_arguments
from nnhp._whole_file import whole_file
from nnhp.search import _study_file
from nnhp.search._study_file import StudyDamagedWarning
from nnhp.search._study_recorder import Recorder, StudyDiffers, StudyLocked, studies_of
from nnhp.search._study_rescue import open_to_read, open_to_write
from nnhp.search._study_values import dumps, loads, refused

__all__ = [
    "Recorder",
    "Study",
    "StudyDamagedWarning",
    "StudyDiffers",
    "StudyLocked",
    "open_recorder",
]

_FIRST = ["study", "candidate", "n_resources"]
_LAST = ["folds", "epochs", "seconds", "status"]
_COLUMNS = [*_FIRST, *_LAST]


class _Trial(NamedTuple):
    """A candidate at a rung, and what its folds reported, by their number."""

    study: int
    candidate: int
    resource: int
    params: dict[str, Any]
    payloads: dict[int, dict[str, Any]]

    def scores(self) -> dict[str, list[float]]:
        """Of each metric, in the order of the folds."""
        found: dict[str, list[float]] = {}
        for _, payload in sorted(self.payloads.items()):
            for metric, score in (payload.get("test_scores") or {}).items():
                found.setdefault(metric, []).append(score)
        return found

    def total(self, name: str) -> Any:
        """Sum over the folds."""
        return sum(payload.get(name) or 0 for payload in self.payloads.values())


class Study:
    """The durable record of searches: a file that outlives crashes, and that can be looked at.

    Give it, or just its path, to a search: ``GridSearchCV(..., study="digits.db")``. Each fold is
    on the disk before it counts as done. The same search over the same data, run again with the
    same file, goes on where it was ended, by whatever; one that has finished is not trained again.
    One file may hold the studies of several searches. A function of your own, as a scorer, counts
    by its own code and what it holds: what the functions that it calls do is not looked at, so take
    another file when you change one of these.

    Parameters
    ----------
    path : str or path-like
        The file, an SQLite database. A search creates it if it does not exist.
    resume : bool, default=False
        Whether a search must find itself in the file. If it does not, it raises ValueError and
        says what differs: the data, the space, the splits, the seed, ...; otherwise it starts
        another study in the same file.

    Attributes
    ----------
    path : str
        As given.
    resume : bool
        As given.
    best : dict
        The best candidate so far.
    enqueued : list of dict
        The settings that the next study of this file begins with.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from nnhp import GridSearchCV, MLPClassifier, Study
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier(8, learning_rate_init=0.05, max_iter=300, random_state=0)
    >>> with TemporaryDirectory() as folder:
    ...     study = Study(f"{folder}/iris.db")
    ...     search = GridSearchCV(net, {"alpha": [1e-4, 1e-2]}, study=study)
    ...     _ = search.fit(X, y)
    ...     study.trials()[["candidate", "param_alpha", "folds", "status"]]
       candidate  param_alpha  folds    status
    0          0       0.0001      5  complete
    1          1       0.0100      5  complete
    """

    def __init__(self, path: str | os.PathLike[str], *, resume: bool = False) -> None:
        name: object = os.fspath(path) if hasattr(path, "__fspath__") else path
        if not isinstance(name, str):
            raise TypeError(f"path must be a str or a path-like object, got {path!r}.")
        if not name:
            raise ValueError("path must be that of a file, got ''.")
        check_arguments("Study", {"resume": ["boolean"]}, {"resume": resume})
        self.path = name
        self.resume = resume

    def __repr__(self) -> str:
        return f"Study({self.path!r}{', resume=True' if self.resume else ''})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Study):
            return NotImplemented
        return (self.path, self.resume) == (other.path, other.resume)

    def __hash__(self) -> int:
        return hash((self.path, self.resume))

    def enqueue(self, params: Mapping[str, Any]) -> None:
        """Have the next studies of this file try a setting before all others.

        Each study that starts in the file from now on tries all settings enqueued before, in their
        order. One that has already started goes on without.

        Parameters
        ----------
        params : mapping of str to object
            Parameters as in a candidate of a search. Their values must be such as JSON or NumPy
            can hold: numbers, texts, bool, None, arrays; tuples, lists and dicts of these.

        Raises
        ------
        TypeError
            It is no dict of parameters by their names, or a value cannot be kept.
        ValueError, OSError
            The file is something else, or cannot be written.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> from nnhp import Study
        >>> with TemporaryDirectory() as folder:
        ...     study = Study(f"{folder}/digits.db")
        ...     study.enqueue({"hidden_layer_sizes": (50,), "alpha": 1e-4})
        ...     study.enqueued
        [{'hidden_layer_sizes': (50,), 'alpha': 0.0001}]
        """
        given: object = params
        named = isinstance(given, Mapping) and all(type(name) is str for name in given)
        if not named or not params:
            raise TypeError(f"params must be a dict of parameters by their names, not {params!r}.")
        try:
            content = dumps(dict(params), refused)
        except TypeError as error:
            raise TypeError(f"The setting {dict(params)!r} cannot be enqueued: {error}") from None
        with open_to_write(self.path) as file:
            try:
                with file.transaction():
                    file.insert("queue", [((), content)])
            except sqlite3.Error as error:
                raise _study_file.as_os_error(self.path, error) from error

    @property
    def enqueued(self) -> list[dict[str, Any]]:
        """The settings that the next study of this file begins with, in their order.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        ValueError, OSError
            It is something else, or cannot be read.
        """
        with open_to_read(self.path) as file:
            try:
                with _study_file.lock:
                    settings = [loads(row.content) for row in file.rows("queue")]
            except sqlite3.Error as error:
                raise _study_file.as_os_error(self.path, error) from error
            file.warn()
        return settings

    def dequeue(self) -> list[dict[str, Any]]:
        """Take all settings out of the queue.

        Studies that have started keep those that they began with.

        Returns
        -------
        settings : list of dict
            What was in the queue, so that a part of it can be enqueued again.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        ValueError, OSError
            It is something else, or cannot be written.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> from nnhp import Study
        >>> with TemporaryDirectory() as folder:
        ...     study = Study(f"{folder}/digits.db")
        ...     study.enqueue({"alpha": 1e-4})
        ...     study.dequeue(), study.enqueued
        ([{'alpha': 0.0001}], [])
        """
        if not Path(self.path).exists():
            raise FileNotFoundError(errno.ENOENT, "There is no study", self.path)
        with open_to_write(self.path) as file:
            try:
                with file.transaction():
                    rows = list(file.rows("queue"))
                    for row in rows:
                        file.delete("queue", rowid=row.number)
                file.set_aside()
            except sqlite3.Error as error:
                raise _study_file.as_os_error(self.path, error) from error
        return [loads(row.content) for row in rows]

    @property
    def best(self) -> dict[str, Any]:
        """The best candidate: 'params', 'score', 'candidate' and 'study'.

        Of a study that has finished it is the one that the search chose; of another one the highest
        mean test score, in the first metric, among the candidates of the highest rung of which all
        folds are done. Of several studies the highest score counts.

        Raises
        ------
        ValueError
            There is no such candidate yet.
        """
        studies, trials = self._read()
        found = []
        for number, summary in studies.items():
            if summary is not None:
                found.append({**summary, "study": number})
            else:
                found += _candidates([trial for trial in trials if trial.study == number])
        if not found:
            raise ValueError(f"{self.path} has no candidate yet of which all folds are done.")
        # A search whose `refit` is a callable chooses without a score.
        return max(found, key=lambda best: -np.inf if best["score"] is None else best["score"])

    def trials(self) -> pd.DataFrame:
        """What was tried: one row per study, candidate and rung.

        Returns
        -------
        trials : DataFrame
            Columns: study (1 is the file's first), candidate, n_resources (of the rung), param_*
            (its settings), mean_test_* and std_test_* (of each metric, over the folds done), folds
            (number done), epochs (trained in these), seconds (to fit and score them) and status:
            'failed' if a fold's fit raised an error, 'complete' if it has as many folds as any
            other trial of the study, else 'partial'.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        ValueError, OSError
            It is something else, or cannot be read.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> from nnhp import GridSearchCV, MLPClassifier, Study
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> net = MLPClassifier(8, learning_rate_init=0.05, max_iter=300, random_state=0)
        >>> with TemporaryDirectory() as folder:
        ...     study = Study(f"{folder}/iris.db")
        ...     search = GridSearchCV(net, {"alpha": [1e-4, 1e-2]}, study=study)
        ...     _ = search.fit(X, y)
        ...     study.trials()["folds"].tolist()
        [5, 5]
        """
        _, trials = self._read()
        most = _most_folds(trials)
        rows = []
        for trial in trials:
            payloads = trial.payloads.values()
            row: dict[str, Any] = {
                "study": trial.study,
                "candidate": trial.candidate,
                "n_resources": trial.resource,
            }
            row |= {f"param_{name}": value for name, value in trial.params.items()}
            for metric, scores in trial.scores().items():
                row[f"mean_test_{metric}"] = np.mean(scores)
                row[f"std_test_{metric}"] = np.std(scores)
            failed = any(payload.get("fit_error") for payload in payloads)
            complete = len(payloads) == most[trial.study]
            row["folds"] = len(payloads)
            row["epochs"] = trial.total("epochs")
            row["seconds"] = trial.total("fit_time") + trial.total("score_time")
            row["status"] = "failed" if failed else "complete" if complete else "partial"
            rows.append(row)
        given = list(dict.fromkeys(name for row in rows for name in row))
        return pd.DataFrame(rows, columns=sorted(given or _COLUMNS, key=_place))

    def curves(self) -> pd.DataFrame:
        """Learning curves: one row per study, candidate, fold and epoch.

        Returns
        -------
        curves : DataFrame
            Columns: study, candidate, fold, epoch (from 1), test_score, or test_* of several
            metrics, and train_loss. Without rows where no search was told to keep them.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        ValueError, OSError
            It is something else, or cannot be read.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> from nnhp import GridSearchCV, MLPClassifier, Study
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> net = MLPClassifier(8, learning_rate_init=0.05, max_iter=300, random_state=0)
        >>> with TemporaryDirectory() as folder:
        ...     study = Study(f"{folder}/iris.db")
        ...     search = GridSearchCV(net, {"alpha": [1e-4, 1e-2]}, study=study, return_curves=True)
        ...     _ = search.fit(X, y)
        ...     study.curves().columns.tolist()
        ['study', 'candidate', 'fold', 'epoch', 'test_score', 'train_loss']
        """
        _, trials = self._read()
        rows: dict[tuple[int, int, int, int], dict[str, Any]] = {}
        for trial in trials:  # from the lowest rung of a candidate to the highest
            for fold, payload in sorted(trial.payloads.items()):
                kept = (payload.get("curve") or {}).items()
                curve = {name: values for name, values in kept if values is not None}
                lengths = [len(values) for values in curve.values()]
                epochs = curve.pop("epoch", range(1, 1 + max(lengths, default=0)))
                for i, epoch in enumerate(epochs):
                    values = {name: entries[i] for name, entries in curve.items()}
                    rows[trial.study, trial.candidate, fold, epoch] = values
        keys = ["study", "candidate", "fold", "epoch"]
        if not rows:
            return pd.DataFrame(columns=[*keys, "test_score", "train_loss"])
        index = pd.MultiIndex.from_tuples(sorted(rows), names=keys)
        return pd.DataFrame([rows[key] for key in index], index=index).reset_index()

    def export(self, path: str | os.PathLike[str]) -> None:
        """Write the trials as a CSV file.

        Parameters
        ----------
        path : str or path-like
            The CSV file, whose name ends with ``.csv``, or with ``.csv.gz`` or the like to have
            it compressed; one that exists is overwritten.

        Raises
        ------
        ValueError
            The name is that of another format.
        ValueError, OSError
            The study cannot be read, or the CSV file cannot be written.

        Examples
        --------
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from nnhp import GridSearchCV, MLPClassifier, Study
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> net = MLPClassifier(8, learning_rate_init=0.05, max_iter=300, random_state=0)
        >>> with TemporaryDirectory() as folder:
        ...     study = Study(f"{folder}/iris.db")
        ...     search = GridSearchCV(net, {"alpha": [1e-4, 1e-2]}, study=study)
        ...     _ = search.fit(X, y)
        ...     study.export(f"{folder}/trials.csv")
        ...     len(Path(f"{folder}/trials.csv").read_text().splitlines())
        3
        """
        if not re.search(r"\.csv(\.(gz|bz2|xz|zip|zst))?$", as_path(path).name.lower()):
            raise ValueError(
                f"path must end with '.csv', got {os.fspath(path)!r}. For another format there "
                "are the methods of trials(), such as trials().to_json(path)."
            )
        trials = self.trials()
        with whole_file(path) as part:
            trials.to_csv(part, index=False)

    def _read(self) -> tuple[dict[int, dict[str, Any] | None], list[_Trial]]:
        """The summary of each study, by its number, and the trials in their order."""
        with open_to_read(self.path) as file:
            try:
                with _study_file.lock:
                    entries = studies_of(file)
                    rows = [(row.keys, loads(row.content)) for row in file.rows("folds")]
            except sqlite3.Error as error:
                raise _study_file.as_os_error(self.path, error) from error
            file.warn()
        numbers = {study: entry["number"] for study, entry in entries.items()}
        trials: dict[tuple[int, int, int], _Trial] = {}
        for (study, candidate, resource, fold), content in rows:
            # A study whose own row was lost comes last.
            number = numbers.setdefault(study, 1 + max(numbers.values(), default=0))
            trial = trials.setdefault(
                (number, candidate, resource),
                _Trial(number, candidate, resource, content["params"], {}),
            )
            trial.payloads[fold] = content["payload"]
        summaries = {
            number: entries[study]["summary"] if study in entries else None
            for study, number in numbers.items()
        }
        return summaries, [trials[key] for key in sorted(trials)]


def _most_folds(trials: list[_Trial]) -> dict[int, int]:
    """How many folds the trials of each study have at most."""
    most: dict[int, int] = {}
    for trial in trials:
        most[trial.study] = max(most.get(trial.study, 0), len(trial.payloads))
    return most


def _candidates(trials: list[_Trial]) -> list[dict[str, Any]]:
    """Those of one study that may be its best: complete, on its highest rung, with a score."""
    highest = max((trial.resource for trial in trials), default=0)
    most = _most_folds(trials)
    found = []
    for trial in trials:
        means = [float(np.mean(scores)) for scores in trial.scores().values()]
        complete = len(trial.payloads) == most[trial.study] and trial.resource == highest
        if complete and means and not np.isnan(means[0]):
            found.append(
                {
                    "params": trial.params,
                    "score": means[0],
                    "candidate": trial.candidate,
                    "study": trial.study,
                }
            )
    return found


def _place(column: str) -> int:
    """Where a column of the trials stands: before, among or behind the settings and scores."""
    if column in _FIRST:
        return _FIRST.index(column)
    if column in _LAST:
        return 1000 + _LAST.index(column)
    return 100 if column.startswith("param_") else 101


def open_recorder(
    study: str | os.PathLike[str] | Study,
    fingerprint: Mapping[str, str],
    *,
    seed: int | None,
    parameters: Collection[str] | None = None,
) -> Recorder:
    """Open the record of a search: of its study in the file, or of a new one.

    Parameters
    ----------
    study : str, path-like or Study
        The file; a `Study` also says whether the search must be in it.
    fingerprint : mapping of str to str
        Parts of what makes two searches the same (data, space, splits, ...), each as a hash or a
        short text.
    seed : int or None
        None takes that of the study, or draws one if it is new.
    parameters : collection of str or None, default=None
        Those that enqueued settings may have, where a study starts with them; None is any.

    Returns
    -------
    recorder : Recorder
        A context manager.

    Raises
    ------
    StudyLocked
        A process that lives writes the same study.
    ValueError
        The file is something else, or has no such study to resume; or one would start with an
        enqueued setting of other parameters.
    OSError
        The file cannot be opened or written.
    """
    given = study if isinstance(study, Study) else Study(study)
    return Recorder(given.path, fingerprint, seed=seed, resume=given.resume, parameters=parameters)
