"""Wake-ups that are lost, doubled, late, forged, replayed or come in a flood; runners that hang.

A wake-up is a hint: whatever becomes of it, every job runs once, and nothing else happens.
`FLOOD_SECONDS` makes the floods longer, `LATE_SECONDS` (up to 120) the wake-ups later; `-s` shows
their figures.
"""

from __future__ import annotations

import http.client
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from uuid import UUID

import psutil  # type: ignore[import-untyped]
import psycopg
import pytest
from flask.testing import FlaskClient

from app import jobs
from app.cli.ports import free_ports
from app.jobs.audit import audit
from tests.control_plane import JOBS, body, serving
from tests.listeners import Answer, answer, listening
from tests.processes import is_running
from tests.runners import PREVIOUS_TOKEN, TOKEN, Runner, kinds, running, wait_for_status
from tests.statements import statements, statements_when_silent
from tests.waiting import wait_until

Conn = psycopg.Connection[Any]

FLOOD_SECONDS = float(os.environ.get("FLOOD_SECONDS", "10"))
FLOOD_RATE = 500
LATE_SECONDS = min(120.0, float(os.environ.get("LATE_SECONDS", "1.5")))
FLOODERS = 8
LOOK_SECONDS = 1.0
BUDGET_SECONDS = 2.0


def waking(database_url: str, url: str, **changes: Any) -> AbstractContextManager[FlaskClient]:
    """Serve a control plane that wakes the runner at `url`."""
    options = {"runner_enabled": True, "runner_url": url, "runner_token_outbound": TOKEN}
    return serving(database_url, **{**options, **changes})


def create(client: FlaskClient, **payload: Any) -> dict[str, Any]:
    """Create a job; it is accepted whatever becomes of the wake-up."""
    made = client.post(JOBS, json={"job_type": "test_job", "payload": payload})
    assert made.status_code == 201
    return body(made)


def assert_each_ran_once(conn: Conn, ids: list[Any]) -> None:
    """Each job was run once; what a draining runner gave back unbegun was not run by it."""
    for job_id in ids:
        wait_for_status(conn, UUID(str(job_id)), "succeeded", timeout=30)
        history = kinds(conn, UUID(str(job_id)))
        assert history.count("running") - history.count("released") == 1
    assert audit(conn) == []


def claims_sent(conn: Conn) -> int:
    """Count claims by what they alone write: the first comment of a statement is not recorded."""
    return statements(conn, "%insert into ops_claims%")


# Lost, doubled, late


def test_jobs_run_although_every_wake_up_is_lost(database_url: str, connection: Conn) -> None:
    closed = f"http://127.0.0.1:{free_ports(1)[0]}"
    with (
        running(database_url, runner_look_seconds=LOOK_SECONDS),
        waking(database_url, closed) as client,
    ):
        made = [create(client) for _ in range(60)]
        assert {job["wake"]["status"] for job in made} == {"unreachable"}
        assert_each_ran_once(connection, [job["id"] for job in made])
    late = connection.execute(
        "select max(extract(epoch from started_at - created_at)) from ops_jobs"
    ).fetchone()
    assert late is not None
    assert late[0] <= LOOK_SECONDS + 1.0


def test_wake_ups_that_come_ten_times_start_nothing_twice(
    database_url: str, connection: Conn
) -> None:
    with running(database_url) as runner, ThreadPoolExecutor(10) as pool:
        before, started = claims_sent(connection), time.monotonic()
        ids = []
        for _ in range(40):
            ids.append(jobs.enqueue(connection, "test_job", {}).id)
            assert set(pool.map(lambda _: runner.wake(), range(10))) == {202}
        assert_each_ran_once(connection, ids)
        sent, seconds = claims_sent(connection) - before, time.monotonic() - started
    # One for each 50 ms and the few that may follow at once; and what claims until nothing comes.
    assert 0 < sent <= seconds / 0.05 + 4 + 2 * len(ids), f"{sent} claims in {seconds:.1f} s"


