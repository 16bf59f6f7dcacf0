"""Callbacks of `nnhp.Sequential.fit`, called between epochs.

Names and defaults are those of Keras. An epoch is one call of the engine, so nothing is called
between its batches.
"""

from nnhp._keras import no_name as _no_name
from nnhp.callbacks._base import Callback, History, LambdaCallback, TerminateOnNaN
from nnhp.callbacks._monitors import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from nnhp.callbacks._records import CSVLogger, LearningRateScheduler

__all__ = [
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]


def __getattr__(name: str) -> object:
    raise _no_name(__name__, name, __all__, "callbacks")
