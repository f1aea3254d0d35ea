"""Waiting for an outcome, and answers that the caller has already."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from app import jobs
from app.web import plane, waiting
from app.web.plane import EXTENSION
from tests.control_plane import JOBS, body, problem, serving
from tests.factories import ACTOR, TYPE, a_claim, a_runner
from tests.pgbouncer import connect
from tests.waiting import wait_until

Conn = psycopg.Connection[Any]


@pytest.fixture
def client(database_url: str) -> Iterator[FlaskClient]:
    with serving(database_url) as client:
        yield client


@contextmanager
def meanwhile(act: Callable[[], object]) -> Iterator[None]:
    """Do something in another thread while the block runs."""
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(act)
        yield
        done.result(20)


def run_next_job(database_url: str) -> None:
    """Claim the next job that appears and let it succeed."""
    with connect(database_url, autocommit=True) as conn:
        runner = a_runner(conn)
        (claim,) = wait_until(
            lambda: jobs.claim(
                conn, runner_instance=runner, actor=ACTOR, allowlist=[TYPE], limit=1
            ),
            message="a job to claim",
        )
        jobs.succeed(conn, [jobs.Success(claim.id, claim.claim_seq, '{"n": 1}')], actor=ACTOR)


# Waiting


def test_a_post_answers_with_the_outcome(client: FlaskClient, database_url: str) -> None:
    with meanwhile(lambda: run_next_job(database_url)):
        made = client.post(JOBS, json={"job_type": TYPE}, headers={"Prefer": "wait=20"})
    assert made.status_code == 201
    assert made.headers["Preference-Applied"] == "wait=20"
    assert (body(made)["status"], body(made)["result"]) == ("succeeded", {"n": 1})
    assert body(made)["deduplicated"] is False


def test_a_post_of_a_known_key_waits_for_the_same_job(
    client: FlaskClient, database_url: str
) -> None:
    key = {"Idempotency-Key": "once"}
    client.post(JOBS, json={"job_type": TYPE}, headers=key)
    with meanwhile(lambda: run_next_job(database_url)):
        again = client.post(JOBS, json={"job_type": TYPE}, headers={**key, "Prefer": "wait=20"})
    assert (again.status_code, body(again)["status"]) == (200, "succeeded")
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_replay_waits_as_well(client: FlaskClient, database_url: str) -> None:
    with meanwhile(lambda: run_next_job(database_url)):
        old = body(client.post(JOBS, json={"job_type": TYPE}, headers={"Prefer": "wait=20"}))
    with meanwhile(lambda: run_next_job(database_url)):
        new = client.post(old["links"]["replay"], headers={"Prefer": "wait=20"})
    assert (body(new)["replay_of"], body(new)["status"]) == (old["id"], "succeeded")


def test_a_get_answers_when_the_job_is_final(client: FlaskClient, database_url: str) -> None:
    job = body(client.post(JOBS, json={"job_type": TYPE}))
    with meanwhile(lambda: run_next_job(database_url)):
        read = client.get(job["links"]["self"], headers={"Prefer": "wait=20"})
    assert (body(read)["status"], read.headers["Preference-Applied"]) == ("succeeded", "wait=20")


def test_a_wait_ends_with_its_time(client: FlaskClient) -> None:
    started = time.monotonic()
    made = client.post(JOBS, json={"job_type": TYPE}, headers={"Prefer": "respond-async, WAIT = 1"})
    assert 1 <= time.monotonic() - started < 3
    assert (made.status_code, body(made)["status"]) == (201, "queued")
    assert made.headers["Preference-Applied"] == "wait=1"


def test_a_final_job_is_not_waited_for(client: FlaskClient) -> None:
    job = body(client.post(JOBS, json={"job_type": TYPE}))
    client.post(job["links"]["cancel"])
    started = time.monotonic()
    read = client.get(job["links"]["self"], headers={"Prefer": "wait=9999"})
    assert time.monotonic() - started < 2
    assert read.headers["Preference-Applied"] == "wait=25"


@pytest.mark.parametrize(
    "prefer", ["wait", "wait=", "wait=x", "wait=-1", "wait=1.5", "a, wait=\u00b2"]
)
def test_a_wait_that_is_none_is_refused(client: FlaskClient, connection: Conn, prefer: str) -> None:
    headers = {"Prefer": prefer.encode("utf-8").decode("latin-1")}
    problem(client.post(JOBS, json={"job_type": TYPE}, headers=headers), 400, "invalid_header")
    assert connection.execute("select count(*) from ops_jobs").fetchone() == (0,)


@pytest.mark.parametrize("prefer", ["", "respond-async", "return=minimal", "waiting=5", "x;wait=5"])
def test_other_preferences_are_ignored(client: FlaskClient, prefer: str) -> None:
    made = client.post(JOBS, json={"job_type": TYPE}, headers={"Prefer": prefer})
    assert made.status_code == 201
    assert "Preference-Applied" not in made.headers


def test_no_connection_is_held_while_waiting(client: FlaskClient) -> None:
    job = body(client.post(JOBS, json={"job_type": TYPE}))
    engine = client.application.extensions[EXTENSION].engine
    held: list[float] = []
    event.listen(engine, "checkout", lambda *_: held.append(time.monotonic()))
    longest: list[float] = []
    event.listen(engine, "checkin", lambda *_: longest.append(time.monotonic() - held[-1]))
    client.get(job["links"]["self"], headers={"Prefer": "wait=1"})
    assert 3 <= len(longest) <= 12, "looks with back-off"
    assert max(longest) < 0.5


def test_only_some_may_wait_and_the_others_are_answered_at_once(
    client: FlaskClient, connection: Conn
) -> None:
    job = body(client.post(JOBS, json={"job_type": TYPE}))
    slots = client.application.extensions[EXTENSION].long_answers
    for _ in range(plane.MOST_LONG_ANSWERS):
        assert slots.acquire(blocking=False)
    read = client.get(job["links"]["self"], headers={"Prefer": "wait=20"})
    assert (read.status_code, "Preference-Applied" in read.headers) == (200, False)
    slots.release()
    read = client.get(job["links"]["self"], headers={"Prefer": "wait=1"})
    assert read.headers["Preference-Applied"] == "wait=1"


def test_a_job_is_answered_although_the_database_fails_while_waiting(
    client: FlaskClient, connection: Conn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise psycopg.OperationalError("gone")

    monkeypatch.setattr(waiting, "get_status", fail)
    made = client.post(JOBS, json={"job_type": TYPE}, headers={"Prefer": "wait=5"})
    assert (made.status_code, body(made)["status"]) == (201, "queued")
    assert "Preference-Applied" not in made.headers
    read = client.get(body(made)["links"]["self"], headers={"Prefer": "wait=5"})
    problem(read, 503, "database_unavailable")


def test_a_job_that_is_not_there_is_not_waited_for(client: FlaskClient) -> None:
    path = f"{JOBS}/019365d2-7a5e-7c3e-9d5b-1f2e3d4c5b6a"
    problem(client.get(path, headers={"Prefer": "wait=5"}), 404, "job_not_found")


# ETags


CONDITIONAL = ("jobs", "jobs/{id}", "jobs/{id}/events", "runners", "queues", "types")


@pytest.mark.parametrize("path", CONDITIONAL)
def test_an_answer_that_the_caller_has_is_not_sent_again(client: FlaskClient, path: str) -> None:
    job = body(client.post(JOBS, json={"job_type": TYPE}))
    url = f"/api/v1/ops/{path.format(id=job['id'])}"
    first = client.get(url)
    etag = first.headers["ETag"]
    assert etag.startswith('W/"')
    assert first.headers["Cache-Control"] == "private, no-cache"
    for given in (etag, etag.removeprefix("W/"), f'"x", {etag}', "*"):
        same = client.get(url, headers={"If-None-Match": given})
        assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", etag)
        assert same.headers["Cache-Control"] == "private, no-cache"
        assert "Content-Type" not in same.headers
    for given in ('W/"x"', "", etag[:-2], "\x7f"):
        assert client.get(url, headers={"If-None-Match": given}).status_code == 200


def test_an_etag_is_another_as_soon_as_a_byte_is(client: FlaskClient, connection: Conn) -> None:
    claim = a_claim(connection)
    url = f"{JOBS}/{claim.id}"
    seen = {client.get(url).headers["ETag"]}
    report = jobs.Report(claim.id, claim.claim_seq, "progress", data={"done": 1})
    jobs.report(connection, [report], actor=ACTOR)
    seen.add(client.get(url).headers["ETag"])
    jobs.succeed(connection, [jobs.Success(claim.id, claim.claim_seq, "{}")], actor=ACTOR)
    seen.add(client.get(url).headers["ETag"])
    seen.add(client.get(f"{url}?pretty=1").headers["ETag"])
    assert len(seen) == 4


def test_a_page_with_a_job_that_committed_late_has_another_etag(
    client: FlaskClient, database_url: str, connection: Conn
) -> None:
    with connect(database_url) as slow:
        jobs.enqueue(slow, TYPE, {})
        jobs.enqueue(connection, TYPE, {})
        before = client.get(JOBS)
        slow.commit()
    after = client.get(JOBS, headers={"If-None-Match": before.headers["ETag"]})
    assert (after.status_code, len(body(after)["data"])) == (200, 2)


def test_errors_and_changes_are_never_cached(client: FlaskClient) -> None:
    missing = client.get(f"{JOBS}/x", headers={"If-None-Match": "*"})
    problem(missing, 404, "job_not_found")
    made = client.post(JOBS, json={"job_type": TYPE})
    for answered in (missing, made):
        assert answered.headers["Cache-Control"] == "no-store"
        assert "ETag" not in answered.headers
