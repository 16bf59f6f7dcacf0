"""The displays of searches and studies: what is drawn, against what the search found."""

import doctest
import importlib
import pkgutil
import sys
import warnings
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from helpers import STOPS_EARLY, run_child
from matplotlib import pyplot as plt
from scipy.stats import loguniform
from sklearn.datasets import load_iris, make_classification
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import nnhp
from nnhp import plots
from nnhp.plots import (
    HyperbandDisplay,
    LearningCurvesDisplay,
    ParallelCoordinatesDisplay,
    ParamImportanceDisplay,
    ParamSliceDisplay,
    SearchTraceDisplay,
)
from nnhp.search import HyperbandSearchCV
from nnhp.search._study import Study, open_recorder

mpl.use("Agg")
pytestmark = STOPS_EARLY

PARAM_DISPLAYS = [ParamSliceDisplay, ParallelCoordinatesDisplay, ParamImportanceDisplay]
ALL_DISPLAYS = [
    getattr(plots, name) for name in plots.__all__ if hasattr(getattr(plots, name), "from_search")
]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def iris():
    X, y = load_iris(return_X_y=True)
    return X / 8, y


def net(**parameters):
    return nnhp.MLPClassifier(hidden_layer_sizes=(8,), max_iter=3, random_state=0, **parameters)


@pytest.fixture(scope="module")
def random_search():
    space = {
        "learning_rate_init": loguniform(1e-4, 1e-1),
        "activation": ["relu", "tanh"],
        "hidden_layer_sizes": [(8,), (16,), (8, 4)],
    }
    with warnings.catch_warnings(action="ignore"):
        return RandomizedSearchCV(net(), space, n_iter=12, cv=3, random_state=0).fit(*iris())


@pytest.fixture(scope="module")
def halving_search():
    with warnings.catch_warnings(action="ignore"):
        return HalvingRandomSearchCV(
            net(),
            {"learning_rate_init": loguniform(1e-4, 1e-1)},
            n_candidates=9,
            resource="max_iter",
            min_resources=1,
            max_resources=9,
            factor=3,
            cv=3,
            random_state=0,
        ).fit(*iris())


def results(settings, scores, *, n_folds=2, metric="score", **columns):
    """A fitted search as far as the displays look, of given scores."""
    n_rows = len(settings)
    scores = np.asarray(scores, dtype=float)
    table = {
        "params": settings,
        "mean_fit_time": np.arange(1.0, n_rows + 1),
        "mean_score_time": np.full(n_rows, 0.5),
        f"mean_test_{metric}": scores,
        f"std_test_{metric}": np.zeros(n_rows),
        f"rank_test_{metric}": np.argsort(np.argsort(-scores)) + 1,
        **{f"split{fold}_test_{metric}": scores for fold in range(n_folds)},
        **{name: np.asarray(values) for name, values in columns.items()},
    }
    return SimpleNamespace(cv_results_=table, scoring=None)


def hyperband():
    """Two brackets: 4 candidates from 1 epoch on, 2 from 2 on, half of them promoted."""
    rungs = [
        (1, 1, [0.1, 0.4, 0.3, 0.2], "abcd"),
        (1, 2, [0.5, 0.6], "bc"),
        (1, 4, [0.7], "c"),
        (0, 2, [0.45, 0.55], "ef"),
        (0, 4, [0.8], "f"),
    ]
    rows = [
        (bracket, resource, score, {"kind": name, "max_iter": resource})
        for bracket, resource, scores, names in rungs
        for score, name in zip(scores, names, strict=True)
    ]
    bracket, resource, scores, settings = zip(*rows, strict=True)
    return results(list(settings), scores, bracket=bracket, n_resources=resource)


def drawn(display):
    """Draw in earnest: what matplotlib does late can fail late."""
    display.figure_.canvas.draw()
    assert any(ax.has_data() for ax in display.figure_.axes)
    return display


# ------------------------------------------------------------------ trace


def test_trace_draws_the_best_so_far_against_epochs_and_time(random_search):
    display = drawn(SearchTraceDisplay.from_search(random_search))
    table = random_search.cv_results_
    best = np.maximum.accumulate(table["mean_test_score"])
    seconds = 3 * (table["mean_fit_time"] + table["mean_score_time"])
    by_epochs, by_time = display.lines_
    np.testing.assert_array_equal(by_epochs.get_ydata(), best)
    np.testing.assert_array_equal(by_time.get_ydata(), best)
    np.testing.assert_array_equal(by_epochs.get_xdata(), 9.0 * np.arange(1, 13))
    np.testing.assert_allclose(by_time.get_xdata(), np.cumsum(seconds))
    np.testing.assert_array_equal(display.points_[0].get_offsets()[:, 1], table["mean_test_score"])
    assert best[-1] == random_search.best_score_
    assert "planned" in display.axes_[0].get_xlabel()
    assert "(s)" in display.axes_[1].get_xlabel()
    assert display.axes_[0].get_ylabel() == "Score (mean of 3 folds)"


def test_trace_counts_trained_epochs_where_curves_tell_them():
    search = results([{"a": 1}, {"a": 2}], [0.5, 0.6])
    search.curves_ = pd.DataFrame({"candidate": [0, 0, 0, 1], "fold": 0, "epoch": [1, 2, 3, 1]})
    display = SearchTraceDisplay.from_search(search)
    np.testing.assert_array_equal(display.lines_[0].get_xdata(), [3, 4])
    assert "trained" in display.axes_[0].get_xlabel()


