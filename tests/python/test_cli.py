"""The command line: what it prints, what it leaves, and how it fails."""

import os
import re
import shlex
import signal
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import palmerpenguins
import pandas as pd
import pytest

import nnhp
from nnhp import _command
from nnhp._choices import METHODS
from nnhp._table_search import TableSearch
from nnhp.cli import main

COMMAND = "import sys; from nnhp.cli import main; sys.exit(main())"
PENGUINS = Path(palmerpenguins.__file__).parent / "data" / "penguins.csv"
SHORT = ["--n", "3", "--cv", "2", "--epochs", "5"]
ALPHA = ["--param", "alpha", "--values", "0.1,1"]

GRID = """
hidden_layer_sizes = [[16], [16, 8]]
alpha = [1e-4, 1e-2]
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ranking(output):
    """Heading of the printed table, and its rows as lists of words."""
    heading, *rows = re.findall(r"^ *(?:rank|\d+) .*$", output, flags=re.MULTILINE)
    return heading, [row.split() for row in rows]


def held_out(output):
    """Held-out scores of the best candidate and of the default settings."""
    found = re.findall(
        r"^held-out \S+, (?:best candidate|default settings): +(\S+)$", output, re.MULTILINE
    )
    best, default = map(float, found)
    return best, default


# ------------------------------------------------------------------ what it says


def test_the_installed_command_is_main():
    (command,) = entry_points(group="console_scripts", name="nnhp")
    assert command.load() is main


def test_the_package_can_be_run():
    done = subprocess.run(
        [sys.executable, "-m", "nnhp", "search"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("nnhp search: error: the following arguments are required: DATA")


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"nnhp {nnhp.__version__}\n"


def test_versions_shows_the_engine(capsys):
    assert main(["versions"]) == 0
    assert nnhp.isa() in capsys.readouterr().out


def test_help_shows_every_option_and_examples(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["search", "--help"])
    text = capsys.readouterr().out
    options = "target task method space n cv epochs time seed jobs study resume report save top"
    assert all(f"--{option} " in text for option in options.split())
    assert "examples:" in text
    assert re.search(r"^  nnhp search digits$", text, re.MULTILINE)
    assert "nnhp.spaces.default" in text
    assert max(map(len, text.splitlines())) < 100


def test_help_of_a_sweep_shows_every_option_and_examples(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["sweep", "--help"])
    text = capsys.readouterr().out
    options = "target task param values set cv repeats test-size epochs seed jobs save-csv plot"
    assert all(f"--{option} " in text for option in options.split())
    examples = text.partition("examples:\n")[2].splitlines()
    assert len(examples) == 4
    for example in examples:
        arguments = _command._parser().parse_args(shlex.split(example)[1:])
        assert len(arguments.values) > 1
    assert max(map(len, text.splitlines())) < 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: command"),
        (["fit"], "invalid choice: 'fit'"),
        (["search"], "required: DATA"),
        (["search", "mnist"], "'mnist' is neither a file nor a bundled data set (digits,"),
        (["search", "iris", "--n", "0"], "--n: 0 is out of range: at least 1"),
        (["search", "iris", "--n", "many"], "--n: 'many' is not an integer"),
        (["search", "iris", "--cv", "1"], "--cv: 1 is out of range: at least 2"),
        (["search", "iris", "--cv", "1000"], "iris has too few rows for 1000 folds"),
        (["search", "diabetes", "--cv", "1000"], "it can be cut into at most 165"),
        (["search", "iris", "--seed", "4294967296"], "at most 4294967295"),
        (["search", "iris", "--jobs", "0"], "0 is no number of threads"),
        (["search", "iris", "--time", "soon"], "--time: expected a time of more than 0, as 60s"),
        (["search", "iris", "--time", "0s"], "--time: expected a time of more than 0, as 60s"),
        (["search", "iris", "--method", "best"], "invalid choice: 'best'"),
        (["search", "iris", "--method", "grid"], "--method grid needs --space"),
        (["search", "iris", "--method", "hyperband", "--n", "3"], "--epochs sets the number"),
        (["search", "iris", "--space", "none.toml"], "cannot read none.toml: No such file"),
        (["search", "iris", "--target", "y"], "--target is for CSV and Parquet files"),
        (["search", "iris", "--resume"], "--resume needs --study"),
        (["search", "iris", "--resume", "--study", "no.db"], "there is no study to resume: no.db"),
        (["search", "iris", "--study", "no/s.db"], "--study: there is no folder"),
        (["search", "iris", "--save", "no/m"], "--save: there is no folder"),
        (["search", "iris", "--save", "."], "--save: . exists and is not a file"),
        (["search", "iris", "--report", os.devnull], "exists and is not a file"),
        (["search", "none.csv"], "cannot read none.csv: No such file"),
        (["sweep", "iris"], "required: --param, --values"),
        (["sweep", "none.csv", *ALPHA], "cannot read none.csv: No such file"),
        (["sweep", "iris", *ALPHA, "--cv", "1"], "--cv: 1 is out of range: at least 2"),
        (["sweep", "iris", *ALPHA, "--cv", "500"], "n_splits=500"),
        (["sweep", "iris", *ALPHA, "--repeats", "0"], "--repeats: 0 is out of range: at least 1"),
        (["sweep", "iris", *ALPHA, "--test-size", "1"], "--test-size: 1 is out of range: above 0"),
        (["sweep", "iris", *ALPHA, "--test-size", "x"], "--test-size: 'x' is not a number"),
        (["sweep", "iris", *ALPHA, "--set", "solver"], "--set: expected NAME=VALUE, got 'solver'"),
        (["sweep", "iris", *ALPHA, "--set", "slover=sgd"], "'slover' (did you mean 'solver'?); it"),
        (
            ["sweep", "iris", "--param", "solver__rho", "--values", "0.1"],
            "solver is 'adam': give it an object, such as {component = 'nnhp.optimizers.Adam'}",
        ),
        (
            ["sweep", "iris", *ALPHA, "--set", "solver={component='nnhp.optimizers.Nope'}"],
            "component must be one of ",
        ),
        (["sweep", "iris", *ALPHA, "--set", "solver=x"], "--set solver: The 'solver' parameter"),
        (["sweep", "iris", *ALPHA, "--set", "alpha=1"], "--set alpha: --param varies it already"),
        (["sweep", "iris", *ALPHA, "--save-csv", "no/a.csv"], "--save-csv: there is no folder"),
        (["sweep", "iris", *ALPHA, "--plot", "no/a.png"], "--plot: there is no folder"),
        (["sweep", "iris", *ALPHA, "--plot", "a.txt"], "--plot: a.txt must end in one of .avif, "),
        (["sweep", "iris", "--param", "x", "--values", "1"], "--param: the network has no para"),
        (["sweep", "iris", "--param", "alpha", "--values", "1,,2"], "--values: expected values wi"),
        (["sweep", "iris", "--param", "alpha", "--values", "[1"], "--values: expected a number, "),
        (["sweep", "iris", "--param", "alpha", "--values", "1,1"], "--values: 1 is there twice"),
        (["sweep", "iris", "--param", "alpha", "--values", "1,-1"], "--values: -1: The 'alpha' "),
        (
            ["sweep", "iris", "--param", "way", "--values", "{b = 1}"],
            "has no parameter 'b'; it has",
        ),
        (["sweep", "iris", "--param", "solver", "--values", "lbfgs"], "'lbfgs': a sweep trains on"),
        (["sweep", "iris", "--param", "early_stopping", "--values", "true"], "True: with early_st"),
    ],
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, list) else "",
)
def test_bad_usage_is_one_line_and_exit_code_2(capsys, here, arguments, message):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert message in output.err
    assert output.err.count("\n") == 1
    known = arguments[:1] in (["search"], ["sweep"])
    command = f"nnhp {arguments[0]}" if known else "nnhp"
    assert output.err.startswith(f"{command}: error: ")
    assert output.err.endswith(f" (see '{command} --help')\n")


@pytest.mark.parametrize("denied", [".", "net.nnhp"])
def test_files_that_could_not_be_written_are_told_before_the_search(
    capsys, here, monkeypatch, denied
):
    """The folder of an earlier file counts too, in which the new one is made."""
    Path("net.nnhp").touch()
    place = Path(denied).absolute()
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).absolute() != place)
    with pytest.raises(SystemExit, match="2"):
        main(["search", "iris", "--save", "net.nnhp"])
    assert "--save: net.nnhp cannot be written" in capsys.readouterr().err


# ------------------------------------------------------------------ searches


@pytest.mark.parametrize(("dataset", "metric"), [("iris", "accuracy"), ("diabetes", "R^2")])
def test_search_prints_a_ranking_and_two_held_out_scores(capsys, dataset, metric):
    assert main(["search", dataset, "--n", "3", "--cv", "2", "--top", "2", "--jobs", "-1"]) == 0
    output = capsys.readouterr()
    heading, rows = ranking(output.out)
    names = [metric, "layers", "activation", "L2", "learning rate", "batch", "dropout"]
    assert all(name in heading for name in names)
    ranks = [int(row[0]) for row in rows]
    assert len(ranks) == 2
    assert ranks == sorted(ranks)
    assert "2 more" in output.out
    assert len(held_out(output.out)) == 2
    assert re.search(r"^time: \d+\.\d s$", output.out, re.MULTILINE)
    assert "/800 [" in output.err  # epochs of the progress bar
    assert "Fitting" not in output.out


@pytest.mark.parametrize(("method", "n_drawn"), [("bayes", 20), ("genetic", 19), ("pbt", 20)])
def test_methods_that_learn(capsys, here, method, n_drawn):
    arguments = ["search", "wine", "--method", method, "--epochs", "3", "--cv", "2", "--n", "20"]
    assert main([*arguments, "--study", "wine.db"]) == 0
    output = capsys.readouterr().out
    said = f"{method} search: the default settings and {n_drawn} candidates of up to 3 epochs x 2"
    assert said in output
    assert main([*arguments, "--study", "wine.db", "--resume"]) == 0
    assert ranking(capsys.readouterr().out) == ranking(output)


@pytest.mark.parametrize("method", ["bayes", "genetic"])
def test_the_extra_is_missing(capsys, monkeypatch, method):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(SystemExit) as end:
        main(["search", "wine", "--method", method])
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert f"--method {method} needs Optuna and cmaes: install the extra" in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(("method", "n_candidates"), [("halving", 81), ("hyperband", 15)])
def test_methods_with_rungs_put_a_candidate_of_all_epochs_first(capsys, method, n_candidates):
    arguments = ["search", "wine", "--method", method, "--epochs", "9", "--cv", "2"]
    assert main(arguments) == 0
    output = capsys.readouterr().out
    tried = f"the default settings and {n_candidates} candidates of up to 9 epochs x 2 folds"
    assert f"{method} search: {tried}" in output
    assert f"--top {n_candidates + 1} shows all" in output
    heading, rows = ranking(output)
    epochs = [int(row[-2]) for row in rows]
    assert heading.split()[-2] == "epochs"
    assert epochs[0] == 9
    assert epochs == sorted(epochs, reverse=True)
    scores = [float(row[1]) for row, n in zip(rows, epochs, strict=True) if n == 9]
    assert scores == sorted(scores, reverse=True)


def test_a_grid_comes_from_a_file(capsys, here):
    Path("grid.toml").write_text(GRID)
    arguments = ["search", "wine", "--method", "grid", "--space", "grid.toml", "--cv", "2"]
    assert main(arguments) == 0
    output = capsys.readouterr().out
    heading, rows = ranking(output)
    assert "grid search: the default settings and 4 candidates" in output
    assert heading.split() == ["rank", "accuracy", "layers", "L2", "seconds"]
    assert sorted(row[4] for row in rows) == ["100", "16", "16", "16-8", "16-8"]


def test_a_small_space_has_no_more_candidates_than_it_has(capsys, here):
    Path("space.toml").write_text(GRID)
    assert main(["search", "wine", "--space", "space.toml", "--n", "50", "--cv", "2"]) == 0
    output = capsys.readouterr().out
    assert "the space has no more than 4 candidates" in output
    assert len(ranking(output)[1]) == 5


def test_the_default_settings_are_a_candidate(capsys, here):
    Path("slow.toml").write_text("learning_rate_init = [1e-6]\nsolver = ['sgd']\n")
    for method in sorted(set(METHODS) - {"pbt", "grow"}):  # which change no solver
        arguments = ["--space", "slow.toml", "--cv", "2", "--method", method, "--report", "r.html"]
        assert main(["search", "wine", *arguments, "--save", "net.nnhp"]) == 0
        output = capsys.readouterr().out
        assert output.count("the best candidate has the default settings") == 1
        best, default = held_out(output)
        assert best == default
        assert "adam" in ranking(output)[1][0]
        assert nnhp.load("net.nnhp")[-1].solver == "adam"
        assert "the best candidate has the default settings" in Path("r.html").read_text()


def test_a_search_that_does_not_pay_says_so(capsys, here, monkeypatch):
    Path("slow.toml").write_text("learning_rate_init = [1e-6]\n")
    arguments = ["--space", "slow.toml", "--epochs", "20", "--cv", "2"]
    with monkeypatch.context() as patched:
        # As if the default settings did badly on the folds.
        slow = {"mlp__learning_rate_init": 1e-7}
        patched.setattr(TableSearch, "_default_settings", lambda _: slow)
        for data, more in [("wine", ["--n", "1"]), ("diabetes", ["--method", "grid"])]:
            assert main(["search", data, *arguments, *more]) == 0
            output = capsys.readouterr().out
            best, default = held_out(output)
            (line,) = re.findall(r"^the default settings did better .*$", output, re.MULTILINE)
            of_wine = f"{45 * (default - best):.0f} of 45"
            by = of_wine if data == "wine" else f"{default - best:.2g} in"
            assert f"on the held-out rows, by {by}" in line
            assert "(more than one standard error); try more" in line
        assert line.endswith("try more values (--space) or --epochs")
    Path("slow.toml").write_text("learning_rate_init = [1e-3]\n")  # the default itself
    assert main(["search", "wine", *arguments]) == 0
    assert "did better" not in capsys.readouterr().out


def test_a_search_that_runs_out_of_time_says_so(capsys):
    assert main(["search", "wine", "--n", "50", "--cv", "2", "--time", "0.001s"]) == 0
    assert "time was up after 1 of 51 candidates" in capsys.readouterr().out


def test_a_search_that_draws_settings_twice_says_so(capsys, here):
    Path("two.toml").write_text("hidden_layer_sizes = {layers = {depth = 1, width = [8, 9]}}\n")
    enough = ["--time", "10m"]
    assert main(["search", "wine", "--space", "two.toml", "--n", "9", "--cv", "2", *enough]) == 0
    output = capsys.readouterr().out
    assert "the 10 candidates had 3 different settings" in output
    assert "time was up" not in output


def test_candidates_that_all_fail_are_one_line(capsys, here, monkeypatch):
    failing = {"mlp__solver": "lbfgs", "mlp__dropout": 0.5}
    monkeypatch.setattr(TableSearch, "_default_settings", lambda _: failing)
    Path("space.toml").write_text("solver = ['lbfgs']\ndropout = [0.5]\n")
    with pytest.raises(SystemExit, match="2"):
        main(["search", "iris", "--space", "space.toml", *SHORT])
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert line.startswith("nnhp search: error: All the 4 fits failed: ValueError: dropout cannot")


def test_candidates_that_fail_are_ranked_last(here):
    Path("space.toml").write_text("solver = ['lbfgs', 'adam']\ndropout = [0.5]\n")
    done = run_command("search", "iris", "--space", "space.toml", *SHORT)
    assert done.returncode == 0
    assert [row[1] == "failed" for row in ranking(done.stdout)[1]] == [False, False, True]
    (warning,) = [line for line in done.stderr.splitlines() if "warning" in line]
    assert "dropout cannot be used with solver='lbfgs'" in warning


def test_a_study_is_gone_on_with(capsys, here):
    arguments = ["search", "wine", *SHORT, "--study", "wine.db"]
    outputs = []
    for more in ([], ["--resume"], []):
        assert main([*arguments, *more]) == 0
        outputs.append(re.sub(r"time: .*", "", capsys.readouterr().out))
    assert outputs[0] == outputs[1] == outputs[2]
    assert len(nnhp.Study("wine.db").trials()) == 4


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (["--report", "r.html"], "--report (not given there, given here)"),
        (["--seed", "1"], "--seed (0 there, 1 here)"),
        (["--n", "4"], "--n (3 there, 4 here)"),
        (["--cv", "3"], "--cv"),
        (["--epochs", "6"], "--epochs"),
        (["--method", "halving"], "--method (random there, halving here)"),
        (["--method", "bayes"], "--method (random there, bayes here)"),
        (["--method", "genetic"], "--method (random there, genetic here)"),
        (["--method", "pbt"], "--method (random there, pbt here)"),
        (["--space", "grid.toml", "--cv", "3"], "--cv"),
        (["--space", "grid.toml"], "--space"),
        (["--space", "grid.toml", "--n", "4"], "--space and --n (3 there, 4 here)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_not_resumed_is_said_in_options(capsys, here, changes, told):
    """The last of an option counts, so that changes override what the study began with."""
    Path("grid.toml").write_text(GRID)
    begun = ["search", "wine", *SHORT, "--study", "wine.db"]
    assert main(begun) == 0
    with pytest.raises(SystemExit, match="2"):
        main([*begun, "--resume", *changes])
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert line == (
        "nnhp search: error: wine.db has no such search to resume; its study 1 differs in "
        f"{told}: give the same, or leave --resume out (see 'nnhp search --help')"
    )


def test_what_is_not_resumed_of_other_data_is_said_so(capsys, here):
    assert main(["search", "wine", *SHORT, "--study", "wine.db"]) == 0
    with pytest.raises(SystemExit, match="2"):
        main(["search", "iris", *SHORT, "--study", "wine.db", "--resume"])
    assert "differs in the data (DATA, --target or --task): give" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("method", "setting", "told"),
    [
        ("random", {"alpha": 0.1}, "cannot set: 'alpha' (did you mean 'mlp__alpha'?)"),
        ("halving", {"mlp__max_iter": 5}, "cannot set: 'mlp__max_iter'. "),
    ],
)
def test_an_enqueued_setting_of_other_parameters_is_named(capsys, here, method, setting, told):
    nnhp.Study("wine.db").enqueue(setting)
    arguments = ["search", "wine", *SHORT, "--study", "wine.db", "--method", method]
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert f"The setting {setting!r}, which is enqueued in wine.db" in line
    assert told in line
    assert nnhp.Study("wine.db").dequeue() == [setting]
    assert main(arguments) == 0


def test_another_file_is_no_study(capsys, here):
    Path("wine.csv").write_text("not a database, and long enough not to look like an empty one\n")
    with pytest.raises(SystemExit, match="2"):
        main(["search", "wine", *SHORT, "--study", "wine.csv"])
    output = capsys.readouterr()
    assert "--study: wine.csv is not an SQLite database" in output.err
    assert output.out == ""


# ------------------------------------------------------------------ from a table to a model


def test_from_penguins_to_a_model_that_predicts(capsys, here):
    """Text columns and missing values, from a CSV to a report and a model."""
    Path("penguins.csv").write_bytes(PENGUINS.read_bytes())
    arguments = "search penguins.csv --target species --report r.html --save m.nnhp --n 4"
    assert main(shlex.split(arguments)) == 0
    output = capsys.readouterr().out
    assert "penguins.csv: 344 rows, 5 columns of numbers, 2 of text" in output
    assert "target 'species': classification, 3 classes (Adelie, Chinstrap, Gentoo)" in output
    assert "nnhp.load('m.nnhp')" in output
    assert sorted(path.name for path in here.iterdir()) == ["m.nnhp", "penguins.csv", "r.html"]

    page = Path("r.html").read_text()
    assert "penguins.csv" in page
    assert page.count("<img") >= 8
    assert "training loss" in page

    model = nnhp.load("m.nnhp")
    rows = pd.read_csv("penguins.csv")
    assert model.score(rows, rows["species"]) > 0.9
    missing = rows.iloc[[0, 3, 152]].copy()
    assert missing.isna().any(axis=None)
    missing.loc[0, ["sex", "island", "bill_depth_mm"]] = np.nan
    missing.loc[152, "island"] = "an island that training has not seen"
    predicted = model.predict(missing.drop(columns="species"))
    assert list(predicted) == ["Adelie", "Adelie", "Gentoo"]
    nameless = missing.drop(columns="species").to_numpy()
    for same in (nameless, nameless.tolist()):
        assert list(model.predict(same)) == list(predicted)
    with pytest.raises(ValueError, match="7 columns, in the order of the table"):
        model.predict(rows.to_numpy())
    assert held_out(output)[0] > 0.9


def test_a_regression_predicts_in_the_units_of_the_table(capsys, here):
    arguments = ["search", str(PENGUINS), "--target", "body_mass_g", "--n", "3", "--save", "m"]
    assert main(arguments) == 0
    output = capsys.readouterr().out
    assert "target 'body_mass_g': regression" in output
    assert "2 rows left out: 'body_mass_g' is missing" in output
    rows = pd.read_csv(PENGUINS)
    model = nnhp.load("m")
    predicted = model.predict(rows)
    nameless = rows.drop(columns="body_mass_g").to_numpy().tolist()
    np.testing.assert_array_equal(model.predict(nameless), predicted)
    assert abs(predicted.mean() - rows["body_mass_g"].mean()) < 200
    assert min(held_out(output)) > 0.6


def test_what_is_saved_takes_codes_beside_a_missing_one(here):
    rng = np.random.default_rng(0)
    code, truth = rng.choice(["10", "20", "30", "X"], 200), rng.choice([True, False], 200)
    size, kind = rng.normal(size=200), np.isin(code, ["10", "X"]) ^ truth
    table = pd.DataFrame({"code": code, "truth": truth, "size": size, "target": kind})
    table.to_csv("t.csv", index=False)
    assert main(["search", "t.csv", "--n", "2", "--save", "m.nnhp"]) == 0
    model = nnhp.load("m.nnhp")
    rows = table[code != "X"].drop(columns="target")
    rows.to_csv("new.csv", index=False)
    expected = model.predict_proba(pd.read_csv("new.csv"))
    assert ((expected[:, 1] > 0.5) == kind[code != "X"]).mean() > 0.8
    Path("new.csv").write_text(Path("new.csv").read_text() + ",,0.5\n")
    read = pd.read_csv("new.csv")
    assert read["code"].dtype == float
    for again in (read, read.assign(truth=read["truth"].astype(float))):
        np.testing.assert_allclose(model.predict_proba(again)[:-1], expected, rtol=1e-5)


def test_rare_texts_that_a_fold_has_not_seen_are_no_news(capsys, here):
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2))).add_prefix("x")
    rare = {f"rare {i}": ["a", "b"] + [None] * 38 for i in range(8)}
    table = table.assign(**rare, target=table["x0"] > 0).sample(frac=1, random_state=0)
    table.to_csv("t.csv", index=False)
    assert main(["search", "t.csv", *SHORT]) == 0
    assert main(["sweep", "t.csv", *ALPHA, "--epochs", "5"]) == 0
    assert "counts for nothing" not in capsys.readouterr().err


def test_what_is_saved_for_arrays_takes_arrays(here):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5))
    np.savez("table.npz", X=X, y=np.where(X[:, 0] > 0, "up", "down"))
    assert main(["search", "table.npz", "--n", "2", "--save", "m.nnhp"]) == 0
    assert set(nnhp.load("m.nnhp").predict(X)) == {"up", "down"}


def test_a_model_that_cannot_be_saved_does_not_cost_the_result(capsys, here, monkeypatch):
    Path("m.nnhp").write_text("an earlier model")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert main(["search", "iris", *SHORT, "--save", "m.nnhp"]) == 1
    output = capsys.readouterr()
    assert len(held_out(output.out)) == 2
    assert "cannot save the model" in output.err.splitlines()[-1]
    assert "No space left on device" in output.err
    assert Path("m.nnhp").read_text() == "an earlier model"
    assert len(list(here.iterdir())) == 1


def test_a_report_needs_matplotlib(capsys, here, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SystemExit, match="2"):
        main(["search", "iris", "--report", "r.html"])
    output = capsys.readouterr()
    assert "pip install 'nnhp[plots]'" in output.err
    assert output.out == ""


def test_result_does_not_depend_on_the_number_of_jobs(capsys):
    outputs = []
    for jobs in ("1", "2"):
        assert main(["search", "wine", *SHORT, "--seed", "1", "--jobs", jobs]) == 0
        lines = capsys.readouterr().out.splitlines()
        outputs.append([line.rsplit(maxsplit=1)[0] for line in lines if line])  # not the seconds
    assert outputs[0][:-1] == outputs[1][:-1]


# ------------------------------------------------------------------ the process


# ------------------------------------------------------------------ sweeps


def sweep_table(output):
    """Heading of the printed Markdown table, and its rows."""
    heading, _, *rows = re.findall(r"^\|.*\|$", output, flags=re.MULTILINE)
    return [[cell.strip() for cell in row[1:-1].split(" | ")] for row in (heading, *rows)]


def test_a_sweep_prints_a_table_and_keeps_it_with_a_picture(capsys, here):
    arguments = ["sweep", "digits", "--param", "learning_rate_init", "--values", "1e-4,0.01"]
    arguments += ["--cv", "3", "--repeats", "2", "--epochs", "8", "--jobs", "2"]
    assert main([*arguments, "--save-csv", "table.csv", "--plot", "picture.png"]) == 0
    output = capsys.readouterr()
    assert "digits: 1797 rows" in output.out
    assert "learning_rate_init: 2 values x 2 repeats x 3 folds, 96 epochs at most" in output.out
    assert "the test score is of the rows that the validation loss is of" in output.out
    heading, slow, fast = sweep_table(output.out)
    assert heading[0] == "learning_rate_init"
    assert heading[3] == "test accuracy"
    assert [slow[0], fast[0]] == ["0.0001", "0.01"]
    frame = pd.read_csv("table.csv", index_col=0)
    assert frame.index.tolist() == [1e-4, 0.01]
    for row, mean in zip([slow, fast], frame["mean_test_score"], strict=True):
        assert float(row[3].split()[0]) == pytest.approx(mean, abs=0.05)
    assert frame["mean_test_score"][0.01] > 0.9 > frame["mean_test_score"][1e-4]
    assert Path("picture.png").read_bytes().startswith(b"\x89PNG")
    assert "96/96 [" in output.err
    assert main(arguments) == 0
    again = sweep_table(capsys.readouterr().out)
    assert [row[:5] for row in again] == [row[:5] for row in (heading, slow, fast)]


def test_a_parameter_of_an_object_is_swept_over(capsys):
    given = ["--set", "solver={component = 'nnhp.optimizers.RMSprop'}", "--cv", "2"]
    arguments = ["sweep", "iris", "--param", "solver__rho", "--values", "0.5,0.9", *given]
    assert main([*arguments, "--epochs", "2", "--repeats", "1"]) == 0
    rows = re.findall(r"^\| *(\S+) ", capsys.readouterr().out, re.MULTILINE)
    assert rows[0] == "solver__rho"
    assert rows[-2:] == ["0.5", "0.9"]


def test_a_sweep_of_several_parameters_of_a_table_with_a_test_part(capsys):
    ways = "{alpha = 0.1, l1_ratio = 1}, {dropout = 0.2}, {}"
    arguments = ["sweep", str(PENGUINS), "--target", "species", "--param", "penalty"]
    arguments += ["--values", ways, "--set", "solver=sgd", "--set", "learning_rate_init=0.1"]
    arguments += ["--epochs", "5", "--repeats", "1", "--cv", "2", "--test-size", "0.25"]
    assert main(arguments) == 0
    output = capsys.readouterr().out
    heading, *rows = sweep_table(output)
    assert heading[0] == "penalty"
    assert [row[0] for row in rows] == ["alpha=0.1, l1_ratio=1", "dropout=0.2", "as it is"]
    assert all(float(row[3].split()[0]) > 0.9 for row in rows)
    assert "see --test-size" not in output


def test_a_sweep_that_diverges_says_so(capsys):
    arguments = ["sweep", "diabetes", "--param", "learning_rate_init", "--values", "1e30"]
    assert main([*arguments, "--set", "solver=sgd", "--cv", "2", "--repeats", "1"]) == 0
    heading, row = sweep_table(capsys.readouterr().out)
    assert heading[-1] == "diverged"
    assert row[-1] == "2 of 2"


def test_a_sweep_whose_files_cannot_be_written_prints_its_table(capsys, here, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    arguments = ["sweep", "iris", *ALPHA, "--epochs", "2", "--cv", "2", "--repeats", "1"]
    assert main([*arguments, "--save-csv", "a.csv"]) == 1
    output = capsys.readouterr()
    assert len(sweep_table(output.out)) == 3
    assert "nnhp sweep: error: cannot write the table or the picture: " in output.err


def test_a_picture_needs_matplotlib(capsys, here, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SystemExit, match="2"):
        main(["sweep", "iris", *ALPHA, "--plot", "a.png"])
    assert "--plot needs matplotlib" in capsys.readouterr().err


def run_command(*arguments, program=("-c", COMMAND), **more):
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, *program, *arguments],
        stdout=more.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
        **more,
    )


def interrupted(*arguments, by=signal.SIGINT):
    """Start a search, press Ctrl-C when trainings run; its exit code and last line."""
    command = [sys.executable, "-c", COMMAND, "search", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as search:
        assert search.stderr is not None
        seen = b""
        while not re.search(rb"[1-9]\d*/\d+ \[", seen):
            seen += search.stderr.read1(1000)
        search.send_signal(by)
        _, rest = search.communicate(timeout=30)
        assert b"Traceback" not in rest
        return search.returncode, rest.decode().splitlines()[-1]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_ends_a_search_with_130(jobs):
    code, line = interrupted("digits", "--n", "500", "--jobs", jobs)
    assert (code, line) == (130, "nnhp: interrupted")


@pytest.mark.parametrize("module", ["nnhp._command", "numpy", "pandas", "tqdm"])
def test_ctrl_c_while_modules_are_loaded_ends_it_quietly(module):
    script = f"""
