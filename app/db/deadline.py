"""A wall-clock bound on database calls, kept by closing the socket.

A middlebox that acknowledges but forwards nothing keeps a query hanging past TCP keepalive,
tcp_user_timeout and the server's statement_timeout; only shutting the socket down frees the caller.
One watchdog thread serves all connections of the process.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg


@contextmanager
def deadline(conn: psycopg.Connection[Any], seconds: float) -> Iterator[None]:
    """Close the socket of `conn` if the block is still running after `seconds`.

    The call that was waiting then raises psycopg.OperationalError; whether its COMMIT reached the
    server is unknown.
    """
    watch = _WATCHDOG.watch(conn, seconds)
    try:
        yield
    finally:
        _WATCHDOG.forget(watch)


@dataclass(eq=False)
class _Watch:
    conn: psycopg.Connection[Any]
    due_at: float


@dataclass
class _Watchdog:
    """Holds the watched calls; its thread starts with the first, and anew after a fork."""

    condition: threading.Condition = field(default_factory=threading.Condition)
    watches: set[_Watch] = field(default_factory=set)
    wakes_at: float = float("inf")
    pid: int = 0

    def watch(self, conn: psycopg.Connection[Any], seconds: float) -> _Watch:
        watch = _Watch(conn, time.monotonic() + seconds)
        if self.pid != os.getpid():
            self._start()
        with self.condition:
            self.watches.add(watch)
            if watch.due_at < self.wakes_at:
                self.condition.notify()
        return watch

    def forget(self, watch: _Watch) -> None:
        with self.condition:
            self.watches.discard(watch)

    def _start(self) -> None:
        self.condition = threading.Condition()
        self.watches = set()
        self.pid = os.getpid()
        threading.Thread(target=self._run, name="database-deadlines", daemon=True).start()

    def _run(self) -> None:
        with self.condition:
            while True:
                now = time.monotonic()
                for watch in [w for w in self.watches if w.due_at <= now]:
                    self.watches.discard(watch)
                    _shut_down(watch.conn)
                self.wakes_at = min((w.due_at for w in self.watches), default=float("inf"))
                wait = self.wakes_at - now
                self.condition.wait(None if wait == float("inf") else wait)


def _shut_down(conn: psycopg.Connection[Any]) -> None:
    """Shut the socket down without closing its descriptor, which libpq still owns."""
    if conn.closed:
        return
    duplicate = socket.socket(fileno=os.dup(conn.pgconn.socket))
    try:
        duplicate.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # The peer closed it first: the waiting call ends all the same.
    finally:
        duplicate.close()


_WATCHDOG = _Watchdog()
