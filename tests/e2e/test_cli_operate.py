"""`ops job retry` and `replay`, `ops queue` and `ops stats` against the real control plane."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app import jobs
from app.cli import exits
from app.cli.root import main
from tests.commands import Capture, output
from tests.control_plane import KEY
from tests.factories import TYPE, a_claim, a_failed_job
from tests.planes import control_plane
from tests.waiting import wait_until

Connection = psycopg.Connection[Any]


@pytest.fixture(autouse=True)
def _address(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with control_plane(database_url) as url:
        monkeypatch.setenv("OPS_URL", url)
        monkeypatch.setenv("OPS_API_KEY", KEY)
        yield


# Jobs once more


def test_retry_queues_the_job_again(capsys: Capture, connection: Connection) -> None:
    job_id = a_failed_job(connection)
    assert main(["job", "retry", str(job_id)]) == 0
    assert "accepted" in capsys.readouterr().err
    assert jobs.get_job(connection, job_id).status == "queued"
    assert main(["job", "retry", str(job_id)]) == exits.CONFLICT
    assert "is queued" in capsys.readouterr().err


def test_replay_makes_a_new_job_and_prints_its_id(capsys: Capture, connection: Connection) -> None:
    old = jobs.enqueue(connection, TYPE, {"n": 1, "city": "Lisbon"})
    new = jobs.get_job(connection, UUID(output(capsys, "job", "replay", str(old.id))))
    assert (new.replay_of, new.payload) == (old.id, {"n": 1, "city": "Lisbon"})
    edited = output(capsys, "job", "replay", str(old.id), "-p", "n=2")
    assert jobs.get_job(connection, UUID(edited)).payload == {"n": 2, "city": "Lisbon"}
    other = output(capsys, "job", "replay", str(old.id), "--payload", '{"x": 1}', "--key", "k")
    assert jobs.get_job(connection, UUID(other)).payload == {"x": 1}
    assert (
        output(capsys, "job", "replay", str(old.id), "--payload", '{"x": 1}', "--key", "k") == other
    )


def test_create_takes_a_concurrency_key(capsys: Capture, connection: Connection) -> None:
    job_id = output(capsys, "job", "create", TYPE, "--concurrency-key", "ada")
    assert jobs.get_job(connection, UUID(job_id)).concurrency_key == "ada"
    assert "concurrency_key ada" in " ".join(output(capsys, "job", "show", job_id).split())


def test_why_tells_the_estimate(capsys: Capture, connection: Connection) -> None:
    for _ in range(5):
        job = jobs.enqueue(connection, TYPE, {})
    a_claim(connection)
    told = output(capsys, "job", "why", str(job.id))
    assert "(look, about " in told


# Queues


def test_queues_are_listed_paused_and_resumed(capsys: Capture, connection: Connection) -> None:
    jobs.enqueue_many(connection, [jobs.NewJob(job_type=TYPE, queue="mail")] * 3)
    command = ["queue", "pause", "mail", "--reason", "disk is full", "--until", "2h", "--by", "ada"]
    assert main(command) == 0
    assert "mail: paused, resumes in" in capsys.readouterr().err
    lines = output(capsys, "queue", "list").splitlines()
    assert lines[0].split() == ["QUEUE", "QUEUED", "RUNNING", "PAUSED"]
    assert [line.split()[:3] for line in lines[1:]] == [["default", "0", "0"], ["mail", "3", "0"]]
    assert "by ada" in lines[2]
    assert lines[2].endswith("disk is full")
    assert main(["queue", "resume", "mail"]) == 0
    assert jobs.get_pause(connection, "mail") is None
    assert json.loads(output(capsys, "--json", "queue", "resume", "mail"))["pause"] is None


def test_a_queue_has_a_name(capsys: Capture) -> None:
    assert main(["queue", "pause", "no such"]) == exits.USAGE


# Figures


def test_stats_sum_up_each_type(capsys: Capture, connection: Connection) -> None:
    assert output(capsys, "stats") == ""
    for _ in range(2):
        a_failed_job(connection)

    def failures() -> int:
        told = json.loads(output(capsys, "--json", "stats"))
        return sum(each["failed"] for each in told["data"])

    # Transactions of other tests on the same server may hold the count back for a moment.
    wait_until(lambda: failures() == 2, message="both are counted")
    lines = output(capsys, "stats").splitlines()
    assert lines[0].split() == ["TYPE", "SUCCEEDED", "FAILED", "CANCELLED", "RAN", "WAITED"]
    assert lines[1].split()[:4] == [TYPE, "0", "2", "0"]
    since = json.loads(output(capsys, "--json", "stats", "--since", "1d"))
    assert (since["step"], sum(each["failed"] for each in since["data"])) == ("hour", 2)
    assert output(capsys, "stats", "--type", "other_job") == ""
