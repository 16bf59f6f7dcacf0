"""Studies of the command `nnhp search`, in the words of its options."""

from __future__ import annotations

from nnhp._table_files import RefusedError
from nnhp._table_methods import METHODS
from nnhp._table_words import one_line
from nnhp.search import GrowSearchCV, PBTSearchCV, Study
from nnhp.search._study import StudyDiffers

# What to give otherwise where a part of a study's fingerprint differs; parts whose difference may
# come from that of another; and words for values.
_OPTIONS = {
    "method": "--method",
    "seed": "--seed",
    "data": "the data (DATA, --target or --task)",
    "splits": "--cv",
    "estimator": "--epochs",
    "space": "--space",
    "max_resources": "--epochs",
    "n_iter": "--n",
    "n_candidates": "--n",
    "generations": "--n",
    "population_size": "--n",
    "return_curves": "--report",
    "isa": "the instruction set (NNHP_ISA)",
    "versions": "the versions of the packages",
}
_REASONS = {
    "method": {
        "estimator",
        "max_resources",
        "n_iter",
        "n_candidates",
        "generations",
        "population_size",
        "versions",
    },
    "seed": {"data", "splits", "estimator"},
    "data": {"splits", "estimator", "space"},
    "splits": {"space"},
    "max_resources": {"estimator"},
}
_SAID = {
    **{method.search.__name__: name for name, method in METHODS.items()},
    "True": "given",
    "False": "not given",
}


def check_study(path: str) -> None:
    """Raise RefusedError, before anything is said, if a file is no study."""
    try:
        _ = Study(path).enqueued
    except (ValueError, OSError) as error:
        raise RefusedError(f"--study: {one_line(error)}") from error


def in_options(error: StudyDiffers) -> str:
    """What differs from the study to resume, in the command's words."""
    explained = set().union(*(_REASONS.get(part, ()) for part in error.differences))
    own_spaces = {search.__name__ for search in (PBTSearchCV, GrowSearchCV)}
    if own_spaces.intersection(error.differences.get("method", ())):
        explained.add("space")
    said = []
    for part, option in _OPTIONS.items():
        if part not in error.differences or part in explained:
            continue
        there, here = (_SAID.get(value, value) for value in error.differences[part])
        said.append(f"{option} ({there} there, {here} here)" if error.is_short(part) else option)
    what = " and ".join(said) or ", ".join(error.differences)
    return (
        f"{error.path} has no such search to resume; its study {error.number} differs in {what}: "
        "give the same, or leave --resume out"
    )
