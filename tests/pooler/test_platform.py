"""The whole platform behind PgBouncer in transaction mode: its pool has two connections."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
import urllib3

from app import jobs
from app.db.migrate import FEATURES, upgrade
from app.db.schema import HEADS
from app.jobs.audit import audit
from tests.control_plane import JOBS, KEY
from tests.database import url_of
from tests.pgbouncer import PgBouncer, assert_nothing_is_left_in_the_pool
from tests.planes import under_gunicorn
from tests.runners import TOKEN, running, wait_for_status
from tests.waiting import wait_until

Conn = psycopg.Connection[Any]

_http = urllib3.PoolManager(retries=False, timeout=10)


@contextlib.contextmanager
def serving(database_url: str, runner_url: str) -> Iterator[str]:
    """Run the control plane as the platform would: no connection outlives its request."""
    variables = {
        "DATABASE_PREPARE": "false", "DATABASE_POOL_SIZE": "0",
        "RUNNER_ENABLED": "true", "RUNNER_URL": runner_url, "RUNNER_TOKEN_OUTBOUND": TOKEN,
    }  # fmt: skip
    with under_gunicorn(database_url, **variables) as plane:
        yield f"http://127.0.0.1:{plane.port}"


def create(url: str) -> UUID:
    """Create a job over HTTP and return its id; the runner is woken."""
    answer = _http.request(
        "POST", f"{url}{JOBS}", json={"job_type": "test_job"}, headers={"X-Ops-Key": KEY}
    )
    assert answer.status == 201, answer.data
    assert answer.json()["wake"]["status"] == "accepted"
    return UUID(answer.json()["id"])


def clients(pooler: PgBouncer, database: str) -> set[str]:
    """Return the names of the clients that are connected to a database."""
    with_names = pooler.ask("show clients")
    return {name for row in with_names if row[2] == database for name in row if is_ours(name)}


def is_ours(name: object) -> bool:
    return isinstance(name, str) and name.startswith("ops-") and "." not in name


def test_the_pooler_is_of_the_strict_kind(pooled_url: str, pooler: PgBouncer) -> None:
    with (
        psycopg.connect(pooled_url, prepare_threshold=0) as one,
        psycopg.connect(pooled_url, prepare_threshold=0) as other,
    ):
        one.execute("select 1")
        one.commit()
        with pytest.raises(psycopg.errors.DuplicatePreparedStatement):
            other.execute("select 1")
    pooler.ask("reconnect")


def test_a_database_is_migrated_through_the_pooler(
    empty_database_url: str, pooler: PgBouncer
) -> None:
    url = url_of(pooler.url, empty_database_url.rpartition("/")[2])
    for _ in range(2):
        upgrade(url, features=FEATURES)
    assert_nothing_is_left_in_the_pool(url)
    with psycopg.connect(empty_database_url) as conn:
        found = {head for (head,) in conn.execute("select version_num from alembic_version")}
    assert found == set(HEADS.values())


@pytest.mark.parametrize("has_direct_address", [False, True], ids=["pooled", "direct"])
def test_jobs_go_all_the_way(
    direct_url: str, pooled_url: str, pooler: PgBouncer, observer: Conn, has_direct_address: bool
) -> None:
    settings = {"database_url_direct": direct_url} if has_direct_address else {}
    database = observer.info.dbname
    with (
        running(pooled_url, **settings, runner_allowlist="test_job") as runner,
        serving(pooled_url, runner.url) as url,
    ):
        created = [create(url) for _ in range(20)]
        names = clients(pooler, database)
        for job_id in created:
            wait_for_status(observer, job_id, "succeeded")
        assert audit(observer) == []
        assert any(name.startswith("ops-runner") for name in names) is not has_direct_address
        wait_until(
            lambda: "ops-control-plane" not in clients(pooler, database),
            message="no request has left a connection",
        )
    assert_nothing_is_left_in_the_pool(pooled_url)


@pytest.mark.parametrize("trouble", ["reconnect", "pause", "kill", "restart"])
def test_trouble_with_the_pooler_loses_no_job(
    pooled_url: str, pooler: PgBouncer, observer: Conn, trouble: str
) -> None:
    database = observer.info.dbname
    with running(pooled_url, runner_allowlist="test_job") as runner:
        jobs.enqueue_many(
            observer,
            [jobs.NewJob(job_type="test_job", payload={"sleep_seconds": 0.05})] * 60,
        )
        assert runner.wake() == 202
        wait_until(lambda: succeeded(observer) > 5, message="the first jobs are done")
        if trouble == "restart":
            pooler.stop()
            pooler.start()
        else:
            pooler.ask(trouble if trouble == "reconnect" else f"{trouble} {database}")
            if trouble != "reconnect":
                pooler.ask(f"resume {database}")
        wait_until(lambda: succeeded(observer) == 60, message="all jobs are done", timeout=30)
    assert audit(observer) == []


def succeeded(observer: Conn) -> int:
    row = observer.execute("select count(*) from ops_jobs where status = 'succeeded'").fetchone()
    return row[0] if row else 0
