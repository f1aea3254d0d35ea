"""What the database was asked: the statements that others sent, as `pg_stat_statements` has it."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import psycopg

from tests.waiting import wait_until

Conn = psycopg.Connection[Any]
_SILENT_SECONDS = 0.5
_FROM_OTHERS = (
    "from pg_stat_statements s join pg_database d on d.oid = s.dbid"
    " where d.datname = current_database() and strpos(query, 'pg_stat_statements') = 0"
)


def calls(conn: Conn) -> Counter[str]:
    """Return how often others sent each statement to this database, by its first words."""
    _make_extension(conn)
    first_words = "left(regexp_replace(query, '^(\\s*--[^\\n]*\\n)+', ''), 60)"
    rows = conn.execute(f"select {first_words}, calls {_FROM_OTHERS}".encode()).fetchall()
    counted: Counter[str] = Counter()
    for query, number in rows:
        counted[query] += number
    return counted


def statements(conn: Conn, pattern: str = "%") -> int:
    """Count what all others ever sent to this database that is like `pattern`."""
    _make_extension(conn)
    total = "coalesce(sum(calls), 0)::bigint"
    query = f"select {total} {_FROM_OTHERS} and query like %s"
    row = conn.execute(query.encode(), [pattern]).fetchone()
    assert row is not None
    return int(row[0])


def statements_when_silent(conn: Conn) -> int:
    """Count once nothing was sent for a moment."""
    seen, since = statements(conn), time.monotonic()

    def is_silent() -> bool:
        nonlocal seen, since
        if (now := statements(conn)) != seen:
            seen, since = now, time.monotonic()
        return time.monotonic() - since > _SILENT_SECONDS

    wait_until(is_silent, message="the runner is idle")
    return seen


def _make_extension(conn: Conn) -> None:
    conn.execute("create extension if not exists pg_stat_statements")
