"""Makes schedules for tests, and makes them late: the row is aged, not the clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from app import schedules
from app.schedules import Schedule
from tests.factories import TYPE

Conn = psycopg.Connection[Any]


def a_schedule(
    conn: Conn, name: str = "hourly", cron: str = "0 * * * *", **fields: Any
) -> Schedule:
    """Create a schedule; its first occurrence lies ahead."""
    new = schedules.NewSchedule(**{"name": name, "cron": cron, "job_type": TYPE, **fields})
    return schedules.create_schedule(conn, new)


def make_late(conn: Conn, name: str = "hourly", **interval: float) -> None:
    """Let nobody have fired for a while: hours=3, minutes=1."""
    conn.execute(
        "update ops_schedules set caught_up_to = now() - make_interval("
        "  hours => %(hours)s, mins => %(minutes)s, days => %(days)s),"
        " next_at = now() where name = %(name)s",
        {"hours": 0, "minutes": 0, "days": 0, **interval, "name": name},
    )


def a_due_schedule(conn: Conn, name: str = "hourly", **fields: Any) -> Schedule:
    """Create a schedule that missed exactly one occurrence, less than an hour ago."""
    made = a_schedule(conn, name, **fields)
    make_late(conn, name, hours=1)
    return made


def fires(conn: Conn) -> list[tuple[datetime, UUID]]:
    """Return occurrence and job of every fire, oldest first."""
    return conn.execute(
        "select occurrence_at, job_id from ops_schedule_fires order by schedule_id, occurrence_at"
    ).fetchall()


def job_ids(conn: Conn) -> list[UUID]:
    """Return the jobs that schedules made, in order."""
    rows = conn.execute("select id from ops_jobs where schedule_id is not null order by seq")
    return [job_id for (job_id,) in rows.fetchall()]


def check_one_job_for_each_fire(conn: Conn) -> None:
    """Hold the record of fires against the jobs and the calendar: none has what another lacks."""
    for name in conn.execute("select name from ops_schedules where paused_at is null").fetchall():
        schedule = schedules.get_schedule(conn, *name)
        for fire in schedules.list_fires(conn, schedule.id, limit=1_000):
            before = fire.occurrence_at - timedelta(minutes=1)
            assert schedule.read().after(before) == fire.occurrence_at
    assert sorted(job for _, job in fires(conn)) == sorted(job_ids(conn))
    wrong = conn.execute(
        "select j.id from ops_jobs j"
        " left join ops_schedule_fires f on f.job_id = j.id"
        " left join ops_schedules s on s.id = f.schedule_id"
        " left join ops_job_events e on e.job_id = j.id and e.kind = 'queued'"
        " where (j.schedule_id, j.dedupe_key, e.actor) is distinct from"
        "       (s.id, s.name || to_char(f.occurrence_at at time zone 'utc',"
        '                                \'"@"YYYY-MM-DD"T"HH24:MI"Z"\'),'
        "        'schedule:' || s.name)"
    )
    assert wrong.fetchall() == []
