"""FeatureExpansion: what its names mean, of arrays and of DataFrames, and what it refuses."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from nnhp import FeatureExpansion, MLPClassifier, datasets

A, B, C = np.random.RandomState(0).standard_normal((3, 20))
X = np.column_stack([A, B, C])
PLAYGROUND = ["x1", "x2", "x1^2", "x2^2", "x1*x2", "sin(x1)", "sin(x2)"]
OF_EACH = {"square": np.square, "sin": np.sin, "cos": np.cos, "tanh": np.tanh, "abs": np.abs}


def names(features, X=X):
    return FeatureExpansion(features).fit(X).get_feature_names_out().tolist()


def made(features, X=X):
    return FeatureExpansion(features).fit_transform(X)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([FeatureExpansion(), FeatureExpansion(["sin(x1)", "x1*x1", "abs"])])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


# ------------------------------------------------------------------ features


@pytest.mark.parametrize(
    ("feature", "values"),
    [
        ("x1", A),
        ("x3", C),
        ("x2^2", B * B),
        ("x1*x3", A * C),
        ("x3*x1", A * C),
        ("x2*x2", B * B),
        ("sin(x1)", np.sin(A)),
        ("cos(x2)", np.cos(B)),
        ("tanh(x3)", np.tanh(C)),
        ("abs(x1)", np.abs(A)),
        (" x1 * x2 ", A * B),
        ("sin( x3 )", np.sin(C)),
    ],
)
def test_a_feature(feature, values):
    assert_array_equal(made([feature]), values[:, np.newaxis])


def test_a_feature_for_all_columns():
    assert_array_equal(made(["identity"]), X)
    for name, function in OF_EACH.items():
        assert_array_equal(made([name]), function(X))
    assert_array_equal(made(["product"]), np.column_stack([A * B, A * C, B * C]))


def test_features_of_the_playground():
    pair = X[:, :2]
    expected = np.column_stack([A, B, A * A, B * B, A * B, np.sin(A), np.sin(B)])
    assert_array_equal(made(PLAYGROUND, pair), expected)
    assert_array_equal(FeatureExpansion().fit_transform(pair), expected)
    assert names(PLAYGROUND, pair) == PLAYGROUND
    assert FeatureExpansion().fit(pair).get_feature_names_out().tolist() == PLAYGROUND


@pytest.mark.parametrize(("n_columns", "n_features"), [(1, 3), (2, 7), (3, 12), (20, 250)])
def test_the_default_suits_any_number_of_columns(n_columns, n_features):
    samples = np.random.RandomState(0).standard_normal((5, n_columns))
    expansion = FeatureExpansion().fit(samples)
    assert expansion.transform(samples).shape == (5, n_features)
    assert len(set(expansion.get_feature_names_out())) == n_features


def test_features_keep_their_order_and_come_once():
    assert names(["sin(x2)", "x1", "product"]) == ["sin(x2)", "x1", "x1*x2", "x1*x3", "x2*x3"]
    assert names(["x2", "identity", "x2*x1", "x1 * x2"]) == ["x2", "x1", "x3", "x1*x2"]
    assert names(["x2*x2", "x2^2", "x1*x1"]) == ["x2^2", "x1^2"]
    assert names(["x3*x3", "square"]) == ["x3^2", "x1^2", "x2^2"]


def test_more_than_nine_columns():
    samples = np.arange(24.0).reshape(2, 12)
    assert_array_equal(made(["x12", "x1*x11"], samples), [[11, 0], [23, 12 * 22]])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_precision_is_kept(dtype):
    samples = np.arange(6, dtype=dtype).reshape(3, 2)
    made_of = made(["identity", "square", "sin"], samples)
    assert FeatureExpansion().__sklearn_tags__().transformer_tags.preserves_dtype == [
        "float64",
        "float32",
    ]
    assert made_of.dtype == ("float32" if dtype == "float32" else "float64")
    assert_allclose(made_of[:, 4], np.sin([0, 2, 4]), rtol=1e-6)


def test_it_does_not_write_into_its_samples():
    samples = X.copy()
    samples.flags.writeable = False
    made(["identity", "square", "product", "sin"], samples)
    assert_array_equal(samples, X)


# ------------------------------------------------------------------ names


def test_columns_of_a_frame_have_two_names():
    frame = pd.DataFrame(X, columns=["age", "petal length (cm)", "a*b"])
    features = ["age^2", "x1", "sin(petal length (cm))", "age*x2", "a*b", "cos(a*b)"]
    assert_array_equal(
        made(features, frame), np.column_stack([A * A, A, np.sin(B), A * B, C, np.cos(C)])
    )
    assert names(features, frame) == [
        "age^2",
        "age",
        "sin(petal length (cm))",
        "age*petal length (cm)",
        "a*b",
        "cos(a*b)",
    ]


def test_names_like_x1_are_those_of_the_frame():
    frame = pd.DataFrame(X, columns=["x2", "x3", "x1"])
    assert_array_equal(made(["x1", "x2^2"], frame), np.column_stack([C, A * A]))
    scaled = make_pipeline(StandardScaler(), FeatureExpansion(["x1"])).set_output(
        transform="pandas"
    )
    # The scaler calls them x0, x1 and x2.
    assert_array_equal(scaled.fit_transform(X)["x1"], StandardScaler().fit_transform(X)[:, 1])
    with pytest.raises(ValueError, match="with the columns x0, x1, x2; got 'x3'"):
        scaled.set_params(featureexpansion__features=["x3"]).fit(X)


def test_columns_without_a_name_worth_the_word():
    frame = pd.DataFrame(X, columns=["", " ", "a"])
    assert_array_equal(made(["identity", "x1*x2", "a^2"], frame)[:, 3:].T, [A * B, C * C])
    with pytest.raises(ValueError, match=r"features must be of .*got 'b'"):
        made(["b"], frame)


def test_a_shorthand_takes_each_column_of_a_frame_once():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    assert names(["product", "square"], frame) == ["a*b", "a*c", "b*c", "a^2", "b^2", "c^2"]


def test_a_shorthand_is_never_a_column():
    frame = pd.DataFrame(X, columns=["sin", "b", "c"])
    assert names(["sin", "sin^2"], frame) == ["sin(sin)", "sin(b)", "sin(c)", "sin^2"]
    assert_array_equal(made(["x1"], frame), A[:, np.newaxis])
    assert names(["x1", "x1*b"], frame) == ["sin", "sin*b"]


def test_names_may_be_given():
    expansion = FeatureExpansion(["x1*x2", "abs"]).fit(X)
    assert expansion.get_feature_names_out(["u", "v", "w"]).tolist() == [
        "u*v",
        "abs(u)",
        "abs(v)",
        "abs(w)",
    ]
    with pytest.raises(ValueError, match="input_features should have length equal to"):
        expansion.get_feature_names_out(["u", "v"])


def test_set_output():
    frame = pd.DataFrame(X, columns=["a", "b", "c"], index=range(5, 25))
    found = FeatureExpansion(["b", "a*c"]).set_output(transform="pandas").fit_transform(frame)
    pd.testing.assert_frame_equal(found, pd.DataFrame({"b": B, "a*c": A * C}, index=range(5, 25)))


# ------------------------------------------------------------------ refusals


UNKNOWN = ["x4", "x0", "X1", "x1^3", "x1^", "x1+x2", "x1*x2*x3", "log(x1)", "sin(sin(x1))", "*", ""]


@pytest.mark.parametrize("feature", [*UNKNOWN, "SIN", 1, None, ["x1"]])
def test_unknown_features(feature):
    message = (
        "features must be of identity, square, product, sin, cos, tanh, abs (of all columns) and "
        "of x1, x1^2, x1*x1, sin(x1), cos(x1), tanh(x1), abs(x1) with the columns x1, x2, x3; "
        f"got {feature!r}."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        made(["identity", feature])


@pytest.mark.parametrize(
    ("features", "hint"),
    [("square", ["square"]), ("x1", ["x1"]), (3, ["x1", "square"]), (None, ["x1", "square"])],
)
def test_other_than_a_sequence(features, hint):
    message = f"features must be a sequence of str, a list such as {hint!r}"
    with pytest.raises(ValueError, match=re.escape(f"{message}, got {features!r}.")):
        made(features)


def test_nothing_to_make():
    with pytest.raises(ValueError, match=r"features must name at least one feature .* got \[\]"):
        made([])
    with pytest.raises(ValueError, match=r"at least one feature of 1 column.*got \['product'\]"):
        made(["product"], X[:, :1])


def test_a_list_of_many_columns_is_cut_short():
    with pytest.raises(ValueError, match=r"with the columns x1, .*, x8, \.\.\.; got 'y'"):
        made(["y"], np.ones((2, 30)))


# ------------------------------------------------------------------ in use


def test_squares_make_the_circle_linear():
    samples, y = datasets.make_circle(random_state=0)
    linear = MLPClassifier((), solver="lbfgs", random_state=0)
    model = make_pipeline(FeatureExpansion(["square"]), linear)
    assert model.fit(samples, y).score(samples, y) == 1
    assert linear.fit(samples, y).score(samples, y) < 0.7


def test_parameters_are_a_models_own():
    features = ["x1"]
    expansion = FeatureExpansion(features)
    assert clone(expansion).fit(X).features == ["x1"]
    assert expansion.fit(X).features is features
    assert_array_equal(expansion.set_params(features=("x2",)).fit_transform(X), X[:, [1]])


@pytest.mark.parametrize("method", ["fit", "transform"])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([["a", "b"]], "^X must hold numbers: could not convert"),
        ([1.0, 2.0], "^X: Expected 2D array"),
        (np.array([[1.0j, 2.0]]), "^X: Complex data"),
        (np.empty((0, 2)), "^X: Found array with 0 sample"),
    ],
    ids=["texts", "a row", "complex", "nothing"],
)
def test_samples_that_are_none_are_named(method, given, message):
    expansion = FeatureExpansion(["square"]).fit([[1.0, 2.0]])
    with pytest.raises(ValueError, match=message):
        getattr(expansion, method)(given)
