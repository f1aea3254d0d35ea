"""Jobs that nobody serves: the verb that ends them after a day, so that none waits for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from app.jobs.statements import run

if TYPE_CHECKING:
    from app.db.connection import AnyConnection


def reject_unserved(
    conn: AnyConnection, *, after_seconds: float, actor: str, limit: int = 500
) -> list[UUID]:
    """Fail jobs that were due for `after_seconds` and whose type no registered runner allows.

    Up to `limit` of them; returns their ids. Where no runner is registered at all, that is every
    job: a runner that stopped allows nothing.
    """
    parameters = {"after_seconds": after_seconds, "actor": actor, "limit": limit}
    return [row["id"] for row in run(conn, "reject_unserved", parameters)]
