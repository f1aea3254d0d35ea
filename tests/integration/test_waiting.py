"""Why a queued job waits: each cause is told from the others, with how long it lasts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from app import jobs
from app.jobs import Status
from tests.factories import ACTOR, TYPE, a_runner, age_lease

Conn = psycopg.Connection[Any]

LOOK, LEASE = 300, 60


def reason(conn: Conn, job: jobs.Job, **options: Any) -> jobs.WaitingReason:
    fresh = jobs.get_job(conn, job.id)
    found = jobs.waiting_reason(conn, fresh, look_seconds=LOOK, lease_seconds=LEASE, **options)
    assert found is not None
    return found


def enqueue(conn: Conn, **options: Any) -> jobs.Job:
    return jobs.enqueue(conn, TYPE, {}, **options)


def claim(conn: Conn, count: int = 1, **options: Any) -> list[jobs.Claim]:
    """Let a new runner with four slots claim."""
    runner = a_runner(conn)
    return jobs.claim(
        conn, runner_instance=runner, actor=ACTOR, allowlist=[TYPE], limit=count, **options
    )


def age(conn: Conn, job: jobs.Job, seconds: float) -> None:
    conn.execute(
        "update ops_jobs set available_at = now() - make_interval(secs => %s) where id = %s",
        [seconds, job.id],
    )


def test_a_job_that_is_not_queued_does_not_wait(connection: Conn) -> None:
    job = enqueue(connection)
    claim(connection)
    assert jobs.waiting_reason(connection, jobs.get_job(connection, job.id)) is None


def test_a_feature_that_is_off(connection: Conn) -> None:
    assert reason(connection, enqueue(connection), types_off=[TYPE]).code == "feature_off"


def test_a_paused_queue_says_who_why_and_until_when(connection: Conn) -> None:
    job = enqueue(connection, queue="mail")
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    jobs.pause_queue(connection, "mail", actor="ada", reason="disk is full", until=until)
    found = reason(connection, job)
    assert found.code == "queue_paused"
    assert found.detail == (
        f"queue mail was paused by ada until {until:%Y-%m-%dT%H:%M:%SZ}: disk is full"
    )
    assert found.seconds == pytest.approx(3600, abs=10)
    jobs.pause_queue(connection, "mail", actor="ada", reason=None, until=None)
    found = reason(connection, job)
    assert (found.detail, found.seconds) == ("queue mail was paused by ada", None)


def test_a_job_that_is_not_due(connection: Conn) -> None:
    found = reason(connection, enqueue(connection, delay_seconds=90))
    assert (found.code, found.is_estimate) == ("not_due", False)
    assert found.seconds == pytest.approx(90, abs=10)


def test_a_failed_attempt_that_backs_off(connection: Conn) -> None:
    job = enqueue(connection)
    (held,) = claim(connection)
    jobs.retry(connection, [jobs.Retry(held.id, held.claim_seq, "x", 60)], actor=ACTOR)
    found = reason(connection, job)
    assert found.code == "back_off"
    assert found.detail.startswith("attempt 1 failed; ")
    assert found.seconds == pytest.approx(60, abs=10)


def test_no_runner_and_no_runner_that_allows_it(connection: Conn) -> None:
    job = enqueue(connection)
    assert reason(connection, job).code == "no_runner"
    a_runner(connection, allowlist=("other_job",))
    found = reason(connection, job)
    assert (found.code, found.detail) == ("not_allowed", f"no runner allows {TYPE}")
    stopped = a_runner(connection)
    jobs.retire_runner(connection, runner_instance=stopped)
    assert reason(connection, job).code == "not_allowed"


def test_a_free_runner_that_has_not_looked_yet(connection: Conn) -> None:
    a_runner(connection)
    found = reason(connection, enqueue(connection))
    assert (found.code, found.is_estimate) == ("look", True)
    assert found.seconds == pytest.approx(LOOK, abs=10)


def test_an_idle_runner_is_silent_only_after_it_should_have_looked(connection: Conn) -> None:
    a_runner(connection)
    age_lease(connection, seconds=86_400)
    job = enqueue(connection)
    age(connection, job, LOOK)
    assert reason(connection, job).code == "look"
    age(connection, job, LOOK + LEASE + 5)
    assert reason(connection, job).code == "runners_silent"
    a_runner(connection)
    assert reason(connection, job).code == "look", "one gave a sign of life since the job was due"


def test_taken_slots_come_with_an_estimate_where_runs_are_known(connection: Conn) -> None:
    for _ in range(7):
        job = enqueue(connection)
    claim(connection, 4)
    found = reason(connection, job)
    assert (found.code, found.seconds, found.is_estimate) == ("slots", None, False)
    assert found.detail == "all 4 slots are taken, and 2 jobs are due before it"
    connection.execute(
        "insert into ops_stats (minute, job_type, runs, run_seconds)"
        " values (now() - interval '5 minutes', 'a', 10, 100), (now(), 'b', 10, 300)"
    )
    found = reason(connection, job)
    assert (found.seconds, found.is_estimate) == (15.0, True)


def test_jobs_that_come_later_or_are_not_due_are_not_before_it(connection: Conn) -> None:
    jobs.enqueue_many(connection, [jobs.NewJob(job_type=TYPE)] * 4)
    claim(connection, 4)
    job = enqueue(connection)
    enqueue(connection)
    enqueue(connection, priority=9)
    enqueue(connection, priority=0, delay_seconds=60)
    enqueue(connection, priority=0)
    assert "1 jobs are due before it" in reason(connection, job).detail


def test_a_limited_type_of_which_some_run(connection: Conn) -> None:
    jobs.declare_limits(connection, [TYPE])
    first, second = enqueue(connection), enqueue(connection)
    assert reason(connection, first).code == "no_runner"
    a_runner(connection)
    assert reason(connection, first).code == "look"
    claim(connection, limits=[jobs.Limit(job_type=TYPE, most_running=1)], count=2)
    assert jobs.get_job(connection, second.id).status is Status.QUEUED
    found = reason(connection, second)
    assert (found.code, found.seconds) == ("limited", None)


def test_a_limited_type_whose_rate_is_spent(connection: Conn) -> None:
    jobs.declare_limits(connection, [TYPE])
    enqueue(connection)
    second = enqueue(connection)
    limit = jobs.Limit(job_type=TYPE, rate=0.001, burst=1)
    (held,) = claim(connection, limits=[limit], count=2)
    jobs.succeed(connection, [jobs.Success(held.id, held.claim_seq, "{}")], actor=ACTOR)
    assert reason(connection, second).code == "limited"
