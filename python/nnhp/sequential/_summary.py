"""The table of layers that `Sequential.summary` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnhp.layers import Layer

if TYPE_CHECKING:
    from nnhp.sequential._net import Net


def names_of(layers: Sequence[Layer]) -> list[str]:
    """The layers' names: their own, or else their kinds, with numbers where these come again."""
    seen: Counter[str] = Counter()
    names = []
    for layer in layers:
        kind = type(layer).name
        number = seen[kind]
        seen[kind] += layer.name is None
        names.append(layer.name or (f"{kind}_{number}" if number else kind))
    return names


def summary_of(layers: Sequence[Layer], net: Net | None) -> str:
    """One line per layer: its name, the shape of its outputs, its number of parameters."""
    rows = [("Layer (type)", "Output shape", "Param #")]
    units: int | None = net.n_features if net is not None else None
    for place, (layer, name) in enumerate(zip(layers, names_of(layers), strict=True)):
        units = getattr(layer, "units", units)
        count = "?" if net is None else f"{net.layer_parameters(place):,}"
        shape = f"(None, {'?' if units is None else units})"
        rows.append((f"{name} ({type(layer).__name__})", shape, count))
    widths = [max(map(len, column)) + 2 for column in zip(*rows, strict=True)]
    lines = ["".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    rule = "-" * sum(widths)
    lines = [lines[0], rule, *lines[1:], rule]
    if net is None:
        lines.append("The number of features is not known yet.")
    else:
        lines += [
            f"Total parameters: {net.n_parameters:,}",
            f"Trained: {net.n_trained:,}",
            f"Not trained: {net.n_parameters - net.n_trained:,}",
        ]
    return "\n".join(lines)
