"""Runs a schedule now: its job, once more than the calendar says."""

from __future__ import annotations

from flask import Blueprint, Response

from app.schedules import get_schedule
from app.web.answers import CreatedAnswer
from app.web.creation import commit_job, created_answer, created_headers
from app.web.inputs import Query
from app.web.jobs import IDEMPOTENCY_KEY
from app.web.operation import Reply, operation
from app.web.plane import current_plane
from app.web.request_ids import request_id
from app.web.respond import json_response
from app.web.schedule_inputs import read_schedule_name
from app.web.waking import prepare_wake, wake_runner

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
    with plane.transaction() as conn:
        fields = {**get_schedule(conn, known).job_fields(), "request_id": request_id()}
    prepare_wake(plane.settings)
    creation = commit_job(plane, fields, meaning={"run_schedule": known})
    answer = created_answer(plane, creation, wake_runner(plane.settings))
    return json_response(answer, 201 if creation.is_new else 200, created_headers(creation))
