"""The estimators' losses: values, gradients, parameters, and what searches make of them."""

import pickle

import numpy as np
import pytest
from helpers import N_SAMPLES, STOPS_EARLY, assert_identical, assert_same_fit, problem
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, log_softmax, softmax, xlogy
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.metrics import d2_pinball_score
from sklearn.model_selection import GridSearchCV as ScikitGridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nnhp import GridSearchCV, MLPClassifier, MLPRegressor, _core, losses
from nnhp.search import FoldEnsemble

pytestmark = STOPS_EARLY

WEIGHT = np.random.RandomState(3).uniform(0.2, 2.0, N_SAMPLES)
ALPHA = 0.3


def smoothed(y, share, n_classes):
    return (1 - share) * y + share / n_classes


def one_hot(kind, y):
    return np.eye(3)[y] if kind == "multiclass" else np.asarray(y, float).reshape(len(y), -1)


# Losses of each sample in NumPy, from the outputs before their activation: written as in the
# papers, where the engine has them as functions of the outputs.
def log_loss(kind, z, y, _):
    if kind == "multiclass":
        return -(y * log_softmax(z, axis=1)).sum(axis=1)
    return (np.logaddexp(0, z) - y * z).sum(axis=1)


def hinge(kind, z, y, _):
    if kind != "multiclass":
        return (y * np.maximum(0, 1 - z) + (1 - y) * np.maximum(0, 1 + z)).sum(axis=1)
    total = np.zeros(len(z))
    for k in range(3):
        others = np.delete(z, k, axis=1).max(axis=1)
        total += y[:, k] * np.maximum(0, 1 + others - z[:, k])
    return total


def focal(kind, z, y, loss):
    if kind == "multiclass":
        p = softmax(z, axis=1)
        alpha = 1.0 if loss.alpha is None else loss.alpha
        return -(alpha * y * (1 - p) ** loss.gamma * np.log(p)).sum(axis=1)
    p = expit(z)
    alpha = 1.0 if loss.alpha is None else y * loss.alpha + (1 - y) * (1 - loss.alpha)
    doubt = 1 - (y * p + (1 - y) * (1 - p))
    return (alpha * doubt**loss.gamma * -(xlogy(y, p) + xlogy(1 - y, 1 - p))).sum(axis=1)


def huber(_, p, y, loss):
    e = np.abs(y - p)
    inside = e <= loss.delta
    return np.where(inside, e**2 / 2, loss.delta * (e - loss.delta / 2)).mean(axis=1)


def pinball(_, p, y, loss):
    q = np.array(loss.quantiles)
    return np.maximum(q * (y - p), (q - 1) * (y - p)).mean(axis=1)


OF_CLASSES = {
    "log_loss": ("log_loss", log_loss, None),
    "hinge": ("hinge", hinge, None),
    "focal": ("focal", focal, losses.Focal()),
    "focal with alpha": (losses.Focal(1.3, alpha=0.3), focal, losses.Focal(1.3, alpha=0.3)),
}
OF_NUMBERS = {
    "squared_error": ("squared_error", lambda _, p, y, __: ((y - p) ** 2).mean(axis=1) / 2, None),
    "absolute_error": ("absolute_error", lambda _, p, y, __: np.abs(y - p).mean(axis=1), None),
    "huber": ("huber", huber, losses.Huber()),
    "huber, 0.3": (losses.Huber(0.3), huber, losses.Huber(0.3)),
    "poisson": ("poisson", lambda _, p, y, __: (xlogy(y, y / p) - y + p).sum(axis=1), None),
    "gamma": ("gamma", lambda _, p, y, __: (np.log(p / y) + y / p - 1).sum(axis=1), None),
    "quantile": ("quantile", pinball, losses.Quantile()),
    "quantile, two": (losses.Quantile((0.3, 0.6)), pinball, losses.Quantile((0.3, 0.6))),
}


def numbers_for(loss, columns):
    """Targets that a loss can have."""
    y = problem("two targets" if columns == 2 else "one target")[1]
    return np.exp(y) if loss in ("poisson", "gamma") else y


