"""The displays of fitted nets: what is drawn, against the nets' own numbers."""

import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from helpers import STOPS_EARLY
from matplotlib import pyplot as plt
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, max_error
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import nnhp
from nnhp import FeatureExpansion, MLPClassifier, MLPRegressor, activations, losses, plots
from nnhp.plots import (
    ActivationHistogramDisplay,
    LossCurveDisplay,
    NeuronMapsDisplay,
    WeightsDisplay,
)

mpl.use("Agg")
pytestmark = STOPS_EARLY

NAMES = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
X, Y = load_iris(return_X_y=True, as_frame=True)
SPECIES = load_iris().target_names[Y]

# Display -> how it is made of an estimator, with keywords of `plot`
DISPLAYS = {
    LossCurveDisplay: LossCurveDisplay.from_estimator,
    WeightsDisplay: WeightsDisplay.from_estimator,
    ActivationHistogramDisplay: lambda net, **kw: ActivationHistogramDisplay.from_estimator(
        net, X, **kw
    ),
    NeuronMapsDisplay: lambda net, **kw: NeuronMapsDisplay.from_estimator(net, X, y=Y, **kw),
}
LAYERED = [Display for Display in DISPLAYS if Display is not LossCurveDisplay]
all_displays = pytest.mark.parametrize("Display", DISPLAYS)
layered_displays = pytest.mark.parametrize("Display", LAYERED)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def net(**parameters):
    parameters = {"hidden_layer_sizes": (6, 5), "max_iter": 8, "random_state": 0} | parameters
    return MLPClassifier(**parameters)


def regressor(**parameters):
    parameters = {"hidden_layer_sizes": (6,), "max_iter": 8, "random_state": 0} | parameters
    return MLPRegressor(**parameters)


def drawn(display):
    """Draw in earnest: what matplotlib does late can fail late."""
    display.figure_.canvas.draw()
    assert any(ax.has_data() for ax in display.figure_.axes)
    return display


def texts(labels):
    return [text.get_text() for text in labels]


def legend_of(ax):
    return texts(ax.get_legend().get_texts())


# ------------------------------------------------------------------ of what they are made


@all_displays
def test_it_is_public(Display):
    assert Display.__name__ in plots.__all__
    assert getattr(plots, Display.__name__) is Display


