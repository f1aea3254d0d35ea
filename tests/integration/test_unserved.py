"""Jobs that no runner allows end after a while, and no others do."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from app import jobs
from app.jobs.audit import audit
from tests.factories import TYPE, a_claim, a_runner, kinds

Conn = psycopg.Connection[Any]

DAY = 86_400


def due_since(conn: Conn, seconds: float, job_type: str = "unheard_of", **options: Any) -> jobs.Job:
    """Enqueue a job that was due for so long."""
    job = jobs.enqueue(conn, job_type, {}, **options)
    conn.execute(
        "update ops_jobs set available_at = available_at - make_interval(secs => %s),"
        " created_at = created_at - make_interval(secs => %s) where id = %s",
        [seconds, seconds, job.id],
    )
    return job


def reject(conn: Conn, **options: Any) -> list[Any]:
    return jobs.reject_unserved(conn, **{"after_seconds": DAY, "actor": "api", **options})


def test_a_job_that_no_runner_allows_is_failed_with_its_reason(connection: Conn) -> None:
    a_runner(connection)
    job = due_since(connection, DAY + 1, dedupe_key="k")
    assert reject(connection) == [job.id]
    found = jobs.get_job(connection, job.id)
    assert (found.status, found.error) == ("failed", "no runner allowed this job type for too long")
    assert kinds(connection, job.id) == ["queued", "rejected"]
    assert jobs.enqueue(connection, "unheard_of", {}, dedupe_key="k").is_new
    assert audit(connection) == []


def test_without_any_runner_every_job_is_unserved(connection: Conn) -> None:
    job = due_since(connection, DAY + 1, TYPE)
    assert reject(connection) == [job.id]


def test_a_runner_that_stopped_serves_nobody(connection: Conn) -> None:
    runner = a_runner(connection)
    job = due_since(connection, DAY + 1, TYPE)
    assert reject(connection) == []
    jobs.retire_runner(connection, runner_instance=runner)
    assert reject(connection) == [job.id]


@pytest.mark.parametrize("why", ["allowed", "not yet", "not due", "paused", "running"])
def test_other_jobs_wait_on(connection: Conn, why: str) -> None:
    a_runner(connection)
    match why:
        case "allowed":
            due_since(connection, DAY + 1, TYPE)
        case "not yet":
            due_since(connection, DAY - 60)
        case "not due":
            jobs.enqueue(connection, "unheard_of", {}, delay_seconds=60)
        case "paused":
            due_since(connection, DAY + 1, queue="mail")
            jobs.pause_queue(connection, "mail", actor="ada", reason=None, until=None)
        case "running":
            a_claim(connection)
            connection.execute("update ops_runners set stopped_at = now()")
    assert reject(connection) == []


def test_they_are_failed_in_bounded_numbers_the_oldest_first(connection: Conn) -> None:
    made = [due_since(connection, DAY + age).id for age in (1, 3, 2)]
    assert reject(connection, limit=2) == [made[1], made[2]]
    assert reject(connection, limit=2) == [made[0]]