def mean_loss(net, each):
    penalty = ALPHA / 2 * sum((weights**2).sum() for weights in net.coefs_)
    return (np.sum(each * WEIGHT) + penalty) / WEIGHT.sum()


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("name", OF_CLASSES)
def test_loss_of_a_classifier_is_its_formula(name, kind, smoothing):
    loss, formula, component = OF_CLASSES[name]
    X, y = problem(kind)
    net = MLPClassifier(
        (5,),
        "tanh",
        loss=loss,
        label_smoothing=smoothing,
        solver="lbfgs",
        alpha=ALPHA,
        max_iter=15,
        random_state=0,
    ).fit(X, y, WEIGHT)
    z = np.tanh(X @ net.coefs_[0] + net.intercepts_[0]) @ net.coefs_[1] + net.intercepts_[1]
    targets = smoothed(one_hot(kind, y), smoothing, 3 if kind == "multiclass" else 2)
    assert net.loss_ == pytest.approx(mean_loss(net, formula(kind, z, targets, component)))


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("name", OF_NUMBERS)
def test_loss_of_a_regressor_is_its_formula(name, columns):
    loss, formula, component = OF_NUMBERS[name]
    if "quantile" in name and columns == 2:
        return
    X, y = problem("one target")[0], numbers_for(name, columns)
    net = MLPRegressor(loss, 5, solver="lbfgs", alpha=ALPHA, max_iter=15, random_state=0)
    net.fit(X, y, WEIGHT)
    predicted = net.predict(X).reshape(N_SAMPLES, -1)
    each = formula(None, predicted, y.reshape(N_SAMPLES, -1), component)
    assert net.loss_ == pytest.approx(mean_loss(net, each))


# ------------------------------------------------------------------------------- gradients


def torch_losses():
    """Losses of a batch in PyTorch, by the names of the engine."""
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional

    def multiclass_hinge(z, y):
        of_others = (z - 1e9 * y).max(1).values
        return torch.clamp(1 + of_others - (z * y).sum(1), min=0)

    return {
        "multiclass_hinge": multiclass_hinge,
        "hinge": lambda z, y: torch.clamp(1 - (2 * y - 1) * z, min=0).sum(1),
        "absolute_error": lambda z, y: (z - y).abs().mean(1),
        "huber": lambda z, y: functional.huber_loss(z, y, reduction="none", delta=0.4).mean(1),
        "gamma": lambda z, y: (z + y * torch.exp(-z) - torch.log(y) - 1).sum(1),
        "poisson": lambda z, y: functional.poisson_nll_loss(z, y, reduction="none").sum(1),
        "quantile": lambda z, y: _torch_pinball(torch, z, y),
    }


def _torch_pinball(torch, z, y):
    steps = torch.cat([z[:, :1], torch.nn.functional.softplus(z[:, 1:])], dim=1)
    error = y - torch.cumsum(steps, dim=1)
    q = torch.tensor([0.1, 0.4, 0.8], dtype=torch.float64)
    return torch.maximum(q * error, (q - 1) * error).mean(1)


@pytest.mark.parametrize(
    "name", ["multiclass_hinge", "hinge", "absolute_error", "huber", "gamma", "poisson", "quantile"]
)
def test_gradients_are_those_of_torch(name):
    torch = pytest.importorskip("torch")
    rng = np.random.RandomState(4)
    X, ids = rng.standard_normal((30, 4)), rng.randint(3, size=30)
    y = rng.standard_normal((30, 3))
    if name in ("gamma", "poisson"):
        y = np.exp(y)
    elif name == "multiclass_hinge":
        y = np.eye(3)[ids]
    elif name == "hinge":
        y = (y > 0).astype(float)
    elif name == "quantile":
        y = y[:, :1].copy()
    flat = rng.standard_normal(15)
    extra = {"huber": {"delta": 0.4}, "quantile": {"quantiles": [0.1, 0.4, 0.8]}}.get(name, {})
    net = _core.NetSpec(
        n_inputs=4, hidden=[], n_outputs=3, output_activation=_core.losses()[name], dtype="float64"
    )
    train = _core.TrainSpec(
        loss={"name": name, **extra},
        optimizer="adam",
        batch_size=10,
        max_epochs=1,
        schedule_horizon=1,
    )
    data = _core.TrainingSet(_core.Dataset(X, targets=y))
    _, gradient = _core.Objective(net, train, data)(flat)
    parameters = torch.tensor(flat, requires_grad=True)
    z = torch.tensor(X) @ parameters[:12].reshape(4, 3) + parameters[12:]
    torch_losses()[name](z, torch.tensor(y)).mean().backward()
    assert_allclose(gradient, parameters.grad.numpy(), rtol=1e-10, atol=1e-12)


