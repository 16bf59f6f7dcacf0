"""The learning-rate range test, on problems whose rates are known."""

import pickle
import sys

import matplotlib as mpl
import numpy as np
import pytest
import scipy.sparse as sp
from helpers import STOPS_EARLY, assert_identical, problem, problem_for
from matplotlib import pyplot as plt
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import nnhp
from nnhp import MLPClassifier, MLPRegressor, find_learning_rate
from nnhp.plots import LRFinderDisplay

mpl.use("Agg")
pytestmark = STOPS_EARLY

GRADIENT_DESCENT = {
    "hidden_layer_sizes": (),
    "solver": "sgd",
    "momentum": 0.0,
    "alpha": 0.0,
    "shuffle": False,
    "kernel_initializer": "zeros",
    "bias_initializer": "zeros",
}


def least_squares(curvatures, n=64):
    """Samples whose squared error, half of it, has these second derivatives; y is a sum."""
    rng = np.random.RandomState(0)
    q, _ = np.linalg.qr(rng.standard_normal((n, len(curvatures) + 1)) - 0.0)
    q -= q.mean(axis=0)
    q, _ = np.linalg.qr(q[:, :-1])
    X = q * np.sqrt(n * np.asarray(curvatures))
    return X, X @ np.ones(len(curvatures))


def descend(X, y, rates):
    """Gradient descent by hand: the loss before each step."""
    w, b, losses = np.zeros(X.shape[1]), 0.0, []
    for rate in rates:
        residual = X @ w + b - y
        losses.append((residual**2).mean() / 2)
        w = w - rate * X.T @ residual / len(y)
        b = b - rate * residual.mean()
    return np.array(losses)


# ------------------------------------------------------------------------------- a quadratic


@pytest.mark.parametrize("curvature", [2.0, 20.0, 1000.0])  # that of the bias is 1
def test_a_quadratic_explodes_beyond_two_over_its_curvature(curvature):
    X, y = least_squares([curvature, curvature / 2])
    net = MLPRegressor(**GRADIENT_DESCENT, batch_size=len(X))
    found = find_learning_rate(net, X, y, start=1e-6, end=1e5, steps=200)
    # Steps beyond 2 / curvature grow; the first of them have a shrunken loss to make up for.
    assert 2 / curvature < found.rates[-1] < 40 / curvature
    assert 1e-3 / curvature < found.suggestion < 2 / curvature
    by_hand = descend(X, y, np.geomspace(1e-6, 1e5, 200)[: len(found.losses)])
    # What grows again is what the lowest loss was rounded to.
    lowest = by_hand.argmin()
    assert_allclose(found.losses[:lowest], by_hand[:lowest], rtol=1e-6, atol=1e-14 * by_hand[0])
    rounding = 1e-14 * np.sqrt(by_hand[0] / by_hand[lowest])
    assert rounding < 0.01
    assert_allclose(found.losses[lowest:], by_hand[lowest:], rtol=max(rounding, 1e-6))


def test_curvature_scales_the_suggestion():
    suggestions = []
    for curvature in (2.0, 200.0):
        X, y = least_squares([curvature])
        net = MLPRegressor(**GRADIENT_DESCENT, batch_size=len(X))
        found = find_learning_rate(net, X, y, start=1e-5 / curvature, end=1e3 / curvature)
        suggestions.append(found.suggestion)
    assert suggestions[0] == pytest.approx(100 * suggestions[1], rel=1e-6)


def test_the_suggestion_is_the_steepest_descent():
    X, y = problem("multiclass")
    found = find_learning_rate(MLPClassifier(random_state=0, batch_size=10), X, y)
    slopes = np.gradient(found.smoothed_losses, np.log(found.rates))
    lowest = found.smoothed_losses.argmin()
    assert found.suggestion == found.rates[slopes[: lowest + 1].argmin()]
    trained = MLPClassifier(random_state=0, batch_size=10, max_iter=20)
    losses = [
        trained.set_params(learning_rate_init=rate).fit(X, y).loss_
        for rate in (found.suggestion / 100, found.suggestion)
    ]
    assert losses[1] < losses[0]


def test_smoothing_is_a_normal_curve():
    X, y = problem("one target")
    net = MLPRegressor(random_state=0, batch_size=10)
    raw = find_learning_rate(net, X, y, smoothing=0)
    assert_array_equal(raw.smoothed_losses, raw.losses)
    smooth = find_learning_rate(net, X, y, smoothing=0.04)
    steps = np.arange(len(raw.losses))
    weights = np.exp(-(((steps - 40) / 4.0) ** 2) / 2)
    assert smooth.smoothed_losses[40] == pytest.approx(np.average(raw.losses, weights=weights))


