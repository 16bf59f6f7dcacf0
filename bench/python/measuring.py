"""What the benchmarks share: the machine, timings, figures, and sessions on two threads."""

import math
import platform
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Self

import numpy as np
import sklearn
from cases import Case
from reference import initial

import nnhp
from nnhp import _core

HERE = Path(__file__).parent
SESSION_EPOCHS = 40
MAX_EPOCHS = 1_000_000


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


def commit() -> str:
    """Return the commit of this checkout, marked if files differ from it."""
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        run = subprocess.run(command, cwd=HERE, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return run.stdout.strip()


def machine() -> dict[str, Any]:
    """Return what every record begins with."""
    build = _core.build_info()
    return {
        "date": time.strftime("%Y-%m-%d"),
        "commit": commit(),
        "nnhp": nnhp.__version__,
        "compiler": build["compiler"],
        "flags": build["flags"],
        "cpu": cpu_model(),
        "isa": _core.isa(),
        "threads_allowed": _core.thread_limit(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def seconds_of(job: Callable[[], object]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def show(label: str, values: Sequence[float], unit: str, goal: float | None = None) -> None:
    least, middle, most = (f"{v:.4g}" for v in (min(values), median(values), max(values)))
    target = "" if goal is None else f"   goal {goal:g} {unit}"
    print(f"  {label:<18} {middle} {unit} [{least}, {most}]{target}")


def spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": median(values), "least": min(values), "most": max(values)}


def memory(entry: str) -> int:
    """Return bytes of an entry of the process's status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{entry}:"))


def peak_memory() -> int:
    """Most resident bytes since the last reset."""
    return memory("VmHWM")


class AnonymousPeak:
    """Most resident bytes beside mapped files, looked at every few milliseconds."""

    def __enter__(self) -> Self:
        self.most = memory("RssAnon")
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.005):
            self.most = max(self.most, memory("RssAnon"))


# --- many sessions on two threads --------------------------------------------------------------


def report_threads(case: Case, n_sessions: int, goal: float, repetitions: int) -> None:
    """Print what a second thread gains over many sessions, beside what the FMA peak gains."""
    print(f"{n_sessions} sessions of {case.name}, batch {case.batch_size}, {SESSION_EPOCHS} epochs")
    if _core.thread_limit() < 2:
        print("  skipped: only one thread is allowed here\n")
        return
    make = session_maker(case, *case.load())
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


def session_maker(
    case: Case, X: Any, y: Any, *, optimizer: str = "adam", shuffle: bool = True
) -> Callable[[int], _core.Session]:
    """Return a function from a seed to a fresh session of a classifier; all share the data."""
    training_set = _core.TrainingSet(
        _core.Dataset(X, class_ids=y.astype(np.int32)),
        label_map=np.arange(case.n_outputs, dtype=np.int32),
    )
    net = _core.NetSpec(
        n_inputs=case.n_inputs,
        hidden=[(units, ["relu"]) for units in case.hidden],
        n_outputs=case.n_outputs,
        output_activation="softmax",
        dtype=case.dtype,
    )
    train = _core.TrainSpec(
        loss="log_loss",
        optimizer=optimizer,
        batch_size=case.batch_size,
        max_epochs=MAX_EPOCHS,
        schedule_horizon=MAX_EPOCHS,
        shuffle=shuffle,
        n_iter_no_change=math.inf,
    )

    def make(seed: int) -> _core.Session:
        parameters = np.concatenate([p.ravel() for p in initial(case, seed)]).astype(case.dtype)
        _, words, position, *_ = np.random.RandomState(seed).get_state()
        shuffling = np.asarray(words, dtype=np.uint32), int(position)
        return _core.Session(net, train, training_set, _core.Start(parameters, shuffling))

    return make


def require_equal_weights(one: list[_core.Session], two: list[_core.Session]) -> None:
    for a, b in zip(one, two, strict=True):
        if a.parameters.tobytes() != b.parameters.tobytes():
            raise AssertionError("1 and 2 threads gave different weights")
