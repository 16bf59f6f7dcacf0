"""Fitted models for programs without nnhp: ONNX (`_onnx`) and C (`_c_header`).

Both write down what `_net` describes: the net as the engine predicts with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nnhp._checks import as_path
from nnhp._exports._net import Model, model_of, net_of

if TYPE_CHECKING:
    import onnx

__all__ = ["Model", "model_of", "net_of", "to_c_header", "to_onnx"]


def to_onnx(model: Model, made_of: str, values: str = "variable") -> onnx.ModelProto:
    """Make a model of ONNX.

    Parameters
    ----------
    model : Model
        The model.
    made_of : str
        What it is, for those who look into it.
    values : str
        Name of the output of models that tell no labels.

    Raises
    ------
    ImportError
        If onnx is not there.
    """
    try:
        from nnhp._exports._onnx import model_proto
    except ImportError as error:
        if error.name != "onnx":
            raise
        raise ImportError("to_onnx needs onnx: pip install 'nnhp[onnx]'") from error
    return model_proto(model, made_of, values)


def to_c_header(model: Model, made_of: str, name: str, path: str | Path | None) -> str:
    """Make a header of C and write it, if there is a path, to that file.

    Parameters
    ----------
    model : Model
        The model.
    made_of : str
        What it is, for a comment.
    name : str
        What its identifiers begin with.
    path : path or None
        The file.

    Raises
    ------
    ValueError
        If no identifiers can begin with the name.
    OSError
        If the file cannot be written.
    """
    from nnhp._exports._c_header import c_header

    text = c_header(model, made_of, name)
    if path is not None:
        as_path(path).write_text(text, encoding="ascii", newline="\n")
    return text