@pytest.mark.parametrize(("continued", "total"), [(False, 20), (True, 14)])
def test_trace_counts_only_new_epochs_of_sessions_that_go_on(continued, total):
    search = hyperband()
    if continued:
        search.n_epochs_planned_ = 28
    display = SearchTraceDisplay.from_search(search, against="epochs")
    assert display.lines_[0].get_xdata()[-1] == 2 * total


def test_trace_of_rungs_is_of_those_of_the_most_resources_so_far():
    rungs = [1, 1, 1, 3, 3, 9, 9, 3, 9]
    scores = [0.5, 0.7, 0.9, np.nan, 0.6, 0.4, 0.5, 0.8, 0.3]
    settings = [{"a": a, "max_iter": n} for a, n in zip("abcbcbcdd", rungs, strict=True)]
    search = results(settings, scores, n_resources=rungs)
    display = drawn(SearchTraceDisplay.from_search(search))
    expected = [0.5, 0.7, 0.9, 0.9, 0.6, 0.4, 0.5, 0.5, 0.5]
    np.testing.assert_array_equal(display.best_scores, expected)
    star = next(line for line in display.axes_[0].lines if line.get_marker() == "*")
    assert star.get_ydata() == [0.5]
    assert star.get_xdata() == 2 * sum(rungs[:7])
    search.best_index_ = 7  # it reached the target
    display = SearchTraceDisplay.from_search(search)
    np.testing.assert_array_equal(display.best_scores, [*expected[:7], 0.8, 0.8])


@pytest.mark.parametrize("seed", range(5))
def test_trace_ends_at_the_best_score_of_the_search(seed, tmp_path):
    X, y = make_classification(120, 20, n_informative=3, flip_y=0.3, random_state=0)
    search = HyperbandSearchCV(
        net(n_iter_no_change=np.inf), {"learning_rate_init": loguniform(1e-3, 0.3)},
        max_resources=9, cv=3, random_state=seed,
    )  # fmt: skip
    for target in (None, 0.6):
        path = tmp_path / f"{target}.db"
        search.set_params(target_score=target, study=path).fit(X, y)
        for display in (
            SearchTraceDisplay.from_search(search),
            SearchTraceDisplay.from_study(path),
        ):
            assert display.best_scores[-1] == pytest.approx(search.best_score_, abs=1e-12)


def test_trace_goes_on_over_missing_scores():
    search = results([{"a": i} for i in range(4)], [np.nan, 0.5, np.nan, 0.4])
    display = drawn(SearchTraceDisplay.from_search(search))
    np.testing.assert_array_equal(display.best_scores, [np.nan, 0.5, 0.5, 0.5])
    assert len(display.axes_) == 1, "without an estimator no epochs are known"
    marks = [line for line in display.axes_[0].lines if "no score" in str(line.get_label())]
    np.testing.assert_array_equal(marks[0].get_xdata(), np.cumsum([3, 5, 7, 9])[[0, 2]])


def test_trace_refuses_what_it_cannot_draw():
    search = results([{"a": 1}], [0.5])
    with pytest.raises(ValueError, match="'epochs', 'time' or None, not 'money'"):
        SearchTraceDisplay.from_search(search, against="money")
    with pytest.raises(ValueError, match="epochs of this search are not known"):
        SearchTraceDisplay.from_search(search, against="epochs")


# ------------------------------------------------------------------ learning curves


def with_curves():
    search = results([{"a": 1}, {"a": 2}, {"a": 3}], [0.7, 0.9, np.nan])
    rows = [
        # candidate, fold, epoch, train_loss, test_score; fold 1 of candidate 1 stops early
        (0, 0, 1, 1.0, 0.5),
        (0, 0, 2, 0.5, 0.6),
        (0, 1, 1, 2.0, 0.7),
        (0, 1, 2, 1.5, 0.8),
        (1, 0, 1, 1.0, 0.4),
        (1, 0, 2, 0.8, 0.8),
        (1, 0, 3, 0.6, 1.0),
        (1, 1, 1, 3.0, 0.6),
        (2, 0, 1, 9.0, np.nan),
    ]
    columns = ["candidate", "fold", "epoch", "train_loss", "test_score"]
    search.curves_ = pd.DataFrame(rows, columns=columns)
    return search


def test_curves_are_means_over_folds_the_best_in_colour():
    display = drawn(LearningCurvesDisplay.from_search(with_curves(), n_best=1))
    [loss], [score] = display.lines_["train_loss"], display.lines_["test_score"]
    assert loss.get_label() == "candidate 1 (best)"
    np.testing.assert_array_equal(loss.get_xdata(), [1, 2, 3])
    np.testing.assert_allclose(loss.get_ydata(), [2.0, 1.9, 1.8])
    np.testing.assert_allclose(score.get_ydata(), [0.5, 0.7, 0.8])
    others = display.others_["train_loss"].get_segments()
    np.testing.assert_allclose(others[0], [[1, 1.5], [2, 1.0]])
    legend = [text.get_text() for text in display.axes_[-1].get_legend().get_texts()]
    assert legend == ["candidate 1 (best)", "2 others"]


def test_curves_rank_candidates_without_scores_last():
    display = LearningCurvesDisplay.from_search(with_curves(), show="train_loss")
    assert display.ranking.tolist() == [1, 0, 2]
    assert [line.get_label() for line in display.lines_["train_loss"]] == [
        "candidate 1 (best)",
        "candidate 0",
        "candidate 2",
    ]
    assert len(display.axes_) == 1


