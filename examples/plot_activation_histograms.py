"""
Dead and saturated units
========================

A ReLU that is 0 for every sample gets no gradient and never comes back; a tanh near -1 or 1 hardly
learns. Histograms of what the layers put out show both, and count such units.
"""

from sklearn.datasets import load_digits

from nnhp import MLPClassifier
from nnhp.plots import ActivationHistogramDisplay

X, y = load_digits(return_X_y=True)


def fitted(X, **params):
    return MLPClassifier((60, 60), max_iter=500, random_state=0, **params).fit(X, y)


# %%
# Scaled pixels and the default learning rate: few units are dead.
ActivationHistogramDisplay.from_estimator(fitted(X / 16), X / 16)

# %%
# A learning rate that is much too high kills ReLUs.
ActivationHistogramDisplay.from_estimator(fitted(X, learning_rate_init=0.1), X)

# %%
# Pixels from 0 to 16, not scaled, saturate tanh units of the first layer. Where a unit is so for
# nine samples in ten it is counted; `flat_samples` has the share of samples of each.
display = ActivationHistogramDisplay.from_estimator(fitted(X, activation="tanh"), X)
print([float(shares.mean().round(2)) for shares in display.flat_samples[:-1]])
