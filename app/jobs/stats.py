"""Figures of the jobs that ended, by minute and type, counted from the events.

Nothing of it is on the way of a job: whoever asks brings the figures up to date, a bounded number
of events at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from sqlalchemy import BigInteger, cast, func, select
from sqlalchemy.dialects.postgresql import REGCLASS

from app.db.connection import transaction
from app.db.tables import ops_job_events, ops_stats, ops_stats_mark
from app.jobs.query import rows
from app.jobs.statements import run

if TYPE_CHECKING:
    from app.db.connection import AnyConnection

Step = Literal["minute", "hour"]
_COUNTS = ("succeeded", "failed", "cancelled", "runs")
_SECONDS = ("run_seconds", "wait_seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What ended in one step of time. `runs` are those that a handler ended, well or badly.

    `run_seconds` is how long their last attempts took, `wait_seconds` how long they had waited for
    it once they were due, both summed over all of them.
    """

    at: datetime
    job_type: str
    succeeded: int
    failed: int
    cancelled: int
    runs: int
    run_seconds: float
    wait_seconds: float


def update_stats(conn: AnyConnection, *, limit: int = 20_000) -> bool:
    """Count up to `limit` jobs that ended since the last time; True where more are known of.

    Nothing is counted while a transaction that writes is older than the mark, or while another
    counts. To be called before the caller's transaction writes: the mark does not move otherwise.
    """
    with transaction(conn):
        _mark(conn)
        counted = run(conn, "stats/count", {"limit": limit})
        return bool(counted) and counted[0]["has_more"]


def read_stats(
    conn: AnyConnection,
    *,
    since: datetime,
    until: datetime,
    step: Step = "minute",
    job_type: str | None = None,
) -> list[Figures]:
    """Return the figures of each step and type in which a job ended, oldest first."""
    at = func.date_trunc(step, ops_stats.c.minute, "UTC").label("at")
    counts = [cast(func.sum(ops_stats.c[name]), BigInteger).label(name) for name in _COUNTS]
    seconds = [func.sum(ops_stats.c[name]).label(name) for name in _SECONDS]
    query = (
        select(at, ops_stats.c.job_type, *counts, *seconds)
        .where(ops_stats.c.minute >= since, ops_stats.c.minute < until)
        .group_by(at, ops_stats.c.job_type)
        .order_by(at, ops_stats.c.job_type)
    )
    if job_type is not None:
        query = query.where(ops_stats.c.job_type == job_type)
    return [Figures(**row) for row in rows(conn, query)]


def stats_counted_at(conn: AnyConnection) -> datetime | None:
    """Return the time up to which all that ended is counted; None where nothing ever was."""
    found = rows(conn, select(ops_stats_mark.c.counted_at).where(ops_stats_mark.c.counted_id > 0))
    return found[0]["counted_at"] if found else None


def _mark(conn: AnyConnection) -> None:
    sequence = cast(func.pg_get_serial_sequence(ops_job_events.name, "id"), REGCLASS)
    newest = select(
        func.clock_timestamp().label(
            "read_at"
        ),  # before the id: what ended by then has an older one
        func.coalesce(func.pg_sequence_last_value(sequence), 0).label("newest_id"),
    )
    run(conn, "stats/mark", rows(conn, newest)[0])
