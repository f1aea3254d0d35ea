"""Fires due schedules: one job for each occurrence, whoever asks for it and however often.

The row of the schedule is locked from the question whether it is due until its jobs, their record
and its next due time are committed together. A second firer passes over a locked row; a crash
anywhere leaves the schedule as it was, due.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from app.db.connection import transaction
from app.jobs import enqueue
from app.jobs.statements import run, statement
from app.schedules.changes import paused, save
from app.schedules.cron import CronError
from app.schedules.due import Due, plan
from app.schedules.schedule import Fired, Schedule, schedule_from_row
from app.schedules.sql import SQL

if TYPE_CHECKING:
    from app.db.connection import AnyConnection


def fire_due(conn: AnyConnection, *, actor: str, limit: int = 100) -> list[Fired]:
    """Fire up to `limit` due schedules and return the jobs that were made.

    On a connection in autocommit each schedule is a transaction of its own; otherwise all of it
    belongs to the caller's, which then holds their locks.
    """
    fired: list[Fired] = []
    for _ in range(limit):
        made = fire_next(conn, actor=actor)
        if made is None:
            break
        fired += made
    return fired


def fire_next(conn: AnyConnection, *, actor: str) -> list[Fired] | None:
    """Fire the schedule that is due longest; None where none is due that nobody else is firing.

    `actor` is recorded as who fired it; the jobs themselves are enqueued by `schedule:<name>`.
    """
    with transaction(conn):
        for row in run(conn, "take_due", {}, folder=SQL):
            now: datetime = row.pop("now")
            schedule = schedule_from_row(row)
            try:
                due = _plan(schedule, now)
            except CronError as error:
                # Written by hand, or of a zone that is no more. Left due, it would be taken first
                # for ever, and no other would fire.
                save(conn, paused(schedule, now, by=actor, reason=f"cannot be fired: {error}"))
                return []
            return _fire(conn, schedule, due, now, actor=actor)
    return None


def next_due_in(conn: AnyConnection) -> float | None:
    """Return the seconds until a schedule is due, zero or less where one is; None for never."""
    (row,) = run(conn, "next_due", {}, folder=SQL)
    seconds: float | None = row["due_in_seconds"]
    return seconds


def next_due_query() -> bytes:
    """Return the query of `next_due_in`, for a caller that asks it beside something else."""
    return statement("next_due", SQL)


def _plan(schedule: Schedule, now: datetime) -> Due:
    if not schedule.is_payload_readable:
        raise CronError("its payload is not readable")
    return plan(schedule, schedule.read(), now)


def _fire(
    conn: AnyConnection, schedule: Schedule, due: Due, now: datetime, *, actor: str
) -> list[Fired]:
    occurrences = _not_recorded(conn, schedule.id, due.fire)
    fired = [
        Fired(
            schedule_id=schedule.id,
            schedule=schedule.name,
            occurrence_at=occurrence,
            job_id=enqueue(
                conn,
                actor=schedule.actor,
                dedupe_key=schedule.dedupe_key(occurrence),
                **schedule.job_fields(),
            ).id,
        )
        for occurrence in occurrences
    ]
    parameters = {
        "id": schedule.id,
        "fired_by": actor,
        "occurrences": occurrences,
        "job_ids": [one.job_id for one in fired],
        "next_at": due.next_at,
        "caught_up_to": max(now, schedule.caught_up_to),
        "last_fired_for": occurrences[-1] if occurrences else None,
        "last_missed_for": due.missed,
    }
    run(conn, "settle", parameters, folder=SQL)
    return fired


def _not_recorded(
    conn: AnyConnection, schedule_id: UUID, occurrences: list[datetime]
) -> list[datetime]:
    """Return the occurrences without a job: `caught_up_to` may have been set back by hand."""
    if not occurrences:
        return []
    parameters = {"id": schedule_id, "occurrences": occurrences}
    recorded = {row["occurrence_at"] for row in run(conn, "recorded", parameters, folder=SQL)}
    return [occurrence for occurrence in occurrences if occurrence not in recorded]
