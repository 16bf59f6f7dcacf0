"""What a fitted net tells the displays: its layers, its features and the steps before it."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from nnhp.activations import Activation
from nnhp.estimators import MLPClassifier, MLPRegressor
from nnhp.estimators._hidden import hidden_activations
from nnhp.estimators._losses import quantiles_of
from nnhp.plots._settings import label
from nnhp.search import FoldEnsemble

_WANTED = (
    "estimator must be a fitted MLPClassifier or MLPRegressor, a Pipeline that ends in one, or a "
    "search that found one"
)


@dataclass(frozen=True)
class FittedNet:
    """A fitted net, and the fitted steps that its samples go through before it.

    Attributes
    ----------
    net : MLPClassifier or MLPRegressor
        The net.

    before : list of Pipeline
        Steps to go through in this order; empty where the net takes the samples as they are.
    """

    net: Any
    before: list[Pipeline]

    @classmethod
    def of(cls, estimator: Any) -> FittedNet:
        """Find the net in an estimator, a Pipeline or a search.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        TypeError
            If there is no net, or there are several.
        """
        before = []
        inner = estimator
        while not isinstance(inner, MLPClassifier | MLPRegressor):
            if not hasattr(inner, "fit"):
                raise TypeError(f"{_WANTED}; got {type(inner).__name__}.")
            check_is_fitted(inner)
            if isinstance(inner, FoldEnsemble):
                raise TypeError(f"{_WANTED}; a FoldEnsemble has several: give one of `estimators`.")
            if isinstance(inner, Pipeline):
                if len(inner.steps) > 1:
                    before.append(inner[:-1])
                inner = inner.steps[-1][1]
            elif hasattr(inner, "best_estimator_"):
                inner = inner.best_estimator_
            else:
                raise TypeError(f"{_WANTED}; got {type(inner).__name__}.")
        check_is_fitted(inner)
        return cls(inner, before)

    @property
    def n_layers(self) -> int:
        """Layers of weights: the hidden ones and the output layer."""
        return len(self.net.coefs_)

    @property
    def activations(self) -> list[str | Activation]:
        """The activation of each layer: its name, or the object of one with parameters."""
        return [*hidden_activations(self.net, self.n_layers - 1), self.net.out_activation_]

    @property
    def pieces(self) -> list[int]:
        """Columns of weights of each unit, layer by layer: several with maxout."""
        return [
            given.n_pieces if isinstance(given, Activation) else 1 for given in self.activations
        ]

    @property
    def layer_names(self) -> list[str]:
        """What each layer is called in a picture."""
        n_hidden = self.n_layers - 1
        hidden = [
            f"Hidden layer {i + 1}" if n_hidden > 1 else "Hidden layer" for i in range(n_hidden)
        ]
        return [*hidden, "Output layer"]

    @property
    def feature_names(self) -> list[str]:
        """Names of the net's inputs, which earlier steps may have made; 'x0', 'x1', ... if none."""
        names = getattr(self.net, "feature_names_in_", None)
        if names is None:
            for steps in self.before:
                try:
                    names = steps.get_feature_names_out(names)
                except (AttributeError, ValueError):  # of a step that does not name what it makes
                    names = None
        if names is None:
            names = [f"x{i}" for i in range(self.net.n_features_in_)]
        return [str(name) for name in names]

    @property
    def output_names(self) -> list[str]:
        """What each output of the net stands for: a class, a quantile, or its number."""
        n_outputs = self.net.n_outputs_
        levels = quantiles_of(self.net.loss)
        if levels is not None:
            return [f"quantile {level:g}" for level in levels]
        if is_classifier(self.net):
            classes = self.net.classes_
            if n_outputs == 1:
                return [label(classes[-1])]
            if len(classes) == n_outputs:
                return [label(name) for name in classes]
        return [str(i) for i in range(n_outputs)]

    @property
    def output_kind(self) -> str:
        """'probability' or 'decision' (numbers whose sign decides) of a classifier; or 'value'."""
        if not is_classifier(self.net):
            return "value"
        is_sure = self.net.out_activation_ in ("logistic", "softmax")
        return "probability" if is_sure else "decision"

    def targets(self, y: ArrayLike, n_samples: int) -> NDArray[np.float64]:
        """Return targets as one column per output: numbers, or 1 for its class and else 0.

        Raises
        ------
        ValueError
            If y has another shape, or holds classes that the net does not know.
        """
        given = np.asarray(y)
        if given.ndim == 0:
            raise TypeError(f"y must be an array of targets, got {y!r}.")
        if len(given) != n_samples:
            raise ValueError(f"y must have one entry per sample ({n_samples}), got {len(given)}.")
        if not is_classifier(self.net):
            targets = given.astype(np.float64).reshape(n_samples, -1)
            if targets.shape[1] == 1:  # as for several quantiles of one target
                targets = np.repeat(targets, self.net.n_outputs_, axis=1)
        elif given.size > n_samples:
            targets = (given != 0).astype(np.float64)
        else:
            labels, classes = given.reshape(n_samples), self.net.classes_
            unknown = sorted(set(labels.tolist()) - set(classes.tolist()), key=str)
            if unknown:
                raise ValueError(f"y has {unknown}, but the net knows {classes.tolist()}.")
            shown = classes[-1:] if self.net.n_outputs_ == 1 else classes
            targets = (labels[:, np.newaxis] == shown).astype(np.float64)
        if targets.shape[1] != self.net.n_outputs_:
            raise ValueError(f"y must have {self.net.n_outputs_} columns, got {targets.shape[1]}.")
        return targets

    def layer_outputs(self, X: Any) -> list[NDArray[Any]]:
        """Return the outputs of each layer for samples as the whole estimator takes them."""
        for steps in self.before:
            X = steps.transform(X)
        outputs: list[NDArray[Any]] = self.net.layer_outputs(X)
        return outputs


