"""Every kind of slot in one real runner, and the limits over one and over several."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from app import jobs
from app.jobs.audit import audit
from tests.runners import LEASE_SECONDS, TOKEN, Runner, events, kinds, running, wait_for_status
from tests.waiting import wait_until

Conn = psycopg.Connection[Any]

TYPES = (
    "by_process", "by_thread", "by_thread_too", "by_loop", "by_loop_in_process", "one_here",
    "two_overall", "one_for_each_key", "three_an_hour", "frugal", "lavish",
)  # fmt: skip
ALL_KINDS = ("by_process", "by_thread", "by_loop", "by_loop_in_process")


@contextmanager
def runner_of(database_url: str, **settings: object) -> Iterator[Runner]:
    chosen = {
        "runner_handlers": "tests.kind_handlers",
        "runner_allowlist": ",".join(TYPES),
        "runner_thread_slots": 3,
        "runner_async_slots": 5,
        **settings,
    }
    with running(database_url, **chosen) as runner:
        yield runner


@pytest.fixture
def conn(connection: Conn) -> Iterator[Conn]:
    """A connection to a database whose history must be sound at the end of the test."""
    yield connection
    assert audit(connection) == []


class Notes:
    """The file in which handlers note when they begin and end."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notes"

    def lines(self) -> list[list[str]]:
        text = self.path.read_text() if self.path.exists() else ""
        return [line.split() for line in text.splitlines()]

    def begun(self) -> list[str]:
        return [line[1] for line in self.lines() if line[0] == "+"]

    def most_at_once(self, by: dict[str, str] | None = None, *, by_process: bool = False) -> int:
        """Return how many ran at once, of all or of those that share what `by` says of them."""
        now: Counter[str] = Counter()
        most = 0
        for sign, job_id, _, pid in self.lines():
            group = pid if by_process else (by or {}).get(job_id, "")
            now[group] += 1 if sign == "+" else -1
            most = max(most, now[group])
        return most


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path)


def enqueue(
    conn: Conn, job_type: str, count: int = 1, *, key: str | None = None, **payload: Any
) -> list[UUID]:
    given = {
        name: str(value) if isinstance(value, Path) else value for name, value in payload.items()
    }
    new = jobs.NewJob(job_type=job_type, payload=given, concurrency_key=key or "")
    return jobs.enqueue_many(conn, [new] * count)


def wait_for_all(conn: Conn, job_ids: list[UUID], status: str = "succeeded") -> None:
    for job_id in job_ids:
        wait_for_status(conn, job_id, status, timeout=30)


def count(conn: Conn, table: str, **columns: str) -> int:
    """Count the rows whose columns have these values."""
    where = sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), value) for name, value in columns.items()
    )
    query = sql.SQL("select count(*) from {} where {}").format(sql.Identifier(table), where)
    row = conn.execute(query).fetchone()
    return 0 if row is None else int(row[0])


def batches(conn: Conn) -> int:
    """Return how many claims there have been that brought a job."""
    row = conn.execute("select nextval(pg_get_serial_sequence('ops_claims', 'id'))").fetchone()
    return 0 if row is None else int(row[0])


def test_all_kinds_work_side_by_side(database_url: str, conn: Conn, notes: Notes) -> None:
    with runner_of(database_url) as runner:
        ids = {
            job_type: enqueue(conn, job_type, 40, file=notes.path, seconds=0.001)
            for job_type in ALL_KINDS
        }
        runner.wake()
        for job_type, of_type in ids.items():
            wait_for_all(conn, of_type)
            pids = {pid for sign, job_id, _, pid in notes.lines() if UUID(job_id) in of_type}
            is_inside = job_type in ("by_thread", "by_loop")
            assert (pids == {str(runner.pid)}) is is_inside, job_type
            for job_id in of_type:
                assert kinds(conn, job_id) == ["queued", "running", "output", "succeeded"]
                assert events(conn, job_id)[2].message == f"work of {job_id}\n"
        started = runner.wait_for_event("runner_started")
        assert started["slots"] == {"process": 2, "thread": 3, "async": 5}
        _, page = runner.request("GET", "/metrics", x_runner_token=TOKEN)
        assert b"ops_runner_slots 10.0" in page["text"]
        assert {tuple(e["job_types"]) for e in runner.events("slots_not_killable")} == {
            ("by_thread", "by_thread_too", "one_here", "two_overall", "one_for_each_key",
             "three_an_hour"),
            ("by_loop",),
        }  # fmt: skip


def test_what_a_handler_prints_in_a_thread_is_not_in_the_runners_log(
    database_url: str, conn: Conn
) -> None:
    with runner_of(database_url) as runner:
        ids = enqueue(conn, "by_thread") + enqueue(conn, "by_loop")
        runner.wake()
        wait_for_all(conn, ids)
        runner.wait_for_line(f'"event": "succeeded", "job_id": "{ids[0]}"')
        assert "work of" not in runner.output


