"""Limits that all runners keep together: a row of `ops_limits` for each job type that has one.

The limits themselves are the handler's, and every claim brings its own. What stands in the row is
for readers, who have no handlers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from app.jobs.job import Limit
from app.jobs.statements import run

if TYPE_CHECKING:
    from app.db.connection import AnyConnection


def declare_limits(conn: AnyConnection, job_types: Collection[str]) -> None:
    """Make the rows that claims of limited job types lock; once, when a runner starts."""
    run(conn, "runners/declare_limits", {"job_types": sorted(job_types)})


def lock_limits(conn: AnyConnection, limits: Sequence[Limit]) -> None:
    """Make other claimers of these types wait until the caller's transaction ends.

    A row that tells other limits than these is corrected: a second statement, once after a handler
    has changed.
    """
    found = run(conn, "runners/lock_limits", {"job_types": [limit.job_type for limit in limits]})
    told = {
        row["job_type"]: (row["most_running"], row["most_for_key"], row["rate"], row["burst"])
        for row in found
    }
    changed = [
        limit
        for limit in limits
        if told.get(limit.job_type)
        != (limit.most_running, limit.most_for_key, limit.rate, limit.burst)
    ]
    if changed:
        parameters = {
            "job_types": [limit.job_type for limit in changed],
            "most_running": [limit.most_running for limit in changed],
            "most_for_key": [limit.most_for_key for limit in changed],
            "rates": [limit.rate for limit in changed],
            "bursts": [limit.burst for limit in changed],
        }
        run(conn, "runners/note_limits", parameters)
