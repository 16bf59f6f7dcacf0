"""
Which hyperparameters matter
============================

A forest predicts scores from settings: which does it need? Above of any, below of sensible ones.
"""

import sys
import warnings

import matplotlib.pyplot as plt
from scipy.stats import loguniform
from sklearn import datasets
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from nnhp import HiddenLayers, MLPClassifier, RandomizedSearchCV, spaces
from nnhp.plots import ParamImportanceDisplay

warnings.simplefilter("ignore")  # many of these settings are bad
n_iter = int(sys.argv[1]) if sys.argv[1:] else 60
model = Pipeline([("scaler", None), ("net", MLPClassifier(max_iter=20, random_state=0))])
anything = spaces.default(model, n_samples=100) | {
    "net__hidden_layer_sizes": HiddenLayers(depth=(1, 3), width=(8, 64)),
    "net__activation": ["relu", "tanh", "logistic", "silu"],
    "net__solver": ["adam", "sgd"],
    "net__learning_rate_init": loguniform(1e-4, 1),
    "scaler": ["passthrough", MinMaxScaler(), StandardScaler()],
}
sensible = anything | {"scaler": anything["scaler"][1:]}
sensible["net__learning_rate_init"] = loguniform(1e-3, 3e-2)
_, axes = plt.subplots(2, 3, figsize=(15, 10), layout="constrained")
for column, name in zip(axes.T, ["digits", "breast_cancer", "wine"], strict=True):
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    for ax, space in zip(column, [anything, sensible], strict=True):
        search = RandomizedSearchCV(model, space, n_iter=n_iter, cv=3, random_state=0).fit(X, y)
        ParamImportanceDisplay.from_search(search, ax=ax)
        ax.set_title(name)
plt.show()
