"""Run all that a release must pass, in the long form, and tell what was shown.

    python .ci/release.py [CHECK ...]

Needs nox in the same Python. Each check is a session of noxfile.py (all of CHECKS, if none is
named). All take hours, so a commit's checks may pass in several goes: those that have passed at it
are not run again unless they are named. What they count goes to docs/reliability_figures.md once
all have passed.
"""

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "release_checks"
PAGE = ROOT / "docs" / "reliability_figures.md"
# What a session is given, and what it shows when it passes; those that take hours come last.
SHORT, LONG, COUNTED = [], ["--long"], ["--long", "--figures"]
CHECKS = {
    "lint": (SHORT, "style, types, docstrings, the stub of the engine"),
    "tests_cpp": (SHORT, "the C++ tests on every instruction set"),
    "wheels": (SHORT, "sdist; the wheel from it without a network, repaired, beside PyTorch"),
    "docs": (SHORT, "documentation and examples, warnings as errors"),
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


def commit() -> str:
    """Name what is checked out; empty where there are changes that no commit holds."""

    def git(*words: str) -> str:
        command = ["git", *words]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    return "" if git("status", "--porcelain") else git("rev-parse", "--short=12", "HEAD")


def figures_of(check: str) -> Path:
    """The file of what a check counts."""
    return FOLDER / f"{check}.jsonl"


def run(check: str) -> bool:
    """Run a check; if it passes, keep at which commit, and how long it took."""
    result = FOLDER / f"{check}.json"
    for old in (result, figures_of(check)):
        old.unlink(missing_ok=True)
    options, _ = CHECKS[check]
    counted = [str(figures_of(check))] if options is COUNTED else []
    nox = [sys.executable, "-m", "nox", "-s", check, "--", *options, *counted]
    state, begin = commit(), time.monotonic()
    passed = subprocess.run(nox, cwd=ROOT, env=environment(), check=False).returncode == 0
    if passed and state and commit() == state:
        minutes = round((time.monotonic() - begin) / 60)
        result.write_text(json.dumps({"commit": state, "minutes": minutes}))
    return passed


def minutes_of(check: str) -> int | None:
    """How long a check took that has passed at this commit."""
    result = FOLDER / f"{check}.json"
    told = json.loads(result.read_text()) if result.exists() else {}
    return told["minutes"] if told.get("commit", "none") == commit() else None


def table_of_figures() -> str:
    """What all checks have counted, as a table."""
    lines = [figures_of(check).read_text() for check in CHECKS if figures_of(check).exists()]
    together = FOLDER / "figures.jsonl"
    together.write_text("".join(lines))
    script = ROOT / "tests" / "python" / "reliability.py"
    return subprocess.run(
        [sys.executable, script, together], check=True, capture_output=True, text=True
    ).stdout


def main() -> int:
    """Run the checks; return the exit code."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    named = sys.argv[1:]
    if unknown := set(named) - set(CHECKS):
        sys.exit(f"no such check: {', '.join(sorted(unknown))}; there are {', '.join(CHECKS)}")
    # In the table's order: the installed wheel is the one that was built before.
    chosen = [c for c in CHECKS if (c in named if named else minutes_of(c) is None)]
    failed = [check for check in chosen if not run(check)]
    print("| check | what it shows | result | time |\n|---|---|---|---|")
    for check, (_, shows) in CHECKS.items():
        minutes = minutes_of(check)
        result = "passed" if minutes is not None else "not passed at a commit"
        result = "FAILED" if check in failed else result
        print(f"| {check} | {shows} | {result} | {'' if minutes is None else f'{minutes} min'} |")
    if any(minutes_of(check) is None for check in CHECKS):
        return int(bool(failed))
    table = table_of_figures()
    print(table)
    told = f"By `nox -s release` on {dt.date.today():%d %B %Y}, at commit {commit()}.\n"
    PAGE.write_text(f"{told}\n{table}")  # a part of docs/reliability.md
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
