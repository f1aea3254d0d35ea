"""The wake listener: who may wake, what a wake-up may say, and what it does."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import psutil  # type: ignore[import-untyped]
import psycopg
import pytest

from app import jobs
from tests.processes import is_running
from tests.runners import PREVIOUS_TOKEN, TOKEN, Runner, kinds, running, wait_for_status
from tests.statements import statements, statements_when_silent
from tests.waiting import wait_until

Conn = psycopg.Connection[Any]
CANARY = "canary-that-must-not-be-logged"


def listener_of(runner: Runner) -> psutil.Process:
    """Return gunicorn's arbiter."""
    (arbiter,) = [
        child
        for child in psutil.Process(runner.pid).children()
        if "worker.listener" in child.cmdline()
    ]
    return arbiter


def _is_gone(pid: int) -> bool:
    return not is_running(pid)


def test_a_wake_up_needs_the_token_and_nothing_else(database_url: str, connection: Conn) -> None:
    with running(database_url) as runner:
        job = jobs.enqueue(connection, "test_job", {})
        runner.wake()
        wait_for_status(connection, job.id, "succeeded")
        before = statements_when_silent(connection)
        bodies = set()
        for headers in (
            {},
            {"x_runner_token": ""},
            {"x_runner_token": CANARY},
            {"x_runner_token": TOKEN[:-1]},
            {"x_runner_token": TOKEN + "x"},
            {"x_runner_token": TOKEN.upper()},
            {"x_runner_token": f"{TOKEN},{TOKEN}"},
            {"x_runner_token": "\xe9\xff"},
            {"x_runner_token": "x" * 8_000},
            {"authorization": f"Bearer {TOKEN}"},
        ):
            status, body = runner.request("POST", "/runner/wake", **headers)
            assert status == 401, headers
            bodies.add(str(body))
        assert len(bodies) == 1
        assert "Invalid or missing X-Runner-Token" in bodies.pop()
        assert statements(connection) == before
        for token in (TOKEN, PREVIOUS_TOKEN):
            assert runner.request("POST", "/runner/wake", x_runner_token=token) == (
                202,
                {"status": "accepted"},
            )
        assert CANARY not in runner.output
        assert TOKEN not in runner.output


def test_being_told_to_run_what_it_may_not_is_refused_and_recorded(
    database_url: str, connection: Conn
) -> None:
    with running(database_url) as runner:
        job = jobs.enqueue(connection, "launch_rockets", {})
        assert runner.wake(job_id=job.id, job_type="launch_rockets") == 403
        failed = jobs.get_job(connection, job.id)
        assert failed.error == "job type is not on the allowlist of the runner"
        assert kinds(connection, job.id) == ["queued", "rejected"]
        status, body = runner.request(
            "POST", "/runner/wake", body={"job_type": "os.system"}, x_runner_token=TOKEN
        )
        assert (status, body["code"]) == (403, "job_type_not_allowed")

        allowed = jobs.enqueue(connection, "test_job", {}, delay_seconds=60)
        assert runner.wake(job_id=allowed.id, job_type="launch_rockets") == 403
        assert jobs.get_job(connection, allowed.id).status == "queued"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 202),
        (b"{}", 202),
        (b'{"job_id": null, "job_type": null}', 202),
        (b'{"job_type": "test_job"}', 202),
        (b"[]", 400),
        (b"null", 400),
        (b"nonsense", 400),
        (b"\xff\xfe{}", 400),
        (b'{"job_id": 5, "job_type": "test_job"}', 400),
        (b'{"job_type": 5}', 400),
        (b'{"job_type": "a", "job_type": "b"}', 400),
        (b'{"payload": {}}', 400),
        (b"[" * 4_000, 400),
        (b'{"job_type": "' + b"x" * 4_096 + b'"}', 413),
    ],
)
def test_the_body_of_a_wake_up_is_a_hint_or_nothing(
    shared: Runner, body: bytes, status: int
) -> None:
    answered, _ = shared.request("POST", "/runner/wake", body=body, x_runner_token=TOKEN)
    assert answered == status


@pytest.fixture(scope="module")
def shared(worker_database: Conn, server_url: str) -> Any:
    """A runner that needs no rows of its own."""
    url = server_url.rpartition("/")[0] + f"/{worker_database.info.dbname}"
    with running(url) as runner:
        yield runner


def test_what_is_not_a_route_is_told_so(shared: Runner) -> None:
    assert shared.request("GET", "/runner/wake", x_runner_token=TOKEN)[0] == 405
    assert shared.request("GET", "/runner/wake")[0] == 401
    assert shared.request("POST", "/healthz")[0] == 405
    assert shared.request("GET", "/")[0] == 404
    assert shared.request("GET", "/%2e%2e/etc/passwd")[0] == 404


def test_health_is_bare_and_details_need_the_token(shared: Runner) -> None:
    assert shared.request("GET", "/healthz") == (200, {"status": "ok"})
    assert shared.request("GET", "/readyz") == (200, {"status": "ready"})
    status, details = shared.request("GET", "/readyz", x_runner_token=TOKEN)
    assert status == 200
    assert details["database_reachable"] is True
    assert details["slots"] == 2


def test_metrics_are_for_this_machine_or_the_token(shared: Runner) -> None:
    shared.wake()
    status, page = shared.request("GET", "/metrics")
    assert status == 200
    assert b"ops_runner_slots 2.0" in page["text"]
    assert b"ops_runner_wakes_total" in page["text"]
    assert shared.request("GET", "/metrics", x_forwarded_for="10.0.0.1")[0] == 401
    proxied = shared.request("GET", "/metrics", x_forwarded_for="10.0.0.1", x_runner_token=TOKEN)
    assert proxied[0] == 200


def test_a_flood_of_wake_ups_is_a_trickle_of_looks(database_url: str, connection: Conn) -> None:
    with running(database_url) as runner:
        before = statements_when_silent(connection)
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda _: runner.wake(), range(400)))
        assert set(answers) == {202}
        job = jobs.enqueue(connection, "test_job", {})
        runner.wake()
        wait_for_status(connection, job.id, "succeeded", timeout=2)
        assert statements(connection) - before < 200


def test_a_listener_that_dies_is_started_again(database_url: str) -> None:
    with running(database_url) as runner:
        assert runner.wake() == 202
        listener_of(runner).kill()
        runner.wait_for_event("listener_died")
        assert runner.wake() == 202


def test_the_listener_dies_with_the_runner(database_url: str) -> None:
    with running(database_url) as runner:
        arbiter = listener_of(runner)
        listener = [arbiter, *wait_until(arbiter.children, message="gunicorn's worker")]
        os.kill(runner.pid, signal.SIGKILL)
        for process in listener:
            wait_until(
                partial(_is_gone, process.pid),
                message="the listener is gone",
                timeout=3,
            )


def test_a_frozen_runner_is_not_ready(database_url: str) -> None:
    with running(database_url) as runner:
        assert runner.request("GET", "/readyz")[0] == 200
        runner.signal(signal.SIGSTOP)
        status, body = runner.request("GET", "/readyz")
        assert (status, body["code"]) == (503, "not_ready")
        assert runner.wake() == 202
        runner.signal(signal.SIGCONT)
        # A call to the database that was under way has had its time, and the next makes it ready.
        wait_until(lambda: runner.request("GET", "/readyz")[0] == 200, message="it is ready again")
