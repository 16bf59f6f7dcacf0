"""Models of ONNX: what onnxruntime makes of them is what nnhp predicts, for all that a net has."""

import re

import numpy as np
import onnx
import onnxruntime
import pytest
import skl2onnx
from exported_models import KINDS, NAMES, X, assert_close, estimators, expected, sequentials
from helpers import STOPS_EARLY, problem, run_child
from scipy.special import ndtr
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from vocabulary import ACTIVATION

import nnhp
from nnhp import FeatureExpansion, MLPClassifier, MLPRegressor, _feature_expansion
from nnhp._exports import _onnx
from nnhp.integrations.skl2onnx import register_converters

pytestmark = STOPS_EARLY

# Rounded to float32 at the end.
ROUNDED = 1.2e-7


def session_of(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def outputs_of(model, samples=X, dtype=np.float32):
    """What onnxruntime makes of samples, by name."""
    session = session_of(model)
    names = [output.name for output in session.get_outputs()]
    found = session.run(names, {"X": samples.astype(dtype)})
    return dict(zip(names, found, strict=True))


def told(values):
    """Name, type and shape of inputs or outputs."""
    return [(value.name, value.type, value.shape) for value in values]


@pytest.mark.parametrize("kind", ["estimators", "sequentials"])
def test_every_model_predicts_the_same(kind, dtype):
    models = estimators(dtype) if kind == "estimators" else sequentials(dtype)
    for name, model in models.items():
        exported = model.to_onnx()
        onnx.checker.check_model(exported, full_check=True)
        found = outputs_of(exported)
        labels, numbers = expected(model)
        *_, values = found.values()
        assert values.dtype == np.float32, name
        assert values.shape == numbers.shape, name
        assert_close(values, numbers, exact=ROUNDED)
        if labels is not None:
            assert found["label"].shape == labels.shape, name
            assert (found["label"] == labels).all(), name


PROBABILITIES = "probabilities", "tensor(float)"
INTS = "label", "tensor(int64)"
OUTPUTS = {
    "binary": [(*INTS, [None]), (*PROBABILITIES, [None, 2])],
    "one class": [(*INTS, [None]), (*PROBABILITIES, [None, 1])],
    "bool": [(*INTS, [None]), (*PROBABILITIES, [None, 2])],
    "floats": [(*INTS, [None]), (*PROBABILITIES, [None, 3])],
    "names": [("label", "tensor(string)", [None]), (*PROBABILITIES, [None, 3])],
    "objects": [("label", "tensor(string)", [None]), (*PROBABILITIES, [None, 3])],
    "multilabel": [(*INTS, [None, 3]), (*PROBABILITIES, [None, 3])],
    "hinge binary": [
        ("label", "tensor(string)", [None]),
        ("decisions", "tensor(float)", [None, 1]),
    ],
    "hinge multiclass": [(*INTS, [None]), ("decisions", "tensor(float)", [None, 3])],
    "two targets": [("variable", "tensor(float)", [None, 2])],
    "one quantile": [("variable", "tensor(float)", [None, 1])],
    "loss quantile": [("variable", "tensor(float)", [None, 3])],
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_inputs_and_outputs_are_described(kind, dtype):
    exported = estimators(dtype)[kind].to_onnx()
    assert exported.producer_name == "nnhp"
    assert exported.producer_version == nnhp.__version__
    assert exported.graph.doc_string == KINDS[kind][0].__name__
    assert [(o.domain, o.version) for o in exported.opset_import] == [("", 14)]
    session = session_of(exported)
    assert told(session.get_inputs()) == [("X", "tensor(float)", [None, X.shape[1]])]
    assert told(session.get_outputs()) == OUTPUTS[kind]
    for n in (0, 1):
        for found in outputs_of(exported, X[:n]).values():
            assert len(found) == n


def test_a_sequential_has_one_output(dtype):
    session = session_of(sequentials(dtype)["output softmax"].to_onnx())
    assert told(session.get_inputs()) == [("X", "tensor(float)", [None, X.shape[1]])]
    assert told(session.get_outputs()) == [("outputs", "tensor(float)", [None, 3])]


def test_a_float32_model_has_no_double(dtype):
    exported = estimators(dtype)["MLPRegressor gelu layer"].to_onnx()
    types = {tensor.data_type for tensor in exported.graph.initializer}
    assert (onnx.TensorProto.DOUBLE in types) == (dtype == "float64")


def test_gelu_is_exact():
    """The error function of float64 models is nnhp's own."""
    net = MLPRegressor("squared_error", 1, "gelu", max_iter=1).fit(X[:, :1], X[:, 0])
    for array, value in zip([*net.coefs_, *net.intercepts_], (1.0, 1.0, 0.0, 0.0), strict=True):
        array[:] = value
    z = np.linspace(-12, 12, 100_001).astype(np.float32).astype(np.float64)
    graph = net.to_onnx().graph
    graph.node[-1].attribute[0].i = onnx.TensorProto.DOUBLE  # the cast at the end
    graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.DOUBLE
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 14)], ir_version=7
    )
    found = outputs_of(model, z[:, None])["variable"][:, 0]
    np.testing.assert_allclose(found, z * ndtr(z), rtol=0, atol=3e-15)


