"""Many jobs in one request: all or none, in order, each read like a single one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import jobs
from tests.control_plane import JOBS, body, problem, serving
from tests.factories import TYPE, a_runner
from tests.listeners import answer, listening

BATCH = f"{JOBS}/batch"
NDJSON = "application/x-ndjson"


@pytest.fixture
def client(database_url: str) -> Iterator[FlaskClient]:
    with serving(database_url) as client:
        yield client


def some_jobs(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [{"job_type": TYPE, "payload": {"n": n}, **fields} for n in range(count)]


def post_lines(client: FlaskClient, found: list[dict[str, Any]], **more: Any) -> TestResponse:
    data = "".join(json.dumps(job) + "\n" for job in found)
    return client.post(BATCH, data=data.encode(), content_type=NDJSON, **more)


def stored(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("select count(*) from ops_jobs").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("as_lines", [True, False], ids=["lines", "array"])
def test_the_ids_come_back_in_the_order_of_the_jobs(
    client: FlaskClient, connection: psycopg.Connection[Any], as_lines: bool
) -> None:
    sent = some_jobs(25, tags=["nightly"], concurrency_key="ada")
    made = post_lines(client, sent) if as_lines else client.post(BATCH, json=sent)
    assert made.status_code == 201
    found = [jobs.get_job(connection, job_id) for job_id in body(made)["ids"]]
    assert [job.payload["n"] for job in found] == list(range(25))
    assert {(*job.tags, job.concurrency_key) for job in found} == {("nightly", "ada")}
    assert {job.request_id for job in found} == {made.headers["X-Request-Id"]}
    assert [event.kind for event in jobs.list_events(connection, found[7].id)] == ["queued"]


def test_ten_thousand_jobs_are_one_batch_and_one_more_is_none(
    client: FlaskClient, connection: psycopg.Connection[Any]
) -> None:
    lines = some_jobs(10_000)
    started = time.monotonic()
    assert len(body(post_lines(client, lines))["ids"]) == 10_000
    assert time.monotonic() - started < 2
    assert stored(connection) == 10_000
    for answered in (
        post_lines(client, some_jobs(10_001)),
        client.post(BATCH, json=some_jobs(10_001)),
    ):
        errors = problem(answered, 400, "invalid_body")["errors"]
        assert errors == [
            {"code": "wrong_number", "detail": "Expected 1 to 10000 jobs.", "pointer": ""}
        ]
    assert stored(connection) == 10_000


@pytest.mark.parametrize("data", [b"[]", b" [ ] "])
def test_no_job_is_no_batch(client: FlaskClient, data: bytes) -> None:
    answered = client.post(BATCH, data=data, content_type="application/json")
    problem(answered, 400, "invalid_body")


def test_a_job_with_an_active_twin_has_the_id_of_the_twin(client: FlaskClient) -> None:
    twin = body(client.post(JOBS, json={"job_type": TYPE, "dedupe_key": "daily"}))["id"]
    sent = [{"job_type": TYPE, "dedupe_key": key} for key in ("daily", "other", "other")]
    ids = body(client.post(BATCH, json=sent))["ids"]
    assert ids[0] == twin
    assert ids[1] == ids[2] != twin


def test_one_batch_is_one_wake_up(database_url: str) -> None:
    with listening(answer(202)) as runner:
        options = {"runner_enabled": True, "runner_url": runner.url, "runner_token_outbound": "x"}
        with serving(database_url, **options) as client:
            made = body(client.post(BATCH, json=some_jobs(100)))
            assert made["wake"] == {"sent": True, "status": "accepted"}
            assert made["runner"]["online"] is True
            assert len(runner.requests) == 1
            held_back = body(client.post(f"{BATCH}?wake=0", json=some_jobs(1)))
            assert held_back["wake"] is None
            assert len(runner.requests) == 1


def test_each_warning_is_told_once(client: FlaskClient, connection: Any) -> None:
    a_runner(connection)
    sent = [
        {"job_type": "unknown_one"}, {"job_type": "unknown_two"}, *some_jobs(3),
        {"job_type": "notion_sync", "payload": {"name": "x"}},
    ]  # fmt: skip
    warnings = body(client.post(BATCH, json=sent))["warnings"]
    assert [warning["code"] for warning in warnings] == ["unknown_job_type", "feature_off"]


# What is refused, and where it points


def refused(answered: TestResponse, status: int, code: str) -> list[tuple[str, str]]:
    return [(e["pointer"], e["code"]) for e in problem(answered, status, code)["errors"]]


def test_wrong_fields_are_pointed_at(client: FlaskClient, connection: Any) -> None:
    sent = some_jobs(20)
    sent[3]["priority"] = 99
    sent[17] = {"job_typ": TYPE}
    assert refused(client.post(BATCH, json=sent), 400, "invalid_body") == [
        ("/3/priority", "less_than_equal"),
        ("/17/job_type", "required"),
        ("/17/job_typ", "unknown_field"),
    ]
    assert stored(connection) == 0


def test_a_payload_that_does_not_fit_is_pointed_at(client: FlaskClient, connection: Any) -> None:
    sent = some_jobs(18)
    sent[17] = {"job_type": "greet", "payload": {"name": "", "labels": {"x": "canary7f3a"}}}
    answered = client.post(BATCH, json=sent)
    assert refused(answered, 422, "invalid_payload") == [
        ("/17/payload/name", "string_too_short"),
        ("/17/payload/labels", "int_parsing"),
    ]
    assert "canary7f3a" not in answered.text
    assert stored(connection) == 0


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        (b'{"job_type": "a", "job_type": "a"}', "An object has the same key twice."),
        (b'{"job_type": "a", "payload": {"x": NaN}}', "NaN and Infinity are not JSON."),
        (b"[]", "Expected a JSON object."),
        (b'{"job_type": "a"}}', "Not valid JSON: Extra data at line 1, column 18."),
        (b'{"payload": {"x": "\\u0000"}}', "A string holds the character NUL, "
         "which cannot be stored."),
        (b'{"payload": ' + b"[" * 40 + b"]" * 40 + b"}", "Nested deeper than 32 levels."),
    ],
)  # fmt: skip
def test_a_job_is_read_as_strictly_as_a_single_one(
    client: FlaskClient, connection: Any, line: bytes, detail: str
) -> None:
    good = b'{"job_type": "a"}'
    lines = client.post(BATCH, data=good + b"\n\n" + line + b"\n" + good, content_type=NDJSON)
    found = problem(lines, 400, "invalid_json")["errors"]
    assert found == [{"code": "invalid_json", "detail": detail, "pointer": "/1"}]
    if line != b'{"job_type": "a"}}':
        as_array = b"[" + good + b"," + line + b"]"
        array = client.post(BATCH, data=as_array, content_type="application/json")
        assert problem(array, 400, "invalid_json")["errors"] == found
    assert stored(connection) == 0


def test_not_more_errors_are_listed_than_one_reads(client: FlaskClient) -> None:
    for sent, code in ((b"{}\n" * 500, "invalid_body"), (b"x\n" * 500, "invalid_json")):
        answered = client.post(BATCH, data=sent, content_type=NDJSON)
        assert len(problem(answered, 400, code)["errors"]) == 20


def test_each_job_and_the_batch_have_a_bound(client: FlaskClient) -> None:
    long = {"job_type": TYPE, "payload": {"x": "a" * 262_144}}
    answered = post_lines(client, [*some_jobs(2), long])
    assert refused(answered, 413, "body_too_large") == [("/2", "too_large")]
    almost = {"job_type": TYPE, "payload": {"x": "a" * 262_000}}
    assert post_lines(client, [almost] * 60).status_code == 201
    answered = post_lines(client, [almost] * 65)
    assert problem(answered, 413, "body_too_large")["detail"].endswith("16777216 bytes.")


def test_other_routes_keep_their_bound(client: FlaskClient) -> None:
    long = json.dumps({"job_type": TYPE, "payload": {"x": "a" * 262_144}})
    answered = client.post(JOBS, data=long, content_type="application/json")
    assert problem(answered, 413, "body_too_large")["detail"].endswith("262144 bytes.")


@pytest.mark.parametrize(
    "data", [b"", b"\n \n", b"{}", b'{"job_type": "a"}', b"null", b"[{}", b"x"]
)
def test_what_is_no_array_is_refused(client: FlaskClient, data: bytes) -> None:
    problem(client.post(BATCH, data=data, content_type="application/json"), 400, "invalid_json")


def test_a_batch_takes_no_idempotency_key(client: FlaskClient, connection: Any) -> None:
    answered = client.post(BATCH, json=some_jobs(1), headers={"Idempotency-Key": "k"})
    assert problem(answered, 400, "invalid_header")["hint"] == "Give its jobs a dedupe_key."
    assert stored(connection) == 0


@pytest.mark.parametrize("media_type", ["text/plain", "application/jsonlines", None])
def test_a_batch_has_two_media_types(client: FlaskClient, media_type: str | None) -> None:
    answered = client.post(BATCH, data=b"[{}]", content_type=media_type)
    assert "application/x-ndjson" in problem(answered, 415, "unsupported_media_type")["detail"]