# ------------------------------------------------------------------------------- names


# Enough for the nets of this file to learn their problems.
LEARNS = {"learning_rate_init": 0.03, "max_iter": 100, "n_iter_no_change": 100}


def small(estimator_class, loss, **parameters):
    settings = {"hidden_layer_sizes": (6,), "max_iter": 8, "random_state": 0, **parameters}
    return estimator_class(loss=loss, **settings)


def fitted(loss, **parameters):
    X, y = problem("one target")
    return small(MLPRegressor, loss, **parameters).fit(X, np.exp(y))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mae", "absolute_error"),
        ("mean_absolute_error", "absolute_error"),
        (losses.Huber(), "huber"),
        (losses.Quantile(), "quantile"),
    ],
    ids=str,
)
def test_aliases_and_objects_of_the_defaults_give_the_same_net(one, other):
    assert_same_fit(fitted(one), fitted(other))


def test_two_names_never_give_the_same_net():
    names = ["squared_error", "absolute_error", "huber", "poisson", "gamma", losses.Huber(0.4)]
    nets = [fitted(name, **LEARNS).coefs_[1] for name in names]
    X, y = problem("multiclass")
    of_classes = ["log_loss", "hinge", "focal", losses.Focal(gamma=1.0)]
    nets += [small(MLPClassifier, name, **LEARNS).fit(X, y).coefs_[1] for name in of_classes]
    for i, net in enumerate(nets):
        for other in nets[:i]:
            assert net.shape != other.shape or not np.allclose(net, other, rtol=1e-6)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (MLPRegressor("mse"), "'loss'.*'squared_error'.*Got 'mse'"),
        (MLPClassifier(loss="mse"), "'loss'.*'hinge'.*Got 'mse'"),
        (MLPClassifier(loss=losses.Huber()), "'loss' parameter of MLPClassifier"),
        (MLPRegressor(losses.Focal()), "'loss' parameter of MLPRegressor"),
        (MLPRegressor(losses.Huber(0.0)), "'delta' parameter of Huber"),
        (MLPClassifier(loss=losses.Focal(gamma=-1)), "'gamma' parameter of Focal"),
        (MLPClassifier(loss=losses.Focal(alpha=1.0)), "'alpha' parameter of Focal"),
        (MLPRegressor(losses.Quantile((0.5, 0.1))), "'quantiles' parameter of Quantile.*rising"),
        (MLPRegressor(losses.Quantile((0.5, 1.0))), "'quantiles' parameter of Quantile"),
        (MLPRegressor(losses.Quantile(0.0)), "'quantiles' parameter of Quantile"),
        (MLPRegressor(losses.Quantile(())), "'quantiles' parameter of Quantile"),
        (MLPRegressor(losses.Quantile(["low"])), "'quantiles' parameter of Quantile"),
        (MLPClassifier(label_smoothing=1.0), "'label_smoothing' parameter"),
        (MLPRegressor("poisson", output_activation="linear"), "output_activation='linear' gives"),
        (MLPRegressor("gamma", output_activation="tanh"), "output_activation='tanh' gives"),
        (MLPRegressor("quantile", output_activation="exp"), "output_activation must be None"),
        (MLPRegressor(output_activation="softmax"), "'output_activation' parameter"),
        (MLPClassifier(mixup_alpha=-0.1), "'mixup_alpha' parameter"),
        (MLPClassifier(cutmix_alpha=-0.1), "'cutmix_alpha' parameter"),
        (MLPClassifier(noisy_copies=-1), "'noisy_copies' parameter"),
        (MLPClassifier(noisy_copies=0.5), "'noisy_copies' parameter"),
        (MLPClassifier(noisy_copies=2**31), "noisy_copies must be at most"),
    ],
    ids=str,
)
def test_bad_values_name_the_parameter(estimator, message):
    X, y = problem("binary")
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, y + 1)


