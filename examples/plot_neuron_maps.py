"""
What each unit sees
===================

The TensorFlow Playground draws every unit of a network over the plane of its two features.
`NeuronMapsDisplay` does that for any two features of any table, and for a Pipeline in the features
that go into it.
"""

from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nnhp import MLPClassifier, datasets
from nnhp.plots import NeuronMapsDisplay

# %%
# The Playground's circle: units of the first layer draw lines, later ones join them to shapes.
X, y = datasets.make_circle(n_samples=300, noise=10, random_state=0)
net = MLPClassifier((4, 3), "tanh", solver="lbfgs", max_iter=5000, alpha=0.1, random_state=0)
NeuronMapsDisplay.from_estimator(net.fit(X, y), X, y=y)

# %%
# A table of 30 features, the other 28 held at their medians. Orange ground is a high risk of a
# malignant tumour; of points in another colour than their ground the two alone do not tell.
X, y = load_breast_cancer(return_X_y=True, as_frame=True)
net = MLPClassifier((6, 3), "tanh", solver="lbfgs", max_iter=5000, alpha=1, random_state=0)
model = make_pipeline(StandardScaler(), net).fit(X, y)
features = ("worst concave points", "worst texture")
NeuronMapsDisplay.from_estimator(model, X, features, y=y, middle="median")

# %%
# The same plane for a tumour of a large area: the boundary moves towards lower values.
values = {"worst area": X["worst area"].quantile(0.9)}
NeuronMapsDisplay.from_estimator(model, X, features, y=y, middle="median", values=values)
