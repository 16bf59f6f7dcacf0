"""skl2onnx: Pipelines with nnhp's estimators and `FeatureExpansion` as models of ONNX.

Needs the extra ``nnhp[onnx]``.
"""

try:
    import skl2onnx as _  # noqa: F401
except ImportError as error:
    if error.name not in ("skl2onnx", "onnx"):  # it is there, and does not work
        raise
    raise ImportError(
        "nnhp.integrations.skl2onnx needs skl2onnx: install the extra, pip install 'nnhp[onnx]'."
    ) from error

from nnhp.integrations._converters import register_converters

__all__ = ["register_converters"]
