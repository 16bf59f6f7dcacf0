"""Ctrl-C at any moment, once or again while the first is handled: answered, and nothing is broken.

How long an answer takes is counted, not asserted: the machine may be busy with other things.
"""

import json

import pytest
from helpers import run_child

PROGRAM = """
import json, os, signal, sys, tempfile, threading, time, warnings
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from nnhp import GridSearchCV, HalvingRandomSearchCV, MLPClassifier, MLPRegressor, Study

warnings.simplefilter("ignore")
working = False

def interrupt(number, frame):
    if working:
        raise KeyboardInterrupt

signal.signal(signal.SIGINT, interrupt)
rng = np.random.RandomState({seed})
X = rng.standard_normal((2000, 20))
y = X[:, 0] * X[:, 1]
labels = (y > 0).astype(int)
many, targets = np.tile(X, (100, 1)), np.tile(y, 100)
alphas = np.linspace(0.1, 1.0, 2000)
folder = tempfile.TemporaryDirectory()
study = f"{{folder.name}}/study.db"

def net(*hidden, **parameters):
    defaults = {{"max_iter": 10**6, "tol": 0.0, "n_iter_no_change": np.inf, "random_state": 0}}
    return MLPRegressor(hidden_layer_sizes=hidden, **defaults | parameters)

def grid(study=None, steps=()):
    estimator = MLPClassifier((16,), max_iter=200, tol=0.0, random_state=0)
    name = "mlpclassifier__alpha" if steps else "alpha"
    if steps:
        estimator = make_pipeline(*steps, estimator)
    return GridSearchCV(estimator, {{name: alphas}}, cv=3, study=study)

def halving():
    estimator = MLPClassifier((16,), tol=0.0, n_iter_no_change=10**6, random_state=0)
    return HalvingRandomSearchCV(
        estimator, {{"alpha": alphas.tolist()}}, resource="max_iter", max_resources=9000,
        n_candidates=1000, cv=3, random_state=0, study=study,
    )

fitted = net(256, 256, max_iter=1).fit(X, y)

# Each is far from its end when it is interrupted.
def short_epochs(): net(16).fit(X, y)
def long_epochs(): net(512, 512).fit(many, targets)
def lbfgs(): net(64, solver="lbfgs", max_fun=10**9).set_params(tol=1e-300).fit(X, y)
def partial_fits():
    learner = net(8)
    while not sent: learner.partial_fit(X[:50], y[:50])
def predictions():
    while not sent: fitted.predict(many)
def small_fits_and_predictions():
    while not sent: net(4, max_iter=2).fit(X[:50], y[:50]).predict(X[:5])
def search(): grid().fit(X, labels)
def search_with_a_study(): grid(study).fit(X, labels)
def search_of_a_pipeline(): grid(steps=[StandardScaler()]).fit(X, labels)
def halving_with_a_study(): halving().fit(X, labels)

def sends(delays, done):
    for delay in delays:
        time.sleep(delay)
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)
    done.set()

def answer(work, delays):
    # Seconds from the first signal to the end of the work.
    global sent, working
    sent, done = [], threading.Event()
    sender = threading.Thread(target=sends, args=(delays, done))
    try:
        working = True
        sender.start()
        work()
        working = False
    except KeyboardInterrupt:
        working = False
    answered = time.monotonic()
    done.wait()
    sender.join()
    return max(answered - sent[0], 0.0)

def bits():
    return [fit.coefs_[0].tobytes() for fit in (
        net(9, max_iter=3).fit(X, y), net(9, max_iter=3, solver="lbfgs").fit(X, y)
    )]

def threads_a_while():
    for _ in range(20):  # those that were told to end do so
        yield len(os.listdir("/proc/self/task"))
        time.sleep(0.02)

def threads_between():
    # After a search has closed what the one before could not.
    folds = GridSearchCV(net(4, max_iter=1), {{"alpha": [0.1]}}, cv=2, study=f"{{study}}.other")
    folds.fit(X, y)
    return min(threads_a_while())

expected, took, n_threads = bits(), [], threads_between()
for _ in range({n}):
    for work in ({works}):
        print(work.__name__, file=sys.stderr)
        delays = [rng.uniform(0.0, 0.6), *(rng.uniform(0.0, 0.1) for _ in range({again}))]
        took.append([work.__name__, answer(work, delays)])
        assert bits() == expected
        n_between = threads_between()
        assert n_between <= n_threads, (n_between, n_threads)
        if os.path.exists(study):
            assert (Study(study).trials()["folds"] <= 3).all()
print(json.dumps(took))
"""
WORKS = (
    "short_epochs, long_epochs, lbfgs, partial_fits, predictions, small_fits_and_predictions, "
    "search, search_with_a_study, search_of_a_pipeline, halving_with_a_study"
)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("again", [0, 1, 3], ids=["once", "twice", "four times"])
def test_any_moment(again, long_form, count):
    """Afterwards trainings have their usual bits, threads are no more, and studies can be read."""
    n = 8 if long_form else 2
    code = PROGRAM.format(seed=again, n=n, works=WORKS, again=again)
    for work, seconds in json.loads(run_child(code, timeout=3000)):
        count("interruptions", 1000 * seconds)
        print(f"{work}: {1000 * seconds:.0f} ms")
