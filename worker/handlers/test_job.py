"""`test_job`: echoes its payload, sleeps or fails when asked; in development and testing only."""

from __future__ import annotations

import sys
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from worker.context import JobContext
from worker.handlers import handler


class EchoRequest(BaseModel):
    """What the echo is asked to do; unknown fields are welcome here, and come back."""

    model_config = ConfigDict(extra="allow")

    sleep_seconds: float = Field(default=0, ge=0, le=3_600)
    fail: bool | str = False
    output: str | None = None


class Echo(BaseModel):
    """The payload as it arrived."""

    echo: dict[str, Any]


@handler("test_job")
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
