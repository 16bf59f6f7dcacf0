"""The report's comparisons, once and tiny: every entrant that can be here gives right answers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import page
import pytest
import report
from cases import COMPARISONS, Comparison
from contest import Contest, Outcome, Worker, Workers
from jobs import WrongAnswerError

GOOD_REASONS = (
    "ModuleNotFoundError",
    "more threads than CPUs",
    "not an instruction set of this machine",
)


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers() as started:
        yield started


@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda comparison: comparison.key)
def test_answers(comparison: Comparison, workers: Workers) -> None:
    outcome = Contest(comparison, "smallest", workers).hold()
    assert len(outcome.results) + len(outcome.skipped) == len(comparison.entrants)
    for label, reason in outcome.skipped.items():
        assert reason.startswith(GOOD_REASONS), f"{label}: {reason}"


def test_wrong_answers_and_scores_are_noticed(workers: Workers) -> None:
    comparison = next(c for c in COMPARISONS if c.key == "isa-digits")
    contest = Contest(comparison, "smallest", workers)
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


def test_wrong_predictions_are_noticed(workers: Workers) -> None:
    comparison = next(c for c in COMPARISONS if c.key == "predict-1")
    contest = Contest(comparison, "smallest", workers)
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
    told = page.Report({"cpu": "one", "isa": "base"}, "full", [outcome])
    report.draw(told, tmp_path / "page.md", outcome)
    told.write(tmp_path / "page.md")
    assert "more threads than CPUs" in (tmp_path / "page.md").read_text()


def test_the_command_writes_a_report(tmp_path: Path) -> None:
    script = Path(report.__file__)
    options = ["--smallest", "--repetitions", "1", "--only", "isa-digits", "--name", "here"]
    subprocess.run(
        [sys.executable, script, *options, "--folder", tmp_path], check=True, capture_output=True
    )
    page = tmp_path / "here-smallest.md"
    assert "instruction sets, 64-100-10 on" in page.read_text().lower()
    assert "ended before" not in page.read_text()
    (line,) = page.with_suffix(".jsonl").read_text().splitlines()
    record = json.loads(line)
    assert {"commit", "compiler", "flags", "cpu", "isa"} <= record.keys()
    for entrant in record["entrants"]:
        assert {"threads", "versions", "seconds", "times_first"} <= entrant.keys()
        assert entrant["seconds"]["least"] <= entrant["seconds"]["median"]
