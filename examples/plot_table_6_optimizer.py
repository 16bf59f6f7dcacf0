"""
Table 6: the optimizer
======================

The article: on images, Adam gets 94 % right after 10 epochs, RMSprop 93 % after 12 and gradient
descent 91 % after 15. Here are the digits. Each optimizer has a learning rate that suits it:
gradient descent needs one a hundred times as large.
"""

from sklearn.datasets import load_digits

import nnhp

X, y = load_digits(return_X_y=True)
net = nnhp.MLPClassifier((32,), max_iter=40, batch_size=32, dtype="float32", random_state=0)

# %%
solvers = {
    "Adam": {"solver": "adam", "learning_rate_init": 0.003},
    "RMSprop": {"solver": "rmsprop", "learning_rate_init": 0.003},
    "SGD": {"solver": "sgd", "learning_rate_init": 0.3, "momentum": 0.0},
}
sweep = nnhp.sweep(net, X / 16, y, "optimizer", solvers)
print(sweep.to_markdown(["test_score", "epochs_to_converge", "validation_loss"]))

# %%
_ = sweep.plot()
