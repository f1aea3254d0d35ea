"""One connection to the database: opened when needed, dropped at the first doubt, never hung on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg

from app.db.connection import connect
from app.db.deadline import deadline

if TYPE_CHECKING:
    from config import Settings

Connection = psycopg.Connection[Any]


class Database:
    """A thread's connection. Errors of psycopg pass through; the caller then calls `drop`."""

    def __init__(self, settings: Settings, *, application_name: str) -> None:
        self._url = settings.database_url_direct
        self._prepare = settings.database_prepare
        self._timeout_seconds = settings.database_timeout_seconds
        self._application_name = application_name
        self._conn: Connection | None = None

    @property
    def is_open(self) -> bool:
        return self._conn is not None and not self._conn.closed

    @property
    def server_version(self) -> int:
        """The version of the server as a number, 180004 for 18.4; 0 where it is not open."""
        return self._conn.info.server_version if self._conn is not None else 0

    @contextmanager
    def statement(self) -> Iterator[Connection]:
        """Lend the connection for one statement, which is its own transaction."""
        conn = self._opened()
        with deadline(conn, self._timeout_seconds):
            yield conn

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Lend the connection for one transaction, committed at the end of the block."""
        conn = self._opened()
        with deadline(conn, self._timeout_seconds), conn.transaction():
            yield conn

    def drop(self) -> None:
        """Close the connection; the next call opens another."""
        conn, self._conn = self._conn, None
        if conn is not None:
            with suppress(psycopg.Error, OSError):
                conn.close()

    def _opened(self) -> Connection:
        if self._conn is None or self._conn.closed:
            self.drop()
            self._conn = connect(
                self._url,
                prepare=self._prepare,
                timeout_seconds=self._timeout_seconds,
                application_name=self._application_name,
            )
            if self._prepare:
                self._conn.prepare_threshold = 0  # each of the few statements comes again
                # Without a pooler the session is ours. A call that we gave up then ends on the
                # server, too, and cannot commit long after the claims were compared.
                milliseconds = max(1, int(self._timeout_seconds * 1_000))
                with deadline(self._conn, self._timeout_seconds):
                    # Arrays of known length tempt the planner into a scan of the whole table for
                    # the first calls of a statement: its generic plan probes the index.
                    self._conn.execute(
                        "select set_config('statement_timeout', %s, false),"
                        " set_config('plan_cache_mode', 'force_generic_plan', false)",
                        [str(milliseconds)],
                    )
        return self._conn
