"""What a sweep says: its table word by word, its picture against the table."""

import sys

import matplotlib as mpl
import numpy as np
import pytest
from helpers import STOPS_EARLY, problem
from matplotlib import pyplot as plt

import nnhp
from nnhp import MLPClassifier
from nnhp.plots import SweepDisplay
from nnhp.search._sweep_result import Sweep, SweepRun

mpl.use("Agg")
pytestmark = STOPS_EARLY

X, Y = problem("multiclass")
MEASURES = [
    "train_loss",
    "validation_loss",
    "test_score",
    "epochs_to_converge",
    "seconds",
    "bytes_per_step",
]


def net():
    return MLPClassifier((6,), max_iter=8, random_state=3)


def made_run(**changes):
    curve = np.array([0.6, 0.5])
    given = {
        "value": 0,
        "repeat": 0,
        "fold": 0,
        "train_loss": 0.25,
        "validation_loss": 0.5,
        "test_score": 0.75,
        "epochs_to_converge": 2.0,
        "epochs": 2,
        "seconds": 0.125,
        "bytes_per_step": 2048,
        "diverged": False,
        "train_curve": curve,
        "validation_curve": curve,
    }
    return SweepRun(**{**given, **changes})


def made_sweep(runs, values, **changes):
    rows = np.arange(2, dtype=np.int32)
    given = {
        "param_name": "alpha",
        "params": [{"alpha": value} for value in values],
        "score_name": "accuracy",
        "seeds": [0],
        "splits": [[(rows, rows, rows)] * (len(runs) // len(values))],
        **changes,
    }
    return Sweep(values=values, runs=runs, **given)


def test_markdown_word_by_word():
    runs = [
        made_run(),
        made_run(fold=1, train_loss=0.75, test_score=0.754, seconds=120.0),
        made_run(value=1, test_score=1.0, bytes_per_step=3_456_789, seconds=2.0),
        made_run(value=1, fold=1, test_score=1.0, bytes_per_step=3_456_789, seconds=2.5),
    ]
    sweep = made_sweep(runs, values=[1e-4, "a|b"])
    losses = """\
| alpha  | train loss  | validation loss | test accuracy   | epochs to converge |
|--------|-------------|-----------------|-----------------|--------------------|
| 0.0001 | 0.50 ± 0.25 | 0.5             | 0.7520 ± 0.0020 | 2                  |
| a\\|b   | 0.25        | 0.5             | 1               | 2                  |"""
    assert sweep.to_markdown(MEASURES[:4]) == losses
    costs = """\
| alpha  | memory a step | seconds     | train loss  |
|--------|---------------|-------------|-------------|
| 0.0001 | 2.05 kB       | 60 ± 60     | 0.50 ± 0.25 |
| a\\|b   | 3.46 MB       | 2.25 ± 0.25 | 0.25        |"""
    assert sweep.to_markdown(["bytes_per_step", "seconds", "train_loss"]) == costs
    assert sweep.to_markdown() == sweep.to_markdown(MEASURES) == sweep._repr_markdown_()


@pytest.mark.parametrize("columns", [["accuracy"], []])
def test_markdown_of_unknown_columns(columns):
    with pytest.raises(ValueError, match="columns must be among train_loss, validation_loss, te"):
        made_sweep([made_run()], values=[1]).to_markdown(columns)


def test_the_frame_has_means_and_spreads_of_the_runs():
    sweep = nnhp.sweep(net(), X, Y, "alpha", [1e-4, 1.0], cv=3, repeats=2)
    frame = sweep.to_frame()
    assert frame.index.name == "alpha"
    expected = [f"{what}_{name}" for name in MEASURES for what in ("mean", "std")]
    assert list(frame.columns) == [*expected, "n_runs", "diverged"]
    for place, label in enumerate([1e-4, 1.0]):
        of_value = [column[6 * place : 6 * place + 6] for column in sweep.runs[MEASURES].T.values]
        for name, numbers in zip(MEASURES, of_value, strict=True):
            assert frame.loc[label, f"mean_{name}"] == pytest.approx(np.mean(numbers), rel=1e-12)
            assert frame.loc[label, f"std_{name}"] == pytest.approx(np.std(numbers), abs=1e-12)


def test_one_run_that_diverges_leaves_no_mean_of_the_others():
    runs = [made_run(fold=0), made_run(fold=1, train_loss=np.nan, diverged=True)]
    frame = made_sweep(runs, values=["a"]).to_frame()
    assert np.isnan(frame["mean_train_loss"]).all()
    assert np.isnan(frame["std_train_loss"]).all()
    assert frame["mean_validation_loss"].tolist() == [0.5]
    assert frame["diverged"].tolist() == [1]


# ------------------------------------------------------------------ the picture


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def points(container):
    """What an errorbar shows: places, means and spreads."""
    line, _, (bars,) = container
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    return line.get_xdata(), line.get_ydata(), (ends[:, 1] - ends[:, 0]) / 2


def test_the_picture_shows_the_table():
    values = [1e-2, 1e-4, 1e-3]  # not in order
    sweep = nnhp.sweep(net(), X, Y, "learning_rate_init", values, cv=3, repeats=2)
    display = sweep.plot()
    assert isinstance(display, SweepDisplay)
    by_loss, by_test, by_epoch = display.axes_
    frame = sweep.to_frame().sort_index()
    measures = ["train_loss", "validation_loss", "test_score"]
    for container, name in zip([*by_loss.containers, *by_test.containers], measures, strict=True):
        places, means, spreads = points(container)
        assert places.tolist() == sorted(values)
        assert means.tolist() == frame[f"mean_{name}"].tolist()
        np.testing.assert_allclose(spreads, frame[f"std_{name}"], rtol=1e-9)
        assert container[0].get_linestyle() == "-"
    assert by_loss.get_xscale() == by_test.get_xscale() == "log"
    assert by_loss.get_xlabel() == "learning_rate_init"
    assert by_test.get_ylabel() == "Test accuracy"
    assert [text.get_text() for text in by_loss.get_legend().get_texts()] == [
        "training",
        "validation",
    ]
    assert [line.get_label() for line in display.lines_] == ["0.01", "1e-4", "0.001"]
    assert by_epoch.get_xlabel() == "Epoch"
    for place, line in enumerate(display.lines_):
        curves = [sweep.curves[i]["validation_loss"] for i in range(6 * place, 6 * place + 6)]
        np.testing.assert_allclose(line.get_ydata(), np.mean(curves, axis=0), rtol=1e-12)


def test_the_values_are_named_beside_the_curves_where_there_is_room():
    sweep = nnhp.sweep(net(), X, Y, "alpha", [1e-4, 1e-2], cv=3, repeats=1)
    _, axes = plt.subplots(1, 3)  # which nothing lays out
    for display, beside in ((sweep.plot(), True), (sweep.plot(axes), False)):
        display.figure_.draw_without_rendering()
        panel = display.axes_[2]
        assert (panel.get_legend().get_window_extent().x0 >= panel.bbox.x1) == beside
        assert panel.get_legend().get_window_extent().x1 <= display.figure_.bbox.x1


def test_names_are_categories_in_their_order():
    ways = {"z": {}, "a": {"alpha": 1.0}, "none": {"alpha": 0.0}}
    display = nnhp.sweep(net(), X, Y, "way", ways, cv=3, repeats=1).plot()
    panel = display.axes_[1]
    assert [tick.get_text() for tick in panel.get_xticklabels()] == ["z", "a", "none"]
    assert points(panel.containers[0])[0].tolist() == [0, 1, 2]
    assert panel.containers[0][0].get_linestyle() == "None"
    mixed = nnhp.sweep(net(), X, Y, "batch_size", [64, "auto", 8], cv=3, repeats=1).plot()
    assert [t.get_text() for t in mixed.axes_[0].get_xticklabels()] == ["64", "auto", "8"]


def test_what_diverged_is_not_drawn():
    runs = [made_run(), made_run(value=1, validation_loss=np.nan, diverged=True)]
    by_loss, _, by_epoch = made_sweep(runs, values=["good", "bad"]).plot().axes_
    assert [line.get_label() for line in by_epoch.lines] == ["good"]
    assert np.isnan(by_loss.containers[1][0].get_ydata()).tolist() == [False, True]


def test_a_run_that_has_ended_counts_on_with_its_last_loss():
    short, long = np.array([3.0, 1.0]), np.array([3.0, 2.0, 1.0, 0.0])
    runs = [
        made_run(validation_curve=short, train_curve=short, epochs=2),
        made_run(fold=1, validation_curve=long, train_curve=long, epochs=4),
    ]
    (line,) = made_sweep(runs, values=["a"]).plot().lines_
    assert line.get_xdata().tolist() == [1, 2, 3, 4]
    assert line.get_ydata().tolist() == [3.0, 1.5, 1.0, 0.5]


def test_where_the_picture_is_drawn():
    sweep = made_sweep([made_run()], values=["a"])
    figure, (left, right) = plt.subplots(1, 2)
    display = sweep.plot(right)
    assert display.figure_ is figure
    assert len(left.get_children()) == len(plt.figure().add_subplot().get_children())
    figure, axes = plt.subplots(1, 3)
    assert list(sweep.plot(axes).axes_) == list(axes)
    with pytest.raises(ValueError, match="3 panels, but ax holds 2"):
        sweep.plot(axes[:2])


def test_many_values_have_colours_from_pale_to_dark():
    runs = [made_run(value=value) for value in range(9)]
    lines = made_sweep(runs, values=list(range(9))).plot().lines_
    assert len({tuple(line.get_color()) for line in lines}) == 9
    brightness = [sum(line.get_color()[:3]) for line in lines]
    assert brightness == sorted(brightness, reverse=True)


def test_without_matplotlib_it_says_what_to_install(monkeypatch):
    sweep = made_sweep([made_run()], values=["a"])
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"SweepDisplay.*pip install 'nnhp\[plots\]'"):
        sweep.plot()
    with pytest.raises(ImportError, match=r"pip install 'nnhp\[plots\]'"):
        SweepDisplay.plot(object.__new__(SweepDisplay))
