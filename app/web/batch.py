"""Batches: many jobs in one request and one transaction."""

from __future__ import annotations

from flask import Blueprint, Response, request

from app.web.answers import BatchAnswer
from app.web.batch_reader import NDJSON, read_batch
from app.web.creation import batch_answer, create_jobs
from app.web.errors import FieldError, Problem
from app.web.inputs import BatchBody, CreateQuery
from app.web.operation import Reply, operation
from app.web.plane import current_plane
from app.web.reader import JSON
from app.web.respond import json_response
from app.web.sweeping import sweep_rarely
from app.web.waking import prepare_wake, wake_runner

blueprint = Blueprint("batch", __name__)

EXAMPLE = [
    {"job_type": "nearsight_collect_refresh", "payload": {}},
    {"job_type": "nearsight_collect_refresh", "payload": {}, "delay_seconds": 3600},
]


@blueprint.post("/jobs/batch")
@operation(
    tag="Jobs",
    summary="Create many jobs",
    query=CreateQuery,
    body=BatchBody,
    body_reader=read_batch,
    body_media_types=(JSON, NDJSON),
    example=EXAMPLE,
    replies={201: Reply(description="All of them are committed.", model=BatchAnswer)},
    problems=(
        "invalid_header",
        "invalid_payload",
        "database_unavailable",
        "schema_not_current",
    ),
)
def create_many(query: CreateQuery, body: BatchBody) -> Response:
    """All or none, in one transaction, with one wake-up: up to 10,000 jobs in 16 MiB.

    Send a JSON array, or one job a line as `application/x-ndjson`. Each job is read by the rules
    of a single one; errors point at it by its place, `/17/payload`. The id of a job whose
    `dedupe_key` an active job holds is that job's. There is no Idempotency-Key for a batch: give
    its jobs a `dedupe_key` where it may be sent again.
    """
    _refuse_idempotency_key()
    plane = current_plane()
    if query.wake:
        prepare_wake(plane.settings)
    ids, runners = create_jobs(plane, body.root)
    wake = wake_runner(plane.settings) if query.wake else None
    sweep_rarely(plane)
    return json_response(batch_answer(plane, body.root, ids, runners, wake), 201)


def _refuse_idempotency_key() -> None:
    """Not ignored: whoever sends a key relies on it."""
    if "Idempotency-Key" in request.headers:
        error = FieldError("not_taken", "A batch takes none.", header="Idempotency-Key")
        raise Problem("invalid_header", errors=[error], hint="Give its jobs a dedupe_key.")
