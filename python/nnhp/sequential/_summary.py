"""The table of layers that `Sequential.summary` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnhp.layers import Input, Layer

if TYPE_CHECKING:
    from nnhp.sequential._net import Net


def summary_of(layers: Sequence[Layer], net: Net | None) -> str:
    """One line per layer: its name, the shape of its outputs, its number of parameters."""
    seen: Counter[str] = Counter()
    rows = [("Layer (type)", "Output shape", "Param #")]
    units: int | None = net.n_features if net is not None else None
    for place, layer in enumerate(layers):
        units = getattr(layer, "units", units)
        if isinstance(layer, Input):
            continue
        number = seen[layer.name]
        seen[layer.name] += 1
        name = f"{layer.name}_{number}" if number else layer.name
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
