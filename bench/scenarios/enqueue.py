"""2. How fast are jobs enqueued, one by one on one connection, and in bulk?"""

from __future__ import annotations

from bench.contenders import OURS, RAW, Contender, tuned
from bench.figures import MILLISECOND, percentiles, rate
from bench.session import Case, Run, Session

_CALL_SECONDS = 900.0


def contenders(session: Session) -> list[Contender]:
    """Return ours, the raw limit, and the peers."""
    own = [session.system(name) for name in (OURS, RAW) if session.has(name)]
    return [tuned(system) for system in (*own, *session.peers)]


def measure(session: Session) -> list[Run]:
    """Enqueue with every contender in both ways."""
    chosen = contenders(session)
    singly = [Case(contender, {"way": "one by one"}) for contender in chosen]
    bulk = [Case(contender, {"way": "bulk"}) for contender in chosen]
    return [
        *session.measure(singly, lambda case: _singly(session, case)),
        *session.measure(bulk, lambda case: _bulk(session, case)),
    ]


def _singly(session: Session, case: Case) -> Run:
    calls = session.sizes.single_calls
    with (
        session.database(case.contender.system) as database,
        session.adapter(case.contender, database) as producer,
    ):
        session.server.settle()
        timed = producer.call("enqueue_singly", first=0, count=calls, timeout_seconds=_CALL_SECONDS)
    return {
        "jobs": calls,
        "jobs_per_second": rate(calls, timed[0][0], timed[-1][1]),
        **percentiles([(end - begin) / MILLISECOND for begin, end in timed]),
    }


def _bulk(session: Session, case: Case) -> Run:
    system = case.contender.system
    jobs = session.jobs_for(system, session.sizes.bulk_jobs)
    with (
        session.database(system) as database,
        session.adapter(case.contender, database) as producer,
    ):
        session.server.settle()
        seconds = producer.call("enqueue_bulk", first=0, count=jobs, timeout_seconds=_CALL_SECONDS)
    return {"jobs": jobs, "jobs_per_second": jobs / seconds}
