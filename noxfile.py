"""Short sessions for daily work: `nox -s lint`, `tests`, `tests_cpp`, `docs` or `bench`."""

import nox

nox.options.sessions = ["lint", "tests_cpp", "tests"]
nox.options.default_venv_backend = "venv"

CPP = ("*.cpp", "*.hpp", "*.inc")


@nox.session
def lint(session: nox.Session) -> None:
    session.install(".[dev]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy", "-p", "nnhp")
    session.run("python", ".ci/check_docstrings.py")
    files = session.run("git", "ls-files", *CPP, external=True, silent=True)
    session.run("clang-format", "--dry-run", "-Werror", *str(files).split())


@nox.session
def tests(session: nox.Session) -> None:
    session.install(".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def tests_cpp(session: nox.Session) -> None:
    """Needs doctest (Debian: doctest-dev), CMake and Ninja."""
    session.run("cmake", "--preset", "dev", external=True)
    session.run("cmake", "--build", "--preset", "dev", external=True)
    session.run("ctest", "--preset", "dev", external=True)


@nox.session
def docs(session: nox.Session) -> None:
    """Makes docs/_build/index.html."""
    session.install(".[docs]")
    session.run("sphinx-build", "-W", "--keep-going", "docs", "docs/_build", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    session.install(".[bench]")
    session.run("python", "bench/python/report.py", *(session.posargs or ["--quick"]))
