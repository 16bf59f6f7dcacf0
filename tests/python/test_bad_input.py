"""Bad input gets a clear error, before any work, and nothing is lost."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn.neural_network
from helpers import (
    N_FEATURES,
    N_SAMPLES,
    STOPS_EARLY,
    assert_identical,
    fitted_state,
    one_thread,
    problem,
    problem_for,
    raw_outputs,
    run_child,
)
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

from nnhp import MLPClassifier, MLPRegressor, _core

pytestmark = STOPS_EARLY

HUGE = 2**31


def with_entry(array, value):
    array = np.array(array, dtype=np.result_type(array, type(value)))
    array.reshape(-1)[3] = value
    return array


def rows_without_memory(n_rows):
    """A matrix of any number of rows that takes the memory of one."""
    return np.lib.stride_tricks.as_strided(
        np.zeros(N_FEATURES), (n_rows, N_FEATURES), (0, 8), writeable=False
    )


# ------------------------------------------------------------------ X, y and sample_weight
# id: (what replaces the arguments of fit, exception, message)
BAD_DATA = {
    "no samples": (lambda X, y: {"X": X[:0], "y": y[:0]}, ValueError, r"^X and y: .*0 sample\(s\)"),
    "no features": (lambda X, y: {"X": X[:, :0]}, ValueError, r"^X and y: .*0 feature\(s\)"),
    "1-D X": (lambda X, y: {"X": X[:, 0]}, ValueError, "Expected 2D array, got 1D array"),
    "3-D X": (lambda X, y: {"X": X[:, :, None]}, ValueError, "^X and y: .*dim 3"),
    "NaN in X": (lambda X, y: {"X": with_entry(X, np.nan)}, ValueError, "Input X contains NaN"),
    "inf in X": (lambda X, y: {"X": with_entry(X, np.inf)}, ValueError, "Input X contains inf"),
    "NaN in sparse X": (
        lambda X, y: {"X": sp.csr_array(with_entry(X, np.nan))}, ValueError, "contains NaN",
    ),
    "complex X": (lambda X, y: {"X": X + 1j}, ValueError, "^X and y: Complex data not supported"),
    "text in X": (lambda X, y: {"X": [["a"] * 3] * len(y)}, ValueError, "could not convert"),
    "categories in X": (
        lambda X, y: {"X": pd.DataFrame({"size": pd.Categorical(["small"] * len(y))})},
        ValueError, "could not convert",
    ),
    "ragged X": (lambda X, y: {"X": [[1.0], [1.0, 2.0]]}, ValueError, "inhomogeneous"),
    "ragged y": (lambda X, y: {"y": [[1.0], [1.0, 2.0]]}, ValueError, "^y must .*"),
    "None as X": (lambda X, y: {"X": None}, ValueError, "Expected 2D array"),
    "too large for float32": (
        lambda X, y: {"X": with_entry(X, 1e300)}, ValueError, "too large for dtype.*float32",
    ),
    "rows beyond 32 bits": (
        lambda X, y: {"X": rows_without_memory(3 * 10**9)}, ValueError, "3000000000 samples",
    ),
    "columns beyond 32 bits": (
        lambda X, y: {"X": sp.csr_array((len(y), HUGE + 5))}, ValueError, "2147483653 features",
    ),
    "y is None": (lambda X, y: {"y": None}, ValueError, "requires y to be passed"),
    "y is shorter": (lambda X, y: {"y": y[:-1]}, ValueError, "^X and y: .*inconsistent numbers"),
    "y has 3 dimensions": (
        lambda X, y: {"y": np.zeros((len(y), 2, 2))}, ValueError, "^X and y: .*dim 3",
    ),
    "NaN in y": (lambda X, y: {"y": with_entry(y, np.nan)}, ValueError, "Input y contains NaN"),
    "complex y": (lambda X, y: {"y": y + 1j}, ValueError, "^X and y: Complex data not supported"),
    "sparse y": (
        lambda X, y: {"y": sp.csr_array(y[:, None])}, TypeError, "dense",
    ),
    "text as weights": (
        lambda X, y: {"sample_weight": "balanced"}, ValueError, "^sample_weight: could not convert",
    ),
    "validation weights of no weight": (
        lambda X, y: {"X_val": X, "y_val": y, "sample_weight_val": np.zeros(len(y))},
        ValueError, "^sample_weight_val: .*non-zero",
    ),
    "weight is shorter": (
        lambda X, y: {"sample_weight": np.ones(5)}, ValueError, "sample_weight.shape",
    ),
    "negative weight": (
        lambda X, y: {"sample_weight": with_entry(np.ones(len(y)), -0.1)},
        ValueError, "Negative values in sample_weight",
    ),
    "no weight": (
        lambda X, y: {"sample_weight": np.zeros(len(y))}, ValueError, "at least one non-zero",
    ),
    "NaN weight": (
        lambda X, y: {"sample_weight": with_entry(np.ones(len(y)), np.nan)},
        ValueError, "Input sample_weight contains NaN",
    ),
    "2-D weight": (
        lambda X, y: {"sample_weight": np.ones((len(y), 2))}, ValueError, "must be 1D",
    ),
    "X_val alone": (lambda X, y: {"X_val": X}, ValueError, "X_val and y_val must be given"),
    "y_val alone": (lambda X, y: {"y_val": y}, ValueError, "X_val and y_val must be given"),
    "weights of no X_val": (
        lambda X, y: {"sample_weight_val": y}, ValueError, "sample_weight_val needs X_val",
    ),
    "X_val has other columns": (
        lambda X, y: {"X_val": X[:, 1:], "y_val": y}, ValueError, "X_val.*6 features",
    ),
    "NaN in X_val": (
        lambda X, y: {"X_val": with_entry(X, np.nan), "y_val": y}, ValueError, "X_val.*NaN",
    ),
    "y_val is shorter": (
        lambda X, y: {"X_val": X, "y_val": y[1:]}, ValueError, "y_val.*inconsistent",
    ),
    "negative weight in validation": (
        lambda X, y: {"X_val": X, "y_val": y, "sample_weight_val": -np.ones(len(y))},
        ValueError, "Negative values in sample_weight_val",
    ),
}  # fmt: skip


@pytest.fixture(params=["adam", "lbfgs"])
def fitted(Estimator, request):
    """An estimator that has been fitted, whose next fit will fail."""
    net = Estimator(hidden_layer_sizes=(4,), solver=request.param, max_iter=3, random_state=0)
    return net.fit(*problem_for(Estimator))


def assert_fails_and_changes_nothing(net, method, keywords, exception, message):
    before = copy.deepcopy(fitted_state(net))
    with pytest.raises(exception, match=f"(?s){message}"):
        getattr(net, method)(**keywords)
    assert_identical(fitted_state(net), before, "fitted attributes")


@pytest.mark.parametrize(("change", "exception", "message"), BAD_DATA.values(), ids=BAD_DATA.keys())
def test_bad_data(fitted, change, exception, message):
    X, y = problem_for(fitted)
    changed = change(X, y)
    if fitted.solver == "lbfgs" and "X_val" in changed and "y_val" in changed:
        message = "X_val cannot be used with solver='lbfgs'"
    if "float32" in message:
        fitted.set_params(dtype="float32")
    assert_fails_and_changes_nothing(fitted, "fit", {"X": X, "y": y, **changed}, exception, message)


# partial_fit takes no validation data, and minds that the first fit saw no column names.
BAD_PARTS = {
    name: row
    for name, row in BAD_DATA.items()
    if "_val" not in row[2] and name != "categories in X"
}


@pytest.mark.parametrize(
    ("change", "exception", "message"), BAD_PARTS.values(), ids=BAD_PARTS.keys()
)
def test_bad_data_in_partial_fit(Estimator, change, exception, message):
    X, y = problem_for(Estimator)
    dtype = "float32" if "float32" in message else "auto"
    net = Estimator(hidden_layer_sizes=(4,), max_iter=3, dtype=dtype, random_state=0).fit(X, y)
    keywords = {"X": X, "y": y, **change(X, y)}
    assert_fails_and_changes_nothing(net, "partial_fit", keywords, exception, message)


# Too small or too large for the dtype, each or (1e308) in their sum.
BEYOND = [("float32", 1e-60), ("float32", 1e60), ("float64", 1e-310), ("float64", 1e308)]
# What the engine computes from them would fall below the normal numbers.
BEYOND += [("float32", 1e-36), ("float32", 3e36), ("float64", 1e-303), ("float64", 1e306)]


@pytest.mark.parametrize("given", ["fit", "partial_fit", "sample_weight_val"])
@pytest.mark.parametrize(("dtype", "weight"), BEYOND)
def test_weights_beyond_the_dtype_are_refused_by_name(Estimator, dtype, weight, given):
    X, y = problem_for(Estimator)
    net = Estimator(hidden_layer_sizes=(4,), dtype=dtype, max_iter=3, random_state=0).fit(X, y)
    weights = np.full(N_SAMPLES, weight)
    keywords = {"X": X, "y": y, "sample_weight": weights}
    method, name = given, "sample_weight"
    if given == "sample_weight_val":
        keywords = {"X": X, "y": y, "X_val": X, "y_val": y, given: weights}
        method, name = "fit", given
    message = (
        rf"^{name} must have a sum of at most \S+ and at least one number above \S+ in {dtype}"
    )
    assert_fails_and_changes_nothing(net, method, keywords, ValueError, message)


@pytest.mark.parametrize("change", ["NaN in X", "NaN in y"])
def test_errors_name_the_estimator(Estimator, change):
    X, y = problem_for(Estimator)
    with pytest.raises(ValueError, match="NaN") as error:
        Estimator().fit(**{"X": X, "y": y, **BAD_DATA[change][0](X, y)})
    assert change == "NaN in y" or Estimator.__name__ in str(error.value)


def test_values_too_large_in_y_for_float32():
    X, y = problem("one target")
    with pytest.raises(ValueError, match=r"Input y contains a value too large for dtype.*float32"):
        MLPRegressor(dtype="float32").fit(X, with_entry(y, 1e300))


def test_poisson_needs_counts_that_are_not_negative():
    X, y = problem("counts")
    with pytest.raises(ValueError, match="loss='poisson' needs y >= 0"):
        MLPRegressor("poisson").fit(X, y - 1)


def test_classification_of_continuous_numbers():
    X, y = problem("one target")
    with pytest.raises(ValueError, match=r"^y: Unknown label type"):
        MLPClassifier().fit(X, y)


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["a", np.nan], dtype=object),
        pd.Series(["a", pd.NA], dtype="string"),
        pd.Series(pd.Categorical(["a", None])),
        np.array(["2026-01-01", "NaT"], dtype="datetime64[D]"),
        np.array([1, "NaT"], dtype="timedelta64[s]"),
    ],
    ids=["objects", "texts", "categories", "dates", "durations"],
)
@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_labels_that_are_missing_are_told(labels):
    y = pd.Series(labels).repeat(20)
    for given in (y, y.to_numpy()):
        with pytest.raises((TypeError, ValueError), match="y must have no missing values"):
            MLPClassifier(4).fit(np.eye(40), given)


def test_labels_that_validation_data_alone_have():
    X, y = problem("binary")
    with pytest.raises(ValueError, match=r"`y_val` has classes not in `self.classes_`"):
        MLPClassifier().fit(X, y, X_val=X, y_val=y + 1)


def test_partial_fit_needs_and_keeps_the_classes():
    X, y = problem("multiclass")
    net = MLPClassifier((4,), random_state=0)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        net.partial_fit(X, y)
    assert fitted_state(net) == {}
    net.partial_fit(X, y, classes=[0, 1, 2])
    assert_fails_and_changes_nothing(
        net, "partial_fit", {"X": X, "y": y + 1}, ValueError, "`y` has classes not in"
    )
    assert_fails_and_changes_nothing(
        net,
        "partial_fit",
        {"X": X, "y": y, "classes": [0, 1, 2, 3]},
        ValueError,
        "classes=.* is not the same as on last call",
    )


def test_warm_start_needs_the_same_labels_features_and_layers(Estimator):
    X, y = problem_for(Estimator)
    net = Estimator(hidden_layer_sizes=(4,), warm_start=True, max_iter=2, random_state=0).fit(X, y)
    assert_fails_and_changes_nothing(
        net, "fit", {"X": X[:, 1:], "y": y}, ValueError, "has 6 features, but .* expecting 7"
    )
    if Estimator is MLPClassifier:
        assert_fails_and_changes_nothing(
            net, "fit", {"X": X, "y": np.minimum(y, 1)}, ValueError, "warm_start can only be used"
        )
    net.set_params(hidden_layer_sizes=(5,))
    assert_fails_and_changes_nothing(
        net, "fit", {"X": X, "y": y}, ValueError, "Fit anew, with warm_start=False"
    )


def test_partial_fit_needs_the_same_number_of_targets():
    X, y = problem("one target")
    net = MLPRegressor(hidden_layer_sizes=(4,), random_state=0).partial_fit(X, np.c_[y, y])
    for other in (y, np.c_[y, y, y]):
        assert_fails_and_changes_nothing(
            net, "partial_fit", {"X": X, "y": other}, ValueError, "do not make a net with weights"
        )


def test_predicting_before_fitting(Estimator):
    X, _ = problem_for(Estimator)
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        Estimator().predict(X)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X[:, 1:], "has 6 features, but .* expecting 7"),
        (lambda X: X[:0], r"^X: .*0 sample\(s\)"),
        (lambda X: X[0], "Expected 2D array"),
        (lambda X: with_entry(X, np.nan), "contains NaN"),
        (lambda X: rows_without_memory(3 * 10**9), "3000000000 samples"),
        (lambda X: sp.csr_array((2, HUGE + 5)), "features"),
        (lambda X: X + 1j, "^X: Complex data"),
    ],
    ids=["features", "no rows", "1-D", "NaN", "rows", "columns", "complex"],
)
def test_bad_data_in_predict(fitted, change, message):
    X, _ = problem_for(fitted)
    assert_fails_and_changes_nothing(fitted, "predict", {"X": change(X)}, ValueError, message)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("n_rows", [1, 20_000])
def test_any_value_that_is_not_finite_is_found_in_predict(fitted, n_rows, bad):
    """The engine looks at them block by block; the error is that of scikit-learn."""
    X, _ = problem_for(fitted)
    X = np.resize(X, (n_rows, X.shape[1])).astype(fitted.coefs_[0].dtype)
    for row in {0, n_rows // 2, n_rows - 1}:
        wrong = X.copy()
        wrong[row, -1] = bad
        with pytest.raises(ValueError, match="Input X contains") as told:
            fitted.predict(wrong)
        with pytest.raises(ValueError, match="Input X contains") as expected:
            fitted.predict(wrong.tolist())
        assert str(told.value) == str(expected.value)
    huge = np.full_like(X, np.finfo(X.dtype).max)  # the sum of which is infinite
    assert len(fitted.predict(huge)) == n_rows


def test_values_are_not_looked_at_where_scikit_learn_is_told_not_to(fitted):
    X, _ = problem_for(fitted)
    X = with_entry(X.astype(fitted.coefs_[0].dtype), np.nan)
    with config_context(assume_finite=True):
        assert_array_equal(fitted.predict(X), fitted.predict(X.tolist()))


def test_a_csr_matrix_that_points_outside_of_itself(Estimator):
    X, y = problem_for(Estimator)
    for part, index, value in [
        ("indices", 3, N_FEATURES),
        ("indices", 3, -1),
        ("indptr", 5, 10**6),
        ("indptr", 5, -1),
        ("indptr", 0, 1),
    ]:
        broken = sp.csr_array(X)
        getattr(broken, part)[index] = value
        with pytest.raises(ValueError, match="not a sound CSR matrix"):
            Estimator().fit(broken, y)


# ------------------------------------------------------------------ parameters
# name -> bad values; each is refused by scikit-learn's own check, which names the parameter
BAD_PARAMETERS = {
    "activation": ["snake", 3, None],
    "solver": ["sdg", None],
    "alpha": [-1e-9, np.nan, "small"],
    "batch_size": [0, -1, "all", 2.5],
    "learning_rate": ["cosin", 0.0, -0.1, np.nan, None, True],
    "learning_rate_init": [0.0, -1.0, np.nan],
    "power_t": [-1, np.nan],
    "max_iter": [0, -5, 2.5],
    "shuffle": ["yes", 2],
    "random_state": [-1, "seed"],
    "tol": [-1.0, np.nan],
    "warm_start": ["no"],
    "momentum": [-0.1, 1.1, np.nan],
    "nesterovs_momentum": ["no"],
    "early_stopping": ["yes"],
    "validation_fraction": [1.0, -0.1, np.nan],
    "beta_1": [1.0, -0.1],
    "beta_2": [1.0, -0.1],
    "epsilon": [0.0, np.nan],
    "n_iter_no_change": [0, 2.5, np.nan],
    "max_fun": [0],
    "dropout": [1.0, -0.1, np.nan, "half"],
    "input_dropout": [1.0, -0.1, np.nan, [0.1]],
    "l1_ratio": [1.1, -0.1, np.nan],
    "num_layers": [-1, 2.5, "two"],
    "scoring": ["precision@k", 3],
    "dtype": ["float16", np.float32],
    "n_jobs": [1.5, "all"],
}
PAIRS = [
    pytest.param(name, value, id=f"{name}={value}")
    for name, values in BAD_PARAMETERS.items()
    for value in values
]


@pytest.mark.parametrize(("name", "value"), PAIRS)
def test_bad_parameter(Estimator, name, value):
    X, y = problem_for(Estimator)
    net = Estimator(hidden_layer_sizes=(4,), max_iter=2, random_state=0).fit(X, y)
    net.set_params(**{name: value})
    message = f"The '{name}' parameter of {Estimator.__name__} must be"
    assert_fails_and_changes_nothing(net, "fit", {"X": X, "y": y}, InvalidParameterError, message)


# id: (parameters, exception, message); values of the right type that cannot be
BAD_VALUES = {
    "hidden size 0": ({"hidden_layer_sizes": (3, 0)}, ValueError, "hidden_layer_sizes must be > 0"),
    "hidden size -1": ({"hidden_layer_sizes": [-1]}, ValueError, "hidden_layer_sizes must be > 0"),
    "fractional size": (
        {"hidden_layer_sizes": [2.5]}, TypeError, "hidden_layer_sizes must be integers",
    ),
    "a switch as a size": (
        {"hidden_layer_sizes": True}, TypeError, "hidden_layer_sizes must be integers",
    ),
    "size beyond 32 bits": (
        {"hidden_layer_sizes": [HUGE]}, ValueError, "hidden_layer_sizes must not exceed 2147483647",
    ),
    "size of 25 digits": (
        {"hidden_layer_sizes": [10**25]}, ValueError, "hidden_layer_sizes must not exceed",
    ),
    "more than memory": (
        {"hidden_layer_sizes": [10**9, 10**9]}, MemoryError, r"needs about \d+ bytes",
    ),
    "more than 64 bits": (
        {"hidden_layer_sizes": [HUGE - 1] * 3}, MemoryError, r"needs about \d+ bytes",
    ),
    "dropout in a list": ({"dropout": [1.0]}, ValueError, r"dropout must lie in \[0, 1\)"),
    "dropout of text": ({"dropout": ["a"]}, ValueError, r"dropout must lie in \[0, 1\)"),
    "rate in a list": ({"learning_rate": [0.1, -1]}, ValueError, "learning_rate as a sequence"),
    "switches in a list of rates": (
        {"learning_rate": [True, True]}, ValueError, "learning_rate as a sequence",
    ),
    "NaN rate in a list": ({"learning_rate": [np.nan]}, ValueError, "learning_rate as a sequence"),
    "text in a list of rates": (
        {"learning_rate": ["a"]}, ValueError, "learning_rate as a sequence",
    ),
    "lists in a list of rates": (
        {"learning_rate": [[0.1], [0.1, 0.2]]}, ValueError, "learning_rate as a sequence",
    ),
    "no rates": ({"learning_rate": []}, ValueError, "learning_rate as a sequence"),
    "activation in a list": ({"activation": ["snake"]}, ValueError, "activation must be one of"),
    "n_jobs=0": ({"n_jobs": 0}, ValueError, "n_jobs"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("parameters", "exception", "message"), BAD_VALUES.values(), ids=BAD_VALUES.keys()
)
def test_bad_value(fitted, parameters, exception, message):
    X, y = problem_for(fitted)
    fitted.set_params(**parameters)
    assert_fails_and_changes_nothing(fitted, "fit", {"X": X, "y": y}, exception, message)


ACTIVATIONS = [
    "elu", "hard_sigmoid", "identity", "leaky_relu", "linear", "logistic", "mish", "relu", "selu",
    "sigmoid", "silu", "softplus", "swish", "tanh",
]  # fmt: skip
SCHEDULES = [
    "adaptive", "constant", "cosine", "exponential", "invscaling", "one_cycle", "piecewise",
    "plateau", "polynomial", "step",
]  # fmt: skip
INITIALIZERS = [
    "auto", "constant", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform",
    "lecun_normal", "lecun_uniform", "normal", "ones", "orthogonal", "random_normal",
    "random_uniform", "truncated_normal", "uniform", "zeros",
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "known"),
    [
        ("activation", "snake", ACTIVATIONS),
        ("activation", ["snake"], ACTIVATIONS),
        ("solver", "rmsprob", ["adam", "lbfgs", "lion", "rmsprop", "sgd"]),
        ("learning_rate", "cosin", SCHEDULES),
        ("kernel_initializer", "he", INITIALIZERS),
        ("bias_initializer", [None, "he"], INITIALIZERS),
        ("dtype", "float16", ["auto", "float32", "float64"]),
        ("scoring", "hits", ["accuracy", "loss", "r2"]),
    ],
    ids=str,
)
def test_an_unknown_name_lists_the_known_ones(Estimator, name, value, known):
    X, y = problem_for(Estimator)
    with pytest.raises(ValueError, match=name) as error:
        Estimator(hidden_layer_sizes=(4,), **{name: value}).fit(X, y)
    assert all(f"'{word}'" in str(error.value) for word in known)


def test_unknown_names_of_one_estimator():
    X, y = problem("one target")
    with pytest.raises(ValueError, match=r"'loss'.*'poisson'|'loss'.*'squared_error'"):
        MLPRegressor("snake").fit(X, y)
    X, y = problem("binary")
    with pytest.raises(ValueError, match=r"'class_weight'.*'balanced'"):
        MLPClassifier(class_weight="even").fit(X, y)


def test_unknown_keyword(Estimator):
    with pytest.raises(TypeError, match="unexpected keyword argument 'droupout'"):
        Estimator(droupout=0.1)
    with pytest.raises(ValueError, match=r"Invalid parameter 'droupout'.*'dropout'"):
        Estimator().set_params(droupout=0.1)


# What classifiers cannot take as y, and what is said of it.
FORMS_OF_LABELS = {
    "labels in rows of different lengths": (
        [[1], [0, 1]] * 5,
        "different lengths: .*MultiLabelBin",
    ),
    "several columns": (np.array([["a", "b"]] * 10), r"shape \(10, 2\).*MultiOutputClassifier"),
    "several columns as lists": ([["a", "b"]] * 10, r"shape \(10, 2\).*MultiOutputClassifier"),
    "columns of numbers": (np.arange(30).reshape(10, 3) % 4, r"shape \(10, 3\)"),
    "columns of a frame": (pd.DataFrame([["a", "b"]] * 10), r"shape \(10, 2\)"),
}


@pytest.mark.parametrize(("y", "told"), FORMS_OF_LABELS.values(), ids=FORMS_OF_LABELS.keys())
def test_forms_of_labels_are_told(y, told):
    with pytest.raises(ValueError, match=f"^y must be 1-D labels or an indicator matrix.*{told}"):
        MLPClassifier(max_iter=1).fit(np.zeros((10, 2)), y)


# ------------------------------------------------------------------ early stopping

TOO_SMALL = {
    "one sample": (slice(0, 1), 0.1, "validation set|train set will be empty|n_samples"),
    "one row held out": (slice(0, 9), 0.1, "The validation set is too small"),
    "none held out": (slice(0, 50), 0.0, "test_size"),
}


@pytest.mark.parametrize(("rows", "fraction", "message"), TOO_SMALL.values(), ids=TOO_SMALL.keys())
def test_early_stopping_needs_rows(Estimator, rows, fraction, message):
    X, y = problem_for(Estimator)
    net = Estimator(hidden_layer_sizes=(4,), max_iter=2, random_state=0).fit(X, y)
    net.set_params(early_stopping=True, validation_fraction=fraction)
    assert_fails_and_changes_nothing(net, "fit", {"X": X[rows], "y": y[rows]}, ValueError, message)


def test_one_validation_row_is_too_few(Estimator):
    X, y = problem_for(Estimator)
    told = r"^The validation set is too small: .* at least two samples .*\(X_val\), got 1"
    with pytest.raises(ValueError, match=told):
        Estimator(early_stopping=True).fit(X, y, X_val=X[:1], y_val=y[:1])


@pytest.mark.parametrize("labels", [["cat", "dog"], [3, 7]])
def test_a_class_too_rare_to_be_split_is_named(labels):
    X = np.random.RandomState(0).standard_normal((20, 2))
    y = np.array(labels)[(np.arange(20) == 5).astype(int)]
    net = MLPClassifier(early_stopping=True, max_iter=2, tol=100)
    with pytest.raises(ValueError, match=f"a single sample of {labels[1]!r}; X_val and y_val may"):
        net.fit(X, y)


def test_a_split_that_leaves_no_weight():
    X, y = problem("one target")
    weight = np.zeros(N_SAMPLES)
    weight[0] = 1
    with pytest.raises(ValueError, match=r"those of the \w+ part .* are all zero"):
        MLPRegressor(early_stopping=True, random_state=0).fit(X, y, sample_weight=weight)


# ------------------------------------------------------------------ divergence


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_divergence_names_epoch_and_layer(Estimator, solver, method):
    X, y = problem_for(Estimator)
    net = Estimator(hidden_layer_sizes=(4, 3), activation="identity", max_iter=3, random_state=0)
    net.fit(X, y).set_params(solver=solver, learning_rate_init=1e300, max_iter=50, batch_size=1)
    message = r"non-finite parameter weights.*Layer [123] became non-finite in epoch \d+\."
    assert_fails_and_changes_nothing(net, method, {"X": X, "y": y}, ValueError, message)


def test_a_failed_fit_of_a_fresh_object_leaves_nothing(Estimator):
    X, y = problem_for(Estimator)
    net = Estimator(solver="sgd", learning_rate_init=1e300, activation="identity", batch_size=5)
    with pytest.raises(ValueError, match="non-finite"):
        net.fit(X, y)
    assert fitted_state(net) == {}
    with pytest.raises(NotFittedError):
        net.predict(X)


def own_score(net, X, y):
    return net.score(X, y)


@pytest.mark.parametrize("scoring", [None, "loss", own_score], ids=["native", "loss", "callable"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_divergence_under_early_stopping_warns_and_keeps_the_best_before(
    Estimator, solver, scoring
):
    X, y = problem_for(Estimator)
    net = Estimator(
        hidden_layer_sizes=(4,), solver=solver, early_stopping=True, scoring=scoring,
        learning_rate=[1e-2, 1e-2, 1e300], batch_size=8, random_state=0, max_iter=60,
    )  # fmt: skip
    before = clone(net).set_params(max_iter=2).fit(X, y)
    message = (
        r"^The training diverged: Layer [12] became non-finite in epoch 3\. "
        r"The best weights before are kept\.$"
    )
    with pytest.warns(ConvergenceWarning, match=message) as caught:
        net.fit(X, y)
    assert [warning.filename for warning in caught] == [__file__]
    assert net.n_iter_ == len(net.validation_scores_) == 3
    for name in ("coefs_", "intercepts_", "best_validation_score_"):
        assert_identical(getattr(net, name), getattr(before, name), name)
    assert np.isfinite(raw_outputs(net, X)).all()


# ------------------------------------------------------------------ what is allowed


def test_one_sample(Estimator):
    X, y = problem_for(Estimator)
    net = Estimator(hidden_layer_sizes=(4,), max_iter=3).fit(X[:1], y[:1])
    assert net.predict(X).shape == (N_SAMPLES,)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("label", [3, "only"])
def test_one_class_has_one_column_of_probability_1(solver, label):
    X, _ = problem("binary")
    net = MLPClassifier((4,), solver=solver, max_iter=3, random_state=0)
    net.fit(X, np.full(N_SAMPLES, label))
    assert net.classes_.tolist() == [label]
    assert_identical(net.predict_proba(X), np.ones((N_SAMPLES, 1)))
    assert_identical(net.predict_log_proba(X), np.zeros((N_SAMPLES, 1)))
    assert set(net.predict(X).tolist()) == {label}


@pytest.mark.parametrize("scoring", [None, "accuracy"])
def test_one_class_scores_1_in_early_stopping(scoring):
    X, _ = problem("binary")
    y = np.full(N_SAMPLES, 3)
    stopping = {"early_stopping": True, "max_iter": 4, "random_state": 0}
    net = MLPClassifier((4,), scoring=scoring, **stopping).fit(X, y)
    theirs = sklearn.neural_network.MLPClassifier((4,), **stopping).fit(X, y)
    assert net.validation_scores_ == theirs.validation_scores_ == [1.0] * 4
    assert_allclose(net.loss_curve_, theirs.loss_curve_, rtol=1e-8)
    assert net.fit(X, y, X_val=X, y_val=y).validation_scores_ == [1.0] * 4


def test_constant_columns_and_targets(Estimator):
    X, y = problem_for(Estimator)
    X[:, 2] = 5.0
    X[:, 3] = 0.0
    for targets in (y, np.ones_like(y)):
        net = Estimator(hidden_layer_sizes=(4,), max_iter=5, random_state=0).fit(X, targets)
        assert np.isfinite(raw_outputs(net, X)).all()


def test_subnormal_numbers_and_the_callers_rounding_mode(Estimator):
    X, y = problem_for(Estimator)
    X *= 1e-310
    net = Estimator(hidden_layer_sizes=(4,), max_iter=3, random_state=0).fit(X, y)
    assert np.isfinite(raw_outputs(net, X)).all()
    assert np.float64(1e-308) / 16 > 0  # the engine flushes subnormals, the caller does not


@pytest.mark.parametrize("scale", [1e30, 1e154, 1.7e308])
def test_large_numbers_give_finite_results_or_a_clear_error(Estimator, scale, dtype):
    X, y = problem_for(Estimator)
    X = np.tanh(X) * min(scale, float(np.finfo(dtype).max) / 2)
    net = Estimator(hidden_layer_sizes=(4,), max_iter=3, dtype=dtype, random_state=0)
    try:
        net.fit(X, y)
    except ValueError as error:
        assert "non-finite parameter weights" in str(error)  # noqa: PT017
        assert fitted_state(net) == {}
    else:
        assert all(np.isfinite(weights).all() for weights in net.coefs_)


def test_column_vector_as_y(Estimator):
    X, y = problem_for(Estimator)
    net = Estimator(hidden_layer_sizes=(4,), max_iter=3, random_state=0)
    expected = raw_outputs(net.fit(X, y), X)
    with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
        net.fit(X, y[:, None])
    assert_identical(raw_outputs(net, X), expected)


def test_batch_larger_than_the_data_is_clipped_with_a_warning(Estimator):
    X, y = problem_for(Estimator)
    net = Estimator(hidden_layer_sizes=(4,), max_iter=3, random_state=0, batch_size=N_SAMPLES)
    expected = net.fit(X, y).coefs_
    with pytest.warns(UserWarning, match="It is going to be clipped") as caught:
        net.set_params(batch_size=10**12).fit(X, y)
    assert_identical(net.coefs_, expected)
    assert [w.filename for w in caught if w.category is UserWarning] == [__file__]
    with pytest.warns(UserWarning, match="It is going to be clipped") as caught:
        net.partial_fit(X, y)
    assert [w.filename for w in caught] == [__file__]


def test_epochs_without_end_take_no_memory(Estimator):
    X, y = problem_for(Estimator)
    net = Estimator(hidden_layer_sizes=(4,), max_iter=10**9, tol=10.0, n_iter_no_change=2)
    assert net.fit(X, y).n_iter_ == 4


SHORT_OF_MEMORY = """
import resource
import numpy as np
from nnhp import MLPRegressor

