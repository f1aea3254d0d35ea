"""`nearsight_collect_refresh`: reads news feeds and ranks their headlines."""

from __future__ import annotations

from app.fetch.document import FetchLimits
from app.nearsight.collection import collect_stories
from app.nearsight.job_type import JOB_TYPE
from app.nearsight.payload import CollectPayload
from app.nearsight.policy import load_policy
from app.nearsight.sources import load
from app.nearsight.store import store
from app.nearsight.story import Collected, SourceOutcome
from worker.context import JobContext
from worker.handlers import handler

TIMEOUT_SECONDS = 120
READING_SECONDS = 90
"""What is left of the timeout pays for joining and ranking."""


@handler(JOB_TYPE.name, timeout_seconds=TIMEOUT_SECONDS, max_attempts=3, load=load, store=store)
def collect(job: JobContext, payload: CollectPayload) -> Collected:
    """Read every source, showing each one as it comes in."""
    total = len(payload.sources)
    done = 0

    def show(outcome: SourceOutcome) -> None:
        nonlocal done
        job.raise_if_cancelled()
        done += 1
        job.progress(done, total=total, message=_line(outcome))
        if outcome.status == "failed":
            job.log(_line(outcome))

    job.progress(0, total=total, message=f"reading {total} sources")
    return collect_stories(
        payload,
        FetchLimits.from_settings(job.settings),
        load_policy(),
        budget_seconds=READING_SECONDS,
        on_outcome=show,
    )


def _line(outcome: SourceOutcome) -> str:
    if outcome.status == "failed":
        return f"{outcome.name}: failed, {outcome.error}"
    if outcome.status == "unchanged":
        return f"{outcome.name}: nothing new"
    return f"{outcome.name}: {outcome.items} headlines"
