"""Pictures of the figures, as SVG files."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from contest import Outcome
from matplotlib.figure import Figure
from scaling import Growth

mpl.use("Agg")
mpl.rcParams.update(
    {
        "svg.hashsalt": "nnhp",  # the same figures make the same file
        "svg.fonttype": "none",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "font.size": 9,
    }
)
OURS, THEIRS, MARK = "#0072b2", "#999999", "#d55e00"
SHADES = ("#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#08306b")


def save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def draw_bars(outcome: Outcome, path: Path) -> None:
    """Draw each entrant's time as a multiple of the first's, with goals as marks."""
    results = outcome.results[::-1]
    figure = Figure(figsize=(6, 0.9 + 0.32 * len(results)), layout="constrained")
    axes = figure.subplots()
    for row, result in enumerate(results):
        told = result.record()["times_first"]
        colour = OURS if result.entrant.library == "nnhp" else THEIRS
        whiskers = [[told["median"] - told["least"]], [told["most"] - told["median"]]]
        axes.barh(row, told["median"], color=colour, xerr=whiskers, ecolor="#444444")
        axes.annotate(
            f"{told['median']:.3g}", (told["most"], row), (4, 0), textcoords="offset points",
            va="center",
        )  # fmt: skip
        goal = result.entrant.goal or result.entrant.limit
        if goal is not None:
            axes.plot([goal, goal], [row - 0.45, row + 0.45], color=MARK, linewidth=2)
    axes.axvline(1.0, color="black", linewidth=0.8)
    largest = max(result.record()["times_first"]["most"] for result in results)
    if largest > 10:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    axes.set_yticks(range(len(results)), [result.entrant.label for result in results])
    axes.set_xlabel(f"time, as a multiple of that of {outcome.results[0].entrant.label}")
    axes.set_title(outcome.title, loc="left")
    axes.margins(x=0.12)
    save(figure, path)


def draw_growth(growth: Growth, path: Path) -> None:
    """Draw every figure of a growth over its axis, one panel each; a roofline by batch."""
    if growth.key == "roofline":
        draw_roofline(growth, path)
        return
    axis, *columns = growth.points[0]
    figure = Figure(figsize=(2.9 * len(columns), 2.6), layout="constrained")
    panels = figure.subplots(1, len(columns), squeeze=False)[0]
    over = [point[axis] for point in growth.points]
    for panel, column in zip(panels, columns, strict=True):
        values = [middle(point[column]) for point in growth.points]
        panel.plot(over, values, marker="o", markersize=3, color=OURS)
        share = column.startswith(("share", "gain"))
        panel.set(xscale="log", xlabel=axis, title=column)
        panel.xaxis.set_major_formatter("{x:,.0f}")
        if not share and min(values) > 0 and max(values) > 10 * min(values):
            panel.set_yscale("log")
            panel.yaxis.set_major_formatter("{x:g}")
        else:
            panel.set_ylim(0, None)
    figure.suptitle(growth.title, x=0.01, ha="left")
    save(figure, path)


def draw_roofline(growth: Growth, path: Path) -> None:
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    batches = sorted({point["batch"] for point in growth.points})
    for batch, colour in zip(batches, SHADES, strict=False):
        points = [point for point in growth.points if point["batch"] == batch]
        shares = [middle(point["share of peak"]) for point in points]
        widths = [point["width"] for point in points]
        axes.plot(widths, shares, marker="o", markersize=3, color=colour, label=f"batch {batch}")
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set(xlabel="width", ylabel="share of the FMA peak", ylim=(0, 1.1), title=growth.title)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    figure.legend(loc="outside right upper", frameon=False)
    save(figure, path)


def middle(value: Any) -> float:
    return float(value["median"] if isinstance(value, dict) else value)
