"""The cron's address: whatever ticks may call it, as often as it likes."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response

from app.db.connection import driver_connection
from app.db.deadline import deadline
from app.schedules.tick import tick as do_tick
from app.web.answers import Answer, Time, WakeAnswer
from app.web.auth import CRON_WAKE
from app.web.inputs import Query
from app.web.operation import Reply, operation
from app.web.plane import ControlPlane, current_plane
from app.web.respond import json_response
from app.web.waking import wake_runner

blueprint = Blueprint("cron", __name__)

_FIRING_SECONDS = 3.0  # what is due then is left to the runner or to the next tick


class FiredAnswer(Answer):
    """A job that this call made for an occurrence of a schedule."""

    schedule: str
    occurrence_at: Time
    job_id: UUID


class TickAnswer(Answer):
    """What this call did; empty lists where there was nothing to do, or another did it."""

    fired: list[FiredAnswer]
    rescued: list[UUID]
    rejected: list[UUID]
    wake: WakeAnswer | None


_REPLY = Reply(description="Done, by this call or by another.", model=TickAnswer)
_PROBLEMS = ("database_unavailable", "schema_not_current")


@blueprint.get(CRON_WAKE)
@operation(tag="Cron", summary="Tick", replies={200: _REPLY}, problems=_PROBLEMS)
def tick(query: Query) -> Response:
    """Fires due schedules, each occurrence once; rescues; wakes the runner if anything is due.

    It also fails jobs that no runner allows for REJECT_UNSERVED_AFTER_SECONDS, and counts figures.
    Needs `Authorization: Bearer ...` with the value of CRON_SECRET, and no key. A GET, for that is
    what Vercel's cron sends.
    """
    return json_response(_tick(current_plane()))


@blueprint.post(CRON_WAKE)
@operation(tag="Cron", summary="Tick, by POST", replies={200: _REPLY}, problems=_PROBLEMS)
def tick_by_post(query: Query) -> Response:
    """The same as the GET; a body is not read."""
    return json_response(_tick(current_plane()))


def _tick(plane: ControlPlane) -> TickAnswer:
    settings = plane.settings
    with (
        plane.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn,
        deadline(driver_connection(conn), settings.database_timeout_seconds),
    ):
        done = do_tick(
            conn,
            with_schedules=settings.jobs_enabled,
            firing_seconds=min(_FIRING_SECONDS, settings.database_timeout_seconds / 2),
            lease_seconds=settings.runner_lease_seconds,
            rescue_budget=settings.runner_rescue_budget,
            reject_after_seconds=settings.reject_unserved_after_seconds,
        )
    wake = wake_runner(settings) if done.is_work_due else None
    return TickAnswer(
        fired=[
            FiredAnswer(schedule=one.schedule, occurrence_at=one.occurrence_at, job_id=one.job_id)
            for one in done.fired
        ],
        rescued=done.rescued,
        rejected=done.rejected,
        wake=WakeAnswer.model_validate(wake) if wake else None,
    )
