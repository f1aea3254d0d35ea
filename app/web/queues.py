"""Queues: what waits and runs in each; pause and resume."""

from __future__ import annotations

import re

from flask import Blueprint, Response

from app.jobs import Queue, get_pause, list_queues, pause_queue, resume_queue
from app.web.answers import Answer, Page, Time
from app.web.errors import Problem
from app.web.inputs import NothingBody, Query, QueuePauseBody
from app.web.operation import Reply, operation
from app.web.plane import current_plane
from app.web.respond import json_response
from app.web.waking import wake_runner

blueprint = Blueprint("queues", __name__)

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}", re.ASCII)
_DATABASE = ("database_unavailable", "schema_not_current")


class CountAnswer(Answer):
    """How many; at least so many where it `is_exact` is false, for counting stops somewhere."""

    count: int
    is_exact: bool


class PauseAnswer(Answer):
    """Who paused it, and why; it resumes by itself at `resume_at`, where that is given."""

    paused_at: Time
    paused_by: str
    pause_reason: str | None
    resume_at: Time | None


class QueueStateAnswer(Answer):
    """A queue; `pause` is null where its jobs may start."""

    name: str
    pause: PauseAnswer | None


class QueueAnswer(QueueStateAnswer):
    """A queue, with what waits and runs in it."""

    queued: CountAnswer
    running: CountAnswer


class QueuePage(Page[QueueAnswer]):
    """The queues that have something to do, or a pause; by name."""


@blueprint.get("/queues")
@operation(
    tag="Queues",
    summary="List the queues",
    is_conditional=True,
    replies={200: Reply(description="Up to 500.", model=QueuePage)},
    problems=_DATABASE,
)
def index(query: Query) -> Response:
    """Those with jobs that wait or run, those that are paused, and `default`.

    Counting stops at 10,000 for each queue, and sooner where there are many.
    """
    with current_plane().transaction() as conn:
        found = [_answer(queue) for queue in list_queues(conn)]
    return json_response(QueuePage(data=found, has_more=False, next_cursor=None))


@blueprint.post("/queues/<name>/pause")
@operation(
    tag="Queues",
    summary="Pause a queue",
    body=QueuePauseBody,
    is_body_required=False,
    example={"reason": "the disk is full", "requested_by": "ada"},
    replies={200: Reply(description="Paused.", model=QueueStateAnswer)},
    problems=("not_found", *_DATABASE),
)
def pause(name: str, query: Query, body: QueuePauseBody) -> Response:
    """No job of it starts until then, or until it is resumed; what runs goes on.

    A queue need not have a job to be paused. The last pause counts.
    """
    known = _read_name(name)
    with current_plane().transaction() as conn:
        pause_queue(conn, known, actor=body.requested_by, reason=body.reason, until=body.until)
        found = get_pause(conn, known)
    return json_response(QueueStateAnswer.model_validate({"name": known, "pause": found}))


@blueprint.post("/queues/<name>/resume")
@operation(
    tag="Queues",
    summary="Resume a queue",
    body=NothingBody,
    is_body_required=False,
    replies={200: Reply(description="Its jobs may start.", model=QueueStateAnswer)},
    problems=("not_found", *_DATABASE),
)
def resume(name: str, query: Query, body: NothingBody) -> Response:
    """The runner is woken, for jobs may have become due meanwhile."""
    plane = current_plane()
    known = _read_name(name)
    with plane.transaction() as conn:
        resume_queue(conn, known)
    wake_runner(plane.settings)
    return json_response(QueueStateAnswer(name=known, pause=None))


def _answer(queue: Queue) -> QueueAnswer:
    return QueueAnswer.model_validate(
        {
            "name": queue.name,
            "queued": {"count": queue.queued, "is_exact": queue.queued_is_exact},
            "running": {"count": queue.running, "is_exact": queue.running_is_exact},
            "pause": queue.pause,
        }
    )


def _read_name(text: str) -> str:
    """Return the name in a path; every well-formed one is a queue. Raises Problem."""
    if not _NAME.fullmatch(text):
        raise Problem("not_found")
    return text
