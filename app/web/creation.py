"""Creates a job for a caller: checks its payload, commits it, and says what comes next.

One transaction and two statements: the job, and what is known of the runners. A third rescues
jobs, only where that says that the lease of a silent runner ran out.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from app.jobs import Job, NewJob, RunnerState, enqueue, enqueue_once, rescue, runner_state
from app.web.answers import CreatedAnswer, WakeAnswer, WarningAnswer
from app.web.errors import Problem
from app.web.inputs import JobFields
from app.web.job_answer import job_fields
from app.web.plane import ControlPlane
from app.web.reader import read_idempotency_key
from app.web.request_ids import request_id
from app.web.validation import body_errors
from app.web.wake import WakeOutcome
from app.web.waking import runner_seen, wake_warnings

ACTOR = "api"


@dataclass(frozen=True, slots=True)
class Creation:
    """A committed job; `is_replay` says that an earlier request with the same key made it."""

    job: Job
    is_replay: bool
    runners: RunnerState


def create_job(plane: ControlPlane, job_type: str, body: JobFields) -> Creation:
    """Commit the job that `body` asks for. Raises Problem, IdempotencyKeyReused."""
    check_payload(plane, job_type, body.payload)
    key = read_idempotency_key()
    fields = _new_job_fields(body)
    with plane.transaction() as conn:
        if key is None:
            job, is_replay = enqueue(conn, job_type, actor=ACTOR, **fields), False
        else:
            job, is_replay = enqueue_once(
                conn,
                NewJob(job_type=job_type, **fields),
                key=key,
                body_sha256=_body_sha256(body),
                actor=ACTOR,
            )
        return Creation(job, is_replay, see_runners(plane, conn))


def see_runners(plane: ControlPlane, conn: Any) -> RunnerState:
    """Return the runners' state; whoever looks also rescues, so that a dead only runner shows."""
    settings = plane.settings
    state = runner_state(conn, lease_seconds=settings.runner_lease_seconds)
    if state.holding_silent:
        rescue(
            conn,
            lease_seconds=settings.runner_lease_seconds,
            budget=settings.runner_rescue_budget,
            actor=ACTOR,
        )
    return state


def created_answer(
    plane: ControlPlane, creation: Creation, wake: WakeOutcome | None
) -> CreatedAnswer:
    """Return the job with what is known of who will run it."""
    seen = runner_seen(creation.runners, wake, lease_seconds=plane.settings.runner_lease_seconds)
    return CreatedAnswer.model_validate(
        {
            **job_fields(creation.job),
            "deduplicated": not creation.job.is_new and not creation.is_replay,
            "runner": seen,
            "wake": WakeAnswer.model_validate(wake) if wake else None,
            "warnings": [
                *type_warnings(plane, creation.job.job_type),
                *wake_warnings(seen, wake),
            ],
        }
    )


def check_payload(plane: ControlPlane, job_type: str, payload: dict[str, Any]) -> None:
    """Raise Problem `invalid_payload` where the job type is known and the payload does not fit."""
    known = plane.job_types.get(job_type)
    if known is None:
        return
    try:
        # As JSON, for that is how the runner reads it.
        known.payload.model_validate_json(json.dumps(payload))
    except ValidationError as error:
        raise Problem(
            "invalid_payload",
            hint=f"ops types {job_type}",
            errors=body_errors(error, known.payload, root="/payload"),
        ) from None


def _new_job_fields(body: JobFields) -> dict[str, Any]:
    """Return the fields of NewJob besides its type."""
    own = set(JobFields.model_fields) - {"job_type", "run_at"}
    fields = {name: getattr(body, name) for name in own}
    due = body.available_at or body.run_at
    return {**fields, "available_at": due, "request_id": request_id()}


def _body_sha256(body: JobFields) -> bytes:
    """Hash what the body means: neither its white space nor a default written out matters."""
    meaning = body.model_dump(mode="json", exclude_defaults=True)
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).digest()


def type_warnings(plane: ControlPlane, job_type: str) -> list[WarningAnswer]:
    """Return what the caller should know of the job type."""
    known = plane.job_types.get(job_type)
    if known is None:
        return [
            WarningAnswer(
                code="unknown_job_type",
                detail="This control plane does not know the job type; "
                "the payload was not checked.",
                hint="ops types",
            )
        ]
    if known.flag and not getattr(plane.settings, known.flag):
        return [
            WarningAnswer(
                code="feature_off",
                detail="The feature of this job type is switched off here.",
                hint=f"Set {known.flag.upper()} to true.",
            )
        ]
    return []
