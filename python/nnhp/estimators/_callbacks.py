"""scikit-learn's callback protocol around a fit."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnhp.estimators._base import BaseMLP
    from nnhp.estimators._data import Given

Publish = Callable[[], dict[str, Any]]

# Those that get more than estimator and context, and what they get if they ask for it.
_HOOKS = ("on_fit_task_begin", "on_fit_task_end")
_ASKED_FOR = ("X", "y", "metadata", "fitted_estimator")
_METHODS = ("setup", "on_fit_task_begin", "on_fit_task_end", "teardown")


def check_callbacks(callbacks: Iterable[Any]) -> None:
    """Raise TypeError where one is no callback of scikit-learn's protocol."""
    for callback in callbacks:
        if isinstance(callback, type):
            raise TypeError(f"callbacks must be objects, got the class {callback.__name__}.")
        missing = [name for name in _METHODS if not callable(getattr(callback, name, None))]
        if not missing:
            _check_hooks(callback)
            continue
        instead = ""
        if hasattr(callback, "on_epoch_end"):
            instead = (
                ": it is one of Keras's kind, which nnhp.Sequential takes; estimators have "
                "early_stopping and learning_rate"
            )
        raise TypeError(
            f"callbacks must have the methods {', '.join(_METHODS)}; {callback!r} lacks "
            f"{', '.join(missing)}{instead}."
        )


def _check_hooks(callback: Any) -> None:
    """Raise TypeError where something is asked for that only keyword-only arguments get."""
    for hook in _HOOKS:
        parameters = [*inspect.signature(getattr(callback, hook)).parameters.values()]
        in_place = [p.name for p in parameters[2:] if p.kind is not p.KEYWORD_ONLY]
        for name in _ASKED_FOR:
            if name in in_place:
                raise TypeError(
                    f"callbacks get {name} by keyword alone: {hook} of {callback!r} must have it "
                    f"after a *, as in {hook}(self, estimator, context, *, {name}=None)."
                )


class FitCallbacks:
    """The callbacks of one fit; knows nothing of how the epochs (or iterations) are done.

    Parameters
    ----------
    estimator : BaseMLP
        Whose callbacks they are.
    given : Given
        Arguments of the fit, which callbacks see as the caller gave them.
    max_tasks : int or None
        Greatest number of epochs; None if there is no such number.
    task_name : str
        What one step is called.
    """

    def __init__(
        self, estimator: BaseMLP, given: Given, *, max_tasks: int | None, task_name: str
    ) -> None:
        self._estimator = estimator
        self._task_name = task_name
        metadata = {} if given.sample_weight is None else {"sample_weight": given.sample_weight}
        self._seen = {"estimator": estimator, "X": given.X, "y": given.y, "metadata": metadata}
        # The protocol's own name: scikit-learn documents it for estimators.
        self._fit = estimator._init_callback_context(max_subtasks=max_tasks)  # noqa: SLF001
        self._fit.call_on_fit_task_begin(**self._seen)
        self._step: Any = None
        self._calling = False

    @property
    def raised(self) -> bool:
        """Whether the exception that is on its way comes from a callback."""
        return self._calling

    def begin_step(self) -> None:
        """Announce an epoch."""
        self._step = self._fit.subcontext(task_name=self._task_name)
        self._calling = True
        self._step.call_on_fit_task_begin(**self._seen)
        self._calling = False

    def end_step(self, publish: Publish) -> bool:
        """Announce the end of an epoch; True if a callback wants to stop."""
        self._calling = True
        stops = self._step.call_on_fit_task_end(
            **self._seen, reconstruction_attributes=self._complete(publish)
        )
        self._calling = False
        return bool(stops)

    def end(self, publish: Publish) -> None:
        """Announce the end of the fit."""
        self._fit.call_on_fit_task_end(
            **self._seen, reconstruction_attributes=self._complete(publish)
        )

    def _complete(self, publish: Publish) -> Publish:
        """Also mask the feature names of an earlier fit, which the snapshot would inherit."""
        return lambda: {"feature_names_in_": None, **publish()}


def callbacks_of(estimator: BaseMLP, given: Given) -> FitCallbacks | None:
    """Start the callbacks of a fit; None if the estimator has none."""
    if not estimator.__dict__.get("_skl_callbacks"):
        return None
    if estimator.solver == "lbfgs":
        return FitCallbacks(estimator, given, max_tasks=None, task_name="iteration")
    return FitCallbacks(estimator, given, max_tasks=int(estimator.max_iter), task_name="epoch")
