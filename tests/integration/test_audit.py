"""The history checker can fail: every planted bug is caught, and named."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from app import jobs
from app.jobs.audit import INVARIANTS, audit
from tests.factories import ACTOR, a_claim

Conn = psycopg.Connection[Any]

# bug: the invariant that must catch it, and what the bug leaves behind in the database.
PLANTED: dict[str, tuple[str, str]] = {
    "claimed twice": (
        "no job under two claims",
        "insert into ops_job_events (job_id, kind, actor, claim_seq) "
        "select id, 'running', 'bug', 2 from ops_jobs",
    ),
    "an event lost": (
        "every claim is closed once",
        "delete from ops_job_events where kind = 'succeeded'",
    ),
    "finished twice": (
        "every claim is closed once",
        "insert into ops_job_events (job_id, kind, actor, claim_seq) "
        "select id, 'succeeded', 'bug', 1 from ops_jobs",
    ),
    "a claim not recorded": (
        "claims are numbered without a gap",
        "delete from ops_job_events where kind = 'running'",
    ),
    "an unfenced finish": (
        "only the claim that is open is closed",
        "update ops_job_events set claim_seq = 7 where kind = 'succeeded'",
    ),
    "final and then not": (
        "final is final",
        "insert into ops_job_events (job_id, kind, actor) select id, 'queued', 'bug' from ops_jobs",
    ),
    "a state without an event": (
        "the record agrees with its last event",
        "update ops_jobs set status = 'failed'",
    ),
    "a clock that jumped": (
        "time does not run backwards",
        "update ops_job_events set at = at - interval '1 hour' where kind = 'succeeded'",
    ),
    "one attempt too many": (
        "attempts are bounded",
        "alter table ops_jobs drop constraint ck_ops_jobs_attempts_bounded; "
        "update ops_jobs set max_attempts = 1, attempt = 2",
    ),
    "a claim before its time": (
        "a claim is never early",
        "update ops_job_events set kind = 'retry_scheduled', "
        "data = jsonb_build_object('available_at', now() + interval '1 hour') "
        "where kind = 'queued'",
    ),
}


def test_every_invariant_has_a_planted_bug() -> None:
    assert {invariant for invariant, _ in PLANTED.values()} == set(INVARIANTS)


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_caught(connection: Conn, bug: str) -> None:
    held = a_claim(connection)
    jobs.succeed(connection, [jobs.Success(held.id, held.claim_seq, "{}")], actor=ACTOR)
    assert audit(connection) == []
    invariant, damage = PLANTED[bug]
    with connection.transaction(force_rollback=True):
        connection.execute(damage.encode())
        assert invariant in {violation.invariant for violation in audit(connection)}
