"""What becomes of trainings whose loss or weights are no longer finite."""

import warnings

import numpy as np
import pytest
import sklearn.model_selection
from helpers import (
    STOPS_EARLY,
    assert_identical,
    assert_same_fit,
    assert_same_results,
    fitted_state,
    problem,
    problem_for,
    raw_outputs,
)
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.metrics import make_scorer, r2_score

import nnhp
from nnhp import MLPClassifier, MLPRegressor, _core
from nnhp.estimators import _lbfgs
from nnhp.estimators._data import Given, prepare
from nnhp.estimators._training import Training
from nnhp.search import Study

FINITE = [0.02, 0.02, 0.6, 0.01]  # the third epoch makes it worse again
DIVERGES = {"learning_rate": [*FINITE, 1e300], "max_iter": 20}
RESTORED = r"^The training diverged: (Layer \d|The loss) became non-finite in epoch (\d+)\. "


def diverging(Estimator, **parameters):
    """An estimator whose fit diverges in its fifth epoch."""
    return Estimator(
        **{
            "hidden_layer_sizes": (6,), "batch_size": 16, "random_state": 0,
            "on_divergence": "restore_best", **DIVERGES, **parameters,
        }
    )  # fmt: skip


@STOPS_EARLY
def best_of(net, X, y, **given):
    """The same estimator, fitted up to its best epoch only; and that epoch."""
    whole = clone(net).set_params(max_iter=len(FINITE)).fit(X, y, **given)
    if net.early_stopping:
        best = int(np.argmax(whole.validation_scores_)) + 1
    else:
        losses = whole.loss_curve_ if whole.validation_loss_curve_ is None else (
            whole.validation_loss_curve_
        )  # fmt: skip
        best = int(np.argmin(losses)) + 1
    return clone(net).set_params(max_iter=best).fit(X, y, **given), best


# ------------------------------------------------------------------ fits

CASES = {
    "sgd": {"solver": "sgd", "learning_rate": [0.02, 0.02, 0.2, 0.01, 1e300]},
    "no momentum": {"solver": "sgd", "momentum": 0.0},
    "adam": {"solver": "adam"},
    "amsgrad": {"solver": nnhp.optimizers.Adam(amsgrad=True)},
    "averages": {"solver": "nadam", "ema_momentum": 0.9},
    "float32": {"dtype": "float32", "learning_rate": [*FINITE, 1e38]},
    "clipped": {"clipnorm": 1.0},
    "batches": {"normalization": "batch"},
    "early stopping": {"early_stopping": True},
    "own scorer": {"early_stopping": True, "scoring": lambda net, X, y: net.score(X, y)},
    "loss": {"early_stopping": True, "scoring": "loss"},
    "two threads": {"n_jobs": 2, "hidden_layer_sizes": (40,)},
    "a generator that the engine has not": {"random_state": np.random.RandomState(3)},
}


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("parameters", CASES.values(), ids=CASES.keys())
def test_the_best_epoch_is_restored_as_if_the_fit_had_ended_there(Estimator, parameters):
    X, y = problem_for(Estimator)
    net = diverging(Estimator, **parameters)
    expected, best = best_of(net, X, y)
    kept = rf"The weights of epoch {best}, the best before, are restored\.$"
    with pytest.warns(ConvergenceWarning, match=RESTORED + kept) as caught:
        net.fit(X, y)
    assert [warning.filename for warning in caught] == [__file__]
    assert net.n_iter_ == len(net.loss_curve_) == best
    assert_same_fit(net, expected)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_validation_data_tell_which_epoch_is_best(Estimator):
    X, y = problem_for(Estimator)
    given = {"X_val": X[60:] + 0.3, "y_val": y[60:]}
    net = diverging(Estimator)
    expected, best = best_of(net, X[:60], y[:60], **given)
    with pytest.warns(ConvergenceWarning, match=f"weights of epoch {best}, the best"):
        net.fit(X[:60], y[:60], **given)
    assert len(net.validation_loss_curve_) == best
    assert_same_fit(net, expected)


