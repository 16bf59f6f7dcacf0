"""Run clang-tidy over the engine, two files at a time.

    python .ci/run_clang_tidy.py FOLDER [--long]

FOLDER has the compile_commands.json of a build by Clang. Without --long the static analyzer is left
out, which takes over ten times as long as all other checks together, and so are the kernels.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
CLANG = "clang++-14"


def main() -> int:
    """Check the files; return the exit code."""
    folder, *options = sys.argv[1:]
    long = "--long" in options
    resources = subprocess.run(
        [CLANG, "-print-resource-dir"], check=True, capture_output=True, text=True
    ).stdout.strip()
    command = ["clang-tidy", "-p", folder, "--quiet"]
    command += [f"--extra-arg=-idirafter{resources}/include"]  # for omp.h
    if not long:
        command += ["--checks=-clang-analyzer-*"]
    files = sorted(ROOT.joinpath("cpp").rglob("*.cpp"))
    # One instruction set tells of all: their sources are the same.
    chosen = [f for f in files if f.name == "isa_base.cpp" or not f.name.startswith("isa_")]
    if not long:
        chosen = [f for f in chosen if not f.name.startswith("isa_")]

    def check(file: Path) -> bool:
        done = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stdout + done.stderr, flush=True)
        return done.returncode == 0

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(check, chosen))
    print(f"clang-tidy: {results.count(True)} of {len(results)} files are clean")
    return int(not all(results))


if __name__ == "__main__":
    raise SystemExit(main())
