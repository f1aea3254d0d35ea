"""Our own no-op handlers, one for each kind of slot; runners load them by RUNNER_HANDLERS."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from bench import tally
from bench.job_types import JOB_TYPES, TEN_TYPES
from worker.context import JobContext
from worker.handlers import handler


class Noop(BaseModel):
    """The payload that every system is given."""

    model_config = ConfigDict(extra="forbid")

    n: int
    trace: bool
    text: str


def _noop(job: JobContext, payload: Noop) -> dict[str, bool]:
    tally.record({"n": payload.n, "trace": payload.trace})
    return {"ok": True}


handler(JOB_TYPES["process"], slot="process")(_noop)
for _job_type in (JOB_TYPES["thread"], *TEN_TYPES):
    handler(_job_type, slot="thread")(_noop)
