"""Ctrl-C: answered soon whatever is running, and nothing half-done is left behind.

Every program here runs in a process of its own and interrupts itself.
"""

import pytest
from helpers import run_child

# Seconds, as promised. The machine may be busy with other things: one of a few attempts must do.
SOON = 0.3
ATTEMPTS = 6
# What is interrupted in its midst would take this long: far too long to end SOON by itself.
LONG = 10.0

PREPARE = """
import os, pickle, signal, threading, time, warnings
import numpy as np
from nnhp import MLPClassifier, MLPRegressor
from sklearn.exceptions import ConvergenceWarning

warnings.simplefilter("ignore", ConvergenceWarning)
sent = []

def interrupt(after=0.4, times=1):
    def send():
        for _ in range(times):
            sent.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.03)
    threading.Timer(after, send).start()

def assert_soon():
    assert sent, "ended before the signal"
    late = time.monotonic() - sent[0]
    assert late < SOON, f"too late: {late:.2f} s"

rng = np.random.RandomState(0)
forever = dict(max_iter=10**9, tol=0.0, n_iter_no_change=np.inf, random_state=0)
""".replace("SOON", str(SOON))


def run_interrupted(code, **environment):
    """Run a program that interrupts itself; again, if it was only too late."""
    for _ in range(ATTEMPTS - 1):
        try:
            return run_child(PREPARE + code, **environment)
        except AssertionError as error:
            if "too late" not in str(error):
                raise
    return run_child(PREPARE + code, **environment)


SMALL = "X = rng.standard_normal((300, 5)); y = X[:, 0] * X[:, 1]; sizes = (8,)\n"
LARGE = "X = rng.standard_normal((60_000, 50)); y = X[:, 0] * X[:, 1]; sizes = (256, 256)\n"

# A fit that the user called: what is done is kept, with a warning.
KEEPS_THE_EPOCHS = """
net = MLPRegressor(hidden_layer_sizes=sizes, {options}, **forever)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    interrupt()
    net.fit(X, y)
assert_soon()
assert [str(w.message) for w in caught] == ["Training interrupted by user."]
assert caught[0].filename == "<string>"
assert len(net.loss_curve_) == net.n_iter_ >= 1
fresh = MLPRegressor(hidden_layer_sizes=sizes, {options}, **{{**forever, "max_iter": net.n_iter_}})
fresh.fit(X, y)
for name in ("coefs_", "intercepts_", "loss_curve_", "t_", "validation_scores_", "best_loss_"):
    np.testing.assert_equal(getattr(net, name), getattr(fresh, name))
net.partial_fit(X[:50], y[:50]) if not net.early_stopping else net.predict(X)
"""
FITS = {
    "adam": "batch_size=32",
    "early stopping": "batch_size=32, early_stopping=True",
    "other scorer": "batch_size=32, early_stopping=True, scoring='neg_max_error'",
    "dropout": "dropout=0.2",
    "verbose": "verbose=True",
}


@pytest.mark.slow
@pytest.mark.parametrize("options", FITS.values(), ids=FITS.keys())
def test_a_direct_fit_keeps_its_epochs_and_warns(options):
    run_interrupted(SMALL + KEEPS_THE_EPOCHS.format(options=options))


def test_a_generator_stands_where_the_training_stands():
    code = """
X = rng.standard_normal((300, 5)); y = X[:, 0]
ours, fresh = np.random.RandomState(5), np.random.RandomState(5)
net = MLPRegressor(hidden_layer_sizes=(4,), **{**forever, "random_state": ours})
warnings.simplefilter("ignore")
interrupt()
net.fit(X, y)
MLPRegressor(
    hidden_layer_sizes=(4,), **{**forever, "random_state": fresh, "max_iter": net.n_iter_}
).fit(X, y)
np.testing.assert_equal(ours.get_state(legacy=False), fresh.get_state(legacy=False))
"""
    run_interrupted(code)


