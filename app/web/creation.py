"""Creates a job for a caller: checks its payload, commits it, and says what comes next.

One transaction and two statements: the job, and what is known of the runners. A third rescues
jobs, only where that says that the lease of a silent runner ran out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.jobs import (
    Job,
    NewJob,
    RunnerState,
    enqueue,
    enqueue_many,
    enqueue_once,
    rescue,
    runner_state,
)
from app.web.answers import BatchAnswer, CreatedAnswer, WakeAnswer
from app.web.batch_reader import MOST_ERRORS
from app.web.errors import FieldError, Problem
from app.web.inputs import JobFields, NewJobBody
from app.web.job_answer import job_fields, job_url
from app.web.known_types import check_payload, payload_errors, type_warnings
from app.web.plane import ControlPlane
from app.web.reader import read_idempotency_key
from app.web.request_ids import request_id
from app.web.wake import WakeOutcome
from app.web.waking import runner_seen, wake_warnings

ACTOR = "api"
_OWN_FIELDS = tuple(name for name in JobFields.model_fields if name not in ("job_type", "run_at"))


@dataclass(frozen=True, slots=True)
class Creation:
    """A committed job; `is_replay` says that an earlier request with the same key made it."""

    job: Job
    is_replay: bool
    runners: RunnerState

    @property
    def is_new(self) -> bool:
        return self.job.is_new and not self.is_replay


def create_job(plane: ControlPlane, job_type: str, body: JobFields) -> Creation:
    """Commit the job that `body` asks for. Raises Problem, IdempotencyKeyReused."""
    check_payload(plane, job_type, body.payload)
    fields = {"job_type": job_type, "request_id": request_id(), **new_job_fields(body)}
    return commit_job(plane, fields, meaning=body.model_dump(mode="json", exclude_defaults=True))


def commit_job(
    plane: ControlPlane, fields: Mapping[str, Any], *, meaning: Mapping[str, Any]
) -> Creation:
    """Commit a job of the fields of NewJob, once where the request has an Idempotency-Key.

    `meaning` is what a second request with the same key has to ask for, too.
    """
    key = read_idempotency_key()
    with plane.transaction() as conn:
        if key is None:
            job, is_replay = enqueue(conn, actor=ACTOR, **fields), False
        else:
            job, is_replay = enqueue_once(
                conn, NewJob(**fields), key=key, body_sha256=_sha256(meaning), actor=ACTOR
            )
        return Creation(job, is_replay, see_runners(plane, conn))


def create_jobs(
    plane: ControlPlane, bodies: Sequence[NewJobBody]
) -> tuple[list[UUID], RunnerState]:
    """Commit jobs together and return their ids in order. Raises Problem."""
    _check_payloads(plane, bodies)
    shared: dict[str, Any] = {"request_id": request_id()}
    new = [NewJob(job_type=body.job_type, **shared, **new_job_fields(body)) for body in bodies]
    with plane.transaction() as conn:
        return enqueue_many(conn, new, actor=ACTOR), see_runners(plane, conn)


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
    fields = accepted_fields(plane, creation.job, creation.runners, wake)
    is_twin = not creation.job.is_new and not creation.is_replay
    return CreatedAnswer.model_validate({**fields, "deduplicated": is_twin})


def created_headers(creation: Creation) -> dict[str, str]:
    headers = {"Location": job_url(creation.job.id)}
    return {**headers, "Idempotent-Replayed": "true"} if creation.is_replay else headers


def accepted_fields(
    plane: ControlPlane, job: Job, runners: RunnerState, wake: WakeOutcome | None
) -> dict[str, Any]:
    """Return the fields of an answer with a job that is to be run."""
    seen = runner_seen(runners, wake, lease_seconds=plane.settings.runner_lease_seconds)
    return {
        **job_fields(job),
        "runner": seen,
        "wake": WakeAnswer.model_validate(wake) if wake else None,
        "warnings": [*type_warnings(plane, job.job_type), *wake_warnings(seen, wake)],
    }


def batch_answer(
    plane: ControlPlane,
    bodies: Sequence[NewJobBody],
    ids: list[UUID],
    runners: RunnerState,
    wake: WakeOutcome | None,
) -> BatchAnswer:
    """Return the ids with what is known of who will run the jobs; each warning once."""
    seen = runner_seen(runners, wake, lease_seconds=plane.settings.runner_lease_seconds)
    of_types = {
        warning.code: warning
        for job_type in dict.fromkeys(body.job_type for body in bodies)
        for warning in type_warnings(plane, job_type)
    }
    return BatchAnswer(
        ids=ids,
        runner=seen,
        wake=WakeAnswer.model_validate(wake) if wake else None,
        warnings=[*of_types.values(), *wake_warnings(seen, wake)],
    )


def new_job_fields(body: JobFields) -> dict[str, Any]:
    """Return what a body says of NewJob besides its type."""
    fields = {name: getattr(body, name) for name in _OWN_FIELDS}
    fields["available_at"] = body.available_at or body.run_at
    return fields


def _check_payloads(plane: ControlPlane, bodies: Sequence[NewJobBody]) -> None:
    errors: list[FieldError] = []
    for place, body in enumerate(bodies):
        errors += payload_errors(plane, body.job_type, body.payload, root=f"/{place}")
        if len(errors) >= MOST_ERRORS:
            break
    if errors:
        raise Problem("invalid_payload", hint="ops types", errors=errors[:MOST_ERRORS])


def _sha256(meaning: Mapping[str, Any]) -> bytes:
    """Hash what a request means: neither its white space nor a default written out matters."""
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).digest()
