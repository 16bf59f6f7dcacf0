"""What `MLPClassifier` and `MLPRegressor` share: the ways of a fit and of a prediction."""

from __future__ import annotations

import copy
import os
import threading
import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import cache
from typing import Any, Self, TypeAlias
from weakref import WeakKeyDictionary

from numpy.typing import NDArray
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin
from sklearn.utils.validation import check_is_fitted

from nnhp._caller import stacklevel
from nnhp._component import no_object
from nnhp._doc_link import DocLink
from nnhp.estimators import _epochs, _initial, _params
from nnhp.estimators._callbacks import callbacks_of, check_callbacks
from nnhp.estimators._compiled import CompiledPredictor, NotFiniteError, compile_method
from nnhp.estimators._data import Given, check_X, engine_X, passes_but_for_values, prepare
from nnhp.estimators._exportable import Exportable
from nnhp.estimators._fitted import publish
from nnhp.estimators._layer_outputs import layer_outputs
from nnhp.estimators._lbfgs import LbfgsFit
from nnhp.estimators._optimizers import solver_name
from nnhp.estimators._training import Training
from nnhp.optimizers import Optimizer

SparseMatrix: TypeAlias = Any  # any of SciPy's formats, matrix or array

# Kept outside of the estimators, so that these can be copied and pickled.
_partial_fit_locks: WeakKeyDictionary[BaseMLP, threading.Lock] = WeakKeyDictionary()
# A lock that another thread held would stay held in a child of fork().
os.register_at_fork(after_in_child=_partial_fit_locks.clear)


def has_partial_fit(estimator: BaseMLP) -> bool:
    """Whether the solver goes by epochs; raises AttributeError, which hides the method, if not."""
    solver = solver_name(estimator)
    if solver not in _params.STOCHASTIC_SOLVERS:
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {solver} is not stochastic."
        )
    return True


