"""The report as Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cases import NOT_COMPARED
from contest import Outcome, Result
from scaling import Growth

READING = """\
- Before anything is timed, every entrant trains from the same weights on the same batches, and its
  losses must be those of a NumPy reference in float64 ("off by": the largest relative difference;
  for predictions the largest absolute one of 100 rows' probabilities, while of all rows 99.9 % must
  have the reference's class, also after the last timing; for searches, whose reference is nnhp's,
  the mean absolute one). After the timings the scores of the same training must lie in one band. A
  comparison with a wrong answer is not shown.
- Entrants take turns, each in a process of its own on the same CPUs, with as many threads as the
  label says (one, where it says nothing), and with the same rows, batches and epochs.
- Times are per pass over the data and net: median [least, most]. "x" is an entrant's time as a
  multiple of the first's in the same turn, so that above 1 the first is faster.
- nnhp, scikit-learn, Keras and skorch are timed as whole calls of `fit`; PyTorch and JAX as a
  training loop over tensors made beforehand. What compiles has been warmed up; "first pass" tells
  what that took.
- "Share of peak" is the products' arithmetic over the rate of fused multiply-adds that the same
  process reached just before."""


GOALS = """\
They are the project's own, set on an AMD EPYC of the Zen 4 generation. Where the FMA peak per cycle
is twice as high, as on Intel's Xeons, loads, stores and divisions are not, and shares of it are
harder to reach."""


@dataclass
class Report:
    """What a page tells."""

    machine: dict[str, Any]
    scale: str
    outcomes: list[Outcome] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    growths: list[Growth] = field(default_factory=list)
    footprint: dict[str, Any] | None = None
    pictures: dict[str, str] = field(default_factory=dict)  # paths by key, relative to the page

    def write(self, path: Path, left: Sequence[str] = ()) -> None:
        """Write the page; `left` are titles of what is not measured yet."""
        parts = [f"# Benchmarks: {self.machine['cpu']}, {self.machine['isa']}"]
        parts.append(table_of(self.machine, self.outcomes))
        if self.scale != "full":
            parts.append(
                f"A report of the scale `{self.scale}`: few rows and repetitions, so figures are "
                "rough, and goals, which are meant for the full cases, may well be missed."
            )
        if left:
            parts.append(f"The report was ended before these were measured: {'; '.join(left)}.")
        if self.wrong:
            parts += ["## Wrong answers", "\n".join(f"- {what}" for what in self.wrong)]
        parts += ["## Where nnhp loses", losses(self.outcomes)]
        parts += ["## Goals missed", GOALS, missed(self.outcomes)]
        parts += ["## How to read the tables", READING]
        for outcome in self.outcomes:
            parts.append(f"## {capital(outcome.title)}")
            if outcome.results:
                parts.append(results_table(outcome))
            parts += picture(outcome.comparison.key, outcome.title, self.pictures)
            parts += left_out(outcome)
        if self.growths:
            parts.append("## How cost grows")
        for growth in self.growths:
            parts += [f"### {capital(growth.title)}", growth_table(growth)]
            parts += picture(growth.key, growth.title, self.pictures)
        if self.footprint is not None:
            parts += ["## Before training", footprint_table(self.footprint)]
        parts += ["## Not compared", *(f"{name}: {why}." for name, why in NOT_COMPARED.items())]
        path.write_text("\n\n".join(parts) + "\n")


def capital(title: str) -> str:
    return title[:1].upper() + title[1:]


def picture(key: str, title: str, pictures: dict[str, str]) -> list[str]:
    return [f"![{title}]({pictures[key]})"] if key in pictures else []


def left_out(outcome: Outcome) -> list[str]:
    """Return one paragraph per reason."""
    labels: dict[str, list[str]] = {}
    for label, why in outcome.skipped.items():
        labels.setdefault(why, []).append(label)
    return [f"Left out: {'; '.join(together)} ({why})." for why, together in labels.items()]


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def table_of(machine: dict[str, Any], outcomes: Sequence[Outcome]) -> str:
    versions = {k: v for o in outcomes for r in o.results for k, v in r.versions.items()}
    everything = {**machine, **dict(sorted(versions.items()))}
    return markdown(("", ""), [(key.replace("_", " "), str(v)) for key, v in everything.items()])


def with_results(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Leave out comparisons in which no entrant could take part."""
    return [outcome for outcome in outcomes if outcome.results]


