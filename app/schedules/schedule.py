"""The shapes of a schedule: as asked for, as recorded, and as it fired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.db.lenient_json import UNDECODABLE, lenient_json
from app.schedules.cron import Cron, read_cron


class MissedPolicy(StrEnum):
    """What becomes of occurrences that nobody fired in time."""

    SKIP = "skip"
    LAST = "last"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    """A schedule to be created. `catch_up_most` bounds what the policy `all` makes up for."""

    name: str
    cron: str
    job_type: str
    time_zone: str = "UTC"
    payload: Mapping[str, Any] = field(default_factory=dict)
    queue: str = "default"
    priority: int = 5
    max_attempts: int | None = None
    timeout_seconds: int | None = None
    tags: Sequence[str] = ()
    missed_policy: MissedPolicy = MissedPolicy.LAST
    catch_up_most: int = 10
    created_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A row of `ops_schedules`.

    Every occurrence until `caught_up_to` was fired or passed over; `next_at` is the one after, null
    while paused. `last_missed_for` is the newest that was passed over.
    """

    id: UUID
    name: str
    cron: str
    time_zone: str
    job_type: str
    payload: dict[str, Any]
    queue: str
    priority: int
    max_attempts: int | None
    timeout_seconds: int | None
    tags: list[str]
    missed_policy: MissedPolicy
    catch_up_most: int
    paused_at: datetime | None
    paused_by: str | None
    pause_reason: str | None
    next_at: datetime | None
    caught_up_to: datetime
    last_fired_for: datetime | None
    last_missed_for: datetime | None
    created_at: datetime
    updated_at: datetime
    created_by: str | None

    @property
    def actor(self) -> str:
        """Who its jobs are enqueued by."""
        return f"schedule:{self.name}"

    def read(self) -> Cron:
        """Return its expression. Raises CronError, which only a row written by hand can cause."""
        return read_cron(self.cron, self.time_zone)

    @property
    def is_payload_readable(self) -> bool:
        return self.payload is not UNDECODABLE

    def dedupe_key(self, occurrence: datetime) -> str:
        """Return what the job of an occurrence says it is for: `hourly@2026-01-31T09:00Z`."""
        return f"{self.name}@{occurrence.astimezone(UTC):%Y-%m-%dT%H:%MZ}"

    def job_fields(self) -> dict[str, Any]:
        """Return the fields of the NewJob that it makes."""
        return {
            "job_type": self.job_type,
            "payload": self.payload,
            "queue": self.queue,
            "priority": self.priority,
            "max_attempts": self.max_attempts,
            "timeout_seconds": self.timeout_seconds,
            "tags": self.tags,
            "requested_by": self.actor,
            "schedule_id": self.id,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire:
    """A row of `ops_schedule_fires`; `status` is that of its job now, None where that is gone."""

    occurrence_at: datetime
    fired_at: datetime
    fired_by: str
    job_id: UUID
    status: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """A job that was just made for an occurrence."""

    schedule_id: UUID
    schedule: str
    occurrence_at: datetime
    job_id: UUID


SCHEDULE_COLUMNS = tuple(Schedule.__slots__)


def schedule_from_row(row: Mapping[str, Any]) -> Schedule:
    """Make a Schedule of a row whose payload is text."""
    return Schedule(
        **{
            **row,
            "payload": lenient_json(row["payload"]),
            "missed_policy": MissedPolicy(row["missed_policy"]),
        }
    )
