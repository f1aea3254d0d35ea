"""The invariants of the history, each a query whose rows are violations: sql/audit/*.sql.

Run after every chaos test and by `ops doctor --audit`. Needs nothing but the record and the events,
and holds for every job whose history is not cut short by retention.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from app.db.connection import driver_connection
from app.jobs.statements import SQL, statement

if TYPE_CHECKING:
    from app.db.connection import AnyConnection

INVARIANTS: tuple[str, ...] = tuple(sorted(path.stem for path in (SQL / "audit").glob("*.sql")))


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken invariant, with the job it was seen on."""

    invariant: str
    job_id: UUID
    detail: str


def audit(conn: AnyConnection) -> list[Violation]:
    """Return every violation found in the whole history; reads all of it.

    Both tables are read in one snapshot where the caller's transaction is REPEATABLE READ.
    """
    cursor = driver_connection(conn).cursor()
    return [
        Violation(invariant, job_id, detail)
        for invariant in INVARIANTS
        for job_id, detail in cursor.execute(statement(f"audit/{invariant}")).fetchall()
    ]
