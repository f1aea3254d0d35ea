"""A minute of an idle runner, as the database sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from app import jobs
from tests.runners import running, wait_for_status
from tests.waiting import wait_until

_CALLS = (
    "select coalesce(sum(calls), 0)::bigint from pg_stat_statements s"
    " join pg_database d on d.oid = s.dbid where d.datname = current_database()"
    " and query not like '%pg_stat_statements%'"
)


def stays_silent(calls: Callable[[], int], *, seconds: float) -> bool:
    """Say whether no statement at all came in for so long."""
    before = calls()
    try:
        wait_until(lambda: calls() != before, message="a statement", timeout=seconds)
    except AssertionError:
        return True
    return False


@pytest.mark.unpooled("a pooler sends statements of its own")
def test_an_idle_runner_sends_nothing_for_a_minute(
    database_url: str, connection: psycopg.Connection[Any]
) -> None:
    connection.execute("create extension if not exists pg_stat_statements")

    def calls() -> int:
        row = connection.execute(_CALLS).fetchone()
        return row[0] if row else 0

    with running(database_url, runner_look_seconds=300, jobs_enabled=True) as runner:
        job = jobs.enqueue(connection, "test_job", {})
        runner.wake()
        wait_for_status(connection, job.id, "succeeded")
        wait_until(lambda: stays_silent(calls, seconds=2), message="it is idle", timeout=20)
        assert stays_silent(calls, seconds=60)
