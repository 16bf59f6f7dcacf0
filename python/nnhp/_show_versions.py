"""A report about the build and its surroundings, for bug reports."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from nnhp import _core

_DEPENDENCIES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "safetensors",
    "tqdm",
    "joblib",
    "threadpoolctl",
    "cloudpickle",
)
# Of the extras that are for users.
_OPTIONAL = (
    "anywidget",
    "cmaes",
    "distributed",
    "matplotlib",
    "onnx",
    "optuna",
    "pyarrow",
    "skl2onnx",
    "starlette",
    "uvicorn",
    "websockets",
)


def show_versions() -> None:
    """Print versions, instruction set, threads and compiler.

    Paste the output into bug reports.

    Examples
    --------
    >>> import nnhp
    >>> nnhp.show_versions()  # doctest: +SKIP
    """
    system = {
        "python": sys.version.replace("\n", " "),
        "executable": sys.executable,
        "machine": platform.platform(),
    }
    engine = {
        "nnhp": _core.__version__,
        "instruction set": _core.isa(),
        "instruction sets built and supported": ", ".join(_core.available_isas()),
        "threads allowed": str(_core.thread_limit()),
        **_core.build_info(),
    }
    dependencies, optional = (
        {name: _version_of(name) for name in names} for names in (_DEPENDENCIES, _OPTIONAL)
    )
    for title, entries in (
        ("System", system),
        ("Engine", engine),
        ("Dependencies", dependencies),
        ("Optional", optional),
    ):
        print(f"\n{title}:")
        for name, value in entries.items():
            print(f"  {name}: {value}")


def _version_of(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
