"""
Quick start
===========

A network for handwritten digits: split, scale, train, score, and look at how the training went and
at what it got wrong.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler

from nnhp import MLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
scaler = MinMaxScaler().fit(X_train)
X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)

net = MLPClassifier((100, 50), dropout=0.2, batch_size=32, max_iter=40, random_state=0)
net.fit(X_train, y_train, X_val=X_test, y_val=y_test)
print(f"{net.score(X_test, y_test):.1%} of {len(y_test)} digits are right")

# %%
# The losses of each epoch are attributes.
plt.plot(net.loss_curve_, label="training")
plt.plot(net.validation_loss_curve_, label="test")
plt.gca().set(xlabel="Epoch", ylabel="Loss", yscale="log")
plt.legend()

# %%
# The digits that it took for others.
labels = net.predict(X_test)
_, axes = plt.subplots(1, 5, figsize=(10, 2.4))
for ax, i in zip(axes, (labels != y_test).nonzero()[0], strict=False):
    ax.imshow(X_test[i].reshape(8, 8), cmap="gray_r")
    ax.set(title=f"{y_test[i]}, not {labels[i]}", xticks=[], yticks=[])
