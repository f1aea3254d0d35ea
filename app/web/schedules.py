"""Schedules: create, list, read, change, delete, pause, resume."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Blueprint, Response

from app.schedules import (
    MissedPolicy,
    NewSchedule,
    Schedule,
    change_schedule,
    create_schedule,
    database_now,
    delete_schedule,
    get_schedule,
    list_fires,
    list_schedules,
    pause_schedule,
    resume_schedule,
)
from app.web.cursor import decode_name, encode_name
from app.web.inputs import Query
from app.web.known_types import check_payload, type_warnings
from app.web.operation import Reply, operation
from app.web.plane import current_plane
from app.web.respond import json_response
from app.web.schedule_answers import (
    FireAnswer,
    ScheduleAnswer,
    ScheduleCreatedAnswer,
    SchedulePage,
    ScheduleReadAnswer,
    schedule_answer,
    schedule_fields,
    schedule_url,
)
from app.web.schedule_inputs import (
    NewScheduleBody,
    PauseBody,
    ScheduleChangesBody,
    SchedulesQuery,
    read_schedule_name,
)
from app.web.waking import wake_runner

if TYPE_CHECKING:
    from sqlalchemy import Connection

blueprint = Blueprint("schedules", __name__)

EXAMPLE = {
    "name": "metrics_daily",
    "cron": "30 6 * * *",
    "time_zone": "Europe/Berlin",
    "job_type": "metrics_refresh",
    "payload": {"url": "https://example.com/metrics.csv"},
}
_DATABASE = ("database_unavailable", "schema_not_current")
_ONE = ("schedule_not_found", *_DATABASE)


@blueprint.post("/schedules")
@operation(
    tag="Schedules",
    summary="Create a schedule",
    flag="jobs_enabled",
    body=NewScheduleBody,
    example=EXAMPLE,
    replies={
        201: Reply(
            description="It fires from its next occurrence on.",
            model=ScheduleCreatedAnswer,
            headers={"Location": "Where the schedule is."},
        )
    },
    problems=("invalid_payload", "schedule_exists", *_DATABASE),
)
def create(query: Query, body: NewScheduleBody) -> Response:
    """Each occurrence of the expression in its time zone makes one job, whoever fires it.

    The runner fires schedules by itself, at their time; the cron does so as well.
    """
    plane = current_plane()
    check_payload(plane, body.job_type, body.payload)
    fields = {**body.model_dump(), "missed_policy": MissedPolicy(body.missed_policy)}
    with plane.transaction() as conn:
        schedule = create_schedule(conn, NewSchedule(**fields))
        now = database_now(conn)
    wake_runner(plane.settings)
    warnings = type_warnings(plane, schedule.job_type)
    answer = {**schedule_fields(schedule, now), "warnings": warnings}
    return json_response(
        ScheduleCreatedAnswer.model_validate(answer),
        201,
        {"Location": schedule_url(schedule.name)},
    )


@blueprint.get("/schedules")
@operation(
    tag="Schedules",
    summary="List schedules",
    flag="jobs_enabled",
    is_conditional=True,
    query=SchedulesQuery,
    replies={200: Reply(description="One page.", model=SchedulePage)},
    problems=_DATABASE,
)
def index(query: SchedulesQuery) -> Response:
    """By name. To get the next page, send `next_cursor` as `cursor`."""
    after = None if query.cursor is None else decode_name(query.cursor)
    with current_plane().transaction() as conn:
        found = list_schedules(conn, limit=query.limit + 1, after=after)
        now = database_now(conn)
    shown = found[: query.limit]
    has_more = len(found) > len(shown)
    return json_response(
        SchedulePage(
            data=[schedule_answer(schedule, now) for schedule in shown],
            has_more=has_more,
            next_cursor=encode_name(shown[-1].name) if has_more else None,
        )
    )


@blueprint.get("/schedules/<name>")
@operation(
    tag="Schedules",
    summary="Read a schedule",
    flag="jobs_enabled",
    replies={200: Reply(description="The schedule.", model=ScheduleReadAnswer)},
    problems=_ONE,
)
def show(name: str, query: Query) -> Response:
    """With the next five runs, and the last ten fires with their jobs."""
    known = read_schedule_name(name)
    with current_plane().transaction() as conn:
        schedule = get_schedule(conn, known)
        fires = [FireAnswer.model_validate(fire) for fire in list_fires(conn, schedule.id)]
        now = database_now(conn)
    answer = {**schedule_fields(schedule, now), "fires": fires}
    return json_response(ScheduleReadAnswer.model_validate(answer))


@blueprint.patch("/schedules/<name>")
@operation(
    tag="Schedules",
    summary="Change a schedule",
    flag="jobs_enabled",
    body=ScheduleChangesBody,
    example={"cron": "0 7 * * 1-5"},
    replies={200: Reply(description="As it is now.", model=ScheduleAnswer)},
    problems=("invalid_payload", "schedule_broken", *_ONE),
)
def change(name: str, query: Query, body: ScheduleChangesBody) -> Response:
    """Another expression or time zone starts it anew: what it missed is not made up for."""
    plane = current_plane()

    def act(conn: Connection, known: str) -> Schedule:
        changed = change_schedule(conn, known, **body.changes())
        if {"job_type", "payload"} & body.model_fields_set:
            check_payload(plane, changed.job_type, changed.payload)
        return changed

    return _change(name, act, wakes=True)


@blueprint.delete("/schedules/<name>")
@operation(
    tag="Schedules",
    summary="Delete a schedule",
    flag="jobs_enabled",
    replies={200: Reply(description="Deleted; as it was.", model=ScheduleAnswer)},
    problems=_ONE,
)
def delete(name: str, query: Query) -> Response:
    """The jobs that it made stay; the record of its fires goes."""
    return _change(name, delete_schedule)


@blueprint.post("/schedules/<name>/pause")
@operation(
    tag="Schedules",
    summary="Pause a schedule",
    flag="jobs_enabled",
    body=PauseBody,
    is_body_required=False,
    example={"reason": "the source is down"},
    replies={200: Reply(description="Paused, now or before.", model=ScheduleAnswer)},
    problems=_ONE,
)
def pause(name: str, query: Query, body: PauseBody) -> Response:
    """Nothing fires until it is resumed. The second call answers like the first."""
    return _change(
        name,
        lambda conn, known: pause_schedule(conn, known, by=body.paused_by, reason=body.reason),
    )


@blueprint.post("/schedules/<name>/resume")
@operation(
    tag="Schedules",
    summary="Resume a schedule",
    flag="jobs_enabled",
    replies={200: Reply(description="It fires again.", model=ScheduleAnswer)},
    problems=("schedule_broken", *_ONE),
)
def resume(name: str, query: Query) -> Response:
    """It fires from its next occurrence on; a pause is not made up for."""
    return _change(name, resume_schedule, wakes=True)


def _change(
    name: str, act: Callable[[Connection, str], Schedule], *, wakes: bool = False
) -> Response:
    """Change a schedule and answer with it; `wakes` a runner, which may sleep past its new time."""
    plane = current_plane()
    known = read_schedule_name(name)
    with plane.transaction() as conn:
        schedule = act(conn, known)
        now = database_now(conn)
    if wakes:
        wake_runner(plane.settings)
    return json_response(schedule_answer(schedule, now))
