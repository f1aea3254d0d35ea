"""13. What does deleting a million old jobs do to those that run meanwhile?

A runner drains a queue beside jobs that finished more than a month ago, and deletes them, or is
told to keep them. Then it is left to its sweep until the last of them is gone.
"""

from __future__ import annotations

import time
from typing import Any

import psycopg

from bench import history, tally
from bench.contenders import OURS, tuned, variant
from bench.drains import load, wait_for_runs, working
from bench.figures import DAY_SECONDS, NANOSECONDS, rate
from bench.remote import Remote, wait_until
from bench.server import Database
from bench.session import FAILURES, Case, Run, Session, failed
from bench.systems import QUEUE

KEPT, SWEPT = "keeps all", "deletes the old"
_KEEP_SECONDS = 30 * DAY_SECONDS
_VARIABLES = {
    KEPT: {"RETENTION_SECONDS": "0"},
    SWEPT: {
        "RETENTION_SECONDS": str(_KEEP_SECONDS),
        "RETENTION_FIRST_PASS_SECONDS": "0",
    },
}
WAITING = 1_000  # jobs as old as the others that nobody ran yet
_WAITING_QUEUE = "waiting"
_SLOWEST_SWEEP = 500  # jobs a second
_LOOK_SECONDS = 1.0


def measure(session: Session) -> list[Run]:
    """Drain beside old jobs that stay, and beside old jobs that are being deleted."""
    if not session.has(OURS):
        return []
    ours = variant(tuned(session.system(OURS)), "thread", "thread slots", slot="thread")
    cases = [
        Case(variant(ours, name.split()[0], name, variables=_VARIABLES[name]), {"sweep": name})
        for name in (KEPT, SWEPT)
    ]
    rows = session.sizes.history_rows
    session.say(f"  laying {rows:,} rows")
    try:
        with session.database(ours.system) as made:
            _lay(made, rows)
            load(session, ours, made, session.sizes.retention_jobs)
            template = session.server.make("bench_history", template=made.name)
    except FAILURES as error:
        return [failed(case, error) for case in cases]
    try:
        return session.measure(cases, lambda case: _drain(session, case, template))
    finally:
        session.server.drop(template.name)


def _lay(database: Database, rows: int) -> None:
    """Lay old finished jobs, and some of the same age that wait: those must be left."""
    history.lay(
        database, rows + WAITING, newest_seconds=_KEEP_SECONDS + DAY_SECONDS,
        spread_seconds=DAY_SECONDS,
    )  # fmt: skip
    with psycopg.connect(database.observer_url, autocommit=True) as connection:
        connection.execute(
            "update ops_jobs set status = 'queued', finished_at = null, started_at = null,"
            " result = null, error = null, runner_instance = null, job_type = 'unserved',"
            " queue = %s, ready = true"
            " where id in (select id from ops_jobs order by id limit %s)",
            [_WAITING_QUEUE, WAITING],
        )


def _drain(session: Session, case: Case, template: Database) -> Run:
    wanted = session.sizes.retention_jobs
    tally.clear()
    with session.database(case.contender.system, template=template.name) as database:
        session.server.settle()
        begin_ns = time.monotonic_ns()
        with working(session, case.contender, database) as workers:
            wait_for_runs(workers, wanted)
            ended_ns, counted = time.monotonic_ns(), tally.read()
            left = _old_jobs(session, database)
            sweep = {}
            if case.parameters["sweep"] == SWEPT:
                sweep = _finish_sweep(session, database, workers, begin_ns)
        missing = _missing(session, database, wanted)
    return {
        "rows": session.sizes.history_rows,
        "jobs": wanted,
        "jobs_per_second": rate(counted.runs, counted.first_start_ns or begin_ns, ended_ns),
        "deleted_meanwhile": session.sizes.history_rows - left,
        "live_rows_lost": missing,
        **sweep,
    }


def _finish_sweep(
    session: Session, database: Database, workers: list[Remote], begin_ns: int
) -> dict[str, Any]:
    """Wait until no old job is left."""

    def is_swept() -> bool:
        for worker in workers:
            worker.check()
        return _old_jobs(session, database) == 0

    rows = session.sizes.history_rows
    wait_until(
        is_swept, seconds=60 + rows / _SLOWEST_SWEEP, every=_LOOK_SECONDS,
        what="the end of the sweep",
    )  # fmt: skip
    seconds = (time.monotonic_ns() - begin_ns) / NANOSECONDS
    return {"sweep_seconds": round(seconds, 1), "deleted_per_second": rows / seconds}


def _old_jobs(session: Session, database: Database) -> int:
    return _jobs_in(session, database, history.QUEUE)


def _missing(session: Session, database: Database, jobs: int) -> int:
    """Return how many jobs are gone that were not to go: the young ones, and the waiting ones."""
    young, waiting = (_jobs_in(session, database, queue) for queue in (QUEUE, _WAITING_QUEUE))
    return jobs + WAITING - young - waiting


def _jobs_in(session: Session, database: Database, queue: str) -> int:
    query = "select count(*) from ops_jobs where queue = %s"
    return int(session.server.ask(database, query, [queue])[0])
