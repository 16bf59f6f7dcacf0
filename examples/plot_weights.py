"""
The weights of a network
========================

A row of a heat map is an input of a layer and a column one of its units: a pale row is a feature
that the network hardly looks at.
"""

import numpy as np
from sklearn.datasets import load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nnhp import MLPClassifier
from nnhp.plots import WeightsDisplay

X, y = load_wine(return_X_y=True, as_frame=True)
X = X.assign(noise=np.random.default_rng(0).standard_normal(len(X)))


def fitted(**params):
    net = MLPClassifier(8, max_iter=2000, random_state=0, **params)
    return make_pipeline(StandardScaler(), net).fit(X, y)


# %%
# Wines by their chemistry, and a column of noise: the network learns weights for it all the same.
WeightsDisplay.from_estimator(fitted())

# %%
# An L1 penalty takes away the weights that are not needed.
sparse = fitted(alpha=2, l1_ratio=1)
WeightsDisplay.from_estimator(sparse)

# %%
# Most of them are now nearly 0.
WeightsDisplay.from_estimator(sparse, kind="histogram", layers=0)
