"""
Searches that learn
===================

Random and Bayesian search, by candidate: one draws, the other goes where scores were good.
"""

import sys
import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import loguniform, uniform
from sklearn.datasets import load_digits

from nnhp import BayesSearchCV, HiddenLayers, MLPClassifier, RandomizedSearchCV, When

warnings.simplefilter("ignore")  # many of these settings are bad
n_iter = int(sys.argv[1]) if sys.argv[1:] else 60
X, y = load_digits(return_X_y=True)
space = [
    {
        "hidden_layer_sizes": HiddenLayers(depth=(1, 3), width=(8, 64)),
        "learning_rate_init": loguniform(1e-5, 1),
        "solver": ["adam", "sgd"],
    },
    When({"solver": "sgd"}, {"momentum": uniform(0, 0.99)}),
]
_, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", sharey=True)
for ax, Search in zip(axes, [RandomizedSearchCV, BayesSearchCV], strict=True):
    net = MLPClassifier(max_iter=15, random_state=0)
    search = Search(net, space, n_iter=n_iter, cv=3, random_state=0).fit(X / 16, y)
    scores = search.cv_results_["mean_test_score"]
    ax.plot(scores, "o", alpha=0.5)
    ax.step(np.arange(n_iter), np.maximum.accumulate(scores), where="post")
    ax.set(title=Search.__name__, xlabel="candidate", ylabel="accuracy")
plt.show()
