"""PyTorch as a contender: eager mode, fused optimizer, tensors made beforehand."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import reference
import torch
from cases import Case
from joblib import Parallel, delayed
from jobs import Job, prediction, require_plain
from reference import (
    EPOCHS,
    EPSILON,
    LEARNING_RATE,
    PREDICTED_ROWS,
    SCORED_ROWS,
    initial,
    verified_part,
)
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

PACKAGES = ("torch",)
CHUNK = 1_024  # rows predicted at a time
# Bytes of samples of which an epoch takes one permuted copy; of more it gathers each batch.
PERMUTED_AT_MOST = 64_000_000


def parameters_of(case: Case, seed: int = 0) -> list[Tensor]:
    """Return the reference's initial weights, transposed as PyTorch has them, and biases."""
    parameters = [torch.from_numpy(p.astype(case.dtype)) for p in initial(case, seed)]
    return [p.T.contiguous() if p.ndim == 2 else p for p in parameters]


def outputs(parameters: Sequence[Tensor], X: Tensor) -> Tensor:
    """Return the outputs of a net; functions take a tenth less time than modules on small nets."""
    for weights, biases in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        X = linear(X, weights, biases).relu_()
    return linear(X, *parameters[-2:])


class Net(nn.Module):
    """A net with the reference's initial weights."""

    def __init__(self, case: Case, seed: int = 0) -> None:
        super().__init__()
        require_plain(case)
        self.tensors = [nn.Parameter(p) for p in parameters_of(case, seed)]
        self.registered = nn.ParameterList(self.tensors)  # which is slow to read

    def forward(self, X: Tensor) -> Tensor:
        return outputs(self.tensors, X)


