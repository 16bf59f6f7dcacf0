"""nnhp.sweep: every run equal to a fit by hand, in one call of the engine, said in a table."""

import pickle
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from helpers import STOPS_EARLY, assert_identical, cpus, problem
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, log_loss
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneOut,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedKFold,
    train_test_split,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils import _safe_indexing

import nnhp
from nnhp import MLPClassifier, MLPRegressor, _core, losses
from nnhp.search import _sweep

pytestmark = STOPS_EARLY

X, Y = problem("multiclass")


def net(**parameters):
    given = {"hidden_layer_sizes": (6,), "max_iter": 8, "random_state": 3, **parameters}
    return MLPClassifier(**given)


def tail(estimator):
    """The net of an estimator."""
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


def by_hand(estimator, X, y, params, seed, rows):
    """Fit one run as its documentation says; returns the net, and the score."""
    train, validation, test = rows
    fitted = clone(estimator).set_params(**params)
    if isinstance(fitted, Pipeline):
        steps, last = fitted[:-1], fitted.steps[-1][1]
        parts = [steps.fit_transform(_safe_indexing(X, train), y[train])]
        parts += [steps.transform(_safe_indexing(X, rows)) for rows in (validation, test)]
    else:
        last, parts = fitted, [X[rows] for rows in (train, validation, test)]
    last.set_params(random_state=seed)
    last.fit(parts[0], y[train], X_val=parts[1], y_val=y[validation])
    return last, last.score(parts[2], y[test])


def assert_as_by_hand(sweep, estimator, X, y):
    """Assert that every run of a sweep is what a fit gives, and so the table."""
    losses = {value: [] for value in range(len(sweep.values))}
    for i, run in sweep.runs.iterrows():
        params, seed = sweep.params[run["value"]], sweep.seeds[run["repeat"]]
        rows = sweep.splits[run["repeat"]][run["fold"]]
        fitted, score = by_hand(estimator, X, y, params, seed, rows)
        validation_losses = np.array(fitted.validation_loss_curve_)
        assert sweep.curves[i]["train_loss"].tolist() == fitted.loss_curve_
        assert sweep.curves[i]["validation_loss"].tolist() == fitted.validation_loss_curve_
        assert sweep.curves[i].index.tolist() == list(range(1, fitted.n_iter_ + 1))
        at = -1
        if fitted.early_stopping:
            at = fitted.validation_scores_.index(fitted.best_validation_score_)
        assert run["train_loss"] == fitted.loss_curve_[at]
        assert run["validation_loss"] == validation_losses[at]
        assert run["test_score"] == score
        assert run["epochs"] == fitted.n_iter_
        near = validation_losses.min() + 0.01 * abs(validation_losses.min())
        first = next(e for e, loss in enumerate(validation_losses, 1) if loss <= near)
        assert run["epochs_to_converge"] == first
        assert not run["diverged"]
        assert run["seconds"] > 0
        losses[run["value"]].append(validation_losses[at])
    frame = sweep.to_frame()
    assert frame["mean_validation_loss"].tolist() == pytest.approx(
        [sum(of_value) / len(of_value) for of_value in losses.values()], rel=1e-12
    )
    assert frame["n_runs"].tolist() == [len(of_value) for of_value in losses.values()]


# ------------------------------------------------------------------ against fits by hand


@pytest.mark.parametrize(
    ("estimator", "kind", "name", "values"),
    [
        (net(), "multiclass", "learning_rate_init", [1e-3, 1e-2]),
        (net(dtype="float32"), "binary", "activation", ["relu", "tanh"]),
        (net(), "multilabel", "hidden_layer_sizes", [(), (5, 4)]),
        (net(class_weight="balanced"), "multiclass", "alpha", [1e-4, 1.0]),
        (net(dropout=0.3), "binary", "dropout", [0.0, 0.5]),
        (net(), "binary", "batch_size", [7, 64]),
        (net(), "binary", "max_iter", [1, 5, 9]),
        (net(), "binary", "random_state", [0, 1]),
        (net(), "multiclass", "dtype", ["float32", "float64"]),
    ],
    ids=lambda value: str(value)[:24],
)
def test_every_run_is_what_a_fit_gives(estimator, kind, name, values):
    X, y = problem(kind)
    sweep = nnhp.sweep(estimator, X, y, name, values, cv=3, repeats=2)
    if name == "random_state":  # a value goes before the seeds
        assert sweep.runs["train_loss"].nunique() == 12
        sweep.seeds = [None, None]
        assert_seeds_are_values(sweep, estimator, X, y)
    else:
        assert_as_by_hand(sweep, estimator, X, y)
    assert sweep.values == values
    assert len(sweep.runs) == len(values) * 6


