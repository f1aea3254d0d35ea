"""Why a queued job waits: the cause that applies first, in one sentence with a code."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, literal, select, true

from app.db.tables import ops_queues, ops_runners
from app.jobs.job import Job
from app.jobs.query import rows
from app.jobs.statements import run
from app.jobs.states import Status

if TYPE_CHECKING:
    from app.db.connection import AnyConnection

MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class WaitingReason:
    """`code` is one of those in docs/reference/error-codes.md.

    `seconds` is how long it lasts where that is known: exactly, or as an estimate.
    """

    code: str
    detail: str
    seconds: float | None = None
    is_estimate: bool = False


def waiting_reason(
    conn: AnyConnection,
    job: Job,
    *,
    types_off: Collection[str] = (),
    look_seconds: float = 300,
    lease_seconds: float = 60,
    reject_after_seconds: float = 86_400,
) -> WaitingReason | None:
    """Return why the job waits, or None where it is not queued.

    `types_off` are the job types whose feature flag is off; `look_seconds` and `lease_seconds` are
    how a runner is set, `reject_after_seconds` is when a job that nobody serves is rejected. One
    statement, and a second one where the job is due and allowed.
    """
    if job.status is not Status.QUEUED:
        return None
    if job.job_type in types_off:
        return WaitingReason("feature_off", f"the feature of {job.job_type} is switched off")
    known = _know(conn, job)
    due_in = float(known["due_in"])
    if known["paused_by"] is not None:
        return _paused(job, known)
    if due_in > 0 and job.attempt > 0:
        detail = f"attempt {job.attempt} failed; the next is due in {due_in:.0f} s"
        return WaitingReason("back_off", detail, due_in)
    if due_in > 0:
        return WaitingReason("not_due", f"due in {due_in:.0f} s", due_in)
    # How long that lasts nobody knows, only how it ends.
    unserved = f"once due for {reject_after_seconds:.0f} s the job is rejected unless one allows it"
    if known["runners"] == 0:
        detail = f"no runner is registered; {unserved}; start one with: ops runner"
        return WaitingReason("no_runner", detail)
    if known["allowing"] == 0:
        return WaitingReason("not_allowed", f"no runner allows {job.job_type}; {unserved}")
    return _due_and_allowed(
        conn, job, due_seconds=-due_in, look_seconds=look_seconds, lease_seconds=lease_seconds
    )


def _know(conn: AnyConnection, job: Job) -> dict[str, Any]:
    present = ops_runners.c.stopped_at.is_(None)
    runners = select(
        func.count().filter(present).label("runners"),
        func.count()
        .filter(present, literal(job.job_type) == func.any(ops_runners.c.allowlist))
        .label("allowing"),
    ).subquery()
    pause = (
        select(ops_queues)
        .where(
            ops_queues.c.name == job.queue,
            ops_queues.c.paused_at.is_not(None),
            ops_queues.c.resume_at.is_(None) | (ops_queues.c.resume_at > func.now()),
        )
        .subquery()
    )
    query = (
        select(
            func.extract("epoch", literal(job.available_at) - func.now()).label("due_in"),
            func.extract("epoch", pause.c.resume_at - func.now()).label("resumes_in"),
            pause.c.paused_by,
            pause.c.pause_reason,
            pause.c.resume_at,
            runners,
        )
        .select_from(runners)
        .outerjoin(pause, true())
    )
    return rows(conn, query)[0]


def _paused(job: Job, known: dict[str, Any]) -> WaitingReason:
    resume_at: datetime | None = known["resume_at"]
    until = f" until {resume_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if resume_at else ""
    because = f": {known['pause_reason']}" if known["pause_reason"] else ""
    detail = f"queue {job.queue} was paused by {known['paused_by']}{until}{because}"
    seconds = float(known["resumes_in"]) if resume_at else None
    return WaitingReason("queue_paused", detail, seconds)


def _due_and_allowed(
    conn: AnyConnection, job: Job, *, due_seconds: float, look_seconds: float, lease_seconds: float
) -> WaitingReason:
    parameters = {
        "job_type": job.job_type,
        "priority": job.priority,
        "available_at": job.available_at,
        "seq": job.seq,
        "concurrency_key": job.concurrency_key,
        "most": MOST_COUNTED,
    }
    (load,) = run(conn, "reads/load", parameters)
    unseen_seconds = load["unseen_seconds"]
    # A runner that lives looks at least every `look_seconds`, and what it takes it writes down.
    if due_seconds > look_seconds + lease_seconds and unseen_seconds > due_seconds:
        return WaitingReason(
            "runners_silent",
            f"no runner that allows {job.job_type} gave a sign of life for {unseen_seconds:.0f} s",
        )
    if load["running"] >= load["slots"]:
        return _slots_taken(load)
    bounds = _bounds(load)
    if any(bound.is_reached for bound in bounds):
        return _limited(job, bounds)
    return WaitingReason(
        "look",
        "a runner has a slot free and takes it when it is woken or looks: ops trigger",
        max(0.0, look_seconds - due_seconds),
        is_estimate=True,
    )


@dataclass(frozen=True, slots=True)
class _Bound:
    """One limit of a job type: how many jobs take from it before the job, and how long that lasts.

    `seconds` is None where that is not known, see `_turn_in`.
    """

    is_reached: bool
    words: str
    before: int
    seconds: float | None


def _bounds(load: dict[str, Any]) -> list[_Bound]:
    """Return the limits of a job's type, as the last claim of the type was bound by them."""
    of_type, of_key = load["of_type_before_it"], load["of_key_before_it"]
    bounds = []
    if load["rate"] is not None:
        rate, tokens = load["rate"], load["tokens"]
        words = f"one may start every {round(1 / rate, 3):g} s"
        lasts = _turn_in(max(0.0, of_type + 1 - tokens), 1 / rate, before=of_type)
        bounds.append(_Bound(tokens < 1, words, of_type, lasts))
    for most, running, before, which in (
        (load["most_running"], load["running_of_type"], of_type, ""),
        (load["most_for_key"], load["running_of_key"], of_key, " with its concurrency key"),
    ):
        if most is not None:
            words = f"{running} of at most {most}{which} run"
            mean = load["mean_run_seconds_of_type"]
            lasts = _turn_in((before + 1) / most, mean, before=before) if running >= most else 0.0
            bounds.append(_Bound(running >= most, words, before, lasts))
    return bounds