def test_edited_weights_count():
    net = MLPRegressor(hidden_layer_sizes=4, max_iter=2, random_state=0).fit(X, X[:, 0])
    net.intercepts_[-1] += 3
    assert_close(outputs_of(net.to_onnx())["variable"][:, 0], net.predict(X), exact=ROUNDED)


def test_what_cannot_be_exported_is_refused(Estimator):
    with pytest.raises(NotFittedError, match=f"This {Estimator.__name__} instance is not fitted"):
        Estimator().to_onnx()
    with pytest.raises(NotFittedError, match="The number of features is not known"):
        nnhp.Sequential([nnhp.layers.Dense(1)]).to_onnx()
    net = Estimator(max_iter=2).fit(X, problem("binary")[1])
    net.coefs_[0][0, 0] = np.nan
    with pytest.raises(ValueError, match="The net has weights that are not finite"):
        net.to_onnx()


@pytest.mark.parametrize(
    "classes",
    [np.array([0.5, 1.5]), np.array([1, "a"], dtype=object), np.array(["\udce9", "a"], object)],
    ids=["halves", "mixed", "no Unicode"],
)
def test_classes_are_numbers_or_texts(classes):
    net = MLPClassifier(4, max_iter=2).fit(X, problem("binary")[1])
    net.classes_ = classes
    with pytest.raises(ValueError, match=r"classes_ must be whole numbers .* got array\("):
        net.to_onnx()


def test_without_onnx_the_extra_is_named():
    code = (
        "import sys, nnhp\n"
        "net = nnhp.MLPRegressor(hidden_layer_sizes=2, max_iter=300).fit([[0.0], [1.0]], [0, 1])\n"
        "assert 'onnx' not in sys.modules\n"
        "sys.modules['onnx'] = sys.modules['skl2onnx'] = None\n"
        "for way in (net.to_onnx, lambda: nnhp.integrations.skl2onnx):\n"
        "    try:\n"
        "        way()\n"
        "    except ImportError as error:\n"
        "        print(error)\n"
    )
    assert run_child(code, PYTHONWARNINGS="ignore").splitlines() == [
        "to_onnx needs onnx: pip install 'nnhp[onnx]'",
        "nnhp.integrations.skl2onnx needs skl2onnx: install the extra, pip install 'nnhp[onnx]'.",
    ]


# ---------------------------------------------------------------------------------- skl2onnx


