"""The report's comparisons, once and tiny: every entrant that can be here gives right answers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import page
import pytest
import reference
import report
from cases import COMPARISONS, Comparison
from contest import Contest, Outcome, Result, Worker, Workers
from footprint import Figure
from jobs import WrongAnswerError
from measuring import spread

GOOD_REASONS = ("more threads than CPUs", "not an instruction set of this machine")
# What is missing where a library is absent; another module is a fault of the environment.
MODULES = {
    "PyTorch": ("torch",),
    "torch.compile": ("torch",),
    "JAX": ("jax",),
    "Keras": ("jax", "keras"),
    "skorch": ("torch", "skorch"),
    "Optuna": ("optuna", "torch"),
    "KerasTuner": ("jax", "keras", "keras_tuner"),
}


ABOUT = {
    "date": "2026-01-02",
    "commit": 40 * "1",
    "cpu": "here",
    "isa": "base",
    "scale": "smallest",
    "repetitions": 1,
}


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers() as started:
        yield started


def answered() -> Iterator[Any]:
    """Yield all comparisons; the first of each kind, as of fits, is the smallest one."""
    kinds = set()
    for comparison in COMPARISONS:
        kind = comparison.key.partition("-")[0]
        marks = () if kind in kinds else (pytest.mark.smallest,)
        kinds.add(kind)
        yield pytest.param(comparison, id=comparison.key, marks=marks)


@pytest.mark.parametrize("comparison", list(answered()))
def test_answers(comparison: Comparison, workers: Workers) -> None:
    outcome = Contest(comparison, "smallest", workers).hold()
    assert len(outcome.results) + len(outcome.skipped) == len(comparison.entrants)
    libraries = {entrant.label: entrant.library for entrant in comparison.entrants}
    assert len(libraries) == len(comparison.entrants)  # a record names them by their labels
    for label, reason in outcome.skipped.items():
        absent = [
            f"ModuleNotFoundError: No module named '{module}'"
            for module in MODULES.get(libraries[label], ())
        ]
        assert reason.startswith((*GOOD_REASONS, *absent)), f"{label}: {reason}"


def contest_of(key: str, workers: Workers) -> Contest:
    comparison = next(c for c in COMPARISONS if c.key == key)
    return Contest(comparison, "smallest", workers)


def test_wrong_answers_and_scores_are_noticed(workers: Workers) -> None:
    contest = contest_of("isa-digits", workers)
    result, *_ = contest.hold().results
    (correct,) = contest.correct.values()
    contest.verify(result, correct)
    with pytest.raises(WrongAnswerError, match=r"is off by 0\.01"):
        contest.verify(result, 1.01 * correct)
    with pytest.raises(WrongAnswerError, match="not finite"):
        contest.verify(result, np.nan * correct)
    worse = replace(result, score=result.score - 0.5)
    with pytest.raises(WrongAnswerError, match="scores"):
        contest.require_score(worse)


def test_dropout_that_drops_nothing_is_noticed(workers: Workers) -> None:
    contest = contest_of("options-small", workers)
    dropped = next(r for r in contest.hold().results if r.case.options.get("dropout"))
    whole_net = reference.expected("fit", dropped.case, correct_first=False)
    with pytest.raises(WrongAnswerError, match="is off by 0"):
        contest.verify(dropped, whole_net)


def test_a_part_of_the_report_tells_what_is_missing(tmp_path: Path) -> None:
    page = tmp_path / "part.md"
    assert report.write_report(page, ABOUT, ["growth-threads"])
    told = page.read_text()
    assert "## How cost grows" in told
    assert "not chosen: " in told
    assert report.titles_of_parts("smallest")["fit-tiny"] in told
    assert report.titles_of_parts("smallest")["growth-threads"] not in told.split("## How")[0]
    (line,) = page.with_suffix(".jsonl").read_text().splitlines()
    assert json.loads(line)["case"] == "growth-threads"


def test_a_report_that_was_ended_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = ["isa-digits", "growth-threads", "footprint"]
    path = tmp_path / "page.md"
    measured = []
    figures_of = report.Run.figures_of

    def ended_at_the_last(run: report.Run, key: str) -> dict[str, Any]:
        if measured == parts[:2]:
            raise KeyboardInterrupt
        measured.append(key)
        return figures_of(run, key)

    with monkeypatch.context() as patched:
        patched.setattr(report.Run, "figures_of", ended_at_the_last)
        with pytest.raises(KeyboardInterrupt):
            report.write_report(path, ABOUT, parts)
    before, lines = path.read_text(), path.with_suffix(".jsonl")
    assert "ended before these were measured" in before
    recorded = lines.read_text()
    with lines.open("a") as file:
        file.write('{"case": "footprint", ')  # it was killed while writing
    records = report.records_of(lines, {**ABOUT, "date": "2026-01-03"})
    assert [record["case"] for record in records] == parts[:2]

    def of_nothing(_: report.Run, key: str) -> dict[str, Any]:
        measured.append(key)
        return {"figures": []}

    monkeypatch.setattr(report.Run, "figures_of", of_nothing)
    assert report.write_report(path, {**ABOUT, "date": "2026-01-03"}, parts, records)
    assert measured == parts
    assert lines.read_text().startswith(recorded)
    assert len(lines.read_text().splitlines()) == len(parts)
    after = path.read_text()
    assert "| date | 2026-01-02, 2026-01-03 |" in after
    assert "ended before" not in after
    tables = before.partition("## How to read")[2].partition("## Not compared")[0]
    assert tables in after


@pytest.mark.parametrize("name", ["commit", "cpu", "repetitions"])
def test_another_report_cannot_be_resumed(tmp_path: Path, name: str) -> None:
    path = tmp_path / "page.jsonl"
    path.write_text(json.dumps({**ABOUT, name: "another", "case": "isa-digits"}) + "\n")
    with pytest.raises(SystemExit, match=f"has another {name}"):
        report.records_of(path, ABOUT)
    with pytest.raises(SystemExit, match="there is no report"):
        report.records_of(tmp_path / "none.jsonl", ABOUT)
    with pytest.raises(SystemExit, match="changes that it does not hold"):
        report.records_of(path, {**ABOUT, "commit": "1-dirty"})


def test_goals_that_are_missed_are_told(workers: Workers) -> None:
    outcome = contest_of("isa-wide", workers).hold()
    comparison = outcome.comparison
    first = outcome.results[0]
    fast = replace(first, seconds=[1e-9])
    goals = {"goal": 2.0, "limit": 0.5, "most_us": 1e-4, "peak_share": 0.9}
    slow = replace(fast, seconds=[1.0], entrant=replace(first.entrant, **goals))
    outcome.results[:] = [fast]
    assert page.missed([outcome], []) == "None in this run."
    outcome.results[:] = [slow]
    outcome.comparison = replace(comparison, entrants=(slow.entrant,))
    assert len(page.missed([outcome], []).splitlines()) == len(goals)
    outcome.comparison = comparison  # whose first entrant was left out
    assert len(page.missed([outcome], []).splitlines()) == 2
    large = Figure("size of the extension", "MB", spread([5.0]))
    assert "size of the extension: 5 MB, not at most 4" in page.missed([], [large])


@pytest.mark.parametrize("key", ["search-grid", "search-random", "search-random-2"])
def test_searches_that_find_other_scores_are_noticed(key: str, workers: Workers) -> None:
    contest = contest_of(key, workers)
    entrants = contest.comparison.entrants
    results = [Result(entrant, entrant.case, {}, 0.0) for entrant in entrants]
    contest.verify(results[0], [0.9, 0.8])
    for result in results:
        contest.verify(result, [0.9, 0.801])
        with pytest.raises(WrongAnswerError, match="is off by"):
            contest.verify(result, [0.9, 0.7])


def test_wrong_predictions_are_noticed(workers: Workers) -> None:
    contest = contest_of("predict-1", workers)
    result, *_ = contest.hold().results
    (correct,) = contest.correct.values()
    contest.verify(result, correct)
    one_row_off = correct["probabilities"].copy()
    one_row_off[50] += 1e-4
    with pytest.raises(WrongAnswerError, match=r"is off by 0\.0001"):
        contest.verify(result, {**correct, "probabilities": one_row_off})
    last_wrong = correct["classes"].copy()
    last_wrong[-1] += 1
    for classes in (correct["classes"][::-1], correct["classes"][:-1], last_wrong):
        with pytest.raises(WrongAnswerError, match="is off by inf"):
            contest.verify(result, {**correct, "classes": classes})


def test_a_workers_wrong_answer_is_not_left_out(tmp_path: Path, workers: Workers) -> None:
    comparison = next(c for c in COMPARISONS if c.key == "predict-1")
    program = "import json; input(); print(json.dumps({'wrong': 'classes differ'}))"
    with (tmp_path / "log").open("w") as log:
        wrong = Worker.__new__(Worker)
        wrong.library = "PyTorch"
        wrong.process = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=log, text=True,
        )  # fmt: skip
    contest = Contest(comparison, "smallest", workers)
    with (
        pytest.raises(WrongAnswerError, match="PyTorch: classes differ"),
        contest.or_left_out(comparison.entrants[2]),
    ):
        wrong.ask("score", 2)
    wrong.stop()


def test_a_comparison_without_entrants_is_told(tmp_path: Path) -> None:
    comparison = next(c for c in COMPARISONS if c.key == "predict-2")
    skipped = {entrant.label: "more threads than CPUs" for entrant in comparison.entrants}
    outcome = Outcome(comparison, "On two threads", [], skipped)
    told = page.Report(ABOUT, "full", outcomes=[outcome])
    with report.Run.begun(tmp_path / "page.md", told) as run:
        run.draw(comparison.key, outcome)
    told.write(tmp_path / "page.md")
    assert "more threads than CPUs" in (tmp_path / "page.md").read_text()


def test_the_command_writes_a_report(tmp_path: Path) -> None:
    script = Path(report.__file__)
    options = ["--smallest", "--repetitions", "1", "--only", "isa-digits", "--name", "here"]
    subprocess.run(
        [sys.executable, script, *options, "--folder", tmp_path], check=True, capture_output=True
    )
    page = tmp_path / "here-smallest-part.md"
    assert "instruction sets, 64-100-10 on" in page.read_text().lower()
    assert "ended before" not in page.read_text()
    (line,) = page.with_suffix(".jsonl").read_text().splitlines()
    record = json.loads(line)
    assert {"commit", "compiler", "flags", "cpu", "isa"} <= record.keys()
    for entrant in record["entrants"]:
        assert {"threads", "versions", "seconds", "times_first"} <= entrant.keys()
        assert entrant["seconds"]["least"] <= entrant["seconds"]["median"]
