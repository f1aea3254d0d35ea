"""A runner fires schedules by itself, at their time, and is silent until then."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import psycopg
import pytest

from app import jobs
from app.db import migrate
from tests.pgbouncer import connect
from tests.runners import running, wait_for_status
from tests.schedules import a_due_schedule, a_schedule, check_one_job_for_each_fire, fires, job_ids
from tests.statements import calls
from tests.waiting import wait_until

Conn = psycopg.Connection[Any]


def due_in(conn: Conn, seconds: float, name: str = "hourly") -> datetime:
    """Let a schedule be due for its last full hour in some seconds; return when that is."""
    row = conn.execute(
        "update ops_schedules set caught_up_to = now() - interval '1 hour',"
        " next_at = now() + make_interval(secs => %s) where name = %s returning next_at",
        [seconds, name],
    ).fetchone()
    assert row is not None
    at: datetime = row[0]
    return at


def fired_at(conn: Conn) -> list[datetime]:
    rows = conn.execute("select fired_at from ops_schedule_fires order by fired_at").fetchall()
    return [at for (at,) in rows]


def wait_for_fires(conn: Conn, count: int) -> None:
    wait_until(lambda: len(fires(conn)) >= count, message=f"{count} fires", timeout=10)
    check_one_job_for_each_fire(conn)


def test_what_is_due_at_the_start_is_fired_and_its_job_runs(
    database_url: str, connection: Conn
) -> None:
    a_due_schedule(connection)
    with running(database_url, jobs_enabled=True) as runner:
        wait_for_fires(connection, 1)
        (job_id,) = job_ids(connection)
        wait_for_status(connection, job_id, "succeeded")
        fired = runner.wait_for_event("fired")
        assert (fired["schedule"], fired["job_id"]) == ("hourly", str(job_id))
    (row,) = connection.execute("select fired_by from ops_schedule_fires").fetchall()
    assert row == ("runner:test",)


def test_a_sleeping_runner_fires_at_the_time_and_its_job_runs_at_once(
    database_url: str, connection: Conn
) -> None:
    a_schedule(connection)
    at = due_in(connection, 2.0)
    with running(database_url, jobs_enabled=True):
        wait_for_fires(connection, 1)
        (job_id,) = job_ids(connection)
        job = wait_for_status(connection, job_id, "succeeded")
    (fired,) = fired_at(connection)
    assert at <= fired
    assert job.started_at is not None
    assert (job.started_at - at).total_seconds() < 1


def test_a_schedule_that_comes_later_is_known_after_a_wake_up(
    database_url: str, connection: Conn
) -> None:
    with running(database_url, jobs_enabled=True) as runner:
        runner.wait_for_event("database_reached")
        a_schedule(connection)
        at = due_in(connection, 1.5)
        assert runner.wake() == 202
        wait_for_fires(connection, 1)
    (fired,) = fired_at(connection)
    assert 0 <= (fired - at).total_seconds() < 1


@pytest.mark.unpooled("it counts the sessions of the server")
def test_with_schedules_ahead_an_idle_runner_sends_one_statement_a_look_and_none_between(
    database_url: str, connection: Conn
) -> None:
    a_schedule(connection, "yearly", "0 0 29 2 *")
    begun = calls(connection)
    with running(database_url, jobs_enabled=True, runner_look_seconds=1) as runner:
        wait_until(lambda: _looks(calls(connection) - begun) >= 2, message="a look when idle")
        before = calls(connection)
        wait_until(lambda: _looks(calls(connection) - before) >= 3, message="three looks")
        sent = calls(connection) - before
        sessions = runner.sessions(connection)
    assert len(sent) == 1, sent
    assert sessions == ["ops-runner"]


def _looks(sent: Counter[str]) -> int:
    return sum(n for query, n in sent.items() if query.startswith("with pause as"))


def test_two_runners_make_one_job_for_each_occurrence(database_url: str, connection: Conn) -> None:
    names = [f"schedule_{n}" for n in range(15)]
    for name in names:
        a_schedule(connection, name)
        due_in(connection, 3.0, name)
    with running(database_url, jobs_enabled=True), running(database_url, jobs_enabled=True):
        wait_for_fires(connection, 15)
        for job_id in job_ids(connection):
            wait_for_status(connection, job_id, "succeeded")
    assert len(fires(connection)) == 15
    check_one_job_for_each_fire(connection)


def test_one_that_another_firer_holds_is_fired_when_that_dies(
    database_url: str, connection: Conn
) -> None:
    a_due_schedule(connection, "held")
    a_due_schedule(connection, "free")
    with connect(database_url) as other:
        other.execute("select from ops_schedules where name = 'held' for update")
        with running(database_url, jobs_enabled=True):
            wait_for_fires(connection, 1)
            other.rollback()
            wait_for_fires(connection, 2)


def test_a_clock_that_fails_comes_again(database_url: str, connection: Conn) -> None:
    a_due_schedule(connection)
    connection.execute("alter table ops_jobs add constraint ck_planted check (queue <> 'default')")
    try:
        with running(database_url, jobs_enabled=True) as runner:
            runner.wait_for_event("clock_failed")
            assert fires(connection) == []
            connection.execute("alter table ops_jobs drop constraint ck_planted")
            wait_for_fires(connection, 1)
    finally:
        connection.execute("alter table ops_jobs drop constraint if exists ck_planted")


def test_switched_off_nothing_is_fired(database_url: str, connection: Conn) -> None:
    a_due_schedule(connection)
    with running(database_url) as runner:
        job = jobs.enqueue(connection, "test_job", {})
        runner.wake()
        wait_for_status(connection, job.id, "succeeded")  # so it has looked
    assert fires(connection) == []


def test_without_its_tables_the_runner_runs_jobs_all_the_same(empty_database_url: str) -> None:
    migrate.upgrade(empty_database_url, features=[])
    with connect(empty_database_url, autocommit=True) as conn:
        job = jobs.enqueue(conn, "test_job", {})
        with running(empty_database_url, jobs_enabled=True, runner_look_seconds=0.2) as runner:
            wait_for_status(conn, job.id, "succeeded")
            assert runner.wait_for_event("schedules_missing")["hint"] == "ops db upgrade"
            again = jobs.enqueue(conn, "test_job", {})
            wait_for_status(conn, again.id, "succeeded")
        assert len(runner.events("schedules_missing")) == 1
