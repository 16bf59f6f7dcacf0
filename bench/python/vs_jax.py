"""JAX as a contender: a whole epoch is one compiled call, a `lax.scan` over its batches."""

from functools import partial
from typing import Any

import jax
import numpy as np
from cases import Case
from jax import lax
from jax import numpy as jnp
from jobs import Job
from reference import (
    BETA_1,
    BETA_2,
    EPOCHS,
    EPSILON,
    LEARNING_RATE,
    PREDICTED_ROWS,
    SCORED_ROWS,
    initial,
    verified_part,
)
from sklearn.metrics import accuracy_score, r2_score

PACKAGES = ("jax", "jaxlib")
CHUNK = 8_192  # rows predicted at a time


def outputs(parameters: Any, X: Any) -> Any:
    for weights, biases in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        X = jax.nn.relu(X @ weights + biases)
    return X @ parameters[-2] + parameters[-1]


def mean_loss(parameters: Any, X: Any, y: Any) -> Any:
    """Return the mean over the samples; squared errors are summed over the outputs."""
    z = outputs(parameters, X)
    if y.ndim == 2:
        return 0.5 * jnp.sum((z - y) ** 2) / len(y)
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=1))


def step(state: Any, batch: Any) -> tuple[Any, Any]:
    """Do one step of Adam."""
    parameters, first, second, count = state
    loss, gradients = jax.value_and_grad(mean_loss)(parameters, *batch)
    count = count + 1
    rate = LEARNING_RATE * jnp.sqrt(1 - BETA_2**count) / (1 - BETA_1**count)
    first = [BETA_1 * m + (1 - BETA_1) * g for m, g in zip(first, gradients, strict=True)]
    second = [BETA_2 * v + (1 - BETA_2) * g * g for v, g in zip(second, gradients, strict=True)]
    parameters = [
        p - rate * m / (jnp.sqrt(v) + EPSILON)
        for p, m, v in zip(parameters, first, second, strict=True)
    ]
    return (parameters, first, second, count), loss


def epoch(batch_size: int, state: Any, X: Any, y: Any, order: Any) -> tuple[Any, Any]:
    """Train on all rows in the given order; the last batch may be smaller."""
    n_full = len(order) // batch_size
    X, y = X[order], y[order]
    batches = [
        part[: n_full * batch_size].reshape(n_full, batch_size, *part.shape[1:]) for part in (X, y)
    ]
    state, losses = lax.scan(step, state, batches)
    total = jnp.sum(losses) * batch_size
    if len(order) % batch_size:
        rest = slice(n_full * batch_size, None)
        state, loss = step(state, (X[rest], y[rest]))
        total += loss * (len(order) - n_full * batch_size)
    return state, total / len(order)


class Fit(Job):
    """A training of one net; data and state are on the device beforehand."""

    def __init__(self, case: Case, _threads: int) -> None:
        jax.config.update("jax_enable_x64", case.dtype == "float64")
        self.case = case
        self.X, self.y = (jnp.asarray(part) for part in case.load())
        self.epoch = self.compiled()
        self.random = np.random.default_rng(0)

    def compiled(self) -> Any:
        return jax.jit(partial(epoch, self.case.batch_size), donate_argnums=0)

    def start(self, _n_nets: int) -> Any:
        return start(self.case)

    def check(self) -> Any:
        X, y = verified_part(self.case, self.X, self.y)
        order = jnp.arange(len(X))
        state, curve = self.start(2), []
        for _ in range(EPOCHS):
            state, loss = self.epoch(state, X, y, order)
            curve.append(np.asarray(loss))
        scale = self.case.n_outputs if self.case.regression else 1
        return (np.array(curve).T / scale).tolist()

    def reset(self) -> None:
        self.state = self.start(self.case.n_nets)

    def run(self, passes: int) -> None:
        for _ in range(passes):
            order = self.random.permutation(len(self.X)).astype(np.int32)
            self.state, loss = self.epoch(self.state, self.X, self.y, order)
        jax.block_until_ready((self.state, loss))

    def score(self) -> float:
        return score(self.case, self.state[0], self.X, self.y)


def start(case: Case, seed: int = 0) -> Any:
    parameters = [jnp.asarray(p, dtype=case.dtype) for p in initial(case, seed)]
    zeros = [[jnp.zeros_like(p) for p in parameters] for _ in range(2)]
    return parameters, *zeros, jnp.zeros((), dtype=case.dtype)


def score(case: Case, parameters: Any, X: Any, y: Any) -> float:
    z = np.asarray(outputs(parameters, X[:SCORED_ROWS]))
    truth = np.asarray(y[:SCORED_ROWS])
    return float(r2_score(truth, z) if case.regression else accuracy_score(truth, z.argmax(axis=1)))


class Population(Fit):
    """Nets of different initial weights under `vmap`; they share each epoch's order."""

    def compiled(self) -> Any:
        one = partial(epoch, self.case.batch_size)
        return jax.jit(jax.vmap(one, in_axes=(0, None, None, None)), donate_argnums=0)

    def start(self, n_nets: int) -> Any:
        nets = [start(self.case, seed) for seed in range(n_nets)]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *nets)

    def score(self) -> float:
        return score(self.case, [p[0] for p in self.state[0]], self.X, self.y)


class Predict(Job):
    """Compiled, in chunks; samples are on the device beforehand."""

    def __init__(self, case: Case, _threads: int) -> None:
        jax.config.update("jax_enable_x64", case.dtype == "float64")
        self.parameters = start(case)[0]
        X = jnp.asarray(case.load()[0])
        self.chunks = [X[start : start + CHUNK] for start in range(0, len(X), CHUNK)]
        self.predict = jax.jit(lambda parameters, X: outputs(parameters, X).argmax(axis=1))

    def check(self) -> Any:
        return jax.nn.softmax(outputs(self.parameters, self.chunks[0][:PREDICTED_ROWS])).tolist()

    def run(self, passes: int) -> None:
        for _ in range(passes):
            np.concatenate([self.predict(self.parameters, chunk) for chunk in self.chunks])


JOBS = {"fit": Fit, "population": Population, "predict": Predict}
