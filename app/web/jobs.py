"""Jobs: create, list, read, cancel."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response

from app.jobs import Status, WrongState, cancel, get_job, list_jobs, waiting_reason
from app.web.answers import CreatedAnswer, JobAnswer, JobPage, JobReadAnswer
from app.web.creation import ACTOR, create_job, created_answer, created_headers
from app.web.cursor import decode_cursor, encode_cursor
from app.web.inputs import CancelBody, CreateQuery, JobsQuery, NewJobBody, Query
from app.web.job_answer import job_answer, job_fields, read_job_id
from app.web.job_types import types_off
from app.web.operation import Reply, operation
from app.web.plane import current_plane
from app.web.respond import json_response
from app.web.sweeping import sweep_rarely
from app.web.waiting import APPLIED, PREFER, read_wait, wait_for_outcome, wait_until_final
from app.web.waking import prepare_wake, wake_runner

blueprint = Blueprint("jobs", __name__)

IDEMPOTENCY_KEY = {
    "Idempotency-Key": "Sent again with the same body, answers the same job instead of a second."
}
EXAMPLE = {"job_type": "nearsight_collect_refresh", "payload": {}}
_LOCATION = {"Location": "Where the job is.", **APPLIED}
CREATED = {
    201: Reply(description="Committed.", model=CreatedAnswer, headers=_LOCATION),
    200: Reply(
        description="The job was there: same Idempotency-Key, or same dedupe_key.",
        model=CreatedAnswer,
        headers={**_LOCATION, "Idempotent-Replayed": "true for the same Idempotency-Key."},
    ),
}


@blueprint.post("/jobs")
@operation(
    tag="Jobs",
    summary="Create a job",
    query=CreateQuery,
    body=NewJobBody,
    example=EXAMPLE,
    headers={**IDEMPOTENCY_KEY, **PREFER},
    replies=CREATED,
    problems=(
        "invalid_header",
        "invalid_payload",
        "idempotency_key_reused",
        "database_unavailable",
        "schema_not_current",
    ),
)
def create(query: CreateQuery, body: NewJobBody) -> Response:
    """A 2xx answer means that the job is committed; it will reach exactly one recorded outcome.

    The runner is woken before the answer where RUNNER_ENABLED is on. A wake-up that fails leaves
    the job queued and is told as a warning. With `Prefer: wait=N` the answer has the outcome, if
    there is one by then; it is committed all the same.
    """
    wait_seconds = read_wait()
    plane = current_plane()
    if query.wake:
        prepare_wake(plane.settings)
    creation = create_job(plane, body.job_type, body)
    wake = wake_runner(plane.settings) if query.wake else None
    sweep_rarely(plane)
    creation, waited = wait_for_outcome(plane, creation, wait_seconds)
    headers = created_headers(creation) | waited
    answer = created_answer(plane, creation, wake)
    return json_response(answer, 201 if creation.is_new else 200, headers)


@blueprint.get("/jobs")
@operation(
    tag="Jobs",
    summary="List jobs",
    query=JobsQuery,
    is_conditional=True,
    replies={200: Reply(description="One page.", model=JobPage)},
    problems=("database_unavailable", "schema_not_current"),
)
def index(query: JobsQuery) -> Response:
    """Newest first. To get the next page, send `next_cursor` as `cursor` with the same filters.

    What is rare is looked for among a bounded number of jobs: a page may be short, or empty, while
    `has_more` says that there is more to look through.
    """
    before = (
        UUID(bytes=decode_cursor(query.cursor, length=16)) if query.cursor is not None else None
    )
    with current_plane().transaction() as conn:
        found = list_jobs(
            conn,
            status=query.status,
            job_type=query.job_type,
            queue=query.queue,
            tag=query.tag,
            since=query.since,
            until=query.until,
            limit=query.limit,
            before=before,
        )
    following = found.next_before
    return json_response(
        JobPage(
            data=[job_answer(job) for job in found.jobs],
            has_more=following is not None,
            next_cursor=encode_cursor(following.bytes) if following else None,
        )
    )


@blueprint.get("/jobs/<job_id>")
@operation(
    tag="Jobs",
    summary="Read a job",
    is_conditional=True,
    headers=PREFER,
    replies={200: Reply(description="The job.", model=JobReadAnswer, headers=APPLIED)},
    problems=(
        "invalid_header",
        "job_not_found",
        "database_unavailable",
        "schema_not_current",
    ),
)
def show(job_id: str, query: Query) -> Response:
    """A queued job says in `waiting_reason` why it is not running.

    With `Prefer: wait=N` the answer comes when the job is final, or after N seconds.
    """
    wait_seconds = read_wait()
    plane = current_plane()
    known_id = read_job_id(job_id)
    waited = wait_until_final(plane, known_id, wait_seconds)
    with plane.transaction() as conn:
        job = get_job(conn, known_id)
        reason = waiting_reason(
            conn,
            job,
            types_off=types_off(plane),
            look_seconds=plane.settings.runner_look_seconds,
            lease_seconds=plane.settings.runner_lease_seconds,
            reject_after_seconds=plane.settings.reject_unserved_after_seconds,
        )
    answer = JobReadAnswer.model_validate({**job_fields(job), "waiting_reason": reason})
    return json_response(answer, headers=waited)


@blueprint.post("/jobs/<job_id>/cancel")
@operation(
    tag="Jobs",
    summary="Cancel a job",
    body=CancelBody,
    is_body_required=False,
    example={"reason": "started by mistake"},
    replies={
        200: Reply(description="Cancelled, now or before.", model=JobAnswer),
        202: Reply(description="Running: its runner was asked to stop it.", model=JobAnswer),
    },
    problems=("job_not_found", "wrong_state", "database_unavailable", "schema_not_current"),
)
def cancel_job(job_id: str, query: Query, body: CancelBody) -> Response:
    """A queued job is cancelled at once. The runner of a running one stops its handler.

    The second call answers like the first.
    """
    plane = current_plane()
    known_id = read_job_id(job_id)
    with plane.transaction() as conn:
        try:
            job = cancel(conn, known_id, actor=ACTOR, reason=body.reason)
        except WrongState as error:
            if error.status != Status.CANCELLED:
                raise
            job = get_job(conn, known_id)
    if job.status is Status.RUNNING:
        wake_runner(plane.settings)
        return json_response(job_answer(job), 202)
    return json_response(job_answer(job))
