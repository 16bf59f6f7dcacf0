"""scikit-learn's callback protocol, which its own MLPs lack."""

import copy
import time

import numpy as np
import pytest
from helpers import (
    STOPS_EARLY,
    Hook,
    assert_identical,
    assert_same_fit,
    fitted_state,
    problem,
    problem_for,
    raw_outputs,
)
from sklearn.base import clone
from sklearn.callback import FitCallback, ScoringMonitor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nnhp import MLPClassifier, MLPRegressor
from nnhp.callbacks import EarlyStopping

pytestmark = STOPS_EARLY

N_EPOCHS = 5


def small(Estimator, **parameters):
    defaults = {"hidden_layer_sizes": (6,), "max_iter": N_EPOCHS, "random_state": 0}
    return Estimator(**defaults | parameters)


def without_hooks(estimator):
    return {name: value for name, value in fitted_state(estimator).items() if "_skl" not in name}


def test_hook_follows_the_protocol():
    assert isinstance(Hook(), FitCallback)


@pytest.mark.parametrize(("solver", "step"), [("adam", "epoch"), ("lbfgs", "iteration")])
def test_order_of_events(Estimator, solver, step):
    hook = Hook()
    net = small(Estimator, solver=solver).set_callbacks(hook).fit(*problem_for(Estimator))
    steps = [f"begin {step}", f"end {step}"] * net.n_iter_
    assert net.n_iter_ == N_EPOCHS
    assert hook.events == ["setup", "begin fit", *steps, "end fit", "teardown"]


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_a_callback_that_looks_on_changes_nothing(Estimator, solver):
    X, y = problem_for(Estimator)
    watched = small(Estimator, solver=solver).set_callbacks(Hook()).fit(X, y)
    plain = small(Estimator, solver=solver).fit(X, y)
    assert_identical(without_hooks(watched), fitted_state(plain))


@pytest.mark.parametrize("parameters", [{}, {"early_stopping": True}, {"dropout": 0.3}])
def test_each_epoch_brings_the_estimator_of_that_epoch(Estimator, parameters):
    X, y = problem_for(Estimator)
    snapshots = []
    hook = Hook(lambda epoch, fitted, X, y: snapshots.append((epoch, fitted)))
    small(Estimator, **parameters).set_callbacks(hook).fit(X, y)
    assert [epoch for epoch, _ in snapshots] == list(range(N_EPOCHS))
    for epoch, fitted in snapshots:
        expected = small(Estimator, max_iter=epoch + 1, **parameters).fit(X, y)
        assert_identical(raw_outputs(fitted, X), raw_outputs(expected, X))
        assert fitted.loss_curve_ == expected.loss_curve_
    arrays = [fitted.coefs_[0] for _, fitted in snapshots]
    assert not any(np.shares_memory(arrays[0], other) for other in arrays[1:])


def test_a_snapshot_may_be_changed_without_harm(Estimator):
    def spoil(epoch, fitted, X, y):
        fitted.coefs_[0][:] = 1e9
        fitted.loss_curve_.clear()

    X, y = problem_for(Estimator)
    spoiled = small(Estimator).set_callbacks(Hook(spoil)).fit(X, y)
    assert_identical(without_hooks(spoiled), fitted_state(small(Estimator).fit(X, y)))


def test_a_callback_that_stops(Estimator):
    X, y = problem_for(Estimator)
    hook = Hook(lambda epoch, fitted, X, y: epoch == 2)
    net = small(Estimator, max_iter=50).set_callbacks(hook).fit(X, y)
    assert net.n_iter_ == 3
    assert_identical(without_hooks(net), fitted_state(small(Estimator, max_iter=3).fit(X, y)))
    assert hook.events[-2:] == ["end fit", "teardown"]


def test_lbfgs_refuses_to_be_stopped(Estimator):
    X, y = problem_for(Estimator)
    net = small(Estimator, solver="lbfgs").set_callbacks(Hook(lambda *seen: True))
    with pytest.raises(ValueError, match=r"callback asked to stop.*solver='lbfgs'"):
        net.fit(X, y)
    assert without_hooks(net) == {}


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_callback_that_raises_keeps_the_old_state(Estimator, solver, error):
    X, y = problem_for(Estimator)
    net = small(Estimator, solver=solver).fit(X, y)
    before = copy.deepcopy(fitted_state(net))

    def fail(epoch, fitted, X, y):
        if epoch == 2:
            raise error("the callback's own")

    hook = Hook(fail)
    with pytest.raises(error, match="the callback's own"):
        net.set_callbacks(hook).fit(X[:50], y[:50])
    assert_identical(without_hooks(net), before)
    assert hook.events[-1] == "teardown"