import os, signal, sys
class CtrlC:
    def find_spec(self, name, *_):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, CtrlC())
{COMMAND}
"""
    done = run_command("versions", program=("-c", script))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize(
    ("arguments", "code"), [(["--help"], 0), (["search", "--help"], 0), (["search", "--no"], 2)]
)
def test_what_needs_no_table_loads_nothing(arguments, code):
    script = f"""
import sys
from nnhp.cli import main
try:
    main({arguments})
except SystemExit as end:
    assert end.code == {code}
print([name for name in ("numpy", "pandas", "sklearn", "scipy") if name in sys.modules])
"""
    done = run_command(program=("-c", script))
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
@pytest.mark.parametrize(("by", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_study_tells_how_to_go_on_with_it(here, by, expected):
    arguments = ["wine", "--n", "60", "--cv", "2", "--study", "a study.db"]
    code, line = interrupted(*arguments, by=by)
    assert code == expected
    _, _, advice = line.partition("go on with: ")
    program, *again = shlex.split(advice)
    assert program == "nnhp"
    assert again == ["search", *arguments, "--resume"]
    resumed = run_command(*again)
    fresh = run_command(*again[:-3])
    assert resumed.returncode == fresh.returncode == 0, resumed.stderr
    assert held_out(resumed.stdout) == held_out(fresh.stdout)
    settings = [[row[:-1] for row in ranking(run.stdout)[1]] for run in (resumed, fresh)]
    assert settings[0] == settings[1]


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


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["versions"], ["search", "iris", *SHORT]], ids=" ".join)
def test_a_reader_that_goes_away_is_no_error(arguments):
    read, write = os.pipe()
    os.close(read)
    done = run_command(*arguments, stdout=write)
    os.close(write)
    assert done.returncode == 141
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["versions"], ["search", "iris", *SHORT]], ids=" ".join)
def test_output_that_cannot_be_written_is_one_line(arguments):
    with Path("/dev/full").open("w") as full:
        done = run_command(*arguments, stdout=full)
    assert done.returncode == 1
    line = done.stderr.splitlines()[-1]
    assert line == "nnhp: error: cannot write the output: No space left on device"
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("closed", ["1", "2"])
def test_closed_streams(closed):
    script = f'exec "$0" -c "{COMMAND}" search iris --n 2 --cv 2 {closed}>&-'
    done = subprocess.run(
        ["sh", "-c", script, sys.executable],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_wrong_instruction_set_is_one_line_without_advice_to_install(tmp_path):
    script = tmp_path / "nnhp"
    script.write_text(COMMAND)
    wrong = {**os.environ, "NNHP_ISA": "mmx"}
    done = run_command("search", "iris", program=(str(script),), env=wrong)
    assert done.returncode == 2
    assert re.fullmatch(r"nnhp: error: NNHP_ISA must be one of .*'mmx'\n", done.stderr)
    imported = run_command(program=("-c", "import nnhp"), env=wrong)
    last = imported.stderr.splitlines()[-1]
    assert re.fullmatch(r"ImportError: NNHP_ISA must be one of .*'mmx'", last)
    assert "nstall" not in last
