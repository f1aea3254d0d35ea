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
        "no_job_under_two_claims",
        "insert into ops_job_events (job_id, kind, actor, claim_seq) "
        "select id, 'running', 'bug', 2 from ops_jobs",
    ),
    "an event lost": (
        "every_claim_is_closed_once",
        "delete from ops_job_events where kind = 'succeeded'",
    ),
    "finished twice": (
        "every_claim_is_closed_once",
        "insert into ops_job_events (job_id, kind, actor, claim_seq) "
        "select id, 'succeeded', 'bug', 1 from ops_jobs",
    ),
    "a claim not recorded": (
        "claims_are_numbered_without_a_gap",
        "delete from ops_job_events where kind = 'running'",
    ),
    "an unfenced finish": (
        "only_the_claim_that_is_open_is_closed",
        "update ops_job_events set claim_seq = 7 where kind = 'succeeded'",
    ),
    "final and then not": (
        "final_is_final",
        "insert into ops_job_events (job_id, kind, actor) select id, 'queued', 'bug' from ops_jobs",
    ),
    "a state without an event": (
        "the_record_agrees_with_its_last_event",
        "update ops_jobs set status = 'failed'",
    ),
    "a clock that jumped": (
        "time_does_not_run_backwards",
        "update ops_job_events set at = at - interval '1 hour' where kind = 'succeeded'",
    ),
    "one attempt too many": (
        "attempts_are_bounded",
        "alter table ops_jobs drop constraint ck_ops_jobs_attempts_bounded; "
        "update ops_jobs set max_attempts = 1, attempt = 2",
    ),
    "an occurrence fired again": (
        "an_occurrence_makes_one_job",
        "update ops_jobs set schedule_id = gen_random_uuid(), "
        "dedupe_key = 'hourly@2026-01-31T09:00Z'; "
        "insert into ops_jobs (id, job_type, schedule_id, dedupe_key) "
        "select gen_random_uuid(), job_type, schedule_id, dedupe_key from ops_jobs",
    ),
    "a claim before its time": (
        "a_claim_is_never_early",
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
