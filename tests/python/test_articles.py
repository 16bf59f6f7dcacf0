"""All that the articles name, each with what nnhp has for it, used on real data.

A row of the table says which article names a thing, by which parameters or tools of nnhp one gets
it, and has a function that uses these and asserts their effect. `docs/articles.md` shows the rows.
"""

from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import STOPS_EARLY
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

import nnhp
from nnhp import FeatureExpansion, MLPClassifier, MLPRegressor, datasets
from nnhp.activations import Maxout
from nnhp.layers import Dense

pytestmark = STOPS_EARLY

X, Y = load_iris(return_X_y=True)
X = scale(X)
AMOUNTS_X, AMOUNTS = (scale(values) for values in load_diabetes(return_X_y=True))
DIGITS, LABELS = (values[:300] for values in load_digits(return_X_y=True))
DIGITS = DIGITS / 16.0


def net(**parameters):
    small = {"hidden_layer_sizes": (8,), "max_iter": 10, "learning_rate_init": 0.01}
    return MLPClassifier(**({"random_state": 0} | small | parameters)).fit(X, Y)


def regressor(**parameters):
    small = {"hidden_layer_sizes": (8,), "max_iter": 10, "learning_rate_init": 0.01}
    return MLPRegressor(**({"random_state": 0} | small | parameters)).fit(AMOUNTS_X, AMOUNTS)


def size(fitted):
    """The sum of all squared weights."""
    return sum((weights**2).sum() for weights in fitted.coefs_)


def differ(*nets):
    """Whether all nets are different ones."""
    return len({one.coefs_[-1].tobytes() for one in nets}) == len(nets)


def columns(feature):
    """What FeatureExpansion makes of two real columns."""
    return FeatureExpansion(features=[feature]).fit_transform(AMOUNTS_X[:, :2])[:, 0]


def scores(search, *, least=1):
    """Mean test scores of a search that has been fitted."""
    found = search.fit(X, Y).cv_results_["mean_test_score"]
    assert len(found) >= least
    return found


def test_part(size):
    """Rows that a sweep holds out for the test score."""
    sweep = nnhp.sweep(clone(net()), X, Y, "alpha", [0.1], cv=2, repeats=1, test_size=size)
    return len(sweep.splits[0][0][2])


test_part.__test__ = False


def descended(learning_rate, **parameters):
    """A net trained by plain gradient descent for 40 epochs."""
    plain = {"solver": "sgd", "momentum": 0.0, "max_iter": 40, "tol": 0.0, "n_iter_no_change": 99}
    return net(learning_rate=learning_rate, **plain, **parameters)


def sequential(*hidden, optimizer="adam", loss="sparse_categorical_crossentropy", **fit):
    """A Keras-like net of these layers, trained on the flowers; the net and its history."""
    model = nnhp.Sequential([*hidden, Dense(3, activation="softmax")], random_state=0)
    model.compile(optimizer, loss, metrics="accuracy")
    history = model.fit(X, Y, **({"batch_size": 16, "epochs": 5, "verbose": 0} | fit))
    return model, history


# ------------------------------------------------------------------ effects


def each_activation(name, formula):
    def effect():
        fitted = net(activation=name)
        sums = X @ fitted.coefs_[0] + fitted.intercepts_[0]
        np.testing.assert_allclose(fitted.layer_outputs(X)[0], formula(sums), atol=1e-12)

    return effect


def maxout():
    fitted = net(activation=Maxout(pieces=2))
    sums = X @ fitted.coefs_[0] + fitted.intercepts_[0]
    expected = np.maximum(sums[:, :8], sums[:, 8:])
    np.testing.assert_allclose(fitted.layer_outputs(X)[0], expected, atol=1e-12)


def each_feature(name, formula):
    def effect():
        np.testing.assert_allclose(columns(name), formula(*AMOUNTS_X[:, :2].T))

    return effect


def each_value(name, values, *, of=net, **others):
    """Every value trains, and to another net than the others."""

    def effect():
        nets = [of(**{name: value}, **others) for value in values]
        assert differ(*nets)
        assert all(np.isfinite(one.loss_) for one in nets)

    return effect


