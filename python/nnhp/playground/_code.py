"""A program that does what the playground shows, to be pasted anywhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnhp._component import Component
from nnhp.playground._net import class_of, parameters_of
from nnhp.playground._options import OWN, dataset_of, features_of
from nnhp.playground._original import activations_of, sequential_of
from nnhp.playground._problem import Problem, maker_of, seed_of


def code_of(options: Mapping[str, Any], problem: Problem, epochs: int, own: Any = None) -> str:
    """The text of a program that learns the same, to the same losses.

    Parameters
    ----------
    options : mapping
        All options.
    problem : Problem
        What they set.
    epochs : int
        How long to learn.
    own : OwnTable or None
        The user's data.
    """
    make = _original if options["engine"] == "original" else _estimator
    names, imports, program = make(options, problem, epochs)
    if dataset_of(options) == OWN:
        data, more = _own_data(options, own)
    else:
        data, more = _made_up_data(options)
        names = ["FeatureExpansion", *names]
    return f"""\
{_sorted(more + imports)}
from nnhp import {", ".join(names)}

{data}
n_train = {problem.n_train!r}

{program}"""


def _sorted(imports: list[str]) -> str:
    """Lines of imports: of the standard library, of others, of nnhp."""
    modules = {line: line.split()[1].partition(".")[0] for line in imports}
    return "\n".join(
        sorted(modules, key=lambda line: (_place_of(modules[line]), line)),
    )


def _place_of(module: str) -> int:
    return 0 if module in sys.stdlib_module_names else 2 if module == "nnhp" else 1


def _estimator(
    options: Mapping[str, Any], problem: Problem, epochs: int
) -> tuple[list[str], list[str], str]:
    """Names of nnhp, other imports, and the program after the data."""
    name = class_of(problem).__name__
    parameters = parameters_of({**options, "maxEpochs": max(epochs, 1)}, problem)
    settings = "".join(f"    {key}={value!r},\n" for key, value in parameters.items())
    kinds = [type(value) for value in parameters.values() if isinstance(value, Component)]
    program = f"""\
net = {name}(
{settings})
net.fit(X[:n_train], y[:n_train], X_val=X[n_train:], y_val=y[n_train:])
print("training loss", net.loss_curve_[-1])
print("test loss", net.validation_loss_curve_[-1])
"""
    return [name], [f"from {kind.__module__} import {kind.__name__}" for kind in kinds], program


def _original(
    options: Mapping[str, Any], problem: Problem, epochs: int
) -> tuple[list[str], list[str], str]:
    net = sequential_of(options, problem)
    dense = "".join(
        f"        layers.Dense({len(biases)}, activation={name!r}),\n"
        for biases, name in zip(
            net.get_weights()[1::2], activations_of(options, problem), strict=True
        )
    )
    rate, size = options["learningRate"], options["batchSize"]
    targets = "y" if problem.is_regression else "2.0 * y - 1"
    penalty = _PENALTIES[options["regularization"] if options["regularizationRate"] else "none"]
    program = f"""\
y = ({targets})[:, np.newaxis]

# The TensorFlow Playground's engine: half a squared error, whose gradient is half of Keras's.
net = Sequential(
    [
        layers.Input(({problem.X.shape[1]},)),
{dense}    ],
    dtype="float64",
)
net.compile(optimizers.SGD({rate!r} / 2), "mean_squared_error")
random = np.random.RandomState({seed_of(options)!r})
weights = []
for n_in, n_out in pairwise({[len(one) for one in net.get_weights()[::2]] + [1]!r}):
    weights += [random.uniform(-0.5, 0.5, (n_in, n_out)), np.full(n_out, 0.1)]
net.set_weights({"[0 * one for one in weights]" if options["initZero"] else "weights"})

whole = n_train // {size} * {size}
left = np.arange(0)  # samples that wait for the next epoch's first batch
{penalty.before.format(rate=rate * options["regularizationRate"])}for _ in range({epochs}):
    for batch in np.arange(whole).reshape(-1, {size}):
        rows = np.concatenate([left, batch])
        left = left[:0]
{penalty.each}    left = np.arange(whole, n_train) if whole else left

for name, part in (("training", slice(n_train)), ("test", slice(n_train, None))):
    print(name, "loss", 0.5 * np.mean((net.predict(X[part]) - y[part]) ** 2))
"""
    imports = ["import numpy as np", "from itertools import pairwise"]
    return ["Sequential", "layers", "optimizers"], imports, program


@dataclass(frozen=True)
class _Penalty:
    """What the original's regularization adds to its program: before the epochs, and each step."""

    before: str
    each: str


_STEP = "        net.train_on_batch(X[rows], y[rows])\n"
_PENALTIES = {
    "none": _Penalty("", _STEP),
    "L2": _Penalty(
        "decay = {rate!r}\n",
        f"""\
        before = net.get_weights()
{_STEP}        after = net.get_weights()
        for i in range(0, len(after), 2):  # not the biases
            after[i] -= decay * before[i]
        net.set_weights(after)
""",
    ),
    "L1": _Penalty(
        "decay = {rate!r}\nalive = [np.ones(one.shape, bool) for one in weights]\n",
        f"""\
        before = net.get_weights()
{_STEP}        after = net.get_weights()
        for i in range(0, len(after), 2):  # not the biases
            after[i][~alive[i]] = 0
            moved = after[i] - decay * np.sign(before[i])
            alive[i] &= moved * after[i] >= 0  # a weight that crosses 0 stays there
            after[i] = np.where(alive[i], moved, 0.0)
        net.set_weights(after)
""",
    ),
}


def _made_up_data(options: Mapping[str, Any]) -> tuple[str, list[str]]:
    maker = maker_of(options).__name__
    arguments = f"noise={options['noise']!r}, random_state={seed_of(options)!r}"
    lines = [
        f"X, y = {maker}({arguments})",
        f"X = FeatureExpansion({features_of(options)!r}).fit_transform(X)",
    ]
    return "\n".join(lines), [f"from nnhp.datasets import {maker}"]


def _own_data(options: Mapping[str, Any], own: Any) -> tuple[str, list[str]]:
    target, numeric = own.target, own.numeric
    lines = [
        f"table = pd.read_csv({own.name!r}, sep={own.separator!r}).dropna()",
        f"table = table.iloc[np.random.RandomState({seed_of(options)!r}).permutation(len(table))]",
        f"X = StandardScaler().fit_transform(table[{numeric!r}].to_numpy(float))",
    ]
    if options["problem"] == "classification":
        lines.append(f"y = np.unique(table[{target!r}].astype(str), return_inverse=True)[1]")
    else:
        lines += [
            f"y = table[{target!r}].to_numpy(float)",
            "y = (y - (y.min() + y.max()) / 2) / ((y.max() - y.min()) / 2)",
        ]
    imports = [
        "import numpy as np",
        "import pandas as pd",
        "from sklearn.preprocessing import StandardScaler",
    ]
    return "\n".join(lines), imports