@STOPS_EARLY
@pytest.mark.parametrize("stops", [False, True], ids=["", "early stopping"])
def test_where_nothing_diverges_nothing_is_different(Estimator, stops):
    X, y = problem_for(Estimator)
    nets = [
        Estimator((6,), max_iter=5, early_stopping=stops, random_state=0, on_divergence=choice)
        if Estimator is MLPClassifier
        else Estimator(
            hidden_layer_sizes=(6,), max_iter=5, early_stopping=stops, random_state=0,
            on_divergence=choice,
        )
        for choice in ("raise", "restore_best")
    ]  # fmt: skip
    assert_same_fit(*[net.fit(X, y) for net in nets])


@STOPS_EARLY
def test_nothing_to_restore_is_an_error(Estimator):
    X, y = problem_for(Estimator)
    for stops in (False, True):
        net = diverging(Estimator, learning_rate=1e300, early_stopping=stops)
        with pytest.raises(ValueError, match=r"non-finite .*Layer \d became non-finite in epoch 1"):
            net.fit(X, y)
        assert fitted_state(net) == {}


@STOPS_EARLY
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_training_that_goes_on_leaves_the_fit_before(Estimator, method):
    X, y = problem_for(Estimator)
    net = Estimator(hidden_layer_sizes=(6,), max_iter=3, random_state=0, warm_start=True).fit(X, y)
    before = dict(fitted_state(net))
    net.set_params(learning_rate=1e300, batch_size=8, on_divergence="restore_best", max_iter=9)
    with pytest.warns(ConvergenceWarning, match="in epoch 1. The weights of the fit before are"):
        getattr(net, method)(X, y)
    assert_identical(fitted_state(net), before)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_warm_start_is_restored_to_its_own_best_epoch(Estimator):
    X, y = problem_for(Estimator)
    net = diverging(Estimator, warm_start=True, max_iter=4).fit(X, y)
    twin = clone(net).fit(X, y)
    losses = net.fit(X, y).loss_curve_[4:]
    best = int(np.argmin(losses)) + 1
    again = clone(net).fit(X, y).set_params(max_iter=20)
    with pytest.warns(ConvergenceWarning, match=f"in epoch 5. The weights of epoch {best}, "):
        again.fit(X, y)
    assert_same_fit(again, twin.set_params(max_iter=best).fit(X, y))
    assert len(again.loss_curve_) == 4 + best


class Notes:
    """A callback that counts."""

    def __init__(self):
        self.epochs = self.ends = 0

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context):
        self.ends += 1

    def on_fit_task_begin(self, estimator, context): ...
    def on_fit_task_end(self, estimator, context):
        self.epochs += 1


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_callbacks_and_verbose_see_the_same_fit(Estimator, capsys):
    X, y = problem_for(Estimator)
    net = diverging(Estimator, verbose=True)
    expected, _ = best_of(net, X, y)
    notes = Notes()
    with pytest.warns(ConvergenceWarning, match=RESTORED):
        net.set_callbacks(notes).fit(X, y)
    assert notes.ends == 1
    assert notes.epochs == 5 + 1  # each epoch, and the fit
    assert_identical(net.coefs_, expected.coefs_)
    assert "Iteration 4, loss" in capsys.readouterr().out


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_loss_that_is_not_finite_is_a_divergence(solver):
    X, y = problem("one target")
    net = MLPRegressor(hidden_layer_sizes=(4,), solver=solver, learning_rate_init=1e-300)
    with pytest.raises(ValueError, match=r"The loss became non-finite in epoch 1\."):
        net.fit(X, 1e200 * y)
    assert fitted_state(net) == {}


# ------------------------------------------------------------------ L-BFGS


@pytest.fixture
def spoilt(monkeypatch):
    """Make the last iterate of L-BFGS non-finite."""
    minimize = _lbfgs.minimize

    def spoil(*arguments, **keywords):
        result = minimize(*arguments, **keywords)
        result.x[-1] = np.inf
        return result

    monkeypatch.setattr(_lbfgs, "minimize", spoil)


