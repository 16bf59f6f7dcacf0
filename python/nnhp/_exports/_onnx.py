"""Models of ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

try:
    import onnx
except ImportError as error:
    if error.name != "onnx":
        raise
    raise ImportError("to_onnx needs onnx: pip install 'nnhp[onnx]'") from error
from onnx import TensorProto, helper, numpy_helper

from nnhp import __version__
from nnhp._exports._net import SELU_ALPHA, SELU_SCALE, Decision, Model, Net, Stage
from nnhp._exports._onnx_graph import OPSET, Graph, Value

if TYPE_CHECKING:
    from nnhp._feature_expansion import FeatureExpansion

_IR_VERSION = 7  # the first for this opset

# --- what numbers of a layer go through -----------------------------------------------------------


def _softplus(graph: Graph, z: str) -> str:
    """log(1 + exp(z)), which does not overflow."""
    rest = graph("Log", graph("Add", graph("Exp", graph("Neg", graph("Abs", z))), 1.0))
    return graph("Add", graph("Relu", z), rest)


def _sloped(graph: Graph, z: str, slope: Value) -> str:
    # onnxruntime has PRelu in double precision from opset 16 on; LeakyRelu's slope is a float.
    return graph("Add", graph("Relu", z), graph("Mul", graph("Min", z, 0.0), slope))


def _elu(graph: Graph, z: str, alpha: float) -> str:
    below = graph("Sub", graph("Exp", graph("Min", z, 0.0)), 1.0)
    return graph("Add", graph("Relu", z), graph("Mul", below, alpha))


def _silu(graph: Graph, z: str, _: Stage) -> str:
    # Of Mul and Sigmoid onnxruntime 1.20 makes a node that it does not have in double precision.
    return graph("Div", z, graph("Add", graph("Exp", graph("Neg", z)), 1.0))


def _gelu(graph: Graph, z: str, _: Stage) -> str:
    twice_below = graph("Add", graph.erf(graph("Mul", z, 0.5**0.5)), 1.0)
    return graph("Mul", graph("Mul", z, 0.5), twice_below)


def _hard_sigmoid(graph: Graph, z: str, _: Stage) -> str:
    return graph("Clip", graph("Mul", graph("Add", z, 3.0), 1 / 6), 0.0, 1.0)


def _maxout(graph: Graph, z: str, stage: Stage) -> str:
    """The greatest of the pieces, which lie side by side."""
    units = stage.columns // stage.fields["pieces"]
    starts = range(0, stage.columns, units)
    return graph("Max", *(_columns(graph, z, start, start + units) for start in starts))


def _ascending(graph: Graph, z: str, stage: Stage) -> str:
    """The first number as it is, then each the one before it plus the softplus of its own."""
    first = _columns(graph, z, 0, 1)
    steps = _softplus(graph, _columns(graph, z, 1, stage.columns))
    return graph("CumSum", graph("Concat", first, steps, axis=1), np.array(1))


def _columns(graph: Graph, z: str, start: int, stop: int) -> str:
    return graph("Slice", z, np.array([start]), np.array([stop]), np.array([1]))


def _normalized_rows(graph: Graph, z: str, stage: Stage) -> str:
    scale, shift = stage.arrays["scale"], stage.arrays["shift"]

    def mean(x: str) -> str:
        return graph("Div", graph("ReduceSum", x, np.array([1]), keepdims=1), float(len(scale)))

    centered = graph("Sub", z, mean(z))
    variance = mean(graph("Mul", centered, centered))
    spread = graph("Sqrt", graph("Add", variance, stage.fields["epsilon"]))
    return graph("Add", graph("Mul", graph("Div", centered, spread), scale), shift)


def _normalized_columns(graph: Graph, z: str, stage: Stage) -> str:
    arrays = stage.arrays
    scaled = graph("Mul", graph("Sub", z, arrays["mean"]), arrays["factor"])
    return graph("Add", scaled, arrays["shift"])


# By the engine's names, from the numbers `z` of a graph.
_STAGES: dict[str, Callable[[Graph, str, Stage], str]] = {
    "identity": lambda _, z, __: z,
    "logistic": lambda graph, z, _: graph("Sigmoid", z),
    "tanh": lambda graph, z, _: graph("Tanh", z),
    "relu": lambda graph, z, _: graph("Relu", z),
    "leaky_relu": lambda graph, z, stage: _sloped(graph, z, stage.fields["negative_slope"]),
    "elu": lambda graph, z, stage: _elu(graph, z, stage.fields["alpha"]),
    "selu": lambda graph, z, _: graph("Mul", _elu(graph, z, SELU_ALPHA), SELU_SCALE),
    "gelu": _gelu,
    "silu": _silu,
    "mish": lambda graph, z, _: graph("Mul", z, graph("Tanh", _softplus(graph, z))),
    "softplus": lambda graph, z, _: _softplus(graph, z),
    "hard_sigmoid": _hard_sigmoid,
    "exp": lambda graph, z, _: graph("Exp", z),
    "softmax": lambda graph, z, _: graph("Softmax", z, axis=1),
    "ascending": _ascending,
    "prelu": lambda graph, z, stage: _sloped(graph, z, stage.arrays["slopes"]),
    "maxout": _maxout,
    "batch_normalization": _normalized_columns,
    "layer_normalization": _normalized_rows,
}


# --- models ---------------------------------------------------------------------------------------


class Output(NamedTuple):
    """What a model gives for each sample: a row of so many columns, or one value."""

    name: str
    element_type: int
    columns: int | None


def outputs_of(model: Model, numbers: int) -> list[Output]:
    """List what a model gives, numbers as ONNX's type of them."""
    decision, n_outputs = model.decision, model.net.n_outputs
    if decision is None:
        return [Output(model.values, numbers, n_outputs)]
    label_type = TensorProto.STRING if decision.classes.dtype == object else TensorProto.INT64
    label = Output("label", label_type, None)
    if decision.rule == "each":
        label = Output("label", TensorProto.INT64, n_outputs)
    return [label, Output(decision.scores, numbers, model.n_scores)]


