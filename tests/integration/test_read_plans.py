"""No read of the API walks a table, whatever the tables hold: PostgreSQL counts the scans."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from app import jobs
from app.jobs import lists
from app.web.plane import EXTENSION
from tests.control_plane import JOBS, serving
from tests.factories import ACTOR, TYPE, a_runner

Conn = psycopg.Connection[Any]

FINISHED = 50_000
WINDOW = 5_000
BIG = ("ops_jobs", "ops_job_events")


@pytest.fixture
def client(
    connection: Conn, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FlaskClient]:
    """A control plane on one connection, over many finished jobs and a few of each other state."""
    connection.execute(
        """
        with old as (
          insert into ops_jobs (job_type, status, ready, started_at, finished_at, runner_instance,
                                attempt, claim_seq)
          select 'job_' || n %% 8, 'succeeded', false, now(), now(), gen_random_uuid(), 1, 1
            from generate_series(1, %s) n
          returning id
        )
        insert into ops_job_events (job_id, kind, actor, attempt, claim_seq)
        select id, kind, 'api', 1, 1
          from old
         cross join unnest(array['queued', 'running', 'succeeded']) kind
        """,
        [FINISHED],
    )
    jobs.enqueue_many(connection, [jobs.NewJob(job_type=TYPE)] * 40)
    claims = jobs.claim(
        connection, runner_instance=a_runner(connection), actor=ACTOR, allowlist=[TYPE], limit=20
    )
    failures = [jobs.Failure(claim.id, claim.claim_seq, "boom") for claim in claims[:10]]
    jobs.fail(connection, failures, actor=ACTOR)
    connection.execute("vacuum analyze ops_jobs, ops_job_events")
    monkeypatch.setitem(lists.list_jobs.__kwdefaults__, "window", WINDOW)
    with serving(database_url, database_pool_size=1) as client:
        yield client


Scans = dict[str, tuple[int, int]]


def scans(conn: Conn) -> Scans:
    """Return how often each big table was scanned, and how many of its rows were fetched."""
    conn.execute("select pg_stat_force_next_flush()")
    conn.execute("select pg_stat_clear_snapshot()")
    found = conn.execute(
        "select relname, seq_scan, coalesce(idx_tup_fetch, 0) from pg_stat_user_tables"
        " where relname = any(%s)",
        [list(BIG)],
    )
    return {name: (sequential, fetched) for name, sequential, fetched in found.fetchall()}


def complaints(what: str, before: Scans, after: Scans, most: int) -> Iterator[str]:
    for table in BIG:
        sequential, fetched = (
            now - then for now, then in zip(after[table], before[table], strict=True)
        )
        if sequential or fetched > most:
            yield f"{what}: {sequential} scans of {table}, {fetched} rows fetched"


# Each read, and how many rows of either table it may fetch; planning fetches a few, too.
READS = {
    JOBS: 200,
    f"{JOBS}/{{queued}}": 300,
    f"{JOBS}/{{queued}}/events": 300,
    f"{JOBS}?limit=200": 400,
    f"{JOBS}?status=queued": 200,
    f"{JOBS}?status=running": 200,
    f"{JOBS}?status=failed": 200,
    f"{JOBS}?status=cancelled": 200,
    f"{JOBS}?status=succeeded": WINDOW + 400,
    f"{JOBS}?status=failed&job_type=job_1&queue=default&tag=x": 200,
    f"{JOBS}?job_type={TYPE}": 2 * WINDOW,
    f"{JOBS}?job_type=unheard_of": 2 * WINDOW,
    f"{JOBS}?queue=unheard_of": 2 * WINDOW,
    f"{JOBS}?tag=unheard_of": 2 * WINDOW,
    f"{JOBS}?since=2100-01-01T00:00:00Z": 100,
    f"{JOBS}?until=2020-01-01T00:00:00Z": 100,
    "/api/v1/ops/queues": 300,
    "/api/v1/ops/runners": 300,
    "/api/v1/ops/stats": 20_000,
}

# And what the core does now and then.
CHORES: dict[str, tuple[Callable[[Conn], object], int]] = {
    "reject_unserved": (
        lambda conn: jobs.reject_unserved(conn, after_seconds=60, actor="api"),
        300,
    ),
    "update_stats": (lambda conn: jobs.update_stats(conn, limit=500), 2_000),
}


@pytest.mark.unpooled("counts what one backend did, and a pooler has several")
def test_no_read_walks_a_table(client: FlaskClient, connection: Conn) -> None:
    engine = client.application.extensions[EXTENSION].engine

    def flushed() -> Scans:
        # The control plane's one connection tells what it did when it is asked.
        with engine.begin() as serving_connection:
            serving_connection.exec_driver_sql("select pg_stat_force_next_flush()")
        return scans(connection)

    queued = client.get(f"{JOBS}?status=queued").get_json()["data"][0]["id"]
    found: list[str] = []
    for template, most in READS.items():
        path = template.format(queued=queued)
        before = flushed()
        assert client.get(path).status_code == 200, path
        found += complaints(path, before, flushed(), most)
    for name, (chore, most) in CHORES.items():
        before = scans(connection)
        chore(connection)
        found += complaints(name, before, scans(connection), most)
    assert found == []
