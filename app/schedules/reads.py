"""Reads of schedules and of what they fired."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import Text, cast, func, select

from app.db.tables import ops_jobs
from app.jobs.query import rows
from app.schedules.errors import ScheduleNotFound
from app.schedules.schedule import SCHEDULE_COLUMNS, Fire, Schedule, schedule_from_row
from app.schedules.tables import ops_schedule_fires, ops_schedules

if TYPE_CHECKING:
    from app.db.connection import AnyConnection

# As text, for one payload that cannot be decoded must not hide the others.
_SCHEDULE = tuple(
    cast(ops_schedules.c.payload, Text).label("payload")
    if name == "payload"
    else ops_schedules.c[name]
    for name in SCHEDULE_COLUMNS
)


def get_schedule(conn: AnyConnection, name: str) -> Schedule:
    """Return the schedule, or raise ScheduleNotFound."""
    for row in rows(conn, select(*_SCHEDULE).where(ops_schedules.c.name == name)):
        return schedule_from_row(row)
    raise ScheduleNotFound(name)


def list_schedules(
    conn: AnyConnection, *, limit: int = 50, after: str | None = None
) -> list[Schedule]:
    """Return up to `limit` schedules by name, those after the name `after`."""
    query = select(*_SCHEDULE).order_by(ops_schedules.c.name).limit(limit)
    if after is not None:
        query = query.where(ops_schedules.c.name > after)
    return [schedule_from_row(row) for row in rows(conn, query)]


def list_fires(conn: AnyConnection, schedule_id: UUID, *, limit: int = 10) -> list[Fire]:
    """Return the last fires, newest first."""
    fires = ops_schedule_fires
    query = (
        select(
            fires.c.occurrence_at,
            fires.c.fired_at,
            fires.c.fired_by,
            fires.c.job_id,
            ops_jobs.c.status,
        )
        .select_from(fires)
        .outerjoin(ops_jobs, ops_jobs.c.id == fires.c.job_id)
        .where(fires.c.schedule_id == schedule_id)
        .order_by(fires.c.occurrence_at.desc())
        .limit(limit)
    )
    return [Fire(**row) for row in rows(conn, query)]


def database_now(conn: AnyConnection) -> datetime:
    """Return the time of the transaction: the database's clock decides what is due."""
    (row,) = rows(conn, select(func.now().label("now")))
    now: datetime = row["now"]
    return now
