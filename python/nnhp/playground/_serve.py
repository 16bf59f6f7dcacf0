"""`nnhp playground`: where it listens, and the address that it prints."""

from __future__ import annotations

import contextlib
import secrets
import socket
import sys
import threading
import webbrowser
from dataclasses import dataclass

import uvicorn

from nnhp.playground._server import MAX_MESSAGE, Rules, make_app

LOOPBACK = "127.0.0.1"
_EVERYWHERE = frozenset({"", "*", "0.0.0.0", "::"})


@dataclass(frozen=True)
class Place:
    """Where to listen.

    Attributes
    ----------
    host : str
        An address of this machine.
    port : int
        0 is any that is free.
    certificate, key : str or None
        Files for TLS.
    insecure : bool
        Whether other machines may come without TLS.

    Raises
    ------
    ValueError
        If other machines could come without TLS, and that was not said to be meant; or if the host
        is every address.
    """

    host: str = LOOPBACK
    port: int = 0
    certificate: str | None = None
    key: str | None = None
    insecure: bool = False

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("--tls-cert and --tls-key must be given together")
        if self.host in _EVERYWHERE:
            raise ValueError(
                f"--host {self.host} is no name that a browser could ask for: give an address or a "
                "name of this machine"
            )
        if self.host != LOOPBACK and not self.secure and not self.insecure:
            raise ValueError(
                f"--host {self.host} lets other machines in: give --tls-cert and --tls-key, or say "
                "with --insecure that everybody on the way may see the token and use this machine"
            )

    @property
    def secure(self) -> bool:
        """Whether it is reached by TLS."""
        return self.certificate is not None

    @property
    def name(self) -> str:
        """The host as addresses have it."""
        return f"[{self.host}]" if ":" in self.host else self.host.lower()

    def rules(self, port: int, token: str) -> Rules:
        """Who may ask."""
        names = {self.name, "localhost"} if self.host == LOOPBACK else {self.name}
        hosts = {f"{name}:{port}" for name in names}
        if port == (443 if self.secure else 80):  # which browsers leave out
            hosts |= names
        return Rules(token, frozenset(hosts), f"nnhp_playground_{port}", secure=self.secure)

    def address(self, port: int, token: str) -> str:
        """What to open; the token stands where it is sent to nobody."""
        return f"{'https' if self.secure else 'http'}://{self.name}:{port}/#token={token}"


def serve(place: Place, *, browser: bool) -> None:
    """Serve the page until Ctrl-C.

    Raises
    ------
    OSError
        If nothing can listen there.
    """
    token = secrets.token_urlsafe(32)
    with contextlib.closing(_listener(place)) as listener:
        port = listener.getsockname()[1]
        address = place.address(port, token)
        server = uvicorn.Server(
            uvicorn.Config(
                make_app(place.rules(port, token)),
                log_level="warning",
                access_log=False,
                server_header=False,
                ws="websockets-sansio",
                ws_max_size=MAX_MESSAGE,
                ws_per_message_deflate=False,  # which takes longer than a frame's way
                ssl_certfile=place.certificate,
                ssl_keyfile=place.key,
                timeout_graceful_shutdown=1,
            )
        )
        print(f"The playground is at {address}\nCtrl-C ends it.", flush=True)
        if browser:
            threading.Thread(target=_open, args=(address,), daemon=True).start()
        server.run([listener])


def _listener(place: Place) -> socket.socket:
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    return socket.create_server((place.host, place.port), family=family)


def _open(address: str) -> None:
    if not webbrowser.open(address):
        print("There is no browser to open it in.", file=sys.stderr)