@pytest.mark.parametrize("job_type", ALL_KINDS)
def test_a_running_job_of_any_kind_is_cancelled(
    database_url: str, conn: Conn, notes: Notes, job_type: str
) -> None:
    with runner_of(database_url) as runner:
        (job_id,) = enqueue(conn, job_type, file=notes.path, how="first_waits")
        runner.wake()
        wait_until(notes.begun, message="the handler runs")
        jobs.cancel(conn, job_id, actor="user:test")
        runner.wake()
        wait_for_status(conn, job_id, "cancelled")
        (again,) = enqueue(conn, job_type)
        runner.wake()
        wait_for_status(conn, again, "succeeded")


def test_a_timeout_ends_an_attempt_of_any_kind(database_url: str, conn: Conn) -> None:
    with runner_of(database_url) as runner:
        ids = [
            jobs.enqueue(
                conn, job_type, {"how": "first_waits"}, timeout_seconds=1, max_attempts=1
            ).id
            for job_type in ALL_KINDS
        ]
        runner.wake()
        for job_id in ids:
            job = wait_for_status(conn, job_id, "failed")
            assert job.error == "timed out after 1 s"


def test_long_jobs_are_never_claimed_ahead(
    database_url: str, conn: Conn, notes: Notes, tmp_path: Path
) -> None:
    """Not even beside quick ones, of which many are."""
    with runner_of(database_url) as runner:
        quick = enqueue(conn, "by_thread", 300)
        runner.wake()
        wait_for_all(conn, quick)
        long = enqueue(conn, "by_thread_too", 40, file=notes.path, until=tmp_path / "go")
        quick = enqueue(conn, "by_thread", 300)
        runner.wake()
        wait_until(lambda: len(notes.begun()) == 3, message="the slots are taken")
        for _ in range(10):  # the engine goes round and round
            another = enqueue(conn, "by_process")
            runner.wake()
            wait_for_all(conn, another)
        assert count(conn, "ops_jobs", status="running", job_type="by_thread_too") == 3
        (tmp_path / "go").touch()
        wait_for_all(conn, long + quick)
    assert notes.most_at_once() == 3
    for job_id in long:
        assert kinds(conn, job_id) == ["queued", "running", "output", "succeeded"]


@pytest.mark.parametrize("job_type", ["by_process", "by_thread", "by_loop"])
def test_quick_jobs_are_claimed_many_at_a_time(
    database_url: str, conn: Conn, job_type: str
) -> None:
    with runner_of(database_url) as runner:
        before = batches(conn)
        ids = enqueue(conn, job_type, 2_000)
        runner.wake()
        wait_for_all(conn, ids)
    assert batches(conn) - before < 200


def run_on_two_runners(database_url: str, conn: Conn, notes: Notes, job_type: str) -> None:
    """Run 60 short jobs of a type, on two runners at once."""
    with runner_of(database_url) as one, runner_of(database_url, runner_name="two") as two:
        ids = enqueue(conn, job_type, 60, file=notes.path, seconds=0.02)
        one.wake()
        two.wake()
        wait_for_all(conn, ids)


def test_a_runner_keeps_its_own_bound_of_a_type(
    database_url: str, conn: Conn, notes: Notes
) -> None:
    run_on_two_runners(database_url, conn, notes, "one_here")
    assert notes.most_at_once(by_process=True) == 1
    assert notes.most_at_once() == 2


def test_two_runners_keep_the_bound_of_a_type_together(
    database_url: str, conn: Conn, notes: Notes
) -> None:
    run_on_two_runners(database_url, conn, notes, "two_overall")
    assert notes.most_at_once() == 2
    assert len(notes.begun()) == 60


def test_jobs_that_share_a_key_run_one_after_the_other(
    database_url: str, conn: Conn, notes: Notes
) -> None:
    with runner_of(database_url) as one, runner_of(database_url, runner_name="two") as two:
        by_key = {
            str(job_id): key
            for key in ("ana", "ben", "cleo")
            for job_id in enqueue(
                conn, "one_for_each_key", 15, key=key, file=notes.path, seconds=0.02
            )
        }
        one.wake()
        two.wake()
        wait_for_all(conn, [UUID(job_id) for job_id in by_key])
    assert notes.most_at_once(by_key) == 1
    assert notes.most_at_once() > 1