def test_a_loss_that_never_falls_suggests_nothing():
    X, y = least_squares([1.0])
    net = MLPRegressor(**GRADIENT_DESCENT, batch_size=len(X))
    found = find_learning_rate(net, X, 0 * y, end=1e-3)
    assert found.suggestion is None
    assert repr(found) == "<RangeTest: 100 steps, suggestion none>"
    plt.close(found.plot().figure_)


# ------------------------------------------------------------------------------- what is trained


def test_rates_grow_by_the_same_factor_over_any_number_of_epochs():
    X, y = problem("binary")
    for batch_size in (7, 40, 97):
        net = MLPClassifier((4,), batch_size=batch_size, random_state=0)
        found = find_learning_rate(net, X, y, start=1e-6, end=1e-3, steps=30)
        assert_allclose(found.rates, np.geomspace(1e-6, 1e-3, 30))
        assert len(found.losses) == 30


def test_steps_are_those_of_a_training_at_these_rates():
    """One step per epoch, whose rates a sequence can tell."""
    X, y = problem("multiclass")
    net = MLPClassifier((5,), batch_size=97, random_state=2, dropout=0.2)
    found = find_learning_rate(net, X, y, start=1e-4, end=1e-1, steps=20)
    rates = list(np.geomspace(1e-4, 1e-1, 20))
    same = net.set_params(learning_rate=rates, max_iter=20, n_iter_no_change=np.inf).fit(X, y)
    assert_allclose(found.losses, same.loss_curve_, rtol=1e-12)


def test_many_samples_are_not_all_seen():
    X = np.random.RandomState(0).standard_normal((4000, 3))
    y = (X[:, 0] > 0).astype(int)
    net = MLPClassifier((4,), batch_size=20, random_state=0)
    found = find_learning_rate(net, X, y, steps=15, end=1e-2)
    assert len(found.losses) == 15
    # The labels of those that were not seen count all the same.
    y[:10] = 2
    assert len(find_learning_rate(net, X, y, steps=15, end=1e-2).losses) == 15


def test_a_solver_of_ones_own_rate_gets_those_of_the_test():
    X, y = problem("multiclass")
    plain = find_learning_rate(MLPClassifier((5,), random_state=0), X, y)
    own = nnhp.optimizers.Adam(learning_rate=0.3, epsilon=1e-8)  # as the estimator has it
    net = MLPClassifier((5,), solver=own, random_state=0)
    given = find_learning_rate(net, X, y)
    assert net.solver.learning_rate == 0.3
    assert_allclose(given.rates, plain.rates)
    assert_allclose(given.losses, plain.losses)


def test_noisy_copies_are_steps_too():
    X, y = problem("multiclass")
    net = MLPClassifier((5,), batch_size=97, noisy_copies=3, input_noise=0.1, random_state=0)
    found = find_learning_rate(net, X, y, start=1e-4, end=1e-1, steps=20)
    one_epoch = net.set_params(learning_rate=[found.rates[0]], max_iter=1).fit(X, y)
    assert len(found.losses) == 20
    assert found.losses[0] != one_epoch.loss_
    assert found.losses[:4].mean() == pytest.approx(one_epoch.loss_, rel=1e-2)


def test_the_estimator_stays_as_it_is(Estimator):
    X, y = problem_for(Estimator)
    settings = {"early_stopping": True, "warm_start": True, "learning_rate": "cosine"}
    net = Estimator(
        hidden_layer_sizes=(5,), max_iter=3, random_state=np.random.RandomState(1), **settings
    ).fit(X, y)
    before = pickle.dumps(net)
    first, second = (find_learning_rate(net, X, y) for _ in range(2))
    assert pickle.dumps(net) == before
    assert_identical(first.losses, second.losses)
    parameters = {"random_state": 1, "early_stopping": False, "learning_rate": "constant"}
    fresh = Estimator(hidden_layer_sizes=(5,), **parameters)
    assert find_learning_rate(fresh, X, y).suggestion is not None
    assert not hasattr(fresh, "coefs_")


def test_threads_change_nothing():
    X, y = problem("multiclass")
    nets = [MLPClassifier((300, 300), n_jobs=n_jobs, random_state=0) for n_jobs in (1, 2)]
    one, two = (find_learning_rate(net, X, y, steps=30) for net in nets)
    assert_identical(one.losses, two.losses)


def test_a_pipeline_is_the_net_on_what_its_steps_make():
    X, y = problem("multiclass")
    net = MLPClassifier((5,), random_state=0)
    pipeline = make_pipeline(StandardScaler(), net)
    inside = find_learning_rate(pipeline, 100 * X, y)
    bare = find_learning_rate(net, StandardScaler().fit_transform(100 * X), y)
    assert_identical(inside.losses, bare.losses)
    assert not hasattr(pipeline[0], "mean_")
    alone = find_learning_rate(make_pipeline(net), X, y)
    assert_identical(alone.losses, find_learning_rate(net, X, y).losses)
    assert find_learning_rate(net, sp.csr_array(X), y).suggestion is not None


