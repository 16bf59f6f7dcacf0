"""The faces of the classes: signatures, parameters, fitted attributes, metadata routing."""

import doctest
import inspect

import numpy as np
import pytest
import sklearn
import sklearn.neural_network
from helpers import STOPS_EARLY, fitted_state, problem, problem_for
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nnhp import MLPClassifier, MLPRegressor

pytestmark = STOPS_EARLY

NEW = {
    MLPClassifier: ["loss", "label_smoothing", "class_weight"],
    MLPRegressor: ["output_activation"],
    None: [  # both
        "dropout", "dropout_kind", "input_dropout", "l1_ratio", "weight_decay", "clipnorm",
        "clipvalue", "ema_momentum", "max_norm", "kernel_initializer", "bias_initializer",
        "frozen_layers", "normalization", "input_noise", "activation_noise", "weight_noise",
        "noisy_copies", "mixup_alpha", "cutmix_alpha", "num_layers", "scoring", "dtype", "n_jobs",
        "on_divergence",
    ],
}  # fmt: skip


def theirs_of(Estimator):
    return getattr(sklearn.neural_network, Estimator.__name__)


def parameters_of(function):
    return inspect.signature(function).parameters


# ------------------------------------------------------------------------------- signatures


def test_old_parameters_keep_their_places_and_defaults(Estimator):
    theirs = parameters_of(theirs_of(Estimator))
    ours = parameters_of(Estimator)
    assert list(ours)[: len(theirs)] == list(theirs)
    for name, parameter in theirs.items():
        assert ours[name].default == parameter.default, name
        assert ours[name].kind == parameter.kind, name


def test_new_parameters_are_keyword_only_and_come_last(Estimator):
    new = list(parameters_of(Estimator))[len(parameters_of(theirs_of(Estimator))) :]
    assert sorted(new) == sorted(NEW[Estimator] + NEW[None])
    kinds = {parameters_of(Estimator)[name].kind for name in new}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("method", ["partial_fit", "predict", "score", "get_params", "set_params"])
def test_methods_have_the_signatures_of_scikit_learn(Estimator, method):
    ours, theirs = (
        parameters_of(getattr(cls, method)) for cls in (Estimator, theirs_of(Estimator))
    )
    assert {n: (p.kind, p.default) for n, p in ours.items()} == {
        n: (p.kind, p.default) for n, p in theirs.items()
    }


def test_fit_takes_validation_data_by_keyword(Estimator):
    ours = parameters_of(Estimator.fit)
    assert list(ours)[:4] == list(parameters_of(theirs_of(Estimator).fit))
    new = list(ours)[4:]
    assert new == ["X_val", "y_val", "sample_weight_val"]
    assert all(ours[n].kind == inspect.Parameter.KEYWORD_ONLY for n in new)
    assert all(ours[n].default is None for n in new)


def test_public_methods(Estimator):
    def public(cls):
        return {name for name in dir(cls) if not name.startswith("_")}

    assert public(theirs_of(Estimator)) <= public(Estimator)
    new = {"compiled", "layer_outputs", "save", "set_callbacks", "to_c_header", "to_onnx"}
    if Estimator is MLPClassifier:
        new.add("decision_function")  # with the hinge loss
    assert public(Estimator) - public(theirs_of(Estimator)) == new


# ------------------------------------------------------------------------------- parameters


def test_get_and_set_params(Estimator):
    net = Estimator()
    assert sorted(net.get_params()) == sorted(parameters_of(Estimator))
    given = {"dropout": [0.1], "num_layers": 3, "alpha": 7.0, "dtype": "float32"}
    assert net.set_params(**given) is net
    assert {name: net.get_params()[name] for name in given} == given
    assert {name: getattr(net, name) for name in given} == given


def test_fit_leaves_the_parameters_as_they_are(Estimator):
    X, y = problem_for(Estimator)
    sizes, rates = [5, 4], [0.1, 0.2]
    net = Estimator(hidden_layer_sizes=sizes, dropout=rates, max_iter=2, n_jobs=-1)
    before = dict(net.get_params())
    assert net.fit(X, y) is net
    assert all(value is before[name] for name, value in net.get_params().items())
    assert (sizes, rates) == ([5, 4], [0.1, 0.2])


def test_repr_shows_what_differs_from_the_defaults(Estimator):
    name = Estimator.__name__
    assert repr(Estimator()) == f"{name}()"
    assert repr(Estimator(dropout=0.5, num_layers=2)) == f"{name}(dropout=0.5, num_layers=2)"
    assert name in Estimator()._repr_html_()


