"""`test_job`: echoes its payload, sleeps or fails when asked; in development and testing only."""

from __future__ import annotations

import sys

from app.jobs.test_job import JOB_TYPE, Echo, EchoRequest
from worker.context import JobContext
from worker.handlers import handler


@handler(JOB_TYPE.name)
def echo(job: JobContext, payload: EchoRequest) -> Echo:
    """Print, sleep (noticing a stop), fail or echo, in this order."""
    if payload.output is not None:
        print(payload.output)
        print(payload.output, file=sys.stderr)
    if payload.sleep_seconds:
        job.progress(0, total=1, message="sleeping")
        job.sleep(payload.sleep_seconds)
        job.progress(1, total=1)
    if payload.fail:
        raise RuntimeError(payload.fail if isinstance(payload.fail, str) else "asked to fail")
    return Echo(echo=payload.model_dump(mode="json", exclude_unset=True))
