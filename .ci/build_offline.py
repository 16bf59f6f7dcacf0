"""Build the wheel from the sdist without a network, from what is installed here.

    python .ci/build_offline.py SDIST FOLDER

Needs the build requirements of pyproject.toml; and says what somebody reads who has no compiler.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PIP = ["pip", "wheel", "--no-index", "--no-build-isolation", "--no-deps", "-w"]


def build(sdist: str, folder: str) -> None:
    """Build, with the network denied where this system lets us."""
    without = ["unshare", "--map-root-user", "--net"]
    allowed = subprocess.run([*without, "true"], capture_output=True, check=False).returncode == 0
    print("network: denied" if allowed else "network: not asked for (unshare is not permitted)")
    command = [sys.executable, "-m", *PIP, folder, sdist]
    subprocess.run([*(without if allowed else []), *command], check=True)


def check_advice(sdist: str) -> None:
    """Without a compiler the build must fail and say what to install."""
    with tempfile.TemporaryDirectory() as scratch:
        tools = Path(scratch, "bin")
        tools.mkdir()
        for tool in ("cmake", "ninja"):
            found = shutil.which(tool)
            if found is None:
                raise SystemExit(f"{tool} is missing")
            (tools / tool).symlink_to(found)
        kept = {name: value for name, value in os.environ.items() if name not in {"CXX", "CC"}}
        done = subprocess.run(
            [sys.executable, "-m", *PIP, scratch, sdist],
            env=kept | {"PATH": str(tools)},
            capture_output=True,
            text=True,
            check=False,
        )
    said = " ".join((done.stdout + done.stderr).split())
    if done.returncode == 0 or "no C++ compiler was found. Install GCC" not in said:
        raise SystemExit(f"no advice to those without a compiler:\n{done.stdout}{done.stderr}")
    print("without a compiler: advice")


if __name__ == "__main__":
    check_advice(sys.argv[1])
    build(*sys.argv[1:])
