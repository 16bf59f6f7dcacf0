"""Fixtures of the whole suite, and the folder of `helpers` on the path."""

import signal
import sys
from pathlib import Path

import pytest

import nnhp

# --import-mode=importlib leaves sys.path alone, so the modules beside this file need help.
sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("helpers")
# A shell's background job ignores Ctrl-C, and all that it starts inherits that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=[nnhp.MLPClassifier, nnhp.MLPRegressor], ids=["classifier", "regressor"])
def Estimator(request):
    """Each of the two estimator classes."""
    return request.param


@pytest.fixture(params=["float64", "float32"])
def dtype(request):
    """Each of the two working precisions, by name."""
    return request.param
