"""The shapes of a job: as asked for, as recorded, as claimed, and as it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from app.jobs.states import Status


class NewJob(NamedTuple):
    """A job to be enqueued. `max_attempts` and `timeout_seconds` of None are the handler's own.

    Jobs of a type that share a `concurrency_key` are served in turn with others, and may be limited
    together; without one a job stands for itself.
    """

    job_type: str
    payload: Mapping[str, Any] = MappingProxyType({})
    queue: str = "default"
    priority: int = 5
    available_at: datetime | None = None
    delay_seconds: float | None = None
    max_attempts: int | None = None
    timeout_seconds: int | None = None
    concurrency_key: str = ""
    dedupe_key: str | None = None
    tags: Sequence[str] = ()
    requested_by: str | None = None
    request_id: str | None = None
    replay_of: UUID | None = None
    schedule_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A row of `ops_jobs`. `is_new` is False where an equal job was there already."""

    id: UUID
    seq: int
    job_type: str
    queue: str
    status: Status
    priority: int
    payload: dict[str, Any]
    result: Any
    error: str | None
    attempt: int
    max_attempts: int | None
    rescues: int
    claim_seq: int
    runner_instance: UUID | None
    requested_by: str | None
    request_id: str | None
    available_at: datetime
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    progress: dict[str, Any] | None
    concurrency_key: str
    dedupe_key: str | None
    timeout_seconds: int | None
    tags: list[str]
    replay_of: UUID | None
    schedule_id: UUID | None
    is_new: bool = True


JOB_COLUMNS = tuple(name for name in Job.__slots__ if name != "is_new")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A row of `ops_job_events`."""

    id: int
    job_id: UUID
    kind: str
    at: datetime
    actor: str
    attempt: int | None
    claim_seq: int | None
    message: str | None
    data: dict[str, Any] | None


class Held(NamedTuple):
    """One claim, named by its fence; `claim_seq` is None for a job that is still queued."""

    id: UUID
    claim_seq: int | None


class Lane(NamedTuple):
    """Jobs that share a claim among them; (`due_at`, `mark`) is where the last claim ended.

    `mark` is the `seq` of the last job claimed, 0 for none.
    """

    priority: int
    queue: str
    job_type: str
    concurrency_key: str
    due_at: datetime
    mark: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How much of one job type may run; None for no bound.

    Over all runners: `most_running` jobs, `most_for_key` that share a concurrency key, and `rate`
    claims a second, after `burst` at once. `most_now` bounds this claim alone.
    """

    job_type: str
    most_now: int | None = None
    most_running: int | None = None
    most_for_key: int | None = None
    rate: float | None = None
    burst: float | None = None

    @property
    def is_shared(self) -> bool:
        """Whether it speaks of other runners too."""
        return (self.most_running, self.most_for_key, self.rate) != (None, None, None)


class Claim(NamedTuple):
    """What a runner learns of a job that it claimed; its fields are the columns of sql/claim.sql.

    The payload is text: decoding it may fail, and must fail for this job alone. `batch` names the
    claims that were taken together, for `close_claims` when the last of them is settled.
    """

    id: UUID
    claim_seq: int
    batch: int
    job_type: str
    queue: str
    priority: int
    concurrency_key: str
    available_at: datetime
    seq: int
    attempt: int
    max_attempts: int | None
    timeout_seconds: int | None
    cancel_requested: bool
    payload_text: str


class Success(NamedTuple):
    """`result_text` is JSON, already checked to be storable as jsonb."""

    id: UUID
    claim_seq: int
    result_text: str | None


class Retry(NamedTuple):
    id: UUID
    claim_seq: int
    error: str
    delay_seconds: float


class Failure(NamedTuple):
    id: UUID
    claim_seq: int
    error: str


class Report(NamedTuple):
    """A line of a running job's history; `kind` is progress, log or output."""

    id: UUID
    claim_seq: int
    kind: str
    message: str | None = None
    data: Mapping[str, Any] | None = None


class Look(NamedTuple):
    """Seconds until the next job is due and until the next foreign lease ends; None for never.

    `beside_in_seconds` answers what was asked in the same statement.
    """

    due_in_seconds: float | None
    lease_ends_in_seconds: float | None
    beside_in_seconds: float | None = None
