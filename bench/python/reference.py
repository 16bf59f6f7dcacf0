"""The answers that contenders are held to: a net and its training in plain NumPy, in float64.

Formulas and initial weights are scikit-learn's.  Batches are taken in the order of the rows, so
that every contender can be given the same ones.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse
from cases import FORWARD_JOBS, POPULATION_JOBS, Case
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, r2_score

Array = NDArray[np.float64]
EPOCHS = 3
BATCHES = 10
REMAINDER = 5  # rows of a last, smaller batch
PREDICTED_ROWS = 100  # whose probabilities are compared, and of all rows the classes
PREDICTED_BLOCK = 10_000
SCORED_ROWS = 10_000
LEARNING_RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-8
# Adam makes whole steps of gradients that are rounding errors, so float32 drifts: nnhp and
# scikit-learn alike by 5e-4 on the largest net, within 1e-4 on the others.
TOLERANCE = {"float32": 2e-3, "float64": 1e-10}
# Adam as in Kingma and Ba's algorithm 1; the others' epsilon is that of the last line of section 2.
CORRECT_FIRST = ("PyTorch", "torch.compile", "skorch")
# Masks are the entrant's own: its losses must be others than those of the whole net, and near them.
DROPOUT_TOLERANCE = (1e-3, 0.5)
OWN_ORDERS = ("Optuna",)  # whose nets see other batches
OWN_ORDERS_TOLERANCE = 0.02  # seen: 0.003 to 0.01, and 0.03 for the scores of other candidates
SEARCH_TOLERANCE = 0.005  # mean difference of scores; float32 sums are ordered differently
PROBABILITY_TOLERANCE = 1e-5
LEAST_AGREEMENT = 0.999  # share of the rows; rounding decides where two classes are as probable


def initial(case: Case, seed: int = 0) -> list[Array]:
    """Return weights and biases, layer by layer, as scikit-learn draws them."""
    random = np.random.RandomState(seed)
    parameters = []
    for n_in, n_out in case.layer_shapes:
        bound = np.sqrt(6 / (n_in + n_out))
        parameters.append(random.uniform(-bound, bound, (n_in, n_out)))
        parameters.append(random.uniform(-bound, bound, n_out))
    return parameters


def verified_part(case: Case, X: Any, y: Any) -> tuple[Any, Any]:
    """Return the rows whose losses are compared."""
    rows = slice(BATCHES * case.batch_size + REMAINDER)
    return X[rows], y[rows]


def loss_curve(case: Case, seed: int = 0, *, correct_first: bool = False) -> Array:
    """Return the mean loss of each of `EPOCHS` epochs."""
    X, y = verified_part(case, *case.load())
    truth = y if case.regression else np.eye(case.n_outputs)[y]
    parameters = initial(case, seed)
    if case.options.get("solver", "adam") == "adam":
        update: Adam | Momentum = Adam(parameters, correct_first=correct_first)
    else:
        update = Momentum(parameters, case.options)
    curve = []
    for _ in range(EPOCHS):
        total = 0.0
        for start in range(0, X.shape[0], case.batch_size):
            rows = slice(start, start + case.batch_size)
            loss, gradients = loss_and_gradients(case, parameters, dense(X[rows]), truth[rows])
            total += loss * len(truth[rows])
            update(gradients)
        curve.append(total / X.shape[0])
    return np.array(curve)


def dense(X: Any) -> Array:
    return np.asarray(X.toarray() if scipy.sparse.issparse(X) else X, dtype=np.float64)


def outputs(case: Case, parameters: list[Array], X: Array) -> list[Array]:
    """Return the samples and the activated outputs of every layer."""
    tanh = case.options.get("activation") == "tanh"
    activated = [X]
    for weights, biases in zip(parameters[::2], parameters[1::2], strict=True):
        z = activated[-1] @ weights + biases
        activated.append(np.tanh(z) if tanh else np.maximum(z, 0.0))
    if case.regression:
        activated[-1] = z
    else:
        exponentials = np.exp(z - z.max(axis=1, keepdims=True))
        activated[-1] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return activated


def loss_and_gradients(
    case: Case, parameters: list[Array], X: Array, truth: Array
) -> tuple[float, list[Array]]:
    alpha = case.options.get("alpha", 0.0)
    l1 = alpha * case.options.get("l1_ratio", 0.0)
    l2 = alpha - l1
    tanh = case.options.get("activation") == "tanh"
    activated = outputs(case, parameters, X)
    n_rows = len(X)
    if case.regression:
        loss = 0.5 * np.mean((activated[-1] - truth) ** 2)
    else:
        loss = -np.sum(truth * np.log(np.maximum(activated[-1], 1e-300))) / n_rows
    gradients: list[Array] = []
    delta = activated[-1] - truth
    for layer in reversed(range(len(case.layer_shapes))):
        weights, below = parameters[2 * layer], activated[layer]
        loss += (0.5 * l2 * np.sum(weights**2) + l1 * np.sum(np.abs(weights))) / n_rows
        penalty = l2 * weights + l1 * np.sign(weights)
        gradients = [(below.T @ delta + penalty) / n_rows, delta.mean(axis=0), *gradients]
        delta = (delta @ weights.T) * (1 - below**2 if tanh else below > 0)
    return float(loss), gradients


class Adam:
    """Kingma and Ba's Adam, in place."""

    def __init__(self, parameters: list[Array], *, correct_first: bool) -> None:
        self.parameters = parameters
        self.correct_first = correct_first
        self.first = [np.zeros_like(p) for p in parameters]
        self.second = [np.zeros_like(p) for p in parameters]
        self.step = 0

    def __call__(self, gradients: list[Array]) -> None:
        self.step += 1
        correction = np.sqrt(1 - BETA_2**self.step)
        rate = LEARNING_RATE * correction / (1 - BETA_1**self.step)
        epsilon = EPSILON * correction if self.correct_first else EPSILON
        moments = zip(self.parameters, self.first, self.second, gradients, strict=True)
        for parameter, first, second, gradient in moments:
            first += (1 - BETA_1) * (gradient - first)
            second += (1 - BETA_2) * (gradient**2 - second)
            parameter -= rate * first / (np.sqrt(second) + epsilon)


