"""Events as they happen: nothing is missed, whoever writes, and every stream ends."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import jobs
from app.web import live, plane
from app.web.plane import EXTENSION
from tests.control_plane import JOBS, body, problem, serving
from tests.factories import ACTOR, a_claim
from tests.pgbouncer import connect

Conn = psycopg.Connection[Any]
Message = dict[str, Any]


@pytest.fixture
def client(database_url: str) -> Iterator[FlaskClient]:
    with serving(database_url) as client:
        yield client


def follow(client: FlaskClient, job_id: object, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    accept = {"Accept": "text/event-stream", **named}
    return client.get(f"{JOBS}/{job_id}/events", headers=accept)


def messages(answer: TestResponse) -> Iterator[Message]:
    """Yield the messages of a stream as a browser would see them, the comments, too."""
    text = ""
    for chunk in answer.iter_encoded():
        text += chunk.decode()
        while "\n\n" in text:
            block, text = text.split("\n\n", 1)
            fields = dict(line.split(": ", 1) for line in block.splitlines())
            if "data" in fields:
                fields["data"] = json.loads(fields["data"])
            yield fields
    assert text == ""


def kinds(found: list[Message]) -> list[str]:
    return [each["data"]["kind"] for each in found if "id" in each]


def finished(connection: Conn) -> jobs.Claim:
    claim = a_claim(connection)
    jobs.succeed(connection, [jobs.Success(claim.id, claim.claim_seq, "{}")], actor=ACTOR)
    return claim


def test_a_finished_job_is_told_to_its_end(client: FlaskClient, connection: Conn) -> None:
    claim = finished(connection)
    answer = follow(client, claim.id)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Accel-Buffering"] == "no"
    found = list(messages(answer))
    assert found[0] == {"retry": "2000"}
    assert kinds(found) == ["queued", "running", "succeeded"]
    assert found[-1] == {"event": "bye", "data": {"reason": "final", "status": "succeeded"}}
    page = body(client.get(f"{JOBS}/{claim.id}/events"))["data"]
    assert [each["data"] for each in found if "id" in each] == page
    assert [int(each["id"]) for each in found if "id" in each] == [event["id"] for event in page]


def test_events_come_as_they_happen(client: FlaskClient, connection: Conn) -> None:
    claim = a_claim(connection)
    stream = messages(follow(client, claim.id))
    assert [next(stream) for _ in range(3)][-1]["data"]["kind"] == "running"
    jobs.report(connection, [jobs.Report(claim.id, claim.claim_seq, "log", "hello")], actor=ACTOR)
    assert next(stream)["data"]["message"] == "hello"
    jobs.fail(connection, [jobs.Failure(claim.id, claim.claim_seq, "boom")], actor=ACTOR)
    assert next(stream)["data"]["kind"] == "failed"
    assert next(stream)["data"] == {"reason": "final", "status": "failed"}
    assert list(stream) == []


def test_a_rescue_is_not_an_end(client: FlaskClient, connection: Conn) -> None:
    claim = a_claim(connection)
    stream = messages(follow(client, claim.id))
    for _ in range(3):
        next(stream)
    connection.execute("update ops_runners set seen_at = now() - interval '1 hour'")
    jobs.rescue(connection, lease_seconds=60, budget=3, actor=ACTOR)
    assert next(stream)["data"]["kind"] == "rescued"
    jobs.cancel(connection, claim.id, actor="test")
    assert kinds(list(stream)) == ["cancelled"]


def test_a_stream_goes_on_where_the_one_before_ended(client: FlaskClient, connection: Conn) -> None:
    claim = finished(connection)
    whole = [each for each in messages(follow(client, claim.id)) if "id" in each]
    rest = list(messages(follow(client, claim.id, Last_Event_ID=whole[0]["id"])))
    assert kinds(rest) == ["running", "succeeded"]
    by_query = client.get(
        f"{JOBS}/{claim.id}/events?after={whole[0]['id']}",
        headers={"Accept": "text/event-stream"},
    )
    assert kinds(list(messages(by_query))) == ["running", "succeeded"]
    over = follow(client, claim.id, Last_Event_ID=whole[-1]["id"])
    assert (over.status_code, over.data) == (204, b""), "a browser stops here"


def test_a_stream_ends_itself_and_asks_to_come_again(
    client: FlaskClient, connection: Conn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LONGEST_SECONDS", 0.3)
    claim = a_claim(connection)
    found = list(messages(follow(client, claim.id)))
    assert kinds(found) == ["queued", "running"]
    assert found[-1] == {"event": "bye", "data": {"reason": "come_again", "status": None}}


def test_a_silent_stream_gives_a_sign_of_life(
    client: FlaskClient, connection: Conn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.05)
    stream = messages(follow(client, a_claim(connection).id))
    assert {"": "still here"} in [next(stream) for _ in range(5)]


def test_a_long_history_is_read_in_pages(
    client: FlaskClient, connection: Conn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PAGE", 2)
    claim = a_claim(connection)
    lines = [jobs.Report(claim.id, claim.claim_seq, "log", str(n)) for n in range(5)]
    jobs.report(connection, lines, actor=ACTOR)
    jobs.succeed(connection, [jobs.Success(claim.id, claim.claim_seq, "{}")], actor=ACTOR)
    found = list(messages(follow(client, claim.id)))
    assert kinds(found) == ["queued", "running", *["log"] * 5, "succeeded"]
    assert found[-1]["data"]["reason"] == "final"


def test_over_the_limit_a_stream_tells_what_is_there(client: FlaskClient, connection: Conn) -> None:
    claim = a_claim(connection)
    slots = client.application.extensions[EXTENSION].long_answers
    for _ in range(plane.MOST_LONG_ANSWERS):
        assert slots.acquire(blocking=False)
    found = list(messages(follow(client, claim.id)))
    assert kinds(found) == ["queued", "running"]
    assert found[-1]["data"]["reason"] == "come_again"


def test_whoever_hangs_up_gives_the_place_back(client: FlaskClient, connection: Conn) -> None:
    slots = client.application.extensions[EXTENSION].long_answers
    claim = a_claim(connection)
    for _ in range(plane.MOST_LONG_ANSWERS + 1):
        answer = follow(client, claim.id)
        next(messages(answer))
        answer.close()
        client.head(f"{JOBS}/{claim.id}/events", headers={"Accept": "text/event-stream"}).close()
    for _ in range(plane.MOST_LONG_ANSWERS):
        assert slots.acquire(blocking=False)


def test_a_stream_says_when_the_database_is_gone(
    client: FlaskClient, connection: Conn, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = a_claim(connection)
    stream = messages(follow(client, claim.id))
    for _ in range(3):
        next(stream)

    def fail(*_: Any, **__: Any) -> None:
        raise psycopg.OperationalError("canary7f3a")

    monkeypatch.setattr(live, "list_events", fail)
    (last,) = list(stream)
    assert last == {"event": "bye", "data": {"reason": "database_unavailable", "status": None}}


@pytest.mark.parametrize("given", ["", "x", "-1", "1e3", "9" * 19, "\u0661"])
def test_an_id_that_is_none_is_refused(client: FlaskClient, connection: Conn, given: str) -> None:
    claim = a_claim(connection)
    answer = follow(client, claim.id, Last_Event_ID=given.encode().decode("latin-1"))
    problem(answer, 400, "invalid_header")


def test_what_is_not_there_is_a_problem_and_no_stream(client: FlaskClient) -> None:
    for job_id in ("x", "019365d2-7a5e-7c3e-9d5b-1f2e3d4c5b6a"):
        problem(follow(client, job_id), 404, "job_not_found")


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "text/html", "application/json, text/event-stream;q=0.5"]
)
def test_without_asking_for_a_stream_it_is_a_page(
    client: FlaskClient, connection: Conn, accept: str
) -> None:
    claim = a_claim(connection)
    answer = client.get(f"{JOBS}/{claim.id}/events", headers={"Accept": accept})
    assert answer.mimetype == "application/json"


@pytest.mark.unpooled("holds five transactions open at a time")
def test_a_cursor_by_the_last_id_misses_nothing_while_many_write(
    connection: Conn, database_url: str
) -> None:
    """Four writers to one job and to others; a tail that counted over all jobs would miss some."""
    mine = a_claim(connection)
    others = [a_claim(connection) for _ in range(4)]
    each = 60
    is_over = threading.Event()

    def write(number: int) -> None:
        dice = random.Random(number)
        with connect(database_url) as conn:
            for n in range(each):
                claim = mine if n % 2 else others[number]
                line = jobs.Report(claim.id, claim.claim_seq, "log", f"{number}:{n}")
                jobs.report(conn, [line], actor=ACTOR)
                conn.execute("select pg_sleep(%s)", [dice.random() / 200])
                conn.commit()

    def tail() -> list[int]:
        seen: list[int] = []
        with connect(database_url, autocommit=True) as conn:
            while True:
                was_over = is_over.is_set()
                found = jobs.list_events(conn, mine.id, after=seen[-1] if seen else 0, limit=7)
                seen += [event.id for event in found]
                if was_over and not found:
                    return seen

    with ThreadPoolExecutor(5) as pool:
        tailing = pool.submit(tail)
        writers = [pool.submit(write, number) for number in range(4)]
        for writer in writers:
            writer.result(60)
        is_over.set()
        seen = tailing.result(20)
    written = jobs.list_events(connection, mine.id, limit=1_000)
    assert seen == [event.id for event in written]
    assert len(written) == 2 + 4 * each // 2
