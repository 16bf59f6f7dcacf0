"""Every grid of the benchmarks: verified, timed, written as a page, pictures and lines of JSON."""

import argparse
import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

import footprint
import measuring
import page
import scaling
from cases import COMPARISONS, SCALES
from contest import Contest, Outcome, Workers, WrongAnswerError, title_of

RESULTS = measuring.HERE.parent / "results"
FOOTPRINT = "footprint"


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
    parser.add_argument("--only", nargs="+", metavar="KEY", help="only parts so named")
    parser.add_argument("--repetitions", type=int, help="of each timing, at most")
    parser.add_argument("--list", action="store_true", help="print the keys of the parts")
    parser.add_argument("--name", help="of the report (default: the machine's CPU and kernels)")
    parser.add_argument("--folder", type=Path, default=RESULTS, help="for the report")
    arguments = parser.parse_args()
    titles = titles_of_parts(arguments.scale)
    if arguments.list:
        print("\n".join(f"{key}: {title}" for key, title in titles.items()))
        return
    if unknown := set(arguments.only or ()) - set(titles):
        sys.exit(f"no such part: {', '.join(sorted(unknown))}; --list names them")
    machine = measuring.machine()
    stem = arguments.name or machine_name(machine)
    if arguments.scale != "full":
        stem += f"-{arguments.scale}"
    if arguments.only:
        stem += "-part"
    path = arguments.folder / f"{stem}.md"
    repetitions = arguments.repetitions or SCALES[arguments.scale].repetitions
    if not write_report(path, machine, arguments.scale, arguments.only, repetitions):
        sys.exit("there were wrong answers")


def titles_of_parts(scale: str) -> dict[str, str]:
    """Return the titles of all parts of a report, by their keys."""
    return {
        **{comparison.key: title_of(comparison, SCALES[scale]) for comparison in COMPARISONS},
        **{f"growth-{key}": title for key, (title, _) in scaling.AXES.items()},
        FOOTPRINT: "import, a short fit, size and compilation",
    }


def write_report(
    path: Path, machine: dict[str, Any], scale: str, only: Sequence[str] | None, repetitions: int
) -> bool:
    """Run, print and write; return whether all answers were right.

    The page is written anew after each part, so that a run that is ended leaves what it has.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    measuring.print_machine(repetitions)
    titles = titles_of_parts(scale)
    keys = only or SCALES[scale].keys or list(titles)
    left = {key: title for key, title in titles.items() if key in keys}
    report = page.Report(machine, scale, [t for key, t in titles.items() if key not in left])
    with Run.begun(path, report, repetitions) as run:
        for key in list(left):
            run.measure(key)
            del left[key]
            report.write(path, list(left.values()))
    print(path)
    return not report.wrong


class Run:
    """A report under way: its page, its lines of JSON, and the workers."""

    def __init__(
        self, path: Path, report: page.Report, repetitions: int, lines: TextIO, workers: Workers
    ) -> None:
        self.path, self.report, self.repetitions = path, report, repetitions
        self.lines, self.workers = lines, workers
        self.comparisons = {comparison.key: comparison for comparison in COMPARISONS}

    @classmethod
    @contextmanager
    def begun(cls, path: Path, report: page.Report, repetitions: int) -> Iterator["Run"]:
        with path.with_suffix(".jsonl").open("w") as lines, Workers() as workers:
            yield cls(path, report, repetitions, lines, workers)

    def measure(self, key: str) -> None:
        """Measure a part of the report, record it and put it on the page."""
        begin = time.perf_counter()
        if key in self.comparisons:
            self.compare(key)
        elif key == FOOTPRINT:
            self.report.footprint = footprint.measure(SCALES[self.report.scale])
            self.record(key, figures=[vars(figure) for figure in self.report.footprint])
        else:
            self.grow(key.removeprefix("growth-"))
        seconds = time.perf_counter() - begin
        self.report.seconds += seconds
        print(f"({key} took {seconds:.0f} s)\n", flush=True)

    def compare(self, key: str) -> None:
        contest = Contest(self.comparisons[key], self.report.scale, self.workers, self.repetitions)
        try:
            outcome = contest.hold()
        except WrongAnswerError as error:
            self.report.wrong.append(str(error))
            print(f"{error}\n", flush=True)
            self.workers.close_jobs()
        else:
            self.report.outcomes.append(outcome)
            self.record(key, **outcome.record())
            show(outcome)
            self.draw(key, outcome)

    def grow(self, axis: str) -> None:
        growth = scaling.measure(axis, SCALES[self.report.scale])
        self.report.growths.append(growth)
        self.record(f"growth-{axis}", points=growth.points)
        print(f"{growth.title}\n{page.growth_table(growth)}\n", flush=True)
        self.draw(f"growth-{axis}", growth)

    def record(self, key: str, **values: Any) -> None:
        told = {**self.report.machine, "scale": self.report.scale, "case": key, **values}
        print(json.dumps(told), file=self.lines, flush=True)

    def draw(self, key: str, drawn: Outcome | scaling.Growth) -> None:
        """Draw what there is into a folder named like the page, where there is matplotlib."""
        grows = isinstance(drawn, scaling.Growth)
        if not find_spec("matplotlib") or not (grows or drawn.results):
            return
        import drawing

        self.report.pictures[key] = f"{self.path.stem}/{key}.svg"
        make = drawing.draw_growth if grows else drawing.draw_bars
        make(drawn, self.path.parent / self.report.pictures[key])


def machine_name(machine: dict[str, Any]) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{machine['cpu']} {machine['isa']}".lower()).strip("-")


def hold_and_show(keys: Sequence[str], repetitions: int, n_entrants: int | None = None) -> None:
    """Hold comparisons, of all or the first entrants, and print what came of them."""
    with Workers() as workers:
        for comparison in COMPARISONS:
            if comparison.key in keys:
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


if __name__ == "__main__":
    main()
