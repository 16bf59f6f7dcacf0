"""Normalized nets against PyTorch's: trajectories, moving statistics and predictions."""

import numpy as np
import pytest
from helpers import STOPS_EARLY, problem
from numpy.testing import assert_allclose
from sklearn.base import clone

from nnhp import MLPRegressor
from nnhp.activations import Maxout, PReLU

torch = pytest.importorskip("torch")

pytestmark = STOPS_EARLY


class Maximum(torch.nn.Module):
    def forward(self, z):
        return z.reshape(len(z), 3, -1).max(dim=1).values


# The activation here and there, columns per unit.
ACTIVATIONS = {
    "gelu": ("gelu", lambda units: torch.nn.GELU(), 1),
    "tanh": ("tanh", lambda units: torch.nn.Tanh(), 1),
    "prelu": (PReLU(0.3), lambda units: torch.nn.PReLU(units, init=0.3, dtype=torch.float64), 1),
    "maxout": (Maxout(3), lambda units: Maximum(), 3),
}


def torch_net(net, kind, make_activation, pieces):
    """The same net in PyTorch, with the weights of a fitted one that has not moved."""
    layers = []
    for weights, biases in zip(net.coefs_, net.intercepts_, strict=True):
        linear = torch.nn.Linear(*weights.shape)
        linear.weight.data, linear.bias.data = torch.tensor(weights.T), torch.tensor(biases)
        layers.append(linear)
        if len(layers) == 1 + 3 * (len(net.coefs_) - 1):
            break
        columns = len(biases)
        norm = torch.nn.BatchNorm1d if kind == "batch" else torch.nn.LayerNorm
        layers += [norm(columns, eps=1e-3), make_activation(columns // pieces)]
    return torch.nn.Sequential(*layers).double()


def moments_of_batches(module, moments):
    """Record mean and biased variance of what goes into a module in training."""

    def record(_, inputs):
        if module.training:
            moments.append(
                [m.detach().numpy() for m in (inputs[0].mean(0), inputs[0].var(0, False))]
            )

    module.register_forward_pre_hook(record)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", ["batch", "layer"])
def test_trajectories_are_those_of_pytorch(kind, activation):
    X, y = problem("one target")
    given, make_activation, pieces = ACTIVATIONS[activation]
    options = {"normalization": kind, "activation": given, "alpha": 0.0, "shuffle": False,
               "solver": "sgd", "momentum": 0.0}  # fmt: skip
    net = MLPRegressor(
        hidden_layer_sizes=(6, 5), **options, batch_size=20, learning_rate_init=0.05, max_iter=3,
        random_state=0,
    )  # fmt: skip
    start = clone(net).set_params(learning_rate_init=1e-300, max_iter=1).fit(X, y)
    net.fit(X, y)
    peer = torch_net(start, kind, make_activation, pieces)
    norms = [
        module for module in peer if isinstance(module, torch.nn.BatchNorm1d | torch.nn.LayerNorm)
    ]
    moments = [[] for _ in norms]
    for norm, recorded in zip(norms, moments, strict=True):
        moments_of_batches(norm, recorded)
    descent = torch.optim.SGD(peer.parameters(), lr=0.05)
    for _ in range(3):
        for first in range(0, len(X), 20):
            rows = slice(first, first + 20)
            loss = (
                0.5 * (peer(torch.tensor(X[rows])).ravel() - torch.tensor(y[rows])).square().mean()
            )
            descent.zero_grad()
            loss.backward()
            descent.step()
    linear = [module for module in peer if isinstance(module, torch.nn.Linear)]
    for layer, weights, biases in zip(linear, net.coefs_, net.intercepts_, strict=True):
        assert_allclose(weights, layer.weight.detach().numpy().T, rtol=1e-8, atol=1e-10)
        assert_allclose(biases, layer.bias.detach().numpy(), rtol=1e-8, atol=1e-10)
    for norm, own in zip(norms, net.norm_params_, strict=True):
        assert_allclose(own["scale"], norm.weight.detach().numpy(), rtol=1e-8)
        assert_allclose(own["shift"], norm.bias.detach().numpy(), rtol=1e-8, atol=1e-10)
    if activation == "prelu":
        for module, slopes in zip(list(peer)[2::3], net.activation_params_, strict=True):
            assert_allclose(slopes, module.weight.detach().numpy(), rtol=1e-8)
    peer.eval()
    if kind == "batch":
        for norm, recorded, own in zip(norms, moments, net.norm_params_, strict=True):
            mean, variance = np.zeros(len(own["mean"])), np.ones(len(own["mean"]))
            for of_batch in recorded:
                mean, variance = (
                    0.99 * mean + 0.01 * of_batch[0],
                    0.99 * variance + 0.01 * of_batch[1],
                )
            assert_allclose(own["mean"], mean, rtol=1e-8, atol=1e-10)
            assert_allclose(own["variance"], variance, rtol=1e-8)
            norm.running_mean, norm.running_var = torch.tensor(mean), torch.tensor(variance)
    with torch.no_grad():
        assert_allclose(
            net.predict(X), peer(torch.tensor(X)).numpy().ravel(), rtol=1e-8, atol=1e-10
        )
