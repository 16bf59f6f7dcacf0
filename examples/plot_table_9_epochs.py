"""
Table 9: the number of epochs
=============================

The article: after 10, 100 and 1000 epochs on a text generation, the training loss is 2.3, 1.0 and
0.5, the validation loss 2.4, 1.2 and 0.8: both fall, and part. Here are the tumours of table 5.
"""

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

import nnhp

net = nnhp.MLPClassifier((16,), n_iter_no_change=np.inf, dtype="float32", random_state=0)
model = Pipeline([("scale", StandardScaler()), ("net", net)])

# %%
# The three share their seeds: the longer training is the shorter one, gone on with.

X, y = load_breast_cancer(return_X_y=True)
sweep = nnhp.sweep(model, X, y, "net__max_iter", [10, 100, 1000])
print(sweep.to_markdown(["train_loss", "validation_loss", "test_score", "epochs_to_converge"]))

# %%
# The validation loss has its least after some hundred epochs, and rises from there.

_ = sweep.plot()
