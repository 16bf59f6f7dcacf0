"""The report's comparisons, once and tiny: every entrant that can be here gives right answers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import report
from cases import COMPARISONS, Comparison
from contest import Contest, Workers, WrongAnswerError

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