FORMS = {
    "pipeline": lambda: make_pipeline(StandardScaler(), net()),
    "pipeline of one step": lambda: make_pipeline(net()),
    "pipeline in a pipeline": lambda: make_pipeline(
        "passthrough", make_pipeline(StandardScaler(), net())
    ),
    "search": lambda: GridSearchCV(net(), {"alpha": [0.1]}, cv=2),
    "nnhp's search of a pipeline": lambda: nnhp.GridSearchCV(
        make_pipeline(StandardScaler(), net()), {"mlpclassifier__alpha": [0.1]}, cv=2
    ),
    "pipeline of a search": lambda: make_pipeline(
        StandardScaler(), GridSearchCV(net(), {"alpha": [0.1]}, cv=2)
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_net_is_found_wherever_it_is(form):
    estimator = FORMS[form]().fit(X, Y)
    found = estimator
    while not isinstance(found, MLPClassifier):
        steps = getattr(found, "steps", None)
        found = steps[-1][1] if steps else found.best_estimator_
    curve = LossCurveDisplay.from_estimator(estimator).lines_["train_loss"][0]
    assert_array_equal(curve.get_ydata(), found.loss_curve_)
    weights = WeightsDisplay.from_estimator(estimator)
    assert_array_equal(weights.images_[1].get_array(), found.coefs_[1])
    assert texts(weights.axes_[0].get_yticklabels()) == NAMES
    outputs = ActivationHistogramDisplay.from_estimator(estimator, X).outputs[-1]
    assert_array_equal(outputs, estimator.predict_proba(X))
    maps = NeuronMapsDisplay.from_estimator(estimator, X, (2, 3), y=Y)
    grid = pd.DataFrame(
        {name: np.full(2500, X[name].mean()) for name in NAMES[:2]}
        | {NAMES[2]: np.tile(maps.x, 50), NAMES[3]: np.repeat(maps.y, 50)}
    )
    expected = estimator.predict_proba(grid).reshape(50, 50, 3)
    assert_array_equal(maps.maps[-1], np.moveaxis(expected, 2, 0))


@all_displays
def test_what_is_not_fitted_is_refused(Display):
    unfitted = [
        net(),
        make_pipeline(StandardScaler(), net()),
        GridSearchCV(net(), {"alpha": [0.1]}),
    ]
    for estimator in unfitted:
        with pytest.raises(NotFittedError):
            DISPLAYS[Display](estimator)


@all_displays
def test_what_is_no_net_is_refused(Display):
    for other in (
        LogisticRegression(max_iter=1000).fit(X, Y),
        make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y),
        GridSearchCV(net(), {"alpha": [0.1]}, cv=2, refit=False).fit(X, Y),
        "net",
    ):
        with pytest.raises(TypeError, match="must be a fitted MLPClassifier or MLPRegressor"):
            DISPLAYS[Display](other)


@layered_displays
def test_an_ensemble_has_several_nets(Display):
    search = nnhp.GridSearchCV(net(), {"alpha": [0.1]}, cv=2, ensemble=True).fit(X, Y)
    with pytest.raises(TypeError, match="a FoldEnsemble has several: give one of `estimators`"):
        DISPLAYS[Display](search)
    drawn(DISPLAYS[Display](search.best_estimator_.estimators[0]))


@layered_displays
def test_layers_can_be_chosen(Display):
    fitted = net().fit(X, Y)
    assert DISPLAYS[Display](fitted).layers_ == [0, 1, 2]
    assert drawn(DISPLAYS[Display](fitted, layers=-1)).layers_ == [2]
    assert drawn(DISPLAYS[Display](fitted, layers=[2, 0])).layers_ == [2, 0]
    for wrong in (3, [-4], [], [0, 7]):
        with pytest.raises(ValueError, match=r"among 0 to 2 \(the output layer, also -1\), got"):
            DISPLAYS[Display](fitted, layers=wrong)
    for wrong in ("output", 1.5, [None]):
        with pytest.raises(TypeError, match="layers must be None, an int or a sequence of int"):
            DISPLAYS[Display](fitted, layers=wrong)


@all_displays
def test_one_axes_is_enough(Display):
    fitted = net(early_stopping=True).fit(X, Y)
    figure, (left, right) = plt.subplots(1, 2)
    display = drawn(DISPLAYS[Display](fitted, ax=right))
    assert display.figure_ is figure
    assert len(plt.get_fignums()) == 1
    assert not left.has_data()
    again = display.plot()
    assert again is display
    assert display.figure_ is not figure


@all_displays
def test_without_matplotlib_it_says_what_to_install(Display, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=rf"{Display.__name__}.*pip install 'nnhp\[plots\]'"):
        DISPLAYS[Display](None)
    with pytest.raises(ImportError, match=r"pip install 'nnhp\[plots\]'"):
        Display.plot(object.__new__(Display))


@all_displays
def test_text_is_no_formula(Display):
    names = ["$a_{", "b\nc", r"\frac$", "d"]
    table = X.set_axis(names, axis=1)
    labels = np.array(["$x_{", "y$", "z\n"])[Y]
    fitted = net().fit(table, labels)
    if Display in (LossCurveDisplay, WeightsDisplay):
        drawn(Display.from_estimator({"$net_{": fitted} if Display is LossCurveDisplay else fitted))
    elif Display is ActivationHistogramDisplay:
        drawn(Display.from_estimator(fitted, table))
    else:
        display = drawn(Display.from_estimator(fitted, table, ("$a_{", "b\nc"), y=labels))
        assert display.axes_[-1][2].get_xlabel() == r"\$a_{"
        assert display.axes_[-1][2].get_ylabel() == "b c"


# ------------------------------------------------------------------ loss curves


def test_losses_and_validation_scores_of_one_net():
    fitted = net(early_stopping=True, validation_fraction=0.3).fit(X, Y)
    display = drawn(LossCurveDisplay.from_estimator(fitted))
    losses, scores = display.axes_
    for column, values in {
        "train_loss": fitted.loss_curve_,
        "validation_loss": fitted.validation_loss_curve_,
        "validation_score": fitted.validation_scores_,
    }.items():
        [line] = display.lines_[column]
        assert_array_equal(line.get_xdata(), np.arange(1, 9))
        assert_array_equal(line.get_ydata(), values)
        assert_array_equal(display.curves[column], values)
    training, validation = display.lines_["train_loss"][0], display.lines_["validation_loss"][0]
    assert (training.get_linestyle(), validation.get_linestyle()) == ("-", "--")
    assert training.get_color() != validation.get_color()
    assert legend_of(losses) == ["training", "validation"]
    assert losses.get_ylabel() == "Loss (log_loss)"
    assert scores.get_ylabel() == "Accuracy (validation)"
    assert {ax.get_xlabel() for ax in display.axes_} == {"Epoch"}
    best = int(np.argmax(fitted.validation_scores_))
    star = scores.lines[-1]
    assert star.get_xydata().tolist() == [[best + 1, fitted.best_validation_score_]]
    assert legend_of(scores) == [f"best: {fitted.best_validation_score_:.4g} (epoch {best + 1})"]


def test_without_validation_there_is_one_curve():
    fitted = regressor().fit(X, Y)
    display = drawn(LossCurveDisplay.from_estimator(fitted))
    assert len(display.axes_) == 1
    assert display.lines_["validation_loss"] == []
    assert legend_of(display.axes_[0]) == ["training"]
    assert display.axes_[0].get_ylabel() == "Loss (squared_error)"
    assert display.curves["validation_score"].isna().all()


def test_validation_data_of_ones_own_has_a_loss_alone():
    fitted = net().fit(X, Y, X_val=X[:50], y_val=Y[:50])
    display = LossCurveDisplay.from_estimator(fitted)
    assert_array_equal(
        display.lines_["validation_loss"][0].get_ydata(), fitted.validation_loss_curve_
    )
    assert len(display.axes_) == 1


@pytest.mark.parametrize("kind", ["dict", "list"])
def test_several_nets(kind):
    nets = [net(early_stopping=True).fit(X, Y), net(max_iter=5).fit(X, Y)]
    names = ["with", "without"] if kind == "dict" else ["net 0", "net 1"]
    given = dict(zip(names, nets, strict=True)) if kind == "dict" else nets
    display = drawn(LossCurveDisplay.from_estimator(given))
    losses, scores = display.axes_
    first, second = display.lines_["train_loss"]
    assert_array_equal(first.get_ydata(), nets[0].loss_curve_)
    assert_array_equal(second.get_xdata(), np.arange(1, 6))
    [validation] = display.lines_["validation_loss"]
    assert validation.get_color() == first.get_color() != second.get_color()
    assert legend_of(losses) == [*names, "training", "validation"]
    assert legend_of(scores)[0].startswith(f"{names[0]}, best: ")
    assert losses.get_ylabel() == "Loss (log_loss)"


def test_more_nets_than_colours():
    nets = {f"seed {seed}": net(max_iter=2, random_state=seed).fit(X, Y) for seed in range(9)}
    display = drawn(LossCurveDisplay.from_estimator(nets))
    colours = {mpl.colors.to_hex(line.get_color()) for line in display.lines_["train_loss"]}
    assert len(colours) == 9


def test_nets_of_different_kinds_share_an_axis():
    nets = [
        net(early_stopping=True).fit(X, Y),
        regressor(early_stopping=True, loss="poisson").fit(X, Y),
    ]
    display = LossCurveDisplay.from_estimator(nets)
    assert display.axes_[0].get_ylabel() == "Loss"
    assert display.axes_[1].get_ylabel() == "Validation score"


def test_the_folds_of_an_ensemble():
    search = nnhp.GridSearchCV(net(), {"alpha": [0.1]}, cv=3, ensemble=True).fit(X, Y)
    folds = search.best_estimator_.estimators
    display = drawn(LossCurveDisplay.from_estimator(search))
    for line, fold in zip(display.lines_["train_loss"], folds, strict=True):
        assert_array_equal(line.get_ydata(), fold.loss_curve_)
    assert legend_of(display.axes_[0]) == ["fold 0", "fold 1", "fold 2"]
    display = LossCurveDisplay.from_estimator({"all": search, "one": folds[0]})
    names = ["all, fold 0", "all, fold 1", "all, fold 2", "one"]
    assert legend_of(display.axes_[0]) == names


def test_a_validation_that_began_later_ends_with_the_training():
    fitted = net(max_iter=3, warm_start=True).fit(X, Y)
    fitted.fit(X, Y, X_val=X[:50], y_val=Y[:50])
    display = LossCurveDisplay.from_estimator(fitted)
    assert_array_equal(display.lines_["train_loss"][0].get_xdata(), np.arange(1, 7))
    assert_array_equal(display.lines_["validation_loss"][0].get_xdata(), [4, 5, 6])


@pytest.mark.parametrize(
    ("scoring", "name"),
    [
        (None, "R² (validation)"),
        ("loss", "Negative loss (validation)"),
        ("neg_mean_absolute_error", "Negative mean absolute error (validation)"),
        ("quantile", "D² (pinball) (validation)"),
    ],
)
def test_scores_have_a_name(scoring, name):
    given = {"loss": scoring} if scoring == "quantile" else {"scoring": scoring}
    fitted = regressor(early_stopping=True, **given).fit(X, Y)
    display = LossCurveDisplay.from_estimator(fitted, show="score")
    assert display.axes_[0].get_ylabel().replace("\n", " ") == name


def test_a_scorer_of_ones_own_has_a_name():
    scorer = make_scorer(max_error, greater_is_better=False)
    fitted = regressor(early_stopping=True, scoring=scorer, max_iter=2).fit(X, Y)
    label = LossCurveDisplay.from_estimator(fitted, show="score").axes_[0].get_ylabel()
    assert label.startswith("make_scorer(max_error")


def test_losses_of_many_magnitudes_are_on_a_log_axis():
    curves = pd.DataFrame({"estimator": "", "epoch": [1, 2, 3], "train_loss": [1.0, 0.1, 0.01]})
    curves = curves.assign(validation_loss=np.nan, validation_score=np.nan)
    assert LossCurveDisplay(curves=curves).plot().axes_[0].get_yscale() == "log"
    curves["train_loss"] = [1.0, 0.1, 0.02]
    axis = LossCurveDisplay(curves=curves, loss_name="$").plot().axes_[0]
    assert axis.get_yscale() == "linear"
    assert axis.get_ylim()[0] < 0.02 < 1 < axis.get_ylim()[1]
    assert axis.get_ylabel() == r"\$"


def test_one_epoch_is_a_point():
    [line] = LossCurveDisplay.from_estimator(net(max_iter=1).fit(X, Y)).lines_["train_loss"]
    assert line.get_marker() == "o"


def test_lines_take_keywords():
    display = LossCurveDisplay.from_estimator(net().fit(X, Y), line_kw={"lw": 5})
    assert display.lines_["train_loss"][0].get_linewidth() == 5


def test_what_has_no_curve_is_refused():
    bare = net(solver="lbfgs").fit(X, Y)
    with pytest.raises(ValueError, match="MLPClassifier has no loss_curve_: solver='lbfgs'"):
        LossCurveDisplay.from_estimator(bare)
    with pytest.raises(ValueError, match="MLPClassifier 'bare' has no loss_curve_"):
        LossCurveDisplay.from_estimator({"with": net().fit(X, Y), "bare": bare})
    with pytest.raises(ValueError, match="at least one fitted estimator"):
        LossCurveDisplay.from_estimator([])
    with pytest.raises(ValueError, match="no validation score: fit with early_stopping=True"):
        LossCurveDisplay.from_estimator(net().fit(X, Y), show="score")
    with pytest.raises(ValueError, match="show must be 'loss', 'score' or None, not 'both'"):
        LossCurveDisplay.from_estimator(net().fit(X, Y), show="both")


# ------------------------------------------------------------------ weights


def test_a_heat_map_per_layer():
    fitted = net().fit(X, SPECIES)
    display = drawn(WeightsDisplay.from_estimator(fitted))
    for image, weights in zip(display.images_, fitted.coefs_, strict=True):
        assert_array_equal(image.get_array(), weights)
        most = np.abs(weights).max()
        assert image.get_clim() == (-most, most), "zero has the pale colour"
    first, second, output = display.axes_
    assert texts(first.get_yticklabels()) == NAMES
    assert texts(output.get_xticklabels()) == ["setosa", "versicolor", "virginica"]
    assert first.get_title() == "Hidden layer 1: 4 x 6"
    assert output.get_title() == "Output layer: 5 x 3"
    assert second.get_ylabel() == "Unit of hidden layer 1"
    assert (first.get_ylabel(), output.get_xlabel()) == ("Input", "Output")
    bars = [ax for ax in display.figure_.axes if ax not in display.axes_]
    assert [bar.get_ylabel() for bar in bars] == ["Weight"] * 3


def test_colours_tell_signs():
    fitted = net(hidden_layer_sizes=()).fit(X, Y)
    fitted.coefs_[0][:] = [[-1, 0, 1]] * 4
    [image] = WeightsDisplay.from_estimator(fitted).images_
    negative, zero, positive = image.to_rgba(np.array([-1.0, 0.0, 1.0]))[:, :3]
    assert negative[0] > negative[2], "orange"
    assert positive[2] > positive[0], "blue"
    assert zero.min() > 0.9, "pale"


def test_later_edits_do_not_change_the_picture():
    fitted = net().fit(X, Y)
    display = WeightsDisplay.from_estimator(fitted)
    before = fitted.coefs_[0].copy()
    fitted.coefs_[0][:] = 0
    assert_array_equal(display.coefs[0], before)


def test_inputs_are_named_by_the_steps_before_the_net():
    steps = FeatureExpansion(features=["x1", "x2^2"])
    pipe = make_pipeline(StandardScaler(), steps, net()).fit(X.iloc[:, :2], Y)
    display = WeightsDisplay.from_estimator(pipe)
    assert display.feature_names == pipe[:-1].get_feature_names_out().tolist()
    assert texts(display.axes_[0].get_yticklabels()) == display.feature_names
    nameless = make_pipeline(FunctionTransformer(), net()).fit(X, Y)
    assert WeightsDisplay.from_estimator(nameless).feature_names == NAMES, "a table came through"
    nameless = make_pipeline(FunctionTransformer(np.asarray), net()).fit(X, Y)
    assert WeightsDisplay.from_estimator(nameless).feature_names == ["x0", "x1", "x2", "x3"]
    assert WeightsDisplay.from_estimator(net().fit(X.to_numpy(), Y)).feature_names[3] == "x3"


def test_names_can_be_given():
    fitted = net().fit(X.to_numpy(), Y)
    display = WeightsDisplay.from_estimator(fitted, feature_names=list("abcd"))
    assert texts(display.axes_[0].get_yticklabels()) == list("abcd")
    with pytest.raises(ValueError, match="feature_names must have 4 entries, got 3"):
        WeightsDisplay.from_estimator(fitted, feature_names=list("abc"))


@pytest.mark.parametrize(
    ("estimator", "names"),
    [(net().set_params(hidden_layer_sizes=3), ["1"]), (regressor(hidden_layer_sizes=3), ["0"])],
)
def test_one_output(estimator, names):
    display = drawn(WeightsDisplay.from_estimator(estimator.fit(X, Y == 1)))
    if isinstance(estimator, MLPClassifier):
        names = ["True"]
    assert display.output_names == names
    assert display.axes_[0].get_title() == "Hidden layer: 4 x 3"


def test_pieces_of_maxout_are_named_by_their_unit():
    maxout = [activations.Maxout(3), "tanh"]
    fitted = net(hidden_layer_sizes=(4, 5), activation=maxout).fit(X, Y)
    display = drawn(WeightsDisplay.from_estimator(fitted))
    assert display.pieces == [3, 1, 1]
    first, second, _ = display.axes_
    names = texts(first.get_xticklabels())
    assert names[:5] == ["0/0", "1/0", "2/0", "3/0", "0/1"]
    assert len(names) == fitted.coefs_[0].shape[1]
    assert first.get_xlabel() == "Unit / piece"
    assert second.get_xlabel() == "Unit"
    assert display.images_[1].get_array().shape == (4, 5), "the next layer sees units"
    # A piece's name is that of the unit that puts its sum out.
    sample = X.iloc[[0]]
    sums = (sample @ fitted.coefs_[0] + fitted.intercepts_[0]).to_numpy().ravel()
    [outputs] = fitted.layer_outputs(sample)[0]
    for unit, output in enumerate(outputs):
        of_unit = [k for k, name in enumerate(names) if name.startswith(f"{unit}/")]
        assert_allclose(sums[of_unit].max(), output)


@pytest.mark.parametrize("levels", [0.5, (0.1, 0.5, 0.9)])
def test_outputs_of_quantiles_are_named(levels):
    fitted = regressor(loss=losses.Quantile(levels)).fit(X, Y)
    names = [f"quantile {level}" for level in np.atleast_1d(levels)]
    display = drawn(WeightsDisplay.from_estimator(fitted, layers=-1))
    assert texts(display.axes_[0].get_xticklabels()) == names
    maps = drawn(NeuronMapsDisplay.from_estimator(fitted, X, y=Y))
    titles = [ax.get_title() for ax in maps.axes_[-1]]
    assert titles == (names if len(names) > 1 else ["Output layer"])
    assert_array_equal(maps.targets, np.repeat(np.reshape(Y, (-1, 1)), len(names), axis=1))


def test_a_histogram_per_layer():
    fitted = net(hidden_layer_sizes=(60, 50)).fit(X, Y)
    display = drawn(WeightsDisplay.from_estimator(fitted, kind="histogram"))
    assert display.images_ == []
    assert [len(counts) for counts, _ in display.histograms_] == [15, 50, 12]
    for ax, (counts, edges), weights in zip(
        display.axes_, display.histograms_, fitted.coefs_, strict=True
    ):
        assert counts.sum() == weights.size
        assert (edges[0], edges[-1]) == (weights.min(), weights.max())
        assert_array_equal([bar.get_height() for bar in ax.patches], counts)
        assert_allclose([bar.get_x() for bar in ax.patches], edges[:-1])
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("Weight", "Number of weights")
    few = WeightsDisplay.from_estimator(fitted, kind="histogram", bins=7, bar_kw={"fc": "red"})
    assert len(few.axes_[0].patches) == 7
    assert few.axes_[0].patches[0].get_facecolor() == (1, 0, 0, 1)
    with pytest.raises(ValueError, match="kind must be 'heatmap' or 'histogram', not 'graph'"):
        WeightsDisplay.from_estimator(fitted, kind="graph")


def test_many_features_are_named_in_part_and_few_take_no_room():
    rng = np.random.default_rng(0)
    wide = regressor().fit(rng.standard_normal((20, 100)), rng.standard_normal(20))
    display = drawn(WeightsDisplay.from_estimator(wide))
    assert texts(display.axes_[0].get_yticklabels()) == [f"x{i}" for i in range(0, 100, 3)]
    assert display.figure_.get_figheight() > 6
    assert WeightsDisplay.from_estimator(wide, layers=1).figure_.get_figheight() == 3.8


def test_layers_wrap_into_rows():
    deep = net(hidden_layer_sizes=(3,) * 4).fit(X, Y)
    display = drawn(WeightsDisplay.from_estimator(deep, n_cols=2))
    rows = [ax.get_subplotspec().rowspan.start for ax in display.axes_]
    assert rows == [0, 0, 1, 1, 2]
    _, axes = plt.subplots(1, 5)
    assert list(WeightsDisplay.from_estimator(deep, ax=axes).axes_) == list(axes)


def test_weights_without_an_estimator():
    display = drawn(WeightsDisplay(coefs=[np.zeros((2, 3)), np.ones((3, 1))]).plot())
    assert display.axes_[0].get_title() == "Layer 1: 2 x 3"
    assert texts(display.axes_[0].get_yticklabels()) == ["0", "1"]
    assert display.images_[0].get_clim() == (-1, 1), "nothing but zeros"


# ------------------------------------------------------------------ histograms of activations


def test_a_histogram_of_outputs_per_layer():
    fitted = net(activation=["relu", "tanh"]).fit(X, SPECIES)
    display = drawn(ActivationHistogramDisplay.from_estimator(fitted, X))
    for outputs, expected in zip(display.outputs, fitted.layer_outputs(X), strict=True):
        assert_array_equal(outputs, expected)
    limits = [None, (-1, 1), (0, 1)]
    for i, (ax, (shares, edges)) in enumerate(zip(display.axes_, display.histograms_, strict=True)):
        counts, expected_edges = np.histogram(display.outputs[i], 40, limits[i])
        assert_allclose(shares, counts / display.outputs[i].size)
        assert_array_equal(edges, expected_edges)
        assert shares.sum() == pytest.approx(1)
        bars = [bar for bar in ax.patches if bar.get_height() != 1]
        assert_allclose([bar.get_height() for bar in bars][: len(shares)], shares)
    labels = [ax.get_xlabel() for ax in display.axes_]
    assert labels == ["Output of relu", "Output of tanh", "Output of softmax"]
    assert [ax.get_ylabel() for ax in display.axes_] == ["Share of outputs", "", ""]
    assert display.axes_[2].get_title() == "Output layer"


def test_dead_units_are_counted():
    fitted = net(hidden_layer_sizes=(10, 5), activation="relu").fit(X, Y)
    fitted.intercepts_[0][[2, 7]] = -1e6
    fitted.intercepts_[0][[0, 1, 3, 4, 5, 6, 8, 9]] = 1e6
    display = ActivationHistogramDisplay.from_estimator(fitted, X)
    dead = np.isin(np.arange(10), [2, 7])
    assert_array_equal(display.dead_units[0], dead)
    assert_array_equal(display.flat_samples[0], dead.astype(float))
    assert_array_equal(display.dead_units[1], (display.outputs[1] == 0).all(axis=0))
    assert display.dead_units[2] is None
    assert display.saturated_units == [None] * 3
    assert display.axes_[0].get_title() == "Hidden layer 1\n2 of 10 units dead (20%)"


def test_saturated_units_are_counted():
    fitted = net(hidden_layer_sizes=(4,), activation="tanh").fit(X, Y)
    outputs = np.zeros((20, 4))
    outputs[:, 0] = 0.96
    outputs[:18, 1] = -1
    outputs[:17, 2] = 1
    outputs[:, 3] = 0.94
    display = ActivationHistogramDisplay(
        outputs=[outputs, np.ones((20, 1))], activations=["tanh", "logistic"]
    ).plot()
    assert_allclose(display.flat_samples[0], [1, 0.9, 0.85, 0])
    assert display.saturated_units[0].tolist() == [True, True, False, False]
    assert display.dead_units == [None, None]
    assert display.axes_[0].get_title() == "Layer 1\n2 of 4 units saturated (50%)"
    assert display.flat_samples[1] is None, "a sure output is no fault"
    fitted.coefs_[0][:] = 0
    fitted.intercepts_[0][:] = [9, -9, 0, 1]
    display = ActivationHistogramDisplay.from_estimator(fitted, X)
    assert display.saturated_units[0].tolist() == [True, True, False, False]


PARAMETERS = [
    *[activations.ELU(alpha) for alpha in (0.05, 0.5, 3.0, 20.0)],
    *[activations.LeakyReLU(slope) for slope in (0.0, 0.05, 0.5, 20.0)],
]


@pytest.mark.parametrize("given", [*nnhp._core.activations(), *PARAMETERS], ids=str)
def test_flat_is_where_the_slope_is_below_a_tenth_of_the_greatest(given):
    """Told by the outputs alone, against the slopes of the engine's own activation."""
    one = regressor(hidden_layer_sizes=(1,), activation=given, max_iter=1).fit([[0.0]], [0.0])
    one.coefs_[0][:], one.intercepts_[0][:] = 1, 0
    z = np.arange(-12, 12, 1e-3)[:, np.newaxis] + 3e-4  # beside the kinks
    outputs = one.layer_outputs(z)[0].ravel()
    step = 1e-6
    ahead, behind = (one.layer_outputs(z + side * step)[0].ravel() for side in (1, -1))
    slopes = (ahead - behind) / (2 * step)
    is_flat = slopes < 0.1 * slopes.max()
    (flat, _) = ActivationHistogramDisplay.from_estimator(one, z)._flats
    if flat is None and is_flat.any():  # where it is not there are outputs on both sides of it
        steep = outputs[~is_flat & (z.ravel() < 0.01)]
        assert steep.min() < np.median(outputs[is_flat]) < steep.max(), "outputs would tell"
    if flat is None:
        return
    at_the_end = np.abs(slopes / slopes.max() - 0.1) < 1e-4
    found = (outputs <= flat.low) | (outputs >= flat.high)
    assert_array_equal(found[~at_the_end], is_flat[~at_the_end])
    assert 0 < is_flat.sum() < len(z)


def test_dead_units_by_the_activation_s_own_parameter():
    outputs = np.array([[-0.5, -0.2], [-0.5, 0.3]])
    for given, dead in [
        ("elu", [False, False]),
        (activations.ELU(0.5), [True, False]),
        (activations.ELU(0.01), [True, False]),
        (activations.LeakyReLU(0.05), [True, False]),
    ]:
        display = ActivationHistogramDisplay(
            outputs=[outputs, outputs], activations=[given, "identity"]
        )
        assert display.dead_units[0].tolist() == dead, given
    for given in ("leaky_relu", activations.PReLU(0.0), "gelu"):
        display = ActivationHistogramDisplay(
            outputs=[outputs, outputs], activations=[given, "identity"]
        )
        assert display.dead_units == [None, None], given


def test_a_wide_range_of_shares_is_on_a_log_axis():
    outputs = np.r_[np.zeros(999), 1.0][:, np.newaxis]
    for values, scale in ((outputs, "log"), (outputs[-90:], "linear")):
        display = ActivationHistogramDisplay(outputs=[values], activations=["identity"]).plot()
        assert display.axes_[0].get_yscale() == scale
    assert display.axes_[0].get_title() == "Layer 1"


def test_the_ground_of_flat_outputs_is_marked():
    outputs = np.linspace(-0.99, 0.99, 50)[:, np.newaxis]
    display = drawn(
        ActivationHistogramDisplay(outputs=[outputs, outputs], activations=["tanh"] * 2).plot()
    )
    marked = [patch.get_x() for patch in display.axes_[0].patches[40:]]
    assert_allclose(marked, [-1.04, np.sqrt(0.9)], atol=1e-9)
    assert len(display.axes_[1].patches) == 40, "not in the output layer"


def test_bars_take_keywords_and_bins():
    display = ActivationHistogramDisplay.from_estimator(
        net().fit(X, Y), X, bins=5, layers=0, bar_kw={"ec": "black"}
    )
    assert len(display.histograms_[0][0]) == 5
    assert display.axes_[0].patches[0].get_edgecolor() == (0, 0, 0, 1)


def test_samples_may_be_sparse_and_must_fit():
    fitted = net().fit(X.to_numpy(), Y)
    display = ActivationHistogramDisplay.from_estimator(fitted, sp.csr_array(X.to_numpy()))
    assert_array_equal(display.outputs[-1], fitted.predict_proba(X.to_numpy()))
    with pytest.raises(ValueError, match="X has 3 features"):
        ActivationHistogramDisplay.from_estimator(fitted, X.to_numpy()[:, 1:])


# ------------------------------------------------------------------ maps of neurons


def test_every_unit_has_its_map():
    fitted = net(activation="tanh").fit(X, SPECIES)
    features = ("petal length (cm)", "sepal width (cm)")
    display = drawn(NeuronMapsDisplay.from_estimator(fitted, X, features, grid_resolution=7))
    assert [maps.shape for maps in display.maps] == [(6, 7, 7), (5, 7, 7), (3, 7, 7)]
    means = X.mean()
    for row, column in [(0, 0), (2, 5), (6, 1)]:
        sample = means.copy()
        sample[list(features)] = display.x[column], display.y[row]
        for maps, outputs in zip(
            display.maps, fitted.layer_outputs(sample.to_frame().T), strict=True
        ):
            assert_allclose(maps[:, row, column], outputs[0], rtol=1e-12)
    for name, axis in zip(features, (display.x, display.y), strict=True):
        low, high = X[name].min(), X[name].max()
        margin = 0.05 * (high - low)
        assert_allclose(axis, np.linspace(low - margin, high + margin, 7))
    expected = {name: means[name] for name in NAMES if name not in features}
    assert display.held == pytest.approx(expected, rel=1e-14)
    for layer, images in enumerate(display.images_):
        for unit, image in enumerate(images):
            assert_array_equal(image.get_array(), display.maps[layer][unit])
            assert image.origin == "lower"


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
def test_maps_of_normalized_pieces(normalization):
    """One map per unit, of what the unit puts out: the greatest of its normalized sums."""
    fitted = net(
        hidden_layer_sizes=(4,), activation=activations.Maxout(2), normalization=normalization
    ).fit(X, Y)
    display = drawn(NeuronMapsDisplay.from_estimator(fitted, X, grid_resolution=6))
    assert [maps.shape for maps in display.maps] == [(4, 6, 6), (3, 6, 6)]
    grid = np.tile(X.mean().to_numpy(), (36, 1))
    grid[:, 0], grid[:, 1] = np.tile(display.x, 6), np.repeat(display.y, 6)
    sums = grid @ fitted.coefs_[0] + fitted.intercepts_[0]
    if normalization is not None:
        given = fitted.norm_params_[0]
        if normalization == "layer":
            mean, variance = sums.mean(axis=1, keepdims=True), sums.var(axis=1, keepdims=True)
        else:
            mean, variance = given["mean"], given["variance"]
        sums = given["scale"] * (sums - mean) / np.sqrt(variance + 1e-3) + given["shift"]
    expected = np.maximum(sums[:, :4], sums[:, 4:])
    assert_allclose(display.maps[0].reshape(4, 36).T, expected, rtol=1e-9)


def test_layers_stand_side_by_side_and_the_output_last():
    display = drawn(NeuronMapsDisplay.from_estimator(net().fit(X, SPECIES), X, y=SPECIES))
    lefts = [column[0].get_position().x0 for column in display.axes_]
    assert lefts == sorted(lefts)
    tops = [ax.get_position().y1 for ax in display.axes_[0]]
    assert tops == sorted(tops, reverse=True)
    titles = [column[0].get_title() for column in display.axes_]
    assert titles == ["Hidden layer 1", "Hidden layer 2", "setosa"]
    assert [ax.get_ylabel() for ax in display.axes_[1]] == list("01234")
    hidden = [ax.get_position().height for column in display.axes_[:2] for ax in column]
    assert_allclose(hidden, hidden[0], rtol=0.05)
    outputs = display.axes_[-1]
    assert [ax.get_title() for ax in outputs] == ["setosa", "versicolor", "virginica"]
    assert outputs[0].get_position().width > 3 * display.axes_[0][0].get_position().width
    assert outputs[-1].get_xlabel() == NAMES[0]
    assert outputs[-1].get_ylabel() == NAMES[1]
    assert display.figure_.axes[-1].get_ylabel() == "Probability"


def test_the_map_lies_under_its_points():
    """A cell's middle is the place that it was computed for."""
    display = NeuronMapsDisplay.from_estimator(net().fit(X, Y), X, y=Y, grid_resolution=5)
    left, right, down, up = display.images_[-1][0].get_extent()
    assert_allclose((right - left) / 5, np.diff(display.x))
    assert_allclose(
        [left + (right - left) / 10, down + (up - down) / 10], [display.x[0], display.y[0]]
    )
    assert_array_equal(display.points_[0].get_offsets(), X.iloc[:, :2])


def colours_of(points):
    points.update_scalarmappable()
    return points.get_facecolors()[:, :3]


def test_points_of_two_classes():
    y = np.where(Y == 2, "yes", "no")
    display = drawn(NeuronMapsDisplay.from_estimator(net().fit(X, y), X, y=y))
    [[image], [points]] = display.images_[-1], display.points_
    assert image.get_clim() == (0, 1)
    found = colours_of(points)
    assert len(np.unique(found, axis=0)) == 2
    assert (found[y == "yes", 2] > found[y == "yes", 0]).all(), "blue"
    assert (found[y == "no", 0] > found[y == "no", 2]).all(), "orange"
    assert_array_equal(display.targets[:, 0], y == "yes")
    sure = image.to_rgba(np.array([0.0, 1.0]))[:, :3]
    assert (np.abs(found[:, np.newaxis] - sure).sum(axis=2) > 0.3).all(), "seen on any ground"
    assert display.axes_[-1][0].get_title() == "Output layer"
    assert display.figure_.axes[-1].get_ylabel() == "Probability of class yes"


def test_points_of_several_classes_and_labels():
    display = NeuronMapsDisplay.from_estimator(net().fit(X, SPECIES), X, y=SPECIES)
    assert_array_equal(display.targets, SPECIES[:, np.newaxis] == np.unique(SPECIES))
    assert len(display.points_) == 3
    for k, points in enumerate(display.points_):
        blue = colours_of(points)[:, 2] > colours_of(points)[:, 0]
        assert_array_equal(blue, np.equal(Y, k))
    labels = np.column_stack([Y == 1, Y > 0]).astype(int)
    display = NeuronMapsDisplay.from_estimator(net().fit(X, labels), X, y=labels)
    assert_array_equal(display.targets, labels)


def test_points_of_a_regression_have_the_colours_of_predictions():
    targets = np.column_stack([Y, 10.0 - Y])
    for y in (Y, targets):
        display = drawn(NeuronMapsDisplay.from_estimator(regressor().fit(X, y), X, y=y))
        assert_array_equal(display.targets, np.reshape(y, (150, -1)))
        values = np.concatenate([display.maps[-1].ravel(), display.targets.ravel()])
        for image, points in zip(display.images_[-1], display.points_, strict=True):
            assert image.get_clim() == points.get_clim() == (values.min(), values.max())
            assert image.get_cmap() == points.get_cmap()
        assert_array_equal(display.points_[-1].get_array(), display.targets[:, -1])
        assert display.figure_.axes[-1].get_ylabel() == "Prediction"


def test_one_column_of_numbers_is_drawn_over_each_output():
    fitted = regressor().fit(X, np.column_stack([Y, 10.0 - Y]))
    display = NeuronMapsDisplay.from_estimator(fitted, X, y=Y)
    assert_array_equal(display.targets, np.column_stack([Y, Y]))
    with pytest.raises(ValueError, match="y must have 2 columns, got 3"):
        NeuronMapsDisplay.from_estimator(fitted, X, y=np.ones((150, 3)))


def test_without_targets_there_are_no_points():
    display = drawn(NeuronMapsDisplay.from_estimator(net().fit(X, Y), X))
    assert display.points_ == []
    assert display.targets is None


def test_hidden_maps_are_pale_at_zero():
    display = NeuronMapsDisplay.from_estimator(net(activation="tanh").fit(X, Y), X)
    for images, maps in zip(display.images_[:-1], display.maps, strict=False):
        for image, values in zip(images, maps, strict=True):
            most = np.abs(values).max()
            assert image.get_clim() == (-most, most)
    assert display.images_[0][0].to_rgba(np.array([0.0]))[0, :3].min() > 0.9


def test_wide_layers_show_the_units_that_vary_most():
    fitted = net(hidden_layer_sizes=(12, 4)).fit(X, Y)
    display = drawn(NeuronMapsDisplay.from_estimator(fitted, X, max_units=3))
    spread = display.maps[0].std(axis=(1, 2))
    assert len(display.units_[0]) == 3
    assert spread[display.units_[0]].min() >= np.delete(spread, display.units_[0]).max()
    assert display.units_[0] == sorted(display.units_[0])
    assert display.axes_[0][0].get_title() == "Hidden layer 1\n3 of 12 units"
    assert [ax.get_ylabel() for ax in display.axes_[0]] == [str(i) for i in display.units_[0]]
    two = display.plot(max_units=2)
    assert two.figure_.axes[-1].get_ylabel() == "Probability (2 of 3 outputs)"
    with pytest.raises(ValueError, match="max_units must be at least 1, got 0"):
        display.plot(max_units=0)


def test_many_outputs_stand_in_two_columns():
    display = drawn(NeuronMapsDisplay.from_estimator(net().fit(X, np.arange(150) % 5), X))
    places = [ax.get_subplotspec() for ax in display.axes_[-1]]
    rows = [(place.rowspan.start, place.colspan.start) for place in places]
    assert rows == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]


