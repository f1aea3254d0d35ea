"""5. Does a claim stay as fast when a million jobs wait, in whichever way, or are finished?

The measure is the rate of the first handlers to start, beside that on a table that holds no more
than those; and, for ours, the plan of a claim.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg

from app.jobs import pause_queue
from bench import tally
from bench.contenders import OURS, RAW, Contender, System, tuned, variant
from bench.drains import analyse, drain, wait_for_runs, working
from bench.figures import rate
from bench.job_types import ALLOWLIST, JOB_TYPES, TEN_TYPES
from bench.plans import explain_claim
from bench.server import Database
from bench.session import FAILURES, Case, Run, Session, failed

PLAN_LIMIT = 100
_FILL_SECONDS = 3_600.0
_EMPTY, _SAME = "no other job", "same queue"


@dataclass(frozen=True, slots=True)
class Backlog:
    """What lies in the table beside the jobs that are claimed: how raw SQL lays it there."""

    name: str
    fill: Callable[[Session, Database, int], None]


def _nothing(session: Session, database: Database, rows: int) -> None:
    """Leave the table empty."""


def _copy(queue: str, job_types: tuple[str, ...]) -> Callable[[Session, Database, int], None]:
    def fill(session: Session, database: Database, rows: int) -> None:
        raw = tuned(session.system(RAW), job_types=list(job_types), queue=queue)
        with session.adapter(raw, database) as adapter:
            adapter.call("enqueue_bulk", first=1_000_000, count=rows, timeout_seconds=_FILL_SECONDS)

    return fill


def _finished(session: Session, database: Database, rows: int) -> None:
    """Have every row claimed and succeeded, as it would have been."""
    _copy("bench", (JOB_TYPES["thread"],))(session, database, rows)
    raw = tuned(session.system(RAW), batch=500)
    drain(session, raw, database, workers=2, jobs=rows)


def _paused(session: Session, database: Database, rows: int) -> None:
    """Queue everything in a queue that is paused: no claim may pay for it."""
    _copy("paused", (JOB_TYPES["thread"],))(session, database, rows)
    with psycopg.connect(database.url, autocommit=True) as connection:
        pause_queue(connection, "paused", actor="user:bench", reason=None, until=None)


BACKLOGS = (
    Backlog(_EMPTY, _nothing),
    Backlog(_SAME, _copy("bench", (JOB_TYPES["thread"],))),
    Backlog("another queue", _copy("other", (JOB_TYPES["thread"],))),
    Backlog("a paused queue", _paused),
    Backlog("ten job types", _copy("bench", TEN_TYPES)),
    Backlog("a job type nobody runs", _copy("bench", ("unserved",))),
    Backlog("finished", _finished),
)


def measure(session: Session) -> list[Run]:
    """Claim beside every backlog: ours and the raw limit in all of them, peers in the plainest."""
    runs: list[Run] = []
    if session.has(RAW):
        for backlog in BACKLOGS:
            runs += _beside(session, session.system(RAW), backlog, _own(session))
    for peer in session.enduring_peers:
        if peer.loads_a_million:
            for name in (_EMPTY, _SAME):
                backlog = Backlog(name, _nothing if name == _EMPTY else _load(tuned(peer)))
                runs += _beside(session, peer, backlog, [tuned(peer)])
    return runs


def _own(session: Session) -> list[Contender]:
    found = [tuned(session.system(RAW))]
    if session.has(OURS):
        found.append(variant(tuned(session.system(OURS)), "thread", "thread slots", slot="thread"))
    return found


def _load(contender: Contender) -> Callable[[Session, Database, int], None]:
    def fill(session: Session, database: Database, rows: int) -> None:
        with session.adapter(contender, database) as adapter:
            adapter.call("enqueue_bulk", first=1_000_000, count=rows, timeout_seconds=_FILL_SECONDS)

    return fill


def _beside(
    session: Session, system: System, backlog: Backlog, contenders: list[Contender]
) -> list[Run]:
    rows = session.sizes.backlog_rows
    session.say(f"  laying {rows:,} rows: {backlog.name} ({system.label})")
    cases = [Case(contender, {"backlog": backlog.name}) for contender in contenders]
    try:
        with _filled(session, system, backlog, rows) as template:
            return session.measure(cases, lambda case: _first_claims(session, case, template))
    except FAILURES as error:
        return [failed(case, error) for case in cases]


@contextlib.contextmanager
def _filled(session: Session, system: System, backlog: Backlog, rows: int) -> Iterator[Database]:
    """Make the database that all measures beside one backlog are copies of."""
    with session.database(system) as made:
        tally.clear()
        backlog.fill(session, made, rows)
        analyse(session, made)
        template = session.server.make("bench_backlog", template=made.name)
    try:
        yield template
    finally:
        session.server.drop(template.name)


def _first_claims(session: Session, case: Case, template: Database) -> Run:
    contender = case.contender
    claims = session.jobs_for(contender.system, session.sizes.backlog_claims)
    with session.database(contender.system, template=template.name) as database:
        with session.adapter(contender, database) as producer:
            producer.call("enqueue_bulk", first=0, count=claims, timeout_seconds=_FILL_SECONDS)
        analyse(session, database)
        plan = {}
        if not contender.system.is_peer:
            plan = explain_claim(database.url, allowlist=ALLOWLIST, limit=PLAN_LIMIT)
        tally.clear()
        with working(session, contender, database) as workers:
            wait_for_runs(workers, claims)
            ended_ns, counted = time.monotonic_ns(), tally.read()
    began_ns = counted.first_start_ns or ended_ns
    return {
        "rows": session.sizes.backlog_rows,
        "jobs": counted.runs,
        "jobs_per_second": rate(counted.runs, began_ns, ended_ns),
        **plan,
    }
