"""Why a queued job waits: each cause is told from the others, with how long it lasts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from app import jobs
from app.jobs import Status, waiting
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
    ends = "once due for 60 s the job is rejected unless one allows it"
    found = reason(connection, job, reject_after_seconds=60)
    assert (found.code, found.seconds) == ("no_runner", None)
    assert found.detail == f"no runner is registered; {ends}; start one with: ops runner"
    a_runner(connection, allowlist=("other_job",))
    found = reason(connection, job, reject_after_seconds=60)
    assert (found.code, found.seconds) == ("not_allowed", None)
    assert found.detail == f"no runner allows {TYPE}; {ends}"
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


def test_jobs_that_were_made_together_stand_in_the_order_they_were_given(connection: Conn) -> None:
    jobs.enqueue_many(connection, [jobs.NewJob(job_type=TYPE)] * 9)
    claim(connection, 4)
    waiting = jobs.list_jobs(connection, status=Status.QUEUED).jobs
    details = [reason(connection, job).detail for job in sorted(waiting, key=lambda job: job.seq)]
    assert [f"and {before} jobs" in detail for before, detail in enumerate(details)] == [True] * 5


def took(conn: Conn, seconds: float, job_type: str = TYPE) -> None:
    """Let runs of a type have taken so long lately."""
    conn.execute(
        "insert into ops_stats (minute, job_type, runs, run_seconds) values (now(), %s, 10, %s)",
        [job_type, 10 * seconds],
    )


@pytest.fixture
def limited(connection: Conn) -> Conn:
    """A database where the test's type has a limit, whatever the first claim says it is."""
    jobs.declare_limits(connection, [TYPE])
    return connection


def test_a_type_of_which_as_many_run_as_may(limited: Conn) -> None:
    made = [enqueue(limited) for _ in range(4)]
    a_runner(limited)
    assert reason(limited, made[0]).code == "look"
    claim(limited, 4, limits=[jobs.Limit(job_type=TYPE, most_running=2)])
    found = reason(limited, made[3])
    assert (found.code, found.seconds, found.is_estimate) == ("limited", None, False)
    assert found.detail == f"runs of {TYPE} are limited: 2 of at most 2 run; 1 are due before it"
    took(limited, 900, "other_job")
    took(limited, 30)
    estimates = [reason(limited, job) for job in made[2:]]
    assert [(found.seconds, found.is_estimate) for found in estimates] == [(15, True), (30, True)]


def test_a_type_of_which_more_may_run_is_not_limited(limited: Conn) -> None:
    first, second = enqueue(limited), enqueue(limited)
    claim(limited, 1, limits=[jobs.Limit(job_type=TYPE, most_running=2, rate=1, burst=9)])
    assert jobs.get_job(limited, first.id).status is Status.RUNNING
    assert reason(limited, second).code == "look"


def test_a_key_of_which_as_many_run_as_may(limited: Conn) -> None:
    mine = [enqueue(limited, concurrency_key="ana") for _ in range(3)]
    claim(limited, 1, limits=[jobs.Limit(job_type=TYPE, most_for_key=1)])
    other = enqueue(limited, concurrency_key="ben")
    without = enqueue(limited)
    took(limited, 20)
    found = reason(limited, mine[2])
    assert (found.code, found.seconds) == ("limited", 40)
    assert found.detail == (
        f"runs of {TYPE} are limited: 1 of at most 1 with its concurrency key run;"
        " 1 are due before it"
    )
    assert {reason(limited, job).code for job in (other, without)} == {"look"}


def test_a_rate_that_is_spent_says_when_there_is_a_token_for_the_job(limited: Conn) -> None:
    made = [enqueue(limited) for _ in range(5)]
    limit = jobs.Limit(job_type=TYPE, rate=0.01, burst=2)
    held = claim(limited, 5, limits=[limit])
    assert len(held) == 2
    jobs.succeed(limited, [jobs.Success(c.id, c.claim_seq, "{}") for c in held], actor=ACTOR)
    for number, job in enumerate(made[2:]):
        found = reason(limited, job)
        assert (found.code, found.is_estimate) == ("limited", True)
        assert found.seconds == pytest.approx(100 * (number + 1), abs=10)
        assert found.detail == (
            f"runs of {TYPE} are limited: one may start every 100 s; {number} are due before it"
        )
    limited.execute("update ops_limits set refilled_at = refilled_at - interval '50 seconds'")
    assert reason(limited, made[2]).seconds == pytest.approx(50, abs=10)
    limited.execute("update ops_limits set refilled_at = refilled_at - interval '1 day'")
    assert reason(limited, made[2]).code == "look", "there is a token, and nobody took it yet"


def test_a_job_waits_for_the_limit_that_lasts_longest(limited: Conn) -> None:
    for _ in range(3):
        job = enqueue(limited)
    claim(limited, 3, limits=[jobs.Limit(job_type=TYPE, most_running=1, rate=0.01, burst=1)])
    found = reason(limited, job)
    assert (found.seconds, found.is_estimate) == (None, False), "no run of the type is known"
    assert "one may start every 100 s and 1 of at most 1 run; 1 are" in found.detail
    took(limited, 10)
    assert reason(limited, job).seconds == pytest.approx(200, abs=10)
    limited.execute("update ops_stats set run_seconds = 10000")
    assert reason(limited, job).seconds == 2000


def test_only_what_takes_from_the_same_limit_is_before_a_limited_job(limited: Conn) -> None:
    enqueue(limited)
    claim(limited, limits=[jobs.Limit(job_type=TYPE, most_running=1)])
    enqueue(limited, queue="mail")
    enqueue(limited, priority=0)
    jobs.pause_queue(limited, "paused", actor="ada", reason=None, until=None)
    enqueue(limited, queue="paused")
    enqueue(limited, delay_seconds=60)
    enqueue(limited, priority=0, delay_seconds=60)
    jobs.enqueue(limited, "other_job", {})
    job = enqueue(limited)
    enqueue(limited)
    enqueue(limited, priority=9)
    assert reason(limited, job).detail.endswith("; 2 are due before it")


def test_where_more_is_before_a_job_than_is_counted_nobody_guesses(
    limited: Conn, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = [jobs.Limit(job_type=TYPE, rate=0.01, burst=1)]
    made = [enqueue(limited) for _ in range(4)]
    claim(limited, 4, limits=limits)
    took(limited, 10)
    monkeypatch.setattr(waiting, "MOST_COUNTED", 2)
    assert reason(limited, made[2]).seconds == pytest.approx(200, abs=10)
    found = reason(limited, made[3])
    assert (found.code, found.seconds, found.is_estimate) == ("limited", None, False)
    assert found.detail.endswith("; 2 or more are due before it")
    limited.execute("update ops_runners set slots = 1")
    found = reason(limited, made[3])
    assert (found.code, found.seconds, found.is_estimate) == ("slots", None, False)
    assert found.detail.endswith("2 or more jobs are due before it")