def named_nets(estimators: Any) -> Iterator[tuple[str, FittedNet]]:
    """Yield name and net of each of several estimators; of one alone, whose name is ''."""
    for name, estimator in _named(estimators):
        inner = getattr(estimator, "best_estimator_", estimator)
        if isinstance(inner, FoldEnsemble):
            for fold, of_fold in enumerate(inner.estimators):
                yield f"{name}, fold {fold}".removeprefix(", "), FittedNet.of(of_fold)
            continue
        try:
            yield name, FittedNet.of(estimator)
        except TypeError as error:
            raise TypeError(f"Among estimators: {error}") from error


def _named(estimators: Any) -> list[tuple[str, Any]]:
    if isinstance(estimators, Mapping):
        named = [(str(name), estimator) for name, estimator in estimators.items()]
    elif isinstance(estimators, list | tuple):
        named = [(f"net {i}", estimator) for i, estimator in enumerate(estimators)]
    else:
        return [("", estimators)]
    if not named:
        raise ValueError("estimators must hold at least one fitted estimator, got none.")
    return named


def chosen_layers(layers: int | Sequence[int] | None, n_layers: int) -> list[int]:
    """Return indices of layers from 0 on: those asked for, all for None.

    Raises
    ------
    ValueError
        If there is no such layer.
    TypeError
        If it is no number.
    """
    if layers is None:
        return list(range(n_layers))
    try:
        chosen = [
            operator.index(layer) for layer in np.atleast_1d(np.asarray(layers, dtype=object))
        ]
    except TypeError:
        raise TypeError(
            f"layers must be None, an int or a sequence of int, got {layers!r}."
        ) from None
    if not chosen or any(not -n_layers <= layer < n_layers for layer in chosen):
        raise ValueError(
            f"layers must be among 0 to {n_layers - 1} (the output layer, also -1), got {layers!r}."
        )
    return [layer % n_layers for layer in chosen]
