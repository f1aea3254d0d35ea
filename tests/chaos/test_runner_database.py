"""A database that goes away, hangs, or answers what nobody hears."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app import jobs
from app.cli import postgres
from app.db.migrate import upgrade
from app.jobs import Held
from app.jobs.audit import audit
from tests.processes import is_running
from tests.runners import LEASE_SECONDS, kinds, running, wait_for_status
from tests.waiting import wait_until
from tests.wires import wire

Conn = psycopg.Connection[Any]


def test_a_server_that_crashes_under_load_loses_nothing(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    directory = tmp_path / "server"
    with postgres.running(directory) as server:
        upgrade(server.url, features=())
        with running(server.url) as runner:
            accepted = []
            pid = server.pid
            for _ in range(2):
                with psycopg.connect(server.url, autocommit=True) as conn:
                    for number in range(40):
                        payload = {"sleep_seconds": number % 4 / 50}
                        accepted.append(jobs.enqueue(conn, "test_job", payload).id)
                    runner.wake()
                    wait_for_status(conn, accepted[-30], "succeeded")
                    os.kill(pid, signal.SIGQUIT)  # what `pg_ctl stop -m immediate` sends
                wait_until(lambda pid=pid: not is_running(pid), message="the server is down")  # type: ignore[misc]
                pid = postgres.start(directory).pid
            with psycopg.connect(server.url, autocommit=True) as conn:
                runner.wake()
                for job_id in accepted:
                    wait_for_status(conn, job_id, "succeeded", timeout=20)
                assert not audit(conn)
            assert runner.events("database_lost")


@pytest.mark.unpooled("it ends the sessions of the server")
def test_sessions_that_are_terminated_are_opened_again(database_url: str, connection: Conn) -> None:
    ids = [jobs.enqueue(connection, "test_job", {"sleep_seconds": 0.02}).id for _ in range(150)]
    with running(database_url) as runner:
        for _ in range(10):
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name like 'ops-runner%' and datname = current_database()"
            )
            before = len(runner.events("succeeded"))
            wait_until(
                lambda before=before: len(runner.events("succeeded")) > before,  # type: ignore[misc]
                message="it goes on",
            )
        for job_id in ids:
            wait_for_status(connection, job_id, "succeeded")
    assert not audit(connection)


@pytest.mark.unpooled("it ends the sessions of the server")
def test_a_backlog_whose_exchanges_are_broken_off_runs_each_job_once(
    database_url: str, connection: Conn, tmp_path: Path
) -> None:
    file = tmp_path / "runs"
    many = [jobs.NewJob(job_type="by_thread", payload={"file": str(file)})] * 3_000
    ids = jobs.enqueue_many(connection, many)

    def written() -> int:
        return file.read_bytes().count(b"\n-") if file.exists() else 0

    ending = (
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'ops-runner' and datname = current_database()"
    )
    of_threads = {"runner_handlers": "tests.kind_handlers", "runner_allowlist": "by_thread"}
    with running(database_url, **of_threads) as runner:
        for rounds in range(1, 8):
            wait_until(
                lambda rounds=rounds: written() >= rounds * len(many) // 10,  # type: ignore[misc]
                message="it goes on",
            )
            wait_until(lambda: connection.execute(ending).fetchall(), message="sessions are ended")
        unfinished = "select 1 from ops_jobs where status <> 'succeeded' limit 1"
        wait_until(
            lambda: connection.execute(unfinished).fetchone() is None, message="all succeeded"
        )
        assert runner.events("database_lost")
        assert not runner.events("claim_lost")
    begun = [line.split()[1] for line in file.read_text().splitlines() if line.startswith("+")]
    assert sorted(begun) == sorted(map(str, ids))
    assert not audit(connection)


def test_a_claim_whose_answer_was_lost_is_adopted(database_url: str, connection: Conn) -> None:
    with wire(database_url) as line, running(line.url) as runner:
        line.lose_the_answer_to(b"runner:")  # the actor: the text of a prepared claim is not sent
        job = jobs.enqueue(connection, "test_job", {})
        runner.wake()
        done = wait_for_status(connection, job.id, "succeeded", timeout=LEASE_SECONDS)
        assert line.lost_answers == 1
        assert (done.claim_seq, done.rescues) == (1, 0)
    assert kinds(connection, job.id) == ["queued", "running", "succeeded"]
    assert not audit(connection)


def test_a_finish_whose_commit_was_not_heard_is_neither_repeated_nor_called_lost(
    database_url: str, connection: Conn
) -> None:
    with wire(database_url) as line, running(line.url) as runner:
        line.lose_the_answer_to(b"COMMIT")
        job = jobs.enqueue(connection, "test_job", {})
        runner.wake()
        wait_for_status(connection, job.id, "succeeded")
        runner.wait_for_event("succeeded")
        assert line.lost_answers == 1
        assert runner.events("database_lost")
        assert not runner.events("claim_lost")
        again = jobs.enqueue(connection, "test_job", {})
        runner.wake()
        wait_for_status(connection, again.id, "succeeded")
    assert kinds(connection, job.id) == ["queued", "running", "succeeded"]
    assert not audit(connection)


def test_a_runner_that_cannot_renew_stops_its_handlers_before_the_lease_ends(
    database_url: str, connection: Conn, tmp_path: Path
) -> None:
    file = tmp_path / "pid"
    with wire(database_url) as line, running(line.url, runner_name="cut-off") as runner:
        job = jobs.enqueue(connection, "misbehave", {"how": "wait_once", "file": str(file)})
        runner.wake()
        wait_until(file.exists, message="the handler runs")
        handlers = runner.slots()
        line.swallow()
        swallowed_at = time.monotonic()
        handler = _busy(handlers, file)
        wait_until(
            lambda: not is_running(handler), message="the handler is stopped", timeout=LEASE_SECONDS
        )
        assert time.monotonic() - swallowed_at < LEASE_SECONDS
        with running(database_url, runner_name="second"):
            done = wait_for_status(connection, job.id, "succeeded", timeout=LEASE_SECONDS + 4)
        line.heal()
        runner.wait_for_event("claim_lost")
        assert jobs.get_job(connection, job.id) == done
        again = jobs.enqueue(connection, "misbehave", {"how": "ok"})
        runner.wake()
        wait_for_status(connection, again.id, "succeeded")
    assert not audit(connection)


def test_a_claim_that_was_taken_away_is_noticed_by_the_next_report(
    database_url: str, connection: Conn, tmp_path: Path
) -> None:
    file = tmp_path / "pid"
    with running(database_url) as runner:
        job = jobs.enqueue(connection, "misbehave", {"how": "chatter_once", "file": str(file)})
        runner.wake()
        wait_until(file.exists, message="the handler runs")
        handler = _busy(runner.slots(), file)
        jobs.release(connection, [Held(job.id, 1)], actor="user:test")
        assert runner.wait_for_event("claim_lost")["claim_seq"] == 1
        wait_until(lambda: not is_running(handler), message="its handler is stopped")
        runner.wake()
        assert wait_for_status(connection, job.id, "succeeded").result == {"claim_seq": 2}
    assert not audit(connection)


def test_a_claim_that_was_taken_away_is_noticed_when_the_database_is_back(
    database_url: str, connection: Conn, tmp_path: Path
) -> None:
    file = tmp_path / "pid"
    patient = {"runner_lease_seconds": 30, "runner_heartbeat_seconds": 10}
    with wire(database_url) as line, running(line.url, **patient) as runner:
        job = jobs.enqueue(connection, "misbehave", {"how": "wait_once", "file": str(file)})
        runner.wake()
        wait_until(file.exists, message="the handler runs")
        handler = _busy(runner.slots(), file)
        line.cut()
        jobs.release(connection, [Held(job.id, 1)], actor="user:test")
        runner.wake()
        assert runner.wait_for_event("claim_lost")["claim_seq"] == 1
        wait_until(lambda: not is_running(handler), message="its handler is stopped")
        runner.wake()
        assert wait_for_status(connection, job.id, "succeeded").result == {"claim_seq": 2}
    assert not audit(connection)


def test_a_black_hole_does_not_hold_the_runner(database_url: str, connection: Conn) -> None:
    with wire(database_url) as line, running(line.url) as runner:
        line.swallow()
        job = jobs.enqueue(connection, "test_job", {})
        runner.wake()
        runner.wait_for_event("database_lost", timeout=6)
        line.heal()
        wait_for_status(connection, job.id, "succeeded", timeout=8)
    assert not audit(connection)


def _busy(pids: list[int], file: Path) -> int:
    """Return the handler's process, which wrote its number."""
    pid = int(file.read_text().split()[0])
    assert pid in pids
    return pid
