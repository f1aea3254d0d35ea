"""Jobs once more: retry gives the same job another attempt, replay makes a new one of it."""

from __future__ import annotations

from flask import Blueprint, Response

from app.db.lenient_json import UNDECODABLE
from app.jobs import Job, get_job, requeue
from app.web.answers import RetriedAnswer
from app.web.creation import (
    ACTOR,
    accepted_fields,
    commit_job,
    created_answer,
    created_headers,
    see_runners,
)
from app.web.errors import Problem
from app.web.inputs import CreateQuery, NothingBody, ReplayBody
from app.web.job_answer import read_job_id
from app.web.jobs import CREATED, IDEMPOTENCY_KEY
from app.web.known_types import check_payload
from app.web.operation import Reply, operation
from app.web.plane import current_plane
from app.web.request_ids import request_id
from app.web.respond import json_response
from app.web.waiting import PREFER, read_wait, wait_for_outcome
from app.web.waking import prepare_wake, wake_runner

blueprint = Blueprint("again", __name__)

_KEPT = (
    "job_type", "queue", "priority", "max_attempts", "timeout_seconds", "concurrency_key",
    "dedupe_key", "tags",
)  # fmt: skip


@blueprint.post("/jobs/<job_id>/retry")
@operation(
    tag="Jobs",
    summary="Retry a job",
    query=CreateQuery,
    body=NothingBody,
    is_body_required=False,
    replies={200: Reply(description="Queued, due now.", model=RetriedAnswer)},
    problems=(
        "job_not_found",
        "wrong_state",
        "dedupe_key_held",
        "database_unavailable",
        "schema_not_current",
    ),
)
def retry(job_id: str, query: CreateQuery, body: NothingBody) -> Response:
    """A failed or cancelled job gets one more attempt, also where all were spent.

    It stays the same job, and its history goes on. To keep the outcome as it is, replay it.
    """
    plane = current_plane()
    known_id = read_job_id(job_id)
    if query.wake:
        prepare_wake(plane.settings)
    with plane.transaction() as conn:
        job = requeue(conn, known_id, actor=ACTOR)
        runners = see_runners(plane, conn)
    wake = wake_runner(plane.settings) if query.wake else None
    return json_response(RetriedAnswer.model_validate(accepted_fields(plane, job, runners, wake)))


@blueprint.post("/jobs/<job_id>/replay")
@operation(
    tag="Jobs",
    summary="Replay a job",
    query=CreateQuery,
    body=ReplayBody,
    is_body_required=False,
    example={"payload": {"url": "https://example.com/feed.xml"}},
    headers={**IDEMPOTENCY_KEY, **PREFER},
    replies=CREATED,
    problems=(
        "job_not_found",
        "invalid_header",
        "invalid_payload",
        "idempotency_key_reused",
        "database_unavailable",
        "schema_not_current",
    ),
)
def replay(job_id: str, query: CreateQuery, body: ReplayBody) -> Response:
    """Makes a new job like this one, with its payload or another; `replay_of` says of which.

    The job may be in any state and stays as it is. When the new one is due, and who asked for it,
    is its own; the rest is kept.
    """
    wait_seconds = read_wait()
    plane = current_plane()
    known_id = read_job_id(job_id)
    with plane.transaction() as conn:
        original = get_job(conn, known_id)
    payload = _payload(original) if body.payload is None else body.payload
    check_payload(plane, original.job_type, payload)
    fields = {
        **{name: getattr(original, name) for name in _KEPT},
        "payload": payload,
        "requested_by": body.requested_by,
        "request_id": request_id(),
        "replay_of": known_id,
    }
    sent = body.model_dump(mode="json", exclude_defaults=True)
    if query.wake:
        prepare_wake(plane.settings)
    creation = commit_job(plane, fields, meaning={"replay_of": str(known_id), **sent})
    wake = wake_runner(plane.settings) if query.wake else None
    creation, waited = wait_for_outcome(plane, creation, wait_seconds)
    headers = created_headers(creation) | waited
    answer = created_answer(plane, creation, wake)
    return json_response(answer, 201 if creation.is_new else 200, headers)


def _payload(original: Job) -> dict[str, object]:
    """Return the payload of a job, unless it stands in for one that cannot be read."""
    if original.payload == UNDECODABLE:
        raise Problem("invalid_payload", "The payload of the job cannot be read; send another.")
    return original.payload
