"""Children of `fork` and the like: none hangs, and all compute the same bits."""

import importlib.util
import itertools
import multiprocessing
import os

import pytest
from helpers import STOPS_EARLY, assert_same_fit, assert_same_search, problem, run_child
from sklearn.base import clone

from nnhp import GridSearchCV, MLPClassifier, MLPRegressor, Study

# Python warns of any fork while there are threads; that it works is the point here.
pytestmark = [
    STOPS_EARLY,
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_processes_of_multiprocessing_train_the_same(method):
    net = MLPRegressor(hidden_layer_sizes=(12, 5), max_iter=8, random_state=0, n_jobs=2)
    X, y = problem("one target")
    expected = clone(net).fit(X, y)
    n_children = 3 if method == "fork" else 1  # others import everything anew
    with multiprocessing.get_context(method).Pool(n_children) as pool:
        fits = [pool.apply_async(clone(net).fit, (X, y)) for _ in range(n_children)]
        for fit in fits:
            assert_same_fit(fit.get(timeout=60), expected)
    assert_same_fit(clone(net).fit(X, y), expected)


# ------------------------------------------------------------------- states of the parent

PREPARE = """
import os, signal, sys, threading, time, warnings
import numpy as np
from nnhp import GridSearchCV, MLPClassifier, MLPRegressor

warnings.simplefilter("ignore")
X = np.random.RandomState(0).standard_normal((300, 5))
y = X[:, 0] * X[:, 1]

def net(max_iter=4, **parameters):
    parameters = {"hidden_layer_sizes": (40, 30), "random_state": 0, "n_jobs": 2} | parameters
    return MLPRegressor(max_iter=max_iter, tol=0.0, n_iter_no_change=np.inf, **parameters)

def bits():
    fitted = net(batch_size=300).fit(X, y), net(solver="lbfgs").fit(X, y)
    return [(f.coefs_[0].tobytes(), f.predict(X).tobytes()) for f in fitted]

def child():
    # In a child of fork: ends it with 7 if it can train.
    signal.alarm(60)
    try:
        os._exit(7 if bits() == expected else 1)
    finally:
        os._exit(2)

def fork():
    pid = os.fork()
    if pid == 0:
        child()
    return pid

def end(pid):
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code == 7, f"a child ended with {code}"

expected = bits()
"""

# What goes on in other threads, again and again, while the main one forks.
MEANWHILE = {
    "nothing": "pass",
    "trainings": "net().fit(X, y)",
    "long epochs": "net(hidden_layer_sizes=(512, 512), max_iter=1).fit(X, y)",
    "L-BFGS": "net(solver='lbfgs').fit(X, y)",
    "predictions": "fitted.predict(many)",
    "searches": "GridSearchCV(net(), {'alpha': [0.1, 0.2]}, cv=2).fit(X, y)",
    "searches with a study": (
        "GridSearchCV(net(), {'alpha': np.random.uniform(size=2)}, cv=2, study=path).fit(X, y)"
    ),
    "forks": "end(fork())",
}
FORKS_MEANWHILE = """
import tempfile
fitted, many = net().fit(X, y), np.tile(X, (100, 1))

def forks_while(work, n):
    stop = threading.Event()
    code = compile(work, work, "exec")

    def work_on():
        while not stop.wait(0.001):
            exec(code)

    workers = [threading.Thread(target=work_on) for _ in range(2)]
    for worker in workers:
        worker.start()
    try:
        for _ in range(n):
            time.sleep(0.01 * np.random.uniform())
            end(fork())
    finally:
        stop.set()
        for worker in workers:
            worker.join()

with tempfile.TemporaryDirectory() as folder:
    path = f"{{folder}}/study.db"
    for what, work in {works}.items():
        print(what, file=sys.stderr)
        forks_while(work, {n})
assert bits() == expected
"""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_forks_while_other_threads_work(long_form, count):
    n = 25 if long_form else 3
    run_child(PREPARE + FORKS_MEANWHILE.format(works=MEANWHILE, n=n), timeout=1500)
    count("forks", n * len(MEANWHILE))


FORK_IN_A_HANDLER = """
import os, signal, threading, warnings
import numpy as np
from nnhp import MLPRegressor

warnings.simplefilter("ignore")
X = np.random.RandomState(0).standard_normal((300, 5))
children = []

def fork(number, frame):
    child = os.fork()
    if child:
        children.append(child)
        raise TimeoutError
    signal.alarm(30)

def fit(max_iter):
    net = MLPRegressor(hidden_layer_sizes=(8,), max_iter=max_iter, tol=0.0, random_state=0)
    return net.set_params(n_iter_no_change=np.inf).fit(X, X[:, 0])

signal.signal(signal.SIGUSR1, fork)
threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
try:
    fit(10**9)
except TimeoutError:
    _, status = os.waitpid(children[0], 0)
    print(os.waitstatus_to_exitcode(status), fit(3).n_iter_)
except RuntimeError as error:  # the child: its fit is over, others work
    os._exit(7 if "fork" in str(error) and fit(3).n_iter_ == 3 else 1)
"""


@pytest.mark.parametrize("others", [0, 1])
def test_fork_in_a_signal_handler_during_a_fit(others):
    """Also where another fit has the persistent engine thread, so that this one's is its own."""
    other = "threading.Thread(target=fit, args=(10**9,), daemon=True).start()\n" * others
    code = FORK_IN_A_HANDLER.replace("threading.Timer", other + "threading.Timer")
    assert run_child(code) == "7 3\n"


CHILDREN_OF_CHILDREN = """
# The first child has used no thread of the engine when it forks.
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        end(fork())
        if bits() != expected:
            os._exit(1)
        end(fork())
        child()
    end(pid)
assert bits() == expected
"""


def test_children_of_children():
    run_child(PREPARE + CHILDREN_OF_CHILDREN)


# ------------------------------------------------------------------- open studies


def test_a_study_that_is_open_is_not_shared_with_a_child(tmp_path):
    """A child that goes on with its parent's search gets an error; one of its own it may write."""
    X, y = problem("multiclass")
    path = str(tmp_path / "study.db")
    net = MLPClassifier((6,), max_iter=4, random_state=0)
    parent, children = os.getpid(), []

    def score(net, X, y):
        if os.getpid() == parent and net.alpha == 0.2 and not children:
            children.append(os.fork())
        return net.score(X, y)

    def search(study=None, n_values=3):
        grid = {"alpha": [0.1, 0.2, 0.3][:n_values]}
        return GridSearchCV(clone(net), grid, cv=3, scoring=score, study=study)

    try:
        shared = search(path).fit(X, y)
    except RuntimeError as error:
        code = 1
        try:
            told = f"This study is open in process {parent}, not in a child of it." == str(error)
            n_trials = len(Study(path).trials())
            own = search(path, n_values=2).fit(X, y)
            code = 7 if told and n_trials <= 3 and len(own.cv_results_["params"]) == 2 else 2
        finally:
            os._exit(code)
    if os.getpid() != parent:
        os._exit(3)  # it went on
    assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == 7
    assert_same_search(shared, search().fit(X, y))
    assert Study(path).trials()["status"].tolist() == ["complete"] * 5


# ------------------------------------------------------------------- other users of OpenMP

# Compiled modules that come with what the tests need.
MANY = [
    *("numpy", "scipy.linalg", "scipy.optimize", "scipy.sparse", "scipy.spatial", "scipy.special"),
    *("sklearn.ensemble", "sklearn.neighbors", "sklearn.svm", "pandas", "polars", "pyarrow"),
    *("pyarrow.parquet", "matplotlib.pyplot", "PIL.Image", "contourpy", "kiwisolver", "msgpack"),
    *("onnx", "onnxruntime", "optuna", "psutil", "safetensors", "sqlalchemy", "ssl", "sqlite3"),
    *("torch", "yaml", "lightgbm", "xgboost"),
]
LAST_OF_MANY = """
import importlib, warnings
warnings.simplefilter("ignore")
for name in {names}:
    importlib.import_module(name)
import nnhp
X = [[0.0], [1.0]] * 40
print(nnhp.MLPClassifier(4, max_iter=2, n_jobs=2).fit(X, [0, 1] * 40).n_iter_)
"""


@pytest.mark.slow
def test_the_last_of_many_libraries_is_loaded():
    """The loader keeps little memory for thread-local data, of which those before take."""
    there = [name for name in MANY if importlib.util.find_spec(name.partition(".")[0])]
    assert len(there) >= 25
    assert run_child(LAST_OF_MANY.format(names=there)) == "2\n"


# How each library's own threads are used once.
USES = {
    "nnhp": "fit()",
    "torch": "(torch.ones(300, 300, requires_grad=True) @ torch.ones(300, 300)).sum().backward()",
    "sklearn": (
        "from sklearn.ensemble import HistGradientBoostingRegressor\n"
        "HistGradientBoostingRegressor(max_iter=2).fit(X, y).predict(X)"
    ),
    "lightgbm": (
        "lightgbm.train({'num_threads': 2, 'verbose': -1}, lightgbm.Dataset(X, y), 2).predict(X)"
    ),
    "xgboost": "xgboost.train({'nthread': 2}, xgboost.DMatrix(X, y), 2)",
}
USE_AND_FORK = """
import faulthandler, hashlib, os, signal, sys, warnings
import numpy as np

faulthandler.dump_traceback_later(280, exit=True)
warnings.simplefilter("ignore")
X = np.random.RandomState(0).standard_normal((400, 6))
y = X[:, 0] * X[:, 1]

def fit():
    import nnhp
    net = nnhp.MLPRegressor(hidden_layer_sizes=(40, 30), max_iter=4, batch_size=400, n_jobs=2)
    net.set_params(random_state=0).fit(X, y)
    return hashlib.sha1(net.coefs_[0].tobytes() + net.predict(X).tobytes()).hexdigest()

uses = {uses}
for name in {order}:
    exec(f"import {{name}}")
    exec(uses[name])
expected = fit()
pid = os.fork()
if pid == 0:
    signal.alarm(60)
    os._exit(7 if fit() == expected else 1)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
assert fit() == expected
print(expected)
"""


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_any_order_of_users_of_openmp(long_form, count):
    """After each has used its threads, nnhp's own work in parent and child, with the same bits."""
    there = [name for name in USES if importlib.util.find_spec(name)]
    orders = list(itertools.permutations(there))
    if not long_form:  # in which each is the first once
        orders = orders[:: len(orders) // len(there)]
    told = {run_child(USE_AND_FORK.format(uses=USES, order=o), timeout=300) for o in orders}
    assert len(told) == 1
    if len(there) == len(USES):
        count("import orders", len(orders))
