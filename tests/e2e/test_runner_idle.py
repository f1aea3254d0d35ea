"""An idle runner costs one statement a look, and nothing between looks."""

from __future__ import annotations

from collections import Counter
from typing import Any

import psycopg
import pytest

from app import jobs
from tests.runners import running, wait_for_status
from tests.statements import calls
from tests.waiting import wait_until

Conn = psycopg.Connection[Any]


@pytest.mark.unpooled("it counts the sessions of the server")
def test_an_idle_runner_sends_one_statement_a_look_and_none_between(
    database_url: str, connection: Conn
) -> None:
    with running(database_url, runner_look_seconds=1) as runner:
        job = jobs.enqueue(connection, "test_job", {})
        runner.wake()
        wait_for_status(connection, job.id, "succeeded")
        # The wake-up may still be on its way: the claim at the start may have been before it. And
        # where first claims were slow, one more follows a while after the last job.
        wait_until(
            lambda: len(_sent_in_four_looks(connection)) == 1, message="looks alone", timeout=30
        )
        assert runner.sessions(connection) == ["ops-runner"]


def _sent_in_four_looks(conn: Conn) -> Counter[str]:
    before = calls(conn)
    wait_until(lambda: max((calls(conn) - before).values(), default=0) >= 4, message="four looks")
    return calls(conn) - before


def test_without_any_wake_up_jobs_run_at_the_next_look(database_url: str, connection: Conn) -> None:
    with running(database_url, runner_look_seconds=1):
        job = jobs.enqueue(connection, "test_job", {})
        wait_for_status(connection, job.id, "succeeded", timeout=3)


def test_a_runner_that_starts_finds_what_waits(database_url: str, connection: Conn) -> None:
    waiting = [jobs.enqueue(connection, "test_job", {}).id for _ in range(20)]
    with running(database_url):
        for job_id in waiting:
            wait_for_status(connection, job_id, "succeeded", timeout=5)


def test_a_busy_runner_sends_no_heartbeat_more_than_it_should(
    database_url: str, connection: Conn
) -> None:
    with running(database_url, runner_lease_seconds=6, runner_heartbeat_seconds=2) as runner:
        job = jobs.enqueue(connection, "test_job", {"sleep_seconds": 5})
        runner.wake()
        wait_for_status(connection, job.id, "running")
        before = calls(connection)
        wait_for_status(connection, job.id, "succeeded")
        sent = calls(connection) - before
    beats = sum(number for query, number in sent.items() if query.startswith("with renewed as"))
    assert 2 <= beats <= 3, sent
