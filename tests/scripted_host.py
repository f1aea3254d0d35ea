"""A web host on loopback that answers as a test tells it, byte by byte where that matters."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

CERTIFICATE = Path(__file__).with_name("feed_example.pem")

Answer = Callable[[socket.socket, threading.Event], None]
"""Writes to the connection; the event is set when the test is over."""


@dataclass
class ScriptedHost:
    """Which path gets which answer, and the requests that came in, head first."""

    port: int = 0
    answers: dict[str, Answer | bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    def url(self, path: str, answer: Answer | bytes | None = None) -> str:
        """Return the address of `path`, which is answered so from now on."""
        if answer is not None:
            self.answers[path] = answer
        return f"http://127.0.0.1:{self.port}{path}"

    def paths(self) -> list[str]:
        return [request.split(" ")[1] for request in self.requests]


def response(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    """Return a whole response; `content_type="..."` is the header Content-Type."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named.setdefault("Content-Length", str(len(body)))
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


@contextmanager
def scripted_host(*, with_tls: bool = False) -> Iterator[ScriptedHost]:
    """Serve until the context is left; with TLS the host shows the certificate of feed.example."""
    is_over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = ScriptedHost(listener.getsockname()[1])
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if with_tls else None
        if tls is not None:
            tls.load_cert_chain(CERTIFICATE)
        thread = threading.Thread(target=_accept, args=(listener, host, tls, is_over))
        thread.start()
        try:
            yield host
        finally:
            is_over.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _accept(
    listener: socket.socket,
    host: ScriptedHost,
    tls: ssl.SSLContext | None,
    is_over: threading.Event,
) -> None:
    while not is_over.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        arguments = (connection, host, tls, is_over)
        threading.Thread(target=_serve, args=arguments, daemon=True).start()


def _serve(
    connection: socket.socket,
    host: ScriptedHost,
    tls: ssl.SSLContext | None,
    is_over: threading.Event,
) -> None:
    with suppress(OSError), _secured(connection, tls) as connection:
        request = b""
        while b"\r\n\r\n" not in request:
            received = connection.recv(65_536)
            if not received:
                return
            request += received
        text = request.decode("latin-1")
        host.requests.append(text)
        answer = host.answers.get(text.split(" ")[1], response(status="404 Not Found"))
        if isinstance(answer, bytes):
            connection.sendall(answer)
        else:
            answer(connection, is_over)


def _secured(connection: socket.socket, tls: ssl.SSLContext | None) -> socket.socket:
    if tls is None:
        return connection
    try:
        return tls.wrap_socket(connection, server_side=True)
    except OSError:
        connection.close()
        raise