def test_a_linear_model_has_its_output_alone():
    display = drawn(NeuronMapsDisplay.from_estimator(net(hidden_layer_sizes=()).fit(X, Y), X))
    assert [len(column) for column in display.axes_] == [3]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "list"])
def test_arrays_of_any_kind(dtype):
    samples = X.to_numpy().tolist() if dtype == "list" else (10 * X).to_numpy().astype(dtype)
    fitted = net().fit(samples, Y)
    display = drawn(NeuronMapsDisplay.from_estimator(fitted, samples, ("x2", 1), grid_resolution=4))
    grid = np.tile(np.mean(samples, axis=0, dtype=np.float64), (16, 1))
    grid[:, 2], grid[:, 1] = np.tile(display.x, 4), np.repeat(display.y, 4)
    expected = fitted.predict_proba(grid.astype("float32" if dtype == "float32" else "float64"))
    assert_allclose(display.maps[-1].reshape(3, 16).T, expected, rtol=1e-6)
    assert display.feature_names == ("x2", "x1")


def test_it_says_that_the_others_are_held():
    fitted = net().fit(X, Y)
    display = drawn(NeuronMapsDisplay.from_estimator(fitted, X))
    assert display.figure_.get_suptitle() == "2 other features held fixed"
    _, ax = plt.subplots(layout="constrained")
    display = drawn(NeuronMapsDisplay.from_estimator(fitted, X, ax=ax))
    assert display.figure_.get_suptitle() == ""
    assert display.axes_[-1][-1].get_xlabel() == f"{NAMES[0]}\n2 other features held fixed"
    two = NeuronMapsDisplay.from_estimator(net().fit(X.iloc[:, :2], Y), X.iloc[:, :2])
    assert two.figure_.get_suptitle() == ""