def test_a_rate_is_kept_and_does_not_hold_up_other_types(database_url: str, conn: Conn) -> None:
    with runner_of(database_url) as runner:
        rated = enqueue(conn, "three_an_hour", 10)
        runner.wake()
        others = enqueue(conn, "by_thread", 50)
        runner.wake()
        wait_for_all(conn, others)
        wait_until(
            lambda: count(conn, "ops_jobs", status="succeeded", job_type="three_an_hour") == 3,
            message="three have run",
        )
        assert count(conn, "ops_jobs", status="queued") == len(rated) - 3
        reason = jobs.waiting_reason(conn, jobs.get_job(conn, rated[-1]))
    assert reason is not None
    assert (reason.code, reason.is_estimate) == ("limited", True)
    assert reason.detail.endswith("one may start every 1200 s; 6 are due before it")
    assert reason.seconds == pytest.approx(7 * 1200, abs=60)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the bound")
def test_memory_is_bounded_by_the_handler_or_else_by_the_setting(
    database_url: str, conn: Conn
) -> None:
    with runner_of(database_url, runner_memory_bytes=64_000_000) as runner:
        ids = {
            job_type: enqueue(conn, job_type, how="allocate")[0]
            for job_type in ("frugal", "lavish", "by_process")
        }
        runner.wake()
        frugal = wait_for_status(conn, ids["frugal"], "failed")
        assert (frugal.error, frugal.attempt) == ("MemoryError", 2)
        wait_for_status(conn, ids["lavish"], "succeeded")
        wait_until(
            lambda: jobs.get_job(conn, ids["by_process"]).error == "MemoryError",
            message="the setting bounds the type that says nothing",
        )


def test_a_handlers_own_backoff_decides_when_it_is_tried_again(
    database_url: str, conn: Conn
) -> None:
    with runner_of(database_url) as runner:
        (job_id,) = enqueue(conn, "frugal", how="fail")
        runner.wake()
        job = wait_for_status(conn, job_id, "failed")
    assert (job.error, job.attempt) == ("ValueError: as asked", 2)
    (retry,) = [event for event in events(conn, job_id) if event.kind == "retry_scheduled"]
    assert retry.data is not None
    assert retry.data["delay_seconds"] == 0


def test_a_drain_gives_back_what_does_not_end_in_time(
    database_url: str, conn: Conn, notes: Notes
) -> None:
    with runner_of(database_url, runner_drain_seconds=0.5) as runner:
        ids = [
            enqueue(conn, job_type, file=notes.path, how="first_waits")[0] for job_type in ALL_KINDS
        ]
        stuck = enqueue(conn, "by_thread", file=notes.path, how="ignore", seconds=30)
        runner.wake()
        wait_until(lambda: len(notes.begun()) == 5, message="all run")
        runner.signal(signal.SIGTERM)
        assert runner.wait(30) == 0
    for job_id in ids + stuck:
        job = jobs.get_job(conn, job_id)
        assert (job.status, job.attempt) == ("queued", 0)
        assert kinds(conn, job_id)[-1] == "released"
    with runner_of(database_url):
        wait_for_all(conn, ids)


def test_a_drain_lets_what_was_claimed_ahead_finish(
    database_url: str, conn: Conn, notes: Notes
) -> None:
    with runner_of(database_url) as runner:
        for job_type in ("by_process", "by_thread", "by_loop"):
            enqueue(conn, job_type, 1_000, file=notes.path)
        runner.wake()
        wait_until(lambda: len(notes.begun()) > 500, message="many have run")
        runner.signal(signal.SIGTERM)
        assert runner.wait(30) == 0
    assert count(conn, "ops_jobs", status="running") == 0
    done = count(conn, "ops_jobs", status="succeeded")
    assert done == len(notes.begun()) == len(set(notes.begun()))


def test_a_killed_runner_is_survived_by_its_jobs_of_every_kind(
    database_url: str, conn: Conn, notes: Notes
) -> None:
    with runner_of(database_url) as one:
        ids = [
            enqueue(conn, job_type, file=notes.path, how="first_waits")[0] for job_type in ALL_KINDS
        ]
        one.wake()
        wait_until(lambda: len(notes.begun()) == len(ids), message="all run")
        one.signal(signal.SIGKILL)
        one.wait()
    with runner_of(database_url, runner_name="two"):
        for job_id in ids:
            job = wait_for_status(conn, job_id, "succeeded", timeout=LEASE_SECONDS + 20)
            assert (job.rescues, job.result) == (1, {"claim_seq": 2})


def test_a_handler_that_blocks_the_loop_holds_up_only_what_is_on_it(
    database_url: str, conn: Conn, notes: Notes, tmp_path: Path
) -> None:
    with runner_of(database_url) as runner:
        (blocker,) = enqueue(conn, "by_loop", file=notes.path, how="block", until=tmp_path / "go")
        runner.wake()
        wait_until(notes.begun, message="the loop is blocked")
        others = enqueue(conn, "by_loop", 10)
        runner.wake()
        wait_for_all(conn, others)
        assert jobs.get_job(conn, blocker).status == "running"
        assert runner.events("loop_blocked")[0]["job_id"] == str(blocker)
        (tmp_path / "go").touch()
        wait_for_all(conn, [blocker])
