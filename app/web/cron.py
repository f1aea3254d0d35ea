"""The cron's address: whatever ticks may call it, as often as it likes.

A tick carries nothing. It fires what is due, takes back the jobs of runners that died, and wakes
the runner where there is work: each of these is done once, whoever asks for it.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING
from uuid import UUID

from flask import Blueprint, Response

from app.db.connection import driver_connection
from app.db.deadline import deadline
from app.jobs import list_runners, look, rescue
from app.schedules import Fired, fire_next
from app.web.answers import Answer, Time, WakeAnswer
from app.web.auth import CRON_WAKE
from app.web.inputs import Query
from app.web.operation import Reply, operation
from app.web.plane import ControlPlane, current_plane
from app.web.respond import json_response
from app.web.waking import wake_runner

if TYPE_CHECKING:
    from sqlalchemy import Connection

blueprint = Blueprint("cron", __name__)

ACTOR = "cron"
_FIRING_SECONDS = 3.0  # and no schedule is begun later: the runner or the next tick goes on
_NOBODY = UUID(int=0)


class FiredAnswer(Answer):
    """A job that this call made for an occurrence of a schedule."""

    schedule: str
    occurrence_at: Time
    job_id: UUID


class TickAnswer(Answer):
    """What this call did; empty lists where there was nothing to do, or another did it."""

    fired: list[FiredAnswer]
    rescued: list[UUID]
    wake: WakeAnswer | None


_REPLY = Reply(description="Done, by this call or by another.", model=TickAnswer)
_PROBLEMS = ("database_unavailable", "schema_not_current")


@blueprint.get(CRON_WAKE)
@operation(tag="Cron", summary="Tick", replies={200: _REPLY}, problems=_PROBLEMS)
def tick(query: Query) -> Response:
    """Fires due schedules, each occurrence once; rescues; wakes the runner if anything is due.

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
    # In autocommit each schedule is a transaction of its own: a tick that is cut short keeps what
    # it did.
    with plane.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        rescued = _rescue(plane, conn)
        fired = _fire(plane, conn) if plane.settings.jobs_enabled else []
        is_due = bool(rescued or fired) or _has_due_jobs(plane, conn)
    wake = wake_runner(plane.settings) if is_due else None
    return TickAnswer(
        fired=[FiredAnswer.model_validate(one) for one in fired],
        rescued=rescued,
        wake=WakeAnswer.model_validate(wake) if wake else None,
    )


def _rescue(plane: ControlPlane, conn: Connection) -> list[UUID]:
    settings = plane.settings
    with _deadline(plane, conn):
        return rescue(
            conn,
            lease_seconds=settings.runner_lease_seconds,
            budget=settings.runner_rescue_budget,
            actor=ACTOR,
        )


def _fire(plane: ControlPlane, conn: Connection) -> list[Fired]:
    """Fire until nothing is due or the time for it is over."""
    fired: list[Fired] = []
    stop_at = time.monotonic() + _FIRING_SECONDS
    while time.monotonic() < stop_at:
        with _deadline(plane, conn):
            made = fire_next(conn, actor=ACTOR)
        if made is None:
            break
        fired += made
    return fired


def _has_due_jobs(plane: ControlPlane, conn: Connection) -> bool:
    """Say whether a job is due that some runner allows and that no pause holds back."""
    settings = plane.settings
    with _deadline(plane, conn):
        allowed = {name for runner in list_runners(conn) for name in runner.allowlist}
        seen = look(
            conn,
            runner_instance=_NOBODY,
            allowlist=allowed,
            lease_seconds=settings.runner_lease_seconds,
        )
    return seen.due_in_seconds is not None and seen.due_in_seconds <= 0


def _deadline(plane: ControlPlane, conn: Connection) -> AbstractContextManager[None]:
    return deadline(driver_connection(conn), plane.settings.database_timeout_seconds)
