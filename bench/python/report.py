"""Every grid of the benchmarks: verified, timed, written as a page, pictures and lines of JSON."""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import footprint
import measuring
import page
import scaling
from cases import COMPARISONS, SCALES, Comparison
from contest import Contest, Outcome, Workers, WrongAnswerError, title_of

RESULTS = measuring.HERE.parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    scales = parser.add_mutually_exclusive_group()
    scales.add_argument(
        "--quick", dest="scale", action="store_const", const="quick", default="full",
        help="about a minute, rough figures",
    )  # fmt: skip
    scales.add_argument(
        "--smallest", dest="scale", action="store_const", const="smallest",
        help="every comparison once, tiny: its answers count, its figures do not",
    )  # fmt: skip
    parser.add_argument("--only", nargs="+", metavar="KEY", help="only comparisons so named")
    parser.add_argument("--repetitions", type=int, help="of each timing, at most")
    parser.add_argument("--list", action="store_true", help="print the keys of the comparisons")
    parser.add_argument("--name", help="of the report (default: the machine's CPU and kernels)")
    parser.add_argument("--folder", type=Path, default=RESULTS, help="for the report")
    arguments = parser.parse_args()
    if arguments.list:
        scale = SCALES[arguments.scale]
        print("\n".join(f"{c.key}: {title_of(c, scale)}" for c in COMPARISONS))
        return
    machine = measuring.machine()
    stem = arguments.name or machine_name(machine)
    if arguments.scale != "full":
        stem += f"-{arguments.scale}"
    path = arguments.folder / f"{stem}.md"
    repetitions = arguments.repetitions or SCALES[arguments.scale].repetitions
    if not write_report(path, machine, arguments.scale, arguments.only, repetitions):
        sys.exit("there were wrong answers")


def write_report(
    path: Path, machine: dict[str, Any], scale: str, only: Sequence[str] | None, repetitions: int
) -> bool:
    """Run, print and write; return whether all answers were right.

    The page is written anew after each comparison, so that a run that is ended leaves what it has.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    measuring.print_machine(repetitions)
    report = page.Report(machine, scale)
    left = [title_of(comparison, SCALES[scale]) for comparison in chosen(scale, only)]
    with path.with_suffix(".jsonl").open("w") as lines, Workers() as workers:

        def record(values: dict[str, Any]) -> None:
            print(json.dumps({**machine, "scale": scale, **values}), file=lines, flush=True)

        for comparison in chosen(scale, only):
            left.pop(0)
            try:
                outcome = Contest(comparison, scale, workers, repetitions).hold()
            except WrongAnswerError as error:
                report.wrong.append(str(error))
                print(f"{error}\n", flush=True)
                workers.close_jobs()
            else:
                report.outcomes.append(outcome)
                record(outcome.record())
                show(outcome)
                draw(report, path, outcome)
            report.write(path, left)
        if not only:
            for growth in scaling.measure(SCALES[scale]):
                report.growths.append(growth)
                record({"case": f"growth-{growth.key}", "points": growth.points})
                print(f"{growth.title}\n{page.growth_table(growth)}\n", flush=True)
                draw(report, path, growth)
            report.footprint = footprint.measure(SCALES[scale])
            record({"case": "footprint", **report.footprint})
            report.write(path)
    print(path)
    return not report.wrong


def machine_name(machine: dict[str, Any]) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{machine['cpu']} {machine['isa']}".lower()).strip("-")


def chosen(scale: str, only: Sequence[str] | None) -> list[Comparison]:
    keys = only or SCALES[scale].keys or [comparison.key for comparison in COMPARISONS]
    if unknown := set(keys) - {comparison.key for comparison in COMPARISONS}:
        sys.exit(f"no such comparison: {', '.join(sorted(unknown))}; --list names them")
    return [comparison for comparison in COMPARISONS if comparison.key in keys]


def hold_and_show(keys: Sequence[str], repetitions: int, n_entrants: int | None = None) -> None:
    """Hold comparisons, of all or the first entrants, and print what came of them."""
    with Workers() as workers:
        for comparison in chosen("full", keys):
            part = replace(comparison, entrants=comparison.entrants[:n_entrants])
            show(Contest(part, "full", workers, repetitions).hold())


def show(outcome: Outcome) -> None:
    print(outcome.title)
    for result in outcome.results:
        told = result.record()
        times, ratios = page.told_seconds(told["seconds"]), page.told(told["times_first"])
        shares = told["peak_share"]
        peak = "" if shares is None else f", {shares['median']:.0%} of peak"
        print(f"  {result.entrant.label:<34} {times:<28} x {ratios}{peak}")
    for label, reason in outcome.skipped.items():
        print(f"  {label:<34} left out: {reason}")
    print(flush=True)


def draw(report: page.Report, path: Path, drawn: Outcome | scaling.Growth) -> None:
    """Draw into a folder named like the page, unless there is nothing to draw with."""
    grows = isinstance(drawn, scaling.Growth)
    if not find_spec("matplotlib") or not (grows or drawn.results):
        return
    import drawing

    key = drawn.key if grows else drawn.comparison.key
    report.pictures[key] = f"{path.stem}/{'growth-' if grows else ''}{key}.svg"
    make = drawing.draw_growth if grows else drawing.draw_bars
    make(drawn, path.parent / report.pictures[key])


if __name__ == "__main__":
    main()
