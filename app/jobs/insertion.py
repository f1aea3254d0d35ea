"""The insert of one job, and the record that comes of it.

What is neither sent nor returned costs nothing: psycopg takes half a microsecond for a parameter,
one for a column that comes back. So a job without keys names only the columns in which it differs
from the table's defaults; one with a key needs the statement that can find it taken.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING
from uuid import UUID

from app.jobs.job import Job, NewJob
from app.jobs.statements import run_fast, run_text_fast
from app.jobs.states import Status

if TYPE_CHECKING:
    from app.db.connection import AnyConnection

to_json = json.JSONEncoder(allow_nan=False).encode

_PLAIN = """\
-- enqueue: - -> queued, without a key
with inserted as (
  insert into ops_jobs ({})
  values ({})
  returning id, seq, available_at, created_at
),
event as (
  insert into ops_job_events (job_id, kind, actor, attempt)
  select id, 'queued', %b, 0
    from inserted
)
select id, seq, available_at, created_at
  from inserted
"""
_DEFAULTS = tuple(NewJob._field_defaults.get(name) for name in NewJob._fields)
_PLACES = {
    "payload": "%b::jsonb",
    "tags": "%b::text[]",
    "delay_seconds": "now() + make_interval(secs => %b::double precision)",
}


def insert_plain(conn: AnyConnection, job: NewJob, *, actor: str) -> Job:
    """Insert a job that has no key, and return it."""
    asked = {
        name: value
        for name, value, default in zip(NewJob._fields, job, _DEFAULTS, strict=True)
        if value is not default and value != default
    }
    if job.available_at is not None:
        asked.pop("delay_seconds", None)
    payload = asked["payload"] = to_json(dict(job.payload))
    if "tags" in asked:
        asked["tags"] = list(job.tags)
    (row,) = run_text_fast(conn, _plain(tuple(asked)), [*asked.values(), actor])
    return _as_job(job, payload, *row)


def insert_with_key(
    conn: AnyConnection,
    job: NewJob,
    *,
    actor: str,
    key: str | None = None,
    body_sha256: bytes | None = None,
) -> Job | None:
    """Insert a job and return it; None where its dedupe key or idempotency key is taken."""
    payload = to_json(dict(job.payload))
    parameters = {
        **job._asdict(),
        "payload": payload,
        "tags": list(job.tags),
        "actor": actor,
        "key": key,
        "body_sha256": body_sha256,
    }
    for row in run_fast(conn, "enqueue", parameters):
        return _as_job(job, payload, *row)
    return None


@cache
def _plain(asked: tuple[str, ...]) -> bytes:
    columns = ["available_at" if name == "delay_seconds" else name for name in asked]
    places = [_PLACES.get(name, "%b") for name in asked]
    return _PLAIN.format(", ".join(columns), ", ".join(places)).encode()


def _as_job(
    job: NewJob, payload: str, id: UUID, seq: int, available_at: datetime, created_at: datetime
) -> Job:
    return Job(
        id=id, seq=seq, job_type=job.job_type, queue=job.queue, status=Status.QUEUED,
        priority=job.priority, payload=json.loads(payload), result=None, error=None, attempt=0,
        max_attempts=job.max_attempts, rescues=0, claim_seq=0, runner_instance=None,
        requested_by=job.requested_by, request_id=job.request_id, available_at=available_at,
        created_at=created_at, updated_at=created_at, started_at=None, finished_at=None,
        cancel_requested_at=None, progress=None, concurrency_key=job.concurrency_key,
        dedupe_key=job.dedupe_key, timeout_seconds=job.timeout_seconds, tags=list(job.tags),
        replay_of=job.replay_of, schedule_id=job.schedule_id,
    )  # fmt: skip
