"""
A population that learns
========================

Scores of the members of a population, and the settings that the best one went through.
"""

import sys
import warnings

import matplotlib.pyplot as plt
from scipy.stats import loguniform, uniform
from sklearn.datasets import load_digits

from nnhp import MLPClassifier, PBTSearchCV

warnings.simplefilter("ignore")  # all members come to their last epoch
size = int(sys.argv[1]) if sys.argv[1:] else 12
X, y = load_digits(return_X_y=True)
search = PBTSearchCV(
    MLPClassifier((32,), solver="sgd", max_iter=40, n_iter_no_change=40, random_state=0),
    {"learning_rate_init": loguniform(1e-4, 1), "momentum": uniform(0, 0.99)},
    population_size=size,
    cv=3,
    random_state=0,
).fit(X / 16, y)
results, schedule = search.cv_results_, search.schedule_
_, axes = plt.subplots(1, 3, figsize=(12, 3.5), layout="constrained")
axes[0].plot(results["n_resources"], results["mean_test_score"], "o", alpha=0.5)
axes[0].set(xlabel="epoch", ylabel="accuracy")
for ax, name in zip(axes[1:], search.param_distributions, strict=True):
    ax.stairs(schedule[name], [0, *schedule["end"]], baseline=None)
    ax.set(xlabel="epoch", title=name)
plt.show()
