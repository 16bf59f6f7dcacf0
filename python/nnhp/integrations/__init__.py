"""Bridges to other packages; each module needs the one that it is named after."""

from importlib import import_module
from types import ModuleType

__all__ = ["optuna", "skl2onnx"]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return import_module(f"nnhp.integrations.{name}")
    raise AttributeError(f"module 'nnhp.integrations' has no attribute {name!r}")
