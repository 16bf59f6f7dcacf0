"""
Table 2: the batch size
=======================

The article: a training on images takes 128 minutes with batches of 32, 94 with 64, 72 with 128 and
58 with 256. But larger batches are fewer steps, from which a net learns less in as many epochs: the
table has the score beside the time.
"""

from sklearn.datasets import load_digits

import nnhp

X, y = load_digits(return_X_y=True)
net = nnhp.MLPClassifier((64,), max_iter=15, random_state=0)

# %%
# One thread, so that no training waits for a core.

sweep = nnhp.sweep(net, X / 16, y, "batch_size", [32, 64, 128, 256], n_jobs=1)
print(sweep.to_markdown(["seconds", "bytes_per_step", "test_score", "validation_loss"]))

# %%
_ = sweep.plot()
