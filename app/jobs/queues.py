"""Queues: how much waits and runs in each, and their pauses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from app.db.tables import ops_queues
from app.jobs.query import rows
from app.jobs.statements import run

if TYPE_CHECKING:
    from app.db.connection import AnyConnection

COUNT_CAP = 10_000
COUNTED_MOST = 100_000
_PAUSE = ("paused_at", "paused_by", "pause_reason", "resume_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Why a queue starts nothing; it ends by itself at `resume_at`, where that is given."""

    paused_at: datetime
    paused_by: str
    pause_reason: str | None
    resume_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A queue as it is now; a count that is not exact is a lower bound."""

    name: str
    queued: int
    queued_is_exact: bool
    running: int
    running_is_exact: bool
    pause: Pause | None


def list_queues(
    conn: AnyConnection, *, cap: int = COUNT_CAP, most: int = COUNTED_MOST
) -> list[Queue]:
    """Return the queues that have jobs to do or a pause, and `default`, by name.

    A count stops at `cap`, and at its share of `most` where there are many queues.
    """
    found = run(conn, "reads/queues", {"cap": cap, "most": most})
    return [Queue(pause=_pause({name: row.pop(name) for name in _PAUSE}), **row) for row in found]


def pause_queue(
    conn: AnyConnection, name: str, *, actor: str, reason: str | None, until: datetime | None
) -> None:
    """Let no job of the queue start, until then or until it is resumed; what runs goes on.

    The last pause counts.
    """
    pause = {
        "paused_at": func.now(), "paused_by": actor, "pause_reason": reason, "resume_at": until,
    }  # fmt: skip
    new = insert(ops_queues).values(name=name, **pause)
    rows(conn, new.on_conflict_do_update(index_elements=["name"], set_=pause))


def resume_queue(conn: AnyConnection, name: str) -> None:
    """Let the jobs of the queue start again; does nothing where it is not paused."""
    rows(conn, delete(ops_queues).where(ops_queues.c.name == name))


def get_pause(conn: AnyConnection, name: str) -> Pause | None:
    """Return the pause of the queue, or None where its jobs may start."""
    query = select(*(ops_queues.c[column] for column in _PAUSE)).where(
        ops_queues.c.name == name,
        ops_queues.c.paused_at.is_not(None),
        ops_queues.c.resume_at.is_(None) | (ops_queues.c.resume_at > func.now()),
    )
    return next((Pause(**row) for row in rows(conn, query)), None)


def _pause(row: dict[str, Any]) -> Pause | None:
    return None if row["paused_at"] is None else Pause(**row)
