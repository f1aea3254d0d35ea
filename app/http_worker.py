"""gunicorn's threads, fit to be shown to strangers: what both of our servers run their routes in.

gunicorn's own answers to what is no HTTP repeat what was sent, in the answer and in the log. It
waits without end for a body that trickles, its threads wait for connections on which nothing
comes, and the one that accepts waits for clients that do not hang up.
"""

from __future__ import annotations

import contextlib
import selectors
from abc import ABC, abstractmethod
from functools import partial
from typing import Any

from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from app.arrival import ClientSocket, RequestTooSlow


class HTTPWorker(ThreadWorker, ABC):  # type: ignore[misc]  # gunicorn has no types
    """A worker; a server says how long its requests may take to arrive, and how it refuses."""

    arrival_seconds: float

    @abstractmethod
    def refusal(self, code: str) -> bytes:
        """Return the whole answer for bad_request, request_too_slow or internal_error."""

    def enqueue_req(self, conn: Any) -> None:
        """Have a thread of the pool handle a connection as soon as something comes on it."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        # gunicorn's own way, but only after a thread has waited for five seconds
        conn.sock.setblocking(False)
        conn.set_timeout()
        self.pending_conns.append(conn)
        on_readable = partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, on_readable)

    def handle(self, conn: Any) -> Any:
        """Handle a request in a thread of the pool; true where the connection is kept."""
        if not isinstance(conn.sock, ClientSocket):
            conn.sock = ClientSocket(conn.sock)
        conn.sock.await_request(self.arrival_seconds)
        is_kept = super().handle(conn)
        if not is_kept:
            conn.sock.finish()  # here, for the thread that accepts would do it otherwise
        return is_kept

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that never reached the app, or that the server failed at."""
        code = _code(exc)
        self.log.warning("%s: %s", code, type(exc).__name__)
        with contextlib.suppress(OSError):
            client.sendall(self.refusal(code))


def _code(error: BaseException) -> str:
    if isinstance(error, RequestTooSlow):
        return "request_too_slow"
    is_malformed = type(error).__module__ == errors.__name__
    return "bad_request" if is_malformed else "internal_error"
