"""The command line: what it prints, and how it fails."""

import re
import signal
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

import nnhp
from nnhp import _bundled_search
from nnhp.cli import main

RUN_MAIN = "import sys; from nnhp.cli import main; sys.exit(main(sys.argv[1:]))"


def test_the_installed_command_is_main():
    (command,) = entry_points(group="console_scripts", name="nnhp")
    assert command.load() is main


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"nnhp {nnhp.__version__}\n"


def test_versions_shows_the_engine(capsys):
    assert main(["versions"]) == 0
    assert nnhp.isa() in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: command"),
        (["fit"], "invalid choice: 'fit'"),
        (["search"], "required: dataset"),
        (["search", "mnist"], "invalid choice: 'mnist'"),
        (["search", "iris", "--n", "0"], "--n: 0 is out of range: at least 1"),
        (["search", "iris", "--n", "many"], "--n: 'many' is not an integer"),
        (["search", "iris", "--cv", "1"], "--cv: 1 is out of range: at least 2"),
        (["search", "iris", "--cv", "1000"], "iris can be cut into at most 37 folds"),
        (["search", "iris", "--seed", "4294967296"], "at most 4294967295"),
        (["search", "iris", "--jobs", "-1"], "at least 1"),
    ],
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, list) else "",
)
def test_bad_usage_is_one_line_and_exit_code_2(capsys, arguments, message):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert message in output.err
    assert output.err.count("\n") == 1


@pytest.mark.parametrize(("dataset", "metric"), [("iris", "accuracy"), ("diabetes", "R^2")])
def test_search_prints_a_ranking_and_two_held_out_scores(capsys, dataset, metric):
    assert main(["search", dataset, "--n", "3", "--cv", "2", "--top", "2"]) == 0
    output = capsys.readouterr()
    heading, *rows = re.findall(r"^ *(?:rank|\d+) .*$", output.out, flags=re.MULTILINE)
    assert metric in heading
    ranks = [int(row.split()[0]) for row in rows]
    assert len(ranks) == 2
    assert ranks == sorted(ranks)
    assert "1 more" in output.out
    assert re.search(rf"held-out {re.escape(metric)}, best candidate: +-?\d", output.out)
    assert re.search(rf"held-out {re.escape(metric)}, default settings: +-?\d", output.out)
    assert "6/6" in output.err


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_search_result_does_not_depend_on_the_number_of_jobs():
    data = _bundled_search.load("wine", seed=1)
    one, two = (
        _bundled_search.search(
            data, n_candidates=3, n_folds=2, seed=1, n_jobs=jobs, on_fit=lambda: None
        )
        for jobs in (1, 2)
    )
    columns = one.candidates.columns.drop("seconds")
    assert one.candidates[columns].equals(two.candidates[columns])
    assert one.best_test_score == two.best_test_score
    assert one.default_test_score == two.default_test_score


def test_held_out_rows_are_stratified():
    data = _bundled_search.load("digits", seed=0)
    assert len(data.y_test) == 450
    assert sorted(set(data.y_test)) == sorted(set(data.y_train)) == list(range(10))


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_ends_a_search_with_130(jobs):
    arguments = ["search", "digits", "--n", "500", "--jobs", jobs]
    command = [sys.executable, "-c", RUN_MAIN, *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as search:
        assert search.stderr is not None
        seen = b""
        while not re.search(rb"[1-9]\d*/2500", seen):  # a fit is done, others are running
            seen += search.stderr.read1(1000)
        search.send_signal(signal.SIGINT)
        _, rest = search.communicate(timeout=30)
        assert search.returncode == 130
        assert rest.endswith(b"nnhp: interrupted\n")
        assert b"Traceback" not in rest


def run_command(*arguments):
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", RUN_MAIN, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
def test_exit_codes_and_streams_of_the_process():
    version = run_command("--version")
    assert (version.returncode, version.stderr) == (0, "")
    wrong = run_command("search", "nowhere")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    search = run_command("search", "wine", "--n", "2", "--cv", "2")
    assert search.returncode == 0, search.stderr
    assert "Warning" not in search.stderr
    assert re.search(r"^ *1 .*\+/-", search.stdout, flags=re.MULTILINE)
    assert search.stdout.count("held-out accuracy") == 2
