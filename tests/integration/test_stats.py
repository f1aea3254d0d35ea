"""Figures of ended jobs: each end is counted once, in its minute, however commits are ordered."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from app import jobs
from tests.factories import ACTOR, TYPE, a_claim, a_failed_job, a_runner, a_succeeded_job
from tests.pgbouncer import connect
from tests.waiting import wait_until

Conn = psycopg.Connection[Any]


def figures(conn: Conn, **options: Any) -> list[jobs.Figures]:
    now = datetime.now(UTC)
    span = {"since": now - timedelta(hours=2), "until": now + timedelta(hours=1), **options}
    return jobs.read_stats(conn, **span)


def counted(conn: Conn) -> dict[str, tuple[int, int, int]]:
    """Return succeeded, failed and cancelled of each type, over all minutes."""
    found: dict[str, tuple[int, int, int]] = {}
    for each in figures(conn):
        so_far = found.get(each.job_type, (0, 0, 0))
        found[each.job_type] = (
            so_far[0] + each.succeeded,
            so_far[1] + each.failed,
            so_far[2] + each.cancelled,
        )
    return found


def count_up_to(conn: Conn, expected: dict[str, tuple[int, int, int]]) -> None:
    """Count until the figures are these, and once more: nothing may be counted twice.

    Transactions of other tests on the same server may hold the count back for a moment.
    """

    def is_counted() -> bool:
        jobs.update_stats(conn)
        return counted(conn) == expected

    wait_until(is_counted, message=f"{expected} are counted", timeout=20)
    jobs.update_stats(conn)
    assert counted(conn) == expected


def test_nothing_is_counted_where_nothing_ended(connection: Conn) -> None:
    assert jobs.stats_counted_at(connection) is None
    jobs.enqueue(connection, TYPE, {})
    assert jobs.update_stats(connection) is False
    assert figures(connection) == []


def test_the_figures_say_how_old_they_are(connection: Conn) -> None:
    a_succeeded_job(connection)
    for _ in range(2):
        before = datetime.now(UTC)

        def is_fresh(before: datetime = before) -> bool:
            jobs.update_stats(connection)
            counted_at = jobs.stats_counted_at(connection)
            return counted_at is not None and before < counted_at < datetime.now(UTC)

        wait_until(is_fresh, message="the figures are of now")
    assert counted(connection) == {TYPE: (1, 0, 0)}


def test_every_end_is_counted_once_under_its_status(connection: Conn) -> None:
    for _ in range(3):
        a_succeeded_job(connection)
    a_failed_job(connection)
    cancelled = jobs.enqueue(connection, TYPE, {})
    jobs.cancel(connection, cancelled.id, actor="test")
    other = jobs.enqueue(connection, "other_job", {})
    jobs.reject(connection, [jobs.Held(other.id, None)], allowlist=[TYPE], actor=ACTOR)
    count_up_to(connection, {TYPE: (3, 1, 1), "other_job": (0, 1, 0)})
    a_succeeded_job(connection)
    count_up_to(connection, {TYPE: (4, 1, 1), "other_job": (0, 1, 0)})


def test_a_rescue_is_counted_where_it_was_the_end(connection: Conn) -> None:
    for budget in (1, 0):
        a_claim(connection)
        connection.execute("update ops_runners set seen_at = now() - interval '1 hour'")
        (job_id,) = jobs.rescue(connection, lease_seconds=60, budget=budget, actor=ACTOR)
        if budget:
            jobs.cancel(connection, job_id, actor="test")
    count_up_to(connection, {TYPE: (0, 1, 1)})


def test_how_long_jobs_ran_and_waited_is_summed(connection: Conn) -> None:
    for job_id in (a_succeeded_job(connection), a_failed_job(connection)):
        connection.execute(
            "update ops_jobs set available_at = finished_at - interval '5 s',"
            " started_at = finished_at - interval '3 s', created_at = finished_at - interval '9 s'"
            " where id = %s",
            [job_id],
        )
    queued = jobs.enqueue(connection, TYPE, {}, delay_seconds=60)
    jobs.cancel(connection, queued.id, actor="test")
    count_up_to(connection, {TYPE: (1, 1, 1)})
    found = figures(connection, step="hour")
    assert sum(each.runs for each in found) == 2
    assert sum(each.run_seconds for each in found) == pytest.approx(6)
    assert sum(each.wait_seconds for each in found) == pytest.approx(4)


def test_a_job_that_ran_again_since_adds_no_time_of_the_other_run(connection: Conn) -> None:
    job_id = a_failed_job(connection)
    jobs.requeue(connection, job_id, actor="test")
    count_up_to(connection, {TYPE: (0, 1, 0)})
    (found,) = figures(connection, step="hour")
    assert (found.failed, found.runs, found.run_seconds) == (1, 0, 0)


def test_counting_goes_on_where_a_bound_ended_it(connection: Conn) -> None:
    for _ in range(7):
        a_succeeded_job(connection)
    seen = [0]

    def is_over() -> bool:
        has_more = jobs.update_stats(connection, limit=2)
        seen.append(counted(connection).get(TYPE, (0,))[0])
        return not has_more and seen[-1] == 7

    wait_until(is_over, message="all are counted", timeout=20)
    assert sorted(set(seen)) == [0, 2, 4, 6, 7]


def test_an_end_that_commits_late_is_not_missed(connection: Conn, database_url: str) -> None:
    early, late = a_claim(connection), a_claim(connection)
    with connect(database_url) as slow:
        jobs.succeed(slow, [jobs.Success(early.id, early.claim_seq, "{}")], actor=ACTOR)
        jobs.succeed(connection, [jobs.Success(late.id, late.claim_seq, "{}")], actor=ACTOR)
        jobs.update_stats(connection)
        assert counted(connection) == {}, "the older transaction may still bring an event"
        slow.commit()
    count_up_to(connection, {TYPE: (2, 0, 0)})


def test_counters_do_not_wait_for_each_other(connection: Conn, database_url: str) -> None:
    for _ in range(2):
        a_succeeded_job(connection)
    jobs.update_stats(connection, limit=1)
    with connect(database_url) as first:
        first.execute("select from ops_stats_mark for update")
        so_far = counted(connection)
        jobs.update_stats(connection)
        assert counted(connection) == so_far != {TYPE: (2, 0, 0)}
    count_up_to(connection, {TYPE: (2, 0, 0)})


def test_a_transaction_that_wrote_before_does_not_move_the_mark(
    connection: Conn, database_url: str
) -> None:
    a_succeeded_job(connection)
    with connect(database_url) as writer:
        jobs.enqueue(writer, TYPE, {})
        assert jobs.update_stats(writer) is False
        writer.commit()
        assert counted(connection) == {}
    count_up_to(connection, {TYPE: (1, 0, 0)})


def test_an_old_snapshot_misses_nothing(connection: Conn, database_url: str) -> None:
    with connect(database_url) as old:
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        old.execute("select 1 from ops_jobs")
        a_succeeded_job(connection)
        jobs.update_stats(old)
    count_up_to(connection, {TYPE: (1, 0, 0)})


@pytest.mark.unpooled("holds four transactions open at a time")
def test_no_end_is_missed_or_counted_twice_while_many_write(
    connection: Conn, database_url: str
) -> None:
    workers, each = 4, 40
    jobs.enqueue_many(connection, [jobs.NewJob(job_type=TYPE)] * (workers * each))
    claims = jobs.claim(
        connection, runner_instance=a_runner(connection), actor=ACTOR, allowlist=[TYPE],
        limit=workers * each,
    )  # fmt: skip

    def work(number: int) -> None:
        dice = random.Random(number)
        with connect(database_url) as conn:
            for claim in claims[number::workers]:
                jobs.succeed(conn, [jobs.Success(claim.id, claim.claim_seq, "{}")], actor=ACTOR)
                conn.execute("select pg_sleep(%s)", [dice.random() / 100])
                conn.commit()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    rounds = 0
    while any(thread.is_alive() for thread in threads):
        jobs.update_stats(connection, limit=5)
        rounds += 1
    for thread in threads:
        thread.join(20)
    assert rounds > 10
    count_up_to(connection, {TYPE: (workers * each, 0, 0)})
