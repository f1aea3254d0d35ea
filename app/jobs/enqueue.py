"""Enqueue: the job exists if and only if the caller's transaction commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from app.db.connection import driver_connection, transaction
from app.jobs.copying import copy_jobs
from app.jobs.errors import IdempotencyKeyReused
from app.jobs.idempotency import find_idempotency_key, point_idempotency_key
from app.jobs.insertion import insert_plain, insert_with_key, to_json
from app.jobs.job import Job, NewJob
from app.jobs.reads import find_active_twin, get_job
from app.jobs.statements import run_fast

if TYPE_CHECKING:
    from app.db.connection import AnyConnection

_TRIES = 5


def enqueue(
    conn: AnyConnection,
    job_type: str,
    payload: Mapping[str, Any] | None = None,
    *,
    actor: str = "api",
    **options: Any,
) -> Job:
    """Enqueue one job inside the caller's transaction and return it.

    `options` are the fields of NewJob. Where an active job of the type holds the same
    `dedupe_key`, that job is returned with `is_new` False. Raises psycopg.errors.CheckViolation
    where a field is out of its range, ValueError where the payload is no JSON.
    """
    job = NewJob(job_type=job_type, payload=payload or {}, **options)
    return _insert_or_find(conn, job, actor=actor)


def enqueue_many(conn: AnyConnection, jobs: Sequence[NewJob], *, actor: str = "api") -> list[UUID]:
    """Enqueue jobs at the speed of COPY, all or none; returns their ids in the order given.

    Jobs with a dedupe key cost a statement of their own, all together; such a job's id is that of
    the active one that holds its key, where there is one.
    """
    with transaction(conn):
        plain = [job for job in jobs if job.dedupe_key is None]
        ids = iter(copy_jobs(driver_connection(conn), plain, actor=actor))
        deduplicated = _insert_all_deduplicated(
            conn, [job for job in jobs if job.dedupe_key is not None], actor=actor
        )
        return [
            next(ids) if job.dedupe_key is None else deduplicated[job.job_type, job.dedupe_key]
            for job in jobs
        ]


def enqueue_once(
    conn: AnyConnection, job: NewJob, *, key: str, body_sha256: bytes, actor: str = "api"
) -> tuple[Job, bool]:
    """Enqueue a job unless its idempotency key was used; returns the job and whether it was.

    The key is written in the job's own transaction: a racing twin waits for it and gets the same
    job. Raises IdempotencyKeyReused where the key was used with another body.
    """
    new = insert_with_key(conn, job, actor=actor, key=key, body_sha256=body_sha256)
    if new is not None:
        return new, False
    used = find_idempotency_key(conn, key)
    if used.body_sha256 != body_sha256:
        raise IdempotencyKeyReused(key)
    if used.has_job:
        return get_job(conn, used.job_id), True
    # The key is this call's own, but an active twin held the dedupe key: the key names the twin.
    twin = _insert_or_find(conn, job, actor=actor)
    point_idempotency_key(conn, key, twin.id)
    return twin, False


def _insert_or_find(conn: AnyConnection, job: NewJob, *, actor: str) -> Job:
    """Insert a job, or return the active one that holds its dedupe key, if it has one.

    The holder may end between the two statements; then the key is free and the insert is tried
    again.
    """
    if job.dedupe_key is None:
        return insert_plain(conn, job, actor=actor)
    for _ in range(_TRIES):
        new = insert_with_key(conn, job, actor=actor)
        if new is not None:
            return new
        twin = find_active_twin(conn, job.job_type, job.dedupe_key)
        if twin is not None:
            return twin
    raise RuntimeError("a dedupe key kept changing hands; try again")


def _insert_all_deduplicated(
    conn: AnyConnection, jobs: Sequence[NewJob], *, actor: str
) -> dict[tuple[str, str], UUID]:
    """Insert the jobs whose keys are free in one statement, and find the holders of the others."""
    found = {(job.job_type, job.dedupe_key or ""): job for job in jobs}
    if not found:
        return {}
    parameters = {"jobs": to_json([_as_json(job) for job in found.values()]), "actor": actor}
    inserted = run_fast(conn, "enqueue_many", parameters)
    ids = {(job_type, dedupe_key): job_id for job_id, job_type, dedupe_key in inserted}
    for key, job in found.items():
        if key not in ids:
            ids[key] = _insert_or_find(conn, job, actor=actor).id
    return ids


def _as_json(job: NewJob) -> dict[str, Any]:
    """Return the fields that the job has; what is left out is null in the statement."""
    fields = {name: value for name, value in job._asdict().items() if value is not None}
    fields["payload"] = dict(job.payload)
    fields["tags"] = list(job.tags)
    if job.available_at is not None:
        fields["available_at"] = job.available_at.isoformat()
    for name in ("replay_of", "schedule_id"):
        if name in fields:
            fields[name] = str(fields[name])
    return fields