@pytest.mark.parametrize("middle", ["mean", "median"])
def test_where_the_others_are_held(middle):
    fitted = net().fit(X, Y)
    display = NeuronMapsDisplay.from_estimator(
        fitted, X, (0, 1), middle=middle, values={"petal width (cm)": 2.5}
    )
    expected = X[NAMES[2]].mean() if middle == "mean" else X[NAMES[2]].median()
    assert display.held == {NAMES[2]: expected, NAMES[3]: 2.5}
    by_position = NeuronMapsDisplay.from_estimator(fitted, X, middle=middle, values={3: 2.5})
    assert_array_equal(display.maps[0], by_position.maps[0])
    other = NeuronMapsDisplay.from_estimator(fitted, X, middle=middle)
    assert not np.array_equal(display.maps[0], other.maps[0])


def mixed_table():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "size": rng.uniform(0, 5, 60),
            "colour": pd.Categorical(rng.choice(["blue", "red", "red"], 60)),
            "name": rng.choice(["a", "b", "b", "b"], 60),
            "old": rng.random(60) < 0.7,
            "count": pd.array([None, *rng.integers(0, 9, 59).tolist()], dtype="Int64"),
            "weight": np.r_[np.nan, rng.uniform(0, 9, 59)].astype(np.float32),
        }
    )