def less_with(parameter, values, measure, **others):
    """The greater the value, the less of what is measured."""

    def effect():
        found = [measure(net(**{parameter: value}, **others)) for value in values]
        assert found == sorted(found, reverse=True)
        assert found[0] > found[-1]

    return effect


def normalizing():
    pipeline = make_pipeline(StandardScaler(), clone(net(max_iter=3)))
    space = nnhp.spaces.features(pipeline)
    steps = {type(step).__name__ for values in space.values() for step in values}
    assert {"StandardScaler", "RobustScaler", "str"} <= steps
    found = nnhp.RandomizedSearchCV(pipeline, space, n_iter=3, cv=2, random_state=0)
    scores(found, least=3)


def reducing():
    pipeline = make_pipeline(StandardScaler(), PCA(), clone(net(max_iter=3)))
    reductions = nnhp.spaces.features(pipeline)["pca"]
    kept = []
    for reduction in reductions:
        fitted = clone(pipeline).set_params(pca=reduction).fit(X, Y)
        kept.append(len(fitted[-1].coefs_[0]))
    assert min(kept) < max(kept) == 4
    scores(nnhp.GridSearchCV(pipeline, {"pca": reductions}, cv=2), least=len(kept))


def generating():
    pipeline = make_pipeline(FeatureExpansion(), StandardScaler(), clone(net(max_iter=3)))
    subsets = [["x1"], ["x1", "x2", "product"]]
    search = nnhp.GridSearchCV(pipeline, {"featureexpansion__features": subsets}, cv=2).fit(X, Y)
    assert len(set(search.cv_results_["mean_test_score"])) == 2


def no_hidden_layer():
    assert net(num_layers=0).n_layers_ == net(hidden_layer_sizes=()).n_layers_ == 2


def layers():
    assert [net(num_layers=n).n_layers_ for n in (1, 2, 3, 4)] == [3, 4, 5, 6]


def units():
    assert [net(hidden_layer_sizes=n).coefs_[0].shape for n in (1, 5)] == [(4, 1), (4, 5)]


def suggested():
    (units,) = nnhp.suggest_hidden_layer_sizes(DIGITS, LABELS)
    assert 10 <= units <= 64


def l1():
    lasso, ridge = (net(alpha=1.0, l1_ratio=ratio, max_iter=200) for ratio in (1.0, 0.0))
    tiny = [sum((np.abs(w) < 1e-2).sum() for w in one.coefs_) for one in (lasso, ridge)]
    assert tiny[0] > tiny[1]


def problem_types():
    assert set(net().predict(X)) <= set(Y)
    assert len(set(regressor().predict(AMOUNTS_X))) > len(AMOUNTS) / 2


def ratios():
    assert [test_part(share) for share in (0.1, 0.5, 0.9)] == [15, 75, 135]


def noise_as_examples():
    plain, noisy = net(), net(noisy_copies=2, input_noise=0.1)
    assert noisy.t_ == 3 * plain.t_  # samples seen
    assert differ(plain, noisy, net(noisy_copies=2, input_noise=0.5))


def noise_of_data():
    clean, noisy = (datasets.make_circle(200, noise=noise, random_state=0) for noise in (0, 50))
    trained = [MLPClassifier((8,), max_iter=200, random_state=0).fit(*d) for d in (clean, noisy)]
    assert trained[0].score(*clean) > trained[1].score(*noisy)


def full_batch():
    full, same = net(batch_size="full"), net(batch_size=len(X))
    assert full.coefs_[0].tobytes() == same.coefs_[0].tobytes()


def schedule(given):
    def effect():
        assert differ(descended("constant"), descended(given))

    return effect


def rate_at_intervals():
    fitted = descended("step", learning_rate_init=0.1)
    early, late = (np.abs(np.diff(fitted.loss_curve_))[part].mean() for part in (slice(9), -1))
    assert late < early


def finding_a_rate():
    found = nnhp.find_learning_rate(clone(net()), X, Y)
    assert 1e-6 < found.suggestion < 10


def each_initializer(name, spread):
    def effect():
        drawn = MLPRegressor(
            hidden_layer_sizes=(400,),
            kernel_initializer=name,
            learning_rate_init=1e-12,
            max_iter=1,
            random_state=0,
        ).fit(AMOUNTS_X, AMOUNTS)
        assert drawn.coefs_[0].std() == pytest.approx(spread, rel=0.05)

    return effect