def test_curves_of_a_metric():
    search = results([{"a": 1}], [0.7], metric="f1")
    search.curves_ = pd.DataFrame(
        {"candidate": 0, "fold": 0, "epoch": [1, 2], "train_loss": 1.0, "test_f1": [0.1, 0.7]}
    )
    display = LearningCurvesDisplay.from_search(search, show="test_score")
    np.testing.assert_array_equal(display.lines_["test_score"][0].get_ydata(), [0.1, 0.7])
    assert display.axes_[0].get_ylabel().startswith("F1")


def test_curves_refuse(random_search):
    with pytest.raises(ValueError, match="return_curves=True"):
        LearningCurvesDisplay.from_search(random_search)
    with pytest.raises(ValueError, match="show must be"):
        LearningCurvesDisplay.from_search(with_curves(), show="test_f1")
    with pytest.raises(ValueError, match="n_best must be from 0 to 7, not 8"):
        LearningCurvesDisplay.from_search(with_curves(), n_best=8)


# ------------------------------------------------------------------ parallel coordinates


def test_parallel_coordinates_are_shares_of_each_axis(random_search):
    display = drawn(ParallelCoordinatesDisplay.from_search(random_search))
    table = random_search.cv_results_
    assert display.params_ == ["activation", "hidden_layer_sizes", "learning_rate_init"]
    rates = np.log(table["param_learning_rate_init"].astype(float))
    sizes = {(8,): 0.0, (16,): 0.5, (8, 4): 1.0}
    scores = table["mean_test_score"]
    expected = np.column_stack(
        [
            table["param_activation"] == "tanh",
            [sizes[size] for size in table["param_hidden_layer_sizes"]],
            (rates - rates.min()) / np.ptp(rates),
            (scores - scores.min()) / np.ptp(scores),
        ]
    )
    lines = np.array([line[:, 1] for line in display.lines_.get_segments()])
    np.testing.assert_allclose(lines, expected[display.order_], atol=1e-12)
    assert np.all(np.diff(scores[display.order_]) >= 0), "the best lie on top"
    [best] = [line for line in display.ax_.lines if line.get_label() == "best"]
    np.testing.assert_allclose(best.get_ydata(), expected[random_search.best_index_], atol=1e-12)


def test_parallel_coordinates_lead_candidates_without_a_score_below_the_axis():
    search = results([{"a": i, "b": -i} for i in range(3)], [0.5, np.nan, 0.6])
    display = drawn(ParallelCoordinatesDisplay.from_search(search, params=["b", "a"]))
    assert display.params_ == ["b", "a"]
    lines = dict(zip(display.order_, display.lines_.get_segments(), strict=True))
    np.testing.assert_allclose(lines[0][:, 1], [1.0, 0.0, 0.0])
    np.testing.assert_allclose(lines[1][:2, 1], [0.5, 0.5])
    assert lines[1][2, 1] < 0


def test_parallel_coordinates_have_an_axis_for_the_resource():
    display = drawn(ParallelCoordinatesDisplay.from_search(hyperband()))
    assert display.params_ == ["kind"]
    assert [text.get_text() for text in display.ax_.get_xticklabels()][:2] == ["kind", "Epochs"]
    assert len(display.order_) == 6


# ------------------------------------------------------------------ importance


def regression_like(n=40):
    rng = np.random.RandomState(0)
    settings = [{"strong": a, "weak": b, "idle": c} for a, b, c in rng.uniform(size=(n, 3))]
    scores = [setting["strong"] + 0.5 * setting["weak"] for setting in settings]
    return results(settings, scores)


def test_importances_follow_what_the_scores_depend_on():
    display = drawn(ParamImportanceDisplay.from_search(regression_like()))
    assert [display.params[i] for i in display.order_] == ["idle", "weak", "strong"]
    widths = [bar.get_width() for bar in display.bars_]
    np.testing.assert_array_equal(widths, display.importances[display.order_])
    assert widths[0] < 0.05 < widths[1] < widths[2]
    assert 0.7 < display.r2 < 1
    again = ParamImportanceDisplay.from_search(regression_like())
    np.testing.assert_array_equal(again.importances, display.importances)


def test_impurity_importances_are_the_forests():
    search = regression_like()
    display = ParamImportanceDisplay.from_search(search, kind="impurity", random_state=3)
    samples = pd.DataFrame(search.cv_results_["params"])[display.params].to_numpy()
    forest = RandomForestRegressor(100, random_state=3)
    forest.fit(samples, search.cv_results_["mean_test_score"])
    np.testing.assert_allclose(display.importances, forest.feature_importances_)


def test_importance_takes_a_parameter_as_a_whole():
    """A tuple becomes several inputs, which are shuffled together and added up."""
    rng = np.random.RandomState(0)
    settings = [{"sizes": (int(a),) * int(b), "x": c} for a, b, c in rng.randint(1, 4, (60, 3))]
    search = results(settings, [len(setting["sizes"]) for setting in settings])
    permuted = ParamImportanceDisplay.from_search(search)
    assert dict(zip(permuted.params, permuted.importances > 0.5, strict=True)) == {
        "sizes": True,
        "x": False,
    }
    impure = ParamImportanceDisplay.from_search(search, kind="impurity")
    assert impure.importances.sum() == pytest.approx(1)