def mixed_pipeline():
    named = make_column_transformer(
        (OneHotEncoder(handle_unknown="error"), ["colour", "name", "old"]),
        remainder=make_pipeline(
            FunctionTransformer(lambda table: table.astype(np.float64)), SimpleImputer()
        ),
    )
    return make_pipeline(named, StandardScaler(), net())


def test_a_pipeline_is_drawn_in_its_own_inputs():
    table = mixed_table()
    y = (table["size"] > 2).to_numpy()
    pipe = mixed_pipeline().fit(table, y)
    display = drawn(
        NeuronMapsDisplay.from_estimator(pipe, table, ("size", "weight"), y=y, grid_resolution=6)
    )
    assert display.held == {
        "colour": "red",
        "name": "b",
        "old": True,
        "count": table["count"].mean(),
    }
    sample = table.iloc[[5]].assign(colour="red", name="b", old=True)
    sample["colour"] = sample["colour"].astype(table["colour"].dtype)
    sample["count"] = float(table["count"].mean())
    sample["size"], sample["weight"] = display.x[4], np.float32(display.y[1])
    assert_allclose(display.maps[-1][0, 1, 4], pipe.predict_proba(sample)[0, 1], rtol=1e-12)
    offsets = display.points_[0].get_offsets()
    assert_array_equal(offsets[1:, 1], table["weight"][1:])
    counted = drawn(NeuronMapsDisplay.from_estimator(pipe, table, ("count", "size")))
    assert_allclose(counted.x[[0, -1]], [-0.4, 8.4])


