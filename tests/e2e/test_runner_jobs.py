"""What becomes of a job, with a real runner and a real database."""

from __future__ import annotations

from typing import Any

import psycopg

from app import jobs
from tests.runners import kinds, running, wait_for_status

Conn = psycopg.Connection[Any]


def test_a_job_goes_all_the_way(database_url: str, connection: Conn) -> None:
    with running(database_url) as runner:
        job = jobs.enqueue(connection, "test_job", {"test": True})
        assert runner.wake() == 202
        done = wait_for_status(connection, job.id, "succeeded")
        print(runner.output)
    assert done.result == {"echo": {"test": True}}
    assert kinds(connection, job.id) == ["queued", "running", "succeeded"]
