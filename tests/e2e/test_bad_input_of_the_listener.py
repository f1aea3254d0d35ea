"""Bytes that are no HTTP, to the runner's listener: its own answer, with nothing repeated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.bad_input.case import CANARY
from tests.database import url_of
from tests.raw_http import exchange
from tests.runners import TOKEN, Runner, running

_POST = f"POST /runner/wake HTTP/1.1\r\nHost: x\r\nX-Runner-Token: {TOKEN}\r\n".encode()
_CHUNKED = _POST + b"Transfer-Encoding: chunked\r\n\r\n"
_CANARY = CANARY.encode()
_REST = b"Host: x\r\n\r\n"

MALFORMED = {
    "no HTTP": _CANARY + b"\r\n\r\n",
    "no version": b"POST /" + _CANARY + b"\r\n" + _REST,
    "another version": b"GET / HTTP/" + _CANARY + b"\r\n" + _REST,
    "four words": b"GET / " + _CANARY + b" HTTP/1.1\r\n" + _REST,
    "a verb with brackets": b"G(" + _CANARY + b") / HTTP/1.1\r\n" + _REST,
    "a line of 9 kilobytes": b"GET /" + _CANARY * 900 + b" HTTP/1.1\r\n" + _REST,
    "a header without a colon": b"GET / HTTP/1.1\r\n" + _CANARY + b"\r\n" + _REST,
    "a space in a header's name": b"GET / HTTP/1.1\r\nX Y: " + _CANARY + b"\r\n" + _REST,
    "a folded header": b"GET / HTTP/1.1\r\nX-A: b\r\n " + _CANARY + b"\r\n" + _REST,
    "NUL in a header": b"GET / HTTP/1.1\r\nX-A: " + _CANARY + b"\x00\r\n" + _REST,
    "a header of 64 kilobytes": b"GET / HTTP/1.1\r\nX-A: " + _CANARY * 6_500 + b"\r\n" + _REST,
    "200 headers": b"GET / HTTP/1.1\r\n" + (b"X-A: " + _CANARY + b"\r\n") * 200 + _REST,
    "a length in words": _POST + b"Content-Length: " + _CANARY + b"\r\n\r\n{}",
    "two lengths": _POST + b"Content-Length: 2\r\nContent-Length: 10\r\n\r\n" + _CANARY,
    "length and chunks": _POST
    + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown coding": _POST + b"Transfer-Encoding: " + _CANARY + b"\r\n\r\n",
    "a chunk of a size in words": _CHUNKED + _CANARY + b"\r\n\r\n",
    "a chunk of a negative size": _CHUNKED + b"-1\r\n" + _CANARY + b"\r\n",
    "a chunk that is too long": _CHUNKED + b"2\r\n" + _CANARY + b"\r\n0\r\n\r\n",
    "a chunk of an endless size": _CHUNKED + b"f" * 9_000,
    "an expectation": _POST + b"Expect: " + _CANARY + b"\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.fixture(scope="module")
def runner(worker_database: psycopg.Connection, server_url: str) -> Iterator[Runner]:
    """Run one runner for all cases; it needs no rows."""
    with running(url_of(server_url, worker_database.info.dbname)) as runner:
        yield runner


@pytest.mark.parametrize("case", MALFORMED)
def test_what_is_no_http_gets_the_listeners_own_answer(runner: Runner, case: str) -> None:
    response, content = exchange(urlsplit(runner.url).port or 0, MALFORMED[case])
    assert json.loads(content) == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "code": "bad_request",
        "detail": "The request could not be understood.",
    }
    assert response.status == 400
    assert response.headers.get_content_type() == "application/problem+json"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"
    assert CANARY not in str(response.headers)


def test_nothing_of_it_left_a_trace(runner: Runner) -> None:
    assert runner.wake() == 202
    assert CANARY not in runner.output
    assert "Traceback" not in runner.output
    assert not runner.events("listener_died")
