"""How skl2onnx converts nnhp's estimators and FeatureExpansion: by the graphs of `to_onnx`."""

from __future__ import annotations

from typing import Any

from onnx import TensorProto, helper
from skl2onnx import update_registered_converter
from skl2onnx.common import data_types

from nnhp._exports import model_of
from nnhp._exports._onnx import Output, add_expansion, add_model, outputs_of
from nnhp._exports._onnx_graph import OPSET, Graph
from nnhp._feature_expansion import FeatureExpansion
from nnhp.estimators import MLPClassifier, MLPRegressor

_TYPES: dict[int, Any] = {
    TensorProto.FLOAT: data_types.FloatTensorType,
    TensorProto.DOUBLE: data_types.DoubleTensorType,
    TensorProto.INT64: data_types.Int64TensorType,
    TensorProto.STRING: data_types.StringTensorType,
}
# skl2onnx sets it for the classifiers in Pipelines, unless its caller does: it has no effect.
_OPTIONS = {"zipmap": [True, False]}


def register_converters() -> None:
    """Let skl2onnx convert nnhp's estimators and `FeatureExpansion`.

    From then on ``skl2onnx.to_onnx(pipeline, X)`` works for Pipelines, ColumnTransformers and other
    models of scikit-learn around them, as far as skl2onnx knows the other steps. Outputs are those
    of `MLPClassifier.to_onnx` and `MLPRegressor.to_onnx`, with numbers in the precision of X;
    skl2onnx's option ``zipmap``, which makes dictionaries of probabilities, has no effect. A net
    is computed in its own precision, the other steps in that of X. Of a search, convert
    `best_estimator_`. Another call changes nothing.

    See Also
    --------
    nnhp.MLPClassifier.to_onnx : Of an estimator by itself.

    Examples
    --------
    >>> import numpy as np
    >>> import onnxruntime
    >>> import skl2onnx
    >>> from nnhp import MLPClassifier
    >>> from nnhp.integrations.skl2onnx import register_converters
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier(8, solver="lbfgs", max_iter=500, random_state=0)
    >>> pipeline = make_pipeline(StandardScaler(), net).fit(X, y)
    >>> register_converters()
    >>> samples = X.astype(np.float32)
    >>> model = skl2onnx.to_onnx(pipeline, samples[:1]).SerializeToString()
    >>> session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    >>> label, probabilities = session.run(None, {"X": samples})
    >>> bool((label == pipeline.predict(samples)).all())
    True
    """
    for of_class, parser, options in (
        (MLPClassifier, _parse_classifier, _OPTIONS),
        (MLPRegressor, None, None),
        (FeatureExpansion, None, None),
    ):
        update_registered_converter(
            of_class,
            f"Nnhp{of_class.__name__}",
            _set_types,
            _convert,
            parser=parser,
            options=options,
        )


def _parse_classifier(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:  # noqa: ARG001
    """Declare an operator for a classifier, and its outputs."""
    operator = scope.declare_local_operator(f"Nnhp{MLPClassifier.__name__}", model)
    operator.inputs = inputs
    for output in _outputs(operator):
        operator.outputs.append(
            scope.declare_local_variable(output.name, _type_of(operator, output))
        )
    return operator.outputs


def _set_types(operator: Any) -> None:
    for variable, output in zip(operator.outputs, _outputs(operator), strict=True):
        variable.set_type(_type_of(operator, output))


def _outputs(operator: Any) -> list[Output]:
    """What the model of an operator gives."""
    model = operator.raw_operator
    if isinstance(model, FeatureExpansion):
        return [Output("variable", _numbers(operator), len(model.get_feature_names_out()))]
    return outputs_of(model_of(model), _numbers(operator))


def _numbers(operator: Any) -> int:
    """ONNX's type of numbers that an operator puts out."""
    double = isinstance(operator.inputs[0].type, data_types.DoubleTensorType)
    return TensorProto.DOUBLE if double else TensorProto.FLOAT


def _type_of(operator: Any, output: Output) -> Any:
    rows = operator.inputs[0].get_first_dimension()
    shape = [rows] if output.columns is None else [rows, output.columns]
    return _TYPES[output.element_type](shape)


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Put the graph of a model into skl2onnx's."""
    if container.target_opset < OPSET:
        raise ValueError(f"target_opset must be >= {OPSET}, got {container.target_opset}.")
    numbers = _numbers(operator)
    given = [variable.full_name for variable in operator.inputs]
    names = [variable.full_name for variable in operator.outputs]
    model = operator.raw_operator
    if isinstance(model, FeatureExpansion):
        graph = Graph(helper.tensor_dtype_to_np_dtype(numbers), scope.get_unique_variable_name)
        add_expansion(graph, model, given, names[0])
    else:
        described = model_of(model)
        graph = Graph(described.net.dtype, scope.get_unique_variable_name)
        add_model(graph, described, given, names, numbers)
    for name, array in graph.constants.items():
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        values = array.ravel().tolist()
        if array.dtype == object:
            values = [value.encode() for value in values]  # onnx 1.17 encodes ASCII only
        container.add_initializer(name, kind, array.shape, values)
    for node in graph.nodes:
        name = scope.get_unique_operator_name(node.operator)
        container.add_node(node.operator, node.inputs, node.output, name=name, **node.attributes)
