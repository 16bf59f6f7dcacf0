"""The made-up data sets: their rules, written a second time, and what noise does to them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kstest, norm

from nnhp import datasets

MAKERS = [getattr(datasets, name) for name in datasets.__all__]
HALVED = [datasets.make_circle, datasets.make_gauss, datasets.make_spiral]
# From the place of a tip to its sign.
BUMPS = {(-4, 2.5): 1, (0, 2.5): -1, (4, 2.5): 1, (-4, -2.5): -1, (0, -2.5): 1, (4, -2.5): -1}


def circle_label(a, b):
    return (a**2 + b**2 < 2.5**2).astype(float)


def xor_label(a, b):
    return (np.sign(a) == np.sign(b)).astype(float)


def plane_label(a, b):
    return (a + b) / 10


def bumps_label(a, b):
    """The bumps do not overlap, so the strongest is their sum."""
    return sum(
        sign * np.clip(1 - np.hypot(a - x, b - y) / 2, 0, None) for (x, y), sign in BUMPS.items()
    )


def board_label(a, b):
    return ((np.floor(a / 2.5) + np.floor(b / 2.5)) % 2 == 0).astype(float)


# maker -> its rule, and how far 100 % of noise would move a point along an axis
RULES = {
    datasets.make_circle: (circle_label, 5),
    datasets.make_xor: (xor_label, 5),
    datasets.make_plane: (plane_label, 6),
    datasets.make_multi_gauss: (bumps_label, 6),
    datasets.make_checkerboard: (board_label, 5),
}


# ------------------------------------------------------------------ all of them


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("n_samples", [1, 7, 100])
def test_shapes_and_types(make, n_samples):
    X, y = make(n_samples, noise=10, random_state=0)
    assert X.shape == (n_samples, 2)
    assert y.shape == (n_samples,)
    assert X.dtype == np.float64
    is_regression = make in (datasets.make_plane, datasets.make_multi_gauss)
    assert y.dtype == (np.float64 if is_regression else np.int64)
    if not is_regression:
        assert set(y) <= {0, 1}


@pytest.mark.parametrize("make", MAKERS)
def test_default_sizes(make):
    is_regression = make in (datasets.make_plane, datasets.make_multi_gauss)
    assert len(make()[0]) == (1200 if is_regression else 500)


@pytest.mark.parametrize("make", MAKERS)
def test_the_seed_tells_all(make):
    def made(random_state):
        return np.column_stack(make(50, noise=20, random_state=random_state))

    assert_array_equal(made(3), made(3))
    assert_array_equal(made(3), made(np.random.RandomState(3)))
    assert not np.isclose(made(3), made(4)).all(axis=1).any()
    rng = np.random.RandomState(3)
    assert not np.array_equal(made(rng), made(rng))


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_samples": 0}, r"'n_samples' parameter of \w+ must be an int .* Got 0"),
        ({"n_samples": 10.0}, r"'n_samples' parameter of \w+ must be an int .* Got 10.0"),
        ({"n_samples": True}, r"'n_samples' parameter of \w+ must be an int .* Got True"),
        ({"noise": True}, r"'noise' parameter of \w+ must be .* Got True"),
        ({"noise": -1}, r"'noise' parameter of \w+ must be .* \[0.0, 50.0\]. Got -1"),
        ({"noise": 50.1}, r"'noise' parameter of \w+ must be .* Got 50.1"),
        ({"noise": np.nan}, r"'noise' parameter of \w+ must be .* Got nan"),
        ({"noise": "10"}, r"'noise' parameter of \w+ must be .* Got '10'"),
        ({"random_state": "a"}, r"'random_state' parameter of \w+ must be .* Got 'a'"),
    ],
)
def test_bad_arguments(make, arguments, message):
    with pytest.raises(ValueError, match=message) as raised:
        make(**arguments)
    assert make.__name__ in str(raised.value)


@pytest.mark.parametrize("make", HALVED)
@pytest.mark.parametrize(("n_samples", "ones"), [(500, 250), (7, 4), (1, 1)])
def test_halves(make, n_samples, ones):
    assert make(n_samples, random_state=0)[1].sum() == ones


@pytest.mark.parametrize("make", HALVED)
def test_samples_are_shuffled(make):
    y = make(1000, random_state=0)[1]
    assert 400 < (np.diff(y) != 0).sum() < 600
    assert abs(y[:500].mean() - 0.5) < 0.1


# ------------------------------------------------------------------ labels of moved points


@pytest.mark.parametrize("make", RULES)
def test_without_noise_the_rule_tells_the_label(make):
    X, y = make(5000, random_state=0)
    rule, _ = RULES[make]
    assert_allclose(y, rule(*X.T), rtol=0, atol=1e-12)


@pytest.mark.parametrize("make", RULES)
@pytest.mark.parametrize("noise", [10, 20, 50])
def test_noise_labels_points_that_are_moved_evenly(make, noise):
    """How much labels change, against all the moves that there are, as a grid."""
    X, y = make(20_000, noise=noise, random_state=0)
    clean_X, clean_y = make(20_000, random_state=0)
    assert_array_equal(X, clean_X)
    rule, reach = RULES[make]
    moves = reach * noise / 100 * ((np.arange(20) + 0.5) / 10 - 1)
    changes = np.mean(
        [np.abs(rule(X[:, 0] + a, X[:, 1] + b) - clean_y) for a in moves for b in moves], axis=0
    )
    error = np.abs(y - clean_y) - changes
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(len(y)) + 1e-3
    # and where: neither more of it here and less there
    for axis in range(2):
        assert abs(np.corrcoef(error, np.abs(X[:, axis]))[0, 1]) < 0.04


def test_little_noise_does_not_cross_the_gap_of_xor():
    clean, little, more = (datasets.make_xor(20_000, noise=n, random_state=0)[1] for n in (0, 6, 7))
    assert_array_equal(little, clean)
    assert (more != clean).any()


@pytest.mark.parametrize("noise", [1, 50])
def test_noise_of_the_plane_has_an_end(noise):
    X, y = datasets.make_plane(50_000, noise=noise, random_state=0)
    errors = np.abs(y - X.sum(axis=1) / 10)
    assert errors.max() <= 2 * 6 * noise / 100 / 10
    assert errors.max() > 0.98 * 2 * 6 * noise / 100 / 10


# ------------------------------------------------------------------ one by one


def test_circle_is_a_disk_in_a_ring():
    X, y = datasets.make_circle(20_000, random_state=0)
    radius = np.hypot(*X.T)
    for label, low, high in ((1, 0, 2.5), (0, 3.5, 5)):
        of_class = radius[y == label]
        assert low <= of_class.min()
        assert of_class.max() <= high
        assert kstest((of_class - low) / (high - low), "uniform").pvalue > 0.01
        angle = np.arctan2(*X[y == label].T) / (2 * np.pi) + 0.5
        assert kstest(angle, "uniform").pvalue > 0.01


def test_xor_leaves_the_axes_free():
    X, y = datasets.make_xor(20_000, random_state=0)
    for column in X.T:
        assert kstest((np.abs(column) - 0.3) / 5, "uniform").pvalue > 0.01
        assert 0.48 < (column > 0).mean() < 0.52
    assert y[(X > 0).all(axis=1)].all()
    assert y[(X < 0).all(axis=1)].all()
    assert not y[X[:, 0] * X[:, 1] < 0].any()


@pytest.mark.parametrize(("noise", "variance"), [(0, 0.5), (25, 2.25), (50, 4)])
def test_gauss_is_two_normal_clouds(noise, variance):
    X, y = datasets.make_gauss(20_000, noise=noise, random_state=0)
    for label, centre in ((1, 2), (0, -2)):
        cloud = X[y == label]
        for column in cloud.T:
            assert kstest(column, norm(centre, np.sqrt(variance)).cdf).pvalue > 0.01
        assert abs(np.corrcoef(cloud.T)[0, 1]) < 0.03


@pytest.mark.parametrize("n_samples", [2, 9, 500])
def test_arms_of_the_spiral(n_samples):
    X, y = datasets.make_spiral(n_samples, random_state=0)
    for label, begin in ((1, 0), (0, np.pi)):
        arm = X[y == label]
        arm = arm[np.hypot(*arm.T).argsort()]
        way = np.arange(len(arm)) / (n_samples / 2)
        angle = 1.75 * way * 2 * np.pi + begin
        assert_allclose(arm[:, 0], 5 * way * np.sin(angle), rtol=0, atol=1e-12)
        assert_allclose(arm[:, 1], 5 * way * np.cos(angle), rtol=0, atol=1e-12)


def test_both_arms_of_the_spiral_begin_in_the_origin():
    X, y = datasets.make_spiral(random_state=0)
    assert sorted(y[~X.any(axis=1)]) == [0, 1]


@pytest.mark.parametrize("noise", [10, 50])
def test_noise_moves_the_samples_of_the_spiral(noise):
    X, y = datasets.make_spiral(20_000, noise=noise, random_state=0)
    clean_X, clean_y = datasets.make_spiral(20_000, random_state=0)
    assert_array_equal(y, clean_y)
    for moves in (X - clean_X).T:
        assert kstest(moves, "uniform", (-noise / 100, 2 * noise / 100)).pvalue > 0.01


@pytest.mark.parametrize("make", [datasets.make_plane, datasets.make_multi_gauss])
def test_targets_are_over_the_whole_square(make):
    X, _ = make(20_000, random_state=0)
    for column in X.T:
        assert kstest(column, "uniform", (-6, 12)).pvalue > 0.01


def test_tips_of_the_bumps():
    X, y = datasets.make_multi_gauss(50_000, random_state=0)
    for tip, sign in BUMPS.items():
        nearest = np.hypot(*(X - tip).T).argmin()
        assert y[nearest] == pytest.approx(sign, abs=0.05)
    far = np.min([np.hypot(*(X - tip).T) for tip in BUMPS], axis=0) > 2
    assert far.sum() > 1000
    assert not y[far].any()


@pytest.mark.parametrize("n_squares", [1, 2, 3, 5])
def test_checkerboard(n_squares):
    X, y = datasets.make_checkerboard(5000, n_squares=n_squares, random_state=0)
    edges = np.linspace(-5, 5, n_squares + 1)
    column, row = np.digitize(X, edges).T - 1
    assert_array_equal(y, (column % 2) == (row % 2))
    assert len(set(zip(column, row, strict=True))) == n_squares**2
    assert np.abs(X).max() <= 5


@pytest.mark.parametrize("n_squares", [0, 1.5, None, True])
def test_checkerboard_refuses(n_squares):
    with pytest.raises(ValueError, match="'n_squares' parameter of make_checkerboard must be"):
        datasets.make_checkerboard(n_squares=n_squares)


# ------------------------------------------------------------------ the teacher


def test_teacher_draws_normal_features():
    X, _ = datasets.make_teacher(20_000, n_features=3, random_state=0)
    assert all(kstest(column, "norm").pvalue > 0.01 for column in X.T)


@pytest.mark.parametrize("hidden_layer_sizes", [(), (5,), 5, [3, 4]])
@pytest.mark.parametrize("activation", ["logistic", "relu", "tanh"])
def test_targets_of_a_teacher_are_standardized(hidden_layer_sizes, activation):
    _, y = datasets.make_teacher(
        n_classes=None,
        hidden_layer_sizes=hidden_layer_sizes,
        activation=activation,
        random_state=0,
    )
    assert y.mean() == pytest.approx(0, abs=1e-12)
    assert y.std() == pytest.approx(1)


def test_a_teacher_without_hidden_layers_is_linear():
    def residual(hidden_layer_sizes):
        X, y = datasets.make_teacher(
            n_features=4,
            n_classes=None,
            hidden_layer_sizes=hidden_layer_sizes,
            random_state=0,
        )
        X = np.column_stack([X, np.ones(len(X))])
        return np.abs(X @ np.linalg.lstsq(X, y)[0] - y).max()

    assert residual(()) < 1e-12
    assert residual((4,)) > 0.1


def test_a_teacher_of_relu_has_a_kink_per_unit_at_most():
    n_kinks = []
    for seed in range(20):
        X, y = datasets.make_teacher(
            400,
            n_features=1,
            n_classes=None,
            hidden_layer_sizes=3,
            activation="relu",
            random_state=seed,
        )
        order = X[:, 0].argsort()
        slopes = np.diff(y[order]) / np.diff(X[order, 0])
        # A kink lies between two samples, so it is up to two changes of the slope.
        changes = np.flatnonzero(np.abs(np.diff(slopes)) > 1e-6)
        n_kinks.append(len(changes) and 1 + (np.diff(changes) > 1).sum())
    assert max(n_kinks) == 3


@pytest.mark.parametrize("activation", ["logistic", "tanh"])
def test_a_teacher_of_one_bounded_unit_rises_or_falls_and_levels_off(activation):
    X, y = datasets.make_teacher(
        2000,
        n_features=1,
        n_classes=None,
        hidden_layer_sizes=1,
        activation=activation,
        random_state=0,  # samples that lie very close have slopes of rounding errors
    )
    order = X[:, 0].argsort()
    slopes = np.diff(y[order]) / np.diff(X[order, 0])
    assert len(set(np.sign(slopes.round(6))) - {0}) == 1
    steepest = np.abs(slopes).argmax()
    assert (np.diff(np.abs(slopes[: steepest - 1])) > -1e-3).all()
    assert (np.diff(np.abs(slopes[steepest + 1 :])) < 1e-3).all()


def test_noise_of_a_teacher_is_added_to_its_outputs():
    def made(noise, n_classes=None):
        return datasets.make_teacher(20_000, n_classes=n_classes, noise=noise, random_state=0)

    X, y = made(0)
    for noise in (10, 50):
        noisy_X, noisy_y = made(noise)
        assert_array_equal(noisy_X, X)
        assert kstest((noisy_y - y) / (noise / 100), "norm").pvalue > 0.01
    flips = [(made(noise, 2)[1] != made(0, 2)[1]).mean() for noise in (10, 50)]
    assert 0 < flips[0] < flips[1] < 0.5


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_classes_of_a_teacher(n_classes):
    for seed in range(5):
        _, y = datasets.make_teacher(n_features=6, n_classes=n_classes, random_state=seed)
        assert y.dtype == np.int64
        assert (np.bincount(y, minlength=n_classes) > 25).all()


def test_a_class_of_a_teacher_may_be_absent():
    for seed in range(20):
        _, y = datasets.make_teacher(
            50, n_classes=3, hidden_layer_sizes=1, activation="relu", random_state=seed
        )
        assert set(y) <= {0, 1, 2}
        if len(set(y)) < 3:
            return
    pytest.fail("then the documentation need not say so")


def test_a_linear_teacher_has_convex_classes():
    X, y = datasets.make_teacher(300, hidden_layer_sizes=(), n_classes=3, random_state=0)
    # Half way between two samples of a class is that class: the nearest sample says so, too.
    rng = np.random.RandomState(0)
    agree = []
    for label in range(3):
        rows = np.flatnonzero(y == label)
        for a, b in rng.choice(rows, (50, 2)):
            nearest = np.linalg.norm(X - (X[a] + X[b]) / 2, axis=1).argmin()
            agree.append(y[nearest] == label)
    assert np.mean(agree) > 0.95


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_features": 0}, "'n_features' parameter of make_teacher must be .* Got 0"),
        ({"n_features": True}, "'n_features' parameter of make_teacher must be .* Got True"),
        ({"n_classes": True}, "'n_classes' parameter of make_teacher must be .* Got True"),
        ({"n_classes": 1}, "'n_classes' parameter of make_teacher must be .* Got 1"),
        ({"activation": "relu6"}, "'activation' parameter of make_teacher .* Got 'relu6'"),
        ({"hidden_layer_sizes": 0}, "'hidden_layer_sizes' parameter of make_teacher .* Got 0"),
        ({"hidden_layer_sizes": True}, "'hidden_layer_sizes' parameter .* Got True"),
        ({"hidden_layer_sizes": (True,)}, r"hidden_layer_sizes must be .* got \(True,\)"),
        ({"hidden_layer_sizes": (3, 0)}, r"hidden_layer_sizes must be .* got \(3, 0\)"),
        ({"hidden_layer_sizes": [1.5]}, r"hidden_layer_sizes must be .* got \[1.5\]"),
    ],
)
def test_teacher_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        datasets.make_teacher(**arguments)
