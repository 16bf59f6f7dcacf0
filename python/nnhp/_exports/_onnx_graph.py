"""Nodes and constants of an ONNX graph, before they are in a model or in skl2onnx's hands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from onnx import helper
from scipy.special import erfcx

OPSET = 14  # the first in which all nodes are as they are made here

# What stands for an input of a node: a name, or a constant.
Value = str | float | NDArray[Any]


class Node(NamedTuple):
    """One operation."""

    operator: str
    inputs: list[str]
    output: str
    attributes: dict[str, Any]


class Graph:
    """A graph that grows node by node.

    Parameters
    ----------
    dtype : dtype
        What it computes in; numbers are constants of it.
    unique : callable
        Makes a name that is new in the model of the one that it is given.

    Attributes
    ----------
    nodes : list of Node
        Each after those that it needs.
    constants : dict of str to ndarray
        Their names and values.
    """

    def __init__(self, dtype: np.dtype[Any], unique: Callable[[str], str] | None = None) -> None:
        self.dtype = dtype
        self.nodes: list[Node] = []
        self.constants: dict[str, NDArray[Any]] = {}
        self._unique = unique or self._numbered
        self._n_names = 0
        self._numbers: dict[float, str] = {}  # names of constants that are one number

    @property
    def element_type(self) -> int:
        """ONNX's number of `dtype`."""
        return int(helper.np_dtype_to_tensor_dtype(self.dtype))

    def __call__(
        self, operator: str, *inputs: Value, output: str | None = None, **attributes: Any
    ) -> str:
        """Add a node and return the name of its output."""
        name = self._unique(operator) if output is None else output
        self.nodes.append(Node(operator, [self._named(i) for i in inputs], name, attributes))
        return name

    def erf(self, z: str) -> str:
        """Add the error function, for which onnxruntime has no node in double precision."""
        if self.dtype == np.float32:
            return self("Erf", z)
        magnitude = self("Abs", z)
        t = self("Div", self("Sub", magnitude, _CENTER), self("Add", magnitude, _CENTER))
        scaled = self("Mul", t, _SCALED_ERFC[-1])
        for coefficient in _SCALED_ERFC[-2:0:-1]:
            scaled = self("Mul", self("Add", scaled, coefficient), t)
        scaled = self("Add", scaled, _SCALED_ERFC[0])
        bell = self("Exp", self("Neg", self("Mul", z, z)))
        tail = self("Div", self("Mul", bell, scaled), self("Add", self("Mul", magnitude, 2.0), 1.0))
        return self("Mul", self("Sign", z), self("Sub", 1.0, tail))

    def _named(self, value: Value) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, np.ndarray):
            return self._constant(value)
        number = float(value)
        if number not in self._numbers:
            self._numbers[number] = self._constant(np.array(number, dtype=self.dtype))
        return self._numbers[number]

    def _constant(self, array: NDArray[Any]) -> str:
        name = self._unique("constant")
        self.constants[name] = array
        return name

    def _numbered(self, name: str) -> str:
        self._n_names += 1
        return f"{name}_{self._n_names}"


_CENTER = 3.75  # of t = (x - center) / (x + center)


def _scaled_erfc() -> list[float]:
    """Coefficients, by powers of t, of a polynomial close to (1 + 2x) exp(x^2) erfc(x) for x >= 0.

    After Shepherd and Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x in
    0 <= x < inf", Mathematics of Computation 36 (1981).
    """

    def scaled(t: NDArray[np.float64]) -> NDArray[np.float64]:
        x = _CENTER * (1 + t) / (1 - t)
        return np.asarray((1 + 2 * x) * erfcx(x))

    found = np.polynomial.Chebyshev.interpolate(scaled, 24)
    return [float(c) for c in found.convert(kind=np.polynomial.Polynomial).coef]


_SCALED_ERFC = _scaled_erfc()
