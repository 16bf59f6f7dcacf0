"""PyTorch as a contender with `torch.compile` over a whole step: loss, gradients and Adam.

A compiled net beside the fused optimizer, as in most tutorials, takes two to four times as long on
small nets.
"""

from typing import Any

import torch
import vs_torch
from cases import Case
from reference import BETA_1, BETA_2, EPSILON, LEARNING_RATE
from torch import Tensor
from torch.func import functional_call, grad_and_value

PACKAGES = vs_torch.PACKAGES


class Training(vs_torch.Training):
    """A net on its way, in steps compiled for fixed shapes."""

    def __init__(self, case: Case, seed: int = 0) -> None:
        super().__init__(case, seed)
        # Updated in place, so the net has them too.
        self.parameters = {name: p.detach() for name, p in self.net.named_parameters()}
        self.first = {name: torch.zeros_like(p) for name, p in self.parameters.items()}
        self.second = {name: torch.zeros_like(p) for name, p in self.parameters.items()}
        self.count = torch.zeros((), dtype=getattr(torch, case.dtype))
        self.compiled = torch.compile(self.step, dynamic=False)

    def reset(self) -> None:
        super().reset()
        for tensor in (*self.first.values(), *self.second.values(), self.count):
            tensor.zero_()

    def mean_loss(self, parameters: dict[str, Tensor], X: Tensor, y: Tensor) -> Tensor:
        loss: Tensor = self.loss(functional_call(self.net, parameters, (X,)), y)
        return loss

    def step(self, state: list[Any], count: Tensor, X: Tensor, y: Tensor) -> Tensor:
        parameters, first, second = state
        gradients, loss = grad_and_value(self.mean_loss)(parameters, X, y)
        count += 1
        rate = LEARNING_RATE / (1 - BETA_1**count)
        correction = torch.sqrt(1 - BETA_2**count)
        for name, parameter in parameters.items():
            gradient = gradients[name]
            m = first[name].mul_(BETA_1).add_(gradient, alpha=1 - BETA_1)
            v = second[name].mul_(BETA_2).addcmul_(gradient, gradient, value=1 - BETA_2)
            parameter.sub_(rate * m / (v.sqrt() / correction + EPSILON))
        return loss

    @torch.no_grad()
    def epoch(self, X: Tensor, y: Tensor) -> list[Tensor]:
        state = [self.parameters, self.first, self.second]
        batches = zip(X.split(self.batch_size), y.split(self.batch_size), strict=True)
        return [self.compiled(state, self.count, *batch) for batch in batches]


class Fit(vs_torch.Fit):
    """A training of one net."""

    training = Training


JOBS = {"fit": Fit}
