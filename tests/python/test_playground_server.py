"""The playground's server: who is let in, and what becomes of messages, without a browser."""

import json
import struct
import time

import numpy as np
import pytest

pytest.importorskip("starlette")

from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from nnhp.playground import _server
from nnhp.playground._serve import Place
from nnhp.playground._server import MAX_BODY, MAX_MESSAGE, MAX_PAGES, Rules, make_app

TOKEN = "the-token"
HOST = "127.0.0.1:8765"
ORIGIN = {"origin": f"http://{HOST}"}
BEARER = {"authorization": f"Bearer {TOKEN}"}


def client(host=HOST, **rules):
    about = {"token": TOKEN, "hosts": frozenset({HOST, "localhost:8765"}), "cookie": "page"}
    return TestClient(make_app(Rules(**about | rules)), base_url=f"http://{host}")


def unpacked(data):
    parts, at = [], 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        parts.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return json.loads(parts[0]), [np.frombuffer(part, np.uint8) for part in parts[1:]]


def talk(page=None, headers=None, host=HOST):
    page = client() if page is None else page
    return page.websocket_connect(f"ws://{host}/ws", headers=headers or ORIGIN | BEARER)


def receive(socket, kind):
    """The next message of a kind."""
    for _ in range(500):
        content, pictures = unpacked(socket.receive_bytes())
        if content["is"] == kind:
            return content, pictures
    raise AssertionError(kind)


# ------------------------------------------------------------------ who is let in


@pytest.mark.parametrize("path", ["/", "/tutorial", "/playground.js", "/page.js", "/icon.svg"])
def test_the_page_is_there_for_all_with_headers_that_bind_it(path):
    answer = client().get(path)
    assert answer.status_code == 200
    assert answer.content
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'; ")
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert TOKEN.encode() not in answer.content


def test_the_pages_fetch_nothing_from_elsewhere():
    page = client()
    for path in ("/", "/tutorial", "/playground.js", "/page.js", "/playground.css"):
        text = page.get(path).text.replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text
        assert "https://" not in text.replace('location.protocol === "https:"', "")
        assert "innerHTML" not in text
        assert " style=" not in text


