"""Speed and memory of one fit, and of 16 sessions on two threads.

float32, Adam, ReLU.  nnhp's and scikit-learn's fits take turns, as in the report.
"""

import argparse
import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from cases import DIGITS, NETS, Case
from measuring import peak_memory, print_machine, report_threads
from numpy.typing import NDArray
from report import hold_and_show
from sklearn.exceptions import ConvergenceWarning

import nnhp

CASES = {name: NETS[name] for name in ("digits", "wide")}
N_SESSIONS = 16
MEMORY_ALLOWANCE = 30e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=7, help="of each timing (default 7)")
    parser.add_argument("--memory-of", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--layout", choices=LAYOUTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    if arguments.memory_of:
        print(json.dumps(measure_memory(CASES[arguments.memory_of], arguments.layout)))
        return
    print_machine(arguments.repetitions)
    keys = [f"fit-{name}" for name in CASES]
    hold_and_show(keys, arguments.repetitions, n_entrants=2)
    report_threads(DIGITS, N_SESSIONS, 90, arguments.repetitions)
    report_memory()


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
