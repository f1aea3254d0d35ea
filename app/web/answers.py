"""What callers get: the shape of every successful answer, and of every error."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from app.jobs.states import Status
from app.web.wake import WakeStatus

Item = TypeVar("Item")


def _utc(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


Time = Annotated[datetime, PlainSerializer(_utc, return_type=str, when_used="json")]


class Answer(BaseModel):
    """Base of answers; readable from the dataclasses of the core."""

    model_config = ConfigDict(from_attributes=True, extra="forbid")


class JobLinks(Answer):
    self: str
    events: str
    cancel: str
    retry: str
    replay: str


class WaitingReason(Answer):
    """Why a queued job is not running yet; `seconds` is how long that lasts, where it is known."""

    code: str
    detail: str
    seconds: float | None
    is_estimate: bool


class JobAnswer(Answer):
    """A job, as recorded."""

    id: UUID
    job_type: str
    queue: str
    status: Status
    priority: int
    payload: dict[str, Any]
    result: Any
    error: str | None
    attempt: int
    max_attempts: int | None
    progress: dict[str, Any] | None
    created_at: Time
    available_at: Time
    started_at: Time | None
    finished_at: Time | None
    updated_at: Time
    cancel_requested_at: Time | None
    requested_by: str | None
    request_id: str | None
    runner_instance: UUID | None
    claim_seq: int
    rescues: int
    timeout_seconds: int | None
    tags: list[str]
    concurrency_key: str
    dedupe_key: str | None
    replay_of: UUID | None
    schedule_id: UUID | None
    seq: int
    links: JobLinks


class JobReadAnswer(JobAnswer):
    """A job, and why it is not running if it is queued."""

    waiting_reason: WaitingReason | None


class RunnerSeen(Answer):
    """Whether a runner will take the job; `online` is null where that is not known.

    An idle runner gives no sign of life by itself; that it is there shows when it answers a wake.
    """

    online: bool | None
    last_seen_seconds: float | None


class WakeAnswer(Answer):
    """What became of the wake-up; of several runners, the best that happened."""

    sent: bool
    status: WakeStatus


class WarningAnswer(Answer):
    """Something that did not stop the request but that the caller should know."""

    code: str
    detail: str
    hint: str | None = None


class AcceptedAnswer(Answer):
    """What is said of the runner wherever work is accepted."""

    runner: RunnerSeen
    wake: WakeAnswer | None
    warnings: list[WarningAnswer]


class CreatedAnswer(AcceptedAnswer, JobAnswer):
    """The job, and who will run it."""

    deduplicated: bool = Field(description="True where an active job had the same dedupe_key.")


class RetriedAnswer(AcceptedAnswer, JobAnswer):
    """The job, queued again, and who will run it."""


class BatchAnswer(AcceptedAnswer):
    """The ids of the jobs, in the order they were sent, and who will run them."""

    ids: list[UUID]


class EventAnswer(Answer):
    """One line of a job's history."""

    id: int
    job_id: UUID
    kind: str
    at: Time
    actor: str
    attempt: int | None
    claim_seq: int | None
    message: str | None
    data: dict[str, Any] | None


class Page(Answer, Generic[Item]):
    """One page of a list; `next_cursor` is null on the last one."""

    data: list[Item]
    has_more: bool
    next_cursor: str | None


class ProblemError(Answer):
    code: str
    detail: str
    pointer: str | None = Field(None, description="A JSON pointer into the body.")
    parameter: str | None = Field(None, description="The name of a query parameter.")
    header: str | None = Field(None, description="The name of a request header.")


class ProblemAnswer(BaseModel):
    """An error, as RFC 9457 has it."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str
    hint: str | None = None
    request_id: str
    errors: list[ProblemError] = []


class JobPage(Page[JobAnswer]):
    """Jobs, newest first."""


class EventPage(Page[EventAnswer]):
    """The history of a job, oldest first."""
