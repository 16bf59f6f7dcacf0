"""The report of a search: one HTML page that needs nothing beside itself."""

from __future__ import annotations

import html
import inspect
import os
import platform
import warnings
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

import nnhp
from nnhp import plots
from nnhp._whole_file import whole_file
from nnhp.plots import _evaluations
from nnhp.plots._evaluations import Evaluations
from nnhp.plots._figure import need_matplotlib
from nnhp.plots._settings import NothingToDrawError, chosen_columns, key, label, plain_value
from nnhp.search import When

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TOP = 100  # candidates in the table
_COLUMNS = 3  # of panels in a wide picture
_VALUE_LENGTH = 200
_PACKAGES = ("numpy", "scipy", "scikit-learn", "pandas", "matplotlib")

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --quiet: #5b6472; --paper: #ffffff;
  --line: #d9dde3; --mark: #e8f1f8; --lead: #005a8f; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaed; --quiet: #a3abb7; --paper: #121212; --line: #363b43;
    --mark: #16293a; --lead: #7cc1ee; }
  figure img { filter: invert(0.93) hue-rotate(180deg); }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem 1rem 3rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { margin: 0.5rem 0; font-size: 1.7rem; line-height: 1.2; }
h2 { margin: 2.2rem 0 0.6rem; font-size: 1.2rem; border-bottom: 1px solid var(--line); }
h3 { margin: 1.2rem 0 0.4rem; font-size: 1rem; }
p { margin: 0.4rem 0; max-width: 46rem; }
.lead { font-size: 1.1rem; }
.lead strong { color: var(--lead); }
.quiet, figcaption, footer { color: var(--quiet); font-size: 0.9rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.92rem; }
th, td { padding: 0.25rem 0.8rem 0.25rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); }
thead th { color: var(--quiet); font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 600; }
.wide { overflow-x: auto; }
.wide td, .wide th { white-space: nowrap; overflow-wrap: normal; }
tr.chosen > * { background: var(--mark); }
.pictures { display: grid; gap: 1.5rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); }
figure { margin: 0; }
figure img { display: block; width: 100%; max-width: 36rem; height: auto; }
figure.wide { grid-column: 1 / -1; }
figure.wide img { max-width: 62rem; min-width: 44rem; }
"""


def write_report(
    search: Any,
    path: str | os.PathLike[str],
    *,
    title: str,
    data_summary: str | Mapping[str, Any],
) -> None:
    """Write a fitted search as one HTML page, with its pictures in it.

    The page asks for nothing outside itself and holds no scripts. Names and values from data
    and settings appear as escaped text only.

    Parameters
    ----------
    search : fitted search
        One of nnhp's or scikit-learn's. Of several metrics, `refit` names the one to rank by;
        otherwise the first is taken.

    path : str or path
        The file to write. One that exists is replaced.

    title : str
        Heading of the page.

    data_summary : str or mapping of str to value
        What the data are: a sentence, or names and values, shown as a table.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the search is not fitted.
    ImportError
        If matplotlib is absent.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from nnhp import MLPClassifier
    >>> from nnhp._report import write_report
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier(8, learning_rate_init=0.05, max_iter=300, random_state=0)
    >>> search = GridSearchCV(net, {"alpha": [1e-4, 1e-2]}, cv=3).fit(X, y)
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "report.html")
    ...     write_report(search, path, title="Iris", data_summary="150 flowers")
    ...     "150 flowers" in path.read_text()
    True
    """
    need_matplotlib("write_report")
    results = _evaluations.results_of(search)
    metric = _metric(search)
    evaluations = _evaluations.of_search(search, metric)
    sections = [
        _section("Data", _summary(data_summary)),
        _section("Best settings", _best(search, results, metric)),
        _section("Pictures", _pictures(search, metric)),
        _section("Candidates", _candidates(search, results, metric)),
        _section("What was searched", _searched(search)),
        _section("Time and epochs", _table([], _costs(search, evaluations))),
        _section("Versions", _table([], _versions())),
    ]
    page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{_text(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<header>
<h1>{_text(title)}</h1>
{_lead(evaluations)}
</header>
<main>
{"".join(sections)}</main>
<footer><p>Written by nnhp {_text(nnhp.__version__)}, {datetime.now():%Y-%m-%d %H:%M}.</p></footer>
</body>
</html>
"""
    with whole_file(path) as part:
        part.write_text(page, encoding="utf-8")


