"""Validate the docstrings of all that the API's page lists, and of its own methods, by numpydoc."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from numpydoc.validate import ERROR_MSGS, validate

import nnhp

API = Path(__file__).parents[1] / "docs" / "api.md"
# What a docstring may do without.
WITHOUT = {
    "GL01": "it begins in the line of the quotes",
    "ES01": "one sentence may say all",
    "PR03": "what searches share is written once, in one order",
    "SA01": "not everything has something to see besides",
    "EX01": "methods are shown in the example of their class; classes are checked by the tests",
    "RT02": "a result has a name",
}
CHECKS = ERROR_MSGS.keys() - WITHOUT.keys()
# Objects that are not held to it.
EXCEPT = {
    "nnhp.isa": "pybind11 puts the signature first",
    "nnhp.estimators.CompiledPredictor": "nobody but `compiled` calls it",
    "nnhp.Sweep": "nobody but `sweep` calls it",
}
# Methods by which estimators ask optimizers, schedules and losses for what the engine takes.
FOR_ESTIMATORS = {"check", "fields", "laid_out", "levels"}
# Methods of callbacks, which their base class describes.
HOOKS = {"on_train_begin", "on_epoch_begin", "on_epoch_end", "on_train_end"}


def names_to_check() -> Iterator[str]:
    """Yield the dotted names of the objects, and of the methods that they do not inherit."""
    for name in re.findall(r"^   ([\w.]+)$", API.read_text(), re.MULTILINE):
        found: object = nnhp
        for part in name.split("."):
            found = getattr(found, part)
        yield f"nnhp.{name}"
        if isinstance(found, type):
            for method, function in inspect.getmembers(found, inspect.isfunction):
                described = method in HOOKS and found is not nnhp.callbacks.Callback
                inner = method.startswith("_") or method in FOR_ESTIMATORS or described
                if not inner and function.__module__.startswith("nnhp."):
                    yield f"nnhp.{name}.{method}"


def main() -> int:
    """Print what is wrong, one line each."""
    names = [name for name in names_to_check() if name not in EXCEPT]
    problems = [
        f"{name}: {code} {text}"
        for name in names
        for code, text in validate(name)["errors"]
        if code in CHECKS
    ]
    print("\n".join(problems) or f"{len(names)} docstrings: nothing wrong")
    return int(bool(problems))


if __name__ == "__main__":
    raise SystemExit(main())
