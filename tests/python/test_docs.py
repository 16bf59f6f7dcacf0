"""The examples of the documentation run as printed."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest
from helpers import STOPS_EARLY

import nnhp

README = Path(__file__).parents[2] / "README.md"
MODULES = [info.name for info in pkgutil.walk_packages(nnhp.__path__, "nnhp.")]


def with_examples(names):
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name in names:
        module = importlib.import_module(name)
        yield from (test for test in finder.find(module) if test.examples)


EXAMPLES = {test.name: test for test in with_examples(MODULES)}
# Their examples have so few epochs that the last trainings do not converge, as a warning says.
BY_EPOCHS = ("HalvingGridSearchCV", "HalvingRandomSearchCV", "HyperbandSearchCV")


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=STOPS_EARLY) if n.endswith(BY_EPOCHS) else n for n in EXAMPLES],
)
def test_example(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    lines = []
    runner.run(EXAMPLES[name], out=lines.append)
    assert runner.failures == 0, "".join(lines)


def test_every_public_class_has_an_example():
    documented = {name.rpartition(".")[2] for name in EXAMPLES}
    classes = {name for name in nnhp.__all__ if isinstance(getattr(nnhp, name), type)}
    assert classes <= documented


@STOPS_EARLY
def test_the_blocks_of_the_readme_run_one_after_the_other(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 3
    names = {}
    for block in blocks:
        exec(compile(block, str(README), "exec"), names)
    score = float(capsys.readouterr().out.split()[0])
    assert score > 0.9
    assert names["search"].best_score_ > 0.9
    assert names["halving"].best_score_ > 0.9
    assert (tmp_path / "digits.sqlite").exists()
