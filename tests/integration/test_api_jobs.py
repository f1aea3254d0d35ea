"""Jobs over HTTP: what is committed, what is answered, and at which price."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from flask.testing import FlaskClient
from sqlalchemy import event
from werkzeug.test import TestResponse

from app import jobs
from app.web import sweeping
from app.web.plane import EXTENSION
from tests.control_plane import JOBS, body, problem, serving
from tests.factories import ACTOR, TYPE, a_runner, age_lease, insert_at

CURL = {"User-Agent": "curl/8.14.1"}


@pytest.fixture
def client(database_url: str) -> Iterator[FlaskClient]:
    with serving(database_url) as client:
        yield client


def create(client: FlaskClient, **fields: Any) -> TestResponse:
    return client.post(JOBS, json={"job_type": TYPE, **fields})


def claim_one(connection: psycopg.Connection) -> jobs.Claim:
    (claim,) = jobs.claim(
        connection, runner_instance=a_runner(connection), actor=ACTOR, allowlist=[TYPE], limit=1
    )
    return claim


def succeed_one(connection: psycopg.Connection, result_text: str) -> None:
    claim = claim_one(connection)
    jobs.succeed(connection, [jobs.Success(claim.id, claim.claim_seq, result_text)], actor=ACTOR)


def kinds(client: FlaskClient, job: dict[str, Any]) -> list[str]:
    return [event["kind"] for event in body(client.get(job["links"]["events"]))["data"]]


def warnings(answer: TestResponse) -> list[str]:
    return [warning["code"] for warning in body(answer)["warnings"]]


# Create


def test_a_created_job_is_committed_queued_and_found_at_its_location(
    client: FlaskClient, connection: psycopg.Connection
) -> None:
    answer = create(client, payload={"test": True})
    assert answer.status_code == 201
    job = body(answer)
    assert (job["status"], job["attempt"], job["payload"]) == ("queued", 0, {"test": True})
    assert answer.headers["Location"] == job["links"]["self"] == f"{JOBS}/{job['id']}"
    assert body(client.get(answer.headers["Location"]))["id"] == job["id"]
    row = connection.execute("select status, payload from ops_jobs").fetchone()
    assert row == ("queued", {"test": True})


def test_every_field_of_the_request_is_on_the_record(client: FlaskClient) -> None:
    fields = {
        "payload": {"deep": [1, {"ü": None}], "big": 9007199254740993},
        "queue": "slow",
        "priority": 0,
        "max_attempts": 7,
        "timeout_seconds": 60,
        "dedupe_key": "one at a time",
        "tags": ["a", "b"],
        "requested_by": "an acceptance test",
    }
    job = body(create(client, **fields))
    assert {name: job[name] for name in fields} == fields


@pytest.mark.parametrize("name", ["available_at", "run_at"])
def test_a_job_may_be_due_later(client: FlaskClient, name: str) -> None:
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    in_the_east = due.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat()
    job = body(create(client, **{name: in_the_east}))
    assert job["available_at"] == due.strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def test_a_delay_counts_on_the_clock_of_the_database(client: FlaskClient) -> None:
    job = body(create(client, delay_seconds=90.5))
    created, due = (datetime.fromisoformat(job[name]) for name in ("created_at", "available_at"))
    assert due - created == timedelta(seconds=90.5)


def test_the_request_id_is_stored_on_the_job(client: FlaskClient) -> None:
    given = {"X-Request-Id": "trace-1.2_3"}
    answer = client.post(JOBS, json={"job_type": TYPE}, headers=given)
    assert body(answer)["request_id"] == answer.headers["X-Request-Id"] == "trace-1.2_3"


def test_a_job_type_that_nobody_here_knows_is_accepted_with_a_warning(client: FlaskClient) -> None:
    answer = create(client, payload={"anything": 1})
    assert answer.status_code == 201
    assert warnings(answer) == ["unknown_job_type", "no_runner_online"]


def test_a_known_payload_is_checked_at_the_door(client: FlaskClient) -> None:
    assert create(client, job_type="greet", payload={"name": "Ada"}).status_code == 201
    refused = create(client, job_type="greet", payload={"nam": "Ada", "labels": {"x": "y"}})
    errors = problem(refused, 422, "invalid_payload")["errors"]
    assert {(error["pointer"], error["code"]) for error in errors} == {
        ("/payload/name", "required"),
        ("/payload/nam", "unknown_field"),
        ("/payload/labels", "int_parsing"),
    }
    assert "did you mean name?" in refused.text


def test_a_refused_job_leaves_no_row(client: FlaskClient, connection: psycopg.Connection) -> None:
    create(client, job_type="greet", payload={})
    create(client, priority=99)
    assert connection.execute("select count(*) from ops_jobs").fetchone() == (0,)


def test_a_type_whose_feature_is_off_is_accepted_with_a_warning(client: FlaskClient) -> None:
    answer = create(client, job_type="notion_sync", payload={"name": "x"})
    assert answer.status_code == 201
    assert "feature_off" in warnings(answer)
    job = body(client.get(answer.headers["Location"]))
    assert job["waiting_reason"]["code"] == "feature_off"


# Idempotency keys and duplicates


def test_the_same_idempotency_key_and_body_answers_the_same_job(client: FlaskClient) -> None:
    key = {"Idempotency-Key": "morning-2026-11-24"}
    first = client.post(JOBS, json={"job_type": TYPE}, headers=key)
    said_otherwise = b'{ "priority": 5,\n "job_type": "test_job" }'
    again = client.post(JOBS, data=said_otherwise, content_type="application/json", headers=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert body(again)["id"] == body(first)["id"]
    assert body(again)["deduplicated"] is False


def test_a_key_in_quotes_is_the_same_key(client: FlaskClient) -> None:
    answers = [
        client.post(JOBS, json={"job_type": TYPE}, headers={"Idempotency-Key": key})
        for key in ("k-1", '"k-1"')
    ]
    assert len({body(answer)["id"] for answer in answers}) == 1


def test_the_same_idempotency_key_with_another_body_is_refused(client: FlaskClient) -> None:
    key = {"Idempotency-Key": "once"}
    client.post(JOBS, json={"job_type": TYPE}, headers=key)
    refused = client.post(JOBS, json={"job_type": TYPE, "priority": 1}, headers=key)
    problem(refused, 422, "idempotency_key_reused")


def test_racing_requests_with_one_key_make_one_job(
    client: FlaskClient, connection: psycopg.Connection
) -> None:
    racers = 50
    answers: list[TestResponse] = []
    start = threading.Barrier(racers)

    def post() -> None:
        racer = client.application.test_client()
        racer.environ_base.update(client.environ_base)
        start.wait(20)
        key = {"Idempotency-Key": "race"}
        answers.append(racer.post(JOBS, json={"job_type": TYPE}, headers=key))

    threads = [threading.Thread(target=post) for _ in range(racers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(answer.status_code for answer in answers) == [*[200] * (racers - 1), 201]
    assert len({body(answer)["id"] for answer in answers}) == 1
    assert connection.execute("select count(*) from ops_jobs").fetchone() == (1,)


def test_an_active_job_with_the_dedupe_key_is_answered_instead(client: FlaskClient) -> None:
    first = create(client, dedupe_key="daily")
    second = create(client, dedupe_key="daily", priority=1)
    assert (first.status_code, second.status_code) == (201, 200)
    assert body(second)["id"] == body(first)["id"]
    assert body(second)["deduplicated"] is True
    assert "Idempotent-Replayed" not in second.headers


# The price


@contextmanager
def counting(client: FlaskClient) -> Iterator[list[str]]:
    """Collect connections taken and statements sent: the verbs use the driver's own cursors."""
    engine = client.application.extensions[EXTENSION].engine
    sent: list[str] = []

    class Watching(psycopg.Cursor[Any]):
        def execute(self, query: Any, *args: Any, **more: Any) -> Any:
            sent.append(query.decode() if isinstance(query, bytes) else str(query))
            return super().execute(query, *args, **more)

    def watch(dbapi_connection: Any, *_: Any) -> None:
        sent.append("connection")
        dbapi_connection.cursor_factory = Watching

    event.listen(engine, "checkout", watch)
    yield sent
    event.remove(engine, "checkout", watch)


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "cheap"}], ids=["plain", "with key"])
def test_a_post_takes_two_statements_in_one_transaction(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    create(client)  # SQLAlchemy asks the first connection of a pool for the server's version
    with counting(client) as sent:
        assert client.post(JOBS, json={"job_type": TYPE}, headers=headers).status_code == 201
    assert [line.startswith("-- enqueue") for line in sent] == [False, True, False], sent
    assert sent[0] == "connection"


def test_a_post_rescues_the_jobs_of_a_silent_runner(
    client: FlaskClient, connection: psycopg.Connection
) -> None:
    stuck = body(create(client))
    claim_one(connection)
    age_lease(connection, seconds=61)
    create(client)
    assert body(client.get(stuck["links"]["self"]))["status"] == "queued"
    assert kinds(client, stuck) == ["queued", "running", "rescued"]


def test_a_post_now_and_then_ends_what_nobody_serves(
    database_url: str, connection: psycopg.Connection
) -> None:
    unserved = [jobs.enqueue(connection, "nobody_allows_it", {}).id for _ in range(2)]
    age = "update ops_jobs set available_at = now() - interval '1 hour' where id = %s"
    with serving(database_url, reject_unserved_after_seconds=60) as client:
        for job_id, status in zip(unserved, ("failed", "queued"), strict=True):
            connection.execute(age, [job_id])
            assert create(client).status_code == 201
            assert jobs.get_job(connection, job_id).status == status
        client.application.extensions[EXTENSION].sweep.due_at = 0
        assert create(client).status_code == 201
    assert jobs.get_job(connection, unserved[1]).status == "failed"


def test_a_job_that_nobody_serves_says_when_it_is_ended(database_url: str) -> None:
    with serving(database_url, reject_unserved_after_seconds=60) as client:
        made = body(create(client))
        reason = body(client.get(made["links"]["self"]))["waiting_reason"]
    assert reason["code"] == "no_runner"
    assert "once due for 60 s the job is rejected" in reason["detail"]
    assert (reason["seconds"], reason["is_estimate"]) == (None, False)


def test_a_post_succeeds_although_clearing_up_fails(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise psycopg.OperationalError("gone")

    monkeypatch.setattr(sweeping, "reject_unserved", fail)
    assert create(client).status_code == 201


# List


def test_a_list_is_read_page_by_page_newest_first(client: FlaskClient) -> None:
    made = [body(create(client))["id"] for _ in range(7)]
    seen: list[str] = []
    query = {"limit": "3"}
    while True:
        page = body(client.get(JOBS, query_string=query))
        assert set(page) == {"data", "has_more", "next_cursor"}
        seen += [job["id"] for job in page["data"]]
        assert page["has_more"] is (page["next_cursor"] is not None)
        if not page["has_more"]:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == made[::-1]


def test_a_full_last_page_says_that_it_is_the_last(client: FlaskClient) -> None:
    for _ in range(2):
        create(client)
    page = body(client.get(JOBS, query_string={"limit": "2"}))
    assert (len(page["data"]), page["has_more"], page["next_cursor"]) == (2, False, None)


def test_filters_narrow_the_list(client: FlaskClient, connection: psycopg.Connection) -> None:
    now = datetime.now(UTC)
    plain = str(insert_at(connection, now - timedelta(days=2)))
    other = body(create(client, job_type="other", queue="slow", tags=["red", "%"]))["id"]
    yesterday = (now - timedelta(days=1)).isoformat()

    def found(**query: str) -> list[str]:
        return [job["id"] for job in body(client.get(JOBS, query_string=query))["data"]]

    assert found(job_type="other") == [other]
    assert found(queue="slow") == [other]
    assert found(tag="red") == [other]
    assert found(tag="%") == [other]
    assert found(tag="re") == []
    assert found(status="queued") == [other, plain]
    assert found(status="running") == []
    assert found(since=yesterday) == [other]
    assert found(until=yesterday) == [plain]


# Read


def test_a_queued_job_says_why_it_waits(client: FlaskClient) -> None:
    reason = body(client.get(create(client, delay_seconds=3600).headers["Location"]))[
        "waiting_reason"
    ]
    assert reason["code"] == "not_due"
    assert 3500 < reason["seconds"] <= 3600


def test_a_finished_job_shows_its_result_and_its_chain(
    client: FlaskClient, connection: psycopg.Connection
) -> None:
    location = create(client).headers["Location"]
    succeed_one(connection, '{"n": 1.5, "text": "ü"}')
    job = body(client.get(location))
    assert (job["status"], job["result"]) == ("succeeded", {"n": 1.5, "text": "ü"})
    assert job["waiting_reason"] is None
    events = body(client.get(job["links"]["events"]))["data"]
    assert [event["kind"] for event in events] == ["queued", "running", "succeeded"]
    assert [event["actor"] for event in events] == ["api", ACTOR, ACTOR]
    assert all(event["at"].endswith("Z") for event in events)


def test_events_are_read_in_pages_or_after_an_id(
    client: FlaskClient, connection: psycopg.Connection
) -> None:
    job = body(create(client))
    connection.execute(
        "insert into ops_job_events (job_id, kind, actor, message)"
        " select %s, 'log', 'runner:r', n::text from generate_series(1, 5) n",
        [job["id"]],
    )
    events = job["links"]["events"]
    first = body(client.get(events, query_string={"limit": "4"}))
    second = body(client.get(events, query_string={"cursor": first["next_cursor"]}))
    assert [event["message"] for event in first["data"] + second["data"]] == [None, *"12345"]
    assert (second["has_more"], second["next_cursor"]) == (False, None)
    after = body(client.get(events, query_string={"after": str(first["data"][-1]["id"])}))
    assert after["data"] == second["data"]


@pytest.mark.parametrize("path", ["", "/events", "/cancel"])
def test_an_id_that_no_job_has_is_not_found(client: FlaskClient, path: str) -> None:
    method = "POST" if path == "/cancel" else "GET"
    problem(client.open(f"{JOBS}/{uuid4()}{path}", method=method), 404, "job_not_found")


# Cancel


def test_a_queued_job_is_cancelled_at_once_and_the_second_call_answers_alike(
    client: FlaskClient,
) -> None:
    cancel = body(create(client))["links"]["cancel"]
    first = client.post(cancel, json={"reason": "started by mistake"})
    again = client.post(cancel)
    assert (first.status_code, again.status_code) == (200, 200)
    assert body(first)["status"] == body(again)["status"] == "cancelled"
    events = body(client.get(body(first)["links"]["events"]))["data"]
    assert [(event["kind"], event["message"]) for event in events] == [
        ("queued", None),
        ("cancelled", "started by mistake"),
    ]


def test_a_running_job_is_asked_to_stop_once(
    client: FlaskClient, connection: psycopg.Connection
) -> None:
    job = body(create(client))
    claim_one(connection)
    first, again = (client.post(job["links"]["cancel"]) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert body(first)["status"] == "running"
    assert body(first)["cancel_requested_at"] == body(again)["cancel_requested_at"] is not None
    assert kinds(client, job) == ["queued", "running", "cancel_requested"]


def test_a_finished_job_cannot_be_cancelled(
    client: FlaskClient, connection: psycopg.Connection
) -> None:
    cancel = body(create(client))["links"]["cancel"]
    succeed_one(connection, "{}")
    refused = problem(client.post(cancel), 409, "wrong_state")
    assert refused["job_status"] == "succeeded"
    assert refused["detail"] == "The job is succeeded: cancel does not apply."


# Addresses and looks


def test_the_short_address_is_the_same_view(client: FlaskClient) -> None:
    answer = client.post("/api/ops/jobs", json={"job_type": TYPE})
    assert answer.status_code == 201
    assert answer.headers["Content-Location"] == JOBS
    location = answer.headers["Location"]
    assert location.startswith(f"{JOBS}/")
    read = client.get(location.replace("/api/v1/", "/api/"))
    assert body(read)["id"] == body(answer)["id"]
    assert read.headers["Content-Location"] == location


def test_answers_end_with_a_newline_and_are_indented_for_people(client: FlaskClient) -> None:
    create(client)
    plain = client.get(JOBS).text
    assert plain.count("\n") == 1
    assert plain.endswith("}\n")
    for asked in (client.get(JOBS, headers=CURL), client.get(f"{JOBS}?pretty=1")):
        assert asked.text.startswith('{\n  "data": [\n')
        assert asked.text.endswith("}\n")
    assert client.get(f"{JOBS}?pretty=0", headers=CURL).text == plain
