"""Rules that choose the best candidate, for the `refit` of a search."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnhp._checks import check_arguments, check_mapping


def one_standard_error(cv_results: Mapping[str, Any], *, metric: str = "score") -> int:
    """Choose the smallest of the candidates that are as good as the best.

    As good as the best is a mean test score within one standard error of the best candidate's:
    at least ``mean - std / sqrt(n_splits - 1)`` with the `std` of `cv_results_`, which divides by
    the number of splits (of a single one no error is known: it counts as 0). Among those, the one
    with the fewest parameters is chosen, the better one of two that have as many, and the first of
    two that are alike. It is made for the `refit` of a search.

    Parameters
    ----------
    cv_results : dict
        The `cv_results_` of a search, with a column ``'n_parameters'``: the weights and biases
        of each candidate's net. nnhp's searches write it. scikit-learn's need a function of
        your own in between, see the second example.

    metric : str, default='score'
        Name of the score that counts. In a search with several metrics, give
        ``refit=functools.partial(one_standard_error, metric='r2')``, and name the same one first
        in `scoring`: searches that compare candidates while they run do it by the first, and
        refuse `target_score` and `prune_folds`.

    Returns
    -------
    best_index : int
        Row of the chosen candidate. Candidates without a score (NaN) are passed over; where
        none has one, it is the first, as in scikit-learn. After halving or Hyperband only
        candidates that had the most resources count.

    Raises
    ------
    ValueError
        If `cv_results` lacks ``'n_parameters'`` or the columns of `metric`.

    Examples
    --------
    The second candidate is within 0.02 / sqrt(3) of the first and has fewer parameters:

    >>> from nnhp.search import one_standard_error
    >>> cv_results = {
    ...     "split0_test_score": [0.92, 0.91, 0.80],
    ...     "split1_test_score": [0.96, 0.95, 0.84],
    ...     "split2_test_score": [0.92, 0.91, 0.80],
    ...     "split3_test_score": [0.96, 0.95, 0.84],
    ...     "mean_test_score": [0.94, 0.93, 0.82],
    ...     "std_test_score": [0.02, 0.02, 0.02],
    ...     "n_parameters": [5000, 900, 30],
    ... }
    >>> one_standard_error(cv_results)
    1

    In a search of scikit-learn's, over nets with one hidden layer:

    >>> from nnhp import MLPClassifier
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> def smallest(cv_results):
    ...     widths = [params["hidden_layer_sizes"][0] for params in cv_results["params"]]
    ...     n_parameters = [4 * width + width + width * 3 + 3 for width in widths]
    ...     return one_standard_error({**cv_results, "n_parameters": n_parameters})
    >>> net = MLPClassifier(solver="lbfgs", alpha=1, max_iter=1000, random_state=0)
    >>> grid = {"hidden_layer_sizes": [(4,), (16,)]}
    >>> search = GridSearchCV(net, grid, refit=smallest).fit(*load_iris(return_X_y=True))
    >>> search.best_params_
    {'hidden_layer_sizes': (4,)}
    """
    check_mapping(cv_results, "cv_results")
    check_arguments("one_standard_error", {"metric": [str]}, {"metric": metric})
    means, errors = _means_and_standard_errors(cv_results, metric)
    rows = np.arange(len(means))
    if "n_resources" in cv_results:
        n_resources = np.asarray(cv_results["n_resources"])
        rows = np.flatnonzero(n_resources == n_resources.max())
    n_parameters = _n_parameters(cv_results, len(means))
    scored = rows[~np.isnan(means[rows])]
    if len(scored) == 0:
        return int(rows[0])
    best = scored[means[scored].argmax()]
    good = (means[scored] >= means[best] - errors[best]) | (means[scored] == means[best])
    candidates = scored[good]
    # lexsort is stable and its last key comes first.
    order = np.lexsort((-means[candidates], n_parameters[candidates]))
    return int(candidates[order[0]])


def _means_and_standard_errors(
    cv_results: Mapping[str, Any], metric: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    splits = [key for key in cv_results if re.fullmatch(rf"split\d+_test_{re.escape(metric)}", key)]
    needed = [f"mean_test_{metric}", f"std_test_{metric}"]
    if not splits or any(key not in cv_results for key in needed):
        prefix = "mean_test_"
        metrics = [key.removeprefix(prefix) for key in cv_results if key.startswith(prefix)]
        raise ValueError(
            f"cv_results must have {needed[0]!r}, {needed[1]!r} and one column per split of the "
            f"metric {metric!r}; it has the metrics {metrics}. To choose by one of them, give "
            "refit=functools.partial(one_standard_error, metric=...)."
        )
    mean, std = (np.asarray(cv_results[key], dtype=np.float64) for key in needed)
    return mean, standard_errors(std, len(splits))


def standard_errors(stds: NDArray[np.float64], n_splits: int) -> NDArray[np.float64]:
    """Standard errors of means over splits, from the splits' own deviations; 0 of a single one."""
    errors: NDArray[np.float64] = stds / np.sqrt(max(n_splits - 1, 1))
    return errors


def _n_parameters(cv_results: Mapping[str, Any], n_rows: int) -> NDArray[Any]:
    if "n_parameters" not in cv_results:
        raise ValueError(
            "cv_results must have a column 'n_parameters', which the searches of nnhp write, got "
            "none. In another search, add it in a function of your own: refit=lambda cv_results: "
            "one_standard_error({**cv_results, 'n_parameters': [count(params) for params in "
            "cv_results['params']]}), where count(params) is the number of weights and biases."
        )
    n_parameters = np.asarray(cv_results["n_parameters"])
    if n_parameters.shape != (n_rows,):
        raise ValueError(
            f"cv_results['n_parameters'] must have one entry per candidate ({n_rows}), got the "
            f"shape {n_parameters.shape}."
        )
    return n_parameters
