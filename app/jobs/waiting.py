"""Why a queued job waits, in one sentence with a code."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, literal, select

from app.db.tables import ops_queues, ops_runners
from app.jobs.job import Job
from app.jobs.query import rows
from app.jobs.states import Status

if TYPE_CHECKING:
    from app.db.connection import AnyConnection


@dataclass(frozen=True, slots=True)
class WaitingReason:
    """`code` is one of feature_off, queue_paused, back_off, not_due, no_runner, not_allowed, slots.

    `seconds` is how long it lasts at least, where that is known.
    """

    code: str
    detail: str
    seconds: float | None = None


def waiting_reason(
    conn: AnyConnection, job: Job, *, types_off: Collection[str] = ()
) -> WaitingReason | None:
    """Return why the job waits, or None where it is not queued.

    `types_off` are the job types whose feature flag is off. One statement.
    """
    if job.status is not Status.QUEUED:
        return None
    if job.job_type in types_off:
        return WaitingReason("feature_off", f"the feature of {job.job_type} is switched off")
    paused = select(literal(1)).where(
        ops_queues.c.name == job.queue,
        ops_queues.c.paused_at.is_not(None),
        ops_queues.c.resume_at.is_(None) | (ops_queues.c.resume_at > func.now()),
    )
    present = ops_runners.c.stopped_at.is_(None)
    query = select(
        func.extract("epoch", literal(job.available_at) - func.now()).label("due_in"),
        paused.exists().label("is_paused"),
        func.count().filter(present).label("runners"),
        func.count()
        .filter(present, literal(job.job_type) == func.any(ops_runners.c.allowlist))
        .label("allowing"),
    ).select_from(ops_runners)
    (row,) = rows(conn, query)
    due_in = float(row["due_in"])
    if row["is_paused"]:
        return WaitingReason("queue_paused", f"queue {job.queue} is paused")
    if due_in > 0 and job.attempt > 0:
        return WaitingReason(
            "back_off", f"attempt {job.attempt} failed; the next is due in {due_in:.0f} s", due_in
        )
    if due_in > 0:
        return WaitingReason("not_due", f"due in {due_in:.0f} s", due_in)
    if row["runners"] == 0:
        return WaitingReason("no_runner", "no runner is registered; start one with: ops runner")
    if row["allowing"] == 0:
        return WaitingReason("not_allowed", f"no runner allows {job.job_type}")
    return WaitingReason(
        "slots", "a runner will take it when it is woken, looks or has a slot free"
    )