def test_sample_weights_count():
    X, y = problem("one target")
    net = MLPRegressor(hidden_layer_sizes=(5,), batch_size=97, shuffle=False, random_state=0)
    weighted = find_learning_rate(net, X, y, np.arange(97.0))
    assert (weighted.losses[1:5] != find_learning_rate(net, X, y).losses[1:5]).all()
    # A batch that weighs nothing is no step.
    weight = np.ones(97)
    weight[:10] = 0
    found = find_learning_rate(net.set_params(batch_size=10), X, y, weight, steps=20, end=1e-3)
    assert len(found.losses) == len(found.rates) == 18


# ------------------------------------------------------------------------------- what is refused

REFUSED = {
    "start": ({"start": 0}, "start and end must be learning rates"),
    "end": ({"start": 1.0, "end": 0.1}, "start and end must be learning rates"),
    "infinite": ({"end": np.inf}, "start and end must be learning rates"),
    "steps": ({"steps": 9}, "steps must be an int of at least 10, got 9"),
    "half steps": ({"steps": 50.5}, "steps must be an int"),
    "smoothing": ({"smoothing": -0.1}, r"smoothing must be a number in \[0, 1\], got -0.1"),
}


def test_rows_that_weigh_nothing_are_not_drawn():
    X = np.random.default_rng(0).normal(size=(5000, 3))
    weight = np.zeros(5000)
    weight[[7, 900, 4000]] = 1.0
    net = MLPRegressor(hidden_layer_sizes=(4,), batch_size=5, random_state=0)
    assert len(find_learning_rate(net, X, X[:, 0], weight, steps=10).losses) > 0


@pytest.mark.parametrize(
    "parameters",
    [{"loss": "foo"}, {"label_smoothing": 2.0}, {"class_weight": "foo"}, {"alpha": -1}],
    ids=str,
)
def test_bad_parameters_of_the_net_are_named(parameters):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"The '{name}' parameter of MLPClassifier must be"):
        find_learning_rate(MLPClassifier(**parameters), *problem("binary"))
    with pytest.raises(ValueError, match="The 'output_activation' parameter of MLPRegressor must"):
        find_learning_rate(MLPRegressor(output_activation="foo"), *problem("one target"))


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        find_learning_rate(MLPClassifier(), *problem("binary"), **arguments)


def test_bad_estimators():
    X, y = problem("binary")
    with pytest.raises(ValueError, match="solver='lbfgs' has no learning rate"):
        find_learning_rate(MLPClassifier(solver="lbfgs"), X, y)
    for other in (RandomForestClassifier(), GridSearchCV(MLPClassifier(), {"alpha": [1]})):
        with pytest.raises(TypeError, match="estimator must be an MLPClassifier"):
            find_learning_rate(other, X, y)
    with pytest.raises(ValueError, match="'alpha' parameter of MLPClassifier must be"):
        find_learning_rate(MLPClassifier(alpha=-1), X, y)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        find_learning_rate(MLPClassifier(), X * np.nan, y)


# ------------------------------------------------------------------------------- the picture


def test_the_display_shows_the_test():
    X, y = problem("multiclass")
    net = MLPClassifier((5,), random_state=0)
    found = find_learning_rate(net, X, y, end=1.0)
    displays = [
        LRFinderDisplay.from_estimator(net, X, y, end=1.0),
        LRFinderDisplay.from_result(found),
        found.plot(line_kw={"color": "black"}),
    ]
    for display in displays:
        assert_array_equal(display.line_.get_xdata(), found.rates)
        assert_array_equal(display.line_.get_ydata(), found.smoothed_losses)
        assert_array_equal(display.raw_line_.get_ydata(), found.losses)
        assert display.mark_.get_xdata()[0] == found.suggestion
        assert display.ax_.get_xscale() == "log"
        display.figure_.canvas.draw()
    assert displays[2].line_.get_color() == "black"
    figure, ax = plt.subplots()
    assert found.plot(ax=ax).figure_ is figure
    plt.close("all")


def test_without_matplotlib_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"LRFinderDisplay.from_estimator .*nnhp\[plots\]"):
        LRFinderDisplay.from_estimator(MLPClassifier(), *problem("binary"))


def test_it_is_found_in_the_package():
    assert "find_learning_rate" in nnhp.__all__
    assert "LRFinderDisplay" in nnhp.plots.__all__
