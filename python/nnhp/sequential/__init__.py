"""`Sequential`: a face of the engine for those who come from Keras."""

from nnhp.sequential._model import Sequential

__all__ = ["Sequential"]
