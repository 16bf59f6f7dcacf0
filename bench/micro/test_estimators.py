"""What a user waits for with small data: an epoch, one row, a short fit, the import."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import IMPORTS, NETS, SMALL_NETS
from estimator_jobs import Fit
from sklearn.datasets import load_iris

import nnhp

N_EPOCHS = 10


@pytest.mark.parametrize("name", SMALL_NETS)
def test_ten_epochs(benchmark: Any, name: str) -> None:
    job = Fit(nnhp, replace(NETS[name], n_rows=1_000), {"n_jobs": 1})
    benchmark(job.run, N_EPOCHS)
    assert len(job.fitted.loss_curve_) == N_EPOCHS
    assert job.fitted.loss_curve_[-1] < job.fitted.loss_curve_[0]


@pytest.mark.parametrize("name", SMALL_NETS)
def test_predict_one_row(benchmark: Any, name: str) -> None:
    job = Fit(nnhp, replace(NETS[name], n_rows=1_000), {"n_jobs": 1})
    job.run(N_EPOCHS)
    predicted = benchmark(job.fitted.predict, job.X[:1])
    np.testing.assert_array_equal(predicted, job.fitted.predict(job.X)[:1])


@pytest.mark.parametrize("name", SMALL_NETS)
def test_compiled_predict_of_one_row(benchmark: Any, name: str) -> None:
    job = Fit(nnhp, replace(NETS[name], n_rows=1_000), {"n_jobs": 1})
    job.run(N_EPOCHS)
    predicted = benchmark(job.fitted.compiled(), job.X[:1])
    np.testing.assert_array_equal(predicted, job.fitted.predict(job.X)[:1])


def test_three_epochs_on_150_rows(benchmark: Any) -> None:
    X, y = load_iris(return_X_y=True)
    model = nnhp.MLPClassifier((8,), max_iter=3, random_state=0, n_jobs=1)
    assert benchmark(model.fit, X, y).n_iter_ == 3


@pytest.mark.parametrize("name", ["nnhp", "nnhp's MLPClassifier", "scikit-learn's"])
def test_import(benchmark: Any, name: str) -> None:
    _, before, statement = IMPORTS[name]
    command = [sys.executable, "-c", f"{before}; {statement}"]
    benchmark.pedantic(subprocess.run, (command,), {"check": True}, rounds=3)
