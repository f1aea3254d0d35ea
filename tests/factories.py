"""Makes legal rows through the verbs, as the product would."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg

from app import jobs

TYPE = "test_job"
ACTOR = "runner:test"


def a_runner(conn: psycopg.Connection[Any], *, allowlist: tuple[str, ...] = (TYPE,)) -> UUID:
    """Register a runner instance and return its id."""
    runner = uuid4()
    jobs.register_runner(
        conn, id=runner, name="test", host="localhost", pid=1, version="0", allowlist=allowlist,
        slots=4,
    )  # fmt: skip
    return runner


def a_claim(conn: psycopg.Connection[Any], **options: Any) -> jobs.Claim:
    """Enqueue one job and claim it; the table holds no other job that is due."""
    jobs.enqueue(conn, TYPE, {}, **options)
    (claim,) = jobs.claim(
        conn, runner_instance=a_runner(conn), actor=ACTOR, allowlist=[TYPE], limit=1
    )
    return claim


def a_succeeded_job(conn: psycopg.Connection[Any], **options: Any) -> UUID:
    """Have a job succeed and return its id."""
    claim = a_claim(conn, **options)
    jobs.succeed(conn, [jobs.Success(claim.id, claim.claim_seq, "{}")], actor=ACTOR)
    return claim.id


def a_failed_job(conn: psycopg.Connection[Any], **options: Any) -> UUID:
    """Have a job fail and return its id."""
    claim = a_claim(conn, **options)
    jobs.fail(conn, [jobs.Failure(claim.id, claim.claim_seq, "boom")], actor=ACTOR)
    return claim.id


def kinds(conn: psycopg.Connection[Any], job_id: UUID) -> list[str]:
    """Return the kinds of a job's events, in order."""
    return [event.kind for event in jobs.list_events(conn, job_id)]


def age_lease(conn: psycopg.Connection[Any], *, seconds: float) -> None:
    """Move the last sign of life of every runner into the past."""
    conn.execute("update ops_runners set seen_at = seen_at - make_interval(secs => %s)", [seconds])


def insert_at(
    conn: psycopg.Connection[Any], at: datetime, *, created: datetime | None = None
) -> UUID:
    """Insert a job that has the id of its time."""
    tail = uuid4().int & ((1 << 80) - 1)
    job_id = UUID(int=int(at.timestamp() * 1000) << 80 | tail)
    conn.execute(
        "insert into ops_jobs (id, job_type, created_at) values (%s, %s, %s)",
        [job_id, TYPE, created or at],
    )
    return job_id