def assert_seeds_are_values(sweep, estimator, X, y):
    for _, run in sweep.runs.iterrows():
        seed = sweep.params[run["value"]]["random_state"]
        rows = sweep.splits[run["repeat"]][run["fold"]]
        fitted, score = by_hand(estimator, X, y, {}, seed, rows)
        assert (run["train_loss"], run["test_score"]) == (fitted.loss_curve_[-1], score)


@pytest.mark.parametrize("kind", ["one target", "two targets", "counts"])
def test_regressions_are_what_fits_give(kind):
    X, y = problem(kind)
    loss = "poisson" if kind == "counts" else "squared_error"
    estimator = MLPRegressor(loss, (6,), max_iter=8, random_state=0)
    sweep = nnhp.sweep(estimator, X, y, "alpha", [1e-4, 1.0], cv=3, repeats=2, test_size=0.2)
    assert_as_by_hand(sweep, estimator, X, y)
    assert sweep.score_name == "R^2"


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (["quantile", losses.Quantile(0.3)], "D^2 (pinball)"),
        (["huber", "quantile"], "R^2 or D^2 (pinball)"),
        (["huber", "squared_error"], "R^2"),
    ],
)
def test_the_score_of_quantiles_has_its_own_name(values, name):
    pytest.importorskip("matplotlib").use("Agg")
    X, y = problem("one target")
    regressor = MLPRegressor(hidden_layer_sizes=(4,), max_iter=3)
    sweep = nnhp.sweep(regressor, X, y, "loss", values, cv=2, repeats=1)
    assert sweep.score_name == name
    assert f"test {name}" in sweep.to_markdown()
    assert name in sweep.plot().axes_[1].get_ylabel().replace("\n", " ")


@pytest.mark.parametrize("test_size", [None, 0.25])
@pytest.mark.parametrize("step", ["net__alpha", "scale"])
def test_pipelines_prepare_each_fold_by_its_training_part(step, test_size):
    estimator = Pipeline([("scale", StandardScaler()), ("net", net())])
    values = [1e-4, 1.0] if step == "net__alpha" else ["passthrough", MinMaxScaler()]
    sweep = nnhp.sweep(estimator, X, Y, step, values, cv=3, repeats=2, test_size=test_size)
    assert_as_by_hand(sweep, estimator, X, Y)


def test_early_stopping_watches_the_validation_part_and_keeps_its_best_weights():
    estimator = net(max_iter=60, n_iter_no_change=3, learning_rate_init=0.05)
    ways = {"to the end": {"max_iter": 20}, "early": {"early_stopping": True}}
    sweep = nnhp.sweep(estimator, X, Y, "stopping", ways, cv=3, repeats=2, test_size=0.25)
    assert_as_by_hand(sweep, estimator, X, Y)
    early = sweep.runs[sweep.runs["value"] == 1]
    assert (early["epochs"] < 60).all()
    last = [sweep.curves[i]["validation_loss"].iloc[-1] for i in early.index]
    assert early["validation_loss"].tolist() != last


def test_sparse_samples_and_frames():
    sparse = sp.csr_matrix(np.where(np.abs(X) < 1, 0, X))
    sweep = nnhp.sweep(net(), sparse, Y, "alpha", [1e-4, 1.0], cv=3, repeats=1)
    assert_as_by_hand(sweep, net(), sparse, Y)
    frame, labels = pd.DataFrame(X).add_prefix("x"), pd.Series(Y)
    pipeline = make_pipeline(StandardScaler(), net())
    sweep = nnhp.sweep(pipeline, frame, labels, "mlpclassifier__alpha", [1e-4], repeats=1)
    assert_as_by_hand(sweep, pipeline, frame, Y)


