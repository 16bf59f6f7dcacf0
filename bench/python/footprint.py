"""What nnhp costs beside training: import, a short fit, compilation, size of the extension."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np
from cases import BESIDE_TRAINING, IMPORTS, Scale
from measuring import HERE, seconds_of, spread
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import validate_data

import nnhp
from nnhp import _core

SOURCE = HERE.parents[1]
TIMED_IMPORT = "import time; {}; t = time.perf_counter(); {}; print(time.perf_counter() - t)"
SHORT_FITS = 100  # of each repetition
ENVIRONMENT = {
    **os.environ,
    "KERAS_BACKEND": "jax",
    "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]]),
}


@dataclass
class Figure:
    """A cost; its goal is a key of `BESIDE_TRAINING`."""

    name: str
    unit: str
    value: dict[str, float] | None  # median, least and most; None: left out
    left_out: str = ""

    @property
    def at_most(self) -> float | None:
        return BESIDE_TRAINING.get(self.name)


def measure(scale: Scale) -> list[Figure]:
    """Time imports in new processes, a fit of 3 epochs, and the build of the extension."""
    size = Path(str(_core.__file__)).stat().st_size / 1e6
    return [
        *import_times(scale),
        short_fit(scale),
        Figure("size of the extension", "MB", spread([size])),
        build_time(scale),
    ]


def import_times(scale: Scale) -> list[Figure]:
    times: dict[str, list[float]] = {
        name: [] for name, (module, *_) in IMPORTS.items() if find_spec(module)
    }
    failed: dict[str, str] = {}  # why, as of Keras without JAX
    for _ in range(scale.growth_repetitions):
        for name in times.keys() - failed.keys():
            try:
                times[name].append(1e3 * import_seconds(name))
            except subprocess.CalledProcessError as error:
                failed[name] = last_line(error.stderr)
    return [
        Figure(
            f"import of {name}", "ms", None if name in failed else spread(ms), failed.get(name, "")
        )
        for name, ms in times.items()
    ]


def import_seconds(name: str) -> float:
    _, before, statement = IMPORTS[name]
    return float(run([sys.executable, "-c", TIMED_IMPORT.format(before, statement)]).split()[-1])


def last_line(text: str) -> str:
    return " ".join(text.splitlines()[-1:])


def run(command: list[str]) -> str:
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env=ENVIRONMENT
    ).stdout


def short_fit(scale: Scale) -> Figure:
    """Time a fit of 3 epochs on 150 rows, less what scikit-learn's own steps of a fit take."""
    X, y = load_iris(return_X_y=True)
    net = nnhp.MLPClassifier((8,), max_iter=3, random_state=0, n_jobs=1)

    def steps_of_scikit_learn() -> None:
        net._validate_params()  # noqa: SLF001 (scikit-learn's, and part of every fit of its)
        validate_data(net, X, y, accept_sparse=("csr", "csc"), dtype=(np.float64, np.float32))
        LabelBinarizer().fit(y).transform(y)
        random = np.random.RandomState(0)
        for shape in ((4, 8), (8,), (8, 3), (3,)):
            random.uniform(-1, 1, shape)

    beside = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for _ in range(scale.growth_repetitions):
            fits, steps = interleaved(lambda: net.fit(X, y), steps_of_scikit_learn)
            beside.append(1e3 * (median(fits) - median(steps)))
    return Figure("fit of 3 epochs on 150 rows beside scikit-learn's steps", "ms", spread(beside))


def interleaved(*jobs: Callable[[], object]) -> list[list[float]]:
    """Return the seconds of each job, which take turns."""
    turns = [[seconds_of(job) for job in jobs] for _ in range(SHORT_FITS)]
    return [list(times) for times in zip(*turns, strict=True)]


def build_time(scale: Scale) -> Figure:
    """Compile the extension once, on two cores if there are two; tell why not where that fails."""
    name, unit = "compilation of the extension", "s"
    if not scale.build:
        return Figure(name, unit, None, "not part of a report of this scale")
    cmake, ninja = (shutil.which(tool, path=ENVIRONMENT["PATH"]) for tool in ("cmake", "ninja"))
    if cmake is None or not find_spec("pybind11"):
        return Figure(name, unit, None, "CMake or pybind11 is absent")
    import pybind11

    with tempfile.TemporaryDirectory() as folder:
        configure = [
            cmake, "-S", str(SOURCE), "-B", folder, "-DCMAKE_BUILD_TYPE=Release",
            f"-Dpybind11_DIR={pybind11.get_cmake_dir()}", f"-DPython_EXECUTABLE={sys.executable}",
            *(["-G", "Ninja"] if ninja else []),
        ]  # fmt: skip
        build = [cmake, "--build", folder, "--target", "_core", "--parallel", "2"]
        try:
            run(configure)
            return Figure(name, unit, spread([seconds_of(lambda: run(build))]))
        except subprocess.CalledProcessError as error:
            return Figure(name, unit, None, f"it failed: {last_line(error.stdout + error.stderr)}")
