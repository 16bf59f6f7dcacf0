"""The lines by which README and guide start a cluster: they listen where they say, and search."""

import os
import re
import shlex
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import psutil
import pytest
from distributed import Client, Security
from helpers import STOPS_EARLY, problem

import nnhp
from nnhp import GridSearchCV, MLPClassifier

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guide" / "more_than_one_machine.md"
LINE = re.compile(r"^ *((?:dask|openssl) .*)$", re.MULTILINE)
pytestmark = [STOPS_EARLY, pytest.mark.slow, pytest.mark.timeout(180)]

X, Y = problem("binary")


def lines_of(path):
    return LINE.findall(path.read_text())


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return str(listening.getsockname()[1])


def start(stack, line, folder, port):
    """Start a line as a shell would, on another port; the process is killed at the end."""
    line = line.replace("8786", port)
    for name in ("HOST", "SCHEDULER"):
        line = line.replace(f"${name}", "127.0.0.1")
    program, *arguments = shlex.split(line)
    assert program == "dask"
    command = [sys.executable, "-m", "dask", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(Path(nnhp.__file__).parents[1])}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    stack.callback(process.wait)
    stack.callback(process.kill)
    stack.callback(kill_children, process)
    return process


def kill_children(process):
    for child in psutil.Process(process.pid).children(recursive=True):
        child.kill()


def listening(processes):
    """Addresses at which processes and their children listen."""
    found = set()
    for process in processes:
        top = psutil.Process(process.pid)
        for one in [top, *top.children(recursive=True)]:
            found |= {
                connection.laddr.ip
                for connection in one.net_connections("inet")
                if connection.status == psutil.CONN_LISTEN
            }
    return found


def search_with(client):
    net = MLPClassifier(4, max_iter=3, random_state=0)
    searches = [
        GridSearchCV(net, {"alpha": [0.1, 1.0]}, cv=3, executor=executor).fit(X, Y)
        for executor in (None, client)
    ]
    scores = [search.cv_results_["mean_test_score"] for search in searches]
    np.testing.assert_array_equal(*scores)


def test_readme_and_guide_start_the_same():
    readme, guide = lines_of(ROOT / "README.md"), lines_of(PAGE)
    assert len(readme) == 2
    assert readme == guide[:2]
    assert all(line.count("127.0.0.1") >= 2 for line in readme)
    assert [line.split()[0] for line in guide[2:]] == ["openssl", "dask", "dask"]


def test_the_lines_of_the_readme_listen_on_this_machine_alone(tmp_path):
    port = free_port()
    with ExitStack() as stack:
        processes = [start(stack, line, tmp_path, port) for line in lines_of(ROOT / "README.md")]
        with Client(f"tcp://127.0.0.1:{port}", set_as_default=False, timeout=60) as client:
            client.wait_for_workers(1, timeout=60)
            search_with(client)
            assert listening(processes) == {"127.0.0.1"}


def test_the_lines_with_tls_let_in_who_has_the_key_alone(tmp_path):
    port = free_port()
    make_key, *others = lines_of(PAGE)[2:]
    subprocess.run(shlex.split(make_key), cwd=tmp_path, check=True, capture_output=True)
    certificate, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    Path(key).chmod(0o600)
    with ExitStack() as stack:
        processes = [start(stack, line, tmp_path, port) for line in others]
        address = f"tls://127.0.0.1:{port}"
        security = Security(
            tls_ca_file=certificate,
            tls_client_cert=certificate,
            tls_client_key=key,
            require_encryption=True,
        )
        with Client(address, security=security, set_as_default=False, timeout=60) as client:
            client.wait_for_workers(1, timeout=60)
            search_with(client)
            assert listening(processes) == {"127.0.0.1"}
        stranger = tmp_path / "stranger"
        stranger.mkdir()
        subprocess.run(shlex.split(make_key), cwd=stranger, check=True, capture_output=True)
        without = Security(
            tls_ca_file=certificate,
            tls_client_cert=str(stranger / "cert.pem"),
            tls_client_key=str(stranger / "key.pem"),
            require_encryption=True,
        )
        began = time.monotonic()
        with pytest.raises(OSError, match=r"Timed out|timed out|SSL|closed"):
            Client(address, security=without, set_as_default=False, timeout=5)
        assert time.monotonic() - began < 60
        with pytest.raises(OSError, match=r"Timed out|timed out|closed"):
            Client(f"tcp://127.0.0.1:{port}", set_as_default=False, timeout=5)
