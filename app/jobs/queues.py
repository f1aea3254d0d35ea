"""Queues: how much waits and runs in each, and their pauses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert

from app.db.tables import ops_queues
from app.jobs.query import rows
from app.jobs.statements import run

if TYPE_CHECKING:
    from app.db.connection import AnyConnection

COUNT_CAP = 10_000
COUNTED_MOST = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A queue as it is now; a count that is not exact is a lower bound."""

    name: str
    queued: int
    queued_is_exact: bool
    running: int
    running_is_exact: bool
    paused_at: datetime | None
    paused_by: str | None
    pause_reason: str | None
    resume_at: datetime | None


def list_queues(
    conn: AnyConnection, *, cap: int = COUNT_CAP, most: int = COUNTED_MOST
) -> list[Queue]:
    """Return the queues that have jobs to do or a pause, and `default`, by name.

    A count stops at `cap`, and at its share of `most` where there are many queues.
    """
    found = run(conn, "reads/queues", {"cap": cap, "most": most})
    return [Queue(**row) for row in found]


def pause_queue(
    conn: AnyConnection, name: str, *, actor: str, reason: str | None, until: datetime | None
) -> None:
    """Let no job of the queue start, until then or until it is resumed; what runs goes on."""
    pause = {
        "paused_at": func.now(), "paused_by": actor, "pause_reason": reason, "resume_at": until,
    }  # fmt: skip
    new = insert(ops_queues).values(name=name, **pause)
    rows(conn, new.on_conflict_do_update(index_elements=["name"], set_=pause))


def resume_queue(conn: AnyConnection, name: str) -> None:
    """Let the jobs of the queue start again; does nothing where it is not paused."""
    rows(conn, delete(ops_queues).where(ops_queues.c.name == name))