def initialization_by_activation():
    for activation, rule in {"relu": "he_normal", "tanh": "glorot_uniform"}.items():
        same = {"activation": activation, "bias_initializer": "zeros", "max_iter": 1}
        same["learning_rate_init"] = 1e-300
        auto, named = (net(kernel_initializer=name, **same) for name in ("auto", rule))
        np.testing.assert_array_equal(auto.coefs_[0], named.coefs_[0])


def weight_decay():
    assert size(net(weight_decay=0.5, max_iter=50)) < size(net(max_iter=50))


def early_stopping():
    fitted = net(early_stopping=True, max_iter=500, validation_fraction=0.3, n_iter_no_change=5)
    assert fitted.n_iter_ < 500
    assert max(fitted.validation_scores_) == fitted.best_validation_score_


def augmentation():
    assert differ(net(), net(mixup_alpha=0.4), net(cutmix_alpha=1.0))


def epochs():
    losses = [net(max_iter=n, tol=0.0, n_iter_no_change=999).loss_ for n in (10, 100, 1000)]
    assert losses == sorted(losses, reverse=True)


def growing():
    grown = nnhp.GrowSearchCV(net(hidden_layer_sizes=(1,), max_iter=20), max_width=4, cv=3)
    sizes = grown.fit(X, Y).growth_["hidden_layer_sizes"].tolist()
    assert sizes[:2] == [(1,), (2,)]
    small = net(max_iter=100)
    grown = net(
        hidden_layer_sizes=(8, 6), kernel_initializer=small, bias_initializer=small,
        frozen_layers=[0], max_iter=1,
    )  # fmt: skip
    np.testing.assert_array_equal(grown.coefs_[0], small.coefs_[0])


def fine_tuning():
    few = slice(None, None, 7)
    before = net(max_iter=100)
    tuned = clone(before).set_params(
        kernel_initializer=before, bias_initializer=before, frozen_layers=[0], max_iter=3
    )
    tuned.fit(X[few], Y[few])
    np.testing.assert_array_equal(tuned.coefs_[0], before.coefs_[0])
    assert not np.array_equal(tuned.coefs_[1], before.coefs_[1])
    assert tuned.score(X, Y) > net(max_iter=3).score(X, Y)


def outputs(name):
    def effect():
        many = name == "softmax"
        fitted = MLPClassifier((8,), max_iter=10, random_state=0).fit(X, Y if many else Y > 0)
        assert fitted.out_activation_ == {"softmax": "softmax", "sigmoid": "logistic"}[name]
        sums = fitted.layer_outputs(X)[0] @ fitted.coefs_[1] + fitted.intercepts_[1]
        expected = softmax(sums, axis=1) if many else expit(sums)
        found = fitted.predict_proba(X)
        np.testing.assert_allclose(found if many else found[:, 1:], expected, atol=1e-12)

    return effect


def each_loss(Estimator, name, **others):
    def effect():
        data = (X, Y) if Estimator is MLPClassifier else (AMOUNTS_X, np.round(np.exp(AMOUNTS)))
        fitted = Estimator(
            hidden_layer_sizes=(8,), loss=name, max_iter=60, random_state=0, **others
        ).fit(*data)
        assert fitted.loss_curve_[-1] < fitted.loss_curve_[0]
        assert not others or (fitted.predict(data[0]) >= 0).all()

    return effect


def dropout_on_large_nets():
    nets = []
    for rate in (0.0, 0.2, 0.5):
        large = MLPClassifier((128,), dropout=rate, max_iter=60, random_state=0)
        nets.append(large.fit(DIGITS[:200], LABELS[:200]))
        assert nets[-1].score(DIGITS[200:], LABELS[200:]) > 0.75
    assert nets[0].loss_ < nets[1].loss_ < nets[2].loss_  # of the thinned nets


def history():
    fitted = MLPClassifier((8,), max_iter=25, random_state=0)
    fitted.fit(X[::2], Y[::2], X_val=X[1::2], y_val=Y[1::2])
    assert len(fitted.loss_curve_) == len(fitted.validation_loss_curve_) == 25


