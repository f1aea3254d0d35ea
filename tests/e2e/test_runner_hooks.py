"""`load` and `store`: a handler's business with the database, done by the runner."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from app import jobs
from app.jobs import Held
from app.jobs.audit import audit
from tests.runners import Runner, running, wait_for_status

Conn = psycopg.Connection[Any]
HOOKED = {"runner_handlers": "tests.storing_handlers,tests.bad_handlers"}
HOOKED |= {"runner_allowlist": "note,misbehave"}


@pytest.fixture
def noting(connection: Conn) -> Iterator[Conn]:
    """The tables of `tests.storing_handlers`."""
    connection.execute("create table words (word text)")
    connection.execute("create table notes (job_id uuid not null, claim_seq bigint, word text)")
    connection.execute("insert into words values ('hello'), ('world')")
    yield connection
    connection.execute("drop table words, notes")


def finished(conn: Conn, runner: Runner, how: str) -> jobs.Job:
    job = jobs.enqueue(conn, "note", {"how": how})
    runner.wake()
    return wait_for_status(conn, job.id, "succeeded", "failed")


def notes(conn: Conn) -> list[tuple[Any, ...]]:
    return conn.execute("select job_id, claim_seq, word from notes").fetchall()


def test_a_handler_works_with_what_was_loaded_and_its_rows_come_with_its_success(
    database_url: str, noting: Conn
) -> None:
    with running(database_url, **HOOKED) as runner:
        job = finished(noting, runner, "")
    assert (job.status, job.result) == ("succeeded", {"stored": "hello world"})
    assert notes(noting) == [(job.id, 1, "hello world")]


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("load_fails", "load failed: LookupError: no words for you"),
        ("store_fails", "store failed: RuntimeError: changed my mind"),
        ("store_breaks_a_rule", "store failed: NotNullViolation: null value in column"),
    ],
)
def test_a_hook_that_fails_is_a_failed_attempt_and_leaves_no_row(
    database_url: str, noting: Conn, how: str, error: str
) -> None:
    with running(database_url, **HOOKED) as runner:
        job = finished(noting, runner, how)
        assert job.error is not None
        assert job.error.startswith(error)
        assert notes(noting) == []
        assert finished(noting, runner, "").status == "succeeded"
    assert not audit(noting)


def test_a_claim_that_was_lost_stores_nothing(database_url: str, noting: Conn) -> None:
    with running(database_url, **HOOKED) as runner:
        job = jobs.enqueue(noting, "note", {"how": "slow"})
        runner.wake()
        wait_for_status(noting, job.id, "running")
        jobs.release(noting, [Held(job.id, 1)], actor="user:test")
        assert runner.wait_for_event("claim_lost")["claim_seq"] == 1
        runner.wake()
        wait_for_status(noting, job.id, "succeeded")
    assert notes(noting) == [(job.id, 2, "hello world")]
    assert not audit(noting)


def test_a_result_that_only_the_database_refuses_fails_alone(
    database_url: str, connection: Conn
) -> None:
    with running(database_url, runner_slots=4) as runner:
        poison = jobs.enqueue(connection, "misbehave", {"how": "forge_tiny"})
        others = [jobs.enqueue(connection, "misbehave", {"how": "tell"}) for _ in range(20)]
        runner.wake()
        failed = wait_for_status(connection, poison.id, "failed")
        assert failed.error == "result_invalid: the database cannot store it (SQLSTATE 22003)"
        for other in others:
            wait_for_status(connection, other.id, "succeeded")
    assert not audit(connection)
