"""A wire to PostgreSQL that can be cut, can swallow, or can deliver and lose the answer."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

from tests.pgbouncer import note_way

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Wire:
    """A TCP proxy on loopback in front of the server of `database_url`."""

    def __init__(self, database_url: str) -> None:
        self._parts = urlsplit(database_url)
        assert self._parts.port is not None
        self.upstream_port = self._parts.port
        self._open = threading.Event()
        self._open.set()
        self._marker: bytes | None = None
        self.lost_answers = 0
        self._sockets: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self._is_ending = False
        note_way(self._server.getsockname()[1], database_url)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The database's address over this wire."""
        user, _, _ = self._parts.netloc.rpartition("@")
        return urlunsplit(
            self._parts._replace(netloc=f"{user}@127.0.0.1:{self._server.getsockname()[1]}")
        )

    def swallow(self) -> None:
        """Acknowledge what is sent and forward nothing, in both directions, until `heal`."""
        self._open.clear()

    def heal(self) -> None:
        """Forward again what comes on new connections; the old ones are lost."""
        self.cut()
        self._open.set()

    def cut(self) -> None:
        """Reset every connection."""
        for end in self._sockets:
            _reset(end)
        self._sockets.clear()

    def lose_the_answer_to(self, marker: bytes) -> None:
        """Deliver the next request with `marker` in it, then lose its answer and the connection."""
        self._marker = marker

    def close(self) -> None:
        self._is_ending = True
        self._server.close()
        self.cut()

    def _accept(self) -> None:
        while not self._is_ending:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            try:
                upstream = socket.create_connection(("127.0.0.1", self.upstream_port), timeout=5)
                upstream.settimeout(None)
            except OSError:
                _reset(client)
                continue
            self._sockets += [client, upstream]
            is_lost = threading.Event()
            for source, target, is_request in ((client, upstream, True), (upstream, client, False)):
                threading.Thread(
                    target=self._pump, args=(source, target, is_request, is_lost), daemon=True
                ).start()

    def _pump(
        self,
        source: socket.socket,
        target: socket.socket,
        is_request: bool,
        is_lost: threading.Event,
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if not self._open.is_set():
                    continue
                if is_request and self._marker is not None and self._marker in data:
                    self._marker = None
                    is_lost.set()
                if not is_request and is_lost.is_set():
                    self.lost_answers += 1
                    break
                target.sendall(data)
        if self._open.is_set():
            _reset(source)
            _reset(target)


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        end.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        end.close()


@contextlib.contextmanager
def wire(database_url: str) -> Iterator[Wire]:
    """Put a wire in front of a database for the length of the block."""
    made = Wire(database_url)
    try:
        yield made
    finally:
        made.close()
