"""What callers may send: bodies and query parameters, closed and strict."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator

from app.jobs.states import Status
from app.jobs.stats import Step
from app.web.fields import (
    AheadInstant,
    EventId,
    Instant,
    Limit,
    Name,
    NearInstant,
    Switch,
    Tag,
    Text,
)

_TEN_YEARS_SECONDS = 315_360_000


class Body(BaseModel):
    """Base of request bodies: unknown fields are refused, and nothing is converted."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Query(BaseModel):
    """Base of query parameters. Values arrive as text; each field's type reads its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pretty: Switch | None = Field(None, description="Indent the answer; curl gets that anyway.")


class JobFields(Body):
    """What may be said of a new job."""

    job_type: Name | None = Field(
        None, description="The kind of work; leave it out to wake the runner only."
    )
    payload: dict[str, Any] = Field(
        default_factory=dict,
        description="What the handler gets; checked against the job type where it is known.",
    )
    queue: Name = Field("default", description="The lane the job waits in.")
    priority: int = Field(5, ge=0, le=9, description="0 runs first.")
    available_at: NearInstant | None = Field(
        None, description="Not to be run before; with a zone, within ten years."
    )
    run_at: NearInstant | None = Field(None, description="Another name of available_at.")
    delay_seconds: float | None = Field(
        None, ge=0, le=_TEN_YEARS_SECONDS, description="Instead of available_at: from now."
    )
    max_attempts: int | None = Field(None, ge=1, le=100, description="The handler's where absent.")
    timeout_seconds: int | None = Field(
        None, ge=1, le=86_400, description="The handler's where absent."
    )
    concurrency_key: Annotated[str, Field(max_length=200)] = Field(
        "", description="Jobs of a type that share it are served in turn, and limited together."
    )
    dedupe_key: Text | None = Field(
        None, description="While a job of this type and key is active, that one is answered."
    )
    tags: Annotated[list[Tag], Field(max_length=20)] = Field(
        default_factory=list, description="Labels to filter by."
    )
    requested_by: Text | None = Field(None, description="Who asked, in your words.")

    @model_validator(mode="after")
    def _one_due_time(self) -> Self:
        if (self.available_at, self.run_at, self.delay_seconds).count(None) < 2:
            raise ValueError("give one of available_at, run_at and delay_seconds")
        return self


class NewJobBody(JobFields):
    """A job to be created."""

    job_type: Name = Field(description="The kind of work.")


class BatchBody(RootModel[list[NewJobBody]]):
    """Jobs to be created together, all or none."""

    root: Annotated[list[NewJobBody], Field(min_length=1, max_length=10_000)]


class TriggerBody(JobFields):
    """A job to be created and named to the runner; without `job_type` the runner is only woken."""

    @model_validator(mode="after")
    def _job_type_with_fields(self) -> Self:
        if self.job_type is None and self.model_fields_set - {"job_type"}:
            raise ValueError("job_type is required where other fields are given")
        return self


class CancelBody(Body):
    """Why a job is cancelled; kept in its history."""

    reason: Annotated[Text, Field(max_length=500)] | None = None


class QueuePauseBody(Body):
    """Why a queue is paused, and until when."""

    reason: Annotated[Text, Field(max_length=500)] | None = None
    until: AheadInstant | None = Field(None, description="Then it resumes by itself.")
    requested_by: Text = Field("api", description="Who pauses it, in your words.")


class NothingBody(Body):
    """Nothing can be said here yet; a field that is sent all the same is refused."""


class ReplayBody(Body):
    """What is different about the new job."""

    payload: dict[str, Any] | None = Field(None, description="Instead of the job's own.")
    requested_by: Text | None = Field(None, description="Who asked, in your words.")


class CreateQuery(Query):
    wake: Switch = Field(
        True, description="0 holds the wake-up back.", json_schema_extra={"default": "1"}
    )


class JobsQuery(Query):
    status: Status | None = None
    job_type: Name | None = None
    queue: Name | None = None
    tag: Tag | None = None
    since: Instant | None = Field(None, description="Created at or after; write + as %2B.")
    until: Instant | None = Field(None, description="Created before.")
    limit: Limit = 50
    cursor: str | None = Field(None, description="`next_cursor` of the page before.")


class StatsQuery(Query):
    since: NearInstant | None = Field(None, description="60 steps before the end where absent.")
    until: NearInstant | None = Field(None, description="Now where absent.")
    step: Step = Field("minute", description="A day of minutes at most, or a week of hours.")
    job_type: Name | None = None


class EventsQuery(Query):
    after: EventId | None = Field(None, description="Only events with an id above this one.")
    limit: Limit = 50
    cursor: str | None = Field(None, description="`next_cursor` of the page before.")
