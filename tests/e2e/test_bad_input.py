"""Bad input to the running server: one right answer each, in one shape, with nothing repeated.

What is sent is `tests/bad_input/`. None of it may leave a row, a line with what was sent, or a
server that is worse off.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest

from tests.bad_input.case import CANARY, Case
from tests.bad_input.corpus import CASES
from tests.control_plane import KEY
from tests.database import empty_tables, url_of
from tests.planes import Plane, under_gunicorn
from tests.raw_http import exchange

TABLES = ("ops_jobs", "ops_job_events", "ops_queues", "ops_idempotency_keys", "ops_schedules")


@pytest.fixture(scope="module")
def database(worker_database: psycopg.Connection) -> psycopg.Connection:
    empty_tables(worker_database)
    return worker_database


@pytest.fixture(scope="module")
def server(server_url: str, database: psycopg.Connection) -> Iterator[Plane]:
    """Run one server for all cases."""
    variables = {
        "JOBS_ENABLED": "true",
        "RUNNER_ENABLED": "true",
        "RUNNER_URL": "http://127.0.0.1:9",
        "RUNNER_TOKEN_OUTBOUND": "x",
    }
    url = url_of(server_url, database.info.dbname)
    with under_gunicorn(url, workers=2, **variables) as plane:
        yield plane


@pytest.mark.parametrize("case", CASES, ids=[f"{n} {case.name}" for n, case in enumerate(CASES)])
def test_bad_input_has_one_right_answer(server: Plane, case: Case) -> None:
    response, content = exchange(server.port, case.request())
    answer = json.loads(content)
    assert (response.status, answer["code"]) == (case.status, case.code), content
    assert response.headers.get_content_type() == "application/problem+json"
    assert set(answer) >= {"type", "title", "status", "code", "detail", "request_id"}
    assert answer["status"] == response.status
    assert answer["request_id"] == response.headers["X-Request-Id"]
    shown = content.lower() + str(response.headers).lower().encode("utf-8", "replace")
    assert CANARY.encode() not in shown
    assert KEY.lower().encode() not in shown
    for inside in (b"traceback", b"/app/", b"psycopg", b"sqlalchemy", b"werkzeug", b"127.0.0.1:9"):
        assert inside not in shown


def test_nothing_of_it_left_a_trace(server: Plane, database: psycopg.Connection) -> None:
    for table in TABLES:
        assert database.execute(f"select count(*) from {table}".encode()).fetchone() == (0,), table
    assert CANARY not in server.process.output.lower()
    assert KEY not in server.process.output
    assert "Traceback" not in server.process.output
    assert '"level": "error"' not in server.process.output
    assert len(server.process.events("request")) > 400


def test_the_server_is_as_well_as_before(server: Plane) -> None:
    ask = b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    response, content = exchange(server.port, ask)
    assert (response.status, json.loads(content)["status"]) == (200, "ready")
    assert server.process.output.count("Booting worker") == 2, "no worker was replaced"


def test_there_are_as_many_cases_as_the_plan_asks_for() -> None:
    assert len(CASES) >= 400
    assert len({case.request() for case in CASES}) >= 400
