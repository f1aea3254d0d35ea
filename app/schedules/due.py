"""Which occurrences are fired now, and which are passed over: the missed-fire policies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.schedules.cron import Cron
from app.schedules.schedule import MissedPolicy, Schedule

# Later than this an occurrence is missed; clocks that tick by cron may be late by minutes.
LATE_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be fired, oldest first; the newest passed over; and when it is due next."""

    fire: list[datetime]
    missed: datetime | None
    next_at: datetime | None


def plan(schedule: Schedule, cron: Cron, now: datetime) -> Due:
    """Judge every occurrence after `caught_up_to` and not after `now`.

    All policies fire the newest one, `skip` only while it is not late; `all` fires up to
    `catch_up_most` of them.
    """
    most = schedule.catch_up_most if schedule.missed_policy is MissedPolicy.ALL else 1
    found = cron.newest(schedule.caught_up_to, now, most + 1)
    if (
        schedule.missed_policy is MissedPolicy.SKIP
        and found
        and now - found[-1] > timedelta(seconds=LATE_SECONDS)
    ):
        most = 0
    passed_over = found[: max(0, len(found) - most)]
    return Due(
        fire=found[len(passed_over) :],
        missed=passed_over[-1] if passed_over else None,
        next_at=cron.after(max(now, schedule.caught_up_to)),
    )
