"""Layers of an `nnhp.Sequential`."""

from nnhp._keras import no_name as _no_name
from nnhp.layers._activations import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from nnhp.layers._activations import ActivationLayer as ActivationLayer
from nnhp.layers._base import Flatten, Input, Layer
from nnhp.layers._noise import AlphaDropout, Dropout, GaussianNoise
from nnhp.layers._normalizations import BatchNormalization, LayerNormalization
from nnhp.layers._units import Dense, Maxout
from nnhp.layers._units import UnitsLayer as UnitsLayer

__all__ = [
    "ELU",
    "Activation",
    "AlphaDropout",
    "BatchNormalization",
    "Dense",
    "Dropout",
    "Flatten",
    "GaussianNoise",
    "Input",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Maxout",
    "PReLU",
    "ReLU",
    "Softmax",
]

# Pickles, files of models and errors have the public place of a class, whichever file it is in.
for _of_class in (ActivationLayer, UnitsLayer, *(globals()[_name] for _name in __all__)):
    _of_class.__module__ = __name__


def __getattr__(name: str) -> object:
    raise _no_name(__name__, name, __all__, "layers, all of them for tables,")