def manual_search():
    tried = [net(learning_rate=rate, batch_size=64, num_layers=4) for rate in (0.01, 0.1)]
    assert differ(*tried)


def each_search(make):
    def effect():
        search = make(clone(net(max_iter=9)))
        found = scores(search, least=3)
        assert len(np.unique(found)) > 1
        assert search.score(X, Y) > 0.6

    return effect


SPACE = {"learning_rate_init": [0.0001, 0.001, 0.01, 0.1]}


def grid(estimator):
    return nnhp.GridSearchCV(estimator, SPACE, cv=2)


def random(estimator):
    return nnhp.RandomizedSearchCV(estimator, SPACE, n_iter=3, cv=2, random_state=0)


def hyperband(estimator):
    space = {"learning_rate_init": np.logspace(-4, -1, 30)}
    return nnhp.HyperbandSearchCV(estimator, space, max_resources=9, cv=2, random_state=0)


def layers_until_no_better():
    sweep = nnhp.sweep(clone(net()), X, Y, "num_layers", [0, 1, 2], cv=3, repeats=1)
    assert list(sweep.to_frame().index) == [0, 1, 2]
    assert sweep.to_frame()["mean_validation_loss"].nunique() == 3


def convergence():
    long = clone(net(max_iter=300, learning_rate_init=0.1, momentum=0.0))
    sweep = nnhp.sweep(long, X, Y, "solver", ["adam", "rmsprop", "sgd"], cv=2, repeats=1)
    epochs = sweep.to_frame()["mean_epochs_to_converge"]
    assert epochs["adam"] < epochs["sgd"]


def time_and_memory():
    sweep = nnhp.sweep(clone(net()), DIGITS, LABELS, "batch_size", [32, 64, 128], cv=2, repeats=1)
    by_size = sweep.runs.groupby("value")["bytes_per_step"].first()
    assert by_size.is_monotonic_increasing
    assert (sweep.runs["seconds"] > 0).all()


def honest_estimate():
    search = nnhp.GridSearchCV(clone(net()), SPACE, cv=2)
    assert len(nnhp.nested_cv(search, X, Y, cv=2)["test_score"]) == 2


def which_matter():
    pytest.importorskip("matplotlib").use("Agg")
    space = {**SPACE, "alpha": [1e-5, 1e-4, 1e-3]}
    search = nnhp.GridSearchCV(clone(net()), space, cv=2).fit(X, Y)
    display = nnhp.plots.ParamImportanceDisplay.from_search(search)
    assert len(display.figure_.axes) >= 1


# ------------------------------------------------------------------ the table


def layers_one_by_one():
    model, _ = sequential(
        Dense(8, input_shape=(4,), activation="tanh"), Dense(5, activation="relu")
    )
    shapes = [weights.shape for weights in model.get_weights()[::2]]
    assert shapes == [(4, 8), (8, 5), (5, 3)]
    other, _ = sequential(Dense(8, activation="relu"), Dense(5, activation="relu"))
    assert not np.array_equal(model.predict(X), other.predict(X))


def compiled_by_name():
    predictions = [
        sequential(Dense(8), optimizer=optimizer)[0].predict(X).tobytes()
        for optimizer in ("adam", "rmsprop", "adagrad")
    ]
    assert len(set(predictions)) == 3
    with pytest.raises(ValueError, match="mean_squared_error"):
        sequential(Dense(8), loss="mean_square_error")


def metrics():
    model, history = sequential(Dense(8), epochs=20)
    right = (model.predict(X).argmax(axis=1) == Y).mean()
    assert model.evaluate(X, Y, verbose=0)[1] == history.history["accuracy"][-1] == right > 0.5


def batches_and_epochs():
    trained = [sequential(Dense(8), batch_size=size, epochs=n)[1] for size, n in ((10, 3), (50, 7))]
    assert [history.epoch for history in trained] == [list(range(3)), list(range(7))]
    assert trained[0].history["loss"][0] < trained[1].history["loss"][0]  # of more steps


def history_of_epochs():
    _, history = sequential(Dense(8), epochs=20, validation_split=0.2)
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert history.history["loss"][-1] < history.history["loss"][0]


@dataclass(frozen=True)
class Row:
    articles: str
    thing: str
    has: str
    effect: Any


