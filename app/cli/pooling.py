"""Whether an address of a database leads through a pooler, found out from the connections alone.

A server tells each client the process that serves it; a pooler tells it another number, for that
process changes. Nothing is asked of a pooler's own console, which most clients may not enter.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg.pq import DiagnosticField, ExecStatus

from app.db.connection import connect
from app.db.deadline import deadline

Connection = psycopg.Connection[Any]
_WHICH_BACKEND = "select pg_backend_pid()"
_TRIES = 5
# What a pooler that follows no prepared statement answers: it is not on that backend, or was there.
_LOST = {b"26000", b"42P05"}


@dataclass(frozen=True, slots=True)
class Pooling:
    """What is between a client and the server.

    `follows_prepared` says whether a prepared statement finds its way back to where it was
    prepared; None where it did not show, or where there is nothing to follow.
    """

    kind: Literal["none", "session", "transaction"]
    follows_prepared: bool | None = None


def find_pooling(database_url: str, *, timeout_seconds: float) -> Pooling:
    """Return what the address leads through; raises psycopg.Error where it leads nowhere."""
    with _connected(database_url, timeout_seconds) as one:
        if one.info.backend_pid == _backend(one):
            return Pooling("none")
        with _connected(database_url, timeout_seconds) as other:
            if not _share_backends(one, other):
                return Pooling("session")
            return Pooling("transaction", _follows_prepared(one, other))


@contextlib.contextmanager
def _connected(database_url: str, timeout_seconds: float) -> Iterator[Connection]:
    opened = connect(
        database_url, prepare=False, timeout_seconds=timeout_seconds, application_name="ops-doctor"
    )
    with opened as conn, deadline(conn, timeout_seconds):
        yield conn


def _backend(conn: Connection) -> int:
    row = conn.execute(_WHICH_BACKEND).fetchone()
    return int(row[0]) if row else 0


def _share_backends(one: Connection, other: Connection) -> bool:
    """Say whether a backend goes from hand to hand, although both clients stay connected."""
    seen = [(_backend(one), _backend(other)) for _ in range(_TRIES)]
    mine, theirs = (set(backends) for backends in zip(*seen, strict=True))
    return len(mine) > 1 or bool(mine & theirs)


def _follows_prepared(one: Connection, other: Connection) -> bool | None:
    """Prepare under one name from both clients, until both were served by the same backend.

    The name is used by nobody else, and where it stayed on a backend it is removed again.
    """
    for _ in range(_TRIES):
        name = f"ops_doctor_{secrets.token_hex(8)}"
        backends = [_prepared_backend(conn, name.encode()) for conn in (one, other)]
        if None in backends:
            with contextlib.suppress(psycopg.Error):
                other.execute(f"deallocate {name}".encode())
            return False
        if backends[0] == backends[1]:
            return True
    return None


def _prepared_backend(conn: Connection, name: bytes) -> int | None:
    """Return the backend that runs a statement prepared here; None where it got lost."""
    prepared = conn.pgconn.prepare(name, _WHICH_BACKEND.encode())
    done = prepared
    if prepared.status == ExecStatus.COMMAND_OK:
        done = conn.pgconn.exec_prepared(name, [])
    if done.status == ExecStatus.TUPLES_OK:
        return int(done.get_value(0, 0) or 0)
    if done.error_field(DiagnosticField.SQLSTATE) in _LOST:
        return None
    raise psycopg.OperationalError("the pooler refused a prepared statement")
