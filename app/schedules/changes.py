"""Create, change, pause, resume and delete schedules, inside the caller's transaction.

Each change is made to a row that is locked, so that none crosses a fire.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from app.db.connection import transaction
from app.jobs.statements import run
from app.schedules.cron import read_cron
from app.schedules.errors import ScheduleExists, ScheduleNotFound
from app.schedules.reads import database_now
from app.schedules.schedule import NewSchedule, Schedule, schedule_from_row
from app.schedules.sql import SQL

if TYPE_CHECKING:
    from app.db.connection import AnyConnection

_CALENDAR = {"cron", "time_zone"}


def create_schedule(conn: AnyConnection, new: NewSchedule) -> Schedule:
    """Create a schedule; its first occurrence is the next. Raises CronError, ScheduleExists."""
    cron = read_cron(new.cron, new.time_zone)
    with transaction(conn):
        now = database_now(conn)
        times = {"next_at": cron.after(now), "caught_up_to": now}
        values = {**asdict(new), "cron": cron.text, **times}
        for row in run(conn, "insert", _parameters(values), folder=SQL):
            return schedule_from_row(row)
    raise ScheduleExists(new.name)


def change_schedule(conn: AnyConnection, name: str, **changes: Any) -> Schedule:
    """Change fields of NewSchedule other than its name.

    With another expression or zone the schedule starts anew: what it missed is not made up for.
    Raises CronError, ScheduleNotFound.
    """
    with transaction(conn):
        schedule, now = _lock(conn, name)
        changed = replace(schedule, **changes)
        cron = read_cron(changed.cron, changed.time_zone)
        changed = replace(changed, cron=cron.text)
        if any(getattr(changed, field) != getattr(schedule, field) for field in _CALENDAR):
            changed = _start_anew(changed, now)
        return save(conn, changed)


def pause_schedule(
    conn: AnyConnection, name: str, *, by: str, reason: str | None = None
) -> Schedule:
    """Let nothing fire until it is resumed; one that is paused stays as it is.

    Raises ScheduleNotFound.
    """
    with transaction(conn):
        schedule, now = _lock(conn, name)
        if schedule.paused_at is not None:
            return schedule
        return save(conn, paused(schedule, now, by=by, reason=reason))


def resume_schedule(conn: AnyConnection, name: str) -> Schedule:
    """Let it fire again, from its next occurrence on: a pause is not made up for.

    One that is not paused stays as it is. Raises ScheduleNotFound, CronError.
    """
    with transaction(conn):
        schedule, now = _lock(conn, name)
        if schedule.paused_at is None:
            return schedule
        resumed = replace(schedule, paused_at=None, paused_by=None, pause_reason=None)
        return save(conn, _start_anew(resumed, now))


def delete_schedule(conn: AnyConnection, name: str) -> Schedule:
    """Delete a schedule and return it as it was; its jobs stay. Raises ScheduleNotFound."""
    for row in run(conn, "delete", {"name": name}, folder=SQL):
        return schedule_from_row(row)
    raise ScheduleNotFound(name)


def paused(schedule: Schedule, now: datetime, *, by: str, reason: str | None) -> Schedule:
    """Return the schedule as paused, not yet saved."""
    return replace(schedule, paused_at=now, paused_by=by, pause_reason=reason, next_at=None)


def save(conn: AnyConnection, schedule: Schedule) -> Schedule:
    """Write a schedule whose row is locked."""
    values = asdict(schedule)
    if not schedule.is_payload_readable:
        values["payload"] = None  # keep what is there
    (row,) = run(conn, "save", _parameters(values), folder=SQL)
    return schedule_from_row(row)


def _lock(conn: AnyConnection, name: str) -> tuple[Schedule, datetime]:
    """Return the schedule, locked, and the time of the transaction."""
    for row in run(conn, "lock", {"name": name}, folder=SQL):
        now: datetime = row.pop("now")
        return schedule_from_row(row), now
    raise ScheduleNotFound(name)


def _start_anew(schedule: Schedule, now: datetime) -> Schedule:
    next_at = None if schedule.paused_at is not None else schedule.read().after(now)
    return replace(schedule, next_at=next_at, caught_up_to=now)


def _parameters(values: dict[str, Any]) -> dict[str, Any]:
    return {
        **values,
        "payload": None if values["payload"] is None else Jsonb(values["payload"]),
        "tags": list(values["tags"]),
        "missed_policy": str(values["missed_policy"]),
    }
