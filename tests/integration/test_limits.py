"""Limits of a job type hold over all runners, whoever claims at the same moment."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app import jobs
from app.jobs.audit import audit
from tests.factories import ACTOR, TYPE, a_runner
from tests.pgbouncer import connect

Conn = psycopg.Connection[Any]


@pytest.fixture
def limited(connection: Conn) -> Conn:
    jobs.declare_limits(connection, [TYPE])
    return connection


def claim(
    conn: Conn,
    limit: jobs.Limit,
    *,
    at_most: int = 20,
    turn: int = 0,
    runner: UUID | None = None,
) -> list[jobs.Claim]:
    return jobs.claim(
        conn,
        runner_instance=runner or a_runner(conn),
        actor=ACTOR,
        allowlist=[TYPE, "other_job"],
        limit=at_most,
        turn=turn,
        limits=[limit],
    )


def succeed(conn: Conn, claims: list[jobs.Claim]) -> None:
    jobs.succeed(conn, [jobs.Success(c.id, c.claim_seq, None) for c in claims], actor=ACTOR)


def enqueue(conn: Conn, count: int, **options: Any) -> None:
    jobs.enqueue_many(conn, [jobs.NewJob(job_type=TYPE, **options)] * count)


def test_no_more_than_the_limit_run_over_all_runners(limited: Conn) -> None:
    enqueue(limited, 10)
    limit = jobs.Limit(job_type=TYPE, most_running=3)
    first = claim(limited, limit, at_most=2)
    second = claim(limited, limit)
    assert (len(first), len(second)) == (2, 1)
    assert claim(limited, limit) == []
    succeed(limited, first)
    assert len(claim(limited, limit)) == 2


def test_a_bound_for_one_claim_needs_no_row_to_lock(connection: Conn) -> None:
    enqueue(connection, 5)
    assert len(claim(connection, jobs.Limit(job_type=TYPE, most_now=2))) == 2
    assert len(claim(connection, jobs.Limit(job_type=TYPE, most_now=9))) == 3


def test_a_limit_leaves_other_types_alone(limited: Conn) -> None:
    enqueue(limited, 5)
    jobs.enqueue_many(limited, [jobs.NewJob(job_type="other_job")] * 5)
    limit = jobs.Limit(job_type=TYPE, most_running=1)
    taken = claim(limited, limit) + claim(limited, limit)
    assert sorted(c.job_type for c in taken) == ["other_job"] * 5 + [TYPE]


def test_a_limit_counts_over_the_lanes_of_a_type(limited: Conn) -> None:
    for queue in ("a", "b", "c"):
        enqueue(limited, 3, queue=queue)
    assert len(claim(limited, jobs.Limit(job_type=TYPE, most_running=2))) == 2


def test_what_a_limited_type_has_left_goes_to_the_lane_whose_turn_is_first(limited: Conn) -> None:
    for queue in ("a", "b", "c"):
        enqueue(limited, 3, queue=queue)
    limit = jobs.Limit(job_type=TYPE, most_now=1)
    first = {claim(limited, limit, turn=turn)[0].queue for turn in range(3)}
    assert first == {"a", "b", "c"}


def test_what_a_lane_leaves_of_its_share_is_claimed_next(limited: Conn) -> None:
    limit = jobs.Limit(job_type=TYPE, most_running=4)
    for queue, count in (("a", 1), ("b", 5)):
        enqueue(limited, count, queue=queue)
    first, second = (claim(limited, limit, turn=1) for _ in range(2))
    assert [[c.queue for c in taken] for taken in (first, second)] == [["a"], ["b"] * 3]


def test_jobs_that_share_a_key_are_limited_together(limited: Conn) -> None:
    for key in ("ana", "ben"):
        enqueue(limited, 3, concurrency_key=key)
    enqueue(limited, 3)
    limit = jobs.Limit(job_type=TYPE, most_for_key=1)
    taken = claim(limited, limit)
    assert sorted(c.concurrency_key for c in taken) == ["", "", "", "ana", "ben"]
    assert claim(limited, limit) == []
    succeed(limited, [c for c in taken if c.concurrency_key == "ana"])
    assert [c.concurrency_key for c in claim(limited, limit)] == ["ana"]


def test_a_key_is_limited_over_the_queues_of_its_jobs(limited: Conn) -> None:
    for queue in ("b", "a", "c"):
        for key in ("ana", "ben"):
            enqueue(limited, 2, queue=queue, concurrency_key=key)
    limit = jobs.Limit(job_type=TYPE, most_for_key=1)
    taken = claim(limited, limit)
    assert sorted(c.concurrency_key for c in taken) == ["ana", "ben"]
    served = [taken]
    while taken:
        succeed(limited, taken)
        taken = claim(limited, limit)
        served.append(taken)
    assert [len(claims) for claims in served] == [2] * 6 + [0]
    assert {c.queue for c in served[0]} == {"b"}  # the oldest


def test_a_type_at_its_limit_keeps_no_other_waiting_whatever_its_priority(limited: Conn) -> None:
    enqueue(limited, 3, priority=0)
    enqueue(limited, 3, priority=1, concurrency_key="ana")
    jobs.enqueue_many(limited, [jobs.NewJob(job_type="other_job", priority=9)] * 2)
    limit = jobs.Limit(job_type=TYPE, most_running=1)
    taken = claim(limited, limit) + claim(limited, limit)
    assert sorted(c.job_type for c in taken) == ["other_job"] * 2 + [TYPE]


def test_a_key_at_its_limit_keeps_no_other_waiting_whatever_its_priority(limited: Conn) -> None:
    enqueue(limited, 3, priority=0, concurrency_key="ana")
    enqueue(limited, 3, priority=9, concurrency_key="ben")
    limit = jobs.Limit(job_type=TYPE, most_for_key=1)
    taken = [*claim(limited, limit), *claim(limited, limit), *claim(limited, limit)]
    assert [c.concurrency_key for c in taken] == ["ana", "ben"]


def test_a_rate_keeps_no_other_waiting_whatever_its_priority(limited: Conn) -> None:
    enqueue(limited, 3, priority=0)
    jobs.enqueue_many(limited, [jobs.NewJob(job_type="other_job")])
    limit = jobs.Limit(job_type=TYPE, rate=0.001, burst=1)
    taken = claim(limited, limit) + claim(limited, limit)
    assert [c.job_type for c in taken] == [TYPE, "other_job"]


def test_keys_are_served_in_turn(connection: Conn) -> None:
    enqueue(connection, 100, concurrency_key="flood")
    enqueue(connection, 1, concurrency_key="small")
    taken = jobs.claim(
        connection, runner_instance=a_runner(connection), actor=ACTOR, allowlist=[TYPE], limit=4
    )
    assert "small" in {c.concurrency_key for c in taken}


def test_a_rate_bounds_how_fast_jobs_start(limited: Conn) -> None:
    enqueue(limited, 10)
    limit = jobs.Limit(job_type=TYPE, rate=0.001, burst=4)
    assert len(claim(limited, limit, at_most=3)) == 3
    assert len(claim(limited, limit)) == 1
    assert claim(limited, limit) == []
    limited.execute("update ops_limits set refilled_at = refilled_at - interval '2000 seconds'")
    assert len(claim(limited, limit)) == 2


def test_a_row_tells_what_the_last_claim_was_bound_by(limited: Conn) -> None:
    def told() -> tuple[Any, ...] | None:
        return limited.execute(
            "select most_running, most_for_key, rate, burst, xmin from ops_limits"
        ).fetchone()

    limit = jobs.Limit(job_type=TYPE, most_running=3, most_for_key=1)
    claim(limited, limit)
    first = told()
    assert first is not None
    assert first[:4] == (3, 1, None, None)
    claim(limited, limit)
    assert told() == first, "it is not written again"
    claim(limited, jobs.Limit(job_type=TYPE, rate=100 / 60, burst=100))
    changed = told()
    assert changed is not None
    assert changed[:4] == (None, None, 100 / 60, 100)


@pytest.mark.parametrize(
    "limit",
    [
        jobs.Limit(job_type=TYPE, most_running=3),
        jobs.Limit(job_type=TYPE, most_for_key=3),
    ],
    ids=["type", "key"],
)
def test_a_limit_holds_under_race(limited: Conn, database_url: str, limit: jobs.Limit) -> None:
    """Four claimers at once; each counts what runs right after its own claim was committed."""
    enqueue(limited, 60, concurrency_key="one")
    start = threading.Barrier(4)
    highest: list[int] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            with connect(database_url, autocommit=True) as conn:
                runner = a_runner(conn)
                start.wait(10)
                for _ in range(200):
                    taken = claim(conn, limit, at_most=2, runner=runner)
                    row = conn.execute("select count(*) from ops_jobs where status = 'running'")
                    highest.append((row.fetchone() or (0,))[0])
                    succeed(conn, taken)
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert 2 <= max(highest) <= 3
    assert {job.status for job in jobs.list_jobs(limited, limit=60).jobs} == {"succeeded"}
    assert audit(limited) == []
