"""The engine against PyTorch: from the same weights, over the same batches, in float64."""

from itertools import pairwise

import numpy as np
import pytest
from helpers import N_FEATURES, N_SAMPLES, one_thread, problem
from numpy.testing import assert_allclose

from nnhp import _core

torch = pytest.importorskip("torch")

SIZES = [N_FEATURES, 9, 5]  # without the output
ALPHA, L1_RATIO, BATCH, EPOCHS = 0.3, 0.4, 20, 6
ACTIVATIONS = {
    "identity": lambda z: z,
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky_relu": lambda z: torch.nn.functional.leaky_relu(z, 0.2),
    "elu": torch.nn.functional.elu,
    "selu": torch.nn.functional.selu,
    "silu": torch.nn.functional.silu,
    "mish": torch.nn.functional.mish,
    "softplus": torch.nn.functional.softplus,
    # PyTorch's own takes a sixth in single precision, whatever the dtype.
    "hard_sigmoid": lambda z: torch.clamp((z + 3) / 6, 0, 1),
}
# solver -> (engine's parameters, PyTorch's, which adds epsilon elsewhere but in Adadelta)
SOLVERS = {
    "sgd": ({}, lambda p: torch.optim.SGD(p, lr=0.05)),
    "momentum": ({"momentum": 0.8}, lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.8)),
    "nesterov": (
        {"momentum": 0.8},
        lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.8, nesterov=True),
    ),
    "adam": (
        {"beta_1": 0.85, "beta_2": 0.95, "epsilon": 1e-30},
        lambda p: torch.optim.Adam(p, lr=0.05, betas=(0.85, 0.95), eps=1e-30),
    ),
    "amsgrad": (
        {"beta_1": 0.85, "beta_2": 0.5, "epsilon": 1e-30},
        lambda p: torch.optim.Adam(p, lr=0.05, betas=(0.85, 0.5), eps=1e-30, amsgrad=True),
    ),
    "rmsprop_centered_momentum": (
        {"rho": 0.9, "momentum": 0.6, "epsilon": 1e-30},
        lambda p: torch.optim.RMSprop(
            p, lr=0.05, alpha=0.9, eps=1e-30, momentum=0.6, centered=True
        ),
    ),
    "adagrad": (
        {"initial_accumulator_value": 0.2, "epsilon": 1e-30},
        lambda p: torch.optim.Adagrad(p, lr=0.05, initial_accumulator_value=0.2, eps=1e-30),
    ),
    "adadelta": (
        {"rho": 0.8, "epsilon": 1e-3},
        lambda p: torch.optim.Adadelta(p, lr=0.05, rho=0.8, eps=1e-3),
    ),
    "adamw": (
        {"name": "adam", "beta_1": 0.85, "beta_2": 0.95, "epsilon": 1e-30, "weight_decay": 0.2},
        lambda p: torch.optim.AdamW(p, lr=0.05, betas=(0.85, 0.95), eps=1e-30, weight_decay=0.2),
    ),
}
# kind of problem -> (output activation, loss of the engine)
KINDS = {
    "binary": ("logistic", "binary_log_loss"),
    "multiclass": ("softmax", "log_loss"),
    "multilabel": ("logistic", "binary_log_loss"),
    "two targets": ("identity", "squared_error"),
    "counts": ("exp", "poisson"),
}


def sample_losses(kind, z, y):
    """Loss of each sample, from the outputs before their activation."""
    functional = torch.nn.functional
    if kind == "multiclass":
        return functional.cross_entropy(z, y, reduction="none")
    y = y.reshape(len(z), -1).double()
    if kind in ("binary", "multilabel"):
        return functional.binary_cross_entropy_with_logits(z, y, reduction="none").sum(1)
    if kind == "counts":
        return (torch.special.xlogy(y, y) - y * z - y + z.exp()).sum(1)
    return ((z - y) ** 2).mean(1) / 2


