"""`captorator_compose`: composes a caption from the facts in its payload."""

from __future__ import annotations

from app.captorator.composition import CaptionRefused, compose_caption
from app.captorator.job_type import JOB_TYPE
from app.captorator.request import ComposeCaption
from app.captorator.result import Composed
from app.captorator.store import store
from app.captorator.vocabulary import load_vocabulary
from worker.context import JobContext
from worker.handlers import handler
from worker.steering import GiveUp


@handler(JOB_TYPE.name, timeout_seconds=30, max_attempts=3, store=store)
def compose(job: JobContext, payload: ComposeCaption) -> Composed:
    """Compose; a request that is refused once is refused for good."""
    try:
        result = compose_caption(payload, load_vocabulary())
    except CaptionRefused as refused:
        raise GiveUp(str(refused)) from refused
    for part in result.left_out:
        job.log(f"no room for {part}")
    passed = sum(check.passed for check in result.checks)
    job.progress(1, total=1, message=f"{passed} of {len(result.checks)} checks passed")
    return Composed(request=payload, result=result)
