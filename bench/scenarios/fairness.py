"""8. In which order do jobs run, and how long does a flood make others wait?"""

from __future__ import annotations

import random
import statistics
from typing import Any

from bench import tally
from bench.contenders import OURS, tuned, variant
from bench.drains import analyse, wait_for_runs, working
from bench.figures import NANOSECONDS
from bench.server import Database
from bench.session import Case, Run, Session

ORDERED_JOBS = 1_000
CALM_JOBS = 50
_FIRST_CALM = 5_000_000
_ENQUEUE_SECONDS = 600.0
_URGENT = 0
FLOODS: dict[str, dict[str, Any]] = {
    "a flood of the same type and queue": {},
    "a flood of another queue": {"queue": "flood"},
    "a flood of another job type": {"slot": "process"},
    "a flood, but the calm jobs are urgent": {"calm_priority": _URGENT},
}


def measure(session: Session) -> list[Run]:
    """See the order in which priorities run, then what each flood does to fifty calm jobs."""
    if not session.has(OURS):
        return []
    ours = variant(tuned(session.system(OURS)), "thread", "thread slots", slot="thread")
    ordered = [Case(ours, {"question": "priorities 0 to 9, shuffled"})]
    floods = [Case(ours, {"question": question}) for question in FLOODS]
    return [
        *session.measure(ordered, lambda case: _order(session, case)),
        *session.measure(floods, lambda case: _flood(session, case)),
    ]


def _order(session: Session, case: Case) -> Run:
    """Say how many jobs started after a less urgent one, though all had been there before."""
    priorities = [n % 10 for n in range(ORDERED_JOBS)]
    random.Random(3).shuffle(priorities)  # noqa: S311 - the same shuffle in every run
    jobs = [
        {"n": n, "priority": priority, "slot": "thread"} for n, priority in enumerate(priorities)
    ]
    with session.database(case.contender.system) as database:
        _enqueue(session, case, database, jobs)
        started = _run(session, case, database, len(jobs))
    return {"jobs": len(jobs), "overtaken": overtaken([priorities[n] for n in started])}


def overtaken(priorities: list[int]) -> int:
    """Count the jobs that started after a less urgent one; 0 is the order of the rule."""
    least_urgent, count = -1, 0
    for priority in priorities:
        count += priority < least_urgent
        least_urgent = max(least_urgent, priority)
    return count


def _flood(session: Session, case: Case) -> Run:
    flood = FLOODS[case.parameters["question"]]
    count = session.sizes.flood_jobs
    flooding = {"slot": flood.get("slot", "thread"), "queue": flood.get("queue", "bench")}
    calm = {"slot": "thread", "priority": flood.get("calm_priority", 5)}
    jobs: list[dict[str, Any]] = [
        *({"n": n, **flooding} for n in range(count)),
        *({"n": _FIRST_CALM + n, **calm} for n in range(CALM_JOBS)),
    ]
    with session.database(case.contender.system) as database:
        _enqueue(session, case, database, jobs)
        started = _run(session, case, database, len(jobs))
    first_ns = min(started.values())
    waits = [(at_ns - first_ns) / NANOSECONDS for n, at_ns in started.items() if n >= _FIRST_CALM]
    return {
        "flood_jobs": count,
        "calm_jobs": CALM_JOBS,
        "median_wait_seconds": statistics.median(waits),
        "worst_wait_seconds": max(waits),
        "all_done_seconds": (max(started.values()) - first_ns) / NANOSECONDS,
    }


def _enqueue(session: Session, case: Case, database: Database, jobs: list[dict[str, Any]]) -> None:
    with session.adapter(case.contender, database) as producer:
        producer.call("enqueue_named", jobs=jobs, timeout_seconds=_ENQUEUE_SECONDS)
    analyse(session, database)


def _run(session: Session, case: Case, database: Database, jobs: int) -> dict[int, int]:
    """Run all jobs; return the start of each by its number, in the order of the starts."""
    tally.clear()
    with working(session, case.contender, database) as workers:
        wait_for_runs(workers, jobs)
        started = tally.starts()
    return dict(sorted(started.items(), key=lambda item: item[1]))
