"""Queues: what waits and runs in each is counted up to a cap; a pause holds what has not begun."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg

from app import jobs
from tests.factories import ACTOR, TYPE, a_claim

Conn = psycopg.Connection[Any]


def by_name(conn: Conn, **options: int) -> dict[str, jobs.Queue]:
    return {queue.name: queue for queue in jobs.list_queues(conn, **options)}


def enqueue(conn: Conn, queue: str, count: int = 1, **options: Any) -> None:
    jobs.enqueue_many(conn, [jobs.NewJob(job_type=TYPE, queue=queue, **options)] * count)


def claim(conn: Conn) -> list[jobs.Claim]:
    return jobs.claim(conn, runner_instance=uuid4(), actor=ACTOR, allowlist=[TYPE], limit=9)


def test_the_default_queue_is_always_there(connection: Conn) -> None:
    (queue,) = jobs.list_queues(connection)
    assert (queue.name, queue.queued, queue.running, queue.pause) == ("default", 0, 0, None)
    assert queue.queued_is_exact
    assert queue.running_is_exact


def test_what_waits_and_what_runs_is_counted(connection: Conn) -> None:
    a_claim(connection, queue="mail")
    enqueue(connection, "mail", 2, priority=1)
    enqueue(connection, "mail", 3, delay_seconds=60)
    enqueue(connection, "slow")
    found = by_name(connection)
    assert {name: (q.queued, q.running) for name, q in found.items()} == {
        "default": (0, 0), "mail": (5, 1), "slow": (1, 0),
    }  # fmt: skip


def test_a_claim_that_is_over_counts_no_more(connection: Conn) -> None:
    done = a_claim(connection, queue="mail")
    jobs.succeed(connection, [jobs.Success(done.id, done.claim_seq, "{}")], actor=ACTOR)
    assert set(by_name(connection)) == {"default"}


def test_counts_stop_at_the_cap_and_say_so(connection: Conn) -> None:
    enqueue(connection, "mail", 5)
    enqueue(connection, "slow", 2)
    for options in ({"cap": 3}, {"most": 6}):
        found = by_name(connection, **options)
        assert (found["mail"].queued, found["mail"].queued_is_exact) == (3, False)
        assert (found["slow"].queued, found["slow"].queued_is_exact) == (2, True)


def test_a_paused_queue_says_who_and_why_and_starts_nothing(connection: Conn) -> None:
    enqueue(connection, "mail")
    until = datetime.now(UTC) + timedelta(hours=1)
    jobs.pause_queue(connection, "mail", actor="ada", reason="disk is full", until=until)
    pause = by_name(connection)["mail"].pause
    assert pause == jobs.get_pause(connection, "mail")
    assert pause is not None
    assert (pause.paused_by, pause.pause_reason, pause.resume_at) == ("ada", "disk is full", until)
    assert claim(connection) == []
    jobs.resume_queue(connection, "mail")
    assert jobs.get_pause(connection, "mail") is None
    assert len(claim(connection)) == 1


def test_the_last_pause_counts(connection: Conn) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    jobs.pause_queue(connection, "mail", actor="ada", reason="disk is full", until=until)
    jobs.pause_queue(connection, "mail", actor="bob", reason=None, until=None)
    pause = jobs.get_pause(connection, "mail")
    assert pause is not None
    assert (pause.paused_by, pause.pause_reason, pause.resume_at) == ("bob", None, None)


def test_a_pause_that_is_over_is_not_shown(connection: Conn) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    jobs.pause_queue(connection, "mail", actor="ada", reason=None, until=past)
    assert by_name(connection)["mail"].pause is None
    assert jobs.get_pause(connection, "mail") is None


def test_resuming_a_queue_that_runs_does_nothing(connection: Conn) -> None:
    jobs.resume_queue(connection, "mail")
    assert set(by_name(connection)) == {"default"}
