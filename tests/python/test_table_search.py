"""The job of `nnhp search`: a quarter held out, every method, what is found."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy.stats import sem
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from nnhp import RandomizedSearchCV, _tables
from nnhp._table_files import RefusedError
from nnhp._table_search import METHODS, Request, TableSearch
from nnhp.search import _run

N = 80


def frame(**columns):
    """A table with a column of numbers, one of texts, and a target of two classes."""
    rng = np.random.default_rng(0)
    made = {
        "size": rng.normal(size=N),
        "kind": rng.choice(["a", "b", "c"], N),
        "target": rng.choice(["yes", "no"], N),
    }
    return pd.DataFrame(made | columns)


@pytest.fixture
def read(tmp_path):
    """Load a frame as the command does."""

    def load(table):
        table.to_csv(tmp_path / "table.csv", index=False)
        return _tables.load(str(tmp_path / "table.csv"))

    return load


def test_a_quarter_is_held_out_by_class(monkeypatch):
    job = TableSearch(_tables.load("digits"), Request(n_candidates=1, n_folds=2, epochs=1))
    assert job.plan == (
        "random search: 1 candidates of up to 1 epochs x 2 folds of 1347 rows; 450 rows held out"
    )
    scored, fitted = [], []
    score, fit = Pipeline.score, RandomizedSearchCV.fit
    monkeypatch.setattr(
        Pipeline, "score", lambda self, X, y: [scored.append((X, y)), score(self, X, y)][1]
    )
    monkeypatch.setattr(
        RandomizedSearchCV, "fit", lambda self, X, y: [fitted.append((X, y)), fit(self, X, y)][1]
    )
    job.run()
    ((X, y),) = fitted
    assert len(scored) == 2
    for X_test, y_test in scored:
        assert not set(X.index) & set(X_test.index)
        assert len(X) + len(X_test) == 1797
        shares = np.bincount(y_test) / np.bincount(y)
        np.testing.assert_allclose(shares, 1 / 3, atol=0.02)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_runs_on_the_engine(read, tmp_path, method):
    space = tmp_path / "space.toml"
    space.write_text("learning_rate_init = [1e-3, 1e-2]\nhidden_layer_sizes = [[8], [4, 4]]\n")
    request = Request(method=method, space=str(space), epochs=4, n_folds=2, curves=True)
    found = TableSearch(read(frame()), request).run()
    assert found.search.engine_ == "nnhp"
    assert found.candidates["rank"].iloc[0] == 1
    best = found.search.best_params_
    assert found.candidates["layers"].iloc[0] == best["mlp__hidden_layer_sizes"]
    assert found.candidates["learning rate"].iloc[0] == best["mlp__learning_rate_init"]
    assert len(found.candidates) == 4
    assert len(found.search.curves_) > 0
    assert clone(found.search.best_estimator_).get_params()["mlp__dtype"] == "float32"


def test_ranks_are_shared_and_failures_come_last(read, tmp_path):
    space = tmp_path / "space.toml"
    space.write_text('alpha = [1e-4, 1.1e-4]\nsolver = ["adam", "lbfgs"]\ndropout = [0.5]\n')
    request = Request(method="grid", space=str(space), epochs=1, n_folds=2)
    with pytest.warns(match="4 fits failed"):
        found = TableSearch(read(frame()), request).run()
    assert found.candidates["rank"].tolist() == [1, 1, 3, 3]
    assert found.candidates["mean"].isna().tolist() == [False, False, True, True]


@pytest.mark.parametrize(
    ("method", "n_candidates", "n_late", "cut"),
    [
        ("random", 9, 4, "after 4 of 9 candidates"),
        ("halving", 9, 4, "after 4 of 9 candidates"),
        ("halving", 9, 9, "after 1 of 3 rungs"),
        ("hyperband", None, 15, "after 1 of 3 rungs"),
        ("hyperband", None, 99, ""),
        ("halving", 9, 99, ""),
        ("random", 9, 99, ""),
        ("bayes", 9, 6, "after 6 of 9 candidates"),
        ("bayes", 9, 99, ""),
        ("genetic", 9, 4, "after 4 of 9 candidates"),
        ("genetic", 10, 4, "after 4 of 12 candidates"),
    ],
)
def test_how_far_a_search_came_in_its_time(read, monkeypatch, method, n_candidates, n_late, cut):
    """The time is up as soon as so many candidates are done, one after the other."""
    monkeypatch.setattr(_run, "JUDGED_TOGETHER", 1)
    monkeypatch.setattr(_run.Run, "_late", lambda self: len(self.outcomes) >= n_late)
    request = Request(method=method, n_candidates=n_candidates, epochs=9, n_folds=2, seconds=1e6)
    assert TableSearch(read(frame()), request).run().cut == cut


@pytest.mark.parametrize("method", ["random", "halving", "hyperband"])
def test_settings_that_are_drawn_twice_are_no_lack_of_time(read, tmp_path, method):
    space = tmp_path / "space.toml"
    space.write_text("hidden_layer_sizes = {layers = {depth = 1, width = [8, 9]}}\n")
    found = TableSearch(
        read(frame()), Request(method=method, space=str(space), epochs=3, n_folds=2)
    ).run()
    assert found.cut == ""
    assert found.n_tried > len(found.candidates) == 2


@pytest.mark.parametrize("method", ["bayes", "genetic"])
def test_settings_that_are_not_there_are_no_lack_of_time(read, tmp_path, method):
    space = tmp_path / "space.toml"
    space.write_text("hidden_layer_sizes = {layers = {depth = 1, width = [8, 9]}}\n")
    found = TableSearch(
        read(frame()), Request(method=method, space=str(space), epochs=3, n_folds=2)
    ).run()
    assert found.cut == ""
    assert found.n_tried == len(found.candidates) == 2


CONDITION = """
hidden_layer_sizes = [[8], [9]]
solver = ["adam", "sgd"]
[[when]]
if = {solver = "sgd"}
momentum = {uniform = [0.1, 0.9]}
"""


@pytest.mark.parametrize("method", ["random", "hyperband", "bayes", "genetic"])
def test_conditions_of_a_space(read, tmp_path, method):
    space = tmp_path / "space.toml"
    space.write_text(CONDITION)
    found = TableSearch(
        read(frame()), Request(method=method, space=str(space), epochs=3, n_folds=2)
    ).run()
    assert set(found.candidates["solver"]) == {"adam", "sgd"}
    for _, row in found.candidates.iterrows():
        if row["solver"] == "adam":
            assert row["momentum"] == ""
        else:
            assert 0.1 <= row["momentum"] <= 0.9


def test_a_parameter_that_no_candidate_has(read, tmp_path):
    space = tmp_path / "space.toml"
    space.write_text(CONDITION)
    found = TableSearch(
        read(frame()), Request(space=str(space), n_candidates=1, epochs=3, n_folds=2)
    ).run()
    assert found.candidates["solver"].tolist() == ["adam"]
    assert found.candidates["momentum"].tolist() == [""]


def test_a_regression_is_searched_in_units_of_its_spread(read):
    table = frame()
    table["target"] = 1e6 + 1e5 * table["size"]
    found = TableSearch(read(table), Request(n_candidates=3, epochs=60, n_folds=2)).run()
    assert found.best_score > 0.8
    predicted = found.model.predict(table)
    assert 0.9e6 < predicted.mean() < 1.1e6
    scaled = found.search.best_estimator_.predict(table)
    np.testing.assert_allclose(np.corrcoef(scaled, predicted)[0, 1], 1)


@pytest.mark.parametrize("data", ["wine", "diabetes"])
def test_a_shortfall_has_the_standard_error_of_paired_rows(tmp_path, monkeypatch, data):
    space = tmp_path / "space.toml"
    space.write_text("learning_rate_init = [1e-5]\n")
    losses = []
    of_model = TableSearch._losses
    monkeypatch.setattr(
        TableSearch, "_losses", lambda *args: [losses.append(of_model(*args)), losses[-1]][1]
    )
    request = Request(n_candidates=1, space=str(space), epochs=20, n_folds=2)
    found = TableSearch(_tables.load(data), request).run()
    best, default = losses
    assert 1 - best.mean() == pytest.approx(found.best_score)
    assert 1 - default.mean() == pytest.approx(found.default_score)
    assert found.shortfall == pytest.approx(found.default_score - found.best_score)
    assert found.shortfall > 0
    assert found.n_held_out == len(best)
    assert found.shortfall_error == pytest.approx(sem(best - default, ddof=0))


def test_the_search_is_that_of_its_seed(read):
    table = read(frame())
    runs = [
        TableSearch(table, Request(n_candidates=2, n_folds=2, epochs=3, seed=seed)).run()
        for seed in (1, 1, 2)
    ]
    tables = [run.candidates.drop(columns="seconds") for run in runs]
    assert tables[0].equals(tables[1])
    assert not tables[0].equals(tables[2])


def test_batches_fit_the_folds():
    found = TableSearch(_tables.load("iris"), Request(n_folds=2, epochs=2)).run()
    assert found.candidates["batch"].max() <= 56


@pytest.mark.parametrize(
    ("rows", "n_folds", "message"),
    [
        (4, 2, "4 rows of 2 classes are too few|have one row each"),
        (12, 9, "too few rows for 9 folds: it can be cut into at most"),
    ],
)
def test_too_few_rows(read, rows, n_folds, message):
    few = frame(target=["yes", "no"] * (N // 2)).head(rows)
    with pytest.raises(RefusedError, match=message):
        TableSearch(read(few), Request(n_folds=n_folds))


def test_too_few_rows_for_a_regression(read):
    few = frame(target=np.arange(N) / 2).head(4)
    with pytest.raises(RefusedError, match="4 rows are too few to search on"):
        TableSearch(read(few), Request())


def test_a_rare_class_is_searched_on_with_a_word(read):
    rare = frame(target=["yes"] * (N - 2) + ["no"] * 2)
    job = TableSearch(read(rare), Request(n_candidates=2, epochs=2))
    (remark,) = job.remarks
    assert re.fullmatch("a class has [12] of the rows .*: some folds have none of it", remark)
    assert job.run().best_score > 0