def test_a_constant_parameter_has_no_importance():
    settings = [{"a": i, "same": "x"} for i in range(12)]
    search = results(settings, np.arange(12))
    assert ParamImportanceDisplay.from_search(search).params == ["a"]
    display = ParamImportanceDisplay.from_search(search, params=["a", "same"])
    assert dict(zip(display.params, display.importances == 0, strict=True)) == {
        "a": False,
        "same": True,
    }


def test_importance_tells_the_resource_from_the_parameters():
    rows = [(a, n) for n in (1, 3, 9) for a in (1, 2, 3, 4)]
    search = results(
        [{"a": a} for a, _ in rows], [n for _, n in rows], n_resources=[n for _, n in rows]
    )
    search.resource = "max_iter"
    display = drawn(ParamImportanceDisplay.from_search(search))
    by_name = dict(zip(display.params, display.importances, strict=True))
    assert by_name["Epochs"] > 1
    assert by_name["a"] < 0.1


def test_importance_needs_two_scores():
    with pytest.raises(ValueError, match="At least 2 candidates with a score needed, 1 found"):
        ParamImportanceDisplay.from_search(results([{"a": 1}, {"a": 2}], [0.5, np.nan]))
    with pytest.raises(ValueError, match="kind must be"):
        ParamImportanceDisplay.from_search(regression_like(), kind="shapley")


# ------------------------------------------------------------------ Hyperband


def test_hyperband_draws_who_was_promoted():
    display = drawn(HyperbandDisplay.from_search(hyperband()))
    assert display.brackets_ == [1, 0]
    assert display.rungs_ == [{1: 4, 2: 2, 4: 1}, {2: 2, 4: 1}]
    first, second = display.lines_
    # rows 1 and 2 are b and c on their first rung, row 8 is f on its first
    assert set(first) == {1, 2}
    assert set(second) == {8}
    np.testing.assert_array_equal(first[2].get_xydata(), [[1, 0.3], [2, 0.6], [4, 0.7]])
    np.testing.assert_array_equal(first[1].get_xydata(), [[1, 0.4], [2, 0.5]])
    np.testing.assert_array_equal(second[8].get_xydata(), [[2, 0.55], [4, 0.8]])
    assert [ax.get_title(loc="left") for ax in display.axes_] == ["Bracket 1", "Bracket 0"]
    assert all(ax.get_xlabel().startswith("Epochs") for ax in display.axes_)
    counts = [text.get_text() for text in display.axes_[0].texts]
    assert counts == ["n=4", "n=2", "n=1"]


def test_halving_has_one_bracket(halving_search):
    display = drawn(HyperbandDisplay.from_search(halving_search))
    table = halving_search.cv_results_
    assert display.rungs_ == [{1: 9, 3: 3, 9: 1}]
    promoted = {setting["learning_rate_init"] for setting in table["params"][9:]}
    rates = {table["params"][row]["learning_rate_init"] for row in display.lines_[0]}
    assert rates == promoted
    for row, line in display.lines_[0].items():
        mine = [
            s["learning_rate_init"] == table["params"][row]["learning_rate_init"]
            for s in table["params"]
        ]
        np.testing.assert_array_equal(line.get_xdata(), table["n_resources"][mine])
        np.testing.assert_array_equal(line.get_ydata(), table["mean_test_score"][mine])


def test_equal_settings_drawn_twice_are_two_candidates():
    settings = [{"a": 1}, {"a": 1}, {"a": 2}, {"a": 1}, {"a": 1}]
    search = results(settings, [0.5, 0.5, 0.4, 0.6, 0.7], n_resources=[1, 1, 1, 3, 3])
    display = HyperbandDisplay.from_search(search)
    assert sorted(display.lines_[0]) == [0, 1]


def test_the_best_is_the_choice_of_the_search(halving_search):
    """Halving chooses on its last rung, though a lower one may have seen a higher score."""
    display = HyperbandDisplay.from_search(halving_search)
    assert display.best == halving_search.best_index_
    settings = halving_search.cv_results_["params"]
    slices = ParamSliceDisplay.from_search(halving_search)
    chosen = slices.settings[slices.best]["learning_rate_init"]
    assert chosen == settings[halving_search.best_index_]["learning_rate_init"]


def our_hyperband(**keywords):
    search = HyperbandSearchCV(
        net(n_iter_no_change=np.inf),
        {"learning_rate_init": loguniform(1e-4, 1e-1)},
        max_resources=9,
        cv=2,
        random_state=0,
        **keywords,
    )
    return search.fit(*iris())


def test_our_hyperband():
    search = our_hyperband(return_curves=True)
    trace = SearchTraceDisplay.from_search(search, against="epochs")
    assert trace.lines_[0].get_xdata()[-1] == search.n_epochs_planned_
    display = HyperbandDisplay.from_search(search)
    assert display.brackets_ == [2, 1, 0]
    assert display.rungs_ == [{n_epochs: n for n, n_epochs in b} for b in search.brackets_]
    curves = LearningCurvesDisplay.from_search(search, show="test_score")
    best = curves.lines_["test_score"][0]
    assert best.get_ydata()[-1] == pytest.approx(search.best_score_)
    assert best.get_xdata()[-1] == 9


