"""sweep: what one hyperparameter does, over folds and repeats, trained in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv, train_test_split
from sklearn.utils import _safe_indexing, check_random_state, indexable
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _num_samples

from nnhp import _threads
from nnhp._checks import check_arguments, check_samples, naming
from nnhp.estimators._data import Given
from nnhp.estimators._losses import quantiles_of
from nnhp.estimators._memory import memory_limit
from nnhp.search._evaluate import EngineEvaluator, NotForTheEngineError
from nnhp.search._outcome import Candidate, Job, Outcome, Poll, Split
from nnhp.search._prepare import configured, net_of
from nnhp.search._scoring import Scoring
from nnhp.search._splits import row_numbers
from nnhp.search._sweep_result import NEAR_BEST, Sweep, SweepRun, said_of_shape
from nnhp.search._sweep_values import Value, read_values

_MAX_SEED = 2**31 - 1


def sweep(
    estimator: Any,
    X: Any,
    y: ArrayLike,
    param_name: str,
    param_range: Sequence[Any] | Mapping[Any, Any],
    *,
    cv: Any = 5,
    repeats: int = 3,
    test_size: float | None = None,
    scoring: Any = None,
    n_jobs: int | None = None,
) -> Sweep:
    """Study one hyperparameter: train with each of its values, on every fold, several times.

    For each value the table says what became of the training and the validation loss, of the
    test score, of the time and of the memory, with the spread over folds and repeats: a
    difference between two values that is smaller than the spread may be chance. All trainings
    are done in one call of the engine, on one copy of the data.

    A repeat is what one seed makes: the folds are shuffled anew with it, and each net starts from
    it. The values meet the same seeds and the same folds, so that they can be compared.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor or Pipeline
        One of nnhp's estimators, alone or last in a Pipeline, whose earlier steps are fitted on
        the training part of each fold alone. It is not changed. The net's `random_state` fixes
        the seeds, and with them all results but the times; None draws other ones in each call.
        Earlier steps whose `random_state` is None get the seed of the repeat, too.

    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Samples.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets.

    param_name : str
        The parameter, in a Pipeline as ``step__parameter``; or just a heading, if every value
        is a dict of parameters.

    param_range : sequence, or mapping of labels to values
        The values, in the order of the table. A value may be a dict of parameters that are set
        together: ``{'L1': {'alpha': 0.1, 'l1_ratio': 1}, 'Dropout': {'dropout': 0.5}}``.
        The empty dict is the estimator as it is.

    cv : int, splitter or iterable, default=5
        A number of folds, stratified for a classifier, is shuffled anew in each repeat. A
        splitter is asked once per repeat, for the splits as it makes them: if these are the same
        each time, repeats differ in their seeds. An iterable gives the (train, held-out)
        rows of X themselves, for splitting by groups for example; they are the same in each
        repeat.

    repeats : int, default=3
        Seeds that each value is tried with.

    test_size : float, default=None
        Share of the samples, in (0, 1), that is split off first, by class for a classifier. No
        training and no validation loss ever sees this test part; all nets are scored on it.
        With None there is none: the held-out part of each fold gives both the validation loss
        and the test score. No net has then learned from the samples that it is scored on, but who
        chooses a value by its validation loss has used them, and its test score is too good.

    scoring : str or callable, default=None
        The test score. None is the estimator's own, accuracy or R^2.

    n_jobs : int or None, default=None
        Threads: None and -1 are all. The results do not depend on it.

    Returns
    -------
    sweep : Sweep
        The table, the single runs behind it, and their curves.

    Raises
    ------
    ValueError
        If the estimator is not nnhp's; `param_range` is empty or has a value twice; a parameter is
        unknown (the message lists the known ones) or its value out of bounds; trainings have
        no epochs, as with ``solver='lbfgs'``, or cannot be done without Python between
        two epochs; ``early_stopping=True`` meets ``test_size=None``, for the epoch would be chosen
        by the samples that judge it; `cv`, `repeats` or `test_size` make no sense.
    MemoryError
        If a net is larger than the memory.

    See Also
    --------
    GridSearchCV : Chooses among combinations of several parameters.

    Notes
    -----
    A run is what ``fit(X[train], y[train], X_val=X[validation], y_val=y[validation])`` does with
    ``random_state=seed``, to the last bit. So with early stopping, it is the validation part that
    it watches.

    Trainings that would together take more than a quarter of the memory are done in several calls.

    Examples
    --------
    >>> import nnhp
    >>> from sklearn.datasets import load_iris
    >>> net = nnhp.MLPClassifier((16,), max_iter=30, tol=0, random_state=0)
    >>> X, y = load_iris(return_X_y=True)
    >>> sweep = nnhp.sweep(net, X, y, "learning_rate_init", [0.0001, 0.01], cv=3, repeats=2)
    >>> frame = sweep.to_frame()
    >>> list(frame.index)
    [0.0001, 0.01]
    >>> bool(frame["mean_test_score"].idxmax() == 0.01)
    True
    >>> print(sweep.to_markdown(["test_score"]))  # doctest: +SKIP
    | learning_rate_init | test accuracy |
    |--------------------|---------------|
    | 0.0001             | 0.267 ± 0.069 |
    | 0.01               | 0.963 ± 0.027 |

    Several parameters that belong together, under a heading of one's own:

    >>> ways = {"none": {}, "L1": {"alpha": 0.01, "l1_ratio": 1.0}, "dropout": {"dropout": 0.2}}
    >>> sweep = nnhp.sweep(net, X, y, "regularization", ways, cv=3, repeats=1)
    >>> sweep.values
    ['none', 'L1', 'dropout']
    """
    plan = SweepPlan(
        estimator,
        X,
        y,
        param_name,
        param_range,
        cv=cv,
        repeats=repeats,
        test_size=test_size,
        scoring=scoring,
        n_jobs=n_jobs,
    )
    return plan.run()


class SweepPlan:
    """A sweep, checked and ready to run; takes the arguments of :func:`nnhp.sweep`."""

    def __init__(
        self,
        estimator: Any,
        X: Any,
        y: Any,
        param_name: str,
        param_range: Any,
        *,
        cv: Any,
        repeats: int,
        test_size: float | None,
        scoring: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        base = _checked(estimator)
        scorer = _checked_scorer(base, scoring)
        values = read_values(base, param_name, param_range)
        if not isinstance(repeats, Integral) or isinstance(repeats, bool) or repeats < 1:
            raise ValueError(f"repeats must be an integer of at least 1, got {repeats!r}.")
        if y is None:
            raise ValueError("y must be given: the trainings of a sweep are supervised.")
        check_samples(X=X, y=y)
        check_arguments("sweep", {"n_jobs": [Integral, None]}, {"n_jobs": n_jobs})
        with naming("X and y"):
            X, y = indexable(X, y)
        # The seed of the test part comes first: the others do not depend on how many there are.
        rng = check_random_state(net_of(base).random_state)
        test_seed, *seeds = (int(rng.randint(_MAX_SEED)) for _ in range(repeats + 1))
        rest, test = _rows_apart(base, y, test_size, test_seed)
        splits = _splits(base, X, y, cv, seeds, rest, test)
        self._values: list[Value] = values
        self._seeds: list[int] = seeds
        self._repeat_of: list[int] = [repeat for repeat, folds in enumerate(splits) for _ in folds]
        self._evaluator: EngineEvaluator = EngineEvaluator(
            base,
            Given(X, y),
            splits=[split for folds in splits for split in folds],
            scoring=Scoring(base, scorer, X, {}, error_score=np.nan, for_divergence_alone=True),
            threads=_threads.resolve(n_jobs),
            seed_of=lambda _, fold: seeds[self._repeat_of[fold]],
            others=None,
            wants_trainings=True,
            together=memory_limit() // 4,
        )
        for value in values:
            _check_setting(self._evaluator, base, value, seeds[0], has_test=test is not None)
        self._jobs: list[Job] = self._list_jobs(base)
        self._result: dict[str, Any] = {
            "param_name": param_name,
            "values": [value.label for value in values],
            "params": [value.params for value in values],
            "score_name": _score_name(base, scoring, values),
            "seeds": seeds,
            "splits": [[(s.train, s.validation, s.test) for s in folds] for folds in splits],
        }

    def _list_jobs(self, base: Any) -> list[Job]:
        """Each value with each seed on the folds of its repeat."""
        jobs: list[Job] = []
        for place, value in enumerate(self._values):
            for repeat, seed in enumerate(self._seeds):
                candidate = value.candidate(base, seed, place * len(self._seeds) + repeat)
                jobs += [
                    (candidate, fold) for fold, of in enumerate(self._repeat_of) if of == repeat
                ]
        return jobs

    @property
    def shape(self) -> str:
        """Values, repeats and folds, in words."""
        return said_of_shape(len(self._values), [len(folds) for folds in self._result["splits"]])

    @property
    def n_epochs(self) -> int:
        """Epochs of all trainings, at most."""
        return sum(self._evaluator.planned_epochs(candidate) for candidate, _ in self._jobs)

    def run(self, poll: Poll | None = None) -> Sweep:
        """Train and score; `poll` is now and then given the epochs that a call has done."""
        runs: dict[int, SweepRun] = {}
        try:
            for finished in self._evaluator.evaluate(self._jobs, poll):
                for job, outcome in finished:
                    runs[job] = self._measured(job, outcome)
        except NotForTheEngineError as error:
            value = self._values[error.candidate.number // len(self._seeds)]
            raise ValueError(f"{value.where}: {error}") from error
        return Sweep(runs=[runs[job] for job in range(len(self._jobs))], **self._result)

    def _measured(self, job: int, outcome: Outcome) -> SweepRun:
        candidate, fold = self._jobs[job]
        place, repeat = divmod(candidate.number, len(self._seeds))
        training = outcome.training
        assert training is not None
        train, validation = training.losses()
        diverged = outcome.fit_error is not None
        at = training.kept_epoch
        return SweepRun(
            value=place,
            repeat=repeat,
            fold=fold - self._repeat_of.index(repeat),
            train_loss=np.nan if diverged else float(train[at]),
            validation_loss=np.nan if diverged else float(validation[at]),
            test_score=outcome.test_scores,
            epochs_to_converge=np.nan if diverged else epochs_to_converge(validation),
            epochs=training.epoch,
            seconds=training.seconds,
            bytes_per_step=training.step_bytes,
            diverged=diverged,
            train_curve=train,
            validation_curve=validation,
        )


def epochs_to_converge(losses: NDArray[np.float64]) -> float:
    """The first epoch, from 1, whose loss is near the least of all."""
    finite = losses[np.isfinite(losses)]
    if not finite.size:
        return np.nan
    near = finite.min() + NEAR_BEST * abs(finite.min())
    return float(np.argmax(losses <= near) + 1)


# ------------------------------------------------------------------ what is asked for


def _checked(estimator: Any) -> Any:
    """Clone of an estimator that the engine can train."""
    if net_of(estimator) is None:
        raise ValueError(
            "estimator must be nnhp's MLPClassifier or MLPRegressor, alone or last in a Pipeline, "
            f"got {estimator!r}."
        )
    base = clone(estimator)
    if net_of(base) is not base and len(base.steps) == 1:
        base.steps.insert(0, ("as_it_is", "passthrough"))
    return base


def _checked_scorer(base: Any, scoring: Any) -> Any:
    if not (scoring is None or isinstance(scoring, str) or callable(scoring)):
        raise ValueError(f"scoring must be one metric, by name or as a callable, got {scoring!r}.")
    return check_scoring(base, scoring)


def _score_name(base: Any, scoring: Any, values: Sequence[Value]) -> str:
    if scoring is None and is_classifier(base):
        return "accuracy"
    if scoring is None:
        nets = [net_of(configured(base, Candidate(value.params, 0))) for value in values]
        names = ["R^2" if quantiles_of(net.loss) is None else "D^2 (pinball)" for net in nets]
        return " or ".join(dict.fromkeys(names))
    return scoring if isinstance(scoring, str) else str(getattr(scoring, "__name__", "score"))


def _check_setting(
    evaluator: EngineEvaluator, base: Any, value: Value, seed: int, *, has_test: bool
) -> None:
    """Raise ValueError where a value cannot be trained, before others are trained for long."""
    try:
        setting = evaluator.setting(value.candidate(base, seed, 0))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{value.where}: {error}") from error
    if setting.obstacle is not None:
        raise ValueError(
            f"{value.where}: a sweep trains on the engine, epoch by epoch, but {setting.obstacle}."
        )
    if setting.net.early_stopping and not has_test:
        raise ValueError(
            f"{value.where}: with early_stopping=True a test_size must be given, such as 0.25: "
            "without a test part, the samples that choose the epoch would also judge it."
        )


# ------------------------------------------------------------------ rows


def _rows_apart(
    base: Any, y: Any, test_size: float | None, seed: int
) -> tuple[NDArray[np.int32], NDArray[np.int32] | None]:
    """Rows for the folds, and those of the test part, if there is one; each in order."""
    rows = np.arange(_num_samples(y), dtype=np.int32)
    if test_size is None:
        return rows, None
    if not isinstance(test_size, Real) or not 0 < test_size < 1:
        raise ValueError(f"test_size must lie in (0, 1), or be None, got {test_size!r}.")
    by_class = is_classifier(base) and type_of_target(y) in ("binary", "multiclass")
    try:
        rest, test = train_test_split(
            rows, test_size=float(test_size), random_state=seed, stratify=y if by_class else None
        )
    except ValueError as error:
        raise ValueError(f"test_size={test_size} of {len(rows)} samples: {error}") from error
    return np.sort(rest), np.sort(test)


def _splits(
    base: Any,
    X: Any,
    y: Any,
    cv: Any,
    seeds: Sequence[int],
    rest: NDArray[np.int32],
    test: NDArray[np.int32] | None,
) -> list[list[Split]]:
    """Folds of each repeat."""
    counted = cv is None or isinstance(cv, Integral)
    if test is not None and not counted and not hasattr(cv, "split"):
        raise ValueError(
            "test_size cannot be used with a cv that lists rows: it splits the test part off "
            "before these. Give a splitter or a number of folds."
        )
    X, y = _safe_indexing(X, rest), _safe_indexing(y, rest)
    try:
        splitter = check_cv(cv, y, classifier=is_classifier(base))
    except ValueError as error:
        raise ValueError(f"cv: {error}") from error
    splits: list[list[Split]] = []
    for seed in seeds:
        if counted:
            splitter = type(splitter)(splitter.n_splits, shuffle=True, random_state=seed)
        folds = []
        for parts in splitter.split(X, y):
            train, held_out = (rest[row_numbers(part, len(rest))] for part in parts)
            if not (len(train) and len(held_out)):
                raise ValueError("cv gives a split with an empty part.")
            folds.append(Split(train, held_out if test is None else test, held_out))
        if not folds:
            raise ValueError("cv gives no splits.")
        splits.append(folds)
    return splits
