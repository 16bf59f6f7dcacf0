"""scikit-learn's own tests of its MLPs, run on nnhp's classes."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

SUITE = "sklearn.neural_network.tests.test_mlp"
N_TESTS = 59  # in scikit-learn 1.9.1
PROBE = """
import sklearn.neural_network.tests.test_mlp as suite
import nnhp

def test_probe():
    assert suite.MLPClassifier is nnhp.MLPClassifier
    assert suite.MLPRegressor is nnhp.MLPRegressor
"""


@pytest.mark.slow
def test_all_of_scikit_learns_mlp_tests_pass_on_our_classes(tmp_path):
    probe = tmp_path / "test_probe.py"
    probe.write_text(PROBE)
    report = tmp_path / "report.xml"
    options = ["-q", "-p", "nnhp_as_sklearn", "-p", "no:cacheprovider"]
    options += [f"--rootdir={tmp_path}", f"--junitxml={report}"]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(probe), "--pyargs", SUITE],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert report.exists(), result.stdout + result.stderr
    (suite,) = ET.parse(report).getroot()
    cases = [case.get("name") for case in suite.iter("testcase")]
    assert cases.count("test_probe") == 1
    assert len(cases) == 1 + N_TESTS
    # An expected failure counts as skipped here.
    bad = {name: int(suite.get(name)) for name in ("failures", "errors", "skipped")}
    assert bad == {"failures": 0, "errors": 0, "skipped": 0}, result.stdout
    assert result.returncode == 0
