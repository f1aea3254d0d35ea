"""The JSON of schedules, made from their records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from app.schedules import CronError, MissedPolicy, Schedule
from app.web.answers import Answer, Page, Time, WarningAnswer
from app.web.headers import CANONICAL

_RUNS_SHOWN = 5


class ScheduleLinks(Answer):
    self: str
    run: str
    pause: str
    resume: str


class RunAnswer(Answer):
    """When it will run: the instant, and what the clock of its zone shows then."""

    at: Time
    local: str


class FireAnswer(Answer):
    """An occurrence that was fired; `status` is its job's now, null where the job is gone."""

    occurrence_at: Time
    fired_at: Time
    fired_by: str
    job_id: UUID
    status: str | None


class ScheduleAnswer(Answer):
    """A schedule, as recorded, and when it runs next."""

    id: UUID
    name: str
    cron: str
    description: str | None = Field(description="The expression in English.")
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
    paused_at: Time | None
    paused_by: str | None
    pause_reason: str | None
    next_at: Time | None
    next_runs: list[RunAnswer] = Field(description="The next five; none while paused.")
    last_fired_for: Time | None
    last_missed_for: Time | None = Field(description="The newest that was passed over.")
    created_at: Time
    updated_at: Time
    created_by: str | None
    links: ScheduleLinks


class ScheduleCreatedAnswer(ScheduleAnswer):
    """The schedule, and what its creator should know."""

    warnings: list[WarningAnswer]


class ScheduleReadAnswer(ScheduleAnswer):
    """The schedule, and what it fired last."""

    fires: list[FireAnswer]


class SchedulePage(Page[ScheduleAnswer]):
    """Schedules by name."""


def schedule_url(name: str) -> str:
    return f"{CANONICAL}schedules/{name}"


def schedule_fields(schedule: Schedule, now: datetime) -> Mapping[str, Any]:
    """Return the fields of a ScheduleAnswer, for it or for an answer that says more.

    A row that was written by hand may have no description and no runs.
    """
    url = schedule_url(schedule.name)
    try:
        cron = schedule.read()
        description = cron.description
        runs = [] if schedule.paused_at is not None else cron.upcoming(now, _RUNS_SHOWN)
        next_runs = [
            RunAnswer(at=at, local=at.astimezone(cron.zone).isoformat(timespec="seconds"))
            for at in runs
        ]
    except CronError:
        description, next_runs = None, []
    own = set(ScheduleAnswer.model_fields) - {"description", "next_runs", "links"}
    return {
        **{name: getattr(schedule, name) for name in own},
        "description": description,
        "next_runs": next_runs,
        "links": ScheduleLinks(
            self=url, run=f"{url}/run", pause=f"{url}/pause", resume=f"{url}/resume"
        ),
    }


def schedule_answer(schedule: Schedule, now: datetime) -> ScheduleAnswer:
    return ScheduleAnswer.model_validate(schedule_fields(schedule, now))
