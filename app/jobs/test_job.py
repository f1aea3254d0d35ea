"""`test_job`: the job type that tries the whole path; in development and testing alone."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.jobs.types import JobType


class EchoRequest(BaseModel):
    """What the echo is asked to do; unknown fields are welcome here, and come back."""

    model_config = ConfigDict(extra="allow")

    sleep_seconds: float = Field(default=0, ge=0, le=3_600)
    fail: bool | str = False
    output: str | None = None


class Echo(BaseModel):
    """The payload as it arrived."""

    echo: dict[str, Any]


JOB_TYPE = JobType(
    name="test_job",
    payload=EchoRequest,
    result=Echo,
    summary="Print, sleep or fail when asked, or echo the payload.",
    example={"test": True},
)