@pytest.mark.timeout(60 + LATE_SECONDS)
def test_wake_ups_that_come_late_and_out_of_order_change_nothing(
    database_url: str, connection: Conn
) -> None:
    dice = random.Random(7)
    delays = [dice.random() * LATE_SECONDS for _ in range(39)] + [LATE_SECONDS]
    answers: list[int] = []
    with running(database_url, runner_look_seconds=LOOK_SECONDS) as runner:
        ids, timers = [], []
        for number, delay in enumerate(delays):
            job = jobs.enqueue(connection, "test_job", {"sleep_seconds": number % 3 / 50})
            ids.append(job.id)

            def wake(job_id: UUID = job.id) -> None:
                answers.append(runner.wake(job_id=job_id, job_type="test_job"))

            timer = threading.Timer(delay, wake)  # most come when their job is long done
            timer.start()
            timers.append(timer)
        assert_each_ran_once(connection, ids)
        claims_before = claims_sent(connection)
        for timer in timers:
            timer.join(LATE_SECONDS + 10)
        assert answers == [202] * len(delays)
        assert_each_ran_once(connection, ids)
        claims = claims_sent(connection) - claims_before
    lasted = connection.execute(
        "select max(extract(epoch from finished_at - created_at)) from ops_jobs"
    ).fetchone()
    assert lasted is not None
    print(
        f"{len(answers)} wake-ups, up to {max(delays):.1f} s late; each of {len(ids)} jobs ran once"
        f" and was done {lasted[0]:.3f} s after it was made at the latest; {claims} claims since"
    )


# Forged, replayed


def near_misses() -> Iterator[bytes]:
    """Yield tokens that are nearly one of the right ones."""
    for token in (TOKEN, PREVIOUS_TOKEN):
        for place in range(len(token)):
            yield (token[:place] + chr(ord(token[place]) ^ 1) + token[place + 1 :]).encode()
            yield token[:place].encode()
            yield (token[:place] + token[place] + token[place:]).encode()
        yield from (f" {token}x".encode(), token.upper().encode(), f"Bearer {token}".encode())
        yield from (f"{token},{token}".encode(), token.encode() + b"\xff", b'"%b"' % token.encode())