def test_targets_that_a_loss_cannot_have():
    X, y = problem("one target")
    with pytest.raises(ValueError, match="loss='gamma' needs y > 0"):
        MLPRegressor("gamma").fit(X, np.abs(y) * (y > 0))
    with pytest.raises(ValueError, match="loss='gamma' needs y_val > 0"):
        MLPRegressor("gamma").fit(X, np.exp(y), X_val=X, y_val=y)
    with pytest.raises(ValueError, match="loss='quantile' needs a y of one column"):
        MLPRegressor("quantile").fit(X, np.stack([y, y], axis=1))


def test_objects_are_cloned_pickled_and_set():
    net = MLPRegressor(losses.Quantile((0.2, 0.8)))
    assert clone(net).loss == net.loss
    assert clone(net).loss is not net.loss
    assert pickle.loads(pickle.dumps(net)).loss == net.loss
    net.set_params(loss__quantiles=(0.3, 0.4))
    assert net.get_params()["loss__quantiles"] == (0.3, 0.4)
    X, y = problem("one target")
    assert net.set_params(max_iter=2).fit(X, y).predict(X).shape == (N_SAMPLES, 2)


@pytest.mark.parametrize("option", ["noisy_copies", "mixup_alpha", "cutmix_alpha"])
def test_lbfgs_refuses_augmentation(option):
    X, y = problem("binary")
    with pytest.raises(ValueError, match=f"{option} cannot be used with solver='lbfgs'"):
        MLPClassifier(solver="lbfgs", **{option: 1}).fit(X, y)


# ------------------------------------------------------------------------------- outputs


@pytest.mark.parametrize(
    ("given", "name", "function"),
    [
        ("linear", "identity", lambda z: z),
        ("identity", "identity", lambda z: z),
        ("sigmoid", "logistic", expit),
        ("tanh", "tanh", np.tanh),
        ("softplus", "softplus", lambda z: np.logaddexp(0, z)),
        ("exponential", "exp", np.exp),
    ],
)
def test_output_activations(given, name, function):
    X, y = problem("two targets")
    net = small(MLPRegressor, "absolute_error", output_activation=given, activation="tanh")
    net.fit(X, y)
    z = np.tanh(X @ net.coefs_[0] + net.intercepts_[0]) @ net.coefs_[1] + net.intercepts_[1]
    assert net.out_activation_ == name
    assert_allclose(net.predict(X), function(z), rtol=1e-12)
    assert_array_equal(net.compiled()(X), net.predict(X))


def test_a_bounded_output_learns_what_lies_within():
    X, y = problem("one target")
    y = expit(2 * y)
    parameters = {"solver": "lbfgs", "max_iter": 200, "output_activation": "logistic"}
    net = small(MLPRegressor, "squared_error", **parameters).fit(X, y)
    assert net.score(X, y) > 0.8
    predicted = net.predict(10 * X)
    assert ((predicted >= 0) & (predicted <= 1)).all()
    unbounded = clone(net).set_params(output_activation=None).fit(X, y).predict(10 * X)
    assert ((unbounded < 0) | (unbounded > 1)).any()


