"""Fixtures of the whole suite, and the folder of `helpers` on the path."""

import math
import signal
import sys
from pathlib import Path

import pytest

import nnhp
from nnhp.search import _executor

# --import-mode=importlib leaves sys.path alone, so the modules beside this file need help.
sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("helpers")
import reliability  # noqa: E402

# A shell's background job ignores Ctrl-C, and all that it starts inherits that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="all cases of the tests of faults")
    parser.addoption("--figures", metavar="FILE", help="append what these tests count to FILE")


@pytest.fixture
def long_form(request):
    """Whether the tests of faults try all their cases, as for a release, or some."""
    return request.config.getoption("--long")


@pytest.fixture
def count(request):
    """count(figure, value): a figure for docs/reliability.md; see reliability.py."""
    path = request.config.getoption("--figures")

    def count(figure, value=1):
        assert figure in reliability.FIGURES
        if path is not None:
            reliability.record(path, figure, value)

    return count


@pytest.fixture(scope="session", autouse=True)
def fast_link():
    """Every training is worth its way from worker to worker, so that epochs can be counted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_executor, "_LINK_RATE", math.inf)
        yield


@pytest.fixture(params=[nnhp.MLPClassifier, nnhp.MLPRegressor], ids=["classifier", "regressor"])
def Estimator(request):
    """Each of the two estimator classes."""
    return request.param


@pytest.fixture(params=["float64", "float32"])
def dtype(request):
    """Each of the two working precisions, by name."""
    return request.param
