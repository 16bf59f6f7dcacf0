"""solver='lbfgs': SciPy's L-BFGS-B on the engine's loss and gradient over all samples."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.optimize import _check_optimize_result

from nnhp import _core, _threads
from nnhp._caller import stacklevel
from nnhp.estimators import _losses, _params, _weights
from nnhp.estimators._callbacks import FitCallbacks
from nnhp.estimators._data import TrainingData
from nnhp.estimators._fitted import shape_attributes, without_parameters
from nnhp.estimators._interrupt import called_directly
from nnhp.estimators._training import NONFINITE, Net, initial_parameters

if TYPE_CHECKING:
    from nnhp.estimators._base import BaseMLP

_FLOAT64 = np.dtype(np.float64)
# What SciPy keeps beside the parameters: 10 pairs of corrections and some vectors of its own.
_COPIES = 28


class LbfgsFit:
    """One full-batch fit.

    Parameters
    ----------
    estimator : BaseMLP
        Source of the parameters; never changed.
    data : TrainingData
        What to fit, in float64 whatever the net's dtype: the line search tells apart losses that
        float32 would round to the same number.
    previous : mapping or None
        Fitted attributes to start from.
    callbacks : FitCallbacks or None
        Told about each iteration.
    """

    def __init__(
        self,
        estimator: BaseMLP,
        data: TrainingData,
        previous: Mapping[str, Any] | None,
        callbacks: FitCallbacks | None,
    ) -> None:
        self._estimator = estimator
        self._data = data
        self._callbacks = callbacks
        self._net = Net(estimator, data, _COPIES, _FLOAT64)
        start = initial_parameters(
            estimator, self._net, data, previous, check_random_state(estimator.random_state)
        )
        # The last iterate that was accepted, for Ctrl-C and callbacks.
        self._x: NDArray[np.float64] = start.astype(np.float64)
        self._loss = float("nan")
        self._n_iter = 0
        # To go back to: the best of them and its number, or else the fit before.
        self._best: tuple[float, int, NDArray[np.float64]] | None = None
        self._previous = previous if estimator.on_divergence == "restore_best" else None
        self._leaves_previous = False
        self._samples_seen = int((previous or {}).get("t_", 0))
        # The line search needs the value whose gradient it gets.
        loss, followed = self._net.loss, _losses.followed(self._net.loss)
        self._objective = self._objective_of(followed)
        several = data.train.targets.n_outputs > 1 and followed != loss
        self._objective_to_tell = self._objective_of(loss) if several else None

    def run(self) -> bool:
        """Iterate to convergence or a limit; return whether Ctrl-C cut it short."""
        interrupted = False
        try:
            # SciPy's own vector operations are too short for BLAS threads to pay.
            with _threads.one_blas_thread():
                result = self._minimize()
        except KeyboardInterrupt:
            from_callback = self._callbacks is not None and self._callbacks.raised
            if self._n_iter == 0 or from_callback or not called_directly():
                raise
            interrupted = True
        else:
            self._x, self._loss = result.x, float(result.fun)
            self._n_iter = int(_check_optimize_result("lbfgs", result, self._estimator.max_iter))
        self._check_finite()
        if self._callbacks is not None:
            self._callbacks.end(self.publish)
        return interrupted

    def publish(self) -> dict[str, Any]:
        """All fitted attributes, as if the fit had ended at the present iterate."""
        if self._leaves_previous and self._previous is not None:
            return without_parameters(self._estimator, self._previous)
        return {
            **self._data.attributes,
            **shape_attributes(self._net.sizes, self._net.output_activation),
            **self._rounded(),
            "loss_": self._published_loss(),
            "n_iter_": self._n_iter,
            "t_": self._samples_seen,
        }

    def _objective_of(self, loss: dict[str, Any]) -> _core.Objective:
        spec = _params.train_spec(
            self._estimator,
            loss=loss,
            batch_size=self._data.train.dataset.n_samples,
            max_epochs=_params.max_epochs_of(self._estimator),
        )
        return _core.Objective(self._net.spec, spec, self._data.training_set)

    def _published_loss(self) -> float:
        """Loss of the present iterate as the other solvers tell it."""
        told = self._objective_to_tell
        return self._loss if told is None else float(told(self._x)[0])

    def _minimize(self) -> Any:
        minimizer: Any = minimize  # its stubs do not know of a function that returns both
        return minimizer(
            self._objective,
            self._x,
            method="L-BFGS-B",
            jac=True,
            callback=self._accept,
            options={
                "maxfun": self._estimator.max_fun,
                "maxiter": self._estimator.max_iter,
                "gtol": self._estimator.tol,
            },
        )

    def _accept(self, intermediate_result: OptimizeResult) -> None:
        self._x = intermediate_result.x.copy()
        self._loss = float(intermediate_result.fun)
        self._n_iter += 1
        self._keep_if_best()
        if self._estimator.verbose:
            print(f"Iteration {self._n_iter}, loss = {self._published_loss():.8f}")
        if self._callbacks is None:
            return
        self._callbacks.begin_step()
        if self._callbacks.end_step(self.publish):
            raise ValueError(
                "A callback asked to stop the fit, which solver='lbfgs' does not support: choose "
                "solver='adam' or solver='sgd', or limit max_iter."
            )

    def _keep_if_best(self) -> None:
        if self._estimator.on_divergence != "restore_best" or not np.isfinite(self._loss):
            return
        if self._best is not None and not self._loss < self._best[0]:
            return
        if _weights.first_nonfinite_layer(self._rounded()) < 0:
            self._best = self._loss, self._n_iter, self._x

    def _check_finite(self) -> None:
        layer = _weights.first_nonfinite_layer(self._rounded())
        if layer < 0 and np.isfinite(self._loss):
            return
        what = "The loss" if layer < 0 else f"Layer {layer + 1}"
        where = f"{what} became non-finite in iteration {self._n_iter}."
        if self._best is not None:
            self._loss, self._n_iter, self._x = self._best
            kept = f"The weights of iteration {self._n_iter}, the best before, are restored."
        elif self._previous is not None:
            self._leaves_previous = True
            kept = "The weights of the fit before are kept."
        else:
            raise ValueError(f"{NONFINITE} {where}")
        message = f"The training diverged: {where} {kept}"
        warnings.warn(message, ConvergenceWarning, stacklevel=stacklevel())

    def _rounded(self) -> dict[str, Any]:
        with np.errstate(over="ignore"):
            parameters = self._x.astype(self._data.dtype, copy=False)
        return _weights.unpack(parameters, self._net.spec)