@pytest.mark.parametrize(
    "host", ["evil.example:8765", "127.0.0.1", "127.0.0.1:80", "127.0.0.1.x:1"]
)
def test_another_name_of_the_server_is_refused(host):
    page = client(host)
    assert page.get("/").status_code == 400
    with (
        pytest.raises(WebSocketDisconnect),
        talk(page, {"origin": f"http://{host}"} | BEARER, host),
    ):
        pass


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "https://127.0.0.1:8765", "http://127.0.0.1:1"]
)
def test_what_does_not_come_from_the_own_page_is_refused(origin):
    headers = {} if origin is None else {"origin": origin}
    page = client()
    answer = page.post("/session", json={"token": TOKEN}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    with pytest.raises(WebSocketDisconnect), talk(page, headers | BEARER):
        pass


def test_the_token_is_exchanged_for_a_cookie_that_no_script_reads():
    page = client()
    answer = page.post("/session", json={"token": TOKEN}, headers=ORIGIN)
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie
    with talk(page, ORIGIN) as socket:
        socket.send_json({"do": "step"})
        assert receive(socket, "frame")[0]["epoch"] == 1
    secure = client(secure=True)
    origin = {"origin": f"https://{HOST}"}
    answer = secure.post("/session", json={"token": TOKEN}, headers=origin)
    assert "secure" in answer.headers["set-cookie"].lower()


WRONG_TOKENS = [{}, {"authorization": "Bearer x"}, {"authorization": TOKEN}, {"cookie": "page=x"}]


@pytest.mark.parametrize("headers", WRONG_TOKENS)
def test_who_lacks_the_token_is_refused(headers):
    with pytest.raises(WebSocketDisconnect), talk(headers=ORIGIN | headers):
        pass


BODIES = {
    "another token": (b'{"token": "x"}', 403),
    "no object": (b"[]", 400),
    "no token": (b"{}", 400),
    "no text": (b'{"token": 5}', 403),
    "no JSON": (b"token", 400),
    "too deep": (b"[" * 3000, 400),
    "half a character": (b'{"token": "\\ud800"}', 403),
    "too much": (b'{"token": "' + b"x" * MAX_BODY + b'"}', 400),
    "not UTF-8": (b'\xff{"token": ""}', 400),
}


@pytest.mark.parametrize(("body", "status"), BODIES.values(), ids=BODIES.keys())
def test_what_is_no_token_gets_no_cookie(body, status):
    answer = client().post("/session", content=body, headers=ORIGIN)
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers


def test_other_ways_of_asking_are_refused():
    page = client()
    assert page.get("/session").status_code == 405
    assert page.post("/").status_code == 405
    for path in ("/static/../_server.py", "/..%2f_server.py", "/_server.py"):
        assert page.get(path).status_code == 404


# ------------------------------------------------------------------ messages


def test_a_page_learns():
    with talk() as socket:
        socket.send_json({"do": "begin", "options": {"dataset": "xor", "networkShape": "3"}})
        assert receive(socket, "options")[0]["now"]["dataset"] == "xor"
        assert len(receive(socket, "problem")[0]["points"]) == 500
        content, pictures = receive(socket, "frame")
        assert [len(one) for one in pictures] == [400, 400, 400, 10_000]
        socket.send_json({"do": "play"})
        while content["epoch"] < 5:
            content, _ = receive(socket, "frame")
        assert content["playing"]
        socket.send_json({"do": "pause"})
        while content["playing"]:
            content, _ = receive(socket, "frame")
        assert len(content["losses"][0]) == content["epoch"]


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[]", "5", '{"do": 1}', "[" * 100_000, '{"do": "x"}']
)
def test_what_is_no_message_is_told_and_the_talk_goes_on(text):
    with talk() as socket:
        socket.send_text(text)
        receive(socket, "error")
        socket.send_json({"do": "step"})
        assert receive(socket, "frame")[0]["epoch"] == 1


def test_names_are_data():
    name = "<img onerror=alert(1) src=x>"
    rows = "".join(f"{i},{i % 2}\n" for i in range(20))
    with talk() as socket:
        socket.send_json({"do": "data", "text": f"{name},y\n{rows}", "name": name})
        assert receive(socket, "table")[0]["numeric"] == [name]
        socket.send_json({"do": "set", "options": {name: 1}})
        assert name[:20] in receive(socket, "error")[0]["text"]


def test_messages_that_are_too_long_or_no_texts_end_the_talk():
    for send in (
        lambda socket: socket.send_text("x" * (MAX_MESSAGE + 1)),
        lambda socket: socket.send_bytes(b"{}"),
    ):
        with talk() as socket, pytest.raises(WebSocketDisconnect) as end:  # noqa: PT012
            send(socket)
            receive(socket, "nothing")
        assert end.value.code == 1009


def test_a_flood_ends_the_talk(monkeypatch):
    monkeypatch.setattr(_server.Conversation, "handle", lambda *_: time.sleep(0.2) or iter(()))
    with talk() as socket, pytest.raises(WebSocketDisconnect) as end:  # noqa: PT012
        for _ in range(500):
            socket.send_json({"do": "step"})
        socket.receive_bytes()
    assert end.value.code == 1008


def test_so_many_pages_and_no_more():
    page = client()
    with page:
        sockets = [talk(page) for _ in range(MAX_PAGES)]
        for socket in sockets:
            socket.__enter__()
        with talk(page) as one_more, pytest.raises(WebSocketDisconnect) as end:
            one_more.receive_bytes()
        assert end.value.code == 1013
        for socket in sockets:
            socket.__exit__(None, None, None)
        with talk(page) as again:
            again.send_json({"do": "step"})
            receive(again, "frame")


@pytest.mark.parametrize("action", ["play", "load"])
def test_a_page_s_place_is_free_when_its_work_has_ended(monkeypatch, action):
    made = []

    class Slow(_server.Conversation):
        def __init__(self):
            super().__init__()
            self.steps, self.ended = 0, False
            made.append(self)

        def _step(self):
            time.sleep(0.3)
            self.steps += 1
            return super()._step()

        def end(self):
            super().end()
            self.ended = True

    monkeypatch.setattr(_server, "Conversation", Slow)
    pages = []
    monkeypatch.setattr(
        _server, "_Pages", lambda rules, kind=_server._Pages: pages.append(kind(rules)) or pages[0]
    )
    with client() as page, talk(page) as socket:
        socket.send_json({"do": action, "options": {}, "epochs": 1000})
        while not made or made[0].steps < 1:
            time.sleep(0.01)
    (conversation,) = made
    deadline = time.monotonic() + 20
    while pages[0]._n_open and time.monotonic() < deadline:
        time.sleep(0.01)
    assert conversation.ended
    assert conversation.steps < 10
    steps = conversation.steps
    time.sleep(0.5)
    assert conversation.steps == steps


def test_pointing_at_many_units_is_no_flood(monkeypatch):
    handle = _server.Conversation.handle
    monkeypatch.setattr(
        _server.Conversation, "handle", lambda *given: time.sleep(0.05) or handle(*given)
    )
    with talk() as socket:
        for turn in range(300):
            unit = {"layer": 0, "unit": turn % 4} if turn % 2 else {}
            socket.send_json({"do": "look"} | unit)
        socket.send_json({"do": "step"})
        while receive(socket, "frame")[0]["epoch"] < 1:
            pass


def test_learning_stops_when_the_page_goes(monkeypatch):
    made = []

    class Noted(_server.Conversation):
        def __init__(self):
            super().__init__()
            made.append(self)

    monkeypatch.setattr(_server, "Conversation", Noted)
    with client() as page, talk(page) as socket:
        socket.send_json({"do": "search", "method": "random", "n": 200, "epochs": 1000,
                          "space": {"networkShape": [3, 3, 60, 64]}})  # fmt: skip
        receive(socket, "search")
        socket.send_json({"do": "play"})
        receive(socket, "frame")
        (conversation,) = made
        search = conversation._search
    epoch = conversation._learner.epoch
    search._thread.join(60)
    assert not search._thread.is_alive()
    assert len(search._seen) < 200
    time.sleep(0.2)
    assert conversation._learner.epoch == epoch


def test_frames_that_nobody_takes_are_dropped():
    talk = _server._Talk(None)

    for epoch in range(3):
        talk._put([_server.Message({"is": "frame", "epoch": epoch})])
    assert talk._frame.content["epoch"] == 2
    assert not talk._outbox


# ------------------------------------------------------------------ where it listens


def test_other_machines_need_tls_or_a_word():
    with pytest.raises(ValueError, match=r"lets other machines in: .*--insecure"):
        Place("192.0.2.1")
    for host in ("0.0.0.0", "::", ""):
        with pytest.raises(ValueError, match="no name that a browser could ask for"):
            Place(host, insecure=True)
    with pytest.raises(ValueError, match="must be given together"):
        Place(certificate="cert.pem")
    assert not Place("192.0.2.1", insecure=True).secure
    place = Place("192.0.2.1", 443, "cert.pem", "key.pem")
    assert place.address(443, TOKEN) == f"https://192.0.2.1:443/#token={TOKEN}"
    assert place.rules(443, TOKEN).hosts == {"192.0.2.1:443", "192.0.2.1"}
    assert Place("Box.LAN", insecure=True).rules(80, TOKEN).hosts == {"box.lan:80", "box.lan"}
    assert Place("::1", insecure=True).address(5, TOKEN).startswith("http://[::1]:5/")
    assert Place().rules(8765, TOKEN).hosts == {"127.0.0.1:8765", "localhost:8765"}
