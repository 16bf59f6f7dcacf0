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
    parser.add_argument(
        "--resume", action="store_true",
        help="go on with such a report that was ended, of this machine and commit",
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
    about = {**machine, "scale": arguments.scale, "repetitions": repetitions}
    earlier = records_of(path.with_suffix(".jsonl"), about) if arguments.resume else []
    if not write_report(path, about, arguments.only, earlier):
        sys.exit("there were wrong answers")


def titles_of_parts(scale: str) -> dict[str, str]:
    """Return the titles of all parts of a report, by their keys."""
    return {
        **{comparison.key: title_of(comparison, SCALES[scale]) for comparison in COMPARISONS},
        **{f"growth-{key}": title for key, (title, _) in scaling.AXES.items()},
        FOOTPRINT: "import, a short fit, size and compilation",
    }


def records_of(path: Path, about: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the records of a report that was ended; exits if it is another one."""
    if about["commit"].endswith(("unknown", "dirty")):
        sys.exit(
            "only the report of a commit can be resumed, without changes that it does not hold"
        )
    if not path.exists():
        sys.exit(f"there is no report to resume: {path}")
    records = []
    for line in path.read_text().splitlines(keepends=True):
        if not line.endswith("\n"):
            break  # it was ended here
        record = json.loads(line)
        others = [name for name in about if name != "date" and record.get(name) != about[name]]
        if others:
            sys.exit(f"{path} cannot be resumed: it has another {', '.join(others)}")
        records.append(record)
    return records


def write_report(
    path: Path,
    about: dict[str, Any],
    only: Sequence[str] | None,
    earlier: Sequence[dict[str, Any]] = (),
) -> bool:
    """Run, print and write, parts with an earlier record excepted; return whether all was right.

    The page is written anew after each part, so that a run that is ended leaves what it has.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    measuring.print_machine(about["repetitions"])
    scale = about["scale"]
    titles = titles_of_parts(scale)
    keys = only or SCALES[scale].keys or list(titles)
    left = {key: title for key, title in titles.items() if key in keys}
    report = page.Report(about, scale, [t for key, t in titles.items() if key not in left])
    with Run.begun(path, report) as run:
        for record in earlier:
            if left.pop(record["case"], None):
                run.take(record)
        for key in list(left):
            run.measure(key)
            del left[key]
            report.write(path, list(left.values()))
    report.write(path)
    print(path)
    return not report.wrong


class Run:
    """A report under way: its page, its lines of JSON, and the workers."""

    def __init__(self, path: Path, report: page.Report, lines: TextIO, workers: Workers) -> None:
        self.path, self.report, self.lines, self.workers = path, report, lines, workers
        self.comparisons = {comparison.key: comparison for comparison in COMPARISONS}

    @classmethod
    @contextmanager
    def begun(cls, path: Path, report: page.Report) -> Iterator["Run"]:
        with path.with_suffix(".jsonl").open("w") as lines, Workers() as workers:
            yield cls(path, report, lines, workers)

    def measure(self, key: str) -> None:
        """Measure a part of the report and take what came of it, if that was right."""
        begin = time.perf_counter()
        try:
            figures = self.figures_of(key)
        except WrongAnswerError as error:
            self.report.wrong.append(str(error))
            print(f"{error}\n", flush=True)
            self.workers.close_jobs()
            return
        seconds = time.perf_counter() - begin
        self.take({**self.report.machine, "case": key, "part_seconds": seconds, **figures})
        print(f"({key} took {seconds:.0f} s)\n", flush=True)

    def figures_of(self, key: str) -> dict[str, Any]:
        """Measure a part; return what there is to record."""
        scale = SCALES[self.report.scale]
        if key in self.comparisons:
            repetitions = self.report.machine["repetitions"]
            comparison = self.comparisons[key]
            return Contest(comparison, self.report.scale, self.workers, repetitions).hold().record()
        if key == FOOTPRINT:
            return {"figures": [vars(figure) for figure in footprint.measure(scale)]}
        return {"points": scaling.measure(key.removeprefix("growth-"), scale).points}

    def take(self, record: dict[str, Any]) -> None:
        """Keep the record of a part, print it and put it on the page."""
        print(json.dumps(record), file=self.lines, flush=True)
        self.report.seconds += record["part_seconds"]
        self.report.dates.add(record["date"])
        key = record["case"]
        if key in self.comparisons:
            scale = SCALES[self.report.scale]
            outcome = Outcome.of_record(self.comparisons[key], scale, record)
            self.report.outcomes.append(outcome)
            show(outcome)
            self.draw(key, outcome)
        elif key == FOOTPRINT:
            self.report.footprint = [footprint.Figure(**told) for told in record["figures"]]
        else:
            growth = scaling.Growth(key.removeprefix("growth-"), record["points"])
            self.report.growths.append(growth)
            print(f"{growth.title}\n{page.growth_table(growth)}\n", flush=True)
            self.draw(key, growth)

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
