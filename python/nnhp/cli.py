"""The command ``nnhp``."""

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import NoReturn

import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from tqdm import tqdm

import nnhp
from nnhp import _bundled_search
from nnhp._bundled_search import BundledData, SearchResult

_USAGE_ERROR = 2
_INTERRUPTED = 130


class _UsageError(Exception):
    """Arguments that are wrong together, or for the data."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(_USAGE_ERROR, f"{self.prog}: error: {message} (see '{self.prog} --help')\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 2 for bad usage, 130 after Ctrl-C."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except _UsageError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        print("\nnnhp: interrupted", file=sys.stderr)
        return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="nnhp", description="Neural networks for tables, and their tuning.")
    parser.add_argument("--version", action="version", version=f"nnhp {nnhp.__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    search = commands.add_parser(
        "search",
        help="tune a network on a bundled data set",
        description="Random search over learning rate, batch size, layers, dropout and L2 rate, "
        "cross-validated, on a data set that comes with scikit-learn.",
    )
    search.add_argument(
        "dataset",
        choices=_bundled_search.DATASETS,
        metavar="dataset",
        help=", ".join(_bundled_search.DATASETS),
    )
    search.add_argument("--n", type=_integer(1), default=20, help="candidates (default 20)")
    search.add_argument("--cv", type=_integer(2), default=5, help="folds (default 5)")
    search.add_argument(
        "--seed", type=_integer(0, 2**32 - 1), default=0, help="random seed (default 0)"
    )
    search.add_argument("--jobs", type=_integer(1), help="fits at once (default: all cores)")
    search.add_argument("--top", type=_integer(1), default=10, help="rows to show (default 10)")
    search.set_defaults(run=_search)

    versions = commands.add_parser("versions", help="show the build and the dependencies")
    versions.set_defaults(run=_versions)
    return parser


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


def _versions(_: argparse.Namespace) -> int:
    nnhp.show_versions()
    return 0


def _search(arguments: argparse.Namespace) -> int:
    data = _bundled_search.load(arguments.dataset, arguments.seed)
    if arguments.cv > data.max_folds:
        raise _UsageError(f"{data.name} can be cut into at most {data.max_folds} folds")
    n_fits = arguments.n * arguments.cv
    print(
        f"{data.name}: searching on {len(data.X_train)} samples of {data.X_train.shape[1]} "
        f"features, {len(data.X_test)} held out; {arguments.n} candidates x {arguments.cv} folds"
    )
    with warnings.catch_warnings(), tqdm(total=n_fits, unit="fit", dynamic_ncols=True) as bar:
        # A candidate that runs out of epochs is ranked like any other.
        warnings.simplefilter("ignore", ConvergenceWarning)
        result = _bundled_search.search(
            data,
            n_candidates=arguments.n,
            n_folds=arguments.cv,
            seed=arguments.seed,
            n_jobs=arguments.jobs or -1,
            on_fit=bar.update,
        )
    _report(data, result, arguments)
    return 0


def _report(data: BundledData, result: SearchResult, arguments: argparse.Namespace) -> None:
    print(f"\n{_table(result.candidates.head(arguments.top), data.metric)}\n")
    n_hidden = len(result.candidates) - arguments.top
    if n_hidden > 0:
        print(f"(and {n_hidden} more: --top {len(result.candidates)} shows all)\n")
    print(f"held-out {data.metric}, best candidate:   {result.best_test_score:.4f}")
    print(f"held-out {data.metric}, default settings: {result.default_test_score:.4f}")
    print(f"time: {result.seconds:.1f} s")


def _table(candidates: pd.DataFrame, metric: str) -> str:
    """Return the candidates as aligned text, one line each."""
    scores = zip(candidates["mean"], candidates["std"], strict=True)
    table = candidates.drop(columns=["mean", "std"])
    table.insert(1, metric, [f"{mean:.4f} +/- {std:.4f}" for mean, std in scores])
    formatters = {
        "learning rate": "{:.2e}".format,
        "layers": lambda sizes: "-".join(map(str, sizes)),
        "dropout": "{:.2f}".format,
        "L2": "{:.1e}".format,
        "seconds": "{:.2f}".format,
    }
    return table.to_string(index=False, formatters=formatters)