def test_the_study_of_our_hyperband(tmp_path):
    """Survivors have another order in the study, but all else is the same."""
    search = our_hyperband(return_curves=True, study=tmp_path / "study.db")
    study = Study(tmp_path / "study.db")
    trace, of_search = SearchTraceDisplay.from_study(study), SearchTraceDisplay.from_search(search)
    assert trace.best_scores[-1] == pytest.approx(of_search.best_scores[-1])
    assert trace.epochs.sum() == of_search.epochs.sum() == search.n_epochs_trained_
    assert trace.seconds.sum() == pytest.approx(of_search.seconds.sum())
    display, of_search = HyperbandDisplay.from_study(study), HyperbandDisplay.from_search(search)
    assert display.rungs_ == of_search.rungs_
    assert display.brackets_ == of_search.brackets_
    assert display.scores[display.best] == pytest.approx(search.best_score_)
    for lines, expected in zip(display.lines_, of_search.lines_, strict=True):
        assert set(lines) == set(expected)
        for candidate, line in lines.items():
            np.testing.assert_allclose(line.get_xydata(), expected[candidate].get_xydata())
    for Display in (ParamSliceDisplay, LearningCurvesDisplay, ParallelCoordinatesDisplay):
        assert_same_picture(Display.from_study(study), Display.from_search(search))


def test_hyperband_needs_rungs(random_search):
    with pytest.raises(ValueError, match="halving and Hyperband"):
        HyperbandDisplay.from_search(random_search)


def test_a_resource_that_is_not_the_epochs_is_named():
    settings = [{"n_estimators": n, "a": a} for n, a in ((1, 1), (1, 2), (3, 2))]
    search = results(settings, [0.1, 0.2, 0.3], n_resources=[1, 1, 3])
    search.resource = "n_estimators"
    display = HyperbandDisplay.from_search(search)
    assert display.axes_[0].get_xlabel().startswith("n_estimators")
    assert len(SearchTraceDisplay.from_search(search).axes_) == 1
    for given, name in [
        ("n_samples", "Samples"),
        ("mlp__max_iter", "Epochs"),
        ("auto", "n_estimators"),
    ]:
        search.resource = given
        assert HyperbandDisplay.from_search(search).resource_name == name


# ------------------------------------------------------------------ slices


def test_slices_draw_each_candidate_over_each_parameter(random_search):
    display = drawn(ParamSliceDisplay.from_search(random_search))
    table = random_search.cv_results_
    points = dict(zip(display.params_, display.points_, strict=True))
    axes = dict(zip(display.params_, display.axes_, strict=True))
    rates = points["learning_rate_init"].get_offsets()
    np.testing.assert_array_equal(rates[:, 0], table["param_learning_rate_init"].astype(float))
    for of_param in display.points_:
        np.testing.assert_array_equal(of_param.get_offsets()[:, 1], table["mean_test_score"])
    assert axes["learning_rate_init"].get_xscale() == "log"
    labels = [text.get_text() for text in axes["activation"].get_xticklabels()]
    places = np.round(points["activation"].get_offsets()[:, 0]).astype(int)
    assert [labels[i] for i in places] == table["param_activation"].tolist()
    sizes = [text.get_text() for text in axes["hidden_layer_sizes"].get_xticklabels()]
    assert sizes == ["(8,)", "(16,)", "(8, 4)"]


def test_slices_mark_the_median_of_shared_values():
    search = results([{"a": a} for a in (1, 1, 1, 2, 2)], [0.1, 0.2, 0.6, 0.5, 0.7])
    [ax] = ParamSliceDisplay.from_search(search).axes_
    medians = {tuple(*line.get_xydata()) for line in ax.lines if line.get_marker() == "_"}
    assert medians == {(1.0, 0.2), (2.0, 0.6)}


def test_slices_take_the_last_rung_of_each_candidate():
    display = drawn(ParamSliceDisplay.from_search(hyperband()))
    assert display.params_ == ["kind"]
    np.testing.assert_array_equal(
        display.points_[0].get_offsets()[:, 1], [0.1, 0.5, 0.7, 0.2, 0.45, 0.8]
    )
    legend = display.axes_[0].get_legend()
    assert legend.get_title().get_text() == "Epochs"
    assert [text.get_text() for text in legend.get_texts()] == ["1", "2", "4"]


@pytest.mark.parametrize(
    ("values", "log"),
    [
        ([1e-5, 1e-3, 1e-1], True),
        ([16, 32, 64, 128], True),
        ([1e-4, 1e-2], True),
        (list(np.linspace(0.01, 0.99, 30)), False),
        ([0.1, 0.5, 0.9], False),
        ([0.0, 0.1, 10.0], False),
        ([-1.0, 1.0, 100.0], False),
        ([3], False),
    ],
)
def test_a_log_axis_where_values_span_decades(values, log):
    search = results([{"a": value} for value in values], np.arange(len(values)))
    [ax] = drawn(ParamSliceDisplay.from_search(search)).axes_
    assert ax.get_xscale() == ("log" if log else "linear")


def test_named_values_stand_beside_numbers():
    search = results([{"b": "auto"}, {"b": 20}, {"b": 200}, {"b": 60}], [0.1, 0.2, 0.3, 0.4])
    display = drawn(ParamSliceDisplay.from_search(search))
    x = display.points_[0].get_offsets()[:, 0]
    np.testing.assert_array_equal(x[1:], [20, 200, 60])
    assert 0 < x[0] < 20
    ticks = dict(
        zip(
            [text.get_text() for text in display.axes_[0].get_xticklabels()],
            display.axes_[0].get_xticks(),
            strict=True,
        )
    )
    assert ticks["auto"] == x[0]


