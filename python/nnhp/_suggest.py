"""suggest_hidden_layer_sizes: a rule of thumb for where to begin."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.multiclass import type_of_target

from nnhp._checks import check_samples, naming
from nnhp._choices import TASKS
from nnhp._table_values import few_enough_for_classes


def suggest_hidden_layer_sizes(X: Any, y: ArrayLike, *, task: str | None = None) -> tuple[int, ...]:
    """Suggest one hidden layer, half way between the numbers of inputs and outputs.

    The rule is Jeff Heaton's (Introduction to Neural Networks for Java, 2nd edition, Heaton
    Research, 2008): a good hidden layer is usually neither larger than the larger of its
    neighbours, input and output, nor smaller than the smaller one. Of that range this is the
    middle. It is a start for small and plain problems, and no substitute for a search.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Samples; there are as many inputs as features.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets. In classification there are as many outputs as classes, or labels if there are
        several columns; in regression as many as columns.

    task : {'classification', 'regression'} or None, default=None
        None takes text and truth values for classes, and whole numbers if they are few
        different ones: at most 20, and at most the square root of the number of samples, but two
        always.

    Returns
    -------
    hidden_layer_sizes : tuple of int
        For the parameter of this name. A half is rounded up.

    Raises
    ------
    ValueError
        If an argument is none of those.

    See Also
    --------
    nnhp.spaces.default : A space to search.

    Examples
    --------
    >>> from nnhp import suggest_hidden_layer_sizes
    >>> from sklearn.datasets import load_diabetes, load_digits
    >>> suggest_hidden_layer_sizes(*load_digits(return_X_y=True))
    (37,)
    >>> suggest_hidden_layer_sizes(*load_diabetes(return_X_y=True))
    (6,)
    """
    if task is not None and task not in TASKS:
        raise ValueError(f"task must be one of {TASKS} or None, got {task!r}.")
    check_samples(X=X, y=y)
    with naming("X and y"):
        X = check_array(X, accept_sparse=True, dtype=None, ensure_all_finite=False)
        check_consistent_length(X, y)
        return ((X.shape[1] + _n_outputs(y, task) + 1) // 2,)


def _n_outputs(y: ArrayLike, task: str | None) -> int:
    values = check_array(y, ensure_2d=False, dtype=None, input_name="y")
    kind = type_of_target(values, input_name="y", raise_unknown=True)
    fractions, amounts = kind.startswith("continuous"), values.dtype.kind in "biuf"
    if (task == "classification" and fractions) or (task == "regression" and not amounts):
        raise ValueError(f"y must suit task={task!r}, got {kind} targets of {values.dtype}.")
    if values.ndim == 2 and values.shape[1] > 1:
        return int(values.shape[1])
    classes = not fractions and task != "regression"
    if task is None and values.dtype.kind in "iuf":
        classes = classes and few_enough_for_classes(values)
    return len(np.unique(values)) if classes else 1
