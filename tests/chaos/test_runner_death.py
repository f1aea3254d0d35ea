"""Runners that are killed and frozen: nothing is lost, nothing stale is written, nobody is left."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app import jobs
from app.jobs.audit import audit
from tests.processes import is_running
from tests.runners import LEASE_SECONDS, Runner, kinds, running, wait_for_status
from tests.waiting import wait_until

Conn = psycopg.Connection[Any]


def begin(conn: Conn, runner: Runner, file: Path, how: str, **options: Any) -> jobs.Job:
    """Have a job running whose handler wrote to `file`."""
    job = jobs.enqueue(conn, "misbehave", {"how": how, "file": str(file)}, **options)
    runner.wake()
    wait_until(lambda: file.exists() and file.read_text(), message="the handler runs")
    return job


def test_a_killed_runner_takes_its_handlers_along_and_a_new_one_finishes_the_job(
    database_url: str, connection: Conn, tmp_path: Path
) -> None:
    file = tmp_path / "pid"
    with running(database_url) as runner:
        job = begin(connection, runner, file, "daemonise_and_sleep_once")
        below = runner.slots()
        runner.signal(signal.SIGKILL)
        killed_at = time.monotonic()
        pids = [*below, int(file.read_text())]
        wait_until(lambda: not any(map(is_running, pids)), message="no process is left", timeout=1)
    with running(database_url):
        wait_for_status(connection, job.id, "succeeded", timeout=LEASE_SECONDS + 4)
    assert time.monotonic() - killed_at < LEASE_SECONDS + 2
    assert kinds(connection, job.id) == ["queued", "running", "rescued", "running", "succeeded"]
    done = jobs.get_job(connection, job.id)
    assert (done.attempt, done.rescues, done.claim_seq) == (1, 1, 2)
    assert not audit(connection)


def test_another_runner_takes_over_when_the_lease_ends(
    database_url: str, connection: Conn, tmp_path: Path
) -> None:
    file = tmp_path / "pid"
    with running(database_url, runner_name="first") as first:
        job = begin(connection, first, file, "daemonise_and_sleep_once")
        with running(database_url, runner_name="second") as second:
            second.wait_for_line("database_reached")
            first.signal(signal.SIGKILL)
            killed_at = time.monotonic()
            wait_for_status(connection, job.id, "succeeded", timeout=LEASE_SECONDS + 4)
            assert time.monotonic() - killed_at < LEASE_SECONDS + 2
            assert second.events("rescued")
    assert not audit(connection)


def test_a_job_whose_runner_dies_too_often_is_failed(
    database_url: str, connection: Conn, tmp_path: Path
) -> None:
    with running(database_url) as runner:
        job = begin(connection, runner, tmp_path / "pid", "ignore_sigterm")
        runner.signal(signal.SIGKILL)
    with running(database_url, runner_rescue_budget=0):
        failed = wait_for_status(connection, job.id, "failed", timeout=LEASE_SECONDS + 4)
    assert failed.rescues == 1
    assert failed.error
    assert kinds(connection, job.id)[-1] == "rescued"
    assert not audit(connection)


def test_a_runner_frozen_beyond_its_lease_changes_nothing_when_it_wakes(
    database_url: str, connection: Conn, tmp_path: Path
) -> None:
    file = tmp_path / "pid"
    with running(database_url, runner_name="first") as first:
        job = begin(connection, first, file, "wait_once")
        with running(database_url, runner_name="second"):
            first.signal(signal.SIGSTOP)
            done = wait_for_status(connection, job.id, "succeeded", timeout=LEASE_SECONDS + 4)
            first.signal(signal.SIGCONT)
            lost = first.wait_for_event("claim_lost")
            assert (lost["job_id"], lost["claim_seq"]) == (str(job.id), 1)
            assert jobs.get_job(connection, job.id) == done
        again = jobs.enqueue(connection, "misbehave", {"how": "ok"})
        first.wake()
        wait_for_status(connection, again.id, "succeeded")
        assert {e.actor for e in jobs.list_events(connection, again.id)} == {"api", "runner:first"}
    assert kinds(connection, job.id) == ["queued", "running", "rescued", "running", "succeeded"]
    assert not audit(connection)


def test_a_runner_frozen_for_less_than_its_lease_keeps_its_job(
    database_url: str, connection: Conn
) -> None:
    with running(database_url) as first, running(database_url, runner_look_seconds=1):
        job = jobs.enqueue(connection, "test_job", {"sleep_seconds": 3})
        first.wake()
        wait_for_status(connection, job.id, "running")
        first.signal(signal.SIGSTOP)
        frozen_at = time.monotonic()
        wait_until(lambda: time.monotonic() - frozen_at > 1, message="half a lease has gone by")
        first.signal(signal.SIGCONT)
        wait_for_status(connection, job.id, "succeeded")
    assert kinds(connection, job.id)[-1] == "succeeded"
    assert "rescued" not in kinds(connection, job.id)
    assert not audit(connection)


@pytest.mark.timeout(90)
def test_runners_killed_again_and_again_lose_nothing(database_url: str, connection: Conn) -> None:
    ids = [
        jobs.enqueue(connection, "test_job", {"sleep_seconds": number % 5 / 20}).id
        for number in range(150)
    ]
    for delay in (0.1, 0.25, 0.4):
        with running(database_url, runner_slots=3) as runner:
            begun_at = time.monotonic()
            wait_until(
                lambda at=begun_at + delay: time.monotonic() > at,  # type: ignore[misc]
                message="a moment of work",
            )
            runner.signal(signal.SIGKILL)
    with running(database_url, runner_slots=3):
        for job_id in ids:
            wait_for_status(connection, job_id, "succeeded", timeout=20)
    assert not audit(connection)