@STOPS_EARLY
def test_lbfgs_goes_back_to_its_best_iterate(Estimator, spoilt, monkeypatch):
    X, y = problem_for(Estimator)
    net = Estimator(hidden_layer_sizes=(6,), solver="lbfgs", max_iter=7, random_state=0)
    with pytest.raises(ValueError, match=r"Layer 2 became non-finite in iteration 7\."):
        net.fit(X, y)
    net.set_params(on_divergence="restore_best")
    with pytest.warns(ConvergenceWarning, match=r"iteration 7\. The weights of iteration 7, the"):
        net.fit(X, y)
    monkeypatch.undo()
    assert_same_fit(net, clone(net).fit(X, y))


@STOPS_EARLY
def test_lbfgs_without_a_finite_iterate_leaves_the_fit_before():
    X, y = problem("one target")
    net = MLPRegressor(
        hidden_layer_sizes=(3,), solver="lbfgs", warm_start=True, on_divergence="restore_best",
        random_state=0, max_iter=9,
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"The loss became non-finite in iteration 0\."):
        net.fit(X, 1e200 * y)
    before = dict(fitted_state(net.fit(X, y)))
    with pytest.warns(ConvergenceWarning, match="The weights of the fit before are kept"):
        net.fit(X, 1e200 * y)
    assert_identical(fitted_state(net), before)


# ------------------------------------------------------------------ sessions


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("stops", [False, True], ids=["", "early stopping"])
def test_a_training_that_was_paused_and_moved_is_restored_to_the_same_bits(Estimator, stops):
    X, y = problem_for(Estimator)
    net = diverging(Estimator, early_stopping=stops)
    expected, best = best_of(net, X, y)
    data = prepare(net, Given(X, y), None)
    training = Training(net, data)
    while training.running:
        training.advance(1, 1)
        moved = Training(net, data)
        moved.session.restore(training.session.state())
        assert_identical(moved.session.state(), training.session.state())
        training = moved
    assert training.session.status == "restored"
    assert (training.session.diverged_epoch, training.epoch) == (5, best)
    assert_identical(training.publish()["coefs_"], expected.coefs_)


def test_the_other_sessions_of_a_call_do_not_notice():
    X, y = problem("one target")
    nets = [
        diverging(MLPRegressor, **parameters)
        for parameters in (
            {"learning_rate": 0.01}, {}, {"on_divergence": "raise"}, {"learning_rate": 0.02},
        )
    ]  # fmt: skip
    data = prepare(nets[0], Given(X, y), None)
    alone = [Training(net, data) for net in nets]
    for training in alone:
        training.advance(20, 1)
    together = [Training(net, data) for net in nets]
    _core.train_many([training.session for training in together], 20, 2)
    statuses = [training.session.status for training in together]
    assert statuses == ["limit", "restored", "diverged", "limit"]
    for one, other in zip(together, alone, strict=True):
        assert_identical(one.session.state(), other.session.state())


# ------------------------------------------------------------------ searches


@STOPS_EARLY
@pytest.mark.parametrize("choice", ["raise", "restore_best"])
def test_a_search_scores_what_is_restored(Estimator, choice):
    X, y = problem_for(Estimator)
    net = diverging(Estimator, on_divergence=choice, max_iter=9)
    space = {"learning_rate": [0.01, DIVERGES["learning_rate"], 0.03]}
    options = {"cv": 3, "error_score": -7.0, "return_train_score": True}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(?s).*fits failed", FitFailedWarning)
        ours = nnhp.GridSearchCV(net, space, **options).fit(X, y)
        theirs = sklearn.model_selection.GridSearchCV(net, space, **options).fit(X, y)
        sound = nnhp.GridSearchCV(net, {"learning_rate": [0.01, 0.03]}, **options).fit(X, y)
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    scores = ours.cv_results_["mean_test_score"]
    assert_identical(scores[[0, 2]], sound.cv_results_["mean_test_score"])
    assert (scores[1] == -7.0) == (choice == "raise")


