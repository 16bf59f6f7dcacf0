"""The page of the playground, served to the browsers of this machine.

Whoever can talk to the server can have it compute, so: it listens on 127.0.0.1 only, unless told
otherwise; it answers to its own names alone, so that no other page can reach it by a name of its
own; what acts must come from its own page, by the Origin that browsers tell; and it must hold the
token, which is in the printed address behind the '#', where it is sent to nobody.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from nnhp.playground._conversation import FRAMES_A_SECOND, Conversation, Message

MAX_BODY = 4096  # bytes of a POST
MAX_MESSAGE = 4_000_000  # bytes of a message, which may hold a table
MAX_WAITING = 64  # messages of a page that were not looked at yet
MAX_PAGES = 8  # at a time
_CLOSED_BY_POLICY, _TOO_BIG, _TRY_LATER = 1008, 1009, 1013
_STATIC = files("nnhp.playground") / "static"
_PAGES = {  # path -> file and its type
    "/": ("index.html", "text/html"),
    "/tutorial": ("tutorial.html", "text/html"),
    "/playground.js": ("playground.js", "text/javascript"),
    "/page.js": ("page.js", "text/javascript"),
    "/playground.css": ("playground.css", "text/css"),
    "/page.css": ("page.css", "text/css"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; object-src 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Rules:
    """Who may ask.

    Attributes
    ----------
    token : str
        That whoever acts must hold.
    hosts : frozenset of str
        Names of the server, as a browser's Host has them.
    cookie : str
        Name of the cookie, one for each port: browsers do not tell ports apart.
    secure : bool
        Whether it is reached by TLS.
    """

    token: str
    hosts: frozenset[str]
    cookie: str
    secure: bool = False

    def knows_host(self, connection: HTTPConnection) -> bool:
        """Whether it is asked by a name of its own."""
        return connection.headers.get("host", "").lower() in self.hosts

    def is_of_own_page(self, connection: HTTPConnection) -> bool:
        """Whether the Origin is the page that the Host is of."""
        scheme = "https" if self.secure else "http"
        host = connection.headers.get("host", "").lower()
        return connection.headers.get("origin", "").lower() == f"{scheme}://{host}"

    def is_token(self, given: str) -> bool:
        """Whether it is the token, in a time that tells nothing."""
        return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), self.token.encode())

    def lets_in(self, connection: HTTPConnection) -> bool:
        """Whether the token is in the cookie, or in the header that scripts send."""
        scheme, _, bearer = connection.headers.get("authorization", "").partition(" ")
        given = bearer if scheme.lower() == "bearer" else connection.cookies.get(self.cookie, "")
        return self.is_token(given)


class _OwnHostOnly:
    """Refuses what is asked by another name, and adds the headers that bind the page."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app, self._rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif self._rules.knows_host(HTTPConnection(scope)):
            await self._app(scope, receive, self._with_headers(send))
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).close(_CLOSED_BY_POLICY)
        else:
            refusal = PlainTextResponse("This is not a name of this server.", 400)
            await refusal(scope, receive, send)

    @staticmethod
    def _with_headers(send: Send) -> Send:
        async def bound(message: Any) -> None:
            if message["type"] == "http.response.start":
                more = [(key.lower().encode(), text.encode()) for key, text in _HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *more]}
            await send(message)

        return bound


