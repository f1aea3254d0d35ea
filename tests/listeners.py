"""A listener that answers each connection as told: the runner, as the wake client may meet it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Answer = Callable[[socket.socket], None]


@dataclass
class Listener:
    """What it is reached at, how many connections it got, and the requests that it read in full."""

    port: int
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def answer(status: int, *, headers: str = "", body: bytes = b"{}") -> Answer:
    """Answer with a status, and close."""
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode()
    return lambda conn: conn.sendall(head + body)


@contextmanager
def listening(
    reply: Answer | None, *, port: int = 0, context: ssl.SSLContext | None = None
) -> Iterator[Listener]:
    """Listen on loopback; `reply` gets each connection once its request was read.

    With None nothing is read or answered: connections stay open until the end.
    """
    server = socket.create_server(("127.0.0.1", port))
    listener = Listener(server.getsockname()[1])
    open_ones: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                conn, _ = server.accept()
            except OSError:
                return
            open_ones.append(conn)
            listener.connections += 1
            if reply is not None:
                threading.Thread(target=handle, args=(conn, reply), daemon=True).start()

    def handle(conn: socket.socket, reply: Answer) -> None:
        with suppress(OSError):
            secured = context.wrap_socket(conn, server_side=True) if context else conn
            listener.requests.append(_read_request(secured))
            reply(secured)
            secured.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        listener.released.set()
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)
        for conn in open_ones:
            conn.close()


def _read_request(conn: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = conn.recv(65536)
        if not chunk:
            raise OSError("the caller hung up")
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    while lengths and len(body) < lengths[0]:
        body += conn.recv(65536)
    return head + b"\r\n\r\n" + body