# ------------------------------------------------------------------------------- hinge


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_hinge_decides_by_its_values(kind, early_stopping):
    X, y = problem(kind)
    net = small(MLPClassifier, "hinge", early_stopping=early_stopping, **LEARNS).fit(X, y)
    decisions = net.decision_function(X)
    assert net.out_activation_ == "identity"
    expected = decisions.argmax(axis=1) if kind == "multiclass" else (decisions > 0).astype(int)
    assert decisions.shape == ((N_SAMPLES,) if kind == "binary" else (N_SAMPLES, 3))
    assert_array_equal(net.predict(X), expected)
    assert_array_equal(net.compiled()(X), expected)
    assert_array_equal(net.compiled("decision_function")(X), decisions)
    assert_array_equal(pickle.loads(pickle.dumps(net.compiled()))(X), expected)
    assert net.score(X, y) > (0.4 if early_stopping else 0.8)
    assert decisions.min() < -1  # no probabilities
    if early_stopping:
        assert net.best_validation_score_ >= 0.6


def test_accuracy_that_early_stopping_watches_is_that_of_the_decisions():
    for kind in ("binary", "multiclass", "multilabel"):
        X, y = problem(kind)
        net = small(MLPClassifier, "hinge", early_stopping=True, n_iter_no_change=100)
        net.fit(X[:70], y[:70], X_val=X[70:], y_val=y[70:])
        assert net.score(X[70:], y[70:]) == net.best_validation_score_


def test_hinge_has_no_probabilities():
    X, y = problem("binary")
    net = small(MLPClassifier, "hinge")
    for estimator in (net, net.fit(X, y)):
        assert not hasattr(estimator, "predict_proba")
        assert not hasattr(estimator, "predict_log_proba")
        assert hasattr(estimator, "decision_function")
    with pytest.raises(ValueError, match="method must be among"):
        net.compiled("predict_proba")
    # The fitted net counts, until it is fitted again.
    net.set_params(loss="log_loss")
    assert not hasattr(net, "predict_proba")
    assert hasattr(net.fit(X, y), "predict_proba")
    assert not hasattr(net, "decision_function")


def test_hinge_with_one_class():
    X, _ = problem("binary")
    net = small(MLPClassifier, "hinge").fit(X, np.full(N_SAMPLES, "only"))
    assert set(net.predict(X)) == {"only"}
    assert net.decision_function(X).shape == (N_SAMPLES,)


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_hinge_can_be_calibrated(kind):
    X, y = problem(kind)
    calibrated = CalibratedClassifierCV(small(MLPClassifier, "hinge", **LEARNS), cv=3)
    probabilities = calibrated.fit(X, y).predict_proba(X)
    assert_allclose(probabilities.sum(axis=1), 1)
    assert calibrated.score(X, y) > 0.8


SPACE = {"loss": ["log_loss", "hinge", "focal", losses.Focal(1.0)], "alpha": [1e-4, 0.1]}


@pytest.mark.filterwarnings("ignore:Scoring failed", "ignore:One or more of the test scores")
@pytest.mark.parametrize("scoring", [None, "accuracy", "balanced_accuracy", "neg_log_loss"])
@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_searches_score_hinge_as_scikit_learn_does(kind, scoring):
    X, y = problem(kind)
    net = small(MLPClassifier, "log_loss")
    found = [
        search(net, SPACE, cv=3, scoring=scoring, refit=False).fit(X, y).cv_results_
        for search in (GridSearchCV, ScikitGridSearchCV)
    ]
    for name in [name for name in found[1] if "test_score" in name]:
        assert_array_equal(found[0][name], found[1][name])


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_an_ensemble_averages_decision_values(kind):
    X, y = problem(kind)
    nets = [
        small(MLPClassifier, "hinge", max_iter=30, random_state=seed).fit(X, y) for seed in range(3)
    ]
    ensemble = FoldEnsemble(nets)
    mean = np.mean([net.decision_function(X) for net in nets], axis=0)
    assert_allclose(ensemble.decision_function(X), mean, rtol=1e-12)
    assert not hasattr(ensemble, "predict_proba")
    expected = mean.argmax(axis=1) if kind == "multiclass" else (mean > 0).astype(int)
    assert_array_equal(ensemble.predict(X), expected)


