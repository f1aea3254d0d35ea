"""Figures over HTTP: up to date when they are asked for, and never for longer than is cheap."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from tests.control_plane import body, problem, serving
from tests.factories import TYPE, a_succeeded_job
from tests.waiting import wait_until

STATS = "/api/v1/ops/stats"
Conn = psycopg.Connection[Any]


@pytest.fixture
def client(database_url: str) -> Iterator[FlaskClient]:
    with serving(database_url) as client:
        yield client


def test_without_any_job_there_are_no_figures(client: FlaskClient) -> None:
    answer = body(client.get(STATS))
    assert (answer["data"], answer["is_behind"], answer["step"]) == ([], False, "minute")


def test_what_ended_a_moment_ago_is_counted(client: FlaskClient, connection: Conn) -> None:
    def counted() -> int:
        return sum(each["succeeded"] for each in body(client.get(STATS))["data"])

    for count in (1, 2):
        a_succeeded_job(connection)
        # Transactions of other tests on the same server may hold the count back for a moment.
        wait_until(lambda count=count: counted() == count, message="it is counted")  # type: ignore[misc]
    answer = body(client.get(STATS))
    assert {each["job_type"] for each in answer["data"]} == {TYPE}
    age = datetime.now(UTC) - datetime.fromisoformat(answer["as_of"])
    assert age < timedelta(seconds=20)


def test_steps_are_minutes_or_hours_of_a_span(client: FlaskClient, connection: Conn) -> None:
    connection.execute(
        "insert into ops_stats (minute, job_type, failed, runs, run_seconds) values"
        " ('2026-11-20 10:00+00', 'a', 1, 1, 1.5), ('2026-11-20 10:59+00', 'a', 2, 2, 3),"
        " ('2026-11-20 11:00+00', 'b', 4, 4, 1)"
    )

    def figures(**query: str) -> list[tuple[str, str, int, float]]:
        span = {"since": "2026-11-20T10:00:00Z", "until": "2026-11-20T12:00:00Z", **query}
        answer = body(client.get(STATS, query_string=span))
        return [
            (f["at"][11:16], f["job_type"], f["failed"], f["run_seconds"]) for f in answer["data"]
        ]

    assert figures(step="hour") == [("10:00", "a", 3, 4.5), ("11:00", "b", 4, 1.0)]
    assert figures() == [("10:00", "a", 1, 1.5), ("10:59", "a", 2, 3.0), ("11:00", "b", 4, 1.0)]
    assert figures(job_type="b") == [("11:00", "b", 4, 1.0)]
    assert figures(until="2026-11-20T10:30:00Z") == [("10:00", "a", 1, 1.5)]


@pytest.mark.parametrize(
    "query",
    ["step=day", "step=", "since=2h", "job_type=A", "limit=5", "since=2026-11-01T00:00:00Z",
     "step=hour&since=2026-11-01T00:00:00Z&until=2026-11-09T00:00:00Z",
     "until=0001-01-01T00:00:00Z", "since=9999-01-01T00:00:00Z"],
)  # fmt: skip
def test_a_span_is_bounded_and_read_strictly(client: FlaskClient, query: str) -> None:
    problem(client.get(f"{STATS}?{query}"), 400, "invalid_query")
