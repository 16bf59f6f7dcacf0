"""What nnhp costs before it trains: import, compilation, size of the extension."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cases import IMPORTS, Scale
from measuring import HERE, seconds_of, spread

from nnhp import _core

SOURCE = HERE.parents[1]
TIMED_IMPORT = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"
ENVIRONMENT = {
    **os.environ,
    "KERAS_BACKEND": "jax",
    "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]]),
}


def measure(scale: Scale) -> dict[str, Any]:
    """Return times of imports in new processes, and of building the extension on one core."""
    size = Path(str(_core.__file__)).stat().st_size
    return {"imports": import_times(scale), "extension_bytes": size, "build": build_time(scale)}


def import_times(scale: Scale) -> dict[str, dict[str, float]]:
    present = [name for name, (module, _) in IMPORTS.items() if find_spec(module)]
    times: dict[str, list[float]] = {name: [] for name in present}
    for _ in range(scale.growth_repetitions):
        for name in present:
            times[name].append(import_seconds(name))
    return {name: spread(seconds) for name, seconds in times.items()}


def import_seconds(name: str) -> float:
    return float(run([sys.executable, "-c", TIMED_IMPORT.format(IMPORTS[name][1])]).split()[-1])


def run(command: list[str]) -> str:
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env=ENVIRONMENT
    ).stdout


def build_time(scale: Scale) -> dict[str, Any]:
    """Compile the extension once; tell why not where that cannot be."""
    if not scale.build:
        return {"skipped": "not part of a report of this scale"}
    cmake, ninja = (shutil.which(tool, path=ENVIRONMENT["PATH"]) for tool in ("cmake", "ninja"))
    if cmake is None or not find_spec("pybind11"):
        return {"skipped": "CMake or pybind11 is absent"}
    import pybind11

    with tempfile.TemporaryDirectory() as folder:
        configure = [
            cmake, "-S", str(SOURCE), "-B", folder, "-DCMAKE_BUILD_TYPE=Release",
            f"-Dpybind11_DIR={pybind11.get_cmake_dir()}", f"-DPython_EXECUTABLE={sys.executable}",
            *(["-G", "Ninja"] if ninja else []),
        ]  # fmt: skip
        build = [cmake, "--build", folder, "--target", "_core", "--parallel", "1"]
        try:
            run(configure)
            return {"seconds": seconds_of(lambda: run(build))}
        except subprocess.CalledProcessError as error:
            return {"skipped": f"it failed: {' '.join(error.stderr.splitlines()[-1:])}"}
