"""Two connections at the same job: each order of the statements leaves one winner."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app import jobs
from app.jobs.audit import audit
from tests.factories import ACTOR, TYPE, a_claim, a_runner, age_lease
from tests.pgbouncer import connect
from tests.waiting import wait_until

Conn = psycopg.Connection[Any]


@pytest.fixture
def other(database_url: str) -> Iterator[Conn]:
    """Return a second connection, whose transactions the test ends by hand."""
    with connect(database_url) as conn:
        yield conn


@pytest.fixture(autouse=True)
def _history_stays_sound(connection: Conn) -> Iterator[None]:
    yield
    assert audit(connection) == []


def in_background(
    database_url: str, act: Callable[[Conn], Any]
) -> tuple[threading.Thread, list[Any]]:
    """Run `act` on a connection of its own; its answer is put into the list."""
    answers: list[Any] = []

    def run() -> None:
        with connect(database_url, autocommit=True, application_name="background") as conn:
            try:
                answers.append(act(conn))
            except jobs.JobError as error:
                answers.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, answers


def wait_for_its_lock(observer: Conn) -> None:
    query = (
        "select count(*) from pg_stat_activity "
        "where application_name = 'background' and wait_event_type = 'Lock'"
    )
    wait_until(
        lambda: (observer.execute(query).fetchone() or (0,))[0] == 1, message="the other call waits"
    )


def claim(conn: Conn, runner: UUID, limit: int) -> list[jobs.Claim]:
    return jobs.claim(conn, runner_instance=runner, actor=ACTOR, allowlist=[TYPE], limit=limit)


def test_two_runners_never_claim_the_same_job(connection: Conn, other: Conn) -> None:
    jobs.enqueue_many(connection, [jobs.NewJob(job_type=TYPE)] * 3)
    mine, theirs = a_runner(connection), a_runner(connection)
    with other.transaction():
        first = claim(other, mine, 2)
        second = claim(connection, theirs, 2)
    assert (len(first), len(second)) == (2, 1)
    assert not {c.id for c in first} & {c.id for c in second}


def test_a_rescue_waits_for_nobody_and_takes_nothing_twice(connection: Conn, other: Conn) -> None:
    held = a_claim(connection)
    age_lease(connection, seconds=120)
    with other.transaction():
        assert jobs.rescue(other, lease_seconds=60, budget=3, actor="a") == [held.id]
        assert jobs.rescue(connection, lease_seconds=60, budget=3, actor="b") == []


def test_a_finish_that_waits_for_a_rescue_has_lost_its_claim(
    connection: Conn, other: Conn, observer: Conn, database_url: str
) -> None:
    held = a_claim(connection)
    age_lease(connection, seconds=120)
    with other.transaction():
        jobs.rescue(other, lease_seconds=60, budget=3, actor="api")
        outcome = jobs.Success(held.id, held.claim_seq, "{}")
        thread, answers = in_background(
            database_url, lambda conn: jobs.succeed(conn, [outcome], actor=ACTOR)
        )
        wait_for_its_lock(observer)
    thread.join(10)
    assert [len(lost) for lost in answers] == [1]
    assert jobs.get_job(connection, held.id).status == "queued"


def test_a_rescue_passes_over_a_job_that_is_being_finished(connection: Conn, other: Conn) -> None:
    held = a_claim(connection)
    age_lease(connection, seconds=120)
    with other.transaction():
        jobs.succeed(other, [jobs.Success(held.id, held.claim_seq, "{}")], actor=ACTOR)
        assert jobs.rescue(connection, lease_seconds=60, budget=3, actor="api") == []
        assert jobs.runner_state(connection, lease_seconds=60).holding_silent
    assert jobs.get_job(connection, held.id).status == "succeeded"
    jobs.rescue(connection, lease_seconds=60, budget=3, actor="api")
    assert not jobs.runner_state(connection, lease_seconds=60).holding_silent


def test_a_cancel_that_waits_for_a_claim_becomes_a_request(
    connection: Conn, other: Conn, observer: Conn, database_url: str
) -> None:
    job = jobs.enqueue(connection, TYPE, {})
    runner = a_runner(connection)
    with other.transaction():
        claim(other, runner, 1)
        thread, answers = in_background(
            database_url, lambda conn: jobs.cancel(conn, job.id, actor="api")
        )
        wait_for_its_lock(observer)
    thread.join(10)
    assert [(answer.status, answer.cancel_requested_at is None) for answer in answers] == [
        ("running", False)
    ]


def test_a_cancel_that_waits_for_a_finish_is_refused(
    connection: Conn, other: Conn, observer: Conn, database_url: str
) -> None:
    held = a_claim(connection)
    with other.transaction():
        jobs.succeed(other, [jobs.Success(held.id, held.claim_seq, "{}")], actor=ACTOR)
        thread, answers = in_background(
            database_url, lambda conn: jobs.cancel(conn, held.id, actor="api")
        )
        wait_for_its_lock(observer)
    thread.join(10)
    assert [type(answer) for answer in answers] == [jobs.WrongState]


@pytest.mark.parametrize("ends", ["commit", "rollback"])
def test_twins_with_one_idempotency_key_make_one_job(
    connection: Conn, other: Conn, observer: Conn, database_url: str, ends: str
) -> None:
    new = jobs.NewJob(job_type=TYPE)

    def enqueue(conn: Conn) -> tuple[jobs.Job, bool]:
        return jobs.enqueue_once(conn, new, key="k", body_sha256=b"a" * 32)

    job, _ = enqueue(other)
    thread, answers = in_background(database_url, enqueue)
    wait_for_its_lock(observer)
    other.commit() if ends == "commit" else other.rollback()
    thread.join(10)
    (found,) = jobs.list_jobs(connection).jobs
    assert [(answer[0].id, answer[1]) for answer in answers] == [(found.id, ends == "commit")]
    assert (found.id == job.id) == (ends == "commit")


def test_twins_with_one_dedupe_key_make_one_job(
    connection: Conn, other: Conn, observer: Conn, database_url: str
) -> None:
    first = jobs.enqueue(other, TYPE, {}, dedupe_key="d")
    thread, answers = in_background(
        database_url, lambda conn: jobs.enqueue(conn, TYPE, {}, dedupe_key="d")
    )
    wait_for_its_lock(observer)
    other.commit()
    thread.join(10)
    assert [(answer.id, answer.is_new) for answer in answers] == [(first.id, False)]


def test_many_claimers_share_a_queue_without_overlap(database_url: str, connection: Conn) -> None:
    jobs.enqueue_many(connection, [jobs.NewJob(job_type=TYPE)] * 400)
    runners = [a_runner(connection) for _ in range(4)]

    def drain(runner: UUID) -> Callable[[Conn], list[UUID]]:
        def act(conn: Conn) -> list[UUID]:
            taken: list[UUID] = []
            while claims := claim(conn, runner, 7):
                jobs.succeed(
                    conn, [jobs.Success(c.id, c.claim_seq, "{}") for c in claims], actor=ACTOR
                )
                taken += [c.id for c in claims]
            return taken

        return act

    running = [in_background(database_url, drain(runner)) for runner in runners]
    for thread, _ in running:
        thread.join(60)
    taken = [job_id for _, answers in running for job_id in answers[0]]
    assert len(taken) == len(set(taken)) == 400
