"""Any input gives a clear error, or the bits of the plain contiguous form of its numbers."""

import re
import warnings
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from helpers import assert_identical, fitted_state
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from made_up_inputs import (
    DTYPES,
    LAYOUTS,
    SHAPES,
    SPARSE,
    TARGETS,
    VALUES,
    VECTORS,
    WEARS,
    WEIGHTS,
    UnsuitableError,
    numbers,
)

import nnhp
from nnhp import MLPClassifier, MLPRegressor, layers

# Texts of something within, which no user can have meant. A KeyError's is a name in quotes.
UNCLEAR = re.compile(
    r"incompatible function arguments|invoked with|broadcast|not aligned|'NoneType' object"
    r"|has no attribute"
    r"|object is not|unsupported operand|^ufunc|^The `dtype`|out of bounds|unhashable|cannot unpack"
    r"|takes \d+ positional|^'.?<' not supported|list index|index out of|^'\w*'$|^\d+$"
)
SUBJECT = re.compile(
    r"\b(X|x|y|sample_weight|Sample weights|weights?|[Ss]amples?|[Ff]eatures?|Input|[Aa]rray"
    r"|class(es)?|labels?|targets|y_true|sample_weight_val|dtype|NaN|data|validation|Complex|folds"
    r"|n_splits|[Ss]olver)\b"
)


@dataclass(frozen=True)
class Case:
    """What is done with which input."""

    action: str
    wear: str
    vector: str
    shape: str
    dtype: str
    values: str
    target: str
    weight: str
    net_dtype: str
    seed: int


def mostly(usual, others):
    """The usual value in half of the cases."""
    return st.just(usual) | st.sampled_from(sorted(others))


CASES = st.builds(
    Case,
    action=st.deferred(lambda: st.sampled_from(sorted(ACTIONS))),
    wear=st.sampled_from(sorted(WEARS)),
    vector=mostly("C", VECTORS),
    shape=st.sampled_from(SHAPES),
    dtype=mostly("float64", DTYPES),
    values=st.sampled_from(VALUES),
    target=mostly("two", TARGETS),
    weight=mostly("none", WEIGHTS),
    net_dtype=st.sampled_from(["auto", "float64", "float32"]),
    seed=st.integers(0, 999),
)

# ------------------------------------------------------------------ what is done with inputs

