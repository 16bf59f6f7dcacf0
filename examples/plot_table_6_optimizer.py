"""
Table 6: the optimizer
======================

The article: on images, Adam gets 94 % right after 10 epochs, RMSprop 93 % after 12 and gradient
descent 91 % after 15. Here are the digits, and each optimizer has the learning rate that was best
for it of four (0.001 to 0.03, for plain gradient descent 0.03 to 1): with one rate for all, the
table would compare the rates.
"""

from sklearn.datasets import load_digits

import nnhp

X, y = load_digits(return_X_y=True)
net = nnhp.MLPClassifier((32,), max_iter=60, batch_size=32, dtype="float32", random_state=0)

# %%
solvers = {
    "Adam": {"solver": "adam", "learning_rate_init": 0.01},
    "RMSprop": {"solver": "rmsprop", "learning_rate_init": 0.01},
    "SGD": {"solver": "sgd", "learning_rate_init": 1.0, "momentum": 0.0},
}
sweep = nnhp.sweep(net, X / 16, y, "optimizer", solvers)
print(sweep.to_markdown(["test_score", "epochs_to_converge", "validation_loss"]))

# %%
_ = sweep.plot()
