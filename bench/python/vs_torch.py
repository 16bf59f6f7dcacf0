"""PyTorch as a contender: eager mode, fused optimizer, tensors made beforehand."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from cases import Case
from jobs import Job
from reference import (
    EPOCHS,
    EPSILON,
    LEARNING_RATE,
    PREDICTED_ROWS,
    SCORED_ROWS,
    initial,
    verified_part,
)
from sklearn.metrics import accuracy_score, r2_score
from torch import Tensor, nn

PACKAGES = ("torch",)
CHUNK = 8_192  # rows predicted at a time


def net_of(case: Case, seed: int = 0) -> nn.Sequential:
    """Return the net with the reference's initial weights."""
    parts: list[nn.Module] = []
    parameters = [torch.from_numpy(p.astype(case.dtype)) for p in initial(case, seed)]
    for weights, biases in zip(parameters[::2], parameters[1::2], strict=True):
        layer = nn.Linear(*weights.shape, dtype=weights.dtype)
        with torch.no_grad():
            layer.weight.copy_(weights.T)
            layer.bias.copy_(biases)
        parts += [layer, nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def half_squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean over the samples, summed over the outputs."""
    return 0.5 * (outputs - targets).square().sum() / len(targets)


def adam(parameters: Iterable[Any], **more: Any) -> torch.optim.Adam:
    given = {"lr": LEARNING_RATE, "eps": EPSILON, "fused": True, **more}
    return torch.optim.Adam(parameters, **given)


class Training:
    """A net on its way."""

    def __init__(self, case: Case, seed: int = 0) -> None:
        self.net = net_of(case, seed)
        self.loss = half_squared_error if case.regression else nn.functional.cross_entropy
        self.optimizer = adam(self.net.parameters())
        self.batch_size = case.batch_size
        self.start = {name: value.clone() for name, value in self.net.state_dict().items()}

    def reset(self) -> None:
        self.net.load_state_dict(self.start)
        self.optimizer.state.clear()

    def epoch(self, X: Tensor, y: Tensor) -> list[Tensor]:
        """Do one epoch in the order of the rows; return the losses of the batches."""
        losses = []
        batches = zip(X.split(self.batch_size), y.split(self.batch_size), strict=True)
        for X_batch, y_batch in batches:
            loss = self.loss(self.net(X_batch), y_batch)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            losses.append(loss)
        return losses

    def epochs(self, n_epochs: int, X: Tensor, y: Tensor) -> None:
        for _ in range(n_epochs):
            order = torch.randperm(len(X))
            self.epoch(X[order], y[order])


class Fit(Job):
    """Trainings of one net, or of several one after another."""

    training = Training

    def __init__(self, case: Case, threads: int) -> None:
        torch.set_num_threads(threads)
        self.case = case
        self.X, self.y = (torch.from_numpy(part) for part in case.load())
        self.trainings = [self.training(case, seed) for seed in range(case.n_nets)]

    def curve(self, training: Training) -> list[float]:
        X, y = verified_part(self.case, self.X, self.y)
        weights = [len(rows) / len(X) for rows in X.split(self.case.batch_size)]
        scale = self.case.n_outputs if self.case.regression else 1
        epochs = [[loss.item() for loss in training.epoch(X, y)] for _ in range(EPOCHS)]
        return [float(np.dot(weights, losses)) / scale for losses in epochs]

    def check(self) -> Any:
        return self.curve(self.trainings[0])

    def reset(self) -> None:
        for training in self.trainings:
            training.reset()

    def run(self, passes: int) -> None:
        for training in self.trainings:
            training.epochs(passes, self.X, self.y)

    def score(self) -> float:
        return score(self.case, self.trainings[0].net, self.X, self.y)


class Population(Fit):
    """Nets of different initial weights, one after another."""

    def check(self) -> list[list[float]]:
        return [self.curve(training) for training in self.trainings[:2]]


def score(case: Case, net: nn.Module, X: Tensor, y: Tensor) -> float:
    with torch.inference_mode():
        z = net(X[:SCORED_ROWS]).numpy()
    truth = y[:SCORED_ROWS].numpy()
    return float(r2_score(truth, z) if case.regression else accuracy_score(truth, z.argmax(axis=1)))


class Predict(Job):
    """In chunks, without gradients."""

    def __init__(self, case: Case, threads: int) -> None:
        torch.set_num_threads(threads)
        self.net = net_of(case)
        self.chunks = torch.from_numpy(case.load()[0]).split(CHUNK)

    def check(self) -> list[list[float]]:
        with torch.inference_mode():
            rows: list[list[float]] = self.net(self.chunks[0][:PREDICTED_ROWS]).softmax(1).tolist()
        return rows

    def run(self, passes: int) -> None:
        with torch.inference_mode():
            for _ in range(passes):
                torch.cat([self.net(chunk).argmax(dim=1) for chunk in self.chunks]).numpy()


JOBS = {"fit": Fit, "population": Population, "predict": Predict}