def test_tick_labels_do_not_overlap():
    sizes = [(8 * i,) * (1 + i % 3) for i in range(1, 41)]
    settings = [
        {"sizes": size, "rate": 10 ** (-i / 10), "name": f"a rather long name {i % 7}"}
        for i, size in enumerate(sizes)
    ]
    search = results(settings, np.linspace(0, 1, 40))
    figure = drawn(ParamSliceDisplay.from_search(search)).figure_
    renderer = figure.canvas.get_renderer()
    for ax in figure.axes:
        labels = [text for text in ax.get_xticklabels() if text.get_rotation() == 0]
        boxes = [text.get_window_extent(renderer) for text in labels]
        assert all(left.x1 <= right.x0 for left, right in pairwise(boxes))


def test_a_diverged_candidate_does_not_flatten_the_others():
    search = results([{"a": i} for i in range(8)], [-1e30, *np.linspace(0.5, 0.9, 7)])
    for display in (
        ParamSliceDisplay.from_search(search),
        SearchTraceDisplay.from_search(search),
    ):
        low, high = drawn(display).axes_[0].get_ylim()
        assert 0.4 < low < 0.5
        assert 0.9 < high < 1
    importance = ParamImportanceDisplay.from_search(search)
    assert np.isfinite(importance.importances).all()


# ------------------------------------------------------------------ all of them

KINDS = {
    "number": [1, 2.5, 1e-3],
    "mixed": ["auto", 32, 512],
    "none": [None, "None", 3],
    "flag": [True, False, True],
    "text": ["relu", "a$b$c", "<i>&amp;</i>"],
    "tuple": [(8,), (8, 4), ()],
    "array": [np.arange(3), np.arange(2000), np.arange(2000) + 1],
    "numpy": [np.float32(0.5), np.int64(3), np.str_("x")],
    "estimator": [StandardScaler(), MinMaxScaler(), "passthrough"],
    "function": [np.mean, len, lambda x: x],
    "infinite": [np.inf, np.nan, 10],
    "constant": [5, 5, 5],
    "control": ["a\x00b", "two\nlines", "\ud800"],
    "_under__score": [1, 2, 3],
}


def motley():
    """Settings of every kind, some absent, one candidate without a score."""
    rows = [{name: values[i] for name, values in KINDS.items()} for i in range(3)]
    rows += [{"number": 4.0, "only here": 1}, {"number": 5.0}]
    return results(rows, [0.5, 0.6, np.nan, 0.8, 0.7])


@pytest.mark.parametrize("Display", PARAM_DISPLAYS)
def test_settings_of_every_kind(Display):
    drawn(Display.from_search(motley()))


@pytest.mark.parametrize("name", KINDS)
def test_a_slice_of_every_kind(name):
    display = drawn(ParamSliceDisplay.from_search(motley(), params=name))
    [ax] = display.axes_
    labels = [text.get_text() for text in ax.get_xticklabels()]
    assert len(labels) == len(set(labels))
    assert ("absent" in labels) == (name != "number")
    assert np.isfinite(display.points_[0].get_offsets().data[:, 0]).all()


def test_pipelines_whose_steps_are_replaced():
    pipeline = Pipeline([("scale", StandardScaler()), ("mlp", net())])
    grid = [
        {"scale": [StandardScaler(), MinMaxScaler(), "passthrough"], "mlp__alpha": [1e-4, 1e-2]},
        {"mlp__activation": ["tanh"]},
    ]
    search = GridSearchCV(pipeline, grid, cv=2).fit(*iris())
    display = drawn(ParamSliceDisplay.from_search(search))
    labels = [[text.get_text() for text in ax.get_xticklabels()] for ax in display.axes_]
    assert display.params_ == ["mlp__alpha", "scale", "mlp__activation"]
    assert [ax.get_xlabel() for ax in display.axes_] == ["alpha", "scale", "activation"]
    assert labels[1] == ["passthrough", "MinMaxScaler()", "StandardScaler()", "absent"]
    assert labels[2] == ["tanh", "absent"]
    trace = SearchTraceDisplay.from_search(search, against="epochs")
    assert trace.lines_[0].get_xdata()[-1] == 7 * 2 * 3
    for Display in PARAM_DISPLAYS:
        drawn(Display.from_search(search))


@pytest.mark.parametrize(
    "Display", [SearchTraceDisplay, ParamSliceDisplay, ParallelCoordinatesDisplay]
)
def test_one_candidate_of_one_parameter(Display):
    drawn(Display.from_search(results([{"alpha": 0.1}], [0.5])))


@pytest.mark.parametrize("Display", ALL_DISPLAYS)
def test_several_metrics(Display):
    search = hyperband()
    search.curves_ = pd.DataFrame(
        {"candidate": [0, 1], "fold": 0, "epoch": 1, "train_loss": 1.0, "test_score": 0.5}
    ).assign(test_other=0.7)
    for name, values in list(search.cv_results_.items()):
        if name.endswith("test_score"):
            search.cv_results_[name.replace("test_score", "test_other")] = -values
    search.refit = False
    with pytest.raises(ValueError, match=r"choose one of \['score', 'other'\] as metric="):
        Display.from_search(search)
    with pytest.raises(ValueError, match="No scores of metric 'f1'"):
        Display.from_search(search, metric="f1")
    search.refit = "other"
    for display in (Display.from_search(search), Display.from_search(search, metric="other")):
        if hasattr(display, "score_name"):
            assert display.score_name == "Other (mean of 2 folds)"