def test_classes_name_their_home(Estimator):
    assert Estimator.__module__.startswith("nnhp.estimators")
    assert Estimator.__doc__.count("Parameters\n") == 1
    for name in parameters_of(Estimator):
        assert name in Estimator.__doc__, name


def test_the_example_of_the_documentation_runs(Estimator):
    (example,) = doctest.DocTestFinder(recurse=False).find(Estimator, Estimator.__name__)
    assert len(example.examples) > 3
    assert doctest.DocTestRunner().run(example).failed == 0


# ------------------------------------------------------------------------------- attributes

VARIANTS = {
    "adam": {},
    "sgd": {"solver": "sgd"},
    "early stopping": {"early_stopping": True},
    "lbfgs": {"solver": "lbfgs"},
}


def public_state(net):
    """Attributes that end in an underscore."""
    return {name: value for name, value in vars(net).items() if name[0] != "_" and name[-1] == "_"}


def kinds_of(value):
    """Type, and of what: the parts that a reader of an attribute may rely on."""
    if isinstance(value, np.ndarray):
        return "array", value.dtype.kind, value.dtype.itemsize, value.ndim
    if isinstance(value, list):
        return "list", {kinds_of(entry) for entry in value}
    if isinstance(value, float):
        return "float"
    if isinstance(value, int | np.integer):
        return "int"
    return type(value).__name__


@pytest.mark.parametrize("parameters", VARIANTS.values(), ids=VARIANTS.keys())
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_attributes_are_those_of_scikit_learn(Estimator, parameters, dtype):
    X, y = problem_for(Estimator)
    nets = [
        cls(hidden_layer_sizes=(5,), max_iter=4, random_state=0, **parameters).fit(
            X.astype(dtype), y
        )
        for cls in (Estimator, theirs_of(Estimator))
    ]
    ours, theirs = map(public_state, nets)
    new = {"activation_params_", "norm_params_"}
    if parameters.get("solver") != "lbfgs":
        new |= {"validation_loss_curve_", "learning_rate_curve_"}
    assert ours.keys() - theirs.keys() == new
    assert theirs.keys() <= ours.keys()
    for name, value in theirs.items():
        # scikit-learn's lbfgs turns float32 into float64; ours keeps it.
        if name in ("coefs_", "intercepts_"):
            value = [array.astype(dtype) for array in value]
        assert kinds_of(ours[name]) == kinds_of(value), name


def test_values_of_the_attributes(Estimator):
    X, y = problem_for(Estimator)
    net = Estimator(hidden_layer_sizes=(5, 3), max_iter=4, random_state=0).fit(X, y)
    n_outputs = 3 if Estimator is MLPClassifier else 1
    assert net.n_features_in_ == X.shape[1]
    assert (net.n_layers_, net.n_outputs_, net.n_iter_) == (4, n_outputs, 4)
    assert net.t_ == 4 * len(X)
    assert [w.shape for w in net.coefs_] == [(7, 5), (5, 3), (3, n_outputs)]
    assert [b.shape for b in net.intercepts_] == [(5,), (3,), (n_outputs,)]
    assert net.loss_ == net.loss_curve_[-1]
    assert net.best_loss_ == min(net.loss_curve_)
    assert net.validation_scores_ is net.best_validation_score_ is None
    assert net.validation_loss_curve_ is None
    assert net.learning_rate_curve_ == [0.001] * 4
    assert net.activation_params_ == net.norm_params_ == [None, None]


OUTPUTS = {
    "binary": ("logistic", 1),
    "multiclass": ("softmax", 3),
    "multilabel": ("logistic", 3),
    "one target": ("identity", 1),
    "two targets": ("identity", 2),
    "counts": ("exp", 1),
}


@pytest.mark.parametrize("kind", OUTPUTS)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_output_activation(kind, solver):
    X, y = problem(kind)
    regression = kind in ("one target", "two targets", "counts")
    loss = {"loss": "poisson"} if kind == "counts" else {}
    Estimator = MLPRegressor if regression else MLPClassifier
    net = Estimator(hidden_layer_sizes=(4,), solver=solver, max_iter=3, **loss).fit(X, y)
    assert (net.out_activation_, net.n_outputs_) == OUTPUTS[kind]


