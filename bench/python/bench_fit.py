"""Speed and memory of one fit, and of 16 sessions on two threads.

float32, Adam, ReLU.  The answer is verified before anything is timed; all contenders of a ratio are
timed in turns within one process, next to the FMA peak that the same process reaches.
"""

import argparse
import json
import math
import platform
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import sklearn
import sklearn.neural_network
from cases import CASES, DIGITS, Case
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

import nnhp
from nnhp import _core

N_SESSIONS = 16
SESSION_EPOCHS = 40
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
    report_threads(DIGITS, arguments.repetitions)
    report_memory()


def print_machine(repetitions: int) -> None:
    build = ", ".join(f"{key} {value}" for key, value in _core.build_info().items())
    print(f"{cpu_model()}; {platform.system()} {platform.release()}")
    print(f"nnhp {nnhp.__version__}: {_core.isa()} kernels, {_core.thread_limit()} threads allowed")
    print(f"build: {build}")
    print(
        f"scikit-learn {sklearn.__version__}, numpy {np.__version__}, "
        f"Python {platform.python_version()}"
    )
    print(f"figures: median [least, most] of {repetitions} interleaved repetitions\n")


def cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{models[0]}, {len(models)} logical cores" if models else platform.processor()


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
        ours.append(seconds_of(partial(fit_ours, case, case.epochs, X, y)))
        theirs.append(seconds_of(partial(fit_theirs, case, case.epochs, X, y)))
    gflops = [case.flops_per_sample * len(X) * case.epochs / s / 1e9 for s in ours]
    show("time per epoch", [1e3 * s / case.epochs for s in ours], "ms")
    show("speed", gflops, "GFLOP/s")
    show("FMA peak", peaks, "GFLOP/s")
    shares = [100 * speed / peak for speed, peak in zip(gflops, peaks, strict=True)]
    show("share of peak", shares, "%", goal=100 * case.goal_peak_share)
    ratios = [their / our for their, our in zip(theirs, ours, strict=True)]
    show("over scikit-learn", ratios, "x", goal=case.goal_speedup)
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


def seconds_of(job: Callable[[], object]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def show(label: str, values: Sequence[float], unit: str, goal: float | None = None) -> None:
    least, middle, most = (f"{v:.4g}" for v in (min(values), median(values), max(values)))
    target = "" if goal is None else f"   goal {goal:g} {unit}"
    print(f"  {label:<18} {middle} {unit} [{least}, {most}]{target}")


# --- many sessions on two threads --------------------------------------------------------------


def report_threads(case: Case, repetitions: int) -> None:
    print(f"{N_SESSIONS} sessions of {case.name}, batch {case.batch_size}, {SESSION_EPOCHS} epochs")
    if _core.thread_limit() < 2:
        print("  skipped: only one thread is allowed here\n")
        return
    make = session_maker(case)
    gains: list[float] = []
    peak_gains: list[float] = []
    for _ in range(repetitions):
        one, two = ([make(seed) for seed in range(N_SESSIONS)] for _ in range(2))
        seconds_one = seconds_of(partial(_core.train_many, one, SESSION_EPOCHS, 1))
        seconds_two = seconds_of(partial(_core.train_many, two, SESSION_EPOCHS, 2))
        require_equal_weights(one, two)
        gains.append(seconds_one / seconds_two)
        peak_gains.append(_core.fma_peak("float32", threads=2) / _core.fma_peak("float32"))
    print("  answer             bit-identical weights on 1 and 2 threads")
    show("gain of 2 threads", gains, "x")
    show("the FMA peak's", peak_gains, "x")
    ratios = [100 * gain / peak for gain, peak in zip(gains, peak_gains, strict=True)]
    show("share of that", ratios, "%", goal=90)
    print()


def session_maker(case: Case) -> Callable[[int], _core.Session]:
    """Return a function from a seed to a fresh session; all share one copy of the data."""
    X, y = case.load()
    data = _core.Dataset(X, class_ids=y.astype(np.int32))
    net = _core.NetSpec(
        n_inputs=case.n_inputs,
        hidden=[(units, "relu", 0.0) for units in case.hidden],
        n_outputs=case.n_outputs,
        output_activation="softmax",
        dtype="float32",
    )
    train = _core.TrainSpec(
        loss="log_loss",
        optimizer="adam",
        batch_size=case.batch_size,
        max_epochs=SESSION_EPOCHS,
        schedule_horizon=SESSION_EPOCHS,
        l2=1e-4,
        n_iter_no_change=math.inf,
    )

    def make(seed: int) -> _core.Session:
        random = np.random.RandomState(seed)
        flat = [
            random.uniform(-bound, bound, (n_in + 1) * n_out)
            for n_in, n_out in case.layer_shapes
            for bound in [math.sqrt(6 / (n_in + n_out))]
        ]
        _, words, position, *_ = random.get_state()
        return _core.Session(
            net,
            train,
            data,
            parameters=np.concatenate(flat).astype(np.float32),
            mt_state=(np.asarray(words, dtype=np.uint32), int(position)),
            label_map=np.arange(case.n_outputs, dtype=np.int32),
        )

    return make


def require_equal_weights(one: list[_core.Session], two: list[_core.Session]) -> None:
    for a, b in zip(one, two, strict=True):
        if a.parameters.tobytes() != b.parameters.tobytes():
            raise AssertionError("1 and 2 threads gave different weights")


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


def peak_memory() -> int:
    """Most resident bytes since the last reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main()
