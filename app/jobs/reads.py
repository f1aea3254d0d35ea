"""Reads of a job and its events. No change of state, no lock, no count over many rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from app.db.tables import ops_job_events, ops_jobs
from app.jobs.errors import JobNotFound
from app.jobs.job import JOB_COLUMNS, Event, Job
from app.jobs.query import rows
from app.jobs.states import Status

if TYPE_CHECKING:
    from app.db.connection import AnyConnection

_JOB = tuple(ops_jobs.c[name] for name in JOB_COLUMNS)
_EVENT = tuple(ops_job_events.c[name] for name in Event.__slots__)


def job_from_row(row: Mapping[str, Any], *, is_new: bool = True) -> Job:
    """Make a Job of a row that has its columns."""
    return Job(**{**row, "status": Status(row["status"])}, is_new=is_new)


def get_job(conn: AnyConnection, job_id: UUID) -> Job:
    """Return the job, or raise JobNotFound."""
    for row in rows(conn, select(*_JOB).where(ops_jobs.c.id == job_id)):
        return job_from_row(row)
    raise JobNotFound(job_id)


def get_status(conn: AnyConnection, job_id: UUID) -> Status:
    """Return the state of the job and nothing else of it, or raise JobNotFound."""
    for row in rows(conn, select(ops_jobs.c.status).where(ops_jobs.c.id == job_id)):
        return Status(row["status"])
    raise JobNotFound(job_id)


def find_active_twin(conn: AnyConnection, job_type: str, dedupe_key: str) -> Job | None:
    """Return the queued or running job of the type that holds this dedupe key."""
    query = select(*_JOB).where(
        ops_jobs.c.job_type == job_type, ops_jobs.c.active_dedupe_key == dedupe_key
    )
    return next((job_from_row(row, is_new=False) for row in rows(conn, query)), None)


def list_events(
    conn: AnyConnection, job_id: UUID, *, after: int = 0, limit: int = 500
) -> list[Event]:
    """Return the job's events in order, those with an id above `after`."""
    query = (
        select(*_EVENT)
        .where(ops_job_events.c.job_id == job_id, ops_job_events.c.id > after)
        .order_by(ops_job_events.c.id)
        .limit(limit)
    )
    return [Event(**row) for row in rows(conn, query)]