# One epoch, prediction or loss of L-BFGS that takes long: there is nothing to keep, so the caller
# has to know. The engine looks for a stop at every block of rows, whatever goes through the net.
# How many rows take LONG is found out first, on more and more of them.
WITHIN = """
warnings.simplefilter("ignore")
samples = rng.standard_normal((1000, 5))
net = MLPRegressor(hidden_layer_sizes=(512, 512), max_iter=1, random_state=0, n_jobs=1)
net.set_params({options})

def work_on(n):
    X = np.resize(samples, (n, 5))
    y = X[:, 0] * X[:, 1]
    started = time.monotonic()
    {work}
    return time.monotonic() - started

X, y = samples[:100], samples[:100, 0]
net.fit(X, y)
n, taken = 100, 0.0
while taken < 0.2:
    n *= 2
    taken = work_on(n)
before = pickle.dumps(net)
interrupt()
try:
    work_on(int(n * LONG / taken))
except KeyboardInterrupt:
    assert_soon()
else:
    raise SystemExit("not interrupted")
assert pickle.dumps(net) == before
assert net.predict(X).shape == (100,)
""".replace("LONG", str(LONG))
# id: (what is interrupted, parameters)
WORKS = {
    "small batches": ("net.fit(X, y)", ""),
    "one batch": ("net.fit(X, y)", "batch_size=10**9"),
    "steps of one row": ("net.fit(X, y)", "batch_size=1"),
    "partial_fit": ("net.partial_fit(X, y)", ""),
    "validation": ("net.fit(X[:9], y[:9], X_val=X, y_val=y)", ""),
    "score of early stopping": (
        "net.fit(X[:9], y[:9], X_val=X, y_val=y)",
        "early_stopping=True",
    ),
    "prediction of another scorer": (
        "net.fit(X[:9], y[:9], X_val=X, y_val=y)",
        "early_stopping=True, scoring='neg_max_error'",
    ),
    "prediction": ("net.predict(X)", ""),
    "lbfgs": ("net.fit(X, y)", "solver='lbfgs', max_fun=1"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("work", "options"), WORKS.values(), ids=WORKS.keys())
def test_long_work_is_given_up_in_its_midst(work, options):
    run_interrupted(WITHIN.format(work=work, options=options), OMP_NUM_THREADS="1")


@pytest.mark.slow
def test_a_huge_batch_is_answered_between_epochs():
    code = """
warnings.simplefilter("ignore")
net = MLPRegressor(hidden_layer_sizes=(16,), batch_size=60_000, n_jobs=1, **forever)
interrupt(after=1.0)
net.fit(X, y)
assert_soon()
assert net.n_iter_ >= 1
"""
    run_interrupted(LARGE + code)


@pytest.mark.slow
def test_lbfgs():
    code = """
y = (y > 0).astype(int)
net = MLPClassifier((64,), solver="lbfgs", max_iter=10**6, max_fun=10**9, tol=1e-300)
net.set_params(random_state=0)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    interrupt(after=1.0)
    try:
        net.fit(X, y)
    except KeyboardInterrupt:  # no iteration was done yet
        assert not hasattr(net, "coefs_")
    else:
        assert "Training interrupted by user." in [str(w.message) for w in caught]
        assert net.n_iter_ >= 1 and np.isfinite(net.loss_)
        net.predict(X[:5])
assert_soon()
"""
    run_interrupted(LARGE + code)


# Whoever called the fit must not go on with a net that is not ready.
CALLERS = {
    "pipeline": "make_pipeline(StandardScaler(), net).fit(X, y)",
    "search": "GridSearchCV(net, {'alpha': [1e-4, 1e-3]}, cv=2).fit(X, y)",
    "search, raising": "GridSearchCV(net, {'alpha': [1.0]}, cv=2, error_score='raise').fit(X, y)",
    "cross_val_score": "cross_val_score(net, X, y, cv=2)",
    "threads of joblib": (
        "Parallel(2, backend='threading')(delayed(clone(net).fit)(X, y) for _ in range(2))"
    ),
    "own code around a search": "(lambda: cross_validate(net, X, y, cv=2))()",
    "callback": "net.set_callbacks(Fits()).fit(X, y)",
}
CALL = """
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

class Fits:
    def setup(self, estimator, context): pass
    def teardown(self, estimator, context): pass
    def on_fit_task_begin(self, estimator, context): pass
    def on_fit_task_end(self, estimator, context):
        if sent:
            raise KeyboardInterrupt

net = MLPRegressor(hidden_layer_sizes=sizes, **forever)
interrupt()
try:
    {call}
except KeyboardInterrupt:
    assert_soon()
    print("KeyboardInterrupt")
"""


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLERS.values(), ids=CALLERS.keys())
def test_callers_learn_of_it(call):
    code = SMALL + "warnings.simplefilter('error')\n" + CALL.format(call=call)
    assert run_interrupted(code) == "KeyboardInterrupt\n"


