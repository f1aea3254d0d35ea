"""Lists of jobs: complete and in order page by page, whatever is rare, and never a walk of all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import RFC_4122, UUID, uuid4

import psycopg
import pytest

from app import jobs
from app.jobs import Status
from tests.factories import ACTOR, TYPE, a_claim, a_failed_job, a_succeeded_job, insert_at

Conn = psycopg.Connection[Any]


def pages(conn: Conn, **options: Any) -> Iterator[list[UUID]]:
    """Yield the ids of page after page, the empty ones, too."""
    before = None
    for _ in range(200):
        found = jobs.list_jobs(conn, before=before, **options)
        yield [job.id for job in found.jobs]
        before = found.next_before
        if before is None:
            return
    raise AssertionError("the list has no end")


def listed(conn: Conn, **options: Any) -> list[UUID]:
    return [job_id for page in pages(conn, **options) for job_id in page]


def newest_first(ids: list[UUID]) -> list[UUID]:
    return sorted(ids, reverse=True)


def enqueue_some(conn: Conn, count: int, **options: Any) -> list[UUID]:
    return jobs.enqueue_many(conn, [jobs.NewJob(job_type=TYPE, **options)] * count)


def test_pages_are_stable_while_jobs_come_in(connection: Conn) -> None:
    made = enqueue_some(connection, 7)
    seen = []
    for page in pages(connection, limit=2):
        seen += page
        enqueue_some(connection, 3)
    assert seen == newest_first(made)


def test_filters_narrow_the_list(connection: Conn) -> None:
    wanted = jobs.enqueue(connection, TYPE, {}, queue="slow", tags=["x"])
    jobs.enqueue(connection, "other_job", {}, tags=["y"])
    for options in ({"queue": "slow"}, {"tag": "x"}, {"job_type": TYPE}):
        assert listed(connection, **options) == [wanted.id]
    assert listed(connection, until=wanted.created_at) == []
    assert len(listed(connection, since=wanted.created_at)) == 2


@pytest.mark.parametrize("window", [1, 2, 3, 50])
@pytest.mark.parametrize("limit", [1, 2, 200])
def test_a_rare_job_is_found_window_by_window(connection: Conn, window: int, limit: int) -> None:
    rare = [jobs.enqueue(connection, "rare_job", {}).id]
    enqueue_some(connection, 6)
    rare += [jobs.enqueue(connection, "rare_job", {}).id for _ in range(3)]
    enqueue_some(connection, 3)
    found = listed(connection, job_type="rare_job", window=window, limit=limit)
    assert found == newest_first(rare)


def test_a_page_may_be_empty_and_not_the_last(connection: Conn) -> None:
    rare = jobs.enqueue(connection, "rare_job", {}).id
    enqueue_some(connection, 4)
    assert list(pages(connection, job_type="rare_job", window=3)) == [[], [rare]]


@pytest.mark.parametrize("probes", [1, 2, 100])
def test_failed_and_cancelled_jobs_are_found_among_their_events(
    connection: Conn, probes: int
) -> None:
    failed = [a_failed_job(connection) for _ in range(3)]
    cancelled = [jobs.enqueue(connection, TYPE, {}).id for _ in range(2)]
    for job_id in cancelled:
        jobs.cancel(connection, job_id, actor="test")
    again = a_failed_job(connection)
    jobs.requeue(connection, again, actor="test")
    succeed_again = jobs.claim(
        connection, runner_instance=uuid4(), actor=ACTOR, allowlist=[TYPE], limit=1
    )[0]
    jobs.fail(connection, [jobs.Failure(again, succeed_again.claim_seq, "boom again")], actor=ACTOR)
    requeued = a_failed_job(connection)
    jobs.requeue(connection, requeued, actor="test")
    options = {"probes": probes, "window": 1, "limit": 2}
    assert listed(connection, status=Status.FAILED, **options) == newest_first([*failed, again])
    assert listed(connection, status=Status.CANCELLED, **options) == newest_first(cancelled)


def test_a_rejected_and_a_spent_job_are_among_the_failed(connection: Conn) -> None:
    rejected = jobs.enqueue(connection, "unknown_job", {}).id
    jobs.reject(connection, [jobs.Held(rejected, None)], allowlist=[TYPE], actor=ACTOR)
    spent = a_claim(connection).id
    connection.execute("update ops_runners set seen_at = now() - interval '1 hour'")
    jobs.rescue(connection, lease_seconds=60, budget=0, actor=ACTOR)
    assert listed(connection, status=Status.FAILED) == newest_first([rejected, spent])


def test_an_old_running_job_is_found_without_a_window(connection: Conn) -> None:
    running = [a_claim(connection).id for _ in range(2)]
    enqueue_some(connection, 5)
    assert listed(connection, status=Status.RUNNING, window=1, limit=1) == newest_first(running)
    assert listed(connection, status=Status.RUNNING, job_type="other_job") == []


@pytest.mark.parametrize("probes", [3, 1], ids=["few", "many"])
def test_queued_jobs_are_found_be_they_few_or_many(connection: Conn, probes: int) -> None:
    queued = enqueue_some(connection, 2, delay_seconds=60)
    for _ in range(3):
        a_succeeded_job(connection)
    options: dict[str, Any] = {"probes": probes, "window": 2, "limit": 1}
    assert listed(connection, status=Status.QUEUED, **options) == newest_first(queued)
    assert len(listed(connection, status=Status.SUCCEEDED, **options)) == 3


def test_a_span_of_time_is_found_by_the_time_in_the_ids(connection: Conn) -> None:
    now = datetime.now(UTC)
    days = [insert_at(connection, now - timedelta(days=n)) for n in range(6)]
    since, until = now - timedelta(days=4), now - timedelta(days=2)
    assert listed(connection, since=since) == days[:5]
    assert listed(connection, until=until) == days[3:]
    assert listed(connection, since=since, until=until) == days[3:5]
    assert listed(connection, since=since, until=until, window=1, limit=1) == days[3:5]


def test_a_job_of_a_long_transaction_is_found_by_when_that_began(connection: Conn) -> None:
    now = datetime.now(UTC)
    began = now - timedelta(minutes=50)
    late = insert_at(connection, now, created=began)
    assert listed(connection, until=began + timedelta(seconds=1)) == [late]
    assert listed(connection, since=began, until=began) == []


@pytest.mark.parametrize("year", [1, 1969, 9999])
def test_any_time_bounds_a_list(connection: Conn, year: int) -> None:
    made = enqueue_some(connection, 1)
    at = datetime(year, 1, 1, tzinfo=UTC)
    assert listed(connection, since=at) == (made if year < 2000 else [])
    assert listed(connection, until=at) == ([] if year < 2000 else made)


def test_ids_are_in_the_order_in_which_jobs_were_made(connection: Conn) -> None:
    made = []
    for _ in range(50):
        made.append(jobs.enqueue(connection, TYPE, {}).id)
        made += enqueue_some(connection, 2)
    assert made == sorted(made)
    assert {job_id.version for job_id in made} == {7}
    assert {job_id.variant for job_id in made} == {RFC_4122}
