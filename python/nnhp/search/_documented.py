"""Docstrings of the searches: what they share is written once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

_Class = TypeVar("_Class", bound=type)

_SCIKIT = """{scoring}
n_jobs : int, default=None
    Threads of the engine: None is all that the process may use, but 1 inside of a joblib worker.
    Estimators that take scikit-learn's way use joblib with it, as there. No result depends on it.
{refit}
cv : int, splitter or iterable, default=None
    As in scikit-learn; None is 5 folds, stratified for classifiers.
verbose : int, default=0
    From 1 on, a progress bar: epochs done of those planned, and the best score so far.
error_score : 'raise' or float, default=np.nan
    Score of a fold whose fit fails.
return_train_score : bool, default={train_score}
    Whether `cv_results_` has the scores of the training rows."""

_SCORING = """scoring : str, callable, list, tuple or dict, default=None
    As in scikit-learn: what candidates are judged by; several scorers need `refit` to name one."""

_REFIT = """refit : bool, str or callable, default=True
    Whether to fit the best candidate on all samples; or which scorer tells the best; or a
    function of `cv_results_` that returns its index, as :func:`nnhp.search.one_standard_error`."""

_ONE_SCORING = """scoring : str, callable or None, default=None
    As in scikit-learn: what candidates are judged by, which is one score."""

_ONE_REFIT = """refit : bool or callable, default=True
    Whether to fit the best candidate on all samples; or a function of `cv_results_` that returns
    its index, as :func:`nnhp.search.one_standard_error`."""

_FIRST_SCORER = """
    With several scorers, none of which `refit` names, the first decides
    {decides}."""

_DISPATCH = """pre_dispatch : int or str, default='2*n_jobs'
    As in scikit-learn, for estimators that take its way."""

_ADDED = """study : str, path or Study, default=None
    File that records the search. A search that was killed and is started again with the same
    settings and data goes on from there, to the same results.
time_budget_s : float, default=None
    Seconds after which no further candidate is begun; at least one is finished. What the
    results hold then depends on the machine.
target_score : float, default=None
    The search ends with the first candidate, in the order of the candidates, whose mean score
    is at least this. It is the best one, on whatever rung it was, unless `refit` is a function.
    Of several scores, that which `refit` names counts, or the first.
extra_candidates : sequence of dict, default=()
    Settings that are evaluated first: known to be good, as ``Study("other.db").best["params"]``.
prune_folds : {'forgiving'}, default=None
    'forgiving': a candidate whose mean over the folds so far is worse than the worst fold of the
    best candidate so far skips its other folds; 16 candidates at a time are compared with the same
    best one, the first 16 with none (Bergman, Purucker and Hutter, 2024,
    arXiv:2405.03389). The skipped folds score NaN, the candidate ranks last, and
    ``cv_results_['pruned']`` is True. It may rarely drop the winner.
ensemble : bool, default=False
    Whether `best_estimator_` is the average of the best candidate's estimators of the folds
    instead of one fitted on all samples.
return_curves : bool, default=False
    Whether to score each training after each epoch, into `curves_`. Only trainings of the engine
    have curves.
return_oof : bool, default=False
    Whether to keep each candidate's predictions for the samples it did not learn from, in
    `oof_predictions_`. Needs a `cv` whose test folds hold each sample once.
memory_budget : int, default=None
    Bytes for trainings that wait for the next rung, and for `oof_predictions_`; None is a
    quarter of what the process may have. Trainings beyond it are done again when needed.
executor : Executor, dask.distributed.Client or str, default=None
    Who trains the candidates: workers of a `concurrent.futures.Executor`; of a Dask cluster, by
    its client or by the address of its scheduler, ``'tcp://...'`` (``pip install 'nnhp[dask]'``);
    or, with None, the threads of this process. No result depends on it. The best candidate is
    fitted on all samples in this process. With Dask, None as `n_jobs` is the threads that a
    worker was started with; with others, this process's, shared out among the workers. A clone of
    the search has the same executor; a pickle keeps an address alone."""

_ATTRIBUTES = """cv_results_, best_estimator_, best_score_, best_params_, best_index_, scorer_, \
n_splits_, refit_time_, multimetric_
    As in scikit-learn.
engine_ : str
    'nnhp' if candidates were trained together by the engine; else 'scikit-learn: ' and why.
ended_by_ : str or None
    'time_budget_s' or 'target_score', where that ended the search; else None.
n_epochs_planned_, n_epochs_trained_ : int or None
    Epochs of all trainings: at most, and in fact. None on scikit-learn's way. With an executor,
    those of short trainings count twice that were sooner done again than sent from rung to rung.
curves_ : DataFrame
    With `return_curves`: candidate (the row of `cv_results_` where it first appears), fold,
    epoch, train_loss and test_score, or test_<name> for several scorers.
oof_predictions_ : ndarray of shape (n_candidates, n_samples, ...)
    With `return_oof`: probabilities for a classifier (decision values of nets with the hinge
    loss), whose columns are the sorted classes of y; predictions for a regressor. Candidates
    with fewer quantiles than others leave the last columns NaN."""


def documented(
    *, train_score: bool = False, one_score: bool = False, decides: str | None = None
) -> Callable[[_Class], _Class]:
    """Fill what the searches share into a class's docstring.

    Parameters
    ----------
    train_score : bool
        Default of `return_train_score`.
    one_score : bool
        Whether several scorers are refused.
    decides : str or None
        What a score decides while the search goes on.
    """
    scoring = _ONE_SCORING if one_score else _SCORING
    refit = _ONE_REFIT if one_score else _REFIT
    if decides is not None:
        refit += _FIRST_SCORER.replace("{decides}", decides)
    scikit = _SCIKIT.replace("{scoring}", scoring).replace("{refit}", refit)

    def fill(cls: _Class) -> _Class:
        sections = {
            "{scikit}": scikit.replace("{train_score}", str(train_score)),
            "{dispatch}": _DISPATCH,
            "{added}": _ADDED,
            "{attributes}": _ATTRIBUTES,
        }
        text = cls.__doc__ or ""
        for name, section in sections.items():
            text = text.replace(name, section.replace("\n", "\n    "))
        cls.__doc__ = text
        return cls

    return fill