class Momentum:
    """Stochastic gradient descent with momentum, Nesterov's or the plain one, in place."""

    def __init__(self, parameters: list[Array], options: Mapping[str, Any]) -> None:
        self.parameters = parameters
        self.momentum = options.get("momentum", 0.9)
        self.nesterov = options.get("nesterovs_momentum", True)
        self.velocities = [np.zeros_like(p) for p in parameters]

    def __call__(self, gradients: list[Array]) -> None:
        moved = zip(self.parameters, self.velocities, gradients, strict=True)
        for parameter, velocity, gradient in moved:
            velocity *= self.momentum
            velocity -= LEARNING_RATE * gradient
            if self.nesterov:
                parameter += self.momentum * velocity - LEARNING_RATE * gradient
            else:
                parameter += velocity


def predicted(case: Case) -> dict[str, Array]:
    """Return the probabilities of the first rows and the classes of all."""
    X, parameters = case.load()[0], initial(case)
    blocks = (X[start : start + PREDICTED_BLOCK] for start in range(0, len(X), PREDICTED_BLOCK))
    return {
        "probabilities": outputs(case, parameters, dense(X[:PREDICTED_ROWS]))[-1],
        "classes": np.concatenate(
            [outputs(case, parameters, dense(block))[-1].argmax(axis=1) for block in blocks]
        ),
    }


def expected(job: str, case: Any, *, correct_first: bool) -> Any:
    """Return what a contender's `check` should answer; None if that is not known beforehand."""
    if job == "search":
        return None
    if job in FORWARD_JOBS:
        return predicted(case)
    if job in POPULATION_JOBS:
        return np.array([loss_curve(case, s, correct_first=correct_first) for s in range(2)])
    return loss_curve(case, correct_first=correct_first)


def difference(job: str, answer: Any, correct: Any) -> float:
    """Return how far an answer lies off.

    At most: relative of losses, absolute of probabilities, infinite where too many classes differ.
    On average: absolute of a search's scores.
    """
    if job in FORWARD_JOBS:
        classes = np.asarray(answer["classes"])
        if len(classes) != len(correct["classes"]):
            return np.inf
        if np.mean(classes == correct["classes"]) < LEAST_AGREEMENT:
            return np.inf
        answer, correct = answer["probabilities"], correct["probabilities"]
    answer, correct = np.asarray(answer, dtype=float), np.asarray(correct, dtype=float)
    off = np.abs(answer - correct if job in (*FORWARD_JOBS, "search") else answer / correct - 1)
    return float(np.mean(off) if job == "search" else np.max(off))


def tolerance(job: str, case: Any, *, own_orders: bool) -> tuple[float, float]:
    """Return the least and the largest difference of an answer that is right."""
    if job in FORWARD_JOBS:
        return 0.0, PROBABILITY_TOLERANCE
    if job == "search":
        return 0.0, OWN_ORDERS_TOLERANCE if own_orders else SEARCH_TOLERANCE
    return DROPOUT_TOLERANCE if case.options.get("dropout") else (0.0, TOLERANCE[case.dtype])


def score(case: Case, truth: Any, z: Any) -> float:
    """Return R2, or the share of rows whose largest output is their class."""
    return float(r2_score(truth, z) if case.regression else accuracy_score(truth, z.argmax(axis=1)))
