"""The figures of docs/reliability.md: what the tests of faults count, and the table of it.

`pytest --figures FILE` appends a line of JSON for each figure that a test counts; what checks
without pytest does so by `record`. `python tests/python/reliability.py FILE` prints the table.
"""

import argparse
import json
import platform
import statistics
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple


def total(values):
    return f"{sum(values):,.0f}"


def median_and_maximum(values):
    return f"{statistics.median(values):.0f} and {max(values):.0f} ms, of {len(values):,}"


class Figure(NamedTuple):
    """A row of the table: what was counted, and what to make of the counts."""

    text: str
    summary: object = total


FIGURES = {
    "kills": Figure("Trainings and searches ended by kill -9, and gone on with, bit for bit"),
    "worker faults": Figure("Workers, schedulers and drivers killed or stopped during a search"),
    "full disks": Figure("Writes to a full disk; nothing written before was lost"),
    "cuts": Figure("Files of models and studies cut at a byte: refused, or read up to the cut"),
    "flipped bits": Figure("Bits flipped in files: told, or harmless; none silently different"),
    "inputs": Figure("Made-up inputs: a clear error, or the bits of the plain contiguous run"),
    "import orders": Figure("Orders of importing nnhp, torch, scikit-learn, LightGBM, XGBoost"),
    "forks": Figure("Forks after or during trainings, without a hang"),
    "fits": Figure("Fits one after the other, without growth of memory"),
    "failed allocations": Figure("Allocations made to fail: a MemoryError each, and no leak"),
    "interruptions": Figure("Ctrl-C to answer: median and maximum", median_and_maximum),
    "fuzzed inputs": Figure("Inputs that libFuzzer made up"),
    "sanitizer runs": Figure("Tests run under AddressSanitizer, UBSan, TSan and valgrind"),
    "sanitizer reports": Figure("Reports of these"),
}


def record(path, figure, value):
    """Append one count of a figure in FIGURES to the file."""
    if figure not in FIGURES:
        raise KeyError(f"{figure!r} is no figure of {sorted(FIGURES)}")
    with Path(path).open("a") as file:
        file.write(json.dumps({"figure": figure, "value": value}) + "\n")


def table(path):
    """Markdown of all figures that were counted, with the machine that did it."""
    values = defaultdict(list)
    for line in Path(path).read_text().splitlines():
        counted = json.loads(line)
        values[counted["figure"]].append(counted["value"])
    lines = ["| what was done | result |", "|---|---|"]
    lines += [
        f"| {row.text} | {row.summary(values[figure])} |"
        for figure, row in FIGURES.items()
        if figure in values
    ]
    machine = f"Python {platform.python_version()} on {platform.system()}, {platform.machine()}"
    return "\n".join([*lines, "", f"Counted with {machine}.", ""])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figures", type=Path, metavar="FILE")
    print(table(parser.parse_args().figures), end="")
