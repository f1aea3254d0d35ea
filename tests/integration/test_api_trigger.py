"""Wake-ups through the API: a job is committed whatever becomes of them, and the answer says so."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from uuid import UUID

import certifi
import psycopg
import pytest
from flask.testing import FlaskClient

from app import jobs
from tests.certificates import make_certificate, needs_openssl
from tests.control_plane import JOBS, body, problem, serving
from tests.factories import TYPE, a_claim, a_runner, age_lease
from tests.listeners import Listener, answer, listening
from tests.waiting import wait_until

TRIGGER = "/api/v1/ops/trigger_runner"
TOKEN = "canary-outbound-token"


def woken(database_url: str, url: str, **changes: Any) -> AbstractContextManager[FlaskClient]:
    return serving(
        database_url,
        **{"runner_enabled": True, "runner_url": url, "runner_token_outbound": TOKEN, **changes},
    )


@pytest.fixture
def runner() -> Iterator[Listener]:
    with listening(answer(202)) as listener:
        yield listener


@pytest.fixture
def client(database_url: str, runner: Listener) -> Iterator[FlaskClient]:
    with woken(database_url, runner.url) as client:
        yield client


@pytest.fixture
def closed_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def sent_body(runner: Listener) -> bytes:
    return runner.requests[-1].partition(b"\r\n\r\n")[2]


# POST jobs


@pytest.mark.parametrize("path", [JOBS, TRIGGER])
def test_the_runner_is_connected_to_while_the_job_is_committed(
    database_url: str, client: FlaskClient, runner: Listener, path: str
) -> None:
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(1) as pool:
        other.execute("lock table ops_jobs in access exclusive mode")
        created = pool.submit(client.post, path, json={"job_type": TYPE})
        wait_until(lambda: runner.connections == 1, message="the runner is connected to")
        assert runner.requests == []
        other.rollback()
        assert created.result(10).status_code == 201
    assert (runner.connections, len(runner.requests)) == (1, 1)


def test_a_new_job_wakes_the_runner_without_naming_itself(
    client: FlaskClient, runner: Listener
) -> None:
    created = client.post(JOBS, json={"job_type": TYPE})
    assert created.status_code == 201
    assert body(created)["wake"] == {"sent": True, "status": "accepted"}
    assert body(created)["runner"]["online"] is True
    assert sent_body(runner) == b"{}"


def test_the_job_is_committed_before_the_runner_hears_of_it(
    database_url: str, connection: psycopg.Connection
) -> None:
    seen: list[object] = []

    def look(conn: socket.socket) -> None:
        seen.append(connection.execute("select count(*) from ops_jobs").fetchone())
        conn.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")

    with listening(look) as runner, woken(database_url, runner.url) as client:
        client.post(JOBS, json={"job_type": TYPE})
    assert seen == [(1,)]


def test_a_wake_can_be_held_back(client: FlaskClient, runner: Listener) -> None:
    created = client.post(f"{JOBS}?wake=0", json={"job_type": TYPE})
    assert created.status_code == 201
    assert body(created)["wake"] is None
    assert runner.connections == 0


@pytest.mark.parametrize(
    "changes",
    [{"runner_enabled": False}, {"runner_url": ""}, {"runner_token_outbound": ""}],
    ids=["switched off", "no address", "no token"],
)
def test_without_a_runner_configured_a_new_job_wakes_nobody(
    database_url: str, runner: Listener, changes: dict[str, Any]
) -> None:
    with woken(database_url, runner.url, **changes) as client:
        created = client.post(JOBS, json={"job_type": TYPE})
    assert (created.status_code, body(created)["wake"]) == (201, None)
    assert runner.connections == 0


def test_a_failed_wake_leaves_the_job_queued_and_says_so(
    database_url: str, closed_url: str
) -> None:
    with woken(database_url, closed_url) as client:
        created = client.post(JOBS, json={"job_type": TYPE})
    assert created.status_code == 201
    job = body(created)
    assert (job["status"], job["wake"]) == ("queued", {"sent": False, "status": "unreachable"})
    assert [w["code"] for w in job["warnings"]][1:] == ["wake_failed", "no_runner_online"]
    assert closed_url not in created.text
    assert TOKEN not in created.text


@needs_openssl
@pytest.mark.parametrize(("path", "status"), [(JOBS, 201), (TRIGGER, 202)], ids=["jobs", "trigger"])
def test_a_runner_whose_certificate_expired_is_told_nothing_and_the_job_is_kept(
    database_url: str, connection: psycopg.Connection, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str, status: int,
) -> None:  # fmt: skip
    certificate = make_certificate(tmp_path, valid_days=-1)
    monkeypatch.setattr(certifi, "where", lambda: str(certificate.file))
    caplog.set_level(logging.DEBUG)
    with listening(answer(202), context=certificate.for_server()) as runner:
        address = f"https://127.0.0.1:{runner.port}"
        with woken(database_url, address) as client:
            created = client.post(path, json={"job_type": TYPE})
        assert runner.requests == []
    assert created.status_code == status
    job = body(created)
    assert job["wake"] == {"sent": False, "status": "error"}
    (warning,) = [w for w in job["warnings"] if w["code"] == "wake_failed"]
    assert "certificate" in warning["hint"]
    assert jobs.get_job(connection, UUID(job["id"])).status == "queued"
    for told in (created.text, str(created.headers), caplog.text):
        assert TOKEN not in told
        assert f"127.0.0.1:{runner.port}" not in told
        assert "expired" not in told


@pytest.mark.parametrize(
    ("silent_for", "online"), [(0, True), (3600, None)], ids=["just seen", "silent"]
)
def test_what_is_known_of_runners_without_a_wake(
    client: FlaskClient, connection: psycopg.Connection, silent_for: float, online: bool | None
) -> None:
    a_runner(connection)
    age_lease(connection, seconds=silent_for)
    created = body(client.post(f"{JOBS}?wake=0", json={"job_type": TYPE}))
    assert created["runner"]["online"] is online
    assert silent_for <= created["runner"]["last_seen_seconds"] < silent_for + 30


def test_one_of_several_runners_is_enough_and_the_others_are_told_of(
    database_url: str, runner: Listener, closed_url: str
) -> None:
    with woken(database_url, f"{closed_url}, {runner.url}") as client:
        created = client.post(JOBS, json={"job_type": TYPE})
    told = body(created)
    assert told["wake"] == {"sent": True, "status": "accepted"}
    assert told["runner"]["online"] is True
    details = {warning["code"]: warning["detail"] for warning in told["warnings"]}
    assert details["wake_failed"] == "Some of the runners could not be woken; another one was."
    assert closed_url not in created.text


# trigger_runner


def test_the_trigger_creates_the_job_and_names_it_to_the_runner(
    client: FlaskClient, runner: Listener
) -> None:
    created = client.post(TRIGGER, json={"job_type": TYPE, "payload": {"test": True}})
    assert created.status_code == 201
    job = body(created)
    assert created.headers["Location"] == f"{JOBS}/{job['id']}"
    assert job["wake"] == {"sent": True, "status": "accepted"}
    assert sent_body(runner).decode() == f'{{"job_id": "{job["id"]}", "job_type": "{TYPE}"}}'


@pytest.mark.parametrize("request_body", [None, {}], ids=["no body", "empty object"])
def test_the_trigger_without_a_job_only_wakes(
    client: FlaskClient,
    runner: Listener,
    connection: psycopg.Connection,
    request_body: dict[str, Any] | None,
) -> None:
    woke = client.post(TRIGGER) if request_body is None else client.post(TRIGGER, json=request_body)
    assert woke.status_code == 202
    assert body(woke) == {
        "runner": {"online": True, "last_seen_seconds": None},
        "wake": {"sent": True, "status": "accepted"},
        "warnings": [],
    }
    assert sent_body(runner) == b"{}"
    assert connection.execute("select count(*) from ops_jobs").fetchone() == (0,)


def test_a_payload_without_a_job_type_is_refused(client: FlaskClient, runner: Listener) -> None:
    problem(client.post(TRIGGER, json={"payload": {}}), 400, "invalid_body")
    assert runner.requests == []


def test_the_refusal_of_the_runner_comes_back(
    database_url: str, connection: psycopg.Connection
) -> None:
    with listening(answer(403)) as runner, woken(database_url, runner.url) as client:
        refused = problem(
            client.post(TRIGGER, json={"job_type": TYPE}), 403, "job_type_not_allowed"
        )
    found = connection.execute("select id::text from ops_jobs").fetchone()
    assert found == (refused["job_id"],)


@pytest.mark.parametrize("status", [401, 404, 500])
@pytest.mark.parametrize("request_body", [{"job_type": TYPE}, {}], ids=["with a job", "without"])
def test_a_runner_that_does_not_accept_is_a_warning(
    database_url: str, status: int, request_body: dict[str, Any]
) -> None:
    with listening(answer(status)) as runner, woken(database_url, runner.url) as client:
        woke = client.post(TRIGGER, json=request_body)
    assert woke.status_code == 202
    assert body(woke)["warnings"][-2]["code"] == "wake_failed"
    assert ("Location" in woke.headers) is bool(request_body)


def test_an_unreachable_runner_leaves_the_job_queued(database_url: str, closed_url: str) -> None:
    with woken(database_url, closed_url) as client:
        woke = client.post(TRIGGER, json={"job_type": TYPE})
        assert woke.status_code == 202
        job = body(client.get(woke.headers["Location"]))
    assert job["status"] == "queued"
    assert body(woke)["wake"] == {"sent": False, "status": "unreachable"}
    assert "wake_failed" in [warning["code"] for warning in body(woke)["warnings"]]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"runner_enabled": False}, "runner_disabled"),
        ({"runner_url": ""}, "runner_not_configured"),
        ({"runner_token_outbound": ""}, "runner_not_configured"),
    ],
)
def test_the_trigger_needs_a_runner_to_trigger(
    database_url: str, runner: Listener, changes: dict[str, Any], code: str
) -> None:
    with woken(database_url, runner.url, **changes) as client:
        problem(client.post(TRIGGER, json={"job_type": TYPE}), 503, code)
        assert body(client.get(JOBS))["data"] == []
    assert runner.requests == []


def test_the_trigger_sent_twice_with_one_key_makes_one_job(client: FlaskClient) -> None:
    key = {"Idempotency-Key": "trigger-once"}
    first, again = (client.post(TRIGGER, json={"job_type": TYPE}, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert body(first)["id"] == body(again)["id"]
    assert again.headers["Idempotent-Replayed"] == "true"


# Cancel


def test_asking_a_running_job_to_stop_wakes_its_runner(
    client: FlaskClient, runner: Listener, connection: psycopg.Connection
) -> None:
    claim = a_claim(connection)
    assert client.post(f"{JOBS}/{claim.id}/cancel").status_code == 202
    assert sent_body(runner) == b"{}"


def test_cancelling_a_queued_job_wakes_nobody(client: FlaskClient, runner: Listener) -> None:
    created = body(client.post(f"{JOBS}?wake=0", json={"job_type": TYPE}))
    assert client.post(created["links"]["cancel"]).status_code == 200
    assert runner.requests == []
