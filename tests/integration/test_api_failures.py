"""When something behind the API fails: what the caller learns, what is logged, what recovers."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.db.schema import HEADS
from app.web.plane import EXTENSION
from tests.control_plane import HEADERS, JOBS, TRIGGER, body, make_app, problem, serving
from tests.listeners import listening

CANARY = "canary-in-an-exception"
JOB = {"job_type": "test_job"}


def unreachable_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return f"postgresql://canaryuser:canarypassword@127.0.0.1:{port}/canarydatabase"


@pytest.fixture
def without_database() -> Iterator[FlaskClient]:
    runner = {"runner_enabled": True, "runner_url": "http://canaryhost:1"}
    with serving(unreachable_url(), **runner, runner_token_outbound="canarytoken") as client:
        yield client


REQUESTS = [
    ("GET", JOBS, None),
    ("POST", JOBS, {"job_type": "test_job"}),
    ("POST", TRIGGER, {"job_type": "test_job"}),
    ("POST", TRIGGER, {}),
    ("GET", f"{JOBS}/019365d2-7a5e-7c3e-9d5b-1f2e3d4c5b6a", None),
    ("GET", f"{JOBS}/019365d2-7a5e-7c3e-9d5b-1f2e3d4c5b6a/events", None),
    ("POST", f"{JOBS}/019365d2-7a5e-7c3e-9d5b-1f2e3d4c5b6a/cancel", {}),
    ("GET", "/api/v1/ops/runners", None),
    ("GET", "/readyz", None),
]


@pytest.mark.parametrize(
    ("method", "path", "content"), REQUESTS, ids=[f"{n} {r[0]}" for n, r in enumerate(REQUESTS)]
)
def test_a_database_that_is_down_is_a_503_that_tells_nothing_of_it(
    without_database: FlaskClient,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
    content: dict[str, Any] | None,
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = without_database.open(path, method=method, json=content)
    problem(answer, 503, "database_unavailable")
    assert answer.headers["Retry-After"] == "2"
    assert "canary" not in answer.text + str(answer.headers) + caplog.text
    assert "psycopg.OperationalError" in caplog.text


def test_what_needs_no_database_still_answers(without_database: FlaskClient) -> None:
    for path in ("/healthz", "/version", "/openapi.json", "/docs", "/api/v1/ops/types"):
        assert without_database.get(path).status_code == 200
    assert body(without_database.get("/api/v1/ops/debug/db")) == {
        "dialect": "postgresql",
        "driver": "psycopg",
        "reachable": False,
        "server_version": None,
        "latency_ms": None,
        "migrations": None,
    }


@pytest.mark.unpooled("it ends one client's own connection")
def test_a_connection_that_the_server_closed_is_replaced_unnoticed(
    database_url: str, connection: psycopg.Connection
) -> None:
    with serving(database_url) as client:
        assert client.get(JOBS).status_code == 200
        connection.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where application_name = 'ops-control-plane' and datname = current_database()"
        )
        assert client.get(JOBS).status_code == 200


def test_a_statement_that_hangs_is_given_up_and_the_next_request_works(
    database_url: str, connection: psycopg.Connection
) -> None:
    with serving(database_url, database_timeout_seconds=0.5) as client:
        created = body(client.post(JOBS, json={"job_type": "test_job"}))
        with connection.transaction():
            connection.execute("select 1 from ops_jobs for update")
            started = time.monotonic()
            blocked = client.post(created["links"]["cancel"])
            assert time.monotonic() - started < 2
        problem(blocked, 503, "database_unavailable")
        assert client.post(created["links"]["cancel"]).status_code == 200


def test_a_job_that_was_given_up_is_not_made_later(
    database_url: str, connection: psycopg.Connection
) -> None:
    with serving(database_url, database_timeout_seconds=0.5, database_pool_size=1) as client:
        with connection.transaction():
            connection.execute("lock table ops_jobs in share mode")
            problem(client.post(JOBS, json=JOB), 503, "database_unavailable")
        # The statement that waited goes on when the lock is free; nothing of it may be committed.
        made = body(client.post(JOBS, json=JOB))
        assert [job["id"] for job in body(client.get(JOBS))["data"]] == [made["id"]]


def test_what_fails_beside_a_job_leaves_no_job(
    database_url: str, connection: psycopg.Connection
) -> None:
    with serving(database_url, database_timeout_seconds=0.5) as client:
        with connection.transaction():
            connection.execute("lock table ops_runners")
            problem(client.post(JOBS, json=JOB), 503, "database_unavailable")
        assert body(client.get(JOBS))["data"] == []


def test_a_server_that_accepts_and_says_nothing_is_given_up() -> None:
    with listening(None) as silent:
        url = f"postgresql://user:password@127.0.0.1:{silent.port}/ops"
        with serving(url, database_timeout_seconds=2) as client:
            started = time.monotonic()
            problem(client.get(JOBS), 503, "database_unavailable")
            assert time.monotonic() - started < 4


def test_a_pool_that_is_exhausted_is_a_503(database_url: str) -> None:
    with serving(database_url, database_pool_size=1, database_timeout_seconds=0.3) as client:
        engine = client.application.extensions[EXTENSION].engine
        with engine.connect():
            problem(client.get(JOBS), 503, "database_unavailable")
        assert client.get(JOBS).status_code == 200


def test_a_database_without_the_schema_says_what_to_do(empty_database_url: str) -> None:
    with serving(empty_database_url) as client:
        for answer in (
            client.get("/readyz"),
            client.get(JOBS),
            client.post(JOBS, json={"job_type": "test_job"}),
        ):
            assert problem(answer, 503, "schema_not_current")["hint"] == "Run: ops db upgrade"
        found = body(client.get("/api/v1/ops/debug/db"))
    assert found["reachable"] is True
    assert found["migrations"] == {"found": [], "expected": [HEADS["core"]], "current": False}


def failing_app(error: BaseException) -> Flask:
    app = make_app(unreachable_url())

    @app.get("/fails")
    def fails() -> str:
        raise error

    return app


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(CANARY),
        KeyError(CANARY),
        RecursionError(CANARY),
        UnicodeDecodeError("utf-8", CANARY.encode(), 0, 1, CANARY),
        psycopg.errors.UniqueViolation(CANARY),
        psycopg.DataError(CANARY),
        MemoryError(CANARY),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_failure_of_our_own_tells_the_caller_and_the_log_nothing_secret(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = failing_app(error).test_client().get("/fails", headers=HEADERS)
    shown = problem(answer, 500, "internal_error")
    assert CANARY not in answer.text + caplog.text
    failure = json.loads(caplog.records[0].getMessage())
    assert failure["event"] == "failure"
    assert failure["request_id"] == shown["request_id"]
    assert failure["exception"].endswith(type(error).__name__)
    assert failure["frames"][-1].startswith("test_api_failures.py:")
