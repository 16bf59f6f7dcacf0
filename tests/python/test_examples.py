"""The scripts in `examples/`: they run as they are, and are the pages that the gallery expects."""

import re
import runpy
from pathlib import Path

import matplotlib as mpl
import pytest
from helpers import STOPS_EARLY
from matplotlib import pyplot as plt

mpl.use("Agg")
pytestmark = STOPS_EARLY

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
SHORTER = {"plot_which_matter": ["12"]}  # candidates; the documentation's build tries all of them
TABLES = [script for script in SCRIPTS if script.name.startswith("plot_table_")]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_an_example_runs(script, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(script), *SHORTER.get(script.stem, [])])
    names = runpy.run_path(str(script), run_name="__main__")
    if script not in TABLES:
        return
    sweep = names["sweep"]
    heading, _, *rows = capsys.readouterr().out.splitlines()
    assert heading.startswith(f"| {sweep.param_name} ")
    labels = [f"{value:g}" if type(value) is float else str(value) for value in sweep.values]
    assert [row.split("|")[1].strip() for row in rows] == labels
    assert len(plt.gcf().axes) == 3


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_an_example_is_a_page_of_the_gallery(script):
    text = script.read_text()
    assert len(text.splitlines()) < 40
    title, underline = re.match(r'"""\n(.+)\n(=+)\n\n', text).groups()
    assert len(title) == len(underline)


def test_there_is_one_script_for_each_table_of_the_article():
    numbers = [int(re.match(r"plot_table_(\d)_", script.name)[1]) for script in TABLES]
    assert numbers == list(range(1, 10))
    page = (ROOT / "docs" / "articles.md").read_text()
    assert re.findall(r"gallery/(plot_table_\w+)\.rst", page) == [s.stem for s in TABLES]
