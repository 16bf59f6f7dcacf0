"""
Table 8: the initial weights
============================

The article: on a speech synthesis, the training loss is 0.123 from weights drawn from a normal
distribution, 0.089 from He's and 0.076 from Xavier's (Glorot's). Here a net of four hidden layers
learns the digits for a few epochs: the deeper a net, the more its start matters.
"""

from sklearn.datasets import load_digits

import nnhp

X, y = load_digits(return_X_y=True)
net = nnhp.MLPClassifier((32,) * 4, max_iter=10, batch_size=64, dtype="float32", random_state=0)

# %%
draws = {
    "Random Normal": "normal",
    "He Normal": "he_normal",
    "Xavier Uniform": "glorot_uniform",
}
sweep = nnhp.sweep(net, X / 16, y, "kernel_initializer", draws)
print(sweep.to_markdown(["train_loss", "validation_loss", "test_score"]))

# %%
_ = sweep.plot()