def test_attributes_of_the_fit_before_are_gone(Estimator):
    import pandas as pd

    X, y = problem_for(Estimator)
    net = Estimator(hidden_layer_sizes=(4,), max_iter=2, random_state=0)
    net.fit(pd.DataFrame(X, columns=list("abcdefg")), y)
    assert hasattr(net, "feature_names_in_")
    net.set_params(solver="lbfgs").fit(X, y)
    fresh = Estimator(hidden_layer_sizes=(4,), max_iter=2, random_state=0, solver="lbfgs")
    assert fitted_state(net).keys() == fitted_state(fresh.fit(X, y)).keys()


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_verbose_prints_each_epoch(Estimator, solver, capsys):
    X, y = problem_for(Estimator)
    net = Estimator(hidden_layer_sizes=(4,), solver=solver, max_iter=3, random_state=0)
    plain = clone(net).fit(X, y)
    assert capsys.readouterr().out == ""
    net.set_params(verbose=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == [f"Iteration {i}" for i in (1, 2, 3)]
    assert f"{plain.loss_:.8f}" in lines[-1]
    np.testing.assert_array_equal(net.coefs_[0], plain.coefs_[0])


@pytest.mark.parametrize(
    "parameters",
    [
        {"early_stopping": True, "n_iter_no_change": 2, "tol": 1.0},
        {"n_iter_no_change": 2, "tol": 10.0},
        {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 2, "tol": 10.0,
         "learning_rate_init": 1e-5},
    ],
    ids=["early stopping", "patience", "adaptive"],
)  # fmt: skip
def test_verbose_output_is_that_of_scikit_learn(parameters, capsys):
    X, y = problem("binary")
    printed = []
    for module in (sklearn.neural_network, __import__("nnhp")):
        net = module.MLPClassifier((4,), random_state=0, verbose=True, max_iter=30, **parameters)
        net.fit(X, y)
        printed.append(capsys.readouterr().out)
    assert printed[1] == printed[0]


# ------------------------------------------------------------------------------- tags, routing


def test_tags_are_those_of_scikit_learn(Estimator):
    assert Estimator().__sklearn_tags__() == theirs_of(Estimator)().__sklearn_tags__()


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def recording(Estimator, seen):
    """A subclass that notes what its fit is given."""

    class Recorder(Estimator):
        def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
            sizes = [None if a is None else len(a) for a in (sample_weight, X_val, y_val)]
            seen.append((len(X), *sizes))
            return super().fit(X, y, sample_weight, X_val=X_val, y_val=y_val)

    return Recorder(hidden_layer_sizes=(4,), max_iter=2, random_state=0)


REQUESTS = {"sample_weight": True, "X_val": True, "y_val": True, "sample_weight_val": False}


@pytest.mark.parametrize("names", [["fit"], ["partial_fit"], ["score"]], ids=str)
def test_requests_can_be_set(Estimator, routing, names):
    (name,) = names
    net = getattr(Estimator(), f"set_{name}_request")(sample_weight=True)
    routed = net.get_metadata_routing()
    assert getattr(routed, name).requests["sample_weight"] is True


def test_validation_data_are_routed_through_a_pipeline(routing):
    X, y = problem("binary")
    seen = []
    net = recording(MLPClassifier, seen).set_fit_request(**REQUESTS)
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    pipeline = make_pipeline(scaler, net, transform_input=["X_val"])
    weight = np.linspace(1, 2, 60)
    pipeline.fit(X[:60], y[:60], sample_weight=weight, X_val=X[60:], y_val=y[60:])
    assert seen == [(60, 60, 37, 37)]
    scaler.fit(X[:60])
    by_hand = MLPClassifier((4,), max_iter=2, random_state=0).fit(
        scaler.transform(X[:60]),
        y[:60],
        sample_weight=weight,
        X_val=scaler.transform(X[60:]),
        y_val=y[60:],
    )
    assert pipeline[-1].validation_loss_curve_ == by_hand.validation_loss_curve_


def test_validation_data_are_routed_through_a_search(routing):
    X, y = problem("binary")
    seen = []
    net = recording(MLPClassifier, seen).set_fit_request(**REQUESTS)
    net.set_score_request(sample_weight=False)
    search = GridSearchCV(net, {"alpha": [1e-4, 1.0]}, cv=2)
    search.fit(X[:60], y[:60], sample_weight=np.ones(60), X_val=X[60:], y_val=y[60:])
    assert seen == [(30, 30, 37, 37)] * 4 + [(60, 60, 37, 37)]


def test_what_was_not_requested_is_refused(routing):
    X, y = problem("binary")
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((4,), max_iter=2))
    with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="X_val"):
        pipeline.fit(X, y, X_val=X, y_val=y)