def losses(outcomes: Sequence[Outcome]) -> str:
    """List everything that took less time than nnhp's entry in the same comparison."""
    lines = []
    for outcome in with_results(outcomes):
        first = outcome.results[0]
        if all(result.entrant.library == "nnhp" for result in outcome.results):
            continue
        for result in outcome.results[1:]:
            ratio = result.record()["times_first"]["median"]
            same_job = result.entrant.job == first.entrant.job != "search"
            if ratio < 1 and (same_job or result.entrant.library != "nnhp"):
                lines.append(
                    f"- {outcome.title}: {result.entrant.label} takes {ratio:.2f} times "
                    f"the time of {first.entrant.label}."
                )
    return "\n".join(lines) or "Nowhere in this run."


def missed(outcomes: Sequence[Outcome]) -> str:
    lines = []
    for outcome in with_results(outcomes):
        title, first = outcome.title, outcome.results[0].record()
        goal = outcome.comparison.goal_peak_share
        if goal is not None and first["peak_share"]["median"] < goal:
            share = first["peak_share"]["median"]
            lines.append(f"- {title}: {share:.0%} of the FMA peak, not {goal:.0%}.")
        for result in outcome.results:
            ratio, entrant = result.record()["times_first"]["median"], result.entrant
            if entrant.goal is not None and ratio < entrant.goal:
                lines.append(f"- {title}: {ratio:.3g} x {entrant.label}, not {entrant.goal:g}.")
            if entrant.limit is not None and ratio > entrant.limit:
                lines.append(
                    f"- {title}: {entrant.label} takes {ratio:.3g} times the time, "
                    f"not at most {entrant.limit:g}."
                )
            microseconds = 1e6 * result.record()["seconds"]["median"]
            if entrant.most_us is not None and microseconds > entrant.most_us:
                lines.append(
                    f"- {title}: {entrant.label} takes {microseconds:.3g} us, "
                    f"not at most {entrant.most_us:g}."
                )
    return "\n".join(lines) or "None in this run."


def results_table(outcome: Outcome) -> str:
    header = ("entrant", "time", "x", "goal", "share of peak", "first pass", "score", "off by")
    rows = [row(result, outcome) for result in outcome.results]
    if any(result.effort for result in outcome.results):
        header = (*header, "candidates", "epochs in all")
        for index, result in enumerate(outcome.results):
            rows[index] += tuple(f"{count:,}" for count in (result.effort or {}).values())
    return markdown(header, rows)


def row(result: Result, outcome: Outcome) -> tuple[str, ...]:
    record = result.record()
    shares, entrant = record["peak_share"], result.entrant
    aim = "" if entrant.goal is None else f"at least {entrant.goal:g}"
    aim = aim if entrant.limit is None else f"at most {entrant.limit:g}"
    aim = aim if entrant.most_us is None else f"at most {entrant.most_us:g} us"
    if result is outcome.results[0] and outcome.comparison.goal_peak_share is not None:
        aim = f"{outcome.comparison.goal_peak_share:.0%} of the peak"
    return (
        entrant.label,
        told_seconds(record["seconds"]),
        told(record["times_first"]),
        aim,
        "" if shares is None else f"{shares['median']:.1%}",
        f"{result.first_s:.2f} s",
        "" if result.score is None else f"{result.score:.3f}",
        "" if result.difference is None else f"{result.difference:.0e}",
    )


def told(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['median']:.3g} [{value['least']:.3g}, {value['most']:.3g}]"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def told_seconds(value: dict[str, float]) -> str:
    factor, unit = next(
        (factor, unit)
        for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "us"))
        if value["median"] * factor >= 1 or unit == "us"
    )
    return f"{told({name: factor * v for name, v in value.items()})} {unit}"


def growth_table(growth: Growth) -> str:
    rows = [[told(value) for value in point.values()] for point in growth.points]
    return markdown(list(growth.points[0]), rows)


def footprint_table(footprint: dict[str, Any]) -> str:
    rows = [
        (f"import of {name}", told_seconds(seconds))
        for name, seconds in footprint["imports"].items()
    ]
    rows.append(("size of the extension", f"{footprint['extension_bytes'] / 1e6:.2f} MB"))
    build = footprint["build"]
    took = f"{build['seconds']:.0f} s" if "seconds" in build else f"left out: {build['skipped']}"
    rows.append(("compilation of the extension, one process", took))
    return markdown(("", ""), rows)
