"""The examples of the documentation run as printed, and it leaves no public name out."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path
from types import ModuleType

import pytest
from helpers import STOPS_EARLY

import nnhp
from nnhp.cli import main

pytestmark = STOPS_EARLY

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
COMMAND = "docs/guide/command.md"
PAGES = {str(page.relative_to(ROOT)): page for page in (ROOT / "docs").rglob("*.md")}
MODULES = [info.name for info in pkgutil.walk_packages(nnhp.__path__, "nnhp.")]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


# --- examples -------------------------------------------------------------------------------------


class ToTheLastDigit(doctest.OutputChecker):
    """Lets the last decimal of a number be off by two: instruction sets round differently."""

    DECIMAL = re.compile(r"\d+\.\d+")

    def check_output(self, want, got, optionflags):
        numbers = iter(self.DECIMAL.findall(want))

        def like_wanted(found):
            wanted = next(numbers, found[0])
            allowed = 2.01 * 10.0 ** -len(wanted.partition(".")[2])
            return wanted if abs(float(found[0]) - float(wanted)) < allowed else found[0]

        return super().check_output(want, self.DECIMAL.sub(like_wanted, got), optionflags)


def run_example(test, checker=None):
    runner = doctest.DocTestRunner(
        checker, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )
    lines = []
    runner.run(test, out=lines.append, clear_globs=False)
    assert runner.failures == 0, "".join(lines)


def run_page(page):
    """Run the blocks of a page one after the other, in one namespace, and return that."""
    names, text = {}, page.read_text()
    for block in BLOCK.finditer(text):
        code = block.group(1)
        line = text.count("\n", 0, block.start(1))
        if code.startswith(">>>"):
            test = doctest.DocTestParser().get_doctest(code, names, page.name, str(page), line)
            run_example(test, ToTheLastDigit())
            names = test.globs
        else:
            exec(compile("\n" * line + code, page, "exec"), names)
    return names


def with_examples(names):
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name in names:
        module = importlib.import_module(name)
        yield from (test for test in finder.find(module) if test.examples)


EXAMPLES = {test.name: test for test in with_examples(MODULES)}
WITH_BLOCKS = {name for name, page in PAGES.items() if BLOCK.search(page.read_text())}


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_example(EXAMPLES[name])


def test_every_public_class_has_an_example():
    documented = {name.rpartition(".")[2] for name in EXAMPLES}
    classes = {name for name in nnhp.__all__ if isinstance(getattr(nnhp, name), type)}
    assert classes <= documented


@pytest.mark.parametrize("name", sorted(WITH_BLOCKS - {COMMAND}))
def test_the_blocks_of_a_page_run_one_after_the_other(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_page(PAGES[name])


def test_the_readme_finds_good_networks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = run_page(README)
    score = float(capsys.readouterr().out.split()[0])
    assert score > 0.9
    assert names["search"].best_score_ > 0.9
    assert (tmp_path / "digits.sqlite").exists()


def test_the_commands_of_the_guide_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = PAGES[COMMAND].read_text()
    sales = "".join(f"{size},{'AB'[size % 2]},{size * 3}\n" for size in range(10, 210))
    for name in ("sales.csv", "new_sales.csv"):
        Path(name).write_text(f"size,town,price\n{sales}")
    Path("space.toml").write_text(text.partition("```toml\n")[2].partition("```")[0])
    commands = re.findall(r"^\$ nnhp (.*)$", text, re.MULTILINE)
    assert len(commands) == 5
    for command in commands:
        top = ["--top", "1"] if command.startswith("search") else []
        assert main([*command.split(), "--epochs", "3", "--cv", "2", *top]) == 0
    assert len(run_page(PAGES[COMMAND])["prices"]) == 200
    assert Path("sales.html").exists()
    assert Path("rates.svg").exists()


# --- the API's pages ------------------------------------------------------------------------------


def public_names(module):
    """Yield the public names of a module, as one writes them after nnhp, with the objects."""
    room = module.__name__.removeprefix("nnhp").removeprefix(".")
    for name in module.__all__:
        found = getattr(module, name)
        if not isinstance(found, ModuleType) and not name.startswith("__"):
            yield f"{room}.{name}".removeprefix("."), found


def test_the_api_lists_every_public_name_once():
    public = [importlib.import_module(name) for name in MODULES if "._" not in name]
    shortest = {}
    for module in [nnhp, *(module for module in public if hasattr(module, "__all__"))]:
        for name, found in public_names(module):
            shortest.setdefault(id(found), name)
    text = (ROOT / "docs" / "api.md").read_text()
    assert sorted(re.findall(r"^   ([\w.]+)$", text, re.MULTILINE)) == sorted(shortest.values())
