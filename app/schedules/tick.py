"""What any cron does, by HTTP or beside the database: fire, rescue, clear up, see what is due.

A tick carries nothing, and each of its deeds is done once, whoever asks for it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from app.jobs import list_runners, look, reject_unserved, rescue, update_stats
from app.schedules.firing import fire_next
from app.schedules.schedule import Fired

if TYPE_CHECKING:
    from app.db.connection import AnyConnection

ACTOR = "cron"
_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Tick:
    """What a tick did; `is_work_due` says that there is something to wake a runner for."""

    fired: list[Fired]
    rescued: list[UUID]
    rejected: list[UUID]
    is_work_due: bool


def tick(
    conn: AnyConnection,
    *,
    with_schedules: bool,
    firing_seconds: float,
    lease_seconds: float,
    rescue_budget: int,
    reject_after_seconds: float,
) -> Tick:
    """Rescue, and fire due schedules; none is begun when `firing_seconds` are over.

    Then end what nobody serves, and count what ended. On a connection in autocommit, as it should
    be, each step is a transaction of its own: a tick that is cut short keeps what it did.
    """
    rescued = rescue(conn, lease_seconds=lease_seconds, budget=rescue_budget, actor=ACTOR)
    fired = _fire(conn, firing_seconds) if with_schedules else []
    rejected = reject_unserved(conn, after_seconds=reject_after_seconds, actor=ACTOR)
    update_stats(conn)
    is_work_due = bool(rescued or fired) or _has_due_jobs(conn, lease_seconds)
    return Tick(fired, rescued, rejected, is_work_due)


def _fire(conn: AnyConnection, seconds: float) -> list[Fired]:
    fired: list[Fired] = []
    stop_at = time.monotonic() + seconds
    while time.monotonic() < stop_at:
        made = fire_next(conn, actor=ACTOR)
        if made is None:
            break
        fired += made
    return fired


def _has_due_jobs(conn: AnyConnection, lease_seconds: float) -> bool:
    """Say whether a job is due that some runner allows and that no pause holds back."""
    allowed = {job_type for runner in list_runners(conn) for job_type in runner.allowlist}
    seen = look(
        conn, runner_instance=_NOBODY, allowlist=allowed, lease_seconds=lease_seconds
    ).due_in_seconds
    return seen is not None and seen <= 0