@pytest.fixture
def registered():
    register_converters()
    register_converters()  # once more changes nothing


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("opset", [14, None])
def test_skl2onnx_makes_the_same_of_every_model(dtype, opset):
    models = estimators(dtype)
    one_of_each = [f"MLPClassifier {activation} layer" for activation in ACTIVATION.values()]
    for name in [*KINDS, *one_of_each]:
        model = models[name]
        exported = skl2onnx.to_onnx(model, X[:1].astype(dtype), target_opset=opset)
        found = outputs_of(exported, dtype=dtype)
        own = session_of(model.to_onnx())
        assert list(found) == [output.name for output in own.get_outputs()]
        labels, numbers = expected(model)
        *_, values = found.values()
        assert values.dtype == dtype
        assert_close(values, numbers, exact=3e-14)
        if labels is not None:
            assert (found["label"] == labels).all(), name
        described = told(session_of(exported).get_outputs())
        if dtype == "float32":
            assert described == told(own.get_outputs())


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    ("Estimator", "y"),
    [(MLPClassifier, NAMES[problem("multiclass")[1]]), (MLPRegressor, problem("two targets")[1])],
)
def test_pipelines(Estimator, y, dtype):
    pipeline = make_pipeline(
        StandardScaler(),
        make_union(FeatureExpansion(list(_onnx._FORMS)), MinMaxScaler()),
        Estimator(hidden_layer_sizes=6, max_iter=3, random_state=0),
    )
    samples = X.astype(dtype)
    pipeline.fit(samples, y)
    for options in (None, {"zipmap": False}) if Estimator is MLPClassifier else (None,):
        exported = skl2onnx.to_onnx(pipeline, samples[:1], options=options)
        *label, values = outputs_of(exported, dtype=dtype).values()
        if label:
            assert_close(values, pipeline.predict_proba(samples), exact=1e-12)
            assert (label[0] == pipeline.predict(samples)).all()
        else:
            assert_close(values, pipeline.predict(samples), exact=1e-12)


@pytest.mark.usefixtures("registered")
def test_features_of_a_table_are_expanded():
    assert _onnx._FORMS.keys() == _feature_expansion._FORMS.keys()
    features = ["x2*x1", "tanh(x3)", "identity", "product", "abs", "x1*x1", "cos", "sin"]
    expansion = FeatureExpansion(features).fit(X)
    exported = skl2onnx.to_onnx(expansion, X[:1])
    np.testing.assert_allclose(
        outputs_of(exported, dtype=np.float64)["variable"],
        expansion.transform(X),
        rtol=1e-14,
        atol=1e-15,
    )


@pytest.mark.usefixtures("registered")
def test_a_table_of_columns():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X[:, :3].astype(np.float32), columns=list("abc"))
    table.loc[3, "b"] = np.nan
    table["town"] = np.where(X[:, 3] > 0, "here", "there")
    pipeline = make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), list("abc")),
            (OneHotEncoder(), ["town"]),
        ),
        MLPClassifier(6, max_iter=3, random_state=0, dtype="float32"),
    ).fit(table, problem("binary")[1])
    session = session_of(skl2onnx.to_onnx(pipeline, table[:1]))
    given = {name: table[[name]].to_numpy() for name in table}
    given["town"] = given["town"].astype(object)
    label, probabilities = session.run(None, given)
    assert_close(probabilities, pipeline.predict_proba(table))
    assert (label == pipeline.predict(table)).all()


@pytest.mark.usefixtures("registered")
def test_columns_by_themselves_are_put_together():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X.astype(np.float32)).rename(columns="x{}".format)
    net = MLPRegressor(hidden_layer_sizes=4, max_iter=2, random_state=0).fit(table, X[:, 0])
    session = session_of(skl2onnx.to_onnx(net, table[:1]))
    found = session.run(None, {name: table[[name]].to_numpy() for name in table})[0]
    assert_close(found[:, 0], net.predict(table))


@pytest.mark.usefixtures("registered")
def test_opsets_that_are_too_old_are_refused(Estimator):
    net = estimators("float32")[f"{Estimator.__name__} relu None"]
    with pytest.raises(ValueError, match=re.escape("target_opset must be >= 14, got 12.")):
        skl2onnx.to_onnx(net, X[:1].astype(np.float32), target_opset=12)
