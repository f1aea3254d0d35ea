"""The wake client against real listeners: each way to go wrong is a status, within the budget."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from pathlib import Path

import certifi
import pytest

from app.web.wake import WakeOutcome, send_wake
from tests.certificates import make_certificate, needs_openssl
from tests.listeners import Answer, Listener, answer, listening
from tests.waiting import wait_until

TOKEN = "canary-token-of-the-wake"
BUDGET = 0.5
JOB_ID = "019365d2-7a5e-7c3e-9d5b-1f2e3d4c5b6a"


def wake(listener: Listener, path: str = "", *, timeout_seconds: float = 2) -> WakeOutcome:
    return send_wake(listener.url + path, TOKEN, timeout_seconds=timeout_seconds)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (202, "accepted"),
        (200, "accepted"),
        (401, "unauthorized"),
        (403, "refused"),
        (404, "error"),
        (500, "error"),
        (503, "error"),
    ],
)
def test_the_status_of_the_answer_is_the_outcome(status: int, expected: str) -> None:
    with listening(answer(status)) as runner:
        assert wake(runner) == WakeOutcome(True, expected)  # type: ignore[arg-type]


def test_the_request_has_the_token_and_no_job() -> None:
    with listening(answer(202)) as runner:
        wake(runner)
        head, _, body = runner.requests[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /runner/wake HTTP/1.1"
    assert f"X-Runner-Token: {TOKEN}".encode() in lines
    assert b"Content-Type: application/json" in lines
    assert body == b"{}"


def test_a_job_is_named_where_there_is_one() -> None:
    with listening(answer(202)) as runner:
        send_wake(runner.url, TOKEN, timeout_seconds=2, job_id=JOB_ID, job_type="greet")
        body = runner.requests[0].partition(b"\r\n\r\n")[2]
    assert body == f'{{"job_id": "{JOB_ID}", "job_type": "greet"}}'.encode()


@pytest.mark.parametrize("path", ["/", "/behind/a/proxy", "/behind/a/proxy/"])
def test_the_runner_may_sit_below_a_path(path: str) -> None:
    with listening(answer(202)) as runner:
        assert wake(runner, path).status == "accepted"
    first_line = runner.requests[0].split(b"\r\n")[0].decode()
    assert first_line == f"POST {path.rstrip('/')}/runner/wake HTTP/1.1"


def test_nobody_listening_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    outcome = send_wake(f"http://127.0.0.1:{port}", TOKEN, timeout_seconds=2)
    assert outcome == WakeOutcome(False, "unreachable")


def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    outcome = send_wake("http://runner.invalid", TOKEN, timeout_seconds=5)
    assert outcome.status in ("unreachable", "timed_out")
    assert not outcome.sent


def test_a_redirect_is_not_followed() -> None:
    with listening(answer(202)) as elsewhere:
        moved = f"Location: {elsewhere.url}/runner/wake\r\n"
        with listening(answer(307, headers=moved)) as runner:
            assert wake(runner) == WakeOutcome(True, "error")
        assert elsewhere.requests == []


def drip(conn: socket.socket) -> None:
    """Send a header that never ends, a byte at a time, each well within any socket's timeout."""
    conn.sendall(b"HTTP/1.1 202 Accepted\r\nX-Slow: ")
    while True:
        conn.sendall(b"a")
        threading.Event().wait(0.02)


def silent(conn: socket.socket) -> None:
    conn.recv(1)  # returns when the caller hangs up


@pytest.mark.parametrize("reply", [None, silent, drip], ids=["unread", "silent", "dripping"])
def test_a_slow_runner_cannot_take_more_than_the_budget(reply: Answer | None) -> None:
    with listening(reply) as runner:
        started = time.monotonic()
        outcome = wake(runner, timeout_seconds=BUDGET)
        assert time.monotonic() - started < BUDGET + 0.3
    assert outcome == WakeOutcome(True, "timed_out")