# ------------------------------------------------------------------ pieces of HTML


def _text(value: Any, length: int = _VALUE_LENGTH) -> str:
    """Return any value as one line of escaped text: the only way of data into the page."""
    return html.escape(label(value, length))


def _section(heading: str, body: str) -> str:
    return f"<section>\n<h2>{heading}</h2>\n{body}\n</section>\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]], chosen: int | None = None) -> str:
    """Return a table; the first cell of a row is its heading."""
    lines = ["<table>"]
    if head:
        cells = "".join(f'<th scope="col">{_text(name)}</th>' for name in head)
        lines.append(f"<thead><tr>{cells}</tr></thead>")
    lines.append("<tbody>")
    for i, (first, *others) in enumerate(rows):
        cells = "".join(f"<td>{_text(value)}</td>" for value in others)
        mark = ' class="chosen"' if i == chosen else ""
        lines.append(f'<tr{mark}><th scope="row">{_text(first)}</th>{cells}</tr>')
    lines += ["</tbody>", "</table>"]
    return "\n".join(lines)


def _scrolling(name: str, content: str) -> str:
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{_text(name)}">{content}</div>'
    )


# ------------------------------------------------------------------ what the search found


def _metric(search: Any) -> str:
    """Return the metric to rank by: that of `refit`, else the first."""
    metrics = _evaluations.metrics_of(search.cv_results_)
    return search.refit if getattr(search, "refit", None) in metrics else metrics[0]


def _lead(evaluations: Evaluations) -> str:
    n_candidates = len(np.unique(evaluations.candidate))
    n_missing = len(np.unique(evaluations.candidate[np.isnan(evaluations.scores)]))
    counted = f"{n_candidates} candidate{'s' * (n_candidates != 1)}, {evaluations.n_folds} folds"
    if n_missing:
        counted += f"; {n_missing} without a score"
    if n_missing == n_candidates and np.isnan(evaluations.scores).all():
        return f'<p class="lead">No candidate has a score ({counted}).</p>'
    row = int(np.nanargmax(evaluations.scores)) if evaluations.best is None else evaluations.best
    return (
        f'<p class="lead">{_text(evaluations.score_name)}: '
        f"<strong>{evaluations.scores[row]:.4g}</strong> ({counted})</p>"
    )


def _summary(data_summary: str | Mapping[str, Any]) -> str:
    if isinstance(data_summary, str):
        return f"<p>{_text(data_summary, 10_000)}</p>"
    return _table([], data_summary.items())


def _best(search: Any, results: Mapping[str, Any], metric: str) -> str:
    row = getattr(search, "best_index_", None)
    if row is None:
        return "<p>The search chose none (<code>refit=False</code> with several metrics).</p>"
    scores = f"<p>Candidate {row}: {_text(_mean_and_std(results, metric, row))}</p>"
    settings = [(name, _exact(value)) for name, value in results["params"][row].items()]
    return scores + _table(["parameter", "value"], settings)


def _exact(value: Any) -> str:
    """Return a value as it is written in Python, to the last digit."""
    return repr(plain_value(value))


def _mean_and_std(results: Mapping[str, Any], metric: str, row: int) -> str:
    mean, std = results[f"mean_test_{metric}"][row], results[f"std_test_{metric}"][row]
    return "no score" if np.isnan(mean) else f"{mean:.4f} ± {std:.4f}"


def _candidates(search: Any, results: Mapping[str, Any], metric: str) -> str:
    metrics = _evaluations.metrics_of(results)
    names = list(dict.fromkeys(name for setting in results["params"] for name in setting))
    extra = [name for name in ("bracket", "iter", "n_resources", "pruned") if name in results]
    order = np.argsort(results[f"rank_test_{metric}"], kind="stable")[:_TOP]
    head = ["rank", "candidate", *map(_evaluations.pretty_metric, metrics), *names, *extra]
    head.append("fit time of a fold (s)")
    rows = [
        [
            results[f"rank_test_{metric}"][row],
            row,
            *(_mean_and_std(results, name, row) for name in metrics),
            *(results["params"][row].get(name, "") for name in names),
            *(results[name][row] for name in extra),
            f"{results['mean_fit_time'][row]:.3f}",
        ]
        for row in order
    ]
    chosen = np.flatnonzero(order == getattr(search, "best_index_", -1))
    table = _table(head, rows, int(chosen[0]) if len(chosen) else None)
    n_rows = len(results["params"])
    note = "" if n_rows <= _TOP else f'<p class="quiet">The best {_TOP} of {n_rows}.</p>'
    marked = '<p class="quiet">Mean ± standard deviation over the folds. The choice is marked.</p>'
    return marked + _scrolling("Candidates by rank", table) + note