@pytest.mark.parametrize(
    ("scoring", "name"),
    [
        ("accuracy", "Accuracy (mean of 2 folds)"),
        ("neg_log_loss", "Negative log loss (mean of 2 folds)"),
        ("r2", "R² (mean of 2 folds)"),
        (None, "Score (mean of 2 folds)"),
        (len, "Score (mean of 2 folds)"),
    ],
)
def test_scores_have_a_name(scoring, name):
    search = results([{"a": 1}], [0.5])
    search.scoring = scoring
    assert SearchTraceDisplay.from_search(search).axes_[0].get_ylabel() == name


@pytest.mark.parametrize("Display", ALL_DISPLAYS)
def test_what_is_not_fitted_or_empty_is_refused(Display):
    with pytest.raises(NotFittedError, match="GridSearchCV has no cv_results_: call its fit"):
        Display.from_search(GridSearchCV(net(), {"alpha": [1]}))
    with pytest.raises(ValueError, match="evaluated no candidate"):
        Display.from_search(results([], []))
    failed = hyperband()
    failed.cv_results_["mean_test_score"][:] = np.nan
    with pytest.raises(ValueError, match=r"with a score needed, 0 found|return_curves=True"):
        Display.from_search(failed)


@pytest.mark.parametrize("Display", PARAM_DISPLAYS)
def test_a_parameter_that_was_not_searched_is_refused(Display, random_search):
    with pytest.raises(ValueError, match="No candidate sets 'alhpa'; searched were 'activation'"):
        Display.from_search(random_search, params="alhpa")


@pytest.mark.parametrize("Display", PARAM_DISPLAYS)
def test_no_parameter(Display):
    drawn(SearchTraceDisplay.from_search(results([{}, {}], [0.5, 0.6])))
    with pytest.raises(ValueError, match="No parameter was searched"):
        Display.from_search(results([{}, {}], [0.5, 0.6]))


@pytest.mark.parametrize("Display", ALL_DISPLAYS)
def test_one_axes_is_enough(Display):
    search = hyperband()
    search.curves_ = with_curves().curves_
    figure, (left, right) = plt.subplots(1, 2)
    display = drawn(Display.from_search(search, ax=right))
    assert display.figure_ is figure
    assert len(plt.get_fignums()) == 1
    assert len(left.get_children()) == len(plt.figure().add_subplot().get_children())


def test_an_axes_per_panel():
    figure, axes = plt.subplots(2, 1)
    display = SearchTraceDisplay.from_search(
        SimpleNamespace(**vars(results([{"a": 1}], [0.5])), estimator=net()), ax=axes
    )
    assert list(display.axes_) == list(axes)
    assert display.figure_ is figure
    with pytest.raises(ValueError, match="has 2 panels, but ax holds 3 axes"):
        HyperbandDisplay.from_search(hyperband(), ax=plt.subplots(1, 3)[1])
    loose = plt.figure().add_axes((0, 0, 1, 1))
    with pytest.raises(ValueError, match="give an array of as many axes"):
        HyperbandDisplay.from_search(hyperband(), ax=loose)


def test_artists_take_keywords_with_aliases(random_search):
    display = SearchTraceDisplay.from_search(random_search, line_kw={"c": "red", "lw": 5})
    assert display.lines_[0].get_color() == "red"
    assert display.lines_[0].get_linewidth() == 5
    display = ParamSliceDisplay.from_search(random_search, scatter_kw={"alpha": 0.25})
    assert display.points_[0].get_alpha() == 0.25
    display = ParallelCoordinatesDisplay.from_search(random_search, line_kw={"lw": 3})
    assert set(display.lines_.get_linewidth()) == {3}


def test_a_drawing_can_be_repeated(random_search):
    display = ParamSliceDisplay.from_search(random_search)
    first = display.figure_
    assert display.plot() is display
    assert display.figure_ is not first
    assert len(display.points_) == 3


# ------------------------------------------------------------------ studies


@pytest.fixture
def study(tmp_path):
    """Two rungs of three candidates, one promoted, with curves."""
    study = Study(tmp_path / "study.db")
    with open_recorder(study, {"data": "x"}, seed=0) as recorder:
        for candidate, resource, score in [(0, 1, 0.2), (1, 1, 0.5), (2, 1, 0.4), (1, 3, 0.8)]:
            for fold in range(2):
                payload = {
                    "test_scores": {"score": score + 0.1 * fold},
                    "fit_time": 0.2,
                    "score_time": 0.05,
                    "epochs": resource,
                    "curve": {
                        "train_loss": [1.0 / (1 + i) for i in range(resource)],
                        "test_score": [score] * resource,
                    },
                }
                recorder.record(candidate, {"alpha": 10.0**-candidate}, resource, fold, payload)
    return study


@pytest.mark.parametrize("Display", ALL_DISPLAYS)
def test_from_study_draws_as_from_search(study, Display):
    display = drawn(Display.from_study(study))
    search = results(
        [{"alpha": 1.0}, {"alpha": 0.1}, {"alpha": 0.01}, {"alpha": 0.1}],
        [0.25, 0.55, 0.45, 0.85],
        n_resources=[1, 1, 1, 3],
    )
    search.resource = "max_iter"
    search.curves_ = study.curves()
    search.cv_results_ |= {"mean_fit_time": np.full(4, 0.2), "mean_score_time": np.full(4, 0.05)}
    other = Display.from_search(search)
    assert_same_picture(display, other)


