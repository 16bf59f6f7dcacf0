"""How nnhp's cost grows with rows, widths, batches, sessions and threads."""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from cases import (
    DIGITS,
    GROWING,
    GROWTH,
    MAPPED,
    ROOFLINE_BATCHES,
    ROOFLINE_WIDTHS,
    SCALES,
    Case,
    Scale,
)
from measuring import (
    AnonymousPeak,
    memory,
    peak_memory,
    print_machine,
    seconds_of,
    session_maker,
    spread,
)
from sklearn.exceptions import ConvergenceWarning

import nnhp
from nnhp import _core

CHUNK = 1_000_000  # rows written at a time


@dataclass
class Growth:
    """One axis: a list of points, each of which maps the names of columns to figures."""

    key: str
    points: list[dict[str, Any]]

    @property
    def title(self) -> str:
        return AXES[self.key][0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", choices=SCALES, default="full")
    parser.add_argument("--mapped-rows", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.mapped_rows:
        print(json.dumps(fit_mapped(arguments.mapped_rows)))
        return
    scale = SCALES[arguments.scale]
    print_machine(scale.growth_repetitions)
    for key in AXES:
        growth = measure(key, scale)
        print(growth.title)
        for point in growth.points:
            print("  " + ", ".join(f"{name} {told(value)}" for name, value in point.items()))
        print()


def told(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['median']:.4g} [{value['least']:.4g}, {value['most']:.4g}]"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def measure(key: str, scale: Scale) -> Growth:
    """Measure an axis."""
    _, points = AXES[key]
    return Growth(key, points(scale))


def up_to(values: list[int], limit: int) -> list[int]:
    return [value for value in values if value <= limit]


# --- one session --------------------------------------------------------------------------------


def epoch_figures(case: Case, scale: Scale) -> dict[str, Any]:
    """Time epochs of one session on one thread, beside the FMA peak."""
    session = session_maker(case, *case.load())(0)
    _core.train_many([session], 1, 1)
    flops = case.flops_per_sample * case.n_rows
    n_epochs = max(1, math.ceil(scale.growth_flops / flops))
    seconds, shares = [], []
    for _ in range(scale.growth_repetitions):
        peak = _core.fma_peak(case.dtype, 1, scale.peak_seconds)
        seconds.append(seconds_of(lambda: _core.train_many([session], n_epochs, 1)) / n_epochs)
        shares.append(flops / seconds[-1] / 1e9 / peak)
    per_row = [1e6 * s / case.n_rows for s in seconds]
    return {"us per row": spread(per_row), "share of peak": spread(shares)}


def over_widths(scale: Scale) -> list[dict[str, Any]]:
    points = []
    for width in up_to(GROWTH["width"], scale.max_width):
        case = replace(GROWING, n_rows=2_048, sizes=(64, width, width, 10), batch_size=64)
        points.append({"width": width, **epoch_figures(case, scale)})
    return points


def over_batches(scale: Scale) -> list[dict[str, Any]]:
    cases = [replace(GROWING, batch_size=b) for b in up_to(GROWTH["batch"], 16 * scale.max_width)]
    return [{"batch": case.batch_size, **epoch_figures(case, scale)} for case in cases]


def roofline(scale: Scale) -> list[dict[str, Any]]:
    points = []
    for batch in ROOFLINE_BATCHES:
        for width in up_to(list(ROOFLINE_WIDTHS), scale.max_width):
            case = replace(GROWING, n_rows=2_048, sizes=(64, width, width, 10), batch_size=batch)
            points.append({"batch": batch, "width": width, **epoch_figures(case, scale)})
    return points


# --- many sessions ------------------------------------------------------------------------------


def over_sessions(scale: Scale) -> list[dict[str, Any]]:
    make = session_maker(DIGITS, *DIGITS.load())
    threads = _core.thread_limit()
    points = []
    for n_sessions in up_to(GROWTH["sessions"], scale.max_nets):
        times, held = [], []
        for _ in range(scale.growth_repetitions):
            sessions = [make(seed) for seed in range(n_sessions)]
            before = memory("VmRSS")
            seconds = seconds_of(lambda sessions=sessions: _core.train_many(sessions, 1, threads))
            times.append(1e3 * seconds / n_sessions)
            held.append((memory("VmRSS") - before) / 1e3 / n_sessions)
            del sessions
        points.append(
            {
                "sessions": n_sessions,
                "ms per session": spread(times),
                "kB per session, at most": max(held),
            }
        )
    return points


def over_threads(scale: Scale) -> list[dict[str, Any]]:
    make = session_maker(DIGITS, *DIGITS.load())
    limit = _core.thread_limit()
    counts = sorted({1, limit, *(2**k for k in range(limit.bit_length()) if 2**k < limit)})
    n_sessions = min(4 * limit, scale.max_nets)
    n_epochs = min(20, scale.max_passes)
    gains: dict[int, list[float]] = {threads: [] for threads in counts}
    peak_gains: dict[int, list[float]] = {threads: [] for threads in counts}
    for _ in range(scale.growth_repetitions):
        for threads in counts:
            sessions = [make(seed) for seed in range(n_sessions)]
            seconds = seconds_of(
                lambda sessions=sessions, threads=threads: _core.train_many(
                    sessions, n_epochs, threads
                )
            )
            peak = _core.fma_peak("float32", threads, scale.peak_seconds)
            if threads == 1:
                seconds_one, peak_one = seconds, peak
            gains[threads].append(seconds_one / seconds)
            peak_gains[threads].append(peak / peak_one)
    return [
        {"threads": n, "gain": spread(gains[n]), "gain of the peak": spread(peak_gains[n])}
        for n in counts
    ]


# --- rows, from a file --------------------------------------------------------------------------


def over_rows(scale: Scale) -> list[dict[str, Any]]:
    points = []
    for n_rows in up_to(GROWTH["rows"], scale.max_mapped_rows):
        command = [sys.executable, __file__, "--mapped-rows", str(n_rows)]
        run = subprocess.run(command, check=True, capture_output=True, text=True)
        points.append({"rows": n_rows, **json.loads(run.stdout)})
    return points


def fit_mapped(n_rows: int) -> dict[str, float]:
    """Fit one epoch from memory-mapped files, in a process of its own."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("X", "y")]
        write_rows(n_rows, *paths)
        X, y = (
            np.memmap(path, np.float32, "r", shape=(n_rows, n_columns))
            for path, n_columns in zip(paths, (MAPPED.n_inputs, MAPPED.n_outputs), strict=True)
        )
        model = nnhp.MLPRegressor(**MAPPED.parameters, max_iter=1, n_jobs=1)
        model.fit(X[: MAPPED.n_rows], y[: MAPPED.n_rows])
        Path("/proc/self/clear_refs").write_text("5")
        before, anonymous = memory("VmRSS"), memory("RssAnon")
        with AnonymousPeak() as peak:
            seconds = seconds_of(lambda: model.fit(X, y))
        return {
            "us per row": 1e6 * seconds / n_rows,
            "file MB": sum(path.stat().st_size for path in paths) / 1e6,
            "peak MB": (peak_memory() - before) / 1e6,
            "peak MB beside the file's pages": (peak.most - anonymous) / 1e6,
        }


def write_rows(n_rows: int, X_path: Path, y_path: Path) -> None:
    with X_path.open("wb") as X_file, y_path.open("wb") as y_file:
        for start in range(0, n_rows, CHUNK):
            case = replace(MAPPED, n_rows=min(CHUNK, n_rows - start))
            for part, file in zip(case.load(), (X_file, y_file), strict=True):
                part.tofile(file)


AXES: dict[str, tuple[str, Callable[[Scale], list[dict[str, Any]]]]] = {
    "rows": ("rows: one epoch of 8-16-16-2, batch 32, from memory-mapped files", over_rows),
    "width": ("width: 64-w-w-10, batch 64", over_widths),
    "batch": ("batch: 64-100-10", over_batches),
    "sessions": ("sessions: one epoch of 64-100-10 on digits, all threads", over_sessions),
    "threads": ("threads: many sessions of 64-100-10 on digits", over_threads),
    "roofline": ("share of the FMA peak: 64-w-w-10", roofline),
}


if __name__ == "__main__":
    main()
