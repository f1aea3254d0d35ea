"""Idempotency keys: which job a caller's key stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select, update

from app.db.tables import ops_idempotency_keys, ops_jobs
from app.jobs.query import rows

if TYPE_CHECKING:
    from app.db.connection import AnyConnection


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    body_sha256: bytes
    job_id: UUID
    has_job: bool


def find_idempotency_key(conn: AnyConnection, key: str) -> IdempotencyKey:
    """Return what a used key stands for; it is known to be used."""
    query = (
        select(
            ops_idempotency_keys.c.body_sha256,
            ops_idempotency_keys.c.job_id,
            ops_jobs.c.id.is_not(None).label("has_job"),
        )
        .select_from(ops_idempotency_keys)
        .outerjoin(ops_jobs, ops_jobs.c.id == ops_idempotency_keys.c.job_id)
        .where(ops_idempotency_keys.c.key == key)
    )
    (row,) = rows(conn, query)
    return IdempotencyKey(bytes(row["body_sha256"]), row["job_id"], row["has_job"])


def point_idempotency_key(conn: AnyConnection, key: str, job_id: UUID) -> None:
    """Let a key of this transaction stand for another job."""
    table = ops_idempotency_keys
    rows(conn, update(table).where(table.c.key == key).values(job_id=job_id))
