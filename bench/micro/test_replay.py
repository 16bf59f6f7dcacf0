"""Replays look up what was recorded, and load no more than numbers."""

import pickle

import numpy as np
import pytest
import replay
from bench_regret import climb

from nnhp import RandomizedSearchCV

SPACE = {"a": [0.1, 0.2, 0.3], "b": ["x", "y"]}
SCORES = np.arange(3 * 2 * 9, dtype=float).reshape(3, 2, 9)
TABLE = replay.Table("made up", SPACE, SCORES)


@pytest.mark.smallest
def test_scores_are_those_of_the_table():
    settings = {"n_iter": 4, "pruner": "hyperband"}
    results = replay.replay(replay.BayesOfRecorded, TABLE, 0, **settings)
    assert set(results["n_resources"]) > {9}
    for params, score in zip(results["params"], results["mean_test_score"], strict=True):
        place = SPACE["a"].index(params["a"]), SPACE["b"].index(params["b"])
        assert score == SCORES[(*place, params["max_iter"] - 1)]


@pytest.mark.smallest
def test_regrets_are_between_the_best_and_the_median():
    assert TABLE.regret(SCORES[2, 1, 8]) == 0
    assert TABLE.regret(np.median(SCORES[..., 8])) == 1
    # All six settings cost six trainings: more than the first limit, less than the second.
    regrets = climb(TABLE, RandomizedSearchCV, {"n_iter": 6}, seed=0)
    assert regrets[0] in TABLE.regret(SCORES[..., 8])
    assert regrets.tolist()[1:] == [0, 0]


@pytest.mark.smallest
def test_a_file_that_asks_for_code_is_refused(tmp_path):
    path = tmp_path / "table.pkl"
    path.write_bytes(pickle.dumps({"00": np.float64(1.0)}))
    with path.open("rb") as file, pytest.raises(pickle.UnpicklingError, match="asks for numpy"):
        replay.NoGlobals(file).load()
    path.write_bytes(pickle.dumps({"00": {"val_acc": [0.5, 1.0]}}))
    with path.open("rb") as file:
        assert replay.NoGlobals(file).load() == {"00": {"val_acc": [0.5, 1.0]}}
