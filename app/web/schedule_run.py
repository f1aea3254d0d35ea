"""Runs a schedule now: its job, once more than the calendar says."""

from __future__ import annotations

import hashlib

from flask import Blueprint, Response

from app.jobs import NewJob, enqueue, enqueue_once
from app.schedules import get_schedule
from app.web.answers import CreatedAnswer
from app.web.creation import ACTOR, Creation, created_answer, see_runners
from app.web.inputs import Query
from app.web.job_answer import job_url
from app.web.jobs import IDEMPOTENCY_KEY
from app.web.operation import Reply, operation
from app.web.plane import current_plane
from app.web.reader import read_idempotency_key
from app.web.request_ids import request_id
from app.web.respond import json_response
from app.web.schedule_inputs import read_schedule_name
from app.web.waking import wake_runner

blueprint = Blueprint("schedule_run", __name__)

_LOCATION = {"Location": "Where the job is."}


@blueprint.post("/schedules/<name>/run")
@operation(
    tag="Schedules",
    summary="Run a schedule now",
    flag="jobs_enabled",
    headers=IDEMPOTENCY_KEY,
    replies={
        201: Reply(description="The job is committed.", model=CreatedAnswer, headers=_LOCATION),
        200: Reply(
            description="The job was there: same Idempotency-Key.",
            model=CreatedAnswer,
            headers={**_LOCATION, "Idempotent-Replayed": "true for the same Idempotency-Key."},
        ),
    },
    problems=(
        "schedule_not_found",
        "invalid_header",
        "idempotency_key_reused",
        "database_unavailable",
        "schema_not_current",
    ),
)
def run(name: str, query: Query) -> Response:
    """Makes its job at once, paused or not; when it is due next stays as it is."""
    plane = current_plane()
    known = read_schedule_name(name)
    key = read_idempotency_key()
    with plane.transaction() as conn:
        fields = {**get_schedule(conn, known).job_fields(), "request_id": request_id()}
        if key is None:
            job, is_replay = enqueue(conn, actor=ACTOR, **fields), False
        else:
            asked = hashlib.sha256(f"run schedule {known}".encode()).digest()
            job, is_replay = enqueue_once(
                conn, NewJob(**fields), key=key, body_sha256=asked, actor=ACTOR
            )
        creation = Creation(job, is_replay, see_runners(plane, conn))
    answer = created_answer(plane, creation, wake_runner(plane.settings))
    headers = {"Location": job_url(job.id)}
    if is_replay:
        headers["Idempotent-Replayed"] = "true"
    return json_response(answer, 200 if is_replay else 201, headers)
