"""What becomes of jobs, with one real runner and a real database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app import jobs
from app.jobs.audit import audit
from tests.conftest import SESSION
from tests.database import drop_database, make_database
from tests.processes import is_running
from tests.runners import Runner, events, kinds, running, wait_for_status
from tests.waiting import wait_until

Conn = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def conn(request: pytest.FixtureRequest, worker_database: Conn, server_url: str) -> Iterator[Conn]:
    """A database of this module alone: its runner would not survive that the tables are emptied."""
    name = f"{worker_database.info.dbname}_runner"
    template = f"{request.config.stash[SESSION].prefix}_template"
    url = make_database(server_url, name, template=template)
    with psycopg.connect(url, autocommit=True) as conn:
        yield conn
    drop_database(server_url, name)


@pytest.fixture(scope="module")
def runner(conn: Conn, server_url: str) -> Iterator[Runner]:
    url = server_url.rpartition("/")[0] + f"/{conn.info.dbname}"
    with running(url) as runner:
        yield runner
        problems = audit(conn)
        assert not problems


def run(
    conn: Conn, runner: Runner, how: str, *, job_type: str = "misbehave", **options: Any
) -> jobs.Job:
    payload = {"how": how, "file": str(options.pop("file", ""))}
    job = jobs.enqueue(conn, job_type, payload, **options)
    assert runner.wake() == 202
    return wait_for_status(conn, job.id, "succeeded", "failed", "cancelled")


def test_a_job_goes_all_the_way(conn: Conn, runner: Runner) -> None:
    job = jobs.enqueue(conn, "test_job", {"test": True, "output": "hello"})
    assert runner.wake(job_id=job.id, job_type="test_job") == 202
    done = wait_for_status(conn, job.id, "succeeded")
    assert done.result == {"echo": {"test": True, "output": "hello"}}
    assert (done.attempt, done.claim_seq, done.error) == (1, 1, None)
    queued, begun, output, succeeded = events(conn, job.id)
    assert [e.kind for e in (queued, begun, output, succeeded)] == [
        "queued", "running", "output", "succeeded",
    ]  # fmt: skip
    assert {e.actor for e in (begun, output, succeeded)} == {"runner:test"}
    assert output.message == "hello\nhello\n"
    assert output.data == {"bytes": 12, "truncated": False}


def test_what_a_handler_tells_is_in_the_history_in_order(conn: Conn, runner: Runner) -> None:
    job = run(conn, runner, "tell")
    assert job.progress == {"done": 1, "total": 3, "message": "one\ufffd"}
    told = [(e.kind, e.message) for e in events(conn, job.id)]
    assert told[2:4] == [("progress", None), ("log", "drafted \ufffd")]
    assert job.result is not None
    assert job.result["claim_seq"] == 1


def test_many_jobs_share_the_slots(conn: Conn, runner: Runner) -> None:
    ids = [jobs.enqueue(conn, "misbehave", {"how": "ok"}).id for _ in range(100)]
    runner.wake()
    for job_id in ids:
        wait_for_status(conn, job_id, "succeeded")


def test_the_most_urgent_runs_first(conn: Conn, runner: Runner, tmp_path: Path) -> None:
    blockers = [
        jobs.enqueue(conn, "misbehave", {"how": "wait", "file": str(tmp_path / str(number))})
        for number in range(2)
    ]
    runner.wake()
    for blocker in blockers:
        wait_for_status(conn, blocker.id, "running")
    late = jobs.enqueue(conn, "misbehave", {"how": "ok"}, priority=9)
    soon = jobs.enqueue(conn, "misbehave", {"how": "ok"}, priority=0)
    jobs.cancel(conn, blockers[0].id, actor="user:test")
    runner.wake()
    late, soon = (wait_for_status(conn, job.id, "succeeded") for job in (late, soon))
    assert soon.started_at is not None
    assert late.started_at is not None
    assert soon.started_at < late.started_at
    jobs.cancel(conn, blockers[1].id, actor="user:test")
    runner.wake()
    wait_for_status(conn, blockers[1].id, "cancelled")


def test_a_job_that_is_not_due_runs_when_it_is_without_another_wake(
    conn: Conn, runner: Runner
) -> None:
    job = jobs.enqueue(conn, "misbehave", {"how": "ok"}, delay_seconds=1)
    runner.wake()
    done = wait_for_status(conn, job.id, "succeeded", timeout=5)
    assert done.started_at is not None
    assert timedelta(0) <= done.started_at - done.available_at < timedelta(seconds=1)


def test_a_type_off_the_allowlist_stays_queued(conn: Conn, runner: Runner) -> None:
    job = jobs.enqueue(conn, "another_type", {})
    run(conn, runner, "ok")
    assert kinds(conn, job.id) == ["queued"]


def test_a_failed_attempt_is_tried_again_until_none_is_left(conn: Conn, runner: Runner) -> None:
    job = jobs.enqueue(conn, "misbehave", {"how": "segfault"}, max_attempts=2)
    runner.wake()
    failed = wait_for_status(conn, job.id, "failed")
    assert failed.error == "slot process died: SIGSEGV"
    assert failed.attempt == 2
    assert [kind for kind in kinds(conn, job.id) if kind != "output"] == [
        "queued", "running", "retry_scheduled", "running", "failed",
    ]  # fmt: skip


def test_retry_later_waits_as_long_as_it_says(conn: Conn, runner: Runner) -> None:
    job = jobs.enqueue(conn, "misbehave", {"how": "later"}, max_attempts=2)
    runner.wake()
    wait_until(lambda: "retry_scheduled" in kinds(conn, job.id), message="a retry")
    waiting = jobs.get_job(conn, job.id)
    assert waiting.error == "not yet"
    assert waiting.available_at - waiting.updated_at > timedelta(seconds=6)


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("give_up", "no use"),
        ("nan", "result_invalid: n is nan, which is not JSON"),
        ("nul", "result_invalid: x has a NUL character or a lone surrogate"),
    ],
)
def test_what_another_run_would_not_help_fails_at_once(
    conn: Conn, runner: Runner, how: str, error: str
) -> None:
    job = run(conn, runner, how)
    assert (job.status, job.error, job.attempt) == ("failed", error, 1)


def test_a_payload_that_does_not_fit_fails_alone(conn: Conn, runner: Runner) -> None:
    deep = "[" * 5_000 + "]" * 5_000
    for text in ('{"how": 1e5000}', f'{{"how": {deep}}}', '{"no": "how"}'):
        # by hand, as no enqueue would let it through
        conn.execute("insert into ops_jobs (job_type, payload) values ('misbehave', %s)", [text])
    good = run(conn, runner, "ok")
    assert good.status == "succeeded"
    by_hand = "job_type = 'misbehave' and not exists (select from ops_job_events e where"
    by_hand += " e.job_id = ops_jobs.id and e.kind = 'queued')"
    failed = f"select error from ops_jobs where status = 'failed' and {by_hand} order by seq"
    wait_until(lambda: len(conn.execute(failed).fetchall()) == 3, message="three failed jobs")
    errors = conn.execute(failed).fetchall()
    assert [error for (error,) in errors] == [
        "payload_invalid: payload: Invalid JSON: number out of range at line 1 column 4310",
        "payload_invalid: payload: Invalid JSON: recursion limit exceeded at line 1 column 209",
        "payload_invalid: how: Field required; no: Extra inputs are not permitted",
    ]
    conn.execute(f"delete from ops_jobs where {by_hand}")
    conn.execute("delete from ops_job_events where job_id not in (select id from ops_jobs)")


def test_an_error_text_that_postgres_would_refuse_is_stored(conn: Conn, runner: Runner) -> None:
    job = run(conn, runner, "odd_error", max_attempts=1)
    assert job.error is not None
    assert job.error.startswith("ValueError: bad \ufffd \ufffd x")


def test_a_timeout_ends_the_attempt_and_the_tree(
    conn: Conn, runner: Runner, tmp_path: Path
) -> None:
    file = tmp_path / "pid"
    job = run(conn, runner, "daemonise_and_sleep", file=file, timeout_seconds=1, max_attempts=1)
    assert job.error == "timed out after 1 s"
    wait_until(lambda: not is_running(int(file.read_text())), message="the tree is gone", timeout=2)


@pytest.mark.parametrize("is_woken", [True, False])
def test_a_running_job_is_cancelled_by_wake_or_by_the_next_heartbeat(
    conn: Conn, runner: Runner, tmp_path: Path, is_woken: bool
) -> None:
    file = tmp_path / "pid"
    job = jobs.enqueue(conn, "misbehave", {"how": "ignore_sigterm", "file": str(file)})
    runner.wake()
    wait_until(file.exists, message="the handler runs")
    jobs.cancel(conn, job.id, actor="user:test")
    if is_woken:
        runner.wake()
    cancelled = wait_for_status(conn, job.id, "cancelled", timeout=5)
    assert cancelled.finished_at is not None
    assert cancelled.finished_at - cancelled.updated_at < timedelta(seconds=3)
    assert kinds(conn, job.id) == ["queued", "running", "cancel_requested", "cancelled"]
    assert not is_running(int(file.read_text()))


def test_a_killed_guard_costs_attempts_and_nothing_else(
    conn: Conn, runner: Runner, tmp_path: Path
) -> None:
    file = tmp_path / "pid"
    job = jobs.enqueue(
        conn, "misbehave", {"how": "daemonise_and_sleep", "file": str(file)}, max_attempts=1
    )
    runner.wake()
    wait_until(lambda: file.exists() and file.read_text(), message="the handler runs")
    killer = run(conn, runner, "kill_guard", max_attempts=1)
    assert killer.error == "slot process died with its guard"
    assert wait_for_status(conn, job.id, "failed").error == "slot process died with its guard"
    wait_until(lambda: not is_running(int(file.read_text())), message="the tree is gone", timeout=3)
    assert run(conn, runner, "ok").status == "succeeded"


def test_no_handler_can_read_what_the_runner_was_given(conn: Conn, runner: Runner) -> None:
    job = run(conn, runner, "read_runner")
    text = str(job.result)
    for secret in ("RUNNER_TOKEN", "DATABASE_URL", "SECRET_KEY"):
        assert secret not in text
    assert os.environ.get("DATABASE_URL", "postgresql://") not in text


def test_the_log_names_jobs_and_holds_no_payload(conn: Conn, runner: Runner) -> None:
    job = jobs.enqueue(conn, "test_job", {"word": "xylophone"})
    runner.wake()
    wait_for_status(conn, job.id, "succeeded")
    runner.wait_for_line(f'"event": "succeeded", "job_id": "{job.id}"')
    (line,) = [e for e in runner.events("succeeded") if e["job_id"] == str(job.id)]
    assert line["job_type"] == "test_job"
    assert (line["attempt"], line["claim_seq"], line["runner"]) == (1, 1, "test")
    assert "xylophone" not in runner.output