def _searched(search: Any) -> str:
    estimator = getattr(search, "estimator", None)
    facts = [("method", type(search).__name__), ("estimator", estimator)]
    if hasattr(search, "get_params"):
        facts += _changed_params(search)
    if hasattr(search, "engine_"):
        facts.append(("engine", search.engine_))
    parts = [_table([], facts)]
    space = getattr(search, "param_distributions", None) or getattr(search, "param_grid", None)
    given = [space] if isinstance(space, Mapping) else space or []
    spaces = [one for one in given if not isinstance(one, When)]
    for i, one in enumerate([*spaces, *(one for one in given if isinstance(one, When))]):
        heading = "Space" if len(spaces) == 1 else f"Space {i + 1}"
        if isinstance(one, When):
            heading = f"Where {_text(_condition(one))}"
        entries = one.space if isinstance(one, When) else one
        rows = [(name, _described(values)) for name, values in entries.items()]
        parts.append(f"<h3>{heading}</h3>\n" + _table(["parameter", "values"], rows))
    return "\n".join(parts)


def _changed_params(search: Any) -> list[tuple[str, Any]]:
    """Return the search's own parameters that are not at their defaults."""
    defaults = inspect.signature(type(search)).parameters
    return [
        (name, value)
        for name, value in search.get_params(deep=False).items()
        if name not in ("estimator", "param_grid", "param_distributions")
        and key(value) != key(defaults[name].default)
    ]


def _condition(when: When) -> str:
    """Return a condition in words."""
    return " and ".join(f"{name} is {label(value)}" for name, value in when.condition.items())


def _described(values: Any) -> str:
    """Return a distribution as a call, a list of values as text."""
    if hasattr(values, "dist") and hasattr(values, "args"):
        arguments = [label(value) for value in values.args]
        arguments += [f"{name}={label(value)}" for name, value in values.kwds.items()]
        return f"{values.dist.name}({', '.join(arguments)})"
    if isinstance(values, list | tuple | np.ndarray):
        return ", ".join(label(value, 80) for value in values)
    return label(values, _VALUE_LENGTH)


def _costs(search: Any, evaluations: Evaluations) -> Iterator[tuple[str, str]]:
    yield "training and scoring, all folds", f"{evaluations.seconds.sum():.2f} s"
    if hasattr(search, "refit_time_"):
        yield "training the best on all samples", f"{search.refit_time_:.2f} s"
    for name, words in (("planned", "at most"), ("trained", "")):
        count = getattr(search, f"n_epochs_{name}_", None)
        if count is not None:
            yield f"epochs {name}", f"{words} {count:,}"


def _versions() -> Iterator[tuple[str, str]]:
    yield "nnhp", f"{nnhp.__version__} ({nnhp.isa()})"
    yield "Python", f"{platform.python_version()} on {platform.platform()}"
    for name in _PACKAGES:
        yield name, version(name)


# ------------------------------------------------------------------ pictures


def _pictures(search: Any, metric: str) -> str:
    """Return all pictures that the search has the data for, whatever the user's own style."""
    import matplotlib as mpl

    pictures: list[str] = []
    look = {**mpl.rcParamsDefault, "svg.fonttype": "path", "svg.hashsalt": "nnhp"}
    with mpl.rc_context(look), warnings.catch_warnings():
        # A name may hold characters that the font lacks; they are drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        for draw in (_trace, _rungs, _importance, _slices, _parallel, _curves):
            try:
                pictures += draw(search, metric)
            except NothingToDrawError:
                continue
    if not pictures:
        return "<p>There is nothing to draw.</p>"
    return '<div class="pictures">\n' + "\n".join(pictures) + "\n</div>"


