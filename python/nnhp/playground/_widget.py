"""The playground in a notebook."""

from __future__ import annotations

import asyncio
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from nnhp._checks import check_iterable
from nnhp.playground._conversation import FRAMES_A_SECOND, Conversation, Message
from nnhp.playground._options import PARTS_OF_THE_PAGE, checked

_ASKS_EVERY = 1.0  # seconds: what is busy asks whether a view is there, which says that it sees
_MOST_ASKED = 10  # times without an answer
_LEAST_REST = 0.005  # seconds between two frames that are the notebook's own
_ENDS = ("stop search", "pause")
_STATIC = Path(str(files("nnhp.playground") / "static"))


class Playground(anywidget.AnyWidget):
    """The playground as a widget of Jupyter, VS Code and other notebooks.

    It learns in the notebook's process, between the cells, and rests soon after its last view was
    closed. The extra is ``nnhp[playground]``.

    Parameters
    ----------
    hidden : sequence of str, default=()
        Parts of the page to leave out, such as 'discretize' or 'regularization', as the TensorFlow
        Playground calls them.

    **options : object
        What it begins with, by the names that the page's address has: ``dataset='spiral'``,
        ``networkShape='8,8'``, ``learningRate=0.1`` and so on.

    Attributes
    ----------
    options : dict
        All options as they are now.

    Raises
    ------
    ValueError
        If an option or a part is unknown, or a value is none of it.
    TypeError
        If `hidden` is no sequence.

    Examples
    --------
    >>> import nnhp
    >>> page = nnhp.Playground(dataset="xor", networkShape="4")
    >>> page.options["dataset"]
    'xor'
    """

    _esm = _STATIC / "playground.js"
    _css = _STATIC / "playground.css"
    options: Any = traitlets.Dict().tag(sync=True)
    hidden: Any = traitlets.List().tag(sync=True)
    # From the beginning on, for a widget that was never made is closed all the same.
    _conversation: Conversation | None = None
    _learning: asyncio.Task[None] | None = None
    _asked = 0

    def __init__(self, *, hidden: Any = (), **options: Any) -> None:
        check_iterable(hidden, "hidden", "names of parts of the page")
        for name in hidden:
            if name not in PARTS_OF_THE_PAGE:
                raise ValueError(f"hidden must be among {PARTS_OF_THE_PAGE}, got {name!r}")
        super().__init__(options=checked(options), hidden=list(hidden))
        self._conversation = Conversation()
        self.on_msg(lambda _, content, __: self._hear(content))

    def _hear(self, content: Any) -> None:
        """Answer a message of the page; learn in the loop of the notebook while it plays."""
        assert self._conversation is not None
        self._asked = 0
        for message in self._conversation.handle(content):
            self._tell(message)
        done = self._learning is None or self._learning.done()
        if self._conversation.busy and done:
            self._learning = asyncio.get_running_loop().create_task(self._learn(self._conversation))

    async def _learn(self, conversation: Conversation) -> None:
        loop = asyncio.get_running_loop()
        asks = loop.time()
        while conversation.busy:
            due = loop.time() + 1 / FRAMES_A_SECOND
            messages = conversation.tick()
            if loop.time() > asks:
                asks = loop.time() + _ASKS_EVERY
                self._asked += 1
                self._tell(Message({"is": "there"}))
            if self._asked > _MOST_ASKED:
                self._asked = 0
                messages = chain(*(conversation.handle({"do": end}) for end in _ENDS))
            for message in messages:
                self._tell(message)
            await asyncio.sleep(max(due - loop.time(), _LEAST_REST))

    def _tell(self, message: Message) -> None:
        self.send(message.content, [picture.tobytes() for picture in message.pictures])

    def close(self) -> None:
        """Stop learning, and take the widget away."""
        if self._learning is not None:
            self._learning.cancel()
        if self._conversation is not None:
            self._conversation.leave()
        super().close()