RATES = [0.00001, 0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10]
STRENGTHS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10]

ROWS = [
    Row("000", "feature X1", "FeatureExpansion", each_feature("x1", lambda a, b: a)),
    Row("000", "feature X2", "FeatureExpansion", each_feature("x2", lambda a, b: b)),
    Row("000", "feature X1²", "FeatureExpansion", each_feature("x1^2", lambda a, b: a * a)),
    Row("000", "feature X2²", "FeatureExpansion", each_feature("x2^2", lambda a, b: b * b)),
    Row("000", "feature X1X2", "FeatureExpansion", each_feature("x1*x2", lambda a, b: a * b)),
    Row("000", "feature sin(X1)", "FeatureExpansion",
        each_feature("sin(x1)", lambda a, b: np.sin(a))),
    Row("000", "feature sin(X2)", "FeatureExpansion",
        each_feature("sin(x2)", lambda a, b: np.sin(b))),
    Row("000", "normalizing features", "spaces.features", normalizing),
    Row("000", "reducing the number of features", "spaces.features", reducing),
    Row("000", "generating features", "FeatureExpansion, GridSearchCV", generating),
    Row("000", "no hidden layer", "num_layers, hidden_layer_sizes", no_hidden_layer),
    Row("000, 001, 003", "number of hidden layers", "num_layers, hidden_layer_sizes", layers),
    Row("000, 001, 002, 003", "units of a layer, from 1", "hidden_layer_sizes", units),
    Row("000", "a size between those of input and output", "suggest_hidden_layer_sizes", suggested),
    Row("000, 001, 003, 004", "learning rate, from 0.00001 to 10", "learning_rate_init",
        each_value("learning_rate_init", RATES)),
    Row("001", "finding the learning rate", "find_learning_rate", finding_a_rate),
    Row("000, 001, 002, 003, 004", "ReLU", "activation",
        each_activation("relu", lambda z: np.maximum(z, 0))),
    Row("000, 001, 002, 004", "Tanh", "activation", each_activation("tanh", np.tanh)),
    Row("000, 001, 002, 004", "Sigmoid", "activation", each_activation("sigmoid", expit)),
    Row("000", "Linear", "activation", each_activation("linear", lambda z: z)),
    Row("000, 002", "Leaky ReLU", "activation",
        each_activation("leaky_relu", lambda z: np.where(z > 0, z, 0.2 * z))),
    Row("000", "Maxout", "activations.Maxout", maxout),
    Row("001, 003", "softmax output", "MLPClassifier", outputs("softmax")),
    Row("002, 003", "sigmoid output", "MLPClassifier", outputs("sigmoid")),
    Row("000, 001", "L1 regularization", "alpha, l1_ratio", l1),
    Row("000, 001", "L2 regularization", "alpha",
        less_with("alpha", [0.0, 0.1, 1.0], size, max_iter=50)),
    Row("000", "regularization rate, from 0.001 to 10", "alpha",
        less_with("alpha", STRENGTHS, size, max_iter=50)),
    Row("000", "classification or regression", "MLPClassifier, MLPRegressor", problem_types),
    Row("000", "ratio of training to test, 10 % to 90 %", "sweep", ratios),
    Row("000", "noise injected as extra examples", "noisy_copies, input_noise", noise_as_examples),
    Row("000", "noise of the data, 0 to 50", "datasets.make_circle", noise_of_data),
    Row("000", "batch size, 1 to 30", "batch_size", each_value("batch_size", [1, 2, 3, 10, 30])),
    Row("001, 003, 004", "batch size, 32 to 256", "batch_size",
        each_value("batch_size", [32, 64, 128, 256], of=regressor)),
    Row("001, 004", "time and memory by batch size", "sweep", time_and_memory),
    Row("001", "full-batch descent", "batch_size", full_batch),
    Row("001", "stochastic descent", "solver, batch_size",
        each_value("batch_size", [1, 2, 150], solver="sgd")),
    Row("001", "mini-batch descent", "solver, batch_size",
        each_value("batch_size", [8, 64], solver="sgd")),
    Row("000, 001, 003", "a rate that decays", "learning_rate", schedule("exponential")),
    Row("001", "learning rate schedules", "schedules.Cosine", schedule(nnhp.schedules.Cosine())),
    Row("004", "a rate lowered at set intervals", "learning_rate", rate_at_intervals),
    Row("001", "random initial weights", "kernel_initializer", each_initializer("normal", 0.05)),
    Row("001", "He initialization", "kernel_initializer",
        each_initializer("he_normal", np.sqrt(2 / 10))),
    Row("001", "Xavier (Glorot) initialization", "kernel_initializer",
        each_initializer("glorot_uniform", np.sqrt(2 / 410))),
    Row("003", "uniformly drawn weights", "kernel_initializer",
        each_initializer("uniform", 0.05 / np.sqrt(3))),
    Row("001, 003", "initialization by activation", "kernel_initializer",
        initialization_by_activation),
    Row("001, 003, 004", "dropout, 20 % to 50 %, on larger nets", "dropout",
        dropout_on_large_nets),
    Row("001", "weight decay", "weight_decay", weight_decay),
    Row("001, 003, 004", "early stopping", "early_stopping", early_stopping),
    Row("001", "data augmentation", "mixup_alpha, cutmix_alpha, noisy_copies", augmentation),
    Row("001, 002, 004", "Adam", "solver", each_value("solver", ["adam", "sgd"])),
    Row("001, 002", "RMSprop", "solver", each_value("solver", ["rmsprop", "adam"])),
    Row("001, 002", "Adagrad", "solver", each_value("solver", ["adagrad", "adam"])),
    Row("001", "convergence in epochs", "sweep", convergence),
    Row("003", "momentum, 0.5 to 0.9", "momentum",
        each_value("momentum", [0.5, 0.7, 0.9], solver="sgd")),
    Row("001, 002, 003, 004", "epochs, 10 to 1000", "max_iter", epochs),
    Row("001", "starting small and growing", "GrowSearchCV, kernel_initializer", growing),
    Row("001", "transfer and fine-tuning", "kernel_initializer, frozen_layers", fine_tuning),
    Row("002", "binary and categorical cross-entropy", "loss",
        each_loss(MLPClassifier, "log_loss")),
    Row("002", "mean squared error", "loss", each_loss(MLPRegressor, "squared_error")),
    Row("002", "poisson", "loss",
        each_loss(MLPRegressor, "poisson", learning_rate_init=0.002)),
    Row("002", "losses by epoch", "MLPClassifier.fit", history),
    Row("003, 004", "manual search", "MLPClassifier", manual_search),
    Row("001, 003, 004", "grid search", "GridSearchCV",
        each_search(grid)),
    Row("001, 003, 004", "random search", "RandomizedSearchCV",
        each_search(random)),
    Row("004", "Hyperband", "HyperbandSearchCV", each_search(hyperband)),
    Row("003", "adding layers until the error falls no more", "sweep", layers_until_no_better),
    Row("001", "validation that tuning does not spoil", "nested_cv", honest_estimate),
    Row("001", "importance of hyperparameters", "plots.ParamImportanceDisplay", which_matter),
    Row("002", "layers by units and activation", "Sequential.add, layers.Dense", layers_one_by_one),
    Row("002", "compile: optimizer and loss by name", "Sequential.compile", compiled_by_name),
    Row("002", "metrics", "Sequential.compile, Sequential.evaluate", metrics),
    Row("002", "fit: batch size and epochs", "Sequential.fit", batches_and_epochs),
    Row("002", "history", "callbacks.History", history_of_epochs),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.thing)
def test_what_an_article_names_is_there_and_has_its_effect(row):
    parameters = {*MLPClassifier().get_params(), *MLPRegressor().get_params()}
    for name in row.has.split(", "):
        assert name in parameters or callable(attrgetter(name)(nnhp)), name
    row.effect()


def test_the_page_shows_the_table():
    page = (Path(__file__).parents[2] / "docs" / "articles.md").read_text()
    shown = [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in page.partition("## Everything that the articles name")[2].splitlines()
        if line.startswith("| 0")
    ]
    assert shown == [(row.articles, row.thing, said(row)) for row in ROWS]


def said(row):
    """What nnhp has, as code."""
    return ", ".join(f"`{name}`" for name in row.has.split(", "))
