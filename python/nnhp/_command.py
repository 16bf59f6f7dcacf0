"""The arguments of the command ``nnhp``, and what it does and prints."""

import argparse
import shlex
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
from sklearn.base import is_classifier
from tqdm import tqdm

import nnhp
from nnhp import _table_files, _table_methods, _table_sweep, _tables
from nnhp._arguments import assignment, duration, integer, jobs, one_of, share, values
from nnhp._table_files import FailedError, RefusedError, one_line
from nnhp._table_search import Found, Request, TableSearch
from nnhp._table_sweep import SweepRequest
from nnhp._tables import Table

FAILED = 1
_USAGE_ERROR = 2
_MAX_SEED = 2**32 - 1

_EXAMPLES = """\
examples:
  nnhp search digits
  nnhp search sales.csv --target price --method halving --report sales.html
  nnhp search sales.parquet --target region --time 10m --study sales.db --save sales.nnhp
  nnhp search sales.csv --target price --space space.toml --n 50 --method bayes

a space, in space.toml (a grid takes lists only):
  learning_rate_init = {loguniform = [1e-4, 1e-1]}
  batch_size = [16, 32, 64]
  hidden_layer_sizes = {layers = {depth = [1, 3], width = [16, 128]}}   # or [[64], [64, 32]]
  dropout = {uniform = [0.0, 0.5]}
  n_iter_no_change = {int = [5, 20]}
  solver = ["adam", "sgd", {component = "nnhp.optimizers.RMSprop", rho = 0.95}]
  [[when]]   # parameters of some candidates; behind all others
  if = {solver = "sgd"}
  momentum = {uniform = [0.0, 0.99]}
"""
_SWEEP_EXAMPLES = """\
examples:
  nnhp sweep digits --param learning_rate_init --values 0.0001,0.001,0.01,0.1
  nnhp sweep sales.csv --target price --param activation --values relu,tanh --set solver=sgd
  nnhp sweep wine --param hidden_layer_sizes --values "[16], [16, 16]" --test-size 0.25
  nnhp sweep wine --param penalty --values "{alpha = 0.1, l1_ratio = 1}, {alpha = 0.1}"
"""
# What makes a search by each method longer.
_MORE = {
    "random": "candidates (--n) or --epochs",
    "grid": "values (--space) or --epochs",
    "halving": "candidates (--n) or --epochs",
    "hyperband": "--epochs",
    "bayes": "candidates (--n) or --epochs",
    "genetic": "candidates (--n) or --epochs",
    "pbt": "candidates (--n) or --epochs",
    "grow": "--epochs",
}


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
    sweep = commands.add_parser(
        "sweep",
        help="study one parameter of a network on a table",
        description="Study one parameter: train with each of its values on every fold, several\n"
        "times, and say what became of losses, score, time and memory.",
        epilog=_SWEEP_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sweep.set_defaults(run=_sweep, parser=sweep)
    _add_sweep_arguments(sweep)
    versions = commands.add_parser("versions", help="show the build and the dependencies")
    versions.set_defaults(run=_versions, parser=versions)
    return parser


def _add_data_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "data",
        metavar="DATA",
        help="a CSV, Parquet or NPZ file (arrays X and y), or one of "
        + ", ".join(_table_files.BUNDLED),
    )
    add = parser.add_argument_group("what to learn").add_argument
    add("--target", metavar="COL", help="column to predict (default: the one named target)")
    add("--task", choices=_tables.TASKS, metavar="TASK", help=one_of(_tables.TASKS, "inferred"))


def _add_search_arguments(search: argparse.ArgumentParser) -> None:
    _add_data_arguments(search)
    add = search.add_argument_group("how to search").add_argument
    methods = tuple(_table_methods.METHODS)
    add(
        "--method",
        choices=methods,
        default=methods[0],
        metavar="METHOD",
        help=one_of(methods, methods[0]),
    )
    add(
        "--space",
        metavar="FILE",
        help="TOML file of the values to try (default: nnhp.spaces.default, that is learning "
        "rate, batch size, layers, activation, dropout and L2 rate, but with 1 to 3 layers of 16 "
        "to 256 units; pbt: those of them that can change; grow: none)",
    )
    add(
        "--n",
        type=integer(1),
        metavar="N",
        help="candidates (default: 20; halving: 81, bayes: 40, genetic: 100); pbt: members",
    )
    add("--cv", type=integer(2), default=5, metavar="K", help="folds (default: 5)")
    add(
        "--epochs",
        type=integer(1),
        metavar="E",
        help="most epochs of a candidate (default: 100; halving, hyperband: 81)",
    )
    add(
        "--time",
        type=duration,
        metavar="T",
        help="begin no candidate after this time: 60s, 10m, 1.5h",
    )
    add("--seed", type=integer(0, _MAX_SEED), default=0, metavar="S", help="default: 0")
    add("--jobs", type=jobs, metavar="J", help="threads (default: all; -1 is all, too)")
    add = search.add_argument_group("what to keep").add_argument
    add("--study", metavar="FILE", help="record of the search, which goes on with it if killed")
    add("--resume", action="store_true", help="go on with the search in --study, or fail")
    add("--report", metavar="FILE", help="HTML page with pictures of the search")
    add("--save", metavar="FILE", help="the best network, trained on the rows searched on")
    add("--top", type=integer(1), default=10, metavar="ROWS", help="rows to show (default: 10)")