@pytest.mark.parametrize("Display", ALL_DISPLAYS)
def test_a_study_s_file_is_a_study(study, Display):
    assert_same_picture(Display.from_study(study.path), Display.from_study(study))
    assert_same_picture(Display.from_study(Path(study.path)), Display.from_study(study))
    with pytest.raises(FileNotFoundError, match="There is no study"):
        Display.from_study(study.path + "x")


def test_searches_and_studies_are_told_apart(study):
    for given in (study, study.path):
        with pytest.raises(TypeError, match=r"fitted search, got .*: from_study draws studies\.$"):
            SearchTraceDisplay.from_search(given)
    with pytest.raises(TypeError, match=r"study must be a Study .*: from_search draws searches\.$"):
        SearchTraceDisplay.from_study(hyperband())
    with pytest.raises(TypeError, match=r"study must be a Study or the path of its file, got 3\.$"):
        SearchTraceDisplay.from_study(3)


def assert_same_picture(display, other):
    axes, others = display.figure_.axes, other.figure_.axes
    assert len(axes) == len(others)
    for ax, other_ax in zip(axes, others, strict=True):
        assert ax.get_ylabel() == other_ax.get_ylabel()
        lines = [line.get_xydata() for line in ax.lines]
        assert len(lines) == len(other_ax.lines)
        for mine, theirs in zip(lines, other_ax.lines, strict=True):
            np.testing.assert_allclose(mine, theirs.get_xydata())
        for mine, theirs in zip(ax.collections, other_ax.collections, strict=True):
            np.testing.assert_allclose(mine.get_offsets(), theirs.get_offsets())


def test_a_study_among_several_must_be_chosen(study):
    with open_recorder(study, {"data": "y"}, seed=0) as recorder:
        recorder.record(0, {"alpha": 1.0}, 0, 0, {"test_scores": {"score": 0.125}})
    with pytest.raises(ValueError, match=r"Several studies .* one of \[1, 2\] as number="):
        SearchTraceDisplay.from_study(study)
    with pytest.raises(ValueError, match="No study 3"):
        SearchTraceDisplay.from_study(study, number=3)
    display = SearchTraceDisplay.from_study(study, number=2)
    assert display.best_scores.tolist() == [0.125]


def test_an_empty_study_is_refused(tmp_path):
    study = Study(tmp_path / "study.db")
    study.enqueue({"alpha": 1.0})
    with pytest.raises(ValueError, match="The study holds no evaluation"):
        SearchTraceDisplay.from_study(study)


def test_brackets_of_a_study_are_told_by_first_rungs(tmp_path):
    study = Study(tmp_path / "study.db")
    rungs = [("abcd", 1), ("ef", 2), ("bc", 2), ("c", 4), ("f", 4)]
    with open_recorder(study, {"data": "x"}, seed=0) as recorder:
        for names, resource in rungs:
            for name in names:
                payload = {"test_scores": {"score": resource + ord(name) / 1000}}
                params = {"max_iter": resource, "x": name}
                recorder.record(ord(name), params, resource, 0, payload)
    display = drawn(HyperbandDisplay.from_study(study))
    assert display.brackets_ == [1, 0]
    assert display.rungs_ == [{1: 4, 2: 2, 4: 1}, {2: 2, 4: 1}]
    trace = SearchTraceDisplay.from_study(study)
    # By rungs, the first of both brackets before the second, and in a rung by candidates.
    order = [("abcdef", (1, 1, 1, 1, 2, 2)), ("bcf", (2, 2, 4)), ("c", (4,))]
    expected = [
        resource + ord(name) / 1000
        for names, resources in order
        for name, resource in zip(names, resources, strict=True)
    ]
    np.testing.assert_allclose(trace.scores, expected)
    assert ParamSliceDisplay.from_study(study).params_ == ["x"]


def test_half_done_trials_have_no_score_yet(study):
    with open_recorder(study, {"data": "x"}, seed=0) as recorder:
        recorder.record(3, {"alpha": 1.0}, 1, 0, {"test_scores": {"score": 0.99}})
    display = SearchTraceDisplay.from_study(study)
    assert np.isnan(display.scores).sum() == 1
    assert display.best_scores[-1] == pytest.approx(0.85)


# ------------------------------------------------------------------ matplotlib itself


@pytest.mark.parametrize("Display", ALL_DISPLAYS)
def test_without_matplotlib_it_says_what_to_install(Display, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=rf"{Display.__name__}.*pip install 'nnhp\[plots\]'"):
        Display.from_search(hyperband())
    with pytest.raises(ImportError, match=rf"{Display.__name__}.*pip install 'nnhp\[plots\]'"):
        Display.from_study(None)
    with pytest.raises(ImportError, match=r"pip install 'nnhp\[plots\]'"):
        Display.plot(object.__new__(Display))


def test_importing_the_displays_does_not_import_matplotlib():
    assert run_child("import sys, nnhp.plots; print('matplotlib' in sys.modules)") == "False\n"


@pytest.mark.parametrize(
    "module", [f"nnhp.plots.{m.name}" for m in pkgutil.iter_modules(plots.__path__)]
)
def test_examples_run(module):
    outcome = doctest.testmod(importlib.import_module(module))
    assert outcome.failed == 0
