"""What a candidate asks for: its estimator, and its folds as the steps before the net make them."""

from __future__ import annotations

import copy
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing

from nnhp.estimators import MLPClassifier, MLPRegressor
from nnhp.estimators._data import Given
from nnhp.estimators._folds import Fold, SharedData
from nnhp.estimators._losses import gives_probabilities, quantiles_of
from nnhp.estimators._params import monitor
from nnhp.estimators._training import Cache
from nnhp.search._outcome import Candidate, Split
from nnhp.search._scores import Meaning, Truth

if TYPE_CHECKING:
    from nnhp.search._scoring import Scoring


def net_of(estimator: Any) -> Any:
    """The net of an estimator that the engine can train; None of any other estimator.

    A subclass may mean something else by `fit` or `predict`, so only the classes themselves count.
    """
    last = estimator.steps[-1][1] if type(estimator) is Pipeline else estimator
    return last if type(last) in (MLPClassifier, MLPRegressor) else None


def net_prefixes(estimator: Any) -> list[str]:
    """What the names of the net's parameters begin with; nothing where there is no net."""
    if net_of(estimator) is None:
        return []
    return [""] if net_of(estimator) is estimator else [f"{estimator.steps[-1][0]}__"]


def meaning_of_outputs(net: Any) -> Meaning:
    """What the outputs of a net are, for scores."""
    if is_classifier(net):
        return "own" if gives_probabilities(net.loss) else "decisions"
    return "own" if quantiles_of(net.loss) is None else "quantiles"


def obstacle(estimator: Any) -> str | None:
    """What keeps a configured estimator from the engine's path; None where nothing does."""
    net = net_of(estimator)
    if net is None:
        return f"the estimator is {type(estimator).__name__}"
    if net.solver == "lbfgs":
        return "solver='lbfgs' has no epochs"
    if monitor(net, classification=is_classifier(net)) == "external":
        return "early stopping with this scoring needs Python after each epoch"
    if net.verbose:
        return "the estimator is verbose"
    state = net.random_state
    if (
        isinstance(state, np.random.RandomState)
        and state.get_state(legacy=False)["bit_generator"] != "MT19937"
    ):
        return "random_state is not an MT19937 generator"
    if getattr(net, "_skl_callbacks", None):
        return "callbacks are set"
    if estimator is net:
        return None
    if getattr(estimator, "transform_input", None) is not None:
        return "the pipeline has transform_input"
    for name, step in estimator.steps[:-1]:
        if getattr(step, "_skl_callbacks", None):
            return "callbacks are set"
        if isinstance(step, BaseEstimator):
            for parameter, value in step.get_params().items():
                # A TargetEncoder's is 'deprecated' and as random as None.
                if parameter.endswith("random_state") and (value is None or value == "deprecated"):
                    return f"{name}__{parameter} is {value}: no two fits of that step are alike"
    return None


def configured(base: Any, candidate: Candidate) -> Any:
    """Clone of an estimator with a candidate's parameters.

    Where these are a net's own, scikit-learn's `clone` and `set_params`, which cost as much as ten
    epochs of a tiny net, would come to the same.
    """
    if net_of(base) is base and candidate.keys() <= base.__dict__.keys():
        net = copy.copy(base)
        for name, value in candidate.items():
            setattr(net, name, clone(value, safe=False))
        return net
    return clone(base).set_params(**clone(dict(candidate), safe=False))


@dataclass
class Setting:
    """A candidate's estimator, configured and checked."""

    estimator: Any  # the net alone, or a Pipeline that ends in it
    net: Any
    preparation: Hashable  # equal for settings that prepare the samples alike
    cache: Cache
    target: int = 0  # epochs to come to
    error: str | None = None  # traceback: it cannot be trained
    obstacle: str | None = None  # why another evaluator must do it


def samples_of(given: Given, rows: NDArray[np.int32]) -> tuple[Any, Any]:
    """Rows as the caller's `fit` would see them."""
    return _safe_indexing(given.X, rows), _safe_indexing(given.y, rows)