def _turn_in(turns: float, seconds_each: float | None, *, before: int) -> float | None:
    """Return how long so many turns last; None where no run is known, or more wait than counted."""
    if seconds_each is None or before >= MOST_COUNTED:
        return None
    return round(turns * seconds_each, 1)


def _limited(job: Job, bounds: list[_Bound]) -> WaitingReason:
    """Tell the limits that are reached; the job waits for that which lasts longest of all."""
    reached = [bound for bound in bounds if bound.is_reached]
    words = " and ".join(bound.words for bound in reached)
    before = _counted(max(bound.before for bound in reached))
    detail = f"runs of {job.job_type} are limited: {words}; {before} are due before it"
    known = [bound.seconds for bound in bounds if bound.seconds is not None]
    seconds = max(known) if len(known) == len(bounds) else None
    return WaitingReason("limited", detail, seconds, is_estimate=seconds is not None)


def _counted(jobs: int) -> str:
    return f"{jobs}" if jobs < MOST_COUNTED else f"{jobs} or more"


def _slots_taken(load: dict[str, Any]) -> WaitingReason:
    before, slots, mean = load["before_it"], load["slots"], load["mean_run_seconds"]
    detail = f"all {slots} slots are taken, and {_counted(before)} jobs are due before it"
    seconds = _turn_in((before + 1) / slots, mean, before=before)
    return WaitingReason("slots", detail, seconds, is_estimate=seconds is not None)