def test_a_score_of_ones_own():
    sweep = nnhp.sweep(net(), X, Y, "alpha", [1e-4], cv=3, repeats=1, scoring="balanced_accuracy")
    for i, (train, validation, test) in enumerate(sweep.splits[0]):
        fitted = net(random_state=sweep.seeds[0]).fit(X[train], Y[train])
        expected = balanced_accuracy_score(Y[test], fitted.predict(X[test]))
        assert sweep.runs["test_score"][i] == pytest.approx(expected, abs=1e-15)
        assert sweep.runs["validation_loss"][i] == pytest.approx(
            log_loss(Y[validation], fitted.predict_proba(X[validation])), rel=1e-12
        )
    assert "test balanced accuracy" in sweep.to_markdown()

    def worst_probability(estimator, X, y):
        return estimator.predict_proba(X).min()

    sweep = nnhp.sweep(net(), X, Y, "alpha", [1e-4], cv=3, repeats=1, scoring=worst_probability)
    assert sweep.runs["test_score"].between(0, 0.34).all()
    assert sweep.score_name == "worst_probability"


def test_memory_of_a_step_by_the_formula():
    sweep = nnhp.sweep(
        net(hidden_layer_sizes=(5,), dtype="float32"),
        X,
        Y,
        "solver and batch",
        [
            {"solver": "adam", "batch_size": 10},
            {"solver": "sgd", "momentum": 0, "batch_size": 20},
            {"solver": "adam", "dtype": "float64", "batch_size": 10},
        ],
        repeats=1,
    )
    parameters = (7 + 1) * 5 + (5 + 1) * 3
    of_sample = 7 + 2 * (5 + 3)
    expected = [
        4 * (4 * parameters + 10 * of_sample),
        4 * (2 * parameters + 20 * of_sample),
        8 * (4 * parameters + 10 * of_sample),
    ]
    assert sweep.to_frame()["mean_bytes_per_step"].tolist() == expected


# ------------------------------------------------------------------ one call, one seed


@pytest.fixture
def calls(monkeypatch):
    """Trainings in each call of the engine."""
    counted = []

    def train_many(sessions, *arguments, original=_core.train_many):
        counted.append(len(sessions))
        return original(sessions, *arguments)

    monkeypatch.setattr(_core, "train_many", train_many)
    return counted


@pytest.mark.parametrize(
    ("estimator", "name", "values"),
    [
        (net(), "hidden_layer_sizes", [(4,), (8,), (8, 8)]),
        (make_pipeline(StandardScaler(), net()), "mlpclassifier__alpha", [1e-4, 1e-2, 1.0]),
        (make_pipeline(PCA(), net()), "pca__n_components", [2, 3, 4]),
    ],
)
def test_all_trainings_are_one_call_of_the_engine(calls, estimator, name, values):
    nnhp.sweep(estimator, X, Y, name, values, cv=4, repeats=3)
    assert calls == [36]


def test_more_than_a_wave_of_a_search_is_still_one_call(calls):
    nnhp.sweep(net(max_iter=1), X, Y, "alpha", np.logspace(-6, 0, 60), cv=6, repeats=3)
    assert calls == [60 * 18]


def test_what_memory_does_not_hold_at_once_is_done_in_parts(calls, monkeypatch):
    pipeline = make_pipeline(PCA(), net())
    arguments = (pipeline, X, Y, "pca__n_components", [2, 3, 4])
    whole = nnhp.sweep(*arguments, cv=4, repeats=2)
    monkeypatch.setattr(_sweep, "memory_limit", lambda: 400_000)
    parts = nnhp.sweep(*arguments, cv=4, repeats=2)
    assert calls[0] == 24
    assert len(calls) > 3
    assert sum(calls[1:]) == 24
    assert_same_sweep(parts, whole)


