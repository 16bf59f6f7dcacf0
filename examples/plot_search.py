"""
A search on real data, and its picture
======================================

Hyperband over six hyperparameters: many networks learn for an epoch, the better third of them for
three, and so on to 27. The pictures show how they learned, and which values the good ones have.
"""

from scipy.stats import loguniform
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from nnhp import HiddenLayers, HyperbandSearchCV, MLPClassifier
from nnhp.plots import LearningCurvesDisplay, ParamSliceDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
space = {
    "hidden_layer_sizes": HiddenLayers(depth=(1, 3), width=(16, 128)),
    "activation": ["relu", "tanh", "silu"],
    "learning_rate_init": loguniform(1e-4, 1e-1),
    "batch_size": [16, 32, 64, 128],
    "alpha": loguniform(1e-6, 1),
    "dropout": [0, 0.1, 0.2, 0.3],
}
net = MLPClassifier(random_state=0)
search = HyperbandSearchCV(net, space, max_resources=27, return_curves=True, random_state=0)
search.fit(X_train, y_train)
print(f"{search.n_epochs_trained_} epochs; the best has {search.score(X_test, y_test):.1%} right")

# %%
# Each line is a network, the mean of its five folds. Most of them were let go early.
LearningCurvesDisplay.from_search(search)

# %%
# The same networks by their settings: the learning rate matters most.
ParamSliceDisplay.from_search(search)
