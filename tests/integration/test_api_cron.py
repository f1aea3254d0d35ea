"""The cron's address: who may call it, and what a call does, however often it comes."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from app import jobs, schedules
from app.web import cron
from tests.control_plane import JOBS, KEY, body, make_app, problem, serving
from tests.factories import TYPE, a_claim, a_runner, age_lease
from tests.listeners import Listener, answer, listening
from tests.schedules import a_due_schedule, check_one_job_for_each_fire, fires
from tests.waiting import wait_until

SECRET = "the-secret-of-the-cron"
CRON = "/api/v1/ops/cron/wake"
BEARER = {"Authorization": f"Bearer {SECRET}"}
NOTHING: dict[str, Any] = {"fired": [], "rescued": [], "rejected": [], "wake": None}
Connection = psycopg.Connection[Any]


@pytest.fixture
def runner() -> Iterator[Listener]:
    with listening(answer(202)) as listener:
        yield listener


@pytest.fixture
def client(database_url: str, runner: Listener) -> Iterator[FlaskClient]:
    options = {"runner_enabled": True, "runner_url": runner.url, "runner_token_outbound": "x"}
    with serving(database_url, jobs_enabled=True, cron_secret=SECRET, **options) as client:
        client.environ_base.clear()
        yield client


def tick(client: FlaskClient) -> dict[str, Any]:
    answer = client.get(CRON, headers=BEARER)
    assert answer.status_code == 200, answer.text
    return body(answer)


# Who may call it

WRONG: dict[str, str] = {
    "empty": "",
    "another": "Bearer another-secret",
    "the secret alone": SECRET,
    "a lower-case scheme": f"bearer {SECRET}",
    "an upper-case scheme": f"BEARER {SECRET}",
    "Basic": f"Basic {SECRET}",
    "its beginning": f"Bearer {SECRET[:-1]}",
    "one character more": f"Bearer {SECRET}x",
    "two spaces": f"Bearer  {SECRET}",
    "no space": f"Bearer{SECRET}",
    "a space after": f"Bearer {SECRET} ",
    "twice in one": f"Bearer {SECRET},Bearer {SECRET}",
    "the ops key": f"Bearer {KEY}",
    "no secret": "Bearer ",
    "the scheme alone": "Bearer",
    "in quotes": f'Bearer "{SECRET}"',
    "bytes outside ASCII": "Bearer \x80\xff\xfe",
    "eight kilobytes": f"Bearer {SECRET * 370}",
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("sent", WRONG.values(), ids=WRONG)
def test_a_wrong_authorization_is_refused(
    client: FlaskClient, connection: Connection, sent: str, method: str
) -> None:
    a_due_schedule(connection)
    refused = client.open(CRON, method=method, environ_overrides={"HTTP_AUTHORIZATION": sent})
    problem(refused, 401, "invalid_cron_secret")
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="cron"'
    assert SECRET not in refused.text
    assert fires(connection) == []


@pytest.mark.parametrize(
    "lines",
    [[f"Bearer {SECRET}"] * 2, ["Bearer x", f"Bearer {SECRET}"], [f"Bearer {SECRET}", "Bearer x"]],
    ids=["the same twice", "the right one last", "the right one first"],
)
def test_a_doubled_authorization_is_refused(client: FlaskClient, lines: list[str]) -> None:
    headers = Headers([("Authorization", line) for line in lines])
    problem(client.get(CRON, headers=headers), 401, "invalid_cron_secret")


def test_the_key_does_not_open_it(client: FlaskClient) -> None:
    problem(client.get(CRON, headers={"X-Ops-Key": KEY}), 401, "invalid_cron_secret")


def test_the_secret_opens_nothing_else(client: FlaskClient) -> None:
    for path in (JOBS, f"{CRON}/", "/api/v1/ops/cron", f"{CRON}/x", "/api/v1//ops/cron/wake"):
        problem(client.get(path, headers=BEARER), 401, "invalid_key")
    problem(client.get(JOBS, headers={"X-Ops-Key": SECRET}), 401, "invalid_key")


@pytest.mark.parametrize("sent", ["Bearer ", "Bearer", "Bearer None", f"Bearer {SECRET}", ""])
def test_without_a_secret_in_the_settings_it_is_closed(
    database_url: str, connection: Connection, sent: str
) -> None:
    a_due_schedule(connection)
    with serving(database_url, jobs_enabled=True) as client:
        refused = client.get(CRON, environ_overrides={"HTTP_AUTHORIZATION": sent})
        problem(refused, 401, "invalid_cron_secret")
    assert fires(connection) == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_not_told_apart_without_the_secret(
    client: FlaskClient, method: str
) -> None:
    problem(client.open(CRON, method=method), 401, "invalid_cron_secret")
    problem(client.open(CRON, method=method, headers=BEARER), 405, "method_not_allowed")


def test_a_query_is_refused(client: FlaskClient) -> None:
    problem(client.get(f"{CRON}?secret={SECRET}", headers=BEARER), 400, "invalid_query")


def test_a_secret_outside_ascii_works_as_its_bytes(database_url: str) -> None:
    with serving(database_url, cron_secret="schlüssel") as client:
        sent = "Bearer schlüssel".encode().decode("latin-1")  # as WSGI hands header bytes over
        assert client.get(CRON, environ_overrides={"HTTP_AUTHORIZATION": sent}).status_code == 200


# What a call does


def test_it_fires_what_is_due_and_wakes_the_runner(
    client: FlaskClient, runner: Listener, connection: Connection
) -> None:
    a_due_schedule(connection)
    told = tick(client)
    ((occurrence_at, job_id),) = fires(connection)
    (fired,) = told["fired"]
    assert (fired["schedule"], fired["job_id"]) == ("hourly", str(job_id))
    assert datetime.fromisoformat(fired["occurrence_at"]) == occurrence_at
    assert told["wake"] == {"sent": True, "status": "accepted"}
    assert len(runner.requests) == 1
    check_one_job_for_each_fire(connection)


@pytest.mark.parametrize("path", [CRON, "/api/ops/cron/wake"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_it_has_both_addresses_and_both_methods(
    client: FlaskClient, connection: Connection, path: str, method: str
) -> None:
    a_due_schedule(connection)
    called = client.open(path, method=method, headers=BEARER)
    assert [one["schedule"] for one in body(called)["fired"]] == ["hourly"]


def test_called_twice_it_fires_once(client: FlaskClient, connection: Connection) -> None:
    a_due_schedule(connection)
    assert len(tick(client)["fired"]) == 1
    assert tick(client)["fired"] == []
    assert len(fires(connection)) == 1


def test_called_by_ten_at_once_each_occurrence_is_fired_once(
    database_url: str, connection: Connection
) -> None:
    for name in ("a", "b", "c", "d"):
        a_due_schedule(connection, name)
    app = make_app(database_url, jobs_enabled=True, cron_secret=SECRET)
    start = threading.Barrier(10)
    answers: list[TestResponse] = []

    def call() -> None:
        start.wait(10)
        answers.append(app.test_client().get(CRON, headers=BEARER))

    threads = [threading.Thread(target=call) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    app.extensions["ops_control_plane"].engine.dispose()
    assert {one.status_code for one in answers} == {200}
    told = [fired["schedule"] for one in answers for fired in body(one)["fired"]]
    assert sorted(told) == ["a", "b", "c", "d"]
    check_one_job_for_each_fire(connection)


def test_with_nothing_to_do_nobody_is_woken(
    client: FlaskClient, runner: Listener, connection: Connection
) -> None:
    a_runner(connection)
    jobs.enqueue(connection, TYPE, {}, delay_seconds=3600)
    jobs.enqueue(connection, "nobody_allows_it", {})
    assert tick(client) == NOTHING
    assert runner.requests == []


def test_a_due_job_is_a_reason_to_wake(
    client: FlaskClient, runner: Listener, connection: Connection
) -> None:
    a_runner(connection)
    jobs.enqueue(connection, TYPE, {})
    assert tick(client)["wake"] == {"sent": True, "status": "accepted"}
    assert len(runner.requests) == 1


def test_a_job_whose_runner_died_is_taken_back(client: FlaskClient, connection: Connection) -> None:
    claim = a_claim(connection)
    age_lease(connection, seconds=3600)
    told = tick(client)
    assert told["rescued"] == [str(claim.id)]
    assert told["wake"]["sent"] is True
    assert jobs.list_events(connection, claim.id)[-1].actor == "cron"
    assert tick(client)["rescued"] == []


def test_with_schedules_switched_off_it_rescues_and_wakes(
    database_url: str, connection: Connection
) -> None:
    a_due_schedule(connection)
    claim = a_claim(connection)
    age_lease(connection, seconds=3600)
    with serving(database_url, cron_secret=SECRET) as client:
        assert tick(client) == {**NOTHING, "rescued": [str(claim.id)]}
    assert fires(connection) == []


def test_a_tick_ends_what_nobody_serves_and_counts_it(
    database_url: str, connection: Connection
) -> None:
    job = jobs.enqueue(connection, "nobody_allows_it", {})
    connection.execute("update ops_jobs set available_at = now() - interval '1 hour'")
    with serving(database_url, cron_secret=SECRET, reject_unserved_after_seconds=60) as client:
        assert tick(client) == {**NOTHING, "rejected": [str(job.id)]}
        assert jobs.get_job(connection, job.id).status == "failed"

        def figures() -> list[Any]:
            tick(client)
            return connection.execute("select job_type, failed from ops_stats").fetchall()

        wait_until(figures, message="it is counted")
        assert figures() == [("nobody_allows_it", 1)]


def test_a_schedule_that_is_being_fired_elsewhere_does_not_hold_it_up(
    client: FlaskClient, connection: Connection, direct_url: str
) -> None:
    a_due_schedule(connection)
    with psycopg.connect(direct_url) as other:
        schedules.fire_next(other, actor="runner:test")
        assert tick(client)["fired"] == []
    assert len(fires(connection)) == 1


def test_it_begins_no_schedule_when_its_time_is_over_and_the_next_goes_on(
    client: FlaskClient, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        a_due_schedule(connection, name)
    monkeypatch.setattr(cron, "_FIRING_SECONDS", 0.0)
    assert tick(client)["fired"] == []
    monkeypatch.undo()
    assert len(tick(client)["fired"]) == 2


def test_a_database_that_lacks_the_tables_is_told(empty_database_url: str) -> None:
    with serving(empty_database_url, jobs_enabled=True, cron_secret=SECRET) as client:
        problem(client.get(CRON, headers=BEARER), 503, "schema_not_current")


def test_vercel_is_told_to_call_it_once_a_day() -> None:
    """More often its free plan refuses to deploy."""
    configuration = json.loads(Path("vercel.json").read_text(encoding="utf-8"))
    (entry,) = configuration["crons"]
    assert entry["path"] == CRON
    assert re.fullmatch(r"\d+ \d+ \* \* \*", entry["schedule"])