def add_model(
    graph: Graph, model: Model, given: Sequence[str], names: Sequence[str], numbers: int
) -> None:
    """Add what a model makes of samples.

    Parameters
    ----------
    graph : Graph
        Of the dtype of the net.
    model : Model
        The model.
    given : sequence of str
        Name of the samples, or of their columns side by side; numbers of any type.
    names : sequence of str
        In the graph, of what `outputs_of` lists.
    numbers : int
        As of `outputs_of`.
    """
    values = _net_outputs(graph, model.net, _samples(graph, given))
    if model.decision is not None:
        _add_label(graph, model.decision, values, names[0])
    if model.n_scores > model.net.n_outputs:
        values = graph("Concat", graph("Sub", 1.0, values), values, axis=1)
    elif model.completes:
        values = graph("Softmax", values, axis=1)  # of one column: 1
    graph("Cast", values, to=numbers, output=names[-1])


def _samples(graph: Graph, given: Sequence[str]) -> str:
    cast = [graph("Cast", name, to=graph.element_type) for name in given]
    return cast[0] if len(cast) == 1 else graph("Concat", *cast, axis=1)


def _net_outputs(graph: Graph, net: Net, x: str) -> str:
    for stage in net.input_stages:
        x = _STAGES[stage.name](graph, x, stage)
    for layer in net.layers:
        x = graph("Gemm", x, layer.weights, layer.biases)
        for stage in layer.stages:
            x = _STAGES[stage.name](graph, x, stage)
    return x


def _add_label(graph: Graph, decision: Decision, values: str, name: str) -> None:
    if decision.rule == "greatest":
        index = graph("ArgMax", values, axis=1, keepdims=0)
    else:
        above = graph("Cast", graph("Greater", values, decision.threshold), to=TensorProto.INT64)
        if decision.rule == "each":
            graph("Identity", above, output=name)
            return
        index = graph("Squeeze", above, np.array([1]))
    graph("Gather", decision.classes, index, output=name)


# Of FeatureExpansion's forms, from the columns that they are made of.
_FORMS: dict[str, Callable[..., str]] = {
    "identity": lambda graph, x: graph("Identity", x),
    "square": lambda graph, x: graph("Mul", x, x),
    "product": lambda graph, x, y: graph("Mul", x, y),
    "sin": lambda graph, x: graph("Sin", x),
    "cos": lambda graph, x: graph("Cos", x),
    "tanh": lambda graph, x: graph("Tanh", x),
    "abs": lambda graph, x: graph("Abs", x),
}


def add_expansion(
    graph: Graph, expansion: FeatureExpansion, given: Sequence[str], name: str
) -> None:
    """Add what a fitted `FeatureExpansion` makes of samples, which `given` names."""
    X = _samples(graph, given)
    made = []
    for form, terms in groupby(expansion._terms, key=itemgetter(0)):  # noqa: SLF001
        columns = np.array([columns for _, columns in terms], dtype=np.int64)
        made.append(_FORMS[form](graph, *(graph("Gather", X, c, axis=1) for c in columns.T)))
    graph("Concat", *made, axis=1, output=name)


def to_onnx(model: Model) -> onnx.ModelProto:
    """Make a model of ONNX."""
    graph = Graph(model.net.dtype)
    outputs = outputs_of(model, TensorProto.FLOAT)
    add_model(graph, model, ["X"], [output.name for output in outputs], TensorProto.FLOAT)
    return helper.make_model(
        helper.make_graph(
            [
                # onnxruntime's optimizer wants a name of each node that it takes apart.
                helper.make_node(
                    node.operator, node.inputs, [node.output], name=node.output, **node.attributes
                )
                for node in graph.nodes
            ],
            "nnhp",
            [_described("X", TensorProto.FLOAT, model.net.n_features)],
            [_described(*output) for output in outputs],
            [numpy_helper.from_array(array, name) for name, array in graph.constants.items()],
            doc_string=model.kind,
        ),
        producer_name="nnhp",
        producer_version=__version__,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=_IR_VERSION,
    )


def _described(name: str, element_type: int, columns: int | None) -> onnx.ValueInfoProto:
    shape = [None] if columns is None else [None, columns]
    return helper.make_tensor_value_info(name, element_type, shape)
