"""`nox -s lint`, `tests`, `tests_cpp`, `docs`, `bench` for daily work; `nox -s release` for all."""

import shutil
import sys
from pathlib import Path

import nox

nox.options.sessions = ["lint", "tests_cpp", "tests"]
nox.options.default_venv_backend = "venv"

CPP = ("*.cpp", "*.hpp", "*.inc")
TORCH = "torch==2.13.0"  # an oracle of the tests, as in .ci/run
DIST = Path("build/release")


@nox.session
def lint(session: nox.Session) -> None:
    session.install(".[dev,test]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy", "-p", "nnhp")
    session.run("python", ".ci/check_docstrings.py")
    session.run("stubtest", "nnhp._core", "--allowlist", ".ci/stubtest_allowlist.txt")
    files = session.run("git", "ls-files", *CPP, external=True, silent=True)
    session.run("clang-format", "--dry-run", "-Werror", *str(files).split())


@nox.session
def tests(session: nox.Session) -> None:
    session.install(".[test]", TORCH)
    session.run("pytest", *session.posargs)


@nox.session
def tests_cpp(session: nox.Session) -> None:
    """Needs doctest (Debian: doctest-dev), CMake and Ninja."""
    session.run("cmake", "--preset", "dev", external=True)
    session.run("cmake", "--build", "--preset", "dev", external=True)
    session.run("ctest", "--preset", "dev", external=True)


@nox.session
def sanitizers(session: nox.Session) -> None:
    """Needs Debian's clang-14, libomp-14-dev and valgrind; `-- --long` is what a release runs."""
    session.install(".[test]", "pybind11>=3.1")
    steps = ["build", "cpp", "threads", "python", "valgrind"]
    session.run("python", ".ci/sanitizers.py", *steps, *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """After `sanitizers`, whose builds it takes; as long as there."""
    session.install(".[fuzz]", "pybind11>=3.1")
    session.run("python", ".ci/sanitizers.py", "fuzz_cpp", "fuzz_python", *session.posargs)


@nox.session
def tidy(session: nox.Session) -> None:
    """After `sanitizers`, whose compile commands it takes; `-- --long` with the analyzer."""
    session.install("clang-tidy==23.1.*")
    session.run("python", ".ci/run_clang_tidy.py", "build/sanitize", *session.posargs)


@nox.session
def wheels(session: nox.Session) -> None:
    """sdist, the wheel from it without a network, the same repaired and tried beside PyTorch."""
    session.install(".[wheels]")
    shutil.rmtree(DIST, ignore_errors=True)
    session.run("python", "-m", "build", "--no-isolation", "--sdist", "--outdir", str(DIST))
    (sdist,) = DIST.glob("*.tar.gz")
    session.run("python", ".ci/build_offline.py", str(sdist), str(DIST))
    session.run("python", ".ci/check_dist.py", str(DIST))
    (wheel,) = DIST.glob("*.whl")
    repaired = DIST / "repaired"
    session.run("python", ".ci/repair_wheel.py", str(wheel), str(repaired))
    session.run(
        "python", ".ci/check_wheel.py", *map(str, repaired.glob("*.whl")), "--beside", TORCH
    )


@nox.session
def docs(session: nox.Session) -> None:
    """Makes docs/_build/index.html."""
    session.install(".[docs]")
    session.run("sphinx-build", "-W", "--keep-going", "docs", "docs/_build", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    session.install(".[bench]")
    session.run("python", "bench/python/report.py", *(session.posargs or ["--quick"]))


@nox.session
def installed(session: nox.Session) -> None:
    """After `wheels`: the suite on the repaired wheel, once per instruction set."""
    (wheel,) = DIST.glob("repaired/*.whl")
    session.install(f"nnhp[test,release] @ {wheel.resolve().as_uri()}", TORCH)
    program = "from nnhp import _core; print(*_core.available_isas()[::-1])"
    isas = str(session.run("python", "-c", program, silent=True)).split()
    # Faults are counted once; the other instruction sets have their results tested.
    for isa, options in zip(isas, [session.posargs, *[[]] * len(isas)], strict=False):
        session.run("pytest", "-q", "tests/python", *options, env={"NNHP_ISA": isa})


@nox.session(venv_backend="none")
def release(session: nox.Session) -> None:
    """All of these in the long form: prints what was shown, writes docs/reliability_figures.md."""
    session.run(sys.executable, ".ci/release.py", *session.posargs)