def test_a_callback_may_use_the_object_that_is_being_fitted():
    X, y = problem("binary")
    net = small(MLPClassifier)
    old = small(MLPClassifier, random_state=9).fit(X, y)
    vars(net).update(fitted_state(copy.deepcopy(old)))
    seen = []
    # Until the fit is over the object answers with the parameters of the fit before.
    hook = Hook(lambda epoch, fitted, X, y: seen.append((net.predict_proba(X), net.score(X, y))))
    net.set_callbacks(hook).fit(X, y)
    assert len(seen) == N_EPOCHS
    assert_identical(seen, [(old.predict_proba(X), old.score(X, y))] * N_EPOCHS)
    assert_identical(without_hooks(net), fitted_state(small(MLPClassifier).fit(X, y)))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_callback_may_fit_and_use_any_object(n_jobs):
    X, y = problem("one target")
    inner = small(MLPRegressor, random_state=4, n_jobs=n_jobs)
    scores = []

    def train_another(epoch, fitted, X, y):
        scores.append(clone(inner).fit(X, y).score(X, y))
        scores.append(fitted.score(X, y))
        fitted.set_callbacks().fit(X[:30], y[:30]).partial_fit(X, y)

    net = small(MLPRegressor, n_jobs=n_jobs).set_callbacks(Hook(train_another)).fit(X, y)
    assert scores[::2] == [inner.fit(X, y).score(X, y)] * N_EPOCHS
    assert scores[-1] == net.score(X, y)
    assert_identical(without_hooks(net), fitted_state(small(MLPRegressor).fit(X, y)))


def test_a_callback_may_fit_the_same_object():
    X, y = problem("one target")
    net = small(MLPRegressor)
    callbacks = net.set_callbacks(Hook())._skl_callbacks

    def fit_again(epoch, fitted, X, y):
        same = net.set_callbacks()
        same.fit(X[:20], y[:20])
        same.set_callbacks(*callbacks)

    callbacks[0].at_end = fit_again
    try:
        net.fit(X, y)
    except (AttributeError, RuntimeError, ValueError):
        pytest.fail("a fit inside of a fit of the same object broke the outer one")
    assert_identical(without_hooks(net), fitted_state(small(MLPRegressor).fit(X, y)))


def test_a_slow_callback_changes_nothing(Estimator):
    X, y = problem_for(Estimator)
    net = small(Estimator, early_stopping=True).set_callbacks(Hook(lambda *seen: time.sleep(0.02)))
    expected = small(Estimator, early_stopping=True).fit(X, y)
    assert_identical(without_hooks(net.fit(X, y)), fitted_state(expected))


def test_callbacks_get_the_data_as_given():
    import pandas as pd

    X, y = problem("one target")
    frame, weight = pd.DataFrame(X, columns=list("abcdefg")), np.ones(len(y))
    seen = []

    class Looker(Hook):
        def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None):
            seen.append((X is frame, y is targets, metadata["sample_weight"] is weight))

    targets = pd.Series(y)
    small(MLPRegressor).set_callbacks(Looker()).fit(frame, targets, sample_weight=weight)
    assert seen == [(True, True, True)] * (N_EPOCHS + 1)


def test_scoring_monitor(Estimator):
    X, y = problem_for(Estimator)
    name = "accuracy" if Estimator is MLPClassifier else "r2"
    monitor = ScoringMonitor(scoring=name)
    net = small(Estimator).set_callbacks(monitor).fit(X, y)
    log = monitor.get_logs().data
    expected = [small(Estimator, max_iter=n).fit(X, y).score(X, y) for n in range(1, N_EPOCHS + 1)]
    scores = [entry[name] for entry in log if entry["task_name"] == "epoch"]
    assert scores == expected
    assert [e[name] for e in log if e["task_name"] == "fit"] == [net.score(X, y)]


