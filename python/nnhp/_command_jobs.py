"""What the command ``nnhp`` does, and what it prints of it."""

import argparse
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.base import is_classifier
from tqdm import tqdm

import nnhp
from nnhp import _table_files, _table_sweep, _tables
from nnhp._table_files import FailedError, RefusedError
from nnhp._table_methods import METHODS
from nnhp._table_search import Found, Request, TableSearch
from nnhp._table_sweep import SweepRequest
from nnhp._table_words import one_line
from nnhp._tables import Table
from nnhp._whole_file import whole_file


def versions(_: argparse.Namespace) -> None:
    """Show the build and the dependencies."""
    nnhp.show_versions()


def search(arguments: argparse.Namespace) -> None:
    """Tune a network on a table."""
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


def playground(arguments: argparse.Namespace) -> None:
    """Serve the playground until Ctrl-C."""
    try:
        from nnhp.playground._serve import Place, serve
    except ImportError as error:
        raise RefusedError(
            f"the playground needs what is not installed ({error.name}): "
            "pip install 'nnhp[playground]'"
        ) from None
    try:
        place = Place(
            arguments.host,
            arguments.port,
            arguments.tls_cert,
            arguments.tls_key,
            arguments.insecure,
        )
    except ValueError as error:
        raise RefusedError(str(error)) from None
    try:
        serve(place, browser=not arguments.no_browser)
    except OSError as error:
        raise FailedError(one_line(error)) from error


def sweep(arguments: argparse.Namespace) -> None:
    """Study one parameter of a network on a table."""
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
    found = _table_sweep.run(plan, progress=sys.stderr is not None)
    try:
        if arguments.save_csv is not None:
            with whole_file(arguments.save_csv) as part:
                found.to_frame().to_csv(part)
        if arguments.plot is not None:
            from matplotlib.figure import Figure  # not pyplot's, which may look for a display

            figure = Figure(figsize=(13.2, 3.6), layout="constrained")
            found.plot(figure.subplots(1, 3))
            with whole_file(arguments.plot) as part:
                figure.savefig(part)
    except OSError as error:
        raise FailedError(f"cannot write the table or the picture: {one_line(error)}") from error
    finally:
        print(f"\n{found.to_markdown()}")


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


def show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print a warning as one line, above a progress bar."""
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
        f"error); try more {'--time' if found.cut else METHODS[method].more}"
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
