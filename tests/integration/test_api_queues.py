"""Queues over HTTP: counted, paused with who and why, and resumed with a wake-up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from app import jobs
from tests.control_plane import JOBS, body, problem, serving
from tests.factories import TYPE, a_claim
from tests.listeners import answer, listening

QUEUES = "/api/v1/ops/queues"
Conn = psycopg.Connection[Any]


@pytest.fixture
def client(database_url: str) -> Iterator[FlaskClient]:
    with serving(database_url) as client:
        yield client


def test_queues_are_listed_with_what_waits_and_runs(client: FlaskClient, connection: Conn) -> None:
    a_claim(connection, queue="mail")
    client.post(JOBS, json={"job_type": TYPE, "queue": "mail"})
    page = body(client.get(QUEUES))
    assert [queue["name"] for queue in page["data"]] == ["default", "mail"]
    mail = page["data"][1]
    assert mail["queued"] == mail["running"] == {"count": 1, "is_exact": True}
    assert (mail["pause"], page["has_more"]) == (None, False)


def test_a_pause_says_who_why_and_until_when(client: FlaskClient) -> None:
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="microseconds")
    sent = {"reason": "the disk is full", "until": until, "requested_by": "ada"}
    paused = client.post(f"{QUEUES}/mail/pause", json=sent)
    assert paused.status_code == 200
    pause = body(paused)["pause"]
    assert (pause["paused_by"], pause["pause_reason"]) == ("ada", "the disk is full")
    assert pause["resume_at"] == until.replace("+00:00", "Z")
    assert {q["name"]: q["pause"] for q in body(client.get(QUEUES))["data"]}["mail"] == pause
    job = body(client.post(JOBS, json={"job_type": TYPE, "queue": "mail"}))
    reason = body(client.get(job["links"]["self"]))["waiting_reason"]
    assert reason["code"] == "queue_paused"
    assert "by ada" in reason["detail"]


def test_a_pause_needs_no_word(client: FlaskClient) -> None:
    pause = body(client.post(f"{QUEUES}/mail/pause"))["pause"]
    assert (pause["paused_by"], pause["pause_reason"], pause["resume_at"]) == ("api", None, None)


def test_resuming_wakes_the_runner_and_may_be_said_twice(
    database_url: str, connection: Conn
) -> None:
    with listening(answer(202)) as runner:
        options = {"runner_enabled": True, "runner_url": runner.url, "runner_token_outbound": "x"}
        with serving(database_url, **options) as client:
            client.post(f"{QUEUES}/mail/pause")
            assert runner.requests == []
            for _ in range(2):
                resumed = client.post(f"{QUEUES}/mail/resume")
                assert body(resumed) == {"name": "mail", "pause": None}
    assert len(runner.requests) == 2
    assert jobs.get_pause(connection, "mail") is None


@pytest.mark.parametrize("name", ["A", "a-b", "%20a", "a%0A", "../x", "\u0430", "a" * 101])
@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_what_is_no_name_of_a_queue_is_not_there(
    client: FlaskClient, connection: Conn, name: str, verb: str
) -> None:
    problem(client.post(f"{QUEUES}/{name}/{verb}"), 404, "not_found")
    assert connection.execute("select count(*) from ops_queues").fetchone() == (0,)


@pytest.mark.parametrize(
    "sent",
    [{"until": "2020-01-01T00:00:00Z"}, {"until": "tomorrow"}, {"reason": ""},
     {"reason": "x" * 501}, {"requested_by": None}, {"by": "ada"}, {"paused": True}],
)  # fmt: skip
def test_a_pause_is_read_strictly(
    client: FlaskClient, connection: Conn, sent: dict[str, Any]
) -> None:
    problem(client.post(f"{QUEUES}/mail/pause", json=sent), 400, "invalid_body")
    assert connection.execute("select count(*) from ops_queues").fetchone() == (0,)
