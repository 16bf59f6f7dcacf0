"""JAX as a contender: a whole epoch is one compiled call, a `lax.scan` over its batches."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import jax
import numpy as np
import reference
from cases import Case
from jax import lax
from jax import numpy as jnp
from jax.flatten_util import ravel_pytree
from jobs import Job, prediction, require_plain
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

PACKAGES = ("jax", "jaxlib")
CHUNK = 2_048  # rows predicted at a time
# One array for all parameters, and so one update, saves a sixth of the time on the smallest net and
# costs as much on the largest.
FLAT_AT_MOST = 16_000


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


def parameters_of(case: Case, seed: int = 0) -> list[Any]:
    return [jnp.asarray(p, dtype=case.dtype) for p in initial(case, seed)]


class Net:
    """A net's parameters, packed into a single array where they are few, and steps with them."""

    def __init__(self, case: Case) -> None:
        self.case = case
        flat, self.unravel = ravel_pytree(parameters_of(case))
        self.flat = len(flat) <= FLAT_AT_MOST

    def start(self, seed: int = 0) -> Any:
        parameters = parameters_of(self.case, seed)
        packed = [ravel_pytree(parameters)[0]] if self.flat else parameters
        zeros = [[jnp.zeros_like(p) for p in packed] for _ in range(2)]
        return packed, *zeros, jnp.zeros((), dtype=self.case.dtype)

    def parameters(self, packed: list[Any]) -> Any:
        return self.unravel(packed[0]) if self.flat else packed

    def step(self, state: Any, X: Any, y: Any) -> tuple[Any, Any]:
        """Do one step of Adam."""
        packed, first, second, count = state
        loss, gradients = jax.value_and_grad(
            lambda packed: mean_loss(self.parameters(packed), X, y)
        )(packed)
        count = count + 1
        rate = LEARNING_RATE * jnp.sqrt(1 - BETA_2**count) / (1 - BETA_1**count)
        first = [BETA_1 * m + (1 - BETA_1) * g for m, g in zip(first, gradients, strict=True)]
        second = [BETA_2 * v + (1 - BETA_2) * g * g for v, g in zip(second, gradients, strict=True)]
        packed = [
            p - rate * m / (jnp.sqrt(v) + EPSILON)
            for p, m, v in zip(packed, first, second, strict=True)
        ]
        return (packed, first, second, count), loss

    def epoch(self, state: Any, X: Any, y: Any, order: Any) -> tuple[Any, Any]:
        """Train on all rows in the given order; the last batch may be smaller."""
        size = self.case.batch_size
        full, rest = jnp.split(order, [len(order) // size * size])
        state, losses = lax.scan(
            lambda state, rows: self.step(state, X[rows], y[rows]), state, full.reshape(-1, size)
        )
        total = jnp.sum(losses) * size
        if len(rest):
            state, loss = self.step(state, X[rest], y[rest])
            total += loss * len(rest)
        return state, total / len(order)


class Fit(Job):
    """A training of one net; data and state are on the device beforehand."""

    def __init__(self, case: Case, threads: int) -> None:
        require_plain(case)
        jax.config.update("jax_enable_x64", case.dtype == "float64")
        self.case, self.threads = case, threads
        self.X, self.y = (jnp.asarray(part) for part in case.load())
        self.net = Net(case)
        self.epoch = self.compiled()
        self.random = np.random.default_rng(0)

    def compiled(self) -> Any:
        return jax.jit(self.net.epoch, donate_argnums=0)

    def curve(self, state: Any) -> Any:
        """Return the losses of the first epochs; of each net, if there are several."""
        X, y = verified_part(self.case, self.X, self.y)
        order, losses = jnp.arange(len(X)), []
        for _ in range(EPOCHS):
            state, loss = self.epoch(state, X, y, order)
            losses.append(np.asarray(loss))
        scale = self.case.n_outputs if self.case.regression else 1
        return (np.array(losses).T / scale).tolist()

    def trained(self, passes: int, state: Any, random: np.random.Generator) -> Any:
        for _ in range(passes):
            order = random.permutation(len(self.X)).astype(np.int32)
            state, _ = self.epoch(state, self.X, self.y, order)
        return jax.block_until_ready(state)

    def check(self) -> Any:
        return self.curve(self.net.start())

    def reset(self) -> None:
        self.state = self.net.start()

    def run(self, passes: int) -> None:
        self.state = self.trained(passes, self.state, self.random)

    def first_net(self) -> list[Any]:
        """Return the packed parameters of the first net."""
        packed: list[Any] = self.state[0]
        return packed

    def score(self) -> float:
        z = outputs(self.net.parameters(self.first_net()), self.X[:SCORED_ROWS])
        return reference.score(self.case, np.asarray(self.y[:SCORED_ROWS]), np.asarray(z))


class Stacked(Fit):
    """Nets of different initial weights under `vmap`; they share each epoch's order."""

    def compiled(self) -> Any:
        return jax.jit(jax.vmap(self.net.epoch, in_axes=(0, None, None, None)), donate_argnums=0)

    def stack(self, n_nets: int) -> Any:
        nets = [self.net.start(seed) for seed in range(n_nets)]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *nets)

    def check(self) -> Any:
        return self.curve(self.stack(2))

    def reset(self) -> None:
        self.state = self.stack(self.case.n_nets)

    def first_net(self) -> list[Any]:
        return [p[0] for p in self.state[0]]


class Population(Fit):
    """Nets of different initial weights, one after another in each thread."""

    def compiled(self) -> Any:
        options = {"xla_cpu_multi_thread_eigen": False}
        return jax.jit(self.net.epoch, donate_argnums=0, compiler_options=options)

    def check(self) -> Any:
        return [self.curve(self.net.start(seed)) for seed in range(2)]

    def reset(self) -> None:
        self.states = [self.net.start(seed) for seed in range(self.case.n_nets)]

    def run(self, passes: int) -> None:
        randoms = map(np.random.default_rng, range(self.case.n_nets))
        with ThreadPoolExecutor(self.threads) as pool:
            self.states = list(pool.map(partial(self.trained, passes), self.states, randoms))

    def first_net(self) -> list[Any]:
        packed: list[Any] = self.states[0][0]
        return packed


class Predict(Job):
    """Compiled, in chunks; samples are on the device beforehand."""

    def __init__(self, case: Case, _threads: int) -> None:
        require_plain(case)
        jax.config.update("jax_enable_x64", case.dtype == "float64")
        self.parameters = parameters_of(case)
        X = jnp.asarray(case.load()[0])
        self.chunks = [X[start : start + CHUNK] for start in range(0, len(X), CHUNK)]
        self.predict = jax.jit(lambda X: outputs(self.parameters, X).argmax(axis=1))

    def check(self) -> Any:
        z = outputs(self.parameters, self.chunks[0][:PREDICTED_ROWS])
        return prediction(jax.nn.softmax(z), self.predicted)

    def run(self, passes: int) -> None:
        for _ in range(passes):
            self.predicted = np.concatenate([self.predict(chunk) for chunk in self.chunks])


JOBS = {"fit": Fit, "stacked": Stacked, "population": Population, "predict": Predict}
