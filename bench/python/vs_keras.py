"""Keras on JAX as a contender: `fit` and `predict` of a compiled model."""

from typing import Any

import jax
import keras
import numpy as np
import reference
from cases import Case
from jobs import Job, prediction, require_plain
from keras import ops
from reference import (
    EPOCHS,
    EPSILON,
    LEARNING_RATE,
    PREDICTED_ROWS,
    SCORED_ROWS,
    initial,
    verified_part,
)

PACKAGES = ("keras", "jax")
STEPS_PER_EXECUTION = 32
CHUNK = 8_192  # rows predicted at a time


def half_squared_error(truth: Any, outputs: Any) -> Any:
    """Return one number per sample, summed over the outputs."""
    return 0.5 * ops.sum(ops.square(truth - outputs), axis=-1)


def model_of(case: Case) -> Any:
    """Return the net with the reference's initial weights."""
    require_plain(case)
    keras.config.set_floatx(case.dtype)
    layers = [keras.layers.Dense(units, activation="relu") for units in case.hidden]
    inputs = keras.Input((case.n_inputs,), dtype=case.dtype)
    model = keras.Sequential([inputs, *layers, keras.layers.Dense(case.n_outputs)])
    model.set_weights([p.astype(case.dtype) for p in initial(case)])
    return model


class Fit(Job):
    """A training of one net."""

    def __init__(self, case: Case, _threads: int) -> None:
        self.case = case
        self.X, self.y = case.load()
        self.model = model_of(case)
        classifying = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.model.compile(
            optimizer=keras.optimizers.Adam(LEARNING_RATE, epsilon=EPSILON),
            loss=half_squared_error if case.regression else classifying,
            steps_per_execution=STEPS_PER_EXECUTION,
            jit_compile=True,
        )
        self.model.optimizer.build(self.model.trainable_variables)
        variables = [*self.model.variables, *self.model.optimizer.variables]
        self.start = [(variable, np.array(variable)) for variable in variables]

    def fit(self, X: Any, y: Any, **more: Any) -> Any:
        return self.model.fit(X, y, batch_size=self.case.batch_size, verbose=0, **more)

    def check(self) -> list[float]:
        X, y = verified_part(self.case, self.X, self.y)
        history = self.fit(X, y, epochs=EPOCHS, shuffle=False).history["loss"]
        scale = self.case.n_outputs if self.case.regression else 1
        return [float(loss) / scale for loss in history]

    def reset(self) -> None:
        for variable, value in self.start:
            variable.assign(value)

    def run(self, passes: int) -> None:
        self.fit(self.X, self.y, epochs=passes)

    def score(self) -> float:
        z = self.model.predict(self.X[:SCORED_ROWS], verbose=0)
        return reference.score(self.case, self.y[:SCORED_ROWS], z)


class Predict(Job):
    """`predict` in chunks; `predict_on_batch` of rows that are no more than one."""

    def __init__(self, case: Case, _threads: int) -> None:
        self.X = case.load()[0]
        self.model = model_of(case)

    def outputs(self, X: Any) -> Any:
        if len(X) <= CHUNK:
            return self.model.predict_on_batch(X)
        return self.model.predict(X, batch_size=CHUNK, verbose=0)

    def check(self) -> Any:
        z = self.outputs(self.X[:PREDICTED_ROWS])
        return prediction(np.asarray(ops.softmax(z)), self.predicted)

    def run(self, passes: int) -> None:
        for _ in range(passes):
            self.predicted = self.outputs(self.X).argmax(axis=1)


class Compiled(Predict):
    """One call of JAX's compiler on the model as a function, made beforehand."""

    def __init__(self, case: Case, threads: int) -> None:
        super().__init__(case, threads)
        variables = [variable.value for variable in self.model.trainable_variables]
        self.compiled = jax.jit(lambda X: self.model.stateless_call(variables, [], X)[0])

    def outputs(self, X: Any) -> Any:
        return np.asarray(self.compiled(X))


JOBS = {"fit": Fit, "predict": Predict, "compiled": Compiled}
