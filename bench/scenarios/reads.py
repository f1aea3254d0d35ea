"""12. What does each read of the API cost the database when there are a million jobs?

Once nearly all of them are finished, over one day, and once nearly all of them wait; some run.
"""

from __future__ import annotations

import http.client
import time
from contextlib import closing
from uuid import uuid4

import psycopg

from app import jobs
from bench import history
from bench.contenders import OURS, Contender, default
from bench.counters import timing
from bench.drains import READY_SECONDS, analyse
from bench.figures import DAY_SECONDS, MILLISECOND, percentile
from bench.job_types import ALLOWLIST
from bench.remote import AdapterFailed
from bench.server import Database
from bench.session import FAILURES, Case, Run, Session, failed, named
from bench.systems.ours import JOBS, KEY

FINISHED, QUEUED = "finished", "queued"
_OTHERS, _RUNNING = 10_000, 500
_TYPE = "job_1"  # an eighth of the finished ones
_ACTOR = "runner:bench"
_FILL_SECONDS = 600.0
_ALL = ""  # every statement has it in its text

PATHS = (
    JOBS,
    f"{JOBS}?limit=200",
    *(f"{JOBS}?status={s}" for s in ("queued", "running", "succeeded", "failed", "cancelled")),
    f"{JOBS}?job_type={_TYPE}",
    f"{JOBS}?job_type=unheard_of",
    f"{JOBS}?queue={history.QUEUE}",
    f"{JOBS}?queue=unheard_of",
    f"{JOBS}?tag=tenth",
    f"{JOBS}?tag=unheard_of",
    f"{JOBS}?status=failed&job_type={_TYPE}&queue={history.QUEUE}&tag=tenth",
    f"{JOBS}?since=2100-01-01T00:00:00Z",
    f"{JOBS}?until=2020-01-01T00:00:00Z",
    f"{JOBS}/{{queued}}",
    f"{JOBS}/{{succeeded}}",
    f"{JOBS}/{{succeeded}}/events",
    "/api/v1/ops/queues",
    "/api/v1/ops/runners",
    "/api/v1/ops/schedules",
    "/api/v1/ops/stats",
    "/api/v1/ops/stats?step=hour",
    "/api/v1/ops/types",
    "/readyz",
)


def measure(session: Session) -> list[Run]:
    """Ask for every read a few times, and see what the database did for each."""
    if not session.has(OURS):
        return []
    ours = default(session.system(OURS), features=["schedules"], variables={"JOBS_ENABLED": "true"})
    runs: list[Run] = []
    for most in (FINISHED, QUEUED):
        try:
            with session.database(ours.system) as database:
                runs += _measure(session, ours, database, most)
        except FAILURES as error:
            runs.append(failed(Case(ours, {"most": most}), error))
    return runs


def _measure(session: Session, ours: Contender, database: Database, most: str) -> list[Run]:
    session.say(f"  laying {session.sizes.history_rows:,} rows, {most}")
    count = dict.fromkeys((FINISHED, QUEUED), _OTHERS) | {most: session.sizes.history_rows}
    with session.adapter(ours, database) as server:
        server.call("install", timeout_seconds=READY_SECONDS)
        history.lay(database, count[FINISHED], newest_seconds=60, spread_seconds=DAY_SECONDS)
        server.call("enqueue_bulk", first=0, count=count[QUEUED], timeout_seconds=_FILL_SECONDS)
        ids = _run_some(session, database)
        analyse(session, database)
        session.server.track_planning(database)
        server.begin("serve")
        port = server.result(timeout_seconds=READY_SECONDS)["port"]
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            return [
                named(Case(ours, {"most": most, "path": path}))
                | _read(session, database, connection, path.format(**ids))
                for path in PATHS
            ]


def _read(
    session: Session, database: Database, connection: http.client.HTTPConnection, path: str
) -> Run:
    took, in_database, statements = [], [], 0
    for _ in range(session.sizes.reads):
        timing(session.server.observer, database, _ALL)
        begin_ns = time.monotonic_ns()
        connection.request("GET", path, headers={"X-Ops-Key": KEY})
        answer = connection.getresponse()
        answer.read()
        took.append((time.monotonic_ns() - begin_ns) / MILLISECOND)
        if answer.status != http.client.OK:
            raise AdapterFailed(f"{path} was answered by {answer.status}")
        spent = timing(session.server.observer, database, _ALL)
        in_database.append(spent.total_ms)
        statements = spent.calls
    run = {
        "requests": len(took),
        "statements": statements,
        "database_p50": percentile(in_database, 50),
        "database_max": max(in_database),
        "p50": percentile(took, 50),
        "max": max(took),
    }
    session.say(f"    {path}: {run['database_p50']:.2f} ms in the database")
    return run


def _run_some(session: Session, database: Database) -> dict[str, str]:
    """Claim jobs as a runner would, and count what ended; return an id of each kind."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        runner = uuid4()
        jobs.register_runner(
            connection, id=runner, name="bench", host="localhost", pid=0, version="0",
            allowlist=ALLOWLIST, slots=_RUNNING,
        )  # fmt: skip
        jobs.claim(
            connection, runner_instance=runner, actor=_ACTOR, allowlist=ALLOWLIST, limit=_RUNNING
        )
        while jobs.update_stats(connection):
            pass

    def one(status: str) -> str:
        query = "select id from ops_jobs where status = %s limit 1"
        return str(session.server.ask(database, query, [status])[0])

    return {status: one(status) for status in (jobs.Status.QUEUED, jobs.Status.SUCCEEDED)}
