"""The snippets of the article on tuning (004), its words mended, MLPClassifier as the model."""

import numpy as np
import pytest
import sklearn.model_selection
from helpers import STOPS_EARLY
from scipy.stats import randint, uniform
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

import nnhp
from nnhp import MLPClassifier

pytestmark = STOPS_EARLY

MODULES = {"scikit-learn": sklearn.model_selection, "nnhp": nnhp}


@pytest.fixture
def split():
    X, y = load_iris(return_X_y=True)
    return train_test_split((X - X.mean(axis=0)) / X.std(axis=0), y, random_state=0)


def Model(learning_rate=0.01, batch_size=64, num_layers=4):
    return MLPClassifier(
        hidden_layer_sizes=8,
        learning_rate=learning_rate,
        batch_size=batch_size,
        num_layers=num_layers,
        max_iter=8,
        random_state=0,
    )


def test_manual_search(split):
    X_train, X_test, y_train, y_test = split
    learning_rate = 0.01
    batch_size = 64
    num_layers = 4
    model = Model(learning_rate=learning_rate, batch_size=batch_size, num_layers=num_layers)
    model.fit(X_train, y_train)
    assert model.n_layers_ == 2 + num_layers
    assert model.score(X_test, y_test) > 0.5


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES.keys())
def test_grid_search(module, split):
    X_train, X_test, y_train, y_test = split
    model = Model()
    param_grid = {
        "learning_rate": [0.001, 0.01, 0.1],
        "batch_size": [32, 64, 89],  # 128 is more than a fold of iris has
        "num_layers": [2, 4, 8],
    }
    grid_search = module.GridSearchCV(model, param_grid, cv=5)
    grid_search.fit(X_train, y_train)
    assert len(grid_search.cv_results_["params"]) == 27
    assert grid_search.best_params_["learning_rate"] in param_grid["learning_rate"]
    assert grid_search.score(X_test, y_test) > 0.8


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES.keys())
def test_random_search(module, split):
    X_train, X_test, y_train, y_test = split
    model = Model()
    param_dist = {
        "learning_rate": uniform(0.001, 0.1),
        "batch_size": randint(32, 90),
        "num_layers": randint(2, 9),
    }
    random_search = module.RandomizedSearchCV(
        model, param_distributions=param_dist, n_iter=10, cv=5, random_state=0
    )
    random_search.fit(X_train, y_train)
    assert len(random_search.cv_results_["params"]) == 10
    assert random_search.score(X_test, y_test) > 0.8


def test_both_find_the_same(split):
    X_train, _, y_train, _ = split
    space = {"learning_rate": uniform(0.001, 0.1), "num_layers": randint(2, 9)}
    one, other = (
        module.RandomizedSearchCV(Model(), space, n_iter=6, random_state=1).fit(X_train, y_train)
        for module in MODULES.values()
    )
    scores = [search.cv_results_["mean_test_score"] for search in (one, other)]
    np.testing.assert_array_equal(*scores)
    assert one.best_params_ == other.best_params_
