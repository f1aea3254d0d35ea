"""Runner instances: their sign of life, what they hold, and when to look again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from psycopg.rows import tuple_row
from sqlalchemy import any_, func, select

from app.db.connection import driver_connection
from app.db.tables import ops_claims, ops_jobs, ops_runners
from app.jobs.job import Claim, Held, Lane, Look
from app.jobs.lanes import lane_parameters
from app.jobs.query import rows
from app.jobs.statements import run, run_fast, statement

if TYPE_CHECKING:
    from app.db.connection import AnyConnection


@dataclass(frozen=True, slots=True)
class RunnerState:
    """What the runners' rows say. An idle runner writes nothing, so silence is not absence.

    `runners` counts those that have not said goodbye, `last_seen_seconds` is the age of the newest
    sign of life, `holding_silent` says that a lease ran out and its jobs wait for a rescue.
    """

    runners: int
    last_seen_seconds: float | None
    holding_silent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """A row of `ops_runners`; `held` counts the jobs it holds now."""

    id: UUID
    name: str
    host: str
    pid: int
    version: str
    allowlist: list[str]
    slots: int
    started_at: datetime
    seen_at: datetime
    stopped_at: datetime | None
    held: int


def register_runner(
    conn: AnyConnection,
    *,
    id: UUID,
    name: str,
    host: str,
    pid: int,
    version: str,
    allowlist: Collection[str],
    slots: int,
) -> None:
    """Write the row of a runner instance; a second call is a sign of life."""
    parameters = {"id": id, "name": name, "host": host, "pid": pid, "version": version}
    run(conn, "runners/register", {**parameters, "allowlist": list(allowlist), "slots": slots})


def heartbeat(conn: AnyConnection, *, runner_instance: UUID) -> list[Held]:
    """Renew all claims of the instance; returns those whose cancel is requested."""
    found = run(conn, "runners/heartbeat", {"runner_instance": runner_instance})
    return [Held(row["id"], row["claim_seq"]) for row in found]


def retire_runner(conn: AnyConnection, *, runner_instance: UUID) -> None:
    """Record that the instance drained and is gone."""
    run(conn, "runners/retire", {"runner_instance": runner_instance})


def close_claims(conn: AnyConnection, batches: Sequence[int]) -> None:
    """Forget batches of claims, each when the last of its claims is settled or lost.

    Part of the transaction that settles it; a batch that stays open is a lease that runs out.
    """
    run(conn, "runners/close", {"batches": list(batches)})


def held_claims(conn: AnyConnection, *, runner_instance: UUID) -> list[Claim]:
    """Return the claims that the database says the instance holds."""
    found = run_fast(conn, "runners/held", {"runner_instance": runner_instance})
    return [Claim._make(row) for row in found]


def look(
    conn: AnyConnection,
    *,
    runner_instance: UUID,
    allowlist: Collection[str],
    lease_seconds: float,
    lanes: Sequence[Lane] = (),
    beside: bytes | None = None,
) -> Look:
    """Return when there may be work next; numbers at or below zero mean now.

    Known `lanes` are looked at from their marks on.
    `beside` is a query for one number of seconds, asked in the same statement: an idle runner sends
    one for each look, whatever else it waits for.
    """
    parameters = {
        "runner_instance": runner_instance,
        "allowlist": list(allowlist),
        "lease_seconds": lease_seconds,
        **lane_parameters(lanes),
    }
    query = statement("runners/look")
    if beside is not None:
        query += b",\n(\n" + beside + b"\n) as beside_in_seconds"
    cursor = driver_connection(conn).cursor(row_factory=tuple_row)
    (row,) = cursor.execute(query, parameters).fetchall()
    return Look(*row)


def runner_state(conn: AnyConnection, *, lease_seconds: float) -> RunnerState:
    """Return what is known of all runners, in one statement."""
    (row,) = run_fast(conn, "runners/state", {"lease_seconds": lease_seconds})
    return RunnerState(*row)


def list_runners(conn: AnyConnection, *, limit: int = 50) -> list[Runner]:
    """Return runner instances, those that have not said goodbye first, then the newest."""
    held = (
        select(func.count())
        .select_from(ops_claims)
        .join(ops_jobs, ops_jobs.c.id == any_(ops_claims.c.job_ids))
        .where(ops_claims.c.runner_instance == ops_runners.c.id, ops_jobs.c.status == "running")
        .scalar_subquery()
    )
    columns = [ops_runners.c[name] for name in Runner.__slots__ if name != "held"]
    query = (
        select(*columns, held.label("held"))
        .order_by(ops_runners.c.stopped_at.is_not(None), ops_runners.c.started_at.desc())
        .limit(limit)
    )
    return [Runner(**row) for row in rows(conn, query)]