SMALL = {"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0}


def facts(net):
    """What a fit came to, in plain terms."""
    classes = getattr(net, "classes_", np.zeros(0))
    # Numbers that are classes come from some containers as other types of numbers.
    names = [
        float(c) if isinstance(c, int | float) else str(c) for c in np.asarray(classes).tolist()
    ]
    return [net.coefs_, net.intercepts_, net.loss_curve_, names]


def estimator(case, target):
    regression = case.target in ("reals", "huge", "int8") or case.seed % 3 == 0
    Estimator = MLPRegressor if regression else MLPClassifier
    stops = {"early_stopping": case.seed % 5 == 0 and case.action == "fit"}
    return Estimator(dtype=case.net_dtype, **SMALL, **stops)


def fit(case, X, y, weight):
    net = estimator(case, y)
    try:
        return facts(net.fit(X, y, sample_weight=weight))
    except Exception:
        assert fitted_state(net) == {}
        raise


def partial_fit(case, X, y, weight):
    net = estimator(case, y)
    classes = {}
    if isinstance(net, MLPClassifier):
        classes["classes"] = sorted(set(TARGETS[case.target](20).ravel().tolist()), key=str)
    net.partial_fit(X, y, sample_weight=weight, **classes)
    return facts(net.partial_fit(X, y, sample_weight=weight))


def validation(case, X, y, weight):
    net = estimator(case, y)
    return facts(net.fit(X, y, X_val=X, y_val=y, sample_weight_val=weight))


@cache
def fitted(Estimator, n_features, dtype):
    rng = np.random.RandomState(1)
    X, y = rng.standard_normal((20, n_features)), np.arange(20) % 3
    return Estimator(dtype=dtype, **SMALL).fit(X, y)


def fitted_for(case, X, Estimator):
    shape = np.shape(X) if isinstance(X, list | tuple) else getattr(X, "shape", ())
    n_features = shape[1] if len(shape) == 2 and shape[1] > 0 else 4
    return fitted(Estimator, n_features + (case.seed % 11 == 0), case.net_dtype)


def predict(case, X, y, weight):
    return fitted_for(case, X, MLPRegressor).predict(X)


def predict_proba(case, X, y, weight):
    return fitted_for(case, X, MLPClassifier).predict_proba(X)


def compiled(case, X, y, weight):
    return fitted_for(case, X, MLPClassifier).compiled("predict_proba")(X)


def score(case, X, y, weight):
    return fitted_for(case, X, MLPClassifier if case.seed % 2 else MLPRegressor).score(
        X, y, sample_weight=weight
    )


def search(case, X, y, weight):
    net = estimator(case, y)
    found = nnhp.GridSearchCV(net, {"alpha": [0.0, 0.1]}, cv=2, error_score="raise")
    found.fit(X, y, sample_weight=weight)
    return [found.cv_results_["mean_test_score"], facts(found.best_estimator_)]


@cache
def model_of(n_features, kind, dtype):
    units, loss = (5, "sparse_categorical_crossentropy") if kind == "classes" else (1, "mse")
    model = nnhp.Sequential(
        [
            layers.Input((n_features,)),
            layers.Dense(3, activation="relu"),
            layers.Dense(units, activation="softmax" if kind == "classes" else None),
        ],
        dtype=dtype,
        random_state=0,
    )
    model.compile("sgd", loss)
    return model, model.get_weights()


def sequential(case, X):
    shape = np.shape(X) if isinstance(X, list | tuple) else getattr(X, "shape", ())
    kind = "numbers" if case.target in ("reals", "huge") else "classes"
    dtype = "float64" if case.net_dtype == "auto" else case.net_dtype
    model, weights = model_of(shape[1] if len(shape) == 2 and shape[1] else 4, kind, dtype)
    model.set_weights(weights)
    return model


def sequential_fit(case, X, y, weight):
    model = sequential(case, X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        history = model.fit(X, y, sample_weight=weight, epochs=1, verbose=0, shuffle=False)
    return [history.history["loss"], model.get_weights()]


def sequential_predict(case, X, y, weight):
    return sequential(case, X).predict(X, verbose=0)


ACTIONS = {
    action.__name__: action
    for action in (
        fit, partial_fit, validation, predict, predict_proba, compiled, score, search,
        sequential_fit, sequential_predict,
    )
}  # fmt: skip

# ------------------------------------------------------------------ the oracle


def outcome(case, X, y, weight):
    """What came of it, or the error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ACTIONS[case.action](case, X, y, weight)
        except (ValueError, TypeError) as error:
            text = str(error)
            assert text, case
            assert not UNCLEAR.search(text), (text, case)
            assert SUBJECT.search(text), (text, case)
            return error


def dressed(case):
    """The arguments plain, and as the case has them."""
    rng = np.random.default_rng(case.seed)
    X = numbers(case.shape, case.dtype, case.values, rng)
    n_rows = X.shape[0] if X.ndim else 1
    y, weight = TARGETS[case.target](n_rows), WEIGHTS[case.weight](n_rows)
    wear = WEARS[case.wear]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            plain, worn = wear.plain(X), wear.dress(X)
        except (ValueError, TypeError, OverflowError, NotImplementedError) as error:
            raise UnsuitableError from error
        try:
            if case.action == "score" and case.vector == "objects":
                raise UnsuitableError  # scikit-learn's metrics compute such in float32
            vector = VECTORS[case.vector]
            y_plain, y_worn = vector.plain(y), vector.dress(y)
        except Exception as error:
            raise UnsuitableError from error
    return (plain, y_plain, weight), (worn, y_worn, weight)


# What scikit-learn refuses, in clear words: matrices, and numbers in arrays of objects as classes.
REFUSED = {"matrix", "objects", "polars", "Arrow array"}


def agrees(case):
    """Try a case; False if there is none."""
    try:
        plain, worn = dressed(case)
    except UnsuitableError:
        return False
    # What they hold is their matter; and in scikit-learn's metrics what has no dtype takes that of
    # the predictions.
    if case.wear not in {**LAYOUTS, **SPARSE} or case.vector in {"list", "Arrow array"}:
        case = Case(**{**vars(case), "net_dtype": "float64"})
    expected, found = outcome(case, *plain), outcome(case, *worn)
    if isinstance(expected, Exception):
        assert isinstance(found, Exception), (expected, case)
    elif isinstance(found, Exception):
        if case.wear in REFUSED or case.vector in REFUSED or case.action == "compiled":
            return True
        raise AssertionError((found, case)) from found
    else:
        assert_identical(found, expected, str(case))
    return True


def run(n_cases, count):
    tried = 0

    @settings(
        deadline=None, max_examples=n_cases, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
    )  # fmt: skip
    @given(case=CASES)
    def agree(case):
        nonlocal tried
        tried += agrees(case)

    agree()
    count("inputs", tried)
    return tried


@pytest.mark.timeout(1800)
def test_any_input_is_refused_or_equals_the_plain_one(long_form, count):
    if long_form:
        assert run(15_000, count) >= 10_000
    else:
        assert run(750, count) >= 500