def test_a_wake_that_was_given_up_leaves_no_thread_behind() -> None:
    with listening(drip) as runner:
        wake(runner, timeout_seconds=0.2)
        wait_until(
            lambda: not any(thread.name == "wake" for thread in threading.enumerate()),
            message="the thread of the abandoned wake ends",
        )


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(lambda conn: conn.close(), id="hangs up"),
        pytest.param(lambda conn: conn.sendall(b"SSH-2.0-OpenSSH_9\r\n\r\n"), id="not HTTP"),
        pytest.param(lambda conn: conn.sendall(b"HTTP/1.1 2\xff2 X\r\n\r\n"), id="odd status"),
        pytest.param(answer(202, headers="X: " + "x" * 70_000 + "\r\n"), id="endless header"),
    ],
)
def test_an_answer_that_is_none_is_an_error(reply: Answer) -> None:
    with listening(reply) as runner:
        assert wake(runner) == WakeOutcome(True, "error")


def test_a_large_body_is_not_read() -> None:
    with listening(answer(202, body=b"x" * 50_000_000)) as runner:
        started = time.monotonic()
        assert wake(runner) == WakeOutcome(True, "accepted")
        assert time.monotonic() - started < 1


@pytest.mark.parametrize("url", ["http://[::1", "http://127.0.0.1:99999", "http://x y", "http://"])
def test_an_impossible_address_is_an_outcome_too(url: str) -> None:
    assert not send_wake(url, TOKEN, timeout_seconds=1).sent


@pytest.mark.parametrize("token", ["two\r\nlines", "\N{SNOWMAN}"])
def test_an_impossible_token_is_an_outcome_too(token: str) -> None:
    with listening(answer(202)) as runner:
        assert send_wake(runner.url, token, timeout_seconds=1) == WakeOutcome(False, "error")


def test_neither_address_nor_token_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    malformed = "Broken header without a colon\r\nX-Ok: 1\r\n"
    with caplog.at_level(logging.DEBUG), listening(answer(202, headers=malformed)) as runner:
        assert wake(runner).status == "accepted"
        port = str(runner.port)
    wake_again = send_wake(f"http://127.0.0.1:{port}", TOKEN, timeout_seconds=1)
    assert wake_again.status == "unreachable"
    assert TOKEN not in caplog.text
    assert port not in caplog.text


@needs_openssl
@pytest.mark.parametrize(
    ("name", "valid_days", "is_trusted", "outcome"),
    [
        ("IP:127.0.0.1", 2, True, WakeOutcome(True, "accepted")),
        ("IP:127.0.0.1", 2, False, WakeOutcome(False, "error")),
        ("IP:127.0.0.2", 2, True, WakeOutcome(False, "error")),
        ("IP:127.0.0.1", -1, True, WakeOutcome(False, "error")),
    ],
    ids=["right", "nobody vouches for it", "of another name", "expired"],
)
def test_only_a_right_certificate_is_shown_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    name: str, valid_days: int, is_trusted: bool, outcome: WakeOutcome,
) -> None:  # fmt: skip
    certificate = make_certificate(tmp_path, name=name, valid_days=valid_days)
    if is_trusted:
        monkeypatch.setattr(certifi, "where", lambda: str(certificate.file))
    with listening(answer(202), context=certificate.for_server()) as runner:
        url = f"https://127.0.0.1:{runner.port}"
        assert send_wake(url, TOKEN, timeout_seconds=3) == outcome
        assert len(runner.requests) == outcome.sent


@needs_openssl
def test_the_expired_certificate_of_these_tests_is_wrong_in_that_alone(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, valid_days=-1)
    trusting = ssl.create_default_context(cafile=str(certificate.file))
    with (
        listening(answer(202), context=certificate.for_server()) as runner,
        socket.create_connection(("127.0.0.1", runner.port), timeout=5) as conn,
        pytest.raises(ssl.SSLCertVerificationError, match="certificate has expired"),
    ):
        trusting.wrap_socket(conn, server_hostname="127.0.0.1")


def test_a_runner_without_tls_is_not_spoken_to_in_the_clear() -> None:
    heard: list[bytes] = []

    def listen() -> None:
        conn, _ = server.accept()
        with conn:
            heard.append(conn.recv(65_536))

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=listen, daemon=True).start()
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
        assert send_wake(url, TOKEN, timeout_seconds=1).sent is False
        wait_until(lambda: heard, message="it heard something")
    assert TOKEN.encode() not in heard[0]
    assert heard[0].startswith(b"\x16\x03"), "the start of TLS, and nothing else"
