"""KerasTuner as a contender: its Hyperband over Keras models on JAX."""

import tempfile
from typing import Any

import keras
import keras_tuner
from cases import SPACE, Search, digits
from jobs import Job

PACKAGES = ("keras-tuner", "keras", "jax")


class Net(keras_tuner.HyperModel):
    """A net of the space; the batch size is chosen with it."""

    def build(self, hp: Any) -> Any:
        hidden = hp.Choice("hidden_layer_sizes", [str(h) for h in SPACE["hidden_layer_sizes"]])
        rate, alpha = (
            hp.Float(name, *map(float, SPACE[name].support()), sampling="log")
            for name in ("learning_rate_init", "alpha")
        )
        self.batch_size = hp.Choice("batch_size", SPACE["batch_size"])
        penalty = keras.regularizers.L2(0.5 * alpha / self.batch_size)
        units = [int(units) for units in hidden.strip("()").split(",") if units]
        layers = [
            keras.layers.Dense(n, activation="relu", kernel_regularizer=penalty) for n in units
        ]
        output = keras.layers.Dense(10, kernel_regularizer=penalty)
        model = keras.Sequential([keras.Input((64,)), *layers, output])
        model.compile(
            optimizer=keras.optimizers.Adam(rate),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            steps_per_execution=32,
            jit_compile=True,
        )
        return model

    def fit(self, _hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        return model.fit(*args, batch_size=self.batch_size, **kwargs)


class SearchRun(Job):
    """Hyperband on one split; every model is compiled, as it is in use."""

    def __init__(self, search: Search, _threads: int) -> None:
        self.search = search
        X, y = digits()
        learned, held_out = next(search.cv.split(X))
        self.learned = X[learned], y[learned]
        self.held_out = X[held_out], y[held_out]

    def run(self, _passes: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            tuner = keras_tuner.Hyperband(
                Net(), "val_accuracy", max_epochs=self.search.epochs, seed=0, directory=folder
            )
            tuner.search(*self.learned, validation_data=self.held_out, verbose=0)
            self.best = tuner.oracle.get_best_trials()[0].score
            self.trials = list(tuner.oracle.trials.values())

    def score(self) -> float:
        return float(self.best)

    def effort(self) -> dict[str, int]:
        chosen = [trial.hyperparameters.values for trial in self.trials]
        return {
            "candidates": sum("tuner/trial_id" not in values for values in chosen),
            "epochs": sum(v["tuner/epochs"] - v["tuner/initial_epoch"] for v in chosen),
        }


JOBS = {"search": SearchRun}
