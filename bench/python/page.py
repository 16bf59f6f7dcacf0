"""The report as Markdown."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from cases import NOT_COMPARED
from contest import Outcome, Result
from footprint import Figure
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
  process reached just before or after, whichever is more."""


GOALS = """\
They are the project's own, set on an AMD EPYC of the Zen 4 generation. Where the FMA peak per cycle
is twice as high, as on Intel's Xeons, loads, stores and divisions are not, and shares of it are
harder to reach."""


@dataclass
class Report:
    """What a page tells."""

    machine: dict[str, Any]
    scale: str
    not_chosen: Sequence[str] = ()  # titles of what is not to be measured
    outcomes: list[Outcome] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    growths: list[Growth] = field(default_factory=list)
    footprint: list[Figure] = field(default_factory=list)
    pictures: dict[str, str] = field(default_factory=dict)  # paths by key, relative to the page
    seconds: float = 0.0  # that all of it took
    dates: set[str] = field(default_factory=set)  # on which it was measured

    def write(self, path: Path, left: Sequence[str] = ()) -> None:
        """Write the page; `left` are titles of what is not measured yet."""
        parts = [f"# Benchmarks: {self.machine['cpu']}, {self.machine['isa']}"]
        told_machine = {
            **self.machine,
            "date": ", ".join(sorted(self.dates)),
            "minutes this took": round(self.seconds / 60, 1),
        }
        parts.append(table_of(told_machine, self.outcomes))
        if self.scale != "full":
            parts.append(
                f"A report of the scale `{self.scale}`: few rows and repetitions, so figures are "
                "rough, and goals, which are meant for the full cases, may well be missed."
            )
        if self.not_chosen:
            parts.append(f"A part of the report; not chosen: {'; '.join(self.not_chosen)}.")
        if left:
            parts.append(f"The report was ended before these were measured: {'; '.join(left)}.")
        if self.wrong:
            parts += ["## Wrong answers", "\n".join(f"- {what}" for what in self.wrong)]
        parts += ["## Where nnhp loses", losses(self.outcomes)]
        parts += ["## Goals missed", GOALS, missed(self.outcomes, self.footprint)]
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
            parts += picture(f"growth-{growth.key}", growth.title, self.pictures)
        if self.footprint:
            parts += ["## Beside training", footprint_table(self.footprint)]
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
    """List everything that took less time than nnhp's entry beside it, compiled by compiled."""
    lines = []
    for outcome in with_results(outcomes):
        first, *others = outcome.results
        if all(result.entrant.library == "nnhp" for result in outcome.results):
            continue
        for result in others:
            same_job = result.entrant.job == first.entrant.job != "search"
            if result.entrant.library == "nnhp" and not same_job:
                continue
            ours = next((r for r in others if is_ours_compiled(r, result.entrant.job)), first)
            ratio = median(s / o for s, o in zip(result.seconds, ours.seconds, strict=True))
            if ratio < 1:
                lines.append(
                    f"- {outcome.title}: {result.entrant.label} takes {ratio:.2f} times "
                    f"the time of {ours.entrant.label}."
                )
    return "\n".join(lines) or "Nowhere in this run."


def is_ours_compiled(result: Result, job: str) -> bool:
    return result.entrant.library == "nnhp" and result.entrant.job == job == "compiled"


def missed(outcomes: Sequence[Outcome], footprint: Sequence[Figure]) -> str:
    lines = [
        f"- {outcome.title}: {what}."
        for outcome in outcomes
        for result in outcome.results
        for what in shortfalls(result, outcome)
    ]
    for figure in footprint:
        took, most = figure.value and figure.value["median"], figure.at_most
        if took is not None and most is not None and took > most:
            lines.append(f"- {figure.name}: {took:.3g} {figure.unit}, not at most {most:g}.")
    return "\n".join(lines) or "None in this run."


def shortfalls(result: Result, outcome: Outcome) -> Iterator[str]:
    """Tell the goals that an entrant misses; those beside the first only if that one took part."""
    record, entrant = result.record(), result.entrant
    if outcome.results[0].entrant is not outcome.comparison.entrants[0]:
        entrant = replace(entrant, goal=None, limit=None)
    ratio, us = record["times_first"]["median"], 1e6 * record["seconds"]["median"]
    if entrant.peak_share is not None and record["peak_share"]["median"] < entrant.peak_share:
        share = record["peak_share"]["median"]
        yield f"{entrant.label} reaches {share:.0%} of the FMA peak, not {entrant.peak_share:.0%}"
    if entrant.goal is not None and ratio < entrant.goal:
        yield f"{ratio:.3g} x {entrant.label}, not {entrant.goal:g}"
    if entrant.limit is not None and ratio > entrant.limit:
        yield f"{entrant.label} takes {ratio:.3g} times the time, not at most {entrant.limit:.3g}"
    if entrant.most_us is not None and us > entrant.most_us:
        yield f"{entrant.label} takes {us:.3g} us, not at most {entrant.most_us:g}"


def results_table(outcome: Outcome) -> str:
    header = ("entrant", "time", "x", "goal", "share of peak", "first pass", "score", "off by")
    rows = [row(result) for result in outcome.results]
    if any(result.effort for result in outcome.results):
        header = (*header, "candidates", "epochs in all")
        for index, result in enumerate(outcome.results):
            rows[index] += tuple(f"{count:,}" for count in (result.effort or {}).values())
    return markdown(header, rows)


def row(result: Result) -> tuple[str, ...]:
    record = result.record()
    shares, entrant = record["peak_share"], result.entrant
    aims = (
        "" if entrant.goal is None else f"at least {entrant.goal:g}",
        "" if entrant.limit is None else f"at most {entrant.limit:.3g}",
        "" if entrant.most_us is None else f"at most {entrant.most_us:g} us",
        "" if entrant.peak_share is None else f"{entrant.peak_share:.0%} of the peak",
    )
    return (
        entrant.label,
        told_seconds(record["seconds"]),
        told(record["times_first"]),
        ", ".join(filter(None, aims)),
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


def footprint_table(footprint: Sequence[Figure]) -> str:
    return markdown(("", "", "goal"), [figure_row(figure) for figure in footprint])


def figure_row(figure: Figure) -> tuple[str, str, str]:
    goal = "" if figure.at_most is None else f"at most {figure.at_most:g} {figure.unit}"
    if figure.value is None:
        return figure.name, f"left out: {figure.left_out}", goal
    return figure.name, f"{told(figure.value)} {figure.unit}", goal
