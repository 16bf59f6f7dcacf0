"""Every public function refuses what is no value of an argument, and names the argument.

`public_searches` knows a good call of each; here each argument in turn is of a wrong kind.
"""

import importlib
import inspect
import re
from itertools import product
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from helpers import STOPS_EARLY
from public_searches import GROUPS, calls, prepare

import nnhp

pytestmark = [
    STOPS_EARLY,
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

WRONG = {"None": None, "text": "snake", "negative": -1, "object": object()}

# Kinds that an argument may have, beside None where that is its default.
LEGAL = {
    **{name: {"text"} for name in ("filename", "filepath", "name", "path", "study")},
    **{name: {"negative"} for name in ("baseline", "initial_slope", "mean", "min_delta", "minval")},
    "cv": {"None"},  # 5 folds
    "error_score": {"negative"},
    "gain": {"negative"},
    "index": {"negative"},  # from the end
    "initial_value_threshold": {"negative"},
    "n_classes": {"None"},  # a regression
    "n_jobs": {"negative"},
    "pre_dispatch": {"text", "negative"},  # joblib's, which the engine does not use
    "random_state": {"None"},
    "refit": {"text"},  # the name of the metric, of which there is one
    "start_from_epoch": {"negative"},
    "storage": {"None"},  # Optuna's in memory
    "target_score": {"negative"},
    "value": {"negative"},
}

# Public names without arguments of one's own, or whose arguments are what nnhp's functions made.
NOT_WALKED = {
    "nnhp": {"Sweep", "isa", "show_versions", "load_model", "search", "datasets", "__version__"},
    "nnhp.activations": {"Activation"},
    "nnhp.callbacks": {"Callback", "History", "TerminateOnNaN"},
    "nnhp.initializers": {
        "Initializer", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal",
        "LecunUniform", "Ones", "Zeros",
    },
    "nnhp.layers": {"Layer"},
    "nnhp.optimizers": {"Optimizer"},
    "nnhp.regularizers": {"Regularizer"},
    "nnhp.schedules": {"Schedule"},
    "nnhp.search": {"Sweep"},
}  # fmt: skip
ROOMS = [
    "nnhp", *(f"nnhp.{room}" for room in (
        "activations", "callbacks", "constraints", "datasets", "initializers",
        "integrations.optuna", "layers", "losses", "optimizers", "plots", "regularizers",
        "schedules", "search", "spaces",
    ))
]  # fmt: skip


def test_every_public_name_is_walked(folder):
    functions = [call.function for call in calls().values()]
    walked = {id(of) for f in functions for of in (f, getattr(f, "__self__", None))}
    for room in ROOMS:
        module = importlib.import_module(room)
        missing = {
            name
            for name in module.__all__
            if not inspect.ismodule(value := getattr(module, name)) and id(value) not in walked
        }
        assert missing - NOT_WALKED.get(room, set()) == set(), room


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the files are that calls read."""
    path = tmp_path_factory.mktemp("calls")
    prepare(path)
    return path


def is_legal(call, parameter, kind):
    """Whether an argument may be of a kind."""
    default = inspect.signature(call.function).parameters[parameter].default
    return kind in LEGAL.get(parameter, ()) or (kind == "None" and default is None)


def outcome(call, parameter, kind):
    """What is wrong with what a call makes of an argument of a kind; None if nothing is."""
    try:
        call.use(**(call.good | {parameter: WRONG[kind]}))
    except (ValueError, TypeError) as error:
        return None if re.search(rf"\b{parameter}\b", str(error)) else repr(error)
    except FileNotFoundError as error:  # a path that leads nowhere
        return None if kind == "text" and error.filename == "snake" else repr(error)
    finally:
        plt.close("all")
        Path("snake").unlink(missing_ok=True)
    return None if is_legal(call, parameter, kind) else "accepted"


@pytest.mark.parametrize("group", GROUPS)
def test_what_is_no_value_of_an_argument_is_refused_and_named(
    group, folder, monkeypatch, long_form
):
    monkeypatch.chdir(folder)
    wrong = {}
    for name, call in GROUPS[group]().items():
        call.use(**call.good)
        for parameter, kind in product(call.parameters(), WRONG):
            if is_legal(call, parameter, kind) and not long_form:
                continue
            if found := outcome(call, parameter, kind):
                wrong[name, parameter, kind] = found
    assert wrong == {}


def test_show_versions_takes_nothing():
    with pytest.raises(TypeError, match="positional argument"):
        nnhp.show_versions(1)