def test_a_constant_feature_has_a_range():
    samples = X.assign(constant=3.0)
    display = drawn(
        NeuronMapsDisplay.from_estimator(net().fit(samples, Y), samples, (0, "constant"))
    )
    assert_allclose(display.y[[0, -1]], [2.5, 3.5])


def test_images_and_points_take_keywords():
    display = NeuronMapsDisplay.from_estimator(
        net().fit(X, Y), X, y=Y, image_kw={"alpha": 0.5}, scatter_kw={"s": 3}
    )
    assert display.images_[0][0].get_alpha() == display.images_[-1][0].get_alpha() == 0.5
    assert display.points_[0].get_sizes().tolist() == [3]


def test_decisions_are_pale_at_zero():
    maps = [np.array([[[-3.0, 0.0], [0.5, 2.0]]])]
    display = NeuronMapsDisplay(
        maps=maps,
        x=[0, 1],
        y=[0, 1],
        output_kind="decision",
        output_names=["spam"],
        points=np.zeros((2, 2)),
        targets=np.array([[0.0], [1.0]]),
    ).plot()
    assert display.images_[0][0].get_clim() == (-3, 3)
    assert display.points_[0].get_array().tolist() == [-3, 3]
    assert display.figure_.axes[-1].get_ylabel() == "Decision of class spam"


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"features": (0, "petal")}, ValueError, "features names 'petal', but the features of X"),
        ({"features": (0, "petal")}, ValueError, "'sepal width \\(cm\\)', 'petal length \\(cm\\)'"),
        ({"features": (0, 4)}, ValueError, "features has 4, but the positions are from 0 to 3"),
        ({"features": (-1, 0)}, ValueError, "features has -1"),
        ({"features": (0, 0.5)}, TypeError, "features must be names or positions, got 0.5"),
        ({"features": (1, NAMES[1])}, ValueError, "two different ones, got 'sepal width"),
        ({"features": (0, 1, 2)}, ValueError, r"two names or positions, got \(0, 1, 2\)"),
        ({"features": "ab"}, ValueError, "two names or positions, got 'ab'"),
        ({"values": {"petal": 1}}, ValueError, "values names 'petal', but the features of X are"),
        ({"values": {0: 1}}, ValueError, "values holds one of the two features drawn"),
        ({"middle": "mode"}, ValueError, "middle must be 'mean' or 'median', not 'mode'"),
        ({"grid_resolution": 1}, ValueError, "grid_resolution must be an int of at least 2, got 1"),
        ({"grid_resolution": 2.5}, ValueError, "grid_resolution must be an int .* got 2.5"),
        ({"y": Y[:-1]}, ValueError, r"one entry per sample \(150\), got 149"),
        ({"y": Y + 1}, ValueError, r"y has \[3\], but the net knows \[0, 1, 2\]"),
        ({"y": np.ones((150, 2))}, ValueError, "y must have 3 columns, got 2"),
        ({"X": sp.csr_array(X.to_numpy())}, TypeError, r"dense, as from X.toarray\(\)"),
        ({"X": X.to_numpy()[0]}, ValueError, r"shape \(n_samples, n_features\), got \(4,\)"),
        ({"X": X[:0]}, ValueError, "at least one sample"),
        ({"X": X.assign(**{NAMES[0]: "a"})}, ValueError, "'sepal length .*must hold numbers"),
        ({"X": X.assign(**{NAMES[0]: np.nan})}, ValueError, "'sepal length .*has no value"),
        ({"X": X.iloc[:, :3]}, ValueError, "feature names should match"),
        ({"ax": "here"}, ValueError, "ax must be one Axes made by subplots"),
    ],
)
def test_what_cannot_be_mapped_is_refused(changes, error, message):
    arguments = {"estimator": net().fit(X, Y), "X": X} | changes
    with pytest.raises(error, match=message):
        NeuronMapsDisplay.from_estimator(**arguments)


def test_loose_axes_cannot_be_divided():
    loose = plt.figure().add_axes((0, 0, 1, 1))
    with pytest.raises(ValueError, match="whose room can be divided"):
        NeuronMapsDisplay.from_estimator(net().fit(X, Y), X, ax=loose)