class Preparation:
    """One fold, prepared by the steps before the net: fitted on its training rows alone.

    Parameters
    ----------
    setting : Setting
        Whose steps they are.
    split : Split
        The fold.
    given : Given
        All samples and targets in the caller's containers, and the arguments of the net's `fit`.
    shared : SharedData or None
        All samples as the net takes them, where there are no steps before it.
    scoring : Scoring
        What will be computed.
    """

    def __init__(
        self,
        setting: Setting,
        split: Split,
        given: Given,
        shared: SharedData | None,
        scoring: Scoring,
    ) -> None:
        self.split = split
        self.steps: Any = None  # fitted; None without steps
        # Rows of the dataset.
        self.train, self.test, self.validation = split.train, split.test, split.validation
        self.exact_train = True  # the training rows are as `transform` would make them
        self._given = given
        self._scoring = scoring
        self._folds: dict[int, Fold] = {}
        self._truths: dict[tuple[int, bool], Truth] = {}
        if shared is not None:
            self.shared = shared
            return
        self.steps = clone(setting.estimator[:-1])
        self.shared = SharedData(setting.net, self._transform(split))

    def _transform(self, split: Split) -> Given:
        """Fit the steps, and put together what they make of the fold's rows."""
        parts = [split.train, split.test]
        if split.validation is not None and split.validation is not split.test:
            parts.append(split.validation)
        (X, y), *others = [samples_of(self._given, rows) for rows in parts]
        samples = [self.steps.fit_transform(X, y)]
        samples += [_transformed(self.steps, X_other) for X_other, _ in others]
        if self._scoring.of_training_rows:
            self.exact_train = _same_samples(samples[0], _transformed(self.steps, X))
        ends = np.cumsum([len(rows) for rows in parts])
        places = np.split(np.arange(ends[-1], dtype=np.int32), ends[:-1])
        self.train, self.test = places[:2]
        self.validation = None if split.validation is None else places[-1]
        given = replace(
            self._given,
            X=_stacked(samples),
            y=_stacked([np.asarray(y), *(np.asarray(y_other) for _, y_other in others)]),
        )
        if given.sample_weight is not None:
            weight = np.asarray(given.sample_weight)
            given = replace(given, sample_weight=weight[np.concatenate(parts)])
        return given

    @property
    def own_bytes(self) -> int:
        """Memory of the samples that the steps made."""
        return 0 if self.steps is None else self.shared.n_bytes

    def fold(self, net: Any) -> Fold:
        """Samples and targets for a net of this precision."""
        checked = self.shared.of(net)
        if id(checked) not in self._folds:
            self._folds[id(checked)] = checked.fold(self.train, self.validation)
        return self._folds[id(checked)]

    def truth(self, net: Any, *, training: bool) -> Truth:
        """What the test rows, or the training rows, are scored against."""
        fold = self.fold(net)
        key = id(fold), training
        if key not in self._truths:
            rows = self.split.train if training else self.split.test
            if fold.targets.kind == "regression":
                # In the caller's container, whose dtype and layout decide a sum's last bits.
                y = samples_of(self._given, rows)[1]
            else:
                y = fold.shared.y[self.train if training else self.test]
            self._truths[key] = Truth(
                y,
                kind=fold.targets.kind,
                classes=fold.attributes.get("classes_"),
                sample_weight=self._scoring.weight(rows),
            )
        return self._truths[key]


def _transformed(steps: Pipeline, X: Any) -> Any:
    """What the last step of a pipeline would get from fitted ones before it.

    A pipeline of transformers alone refuses where the last of them has no fitted attributes.
    """
    for _, step in steps.steps:
        if step is not None and step != "passthrough":
            X = step.transform(X)
    return X


def _same_samples(a: Any, b: Any) -> bool:
    if sp.issparse(a) or sp.issparse(b):
        return type(a) is type(b) and a.shape == b.shape and (a != b).nnz == 0
    return np.array_equal(np.asarray(a), np.asarray(b), equal_nan=True)


def _stacked(parts: list[Any]) -> Any:
    """Rows of the first part, then those of the others, in the container of the first."""
    first, *others = parts
    if sp.issparse(first):
        stacked: Any = sp.vstack
        return stacked(parts, format="csr")
    if hasattr(first, "iloc"):
        import pandas as pd

        return pd.concat(parts, ignore_index=True)
    first = np.asarray(first)
    # A net of float32 samples predicts in float32, whatever the test rows were.
    dtype = first.dtype if first.dtype.kind == "f" else None
    return np.concatenate([first, *(np.asarray(part, dtype=dtype) for part in others)])


def preparation_of(estimator: Any) -> Hashable:
    """Equal for pipelines whose steps before the net are alike; None for the net alone."""
    if net_of(estimator) is estimator:
        return None
    try:
        return str(joblib.hash(estimator.steps[:-1]))
    except Exception:  # a lambda, say, cannot be pickled
        return object()  # like no other
