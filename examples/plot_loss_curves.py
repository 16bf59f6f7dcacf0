"""
Loss curves
===========

How the training and the validation loss fall tells most about a training: whether the learning
rate suits, whether more epochs would help, and whether the network overfits.
"""

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from nnhp import GridSearchCV, MLPClassifier
from nnhp.plots import LossCurveDisplay

X, y = load_digits(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(X / 16, y, random_state=0)
net = MLPClassifier(max_iter=2000, early_stopping=True, random_state=0)

# %%
# One network. With `early_stopping` it keeps the parameters of the epoch with the star.
LossCurveDisplay.from_estimator(net.fit(X_train, y_train, X_val=X_val, y_val=y_val))

# %%
# Several, in a dict by their names: a rate that is too low, one that suits, one too high.
rates = {f"rate {rate}": rate for rate in (1e-4, 3e-3, 3e-1)}
nets = {
    name: MLPClassifier(**net.get_params() | {"learning_rate_init": rate}).fit(
        X_train, y_train, X_val=X_val, y_val=y_val
    )
    for name, rate in rates.items()
}
LossCurveDisplay.from_estimator(nets)

# %%
# The network that a search chose, with the losses alone.
search = GridSearchCV(net, {"alpha": [1e-4, 1]}, cv=3).fit(X / 16, y)
LossCurveDisplay.from_estimator(search, show="loss")