def half_squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean over the samples, summed over the outputs."""
    return 0.5 * (outputs - targets).square().sum() / len(targets)


def adam(parameters: Iterable[Any], **more: Any) -> torch.optim.Adam:
    given = {"lr": LEARNING_RATE, "eps": EPSILON, "fused": True, **more}
    return torch.optim.Adam(parameters, **given)


class Training:
    """A net on its way."""

    def __init__(self, case: Case, seed: int = 0) -> None:
        self.net = Net(case, seed)
        self.parameters = self.net.tensors
        self.loss = half_squared_error if case.regression else cross_entropy
        self.batch_size = case.batch_size
        self.optimizer = adam(self.parameters)
        self.start = [p.detach().clone() for p in self.parameters]

    @torch.no_grad()
    def reset(self) -> None:
        for parameter, value in zip(self.parameters, self.start, strict=True):
            parameter.copy_(value)
        self.optimizer.state.clear()

    def step(self, X: Tensor, y: Tensor) -> Tensor:
        """Do one step; return the loss before it."""
        loss = self.loss(outputs(self.parameters, X), y)
        self.descend(loss)
        return loss

    def descend(self, loss: Tensor) -> None:
        gradients = torch.autograd.grad(loss, self.parameters)
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient
        self.optimizer.step()

    def batches(self, X: Tensor, y: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        return zip(X.split(self.batch_size), y.split(self.batch_size), strict=True)

    def shuffled_batches(self, X: Tensor, y: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.randperm(len(X))
        if X.nbytes <= PERMUTED_AT_MOST:
            return self.batches(X[order], y[order])
        batches = order.split(self.batch_size)
        return ((X.index_select(0, rows), y.index_select(0, rows)) for rows in batches)

    def epochs(self, n_epochs: int, X: Tensor, y: Tensor) -> None:
        for _ in range(n_epochs):
            for batch in self.shuffled_batches(X, y):
                self.step(*batch)


class Fit(Job):
    """Trainings of one net, or of several one after another."""

    training = Training

    def __init__(self, case: Case, threads: int) -> None:
        torch.set_num_threads(threads)
        self.case, self.threads = case, threads
        self.X, self.y = (torch.from_numpy(part) for part in case.load())
        self.trainings = self.begun()

    def begun(self) -> list[Any]:
        return [self.training(self.case, seed) for seed in range(self.case.n_nets)]

    def curve(self, training: Training) -> Any:
        """Return the losses of the first epochs; of each net, if there are several."""
        X, y = verified_part(self.case, self.X, self.y)
        weights = np.array([len(rows) / len(X) for rows in X.split(self.case.batch_size)])
        scale = self.case.n_outputs if self.case.regression else 1
        epochs = [
            weights @ [training.step(*batch).detach().numpy() for batch in training.batches(X, y)]
            for _ in range(EPOCHS)
        ]
        return (np.array(epochs).T / scale).tolist()

    def check(self) -> Any:
        return self.curve(self.trainings[0])

    def reset(self) -> None:
        for training in self.trainings:
            training.reset()

    def run(self, passes: int) -> None:
        for training in self.trainings:
            training.epochs(passes, self.X, self.y)

    def score(self) -> float:
        with torch.inference_mode():
            z = outputs(self.first_net(), self.X[:SCORED_ROWS])
        return reference.score(self.case, self.y[:SCORED_ROWS].numpy(), z.numpy())

    def first_net(self) -> Sequence[Tensor]:
        return self.trainings[0].parameters


class Population(Fit):
    """Nets of different initial weights, one after another."""

    def check(self) -> Any:
        return [self.curve(training) for training in self.trainings[:2]]


class StackedTraining(Training):
    """Classifiers of different initial weights on their way together; they share the orders."""

    def __init__(self, case: Case, seeds: Iterable[int]) -> None:
        require_plain(case)
        nets = [initial(case, seed) for seed in seeds]
        # Not transposed: the fused Adam misreads gradients whose strides are not the weights'.
        stacks = [np.stack(alike).astype(case.dtype) for alike in zip(*nets, strict=True)]
        self.parameters = [nn.Parameter(torch.from_numpy(stack)) for stack in stacks]
        self.batch_size, self.n_nets = case.batch_size, len(nets)
        self.optimizer = adam(self.parameters)
        self.start = [p.detach().clone() for p in self.parameters]

    def step(self, X: Tensor, y: Tensor) -> Tensor:
        """Do one step of each net; return their losses before it."""
        n_rows = len(X)
        X = X.expand(self.n_nets, *X.shape)
        *hidden, (weights, biases) = zip(self.parameters[::2], self.parameters[1::2], strict=True)
        for below, offsets in hidden:
            X = torch.baddbmm(offsets[:, None], X, below).relu_()
        z = torch.baddbmm(biases[:, None], X, weights)
        losses = cross_entropy(z.flatten(0, 1), y.repeat(self.n_nets), reduction="none")
        means = losses.view(self.n_nets, n_rows).mean(dim=1)
        self.descend(means.sum())
        return means


def trained(training: Training, passes: int, X: Tensor, y: Tensor) -> Training:
    torch.set_num_threads(1)
    training.epochs(passes, X, y)
    return training


class Stacked(Fit):
    """Nets of different initial weights, stacked, in as many processes as threads are allowed."""

    def begun(self) -> list[Any]:
        shares = [range(self.case.n_nets)[part :: self.threads] for part in range(self.threads)]
        return [StackedTraining(self.case, seeds) for seeds in shares]

    def check(self) -> Any:
        return self.curve(StackedTraining(self.case, range(2)))

    def run(self, passes: int) -> None:
        self.trainings = Parallel(self.threads)(
            delayed(trained)(training, passes, self.X, self.y) for training in self.trainings
        )

    def first_net(self) -> Sequence[Tensor]:
        firsts = [p[0] for p in self.trainings[0].parameters]
        return [p.mT if p.ndim == 2 else p for p in firsts]


class Predict(Job):
    """In chunks, without gradients."""

    def __init__(self, case: Case, threads: int) -> None:
        torch.set_num_threads(threads)
        self.chunks = torch.from_numpy(case.load()[0]).split(CHUNK)
        self.net: Any = Net(case)

    def check(self) -> Any:
        with torch.inference_mode():
            return prediction(self.net(self.chunks[0][:PREDICTED_ROWS]).softmax(1), self.predicted)

    def run(self, passes: int) -> None:
        with torch.inference_mode():
            for _ in range(passes):
                classes = [self.net(chunk).argmax(dim=1) for chunk in self.chunks]
                self.predicted = torch.cat(classes).numpy()


class Compiled(Predict):
    """The same by a net that was traced and frozen beforehand."""

    def __init__(self, case: Case, threads: int) -> None:
        super().__init__(case, threads)
        with torch.inference_mode():
            self.net = torch.jit.freeze(torch.jit.trace(self.net.eval(), self.chunks[0]))


JOBS = {
    "fit": Fit,
    "population": Population,
    "stacked": Stacked,
    "predict": Predict,
    "compiled": Compiled,
}
