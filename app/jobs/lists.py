"""Lists of jobs, newest first, at a cost that does not grow with the table.

What no index serves is looked for in a window of the newest jobs: a page may come back short, or
empty, and yet have a next one, which goes on where the window ended. An index for each filter would
be paid for by every job that is enqueued and claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select, true

from app.db.tables import ops_claims, ops_job_events, ops_jobs
from app.jobs.job import JOB_COLUMNS, Job
from app.jobs.query import rows
from app.jobs.reads import job_from_row
from app.jobs.states import Status

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select, Subquery

    from app.db.connection import AnyConnection

    Condition = ColumnElement[bool]

WINDOW = 20_000
PROBES = 10_000
# `created_at` is when a job's transaction began, the time in its id is when it was inserted.
_LONGEST_TRANSACTION = timedelta(hours=1)
# Of the events that may have ended a job otherwise than well; a partial index lists them.
_NOT_SUCCEEDED = ops_job_events.c.kind.in_(("failed", "rejected", "rescued", "cancelled"))
_JOB = tuple(ops_jobs.c[name] for name in JOB_COLUMNS)
_READY_INDEX = ("priority", "queue", "job_type", "concurrency_key", "available_at", "seq")


@dataclass(frozen=True, slots=True)
class JobList:
    """One page; `next_before` is what to ask for the next one with, None where this is the last."""

    jobs: list[Job]
    next_before: UUID | None


@dataclass(frozen=True, slots=True)
class Span:
    """The ids from `first` on and before `end`; None for no bound."""

    first: UUID | None
    end: UUID | None

    def of(self, column: ColumnElement[UUID]) -> list[Condition]:
        from_first = [] if self.first is None else [column >= self.first]
        return from_first if self.end is None else [*from_first, column < self.end]

    def starting_at(self, first: UUID | None) -> Span:
        return self if first is None else Span(first, self.end)


def list_jobs(
    conn: AnyConnection,
    *,
    status: Status | None = None,
    job_type: str | None = None,
    queue: str | None = None,
    tag: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 50,
    before: UUID | None = None,
    window: int = WINDOW,
    probes: int = PROBES,
) -> JobList:
    """Return up to `limit` jobs; `before` is the `next_before` of the page above.

    Ids are of version 7: their order is the order of creation. Running, failed and cancelled jobs,
    and up to `probes` queued ones, are found however old they are; the others among `window` jobs.
    """
    equal = {"status": status, "job_type": job_type, "queue": queue}
    filters = [ops_jobs.c[name] == value for name, value in equal.items() if value is not None]
    if tag is not None:
        filters.append(ops_jobs.c.tags.contains([tag]))
    if since is not None:
        filters.append(ops_jobs.c.created_at >= since)
    if until is not None:
        filters.append(ops_jobs.c.created_at < until)
    ends = [before, _first_id(until, slack=_LONGEST_TRANSACTION)]
    span = Span(_first_id(since), min((end for end in ends if end), default=None))
    if status is Status.RUNNING:
        return _probe(conn, _held(), span, filters, limit)
    if status is Status.QUEUED and _are_few_ready(conn, probes):
        return _probe(conn, _ready(probes), span, filters, limit)
    if status in (Status.FAILED, Status.CANCELLED):
        return _probe_ended(conn, span, filters, limit, probes)
    return _walk(conn, span, filters, limit, window)


def _first_id(at: datetime | None, *, slack: timedelta = timedelta(0)) -> UUID | None:
    """Return the smallest id that a job of this millisecond, or `slack` later, can have."""
    if at is None:
        return None
    milliseconds = int((at.timestamp() + slack.total_seconds()) * 1000)
    return UUID(int=max(0, milliseconds) << 80)


def _walk(
    conn: AnyConnection, span: Span, filters: Sequence[Condition], limit: int, window: int
) -> JobList:
    """Read the table backwards by its primary key."""
    last = _last_of_window(conn, ops_jobs.c.id, span.of(ops_jobs.c.id), window) if filters else None
    query = select(*_JOB).where(*span.starting_at(last).of(ops_jobs.c.id), *filters)
    return _page(conn, query.order_by(ops_jobs.c.id.desc()), limit, last)


def _probe_ended(
    conn: AnyConnection, span: Span, filters: Sequence[Condition], limit: int, probes: int
) -> JobList:
    """Look up the jobs that have an event of a bad end."""
    job_id = ops_job_events.c.job_id
    last = _last_of_window(conn, job_id, [_NOT_SUCCEEDED, *span.of(job_id)], probes)
    ended = span.starting_at(last)
    ids = select(job_id.label("id")).where(_NOT_SUCCEEDED, *ended.of(job_id)).distinct()
    return _probe(conn, ids, ended, filters, limit, last)


def _probe(
    conn: AnyConnection,
    ids: Select[UUID],
    span: Span,
    filters: Sequence[Condition],
    limit: int,
    last: UUID | None = None,
) -> JobList:
    """Look up each candidate, the newest first, until the page is full."""
    candidate: Subquery = ids.subquery("candidate")
    job = (
        select(*_JOB)
        .where(ops_jobs.c.id == candidate.c.id, *filters)
        .offset(0)  # one probe for each, whatever the planner thinks of their number
        .lateral("job")
    )
    query = (
        select(*job.c)
        .select_from(candidate)
        .join(job, true())
        .where(*span.of(candidate.c.id))
        .order_by(candidate.c.id.desc())
    )
    return _page(conn, query, limit, last)


def _page(
    conn: AnyConnection, query: Select[*tuple[Any, ...]], limit: int, last: UUID | None
) -> JobList:
    """Run the query; where it does not fill the page, the next one begins before `last`."""
    found = [job_from_row(row) for row in rows(conn, query.limit(limit + 1))]
    jobs = found[:limit]
    return JobList(jobs, jobs[-1].id if len(found) > limit else last)


def _last_of_window(
    conn: AnyConnection, column: ColumnElement[UUID], conditions: Sequence[Condition], window: int
) -> UUID | None:
    """Return the id that closes a window of the newest; None where all fit into it."""
    ordered = select(column.label("id")).where(*conditions).order_by(column.desc())
    found = rows(conn, ordered.offset(window - 1).limit(1))
    return found[0]["id"] if found else None


def _held() -> Select[UUID]:
    """Every running job is in a row of claims; not every job of such a row still runs."""
    return select(func.unnest(ops_claims.c.job_ids).label("id")).distinct()


def _ready(most: int) -> Select[UUID]:
    """In the order of the ready index, or the planner might read the table instead."""
    order = [ops_jobs.c[name] for name in _READY_INDEX]
    return select(ops_jobs.c.id).where(ops_jobs.c.ready).order_by(*order).limit(most)


def _are_few_ready(conn: AnyConnection, most: int) -> bool:
    counted = select(func.count().label("ready")).select_from(_ready(most + 1).subquery())
    return bool(rows(conn, counted)[0]["ready"] <= most)