def test_an_ensemble_of_folds_that_lack_a_class():
    X, y = problem("multiclass")
    net = small(MLPClassifier, "hinge", max_iter=30)
    nets = [clone(net).fit(X[y < 2], y[y < 2]), clone(net).fit(X, y)]
    ensemble = FoldEnsemble(nets)
    assert ensemble.decision_function(X).shape == (N_SAMPLES, 3)
    two = nets[0].decision_function(X)
    known = np.stack([-two, two, -np.abs(two)], axis=1)
    assert_allclose(ensemble.decision_function(X), (known + nets[1].decision_function(X)) / 2)


def test_out_of_fold_decision_values():
    X, y = problem("binary")
    net = small(MLPClassifier, "hinge", max_iter=20)
    search = GridSearchCV(net, {"alpha": [0.1, 1.0]}, cv=3, return_oof=True).fit(X, y)
    values = search.oof_predictions_
    assert values.shape == (2, N_SAMPLES, 2)
    assert_array_equal(values[:, :, 0], -values[:, :, 1])
    assert ((values[0, :, 1] > 0) == y).mean() > 0.6
    mixed = GridSearchCV(net, {"loss": ["log_loss", "hinge"]}, cv=3, return_oof=True).fit(X, y)
    assert_allclose(mixed.oof_predictions_[0].sum(axis=1), 1)
    assert_allclose(mixed.oof_predictions_[1].sum(axis=1), 0)


# ------------------------------------------------------------------------------- quantiles


@given(
    scale=st.sampled_from([1e-30, 1e-3, 1.0, 1e3, 1e30]),
    single=st.booleans(),
    levels=st.lists(st.floats(0.001, 0.999), min_size=2, max_size=6, unique=True),
    seed=st.integers(0, 2**31),
)
@settings(deadline=None, max_examples=60)
def test_quantiles_never_cross(scale, single, levels, seed):
    rng = np.random.RandomState(seed)
    dtype = np.float32 if single else np.float64
    X = rng.standard_normal((20, 3)).astype(dtype)
    net = MLPRegressor(losses.Quantile(sorted(levels)), 4, max_iter=1, random_state=0)
    net.fit(X, rng.standard_normal(20))
    net.coefs_ = [(scale * rng.standard_normal(w.shape)).astype(dtype) for w in net.coefs_]
    net.intercepts_ = [
        (scale * rng.standard_normal(b.shape)).astype(dtype) for b in net.intercepts_
    ]
    predicted = net.predict(X)
    assert predicted.shape == (20, len(levels))
    if not np.isfinite(predicted).all():  # of float32, squares of 1e30
        assert single
        assert scale == 1e30
        return
    assert (np.diff(predicted, axis=1) >= 0).all()


def test_quantiles_are_calibrated():
    rng = np.random.RandomState(0)
    X = rng.uniform(-1, 1, (6000, 1))
    y = np.sin(2 * X[:, 0]) + (1.2 + X[:, 0]) * rng.standard_normal(6000)
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    net = MLPRegressor(losses.Quantile(levels), 20, max_iter=60, tol=0, random_state=0)
    net.set_params(n_iter_no_change=100, learning_rate_init=0.005).fit(X[:4000], y[:4000])
    below = (y[4000:, np.newaxis] <= net.predict(X[4000:])).mean(axis=0)
    assert_allclose(below, levels, atol=0.04)
    # The spread grows from left to right, and the quantiles with it.
    widths = np.diff(net.predict([[-0.9], [0.9]])[:, [0, 4]], axis=1).ravel()
    assert widths[1] > 3 * widths[0]


def test_the_score_is_the_mean_of_d2():
    X, y = problem("one target")
    net = small(MLPRegressor, losses.Quantile((0.2, 0.7)), max_iter=50).fit(X, y)
    predicted = net.predict(X)
    expected = np.mean(
        [
            d2_pinball_score(y, predicted[:, j], sample_weight=WEIGHT, alpha=q)
            for j, q in enumerate((0.2, 0.7))
        ]
    )
    assert net.score(X, y, WEIGHT) == expected
    ensemble = FoldEnsemble([net, net])
    assert ensemble.score(X, y, WEIGHT) == pytest.approx(expected)