class TorchNet:
    """The net and its training, written with PyTorch's own parts."""

    def __init__(self, kind, activation, flat, sizes):
        self.kind, self.activation = kind, ACTIVATIONS[activation]
        self.layers = []
        start = 0
        for inputs, outputs in pairwise(sizes):
            for shape in ((inputs, outputs), (outputs,)):
                stop = start + int(np.prod(shape))
                values = torch.tensor(flat[start:stop].reshape(shape), requires_grad=True)
                self.layers.append(values)
                start = stop

    def outputs(self, X):
        a = torch.as_tensor(X)
        for i in range(0, len(self.layers), 2):
            a = (self.activation(a) if i else a) @ self.layers[i] + self.layers[i + 1]
        return a

    def losses(self, X, y, weight):
        """The loss that is reported, and the one that is descended.

        As in scikit-learn these differ for squared errors: the first is averaged over the
        outputs, the second is their sum.
        """
        losses = sample_losses(self.kind, self.outputs(X), torch.as_tensor(y))
        n_terms = self.layers[-1].numel() if self.kind == "two targets" else 1
        weight = torch.as_tensor(weight)
        penalty = sum(
            (1 - L1_RATIO) / 2 * (w**2).sum() + L1_RATIO * w.abs().sum() for w in self.layers[::2]
        )
        return (
            float(((losses * weight).sum() + ALPHA * penalty).detach() / weight.sum()),
            (n_terms * (losses * weight).sum() + ALPHA * penalty) / weight.sum(),
        )

    def flat(self):
        return np.concatenate([values.detach().numpy().ravel() for values in self.layers])

    def train(self, make_optimizer, X, y, weight, orders):
        optimizer = make_optimizer(self.layers)
        curve = []
        for order in orders:
            total = 0.0
            for start in range(0, len(order), BATCH):
                rows = order[start : start + BATCH]
                optimizer.zero_grad()
                reported, descended = self.losses(X[rows], y[rows], weight[rows])
                descended.backward()
                optimizer.step()
                total += reported * len(rows)
            curve.append(total / len(order))
        return curve


def engine_parts(kind, activation, solver="adam", **parameters):
    """Specs, data set and targets of a problem for the engine."""
    X, y = problem(kind)
    output, loss = KINDS[kind]
    n_outputs = int(y.max()) + 1 if kind == "multiclass" else y.reshape(len(y), -1).shape[1]
    net = _core.NetSpec(
        n_inputs=N_FEATURES,
        hidden=[(units, [activation]) for units in SIZES[1:]],
        n_outputs=n_outputs,
        output_activation=output,
        dtype="float64",
    )
    train = _core.TrainSpec(
        loss=loss,
        optimizer={"name": solver, **parameters},
        batch_size=BATCH,
        max_epochs=EPOCHS,
        schedule_horizon=EPOCHS,
        l2=ALPHA * (1 - L1_RATIO),
        l1=ALPHA * L1_RATIO,
        schedule={"name": "constant", "initial": 0.05},
        tol=0.0,
    )
    if kind in ("binary", "multiclass"):
        data = _core.Dataset(X, class_ids=y.astype(np.int32))
    else:
        data = _core.Dataset(X, targets=y.reshape(len(y), -1).astype(np.float64))
    flat = np.random.RandomState(2).uniform(-0.5, 0.5, net.n_parameters)
    return net, train, data, flat, X, y


def sample_weights():
    return np.random.RandomState(4).uniform(0.1, 2, N_SAMPLES)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_trajectory(activation, solver, kind):
    parameters, make_optimizer = SOLVERS[solver]
    net, train, data, flat, X, y = engine_parts(kind, activation, solver, **parameters)
    weight = sample_weights()
    rng = np.random.RandomState(8)
    orders = [rng.permutation(N_SAMPLES).astype(np.int32) for _ in range(EPOCHS)]
    session = _core.Session(
        net,
        train,
        _core.TrainingSet(data, sample_weight=weight, validation_data=data),
        _core.Start(flat),
    )
    for order in orders:
        session.set_order(order)
        _core.train_many([session], 1, 1)

    theirs = TorchNet(kind, activation, flat, [*SIZES, net.layer_shapes[-1][1]])
    curve = theirs.train(make_optimizer, X, y, weight, orders)
    assert_allclose(session.loss_curve, curve, rtol=1e-9)
    assert_allclose(session.parameters, theirs.flat(), rtol=1e-8, atol=1e-10)
    last = sample_losses(kind, theirs.outputs(X), torch.as_tensor(y)).mean().item()
    assert session.validation_loss_curve[-1] == pytest.approx(last, rel=1e-8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_objective_and_its_gradient(activation, kind):
    net, train, data, flat, X, y = engine_parts(kind, activation)
    weight = sample_weights()
    training_set = _core.TrainingSet(data, sample_weight=weight)
    value, gradient = _core.Objective(net, train, training_set)(flat)
    theirs = TorchNet(kind, activation, flat, [*SIZES, net.layer_shapes[-1][1]])
    reported, descended = theirs.losses(X, y, weight)
    descended.backward()
    expected = np.concatenate([values.grad.numpy().ravel() for values in theirs.layers])
    assert value == pytest.approx(reported, rel=1e-12)
    assert_allclose(gradient, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_predictions(kind):
    net, _, _, flat, X, _ = engine_parts(kind, "tanh")
    z = TorchNet(kind, "tanh", flat, [*SIZES, net.layer_shapes[-1][1]]).outputs(X)
    activate = {
        "identity": lambda z: z,
        "logistic": torch.sigmoid,
        "softmax": lambda z: torch.softmax(z, 1),
        "exp": torch.exp,
    }[KINDS[kind][0]]
    expected = activate(z).detach().numpy()
    assert_allclose(_core.Predictor(net, flat).outputs(X, one_thread), expected, rtol=1e-12)
