"""Every grid of the benchmarks: verified, timed, written as a page, pictures and lines of JSON."""

import argparse
import json
import re
import sys
from collections.abc import Sequence
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
    """Run, print and write; return whether all answers were right."""
    path.parent.mkdir(parents=True, exist_ok=True)
    measuring.print_machine(repetitions)
    growths, before = [], None
    with path.with_suffix(".jsonl").open("w") as lines:

        def record(values: dict[str, Any]) -> None:
            print(json.dumps({**machine, "scale": scale, **values}), file=lines, flush=True)

        outcomes, wrong = [], []
        with Workers() as workers:
            for comparison in chosen(scale, only):
                try:
                    outcomes.append(Contest(comparison, scale, workers, repetitions).hold())
                except WrongAnswerError as error:
                    wrong.append(str(error))
                    print(f"{error}\n", flush=True)
                    workers.close_jobs()
                    continue
                record(outcomes[-1].record())
                show(outcomes[-1])
        if not only:
            for growth in scaling.measure(SCALES[scale]):
                growths.append(growth)
                record({"case": f"growth-{growth.key}", "points": growth.points})
                print(f"{growth.title}\n{page.growth_table(growth)}\n", flush=True)
            before = footprint.measure(SCALES[scale])
            record({"case": "footprint", **before})
    pictures = draw(outcomes, growths, path)
    page.write(path, machine, scale, wrong, outcomes, growths, before, pictures)
    print(path)
    return not wrong


def machine_name(machine: dict[str, Any]) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{machine['cpu']} {machine['isa']}".lower()).strip("-")


def chosen(scale: str, only: Sequence[str] | None) -> list[Comparison]:
    keys = only or SCALES[scale].keys or [comparison.key for comparison in COMPARISONS]
    if unknown := set(keys) - {comparison.key for comparison in COMPARISONS}:
        sys.exit(f"no such comparison: {', '.join(sorted(unknown))}; --list names them")
    return [comparison for comparison in COMPARISONS if comparison.key in keys]


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


def draw(
    outcomes: Sequence[Outcome], growths: Sequence[scaling.Growth], path: Path
) -> dict[str, str]:
    """Draw everything into a folder named like the page; return paths by key."""
    if not find_spec("matplotlib"):
        print("no pictures: matplotlib is absent")
        return {}
    import drawing

    pictures = {}
    for outcome in outcomes:
        pictures[outcome.comparison.key] = f"{path.stem}/{outcome.comparison.key}.svg"
        drawing.draw_bars(outcome, path.parent / pictures[outcome.comparison.key])
    for growth in growths:
        pictures[growth.key] = f"{path.stem}/growth-{growth.key}.svg"
        drawing.draw_growth(growth, path.parent / pictures[growth.key])
    return pictures


if __name__ == "__main__":
    main()
