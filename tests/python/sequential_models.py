"""Models and data that the tests of Sequential share."""

from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

import nnhp
from nnhp import activations, layers, optimizers, regularizers
from nnhp.layers import Dense, Dropout, Input

X, IDS = load_iris(return_X_y=True)
X = scale(X)
LABELS = (IDS == 2).astype(int)


def model_of(*given, optimizer="adam", loss="sparse_categorical_crossentropy", **options):
    """A compiled model, of the given layers or a small one."""
    metrics = options.pop("metrics", None)
    model = nnhp.Sequential(
        given or [Dense(8, "relu", input_dim=4), Dense(3, "softmax")],
        **{"random_state": 0, **options},
    )
    model.compile(optimizer, loss, metrics=metrics)
    return model


def everything():
    """A model with every layer that may come anywhere."""
    return model_of(
        Input((4,)),
        layers.GaussianNoise(0.1),
        Dense(8, kernel_regularizer="l2"),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        Dropout(0.2),
        layers.Maxout(6, pieces=3, kernel_initializer="he_normal"),
        layers.LayerNormalization(),
        layers.AlphaDropout(0.1),
        Dense(5, activations.PReLU(initial_slope=0.1), use_bias=False),
        Dense(3, "softmax", kernel_regularizer=regularizers.L1L2(l1=1e-3, l2=1e-3)),
        optimizer=optimizers.AdamW(learning_rate=0.01, clipnorm=1.0, ema_momentum=0.5),
        metrics=["accuracy"],
    )


def fit(model, y=IDS, **options):
    return model.fit(X, y, **{"epochs": 3, "verbose": 0, **options})
