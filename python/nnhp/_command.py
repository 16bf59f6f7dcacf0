"""The arguments of the command ``nnhp``, and what it does and prints."""

import argparse
import re
import shlex
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
from sklearn.base import is_classifier
from tqdm import tqdm

import nnhp
from nnhp import _table_files, _table_search, _tables
from nnhp._table_files import FailedError, RefusedError, one_line
from nnhp._table_search import Found, Request, TableSearch
from nnhp._tables import Table

FAILED = 1
_USAGE_ERROR = 2

_EXAMPLES = """\
examples:
  nnhp search digits
  nnhp search sales.csv --target price --method halving --report sales.html
  nnhp search sales.parquet --target region --time 10m --study sales.db --save sales.joblib
  nnhp search sales.csv --target price --space space.toml --n 50

a space, in space.toml (a grid takes lists only):
  learning_rate_init = {loguniform = [1e-4, 1e-1]}
  batch_size = [16, 32, 64]
  hidden_layer_sizes = {layers = {depth = [1, 3], width = [16, 128]}}   # or [[64], [64, 32]]
  dropout = {uniform = [0.0, 0.5]}
  n_iter_no_change = {int = [5, 20]}
  solver = ["adam", {component = "nnhp.optimizers.RMSprop", rho = 0.95}]
"""
# What makes a search by each method longer.
_MORE = {
    "random": "candidates (--n) or --epochs",
    "grid": "values (--space) or --epochs",
    "halving": "candidates (--n) or --epochs",
    "hyperband": "--epochs",
}
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(_USAGE_ERROR, f"{self.prog}: error: {message} (see '{self.prog} --help')\n")


def run(argv: list[str]) -> int:
    """Do what the arguments ask for; return the exit code, or raise KeyboardInterrupt."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], None] = arguments.run
    parser: _Parser = arguments.parser
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            command(arguments)
    except RefusedError as error:
        parser.error(" ".join(str(error).split()))
    except FailedError as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print(f"\nnnhp: interrupted{_how_to_go_on(arguments, argv)}", file=sys.stderr, flush=True)
        raise
    return 0


def _how_to_go_on(arguments: argparse.Namespace, argv: list[str]) -> str:
    study = getattr(arguments, "study", None)
    if study is None or not Path(study).exists():
        return ""
    again = [*argv] if arguments.resume else [*argv, "--resume"]
    return f"; {study} has what was done, go on with: {shlex.join(['nnhp', *again])}"


# ------------------------------------------------------------------ arguments


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="nnhp", description="Neural networks for tables, and their tuning.")
    parser.add_argument("--version", action="version", version=f"nnhp {nnhp.__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    search = commands.add_parser(
        "search",
        help="tune a network on a table",
        description="Tune a network on a table: cross-validate candidates on three quarters of\n"
        "its rows, then judge the best one on the others, beside the default settings.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    search.set_defaults(run=_search, parser=search)
    _add_search_arguments(search)
    versions = commands.add_parser("versions", help="show the build and the dependencies")
    versions.set_defaults(run=_versions, parser=versions)
    return parser


def _add_search_arguments(search: argparse.ArgumentParser) -> None:
    search.add_argument(
        "data",
        metavar="DATA",
        help="a CSV, Parquet or NPZ file (arrays X and y), or one of "
        + ", ".join(_table_files.BUNDLED),
    )
    add = search.add_argument_group("what to learn").add_argument
    add("--target", metavar="COL", help="column to predict (default: the one named target)")
    add("--task", choices=_tables.TASKS, metavar="TASK", help=_or(_tables.TASKS, "inferred"))
    add = search.add_argument_group("how to search").add_argument
    methods = _table_search.METHODS
    add(
        "--method",
        choices=methods,
        default=methods[0],
        metavar="METHOD",
        help=_or(methods, methods[0]),
    )
    add(
        "--space",
        metavar="FILE",
        help="TOML file of the values to try (default: nnhp.spaces.default, that is learning "
        "rate, batch size, layers, activation, dropout and L2 rate, but with 1 to 3 layers of 16 "
        "to 256 units)",
    )
    add("--n", type=_integer(1), metavar="N", help="candidates (default: 20; halving: 81)")
    add("--cv", type=_integer(2), default=5, metavar="K", help="folds (default: 5)")
    add(
        "--epochs",
        type=_integer(1),
        metavar="E",
        help="most epochs of a candidate (default: 100; halving, hyperband: 81)",
    )
    add(
        "--time",
        type=_duration,
        metavar="T",
        help="begin no candidate after this time: 60s, 10m, 1.5h",
    )
    add("--seed", type=_integer(0, 2**32 - 1), default=0, metavar="S", help="default: 0")
    add("--jobs", type=_jobs, metavar="J", help="threads (default: all; -1 is all, too)")
    add = search.add_argument_group("what to keep").add_argument
    add("--study", metavar="FILE", help="record of the search, which goes on with it if killed")
    add("--resume", action="store_true", help="go on with the search in --study, or fail")
    add("--report", metavar="FILE", help="HTML page with pictures of the search")
    add("--save", metavar="FILE", help="the best network, trained on the rows searched on")
    add("--top", type=_integer(1), default=10, metavar="ROWS", help="rows to show (default: 10)")


def _or(names: Sequence[str], default: str) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]} (default: {default})"


def _integer(minimum: int, maximum: int = sys.maxsize) -> Callable[[str], int]:
    """Return a parser of integers between two bounds."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not an integer") from None
        if not minimum <= value <= maximum:
            limit = f"at least {minimum}" if value < minimum else f"at most {maximum}"
            raise argparse.ArgumentTypeError(f"{value} is out of range: {limit}")
        return value

    return parse


