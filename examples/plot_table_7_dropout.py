"""
Table 7: the dropout rate
=========================

The article: on speech, test accuracy is 85 % without dropout, 88 % with a rate of 0.2 and 90 % with
0.5. Here are three hundred digits, too few for a net of this size.
"""

import numpy as np
from sklearn.datasets import load_digits

import nnhp

X, y = load_digits(return_X_y=True)
net = nnhp.MLPClassifier((128,), batch_size=32, learning_rate_init=0.005, random_state=0)
net.set_params(max_iter=60, n_iter_no_change=np.inf, dtype="float32")

# %%
# A quarter of the samples is split off first, and only ever tested on.

rates = [0.0, 0.2, 0.5]
sweep = nnhp.sweep(net, X[:300] / 16, y[:300], "dropout", rates, test_size=0.25)
print(sweep.to_markdown(["test_score", "validation_loss", "train_loss"]))

# %%
_ = sweep.plot()