def send(port: int, token: bytes, payload: bytes = b"{}") -> tuple[int, bytes]:
    """Send one wake-up as raw bytes; return the status and the body of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as conn:
        conn.sendall(
            b"POST /runner/wake HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Runner-Token: "
            + token
            + b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(payload)
            + payload
        )
        response = http.client.HTTPResponse(conn)
        response.begin()
        return response.status, response.read()


def port_of(runner: Runner) -> int:
    return int(runner.url.rpartition(":")[2])


def test_a_forged_wake_up_reaches_neither_the_runner_nor_the_database(
    database_url: str, connection: Conn
) -> None:
    stranger = jobs.enqueue(connection, "unheard_of", {})
    with running(database_url) as runner:
        wait_until(lambda: runner.events("database_reached"), message="the runner is there")
        before = statements_when_silent(connection)
        named = b'{"job_id": "%b", "job_type": "unheard_of"}' % str(stranger.id).encode()
        answers = {
            send(port_of(runner), token, payload)
            for token in near_misses()
            if token not in (TOKEN.encode(), PREVIOUS_TOKEN.encode())
            for payload in (b"{}", named)
        }
        assert len(answers) == 1, "every forgery is answered with the same bytes"
        assert answers.pop()[0] == 401
        assert statements(connection) == before
        assert runner.request("GET", "/readyz", x_runner_token=TOKEN)[1]["wakes"] == 0
    assert jobs.get_job(connection, stranger.id).status == "queued"


def test_a_wake_up_that_is_sent_again_runs_nothing(database_url: str, connection: Conn) -> None:
    with running(database_url) as runner:
        job = jobs.enqueue(connection, "test_job", {})
        told = b'{"job_id": "%b", "job_type": "test_job"}' % str(job.id).encode()
        assert send(port_of(runner), TOKEN.encode(), told)[0] == 202
        wait_for_status(connection, job.id, "succeeded")
        for _ in range(200):
            assert send(port_of(runner), TOKEN.encode(), told)[0] == 202
        assert_each_ran_once(connection, [job.id])
    assert len(jobs.list_jobs(connection).jobs) == 1


# Floods


@contextmanager
def flood(runner: Runner, token: str, expected: set[int]) -> Iterator[list[int]]:
    """Send wake-ups at a steady rate while the block runs; yields what was answered so far."""
    is_over = threading.Event()
    statuses: list[int] = []

    def send_some() -> None:
        line = http.client.HTTPConnection("127.0.0.1", port_of(runner), timeout=10)
        due_at = time.monotonic()
        while not is_over.is_set():
            line.request("POST", "/runner/wake", b"{}", {"X-Runner-Token": token})
            response = line.getresponse()
            response.read()
            statuses.append(response.status)
            due_at = max(due_at + FLOODERS / FLOOD_RATE, time.monotonic() - 0.5)
            is_over.wait(max(0.0, due_at - time.monotonic()))
        line.close()

    with ThreadPoolExecutor(FLOODERS) as pool:
        senders = [pool.submit(send_some) for _ in range(FLOODERS)]
        try:
            yield statuses
        finally:
            is_over.set()
        for sender in senders:
            sender.result(20)
    assert set(statuses) == expected


def memory(runner: Runner) -> int:
    """Return the bytes that the runner and its listener hold, handlers apart."""
    process = psutil.Process(runner.pid)
    own = [
        process,
        *(c for c in process.children(recursive=True) if "worker.listener" in c.cmdline()),
    ]
    return sum(each.memory_info().rss for each in own)


@pytest.mark.parametrize("is_valid", [True, False], ids=["valid", "forged"])
def test_a_flood_of_wake_ups_disturbs_no_running_job(
    database_url: str, connection: Conn, is_valid: bool
) -> None:
    token, status = (TOKEN, 202) if is_valid else ("forged", 401)
    with running(database_url, runner_look_seconds=LOOK_SECONDS) as runner:
        first = jobs.enqueue(connection, "test_job", {"sleep_seconds": 0.2}).id
        assert_each_ran_once(connection, [first])
        assert runner.wake() == 202  # by now its listener is all there
        memory_before, claims_before = memory(runner), claims_sent(connection)
        ids, started = [], time.monotonic()
        with flood(runner, token, {status}) as statuses:
            while time.monotonic() - started < FLOOD_SECONDS:
                job = jobs.enqueue(connection, "test_job", {"sleep_seconds": 0.2})
                wait_for_status(connection, job.id, "succeeded", timeout=15)
                ids.append(job.id)
            seconds = time.monotonic() - started
            claims = claims_sent(connection) - claims_before
            told = len(statuses)
        assert_each_ran_once(connection, ids)
        grown = memory(runner) - memory_before
        assert grown < 50_000_000
        assert runner.events("rescued") == []
    ran = connection.execute(
        "select max(run), percentile_cont(0.99) within group (order by run)"
        " from (select extract(epoch from finished_at - started_at) as run from ops_jobs) runs"
    ).fetchone()
    assert ran is not None
    print(
        f"{told} wake-ups in {seconds:.1f} s ({told / seconds:.0f}/s), {claims} claims;"
        f" {len(ids)} runs of 0.2 s, p99 {ran[1]:.3f} s, longest {ran[0]:.3f} s;"
        f" {grown / 1e6:+.1f} MB"
    )
    assert ran[0] < 1.0, "a run of 0.2 s"
    assert told >= FLOOD_RATE * seconds / 2, f"{told} wake-ups in {seconds:.1f} s are no flood"
    most = (seconds / 0.05 + 4 if is_valid else 0) + 3 * len(ids) + seconds / LOOK_SECONDS + 5
    assert 0 < claims <= most, f"{claims} claims for {len(ids)} jobs in {seconds:.1f} s"


def test_a_flood_of_forged_wake_ups_sends_the_database_nothing(
    database_url: str, connection: Conn
) -> None:
    with running(database_url) as runner:
        before = statements_when_silent(connection)
        with flood(runner, "forged", {401}) as statuses:
            wait_until(lambda: len(statuses) > FLOOD_RATE, message="a flood", timeout=30)
        assert statements(connection) == before


# Runners that do not behave


def never(conn: socket.socket) -> None:
    conn.recv(1)  # returns when the caller hangs up


def one_byte_a_time(conn: socket.socket) -> None:
    for byte in b"HTTP/1.1 202 Accepted\r\nX: " + b"a" * 10_000:
        conn.sendall(bytes([byte]))
        threading.Event().wait(0.05)


HTML = b"<html><script>canary7f3a</script></html>"
MISBEHAVIOURS: dict[str, Answer | None] = {
    "never reads": None,
    "never answers": never,
    "one byte at a time": one_byte_a_time,
    "502": answer(502, body=HTML),
    "524": answer(524, body=HTML),
    "html": answer(200, headers="Content-Type: text/html\r\n", body=HTML),
    "10 MB": answer(500, body=b"canary7f3a" * 1_000_000),
    "hangs up": lambda conn: conn.close(),
    "no http": lambda conn: conn.sendall(b"canary7f3a\r\n\r\n"),
}


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_a_runner_that_does_not_behave_costs_the_budget_at_most(
    database_url: str, connection: Conn, name: str
) -> None:
    with listening(MISBEHAVIOURS[name]) as runner, waking(database_url, runner.url) as client:
        create(client)
        started = time.monotonic()
        job = create(client)
        assert time.monotonic() - started < BUDGET_SECONDS + 0.5
        assert job["status"] == "queued"
        assert "canary7f3a" not in str(job)
        assert str(runner.port) not in str(job)
    assert jobs.get_job(connection, UUID(job["id"])).status == "queued"


def test_a_redirect_is_not_followed_with_the_token(database_url: str) -> None:
    with listening(answer(202)) as elsewhere:
        moved = answer(307, headers=f"Location: {elsewhere.url}/runner/wake\r\n")
        with listening(moved) as runner, waking(database_url, runner.url) as client:
            assert create(client)["wake"] == {"sent": True, "status": "error"}
        assert elsewhere.requests == []


# Rotation


def test_tokens_are_rotated_without_one_refusal(database_url: str, connection: Conn) -> None:
    """As the how-to says: the runner takes both, the control plane changes, the old one goes."""
    old, new = TOKEN, PREVIOUS_TOKEN  # any two
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    statuses: list[str] = []
    ids: list[str] = []

    def post_until(client: FlaskClient, is_enough: Callable[[], bool]) -> None:
        def post() -> bool:
            job = create(client)
            ids.append(job["id"])
            statuses.append(job["wake"]["status"])
            return is_enough()

        wait_until(post, message="the phase is over", timeout=30)

    def accepted_since(place: int) -> bool:
        return statuses[place:].count("accepted") >= 10

    phases = [(old, "", old), (new, old, old), (new, old, new), (new, "", new)]
    runner: Runner | None = None
    tokens: tuple[str, str] | None = None
    try:
        for current, previous, outbound in phases:
            with waking(database_url, url, runner_token_outbound=outbound) as client:
                if tokens != (current, previous):
                    if runner is not None:
                        stopping = runner
                        stopping.signal(15)
                        post_until(client, lambda s=stopping: not is_running(s.pid))  # type: ignore[misc]
                        stopping.end()
                    runner = Runner(
                        database_url, runner_token=current, runner_token_previous=previous,
                        runner_port=port,
                    )  # fmt: skip
                    tokens = (current, previous)
                place = len(statuses)
                post_until(client, lambda p=place: accepted_since(p))  # type: ignore[misc]
        assert_each_ran_once(connection, ids)
    finally:
        if runner is not None:
            runner.end()
    assert "unauthorized" not in statuses
    assert "refused" not in statuses
