"""Retry and replay: one more attempt of the same job, or a new job like it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from flask.testing import FlaskClient

from app import jobs
from tests.control_plane import JOBS, body, problem, serving
from tests.factories import ACTOR, TYPE, a_claim, a_failed_job, kinds
from tests.listeners import answer, listening

Conn = psycopg.Connection[Any]


@pytest.fixture
def client(database_url: str) -> Iterator[FlaskClient]:
    with serving(database_url) as client:
        yield client


def create(client: FlaskClient, **fields: Any) -> dict[str, Any]:
    return body(client.post(JOBS, json={"job_type": TYPE, **fields}))


# Retry


def test_a_failed_job_gets_one_more_attempt(client: FlaskClient, connection: Conn) -> None:
    job_id = a_failed_job(connection, max_attempts=1)
    retried = client.post(f"{JOBS}/{job_id}/retry")
    assert retried.status_code == 200
    job = body(retried)
    assert (job["id"], job["status"], job["error"]) == (str(job_id), "queued", None)
    assert (job["attempt"], job["max_attempts"]) == (1, 2)
    assert (job["runner"]["online"], job["wake"]) == (True, None)
    assert kinds(connection, job_id) == ["queued", "running", "failed", "requeued"]


def test_a_cancelled_job_is_retried_as_well(client: FlaskClient) -> None:
    job = create(client)
    client.post(job["links"]["cancel"])
    assert body(client.post(job["links"]["retry"], json={}))["status"] == "queued"


def test_a_retry_wakes_the_runner(database_url: str, connection: Conn) -> None:
    job_id = a_failed_job(connection)
    with listening(answer(202)) as runner:
        options = {"runner_enabled": True, "runner_url": runner.url, "runner_token_outbound": "x"}
        with serving(database_url, **options) as client:
            retried = body(client.post(f"{JOBS}/{job_id}/retry"))
    assert retried["wake"] == {"sent": True, "status": "accepted"}
    assert len(runner.requests) == 1


@pytest.mark.parametrize("status", ["queued", "running", "succeeded"])
def test_another_state_refuses_a_retry_and_says_which(
    client: FlaskClient, connection: Conn, status: str
) -> None:
    if status == "queued":
        job_id = jobs.enqueue(connection, TYPE, {}).id
    else:
        claim = a_claim(connection)
        job_id = claim.id
        if status == "succeeded":
            jobs.succeed(connection, [jobs.Success(job_id, claim.claim_seq, "{}")], actor=ACTOR)
    refusal = problem(client.post(f"{JOBS}/{job_id}/retry"), 409, "wrong_state")
    assert (refusal["job_status"], refusal["job_id"]) == (status, str(job_id))


def test_an_active_twin_refuses_a_retry_and_is_named(client: FlaskClient) -> None:
    job = create(client, dedupe_key="daily")
    client.post(job["links"]["cancel"])
    twin = create(client, dedupe_key="daily")
    refusal = problem(client.post(job["links"]["retry"]), 409, "dedupe_key_held")
    assert (refusal["job_id"], refusal["holder_id"]) == (job["id"], twin["id"])


# Replay


def test_a_replay_is_a_new_job_like_the_old_one(client: FlaskClient, connection: Conn) -> None:
    kept = {
        "payload": {"n": 1}, "queue": "slow", "priority": 1, "max_attempts": 7, "tags": ["a"],
        "timeout_seconds": 60, "concurrency_key": "ada",
    }  # fmt: skip
    old = create(client, **kept, delay_seconds=60, requested_by="ada")
    made = client.post(old["links"]["replay"])
    assert made.status_code == 201
    new = body(made)
    assert made.headers["Location"] == new["links"]["self"]
    assert new["id"] != old["id"] == new["replay_of"]
    assert {name: new[name] for name in kept} == kept
    assert new["requested_by"] is None
    assert new["available_at"] == new["created_at"]
    assert new["request_id"] == made.headers["X-Request-Id"]
    assert [event.kind for event in jobs.list_events(connection, new["id"])] == ["queued"]


def test_a_replay_leaves_a_finished_job_as_it_is(client: FlaskClient, connection: Conn) -> None:
    job_id = a_failed_job(connection)
    new = body(client.post(f"{JOBS}/{job_id}/replay"))
    assert (new["status"], new["attempt"]) == ("queued", 0)
    assert jobs.get_job(connection, job_id).status == "failed"
    assert kinds(connection, job_id) == ["queued", "running", "failed"]


def test_an_edited_payload_is_checked_at_the_door(client: FlaskClient) -> None:
    old = body(client.post(JOBS, json={"job_type": "greet", "payload": {"name": "Ada"}}))
    replay = old["links"]["replay"]
    edited = body(client.post(replay, json={"payload": {"name": "Bob"}, "requested_by": "eve"}))
    assert (edited["payload"], edited["requested_by"]) == ({"name": "Bob"}, "eve")
    refused = client.post(replay, json={"payload": {"name": ""}})
    assert problem(refused, 422, "invalid_payload")["errors"][0]["pointer"] == "/payload/name"
    problem(client.post(replay, json={"queue": "x"}), 400, "invalid_body")


def test_a_replay_with_an_idempotency_key_is_made_once(client: FlaskClient) -> None:
    old, other = create(client), create(client)
    key = {"Idempotency-Key": "again"}
    first, again = (client.post(old["links"]["replay"], headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert body(first)["id"] == body(again)["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
    refused = client.post(other["links"]["replay"], headers=key)
    problem(refused, 422, "idempotency_key_reused")


def test_a_replay_gives_way_to_an_active_twin(client: FlaskClient) -> None:
    old = create(client, dedupe_key="daily")
    again = client.post(old["links"]["replay"])
    assert again.status_code == 200
    assert (body(again)["id"], body(again)["deduplicated"]) == (old["id"], True)


def test_a_payload_that_cannot_be_read_is_not_replayed(
    client: FlaskClient, connection: Conn
) -> None:
    job = create(client)
    deep = '{"x":' * 200 + "1" + "}" * 200
    connection.execute("update ops_jobs set payload = %s where id = %s", [deep, job["id"]])
    problem(client.post(job["links"]["replay"]), 422, "invalid_payload")
    assert client.post(job["links"]["replay"], json={"payload": {}}).status_code == 201


@pytest.mark.parametrize("verb", ["retry", "replay"])
def test_a_job_that_is_not_there_is_not_run_again(client: FlaskClient, verb: str) -> None:
    for job_id in (uuid4(), "x"):
        problem(client.post(f"{JOBS}/{job_id}/{verb}"), 404, "job_not_found")
