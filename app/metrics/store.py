"""The end of a refresh: pages and snapshots are kept, one per page and day, and compared.

It runs in the transaction that finishes the job, so it is short and commits nothing itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from app.jobs.statements import run
from app.metrics.result import Change, PageReport, Refreshed, RefreshResult
from app.metrics.snapshot import Snapshot
from app.metrics.sql import SQL

if TYPE_CHECKING:
    from app.db.connection import AnyConnection

MAX_PAGES_REPORTED = 200


def store(connection: AnyConnection, job_id: UUID, refreshed: Refreshed) -> RefreshResult:
    """Keep the snapshots. Storing the same ones again changes no row."""
    # Of two rows for one page and day the later one counts: a report is corrected at its end.
    latest = {(one.platform, one.page_key, one.taken_on): one for one in refreshed.snapshots}
    snapshots = list(latest.values())
    page_ids = _page_ids(connection, snapshots)
    keys = {
        "page_ids": [page_ids[one.platform, one.page_key] for one in snapshots],
        "days": [one.taken_on for one in snapshots],
    }
    counts = {
        "followers": [one.followers for one in snapshots],
        "posts": [one.posts for one in snapshots],
        "engagement": [one.engagement for one in snapshots],
    }
    parameters = {"job_id": job_id, **keys, **counts}
    (written,) = run(connection, "upsert_snapshots", parameters, folder=SQL)
    changes = run(connection, "changes", {**keys, "limit": MAX_PAGES_REPORTED}, folder=SQL)
    return RefreshResult(
        read=len(refreshed.snapshots),
        new=written["new"],
        changed=written["changed"],
        unchanged=len(snapshots) - written["new"] - written["changed"],
        superseded=len(refreshed.snapshots) - len(snapshots),
        rejected=refreshed.rejected,
        rejected_rows=refreshed.rejected_rows,
        pages=[_page_report(row) for row in changes],
    )


def _page_ids(connection: AnyConnection, snapshots: list[Snapshot]) -> dict[tuple[str, str], int]:
    pages = {(one.platform, one.page_key): one.page for one in snapshots}
    parameters = {
        "platforms": [platform for platform, _ in pages],
        "page_keys": [page_key for _, page_key in pages],
        "pages": list(pages.values()),
    }
    rows = run(connection, "upsert_pages", parameters, folder=SQL)
    return {(row["platform"], row["page_key"]): row["id"] for row in rows}


def _page_report(row: dict[str, Any]) -> PageReport:
    change = None
    if row["since"] is not None:
        change = Change(
            since=row["since"],
            days=row["days"],
            followers=row["followers_change"],
            posts=row["posts_change"],
            engagement=row["engagement_change"],
        )
    return PageReport(
        page=row["page"],
        platform=row["platform"],
        taken_on=row["taken_on"],
        followers=row["followers"],
        posts=row["posts"],
        engagement=row["engagement"],
        change=change,
    )
