"""scikit-learn's DecisionBoundaryDisplay of every estimator, Pipeline and search."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from helpers import STOPS_EARLY
from matplotlib import pyplot as plt
from sklearn.base import is_classifier
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nnhp import FeatureExpansion, GridSearchCV, MLPClassifier, MLPRegressor, losses

mpl.use("Agg")
pytestmark = STOPS_EARLY

X = np.random.default_rng(0).uniform(-1, 1, (90, 2))
TARGETS = {
    "binary": np.where(X[:, 0] * X[:, 1] > 0, "in", "out"),
    "multiclass": np.digitize(X[:, 0] + X[:, 1], [-0.5, 0.5]) * 10,
    "regression": np.sin(3 * X[:, 0]) + X[:, 1],
}
FORMS = {
    "alone": lambda net: net,
    "pipeline": lambda net: make_pipeline(StandardScaler(), FeatureExpansion(), net),
    "search": lambda net: GridSearchCV(net, {"alpha": [1e-4, 1e-2]}, cv=2),
    "ensemble": lambda net: GridSearchCV(net, {"alpha": [1e-4]}, cv=2, ensemble=True),
    "pipeline in a search": lambda net: GridSearchCV(
        make_pipeline(StandardScaler(), net), {f"{type(net).__name__.lower()}__alpha": [1e-4]}, cv=2
    ),
}


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def fitted(kind, form, samples=X):
    Estimator = MLPRegressor if kind == "regression" else MLPClassifier
    net = Estimator(hidden_layer_sizes=8, max_iter=20, random_state=0)
    return FORMS[form](net).fit(samples, TARGETS[kind])


def grid_of(display):
    return np.column_stack([display.xx0.ravel(), display.xx1.ravel()])


def expected_response(estimator, method, grid):
    """What is drawn, by the estimator's own methods."""
    answers = getattr(estimator, method)(grid)
    if method == "predict" and is_classifier(estimator):
        return np.searchsorted(estimator.classes_, answers)
    return answers[:, 1] if answers.ndim == 2 and answers.shape[1] == 2 else answers


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", TARGETS)
def test_the_boundary_is_made_of_the_estimators_answers(kind, form):
    estimator = fitted(kind, form)
    natural = "predict" if kind == "regression" else "predict_proba"
    for method in ("auto", natural, "predict"):
        display = DecisionBoundaryDisplay.from_estimator(
            estimator, X, response_method=method, grid_resolution=12
        )
        used = natural if method == "auto" else method
        expected = expected_response(estimator, used, grid_of(display))
        np.testing.assert_array_equal(display.response.reshape(expected.shape), expected)
        assert display.n_classes == {"binary": 2, "multiclass": 3, "regression": 2}[kind]
        display.figure_.canvas.draw()
        assert display.ax_.has_data()


@pytest.mark.parametrize("plot_method", ["contourf", "contour", "pcolormesh"])
@pytest.mark.parametrize("kind", TARGETS)
def test_every_way_of_drawing(kind, plot_method):
    display = DecisionBoundaryDisplay.from_estimator(
        fitted(kind, "pipeline"), X, plot_method=plot_method, grid_resolution=12
    )
    display.figure_.canvas.draw()


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_one_class_of_interest(kind):
    net = fitted(kind, "alone")
    for column, label in enumerate(net.classes_):
        display = DecisionBoundaryDisplay.from_estimator(
            net, X, class_of_interest=label, response_method="predict_proba", grid_resolution=12
        )
        expected = net.predict_proba(grid_of(display))[:, column]
        np.testing.assert_array_equal(display.response.ravel(), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", TARGETS)
def test_axes_are_named_after_the_columns_of_a_table(kind, dtype):
    table = pd.DataFrame(X.astype(dtype), columns=["length", "width"])
    estimator = fitted(kind, "pipeline", table)
    display = DecisionBoundaryDisplay.from_estimator(estimator, table, grid_resolution=12)
    assert display.ax_.get_xlabel() == "length"
    assert display.ax_.get_ylabel() == "width"


def test_one_quantile_is_drawn_and_several_are_refused():
    """One picture cannot show several outputs; scikit-learn says so."""
    one, several = (
        MLPRegressor(losses.Quantile(levels), max_iter=5).fit(X, TARGETS["regression"])
        for levels in (0.9, (0.1, 0.9))
    )
    display = DecisionBoundaryDisplay.from_estimator(one, X, grid_resolution=12)
    np.testing.assert_array_equal(display.response.ravel(), one.predict(grid_of(display)))
    with pytest.raises(ValueError, match="Multi-output regressors are not supported"):
        DecisionBoundaryDisplay.from_estimator(several, X)


def test_a_method_that_a_net_lacks_is_refused():
    net = fitted("binary", "alone")
    assert not hasattr(net, "decision_function")
    with pytest.raises(AttributeError, match="none of the following attributes: decision_function"):
        DecisionBoundaryDisplay.from_estimator(net, X, response_method="decision_function")
