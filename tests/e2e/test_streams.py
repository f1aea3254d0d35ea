"""A job followed live through gunicorn: what happens arrives as it happens, not at the end."""

from __future__ import annotations

import http.client
import json
import select
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from app import jobs
from tests.control_plane import JOBS, KEY
from tests.factories import ACTOR, TYPE, a_claim
from tests.planes import under_gunicorn
from tests.waiting import wait_until


@pytest.fixture
def port(database_url: str) -> Iterator[int]:
    with under_gunicorn(database_url) as plane:
        yield plane.port


def messages(response: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """Yield the data of each message as soon as it is there."""
    for line in iter(response.readline, b""):
        if line.startswith(b"data: "):
            yield json.loads(line.removeprefix(b"data: "))


def test_events_arrive_while_the_job_runs(port: int, connection: psycopg.Connection[Any]) -> None:
    claim = a_claim(connection)
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"X-Ops-Key": KEY, "Accept": "text/event-stream"}
    line.request("GET", f"{JOBS}/{claim.id}/events", headers=headers)
    response = line.getresponse()
    assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    stream = messages(response)
    assert [next(stream)["kind"] for _ in range(2)] == ["queued", "running"]
    jobs.report(connection, [jobs.Report(claim.id, claim.claim_seq, "log", "hello")], actor=ACTOR)
    assert next(stream)["message"] == "hello"
    jobs.succeed(connection, [jobs.Success(claim.id, claim.claim_seq, "{}")], actor=ACTOR)
    assert next(stream)["kind"] == "succeeded"
    assert next(stream) == {"reason": "final", "status": "succeeded"}
    assert list(stream) == []
    response.close()
    line.close()


def test_callers_that_wait_leave_room_for_others(
    port: int, connection: psycopg.Connection[Any]
) -> None:
    """More callers than threads of the server would wait; the others are answered at once."""
    job = jobs.enqueue(connection, TYPE, {})
    headers = {"X-Ops-Key": KEY, "Prefer": "wait=20"}
    lines = [http.client.HTTPConnection("127.0.0.1", port, timeout=10) for _ in range(12)]
    for line in lines:
        line.request("GET", f"{JOBS}/{job.id}", headers=headers)

    def answered() -> list[object]:
        return select.select([line.sock for line in lines], [], [], 0)[0]

    wait_until(lambda: len(answered()) == 8, message="eight are answered while four wait")
    jobs.cancel(connection, job.id, actor="test")
    for line in lines:
        response = line.getresponse()
        assert response.status == 200
        response.read()
        line.close()
