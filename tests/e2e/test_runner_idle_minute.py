"""A minute of an idle runner, as the database sees it."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from app import jobs
from tests.runners import running, wait_for_status
from tests.statements import statements
from tests.waiting import wait_until

Conn = psycopg.Connection[Any]


def stays_silent(conn: Conn, *, seconds: float) -> bool:
    """Say whether no statement at all came in for so long."""
    before = statements(conn)
    try:
        wait_until(lambda: statements(conn) != before, message="a statement", timeout=seconds)
    except AssertionError:
        return True
    return False


@pytest.mark.unpooled("a pooler sends statements of its own")
def test_an_idle_runner_sends_nothing_for_a_minute(database_url: str, connection: Conn) -> None:
    with running(database_url, runner_look_seconds=300, jobs_enabled=True) as runner:
        job = jobs.enqueue(connection, "test_job", {})
        runner.wake()
        wait_for_status(connection, job.id, "succeeded")
        wait_until(lambda: stays_silent(connection, seconds=2), message="it is idle", timeout=20)
        assert stays_silent(connection, seconds=60)
