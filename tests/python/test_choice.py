"""one_standard_error: which candidate it chooses, in whose searches, and what it refuses."""

from functools import partial

import numpy as np
import pytest
from helpers import STOPS_EARLY, problem
from scipy.stats import sem
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier

from nnhp import MLPClassifier
from nnhp.search._choice import one_standard_error

NAN = np.nan


def results(means, stds, n_parameters, *, n_splits=5, metric="score", **more):
    """What `cv_results_` holds of these candidates."""
    splits = {f"split{i}_test_{metric}": np.array(means, dtype=float) for i in range(n_splits)}
    return {
        **splits,
        f"mean_test_{metric}": np.array(means, dtype=float),
        f"std_test_{metric}": np.array(stds, dtype=float),
        "n_parameters": np.array(n_parameters),
        **more,
    }


@pytest.mark.parametrize(
    ("means", "n_parameters", "expected"),
    [
        # The best has 0.9 and std 0.08; with 5 splits one standard error is 0.04.
        ([0.90, 0.87, 0.85], [30, 20, 10], 1),
        ([0.90, 0.859, 0.85], [30, 20, 10], 0),
        ([0.85, 0.87, 0.90], [10, 20, 30], 1),
        ([0.90, 0.87, 0.88], [30, 20, 20], 2),  # as many parameters: the better one
        ([0.90, 0.88, 0.88], [30, 20, 20], 1),  # alike: the first
        ([0.90, 0.88, 0.90], [30, 20, 20], 2),
        ([0.90, 0.90], [20, 30], 0),
        ([0.90, 0.90], [30, 20], 1),
        ([-0.10, -0.13, -0.15], [30, 20, 10], 1),  # losses, negated
        ([0.5], [3], 0),
    ],
)
def test_the_fewest_parameters_within_one_standard_error(means, n_parameters, expected):
    chosen = one_standard_error(results(means, [0.08] * len(means), n_parameters))
    assert chosen == expected
    assert type(chosen) is int


def test_the_standard_error_is_that_of_the_best():
    assert one_standard_error(results([0.9, 0.8], [0.0, 0.9], [30, 10])) == 0
    assert one_standard_error(results([0.9, 0.8], [0.9, 0.0], [30, 10])) == 1


@pytest.mark.parametrize(("n_splits", "expected"), [(5, 1), (26, 0)])
def test_the_standard_error_shrinks_with_the_splits(n_splits, expected):
    table = results([0.90, 0.87], [0.08, 0.08], [30, 20], n_splits=n_splits)
    assert one_standard_error(table) == expected


def test_the_standard_error_is_that_of_a_mean():
    scores = np.array([[0.90, 0.95, 0.91], [0.60, 0.61, 0.62]])
    below = scores[0].mean() - sem(scores[0])
    for mean, expected in ((below + 1e-9, 1), (below - 1e-9, 0)):
        table = {f"split{i}_test_score": scores[:, i] for i in range(3)}
        table["mean_test_score"] = np.array([scores[0].mean(), mean])
        table["std_test_score"] = scores.std(axis=1)
        assert one_standard_error({**table, "n_parameters": [30, 20]}) == expected


def test_of_a_single_split_no_error_is_known():
    assert one_standard_error(results([0.90, 0.89], [0.0, 0.0], [30, 20], n_splits=1)) == 0


def test_a_candidate_on_the_edge_counts():
    table = results([0.75, 0.5], [0.5, 0.5], [30, 20])
    assert one_standard_error(table) == 1


def test_no_spread_leaves_the_best():
    assert one_standard_error(results([0.9, 0.9 - 1e-12], [0.0, 0.0], [30, 10])) == 0


def test_candidates_without_a_score_are_passed_over():
    assert one_standard_error(results([NAN, 0.9, 0.88], [NAN, 0.08, 0.08], [1, 30, 20])) == 2
    assert one_standard_error(results([NAN, NAN], [NAN, NAN], [30, 1])) == 0


def test_infinite_scores_leave_the_best():
    assert one_standard_error(results([-np.inf, -np.inf], [NAN, NAN], [30, 10])) == 1
    assert one_standard_error(results([-np.inf, 0.5], [NAN, 0.1], [10, 30])) == 1


