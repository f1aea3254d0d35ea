"""HTTP as bytes on a socket: what no client library would send, and what comes back."""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Iterator


@contextlib.contextmanager
def connected(port: int, *, timeout: float = 20) -> Iterator[socket.socket]:
    """Connect to a server on loopback; no step may take longer than the time-out."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as conn:
        yield conn


def read_answer(conn: socket.socket) -> tuple[http.client.HTTPResponse, bytes]:
    """Return the answer and its body."""
    with contextlib.closing(http.client.HTTPResponse(conn)) as response:
        response.begin()
        return response, response.read()


def exchange(port: int, data: bytes) -> tuple[http.client.HTTPResponse, bytes]:
    """Send bytes, and no more; return the answer and its body."""
    with connected(port, timeout=10) as conn:
        with contextlib.suppress(OSError):  # a server need not read what it refuses
            conn.sendall(data)
            conn.shutdown(socket.SHUT_WR)
        return read_answer(conn)
