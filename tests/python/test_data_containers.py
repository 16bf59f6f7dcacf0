"""Any container, layout and dtype gives the bits that a C-contiguous array gives."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from helpers import (
    N_FEATURES,
    STOPS_EARLY,
    assert_identical,
    fitted_state,
    problem,
    problem_for,
    raw_outputs,
)
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning

from nnhp import GridSearchCV, MLPClassifier, MLPRegressor, _core

pytestmark = STOPS_EARLY


def strided(X):
    wide = np.full((2 * X.shape[0], 3 * X.shape[1]), 99).astype(X.dtype)
    view = wide[::2, ::3]
    view[:] = X
    return view


def backwards(X):
    return np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1]


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def misaligned(X):
    buffer = np.zeros(X.nbytes + 1, dtype=np.uint8)
    view = buffer[1:].view(X.dtype).reshape(X.shape)
    view[:] = X
    return view


def swapped_bytes(X):
    return X.astype(X.dtype.newbyteorder())


DENSE = {
    "list": lambda X: X.tolist(),
    "tuple of tuples": lambda X: tuple(map(tuple, X.tolist())),
    "Fortran": np.asfortranarray,
    "strided": strided,
    "backwards": backwards,
    "read-only": read_only,
    "misaligned": misaligned,
    "other byte order": swapped_bytes,
    "objects": lambda X: X.astype(object),
    "longdouble": lambda X: X.astype(np.longdouble),
    "array of strings of numbers": lambda X: np.array(
        [[repr(float(x)) for x in row] for row in X], dtype=object
    ),
}
SPARSE = {
    **{
        f"{name}_{kind}": getattr(sp, f"{name}_{kind}")
        for name in ("csr", "csc", "coo", "lil", "dok", "bsr")
        for kind in ("array", "matrix")
    },
    "int64 indices": lambda X: with_index_dtype(sp.csr_array(X), np.int64),
    "int32 indices": lambda X: with_index_dtype(sp.csr_array(X), np.int32),
    "unsorted": lambda X: unsorted(sp.csr_array(X)),
    "duplicates": lambda X: with_duplicates(sp.coo_array(X)),
    "explicit zeros": lambda X: with_explicit_zeros(X),
    "capacity to spare": lambda X: with_spare_capacity(sp.csr_array(X)),
    "read-only": lambda X: read_only_csr(sp.csr_array(X)),
}


def with_index_dtype(X, dtype):
    X.indices, X.indptr = X.indices.astype(dtype), X.indptr.astype(dtype)
    return X


def unsorted(X):
    for row in range(X.shape[0]):
        part = slice(X.indptr[row], X.indptr[row + 1])
        X.indices[part], X.data[part] = X.indices[part][::-1].copy(), X.data[part][::-1].copy()
    X.has_sorted_indices = False
    return X


def with_duplicates(X):
    """Each entry as two halves, which add up without rounding."""
    rows, columns = np.tile(X.row, 2), np.tile(X.col, 2)
    starts = np.bincount(rows, minlength=X.shape[0]).cumsum()
    order = np.argsort(rows, kind="stable")
    return sp.csr_array(
        (np.tile(X.data / 2, 2)[order], columns[order], np.r_[0, starts]), shape=X.shape
    )


def with_explicit_zeros(X):
    n_rows, n_columns = X.shape
    columns = np.tile(np.arange(n_columns), n_rows)
    return sp.csr_array((X.ravel().copy(), columns, np.arange(n_rows + 1) * n_columns), X.shape)


def with_spare_capacity(X):
    spare = np.full(9, 12345)
    X.data, X.indices = np.r_[X.data, spare.astype(float)], np.r_[X.indices, spare]
    return X


def read_only_csr(X):
    for array in (X.data, X.indices, X.indptr):
        array.flags.writeable = False
    return X


def sparse_problem(estimator_or_class):
    X, y = problem_for(estimator_or_class)
    X[np.abs(X) < 0.6] = 0
    return X, y


def small(Estimator, **parameters):
    return Estimator(**{"hidden_layer_sizes": (6,), "max_iter": 4, "random_state": 0, **parameters})


@pytest.fixture
def never_dense(monkeypatch):
    """Make every way to a dense array raise."""

    def refuse(*arguments, **keywords):
        raise AssertionError("a sparse matrix was made dense")

    for name in ("csr", "csc", "coo", "lil", "dok", "bsr"):
        for kind in ("array", "matrix"):
            for method in ("toarray", "todense", "__array__"):
                monkeypatch.setattr(getattr(sp, f"{name}_{kind}"), method, refuse, raising=False)


@pytest.mark.parametrize("convert", DENSE.values(), ids=DENSE.keys())
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_dense(Estimator, convert, solver):
    X, y = problem_for(Estimator)
    expected = small(Estimator, solver=solver).fit(X, y)
    net = small(Estimator, solver=solver).fit(convert(X), y)
    assert_identical(fitted_state(net), fitted_state(expected))
    assert_identical(raw_outputs(expected, convert(X)), raw_outputs(expected, X))


@pytest.mark.parametrize("convert", SPARSE.values(), ids=SPARSE.keys())
def test_sparse(Estimator, convert, never_dense):
    X, y = sparse_problem(Estimator)
    expected = small(Estimator).fit(sp.csr_array(X), y)
    net = small(Estimator).fit(convert(X), y)
    assert_identical(fitted_state(net), fitted_state(expected))
    assert_identical(raw_outputs(net, convert(X)), raw_outputs(expected, X))


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("parameters", [{}, {"early_stopping": True}, {"input_dropout": 0.2}])
def test_sparse_is_as_dense_up_to_rounding(Estimator, solver, parameters, never_dense):
    if solver == "lbfgs" and "input_dropout" in parameters:
        parameters = {"activation": "tanh"}
    X, y = sparse_problem(Estimator)
    dense = small(Estimator, solver=solver, **parameters).fit(X, y)
    sparse = small(Estimator, solver=solver, **parameters).fit(sp.csr_array(X), y)
    assert_allclose(raw_outputs(sparse, X), raw_outputs(dense, X), rtol=0, atol=1e-10)


def test_sparse_partial_fit_and_validation_data(Estimator, never_dense):
    X, y = sparse_problem(Estimator)
    given, held_out = sp.csr_array(X[:60]), sp.csc_array(X[60:])
    net = small(Estimator, early_stopping=True)
    net.fit(given, y[:60], X_val=held_out, y_val=y[60:])
    dense = small(Estimator, early_stopping=True)
    dense.fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:])
    assert_allclose(net.validation_loss_curve_, dense.validation_loss_curve_, rtol=1e-10)
    net.set_params(early_stopping=False).partial_fit(given, y[:60])
    dense.set_params(early_stopping=False).partial_fit(X[:60], y[:60])
    assert_allclose(raw_outputs(net, held_out), raw_outputs(dense, X[60:]), atol=1e-10)


def test_a_sparse_matrix_stays_as_it_was(Estimator):
    X, y = sparse_problem(Estimator)
    for convert in (SPARSE["unsorted"], SPARSE["duplicates"], SPARSE["explicit zeros"]):
        given, twin = convert(X), convert(X)
        small(Estimator).fit(given, y).predict(given)
        assert_identical([given.data, given.indices], [twin.data, twin.indices])


class Spoil:
    """A callback that makes a CSR matrix point outside of itself."""

    def __init__(self, X):
        self.X = X

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...
    def on_fit_task_end(self, estimator, context):
        self.X.indices[:] = 10**8
        self.X.indptr[1:-1] = 10**12


def test_indices_edited_during_a_fit_change_nothing(Estimator):
    X, y = sparse_problem(Estimator)
    expected = small(Estimator).fit(sp.csr_array(X), y)
    given = sp.csr_array(X)
    # the types that the engine takes without a conversion
    given.indices, given.indptr = given.indices.astype(np.int32), given.indptr.astype(np.int64)
    net = small(Estimator).set_callbacks(Spoil(given)).fit(given, y)
    assert (given.indices == 10**8).all()
    assert_identical([*net.coefs_, net.loss_curve_], [*expected.coefs_, expected.loss_curve_])


def test_class_ids_edited_after_they_were_checked_change_nothing():
    X, ids = problem("multiclass")[0], problem("multiclass")[1].astype(np.int32)
    net = _core.NetSpec(
        n_inputs=N_FEATURES, hidden=[], n_outputs=3, output_activation="softmax", dtype="float64"
    )
    train = _core.TrainSpec(
        loss="log_loss", optimizer="adam", batch_size=20, max_epochs=9, schedule_horizon=9
    )
    given = ids.copy()
    sessions = [
        _core.Session(
            net,
            train,
            _core.TrainingSet(_core.Dataset(X, class_ids=array)),
            _core.Start(np.zeros(net.n_parameters)),
        )
        for array in (given, ids)
    ]
    given[:] = 10**8
    _core.train_many(sessions, 2, 1)
    assert_identical(sessions[0].loss_curve, sessions[1].loss_curve)


def test_a_very_wide_sparse_matrix_is_never_dense():
    n_features = 300_000  # dense: 24 GB
    rng = np.random.RandomState(0)
    X = sp.random_array((10_000, n_features), density=1e-6, format="csr", rng=rng)
    net = MLPRegressor(hidden_layer_sizes=(1,), max_iter=1, batch_size=5000)
    assert net.fit(X, np.arange(10_000.0)).predict(X).shape == (10_000,)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "bool", "float16", "float32"])
def test_other_numbers_are_computed_in_float64_but_for_float32(Estimator, dtype):
    X, y = problem_for(Estimator)
    X = (4 * np.abs(X)).astype(dtype)
    working = "float32" if dtype == "float32" else "float64"
    net = small(Estimator).fit(X, y)
    expected = small(Estimator, dtype=working).fit(X.astype("float64"), y)
    assert_identical(net.coefs_, expected.coefs_)
    assert net.coefs_[0].dtype == working


def test_memory_mapped(Estimator, tmp_path):
    X, y = problem_for(Estimator)
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    mapped = [np.load(tmp_path / name, mmap_mode="r") for name in ("X.npy", "y.npy")]
    assert isinstance(mapped[0], np.memmap)
    expected = small(Estimator).fit(X, y)
    assert_identical(fitted_state(small(Estimator).fit(*mapped)), fitted_state(expected))


def test_the_callers_arrays_stay_as_they_were(Estimator, dtype):
    X, y = problem_for(Estimator)
    X = X.astype(dtype)
    before = X.copy(), y.copy()
    net = small(Estimator, dropout=0.2, input_dropout=0.3, early_stopping=True).fit(X, y)
    net.predict(X)
    assert_identical((X, y), before)


# ------------------------------------------------------------------ data frames

NAMES = list("abcdefg")


def frames(X):
    """The same samples in the kinds of frame that a user may have."""
    frame = pd.DataFrame(X, columns=NAMES)
    return {
        "float64": frame,
        "nullable": frame.astype("Float64"),
        "one column at a time": pd.DataFrame({name: frame[name].copy() for name in NAMES}),
        "slice of a wider one": pd.concat([frame, frame], axis=1).iloc[:, :N_FEATURES],
        "other index": frame.set_axis(range(1000, 1000 + len(X))),
    }


@pytest.mark.parametrize("kind", frames(np.zeros((2, N_FEATURES))))
def test_data_frame(Estimator, kind):
    X, y = problem_for(Estimator)
    frame = frames(X)[kind]
    expected = small(Estimator).fit(X, y)
    net = small(Estimator).fit(frame, pd.Series(y, index=frame.index))
    assert net.feature_names_in_.tolist() == NAMES
    assert net.feature_names_in_.dtype == object
    assert_identical(net.coefs_, expected.coefs_)
    assert_identical(raw_outputs(net, frame), raw_outputs(expected, X))


def test_columns_in_another_order_or_with_other_names(Estimator):
    X, y = problem_for(Estimator)
    frame = pd.DataFrame(X, columns=NAMES)
    net = small(Estimator).fit(frame, y)
    for wrong, message in [
        (frame[NAMES[::-1]], "must be in the same order"),
        (frame.rename(columns={"b": "z"}), "seen at fit time, yet now missing"),
    ]:
        for call in (net.predict, lambda X: net.partial_fit(X, y)):
            with pytest.raises(ValueError, match=message):
                call(wrong)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        net.predict(X)
    net.fit(X, y)
    assert not hasattr(net, "feature_names_in_")


def test_columns_without_string_names(Estimator):
    X, y = problem_for(Estimator)
    assert not hasattr(small(Estimator).fit(pd.DataFrame(X), y), "feature_names_in_")
    mixed = pd.DataFrame(X, columns=[0, *NAMES[1:]])
    with pytest.raises(TypeError, match="Feature names are only supported if all"):
        small(Estimator).fit(mixed, y)


# ------------------------------------------------------------------ targets

LABELS = {
    "strings": lambda y: np.array(["no", "perhaps", "yes"])[y],
    "objects": lambda y: np.array(["no", "perhaps", "yes"], dtype=object)[y],
    "negative": lambda y: y - 7,
    "uint8": lambda y: y.astype(np.uint8),
    "whole floats": lambda y: 10.0 * y,
    "list": lambda y: y.tolist(),
    "series of strings": lambda y: pd.Series(np.array(["no", "perhaps", "yes"])[y]),
    "categories": lambda y: pd.Series(np.array(["no", "perhaps", "yes"])[y], dtype="category"),
}


@pytest.mark.parametrize("convert", LABELS.values(), ids=LABELS.keys())
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_labels(convert, solver):
    X, y = problem("multiclass")
    labels = convert(y)
    expected = small(MLPClassifier, solver=solver).fit(X, y)
    net = small(MLPClassifier, solver=solver).fit(X, labels)
    assert_identical(net.coefs_, expected.coefs_)
    assert net.classes_.tolist() == sorted(set(np.asarray(labels).tolist()))
    predicted = net.predict(X)
    assert predicted.tolist() == net.classes_[expected.predict(X)].tolist()
    assert net.score(X, labels) == expected.score(X, y)


LARGE = {
    "signed": np.array([2**53, 2**53 + 1, -5]),
    "unsigned": np.uint64(2**63) + np.arange(3, dtype=np.uint64),
}


@pytest.mark.parametrize("kind", ["series", "frame"])
@pytest.mark.parametrize("labels", LARGE.values(), ids=LARGE)
def test_large_labels_that_may_be_missing_stay_apart(labels, kind):
    """scikit-learn makes them float64, in which some are the same."""
    X, y = problem("multiclass")
    plain = labels[y]
    series = pd.Series(plain).astype("UInt64" if plain.dtype.kind == "u" else "Int64")
    net = small(MLPClassifier)
    expected = clone(net).fit(X, plain)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataConversionWarning)
        worn = series if kind == "series" else series.to_frame()
        found = clone(net).fit(X, worn, X_val=X, y_val=worn)
    assert_identical(found.classes_, np.sort(labels))
    assert_identical(found.coefs_, expected.coefs_)
    assert found.score(X, worn) == expected.score(X, plain) > 0
    grids = [GridSearchCV(net, {"alpha": [0.0, 1.0]}, cv=2).fit(X, of) for of in (plain, series)]
    assert_identical(*(grid.cv_results_["mean_test_score"] for grid in grids))


@pytest.mark.parametrize("make", [pl.DataFrame, pa.table, pd.DataFrame])
def test_labels_in_a_frame_of_one_column(make):
    X, y = problem("multiclass")
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        net = small(MLPClassifier).fit(X, make({"y": y}))
    assert_identical(net.coefs_, small(MLPClassifier).fit(X, y).coefs_)


def test_two_classes_of_strings_and_booleans():
    X, y = problem("binary")
    expected = small(MLPClassifier).fit(X, y)
    for labels in (np.array(["bad", "good"])[y], y.astype(bool)):
        net = small(MLPClassifier).fit(X, labels)
        assert_identical(net.predict_proba(X), expected.predict_proba(X))
        assert net.predict(X).tolist() == net.classes_[expected.predict(X)].tolist()
        assert net.predict(X).dtype == labels.dtype


@pytest.mark.parametrize("dtype", ["int64", "float32", "object", ">f8"])
def test_targets_of_other_dtypes(dtype):
    X, y = problem("counts")
    expected = small(MLPRegressor).fit(X, y)
    assert_identical(small(MLPRegressor).fit(X, y.astype(dtype)).coefs_, expected.coefs_)


def test_shapes_of_predictions():
    X, y = problem("two targets")
    assert small(MLPRegressor).fit(X, y).predict(X).shape == y.shape
    assert small(MLPRegressor).fit(X, y[:, 0]).predict(X).shape == (len(y),)
    X, y = problem("multilabel")
    net = small(MLPClassifier).fit(X, y)
    assert net.predict(X).shape == net.predict_proba(X).shape == y.shape
    assert set(np.unique(net.predict(X))) <= {0, 1}
    X, y = problem("binary")
    assert small(MLPClassifier).fit(X, y).predict_proba(X).shape == (len(y), 2)


def test_column_vector_of_labels():
    X, y = problem("multiclass")
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        net = small(MLPClassifier).fit(X, y[:, None])
    assert_identical(net.coefs_, small(MLPClassifier).fit(X, y).coefs_)
