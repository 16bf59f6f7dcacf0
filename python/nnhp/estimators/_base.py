"""What `MLPClassifier` and `MLPRegressor` share: the way of a fit, and raw outputs."""

from __future__ import annotations

import os
import threading
import warnings
from contextlib import nullcontext
from functools import cache
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin
from sklearn.utils.validation import check_is_fitted

from nnhp import _core, _threads
from nnhp.estimators import _epochs, _params, _weights
from nnhp.estimators._callbacks import callbacks_of
from nnhp.estimators._data import Given, check_X, prepare
from nnhp.estimators._fitted import publish
from nnhp.estimators._lbfgs import LbfgsFit
from nnhp.estimators._training import Training

SparseMatrix: TypeAlias = Any  # any of SciPy's formats, matrix or array

# Multiplications of a prediction that no second thread would make shorter.
_FEW_PRODUCTS = 50_000

# Kept outside of the estimators, so that these can be copied and pickled.
_partial_fit_locks: WeakKeyDictionary[BaseMLP, threading.Lock] = WeakKeyDictionary()
# A lock that another thread held would stay held in a child of fork().
os.register_at_fork(after_in_child=_partial_fit_locks.clear)


def has_partial_fit(estimator: BaseMLP) -> bool:
    """Whether the solver goes by epochs; raises AttributeError, which hides the method, if not."""
    if estimator.solver not in _params.STOCHASTIC_SOLVERS:
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{estimator.solver} is not stochastic."
        )
    return True


class BaseMLP(CallbackSupportMixin, BaseEstimator):
    """Parameters, `fit`, `partial_fit` and the forward pass of both estimators."""

    hidden_layer_sizes: Any
    activation: Any
    solver: str
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
    input_dropout: float
    l1_ratio: float
    class_weight: Any
    num_layers: int | None
    scoring: Any
    dtype: str
    n_jobs: int | None
    loss: str

    out_activation_: str

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
                warnings.warn(_epochs.INTERRUPTED, stacklevel=4)  # the caller of fit

    def _turn(self) -> threading.Lock:
        return _partial_fit_locks.setdefault(self, threading.Lock())

    def _outputs(self, X: Any) -> tuple[NDArray[Any], dict[str, Any]]:
        """Activated outputs of the net, (n_samples, n_outputs), in the net's dtype.

        Beside them the fitted attributes they come from, for those of a later fit in another
        thread may not go with them.
        """
        check_is_fitted(self)
        fitted = self.__dict__.copy()
        coefs = fitted["coefs_"]
        dtype = _weights.dtype_of(fitted)
        rows = check_X(self, X, dtype)
        units = [int(np.shape(weights)[1]) for weights in coefs]
        net = _core.NetSpec(
            n_inputs=int(np.shape(coefs[0])[0]),
            hidden=[
                (size, name, 0.0)
                for size, name in zip(
                    units[:-1], _params.hidden_activations(self, len(units) - 1), strict=True
                )
            ],
            n_outputs=units[-1],
            output_activation=fitted["out_activation_"],
            dtype=dtype.name,
        )
        parameters = _weights.packed(fitted, [int(np.shape(coefs[0])[0]), *units], dtype)
        n_rows = len(rows) if isinstance(rows, np.ndarray) else len(rows[2]) - 1
        few = n_rows * parameters.size < _FEW_PRODUCTS
        threads = 1 if few else _threads.resolve(self.n_jobs)
        return _core.predict(net, parameters, rows, threads), fitted

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
