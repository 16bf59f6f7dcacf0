"""The report for bug reports."""

import re
import tomllib
from pathlib import Path

import numpy as np
import sklearn

import nnhp
from nnhp import _core


def test_it_tells_what_a_maintainer_asks_for(capsys):
    nnhp.show_versions()
    shown = capsys.readouterr().out
    for wanted in (
        nnhp.__version__,
        nnhp.isa(),
        str(_core.thread_limit()),
        _core.build_info()["compiler"],
        f"numpy: {np.__version__}",
        f"scikit-learn: {sklearn.__version__}",
    ):
        assert wanted in shown


def test_all_that_nnhp_may_import_is_listed(capsys):
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    of_users = [
        extras[name] for name in ("dask", "onnx", "optuna", "parquet", "playground", "plots")
    ]
    wanted = {
        re.match(r"[\w-]+", requirement)[0]
        for requirements in (project["dependencies"], *of_users)
        for requirement in requirements
    }
    nnhp.show_versions()
    listed = capsys.readouterr().out.partition("Dependencies:")[2]
    assert set(re.findall(r"^  ([\w-]+): ", listed, re.MULTILINE)) == wanted


def test_the_build_tells_its_compiler_flags_and_openmp():
    info = _core.build_info()
    assert set(info) == {"compiler", "flags", "openmp"}
    assert "-O3" in info["flags"]
    assert int(info["openmp"]) >= 201511
    assert nnhp.isa() in _core.available_isas()
