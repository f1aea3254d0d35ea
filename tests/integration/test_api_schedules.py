"""Schedules over HTTP: what is accepted, what is answered, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from app import jobs, schedules
from tests.control_plane import JOBS, body, problem, serving
from tests.factories import TYPE
from tests.listeners import answer, listening
from tests.schedules import a_due_schedule, a_schedule

SCHEDULES = "/api/v1/ops/schedules"
ONE = f"{SCHEDULES}/nightly"
NIGHTLY = {
    "name": "nightly",
    "cron": "30 2 * * *",
    "time_zone": "Europe/Berlin",
    "job_type": TYPE,
    "payload": {"n": 1},
}
Connection = psycopg.Connection[Any]


@pytest.fixture
def client(database_url: str) -> Iterator[FlaskClient]:
    with serving(database_url, jobs_enabled=True) as client:
        yield client


def test_a_schedule_is_created_with_its_next_five_runs(client: FlaskClient) -> None:
    created = client.post(SCHEDULES, json=NIGHTLY)
    assert created.status_code == 201
    assert created.headers["Location"] == ONE
    told = body(created)
    assert {name: told[name] for name in NIGHTLY} == NIGHTLY
    assert told["description"] == "At 02:30 every day"
    assert (told["missed_policy"], told["catch_up_most"]) == ("last", 10)
    assert (told["paused_at"], told["last_fired_for"], told["last_missed_for"]) == (None,) * 3
    runs = told["next_runs"]
    assert len(runs) == 5
    assert runs[0]["at"] == told["next_at"]
    for run in runs:
        at, local = datetime.fromisoformat(run["at"]), datetime.fromisoformat(run["local"])
        assert at == local > datetime.now(UTC)
        assert run["at"].endswith("Z")
    assert sum("T02:30:00+0" in run["local"] for run in runs) >= 4  # one day may skip it
    assert [w["code"] for w in told["warnings"]] == ["unknown_job_type"]
    assert told["links"]["run"] == f"{ONE}/run"


def test_what_was_created_is_read_again(client: FlaskClient) -> None:
    created = body(client.post(SCHEDULES, json=NIGHTLY))
    read = body(client.get(ONE))
    assert read.pop("fires") == []
    del created["warnings"]
    assert read == created


def test_every_field_is_kept(client: FlaskClient) -> None:
    fields = {
        **NIGHTLY, "queue": "slow", "priority": 9, "max_attempts": 2, "timeout_seconds": 60,
        "tags": ["a"], "missed_policy": "all", "catch_up_most": 3, "created_by": "ada",
    }  # fmt: skip
    assert client.post(SCHEDULES, json=fields).status_code == 201
    assert {
        name: value for name, value in body(client.get(ONE)).items() if name in fields
    } == fields


def test_a_name_is_taken_once(client: FlaskClient) -> None:
    client.post(SCHEDULES, json=NIGHTLY)
    problem(client.post(SCHEDULES, json=NIGHTLY), 409, "schedule_exists")


REFUSED = {
    "30 February": ({"cron": "0 0 30 2 *"}, "/cron", "never fires"),
    "six fields": ({"cron": "0 0 0 1 1 *"}, "/cron", "five fields"),
    "a nickname": ({"cron": "@daily"}, "/cron", "five fields"),
    "minute 60": ({"cron": "60 * * * *"}, "/cron", "minute is not understood"),
    "too long": ({"cron": "0," * 5_000 + "0 * * * *"}, "/cron", "100 characters"),
    "a number": ({"cron": 5}, "/cron", "valid string"),
    "null": ({"cron": None}, "/cron", "valid string"),
    "a city": ({"time_zone": "Tokyo"}, "/time_zone", "IANA name"),
    "a path": ({"time_zone": "../../etc/passwd"}, "/time_zone", "IANA name"),
    "an offset": ({"time_zone": "+02:00"}, "/time_zone", "IANA name"),
    "a policy": ({"missed_policy": "some"}, "/missed_policy", "'skip', 'last' or 'all'"),
    "too much": ({"catch_up_most": 101}, "/catch_up_most", "less than or equal to 100"),
    "a name": ({"name": "Not A Name"}, "/name", "match pattern"),
    "a typo": ({"zone": "UTC"}, "", "did you mean"),
    "a list": ({"payload": []}, "/payload", "valid dictionary"),
}


@pytest.mark.parametrize(("changes", "pointer", "detail"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_said(
    client: FlaskClient, changes: dict[str, Any], pointer: str, detail: str
) -> None:
    refused = client.post(SCHEDULES, json={**NIGHTLY, **changes})
    (error,) = problem(refused, 400, "invalid_body")["errors"]
    if pointer:
        assert (error.get("pointer"), detail in error["detail"]) == (pointer, True), error
    for value in changes.values():
        assert len(str(value)) < 5 or str(value) not in refused.text
    assert body(client.get(SCHEDULES))["data"] == []


def test_a_payload_is_checked_as_that_of_a_job(client: FlaskClient) -> None:
    greet = {**NIGHTLY, "job_type": "greet"}
    refused = problem(client.post(SCHEDULES, json=greet), 422, "invalid_payload")
    assert {error["pointer"] for error in refused["errors"]} == {"/payload/name", "/payload"}
    assert client.post(SCHEDULES, json={**greet, "payload": {"name": "Ada"}}).status_code == 201
    problem(client.patch(ONE, json={"payload": {"name": ""}}), 422, "invalid_payload")
    assert body(client.get(ONE))["payload"] == {"name": "Ada"}


def test_the_list_is_paged_by_name(client: FlaskClient, connection: Connection) -> None:
    for name in ("c", "a", "b"):
        a_schedule(connection, name)
    first = body(client.get(f"{SCHEDULES}?limit=2"))
    assert [schedule["name"] for schedule in first["data"]] == ["a", "b"]
    assert first["has_more"] is True
    rest = body(client.get(SCHEDULES, query_string={"cursor": first["next_cursor"]}))
    assert [schedule["name"] for schedule in rest["data"]] == ["c"]
    assert (rest["has_more"], rest["next_cursor"]) == (False, None)


@pytest.mark.parametrize("cursor", ["", "x", "YQ", "AAAAAAAAAAA", "AP8dCgk", "%00"])
def test_a_cursor_of_ones_own_is_refused(client: FlaskClient, cursor: str) -> None:
    problem(client.get(f"{SCHEDULES}?cursor={cursor}"), 400, "invalid_query")


def test_another_time_starts_it_anew(client: FlaskClient, connection: Connection) -> None:
    a_due_schedule(connection, "nightly")
    changed = body(client.patch(ONE, json={"cron": " 0 7  * * 1-5", "time_zone": "Asia/Tokyo"}))
    assert (changed["cron"], changed["time_zone"]) == ("0 7 * * 1-5", "Asia/Tokyo")
    assert changed["next_runs"][0]["local"].endswith("T07:00:00+09:00")
    assert schedules.fire_due(connection, actor="test") == []


def test_what_is_left_out_of_a_change_stays(client: FlaskClient) -> None:
    before = body(client.post(SCHEDULES, json={**NIGHTLY, "max_attempts": 3, "tags": ["a"]}))
    changed = body(client.patch(ONE, json={"max_attempts": None, "missed_policy": "skip"}))
    differing = {name for name in changed if changed[name] != before[name]}
    assert differing == {"max_attempts", "missed_policy", "updated_at"}


@pytest.mark.parametrize("field", ["name", "id", "next_at", "created_by", "paused_at"])
def test_not_everything_can_be_changed(client: FlaskClient, field: str) -> None:
    client.post(SCHEDULES, json=NIGHTLY)
    problem(client.patch(ONE, json={field: "x"}), 400, "invalid_body")


@pytest.mark.parametrize("field", ["cron", "time_zone", "payload", "tags", "priority"])
def test_null_is_no_value_of_what_must_be(client: FlaskClient, field: str) -> None:
    client.post(SCHEDULES, json=NIGHTLY)
    problem(client.patch(ONE, json={field: None}), 400, "invalid_body")


def test_a_paused_schedule_has_no_next_run_until_it_is_resumed(client: FlaskClient) -> None:
    client.post(SCHEDULES, json=NIGHTLY)
    paused = body(client.post(f"{ONE}/pause", json={"reason": "down", "paused_by": "ada"}))
    assert (paused["paused_by"], paused["pause_reason"]) == ("ada", "down")
    assert (paused["next_at"], paused["next_runs"]) == (None, [])
    assert body(client.post(f"{ONE}/pause")) == paused
    resumed = body(client.post(f"{ONE}/resume"))
    assert resumed["paused_at"] is None
    assert len(resumed["next_runs"]) == 5
    assert body(client.post(f"{ONE}/resume")) == resumed


def test_run_now_makes_a_job_and_leaves_the_calendar_alone(
    client: FlaskClient, connection: Connection
) -> None:
    schedule = a_due_schedule(connection, "nightly", payload={"n": 1}, tags=["a"])
    schedules.pause_schedule(connection, "nightly", by="x")
    ran = client.post(f"{ONE}/run", headers={"X-Request-Id": "r-1"})
    assert ran.status_code == 201
    job = body(client.get(ran.headers["Location"]))
    assert (job["schedule_id"], job["requested_by"]) == (str(schedule.id), "schedule:nightly")
    assert (job["payload"], job["tags"], job["request_id"]) == ({"n": 1}, ["a"], "r-1")
    (event,) = jobs.list_events(connection, body(ran)["id"])
    assert event.actor == "api"
    assert body(client.get(ONE))["fires"] == []
    assert body(client.get(ONE))["paused_by"] == "x"


def test_run_now_sent_twice_with_one_key_makes_one_job(client: FlaskClient) -> None:
    client.post(SCHEDULES, json=NIGHTLY)
    key = {"Idempotency-Key": "once"}
    first, again = (client.post(f"{ONE}/run", headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert body(first)["id"] == body(again)["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
    other = client.post(JOBS, json={"job_type": TYPE}, headers=key)
    problem(other, 422, "idempotency_key_reused")


def test_the_last_fires_are_shown_newest_first(client: FlaskClient, connection: Connection) -> None:
    a_schedule(
        connection, "nightly", "* * * * *", missed_policy=schedules.MissedPolicy.ALL,
        catch_up_most=12,
    )  # fmt: skip
    connection.execute(
        "update ops_schedules set caught_up_to = now() - interval '1 hour', next_at = now()"
    )
    fired = schedules.fire_due(connection, actor="runner:test")
    shown = body(client.get(ONE))["fires"]
    assert [fire["job_id"] for fire in shown] == [str(one.job_id) for one in fired[:-11:-1]]
    assert {(fire["fired_by"], fire["status"]) for fire in shown} == {("runner:test", "queued")}


def test_deleted_it_is_gone_and_its_jobs_stay(client: FlaskClient, connection: Connection) -> None:
    a_due_schedule(connection, "nightly")
    (fired,) = schedules.fire_due(connection, actor="test")
    assert body(client.delete(ONE))["name"] == "nightly"
    problem(client.get(ONE), 404, "schedule_not_found")
    assert client.get(f"{JOBS}/{fired.job_id}").status_code == 200
    assert client.post(SCHEDULES, json=NIGHTLY).status_code == 201


@pytest.mark.parametrize("name", ["nothing", "NIGHTLY", "%00", "a b", "a" * 101, "nightly\n"])
@pytest.mark.parametrize(
    ("method", "below"),
    [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume"),
     ("POST", "/run")],
)  # fmt: skip
def test_an_unknown_name_is_not_found(
    client: FlaskClient, method: str, below: str, name: str
) -> None:
    sent = {"json": {"priority": 1}} if method == "PATCH" else {}
    problem(
        client.open(f"{SCHEDULES}/{name}{below}", method=method, **sent), 404, "schedule_not_found"
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", SCHEDULES), ("POST", SCHEDULES), ("GET", ONE), ("PATCH", ONE), ("DELETE", ONE),
     ("POST", f"{ONE}/run"), ("POST", f"{ONE}/pause"), ("POST", f"{ONE}/resume")],
)  # fmt: skip
def test_switched_off_there_are_no_schedules(database_url: str, method: str, path: str) -> None:
    with serving(database_url) as client:
        refused = problem(client.open(path, method=method), 404, "feature_disabled")
    assert refused["hint"] == "Set JOBS_ENABLED to true."


def test_a_row_that_was_written_by_hand_hides_no_other(
    client: FlaskClient, connection: Connection
) -> None:
    for name in ("broken", "whole"):
        a_schedule(connection, name)
    connection.execute("update ops_schedules set cron = 'once in a while' where name = 'broken'")
    broken, whole = body(client.get(SCHEDULES))["data"]
    assert (broken["description"], broken["next_runs"]) == (None, [])
    assert len(whole["next_runs"]) == 5
    client.post(f"{SCHEDULES}/broken/pause")
    problem(client.post(f"{SCHEDULES}/broken/resume"), 409, "schedule_broken")
    problem(client.patch(f"{SCHEDULES}/broken", json={"priority": 1}), 409, "schedule_broken")
    mended = body(client.patch(f"{SCHEDULES}/broken", json={"cron": "0 0 * * *"}))
    assert mended["cron"] == "0 0 * * *"


def test_a_runner_that_sleeps_is_woken_where_it_may_be_due_sooner(
    database_url: str,
) -> None:
    with listening(answer(202)) as runner:
        options = {"runner_enabled": True, "runner_url": runner.url, "runner_token_outbound": "x"}
        with serving(database_url, jobs_enabled=True, **options) as client:
            for act, woken in (
                (lambda: client.post(SCHEDULES, json=NIGHTLY), 1),
                (lambda: client.get(ONE), 1),
                (lambda: client.patch(ONE, json={"cron": "* * * * *"}), 2),
                (lambda: client.post(f"{ONE}/pause"), 2),
                (lambda: client.post(f"{ONE}/resume"), 3),
                (lambda: client.post(f"{ONE}/run"), 4),
                (lambda: client.delete(ONE), 4),
            ):
                act()
                assert len(runner.requests) == woken
