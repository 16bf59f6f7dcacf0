"""Speed and memory of one fit, and of 16 sessions on two threads.

float32, Adam, ReLU.  The answer is verified before anything is timed; all contenders of a ratio are
timed in turns within one process, next to the FMA peak that the same process reaches.
"""

import argparse
import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import sklearn.neural_network
from cases import DIGITS, NETS, Case
from measuring import peak_memory, print_machine, report_threads, seconds_of, show
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

import nnhp
from nnhp import _core

CASES = {name: NETS[name] for name in ("digits", "wide")}
N_SESSIONS = 16
VERIFIED_EPOCHS = 3
VERIFIED_BATCHES = 20
MEMORY_ALLOWANCE = 30e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=7, help="of each timing (default 7)")
    parser.add_argument("--memory-of", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--layout", choices=LAYOUTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    # max_iter is the number of epochs to time, so no fit converges.
    warnings.simplefilter("ignore", ConvergenceWarning)
    if arguments.memory_of:
        print(json.dumps(measure_memory(CASES[arguments.memory_of], arguments.layout)))
        return
    print_machine(arguments.repetitions)
    with threadpool_limits(1):
        for case in CASES.values():
            report_case(case, arguments.repetitions)
    report_threads(DIGITS, N_SESSIONS, 90, arguments.repetitions)
    report_memory()


# --- one fit on one thread ---------------------------------------------------------------------


def report_case(case: Case, repetitions: int) -> None:
    X, y = case.load()
    print(f"{case.name}, batch {case.batch_size}, one thread")
    verify(case, X, y)
    ours: list[float] = []
    theirs: list[float] = []
    peaks: list[float] = []
    for _ in range(repetitions):
        peaks.append(_core.fma_peak("float32"))
        ours.append(seconds_of(partial(fit_ours, case, case.passes, X, y)))
        theirs.append(seconds_of(partial(fit_theirs, case, case.passes, X, y)))
    gflops = [case.flops_per_sample * len(X) * case.passes / s / 1e9 for s in ours]
    show("time per epoch", [1e3 * s / case.passes for s in ours], "ms")
    show("speed", gflops, "GFLOP/s")
    show("FMA peak", peaks, "GFLOP/s")
    shares = [100 * speed / peak for speed, peak in zip(gflops, peaks, strict=True)]
    show("share of peak", shares, "%", goal=100 * case.goals["FMA peak"])
    ratios = [their / our for their, our in zip(theirs, ours, strict=True)]
    show("over scikit-learn", ratios, "x", goal=case.goals["scikit-learn"])
    print()


def fit_ours(case: Case, epochs: int, X: Any, y: Any) -> Any:
    return nnhp.MLPClassifier(**case.parameters, max_iter=epochs, n_jobs=1).fit(X, y)


def fit_theirs(case: Case, epochs: int, X: Any, y: Any) -> Any:
    return sklearn.neural_network.MLPClassifier(**case.parameters, max_iter=epochs).fit(X, y)


def verify(case: Case, X: NDArray[np.float32], y: NDArray[np.int64]) -> None:
    """Require the losses of the first steps to equal scikit-learn's within float32 rounding."""
    rows = slice(VERIFIED_BATCHES * case.batch_size)
    ours = fit_ours(case, VERIFIED_EPOCHS, X[rows], y[rows]).loss_curve_
    reference = fit_theirs(case, VERIFIED_EPOCHS, X[rows], y[rows]).loss_curve_
    np.testing.assert_allclose(ours, reference, rtol=1e-4)
    difference = max(abs(a / b - 1) for a, b in zip(ours, reference, strict=True))
    print(
        f"  {'answer':<18} loss {ours[-1]:.6f} after {VERIFIED_EPOCHS * VERIFIED_BATCHES} steps, "
        f"within {difference:.0e} of scikit-learn's"
    )


# --- memory -------------------------------------------------------------------------------------

LAYOUTS: dict[str, Callable[[NDArray[np.float32]], NDArray[Any]]] = {
    "float32, C order": lambda X: X,
    "float32, Fortran order": np.asfortranarray,
    "float64, C order": lambda X: X.astype(np.float64),
}


def report_memory() -> None:
    print("peak memory of a float32 fit beyond the imports and the caller's X, in new processes")
    if not Path("/proc/self/clear_refs").exists():
        print("  skipped: Linux only")
        return
    for name, case in CASES.items():
        for layout in LAYOUTS:
            command = [sys.executable, __file__, "--memory-of", name, "--layout", layout]
            run = subprocess.run(command, check=True, capture_output=True, text=True)
            used, copy = json.loads(run.stdout)
            limit = copy + MEMORY_ALLOWANCE
            print(
                f"  {case.name}, {layout}: {used / 1e6:.1f} MB"
                f"   goal {limit / 1e6:.1f} MB (one float32 copy of X: {copy / 1e6:.1f} MB)"
            )


def measure_memory(case: Case, layout: str) -> tuple[int, int]:
    """Return the bytes by which a fit raises the process's peak, and those of a float32 X."""
    samples, y = case.load()
    X = LAYOUTS[layout](samples)
    copy_bytes = samples.nbytes
    del samples
    model = nnhp.MLPClassifier(**case.parameters, max_iter=2, dtype="float32", n_jobs=1)
    # ru_maxrss would not do: it starts from the parent's peak and cannot be reset.
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_memory()
    model.fit(X, y)
    return peak_memory() - before, copy_bytes


if __name__ == "__main__":
    main()
