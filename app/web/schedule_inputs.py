"""What callers may send about schedules."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from app.schedules import MissedPolicy, ScheduleNotFound, read_expression, read_time_zone
from app.schedules.cron import MAX_LENGTH
from app.web.fields import Limit, Name, Tag, Text
from app.web.inputs import Body, Query

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}", re.ASCII)


def _is_time_zone(name: str) -> str:
    read_time_zone(name)
    return name


Cron = Annotated[
    str,
    AfterValidator(read_expression),
    WithJsonSchema({"type": "string", "maxLength": MAX_LENGTH, "examples": ["30 2 * * *"]}),
    Field(description="Five fields: minute, hour, day of month, month, day of week."),
]
TimeZone = Annotated[
    str,
    AfterValidator(_is_time_zone),
    Field(description="An IANA name.", examples=["Europe/Berlin"]),
]
Priority = Annotated[int, Field(ge=0, le=9, description="0 runs first.")]
MaxAttempts = Annotated[int, Field(ge=1, le=100)]
TimeoutSeconds = Annotated[int, Field(ge=1, le=86_400)]
Tags = Annotated[list[Tag], Field(max_length=20)]
Missed = Annotated[
    Literal["skip", "last", "all"],
    Field(description="What becomes of occurrences that nobody fired in time."),
]
CatchUpMost = Annotated[int, Field(ge=1, le=100, description="The most that `all` makes up for.")]


class NewScheduleBody(Body):
    """A schedule to be created: when, and which job."""

    name: Name = Field(description="Its name for ever; no other has it.")
    cron: Cron
    job_type: Name = Field(description="The kind of work.")
    time_zone: TimeZone = "UTC"
    payload: dict[str, Any] = Field(
        default_factory=dict, description="What the handler gets each time; checked like a job's."
    )
    queue: Name = "default"
    priority: Priority = 5
    max_attempts: MaxAttempts | None = Field(None, description="The handler's where absent.")
    timeout_seconds: TimeoutSeconds | None = Field(None, description="The handler's where absent.")
    tags: Tags = Field(default_factory=list, description="Labels of its jobs.")
    missed_policy: Missed = "last"
    catch_up_most: CatchUpMost = 10
    created_by: Text | None = Field(None, description="Who asked, in your words.")


def _without_default(schema: dict[str, Any]) -> None:
    del schema["default"]


# Left out it stays as it is; null is no value of these fields.
_ABSENT: Any = Field(None, json_schema_extra=_without_default)


class ScheduleChangesBody(Body):
    """What is to be changed; what is left out stays. Another time starts the schedule anew."""

    cron: Cron = _ABSENT
    time_zone: TimeZone = _ABSENT
    job_type: Name = _ABSENT
    payload: dict[str, Any] = _ABSENT
    queue: Name = _ABSENT
    priority: Priority = _ABSENT
    max_attempts: MaxAttempts | None = Field(None, description="Null for the handler's.")
    timeout_seconds: TimeoutSeconds | None = Field(None, description="Null for the handler's.")
    tags: Tags = _ABSENT
    missed_policy: Missed = _ABSENT
    catch_up_most: CatchUpMost = _ABSENT

    def changes(self) -> dict[str, Any]:
        """Return the fields that were sent."""
        sent = {name: getattr(self, name) for name in self.model_fields_set}
        if "missed_policy" in sent:
            sent["missed_policy"] = MissedPolicy(sent["missed_policy"])
        return sent


class PauseBody(Body):
    """Who pauses a schedule, and why."""

    paused_by: Text = Field("api", description="Who, in your words.")
    reason: Text | None = None


class SchedulesQuery(Query):
    limit: Limit = 50
    cursor: str | None = Field(None, description="`next_cursor` of the page before.")


def read_schedule_name(text: str) -> str:
    """Return the name in a path; a malformed one is as unknown as any other."""
    if not _NAME.fullmatch(text):
        raise ScheduleNotFound(text)
    return text
