"""What the benchmarks share: the machine, timings, figures, and sessions on two threads."""

import math
import platform
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import sklearn
from cases import Case

import nnhp
from nnhp import _core

SESSION_EPOCHS = 40


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


def seconds_of(job: Callable[[], object]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def show(label: str, values: Sequence[float], unit: str, goal: float | None = None) -> None:
    least, middle, most = (f"{v:.4g}" for v in (min(values), median(values), max(values)))
    target = "" if goal is None else f"   goal {goal:g} {unit}"
    print(f"  {label:<18} {middle} {unit} [{least}, {most}]{target}")


def peak_memory() -> int:
    """Most resident bytes since the last reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


# --- many sessions on two threads --------------------------------------------------------------


def report_threads(case: Case, n_sessions: int, goal: float, repetitions: int) -> None:
    """Print what a second thread gains over many sessions, beside what the FMA peak gains."""
    print(f"{n_sessions} sessions of {case.name}, batch {case.batch_size}, {SESSION_EPOCHS} epochs")
    if _core.thread_limit() < 2:
        print("  skipped: only one thread is allowed here\n")
        return
    make = session_maker(case)
    gains: list[float] = []
    peak_gains: list[float] = []
    for _ in range(repetitions):
        one, two = ([make(seed) for seed in range(n_sessions)] for _ in range(2))
        seconds_one = seconds_of(partial(_core.train_many, one, SESSION_EPOCHS, 1))
        seconds_two = seconds_of(partial(_core.train_many, two, SESSION_EPOCHS, 2))
        require_equal_weights(one, two)
        gains.append(seconds_one / seconds_two)
        peak_gains.append(_core.fma_peak("float32", threads=2) / _core.fma_peak("float32"))
    print("  answer             bit-identical weights on 1 and 2 threads")
    show("gain of 2 threads", gains, "x")
    show("the FMA peak's", peak_gains, "x")
    ratios = [100 * gain / peak for gain, peak in zip(gains, peak_gains, strict=True)]
    show("share of that", ratios, "%", goal=goal)
    print()


def session_maker(case: Case) -> Callable[[int], _core.Session]:
    """Return a function from a seed to a fresh session; all share one copy of the data."""
    X, y = case.load()
    training_set = _core.TrainingSet(
        _core.Dataset(X, class_ids=y.astype(np.int32)),
        label_map=np.arange(case.n_outputs, dtype=np.int32),
    )
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
            training_set,
            _core.Start(
                np.concatenate(flat).astype(np.float32),
                (np.asarray(words, dtype=np.uint32), int(position)),
            ),
        )

    return make


def require_equal_weights(one: list[_core.Session], two: list[_core.Session]) -> None:
    for a, b in zip(one, two, strict=True):
        if a.parameters.tobytes() != b.parameters.tobytes():
            raise AssertionError("1 and 2 threads gave different weights")
