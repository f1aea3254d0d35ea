"""What is past its retention goes in small batches; nothing live ever does."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg

from app import jobs
from app.jobs.retention import START, Swept, sweep
from tests.factories import ACTOR, TYPE, a_claim, a_runner

Conn = psycopg.Connection[Any]
DAY = 86_400


def pass_over(conn: Conn, **options: Any) -> Swept:
    return sweep(conn, runner_instance=uuid4(), keep_seconds=30 * DAY, **options)


def finished(conn: Conn, count: int = 1) -> list[UUID]:
    """Make finished jobs."""
    done = []
    for _ in range(count):
        held = a_claim(conn)
        jobs.succeed(conn, [jobs.Success(held.id, held.claim_seq, None)], actor=ACTOR)
        jobs.close_claims(conn, [held.batch])
        done.append(held.id)
    return done


def age(conn: Conn, job_id: UUID, *, days: int) -> UUID:
    """Make a job as old as if it had been made and finished then; returns its id of that time."""
    older = UUID(int=job_id.int - ((days * DAY * 1000) << 80))
    conn.execute("update ops_job_events set job_id = %s where job_id = %s", [older, job_id])
    conn.execute(
        "update ops_jobs set id = %(older)s,"
        " created_at = created_at - make_interval(days => %(days)s),"
        " started_at = started_at - make_interval(days => %(days)s),"
        " finished_at = finished_at - make_interval(days => %(days)s) where id = %(job_id)s",
        {"older": older, "days": days, "job_id": job_id},
    )
    return older


def there(conn: Conn) -> set[UUID]:
    return {row[0] for row in conn.execute("select id from ops_jobs").fetchall()}


def test_a_finished_job_goes_with_its_events_after_its_time(connection: Conn) -> None:
    old, young = finished(connection, 2)
    old = age(connection, old, days=31)
    assert pass_over(connection) == Swept(1, old)
    assert there(connection) == {young}
    assert jobs.list_events(connection, old) == []
    assert len(jobs.list_events(connection, young)) == 3


def test_a_job_that_is_not_finished_stays_however_old(connection: Conn) -> None:
    held = a_claim(connection)
    running = age(connection, held.id, days=400)
    waiting = age(connection, jobs.enqueue(connection, TYPE, {}).id, days=400)
    assert pass_over(connection) == Swept(0, START)
    assert there(connection) == {running, waiting}


def test_a_job_that_finished_late_stays_for_its_time(connection: Conn) -> None:
    (job,) = finished(connection)
    old = age(connection, job, days=31)
    connection.execute("update ops_jobs set finished_at = now()")
    assert pass_over(connection).jobs == 0
    assert there(connection) == {old}


def test_a_job_that_is_being_requeued_is_passed_over(connection: Conn, database_url: str) -> None:
    held = a_claim(connection)
    jobs.fail(connection, [jobs.Failure(held.id, held.claim_seq, "x")], actor=ACTOR)
    old = age(connection, held.id, days=31)
    with psycopg.connect(database_url) as other:
        jobs.requeue(other, old, actor="user:ana")
        assert pass_over(connection).jobs == 0
    assert pass_over(connection).jobs == 0
    assert jobs.get_job(connection, old).status == "queued"


def test_a_pass_goes_on_where_its_last_batch_ended(connection: Conn) -> None:
    old = sorted(age(connection, job, days=31) for job in finished(connection, 5))
    first = pass_over(connection, limit=2)
    assert first == Swept(2, old[1])
    assert pass_over(connection, limit=9, after=first.last_id) == Swept(3, old[-1])


def test_a_used_idempotency_key_goes_after_a_day(connection: Conn) -> None:
    for key in ("old", "young"):
        jobs.enqueue_once(connection, jobs.NewJob(job_type=TYPE), key=key, body_sha256=b"a" * 32)
    connection.execute(
        "update ops_idempotency_keys set created_at = now() - interval '25 hours' where key = 'old'"
    )
    pass_over(connection)
    rows = connection.execute("select key from ops_idempotency_keys").fetchall()
    assert rows == [("young",)]


def test_a_runner_without_a_sign_of_life_for_a_week_goes_unless_it_holds_claims(
    connection: Conn,
) -> None:
    gone, alive = a_runner(connection), a_runner(connection)
    held = a_claim(connection)
    connection.execute("update ops_runners set seen_at = now() - interval '8 days'")
    sweep(connection, runner_instance=alive, keep_seconds=DAY)
    left = {row[0] for row in connection.execute("select id from ops_runners").fetchall()}
    holder = jobs.get_job(connection, held.id).runner_instance
    assert left == {alive, holder}
    assert gone not in left
