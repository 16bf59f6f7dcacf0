"""
Compiled predictions
====================

One row at a time, nearly all the time of ``predict`` goes into checking it. ``compiled`` makes a
callable that only predicts, with the same bits, and asks of an array nothing but type and shape.
"""

import pickle
from time import perf_counter_ns

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from nnhp import MLPClassifier

X, y = load_digits(return_X_y=True)
net = MLPClassifier((100, 50), max_iter=20, random_state=0).fit(X, y)
predict, predict_proba = net.compiled(), net.compiled("predict_proba")
assert (predict(X) == net.predict(X)).all()
assert (predict_proba(X) == net.predict_proba(X)).all()

# %%
# What it gains: the times of each row alone.
for name, call in {"predict": net.predict, "compiled": predict}.items():
    times = [perf_counter_ns()]
    for row in X:
        call(row.reshape(1, -1))
        times.append(perf_counter_ns())
    plt.ecdf(np.diff(times) / 1000, label=name)
plt.gca().set(xscale="log", xlabel="Microseconds for a row", ylabel="Share of the rows")
plt.legend()

# %%
# It holds a copy of the network, can be pickled, and may be called by many threads.
assert (pickle.loads(pickle.dumps(predict))(X) == predict(X)).all()
