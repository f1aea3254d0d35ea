"""`metrics_refresh`: reads the numbers of social pages from its payload or from a document."""

from __future__ import annotations

from app.fetch.document import FetchLimits, fetch
from app.fetch.errors import AddressRefused
from app.metrics.job_type import JOB_TYPE
from app.metrics.payload import RefreshPayload
from app.metrics.report import ACCEPT, NotAReport, read_report
from app.metrics.result import Refreshed
from app.metrics.store import store
from worker.context import JobContext
from worker.handlers import handler
from worker.steering import GiveUp


@handler(JOB_TYPE.name, timeout_seconds=60, max_attempts=3, store=store)
def refresh(job: JobContext, payload: RefreshPayload) -> Refreshed:
    """Return the snapshots; a document that cannot be reached is worth another attempt."""
    if payload.url is None:
        return Refreshed(snapshots=payload.snapshots)
    job.progress(0, total=2, message="fetching the document")
    try:
        limits = FetchLimits.from_settings(job.settings)
        report = read_report(fetch(payload.url, limits, accept=ACCEPT).body)
    except (AddressRefused, NotAReport) as error:
        raise GiveUp(str(error)) from error
    if report.rejected_count:
        job.log(f"{report.rejected_count} rows passed over")
    job.progress(2, total=2, message=f"{len(report.snapshots)} snapshots read")
    return Refreshed(
        snapshots=report.snapshots,
        rejected_rows=report.rejected,
        rejected=report.rejected_count,
    )
