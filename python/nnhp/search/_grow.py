"""Growing a net step by step: wider, then deeper, as long as it gets better."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from nnhp.estimators._hidden import hidden_layers
from nnhp.initializers import Initializer
from nnhp.search._branching import BranchingSearch
from nnhp.search._choice import standard_errors
from nnhp.search._documented import documented
from nnhp.search._engine_fit import ADDED_CONSTRAINTS, EngineSearch
from nnhp.search._outcome import Candidate, Origin
from nnhp.search._prepare import net_of, net_prefixes
from nnhp.search._rungs import metric_of

_GIVEN, _START, _WIDEN, _DEEPEN = "given", "start", "widen", "deepen"
_Sizes = tuple[int, ...]


@documented(decides="how far the net grows")
class GrowSearchCV(BranchingSearch):
    """Let a small net grow, wider, then deeper, until that helps no more.

    The estimator's own net is trained first. Then its units are doubled, as long as the mean
    score rises by more than one standard error; then layers as wide as the last one are added, as
    long as that does. Each step begins with the trained nets of the folds, changed so that they
    compute the same as before [1]_, and trains them on for ``max_iter`` epochs: so nothing that
    was learned is lost, and the result is the smallest of these nets that does as well.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or Pipeline with one of these as its last step
        Its ``hidden_layer_sizes``, of at least one layer, are those of the first net; ``dropout``
        and ``activation`` are the same for all layers. Not with 'lbfgs'.
    max_width : int, default=256
        Most units of a layer.
    max_depth : int, default=4
        Most hidden layers.
    random_state : int, RandomState or None, default=None
        Seed of the nets whose own ``random_state`` is None. With a study, None draws a seed that
        the study keeps.
    {scikit}
    {added}

    Attributes
    ----------
    growth_ : DataFrame
        The nets in their order: ``step`` ('start', 'widen' or 'deepen'; 'given' for settings that
        come first), ``hidden_layer_sizes``, ``mean_test_score``, ``standard_error`` and ``kept``,
        whether growth went on from it.
    {attributes}

    Raises
    ------
    ValueError
        At `fit`, for estimators that the engine cannot train, and for parameters that differ from
        layer to layer.

    Notes
    -----
    The standard error is that of the net grown from: that of the mean of its folds' scores, as in
    :func:`nnhp.search.one_standard_error`.
    `best_index_` is the last net that was kept, or a setting that came first and does better, or
    the net that reached `target_score`.

    A unit that is doubled becomes two with the same incoming weights, which share what goes out;
    the parts are drawn such that the two learn differently. A layer that is added passes on what
    it gets: its weights are the identity. That changes nothing behind 'relu', 'identity', 'prelu'
    and 'maxout'; behind other activations what comes through is bent once more, and with
    ``normalization='layer'`` normalized once more, so that the step begins near the net before
    instead of at it. Normalization by batches changes nothing in predictions, but goes by the
    batch in training. Moments, patience and schedules of the learning rate begin anew in each
    step.

    This looks for a small net, not for the best score. What it chose in the project's benchmarks,
    from a first net of 4 units, had a fourth to a seventeenth of the parameters of the net that a
    random search chose with as many epochs; its log loss was lower on one table of three, and
    higher on digits in every run. Begin with a net that learns something by itself.

    The fit on all samples goes through the same steps; its `loss_curve_` and `n_iter_` are of the
    last one.

    References
    ----------
    .. [1] T. Chen, I. Goodfellow and J. Shlens, "Net2Net: Accelerating Learning via Knowledge
       Transfer", ICLR 2016, arXiv:1511.05641.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from nnhp import GrowSearchCV, MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier((2,), learning_rate_init=0.01, max_iter=300, random_state=0)
    >>> search = GrowSearchCV(net, max_width=8, max_depth=2).fit(X, y)
    >>> search.growth_["step"].iloc[0], search.growth_["step"].iloc[-1]
    ('start', 'deepen')
    >>> bool(search.best_score_ > 0.9)
    True
    """

    _parameter_constraints = {
        **EngineSearch._parameter_constraints,
        **ADDED_CONSTRAINTS,
        "max_width": [Interval(Integral, 1, None, closed="left")],
        "max_depth": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }
    _task_name = "step"

    def __init__(
        self,
        estimator: Any,
        *,
        max_width: int = 256,
        max_depth: int = 4,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        study: Any = None,
        time_budget_s: float | None = None,
        target_score: float | None = None,
        extra_candidates: Any = (),
        prune_folds: str | None = None,
        ensemble: bool = False,
        return_curves: bool = False,
        return_oof: bool = False,
        memory_budget: int | None = None,
        executor: Any = None,
    ) -> None:
        super().__init__(
            estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.max_width = max_width
        self.max_depth = max_depth
        self.random_state = random_state
        self.study = study
        self.time_budget_s = time_budget_s
        self.target_score = target_score
        self.extra_candidates = extra_candidates
        self.prune_folds = prune_folds
        self.ensemble = ensemble
        self.return_curves = return_curves
        self.return_oof = return_oof
        self.memory_budget = memory_budget
        self.executor = executor

    def _check_input_parameters(self, X: Any, y: Any, split_params: Any) -> None:
        super()._check_input_parameters(X, y, split_params)
        net, name = net_of(self.estimator), type(self).__name__
        if net.num_layers is not None:
            raise ValueError(
                f"{name} grows hidden_layer_sizes: num_layers must be None, got {net.num_layers!r}."
            )
        sizes = self._first_sizes()
        if not sizes:
            raise ValueError(f"{name} needs a net with a hidden layer to begin with, got none.")
        if max(sizes) > self.max_width or len(sizes) > self.max_depth:
            raise ValueError(
                f"The first net has hidden_layer_sizes={list(sizes)}, beyond "
                f"max_width={self.max_width} or max_depth={self.max_depth}."
            )
        for option in ("activation", "dropout", "frozen_layers"):
            given: Any = getattr(net, option)
            if not isinstance(given, str) and np.iterable(given) and list(given):
                raise ValueError(
                    f"{name} adds layers: {option} cannot be one by one, got {given!r}."
                )
        for option in ("kernel_initializer", "bias_initializer"):
            given = getattr(net, option)
            if not (given is None or isinstance(given, str | Initializer)):
                raise ValueError(
                    f"{name} adds layers: {option} must be a name or an object of "
                    f"nnhp.initializers, got {given!r}."
                )

    def _first_sizes(self) -> _Sizes:
        return tuple(layer.units for layer in hidden_layers(net_of(self.estimator)))

    def _epochs_go_on(self) -> tuple[str, int] | None:
        return self._epochs_name(), int(net_of(self.estimator).max_iter)

    def _resource_of(self, candidate: Mapping[str, Any]) -> int:
        return 0

    def _groups(self, candidates: Sequence[Candidate]) -> None:
        return None

    def _later_epochs(self) -> int:
        return self._n_later * int(net_of(self.estimator).max_iter)

    def _larger(self, step: str, sizes: _Sizes) -> _Sizes | None:
        """Sizes after a step; None where they would be too large."""
        larger = tuple(2 * n for n in sizes) if step == _WIDEN else (*sizes, sizes[-1])
        small = max(larger) <= self.max_width and len(larger) <= self.max_depth
        return larger if small else None

    def _ways(self, step: str, sizes: _Sizes) -> Iterator[_Sizes]:
        while (larger := self._larger(step, sizes)) is not None:
            yield larger
            sizes = larger

    def _run_search(self, evaluate_candidates: Any, *, callback_ctx: Any = None) -> None:
        self._begin()
        (prefix,) = net_prefixes(self.estimator)
        name = f"{prefix}hidden_layer_sizes"
        sizes = self._first_sizes()
        task = callback_ctx.subcontext(
            task_name="search", max_subtasks=None
        ).call_on_fit_task_begin(estimator=self)

        def train(candidates: list[Candidate], steps: list[str]) -> Mapping[str, Any]:
            self._n_later = len(list(self._ways(_WIDEN, sizes)))
            self._n_later += len(list(self._ways(_DEEPEN, sizes)))
            return self._evaluate_together(candidates, evaluate_candidates, task, {"step": steps})

        first = self._first_candidates()
        self._check_resource_is_free(first)
        given = [self._new_candidate(setting) for setting in first]
        net = self._new_candidate({name: sizes})
        results = train([*given, net], [*[_GIVEN] * len(given), _START])
        for step in (_WIDEN, _DEEPEN):
            while (larger := self._larger(step, sizes)) is not None:
                grown = self._new_candidate({name: larger}, Origin(net, None))
                results = train([grown], [step])
                if not _kept(results, metric_of(self, results))[-1]:
                    break
                net, sizes = grown, larger
        task.call_on_fit_task_end(estimator=self)

    @staticmethod
    def _select_best_index(refit: Any, refit_metric: Any, results: Any) -> int:
        if callable(refit):
            chosen: int = EngineSearch._select_best_index(refit, refit_metric, results)
            return chosen
        steps, kept = np.asarray(results["step"]), _kept(results, refit_metric)
        growing = np.flatnonzero(kept & (steps != _GIVEN))
        rows = [*growing[-1:], *np.flatnonzero(steps == _GIVEN)]
        means = np.nan_to_num(results[f"mean_test_{refit_metric}"][rows], nan=-np.inf)
        return int(rows[int(np.argmax(means))])

    def _publish(self) -> None:
        results = self.cv_results_
        metric = metric_of(self, results)
        (prefix,) = net_prefixes(self.estimator)
        own = self._first_sizes()
        name = f"{prefix}hidden_layer_sizes"
        self.growth_ = pd.DataFrame(
            {
                "step": results["step"],
                "hidden_layer_sizes": [params.get(name, own) for params in results["params"]],
                "mean_test_score": results[f"mean_test_{metric}"],
                "standard_error": _standard_errors(results, metric),
                "kept": _kept(results, metric),
            }
        )
        del self._lineages, self._rows


def _standard_errors(results: Mapping[str, Any], metric: str) -> NDArray[np.float64]:
    n_splits = sum(
        name.startswith("split") and name.endswith(f"_test_{metric}") for name in results
    )
    return standard_errors(np.asarray(results[f"std_test_{metric}"]), n_splits)


def _kept(results: Mapping[str, Any], metric: str) -> NDArray[np.bool_]:
    """Whether growth goes on from each net: the first, and those that are better by enough."""
    means, errors = results[f"mean_test_{metric}"], _standard_errors(results, metric)
    kept = np.zeros(len(means), dtype=bool)
    last: int | None = None
    for row, step in enumerate(results["step"]):
        if step == _START or (
            last is not None and step != _GIVEN and means[row] > means[last] + errors[last]
        ):
            kept[row], last = True, row
    return kept
