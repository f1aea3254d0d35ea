"""The trigger: wakes the runner, and creates the job that it is told to run."""

from __future__ import annotations

from flask import Blueprint, Response

from app.jobs import Status
from app.web.answers import AcceptedAnswer, CreatedAnswer, WakeAnswer
from app.web.creation import create_job, created_answer, created_headers, see_runners
from app.web.errors import Problem
from app.web.inputs import Query, TriggerBody
from app.web.job_answer import job_url
from app.web.jobs import EXAMPLE, IDEMPOTENCY_KEY
from app.web.operation import Reply, operation
from app.web.plane import ControlPlane, current_plane
from app.web.reader import read_idempotency_key
from app.web.respond import json_response
from app.web.waking import is_configured, prepare_wake, runner_seen, wake_runner, wake_warnings

blueprint = Blueprint("trigger", __name__)


@blueprint.post("/trigger_runner")
@operation(
    tag="Runner",
    summary="Wake the runner",
    body=TriggerBody,
    is_body_required=False,
    example=EXAMPLE,
    headers=IDEMPOTENCY_KEY,
    replies={
        201: Reply(
            description="The job is committed and the runner knows it.", model=CreatedAnswer
        ),
        200: Reply(description="The job was there, and the runner knows it.", model=CreatedAnswer),
        202: Reply(
            description="Without `job_type`: the runner was woken. With it: the job is committed "
            "and stays queued, for the wake-up failed.",
            model=AcceptedAnswer,
        ),
    },
    problems=(
        "invalid_header",
        "invalid_payload",
        "idempotency_key_reused",
        "job_type_not_allowed",
        "runner_disabled",
        "runner_not_configured",
        "database_unavailable",
        "schema_not_current",
    ),
)
def trigger_runner(query: Query, body: TriggerBody) -> Response:
    """With `job_type` this creates the job and wakes the runner naming it; the runner may refuse.

    Without `job_type` it only wakes the runner, which then looks for due jobs.
    """
    read_idempotency_key()  # a wrong one is refused, also where there is no job to be made once
    plane = current_plane()
    if not plane.settings.runner_enabled:
        raise Problem("runner_disabled")
    if not is_configured(plane.settings):
        raise Problem("runner_not_configured")
    prepare_wake(plane.settings)
    return _create_and_wake(plane, body.job_type, body) if body.job_type else _wake(plane)


def _create_and_wake(plane: ControlPlane, job_type: str, body: TriggerBody) -> Response:
    creation = create_job(plane, job_type, body)
    # A replayed or deduplicated job may be past the point where a runner could be told to run it.
    named = creation.job if creation.job.status is Status.QUEUED else None
    wake = wake_runner(plane.settings, named)
    url = job_url(creation.job.id)
    if wake is not None and wake.status == "refused":
        raise Problem("job_type_not_allowed", job_id=str(creation.job.id), links={"job": url})
    status = 201 if creation.is_new else 200
    if wake is None or wake.status != "accepted":
        status = 202
    answer = created_answer(plane, creation, wake)
    return json_response(answer, status, created_headers(creation))


def _wake(plane: ControlPlane) -> Response:
    with plane.transaction() as conn:
        runners = see_runners(plane, conn)
    wake = wake_runner(plane.settings)
    seen = runner_seen(runners, wake, lease_seconds=plane.settings.runner_lease_seconds)
    answer = AcceptedAnswer(
        runner=seen,
        wake=WakeAnswer.model_validate(wake) if wake else None,
        warnings=wake_warnings(seen, wake),
    )
    return json_response(answer, 202)
