"""skorch as a contender: scikit-learn's face on PyTorch, without callbacks, batches cut at once."""

from typing import Any

import torch
from cases import Case
from jobs import Job
from reference import EPOCHS, EPSILON, LEARNING_RATE, SCORED_ROWS, verified_part
from skorch import NeuralNetClassifier, NeuralNetRegressor
from torch import nn
from torch.utils.data import Dataset
from vs_torch import Net, half_squared_error

PACKAGES = ("skorch", "torch")


class HalfSquaredError(nn.Module):
    """Mean over the samples, summed over the outputs."""

    def forward(self, outputs: Any, targets: Any) -> Any:
        return half_squared_error(outputs, targets)


class Rows(Dataset[Any]):
    """Samples that are taken a batch at a time, not one by one."""

    def __init__(self, X: Any, y: Any = None) -> None:
        self.X = torch.from_numpy(X)
        self.y = torch.zeros(len(X)) if y is None else torch.from_numpy(y)

    def __len__(self) -> int:
        return len(self.X)

    def __getitems__(self, rows: list[int]) -> Any:
        return self.X[rows], self.y[rows]


def batch_itself(batch: Any) -> Any:
    return batch


class Fit(Job):
    """A whole `fit`."""

    def __init__(self, case: Case, threads: int) -> None:
        torch.set_num_threads(threads)
        self.case = case
        self.X, self.y = case.load()

    def model(self, **more: Any) -> Any:
        face = NeuralNetRegressor if self.case.regression else NeuralNetClassifier
        criterion = HalfSquaredError if self.case.regression else nn.CrossEntropyLoss
        return face(
            Net(self.case),
            criterion=criterion,
            optimizer=torch.optim.Adam,
            optimizer__fused=True,
            optimizer__eps=EPSILON,
            lr=LEARNING_RATE,
            batch_size=self.case.batch_size,
            dataset=Rows,
            iterator_train__collate_fn=batch_itself,
            iterator_valid__collate_fn=batch_itself,
            train_split=None,
            callbacks="disable",
            verbose=0,
            **more,
        )

    def check(self) -> list[float]:
        X, y = verified_part(self.case, self.X, self.y)
        fitted = self.model(max_epochs=EPOCHS, iterator_train__shuffle=False).fit(X, y)
        scale = self.case.n_outputs if self.case.regression else 1
        batches = fitted.history[:, "batches", :, ("train_loss", "train_batch_size")]
        return [sum(loss * n for loss, n in epoch) / len(X) / scale for epoch in batches]

    def run(self, passes: int) -> None:
        model = self.model(max_epochs=passes, iterator_train__shuffle=True)
        self.fitted = model.fit(self.X, self.y)

    def score(self) -> float:
        return float(self.fitted.score(self.X[:SCORED_ROWS], self.y[:SCORED_ROWS]))


JOBS = {"fit": Fit}
