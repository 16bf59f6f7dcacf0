"""A program that does what the playground shows, to be pasted anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnhp._component import Component
from nnhp.playground._net import class_of, parameters_of
from nnhp.playground._options import OWN, dataset_of, features_of
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
    name = class_of(problem).__name__
    parameters = parameters_of({**options, "maxEpochs": max(epochs, 1)}, problem)
    settings = "".join(f"    {key}={value!r},\n" for key, value in parameters.items())
    is_own = dataset_of(options) == OWN
    data, imports = _own_data(options, own) if is_own else _made_up_data(options)
    objects = [value for value in parameters.values() if isinstance(value, Component)]
    for kind in map(type, objects):
        imports += f"from {kind.__module__} import {kind.__name__}\n"
    return f"""\
{imports}from nnhp import {"" if is_own else "FeatureExpansion, "}{name}

{data}
n_train = {problem.n_train!r}

net = {name}(
{settings})
net.fit(X[:n_train], y[:n_train], X_val=X[n_train:], y_val=y[n_train:])
print("training loss", net.loss_curve_[-1])
print("test loss", net.validation_loss_curve_[-1])
"""


def _made_up_data(options: Mapping[str, Any]) -> tuple[str, str]:
    maker = maker_of(options).__name__
    arguments = f"noise={options['noise']!r}, random_state={seed_of(options)!r}"
    lines = [
        f"X, y = {maker}({arguments})",
        f"X = FeatureExpansion({features_of(options)!r}).fit_transform(X)",
    ]
    return "\n".join(lines), f"from nnhp.datasets import {maker}\n"


def _own_data(options: Mapping[str, Any], own: Any) -> tuple[str, str]:
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
    imports = (
        "import numpy as np\nimport pandas as pd\n"
        "from sklearn.preprocessing import StandardScaler\n\n"
    )
    return "\n".join(lines), imports
