"""Check that the object file of one instruction set defines no symbol beside its table of kernels.

A weak symbol (an inline function, a template) that several objects define is merged by the linker,
which keeps one copy for all callers: the copy compiled for AVX-512 would then run on machines that
lack it.  A second global symbol is a name that escaped the anonymous namespace.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

TABLE = "namespace nnhp { extern const int kernels_test; const int kernels_test = 1; }\n"
PLANTED = {
    "weak": "template <class T> T planted(T x) { return x; }\ntemplate int planted<int>(int);\n",
    "global": "int planted(int x) { return x; }\n",
    "variable": "inline int planted = 1;\nint* use() { return &planted; }\n",
}


def foreign_symbols(nm: str, object_file: Path, table: str) -> list[str]:
    """Return the global and weak symbols that the object defines, less ``nnhp::<table>``."""
    command = [nm, "--extern-only", "--defined-only", "--demangle", "--portability"]
    output = subprocess.run(
        [*command, str(object_file)], check=True, capture_output=True, text=True
    ).stdout
    # A line is "name type value size"; a demangled name may hold blanks.
    names = [line.rsplit(maxsplit=3)[0] for line in output.splitlines()]
    if f"nnhp::{table}" not in names:
        raise SystemExit(f"{object_file}: the table nnhp::{table} is missing; found {names}")
    return [name for name in names if name != f"nnhp::{table}"]


def self_test(nm: str, compiler: str) -> None:
    """Compile objects with and without a planted symbol and expect the check to tell them apart."""
    with tempfile.TemporaryDirectory() as folder:
        for kind, planted in {"none": "", **PLANTED}.items():
            source = Path(folder, f"{kind}.cpp")
            source.write_text(planted + TABLE)
            object_file = source.with_suffix(".o")
            subprocess.run(
                [compiler, "-std=c++20", "-c", str(source), "-o", str(object_file)], check=True
            )
            found = foreign_symbols(nm, object_file, "kernels_test")
            noticed = any("planted" in name for name in found)
            if noticed != (kind != "none"):
                raise SystemExit(f"self-test failed: planted {kind}, found {found}")
    print(f"self-test passed: {', '.join(PLANTED)} symbols are noticed")


def main() -> int:
    """Run the check, or its self-test; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nm", default="nm")
    parser.add_argument("--table", help="name of the one symbol allowed, in namespace nnhp")
    parser.add_argument("--self-test", metavar="COMPILER")
    parser.add_argument("objects", nargs="*", type=Path)
    arguments = parser.parse_args()
    if arguments.self_test:
        self_test(arguments.nm, arguments.self_test)
        return 0
    failed = False
    for object_file in arguments.objects:
        for name in foreign_symbols(arguments.nm, object_file, arguments.table):
            print(f"{object_file}: foreign symbol {name}", file=sys.stderr)
            failed = True
    return int(failed or not arguments.objects)


if __name__ == "__main__":
    raise SystemExit(main())