def make_app(rules: Rules) -> Starlette:
    """The application: the page, the exchange of the token, and the conversations."""
    pages = _Pages(rules)

    async def exchange(request: Request) -> Response:
        if not rules.is_of_own_page(request):
            return PlainTextResponse("This must come from the page itself.", 403)
        body = await _body(request)
        try:
            token = json.loads(body or b"")["token"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return PlainTextResponse("The body must be an object with the token.", 400)
        if not isinstance(token, str) or not rules.is_token(token):
            return PlainTextResponse("This is not the token that was printed.", 403)
        response = JSONResponse({})
        response.set_cookie(
            rules.cookie, rules.token, httponly=True, samesite="strict", secure=rules.secure
        )
        return response

    return Starlette(
        routes=[
            *(Route(path, _page(*page)) for path, page in _PAGES.items()),
            Route("/session", exchange, methods=["POST"]),
            WebSocketRoute("/ws", pages.talk),
        ],
        middleware=[Middleware(_OwnHostOnly, rules=rules)],
    )


def _page(name: str, media_type: str) -> Callable[[Request], Response]:
    def respond(_: Request) -> Response:
        return Response((_STATIC / name).read_bytes(), media_type=media_type)

    return respond


async def _body(request: Request) -> bytes | None:
    """The body of a request; None if it is too large."""
    found = b""
    async for part in request.stream():
        found += part
        if len(found) > MAX_BODY:
            return None
    return found


class _Pages:
    """The pages that are open, each with a conversation."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._n_open = 0

    async def talk(self, websocket: WebSocket) -> None:
        """Talk with one page until it goes."""
        rules = self._rules
        if not rules.is_of_own_page(websocket) or not rules.lets_in(websocket):
            await websocket.close(_CLOSED_BY_POLICY)
            return
        await websocket.accept()
        if self._n_open >= MAX_PAGES:
            await websocket.close(_TRY_LATER, f"{MAX_PAGES} pages are open already")
            return
        self._n_open += 1
        try:
            await _Talk(websocket).run()
        except WebSocketDisconnect:
            pass
        finally:
            self._n_open -= 1


class _Talk:
    """A conversation over a websocket: what comes in waits in a row, of frames only the last."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._inbox: deque[Any] = deque()
        self._outbox: deque[Message] = deque()
        self._frame: Message | None = None  # that was not sent yet
        self._came, self._something = asyncio.Event(), asyncio.Event()  # something to be sent

    async def run(self) -> None:
        """Receive, learn and send, each at its own pace, until one of them ends."""
        tasks = [asyncio.ensure_future(one()) for one in (self._receive, self._learn, self._send)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            with anyio.CancelScope(shield=True):  # whoever else wants an end: they must be over
                await asyncio.wait(tasks)

    async def _receive(self) -> None:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            given = message.get("text")
            if given is None or len(given) > MAX_MESSAGE:
                await self._websocket.close(_TOO_BIG, "messages are texts of a bounded length")
                return
            asked = _parsed(given)
            if self._inbox and _is_look(asked) and _is_look(self._inbox[-1]):
                self._inbox.pop()  # only the last counts
            if len(self._inbox) >= MAX_WAITING:
                await self._websocket.close(_CLOSED_BY_POLICY, "too many messages")
                return
            self._inbox.append(asked)
            self._came.set()

    async def _learn(self) -> None:
        conversation = await run_in_threadpool(Conversation)
        try:
            await self._talk(conversation)
        finally:
            conversation.leave()
            await run_in_threadpool(conversation.end)

    async def _talk(self, conversation: Conversation) -> None:
        loop = asyncio.get_running_loop()
        pause = 1 / FRAMES_A_SECOND
        due = loop.time()
        while True:
            while self._inbox or not conversation.busy:
                if not self._inbox:
                    self._came.clear()
                    await self._came.wait()
                message = self._inbox.popleft()
                self._put(await _on_thread(conversation, _answers, conversation, message))
                await self._read()
            self._put(await _on_thread(conversation, _seen, conversation))
            await self._read()
            due = max(due + pause, loop.time() - pause)  # a frame that was late is made up for
            await asyncio.sleep(max(due - loop.time(), 0))

    async def _read(self) -> None:
        """Wait while the page does not read: it is told no more then."""
        while len(self._outbox) > MAX_WAITING:
            await asyncio.sleep(1 / FRAMES_A_SECOND)

    def _put(self, messages: list[Message]) -> None:
        for message in messages:
            if message.content["is"] == "frame":
                self._frame = message  # in the place of one that nobody has seen
            else:
                self._outbox.append(message)
            self._something.set()

    async def _send(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            while self._outbox:
                await self._websocket.send_bytes(packed(self._outbox.popleft()))
            frame, self._frame = self._frame, None
            if frame is not None:
                await self._websocket.send_bytes(packed(frame))


async def _on_thread(
    conversation: Conversation, work: Callable[..., list[Message]], *given: Any
) -> list[Message]:
    """Do work on a thread; who is cancelled has it end soon, and waits for that."""
    task = asyncio.ensure_future(run_in_threadpool(work, *given))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        conversation.leave()
        await task
        raise


def _is_look(message: Any) -> bool:
    return isinstance(message, dict) and message.get("do") == "look"


def _answers(conversation: Conversation, message: Any) -> list[Message]:
    return list(conversation.handle(message))


def _seen(conversation: Conversation) -> list[Message]:
    return list(conversation.tick())


def _parsed(text: str) -> Any:
    """What a message says; None, which is none, where it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def packed(message: Message) -> bytes:
    """A message as bytes: the length of its JSON, that, and pictures each behind its length."""
    content = json.dumps(message.content, allow_nan=False).encode()
    parts = [struct.pack("<I", len(content)), content]
    for picture in message.pictures:
        parts += [struct.pack("<I", picture.size), picture.tobytes()]
    return b"".join(parts)