def test_only_the_most_resources_count():
    table = results(
        [0.99, 0.5, 0.90, 0.89], [0.08] * 4, [5, 1, 30, 20], n_resources=np.array([1, 1, 9, 9])
    )
    assert one_standard_error(table) == 3
    del table["n_resources"]
    assert one_standard_error(table) == 0


def test_only_the_most_resources_count_where_none_has_a_score():
    table = results([0.9, NAN, NAN], [0.1, NAN, NAN], [1, 1, 1], n_resources=np.array([1, 9, 9]))
    assert one_standard_error(table) == 1


def test_several_metrics():
    table = {
        **results([0.9, 0.87], [0.08, 0.08], [30, 20], metric="accuracy"),
        **results([0.9, 0.50], [0.08, 0.08], [30, 20], metric="train_accuracy"),
        **results([0.9, 0.50], [0.08, 0.08], [30, 20], metric="r2"),
    }
    assert one_standard_error(table, metric="accuracy") == 1
    assert one_standard_error(table, metric="r2") == 0
    with pytest.raises(ValueError, match=r"'mean_test_score'.*'accuracy', 'train_accuracy', 'r2'"):
        one_standard_error(table)


@pytest.mark.parametrize("missing", ["mean_test_score", "std_test_score", "split0_test_score"])
def test_missing_scores_are_named(missing):
    table = results([0.9], [0.1], [3], n_splits=1)
    del table[missing]
    with pytest.raises(ValueError, match="cv_results must have 'mean_test_score'"):
        one_standard_error(table)


def test_missing_parameter_counts_are_named_with_the_way_out():
    table = results([0.9], [0.1], [3])
    del table["n_parameters"]
    with pytest.raises(ValueError, match=r"'n_parameters'.*refit=lambda cv_results: .*\*\*cv_resu"):
        one_standard_error(table)


def test_parameter_counts_of_the_wrong_length():
    with pytest.raises(ValueError, match=r"one entry per candidate \(2\), got the shape \(3,\)"):
        one_standard_error(results([0.9, 0.8], [0.1, 0.1], [3, 4, 5]))


# ------------------------------------------------------------------ in scikit-learn's searches


WIDTHS = [32, 2, 8]


def choose(cv_results, **keywords):
    n_parameters = [params["hidden_layer_sizes"][0] for params in cv_results["params"]]
    return one_standard_error({**cv_results, "n_parameters": n_parameters}, **keywords)


def as_good_as_the_best(table, metric="score"):
    mean, std = table[f"mean_test_{metric}"], table[f"std_test_{metric}"]
    return mean >= mean.max() - std[mean.argmax()] / np.sqrt(3)


@STOPS_EARLY
@pytest.mark.parametrize("net_class", [MLPClassifier, SklearnMLPClassifier])
def test_as_refit_of_a_grid_search(net_class):
    search = GridSearchCV(
        net_class(max_iter=30, random_state=0),
        {"hidden_layer_sizes": [(width,) for width in WIDTHS]},
        refit=choose,
        cv=3,
    ).fit(*problem("multiclass"))
    good = [w for w, g in zip(WIDTHS, as_good_as_the_best(search.cv_results_), strict=True) if g]
    assert search.best_params_ == {"hidden_layer_sizes": (min(good),)}
    assert search.best_estimator_.coefs_[0].shape[1] == min(good)


@STOPS_EARLY
def test_as_refit_of_a_search_with_several_metrics():
    search = GridSearchCV(
        MLPClassifier(max_iter=30, random_state=0),
        {"hidden_layer_sizes": [(width,) for width in WIDTHS]},
        scoring=["accuracy", "neg_log_loss"],
        refit=partial(choose, metric="neg_log_loss"),
        cv=3,
    ).fit(*problem("multiclass"))
    good = as_good_as_the_best(search.cv_results_, "neg_log_loss")
    assert search.best_params_["hidden_layer_sizes"][0] == min(np.array(WIDTHS)[good])


@STOPS_EARLY
def test_on_the_results_of_a_halving_search():
    search = HalvingGridSearchCV(
        MLPClassifier(random_state=0),
        {"hidden_layer_sizes": [(width,) for width in WIDTHS]},
        resource="max_iter",
        min_resources=2,
        max_resources=4,
        factor=2,
        cv=3,
    ).fit(*problem("multiclass"))
    chosen = choose(search.cv_results_)
    assert search.cv_results_["n_resources"][chosen] == 4