X = np.random.RandomState(0).standard_normal((50, 4))
net = MLPRegressor(hidden_layer_sizes=(4,), solver={solver!r}, max_iter=2, random_state=0)
import warnings; warnings.simplefilter("ignore")
before = net.fit(X, X[:, 0]).predict(X)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, resource.RLIM_INFINITY))
try:
    net.set_params(hidden_layer_sizes=(4000, 4000)).fit(X, X[:, 0])
except MemoryError:
    assert (net.predict(X) == before).all()
    print("MemoryError")
"""


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_an_allocation_that_fails_is_a_memory_error(solver):
    assert run_child(SHORT_OF_MEMORY.format(solver=solver)) == "MemoryError\n"


# ------------------------------------------------------------------ the engine's own checks


def spec(**changed):
    arguments = {
        "n_inputs": 4, "hidden": [(3, ["relu"])], "n_outputs": 1,
        "output_activation": "identity", "dtype": "float64",
    }  # fmt: skip
    return _core.NetSpec(**{**arguments, **changed})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n_inputs": 0}, "at least 1 input, got 0"),
        ({"n_outputs": -1}, "at least 1 output, got -1"),
        ({"hidden": [(0, ["relu"])]}, "at least 1 unit, got 0"),
        ({"hidden": [(3, ["snake"])]}, "'dropout', .*'relu', 'leaky_relu', .*got 'snake'"),
        ({"hidden": [(3, [{"name": "dropout", "rate": 1.0}])]}, "dropout: rate must be in"),
        ({"hidden": [(3, [{"name": "relu", "slope": 1.0}])]}, "stage has no field 'slope'"),
        ({"hidden": [(3, [{"rate": 1.0}])]}, "stage needs a name"),
        ({"hidden": [(3, [{"name": "maxout", "pieces": 0}])]}, "pieces must be an integer >= 1"),
        ({"hidden": [(3, ["softmax"])]}, "softmax is no activation of a hidden layer"),
        ({"output_stages": ["softmax"]}, "softmax is no activation of a hidden layer"),
        ({"output_activation": "maxout"}, "maxout can only stand before the last activation"),
        ({"input_stages": ["relu"]}, "no activation can stand before the first layer, got relu"),
        ({"input_stages": [{"name": "dropout", "rate": float("nan")}]}, "dropout: rate"),
        ({"output_activation": "tanhh"}, "softmax"),
        ({"dtype": "float16"}, "float32"),
        ({"hidden": [(2**40, ["relu"])] * 2}, "large|many|overflow|exceed"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_the_engine_refuses_a_bad_net(changed, message):
    with pytest.raises((ValueError, OverflowError, MemoryError), match=message):
        spec(**changed)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((3, 4), dtype=np.float16), "dtype|float"),
        (np.zeros((4, 3)).T, "contiguous"),
        (np.zeros(4), "dimension|2-D"),
        (np.zeros((3, 5)), "features"),
        ([[1.0]], "array"),
    ],
    ids=["dtype", "Fortran", "1-D", "features", "list"],
)
def test_the_engine_refuses_bad_samples(X, message):
    net = spec()
    with pytest.raises((ValueError, TypeError), match=message):
        _core.Predictor(net, np.zeros(net.n_parameters)).outputs(X, one_thread)


@pytest.mark.parametrize("layer", [1, 2, 2**63, 2**64 - 1])
def test_the_engine_refuses_layers_that_are_not_there(layer):
    net = spec(hidden=[(3, ["relu"])])
    predictor = _core.Predictor(net, np.zeros(net.n_parameters))
    with pytest.raises(ValueError, match=f"the net has 1 hidden layers, got layer {layer}"):
        predictor.hidden_outputs(np.zeros((3, 4)), layer, one_thread)


def test_the_engine_refuses_numbers_that_are_not_aligned():
    shifted = np.zeros(12 * 8 + 1, dtype=np.uint8)[1:].view(np.float64).reshape(3, 4)
    net = spec()
    with pytest.raises(ValueError, match="X must be aligned"):
        _core.Predictor(net, np.zeros(net.n_parameters)).outputs(shifted, one_thread)


def test_the_engine_refuses_two_kinds_of_targets():
    ids, targets = np.zeros(3, dtype=np.int32), np.zeros((3, 1))
    with pytest.raises(ValueError, match="class_ids and targets"):
        _core.Dataset(np.zeros((3, 4)), class_ids=ids, targets=targets)


@pytest.mark.parametrize("sessions", [None, 3, [None], [3]])
def test_the_engine_refuses_what_is_no_session(sessions):
    with pytest.raises((TypeError, ValueError)):
        _core.train_many(sessions, 1, 1)


def test_pickled_state_survives_a_failed_fit(Estimator):
    X, y = problem_for(Estimator)
    net = Estimator(hidden_layer_sizes=(4,), max_iter=3, random_state=0).fit(X, y)
    before = pickle.dumps(net)
    with pytest.raises(ValueError, match="NaN"):
        net.fit(with_entry(X, np.nan), y)
    assert pickle.dumps(net) == before


def test_class_weights_that_are_no_numbers():
    X, y = problem("multiclass")
    with pytest.raises(ValueError, match=r"^class_weight: could not convert"):
        MLPClassifier(class_weight={0: "a", 1: 1, 2: 1}).fit(X, y)


def test_an_early_stopping_that_cannot_split_says_so(Estimator):
    X, y = problem_for(Estimator)
    net = Estimator(early_stopping=True, validation_fraction=0.0)
    with pytest.raises(ValueError, match=r"early_stopping=True .* validation_fraction=0\.0 of 97"):
        net.fit(X, y)


def test_a_scorer_that_gives_nan_is_named(Estimator):
    X, y = problem_for(Estimator)

    def scorer(net, X, y):
        return np.nan if net.n_iter_ == 2 else 0.5

    net = Estimator(early_stopping=True, scoring=scorer, random_state=0)
    with pytest.raises(ValueError, match=r"scoring=.*gave nan in epoch 2"):
        net.fit(X, y)
