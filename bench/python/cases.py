"""The nets and data that the benchmarks time, and the arithmetic that they count."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

Samples = tuple[NDArray[np.float32], NDArray[np.int64]]


def digits() -> Samples:
    """1,797 images of 8 x 8 pixels, scaled to [0, 1]; 10 classes."""
    X, y = load_digits(return_X_y=True)
    return np.ascontiguousarray(X / 16.0, dtype=np.float32), y


def synthetic() -> Samples:
    """50,000 x 100 normal features; 10 classes, each the largest of ten noisy linear scores."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50_000, 100), dtype=np.float32)
    directions = rng.standard_normal((100, 10), dtype=np.float32)
    scores = X @ directions
    scores += 3 * rng.standard_normal(scores.shape, dtype=np.float32)
    return X, scores.argmax(axis=1)


@dataclass(frozen=True)
class Case:
    """One net on one data set, with the figures that it should reach."""

    name: str
    load: Callable[[], Samples]
    n_inputs: int
    hidden: tuple[int, ...]
    n_outputs: int
    batch_size: int
    epochs: int  # long enough that a fit's fixed cost does not count
    goal_peak_share: float
    goal_speedup: float

    @property
    def layer_shapes(self) -> list[tuple[int, int]]:
        return list(pairwise((self.n_inputs, *self.hidden, self.n_outputs)))

    @property
    def flops_per_sample(self) -> int:
        """Of the products: forward, weight gradients, and data gradients beyond the first layer."""
        products = [2 * n_in * n_out for n_in, n_out in self.layer_shapes]
        return 2 * sum(products) + sum(products[1:])

    @property
    def parameters(self) -> dict[str, Any]:
        """Arguments that mean the same to nnhp's and scikit-learn's MLPClassifier."""
        return {
            "hidden_layer_sizes": self.hidden,
            "batch_size": self.batch_size,
            "random_state": 0,
            "tol": 0.0,
            "n_iter_no_change": 1_000_000,
        }


DIGITS = Case("64-100-10 on digits", digits, 64, (100,), 10, 32, 100, 0.50, 12.0)
SYNTHETIC = Case("100-256-256-10 on 50,000 rows", synthetic, 100, (256, 256), 10, 256, 3, 0.80, 1.8)
CASES = {"digits": DIGITS, "synthetic": SYNTHETIC}