@STOPS_EARLY
def test_error_score_raise_asks_for_those_with_nothing_to_restore_only(Estimator):
    X, y = problem_for(Estimator)
    search = nnhp.GridSearchCV(
        diverging(Estimator), {"learning_rate": [DIVERGES["learning_rate"]]}, error_score="raise"
    )
    assert np.isfinite(search.fit(X, y).best_score_)
    with pytest.raises(ValueError, match="became non-finite in epoch 1"):
        search.set_params(param_grid={"learning_rate": [1e300]}).fit(X, y)


@STOPS_EARLY
def test_rungs_and_a_study_go_on_with_what_is_kept(tmp_path):
    X, y = problem("one target")
    space = {"learning_rate": [0.01, DIVERGES["learning_rate"], 0.03, 0.02], "alpha": [0.0, 0.1]}

    def search(study=None):
        return nnhp.HalvingGridSearchCV(
            diverging(MLPRegressor), space, resource="max_iter", min_resources=2, max_resources=18,
            factor=3, cv=3, study=study, return_curves=True,
        ).fit(X, y)  # fmt: skip

    plain = search()
    recorded = search(str(tmp_path / "a.db"))
    again = search(str(tmp_path / "a.db"))
    for other in (recorded, again):
        assert_same_results(other.cv_results_, plain.cv_results_)
    assert np.isfinite(plain.cv_results_["mean_test_score"]).all()
    for curve in Study(str(tmp_path / "a.db")).curves().groupby(["candidate", "fold"]):
        epochs = curve[1]["epoch"].tolist()
        assert epochs == sorted(set(epochs))


# ------------------------------------------------------------------ issues of scikit-learn


@STOPS_EARLY
def test_scikit_learn_24713_scores_that_are_nan_until_the_end():
    """There: AttributeError, for no weights were ever the best."""
    X = np.random.RandomState(0).uniform(size=(20, 21))
    undefined = make_scorer(lambda y, p: r2_score(y[:1], p[:1]))  # NaN of a single sample
    net = MLPRegressor(early_stopping=True, max_iter=5, random_state=1)
    with (
        pytest.warns(UserWarning, match="R\\^2 score is not well-defined"),
        pytest.raises(ValueError, match="gave nan in epoch 1"),
    ):
        net.set_params(scoring=undefined).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="The validation set is too small"):
        net.set_params(scoring=None).fit(X[:2], np.ones(2))
    net.fit(X, np.ones(20))  # targets that do not vary
    assert np.isfinite(net.predict(X)).all()


def test_scikit_learn_29504_weights_that_explode_under_early_stopping():
    """There: ValueError: Input contains NaN, from the score of predictions."""
    X, y = problem("one target")
    for choice in ("raise", "restore_best"):
        net = diverging(MLPRegressor, solver="sgd", early_stopping=True, on_divergence=choice)
        with pytest.warns(ConvergenceWarning, match=RESTORED):
            net.fit(X, y)
        assert np.isfinite(net.predict(X)).all()


@STOPS_EARLY
def test_scikit_learn_33760_early_stopping_on_labels_that_are_strings():
    """There: TypeError, for numbers were looked for among predicted labels."""
    X, y = problem("multiclass")
    names = np.array(["Class_A", "Class_B", "Class_C"])
    net = MLPClassifier((6,), early_stopping=True, max_iter=5, random_state=42)
    expected = clone(net).fit(X, y)
    for labels in (names, names.astype(object)):
        net.fit(X, labels[y])
        assert_identical(raw_outputs(net, X), raw_outputs(expected, X))
        assert_identical(net.validation_scores_, expected.validation_scores_)
        with pytest.warns(ConvergenceWarning, match=RESTORED):
            diverging(MLPClassifier, early_stopping=True).fit(X, labels[y])
