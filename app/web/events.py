"""A job's history: a page of it, or live as it goes on."""

from __future__ import annotations

import re
from uuid import UUID

from flask import Blueprint, Response, request

from app.jobs import get_job, get_status, list_events
from app.web.answers import EventAnswer, EventPage
from app.web.cursor import decode_cursor, encode_cursor
from app.web.errors import FieldError, Problem
from app.web.inputs import EventsQuery
from app.web.job_answer import read_job_id
from app.web.live import EVENT_STREAM, stream_events
from app.web.operation import Reply, operation
from app.web.plane import current_plane
from app.web.reader import JSON
from app.web.respond import json_response

blueprint = Blueprint("events", __name__)

_EVENT_ID = re.compile(r"[0-9]{1,18}", re.ASCII)  # fits a bigint


@blueprint.get("/jobs/<job_id>/events")
@operation(
    tag="Jobs",
    summary="Read a job's history",
    query=EventsQuery,
    is_conditional=True,
    headers={"Last-Event-ID": "Of a stream: where the one before ended; then `after` is ignored."},
    replies={
        200: Reply(description="One page.", model=EventPage, stream=EVENT_STREAM),
        204: Reply(description="Of a stream: the job is final, and nothing follows."),
    },
    problems=(
        "invalid_header",
        "job_not_found",
        "database_unavailable",
        "schema_not_current",
    ),
)
def events(job_id: str, query: EventsQuery) -> Response:
    """Oldest first: every change of state, and what the handler reported.

    With `Accept: text/event-stream` they come as they happen, each with its id, until the job is
    final or the stream has lasted for 50 seconds; the last message is the event `bye`. A client
    comes again with `Last-Event-ID` and misses nothing.
    """
    known_id = read_job_id(job_id)
    after = query.after or 0
    if query.cursor is not None:
        after = int.from_bytes(decode_cursor(query.cursor, length=8))
    wanted = request.accept_mimetypes.best_match([JSON, EVENT_STREAM])
    if wanted == EVENT_STREAM:
        return _live(known_id, after)
    with current_plane().transaction() as conn:
        found = list_events(conn, known_id, after=after, limit=query.limit + 1)
        if not found:
            get_job(conn, known_id)
    shown = found[: query.limit]
    has_more = len(found) > len(shown)
    return json_response(
        EventPage(
            data=[EventAnswer.model_validate(event) for event in shown],
            has_more=has_more,
            next_cursor=encode_cursor(shown[-1].id.to_bytes(8)) if has_more else None,
        )
    )


def _live(job_id: UUID, after: int) -> Response:
    last = _read_last_event_id()
    plane = current_plane()
    with plane.transaction() as conn:
        status = get_status(conn, job_id)
        if last is not None and status.is_final and not list_events(conn, job_id, after=last):
            return Response(status=204)  # which tells a browser not to come again
    return stream_events(plane, job_id, after=after if last is None else last)


def _read_last_event_id() -> int | None:
    given = request.headers.get("Last-Event-ID")
    if given is None:
        return None
    if not _EVENT_ID.fullmatch(given):
        error = FieldError("invalid", "Expected the id of an event.", header="Last-Event-ID")
        raise Problem("invalid_header", errors=[error])
    return int(given)
