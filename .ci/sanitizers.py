"""Run the tests under sanitizers and valgrind, and fuzz; each step by its name, or all.

    python .ci/sanitizers.py [STEP ...] [--long] [--figures FILE]

Needs Debian's clang-14, libomp-14-dev, valgrind, doctest-dev, CMake and Ninja; for `python` the
extra `test`, for `fuzz_python` atheris, beside what nnhp depends on. A sanitizer that found nothing
has first found what was planted for it (tests/cpp/planted_faults.cpp).
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build"
CLANG = "clang++-14"
sys.path.insert(0, str(ROOT / "tests" / "python"))
import reliability  # noqa: E402

REPORT = re.compile(
    r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|: runtime error: |ERROR SUMMARY: [1-9]"
    r"|SUMMARY: libFuzzer"
)
# Subjects of the C++ tests: those that go through the engine, of which the long form has all; and
# those with threads, beside which there is nothing to find for TSan. Gradients take minutes there.
SHORT_CPP = [
    *["augment", "cpu", "dataset", "evaluate", "net_spec", "parallel", "predict", "session"],
    *["session_ending", "session_inputs", "train_many", "workspace"],
]
SHORT_THREADS = ["augment", "cpu", "parallel", "predict", "session", "train_many"]
THREADS = [*SHORT_THREADS, "backprop"]
# Of the Python tests, those whose work is the engine's own and that need few seconds.
SHORT_PYTHON = ["engine", "data_containers", "layer_outputs", "components"]
# Those that cannot run under the address sanitizer. (Those against PyTorch, whose libraries throw
# exceptions that the runtime cannot follow, are skipped, for it is not installed there.)
NOT_UNDER_ASAN = {
    "memory": "it limits and measures memory, of which the sanitizer takes terabytes by address",
    "short_of_memory": "the same, and LLVM's OpenMP ends the process where it gets no threads",
    "growth": "it measures memory, of which the sanitizer keeps what was freed",
    "threads": "it counts threads, of which LLVM's OpenMP has others than a wheel's",
    "fork": "LLVM's OpenMP looks for its parent's threads in a child",
    "playground_browser": "a browser does not start with the sanitizer in it",
    "playground_mounted": "nor here",
    "sklearn_suite": "scikit-learn's own tests, which reach the engine by ways that others take",
    "layering": "it reads sources",
    "docs": "the pages' code is other tests' code",
    "examples": "they make pictures, for minutes",
}
# What the kernels compute with, of each kind some: memcheck is some 50 times slower.
VALGRIND = ["session_inputs", "session_ending", "evaluate", "augment"]
VALGRIND_LONG = [*VALGRIND, "predict", "session", "train_many", "dataset"]
FUZZ_SECONDS = {"fuzz_session": 20, "fuzz_csr": 5, "specs": 15, "model": 15}
FUZZ_SECONDS_LONG = {"fuzz_session": 240, "fuzz_csr": 60, "specs": 150, "model": 150}


class Checks:
    """The steps, and what they count."""

    def __init__(self, long: bool, figures: Path | None):
        self.long = long
        self.figures = figures

    def count(self, figure: str, value: int) -> None:
        """Tell a figure, and record it where that was asked for."""
        print(f"{figure}: {value}", flush=True)
        if self.figures is not None:
            reliability.record(self.figures, figure, value)

    def run(self, *command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
        """Run a command; its output, once it has succeeded without a report."""
        done = subprocess.run(
            command,
            cwd=cwd,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        reports = REPORT.findall(done.stdout)
        if done.returncode or reports:
            print(done.stdout[-20_000:])
            self.count("sanitizer reports", len(reports))
            raise SystemExit(f"{command[0]}: exit {done.returncode}, {len(reports)} reports")
        return done.stdout

    def tested(self, output: str, pattern: str) -> None:
        """Count tests that ran under a sanitizer, and its reports."""
        tests = sum(int(n) for n in re.findall(pattern, output))
        if tests == 0:
            raise SystemExit("no test ran")
        self.count("sanitizer runs", tests)
        self.count("sanitizer reports", len(REPORT.findall(output)))

    def ctest(self, preset: str, *wrapper: str) -> None:
        """The C++ tests of a preset, once the planted faults are found."""
        ctest = [*wrapper, "ctest", "--preset", preset]
        planted = subprocess.run([*ctest, "-R", "planted"], cwd=ROOT, check=False)
        if planted.returncode:
            raise SystemExit("what was planted is not found")
        self.tested(self.run(*ctest, "-V", "-E", "planted"), r"test cases: +(\d+)")

    def subjects(self, chosen: list[str]) -> str:
        """Return the option of CMake that chooses C++ tests; all of them for none."""
        return f"-DNNHP_TEST_SUBJECTS={';'.join(chosen)}"

    def build(self) -> None:
        """Builds the engine, its tests, its module and its fuzzers under Clang's sanitizers."""
        pybind11 = self.run(sys.executable, "-m", "pybind11", "--cmakedir").strip()
        kernels = "address,undefined" if self.long else "address"
        self.run(
            *["cmake", "--preset", "sanitize", f"-Dpybind11_DIR={pybind11}"],
            *[f"-DPython_EXECUTABLE={sys.executable}", f"-DNNHP_SANITIZE_KERNELS={kernels}"],
            self.subjects([] if self.long else SHORT_CPP),
        )
        self.run("cmake", "--build", "--preset", "sanitize")

    def cpp(self) -> None:
        """ASan, LSan and UBSan on the C++ tests."""
        self.ctest("sanitize")

    def threads(self) -> None:
        """TSan on those C++ tests that have threads."""
        self.run(
            "cmake", "--preset", "threads", self.subjects(THREADS if self.long else SHORT_THREADS)
        )
        self.run("cmake", "--build", "--preset", "threads")
        self.ctest("threads", "setarch", "-R")

    def package(self) -> Path:
        """Return a folder with the package and the sanitized engine."""
        folder = BUILD / "sanitize" / "package"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(
            ROOT / "python" / "nnhp", folder / "nnhp", ignore=shutil.ignore_patterns("*.so")
        )
        (module,) = (BUILD / "sanitize").glob("_core*.so")
        shutil.copy(module, folder / "nnhp")
        return folder

    def in_python(self, preload: Path | str, *command: str | Path) -> str:
        """Run a Python command with the sanitized engine."""
        stdcpp = self.run(CLANG, "-print-file-name=libstdc++.so.6").strip()
        return self.run(
            sys.executable,
            *command,
            LD_PRELOAD=f"{preload} {stdcpp}",
            PYTHONPATH=str(self.package()),
            ASAN_OPTIONS="detect_leaks=0:allocator_may_return_null=1",  # the interpreter's are many
            UBSAN_OPTIONS="print_stacktrace=1",
        )

    def python(self) -> None:
        """ASan and UBSan on the Python tests."""
        runtime = self.run(CLANG, "-print-file-name=libclang_rt.asan-x86_64.so").strip()
        if self.long:
            chosen = [f"--ignore=tests/python/test_{name}.py" for name in NOT_UNDER_ASAN]
        else:
            chosen = [f"tests/python/test_{name}.py" for name in SHORT_PYTHON]
        options = ["-q", "-n2", "-p", "no:cacheprovider", "-o", "timeout=1200", "--tb=short"]
        output = self.in_python(runtime, "-m", "pytest", *options, *chosen)
        self.tested(output, r"(\d+) passed")

    def valgrind(self) -> None:
        """Memcheck on C++ tests of the preset `dev`: its kernels are those of a release."""
        self.run("cmake", "--preset", "dev")
        self.run("cmake", "--build", "--preset", "dev", "--target", "nnhp_tests")
        for subject in VALGRIND_LONG if self.long else VALGRIND:
            output = self.run(
                *["valgrind", "--error-exitcode=9", "--leak-check=full"],
                *["--errors-for-leak-kinds=definite", BUILD / "dev" / "tests/cpp/nnhp_tests"],
                *[f"--source-file=*test_{subject}.cpp", "--test-case-exclude=*child*"],
            )
            self.tested(output, r"test cases: +(\d+)")

    def fuzz(self, target: str, run: Callable[..., str], *command: str | Path) -> None:
        """Fuzz a target for as long as is its turn."""
        corpus = BUILD / "fuzz" / target
        corpus.mkdir(parents=True, exist_ok=True)
        seconds = (FUZZ_SECONDS_LONG if self.long else FUZZ_SECONDS)[target]
        output = run(
            *[*command, f"-max_total_time={seconds}", "-print_final_stats=1"],
            *[
                "-rss_limit_mb=4000",
                "-max_len=800",
                "-len_control=0",
                f"-artifact_prefix={corpus}-",
                corpus,
            ],
        )
        self.count("fuzzed inputs", int(re.findall(r"executed_units: (\d+)", output)[-1]))

    def fuzz_cpp(self) -> None:
        """Specs, states and training sets by libFuzzer, and CSR arrays."""
        for target in ("fuzz_session", "fuzz_csr"):
            self.fuzz(target, self.run, BUILD / "sanitize" / "tests" / "fuzz" / target)

    def fuzz_python(self) -> None:
        """libFuzzer, by atheris, on model files and on specs as Python gives them."""
        runtime = Path(sysconfig.get_path("platlib")) / "asan_with_fuzzer.so"
        for target in ("specs", "model"):
            script = ROOT / "tests" / "fuzz" / "fuzz_python.py"
            self.fuzz(target, lambda *c: self.in_python(runtime, *c), script, target)


STEPS = ["build", "cpp", "threads", "python", "valgrind", "fuzz_cpp", "fuzz_python"]


def main() -> None:
    """Run the steps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"of {', '.join(STEPS)}")
    parser.add_argument("--long", action="store_true", help="as for a release")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="where counts are appended")
    arguments = parser.parse_args()
    checks = Checks(arguments.long, arguments.figures)
    for step in arguments.steps or STEPS:
        if step not in STEPS:
            parser.error(f"{step!r} is no step of {', '.join(STEPS)}")
        print(f"== {step}", flush=True)
        getattr(checks, step)()


if __name__ == "__main__":
    main()
