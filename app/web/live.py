"""A job's history as server-sent events: what is there at once, the rest as it happens.

A cursor that is the id of one job's last event misses nothing. Ids are given out in the order of
insertion and commit in another, so a cursor over all jobs would pass by what commits late. But
every event of a job is inserted by the statement that changed the job's row: it has the row's lock
before it has the event's id, and keeps it until it commits. So of one job the ids commit in order.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from uuid import UUID

import psycopg
import sqlalchemy.exc
from flask import Response, stream_with_context

from app.jobs import Event, JobNotFound, Status, get_status, list_events
from app.web.answers import EventAnswer
from app.web.plane import ControlPlane
from app.web.request_log import log_failure

EVENT_STREAM = "text/event-stream"
LONGEST_SECONDS = 50.0
HEARTBEAT_SECONDS = 10.0
RETRY_MILLISECONDS = 2_000
PAGE = 200

_HEADERS = {"X-Accel-Buffering": "no"}  # a proxy that buffers would hold the events back
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 1.0
# The kinds that may be a job's last: whenever one comes, its state is looked at.
_ENDS = frozenset({"succeeded", "failed", "rejected", "rescued", "cancelled"})


def stream_events(plane: ControlPlane, job_id: UUID, *, after: int) -> Response:
    """Return the stream of the events after `after`; the job is known to exist."""
    lines = stream_with_context(_stream(plane, job_id, after))
    return Response(lines, content_type=f"{EVENT_STREAM}; charset=utf-8", headers=_HEADERS)


def _stream(plane: ControlPlane, job_id: UUID, after: int) -> Iterator[str]:
    """Yield the stream. Nothing is held before the first line is asked for: it may never be."""
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    may_follow = plane.long_answers.acquire(blocking=False)
    try:
        yield from _follow(plane, job_id, after, LONGEST_SECONDS if may_follow else 0)
    except JobNotFound:
        yield _bye("gone")
    except (psycopg.Error, sqlalchemy.exc.SQLAlchemyError) as error:
        log_failure(error)
        yield _bye("database_unavailable")
    finally:
        if may_follow:
            plane.long_answers.release()


def _follow(plane: ControlPlane, job_id: UUID, after: int, seconds: float) -> Iterator[str]:
    """Yield events until the job is final or the time is over; no connection is held between."""
    now = time.monotonic()
    ends_at, heartbeat_at = now + seconds, now + HEARTBEAT_SECONDS
    pause, may_be_final = _FIRST_PAUSE_SECONDS, True
    while True:
        found, status = _read(plane, job_id, after, with_status=may_be_final)
        for event in found:
            yield _message(event)
            after = event.id
        now = time.monotonic()
        if status is not None and status.is_final and len(found) < PAGE:
            yield _bye("final", status)
            return
        if now >= ends_at:
            yield _bye("come_again")
            return
        may_be_final = len(found) == PAGE or any(event.kind in _ENDS for event in found)
        if found:
            pause, heartbeat_at = _FIRST_PAUSE_SECONDS, now + HEARTBEAT_SECONDS
        elif now >= heartbeat_at:
            yield ": still here\n\n"  # whoever hung up is noticed by this at the latest
            heartbeat_at = now + HEARTBEAT_SECONDS
        if not may_be_final:
            time.sleep(min(pause, max(0.0, ends_at - now)))
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)


def _read(
    plane: ControlPlane, job_id: UUID, after: int, *, with_status: bool
) -> tuple[list[Event], Status | None]:
    """Return what came since, and the state: read before, so that its last event is among them."""
    with plane.transaction() as conn:
        status = get_status(conn, job_id) if with_status else None
        return list_events(conn, job_id, after=after, limit=PAGE), status


def _message(event: Event) -> str:
    data = EventAnswer.model_validate(event).model_dump_json()
    return f"id: {event.id}\ndata: {data}\n\n"


def _bye(reason: str, status: Status | None = None) -> str:
    data = {"reason": reason, "status": status}
    return f"event: bye\ndata: {json.dumps(data)}\n\n"