def assert_same_sweep(actual, expected):
    """Assert that two sweeps are the same, but for the times."""
    assert_identical(actual.seeds, expected.seeds)
    assert_identical(actual.splits, expected.splits)
    pd.testing.assert_frame_equal(
        actual.runs.drop(columns="seconds"), expected.runs.drop(columns="seconds"), check_exact=True
    )
    for one, other in zip(actual.curves, expected.curves, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_the_same_seed_gives_the_same_sweep_with_any_number_of_threads():
    estimator = net(dropout=0.2, hidden_layer_sizes=(24, 24))
    arguments = (estimator, X, Y, "learning_rate_init", [1e-3, 1e-1])
    one = nnhp.sweep(*arguments, n_jobs=1)
    assert_same_sweep(nnhp.sweep(*arguments, n_jobs=1), one)
    with cpus(4):
        assert_same_sweep(nnhp.sweep(*arguments, n_jobs=4), one)
        assert_same_sweep(nnhp.sweep(*arguments), one)
    other = nnhp.sweep(clone(estimator).set_params(random_state=4), *arguments[1:])
    assert set(other.seeds).isdisjoint(one.seeds)


def test_repeats_have_other_seeds_and_other_folds_and_more_of_them_change_nothing():
    few = nnhp.sweep(net(), X, Y, "alpha", [1e-4], repeats=2, test_size=0.2)
    many = nnhp.sweep(net(), X, Y, "alpha", [1e-4], repeats=4, test_size=0.2)
    assert few.seeds == many.seeds[:2]
    assert_identical(few.splits, many.splits[:2])
    assert len(set(many.seeds)) == 4
    held_out = {tuple(validation) for folds in many.splits for _, validation, _ in folds}
    assert len(held_out) == 20


def test_values_meet_the_same_seeds_and_folds():
    sweep = nnhp.sweep(net(), X, Y, "alpha", [1e-4, 1e-4 + 1e-12], repeats=2)
    first, second = (sweep.runs[sweep.runs["value"] == value] for value in (0, 1))
    np.testing.assert_allclose(first["train_loss"], second["train_loss"], rtol=1e-9)
    assert first["train_loss"].nunique() == 10


def test_without_a_seed_another_one_each_time_that_is_told():
    arguments = ("alpha", [1e-4, 1e-2])
    one, other = (nnhp.sweep(net(random_state=None), X, Y, *arguments) for _ in range(2))
    assert one.seeds != other.seeds
    assert_as_by_hand(one, net(), X, Y)


def test_a_generator_as_the_seed_is_left_as_it_is():
    generator = np.random.RandomState(0)
    estimator = net(random_state=generator)
    one, other = (nnhp.sweep(estimator, X, Y, "alpha", [1e-4]) for _ in range(2))
    assert one.seeds == other.seeds
    assert estimator.random_state is generator
    assert_identical(generator.get_state(), np.random.RandomState(0).get_state())
    assert not hasattr(estimator, "coefs_")


def test_random_steps_get_the_seed_of_the_repeat_unless_they_have_their_own():
    pca = PCA(3, svd_solver="randomized", iterated_power=1)
    estimator = Pipeline([("pca", pca), ("net", net())])
    sweep = nnhp.sweep(estimator, X, Y, "net__alpha", [1e-4, 1.0], cv=3, repeats=2)
    for i, run in sweep.runs.iterrows():
        seed = sweep.seeds[run["repeat"]]
        params = {**sweep.params[run["value"]], "pca__random_state": seed}
        rows = sweep.splits[run["repeat"]][run["fold"]]
        fitted, score = by_hand(estimator, X, Y, params, seed, rows)
        assert sweep.curves[i]["train_loss"].tolist() == fitted.loss_curve_
        assert run["test_score"] == score
    estimator.set_params(pca__random_state=5)
    assert_as_by_hand(
        nnhp.sweep(estimator, X, Y, "net__alpha", [1e-4, 1.0], cv=3, repeats=2), estimator, X, Y
    )


# ------------------------------------------------------------------ rows


def test_folds_are_stratified_and_without_a_test_part_judge_what_they_hold_out():
    sweep = nnhp.sweep(net(), X, Y, "alpha", [1e-4], cv=4, repeats=2)
    for seed, folds in zip(sweep.seeds, sweep.splits, strict=True):
        expected = StratifiedKFold(4, shuffle=True, random_state=seed).split(X, Y)
        for (train, validation, test), (of_train, held_out) in zip(folds, expected, strict=True):
            assert train.tolist() == of_train.tolist()
            assert validation.tolist() == test.tolist() == held_out.tolist()


def test_a_test_part_is_the_same_for_all_and_never_seen():
    y = (np.arange(len(X)) % 10 == 0).astype(int)
    sweep = nnhp.sweep(net(), X, y, "alpha", [1e-4], cv=3, repeats=2, test_size=0.3)
    parts = [rows for folds in sweep.splits for rows in folds]
    test = parts[0][2]
    rest, expected = train_test_split(
        np.arange(len(X)), test_size=0.3, stratify=y, random_state=first_draw(3)
    )
    assert sorted(expected) == test.tolist()
    for train, validation, of_test in parts:
        assert of_test.tolist() == test.tolist()
        assert sorted([*train, *validation]) == sorted(rest)
        assert y[validation].sum() >= 2


def first_draw(seed):
    return np.random.RandomState(seed).randint(2**31 - 1)


def test_other_ways_of_splitting():
    def parts_of(cv, **keywords):
        sweep = nnhp.sweep(net(), X, Y, "alpha", [1e-4], cv=cv, repeats=2, **keywords)
        return [[(a.tolist(), b.tolist()) for a, b, _ in folds] for folds in sweep.splits]

    same = KFold(3, shuffle=True, random_state=7)
    expected = [(a.tolist(), b.tolist()) for a, b in same.split(X)]
    assert parts_of(same) == [expected, expected]
    assert parts_of(list(same.split(X))) == [expected, expected]
    assert parts_of(same.split(X)) == [expected, expected]
    masks = [(~np.isin(np.arange(97), b), np.isin(np.arange(97), b)) for _, b in same.split(X)]
    assert parts_of(masks) == [expected, expected]
    groups = np.arange(97) // 10
    for train, held_out in parts_of(GroupKFold(3).split(X, Y, groups))[0]:
        assert not set(groups[train]) & set(groups[held_out])
    first, second = parts_of(ShuffleSplit(2, random_state=np.random.RandomState(0)))
    assert first != second
    with_test = parts_of(KFold(3), test_size=0.2)
    assert sum(len(held_out) for _, held_out in with_test[0]) == 97 - 20


# ------------------------------------------------------------------ values


@pytest.mark.parametrize(
    ("name", "given", "labels", "params"),
    [
        ("alpha", np.array([0.5, 1.0]), [0.5, 1.0], [{"alpha": 0.5}, {"alpha": 1.0}]),
        ("alpha", (v for v in [1, 2]), [1, 2], [{"alpha": 1}, {"alpha": 2}]),
        (
            "hidden_layer_sizes",
            [(4,), [8, 4]],
            [(4,), "[8, 4]"],
            [{"hidden_layer_sizes": (4,)}, {"hidden_layer_sizes": [8, 4]}],
        ),
        (
            "penalty",
            {"none": {}, "L1": {"alpha": 0.1, "l1_ratio": 1.0}},
            ["none", "L1"],
            [{}, {"alpha": 0.1, "l1_ratio": 1.0}],
        ),
        (
            "hidden_layer_sizes",
            {"small": (4,), "large": (16, 16)},
            ["small", "large"],
            [{"hidden_layer_sizes": (4,)}, {"hidden_layer_sizes": (16, 16)}],
        ),
        (
            "ways",
            [{}, {"alpha": 1}, {"alpha": 1, "activation": "tanh"}],
            ["as it is", "alpha=1", "alpha=1, activation='tanh'"],
            [{}, {"alpha": 1}, {"alpha": 1, "activation": "tanh"}],
        ),
        (
            "class_weight",
            [None, "balanced", {0: 1.0, 1: 2.0, 2: 1.0}],
            [None, "balanced", "{0: 1.0, 1: 2.0, 2: 1.0}"],
            [
                {"class_weight": None},
                {"class_weight": "balanced"},
                {"class_weight": {0: 1.0, 1: 2.0, 2: 1.0}},
            ],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_ways_to_give_values(name, given, labels, params):
    sweep = nnhp.sweep(net(), X, Y, name, given, cv=2, repeats=1)
    assert sweep.values == labels
    assert sweep.params == params
    assert sweep.param_name == name
    assert [type(label) for label in sweep.values] == [type(label) for label in labels]
    assert_as_by_hand(sweep, net(), X, Y)
    assert list(sweep.to_frame().index) == labels


def test_a_value_may_put_in_a_step_and_set_its_parameters():
    estimator = Pipeline([("first", "passthrough"), ("net", net())])
    ways = {"plain": {}, "pca": {"first": PCA(random_state=0), "first__n_components": 2}}
    sweep = nnhp.sweep(estimator, X, Y, "first", ways, cv=2, repeats=1)
    assert_as_by_hand(sweep, estimator, X, Y)


def test_a_pipeline_of_the_net_alone():
    alone = nnhp.sweep(net(), X, Y, "alpha", [1e-4, 1.0])
    piped = nnhp.sweep(Pipeline([("net", net())]), X, Y, "net__alpha", [1e-4, 1.0])
    assert_same_sweep(piped, alone)


# ------------------------------------------------------------------ what cannot be


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"estimator": LogisticRegression()}, "estimator must be nnhp's .*LogisticRegression"),
        ({"estimator": make_pipeline(PCA(), LogisticRegression())}, "estimator .* got Pipeline"),
        ({"param_range": []}, "param_range is empty"),
        ({"param_range": {}}, "param_range is empty"),
        ({"param_range": "relu"}, "param_range must be a sequence .* got 'relu'"),
        ({"param_range": {0.1, 0.2}}, "param_range must be a sequence"),
        ({"param_range": 3}, "param_range must be a sequence .* got 3"),
        ({"param_name": 3}, "param_name must be a string, got 3"),
        (
            {"param_name": "alhpa"},
            r"param_name: MLPClassifier has no .* 'alhpa' \(did you mean 'alpha'\?\); it has",
        ),
        (
            {"estimator": make_pipeline(PCA(), net())},
            r"param_name: Pipeline has no .* 'alpha' \(did you mean 'mlpclassifier__alpha'\?\)",
        ),
        (
            {"param_name": "solver__rho"},
            r"param_name: solver__rho is a parameter .* solver is 'adam'.*optimizers.Adam\(\),",
        ),
        (
            {"param_range": {"a": {}, "b": {"alpha": 1, "beta": 2}}, "param_name": "way"},
            "'b': MLPClassifier has no parameter 'beta'.*; it has .*beta_1",
        ),
        ({"param_range": [0.1, 1, 0.1]}, "0.1: these parameters are there twice"),
        ({"param_range": {"a": {"alpha": 1}, "b": {"alpha": 1}}}, "'b': these .* twice"),
        ({"param_range": [0.1, -1.0]}, "param_range: -1.0: The 'alpha' parameter .* Got -1.0"),
        ({"param_range": [0.1, {"alpha": 1, "dropout": [0.1, 0.2]}]}, "dropout must have one"),
        ({"estimator": net(solver="lbfgs")}, "0.1: a sweep .* but solver='lbfgs' has no epochs"),
        ({"param_range": ["adam", "lbfgs"], "param_name": "solver"}, "'lbfgs': a sweep trains"),
        ({"estimator": net(verbose=True)}, "0.1: a sweep .* but the estimator is verbose"),
        ({"estimator": net(early_stopping=True)}, "0.1: with early_stopping=True a test_size must"),
        (
            {"estimator": net(early_stopping=True, scoring="f1_macro"), "test_size": 0.2},
            "early stopping with this scoring needs Python",
        ),
        ({"repeats": 0}, "repeats must be an integer of at least 1, got 0"),
        ({"repeats": 1.5}, "repeats must be an integer of at least 1, got 1.5"),
        ({"repeats": True}, "repeats must be an integer of at least 1, got True"),
        ({"test_size": 0}, r"test_size must lie in \(0, 1\), or be None, got 0"),
        ({"test_size": 10}, r"test_size must lie in \(0, 1\), or be None, got 10"),
        ({"test_size": 0.001}, "test_size=0.001 of 97 samples"),
        ({"test_size": 0.2, "cv": [([0, 1], [2])]}, "test_size cannot be used with a cv that"),
        ({"cv": 1}, "n_splits=2 or more"),
        ({"cv": "five"}, "cv"),
        ({"cv": []}, "cv gives no splits"),
        ({"cv": [([], [1, 2])]}, "cv gives a split with an empty part"),
        ({"cv": [([0, 97], [1, 2])]}, "row 97"),
        ({"cv": PredefinedSplit(Y)}, "0.1: a fold cannot be prepared: .*`y_val` has classes not"),
        ({"scoring": "acuracy"}, "acuracy"),
        ({"scoring": ["accuracy", "f1"]}, "scoring must be one metric"),
        ({"y": None}, "y must be given"),
        ({"y": Y[:-1]}, "inconsistent numbers of samples"),
        ({"X": np.full_like(X, np.nan)}, "NaN"),
        ({"n_jobs": 0}, "n_jobs must not be 0"),
        (
            {"param_range": [{0: 1.0, 5: 2.0}], "param_name": "class_weight"},
            r"^class_weight: The classes, \[1, 2\], are not in class_weight",
        ),
        (
            {"estimator": make_pipeline(PCA(50), net()), "param_name": "mlpclassifier__alpha"},
            "0.1: a fold cannot be prepared: ValueError: n_components=50",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_bad_input_is_one_clear_error_before_any_training(calls, change, message):
    given = {
        "estimator": net(),
        "X": X,
        "y": Y,
        "param_name": "alpha",
        "param_range": [0.1, 1.0],
        **change,
    }
    with pytest.raises((ValueError, IndexError), match=message):
        nnhp.sweep(**given)
    assert calls == []


def test_a_validation_part_of_one_sample_will_do_where_nothing_stops_by_it():
    sweep = nnhp.sweep(net(), X[:12], Y[:12] % 2, "alpha", [1e-4], cv=LeaveOneOut(), repeats=1)
    assert sweep.runs["test_score"].isin([0, 1]).all()
    estimator = net(early_stopping=True)
    arguments = (estimator, X[:20], np.arange(20) % 2, "alpha", [1e-4])
    with pytest.raises(ValueError, match="validation set is too small"):
        nnhp.sweep(*arguments, cv=LeaveOneOut(), test_size=0.25)


def test_fits_by_hand_would_warn_and_a_sweep_does_not(recwarn):
    nnhp.sweep(net(), X, Y, "alpha", [1e-4], repeats=1)
    assert not [w for w in recwarn if issubclass(w.category, ConvergenceWarning)]


# ------------------------------------------------------------------ divergence


def test_a_training_that_diverges_spoils_its_value_and_no_other():
    estimator = net(solver="sgd", momentum=0, activation="identity", hidden_layer_sizes=(4, 4))
    sweep = nnhp.sweep(estimator, X, Y, "learning_rate_init", [0.01, 1e30], cv=3, repeats=2)
    assert sweep.runs["diverged"].tolist() == [False] * 6 + [True] * 6
    frame = sweep.to_frame()
    assert frame["diverged"].tolist() == [0, 6]
    spoilt = ["train_loss", "validation_loss", "test_score", "epochs_to_converge"]
    for name in spoilt:
        assert np.isfinite(frame[f"mean_{name}"].iloc[0])
        assert np.isnan(frame[f"mean_{name}"].iloc[1])
        assert sweep.runs[name][6:].isna().all()
    assert (frame[["mean_seconds", "mean_bytes_per_step"]] > 0).all(axis=None)
    last_line = " ".join(sweep.to_markdown(["test_score"]).splitlines()[-1].split())
    assert last_line == "| 1e+30 | - | 6 of 6 |"
    good = nnhp.sweep(estimator, X, Y, "learning_rate_init", [0.01], cv=3, repeats=2)
    assert sweep.runs["train_loss"][:6].tolist() == good.runs["train_loss"].tolist()


def test_a_training_that_diverges_late_keeps_its_best_epoch():
    """Rates that explode in the third epoch."""
    estimator = net(solver="sgd", learning_rate=[0.1, 0.1, 1e300], early_stopping=True, max_iter=5)
    split = {"cv": 3, "repeats": 1, "test_size": 0.25}
    runs = nnhp.sweep(estimator, X, Y, "alpha", [1e-4], **split).runs
    short = clone(estimator).set_params(max_iter=2)
    expected = nnhp.sweep(short, X, Y, "alpha", [1e-4], **split).runs
    assert not runs["diverged"].any()
    for name in ("train_loss", "validation_loss", "test_score"):
        assert runs[name].tolist() == expected[name].tolist()


# ------------------------------------------------------------------ what is measured


def test_a_sweep_tells_what_it_is_and_goes_through_pickle():
    sweep = nnhp.sweep(net(), X, Y, "alpha", [1e-4, 1.0], cv=3, repeats=2)
    assert repr(sweep) == "Sweep of alpha: 2 values x 2 repeats x 3 folds"
    again = pickle.loads(pickle.dumps(sweep))
    assert_same_sweep(again, sweep)
    assert again.to_markdown() == sweep.to_markdown()
    assert Counter(sweep.runs["fold"]) == {0: 4, 1: 4, 2: 4}


def test_the_first_epoch_near_the_best_loss():
    converged = _sweep.epochs_to_converge
    assert converged(np.array([2.0, 1.02, 1.005, 1.0, 1.3])) == 3
    assert converged(np.array([2.0, 1.009, 1.5, 1.0])) == 2
    assert converged(np.array([1.0])) == 1
    assert converged(np.array([-1.0, -1.985, -2.0])) == 2
    assert converged(np.array([3.0, np.nan, 2.0, np.inf])) == 3
    assert np.isnan(converged(np.array([np.nan, np.inf])))
