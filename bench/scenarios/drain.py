"""1. How fast is a full queue emptied, by one and by two worker processes?"""

from __future__ import annotations

from dataclasses import asdict

from bench import counters
from bench.contenders import OURS, RAW, Contender, tuned, variant
from bench.drains import drain, load
from bench.session import Case, Run, Session

WORKERS = (1, 2)


def contenders(session: Session) -> list[Contender]:
    """Return ours with both kinds of slots, the raw limit, and the peers."""
    found = []
    if session.has(OURS):
        ours = tuned(session.system(OURS))
        found = [
            variant(ours, "thread", "thread slots", slot="thread"),
            variant(ours, "process", "process slots", slot="process"),
        ]
    if session.has(RAW):
        found.append(tuned(session.system(RAW)))
    return [*found, *(tuned(peer) for peer in session.peers)]


def measure(session: Session) -> list[Run]:
    """Drain with every contender, with one worker and with two."""
    cases = [
        Case(contender, {"workers": workers})
        for contender in contenders(session)
        for workers in WORKERS
    ]
    return session.measure(cases, lambda case: _drain(session, case))


def _drain(session: Session, case: Case) -> Run:
    contender = case.contender
    jobs = session.jobs_for(contender.system, session.sizes.drain_jobs)
    with session.database(contender.system) as database:
        load(session, contender, database, jobs)
        before = counters.read(session.server.observer, database)
        drained = drain(session, contender, database, workers=case.parameters["workers"], jobs=jobs)
        spent = counters.read(session.server.observer, database).since(before)
    return {**asdict(drained), "per_job": spent.per_job(jobs)}