def _trace(search: Any, metric: str) -> Iterator[str]:
    knows_epochs = _evaluations.of_search(search, metric).epochs is not None
    for against, unit in (("epochs", "epochs"), ("time", "seconds"))[not knows_epochs :]:
        figure = _figure(5.2, 3.6)
        display = plots.SearchTraceDisplay.from_search(
            search, metric=metric, ax=figure.subplots(), against=against
        )
        best = display.best_scores[-1]
        spent = display.lines_[0].get_xdata()
        first = spent[np.argmax(display.best_scores == best)]
        yield _picture(
            figure,
            f"The best score so far, against the {against} spent.",
            f"Line plot: the score rises to {best:.4g}, reached after {first:.4g} {unit}.",
        )


def _rungs(search: Any, metric: str) -> Iterator[str]:
    n_brackets = len(np.unique(search.cv_results_.get("bracket", [0])))
    n_rows = -(-n_brackets // _COLUMNS)
    wide = n_brackets > 1
    figure = _figure(3.6 * min(n_brackets, _COLUMNS), 3.3 * n_rows) if wide else _figure(5.2, 3.6)
    display = plots.HyperbandDisplay.from_search(
        search, metric=metric, ax=figure.subplots(), n_cols=_COLUMNS
    )
    counts = "; ".join(
        ", ".join(f"{count} with {resource:g}" for resource, count in rungs.items())
        for rungs in display.rungs_
    )
    yield _picture(
        figure,
        "Who was promoted when: the score of each candidate from rung to rung.",
        f"Line plot. Candidates per rung, by {display.resource_name}: {counts}.",
        wide=wide,
    )


def _importance(search: Any, metric: str) -> Iterator[str]:
    n_params = len({name for setting in search.cv_results_["params"] for name in setting})
    figure = _figure(5.2, 1.4 + 0.36 * n_params)
    display = plots.ParamImportanceDisplay.from_search(search, metric=metric, ax=figure.subplots())
    ranked = ", ".join(
        f"{display.params[i]} {display.importances[i]:.2f}" for i in display.order_[::-1]
    )
    yield _picture(
        figure, "How much each parameter matters for the score.", f"Bar chart: {ranked}."
    )


def _slices(search: Any, metric: str) -> Iterator[str]:
    evaluations = _evaluations.of_search(search, metric)
    for column in chosen_columns(evaluations.settings, None):
        figure = _figure(4.6, 3.2)
        plots.ParamSliceDisplay.from_search(
            search, metric=metric, params=column.name, ax=figure.subplots()
        )
        yield _picture(
            figure,
            f"The score over {column.name}.",
            f"Scatter plot of one point per candidate, over {column.n_distinct} values of "
            f"{column.name}.",
        )


def _parallel(search: Any, metric: str) -> Iterator[str]:
    n_params = len({name for setting in search.cv_results_["params"] for name in setting})
    figure = _figure(max(7.0, 1.5 * (n_params + 1)), 4.2)
    display = plots.ParallelCoordinatesDisplay.from_search(
        search, metric=metric, ax=figure.subplots()
    )
    yield _picture(
        figure,
        "Each candidate as a line through its settings to its score; the best is red.",
        f"Parallel coordinates of {len(display.scores)} candidates over "
        f"{', '.join(display.params_)}.",
        wide=True,
    )


def _curves(search: Any, metric: str) -> Iterator[str]:
    for show, words in (("train_loss", "training loss"), ("test_score", "score on test folds")):
        figure = _figure(5.2, 3.6)
        display = plots.LearningCurvesDisplay.from_search(
            search, metric=metric, ax=figure.subplots(), show=show
        )
        best = ", ".join(str(candidate) for candidate in display.ranking[:5])
        yield _picture(
            figure,
            f"The {words} over the epochs, the best candidates in colour.",
            f"Line plot of {len(display.ranking)} candidates; the best are {best}.",
        )


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _picture(figure: Figure, caption: str, alternative: str, *, wide: bool = False) -> str:
    """Return a figure as an image within the page.

    An image, not elements of the page: what it holds can neither run nor clash with the page.
    """
    file = BytesIO()
    figure.savefig(file, format="svg", transparent=True, dpi=150, metadata={"Date": None})
    source = "data:image/svg+xml;base64," + b64encode(file.getvalue()).decode("ascii")
    image = f'<img alt="{_text(alternative, 1000)}" src="{source}">'
    caption = f"<figcaption>{_text(caption)}</figcaption>"
    if wide:
        return f'<figure class="wide" tabindex="0">{image}{caption}</figure>'
    return f"<figure>{image}{caption}</figure>"
