"""Disks without room: an error that says so, and nothing that was written before is lost."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers import assert_same_fit, assert_same_search, problem, run_child

from nnhp import GridSearchCV, MLPClassifier, MLPRegressor, Study, load


@pytest.fixture
def disk(tmp_path):
    """A file system of its own in memory: its folder, and what sets its size in KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(*options):
        subprocess.run(["mount", *options, folder], capture_output=True, check=True)

    try:
        mount("-t", "tmpfs", "-o", "size=16k", "none")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("nothing can be mounted here: see the limits of files' sizes instead")
    yield folder, lambda size: mount("-o", f"remount,size={size}k")
    subprocess.run(["umount", folder], check=True)


def search(study=None):
    net = MLPClassifier((6,), max_iter=3, random_state=0, tol=0.0)
    grid = {"alpha": np.linspace(0.1, 1.0, 40)}
    X, y = problem("multiclass")
    return GridSearchCV(net, grid, cv=3, study=study, return_curves=True).fit(X, y)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_search_whose_study_fills_the_disk(disk, long_form, count):
    """Given room, it goes on with all that was recorded."""
    folder, resize = disk
    expected = search()
    n_full = 0
    for size in range(4, 1000, 4 if long_form else 24):
        resize(size)
        told = _told(lambda: search(folder / "study.db"))
        if told is None:
            break
        assert "The study cannot be used" in told
        n_full += 1
        recorded = _folds_of(folder / "study.db")
        resize(4000)
        again = search(folder / "study.db")
        assert_same_search(again, expected)
        assert again.n_epochs_trained_ == 3 * (120 - recorded)
        for file in folder.iterdir():
            file.unlink()
    assert n_full > 2
    count("full disks", n_full)


def _told(work):
    """Return the text of the error that the work ends with; None without one."""
    try:
        work()
    except OSError as error:
        return str(error)
    return None


def _folds_of(path):
    try:
        return int(Study(path).trials()["folds"].sum())
    except (OSError, ValueError):  # not even begun
        return 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_model_that_fills_the_disk_leaves_the_earlier_one(disk, long_form, count):
    folder, resize = disk
    X, y = problem("one target")
    small, large = (
        MLPRegressor(hidden_layer_sizes=(units,), max_iter=2, random_state=0).fit(X, y)
        for units in (3, 2000)
    )
    resize(64)
    path = folder / "net.nnhp"
    small.save(path)
    used = path.stat().st_size
    n_full = 0
    for size in range(used // 1024 + 8, 10_000, 4 if long_form else 64):
        resize(size)
        told = _told(lambda: large.save(path))
        if told is None:
            break
        assert "No space left on device" in told
        n_full += 1
        assert [file.name for file in folder.iterdir()] == ["net.nnhp"]
        assert_same_fit(load(path), small)
    assert n_full > 2
    assert_same_fit(load(path), large)
    count("full disks", n_full)


LIMITED = """
import json, resource, signal, sys, warnings
from pathlib import Path
import numpy as np
from nnhp import MLPRegressor, load

warnings.simplefilter("ignore")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
X = np.random.RandomState(0).standard_normal((50, 4))
path = Path({path!r})
small, large = (
    MLPRegressor(hidden_layer_sizes=(units,), max_iter=2, random_state=0).fit(X, X[:, 0])
    for units in (3, 900)
)
small.save(path)
expected = path.read_bytes()
n_full = 0
for size in range(0, 10**6, {step}):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        large.save(path)
    except OSError as error:
        assert error.strerror == "File too large", error
        n_full += 1
    else:
        break
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == expected
assert (load(path).predict(X) == large.predict(X)).all()
print(n_full)
"""


def test_a_model_that_must_not_grow_leaves_the_earlier_one(tmp_path, long_form, count):
    step = 512 if long_form else 8192
    n_full = int(run_child(LIMITED.format(path=str(tmp_path / "net.nnhp"), step=step)))
    assert n_full > 2
    count("full disks", n_full)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_export_to_a_full_device(tmp_path, count):
    path = tmp_path / "study.db"
    found = search(path)
    (tmp_path / "trials.csv").symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"No space left on device: .*trials\.csv"):
        Study(path).export(tmp_path / "trials.csv")
    assert len(Study(path).trials()) == len(found.cv_results_["params"])
    count("full disks")