@pytest.mark.parametrize("quantiles", [0.3, (0.3,), [0.3]], ids=str)
def test_one_quantile_predicts_a_vector(quantiles):
    X, y = problem("one target")
    net = small(MLPRegressor, losses.Quantile(quantiles), max_iter=30).fit(X, y)
    assert net.predict(X).shape == (N_SAMPLES,)
    assert net.score(X, y) == d2_pinball_score(y, net.predict(X), alpha=0.3)
    assert net.compiled()(X).shape == (N_SAMPLES,)


def test_the_median_is_half_the_absolute_error():
    X, y = problem("one target")
    parameters = {"solver": "sgd", "momentum": 0.0, "alpha": 0.0}
    median = small(MLPRegressor, losses.Quantile(0.5), learning_rate_init=0.02, **parameters)
    absolute = small(MLPRegressor, "absolute_error", learning_rate_init=0.01, **parameters)
    assert_allclose(median.fit(X, y).coefs_[0], absolute.fit(X, y).coefs_[0], rtol=1e-12)


def test_early_stopping_watches_the_score_of_quantiles():
    X, y = problem("one target")
    net = small(MLPRegressor, "quantile", early_stopping=True, n_iter_no_change=100)
    net.fit(X[:70], y[:70], WEIGHT[:70], X_val=X[70:], y_val=y[70:], sample_weight_val=WEIGHT[70:])
    assert net.score(X[70:], y[70:], WEIGHT[70:]) == pytest.approx(net.best_validation_score_)
    by_loss = small(MLPRegressor, "quantile", early_stopping=True, scoring="loss").fit(X, y)
    assert by_loss.best_validation_score_ == -min(by_loss.validation_loss_curve_)


def test_several_quantiles_have_no_score_of_one_column():
    X, y = problem("one target")
    several = small(MLPRegressor, "quantile", early_stopping=True, scoring="r2")
    with pytest.raises(ValueError, match=r"scoring must be None, 'loss' or .* 3 quantiles.*'r2'"):
        several.fit(X, y)
    several.set_params(loss=losses.Quantile(0.5)).fit(X, y)


