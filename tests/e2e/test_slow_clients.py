"""Clients that dawdle: a request has a time to arrive, and one that waits holds up no other."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.control_plane import JOBS, KEY
from tests.database import url_of
from tests.planes import under_gunicorn
from tests.raw_http import connected, exchange, read_answer
from tests.runners import TOKEN, running
from worker.listener.http_worker import ListenerWorker

PLANE_SECONDS = 1.0
# The server itself, but for its bound: half a minute is long in a test.
_PLANE = f"""
import app.cli.http_worker
from app.cli.root import main
app.cli.http_worker.ControlPlaneWorker.arrival_seconds = {PLANE_SECONDS}
raise SystemExit(main())
"""
_JSON = b"Content-Type: application/json\r\n"
_POST = f"POST {JOBS} HTTP/1.1\r\nHost: x\r\nX-Ops-Key: {KEY}\r\n".encode() + _JSON
_WAKE = f"POST /runner/wake HTTP/1.1\r\nHost: x\r\nX-Runner-Token: {TOKEN}\r\n".encode()
_FORGED = b"POST /runner/wake HTTP/1.1\r\nHost: x\r\n"
_HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
_LENGTH, _CHUNKED = b"Content-Length: 4000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def plane(server_url: str, worker_database: psycopg.Connection) -> Iterator[int]:
    """Run the control plane; the port."""
    url = url_of(server_url, worker_database.info.dbname)
    with under_gunicorn(url, command=["-c", _PLANE]) as plane:
        yield plane.port
        assert "Traceback" not in plane.process.output


@pytest.fixture(scope="module")
def listener(server_url: str, worker_database: psycopg.Connection) -> Iterator[int]:
    """Run a runner; the port of its listener."""
    with running(url_of(server_url, worker_database.info.dbname)) as runner:
        yield urlsplit(runner.url).port or 0
        assert "Traceback" not in runner.output
        assert not runner.events("listener_died")


def trickle(conn: socket.socket, head: bytes) -> None:
    """Send a byte now and then until there is an answer."""
    conn.sendall(head)
    ends_at = time.monotonic() + 20
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while not select.select([conn], [], [], 0.1)[0]:
            assert time.monotonic() < ends_at, "the server waits on"
            conn.sendall(b"0")


def refusal_of(port: int, head: bytes) -> tuple[int, str, float]:
    """Trickle a request; return status and code of the answer, and how long it took."""
    since = time.monotonic()
    with connected(port) as conn:
        trickle(conn, head)
        response, content = read_answer(conn)
        took = time.monotonic() - since
        assert conn.recv(1) == b"", "the connection is closed"
    return response.status, json.loads(content)["code"], took


@pytest.mark.parametrize(
    "head", [b"", b"GET /he", b"GET / HTTP/1.1\r\nX-A: b", _POST + _LENGTH, _POST + _CHUNKED]
)
def test_a_request_that_trickles_in_is_refused(plane: int, head: bytes) -> None:
    status, code, took = refusal_of(plane, head)
    assert (status, code) == (408, "request_too_slow")
    assert PLANE_SECONDS - 0.1 < took < PLANE_SECONDS + 2


def test_a_wake_up_that_trickles_in_is_refused(listener: int) -> None:
    """The listener's own bound; one wait for all of them."""
    heads = [b"", b"POST / HTTP/1.1\r\nX-A: b", _WAKE + _LENGTH, _WAKE + _CHUNKED]
    since = time.monotonic()
    with ThreadPoolExecutor(len(heads) + 1) as threads:
        refused = threads.map(partial(refusal_of, listener), heads)
        forged = threads.submit(_ended_after, listener, _FORGED + _LENGTH)
        others = 0
        while not forged.done() and time.monotonic() - since < 20:
            assert exchange(listener, _HEALTH)[0].status == 200
            others += 1
    for status, code, took in refused:
        assert (status, code) == (408, "request_too_slow")
        assert took < ListenerWorker.arrival_seconds + 2
    assert forged.result() < ListenerWorker.arrival_seconds + 2
    assert others > 100, "others are served meanwhile"


def _ended_after(port: int, head: bytes) -> float:
    """Trickle the body of a request that is refused for its head; return when it was ended."""
    since = time.monotonic()
    with connected(port) as conn:
        trickle(conn, head)
        assert read_answer(conn)[0].status == 401
        with contextlib.suppress(ConnectionResetError):
            trickle(conn, b"")
            assert conn.recv(1) == b"", "one answer, and the connection is closed"
    return time.monotonic() - since


def test_every_request_of_a_connection_has_its_own_time(plane: int) -> None:
    ask = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with connected(plane) as conn:
        for _ in range(2):
            conn.sendall(ask[:10])
            assert not select.select([conn], [], [], 0.6 * PLANE_SECONDS)[0]
            conn.sendall(ask[10:])
            response, _ = read_answer(conn)
            assert response.status == 200
            assert response.headers["Connection"] == "keep-alive"


@pytest.fixture(params=["plane", "listener"])
def either(request: pytest.FixtureRequest) -> int:
    """Run one of the two servers; its port."""
    port: int = request.getfixturevalue(request.param)
    return port


def test_clients_that_do_not_hang_up_hold_up_no_other(either: int) -> None:
    with contextlib.ExitStack() as held:
        for _ in range(4):
            conn = held.enter_context(connected(either))
            conn.sendall(_HEALTH)
            assert read_answer(conn)[0].status == 200
        for _ in range(4):
            since = time.monotonic()
            assert exchange(either, _HEALTH)[0].status == 200
            assert time.monotonic() - since < 0.5


def test_clients_that_say_nothing_hold_up_no_other(either: int) -> None:
    """A connection costs no thread until something comes: some are made ahead."""
    with contextlib.ExitStack() as held:
        silent = [held.enter_context(connected(either)) for _ in range(40)]
        since = time.monotonic()
        assert exchange(either, _HEALTH)[0].status == 200
        for conn in reversed(silent):
            conn.sendall(_HEALTH)
            assert read_answer(conn)[0].status == 200
            conn.close()
        assert time.monotonic() - since < ListenerWorker.arrival_seconds
