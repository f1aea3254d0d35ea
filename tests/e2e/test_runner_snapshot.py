"""A runner beside a transaction that stays open: the index keeps all that was claimed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from app import jobs
from tests.runners import running, wait_for_status

Conn = psycopg.Connection[Any]

KEPT = 100_000  # entries whose walk is slow enough for a runner to rest between two


@pytest.mark.unpooled("it holds a session for the length of the test")
def test_jobs_run_at_once_and_late_ones_soon_while_a_snapshot_is_held(
    database_url: str, connection: Conn
) -> None:
    connection.execute(
        "insert into ops_jobs (job_type) select 'test_job' from generate_series(1, %s)", [KEPT]
    )
    with psycopg.connect(database_url) as holder:
        holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        holder.execute("select 1 from ops_jobs limit 1")
        connection.execute("delete from ops_jobs")
        with running(database_url) as runner:
            for _ in range(5):
                job = jobs.enqueue(connection, "test_job", {})
                runner.wake()
                wait_for_status(connection, job.id, "succeeded", timeout=5)
            # As if a transaction had committed long after it began.
            late = jobs.enqueue(
                connection, "test_job", {}, available_at=datetime(2020, 1, 1, tzinfo=UTC)
            )
            runner.wake()
            wait_for_status(connection, late.id, "succeeded", timeout=20)
