"""How a runner starts, refuses to start, and stops."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app import jobs
from app.cli.ports import free_ports
from tests.processes import is_running
from tests.runners import Runner, kinds, running, wait_for_status
from tests.waiting import wait_until

Conn = psycopg.Connection[Any]
NOWHERE = "postgresql://ops:canary-password@127.0.0.1:1/ops"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"database_url": ""}, "ValidationError: 1 setting is wrong:\n  - DATABASE_URL is not set"),
        ({"runner_token": ""}, "ValidationError: 1 setting is wrong:\n  - RUNNER_TOKEN is not set"),
        ({"database_url": "sqlite:///test.db"}, "ValueError: 1 setting is wrong:\n  - PostgreSQL"),
        (
            {"runner_handlers": "tests.no_such_module"},
            "handler module tests.no_such_module: ModuleNotFoundError",
        ),
    ],
)
def test_a_runner_that_cannot_work_says_why_and_does_not_start(
    settings: dict[str, str], words: str
) -> None:
    runner = Runner(settings.pop("database_url", NOWHERE), **settings)
    try:
        assert runner.wait() == 1
    finally:
        runner.end()
    assert words in runner.output
    assert "canary" not in runner.output


def test_a_port_that_is_taken_is_named(database_url: str) -> None:
    with running(database_url) as first:
        port = first.url.rpartition(":")[2]
        second = Runner(database_url, runner_port=port)
        assert second.wait() == 1
        second.end()
        assert f"cannot listen on 127.0.0.1:{port}" in second.output


def test_handlers_that_no_slot_can_import_leave_nothing_behind() -> None:
    (port,) = free_ports(1)
    runner = Runner(NOWHERE, runner_handlers="tests.environment_handlers", runner_port=port)
    try:
        assert runner.wait() == 1
        socket.create_server(("127.0.0.1", port)).close()
    finally:
        runner.end()
    assert "slots cannot start" in runner.output
    assert "KeyError: 'DATABASE_URL'" in runner.output


def test_what_is_left_out_is_told_at_the_start(database_url: str) -> None:
    allowlist = "captorator_compose,no_such_type,strict"
    with running(database_url, runner_allowlist=allowlist) as runner:
        left_out = {e["job_type"]: e["reason"] for e in runner.events("job_type_left_out")}
        assert left_out == {
            "captorator_compose": "its feature is off (CAPTORATOR_ENABLED)",
            "no_such_type": "no handler is registered under this name",
        }
        assert runner.events("runner_started")[0]["allowlist"] == ["strict", "test_job"]


def test_a_runner_waits_for_a_database_that_is_not_there_yet() -> None:
    runner = Runner(NOWHERE)
    try:
        runner.wait_for_line('"event": "database_lost"')
        assert runner.request("GET", "/readyz")[0] == 503
        runner.signal(signal.SIGTERM)
        assert runner.wait() == 0
    finally:
        runner.end()
    assert "canary" not in runner.output


def test_an_idle_runner_stops_at_once_and_says_goodbye(database_url: str, connection: Conn) -> None:
    with running(database_url) as runner:
        below = runner.slots()
        assert below
        runner.signal(signal.SIGTERM)
        assert runner.wait(timeout=3) == 0
    assert not [pid for pid in below if is_running(pid)]
    row = connection.execute("select stopped_at is not null from ops_runners").fetchone()
    assert row == (True,)


def test_a_draining_runner_finishes_what_runs_and_claims_no_more(
    database_url: str, connection: Conn
) -> None:
    with running(database_url, runner_slots=1) as runner:
        job = jobs.enqueue(connection, "test_job", {"sleep_seconds": 1})
        other = jobs.enqueue(connection, "test_job", {})
        runner.wake()
        wait_for_status(connection, job.id, "running")
        runner.signal(signal.SIGTERM)
        runner.wait_for_event("runner_draining")
        runner.wake()
        assert runner.wait() == 0
    assert jobs.get_job(connection, job.id).status == "succeeded"
    assert kinds(connection, other.id) == ["queued"]


@pytest.mark.parametrize("stop_signals", [[signal.SIGTERM], [signal.SIGINT, signal.SIGINT]])
def test_a_drain_gives_back_what_does_not_finish_in_time(
    database_url: str, connection: Conn, tmp_path: Path, stop_signals: list[int]
) -> None:
    """One signal waits for RUNNER_DRAIN_SECONDS, a second one does not."""
    file = tmp_path / "pid"
    drain_seconds = 1 if len(stop_signals) == 1 else 60
    with running(database_url, runner_drain_seconds=drain_seconds) as runner:
        job = jobs.enqueue(connection, "misbehave", {"how": "ignore_sigterm", "file": str(file)})
        runner.wake()
        wait_until(file.exists, message="the handler runs")
        for signum in stop_signals:
            runner.signal(signum)
            runner.wait_for_event("runner_draining")
        assert runner.wait(timeout=8) == 0
    released = jobs.get_job(connection, job.id)
    assert (released.status, released.attempt) == ("queued", 0)
    assert kinds(connection, job.id) == ["queued", "running", "released"]
    assert not is_running(int(file.read_text()))
