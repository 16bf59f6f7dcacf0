"""Check what the sdist and the wheel hold: all that they need and nothing else."""

import re
import sys
import tarfile
import zipfile
from pathlib import Path

# Of the tree's files, those that an sdist leaves out.
NOT_IN_SDIST = re.compile(
    r"^(\.(ci|git|nox|venv|cache|hypothesis)/|\.git(ignore|attributes)?$|build/|dist/"
    r"|.*\.\w+_cache/|docs/(_build|api|gallery)/)"
)
DIST_INFO = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}


def tree_files(root: Path, skip: re.Pattern[str]) -> set[str]:
    """Return the paths below ``root``, less bytecode and what ``skip`` matches."""
    paths = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return {path for path in paths if not skip.match(path) and "__pycache__" not in path}


def check_sdist(archive: Path) -> list[str]:
    """Compare with the working tree."""
    with tarfile.open(archive) as sdist:
        held = {m.name.split("/", 1)[1] for m in sdist.getmembers() if m.isfile()}
    return differences(archive, held - {"PKG-INFO"}, tree_files(Path(), NOT_IN_SDIST))


def check_wheel(archive: Path) -> list[str]:
    """Compare with the Python package, its compiled module and its metadata."""
    with zipfile.ZipFile(archive) as wheel:
        held = {re.sub(r"_core\.[^/]*so$", "_core.so", name) for name in wheel.namelist()}
    name, version, *_ = archive.name.split("-")
    expected = {f"nnhp/{path}" for path in tree_files(Path("python/nnhp"), re.compile("$^"))}
    expected |= {f"{name}-{version}.dist-info/{path}" for path in DIST_INFO} | {"nnhp/_core.so"}
    return differences(archive, held, expected)


def differences(archive: Path, held: set[str], expected: set[str]) -> list[str]:
    """Say, one line each, what is missing and what is too much."""
    missing = [f"{archive.name}: lacks {path}" for path in sorted(expected - held)]
    return missing + [f"{archive.name}: has {path}" for path in sorted(held - expected)]


def main() -> int:
    """Check the one sdist and the one wheel in the folder given."""
    folder = Path(sys.argv[1])
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    problems = check_sdist(sdist) + check_wheel(wheel)
    print("\n".join(problems) or f"{sdist.name}, {wheel.name}: complete, nothing else in them")
    return int(bool(problems))


if __name__ == "__main__":
    raise SystemExit(main())
