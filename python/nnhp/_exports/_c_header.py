"""A header of C99 that predicts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnhp import __version__
from nnhp._exports._c_functions import (
    DENSE,
    FUNCTIONS,
    PREDICT,
    PROBABILITIES,
    Text,
)
from nnhp._exports._net import Model, Net, Stage
from nnhp._whole_file import whole_file

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}", re.ASCII)  # C99 reads 63 characters of a name
_VALUES_A_LINE = 4


def to_c_header(model: Model, path: str | Path | None, name: str) -> str:
    """Make a header; where there is a path, write it to that file.

    Parameters
    ----------
    model : Model
        The model.
    path : path or None
        The file.
    name : str
        What identifiers begin with.

    Raises
    ------
    TypeError
        If the name is no str, or the path none.
    ValueError
        If no identifiers can begin with the name, or a class is no text of C.
    OSError
        If the file cannot be written.
    """
    text = _text_of(model, name)
    if path is not None:
        with whole_file(path) as part:
            part.write_text(text, encoding="ascii", newline="\n")
    return text


def _text_of(model: Model, name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"name must be a str, got {name!r}.")
    if _NAME.fullmatch(name) is None:
        raise ValueError(
            "name must be a letter, then letters, digits and underscores of ASCII, at most 32 in "
            f"all, got {name!r}."
        )
    header = _Header(name, single=model.net.dtype == np.float32)
    header.add_model(model)
    guard = f"{name}_NNHP_H"
    kind = ascii(model.kind)[1:-1]
    return "\n".join(
        [
            f"/* A fitted {kind}, written by nnhp {__version__}. C99; link with -lm. */",
            f"#ifndef {guard}",
            f"#define {guard}",
            "",
            "#include <math.h>",
            "",
            *header.parts,
            "#endif",
            "",
        ]
    )


class _Header:
    """The parts of a header, as they are found.

    Parameters
    ----------
    name : str
        What identifiers begin with.
    single : bool
        Whether numbers are floats.
    """

    def __init__(self, name: str, *, single: bool) -> None:
        self.parts: list[str] = []
        self._name = name
        self._single = single
        self._real = "float" if single else "double"
        self._known: set[str] = set()  # functions that are there

    def add_model(self, model: Model) -> None:
        """Add all that a model needs and gives."""
        net, decision = model.net, model.decision
        if decision is None:
            self._add_counts(n_features=net.n_features, n_outputs=net.n_outputs)
            self._add_outputs(net, "predict", f"The {net.n_outputs} outputs of")
            return
        gives, n_outputs = decision.scores, net.n_outputs
        if decision.rule == "each":
            self._add_counts(n_features=net.n_features, n_labels=n_outputs)
        else:
            self._add_counts(n_features=net.n_features, n_classes=len(decision.classes))
            self._add_classes(decision.classes)
        method = "predict_proba" if gives == "probabilities" else "decision_function"
        scores = "second_probability" if model.completes else method
        shown = "The probability of the second class" if model.completes else f"The {gives}"
        if model.n_scores > 1 or not model.completes:
            self._add_outputs(net, scores, f"{shown} for")
        values = {"scores": scores, "n": str(n_outputs)}
        if model.completes:
            self._add(PROBABILITIES[model.n_scores], **values)
        only = len(decision.classes) == 1
        threshold = self._number(decision.threshold)
        self._add(PREDICT["only" if only else decision.rule], threshold=threshold, **values)

    def _add_counts(self, **counts: int) -> None:
        listed = ", ".join(f"{self._name}_{what} = {count}" for what, count in counts.items())
        self.parts.append(f"enum {{ {listed} }};\n")

    def _add_classes(self, labels: NDArray[Any]) -> None:
        if labels.dtype == object:
            self._add_array("char *const", "classes", map(_constant, labels))
        else:
            self._add_array("long long", "classes", map(str, labels.tolist()))

    def _add_outputs(self, net: Net, function: str, shown: str) -> None:
        """Add the function that puts the outputs of a net out, and what it needs."""
        steps: list[str] = []
        buffers: dict[str, int] = {}
        at, columns = "x", net.n_features
        if net.input_stages:
            buffers["inputs"] = columns
            steps.append(f"for (int j = 0; j < {columns}; ++j) inputs[j] = x[j];")
            at = "inputs"
            steps += self._stages(0, net.input_stages, at)
        self._add_function("dense", DENSE)
        for number, layer in enumerate(net.layers, 1):
            inputs, columns = layer.weights.shape
            weights = self._add_numbers(f"weights_{number}", layer.weights)
            biases = self._add_numbers(f"biases_{number}", layer.biases)
            is_last = number == len(net.layers) and columns == net.n_outputs
            to = "outputs" if is_last else ("odd" if number % 2 else "even")
            if not is_last:
                buffers[to] = max(columns, buffers.get(to, 0))
            steps.append(
                f"{self._name}_dense({at}, {inputs}, {weights}, {biases}, {columns}, {to});"
            )
            at = to
            steps += self._stages(number, layer.stages, to)
        if at != "outputs":
            steps.append(f"for (int j = 0; j < {net.n_outputs}; ++j) outputs[j] = {at}[j];")
        declared = [f"{self._real} {buffer}[{size}];" for buffer, size in buffers.items()]
        real, name = self._real, self._name
        self.parts.append(
            "\n".join(
                [
                    f"/* {shown} x, which has {name}_n_features numbers. */",
                    f"static inline void {name}_{function}(const {real} *x, {real} *outputs) {{",
                    *(f"  {line}" for line in [*declared, *steps]),
                    "}\n",
                ]
            )
        )

    def _stages(self, layer: int, stages: Iterable[Stage], buffer: str) -> list[str]:
        """Calls of the functions of stages, which are added."""
        calls = []
        for number, stage in enumerate(stages, 1):
            if stage.name == "identity":
                continue
            function = FUNCTIONS[stage.name]
            for needed in function.calls:
                self._add_function(needed, FUNCTIONS[needed].text)
            self._add_function(stage.name, function.text)
            given = [buffer, str(stage.columns)]
            given += [self._field(stage.fields[field]) for field in function.numbers]
            given += [
                self._add_numbers(f"{array}_{layer}_{number}", stage.arrays[array])
                for array in function.arrays
            ]
            calls.append(f"{self._name}_{stage.name}({', '.join(given)});")
        return calls

    def _add_function(self, name: str, text: str) -> None:
        if name not in self._known:
            self._known.add(name)
            self._add(text)

    def _add(self, text: str, **values: str) -> None:
        kind = {"real": self._real, "f": "f" if self._single else ""}
        self.parts.append(Text(text).substitute(net=self._name, **kind, **values))

    def _add_numbers(self, what: str, values: NDArray[Any]) -> str:
        """Add an array of the net and return its name."""
        return self._add_array(self._real, what, map(self._number, values.ravel().tolist()))

    def _add_array(self, kind: str, what: str, values: Iterable[str]) -> str:
        listed = list(values)
        name = f"{self._name}_{what}"
        rows = (listed[at : at + _VALUES_A_LINE] for at in range(0, len(listed), _VALUES_A_LINE))
        lines = ",\n".join("  " + ", ".join(row) for row in rows)
        self.parts.append(f"static const {kind} {name}[{len(listed)}] = {{\n{lines}\n}};\n")
        return name

    def _field(self, value: float) -> str:
        return str(value) if isinstance(value, int) else self._number(value)

    def _number(self, value: float) -> str:
        """A constant that is this number exactly, if it is one of the type."""
        text = f"{np.float32(value):.9g}" if self._single else f"{value:.17g}"
        whole = "." not in text and "e" not in text
        return text + (".0" if whole else "") + ("f" if self._single else "")


def _constant(value: str) -> str:
    """A string constant, in UTF-8."""
    if "\0" in value:
        raise ValueError(f"classes_ must be texts without the character 0 in C, got {value!r}.")
    # Trigraphs begin with a question mark.
    plain = (chr(b) if 32 <= b < 127 and b not in b'"\\?' else f"\\{b:03o}" for b in value.encode())
    return f'"{"".join(plain)}"'