def test_progress_bar(Estimator, capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    X, y = problem_for(Estimator)
    net = small(Estimator).set_callbacks(ProgressBar()).fit(X, y)
    assert_identical(without_hooks(net), fitted_state(small(Estimator).fit(X, y)))
    shown = capsys.readouterr().out
    assert f"{Estimator.__name__} - fit" in shown
    assert "100%" in shown


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_inside_of_a_search_and_a_pipeline(n_jobs):
    X, y = problem("binary")
    monitor = ScoringMonitor(scoring="accuracy")
    net = small(MLPClassifier).set_callbacks(monitor)
    pipeline = make_pipeline(StandardScaler(), net)
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [1e-4, 1.0]}, cv=3, n_jobs=n_jobs).fit(
        X, y
    )
    plain = GridSearchCV(
        make_pipeline(StandardScaler(), small(MLPClassifier)),
        {"mlpclassifier__alpha": [1e-4, 1.0]},
        cv=3,
    ).fit(X, y)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
    )
    best = search.best_estimator_[-1]
    assert_identical(without_hooks(best), fitted_state(plain.best_estimator_[-1]))
    assert [e for e in monitor.get_logs().data if e["task_name"] == "epoch"]


def test_auto_propagated_callback_of_a_search():
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    X, y = problem("binary")
    search = GridSearchCV(small(MLPClassifier), {"alpha": [1e-4, 1.0]}, cv=2)
    search.set_callbacks(ProgressBar(max_propagation_depth=2)).fit(X, y)
    expected = GridSearchCV(small(MLPClassifier), {"alpha": [1e-4, 1.0]}, cv=2).fit(X, y)
    assert search.best_score_ == expected.best_score_


def test_set_callbacks_of_nothing_and_of_wrong_things(Estimator):
    X, y = problem_for(Estimator)
    hook = Hook()
    small(Estimator).set_callbacks(hook).set_callbacks().fit(X, y)
    assert hook.events == []
    with pytest.raises(TypeError, match="callbacks must have the methods setup, "):
        small(Estimator).set_callbacks(print)


def test_partial_fit_has_no_epochs_to_tell_of(Estimator):
    X, y = problem_for(Estimator)
    hook = Hook()
    net = small(Estimator).fit(X, y)
    twin = copy.deepcopy(net).partial_fit(X, y)
    assert_same_fit(net.partial_fit(X, y), twin)
    net.set_callbacks(hook).partial_fit(X, y)
    assert hook.events == []


class Lacking:
    """Half of a callback."""

    def setup(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        pass


@pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (EarlyStopping(), r"EarlyStopping object .* lacks setup, .*: it is one of Keras's kind,"),
        ("x", "'x' lacks setup, on_fit_task_begin, on_fit_task_end, teardown.$"),
        (Lacking(), "Lacking object .* lacks on_fit_task_begin, teardown.$"),
        (Hook, "must be objects, got the class Hook.$"),
    ],
)
def test_what_is_no_callback_is_told(Estimator, wrong, told):
    net = small(Estimator).set_callbacks(Hook())
    with pytest.raises(TypeError, match=told):
        net.set_callbacks(Hook(), wrong)
    assert len(net._skl_callbacks) == 1


class Quiet:
    """A callback that does nothing."""

    def setup(self, estimator, context):
        pass

    on_fit_task_begin = on_fit_task_end = teardown = setup


class AsksInPlace(Quiet):
    def on_fit_task_end(self, estimator, context, X=None, *, fitted_estimator=None):
        pass


class AsksForWhatIsRequired(Quiet):
    def on_fit_task_end(self, estimator, context, fitted_estimator):
        pass


class AsksAtTheBeginning(Quiet):
    def on_fit_task_begin(self, estimator, context, metadata=None):
        pass


class AsksRightly(Quiet):
    def on_fit_task_end(self, net, its_context, other=None, *, X, y=None, fitted_estimator):
        self.seen = len(X), y is None, fitted_estimator is None


@pytest.mark.parametrize(
    ("callback", "told"),
    [
        (AsksInPlace(), r"X by keyword alone: on_fit_task_end of <.*AsksInPlace .* after a \*"),
        (AsksForWhatIsRequired(), "fitted_estimator by keyword alone: on_fit_task_end of"),
        (AsksAtTheBeginning(), "metadata by keyword alone: on_fit_task_begin of"),
    ],
)
def test_what_would_not_be_given_is_not_asked_for(Estimator, callback, told):
    with pytest.raises(TypeError, match=told):
        small(Estimator).set_callbacks(callback)


def test_what_is_asked_for_by_keyword_is_given(Estimator):
    X, y = problem_for(Estimator)
    callback = AsksRightly()
    small(Estimator).set_callbacks(callback).fit(X, y)
    assert callback.seen == (len(X), False, False)
