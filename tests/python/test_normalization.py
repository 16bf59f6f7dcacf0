"""Normalization and noise in the estimators: moving statistics, and what goes on from what."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from helpers import (
    STOPS_EARLY,
    assert_identical,
    assert_same_fit,
    assert_same_results,
    cpus,
    problem,
    problem_for,
    raw_outputs,
)
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV as ScikitGridSearchCV

from nnhp import GridSearchCV, HalvingGridSearchCV, MLPClassifier, MLPRegressor
from nnhp.activations import Maxout
from nnhp.estimators import _memory
from nnhp.search import one_standard_error

pytestmark = STOPS_EARLY

KINDS = ["batch", "layer"]
STILL = {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 1e-300, "alpha": 0.0}


def fit(Estimator, data=None, **parameters):
    given = {
        "hidden_layer_sizes": (6, 5), "max_iter": 5, "random_state": 0, "learning_rate_init": 0.01,
        "batch_size": 20,
    }  # fmt: skip
    X, y = problem_for(Estimator) if data is None else data
    return Estimator(**{**given, **parameters}).fit(X, y)


# --------------------------------------------------------------------------- what is published


@pytest.mark.parametrize("kind", KINDS)
def test_norm_params_have_the_shapes_and_the_dtype_of_the_layers(Estimator, kind, dtype):
    X, y = problem_for(Estimator)
    net = fit(Estimator, (X.astype(dtype), y), normalization=kind, activation=["relu", Maxout(2)])
    names = ["scale", "shift", "mean", "variance"] if kind == "batch" else ["scale", "shift"]
    for norm, biases in zip(net.norm_params_, net.intercepts_[:-1], strict=True):
        assert list(norm) == names
        assert all(
            values.shape == biases.shape and values.dtype == dtype for values in norm.values()
        )
    assert fit(Estimator).norm_params_ == [None, None]
    assert fit(Estimator, hidden_layer_sizes=(), normalization=kind).norm_params_ == []


def test_what_has_not_moved_is_one_and_zero():
    net = fit(MLPRegressor, normalization="layer", **{**STILL, "max_iter": 1})
    for norm in net.norm_params_:
        assert (norm["scale"] == 1).all()
        assert (np.abs(norm["shift"]) < 1e-290).all()


@pytest.mark.parametrize("kind", KINDS)
def test_edited_norm_params_count(kind):
    X, _ = problem("one target")
    net = fit(MLPRegressor, normalization=kind, activation="identity", hidden_layer_sizes=(4,))
    before = net.layer_outputs(X)[0]
    net.norm_params_[0]["shift"] += 3.0
    assert_allclose(net.layer_outputs(X)[0], before + 3.0, rtol=1e-12)
    net.norm_params_[0]["scale"] = np.ones(3)
    with pytest.raises(ValueError, match=r"norm_params_ hold .*scale of hidden layer 1"):
        net.predict(X)
    net.norm_params_ = []
    with pytest.raises(
        ValueError, match=r"norm_params_ must have one entry per hidden layer \(1\)"
    ):
        net.predict(X)


def test_another_normalization_needs_a_new_fit():
    X, y = problem("one target")
    net = fit(MLPRegressor, normalization="layer").set_params(warm_start=True)
    expected = net.predict(X)
    assert_identical(net.set_params(normalization="batch").predict(X), expected)
    with pytest.raises(ValueError, match=r"ask for mean of hidden layer 1, .* Fit anew"):
        net.fit(X, y)


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_compiled_pickled_and_as_made(Estimator, kind):
    X, _ = problem_for(Estimator)
    net = fit(Estimator, normalization=kind, activation="prelu")
    assert_identical(pickle.loads(pickle.dumps(net)).predict(X), net.predict(X))
    compiled = net.compiled()
    assert_identical(compiled(X), net.predict(X))
    assert_identical(pickle.loads(pickle.dumps(compiled))(X), net.predict(X))
    assert_identical(net.layer_outputs(X)[-1].ravel(), raw_outputs(net, X).ravel())


# ----------------------------------------------------------------------------------- going on

GOING_ON = {
    "batch": {"normalization": "batch", "activation": "prelu", "activation_noise": 0.1},
    "layer": {"normalization": "layer", "activation": "maxout", "input_noise": 0.1},
    "alpha": {"activation": "selu", "dropout": 0.3, "dropout_kind": "alpha", "input_dropout": 0.1},
    "average": {"normalization": "batch", "ema_momentum": 0.7, "clipnorm": 0.5},
}


@pytest.mark.parametrize("parameters", GOING_ON.values(), ids=GOING_ON)
def test_partial_fits_are_reproducible_and_go_on(parameters):
    X, y = problem("multiclass")
    nets = [MLPClassifier((6, 5), batch_size=20, random_state=0, **parameters) for _ in range(2)]
    for net in nets:
        for _ in range(3):
            net.partial_fit(X, y, classes=[0, 1, 2])
            net = pickle.loads(pickle.dumps(net))
    assert_same_fit(nets[1], nets[0])


def test_partial_fits_of_a_normalized_net_are_a_fit():
    X, y = problem("multiclass")
    options = {"normalization": "batch", "shuffle": False, "n_iter_no_change": np.inf}
    whole = fit(MLPClassifier, max_iter=3, **options)
    parts = MLPClassifier((6, 5), batch_size=20, learning_rate_init=0.01, random_state=0, **options)
    for _ in range(3):
        parts.partial_fit(X, y, classes=[0, 1, 2])
    assert_identical(parts.coefs_, whole.coefs_)
    assert_identical(parts.norm_params_, whole.norm_params_)


@pytest.mark.parametrize("parameters", GOING_ON.values(), ids=GOING_ON)
def test_warm_starts_begin_where_the_fit_before_ended(parameters):
    X, y = problem("multiclass")
    net = fit(MLPClassifier, warm_start=True, **parameters)
    still = pickle.loads(pickle.dumps(net)).set_params(**{**STILL, "max_iter": 1})
    if "ema_momentum" in parameters:
        return  # its fit goes on from the parameters, not from their average
    assert_identical(still.fit(X, y).coefs_, net.coefs_)
    for before, after in zip(net.norm_params_, still.norm_params_, strict=True):
        for name in ("scale", "shift") if before else ():
            assert_identical(after[name], before[name])


def test_the_best_epoch_has_its_moving_averages():
    options = {"normalization": "batch", "early_stopping": True, "n_iter_no_change": 50,
               "learning_rate_init": 0.1, "tol": 0.0}  # fmt: skip
    long = fit(MLPClassifier, max_iter=40, **options)
    best = int(np.argmax(long.validation_scores_)) + 1
    assert best < 40
    assert_identical(fit(MLPClassifier, max_iter=best, **options).norm_params_, long.norm_params_)


@pytest.mark.parametrize("parameters", GOING_ON.values(), ids=GOING_ON)
def test_threads_change_no_bit(parameters, dtype):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((300, 40)).astype(dtype)
    y = (X[:, 0] > 0).astype(int)
    nets = []
    for threads in (1, 2, 5):
        with cpus(threads):
            net = MLPClassifier(
                (300, 200), batch_size=150, max_iter=2, random_state=0, n_jobs=threads, **parameters
            )
            nets.append(net.fit(X, y).set_params(n_jobs=None))
    assert_same_fit(nets[1], nets[0])
    assert_same_fit(nets[2], nets[0])


# ----------------------------------------------------------------------------- whole batches


def test_statistics_are_of_the_whole_batch():
    rng = np.random.RandomState(1)
    X = rng.standard_normal((2000, 7)) + 5
    net = fit(MLPRegressor, (X, X[:, 0]), batch_size=2000, normalization="batch",
              **{**STILL, "max_iter": 1})  # fmt: skip
    z = X @ net.coefs_[0] + net.intercepts_[0]
    assert_allclose(net.norm_params_[0]["mean"], 0.01 * z.mean(axis=0), rtol=1e-10)
    assert_allclose(net.norm_params_[0]["variance"], 0.99 + 0.01 * z.var(axis=0), rtol=1e-10)


def test_a_batch_of_one_sample_becomes_the_shift():
    X, y = problem("one target")
    options = {"batch_size": 1, "normalization": "batch", "activation": "tanh", "alpha": 0.0}
    net = fit(MLPRegressor, (X, y), max_iter=1, **options)
    start = fit(MLPRegressor, (X, y), **{**options, **STILL, "max_iter": 1})
    assert_identical(net.coefs_[0], start.coefs_[0])
    assert (net.coefs_[-1] != start.coefs_[-1]).any()
    assert_identical(net.norm_params_[0]["scale"], np.ones(6))
    assert np.isfinite(net.predict(X)).all()


def test_weights_of_samples_do_not_count_in_the_statistics():
    X, y = problem("one target")
    options = {"normalization": "batch", **STILL, "max_iter": 1, "shuffle": False}
    weight = np.repeat([1.0, 0.0], [50, 47])
    net = MLPRegressor(hidden_layer_sizes=(6, 5), batch_size=25, random_state=0, **options)
    plain, weighted = clone(net).fit(X, y), clone(net).fit(X, y, sample_weight=weight)
    # Batches that weigh nothing are passed over: the last two.
    without = clone(net).fit(X[:50], y[:50])
    some = clone(net).fit(X, y, sample_weight=np.linspace(0.5, 2.0, 97))
    for one, other in ((weighted, without), (some, plain)):
        for norm, peer in zip(one.norm_params_, other.norm_params_, strict=True):
            assert_identical(norm["mean"], peer["mean"])
            assert_identical(norm["variance"], peer["variance"])
    assert (weighted.norm_params_[0]["mean"] != plain.norm_params_[0]["mean"]).all()


def test_the_scratch_of_a_batch_counts(monkeypatch):
    X = np.zeros((20000, 7))
    X[:, 0] = np.arange(20000)
    monkeypatch.setattr(_memory, "available_bytes", lambda: 40 << 20)
    options = {"hidden_layer_sizes": (100,), "max_iter": 1, "batch_size": 20000, "random_state": 0}
    MLPRegressor(**options).fit(X, X[:, 0])
    with pytest.raises(
        MemoryError, match="normalization='batch' with batch_size=20000 needs about"
    ):
        MLPRegressor(normalization="batch", **options).fit(X, X[:, 0])
    MLPRegressor(normalization="layer", **options).fit(X, X[:, 0])


def test_augmented_samples_and_threads_count_in_the_scratch(monkeypatch):
    X = np.random.default_rng(0).normal(size=(20000, 30))
    options = {"hidden_layer_sizes": (4,), "max_iter": 1, "batch_size": 10000, "random_state": 0}
    net = MLPRegressor(normalization="batch", **options)
    monkeypatch.setattr(_memory, "_ALWAYS_THERE", 0)
    monkeypatch.setattr(_memory, "available_bytes", lambda: 7 << 20)
    net.fit(X, X[:, 0])
    with pytest.raises(MemoryError, match="batch_size=10000 needs about"):
        clone(net).set_params(mixup_alpha=0.2).fit(X, X[:, 0])
    search = GridSearchCV(net, {"alpha": [0, 1]}, cv=2, n_jobs=4, error_score="raise")
    with cpus(4), pytest.raises(MemoryError, match="on 4 threads needs about"):
        search.fit(X, X[:, 0])


# ------------------------------------------------------------------------------------- noise


def test_noise_on_features_adds_its_variance_to_the_loss():
    """Of a linear model, half the squared weights times the variance of the noise."""
    X, y = problem("one target")
    options = {"hidden_layer_sizes": (), **STILL, "n_iter_no_change": np.inf, "batch_size": 97}
    clean = fit(MLPRegressor, (X, y), **{**options, "max_iter": 1})
    noisy = fit(MLPRegressor, (X, y), **{**options, "max_iter": 2000}, input_noise=0.5)
    extra = np.array(noisy.loss_curve_) - clean.loss_
    expected = 0.5 * 0.25 * (clean.coefs_[0] ** 2).sum()
    assert abs(extra.mean() - expected) < 5 * extra.std() / np.sqrt(2000)
    assert len(set(noisy.loss_curve_)) == 2000


def test_noise_on_activations_adds_its_variance_to_the_loss():
    X, y = problem("one target")
    options = {"hidden_layer_sizes": (8,), "activation": "identity", **STILL,
               "n_iter_no_change": np.inf, "batch_size": 97}  # fmt: skip
    clean = fit(MLPRegressor, (X, y), **{**options, "max_iter": 1})
    noisy = fit(MLPRegressor, (X, y), **{**options, "max_iter": 2000}, activation_noise=0.5)
    extra = np.array(noisy.loss_curve_) - clean.loss_
    expected = 0.5 * 0.25 * (clean.coefs_[1] ** 2).sum()
    assert abs(extra.mean() - expected) < 5 * extra.std() / np.sqrt(2000)
    both = fit(MLPRegressor, (X, y), **{**options, "max_iter": 1}, activation_noise=0.5,
               input_noise=0.5)  # fmt: skip
    assert both.loss_ != noisy.loss_curve_[0]


def test_noise_and_dropout_stay_out_of_predictions(Estimator):
    X, _ = problem_for(Estimator)
    still = {**STILL, "max_iter": 1}
    plain = fit(Estimator, **still)
    for draws in (
        {"input_noise": 1.0}, {"activation_noise": 1.0}, {"dropout": 0.5, "dropout_kind": "alpha"},
        {"input_dropout": 0.5, "dropout_kind": "alpha"},
    ):  # fmt: skip
        net = fit(Estimator, **still, **draws)
        assert net.loss_ != plain.loss_
        assert_identical(net.predict(X), plain.predict(X))


def test_alpha_dropout_keeps_mean_and_variance():
    """Of standardized features: the loss of a linear model with targets 0 is half its variance."""
    rng = np.random.RandomState(3)
    X = rng.standard_normal((4000, 30))
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    options = {"hidden_layer_sizes": (), **STILL, "batch_size": 4000, "max_iter": 1,
               "random_state": 0}  # fmt: skip
    y = np.zeros(4000)
    clean = MLPRegressor(**options).fit(X, y).loss_
    alpha = MLPRegressor(input_dropout=0.4, dropout_kind="alpha", **options).fit(X, y).loss_
    standard = MLPRegressor(input_dropout=0.4, **options).fit(X, y).loss_
    assert_allclose(alpha, clean, rtol=0.15)
    assert_allclose(standard, clean / 0.6, rtol=0.15)
    assert standard > 1.3 * alpha


@pytest.mark.parametrize(
    "parameters",
    [
        {"normalization": "batch"},
        {"normalization": "layer", "input_noise": 0.3},
        {"input_noise": 0.3},
    ],
    ids=str,
)
def test_sparse_samples_train_as_dense_ones(parameters):
    X, y = problem("multiclass")
    X[np.abs(X) < 0.7] = 0
    dense = fit(MLPClassifier, (X, y), **parameters)
    sparse = fit(MLPClassifier, (sp.csr_matrix(X), y), **parameters)
    assert_same_fit(sparse, dense)
    assert_identical(sparse.predict_proba(sp.csr_matrix(X)), dense.predict_proba(X))


@pytest.mark.parametrize(
    ("parameters", "option"),
    [
        ({"normalization": "batch"}, "normalization='batch'"),
        ({"input_noise": 0.1}, "input_noise"),
        ({"activation_noise": 0.1}, "activation_noise"),
    ],
)
def test_lbfgs_refuses_what_changes_from_call_to_call(Estimator, parameters, option):
    with pytest.raises(ValueError, match=f"{option} cannot be used with solver='lbfgs'"):
        fit(Estimator, solver="lbfgs", **parameters)


def test_lbfgs_trains_layer_normalization(Estimator, dtype):
    X, y = problem_for(Estimator)
    net = fit(Estimator, (X.astype(dtype), y), solver="lbfgs", normalization="layer", max_iter=200,
              activation=["prelu", Maxout(3)], alpha=1e-6)  # fmt: skip
    assert net.score(X.astype(dtype), y) > 0.95
    assert net.norm_params_[0]["scale"].dtype == dtype
    assert (net.norm_params_[0]["scale"] != 1).all()


# ---------------------------------------------------------------------------------- searches

GRID = {"normalization": [None, "batch", "layer"], "activation": ["relu", "prelu", Maxout(3)]}


def test_searches_give_the_results_of_scikit_learn():
    X, y = problem("multiclass")
    net = MLPClassifier((6, 5), max_iter=4, batch_size=20, random_state=0)
    ours = GridSearchCV(net, GRID, cv=3).fit(X, y)
    theirs = ScikitGridSearchCV(net, GRID, cv=3).fit(X, y)
    assert_array_equal(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])


@pytest.mark.parametrize("engine", ["", "off"])
def test_searches_count_what_is_trained(monkeypatch, engine):
    monkeypatch.setenv("NNHP_SEARCH_ENGINE", engine)
    net = MLPClassifier((6, 5), max_iter=2, batch_size=20, random_state=0)
    search = GridSearchCV(net, GRID, cv=3, refit=one_standard_error).fit(*problem("multiclass"))
    counts = {
        "relu": (7 * 6 + 6) + (6 * 5 + 5) + (5 * 3 + 3),
        "prelu": (7 * 6 + 6) + (6 * 5 + 5) + (5 * 3 + 3) + 11,
        "maxout": (7 * 18 + 18) + (6 * 15 + 15) + (5 * 3 + 3),
    }
    columns = {"relu": 11, "prelu": 11, "maxout": 33}
    for row, params in enumerate(search.cv_results_["params"]):
        name = params["activation"] if isinstance(params["activation"], str) else "maxout"
        normalized = 2 * columns[name] if params["normalization"] else 0
        assert search.cv_results_["n_parameters"][row] == counts[name] + normalized


def test_trainings_that_are_paused_keep_their_statistics():
    X, y = problem("multiclass")
    net = MLPClassifier((6, 5), batch_size=20, random_state=0, n_iter_no_change=100)
    options = {"cv": 3, "resource": "max_iter", "min_resources": 2, "max_resources": 18,
               "factor": 3, "refit": False, "random_state": 0}  # fmt: skip
    search = HalvingGridSearchCV(net, GRID, **options).fit(X, y)
    for row, params in enumerate(search.cv_results_["params"]):
        if search.cv_results_["n_resources"][row] != 18:
            continue
        alone = ScikitGridSearchCV(
            net.set_params(max_iter=18),
            {k: [v] for k, v in params.items() if k != "max_iter"},
            cv=3,
        )
        alone.fit(X, y)
        assert alone.cv_results_["mean_test_score"][0] == search.cv_results_["mean_test_score"][row]


def test_results_are_the_same_in_two_searches():
    X, y = problem("multiclass")
    net = MLPClassifier((6, 5), max_iter=3, batch_size=20, random_state=0, input_noise=0.1)
    first, second = (GridSearchCV(net, GRID, cv=3).fit(X, y).cv_results_ for _ in range(2))
    assert_same_results(second, first)
