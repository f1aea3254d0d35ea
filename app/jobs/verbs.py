"""One function for every verb: run its statement, or say why it did not apply.

A verb takes a connection first (psycopg's, or a SQLAlchemy connection or session) and never
commits: the caller owns the transaction. What a claim's holder writes carries the fence
(`id`, `claim_seq`); claims whose row did not come back are returned as ClaimLost, nothing of theirs
was written.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any
from uuid import UUID

from app.db.connection import transaction
from app.jobs.errors import ClaimLost, DedupeKeyHeld, WrongState
from app.jobs.job import Claim, Failure, Held, Job, Lane, Limit, Report, Retry, Success
from app.jobs.lanes import lane_parameters
from app.jobs.limits import lock_limits
from app.jobs.reads import find_active_twin, get_job, job_from_row
from app.jobs.statements import run, run_fast
from app.jobs.states import TRANSITIONS

if TYPE_CHECKING:
    from app.db.connection import AnyConnection


def claim(
    conn: AnyConnection,
    *,
    runner_instance: UUID,
    actor: str,
    allowlist: Collection[str],
    limit: int,
    turn: int = 0,
    lanes: Sequence[Lane] = (),
    only_lanes: bool = False,
    limits: Sequence[Limit] = (),
) -> list[Claim]:
    """Claim up to `limit` (1 or more) due jobs of the allowed types, the most urgent first.

    Within a priority each lane gets an equal share; `turn` says whose turn is first where there are
    more lanes than places. Fewer jobs than `limit` may come back although more are due: claim again
    until none does. Known `lanes` are looked at from their marks on; others are looked for beside
    them, unless it is `only_lanes`. `limits` are kept under race: claimers of a limited type wait
    for each other.
    """
    parameters = {
        "runner_instance": runner_instance,
        "actor": actor,
        "allowlist": list(allowlist),
        "limit": limit,
        "turn": turn,
        **lane_parameters(lanes),
        "only_lanes": only_lanes,
        "limited_types": _column(limits, "job_type"),
        "most_now": _column(limits, "most_now"),
        "most_running": _column(limits, "most_running"),
        "most_for_key": _column(limits, "most_for_key"),
        "rates": _column(limits, "rate"),
        "bursts": _column(limits, "burst"),
    }
    shared = [limit for limit in limits if limit.is_shared]
    with transaction(conn) if shared else nullcontext():
        if shared:
            lock_limits(conn, shared)
        return [Claim._make(row) for row in run_fast(conn, "claim", parameters)]


def succeed(conn: AnyConnection, outcomes: Sequence[Success], *, actor: str) -> list[ClaimLost]:
    """Record results; raises psycopg.DataError where a text is not storable as jsonb."""
    return _finish(conn, "succeed", outcomes, actor, results=[o.result_text for o in outcomes])


def retry(conn: AnyConnection, outcomes: Sequence[Retry], *, actor: str) -> list[ClaimLost]:
    """Queue failed attempts again, each after its own delay in seconds."""
    return _finish(
        conn,
        "retry",
        outcomes,
        actor,
        errors=[o.error for o in outcomes],
        delays=[o.delay_seconds for o in outcomes],
    )


def fail(conn: AnyConnection, outcomes: Sequence[Failure], *, actor: str) -> list[ClaimLost]:
    """Record failures that no further attempt follows."""
    return _finish(conn, "fail", outcomes, actor, errors=[o.error for o in outcomes])


def release(
    conn: AnyConnection, claims: Sequence[Held], *, actor: str, message: str | None = None
) -> list[ClaimLost]:
    """Give jobs back unharmed: they are due now and the attempt does not count."""
    return _finish(conn, "release", claims, actor, message=message)


def abort(conn: AnyConnection, claims: Sequence[Held], *, actor: str) -> list[ClaimLost]:
    """Close claims whose handler was stopped because a cancel was requested."""
    return _finish(conn, "abort", claims, actor)


def reject(
    conn: AnyConnection, rejections: Sequence[Held], *, allowlist: Collection[str], actor: str
) -> list[UUID]:
    """Fail jobs whose type is not in `allowlist`; returns those that were rejected.

    A queued job is named without a `claim_seq`, a running one only by its holder.
    """
    rows = run(conn, "reject", {**_fence(rejections), "allowlist": list(allowlist), "actor": actor})
    return [row["id"] for row in rows]


def report(conn: AnyConnection, reports: Sequence[Report], *, actor: str) -> list[ClaimLost]:
    """Append lines of running jobs to their history, in order."""
    return _finish(
        conn,
        "report",
        reports,
        actor,
        kinds=[r.kind for r in reports],
        messages=[r.message for r in reports],
        data=[None if r.data is None else json.dumps(r.data, allow_nan=False) for r in reports],
    )


def rescue(
    conn: AnyConnection, *, lease_seconds: float, budget: int, actor: str, limit: int = 50
) -> list[UUID]:
    """Take back the jobs of up to `limit` batches of silent runners; returns the jobs' ids.

    A job rescued more than `budget` times is failed.
    """
    rows = run(
        conn,
        "rescue",
        {"lease_seconds": lease_seconds, "budget": budget, "actor": actor, "limit": limit},
    )
    return [row["id"] for row in rows]


def cancel(conn: AnyConnection, job_id: UUID, *, actor: str, reason: str | None = None) -> Job:
    """Cancel a queued job, or ask the holder of a running one to stop it.

    Returns the job as it is then. Raises JobNotFound, or WrongState where it is final.
    """
    parameters = {"job_id": job_id, "actor": actor, "reason": reason}
    # A job may move between the two statements, once into each direction at most per claim; the
    # third look settles which state refused.
    for verb in ("cancel", "request_cancel", "cancel"):
        for row in run(conn, verb, parameters):
            return job_from_row(row)
    job = get_job(conn, job_id)
    if job.cancel_requested_at and not job.status.is_final:
        return job
    raise WrongState(job_id, "cancel", job.status)


def requeue(conn: AnyConnection, job_id: UUID, *, actor: str) -> Job:
    """Give a failed or cancelled job one more attempt by hand.

    Raises JobNotFound, WrongState where it neither failed nor was cancelled, or DedupeKeyHeld.
    """
    for row in run(conn, "requeue", {"job_id": job_id, "actor": actor}):
        return job_from_row(row)
    job = get_job(conn, job_id)
    if job.status in TRANSITIONS["requeue"].sources and job.dedupe_key is not None:
        twin = find_active_twin(conn, job.job_type, job.dedupe_key)
        if twin is not None:
            raise DedupeKeyHeld(job_id, twin.id)
    raise WrongState(job_id, "requeue", job.status)


def _column(limits: Sequence[Limit], name: str) -> list[Any]:
    return [getattr(limit, name) for limit in limits]


def _fence(claims: Iterable[Held | Success | Retry | Failure | Report]) -> dict[str, Any]:
    rows = list(claims)
    return {"ids": [row.id for row in rows], "claim_seqs": [row.claim_seq for row in rows]}


def _finish(
    conn: AnyConnection,
    verb: str,
    outcomes: Sequence[Held | Success | Retry | Failure | Report],
    actor: str,
    **columns: Any,
) -> list[ClaimLost]:
    if not outcomes:
        return []
    rows = run_fast(conn, verb, {**_fence(outcomes), "actor": actor, **columns})
    if len(rows) == len(outcomes):
        return []
    kept = set(rows)
    lost = dict.fromkeys((o.id, o.claim_seq) for o in outcomes if (o.id, o.claim_seq) not in kept)
    return [ClaimLost(job_id, claim_seq or 0) for job_id, claim_seq in lost]
