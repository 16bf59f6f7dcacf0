"""A page on which networks can be seen to learn, in a browser or in a notebook."""

from typing import TYPE_CHECKING

__all__ = ["Playground"]

if TYPE_CHECKING:
    from nnhp.playground._widget import Playground
else:

    def __getattr__(name: str) -> object:
        if name != "Playground":
            raise AttributeError(f"module 'nnhp.playground' has no attribute {name!r}")
        try:
            from nnhp.playground._widget import Playground
        except ImportError as error:
            raise ImportError(
                f"nnhp.Playground needs what is not installed ({error.name}): "
                "pip install 'nnhp[playground]'"
            ) from error
        globals()[name] = Playground
        return Playground


def __dir__() -> list[str]:
    return list(__all__)