class BaseMLP(Exportable, DocLink, CallbackSupportMixin, BaseEstimator):
    """Parameters, `fit`, `partial_fit` and the forward pass of both estimators."""

    hidden_layer_sizes: Any
    activation: Any
    solver: str | Optimizer
    alpha: float
    batch_size: Any
    learning_rate: Any
    learning_rate_init: float
    power_t: float
    max_iter: int
    shuffle: bool
    random_state: Any
    tol: float
    verbose: Any
    warm_start: bool
    momentum: float
    nesterovs_momentum: bool
    early_stopping: bool
    validation_fraction: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float
    max_fun: int
    dropout: Any
    dropout_kind: str
    input_dropout: float
    l1_ratio: float
    label_smoothing: float
    weight_decay: float | None
    clipnorm: float | None
    clipvalue: float | None
    ema_momentum: float | None
    max_norm: float | None
    kernel_initializer: Any
    bias_initializer: Any
    frozen_layers: Sequence[int]
    normalization: str | None
    input_noise: float
    activation_noise: float
    weight_noise: float
    noisy_copies: int
    mixup_alpha: float
    cutmix_alpha: float
    class_weight: Any
    num_layers: int | None
    scoring: Any
    dtype: str
    on_divergence: str
    n_jobs: int | None
    loss: Any

    out_activation_: str

    @property
    def _answers(self) -> Mapping[str, str]:
        """What each method makes of outputs."""
        raise NotImplementedError

    def _fit(self, given: Given) -> None:
        """Train and publish; the fitted attributes change in one step at the end, or not at all."""
        # Calls of partial_fit wait for each other, for each goes on where the one before ended.
        with self._turn() if given.incremental else nullcontext():
            given.check_validation()
            _params.check_combination(
                self, incremental=given.incremental, has_validation=given.X_val is not None
            )
            fitted = self.__dict__.copy()
            continues = "coefs_" in fitted and (self.warm_start or given.incremental)
            previous = fitted if continues else None
            callbacks = None if given.incremental else callbacks_of(self, given)
            data = prepare(self, given, previous)
            if self.solver == "lbfgs":
                lbfgs = LbfgsFit(self, data, previous, callbacks)
                interrupted = lbfgs.run()
                published = lbfgs.publish()
            else:
                training = Training(self, data, previous, incremental=given.incremental)
                interrupted = _epochs.run(self, training, callbacks, incremental=given.incremental)
                published = training.publish()
            publish(self, published)
            if interrupted:
                warnings.warn(_epochs.INTERRUPTED, stacklevel=stacklevel())

    def set_callbacks(self, *callbacks: Any) -> Self:
        """Set what is called in the course of each `fit`.

        Parameters
        ----------
        *callbacks : object
            Of scikit-learn's protocol: each has the methods ``setup``, ``on_fit_task_begin``,
            ``on_fit_task_end`` and ``teardown``. The middle two may ask for ``X``, ``y`` and
            ``metadata``, and ``on_fit_task_end`` for ``fitted_estimator``, by keyword-only
            arguments. None at all takes those away that were set.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        TypeError
            If one of them is no such object, or asks by an argument that is not keyword-only.
        """
        check_callbacks(callbacks)
        estimator: Self = super().set_callbacks(*callbacks)
        return estimator

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters.

        Parameters
        ----------
        deep : bool, default=True
            Also those of objects among them, by ``outer__inner`` names; but not those of a fitted
            network that an initializer copies from, which is a value that stays as it is.

        Returns
        -------
        params : dict of str to object
            The values by name.
        """
        params: dict[str, Any] = super().get_params(deep)
        for option in _initial.OPTIONS if deep else ():
            if _initial.is_fitted_network(params[option]):
                params = {k: v for k, v in params.items() if not k.startswith(f"{option}__")}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters.

        Parameters
        ----------
        **params : dict of str to object
            Values by name; ``outer__inner`` for the parameters of objects among them.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            There is no such parameter, or the outer one is a name instead of an object.
        """
        for name in params:
            outer, _, inner = name.partition("__")
            given = params.get(outer, getattr(self, outer, None))
            if inner and isinstance(given, str):
                raise ValueError(no_object(name, given))
        super().set_params(**params)
        return self

    def __sklearn_clone__(self) -> Any:
        """Clone, but keep the fit of a network that an initializer copies from."""
        cloned = {name: _initial.cloned(getattr(self, name)) for name in _initial.OPTIONS}
        if all(value is None for value in cloned.values()):
            return super().__sklearn_clone__()
        without = copy.copy(self)
        for name in cloned:
            setattr(without, name, None)
        return super(BaseMLP, without).__sklearn_clone__().set_params(**cloned)

    def _turn(self) -> threading.Lock:
        return _partial_fit_locks.setdefault(self, threading.Lock())

    def compiled(self, method: str = "predict") -> CompiledPredictor:
        """Make a callable that does what one method does, without its checks.

        For a single sample nearly all the time of `predict` goes into checks and into copying the
        parameters, which may have been edited. The callable has a copy of its own, and asks of an
        array only its dtype and shape.

        Parameters
        ----------
        method : str, default='predict'
            What to compile: 'predict', or for a classifier 'predict_proba', with the hinge loss
            'decision_function' in its place.

        Returns
        -------
        compiled : CompiledPredictor
            To be called with an array of shape (n_samples, n_features) in the dtype of the net.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If it has no such method to compile.

        Examples
        --------
        >>> from nnhp import MLPClassifier
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> net = MLPClassifier(8, solver="lbfgs", max_iter=500, random_state=0).fit(X, y)
        >>> predict, predict_proba = net.compiled(), net.compiled("predict_proba")
        >>> predict(X[:1])
        array([0])
        >>> predict_proba(X[:1]).shape
        (1, 3)
        """
        return self._compile(method, checks_samples=False)

    def layer_outputs(self, X: Any) -> list[NDArray[Any]]:
        """What each layer puts out: the activations of its units, for given samples.

        Those of the last hidden layer are features that the net has learned; the last entry is
        what `predict` and `predict_proba` are made of.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        outputs : list of ndarray of shape (n_samples, n_units)
            One array per layer in the net's dtype, hidden layers first and the output layer last,
            after the layer's activation and without dropout. Sample by sample the bits are those
            that a prediction goes through.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If X does not have the features that the net was fitted on.

        Examples
        --------
        >>> from nnhp import MLPClassifier
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> net = MLPClassifier((8, 4), solver="lbfgs", max_iter=500, random_state=0).fit(X, y)
        >>> [outputs.shape for outputs in net.layer_outputs(X)]
        [(150, 8), (150, 4), (150, 3)]
        >>> bool((net.layer_outputs(X)[-1] == net.predict_proba(X)).all())
        True
        """
        check_is_fitted(self)
        return layer_outputs(self, X)

    def _compile(self, method: str, *, checks_samples: bool) -> CompiledPredictor:
        check_is_fitted(self)
        if method not in self._answers:
            raise ValueError(f"method must be among {sorted(self._answers)}, got {method!r}.")
        answer = self._answers[method]
        fitted = self.__dict__.copy()
        return compile_method(self, fitted, method, answer, checks_samples=checks_samples)

    def _answer(self, method: str, X: Any) -> NDArray[Any]:
        compiled = self._compile(method, checks_samples=not get_config()["assume_finite"])
        if passes_but_for_values(self, X, compiled.dtype):
            with suppress(NotFiniteError):  # check_X then tells what is wrong
                return compiled._predict(engine_X(X))  # noqa: SLF001
        return compiled._predict(check_X(self, X, compiled.dtype))  # noqa: SLF001

    @classmethod
    @cache
    def _get_param_names(cls) -> list[str]:
        """Names of the parameters: scikit-learn reads the signature at each call, 60 microseconds.

        `clone` and `set_params`, which a search calls for each candidate, ask four times.
        """
        names: list[str] = super()._get_param_names()
        return names

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