@pytest.mark.parametrize("scoring", [None, "r2", "neg_mean_absolute_error"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_searches_score_quantiles_as_scikit_learn_does(scoring, early_stopping):
    X, y = problem("one target")
    net = small(MLPRegressor, "huber", early_stopping=early_stopping)
    levels = [losses.Quantile(0.5), losses.Quantile((0.4,))]
    levels += [] if scoring else ["quantile", losses.Quantile((0.2, 0.9))]
    space = {"loss": ["mae", losses.Huber(2.0), *levels]}
    found = [
        search(net, space, cv=3, scoring=scoring).fit(X, y)
        for search in (GridSearchCV, ScikitGridSearchCV)
    ]
    for name in [name for name in found[1].cv_results_ if "test_score" in name]:
        assert_array_equal(found[0].cv_results_[name], found[1].cv_results_[name])
    assert found[0].best_params_ == found[1].best_params_


def test_out_of_fold_predictions_of_different_numbers_of_quantiles():
    X, y = problem("one target")
    net = small(MLPRegressor, "quantile")
    space = {"loss": [losses.Quantile((0.2, 0.8)), "mae"]}
    search = GridSearchCV(net, space, cv=3, return_oof=True).fit(X, y)
    assert search.oof_predictions_.shape == (2, N_SAMPLES, 2)
    assert np.isnan(search.oof_predictions_[1, :, 1]).all()
    assert np.isfinite(search.oof_predictions_[1, :, 0]).all()
    assert (np.diff(search.oof_predictions_[0], axis=1) >= 0).all()


def test_a_pipeline_searches_the_fields_of_a_loss():
    X, y = problem("one target")
    pipeline = make_pipeline(StandardScaler(), small(MLPRegressor, losses.Huber()))
    space = {"mlpregressor__loss__delta": [0.1, 1.0, 10.0]}
    found = [
        search(pipeline, space, cv=3).fit(X, y) for search in (GridSearchCV, ScikitGridSearchCV)
    ]
    scores = [search.cv_results_["mean_test_score"] for search in found]
    assert_array_equal(scores[0], scores[1])
    assert len(set(scores[0])) == 3
    assert found[0].engine_ == "nnhp"


# ------------------------------------------------------------------------------- smoothing


def test_label_smoothing_keeps_probabilities_from_the_ends():
    X, y = problem("multiclass")
    to_the_end = {"hidden_layer_sizes": (30,), "solver": "lbfgs", "max_iter": 500, "alpha": 0}
    sharp = small(MLPClassifier, "log_loss", **to_the_end)
    smooth = clone(sharp).set_params(label_smoothing=0.3)
    most = [net.fit(X, y).predict_proba(X).max() for net in (sharp, smooth)]
    assert most[0] > 0.99
    assert most[1] == pytest.approx(1 - 0.3 + 0.3 / 3, abs=0.02)


def test_both_loss_curves_are_of_the_smoothed_targets():
    X, y = problem("binary")
    net = small(MLPClassifier, "log_loss", label_smoothing=0.2, alpha=0.0, max_iter=3)
    net.fit(X, y, X_val=X, y_val=y)
    p = net.predict_proba(X)[:, 1]
    targets = 0.8 * y + 0.1
    expected = -np.mean(targets * np.log(p) + (1 - targets) * np.log(1 - p))
    assert net.validation_loss_curve_[-1] == pytest.approx(expected)


def test_focal_with_gamma_0_is_the_log_loss():
    for kind in ("binary", "multiclass", "multilabel"):
        X, y = problem(kind)
        focal_net = small(MLPClassifier, losses.Focal(gamma=0.0), solver="sgd").fit(X, y)
        plain = small(MLPClassifier, "log_loss", solver="sgd").fit(X, y)
        assert_allclose(focal_net.coefs_[0], plain.coefs_[0], rtol=1e-9)


TO_AND_FROM_QUANTILES = {
    "from levels": (losses.Quantile([0.1, 0.5, 0.9]), "squared_error", "one target"),
    "to levels": ("squared_error", losses.Quantile([0.1, 0.5, 0.9]), "one target"),
    "to one level": ("squared_error", losses.Quantile(0.5), "two targets"),
    "to as many levels as targets": ("squared_error", losses.Quantile([0.1, 0.9]), "two targets"),
    "to other levels": (
        losses.Quantile([0.1, 0.5, 0.9]),
        losses.Quantile([0.1, 0.9]),
        "one target",
    ),
}


@pytest.mark.parametrize(
    ("before", "after", "kind"), TO_AND_FROM_QUANTILES.values(), ids=TO_AND_FROM_QUANTILES.keys()
)
def test_a_score_after_the_loss_was_changed(before, after, kind):
    X, y = problem(kind)
    net = MLPRegressor(before, hidden_layer_sizes=(4,), max_iter=3, random_state=0).fit(X, y)
    expected, score = net.predict(X), net.score(X, y)
    net.set_params(loss=after)
    assert_identical(net.predict(X), expected)
    with pytest.raises(ValueError, match=r"^loss was changed after fit: loss=.*or fit anew"):
        net.score(X, y)
    assert net.set_params(loss=before).score(X, y) == score


def test_a_score_goes_by_a_loss_that_was_changed_where_it_can():
    X, y = problem("one target")
    net = MLPRegressor(hidden_layer_sizes=(4,), max_iter=3, random_state=0).fit(X, y)
    score = net.score(X, y)
    assert net.set_params(loss=losses.Quantile(0.5)).score(X, y) != score
    assert net.set_params(loss="huber").score(X, y) == score
