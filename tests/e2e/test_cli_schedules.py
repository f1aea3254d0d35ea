"""`ops schedule` against the real control plane, and `ops cron` beside the database."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app import jobs, schedules
from app.cli import exits
from app.cli.root import main
from tests.commands import Capture, output, shown
from tests.control_plane import KEY
from tests.factories import TYPE, a_claim, a_runner, age_lease
from tests.listeners import answer, listening
from tests.planes import control_plane
from tests.processes import process
from tests.schedules import a_due_schedule, a_schedule, fires

Connection = psycopg.Connection[Any]


@pytest.fixture(autouse=True)
def _address(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with control_plane(database_url, jobs_enabled=True) as url:
        monkeypatch.setenv("OPS_URL", url)
        monkeypatch.setenv("OPS_API_KEY", KEY)
        yield


def test_create_sends_every_option(capsys: Capture, connection: Connection) -> None:
    printed = output(
        capsys, "schedule", "create", "nightly", "30 2 * * *", TYPE, "--zone", "Asia/Tokyo",
        "-p", "n=1", "--queue", "slow", "--priority", "2", "--max-attempts", "4", "--timeout",
        "2m", "--tag", "a", "--missed", "all", "--catch-up-most", "7", "--created-by", "ada",
    )  # fmt: skip
    assert printed == "nightly"
    made = schedules.get_schedule(connection, "nightly")
    assert (made.cron, made.time_zone, made.job_type) == ("30 2 * * *", "Asia/Tokyo", TYPE)
    assert (made.payload, made.queue, made.priority) == ({"n": 1}, "slow", 2)
    assert (made.max_attempts, made.timeout_seconds, made.tags) == (4, 120, ["a"])
    assert (made.missed_policy, made.catch_up_most, made.created_by) == ("all", 7, "ada")


def test_what_is_refused_says_where_and_why(capsys: Capture) -> None:
    assert main(["schedule", "create", "never", "0 0 30 2 *", TYPE]) == exits.ERROR
    told = capsys.readouterr().err
    assert "/cron" in told
    assert "It never fires" in told


def test_list_and_show_tell_when_it_runs(capsys: Capture, connection: Connection) -> None:
    a_due_schedule(connection, "hourly", tags=["t"])
    a_schedule(connection, "other")
    (fired,) = schedules.fire_due(connection, actor="runner:test")
    schedules.pause_schedule(connection, "other", by="ada", reason="down")
    listed = output(capsys, "schedule", "list")
    assert [line.split()[0] for line in listed.splitlines()] == ["NAME", "hourly", "other"]
    assert "paused" in listed.splitlines()[2]
    told = output(capsys, "schedule", "show", "hourly")
    assert str(fired.job_id) in told
    assert "runner:test" in told
    assert "ada: down" in output(capsys, "schedule", "show", "other")
    assert len(shown(capsys, "schedule", "show", "hourly")["next_runs"]) == 5
    assert [one["name"] for one in shown(capsys, "schedule", "list")["data"]] == ["hourly", "other"]


def test_run_pause_resume_and_delete(capsys: Capture, connection: Connection) -> None:
    a_schedule(connection, "nightly")
    job_id = output(capsys, "schedule", "run", "nightly", "--key", "k")
    assert jobs.get_job(connection, UUID(job_id)).requested_by == "schedule:nightly"
    assert output(capsys, "schedule", "run", "nightly", "--key", "k") == job_id
    output(capsys, "schedule", "pause", "nightly", "--reason", "down", "--by", "ada")
    paused = schedules.get_schedule(connection, "nightly")
    assert (paused.paused_by, paused.pause_reason) == ("ada", "down")
    output(capsys, "schedule", "resume", "nightly")
    assert schedules.get_schedule(connection, "nightly").paused_at is None
    output(capsys, "schedule", "delete", "nightly")
    output(capsys, "schedule", "show", "nightly", code=exits.NOT_FOUND)


def test_a_name_that_is_none_is_not_sent(capsys: Capture) -> None:
    output(capsys, "schedule", "delete", "../jobs", code=exits.USAGE)


def test_next_asks_nobody(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPS_URL", "http://127.0.0.1:1")
    runs = shown(capsys, "schedule", "next", "30 6 * * *", "--zone", "Asia/Tokyo", "--count", "3")
    assert len(runs) == 3
    assert all(run["at"].endswith("T21:30:00Z") for run in runs)
    assert all(run["local"].endswith("T06:30:00+09:00") for run in runs)
    output(capsys, "schedule", "next", "0 0 30 2 *", code=exits.USAGE)
    output(capsys, "schedule", "next", "* * * * *", "--zone", "Nowhere", code=exits.USAGE)


# ops cron


def cron(database_url: str, **settings: str) -> tuple[int, Any]:
    """Run `ops cron --json` as a cron would: with an environment and nothing else."""
    environment = {
        "APP_ENV": "testing",
        "DATABASE_URL": database_url,
        "JOBS_ENABLED": "true",
        "PATH": os.environ["PATH"],
        **settings,
    }
    with process(["-m", "app.cli", "cron", "--json"], environment) as run:
        code = run.wait()
        run.end()
        return code, json.loads(run.lines[-1]) if code == 0 else run.output


def test_cron_fires_rescues_and_wakes(database_url: str, connection: Connection) -> None:
    a_due_schedule(connection)
    claim = a_claim(connection)
    age_lease(connection, seconds=3600)
    with listening(answer(202)) as runner:
        code, told = cron(
            database_url, RUNNER_ENABLED="true", RUNNER_URL=runner.url, RUNNER_TOKEN_OUTBOUND="x"
        )
        assert len(runner.requests) == 1
    assert (code, told["rescued"], told["wake"]) == (0, [str(claim.id)], "accepted")
    ((_, job_id),) = fires(connection)
    assert [(one["schedule"], one["job_id"]) for one in told["fired"]] == [("hourly", str(job_id))]


def test_cron_with_nothing_to_do_is_no_error(database_url: str, connection: Connection) -> None:
    a_runner(connection)
    a_schedule(connection)
    nothing = {"fired": [], "rescued": [], "rejected": [], "wake": None}
    assert cron(database_url) == (0, nothing)


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ({"JOBS_ENABLED": ""}, exits.ERROR, "JOBS_ENABLED is off"),
        ({"DATABASE_URL": "postgresql://u:canary@127.0.0.1:1/x"}, exits.UNREACHABLE, "reached"),
        ({"DATABASE_URL": ""}, exits.ERROR, "DATABASE_URL is not set"),
    ],
    ids=["switched off", "unreachable", "no database"],
)
def test_cron_says_what_is_wrong(
    database_url: str, settings: dict[str, str], code: int, words: str
) -> None:
    ended, told = cron(database_url, **settings)
    assert ended == code, told
    assert words in told
    assert "canary" not in told


def test_cron_says_that_the_tables_are_missing(empty_database_url: str) -> None:
    code, told = cron(empty_database_url)
    assert code == exits.ERROR
    assert "ops db upgrade" in told
