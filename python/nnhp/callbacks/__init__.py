"""Callbacks of `nnhp.Sequential.fit`, called between epochs.

Names and defaults are those of Keras. An epoch is one call of the engine, so nothing is called
between its batches.
"""

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
