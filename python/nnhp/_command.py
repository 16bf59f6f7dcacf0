"""The arguments of the command ``nnhp``; `_command_jobs` does what they ask for."""

import argparse
import shlex
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import nnhp
from nnhp._arguments import assignment, duration, integer, jobs, one_of, share, values
from nnhp._choices import BUNDLED, METHODS, TASKS

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


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(_USAGE_ERROR, f"{self.prog}: error: {message} (see '{self.prog} --help')\n")


def parse(argv: list[str]) -> tuple[argparse.Namespace, Any]:
    """Return the arguments, and the module that does what they ask for, loaded only for them."""
    return _parser().parse_args(argv), import_module("nnhp._command_jobs")


def run(argv: list[str], arguments: argparse.Namespace, doing: Any) -> int:
    """Do what the arguments ask for; return the exit code, or raise KeyboardInterrupt."""
    parser: _Parser = arguments.parser
    try:
        with warnings.catch_warnings():
            warnings.showwarning = doing.show_warning
            # A fold may lack rare texts, which is no news before there is a model.
            warnings.filterwarnings("ignore", "the column .* counts for nothing in these rows")
            getattr(doing, arguments.job)(arguments)
    except doing.RefusedError as error:
        parser.error(" ".join(str(error).split()))
    except doing.FailedError as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:  # by Ctrl-C or SIGTERM
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
    search.set_defaults(job="search", parser=search)
    _add_search_arguments(search)
    sweep = commands.add_parser(
        "sweep",
        help="study one parameter of a network on a table",
        description="Study one parameter: train with each of its values on every fold, several\n"
        "times, and say what became of losses, score, time and memory.",
        epilog=_SWEEP_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sweep.set_defaults(job="sweep", parser=sweep)
    _add_sweep_arguments(sweep)
    playground = commands.add_parser(
        "playground",
        help="see networks learn, in a browser",
        description="Serve the playground, a page on which networks can be seen to learn, to the\n"
        "browsers of this machine, until Ctrl-C.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    playground.set_defaults(job="playground", parser=playground)
    _add_playground_arguments(playground)
    versions = commands.add_parser("versions", help="show the build and the dependencies")
    versions.set_defaults(job="versions", parser=versions)
    return parser


def _add_playground_arguments(playground: argparse.ArgumentParser) -> None:
    add = playground.add_argument
    add("--port", type=integer(0, 65535), default=8765, help="of the page (default 8765; 0: any)")
    add("--no-browser", action="store_true", help="print the address alone")
    add(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where to listen; any other than 127.0.0.1 lets other machines in, and needs "
        "--tls-cert and --tls-key, or --insecure",
    )
    add("--tls-cert", metavar="FILE", help="certificate to be reached by TLS")
    add("--tls-key", metavar="FILE", help="its key")
    add(
        "--insecure",
        action="store_true",
        help="let other machines in without TLS: whoever sees the traffic has the token, and can "
        "have this machine compute",
    )


def _add_data_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "data",
        metavar="DATA",
        help="a CSV, Parquet or NPZ file (arrays X and y), or one of " + ", ".join(BUNDLED),
    )
    add = parser.add_argument_group("what to learn").add_argument
    add("--target", metavar="COL", help="column to predict (default: the one named target)")
    add("--task", choices=TASKS, metavar="TASK", help=one_of(TASKS, "inferred"))


def _add_search_arguments(search: argparse.ArgumentParser) -> None:
    _add_data_arguments(search)
    add = search.add_argument_group("how to search").add_argument
    add(
        "--method",
        choices=METHODS,
        default=METHODS[0],
        metavar="METHOD",
        help=one_of(METHODS, METHODS[0]),
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
