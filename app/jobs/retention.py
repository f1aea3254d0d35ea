"""What is past its retention leaves in small batches, none of which hurts a claim."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from app.jobs.statements import run

if TYPE_CHECKING:
    from app.db.connection import AnyConnection

KEEP_KEYS_SECONDS = 86_400
START = UUID(int=0)


class Swept(NamedTuple):
    """How many jobs a batch deleted, and where the next batch of the same pass begins."""

    jobs: int
    last_id: UUID


def sweep(
    conn: AnyConnection, *, runner_instance: UUID, keep_seconds: float, after: UUID = START,
    limit: int = 1_000,
) -> Swept:  # fmt: skip
    """Delete up to `limit` jobs that finished more than `keep_seconds` ago, with their events.

    Idempotency keys go a day after their use, runners' rows a week after their last sign of life.
    Fewer jobs than `limit` mean that the pass is at its end.
    """
    parameters = {
        "runner_instance": runner_instance,
        "keep_seconds": keep_seconds,
        "keep_keys_seconds": KEEP_KEYS_SECONDS,
        "after": after,
        "limit": limit,
    }
    (row,) = run(conn, "retention/sweep", parameters)
    return Swept(row["jobs"], row["last_id"] or START)
