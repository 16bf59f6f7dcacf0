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
from torch._dynamo import config
from torch.func import grad_and_value

PACKAGES = vs_torch.PACKAGES
# Otherwise what is not compiled runs in eager mode, and only a log would tell.
config.fail_on_recompile_limit_hit = True


class Training(vs_torch.Training):
    """A net on its way, in steps compiled for the batches of an epoch, the last one's size too."""

    def __init__(self, case: Case, seed: int = 0) -> None:
        super().__init__(case, seed)
        self.parameters = [p.detach() for p in self.parameters]
        self.first, self.second = ([torch.zeros_like(p) for p in self.parameters] for _ in range(2))
        self.count = torch.zeros((), dtype=getattr(torch, case.dtype))
        self.sizes = {case.batch_size, case.n_rows % case.batch_size}
        # A limit on how often a function is compiled holds for all trainings of this process.
        torch.compiler.reset()
        self.compiled = torch.compile(self.whole_step, dynamic=False, fullgraph=True)

    def reset(self) -> None:
        super().reset()
        for tensor in (*self.first, *self.second, self.count):
            tensor.zero_()

    def mean_loss(self, parameters: list[Tensor], X: Tensor, y: Tensor) -> Tensor:
        loss: Tensor = self.loss(vs_torch.outputs(parameters, X), y)
        return loss

    def whole_step(self, state: list[Any], count: Tensor, X: Tensor, y: Tensor) -> Tensor:
        gradients, loss = grad_and_value(self.mean_loss)(state[0], X, y)
        count += 1
        rate = LEARNING_RATE / (1 - BETA_1**count)
        correction = torch.sqrt(1 - BETA_2**count)
        for parameter, m, v, gradient in zip(*state, gradients, strict=True):
            m.mul_(BETA_1).add_(gradient, alpha=1 - BETA_1)
            v.mul_(BETA_2).addcmul_(gradient, gradient, value=1 - BETA_2)
            parameter.sub_(rate * m / (v.sqrt() / correction + EPSILON))
        return loss

    def step(self, X: Tensor, y: Tensor) -> Tensor:
        """Do one step, compiled unless its size is only that of a check's last batch."""
        do = self.compiled if len(X) in self.sizes else self.whole_step
        loss: Tensor = do([self.parameters, self.first, self.second], self.count, X, y)
        return loss


class Fit(vs_torch.Fit):
    """A training of one net."""

    training = Training


JOBS = {"fit": Fit}
