"""7. What does a job cost PostgreSQL, handled 1, 10, 100, 500 at a time? And each index?

Enqueued by `enqueue` or `enqueue_many`, claimed and succeeded by the raw loop, in batches of the
same size.
"""

from __future__ import annotations

from dataclasses import asdict

import psycopg
from psycopg.sql import SQL, Identifier

from bench import counters
from bench.contenders import OURS, RAW, tuned, variant
from bench.drains import analyse, drain
from bench.server import Database
from bench.session import Case, Run, Session

BATCHES = (1, 10, 100, 200, 500)
CONNECTIONS = (1, 2)
INDEX_BATCH = 100
_SMALL = 10  # below this batch a tenth of the jobs is enough
_ENQUEUE_SECONDS = 600.0

# Without it no claim is possible; it is not up for justification.
_NEEDED = {"ix_ops_jobs_ready"}
_PAGE = {
    "ui_type": "create index ui_type on ops_jobs (job_type, created_at)",
    "ui_status": "create index ui_status on ops_jobs (status, created_at)",
    "ui_created": "create index ui_created on ops_jobs (created_at)",
}


def measure(session: Session) -> list[Run]:
    """Measure every batch size, with one connection and with two."""
    if not (session.has(OURS) and session.has(RAW)):
        return []
    raw = tuned(session.system(RAW))
    cases = [
        Case(variant(raw, str(batch), f"{batch} at a time", batch=batch),
             {"batch": batch, "connections": connections})
        for batch in BATCHES for connections in CONNECTIONS
    ]  # fmt: skip
    return session.measure(cases, lambda case: _cost(session, case))


def measure_indexes(session: Session) -> list[Run]:
    """Measure the drain with each index of the two hot tables taken away, and with three added."""
    if not (session.has(OURS) and session.has(RAW)):
        return []
    raw = tuned(session.system(RAW), batch=INDEX_BATCH)
    changes = ["as they are", *(f"without {name}" for name in _indexes(session)), "three more"]
    cases = [Case(raw, {"indexes": change}) for change in changes]
    return session.measure(cases, lambda case: _with_indexes(session, case))


def _cost(session: Session, case: Case) -> Run:
    batch = case.parameters["batch"]
    jobs = session.sizes.cost_jobs // (10 if batch < _SMALL else 1)
    observer = session.server.observer
    with session.database(case.contender.system) as database:
        session.server.settle()
        before = counters.read(observer, database)
        _enqueue(session, database, jobs, batch)
        enqueued = counters.read(observer, database)
        analyse(session, database)
        start = counters.read(observer, database)
        drained = drain(
            session, case.contender, database, workers=case.parameters["connections"], jobs=jobs
        )
        end = counters.read(observer, database)
    return {
        **asdict(drained),
        "enqueue_per_job": enqueued.since(before).per_job(jobs),
        "run_per_job": end.since(start).per_job(jobs),
    }


def _with_indexes(session: Session, case: Case) -> Run:
    change, jobs = case.parameters["indexes"], session.sizes.cost_jobs
    with session.database(case.contender.system) as database:
        _enqueue(session, database, jobs, INDEX_BATCH)
        with psycopg.connect(database.url, autocommit=True) as connection:
            if change.startswith("without "):
                name = change.removeprefix("without ")
                connection.execute(SQL("drop index {}").format(Identifier(name)))
            elif change == "three more":
                for statement in _PAGE.values():
                    connection.execute(statement.encode())
        analyse(session, database)
        before = counters.read(session.server.observer, database)
        drained = drain(session, case.contender, database, workers=1, jobs=jobs)
        spent = counters.read(session.server.observer, database).since(before)
    return {**asdict(drained), "per_job": spent.per_job(jobs)}


def _enqueue(session: Session, database: Database, jobs: int, batch: int) -> None:
    ours = tuned(session.system(OURS), slot="thread")
    how = ("enqueue_singly", {}) if batch == 1 else ("enqueue_bulk", {"chunk": batch})
    with session.adapter(ours, database) as producer:
        producer.call(how[0], first=0, count=jobs, timeout_seconds=_ENQUEUE_SECONDS, **how[1])


def _indexes(session: Session) -> list[str]:
    """Return the indexes of the hot tables that no key and no claim needs."""
    with (
        session.database(session.system(RAW)) as database,
        psycopg.connect(database.url) as connection,
    ):
        rows = connection.execute(
            "select c.relname from pg_index i"
            "  join pg_class c on c.oid = i.indexrelid"
            "  join pg_class t on t.oid = i.indrelid"
            " where t.relname in ('ops_jobs', 'ops_job_events') and not i.indisprimary"
            " order by t.relname desc, c.relname"
        ).fetchall()
    return [name for (name,) in rows if name not in _NEEDED]
