"""Real runners for tests: `python -m worker` on a test's database, with a lease of 3 seconds."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

import psycopg
import urllib3

from app import jobs
from app.jobs import Event, Job
from tests import witness
from tests.pgbouncer import is_pooled
from tests.processes import RealProcess, descendants
from tests.waiting import wait_until
from tests.witness import CANARY

TOKEN = f"{CANARY}-runner-token"
PREVIOUS_TOKEN = f"{CANARY}-runner-token-before"
LEASE_SECONDS = 3

_ENVIRONMENT = {
    "APP_ENV": "testing",
    "SECRET_KEY": f"{CANARY}-secret-key",
    "RUNNER_TOKEN": TOKEN,
    "RUNNER_TOKEN_PREVIOUS": PREVIOUS_TOKEN,
    "RUNNER_PORT": "0",
    "RUNNER_NAME": "test",
    "RUNNER_SLOTS": "2",
    "RUNNER_LEASE_SECONDS": str(LEASE_SECONDS),
    "RUNNER_HEARTBEAT_SECONDS": "1",
    "RUNNER_LOOK_SECONDS": "60",
    "RUNNER_DRAIN_SECONDS": "5",
    "RUNNER_KILL_GRACE_SECONDS": "0.5",
    "RUNNER_HANDLERS": "tests.bad_handlers",
    "RUNNER_ALLOWLIST": "misbehave,strict",
    "DATABASE_TIMEOUT_SECONDS": "2",
    "PATH": "/usr/bin:/bin",
}

_http = urllib3.PoolManager(retries=False, timeout=5)


class Runner(RealProcess):
    """A runner with its listener's address."""

    def __init__(self, database_url: str, **settings: object) -> None:
        variables = {name.upper(): str(value) for name, value in settings.items()}
        address = {
            "DATABASE_URL": database_url,
            "DATABASE_PREPARE": "false" if database_url and is_pooled(database_url) else "true",
        }
        self._begun_at = datetime.now(UTC)
        super().__init__(["-m", "worker"], {**_ENVIRONMENT, **address, **variables})

    @cached_property
    def url(self) -> str:
        """Its address, as its first line tells it."""
        return f"http://{self.wait_for_event('runner_started')['address']}"

    def request(
        self, method: str, path: str, *, body: object = None, **headers: str
    ) -> tuple[int, dict[str, Any]]:
        """Send a request; return the status and the JSON of the answer."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        # A connection that is kept may be one to a listener that was killed since.
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("Connection", "close")
        response = _http.request(method, f"{self.url}{path}", body=data, headers=named)
        witness.saw("an answer of the listener", str(response.headers), response.data)
        is_json = "json" in response.headers.get("Content-Type", "")
        return response.status, json.loads(response.data) if is_json else {"text": response.data}

    def wake(self, **hint: object) -> int:
        """Send a wake-up with the right token; return the status."""
        body = {name: str(value) for name, value in hint.items()} or None
        return self.request("POST", "/runner/wake", body=body, x_runner_token=TOKEN)[0]

    def sessions(self, conn: psycopg.Connection[Any]) -> list[str]:
        """Return the names of its sessions with the database of `conn`.

        They are younger than its process: a pooler may hold older ones that bear such names.
        """
        rows = conn.execute(
            "select application_name from pg_stat_activity where datname = current_database()"
            " and application_name like 'ops-runner%%' and backend_start >= %s order by 1",
            [self._begun_at],
        ).fetchall()
        return [name for (name,) in rows]

    def slots(self) -> list[int]:
        """Return every process below it."""
        return descendants(self.pid)


@contextlib.contextmanager
def running(database_url: str, **settings: object) -> Iterator[Runner]:
    """Run a runner for the length of the block, from when it has reached the database."""
    runner = Runner(database_url, **settings)
    try:
        assert runner.url
        runner.wait_for_line('"event": "database_reached"')
        yield runner
    finally:
        runner.end()


def wait_for_status(
    conn: psycopg.Connection[Any], job_id: UUID, *statuses: str, timeout: float = 15
) -> Job:
    """Wait until the job has one of the statuses."""

    def find() -> Job | None:
        job = jobs.get_job(conn, job_id)
        return job if job.status in statuses else None

    def describe() -> str:
        return f"{jobs.get_job(conn, job_id).status}, {[e.kind for e in events(conn, job_id)]}"

    try:
        found = wait_until(find, message=f"job {job_id} is {statuses}", timeout=timeout)
    except AssertionError as error:
        raise AssertionError(f"{error}: it is {describe()}") from None
    assert found is not None
    return found


def events(conn: psycopg.Connection[Any], job_id: UUID) -> list[Event]:
    return jobs.list_events(conn, job_id)


def kinds(conn: psycopg.Connection[Any], job_id: UUID) -> list[str]:
    return [event.kind for event in events(conn, job_id)]