def _jobs(text: str) -> int:
    value = _integer(-sys.maxsize)(text)
    if value == 0:
        raise argparse.ArgumentTypeError("0 is no number of threads: at least 1, or -1 for all")
    return value


def _duration(text: str) -> float:
    """Parse a time as 60s, 10m or 1.5h; a bare number is of seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text)
    if match is None or float(match[1]) == 0:
        raise argparse.ArgumentTypeError(
            f"expected a time of more than 0, as 60s, 10m or 1.5h, got {text!r}"
        )
    return float(match[1]) * _UNITS[match[2]]


# ------------------------------------------------------------------ commands


def _versions(_: argparse.Namespace) -> None:
    nnhp.show_versions()


def _search(arguments: argparse.Namespace) -> None:
    _check_outputs(arguments)
    table = _tables.load(arguments.data, target=arguments.target, task=arguments.task)
    job = TableSearch(
        table,
        Request(
            method=arguments.method,
            space=arguments.space,
            n_candidates=arguments.n,
            epochs=arguments.epochs,
            n_folds=arguments.cv,
            seconds=arguments.time,
            study=arguments.study,
            resume=arguments.resume,
            seed=arguments.seed,
            n_jobs=arguments.jobs,
            curves=arguments.report is not None,
            progress=sys.stderr is not None,
        ),
    )
    print(f"{table.name}: {len(table.y)} rows, {table.columns}")
    print(f"target {table.target!r}: {table.task}")
    for remark in [*table.remarks, *job.remarks]:
        print(f"  {remark}")
    print(job.plan, flush=True)
    found = job.run()
    try:
        _keep(found, table, job.metric, arguments)
    finally:
        _print_result(found, job, arguments)


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Find out before a long search what would not work after it."""
    for option in ("save", "report"):
        path = getattr(arguments, option)
        if path is not None:
            _table_files.check_writable(path, f"--{option}")
    if arguments.report is not None:
        from nnhp.plots._figure import need_matplotlib

        try:
            need_matplotlib("--report")
        except ImportError as error:
            raise RefusedError(str(error)) from None


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    tqdm.write(f"nnhp: warning: {one_line(str(message))}", file=sys.stderr)


def _keep(found: Found, table: Table, metric: str, arguments: argparse.Namespace) -> None:
    """Write what is to be kept, before anything that prints may fail."""
    if arguments.save is not None:
        _table_files.save(found.model, arguments.save)
    if arguments.report is not None:
        from nnhp._report import write_report

        summary = {
            "data": table.name,
            "rows": len(table.y),
            "columns": table.columns,
            "target": table.target,
            "task": table.task,
            "notes": "; ".join(table.remarks) or "none",
            f"held-out {metric}, best candidate": f"{found.best_score:.4f}",
            f"held-out {metric}, default settings": f"{found.default_score:.4f}",
            "time": f"{found.seconds:.1f} s",
        }
        if found.shortfall > 0:
            summary["note"] = _said_of_shortfall(found, arguments.method)
        try:
            write_report(
                found.search,
                arguments.report,
                title=f"nnhp search {table.name}",
                data_summary=summary,
            )
        except OSError as error:
            raise FailedError(f"cannot write the report: {one_line(error)}") from error


def _print_result(found: Found, job: TableSearch, arguments: argparse.Namespace) -> None:
    metric, n_candidates = job.metric, len(found.candidates)
    print(f"\n{_table(found.candidates.head(arguments.top), metric)}\n")
    if n_candidates > arguments.top:
        print(f"(and {n_candidates - arguments.top} more: --top {n_candidates} shows all)\n")
    if n_candidates < found.n_tried:
        print(f"the {found.n_tried} candidates had {n_candidates} different settings\n")
    if found.cut:
        print(f"time was up {found.cut}\n")
    print(f"held-out {metric}, best candidate:   {found.best_score:.4f}")
    print(f"held-out {metric}, default settings: {found.default_score:.4f}")
    if found.shortfall > 0:
        print(_said_of_shortfall(found, arguments.method))
    print(f"time: {found.seconds:.1f} s")
    if arguments.report is not None and Path(arguments.report).exists():
        print(f"report: {arguments.report}")
    if arguments.save is not None and Path(arguments.save).exists():
        print(f"model: {arguments.save}; to use it: joblib.load({arguments.save!r}).predict(rows)")


def _said_of_shortfall(found: Found, method: str) -> str:
    """Return in one line that the search did not pay, and whether that may be chance."""
    classification = is_classifier(found.model)
    by = (
        f"{found.shortfall * found.n_held_out:.0f} of {found.n_held_out}"
        if classification
        else f"{found.shortfall:.2g} in R^2"
    )
    near = "within" if found.shortfall <= found.shortfall_error else "more than"
    return (
        f"the default settings did better on the held-out rows, by {by} ({near} one standard "
        f"error); try more {'--time' if found.cut else _MORE[method]}"
    )


def _table(candidates: pd.DataFrame, metric: str) -> str:
    """Return the candidates as aligned text, one line each."""
    scores = zip(candidates["mean"], candidates["std"], strict=True)
    table = candidates.drop(columns=["mean", "std"])
    said = ["failed" if mean != mean else f"{mean:.4f} +/- {std:.4f}" for mean, std in scores]
    table.insert(1, metric, said)
    return table.map(_cell).to_string(index=False)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, tuple):
        return "-".join(map(_cell, value)) or "none"
    return str(value)
