"""
Compiled predictions
====================

One row at a time, nearly all the time of ``predict`` goes into checking it. ``compiled`` makes a
callable that only predicts, with the same bits, and asks of an array nothing but type and shape.
"""

import pickle
from timeit import timeit

from sklearn.datasets import load_digits

from nnhp import MLPClassifier

X, y = load_digits(return_X_y=True)
net = MLPClassifier((100, 50), max_iter=20, random_state=0).fit(X, y)
predict, predict_proba = net.compiled(), net.compiled("predict_proba")
assert (predict(X) == net.predict(X)).all()
assert (predict_proba(X) == net.predict_proba(X)).all()
print(predict)

# %%
# What it gains for a single row:
row = X[:1]
for name, call in {"predict": net.predict, "compiled": predict}.items():
    print(f"{name:8s} {timeit(lambda call=call: call(row), number=200) / 200 * 1e6:6.1f} µs")

# %%
# It holds a copy of the network, goes through pickle, and may be shared by threads.
served = pickle.loads(pickle.dumps(predict))
net.fit(X[:100], y[:100])
assert (served(X) == predict(X)).all()
