"""How long a request may take to arrive: bounded on the socket, whatever reads from it.

Bytes that trickle reset every time-out between two of them; only a bound on the whole ends it.
"""

from __future__ import annotations

import select
import socket
import time
from contextlib import suppress

LINGER_SECONDS = 1.0
_LINGER_BYTES = 65_536


class RequestTooSlow(Exception):
    """The request had not arrived in its time."""


class ClientSocket(socket.socket):
    """A connection from a client, which sends one request after another."""

    def __init__(self, taken: socket.socket) -> None:
        """Take the place of a socket."""
        super().__init__(taken.family, taken.type, taken.proto, taken.detach())
        self._seconds = 0.0
        self._arrives_by: float | None = None
        self._is_finished = False

    def await_request(self, seconds: float) -> None:
        """Allow a request so long to arrive, from the first look for it on."""
        self._seconds = seconds
        self._arrives_by = None

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Return what came. Raises RequestTooSlow, or TimeoutError where the reader set one."""
        if self._is_finished:
            return b""
        now = time.monotonic()
        if self._arrives_by is None:
            self._arrives_by = now + self._seconds
        patience, left = self.gettimeout(), self._arrives_by - now
        if patience is not None:
            # Not the request: what is left of one that was answered. It may be late, too.
            if self._has_data(min(patience, left)):
                return super().recv(bufsize, flags)
            raise TimeoutError
        if self._has_data(left):
            return super().recv(bufsize, flags)
        raise RequestTooSlow

    def finish(self) -> None:
        """End what is sent, and take what still comes, for a moment; nothing is read after it.

        A connection that is closed while something is unread is reset, and its last answer lost.
        """
        ends_at, taken = time.monotonic() + LINGER_SECONDS, 0
        with suppress(OSError):
            self.shutdown(socket.SHUT_WR)
            while taken < _LINGER_BYTES and self._has_data(ends_at - time.monotonic()):
                if not (data := super().recv(4_096)):
                    break
                taken += len(data)
        self._is_finished = True

    def _has_data(self, seconds: float) -> bool:
        if seconds <= 0:
            return False
        poll = select.poll()
        poll.register(self, select.POLLIN)
        return bool(poll.poll(seconds * 1000))
