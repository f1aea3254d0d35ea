"""Enqueues many jobs by COPY, the fastest way into a table: the jobs first, then their events.

The one verb that is two statements: both lie in the caller's transaction. The time comes from the
database, which alone knows the clock.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg.rows import tuple_row

from app.jobs.ids import new_ids

if TYPE_CHECKING:
    import psycopg

    from app.jobs.job import NewJob

_TIMES = "select now(), clock_timestamp()"
_JOBS = """
copy ops_jobs (id, job_type, queue, priority, payload, available_at, max_attempts, timeout_seconds,
               concurrency_key, tags, requested_by, request_id, replay_of, schedule_id) from stdin
"""
_NO_TAGS = "{}"  # in the server's own words: psycopg takes longer for an empty array than for a row
_to_json = json.JSONEncoder(allow_nan=False).encode
_EVENTS = """
insert into ops_job_events (job_id, kind, actor, attempt)
select id, 'queued', %s, 0
  from unnest(%b::uuid[]) with ordinality as new (id, place)
 order by place
"""


def copy_jobs(conn: psycopg.Connection[Any], jobs: Sequence[NewJob], *, actor: str) -> list[UUID]:
    """Write jobs that have no dedupe key; returns their ids in the order given."""
    if not jobs:
        return []
    now: datetime
    cursor = conn.cursor(row_factory=tuple_row)  # the connection may be the caller's, with another
    ((now, made_at),) = cursor.execute(_TIMES).fetchall()
    ids = []
    at_once = now.isoformat()  # most jobs are due now: the time is written for all of them once
    with cursor.copy(_JOBS) as copy:
        for job_id, job in zip(new_ids(made_at, len(jobs)), jobs, strict=True):
            ids.append(job_id)
            available_at: datetime | str = job.available_at or at_once
            if job.available_at is None and job.delay_seconds:
                available_at = now + timedelta(seconds=job.delay_seconds)
            copy.write_row(
                (
                    job_id, job.job_type, job.queue, job.priority,
                    _to_json(job.payload), available_at, job.max_attempts,
                    job.timeout_seconds, job.concurrency_key, list(job.tags) or _NO_TAGS,
                    job.requested_by, job.request_id, job.replay_of, job.schedule_id,
                )
            )  # fmt: skip
    cursor.execute(_EVENTS, [actor, ids])
    return ids
