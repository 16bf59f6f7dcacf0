"""scikit-learn's own tests of its MLPs and of its searches, run on nnhp's classes."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest

# Counts of scikit-learn 1.9.1, whose own classes have the same ones.
N_MLP_TESTS = 59
N_SEARCH_TESTS = {
    "test_search": {"passed": 141, "skipped": 30},
    "test_successive_halving": {"passed": 102},
}

MLP_PROBE = """
import sklearn.neural_network.tests.test_mlp as suite
import nnhp

def test_probe():
    assert suite.MLPClassifier is nnhp.MLPClassifier
    assert suite.MLPRegressor is nnhp.MLPRegressor
"""
HALVING = ["HalvingGridSearchCV", "HalvingRandomSearchCV"]
SEARCHES = {
    "test_search": ["GridSearchCV", "RandomizedSearchCV", "BaseSearchCV", *HALVING],
    "test_successive_halving": HALVING,
}
SEARCH_PROBE = """
import sklearn.model_selection.tests.{module} as suite
import nnhp
from nnhp.search._engine_fit import EngineSearch

def test_probe():
    for name in {names}:
        assert getattr(suite, name) is getattr(nnhp, name, EngineSearch)
"""


def run_suite(folder, module, plugin, probe):
    """Run a module of scikit-learn's tests; returns the outcomes, and what was skipped and why."""
    probe_file = folder / "test_probe.py"
    probe_file.write_text(probe)
    report = folder / "report.xml"
    options = ["-q", "-p", plugin, "-p", "no:cacheprovider"]
    options += [f"--rootdir={folder}", f"--junitxml={report}"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    environment.pop("SCIPY_ARRAY_API", None)  # tests of arrays on other devices depend on it
    result = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(probe_file), "--pyargs", module],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert report.exists(), result.stdout + result.stderr
    (suite,) = ET.parse(report).getroot()
    outcomes, reasons = Counter(), []
    names = []
    for case in suite.iter("testcase"):
        names.append(case.get("name"))
        outcome = next((child.tag for child in case if child.tag != "properties"), "passed")
        outcomes[outcome] += 1
        # An expected failure counts as skipped here.
        reasons += [child.get("message") for child in case.iter("skipped")]
    assert names.count("test_probe") == 1
    outcomes["passed"] -= 1
    assert set(outcomes) <= {"passed", "skipped"}, result.stdout
    assert result.returncode == 0
    return outcomes, reasons


@pytest.mark.slow
def test_all_of_scikit_learns_mlp_tests_pass_on_our_classes(tmp_path):
    outcomes, _ = run_suite(
        tmp_path, "sklearn.neural_network.tests.test_mlp", "nnhp_as_sklearn", MLP_PROBE
    )
    assert outcomes == {"passed": N_MLP_TESTS}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("module", N_SEARCH_TESTS)
def test_all_of_scikit_learns_search_tests_pass_on_our_classes(tmp_path, module):
    outcomes, reasons = run_suite(
        tmp_path,
        f"sklearn.model_selection.tests.{module}",
        "nnhp_searches_as_sklearn",
        SEARCH_PROBE.format(module=module, names=SEARCHES[module]),
    )
    assert outcomes == N_SEARCH_TESTS[module]
    # Arrays of other libraries, which scikit-learn's own classes are not tested with here either.
    assert all(reason.endswith("not checking array_api input") for reason in reasons)
