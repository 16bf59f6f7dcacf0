"""Run all that a release must pass, in the long form, and tell what was shown.

    python .ci/release.py [SESSION ...]

Needs nox in the same Python. Each check is a session of noxfile.py (all of CHECKS, if none is
named). What they count goes to docs/reliability_figures.md when all of them have passed.
"""

import datetime as dt
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "build" / "figures.jsonl"
PAGE = ROOT / "docs" / "reliability_figures.md"
# What a session is given, and what it shows when it passes; those that take hours come last.
LONG, COUNTED = ["--long"], ["--long", "--figures", str(FIGURES)]
CHECKS = {
    "lint": ([], "style, types, docstrings, the stub of the engine"),
    "tests_cpp": ([], "the C++ tests on every instruction set"),
    "wheels": ([], "sdist; the wheel from it without a network, repaired, beside PyTorch"),
    "docs": ([], "documentation and examples, warnings as errors"),
    "sanitizers": (COUNTED, "ASan, UBSan, TSan and memcheck on C++ and Python tests"),
    "fuzz": (COUNTED, "libFuzzer on model files, specs, states and sparse data"),
    "tidy": (LONG, "clang-tidy with its analyzer"),
    "installed": (COUNTED, "the whole suite on the repaired wheel, faults in the long form"),
}


def environment() -> dict[str, str]:
    """The environment of the sessions, in which ccache compiles once what several of them build."""
    if shutil.which("ccache") is None:
        return dict(os.environ)
    cache = {
        "CCACHE_DIR": str(ROOT / "build" / "ccache"),
        "CCACHE_BASEDIR": os.path.commonpath([ROOT, tempfile.gettempdir()]),
        "CCACHE_NOHASHDIR": "true",
        "CMAKE_CXX_COMPILER_LAUNCHER": "ccache",
        "CMAKE_ARGS": "-DNNHP_WERROR=ON",  # as the C++ tests are built
    }
    return cache | os.environ


def main() -> int:
    """Run the sessions; return the exit code."""
    nox = [sys.executable, "-m", "nox", "-s"]
    chosen = sys.argv[1:] or list(CHECKS)
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.unlink(missing_ok=True)
    env = environment()
    rows, failed = [], False
    for name in chosen:
        options, shows = CHECKS[name]
        begin = time.monotonic()
        done = subprocess.run([*nox, name, "--", *options], cwd=ROOT, env=env, check=False)
        failed |= done.returncode != 0
        result = "passed" if done.returncode == 0 else "FAILED"
        rows.append(f"| {name} | {shows} | {result} | {(time.monotonic() - begin) / 60:.0f} min |")
    print("\n".join(["| check | what it shows | result | time |", "|---|---|---|---|", *rows]))
    if failed or not FIGURES.exists():
        return int(failed)
    script = ROOT / "tests" / "python" / "reliability.py"
    table = subprocess.run(
        [sys.executable, script, FIGURES], check=True, capture_output=True, text=True
    ).stdout
    print(table)
    if list(CHECKS) == chosen:
        commit = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        told = f"By `nox -s release` on {dt.date.today():%d %B %Y}, at commit {commit}.\n"
        PAGE.write_text(f"{told}\n{table}")  # a part of docs/reliability.md
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
