"""Fitted models for programs without nnhp: ONNX (`_onnx`) and C (`_c_header`).

Both write down what `_net` describes: the net as the engine predicts with it.
"""

from nnhp._exports._net import Model, model_of, net_of

__all__ = ["Model", "model_of", "net_of"]
