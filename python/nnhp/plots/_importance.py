"""ParamImportanceDisplay."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from nnhp.plots import _evaluations
from nnhp.plots._display import ParamDisplay
from nnhp.plots._evaluations import Evaluations
from nnhp.plots._figure import (
    BLUE,
    GREY,
    merged,
    need_matplotlib,
    panels,
    plain,
    quiet,
    score_limits,
)
from nnhp.plots._settings import Column, chosen_columns, columns_of, short_names
from nnhp.search import Study

Floats = NDArray[np.float64]

_N_TREES = 100
_N_REPEATS = 10
_ENOUGH_FOR_CV = 10
_AXIS = {
    "permutation": "Fall of the forest's R² when shuffled",
    "impurity": "Share of the forest's splits",
}


class ParamImportanceDisplay(ParamDisplay):
    """How much each parameter matters for the score, by a random forest that predicts it.

    Make one with :meth:`from_search` or :meth:`from_study`. A scikit-learn forest learns the
    scores from the settings: numbers as they are, other values as one input each, tuples of
    sizes with their length, sum and ends. After halving or Hyperband the rung's resource is an
    input too, so that its effect is not taken for a parameter's. Scores far below all others
    are raised to the rest's lowest, missing ones left out. All is random but for a fixed seed.

    Importances describe the forest, so they are worth as much as it explains: `r2`.

    Parameters
    ----------
    params : sequence of str
        Names of the parameters.

    importances : array-like of shape (n_params,)
        Their importances.

    spreads : array-like of shape (n_params,), default=None
        Standard deviation of each over the shuffles (or trees).

    kind : {'permutation', 'impurity'}, default='permutation'
        What the importances are.

    r2 : float, default=None
        R2 of the forest's predictions of candidates it has not seen.

    resource_name : str, default=None
        The one among `params` that is the resource, and drawn in grey.

    Attributes
    ----------
    ax_ : Axes
        The axes.

    figure_ : Figure
        The figure it is in.

    bars_ : BarContainer
        The bars, from the bottom: the least important parameter first.

    order_ : ndarray of shape (n_params,)
        The parameter of each bar, as an index into `params`.

    See Also
    --------
    ParamSliceDisplay : In which way a parameter matters.

    Examples
    --------
    >>> from nnhp.plots import ParamImportanceDisplay
    >>> display = ParamImportanceDisplay(params=["alpha", "momentum"], importances=[0.1, 0.7])
    >>> [label.get_text() for label in display.plot().ax_.get_yticklabels()]
    ['alpha', 'momentum']
    """

    def __init__(
        self,
        *,
        params: Sequence[str],
        importances: ArrayLike,
        spreads: ArrayLike | None = None,
        kind: str = "permutation",
        r2: float | None = None,
        resource_name: str | None = None,
    ) -> None:
        if kind not in _AXIS:
            raise ValueError(f"kind must be 'permutation' or 'impurity', not {kind!r}.")
        self.params = list(params)
        self.importances = np.asarray(importances, dtype=np.float64)
        self.spreads = None if spreads is None else np.asarray(spreads, dtype=np.float64)
        self.kind = kind
        self.r2 = r2
        self.resource_name = resource_name

    @classmethod
    def from_search(
        cls,
        search: Any,
        *,
        params: str | Sequence[str] | None = None,
        metric: str | None = None,
        kind: str = "permutation",
        random_state: int = 0,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the importances in a fitted search.

        Parameters
        ----------
        search : fitted search
            One of nnhp's or scikit-learn's.

        params : str or sequence of str, default=None
            Names of the parameters to show. None takes all that vary. The forest knows all.

        metric : str, default=None
            Which of several metrics; by default the one that `refit` names.

        kind : {'permutation', 'impurity'}, default='permutation'
            Whether a parameter matters by how much worse the forest predicts with its values
            shuffled among candidates, or by how much its splits decrease the variance.

        random_state : int, default=0
            Seed of the forest and of the shuffles.

        ax : Axes, default=None
            As in :meth:`plot`.

        **kwargs : dict
            Further keywords of :meth:`plot`.

        Returns
        -------
        display : ParamImportanceDisplay
            The display, drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the search is not fitted.
        ValueError
            If fewer than two candidates have a score, a metric must be chosen, or a parameter
            was not searched.
        ImportError
            If matplotlib is absent.
        """
        need_matplotlib(f"{cls.__name__}.from_search")
        evaluations = _evaluations.of_search(search, metric)
        return cls._of(evaluations, params, kind, random_state).plot(ax, **kwargs)

    @classmethod
    def from_study(
        cls,
        study: str | PathLike[str] | Study,
        *,
        params: str | Sequence[str] | None = None,
        number: Any = None,
        metric: str | None = None,
        kind: str = "permutation",
        random_state: int = 0,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the importances in a study.

        Parameters
        ----------
        study : Study, str or path
            The study, or its file.

        params : str or sequence of str, default=None
            Names of the parameters to show. None takes all that vary. The forest knows all.

        number : int, default=None
            Which of several studies in the file.

        metric : str, default=None
            Which of several metrics.

        kind : {'permutation', 'impurity'}, default='permutation'
            As in :meth:`from_search`.

        random_state : int, default=0
            Seed of the forest and of the shuffles.

        ax : Axes, default=None
            As in :meth:`plot`.

        **kwargs : dict
            Further keywords of :meth:`plot`.

        Returns
        -------
        display : ParamImportanceDisplay
            The display, drawn.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If fewer than two candidates have a score, a study or a metric must be chosen, or a
            parameter was not searched.
        ImportError
            If matplotlib is absent.
        """
        need_matplotlib(f"{cls.__name__}.from_study")
        evaluations = _evaluations.of_study(study, metric, number)
        return cls._of(evaluations, params, kind, random_state).plot(ax, **kwargs)

    @classmethod
    def _of(
        cls,
        evaluations: Evaluations,
        params: str | Sequence[str] | None = None,
        kind: str = "permutation",
        random_state: int = 0,
    ) -> Self:
        evaluations.need_scores(least=2)
        if kind not in _AXIS:
            raise ValueError(f"kind must be 'permutation' or 'impurity', not {kind!r}.")
        scored = np.isfinite(evaluations.scores)
        scores = np.maximum(evaluations.scores[scored], score_limits(evaluations.scores)[0])
        shown = [c.name for c in chosen_columns(evaluations.settings, params)]
        columns = columns_of(evaluations.settings)
        resource_name = None
        if evaluations.resource is not None:
            resource_name = evaluations.resource_name
            columns.append(Column.of(resource_name, list(evaluations.resource)))
            shown.append(resource_name)
        inputs = [column.encoded()[scored] for column in columns]
        means, spreads, r2 = _importances(
            inputs, scores, evaluations.candidate[scored], kind, random_state
        )
        kept = [i for i, column in enumerate(columns) if column.name in shown]
        return cls(
            params=[columns[i].name for i in kept],
            importances=means[kept],
            spreads=spreads[kept],
            kind=kind,
            r2=r2,
            resource_name=resource_name,
        )

    def plot(self, ax: Any = None, *, bar_kw: dict[str, Any] | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : Axes, default=None
            Where; a new figure for None.

        bar_kw : dict, default=None
            Keywords of the bars, as for ``Axes.barh``.

        Returns
        -------
        display : ParamImportanceDisplay
            The display itself.
        """
        need_matplotlib(f"{type(self).__name__}.plot")
        from matplotlib.patches import Rectangle

        n_params = len(self.params)
        self.figure_, axes = panels(ax, 1, 1, (5.6, 1.4 + 0.36 * n_params))
        self.ax_ = axes[0, 0]
        self.order_ = np.argsort(self.importances, kind="stable")
        values = self.importances[self.order_]
        names = short_names(self.params)
        colours = [GREY if self.params[i] == self.resource_name else BLUE for i in self.order_]
        self.bars_ = self.ax_.barh(
            range(n_params), values, **merged({"color": colours, "height": 0.66}, bar_kw, Rectangle)
        )
        reach = values.copy()
        if self.spreads is not None:
            spreads = self.spreads[self.order_]
            self.ax_.errorbar(values, range(n_params), xerr=spreads, fmt="none", ecolor=GREY)
            reach += spreads
        for height, (value, end) in enumerate(zip(values, reach, strict=True)):
            self.ax_.annotate(
                f"{value:.2f}",
                (max(end, 0.0), height),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize="small",
            )
        quiet(self.ax_)
        self.ax_.grid(visible=False, axis="y")
        self.ax_.set_yticks(range(n_params), [plain(names[i]) for i in self.order_])
        self.ax_.tick_params(axis="y", length=0)
        self.ax_.set_xlim(min(0.0, float(values.min())), 1.15 * (float(reach.max()) or 1.0))
        explained = ""
        if self.r2 is not None:
            explained = f"\n(R² on unseen candidates: {self.r2:.2f})"
        self.ax_.set_xlabel(_AXIS[self.kind] + explained)
        return self


def _importances(
    inputs: list[Floats], scores: Floats, candidate: NDArray[np.intp], kind: str, seed: int
) -> tuple[Floats, Floats, float | None]:
    """Return importances and their spreads per parameter, and the R2 of the forest."""
    # The forest sees a parameter's inputs, the shuffling whole parameters: as row numbers.
    rows = np.tile(np.arange(len(scores))[:, None], len(inputs))

    def encode(rows: NDArray[np.intp]) -> Floats:
        return np.hstack([block[rows[:, i]] for i, block in enumerate(inputs)])

    forest = RandomForestRegressor(_N_TREES, random_state=seed)
    model = make_pipeline(FunctionTransformer(encode), forest)
    r2 = None
    if len(np.unique(candidate)) >= _ENOUGH_FOR_CV and np.ptp(scores) > 0:
        folds = GroupKFold(5, shuffle=True, random_state=seed)
        unseen = cross_val_predict(model, rows, scores, groups=candidate, cv=folds)
        r2 = float(r2_score(scores, unseen))
    model.fit(rows, scores)
    if kind == "permutation":
        shuffled = permutation_importance(
            model, rows, scores, n_repeats=_N_REPEATS, random_state=seed
        )
        return shuffled.importances_mean, shuffled.importances_std, r2
    by_tree = np.array([tree.feature_importances_ for tree in forest.estimators_])
    first = np.cumsum([0, *(block.shape[1] for block in inputs[:-1])])
    by_param = np.add.reduceat(by_tree, first, axis=1)
    return by_param.mean(axis=0), by_param.std(axis=0), r2
