"""Check a repaired wheel: what it holds, what it needs of the system, and that it works anywhere.

    python .ci/check_wheel.py WHEEL

Needs pyelftools. `--beside torch` also installs PyTorch into the new environment in which it is
tried, and fits in both, in either order of import.
"""

import argparse
import io
import re
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.enums import ENUM_DT_FLAGS

# The newest versions of symbols that the wheel may ask of a system: those of Debian 12, on which it
# is built (no container of manylinux can be had there); and of the copy of libgomp that it brings.
BOUNDS = {
    "GLIBC": (2, 36),
    "GLIBCXX": (3, 4, 30),
    "CXXABI": (1, 3, 13),
    "GCC": (12, 0),
    "GOMP": (5, 0),
    "OMP": (5, 0),
}
# Of what the C library sets aside for thread-local data of libraries that come late, 1664
# bytes for all of them, the wheel may take so many: without it the import fails ("cannot allocate
# memory in static TLS block"). libgomp takes 136.
STATIC_TLS = 192
SYSTEM = {
    *["libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1", "libpthread.so.0"],
    *["ld-linux-x86-64.so.2", "libdl.so.2"],
}
FIT = """
import numpy as np, nnhp
X = np.random.RandomState(0).rand(300, 20)
net = nnhp.MLPClassifier((64, 32), max_iter=2, random_state=0, n_jobs=2)
import warnings; warnings.simplefilter("ignore")
print("bits", net.fit(X, (X[:, 0] > 0.5)).predict_proba(X).tobytes().hex()[:64])
"""
TORCH = """
import torch
a = torch.rand(400, 400); (a @ a).sum().item()
net = torch.nn.Linear(400, 8); net(a).sum().backward()
"""


def needed(image: bytes) -> tuple[set[str], dict[str, tuple[int, ...]]]:
    """Return the libraries that a shared object needs, and its newest symbol versions."""
    elf = ELFFile(io.BytesIO(image))
    dynamic = elf.get_section_by_name(".dynamic")
    libraries = {tag.needed for tag in dynamic.iter_tags() if tag.entry.d_tag == "DT_NEEDED"}
    newest: dict[str, tuple[int, ...]] = {}
    for _, versions in elf.get_section_by_name(".gnu.version_r").iter_versions():
        for version in versions:
            kind, _, number = version.name.partition("_")
            if re.fullmatch(r"[\d.]+", number):
                parts = tuple(int(part) for part in number.split("."))
                newest[kind] = max(newest.get(kind, parts), parts)
    return libraries, newest


def static_tls(image: bytes) -> int:
    """Return the bytes of thread-local data that must lie in what was set aside at the start."""
    elf = ELFFile(io.BytesIO(image))
    tags = elf.get_section_by_name(".dynamic").iter_tags("DT_FLAGS")
    if not any(tag.entry.d_val & ENUM_DT_FLAGS["DF_STATIC_TLS"] for tag in tags):
        return 0
    return sum(segment["p_memsz"] for segment in elf.iter_segments("PT_TLS"))


def check_contents(wheel: Path) -> list[str]:
    """Check libraries, symbols and licenses; return what is wrong."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        objects = {name: archive.read(name) for name in names if re.search(r"\.so(\.|$)", name)}
        metadata = next(archive.read(n).decode() for n in names if n.endswith("/METADATA"))
    problems = []
    own = {Path(name).name for name in objects}
    if not any(name.startswith("libgomp") for name in own):
        problems.append("it holds no libgomp")
    if not any(name.endswith("licenses/licenses/libgomp.txt") for name in names):
        problems.append("it holds no license of libgomp")
    if "GCC-exception-3.1" not in metadata:
        problems.append("its metadata do not tell of libgomp's license")
    taken = sum(map(static_tls, objects.values()))
    print(f"static thread-local data: {taken} bytes")
    if taken > STATIC_TLS:
        problems.append(f"it takes {taken} bytes of static thread-local data")
    for name, image in objects.items():
        libraries, newest = needed(image)
        text = ", ".join(f"{kind}_{'.'.join(map(str, n))}" for kind, n in sorted(newest.items()))
        print(f"{name} needs {', '.join(sorted(libraries))}: {text}")
        problems += [f"{name} needs {library}" for library in sorted(libraries - SYSTEM - own)]
        problems += [
            f"{name} needs {kind} {number}"
            for kind, number in newest.items()
            if number > BOUNDS.get(kind, ())
        ]
    return problems


def check_beside_torch(wheel: Path, requirements: list[str]) -> None:
    """Install in a new environment; fit alone, before and after PyTorch: the same bits."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder, "bin", "python")
        subprocess.run(
            [python, "-m", "pip", "install", "-q", wheel.resolve(), *requirements], check=True
        )
        programs = {"alone": FIT}
        if requirements:
            programs |= {"after torch": TORCH + FIT, "before torch": FIT + TORCH + FIT}
        answers = {}
        for name, program in programs.items():
            done = subprocess.run(
                [python, "-c", program], cwd=folder, capture_output=True, text=True, timeout=300
            )
            if done.returncode:
                raise SystemExit(f"{name}: exit {done.returncode}\n{done.stderr}")
            answers[name] = set(re.findall(r"^bits .*$", done.stdout, re.MULTILINE))
        if not all(answers.values()) or len(set.union(*answers.values())) != 1:
            raise SystemExit(f"bits differ: {answers}")
    print(f"installed and fitted in a new environment: {', '.join(answers)}; the same bits")


def main() -> int:
    """Check the wheel; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--beside", nargs="*", default=[], metavar="REQUIREMENT")
    arguments = parser.parse_args()
    problems = check_contents(arguments.wheel)
    print("\n".join(f"{arguments.wheel.name}: {problem}" for problem in problems), file=sys.stderr)
    if problems:
        return 1
    check_beside_torch(arguments.wheel, arguments.beside)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