def _add_sweep_arguments(sweep: argparse.ArgumentParser) -> None:
    _add_data_arguments(sweep)
    add = sweep.add_argument_group("what to study").add_argument
    add("--param", required=True, metavar="NAME", help="parameter of the network")
    add(
        "--values",
        required=True,
        type=values,
        metavar="LIST",
        help="what to try, with commas between: numbers, words, [64, 32] for layers, or "
        "{alpha = 0.1, l1_ratio = 1} for several parameters at once",
    )
    add(
        "--set",
        action="append",
        default=[],
        type=assignment,
        metavar="NAME=VALUE",
        dest="settings",
        help="another parameter, the same for all values; may be given again",
    )
    add = sweep.add_argument_group("how to study it").add_argument
    add("--cv", type=integer(2), default=5, metavar="K", help="folds (default: 5)")
    add("--repeats", type=integer(1), default=3, metavar="R", help="seeds (default: 3)")
    add(
        "--test-size",
        type=share,
        metavar="F",
        help="share of the rows to hold out for the test score (default: none; it is then of the "
        "rows that the validation loss is of)",
    )
    add("--epochs", type=integer(1), default=100, metavar="E", help="at most (default: 100)")
    add("--seed", type=integer(0, _MAX_SEED), default=0, metavar="S", help="default: 0")
    add("--jobs", type=jobs, metavar="J", help="threads (default: all; -1 is all, too)")
    add = sweep.add_argument_group("what to keep").add_argument
    add("--save-csv", metavar="FILE", help="the table, with means and spreads in full")
    add("--plot", metavar="FILE", help="a picture, as PNG, SVG or PDF by its ending")


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
    _print_table(table, job.remarks)
    print(job.plan, flush=True)
    found = job.run()
    try:
        _keep(found, table, job.metric, arguments)
    finally:
        _print_result(found, job, arguments)


def _sweep(arguments: argparse.Namespace) -> None:
    _check_outputs(arguments)
    table = _tables.load(arguments.data, target=arguments.target, task=arguments.task)
    plan = _table_sweep.plan_of(
        table,
        SweepRequest(
            param=arguments.param,
            values=arguments.values,
            settings=dict(arguments.settings),
            n_folds=arguments.cv,
            repeats=arguments.repeats,
            test_size=arguments.test_size,
            epochs=arguments.epochs,
            seed=arguments.seed,
            n_jobs=arguments.jobs,
        ),
    )
    _print_table(table, [])
    print(f"{arguments.param}: {plan.shape}, {plan.n_epochs} epochs at most")
    if arguments.test_size is None:
        print("the test score is of the rows that the validation loss is of; see --test-size")
    sys.stdout.flush()
    sweep = _table_sweep.run(plan, progress=sys.stderr is not None)
    try:
        if arguments.save_csv is not None:
            sweep.to_frame().to_csv(arguments.save_csv)
        if arguments.plot is not None:
            from matplotlib.figure import Figure  # not pyplot's, which may look for a display

            figure = Figure(figsize=(13.2, 3.6), layout="constrained")
            sweep.plot(figure.subplots(1, 3))
            figure.savefig(arguments.plot)
    except OSError as error:
        raise FailedError(f"cannot write the table or the picture: {one_line(error)}") from error
    finally:
        print(f"\n{sweep.to_markdown()}")


def _print_table(table: Table, remarks: list[str]) -> None:
    print(f"{table.name}: {len(table.y)} rows, {table.columns}")
    print(f"target {table.target!r}: {table.task}")
    for remark in [*table.remarks, *remarks]:
        print(f"  {remark}")


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Find out before a long search what would not work after it."""
    for option in ("save", "report", "save_csv", "plot"):
        path = getattr(arguments, option, None)
        if path is not None:
            _table_files.check_writable(path, f"--{option.replace('_', '-')}")
    for option in ("report", "plot"):
        if getattr(arguments, option, None) is not None:
            from nnhp.plots._figure import need_matplotlib

            try:
                need_matplotlib(f"--{option}")
            except ImportError as error:
                raise RefusedError(str(error)) from None
    if getattr(arguments, "plot", None) is not None:
        from matplotlib.figure import Figure

        known = Figure().canvas.get_supported_filetypes()
        if Path(arguments.plot).suffix[1:].lower() not in known:
            raise RefusedError(
                f"--plot: {arguments.plot} must end in one of .{', .'.join(sorted(known))}"
            )


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
        if found.default_won:
            summary["note"] = "the best candidate has the default settings"
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
    if found.default_won:
        print("the best candidate has the default settings")
    if found.shortfall > 0:
        print(_said_of_shortfall(found, arguments.method))
    print(f"time: {found.seconds:.1f} s")
    if arguments.report is not None and Path(arguments.report).exists():
        print(f"report: {arguments.report}")
    if arguments.save is not None and Path(arguments.save).exists():
        print(f"model: {arguments.save}; to use it: nnhp.load({arguments.save!r}).predict(rows)")


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