def test_a_second_signal_while_the_first_is_handled():
    code = """
warnings.simplefilter("ignore")
net = MLPRegressor(hidden_layer_sizes=sizes, **forever)
interrupt(times=4)
try:
    net.fit(X, y)
    time.sleep(1)
except KeyboardInterrupt:
    pass
assert_soon()
try:
    time.sleep(0.3)
except KeyboardInterrupt:
    pass
net = MLPRegressor(hidden_layer_sizes=sizes, max_iter=3, random_state=0).fit(X, y)
assert net.n_iter_ == 3
print("alive")
"""
    assert run_interrupted(SMALL + code) == "alive\n"


def test_a_fit_on_another_thread_does_not_swallow_the_signal():
    code = """
net = MLPRegressor(hidden_layer_sizes=sizes, **{**forever, "max_iter": 2000})
other = threading.Thread(target=net.fit, args=(X, y))
other.start()
interrupt(after=0.2)
try:
    while True:
        time.sleep(0.01)
except KeyboardInterrupt:
    assert_soon()
other.join()
assert net.n_iter_ == 2000
"""
    run_interrupted(SMALL + code)


def test_fits_on_other_threads_end_with_the_one_that_meets_the_signal():
    code = """
from sklearn.pipeline import make_pipeline

warnings.simplefilter("ignore")
direct, called = (MLPRegressor(hidden_layer_sizes=sizes, **forever) for _ in range(2))
raised = []

def fit_in_a_pipeline():
    try:
        make_pipeline(called).fit(X, y)
    except KeyboardInterrupt:
        raised.append(True)

def fit_directly():
    direct.fit(X, y)

threads = [threading.Thread(target=work) for work in (fit_in_a_pipeline, fit_directly)]
for thread in threads:
    thread.start()
interrupt()
MLPRegressor(hidden_layer_sizes=sizes, **forever).fit(X, y)
for thread in threads:
    thread.join()
assert_soon()
assert raised == [True]
assert direct.n_iter_ == len(direct.loss_curve_) >= 1
# Later calls are not disturbed, on any thread.
last = threading.Thread(target=direct.set_params(max_iter=2000).fit, args=(X, y))
last.start()
last.join()
assert direct.n_iter_ == called.set_params(max_iter=2000).fit(X, y).n_iter_ == 2000
print("ended")
"""
    assert run_interrupted(SMALL + code) == "ended\n"


def test_ones_own_signal_handler_is_called_and_its_exception_comes_through():
    code = """
class Stop(Exception):
    pass

def handler(number, frame):
    raise Stop

signal.signal(signal.SIGINT, handler)
net = MLPRegressor(hidden_layer_sizes=sizes, **forever)
interrupt()
try:
    net.fit(X, y)
except Stop:
    assert_soon()
    assert not hasattr(net, "coefs_")
    print("stopped")
"""
    assert run_interrupted(SMALL + code) == "stopped\n"
